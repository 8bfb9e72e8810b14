"""A record that changes is noticed: a claim fails, or a row of a generated table is another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentbook.book import claims, pages
from latentbook.chapters.autoencoders import tables as autoencoders
from latentbook.chapters.dimensionality_reduction import tables as dimensionality_reduction
from latentbook.study import judge, records
from latentbook.study.claims import evaluate

pytestmark = pytest.mark.slow

#: Chapter -> the metrics of its tables and its claims. What a source prints is sampled besides.
#: Records keep more than the book shows: V-measure and its two parts beside NMI, which is the same
#: number; AMI, scores of the kept samples, and other numbers of clusters; sizes of networks, and
#: losses that only training looks at.
METRICS = {
    "01": (
        "trustworthiness",
        "knn_preservation",
        "distance_correlation",
        "centroid_correlation",
        "knn_accuracy",
    ),
    "02": tuple(autoencoders.HEADINGS),
    "03": ("acc", "nmi", "ari"),
    "04": ("acc", "nmi", "ari", "silhouette", "iterations"),
    "05": (
        "calinski_harabasz_raw",
        "silhouette_raw",
        "silhouette",
        "persistence",
        "season_accuracy",
        "catalogue_ami",
        "rmse_metres",
        "distance_correlation",
        "trustworthiness",
    ),
    "06": ("top1", "top3"),
    "07": (
        *("auc_noise", "auc_mislabelled", "auc_any", "ap_any", "auc_dos"),
        *("excess_mass_1e3", "mass_volume", "anomaly_share_rmse_percent"),
        *("v_measure", "v_measure_nearest_mean"),
    ),
}
#: Claims on more records than these count the whole book, and take long: the tables stand for them.
MOST_RECORDS = 300
#: Claims that take longer, in seconds, are asked after the tables.
CHEAP = 0.03
#: Chapters that score the codes of the same networks, and show each other's records.
CLUSTERING = ("03-two-stage-clustering", "04-deep-clustering")
PER_CHAPTER = 24
SWAPS_PER_CHAPTER = 8
SHARE = 0.95


class Book:
    """The book as its records make it, and what a change of a few of them changes."""

    def __init__(self) -> None:
        # columns of one type are one block, so that selecting rows is fast
        self.every, self.numbers = records.read().astype(object), judge.published()
        self.compared = judge.compare(self.numbers, self.every)
        self.sources = claims.all_claims()
        self.stated = {name: [] for name in self.sources}
        for statement in claims.statements():
            self.stated[statement.claim].append(statement)
        self.claims_of: dict[Any, list[str]] = {}
        self.cost: dict[str, float] = {}
        memo: dict[str, Any] = {}
        for name, source in self.sources.items():
            start = time.process_time()
            rows = evaluate(source, self.every, self.compared, memo).rows
            self.cost[name] = time.process_time() - start
            for index in rows.index if len(rows) <= MOST_RECORDS else ():
                self.claims_of.setdefault(index, []).append(name)
        self.printed_of: dict[Any, list[Any]] = {}
        for position, row in self.compared.iterrows():
            for index in judge.counterparts(self.every, row).index:
                self.printed_of.setdefault(index, []).append(position)
        self.page = pages.published_page(self.compared)
        self._tables: dict[tuple[str, str, str], dict[str, str]] = {}
        self.makers = dict(zip(sorted(set(self.every["chapter"])), pages.CHAPTERS, strict=True))

    def notices(self, new: dict[Any, dict[str, float]]) -> bool:
        """Return whether other metrics of some records fail a claim or change a table."""
        every = self.every.copy(deep=False)
        every["metrics"] = [
            new.get(i, old) for i, old in zip(every.index, every["metrics"], strict=True)
        ]
        compared = self._compared(every, new)
        names = {name for index in new for name in self.claims_of.get(index, [])}
        cheap = {name for name in names if self.cost[name] < CHEAP}
        memo: dict[str, Any] = {}
        return (
            (compared is not self.compared and pages.published_page(compared) != self.page)
            or self._fails_a_claim(cheap, every, compared, memo)
            or self._changes_tables(every, compared, new)
            or self._fails_a_claim(names - cheap, every, compared, memo)
        )

    def _compared(self, every: pd.DataFrame, new: dict[Any, Any]) -> pd.DataFrame:
        positions = sorted({p for index in new for p in self.printed_of.get(index, [])})
        if not positions:
            return self.compared
        again = judge.compare(self.numbers.loc[positions], every).set_axis(positions)
        compared = self.compared.copy()
        for column in ("mean", "spread", "verdict", "values", "half_width", "hits"):
            for position in positions:
                compared.at[position, column] = again.at[position, column]
        return compared

    def _fails_a_claim(
        self, names: set[str], every: pd.DataFrame, compared: pd.DataFrame, memo: dict[str, Any]
    ) -> bool:
        return any(
            claims.problems(
                {name: evaluate(self.sources[name], every, compared, memo)}, self.stated[name]
            )
            for name in sorted(names, key=self.cost.__getitem__)
        )

    def _changes_tables(self, every: pd.DataFrame, compared: pd.DataFrame, new: dict) -> bool:
        """Return whether a table of the records' chapter and data set is another."""
        where = {(every.at[i, "chapter"], every.at[i, "dataset"]) for i in new}
        for chapter, dataset in where:
            others = [name for name in CLUSTERING if chapter in CLUSTERING and name != chapter]
            for maker in (chapter, *others):
                key = maker, chapter, dataset
                if key not in self._tables:
                    self._tables[key] = self._made(self.every, self.compared, *key)
                if self._made(every, compared, *key) != self._tables[key]:
                    return True
        return False

    def _made(
        self, every: pd.DataFrame, compared: pd.DataFrame, maker: str, chapter: str, dataset: str
    ) -> dict[str, str]:
        """Return the tables that one chapter makes of the records of a chapter and a data set."""
        chapters = CLUSTERING if chapter in CLUSTERING else (chapter,)
        own = every[every["chapter"].isin(chapters) & (every["dataset"] == dataset)]
        return self.makers[maker].generated(own, compared)


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


