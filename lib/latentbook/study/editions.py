"""Editions of the rule of verdicts: the first, a plain one beside both, and what changed when.

`judge.verdict` is the second edition, which the book uses. What the first one said on the day it
was replaced is kept in ``data/records/first-edition.csv`` and never computed again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentbook import paths
from latentbook.study import judge

#: Columns that name a published number.
KEY = ("source", "table", "dataset", "method", "metric", "printed", "params")
#: Time (UTC) and commit -> what changed in the rule, and what was known by then.
CHANGES = {
    "2026-11-22 17:00 (c4657ae)": "First edition: reproduced within max(0.02, 2 s), and within 2 % "
    "of values beyond 1. It was committed half an hour before the first records were.",
    "2026-11-22 17:42 (4687880)": "A network whose training ended at our limit of epochs is not "
    "comparable: added eleven minutes after the first records.",
    "2026-11-23 00:26 (cf95b71)": "Except for norlander2019, which states no length: every length "
    "is comparable with it. Committed before the first records of it (01:19).",
    "2026-11-26 07:48 (af9e979)": "Changed while records were coming in, for rows of these very "
    "records: a training as long as the smallest limit that fernandez2020 states, taken to be 150 "
    "epochs, is comparable whether or not its loss had settled. The records of 50 epochs were "
    "committed a minute before, those of 150 epochs an hour after; without the change, cae10 on "
    "fashion_mnist would have been not comparable. The fact behind it is wrong too: the notebook "
    "of the thesis has 120 epochs for two other networks, and 400 for cae10.",
    "2026-11-30": "Second edition, written with all records known. Printed precision, a prediction "
    "interval for one more run, undecided, one run, counts of parameters, duplicates, orders and "
    "effects. A limit of epochs is the source's own only for the network that it is stated for, "
    "and the exception for norlander2019 ends: our networks stopped at their limit of 30 epochs.",
    "2026-11-30, table 1 of norlander2019": "Its numbers are compared with the squared error "
    "instead of the Bernoulli likelihood, and with networks trained until their loss settled. "
    "Chosen when both were known, and the squared error to be closer; chapter 07 shows the "
    "verdicts of both.",
}


def first(published: float, values: Sequence[float]) -> str:
    """Judge by the first edition: within ``max(0.02, 2 s)``, or 2 % of a value beyond 1.

    Examples
    --------
    >>> first(0.53, [0.45, 0.60, 0.55]), first(0.53, [0.54])
    ('reproduced', 'reproduced')
    """
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    tolerance = max(0.02 * max(1.0, abs(published)), 2 * spread)
    return _beside(published, values, tolerance + 1e-12)


def plain(published: float, values: Sequence[float], *, rounding: float) -> str:
    """Judge by the printed digits alone: the mean is within the rounding of the printed number.

    A number with more than three decimals counts as one with three, as in `judge.hits`.

    Examples
    --------
    >>> plain(0.53, [0.52, 0.54], rounding=0.005), plain(0.53, [0.54], rounding=0.005)
    ('reproduced', 'higher')
    """
    return _beside(published, values, max(rounding, 0.5 * 10.0**-judge.HIT_DECIMALS) + 1e-9)


def _beside(published: float, values: Sequence[float], tolerance: float) -> str:
    difference = float(np.mean(values)) - published
    if abs(difference) <= tolerance:
        return "reproduced"
    return "higher" if difference > 0 else "lower"


def kept() -> pd.DataFrame:
    """Return the verdicts of the first edition as they stood on the day it was replaced.

    Returns
    -------
    DataFrame
        The columns of `KEY`, then mean, spread, n and verdict; no rows where the file is missing.
    """
    source = paths.records("paper") / "first-edition.csv"
    columns = [*KEY, "mean", "spread", "n", "verdict"]
    if not source.exists():
        return pd.DataFrame(columns=columns)
    rows = pd.read_csv(source, keep_default_na=False, dtype={"value": str, "table": str})
    rows = rows.rename(columns={"value": "printed"})
    rows["params"] = [json.loads(text) if text else {} for text in rows["params"]]
    return rows[columns]


def with_first(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the compared numbers with the verdict of the first edition in the column ``first``.

    Parameters
    ----------
    compared : DataFrame
        As `judge.compare` returns it. Numbers that the first edition did not know have ``–``.
    """
    old = {_key(row): row["verdict"] for row in kept().to_dict("records")}
    return compared.assign(first=[old.get(_key(row), "–") for row in compared.to_dict("records")])


def _key(row: Mapping[Any, Any]) -> str:
    return json.dumps([row[name] for name in KEY], sort_keys=True)


def under_three_rules(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers that the second edition judges, with their verdict under three rules.

    Parameters
    ----------
    compared : DataFrame
        As `judge.compare` returns it.

    Returns
    -------
    DataFrame
        The judged rows, with the columns ``by first``, ``by second`` and ``by digits``.
    """
    judged = judge.select(
        compared,
        (name not in ("not run", "not comparable", *judge.COUNTED) for name in compared["verdict"]),
    )
    rules: dict[str, Callable[[Mapping[Any, Any]], str]] = {
        "by first": lambda row: first(row["value"], row["values"]),
        "by second": lambda row: row["verdict"],
        "by digits": lambda row: plain(row["value"], row["values"], rounding=judge.rounding(row)),
    }
    rows = judged.to_dict("records")
    return judged.assign(**{name: [rule(row) for row in rows] for name, rule in rules.items()})
