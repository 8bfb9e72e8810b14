"""The rule without a network on the tables of the chapter, and its records.

The rule itself is in `latentbook.outliers.frequencies`.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies.data import Task
from latentbook.chapters.latent_anomalies.study import ranking_power
from latentbook.errors import LatentbookError
from latentbook.outliers.frequencies import PRIOR_ROWS, category_score, number_score
from latentbook.study.method import Method
from latentbook.study.result import Result, Score
from latentbook.tabular.columns import as_typed

NAME = "frequency table"


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
