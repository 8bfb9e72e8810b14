"""Distances in many dimensions: their contrast, and how many dimensions data really use.

`contrast` measures the theorem of Aggarwal, Hinneburg and Keim on uniform points;
`relative_contrast` and `effective_dimension` describe any cloud of points.
Finding coordinates for the few dimensions that are used is left to `embed`.
"""

from __future__ import annotations

import numpy as np

from latentbook.errors import LatentbookError, check_between, check_matrix


def contrast(
    n_dimensions: int,
    p: float,
    *,
    n_points: int = 100,
    n_draws: int = 20,
    random_state: int | np.random.Generator | None = None,
) -> tuple[float, float]:
    """Compare the farthest and the nearest of uniform points in a cube.

    Distances are those to a corner of the cube in the norm ``sum(abs(x) ** p) ** (1 / p)``.

    Parameters
    ----------
    n_dimensions : int
    p : float
        Of the norm; below 1 it is no norm any more, and the theorem still holds.
    n_points : int, default=100
    n_draws : int, default=20
        Samples of points to average over.
    random_state : int, Generator or None, default=None

    Returns
    -------
    absolute, relative : float
        Means over the draws of farthest - nearest, and of (farthest - nearest) / nearest.

    References
    ----------
    Aggarwal, Hinneburg, Keim (2001). On the surprising behavior of distance metrics in high
    dimensional space. https://doi.org/10.1007/3-540-44503-X_27

    Examples
    --------
    >>> absolute, relative = contrast(4096, 2, random_state=0)
    >>> round(relative, 2)
    0.04
    """
    rng = np.random.default_rng(random_state)
    x = rng.random((n_draws, n_points, n_dimensions))
    distances = np.linalg.norm(x, ord=p, axis=2)
    nearest, farthest = distances.min(axis=1), distances.max(axis=1)
    difference = farthest - nearest
    return float(difference.mean()), float((difference / nearest).mean())


def relative_contrast(X: np.ndarray) -> float:
    """Return the mean over points of (farthest - nearest) / nearest.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        A thousand points or so, as all pairs of distances are needed. Points that coincide count
        as one.

    Examples
    --------
    >>> round(relative_contrast(np.array([[0.0], [1.0], [3.0]])), 3)
    1.167
    """
    from sklearn.metrics import pairwise_distances

    check_matrix(X, "X")
    X = np.unique(X, axis=0)
    check_between("the number of different points", len(X), 2, np.inf)
    distances = pairwise_distances(X)
    farthest = distances.max(axis=1)
    np.fill_diagonal(distances, np.inf)  # no point is its own neighbour
    nearest = distances.min(axis=1)
    return float(((farthest - nearest) / nearest).mean())


def effective_dimension(X: np.ndarray) -> float:
    """Return the participation ratio of the variances along principal axes.

    It is (sum of variances)² / (sum of their squares): `d` for points that vary equally in `d`
    directions, and 1 for points on a line.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)

    Raises
    ------
    LatentbookError
        If the points do not vary at all.

    Examples
    --------
    >>> round(effective_dimension(np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])), 6)
    2.0
    """
    check_matrix(X, "X")
    check_between("the number of points", len(X), 2, np.inf)
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(X.T)))
    if not variances.any():
        raise LatentbookError("all points are the same: they have no dimension")
    return float(variances.sum() ** 2 / np.square(variances).sum())
