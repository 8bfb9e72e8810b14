"""Regridded weather kept in the cache as a Zarr store, written block by block.

Forty years of fields do not fit into memory and take minutes to interpolate: they are brought to
the grid once, a block of time after the other, and a run that is killed goes on after its last
complete block.
What is interpolated, and how, is left to `grid`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from latentbook import cache, files, paths
from latentbook.errors import LatentbookError, check_between
from latentbook.weather import sources
from latentbook.weather.grid import EUROPE, Grid, regrid
from latentbook.weather.sources.reading import Source
from latentbook.weather.sources.times import Period

if TYPE_CHECKING:
    import xarray as xr

#: Times of a chunk of the store, which is what windows are read by, and chunks of a block.
CHUNK, CHUNKS_A_BLOCK = 64, 8

#: Step and middle of 16-bit integers, in the units of the variable.
PACKING = {
    "z": (0.5, 12_000.0),
    "u": (0.01, 0.0),
    "v": (0.01, 0.0),
    "t": (0.01, 250.0),
    "msl": (0.01, 1_000.0),
}


def prepare(
    source: Source | xr.Dataset,
    grid: Grid = EUROPE,
    variables: Sequence[str] = ("z",),
    levels: Sequence[float] | None = None,
    period: Period | None = None,
    *,
    every: int | None = None,
    packed: bool = False,
    progress: bool = True,
) -> Path:
    """Bring weather to `grid` and return the store that holds it, from the cache if it is there.

    Parameters
    ----------
    source
        What `weather.sources.open` takes, or what it returned; then `variables`, `levels` and
        `period` are not looked at.
    grid
        Where to.
    variables, levels, period
        As for `weather.sources.open`.
    every
        Keep only the times at whole multiples of this many hours after midnight UTC, as 6 of the
        hourly fields of ERA5.
    packed
        Store 16-bit integers (z to half a metre, winds to 0.01 m s-1) instead of float32: half the
        disk.
    progress
        Show a bar.

    Returns
    -------
    Path
        For `open_store`. Two processes that want the same store wait for each other.

    Raises
    ------
    LatentbookError
        For what `weather.sources.open` and `grid.regrid` refuse, NaN, and a full disk.
    """
    import xarray as xr

    if isinstance(source, xr.Dataset):
        data = source
    else:
        data = sources.open(source, variables, levels, period=period)
    data = _hours(data, every)
    key = _key(data, grid) | {"packed": packed}
    name = hashlib.sha256(cache.canonical(key).encode()).hexdigest()[:24]
    path = paths.cache() / "weather" / f"{name}.zarr"
    with files.writable(path), FileLock(path.with_suffix(".lock")):
        _write(data, grid, path, packed, progress)
    return path


def open_store(path: Path) -> xr.Dataset:
    """Return what `prepare` wrote, lazily: dims (time, level, y, x), float32.

    Raises
    ------
    LatentbookError
        If there is no complete store.
    """
    import xarray as xr

    n = _done(path)
    try:
        data = xr.open_zarr(path, chunks={}, consolidated=False, decode_timedelta=False)
    except (OSError, ValueError, KeyError) as error:
        raise LatentbookError(f"{path} is no store of weather: prepare it again") from error
    if n < data.sizes["time"]:
        raise LatentbookError(
            f"the store {path} holds {n:,} of {data.sizes['time']:,} times: prepare it again, and "
            "it goes on from there"
        )
    data = data.assign_coords({name: data[name].load() for name in ("latitude", "longitude")})
    names = sorted(map(str, data.data_vars), key=list(PACKING).index)
    return data[names].map(lambda field: field.astype(np.float32), keep_attrs=True)


def _hours(data: xr.Dataset, every: int | None) -> xr.Dataset:
    if every is None:
        return data
    check_between("every", every, 1, 24)
    times = data["time"].values
    since_midnight = times - times.astype("datetime64[D]")
    chosen = np.flatnonzero(since_midnight % np.timedelta64(every, "h") == np.timedelta64(0))
    if not len(chosen):
        raise LatentbookError(f"no time is a multiple of {every} hours after midnight UTC")
    step = int(chosen[1] - chosen[0]) if len(chosen) > 1 else 1
    if (np.diff(chosen) == step).all():  # a slice is read lazily
        return data.isel(time=slice(int(chosen[0]), int(chosen[-1]) + 1, step))
    return data.isel(time=chosen)


def _key(data: xr.Dataset, grid: Grid) -> dict[str, Any]:
    """Return what determines the store: the source, its axes, its variables, and the grid."""
    axes = [data[axis].values for axis in sorted(map(str, data.dims))]
    return {
        "source": data.attrs.get("digest") or _content(data),
        "variables": sorted(map(str, data.data_vars)),
        "axes": cache.digest(
            *[axis.view("i8") if axis.dtype.kind == "M" else axis for axis in axes]
        ),
        "grid": [grid.crs, cache.digest(grid.x, grid.y)],
        "interpolation": "bilinear",
    }


def _content(data: xr.Dataset) -> str:
    """Return a digest of the values of data that were not opened but made."""
    sha = hashlib.sha256()
    for name in sorted(map(str, data.data_vars)):
        for start in range(0, data.sizes["time"], CHUNK):
            block = data[name].isel(time=slice(start, start + CHUNK))
            sha.update(np.ascontiguousarray(block.values).data)
    return sha.hexdigest()


def _write(data: xr.Dataset, grid: Grid, path: Path, packed: bool, progress: bool) -> None:
    from tqdm import tqdm

    total, block = data.sizes["time"], CHUNK * CHUNKS_A_BLOCK
    done = _done(path)
    if not done:
        shutil.rmtree(path, ignore_errors=True)
        _lay_out(regrid(data, grid), path, packed)
    elif done < total:
        print(f"resumed after {done:,} of {total:,} times")
    with tqdm(total=total, initial=done, unit="time", disable=not progress or done == total) as bar:
        for start in range(done, total, block):
            stop = min(start + block, total)
            part = regridded_block(data.isel(time=slice(start, stop)), grid, start)
            if packed:
                _check_packable(part)
            part.to_zarr(path, region={"time": slice(start, stop)}, consolidated=False)
            with files.atomic(_progress(path)) as scratch:
                scratch.write_text(json.dumps({"times": stop}))
            bar.update(stop - start)


def regridded_block(part: xr.Dataset, grid: Grid, done: int) -> xr.Dataset:
    """Return `part` on `grid`, in memory, without the axes that the store has already.

    A source that fails on the way is no fault of the store.
    """
    try:
        # cut before and not after regridding: dask would regrid the source's whole chunks
        result = regrid(part, grid).compute()
    except OSError as error:
        raise LatentbookError(
            f"{part.attrs.get('name', 'the source')} could not be read on after {done:,} times "
            f"({error}): check the file or the network and prepare it again, it goes on from there"
        ) from error
    constant = [name for name in result.variables if "time" not in result[name].dims]
    return result.drop_vars(constant).drop_encoding()


def _lay_out(data: xr.Dataset, path: Path, packed: bool) -> None:
    """Write axes, attributes and the empty arrays."""
    encoding: dict[str, dict[str, Any]] = {}
    for name, field in data.data_vars.items():
        chunks = (min(CHUNK, data.sizes["time"]), *field.shape[1:])
        encoding[str(name)] = {"chunks": chunks}
        if packed:
            step, middle = PACKING[str(name)]
            encoding[str(name)] |= {
                "dtype": "int16",
                "scale_factor": step,
                "add_offset": middle,
                "_FillValue": -32768,
            }
    axes = {name: data[name].compute() for name in data.coords}
    # only the fields may be lazy: what is lazy is left empty
    template = data.drop_encoding().chunk({"time": CHUNK}).assign_coords(axes)
    template.to_zarr(path, mode="w", compute=False, encoding=encoding, consolidated=False)


def _check_packable(part: xr.Dataset) -> None:
    for name, field in part.data_vars.items():
        step, middle = PACKING[str(name)]
        furthest = float(np.abs(field - middle).max())
        if furthest > 32_767 * step:
            raise LatentbookError(
                f"{name} is {furthest:.0f} {field.attrs['units']} away from {middle:g}, too far to "
                "be packed: prepare it as float32"
            )


def _progress(path: Path) -> Path:
    """Return the file that says how many times are written; it lies beside the store."""
    return path.with_suffix(".json")


def _done(path: Path) -> int:
    """Return how many times of the store are complete; 0 if it must be begun anew."""
    try:
        done = int(json.loads(_progress(path).read_text())["times"])
    except (OSError, ValueError, KeyError):
        return 0
    return done if (path / "zarr.json").is_file() else 0
