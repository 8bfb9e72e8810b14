"""Numbers and dates as people write them, and the habits of spreadsheets: read, or refused."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentbook.errors import LatentbookError
from latentbook.tabular import Encoder, dataset, read
from latentbook.tabular.dates_as_written import hours, times
from latentbook.tabular.numbers_as_written import (
    decimal_signs,
    floats,
    mixed_units,
    sentinels,
    take_apart,
)

N = 60


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def file(tmp_path):
    """Write a column of texts into a file with two plain columns, and read it again."""

    def read_back(values, separator=",", **others):
        frame = pd.DataFrame({"kind": ["a", "b"] * (len(values) // 2), "v": values, **others})
        frame.to_csv(tmp_path / "my.csv", sep=separator, index=False)
        return read(tmp_path / "my.csv")

    return read_back


def german(number, digits=2):
    return f"{number:,.{digits}f}".translate(str.maketrans(",.", ".,"))


# numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1.234,56", ",", 1234.56),
        ("1,234.50", ".", 1234.5),
        ("1 234 567,5", ",", 1234567.5),
        ("1\u00a0234,5", ",", 1234.5),
        ("1'234'567.25", ".", 1234567.25),
        ("1\u2019234.5", ".", 1234.5),
        ("\u22127.5", ".", -7.5),
        ("12.5%", ".", 12.5),
        ("12,5 %", ",", 12.5),
        ("$1,234.50", ".", 1234.5),
        ("-€3,50", ",", -3.5),
        ("€ -3,50", ",", -3.5),
        ("1 234,50 kr", ",", 1234.5),
        ("EUR 5", ".", 5),
        ("(1,234.50)", ".", -1234.5),
        ("1e-5", ".", 1e-5),
        (".5", ".", 0.5),
        ("inf", ".", np.inf),
        ("1.219", ",", 1219),
        ("1.219", ".", 1.219),
    ],
)
def test_known_numbers(text, decimal, number):
    assert floats(take_apart(pd.Series([text])), decimal)[0] == number


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "1,23,4",
        "12,34.5",
        "31.12.2023",
        "1-2",
        "12 34",
        "--5",
        "(5",
        "trade 1",
        "$5€",
        "x",
    ],
)
def test_what_is_no_number(text):
    written = take_apart(pd.Series([text]))
    assert np.isnan(floats(written, ".")[0])
    assert np.isnan(floats(written, ",")[0])


@pytest.mark.parametrize(
    ("texts", "signs"),
    [
        (["1.219", "12.500"], ""),
        (["12", "7"], ""),
        (["1.219", "0.500"], "."),
        (["1.219", "12.5"], "."),
        (["1234.567"], "."),
        (["1.219,5"], ","),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["12.5", "12,5"], ".,"),
        (["31.12.2023"], ""),
    ],
)
def test_what_proves_a_decimal_sign(texts, signs):
    assert decimal_signs(take_apart(pd.Series(texts))) == set(signs)


locales = st.sampled_from(["en_US", "de_DE", "de_CH", "fr_FR", "sv_SE", "es_ES", "pl_PL", "pt_BR"])
amounts = st.lists(st.decimals(-(10**9), 10**9, places=2, allow_nan=False), min_size=1, max_size=20)


@given(locales, amounts)
@settings(max_examples=100)
def test_numbers_of_any_locale_come_back(locale, numbers):
    """Written by Babel, which knows every locale's signs."""
    babel = pytest.importorskip("babel.numbers")
    texts = [babel.format_decimal(x, "#,##0.00;-#,##0.00", locale=locale) for x in numbers]
    written = take_apart(pd.Series(texts))
    proved = decimal_signs(written)
    assert proved == {babel.get_decimal_symbol(locale)}
    np.testing.assert_array_equal(floats(written, proved.pop()), np.array(numbers, float))


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_what_python_writes_comes_back_exactly(numbers):
    read_again = floats(take_apart(pd.Series([repr(x) for x in numbers])), ".")
    np.testing.assert_array_equal(read_again, numbers)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=10), st.sampled_from(".,"))
def test_any_text_is_taken_apart(texts, decimal):
    assert len(floats(take_apart(pd.Series(texts, dtype=object)), decimal)) == len(texts)


