"""Small waves, four sites, their plumes, and what the study makes of them."""

from __future__ import annotations

import pandas as pd
import pytest

from latentbook.chapters.source_estimation import study
from latentbook.weather.codes import Design, represent

from ...weather.conftest import made_weather

SITES = pd.DataFrame(
    {"site": ["A", "B", "C", "D"], "longitude": [8.0, 24, 8, 24], "latitude": [44.0, 44, 52, 52]}
)
RELEASE = study.Release(level=900, hours=24, particles=200)


@pytest.fixture(scope="package")
def inputs(package_cache):
    """Return weather, plumes of four sites, and two representations."""
    weather = made_weather()
    plumes = study.library(weather, SITES, RELEASE, seed=0)
    codes = [represent(weather, name, Design(n_codes=4), 0) for name in ("raw", "pca")]
    return study.Inputs(weather, plumes, RELEASE, codes)


@pytest.fixture(scope="package")
def weather(inputs):
    return inputs.weather


@pytest.fixture(scope="package")
def plumes(inputs):
    return inputs.plumes


@pytest.fixture(scope="package")
def result(inputs, package_cache):
    """Return the result of one setting, with arrays."""
    setting = study.Setting(study.Event(descriptor=2), 3, arrays=True)
    return study.run(inputs, setting, random_state=0)
