"""Claims about scores can fail: wrong records contradict them."""

from __future__ import annotations

import numpy as np
import pytest

from latentbook.chapters.dimensionality_reduction import claims as dimensionality_reduction
from latentbook.chapters.two_stage_clustering import claims as two_stage_clustering
from latentbook.study import judge, records
from latentbook.study.claims import evaluate

CLAIMS = {
    name: source
    for maker in (dimensionality_reduction, two_stage_clustering)
    for name, source in maker.CLAIMS.sources.items()
}


def changed(every, change):
    """Return records whose scores between 0 and 1 were changed."""
    metrics = [
        {name: change(x) if 0 <= x <= 1 else x for name, x in scores.items()}
        for scores in every["metrics"]
    ]
    return every.assign(metrics=metrics, coverage=[change(x) for x in every["coverage"]])


@pytest.fixture(scope="module")
def evaluated():
    """Every claim on the committed records, and on turned, noisy and raised scores."""
    every = records.read()
    compared = judge.compare(judge.published(), every)
    noise = np.random.default_rng(0)
    versions = [
        every,
        changed(every, lambda x: 1 - x),
        changed(every, lambda x: min(1.0, x + 0.3)),
        changed(every, lambda x: float(np.clip(x + noise.normal(0, 0.2), 0, 1))),
    ]
    return {
        name: [evaluate(source, rows, compared) for rows in versions]
        for name, source in CLAIMS.items()
    }


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_about_scores_fails_on_other_scores(evaluated, name):
    right, *wrong = evaluated[name]
    assert right.problems == []
    rests_on_scores = any(
        not one.claim or list(one.claim.numbers) != list(right.claim.numbers) for one in wrong
    )
    if right.claim.holds and rests_on_scores:
        assert any(one.problems for one in wrong), "no condition noticed the wrong scores"


def test_most_claims_rest_on_scores(evaluated):
    failed = [n for n, (_, *wrong) in evaluated.items() if any(one.problems for one in wrong)]
    assert len(failed) > len(evaluated) / 2
