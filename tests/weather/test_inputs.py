"""Inputs of the clustering: distances are those of the fields, and time is or is not in them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from latentbook.errors import LatentbookError
from latentbook.weather import inputs, winds

from .conftest import made_weather


@pytest.fixture(scope="module")
def weather():
    return made_weather()


def close(points, fields):
    expected = pdist(fields.reshape(len(fields), -1))
    return np.abs(pdist(points) - expected).max() < 2e-3 * expected.max()


@pytest.mark.parametrize("name", inputs.INPUTS)
def test_every_window_is_a_point(name, weather):
    x = inputs.points(weather, name)
    assert len(x) == len(weather)
    assert np.isfinite(x).all()
    assert x.dtype == np.float32
    if "eofs" not in name:  # these are centred by the training windows
        assert np.abs(x.mean(axis=0)).max() < 1e-2 * np.abs(x).max()


def test_distances_are_those_of_the_fields(weather):
    main = weather.main[:]
    assert close(inputs.points(weather, "first-field"), main[:, 0])
    assert close(inputs.points(weather, "mean-field"), main.mean(axis=1))
    assert close(inputs.points(weather, "levels"), weather.heights[:])
    z = weather.fields["z"].sel(level=900).values
    starts = weather.main.starts
    assert close(inputs.points(weather, "heights"), np.stack([z[i : i + 8] for i in starts]))
    wind = winds.at_level(weather.fields, weather.grid, 900).velocity
    assert close(inputs.points(weather, "wind"), np.stack([wind[i : i + 8] for i in starts]))


def test_shuffled_windows_hold_the_same_fields_in_another_order(weather):
    """The mean field stays; the distances do not."""
    x = weather.main[:]
    mixed = inputs._shuffled(x.copy(), 3)
    assert np.sort(mixed, axis=1) == pytest.approx(np.sort(x, axis=1))
    assert not np.allclose(mixed, x)
    orders = [
        tuple(abs(window[:, None] - own[None]).sum(axis=(2, 3, 4)).argmin(axis=1))
        for window, own in zip(mixed, x, strict=True)
    ]
    assert len(set(orders)) > 20
    assert not np.allclose(
        pdist(inputs.points(weather, "shuffled", seed=3)), pdist(x.reshape(len(x), -1)), rtol=1e-2
    )


def test_principal_components_are_those_of_the_training_windows(weather):
    x = weather.main[:].reshape(len(weather), -1)
    pca = PCA(5).fit(x[weather.training])
    assert close(inputs.points(weather, "eofs5"), pca.transform(x))


def test_what_the_weather_lacks_is_named(weather):
    with pytest.raises(LatentbookError, match="unknown input 'vorticity'"):
        inputs.points(weather, "vorticity")
    with pytest.raises(LatentbookError, match="has no level 850 hPa"):
        inputs.points(weather, "heights", level=850)
