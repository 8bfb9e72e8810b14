"""One source of weather on one grid, cut into windows: the data set of chapters 05 and 06.

`open_weather` reads a source, brings it to the grid and splits the windows in time.
Codes of the windows are made by `codes`, clusters of the codes by `patterns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import metrics, sampling
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.weather.grid import EUROPE, Grid, box_over
from latentbook.weather.sources import times
from latentbook.weather.windows import Windows, windows

if TYPE_CHECKING:
    import xarray as xr

#: Windows up to which `Weather.points` rotates them; the cost grows with the cube.
ROTATED = 5000
#: Of more windows, so many fields give the directions that all fields are described in, and this
#: share of the variance of all fields may at most lie outside them.
DIRECTIONS, LOST = 1500, 1e-5


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
    test_period : pair of str, optional
        The windows wholly in it are for testing, and those wholly outside it for training;
        `train_share` is then not looked at.
    chosen : dict
        What was taken of the source, as the records spell it: ``period``, ``every``, ``select``.
    treated : mapping, optional
        What was done to the fields before, as the records spell it; see `treatment`.
    """

    name: str
    title: str
    grid: Grid
    fields: xr.Dataset = field(repr=False)
    levels: tuple[float, ...]
    length: int
    step: int
    train_share: float
    test_period: tuple[str, str] | None = None
    chosen: dict[str, Any] = field(default_factory=dict)
    treated: Mapping[str, Any] = field(default_factory=dict)

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
        return cut.scaled(cut.subset(self._split(cut)[0]))

    def _split(self, cut: Windows) -> tuple[np.ndarray, np.ndarray]:
        """Say which windows are for training and which for testing; some may be for neither."""
        if self.test_period is None:
            training = np.arange(len(cut)) < round(len(cut) * self.train_share)
            return training, cut.starts >= cut.starts[training].max() + cut.length
        inside = times.within(cut.frame_times, self.test_period, f"{self.name}, to test on,")
        before, after = cut.starts + cut.length <= inside.start, cut.starts >= inside.stop
        testing = (cut.starts >= inside.start) & (cut.starts + cut.length <= inside.stop)
        first, last = self.test_period
        for mask, words in ((testing, "inside"), (before | after, "outside")):
            if not mask.any():
                raise LatentbookError(
                    f"no window of {self.name} lies wholly {words} the test period {first} to "
                    f"{last}: choose another"
                )
        return before | after, testing

    @property
    def times(self) -> np.ndarray:
        """Start of every window."""
        return self.main.times

    @cached_property
    def training(self) -> np.ndarray:
        """Which windows are for training."""
        return self._split(self.main)[0]

    @cached_property
    def testing(self) -> np.ndarray:
        """Which windows are for testing: those that share no field with a training window."""
        return self._split(self.main)[1]

    @cached_property
    def points(self) -> np.ndarray:
        """All windows of the main level as points, (n_windows, n_features), centred.

        If there are fewer windows than values in a window, the points are given in coordinates of
        the space that they span. Of many windows, every field is given in the directions that the
        fields span, if these are few: those of a coarse source are. Distances stay the same (but
        for `LOST`), and everything computed from them costs many times less.
        """
        if len(self) > min(ROTATED, int(np.prod(self.main.shape[1:]))):
            narrow = _in_directions(self.main)
            if narrow is not None:
                return narrow
        flat = self.main[:].reshape(len(self), -1)
        flat -= flat.mean(axis=0)
        if len(flat) > min(ROTATED, flat.shape[1]):
            return flat
        values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
        return (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)[:, ::-1]

    def distances(self, at_most: int) -> np.ndarray:
        """Return the distances of all pairs among a `sampling.subsample` of the points.

        They are kept: every representation is compared with the fields, in the same windows.
        """
        if at_most not in self._distances:
            rows = sampling.subsample(len(self), at_most)
            self._distances[at_most] = metrics.distances(self.points[rows])
        return self._distances[at_most]

    @cached_property
    def _distances(self) -> dict[int, np.ndarray]:
        return {}

    @property
    def sha256(self) -> str:
        """Digest of the windows of all levels, with their scaling."""
        return self.heights.digest

    @property
    def whole(self) -> bool:
        """Whether all of the source was taken, and split at one point of time."""
        return not self.chosen and self.test_period is None

    @property
    def extent(self) -> str:
        """First and last day of the fields, such as ``2000-01-01 to 2010-12-31``."""
        first, last = self.fields["time"].values[[0, -1]].astype("datetime64[D]")
        return f"{first} to {last}"

    @property
    def params(self) -> dict[str, Any]:
        """How the windows were cut from their source, as the records spell it."""
        split: dict[str, Any] = {"train_share": self.train_share}
        if self.test_period is not None:
            split = {"test_period": " ".join(self.test_period)}
        return {
            "levels": " ".join(f"{level:g}" for level in self.levels),
            "grid": self.grid.name,
            "length": self.length,
            "step": self.step,
            **split,
            **self.chosen,
            **self.treated,
        }


