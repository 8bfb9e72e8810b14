"""The source estimation chapter as a study: plumes of every window, and how often a site is found.

The plumes of all windows and sites are computed once and kept. Descriptors of clusters, test
releases and the bounds are looked up among them, so that one setting takes seconds.
Maps are compared by `weather.source`, plumes computed by `weather.dispersion`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from latentbook import cache
from latentbook.chapters.source_estimation import CHAPTER, VARIED, ranks
from latentbook.chapters.source_estimation.ranks import Ranked
from latentbook.errors import LatentbookError
from latentbook.study.method import Method
from latentbook.study.result import Score
from latentbook.weather import maps, patterns, source
from latentbook.weather.codes import Representation
from latentbook.weather.dataset import Weather

#: Windows whose plumes are computed, and kept, together.
BLOCK = 64


@dataclass(frozen=True)
class Release:
    """What is released at every site at the start of every window.

    Attributes
    ----------
    level : float, default=900
        Pressure level of the wind that carries it, in hPa.
    hours : int, default=48
        Hours after the release that the plume is summed over; 48 in the thesis.
    particles : int, default=2000
        Particles of a release.
    nuclide : str, default="Cs-137"
        A key of `dispersion.NUCLIDES`.
    duration : float, default=1
        Hours that it lasts, at a constant rate.
    late : int, default=0
        The release begins in a whole hour drawn from so many after the start of the window.
    diffusivity : float, default=25000
        Of horizontal turbulence, in m2 s-1.
    mixing_height : float, default=1000
        Depth over which the activity is mixed, in metres.
    """

    level: float = 900.0
    hours: int = 48
    particles: int = 2000
    nuclide: str = "Cs-137"
    duration: float = 1.0
    late: int = 0
    diffusivity: float = 2.5e4
    mixing_height: float = 1000.0

    @property
    def params(self) -> dict[str, Any]:
        """As the records spell it: the first four, and of the rest what is not the default."""
        first = ("level", "hours", "particles", "nuclide")
        usual = {f.name: f.default for f in fields(self)}
        return {k: v for k, v in vars(self).items() if k in first or v != usual[k]}


#: A dispersion model: places (m, 2) as longitude and latitude in degrees, and starts (m,) as
#: datetimes, to maps of shape (m, ny, nx) of the concentration in the air, summed over time.
Disperse = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Library:
    """Plumes of the windows that have enough wind after them.

    Attributes
    ----------
    plumes : array of float32, shape (n_windows, n_sites, ny, nx)
        Zero for the windows that are not `usable`.
    usable : array of bool, shape (n_windows,)
    seconds : float
        Time that the dispersion took when it ran.
    """

    plumes: np.ndarray
    usable: np.ndarray
    seconds: float


def library(
    weather: Weather,
    sites: pd.DataFrame,
    release: Release,
    seed: int,
    *,
    only: np.ndarray | None = None,
    model: tuple[str, Disperse] | None = None,
) -> Library:
    """Disperse a release from every site at the start of every window; blocks are kept.

    Parameters
    ----------
    weather : Weather
    sites : DataFrame
        As `source.sites_inside` returns them.
    release : Release
    seed : int
        Of the turbulence, and of late beginnings.
    only : array of bool, shape (n_windows,), optional
        The windows that are wanted; all of them by default.
    model : pair of str and function, optional
        Another dispersion model, such as HYSPLIT, with a name that says all that its plumes depend
        on besides places and starts. By default the model of this book.

    Raises
    ------
    LatentbookError
        If no window has wind for long enough after it, a site lies outside the grid, or a model
        returns maps of another shape.
    """
    from tqdm import tqdm

    hours = release.hours + release.late
    usable = followed_by_wind(weather.fields["time"].values, weather.main.starts, hours)
    usable &= np.ones(len(weather), bool) if only is None else only
    if not usable.any():
        raise LatentbookError(
            f"no window is followed by {hours} hours of wind: shorten hours or take a longer period"
        )
    places = sites[["longitude", "latitude"]].to_numpy()
    rows = np.flatnonzero(usable)
    shape = (len(sites), *weather.grid.shape)
    plumes = np.zeros((len(weather), *shape), np.float32)
    seconds = 0.0
    key = {
        "weather": weather.sha256,
        "sites": sites.to_csv(index=False),
        "release": release.params,
        "seed": seed,
    } | ({"model": model[0]} if model else {})
    disperse = model[1] if model else _own_model(weather, release, seed)
    blocks = [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
    for block in tqdm(blocks, unit="block", desc="plumes"):
        starts = np.repeat(weather.main.starts[block], len(places))

        def compute(starts: np.ndarray = starts) -> dict[str, np.ndarray]:
            began = weather.fields["time"].values[starts]
            if release.late:
                hours = np.random.default_rng([seed, starts[0]]).integers(
                    release.late, size=len(starts)
                )
                began = began + hours * np.timedelta64(1, "h")
            found = np.asarray(disperse(np.tile(places, (len(starts) // len(places), 1)), began))
            if found.shape != (len(starts), *shape[1:]):
                raise LatentbookError(
                    f"the dispersion model returned maps of shape {found.shape}, but must return "
                    f"one of {shape[1:]} cells for each of {len(starts)} releases"
                )
            return {"plumes": found.astype(np.float32, copy=False)}

        kept = cache.load_or_compute("plumes", key | {"starts": starts.tolist()}, compute)
        seconds += kept.seconds
        plumes[block] = kept.arrays["plumes"].reshape(len(block), *shape)
    return Library(plumes, usable, seconds)


def _own_model(weather: Weather, release: Release, seed: int) -> Disperse:
    """Return the dispersion model of this book, in the wind of the weather."""
    from latentbook.weather import dispersion, winds

    wind = winds.at_level(weather.fields, weather.grid, release.level)

    def disperse(places: np.ndarray, starts: np.ndarray) -> np.ndarray:
        return dispersion.disperse(
            wind,
            places,
            starts,
            hours=release.hours,
            particles=release.particles,
            nuclide=release.nuclide,
            release_hours=release.duration,
            diffusivity=release.diffusivity,
            mixing_height=release.mixing_height,
            seed=seed,
        ).concentration

    return disperse


def followed_by_wind(times: np.ndarray, starts: np.ndarray, hours: float) -> np.ndarray:
    """Return which windows are followed by `hours` of fields without a gap."""
    step = np.median(np.diff(times))
    n = int(np.ceil(np.timedelta64(round(hours * 3600), "s") / step))
    last = np.minimum(starts + n, len(times) - 1)
    return (starts + n < len(times)) & (times[last] - times[starts] == n * step)


# ---------------------------------------------------------------- estimating


@dataclass(frozen=True)
class Event:
    """How a hypothetical event is detected and compared.

    Attributes
    ----------
    readings : int, default=10
        Number of places where radiation is read; 10 and 30 in the thesis.
    descriptor : int, default=10
        Windows nearest to a centre whose plumes represent the cluster; 1 and 10 in the thesis.
    smoothing : float, default=0.3
        Width of the Gaussian filter on the readings, in cells.
    values : str, default="presence"
        What an instrument measures: ``presence`` or ``concentration``.
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
    similarity : array of float32, shape (n_events, n_sites)
    """

    rank: np.ndarray
    window: np.ndarray
    site: np.ndarray
    similarity: np.ndarray

    def scores(self) -> dict[str, float]:
        """Return ``top1`` and ``top3`` with 95 % intervals, and numbers of events and sites."""
        return shares(self.rank, self.window, self.similarity.shape[1])


def shares(rank: np.ndarray, window: np.ndarray, n_sites: int) -> dict[str, float]:
    """Return the shares of sites among the first, with intervals that draw whole weeks."""
    scores = {"events": float(len(rank)), "n_sites": float(n_sites)}
    for top in (1, 3):
        low, high = source.interval(rank, window, top)
        scores[f"top{top}"] = source.accuracy(rank, top)
        scores |= {f"top{top}_low": low, f"top{top}_high": high}
    return scores


@dataclass(frozen=True, eq=False)
class Readings:
    """What is read of one release at every site in every test window.

    Attributes
    ----------
    maps : array of float32, shape (n_events, ny, nx)
        Smoothed.
    window, site : arrays of int, shape (n_events,)
    places : array of int, shape (n_events, n)
        Cells that were read, as `source.draw` returns them.
    """

    maps: np.ndarray
    window: np.ndarray
    site: np.ndarray
    places: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int32))


def read(weather: Weather, plumes: Library, event: Event, seed: int) -> Readings:
    """Draw the readings of all test releases; every model is judged by the same ones."""
    rows = np.flatnonzero(weather.testing & plumes.usable)
    n_sites = plumes.plumes.shape[1]
    true = plumes.plumes[rows].reshape(-1, *weather.grid.shape)
    source.check_values(event.values)
    places = source.draw(true, event.readings, seed=seed)
    smoothed = source.smooth(source.as_maps(places, true, values=event.values), event.smoothing)
    return Readings(smoothed, rows.repeat(n_sites), np.arange(len(true)) % n_sites, places)


def by_patterns(
    weather: Weather,
    plumes: Library,
    codes: np.ndarray,
    clusters: patterns.Patterns,
    descriptor: int,
    readings: Readings,
) -> Estimate:
    """Estimate with the plumes of the cluster that the weather of each event falls into."""
    known = weather.training & plumes.usable
    members = patterns.nearest_to_centres(codes, clusters, known, descriptor)
    return _estimate(readings, source.descriptors(plumes.plumes, members), clusters.labels)


def bounds(weather: Weather, plumes: Library, readings: Readings) -> dict[str, Estimate]:
    """Estimate without clusters: with the weather of the event itself, and with none.

    ``true weather``: the plumes of the event's own window; ``mean plume``: each site's mean over
    all training windows. Both are bounds of the comparison by cosine, not of the task: another
    score of readings against plumes would move them.
    """
    tested = weather.testing & plumes.usable
    position = np.cumsum(tested) - 1  # of a window among the tested ones
    mean = plumes.plumes[weather.training & plumes.usable].mean(axis=0, keepdims=True)
    return {
        "true weather": _estimate(readings, plumes.plumes[tested], position),
        "mean plume": _estimate(readings, mean, np.zeros_like(position)),
    }


def _estimate(readings: Readings, candidates: np.ndarray, which: np.ndarray) -> Estimate:
    similarity = source.similarity(readings.maps, candidates, which[readings.window])
    rank = source.ranks(similarity, readings.site)
    return Estimate(rank, readings.window, readings.site, similarity)


# ---------------------------------------------------------------- the study


@dataclass(frozen=True, eq=False)
class Inputs:
    """What all settings share.

    Attributes
    ----------
    weather : Weather
    plumes : Library
        Of `release`, from every site in every window.
    release : Release
    representations : sequence of Representation
        Of the windows; their codes are clustered.
    others : sequence of Representation, default=()
        Clustered as well, where nothing else is varied.
    """

    weather: Weather
    plumes: Library
    release: Release
    representations: Sequence[Representation]
    others: Sequence[Representation] = ()


def clustered_inputs(
    weather: Weather, names: Sequence[str], release: Release, seed: int
) -> list[Representation]:
    """Return windows as points of other `inputs` than the networks', ready to be clustered."""
    from latentbook.weather import inputs

    found = []
    for name in names:
        start = time.perf_counter()
        points = inputs.points(weather, name, level=release.level, seed=seed)
        seconds = time.perf_counter() - start
        nothing = np.empty((2, 0, *weather.grid.shape))
        found.append(Representation(name, points, seconds, {}, {}, nothing))
    return found


