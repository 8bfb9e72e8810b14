"""Simple detectors on the tables of the chapter, without any network and with the label in sight.

The frequency table, robust z, and what `latentbook.outliers.detectors` holds, which see the label
as columns of the matrix. Scores of the chapter's networks are in `study`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies.data import Task
from latentbook.chapters.latent_anomalies.frequencies import NAME as FREQUENCIES
from latentbook.chapters.latent_anomalies.frequencies import normality
from latentbook.chapters.latent_anomalies.study import ranking_power
from latentbook.outliers.detectors import DETECTORS
from latentbook.outliers.frequencies import PRIOR_ROWS, Surprise, number_score, surprise
from latentbook.planted import KnownAnomalies
from latentbook.study.method import Method
from latentbook.study.result import Result, Score

#: The frequency table with squared surprises, as `latentbook table` adds them.
SQUARED = "squared frequency table"
#: The numbers of a table alone.
ROBUST_Z = "robust z"
#: All of them, in the order of the tables.
NAMES = (FREQUENCIES, SQUARED, ROBUST_Z, *DETECTORS)

#: Fold of rows that are learned from, and of rows that are only scored; see `surprise`.
_LEARNED, _SCORED = 1, -1


def detect_each(
    task: Task, known: Mapping[str, KnownAnomalies], *, random_state: int
) -> Iterator[Result]:
    """Yield the power of every simple detector, one result each.

    Parameters
    ----------
    task : Task
        Of rows with columns; images have none.
    known : dict
        Kind -> anomalies. The rules on columns judge those that the data record; in a matrix
        without a table they judge planted ones too.
    random_state : int
        Of the rows that are held out, of trees and of rows drawn.
    """
    for name, scores in _by_columns(task, known).items():
        yield _result(task, name, *scores, random_state, {"prior_rows": PRIOR_ROWS})
    x, labels = task.data.flat, _as_columns(task.data.y, len(task.data.classes))
    learned = np.hstack([x, labels])[task.rows.fit]
    test = np.hstack([x, labels])[task.rows.test]
    changed = {
        kind: np.hstack([one.x.reshape(len(one.x), -1), _as_columns(one.y, len(task.data.classes))])
        for kind, one in known.items()
    }
    for name, score in DETECTORS.items():
        start = time.perf_counter()
        every = score(learned, np.vstack([test, *changed.values()]), random_state)
        usual, *others = np.split(every, np.cumsum([len(test), *map(len, changed.values())])[:-1])
        power: dict[str, float] = {}
        for (kind, one), odd in zip(known.items(), others, strict=True):
            strange = usual.copy()
            strange[one.where] = odd
            power |= ranking_power(-strange, one, kind)
        seconds = time.perf_counter() - start
        yield _result(task, name, power, seconds, random_state, {"label": "as columns"})


def _as_columns(y: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the label as one-hot columns, as `tabular.Encoder` encodes a category."""
    return np.eye(n_classes, dtype=np.float32)[y] / np.float32(math.sqrt(2))


def _result(
    task: Task,
    name: str,
    power: Mapping[str, float],
    seconds: float,
    random_state: int,
    params: Mapping[str, object],
) -> Result:
    score = Score(
        Method("raw", name),
        power,
        {**params, "evaluated_on": "test"},
        {"detect": seconds},
        source_table="table 3",
    )
    return Result(CHAPTER, task.data, random_state, [score])


def _by_columns(
    task: Task, known: Mapping[str, KnownAnomalies]
) -> dict[str, tuple[dict[str, float], float]]:
    """Return power and seconds of the rules that look at one column at a time."""
    start = time.perf_counter()
    if task.table is None:
        power = {
            kind_metric: value
            for kind, one in known.items()
            for kind_metric, value in ranking_power(_numbers(task, one), one, kind).items()
        }
        return {FREQUENCIES: (power, time.perf_counter() - start)}
    found: dict[str, tuple[dict[str, float], float]] = {}
    every = _surprise(task)
    numbers = [i for i, part in enumerate(every.parts) if part.kind == "number"]
    scores = {FREQUENCIES: normality(task), SQUARED: -every.total[task.rows.test]}
    if numbers:
        scores[ROBUST_Z] = -every.values[task.rows.test][:, numbers].sum(axis=1)
    seconds = time.perf_counter() - start
    for name, score in scores.items():
        power = {}
        for kind, one in task.known.items():
            power |= ranking_power(score, one, kind)
        found[name] = power, seconds / len(scores)
    return found if task.known else {}


def _surprise(task: Task) -> Surprise:
    """Return the surprise of all rows to what the fitted rows hold."""
    assert task.table is not None
    fold = np.full(len(task.data), _SCORED)
    fold[task.rows.fit] = _LEARNED
    return surprise(task.table.frame, task.table.encoder.kinds_, task.data.y, fold)


def _numbers(task: Task, one: KnownAnomalies) -> np.ndarray:
    """Return how usual the numbers of each test row are for its class, anomalies in their places.

    Of a matrix without categories this is the frequency table.
    """
    x, y = task.data.flat.astype(np.float64), task.data.y.copy()
    at = task.rows.test[one.where]
    x[at], y[at] = one.x.reshape(len(one.x), -1), one.y
    learned = np.isin(np.arange(len(y)), task.rows.fit)
    total = sum(number_score(column, y, learned) for column in x.T)
    return pd.Series(total).to_numpy()[task.rows.test]
