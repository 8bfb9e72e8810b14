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

from latentbook import paths, plots
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
    rows = plots.thin(len(data))
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


def saved(chapter: str) -> dict[str, dict[str, np.ndarray]]:
    """Return data set -> named arrays of every committed file ``<chapter>-<data set>.npz``."""
    sources = sorted(paths.figures().glob(f"{chapter}-*.npz"))
    return {s.stem.removeprefix(f"{chapter}-"): figure_arrays.read(s) for s in sources}


def draw_accuracy(found: pd.DataFrame) -> Figure:
    """Draw clustering accuracy over all images by method: one panel a data set, a dot a seed."""
    chosen = [
        {"dataset": row.dataset, "method": row.method, "ACC": row.metrics["acc"]}
        for row in found.itertuples()
        if "acc" in row.metrics and row.params.get("evaluated_on") == "all"
    ]
    table = pd.DataFrame(chosen, columns=["dataset", "method", "ACC"])
    datasets = sorted(table["dataset"].unique()) or ["not run"]
    figure, axes = plt.subplots(
        1, len(datasets), figsize=(3.6 * len(datasets), 5.4), sharey=True, layout="constrained"
    )
    order = table.groupby("method")["ACC"].mean().sort_values(ascending=False).index
    for ax, name in zip(np.atleast_1d(axes), datasets, strict=True):
        rows = table[table["dataset"] == name]
        sns.stripplot(rows, x="ACC", y="method", order=order, ax=ax, jitter=False, alpha=0.7)
        ax.grid(axis="y", linewidth=0.5)
        ax.set(title=name, xlim=(0, 1), xlabel="clustering accuracy", ylabel="")
    return figure


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
    found = {name: arrays for name, arrays in saved("03").items() if "umap2" in arrays}
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
    found = {name: arrays for name, arrays in saved("03").items() if "centres" in arrays}
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


def draw_home(compared: pd.DataFrame) -> Figure:
    """Draw accuracy by method, published beside our mean and spread, MNIST and Fashion-MNIST.

    Parameters
    ----------
    compared
        As returned by `tables.compare`; rows of the table ``ours`` have no published value.
        Means that are not comparable are left out.
    """
    plots.use_style()
    over_all = compared["table"].isin(["table 12.1", "table 13.1", "ours"])
    rows = compared[over_all & compared["metric"].isin(["acc", "acc_kept"])]
    rows = rows.drop_duplicates(["dataset", "method", "value"])
    labels = [
        method + (f" (γ = {params['gamma']})" if "gamma" in params else "")
        for method, params in zip(rows["method"], rows["params"], strict=True)
    ]
    ours = rows["mean"].mask(rows["verdict"] == "not comparable")
    rows = rows.assign(label=labels, mean=ours)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharex=True, layout="constrained")
    blue, orange = plots.colours(2)
    for ax, dataset in zip(axes, ("fashion_mnist", "mnist"), strict=True):
        part = rows[rows["dataset"] == dataset]
        part = part.assign(rank=part["mean"].fillna(part["value"])).sort_values("rank")
        part = part.drop_duplicates("label", keep="last")
        y = np.arange(len(part))
        either = part["value"].fillna(part["mean"]), part["mean"].fillna(part["value"])
        ax.hlines(y, *either, color=plots.GREY)
        ax.plot(part["value"], y, "D", color=blue, label="published (one run)")
        ax.errorbar(
            part["mean"], y, xerr=part["spread"], fmt="o", color=orange, label="ours (mean ± s)"
        )
        ax.set(title=dataset, yticks=y, yticklabels=part["label"], xlabel="clustering accuracy")
        ax.set_xlim(0.2, 1)
        ax.grid(axis="x", linewidth=0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
