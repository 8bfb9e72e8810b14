"""Names and order of data sets and methods in the tables and figures of the weather chapters."""

from __future__ import annotations

import pandas as pd

from latentbook.study.method import Method

#: Data sets in the order of the tables -> their titles.
TITLES = {
    "weather-simulated": "simulated, 6-hourly, 700 hPa",
    "weather-simulated-40": "simulated, 6-hourly, 700 hPa, forty years",
    "weather-eraint": "ERA-Interim, daily, 500 hPa",
    "weather-era5-june": "ERA5, June days, 500 hPa",
    "weather-ncep": "NCEP/NCAR, daily, 500 hPa",
    "weather-ncep-alps": "NCEP/NCAR Alps, daily, 500 hPa",
    "weather-ncep-atlantic": "NCEP/NCAR Atlantic, daily, pressure at sea level",
}
#: Families of representations in the order of the tables, by the beginning of their names.
_FAMILIES = ("raw", "pca", "conv", "fc-lstm", "cnn-lstm")


def datasets_in_order(records: pd.DataFrame) -> list[str]:
    """Return the data sets of `records`, those with a title first."""
    present = set(records["dataset"])
    return [name for name in TITLES if name in present] + sorted(present - set(TITLES))


def codes_title(method: str) -> str:
    """Return what the tables call the codes that `method` clusters.

    Examples
    --------
    >>> codes_title("cnn-lstm-3d + k-means"), codes_title("k-means raw")
    ('cnn-lstm-3d', 'raw fields')
    """
    name = Method.parse(method).representation
    return "raw fields" if name == "raw" else name


def by_method(records: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return (method, its records) in the order of the tables."""
    order = sorted(records["method"].unique(), key=_rank)
    return [(method, records[records["method"] == method]) for method in order]


def _rank(method: str) -> tuple[int, str]:
    """Return the place of a method's family, and the method; methods without codes come last."""
    parsed = Method.parse(method)
    places = [i for i, name in enumerate(_FAMILIES) if parsed.representation.startswith(name)]
    return places[0] if parsed.learner and places else len(_FAMILIES), method
