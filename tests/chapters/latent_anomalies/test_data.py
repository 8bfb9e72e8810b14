"""What the chapter starts from: parts, recorded anomalies, own tables."""

from __future__ import annotations

import numpy as np
import pytest

from latentbook import datasets, sampling
from latentbook.chapters.latent_anomalies.data import load_task, split
from latentbook.errors import LatentbookError


@pytest.fixture(scope="module")
def rows(few_digits):
    return split(few_digits)


@pytest.fixture(scope="module")
def trades():
    return load_task("trades", random_state=0, n=20_000)


def test_parts_do_not_overlap(few_digits, rows):
    parts = [set(part) for part in vars(rows).values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(few_digits)
    np.testing.assert_array_equal(rows.test, sampling.split(600)[1])
    assert len(rows.test) == 200
    assert len(rows.validation) == 40


def test_every_seed_has_the_same_test_rows(few_digits, rows):
    other = split(few_digits, random_state=1)
    np.testing.assert_array_equal(other.test, rows.test)
    assert set(other.validation) != set(rows.validation)


def test_images_are_taken_as_they_are():
    one = load_task("digits", random_state=3, n=300)
    assert one.table is None
    assert one.known == {}
    assert not one.own
    assert one.description == one.data.description
    assert len(one.data) == 300


def test_trades_know_their_errors(trades):
    """Every kind of error of the test rows is found again in the frame."""
    frame = datasets.load("trades").frame
    drawn = np.sort(np.random.default_rng(0).choice(len(frame), 20_000, replace=False))
    test = frame.iloc[drawn].iloc[trades.data.index[trades.rows.test]]
    wrong = test["true_trader"].astype(str) != test["trader"].astype(str)
    assert len(trades.known["wrong_trader"].where) == wrong.sum()
    assert len(trades.known["fat_finger"].where) == (test["anomaly"] == "fat finger").sum()
    together = [one.where for kind, one in trades.known.items() if kind != "any"]
    np.testing.assert_array_equal(np.sort(np.concatenate(together)), trades.known["any"].where)
    one = trades.known["wrong_book"]
    assert not set(one.where) & set(one.ignored)
    assert len(one.where) + len(one.ignored) == len(trades.known["any"].where)


def test_the_network_does_not_see_the_truth(trades):
    columns = set(trades.table.encoder.report_["column"])
    assert not columns & {"anomaly", "true_trader", "trader", "trade_id"}


def test_connections_are_learned_from_normal_ones():
    if not _has("nsl_kdd"):
        pytest.skip("nsl_kdd is not on this machine: latentbook data fetch nsl_kdd")
    one = load_task("nsl_kdd", random_state=0)
    labels = datasets.load("nsl_kdd", download=False).frame["label"].astype(str)
    kept = np.flatnonzero((np.arange(len(labels)) >= 25_192) | (labels == "normal"))
    learned = one.data.index[np.concatenate([one.rows.fit, one.rows.validation])]
    assert (labels.to_numpy()[kept[learned]] == "normal").all()
    assert len(one.rows.test) == 22_544
    assert len(one.known["any"].where) == 12_833
    assert "label" not in set(one.table.encoder.report_["column"])


def _has(name):
    try:
        datasets.load(name, download=False)
    except LatentbookError:
        return False
    return True


def test_table_and_label_belong_together(wine):
    for wrong in ({"table": str(wine)}, {"label": "cultivar"}):
        with pytest.raises(LatentbookError, match="belong together"):
            load_task("digits", random_state=0, **wrong)
    with pytest.raises(LatentbookError, match="did you mean 'cultivar'"):
        load_task(random_state=0, table=str(wine), label="cultivars")
    with pytest.raises(LatentbookError, match="n is 500"):
        load_task(random_state=0, n=500, table=str(wine), label="cultivar")
