"""One spelling for the many in which gridded weather is written.

The same 500 hPa surface is ``z`` in m2 s-2, ``gh`` in gpm, ``hgt`` in m or ``z500``; its axes are
``level``, ``plev`` or ``isobaricInhPa``, north up or down, 0 to 360 or -180 to 180.
What a file says of itself by the CF conventions (``standard_name``) goes before our own names.
All of them leave `canonical` as the form that the package's front page describes; nothing is read
here but axes.
Axes are found by `axes`, files opened by `reading`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook.errors import LatentbookError
from latentbook.weather.sources import axes
from latentbook.weather.sources.axes import listed
from latentbook.weather.sources.reading import chunked

if TYPE_CHECKING:
    import xarray as xr

#: Standard gravity, which makes geopotential metres of m2 s-2.
GRAVITY = 9.80665


@dataclass(frozen=True)
class Quantity:
    """How one variable is called, and what its units are worth in ours.

    `standard` are its standard names in the CF conventions, ours first; `names` are those that
    files without one use. `stated` are the names whose publisher fixes the unit, so that it need
    not be written; `units` gives the factor to ours, `plausible` the range that values in ours lie
    in.
    """

    title: str
    units_here: str
    standard: tuple[str, ...]
    names: tuple[str, ...]
    stated: dict[str, str]
    units: dict[str, float]
    plausible: tuple[float, float]
    on_levels: bool = True

    @property
    def spellings(self) -> str:
        """The names of variables that are it, and then the standard names, in words."""
        return f"{', '.join(self.names)}, or standard_name {' or '.join(self.standard)}"


_SPEED = {"m s-1": 1.0, "m/s": 1.0, "m/sec": 1.0, "metres per second": 1.0}

QUANTITIES = {
    "z": Quantity(
        "geopotential height",
        "m",
        ("geopotential_height", "geopotential"),
        ("z", "gh", "hgt", "zg", "geopotential_height", "geopotential", "z3", "h"),
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
        ("eastward_wind",),
        ("u", "uwnd", "ua", "u_component_of_wind", "ugrd"),
        {"u_component_of_wind": "m s-1"},
        _SPEED,
        (-250.0, 250.0),
    ),
    "v": Quantity(
        "northward wind",
        "m s-1",
        ("northward_wind",),
        ("v", "vwnd", "va", "v_component_of_wind", "vgrd"),
        {"v_component_of_wind": "m s-1"},
        _SPEED,
        (-250.0, 250.0),
    ),
    "t": Quantity(
        "air temperature",
        "K",
        ("air_temperature",),
        ("t", "air", "ta", "temperature", "tmp"),
        {"temperature": "K"},
        {"K": 1.0, "degK": 1.0, "kelvin": 1.0},
        (120.0, 350.0),
    ),
    "msl": Quantity(
        "mean sea level pressure",
        "hPa",
        ("air_pressure_at_mean_sea_level", "air_pressure_at_sea_level"),
        (
            "msl",
            "mslp",
            "slp",
            "prmsl",
            "psl",
            "mean_sea_level_pressure",
            "pressure_reduced_to_msl",
            "pressure_reduced_to_msl_msl",
        ),
        {"mean_sea_level_pressure": "Pa"},
        {
            **dict.fromkeys(("Pa", "pascal", "pascals"), 0.01),
            **dict.fromkeys(("hPa", "mb", "mbar", "millibar", "millibars"), 1.0),
        },
        (850.0, 1_100.0),
        on_levels=False,
    ),
}

#: What THREDDS and NCL add to the names of fields on pressure levels.
_ON_PRESSURE = re.compile(r"_(isobaric|gds\d_isbl)$")


def canonical(
    data: xr.Dataset,
    variables: Sequence[str],
    level: float | None,
    what: str,
    *,
    levelled: bool = True,
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
    levelled
        Whether every variable on levels must have one in the end.

    Raises
    ------
    LatentbookError
        If a level or unit is missing or not understood.
    """
    found = {name: _variable(data, name, level, what, levelled) for name in variables}
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


def _variable(
    data: xr.Dataset, name: str, level: float | None, what: str, levelled: bool
) -> xr.DataArray | None:
    """Return the variable `name` in our units, with a level axis if it has a level."""
    import xarray as xr

    alone, numbered = _spelt(data, name)
    if alone is not None:
        spelling = _ON_PRESSURE.sub("", str(alone).lower())
        field = _converted(axes.own(data[alone], what), name, spelling, what)
        return _levelled(field, name, level, what, levelled)
    parts = [
        _converted(axes.own(data[key], what), name, "", what)
        .drop_vars("level", errors="ignore")
        .expand_dims(level=[hectopascals])
        for key, hectopascals in numbered.items()
    ]
    return xr.concat(parts, "level") if parts else None


def holds(data: xr.Dataset, name: str) -> bool:
    """Say whether `data` hold the variable `name` in some spelling."""
    alone, numbered = _spelt(data, name)
    return alone is not None or bool(numbered)


