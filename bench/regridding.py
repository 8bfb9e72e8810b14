"""Measure what bringing decades of weather to the study's grid costs, and how fast windows come.

    python bench/regridding.py [--years 1 2 4 40] [--workers 1 2] [--folder FOLDER]

Yearly files like those of ERA-Interim are generated (6-hourly geopotential at three levels, 0.75
degrees, 16-bit integers, north on top, longitudes from 0) and prepared, each number of years with
each number of workers, in a process of its own that reports its largest memory (of several
workers, that of the largest). Then windows of eight fields are gathered in random batches of 32
from the longest store, once from a mapped file, and once, where they are few enough, from memory.
FOLDER needs 0.2 GB a year; a temporary one is used and removed by default.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from joblib.externals.loky import get_reusable_executor

from latentbook.study import provenance
from latentbook.weather import store, windows

LEVELS = (500.0, 700.0, 900.0)
BATCH = 32


def path(folder: Path, year: int) -> Path:
    """Return the file of a year."""
    return folder / f"z-{year}.nc"


def generate(folder: Path, year: int) -> None:
    """Write a year of heights: a mean state and twelve travelling waves, in m2 s-2."""
    import xarray as xr

    if path(folder, year).exists():
        return
    steps = np.arange(f"{year}-01-01", f"{year + 1}-01-01", 6, dtype="datetime64[h]")
    latitude, longitude = np.arange(78.0, 23, -0.75), np.arange(-48.0, 79.5, 0.75)
    rng = np.random.default_rng(year)
    north, east = np.meshgrid(np.radians(latitude), np.radians(longitude), indexing="ij")
    phase = np.linspace(0, 2 * np.pi * 60, len(steps))
    waves, motion = [], []
    for _ in range(12):
        k, m, speed = rng.integers(2, 9), rng.integers(1, 6), rng.uniform(0.5, 1.5)
        for quarter in (0, np.pi / 2):
            waves.append(np.cos(k * east + m * north - quarter).ravel())
            motion.append(40 * np.cos(speed * phase - quarter))
    travelling = (np.array(motion, np.float32).T @ np.array(waves, np.float32)).reshape(
        len(steps), 1, *north.shape
    )
    still = (7_400 * np.log(1013.25 / np.array(LEVELS)))[:, None, None] - 600 * np.sin(north)
    z = travelling + still.astype(np.float32)
    data = xr.Dataset(
        {"z": (("time", "level", "latitude", "longitude"), z * 9.80665, {"units": "m**2 s**-2"})},
        {
            "time": steps.astype("datetime64[ns]"),
            "level": ("level", np.array(LEVELS), {"units": "millibars"}),
            "latitude": latitude,
            "longitude": longitude % 360,
        },
        {"title": "Generated for a measurement", "simulated": "true"},
    ).sortby("longitude")
    packing: dict[str, Any] = {"dtype": "int16", "scale_factor": 2.0, "add_offset": 30_000.0}
    packing["_FillValue"] = -32767
    data.to_netcdf(path(folder, year), engine="h5netcdf", encoding={"z": packing})


def child(paths: list[str], workers: int) -> None:
    """Prepare the files and print path, seconds and largest memory as JSON."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, processor = time.perf_counter(), time.process_time()
    prepared = store.prepare(paths, workers=workers, progress=False)
    seconds = time.perf_counter() - start
    own = resource.getrusage(resource.RUSAGE_SELF)
    get_reusable_executor(max_workers=workers).shutdown(wait=True)
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "path": str(prepared),
                "seconds": seconds,
                "processor": time.process_time() - processor + others.ru_utime + others.ru_stime,
                "before": before / 1024,
                "peak": max(own.ru_maxrss, others.ru_maxrss) / 1024,
                "load": os.getloadavg()[0],
            }
        )
    )


def size(folder: Path) -> float:
    """Return the bytes below a folder, in GB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e9


def prepare(paths: list[Path], years: int, workers: int) -> Path:
    """Run `child` in a process of its own and print its row."""
    argv = [sys.executable, __file__, "--workers", str(workers), "--child", *map(str, paths)]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    prepared = Path(found["path"])
    source = sum(file.stat().st_size for file in paths) / 1e9
    print(
        f"{years:5} {workers:7} {source:9.2f} {size(prepared):9.2f} "
        f"{found['seconds']:9.1f} {found['processor']:11.1f} {found['seconds'] / years:9.2f} "
        f"{found['peak']:9.0f} {found['peak'] - found['before']:12.0f} {found['load']:5.1f}",
        flush=True,
    )
    return prepared


def gather(prepared: Path, held: bool, batches: int) -> None:
    """Print how many windows a second come in random batches."""
    windows.HELD = (8 << 30) if held else 0
    start = time.perf_counter()
    cut = windows.windows(store.open_store(prepared)["z"])
    cut = cut.scaled(cut.subset(np.arange(len(cut)) < 500))
    opened = time.perf_counter() - start
    order = np.random.default_rng(0).permutation(len(cut))[: batches * BATCH]
    start = time.perf_counter()
    for first in range(0, len(order), BATCH):
        cut[order[first : first + BATCH]]
    seconds = time.perf_counter() - start
    way = "from memory" if held else "from a mapped file"
    print(
        f"{way:20}{len(cut):,} windows of {cut.shape[1:]}: {len(order) / seconds:.0f} windows a "
        f"second in batches of {BATCH} (ready after {opened:.1f} s)",
        flush=True,
    )


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, nargs="+", default=[1, 2, 4, 40])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", type=Path, help="for the generated files and the stores")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--generate", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.workers[0])
        return
    if arguments.generate:
        for i in range(arguments.generate):
            generate(arguments.folder, 1980 + i)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["LATENTBOOK_CACHE"] = str(folder / "cache")
        shutil.rmtree(folder / "cache", ignore_errors=True)
        print(f"{provenance.device()}, {os.cpu_count()} cores")
        print(
            "years workers source GB  store GB   seconds  processor s   s/year   peak MB"
            "  above start  load",
            flush=True,
        )
        # in another process: a child starts with the largest memory of its parent
        argv = [sys.executable, __file__, "--generate", str(max(arguments.years))]
        subprocess.run([*argv, "--folder", str(folder)], check=True)
        stores: dict[int, Path] = {}
        for years in sorted(arguments.years):
            for workers in arguments.workers:
                shutil.rmtree(folder / "cache", ignore_errors=True)
                paths = [path(folder, 1980 + i) for i in range(years)]
                stores = {years: prepare(paths, years, workers)}
        for years, prepared in stores.items():  # the longest
            gather(prepared, held=False, batches=40)
            if years <= 4:
                gather(prepared, held=True, batches=40)


if __name__ == "__main__":
    main()
