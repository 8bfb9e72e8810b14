"""Figures of chapter 01, from made-up arrays and records."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook import plots
from latentbook.chapters.dimensionality_reduction import CHAPTER, MEASURES, figures
from latentbook.study import figure_arrays
from tests.chapters.dimensionality_reduction.test_tables import record
from tests.made import frame

pytestmark = pytest.mark.usefixtures("agg_figures")


def arrays(*methods: str, n: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    pictures = {method: rng.normal(size=(n, 2)).astype(np.float16) for method in methods}
    return pictures | {"index": np.arange(n), "labels": np.arange(n, dtype=np.uint8) % 3}


def titles(figure) -> list[str]:
    figure.canvas.draw()  # fails where an artist cannot be drawn
    return [ax.get_title() for ax in figure.axes]


def says_not_run(figure) -> bool:
    return [text.get_text() for ax in figure.axes for text in ax.texts] == ["not run"]


def test_contrast_and_the_slope_of_the_theorem_through_its_last_point():
    dimensions = np.array([2, 8, 32])
    contrasts = {p: np.array([[1.0, 3], [2, 2], [3 * p, 1]]) for p in (1, 2, 3)}
    left, right = figures.draw_contrast(dimensions, contrasts).axes
    assert [line.get_label() for line in left.lines[::2]] == ["p = 1", "p = 2", "p = 3"]
    for p, line in zip(contrasts, left.lines[1::2], strict=True):
        predicted = line.get_ydata()
        assert predicted[-1] == 3 * p
        slope = np.log(predicted[2] / predicted[1]) / np.log(4)
        assert slope == pytest.approx(1 / p - 1 / 2)
    np.testing.assert_array_equal(right.lines[1].get_ydata(), [3, 2, 1])


def test_sparsity_and_the_edge_of_a_cube():
    few, dimensions = np.array([1, 2]), np.array([2, 100])
    left, right = figures.draw_sparsity(few, [1.0, 0.5], np.array([1.0, 0.6]), dimensions).axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), [1.0, 0.6])
    np.testing.assert_array_equal(left.lines[1].get_ydata(), [1.0, 0.5])
    assert right.lines[0].get_ydata() == pytest.approx([0.1, 0.955], abs=1e-3)


def test_embeddings_that_are_there_are_drawn_in_the_order_asked_for():
    figure = figures.draw_embeddings(arrays("umap2", "pca2"), ["pca2", "tsne2", "umap2"], "abc")
    assert titles(figure) == ["pca2", "umap2"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b", "c"]
    assert says_not_run(figures.draw_embeddings(arrays(), ["pca2"], "abc"))


def test_without_labels_all_points_are_grey():
    z, y = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9) % 3
    coloured, plain = figures.draw_without_labels(z, y, "abc").axes
    assert len(coloured.collections[1].get_offsets()) == 9
    assert len(plain.collections[0].get_offsets()) == 9  # the layer of noise
    assert len(plain.collections[1].get_offsets()) == 0


def test_scree_curves_single_and_summed():
    ratio = np.array([0.5, 0.3, 0.1])
    single, summed = figures.draw_scree({"digits": ratio, "mnist": ratio / 2}).axes
    np.testing.assert_array_equal(single.lines[0].get_ydata(), ratio)
    np.testing.assert_allclose(summed.lines[1].get_ydata(), [0.25, 0.4, 0.45])
    assert summed.lines[1].get_label() == "mnist"
    assert says_not_run(figures.draw_scree({}))


def test_full_scale_figures_draw_what_was_kept(own_project):
    assert says_not_run(figures.draw_full_scale("mnist"))
    assert says_not_run(figures.draw_full_scale_scree())
    kept = arrays("tsne2", "hog + umap2") | {"variance of pca50": np.array([0.4, 0.2])}
    figure_arrays.save(f"{CHAPTER[:2]}-mnist", kept, figure_arrays.folder("paper", 0))
    assert titles(figures.draw_full_scale("mnist")) == ["tsne2", "hog + umap2"]
    single, _ = figures.draw_full_scale_scree().axes
    assert [line.get_label() for line in single.lines] == ["mnist"]


def test_structure_has_a_panel_a_measure_and_a_mark_a_data_set():
    rows = frame(
        record("mnist", "raw", metrics={"trustworthiness": 1.0}),
        record("usps", "raw", metrics={"trustworthiness": 0.8}),
        record("usps", "raw", seed=1, metrics={"trustworthiness": 0.6}),
        record("usps", "pca2", metrics={"trustworthiness": 0.3}),
    )
    figure = figures.draw_structure(rows)
    assert titles(figure) == list(MEASURES.values())
    mnist, usps = figure.axes[0].lines
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["pca2", "raw"]
    np.testing.assert_array_equal(mnist.get_xdata(), [np.nan, 1.0])
    np.testing.assert_allclose(usps.get_xdata(), [0.3, 0.7])
    assert usps.get_color() == plots.colours(5)[1]
    assert [text.get_text() for text in figure.legends[0].texts] == ["mnist", "usps"]
    assert says_not_run(figures.draw_structure(pd.DataFrame()))
