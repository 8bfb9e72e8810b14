"""Use 9: how large must the code be? Error and usefulness against its size, beside PCA.

The intrinsic dimension of the data, estimated from distances to neighbours alone, says what to
expect; its two estimators are here because no installed library has them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from sklearn.neighbors import NearestNeighbors

from latentbook import sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.splits import parts
from latentbook.chapters.autoencoders.study import (
    Codes,
    check_sizes,
    flat,
    mse,
    one_thread,
    principal_components,
    result,
    separation,
)
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, check_matrix
from latentbook.study.result import Result, Score

#: What the figures show.
METRICS = ("mse", "knn_acc", "nmi")


def distances(x: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return each row's distances to its nearest others, of shape (n, n_neighbors), ascending.

    Raises
    ------
    LatentbookError
        If rows occur twice, as distances of zero have no logarithm.
    """
    check_matrix(x)
    check_between("n_neighbors", n_neighbors, 2, len(x) - 1)
    near = NearestNeighbors(n_neighbors=n_neighbors).fit(x).kneighbors()[0]
    if not near[:, 0].all():
        raise LatentbookError(
            f"x holds {int((near[:, 0] == 0).sum())} rows more than once: drop the copies, whose "
            "distance is zero"
        )
    return near


def dimension_mle(x: np.ndarray, n_neighbors: int = 20) -> float:
    r"""Estimate the dimension by maximum likelihood (Levina and Bickel 2004).

    Locally the number of neighbours within r grows as :math:`r^d`. With the distances
    :math:`T_1 < ... < T_k` of a row, the inverse of its estimate is
    :math:`\frac{1}{k - 1} \sum_{j < k} \log (T_k / T_j)`; these inverses, not the estimates, are
    averaged over rows (MacKay and Ghahramani 2005), which removes most of the bias at small k.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
        Without duplicate rows.
    n_neighbors
        k, at least 3.
    """
    check_between("n_neighbors", n_neighbors, 3, len(x) - 1)
    near = distances(x, n_neighbors)
    return float(1 / np.mean(np.log(near[:, -1:] / near[:, :-1])))


def dimension_two_nn(x: np.ndarray) -> float:
    r"""Estimate the dimension from two neighbours (Facco et al. 2017).

    The ratio :math:`\mu = r_2 / r_1` of the distances to the second and the first neighbour has the
    density :math:`d \mu^{-d-1}` where the samples lie evenly over that scale, so that the maximum
    likelihood estimate is :math:`n / \sum_i \log \mu_i`; n - 1 instead of n removes its bias.
    The authors fit a line to the empirical distribution and leave out the largest tenth instead.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
        Without duplicate rows.
    """
    near = distances(x, 2)
    return float((len(x) - 1) / np.log(near[:, 1] / near[:, 0]).sum())


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    n_codes: Sequence[int],
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
    rows: int,
) -> Result:
    """Measure codes of several sizes on the test part, and estimate the intrinsic dimension.

    Parameters
    ----------
    n_codes
        Sizes of the code.
    widths, epochs, batch_size
        Of the autoencoders (ReLU) and their training.
    rows
        Training rows, drawn at random, that estimate the dimension, and that classes are compared
        with: all if there are fewer.

    Returns
    -------
    Result
        By method and ``n_codes``: ``mse``, ``knn_acc``, ``nmi``; of ``likelihood of distances``
        and ``two neighbours``: ``dimension``.
    """
    part = parts(data)
    check_sizes(n_codes, part)
    check_between("rows", rows, 30, 10**9)
    sizes = sorted(set(n_codes))
    designs = [{"n_codes": k, "widths": tuple(widths), "activation": "relu"} for k in sizes]
    networks, seconds = dense.trained(
        part.train, designs, epochs=epochs, batch_size=batch_size, seeds=(random_state,)
    )
    spent = {"epochs": epochs, "widths": "-".join(map(str, widths))}
    some = sampling.subsample(len(part.train), rows, random_state)
    labels = part.y_train[some], part.y_test
    train, test = flat(part.train), flat(part.test)
    scores: list[Score] = []
    for k, network in zip(sizes, networks, strict=True):
        codes = Codes(
            dense.outputs(network.encoder, part.train[some]),
            dense.outputs(network.encoder, part.test),
        )
        found = {"mse": mse(test, dense.outputs(network.model, part.test))}
        found |= separation(codes, *labels, random_state=random_state)
        scores.append(
            Score("autoencoder", found, {"n_codes": k, "rows": len(some)} | spent, seconds)
        )
        start = time.perf_counter()
        pca = principal_components(train, k)
        codes = Codes(pca.transform(train[some]), pca.transform(test))
        took = time.perf_counter() - start
        found = {"mse": mse(test, pca.inverse_transform(codes.test))}
        found |= separation(codes, *labels, random_state=random_state)
        scores.append(Score("pca", found, {"n_codes": k, "rows": len(some)}, took))
    scores += _dimensions(train[some])
    return result("code size", data, random_state, scores, _curves(scores, sizes))


def _dimensions(x: np.ndarray) -> list[Score]:
    unique = np.unique(x, axis=0)
    estimators = {"likelihood of distances": dimension_mle, "two neighbours": dimension_two_nn}
    scores = []
    for name, estimate in estimators.items():
        start = time.perf_counter()
        found = {"dimension": float(estimate(unique))}
        scores.append(Score(name, found, {"rows": len(unique)}, time.perf_counter() - start))
    return scores


def _curves(scores: Sequence[Score], sizes: Sequence[int]) -> dict[str, np.ndarray]:
    arrays = {"n_codes": np.array(sizes)}
    for name in ("autoencoder", "pca"):
        for metric in METRICS:
            values = [s.metrics[metric] for s in scores if s.method == name]
            arrays[f"{metric} {name}"] = np.array(values)
    arrays["dimensions"] = np.array([s.metrics["dimension"] for s in scores[-2:]])
    return arrays
