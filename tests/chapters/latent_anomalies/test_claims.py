"""Claims of chapter 07 fail where the records say something else."""

from __future__ import annotations

import pandas as pd
import pytest

from latentbook.chapters.latent_anomalies import CHAPTER, claims
from latentbook.study import judge, records
from latentbook.study.claims import evaluate

PRINTED = judge.published().query("source == 'norlander2019'")


def failing(every: pd.DataFrame) -> set[str]:
    compared = judge.compare(PRINTED, every)
    found = claims.CLAIMS.sources.items()
    return {name for name, one in found if evaluate(one, every, compared).problems}


def changed(every: pd.DataFrame, chosen, metric: str, change) -> pd.DataFrame:
    """Return records with one metric of some of them changed."""
    rows = zip(every["dataset"], every["method"], every["params"], every["metrics"], strict=True)
    return every.assign(
        metrics=[
            {**m, metric: change(m[metric])} if metric in m and chosen(dataset, method, p) else m
            for dataset, method, p, m in rows
        ]
    )


@pytest.fixture(scope="module")
def every():
    return records.read(CHAPTER)


def test_all_hold(every):
    assert failing(every) == set()


@pytest.mark.parametrize(
    ("chosen", "metric", "change", "names"),
    [
        (
            lambda d, m, p: m == "cl-vae2, gaussian + k-means" and p["gamma"] == 0.3,
            "v_measure",
            lambda v: v - 0.2,
            {"07-squared-error", "07-likelihood-decides", "07-weight-squared"},
        ),
        (
            lambda d, m, p: m == "cl-vae2 + k-means" and p["gamma"] == 0.3,
            "v_measure",
            lambda v: v + 0.2,
            {"07-bernoulli", "07-likelihood-decides", "07-weight-bernoulli"},
        ),
        (
            lambda d, m, p: d == "mnist" and m == "cl-vae2 + local outlier factor",
            "mass_volume",
            lambda v: 2 * v,
            {"07-order-cl-vae", "07-summary-order"},
        ),
        (
            lambda d, m, p: d == "trades" and m == "frequency table raw",
            "auc_any",
            lambda v: v - 0.1,
            {"07-trades-frequencies", "07-summary-frequencies"},
        ),
        (
            lambda d, m, p: d == "satimage" and m == "vae2",
            "kl",
            lambda v: v + 1,
            {"07-satimage-collapse"},
        ),
        (
            lambda d, m, p: d == "mnist" and m.endswith("reconstruction error"),
            "auc_noise",
            lambda v: v - 0.5,
            {"07-noise-error", "07-summary-code-or-error"},
        ),
    ],
    ids=["squared error", "Bernoulli", "order", "frequencies", "collapse", "error"],
)
def test_a_change_of_the_records_is_noticed(every, chosen, metric, change, names):
    found = failing(changed(every, chosen, metric, change))
    assert names <= found
    assert len(found) < len(claims.CLAIMS.sources) / 4  # and the others still hold
