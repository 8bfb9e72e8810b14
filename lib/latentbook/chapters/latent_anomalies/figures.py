"""Figures of the chapter on latent anomalies, drawn from small arrays and from records.

`pictures` makes the arrays of one run; a full-scale run with seed 0 keeps them, and the same
functions draw both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from sklearn.decomposition import PCA

from latentbook import anomaly, plots, sampling
from latentbook.chapters.latent_anomalies import tables
from latentbook.chapters.latent_anomalies.study import Curves, Detection, Space
from latentbook.errors import LatentbookError
from latentbook.metrics import NOISE
from latentbook.study import figure_arrays

Arrays = Mapping[str, np.ndarray]

#: Most anomalous images that are marked, as in figure 5 of the paper, and of these drawn.
EXTREMES, DRAWN = 15, 8
#: More classes than this get no names in the pictures.
NAMED = 12
#: Misclassified images that are drawn of each space.
MISTAKES = 20


def pictures(
    spaces: Sequence[Space],
    curves: Mapping[str, Curves],
    detections: Mapping[str, Detection],
    *,
    detector: str,
    share: float,
) -> dict[str, np.ndarray]:
    """Return what the figures of one run need, in small types; tables have no pictures of rows.

    Parameters
    ----------
    spaces
        Of the same images; those of more than two dimensions are drawn on their main plane.
    curves, detections
        By title of the space.
    detector
        Whose most anomalous images are drawn.
    share
        Of the test images that are called anomalous.
    """
    data, test = spaces[0].data, spaces[0].rows.test
    rows = sampling.subsample(len(test))
    y, index = data.y[test][rows], test[rows]
    counts = np.bincount(data.y[test], minlength=len(data.classes))
    arrays: dict[str, np.ndarray] = {
        "index": index.astype(np.int32),
        "classes": y.astype(np.int16),
        "titles": np.array([space.title for space in spaces]),
        "true shares": counts / counts.sum(),
        "deviation": _deviation(spaces[0], index).astype(np.float16),
    }
    for space in spaces:
        title, plane = space.title, _plane(space)
        curve, scores = curves[title], detections[title].scores[detector]
        best = int(curve.v_measure(space.labels("test"), "mixture").argmax())
        labels = curve.labels["mixture"][best].astype(np.int64)
        extreme = anomaly.ranking(scores[rows])[:EXTREMES]
        marked = np.bincount(
            data.y[test][anomaly.anomalies(scores, share)], minlength=len(data.classes)
        )
        wrong, found_in = mistakes(data.y[test], labels, seed=space.seed)
        arrays |= {
            f"z {title}": plane(space.z["test"][rows]).astype(np.float16),
            f"clusters {title}": plots.aligned(data.y[test], labels)[rows].astype(np.int16),
            f"extreme {title}": extreme.astype(np.int32),
            f"shares {title}": marked / max(1, marked.sum()),
        }
        if data.x.ndim == 4:
            arrays |= {
                f"extreme images {title}": figure_arrays.thumbnails(data.x[index[extreme]]),
                f"mistakes {title}": figure_arrays.thumbnails(data.x[test[wrong]]),
                f"mistaken {title}": np.stack([data.y[test[wrong]], found_in]).astype(np.int8),
            }
        if space.means is not None and len(space.means) > 1:
            arrays[f"means {title}"] = plane(space.means).astype(np.float32)
    return arrays


def _plane(space: Space) -> Callable[[np.ndarray], np.ndarray]:
    """Return the map to two dimensions: none, or the main axes of the test codes."""
    if space.z["test"].shape[1] == 2:
        return lambda z: z
    return PCA(2).fit(space.z["test"]).transform


def _deviation(space: Space, index: np.ndarray) -> np.ndarray:
    """Return the root mean square difference between each image and the mean of its class."""
    data, fit = space.data, space.rows.fit
    classes = range(len(data.classes))
    means = np.stack([data.flat[fit[data.y[fit] == c]].mean(axis=0) for c in classes])
    return np.sqrt(((data.flat[index] - means[data.y[index]]) ** 2).mean(axis=1))


def mistakes(y: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a sample of rows whose class is not the most frequent one of their cluster.

    Returns
    -------
    positions, and the most frequent classes of their clusters, vectors of equal length
    """
    clusters, codes = np.unique(labels, return_inverse=True)
    most = np.array([np.bincount(y[codes == c]).argmax() for c in range(len(clusters))])[codes]
    wrong = np.flatnonzero(most != y)
    wrong = wrong[sampling.subsample(len(wrong), MISTAKES, seed)]
    return wrong, most[wrong]


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


def draw_curves(found: pd.DataFrame) -> Figure:
    """Draw the V-measure against the number of clusters: a line the mean, a band the range."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for ax, stage in zip(axes, ("mixture", "k-means"), strict=True):
        groups = list(tables.by_space(found, stage))
        for (title, group), colour in zip(groups, plots.colours(len(groups)), strict=True):
            table = pd.DataFrame([_curve(m) for m in group["metrics"]]).sort_index(axis=1)
            ax.plot(table.columns, table.mean(), "o-", markersize=3, color=colour, label=title)
            ax.fill_between(table.columns, table.min(), table.max(), color=colour, alpha=0.2)
        ax.set(title=stage, xlabel="number of clusters", ylim=(0, 1))
        ax.grid(axis="y", linewidth=0.5)
    axes[0].set_ylabel("V-measure")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(4, max(1, len(handles[0]))))
    return figure


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
    titles, columns = _titles(arrays), MISTAKES // 2
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


def draw_gamma(found: pd.DataFrame) -> Figure:
    """Draw the V-measure of the CL-VAE's codes against the weight gamma of the reconstruction."""
    figure, ax = plt.subplots(layout="constrained")
    rules = {"v_measure": "largest on the test images", "v_measure_by_validation": "by validation"}
    for stage, colour in zip(("mixture", "k-means"), plots.colours(2), strict=True):
        rows = found[found["method"] == f"cl-vae2 + {stage}"]
        for (metric, rule), line in zip(rules.items(), ("o-", "s--"), strict=True):
            points = pd.Series(
                [m[metric] for m in rows["metrics"]],
                index=[p["gamma"] for p in rows["params"]],
                dtype=float,
            )
            mean = points.groupby(level=0).mean()
            ax.plot(points.index, points, line[0], color=colour, alpha=0.4, markersize=4)
            ax.plot(mean.index, mean, line, color=colour, label=f"{stage}, k {rule}")
    ax.set(xscale="log", xlabel="γ, on the sum over pixels", ylabel="V-measure", ylim=(0, 1))
    ax.grid(axis="y", linewidth=0.5)
    ax.legend(fontsize="small")
    return figure


def draw_agreement(found: pd.DataFrame, kinds: Sequence[str]) -> Figure:
    """Draw ROC AUC on planted anomalies against MV in units of the space's own spread.

    If MV told the better detector, every colour would fall from left to right.
    """
    table = tables.detection_frame(found, kinds)
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
            ax.plot(part["mv"] / part["spread"], part["auc"], "o", color=colour, label=title)
        ax.axhline(0.5, color=plots.GREY, linestyle="--", linewidth=1)
        ax.set(title=kind, xlabel="MV / spread of the space", ylim=(0, 1.02))
    axes[0][0].set_ylabel("ROC AUC")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
