"""Figures of the chapter on latent anomalies, drawn from small arrays and from records.

The arrays are those of `pictures`, of this run or of the full scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import MaxNLocator

from latentbook import plots
from latentbook.chapters.latent_anomalies import contamination_tables, tables
from latentbook.errors import LatentbookError
from latentbook.metrics import NOISE

Arrays = Mapping[str, np.ndarray]

#: Of the most anomalous images so many are drawn; the others are stars.
DRAWN = 8
#: More classes than this get no names in the pictures.
NAMED = 12
#: Misclassified images in a row.
COLUMNS = 10


def _titles(arrays: Arrays) -> list[str]:
    return [str(title) for title in arrays["titles"]]


def _panels(arrays: Arrays, *, width: float = 4.4) -> tuple[Figure, dict[str, Axes]]:
    """Return one empty panel a space, two in a row."""
    titles = _titles(arrays)
    columns = min(2, len(titles))
    rows = -(-len(titles) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width * columns, 4 * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(titles) :]:
        ax.remove()
    return figure, dict(zip(titles, axes.flat, strict=False))


def draw_spaces(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw figure 2: every space by class; crosses are the learned means of the priors."""
    figure, panels = _panels(arrays)
    written = names if len(names) <= NAMED else None
    for title, ax in panels.items():
        z, y = arrays[f"z {title}"].astype(float), arrays["classes"]
        plots.scatter(z, y, ax=ax, title=title, names=written)
        for mean, colour in zip(
            arrays.get(f"means {title}", ()), plots.colours(len(names)), strict=False
        ):
            ax.plot(*mean, "X", color=colour, markeredgecolor="black", markersize=9)
    return figure


def draw_clusters(arrays: Arrays) -> Figure:
    """Draw figure 3: every space by the clusters of the mixture, in their classes' colours."""
    figure, panels = _panels(arrays)
    for title, ax in panels.items():
        labels = arrays[f"clusters {title}"].astype(int)
        count = len(np.unique(labels))
        labels[labels > arrays["classes"].max()] = NOISE  # grey: no class is left for it
        z = arrays[f"z {title}"].astype(float)
        plots.scatter(z, labels, ax=ax, title=f"{title}: {count} clusters")
    return figure


