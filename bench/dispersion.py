r"""Time the dispersion model, and race its trajectories against Parcels and OpenDrift.

    python bench/dispersion.py --parcels-python A/bin/python B/bin/python \
        --opendrift-python C/bin/python

First whole plumes as chapter 06 makes them: turbulence, deposition, decay and the map included.
Then the same 20,000 particles in the same wind, 48 hours without turbulence in steps of 15
minutes, by each library in turn: speed in particle-steps a second of one processor, and how far
from ours the particles end. The wind is the geostrophic one of the real ERA-Interim heights at
500 hPa on their own points, where LATENTBOOK_DATA has them; otherwise of a made-up wave.

A peer that is not installed is printed as ``not available``. Each wants an environment of its
own: ``pip install parcels`` (4, NumPy), ``pip install "parcels<4"`` (3, compiles C with gcc),
``pip install opendrift``. All make second-order steps on bilinear fields. Parcels gets our sphere;
OpenDrift always moves on the WGS84 ellipsoid.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

RADIUS = 6_370_000.0
HOURS, STEP = 48, 900
STEPS = HOURS * 3600 // STEP
#: Particle-steps a second of one core, and how many times as fast as a peer.
GOAL, RATIO = 5e6, 10.0

#: A race: from longitudes and latitudes to those at the end.
Race = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def parcels_3(case: dict[str, np.ndarray]) -> Race:
    """Return the race as Parcels 3 runs it: a kernel in Python that it turns into C."""
    import parcels

    # Parcels 3 takes a degree for 60 nautical miles
    factor = 60 * 1852 / (np.radians(1) * RADIUS)
    fields = parcels.FieldSet.from_data(
        {"U": case["u"] * factor, "V": case["v"] * factor},
        {"lon": case["longitude"], "lat": case["latitude"], "time": case["seconds"]},
        mesh="spherical",
    )

    def heun(particle, fieldset, time):  # type: ignore
        (u1, v1) = fieldset.UV[particle]
        lon1 = particle.lon + u1 * particle.dt
        lat1 = particle.lat + v1 * particle.dt
        (u2, v2) = fieldset.UV[time + particle.dt, particle.depth, lat1, lon1, particle]
        particle_dlon += 0.5 * (u1 + u2) * particle.dt  # noqa
        particle_dlat += 0.5 * (v1 + v2) * particle.dt  # noqa

    def race(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        particles = parcels.ParticleSet(
            fields, parcels.JITParticle, lon=longitude, lat=latitude, time=0 * longitude
        )
        particles.execute(heun, runtime=HOURS * 3600, dt=STEP, verbose_progress=False)
        # the last step is in the positions that the next loop would begin with
        return particles.lon_nextloop, particles.lat_nextloop

    return race


def parcels_4(case: dict[str, np.ndarray]) -> Race:
    """Return the race as Parcels 4 runs it: all particles at once in NumPy."""
    import parcels
    import xarray as xr

    times = np.datetime64("2000-01-01", "ns") + (case["seconds"] * 1e9).astype("timedelta64[ns]")
    coords = {"time": times, "latitude": case["latitude"], "longitude": case["longitude"]}
    fields = {
        name: xr.DataArray(case[name.lower()], coords, ("time", "latitude", "longitude"), name)
        for name in ("U", "V")
    }
    for axis, name in (("longitude", "X"), ("latitude", "Y"), ("time", "T")):
        for field in fields.values():
            field[axis].attrs["axis"] = name
    data = parcels.convert.copernicusmarine_to_sgrid(fields=fields)
    sphere = parcels.SphericalMesh(RADIUS)
    fieldset = parcels.FieldSet.from_sgrid_conventions(data, mesh=sphere)

    def race(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        particles = parcels.ParticleSet(fieldset, x=longitude, y=latitude)
        particles.execute(
            parcels.kernels.AdvectionRK2,
            runtime=np.timedelta64(HOURS, "h"),
            dt=np.timedelta64(STEP, "s"),
            verbose_progress=False,
        )
        return np.asarray(particles.x), np.asarray(particles.y)

    return race


def parcels(case: dict[str, np.ndarray]) -> Race:
    """Return the race as the installed Parcels runs it."""
    return parcels_3(case) if version("parcels").startswith("3") else parcels_4(case)


def opendrift(case: dict[str, np.ndarray]) -> Race:
    """Return the race as OpenDrift runs it, with the wind in the place of a current.

    It takes more than 15 m s-1 of a current for an error, so it gets a tenth of the wind for ten
    times as long, in steps ten times as long.
    """
    import xarray as xr
    from opendrift.models.oceandrift import OceanDrift
    from opendrift.readers import reader_netCDF_CF_generic

    slow = 10
    times = np.datetime64("2000-01-01", "s") + (case["seconds"] * slow).astype("timedelta64[s]")
    data = xr.Dataset(
        {
            name: (
                ("time", "lat", "lon"),
                case[name] / slow,
                {"standard_name": f"{axis}_sea_water_velocity"},
            )
            for name, axis in (("u", "x"), ("v", "y"))
        },
        {
            "time": ("time", times, {"standard_name": "time"}),
            "lat": (
                "lat",
                case["latitude"],
                {"standard_name": "latitude", "units": "degrees_north"},
            ),
            "lon": (
                "lon",
                case["longitude"],
                {"standard_name": "longitude", "units": "degrees_east"},
            ),
        },
    )
    settings = {
        "drift:advection_scheme": "runge-kutta",
        "drift:max_speed": 15,  # how far around it reads
        "drift:stokes_drift": False,
        "drift:vertical_mixing": False,
        "general:use_auto_landmask": False,
        "environment:constant:land_binary_mask": 0,
        "environment:constant:x_wind": 0,
        "environment:constant:y_wind": 0,
    }

    def race(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        model = OceanDrift(loglevel=50)
        model.add_reader(reader_netCDF_CF_generic.Reader(data, name="wind"))
        for name, value in settings.items():
            model.set_config(name, value)
        model.seed_elements(longitude, latitude, time=times[0].item())
        model.run(steps=STEPS, time_step=STEP * slow, time_step_output=HOURS * 3600 * slow)
        order = np.argsort(model.elements.ID)
        return model.elements.lon[order], model.elements.lat[order]

    return race


PEERS: dict[str, Callable[[dict[str, np.ndarray]], Race]] = {
    "parcels": parcels,
    "opendrift": opendrift,
}


def timed(race: Race, case: dict[str, np.ndarray], rounds: int) -> dict[str, Any]:
    """Run the race `rounds` times after a warm-up; return processor seconds and the ends."""
    longitude, latitude = case["release"].T.copy()
    race(longitude[:100], latitude[:100])
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        ends = race(longitude, latitude)
        seconds.append(time.process_time() - start)
    return {"seconds": seconds, "ends": np.stack(ends, axis=1).tolist()}


def serve(name: str, folder: Path, rounds: int) -> None:
    """Be the peer: read the case, race, leave the answer in the folder."""
    case = dict(np.load(folder / "case.npz"))
    answer = timed(PEERS[name](case), case, rounds) | {"version": version(name)}
    (folder / "answer.json").write_text(json.dumps(answer))


def run_peer(name: str, python: str, case: dict[str, np.ndarray], rounds: int) -> dict[str, Any]:
    """Race a peer in its own Python; the answer holds only ``missing`` if it is not there."""
    settings = {f"{pool}_NUM_THREADS": "1" for pool in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
    try:
        found = subprocess.run(
            [python, "-c", f"import {name}"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        return {"missing": str(error)}
    if found.returncode:
        return {"missing": (found.stderr.strip().splitlines() or ["it does not start"])[-1]}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "case.npz", **case)  # type: ignore[arg-type]
        subprocess.run(
            [python, __file__, "serve", name, folder, str(rounds)],
            env=os.environ | settings,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        return json.loads((Path(folder) / "answer.json").read_text())


def heights() -> tuple[Any, Any, str]:
    """Return heights at 500 hPa over five days, their own points as a grid, and what they are."""
    import xarray as xr

    from latentbook.weather.grid import box

    grid = box((-20.75, 15.25, 29.25, 60.75), (21, 24))
    path = Path(os.environ.get("LATENTBOOK_DATA", "")) / "weather"
    path /= "eraint_weur_1p5deg_daily12z_2000-2010.nc"
    times = np.datetime64("2005-01-10T12", "ns") + np.arange(5) * np.timedelta64(24, "h")
    if path.exists():
        with xr.open_dataset(path) as source:
            z = source["z500"].sel(time=times).sortby("lat").values
        name = "geostrophic wind of ERA-Interim at 500 hPa, from 2005-01-10"
    else:
        phase = np.radians(6 * grid.longitude + 40 * np.arange(5)[:, None, None])
        z = 5500 - 10 * (grid.latitude - 45) + 60 * np.sin(phase)
        name = "geostrophic wind of a made-up wave (no ERA-Interim under LATENTBOOK_DATA)"
    data = xr.Dataset(
        {"z": (("time", "level", "y", "x"), z[:, None].astype(np.float32))},
        {"time": times, "level": [500.0]},
    )
    return data, grid, name


def make_case(n: int) -> tuple[Any, dict[str, np.ndarray], str]:
    """Return our wind, the case for the peers, and its name; no particle comes near the edge."""
    from latentbook.weather import dispersion, winds

    data, grid, name = heights()
    wind = winds.geostrophic(data, grid, 500)
    metre = np.radians(1) * RADIUS * (grid.x[1] - grid.x[0])  # of a cell northward
    rng = np.random.default_rng(0)
    release = np.stack([rng.uniform(-12, 6, 4 * n), rng.uniform(38, 52, 4 * n)], axis=1)
    inside = np.ones(len(release), bool)
    for hours in range(6, HOURS + 1, 6):
        longitude, latitude = dispersion.follow(wind, release, 0, hours=hours).T
        inside &= (np.abs(longitude + 2.75) < 16.5) & (np.abs(latitude - 45) < 14.5)
    case = {
        "u": wind.u_x * (metre * np.cos(np.radians(grid.latitude))),
        "v": wind.u_y * metre,
        "longitude": grid.x,
        "latitude": grid.y,
        "seconds": wind.seconds,
        "release": release[inside][:n],
    }
    return wind, case, name


def kilometres(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return distances on the sphere between points (longitude, latitude) in degrees."""
    from pyproj import Geod

    return Geod(a=RADIUS, b=RADIUS).inv(*a.T, *b.T)[2] / 1000


