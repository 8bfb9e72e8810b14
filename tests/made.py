"""Made-up records and published numbers, and how a table is taken apart."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentbook import datasets
from latentbook.study import judge, records

CHAPTER = "03-two-stage-clustering"


@functools.cache
def fifty_digits() -> datasets.Dataset:
    return datasets.load("digits", download=False).subset(50, 0)


def record(
    method: str = "k-means raw",
    seed: int = 0,
    *,
    chapter: str = CHAPTER,
    dataset: str = "digits",
    profile: str = "quick",
    params: Mapping[str, Any] | None = None,
    seconds: Mapping[str, float] | None = None,
    **metrics: float,
) -> dict[str, Any]:
    """Return a complete record of a run that never was; an accuracy of 0.5 unless it is told."""
    complete = records.make(
        chapter,
        fifty_digits(),
        method,
        metrics or {"acc": 0.5},
        seed=seed,
        profile=profile,
        seconds=seconds or {"cluster": 1.0},
        params={"k": 10} if params is None else params,
    )
    return complete | {"dataset": dataset}


def frame(*several: Mapping[str, Any]) -> pd.DataFrame:
    """Return records as `records.read` does, also none."""
    return pd.DataFrame(list(several), columns=list(records.SCHEMA))


def published(**changes: Any) -> pd.DataFrame:
    """Return one published number as `judge.published` does, printed as Python writes it."""
    number = dict.fromkeys(judge.PUBLISHED_COLUMNS, "") | {
        "source": "fernandez2020",
        "table": "table 12.1",
        "page": "87",
        "dataset": "digits",
        "method": "k-means raw",
        "metric": "acc",
        "value": 0.5,
        "params": {},
    }
    number |= changes
    return pd.DataFrame([{**number, "printed": changes.get("printed", str(number["value"]))}])


def rows_of(table: str) -> list[list[str]]:
    """Return the cells of every row of a MyST table, header first, without the rule."""
    lines = [line for line in table.splitlines() if line.startswith("|") and "--" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