def _in_directions(cut: Windows) -> np.ndarray | None:
    """Return windows as centred points whose fields are given in the directions they span.

    None if the directions are more than half the cells, or leave out more than `LOST` of the
    variance of all fields.
    """
    shown = np.unique((cut.starts[:, None] + np.arange(cut.length)).ravel())
    sample = shown[np.linspace(0, len(shown) - 1, min(DIRECTIONS, len(shown))).astype(int)]
    fields = cut.frames[sample].reshape(len(sample), -1).astype(np.float64)
    centre = fields.mean(axis=0)
    fields -= centre
    values, vectors = np.linalg.eigh(fields @ fields.T)
    # the weakest directions, a tenth of what may be lost, are left out
    kept = np.cumsum(values) > LOST / 10 * values.sum()
    if kept.sum() > fields.shape[1] / 2:
        return None
    basis = np.linalg.qr(fields.T @ vectors[:, kept])[0].astype(np.float32)
    centre = centre.astype(np.float32)
    coordinates = np.empty((len(cut.frames), basis.shape[1]), np.float32)
    everything = outside = 0.0
    for start in range(0, len(cut.frames), len(sample)):
        block = cut.frames[start : start + len(sample)].reshape(-1, len(basis)) - centre
        found = block @ basis
        coordinates[start : start + len(sample)] = found
        total = float(np.einsum("ij,ij->", block, block, dtype=np.float64))
        everything += total
        block -= found @ basis.T
        outside += float(np.einsum("ij,ij->", block, block, dtype=np.float64))
    if outside > LOST * everything:
        return None
    points = coordinates[cut.starts[:, None] + np.arange(cut.length)].reshape(len(cut), -1)
    if cut.low is not None and cut.high is not None:
        points /= cut.high[0] - cut.low[0]
    points -= points.mean(axis=0)
    return points


