"""Which site released? Readings ranked against precomputed plumes (tsiatsios2019, section 4.3).

The weather of an event selects a cluster, and the cluster a plume for each candidate site. The
cosine similarity between readings and plumes ranks the sites.
The plumes come from `dispersion`, the clusters from `patterns`; this module only compares maps.
`likelihood` ranks the sites by how probable the readings are instead.

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
from sklearn.utils import gen_batches

from latentbook import paths
from latentbook.errors import LatentbookError, check_between
from latentbook.weather.grid import Grid

#: A cell counts as reached where it has at least this share of the largest value of its plume.
DETECTION = 1e-3
#: Windows of a block of the bootstrap: a week of windows that start every day.
BLOCK_WINDOWS = 7
#: Releases whose readings are drawn at once.
BLOCK = 1024


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


def draw(plumes: np.ndarray, n: int, *, detection: float = DETECTION, seed: int) -> np.ndarray:
    """Draw `n` places for each plume, at random among the cells that it reaches.

    Parameters
    ----------
    plumes : array of shape (m, ny, nx)
        Time-integrated concentrations.
    n : int
        Readings an event; where a plume reaches fewer cells, all of them are read.
    detection : float, default=1e-3
        Share of a plume's maximum that an instrument still sees.
    seed : int
        Of the draw.

    Returns
    -------
    array of int32, shape (m, n)
        Cells, counted row by row; -1 where a plume reaches fewer than `n`.

    Raises
    ------
    LatentbookError
        For no readings, or a plume that reaches no cell.
    """
    check_between("readings", n, 1, plumes[0].size)
    rng = np.random.default_rng(seed)
    places = np.full((len(plumes), n), -1, np.int32)
    for block in gen_batches(len(plumes), BLOCK):
        reached = reached_cells(plumes[block], detection)
        empty = np.flatnonzero(~reached.any(axis=1))
        if len(empty):
            count = (~reached_cells(plumes, detection).any(axis=1)).sum()
            raise LatentbookError(
                f"{count} of {len(plumes)} plumes reach no cell (the first is number "
                f"{block.start + empty[0]}): check release and wind"
            )
        # the n smallest of random keys are a draw without replacement from the reached cells
        keys = rng.random(reached.shape, dtype=np.float32)
        keys[~reached] = 2.0
        chosen = np.argpartition(keys, n - 1, axis=1)[:, :n]
        places[block] = np.where(np.take_along_axis(reached, chosen, axis=1), chosen, -1)
    return places


def reached_cells(plumes: np.ndarray, detection: float = DETECTION) -> np.ndarray:
    """Return where plumes of shape (m, ny, nx) arrive, as bool of shape (m, ny * nx)."""
    flat = plumes.reshape(len(plumes), -1)
    return (flat >= detection * flat.max(axis=1, keepdims=True)) & (flat > 0)


def readings(
    plumes: np.ndarray, n: int, *, values: str = "presence", detection: float = DETECTION, seed: int
) -> np.ndarray:
    """Read each plume at `n` places, drawn at random among the cells that it reaches.

    Parameters
    ----------
    plumes, n, detection, seed
        As in `draw`.
    values
        ``presence``: 1 where radiation is found, as in the code of klampanos2018; or
        ``concentration``.  Either is divided by its sum, as in the thesis.

    Returns
    -------
    array of float32, shape (m, ny, nx)
        Sums of one, zero where nothing was read.

    Raises
    ------
    LatentbookError
        As `draw`, and for another word for `values`.
    """
    check_values(values)
    return as_maps(draw(plumes, n, detection=detection, seed=seed), plumes, values=values)


def check_values(values: str) -> None:
    """Raise `LatentbookError` for an unknown kind of reading."""
    if values not in ("presence", "concentration"):
        raise LatentbookError(
            f"readings of {values!r} are unknown: choose presence or concentration"
        )


def as_maps(places: np.ndarray, plumes: np.ndarray, *, values: str = "presence") -> np.ndarray:
    """Return maps of what is read at `places`, each divided by its sum.

    Parameters
    ----------
    places : array of int, shape (m, n)
        As `draw` returns them; a map without readings is zero.
    plumes : array of shape (m, ny, nx)
    values : str, default="presence"
        As in `readings`.
    """
    flat = plumes.reshape(len(plumes), -1)
    rows = np.arange(len(flat))[:, None]
    read = np.zeros(flat.shape, np.float32)
    at = np.maximum(places, 0)
    measured = np.ones_like(places, np.float32) if values == "presence" else flat[rows, at]
    # a place that is none adds nothing, wherever it is written
    np.maximum.at(read, (rows, at), np.where(places >= 0, measured, 0).astype(np.float32))
    total = read.sum(axis=1, keepdims=True)
    np.divide(read, total, out=read, where=total > 0)
    return read.reshape(plumes.shape)


def distances_to_sites(places: np.ndarray, sites: pd.DataFrame, grid: Grid) -> np.ndarray:
    """Return how far each site is from the reading nearest to it: a rule without plume or weather.

    Parameters
    ----------
    places : array of int, shape (m, n)
        As `draw` returns them.
    sites : DataFrame
        As `sites_inside` returns them.
    grid : Grid

    Returns
    -------
    array of float, shape (m, n_sites)
        In cells; infinite for an event without readings.
    """
    size = grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]
    x, y = grid.project(sites["longitude"], sites["latitude"])
    column, row = (x - grid.x[0]) / size[0], (y - grid.y[0]) / size[1]
    found = np.full((len(places), len(sites)), np.inf)
    for each in places.T:  # one reading of every event at a time
        away = np.hypot(each[:, None] % len(grid.x) - column, each[:, None] // len(grid.x) - row)
        np.minimum(found, np.where(each[:, None] >= 0, away, np.inf), out=found)
    return found


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
    rank: np.ndarray,
    event: np.ndarray,
    top: int,
    *,
    block: int = BLOCK_WINDOWS,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `accuracy`, resampling blocks of weather.

    The releases of one window share their weather, and windows of one week are alike. Therefore
    blocks of successive windows are drawn with replacement, each with all its releases.

    Parameters
    ----------
    rank : array of shape (m,)
        As `ranks` returns it.
    event : array of int, shape (m,)
        Window of each release.
    top : int
        As in `accuracy`.
    block : int, default=7
        Windows that are drawn together; 1 draws windows one by one.
    draws : int, default=1000
        Of the bootstrap.
    seed : int, default=0
        Of the draws.
    """
    hits, sizes = _by_block((rank <= top).astype(float), event, block)
    return _percentiles(hits, sizes, draws, seed)