def test_thousands_by_points_are_no_decimals(file, rng):
    """1.219 among 12.500 and 987 is 1219, by the other columns or by its own values."""
    numbers = rng.integers(100, 20_000, N)
    numbers[:3] = 1219, 12_500, 987
    texts = [german(x, 0) for x in numbers]
    alone = file(texts, ";")
    assert alone["v"].tolist() == numbers.tolist()
    assert "'1.219' read as 1219" in alone.attrs["columns"]["v"]
    beside = file(texts, ";", price=[german(x) for x in rng.normal(20, 3, N)])
    assert beside["v"].tolist() == numbers.tolist()


def test_three_decimals_beside_other_decimals_stay_decimals(file, rng):
    texts = [f"{x:.3f}" for x in rng.uniform(1, 9, N)]
    found = file(texts, ";", price=rng.normal(20, 3, N).round(2))
    assert found["v"].tolist() == [float(text) for text in texts]
    assert file(texts)["v"].tolist() == found["v"].tolist()  # commas go with decimal points


@pytest.mark.parametrize(
    ("separator", "texts"),
    [(";", ["1.219", "2.345"]), ("\t", ["1.219", "2.345"]), (",", ["1.250", "2"])],
)
def test_thousands_or_decimals_are_refused_and_can_be_dropped(file, tmp_path, separator, texts):
    with pytest.raises(LatentbookError, match=r"'v' of my.csv holds.*write them without.*or drop"):
        file(texts * (N // 2), separator)
    found = read(tmp_path / "my.csv", as_text=["v"])
    assert found["v"].tolist() == texts * (N // 2)


@pytest.mark.parametrize("gap", ["-", "?", "n/a", "#DIV/0!", "–"])
@pytest.mark.parametrize("share", [0.05, 0.4])
def test_gaps_are_missing_numbers(file, rng, gap, share):
    numbers = rng.integers(50, 90, N)
    texts = np.where(np.arange(N) < share * N, gap, numbers.astype(str))
    found = file(texts)
    assert found["v"].isna().sum() == share * N
    assert found["v"].dropna().tolist() == numbers[found["v"].notna()].tolist()
    report = Encoder().fit(found[["v"]]).report_
    assert report["kind"].tolist() == ["number"]


def test_a_gap_in_a_column_of_words_stays_a_word(file):
    assert set(file(["x", "?", "y"] * (N // 3))["v"]) == {"x", "?", "y"}


def test_units_in_one_column(file, rng):
    numbers = [f"{x:,.2f}" for x in rng.normal(9000, 3000, N)]
    mixed = ["$€"[i % 2] + text for i, text in enumerate(numbers)]
    assert mixed_units(take_apart(pd.Series(mixed))) == "numbers in $ and €"
    found = dataset(file(mixed, use=range(N)), "kind", seed=0, name="t").encoder.report_
    remark = found.set_index("column").loc["v", "remark"]
    assert remark.startswith("numbers in $ and €: write all of them alike; dropped, because no")
    assert mixed_units(take_apart(pd.Series(["12%", "0", "7 %"]))) == ""
    assert mixed_units(take_apart(pd.Series(["12%", "0.5"]))) == "numbers with and without %"


def test_odd_values_stay_beside_numbers(file, rng):
    texts = [german(x) for x in rng.normal(9000, 3000, N)]
    texts[7] = "see note"
    report = Encoder().fit(file(texts, ";")).report_.set_index("column")
    assert report.loc["v", "kind"] == "number"
    assert report.loc["v", "remark"] == "1 no number (first 'see note'), taken as missing"


def test_numbers_that_are_not_understood_are_no_identifiers(rng):
    texts = [f"{x:.2f} kg" for x in rng.normal(20, 3, N)]
    report = Encoder().fit(pd.DataFrame({"v": texts, "use": range(N)})).report_
    assert report["kind"].tolist() == ["dropped", "number"]
    assert "understood neither as numbers nor as dates" in report["remark"][0]
    assert "identifier" not in report["remark"][0]


def test_sentinels(file, rng):
    values = rng.normal(20, 4, N).round(2)
    values[[3, 9, 30]] = -999
    found = file(values)
    assert np.flatnonzero(found["v"].isna()).tolist() == [3, 9, 30]
    assert found.attrs["columns"]["v"] == "-999 in 3 rows, far from all others: taken as missing"
    assert sentinels(np.append(values[:3], -999)) == []  # one alone may be true
    assert sentinels(np.array([-999.0, -999.0, 500.0, -400.0, -1200.0])) == []


def test_truth_values(file):
    assert file(["True", "false"] * (N // 2))["v"].tolist() == [True, False] * (N // 2)


# dates -------------------------------------------------------------------------------------------


DAYS = pd.date_range("2023-01-03", periods=N, freq="11D")


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ("%d.%m.%Y", "day, month, year"),
        ("%d.%m.%y", "day, month, year"),
        ("%m/%d/%Y", "month, day, year"),
        ("%d/%m/%Y", "day, month, year"),
        ("%d-%m-%Y %H:%M", "day, month, year"),
        ("%m/%d/%Y %I:%M %p", "month, day, year"),
        ("%Y/%m/%d", "year, month, day"),
        ("%d %b %Y", "day, name of the month, year"),
        ("%d. %B %Y", "day, name of the month, year"),
        ("%d-%b-%y", "day, name of the month, year"),
        ("%b %d, %Y", "name of the month, day, year"),
    ],
)
def test_dates_come_back(file, form, order):
    found = file(DAYS.strftime(form))
    assert (found["v"].to_numpy() == DAYS.to_numpy()).all()
    assert order in found.attrs["columns"]["v"]
    assert Encoder().fit(found[["v"]]).report_["kind"].tolist() == ["date"]


def test_points_put_the_day_first_even_if_open():
    moments, order = times(pd.Series(["01.02.2023", "03.04.2023"]), "'v'")
    assert order == "day, month, year"
    assert moments[0] == np.datetime64("2023-02-01")


def test_day_or_month_is_refused(file, tmp_path):
    with pytest.raises(LatentbookError, match=r"no value tells the day from the month: .*drop"):
        file(["1/2/2023", "3/4/2023"] * (N // 2))
    assert read(tmp_path / "my.csv", as_text=["v"])["v"][0] == "1/2/2023"


def test_one_rule_for_time_zones(file):
    """The local hour counts, in text as in times with a zone."""
    local = DAYS + pd.Timedelta(hours=9)
    zoned = pd.Series(local).dt.tz_localize("Asia/Tokyo")
    hour = Encoder().fit(pd.DataFrame({"v": zoned.iloc[::-1], "use": range(N)}))
    text = file(local.strftime("%Y-%m-%dT%H:%M+09:00"))
    assert "v day" in hour.names_
    days = hour.inverse_transform(hour.transform(text.assign(use=1)))["v"]
    assert (days == DAYS).all()
    assert times(pd.Series(["31.12.2023 09:00+09:00"]), "v")[0][0] == np.datetime64(
        "2023-12-31T09:00"
    )


def test_odd_dates_and_gaps(file):
    texts = list(DAYS.strftime("%d.%m.%Y"))
    texts[4], texts[5] = "yesterday", "-"
    report = Encoder().fit(file(texts)).report_.set_index("column")
    assert report.loc["v", "kind"] == "date"
    assert report.loc["v", "missing"] == 2
    assert "1 no date (first 'yesterday')" in report.loc["v", "remark"]


def test_times_of_day():
    np.testing.assert_allclose(hours(pd.Series(["14:30", "00:45:36"])), [14.5, 0.76])
    assert hours(pd.Series(["14:30", "later"])) is None
    assert hours(pd.Series(["27:10"] * 3)) is None


# files -------------------------------------------------------------------------------------------


TABLE = "desk;weight;town\n" + "a;1,5;Malmö\nb;2,25;Lund\n" * 20


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("sep=;\n" + TABLE, ""),
        ('"sep=;"\r\n' + TABLE, ""),
        (TABLE.replace(";", "|"), ""),
        ("sep=\t\n" + TABLE.replace(";", "\t"), ""),
        ("Report of March, in tons\n\n" + TABLE, "One line above the header left out"),
        ("Report;;\nin tons;;\n" + TABLE, "2 lines above the header left out.*'Report"),
        ("# made by; a program\n# with commas, too\n" + TABLE, "2 lines above"),
        (TABLE.encode("cp1252"), "read as Windows-1252"),
        (TABLE.encode("utf-16"), ""),
        (gzip.compress(TABLE.encode(), mtime=0), ""),
        (TABLE.replace("\n", ";;\n"), ""),
        (TABLE.replace(";", "\t"), ""),
    ],
)
def test_habits_of_spreadsheets(tmp_path, content, told):
    path = tmp_path / "my.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read(path)
    expected = {"desk": ["a", "b"] * 20, "weight": [1.5, 2.25] * 20, "town": ["Malmö", "Lund"] * 20}
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected))
    remarks = found.attrs["remarks"]
    assert len(remarks) == bool(told)
    if told:
        assert re.search(told, remarks[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\x14\x00", "is an Excel workbook or a zip archive, and not text: save the"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel workbook"),
        (b"BZh91AY", "compressed by bzip2"),
        (gzip.compress(b"a,b\n1,2\n" * 100, mtime=0)[:25], "is damaged"),
        (b"a,b\n\x81\x8d,2\n", "neither in UTF-8 nor in Windows-1252"),
        (b"# only\n# comments\n", "no regular CSV|not a regular CSV"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, message):
    (tmp_path / "my.csv").write_bytes(content)
    with pytest.raises(LatentbookError, match=message):
        read(tmp_path / "my.csv")


def test_remarks_reach_the_reader(file):
    numbers = [german(1000 + 7.5 * i) for i in range(N)]
    frame = file(numbers, ";", same=["x"] * (N - 1) + ["y"], rate=[f"{i},5 %" for i in range(N)])
    frame = frame.sample(len(frame), random_state=0)  # keeps how the file was read
    table = dataset(frame.reset_index(drop=True), "kind", seed=3, name="t")
    report = table.encoder.report_.set_index("column")
    assert "'1.000,00' read as 1000" in report.loc["v", "remark"]
    assert "'0,5 %' read as 0.5" in report.loc["rate", "remark"]


def test_remarks_on_rows_and_classes():
    frame = pd.DataFrame({"label": ["A", "a"] * N, "use": np.arange(2 * N) // 4, "same": "x"})
    frame.loc[2 * N - 1, "same"] = "y"
    table = dataset(frame, "label", seed=0, name="t", n_train=N)
    assert any("rows are equal to an earlier row" in text for text in table.remarks)
    assert "The classes 'A' and 'a' differ in capitals only." in table.remarks
    assert any("'same' is 'x' in all training rows" in text for text in table.remarks)
    assert any("1 test rows differ" in text for text in table.remarks)


# costs -------------------------------------------------------------------------------------------


def cost(encoder, usual, rare):
    x = encoder.transform(pd.concat([usual, rare]))
    return encoder.column_errors(x[1:], x[:1])["flag"].item()


@pytest.mark.parametrize("rare", [3, 8])
def test_rare_values_cost_the_same_however_they_are_written(rare):
    marks = np.arange(200) < rare
    ways = [marks, marks.astype(int), np.where(marks, "yes", "no"), np.where(marks, 7.5, 2.5)]
    costs = []
    for flag in ways:
        frame = pd.DataFrame({"flag": flag, "use": np.arange(200) % 9})
        encoder = Encoder(even_costs=True).fit(frame)
        costs.append(cost(encoder, frame.iloc[[-1]], frame.iloc[[0]].assign(use=frame["use"][199])))
    np.testing.assert_allclose(costs, 1, atol=1e-6)


@pytest.mark.parametrize("values", [2, 3, 5, 40])
@pytest.mark.parametrize("with_other", [False, True])
def test_a_value_never_seen_costs_most(values, with_other):
    words = [f"v{i}" for i in range(values)] * 10 + ["odd"] * with_other
    frame = pd.DataFrame({"flag": words})
    encoder = Encoder(even_costs=True).fit(frame)
    known = pd.DataFrame({"flag": sorted(set(words))})
    x = encoder.transform(known)
    unseen = encoder.transform(pd.DataFrame({"flag": ["new"]}))
    to_unseen = encoder.column_errors(np.repeat(unseen, len(x), axis=0), x)["flag"]
    between = max(encoder.column_errors(np.roll(x, 1, axis=0), x)["flag"])
    assert between == pytest.approx(1)
    assert to_unseen.min() > 1.08
    if len(encoder.names_) > 2:
        np.testing.assert_allclose(to_unseen, 2, atol=1e-5)
    assert 0 <= unseen.min() <= unseen.max() <= 1


def test_without_even_costs_the_matrix_is_that_of_the_records():
    frame = pd.DataFrame({"flag": [True, False, False] * 10, "word": ["a", "b", "c"] * 10})
    encoder = Encoder().fit(frame)
    assert encoder.names_ == ["flag", "word=a", "word=b", "word=c"]
    unseen = encoder.transform(frame.iloc[:1].assign(word="new"))
    np.testing.assert_array_equal(unseen[0, 1:], 0)
    even = Encoder(even_costs=True).fit(frame)
    np.testing.assert_array_equal(even.transform(frame)[:, 2:], encoder.transform(frame)[:, 1:])
