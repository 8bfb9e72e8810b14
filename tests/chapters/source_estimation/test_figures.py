"""Figures of source estimation and its interactive map, drawn from what the study keeps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from latentbook.chapters.source_estimation import figures
from latentbook.study.result import as_records

from .conftest import SITES


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_plumes_of_one_site_in_windows_of_the_test_period(weather, plumes):
    figure = figures.draw_plumes(weather, plumes, SITES, 1)
    tested = weather.times[weather.testing & plumes.usable].astype("datetime64[h]")
    assert len(figure.axes) == 4
    assert figure.axes[0].get_title() == f"{tested[0]} h"
    assert figure.axes[-1].get_title() == f"{tested[-1]} h"


def test_a_case_ranks_the_sites_by_similarity(result):
    similarity = result.arrays["likeness"][0, 1].astype(float)
    bars = figures.draw_case(result.arrays, SITES, 0, 1).axes[2]
    assert sorted(labels(bars)) == sorted(SITES["site"])
    own = dict(zip(SITES["site"], similarity, strict=True))
    assert [own[name] for name in labels(bars)] == sorted(similarity)
    assert [bar.get_width() for bar in bars.patches] == pytest.approx(sorted(similarity))
    readings = figures.draw_case(result.arrays, SITES, 0, 1).axes[0].collections[-1]
    assert len(readings.get_offsets()) == result.arrays["readings"][0, 1].sum()


def test_sites_are_coloured_by_how_often_they_come_first(result):
    ax = figures.draw_sites_found(result.arrays, SITES).axes[0]
    assert [text.get_text() for text in ax.texts] == ["A", "B", "C", "D"]
    (dots,) = [c for c in ax.collections if c.get_array() is not None]
    assert np.asarray(dots.get_array()) == pytest.approx(result.arrays["found_first"])


def test_the_line_of_chance_counts_the_sites_of_the_run(result):
    records = pd.DataFrame(as_records(result, "quick"))
    for top, expected in ((1, 0.25), (3, 0.75)):
        (ax,) = figures.draw_accuracy(records, top=top).axes
        (line,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert list(line.get_xdata()) == [expected, expected]
    means = {m: s[f"top{top}"] for m, s in zip(records["method"], records["metrics"], strict=True)}
    titles = {"k-means raw": "raw fields", "pca4 + k-means": "pca4"}
    order = [titles.get(m, m) for m in sorted(means, key=means.get)]
    assert labels(ax) == order


def test_the_line_of_chance_is_a_twentieth_for_records_without_the_number():
    metrics = {"top1": 0.4, "top1_low": 0.3, "top1_high": 0.5}
    params = {"readings": 10, "descriptor": 1}
    row = {"method": "mean plume", "params": params, "metrics": metrics}
    (ax,) = figures.draw_accuracy(pd.DataFrame([row])).axes
    assert ax.get_title() == "10 readings, 1 window"
    assert [list(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "--"] == [
        [0.05, 0.05]
    ]


def test_no_point_of_a_variation_is_cut_off():
    """The panels share their scale, and the largest value stands in the last one."""
    rows = [
        {"method": f"{method}, {name} {value}", "metrics": {"top1": top1}, "seed": seed}
        for method, least in (("k-means raw", 0.3), ("true weather", 0.6))
        for seed in (0, 1)
        for name, value, top1 in (
            ("smoothing", 1.0, least), ("k", 5, least), ("readings", 3, least),
            ("readings", 100, 0.93 + 0.02 * seed),
        )
    ]  # fmt: skip
    axes = figures.draw_variations(pd.DataFrame(rows)).axes
    assert [ax.get_xlabel() for ax in axes] == ["smoothing, cells", "clusters", "readings"]
    assert all(ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 0.94 for ax in axes)
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes[2].lines}
    assert drawn["raw fields"] == [[3, pytest.approx(0.3)], [100, pytest.approx(0.94)]]
    assert set(drawn) == {"raw fields", "true weather"}


def test_figures_of_no_records_are_empty():
    nothing = pd.DataFrame(columns=["method", "params", "metrics"])
    assert len(figures.draw_accuracy(nothing).axes) == 1
    assert len(figures.draw_variations(nothing).axes) == 3
