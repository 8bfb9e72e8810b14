"""A neutral judge of weather patterns: what they say about fields that the clustering has not seen.

k-means on the windows minimises the spread within its clusters, and the Calinski-Harabasz index of
the windows measures that spread: no other clustering can do much better, whatever the weather.
Explained variance of another variable, as COST 733 uses it, has no such favourite: the mean of the
variable over the training windows of a cluster predicts every test window of that cluster.

References
----------
- huth2008: Radan Huth, Christoph Beck, Andreas Philipp, Matthias Demuzere, Zbigniew Ustrnul, Monika
  Cahynová, Jan Kyselý, Ole Einar Tveito. Classifications of atmospheric circulation patterns. 2008.
  https://doi.org/10.1196/annals.1446.019
- kunsch1989: Hans R. Künsch. The jackknife and the bootstrap for general stationary observations.
  1989. https://doi.org/10.1214/aos/1176347265
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentbook.errors import LatentbookError, check_between
from latentbook.weather import patterns, sources
from latentbook.weather.dataset import Weather

#: Days that one block of the bootstrap holds: longer than weather remembers.
BLOCK_DAYS = 14
#: Resamples of the bootstrap.
RESAMPLES = 1000
_NAME = re.compile(r"(wind|[a-z]+?)(\d*)")


def unseen(weather: Weather, variable: str, source: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the fields of another variable in the region of `weather`, on the grid of its source.

    Points count by their area, so that squared distances are sums over the ground.

    Parameters
    ----------
    weather : Weather
        Whose region is meant.
    variable : str
        ``msl``, or a quantity and a level in hPa, such as ``t850``; ``wind900`` is both components.
    source
        As `sources.open` takes it; None is the source of `weather`.

    Returns
    -------
    times : vector of datetime64
    fields : array of shape (time, n_values), float32

    Raises
    ------
    LatentbookError
        For a name of another form, and a source without the variable.
    """
    found = _NAME.fullmatch(variable)
    if not found:
        raise LatentbookError(
            f"an unseen variable is called msl, t850 or wind900, not {variable!r}"
        )
    quantity, level = found.groups()
    names = ("u", "v") if quantity == "wind" else (quantity,)
    levels = [float(level)] if level else None
    data = sources.open(weather.name if source is None else source, names, levels)
    grid = weather.grid
    data = data.sel(
        latitude=slice(grid.latitude.min(), grid.latitude.max()),
        longitude=slice(grid.longitude.min(), grid.longitude.max()),
    )
    weight = np.sqrt(np.cos(np.radians(data["latitude"].values)))[:, None].astype(np.float32)
    parts = []
    for name in names:
        values = data[name].transpose("time", ..., "latitude", "longitude").values
        parts.append((values.astype(np.float32) * weight).reshape(len(values), -1))
    return data["time"].values, np.concatenate(parts, axis=1)


def over_windows(
    weather: Weather, times: np.ndarray, fields: np.ndarray, *, cycle: bool = False
) -> np.ndarray:
    """Return the mean of `fields` over each window of `weather`.

    Parameters
    ----------
    weather : Weather
    times : vector of datetime64, ascending
        Of the fields.
    fields : array of shape (time, n_values)
    cycle : bool, default=False
        Whether the annual cycle, fitted on the training windows, is taken out: what is left is the
        weather, not the season.

    Returns
    -------
    array of shape (n_windows, n_values), float32

    Raises
    ------
    LatentbookError
        If a time of the windows is missing.
    """
    from latentbook.weather.treatment import annual_cycle

    wanted = weather.main.frame_times
    place = np.searchsorted(times, wanted)
    place[place == len(times)] = 0
    used = np.zeros(len(wanted), bool)
    used[(weather.main.starts[:, None] + np.arange(weather.length)).ravel()] = True
    missing = used & (times[place] != wanted)
    if missing.any():
        raise LatentbookError(
            f"the unseen variable has no field of {wanted[missing.argmax()]}: give a source with "
            "all times of the windows"
        )
    totals = np.concatenate([[np.zeros(fields.shape[1])], np.cumsum(fields[place], 0, np.float64)])
    starts = weather.main.starts
    means = ((totals[starts + weather.length] - totals[starts]) / weather.length).astype(np.float32)
    if cycle:
        known = weather.training
        means -= annual_cycle(means[known], weather.times[known])(weather.times)
    return means


