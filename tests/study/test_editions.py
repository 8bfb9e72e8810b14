"""The first edition of the rule is kept as it was, beside the second and a plain one."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import made
from tests.made import frame, record

from latentbook.study import editions, judge, records


def test_the_last_verdicts_of_the_first_edition_never_change():
    kept = editions.kept()
    assert kept["verdict"].value_counts().to_dict() == {
        "reproduced": 111,
        "not comparable": 81,
        "higher": 32,
        "lower": 8,
        "not run": 4,
    }
    judged = kept[kept["verdict"].isin(["reproduced", "higher", "lower"])]
    for row in judged.to_dict("records"):
        p, m, s = float(row["printed"]), float(row["mean"]), float(row["spread"])
        tolerance = max(0.02 * max(1.0, abs(p)), 2 * s)
        assert (row["verdict"] == "reproduced") == (abs(m - p) <= tolerance + 1e-5), row


def test_every_published_number_has_its_first_verdict_beside_it():
    compared = judge.compare(judge.published(), records.read())
    first = editions.with_first(compared)["first"]
    assert (first != "–").sum() == len(editions.kept()) == 236
    new = judge.compare(made.published(value=0.1234), frame())
    assert editions.with_first(new)["first"].tolist() == ["–"]


def test_without_the_file_no_number_has_a_first_verdict(own_project):
    compared = judge.compare(judge.published(), frame())
    assert set(editions.with_first(compared)["first"]) == {"–"}


@pytest.mark.parametrize(
    ("published", "runs", "expected"),
    [
        (0.5, [0.52], "reproduced"),
        (0.5, [0.521], "higher"),
        (0.5, [0.479], "lower"),
        (0.5, [0.5, 0.6], "reproduced"),
        (6, [8, 9, 10], "higher"),
        (20553, [20553], "reproduced"),
    ],
)
def test_the_first_rule(published, runs, expected):
    assert editions.first(published, runs) == expected


@given(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_the_printed_digits_are_the_strictest_rule(published, runs):
    if editions.plain(published, runs, rounding=0.005) == "reproduced":
        assert editions.first(published, runs) == "reproduced"
        assert judge.verdict(published, runs) in ("reproduced", "undecided", "one run, within")


def test_three_rules_judge_the_same_rows():
    numbers = pd.concat(
        [made.published(), made.published(metric="nmi"), made.published(dataset="mnist")],
        ignore_index=True,
    )
    runs = [record(seed=seed, acc=acc) for seed, acc in enumerate((0.45, 0.55))]
    three = editions.under_three_rules(judge.compare(numbers, frame(*runs)))
    assert len(three) == 1  # the others were not run
    words = three.iloc[0][["by first", "by second", "by digits"]].tolist()
    assert words == ["reproduced", "undecided", "reproduced"]
