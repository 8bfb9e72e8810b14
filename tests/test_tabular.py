"""Tables: reading files as people save them, encoding, classes."""

from __future__ import annotations

import functools
import importlib.util
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import PowerTransformer, StandardScaler

from latentbook import datasets
from latentbook.errors import LatentbookError
from latentbook.tabular import (
    CLASS_ROWS,
    LIMIT,
    MAX_CATEGORIES,
    Encoder,
    dataset,
    read,
)
from latentbook.tabular.columns import MISSING

PARQUET = any(importlib.util.find_spec(name) for name in ("pyarrow", "fastparquet"))


def trades(n=300, seed=0):
    """One column of every kind, and two traders who differ."""
    rng = np.random.default_rng(seed)
    trader = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "id": [f"trade {i}" for i in range(n)],
            "amount": rng.lognormal(8 + trader, 2, n).round(2),
            "margin": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "time": pd.Timestamp("2018-01-01")
            + pd.to_timedelta(rng.integers(0, 90 * 24, n), unit="h"),
            "currency": rng.choice(["SEK", "EUR", "USD"], n, p=[0.6, 0.3, 0.1]),
            "desk": "Malmö",
            "trader": np.array(["Ada", "Bo"])[trader],
        }
    )


@functools.cache
def fitted():
    return Encoder().fit(trades())


def file(tmp_path, text, name="my.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def report(encoder):
    return encoder.report_.set_index("column")


# reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_separators(tmp_path, separator, encoding):
    frame = trades(50)
    text = frame.to_csv(index=False, sep=separator)
    found = read(file(tmp_path, text, encoding=encoding))
    pd.testing.assert_frame_equal(found.drop(columns="time"), frame.drop(columns="time"))


@pytest.mark.parametrize("odd", ["", "unknown"])
def test_decimal_commas(tmp_path, odd):
    """As a Swedish spreadsheet saves it; also where some text is among the numbers."""
    rows = "\n".join(f"{i},5;-{i},25;x" for i in range(20))
    found = read(file(tmp_path, f"price, EUR;margin;kind\n{rows}\n{odd};1,5;x\n"))
    assert list(found) == ["price, EUR", "margin", "kind"]
    assert found["margin"].tolist() == [*(-(i + 0.25) for i in range(20)), 1.5]
    numbers = pd.to_numeric(found["price, EUR"], errors="coerce")
    assert numbers[:20].tolist() == [i + 0.5 for i in range(20)]


def test_names_and_values_may_have_spaces_and_quotes(tmp_path):
    found = read(file(tmp_path, 'a, b ,"c, d"\n1, x,"2, 3"\n'))
    assert list(found) == ["a", "b", "c, d"]
    assert found.iloc[0].tolist() == [1, "x", "2, 3"]


@pytest.mark.parametrize("first", [0, 1])
def test_a_written_index_is_left_out(tmp_path, first):
    frame = trades(30)
    text = frame.set_axis(range(first, first + 30)).to_csv()
    assert list(read(file(tmp_path, text))) == list(frame)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("a,b\n", "no rows"),
        ("a\n1\n2\n", "separate the columns"),
        ("1,2,3\n4,5,6\n", "holds numbers instead of names"),
        ("a,b, a\n1,2,3\n", "more than one column called 'a'"),
        ("a,b\n1,2,3\n4,5,6\n", "more values than its header"),
        ("a,b\n1,2\n4,5,6\n", "not a regular CSV file: Expected 2 fields in line 3, saw 3"),
        ('a,b\n1,"2\n', "not a regular CSV file"),
        (b"a\x00\x00,b", "is not text: save the table as CSV in"),
    ],
)
def test_bad_files(tmp_path, content, message):
    with pytest.raises(LatentbookError, match=message):
        read(file(tmp_path, content))


def test_no_file(tmp_path):
    with pytest.raises(LatentbookError, match=r"there is no file .*seen from"):
        read(tmp_path / "none.csv")
    with pytest.raises(LatentbookError, match="there is no file"):
        read(tmp_path)


