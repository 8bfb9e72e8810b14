"""Few labels: the draw of labelled rows, classifiers that repeat, and a small study."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from latentbook import datasets, sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders import few_labels, figures
from latentbook.chapters.autoencoders.few_labels import Features
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError

SETTINGS: dict[str, Any] = {
    "labels": [10, 40],
    "n_codes": 4,
    "hidden": [8],
    "epochs": 1,
    "steps": 5,
    "batch_size": 8,
    "umap_rows": 60,
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load("digits", n=400)


@settings(max_examples=30)
@given(st.integers(2, 5), st.integers(4, 9), st.integers(0, 1000), st.data())
def test_every_draw_is_stratified_and_holds_the_smaller_ones(n_classes, each, seed, data):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(n_classes), each))
    n = data.draw(st.integers(n_classes, n_classes * each))
    order = few_labels.label_order(y, n_classes, [n_classes, n], random_state=seed)
    assert len(order) == len(set(order)) == n
    for m in range(n_classes, n + 1):
        counts = np.bincount(y[order[:m]], minlength=n_classes)
        assert counts.max() - counts.min() <= 1
    shorter = few_labels.label_order(y, n_classes, [n_classes], random_state=seed)
    np.testing.assert_array_equal(order[:n_classes], shorter)


def test_a_class_without_labels_is_named():
    y = np.repeat(np.arange(10), 5)
    with pytest.raises(LatentbookError, match="zero labels of a class: ask for 10 or more"):
        few_labels.label_order(y, 10, [50, 9], random_state=0)
    with pytest.raises(LatentbookError, match="must lie between 10 and 50"):
        few_labels.label_order(y, 10, [51], random_state=0)
    with pytest.raises(LatentbookError, match="must lie between 10 and 0"):
        few_labels.label_order(y[:45], 10, [10], random_state=0)


def test_regression_does_not_depend_on_shift_rotation_or_scale_of_the_features():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    x = rng.normal(size=(120, 5)) + y[:, None]
    rows = few_labels.label_order(y, 3, [30], random_state=0)
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    plain = few_labels.regression(Features(x, x), y, rows, random_state=0)
    moved = 7 * x @ turned + 3
    np.testing.assert_array_equal(
        few_labels.regression(Features(moved, moved), y, rows, random_state=0), plain
    )
    z = (x - x.mean(axis=0)) / np.sqrt(((x - x.mean(axis=0)) ** 2).mean())
    expected = LogisticRegression(max_iter=1000).fit(z[rows], y[rows]).predict(z)
    np.testing.assert_array_equal(plain, expected)


def test_regression_looks_past_rows_without_features():
    y = np.array([0, 1] * 10)
    x = y[:, None] + np.linspace(0, 0.1, 20)[:, None]
    x[10:] = np.nan
    test = np.array([[0.0], [1.0]])
    found = few_labels.regression(Features(x, test), y, np.arange(10), random_state=0)
    np.testing.assert_array_equal(found, [0, 1])


def test_classifiers_start_where_they_are_told_and_repeat(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 20)
    x = (rng.normal(size=(40, 3)) + 3 * y[:, None]).astype(np.float32)
    model = few_labels.classifier(dense.build((3,), n_codes=2, widths=(4,), seed=1).encoder, 2)
    start = model.get_weights()
    common: dict[str, Any] = {"batch_size": 8, "random_state": 0}
    weights = []
    for name in ("a", "b"):
        monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path / name))
        few_labels.train_classifier(model, start, x, y, steps=300, **common)
        weights.append(model.get_weights())
    # the second run starts anew although weights and moments of the first were in the model
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)
    assert (dense.outputs(model, x).argmax(axis=1) == y).mean() > 0.9
    model.set_weights(start)
    assert few_labels.train_classifier(model, start, x, y, steps=300, **common).loaded
    np.testing.assert_array_equal(model.get_weights()[0], weights[0][0])


def test_a_study_scores_every_method_at_every_number(own_cache, monkeypatch, digits):
    seen = {}

    def umap(train, test, rows, *, random_state):
        seen["rows"] = rows
        hidden = np.full((len(train), 2), np.nan)
        hidden[rows] = train[rows, 100:102]
        return Features(hidden, test[:, 100:102], 1.0)

    monkeypatch.setattr(few_labels, "umap_features", umap)
    found = few_labels.run(digits, random_state=0, **SETTINGS)
    conditions = [(score.method, score.params["labels"]) for score in found.scores]
    assert conditions == [(method, n) for method in few_labels.METHODS for n in (10, 40)]
    assert all(0 <= score.metrics["acc"] <= 1 for score in found.scores)
    assert len(seen["rows"]) == 60
    train, _ = sampling.split(len(digits))
    order = few_labels.label_order(digits.y[train], 10, [40], random_state=0)
    assert set(order) <= set(seen["rows"])
    np.testing.assert_array_equal(
        found.arrays["acc"].ravel(), [score.metrics["acc"] for score in found.scores]
    )
    plt.close(figures.draw_few_labels(found.arrays))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [5, 40]}, "zero labels of a class"),
        ({"umap_rows": 39}, "umap_rows is 39"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_a_study_refuses_before_it_trains(own_cache, digits, change, message):
    with pytest.raises(LatentbookError, match=message):
        few_labels.run(digits, random_state=0, **(SETTINGS | change))
    assert not (own_cache / "training").exists()


@pytest.mark.slow
def test_umap_describes_its_rows_and_the_test_images(own_cache, digits):
    x = digits.flat
    rows = np.arange(0, 300, 2)
    found = few_labels.umap_features(x[:300], x[300:], rows, random_state=0, setting="umap2")
    assert found.test.shape == (100, 2)
    assert np.isfinite(found.train[rows]).all()
    assert np.isnan(found.train[1::2]).all()