def draw_curves(every: pd.DataFrame) -> Figure:
    """Draw the V-measure against the number of clusters: a line the mean, a band the range.

    Records of several likelihoods have a row of panels each.
    """
    parts = _by_likelihood(every)
    figure, axes = plt.subplots(
        len(parts),
        2,
        figsize=(10, 4 * len(parts)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    handles: dict[str, Artist] = {}
    for row, (likelihood, records) in zip(axes, parts.items(), strict=True):
        for ax, stage in zip(row, ("mixture", "k-means"), strict=True):
            groups = list(tables.by_space(records, stage))
            for (space, group), colour in zip(groups, plots.colours(len(groups)), strict=True):
                table = pd.DataFrame([_curve(m) for m in group["metrics"]]).sort_index(axis=1)
                label = str(space).replace(", gaussian", "") if len(parts) > 1 else str(space)
                drawn = ax.plot(table.columns, table.mean(), "o-", markersize=3, color=colour)
                handles.setdefault(label, drawn[0])
                ax.fill_between(table.columns, table.min(), table.max(), color=colour, alpha=0.2)
            title = f"{stage}, {likelihood}" if len(parts) > 1 else stage
            ax.set(title=title, xlabel="number of clusters", ylim=(0, 1))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.grid(axis="y", linewidth=0.5)
        row[0].set_ylabel("V-measure")
    columns = min(4, max(1, len(handles)))
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns)
    return figure


def _by_likelihood(every: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the records of the networks of each likelihood, by its name in the book."""
    names = {"gaussian": "squared error", "bernoulli": "Bernoulli"}
    own = pd.Series([params.get("likelihood") for params in every["params"]], index=every.index)
    found = {name: every[own == one] for one, name in names.items()}
    return {name: rows for name, rows in found.items() if len(rows)} or {"": every}


def _curve(scores: Mapping[str, float]) -> dict[int, float]:
    start = "v_measure_at_"
    return {int(k.removeprefix(start)): v for k, v in scores.items() if k.startswith(start)}


def draw_shares(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw figure 4: the share of each class among the anomalies, and among all test images."""
    titles, true = _titles(arrays), arrays["true shares"]
    figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
    x, width = np.arange(len(true)), 0.8 / len(titles)
    for i, (title, colour) in enumerate(zip(titles, plots.colours(len(titles)), strict=True)):
        shares = arrays[f"shares {title}"]
        rmse = 100 * np.sqrt(((shares - true) ** 2).mean())
        position = x - 0.4 + (i + 0.5) * width
        label = f"{title}: RMSE {rmse:.1f} %"
        ax.bar(position, 100 * shares, width, color=colour, label=label)
    for i, share in enumerate(100 * true):
        name = "all test images" if i == 0 else ""  # an empty one stays out of the legend
        ax.hlines(share, i - 0.45, i + 0.45, color="black", linewidth=1.5, label=name)
    ax.set(xticks=x, ylabel="% of the anomalies", xlabel="class")
    long = len(names) > NAMED or len(names[0]) > 2
    ax.set_xticklabels(names, rotation=90 if long else 0, fontsize="x-small" if long else None)
    ax.legend(ncols=2, fontsize="small")
    return figure


def draw_extremes(arrays: Arrays) -> Figure:
    """Draw figure 5: the most anomalous test images as stars, some of them as images."""
    figure, panels = _panels(arrays, width=5)
    for title, ax in panels.items():
        z = arrays[f"z {title}"].astype(float)
        plots.scatter(z, arrays["classes"], ax=ax)
        ax.set_title(title, pad=14)
        where = z[arrays[f"extreme {title}"]]
        ax.plot(*where.T, "*", color="red", markeredgecolor="black", markersize=9)
        low, high = z.min(axis=0), z.max(axis=0)
        margin = 0.22 * (high - low)
        ax.set(
            xlim=(low[0] - margin[0], high[0] + margin[0]),
            ylim=(low[1] - margin[1], high[1] + margin[1]),
        )
        images = arrays.get(f"extreme images {title}", np.empty(0))[:DRAWN]
        for image, point, corner in zip(images, where, _around(where[:DRAWN], ax), strict=False):
            box = OffsetImage(image, zoom=1.1, cmap="gray_r")
            arrow = {"arrowstyle": "-", "color": "red", "linewidth": 0.8}
            ax.add_artist(
                AnnotationBbox(box, point, corner, frameon=True, pad=0.1, arrowprops=arrow)
            )
    return figure


def _around(points: np.ndarray, ax: Axes) -> np.ndarray:
    """Return places along the frame, one for each point, in the order of their angles."""
    centre = np.array([np.mean(ax.get_xlim()), np.mean(ax.get_ylim())])
    half = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())]) / 2 * 0.9
    angles = np.arctan2(*((points - centre) / half).T[::-1])
    even = angles.min() + 2 * np.pi * np.arange(len(points)) / max(1, len(points))
    places = np.empty_like(points)
    direction = np.column_stack([np.cos(even), np.sin(even)])
    direction /= np.abs(direction).max(axis=1, keepdims=True)  # onto the square
    places[np.argsort(angles)] = centre + half * direction
    return places


