"""Small weather that is known exactly, and where the real files are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from latentbook.weather import winds
from latentbook.weather.dataset import Weather
from latentbook.weather.grid import box

LEVELS = (500.0, 700.0, 900.0)
START = np.datetime64("2001-01-01", "ns")
LATITUDE, LONGITUDE = np.arange(20.0, 81, 5), np.arange(-50.0, 81, 5)


@pytest.fixture(scope="session")
def real_weather():
    """Return a function from the name of a real weather file to its path; skips without it."""

    def path(name: str) -> Path:
        folder = os.environ.get("LATENTBOOK_DATA")
        found = Path(folder or "") / "weather" / name
        if not folder or not found.is_file():
            pytest.skip(f"{name} is not here: set LATENTBOOK_DATA")
        return found

    return path


def heights(level, latitude, longitude):
    """Height of a pressure surface in metres: linear in degrees, so that interpolation is exact."""
    return 7_400 * np.log(1013.25 / level) + 3 * (latitude - 50) - 2 * longitude


def canonical(
    n=20,
    levels=LEVELS,
    latitude=LATITUDE,
    longitude=LONGITUDE,
    hours=6,
    names=("z",),
) -> xr.Dataset:
    """Weather as `open` returns it: `heights`, rising by a metre a step; u = 10, v = -5 m/s."""
    time = pd.date_range("2000-01-01", periods=n, freq=f"{hours}h").values.astype("datetime64[ns]")
    axes = {
        "time": time,
        "level": np.array(levels),
        "latitude": latitude,
        "longitude": longitude,
    }
    still = heights(np.array(levels)[:, None, None], latitude[:, None], longitude)
    z = (still + np.arange(n)[:, None, None, None]).astype(np.float32)
    fields = {
        "z": (z, "m"),
        "u": (np.full_like(z, 10), "m s-1"),
        "v": (np.full_like(z, -5), "m s-1"),
    }
    return xr.Dataset(
        {name: (tuple(axes), fields[name][0], {"units": fields[name][1]}) for name in names},
        axes,
        {"name": "made", "title": "Made for a test", "simulated": "true"},
    )


def times(n=9, hours=6):
    return START + np.arange(n) * np.timedelta64(hours, "h")


def fields(grid, n=9, hours=6, **values):
    """Weather at 900 hPa; a value is a number, or an array of shape (ny, nx) or (time, ny, nx)."""
    shape = (n, 1, *grid.shape)
    full = {
        name: np.broadcast_to(np.asarray(v)[..., None, :, :] if np.ndim(v) else v, shape)
        for name, v in values.items()
    }
    return xr.Dataset(
        {name: (("time", "level", "y", "x"), v.astype(np.float32)) for name, v in full.items()},
        {"time": times(n, hours), "level": [900.0]},
    )


def uniform(grid, u=0.0, v=0.0, n=9):
    return winds.horizontal(fields(grid, n, u=u, v=v), grid, 900)


def made_weather(n=121, seed=0, gap=None):
    """Return 6-hourly waves that move over a box of 16 x 16 cells, with the winds along them."""
    grid = box((0.0, 32.0, 40.0, 56.0), (16, 16))
    rng = np.random.default_rng(seed)
    times = np.datetime64("2001-01-01", "ns") + np.arange(n) * np.timedelta64(6, "h")
    if gap is not None:
        times[gap:] += np.timedelta64(30, "D")
    phase = np.cumsum(rng.normal(0.1, 0.3, n))[:, None, None, None]
    level = np.array([0.0, -500.0, 900.0])[None, :, None, None]  # 700, 500, 900 hPa in metres
    z = 3000 - level + 100 * np.sin(grid.longitude / 5 + phase) + 5 * (48 - grid.latitude)
    u = 8 + 4 * np.cos(grid.longitude / 5 + phase) + 0 * level
    v = 6 * np.cos(grid.longitude / 5 + phase) + 0 * level
    dims = ("time", "level", "y", "x")
    fields = xr.Dataset(
        {name: (dims, field.astype(np.float32)) for name, field in (("z", z), ("u", u), ("v", v))},
        {"time": times, "level": [700.0, 500.0, 900.0], "y": grid.y, "x": grid.x},
    )
    return Weather("made", "Made waves", grid, fields, (700.0, 500.0), 8, 4, 0.5)
