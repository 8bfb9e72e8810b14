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
from sklearn.utils import gen_batches

from latentbook.errors import LatentbookError, check_between, check_matrix

NOISE = -1
#: Columns whose products are taken together.
FEATURES = 512


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


def distances(x: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances of all pairs of rows, by matrix products.

    Many times as fast as `scipy.spatial.distance.pdist` for rows of thousands of numbers. Products
    are taken in double precision, `FEATURES` columns at a time: distances above a thousandth of
    the largest differ from those of `pdist` by less than one in a million.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)

    Returns
    -------
    array of float64, shape (n_samples, n_samples)
        Symmetric, with zeros on the diagonal.

    Examples
    --------
    >>> distances(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    check_matrix(x)
    inner = np.zeros((len(x), len(x)))
    for columns in gen_batches(x.shape[1], FEATURES):
        part = x[:, columns].astype(np.float64)
        part -= part.mean(axis=0)
        inner += part @ part.T
    squares = np.diag(inner).copy()
    inner *= -2
    inner += squares[:, None] + squares
    np.maximum(inner, 0, out=inner)
    np.fill_diagonal(inner, 0)
    return np.sqrt(inner, out=inner)


def silhouette(
    x: np.ndarray,
    labels: np.ndarray,
    *,
    n: int = 5000,
    seed: int = 0,
    x_distances: np.ndarray | None = None,
) -> float:
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
    x_distances : array of shape (n_samples, n_samples), default=None
        What `distances` returns for `x`, where it is known already.
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
    if x_distances is not None:
        pairs = x_distances if len(kept) == len(labels) else x_distances[np.ix_(kept, kept)]
        return float(silhouette_score(pairs, labels[kept], metric="precomputed"))
    return float(silhouette_score(x[kept], labels[kept]))


def structure_preservation(
    x: np.ndarray,
    z: np.ndarray,
    y: np.ndarray | None = None,
    *,
    n_neighbors: int = 15,
    n: int = 5000,
    seed: int = 0,
    x_distances: np.ndarray | None = None,
    z_distances: np.ndarray | None = None,
) -> dict[str, float]:
    """Measure how much of the structure of `x` survives in the embedding `z`.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
    z : array of shape (n_samples, n_components)
    y : vector of length n_samples, default=None
        Classes, for the centroid correlation.
    n_neighbors : int, default=15
        Size of the neighbourhoods that are compared.
    n : int, default=5000
        Points of the random sample: the distances of all pairs are needed.
    seed : int, default=0
        Random state of the sample.
    x_distances, z_distances : array of shape (n_samples, n_samples), default=None
        What `distances` returns for `x` and `z`, where it is known already.

    Returns
    -------
    dict
        ``trustworthiness`` (Venna and Kaski; are neighbours in z neighbours in x?),
        ``knn_preservation`` (mean share of the neighbours in x found again in z),
        ``distance_correlation`` (Spearman's rank correlation of pairwise distances), and with
        `y` ``centroid_correlation`` (Spearman's, between the distances of class centroids).
    """
    from sklearn.manifold import trustworthiness

    check_matrix(x)
    check_matrix(z, "z")
    if len(x) != len(z):
        raise LatentbookError(f"x has {len(x)} samples, but z has {len(z)}")
    check_between("n_neighbors", n_neighbors, 1, (min(n, len(x)) - 1) / 2)
    if len(x) > n:
        rows = np.random.default_rng(seed).choice(len(x), n, replace=False)
        x, z, y = x[rows], z[rows], None if y is None else np.asarray(y)[rows]
        x_distances, z_distances = (
            None if known is None else known[np.ix_(rows, rows)]
            for known in (x_distances, z_distances)
        )
    near_x, near_z = (
        _neighbours(*space, n_neighbors) for space in ((x, x_distances), (z, z_distances))
    )
    shared = (near_x[:, :, None] == near_z[:, None, :]).any(axis=2)
    if x_distances is None:
        trusted = trustworthiness(x, z, n_neighbors=n_neighbors)
    else:
        trusted = _trustworthiness(x_distances, near_z)
    first = [_pairs(*space) for space in ((x, x_distances), (z, z_distances))]
    scores = {
        "trustworthiness": trusted,
        "knn_preservation": shared.mean(),
        "distance_correlation": spearmanr(*first).statistic,
    }
    if y is not None:
        classes = np.unique(y)
        centroids = [np.stack([s[y == c].mean(axis=0) for c in classes]) for s in (x, z)]
        scores["centroid_correlation"] = spearmanr(*map(pdist, centroids)).statistic
    return {name: float(value) for name, value in scores.items()}


def _neighbours(x: np.ndarray, known: np.ndarray | None, k: int) -> np.ndarray:
    """Return the `k` nearest points of each, from distances where they are known."""
    from sklearn.neighbors import NearestNeighbors

    if known is None:
        return NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False)
    search = NearestNeighbors(n_neighbors=k, metric="precomputed").fit(known)
    return search.kneighbors(return_distance=False)


def _pairs(x: np.ndarray, known: np.ndarray | None, n: int = 2000) -> np.ndarray:
    """Return the distances of all pairs of the first `n` points, each pair once."""
    if known is None:
        return pdist(x[:n])
    return known[np.triu_indices(min(n, len(known)), 1)]


def _trustworthiness(x_distances: np.ndarray, near_z: np.ndarray) -> float:
    """Return the trustworthiness of venna2001trustworthiness, as scikit-learn computes it."""
    n, k = near_z.shape
    rank = np.empty((n, n), np.int32)  # of each point among the others, 1 for the nearest
    order = x_distances.copy()
    np.fill_diagonal(order, np.inf)
    order = np.argsort(order, axis=1)
    np.put_along_axis(rank, order, np.arange(1, n + 1, dtype=np.int32)[None], axis=1)
    beyond = np.take_along_axis(rank, near_z, axis=1) - k
    return 1 - 2 * float(beyond[beyond > 0].sum()) / (n * k * (2 * n - 3 * k - 1))