def difference(
    first: np.ndarray,
    second: np.ndarray,
    event: np.ndarray,
    top: int,
    *,
    block: int = BLOCK_WINDOWS,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return how much more often a first method finds the site than a second, with its interval.

    Both are judged by the same releases, so that the difference is taken release by release, and
    blocks of it are drawn as in `interval`.

    Parameters
    ----------
    first, second : arrays of shape (m,) or (n_seeds, m)
        Ranks by the two methods; several seeds of the readings share their weather and are drawn
        together.
    event, top, block, draws, seed
        As in `interval`.

    Returns
    -------
    mean, low, high : float
        Difference of the shares, and the ends of its 95 % interval.

    Examples
    --------
    >>> rank = np.array([1, 2, 1, 3, 1, 1])
    >>> difference(rank, rank, np.arange(6), 1)
    (0.0, 0.0, 0.0)
    """
    if np.shape(first) != np.shape(second):
        raise LatentbookError(
            f"ranks of shape {np.shape(first)} and {np.shape(second)} cannot be compared: both "
            "methods need the same releases"
        )
    gained = (np.asarray(first) <= top).astype(float) - (np.asarray(second) <= top)
    gained = np.atleast_2d(gained).mean(axis=0)
    gains, sizes = _by_block(gained, event, block)
    return float(gained.mean()), *_percentiles(gains, sizes, draws, seed)


def _by_block(values: np.ndarray, event: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sum and number of `values` in every block of successive windows."""
    _, position = np.unique(event, return_inverse=True)
    blocks = position // block
    return np.bincount(blocks, values), np.bincount(blocks)


def _percentiles(sums: np.ndarray, sizes: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """Return the ends of the percentile interval of a ratio of sums over blocks."""
    drawn = np.random.default_rng(seed).integers(len(sums), size=(draws, len(sums)))
    shares = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)
