"""Figures that more than one chapter draws, in one style.

Colours are those of seaborn's colour-blind palette. The same class has the same colour in every
figure, and noise is grey. Captions and alternative texts are left to the cells of the notebooks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentbook import sampling
from latentbook.metrics import NOISE, matching

GREY = "#9a9a9a"


def use_style() -> None:
    """Set the book's style: white background, quiet axes, readable on a phone."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.figsize": (7, 4.5),
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "legend.frameon": False,
        }
    )


def colours(n: int) -> list[tuple[float, float, float]]:
    """Return `n` colours: the colour-blind palette for up to ten, evenly spaced hues beyond.

    Indigo replaces the grey of the palette, because grey stands for noise.
    """
    palette = sns.color_palette("colorblind" if n <= 10 else "husl", n)
    if 7 < n <= 10:
        palette[7] = sns.color_palette(["#332288"])[0]
    return palette


def aligned(y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rename clusters to the class they match best, so that colours agree across panels.

    Clusters without a class get the numbers after the last class; noise stays -1.
    """
    match = matching(y, labels)
    spare = iter(range(int(y.max()) + 1, int(y.max()) + 1 + len(np.unique(labels))))
    names = {int(c): match.get(int(c), NOISE) for c in np.unique(labels) if c != NOISE}
    names = {c: name if name != NOISE else next(spare) for c, name in names.items()}
    return np.array([names.get(int(label), NOISE) for label in labels])


def scatter(
    z: np.ndarray,
    labels: np.ndarray,
    *,
    ax: Axes | None = None,
    title: str = "",
    names: Sequence[str] | None = None,
) -> Axes:
    """Scatter a two-dimensional embedding, coloured by label, noise (-1) in grey below the rest.

    Parameters
    ----------
    z : array of shape (n_samples, 2)
        At most 10,000 points are drawn, a random subsample of more.
    labels : vector of length n_samples
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None is the current one.
    title : str, default=""
    names : sequence of str, default=None
        Names of the classes, written at the median of each group.
    """
    ax = ax or plt.gca()
    rows = sampling.subsample(len(z))
    z, labels = z[rows], np.asarray(labels)[rows]
    palette = colours(max(10, int(labels.max()) + 1))
    size = float(np.clip(8000 / len(z), 1.0, 12.0))
    noise = labels == NOISE
    ax.scatter(z[noise, 0], z[noise, 1], s=size, c=GREY, alpha=0.5, linewidths=0, rasterized=True)
    colour = [palette[label] for label in labels[~noise]]
    ax.scatter(
        z[~noise, 0], z[~noise, 1], s=size, c=colour, alpha=0.6, linewidths=0, rasterized=True
    )
    if names is not None:
        for label in np.unique(labels[~noise]):
            x, y = np.median(z[labels == label], axis=0)
            box = {"boxstyle": "round,pad=0.2", "fc": "white", "ec": palette[label], "alpha": 0.85}
            ax.text(x, y, names[label], ha="center", va="center", fontsize="small", bbox=box)
    ax.set(xticks=[], yticks=[], title=title)
    sns.despine(ax=ax, left=True, bottom=True)
    return ax


def scatter_panels(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    names: Sequence[str] | None = None,
    columns: int = 2,
) -> Figure:
    """Draw one `scatter` a panel.

    Parameters
    ----------
    panels : mapping
        Title -> (embedding, labels).
    names : sequence of str, default=None
        Names of the classes, written in the first panel.
    columns : int, default=2
        Panels a row.
    """
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.9 * rows), layout="constrained", squeeze=False
    )
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    for i, (ax, (title, (z, labels))) in enumerate(zip(axes.flat, panels.items(), strict=False)):
        scatter(z, labels, ax=ax, title=title, names=names if i == 0 else None)
    return figure


def image_grid(
    images: np.ndarray, *, columns: int = 10, titles: Sequence[str] | None = None
) -> Figure:
    """Draw images of shape (n, height, width, channels), in [0, 1], in a grid."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(0.8 * columns, (0.95 if titles else 0.8) * rows), squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for i, image in enumerate(images):
        ax = axes.flat[i]
        ax.imshow(np.clip(image, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
        if titles:
            ax.set_title(titles[i], fontsize="x-small", pad=2)
    figure.subplots_adjust(wspace=0.08, hspace=0.35 if titles else 0.08)
    return figure
