"""Which rows are used: random subsamples, the sample of the thesis, and the one split rule.

Published splits of data sets are left to `datasets`.

References
----------
- fernandez2020: Agustín Fernández Felguera. Dimensionality reduction for clustering with deep
  neural networks. Bachelor's thesis, Universitat de Barcelona and Universitat Politècnica de
  Catalunya, 2020.
"""

from __future__ import annotations

import numpy as np

#: Default size of a subsample. In a figure, more points only cover each other.
MAX_POINTS = 10_000


def subsample(n: int, at_most: int = MAX_POINTS, seed: int = 0) -> np.ndarray:
    """Return sorted positions of at most `at_most` of `n` points, drawn without replacement.

    Parameters
    ----------
    n : int
        Number of points.
    at_most : int, default=10000
        Size of the subsample; all points are returned where there are no more.
    seed : int, default=0
        Random state of the draw.

    Returns
    -------
    array of int

    Examples
    --------
    >>> subsample(4)
    array([0, 1, 2, 3])
    >>> len(subsample(70_000, 500))
    500
    """
    if n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, at_most, replace=False))


def thesis_sample(n_samples: int, size: int, seed: int) -> np.ndarray:
    """Return the rows that t-SNE embeds: all, or `size` of them drawn with replacement.

    With seed 0 and 70,000 samples they are the 10,000 rows of fernandez2020 (appendix, section 1:
    NumPy's legacy generator with seed 10).

    Parameters
    ----------
    n_samples, size : int
        All rows are returned if `size` is at least `n_samples`.
    seed : int
    """
    if size >= n_samples:
        return np.arange(n_samples)
    return np.random.RandomState(10 + seed).randint(0, n_samples, size=size)


def split(n_samples: int, n_train: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and the rows held out.

    Parameters
    ----------
    n_samples : int
    n_train : int, default=0
        Size of the published training part, which comes first. 0 if the data have no published
        split: then the last third is held out.

    Returns
    -------
    train, test : arrays of int

    Examples
    --------
    >>> split(6)
    (array([0, 1, 2, 3]), array([4, 5]))
    >>> split(6, n_train=5)
    (array([0, 1, 2, 3, 4]), array([5]))
    """
    first = n_train or n_samples * 2 // 3
    return np.arange(first), np.arange(first, n_samples)
