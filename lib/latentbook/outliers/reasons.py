"""Why a row is strange, in words: the columns that count most, in which direction and how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from latentbook.outliers.frequencies import Part, Surprise
from latentbook.outliers.network import Explanation
from latentbook.tabular.columns import MISSING, as_typed

#: Reasons that are given for a row.
REASONS = 3
#: Robust standard deviations below which a number, and share of the class above which a category,
#: is no reason.
SMALL_Z, COMMON = 1.5, 0.2
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Reason:
    """One column of a row that is unusual.

    Attributes
    ----------
    column : str
        Of the table.
    text : str
        A phrase with the value, its direction and how far or how rare it is.
    weight : float
        What it adds to the score of the row, in the units of the score.
    """

    column: str
    text: str
    weight: float


def shown(value: Any) -> str:
    """Return a value of a table in a few characters."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return MISSING
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, int, np.floating, np.integer)):
        return f"{float(value):,.5g}" if abs(float(value)) < 1e5 else f"{float(value):.4g}"
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _shown_part(part: Part, value: float) -> str:
    """Return a number, or a day since 1970 as a date."""
    if part.name == f"{part.column} day":
        return str(pd.Timestamp(0) + pd.Timedelta(days=round(float(value))))[:10]
    return shown(value)


class ByFrequency:
    """Reasons of the rule without a network.

    Parameters
    ----------
    frame : DataFrame
    kinds : dict
        Column -> kind.
    labels : vector of int
    classes : sequence of str
    surprise : Surprise
        Of the rows of `frame`.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        kinds: Mapping[str, str],
        labels: np.ndarray,
        classes: tuple[str, ...],
        surprise: Surprise,
    ) -> None:
        self.frame, self.kinds, self.labels, self.classes = frame, kinds, labels, classes
        self.surprise = surprise
        self._sizes = np.bincount(labels, minlength=len(classes))
        self._typed: dict[str, dict[str, np.ndarray]] = {}
        self._ranges: dict[tuple[str, int], tuple[float, float]] = {}
        self._counts: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, row: int) -> list[Reason]:
        """Return up to three reasons for a row, the strongest first."""
        values = self.surprise.values[row]
        found: list[Reason] = []
        for i in np.argsort(-values, kind="stable"):
            part = self.surprise.parts[i]
            if part.column in [reason.column for reason in found]:
                continue
            text = self._text(part, row, float(self.surprise.z[row, i]))
            if text:
                found.append(Reason(part.column, text, float(values[i])))
            if len(found) == REASONS:
                break
        return found

    def _values(self, part: Part) -> np.ndarray:
        """Return the numbers of a part, or whether they are missing, or the category as text."""
        if part.column not in self._typed:
            self._typed[part.column] = as_typed(self.frame[part.column], self.kinds[part.column])
        typed = self._typed[part.column]
        if part.name in typed:
            return typed[part.name]
        return np.isnan(next(iter(typed.values())))

    def _usual(self, part: Part, label: int) -> tuple[float, float]:
        """Return between which numbers 8 of 10 rows of a class lie."""
        if (part.name, label) not in self._ranges:
            own = self._values(part)[self.labels == label]
            low, high = np.nanquantile(own, [0.1, 0.9])
            self._ranges[part.name, label] = float(low), float(high)
        return self._ranges[part.name, label]

    def _counted(self, part: Part, row: int) -> tuple[int, int]:
        """Return how many rows of the class of a row, and of all, have its value."""
        if part.name not in self._counts:
            codes, names = pd.factorize(self._values(part), use_na_sentinel=False)
            counts = np.zeros((len(self.classes), len(names)), np.int64)
            np.add.at(counts, (self.labels, codes), 1)
            self._counts[part.name] = codes, counts
        codes, counts = self._counts[part.name]
        found = counts[:, codes[row]]
        return int(found[self.labels[row]]), int(found.sum())

    def _text(self, part: Part, row: int, z: float) -> str:
        label, value = int(self.labels[row]), self._values(part)[row]
        name = self.classes[label]
        if part.kind == "number":
            if not abs(z) >= SMALL_Z:
                return ""
            low, high = (_shown_part(part, limit) for limit in self._usual(part, label))
            side = "high" if z > 0 else "low"
            return (
                f"{part.name} = {_shown_part(part, value)} is {side} for {name}, where 8 of 10 "
                f"rows lie between {low} and {high} (z = {z:+.1f})"
            )
        (same, every), size = self._counted(part, row), int(self._sizes[label])
        if same > COMMON * size:
            return ""
        where = f"{size:,} rows of {name}"
        rows = f"the only one of {where}" if same == 1 else f"one of {same:,} among {where}"
        others = f"; {every - same:,} rows of other classes have it" if every > same else ""
        if part.name == f"{part.column} weekday":
            day = f"a {WEEKDAYS[int(value)]}" if value >= 0 else "no weekday"
            return f"{part.column} is {day}: {rows}{others}"
        if part.name != part.column:  # whether a number is missing
            return f"{part.column} is {'missing' if value else 'there'}: {rows}{others}"
        return f"{part.column} = {shown(value)}: {rows}{others or '; no other class has it'}"


def by_network(frame: pd.DataFrame, rows: np.ndarray, made: Explanation) -> list[list[Reason]]:
    """Return up to three reasons for each of some rows: what the network does not expect.

    Parameters
    ----------
    frame : DataFrame
    rows : vector of int
    made : Explanation
        Of these rows.
    """
    every = []
    for i, row in enumerate(rows):
        found = []
        for j in np.argsort(-made.errors[i], kind="stable")[:REASONS]:
            column, error = made.columns[j], float(made.errors[i, j])
            if error <= 0:
                continue
            value = frame[column].iloc[row]
            expected = made.expected[column].iloc[i] if column in made.expected else None
            z = made.z[i, j]
            text = f"{column} = {shown(value)}"
            if expected is not None and str(shown(expected)) != shown(value):
                text += f"; the network expects {shown(expected)}"
            if np.isfinite(z):
                text += f" (z = {z:+.1f})"
            found.append(Reason(column, text, error))
        every.append(found)
    return every
