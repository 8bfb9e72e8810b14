"""Which rows are taken: the random subsample, the thesis' sample, the one rule for a split."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentbook import sampling


@given(n=st.integers(0, 300), at_most=st.integers(1, 100), seed=st.integers(0, 5))
def test_a_subsample_is_sorted_without_repetition_and_repeats_by_seed(n, at_most, seed):
    rows = sampling.subsample(n, at_most, seed)
    assert len(rows) == min(n, at_most)
    assert (np.diff(rows) > 0).all()
    assert set(rows) <= set(range(n))
    np.testing.assert_array_equal(rows, sampling.subsample(n, at_most, seed))


def test_the_sample_of_the_thesis_is_the_same_ten_thousand():
    rows = sampling.thesis_sample(70_000, 10_000, seed=0)
    assert len(np.unique(rows)) == 9328
    np.testing.assert_array_equal(rows, np.random.RandomState(10).randint(0, 70_000, 10_000))
    np.testing.assert_array_equal(sampling.thesis_sample(5, 10, seed=3), np.arange(5))


def test_the_published_split_counts_else_the_last_third_is_held_out():
    train, test = sampling.split(10, 7)
    assert (list(train), list(test)) == ([*range(7)], [7, 8, 9])
    train, test = sampling.split(10)
    assert (list(train), list(test)) == ([*range(6)], [6, 7, 8, 9])
