"""Figures of the deep clustering chapter, drawn from small arrays: of this run, or of a full one.

`pictures` makes the arrays of one run; a full-scale run with seed 0 saves them, and the same
functions draw both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from latentbook import embed, plots, sampling
from latentbook.chapters.deep_clustering.study import HISTORY, REFERENCE, REFERENCE_EPOCHS, Run
from latentbook.dcec import DCEC

Arrays = Mapping[str, np.ndarray]
#: What stands in the names of the arrays of a faithful run before its seed and network.
FAITHFUL = f"dcec, gamma {REFERENCE['gamma']:g}, "


def pictures(result: Run, *, n: int = 5000, examples: int = 4) -> dict[str, np.ndarray]:
    """Return what the figures of one run need, in small types.

    Parameters
    ----------
    result
        A run on all images.
    n
        Points of the UMAP pictures.
    examples
        Most and least confident images of each cluster.
    """
    model, data = result.model, result.data
    z, q = model.transform(data.x), model.predict_proba(data.x)
    labels, confidence = q.argmax(axis=1), q.max(axis=1)
    rows = sampling.subsample(len(data), n)
    before, after = (
        embed.embed(codes[rows], "umap2 picture", seed=result.seed).arrays["embedding"]
        for codes in (model.initial_embedding_, z)
    )
    members = [np.flatnonzero(labels == c) for c in range(model.n_clusters)]
    members = [rows[np.argsort(-confidence[rows])] for rows in members if len(rows) > 1]
    half = min([examples, *(len(rows) // 2 for rows in members)])
    shown = [np.concatenate([rows[:half], rows[-half:]]) for rows in members]
    faces = np.unique(data.y, return_index=True)[1]
    untrained, _ = model.pretrained(data.x)
    return {
        "umap_before": before.astype(np.float16),
        "umap_after": after.astype(np.float16),
        "umap_classes": data.y[rows].astype(np.int8),
        "umap_labels": plots.aligned(data.y, labels)[rows].astype(np.int8),
        "examples": _bytes(data.x[np.array(shown)]),
        "originals": _bytes(data.x[faces]),
        "reconstructed_before": _bytes(untrained.reconstruct(data.x[faces])),
        "reconstructed_after": _bytes(model.autoencoder_.reconstruct(data.x[faces])),
        "confusion": _confusion(data.y, plots.aligned(data.y, labels), len(data.classes)),
    }


def _confusion(y: np.ndarray, aligned: np.ndarray, n_classes: int) -> np.ndarray:
    """Count images by class (row) and cluster, named by its class (column); some may be empty."""
    counts = np.zeros((n_classes, max(n_classes, aligned.max() + 1)), dtype=np.int32)
    np.add.at(counts, (y, aligned), 1)
    return counts


def _bytes(images: np.ndarray) -> np.ndarray:
    return np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)


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
    histories
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


def draw_embedding(found: Mapping[str, Arrays]) -> Figure:
    """Draw, one row a data set, UMAP of the codes before and after, by class and by cluster."""
    figure, axes = plt.subplots(
        len(found), 3, figsize=(11, 3.6 * len(found)), squeeze=False, layout="constrained"
    )
    for row, (name, arrays) in zip(axes, found.items(), strict=True):
        before, after = (arrays[f"umap_{when}"].astype(float) for when in ("before", "after"))
        plots.scatter(before, arrays["umap_classes"], ax=row[0], title=f"{name}: before, classes")
        plots.scatter(after, arrays["umap_classes"], ax=row[1], title="after, classes")
        plots.scatter(after, arrays["umap_labels"].astype(int), ax=row[2], title="after, clusters")
    return figure


def draw_reconstructions(arrays: Arrays) -> Figure:
    """Draw one image of each class, and what the decoder makes of it before and after."""
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


def draw_confusion(found: Mapping[str, tuple[np.ndarray, Sequence[str]]]) -> Figure:
    """Draw the share of each class (row) in each cluster (column); title -> (counts, classes)."""
    columns = min(2, len(found))
    rows = -(-len(found) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(5.8 * columns, 5 * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(found) :]:
        ax.remove()
    for ax, (title, (counts, classes)) in zip(axes.flat, found.items(), strict=False):
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        matched = [classes[c] if c < len(classes) else "spare" for c in range(counts.shape[1])]
        _percent(ax, share, matched, classes)
        ax.set(title=f"{title}: % of the class", xlabel="cluster, by its class", ylabel="class")
    return figure


def draw_classes(found: Mapping[str, Arrays], classes: Mapping[str, Sequence[str]]) -> Figure:
    """Draw, one panel a data set, the share of each class that each faithful run gets right.

    Parameters
    ----------
    found
        Data set -> saved arrays, of `deep_clustering.arrays`; runs are sorted by accuracy.
    classes
        Data set -> names of the classes.
    """
    figure, axes = plt.subplots(
        len(found), 1, figsize=(6.5, 2.5 * len(found)), squeeze=False, layout="constrained"
    )
    for ax, (title, arrays) in zip(axes[:, 0], found.items(), strict=True):
        y, labels = arrays["classes"], faithful(arrays, "labels")
        right = {run: plots.aligned(y, found) == y for run, found in labels.items()}
        runs = sorted(right, key=lambda run: right[run].mean(), reverse=True)
        share = [[right[run][y == c].mean() for c in np.unique(y)] for run in runs]
        _percent(ax, np.array(share), classes[title], runs)
        ax.set_title(f"{title}: % of the class that is right")
    return figure


def draw_partitions(found: Mapping[str, Arrays]) -> Figure:
    """Draw, one panel a data set, the accuracy of each start against its excess sum of squares.

    Parameters
    ----------
    found
        Data set -> run -> array of `deep_clustering.partitions`; one colour a run, and a square
        for its best start.
    """
    figure, axes = plt.subplots(
        len(found), 1, figsize=(6.5, 3 * len(found)), squeeze=False, layout="constrained"
    )
    for ax, (title, runs) in zip(axes[:, 0], found.items(), strict=True):
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
    """Return the saved arrays of one kind of the faithful runs, by seed and network."""
    start = f"{kind} {FAITHFUL}"
    return {
        name.removeprefix(start).replace("network ", ""): array
        for name, array in arrays.items()
        if name.startswith(start)
    }


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
    found: pd.DataFrame, parameter: str, label: str, *, scores: Sequence[str] = ("acc",)
) -> Figure:
    """Draw scores against a parameter of DCEC: one panel a data set, a dot a run, a line the mean.

    Parameters
    ----------
    found
        Records; those where another parameter differs from the reference are left out.
    parameter
        ``gamma``, ``alpha`` or ``pretraining_epochs``.
    scores
        Names of metrics; ``acc_start`` is the accuracy before the joint training.
    """
    rows = pd.DataFrame(
        [
            {"dataset": r.dataset, "x": r.params[parameter], "score": name, "y": r.metrics[name]}
            for r in found.itertuples()
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


def draw_starts(found: pd.DataFrame) -> Figure:
    """Draw accuracy after the joint training against that of its first clusters, a dot a run.

    Shown are the faithful runs, and those with another weight or another start.
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
            for r in found.itertuples()
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


