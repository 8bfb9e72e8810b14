"""Two sources of the same simulated weather as one: training windows of one, test windows of other.

Dates of a simulation are nominal, so that the second series may be told to come later. Between the
two lies a gap, which no window crosses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latentbook.errors import LatentbookError, check_between
from latentbook.weather.dataset import Weather
from latentbook.weather.windows import windows

#: Whole cycles of leap years, by which dates are moved.
CYCLE = 4


def join(
    training: Weather, testing: Weather, *, name: str = "", years: float | None = None
) -> Weather:
    """Return weather whose training windows are those of one source, its test windows of another.

    Parameters
    ----------
    training, testing : Weather
        On the same grid and levels, with windows of the same length and step.
    name : str, optional
        Of the two together; ``<training>+<testing>`` by default.
    years : float, optional
        Of `training`, from the first on; None takes all.

    Returns
    -------
    Weather
        The dates of `testing` are moved by whole cycles of
        leap years, so that they come after.

    Raises
    ------
    LatentbookError
        If the two do not fit together, or fewer years are asked for than a window needs.

    Notes
    -----
    Years are counted by fields, so that gaps between runs cost none.
    """
    import xarray as xr

    for what in ("levels", "length", "step"):
        one, other = getattr(training, what), getattr(testing, what)
        if one != other:
            raise LatentbookError(
                f"{training.name} has {what} {one}, but {testing.name} has {other}: open both with "
                "the same settings"
            )
    if training.grid.shape != testing.grid.shape:
        raise LatentbookError(
            f"{training.name} has {training.grid.shape} cells, but {testing.name} has "
            f"{testing.grid.shape}: open both on the same domain"
        )
    first, second = training.fields[["z"]], testing.fields[["z"]]
    if years is not None:
        step = np.median(np.diff(first["time"].values)) / np.timedelta64(1, "D")
        count = round(years * 365.25 / step)
        check_between("years of training", count, training.length, first.sizes["time"])
        first = first.isel(time=slice(count))
    start, end = second["time"].values[0], first["time"].values[-1]
    passed = (end - start) / np.timedelta64(1, "D") / 365.25
    cycles = max(0, int(np.ceil((passed + 1) / CYCLE)))
    moved = cycles * np.timedelta64(365 * CYCLE + 1, "D")
    later = second.assign_coords(time=second["time"].values + moved)
    both = xr.concat([first, later], "time", join="override").assign_attrs(moved=moved)
    n = len(windows(first["z"], training.length, training.step))
    total = n + len(windows(later["z"], training.length, training.step))
    return replace(
        training,
        name=name or f"{training.name}+{testing.name}",
        title=f"{training.title}; tested on: {testing.title}",
        fields=both,
        train_share=n / total,
        treated={**training.treated, **({} if years is None else {"years": years})},
    )


def moved(weather: Weather) -> np.timedelta64:
    """Return by how much `join` moved the dates of the test windows; nothing for other weather."""
    return weather.fields.attrs.get("moved", np.timedelta64(0, "D"))
