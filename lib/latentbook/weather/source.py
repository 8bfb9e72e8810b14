"""Which site released? Readings ranked against precomputed plumes (tsiatsios2019, section 4.3).

The weather of an event selects a cluster, and the cluster a plume for each candidate site. The
cosine similarity between readings and plumes ranks the sites.
The plumes come from `dispersion`, the clusters from `patterns`; this module only compares maps.

References
----------
- tsiatsios2019: Georgios Tsiatsios. Deep learning for clustering of weather and atmospheric
  dispersion features. Master's thesis, University of the Peloponnese and NCSR Demokritos, 2019.
- klampanos2018: Iraklis A. Klampanos, Athanasios Davvetas, Spyros Andronopoulos, Charalampos
  Pappas, Andreas Ikonomopoulos, Vangelis Karkaletsis. Autoencoder-driven weather clustering for
  source estimation during nuclear events. Environmental Modelling & Software, 2018.
  https://doi.org/10.1016/j.envsoft.2018.01.014
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from latentbook import paths
from latentbook.errors import LatentbookError, check_between
from latentbook.weather.grid import Grid

#: A cell counts as reached where it has at least this share of the largest value of its plume.
DETECTION = 1e-3


def sites() -> pd.DataFrame:
    """Return the 20 European nuclear sites: site, country, longitude, latitude (degrees)."""
    return pd.read_csv(paths.samples() / "nuclear-sites.csv")


def sites_inside(sites: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Return the sites that lie at least two cells inside `grid`.

    Raises
    ------
    LatentbookError
        If fewer than two do.
    """
    x, y = grid.project(sites["longitude"], sites["latitude"])
    inside = (x > grid.x[2]) & (x < grid.x[-3]) & (y > grid.y[2]) & (y < grid.y[-3])
    if inside.sum() < 2:
        raise LatentbookError(
            f"{inside.sum()} of {len(sites)} sites lie inside the grid {grid.name}: choose a "
            "larger domain"
        )
    return sites[inside].reset_index(drop=True)


def readings(
    plumes: np.ndarray, n: int, *, values: str = "presence", detection: float = DETECTION, seed: int
) -> np.ndarray:
    """Read each plume at `n` places, drawn at random among the cells that it reaches.

    Parameters
    ----------
    plumes : array of shape (m, ny, nx)
        Time-integrated concentrations.
    n
        Readings an event; where a plume reaches fewer cells, all of them are read.
    values
        ``presence``: 1 where radiation is found, as in the code of klampanos2018; or
        ``concentration``.  Either is divided by its sum, as in the thesis.
    detection
        Share of a plume's maximum that an instrument still sees.
    seed
        Of the draw.

    Returns
    -------
    array of float32, shape (m, ny, nx)
        Sums of one, zero where nothing was read.

    Raises
    ------
    LatentbookError
        For no readings, another word for `values`, or a plume that reaches no cell.
    """
    check_between("readings", n, 1, plumes[0].size)
    if values not in ("presence", "concentration"):
        raise LatentbookError(
            f"readings of {values!r} are unknown: choose presence or concentration"
        )
    flat = plumes.reshape(len(plumes), -1)
    reached = flat >= detection * flat.max(axis=1, keepdims=True)
    reached &= flat > 0
    empty = np.flatnonzero(~reached.any(axis=1))
    if len(empty):
        raise LatentbookError(
            f"{len(empty)} of {len(flat)} plumes reach no cell (the first is number {empty[0]}): "
            "check release and wind"
        )
    # the n smallest of random keys are a draw without replacement from the reached cells
    keys = np.random.default_rng(seed).random(flat.shape, dtype=np.float32)
    keys[~reached] = 2.0
    chosen = np.argpartition(keys, n - 1, axis=1)[:, :n]
    rows = np.arange(len(flat))[:, None]
    read = np.zeros(flat.shape, np.float32)
    signal = reached if values == "presence" else np.where(reached, flat, 0)
    read[rows, chosen] = signal[rows, chosen]
    return (read / read.sum(axis=1, keepdims=True)).reshape(plumes.shape)


def smooth(maps: np.ndarray, sigma: float) -> np.ndarray:
    """Return each map of shape (ny, nx) after an isotropic Gaussian filter of `sigma` cells."""
    check_between("smoothing", sigma, 0, max(maps.shape[-2:]))
    if sigma == 0:
        return maps
    width = (0,) * (maps.ndim - 2) + (sigma, sigma)
    return gaussian_filter(maps, width, mode="constant")


def descriptors(plumes: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the plumes that stand for each cluster: means over its descriptor windows.

    Parameters
    ----------
    plumes : array of shape (n_windows, n_sites, ny, nx)
    members : array of int, shape (k, n)
        Windows nearest to each centre, as `patterns.nearest_to_centres` returns them, -1 where a
        cluster has fewer.

    Returns
    -------
    array of shape (k, n_sites, ny, nx)
    """
    return np.stack([plumes[rows[rows >= 0]].mean(axis=0) for rows in members])


def similarity(read: np.ndarray, candidates: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return the cosine similarity of readings with the plumes of every candidate site.

    Parameters
    ----------
    read : array of shape (m, ny, nx)
        Smoothed readings of m events.
    candidates : array of shape (k, n_sites, ny, nx)
        A set of plumes for each kind of weather.
    which : array of int, shape (m,)
        The set that each event is compared with.

    Returns
    -------
    array of float32, shape (m, n_sites)
        1 minus the cosine distance of the thesis; 0 for a site without a plume.
    """
    if len(which) != len(read) or which.min() < 0 or which.max() >= len(candidates):
        raise LatentbookError(
            f"{len(read)} events name sets {which.min()} to {which.max()} of "
            f"{len(candidates)} sets of plumes: give each event one of them"
        )
    events = _unit(read.reshape(len(read), -1))
    plumes = _unit(candidates.reshape(*candidates.shape[:2], -1))
    found = np.empty((len(read), candidates.shape[1]), np.float32)
    for kind in np.unique(which):
        rows = which == kind
        found[rows] = events[rows] @ plumes[kind].T
    return found


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors along the last axis to length one; those of length zero stay."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def ranks(similarities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the rank of the true site, 1 for the first; ties count against it.

    Parameters
    ----------
    similarities : array of shape (m, n_sites)
        As `similarity` returns it.
    truth : array of int, shape (m,)
        Position of the true site.

    Examples
    --------
    >>> ranks(np.array([[0.9, 0.5, 0.1], [0.5, 0.5, 0.1]]), np.array([1, 0])).tolist()
    [2, 2]
    """
    own = np.take_along_axis(similarities, truth[:, None], axis=1)
    return (similarities >= own).sum(axis=1)


def accuracy(rank: np.ndarray, top: int) -> float:
    """Return the share of events whose true site is among the first `top`."""
    return float(np.mean(rank <= top))


def interval(
    rank: np.ndarray, event: np.ndarray, top: int, *, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `accuracy`, resampling whole weather situations.

    The releases of one window share their weather and are not independent events. Therefore
    windows are drawn with replacement, each with all its releases.

    Parameters
    ----------
    rank : array of shape (m,)
        As `ranks` returns it.
    event : array of int, shape (m,)
        Window of each release.
    top
        As in `accuracy`.
    """
    windows, codes = np.unique(event, return_inverse=True)
    hits = np.bincount(codes, rank <= top)
    sizes = np.bincount(codes)
    drawn = np.random.default_rng(seed).integers(len(windows), size=(draws, len(windows)))
    shares = hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)
