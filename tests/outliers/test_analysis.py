"""A table from file to ranking: what is found, what is said, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook.errors import LatentbookError
from latentbook.outliers import analyse, analysis, frequencies, network, report
from latentbook.outliers.reasons import shown


def orders(n=240, seed=0):
    """Return a table of two desks that trade different things at different prices."""
    rng = np.random.default_rng(seed)
    desk = np.array(["fish", "wood"])[np.arange(n) % 2]
    kind = np.where(desk == "fish", rng.choice(["cod", "eel"], n), rng.choice(["oak", "fir"], n))
    price = np.where(desk == "fish", 20, 500) * rng.lognormal(0, 0.1, n)
    return pd.DataFrame(
        {
            "desk": desk,
            "kind": kind,
            "price": price.round(2),
            "paid": rng.random(n) < 0.5,
            "day": pd.date_range("2023-01-02", periods=n, freq="D").strftime("%d.%m.%Y"),
        }
    )


@pytest.fixture
def run(tmp_path):
    """Return a function that analyses a frame as a file, without a network."""

    def analysed(frame, label="desk", **options):
        path = tmp_path / "orders.csv"
        frame.to_csv(path, index=False)
        return analyse(path, label, **({"network": False} | options))

    return analysed


def first_row(found):
    return found.top[0].row, [reason.column for reason in found.top[0].reasons[found.trusted]]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("price", 9000.0, "price = 9,000 is high for wood"),
        ("price", 0.5, "price = 0.5 is low for wood"),
        ("kind", "cod", "kind = cod: the only one of 120 rows of wood; "),
        ("kind", "moon", "kind = moon: the only one of 120 rows of wood; no other class has it"),
        ("price", None, "price is missing: the only one of 120 rows of wood"),
    ],
)
def test_what_was_spoilt_comes_first_and_is_named(run, column, value, words):
    frame = orders()
    frame.loc[41, column] = value
    found = run(frame)
    row, columns = first_row(found)
    assert row == 41
    assert columns[0] == column
    assert found.top[0].reasons[found.trusted][0].text.startswith(words)


def test_a_value_that_nobody_has_is_stranger_than_one_of_another_class(run):
    """The most blatant category is the strangest and not the cheapest."""
    frame = orders()
    frame.loc[41, "kind"], frame.loc[43, "kind"] = "moon", "cod"
    assert [row.row for row in run(frame).top[:2]] == [41, 43]


@pytest.mark.parametrize("spelling", [("True", "False"), ("yes", "no"), ("1", "0"), ("x", "y")])
def test_a_rare_flag_costs_the_same_however_it_is_written(run, spelling):
    frame = orders()[["desk", "kind"]]
    frame["flag"] = np.where(np.arange(240) == 17, *spelling)
    found = run(frame)
    assert first_row(found) == (17, ["flag"])
    again = run(frame.assign(flag=np.where(np.arange(240) == 17, "rare", "usual")))
    np.testing.assert_allclose(found.scores[found.trusted], again.scores[again.trusted], rtol=1e-6)


def test_no_row_is_scored_by_what_it_says_itself(run):
    """Copies of a row in other folds make it usual, the row itself never does."""
    frame = orders()
    frame.loc[41, "kind"] = "moon"
    alone = run(frame).scores[analysis.TABLE]
    score = np.sort(alone)[-1]
    seen = frequencies.category_score(
        frame["kind"], frame["desk"].to_numpy(), np.ones(240, dtype=bool)
    )
    assert score > -seen[41]  # it would be cheaper if it had been counted


def test_folds_are_scored_by_the_other_folds():
    values = pd.DataFrame({"c": ["a"] * 6 + ["b"] * 2})
    labels, fold = np.zeros(8, int), np.array([0, 0, 0, 1, 1, 1, 0, 1])
    by_folds = frequencies.surprise(values, {"c": "category"}, labels, fold).values[:, 0]
    for k in (0, 1):
        learned = fold != k
        own = frequencies.category_score(values["c"], labels, learned)
        np.testing.assert_allclose(by_folds[fold == k], -own[fold == k], rtol=1e-6)


def test_the_rows_of_the_file_are_named_when_some_are_left_out(run):
    frame = orders()
    frame.loc[[3, 5], "desk"] = None
    frame.loc[41, "price"] = 9000.0
    found = run(frame)
    assert found.top[0].row == 41
    assert "2 rows without a label are left out." in found.remarks
    assert len(found.ranked) == 238


@pytest.mark.parametrize(
    ("rare", "words", "n"),
    [
        ("drop", "The class 'ice' with fewer than 10 rows, 4 rows in all, is left out.", 240),
        (
            "merge",
            "2 classes with fewer than 10 rows, 10 rows in all, are merged into 'other'.",
            250,
        ),
    ],
)
def test_small_classes(run, rare, words, n):
    more = [orders().iloc[:4].assign(desk="ice")]
    more += [orders().iloc[:6].assign(desk="sand")] if rare == "merge" else []
    found = run(pd.concat([orders(), *more]), rare=rare)
    assert words in found.remarks
    assert sum(found.classes.values()) == len(found.ranked) == n


def test_copies_codes_for_missing_and_dropped_columns_are_said(run):
    frame = pd.concat([orders(), orders().iloc[:7]]).assign(same=1, note=lambda f: range(len(f)))
    frame["temp"] = np.where(np.arange(247) % 50 == 3, -999, 20.5 + np.arange(247) % 3)
    found = run(frame, drop=["note"])
    text = " ".join(found.remarks)
    assert "Left out as asked: note." in text
    assert "The column 'same' is left out: constant." in text
    remarks = " ".join(found.columns["remark"])
    assert "-999 in 5 rows, far from all others: taken as missing" in remarks
    assert "7 of 247 rows are equal" in " ".join(run(frame.drop(columns=["note", "temp"])).remarks)


@pytest.mark.parametrize("columns", [["kind"], ["price"], ["paid"], ["day"]])
def test_columns_of_any_kind_alone(run, columns):
    found = run(orders()[["desk", *columns]])
    assert len(found.ranked) == 240
    assert np.isfinite(found.scores[analysis.TABLE]).all()


def test_a_column_twice_over(run):
    frame = orders().assign(double=lambda f: 2 * f["price"], one=1.0)
    assert len(run(frame).ranked) == 240


def test_the_truth_is_not_learned_from_and_scores_the_ranking(run):
    frame = orders().assign(bad=0)
    frame.loc[[40, 41, 42], ["price", "bad"]] = [9000.0, 1]
    found = run(frame, truth="bad")
    assert found.known.auc[0] > 0.99
    assert "bad" not in set(found.columns["column"])
    assert [row.marked for row in found.top[:4]] == [True, True, True, False]
    assert found.limits[-1].found == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": ""}, "give --label and one of desk, kind, paid"),
        ({"label": "dsk"}, "unknown column 'dsk'.*did you mean 'desk'"),
        ({"drop": ["price", "kind", "paid", "day"]}, "no column is left to learn from"),
        ({"drop": ["desk"]}, "'desk' is the label, and dropped"),
        ({"truth": "paid", "label": "paid"}, "is the label"),
        ({"sample": 5}, "number of rows drawn is 5, but must lie between 20"),
        ({"label": "price"}, "is a number with .* different values"),
        ({"rare": "keep"}, "unknown treatment of rare classes 'keep'"),
    ],
)
def test_what_is_refused(run, options, message):
    with pytest.raises(LatentbookError, match=message):
        run(orders(), **options)


def test_a_small_class_names_the_option_that_helps(run):
    frame = pd.concat([orders(), orders().iloc[:4].assign(desk="ice")])
    with pytest.raises(LatentbookError, match=r"4 rows, but needs 10 .* --rare merge or --rare"):
        run(frame)


def test_too_large_a_table_names_a_way_out(run, monkeypatch):
    monkeypatch.setattr(analysis, "MAX_VALUES", 1000)
    with pytest.raises(LatentbookError, match=r"240 rows of 5 columns.*with --sample 100"):
        run(orders())
    found = run(orders(), sample=100)
    assert len(found.ranked) == 100
    assert "100 of 240 rows were drawn at random" in found.remarks[0]


def test_thresholds_hold_the_share_that_they_state(run):
    found = run(pd.concat([orders(seed=s) for s in range(10)]))
    for one in found.limits:
        assert one.rows <= one.rate * 2400
        assert one.rows >= one.rate * 2400 - 2


def test_the_ranking_has_every_row_and_column_once(run):
    frame = orders().assign(score=1.5 * (np.arange(240) % 3), rank="x")
    found = run(frame)
    assert sorted(found.ranked["row"]) == list(range(240))
    assert {"score", "score (table)", "rank (table)", "kind"} <= set(found.ranked)
    assert found.ranked["score"].is_monotonic_decreasing
    share = found.ranked["share at least as strange"]
    assert share.is_monotonic_increasing
    assert share.iloc[-1] == pytest.approx(1, abs=0.01)


def test_a_page_escapes_what_the_table_says(run):
    bad = "<img src=x onerror=alert(1)>"
    frame = orders().rename(columns={"kind": "</script><script>alert(2)</script>"})
    frame.iloc[41, 1] = bad
    page = report.page(run(frame))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_page_needs_nothing_from_outside(run):
    page = report.page(run(orders()))
    assert page.count("<link") == 1
    assert '<link rel="icon" href="data:,">' in page
    assert "http" not in page
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page


def test_a_page_of_a_table_whose_scores_are_all_alike(run):
    frame = pd.DataFrame({"desk": ["a", "b"] * 50, "kind": ["x", "x", "y", "y"] * 25})
    assert "no single column stands out" in report.page(run(frame))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"),
        (1234.5678, "1,234.6"),
        (12345678.0, "1.235e+07"),
        (float("nan"), "(missing)"),
        (None, "(missing)"),
        (pd.Timestamp("2023-05-01"), "2023-05-01"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_how_values_are_shown(value, text):
    assert shown(value) == text


# ---------------------------------------------------------------- networks


@pytest.fixture(scope="module")
def with_networks(tmp_path_factory):
    """An analysis with small networks of a table in which one combination is impossible."""
    rng = np.random.default_rng(0)
    n = 300
    a, b = rng.normal(size=(2, n))
    frame = pd.DataFrame({"desk": np.array(["x", "y"])[np.arange(n) % 2], "a": a, "b": b})
    frame["sum"], frame["difference"] = a + b, a - b
    frame.loc[10, ["a", "b", "sum", "difference"]] = [1.5, 1.5, -1.5, 0.0]
    frame["word"] = np.where(frame["a"] > 0, "up", "down")
    path = tmp_path_factory.mktemp("tables") / "sums.csv"
    frame.to_csv(path, index=False)
    said = []
    small = network.Settings(steps=1024, hidden=(16,), n_latent=3)
    return analyse(path, "desk", settings=small, say=said.append), said


@pytest.mark.slow
def test_a_network_finds_what_columns_have_to_do_with_each_other(with_networks):
    found, _ = with_networks
    ranks = next(r for r in found.top if r.row == 10).ranks
    assert ranks[analysis.NETWORK] <= 3
    assert ranks[analysis.NETWORK] < ranks[analysis.TABLE]


@pytest.mark.slow
def test_progress_is_said_step_by_step(with_networks):
    _, said = with_networks
    assert said[0] == "read 300 rows of 6 columns"
    assert sum(line.startswith("network ") for line in said) == 5


@pytest.mark.slow
def test_both_scores_are_compared_and_one_is_followed(with_networks):
    found, _ = with_networks
    assert found.trusted in found.scores
    assert {one.kind for one in found.spoilt} >= {"a value of another row of the class"}
    assert "rank correlation" in found.agreement
    by_kind = {one.kind: one for one in found.spoilt}
    assert by_kind["a value of another row of the class"].ahead == 1
    assert f"{found.trusted}: reason 1" in found.ranked


@pytest.mark.slow
def test_a_network_says_what_it_expected(with_networks):
    found, _ = with_networks
    row = next(r for r in found.top if r.row == 10)
    assert any("the network expects" in reason.text for reason in row.reasons[analysis.NETWORK])
    page = report.page(found)
    assert "What the" in page
    assert "AUC, network" in page


def test_networks_of_different_widths_share_one_model():
    """A value that one fold lacks makes its matrix narrower."""
    n = 120
    frame = pd.DataFrame({"v": np.arange(n) % 7 * 1.0, "w": ["a", "b"] * 60})
    frame.loc[:5, "w"] = "c"
    fold = np.arange(n) % 5
    fold[:6] = 0
    labels = np.arange(n) % 2
    made = network.FoldNetworks(network.Settings(steps=128, hidden=(4,))).fit(frame, labels, fold)
    assert len({len(encoder.names_) for encoder in made.encoders_}) == 2
    assert np.isfinite(made.strangeness(frame, labels, fold)).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_scores():
    frame = pd.DataFrame({"v": np.arange(60) % 11 * 1.0, "u": np.arange(60) % 7 * 1.0})
    labels, fold = np.arange(60) % 2, np.arange(60) % 2
    settings = network.Settings(steps=256, hidden=(4,))
    first, second = (
        network.FoldNetworks(settings, seed=1).fit(frame, labels, fold) for _ in range(2)
    )
    scores = [one.strangeness(frame, labels, fold) for one in (first, second)]
    np.testing.assert_allclose(*scores, rtol=1e-4)
