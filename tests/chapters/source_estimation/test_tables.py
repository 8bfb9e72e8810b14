"""Tables of source estimation, from records that the study makes and from made-up ones."""

import pandas as pd
import pytest

from latentbook.chapters.source_estimation import CHAPTER, VARIED, comparisons, study, tables
from latentbook.study import records
from latentbook.study.judge import compare
from latentbook.study.result import as_records
from latentbook.study.tables import NOT_RUN

from ... import made
from ...made import rows_of

NAMES = ["k-means raw", "pca4 + k-means", "mean plume", "true weather"]


def record(method="k-means raw", top1=0.4, top3=0.7, readings=10, seed=0, **more):
    metrics = {"top1": top1, "top3": top3, **more}
    params = {"readings": readings, "descriptor": 10}
    return made.record(
        method, seed, chapter=CHAPTER, dataset="weather-simulated", params=params, **metrics
    )


def test_the_table_of_a_run_with_four_sites_has_their_chance(result):
    """What a reader sees who takes a box with four of the twenty sites."""
    measured = as_records(result, "quick")
    header, *rows = rows_of(tables.live(measured, "made waves"))
    assert header == ["weather from", "2@10pts", "seeds"]
    assert [row[0] for row in rows] == [
        "raw fields",
        "pca4",
        "mean plume",
        "true weather",
        "chance",
    ]
    assert rows[-1][1:] == ["0.250 / 0.750", "–"]
    metrics = {r["method"]: r["metrics"] for r in measured}
    for row, name in zip(rows, NAMES, strict=False):
        assert row[1] == f"{metrics[name]['top1']:.3f} / {metrics[name]['top3']:.3f}"


@pytest.mark.parametrize(
    ("sites", "expected"), [(2, "0.500 / 1.000"), (20, "0.050 / 0.150"), (None, "0.050 / 0.150")]
)
def test_chance_is_one_over_the_sites(sites, expected):
    """Records of before they stated the number had all twenty."""
    measured = [record(**({"n_sites": float(sites)} if sites else {}))]
    assert rows_of(tables.live(measured, ""))[-1][1] == expected


def test_cells_are_means_over_seeds_and_variations_have_a_table_of_their_own():
    measured = [
        record(top1=0.3),
        record(top1=0.5, seed=1),
        record(readings=30, top1=0.6),
        record("k-means raw, smoothing 4.0", top1=0.9),
    ]
    header, raw, *_ = rows_of(tables.live(measured, ""))
    assert header == ["weather from", "10@10pts", "10@30pts", "seeds"]
    assert raw[1].replace("\u00a0", " ") == "0.400 ± 0.141 / 0.700 ± 0.000"
    assert raw[::2] == ["raw fields", "0.600 / 0.700"]
    assert raw[3] == "2"


def test_pages_before_anything_ran():
    empty = pd.DataFrame([record()]).iloc[:0]
    pages = tables.generated(empty, compare(NUMBERS, empty))
    assert pages["06-accuracy.md"] == pages["06-variations.md"] == NOT_RUN
    assert "not run" in pages["06-verdicts.md"]


NUMBERS = made.published(
    source="tsiatsios2019", table="figure 20", dataset="weather-simulated", metric="top1",
    value=0.35, params={"readings": 10, "descriptor": 10},
)  # fmt: skip


def test_verdicts_compare_with_figure_20():
    found = pd.DataFrame([record(top1=0.34), record("k-means raw, k 5", top1=0.9)])
    pages = tables.generated(found, compare(NUMBERS, found))
    assert "one run, within]" in pages["06-verdicts.md"]
    assert "0.340 (1)" in pages["06-verdicts.md"]


def test_effects_stand_beside_the_printed_ones_in_percentage_points():
    found = pd.DataFrame(
        [record(top1=0.40 + 0.01 * seed, seed=seed) for seed in (0, 1, 2)]
        + [record(readings=30, top1=0.44 + 0.01 * seed, seed=seed) for seed in (0, 1, 2)]
    )
    page = tables.generated(found, compare(NUMBERS, found))["06-effects.md"]
    rows = {(row[0], row[1]): row[2:] for row in rows_of(page) if len(row) == 6}
    printed, ours, order, size = rows["raw fields 10@30pts − raw fields 10@10pts", "top 1"]
    assert printed == "+13.7"
    assert ours.replace("\u00a0", " ") == "+4.0 [+4.0, +4.0]"
    assert (order, size) == ("same order", "smaller here")
    assert rows["raw fields 10@30pts − raw fields 1@30pts", "top 1"][1:] == ["–", "not run", "–"]


def test_variations_are_rows_by_name_and_value_and_columns_by_method():
    measured = [
        record(f"{method}, {name} {value}", top1=0.1 * i, top3=0.2 * i)
        for method in ("true weather", "k-means raw")
        for name in ("values", "smoothing", "readings")
        for i, value in enumerate(VARIED[name])
    ] + [record("k-means raw, k 5", top1=0.2), record("k-means raw", top1=0.9)]
    found = pd.DataFrame(measured)
    page = tables.generated(found, compare(NUMBERS, found))["06-variations.md"]
    first, _, among = page.partition("::::{dropdown} The same among the first three\n")
    (header, *rows), (same, *more) = rows_of(first), rows_of(among)
    assert header == same == ["changed", "raw fields", "mean plume", "true weather", "seeds"]
    expected = ["k 5"] + [f"readings {n}" for n in VARIED["readings"]]
    expected += [f"smoothing {w}" for w in VARIED["smoothing"]]
    assert [row[0] for row in rows] == [*expected, "values concentration", "values presence"]
    assert rows[0][1:] == ["0.200", "–", "–", "1"]
    assert rows[2][1:] == ["0.100", "–", "0.100", "1"]
    assert [row[0] for row in more] == [*expected, "values concentration", "values presence"]
    assert more[2][1:] == ["0.200", "–", "0.200", "1"]
    assert ":name: tbl-06-variations\n" in first
    assert ":name: tbl-06-variations-top-3\n" in among


def test_what_was_varied_in_the_study_is_found_again(inputs):
    settings = study.plan([10], [2], 3, variations=["k", "values"])
    wanted = [s for s in settings if s.change in ("k 5", "values concentration", "")]
    measured = [
        r for s in wanted for r in as_records(study.run(inputs, s, random_state=0), "quick")
    ]
    found = pd.DataFrame(measured)
    assert sorted(tables.unchanged(found)["method"]) == sorted(NAMES)
    by_k, by_values = tables.varied(found, "k"), tables.varied(found, "values")
    assert by_k["unchanged"].tolist() == NAMES[:2]
    assert by_k["value"].tolist() == [5, 5]
    assert sorted(by_values["unchanged"]) == sorted(NAMES)
    assert set(by_values["value"]) == {"concentration"}
    assert tables.varied(found, "smoothing").empty


def test_every_committed_record_stands_in_one_of_the_tables():
    found = records.read(CHAPTER)
    told = [comparisons.is_fairer(params) for params in found["params"]]
    rules = [comparisons.is_baseline(method) for method in found["method"]]
    parts = [tables.unchanged(found), *(tables.varied(found, name) for name in VARIED)]
    parts += [found[told], found[[rule and not one for rule, one in zip(rules, told, strict=True)]]]
    assert sorted(i for part in parts for i in part.index) == found.index.tolist()
