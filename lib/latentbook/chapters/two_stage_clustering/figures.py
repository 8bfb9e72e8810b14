"""Figures of chapter 03, drawn from the small arrays of a run and from records.

A run at profile ``paper`` keeps what its figures need (at most 10,000 points, half precision) in
``data/records/figures``; the book draws from there, so a change of colour trains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram, ward
from sklearn.decomposition import PCA

from latentbook import plots
from latentbook.chapters.two_stage_clustering import PICTURE
from latentbook.metrics import NOISE, coverage
from latentbook.study import figure_arrays
from latentbook.study.figures import draw_not_run
from latentbook.study.method import Method

Arrays = Mapping[str, np.ndarray]
#: Order of the panels of `draw_two_stage`: method -> title.
PANELS = {
    "k-means raw": "k-means on pixels",
    "umap2 + hdbscan": "HDBSCAN on UMAP",
    "umap2 + mixture": "mixture on UMAP",
}


def draw_panels(arrays: Arrays, panels: Mapping[str, str], classes: Sequence[str]) -> Figure:
    """Draw the UMAP picture by class, and by those clusterings of `panels` that were run.

    Parameters
    ----------
    arrays
        As `study.run` returns them, of all settings together.
    panels
        Method -> title.
    """
    if PICTURE not in arrays:
        return draw_not_run()
    z = arrays[PICTURE].astype(float)
    drawn = {"classes": (z, arrays["classes"])}
    for method, title in panels.items():
        if f"labels {method}" in arrays:
            drawn[title] = z, arrays[f"labels {method}"].astype(int)
    return plots.scatter_panels(drawn, names=classes)


def draw_noise(arrays: Arrays, representations: Sequence[str]) -> Figure:
    """Draw what HDBSCAN finds on each representation, on the UMAP picture, noise in grey."""
    drawn = {}
    for name in representations if PICTURE in arrays else ():
        labels = arrays.get(f"labels {Method(name, 'hdbscan')}")
        if labels is not None:
            n = len(np.unique(labels[labels != NOISE]))
            title = f"{name}: {n} clusters, {coverage(labels):.0%} kept"
            drawn[title] = arrays[PICTURE].astype(float), labels.astype(int)
    return plots.scatter_panels(drawn, columns=len(drawn)) if drawn else draw_not_run()


def draw_codes(z: np.ndarray, name: str, arrays: Arrays, classes: Sequence[str]) -> Figure:
    """Draw codes on their two main axes: by class, by k-means and by the mixture.

    Parameters
    ----------
    z : array of shape (n_samples, n_codes)
        Codes of all images.
    name
        Representation that they are, such as ``cae10``.
    arrays
        As `study.run` returns them for it.
    """
    plane = PCA(n_components=2, random_state=0).fit_transform(z)[arrays["index"]]
    panels = {"classes": (plane, arrays["classes"])}
    for stage in ("k-means", "mixture"):
        panels[stage] = plane, arrays[f"labels {Method(name, stage)}"].astype(int)
    return plots.scatter_panels(panels, columns=3, names=classes)


def draw_choice(arrays: Arrays, z: np.ndarray, n_classes: int) -> Figure:
    """Draw both criteria by number of clusters, and a dendrogram.

    Parameters
    ----------
    arrays
        As `study.choose_k` returns them.
    z : array of shape (n_samples, n_components)
        Points of the dendrogram, a few hundred.
    n_classes
        Marked by a dashed line.
    """
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    candidates = arrays["curve n_clusters"]
    for ax, criterion, title, best in (
        (left, "silhouette", "silhouette", np.argmax),
        (middle, "bic", "BIC", np.argmin),
    ):
        values = arrays[f"curve {criterion}"]
        ax.plot(candidates, values, "o-")
        ax.axvline(n_classes, color=plots.GREY, linestyle="--")
        chosen = candidates[best(values)]
        end = ", the largest tried" if chosen == candidates[-1] else ""
        ax.set(xlabel="number of clusters", title=f"{title}: best with {chosen:.0f}{end}")
    dendrogram(ward(z), p=30, truncate_mode="lastp", no_labels=True, ax=right, color_threshold=0)
    right.set(ylabel="distance of merged clusters", title="Ward dendrogram")
    return figure


def draw_training(found: pd.DataFrame) -> Figure:
    """Draw accuracy and NMI over all images by limit of epochs.

    A row a score, a panel a data set, a line a network and second stage.
    """
    scores = {"acc": "ACC", "nmi": "NMI"}
    pairs = list(zip(found.itertuples(), map(Method.parse, found["method"]), strict=True))
    table = pd.DataFrame(
        [
            {"dataset": row.dataset, "limit": row.params["max_epochs"]}
            | {"network": method.representation, "second stage": method.learner}
            | {title: row.metrics[name] for name, title in scores.items()}
            for row, method in pairs
            if "max_epochs" in row.params and row.params.get("evaluated_on") == "all"
        ],
        columns=["dataset", "limit", *scores.values(), "network", "second stage"],
    )
    datasets = sorted(table["dataset"].unique()) or ["not run"]
    figure, axes = plt.subplots(
        len(scores),
        len(datasets),
        figsize=(4 * len(datasets), 5.6),
        sharex="col",
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    kinds = {"hue": sorted(table["network"].unique()), "style": ["k-means", "mixture"]}
    for row, score in zip(axes, scores.values(), strict=True):
        for ax, name in zip(row, datasets, strict=True):
            sns.lineplot(
                table[table["dataset"] == name],
                x="limit",
                y=score,
                hue="network",
                style="second stage",
                hue_order=kinds["hue"],
                style_order=kinds["style"],
                markers=True,
                errorbar="sd",
                ax=ax,
                legend=ax is axes[0, -1],
            )
            ax.set(xscale="log", xlabel="epochs at most")
            ax.grid(axis="y", linewidth=0.5)
    for ax, name in zip(axes[0], datasets, strict=True):
        ax.set(title=name)
    if len(table):
        sns.move_legend(axes[0, -1], "upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_two_stage() -> Figure:
    """Draw, one row a data set, the saved UMAP picture by class and by the methods of `PANELS`."""
    found = {
        name: arrays for name, arrays in figure_arrays.saved("03").items() if "umap2" in arrays
    }
    figure, axes = plt.subplots(
        max(1, len(found)),
        1 + len(PANELS),
        figsize=(3.3 * (1 + len(PANELS)), 3.3 * max(1, len(found))),
        squeeze=False,
        layout="constrained",
    )
    for row, (name, arrays) in zip(axes, found.items(), strict=False):
        z = arrays["umap2"].astype(np.float32)
        plots.scatter(z, arrays["classes"], ax=row[0], title=f"{name}: classes")
        for ax, (method, title) in zip(row[1:], PANELS.items(), strict=True):
            if f"labels {method}" in arrays:
                plots.scatter(z, arrays[f"labels {method}"].astype(int), ax=ax, title=title)
    return figure


def draw_centres() -> Figure:
    """Draw the saved centres of k-means on pixels, one row a data set."""
    found = {
        name: arrays for name, arrays in figure_arrays.saved("03").items() if "centres" in arrays
    }
    columns = max([len(arrays["centres"]) for arrays in found.values()], default=1)
    figure, axes = plt.subplots(
        max(1, len(found)),
        columns,
        figsize=(0.9 * columns, 1.0 * max(1, len(found))),
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    for row, (name, arrays) in zip(axes, found.items(), strict=False):
        row[0].set_title(name, loc="left", fontsize="small")
        for ax, image in zip(row, arrays["centres"], strict=False):
            ax.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    return figure
