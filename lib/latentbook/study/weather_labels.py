"""Names and order of data and methods in the tables of the weather chapters."""

from __future__ import annotations

import pandas as pd

#: Data sets in the order of the tables -> what to call them.
TITLES = {
    "weather-simulated": "simulated, 6-hourly, 700 hPa",
    "weather-eraint": "ERA-Interim, daily, 500 hPa",
    "weather-era5-june": "ERA5, June days, 500 hPa",
    "weather-ncep": "NCEP/NCAR, daily, 500 hPa",
    "weather-ncep-alps": "NCEP/NCAR Alps, daily, 500 hPa",
}


def datasets_in_order(found: pd.DataFrame) -> list[str]:
    """Return the data sets of `found`, those with a title first."""
    present = set(found["dataset"])
    return [name for name in TITLES if name in present] + sorted(present - set(TITLES))


def codes_title(method: str) -> str:
    """Return the name of the codes that `method` clusters."""
    return method.replace(" + k-means", "").replace("k-means raw", "raw fields")


def by_method(found: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return (method, its records) in the order of the tables."""
    order = list(dict.fromkeys(found["method"].sort_values(key=lambda m: m.map(_rank))))
    return [(method, found[found["method"] == method]) for method in order]


def _rank(method: str) -> tuple[int, str]:
    start = ("k-means raw", "pca", "conv", "fc-lstm", "cnn-lstm")
    return next((i for i, word in enumerate(start) if method.startswith(word)), 9), method
