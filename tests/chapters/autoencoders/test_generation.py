"""Use 7: the Fréchet distance against its formula, copies, random codes, and the study."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from latentbook.chapters.autoencoders import figures, generation
from latentbook.chapters.autoencoders.generation import frechet
from latentbook.chapters.autoencoders.judgement import USES
from latentbook.errors import LatentbookError

SCALE = {
    "n_codes": 4,
    "widths": (16,),
    "epochs": 2,
    "batch_size": 50,
    "components": 3,
    "samples": 40,
    "rows": 120,
}


def cloud(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) * np.arange(1, d + 1)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), shift=st.floats(-5, 5))
def test_the_distance_agrees_with_the_matrix_root(seed, shift):
    first, second = cloud(60, 4, seed), cloud(80, 4, seed + 1)[:, ::-1] + shift
    covariances = [np.cov(x, rowvar=False) for x in (first, second)]
    gap = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    root = sqrtm(covariances[0] @ covariances[1]).real
    expected = gap + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet(first, second) == pytest.approx(expected, rel=1e-6)
    assert frechet(second, first) == pytest.approx(expected, rel=1e-6)


def test_known_distances():
    x = cloud(100, 3, 0)
    assert frechet(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet(x, x + np.array([3, 0, 4])) == pytest.approx(25)
    spread = x[:, :1]
    expected = (2 - 1) ** 2 * spread.var(ddof=1) + spread.mean() ** 2
    assert frechet(spread, 2 * spread) == pytest.approx(expected)


def test_features_that_never_vary_do_no_harm():
    x = np.pad(cloud(50, 2, 0), ((0, 0), (0, 3)))
    assert frechet(x, x + 1) == pytest.approx(5)


def test_features_of_another_kind_are_refused():
    with pytest.raises(LatentbookError, match="cannot be compared"):
        frechet(cloud(9, 3, 0), cloud(9, 4, 0))
    with pytest.raises(LatentbookError, match="at least two rows"):
        frechet(cloud(1, 3, 0), cloud(9, 3, 0))
    with pytest.raises(LatentbookError, match="second holds NaN"):
        frechet(cloud(9, 3, 0), np.full((9, 3), np.nan))


def test_copies_have_no_distance_to_the_training_images():
    train = np.random.default_rng(0).random((30, 4, 4, 1))
    moved = train[:5] + 0.5
    np.testing.assert_allclose(generation.nearest(train[:5], train), 0, atol=1e-6)
    by_hand = [min(np.linalg.norm(m - t) for t in train) for m in moved]
    np.testing.assert_allclose(generation.nearest(moved, train), by_hand)


@pytest.mark.parametrize("source", ["gaussian", "mixture"])
def test_random_codes_have_the_moments_of_the_codes(source):
    codes = cloud(3000, 2, 0) + np.array([5, 0])
    drawn = generation._random_codes(source, codes, 3000, 2, 0)
    np.testing.assert_allclose(drawn.mean(axis=0), codes.mean(axis=0), atol=0.2)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.3)


@pytest.fixture(scope="module")
def found(digits, module_cache):
    return generation.run(digits, random_state=0, **SCALE)


def test_the_study_has_what_the_verdict_needs(found):
    use, scores = USES[found.use], {s.method: s.metrics for s in found.scores}
    assert {use.method, *use.baselines, "training images"} <= set(scores)
    assert all(m[use.metric] >= 0 for m in scores.values())
    worst = max(m[use.metric] for name, m in scores.items() if name != "training images")
    assert scores["training images"][use.metric] < worst


def test_the_ways_end_at_the_images(found, digits):
    way = found.arrays["between pixels"]
    test = np.round(255 * digits.x[160:]).astype(np.uint8)
    for end in (way[0], way[-1]):
        assert (np.abs(test.astype(int) - end).max(axis=(1, 2, 3)) <= 1).any()


def test_figures_are_drawn_from_small_arrays(found):
    assert sum(a.nbytes for a in found.arrays.values()) < 100_000
    for draw in (figures.draw_samples, figures.draw_between):
        plt.close(draw(found.arrays))


def test_bad_settings_are_refused_before_training(digits):
    with pytest.raises(LatentbookError, match="samples is 100, but must lie between 10 and 80"):
        generation.run(digits, random_state=0, **SCALE | {"samples": 100})
    with pytest.raises(LatentbookError, match="components is 0"):
        generation.run(digits, random_state=0, **SCALE | {"components": 0})


def test_a_table_is_refused(satimage):
    with pytest.raises(LatentbookError, match="images are drawn from images"):
        generation.run(satimage.subset(90), random_state=0, **SCALE)
