"""Anomalies among the training rows: what is drawn, what is recorded, and the tables of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from latentbook.chapters.latent_anomalies import contamination, contamination_tables
from latentbook.chapters.latent_anomalies.baselines import NAMES
from latentbook.study import records
from latentbook.study.method import Method
from latentbook.study.result import as_records


@pytest.fixture(scope="module")
def wine():
    return contamination.TABLES["wine"]()


@pytest.mark.parametrize("name", ["breast cancer", "wine", "small digits", "correlated"])
def test_anomalies_claim_a_class_of_usual_rows(name):
    table = contamination.TABLES[name]()
    assert set(table.label[table.odd]) <= set(table.label[~table.odd])
    assert set(table.label) == set(range(table.label.max() + 1))
    assert len(table.frame) == len(table.label) == len(table.odd)


def test_only_the_anomalies_that_are_learned_from_change_with_their_share(wine):
    clean = contamination.parts(wine, 0.0, 1)
    assert not wine.odd[clean.learned].any()
    before = 0
    for share in contamination.SHARES[1:]:
        dirty = contamination.parts(wine, share, 1)
        np.testing.assert_array_equal(dirty.test, clean.test)
        learned = wine.odd[dirty.learned]
        assert set(dirty.learned[~learned]) == set(clean.learned)
        assert not set(dirty.learned) & set(dirty.test)
        assert learned.mean() == pytest.approx(share, abs=0.01)
        assert learned.sum() > before
        before = learned.sum()


def test_columns_of_correlated_rows_have_the_same_values_shuffled():
    table = contamination.TABLES["correlated"]()
    usual, odd = table.frame[~table.odd], table.frame[table.odd]
    assert np.abs(usual.mean() - odd.mean()).max() < 0.2
    plane = PCA(2).fit(usual)
    off = [
        ((x - plane.inverse_transform(plane.transform(x))) ** 2).sum(axis=1) for x in (usual, odd)
    ]
    assert np.median(off[1]) > 5 * np.median(off[0])


@pytest.fixture(scope="module")
def found(wine):
    """Records of two seeds, without networks."""
    rows = []
    for seed in (0, 1):
        for result in contamination.run_each(["wine"], random_state=seed, network=False):
            rows += as_records(result, "paper")
    return pd.DataFrame(rows)


def test_every_detector_and_share_has_a_record(found):
    assert len(found) == 2 * len(contamination.SHARES) * len(NAMES)
    assert {Method.parse(m).learner for m in found["method"]} == set(NAMES)
    for row in found.to_dict("records"):
        records.check(row)
        assert row["method"].startswith("contaminated training: ")


def test_the_tables_say_what_anomalies_cost(found):
    table = contamination_tables.scores(found)
    one = contamination_tables.cost(table, "wine", "knn", 0.1, "auc")
    rows = table[(table["method"] == "knn")].set_index(["share", "seed"])["auc"]
    assert one.mean == pytest.approx((rows[0.1] - rows[0.0]).mean())
    text = contamination_tables.cost_table(found, caption="c", name="n")
    assert "| detector | AUC, none | change at 1 % | change at 5 % | change at 10 % |" in text
    assert f"| knn | {rows[0.0].mean():.3f} |" in text
    assert "→" in contamination_tables.by_data_table(found, caption="c", name="n")


def test_other_tables_do_not_see_these_records(found):
    assert contamination_tables.without(found).empty


@pytest.mark.slow
def test_the_network_is_scored_too(wine):
    rows = contamination.parts(wine, 0.0, 0)
    scored = contamination.strangeness(wine, rows, random_state=0, simple=False)
    assert {method.learner for method in scored} == set(contamination.OF_THE_NETWORK)
    for scores, seconds in scored.values():
        assert np.isfinite(scores).all()
        assert seconds > 0