def predictions(y: np.ndarray, labels: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return for every window the mean of `y` over the training windows of its cluster.

    A cluster without training windows predicts the mean of all training windows.
    """
    members = np.eye(int(labels.max()) + 1)[labels[training]]
    sums, sizes = members.T @ y[training], members.sum(axis=0)[:, None]
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), y[training].mean(axis=0))
    return means[labels]


def errors(
    y: np.ndarray, labels: np.ndarray, training: np.ndarray, testing: np.ndarray
) -> np.ndarray:
    """Return squared errors of the cluster means on the test windows, as shares of the variance.

    Their mean is one less the explained variance. The variance is that about the mean of the
    training windows.

    Parameters
    ----------
    y : array of shape (n_windows, n_values)
        As `over_windows` returns it.
    labels : array of int, shape (n_windows,)
    training, testing : arrays of bool, shape (n_windows,)

    Returns
    -------
    array of shape (number of test windows,)
    """
    left = ((y - predictions(y, labels, training))[testing] ** 2).sum(axis=1)
    total = ((y[testing] - y[training].mean(axis=0)) ** 2).sum(axis=1).mean()
    return left / total


def explained_variance(
    y: np.ndarray, labels: np.ndarray, training: np.ndarray, testing: np.ndarray
) -> float:
    """Return the share of the variance of `y` that the clusters predict on test windows.

    1 is all of it, 0 as much as the mean of the training windows; it may be negative. The
    parameters are those of `errors`.
    """
    return 1 - float(errors(y, labels, training, testing).mean())


@dataclass(frozen=True)
class Lead:
    """How much more one clustering explains than another, with a 95 % interval.

    Attributes
    ----------
    mean, low, high : float
        In shares of the variance of the test windows.
    """

    mean: float
    low: float
    high: float


def lead(
    ours: np.ndarray,
    theirs: np.ndarray,
    times: np.ndarray,
    *,
    seed: int = 0,
    days: float = BLOCK_DAYS,
) -> Lead:
    """Compare two clusterings on the same test windows, by a bootstrap of blocks of time.

    Windows follow each other and weather lasts, so that blocks are drawn (kunsch1989), not windows.
    Each block holds the windows that start within `days` days.

    Parameters
    ----------
    ours, theirs : arrays of shape (n,)
        What `errors` returns for either.
    times : vector of datetime64, shape (n,)
        Of the test windows.
    """
    check_between("days of a block", days, 0.01, 3650)
    block = (times - times[0]) // np.timedelta64(round(days * 24), "h")
    _, block = np.unique(block, return_inverse=True)
    sizes = np.bincount(block)
    sums = np.bincount(block, theirs - ours)
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(RESAMPLES, len(sizes)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Lead(float(np.mean(theirs - ours)), float(low), float(high))


def tested_index(weather: Weather, labels: np.ndarray) -> float:
    """Return the Calinski-Harabasz index of the test windows alone, NaN with one cluster there."""
    from sklearn.metrics import calinski_harabasz_score

    tested = labels[weather.testing]
    if not 1 < len(np.unique(tested)) < len(tested):
        return float("nan")
    windows = weather.main[weather.testing].reshape(len(tested), -1)
    return float(calinski_harabasz_score(windows, tested))


def scores(
    weather: Weather,
    labels: np.ndarray,
    reference: np.ndarray,
    unseen: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, float]:
    """Return what clusters say about unseen variables on test windows, beside `reference`.

    Parameters
    ----------
    weather : Weather
    labels, reference : arrays of int, shape (n_windows,)
        The clusters that are judged, and those that they are compared with.
    unseen : mapping
        Name -> times and fields, as `unseen` returns them.

    Returns
    -------
    dict
        For each variable ``explained_<name>``, and ``lead_<name>`` with ``_low`` and ``_high``: by
        how much more than the reference. The same with ``_weather`` after the name for what is
        left without the annual cycle. ``calinski_harabasz_raw`` of the test windows; persistence
        between test windows that share no field, with its chance.
    """
    training, testing = weather.training, weather.testing
    found: dict[str, float] = {}
    for name, (times, fields) in unseen.items():
        for suffix, cycle in (("", False), ("_weather", True)):
            y = over_windows(weather, times, fields, cycle=cycle)
            ours, theirs = (errors(y, one, training, testing) for one in (labels, reference))
            gain = lead(ours, theirs, weather.times[testing])
            found[f"explained_{name}{suffix}"] = 1 - float(ours.mean())
            found[f"lead_{name}{suffix}"] = gain.mean
            found[f"lead_{name}{suffix}_low"] = gain.low
            found[f"lead_{name}{suffix}_high"] = gain.high
    found["calinski_harabasz_raw"] = tested_index(weather, labels)
    apart = -(-weather.length // weather.step)
    lasting = patterns.persistence(labels[testing], weather.times[testing], steps=apart)
    return found | {f"{name}_apart": value for name, value in lasting.items()}
