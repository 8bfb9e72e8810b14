"""Seasons, anomalies, trends, weights and blocks: exact cases, and nothing by default."""

import numpy as np
import pytest
import xarray as xr

from latentbook.errors import LatentbookError
from latentbook.weather.dataset import Weather
from latentbook.weather.grid import EUROPE, box
from latentbook.weather.treatment import Treatment, annual_cycle, area_weights, coarse_grid, treat

from .conftest import made_weather

GRID = box((0.0, 40.0, 30.0, 70.0), (8, 8))


def yearly(slope=0.0, years=6):
    """Daily weather: a level, a cycle, a trend in metres a year, and nothing else."""
    times = np.arange("2001-01-01", f"{2001 + years}-01-01", dtype="datetime64[D]")
    t = (times - times[0]) / np.timedelta64(1, "D") / 365.2425
    series = 5500 + 100 * np.cos(2 * np.pi * t) + 20 * np.sin(4 * np.pi * t) + slope * t
    z = np.broadcast_to(series[:, None, None, None], (len(t), 1, 8, 8)).astype(np.float32)
    axes = {"time": times.astype("datetime64[ns]"), "level": [500.0], "y": GRID.y, "x": GRID.x}
    fields = xr.Dataset({"z": (tuple(axes), z)}, axes)
    return Weather("yearly", "Yearly", GRID, fields, (500.0,), 2, 1, 0.5)


def test_without_a_treatment_nothing_changes():
    weather = made_weather()
    assert treat(weather, Treatment()) is weather
    assert Treatment().params == {}


def test_the_annual_cycle_leaves_nothing():
    treated = treat(yearly(), Treatment(anomalies=True))
    assert np.abs(treated.fields["z"].values).max() < 0.05
    assert treated.params["anomalies"] is True


def test_a_trend_alone_is_taken_out_and_the_level_stays():
    treated = treat(yearly(slope=10), Treatment(detrend=True))
    values = treated.fields["z"].values[:, 0, 0, 0]
    years = np.array([values[i * 365 : (i + 1) * 365].mean() for i in range(5)])
    assert np.ptp(years) < 2
    assert abs(years.mean() - 5500) < 50


def test_it_is_fitted_on_training_windows_only():
    """A jump in the test years does not reach the training years."""
    weather = yearly()
    jumped = weather.fields.copy(deep=True)
    jumped["z"][1500:] += 500
    from dataclasses import replace

    one, other = (
        treat(replace(weather, fields=fields), Treatment(anomalies=True, detrend=True))
        for fields in (weather.fields, jumped)
    )
    known = one.main.starts[one.training].max() + 2
    assert one.fields["z"].values[:known] == pytest.approx(other.fields["z"].values[:known])


def test_a_season_is_cut_out_and_no_window_spans_the_gap():
    treated = treat(yearly(), Treatment(season="DJF"))
    months = treated.times.astype("datetime64[M]").astype(int) % 12 + 1
    assert set(months.tolist()) == {12, 1, 2}
    steps = np.diff(treated.main.frame_times[treated.main.starts[:, None] + [0, 1]], axis=1)
    assert (steps == np.timedelta64(1, "D")).all()
    with pytest.raises(LatentbookError, match="no time in the season JJA"):
        treat(made_weather(), Treatment(season="JJA"))


def test_area_weights_of_a_box_are_the_root_of_the_cosine():
    expected = np.sqrt(np.cos(np.radians(GRID.latitude)))
    found = area_weights(GRID)
    assert found / found[0, 0] == pytest.approx(expected / expected[0, 0])
    assert (found**2).mean() == pytest.approx(1)
    assert np.ptp(area_weights(EUROPE)) < 0.12  # a conformal map hardly needs them
    treated, plain = treat(yearly(), Treatment(area=True)), yearly()
    assert treated.fields["z"].values == pytest.approx(plain.fields["z"].values * found, rel=1e-5)


def test_blocks_are_averaged():
    weather = made_weather()
    treated = treat(weather, Treatment(coarse=4))
    assert treated.main.shape[2:4] == (4, 4)
    expected = weather.fields["z"].values[:, :, :4, :4].mean(axis=(2, 3))
    assert treated.fields["z"].values[:, :, 0, 0] == pytest.approx(expected)
    assert treated.grid.x == pytest.approx(weather.grid.x.reshape(4, 4).mean(axis=1))
    assert coarse_grid(GRID, 1) is GRID
    with pytest.raises(LatentbookError, match="5 x 5 do not fill a grid of 16 x 16"):
        treat(weather, Treatment(coarse=5))


def test_the_cycle_is_least_squares():
    rng = np.random.default_rng(0)
    times = np.datetime64("2000-01-01", "ns") + np.arange(800) * np.timedelta64(1, "D")
    values = rng.normal(size=(800, 3))
    left = values - annual_cycle(values, times)(times)
    assert np.abs(left.mean(axis=0)).max() < 1e-6
    assert (left**2).sum() < (values**2).sum()
