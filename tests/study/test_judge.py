"""Verdicts follow the stated rule; the records that count are those that measure the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import made
from tests.made import frame, record

from latentbook.study import judge


@pytest.mark.parametrize(
    ("published", "mean", "spread", "expected"),
    [
        (0.5, 0.52, 0.0, "reproduced"),
        (0.5, 0.521, 0.0, "higher"),
        (0.5, 0.479, 0.0, "lower"),
        (0.5, 0.55, 0.025, "reproduced"),
        (0.5, 0.56, 0.025, "higher"),
        (6, 6, 0, "reproduced"),
        (6, 9, 1, "higher"),
        (20553, 20553, 0, "reproduced"),
    ],
)
def test_the_rule(published, mean, spread, expected):
    assert judge.verdict(published, mean, spread) == expected


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_the_rule_is_symmetric(published, mean, spread):
    swap = {"higher": "lower", "lower": "higher", "reproduced": "reproduced"}
    mirrored = judge.verdict(1 - published, 1 - mean, spread)
    if abs(abs(mean - published) - max(0.02, 2 * spread)) > 1e-9:
        assert mirrored == swap[judge.verdict(published, mean, spread)]


def test_mean_and_sample_spread_over_seeds():
    compared = judge.compare(made.published(), frame(record(acc=0.4), record(seed=1, acc=0.6)))
    row = compared.iloc[0]
    assert row["mean"] == pytest.approx(0.5)
    assert row["spread"] == pytest.approx(0.02**0.5)
    assert (row["n"], row["verdict"]) == (2, "reproduced")


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
    assert judge.compare(made.published(), frame(settled)).iloc[0]["verdict"] == "reproduced"
    counted = judge.compare(made.published(metric="parameters", value=20553), frame(short))
    assert counted.iloc[0]["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("source", "limit", "verdict"),
    [
        ("fernandez2020", 149, "not comparable"),
        ("fernandez2020", 150, "reproduced"),
        ("norlander2019", 1, "reproduced"),
        ("tsiatsios2019", 400, "not comparable"),
    ],
)
def test_a_limit_of_the_source_is_long_enough(source, limit, verdict):
    complete = record(acc=0.5, params={"max_epochs": limit})
    complete["metrics"] |= {"epochs": float(limit)}
    compared = judge.compare(made.published(source=source), frame(complete))
    assert compared.iloc[0]["verdict"] == verdict


def test_a_reason_overrules_a_number():
    compared = judge.compare(made.published(not_comparable="other data"), frame(record()))
    assert compared.iloc[0]["verdict"] == "not comparable"
