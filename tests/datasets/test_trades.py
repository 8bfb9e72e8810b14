"""The simulated trades: the same everywhere, and every planted fault is what its record says."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentbook import datasets, tabular
from latentbook.datasets import trades


@pytest.fixture(scope="module")
def data():
    return datasets.load("trades", download=False)


@pytest.fixture(scope="module")
def frame(data):
    return data.frame


@pytest.fixture(scope="module", params=[trades.SEED, 7])
def stages(request):
    """Habits, the columns before and after planting, and after mislabelling."""
    rng = np.random.default_rng(request.param)
    habits = trades.draw_habits(rng)
    columns = trades.draw_trades(rng, habits)
    trades.remove_values(rng, habits, columns)
    before = {name: values.copy() for name, values in columns.items()}
    trades.plant_anomalies(rng, habits, columns)
    after = {name: values.copy() for name, values in columns.items()}
    trades.mislabel(rng, habits, columns)
    return habits, before, after, columns


def rows_of(kind, columns):
    return np.flatnonzero(columns["anomaly"] == trades.ANOMALIES.index(kind))


# ---- the data set


def test_the_trades_are_the_published_ones(data):
    rows = trades.simulate(trades.SEED)
    assert hashlib.sha256(rows.tobytes()).hexdigest().startswith("b885d100")
    assert data.sha256.startswith("b885d100")
    assert data.description == "Simulated trades: 100,000 trades"
    assert data.complete
    assert (trades.simulate(1) != rows).any()


def test_the_frame_has_typed_columns(frame):
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds.pop("trade_id") == "int64"
    assert {name for name, kind in kinds.items() if kind == "float64"} == {"nominal", "margin"}
    assert {kinds[name] for name in set(kinds) - {"nominal", "margin"}} == {"category"}
    for name, categories in trades.CATEGORIES.items():
        if categories:
            assert tuple(frame[name].cat.categories) == categories
    assert frame["trade_id"].is_unique


def test_the_class_is_the_trader_as_labelled(data, frame):
    assert data.classes == trades.TRADERS
    np.testing.assert_array_equal(np.array(data.classes)[data.y], frame["trader"])
    assert (frame["trader"].astype(str) != frame["true_trader"].astype(str)).sum() == 500


def test_traders_have_from_a_handful_to_thousands_of_trades(data):
    for counts in (np.bincount(data.y), np.bincount(data.y[: data.n_train])):
        assert len(counts) == 40
        assert counts.min() >= 25
        assert counts.max() / counts.min() > 100
    assert np.bincount(data.y).min() >= 30
    assert data.n_train == 66_666
    assert len(data.split("test")) == 33_334


def test_only_tabular_makes_a_matrix_of_trades(data, frame):
    assert data.x.shape == (100_000, 0)
    encoder = tabular.Encoder().fit(frame[: data.n_train].drop(columns="trade_id"))
    assert np.isfinite(encoder.transform(frame[:100])).all()


def test_a_subset_takes_its_rows_along(data, frame):
    part = datasets.load("trades-test", n=50, seed=3)
    pd.testing.assert_frame_equal(part.frame, frame.iloc[part.index].reset_index(drop=True))


# ---- the model


def test_values_are_missing_as_documented(frame):
    gaps = frame.isna()
    assert set(gaps.columns[gaps.any()]) == {"nominal", "margin", "counterparty", "portfolio"}
    futures = frame["instrument"].astype(str).str.endswith("future")
    assert gaps["margin"][futures].mean() == pytest.approx(0.15, abs=0.01)
    assert gaps["margin"][~futures].mean() == pytest.approx(0.01, abs=0.002)
    assert gaps["nominal"].mean() == pytest.approx(0.005, abs=0.001)
    busy = frame["trader"].value_counts().index[:10]
    rates = gaps["portfolio"].groupby(frame["trader"], observed=True).mean()[busy]
    assert rates.max() < 0.07
    assert rates.max() - rates.min() > 0.02


def test_whole_numbers_survive_small_differences_of_machines(stages):
    _, before, _, _ = stages
    present = before["nominal"] != trades.MISSING
    assert (before["nominal"][present] % 1000 == 0).all()
    assert before["nominal"][present].min() >= 1000
    assert all(values.dtype == np.int64 for values in before.values())


def test_traders_keep_to_their_desk(stages):
    habits, before, _, _ = stages
    for name, shares in habits.shares.items():
        present = before[name] != trades.MISSING
        assert (shares[before["trader"][present], before[name][present]] > 0).all()
        assert (shares == 0).any(axis=1).all(), "nothing is left that the trader never does"
    books = habits.shares["portfolio"].reshape(40, len(trades.DESKS), trades.BOOKS).sum(axis=2)
    assert ((books > 0).sum(axis=1) == 1).all()
    assert before["trader"].size == habits.trades.sum() == trades.N_TRADES


def test_margins_have_heavy_tails_without_any_fault(stages):
    _, before, _, _ = stages
    usual = np.array([one.margin for one in trades.INSTRUMENTS.values()])[before["instrument"]]
    present = before["margin"] != trades.MISSING
    relative = before["margin"][present] / (100 * usual[present])
    quartiles = np.percentile(relative, [25, 75])
    assert np.abs(relative).max() > 5 * np.diff(quartiles)[0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0, 0, 1, 2, 5]), min_size=1, max_size=6).filter(any))
def test_draws_follow_the_weights(weights):
    drawn = trades.draw(np.random.default_rng(0), np.array([weights]), np.zeros(4000, int))
    counts = np.bincount(drawn, minlength=len(weights))
    assert len(counts) == len(weights)
    assert (counts[np.array(weights) == 0] == 0).all()
    np.testing.assert_allclose(counts / 4000, np.array(weights) / sum(weights), atol=0.05)


# ---- the faults


def test_each_anomaly_spoils_one_value_that_was_there(stages):
    _, before, after, _ = stages
    spoilt = {
        "fat finger": "nominal",
        "thousands": "nominal",
        "off-market margin": "margin",
        "unused currency": "currency",
        "unused instrument": "instrument",
        "unused counterparty": "counterparty",
        "wrong book": "portfolio",
    }
    assert ("", *spoilt) == trades.ANOMALIES
    for name in set(before) - {"anomaly"}:
        changed = np.flatnonzero(before[name] != after[name])
        kinds = [kind for kind, column in spoilt.items() if column == name]
        expected = [rows_of(kind, after) for kind in kinds]
        np.testing.assert_array_equal(changed, np.sort(np.concatenate([[], *expected])))
        assert (before[name][changed] != trades.MISSING).all()
    assert all(len(rows_of(kind, after)) == 143 for kind in spoilt)


def test_spoilt_numbers_are_off_by_what_the_card_says(stages):
    _, before, after, _ = stages
    rows = rows_of("fat finger", after)
    factors = after["nominal"][rows] / before["nominal"][rows]
    assert 100 <= factors.min() < 200
    assert 900 < factors.max() <= 1000
    rows = rows_of("thousands", after)
    np.testing.assert_array_equal(1000 * after["nominal"][rows], before["nominal"][rows])
    rows = rows_of("off-market margin", after)
    usual = np.array([one.margin for one in trades.INSTRUMENTS.values()])[after["instrument"][rows]]
    off = (after["margin"][rows] - before["margin"][rows]) / (100 * usual)
    assert np.abs(off).min() >= 14.9
    assert np.abs(off).max() <= 40.1
    assert 40 < (off > 0).sum() < 103


@pytest.mark.parametrize("name", ["currency", "instrument", "counterparty"])
def test_an_unused_value_never_occurs_in_sound_trades(frame, name):
    sound = frame[frame["anomaly"] == ""]
    used = pd.crosstab(sound["true_trader"], sound[name], dropna=False)
    planted = frame[frame["anomaly"] == f"unused {name}"]
    assert [used.loc[row["true_trader"], row[name]] for _, row in planted.iterrows()] == [0] * 143


def test_a_wrong_book_belongs_to_another_desk(frame):
    desk = frame["portfolio"].astype("str").str[:2]
    sound = frame["anomaly"] == ""
    home = desk[sound].groupby(frame["true_trader"][sound].astype(str)).agg(lambda s: s.mode()[0])
    wrong = frame["anomaly"] == "wrong book"
    assert (desk[wrong] != frame["true_trader"][wrong].astype(str).map(home)).all()
    assert set(home) == set(trades.DESKS)


def test_mislabelled_trades_are_sound_and_mostly_stay_at_the_desk(stages):
    habits, _, after, columns = stages
    wrong = columns["trader"] != columns["true_trader"]
    assert wrong.sum() == trades.MISLABELLED
    assert (columns["anomaly"][wrong] == 0).all()
    same = habits.desk[columns["trader"][wrong]] == habits.desk[columns["true_trader"][wrong]]
    assert 0.5 < same.mean() < 1
    np.testing.assert_array_equal(columns["true_trader"], after["trader"])
    received = np.bincount(columns["trader"][wrong], minlength=40)
    assert (received / np.bincount(columns["trader"], minlength=40)).max() < 0.1
