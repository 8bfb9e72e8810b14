"""Excess-Mass and Mass-Volume curves: how well a score ranks normality, without known anomalies.

The criteria of Goix (2016) that norlander2019 uses as its equations 1 and 2. Masses come from
the scores of the data, volumes from scores of uniform points in the bounding box; the curves of
these two samples and the areas under them are exact. Nothing here compares two latent spaces:
volumes are in units of the space, so the areas of different spaces are not comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.stats import qmc
from sklearn.base import clone

from latentbook.anomaly import Detector
from latentbook.errors import LatentbookError, check_between, check_matrix

#: Dimensions up to which uniform points fill a bounding box well enough.
DIRECT_DIMENSIONS = 8


@dataclass(frozen=True)
class UniformPoints:
    """Points spread uniformly over a box, in batches that are independent of each other.

    Attributes
    ----------
    points : array of shape (n_batches * size of a batch, n_features)
    volume : float
        Of the box, in units of the space to the power of its dimension.
    batches : int
    """

    points: np.ndarray
    volume: float
    batches: int


def uniform_points(
    z: np.ndarray,
    n: int = 100_000,
    *,
    batches: int = 10,
    random_state: int = 0,
    quasi: bool = False,
) -> UniformPoints:
    """Fill the bounding box of `z` with points.

    Parameters
    ----------
    z : array of shape (n_samples, n_features)
        At most 8 features.
    n : int, default=100000
        Points; rounded up to a multiple of `batches`.
    batches : int, default=10
        Independent batches, whose differences give the standard error of an area.
    random_state : int, default=0
        Of the points.
    quasi : bool, default=False
        Scrambled Halton points in each batch instead of independent ones.

    Returns
    -------
    UniformPoints

    Raises
    ------
    LatentbookError
        For NaN, constant columns (a box without volume), or more than 8 features.

    Examples
    --------
    >>> points = uniform_points(np.array([[0.0, 0.0], [2.0, 3.0]]), 1000)
    >>> points.points.shape, points.volume
    ((1000, 2), 6.0)
    """
    check_matrix(z, "z")
    if 0 in z.shape:
        raise LatentbookError(f"z has shape {z.shape}: there must be rows and columns")
    d = z.shape[1]
    if d > DIRECT_DIMENSIONS:
        raise LatentbookError(
            f"z has {d} columns, but volumes are estimated in at most {DIRECT_DIMENSIONS}: "
            "use rate, which averages over subsets of the features"
        )
    check_between("batches", batches, 1, n)
    low, high = z.min(axis=0).astype(np.float64), z.max(axis=0).astype(np.float64)
    _check_extent(low, high)
    size, rng = -(-n // batches), np.random.default_rng(random_state)
    if quasi:
        unit = np.concatenate([qmc.Halton(d, rng=rng).random(size) for _ in range(batches)])
    else:
        unit = rng.random((size * batches, d))
    return UniformPoints(low + unit * (high - low), float(np.prod(high - low)), batches)


def _check_extent(low: np.ndarray, high: np.ndarray) -> None:
    constant = np.flatnonzero(low == high)
    if len(constant):
        columns = ", ".join(map(str, constant))
        raise LatentbookError(
            f"the bounding box has no volume, because these columns of z are constant: {columns}"
        )


@dataclass(frozen=True)
class MassCurves:
    """The two curves of one score; made by `mass_curves` or `compare`.

    Attributes
    ----------
    scores : vector of length n_samples
        Of the data, ascending.
    uniform_scores : array of shape (batches, n_uniform / batches)
    volume : float
        Of the box that the uniform points fill.
    strict : bool
        See `mass_curves`.
    """

    scores: np.ndarray
    uniform_scores: np.ndarray
    volume: float
    strict: bool = False

    @cached_property
    def _sorted_uniform(self) -> np.ndarray:
        return np.sort(self.uniform_scores, axis=None)

    def _inside(self, side: Literal["left", "right"]) -> np.ndarray:
        """Count uniform points in {s >= u} (left) or {s > u} (right), u falling over `scores`."""
        below = np.searchsorted(self._sorted_uniform, self.scores, side=side)
        return (self._sorted_uniform.size - below)[::-1]

    @cached_property
    def mass_volume_steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Masses 1/n .. 1 and the volume of the level set that first reaches each of them."""
        n = len(self.scores)
        # count * (1 / n), not count / n: as the public scripts round, so that a mass on their
        # grid falls on the same side of the step
        masses = np.arange(1, n + 1) * (1.0 / n)
        return masses, self._inside("left") / self.uniform_scores.size * self.volume

    @cached_property
    def excess_mass_hull(self) -> tuple[np.ndarray, np.ndarray]:
        """Volumes and masses of the level sets that attain EM for some t, both ascending.

        The corners of the least concave majorant of (volume, mass), whose slopes are the
        isotonic regression of the slopes between neighbouring points.
        """
        side: Literal["left", "right"] = "right" if self.strict else "left"
        below = np.searchsorted(self.scores, self.scores, side=side)
        samples = np.append(0, (len(self.scores) - below)[::-1])
        inside = np.append(0, self._inside(side))
        largest = np.append(np.diff(inside) > 0, True)  # of the level sets of equal volume
        samples, inside = samples[largest], inside[largest]
        corners = np.zeros(1, dtype=int)
        if len(inside) > 1:
            width = np.diff(inside)
            slopes = np.diff(samples) / width
            corners = isotonic_regression(slopes, weights=width, increasing=False).blocks
        volumes = inside[corners] / self.uniform_scores.size * self.volume
        return volumes, samples[corners] * (1.0 / len(self.scores))

    @cached_property
    def _breaks(self) -> np.ndarray:
        """Values of t where EM passes from one level set to the next smaller, descending."""
        volumes, masses = self.excess_mass_hull
        return np.diff(masses) / np.diff(volumes)

    def mass_volume(self, alpha: np.ndarray | float) -> np.ndarray:
        """Return MV(alpha), eq. 1: the least volume of a level set of mass alpha or more."""
        alpha = np.asarray(alpha, dtype=np.float64)
        if not ((alpha > 0) & (alpha <= 1)).all():
            raise LatentbookError("alpha must lie above 0 and at most at 1")
        masses, volumes = self.mass_volume_steps
        step = np.searchsorted(masses, alpha, side="left")
        return volumes[np.minimum(step, len(volumes) - 1)]

    def excess_mass(self, t: np.ndarray | float) -> np.ndarray:
        """Return EM(t), eq. 2: the greatest mass - t volume over all level sets (t >= 0)."""
        t = np.asarray(t, dtype=np.float64)
        if not (t >= 0).all():
            raise LatentbookError("t must be zero or positive")
        volumes, masses = self.excess_mass_hull
        corner = np.searchsorted(-self._breaks, -t, side="right")
        em = masses[corner] - t * volumes[corner]
        # no threshold at an observed score leaves all samples above it
        return np.where(t == 0, 1.0, em) if self.strict else em

    def excess_mass_inverse(self, level: float = 0.9) -> float:
        """Return the least t with EM(t) <= level; infinite if no level set that small exists."""
        volumes, masses = self.excess_mass_hull
        if masses[0] > level:  # the first corner has no volume
            return float("inf")
        return float(((masses[1:] - level) / volumes[1:]).max(initial=0.0))

    def em_area(self, level: float = 0.9) -> float:
        """Return the exact area under EM over [0, EM^-1(level)]; larger is better.

        NaN where the share `level` of the data scores above every uniform point: then take more
        of these.
        """
        check_between("level", level, 0, 1)
        end = self.excess_mass_inverse(level)
        if not np.isfinite(end):
            return float("nan")
        volumes, masses = self.excess_mass_hull
        inner = self._breaks[self._breaks < end][::-1]
        t = np.concatenate([[0.0], inner, [end]])
        corner = np.searchsorted(-self._breaks, -t, side="right")
        return float(np.trapezoid(masses[corner] - t * volumes[corner], t))

    def mv_area(self, low: float = 0.9, high: float = 0.999) -> float:
        """Return the exact area under MV over [low, high]; smaller is better."""
        check_between("low", low, 0, high)
        check_between("high", high, low, 1)
        masses, volumes = self.mass_volume_steps
        widths = np.diff(np.clip(np.append(0.0, masses), low, high))
        return float(widths @ volumes)

    @cached_property
    def batches(self) -> tuple[MassCurves, ...]:
        """The same scores with each batch of uniform points alone."""
        return tuple(
            MassCurves(self.scores, batch[None], self.volume, self.strict)
            for batch in self.uniform_scores
        )

    def areas(self) -> Areas:
        """Return both areas over the intervals of Goix (2016), with standard errors."""
        em = [batch.em_area() for batch in self.batches]
        mv = [batch.mv_area() for batch in self.batches]
        return Areas(self.em_area(), _error(em), self.mv_area(), _error(mv), self)