@pytest.mark.skipif(PARQUET, reason="a Parquet reader is installed")
def test_parquet_names_what_to_install(tmp_path):
    with pytest.raises(LatentbookError, match="pip install pyarrow, or save the table as CSV"):
        read(file(tmp_path, b"PAR1", "my.parquet"))


@pytest.mark.skipif(not PARQUET, reason="no Parquet reader is installed")
def test_parquet(tmp_path):
    frame = trades(40)
    frame.to_parquet(tmp_path / "my.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "my.parquet"), frame, check_dtype=False)
    with pytest.raises(LatentbookError, match="cannot be read as Parquet"):
        read(file(tmp_path, b"PAR1", "broken.parquet"))


# encoding ----------------------------------------------------------------------------------------


def test_every_kind_of_column():
    encoder = Encoder().fit(trades())
    kinds = report(encoder)["kind"].to_dict()
    assert kinds == {
        "id": "dropped",
        "amount": "number",
        "margin": "number",
        "time": "date",
        "currency": "category",
        "desk": "dropped",
        "trader": "category",
    }
    assert encoder.names_ == [
        "amount",
        "margin",
        "time day",
        "time weekday",
        "time hour",
        f"margin={MISSING}",
        *("currency=EUR", "currency=SEK", "currency=USD", "trader=Ada", "trader=Bo"),
    ]
    assert encoder.source_.tolist() == [1, 2, 3, 3, 3, 2, 4, 4, 4, 6, 6]
    rows = report(encoder)
    assert rows.loc["margin", "missing"] == trades()["margin"].isna().sum() > 0
    assert rows["columns"].sum() == len(encoder.names_)
    assert "identifiers" in rows.loc["id", "remark"]
    assert rows.loc["desk", "remark"] == "constant"
    x = encoder.transform(trades())
    assert x.dtype == np.float32
    assert x.shape == (300, 11)
    np.testing.assert_array_equal(encoder.get_feature_names_out(), encoder.names_)


def test_numbers_have_variance_one_and_bell_curves_their_shape():
    value = np.random.default_rng(0).normal(50, 3, 5000)
    x = Encoder().fit_transform(pd.DataFrame({"value": value}))
    assert x.mean() == pytest.approx(0, abs=1e-4)
    assert x.std() == pytest.approx(1, abs=1e-4)
    standard = StandardScaler().fit_transform(value[:, None])
    assert np.abs(x - standard)[np.abs(standard) < 2].max() < 0.15
    assert (np.argsort(x[:, 0]) == np.argsort(value)).mean() > 0.99  # but for float32


@pytest.mark.parametrize("distance", [10, 1e3, 1e9, 1e300])
def test_an_outlier_remains_one_and_hides_nobody(distance):
    value = np.random.default_rng(0).normal(size=500)
    clean = Encoder().fit_transform(pd.DataFrame({"v": value}))[:, 0]
    value[7] = distance
    encoder = Encoder().fit(pd.DataFrame({"v": value}))
    x = encoder.transform(pd.DataFrame({"v": value}))[:, 0]
    assert x.argmax() == 7
    assert 4 < x[7] <= LIMIT
    rest = np.arange(500) != 7
    assert x[rest].std() > 0.8
    assert np.corrcoef(x[rest], clean[rest])[0, 1] > 0.999
    assert ("1 clipped" in report(encoder).loc["v", "remark"]) == (distance >= 1e3)


def test_the_tail_of_a_column_that_is_mostly_zero_stays_in_order():
    """Here a power transform by maximum likelihood makes one value of 1 and 10,000."""
    value = np.zeros(2000)
    value[:100] = np.geomspace(1, 10_000, 100)
    x = Encoder().fit_transform(pd.DataFrame({"v": value}))[:, 0]
    assert (np.diff(x[:100]) > 0).mean() > 0.8
    assert x[99] - x[0] > 3
    power = PowerTransformer().fit_transform(value[:, None])[:, 0]
    assert power[99] - power[0] < 0.3


def test_infinite_and_unreadable_values_are_missing():
    value = np.arange(100, dtype=float) % 7
    text = pd.Series(value).astype(str)
    text[[3, 9]] = ["n/a?", "see note"]
    value[[5, 6, 50]] = [np.inf, -np.inf, np.nan]
    encoder = Encoder().fit(pd.DataFrame({"value": value, "text": text}))
    rows = report(encoder)
    assert rows["kind"].tolist() == ["number", "number"]
    assert rows["missing"].tolist() == [3, 2]
    assert rows.loc["value", "remark"] == "2 infinite, taken as missing"
    assert rows.loc["text", "remark"] == "2 no number (first 'n/a?'), taken as missing"
    x = encoder.transform(pd.DataFrame({"value": value, "text": text}))
    flags = encoder.names_.index(f"value={MISSING}"), encoder.names_.index(f"text={MISSING}")
    assert np.flatnonzero(x[:, flags[0]]).tolist() == [5, 6, 50]
    assert np.flatnonzero(x[:, flags[1]]).tolist() == [3, 9]
    assert x[5, 0] == pytest.approx(np.median(x[:, 0]))


def test_text_that_is_often_a_number_is_a_category_below_ninety_per_cent():
    text = pd.Series(["1", "2", "none"] * 20)
    assert report(Encoder().fit(pd.DataFrame({"t": text}))).loc["t", "kind"] == "category"


def test_useless_columns_are_dropped_and_named():
    n = 60
    frame = pd.DataFrame(
        {
            "empty": [np.nan] * n,
            "none": [None] * n,
            "infinite": [np.inf, -np.inf] * (n // 2),
            "same": 5.0,
            "word": "x",
            "id": [f"{i:x}z" for i in range(n)],
            "use": np.arange(n) % 9,
        }
    )
    encoder = Encoder().fit(frame)
    assert encoder.names_ == ["use"]
    assert report(encoder)["remark"].tolist()[:5] == [
        "all missing",
        "all missing",
        "no finite number",
        "constant",
        "constant",
    ]
    with pytest.raises(LatentbookError, match=r"no column is left to .*same: constant"):
        Encoder().fit(frame.drop(columns="use"))


def test_a_constant_with_gaps_tells_whether_it_is_there():
    frame = pd.DataFrame({"flag": [1.0, np.nan] * 20})
    encoder = Encoder().fit(frame)
    assert encoder.names_ == [f"flag={MISSING}", "flag=1"]
    assert set(encoder.transform(frame).sum(axis=1)) == {np.float32(1 / math.sqrt(2))}


def test_numbers_that_may_be_identifiers_are_pointed_out():
    encoder = Encoder().fit(pd.DataFrame({"number": np.arange(100), "value": np.arange(100) % 50}))
    assert "identifier" in report(encoder).loc["number", "remark"]
    assert report(encoder).loc["value", "remark"] == ""


def test_dates_as_text_and_as_times_agree():
    frame = trades()
    time = Encoder().fit(frame[["time"]])
    text = frame[["time"]].astype(str)
    text.loc[3, "time"] = "yesterday"
    encoder = Encoder().fit(text)
    assert "1 no date (first 'yesterday')" in report(encoder).loc["time", "remark"]
    x, from_text = time.transform(frame[["time"]]), encoder.transform(text)
    others = np.arange(len(frame)) != 3
    np.testing.assert_allclose(x[others], from_text[others, :3], atol=0.05)
    days = encoder.inverse_transform(from_text)["time"]
    assert (days[others] == frame["time"][others].dt.normalize()).all()
    zoned = frame[["time"]].apply(lambda column: column.dt.tz_localize("Europe/Stockholm"))
    np.testing.assert_allclose(time.transform(zoned), x)


def test_many_categories():
    text = np.repeat([f"v{i}" for i in range(150)], np.arange(5, 155))
    encoder = Encoder().fit(pd.DataFrame({"t": text}))
    assert len(encoder.names_) == MAX_CATEGORIES + 1
    assert encoder.names_[-1] == "t=other"
    assert report(encoder).loc["t", "remark"] == "50 of 150 values share 'other'"
    x = encoder.transform(pd.DataFrame({"t": ["v0", "never seen", "v149"]}))
    np.testing.assert_array_equal(x[0], x[1])
    assert x[0, -1] > 0 == x[2, -1]


def test_another_category_costs_one():
    encoder = Encoder().fit(trades())
    a, b = trades().iloc[:1], trades().iloc[:1].assign(currency="USD")
    assert a["currency"].item() != "USD"
    errors = encoder.column_errors(encoder.transform(a), encoder.transform(b))
    assert errors["currency"].item() == pytest.approx(1)
    assert errors.drop(columns="currency").to_numpy().max() == 0


def test_errors_add_up():
    encoder = Encoder().fit(trades())
    x = encoder.transform(trades())
    other = np.random.default_rng(0).normal(size=x.shape)
    errors = encoder.column_errors(x, other)
    np.testing.assert_allclose(errors.sum(axis=1), ((x - other) ** 2).sum(axis=1))
    expected = ((x - other) ** 2)[:, encoder.source_ == 2].sum(axis=1)
    np.testing.assert_allclose(errors["margin"], expected)


def test_the_matrix_can_be_read_back():
    frame = trades()
    encoder = Encoder().fit(frame)
    found = encoder.inverse_transform(encoder.transform(frame))
    assert list(found) == ["amount", "margin", "time", "currency", "trader"]
    np.testing.assert_allclose(found["amount"], frame["amount"], rtol=1e-3)
    known = frame["margin"].notna()
    np.testing.assert_allclose(found["margin"][known], frame["margin"][known], atol=1e-5)
    assert (found["currency"] == frame["currency"]).all()


def test_numbers_and_categories_alone():
    for columns in (["amount"], ["currency"]):
        encoder = Encoder().fit(trades()[columns])
        x = encoder.transform(trades()[columns])
        assert x.shape[1] == len(encoder.names_)
        assert list(encoder.inverse_transform(x)) == columns


def test_types_of_pandas_and_python():
    """Nullable, boolean, object and categorical columns are read as what they hold."""
    frame = pd.DataFrame(
        {
            "nullable": pd.array([1, 2, None] * 10, dtype="Int64"),
            "flag": [True, False, False] * 10,
            "gaps": pd.Series([True, None, False] * 10, dtype=object),
            "codes": pd.Categorical(["1", "2", "3"] * 10),
            "mixed": pd.Series([1, "a", 2.0] * 10, dtype=object),
            "lasted": pd.to_timedelta([1, 2, 3] * 10, unit="h"),
        }
    )
    encoder = Encoder().fit(frame)
    kinds = report(encoder)["kind"]
    assert kinds.tolist() == [*["number"] * 3, "category", "category", "number"]
    assert report(encoder)["missing"].tolist() == [10, 0, 10, 0, 0, 0]
    assert np.isfinite(encoder.transform(frame)).all()


def test_the_same_code_as_number_and_text():
    encoder = Encoder().fit(pd.DataFrame({"code": ["1", "2", "A"] * 10}))
    x = encoder.transform(pd.DataFrame({"code": [1, 2]}))
    np.testing.assert_array_equal(x, encoder.transform(pd.DataFrame({"code": ["1", "2"]})))
    np.testing.assert_array_equal(x, encoder.transform(pd.DataFrame({"code": [1.0, 2.0]})))


def test_other_columns_do_not_matter_to_transform():
    encoder = Encoder().fit(trades())
    turned = trades()[trades().columns[::-1]].assign(new=1)
    np.testing.assert_array_equal(encoder.transform(turned), encoder.transform(trades()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="margin"), "lacks the column 'margin'"),
        (lambda f: f.assign(amount="much"), "'amount' was fitted on numbers, but now holds .*much"),
        (lambda f: f.assign(time="then"), "'time' was fitted on dates, but now holds .*then"),
        (lambda f: f.assign(currency=7), "'currency' was fitted on text such as 'EUR'.*such as 7"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.to_numpy(), "must be a pandas DataFrame, not ndarray"),
    ],
)
def test_another_table(change, message):
    encoder = Encoder().fit(trades())
    with pytest.raises(LatentbookError, match=message):
        encoder.transform(change(trades()))


