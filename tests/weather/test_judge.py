"""The neutral judge: explained variance by hand, against regression, and its interval."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import calinski_harabasz_score, r2_score

from latentbook.errors import LatentbookError
from latentbook.weather import judge

from .conftest import made_weather


def case(n=400, k=5, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    y = rng.normal(size=(k, 7))[labels] + rng.normal(size=(n, 7))
    return y, labels, np.arange(n) < n // 2, np.arange(n) >= n // 2


def test_explained_variance_by_hand():
    y = np.array([[0.0], [2.0], [10.0], [12.0], [3.0], [9.0]])
    labels, training = np.array([0, 0, 1, 1, 0, 1]), np.arange(6) < 4
    # clusters predict 1 and 11, the mean of training is 6: errors 4 and 4, variance 9 and 9
    assert judge.explained_variance(y, labels, training, ~training) == pytest.approx(1 - 4 / 9)


def test_it_is_the_r2_of_a_regression_on_the_clusters():
    """Where the training mean is that of the test windows; variance-weighted over the columns."""
    y, labels, training, _ = case()
    indicators = np.eye(labels.max() + 1)[labels]
    model = LinearRegression(fit_intercept=False).fit(indicators[training], y[training])
    expected = r2_score(
        y[training], model.predict(indicators[training]), multioutput="variance_weighted"
    )
    assert judge.explained_variance(y, labels, training, training) == pytest.approx(expected)


def test_clusters_of_chance_explain_nothing_of_test_windows():
    y, labels, training, testing = case()
    drawn = np.random.default_rng(1).permutation(labels)
    assert judge.explained_variance(y, drawn, training, testing) < 0.01
    assert judge.explained_variance(y, labels, training, testing) > 0.3


def test_names_of_clusters_and_rotations_do_not_matter():
    y, labels, training, testing = case()
    turned = y @ np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0]
    other = np.array([3, 0, 4, 1, 2])[labels]
    found = judge.explained_variance(y, labels, training, testing)
    assert judge.explained_variance(turned, other, training, testing) == pytest.approx(found)


def test_a_cluster_without_training_windows_predicts_the_mean():
    y, labels, training, testing = case()
    labels[testing] = 9
    assert judge.explained_variance(y, labels, training, testing) == pytest.approx(0)


def test_a_lead_is_the_difference_of_explained_variance():
    y, labels, training, testing = case()
    worse = np.where(np.arange(len(labels)) % 4 == 0, 0, labels)
    times = np.datetime64("2000-01-01", "ns") + np.arange(400) * np.timedelta64(1, "D")
    one, other = (judge.errors(y, each, training, testing) for each in (labels, worse))
    lead = judge.lead(one, other, times[testing])
    gain = judge.explained_variance(y, labels, training, testing)
    assert lead.mean == pytest.approx(gain - judge.explained_variance(y, worse, training, testing))
    assert 0 < lead.low < lead.mean < lead.high
    assert judge.lead(one, one, times[testing]) == judge.Lead(0, 0, 0)


def test_the_interval_covers_the_truth_where_weather_lasts():
    """An AR(1) difference of mean 0: single windows would give too narrow an interval."""
    times = np.datetime64("2000-01-01", "ns") + np.arange(600) * np.timedelta64(1, "D")
    rng = np.random.default_rng(0)
    covered = {14: 0, 1: 0}
    for _ in range(60):
        x = rng.normal(size=600)
        for i in range(1, 600):
            x[i] += 0.8 * x[i - 1]
        for days in covered:
            lead = judge.lead(np.zeros(600), x, times, days=days)
            covered[days] += lead.low <= 0 <= lead.high
    assert covered[14] >= 50 > covered[1] + 5


def test_the_index_of_test_windows_alone():
    weather = made_weather()
    labels = np.arange(len(weather)) % 3
    x = weather.main[weather.testing].reshape(weather.testing.sum(), -1)
    expected = calinski_harabasz_score(x, labels[weather.testing])
    assert judge.tested_index(weather, labels) == pytest.approx(expected)
    assert np.isnan(judge.tested_index(weather, np.zeros(len(weather), int)))


def test_another_variable_is_averaged_over_each_window():
    weather = made_weather(gap=50)
    times = weather.main.frame_times
    fields = np.arange(len(times), dtype=float)[:, None]
    found = judge.over_windows(weather, times, fields)[:, 0]
    assert found == pytest.approx(weather.main.starts + (weather.length - 1) / 2)
    with pytest.raises(LatentbookError, match="no field of 2001-01-01"):
        judge.over_windows(weather, times[1:], fields[1:])


def test_the_annual_cycle_can_be_taken_out():
    weather = made_weather(n=2 * 1461)
    times = weather.main.frame_times
    days = (times - times[0]) / np.timedelta64(1, "D")
    fields = 5 + 3 * np.cos(2 * np.pi * days / 365.2425)[:, None]
    assert judge.over_windows(weather, times, fields).std() > 1
    assert judge.over_windows(weather, times, fields, cycle=True).std() < 0.01


def test_unseen_winds_of_the_sample_weigh_by_area(monkeypatch):
    import xarray as xr

    latitude, longitude = np.array([30.0, 45.0, 60.0]), np.array([5.0, 10.0])
    shape = (4, 1, 3, 2)
    axes = {
        "time": np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(6, "h"),
        "level": [900.0], "latitude": latitude, "longitude": longitude,
    }  # fmt: skip
    data = xr.Dataset({v: (tuple(axes), np.ones(shape)) for v in "uv"}, axes)
    monkeypatch.setattr(judge.sources, "open", lambda *_: data)
    times, fields = judge.unseen(made_weather(), "wind900")  # the box is 0-32 E, 40-56 N
    assert (len(times), fields.shape) == (4, (4, 4))
    assert fields == pytest.approx(np.sqrt(np.cos(np.radians(45))))
    with pytest.raises(LatentbookError, match="called msl, t850 or wind900, not 'Wind 900'"):
        judge.unseen(made_weather(), "Wind 900")
