"""Scores of a clustering against classes, and of an embedding against the space it came from.

Most scores are scikit-learn's and SciPy's. Written here are clustering accuracy (a contingency
table and an optimal assignment), coverage, and two global measures of structure preservation.
Noise (label -1, from HDBSCAN) is a group of its own in NMI, AMI, ARI and V-measure, and an error
in ACC. The scores with the suffix ``_kept`` leave noise out, as fernandez2020 does.

References
----------
- fernandez2020: Agustín Fernández Felguera. Dimensionality reduction for clustering with deep
  neural networks. Bachelor's thesis, Universitat de Barcelona and Universitat Politècnica de
  Catalunya, 2020.
- venna2001trustworthiness: Jarkko Venna, Samuel Kaski. Neighborhood preservation in nonlinear
  projection methods: an experimental study. 2001. https://doi.org/10.1007/3-540-44668-0_68
- rosenberg2007vmeasure: Andrew Rosenberg, Julia Hirschberg. V-measure: a conditional entropy-based
  external cluster evaluation measure. 2007. https://aclanthology.org/D07-1043
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from latentbook.errors import LatentbookError, check_between, check_matrix

NOISE = -1


def _codes(labels: np.ndarray, what: str) -> np.ndarray:
    """Return group numbers from 0 in sorted order; a number may belong to no sample."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or len(labels) == 0:
        raise LatentbookError(f"{what} must be a non-empty vector, but has shape {labels.shape}")
    if np.issubdtype(labels.dtype, np.integer) and np.ptp(labels) < 1000:
        return (labels - labels.min()).astype(np.int64, copy=False)  # 10 x as fast as sorting
    return np.unique(labels, return_inverse=True)[1]


