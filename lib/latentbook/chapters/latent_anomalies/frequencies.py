"""A rule without a network: how often a class has each category, and how far its numbers lie off.

It knows the label of a row, as the conditioned networks do, and nothing of what columns have to do
with each other. Whatever is learned should be compared with it.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies.data import Task
from latentbook.chapters.latent_anomalies.study import ranking_power
from latentbook.errors import LatentbookError
from latentbook.study.method import Method
from latentbook.study.result import Result, Score
from latentbook.tabular.columns import as_typed

NAME = "frequency table"
#: Rows of the whole table that are added to those of a class, so that no frequency is 0.
PRIOR_ROWS = 1.0
#: Standard deviation of a Gaussian in units of its median absolute deviation.
MAD = 1.4826


def category_score(values: pd.Series, labels: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Return the logarithm of how often the class of a row has its value.

    Parameters
    ----------
    values : Series of str
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


def number_score(values: np.ndarray, labels: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Return minus log(1 + z²), z the distance to the median of the class in robust units.

    Values are shrunk by asinh first, so that amounts are compared by their ratio. A missing value
    scores 0, as the median does.

    Parameters
    ----------
    values : vector of float
    labels, learned
        As in `category_score`.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 100.0, np.nan])
    >>> -number_score(values, np.zeros(5), np.array([1, 1, 1, 0, 1], dtype=bool)).round(1)
    array([0.6, 0. , 0.4, 4.2, 0. ])
    """
    scale = np.nanmedian(np.abs(values[learned])) or 1.0
    shrunk = pd.Series(np.arcsinh(values / scale))
    own = shrunk.where(learned)
    centre = own.groupby(labels).transform("median")
    spread = MAD * (own - centre).abs().groupby(labels).transform("median")
    everywhere = MAD * (own - own.median()).abs().median() or 1.0
    z = (shrunk - centre) / spread.where(spread > 0, everywhere)
    return -np.log1p(z.fillna(0.0) ** 2).to_numpy()


def normality(task: Task) -> np.ndarray:
    """Return one number a test row, higher for rows that are usual for their class.

    Raises
    ------
    LatentbookError
        If the task has no table.
    """
    table = task.table
    if table is None:
        raise LatentbookError(f"{task.data.name} is no table: frequencies are counted in columns")
    labels = task.data.y
    learned = np.isin(np.arange(len(labels)), task.rows.fit)
    total = np.zeros(len(labels))
    for column, kind in table.encoder.kinds_.items():
        for part, values in as_typed(table.frame[column], kind).items():
            if kind == "category":
                total += category_score(pd.Series(values, name=part), labels, learned)
            else:
                total += number_score(values, labels, learned)
    return total[task.rows.test]


def detect(task: Task, *, random_state: int) -> Result:
    """Return the power of the rule on the anomalies that the data record.

    Parameters
    ----------
    task : Task
        A table; planted anomalies have no row in it.
    random_state : int
        Of the rows that are held out.

    Returns
    -------
    Result
        One score; the label of a row is always used.
    """
    start = time.perf_counter()
    scores = normality(task)
    seconds = time.perf_counter() - start
    power: dict[str, float] = {}
    for kind, anomalies in task.known.items():
        power |= ranking_power(scores, anomalies, kind)
    params = {"prior_rows": PRIOR_ROWS, "evaluated_on": "test"}
    score = Score(Method("raw", NAME), power, params, {"detect": seconds}, source_table="table 3")
    return Result(CHAPTER, task.data, random_state, [score])
