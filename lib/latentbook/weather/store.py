"""Regridded weather kept in the cache as a Zarr store, written block by block.

Forty years of fields do not fit into memory and take minutes to interpolate: they are brought to
the grid once, a block of time after the other, by as many processes as there are.
A run that is killed goes on after its complete blocks.
A store serves every request for a part of it: fewer variables, levels or times.
What is interpolated, and how, is left to `grid`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as of_class
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from latentbook import cache, files, paths
from latentbook.errors import LatentbookError, check_between
from latentbook.weather import sources
from latentbook.weather.grid import EUROPE, Grid, regrid
from latentbook.weather.sources import times
from latentbook.weather.sources.axes import Selection, listed
from latentbook.weather.sources.reading import Source
from latentbook.weather.sources.times import Period

if TYPE_CHECKING:
    import xarray as xr

#: Times of a chunk of the store, which is what windows are read by, and chunks of a block.
CHUNK, CHUNKS_A_BLOCK = 64, 8
#: Files of the source that are held open while a store is written.
OPEN = 4

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
    select: Selection | None = None,
    packed: bool = False,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Bring weather to `grid` and return a store that holds it, from the cache if one does.

    Parameters
    ----------
    source
        What `weather.sources.open` takes, or what it returned; then `variables`, `levels`,
        `period` and `select` are not looked at.
    grid
        Where to.
    variables, levels, period, select
        As for `weather.sources.open`.
    every
        Keep only the times at whole multiples of this many hours after midnight UTC, as 6 of the
        hourly fields of ERA5.
    packed
        Store 16-bit integers (z to half a metre, winds to 0.01 m s-1) instead of float32: half the
        disk.
    workers
        Processes that share the blocks. Other processes that want the same store join in.
    progress
        Show a bar.

    Returns
    -------
    Path
        For `open_store`. The store may hold more than was asked for.

    Raises
    ------
    LatentbookError
        For what `weather.sources.open` and `grid.regrid` refuse, NaN, impossible values, and a
        full disk.
    """
    check_between("workers", workers, 1, 256)
    with _few_files():
        data = _opened(source, variables, levels, period, every, select)
    found = _serving(data, grid, packed=packed)
    if found is not None:
        return found
    store = _Store(data, grid, packed)
    with files.writable(store.path):
        store.lay_out()
        if workers > 1:
            _in_processes(store, workers, progress)
        store.fill(progress)
        store.finish()
    return store.path


def regridded(
    source: Source | xr.Dataset,
    grid: Grid = EUROPE,
    variables: Sequence[str] = ("z",),
    levels: Sequence[float] | None = None,
    period: Period | None = None,
    *,
    every: int | None = None,
    select: Selection | None = None,
) -> xr.Dataset:
    """Return weather on `grid`, lazily, and no more than was asked for; parameters as `prepare`.

    A packed store is taken too, where there is no other. Its values are rounded, and a line says
    so.
    """
    data = _opened(source, variables, levels, period, every, select)
    path = _serving(data, grid) or _serving(data, grid, packed=True)
    path = path or prepare(data, grid)
    held = open_store(path)
    if held.attrs["packed"] == "true":
        print(f"{data.attrs['name']}: read from a store that rounds to 16 bits, {path}")
    at = {"level": data["level"].values} if "level" in data.dims else {}
    names = [name for name in PACKING if name in data]
    part = held[names].sel(at)
    rows = np.searchsorted(held["time"].values, data["time"].values)
    own = {name: held.attrs[name] for name in ("grid", "crs")}
    return part.isel(time=_as_slice(rows)).assign_attrs(data.attrs | own)


def is_store(source: object) -> bool:
    """Say whether `source` is the path of what `prepare` wrote."""
    if not isinstance(source, str | os.PathLike):
        return False
    return {"grid", "crs", "packed"} <= set(_attributes_of(Path(source).expanduser()))