@dataclass(frozen=True)
class Setting:
    """One kind of event, and the number of clusters.

    Attributes
    ----------
    event : Event
    k : int
    varied : str
        Parameter that is varied (a key of `VARIED`); empty for the settings asked for.
    arrays : bool
        Whether the result holds the arrays of the figures.
    """

    event: Event
    k: int
    varied: str = ""
    arrays: bool = False

    @property
    def change(self) -> str:
        """What differs from the settings asked for, as in ``smoothing 1.0``; empty for nothing."""
        if not self.varied:
            return ""
        value = self.k if self.varied == "k" else getattr(self.event, self.varied)
        return f"{self.varied} {value}"


def condition(readings: int, release: Release) -> dict[str, object]:
    """Return what tells ranks of one method apart: readings, and a wind at an unusual level."""
    usual = release.level == Release.level
    return {"readings": readings} | ({} if usual else {"wind": f"{release.level:g}"})


def plan(
    readings: Sequence[int],
    descriptors: Sequence[int],
    k: int,
    *,
    smoothing: float = 0.3,
    values: str = "presence",
    variations: Sequence[str] = (),
) -> list[Setting]:
    """Return the settings: every pair of readings and descriptors, then the variations.

    Each of the `variations` (keys of `VARIED`) changes one thing of the last event with the
    smallest number of readings. The value that the event has already is run again under the name
    of the variation, so that curves are complete.

    Parameters
    ----------
    readings, descriptors : sequence of int
        Numbers of readings, and of windows that represent a cluster.
    k : int
        Number of clusters.
    smoothing, values
        As in `Event`.
    variations : sequence of str, optional
        What to vary.
    """
    events = [Event(r, d, smoothing, values) for r in readings for d in descriptors]
    pictured = min(1, len(events) - 1)
    settings = [Setting(event, k, arrays=i == pictured) for i, event in enumerate(events)]
    base = [event for event in events if event.readings == min(readings)][-1]
    for name in variations:
        for value in VARIED[name]:
            event = base if name == "k" else replace(base, **{name: value})
            settings.append(Setting(event, value if name == "k" else k, varied=name))
    return settings