def known() -> str:
    """Return the names and standard names that `holds` looks for, in words."""
    return "; ".join(f"{quantity.title}: {quantity.spellings}" for quantity in QUANTITIES.values())


def _spelt(data: xr.Dataset, name: str) -> tuple[Any, dict[Any, float]]:
    """Return the variable that is `name`, or those that are it at one level each, as ``z500``.

    Of several that carry the standard name, or of none, our own names decide.
    """
    quantity = QUANTITIES[name]
    fields = {key: field for key, field in data.data_vars.items() if not _near_ground(field)}
    stated = [key for key, field in fields.items() if _standard_name(field) in quantity.standard]
    others = [key for key, field in fields.items() if not _is_another(field, name)]
    by_name = {_ON_PRESSURE.sub("", str(key).lower()): key for key in stated or others}
    pattern = re.compile(rf"({'|'.join(quantity.names)})(\d{{3,4}})")
    matches = {key: pattern.fullmatch(lower) for lower, key in by_name.items()}
    levels = {key: float(match[2]) for key, match in matches.items() if match}
    if len(stated) == 1 and not (levels and quantity.on_levels):
        return stated[0], {}
    alone = next((by_name[word] for word in quantity.names if word in by_name), None)
    return alone, levels if quantity.on_levels else {}


def bounds(name: str, levels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest possible value of a quantity, one for each level.

    Those of heights depend on the pressure (in hPa); without levels they are numbers. Of anything
    that is none of `QUANTITIES` they are infinite.
    """
    low, high = QUANTITIES[name].plausible if name in QUANTITIES else (-np.inf, np.inf)
    shape = () if levels is None else levels.shape
    least, largest = np.full(shape, low), np.full(shape, high)
    if name == "z" and levels is not None:
        about = 7_400.0 * np.log(1013.25 / levels)
        least, largest = 0.75 * about - 1_000, 1.25 * about + 1_000
    return least, largest


def check_possible(
    name: str, values: np.ndarray, least: np.ndarray, largest: np.ndarray, what: str
) -> None:
    """Raise `LatentbookError` if values (..., latitude, longitude) are out of bounds; NaN passes.

    Parameters
    ----------
    least, largest
        As `bounds` returns them.
    """
    low, high = least[..., None, None], largest[..., None, None]
    wrong = (values < low) | (values > high)
    if wrong.any():
        units = QUANTITIES[name].units_here
        raise LatentbookError(
            f"{name} in {what} has impossible values such as {values[wrong][0]:.6g} {units}: "
            "correct the attribute `units` of the source, or set its attribute `_FillValue` where "
            "a number stands for a missing value"
        )


def _standard_name(field: xr.DataArray) -> str:
    return str(field.attrs.get("standard_name", "")).strip().lower()


def _is_another(field: xr.DataArray, name: str) -> bool:
    """Say whether the standard name of a field says that it is another of our quantities."""
    stated = _standard_name(field)
    return any(stated in other.standard for key, other in QUANTITIES.items() if key != name)


def _near_ground(field: xr.DataArray) -> bool:
    """Say whether a field is given so many metres above the ground.

    "100 metre U wind component" of ERA5 is called u100, and ``uas`` of CMIP is an eastward wind.
    """
    long_name = str(field.attrs.get("long_name", "")).lower()
    above = any(
        str(coordinate.attrs.get("standard_name", "")) == "height" and coordinate.ndim == 0
        for coordinate in field.coords.values()
    )
    above = above and axes.level_of(field) not in field.dims
    return above or bool(re.match(r"\d+ met", long_name))


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


def _levelled(
    field: xr.DataArray, name: str, level: float | None, what: str, needed: bool
) -> xr.DataArray:
    """Return `field` with its levels in hPa; one that states none is taken to be at `level`."""
    if not QUANTITIES[name].on_levels:
        return field.drop_vars("level", errors="ignore")
    if "level" not in field.coords:
        if level is None and not needed:
            return field
        if level is None:
            raise LatentbookError(
                f"{name} in {what} has no level axis: say at which one it is, as levels '500' of a "
                "chapter, --levels 500 of the command, or levels=(500,) in Python"
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
    field = field.transpose(*[axis for axis in axes.NAMES if axis in field.dims])
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


def extent(longitude: np.ndarray, latitude: np.ndarray) -> str:
    """Return the outermost degrees in words, such as ``20°W to 14.5°E, 30°N to 60°N``.

    Of longitudes on both sides of the date line, the west is the one after their largest gap.
    """

    def degrees(value: float, words: str) -> str:
        return f"{abs(value):.4g}°{words[int(value < 0)]}"

    west, east = axes.west_and_east(longitude)
    south, north = latitude.min(), latitude.max()
    return (
        f"{degrees(west, 'EW')} to {degrees(east, 'EW')}, "
        f"{degrees(south, 'NS')} to {degrees(north, 'NS')}"
    )
