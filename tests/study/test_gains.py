"""Gains have the intervals of Student and Welch, and words that follow from them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from latentbook.errors import LatentbookError
from latentbook.study import gains

SCORES = st.lists(st.floats(0, 1).map(lambda x: round(x, 4)), min_size=3, max_size=12)


@given(SCORES, st.integers(0, 99))
def test_pairs_have_the_interval_of_scipy(values, seed):
    first = pd.Series(values)
    second = first + np.random.default_rng(seed).normal(0.01, 0.05, len(first))
    gain = gains.compare(first, second)
    expected = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (gain.low, gain.high) == pytest.approx((expected.low, expected.high))
    assert (gain.n, gain.paired) == (len(first), True)


@given(SCORES, SCORES)
def test_without_pairs_the_interval_is_the_one_of_welch(one, other):
    first, second = pd.Series(one), pd.Series(other)
    assume(first.std() > 1e-6)
    assume(second.std() > 1e-6)
    gain = gains.compare(first, second, paired=False)
    test = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (gain.low, gain.high) == pytest.approx((test.low, test.high))
    assert gain.n == min(len(first), len(second))


@pytest.mark.parametrize(
    ("differences", "word"),
    [
        ([0.10, 0.11, 0.12], "better"),
        ([-0.10, -0.11, -0.12], "worse"),
        ([0.001, -0.002, 0.001], "no difference"),
        ([0.10, -0.12, 0.02], "undecided"),
        ([0.10, 0.02], "undecided"),  # two runs must agree well: 12.7 standard errors
        ([0.10], "one run"),
        ([0.0, 0.0, 0.0], "no difference"),
        ([0.05, 0.05], "better"),  # both methods know no chance
    ],
)
def test_words(differences, word):
    assert gains.of(differences).word == word
    assert word in gains.WORDS


def test_the_margin_says_what_is_no_difference():
    differences = [0.3, -0.2, 0.1, -0.1]
    assert gains.of(differences).word == "undecided"
    assert gains.of(differences, margin=gains.margin_of(25.0)).word == "no difference"


@given(SCORES, st.integers(0, 99))
def test_exchanged_methods_exchange_the_words(values, seed):
    first = pd.Series(values)
    second = first + np.random.default_rng(seed).normal(0.0, 0.1, len(first))
    swap = {"better": "worse", "worse": "better"}
    for paired in (True, False):
        there = gains.compare(first, second, paired=paired)
        back = gains.compare(second, first, paired=paired)
        assert back.word == swap.get(there.word, there.word)
        assert back.mean == pytest.approx(-there.mean)
        less = gains.compare(first, second, paired=paired, higher_is_better=False)
        assert less.word == back.word


def test_only_runs_that_both_have_are_paired_whatever_their_order():
    first = pd.Series({"a": 0.9, "b": 0.8, "c": 0.1})
    second = pd.Series({"d": 0.0, "b": 0.7, "a": 0.8})
    gain = gains.compare(first, second)
    assert (gain.n, gain.mean) == (2, pytest.approx(0.1))


def test_a_run_that_was_repeated_counts_once():
    first = pd.Series([0.9, 0.7, 0.5], index=[0, 0, 1])
    second = pd.Series([0.6, 0.4], index=[0, 1])
    gain = gains.compare(first, second)
    assert (gain.n, gain.mean) == (2, pytest.approx(0.15))


def test_a_single_run_has_no_interval():
    gain = gains.compare(pd.Series([0.9]), pd.Series([0.5]))
    assert (gain.word, gain.low, gain.high) == ("one run", -math.inf, math.inf)
    lonely = gains.compare(pd.Series([0.9]), pd.Series([0.5, 0.6]), paired=False)
    assert (lonely.word, lonely.n) == ("one run", 1)


@given(st.integers(2, 30))
def test_more_runs_with_the_same_spread_sharpen(n):
    few, more = gains.of([-1, 1] * n), gains.of([-1, 1] * (n + 1))
    assert more.high - more.low < few.high - few.low


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (pd.Series([0.9], index=[0]), pd.Series([0.9], index=[1]), "paired=False"),
        (pd.Series([], dtype=float), pd.Series([0.9]), "without runs"),
        (pd.Series({"seed 3": math.nan, "x": 1.0}), pd.Series([0.9]), "run 'seed 3' has the score"),
    ],
)
def test_nothing_to_compare_is_an_error_that_says_so(first, second, words):
    with pytest.raises(LatentbookError, match=words):
        gains.compare(first, second)