def test_bad_calls_of_the_encoder():
    with pytest.raises(LatentbookError, match="call fit first"):
        Encoder().transform(trades())
    encoder = Encoder().fit(trades())
    x = encoder.transform(trades())
    with pytest.raises(LatentbookError, match=r"reconstruction has 10 columns.*into 11"):
        encoder.column_errors(x, x[:, :-1])
    with pytest.raises(LatentbookError, match="x has 300 rows, but reconstruction has 299"):
        encoder.column_errors(x, x[:-1])
    with pytest.raises(LatentbookError, match="NaN"):
        encoder.inverse_transform(np.full_like(x, np.nan))


any_number = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0, -1.0]), st.none()
)


@given(st.lists(st.tuples(any_number, any_number), min_size=2, max_size=40), st.data())
@settings(max_examples=25)
def test_numbers_of_any_size_become_finite(rows, data):
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=float).assign(use=range(len(rows)))
    encoder = Encoder().fit(frame)
    x = encoder.transform(frame)
    assert np.isfinite(x).all()
    assert np.abs(x).max() <= LIMIT
    assert np.isfinite(encoder.inverse_transform(x).select_dtypes("number")).all(axis=None)
    new = data.draw(st.lists(any_number, min_size=1, max_size=5))
    unseen = pd.DataFrame({"a": new, "b": new[::-1], "use": 0}).astype(float)
    assert np.isfinite(encoder.transform(unseen)).all()


