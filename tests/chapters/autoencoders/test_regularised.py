"""Use 11: one budget for all kinds, and what is measured of their codes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from latentbook.chapters.autoencoders import figures, regularised
from latentbook.chapters.autoencoders.judgement import USES
from latentbook.errors import LatentbookError

SCALE = {
    "n_codes": 5,
    "widths": (8,),
    "epochs": 4,
    "batch_size": 50,
    "noise": 0.3,
    "rows": 120,
}


@pytest.fixture(scope="module")
def found(digits, module_cache):
    return regularised.run(digits, random_state=0, **SCALE)


def test_all_kinds_are_measured(found):
    assert {s.method for s in found.scores} == set(regularised.METHODS)
    use = USES[found.use]
    assert {use.method, *use.baselines} <= {s.method for s in found.scores}
    for score in found.scores:
        assert {"mse", "mse_noisy", use.metric, "active"} <= set(score.metrics)
        assert score.params["n_codes"] == 5
    assert len({s.params["epochs"] for s in found.scores if s.method != "pca"}) == 1


def test_noise_is_drawn_from_the_seed():
    x = np.zeros((200, 50), np.float32)
    np.testing.assert_array_equal(regularised.noisy(x, 0.3, 1), regularised.noisy(x, 0.3, 1))
    assert not np.allclose(regularised.noisy(x, 0.3, 1), regularised.noisy(x, 0.3, 2))
    assert regularised.noisy(x, 0.3, 1).std() == pytest.approx(0.3, rel=0.02)


def test_the_active_share_of_known_codes():
    assert regularised.active_share(np.ones((4, 10))) == pytest.approx(0.2)
    assert regularised.active_share(np.eye(5)) == pytest.approx(1)
    codes = np.random.default_rng(0).normal(size=(50, 10))
    scaled = codes * np.arange(1, 11)
    assert regularised.active_share(scaled) == pytest.approx(regularised.active_share(codes))


def test_the_figure_is_drawn(found):
    plt.close(figures.draw_penalties(found.arrays))


def test_bad_settings_are_refused_before_training(digits):
    with pytest.raises(LatentbookError, match="noise is -1"):
        regularised.run(digits, random_state=0, **SCALE | {"noise": -1})
    with pytest.raises(LatentbookError, match="need at least 4"):
        regularised.run(digits, random_state=0, **SCALE | {"epochs": 3})
