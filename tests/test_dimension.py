"""Contrast of distances and effective dimension: closed forms, loops, invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentbook import dimension
from latentbook.errors import LatentbookError


def test_contrast_is_what_a_loop_over_the_same_points_gives():
    rng = np.random.default_rng(5)
    absolute, relative = [], []
    for _ in range(3):
        lengths = [sum(value**3 for value in rng.random(4)) ** (1 / 3) for _ in range(7)]
        absolute.append(max(lengths) - min(lengths))
        relative.append(absolute[-1] / min(lengths))
    measured = dimension.contrast(4, 3, n_points=7, n_draws=3, random_state=5)
    assert measured == pytest.approx((np.mean(absolute), np.mean(relative)))


def test_contrast_in_one_dimension_is_the_range_of_uniform_points():
    """The expected range of k uniform points is (k - 1) / (k + 1)."""
    absolute, _ = dimension.contrast(1, 2, n_points=9, n_draws=4000, random_state=0)
    assert absolute == pytest.approx(8 / 10, abs=0.01)


@pytest.mark.parametrize("p", [0.5, 1, 2, 3])
def test_contrast_grows_as_the_theorem_says(p):
    few, many = (dimension.contrast(d, p, n_draws=60, random_state=0) for d in (128, 2048))
    assert np.log(many[0] / few[0]) / np.log(16) == pytest.approx(1 / p - 1 / 2, abs=0.08)
    assert np.log(many[1] / few[1]) / np.log(16) == pytest.approx(-1 / 2, abs=0.08)


def test_a_generator_goes_on_and_a_number_repeats():
    rng = np.random.default_rng(0)
    first, second = (dimension.contrast(3, 2, random_state=rng) for _ in range(2))
    assert first != second
    assert first == dimension.contrast(3, 2, random_state=0)


def test_relative_contrast_is_what_loops_give():
    X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    ratios = []
    for i, point in enumerate(X):
        others = [np.linalg.norm(point - other) for j, other in enumerate(X) if j != i]
        ratios.append((max(others) - min(others)) / min(others))
    assert dimension.relative_contrast(X) == pytest.approx(np.mean(ratios), rel=1e-5)


def test_relative_contrast_of_corners_at_equal_distance_is_zero():
    assert dimension.relative_contrast(np.eye(6)) == pytest.approx(0, abs=1e-12)


def test_points_that_coincide_count_once():
    X = np.array([[0.0], [1.0], [3.0]])
    twice = np.concatenate([X, X])
    assert dimension.relative_contrast(twice) == dimension.relative_contrast(X)


@given(scale=st.floats(0.01, 100), shift=st.floats(-10, 10), seed=st.integers(0, 100))
def test_shifting_and_scaling_change_neither_measure(scale, shift, seed):
    X = np.random.default_rng(seed).normal(size=(15, 3))
    moved = scale * X + shift
    for measure in (dimension.relative_contrast, dimension.effective_dimension):
        assert measure(moved) == pytest.approx(measure(X), rel=1e-4)


def test_effective_dimension_by_trace_and_norm_of_the_covariance():
    X = np.random.default_rng(0).normal(size=(40, 6)) * [3, 2, 1, 1, 0.5, 0.1]
    C = np.cov(X, rowvar=False)
    assert dimension.effective_dimension(X) == pytest.approx(np.trace(C) ** 2 / (C**2).sum())


def test_effective_dimension_of_a_line_a_plane_and_uniform_points():
    rng = np.random.default_rng(0)
    t = rng.normal(size=(500, 1))
    assert dimension.effective_dimension(t @ np.ones((1, 9))) == pytest.approx(1)
    assert dimension.effective_dimension(t) == pytest.approx(1)
    corners = np.array([[1, 0, 5], [-1, 0, 5], [0, 1, 5], [0, -1, 5]])
    assert dimension.effective_dimension(corners) == pytest.approx(2)
    # d independent directions seen through n points: d / (1 + d / n)
    seen = dimension.effective_dimension(rng.random((1000, 500)))
    assert seen == pytest.approx(500 / 1.5, rel=0.02)


def test_bad_clouds_are_named():
    with pytest.raises(LatentbookError, match="X holds NaN"):
        dimension.relative_contrast(np.array([[0.0], [np.nan]]))
    with pytest.raises(LatentbookError, match="number of different points is 1"):
        dimension.relative_contrast(np.ones((4, 2)))
    with pytest.raises(LatentbookError, match="all points are the same"):
        dimension.effective_dimension(np.ones((4, 2)))