@given(st.lists(st.one_of(st.text(max_size=8), st.none()), min_size=1, max_size=20))
@settings(max_examples=15)
def test_unseen_categories_never_fail(values):
    encoder = fitted()
    frame = trades().iloc[: len(values)].assign(currency=pd.Series(values, dtype=object))
    x = encoder.transform(frame)[:, encoder.source_ == 4]
    assert set(np.count_nonzero(x, axis=1)) <= {0, 1}


@given(st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_the_order_of_rows_does_not_matter(random):
    frame, order = trades(), list(range(300))
    random.shuffle(order)
    encoder, shuffled = fitted(), Encoder().fit(frame.iloc[order])
    x = encoder.transform(frame)
    np.testing.assert_array_equal(encoder.transform(frame.iloc[order]), x[order])
    np.testing.assert_allclose(shuffled.transform(frame), x, atol=1e-5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30, unique=True))
@settings(max_examples=15)
def test_scaling_keeps_order(values):
    x = Encoder().fit_transform(pd.DataFrame({"v": values}))[:, 0]
    assert (np.diff(x[np.argsort(values)]) >= 0).all()


# data sets ---------------------------------------------------------------------------------------


def test_dataset():
    frame = trades()
    frame.loc[[4, 8], "trader"] = None
    table = dataset(frame, "trader", seed=0, name="trades")
    data = table.data
    assert data.classes == ("Ada", "Bo")
    assert len(data) == 298
    assert not data.complete
    assert table.remarks == ["2 rows without a label are left out."]
    assert "trader" not in table.encoder.feature_names_in_
    kept = frame.iloc[data.index].reset_index(drop=True)
    pd.testing.assert_frame_equal(table.frame, kept)
    assert (np.array(data.classes)[data.y] == kept["trader"]).all()
    for part in (data.index[: data.n_train], data.index[data.n_train :]):
        assert (np.diff(part) > 0).all()
    share = np.bincount(data.y[: data.n_train]) / np.bincount(data.y)
    np.testing.assert_allclose(share, 2 / 3, atol=0.01)
    np.testing.assert_array_equal(data.x, table.encoder.transform(kept))


