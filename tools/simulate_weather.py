"""Simulate years of 6-hourly weather with the climate model jcm, as `weather-simulated` was made.

    python tools/simulate_weather.py OUT.nc [--years 4] [--truncation 31]

jcm (SPEEDY physics in JAX, eight levels) brings its mountains and its climate of sea surface, ice
and soil along, so nothing is downloaded. Half a year of spin-up is thrown away. Each year then
takes about six minutes of one core at T31 and is kept in OUT.nc.parts with the state of the model,
so that a run that is killed goes on after its last complete year. OUT.nc holds z, u and v at 500,
700 and 900 hPa on the model's Gaussian grid over the Atlantic and Europe, as 16-bit integers.

Needs an environment of its own (1.6 GB) with the extra ``simulation`` of this package; the run
behind the book was made with jcm 3.0.0, dinosaur 1.5.1, jax 0.10.2 and flax 0.12.8.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from latentbook import files

LEVELS = (500.0, 700.0, 900.0)
WEST, EAST, SOUTH, NORTH = -60.0, 90.0, 15.0, 86.0
#: The model's own constants: gravity, gas constant of dry air, and a lapse rate below the ground.
GRAVITY, GAS, LAPSE = 9.81, 287.0, 6.5e-3
#: Observed mean pressure at sea level (hPa), and the temperature of the atmosphere at rest (K).
MEAN_PRESSURE, AT_REST = 1011.0, 288.0
#: Step and middle of the integers in the file.
PACKING = {"z": (1.0, 3000.0, "m"), "u": (0.1, 0.0, "m s-1"), "v": (0.1, 0.0, "m s-1")}
#: Days that are integrated at once; more need more memory.
STRETCH = 5


@dataclass
class Simulation:
    """A model that knows where it is, and which grid points are kept."""

    model: Any
    forcing: Any
    sigma: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    columns: np.ndarray
    rows: np.ndarray

    def advance(self, days: int, kept: bool = True) -> xr.Dataset | None:
        """Integrate `days` and return the fields, or nothing while the model spins up."""
        found = self.model.resume(forcing=self.forcing, save_interval=0.25, total_time=float(days))
        state = found.dynamics
        pressure = 1000.0 * np.asarray(state.normalized_surface_pressure, float)
        low, high = (350, 1150) if kept else (200, 1300)  # the start is rough
        if not (np.isfinite(pressure).all() and low < pressure.min() < pressure.max() < high):
            raise SystemExit("the model became unstable: choose a shorter time step")
        if not kept:
            return None
        names = ("geopotential", "temperature", "specific_humidity", "u_wind", "v_wind")
        at_levels = on_pressure_levels(
            self.sigma, pressure, *(np.asarray(getattr(state, name), float) for name in names)
        )
        times = np.asarray(found.time_labels()).astype("datetime64[ns]")
        dims = ("time", "level", "lat", "lon")
        kept_points = np.ix_(self.rows, self.columns)
        fields = {
            name: (dims, np.moveaxis(field, 2, 3)[..., kept_points[0], kept_points[1]])
            for name, field in at_levels.items()
        }
        axes = {"time": times, "level": list(LEVELS)}
        axes |= {"lat": self.latitude[self.rows], "lon": self.longitude[self.columns]}
        return xr.Dataset(fields, axes)

    def run(self, days: int, kept: bool = True) -> xr.Dataset | None:
        """Do `advance` in stretches."""
        done = [self.advance(min(STRETCH, days - first), kept) for first in range(0, days, STRETCH)]
        parts = [part for part in done if part is not None]
        return xr.concat(parts, "time") if parts else None


def on_pressure_levels(
    sigma: np.ndarray,
    surface: np.ndarray,
    geopotential: np.ndarray,
    temperature: np.ndarray,
    humidity: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
) -> dict[str, np.ndarray]:
    """Interpolate from the model's levels to `LEVELS`.

    Winds are linear in the logarithm of pressure; heights are cubic with hydrostatic slopes, and
    below the lowest level follow a constant lapse rate.

    Parameters
    ----------
    sigma
        Pressure of the model's levels as a share of that at the surface, ascending.
    surface : array of shape (time, lon, lat)
        Pressure in hPa.
    geopotential, temperature, humidity, u, v : arrays of shape (time, level, lon, lat)
        In m2 s-2, K, kg kg-1 and m s-1.

    Returns
    -------
    dict of arrays of shape (time, len(LEVELS), lon, lat)
        ``z`` in m, ``u`` and ``v``.
    """
    log_sigma = np.log(sigma)
    virtual = temperature * (1 + 0.608 * humidity)
    result: dict[str, list[np.ndarray]] = {"z": [], "u": [], "v": []}
    for level in LEVELS:
        target = np.log(level / surface)
        above = (log_sigma[:, None, None] <= target[:, None]).sum(axis=1) - 1
        above = np.clip(above, 0, len(sigma) - 2)

        def at(field: np.ndarray, k: np.ndarray) -> np.ndarray:
            return np.take_along_axis(field, k[:, None], axis=1)[:, 0]

        width = log_sigma[above + 1] - log_sigma[above]
        w = np.clip((target - log_sigma[above]) / width, 0, 1)
        for name, field in (("u", u), ("v", v)):
            result[name].append((1 - w) * at(field, above) + w * at(field, above + 1))
        slopes = [-GAS * at(virtual, k) * width for k in (above, above + 1)]
        ends = [at(geopotential, k) for k in (above, above + 1)]
        z = ends[0] + (ends[1] - ends[0]) * w**2 * (3 - 2 * w)
        z += slopes[0] * w * (1 - w) ** 2 - slopes[1] * w**2 * (1 - w)
        warmer = np.exp((target - log_sigma[-1]) * GAS * LAPSE / GRAVITY)
        under = geopotential[:, -1] - GRAVITY * virtual[:, -1] / LAPSE * (warmer - 1)
        result["z"].append(np.where(target > log_sigma[-1], under, z) / GRAVITY)
    return {name: np.stack(parts, axis=1) for name, parts in result.items()}


def start(truncation: int, step: float, first_day: np.datetime64) -> tuple[Simulation, str]:
    """Return the model at rest on `first_day`, and its description."""
    import jcm
    from jcm.forcing import ForcingData
    from jcm.model import Model
    from jcm.physics.speedy.speedy_coords import get_speedy_coords
    from jcm.terrain import TerrainData

    boundary = resources.files("jcm.data.bc")
    boundary = boundary / "t30" / "clim" if truncation <= 31 else boundary / "t63"
    grid = get_speedy_coords(layers=8, spectral_truncation=truncation)
    forcing = ForcingData.from_file(boundary / "forcing.nc", coords=grid, align_mode="wrap_year")
    terrain = TerrainData.from_file(boundary / "terrain.nc", coords=grid)
    model = Model(coords=grid, time_step=step, start_time=str(first_day), terrain=terrain)
    # by default 1000 hPa everywhere, mountains included: 17 hPa too much air, for good
    state, _ = model.bootstrap_state()
    balanced = np.log(MEAN_PRESSURE / 1000) - np.asarray(terrain.phis0) / (GAS * AT_REST)
    modal = grid.horizontal.to_modal(balanced.astype(np.float32)[None])
    model.bootstrap_state(state.replace(log_surface_pressure=modal))
    longitude = (np.degrees(np.asarray(grid.horizontal.longitudes)) + 180) % 360 - 180
    latitude = np.degrees(np.asarray(grid.horizontal.latitudes))
    order = np.argsort(longitude, kind="stable")
    simulation = Simulation(
        model=model,
        forcing=forcing,
        sigma=np.asarray(grid.vertical.centers, float),
        longitude=longitude,
        latitude=latitude,
        columns=order[(longitude[order] >= WEST) & (longitude[order] <= EAST)],
        rows=np.flatnonzero((latitude >= SOUTH) & (latitude <= NORTH)),
    )
    words = f"jcm {jcm.__version__}, SPEEDY physics, T{truncation}, 8 levels, step {step:g} min"
    return simulation, words


def simulate(arguments: argparse.Namespace) -> None:
    """Spin up, or resume, then write one part a year and join them."""
    from jcm import checkpoint

    parts = arguments.out.with_suffix(arguments.out.suffix + ".parts")
    parts.mkdir(parents=True, exist_ok=True)
    year = arguments.first_year
    january = np.datetime64(f"{year}-01-01")
    simulation, words = start(
        arguments.truncation, arguments.step, january - np.timedelta64(arguments.spin_up, "D")
    )
    states = sorted(parts.glob("state-*"))
    if states:
        checkpoint.load_checkpoint(simulation.model, states[-1])
        year = int(states[-1].name.removeprefix("state-"))
        print(f"resumed at the start of {year}", flush=True)
    else:
        simulation.run(arguments.spin_up, kept=False)
    while year < arguments.first_year + arguments.years:
        began = time.perf_counter()
        days = (np.datetime64(f"{year + 1}-01-01") - np.datetime64(f"{year}-01-01")).astype(int)
        write(simulation.run(arguments.days or int(days)), parts / f"{year}.nc", words)
        year += 1
        # after the year's file, so that a kill in between repeats the year
        checkpoint.save_checkpoint(simulation.model, parts / f"state-{year}")
        print(f"{year - 1}: {time.perf_counter() - began:.0f} s", flush=True)
    with xr.open_mfdataset(sorted(parts.glob("*.nc")), engine="h5netcdf") as whole:
        write(whole, arguments.out, words)
    print(arguments.out)


def write(data: xr.Dataset | None, path: Path, words: str) -> None:
    """Write fields as integers, atomically."""
    if data is None:
        raise SystemExit("nothing to write: simulate at least one day")
    encoding: dict[str, dict[str, Any]] = {
        "time": {"units": "hours since 2000-01-01", "calendar": "standard", "dtype": "int32"}
    }
    for name, (step, middle, units) in PACKING.items():
        data[name].attrs["units"] = units
        chunks = (min(366, data.sizes["time"]), 1, *data[name].shape[2:])
        encoding[name] = {"dtype": "int16", "scale_factor": step, "add_offset": middle}
        encoding[name] |= {
            "_FillValue": -32768,
            "zlib": True,
            "complevel": 9,
            "shuffle": True,
            "chunksizes": chunks,
        }
    data["level"].attrs["units"] = "hPa"
    data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
    data = data.drop_encoding().assign_attrs(
        title="Simulated weather over the Atlantic and Europe",
        source=f"{words}, climatological sea surface",
        comment="Free run of a climate model: the dates are nominal and match no real day.",
        simulated="true",
        Conventions="CF-1.8",
    )
    with files.atomic(path) as scratch:
        data.to_netcdf(scratch, engine="h5netcdf", encoding=encoding)


def main() -> None:
    """Parse the arguments; without jcm say what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--years", type=int, default=4, help="how many (4)")
    parser.add_argument("--first-year", type=int, default=2001, help="nominal year (2001)")
    parser.add_argument("--truncation", type=int, default=31, choices=(31, 42), help="31 or 42")
    parser.add_argument("--step", type=float, default=40, help="time step in minutes (40)")
    parser.add_argument("--spin-up", type=int, default=184, help="days thrown away (184)")
    parser.add_argument("--days", type=int, help="of each year, to try it out (all)")
    arguments = parser.parse_args()
    if find_spec("jcm") is None:
        raise SystemExit(
            "simulate_weather: the climate model jcm is not installed: make an environment of its "
            "own with the extra simulation, as the head of this file says"
        )
    # before JAX starts: a core is enough, and no model hub is to be asked
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    simulate(arguments)


if __name__ == "__main__":
    main()
