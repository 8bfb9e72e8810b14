"""The source estimation chapter as a study: plumes of every window, and how often a site is found.

The plumes of all windows and sites are computed once and kept; descriptors of clusters, test
releases and the bounds are all looked up among them, so that a model is judged in seconds.
The comparison of maps is in `source`, the dispersion in `dispersion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from latentbook import cache
from latentbook.chapters.source_estimation import CHAPTER
from latentbook.errors import LatentbookError, check_between
from latentbook.study import records
from latentbook.weather import patterns, source
from latentbook.weather.codes import Weather, windows_of
from latentbook.weather.grid import Grid

#: Windows whose plumes are computed, and kept, together.
BLOCK = 64
#: What can be varied -> the values; `plan` leaves out the one that is chosen anyway.
VARIED: dict[str, tuple[Any, ...]] = {
    "smoothing": (0.0, 0.3, 1.0, 2.0, 4.0),
    "k": (5, 15, 30, 60),
    "readings": (1, 3, 10, 30, 100),
    "values": ("presence", "concentration"),
}


@dataclass(frozen=True)
class Release:
    """What is released at every site at the start of every window.

    Attributes
    ----------
    level
        Of the wind that carries it, in hPa.
    hours
        After the release that the plume is summed over; 48 in the thesis.
    particles
        A release.
    nuclide
        A key of `dispersion.NUCLIDES`.
    """

    level: float = 900.0
    hours: int = 48
    particles: int = 2000
    nuclide: str = "Cs-137"


@dataclass(frozen=True, eq=False)
class Library:
    """Plumes of the windows that have enough wind after them.

    Attributes
    ----------
    plumes : array of float32, shape (n_windows, n_sites, ny, nx)
        Zero for the windows that are not `usable`.
    usable : array of bool, shape (n_windows,)
    seconds : float
        That the dispersion took when it ran.
    """

    plumes: np.ndarray
    usable: np.ndarray
    seconds: float


def library(weather: Weather, sites: pd.DataFrame, release: Release, seed: int) -> Library:
    """Disperse a release from every site at the start of every window; blocks are kept.

    Raises
    ------
    LatentbookError
        If no window has wind for long enough after it, or a site lies outside the grid.
    """
    from tqdm import tqdm

    from latentbook.weather import dispersion

    usable = _followed(weather.fields["time"].values, weather.main.starts, release.hours)
    if not usable.any():
        raise LatentbookError(
            f"no window is followed by {release.hours} hours of wind: shorten hours or take a "
            "longer period"
        )
    wind = _wind(weather, release.level)
    places = sites[["longitude", "latitude"]].to_numpy()
    rows = np.flatnonzero(usable)
    plumes = np.zeros((len(weather), len(sites), *weather.grid.shape), np.float32)
    seconds = 0.0
    key = {
        "weather": weather.sha256,
        "sites": sites.to_csv(index=False),
        "release": vars(release),
        "seed": seed,
    }
    blocks = [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
    for block in tqdm(blocks, unit="block", desc="plumes"):
        starts = np.repeat(weather.main.starts[block], len(places))

        def compute(starts: np.ndarray = starts) -> dict[str, np.ndarray]:
            found = dispersion.disperse(
                wind,
                np.tile(places, (len(starts) // len(places), 1)),
                starts,
                hours=release.hours,
                particles=release.particles,
                nuclide=release.nuclide,
                seed=seed,
            )
            return {"plumes": found.concentration}

        kept = cache.load_or_compute("plumes", key | {"starts": starts.tolist()}, compute)
        seconds += kept.seconds
        shape = (len(block), len(sites), *weather.grid.shape)
        plumes[block] = kept.arrays["plumes"].reshape(shape)
    return Library(plumes, usable, seconds)


def _followed(times: np.ndarray, starts: np.ndarray, hours: float) -> np.ndarray:
    """Say which windows are followed by `hours` of fields without a gap."""
    step = np.median(np.diff(times))
    n = int(np.ceil(np.timedelta64(round(hours * 3600), "s") / step))
    last = np.minimum(starts + n, len(times) - 1)
    return (starts + n < len(times)) & (times[last] - times[starts] == n * step)


def _wind(weather: Weather, level: float) -> Any:
    """Return the wind at a level, from the data where they have it, else geostrophic."""
    from latentbook.weather import winds

    if {"u", "v"} <= set(weather.fields):
        return winds.horizontal(weather.fields, weather.grid, level)
    return winds.geostrophic(weather.fields, weather.grid, level)


# ---------------------------------------------------------------- estimating


@dataclass(frozen=True)
class Event:
    """How a hypothetical event is detected and compared.

    Attributes
    ----------
    readings
        Number of places where radiation is read; 10 and 30 in the thesis.
    descriptor
        Windows nearest to a centre whose plumes stand for the cluster; 1 and 10 in the thesis.
    smoothing
        Width of the Gaussian filter on the readings, in cells.
    values
        ``presence`` or ``concentration``.
    """

    readings: int = 10
    descriptor: int = 10
    smoothing: float = 0.3
    values: str = "presence"


@dataclass(frozen=True, eq=False)
class Estimate:
    """Ranks of the true sites of all test releases.

    Attributes
    ----------
    rank : array of int, shape (n_events,)
        1 where the true site came first.
    window, site : arrays of int, shape (n_events,)
    likeness : array of float32, shape (n_events, n_sites)
    """

    rank: np.ndarray
    window: np.ndarray
    site: np.ndarray
    likeness: np.ndarray

    def scores(self) -> dict[str, float]:
        """Return ``top1`` and ``top3`` with their 95 % intervals and the number of events."""
        found: dict[str, float] = {"events": float(len(self.rank))}
        for top in (1, 3):
            found[f"top{top}"] = source.accuracy(self.rank, top)
            low, high = source.interval(self.rank, self.window, top)
            found |= {f"top{top}_low": low, f"top{top}_high": high}
        return found


@dataclass(frozen=True, eq=False)
class Readings:
    """What is read of one release at every site in every test window.

    Attributes
    ----------
    maps : array of float32, shape (n_events, ny, nx)
        Smoothed.
    window, site : arrays of int, shape (n_events,)
    """

    maps: np.ndarray
    window: np.ndarray
    site: np.ndarray


def read(weather: Weather, plumes: Library, event: Event, seed: int) -> Readings:
    """Draw the readings of all test releases; every model is judged by the same ones."""
    rows = np.flatnonzero(weather.testing & plumes.usable)
    n_sites = plumes.plumes.shape[1]
    true = plumes.plumes[rows].reshape(-1, *weather.grid.shape)
    drawn = source.readings(true, event.readings, values=event.values, seed=seed)
    maps = source.smooth(drawn, event.smoothing)
    return Readings(maps, rows.repeat(n_sites), np.arange(len(true)) % n_sites)


def by_patterns(
    weather: Weather,
    plumes: Library,
    codes: np.ndarray,
    found: patterns.Patterns,
    descriptor: int,
    given: Readings,
) -> Estimate:
    """Estimate with the plumes of the cluster that the weather of each event falls into."""
    known = weather.training & plumes.usable
    members = patterns.nearest_to_centres(codes, found, known, descriptor)
    return _estimate(given, source.descriptors(plumes.plumes, members), found.labels)


def bounds(weather: Weather, plumes: Library, given: Readings) -> dict[str, Estimate]:
    """Estimate with the best and the worst that clusters can be.

    ``true weather``: the plumes of the event's own window, which no cluster can surpass but by
    luck; ``mean plume``: each site's mean over all training windows, which knows no weather.
    """
    tested = weather.testing & plumes.usable
    position = np.cumsum(tested) - 1  # of a window among the tested ones
    mean = plumes.plumes[weather.training & plumes.usable].mean(axis=0, keepdims=True)
    return {
        "true weather": _estimate(given, plumes.plumes[tested], position),
        "mean plume": _estimate(given, mean, np.zeros_like(position)),
    }


def _estimate(given: Readings, candidates: np.ndarray, which: np.ndarray) -> Estimate:
    likeness = source.similarity(given.maps, candidates, which[given.window])
    return Estimate(source.ranks(likeness, given.site), given.window, given.site, likeness)


def make_record(
    weather: Weather,
    method: str,
    found: Estimate,
    event: Event,
    release: Release,
    *,
    seed: int,
    profile: str,
    seconds: float,
    params: dict[str, Any],
    remark: str = "",
) -> dict[str, Any]:
    """Return the record of one estimate; `remark` names what differs from the thesis."""
    return records.make(
        CHAPTER,
        weather,
        method + (f", {remark}" if remark else ""),
        found.scores(),
        seed=seed,
        profile=profile,
        source_table="figure 20",
        params=params | vars(event) | vars(release) | windows_of(weather),
        seconds={"estimate": seconds},
    )


def plan(events: Sequence[Event], questions: Sequence[str], k: int) -> list[tuple[str, Event, int]]:
    """Return what to estimate: (remark, event, number of clusters), first all `events` as asked.

    Each of the `questions` (keys of `VARIED`) changes one thing of the last event with the
    smallest number of readings, and again for its value in `events`, so that curves are complete.
    """
    todo = [("", event, k) for event in events]
    fewest = min(event.readings for event in events)
    base = [event for event in events if event.readings == fewest][-1]
    for question in questions:
        for value in VARIED[question]:
            clusters = value if question == "k" else k
            event = base if question == "k" else replace(base, **{question: value})
            todo.append((f"{question} {value}", event, clusters))
    return todo


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


def check_events(readings: Sequence[int], descriptors: Sequence[int]) -> None:
    """Raise `LatentbookError` for no readings or no descriptor windows."""
    for n in readings:
        check_between("readings", n, 1, 4096)
    for n in descriptors:
        check_between("descriptor windows", n, 1, 10_000)
