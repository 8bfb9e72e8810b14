"""One source cut into windows: what is for training and for testing, scaling, distances."""

import pytest
from scipy.spatial.distance import pdist

from latentbook.errors import LatentbookError
from latentbook.weather.dataset import open_weather
from latentbook.weather.grid import EUROPE

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


def test_points_are_the_windows_themselves_where_they_are_many(weather, monkeypatch):
    monkeypatch.setattr("latentbook.weather.dataset.ROTATED", 3)
    flat = weather.main[:].reshape(len(weather), -1)
    many = made_weather()
    assert many.points == pytest.approx(flat - flat.mean(axis=0), abs=1e-6)


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
    box = open_weather(source, levels=[700], domain="data", period=("2000-01-01", "2000-01-03"))
    assert box.grid.x[[0, -1]] == pytest.approx([-50, 80])
    assert box.grid.y[[0, -1]] == pytest.approx([20, 80])
    assert len(box) == 2


def test_bad_input_is_named():
    with pytest.raises(LatentbookError, match="do not fit fields 6 hours apart"):
        open_weather("weather-sample", levels=[700], window_days=1, overlap_days=1)
    with pytest.raises(LatentbookError, match="unknown domain 'world'"):
        open_weather("weather-sample", levels=[700], domain="world")
    with pytest.raises(LatentbookError, match="train_share is 1"):
        open_weather("weather-sample", levels=[700], train_share=1)
