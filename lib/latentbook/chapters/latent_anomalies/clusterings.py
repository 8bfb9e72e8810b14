"""Clusterings of a latent space for every number of clusters, and what chooses that number.

The clusterers themselves are left to `latentbook.clustering`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.metrics import v_measure_score

from latentbook import cache, clustering, metrics
from latentbook.errors import check_between

#: Codes that clusterers are fitted on at most; the others are assigned to the clusters.
CLUSTERED_ROWS = 10_000

#: Starts of each Gaussian mixture and of each k-means, the best of which counts.
STARTS = 3

#: Second stage -> what chooses its number of clusters without labels.
CRITERIA = {"k-means": "silhouette", "mixture": "bic"}


@dataclass(frozen=True)
class Curves:
    """Clusterings of one set of codes for every number of clusters.

    Attributes
    ----------
    ks : vector of numbers of clusters
    labels : dict
        Second stage -> array of shape (number of ks, n_samples).
    criteria : dict
        ``silhouette`` of k-means (higher is better) and minus the ``bic`` of the mixture, so that
        the largest value is chosen of both.
    """

    ks: np.ndarray
    labels: dict[str, np.ndarray]
    criteria: dict[str, np.ndarray]
    seconds: float

    def v_measure(self, y: np.ndarray, stage: str, beta: float = 1.0) -> np.ndarray:
        """Return the V-measure against the classes `y`, for every number of clusters.

        A `beta` above 1 favours completeness, one below 1 homogeneity (section 2.1).
        """
        check_between("beta", beta, 0, 1e6)
        return np.array([v_measure_score(y, labels, beta=beta) for labels in self.labels[stage]])


def cluster_curves(z: np.ndarray, k_max: int, *, random_state: int) -> Curves:
    """Cluster `z` into 2 .. k_max clusters by k-means and by a Gaussian mixture, or load that.

    Raises
    ------
    LatentbookError
        If there are not more rows than `k_max`.
    """
    check_between("k_max", k_max, 2, len(z) - 1)
    ks = np.arange(2, k_max + 1)
    z = z.astype(np.float64)
    fitted = z
    if len(z) > CLUSTERED_ROWS:
        # in the order drawn: the starts of k-means depend on it
        rng = np.random.default_rng(random_state)
        fitted = z[rng.choice(len(z), CLUSTERED_ROWS, replace=False)]

    def compute() -> dict[str, np.ndarray]:
        arrays: dict[str, list[Any]] = {"k-means": [], "mixture": [], "silhouette": [], "bic": []}
        for k in map(int, ks):
            params = {"n_clusters": k, "seed": random_state, "n_init": STARTS}
            k_means = clustering.clusterer("k-means", **params).fit(fitted)
            mixture = clustering.clusterer("mixture", **params).fit(fitted)
            labels = k_means.predict(z).astype(np.int16)
            arrays["k-means"].append(labels)
            arrays["mixture"].append(mixture.predict(z).astype(np.int16))
            arrays["silhouette"].append(metrics.silhouette(z, labels, n=3000, seed=random_state))
            arrays["bic"].append(-mixture.bic(fitted))
        return {name: np.array(values) for name, values in arrays.items()}

    key = {"z": cache.digest(z), "k_max": k_max, "seed": random_state, "starts": STARTS}
    key |= {"library": f"scikit-learn {version('scikit-learn')}"}
    result = cache.load_or_compute("cluster-curves", key, compute)
    arrays = result.arrays
    return Curves(
        ks,
        {stage: arrays[stage] for stage in CRITERIA},
        {name: arrays[name] for name in CRITERIA.values()},
        result.seconds,
    )


def clustering_metrics(
    test: Curves, validation: Curves, y_test: np.ndarray, y_validation: np.ndarray, stage: str
) -> dict[str, float]:
    """Return the V-measures of one second stage, under every way to choose k.

    Returns
    -------
    dict
        ``v_measure`` at ``n_clusters``: the largest over all k on the *test* rows, which is the
        paper's rule and needs their classes; the same with ``_by_validation`` (k chosen by the
        classes of the validation rows) and ``_by_silhouette`` or ``_by_bic`` (no classes);
        ``v_measure_at_k`` for every k.
    """
    curve, ks = test.v_measure(y_test, stage), test.ks
    criterion = CRITERIA[stage]
    best = int(curve.argmax())
    scores = {"v_measure": curve[best], "n_clusters": ks[best]}
    for name, values in {
        "validation": validation.v_measure(y_validation, stage),
        criterion: test.criteria[criterion],
    }.items():
        chosen = int(np.nanargmax(values))
        scores |= {f"k_by_{name}": ks[chosen], f"v_measure_by_{name}": curve[chosen]}
    scores |= {f"v_measure_at_{k}": v for k, v in zip(ks, curve, strict=True)}
    return {name: float(value) for name, value in scores.items()}
