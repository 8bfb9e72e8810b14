"""Windows with less time in them, and two sources as one."""

import numpy as np
import pytest

from latentbook.errors import LatentbookError
from latentbook.weather import controls
from latentbook.weather.codes import Design, represent
from latentbook.weather.joined import join, moved

from .conftest import made_weather


@pytest.fixture(scope="module")
def weather():
    return made_weather(gap=60)


def test_the_first_field_and_the_mean_field(weather):
    whole = weather.main
    assert controls.first(whole)[:5] == pytest.approx(whole[:5][:, :1])
    mean = controls.mean(whole)
    assert mean.shape[1] == 1
    assert mean[:5] == pytest.approx(whole[:5].mean(axis=1, keepdims=True))
    assert mean[3].shape == (1, 16, 16, 1)
    assert len({whole.digest, controls.first(whole).digest, mean.digest}) == 3


def test_shuffled_windows_hold_the_same_fields_in_orders_of_their_own(weather):
    whole = weather.main
    mixed = controls.shuffled(whole, seed=1)
    x, y = whole[:], mixed[:]
    assert np.sort(x.reshape(len(x), 8, -1)[..., 0]) == pytest.approx(
        np.sort(y.reshape(len(y), 8, -1)[..., 0])
    )
    assert not np.allclose(x, y)
    orders = set(map(tuple, mixed._orders[whole.starts]))
    assert len(orders) > len(whole) / 2
    part = mixed.subset(np.arange(len(whole)) % 2 == 0)
    assert part[:] == pytest.approx(y[::2])  # the order belongs to the window
    assert mixed.digest not in (whole.digest, controls.shuffled(whole, seed=2).digest)


def test_every_field_is_shown_once(weather):
    fields = controls.every_field(weather.main)
    used = np.unique(weather.main.starts[:, None] + np.arange(8))
    assert (fields.starts == used).all()
    assert fields.shape[1] == 1


def test_longer_windows_end_before_the_gap(weather):
    longer = controls.longer(weather.main, 8)
    assert longer.length == 16
    ends = longer.starts + 15
    assert ((longer.starts >= 60) | (ends < 60)).all()
    assert ends.max() < len(weather.main.frames)
    assert len(longer) == len(weather.main) - 4  # two at each end of a stretch


def test_representations_of_less_time(weather):
    first = represent(weather, "raw-first", Design(), 0)
    flat = weather.main[:][:, 0].reshape(len(weather), -1)
    assert first.codes == pytest.approx(flat - flat.mean(axis=0), abs=1e-6)
    assert represent(weather, "pca-first", Design(n_codes=3), 0).name == "pca3-first"


def test_two_sources_become_training_and_test():
    long, short = made_weather(n=241, gap=100), made_weather(n=81, seed=1)
    both = join(long, short, name="both")
    assert both.name == "both"
    assert both.training.sum() == len(long)
    assert both.testing.sum() == len(short)
    assert (np.diff(both.fields["time"].values) > np.timedelta64(0)).all()
    days = moved(both) / np.timedelta64(1, "D")
    assert days % 1461 == 0
    tested = both.main.starts[both.testing]
    assert (both.main.frame_times[tested] - moved(both) == short.times).all()
    assert moved(long) == np.timedelta64(0)


def test_fewer_years_of_training():
    long, short = made_weather(n=241), made_weather(n=81, seed=1)
    fewer = join(long, short, years=100 * 6 / 24 / 365.25)
    assert fewer.fields.sizes["time"] == 100 + 81
    assert fewer.testing.sum() == len(short)
    with pytest.raises(LatentbookError, match="years of training"):
        join(long, short, years=40)


def test_sources_that_do_not_fit_together_are_named():
    from dataclasses import replace

    one = made_weather()
    with pytest.raises(LatentbookError, match="made has step 4, but made has 2"):
        join(one, replace(one, step=2))