def test_seeds_draw_other_rows_of_the_same_data():
    one, same, other = (dataset(trades(), "trader", seed=s, name="trades").data for s in (0, 0, 1))
    np.testing.assert_array_equal(one.x, same.x)
    assert one.sha256 == other.sha256
    assert set(one.index[: one.n_train]) != set(other.index[: other.n_train])
    changed = dataset(trades(seed=1), "trader", seed=0, name="trades").data
    assert changed.sha256 != one.sha256


def test_scales_are_learnt_from_training_rows_only():
    frame = trades()
    table = dataset(frame, "trader", seed=0, name="trades", n_train=200)
    changed = frame.copy()
    changed.loc[200:, "amount"] = 1e12
    changed.loc[200:, "currency"] = "XXX"
    other = dataset(changed, "trader", seed=0, name="trades", n_train=200)
    assert other.encoder.names_ == table.encoder.names_
    np.testing.assert_array_equal(other.data.x[:200], table.data.x[:200])
    days = table.encoder.names_.index("time day")
    assert table.data.x[:200, days].std() == pytest.approx(1, abs=1e-5)


def test_given_parts():
    frame = trades()
    frame.loc[0, "trader"] = None
    first = dataset(frame, "trader", seed=0, name="trades", n_train=200).data
    assert first.n_train == 199
    assert first.index.tolist() == list(range(1, 300))
    part = np.where(np.arange(300) % 2, "train", "test")
    table = dataset(frame.assign(part=part), "trader", seed=0, name="trades", split="part")
    assert table.data.n_train == 150
    assert (table.frame["part"][:150] == "train").all()
    assert "part" not in table.encoder.feature_names_in_


