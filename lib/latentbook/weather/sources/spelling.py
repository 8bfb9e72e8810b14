"""One spelling for the many in which gridded weather is written.

The same 500 hPa surface is ``z`` in m2 s-2, ``gh`` in gpm, ``hgt`` in m or ``z500``; its axes are
``level``, ``plev`` or ``isobaricInhPa``, north up or down, 0 to 360 or -180 to 180.
All of them leave `canonical` as the form that the package's front page describes; nothing is read
here but axes.
Opening files is left to `reading`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook.errors import LatentbookError
from latentbook.weather.sources.reading import chunked

if TYPE_CHECKING:
    import xarray as xr

#: Standard gravity, which makes geopotential metres of m2 s-2.
GRAVITY = 9.80665


@dataclass(frozen=True)
class Quantity:
    """How one variable is called, and what its units are worth in ours.

    `stated` are the names whose publisher fixes the unit, so that it need not be written;
    `units` gives the factor to ours, `plausible` the range that values in ours lie in.
    """

    title: str
    units_here: str
    names: tuple[str, ...]
    stated: dict[str, str]
    units: dict[str, float]
    plausible: tuple[float, float]
    on_levels: bool = True


_SPEED = {"m s-1": 1.0, "m/s": 1.0, "m/sec": 1.0, "metres per second": 1.0}

QUANTITIES = {
    "z": Quantity(
        "geopotential height",
        "m",
        ("z", "gh", "hgt", "zg", "geopotential_height", "geopotential"),
        {"geopotential": "m2 s-2"},
        {
            **dict.fromkeys(("m2 s-2", "m2/s2", "J kg-1", "J/kg"), 1 / GRAVITY),
            **dict.fromkeys(("m", "gpm", "metre", "meter", "metres", "meters"), 1.0),
            **dict.fromkeys(("dam", "gpdm", "gpdam"), 10.0),
        },
        (-2_000.0, 90_000.0),
    ),
    "u": Quantity(
        "eastward wind",
        "m s-1",
        ("u", "uwnd", "ua", "u_component_of_wind"),
        {"u_component_of_wind": "m s-1"},
        _SPEED,
        (-250.0, 250.0),
    ),
    "v": Quantity(
        "northward wind",
        "m s-1",
        ("v", "vwnd", "va", "v_component_of_wind"),
        {"v_component_of_wind": "m s-1"},
        _SPEED,
        (-250.0, 250.0),
    ),
    "t": Quantity(
        "air temperature",
        "K",
        ("t", "air", "ta", "temperature"),
        {"temperature": "K"},
        {"K": 1.0, "degK": 1.0, "kelvin": 1.0},
        (120.0, 350.0),
    ),
    "msl": Quantity(
        "mean sea level pressure",
        "hPa",
        ("msl", "mslp", "slp", "prmsl", "psl", "mean_sea_level_pressure"),
        {"mean_sea_level_pressure": "Pa"},
        {
            **dict.fromkeys(("Pa", "pascal", "pascals"), 0.01),
            **dict.fromkeys(("hPa", "mb", "mbar", "millibar", "millibars"), 1.0),
        },
        (850.0, 1_100.0),
        on_levels=False,
    ),
}

_AXES = {
    "time": ("time", "valid_time"),
    "level": (
        "level",
        "pressure_level",
        "isobaricInhPa",
        "plev",
        "lev",
        "pressure",
        "isobaricInPa",
    ),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon"),
}


def canonical(
    data: xr.Dataset, variables: Sequence[str], level: float | None, what: str
) -> dict[str, xr.DataArray]:
    """Return those of `variables` that `data` hold, in the one form, lazily, at all their levels.

    Parameters
    ----------
    data
        As `with_axes` returns it.
    variables
        Keys of `QUANTITIES`.
    level
        In hPa, of variables that state none; None: they must.
    what
        Name of the source, for messages.

    Raises
    ------
    LatentbookError
        If a level or unit is missing or not understood.
    """
    found = {name: _variable(data, name, level, what) for name in variables}
    return {name: _ascending(field) for name, field in found.items() if field is not None}


def at_levels(
    fields: dict[str, xr.DataArray], levels: Sequence[float] | None, what: str
) -> list[xr.DataArray]:
    """Return the fields at `levels` (None: at all there are), ascending.

    Raises
    ------
    LatentbookError
        If a level is missing, or the variables have different ones.
    """
    chosen = [_chosen(field, levels, what) for field in fields.values()]
    there = {field.name: listed(field["level"].values) for field in chosen if "level" in field.dims}
    if len(set(there.values())) > 1:
        words = " and ".join(f"{name} at {levels} hPa" for name, levels in there.items())
        raise LatentbookError(
            f"{what} has {words}: choose common levels, or open one variable at a time"
        )
    return chosen


def with_axes(data: xr.Dataset, what: str) -> xr.Dataset:
    """Return `data`, as xarray opens it, with our names for its axes and no others.

    Raises
    ------
    LatentbookError
        If an axis is missing, or is a curved one.
    """
    for ours, spellings in _AXES.items():
        there = [name for name in spellings if name in _axis_candidates(data, ours)]
        chosen = next((name for name in there if name in data.dims), there[0] if there else None)
        if chosen is None:
            if ours == "level":
                continue
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
        if data[ours].ndim == 0 and ours != "level":
            data = data.expand_dims(ours)
    _check_calendar(data, what)
    extra = [name for name in data.dims if name not in _AXES and data.sizes[name] == 1]
    return _newest(data.squeeze(extra, drop=True))


def _check_calendar(data: xr.Dataset, what: str) -> None:
    if data["time"].dtype.kind != "M":
        calendar = data["time"].attrs.get("calendar") or data["time"].encoding.get("calendar")
        raise LatentbookError(
            f"the times of {what} (calendar {calendar or 'not stated'}, units "
            f"{data['time'].attrs.get('units', 'not stated')!r}) are no dates: convert them first"
        )


def _axis_candidates(data: xr.Dataset, axis: str) -> Any:
    """Return where an axis may be; a field called ``pressure`` is not the level axis."""
    return data.coords if axis == "level" else data.variables


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


def _variable(data: xr.Dataset, name: str, level: float | None, what: str) -> xr.DataArray | None:
    """Return the variable `name` in our units, with a level axis if it has a level."""
    import xarray as xr

    alone, numbered = _spelt(data, name)
    if alone is not None:
        field = _converted(data[alone], name, str(alone).lower(), what)
        return _levelled(field, name, level, what)
    parts = [
        _converted(data[key], name, "", what)
        .drop_vars("level", errors="ignore")
        .expand_dims(level=[hectopascals])
        for key, hectopascals in numbered.items()
    ]
    return xr.concat(parts, "level") if parts else None


def holds(data: xr.Dataset, name: str) -> bool:
    """Say whether `data` hold the variable `name` in some spelling."""
    alone, numbered = _spelt(data, name)
    return alone is not None or bool(numbered)


def _spelt(data: xr.Dataset, name: str) -> tuple[Any, dict[Any, float]]:
    """Return the variable that is `name`, or those that are it at one level each, as ``z500``."""
    quantity = QUANTITIES[name]
    by_name = {str(key).lower(): key for key in data.data_vars}
    alone = next((by_name[name] for name in quantity.names if name in by_name), None)
    pattern = re.compile(rf"({'|'.join(quantity.names)})(\d{{3,4}})")
    matches = {key: pattern.fullmatch(lower) for lower, key in by_name.items()}
    levels = {
        key: float(match[2])
        for key, match in matches.items()
        # "100 metre U wind component" of ERA5 is u100
        if match and not re.match(r"\d+ met", str(data[key].attrs.get("long_name", "")).lower())
    }
    return alone, levels if quantity.on_levels else {}


def _converted(field: xr.DataArray, name: str, spelling: str, what: str) -> xr.DataArray:
    """Return `field` as float32 in our units."""
    quantity = QUANTITIES[name]
    written = str(field.attrs.get("units", "")).strip() or quantity.stated.get(spelling, "")
    factors = {_plain(unit): factor for unit, factor in quantity.units.items()}
    if _plain(written) not in factors:
        fault = f"are in {written!r}" if written else "have no units"
        raise LatentbookError(
            f"the values of {field.name} in {what} {fault}: set the attribute `units` to one of "
            f"{', '.join(quantity.units)}"
        )
    factor = np.float32(factors[_plain(written)])
    field = chunked(field).astype(np.float32)
    field = field if factor == 1 else field * factor
    attributes = {"units": quantity.units_here, "long_name": quantity.title}
    return field.rename(name).drop_attrs(deep=False).assign_attrs(attributes)


def _plain(unit: str) -> str:
    """Return a unit without the signs that only style differs in: m**2 s**-2, m^2 s-2."""
    return re.sub(r"[\s*^._]|geopotential", "", unit.lower())


def _levelled(field: xr.DataArray, name: str, level: float | None, what: str) -> xr.DataArray:
    """Return `field` with its levels in hPa; one that states none is taken to be at `level`."""
    if not QUANTITIES[name].on_levels:
        return field.drop_vars("level", errors="ignore")
    if "level" not in field.coords:
        if level is None:
            raise LatentbookError(
                f"{name} in {what} has no level axis: say at which one it is, as levels=(500,)"
            )
        return field.expand_dims(level=[float(level)])
    field = field if "level" in field.dims else field.expand_dims("level")
    return field.assign_coords(level=_hectopascals(field["level"], what))


def _hectopascals(level: xr.DataArray, what: str) -> np.ndarray:
    values = level.values.astype(float)
    unit = _plain(str(level.attrs.get("units", "")))
    if unit in ("pa", "pascal", "pascals") or (not unit and values.max() > 2_000):
        return values / 100
    if unit in ("", "hpa", "mb", "mbar", "millibar", "millibars"):
        return values
    raise LatentbookError(
        f"the levels of {what} are in {level.attrs['units']!r}: pressure levels in hPa or Pa are "
        "needed"
    )


def _chosen(field: xr.DataArray, levels: Sequence[float] | None, what: str) -> xr.DataArray:
    """Return `field` at `levels`, ascending."""
    if "level" not in field.dims:
        return field
    there = field["level"].values
    if levels is None:
        return field.isel(level=np.argsort(there))
    indices = []
    for level in sorted(levels):
        near = np.flatnonzero(np.abs(there - level) < 0.5)
        if not len(near):
            raise LatentbookError(
                f"{what} has no {field.name} at {level:g} hPa: it has {listed(there)} hPa"
            )
        indices.append(int(near[0]))
    return field.isel(level=indices).assign_coords(level=[float(level) for level in sorted(levels)])


def _ascending(field: xr.DataArray) -> xr.DataArray:
    """Return `field` from south to north and from west to east, longitudes in [-180, 180)."""
    field = field.drop_vars([name for name in field.coords if name not in field.dims])
    field = field.transpose(*[axis for axis in _AXES if axis in field.dims])
    longitude = (field["longitude"].values.astype(float) + 180) % 360 - 180
    field = field.assign_coords(
        longitude=("longitude", longitude, {"units": "degrees_east"}),
        latitude=("latitude", field["latitude"].values.astype(float), {"units": "degrees_north"}),
        time=("time", field["time"].values.astype("datetime64[ns]")),
    )
    if "level" in field.dims:
        field = field.assign_coords(level=("level", field["level"].values, {"units": "hPa"}))
    for axis in ("latitude", "longitude"):
        values, first = np.unique(field[axis].values.round(6), return_index=True)
        field = _in_order(field, axis, first)
        field = field.assign_coords({axis: (axis, values, field[axis].attrs)})
    return field


def _in_order(data: xr.DataArray, axis: str, order: np.ndarray) -> xr.DataArray:
    """Return `data` with `axis` in `order`, by slices where one or two do: they are read lazily."""
    import xarray as xr

    step = int(order[1] - order[0]) if len(order) > 1 else 1
    seams = np.flatnonzero(np.diff(order) != step) + 1
    if step not in (1, -1) or len(seams) > 1:
        return data.isel({axis: order})
    parts = [data.isel({axis: _slice(run, step)}) for run in np.split(order, seams)]
    return xr.concat(parts, axis) if len(parts) > 1 else parts[0]


def _slice(run: np.ndarray, step: int) -> slice:
    stop = int(run[-1]) + step
    return slice(int(run[0]), None if stop < 0 else stop, step)


def listed(names: Any) -> str:
    """Return up to twenty names or numbers in words."""
    words = [f"{name:g}" if isinstance(name, float) else str(name) for name in names]
    more = f" and {len(words) - 20} more" if len(words) > 20 else ""
    return (", ".join(words[:20]) or "nothing") + more


def extent(longitude: np.ndarray, latitude: np.ndarray) -> str:
    """Return the outermost degrees in words, such as ``20°W to 14.5°E, 30°N to 60°N``."""

    def degrees(value: float, words: str) -> str:
        return f"{abs(value):.4g}°{words[int(value < 0)]}"

    west, east = longitude.min(), longitude.max()
    south, north = latitude.min(), latitude.max()
    return (
        f"{degrees(west, 'EW')} to {degrees(east, 'EW')}, "
        f"{degrees(south, 'NS')} to {degrees(north, 'NS')}"
    )