def part_of(
    path: Path,
    variables: Sequence[str],
    levels: Sequence[float] | None = None,
    period: Period | None = None,
    *,
    every: int | None = None,
) -> xr.Dataset:
    """Return variables, levels and times of a store that is used as a source.

    Raises
    ------
    LatentbookError
        If it does not hold them.
    """
    held = open_store(path)
    missing = [name for name in variables if name not in held]
    if missing:
        raise LatentbookError(
            f"the store {path} has no {' and no '.join(missing)}, but {listed(held.data_vars)}: "
            f"prepare one with --variables {','.join(variables)}"
        )
    part = held[list(variables)]
    if levels is not None and "level" in part.dims:
        there = part["level"].values
        lacking = [level for level in levels if not np.isclose(there, level).any()]
        if lacking:
            raise LatentbookError(
                f"the store {path} has no level {listed(lacking)} hPa: it has {listed(there)} hPa"
            )
        part = part.sel(level=sorted(levels))
    if period is not None:
        part = part.isel(time=times.within(part["time"].values, period, f"the store {path}"))
    part = _hours(part, every)
    axis = part["time"].values
    step, gaps = times.duration(times.usual_step(axis)), len(times.gaps(axis))
    return part.assign_attrs(held.attrs | {"step": step, "gaps": gaps})


def grid_of(data: xr.Dataset) -> Grid:
    """Return the grid that the fields of a store are on; the study's own where it is that."""
    found = Grid(data.attrs["grid"], data.attrs["crs"], data["x"].values, data["y"].values)
    return EUROPE if _is_same(found, EUROPE) else found


def open_store(path: Path) -> xr.Dataset:
    """Return what `prepare` wrote, lazily: dims (time, level, y, x), float32.

    Raises
    ------
    LatentbookError
        If there is no complete store.
    """
    import xarray as xr

    path = Path(path).expanduser()
    try:
        data = xr.open_zarr(path, chunks={}, consolidated=False, decode_timedelta=False)
        total = data.sizes["time"]
    except (OSError, ValueError, KeyError) as error:
        raise LatentbookError(f"{path} is no store of weather: prepare it again") from error
    if data.attrs.get("complete") != "true":
        raise LatentbookError(
            f"the store {path} holds {_done(path):,} of {total:,} times: prepare it again, and "
            "it goes on from there"
        )
    data = data.assign_coords({name: data[name].load() for name in ("latitude", "longitude")})
    names = sorted(map(str, data.data_vars), key=list(PACKING).index)
    return data[names].map(lambda field: field.astype(np.float32), keep_attrs=True)


# ---------------------------------------------------------------- what is asked for


def _opened(
    source: Source | xr.Dataset,
    variables: Sequence[str],
    levels: Sequence[float] | None,
    period: Period | None,
    every: int | None,
    select: Selection | None,
) -> xr.Dataset:
    import xarray as xr

    if isinstance(source, xr.Dataset):
        return _hours(source, every)
    if is_store(source):
        raise LatentbookError(
            f"{source} is weather on a grid already: give it to a chapter as it is"
        )
    return _hours(sources.open(source, variables, levels, period=period, select=select), every)


def _few_files() -> Any:
    """Let xarray hold few files open: each costs megabytes, and a block needs one or two."""
    import xarray as xr

    return xr.set_options(file_cache_maxsize=OPEN)


def _hours(data: xr.Dataset, every: int | None) -> xr.Dataset:
    if every is None:
        return data
    check_between("every", every, 1, 24)
    axis = data["time"].values
    since_midnight = axis - axis.astype("datetime64[D]")
    chosen = np.flatnonzero(since_midnight % np.timedelta64(every, "h") == np.timedelta64(0))
    if not len(chosen):
        raise LatentbookError(f"no time is a multiple of {every} hours after midnight UTC")
    data = data.isel(time=_as_slice(chosen))
    axis = data["time"].values
    step, gaps = times.duration(times.usual_step(axis)), len(times.gaps(axis))
    return data.assign_attrs({"step": step, "gaps": gaps})


