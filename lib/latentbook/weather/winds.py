"""Horizontal winds of one level on a map: those of the data, or geostrophic ones.

Their unit is cells of the map per second, in which `dispersion` moves its particles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import gen_batches

from latentbook.errors import LatentbookError
from latentbook.weather.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

#: Acceleration that turns geopotential into geopotential metres, in m s-2.
GRAVITY = 9.806_65
#: Turn of the Earth, in radians per second.
OMEGA = 7.292_115e-5

#: Gas constant of dry air in J kg-1 K-1, and temperature at sea level of the standard atmosphere in
#: K: they turn pressure at sea level into the height of a pressure surface nearby.
DRY_AIR, SEA_LEVEL = 287.05, 288.15
#: Level, in hPa, whose heights come from the pressure at sea level where the data lack them.
NEAR_SEA_LEVEL = 1000.0

#: Latitude below which the geostrophic wind says little, in degrees.
TROPICS = 15.0


@dataclass(frozen=True, eq=False)
class Wind:
    """Horizontal winds on a map; made by `horizontal` or `geostrophic`.

    Attributes
    ----------
    velocity : array of float32, shape (time, ny, nx, 2)
        Towards greater x and y, in cells per second, at the centres of the cells.
    times : vector of datetime64
        Ascending.
    grid : Grid

    Raises
    ------
    LatentbookError
        For NaN, fewer than two fields or cells a side, or times that do not ascend.
    """

    velocity: np.ndarray
    times: np.ndarray
    grid: Grid

    def __post_init__(self) -> None:
        expected = (len(self.times), *self.grid.shape, 2)
        if self.velocity.shape != expected or min(expected) < 2:
            raise LatentbookError(
                f"winds of shape {self.velocity.shape} do not fit {len(self.times)} times on a "
                f"grid of {self.grid.shape} cells: at least two of each are needed, and two "
                "components"
            )
        if not (np.diff(self.seconds) > 0).all():
            raise LatentbookError("the times of the wind do not ascend: sort them, drop doubles")
        for block in gen_batches(len(self.times), 256):
            if not np.isfinite(self.velocity[block]).all():
                bad = ~np.isfinite(self.velocity[block]).all(axis=(1, 2, 3))
                first = self.times[block][bad][0]
                raise LatentbookError(
                    f"the wind is NaN or infinite at {hour(first)}: choose a level above the "
                    "ground, or fill the source first"
                )

    @property
    def u_x(self) -> np.ndarray:
        """Component towards greater x in cells per second, of shape (time, ny, nx)."""
        return self.velocity[..., 0]

    @property
    def u_y(self) -> np.ndarray:
        """Component towards greater y in cells per second, of shape (time, ny, nx)."""
        return self.velocity[..., 1]

    @cached_property
    def seconds(self) -> np.ndarray:
        """Seconds from the first field to each."""
        return (self.times - self.times[0]) / np.timedelta64(1, "s")


def at_level(data: xr.Dataset, grid: Grid, level: float) -> Wind:
    """Return the `horizontal` winds of a level where the data have winds, else `geostrophic` ones.

    Parameters
    ----------
    data
        Weather on `grid`, as `grid.regrid` returns it.
    grid
        Its map.
    level
        In hPa.
    """
    measured = {"u", "v"} <= set(map(str, data))
    return (horizontal if measured else geostrophic)(data, grid, level)


def horizontal(data: xr.Dataset, grid: Grid, level: float) -> Wind:
    """Return the winds of a level in the units of the grid.

    Parameters
    ----------
    data
        Weather on `grid`, as `grid.regrid` returns it, with ``u`` and ``v`` in m s-1.
    grid
        Its map.
    level
        In hPa.

    Raises
    ------
    LatentbookError
        If the data have no winds or not that level, are on another grid, or hold NaN.
    """
    u, v = _at(data, "u", level, grid), _at(data, "v", level, grid)
    return _assemble(u, grid, lambda block: (u[block].values, v[block].values))


def geostrophic(data: xr.Dataset, grid: Grid, level: float) -> Wind:
    """Return the winds that balance the heights of a pressure level, without friction.

    ``u = -g/f dz/dy`` and ``v = g/f dz/dx`` with ``f = 2 Omega sin(latitude)``, from differences
    between neighbouring cells.

    Parameters
    ----------
    data
        Weather on `grid`, as `grid.regrid` returns it, with what `heights` needs.
    grid
        Its map.
    level
        In hPa.

    Raises
    ------
    LatentbookError
        If the data have no heights or not that level, are on another grid, or hold NaN; and for
        a grid that reaches the tropics.
    """
    z = heights(data, grid, level)
    nearest = np.abs(grid.latitude).min()
    if nearest < TROPICS:
        raise LatentbookError(
            f"the grid comes within {nearest:.1f} degrees of the equator, but the geostrophic "
            f"wind needs {TROPICS:g}: choose a smaller box, or data with winds"
        )
    if min(grid.shape) < 3:
        raise LatentbookError(
            f"the grid has {grid.shape} cells, but slopes need at least three each way"
        )
    jacobian = cells_per_metre(grid)
    balance = GRAVITY / (2 * OMEGA * np.sin(np.radians(grid.latitude)))

    def read(block: slice) -> tuple[np.ndarray, np.ndarray]:
        heights = z[block].values.astype(np.float64)
        up, along = np.gradient(heights, axis=(1, 2), edge_order=2)
        eastward = along * jacobian[0, 0] + up * jacobian[1, 0]
        northward = along * jacobian[0, 1] + up * jacobian[1, 1]
        return -balance * northward, balance * eastward

    return _assemble(z, grid, read)


def heights(data: xr.Dataset, grid: Grid, level: float) -> xr.DataArray:
    """Return the heights of a pressure level in metres, with dims (time, y, x).

    Where the data have no heights of 1000 hPa but the pressure at sea level, they are ``z = R T / g
    ln(msl / 1000 hPa)`` with the temperature of the standard atmosphere. Their slope is then the
    force of the pressure, up to the few percent by which air is colder or warmer than that.

    Parameters
    ----------
    data
        Weather on `grid`, as `grid.regrid` returns it, with ``z`` in geopotential metres, or with
        ``msl`` in hPa.
    grid
        Its map.
    level
        In hPa.

    Raises
    ------
    LatentbookError
        If the data have no heights or not that level, or are on another grid.
    """
    levels = np.atleast_1d(data["level"].values) if "level" in data.coords else np.array([])
    if level != NEAR_SEA_LEVEL or "msl" not in data or np.isclose(levels, level).any():
        return _at(data, "z", level, grid)
    pressure = _at(data[["msl"]].assign_coords(level=level), "msl", level, grid)
    logarithm: xr.DataArray = np.log(pressure / NEAR_SEA_LEVEL)  # type: ignore[assignment]
    return DRY_AIR * SEA_LEVEL / GRAVITY * logarithm


def cells_per_metre(grid: Grid) -> np.ndarray:
    """Return `Grid.per_metre` in cells, of shape (2, 2, ny, nx)."""
    size = np.array([grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]])
    return grid.per_metre() / size[:, None, None, None]


def _at(data: xr.Dataset, name: str, level: float, grid: Grid) -> xr.DataArray:
    """Return a variable at a level, with dims (time, y, x)."""
    if name not in data:
        raise LatentbookError(
            f"the data hold {', '.join(map(str, data)) or 'nothing'}, but no {name}: winds need "
            "u and v, geostrophic winds z"
        )
    field = data[name]
    sizes = tuple(field.sizes.get(dim, 0) for dim in ("y", "x"))
    if sizes != grid.shape:
        raise LatentbookError(
            f"{name} has {sizes} cells (y, x), but the grid {grid.name} {grid.shape}: regrid the "
            "data to it first"
        )
    levels = np.atleast_1d(field["level"].values) if "level" in field.coords else np.array([])
    found = np.flatnonzero(np.isclose(levels, level))
    if not len(found):
        there = ", ".join(f"{value:g}" for value in levels) or "no level"
        raise LatentbookError(f"{name} has no level {level:g} hPa: choose one of {there}")
    if "level" in field.dims:
        field = field.isel(level=int(found[0]))
    return field.transpose("time", "y", "x")


def _assemble(
    field: xr.DataArray, grid: Grid, read: Callable[[slice], tuple[np.ndarray, np.ndarray]]
) -> Wind:
    """Turn eastward and northward winds, read block by block, into cells per second."""
    jacobian = cells_per_metre(grid)
    velocity = np.empty((field.sizes["time"], *grid.shape, 2), np.float32)
    # whole chunks, so that none is read twice
    length = max(field.chunksizes.get("time", (512,)))
    for block in gen_batches(len(velocity), length):
        u, v = read(block)
        velocity[block, ..., 0] = jacobian[0, 0] * u + jacobian[0, 1] * v
        velocity[block, ..., 1] = jacobian[1, 0] * u + jacobian[1, 1] * v
    return Wind(velocity, field["time"].values.astype("datetime64[ns]"), grid)


def hour(time: np.datetime64) -> str:
    """Return a time in the words of messages, to the minute."""
    return str(time.astype("datetime64[m]"))
