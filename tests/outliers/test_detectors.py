"""The simple detectors against plain loops written from the papers, and against PyOD."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from latentbook.outliers import detectors


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    learned = np.column_stack(
        [rng.normal(size=60), rng.exponential(size=60), -rng.exponential(size=60), np.ones(60)]
    ).round(1)
    asked = np.vstack([learned[:10], rng.normal(size=(10, 4)).round(1), [[9.0, 9.0, -9.0, 1.0]]])
    return learned, asked


def tails(learned, row):
    """Return left and right tail probabilities of a row in the sample that it joins."""
    joined = np.vstack([learned, row])
    left = [sum(v <= row[j] for v in joined[:, j]) / len(joined) for j in range(len(row))]
    right = [sum(v >= row[j] for v in joined[:, j]) / len(joined) for j in range(len(row))]
    return left, right


def skewness(values):
    mean = sum(values) / len(values)
    second = sum((v - mean) ** 2 for v in values) / len(values)
    return 0.0 if second == 0 else sum((v - mean) ** 3 for v in values) / len(values) / second**1.5


def test_ecod_is_algorithm_1_of_its_paper(rows):
    learned, asked = rows
    slant = [skewness(column) for column in learned.T]
    for row, score in zip(asked, detectors.ecod(learned, asked), strict=True):
        left, right = tails(learned, row)
        sums = [0.0, 0.0, 0.0]
        for j in range(len(row)):
            sums[0] -= math.log(left[j])
            sums[1] -= math.log(right[j])
            sums[2] -= math.log(left[j] if slant[j] < 0 else right[j])
        assert score == pytest.approx(max(sums))


def test_copod_takes_the_larger_of_two_in_each_column(rows):
    learned, asked = rows
    slant = [skewness(column) for column in learned.T]
    for row, score in zip(asked, detectors.copod(learned, asked), strict=True):
        left, right = tails(learned, row)
        total = 0.0
        for j in range(len(row)):
            a, b = -math.log(left[j]), -math.log(right[j])
            skewed = a if slant[j] < 0 else b if slant[j] > 0 else a + b
            total += max(skewed, (a + b) / 2)
        assert score == pytest.approx(total)


def test_hbos_counts_rows_in_bins_of_equal_width(rows):
    learned, asked = rows
    for row, score in zip(asked, detectors.hbos(learned, asked), strict=True):
        total = 0.0
        for j, value in enumerate(row):
            own = learned[:, j]
            low, high, n = own.min(), own.max(), math.ceil(math.sqrt(len(own)))
            if low == high:
                total += 0.0 if value == low else math.log(2 * len(own))
                continue
            places = [min(int((v - low) / (high - low) * n), n - 1) for v in own]
            counts = [places.count(i) for i in range(n)]
            inside = low <= value <= high
            here = counts[min(int((value - low) / (high - low) * n), n - 1)] if inside else 0
            total += math.log(max(counts) / max(here, 0.5))
        assert score == pytest.approx(total)


def test_a_value_that_a_constant_column_never_had_is_strange():
    learned = np.column_stack([np.ones(30), np.arange(30.0)])
    asked = np.array([[1.0, 3.0], [2.0, 3.0]])
    assert np.diff(detectors.hbos(learned, asked))[0] > 3
    assert np.diff(detectors.ecod(learned, asked))[0] > 0


def test_knn_is_the_distance_to_the_fifth_neighbour(rows):
    learned, asked = rows
    expected = [sorted(math.dist(row, other) for other in learned)[4] for row in asked]
    np.testing.assert_allclose(detectors.knn(learned, asked), expected)


def test_pca_keeps_what_varies_and_finds_what_leaves_it():
    rng = np.random.default_rng(1)
    line = np.outer(rng.normal(size=100), [1.0, 2.0, -1.0])
    scores = detectors.pca(line, np.vstack([line[:3], [[1.0, 2.0, 1.0]]]))
    assert scores[:3] == pytest.approx(0, abs=1e-9)
    assert scores[3] > 1


@pytest.mark.parametrize("name", detectors.DETECTORS)
def test_every_detector_finds_rows_far_outside(name):
    rng = np.random.default_rng(2)
    learned = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    usual = learned[:100]
    odd = rng.normal(size=(20, 4)) + 25
    scores = detectors.DETECTORS[name](learned, np.vstack([usual, odd]), 0)
    assert roc_auc_score(np.repeat([0, 1], [100, 20]), scores) > 0.95
    again = detectors.DETECTORS[name](learned, np.vstack([usual, odd]), 0)
    np.testing.assert_array_equal(scores, again)


@pytest.mark.skipif(importlib.util.find_spec("pyod") is None, reason="PyOD is not installed")
@pytest.mark.parametrize("name", ["ecod", "copod"])
def test_pyod_computes_the_same_for_one_new_row(name, rows):
    """PyOD adds all new rows to the sample, so that one row at a time is compared."""
    module = importlib.import_module(f"pyod.models.{name}")
    learned, asked = rows[0][:, :3], rows[1][:, :3]
    for row in asked:
        fitted = getattr(module, name.upper())().fit(learned)
        expected = fitted.decision_function(row[None])[0]
        assert detectors.copod(learned, row[None])[0] == pytest.approx(expected, rel=0.1)