def contingency(y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count samples by class (rows, sorted) and cluster (columns, sorted).

    Raises
    ------
    LatentbookError
        If the vectors are empty or differ in length.
    """
    rows, columns = _codes(y, "y"), _codes(labels, "labels")
    if len(rows) != len(columns):
        raise LatentbookError(f"y has {len(rows)} samples, but labels has {len(columns)}")
    shape = (rows.max() + 1, columns.max() + 1)
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)
    return counts[counts.any(axis=1)][:, counts.any(axis=0)]


def matching(y: np.ndarray, labels: np.ndarray) -> dict[int, int]:
    """Return the one-to-one match {cluster: class} with most agreeing samples, without noise."""
    y, labels = np.asarray(y), np.asarray(labels)
    kept = labels != NOISE
    if not kept.any():
        return {}
    counts = contingency(y[kept], labels[kept])
    rows, columns = linear_sum_assignment(counts, maximize=True)
    classes, clusters = np.unique(y[kept]), np.unique(labels[kept])
    return {int(clusters[c]): int(classes[r]) for r, c in zip(rows, columns, strict=True)}


def accuracy(y: np.ndarray, labels: np.ndarray) -> float:
    """Return clustering accuracy: the share of samples that the best one-to-one match gets right.

    ACC of fernandez2020, section 7.2.1. Samples labelled -1 count as wrong. Where there are more
    clusters than classes, samples of the clusters without a class count as wrong too.

    Examples
    --------
    >>> accuracy(np.array([0, 0, 1, 1]), np.array([7, 7, 7, 3]))
    0.75
    """
    y, labels = np.asarray(y), np.asarray(labels)
    if y.shape != labels.shape:
        raise LatentbookError(f"y has {len(y)} samples, but labels has {len(labels)}")
    kept = labels != NOISE
    if not kept.any():
        return 0.0
    counts = contingency(y, labels) if kept.all() else contingency(y[kept], labels[kept])
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(y))


def _external(y: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(y, labels)
    return {
        "nmi": metrics.normalized_mutual_info_score(y, labels),
        "ami": metrics.adjusted_mutual_info_score(y, labels),
        "ari": metrics.adjusted_rand_score(y, labels),
        "acc": accuracy(y, labels),
        "homogeneity": homogeneity,
        "completeness": completeness,
        "v_measure": v_measure,
    }


def clustering_scores(y: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return all external scores, over all points and over those that are not noise.

    Parameters
    ----------
    y, labels : vectors of length n_samples
        Classes, and clusters with -1 for noise.

    Returns
    -------
    dict
        nmi, ami, ari, acc, homogeneity, completeness, v_measure; the same over the points that
        are not noise (``nmi_kept`` ...; 0 where all are noise); and n_clusters without noise.

    Examples
    --------
    >>> scores = clustering_scores(np.array([0, 0, 1, 1]), np.array([5, 5, 2, -1]))
    >>> scores["acc"], scores["acc_kept"], scores["n_clusters"]
    (0.75, 1.0, 2.0)
    """
    y, labels = np.asarray(y), np.asarray(labels)
    contingency(y, labels)
    kept = labels != NOISE
    scores = _external(y, labels)
    inner = scores
    if not kept.all():
        inner = _external(y[kept], labels[kept]) if kept.any() else dict.fromkeys(scores, 0.0)
    scores = scores | {f"{name}_kept": value for name, value in inner.items()}
    scores["n_clusters"] = len(np.unique(labels[kept]))
    return {name: float(value) for name, value in scores.items()}


def coverage(labels: np.ndarray) -> float:
    """Return the share of points that belong to a cluster (are not -1)."""
    return float(np.mean(np.asarray(labels) != NOISE))


def silhouette(x: np.ndarray, labels: np.ndarray, *, n: int = 5000, seed: int = 0) -> float:
    """Return the mean silhouette coefficient over a random sample of `n` non-noise points.

    The exact value needs the distances of all pairs. The standard error of a sample of 5,000 points
    is about 0.003. NaN if fewer than two clusters are left.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
    labels : vector of length n_samples
        Clusters, with -1 for noise.
    n : int, default=5000
        Size of the sample.
    seed : int, default=0
        Random state of the sample.
    """
    from sklearn.metrics import silhouette_score

    check_matrix(x)
    labels = np.asarray(labels)
    kept = np.flatnonzero(labels != NOISE)
    if len(np.unique(labels[kept])) < 2:
        return float("nan")
    if len(kept) > n:
        kept = np.random.default_rng(seed).choice(kept, n, replace=False)
    if not 2 <= len(np.unique(labels[kept])) < len(kept):
        return float("nan")
    return float(silhouette_score(x[kept], labels[kept]))


def structure_preservation(
    x: np.ndarray,
    z: np.ndarray,
    y: np.ndarray | None = None,
    *,
    n_neighbors: int = 15,
    n: int = 5000,
    seed: int = 0,
) -> dict[str, float]:
    """Measure how much of the structure of `x` survives in the embedding `z`.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
    z : array of shape (n_samples, n_components)
    y : vector of length n_samples, optional
        Classes, for the centroid correlation.
    n_neighbors : int, default=15
        Size of the neighbourhoods that are compared.
    n : int, default=5000
        Points of the random sample: the distances of all pairs are needed.
    seed : int, default=0
        Random state of the sample.

    Returns
    -------
    dict
        ``trustworthiness`` (Venna and Kaski; are neighbours in z neighbours in x?),
        ``knn_preservation`` (mean share of the neighbours in x found again in z),
        ``distance_correlation`` (Spearman's rank correlation of pairwise distances), and with
        `y` ``centroid_correlation`` (Spearman's, between the distances of class centroids).
    """
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    check_matrix(x)
    check_matrix(z, "z")
    if len(x) != len(z):
        raise LatentbookError(f"x has {len(x)} samples, but z has {len(z)}")
    check_between("n_neighbors", n_neighbors, 1, (min(n, len(x)) - 1) / 2)
    if len(x) > n:
        rows = np.random.default_rng(seed).choice(len(x), n, replace=False)
        x, z, y = x[rows], z[rows], None if y is None else np.asarray(y)[rows]
    near_x, near_z = (
        NearestNeighbors(n_neighbors=n_neighbors).fit(space).kneighbors(return_distance=False)
        for space in (x, z)
    )
    shared = (near_x[:, :, None] == near_z[:, None, :]).any(axis=2)
    scores = {
        "trustworthiness": trustworthiness(x, z, n_neighbors=n_neighbors),
        "knn_preservation": shared.mean(),
        "distance_correlation": _distance_correlation(x[:2000], z[:2000]),
    }
    if y is not None:
        classes = np.unique(y)
        centroids = [np.stack([s[y == c].mean(axis=0) for c in classes]) for s in (x, z)]
        scores["centroid_correlation"] = _distance_correlation(*centroids)
    return {name: float(value) for name, value in scores.items()}


def _distance_correlation(x: np.ndarray, z: np.ndarray) -> float:
    return spearmanr(pdist(x), pdist(z)).statistic
