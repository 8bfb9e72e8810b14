"""Weather patterns as a netCDF file that follows the CF conventions.

The file holds the pattern of every window, the mean fields of every pattern (its composite), and
the training window nearest to its centre, so that any tool of the field can go on from there.
The patterns are made by `patterns`.

References
----------
- Brian Eaton and others. NetCDF Climate and Forecast (CF) metadata conventions, version 1.11.
  https://cfconventions.org
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import gen_batches

from latentbook import files
from latentbook.weather.dataset import Weather
from latentbook.weather.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

#: Version of the conventions that the file follows.
CONVENTIONS = "CF-1.11"
#: Windows whose fields are added up at once.
BATCH = 256


@dataclass(frozen=True, eq=False)
class Found:
    """The patterns of one representation of the windows.

    Attributes
    ----------
    labels : array of int, shape (n_windows,)
        Pattern of every window, from 0.
    nearest : array of int, shape (k,)
        Training window nearest to each centre, -1 for a pattern without one.
    """

    labels: np.ndarray
    nearest: np.ndarray


def write(path: Path, weather: Weather, found: Mapping[str, Found]) -> None:
    """Write the patterns of all representations to a netCDF-4 file.

    Parameters
    ----------
    path
        Replaced if it exists.
    weather
        The windows.
    found
        Patterns by the name of their representation, all with one number of clusters.

    Raises
    ------
    LatentbookError
        If the file cannot be written.
    """
    data = as_dataset(weather, found)
    hours = {"units": "hours since 1970-01-01 00:00:00", "calendar": "standard"}
    encoding: dict[str, dict[str, Any]] = {
        "time": hours | {"dtype": "int32"},
        "centre_time": hours | {"dtype": "float64"},
    }
    encoding |= {name: {"zlib": True, "complevel": 4} for name in ("composite", "centre")}
    encoding |= {str(name): {"_FillValue": None} for name in data.coords if name != "time"}
    with files.atomic(path) as scratch:
        data.to_netcdf(scratch, engine="h5netcdf", encoding=encoding)


def as_dataset(weather: Weather, found: Mapping[str, Found]) -> xr.Dataset:
    """Return what `write` writes.

    Returns
    -------
    Dataset
        ``pattern_of_window`` (representation, time), ``use`` (time), ``windows``, ``centre_time``
        (representation, pattern), ``composite`` and ``centre`` (representation, pattern, lag and
        the axes of the map), heights of the main level in metres.
    """
    import xarray as xr

    k = max(len(one.nearest) for one in found.values())
    frames = replace(weather.main, low=None, high=None)
    composites, counts = _composites(frames, found, k)
    nearest = np.stack([one.nearest for one in found.values()])
    centres = np.full_like(composites, np.nan)
    centres[nearest >= 0] = frames[nearest[nearest >= 0]][..., 0]
    times = weather.times.astype("datetime64[ns]")
    centre_times = np.where(nearest >= 0, times[nearest], np.datetime64("NaT"))
    step = np.diff(weather.main.frame_times[weather.main.starts[0] :][: weather.length])
    lags = np.concatenate([[0], np.cumsum(step / np.timedelta64(1, "h"))])
    use = np.where(weather.training, 1, np.where(weather.testing, 2, 0)).astype(np.int8)
    labels = np.stack([one.labels for one in found.values()]).astype(np.int16)
    maps, mapping = _map(weather.grid)
    each = ("representation", "pattern")
    height = {"standard_name": "geopotential_height", "units": "m", **mapping}
    return xr.Dataset(
        {
            "pattern_of_window": (
                ("representation", "time"),
                labels,
                {
                    "long_name": "weather pattern of the window",
                    "flag_values": np.arange(k, dtype=np.int16),
                    "flag_meanings": " ".join(f"pattern_{i}" for i in range(k)),
                },
            ),
            "use": (
                "time",
                use,
                {
                    "long_name": "what the window was used for",
                    "flag_values": np.arange(3, dtype=np.int8),
                    "flag_meanings": "nothing training testing",
                },
            ),
            "windows": (each, counts, {"long_name": "number of windows", "units": "1"}),
            "centre_time": (
                each,
                centre_times,
                {"long_name": "start of the training window nearest to the centre"},
            ),
            "composite": (
                (*each, "lag", *maps["dims"]),
                composites,
                height
                | {
                    "long_name": "mean fields of the windows of the pattern",
                    "cell_methods": "time: mean (over the windows of the pattern)",
                },
            ),
            "centre": (
                (*each, "lag", *maps["dims"]),
                centres,
                height
                | {
                    "long_name": "fields of the training window nearest to the centre",
                    "ancillary_variables": "centre_time",
                },
            ),
            **maps["variables"],
            "time_bnds": (("time", "bnds"), _bounds(weather, times)),
        },
        {
            "time": (
                "time",
                times,
                {
                    "standard_name": "time",
                    "long_name": "start of the window",
                    "axis": "T",
                    "bounds": "time_bnds",
                },
            ),
            "representation": ("representation", list(found), {"long_name": "what was clustered"}),
            "pattern": ("pattern", np.arange(k, dtype=np.int16), {"long_name": "weather pattern"}),
            "lag": ("lag", lags, {"long_name": "time since the start", "units": "hours"}),
            "pressure": (
                (),
                float(weather.levels[0]),
                {
                    "standard_name": "air_pressure",
                    "units": "hPa",
                    "positive": "down",
                    "axis": "Z",
                },
            ),
            **maps["coordinates"],
        },
        {
            "Conventions": CONVENTIONS,
            "title": f"Weather patterns of {weather.title}",
            "source": f"{weather.name}: {', '.join(f'{k} {v}' for k, v in weather.params.items())}",
            "history": "written by latentbook",
            "references": "https://cfconventions.org",
        },
    )


def _composites(frames: Any, found: Mapping[str, Found], k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean fields of every pattern, NaN for an empty one, and the numbers of windows."""
    size = int(np.prod(frames.shape[1:]))
    sums = np.zeros((len(found), k, size))
    for rows in gen_batches(len(frames), BATCH):
        x = frames[np.arange(rows.start, rows.stop)].reshape(-1, size)
        for total, one in zip(sums, found.values(), strict=True):
            total += (one.labels[rows] == np.arange(k)[:, None]).astype(np.float32) @ x
    counts = np.stack([np.bincount(one.labels, minlength=k) for one in found.values()])
    shape = (*counts.shape, *frames.shape[1:4])
    empty = np.full((*counts.shape, size), np.nan)
    means = np.divide(sums, counts[..., None], out=empty, where=counts[..., None] > 0)
    return means.astype(np.float32).reshape(shape), counts.astype(np.int32)


