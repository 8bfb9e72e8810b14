"""Calibration: known scores, and a temperature that is found again."""

from __future__ import annotations

import numpy as np
import pytest

from latentbook.errors import LatentbookError
from latentbook.weather import calibration
from latentbook.weather.likelihood import normalised


def honest(n=20_000, n_sites=5, seed=0):
    """Return log probabilities and truths that are drawn from them."""
    rng = np.random.default_rng(seed)
    logs = normalised(rng.normal(0, 1.5, (n, n_sites)))
    drawn = rng.random(n)[:, None] > np.exp(logs).cumsum(axis=1)
    return logs, np.minimum(drawn.sum(axis=1), n_sites - 1)


def test_the_log_score_of_certainty_and_of_chance():
    sure = np.log(np.array([[1 - 1e-12, 1e-12]]))
    assert calibration.log_score(sure, np.array([0])) == pytest.approx(0, abs=1e-9)
    assert calibration.log_score(np.log(np.full((4, 8), 1 / 8)), np.arange(4)) == pytest.approx(
        np.log(8)
    )


def test_honest_probabilities_come_true():
    logs, truth = honest()
    curve = calibration.reliability(logs, truth)
    there = curve["events"] > 200
    assert curve["found"][there] == pytest.approx(curve["promised"][there], abs=0.04)
    assert curve["events"].sum() == len(truth)
    assert calibration.calibration_error(logs, truth) < 0.02


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(heat):
    logs, truth = honest()
    boasting = normalised(heat * logs)
    found = calibration.temperature(boasting, truth)
    assert found == pytest.approx(heat, rel=0.06)
    mended = calibration.tempered(boasting, found)
    assert calibration.log_score(mended, truth) <= calibration.log_score(boasting, truth) + 1e-9
    assert calibration.calibration_error(mended, truth) < 0.02


def test_a_temperature_keeps_the_order_and_the_sum():
    logs, _ = honest(50)
    warm = calibration.tempered(logs, 4.0)
    assert np.exp(warm).sum(axis=1) == pytest.approx(1)
    assert (warm.argsort(axis=1) == logs.argsort(axis=1)).all()


def test_a_bin_without_events_has_no_mean():
    logs = np.log(np.array([[0.95, 0.05], [0.97, 0.03]]))
    curve = calibration.reliability(logs, np.array([0, 1]))
    assert curve["events"].tolist() == [0] * 9 + [2]
    assert np.isnan(curve["promised"][0])
    assert curve["found"][9] == 0.5
    assert calibration.calibration_error(logs, np.array([0, 1])) == pytest.approx(0.46)


def test_a_temperature_that_cannot_be():
    with pytest.raises(LatentbookError, match="temperature is 0, but must be positive"):
        calibration.tempered(np.zeros((1, 2)), 0)
