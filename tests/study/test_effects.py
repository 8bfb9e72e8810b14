"""Orders and effects: the list fits the published numbers, and words follow from the runs."""

from __future__ import annotations

import pandas as pd
import pytest
from tests import made
from tests.made import frame, record

from latentbook.errors import LatentbookError
from latentbook.study import effects, gains, judge, records
from latentbook.study.effects import COMPARISONS, Comparison, Side


@pytest.fixture(scope="module")
def numbers():
    return judge.published()


@pytest.mark.parametrize("question", sorted({c.question for c in COMPARISONS}))
def test_both_sides_of_every_comparison_are_published(numbers, question):
    for one in (c for c in COMPARISONS if c.question == question):
        for side in (one.first, one.second):
            assert effects.printed_row(numbers, one, side)["metric"] == side.metric


def test_no_comparison_is_listed_twice_under_one_question():
    keys = [(c.question, c.table, c.dataset, str(c.first), str(c.second), c.first.metric)
            for c in COMPARISONS]  # fmt: skip
    assert len(set(keys)) == len(keys) >= 100


def test_the_effects_of_figure_20_are_those_of_the_thesis(numbers):
    """Known differences: k-means on raw fields, top 1, in points of per cent."""
    known = {(10, 1, 10): 6.4, (10, 1, 30): 10.3}
    for one in COMPARISONS:
        if one.question.startswith("ten windows") and one.first.method == "k-means raw":
            first, second = (effects.printed_row(numbers, one, s) for s in (one.first, one.second))
            key = (
                one.first.params["descriptor"],
                one.second.params["descriptor"],
                one.first.params["readings"],
            )
            if one.first.metric == "top1":
                gain = 100 * (first["value"] - second["value"])
                assert gain == pytest.approx(known.pop(key), abs=0.06)
    assert not known


def two_numbers(first=0.6, second=0.5):
    table = {"table": "table 12.1", "dataset": "digits"}
    return pd.concat(
        [
            made.published(method="umap2 + k-means", value=first, printed=f"{first:.4f}", **table),
            made.published(method="k-means raw", value=second, printed=f"{second:.4f}", **table),
        ],
        ignore_index=True,
    )


def one_comparison(paired=True):
    sides = Side("umap2 + k-means", "acc"), Side("k-means raw", "acc")
    return Comparison("which", "fernandez2020", "table 12.1", "digits", *sides, paired=paired)


def runs(first, second):
    return frame(
        *(record("umap2 + k-means", seed, acc=acc) for seed, acc in enumerate(first)),
        *(record("k-means raw", seed, acc=acc) for seed, acc in enumerate(second)),
    )


@pytest.mark.parametrize(
    ("first", "second", "order", "size"),
    [
        ([0.61, 0.62, 0.60], [0.51, 0.52, 0.51], "same order", "as printed"),
        ([0.54, 0.55, 0.53], [0.51, 0.52, 0.51], "same order", "smaller here"),
        ([0.81, 0.82, 0.80], [0.51, 0.52, 0.51], "same order", "larger here"),
        ([0.41, 0.42, 0.41], [0.51, 0.52, 0.51], "opposite order", "–"),
        ([0.51, 0.52, 0.51], [0.51, 0.52, 0.51], "no difference here", "–"),
        ([0.70, 0.50, 0.60], [0.50, 0.60, 0.70], "undecided", "–"),
        ([0.60], [0.50], "one run, same order", "–"),
        ([0.40], [0.50], "one run, opposite order", "–"),
        ([], [0.50], "not run", "–"),
    ],
)
def test_words(monkeypatch, first, second, order, size):
    monkeypatch.setattr(effects, "COMPARISONS", (one_comparison(),))
    row = effects.judged(two_numbers(), runs(first, second)).iloc[0]
    assert (row["order"], row["size"]) == (order, size)
    assert row["printed"] == pytest.approx(0.1)
    assert row["order"] in effects.ORDERS
    assert row["size"] in effects.SIZES


def test_numbers_that_agree_to_their_digits_have_no_order(monkeypatch):
    monkeypatch.setattr(effects, "COMPARISONS", (one_comparison(),))
    row = effects.judged(two_numbers(0.5001, 0.5), runs([0.9, 0.9], [0.5, 0.5])).iloc[0]
    assert row["order"] == "printed as equal"


def test_a_wide_interval_says_nothing_about_the_size(monkeypatch):
    """Unpaired: the spread of both counts."""
    monkeypatch.setattr(effects, "COMPARISONS", (one_comparison(paired=False),))
    row = effects.judged(two_numbers(), runs([0.6, 0.64, 0.56, 0.6], [0.5, 0.46, 0.54, 0.5])).iloc[
        0
    ]
    assert (row["order"], row["size"]) == ("same order", "undecided")


def run(seed, value, network=None, backend=None):
    return {"seed": seed, "backend": backend, "network": network, "value": value}


COLUMNS = ["seed", "backend", "network", "value"]


@pytest.mark.parametrize(
    ("first", "second", "differences"),
    [
        # the network goes before the seed
        ([run(0, 0.9, "a")], [run(1, 0.5, "a"), run(0, 0.7, "b")], [0.4]),
        # without networks it is the seed
        ([run(0, 0.9), run(1, 0.8)], [run(1, 0.5), run(0, 0.7)], [0.2, 0.3]),
        # another backend draws another network
        ([run(0, 0.9, None, "jax")], [run(0, 0.5, None, "tf")], []),
        # a method that trains nothing has no backend
        ([run(0, 0.9, None, "jax")], [run(0, 0.5)], [0.4]),
        # a partner is given away once only
        ([run(0, 0.9, "a"), run(0, 0.8)], [run(0, 0.5, "a")], [0.4]),
        # of several the mean counts
        ([run(0, 0.9)], [run(0, 0.5), run(0, 0.7)], [0.3]),
        ([run(0, 0.9)], [run(1, 0.5)], []),
    ],
)
def test_runs_are_paired_with_what_shares_most(first, second, differences):
    frames = [pd.DataFrame(rows, columns=COLUMNS) for rows in (first, second)]
    assert effects.differences_by_run(*frames) == pytest.approx(differences)


def test_a_comparison_without_its_published_row_is_an_error():
    with pytest.raises(LatentbookError, match="has 0 rows for digits: umap2"):
        effects.printed_row(two_numbers().iloc[1:], one_comparison(), one_comparison().first)


def test_committed_orders_agree_with_the_gains_of_the_plain_means(numbers):
    """A decided order has the sign of the difference of the means that all can see."""
    every = records.read()
    judged = effects.judged(numbers, every)
    assert len(judged) == len(COMPARISONS)
    for one, row in zip(COMPARISONS, judged.to_dict("records"), strict=True):
        if one.paired or row["order"] not in ("same order", "opposite order"):
            continue
        means = []
        for side in (one.first, one.second):
            printed = effects.printed_row(numbers, one, side)
            summary = judge.summarise(judge.counterparts(every, printed), side.metric)
            means.append(summary["mean"])
        assert row["mean"] == pytest.approx(means[0] - means[1], abs=1e-6)
        same = (row["mean"] > 0) == (row["printed"] > 0)
        assert row["order"] == ("same order" if same else "opposite order")


def test_less_is_better_where_it_is():
    gain = gains.compare(pd.Series([7.0, 7.1]), pd.Series([9.0, 9.1]), higher_is_better=False)
    assert effects.order(2.0, gain) == "same order"
    assert "mass_volume" in effects.LESS_IS_BETTER
