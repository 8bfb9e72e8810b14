"""A rule without a network: how often a class has each category, and how far its numbers lie off.

It knows the label of a row, as conditioned networks do, and nothing of what columns have to do with
each other. Whatever is learned should be compared with it.
Drawing folds is left to `folds`, words to `reasons`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from latentbook.tabular.columns import MISSING, as_typed

#: Rows of the whole table that are added to those of a class, so that no frequency is 0.
PRIOR_ROWS = 1.0
#: Standard deviation of a Gaussian in units of its median absolute deviation.
MAD = 1.4826


def category_score(values: pd.Series, labels: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Return the logarithm of how often the class of a row has its value.

    Parameters
    ----------
    values : Series
        Text, or anything else that can be told apart.
    labels : vector
        Class of each row.
    learned : vector of bool
        Rows that frequencies are counted on.

    Returns
    -------
    vector
        Log p(value | class), where the class has `PRIOR_ROWS` rows more, spread over the values as
        those of all classes are.

    Examples
    --------
    >>> values = pd.Series(["a", "a", "b", "a", "b"])
    >>> labels, learned = np.array([0, 0, 1, 1, 0]), np.array([1, 1, 1, 1, 0], dtype=bool)
    >>> np.exp(category_score(values, labels, learned)).round(2)
    array([0.89, 0.89, 0.44, 0.56, 0.11])
    """
    codes, names = pd.factorize(values)
    _, classes = np.unique(labels, return_inverse=True)
    counts = np.zeros((classes.max() + 1, len(names)))
    np.add.at(counts, (classes[learned], codes[learned]), 1)
    overall = (counts.sum(axis=0) + 1) / (counts.sum() + len(names))
    shares = counts + PRIOR_ROWS * overall
    shares /= shares.sum(axis=1, keepdims=True)
    return np.log(shares[classes, codes])


def robust_z(values: np.ndarray, labels: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Return the distance to the median of the class in robust standard deviations, with its sign.

    Values are shrunk by asinh first, so that amounts are compared by their ratio. A class whose
    values are mostly equal has the spread of all classes. A missing value has NaN.

    Parameters
    ----------
    values : vector of float
    labels, learned
        As in `category_score`.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 100.0, np.nan])
    >>> robust_z(values, np.zeros(5), np.array([1, 1, 1, 0, 1], dtype=bool)).round(1)
    array([-0.9,  0. ,  0.7,  8. ,  nan])
    """
    scale = np.nanmedian(np.abs(values[learned])) or 1.0
    shrunk = pd.Series(np.arcsinh(values / scale))
    own = shrunk.where(learned)
    centre = own.groupby(labels).transform("median")
    spread = MAD * (own - centre).abs().groupby(labels).transform("median")
    everywhere = MAD * (own - own.median()).abs().median() or 1.0
    return ((shrunk - centre) / spread.where(spread > 0, everywhere)).to_numpy()


def number_score(values: np.ndarray, labels: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Return minus log(1 + z²), z as in `robust_z`; a missing value scores 0, as the median does.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 100.0, np.nan])
    >>> -number_score(values, np.zeros(5), np.array([1, 1, 1, 0, 1], dtype=bool)).round(1)
    array([0.6, 0. , 0.4, 4.2, 0. ])
    """
    return -np.log1p(np.nan_to_num(robust_z(values, labels, learned)) ** 2)


# ---------------------------------------------------------------- all columns, by folds


@dataclass(frozen=True)
class Part:
    """A column of a table, one of the three numbers of a date, or whether a number is missing.

    Attributes
    ----------
    column : str
        Of the table.
    name : str
        The same, with what is looked at: ``when hour``, ``amount (missing)``.
    kind : str
        ``number`` or ``category``: of a date the day and the hour are numbers, the weekday is a
        category. Whether a number is missing is a category too.
    """

    column: str
    name: str
    kind: str


@dataclass(frozen=True)
class Surprise:
    """How much every part of every row surprises who knows the class, in nats.

    Attributes
    ----------
    parts : list of Part
    values : array of shape (n, len(parts))
        -log p(value | class) of categories, log(1 + z²) of numbers.
    z : array of the same shape
        Of numbers, in robust standard deviations of the class; NaN elsewhere.
    """

    parts: list[Part]
    values: np.ndarray
    z: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Root of the sum of squares over the parts of each row: higher for stranger rows.

        A plain sum lets one impossible value drown in many columns that are a little unusual.
        """
        return np.sqrt((self.values.astype(np.float64) ** 2).sum(axis=1))


#: Returns one score a row from values, classes, and which rows are learned from.
Scorer = Callable[[Any, np.ndarray, np.ndarray], np.ndarray]


def surprise(
    frame: pd.DataFrame, kinds: Mapping[str, str], labels: np.ndarray, fold: np.ndarray
) -> Surprise:
    """Return the surprise of each row to frequencies and medians of the other folds.

    Parameters
    ----------
    frame : DataFrame
    kinds : dict
        Column -> ``number``, ``date`` or ``category``, as `tabular.Encoder` decides.
    labels : vector of int
        Class of each row.
    fold : vector of int
        Fold of each row, from 0. A row of fold -1 - k is judged like one of fold k, and nothing is
        learned from it. With two folds, one of them -1, the rows of the other have no scores.
    """
    parts: list[Part] = []
    values: list[np.ndarray] = []
    signed: list[np.ndarray] = []
    nothing = np.full(len(frame), np.nan, np.float32)
    for column, kind in kinds.items():
        for name, typed in as_typed(frame[column], kind).items():
            if kind == "category" or name == f"{column} weekday":
                codes = pd.Series(pd.factorize(typed)[0])
                parts.append(Part(column, name, "category"))
                values.append(-_by_folds(category_score, codes, labels, fold))
                signed.append(nothing)
                continue
            z = _by_folds(robust_z, typed, labels, fold)
            parts.append(Part(column, name, "number"))
            values.append(np.log1p(np.nan_to_num(z) ** 2))
            signed.append(z)
        missing = np.isnan(typed) if kind != "category" else np.zeros(1, bool)
        if missing.any():
            parts.append(Part(column, f"{column} {MISSING}", "category"))
            values.append(-_by_folds(category_score, pd.Series(missing), labels, fold))
            signed.append(nothing)
    return Surprise(parts, *(np.column_stack(a).astype(np.float32) for a in (values, signed)))


def _by_folds(scorer: Scorer, values: Any, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the scores of each fold by what the other folds hold."""
    own = np.where(fold < 0, -1 - fold, fold)
    scores = np.empty(len(fold))
    for k in range(own.max() + 1):
        learned = (fold >= 0) & (own != k)
        rows = own == k
        if not learned.any():  # nothing to compare these rows with
            scores[rows] = np.nan
            continue
        scores[rows] = scorer(values, labels, learned)[rows]
    return scores
