"""Parameters that both chapters about weather have, and which combinations are allowed."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from latentbook import files, paths
from latentbook.errors import LatentbookError, choose
from latentbook.study import sizes
from latentbook.study.parameters import (
    PROFILE,
    SEED,
    Choice,
    Number,
    Numbers,
    Parameter,
    Text,
    Values,
    Words,
    at_most,
    each_at_most,
    has,
    shown,
)

#: `latentbook.weather.codes.REPRESENTATIONS`.
REPRESENTATIONS = (
    "raw",
    "raw-first",
    "raw-mean",
    "raw-shuffled",
    "pca",
    "pca-first",
    "pca-whitened",
    "conv",
    "conv-single",
    "fc-lstm",
    "cnn-lstm",
    "cnn-lstm-3d",
    "conv-lstm",
    "conv-lstm-composite",
    "fc-lstm-shuffled",
    "cnn-lstm-shuffled",
    "conv-lstm-shuffled",
    "fc-lstm-forced",
    "conv-joint",
    "fc-lstm-joint",
    "cnn-lstm-joint",
)
#: The keys of `latentbook.autoencoders.recurrent.SETTINGS`.
SETTINGS = ("thesis", "affordable")
#: Addresses that xarray and fsspec open.
SCHEMES = ("gs", "gcs", "s3", "http", "https", "file")

_REAL = {
    "domain": "data",
    "levels": "500",
    "wind_level": "500",
    "catalogue": "hess_brezowsky_gwl_daily_1881-2000.csv",
}
#: Registered weather -> the parameters of its runs at full scale that differ from the profile.
FULL_SCALE: dict[str, dict[str, str]] = {
    "weather-eraint": _REAL | {"representations": "raw pca conv fc-lstm cnn-lstm"},
    "weather-ncep": _REAL | {"representations": "raw pca conv fc-lstm cnn-lstm"},
    "weather-era5-june": _REAL | {"representations": "raw pca conv"},
    "weather-ncep-alps": _REAL | {"representations": "raw pca", "period": "1962 1984"},
}

_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


def catalogue_file() -> str:
    """Return where the catalogue of weather types lies; its name if it is not on this machine."""
    name = _REAL["catalogue"]
    stated = os.environ.get("LATENTBOOK_DATA")
    own = [Path(stated) / "weather", Path(stated)] if stated else []
    places = [paths.samples(), *own, paths.cache() / "data" / "weather"]
    return next((str(place / name) for place in places if (place / name).is_file()), name)


def _check_source(name: str, value: str) -> None:
    """Refuse text that is neither a registered name nor an address nor an existing path."""
    scheme, separator, rest = value.partition("://")
    if separator:
        choose(f"kind of address in parameter {name}", scheme, SCHEMES)
        if rest.strip("/"):
            return
    if value.strip() and (
        value in sizes.WEATHERS
        or files.matching(value)
        or files.matching(str(paths.root() / value))
    ):
        return
    if value.startswith("weather-"):
        choose(name, value, sizes.WEATHERS)
    raise LatentbookError(
        f"parameter {name} is {shown(value)}, but there is no such file: give a path, a pattern, "
        f"an address such as gs://..., or one of {', '.join(sizes.WEATHERS)}"
    )


def _check_period(name: str, value: str) -> None:
    """Refuse text that is neither empty nor two dates in order."""
    dates = value.split()
    good = len(dates) == 2 and all(_DATE.fullmatch(date) for date in dates)
    # a shorter date means the whole year or month
    if dates and not (good and dates[0][: len(dates[1])] <= dates[1]):
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, but must be a first and a last date, such as "
            "'2001 2002' or '1994-06 1994-08-15', or empty for all"
        )


def _check_select(name: str, value: str) -> None:
    """Refuse text that is neither empty nor pairs of a dimension and an entry."""
    pairs = [re.fullmatch(r"\s*([A-Za-z_][\w.-]*)\s*=\s*[^\s=,]+\s*", p) for p in value.split(",")]
    named = [pair[1] for pair in pairs if pair]
    if value.strip() and (len(named) < len(pairs) or len(set(named)) < len(named)):
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, but must choose an entry of each further "
            "dimension once, such as 'number=0' or 'number=mean, step=12h', or be empty"
        )


PARAMETERS: dict[str, Parameter] = {
    "profile": PROFILE,
    "weather": Text("where the weather is: a registered name, a file, an address", _check_source),
    "domain": Choice("the map", ("europe", "data")),
    "levels": Numbers("heights in hPa, the main one first", 1, 1100, whole=False),
    "period": Text("first and last date; empty takes all", _check_period),
    "every": Number(
        "hours of the day to keep, as 6 of hourly fields; 0 keeps all", 1, 24, True, True
    ),
    "select": Text("entries of further dimensions, as number=0; empty without", _check_select),
    "window_days": Number("length of a window in days", 0.01, 365, whole=False),
    "overlap_days": Number("days that two windows share", 0, 365, whole=False),
    "train_share": Number("of the windows, from the first on", 0.05, 0.95, whole=False),
    "test_period": Text(
        "dates to test on, in the middle; empty takes the last share", _check_period
    ),
    "seed": SEED,
    "k": Number("patterns", 2, 10_000),
    "representations": Words("what stands for a window", REPRESENTATIONS),
    "setting": Choice("how networks are trained", SETTINGS),
    "epochs": Number("of the networks", 1, 100_000),
    "network_windows": Number(
        "that networks learn from; 0 takes all", 16, 10_000_000, or_zero=True
    ),
    "n_codes": Number("numbers in a code", 1, 10_000),
    "widths": Numbers("of the FC-LSTM", 1, 100_000, most=10, distinct=False),
    "filters": Numbers("of the CNN-LSTM", 1, 10_000, most=6, distinct=False),
}


def training_windows(values: Values) -> float:
    """Return the largest number of training windows; infinite for unknown weather."""
    if values["weather"] not in sizes.WEATHERS or values["period"] or values["test_period"]:
        return math.inf
    fields, hours = sizes.fields_of_weather(values["weather"])
    if values["every"] > hours:
        return math.inf
    length = round(values["window_days"] * 24 / hours)
    step = length - round(values["overlap_days"] * 24 / hours)
    if length < 1 or step < 1:
        raise LatentbookError(
            f"parameter window_days is {values['window_days']:g} and overlap_days is "
            f"{values['overlap_days']:g}, which do not fit fields {hours:g} hours apart: make "
            "windows longer, or the overlap shorter"
        )
    windows = max(0, (fields - length) // step + 1)
    return math.ceil(windows * values["train_share"])


def _check_windows(values: Values) -> None:
    if values["overlap_days"] >= values["window_days"]:
        raise LatentbookError(
            f"parameter overlap_days is {values['overlap_days']:g}, but must be smaller than "
            f"window_days, which is {values['window_days']:g}"
        )
    training_windows(values)


def _check_clusters(values: Values) -> None:
    n = training_windows(values)
    if math.isfinite(n):
        at_most(values, "k", n - 1, f"one less than the {n:,} training windows")
        if has(values, "representations", "pca"):
            at_most(values, "n_codes", n - 1, f"one less than the {n:,} training windows")


def check_descriptors(values: Values) -> None:
    """Raise `LatentbookError` if there are fewer training windows than a descriptor needs."""
    n = training_windows(values)
    if math.isfinite(n):
        each_at_most(values, "descriptors", n, f"the {n:,} training windows")


COMBINATIONS = (_check_windows, _check_clusters)
