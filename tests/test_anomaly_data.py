"""What a study of anomalies starts from: parts, planted and recorded anomalies, own tables."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine

from latentbook import datasets, tabular
from latentbook.chapters.latent_anomalies import data as anomaly_data
from latentbook.chapters.latent_anomalies.data import kinds, plant, split, subject
from latentbook.chapters.latent_anomalies.study import Setting, principal_components, ranking, train
from latentbook.errors import LatentbookError


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits").subset(600, 0)


@pytest.fixture(scope="module")
def rows(digits):
    return split(digits)


@pytest.fixture(scope="module")
def trades():
    return subject("trades", seed=0, n=20_000)


@pytest.fixture
def wine(tmp_path):
    """A table of somebody else's, with one cell spoilt, as a file."""
    data = load_wine(as_frame=True)
    frame = data.data.assign(cultivar=data.target_names[data.target])
    frame.loc[10, "alcohol"] *= 10
    frame.to_csv(tmp_path / "wine.csv", index=False)
    return tmp_path / "wine.csv"


def test_parts_do_not_overlap(digits, rows):
    parts = [set(part) for part in vars(rows).values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(digits)
    assert len(rows.test) == 200
    assert len(rows.validation) == 40


def test_every_seed_has_the_same_test_rows(digits, rows):
    other = split(digits, seed=1)
    np.testing.assert_array_equal(other.test, rows.test)
    assert set(other.validation) != set(rows.validation)


def test_planted_anomalies(digits, rows):
    test = digits.x[rows.test]
    for kind in anomaly_data.CHANGES:
        one = plant(digits, rows, kind, 0.1, 0)
        assert len(one.where) == len(set(one.where)) == 20
        np.testing.assert_array_equal(one.where, plant(digits, rows, kind, 0.1, 0).where)
        original, labels = test[one.where], digits.y[rows.test][one.where]
        np.testing.assert_allclose(
            np.sort(one.x.reshape(20, -1)), np.sort(original.reshape(20, -1))
        )
        assert (one.x != original).any(axis=(1, 2, 3)).all() == (kind != "mislabelled")
        assert (one.y != labels).all() == (kind == "mislabelled")
        assert set(one.y) <= set(range(10))
    rotated = plant(digits, rows, "rotated", 0.1, 0)
    np.testing.assert_array_equal(rotated.x[0, ..., 0], np.rot90(test[rotated.where[0], ..., 0]))


def test_bad_kinds(digits, rows):
    with pytest.raises(LatentbookError, match="did you mean 'rotated'"):
        plant(digits, rows, "rotate", 0.1, 0)
    with pytest.raises(LatentbookError, match="share of planted"):
        plant(digits, rows, "noise", 1.5, 0)


def test_kinds_that_suit_the_data(digits):
    flat = datasets.Dataset(**{**vars(digits), "x": digits.flat})
    words = ["rotated", "noise", "fashion_mnist", "mislabelled"]
    assert kinds(digits, words) == words
    assert kinds(flat, words) == ["noise", "mislabelled"]
    with pytest.raises(LatentbookError, match="did you mean 'noise'"):
        kinds(flat, ["nois"])


def test_noise_of_a_table_keeps_its_columns(digits, rows):
    flat = datasets.Dataset(**{**vars(digits), "x": digits.flat})
    one = plant(flat, rows, "noise", 0.5, 0)
    before = flat.x[rows.test[one.where]]
    np.testing.assert_array_equal(np.sort(one.x, axis=0), np.sort(before, axis=0))
    assert (one.x != before).any(axis=1).mean() > 0.9


def test_images_are_taken_as_they_are():
    one = subject("digits", seed=3, n=300)
    assert one.table is None
    assert one.known == {}
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
    one = subject("nsl_kdd", seed=0)
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
            subject("digits", seed=0, **wrong)
    with pytest.raises(LatentbookError, match="did you mean 'cultivar'"):
        subject("", seed=0, table=str(wine), label="cultivars")
    with pytest.raises(LatentbookError, match="n is 500"):
        subject("", seed=0, n=500, table=str(wine), label="cultivar")


def test_the_spoilt_row_of_an_own_table_is_found(wine, own_cache, tmp_path):
    one = subject("", seed=0, table=str(wine), label="cultivar")
    assert one.description == "wine: 178 rows, conditioned on cultivar"
    space = train(
        one.data,
        one.rows,
        Setting("cl-vae", gamma=0.3, hidden=(32,)),
        seed=0,
        epochs=60,
        patience=60,
        batch_size=16,
    )
    ranked = ranking(space, one.table)
    assert ranked.loc[0, "row"] == 10
    assert ranked.loc[0, "worst column"] == "alcohol"
    assert ranked["score"].is_monotonic_increasing
    assert ranked["part"].value_counts().to_dict() == {
        part: len(where) for part, where in vars(one.rows).items()
    }
    tabular.write_ranking(ranked, tmp_path / "ranked.csv")
    assert len(tabular.read(tmp_path / "ranked.csv")) == 178


def test_only_a_network_can_rank(wine):
    one = subject("", seed=0, table=str(wine), label="cultivar")
    with pytest.raises(LatentbookError, match="no network"):
        ranking(principal_components(one.data, one.rows, 2, seed=0), one.table)
