"""Use 2: separation and disagreement on known codes, and the study on satellite pixels."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentbook.cache import Computed
from latentbook.chapters.autoencoders import figures, satellite
from latentbook.chapters.autoencoders.judgement import USES
from latentbook.chapters.autoencoders.satellite import disagreement
from latentbook.chapters.autoencoders.study import Codes, separation
from latentbook.errors import LatentbookError

SCALE = {"n_codes": (2, 4), "runs": 2, "widths": (8,), "epochs": 3, "batch_size": 50}


def islands(n: int, distance: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng, y = np.random.default_rng(seed), np.arange(n) % 3
    centres = distance * np.array([[0, 0], [1, 0], [0, 1]])
    return centres[y] + rng.normal(size=(n, 2)), y


def a_picture(n=100, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2))


def test_far_islands_are_told_apart_and_one_heap_is_not():
    for distance, low, high in ((50, 1, 1), (0, 0.2, 0.5)):
        (train, y_train), (test, y_test) = islands(300, distance, 0), islands(300, distance, 1)
        scores = separation(Codes(train, test), y_train, y_test, random_state=0)
        assert low <= scores["knn_acc"] <= high
        assert scores["ari"] == pytest.approx(distance / 50, abs=0.05)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10), angle=st.floats(0, 6.3))
def test_turned_and_scaled_codes_agree(seed, scale, angle):
    z = a_picture(seed=seed)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = disagreement([z, scale * z @ turn + 3])
    assert found["disparity"] == pytest.approx(0, abs=1e-6)
    assert found["shared_neighbours"] == pytest.approx(1, abs=0.01)


def test_unrelated_codes_share_neighbours_by_chance_only():
    found = disagreement([a_picture(1000, seed) for seed in range(3)])
    assert found["disparity"] > 0.95
    assert found["shared_neighbours"] == pytest.approx(satellite.COMPARED / 999, abs=0.01)


def test_one_run_cannot_disagree():
    with pytest.raises(LatentbookError, match="1 run cannot disagree"):
        disagreement([a_picture()])


@pytest.fixture(scope="module")
def pixels(satimage):
    return satimage.subset(240, 0)


@pytest.fixture(scope="module")
def found(pixels, tmp_path_factory):
    """The study, with the first two features in the place of t-SNE and UMAP, which cost seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(
            satellite,
            "placed",
            lambda method, train, test, *, random_state: Computed(
                {"train": train[:, :2], "test": test[:, :2]}, 0.1, False
            ),
        )
        return satellite.run(pixels, random_state=0, **SCALE)


def test_every_method_of_the_verdict_is_there(found):
    use = USES[found.use]
    flat = {s.method for s in found.scores if s.params["n_codes"] == 2}
    assert {use.method, *use.baselines} <= flat
    assert all(0 <= s.metrics[use.metric] <= 1 for s in found.scores)
    assert {s.params["n_codes"] for s in found.scores if s.method == "autoencoder"} == {2, 4}


def test_runs_differ_and_are_drawn(found):
    own = next(s for s in found.scores if s.method == "autoencoder")
    assert 0 < own.metrics["disparity"] <= 1
    assert own.metrics["shared_neighbours"] < 1
    for runs in (True, False):
        plt.close(figures.draw_codes(found.arrays, [str(c) for c in range(6)], runs=runs))


def test_bad_settings_are_refused_before_training(pixels):
    with pytest.raises(LatentbookError, match="2 must be among them"):
        satellite.run(pixels, random_state=0, **SCALE | {"n_codes": (3,)})
    with pytest.raises(LatentbookError, match="runs is 1"):
        satellite.run(pixels, random_state=0, **SCALE | {"runs": 1})


@pytest.mark.slow
@pytest.mark.parametrize("method", satellite.EMBEDDINGS)
@pytest.mark.usefixtures("own_cache")
def test_new_points_are_placed_among_their_own_kind(method):
    (train, y_train), (test, y_test) = islands(200, 50, 0), islands(60, 50, 1)
    there = satellite.placed(method, train, test, random_state=0)
    codes = Codes(there.arrays["train"], there.arrays["test"])
    assert separation(codes, y_train, y_test, random_state=0)["knn_acc"] > 0.9
    assert satellite.placed(method, train, test, random_state=0).loaded
