"""Which rows are taken: a random subsample for figures and costly scores, the thesis' own sample.

The data sets' published splits are kept by `datasets`.
"""

from __future__ import annotations

import numpy as np

#: Points of a subsample where nothing else is asked for; more only cover each other in a picture.
MAX_POINTS = 10_000


def subsample(n: int, at_most: int = MAX_POINTS, seed: int = 0) -> np.ndarray:
    """Return sorted positions of at most `at_most` of `n` points, drawn without replacement."""
    if n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, at_most, replace=False))


def thesis_sample(n_samples: int, size: int, seed: int) -> np.ndarray:
    """Return the rows that t-SNE sees: all, or `size` drawn with replacement.

    At seed 0 and 70,000 samples these are the very 10,000 of fernandez2020 (appendix, section 1:
    NumPy's legacy generator seeded with 10).
    """
    if size >= n_samples:
        return np.arange(n_samples)
    return np.random.RandomState(10 + seed).randint(0, n_samples, size=size)


def split(n_samples: int, n_train: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and the rows held out.

    Parameters
    ----------
    n_train
        Size of the published training part, which comes first; 0 where the data are published
        without one: then the last third is held out.
    """
    first = n_train or n_samples * 2 // 3
    return np.arange(first), np.arange(first, n_samples)