@dataclass(frozen=True)
class Areas:
    """EM (larger is better) and MV (smaller is better) of a score, with standard errors.

    Up to 8 features the errors are those of the volume, from the differences between independent
    batches of uniform points, and `curves` holds the curves. They leave out the chance in the
    data and in the fit. Over subsets of the features they are those of the mean over subsets.
    """

    em: float
    em_error: float
    mv: float
    mv_error: float
    curves: MassCurves | None = None


def _error(values: list[float]) -> float:
    """Return the standard error of the mean; NaN for a single value."""
    if len(values) < 2:
        return float("nan")
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def mass_curves(
    scores: np.ndarray,
    uniform_scores: np.ndarray,
    volume: float,
    *,
    batches: int = 1,
    strict: bool = False,
) -> MassCurves:
    """Return the curves of a score from its values on the data and on uniform points.

    Parameters
    ----------
    scores : vector of length n_samples
        Higher for more normal rows.
    uniform_scores : vector of length n_uniform
        Scores of points spread uniformly over the bounding box of the data.
    volume
        Of that box.
    batches
        Independent batches of equal size, in order, in `uniform_scores`.
    strict
        Take EM over the sets {s > u} with u at an observed score, as Goix's public scripts do,
        instead of all sets {s >= u}. Equal scores then lose their mass: a constant score has
        EM(t) = 0 for every t > 0. Without ties EM differs by at most 1 / n_samples.

    Raises
    ------
    LatentbookError
        For empty vectors, NaN, a volume that is not positive, or unequal batches.
    """
    scores, uniform_scores = np.asarray(scores), np.asarray(uniform_scores)
    for what, values in (("scores", scores), ("uniform_scores", uniform_scores)):
        if values.ndim != 1 or len(values) == 0:
            raise LatentbookError(f"{what} must be a non-empty vector, but has {values.shape}")
        if np.isnan(values).any():
            raise LatentbookError(f"{what} holds NaN in {np.isnan(values).sum()} places")
    if not 0 < volume < np.inf:
        raise LatentbookError(f"the volume of the box is {volume:g}, but must be positive")
    check_between("batches", batches, 1, len(uniform_scores))
    if len(uniform_scores) % batches:
        raise LatentbookError(f"{len(uniform_scores)} uniform scores make no {batches} batches")
    return MassCurves(np.sort(scores), uniform_scores.reshape(batches, -1), float(volume), strict)


