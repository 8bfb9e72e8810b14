"""The task nearer to an emergency: what the library of plumes does not know about the release.

The thesis' task is an identical twin: readings come from the model, the hour, the duration and the
wind level that the candidates were made with. A `Task` changes one of these for the readings alone,
and the candidates stay.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from latentbook.chapters.source_estimation import baselines, study
from latentbook.chapters.source_estimation.baselines import Judged, Past
from latentbook.chapters.source_estimation.ranks import Ranked
from latentbook.errors import check_between
from latentbook.study.method import Method
from latentbook.weather import likelihood, source
from latentbook.weather.dataset import Weather
from latentbook.weather.grid import Grid

#: Parameter of the chapter -> the field of `study.Release` that it changes.
OF_RELEASE = {
    "late_hours": "late",
    "durations": "duration",
    "diffusivities": "diffusivity",
    "mixing_heights": "mixing_height",
    "truth_levels": "level",
}
#: Parameters that change what is read, and not the release.
OF_READINGS = ("noises", "networks")
#: Parameter -> how the records name its change.
WORDS = {
    "late_hours": "begins within {:g} h",
    "durations": "lasts {:g} h",
    "diffusivities": "diffusivity {:g}",
    "mixing_heights": "mixing height {:g}",
    "truth_levels": "wind at {:g} hPa",
    "noises": "wrong readings {:g}",
    "networks": "network every {:g} cells",
}
#: Clusters of windows whose plumes are compared, as in the thesis' ten.
DESCRIPTOR = 10


@dataclass(frozen=True)
class Task:
    """One thing that differs between the readings and the candidates.

    Attributes
    ----------
    parameter : str
        A key of `WORDS`; empty for the task as it is.
    value : float
    """

    parameter: str = ""
    value: float = 0.0

    @property
    def change(self) -> str:
        """As the records name it."""
        return WORDS[self.parameter].format(self.value) if self.parameter else "as it is"

    def release(self, usual: study.Release, particles: int, hours: int) -> study.Release:
        """Return the release that is read, of so many particles."""
        changed: dict[str, Any] = {"particles": particles}
        if self.parameter in OF_RELEASE:
            name = OF_RELEASE[self.parameter]
            changed[name] = int(self.value) if name == "late" else self.value
        if self.parameter == "durations":
            check_between("duration of the release in hours", self.value, 0, hours)
        return replace(usual, **changed)


def plan(values: Mapping[str, Sequence[float]]) -> list[Task]:
    """Return the task as it is, and one for each value of each parameter; none without values."""
    changed = [Task(name, value) for name in WORDS for value in values.get(name, ())]
    return [Task(), *changed] if changed else []


def windows(weather: Weather, every: int) -> np.ndarray:
    """Return which windows are judged: every so-many-th of those for testing.

    Returns
    -------
    array of bool, shape (n_windows,)
    """
    check_between("step between the windows of a task", every, 1, int(weather.testing.sum()))
    chosen = np.zeros(len(weather), bool)
    chosen[np.flatnonzero(weather.testing)[::every]] = True
    return chosen


def stations(grid: Grid, spacing: int) -> np.ndarray:
    """Return a fixed network: the middle cells of squares of `spacing` by `spacing` cells.

    Returns
    -------
    array of int
        Cells, counted row by row.
    """
    check_between("spacing of the network in cells", spacing, 1, min(grid.shape))
    rows, columns = (np.arange(spacing // 2, n, spacing) for n in grid.shape)
    return np.asarray((rows[:, None] * grid.shape[1] + columns).ravel())


def misread(places: np.ndarray, share: float, n_cells: int, seed: int) -> np.ndarray:
    """Return readings of which a share are wrong: moved to any cell of the map.

    Parameters
    ----------
    places : array of int, shape (m, n)
        As `source.draw` returns them.
    share : float
        Probability that a reading is wrong.
    n_cells : int
        Of the map.
    seed : int
    """
    check_between("share of wrong readings", share, 0, 1)
    rng = np.random.default_rng([seed, n_cells])
    wrong = (rng.random(places.shape) < share) & (places >= 0)
    return np.where(wrong, rng.integers(n_cells, size=places.shape), places).astype(places.dtype)


@dataclass(frozen=True, eq=False)
class Truth:
    """Plumes that are read, and the task that they belong to."""

    task: Task
    plumes: study.Library
    release: study.Release


def judge(past: Past, truth: Truth, event: study.Event, seed: int) -> list[Judged]:
    """Judge five rules by the readings of a changed release.

    They are the nearest site, the mean plume and the clusters by cosine, the likelihood without
    weather, and that of the true weather, whose candidates are the library's plumes.

    Parameters
    ----------
    past : Past
        Candidates.
    truth : Truth
        What is read, of every site in every test window.
    event : study.Event
        How many readings, and how they are smoothed for the cosine.
    seed : int
        Of the readings.

    Returns
    -------
    list of Judged
        The change is part of each method's name.
    """
    readings = read(past, truth, event, seed)
    tested, group = np.unique(readings.window, return_inverse=True)
    network = truth.task.parameter == "networks"
    params: dict[str, Any] = {}
    if network:
        where = stations(past.weather.grid, int(truth.task.value))
        params["stations"] = len(where)
        table = likelihood.of_stations(past.known_plumes, where, width=past.width)
        true = likelihood.of_stations(past.plumes.plumes[tested], where, width=past.width)
        detected = likelihood.seen(_among(readings.places, where), len(where))
    else:
        table = past.table
        true = likelihood.of_readings(
            past.plumes.plumes[tested], width=past.width, floor=past.floor
        )
        detected = likelihood.seen(readings.places, readings.maps[0].size)
    found = [baselines.nearest_site(past, readings)]
    mean = past.known_plumes.mean(axis=0, keepdims=True)
    similarity = source.similarity(readings.maps, mean, np.zeros_like(group))
    found.append(Judged(Method("mean plume"), source.ranks(similarity, readings.site), {}))
    for name, labels in past.clusters.items():
        if name != "raw":
            continue
        members = past.descriptors[name][:, :DESCRIPTOR]
        candidates = source.descriptors(past.plumes.plumes, members)
        similarity = source.similarity(readings.maps, candidates, labels[readings.window])
        rank = source.ranks(similarity, readings.site)
        found.append(Judged(Method(name, "k-means"), rank, {"descriptor": DESCRIPTOR}))
    weights = {"any weather": np.full((len(tested), len(past.known)), 1.0)}
    logs = likelihood.posterior(detected, group, table, weights)["any weather"]
    found.append(baselines.probable(Method("any weather", "likelihood"), readings, logs, {}))
    logs = likelihood.of_own_window(detected, group, true)
    found.append(baselines.probable(Method("true weather", "likelihood"), readings, logs, {}))
    return [
        replace(
            one,
            method=replace(one.method, change=truth.task.change),
            params={**one.params, **params},
        )
        for one in found
    ]


def read(past: Past, truth: Truth, event: study.Event, seed: int) -> study.Readings:
    """Return the readings of a task: of a network, or at places that something reaches."""
    rows = np.flatnonzero(past.weather.testing & truth.plumes.usable)
    plumes = truth.plumes.plumes[rows].reshape(-1, *past.weather.grid.shape)
    n_sites, n_cells = truth.plumes.plumes.shape[1], plumes[0].size
    task = truth.task
    if task.parameter == "networks":
        where = stations(past.weather.grid, int(task.value))
        reached = source.reached_cells(plumes)[:, where]
        places = np.where(reached, where.astype(np.int32), -1)
    else:
        places = source.draw(plumes, event.readings, seed=seed)
        if task.parameter == "noises":
            places = misread(places, task.value, n_cells, seed)
    maps = source.smooth(source.as_maps(places, plumes), event.smoothing)
    return study.Readings(maps, rows.repeat(n_sites), np.arange(len(plumes)) % n_sites, places)


def _among(places: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return cells as positions among the stations, -1 for none."""
    return np.where(places >= 0, np.searchsorted(where, np.maximum(places, 0)), -1)


def run(past: Past, truth: Truth, event: study.Event, *, random_state: int) -> Ranked:
    """Judge the rules of `judge`, as scores with the ranks behind them.

    Parameters
    ----------
    past, truth, event
        As in `judge`.
    random_state : int
        Of the readings.
    """
    start = time.perf_counter()
    readings = read(past, truth, event, random_state)
    judged = judge(past, truth, event, random_state)
    seconds = (time.perf_counter() - start) / len(judged)
    read_from = {f"read_{k}": v for k, v in truth.release.params.items()}
    shared = {"readings": event.readings, "smoothing": event.smoothing} | past.release.params
    result = baselines.as_result(past, readings, judged, shared | read_from, seconds, random_state)
    # curves of every task would fill the file
    kept = {name: one for name, one in result.ranks.items() if one.dtype.kind in "iu"}
    return replace(result, ranks=kept, part="fairer")
