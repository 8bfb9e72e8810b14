"""Sizes of the named data sets, without reading or importing them.

The gate for parameters checks numbers of samples, classes and codes against them.
The numbers come from the registry of data sets; loading is left to `datasets`.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentbook import paths
from latentbook.errors import LatentbookError
from latentbook.study.parameters import Number, Values, at_most

#: Data sets by kind, together `datasets.NAMES`, and those with a published split.
_IMAGES = ("digits", "mnist", "fashion_mnist", "usps", "cifar10")
_TABLES = ("satimage", "nsl_kdd", "trades")
_SPLIT = ("mnist", "fashion_mnist", "usps", "cifar10", "satimage", "nsl_kdd")


def _with_parts(names: tuple[str, ...]) -> tuple[str, ...]:
    parts = [f"{name}-{part}" for name in names if name in _SPLIT for part in ("train", "test")]
    return (*names, *parts)


#: Allowed values of ``dataset`` where images are needed, and where tables are allowed too.
IMAGES = _with_parts(_IMAGES)
DATASETS = _with_parts(_IMAGES + _TABLES)
#: What it may be where the samples must be a matrix; of the trades `tabular` makes one.
MATRICES = tuple(name for name in DATASETS if not name.startswith("trades"))
#: Names of registered weather, as `weather.sources.registered.NAMES`.
WEATHERS = (
    "weather-sample",
    "weather-simulated",
    "weather-simulated-long",
    "weather-simulated-winds",
    "weather-eraint",
    "weather-era5-june",
    "weather-ncep",
    "weather-ncep-alps",
)
#: Columns of the matrix of a data set, where they differ from the shape in the registry.
_FEATURES = {"digits": 28 * 28, "nsl_kdd": 122}


@dataclass(frozen=True)
class Size:
    """The size of a data set, as far as it is known before it is read.

    Attributes
    ----------
    rows : int
        Number of samples; a partial copy of the data has fewer.
    n_train : int
        Samples in the published training split; 0 without a split, or if its size is not known.
    features : float
        Numbers in a sample; infinite if not known.
    side : int
        Side of square images in pixels; 0 for tables.
    classes : tuple of str
        Names of the classes.
    """

    rows: int
    n_train: int
    features: float
    side: int
    classes: tuple[str, ...]


def of(name: str) -> Size:
    """Return the size of the data set `name`, or of one of its published parts."""
    base, _, part = name.partition("-")
    entry = _registry(paths.registry())[base]
    shapes = {key: array["shape"] for key, array in entry["arrays"].items()}
    shape = shapes.get("x_train") or shapes.get("x") or [entry["rows"]]
    rows, n_train = entry["rows"], shapes["x_train"][0] if "x_train" in shapes else 0
    if part:
        n_train, rows = 0, shapes[f"x_{part}"][0] if f"x_{part}" in shapes else rows
    side = (28 if base == "digits" else shape[1]) if entry["kind"] == "images" else 0
    features = _FEATURES.get(base, math.prod(shape[1:]) if len(shape) > 1 else math.inf)
    return Size(rows, n_train, features, side, tuple(entry["classes"]))


def fields_of_weather(name: str) -> tuple[int, float]:
    """Return the number of times of registered weather, and the hours between them."""
    entry = _registry(paths.registry())[name]
    return entry["fields"], 6.0 if "6-hourly" in entry["columns"] else 24.0


@functools.cache
def _registry(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LatentbookError(
            f"the registry {path} cannot be read ({error}): restore it with git"
        ) from error


def drawn(least: int) -> Number:
    """Return the allowed numbers of samples for a chapter that needs at least `least` of them."""
    return Number("samples drawn; 0 takes all", least, 10_000_000, or_zero=True)


def samples(values: Values, dataset: str = "dataset", n: str = "n") -> int:
    """Return how many samples a run uses."""
    return int(values[n]) or of(values[dataset]).rows


def enough(dataset: str = "dataset", n: str = "n") -> Any:
    """Return the check that no more samples are drawn than the data set has."""

    def check(values: Values) -> None:
        rows = of(values[dataset]).rows
        at_most(values, n, rows, f"the samples of {values[dataset]}: lower it, or write 0 for all")

    return check


def training(values: Values, dataset: str = "dataset", n: str = "n") -> tuple[int, int]:
    """Return the largest number of training and of test samples of a run.

    Without a published split a third of the samples, rounded up, is the test part.
    """
    size, drawn_rows = of(values[dataset]), samples(values, dataset, n)
    if size.n_train:
        return min(drawn_rows, size.n_train), min(drawn_rows, size.rows - size.n_train)
    return drawn_rows * 2 // 3, drawn_rows - drawn_rows * 2 // 3
