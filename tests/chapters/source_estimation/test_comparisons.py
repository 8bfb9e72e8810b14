"""Tables and figures of rules: means of the records, intervals of the ranks, in made-up numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from latentbook.chapters.source_estimation import CHAPTER, comparisons, figures, ranks, tables
from latentbook.study.judge import compare
from latentbook.study.method import Method
from latentbook.study.tables import NOT_RUN

from ... import made
from ...made import rows_of
from .test_tables import NUMBERS

N_WINDOWS, N_SITES = 70, 4
RULES = (
    *comparisons.RULES,
    *(f"{name} + likelihood in the cluster" for name in comparisons.NETWORKS),
    *(f"{name} + k-means" for name in comparisons.INPUTS),
)
TASKS = [
    f"{rule}, {change}" for rule in comparisons.FAIRER for change in ("as it is", "lasts 12 h")
]


def share_of(method):
    """Return how often a rule is right here: each another share."""
    return 0.2 + 0.5 * ((*RULES, *TASKS).index(method) + 1) / (len(RULES) + len(TASKS))


@pytest.fixture(scope="module")
def arrays():
    """Ranks of all rules, seeds 0 and 1, in which a rule that is better misses a part of the same.

    All rules look at the same draw, so that differences are between releases and not by chance.
    """
    rng = np.random.default_rng(0)
    found = {"index": np.arange(N_WINDOWS) * 24}
    for seed in (0, 1):
        luck = rng.random(N_WINDOWS * N_SITES)
        for method in (*RULES, *TASKS):
            for n in comparisons.READINGS:
                rank = np.where(luck < share_of(method), 1, 2).astype(np.uint8)
                asked = comparisons.condition(method, n)
                found[ranks.key(method, seed, **asked)] = rank
    curve = np.stack([np.linspace(0.05, 0.95, 10), np.linspace(0.05, 0.75, 10), np.full(10, 50)])
    for kind in ("as it is", "tempered"):
        for n in comparisons.READINGS:
            name = ranks.key("any weather + likelihood", 0, readings=n)
            found[f"reliability {kind}; {name}"] = curve
    return ranks.merged([found])


@pytest.fixture(scope="module")
def measured(arrays):
    rows = []
    for method in (*RULES, *TASKS, *(f"{name} + k-means" for name in comparisons.NETWORKS)):
        for n in comparisons.READINGS:
            for seed in (0, 1):
                asked = comparisons.condition(method, n)
                rank = arrays.get(ranks.key(method, seed, **asked), np.array([1, 2]))
                ten = "windows" in asked or method == "mean plume"
                params = {"readings": n} | ({"descriptor": 10} if ten else {})
                params |= {"read_level": 900.0} if Method.parse(method).change else {}
                metrics = {
                    "top1": float((rank == 1).mean()),
                    "top3": 1.0,
                    "log_score": 1.5,
                    "calibration_error": 0.2,
                    "temperature": 2.5,
                    "log_score_tempered": 1.1,
                    "calibration_error_tempered": 0.05,
                }
                rows.append(
                    made.record(
                        method, seed, chapter=CHAPTER, dataset="weather-simulated", params=params,
                        **metrics,
                    )
                )  # fmt: skip
    return pd.DataFrame(rows)


def plain(cell):
    return cell.replace("\u00a0", " ")


def test_shares_are_means_of_the_records_with_intervals_of_the_ranks(measured, arrays):
    found = comparisons.Found(measured, "weather-simulated")
    header, *rows = rows_of(comparisons.baselines(found, arrays))
    assert header[0] == "rule"
    assert header[1:3] == ["10 readings, top 1", "10 readings, top 3"]
    by_rule = {row[0]: row for row in rows}
    own = by_rule["site nearest to any reading"]
    mean, low, high = ranks.share(arrays, "nearest site", {"readings": 10})
    assert plain(own[1]) == f"{mean:.3f} [{low:.3f}, {high:.3f}]"
    assert own[-1] == "2"
    assert by_rule["cosine, cluster of conv"][1] == "0.500"  # a network has no ranks


def test_differences_are_those_of_the_ranks(arrays):
    rows = rows_of(comparisons.differences(arrays))[1:]
    name = "likelihood, any weather − cosine, mean plume"
    (row,) = [row for row in rows if row[0] == name]
    gain = comparisons.gain(arrays, "any weather + likelihood", "mean plume", 10)
    assert gain[0] > 0
    assert plain(row[1]).replace("−", "-").startswith(f"{100 * gain[0]:+.1f} [")


def test_inputs_show_share_and_gain(measured, arrays):
    found = comparisons.Found(measured, "weather-simulated")
    rows = rows_of(comparisons.inputs(found, arrays))[1:]
    assert [row[0] for row in rows] == list(comparisons.INPUTS.values())
    share = found.mean("wind + k-means", 10, "top1")
    assert rows[-2][1].startswith(f"{share:.3f}: +")


def test_tasks_are_rows_as_it_is_first(measured, arrays):
    found = comparisons.Found(measured, "weather-simulated")
    first, _, among = comparisons.fairer(found, arrays, 10).partition("::::{dropdown}")
    assert [row[0] for row in rows_of(first)[1:]] == ["as it is", "lasts 12 h"]
    assert [row[1] for row in rows_of(among)[1:]] == ["1.000", "1.000"]


def test_calibration_has_a_row_for_each_number_of_readings(measured):
    rows = rows_of(comparisons.calibration(comparisons.Found(measured, "weather-simulated")))[1:]
    assert rows[0] == [
        "likelihood, any weather", "10", "1.500", "0.200", "2.500", "1.100", "0.050",
    ]  # fmt: skip
    assert len(rows) == 2 * len(comparisons.CALIBRATED)


def test_a_page_without_ranks_is_not_run(measured, own_project):
    pages = tables.generated(measured, compare(NUMBERS, measured))
    assert pages["06-baselines.md"] == pages["06-real.md"] == NOT_RUN


def test_pages_are_made_where_ranks_were_kept(measured, arrays, own_project, monkeypatch):
    monkeypatch.setattr(ranks, "full_scale", lambda name: arrays if "simulated" in name else {})
    pages = tables.generated(measured, compare(NUMBERS, measured))
    for name in ("baselines", "differences", "inputs", "calibration", "fairer"):
        assert ":::" in pages[f"06-{name}.md"] or "|" in pages[f"06-{name}.md"]
    accuracy = [row[0] for row in rows_of(pages["06-accuracy.md"])]
    assert "wind" not in accuracy
    assert "any weather" not in accuracy


def test_every_record_has_one_place(measured):
    for method in measured["method"].unique():
        one = pd.DataFrame([{"method": method, "params": {}}])
        places = [
            bool(Method.parse(method).change),
            comparisons.is_baseline(method),
            len(tables.unchanged(one)) == 1,
        ]
        assert sum(places) == 1, method


def test_a_live_table_has_a_row_a_rule_and_a_column_a_number_of_readings(measured):
    part = measured[(measured["seed"] == 0)].to_dict("records")
    header, *rows = rows_of(comparisons.live(part, "made", name="tbl-live"))
    assert header == ["rule", "10 readings", "30 readings"]
    assert len(rows) == measured["method"].nunique()
    assert rows[-1][1] == "0.500 / 1.000"


def test_the_figure_of_rules_has_a_dot_a_rule_in_every_panel(measured, arrays):
    axes = figures.draw_rules(measured, arrays).axes
    labels = [label.get_text() for label in axes[0].get_yticklabels()]
    assert len(labels) == len(comparisons.RULES) + len(comparisons.NETWORKS)
    for ax in axes:
        dots = [line for line in ax.lines if line.get_marker() == "o"]
        assert len(dots) == len(labels)
    xs = [line.get_xdata()[0] for line in axes[0].lines if line.get_marker() == "o"]
    assert xs == sorted(xs)
    plt.close("all")


def test_the_figure_of_reliability_shows_promised_and_found(arrays):
    axes = figures.draw_reliability(arrays).axes
    for ax in axes:
        curves = {line.get_label(): line for line in ax.lines}
        assert {"as it is", "tempered"} <= set(curves)
        assert curves["as it is"].get_xdata()[-1] == pytest.approx(0.95)
        assert curves["as it is"].get_ydata()[-1] == pytest.approx(0.75)
    assert len(figures.draw_reliability({}).axes) == 2
    plt.close("all")
