"""Figures of chapter 01, drawn from arrays that a run returned or kept, and from records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentbook import plots
from latentbook.chapters.dimensionality_reduction import CHAPTER, DATASETS, MEASURES, PICTURES
from latentbook.chapters.dimensionality_reduction.tables import comparable
from latentbook.datasets.registry import entry
from latentbook.metrics import NOISE
from latentbook.study.figures import draw_not_run
from latentbook.study.result import kept

Arrays = Mapping[str, np.ndarray]
_MARKERS = "osD^v"


def draw_contrast(dimensions: np.ndarray, contrasts: Mapping[int, np.ndarray]) -> Figure:
    """Draw absolute and relative contrast by dimension, with the slope of the theorem dashed.

    Parameters
    ----------
    dimensions : vector of length n
    contrasts
        Norm p -> array of shape (n, 2), absolute and relative contrast.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    styles = zip(plots.colours(3), "os^", contrasts.items(), strict=True)
    for colour, marker, (p, values) in styles:
        left.loglog(dimensions, values[:, 0], marker, color=colour, label=f"p = {p}")
        predicted = values[-1, 0] * (dimensions / dimensions[-1]) ** (1 / p - 1 / 2)
        left.loglog(dimensions, predicted, "--", color=colour)
        right.loglog(dimensions, values[:, 1], marker + "-", color=colour, label=f"p = {p}")
    left.set(xlabel="dimension", ylabel="farthest − nearest distance")
    right.set(xlabel="dimension", ylabel="(farthest − nearest) / nearest")
    left.legend()
    return figure


def draw_sparsity(
    few: np.ndarray, filled: Sequence[float], expected: np.ndarray, dimensions: np.ndarray
) -> Figure:
    """Draw the share of cells that points fill, and the edge of a cube that holds some of them.

    Parameters
    ----------
    few
        Dimensions of the left plot.
    filled, expected
        Share of the cells in each of them, measured and expected.
    dimensions
        Dimensions of the right plot.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.semilogy(few, expected, color=plots.GREY)
    left.semilogy(few, filled, "o")
    left.set(xlabel="dimension", ylabel="share of cells filled")
    for share, style in ((0.01, "-"), (0.1, "--")):
        edge = share ** (1 / dimensions)
        right.semilogx(dimensions, edge, style, label=f"{share:.0%} of the points")
    right.set(xlabel="dimension", ylabel="edge of the cube", ylim=(0, 1))
    right.legend()
    return figure


def draw_without_labels(z: np.ndarray, y: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw an embedding twice: with its classes, and in one colour."""
    panels = {
        "coloured by class": (z, y),
        "as a method without labels sees it": (z, np.full(len(z), NOISE)),
    }
    return plots.scatter_panels(panels, names=classes)


def draw_embeddings(arrays: Arrays, methods: Sequence[str], classes: Sequence[str]) -> Figure:
    """Draw the embeddings of `methods` that `arrays` holds, one panel a method."""
    panels = {
        method: (arrays[method].astype(float), arrays["labels"])
        for method in methods
        if method in arrays
    }
    return plots.scatter_panels(panels, names=classes) if panels else draw_not_run()


def draw_full_scale(dataset: str) -> Figure:
    """Draw the embeddings that a full-scale run kept for a data set."""
    return draw_embeddings(kept(CHAPTER, dataset), PICTURES, entry(dataset).classes)


def draw_scree(curves: Arrays) -> Figure:
    """Draw shares of variance by component, single and cumulative, one line a label."""
    if not curves:
        return draw_not_run()
    figure, (single, summed) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    styles = zip(plots.colours(len(curves)), _MARKERS, curves.items(), strict=False)
    for colour, marker, (label, ratio) in styles:
        component = np.arange(1, len(ratio) + 1)
        style = {"ms": 3, "color": colour, "label": label}
        single.semilogy(component, ratio, marker + "-", **style)
        summed.plot(component, np.cumsum(ratio), marker + "-", **style)
    single.set(xlabel="component", ylabel="share of the variance")
    summed.set(xlabel="components", ylabel="cumulative share", ylim=(0, 1))
    summed.legend(loc="lower right")
    return figure


def draw_full_scale_scree() -> Figure:
    """Draw the shares of variance that full-scale runs kept, one line a data set."""
    stored = {name: kept(CHAPTER, name).get("variance of pca50") for name in DATASETS}
    return draw_scree({name: ratio for name, ratio in stored.items() if ratio is not None})


def draw_structure(found: pd.DataFrame) -> Figure:
    """Draw one panel a measure, with methods as rows and data sets as marks.

    Measures that mean nothing for a method are left out, as in the tables.

    Parameters
    ----------
    found
        Records; what stands first is on top.
    """
    if found.empty:
        return draw_not_run()
    found = comparable(found)
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(9, 4), sharey=True, layout="constrained")
    methods = list(dict.fromkeys(found["method"]))[::-1]
    names = list(dict.fromkeys(found["dataset"]))
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        for i, name in enumerate(names):
            rows = found[found["dataset"] == name]
            values = pd.Series([m.get(measure, np.nan) for m in rows["metrics"]], dtype=float)
            means = values.groupby(rows["method"].to_numpy()).mean().reindex(methods)
            height = np.arange(len(methods)) + 0.12 * (len(names) / 2 - i)
            colour = plots.colours(len(_MARKERS))[i]
            ax.plot(means, height, _MARKERS[i], ms=5, color=colour, label=name)
        ax.set(title=title, xlim=(min(0, ax.get_xlim()[0]), 1.03), yticks=range(len(methods)))
        ax.grid(axis="y", alpha=0.4)
    axes[0].set_yticklabels(methods)
    if len(names) > 1:
        handles = axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=len(names))
    return figure
