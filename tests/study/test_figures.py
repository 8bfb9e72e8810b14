"""Figures that more than one chapter draws, from made-up records."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook.study import figures

pytestmark = pytest.mark.usefixtures("agg_figures")


def record(dataset: str, method: str, acc: float | None, part: str = "all") -> dict:
    metrics = {} if acc is None else {"acc": acc}
    return {
        "dataset": dataset,
        "method": method,
        "metrics": metrics,
        "params": {"evaluated_on": part},
    }


def dots(ax) -> dict[str, list[float]]:
    """Return the values drawn beside each label of a panel."""
    ax.figure.canvas.draw()
    points = np.concatenate([group.get_offsets() for group in ax.collections])
    # the panels share their labels, which stand beside the first
    names = [tick.get_text() for tick in ax.figure.axes[0].get_yticklabels()]
    found: dict[str, list[float]] = {name: [] for name in names}
    for value, height in points:
        found[names[round(float(height))]].append(round(float(value), 6))
    return found


def test_a_panel_a_data_set_a_dot_a_seed_and_the_best_method_on_top():
    rows = [
        record("mnist", "k-means raw", 0.5),
        record("mnist", "k-means raw", 0.52),
        record("mnist", "umap2 + mixture", 0.9),
        record("digits", "k-means raw", 0.7),
        record("mnist", "umap2 + mixture", 0.1, part="test"),
        record("mnist", "cae10", None),
    ]
    figure = figures.draw_accuracy(pd.DataFrame(rows))
    left, right = figure.axes
    assert [left.get_title(), right.get_title()] == ["digits", "mnist"]
    assert right.get_xlim() == (0, 1)
    assert dots(right) == {"umap2 + mixture": [0.9], "k-means raw": [0.5, 0.52]}
    assert dots(left) == {"umap2 + mixture": [], "k-means raw": [0.7]}


def test_without_records_the_panel_says_so():
    columns = ["dataset", "method", "metrics", "params"]
    figure = figures.draw_accuracy(pd.DataFrame(columns=columns))
    assert [ax.get_title() for ax in figure.axes] == ["not run"]
    assert [text.get_text() for text in figures.draw_not_run().axes[0].texts] == ["not run"]