def sampled(book: Book) -> Iterator[tuple[Any, str]]:
    """Yield a fixed random sample of records and metrics, as many of each chapter.

    Codes of oriented gradients are left out where they are compared with pixels: the book does not
    show what they do not try to keep.
    """
    rng = np.random.default_rng(2019)
    printed = {
        (index, book.compared.at[position, "metric"])
        for index, positions in book.printed_of.items()
        for position in positions
    }
    for chapter, rows in book.every.groupby("chapter"):
        shown = dimensionality_reduction.comparable(rows) if chapter[:2] == "01" else rows
        pairs = [
            (index, metric)
            for index, values in shown["metrics"].items()
            for metric in values
            if metric in METRICS[chapter[:2]] or (index, metric) in printed
        ]
        yield from (pairs[k] for k in rng.permutation(len(pairs))[:PER_CHAPTER])


def moved(value: float) -> float:
    """Return a metric after a change of 0.05, or of 5 % of a value beyond 1."""
    return value + 0.05 * max(1.0, abs(value))


def summary(book: Book, missed: list[tuple[Any, str]], n: int) -> str:
    lines = [
        f"{', '.join(map(str, book.every.loc[i, ['chapter', 'dataset', 'method', 'seed']]))}: "
        f"{what}"
        for i, what in missed
    ]
    return f"{n - len(missed)} of {n} noticed; not noticed:\n" + "\n".join(lines)


def test_a_changed_record_is_noticed(book):
    pairs = list(sampled(book))
    missed = []
    for index, metric in pairs:
        metrics = book.every.at[index, "metrics"]
        if not book.notices({index: metrics | {metric: moved(metrics[metric])}}):
            missed.append((index, metric))
    print(summary(book, missed, len(pairs)))
    assert len(missed) <= (1 - SHARE) * len(pairs), summary(book, missed, len(pairs))


def swaps(book: Book) -> Iterator[tuple[dict[Any, dict[str, float]], str, Any]]:
    """Yield pairs of methods of a data set with their values of a metric exchanged, run by run."""
    rng = np.random.default_rng(2019)
    for chapter, rows in book.every.groupby("chapter"):
        done = 0
        groups = [group for _, group in rows.groupby("dataset") if group["method"].nunique() > 1]
        while done < SWAPS_PER_CHAPTER:
            group = groups[rng.integers(len(groups))]
            metric = str(rng.choice(METRICS[chapter[:2]]))
            group = judge.select(group, (metric in values for values in group["metrics"]))
            methods = group["method"].unique()
            if len(methods) < 2:
                continue
            first, second = (
                judge.over_all(group, group["dataset"].iloc[0], method)
                if chapter[:2] in ("03", "04")
                else group[group["method"] == method]
                for method in rng.choice(methods, 2, replace=False)
            )
            pairs = list(zip(first.iterrows(), second.iterrows(), strict=False))
            new: dict[Any, dict[str, float]] = {}
            for (i, one), (j, other) in pairs:
                new[i] = one["metrics"] | {metric: other["metrics"][metric]}
                new[j] = other["metrics"] | {metric: one["metrics"][metric]}
            gaps = [
                one["metrics"][metric] - other["metrics"][metric] for (_, one), (_, other) in pairs
            ]
            if not gaps or abs(np.mean(gaps)) < 0.01:
                continue
            done += 1
            yield new, f"{metric} of {second['method'].iloc[0]}", next(iter(new))


def test_an_order_that_turns_round_is_noticed(book):
    missed, n = [], 0
    for new, what, index in swaps(book):
        n += 1
        if not book.notices(new):
            missed.append((index, f"exchanged with {what}"))
    print(summary(book, missed, n))
    assert len(missed) <= (1 - SHARE) * n, summary(book, missed, n)


def test_a_record_that_stays_is_no_change(book):
    index = book.every.index[0]
    assert not book.notices({index: dict(book.every.at[index, "metrics"])})


def test_records_without_a_table_or_claim_would_be_missed(book):
    """The share is no matter of course: metrics that the book does not show are not noticed."""
    index = book.every.index[book.every["chapter"].str.startswith("03")][0]
    metrics = book.every.at[index, "metrics"]
    assert not book.notices({index: metrics | {"completeness": moved(metrics["completeness"])}})
