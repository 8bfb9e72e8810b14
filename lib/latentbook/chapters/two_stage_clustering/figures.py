"""Full-scale figures of the two-stage chapter, drawn from small arrays instead of a new run.

A run at profile ``paper`` saves what its figures need (at most 10,000 points, half precision) to
``data/records/figures``; the book draws from there, so a change of colour trains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from latentbook import plots, sampling
from latentbook.chapters.two_stage_clustering.study import Representation
from latentbook.datasets import Dataset
from latentbook.study import figure_arrays

#: Order of the panels of `draw_two_stage`: method -> title.
PANELS = {
    "k-means raw": "k-means on pixels",
    "umap2 + hdbscan": "HDBSCAN on UMAP",
    "umap2 + mixture": "mixture on UMAP",
}


def save_two_stage(
    data: Dataset,
    represented: Mapping[str, Representation],
    clusters: Mapping[tuple[str, str], np.ndarray],
    curves: Mapping[str, list[float]],
    where: Path,
) -> None:
    """Save UMAP picture, cluster labels, k-means centres and choice-of-k curves of one run.

    Parameters
    ----------
    data
        The data set of the run.
    represented, clusters
        Representation by name, and labels by (method, part), as the chapter collects them.
    curves
        As returned by `clustering.choose_k`.
    where
        As returned by `figure_arrays.folder`.
    """
    rows = sampling.subsample(len(data))
    arrays: dict[str, np.ndarray] = {f"curve {name}": np.array(v) for name, v in curves.items()}
    arrays |= {"index": rows.astype(np.int32), "classes": data.y[rows].astype(np.int8)}
    if "umap2" in represented:
        arrays["umap2"] = represented["umap2"].z[rows].astype(np.float16)
    for (method, part), labels in clusters.items():
        if part == "all" and len(labels) == len(data):
            arrays[f"labels {method}"] = plots.aligned(data.y, labels)[rows].astype(np.int8)
    if ("k-means raw", "all") in clusters:
        labels = clusters["k-means raw", "all"]
        centres = np.stack([data.x[labels == c].mean(axis=0) for c in np.unique(labels)])
        arrays["centres"] = np.round(255 * centres).astype(np.uint8)
    figure_arrays.save(f"03-{data.name}", arrays, where)


def draw_training(found: pd.DataFrame) -> Figure:
    """Draw accuracy over all images by limit of epochs: a panel a data set, a line a method."""
    table = pd.DataFrame(
        [
            {"dataset": row.dataset, "limit": row.params["max_epochs"], "ACC": row.metrics["acc"]}
            | dict(zip(("network", "second stage"), row.method.split(" + "), strict=True))
            for row in found.itertuples()
            if "max_epochs" in row.params and row.params.get("evaluated_on") == "all"
        ],
        columns=["dataset", "limit", "ACC", "network", "second stage"],
    )
    datasets = sorted(table["dataset"].unique()) or ["not run"]
    figure, axes = plt.subplots(
        1, len(datasets), figsize=(4 * len(datasets), 3.6), sharey=True, layout="constrained"
    )
    kinds = {"hue": sorted(table["network"].unique()), "style": ["k-means", "mixture"]}
    for ax, name in zip(np.atleast_1d(axes), datasets, strict=True):
        sns.lineplot(
            table[table["dataset"] == name],
            x="limit",
            y="ACC",
            hue="network",
            style="second stage",
            hue_order=kinds["hue"],
            style_order=kinds["style"],
            markers=True,
            errorbar="sd",
            ax=ax,
            legend=name == datasets[-1],
        )
        ax.set(title=name, xscale="log", xlabel="epochs at most", ylabel="clustering accuracy")
        ax.grid(axis="y", linewidth=0.5)
    if len(table):
        sns.move_legend(ax, "upper left", bbox_to_anchor=(1, 1))
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
