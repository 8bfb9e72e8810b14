"""Rules beside the thesis': the nearest site, likelihoods, analogue windows, the true weather.

All of them are judged by the same readings of the same releases as the clusters (`study.read`), so
that they can be compared release by release; `ranks` keeps what each of them said.
Maps are compared by `weather.source`, probabilities come from `weather.likelihood`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.source_estimation import CHAPTER, ranks, study
from latentbook.chapters.source_estimation.ranks import Ranked
from latentbook.study.method import Method
from latentbook.study.result import Score
from latentbook.weather import analogues, calibration, likelihood, patterns, source
from latentbook.weather.dataset import Weather
from latentbook.weather.inputs import points

#: Training windows so near to an event's that temperatures are not fitted with them.
GAP = 7
#: Every so-many-th training window has the releases that temperatures are fitted on.
EVERY = 5
#: What analogues are near in -> the input that says so.
NEAR = {"heights": "heights", "wind": "wind"}


@dataclass(frozen=True, eq=False)
class Judged:
    """What one rule says of every test release.

    Attributes
    ----------
    method : Method
    rank : array of int, shape (n_events,)
        Rank of the true site.
    params : dict
        What the rule was told.
    log_probability : array of shape (n_events, n_sites), or None
        Of every site, where the rule has probabilities.
    scores : dict
        Besides the shares found: of the probabilities.
    curves : dict
        Reliability, as `calibration.reliability` returns it, by name.
    """

    method: Method
    rank: np.ndarray
    params: Mapping[str, Any]
    log_probability: np.ndarray | None = None
    scores: Mapping[str, float] | None = None
    curves: Mapping[str, np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Past:
    """What is known before an event: training windows, their plumes, and who is near to whom.

    Attributes
    ----------
    weather : Weather
    sites : DataFrame
    plumes : study.Library
        Candidates: from every site in every window.
    release : study.Release
        Of these plumes.
    clusters : mapping of str to array of int, shape (n_windows,)
        Labels of all windows, by the representation that was clustered.
    descriptors : mapping of str to array of int, shape (k, n)
        Training windows nearest to the centres, as `patterns.nearest_to_centres` returns them.
    told : mapping of str to mapping
        What each of the clustered representations was told, as the records spell it.
    n_analogues : sequence of int, default=(30,)
    width, floor : float
        As in `likelihood.of_readings`.
    """

    weather: Weather
    sites: pd.DataFrame
    plumes: study.Library
    release: study.Release
    clusters: Mapping[str, np.ndarray]
    descriptors: Mapping[str, np.ndarray]
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    n_analogues: Sequence[int] = (30,)
    width: float = likelihood.WIDTH
    floor: float = likelihood.FLOOR

    @cached_property
    def known(self) -> np.ndarray:
        """Positions of the training windows that have plumes."""
        return np.flatnonzero(self.weather.training & self.plumes.usable)

    @cached_property
    def known_plumes(self) -> np.ndarray:
        """Plumes of the `known` windows."""
        return self.plumes.plumes[self.known]

    @cached_property
    def table(self) -> likelihood.Table:
        """Log probabilities of readings under the plumes of the `known` windows."""
        return likelihood.of_readings(self.known_plumes, width=self.width, floor=self.floor)

    @cached_property
    def near(self) -> dict[str, np.ndarray]:
        """Windows as the points in which analogues are near."""
        return {
            name: points(self.weather, what, level=self.release.level)
            for name, what in NEAR.items()
        }

    def weights(self, tested: np.ndarray) -> dict[str, np.ndarray]:
        """Return the weights of the `known` windows for windows `tested`, by rule."""
        found = {"any weather": analogues.every(len(tested), len(self.known))}
        for name, labels in self.clusters.items():
            found[name] = analogues.of_cluster(labels[tested], labels[self.known])
        for name, place in self.near.items():
            for n in self.n_analogues:
                n = min(n, len(self.known))
                found[f"{n} analogues by {name}"] = analogues.nearest(
                    place[tested], place[self.known], n
                )
        return found


def prepare(
    inputs: study.Inputs,
    sites: pd.DataFrame,
    k: int,
    *,
    n_analogues: Sequence[int] = (30,),
    descriptor: int = 10,
    random_state: int = 0,
) -> Past:
    """Cluster the windows by every representation, and return what is known before an event.

    Parameters
    ----------
    inputs : study.Inputs
        Weather, plumes and codes.
    sites : DataFrame
        Of the plumes.
    k : int
        Clusters.
    n_analogues : sequence of int, default=(30,)
        As in `Past`.
    descriptor : int, default=10
        Windows that stand for a cluster.
    random_state : int, default=0
        Of k-means.
    """
    weather = inputs.weather
    known = weather.training & inputs.plumes.usable
    labels, near, told = {}, {}, {}
    for represented in inputs.representations:
        clusters = patterns.fit(represented.codes, weather.training, k, random_state)
        labels[represented.name] = clusters.labels
        told[represented.name] = represented.params | {"k": k}
        n = min(descriptor, int(known.sum()))
        near[represented.name] = patterns.nearest_to_centres(represented.codes, clusters, known, n)
    return Past(weather, sites, inputs.plumes, inputs.release, labels, near, told, n_analogues)


def judge(past: Past, readings: study.Readings, true: np.ndarray | None = None) -> list[Judged]:
    """Judge all rules but the clusters' cosine by the readings of all test releases.

    Parameters
    ----------
    past : Past
        Whose plumes are the candidates.
    readings : study.Readings
        Of the events, whose windows are test windows.
    true : array of shape (n_tested, n_sites, ny, nx), optional
        Plumes of the events' own windows, for the rows *true weather*; not from the particles that
        were read.

    Returns
    -------
    list of Judged
    """
    tested, group = np.unique(readings.window, return_inverse=True)
    detected = likelihood.seen(readings.places, readings.maps[0].size)
    weights = past.weights(tested)
    found = [nearest_site(past, readings)]
    logs = likelihood.posterior(detected, group, past.table, weights)
    asked = {"width": past.width, "floor": past.floor}
    for name, log_probability in logs.items():
        told = asked | dict(past.told.get(name, {}))
        found.append(probable(_spelt(name, "likelihood"), readings, log_probability, told))
    for name, weight in weights.items():
        if "analogues" in name:
            candidates = analogues.mean_plumes(past.known_plumes, weight)
            similarity = source.similarity(readings.maps, candidates, group)
            found.append(
                Judged(_spelt(name, "cosine"), source.ranks(similarity, readings.site), {})
            )
    if true is not None:
        table = likelihood.of_readings(true, width=past.width, floor=past.floor)
        log_probability = likelihood.of_own_window(detected, group, table)
        method = Method("true weather", "likelihood")
        found.append(probable(method, readings, log_probability, asked))
        similarity = source.similarity(readings.maps, true, group)
        rank = source.ranks(similarity, readings.site)
        found.append(Judged(Method("true weather", "cosine"), rank, {}))
    return found


def _spelt(name: str, learner: str) -> Method:
    """Return the method of a rule: ``fc-lstm`` as a cluster, others by their own name."""
    plain = name == "any weather" or "analogues" in name
    return Method(name, learner if plain else f"{learner} in the cluster")


def nearest_site(past: Past, readings: study.Readings) -> Judged:
    """Rank the sites by how near they are to any reading."""
    away = source.distances_to_sites(readings.places, past.sites, past.weather.grid)
    return Judged(Method("nearest site"), source.ranks(-away, readings.site), {})


def probable(
    method: Method,
    readings: study.Readings,
    log_probability: np.ndarray,
    params: Mapping[str, Any],
) -> Judged:
    """Judge probabilities by the rank of the true site, and by whether they come true."""
    truth = readings.site
    scores = {
        "log_score": calibration.log_score(log_probability, truth),
        "calibration_error": calibration.calibration_error(log_probability, truth),
    }
    rank = source.ranks(log_probability, truth)
    curves = calibration.reliability(log_probability, truth)
    return Judged(method, rank, params, log_probability, scores, {"as it is": _stacked(curves)})


def _stacked(curves: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([curves[name] for name in ("promised", "found", "events")])


def calibrated(past: Past, judged: Sequence[Judged], event: study.Event, readings: study.Readings,
               seed: int) -> list[Judged]:  # fmt: skip
    """Return rules with probabilities that a temperature has mended; other rules are left out.

    The temperature of each rule is fitted on releases in every fifth training window, which are
    estimated from the training windows that are more than a week away.

    Parameters
    ----------
    past, judged, readings
        As in `judge`, and what it returned.
    event : study.Event
        How the training releases are read.
    seed : int
        Of their readings.
    """
    shown = past.known[::EVERY]
    n_sites = past.plumes.plumes.shape[1]
    true = past.plumes.plumes[shown].reshape(-1, *past.weather.grid.shape)
    places = source.draw(true, event.readings, seed=seed)
    truth = np.arange(len(true)) % n_sites
    group = np.arange(len(shown)).repeat(n_sites)
    weights = {}
    for name, weight in past.weights(shown).items():
        if "analogues" in name:
            continue  # the nearest windows of a training window are its neighbours
        weight = np.where(np.abs(shown[:, None] - past.known) > GAP, weight, 0)
        weight[~weight.any(axis=1)] = 1  # a cluster of one week has nobody else
        weights[name] = weight / weight.sum(axis=1, keepdims=True)
    logs = likelihood.posterior(likelihood.seen(places, true[0].size), group, past.table, weights)
    fitted = {str(_spelt(name, "likelihood")): log for name, log in logs.items()}
    mended = []
    for one in judged:
        if str(one.method) not in fitted or one.log_probability is None:
            continue
        heat = calibration.temperature(fitted[str(one.method)], truth)
        cooled = calibration.tempered(one.log_probability, heat)
        curves = calibration.reliability(cooled, readings.site)
        scores = dict(one.scores or {}) | {
            "temperature": heat,
            "log_score_tempered": calibration.log_score(cooled, readings.site),
            "calibration_error_tempered": calibration.calibration_error(cooled, readings.site),
        }
        kept = dict(one.curves or {}) | {"tempered": _stacked(curves)}
        mended.append(replace(one, scores=scores, curves=kept))
    return mended


def run(
    past: Past,
    event: study.Event,
    *,
    random_state: int,
    independent: study.Library | None = None,
    temper: bool = True,
) -> Ranked:
    """Judge all rules by one kind of event, as scores with the ranks behind them.

    Parameters
    ----------
    past : Past
        Its plumes are read as well, as in `study.run`.
    event : study.Event
        The number of readings, and their smoothing for the cosine.
    random_state : int
        Of the readings.
    independent : study.Library, optional
        Plumes of the test windows from other particles, for the rows *true weather*.
    temper : bool, default=True
        Whether temperatures are fitted.
    """
    start = time.perf_counter()
    readings = study.read(past.weather, past.plumes, event, random_state)
    tested = np.unique(readings.window)
    true = None if independent is None else independent.plumes[tested]
    judged = judge(past, readings, true)
    if temper:
        mended = calibrated(past, judged, event, readings, random_state)
        by_name = {str(one.method): one for one in mended}
        judged = [by_name.get(str(one.method), one) for one in judged]
    seconds = (time.perf_counter() - start) / len(judged)
    shared = {"readings": event.readings, "smoothing": event.smoothing} | past.release.params
    return as_result(past, readings, judged, shared, seconds, random_state)


def as_result(
    past: Past,
    readings: study.Readings,
    judged: Sequence[Judged],
    shared: Mapping[str, Any],
    seconds: float,
    random_state: int,
) -> Ranked:
    """Return what rules said as scores, with ranks and curves of reliability."""
    scores, found = [], {}
    n_sites = past.plumes.plumes.shape[1]
    for one in judged:
        metrics = study.shares(one.rank, readings.window, n_sites) | dict(one.scores or {})
        params = {**one.params, **shared, **past.weather.params}
        scores.append(Score(one.method, metrics, params, {"estimate": seconds}))
        asked = study.condition(shared["readings"], past.release)
        name = ranks.key(str(one.method), random_state, **asked)
        found[name] = one.rank
        for kind, curve in (one.curves or {}).items():
            found[f"reliability {kind}; {name}"] = curve
    times = past.weather.times[np.unique(readings.window)]
    return Ranked(
        CHAPTER,
        past.weather,
        random_state,
        scores,
        times=times,
        ranks=found,
        part="baselines",
    )