def test_known_anomalies_are_kept_from_the_network():
    truth = np.random.default_rng(0).random(300) < 0.1
    frame = trades().assign(fraud=truth.astype(int))
    table = dataset(frame, "trader", seed=0, name="trades", truth="fraud", drop=["currency"])
    np.testing.assert_array_equal(table.truth, truth[table.data.index])
    assert not {"fraud", "currency"} & set(table.encoder.feature_names_in_)
    assert "currency" in table.frame


def test_several_columns_make_one_label():
    data = dataset(trades(), ["trader", "currency"], seed=0, name="trades").data
    assert data.classes[:3] == ("Ada + EUR", "Ada + SEK", "Ada + USD")
    assert len(data.classes) == 6


def test_numbers_and_categories_as_labels_keep_their_order():
    number = trades().assign(grade=np.arange(300) % 11)
    assert dataset(number, "grade", seed=0, name="t").data.classes == tuple(map(str, range(11)))
    ordered = trades().assign(
        size=pd.Categorical(np.array(["big", "small"])[np.arange(300) % 2], ["small", "big"])
    )
    assert dataset(ordered, "size", seed=0, name="t").data.classes == ("small", "big")
    odd = pd.Series([1, "x", True] * 100, dtype=object)
    assert len(dataset(trades().assign(odd=odd), "odd", seed=0, name="t").data.classes) >= 2


def rare_classes():
    label = np.array(["a"] * 150 + ["b"] * 120 + ["c"] * 12 + ["d"] * 13 + ["e"] * 5)
    return trades().assign(label=np.random.default_rng(0).permutation(label))


def test_rare_classes():
    with pytest.raises(LatentbookError, match=r"class 'e' of 'label' has 5 rows.*3 of 5 classes"):
        dataset(rare_classes(), "label", seed=0, name="t")
    merged = dataset(rare_classes(), "label", seed=0, name="t", rare="merge")
    assert merged.data.classes == ("a", "b", "other")
    assert np.bincount(merged.data.y).tolist() == [150, 120, 30]
    assert merged.rare == {"c": 12, "d": 13, "e": 5}
    assert "3 classes with fewer than 10 training rows, 30 rows" in merged.remarks[0]
    dropped = dataset(rare_classes(), "label", seed=0, name="t", rare="drop")
    assert dropped.data.classes == ("a", "b")
    assert len(dropped.data) == 270
    assert not set(dropped.frame["label"]) & {"c", "d", "e"}


