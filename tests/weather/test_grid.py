"""Maps and interpolation: the WRF domain, closed forms, and SciPy's interpolation."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from latentbook.errors import LatentbookError
from latentbook.weather import grid
from latentbook.weather.grid import EUROPE, RADIUS, box, regrid

from .conftest import canonical, heights

BOX = box((-10, 30, 35, 65), shape=(6, 8))


def geo_em(real_weather):
    path = real_weather("geo_em.d01_bde-pilot2_64x64_75km.nc")
    return xr.open_dataset(path, engine="scipy", decode_times=False).isel(Time=0)


def test_cells_are_those_of_the_wrf_domain(real_weather):
    domain = geo_em(real_weather)
    assert EUROPE.shape == (64, 64)
    assert np.abs(EUROPE.latitude - domain["XLAT_M"].values).max() < 1e-4
    assert np.abs(EUROPE.longitude - domain["XLONG_M"].values).max() < 1e-4


def test_map_factor_and_turn_are_those_of_the_wrf_domain(real_weather):
    domain, jacobian = geo_em(real_weather), EUROPE.per_metre()
    factor = domain["MAPFAC_M"].values
    assert np.abs(np.hypot(*jacobian[:, 0]) - factor).max() < 1e-5
    assert np.abs(jacobian[0, 0] / factor - domain["COSALPHA"].values).max() < 1e-3
    assert np.abs(jacobian[0, 1] / factor - domain["SINALPHA"].values).max() < 1e-3


def test_the_centre_is_where_the_source_says():
    x, y = EUROPE.project(15, 53)
    assert x == pytest.approx(0, abs=1e-6)
    assert y == pytest.approx(0, abs=1e-6)
    assert EUROPE.x[1] - EUROPE.x[0] == 75_000
    # on a true latitude a kilometre is a kilometre
    x, y = EUROPE.project([14.999, 15.001], [38, 38])
    assert np.diff(x) == pytest.approx(
        np.radians(0.002) * RADIUS * np.cos(np.radians(38)), rel=1e-6
    )


@given(
    longitude=st.floats(-40, 70),
    latitude=st.floats(28, 75),
    turn=st.sampled_from([-360, 0, 360]),
    which=st.sampled_from([EUROPE, BOX]),
)
def test_projecting_there_and_back(longitude, latitude, turn, which):
    back = which.unproject(*which.project(longitude + turn, latitude))
    assert np.allclose(back, (longitude, latitude), atol=1e-7)


@pytest.mark.parametrize("which", [EUROPE, BOX, box((170, 200, -30, 30))])
def test_per_metre_is_the_derivative_of_the_projection(which):
    jacobian, step = which.per_metre(), 10.0
    north = np.degrees(step / RADIUS)
    east = north / np.cos(np.radians(which.latitude))
    for axis, (d_longitude, d_latitude) in enumerate([(east, 0), (0, north)]):
        after = which.project(which.longitude + d_longitude, which.latitude + d_latitude)
        before = which.project(which.longitude - d_longitude, which.latitude - d_latitude)
        change = (np.array(after) - np.array(before)) / (2 * step)
        assert np.allclose(jacobian[:, axis], change, rtol=1e-5, atol=1e-7 * np.abs(change).max())


def test_a_box_has_its_region_as_outer_edges():
    assert BOX.shape == (6, 8)
    assert (BOX.x[0], BOX.x[-1]) == (-7.5, 27.5)
    assert (BOX.y[0], BOX.y[-1]) == (37.5, 62.5)
    assert (box((170, 200, 0, 10)).longitude < 180).all()


@pytest.mark.parametrize("which", [EUROPE, BOX])
def test_a_linear_field_is_interpolated_exactly(which):
    result = regrid(canonical(3), which)
    assert result["z"].dims == ("time", "level", "y", "x")
    assert result["z"].dtype == np.float32
    for i, level in enumerate((500, 700, 900)):
        exact = heights(level, which.latitude, which.longitude)
        assert np.abs(result["z"][2, i].values - exact - 2).max() < 2e-3
    assert np.allclose(result["longitude"], which.longitude)
    assert result["z"].attrs["units"] == "m"
    assert (result.attrs["grid"], result.attrs["simulated"]) == (which.name, "true")


def test_interpolation_agrees_with_scipy_and_is_lazy():
    rng = np.random.default_rng(0)
    data = canonical(4)
    data["z"].values[:] = rng.normal(size=data["z"].shape)
    lazy = regrid(data.chunk(time=1, latitude=3, longitude=4), EUROPE)["z"]
    assert lazy.chunks is not None
    axes = data["latitude"].values, data["longitude"].values
    for t in range(4):
        exact = RegularGridInterpolator(axes, data["z"].values[t, 1].astype(float))
        expected = exact((EUROPE.latitude, EUROPE.longitude))
        assert np.abs(lazy[t, 1].values - expected).max() < 1e-5


def test_winds_stay_eastward_and_northward():
    result = regrid(canonical(2, names=("u", "v")), EUROPE)
    assert np.allclose(result["u"], 10)
    assert np.allclose(result["v"], -5)


def test_the_whole_circle_has_no_seam():
    longitude = np.arange(-180.0, 180, 10)
    data = canonical(1, levels=(500,), longitude=longitude)
    data["z"].values[:] = np.cos(np.radians(longitude))
    result = regrid(data, box((160, 220, 30, 60), shape=(3, 60)))
    exact = np.cos(np.radians(np.arange(160.5, 220)))
    assert np.abs(result["z"][0, 0].values - exact).max() < 0.005


def test_a_region_over_the_date_line_is_one_region():
    data = canonical(1, levels=(500,), longitude=np.arange(-180.0, -150, 5))
    east = canonical(1, levels=(500,), longitude=np.arange(150.0, 180, 5))
    data["z"].values[:] = data["longitude"].values + 360
    east["z"].values[:] = east["longitude"].values
    both = xr.concat([data, east], "longitude")
    result = regrid(both, box((160, 200, 30, 60), shape=(3, 40)))
    assert np.allclose(result["z"][0, 0], np.arange(160.5, 200), atol=1e-3)
    assert not grid.covers(both, BOX)


def test_a_grid_that_is_not_covered_is_refused_with_both_extents():
    data = canonical(2, longitude=np.arange(-20.0, 41, 5))
    assert not grid.covers(data, EUROPE)
    with pytest.raises(LatentbookError, match=r"reach from 20°W to 40°E, 20°N to 80°N and do not"):
        regrid(data, EUROPE)
    with pytest.raises(LatentbookError, match=r"grid europe from 42\.93°W to 72\.93°E, 28\.15°N"):
        regrid(data, EUROPE)
    assert grid.covers(data, BOX)
    exact = box((-20, 40, 20, 80), shape=(12, 12))
    assert grid.covers(data, exact)


def test_missing_values_are_named_only_where_they_are_needed():
    data = canonical(3, names=("z", "u"))
    data["u"].values[1, 0, 0, 0] = np.nan
    regrid(data, BOX).compute()
    data["u"].values[1, 0, data["latitude"] == 50, data["longitude"] == 10] = np.nan
    with pytest.raises(LatentbookError, match=r"^u is NaN in \d of 48 cells of the grid box"):
        regrid(data, BOX)["u"].compute()


@pytest.mark.parametrize(
    "region", [(30, -10, 35, 65), (-10, 30, 65, 35), (0, 361, 0, 10), (0, 10, 0, 91)]
)
def test_an_impossible_region_is_refused(region):
    with pytest.raises(LatentbookError, match="a region is"):
        box(region)
