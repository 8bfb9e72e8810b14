"""The frequency table on the tables of the chapter; the rule is in `outliers.frequencies`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentbook.chapters.latent_anomalies.data import Task
from latentbook.errors import LatentbookError
from latentbook.outliers.frequencies import category_score, number_score
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