def compare(
    scorers: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    z: np.ndarray,
    *,
    uniform: UniformPoints | None = None,
    strict: bool = False,
) -> dict[str, MassCurves]:
    """Draw the curves of several scores of one space, with one set of uniform points for all.

    Parameters
    ----------
    scorers
        Functions from (n, n_features) to n scores, higher for more normal rows, such as
        ``score_samples`` of a fitted detector.
    z : array of shape (n_samples, n_features)
        Data that give the masses; at most 8 features.
    uniform : UniformPoints, default=None
        Points over a box that holds `z`; by default 100,000 over its bounding box.
    strict : bool, default=False
        See `mass_curves`.

    Returns
    -------
    dict
        Name -> `MassCurves`.

    Examples
    --------
    The density of a Gaussian cloud needs less volume than a score that looks at one column:

    >>> z = np.random.default_rng(0).normal(size=(500, 2))
    >>> scorers = {"density": lambda z: -(z**2).sum(axis=1), "one column": lambda z: -abs(z[:, 0])}
    >>> curves = compare(scorers, z)
    >>> curves["density"].mv_area() < curves["one column"].mv_area()
    True
    """
    if not scorers:
        raise LatentbookError("there are no scores to compare: pass {name: function}")
    uniform = uniform_points(z) if uniform is None else uniform
    return {
        name: mass_curves(
            score(z),
            score(uniform.points),
            uniform.volume,
            batches=uniform.batches,
            strict=strict,
        )
        for name, score in scorers.items()
    }


