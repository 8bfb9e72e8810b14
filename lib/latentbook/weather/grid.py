"""The maps that weather is brought to: the domain of tsiatsios2019, and plain boxes.

All sources, whatever their grid, are interpolated to one map before a network or the dispersion
sees them; here are its cells, its projection, and the interpolation.
Reading the sources is left to `weather.sources`, keeping the result to `store`.

References
----------
- tsiatsios2019: Georgios Tsiatsios. Deep learning for clustering of weather and atmospheric
  dispersion features. Master's thesis, University of the Peloponnese and NCSR Demokritos, 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook.errors import LatentbookError, check_between
from latentbook.weather.sources.spelling import bounds, check_possible, extent

if TYPE_CHECKING:
    import scipy.sparse
    import xarray as xr

#: Radius of the sphere that the WRF model takes the Earth for, in metres.
RADIUS = 6_370_000.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of equal size on a map.

    Attributes
    ----------
    name : str
        ``europe`` or ``box``.
    crs : str
        The projection as PROJ writes it, on a sphere.
    x, y : vectors of length nx and ny
        Centres of the cells, ascending, in metres (a box: degrees east and north).
    """

    name: str
    crs: str
    x: np.ndarray
    y: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cells northward and eastward, (ny, nx)."""
        return len(self.y), len(self.x)

    @cached_property
    def _centres(self) -> tuple[np.ndarray, np.ndarray]:
        return self.unproject(*np.meshgrid(self.x, self.y))

    @property
    def longitude(self) -> np.ndarray:
        """Longitudes of the centres in [-180, 180), of shape (ny, nx)."""
        return self._centres[0]

    @property
    def latitude(self) -> np.ndarray:
        """Latitudes of the centres, of shape (ny, nx)."""
        return self._centres[1]

    @property
    def _is_box(self) -> bool:
        return "+proj=longlat" in self.crs

    @cached_property
    def _projection(self) -> Any:
        import pyproj

        return pyproj.Proj(self.crs)

    def project(self, longitude: Any, latitude: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the map coordinates (x, y) of points given in degrees.

        Longitudes may be given in any turn; a box gets them in the one that its middle lies in.
        """
        longitude, latitude = np.broadcast_arrays(
            np.asarray(longitude, float), np.asarray(latitude, float)
        )
        if self._is_box:
            west = (self.x[0] + self.x[-1]) / 2 - 180
            return west + (longitude - west) % 360, latitude.copy()
        x, y = self._projection(longitude, latitude)
        return np.asarray(x), np.asarray(y)

    def unproject(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return (longitude in [-180, 180), latitude) of points given in map coordinates."""
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        longitude, latitude = (
            (x, y.copy()) if self._is_box else self._projection(x, y, inverse=True)
        )
        return (np.asarray(longitude) + 180) % 360 - 180, np.asarray(latitude)

    def per_metre(self) -> np.ndarray:
        """Return how map coordinates change with a metre travelled on the ground.

        Covers the turn of the meridians, the map factor, and the narrowing of a box's degrees.

        Returns
        -------
        array of shape (2, 2, ny, nx)
            J with ``dx/dt = J[0, 0] u + J[0, 1] v`` and ``dy/dt = J[1, 0] u + J[1, 1] v`` for a
            wind (u eastward, v northward) in m s-1, at the centre of each cell; x and y are in
            metres, those of a box in degrees.
        """
        cosine = np.cos(np.radians(self.latitude))
        if self._is_box:
            degree = np.degrees(1 / RADIUS)
            zero = np.zeros(self.shape)
            return np.array([[degree / cosine, zero], [zero, zero + degree]])
        change = self._projection.get_factors(self.longitude, self.latitude)
        return np.array(
            [
                [change.dx_dlam / cosine, change.dx_dphi],
                [change.dy_dlam / cosine, change.dy_dphi],
            ]
        )


def _centred(n: int, size: float) -> np.ndarray:
    return (np.arange(n) - (n - 1) / 2) * size


#: The domain of tsiatsios2019 (section 4.1): 64 x 64 cells of 75 km.
EUROPE = Grid(
    "europe",
    f"+proj=lcc +lat_1=38 +lat_2=68 +lat_0=53 +lon_0=15 +R={RADIUS:.0f}",
    _centred(64, 75_000.0),
    _centred(64, 75_000.0),
)


def box(region: tuple[float, float, float, float], shape: tuple[int, int] = (64, 64)) -> Grid:
    """Return a grid of equal steps in longitude and latitude.

    Parameters
    ----------
    region
        Outer edges (west, east, south, north) in degrees; the centres of the cells lie half a
        cell inside. A box over the date line has an east of more than 180.
    shape
        Number of cells (northward, eastward).

    Raises
    ------
    LatentbookError
        For edges in the wrong order, beyond a pole or more than once round the Earth.
    """
    west, east, south, north = region
    if not (west < east <= west + 360 and -90 <= south < north <= 90):
        raise LatentbookError(
            "a region is (west, east, south, north) in degrees with west < east and -90 <= south < "
            f"north <= 90, but this one is ({west:g}, {east:g}, {south:g}, {north:g})"
        )
    for n in shape:
        check_between("number of cells", n, 1, 10_000)
    ny, nx = shape
    return Grid(
        "box",
        f"+proj=longlat +R={RADIUS:.0f}",
        west + (np.arange(nx) + 0.5) * (east - west) / nx,
        south + (np.arange(ny) + 0.5) * (north - south) / ny,
    )


def box_over(data: xr.Dataset, shape: tuple[int, int] = (64, 64)) -> Grid:
    """Return the box whose outer centres lie on the outermost points of `data`.

    Where that would reach over a pole, its outer edge is the pole. Round the whole globe, all
    cells have one width. Over the date line, the box begins in the west of it.

    Parameters
    ----------
    data
        As of `weather.sources.open`.
    shape
        Number of cells (northward, eastward).
    """
    nodes = _unwrap(data["longitude"].values)[1]
    low, high = float(data["latitude"].min()), float(data["latitude"].max())
    half = (high - low) / (shape[0] - 1) / 2
    south, north = low - half, high + half
    share = 1 / (2 * shape[0])  # of half a cell
    if south < -90 or north > 90:
        south = -90.0 if south < -90 else (low - 90 * share) / (1 - share)
        north = 90.0 if north > 90 else (high - south * share) / (1 - share)
    west, east = float(nodes[0]), float(nodes[-1])
    if east - west < 360:
        margin = min((east - west) / (shape[1] - 1), 360 - (east - west)) / 2
        west, east = west - margin, east + margin
    return box((west, east, south, north), shape)


def covers(data: xr.Dataset, grid: Grid) -> bool:
    """Say whether all cells of `grid` lie between grid points of `data`."""
    try:
        _brackets(data, grid)
    except LatentbookError:
        return False
    return True


def regrid(data: xr.Dataset, grid: Grid, *, check: bool = False) -> xr.Dataset:
    """Interpolate canonical weather data linearly to `grid`, lazily.

    Parameters
    ----------
    data
        As of `weather.sources.open`, dims (time, level, latitude, longitude).
    grid
        Where to.
    check
        Whether values that no weather has are refused; each block is then looked through.

    Returns
    -------
    Dataset
        Dims (time, level, y, x) with 2-D coordinates `longitude` and `latitude`, float32; winds
        stay eastward and northward.

    Raises
    ------
    LatentbookError
        If `data` do not cover `grid`; when the values are computed, if one that is needed is NaN,
        or with `check` impossible.
    """
    rows, columns, weights = _brackets(data, grid)
    cropped = data.isel(latitude=_run(rows), longitude=_run(columns))
    matrix = _matrix(
        np.searchsorted(np.unique(rows), rows),
        np.searchsorted(np.unique(columns), columns),
        weights,
        (cropped.sizes["latitude"], cropped.sizes["longitude"]),
    )
    what = str(data.attrs.get("name", "the source")) if check else ""
    result = cropped.map(_regrid_one, matrix=matrix, grid=grid, what=what, keep_attrs=True)
    result = result.assign_coords(
        x=("x", grid.x),
        y=("y", grid.y),
        longitude=(("y", "x"), grid.longitude, {"units": "degrees_east"}),
        latitude=(("y", "x"), grid.latitude, {"units": "degrees_north"}),
    )
    return result.assign_attrs(data.attrs | {"grid": grid.name, "crs": grid.crs})


def _regrid_one(
    field: xr.DataArray, matrix: scipy.sparse.csr_array, grid: Grid, what: str
) -> xr.DataArray:
    import xarray as xr

    name, on_levels = str(field.name), "level" in field.dims
    least, largest = (
        xr.DataArray(bound, dims=["level"] if on_levels else [])
        for bound in bounds(name, field["level"].values if on_levels else None)
    )

    def block(values: np.ndarray, least: np.ndarray, largest: np.ndarray) -> np.ndarray:
        if what:
            check_possible(name, values, least, largest, what)
        points = values.reshape(-1, matrix.shape[1])
        cells = (matrix @ np.ascontiguousarray(points.T)).T
        if not np.isfinite(cells).all():
            _explain_missing(name, cells, grid)
        return np.ascontiguousarray(cells).reshape(*values.shape[:-2], *grid.shape)

    if field.chunks is not None:
        field = field.chunk(latitude=-1, longitude=-1)
    return xr.apply_ufunc(
        block,
        field,
        least,
        largest,
        input_core_dims=[["latitude", "longitude"], [], []],
        output_core_dims=[["y", "x"]],
        exclude_dims={"latitude", "longitude"},
        dask="parallelized",
        output_dtypes=[np.float32],
        dask_gufunc_kwargs={"output_sizes": {"y": grid.shape[0], "x": grid.shape[1]}},
        keep_attrs=True,
    )


def _explain_missing(name: str, cells: np.ndarray, grid: Grid) -> None:
    bad = ~np.isfinite(cells)
    where = bad.any(axis=0).reshape(grid.shape)
    raise LatentbookError(
        f"{name} is NaN in {where.sum():,} of {where.size:,} cells of the grid {grid.name} "
        f"({extent(grid.longitude[where], grid.latitude[where])}) in {bad.any(axis=1).sum():,} of "
        f"{len(bad):,} fields: choose a grid without them, or fill the source first"
    )


def _run(indices: np.ndarray) -> Any:
    """Return the indices that occur, as a slice where they can be: that reads less."""
    found = np.unique(indices)
    if len(found) == found[-1] - found[0] + 1:
        return slice(int(found[0]), int(found[-1]) + 1)
    return found


def _brackets(data: xr.Dataset, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the four points round each cell of `grid`: rows, columns and weights of (4, cells)."""
    longitude, latitude = data["longitude"].values, data["latitude"].values
    if min(len(longitude), len(latitude)) < 2:
        raise LatentbookError("the data have fewer than two latitudes or longitudes: no map")
    low, high, up, inside_y = _between(latitude, grid.latitude.ravel())
    order, nodes = _unwrap(longitude)
    turns = (grid.longitude.ravel() - nodes[0] + 1e-6) % 360 - 1e-6 + nodes[0]
    left, right, along, inside_x = _between(nodes, turns)
    if not (inside_x.all() and inside_y.all()):
        raise LatentbookError(
            f"the data reach from {extent(longitude, latitude)} and do not cover the grid "
            f"{grid.name} from {extent(grid.longitude, grid.latitude)}: choose a larger region of "
            "the source, or a box inside it"
        )
    left, right = order[left], order[right]
    weights = [(1 - up) * (1 - along), (1 - up) * along, up * (1 - along), up * along]
    rows = np.array([low, low, high, high])
    return rows, np.array([left, right, left, right]), np.array(weights)


def _between(nodes: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the nodes below and above each `x`, its share of the way, and whether it is inside."""
    low = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, len(nodes) - 2)
    share = (x - nodes[low]) / (nodes[low + 1] - nodes[low])
    inside = (share > -1e-4) & (share < 1 + 1e-4)
    return low, low + 1, np.clip(share, 0, 1), inside


def _unwrap(longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the longitudes from the east of their largest gap on, without a jump.

    Of a whole circle the first is repeated, 360 degrees on, so that there is no seam.
    """
    gaps = np.diff(longitude, append=longitude[0] + 360)
    start = (int(gaps.argmax()) + 1) % len(longitude)
    order = np.roll(np.arange(len(longitude)), -start)
    nodes = longitude[start] + (longitude[order] - longitude[start]) % 360
    if gaps.max() < 1.5 * np.median(gaps):
        return np.append(order, order[0]), np.append(nodes, nodes[0] + 360)
    return order, nodes


def _matrix(
    rows: np.ndarray, columns: np.ndarray, weights: np.ndarray, shape: tuple[int, int]
) -> scipy.sparse.csr_array:
    import scipy.sparse

    cells = np.broadcast_to(np.arange(rows.shape[1]), rows.shape)
    points = rows * shape[1] + columns
    matrix = scipy.sparse.coo_array(
        (weights.astype(np.float32).ravel(), (cells.ravel(), points.ravel())),
        shape=(rows.shape[1], shape[0] * shape[1]),
    ).tocsr()
    matrix.eliminate_zeros()
    return matrix
