"""Claims: what a sentence about results says, and the records that make it true.

A chapter writes one function a claim, in ``chapters/<name>/claims.py``. It asks an `Evidence` for
records, and returns a `Claim`: the numbers that the sentence prints, and the conditions under which
its words are true.
`prose` finds the sentences, and `book.claims` checks all of them whenever the book is built.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, judge

T = TypeVar("T")


@dataclass(frozen=True)
class Claim:
    """What must be true of the records for a sentence to be true.

    Attributes
    ----------
    numbers : sequence of float
        The numbers of the sentence in the order in which it prints them, not rounded; settings that
        it names (10 clusters) are among them.
    holds : mapping of str to bool
        Conditions in words, such as ``{"every run gains": (gain > 0).all()}``. Every comparison,
        order, direction and superlative of the sentence is one.
    """

    numbers: Sequence[float] = ()
    holds: Mapping[str, bool] = field(default_factory=dict)


class Evidence:
    """The records and the comparisons with published numbers, and which of them were asked for.

    Every question that finds nothing raises a `LatentbookError`: there is no claim without records.

    Parameters
    ----------
    every : DataFrame
        Full-scale records, as `records.read` returns them.
    compared : DataFrame
        As `judge.compare` returns them.
    memo : dict, optional
        What `once` has computed from these frames; all claims of a book share one.
    """

    def __init__(
        self, every: pd.DataFrame, compared: pd.DataFrame, memo: dict[str, Any] | None = None
    ) -> None:
        self._every, self._compared = every, compared
        self._memo = {} if memo is None else memo
        self._asked: dict[Hashable, None] = {}
        self.arrays_used: list[str] = []

    @property
    def rows_used(self) -> pd.DataFrame:
        """The records that were asked for, each once."""
        return self._every.loc[list(self._asked)]

    def rows(
        self,
        dataset: str | None = None,
        method: str | Callable[[str], bool] | None = None,
        *,
        chapter: str | None = None,
        seed: int | None = None,
        **params: Any,
    ) -> pd.DataFrame:
        """Return the records of a chapter, a data set, a method and some of its parameters.

        Parameters
        ----------
        dataset, chapter : str, optional
            None takes all of them.
        method : str or callable, optional
            The spelling of the records, or a function that says which spellings are meant.
        seed : int, optional
        **params
            Entries of the records' ``params``. None asks for records without such an entry.
        """
        rows = self._every
        if dataset is not None and isinstance(method, str):
            rows = judge.of_method(rows, dataset, method)
        elif chapter is not None:
            own = partial(_of_chapter, rows, chapter)
            rows = self.once(f"records of {chapter}", own)
        for column, wanted in (("chapter", chapter), ("dataset", dataset), ("seed", seed)):
            rows = rows if wanted is None else rows[rows[column] == wanted]
        if callable(method):
            rows = judge.select(rows, map(method, rows["method"]))
        elif method is not None:
            rows = rows[rows["method"] == method]
        chosen = [all(p.get(k) == v for k, v in params.items()) for p in rows["params"]]
        rows = judge.select(rows, chosen)
        return self._note(rows, f"{dataset or 'any data set'}, {method or 'any method'}, {params}")

    def over_all(self, dataset: str, method: str, **params: Any) -> pd.DataFrame:
        """Return the records of a method as the tables of verdicts choose them.

        They are those over all samples, unless ``evaluated_on`` says otherwise, and those of the
        longest training.
        """
        row = pd.Series({"dataset": dataset, "method": method, "params": params})
        return self._note(judge.counterparts(self._every, row), f"{dataset}, {method}, {params}")

    def verdicts(self, **columns: Any) -> pd.DataFrame:
        """Return the published numbers with these entries, each beside ours and its verdict.

        Parameters
        ----------
        **columns
            Columns of `judge.compare`, such as ``table="table 12.1"``; a list allows any of its
            entries.
        """
        rows = self._compared
        for column, wanted in columns.items():
            allowed = wanted if isinstance(wanted, list) else [wanted]
            rows = judge.select(rows, (value in allowed for value in rows[column]))
        if not len(rows):
            raise LatentbookError(f"no published number has {columns}")
        for position, row in rows.iterrows():
            runs = self.once(
                f"runs of number {position}", partial(judge.counterparts, self._every, row)
            )
            self._asked |= dict.fromkeys(runs.index)
        return rows

    def published(self, **columns: Any) -> float:
        """Return the one published value with these entries; raise if several differ."""
        values = set(self.verdicts(**columns)["value"])
        if len(values) != 1:
            raise LatentbookError(f"{len(values)} different published numbers have {columns}")
        return float(values.pop())

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays that full-scale runs kept as ``data/records/figures/<name>.npz``."""
        arrays = figure_arrays.full_scale(name)
        if not arrays:
            raise LatentbookError(f"no full-scale run kept arrays {name!r}")
        self.arrays_used.append(f"{name}.npz")
        return arrays

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """Return what `compute` returns, computed once for all claims that use the same `name`.

        The records that it needs are asked for outside of it, by every claim.
        """
        if name not in self._memo:
            self._memo[name] = compute()
        return self._memo[name]

    def _note(self, rows: pd.DataFrame, question: str) -> pd.DataFrame:
        if not len(rows):
            raise LatentbookError(f"there is no record of {question}")
        self._asked |= dict.fromkeys(rows.index)
        return rows