def run(inputs: Inputs, setting: Setting, *, random_state: int) -> Ranked:
    """Estimate the site of every test release, by the clusters of all codes and by the bounds.

    Parameters
    ----------
    inputs : Inputs
        Weather, plumes and codes.
    setting : Setting
        The event, and the number of clusters.
    random_state : int
        Of the readings and of k-means.

    Returns
    -------
    Ranked
        One score for each representation and, unless clusters are varied, for each bound, with the
        ranks of the true sites. Arrays for the figures, of the last representation, if the setting
        asks for them.
    """
    weather, plumes = inputs.weather, inputs.plumes
    readings = read(weather, plumes, setting.event, random_state)
    shared = vars(setting.event) | inputs.release.params | weather.params
    scores: list[Score] = []
    arrays: dict[str, np.ndarray] = {}
    found: dict[str, np.ndarray] = {}

    def add(method: Method, estimate: Estimate, params: Mapping[str, Any], seconds: float) -> None:
        scores.append(
            Score(
                replace(method, change=setting.change),
                estimate.scores(),
                {**params, **shared},
                {"estimate": seconds},
                source_table="figure 20",
            )
        )
        if not setting.varied:
            asked = condition(setting.event.readings, inputs.release)
            if method.learner:  # the bounds have no windows
                asked["windows"] = setting.event.descriptor
            found[ranks.key(str(method), random_state, **asked)] = estimate.rank

    others = () if setting.varied else inputs.others
    for represented in (*inputs.representations, *others):
        start = time.perf_counter()
        codes = represented.codes
        clusters = patterns.fit(codes, weather.training, setting.k, random_state)
        estimate = by_patterns(weather, plumes, codes, clusters, setting.event.descriptor, readings)
        seconds = time.perf_counter() - start
        method = Method(represented.name, "k-means")
        add(method, estimate, represented.params | {"k": setting.k}, seconds)
        if setting.arrays and represented is inputs.representations[-1]:
            arrays = event_arrays(inputs, codes, clusters, setting.event, readings, estimate)
    if setting.varied != "k":  # the bounds have no clusters
        for name, estimate in bounds(weather, plumes, readings).items():
            add(Method(name), estimate, {}, 0.0)
    times = weather.times[np.unique(readings.window)]
    return Ranked(CHAPTER, weather, random_state, scores, arrays, times=times, ranks=found)


