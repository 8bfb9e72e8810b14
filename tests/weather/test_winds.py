"""Winds of the data and of the heights against the equations, and their errors."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from latentbook.errors import LatentbookError
from latentbook.weather import winds
from latentbook.weather.grid import EUROPE, RADIUS, box
from latentbook.weather.winds import Wind

from .conftest import fields, times, uniform


def test_a_height_that_rises_northward_makes_the_westerly_of_the_book():
    grid = box((-20, 20, 40, 60), (40, 80))
    slope = -1e-4  # metres a metre
    north = RADIUS * np.radians(grid.latitude - 50)
    wind = winds.geostrophic(fields(grid, z=5500 + slope * north), grid, 900)
    f = 2 * 7.292_115e-5 * np.sin(np.radians(grid.latitude))
    u = wind.u_x[0] / grid.per_metre()[0, 0] * (grid.x[1] - grid.x[0])
    assert np.allclose(u, -9.806_65 / f * slope, rtol=2e-3)
    assert np.abs(wind.u_y).max() < 1e-3 * np.abs(wind.u_x).max()


def test_the_winds_of_the_data_go_before_those_of_the_heights():
    z = 5500 + EUROPE.latitude
    both = fields(EUROPE, z=z, u=8.0, v=-3.0)
    assert np.array_equal(
        winds.at_level(both, EUROPE, 900).velocity, winds.horizontal(both, EUROPE, 900).velocity
    )
    for names in (["z"], ["z", "u"]):
        assert np.array_equal(
            winds.at_level(both[names], EUROPE, 900).velocity,
            winds.geostrophic(both, EUROPE, 900).velocity,
        )


def test_on_the_lambert_map_it_is_the_same_wind():
    zonal = 5500 - 500 * np.sin(np.radians(2 * EUROPE.latitude))
    eastward = 8 * np.sin(np.radians(4 * EUROPE.longitude))
    wind = winds.geostrophic(fields(EUROPE, z=zonal + eastward), EUROPE, 900)
    phi, lam = np.radians(EUROPE.latitude), np.radians(EUROPE.longitude)
    balance = 9.806_65 / (2 * 7.292_115e-5 * np.sin(phi))
    u = balance / RADIUS * 1000 * np.cos(2 * phi)
    v = balance / (RADIUS * np.cos(phi)) * 32 * np.cos(4 * lam)
    expected = winds.horizontal(fields(EUROPE, u=u, v=v), EUROPE, 900)
    inner = (slice(None), slice(2, -2), slice(2, -2))
    error = np.abs(wind.velocity - expected.velocity)[inner].max()
    assert error < 0.02 * np.abs(expected.velocity).max()


def test_lazy_fields_are_read_chunk_by_chunk():
    data = fields(EUROPE, u=np.random.default_rng(0).normal(size=(9, 64, 64)), v=3.0)
    lazy = data.chunk(time=4)
    eager, late = (winds.horizontal(d, EUROPE, 900) for d in (data, lazy))
    assert np.array_equal(eager.velocity, late.velocity)
    assert late.u_x.dtype == np.float32


def test_the_real_heights_give_winds_of_the_real_size(real_weather):
    from latentbook.weather import sources
    from latentbook.weather.grid import regrid

    path = real_weather("eraint_weur_1p5deg_daily12z_2000-2010.nc")
    grid = box((-20, 14, 31, 59), (28, 34))
    data = sources.open(str(path), ("z",), period=("2005-01", "2005-01"))
    level = float(data.level[0])
    wind = winds.geostrophic(regrid(data, grid), grid, level)
    speed = np.hypot(
        wind.u_x / grid.per_metre()[0, 0] * (grid.x[1] - grid.x[0]),
        wind.u_y / grid.per_metre()[1, 1] * (grid.y[1] - grid.y[0]),
    )
    assert 10 < speed.mean() < 30
    assert speed.max() < 100


def test_nan_is_named_by_its_time():
    u = np.zeros((9, *EUROPE.shape))
    u[4, 3, 2] = np.nan
    with pytest.raises(LatentbookError, match="NaN or infinite at 2001-01-02T00:00"):
        winds.horizontal(fields(EUROPE, u=u, v=0.0), EUROPE, 900)


@pytest.mark.parametrize(
    ("make", "data", "words"),
    [
        (winds.horizontal, {"v": 1.0}, "hold v, but no u"),
        (winds.geostrophic, {"u": 1.0}, "but no z"),
        (winds.horizontal, {"u": 1.0, "v": 0.0}, "no level 850 hPa: choose one of 900"),
    ],
)
def test_a_missing_field_or_level(make, data, words):
    with pytest.raises(LatentbookError, match=words):
        make(fields(EUROPE, **data), EUROPE, 850)


def test_another_grid():
    with pytest.raises(LatentbookError, match="regrid the data to it first"):
        winds.horizontal(fields(box((0, 10, 40, 50)), u=1.0, v=1.0).isel(x=slice(9)), EUROPE, 900)


def test_the_tropics_have_no_geostrophic_wind():
    grid = box((0, 40, 10, 50))
    with pytest.raises(LatentbookError, match=r"within 10\.3 degrees of the equator"):
        winds.geostrophic(fields(grid, z=5500.0), grid, 900)


def test_times_that_do_not_ascend():
    wind = uniform(EUROPE)
    with pytest.raises(LatentbookError, match="do not ascend"):
        Wind(wind.velocity, wind.times[::-1], EUROPE)


def test_a_single_field_is_no_record():
    wind = uniform(EUROPE)
    with pytest.raises(LatentbookError, match="at least two"):
        Wind(wind.velocity[:1], wind.times[:1], EUROPE)


def test_pressure_at_sea_level_stands_for_the_heights_of_1000_hpa():
    """The wind of a slope of pressure is that of the textbook: dp/dx over density and f."""
    grid = box((0, 20, 45, 55), (20, 40))
    slope = 0.1  # hPa a degree eastward
    pressure = 1000 + slope * (grid.longitude - 10)
    data = xr.Dataset(
        {"msl": (("time", "y", "x"), np.broadcast_to(pressure, (2, *grid.shape)).copy())},
        {"time": times(2)},
    )
    wind = winds.at_level(data, grid, 1000)
    f = 2 * winds.OMEGA * np.sin(np.radians(grid.latitude))
    density = 100 * pressure / (winds.DRY_AIR * winds.SEA_LEVEL)
    metre = np.radians(1) * RADIUS * np.cos(np.radians(grid.latitude))
    northward = 100 * slope / metre / density / f
    cells = northward * winds.cells_per_metre(grid)[1, 1]
    assert wind.u_y[0] == pytest.approx(cells, rel=2e-3)
    assert wind.u_x[0] == pytest.approx(0 * cells, abs=1e-9)
    with pytest.raises(LatentbookError, match="but no z"):
        winds.at_level(data, grid, 500)
