"""The one exception of the project, and checks that raise it.

Input that a caller can get wrong (a misspelt data set, k = 1, a corrupt file) raises a
`LatentbookError`. Its message is one sentence: what is wrong, what is allowed, how to go on.
Every other exception that leaves the library is a bug of the library.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np


class LatentbookError(ValueError):
    """Bad input, described in one sentence."""


def choose(kind: str, value: str, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of `allowed`.

    Parameters
    ----------
    kind : str
        What the value names, e.g. ``"data set"``; the message says so.
    value : str
    allowed : iterable of str

    Raises
    ------
    LatentbookError
        If it is not. The message lists the allowed values and suggests the closest one.

    Examples
    --------
    >>> try:
    ...     choose("clustering", "kmeans", ["k-means", "hdbscan"])
    ... except LatentbookError as error:
    ...     print(error)
    unknown clustering 'kmeans': choose one of k-means, ...
    """
    options = list(allowed)
    if value in options:
        return value
    near = difflib.get_close_matches(str(value), options, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise LatentbookError(f"unknown {kind} {value!r}: choose one of {', '.join(options)}{hint}")


def check_between(kind: str, value: float, low: float, high: float) -> None:
    """Raise `LatentbookError` unless ``low <= value <= high``."""
    if not low <= value <= high:
        raise LatentbookError(f"{kind} is {value:g}, but must lie between {low:g} and {high:g}")


def check_matrix(x: np.ndarray, what: str = "x") -> None:
    """Raise `LatentbookError` unless `x` is a finite matrix of shape (n_samples, n_features)."""
    if getattr(x, "ndim", None) != 2:
        shape = getattr(x, "shape", type(x).__name__)
        raise LatentbookError(f"{what} must have shape (n_samples, n_features), but has {shape}")
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=1).sum())
        raise LatentbookError(
            f"{what} holds NaN or infinite values in {bad} of {len(x)} rows: "
            "drop or impute them first"
        )
