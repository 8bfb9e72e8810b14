"""New categories: the draw, the one rule of distance, parametric UMAP, and a small study."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from latentbook import datasets
from latentbook.cache import Computed
from latentbook.chapters.autoencoders import figures, new_categories
from latentbook.chapters.autoencoders.few_labels import Features
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError

SETTINGS: dict[str, Any] = {
    "unknown": ["8", "9"],
    "n_train": 150,
    "n_test": 80,
    "n_codes": 3,
    "hidden": [8],
    "epochs": 1,
    "steps": 5,
    "batch_size": 16,
    "n_neighbors": 5,
    "parametric_epochs": 11,
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load("digits", n=400)


def test_no_training_image_is_of_an_unknown_class(digits):
    train, test = new_categories.split(digits, ["8", "9"], n_train=100, n_test=60, random_state=0)
    assert (len(train), len(test)) == (100, 60)
    assert not np.intersect1d(train, test).size
    assert digits.y[train].max() == 7
    assert {8, 9} & set(digits.y[test])
    everything = new_categories.split(digits, ["8"], n_train=10_000, n_test=10_000, random_state=0)
    assert len(everything[1]) == 134


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unknown": []}, "0 of 10 classes are unknown"),
        ({"unknown": list("123456789")}, "leave at least two"),
        ({"unknown": ["shoe"]}, "unknown class 'shoe'"),
        ({"n_train": 1}, "n_train is 1"),
        ({"n_test": 2}, "do not hold known and unknown classes"),
        ({"n_neighbors": 151}, "n_neighbors is 151"),
        ({"parametric_epochs": 5}, "parametric_epochs is 5"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_bad_requests_are_refused(own_cache, digits, change, message):
    with pytest.raises(LatentbookError, match=message):
        new_categories.run(digits, random_state=0, **(SETTINGS | change))


@given(st.integers(0, 1000), st.integers(1, 7))
def test_distance_is_the_mean_over_the_nearest(seed, n_neighbors):
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
    expected = np.sort(cdist(test, train), axis=1)[:, :n_neighbors].mean(axis=1)
    np.testing.assert_allclose(new_categories.distance(train, test, n_neighbors), expected)


def test_what_lies_far_from_all_training_rows_is_found():
    rng = np.random.default_rng(0)
    test = np.concatenate([rng.normal(size=(30, 2)), rng.normal(size=(10, 2)) + 50])
    odd = np.arange(40) >= 30
    values = new_categories.distance(rng.normal(size=(100, 2)), test, 5)
    assert new_categories._metrics(odd, -values) == {"ap": 1, "auc": 1, "unknown_share": 0.25}


def test_a_study_scores_every_space_and_the_drawings_draw(own_cache, monkeypatch, digits):
    def plane(train, test, *args, **kwargs):
        return Features(train[:, :2], test[:, :2], 1.0)

    def embed(x, method, *, seed):
        return Computed({"embedding": x[:, :2]}, 1.0, loaded=False)

    monkeypatch.setattr(new_categories.few_labels, "umap_features", plane)
    monkeypatch.setattr(new_categories, "parametric_umap", plane)
    monkeypatch.setattr(new_categories.embed, "embed", embed)
    found = new_categories.run(digits, random_state=0, **SETTINGS)
    scores = {score.method: score for score in found.scores}
    assert list(scores) == [
        "pixels",
        "classifier features",
        "autoencoder codes",
        "pixels + umap",
        "classifier + umap",
        "autoencoder + umap",
        "classifier + parametric umap",
        "autoencoder + parametric umap",
        "pixels + joint umap",
        "classifier + joint umap",
        "autoencoder + joint umap",
        "autoencoder error",
        "classifier confidence",
    ]
    rows, test = new_categories.split(digits, ["8", "9"], n_train=150, n_test=80, random_state=0)
    odd = digits.y[test] >= 8
    nearest = new_categories.distance(digits.flat[rows], digits.flat[test], 5)
    assert scores["pixels"].metrics == new_categories._metrics(odd, -nearest)
    assert 0 <= scores["classifier confidence"].metrics["acc_known"] <= 1
    assert "acc_known" not in scores["pixels"].metrics
    assert "parametric_epochs" not in scores["autoencoder + umap"].params
    assert sum(array.nbytes for array in found.arrays.values()) < 80_000
    plt.close(figures.draw_planes(found.arrays, digits.classes))
    figure = figures.draw_precision(found.arrays)
    legends = [ax.get_legend().get_texts() for ax in figure.axes]
    drawn = [text.get_text().rpartition(" (")[0] for texts in legends for text in texts]
    assert sorted(drawn) == sorted(scores)
    plt.close(figure)


@pytest.mark.slow
def test_parametric_umap_keeps_groups_together_and_repeats(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(120, 4)) + 20 * np.repeat([0, 1], 60)[:, None]).astype(np.float32)
    found = []
    for name in ("a", "b"):
        monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path / name))
        found.append(new_categories.parametric_umap(x[::2], x[1::2], epochs=50, random_state=0))
    np.testing.assert_allclose(found[0].test, found[1].test, rtol=1e-3, atol=1e-3)
    near = cdist(found[0].test, found[0].train).argmin(axis=1)
    np.testing.assert_array_equal(near // 30, np.repeat([0, 1], 30))
