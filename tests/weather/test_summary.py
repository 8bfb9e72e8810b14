"""What `latentbook weather info` says of a source."""

import numpy as np
import pytest
import xarray as xr

from latentbook.errors import LatentbookError
from latentbook.weather.summary import describe

from .conftest import canonical


def described(data, tmp_path):
    data.to_netcdf(tmp_path / "made.nc")
    return describe(str(tmp_path / "made.nc"))


def test_every_variable_with_its_levels_and_units(tmp_path):
    lines = described(canonical(8, names=("z", "u", "v")), tmp_path)
    variables = [line for line in lines if line.startswith("variable")]
    assert [line.split()[1] for line in variables] == ["z", "u", "v"]
    assert all("at 500, 700, 900 hPa" in line for line in variables)
    assert variables[0].endswith(", m")
    assert variables[1].endswith(", m s-1")


def test_times_extent_and_domain(tmp_path):
    lines = described(canonical(8), tmp_path)
    times, extent, domain = lines[-3:]
    assert times == ("times     8 from 2000-01-01 00:00 to 2000-01-02 18:00, every 6 h, no gaps")
    assert extent == "extent    50°W to 80°E, 20°N to 80°N, 13 x 27"
    assert domain == "domain    covers the domain of the study"


def test_a_gap_and_a_small_region(tmp_path):
    data = canonical(20, latitude=np.arange(40.0, 51), longitude=np.arange(0.0, 11))
    lines = described(data.isel(time=[*range(8), *range(12, 20)]), tmp_path)
    assert "16 from 2000-01-01 00:00" in lines[-3]
    assert lines[-3].endswith("every 6 h, 1 gap")
    assert lines[-1] == "domain    does not cover the domain of the study"


def test_simulated_weather_says_so():
    assert describe("weather-sample")[0].endswith("(simulated)")


def test_a_source_without_weather_is_named(tmp_path):
    data = xr.Dataset({"population": ("place", [1.0, 2.0])})
    with pytest.raises(LatentbookError):
        described(data, tmp_path)
