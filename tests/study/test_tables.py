"""Tables: numbers, alignment, and the order of the rows."""

from __future__ import annotations

import pytest
from tests.made import frame, record

from latentbook.study import tables


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


def test_a_table_lists_methods_best_first():
    rows = frame(record(acc=0.4), record("umap2 + mixture", acc=0.9))
    text = tables.score_table(rows, "digits", ["acc"], caption="c", name="n")
    assert text.index("umap2 + mixture") < text.index("k-means raw")


def test_the_last_columns_can_be_chosen():
    rows = frame(record(acc=0.4), record(seed=1, acc=0.6))
    text = tables.score_table(rows, "digits", ["acc"], caption="c", name="n", ends=("runs",))
    assert "| method | ACC | runs |" in text
    assert "| k-means raw | 0.500\u00a0±\u00a00.141 | 2 |" in text


def test_columns_of_numbers_stand_right_and_words_left():
    header = ["method", "score", "change", "data sets", "dates", "library", "none"]
    row = ["2 stages", "0.5 ± 0.1", "−1,200", "usps, mnist", "2026-11-22", "3.11.7, 3.12.3", "–"]
    text = tables.markdown(header, [row, ["raw", "–", "3", *row[3:]]], caption="c", name="n")
    assert "| :-- | --: | --: | :-- | :-- | :-- | --: |" in text
    assert "| :-- | --: |" in tables.markdown(["method", "score"], [], caption="c", name="n")


def test_training_is_told_apart_by_its_end():
    def of(seed, limit, epochs, acc):
        params = {"max_epochs": limit, "evaluated_on": "all"}
        return record("cae10 + k-means", seed, params=params, acc=acc, epochs=epochs, bce=0.3)

    rows = frame(of(0, 3, 3, 0.4), of(0, 150, 62, 0.5), of(1, 150, 80, 0.7))
    text = tables.score_table(rows, "digits", ["acc"], caption="c", name="n")
    assert "cae10 + k-means (early stopping)" in text
    assert "cae10 + k-means (3 epochs)" in text