def plumes(rounds: int) -> bool:
    """Time whole plumes over the study's domain, on one thread and on two."""
    from latentbook.weather import dispersion, winds
    from latentbook.weather.grid import EUROPE

    times = np.datetime64("2001-01-01", "ns") + np.arange(41) * np.timedelta64(6, "h")
    wave = np.radians(2 * EUROPE.longitude + 15 * np.arange(41)[:, None, None])
    east, north = 4 + 0 * wave, 8 * np.sin(wave)
    velocity = np.stack([east, north], axis=-1).astype(np.float32) / 75_000
    wind = winds.Wind(velocity, times, EUROPE)
    rng = np.random.default_rng(0)
    release = np.stack([rng.uniform(-5, 25, 100), rng.uniform(42, 60, 100)], axis=1)
    start = rng.integers(0, 33, 100)
    dispersion.disperse(wind, release[:2], start[:2], threads=1)
    clock: dict[int, list[float]] = {1: [], 2: []}
    used, left = [], 0.0
    for _ in range(rounds):
        for threads in clock:
            before = time.perf_counter(), time.process_time()
            result = dispersion.disperse(wind, release, start, threads=threads)
            clock[threads].append(time.perf_counter() - before[0])
            if threads == 1:
                used.append(time.process_time() - before[1])
        left = float(result.left.mean())
    # what has left the domain is not carried on
    rate = 100 * 2000 * STEPS * (1 - left) / min(used)
    print(
        f"plumes: 100 of 2,000 particles over {HOURS} h, of which {left:.1%} leave: "
        f"{min(used) * 10:.2f} ms of processor time each"
    )
    print(f"  {rate / 1e6:.1f} million particle-steps a second a core, goal {GOAL / 1e6:g}")
    print(f"  two threads are {min(clock[1]) / min(clock[2]):.2f} times as fast as one")
    return rate >= GOAL