def test_an_own_class_other_takes_the_rare_ones():
    frame = rare_classes().replace({"label": {"b": "other"}})
    merged = dataset(frame, "label", seed=0, name="t", rare="merge").data
    assert merged.classes == ("a", "other")
    assert np.bincount(merged.y).tolist() == [150, 150]
    dropped = dataset(frame, "label", seed=0, name="t", rare="drop").data
    assert dropped.classes == ("a", "other")
    assert np.bincount(dropped.y).tolist() == [150, 120]


def test_every_class_that_is_left_has_enough_training_rows():
    for seed in range(2):
        n = np.random.default_rng(seed).integers(1, 40, 15)
        frame = trades(n.sum()).assign(label=np.repeat([f"c{i}" for i in range(15)], n))
        data = dataset(frame, "label", seed=seed, name="t", rare="merge").data
        assert np.bincount(data.y[: data.n_train]).min() >= CLASS_ROWS
        assert (np.bincount(data.y[data.n_train :], minlength=len(data.classes)) > 0).all()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"label": "trade"}, "unknown column 'trade': .*did you mean 'trader'"),
        ({}, {"drop": ["curency"]}, "did you mean 'currency'"),
        ({}, {"truth": "fraud"}, "unknown column 'fraud'"),
        ({}, {"label": "desk"}, "'desk' has 1 class"),
        ({}, {"label": []}, "names no column"),
        (
            {"margin": [[1]] * 300},
            {},
            r"'margin' holds values such as \[1\], which are neither numbers",
        ),
        ({"margin": 1j}, {}, "'margin' holds values such as .*1j"),
        ({"trader": None}, {}, "'trader' has 0 class"),
        ({}, {"label": "amount"}, "a number with 300 different values: choose a column of"),
        ({}, {"rare": "merged"}, "did you mean 'merge'"),
        ({}, {"n_train": 300}, "n_train is 300"),
        ({}, {"n_train": 5, "split": "desk"}, "both name the training rows"),
        ({}, {"split": "desk"}, "'desk' must be 'train' or 'test'.*Malmö"),
        ({}, {"truth": "currency"}, "must be 0 or 1 in every row"),
        ({}, {"drop": list(trades().columns[:6])}, "no column is left"),
        ({"label": ["a"] * 295 + ["b"] * 5}, {"label": "label", "rare": "merge"}, "only 2|make 4"),
        ({"label": ["a"] * 295 + ["b"] * 5}, {"label": "label", "rare": "drop"}, "only 1 is left"),
    ],
)
def test_bad_requests(change, options, message):
    with pytest.raises(LatentbookError, match=message):
        dataset(trades().assign(**change), **{"label": "trader", "seed": 0, "name": "t"} | options)


def test_nobody_left_to_test():
    frame = trades()
    frame.loc[290:, "trader"] = None
    with pytest.raises(LatentbookError, match="no row with a label is left to test"):
        dataset(frame, "trader", seed=0, name="t", n_train=290)


# tables that others made -------------------------------------------------------------------------


def accuracy(data):
    return cross_val_score(KNeighborsClassifier(), data.x, data.y, cv=5).mean()


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_a_table_with_defects(tmp_path, load):
    """Gaps, text, infinities and semicolons cost a classifier little."""
    bunch = load(as_frame=True)
    frame = bunch.frame.rename(columns={"target": "kind"})
    clean = accuracy(dataset(frame, "kind", seed=0, name="clean").data)
    frame["kind"] = bunch.target_names[bunch.target]
    broken, rng = frame.astype({c: object for c in frame if c != "kind"}), np.random.default_rng(0)
    for column, value in zip(frame.columns[:4], [None, "n/a?", np.inf, -np.inf], strict=True):
        broken.loc[rng.choice(len(frame), 8, replace=False), column] = value
    broken["constant"], broken["empty"] = 1, None
    broken["id"] = [f"sample-{i}" for i in range(len(frame))]
    broken["site"] = rng.choice(["north", "south"], len(frame))
    path = tmp_path / "mine.csv"
    broken.to_csv(path, sep=";", index=False)
    table = dataset(read(path), "kind", seed=0, name="mine")
    rows = report(table.encoder)
    assert rows.loc[["constant", "empty", "id"], "kind"].tolist() == ["dropped"] * 3
    assert (rows["kind"] == "number").sum() == len(bunch.feature_names)
    assert np.isfinite(table.data.x).all()
    assert accuracy(table.data) > clean - 0.05 > 0.85