def _as_slice(rows: np.ndarray) -> Any:
    """Return ascending positions as a slice where they are one: that is read lazily."""
    step = int(rows[1] - rows[0]) if len(rows) > 1 else 1
    if step > 0 and (np.diff(rows) == step).all():
        return slice(int(rows[0]), int(rows[-1]) + 1, step)
    return rows


def _source(data: xr.Dataset) -> str:
    return str(data.attrs.get("digest") or _content(data))


def _content(data: xr.Dataset) -> str:
    """Return a digest of the values of data that were not opened but made."""
    sha = hashlib.sha256()
    for name in sorted(map(str, data.data_vars)):
        for start in range(0, data.sizes["time"], CHUNK):
            block = data[name].isel(time=slice(start, start + CHUNK))
            sha.update(np.ascontiguousarray(block.values).data)
    return sha.hexdigest()


def _is_same(one: Grid, other: Grid) -> bool:
    return one.crs == other.crs and all(
        len(a) == len(b) and np.allclose(a, b) for a, b in ((one.x, other.x), (one.y, other.y))
    )


def _serving(data: xr.Dataset, grid: Grid, *, packed: bool = False) -> Path | None:
    """Return a complete store that holds all of `data`; with `packed`, a rounded one will do."""
    import xarray as xr

    wanted = {"source": _source(data), "grid": _grid_key(grid)}
    levels = set(map(float, data["level"].values)) if "level" in data.dims else set()
    for file in sorted((paths.cache() / "weather").glob("*.json")):
        path = file.with_suffix(".zarr")
        found = _manifest(path)
        if not found.get("complete") or any(found.get(key) != wanted[key] for key in wanted):
            continue
        if found["packed"] and not packed:
            continue
        if not set(map(str, data.data_vars)) <= set(found["variables"]):
            continue
        if not levels <= set(found["levels"]):
            continue
        try:
            held = xr.open_zarr(path, chunks=None, consolidated=False)["time"].values
        except (OSError, ValueError, KeyError):
            continue
        if np.isin(data["time"].values, held).all():
            return path
    return None


def _grid_key(grid: Grid) -> list[str]:
    return [grid.crs, cache.digest(grid.x, grid.y)]


# ---------------------------------------------------------------- writing