def _bounds(weather: Weather, times: np.ndarray) -> np.ndarray:
    """Return the times of the first and of the last field of every window."""
    last = weather.main.frame_times[weather.main.starts + weather.length - 1]
    return np.stack([times, last.astype("datetime64[ns]")], axis=1)


def _map(grid: Grid) -> tuple[dict[str, Any], dict[str, str]]:
    """Return dimensions, coordinates and variables of the map, and what a field says of it."""
    longitude = {"standard_name": "longitude", "units": "degrees_east"}
    latitude = {"standard_name": "latitude", "units": "degrees_north"}
    if "+proj=longlat" in grid.crs:
        coordinates: dict[str, Any] = {
            "latitude": ("latitude", grid.y, latitude | {"axis": "Y"}),
            "longitude": ("longitude", grid.x, longitude | {"axis": "X"}),
        }
        return {"dims": ("latitude", "longitude"), "coordinates": coordinates, "variables": {}}, {}
    import pyproj

    said = {key: value for key, value in pyproj.CRS(grid.crs).to_cf().items() if value is not None}
    coordinates = {
        "y": ("y", grid.y, {"standard_name": "projection_y_coordinate", "units": "m", "axis": "Y"}),
        "x": ("x", grid.x, {"standard_name": "projection_x_coordinate", "units": "m", "axis": "X"}),
        "latitude": (("y", "x"), grid.latitude, latitude),
        "longitude": (("y", "x"), grid.longitude, longitude),
    }
    variables = {"crs": ((), np.int32(0), said)}
    return (
        {"dims": ("y", "x"), "coordinates": coordinates, "variables": variables},
        {"grid_mapping": "crs"},
    )
