"""Anomalies by reconstruction error: the cut of the rows, the scores, and small studies."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from latentbook import datasets
from latentbook.chapters.autoencoders import anomalies, figures
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError

SETTINGS: dict[str, Any] = {
    "anomalous": ["8", "9"],
    "n_codes": 2,
    "code_sizes": [2, 4],
    "hidden": [16],
    "noise": 0.1,
    "epochs": 2,
    "batch_size": 64,
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load("digits", n=600)


@pytest.fixture(scope="module")
def parts(digits: Dataset) -> anomalies.Parts:
    return anomalies.split(digits, ["8", "9"], random_state=0)


def with_split(x: np.ndarray, y: np.ndarray, n_train: int) -> Dataset:
    names = tuple(map(str, range(int(y.max()) + 1)))
    index = np.arange(len(x))
    return Dataset("digits", x, y, names, n_train, "0", index, True, "test")


def test_no_row_to_learn_from_is_anomalous_and_no_row_is_used_twice(digits, parts):
    known = {row.tobytes(): label for row, label in zip(digits.flat, digits.y, strict=True)}
    learned = [known[row.tobytes()] for row in (*parts.fit, *parts.held_out)]
    assert not {8, 9} & set(learned)
    assert len(parts.test) == 200
    assert len({row.tobytes() for row in (*parts.fit, *parts.held_out, *parts.test)}) == (
        len(parts.fit) + len(parts.held_out) + len(parts.test)
    )
    np.testing.assert_array_equal(parts.anomalous, np.isin(parts.y, [8, 9]))


def test_a_published_split_is_kept_and_test_values_are_clipped():
    x = np.linspace(0, 1, 160, dtype=np.float32).reshape(80, 2)
    x[60] = [5, -1]
    data = with_split(x, np.arange(80) % 2, n_train=60)
    parts = anomalies.split(data, ["1"], random_state=3)
    assert len(parts.fit) + len(parts.held_out) == 30
    np.testing.assert_array_equal(parts.y, data.y[60:])
    np.testing.assert_array_equal(parts.test[0], [1, 0])
    assert parts.clipped == 1 / 20


@pytest.mark.parametrize(
    ("anomalous", "message"),
    [
        ([], "0 of 10 classes are anomalous"),
        (list("0123456789"), "10 of 10 classes are anomalous"),
        (["ten"], "unknown class 'ten'"),
    ],
)
def test_bad_classes_are_named(digits, anomalous, message):
    with pytest.raises(LatentbookError, match=message):
        anomalies.split(digits, anomalous, random_state=0)


def test_too_few_rows_are_named():
    with pytest.raises(LatentbookError, match="normal training rows"):
        anomalies.split(datasets.load("digits", n=24), ["8"], random_state=0)
    x, y = np.zeros((60, 2), np.float32), np.repeat([0, 1], [50, 10])
    with pytest.raises(LatentbookError, match="no test row of 1"):
        anomalies.split(with_split(x[:55], y[:55][::-1].copy(), 40), ["1"], random_state=0)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_scores_of_a_perfect_and_of_a_useless_method(parts, seed):
    rng = np.random.default_rng(seed)
    held_out = rng.random(len(parts.held_out))
    perfect = anomalies.detection(rng.random(len(parts.y)) - parts.anomalous, held_out, parts)
    assert perfect["auc"] == perfect["ap"] == perfect["recall"] == perfect["auc_8"] == 1
    useless = anomalies.detection(np.ones(len(parts.y)), held_out, parts)
    assert useless["auc"] == useless["auc_9"] == 0.5
    assert useless["ap"] == pytest.approx(useless["anomalous_share"])
    assert useless["recall"] == useless["false_alarms"] == 0


def test_the_auc_of_all_is_the_mean_of_the_groups_by_their_size(parts):
    values = np.random.default_rng(0).random(len(parts.y))
    found = anomalies.detection(values, values, parts)
    sizes = [(parts.y == code).sum() for code in parts.groups.values()]
    groups = [found[f"auc_{name}"] for name in parts.groups]
    assert found["auc"] == pytest.approx(np.average(groups, weights=sizes))


def test_pca_rebuilds_what_lies_in_its_plane_and_errs_by_the_rest():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 6))
    score = anomalies._pca(plane, 2)
    np.testing.assert_allclose(score(plane), 0, atol=1e-20)
    normal = np.linalg.svd(plane - plane.mean(axis=0))[2][-1]
    np.testing.assert_allclose(score(plane + 3 * normal), -9 / 6, rtol=1e-9)


def test_a_study_scores_every_method_and_repeats(own_cache, digits):
    found = anomalies.run(digits, random_state=1, **SETTINGS)
    methods = [score.method for score in found.scores]
    sweep = ["autoencoder, code size", "pca, code size"]
    assert methods[5:] == sweep * 2
    assert methods[:3] == ["autoencoder", "denoising autoencoder", "pca"]
    by_name = dict(zip(methods[:5], found.scores, strict=False))
    assert by_name["autoencoder"].params["n_codes"] == 2
    assert "n_codes" not in by_name["isolation forest"].params
    assert found.scores[5].metrics == by_name["autoencoder"].metrics
    parts = anomalies.split(digits, SETTINGS["anomalous"], random_state=1)
    pca = PCA(2, svd_solver="full").fit(parts.fit)
    rebuilt = pca.inverse_transform(pca.transform(parts.test))
    error = ((parts.test - rebuilt) ** 2).sum(axis=1)
    expected = roc_auc_score(parts.anomalous, error)
    assert by_name["pca"].metrics["auc"] == pytest.approx(expected, abs=1e-4)
    again = anomalies.run(digits, random_state=1, **SETTINGS)
    assert [s.metrics for s in again.scores] == [s.metrics for s in found.scores]
    assert sum(array.nbytes for array in found.arrays.values()) < 80_000
    for draw in (figures.draw_detection, figures.draw_growing_code):
        plt.close(draw(found.arrays))


@pytest.mark.parametrize("change", [{"n_codes": 0}, {"code_sizes": [10_000]}, {"epochs": 0}])
def test_a_study_refuses_impossible_sizes(own_cache, digits, change):
    with pytest.raises(LatentbookError, match="must lie between"):
        anomalies.run(digits, random_state=0, **(SETTINGS | change))