def event_arrays(
    inputs: Inputs,
    codes: np.ndarray,
    clusters: patterns.Patterns,
    event: Event,
    readings: Readings,
    estimate: Estimate,
    *,
    cases: int = 24,
) -> dict[str, np.ndarray]:
    """Return what the figures and the interactive map show of one estimate.

    Plumes are kept as bytes: 0 where nothing arrives, else 1 to 255 over four decades.

    Parameters
    ----------
    cases : int, default=24
        Test windows that are shown, evenly spaced in time.
    """
    weather, plumes = inputs.weather, inputs.plumes
    n_sites = plumes.plumes.shape[1]
    windows = np.unique(readings.window)
    chosen = windows[np.linspace(0, len(windows) - 1, min(cases, len(windows))).astype(int)]
    rows = np.flatnonzero(np.isin(readings.window, chosen))
    known = weather.training & plumes.usable
    members = patterns.nearest_to_centres(codes, clusters, known, event.descriptor)
    used = np.unique(clusters.labels[chosen])
    candidates = source.descriptors(plumes.plumes, members[used])
    first = np.bincount(estimate.site, estimate.rank == 1, minlength=n_sites)
    per_case = (len(chosen), n_sites)
    return {
        "index": weather.times[chosen].astype("datetime64[h]").astype(np.int64),
        "box": maps.edges_of(weather.grid),
        "plumes": _decades(plumes.plumes[chosen]),
        "candidates": _decades(candidates),
        "cluster": np.searchsorted(used, clusters.labels[chosen]).astype(np.int8),
        "readings": (readings.maps[rows] > 1e-3).reshape(*per_case, *weather.grid.shape),
        "likeness": estimate.similarity[rows].reshape(*per_case, n_sites).astype(np.float16),
        "found_first": (first / np.bincount(estimate.site, minlength=n_sites)).astype(np.float32),
    }


def _decades(plumes: np.ndarray) -> np.ndarray:
    """Return 1 to 255 for the four decades below each map's maximum, 0 below them."""
    top = plumes.max(axis=(-2, -1), keepdims=True)
    with np.errstate(divide="ignore"):
        log = 4 + np.log10(np.divide(plumes, top, out=np.zeros_like(plumes), where=top > 0))
    return np.clip(np.ceil(log / 4 * 255), 0, 255).astype(np.uint8)
