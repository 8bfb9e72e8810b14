"""The claims of the chapter fail where records contradict their sentences, and its code is true."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from latentbook import paths
from latentbook.chapters.deep_clustering import CHAPTER, claims
from latentbook.study import judge, records
from latentbook.study.claims import evaluate


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
    source = claims.CLAIMS.sources[f"04-{claim}"]
    assert evaluate(source, every, compared).problems == []
    found = evaluate(source, changed(every, chosen, **metrics), compared).problems
    assert any(problem in words for words in found), found


def solution(label: str) -> str:
    """The code of a solution of the chapter."""
    notebook = json.loads((paths.notebooks() / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
    text = "".join("".join(cell["source"]) for cell in notebook["cells"])
    answer = text.split(f"{{solution}} {label}\n")[1]
    return re.search(r"```python\n(.*?)```", answer, re.DOTALL)[1]


def test_the_target_of_the_exercise_reverses_the_order():
    space: dict[str, object] = {}
    exec(solution("ex-04-target"), space)
    sizes, q = np.asarray(space["sizes"]), np.asarray(space["q"])
    p = space["target_distribution"](q)[-1]
    assert q[-1, 0] > q[-1, 1]
    assert p[0] < p[1]
    assert sizes[0] / sizes[1] == pytest.approx(2.8, abs=0.05)
    np.testing.assert_allclose(p, [0.44, 0.56], atol=0.005)


def test_agreement_of_the_exercise_does_not_choose_the_most_accurate_run(capsys):
    from latentbook import metrics
    from latentbook.chapters.deep_clustering import figures
    from latentbook.study import figure_arrays

    space = {"np": np, "figures": figures, "metrics": metrics, "saved": figure_arrays.saved("04")}
    exec(solution("ex-04-start"), space)
    rows = [line.rsplit(" ", 2)[1:] for line in capsys.readouterr().out.splitlines()]
    agreement, accuracy = np.array(rows, dtype=float).T
    assert len(rows) >= 6
    assert agreement.argmin() == accuracy.argmax()
