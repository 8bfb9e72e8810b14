"""Claims: what they ask of the records, and what is said when they do not hold."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.made import frame, record

from latentbook.errors import LatentbookError
from latentbook.study import judge
from latentbook.study.claims import Claim, Claims, Evidence, evaluate, scores

ALL = {"evaluated_on": "all"}


@pytest.fixture
def every() -> pd.DataFrame:
    made = [
        record("umap2 + k-means", seed, dataset="mnist", params=ALL, acc=0.8 + seed / 100)
        for seed in range(3)
    ]
    return frame(*made, record("k-means raw", dataset="usps", params=ALL, acc=0.5))


@pytest.fixture
def compared(every) -> pd.DataFrame:
    return judge.compare(judge.published(), every)


def test_evidence_notes_the_records_that_were_asked_for(every, compared):
    evidence = Evidence(every, compared)
    values = scores(evidence.over_all("mnist", "umap2 + k-means"), "acc")
    assert values.to_dict() == {("mnist", 0): 0.8, ("mnist", 1): 0.81, ("mnist", 2): 0.82}
    evidence.rows("mnist", seed=1)
    assert list(evidence.rows_used["seed"]) == [0, 1, 2]


def test_a_question_without_records_is_refused(every, compared):
    evidence = Evidence(every, compared)
    with pytest.raises(LatentbookError, match="there is no record of mnist, dcec"):
        evidence.rows("mnist", "dcec")
    with pytest.raises(LatentbookError, match="no metric 'nmi_of_no_kind'"):
        scores(evidence.rows("usps"), "nmi_of_no_kind")
    with pytest.raises(LatentbookError, match="no published number"):
        evidence.verdicts(table="table 99")


def test_records_of_one_network_are_one_run(compared):
    rows = frame(record("dcec", 0, params={"weights": "abc"}, acc=0.9))
    assert scores(rows, "acc").index.get_level_values("run").tolist() == ["abc"]


@pytest.mark.parametrize(
    ("claim", "problem"),
    [
        (lambda e: Claim([1], {"a is above b": False}), "it is not true that a is above b"),
        (lambda e: Claim([float("nan")]), "a number is missing"),
        (lambda e: Claim([1]), "it asks for no records"),
        (lambda e: Claim([len(e.rows("mnist", "dcec"))]), "there is no record of mnist, dcec"),
    ],
)
def test_what_is_wrong_with_a_claim_is_said(every, compared, claim, problem):
    assert any(problem in text for text in evaluate(claim, every, compared).problems)


def test_a_true_claim_has_no_problem(every, compared):
    def higher(evidence):
        acc = scores(evidence.rows("mnist"), "acc")
        return Claim([acc.mean()], {"all are above 0.5": (acc > 0.5).all()})

    checked = evaluate(higher, every, compared)
    assert checked.problems == []
    assert checked.claim.numbers == [pytest.approx(0.81)]
    assert len(checked.rows) == 3


def test_two_claims_of_one_name_are_refused():
    claims = Claims("04")

    @claims
    def best_run(evidence):
        return Claim()

    assert list(claims.sources) == ["04-best-run"]
    with pytest.raises(LatentbookError, match="two claims are called '04-best-run'"):
        claims(best_run)
