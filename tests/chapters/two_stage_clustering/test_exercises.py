"""Answers of the exercises of chapter 03 that are stated for ``digits``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hdbscan import HDBSCAN
from sklearn.decomposition import PCA

from latentbook import datasets, metrics


@pytest.fixture(scope="module")
def digits() -> datasets.Dataset:
    return datasets.load("digits", download=False)


def test_hdbscan_keeps_the_digits_that_have_one_style(digits):
    codes = PCA(n_components=50, random_state=0).fit_transform(digits.flat)
    labels = HDBSCAN(min_samples=5, min_cluster_size=13).fit_predict(codes)
    kept = pd.Series(labels != -1).groupby(digits.y).mean()
    assert kept[[0, 6]].min() > 0.9
    assert set(kept.nsmallest(3).index) == {5, 8, 9}
    assert kept[[5, 8, 9]].to_numpy() == pytest.approx(1 / 3, abs=0.08)


def test_nmi_punishes_merged_classes_least():
    y = np.repeat(np.arange(10), 50)
    scores = metrics.clustering_scores(y, np.where(y == 9, 4, y))
    lost = {name: 1 - scores[name] for name in ("acc", "ari", "nmi")}
    assert lost["acc"] == pytest.approx(0.10)
    assert lost["ari"] == pytest.approx(0.10, abs=0.005)
    assert lost["nmi"] == pytest.approx(0.03, abs=0.005)