def draw_mistakes(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw figure 7: images in a cluster of another class; class of the image → of the cluster.

    Raises
    ------
    LatentbookError
        For the arrays of a table.
    """
    if f"mistakes {_titles(arrays)[0]}" not in arrays:
        raise LatentbookError("rows of a table cannot be drawn: leave this figure out")
    titles, columns = _titles(arrays), COLUMNS
    figure, axes = plt.subplots(
        len(titles), 1, figsize=(columns, 2.8 * len(titles)), squeeze=False, layout="constrained"
    )
    for ax, title in zip(axes.flat, titles, strict=True):
        images, pairs = arrays[f"mistakes {title}"], arrays[f"mistaken {title}"].T
        # one picture a space: eighty axes take seconds
        for i, (image, (own, other)) in enumerate(zip(images, pairs, strict=True)):
            x, y = i % columns, 1.4 * (i // columns)
            ax.imshow(image, cmap="gray", vmin=0, vmax=255, extent=(x, x + 0.95, y + 1.3, y + 0.35))
            text = f"{names[own]} → {names[other]}"
            ax.text(x + 0.47, y + 0.3, text, ha="center", va="bottom", fontsize=7)
        ax.set(xlim=(0, columns), ylim=(2.75, 0))
        ax.set_title(title, loc="left", fontsize="small")
        ax.axis("off")
    return figure


def draw_deviation(arrays: Arrays) -> Figure:
    """Draw figure 8: every space by the deviation of each image from the mean of its class."""
    figure, panels = _panels(arrays)
    deviation = arrays["deviation"].astype(float)
    low, high = np.quantile(deviation, [0.01, 0.99])
    for title, ax in panels.items():
        z = arrays[f"z {title}"].astype(float)
        size = float(np.clip(8000 / len(z), 1.0, 12.0))
        drawn = ax.scatter(
            z[:, 0],
            z[:, 1],
            c=deviation,
            s=size,
            cmap="viridis",
            vmin=low,
            vmax=high,
            rasterized=True,
        )
        for mean in arrays.get(f"means {title}", ()):
            ax.plot(*mean, "X", color="white", markeredgecolor="black", markersize=8)
        ax.set(xticks=[], yticks=[], title=title)
        sns.despine(ax=ax, left=True, bottom=True)
    figure.colorbar(drawn, ax=list(panels.values()), label="RMSE to the mean image", shrink=0.6)
    return figure


def draw_gamma(every: pd.DataFrame) -> Figure:
    """Draw the V-measure of the CL-VAE's codes against the weight gamma of the reconstruction.

    Each likelihood has a panel. At every weight the networks of the largest limit of epochs count.
    """
    parts = _by_likelihood(tables.answering(every, "gamma"))
    figure, axes = plt.subplots(
        1,
        len(parts),
        figsize=(5 * len(parts), 4),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    rules = {"v_measure": "largest on the test images", "v_measure_by_validation": "by validation"}
    for ax, (likelihood, records) in zip(axes[0], parts.items(), strict=True):
        for stage, colour in zip(("mixture", "k-means"), plots.colours(2), strict=True):
            groups = {
                space.gamma: group
                for space, group in tables.by_space(records, stage)
                if space.gamma is not None
            }
            for (metric, rule), line in zip(rules.items(), ("o-", "s--"), strict=True):
                runs = [(g, m[metric]) for g, group in groups.items() for m in group["metrics"]]
                points = pd.DataFrame(runs, columns=["gamma", "v"]).set_index("gamma")["v"]
                mean = points.groupby(level=0).mean()
                ax.plot(points.index, points, line[0], color=colour, alpha=0.4, markersize=4)
                ax.plot(mean.index, mean, line, color=colour, label=f"{stage}, k {rule}")
        ax.set(xscale="log", xlabel="γ, on the sum over pixels", ylim=(0, 1), title=likelihood)
        ax.grid(axis="y", linewidth=0.5)
    axes[0][0].set_ylabel("V-measure")
    axes[0][0].legend(fontsize="small")
    return figure


#: Detectors in the figure on contaminated training.
CONTAMINATED = (
    "squared frequency table",
    "isolation forest",
    "knn",
    "pca",
    "network, reconstruction error",
)


def draw_contamination(every: pd.DataFrame) -> Figure:
    """Draw the ROC AUC against the share of anomalies among the training rows.

    Each table of data has a panel; lines go through the means of the seeds, whose range is shaded.
    """
    table = contamination_tables.scores(every)
    sets = list(dict.fromkeys(table["dataset"]))
    figure, axes = plt.subplots(
        -(-len(sets) // 4),
        4,
        figsize=(12, 2.9 * -(-len(sets) // 4)),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for ax in axes.flat[len(sets) :]:
        ax.set_axis_off()
    styles = zip(CONTAMINATED, plots.colours(len(CONTAMINATED)), "os^Dv", strict=True)
    there = set(table["method"])
    for method, colour, marker in (one for one in styles if one[0] in there):
        for ax, one in zip(axes.flat, sets, strict=False):
            rows = table[(table["dataset"] == one) & (table["method"] == method)]
            by_share = rows.groupby("share")["auc"]
            at = 100 * by_share.mean().index
            ax.plot(at, by_share.mean(), marker=marker, color=colour, markersize=4, label=method)
            ax.fill_between(at, by_share.min(), by_share.max(), color=colour, alpha=0.15)
            ax.set(title=one)
            ax.grid(axis="y", linewidth=0.5)
    for ax in axes[:, 0]:
        ax.set_ylabel("ROC AUC")
    for ax in axes[-1]:
        ax.set_xlabel("anomalies in training, %")
    handles, names = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize="small")
    return figure


def draw_agreement(every: pd.DataFrame, kinds: Sequence[str]) -> Figure:
    """Draw ROC AUC on known anomalies against MV in units of the space's own √det Σ.

    If MV ranked the detectors as AUC does, every colour would fall from left to right.
    """
    table = tables.detection_frame(every, kinds)
    figure, axes = plt.subplots(
        1,
        max(1, len(kinds)),
        figsize=(3.4 * max(1, len(kinds)), 3.8),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    titles = list(dict.fromkeys(table["space"]))
    for ax, kind in zip(axes[0], kinds, strict=False):
        for title, colour in zip(titles, plots.colours(len(titles)), strict=True):
            part = table[(table["space"] == title) & (table["kind"] == kind)]
            ax.plot(part["mv"] / part["unit"], part["auc"], "o", color=colour, label=title)
        ax.axhline(0.5, color=plots.GREY, linestyle="--", linewidth=1)
        ax.set(title=kind, xlabel=f"MV / {tables.UNIT}", ylim=(0, 1.02))
    axes[0][0].set_ylabel("ROC AUC")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
