"""Denoising: splits, noise, tuning without held-out images, scores, bad input."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentbook import datasets
from latentbook.chapters.autoencoders import denoising, figures, splits
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError

pytest.importorskip("pywt")

TINY = {
    "noise_levels": (0.1, 0.2),
    "n_train": 64,
    "n_test": 6,
    "n_tune": 2,
    "filters": 2,
    "epochs": 1,
    "classifier_epochs": 1,
    "batch_size": 32,
    "progress": False,
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load("digits")


def some_images(n_train: int) -> Dataset:
    x = np.arange(20, dtype=np.float32).reshape(20, 1, 1, 1) * np.ones((1, 4, 4, 1), np.float32)
    return Dataset(
        "some",
        x,
        np.arange(20),
        tuple("abcdefghijklmnopqrst"),
        n_train,
        "",
        np.arange(20),
        True,
        "",
    )


@given(st.integers(1, 10), st.integers(1, 8), st.integers(0, 100), st.sampled_from([0, 11]))
def test_parts_never_share_an_image_and_keep_the_published_split(n_train, n_test, seed, split):
    part = splits.draw_images(some_images(split), n_train=n_train, n_test=n_test, random_state=seed)
    assert (len(part.train), len(part.test)) == (n_train, n_test)
    assert not set(part.y_train) & set(part.y_test)
    assert np.array_equal(part.train[:, 0, 0, 0], part.y_train)
    if split:
        assert part.y_train.max() < split <= part.y_test.min()


def test_noise_has_its_level_and_belongs_to_its_seed():
    x = np.full((20, 32, 32, 1), 0.5, np.float32)
    noisy = denoising.add_noise(x, 0.2, random_state=3)
    assert (noisy - x).std() == pytest.approx(0.2, rel=0.02)
    assert np.array_equal(noisy, denoising.add_noise(x, 0.2, random_state=3))
    assert not np.array_equal(noisy, denoising.add_noise(x, 0.2, random_state=4))
    assert noisy.min() < 0  # not clipped: the filters assume Gaussian noise


def test_quality_has_its_known_values():
    clean = np.zeros((2, 16, 16, 1), np.float32)
    found = denoising.quality(clean, clean + 0.1)
    assert found["psnr"] == pytest.approx(20, abs=1e-3)
    assert denoising.similarity(clean[0], clean[0]) == pytest.approx(1)


@pytest.mark.parametrize("name", list(denoising.FILTERS))
@pytest.mark.parametrize("channels", [1, 3])
def test_every_filter_removes_noise_at_its_tuned_strength(name, channels):
    ramp = np.linspace(0.2, 0.8, 24, dtype=np.float32)
    clean = np.broadcast_to(ramp[:, None, None], (2, 24, 24, channels)).copy()
    noisy = denoising.add_noise(clean, 0.1, random_state=0)
    strength = denoising.tune(name, clean, 0.1, random_state=1)
    assert strength in denoising.FILTERS[name][1]
    filtered = denoising.apply_filter(name, noisy, 0.1, strength)
    assert filtered.shape == clean.shape
    gained = denoising.quality(clean, filtered)["psnr"] - denoising.quality(clean, noisy)["psnr"]
    assert gained > 3


@pytest.mark.parametrize("n_train", [200, 20])  # more images than pixels, and fewer
@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_the_wiener_filter_is_the_dense_linear_solution(n_train, noise):
    rng = np.random.default_rng(0)
    images = 0.5 + 0.02 * (rng.standard_normal((n_train + 10, 36)) @ rng.standard_normal((36, 36)))
    clean, test = images[:n_train], images[n_train:]
    noisy = denoising.add_noise(test.reshape(10, 6, 6, 1), noise, random_state=1)
    components = denoising.all_components(clean.reshape(n_train, 6, 6, 1))
    filtered = denoising.wiener(noisy, noise, components)

    mean, covariance = clean.mean(axis=0), np.cov(clean, rowvar=False)
    deviation = np.linalg.solve(
        covariance + noise**2 * np.eye(36), (noisy.reshape(10, 36) - mean).T
    )
    expected = (mean + (covariance @ deviation).T).clip(0, 1)
    assert filtered.shape == noisy.shape
    assert np.allclose(filtered.reshape(10, 36), expected, atol=1e-5)


def test_no_linear_filter_is_better_than_wiener_on_gaussian_images():
    """Among all shrinkages of the principal components its own has the least error."""
    rng = np.random.default_rng(0)
    x = (0.5 + 0.05 * (rng.standard_normal((4000, 16)) @ rng.standard_normal((16, 16)))).clip(0, 1)
    clean = x.reshape(-1, 4, 4, 1).astype(np.float32)
    components = denoising.all_components(clean)
    noisy = denoising.add_noise(clean, 0.2, random_state=0)
    errors = {
        told: np.mean((denoising.wiener(noisy, told, components) - clean) ** 2)
        for told in (0.1, 0.2, 0.4)
    }
    assert min(errors, key=errors.get) == 0.2


@pytest.fixture(scope="module")
def found(digits, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        return denoising.run(digits, random_state=0, **TINY)


def test_every_method_has_one_score_a_level(found):
    conditions = [(score.method, score.params["noise"]) for score in found.scores]
    assert len(set(conditions)) == len(conditions) == 2 * 8
    for score in found.scores:
        assert 0 <= score.metrics["acc"] <= 1
        assert ("psnr" in score.metrics) == (score.method != "clean")


def test_more_noise_is_worse_and_judged_by_the_same_accuracy(found):
    noisy = {s.params["noise"]: s.metrics for s in found.scores if s.method == "noisy"}
    clean = {s.metrics["acc"] for s in found.scores if s.method == "clean"}
    assert noisy[0.1]["psnr"] > noisy[0.2]["psnr"] + 4
    assert len(clean) == 1


def test_figures_are_drawn_from_small_arrays(found):
    assert sum(array.nbytes for array in found.arrays.values()) < 80_000
    assert found.arrays["psnr"].shape == (8, 2)
    for draw in (figures.draw_denoised, figures.draw_noise_levels):
        figure = draw(found.arrays)
        assert figure.axes
        plt.close(figure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise_levels": ()}, "noise_levels is empty"),
        ({"noise_levels": (0.0,)}, "noise level"),
        ({"n_tune": 100}, "n_tune"),
        ({"n_train": 1797}, "training images"),
        ({"n_test": 0}, "held-out images"),
    ],
)
def test_bad_input_is_refused_before_training(digits, change, message):
    with pytest.raises(LatentbookError, match=message):
        denoising.run(digits, random_state=0, **TINY | change)


def test_tables_are_refused():
    table = some_images(0)
    flat = Dataset(**{**vars(table), "x": table.flat})
    with pytest.raises(LatentbookError, match="takes images"):
        splits.draw_images(flat, n_train=5, n_test=5, random_state=0)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(denoising.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LatentbookError, match="PyWavelets"):
        denoising.check((0.1,), 10, 5)
