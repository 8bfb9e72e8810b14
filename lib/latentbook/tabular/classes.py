"""Classes of a table: the values of its label, those that are rare, and rows that are marked.

Which rows are learned from is left to `table`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api import types

from latentbook.errors import LatentbookError
from latentbook.tabular.columns import OTHER, as_floats, as_texts

#: Training rows that a class needs. A network needs 5 to place a class, and a random tenth of the
#: training rows is held out.
CLASS_ROWS = 10

#: Largest number of values of a label that is a number.
MAX_NUMBERS = 100

#: What to do with classes of fewer than `CLASS_ROWS` training rows.
RARE = ("error", "merge", "drop")


def classes_of(frame: pd.DataFrame, labels: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the classes, in the order of their values, and the class of each row.

    Raises
    ------
    LatentbookError
        For a label that is a number of many values, and for one with a single value.
    """
    for label in labels:
        values = frame[label]
        plain_number = types.is_numeric_dtype(values) and not types.is_bool_dtype(values)
        if plain_number and values.nunique() > MAX_NUMBERS:
            raise LatentbookError(
                f"the label {label!r} is a number with {values.nunique():,} different values: "
                f"choose a column of categories, or of at most {MAX_NUMBERS} numbers"
            )
    texts = as_texts(frame[labels[0]])
    for label in labels[1:]:
        texts = texts + " + " + as_texts(frame[label])
    first = frame[list(labels)][~pd.Series(texts, frame.index).duplicated()]
    try:
        order = first.sort_values(list(labels), kind="stable").index
    except TypeError:  # text and numbers together have no order
        order = first.astype(str).sort_values(list(labels)).index
    names = tuple(pd.Series(texts, frame.index)[order])
    if len(names) < 2:
        raise LatentbookError(
            f"the label {' + '.join(labels)!r} has {len(names)} class in the rows that have one: "
            "choose a column with two or more"
        )
    return names, pd.Categorical(texts, categories=list(names)).codes.astype(np.int64)


def without_rare(
    classes: tuple[str, ...],
    y: np.ndarray,
    training: np.ndarray,
    rare: str,
    label: str,
    option: str = "",
) -> tuple[tuple[str, ...], np.ndarray, dict[str, int]]:
    """Return classes, class of each row (-1: dropped), and the rows of each small class.

    Messages advise `option`, an option of a command line, or else the parameter ``rare``.

    Raises
    ------
    LatentbookError
        If `rare` is ``error`` and a class is too small, or if too few rows or classes are left.
    """
    counts, fitted = (np.bincount(part, minlength=len(classes)) for part in (y, y[training]))
    few = fitted < CLASS_ROWS
    if not few.any():
        return classes, y, {}
    worst = int(np.argmin(fitted))
    part = "" if training.all() else f", {fitted[worst]} of them for training"
    if rare == "error":
        raise LatentbookError(
            f"class {classes[worst]!r} of {label!r} has {counts[worst]} rows{part}, but needs "
            f"{CLASS_ROWS} ({few.sum()} of {len(classes)} classes have too few): merge or drop "
            f"such classes, {_way(option, 'merge', 'drop')}"
        )
    small = {classes[c]: int(counts[c]) for c in np.flatnonzero(few)}
    names = [name for name in classes if name not in small and name != OTHER]
    into = {name: i for i, name in enumerate(names)}
    if rare == "merge":
        names.append(OTHER)
    elif OTHER in classes and OTHER not in small:
        into[OTHER] = len(names)
        names.append(OTHER)
    rest = names.index(OTHER) if rare == "merge" else -1
    y = np.array([into.get(name, rest) for name in classes])[y]
    if len(names) < 2:
        raise LatentbookError(
            f"of the classes of {label!r} only {len(names)} is left once those with fewer than "
            f"{CLASS_ROWS} training rows are treated by {rare}: choose another label"
        )
    kind = "rows" if training.all() else "training rows"
    merged = int((y[training] == rest).sum())
    if rare == "merge" and merged < CLASS_ROWS:
        raise LatentbookError(
            f"the rare classes of {label!r} make {merged} {kind} together, but a class "
            f"needs {CLASS_ROWS}: drop them, {_way(option, 'drop')}"
        )
    return tuple(names), y, small


def _way(option: str, *words: str) -> str:
    """Return how to say what becomes of rare classes."""
    if option:
        return "with " + " or ".join(f"{option} {word}" for word in words)
    return "by setting rare to " + " or ".join(map(repr, words))


def marked(values: pd.Series) -> np.ndarray:
    """Return True where a column marks an anomaly.

    Raises
    ------
    LatentbookError
        If a value is neither 0 nor 1.
    """
    numbers = as_floats(values)
    if not np.isin(numbers, [0, 1]).all():
        bad = values[~np.isin(numbers, [0, 1])].iloc[0]
        raise LatentbookError(
            f"the column {values.name!r} marks known anomalies, so it must be 0 or 1 in every row, "
            f"but holds {bad!r}"
        )
    return numbers == 1


def copies(frame: pd.DataFrame) -> list[str]:
    """Say how many rows are equal to an earlier one in every column."""
    count = int(frame.duplicated().sum())
    if not count:
        return []
    return [f"{count:,} of {len(frame):,} rows are equal to an earlier row in every column."]


def spellings(classes: tuple[str, ...]) -> list[str]:
    """Say which classes differ in capitals only."""
    names = pd.Series(classes, dtype=object)
    same = [list(group) for _, group in names.groupby(names.str.lower()) if len(group) > 1]
    return [f"The classes {' and '.join(map(repr, one))} differ in capitals only." for one in same]
