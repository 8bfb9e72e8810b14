"""Cut the weather sample that the repository ships out of a long simulated run.

    python tools/weather_sample.py RUN.nc [--periods 2001-02:2001-04 2002-02:2002-04] [--out FILE]

RUN.nc is what ``tools/simulate_weather.py`` writes. The packed integers are copied as they are,
the same three months of two years (one to learn from, one to test on), at the grid points between
which the domain of the study lies.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from latentbook import files, paths
from latentbook.weather.grid import EUROPE
from latentbook.weather.sources import times

#: Attributes of the sample beside those of the run.
TITLE = "Simulated weather over Europe, two springs (climate model jcm, T31), for latentbook"


def around(nodes: np.ndarray, inside: np.ndarray) -> slice:
    """Return the ascending `nodes` that enclose `inside`."""
    first, last = np.searchsorted(nodes, [inside.min(), inside.max()])
    return slice(int(first) - 1, int(last) + 1)


def cut(run: xr.Dataset, periods: Sequence[times.Period]) -> xr.Dataset:
    """Return the part of `run` (packed, times decoded) that is shipped."""
    index = np.arange(run.sizes["time"])
    found = [index[times.within(run["time"].values, period, "the run")] for period in periods]
    part = run.isel(
        time=np.concatenate(found),
        lat=around(run["lat"].values, EUROPE.latitude),
        lon=around(run["lon"].values, EUROPE.longitude),
    )
    return part.assign_attrs(title=TITLE, simulated="true")


def main() -> None:
    """Parse the arguments, cut and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="file of the long run")
    parser.add_argument(
        "--periods",
        nargs="+",
        default=["2001-02:2001-04", "2002-02:2002-04"],
        help="first and last month of each",
    )
    parser.add_argument(
        "--out", type=Path, default=paths.samples() / "weather-sample.nc", help="target"
    )
    arguments = parser.parse_args()
    periods = [(p.partition(":")[0], p.rpartition(":")[2]) for p in arguments.periods]
    with xr.open_dataset(arguments.run, engine="h5netcdf", mask_and_scale=False) as run:
        sample = cut(run, periods)
        packing = {
            name: {"zlib": True, "complevel": 9, "shuffle": True, "chunksizes": field.shape}
            for name, field in sample.data_vars.items()
        }
        for name, field in sample.data_vars.items():  # one field of a level after the other
            packing[name]["chunksizes"] = (field.sizes["time"], 1, *field.shape[2:])
        with files.atomic(arguments.out) as scratch:
            sample.to_netcdf(scratch, engine="h5netcdf", encoding=packing)
    print(f"{arguments.out}: {sample.sizes['time']} times, {arguments.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
