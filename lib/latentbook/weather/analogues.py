"""Windows of the past that stand for an event's weather: all, those of its cluster, the nearest.

Each function returns weights of the training windows, one row an event's window. They weigh
plumes (`mean_plumes`, for the cosine of `source`) or likelihoods (`likelihood.posterior`).
"""

from __future__ import annotations

import numpy as np

from latentbook.errors import LatentbookError, check_between


def every(n_tested: int, n_known: int) -> np.ndarray:
    """Return equal weights: nothing is known about the weather. Shape (n_tested, n_known)."""
    return np.full((n_tested, n_known), 1 / n_known, np.float32)


def of_cluster(tested: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return equal weights of the windows in the cluster of each event's window.

    Parameters
    ----------
    tested, known : arrays of int, shapes (n_tested,) and (n_known,)
        Clusters of the events' windows and of the training windows.

    Returns
    -------
    array of float32, shape (n_tested, n_known)
        A cluster without a training window has the weights of `every`.
    """
    same = (tested[:, None] == known).astype(np.float32)
    same[~same.any(axis=1)] = 1
    return np.asarray(same / same.sum(axis=1, keepdims=True))


def nearest(tested: np.ndarray, known: np.ndarray, n: int) -> np.ndarray:
    """Return equal weights of the `n` training windows nearest to each event's window.

    Parameters
    ----------
    tested, known : arrays of shape (n_tested, n_codes) and (n_known, n_codes)
        Windows as points; the distance is Euclidean.
    n : int

    Returns
    -------
    array of float32, shape (n_tested, n_known)

    Raises
    ------
    LatentbookError
        For points of different lengths, and more windows than there are.
    """
    if tested.shape[1] != known.shape[1]:
        raise LatentbookError(
            f"points of {tested.shape[1]} and {known.shape[1]} numbers have no distance: give "
            "events and training windows the same codes"
        )
    check_between("analogues", n, 1, len(known))
    a, b = tested.astype(np.float64), known.astype(np.float64)
    distance = (b**2).sum(axis=1) - 2 * a @ b.T  # but for a constant of each row
    rows = np.argpartition(distance, n - 1, axis=1)[:, :n]
    weights = np.zeros(distance.shape, np.float32)
    np.put_along_axis(weights, rows, np.float32(1 / n), axis=1)
    return weights


def mean_plumes(plumes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean plume of every site, for each row of weights.

    Parameters
    ----------
    plumes : array of shape (n_known, n_sites, ny, nx)
    weights : array of shape (n_tested, n_known)

    Returns
    -------
    array of float32, shape (n_tested, n_sites, ny, nx)
    """
    flat = plumes.reshape(len(plumes), -1)
    return (weights @ flat).reshape(len(weights), *plumes.shape[1:])