def only(params: Mapping[str, object], parameter: str) -> bool:
    """Say whether a record's params differ from the reference in `parameter` at most."""
    rest = {k: v for k, v in REFERENCE.items() if k != parameter}
    if params.get("trained_on") != "all" or any(params.get(k) != v for k, v in rest.items()):
        return False
    return parameter == "pretraining_epochs" or params["pretraining_epochs"] == REFERENCE_EPOCHS


def compared(found: pd.DataFrame, parameter: str, at_least: int = 3) -> pd.DataFrame:
    """Return the records of the data sets on which `parameter` took `at_least` values."""
    fit = found[[only(p, parameter) and p["evaluated_on"] == "all" for p in found["params"]]]
    values = fit.assign(value=[p[parameter] for p in fit["params"]]).groupby("dataset")["value"]
    enough = values.nunique()
    return fit[fit["dataset"].isin(enough[enough >= at_least].index)]


def draw_coverage(found: Mapping[str, Arrays]) -> Figure:
    """Draw accuracy over the most confident images: mean and range over the faithful runs.

    Parameters
    ----------
    found
        Data set -> saved arrays, of `deep_clustering.arrays`.
    """
    figure, ax = plt.subplots(layout="constrained")
    shares = np.arange(1, 101) / 100
    for (name, arrays), colour in zip(found.items(), plots.colours(len(found)), strict=True):
        curves = list(faithful(arrays, "coverage").values())
        if curves:
            low, high = np.min(curves, axis=0), np.max(curves, axis=0)
            ax.plot(shares, np.mean(curves, axis=0), color=colour, label=name)
            ax.fill_between(shares, low, high, color=colour, alpha=0.2)
    ax.set(xlabel="share of the images that is assigned, most confident first", ylabel="accuracy")
    ax.grid(axis="y", linewidth=0.5)
    ax.legend()
    return figure


def pick(found: Mapping[str, Arrays], key: str) -> dict[str, np.ndarray]:
    """Return data set -> the array named `key`, where it was saved."""
    return {name: arrays[key] for name, arrays in found.items() if key in arrays}
