"""One source of weather on one grid, cut into windows: the data set of chapters 05 and 06.

`open_weather` reads a source, brings it to the grid and splits the windows in time.
Codes of the windows are made by `codes`, clusters of the codes by `patterns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook.errors import LatentbookError, check_between, choose
from latentbook.weather.grid import EUROPE, Grid, box
from latentbook.weather.windows import Windows, windows

if TYPE_CHECKING:
    import xarray as xr

#: Windows up to which `Weather.points` rotates them; the cost grows with the cube.
ROTATED = 5000


@dataclass(frozen=True, eq=False)
class Weather:
    """One source of weather on one grid, cut into windows.

    Attributes
    ----------
    name, title : str
        Of the source.
    grid : Grid
    fields : xarray.Dataset
        Dims (time, level, y, x).
    levels : tuple of float
        In hPa; the first is the main one.
    length, step : int
        Number of fields in a window, and from the start of one window to the start of the next.
    train_share : float
        Share of the windows, from the first on, that are for training.
    """

    name: str
    title: str
    grid: Grid
    fields: xr.Dataset = field(repr=False)
    levels: tuple[float, ...]
    length: int
    step: int
    train_share: float

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.times)

    @cached_property
    def heights(self) -> Windows:
        """Windows of the heights of all levels, scaled to [0, 1] by the training windows."""
        return self._scaled(list(self.levels))

    @cached_property
    def main(self) -> Windows:
        """Windows of the heights of the main level alone, scaled likewise."""
        return self.heights if len(self.levels) == 1 else self._scaled([self.levels[0]])

    def _scaled(self, levels: list[float]) -> Windows:
        cut = windows(self.fields["z"].sel(level=levels), self.length, self.step)
        return cut.scaled(cut.subset(_first(len(cut), self.train_share)))

    @property
    def times(self) -> np.ndarray:
        """Start of every window."""
        return self.main.times

    @cached_property
    def training(self) -> np.ndarray:
        """Which windows are for training."""
        return _first(len(self), self.train_share)

    @cached_property
    def testing(self) -> np.ndarray:
        """Which windows are for testing: those that share no field with a training window."""
        last = self.main.starts[self.training].max() + self.length
        return self.main.starts >= last

    @cached_property
    def points(self) -> np.ndarray:
        """All windows of the main level as points, (n_windows, n_features), centred.

        If there are fewer windows than values in a window, the points are given in coordinates of
        the space that they span. Distances stay the same, and everything computed from them
        costs many times less.
        """
        flat = self.main[:].reshape(len(self), -1)
        flat -= flat.mean(axis=0)
        if len(flat) > min(ROTATED, flat.shape[1]):
            return flat
        values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
        return (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)[:, ::-1]

    @property
    def sha256(self) -> str:
        """Digest of the windows of all levels, with their scaling."""
        return self.heights.digest

    @property
    def extent(self) -> str:
        """First and last day of the fields, such as ``2000-01-01 to 2010-12-31``."""
        first, last = self.fields["time"].values[[0, -1]].astype("datetime64[D]")
        return f"{first} to {last}"

    @property
    def params(self) -> dict[str, Any]:
        """How the windows were cut from their source, as the records spell it."""
        return {
            "levels": " ".join(f"{level:g}" for level in self.levels),
            "grid": self.grid.name,
            "length": self.length,
            "step": self.step,
            "train_share": self.train_share,
        }


def _first(n: int, share: float) -> np.ndarray:
    return np.arange(n) < round(n * share)


def open_weather(
    source: str,
    *,
    levels: Sequence[float],
    domain: str = "europe",
    period: tuple[str, str] | None = None,
    window_days: float = 2,
    overlap_days: float = 1,
    train_share: float = 0.5,
    winds: bool = False,
) -> Weather:
    """Open a source, bring it to a grid and cut it into windows.

    Parameters
    ----------
    source
        Registered name, path or address, as `weather.sources.open` takes it.
    levels : sequence of float
        Pressure levels in hPa, the main one first.
    domain : str, default="europe"
        ``europe``: the study's 64 x 64 cells; ``data``: 64 x 64 cells in the box that the data
        cover.
    period : pair of str, optional
        First and last date, both included; all times by default.
    window_days, overlap_days : float, default=2 and 1
        Length of a window, and the time that two successive windows share; as in the thesis.
    train_share : float, default=0.5
        Share of the windows, from the first on, that everything is fitted on.
    winds : bool, default=False
        Whether the fields keep the winds u and v too, or, where the source has none, what
        geostrophic winds are made of: pressure at sea level beside the heights.

    Returns
    -------
    Weather

    Raises
    ------
    LatentbookError
        For a variable or level that the source lacks, a domain that it does not cover, and
        windows that are shorter than a time step or do not advance.

    Examples
    --------
    >>> weather = open_weather("weather-sample", levels=[700])
    weather-sample: 1 gap in 712 times 6 h apart; no window spans one
    >>> weather.main.shape[1:]
    (8, 64, 64, 1)
    """
    from latentbook.weather import sources, store
    from latentbook.weather.sources.opening import held

    choose("domain", domain, ("europe", "data"))
    check_between("train_share", train_share, 0.05, 0.95)
    variables = _carriers(held(source)) if winds else ("z",)
    opened = sources.open(source, variables, levels, period=period)
    grid = EUROPE if domain == "europe" else _box_of(opened)
    fields = store.open_store(store.prepare(opened, grid))
    hours = float(np.median(np.diff(fields["time"].values)) / np.timedelta64(1, "h"))
    length = round(window_days * 24 / hours)
    step = length - round(overlap_days * 24 / hours)
    if length < 1 or step < 1:
        raise LatentbookError(
            f"windows of {window_days:g} days that overlap by {overlap_days:g} days do not fit "
            f"fields {hours:g} hours apart: make them longer, or the overlap shorter"
        )
    return Weather(
        name=opened.attrs["name"],
        title=opened.attrs["title"],
        grid=grid,
        fields=fields,
        levels=tuple(levels),
        length=length,
        step=step,
        train_share=train_share,
    )


def _carriers(held: Sequence[str]) -> tuple[str, ...]:
    """Return the variables that a release needs: winds, or heights and pressure without winds."""
    if "u" in held and "v" in held:
        return ("z", "u", "v")
    return ("z", "msl") if "msl" in held else ("z",)


def _box_of(data: xr.Dataset) -> Grid:
    """Return 64 x 64 cells whose centres span the points of `data`."""
    edges = []
    for name in ("longitude", "latitude"):
        low, high = float(data[name].min()), float(data[name].max())
        half = (high - low) / 63 / 2
        edges += [low - half, high + half]
    return box((edges[0], edges[1], edges[2], edges[3]))
