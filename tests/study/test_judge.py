"""Verdicts follow the stated rule; the records that count are those that measure the same."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import made
from tests.made import frame, record

from latentbook.errors import LatentbookError
from latentbook.study import judge

#: Quantiles of Student's t at 0.975 by degrees of freedom, from a printed table.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 29: 2.045}


@pytest.mark.parametrize(
    ("published", "runs", "expected"),
    [
        (0.5, [0.52, 0.52], "reproduced"),  # at the floor
        (0.5, [0.521, 0.521], "higher"),
        (0.5, [0.479, 0.479], "lower"),
        (0.5, [0.52, 0.54, 0.53], "reproduced"),  # 4.303 * 0.01 * sqrt(4 / 3) = 0.0497
        (0.5, [0.54, 0.56, 0.55], "higher"),  # 0.05 away
        (0.5, [0.51, 0.55, 0.53], "undecided"),  # twice as wide, beyond the cap
        (0.5, [0.71, 0.75, 0.73], "higher"),  # as wide, and far away
        (0.5, [0.52], "one run, within"),
        (0.5, [0.53], "one run, outside"),
        (6, [6, 6], "reproduced"),
        (6, [6, 7], "undecided"),
        (6, [9, 9], "higher"),
        (100, [102, 102], "reproduced"),  # 2 % of a value beyond 1
    ],
)
def test_the_rule(published, runs, expected):
    assert judge.verdict(published, runs) == expected
    assert expected in judge.VERDICTS


@pytest.mark.parametrize(("freedom", "quantile"), STUDENT.items())
def test_the_interval_is_the_one_for_one_more_run(freedom, quantile):
    n = freedom + 1
    runs = [0.5 + 0.1 * (-1) ** i for i in range(n)]
    expected = quantile * statistics.stdev(runs) * math.sqrt(1 + 1 / n)
    assert judge.half_width(runs) == pytest.approx(expected, rel=1e-3)


def test_one_more_run_lies_in_the_interval_in_95_of_100_cases():
    draws = np.random.default_rng(0).normal(size=(4000, 6))
    inside = [abs(x[5] - x[:5].mean()) <= judge.half_width(x[:5]) for x in draws]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.01)


RUNS = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(st.floats(0, 1), RUNS)
def test_the_rule_is_symmetric(published, runs):
    swap = {"higher": "lower", "lower": "higher"}
    there = judge.verdict(published, runs)
    mirrored = judge.verdict(1 - published, [1 - x for x in runs])
    tolerance = max(judge.FLOOR, judge.half_width(runs))
    on_the_line = abs(abs(np.mean(runs) - published) - tolerance) < 1e-6
    at_the_cap = abs(judge.half_width(runs) - judge.CAP) < 1e-6
    assert on_the_line or at_the_cap or mirrored == swap.get(there, there)


@given(st.floats(0, 1), RUNS, st.floats(0, 0.1))
def test_what_reproduced_promises(published, runs, rounding):
    """Never one run, and never further away than the cap and the rounding."""
    word = judge.verdict(published, runs, rounding=rounding)
    if len(runs) == 1:
        assert word in ("one run, within", "one run, outside")
    if word == "reproduced":
        assert abs(np.mean(runs) - published) <= judge.CAP + rounding + 1e-6


@given(st.integers(1, 20), st.floats(0.001, 0.3))
def test_more_runs_with_the_same_spread_sharpen(n, spread):
    def runs(pairs):  # mean 0.5, and the same standard deviation for any number of pairs
        deviation = spread * math.sqrt((2 * pairs - 1) / (2 * pairs))
        return [0.5 - deviation, 0.5 + deviation] * pairs

    few, more = runs(n), runs(n + 1)
    assert statistics.stdev(few) == pytest.approx(statistics.stdev(more))
    assert judge.half_width(more) < judge.half_width(few)
    decided = ("higher", "lower", "reproduced")
    for published in (0.3, 0.45, 0.5):
        before, after = judge.verdict(published, few), judge.verdict(published, more)
        assert before not in ("higher", "lower") or after == before
        assert before != "reproduced" or after in decided


def test_the_printed_digits_widen_the_tolerance():
    """A value printed as 0.3 may have been 0.35."""
    compared = judge.compare(made.published(value=0.3, printed="0.3"), twice(0.36))
    assert compared.iloc[0]["verdict"] == "reproduced"
    compared = judge.compare(made.published(value=0.3, printed="0.300"), twice(0.36))
    assert compared.iloc[0]["verdict"] == "higher"


@pytest.mark.parametrize(
    ("printed", "cut_off", "rounding"),
    [
        ("0.530", False, 0.0005),
        ("0.53", False, 0.005),
        ("0.53", True, 0.01),
        ("14", False, 0.0),  # a count
        ("1e-3", False, 0.0005),
    ],
)
def test_rounding(printed, cut_off, rounding):
    assert judge.rounding_of(printed, cut_off=cut_off) == pytest.approx(rounding)


def twice(*values, **about):
    """Records of two runs a value."""
    return frame(*(record(seed=seed, acc=v, **about) for seed, v in enumerate([*values, *values])))


def test_runs_that_give_the_printed_value_are_counted():
    """Two groups of runs; the source has one of the one group."""
    runs = frame(*(record(seed=i, acc=v) for i, v in enumerate((0.3448, 0.345, 0.437, 0.436))))
    row = judge.compare(made.published(value=0.345, printed="0.3450"), runs).iloc[0]
    assert (row["hits"], row["n"], row["verdict"]) == (2, 4, "undecided")


def test_mean_and_sample_spread_over_runs():
    compared = judge.compare(made.published(), frame(record(acc=0.4), record(seed=1, acc=0.6)))
    row = compared.iloc[0]
    assert row["mean"] == pytest.approx(0.5)
    assert row["spread"] == pytest.approx(0.02**0.5)
    assert (row["n"], row["verdict"], row["values"]) == (2, "undecided", (0.4, 0.6))


def test_without_records_everything_is_not_run_and_columns_stay():
    compared = judge.compare(judge.published(), frame())
    assert set(compared["verdict"]) == {"not run", "not comparable"}
    assert len(compared) == len(judge.published())


def test_params_select_the_counterpart():
    rows = frame(
        record(acc=0.4, params={"gamma": 1}),
        record(acc=0.9, params={"gamma": 0.1}),
    )
    compared = judge.compare(made.published(params={"gamma": 0.1}), rows)
    assert compared.iloc[0]["mean"] == pytest.approx(0.9)


def test_the_longest_training_counts():
    rows = frame(
        record(acc=0.4, params={"max_epochs": 5}),
        record(acc=0.9, params={"max_epochs": 10}),
    )
    assert judge.compare(made.published(), rows).iloc[0]["mean"] == pytest.approx(0.9)


def test_a_part_of_the_samples_counts_only_where_it_is_named():
    parts = {"all": 0.5, "train": 0.6, "test": 0.7}
    rows = frame(*(record(acc=acc, params={"evaluated_on": p}) for p, acc in parts.items()))
    assert judge.compare(made.published(), rows).iloc[0]["mean"] == pytest.approx(0.5)
    named = judge.compare(made.published(params={"evaluated_on": "test"}), rows)
    assert named.iloc[0]["mean"] == pytest.approx(0.7)
    silent = judge.compare(made.published(params={"evaluated_on": "all"}), frame(record(acc=0.4)))
    assert silent.iloc[0]["mean"] == pytest.approx(0.4)


def test_training_that_ended_at_its_limit_is_not_comparable():
    short = record(acc=0.5, params={"max_epochs": 3})
    short["metrics"] |= {"epochs": 3.0, "parameters": 20553.0}
    settled = record(acc=0.5, params={"max_epochs": 400})
    settled["metrics"] |= {"epochs": 71.0}
    (verdict,) = judge.compare(made.published(), frame(short))["verdict"]
    (reason,) = judge.compare(made.published(), frame(short))["not_comparable"]
    assert (verdict, "trained 3 epochs here" in reason) == ("not comparable", True)
    assert judge.compare(made.published(), frame(settled)).iloc[0]["verdict"] == "one run, within"


def test_parameters_are_counted_and_not_reproduced():
    counted = record(params={"max_epochs": 3}, parameters=20553.0, epochs=3.0)
    for value, verdict in ((20553, "same count"), (20554, "other count")):
        numbers = made.published(metric="parameters", value=value)
        compared = judge.compare(numbers, frame(counted))
        assert compared.iloc[0]["verdict"] == verdict
        assert judge.headline(compared).sum() == 0


@pytest.mark.parametrize(
    ("source", "network", "limit", "verdict"),
    [
        ("fernandez2020", "cae10", 399, "not comparable"),
        ("fernandez2020", "cae10", 400, "one run, within"),
        ("fernandez2020", "cae2", 400, "not comparable"),
        ("norlander2019", "vae2", 400, "not comparable"),
    ],
)
def test_a_limit_of_the_source_counts_for_its_own_network(source, network, limit, verdict):
    complete = record(f"{network} + k-means", params={"max_epochs": limit}, acc=0.5, epochs=limit)
    numbers = made.published(source=source, method=f"{network} + k-means")
    assert judge.compare(numbers, frame(complete)).iloc[0]["verdict"] == verdict


def test_a_reason_overrules_a_number():
    compared = judge.compare(made.published(not_comparable="other data"), frame(record()))
    assert compared.iloc[0]["verdict"] == "not comparable"


def test_both_readings_of_an_ambiguous_row_are_judged():
    parts = [("train", 0.5), ("all", 0.7)] * 2
    rows = [
        record(seed=seed, acc=acc, params={"evaluated_on": part})
        for seed, (part, acc) in enumerate(parts)
    ]
    numbers = made.published(table="table 13.1", params={"evaluated_on": "train"})
    row = judge.compare(numbers, frame(*rows)).iloc[0]
    assert (row["verdict"], row["other_part"], row["other_verdict"]) == (
        "reproduced",
        "all",
        "higher",
    )
    clear = judge.compare(made.published(params={"evaluated_on": "train"}), frame(*rows)).iloc[0]
    assert pd.isna(clear["other_verdict"])


def test_a_number_that_is_printed_twice_counts_once():
    printed = ["0.7", "0.52845", "0.5284", "0.53", "0.54"]  # the third is cut off
    numbers = pd.concat(
        [made.published(value=float(text), printed=text) for text in printed], ignore_index=True
    )
    assert judge.statements(numbers) == [0, 1, 1, 1, 4]
    other = made.published(value=0.5284, printed="0.5284", dataset="mnist")
    assert judge.statements(pd.concat([numbers, other], ignore_index=True))[-1] == 5
    compared = judge.compare(numbers, twice(0.53))
    assert judge.headline(compared).sum() == 3
    assert judge.headline(compared.iloc[1:4]).sum() == 1


@pytest.mark.parametrize("printed", ["", "NaN", "about 0.3", "inf"])
def test_a_published_row_without_precision_is_named(own_project, printed):
    folder = own_project / "data" / "published"
    folder.unlink()
    folder.mkdir()
    columns = [name for name in judge.PUBLISHED_COLUMNS if name != "printed"]
    row = {"source": "a", "table": "table 1", "value": printed}
    lines = [",".join(columns), ",".join(row.get(name, "") for name in columns)]
    (folder / "a-table-1.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(LatentbookError, match=r"line 2 of a-table-1\.csv: .* has no precision"):
        judge.published()


@pytest.mark.parametrize("runs", [[], [0.5, math.nan]])
def test_no_verdict_without_numbers(runs):
    with pytest.raises(LatentbookError, match="a verdict needs numbers"):
        judge.verdict(0.5, runs)
