"""Patterns as a CF netCDF file: known means, read back by xarray, and its attributes."""

import numpy as np
import pytest
import xarray as xr

from latentbook.errors import LatentbookError
from latentbook.weather import patterns_file, sources
from latentbook.weather.dataset import open_weather
from latentbook.weather.patterns_file import Found

from .conftest import canonical, made_weather


@pytest.fixture(scope="module")
def weather():
    return made_weather()


@pytest.fixture(scope="module")
def found(weather):
    labels = np.arange(len(weather)) % 3
    other = np.where(labels == 2, 0, labels)
    return {"raw": Found(labels, np.array([0, 4, 8])), "pca8": Found(other, np.array([3, 1, -1]))}


@pytest.fixture(scope="module")
def data(weather, found, tmp_path_factory):
    path = tmp_path_factory.mktemp("cf") / "patterns.nc"
    patterns_file.write(path, weather, found)
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        return opened.load()


def test_labels_composites_and_centres_are_read_back(weather, found, data):
    heights = weather.fields["z"].sel(level=700).values
    windows = np.stack([heights[start : start + 8] for start in weather.main.starts])
    assert data["representation"].values.tolist() == ["raw", "pca8"]
    for name, one in found.items():
        of = data.sel(representation=name)
        assert (of["pattern_of_window"].values == one.labels).all()
        for pattern in range(3):
            members = windows[one.labels == pattern]
            assert of["windows"].values[pattern] == len(members)
            composite = of["composite"].values[pattern]
            if len(members):
                assert composite == pytest.approx(members.mean(axis=0), abs=1e-2)
            else:
                assert np.isnan(composite).all()
            if one.nearest[pattern] >= 0:
                assert of["centre"].values[pattern] == pytest.approx(windows[one.nearest[pattern]])
                start = weather.times[one.nearest[pattern]]
                assert of["centre_time"].values[pattern] == start
    assert np.isnat(data["centre_time"].values[1, 2])
    assert np.isnan(data["centre"].values[1, 2]).all()
    assert (data["time"].values == weather.times).all()
    assert ((data["use"].values == 1) == weather.training).all()
    assert ((data["use"].values == 2) == weather.testing).all()
    assert data["lag"].values.tolist() == [0, 6, 12, 18, 24, 30, 36, 42]


def test_the_file_follows_the_conventions(data, found, weather, tmp_path):
    assert data.attrs["Conventions"] == "CF-1.11"
    assert data.attrs["title"] == "Weather patterns of Made waves"
    path = tmp_path / "raw.nc"
    patterns_file.write(path, weather, found)
    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as raw:
        for name, variable in raw.variables.items():
            known = {"standard_name", "long_name", "grid_mapping_name"} & set(variable.attrs)
            assert known or name == "time_bnds", f"{name} says nothing of itself"
        for name in ("composite", "centre"):
            field = raw[name]
            assert field.attrs["standard_name"] == "geopotential_height"
            assert field.attrs["units"] == "m"
            assert "pressure" in field.attrs["coordinates"].split()
        labels = raw["pattern_of_window"]
        assert labels.attrs["flag_values"].dtype == labels.dtype
        assert len(labels.attrs["flag_meanings"].split()) == len(labels.attrs["flag_values"]) == 3
        assert raw["composite"].attrs["cell_methods"].startswith("time: mean")
        time, bounds = raw["time"], raw[raw["time"].attrs["bounds"]]
        assert time.attrs["standard_name"] == "time"
        assert time.attrs["units"].startswith("hours since 1970-01-01")
        assert bounds.dims == ("time", "bnds")
        assert (bounds[:, 1] - bounds[:, 0] == 42).all()
        assert (bounds[:, 0].values == time.values).all()
        assert raw["pressure"].attrs["positive"] == "down"
        for axis, letter in (("latitude", "Y"), ("longitude", "X")):
            assert raw[axis].dims == (axis,)
            assert raw[axis].attrs["axis"] == letter
            assert "_FillValue" not in raw[axis].attrs


def test_the_study_map_has_its_projection(tmp_path, own_cache):
    import pyproj

    canonical(16).to_netcdf(tmp_path / "made.nc")
    weather = open_weather(str(tmp_path / "made.nc"), levels=[500])
    labels = np.arange(len(weather)) % 2
    patterns_file.write(tmp_path / "out.nc", weather, {"raw": Found(labels, np.array([0, 1]))})
    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as data:
        assert data["composite"].dims[-2:] == ("y", "x")
        mapping = data[data["composite"].attrs["grid_mapping"]]
        assert mapping.attrs["grid_mapping_name"] == "lambert_conformal_conic"
        x, y = pyproj.Proj(pyproj.CRS.from_cf(mapping.attrs))(
            data["longitude"].values, data["latitude"].values
        )
        assert np.abs(x - data["x"].values).max() < 1
        assert np.abs(y - data["y"].values[:, None]).max() < 1
        for axis in "xy":
            assert data[axis].attrs["standard_name"] == f"projection_{axis}_coordinate"


def test_a_composite_is_weather_again(data, tmp_path):
    """What is written is understood by what reads files of others."""
    one = data["composite"].sel(representation="raw", pattern=0, drop=True)
    one = one.isel(lag=slice(0, 4)).drop_vars("pressure").expand_dims(level=[700.0])
    one = one.rename(lag="time").assign_coords(time=data["time"].values[:4])
    one["level"].attrs["units"] = "hPa"
    one.to_dataset(name="anything").to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    assert np.allclose(sources.open(tmp_path / "one.nc")["z"].isel(level=0), one.isel(level=0))


def test_a_folder_that_cannot_be_written_is_named(weather, found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LatentbookError, match="cannot write"):
        patterns_file.write(tmp_path / "file" / "patterns.nc", weather, found)