def rate(
    detectors: Mapping[str, Detector],
    z_fit: np.ndarray,
    z_test: np.ndarray,
    *,
    labels: np.ndarray | None = None,
    n: int = 100_000,
    random_state: int = 0,
    quasi: bool = False,
    draws: int = 50,
    features: int = 5,
) -> dict[str, Areas]:
    """Fit detectors on some rows and rate them on others, in any dimension.

    Parameters
    ----------
    detectors : dict
        By name; all are fitted anew on `z_fit`.
    z_fit, z_test : arrays of shape (n_fit, n_features) and (n_test, n_features)
        Rows to fit, and rows that give the masses; the box holds both.
    labels : vector of length n_fit, default=None
        For detectors per cluster. The rows are scored without labels, since uniform points have
        none.
    n : int, default=100000
        Uniform points.
    random_state : int, default=0
        Of the uniform points and of the subsets.
    quasi : bool, default=False
        Halton points instead of independent ones.
    draws, features : int, default=50 and 5
        Beyond 8 dimensions: random subsets of the features, and features in each. A copy of every
        detector is fitted on every subset, and the areas are averaged (section 4 of Goix's paper).

    Returns
    -------
    dict
        Name -> `Areas`.

    Raises
    ------
    LatentbookError
        As `Detector.fit` and `uniform_points`, and for unequal numbers of columns.

    References
    ----------
    - N. Goix, "How to Evaluate the Quality of Unsupervised Anomaly Detection Algorithms?",
      2016, https://arxiv.org/abs/1607.01152
    """
    check_matrix(z_fit, "z_fit")
    check_matrix(z_test, "z_test")
    d = z_fit.shape[1]
    if z_test.shape[1] != d:
        raise LatentbookError(f"z_fit has {d} columns, but z_test has {z_test.shape[1]}")
    if not detectors:
        raise LatentbookError("there are no detectors to rate: pass {name: detector}")
    if d <= DIRECT_DIMENSIONS:
        return _rate_once(
            detectors, z_fit, z_test, labels, n=n, random_state=random_state, quasi=quasi
        )
    check_between("draws", draws, 1, np.inf)
    check_between("features", features, 1, DIRECT_DIMENSIONS)
    both = np.concatenate([z_fit, z_test])
    _check_extent(both.min(axis=0), both.max(axis=0))
    rng = np.random.default_rng(random_state)
    subsets = [rng.choice(d, features, replace=False) for _ in range(draws)]
    rated = [
        _rate_once(
            {name: clone(one) for name, one in detectors.items()},
            z_fit[:, subset],
            z_test[:, subset],
            labels,
            n=n,
            random_state=random_state + i,
            quasi=quasi,
            batches=1,
        )
        for i, subset in enumerate(subsets)
    ]
    for one in detectors.values():
        one.fit(z_fit, labels)
    return {name: _average([areas[name] for areas in rated]) for name in detectors}


def _rate_once(
    detectors: Mapping[str, Detector],
    z_fit: np.ndarray,
    z_test: np.ndarray,
    labels: np.ndarray | None,
    *,
    n: int,
    random_state: int,
    quasi: bool,
    batches: int = 10,
) -> dict[str, Areas]:
    both = np.concatenate([z_fit, z_test])
    uniform = uniform_points(both, n, batches=batches, random_state=random_state, quasi=quasi)
    scorers = {name: one.fit(z_fit, labels).score_samples for name, one in detectors.items()}
    curves = compare(scorers, z_test, uniform=uniform)
    return {name: one.areas() for name, one in curves.items()}


def _average(areas: list[Areas]) -> Areas:
    em, mv = [one.em for one in areas], [one.mv for one in areas]
    return Areas(float(np.mean(em)), _error(em), float(np.mean(mv)), _error(mv))
