"""Codes of windows: what principal components keep, and what the networks are trained on."""

from dataclasses import replace

import numpy as np
import pytest

from latentbook.errors import LatentbookError
from latentbook.weather import codes
from latentbook.weather.codes import Design, represent

from .conftest import made_weather


@pytest.fixture(scope="module")
def weather():
    return made_weather()


def test_principal_components_reconstruct_what_they_span(weather):
    few = represent(weather, "pca", Design(n_codes=2), 0)
    many = represent(weather, "pca", Design(n_codes=10), 0)
    assert few.name == "pca2"
    assert few.codes.shape == (len(weather), 2)
    assert many.scores["mse"] < few.scores["mse"] < few.scores["mse_mean_frame"]
    span = weather.main.high - weather.main.low
    metres = np.sqrt(many.scores["mse"]) * span[0]
    assert many.scores["rmse_metres"] == pytest.approx(metres, rel=1e-4)


def test_a_network_is_trained_on_training_windows_and_encodes_all(weather, own_cache):
    design = Design(epochs=2, n_codes=4, widths=(8,), filters=(4, 4))
    made = represent(weather, "cnn-lstm-3d", design, 0)
    assert made.codes.shape == (len(weather), 4)
    assert np.isfinite(made.codes).all()
    assert made.params["filters"] == "4 4"
    assert made.params["setting"] == "affordable"
    assert made.name == "cnn-lstm-3d"


@pytest.mark.slow
def test_what_the_thesis_proposes_is_trained_too(weather, own_cache):
    design = Design(epochs=2, n_codes=4, widths=(8,), k=3)
    names = ("fc-lstm", "fc-lstm-forced", "fc-lstm-joint")
    plain, forced, joint = (represent(weather, name, design, 0) for name in names)
    assert forced.params["teacher_forcing"]
    assert forced.scores["parameters"] > plain.scores["parameters"]  # fields come back in
    assert joint.params["n_clusters"] == 3
    assert joint.scores["parameters"] == plain.scores["parameters"]
    assert joint.seconds > plain.seconds  # its pretraining counts
    assert "joint" in joint.name
    assert np.isfinite(joint.codes).all()
    assert not np.allclose(joint.codes, plain.codes, atol=1e-4)


def test_the_setting_of_the_thesis_has_a_name_of_its_own(weather, own_cache):
    design = Design("thesis", epochs=1, n_codes=4, widths=(8,))
    made = represent(weather, "fc-lstm", design, 0)
    assert made.name == "fc-lstm (thesis setting)"
    with pytest.raises(LatentbookError, match="unknown setting"):
        represent(weather, "fc-lstm", Design("theses"), 0)


def test_bad_input_is_named(weather):
    with pytest.raises(LatentbookError, match="unknown representation 'cnn': choose one of raw"):
        represent(weather, "cnn", Design(), 0)
    with pytest.raises(LatentbookError, match="n_codes is 99"):
        represent(weather, "pca", Design(n_codes=99), 0)


def test_networks_may_learn_from_fewer_windows(weather, own_cache):
    few = Design(epochs=1, n_codes=4, widths=(8,), windows=5)
    chosen, part = codes._learned_from(weather.training, 5)
    rows = np.flatnonzero(chosen)
    assert part == {"network_windows": 5}
    assert not (chosen & ~weather.training).any()
    assert rows[[0, -1]].tolist() == np.flatnonzero(weather.training)[[0, -1]].tolist()
    assert np.ptp(np.diff(rows)) <= 1
    found = codes.represent(weather, "fc-lstm", few, 0)
    assert found.params["network_windows"] == 5
    assert len(found.codes) == len(weather)
    every = codes.represent(weather, "fc-lstm", replace(few, windows=0), 0)
    assert "network_windows" not in every.params
    assert not np.allclose(every.codes, found.codes)
    assert codes._learned_from(weather.training, len(weather))[1] == {}