def available(name):
    try:
        return datasets.load(name)
    except LatentbookError as error:
        pytest.skip(f"{name} is not here: {error}")


def test_satimage_as_a_file(tmp_path):
    data = available("satimage")
    data.frame.to_csv(tmp_path / "satimage.csv", index=False)
    found = read(tmp_path / "satimage.csv")
    table = dataset(found, "soil", seed=0, name="satimage", n_train=data.n_train)
    assert table.data.x.shape == (len(data), 36)
    assert set(table.data.classes) == set(data.classes)
    assert table.data.n_train == data.n_train
    ours, theirs = (np.array(d.classes)[d.y] for d in (table.data, data))
    np.testing.assert_array_equal(ours, theirs)


def test_network_connections():
    data = available("nsl_kdd")
    frame = data.frame.assign(attack=data.frame["label"] != "normal")
    table = dataset(
        frame,
        ["service", "protocol_type"],
        seed=0,
        name="nsl_kdd",
        drop=["label", "difficulty"],
        truth="attack",
        n_train=data.n_train,
        rare="merge",
    )
    assert len(table.data) == len(data)
    assert table.data.n_train == data.n_train
    assert "other" in table.data.classes
    assert table.truth.mean() == pytest.approx((data.y != 0).mean())
    assert np.isfinite(table.data.x).all()


def test_a_sparse_matrix_is_the_dense_one_without_its_zeros():
    frame = trades().assign(many=[f"v{i % 60}" for i in range(len(trades()))])
    encoder = Encoder(even_costs=True).fit(frame.iloc[:200])
    dense, sparse = encoder.transform(frame), encoder.transform_sparse(frame)
    np.testing.assert_array_equal(sparse.toarray(), dense)
    assert sparse.dtype == np.float32
    assert sparse.nnz < dense.size


def workbook(sheets):
    """Return what pandas returns of a workbook that is read without a header."""
    return lambda path, **options: {name: pd.DataFrame(rows) for name, rows in sheets.items()}


def test_the_first_sheet_of_a_workbook_is_read(tmp_path, monkeypatch):
    (tmp_path / "my.xlsx").write_bytes(b"PK")
    rows = [
        ["Report", None, None],
        ["desk", "price", "day"],
        ["a", 1.5, pd.Timestamp("2023-01-02")],
    ]
    rows += [["b", 2, None], ["a", "3,5", pd.Timestamp("2023-01-04")]]
    monkeypatch.setattr(pd, "read_excel", workbook({"May": rows, "June": rows}))
    frame = read(tmp_path / "my.xlsx")
    assert list(frame) == ["desk", "price", "day"]
    assert frame["desk"].tolist() == ["a", "b", "a"]
    remarks = frame.attrs["remarks"]
    assert remarks[0] == "Of 2 sheets the first is read, 'May'."
    assert remarks[1] == "One line above the header left out, beginning with 'Report'."


def test_a_workbook_without_its_reader_names_the_package(tmp_path, monkeypatch):
    (tmp_path / "my.xlsx").write_bytes(b"PK")

    def missing(path, **options):
        raise ImportError("Missing optional dependency 'openpyxl'.")

    monkeypatch.setattr(pd, "read_excel", missing)
    with pytest.raises(LatentbookError, match="pip install openpyxl, or save the sheet as CSV"):
        read(tmp_path / "my.xlsx")


@pytest.mark.parametrize("rows", [[], [["only", "a header"]]])
def test_an_empty_sheet(tmp_path, monkeypatch, rows):
    (tmp_path / "my.xlsx").write_bytes(b"PK")
    monkeypatch.setattr(pd, "read_excel", workbook({"May": rows}))
    with pytest.raises(LatentbookError, match=r"is empty|no rows"):
        read(tmp_path / "my.xlsx")
