"""Comparing two scores: the interval of DeLong, and rows that are spoilt on purpose."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from latentbook.errors import LatentbookError
from latentbook.outliers import folds, thresholds, trust


def two_scores(n=400, odd=60, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) < odd
    return truth, truth + rng.normal(size=n), 0.4 * truth + rng.normal(size=n)


def test_the_comparison_has_the_scores_of_scikit_learn():
    truth, first, second = two_scores()
    one = trust.compare("any", first, second, truth)
    expected = roc_auc_score(truth, first) - roc_auc_score(truth, second)
    assert one.gain == pytest.approx(expected)
    assert one.auc == pytest.approx([roc_auc_score(truth, s) for s in (first, second)], abs=6e-4)
    precisions = [average_precision_score(truth, s) for s in (first, second)]
    assert one.ap == pytest.approx(precisions, abs=6e-4)
    assert one.n == 60


def test_the_interval_is_as_wide_as_resampling_says():
    truth, first, second = two_scores()
    one = trust.compare("any", first, second, truth)
    rng = np.random.default_rng(1)
    odd, usual = np.flatnonzero(truth), np.flatnonzero(~truth)
    gains = []
    for _ in range(400):
        at = np.concatenate([rng.choice(odd, len(odd)), rng.choice(usual, len(usual))])
        gains.append(roc_auc_score(truth[at], first[at]) - roc_auc_score(truth[at], second[at]))
    assert (one.high - one.low) / (2 * trust.Z95) == pytest.approx(np.std(gains), rel=0.15)


@pytest.mark.parametrize(("order", "ahead"), [((0, 1), 0), ((1, 0), 1), ((0, 0), None)])
def test_which_score_is_ahead(order, ahead):
    truth, *scores = two_scores(n=2000, odd=500)
    one = trust.compare("any", scores[order[0]], scores[order[1]], truth)
    assert one.ahead is ahead


def test_ties_count_half():
    truth = np.array([True, False])
    one = trust.compare("any", np.zeros(2), np.zeros(2), truth)
    assert one.auc == (0.5, 0.5)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    frame = pd.DataFrame({"colour": np.array(list("rgb"))[y], "size": 10.0 * y + rng.random(300)})
    return frame, {"colour": "category", "size": "number"}, y


def test_spoilt_rows_differ_in_one_thing_only(table):
    frame, kinds, y = table
    spoilt = trust.spoil(frame, kinds, y)
    before = frame.iloc[spoilt.source].reset_index(drop=True)
    changed = (before != spoilt.frame).sum(axis=1).to_numpy()
    relabelled = spoilt.labels != y[spoilt.source]
    np.testing.assert_array_equal(changed + relabelled, 1)
    assert set(spoilt.kind) == {
        trust.OTHER_CLASS,
        trust.SAME_CLASS,
        trust.WRONG_LABEL,
        trust.TEN_TIMES,
    }
    tenfold = spoilt.kind == trust.TEN_TIMES
    np.testing.assert_allclose(spoilt.frame["size"][tenfold], 10 * before["size"][tenfold])


def test_values_of_another_class_come_from_one(table):
    frame, kinds, y = table
    spoilt = trust.spoil(frame, kinds, y)
    foreign = spoilt.kind == trust.OTHER_CLASS
    colours = spoilt.frame["colour"][foreign].to_numpy()
    own = frame["colour"].to_numpy()[spoilt.source[foreign]]
    assert (colours != own).any()
    same = spoilt.kind == trust.SAME_CLASS  # colours of a class are all alike
    assert (spoilt.frame["colour"][same] == frame["colour"].to_numpy()[spoilt.source[same]]).all()


def test_text_and_gaps_can_be_spoilt():
    frame = pd.DataFrame(
        {
            "flag": [True, False] * 40,
            "count": pd.array([1, None, 3, 4] * 20, dtype="Int64"),
            "when": pd.date_range("2023-01-01", periods=80),
        }
    )
    kinds = {"flag": "category", "count": "number", "when": "date"}
    spoilt = trust.spoil(frame, kinds, np.repeat([0, 1], 40))
    assert len(spoilt.frame)
    assert list(spoilt.frame) == list(frame)


def test_a_table_of_equal_rows_cannot_be_spoilt():
    frame = pd.DataFrame({"a": ["x"] * 40})
    spoilt = trust.spoil(frame, {"a": "category"}, np.repeat([0, 1], 20))
    assert set(spoilt.kind) <= {trust.WRONG_LABEL}


def test_folds_hold_every_row_once_and_every_class_evenly():
    y = np.repeat([0, 1, 2], [100, 23, 11])
    fold = folds.drawn(y, seed=3)
    for c in range(3):
        counts = np.bincount(fold[y == c], minlength=folds.FOLDS)
        assert counts.max() - counts.min() <= 1
    assert not np.array_equal(fold, folds.drawn(y, seed=4))


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_a_threshold_keeps_its_promise(rate):
    """Over many tables, further rows exceed it no more often than stated, and hardly less."""
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(300):
        limit = thresholds.threshold(rng.exponential(size=199), rate)
        alarms.append((rng.exponential(size=500) > limit).mean())
    error = 3 * np.std(alarms) / np.sqrt(len(alarms))
    assert rate - 1 / 200 - error <= np.mean(alarms) <= rate + error


def test_p_values_of_usual_rows_are_evenly_spread():
    rng = np.random.default_rng(0)
    p = np.concatenate(
        [thresholds.p_values(rng.normal(size=50), rng.normal(size=99)) for _ in range(400)]
    )
    for level in (0.05, 0.1, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=0.012)


def test_a_threshold_agrees_with_the_p_values():
    rng = np.random.default_rng(1)
    usual, asked = rng.normal(size=99), rng.normal(size=1000)
    above = asked > thresholds.threshold(usual, 0.1)
    np.testing.assert_array_equal(above, thresholds.p_values(asked, usual) <= 0.1 - 1e-12 + 1e-9)


def test_too_few_rows_know_no_small_rate():
    assert thresholds.threshold(np.arange(50.0), 0.001) == np.inf
    with pytest.raises(LatentbookError, match="rate of false alarms is 2"):
        thresholds.threshold(np.arange(50.0), 2)
    with pytest.raises(LatentbookError, match="scores of usual rows"):
        thresholds.p_values(np.zeros(3), np.array([np.nan]))
