"""What the uses of chapter 02 share: their result, their arrays, their threads and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from latentbook.chapters.autoencoders import CHAPTER
from latentbook.chapters.autoencoders.splits import Parts
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between
from latentbook.study import result as results
from latentbook.study.result import Result, Score

#: Decorator of studies: BLAS and OpenMP (k-means, neighbours, regression) use one thread. Their
#: problems are so small that waiting for a second thread takes longer than its work saves, and ten
#: times as long where other programs use the cores too. Networks and neighbour embeddings have
#: their own threads.
one_thread = threadpool_limits.wrap(limits=1)

#: Neighbours that vote for a class.
VOTERS = 15


def result(
    use: str,
    data: Dataset,
    random_state: int,
    scores: Sequence[Score],
    arrays: Mapping[str, np.ndarray],
) -> Result:
    """Return the result of one use on one data set."""
    return Result(CHAPTER, data, random_state, list(scores), arrays, use=use, networks=True)


def kept(use: str, dataset: str) -> dict[str, np.ndarray]:
    """Return the arrays of a full-scale run for the figures, none if it has not run."""
    arrays = results.kept(CHAPTER, dataset, use)
    arrays.pop("index", None)
    return arrays


def check_sizes(n_codes: Sequence[int], part: Parts) -> None:
    """Raise `LatentbookError` unless PCA and the networks can have codes of all these sizes."""
    if not n_codes:
        raise LatentbookError("n_codes is empty: give at least one size of the code")
    largest = min(len(part.train), flat(part.train).shape[1])
    for k in n_codes:
        check_between("n_codes", k, 1, largest)


def flat(x: np.ndarray) -> np.ndarray:
    """Return `x` as a matrix of one row a sample."""
    return x.reshape(len(x), -1)


def as_bytes(x: np.ndarray) -> np.ndarray:
    """Return values in [0, 1], others clipped, as bytes."""
    return np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)


def principal_components(x: np.ndarray, n_codes: int) -> PCA:
    """Return PCA fitted to all rows of the matrix `x`, without random shortcuts."""
    wide = x.shape[1] > len(x)
    return PCA(n_codes, svd_solver="full" if wide else "covariance_eigh").fit(x)


def mse(x: np.ndarray, rebuilt: np.ndarray) -> float:
    """Return the mean over samples and features of the squared error."""
    return float(np.mean((flat(x).astype(np.float64) - flat(rebuilt)) ** 2))


@dataclass(frozen=True)
class Codes:
    """Codes of the training and the test part, matrices with one row a sample."""

    train: np.ndarray
    test: np.ndarray


def separation(
    codes: Codes, y_train: np.ndarray, y_test: np.ndarray, *, random_state: int
) -> dict[str, float]:
    """Return how well codes separate the classes of the test part.

    Returns
    -------
    dict
        ``knn_acc``: share of test labels that the nearest `VOTERS` training codes vote for;
        ``ari`` and ``nmi`` of k-means with one centre a class, fitted to the training codes
        without labels.
    """
    classifier = KNeighborsClassifier(VOTERS).fit(codes.train, y_train)
    k_means = KMeans(len(np.unique(y_train)), n_init=10, random_state=random_state)
    labels = k_means.fit(codes.train).predict(codes.test)
    return {
        "knn_acc": float(classifier.score(codes.test, y_test)),
        "ari": float(adjusted_rand_score(y_test, labels)),
        "nmi": float(normalized_mutual_info_score(y_test, labels)),
    }
