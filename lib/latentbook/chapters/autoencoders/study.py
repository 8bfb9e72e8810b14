"""What the studies of the uses share: their result, their arrays, and their threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from latentbook.chapters.autoencoders import CHAPTER
from latentbook.datasets import Dataset
from latentbook.study import figure_arrays
from latentbook.study.result import Result, Score, arrays_name

#: Decorator of studies: BLAS and OpenMP (k-means, neighbours, regression) use one thread. Their
#: problems are so small that a second thread is waited for longer than it works, and ten times as
#: long where others use the cores too. Networks and neighbour embeddings have their own threads.
one_thread = threadpool_limits.wrap(limits=1)


def result(
    use: str,
    data: Dataset,
    seed: int,
    scores: Sequence[Score],
    arrays: Mapping[str, np.ndarray],
) -> Result:
    """Return the result of one use on one data set."""
    return Result(CHAPTER, data, seed, list(scores), arrays, use=use, networks=True)


def kept(use: str, dataset: str) -> dict[str, np.ndarray]:
    """Return the arrays that a full-scale study kept for its figures, none if it has not run."""
    arrays = figure_arrays.full_scale(arrays_name(CHAPTER, dataset, use))
    arrays.pop("index", None)
    return arrays


def page(use: str) -> str:
    """Return the name of a use in names of pages: ``02-few-labels``."""
    return arrays_name(CHAPTER, "", use)
