"""What may be done to fields before they are cut into windows: season, anomalies, trend, weights.

Climatologists cluster anomalies of one season, with every point counted by its area; the thesis
clusters whole fields of the whole year. Both are possible here, and the records say which was done.
Everything is fitted on the training windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from latentbook.errors import LatentbookError, check_between, choose
from latentbook.weather.dataset import Weather
from latentbook.weather.grid import Grid

#: Season -> its months, 1 for January.
SEASONS = {
    "all": tuple(range(1, 13)),
    "DJF": (12, 1, 2),
    "MAM": (3, 4, 5),
    "JJA": (6, 7, 8),
    "SON": (9, 10, 11),
    "cold": (10, 11, 12, 1, 2, 3),
    "warm": (4, 5, 6, 7, 8, 9),
}
#: Harmonics of the annual cycle: with two, winter and summer may differ in length.
HARMONICS = 2
#: Fields that are changed at once.
BLOCK = 4096
#: Days of a year.
DAYS = 365.2425


@dataclass(frozen=True)
class Treatment:
    """What is done to the fields; the defaults leave them as they are.

    Attributes
    ----------
    season : str, default="all"
        A key of `SEASONS`: other times are left out, and no window spans the gap.
    anomalies : bool, default=False
        Subtract the annual cycle (`HARMONICS` harmonics at each point).
    detrend : bool, default=False
        Subtract the linear trend at each point.
    area : bool, default=False
        Multiply by the root of the area of a cell (mean 1): on a box the root of the cosine of the
        latitude. Squared distances are then sums over the ground, not over cells.
    coarse : int, default=1
        Average blocks of so many by so many cells.
    """

    season: str = "all"
    anomalies: bool = False
    detrend: bool = False
    area: bool = False
    coarse: int = 1

    @property
    def params(self) -> dict[str, Any]:
        """What differs from the defaults, as the records spell it."""
        usual = asdict(Treatment())
        return {key: value for key, value in asdict(self).items() if value != usual[key]}


def treat(weather: Weather, treatment: Treatment) -> Weather:
    """Return weather whose fields were treated; the very same without a treatment.

    Raises
    ------
    LatentbookError
        For an unknown season, one that holds no time, and blocks that do not divide the grid.
    """
    choose("season", treatment.season, SEASONS)
    check_between("coarse", treatment.coarse, 1, 64)
    if not treatment.params:
        return weather
    import xarray as xr

    fields = weather.fields["z"]
    grid = coarse_grid(weather.grid, treatment.coarse)
    if treatment.coarse > 1:
        fields = fields.coarsen({"y": treatment.coarse, "x": treatment.coarse}).mean()
    every = fields["time"].values
    months = every.astype("datetime64[M]").astype(int) % 12 + 1
    inside = np.isin(months, SEASONS[treatment.season])
    if not inside.any():
        raise LatentbookError(
            f"{weather.name} has no time in the season {treatment.season}: choose all, or data "
            "that hold the season"
        )
    values = np.asarray(fields.values, np.float32)

    def cut(values: np.ndarray, inside: np.ndarray) -> Weather:
        array = xr.DataArray(
            values[inside],
            dims=("time", "level", "y", "x"),
            coords={
                "time": every[inside],
                "level": fields["level"].values,
                "y": grid.y[: values.shape[2]],
                "x": grid.x[: values.shape[3]],
            },
            name="z",
        )
        treated = {**weather.treated, **treatment.params}
        return replace(weather, fields=array.to_dataset(), grid=grid, treated=treated)

    if treatment.anomalies or treatment.detrend:
        seasonal = cut(values[..., :1, :1], inside)
        windows = seasonal.main
        last = windows.frame_times[windows.starts[seasonal.training].max() + weather.length - 1]
        known = every <= last
        taken = _removed(values, every, known, treatment)
        for start in range(0, len(values), BLOCK):
            part = slice(start, start + BLOCK)
            values[part] -= taken(every[part]).reshape(values[part].shape)
    if treatment.area:
        values *= area_weights(grid).astype(np.float32)
    return cut(values, inside)


def _removed(
    values: np.ndarray, times: np.ndarray, known: np.ndarray, treatment: Treatment
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from times to what is subtracted there, fitted where `known`.

    Cycle and trend are fitted together: a trend alone would take its part of an unfinished year.
    """
    flat = values.reshape(len(values), -1)
    design = _design(times[known])
    coefficients, *_ = np.linalg.lstsq(design.T @ design, design.T @ flat[known], rcond=None)
    if not treatment.anomalies:  # the trend alone: the level stays
        coefficients[:-1] = 0
        coefficients[0] = -coefficients[-1] * design[:, -1].mean()
    elif not treatment.detrend:
        coefficients[0] += coefficients[-1] * design[:, -1].mean()
        coefficients[-1] = 0

    def removed(at: np.ndarray) -> np.ndarray:
        return (_design(at) @ coefficients).astype(np.float32)

    return removed


def _design(times: np.ndarray, harmonics: int = HARMONICS, *, trend: bool = True) -> np.ndarray:
    """Return columns of ones, of cosines and sines of the year, and of decades."""
    years = (times - np.datetime64("2000-01-01", "ns")) / np.timedelta64(1, "D") / DAYS
    angle = 2 * np.pi * years[:, None] * np.arange(1, harmonics + 1)
    columns = [np.ones((len(times), 1)), np.cos(angle), np.sin(angle)]
    return np.concatenate([*columns, years[:, None] / 10] if trend else columns, axis=1)


def annual_cycle(
    values: np.ndarray, times: np.ndarray, harmonics: int = HARMONICS
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit mean and annual cycle of each column by least squares.

    Parameters
    ----------
    values : array of shape (n, n_values)
    times : vector of datetime64, shape (n,)
    harmonics : int, default=2

    Returns
    -------
    callable
        From times to the cycle there, of shape (number of times, n_values), float32.
    """
    design = _design(times, harmonics, trend=False)
    coefficients, *_ = np.linalg.lstsq(design, values, rcond=None)

    def cycle(at: np.ndarray) -> np.ndarray:
        return (_design(at, harmonics, trend=False) @ coefficients).astype(np.float32)

    return cycle


def area_weights(grid: Grid) -> np.ndarray:
    """Return the root of the area of each cell, of shape (ny, nx); the mean area is 1.

    On a box it is the root of the cosine of the latitude, but for a factor.
    """
    (a, b), (c, d) = grid.per_metre()
    area = 1 / np.abs(a * d - b * c)
    return np.sqrt(area / area.mean())


def coarse_grid(grid: Grid, factor: int) -> Grid:
    """Return the grid whose cells are blocks of so many by so many cells.

    Raises
    ------
    LatentbookError
        If blocks of that size do not fill the grid.
    """
    ny, nx = grid.shape
    if ny % factor or nx % factor:
        raise LatentbookError(
            f"blocks of {factor} x {factor} do not fill a grid of {ny} x {nx} cells: choose a "
            "divisor of both sides"
        )
    if factor == 1:
        return grid
    x, y = (axis.reshape(-1, factor).mean(axis=1) for axis in (grid.x, grid.y))
    return replace(grid, x=x, y=y)
