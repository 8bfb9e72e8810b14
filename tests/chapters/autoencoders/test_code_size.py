"""Use 9: the intrinsic dimension of known manifolds, and the curves on digits."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentbook.chapters.autoencoders import code_size, figures
from latentbook.chapters.autoencoders.code_size import dimension_mle, dimension_two_nn
from latentbook.chapters.autoencoders.judgement import USES
from latentbook.errors import LatentbookError

SCALE = {"n_codes": (2, 10), "widths": (16,), "epochs": 3, "batch_size": 50, "rows": 120}
ESTIMATORS = (dimension_mle, dimension_two_nn)


def sphere(n: int, d: int, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("estimate", ESTIMATORS)
@pytest.mark.parametrize("d", [1, 2, 4])
def test_spheres_have_their_dimension(estimate, d):
    assert estimate(sphere(2000, d)) == pytest.approx(d, rel=0.08)


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_a_swiss_roll_is_a_surface(estimate):
    rng = np.random.default_rng(0)
    turn, height = 1.5 * np.pi * (1 + 2 * rng.random(3000)), 21 * rng.random(3000)
    roll = np.column_stack([turn * np.cos(turn), height, turn * np.sin(turn)])
    assert estimate(roll) == pytest.approx(2, rel=0.08)


@settings(max_examples=8)
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_the_space_around_and_the_scale_do_not_matter(seed, scale):
    x = sphere(300, 2, seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(10, 10)))[0]
    within = scale * np.pad(x, ((0, 0), (0, 7))) @ turn + 1
    for estimate in ESTIMATORS:
        assert estimate(within) == pytest.approx(estimate(x), rel=1e-6)


def test_the_estimates_by_hand():
    x = np.array([[0.0], [1.0], [3.0], [7.0]])
    near = np.array([[1, 3, 7], [1, 2, 6], [2, 3, 4], [4, 6, 7]])
    np.testing.assert_allclose(code_size.distances(x, 3), near)
    inverse = np.log(near[:, 2:] / near[:, :2]).sum(axis=1) / 2
    assert dimension_mle(x, 3) == pytest.approx(1 / inverse.mean())
    assert dimension_two_nn(x) == pytest.approx(3 / np.log(near[:, 1] / near[:, 0]).sum())


def test_an_independent_library_agrees():
    skdim = pytest.importorskip("skdim", reason="scikit-dimension is not installed")
    x = sphere(1000, 3)
    theirs = skdim.id.TwoNN(discard_fraction=0).fit(x).dimension_
    assert dimension_two_nn(x) == pytest.approx(theirs, rel=0.05)
    theirs = skdim.id.MLE(K=20).fit(x, n_neighbors=20, comb="mle").dimension_
    assert dimension_mle(x) == pytest.approx(theirs, rel=0.05)


def test_copies_and_too_few_neighbours_are_refused():
    with pytest.raises(LatentbookError, match="holds 2 rows more than once"):
        dimension_two_nn(np.array([[0.0], [0.0], [1.0], [3.0]]))
    with pytest.raises(LatentbookError, match="n_neighbors is 2, but must lie between 3"):
        dimension_mle(sphere(20, 2), 2)


@pytest.fixture(scope="module")
def found(digits, module_cache):
    return code_size.run(digits, random_state=0, **SCALE)


def test_the_study_has_what_the_verdict_needs(found):
    use = USES[found.use]
    ten = {s.method: s.metrics for s in found.scores if s.params.get("n_codes") == 10}
    assert {use.method, *use.baselines} <= set(ten)
    assert all(0 <= m[use.metric] <= 1 for m in ten.values())
    pca = [s.metrics["mse"] for s in found.scores if s.method == "pca"]
    assert pca == sorted(pca, reverse=True)
    assert 1 < found.scores[-1].metrics["dimension"] < 100


def test_the_figure_is_drawn(found):
    plt.close(figures.draw_code_sizes(found.arrays))


def test_bad_settings_are_refused_before_training(digits):
    with pytest.raises(LatentbookError, match="rows is 3"):
        code_size.run(digits, random_state=0, **SCALE | {"rows": 3})
