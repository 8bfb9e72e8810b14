"""Structure preservation: known values, invariances, and agreement with direct computations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.stats import spearmanr

from latentbook import metrics
from latentbook.errors import LatentbookError

LOCAL = ("trustworthiness", "knn_preservation")
GLOBAL = ("distance_correlation", "centroid_correlation")


def cloud(n=300, d=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def classes(n=300):
    return np.arange(n) % 10


def test_a_copy_keeps_everything():
    scores = metrics.structure_preservation(cloud(), cloud(), classes())
    assert set(scores) == {*LOCAL, *GLOBAL}
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0))


def test_noise_keeps_nothing():
    n, k = 1000, 15
    scores = metrics.structure_preservation(cloud(n), cloud(n, 2, seed=1), classes(n))
    assert scores["trustworthiness"] == pytest.approx(0.5, abs=0.03)
    assert scores["knn_preservation"] == pytest.approx(k / (n - 1), abs=0.01)
    assert scores["distance_correlation"] == pytest.approx(0, abs=0.05)


def test_local_measures_miss_what_the_global_ones_see():
    """Far islands moved about keep their neighbourhoods, not their distances."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(8), 50)
    islands = rng.normal(size=(400, 2))
    x = islands + 100 * np.c_[np.arange(8), np.zeros(8)][y]
    z = islands + 100 * np.c_[rng.permutation(8), np.zeros(8)][y]
    scores = metrics.structure_preservation(x, z, y)
    assert scores["knn_preservation"] == pytest.approx(1)
    assert scores["trustworthiness"] == pytest.approx(1)
    assert scores["centroid_correlation"] < 0.9
    assert scores["distance_correlation"] < 0.9


def test_measures_agree_with_their_definitions():
    x, z, y, k = cloud(60), cloud(60, 2, seed=1) + cloud(60)[:, :2], classes(60), 7
    scores = metrics.structure_preservation(x, z, y, n_neighbors=k)
    far_x, far_z = cdist(x, x), cdist(z, z)
    ranks = far_x.argsort(axis=1).argsort(axis=1)
    near_x, near_z = far_x.argsort(axis=1)[:, 1 : k + 1], far_z.argsort(axis=1)[:, 1 : k + 1]
    penalty = sum(max(0, ranks[i, j] - k) for i in range(60) for j in near_z[i])
    assert scores["trustworthiness"] == pytest.approx(
        1 - 2 * penalty / (60 * k * (2 * 60 - 3 * k - 1))
    )
    kept = np.mean([len(set(near_x[i]) & set(near_z[i])) / k for i in range(60)])
    assert scores["knn_preservation"] == pytest.approx(kept)
    pairs = np.triu_indices(60, 1)
    assert scores["distance_correlation"] == pytest.approx(
        spearmanr(far_x[pairs], far_z[pairs]).statistic
    )
    centres = [np.array([s[y == c].mean(axis=0) for c in range(10)]) for s in (x, z)]
    pairs = np.triu_indices(10, 1)
    assert scores["centroid_correlation"] == pytest.approx(
        spearmanr(*(cdist(c, c)[pairs] for c in centres)).statistic
    )


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    scale=st.floats(0.1, 100),
    shift=st.floats(-10, 10),
    angle=st.floats(0, 6.3),
)
def test_turning_shifting_and_scaling_the_embedding_change_nothing(seed, scale, shift, angle):
    x, z = cloud(80, 4, seed), cloud(80, 2, seed + 1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before = metrics.structure_preservation(x, z, classes(80), n_neighbors=5)
    after = metrics.structure_preservation(x, scale * z @ turn + shift, classes(80), n_neighbors=5)
    assert after == pytest.approx(before, abs=1e-3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_the_samples_does_not_matter(seed):
    x, z, y = cloud(80, 4, seed), cloud(80, 2, seed + 1), classes(80)
    order = np.random.default_rng(seed).permutation(80)
    before = metrics.structure_preservation(x, z, y, n_neighbors=5)
    after = metrics.structure_preservation(x[order], z[order], y[order], n_neighbors=5)
    assert after == pytest.approx(before)
    assert all(0 <= before[name] <= 1 for name in LOCAL)


def test_large_data_are_sampled_and_the_seed_decides():
    x, z = cloud(500), cloud(500, 2, seed=1)
    first = metrics.structure_preservation(x, z, n=200, seed=3)
    assert first == metrics.structure_preservation(x, z, n=200, seed=3)
    assert first != metrics.structure_preservation(x, z, n=200, seed=4)
    assert "centroid_correlation" not in first


def test_bad_input_is_named():
    x = cloud(40)
    with pytest.raises(LatentbookError, match="x has 40 samples, but z has 39"):
        metrics.structure_preservation(x, x[1:])
    with pytest.raises(
        LatentbookError, match=r"n_neighbors is 20, but must lie between 1 and 19\.5"
    ):
        metrics.structure_preservation(x, x, n_neighbors=20)
    with pytest.raises(LatentbookError, match="z holds NaN"):
        metrics.structure_preservation(x, np.where(x > 2, np.nan, x), n_neighbors=5)
    with pytest.raises(LatentbookError, match="x must have shape"):
        metrics.structure_preservation(x[:, :, None], x)


@pytest.mark.parametrize("features", [2, 700, 1500])
def test_distances_are_those_of_pdist(features):
    x = np.random.default_rng(features).normal(5, 1, (60, features)).astype(np.float32)
    x[1] = x[0] + 1e-2  # close, far from the origin
    found = metrics.distances(x)
    assert squareform(found, checks=False) == pytest.approx(pdist(x), rel=1e-6)
    assert (found == found.T).all()
    assert (np.diag(found) == 0).all()


def test_known_distances_change_no_score():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 40))
    z = x[:, :3] + 0.3 * rng.normal(size=(120, 3))
    y = rng.integers(0, 4, 120)
    for n in (120, 50):
        plain = metrics.structure_preservation(x, z, y, n=n)
        known = metrics.structure_preservation(
            x, z, y, n=n, x_distances=metrics.distances(x), z_distances=metrics.distances(z)
        )
        assert known == pytest.approx(plain, rel=1e-9)
    labels = np.where(y == 3, -1, y)
    for n in (120, 50):
        assert metrics.silhouette(
            x, labels, n=n, x_distances=metrics.distances(x)
        ) == pytest.approx(metrics.silhouette(x, labels, n=n), rel=1e-9)
