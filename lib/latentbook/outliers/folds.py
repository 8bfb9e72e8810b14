"""Folds of a table: every row is scored by models that have not seen it."""

from __future__ import annotations

import numpy as np

#: Parts that a table is cut into; each is scored by what the others hold.
FOLDS = 5


def drawn(labels: np.ndarray, *, seed: int = 0, n: int = FOLDS) -> np.ndarray:
    """Return the fold of each row, from 0; every class is spread evenly over the folds.

    Parameters
    ----------
    labels : vector of int
        Class of each row.
    seed : int, default=0
        Of the draw.
    n : int, default=5
        Number of folds.

    Examples
    --------
    >>> fold = drawn(np.repeat([0, 1], [10, 5]))
    >>> np.bincount(fold[:10]), np.bincount(fold[10:])
    (array([2, 2, 2, 2, 2]), array([1, 1, 1, 1, 1]))
    """
    rng = np.random.default_rng(seed)
    fold = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        fold[rows] = (np.arange(len(rows)) + rng.integers(n)) % n
    return fold
