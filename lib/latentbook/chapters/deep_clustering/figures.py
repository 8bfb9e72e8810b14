"""Figures of the deep clustering chapter, drawn from small arrays or from records.

The same functions draw this run and the runs of the full scale; `study` makes the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from latentbook import plots
from latentbook.chapters.deep_clustering import (
    GAMMA,
    HISTORY,
    REFERENCE,
    REFERENCE_EPOCHS,
    run_name,
)
from latentbook.study import judge, records
from latentbook.study.figures import draw_accuracy

if TYPE_CHECKING:
    from latentbook.dcec import DCEC

Arrays = Mapping[str, np.ndarray]


def draw_graph(model: DCEC) -> Figure:
    """Draw the layers of a fitted `DCEC` as boxes, with the shapes that flow between them."""
    encoder, decoder = model.autoencoder_.encoder, model.autoencoder_.decoder
    blue, orange, green = plots.colours(3)
    figure, ax = plt.subplots(figsize=(11, 3), layout="constrained")
    _box(ax, 0, 0, f"image\n{_size(encoder.input_shape[1:])}", plots.GREY)
    x = 0
    for part, colour in ((encoder, blue), (decoder, green)):
        for layer in part.layers:
            if layer.count_params():
                x += 1
                _arrow(ax, (x - 0.95, 0), (x - 0.05, 0))
                kind = type(layer).__name__.replace("Transpose", "\nTranspose")
                _box(ax, x, 0, f"{kind}\n{_size(layer.output.shape[1:])}", colour)
        if part is encoder:
            _arrow(ax, (x, 0.05), (x, 0.95))
            _box(ax, x, 1, f"clustering layer\nq: {model.n_clusters}", orange)
            ax.text(x + 0.6, 1, r"clustering loss $\gamma\,\mathrm{KL}(P\,\|\,Q)$", va="center")
    ax.text(x, -0.5, "reconstruction loss", ha="center", va="center")
    ax.set(xlim=(-0.6, x + 0.6), ylim=(-0.7, 1.3))
    ax.axis("off")
    return figure


def _arrow(ax: plt.Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "->", "shrinkA": 24, "shrinkB": 24, "color": plots.GREY}
    ax.annotate("", end, start, arrowprops=style, zorder=1)


def _size(shape: Sequence[int | None]) -> str:
    return " x ".join(str(side) for side in shape)


def _box(ax: plt.Axes, x: float, y: float, text: str, colour: object) -> None:
    box = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": colour, "linewidth": 2}
    ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=box)


def draw_training(histories: Mapping[str, np.ndarray]) -> Figure:
    """Draw losses, scores and label changes against iterations, one row a history.

    Parameters
    ----------
    histories : dict of ndarray
        Title -> array whose rows are `deep_clustering.HISTORY`.
    """
    figure, axes = plt.subplots(
        len(histories), 3, figsize=(12, 3.2 * len(histories)), squeeze=False, layout="constrained"
    )
    for row, (title, array) in zip(axes, histories.items(), strict=True):
        curves = dict(zip(HISTORY, array, strict=True))
        iteration = curves["iteration"]
        for name in ("loss", "clustering_loss", "reconstruction_loss"):
            row[0].plot(iteration, curves[name], label=name.replace("_", " ").replace(" loss", ""))
        row[0].set(yscale="log", title=f"{title}: losses")
        for name in ("acc", "nmi", "ari"):
            row[1].plot(iteration, curves[name], label=name.upper())
        row[1].set(title="scores", ylim=(0, 1))
        row[2].plot(iteration[1:], curves["changed"][1:], "o-", markersize=3)
        row[2].axhline(0.001, color=plots.GREY, linestyle="--")
        row[2].set(yscale="log", title="share of images that changed cluster")
        for ax in row:
            ax.set_xlabel("iteration")
            ax.grid(axis="y", linewidth=0.5)
        row[0].legend()
        row[1].legend(loc="lower right")
    return figure


def draw_embedding(saved: Mapping[str, Arrays]) -> Figure:
    """Draw UMAP of the codes before and after the joint training, by class and by cluster.

    Parameters
    ----------
    saved : dict
        Data set -> arrays, one row each. Those without pictures are left out.
    """
    drawn = {name: arrays for name, arrays in saved.items() if "umap_after" in arrays}
    figure, axes = plt.subplots(
        len(drawn), 3, figsize=(11, 3.6 * len(drawn)), squeeze=False, layout="constrained"
    )
    for row, (name, arrays) in zip(axes, drawn.items(), strict=True):
        before, after = (arrays[f"umap_{when}"].astype(float) for when in ("before", "after"))
        plots.scatter(before, arrays["umap_classes"], ax=row[0], title=f"{name}: before, classes")
        plots.scatter(after, arrays["umap_classes"], ax=row[1], title="after, classes")
        plots.scatter(after, arrays["umap_labels"].astype(int), ax=row[2], title="after, clusters")
    return figure


def draw_reconstructions(arrays: Arrays) -> Figure:
    """Draw one image of each class, and its reconstruction before and after joint training."""
    names = ("originals", "reconstructed_before", "reconstructed_after")
    images = np.concatenate([arrays[name] for name in names]) / 255
    figure = plots.image_grid(images, columns=len(arrays["originals"]))
    for ax, title in zip(figure.axes[:: len(arrays["originals"])], names, strict=False):
        ax.set_title(title.replace("_", " "), loc="left", fontsize="x-small")
    figure.subplots_adjust(hspace=0.35)
    return figure


def draw_examples(arrays: Arrays) -> Figure:
    """Draw, one row a cluster, its most confident images (left) and its least confident (right)."""
    examples = arrays["examples"]
    half = examples.shape[1] // 2
    blank = np.full_like(examples[:, :1], 255)
    spaced = np.concatenate([examples[:, :half], blank, examples[:, half:]], axis=1)
    return plots.image_grid(spaced.reshape(-1, *spaced.shape[2:]) / 255, columns=2 * half + 1)


def draw_confusion(saved: Mapping[str, Arrays], classes: Mapping[str, Sequence[str]]) -> Figure:
    """Draw the share of each class (row) in each cluster (column), one panel a data set.

    Parameters
    ----------
    saved : dict
        Data set -> arrays. Those without the counts ``confusion`` are left out.
    classes : dict
        Data set -> names of the classes.
    """
    counted = {name: arrays["confusion"] for name, arrays in saved.items() if "confusion" in arrays}
    columns = min(2, len(counted))
    rows = -(-len(counted) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(5.8 * columns, 5 * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(counted) :]:
        ax.remove()
    for ax, (title, counts) in zip(axes.flat, counted.items(), strict=False):
        names = classes[title]
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        matched = [names[c] if c < len(names) else "spare" for c in range(counts.shape[1])]
        _percent(ax, share, matched, names)
        ax.set(title=f"{title}: % of the class", xlabel="cluster, by its class", ylabel="class")
    return figure


def draw_classes(saved: Mapping[str, Arrays], classes: Mapping[str, Sequence[str]]) -> Figure:
    """Draw the share of each class that each faithful run gets right, one panel a data set.

    Parameters
    ----------
    saved : dict
        Data set -> arrays. Runs are sorted by accuracy.
    classes : dict
        Data set -> names of the classes.
    """
    figure, axes = plt.subplots(
        len(saved), 1, figsize=(6.5, 2.5 * len(saved)), squeeze=False, layout="constrained"
    )
    for ax, (title, arrays) in zip(axes[:, 0], saved.items(), strict=True):
        y = arrays["classes"]
        right = {
            run: plots.aligned(y, labels) == y for run, labels in faithful(arrays, "labels").items()
        }
        runs = sorted(right, key=lambda run: right[run].mean(), reverse=True)
        share = [[right[run][y == c].mean() for c in np.unique(y)] for run in runs]
        _percent(ax, np.array(share), classes[title], runs)
        ax.set_title(f"{title}: % of the class that is right")
    return figure


def draw_partitions(starts: Mapping[str, Arrays]) -> Figure:
    """Draw the accuracy of single starts of k-means against their excess sum of squares.

    Parameters
    ----------
    starts : dict
        Data set, one panel each -> run -> array of `study.partitions`. A run has one colour, and
        a square for its best start. Data sets without a run are left out.
    """
    drawn = {title: runs for title, runs in starts.items() if runs}
    figure, axes = plt.subplots(
        len(drawn), 1, figsize=(6.5, 3 * len(drawn)), squeeze=False, layout="constrained"
    )
    for ax, (title, runs) in zip(axes[:, 0], drawn.items(), strict=True):
        for run, colour in zip(sorted(runs), plots.colours(len(runs)), strict=True):
            excess, accuracy = runs[run]
            ax.plot(100 * excess, accuracy, "o", color=colour, alpha=0.5, markersize=5, label=run)
            best = accuracy[excess.argmin()]
            ax.plot(0, best, "s", color=colour, markersize=9, markerfacecolor="none")
        ax.set(title=title, ylabel="clustering accuracy", xlim=(-0.1, 3))
        ax.grid(linewidth=0.5)
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axes[-1, 0].set_xlabel("sum of squares above the least, in %")
    return figure


def faithful(arrays: Arrays, kind: str) -> dict[str, np.ndarray]:
    """Return the saved arrays of one kind of the faithful runs, by seed and network.

    Parameters
    ----------
    arrays : dict
        Those of one data set.
    kind : str
        ``labels``, ``history``, ``coverage`` or ``partitions``.
    """
    start = f"{kind} {run_name('dcec', GAMMA, 0).removesuffix('seed 0')}"
    return {
        name.removeprefix(start).replace("network ", ""): array
        for name, array in arrays.items()
        if name.startswith(start)
    }


def faithful_of(saved: Mapping[str, Arrays], kind: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Return data set -> array of the faithful run of a seed that pretrained its own network."""
    runs = {name: faithful(arrays, kind) for name, arrays in saved.items()}
    return {name: own[f"seed {seed}"] for name, own in runs.items() if f"seed {seed}" in own}


