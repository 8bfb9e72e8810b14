"""Detectors of a few lines that learned ones are compared with: HBOS, ECOD, COPOD, kNN, PCA.

Each learns from a matrix and scores others, higher for stranger rows. PyOD has most of them too;
the tests compare where it is installed.

References
----------
- M. Goldstein, A. Dengel. Histogram-based outlier score (HBOS): a fast unsupervised anomaly
  detection algorithm. KI 2012, poster and demo track.
- Z. Li, Y. Zhao, X. Hu, N. Botta, C. Ionescu, G. Chen. ECOD: unsupervised outlier detection using
  empirical cumulative distribution functions. IEEE TKDE, 2022. https://arxiv.org/abs/2201.00382
- Z. Li, Y. Zhao, N. Botta, C. Ionescu, X. Hu. COPOD: copula-based outlier detection. ICDM 2020.
  https://arxiv.org/abs/2009.09463
- S. Ramaswamy, R. Rastogi, K. Shim. Efficient algorithms for mining outliers from large data sets.
  SIGMOD 2000. https://doi.org/10.1145/342009.335437
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import skew
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

#: Neighbour whose distance is the score of kNN.
NEIGHBOURS = 5
#: Rows that neighbours are looked for among, at most.
NEIGHBOUR_ROWS = 20_000
#: Share of the variance that PCA keeps.
KEPT = 0.9

#: Learns from the first matrix, scores the rows of the second.
Score = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def hbos(learned: np.ndarray, rows: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return the sum over columns of -log of the height of the histogram at a value.

    There are √n bins of equal width, and the highest has the height 1. Values outside and in empty
    bins have half the height of a bin of one row.

    Examples
    --------
    >>> hbos(np.array([[0.0], [0.1], [0.2], [1.0]]), np.array([[0.1], [0.9], [7.0]])).round(2)
    array([0.  , 1.1 , 1.79])
    """
    n_bins = int(np.ceil(np.sqrt(len(learned))))
    total = np.zeros(len(rows))
    for own, asked in zip(learned.T, rows.T, strict=True):
        low, high = own.min(), own.max()
        if low == high:
            total += np.where(asked == low, 0.0, np.log(2.0 * len(own)))
            continue
        counts = np.histogram(own, n_bins, (low, high))[0]
        place = np.clip(((asked - low) / (high - low) * n_bins).astype(int), 0, n_bins - 1)
        height = np.maximum(counts[place], 0.5)
        height[(asked < low) | (asked > high)] = 0.5
        total += np.log(counts.max() / height)
    return total


def _tails(learned: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return -log of the share of values at most and at least as large, and the skewness.

    A row that is scored counts as one value more, so that no share is 0.
    """
    n = len(learned) + 1
    ordered = np.sort(learned, axis=0)
    columns = range(learned.shape[1])
    at_most = [np.searchsorted(ordered[:, j], rows[:, j], side="right") for j in columns]
    below = [np.searchsorted(ordered[:, j], rows[:, j], side="left") for j in columns]
    left = -np.log((np.column_stack(at_most) + 1) / n)
    right = -np.log((n - np.column_stack(below)) / n)
    spread = np.ptp(learned, axis=0)
    slant = np.zeros(learned.shape[1])
    slant[spread > 0] = skew(learned[:, spread > 0], axis=0)
    return left, right, slant


def ecod(learned: np.ndarray, rows: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return the largest of three sums of -log tail probabilities: left, right, and by skewness.

    This is algorithm 1 of the paper on ECOD, and that of the paper on COPOD as well.

    Examples
    --------
    >>> ecod(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [9.0]])).round(2)
    array([0.29, 1.39])
    """
    left, right, slant = _tails(learned, rows)
    by_skewness = np.where(slant < 0, left, right)
    return np.max([part.sum(axis=1) for part in (left, right, by_skewness)], axis=0)


def copod(learned: np.ndarray, rows: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return the sum over columns of the larger of two: by skewness, and the mean of both tails.

    PyOD's COPOD is programmed so, and its ECOD too; a column without skewness counts both tails.

    Examples
    --------
    >>> copod(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [9.0]])).round(2)
    array([0.58, 1.39])
    """
    left, right, slant = _tails(learned, rows)
    by_skewness = np.where(slant < 0, left, np.where(slant > 0, right, left + right))
    return np.maximum(by_skewness, (left + right) / 2).sum(axis=1)


def knn(learned: np.ndarray, rows: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return the distance to the fifth nearest of at most 20,000 learned rows."""
    if len(learned) > NEIGHBOUR_ROWS:
        rng = np.random.default_rng(random_state)
        learned = learned[rng.choice(len(learned), NEIGHBOUR_ROWS, replace=False)]
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(learned))).fit(learned)
    return near.kneighbors(rows)[0][:, -1]


def pca(learned: np.ndarray, rows: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return the squared distance to the principal subspace with 90 % of the variance."""
    model = PCA(KEPT, svd_solver="full").fit(learned)
    return ((rows - model.inverse_transform(model.transform(rows))) ** 2).sum(axis=1)


def isolation_forest(learned: np.ndarray, rows: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return scikit-learn's score of 100 trees, with its sign turned."""
    forest = IsolationForest(n_estimators=100, random_state=random_state).fit(learned)
    return -forest.score_samples(rows)


#: Name in the records -> detector.
DETECTORS: dict[str, Score] = {
    "hbos": hbos,
    "ecod": ecod,
    "copod": copod,
    "knn": knn,
    "pca": pca,
    "isolation forest": isolation_forest,
}