def _of_chapter(every: pd.DataFrame, chapter: str) -> pd.DataFrame:
    return every[every["chapter"] == chapter]


def scores(rows: pd.DataFrame, metric: str) -> pd.Series:
    """Return a metric of each record, by the run that it belongs to.

    Parameters
    ----------
    rows : DataFrame
        Records.
    metric : str
        An entry of ``metrics``, or ``coverage``.

    Returns
    -------
    Series
        Indexed by data set and run, so that records of the same run can be compared pair by pair.
        A run is a network where the record names the digest of its weights, and a seed elsewhere.

    Raises
    ------
    LatentbookError
        If a record lacks the metric.
    """
    runs = [p.get("weights", seed) for p, seed in zip(rows["params"], rows["seed"], strict=True)]
    if metric == "coverage":
        values = list(rows["coverage"])
    else:
        missing = [
            m
            for m, values in zip(rows["method"], rows["metrics"], strict=True)
            if metric not in values
        ]
        if missing:
            raise LatentbookError(f"a record of {missing[0]} has no metric {metric!r}")
        values = [entries[metric] for entries in rows["metrics"]]
    index = pd.MultiIndex.from_arrays([rows["dataset"], runs], names=["dataset", "run"])
    return pd.Series(values, index=index, name=metric, dtype=float)


#: What a chapter writes for a claim.
Source = Callable[[Evidence], Claim]


class Claims:
    """The claims of a chapter by name; used as a decorator, it adds one.

    The name is the prefix of the chapter and the name of the function: ``best_run`` of chapter 04
    is ``04-best-run``.

    Parameters
    ----------
    prefix : str
        Such as ``04``.

    Examples
    --------
    >>> CLAIMS = Claims("04")
    >>> @CLAIMS
    ... def best_run(evidence):
    ...     return Claim([scores(evidence.over_all("mnist", "dcec", gamma=0.1), "acc").max()])
    >>> list(CLAIMS.sources)
    ['04-best-run']
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.sources: dict[str, Source] = {}

    def __call__(self, source: Source) -> Source:
        """Add a claim."""
        name = f"{self.prefix}-{source.__name__.replace('_', '-')}"
        if name in self.sources:
            raise LatentbookError(f"two claims are called {name!r}: rename one of the functions")
        self.sources[name] = source
        return source


@dataclass(frozen=True)
class Checked:
    """A claim that was evaluated on records.

    Attributes
    ----------
    claim : Claim or None
        None where it could not be evaluated.
    rows : DataFrame
        The records that it was computed from.
    arrays : list of str
        Files of arrays that it was computed from.
    problems : list of str
        Why it does not hold, in words; empty if it does.
    """

    claim: Claim | None
    rows: pd.DataFrame
    arrays: list[str]
    problems: list[str]


def evaluate(
    source: Source,
    every: pd.DataFrame,
    compared: pd.DataFrame,
    memo: dict[str, Any] | None = None,
) -> Checked:
    """Evaluate one claim on records, and say which of its conditions do not hold."""
    evidence = Evidence(every, compared, memo)
    try:
        claim = source(evidence)
    except LatentbookError as error:
        return Checked(None, evidence.rows_used, evidence.arrays_used, [str(error)])
    problems = [f"it is not true that {words}" for words, true in claim.holds.items() if not true]
    problems += ["a number is missing (NaN)"] * any(not np.isfinite(x) for x in claim.numbers)
    if not len(evidence.rows_used) and not evidence.arrays_used:
        problems.append("it asks for no records")
    return Checked(claim, evidence.rows_used, evidence.arrays_used, problems)