def race_peers(options: argparse.Namespace) -> bool:
    """Race every peer and print speeds, ratios and distances."""
    from latentbook.weather import dispersion

    wind, case, name = make_case(options.particles)
    count = len(case["release"]) * STEPS

    def ours(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        release = np.stack([longitude, latitude], axis=1)
        ends = dispersion.follow(wind, release, 0, hours=HOURS, dt=STEP)
        return ends[:, 0], ends[:, 1]

    def speed(answer: dict[str, Any]) -> str:
        return f"{count / median(answer['seconds']) / 1e6:6.2f} million particle-steps a second"

    ends = np.array(timed(ours, case, 1)["ends"])
    travelled = median(kilometres(ends, case["release"]))
    print(f"trajectories: {len(ends):,} particles, median {travelled:.0f} km; {name}")
    reached = True
    pythons = [("parcels", python) for python in options.parcels_python]
    for peer, python in [*pythons, ("opendrift", options.opendrift_python)]:
        answer = run_peer(peer, python, case, options.rounds)
        if "missing" in answer:
            print(f"  {peer} not available: {answer['missing']}")
            continue
        beside = timed(ours, case, options.rounds)
        ratio = median(answer["seconds"]) / median(beside["seconds"])
        reached = reached and ratio >= RATIO
        apart = kilometres(np.array(answer["ends"]), ends)
        print(f"  {peer} {answer['version']:<8} {speed(answer)}, ours {speed(beside)}")
        print(f"    ours is {ratio:.1f} times as fast, goal {RATIO:g}; the ends lie ", end="")
        print(f"{np.median(apart):.2f} km apart (median), {apart.max():.2f} km at most")
    return reached


def main() -> int:
    """Run; return 1 if a goal was missed."""
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return 0
    from latentbook.study import provenance

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parcels-python", nargs="+", default=[sys.executable], metavar="PYTHON")
    parser.add_argument("--opendrift-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{provenance.device()}, {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    reached = [plumes(options.rounds), race_peers(options)]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
