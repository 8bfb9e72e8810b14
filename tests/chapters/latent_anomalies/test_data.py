"""What the chapter starts from: parts, recorded anomalies, own tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook import datasets, sampling
from latentbook.chapters.latent_anomalies import parameters
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


@pytest.fixture
def orders(tmp_path):
    """A semicolon file with decimal commas, a small class, an identifier and known anomalies."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"{i}.219" for i in range(100, 220)],
            "desk": ["a", "b"] * 57 + ["c"] * 6,
            "amount": [f"{x:.2f}".replace(".", ",") for x in rng.normal(20, 4, 120)],
            "bad": (np.arange(120) % 10 == 0).astype(int),
        }
    )
    frame.to_csv(tmp_path / "orders.csv.gz", sep=";", index=False)
    return str(tmp_path / "orders.csv.gz")


def test_small_classes_are_no_dead_end(orders):
    """The ways out that the message names exist as values of the parameter."""
    with pytest.raises(LatentbookError, match="by setting rare to 'merge' or 'drop'"):
        load_task(random_state=0, table=orders, label="desk")
    with pytest.raises(LatentbookError, match="by setting rare to 'drop'"):
        load_task(random_state=0, table=orders, label="desk", rare="merge")
    one = load_task(random_state=0, table=orders, label="desk", rare="drop")
    assert one.data.classes == ("a", "b")
    assert one.data.name == "orders"
    assert set(parameters.RARE) == {"keep", "merge", "drop"}


def test_columns_are_left_out_and_anomalies_are_known(orders):
    one = load_task(
        random_state=0, table=orders, label="desk", rare="drop", drop="id, ", truth="bad"
    )
    assert set(one.table.encoder.report_["column"]) == {"amount"}
    assert one.table.frame["id"].str.endswith(".219").all()
    marked = one.known["marked"]
    rows = one.data.index[one.rows.test[marked.where]]
    assert (rows % 10 == 0).all()
    assert len(rows) == (one.data.index[one.rows.test] % 10 == 0).sum() > 0
    np.testing.assert_array_equal(marked.x, one.data.x[one.rows.test[marked.where]])
    with pytest.raises(LatentbookError, match="did you mean 'id'"):
        load_task(random_state=0, table=orders, label="desk", drop="idd")


def test_truth_that_marks_nobody(tmp_path):
    frame = pd.DataFrame({"kind": ["a", "b"] * 30, "v": np.arange(60) % 7, "bad": 0})
    frame.to_csv(tmp_path / "my.csv", index=False)
    with pytest.raises(LatentbookError, match=r"'bad' marks 0 of the 20 test rows.*leave truth"):
        load_task(random_state=0, table=str(tmp_path / "my.csv"), label="kind", truth="bad")


def test_table_and_label_belong_together(wine):
    for wrong in ({"table": str(wine)}, {"label": "cultivar"}):
        with pytest.raises(LatentbookError, match="belong together"):
            load_task("digits", random_state=0, **wrong)
    with pytest.raises(LatentbookError, match="did you mean 'cultivar'"):
        load_task(random_state=0, table=str(wine), label="cultivars")
    with pytest.raises(LatentbookError, match="n is 500"):
        load_task(random_state=0, n=500, table=str(wine), label="cultivar")