def open_weather(
    source: str,
    *,
    levels: Sequence[float],
    domain: str = "europe",
    period: tuple[str, str] | None = None,
    every: int = 0,
    select: str = "",
    window_days: float = 2,
    overlap_days: float = 1,
    train_share: float = 0.5,
    test_period: tuple[str, str] | None = None,
    winds: bool = False,
) -> Weather:
    """Open a source, bring it to a grid and cut it into windows.

    Parameters
    ----------
    source
        Registered name, path or address, as `weather.sources.open` takes it, or a store that
        `weather.store.prepare` wrote.
    levels : sequence of float
        Pressure levels in hPa, the main one first.
    domain : str, default="europe"
        ``europe``: the study's 64 x 64 cells; ``data``: 64 x 64 cells in the box that the data
        cover, or the grid of a store.
    period : pair of str, optional
        First and last date, both included; all times by default.
    every : int, default=0
        Keep only the times at whole multiples of this many hours after midnight UTC; 0 keeps all.
    select : str, default=""
        Entries of further axes, as ``number=0``; ``number=mean`` takes the mean of an ensemble.
    window_days, overlap_days : float, default=2 and 1
        Length of a window, and the time that two successive windows share; as in the thesis.
    train_share : float, default=0.5
        Share of the windows, from the first on, that everything is fitted on.
    test_period : pair of str, optional
        First and last date to test on, instead of the last share: everything is fitted on the
        windows before and after it. Windows that straddle an end of it are not used.
    winds : bool, default=False
        Whether the fields keep the winds u and v too, or, where the source has none, what
        geostrophic winds are made of: pressure at sea level beside the heights.

    Returns
    -------
    Weather

    Raises
    ------
    LatentbookError
        For a variable or level that the source lacks, a domain that it does not cover, windows
        that are shorter than a time step or do not advance, and a test period without windows.

    Examples
    --------
    >>> weather = open_weather("weather-sample", levels=[700])
    weather-sample: 1 gap in 712 times 6 h apart; no window spans one
    >>> weather.main.shape[1:]
    (8, 64, 64, 1)
    """
    choose("domain", domain, ("europe", "data"))
    check_between("train_share", train_share, 0.05, 0.95)
    fields, grid = _on_a_map(source, levels, domain, period, every, select, winds)
    axis = fields["time"].values
    name = str(fields.attrs["name"])
    if len(axis) < 2:
        raise LatentbookError(
            f"{name} has a single time, {times.text(axis[0])}, but a window needs several fields: "
            "take a file or a period with more"
        )
    hours = float(times.usual_step(axis) / np.timedelta64(1, "h"))
    length = round(window_days * 24 / hours)
    step = length - round(overlap_days * 24 / hours)
    if length < 1 or step < 1:
        raise LatentbookError(
            f"windows of {window_days:g} days that overlap by {overlap_days:g} days do not fit "
            f"fields {hours:g} hours apart: make them longer, or the overlap shorter"
        )
    chosen = {"period": " ".join(period or ()), "every": every, "select": select}
    weather = Weather(
        name=name,
        title=str(fields.attrs["title"]),
        grid=grid,
        fields=fields,
        levels=tuple(levels),
        length=length,
        step=step,
        train_share=train_share,
        test_period=test_period,
        chosen={key: value for key, value in chosen.items() if value},
    )
    if test_period is not None:
        weather.training  # noqa: B018 (a period without windows is refused now)
    return weather


def _on_a_map(
    source: str,
    levels: Sequence[float],
    domain: str,
    period: tuple[str, str] | None,
    every: int,
    select: str,
    winds: bool,
) -> tuple[xr.Dataset, Grid]:
    """Return the fields of a source on its grid, from a store."""
    from latentbook.weather import sources, store
    from latentbook.weather.sources import axes, opening

    if not store.is_store(source):
        held = opening.held(source)[0] if winds else []
        variables = _carriers(held) if winds else ("z",)
        chosen = axes.selection(select)
        opened = sources.open(source, variables, levels, period=period, select=chosen)
        grid = EUROPE if domain == "europe" else box_over(opened)
        return store.regridded(opened, grid, every=every or None), grid
    path = Path(source).expanduser()
    there = set(store.open_store(path))
    variables = _carriers([str(name) for name in there]) if winds else ("z",)
    fields = store.part_of(path, variables, levels, period, every=every or None)
    grid = store.grid_of(fields)
    if domain == "europe" and grid is not EUROPE:
        raise LatentbookError(
            f"the store {path} is on a grid of its own, {grid.name}: set domain to 'data', or "
            "prepare one without --grid"
        )
    if select:
        raise LatentbookError(
            f"the store {path} has no further dimensions to select from: leave select empty"
        )
    return fields, grid


def _carriers(held: Sequence[str]) -> tuple[str, ...]:
    """Return the variables that a release needs: winds, or heights and pressure without winds."""
    if "u" in held and "v" in held:
        return ("z", "u", "v")
    return ("z", "msl") if "msl" in held else ("z",)