def _percent(ax: plt.Axes, share: np.ndarray, columns: Sequence[str], rows: Sequence[str]) -> None:
    """Draw shares as shades, with their percentages from 5 on."""
    sns.heatmap(
        share,
        ax=ax,
        cmap="cividis",
        vmin=0,
        vmax=1,
        annot=np.where(share >= 0.05, np.round(100 * share).astype(int).astype(str), ""),
        fmt="",
        annot_kws={"fontsize": 7},
        cbar=False,
        xticklabels=list(columns),
        yticklabels=list(rows),
    )
    ax.tick_params(axis="y", rotation=0)


def draw_by(
    measured: pd.DataFrame, parameter: str, label: str, *, scores: Sequence[str] = ("acc",)
) -> Figure:
    """Draw scores against a parameter of DCEC: one panel a data set, a dot a run, a line the mean.

    Parameters
    ----------
    measured : DataFrame
        Records. Those where another parameter differs from the reference are left out.
    parameter : {"gamma", "alpha", "pretraining_epochs"}
        Horizontal axis.
    label : str
        Of that axis.
    scores : sequence of str, default=("acc",)
        Names of metrics. ``acc_start`` is the accuracy before the joint training.
    """
    rows = pd.DataFrame(
        [
            {"dataset": r.dataset, "x": r.params[parameter], "score": name, "y": r.metrics[name]}
            for r in measured.itertuples()
            if only(r.params, parameter)
            for name in scores
            if name in r.metrics
        ],
        columns=["dataset", "x", "score", "y"],
    )
    names = sorted(rows["dataset"].unique()) or ["not run"]
    figure, axes = plt.subplots(
        1,
        len(names),
        figsize=(4 * len(names), 3.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, name in zip(axes[0], names, strict=True):
        part = rows[rows["dataset"] == name]
        for score, colour in zip(scores, plots.colours(len(scores)), strict=True):
            points = part[part["score"] == score]
            ax.plot(points["x"], points["y"], "o", color=colour, alpha=0.5, markersize=5)
            mean = points.groupby("x")["y"].mean()
            title = {"acc": "after", "acc_start": "k-means on the codes before"}.get(score, score)
            ax.plot(mean.index, mean, color=colour, label=title)
        ax.set(xscale="log", xlabel=label, ylabel="clustering accuracy", title=name, ylim=(0, 1))
        ax.grid(axis="y", linewidth=0.5)
    if len(scores) > 1:
        axes[0][0].legend(loc="lower right")
    return figure


def draw_starts(measured: pd.DataFrame) -> Figure:
    """Draw accuracy after the joint training against that of the first clusters, a dot a run.

    Parameters
    ----------
    measured : DataFrame
        Records. Drawn are the faithful runs, and those with another gamma or another start.
    """
    rows = pd.DataFrame(
        [
            {
                "data set": r.dataset,
                "start, weight": f"{r.params['init']}, "
                + (r"$\gamma = 0.1$" if only(r.params, "init") else r"other $\gamma$"),
                "before": r.metrics["acc_start"],
                "after": r.metrics["acc"],
            }
            for r in measured.itertuples()
            if "acc_start" in r.metrics and (only(r.params, "init") or only(r.params, "gamma"))
        ],
        columns=["data set", "start, weight", "before", "after"],
    ).sort_values(["data set", "start, weight"])
    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    ax.axline((0.7, 0.7), slope=1, color=plots.GREY, linestyle="--", zorder=1)
    sns.scatterplot(
        rows,
        x="before",
        y="after",
        hue="data set",
        style="start, weight",
        palette=plots.colours(rows["data set"].nunique()) or None,
        s=60,
        alpha=0.8,
        ax=ax,
    )
    ax.set(
        xlabel="clustering accuracy of the start", ylabel="clustering accuracy of DCEC", aspect=1
    )
    ax.grid(linewidth=0.5)
    if len(rows):
        sns.move_legend(ax, "center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_spread(measured: pd.DataFrame) -> Figure:
    """Draw accuracy by method, one dot a run, of the methods that ran on two data sets or more.

    Parameters
    ----------
    measured : DataFrame
        Records. Those with another gamma than the reference are left out.
    """
    usual = judge.select(measured, (p.get("gamma", GAMMA) == GAMMA for p in measured["params"]))
    return draw_accuracy(usual[usual.groupby("method")["dataset"].transform("nunique") > 1])


def only(params: Mapping[str, Any], parameter: str) -> bool:
    """Say whether a record's params differ from the reference in `parameter` at most."""
    rest = {name: value for name, value in REFERENCE.items() if name != parameter}
    if any(params.get(name) != value for name, value in rest.items()):
        return False
    return parameter == "pretraining_epochs" or records.epoch_limit(params) == REFERENCE_EPOCHS


def with_values(measured: pd.DataFrame, parameter: str, at_least: int = 3) -> pd.DataFrame:
    """Return the records of the data sets on which `parameter` took `at_least` values."""
    varied = judge.select(
        measured, (only(p, parameter) and records.part(p) == "all" for p in measured["params"])
    )
    values = varied.assign(value=[params[parameter] for params in varied["params"]])
    enough = values.groupby("dataset")["value"].nunique() >= at_least
    return varied[varied["dataset"].isin(enough[enough].index)]


def draw_coverage(saved: Mapping[str, Arrays]) -> Figure:
    """Draw accuracy over the most confident images: mean and range over the faithful runs.

    Parameters
    ----------
    saved : dict
        Data set -> arrays.
    """
    figure, ax = plt.subplots(layout="constrained")
    shares = np.arange(1, 101) / 100
    for (name, arrays), colour in zip(saved.items(), plots.colours(len(saved)), strict=True):
        curves = list(faithful(arrays, "coverage").values())
        if curves:
            low, high = np.min(curves, axis=0), np.max(curves, axis=0)
            ax.plot(shares, np.mean(curves, axis=0), color=colour, label=name)
            ax.fill_between(shares, low, high, color=colour, alpha=0.2)
    ax.set(xlabel="share of the images that is assigned, most confident first", ylabel="accuracy")
    ax.grid(axis="y", linewidth=0.5)
    ax.legend()
    return figure
