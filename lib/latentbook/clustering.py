"""The second stage: k-means, Gaussian mixture or HDBSCAN on any representation.

`choose_k` scores numbers of clusters without labels, by silhouette and BIC.
Scoring against classes is left to `metrics`.

References
----------
- fernandez2020: Agustín Fernández Felguera. Dimensionality reduction for clustering with deep
  neural networks. Bachelor's thesis, Universitat de Barcelona and Universitat Politècnica de
  Catalunya, 2020.
- mcinnes2017hdbscan: Leland McInnes, John Healy, Steve Astels. hdbscan: hierarchical density based
  clustering. 2017. https://doi.org/10.21105/joss.00205
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from latentbook import cache
from latentbook.errors import check_between, check_matrix, choose
from latentbook.metrics import silhouette

#: Settings of fernandez2020, listings 12.1 and 12.2; that of the mixture is our own.
SETTINGS: dict[str, dict[str, Any]] = {
    "k-means": {"n_init": 10},
    "mixture": {"n_init": 5, "covariance_type": "full", "reg_covar": 1e-6},
    "hdbscan": {"min_samples": 10, "min_cluster_size": 500},
}


def clusterer(name: str, *, n_clusters: int, seed: int, **params: Any) -> Any:
    """Return an unfitted estimator with ``fit_predict``.

    Parameters
    ----------
    name : str
        A key of `SETTINGS`.
    n_clusters : int
        Ignored by HDBSCAN, which finds its own number.
    seed : int
        Random state; HDBSCAN has none.
    **params
        Further parameters of the estimator.
    """
    choose("clustering", name, SETTINGS)
    if name == "k-means":
        from sklearn.cluster import KMeans

        return KMeans(n_clusters, random_state=seed, **params)
    if name == "mixture":
        from sklearn.mixture import GaussianMixture

        return GaussianMixture(n_clusters, random_state=seed, **params)
    from hdbscan import HDBSCAN

    # one job is 3 to 4 times as fast as the default on two-dimensional data
    return HDBSCAN(core_dist_n_jobs=1, **params)


def cluster(
    z: np.ndarray, name: str, *, n_clusters: int = 10, seed: int = 0, **changes: Any
) -> cache.Computed:
    """Cluster `z`, or load the clusters of an earlier call from the cache.

    Parameters
    ----------
    z : array of shape (n_samples, n_features)
        Finite values.
    name : {"k-means", "mixture", "hdbscan"}
        The mixture is one of Gaussians with full covariance.
    n_clusters : int, default=10
        Ignored by HDBSCAN, which finds its own number.
    seed : int, default=0
        Random state; HDBSCAN has none.
    **changes
        Parameters that differ from `SETTINGS`, e.g. ``min_cluster_size=50``.

    Returns
    -------
    cache.Computed
        ``arrays["labels"]`` of shape (n_samples,), int32, -1 for noise; k-means adds ``centers``,
        HDBSCAN ``probabilities``.

    Raises
    ------
    LatentbookError
        For an unknown name, NaN, or `n_clusters` outside 2 .. n_samples - 1.

    Examples
    --------
    >>> from latentbook import clustering, datasets, metrics
    >>> digits = datasets.load("digits", n=200)
    >>> result = clustering.cluster(digits.flat, "k-means", n_clusters=10)
    >>> result.arrays["labels"].shape
    (200,)
    >>> metrics.accuracy(digits.y, result.arrays["labels"]) > 0.5
    True
    """
    params = SETTINGS[choose("clustering", name, SETTINGS)] | changes
    check_matrix(z, "the representation")
    check_between("n_clusters", n_clusters, 2, len(z) - 1)
    if name == "hdbscan":
        check_between("min_cluster_size", params["min_cluster_size"], 2, len(z))
        check_between("min_samples", params["min_samples"], 1, len(z))
    library = "hdbscan" if name == "hdbscan" else "scikit-learn"
    key: dict[str, Any] = {
        "z": cache.digest(z),
        "name": name,
        "params": params,
        "library": f"{library} {version(library)}",
    }
    if name != "hdbscan":
        key |= {"n_clusters": n_clusters, "seed": seed}

    def compute() -> dict[str, np.ndarray]:
        estimator = clusterer(name, n_clusters=n_clusters, seed=seed, **params)
        # the EM steps of a mixture on tight UMAP islands need float64
        labels = estimator.fit_predict(z.astype(np.float64) if name == "mixture" else z)
        result = {"labels": labels.astype(np.int32)}
        if name == "k-means":
            result["centers"] = estimator.cluster_centers_
        if name == "hdbscan":
            result["probabilities"] = estimator.probabilities_
        return result

    return cache.load_or_compute("clusters", key, compute)


def choose_k(
    z: np.ndarray, candidates: range, *, seed: int = 0, n: int = 20_000
) -> dict[str, list[float]]:
    """Score every candidate number of clusters without labels.

    Parameters
    ----------
    z : array of shape (n_samples, n_features)
    candidates : range
        Numbers of clusters to try, e.g. ``range(2, 21)``.
    seed : int, default=0
        Random state of the sample and of the clusterers.
    n : int, default=20000
        Largest number of points; of more a random sample is taken.

    Returns
    -------
    dict
        ``n_clusters``, ``silhouette`` of k-means (the higher the better) and ``bic`` of a
        Gaussian mixture (the lower the better), lists of equal length.
    """
    check_matrix(z, "the representation")
    check_between("smallest number of clusters", min(candidates), 2, len(z) - 1)
    check_between("largest number of clusters", max(candidates), 2, len(z) - 1)
    if len(z) > n:
        z = z[np.random.default_rng(seed).choice(len(z), n, replace=False)]
    z = z.astype(np.float64)
    silhouettes, bics = [], []
    for k in candidates:
        labels = clusterer("k-means", n_clusters=k, seed=seed, n_init=3).fit_predict(z)
        silhouettes.append(silhouette(z, labels, n=3000, seed=seed))
        bics.append(float(clusterer("mixture", n_clusters=k, seed=seed).fit(z).bic(z)))
    return {"n_clusters": list(map(float, candidates)), "silhouette": silhouettes, "bic": bics}
