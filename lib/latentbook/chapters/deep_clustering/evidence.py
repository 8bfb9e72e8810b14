"""What the claims of chapter 04 ask of records and arrays, and how they say it in numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from latentbook import plots
from latentbook.chapters.deep_clustering import (
    CHAPTER,
    GAMMA,
    REFERENCE_EPOCHS,
    figures,
    pairs,
)
from latentbook.study import gains
from latentbook.study.claims import Evidence, scores

SCORES = pairs.SCORES
#: Data sets of the chapter that have full-scale runs.
DATASETS = ("fashion_mnist", "mnist", "mnist-test", "usps")
#: The printed numbers that the chapter compares with.
TABLE = "table 13.1"
POINTS = 100  #: percentage points in a share


def dcec(
    evidence: Evidence, dataset: str | None, method: str = "dcec", gamma: float = GAMMA
) -> pd.DataFrame:
    """Return the runs of DCEC over all images; with the usual arguments the faithful ones."""
    return evidence.rows(dataset, method, chapter=CHAPTER, gamma=gamma, evaluated_on="all")


def codes(evidence: Evidence, dataset: str, clusterer: str) -> pd.DataFrame:
    """Return what a clusterer makes of the codes that DCEC starts from."""
    return evidence.rows(
        dataset,
        f"cae10-guo + {clusterer}",
        chapter=CHAPTER,
        max_epochs=REFERENCE_EPOCHS,
        evaluated_on="all",
    )


def means(runs: pd.DataFrame, metric: str, parameter: str) -> pd.Series:
    """Return the mean of a metric over the runs of each value of a parameter, by value."""
    values = [params[parameter] for params in runs["params"]]
    return scores(runs, metric).groupby(values).mean().sort_index()


def around(values: pd.Series | np.ndarray) -> list[float]:
    """Return the smallest and the largest value."""
    return [values.min(), values.max()]


def losses(found: Iterable[pd.Series]) -> list[float]:
    """Return by how many percentage points each series falls from its first to its last value."""
    return [POINTS * (mean.iloc[0] - mean.iloc[-1]) for mean in found]


def falling(values: Iterable[float]) -> bool:
    """Say whether each value is smaller than the one before."""
    return all(second < first for first, second in itertools.pairwise(values))


def words(found: Iterable[gains.Gain]) -> set[str]:
    """Return the words for gains."""
    return {gain.word for gain in found}


def right(arrays: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Return the share of each class that is in the cluster matched with it."""
    y = arrays["classes"]
    same = plots.aligned(y, labels) == y
    return np.array([same[y == c].mean() for c in np.unique(y)])


def shares(evidence: Evidence, dataset: str) -> dict[str, np.ndarray]:
    """Return what each faithful run gets right of each class, from 10,000 of its images."""
    arrays = evidence.arrays(f"04-{dataset}")
    return {run: right(arrays, x) for run, x in figures.faithful(arrays, "labels").items()}


def accuracy_of(runs: pd.DataFrame) -> dict[str, float]:
    """Return the accuracy of runs by the names that the arrays give them."""
    names = [
        ", ".join(filter(None, [f"seed {seed}", params.get("weights", "")[:4]]))
        for seed, params in zip(runs["seed"], runs["params"], strict=True)
    ]
    return dict(zip(names, scores(runs, "acc"), strict=True))


def seconds(runs: pd.DataFrame) -> np.ndarray:
    """Return the seconds of all stages of each run."""
    return np.array([sum(stages.values()) for stages in runs["seconds"]])


def extremes(values: Iterable[float]) -> list[float]:
    """Return the smallest and the largest of shares, in percent."""
    found = POINTS * np.array(list(values))
    return [found.min(), found.max()]


def mixture_and_dcec(evidence: Evidence) -> dict[tuple[str, str], gains.Gain]:
    """Return the gains of a mixture over DCEC from the same network, by data set and score."""
    return {
        (dataset, metric): gains.of(
            pairs.differences(
                codes(evidence, dataset, "mixture"),
                dcec(evidence, dataset),
                metric,
                shared=pairs.SAME_CODES,
            )
        )
        for dataset in DATASETS
        for metric in SCORES
    }
