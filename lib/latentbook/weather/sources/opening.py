"""`open`: from a name, a path or an address to checked weather data in the one form."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook.errors import LatentbookError, choose
from latentbook.weather.sources import reading, registered, times
from latentbook.weather.sources.axes import Selection, listed, with_axes
from latentbook.weather.sources.spelling import (
    QUANTITIES,
    at_levels,
    bounds,
    canonical,
    check_possible,
    extent,
    holds,
)

if TYPE_CHECKING:
    import xarray as xr

#: A region (west, east, south, north) in degrees; over the date line west is larger than east.
Region = tuple[float, float, float, float]

_SIMULATED = ("simulat", "climate model", "synthetic", "free-running")


def open(
    source: reading.Source,
    variables: Sequence[str] = ("z",),
    levels: Sequence[float] | None = None,
    region: Region | None = None,
    period: times.Period | None = None,
    select: Selection | None = None,
) -> xr.Dataset:
    """Open gridded weather of any common spelling, lazily.

    Parameters
    ----------
    source
        A registered name (`NAMES`), a path of netCDF, GRIB (with the package cfgrib) or Zarr, a
        pattern or list of such paths, or the address of a public Zarr store (``gs://`` with
        gcsfs).
    variables
        Of ``z``, ``u``, ``v``, ``t`` and ``msl``.
    levels
        In hPa; None takes all.
    region
        Grid points inside (west, east, south, north); None takes all.
    period
        First and last date, both included, as ``("1994", "1995")``; None takes all.
    select
        Which entry of each further axis, as ``{"number": "0"}`` for one member of an ensemble;
        ``"mean"`` takes the mean over it.

    Returns
    -------
    Dataset
        Dims (time, level, latitude, longitude), float32, chunked along time with dask.
        Attributes: ``name``, ``title``, ``simulated`` (``true`` or ``false``), ``step`` (the usual
        time step), ``gaps`` (how often it is broken) and ``digest`` (of what was opened).

    Raises
    ------
    LatentbookError
        For a name or file that is not there, not readable or needs a package, a variable, level
        or unit that is missing or not understood, a further axis of which nothing is selected,
        values that contradict their unit, times that do not ascend, and a region or period
        without data.
    """
    data = opened(source, variables, levels, region, period, select)
    if gaps := data.attrs["gaps"]:
        print(
            f"{data.attrs['name']}: {gaps} gap{'s' if gaps > 1 else ''} in "
            f"{data.sizes['time']:,} times {data.attrs['step']} apart; no window spans one"
        )
    return data


def opened(
    source: reading.Source,
    variables: Sequence[str],
    levels: Sequence[float] | None = None,
    region: Region | None = None,
    period: times.Period | None = None,
    select: Selection | None = None,
    *,
    levelled: bool = True,
) -> xr.Dataset:
    """Do what `open` does, without a word about gaps.

    Without `levelled`, a variable may have no level.
    """
    for variable in variables:
        choose("variable", variable, QUANTITIES)
    name, paths = _resolve(source)
    raw = [with_axes(reading.read(path), path, select) for path in paths]
    attributes = raw[0].attrs
    if len(raw) == 1:  # before anything is chunked: a cloud store has a million times
        raw = [_in_time(raw[0], attributes, period, name)]
    only = levels[0] if levels is not None and len(levels) == 1 else None
    parts = [
        canonical(one, variables, only, path, levelled=levelled)
        for one, path in zip(raw, paths, strict=True)
    ]
    fields = {
        variable: _combined([part[variable] for part in parts if variable in part], name)
        for variable in variables
        if any(variable in part for part in parts)
    }
    _check_complete(fields, variables, name, raw[0])
    data = _inside(_merged(at_levels(fields, levels, name), name), region, name)
    data = _in_time(data, {}, period, name)
    if not any("://" in path for path in paths):
        for key, field in data.isel(time=0).data_vars.items():
            at = field["level"].values if "level" in field.dims else None
            check_possible(str(key), field.values, *bounds(str(key), at), name)
    return data.assign_attrs(
        _attributes(data, name, attributes) | {"digest": digest(paths, select)}
    )


def held(source: reading.Source) -> tuple[list[str], list[str]]:
    """Return which of `QUANTITIES` a source holds, and the names of all that is in it."""
    found: dict[str, None] = {}
    names: dict[str, None] = {}
    for path in _resolve(source)[1]:
        raw = reading.read(path)
        names |= dict.fromkeys(map(str, raw.data_vars))
        found |= dict.fromkeys(key for key in QUANTITIES if holds(raw, key))
    return [key for key in QUANTITIES if key in found], list(names)


def _resolve(source: reading.Source) -> tuple[str, list[str]]:
    """Return a short name and the paths of `source`."""
    if isinstance(source, str) and source.startswith("weather-") and not Path(source).exists():
        return source, [str(registered.locate(registered.entry(source)))]
    paths = reading.expand(source)
    stem = Path(paths[0].rstrip("/")).stem
    return (stem if len(paths) == 1 else f"{stem} and {len(paths) - 1} more"), paths


def digest(paths: list[str], select: Selection | None = None) -> str:
    """Return a digest of the names, sizes and ages of the files, and of the entries chosen.

    Variables, levels and times are axes of what was opened, and no part of it.
    """
    files = [(path if "://" in path else os.path.abspath(path), *_age(path)) for path in paths]
    return hashlib.sha256(repr((files, sorted((select or {}).items()))).encode()).hexdigest()


def _age(path: str) -> tuple[int, ...]:
    if "://" in path:
        return ()
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _check_complete(
    fields: dict[str, xr.DataArray], variables: Sequence[str], name: str, raw: xr.Dataset
) -> None:
    for variable in variables:
        if variable not in fields:
            quantity = QUANTITIES[variable]
            raise LatentbookError(
                f"{name} has no {quantity.title} ({quantity.spellings}): it holds "
                f"{listed(raw.data_vars)}"
            )


def _combined(parts: list[xr.DataArray], name: str) -> xr.DataArray:
    """Return one variable out of several files, joined along time and then along level."""
    for axis in ("time", "level"):
        groups: dict[Any, list[xr.DataArray]] = {}
        for part in parts:
            others = [key for key in part.dims if key != axis]
            alike = tuple((key, part[key].values.tobytes()) for key in others)
            groups.setdefault(alike, []).append(part)
        parts = [_along(group, axis) for group in groups.values()]
    if len(parts) > 1:
        raise LatentbookError(
            f"the files of {name} do not fit together: {parts[0].name} must have the same grid in "
            "all of them, and the same times at each level"
        )
    return parts[0]


def _along(group: list[xr.DataArray], axis: str) -> xr.DataArray:
    import xarray as xr

    if len(group) == 1:
        return group[0]
    return xr.concat(sorted(group, key=lambda part: part[axis].values[0]), axis)


def _merged(fields: list[xr.DataArray], name: str) -> xr.Dataset:
    import xarray as xr

    try:
        return xr.merge([field.to_dataset() for field in fields], join="exact")
    except ValueError as error:
        raise LatentbookError(
            f"the files of {name} do not fit together: "
            f"{' and '.join(str(field.name) for field in fields)} must have the same times and grid"
        ) from error


def _inside(data: xr.Dataset, region: Region | None, name: str) -> xr.Dataset:
    """Return the grid points of `data` in `region`."""
    if region is None:
        return data
    west, east, south, north = region
    longitude, latitude = data["longitude"].values, data["latitude"].values
    eastward = (longitude - west) % 360
    columns = np.flatnonzero(eastward <= ((east - west) % 360 or (360 if east > west else 0)))
    rows = np.flatnonzero((latitude >= south) & (latitude <= north))
    if not len(rows) or not len(columns):
        raise LatentbookError(
            f"{name} has no grid point in the region from {west:g} to {east:g} east and {south:g} "
            f"to {north:g} north: it reaches from {extent(longitude, latitude)}"
        )
    data = data.isel(latitude=slice(int(rows[0]), int(rows[-1]) + 1))
    if columns[-1] - columns[0] + 1 == len(columns):
        return data.isel(longitude=slice(int(columns[0]), int(columns[-1]) + 1))
    return data.isel(longitude=columns)


def _in_time(
    data: xr.Dataset, attributes: dict[Any, Any], period: times.Period | None, name: str
) -> xr.Dataset:
    """Return the times of `data` in `period`, and with data: ARCO-ERA5 has an axis to 2050."""
    times.check_times(data["time"].values, name)
    valid = tuple(str(attributes.get(f"valid_time_{end}", "")) for end in ("start", "stop"))
    for wanted in (valid if all(valid) else None, period):
        if wanted is not None:
            data = data.isel(time=times.within(data["time"].values, wanted, name))
    return data


def _attributes(data: xr.Dataset, name: str, raw: dict[Any, Any]) -> dict[str, Any]:
    """Return what every data set says of itself."""
    axis = data["time"].values
    title = str(raw.get("title", name))
    simulated = str(raw.get("simulated", "")).lower() == "true" or any(
        word in " ".join(map(str, raw.values())).lower() for word in _SIMULATED
    )
    if name in registered.NAMES:
        known = registered.entry(name)
        title, simulated = known.title, known.simulated
    return {
        "name": name,
        "title": title,
        "simulated": str(simulated).lower(),
        "step": times.duration(times.usual_step(axis)),
        "gaps": len(times.gaps(axis)),
    }
