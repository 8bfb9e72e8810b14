"""Verdicts follow the stated rule; generated pages hold every published number."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentbook import paths
from latentbook.book import pages
from latentbook.study import judge, records, tables
from tests.test_records import a_record


@pytest.mark.parametrize(
    ("published", "mean", "spread", "expected"),
    [
        (0.5, 0.52, 0.0, "reproduced"),
        (0.5, 0.521, 0.0, "higher"),
        (0.5, 0.479, 0.0, "lower"),
        (0.5, 0.55, 0.025, "reproduced"),
        (0.5, 0.56, 0.025, "higher"),
        (6, 6, 0, "reproduced"),
        (6, 9, 1, "higher"),
        (20553, 20553, 0, "reproduced"),
    ],
)
def test_the_rule(published, mean, spread, expected):
    assert judge.verdict(published, mean, spread) == expected


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_the_rule_is_symmetric(published, mean, spread):
    swap = {"higher": "lower", "lower": "higher", "reproduced": "reproduced"}
    mirrored = judge.verdict(1 - published, 1 - mean, spread)
    if abs(abs(mean - published) - max(0.02, 2 * spread)) > 1e-9:
        assert mirrored == swap[judge.verdict(published, mean, spread)]


def everything() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the full-scale records, and every published number beside them."""
    every = records.read()
    return every, judge.compare(judge.published(), every)


def numbers(**changes) -> pd.DataFrame:
    row = dict.fromkeys(judge.PUBLISHED_COLUMNS, "") | {
        "source": "fernandez2020",
        "table": "table 12.1",
        "page": "87",
        "dataset": "digits",
        "method": "k-means raw",
        "metric": "acc",
        "value": 0.5,
        "params": {},
    }
    return pd.DataFrame([row | changes])


def found(*rows) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(records.SCHEMA))


def test_mean_and_sample_spread_over_seeds():
    compared = judge.compare(numbers(), found(a_record(0, 0.4), a_record(1, 0.6)))
    row = compared.iloc[0]
    assert row["mean"] == pytest.approx(0.5)
    assert row["spread"] == pytest.approx(0.02**0.5)
    assert (row["n"], row["verdict"]) == (2, "reproduced")


def test_without_records_everything_is_not_run_and_columns_stay():
    compared = judge.compare(judge.published(), found())
    assert set(compared["verdict"]) == {"not run", "not comparable"}
    assert len(compared) == len(judge.published())


def test_params_select_the_counterpart():
    rows = found(a_record(0, 0.4, params={"gamma": 1}), a_record(0, 0.9, params={"gamma": 0.1}))
    compared = judge.compare(numbers(params={"gamma": 0.1}), rows)
    assert compared.iloc[0]["mean"] == pytest.approx(0.9)


def test_the_longest_training_counts():
    rows = found(
        a_record(0, 0.4, params={"max_epochs": 5}), a_record(0, 0.9, params={"max_epochs": 10})
    )
    assert judge.compare(numbers(), rows).iloc[0]["mean"] == pytest.approx(0.9)


def test_a_part_of_the_samples_counts_only_where_it_is_named():
    parts = {"all": 0.5, "train": 0.6, "test": 0.7}
    rows = found(*(a_record(0, acc, params={"evaluated_on": p}) for p, acc in parts.items()))
    assert judge.compare(numbers(), rows).iloc[0]["mean"] == pytest.approx(0.5)
    named = judge.compare(numbers(params={"evaluated_on": "test"}), rows)
    assert named.iloc[0]["mean"] == pytest.approx(0.7)
    silent = judge.compare(numbers(params={"evaluated_on": "all"}), found(a_record(0, 0.4)))
    assert silent.iloc[0]["mean"] == pytest.approx(0.4)


def test_training_that_ended_at_its_limit_is_not_comparable():
    short = a_record(0, 0.5, params={"max_epochs": 3})
    short["metrics"] |= {"epochs": 3.0, "parameters": 20553.0}
    settled = a_record(0, 0.5, params={"max_epochs": 400})
    settled["metrics"] |= {"epochs": 71.0}
    (verdict,) = judge.compare(numbers(), found(short))["verdict"]
    (reason,) = judge.compare(numbers(), found(short))["not_comparable"]
    assert (verdict, "trained 3 epochs here" in reason) == ("not comparable", True)
    assert judge.compare(numbers(), found(settled)).iloc[0]["verdict"] == "reproduced"
    counted = judge.compare(numbers(metric="parameters", value=20553), found(short))
    assert counted.iloc[0]["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("source", "limit", "verdict"),
    [
        ("fernandez2020", 149, "not comparable"),
        ("fernandez2020", 150, "reproduced"),
        ("norlander2019", 1, "reproduced"),
        ("tsiatsios2019", 400, "not comparable"),
    ],
)
def test_a_limit_of_the_source_is_long_enough(source, limit, verdict):
    record = a_record(0, 0.5, params={"max_epochs": limit})
    record["metrics"] |= {"epochs": float(limit)}
    compared = judge.compare(numbers(source=source), found(record))
    assert compared.iloc[0]["verdict"] == verdict