@dataclass(frozen=True, eq=False)
class _Store:
    """A store that is being written, by this process and maybe by others.

    Beside the folder NAME.zarr lie NAME.json, which says what the store holds, and the folder
    NAME.blocks with a lock for every block and a mark for every complete one.
    """

    data: xr.Dataset
    grid: Grid
    packed: bool
    block: int = of_class(default_factory=lambda: CHUNK * CHUNKS_A_BLOCK)

    @cached_property
    def key(self) -> dict[str, Any]:
        """What the store holds, as its manifest says it."""
        names = sorted(map(str, self.data.dims))
        axes = [self.data[name].values for name in names]
        return {
            "source": _source(self.data),
            "grid": _grid_key(self.grid),
            "variables": sorted(map(str, self.data.data_vars)),
            "levels": [float(x) for x in self.data["level"].values] if "level" in names else [],
            "axes": cache.digest(*[a.view("i8") if a.dtype.kind == "M" else a for a in axes]),
            "interpolation": "bilinear",
            "packed": self.packed,
            "block": self.block,
        }

    @cached_property
    def path(self) -> Path:
        """The folder of the store."""
        name = hashlib.sha256(cache.canonical(self.key).encode()).hexdigest()[:24]
        return paths.cache() / "weather" / f"{name}.zarr"

    @property
    def starts(self) -> range:
        """First time of every block."""
        return range(0, self.data.sizes["time"], self.block)

    def lay_out(self) -> None:
        """Write axes and empty arrays, unless they are there and whole."""
        with FileLock(self.path.with_suffix(".lock")):
            if _manifest(self.path) and (self.path / "zarr.json").is_file():
                done = _done(self.path)
                if 0 < done < self.data.sizes["time"]:
                    print(f"resumed after {done:,} of {self.data.sizes['time']:,} times")
                return
            for folder in (self.path, _blocks(self.path)):
                shutil.rmtree(folder, ignore_errors=True)
            _lay_out(regrid(self.data, self.grid), self.path, self.packed)
            _blocks(self.path).mkdir()
            _write_manifest(self.path, self.key | {"complete": False})

    def fill(self, progress: bool = False, leader: int | None = None) -> None:
        """Write every block that nobody has written; those that others write are waited for.

        Parameters
        ----------
        leader : int, optional
            Process without which this one stops.
        """
        from tqdm import tqdm

        total = self.data.sizes["time"]
        done = _done(self.path)
        bar = tqdm(total=total, initial=done, unit="time", disable=not progress or done == total)
        with bar, _few_files():
            for wait in (False, True):
                for start in self.starts:
                    if leader is not None and os.getppid() != leader:
                        return
                    mark = _blocks(self.path) / f"{start:09}.json"
                    if not mark.exists():
                        self._fill_one(start, mark, wait)
                        bar.update(_done(self.path) - bar.n)

    def _fill_one(self, start: int, mark: Path, wait: bool) -> None:
        try:
            with FileLock(mark.with_suffix(".lock"), timeout=-1 if wait else 0):
                if mark.exists():
                    return
                stop = min(start + self.block, self.data.sizes["time"])
                part = regridded_block(
                    self.data.isel(time=slice(start, stop)), self.grid, _done(self.path)
                )
                if self.packed:
                    _check_packable(part)
                part.to_zarr(self.path, region={"time": slice(start, stop)}, consolidated=False)
                with files.atomic(mark) as scratch:
                    scratch.write_text(json.dumps({"times": stop - start}))
        except Timeout:
            return

    def finish(self) -> None:
        """Say that all is there: in the store, which may be moved, and beside it."""
        import zarr

        with FileLock(self.path.with_suffix(".lock")):
            if _done(self.path) == self.data.sizes["time"]:
                zarr.open_group(self.path, mode="r+").attrs["complete"] = "true"
                _write_manifest(self.path, self.key | {"complete": True})


def _in_processes(store: _Store, workers: int, progress: bool) -> None:
    """Let other processes fill the store beside this one."""
    from joblib import Parallel, delayed

    jobs = [delayed(_work)(store, os.getpid(), progress and i == 0) for i in range(workers)]
    Parallel(n_jobs=workers, backend="loky", max_nbytes=None)(jobs)


def _work(store: _Store, leader: int, progress: bool) -> None:
    """Fill a store in a process of its own, with one thread."""
    import dask

    with dask.config.set(scheduler="synchronous"):
        store.fill(progress, leader)


def regridded_block(part: xr.Dataset, grid: Grid, done: int) -> xr.Dataset:
    """Return `part` on `grid`, in memory, without the axes that the store has already.

    A source that fails on the way is no fault of the store.
    """
    try:
        # cut before and not after regridding: dask would regrid the source's whole chunks
        result = regrid(part, grid, check=True).compute()
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
    template = template.assign_attrs(packed=str(packed).lower())
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


def _manifest(path: Path) -> Mapping[str, Any]:
    """Return what a store says of itself; empty without a usable manifest or without the store."""
    try:
        found = json.loads(path.with_suffix(".json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and (path / "zarr.json").is_file() else {}


def _write_manifest(path: Path, said: Mapping[str, Any]) -> None:
    with files.atomic(path.with_suffix(".json")) as scratch:
        scratch.write_text(cache.canonical(said))


def _attributes_of(path: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads((path / "zarr.json").read_text())["attributes"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _blocks(path: Path) -> Path:
    """Return the folder of the marks and locks of blocks; it lies beside the store."""
    return path.with_suffix(".blocks")


def _done(path: Path) -> int:
    """Return how many times of the store are complete."""
    done = 0
    for mark in _blocks(path).glob("*.json"):
        try:
            done += int(json.loads(mark.read_text())["times"])
        except (OSError, ValueError, KeyError):
            continue
    return done
