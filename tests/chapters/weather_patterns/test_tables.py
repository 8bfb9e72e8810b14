"""Tables of weather patterns, from records that the study makes and from made-up ones."""

import numpy as np
import pandas as pd
import pytest

from latentbook import paths
from latentbook.chapters.weather_patterns import CHAPTER, judged_tables, study, tables
from latentbook.study import figure_arrays
from latentbook.study.method import Method
from latentbook.study.result import as_records
from latentbook.study.tables import NOT_RUN
from latentbook.weather.codes import Design

from ... import made
from ...made import rows_of
from ...weather.conftest import made_weather

PAGES = {"05-runs.md", "05-clusters.md", "05-codes.md", "05-catalogue.md", *judged_tables.FILES}
NOTHING = pd.DataFrame()


@pytest.fixture(scope="module")
def measured(module_cache):
    """Return the records of raw fields and of principal components of small waves, two seeds."""
    weather = made_weather()
    return [
        record
        for seed in (0, 1)
        for setting in study.plan(["pca", "raw"], Design(n_codes=4, k=3))
        for record in as_records(study.run(weather, setting, random_state=seed), "paper")
    ]


def record(dataset="weather-simulated", method="k-means raw", seed=0, params=None, **metrics):
    """Return a made-up record of this chapter."""
    params = {"k": 15, "length": 8, "grid": "box"} | (params or {})
    metrics = {"persistence_chance": 0.1} | metrics
    return made.record(
        method, seed, chapter=CHAPTER, dataset=dataset, params=params,
        seconds={"represent": 2.0}, **metrics,
    )  # fmt: skip


def test_the_live_table_has_one_row_a_representation(measured):
    header, *rows = rows_of(tables.live(measured[:2], "made waves"))
    assert header == ["codes", *tables.CLUSTER_COLUMNS.values(), *tables.CODE_COLUMNS.values()]
    assert [row[0] for row in rows] == ["pca4", "raw fields"]
    for row, one in zip(rows, measured, strict=False):
        assert float(row[4]) == pytest.approx(one["metrics"]["persistence"], abs=6e-4)
    error = header.index("error, m")
    assert rows[1][error] == "–"  # raw fields are not reconstructed


def test_all_pages_say_so_before_anything_ran():
    empty = pd.DataFrame([record()]).iloc[:0]
    assert tables.generated(empty, NOTHING) == dict.fromkeys(PAGES, NOT_RUN)


def test_the_tables_of_records_that_the_study_makes(measured):
    pages = tables.generated(pd.DataFrame(measured), NOTHING)
    assert set(pages) == PAGES
    assert pages["05-catalogue.md"] == NOT_RUN  # made waves know no catalogue
    header, raw, pca = rows_of(pages["05-clusters.md"])
    assert (raw[0], pca[0]) == ("raw fields", "pca4")  # in the order of the tables
    assert header[-1] == "seeds"
    assert raw[-1] == pca[-1] == "2"
    seeds = [r["metrics"]["silhouette"] for r in measured if r["method"] == "k-means raw"]
    mean, spread = raw[3].replace("\u00a0", " ").split(" ± ")
    assert float(mean) == pytest.approx(np.mean(seeds), abs=6e-4)
    assert float(spread) == pytest.approx(np.std(seeds, ddof=1), abs=6e-4)
    _, run = rows_of(pages["05-runs.md"])
    period = "2001-01-01 to 2001-01-31"
    assert run[:7] == ["made", "29", period, "8", "box of the data", "3", "2"]


def test_agreement_of_seeds_is_that_of_the_kept_labels(own_project):
    labels = np.repeat([0, 1], 20)
    arrays = {"index": np.arange(40)}
    arrays |= {f"labels raw, seed {seed}": labels for seed in (0, 1)}
    arrays |= {f"labels fc-lstm, seed {seed}": labels for seed in (0, 1)}
    arrays["labels fc-lstm, seed 1"] = np.tile([0, 1], 20)
    figure_arrays.save("05-weather-ncep", arrays, paths.figures())
    every = [record("weather-ncep", str(Method(name, "k-means")), seed)
             for name in ("raw", "fc-lstm") for seed in (0, 1)]  # fmt: skip
    header, raw, fc_lstm = rows_of(tables.generated(pd.DataFrame(every), NOTHING)["05-clusters.md"])
    column = header.index("ARI of seeds")
    assert raw[column] == "1.000"
    assert float(fc_lstm[column].replace("−", "-")) == pytest.approx(0, abs=0.05)


def test_the_range_over_three_seeds_shows_that_one_of_them_differs(own_project):
    halves = np.repeat([0, 1], 20)
    arrays = {"index": 24 * np.arange(40)}
    arrays |= {f"labels raw, seed {seed}": halves for seed in (0, 1)}
    arrays["labels raw, seed 2"] = np.tile([0, 1], 20)
    figure_arrays.save("05-weather-ncep", arrays, paths.figures())
    every = [record("weather-ncep", seed=seed) for seed in (0, 1, 2)]
    header, row = rows_of(tables.generated(pd.DataFrame(every), NOTHING)["05-clusters.md"])
    cell = row[header.index("ARI of seeds")]
    assert cell.endswith(" to 1.000)")
    assert float(cell.split()[0]) == pytest.approx(0.3, abs=0.05)


def test_disjoint_windows_are_as_many_steps_apart_as_a_window_is_long():
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    arrays = {"index": 24 * np.arange(8)}
    assert tables.persistence_apart(arrays, [labels], length=8, step=4) == "0.000"
    assert tables.persistence_apart(arrays, [labels], length=8, step=2) == "1.000"
    assert tables.persistence_apart(arrays, [], length=8, step=4) == "–"


def test_a_part_of_a_data_set_is_named_in_every_table():
    scores = {"catalogue_ami": 0.3, "catalogue_ami_chance": 0.2, "catalogue_ari": 0.1}
    years = {"subset": "1962-01-01 to 1984-12-31"}
    every = [record("weather-ncep-alps", **scores) | years]
    for name, page in tables.generated(pd.DataFrame(every), NOTHING).items():
        if name not in judged_tables.FILES:
            assert "1962-01-01 to 1984-12-31" in page


def test_data_sets_come_in_the_order_of_their_titles():
    every = pd.DataFrame([record(name) for name in ("zebra", "weather-ncep", "weather-simulated")])
    first = [row[0] for row in rows_of(tables.generated(every, NOTHING)["05-runs.md"])[1:]]
    assert first == ["simulated, 6-hourly, 700 hPa", "NCEP/NCAR, daily, 500 hPa", "zebra"]


def test_only_records_with_a_catalogue_are_compared_with_it():
    scores = {"catalogue_ami": 0.3, "catalogue_ami_chance": 0.2, "catalogue_ari": 0.1}
    every = [record(method="conv + k-means"), record(**scores, catalogue_days=1234)]
    _, row = rows_of(tables.generated(pd.DataFrame(every), NOTHING)["05-catalogue.md"])
    assert row[0].endswith(": raw fields")
    assert row[1:] == ["0.300", "0.200", "0.100", "1,234", "1"]
