"""The axes of gridded weather, found by what they say of themselves or by their names.

The CF conventions name an axis by its attributes (``standard_name``, ``units``); files without
them use one of a few names.
Further axes, such as the members of an ensemble, are named, and one of their entries is chosen.

References
----------
- Brian Eaton and others. NetCDF Climate and Forecast (CF) metadata conventions.
  https://cfconventions.org
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from latentbook.errors import LatentbookError
from latentbook.weather.sources.reading import chunked

if TYPE_CHECKING:
    import xarray as xr

#: Our names of the axes -> other names, those that are preferred first.
NAMES = {
    "time": ("valid_time", "time"),
    "level": (
        "level",
        "pressure_level",
        "isobaricInhPa",
        "plev",
        "lev",
        "pressure",
        "isobaricInPa",
        "isobaric",
    ),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon"),
}
_STANDARD = {name: "air_pressure" if name == "level" else name for name in NAMES}
_UNITS = {
    "latitude": re.compile(r"degrees?_?n(orth)?", re.IGNORECASE),
    "longitude": re.compile(r"degrees?_?e(ast)?", re.IGNORECASE),
}
#: What stands for the mean over an axis in a selection.
MEAN = "mean"

#: Further axes -> the entry that is chosen, or `MEAN`.
Selection = Mapping[str, str]

_PAIR = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*=\s*([^\s=,]+)\s*")


def selection(text: str) -> dict[str, str]:
    """Return what ``number=0, step=12h`` chooses: axis -> entry, or ``mean``.

    Raises
    ------
    LatentbookError
        If the text is not of this form, or names an axis twice.

    Examples
    --------
    >>> selection("number=mean, step=12h")
    {'number': 'mean', 'step': '12h'}
    """
    pairs = [_PAIR.fullmatch(part) for part in text.split(",")] if text.strip() else []
    chosen = {pair[1]: pair[2] for pair in pairs if pair}
    if len(chosen) < len(pairs):
        raise LatentbookError(
            f"select is {text!r}, but must choose an entry of each further dimension once, as "
            "'number=0' or 'number=mean, step=12h', or be empty"
        )
    return chosen


def with_axes(data: xr.Dataset, what: str, select: Selection | None = None) -> xr.Dataset:
    """Return `data`, as xarray opens it, with our names for time, latitude and longitude.

    The time is the one for which a field holds: of a forecast not the time of its start.

    Raises
    ------
    LatentbookError
        If an axis is missing, or is a curved one, and for a selection that does not fit.
    """
    chosen = dict(select or {})
    means = [name for name, entry in chosen.items() if entry == MEAN]
    for name, entry in chosen.items():
        if name not in data.dims:
            raise LatentbookError(
                f"{what} has no dimension {name} to select from: it has {listed(data.dims)}"
            )
        if entry != MEAN:
            data = data.isel({name: _position(data, name, entry, what)}, drop=True)
    data = _on_real_days(_dated(data, what), what)
    for ours in ("latitude", "longitude"):
        data = _horizontal(data, ours, what)
    for name in means:
        if name in data.dims:  # before, so that no more than a chunk is ever held
            data = data.map(chunked, keep_attrs=True).mean(name, keep_attrs=True)
    return _newest(data)


def own(field: xr.DataArray, what: str) -> xr.DataArray:
    """Return a variable with its level axis named so, and without axes of length one.

    Raises
    ------
    LatentbookError
        If it has a further axis with more than one entry; the message names it and its entries.
    """
    level = level_of(field)
    if level is not None and level != "level":
        field = field.drop_vars("level", errors="ignore").rename({level: "level"})
    further = [name for name in field.dims if name not in NAMES]
    for name in further:
        if field.sizes[name] > 1:
            entries = field[name].values if name in field.coords else range(field.sizes[name])
            words = [_word(entry) for entry in entries]
            raise LatentbookError(
                f"{field.name} in {what} has the further dimension {name} ({listed(words)}): "
                f'choose one, as select "{name}={words[0]}", or their mean, as "{name}={MEAN}"'
            )
    return field.squeeze(further, drop=True)


def listed(names: Any) -> str:
    """Return up to twenty names or numbers in words."""
    words = [f"{name:g}" if isinstance(name, float) else str(name) for name in names]
    more = f" and {len(words) - 20} more" if len(words) > 20 else ""
    return (", ".join(words[:20]) or "nothing") + more


def west_and_east(longitude: np.ndarray) -> tuple[float, float]:
    """Return the outermost of longitudes in [-180, 180), the west after their largest gap.

    Of a whole circle they are the smallest and the largest.
    """
    values = np.unique(np.round(longitude, 6))
    gaps = np.diff(values, append=values[0] + 360)
    widest = int(gaps.argmax())
    if widest == len(values) - 1 or gaps[widest] < 1.5 * np.median(gaps):
        return float(values[0]), float(values[-1])
    return float(values[widest + 1]), float(values[widest])


# ---------------------------------------------------------------- one axis


def _position(data: xr.Dataset, name: str, entry: str, what: str) -> int:
    """Return where `entry` is on the axis `name`; an axis without values is counted from 0."""
    values = data[name].values if name in data.coords else np.arange(data.sizes[name])
    words = [_word(value) for value in values]
    try:
        if values.dtype.kind == "m":
            found = np.flatnonzero(values == pd.Timedelta(entry).to_numpy())
        elif values.dtype.kind in "iuf":
            found = np.flatnonzero(np.isclose(values.astype(float), float(entry)))
        else:
            found = np.flatnonzero(np.array(words) == entry)
    except ValueError:
        found = np.array([], int)
    if not len(found):
        raise LatentbookError(
            f"{what} has no {name} {entry}: choose one of {listed(words)}, or {MEAN}"
        )
    return int(found[0])


def _word(entry: Any) -> str:
    """Return an entry of an axis as a selection writes it."""
    if isinstance(entry, np.timedelta64):
        return f"{entry / np.timedelta64(1, 'h'):g}h"
    return f"{entry:g}" if isinstance(entry, float | np.floating) else str(entry)


def _candidates(data: xr.Dataset | xr.DataArray, ours: str) -> list[Any]:
    """Return the coordinates that may be an axis, by attributes first and then by name."""
    said = [
        name
        for name, coordinate in data.coords.items()
        if coordinate.attrs.get("standard_name") == _STANDARD[ours]
        or (ours in _UNITS and _UNITS[ours].fullmatch(str(coordinate.attrs.get("units", ""))))
    ]
    said.sort(key=lambda name: NAMES[ours].index(name) if name in NAMES[ours] else -1)
    # a field called ``pressure`` is not the level axis
    places = data.variables if hasattr(data, "data_vars") else data.coords
    return list(dict.fromkeys([*said, *(name for name in NAMES[ours] if name in places)]))


def _dated(data: xr.Dataset, what: str) -> xr.Dataset:
    """Return `data` with the axis `time`: the time for which each field holds."""
    there = [name for name in _candidates(data, "time") if _is_time(data[name])]
    if not there:
        raise LatentbookError(f"{what} has no time: it holds the coordinates {listed(data.coords)}")
    # of a forecast the valid time may lie along its start or its lead time
    axes = {name: data[name].squeeze(drop=True) for name in there}
    chosen = next(
        (
            name
            for test in (_has_steps, _has_length, lambda axis: True)
            for name, axis in axes.items()
            if test(axis)
        ),
        there[0],
    )
    axis = axes[chosen]
    if axis.ndim > 1:
        further = next(str(name) for name in axis.dims if name not in there)
        entries = [_word(value) for value in data[further].values]
        raise LatentbookError(
            f"{what} has the further dimension {further} ({listed(entries)}): choose one, as "
            f'select "{further}={entries[0]}"'
        )
    along = axis.dims[0] if axis.ndim else None
    if along is None and data[chosen].ndim:
        along = data[chosen].dims[0]
        axis = data[chosen].reset_coords(drop=True)
    attributes, encoding, values = data[chosen].attrs, data[chosen].encoding, axis.values
    data = data.drop_vars([name for name in there if name in data.variables])
    if along is None:
        data = data.assign_coords(time=values).expand_dims("time")
    else:
        if along != "time":
            data = data.drop_vars(along, errors="ignore").rename({along: "time"})
        data = data.assign_coords(time=("time", np.atleast_1d(values)))
    data["time"].attrs.update(attributes)
    data["time"].encoding.update(encoding)
    return data


def _is_time(coordinate: xr.DataArray) -> bool:
    """Leave out lead times: cfgrib calls them ``step``, others ``time`` in hours."""
    return coordinate.dtype.kind != "m"


def _has_steps(axis: xr.DataArray) -> bool:
    return bool(axis.ndim == 1 and axis.size > 1)


def _has_length(axis: xr.DataArray) -> bool:
    return bool(axis.ndim > 1)


def _horizontal(data: xr.Dataset, ours: str, what: str) -> xr.Dataset:
    """Return `data` with the axis latitude or longitude under our name."""
    there = _candidates(data, ours)
    chosen = next((name for name in there if name in data.dims), there[0] if there else None)
    if chosen is None:
        raise LatentbookError(
            f"{what} has no {ours}: it holds the coordinates {listed(data.coords)}"
        )
    data = data.drop_vars([name for name in there if name != chosen])
    data = data if chosen == ours else data.rename({chosen: ours})
    if data[ours].ndim > 1:
        raise LatentbookError(
            f"the {ours} of {what} has the dimensions {data[ours].dims}: bring the fields to "
            "a latitude-longitude grid first"
        )
    if data[ours].ndim == 1 and data[ours].dims != (ours,):
        data = data.swap_dims({data[ours].dims[0]: ours})
    return data if data[ours].ndim else data.expand_dims(ours)


def level_of(field: xr.DataArray) -> Any:
    """Return the coordinate of a field that is its level, None without one."""
    there = _candidates(field, "level")
    along = [name for name in there if name in field.dims]
    along += [
        name for name in field.dims if name in field.coords and field[name].attrs.get("axis") == "Z"
    ]
    return next(iter([*along, *there]), None)


def _on_real_days(data: xr.Dataset, what: str) -> xr.Dataset:
    """Return `data` with times of our calendar; days that it does not have are left out."""
    times = data["time"]
    if times.dtype.kind == "M":
        return data
    calendar = getattr(times.values.flat[0], "calendar", None)
    if calendar is None:
        units = times.attrs.get("units", "not stated")
        raise LatentbookError(
            f"the times of {what} (calendar {times.attrs.get('calendar', 'not stated')}, units "
            f"{units!r}) are no dates: convert them first"
        )
    converted = data.convert_calendar("standard", dim="time", use_cftime=False, align_on="date")
    print(
        f"{what}: {times.size - converted.sizes['time']:,} of {times.size:,} times of the calendar "
        f"{calendar} are no dates of ours and left out"
    )
    return converted


def _newest(data: xr.Dataset) -> xr.Dataset:
    """Return ERA5 with its preliminary months (experiment 5) filled in after the final ones."""
    if "expver" not in data.dims:
        return data
    data = data.map(chunked)
    parts = [data.isel(expver=i, drop=True) for i in range(data.sizes["expver"])]
    result = parts[0]
    for part in parts[1:]:
        result = result.fillna(part)
    return result
