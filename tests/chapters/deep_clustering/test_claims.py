"""The claims of the chapter fail where records contradict their sentences, and its code is true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook.chapters.deep_clustering import CHAPTER, claims
from latentbook.study import judge, records
from latentbook.study.claims import evaluate
from latentbook.teach import running, source


@pytest.fixture(scope="module")
def every():
    return records.read()


@pytest.fixture(scope="module")
def compared(every):
    return judge.compare(judge.published(), every)


def changed(every, chosen, **metrics) -> pd.DataFrame:
    """The records, with other metrics where `chosen` says so of a record of the chapter."""
    rows = every.copy()
    rows["metrics"] = [
        row.metrics | metrics if row.chapter == CHAPTER and chosen(row) else row.metrics
        for row in every.itertuples()
    ]
    return rows


def of(dataset, method):
    return lambda row: row.dataset == dataset and row.method == method


def best(row):
    return of("mnist", "dcec")(row) and row.metrics["acc"] > 0.95


@pytest.mark.parametrize(
    ("claim", "chosen", "metrics", "problem"),
    [
        ("runs-mnist", best, {"acc": 0.89}, "one run is not near the printed value"),
        ("runs-fashion", of("fashion_mnist", "dcec"), {"acc": 0.5}, "the best run gives"),
        ("joint-training", of("usps", "dcec"), {"nmi": 0.1}, "every interval is above zero"),
        ("mixture-or-dcec", of("mnist", "cae10-guo + mixture"), {"ari": 0.99}, "are undecided"),
        ("mixture-mnist", of("mnist", "cae10-guo + k-means"), {"acc": 0.95}, "on one network"),
        ("silhouette", best, {"silhouette": 0.05}, "has a smaller silhouette"),
        ("loss-of-best", best, {"loss": 1.0}, "lies among the others"),
        ("alpha-usps", of("usps", "dcec, alpha 10"), {"ari": 0.9}, "fall with every step"),
        ("generalisation", of("usps", "dcec, trained on train"), {"acc": 0.5}, "below the margin"),
        ("worth-scores", of("usps", "dcec"), {"ari": 0.9}, "better in NMI and ARI"),
    ],
)
def test_a_claim_fails_where_the_records_contradict_it(
    every, compared, claim, chosen, metrics, problem
):
    claimed = claims.CLAIMS.sources[f"04-{claim}"]
    assert evaluate(claimed, every, compared).problems == []
    found = evaluate(claimed, changed(every, chosen, **metrics), compared).problems
    assert any(problem in words for words in found), found


def test_the_target_of_the_exercise_reverses_the_order():
    chapter = source.read(source.folder() / f"{CHAPTER}.md")
    found = running.ready(chapter.question("target"), running.setup(chapter)).solution
    np.testing.assert_allclose(found.equal_target, [9 / 13, 4 / 13])
    assert found.turning_ratio == pytest.approx(2.25)
    assert found.reversed_target[0] < found.reversed_target[1]