def test_a_reason_overrules_a_number():
    compared = judge.compare(numbers(not_comparable="other data"), found(a_record()))
    assert compared.iloc[0]["verdict"] == "not comparable"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-0.5, "−0.500"),
        (None, "–"),
        (70000, "70,000"),
        (6.0, "6"),
        (1, "1.000"),
        (-12.3456, "−12.35"),
        (1234.5678, "1,235"),
    ],
)
def test_numbers_are_formatted(value, text):
    assert tables.number(value) == text


@pytest.mark.parametrize(
    ("mean", "spread", "text"),
    [(0.5, 0.01, "0.500 ± 0.010 (3)"), (26.38, 2.4, "26.38 ± 2.40 (3)"), (251, 2.8, "251 ± 3 (3)")],
)
def test_a_spread_has_as_many_decimals_as_its_mean(mean, spread, text):
    shown = tables.mean_and_spread({"mean": mean, "spread": spread, "n": 3})
    assert shown.replace("\u00a0", " ") == text


def test_all_pages_are_written_from_an_empty_project(own_project):
    pages.write_all()
    page = (own_project / "book/generated/published-and-reproduced.md").read_text()
    rows = [line for line in page.splitlines() if "{.verdict-" in line]
    assert len(rows) == len(judge.published())
    assert "[not run]{.verdict-not-run}" in page
    assert (own_project / "book/generated/home.png").stat().st_size > 1000


def test_the_picture_of_the_readme_shows_the_committed_records(tmp_path):
    fresh, committed = tmp_path / "home.png", paths.figures() / "home.png"
    pages.draw_home(*everything(), fresh)
    shown, due = (Image.open(source).text["Description"] for source in (committed, fresh))
    assert shown == due, "copy book/generated/home.png to data/records/figures"


def test_a_table_lists_methods_best_first():
    rows = found(a_record(0, 0.4), a_record(0, 0.9) | {"method": "umap2 + mixture"})
    text = tables.score_table(rows, "digits", ["acc"], caption="c", name="n")
    assert text.index("umap2 + mixture") < text.index("k-means raw")


def test_columns_of_numbers_stand_right_and_words_left():
    header = ["method", "score", "change", "data sets", "dates", "library", "none"]
    row = ["2 stages", "0.5 ± 0.1", "−1,200", "usps, mnist", "2026-11-22", "3.11.7, 3.12.3", "–"]
    text = tables.markdown(header, [row, ["raw", "–", "3", *row[3:]]], caption="c", name="n")
    assert "| :-- | --: | --: | :-- | :-- | :-- | --: |" in text
    assert "| :-- | --: |" in tables.markdown(["method", "score"], [], caption="c", name="n")


def test_hours_count_a_shared_stage_once(own_project):
    hour = {"represent": 3600.0}
    shared = [
        a_record(0, 0.4) | {"method": "umap2 + k-means", "seconds": hour | {"cluster": 360.0}},
        a_record(0, 0.4) | {"method": "umap2 + mixture", "seconds": hour | {"cluster": 720.0}},
        a_record(1, 0.4) | {"method": "umap2 + k-means", "seconds": hour},
    ]
    records.write(*(record | {"profile": "paper"} for record in shared))
    lines = pages.status_page(*everything()).splitlines()
    of_all, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 2.30 |" in of_all
    assert "| 1.30 |" in of_a_seed


def test_hours_count_the_longest_training_of_each_seed(own_project):
    for seed, epochs, hours in ((0, 1, 1), (0, 3, 3), (1, 1, 1)):
        record = a_record(seed, params={"max_epochs": epochs, "evaluated_on": "all"})
        records.write(record | {"profile": "paper", "seconds": {"represent": 3600.0 * hours}})
    lines = pages.status_page(*everything()).splitlines()
    of_all, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 4 |" in of_all
    assert "| 3 |" in of_a_seed


def test_training_is_told_apart_by_its_end():
    def of(seed, limit, epochs, acc):
        record = a_record(seed, acc, params={"max_epochs": limit, "evaluated_on": "all"})
        metrics = record["metrics"] | {"epochs": epochs, "bce": 0.3}
        return record | {"method": "cae10 + k-means", "metrics": metrics}

    rows = found(of(0, 3, 3, 0.4), of(0, 150, 62, 0.5), of(1, 150, 80, 0.7))
    text = tables.score_table(rows, "digits", ["acc"], caption="c", name="n")
    assert "cae10 + k-means (early stopping)" in text
    assert "cae10 + k-means (3 epochs)" in text
