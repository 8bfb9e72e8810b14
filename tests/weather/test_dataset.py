"""One source cut into windows: what is for training and for testing, scaling, distances."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist

from latentbook.errors import LatentbookError
from latentbook.weather import store
from latentbook.weather.dataset import open_weather
from latentbook.weather.grid import EUROPE, box

from .conftest import canonical, made_weather


@pytest.fixture(scope="module")
def weather():
    return made_weather()


def test_no_test_window_shares_a_field_with_a_training_window(weather):
    starts = weather.main.starts
    trained = {i + j for i in starts[weather.training] for j in range(weather.length)}
    tested = {i + j for i in starts[weather.testing] for j in range(weather.length)}
    assert not trained & tested
    assert not (weather.training & weather.testing).any()
    assert weather.training.sum() == round(len(weather) / 2)


def test_only_training_windows_set_the_scale(weather):
    x = weather.heights[weather.training]
    assert x.min(axis=(0, 1, 2, 3)) == pytest.approx([0, 0], abs=1e-6)
    assert x.max(axis=(0, 1, 2, 3)) == pytest.approx([1, 1], abs=1e-6)
    assert weather.main[:][..., 0] == pytest.approx(weather.heights[:][..., 0], abs=1e-6)


def test_points_have_the_distances_of_the_windows(weather):
    flat = weather.main[:].reshape(len(weather), -1)
    assert weather.points.shape[1] == len(weather) < flat.shape[1]
    assert pdist(weather.points) == pytest.approx(pdist(flat), rel=1e-3, abs=1e-3)


def test_points_of_many_windows_have_their_distances_too(weather, monkeypatch):
    monkeypatch.setattr("latentbook.weather.dataset.ROTATED", 3)
    flat = weather.main[:].reshape(len(weather), -1)
    many = made_weather()
    assert many.points.shape == (len(weather), 8 * 2)  # waves of two directions
    assert pdist(many.points) == pytest.approx(pdist(flat), rel=1e-3, abs=1e-3)
    assert many.points.mean(axis=0) == pytest.approx(np.zeros(16), abs=1e-4)


def test_points_of_fields_without_few_directions_are_the_windows(weather, monkeypatch):
    monkeypatch.setattr("latentbook.weather.dataset.ROTATED", 3)
    rough = made_weather()
    noise = np.random.default_rng(0).normal(0, 40, rough.fields["z"].shape)
    rough.fields["z"].values[:] += noise
    flat = rough.main[:].reshape(len(rough), -1)
    assert rough.points == pytest.approx(flat - flat.mean(axis=0), abs=1e-6)
    monkeypatch.setattr("latentbook.weather.dataset.DIRECTIONS", 100)  # of 121 fields
    few = made_weather()
    few.fields["z"].values[:] += noise
    assert few.points.shape == rough.points.shape


def test_a_record_says_which_windows_they_are(weather):
    assert weather.params == {
        "levels": "700 500",
        "grid": "box",
        "length": 8,
        "step": 4,
        "train_share": 0.5,
    }
    first, last = weather.fields["time"].values[[0, -1]]
    assert weather.extent == f"{str(first)[:10]} to {str(last)[:10]}"


def test_a_file_is_opened_on_either_map(tmp_path, own_cache):
    canonical(16).to_netcdf(tmp_path / "made.nc")
    source = str(tmp_path / "made.nc")
    europe = open_weather(source, levels=[700, 500], window_days=1, overlap_days=0.5)
    assert (europe.grid, europe.length, europe.step) == (EUROPE, 4, 2)
    assert europe.heights.shape == (7, 4, 64, 64, 2)
    assert europe.main.shape == (7, 4, 64, 64, 1)
    assert list(europe.fields) == ["z"]
    own = open_weather(source, levels=[700], domain="data", period=("2000-01-01", "2000-01-03"))
    assert own.grid.x[[0, -1]] == pytest.approx([-50, 80])
    assert own.grid.y[[0, -1]] == pytest.approx([20, 80])
    assert len(own) == 2


def test_a_test_period_in_the_middle(weather):
    middle = replace(made_weather(), test_period=("2001-01-11", "2001-01-20"))
    starts, length = middle.main.starts, middle.length
    days = middle.fields["time"].values.astype("datetime64[D]")
    inside = (days >= np.datetime64("2001-01-11")) & (days <= np.datetime64("2001-01-20"))
    shares = np.array([inside[start : start + length].mean() for start in starts])
    assert (middle.testing == (shares == 1)).all()
    assert (middle.training == (shares == 0)).all()
    assert ((shares > 0) & (shares < 1)).sum() == 2  # straddle the first and the last day
    assert middle.training[0]
    assert middle.training[-1]
    x = middle.main[middle.training]
    assert (x.min(), x.max()) == pytest.approx((0, 1), abs=1e-6)
    assert middle.params["test_period"] == "2001-01-11 2001-01-20"
    assert "train_share" not in middle.params


@pytest.mark.parametrize(
    ("period", "message"),
    [
        (("1994", "1995"), "to test on, has no time from 1994 to 1995"),
        (("2001-01-05", "2001-01-05"), "no window of made lies wholly inside the test period"),
        (("2001", "2001"), "no window of made lies wholly outside the test period"),
    ],
)
def test_a_test_period_without_windows_is_refused(period, message):
    with pytest.raises(LatentbookError, match=message):
        replace(made_weather(), test_period=period).training  # noqa: B018


def test_hours_periods_and_members_are_chosen_and_recorded(tmp_path, own_cache):
    hourly = canonical(24 * 8, hours=1)
    members = xr.concat([hourly, hourly + 10], "number").assign_coords(number=[0, 1])
    members["z"].attrs["units"] = "m"
    members.to_netcdf(tmp_path / "made.nc")
    weather = open_weather(
        str(tmp_path / "made.nc"),
        levels=[700],
        every=6,
        select="number=1",
        period=("2000-01-01", "2000-01-07"),
        test_period=("2000-01-03", "2000-01-05"),
    )
    assert (weather.length, weather.step) == (8, 4)
    assert len(weather.fields["time"]) == 28
    assert weather.params == {
        "levels": "700",
        "grid": "europe",
        "length": 8,
        "step": 4,
        "test_period": "2000-01-03 2000-01-05",
        "period": "2000-01-01 2000-01-07",
        "every": 6,
        "select": "number=1",
    }
    first = open_weather(str(tmp_path / "made.nc"), levels=[700], every=6, select="number=0")
    difference = weather.fields["z"].values - first.fields["z"].values[:28]
    assert difference == pytest.approx(np.full(difference.shape, 10), abs=1e-2)


def test_a_store_is_opened_like_its_source(tmp_path, own_cache, monkeypatch):
    canonical(24, names=("z", "u", "v")).to_netcdf(tmp_path / "made.nc")
    source = str(tmp_path / "made.nc")
    path = store.prepare(source, variables=["z", "u", "v"], levels=[500, 700, 900], progress=False)
    monkeypatch.setattr(store, "regridded_block", None)  # nothing is regridded again
    for winds in (False, True):
        for given in (source, str(path)):
            weather = open_weather(given, levels=[700, 900], winds=winds)
            assert weather.grid is EUROPE
            assert list(weather.fields) == (["z", "u", "v"] if winds else ["z"])
            assert weather.heights.shape == (5, 8, 64, 64, 2)
            assert weather.heights.digest == open_weather(source, levels=[700, 900]).sha256
    with pytest.raises(LatentbookError, match="no further dimensions to select"):
        open_weather(str(path), levels=[700], select="number=0")
    monkeypatch.undo()


def test_a_store_on_a_box_is_no_store_of_the_study(own_cache):
    path = store.prepare(canonical(24), box((-10, 30, 35, 65), (6, 8)), progress=False)
    with pytest.raises(LatentbookError, match="on a grid of its own, box: set domain to 'data'"):
        open_weather(str(path), levels=[700])
    assert open_weather(str(path), levels=[700], domain="data").main.shape[2:4] == (6, 8)


def test_without_winds_there_are_heights(tmp_path, own_cache):
    canonical(12).to_netcdf(tmp_path / "made.nc")
    weather = open_weather(str(tmp_path / "made.nc"), levels=[700], winds=True)
    assert list(weather.fields) == ["z"]


def test_a_single_time_is_named(tmp_path, own_cache):
    canonical(1).to_netcdf(tmp_path / "made.nc")
    with pytest.raises(LatentbookError, match=r"made has a single time, 2000-01-01 00:00, but"):
        open_weather(str(tmp_path / "made.nc"), levels=[700])


AREAS = {  # latitudes, longitudes as the file has them, and the outer centres of the map
    "over the pole": (np.arange(20.0, 91, 5), np.arange(-90.0, 41, 5), (-90, 40, 20, 89.45)),
    "both poles": (np.arange(-90.0, 91, 5), np.arange(0.0, 61, 5), (0, 60, -88.6, 88.6)),
    "the Pacific": (np.arange(20.0, 71, 5), np.arange(120.0, 241, 5), (120, 240, 20, 70)),
    "the globe from 0": (np.arange(-90.0, 91, 5), np.arange(0.0, 360, 5), (-177.2, 177.2, 0, 0)),
    "the globe from -180": (
        np.arange(-90.0, 91, 5),
        np.arange(-180.0, 180, 5),
        (-177.2, 177.2, 0, 0),
    ),
    "all but a gap": (np.arange(20.0, 71, 5), np.arange(0.0, 351, 5), (0, 350, 20, 70)),
}


@pytest.mark.parametrize("area", AREAS)
def test_the_box_of_the_data_wherever_they_lie(tmp_path, own_cache, area):
    latitude, longitude, (west, east, south, north) = AREAS[area]
    data = canonical(16, latitude=latitude, longitude=longitude)
    still = 5_000 + 2 * data["latitude"] + 50 * np.cos(np.radians(data["longitude"]))
    data["z"] = (still + 0 * data["z"]).transpose(*data["z"].dims).astype("f4")
    data["z"] = (data["z"] + np.arange(16)[:, None, None, None]).assign_attrs(units="m")
    data.isel(level=[0]).to_netcdf(tmp_path / "made.nc")
    weather = open_weather(str(tmp_path / "made.nc"), levels=[500], domain="data")
    grid = weather.grid
    assert weather.main.shape[2:4] == (64, 64)
    if not area.startswith("the globe"):
        assert (grid.x[0], grid.x[-1]) == pytest.approx((west, east), abs=0.1)
        assert (grid.y[0], grid.y[-1]) == pytest.approx((south, north), abs=0.2)
    else:
        assert grid.x[-1] - grid.x[0] == pytest.approx(360 * 63 / 64)
        assert np.abs(grid.y).max() < 90
    exact = 5_000 + 2 * grid.latitude + 50 * np.cos(np.radians(grid.longitude))
    assert weather.fields["z"].values[0, 0] == pytest.approx(exact, abs=0.1)


def test_bad_input_is_named():
    with pytest.raises(LatentbookError, match="do not fit fields 6 hours apart"):
        open_weather("weather-sample", levels=[700], window_days=1, overlap_days=1)
    with pytest.raises(LatentbookError, match="unknown domain 'world'"):
        open_weather("weather-sample", levels=[700], domain="world")
    with pytest.raises(LatentbookError, match="train_share is 1"):
        open_weather("weather-sample", levels=[700], train_share=1)
