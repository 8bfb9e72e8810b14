"""The second stage on data whose clusters are known."""

from __future__ import annotations

import numpy as np
import pytest

from latentbook import clustering, metrics
from latentbook.errors import LatentbookError

pytestmark = pytest.mark.usefixtures("own_cache")


def blobs(stretch: float = 1.0, gap: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw three Gaussians above each other, `stretch` wide."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 100)
    noise = rng.normal(size=(300, 2)) * [stretch, 0.5]
    return (np.stack([0 * y, gap * y], axis=1) + noise).astype(np.float32), y


@pytest.mark.parametrize("name", ["k-means", "mixture", "hdbscan"])
def test_every_stage_finds_separate_blobs(name):
    z, y = blobs()
    changes = {"min_cluster_size": 30} if name == "hdbscan" else {}
    result = clustering.cluster(z, name, n_clusters=3, **changes)
    assert metrics.clustering_scores(y, result.arrays["labels"])["acc_kept"] == pytest.approx(1.0)
    assert clustering.cluster(z, name, n_clusters=3, **changes).loaded


def test_a_mixture_follows_stretched_clusters_where_k_means_cuts_them():
    z, y = blobs(stretch=3.0, gap=4.0)
    scores = {
        name: metrics.accuracy(y, clustering.cluster(z, name, n_clusters=3).arrays["labels"])
        for name in ("k-means", "mixture")
    }
    assert scores["mixture"] > 0.95 > scores["k-means"] + 0.2


def test_hdbscan_gives_the_same_labels_whatever_the_seed():
    z, _ = blobs()
    first = clustering.cluster(z, "hdbscan", min_cluster_size=30, seed=0)
    second = clustering.cluster(z, "hdbscan", min_cluster_size=30, seed=1)
    assert second.loaded
    np.testing.assert_array_equal(first.arrays["labels"], second.arrays["labels"])


def test_criteria_choose_the_true_number():
    z, _ = blobs()
    curves = clustering.choose_k(z, range(2, 7))
    assert curves["n_clusters"][int(np.argmax(curves["silhouette"]))] == 3
    assert curves["n_clusters"][int(np.argmin(curves["bic"]))] == 3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_clusters": 1}, "n_clusters is 1, but must lie between 2 and 299"),
        ({"n_clusters": 300}, "n_clusters is 300"),
        ({"name": "kmeans"}, r"unknown clustering 'kmeans'.*did you mean 'k-means'"),
        ({"name": "hdbscan", "min_cluster_size": 1000}, "min_cluster_size is 1000"),
        ({"name": "hdbscan", "min_cluster_size": 9, "min_samples": 0}, "min_samples is 0"),
    ],
)
def test_bad_parameters_are_named(changes, says):
    z, _ = blobs()
    with pytest.raises(LatentbookError, match=says):
        clustering.cluster(z, **({"name": "k-means"} | changes))


def test_nan_and_wrong_shape_are_named():
    z, _ = blobs()
    z[3, 1] = np.nan
    with pytest.raises(LatentbookError, match="NaN or infinite values in 1 of 300 rows"):
        clustering.cluster(z, "k-means")
    with pytest.raises(LatentbookError, match="must have shape"):
        clustering.cluster(z[:, 0], "k-means")
