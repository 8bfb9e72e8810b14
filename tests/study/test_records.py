"""Records: complete, atomic, only growing, counted once when repeated, refused when malformed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.made import CHAPTER, frame, record

from latentbook.errors import LatentbookError
from latentbook.study import provenance, records


def lines(profile: str = "paper") -> list[str]:
    return records.path(CHAPTER, profile).read_text().splitlines()


def accuracies(**how: bool) -> list[float]:
    return [m["acc"] for m in records.read(CHAPTER, **how)["metrics"]]


# ---------------------------------------------------------------- what a record holds


def test_what_is_written_is_read(own_project):
    complete = record()
    records.write(complete)
    (row,) = records.read(CHAPTER, "quick").to_dict("records")
    assert row == complete
    assert complete["n_samples"] == 50
    assert complete["subset"] == "50 of 1,797 images"
    assert complete["versions"]["numpy"] == np.__version__
    assert len(complete["data_sha256"]) == 64


def test_profiles_do_not_mix(own_project):
    records.write(record())
    assert records.read(CHAPTER, "paper").empty
    records.write(record(profile="paper"))
    assert (own_project / "data/records" / f"{CHAPTER}.jsonl").is_file()
    assert (own_project / "_build/records/quick" / f"{CHAPTER}.jsonl").is_file()


def test_nan_metrics_are_left_out():
    assert record(acc=float("nan"))["metrics"] == {}


@pytest.mark.parametrize(
    ("extent", "params", "says"),
    [
        (None, {"k": 10}, None),
        (None, {"evaluated_on": "all", "sample": 70_000}, None),
        (None, {"evaluated_on": "train"}, "training part"),
        (None, {"evaluated_on": "test"}, "test part"),
        (None, {"sample": 10_000, "evaluated_on": "all"}, "10,000 drawn with replacement"),
        (None, {"n_train": 4000, "n_test": 2000}, "4,000 to learn from, 2,000 to judge"),
        ("1978-01-01 to 2000-12-31", {"k": 15}, "1978-01-01 to 2000-12-31"),
        ("half", {"n_test": 300}, "half; 300 to judge"),
    ],
)
def test_the_part_of_the_data_is_said_in_words(extent, params, says):
    assert records.subset(extent, params, 70_000) == says


def test_crops_of_a_few_photographs_are_no_part_of_them():
    assert records.subset(None, {"rows": 2048}, n_samples=14) is None


def test_the_extent_of_records_leaves_out_what_their_parameters_chose():
    def measured(subset: str | None, **params: object) -> dict:
        return record(params=params) | {"subset": subset, "n_samples": 47_000}

    both = [measured("a fifth; test part", evaluated_on="test"), measured("a fifth")]
    assert records.extent(frame(*both)) == "a fifth"
    assert records.of_extent(frame(*both)) == "; data: a fifth"
    assert records.extent(frame(measured("test part", evaluated_on="test"))) == ""
    assert records.extent(frame(*both, measured(None))) == ""
    assert records.of_extent(frame()) == ""


# ---------------------------------------------------------------- they only grow


def test_a_second_measurement_is_a_second_line_and_leaves_the_first_as_it_was(own_project):
    records.write(record(profile="paper", acc=0.1))
    (first,) = lines()
    records.write(record(profile="paper", acc=0.3))
    assert first in lines()
    assert sorted(accuracies()) == [0.1, 0.3]


def test_scratch_keeps_the_newest_measurement_of_a_setting(own_project):
    for seed, acc in ((0, 0.1), (1, 0.2), (0, 0.3)):
        records.write(record(seed=seed, acc=acc))
    rows = records.read(CHAPTER, "quick")
    assert {(r.seed, r.metrics["acc"]) for r in rows.itertuples()} == {(0, 0.3), (1, 0.2)}


def test_scratch_of_a_version_without_ids_is_passed_over(own_project):
    old = record(seed=1)
    del old["id"]
    target = records.path(CHAPTER, "quick")
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(old) + "\n")
    records.write(record(seed=0))
    assert list(records.read(CHAPTER, "quick")["seed"]) == [0]


def test_a_run_that_was_killed_and_goes_on_measures_a_setting_once(own_project, monkeypatch):
    monkeypatch.setenv(provenance.RUN, "aaaaaaaaaaaa")
    records.write(record(profile="paper", acc=0.1))
    records.write(record(profile="paper", acc=0.3), record(seed=1, profile="paper", acc=0.2))
    assert sorted(accuracies()) == [0.1, 0.2]
    monkeypatch.setenv(provenance.RUN, "bbbbbbbbbbbb")
    records.write(record(profile="paper", acc=0.4))
    assert sorted(accuracies()) == [0.1, 0.2, 0.4]


def test_without_a_named_run_every_measurement_has_an_id_of_its_own(monkeypatch):
    monkeypatch.delenv(provenance.RUN, raising=False)
    assert record()["id"] != record()["id"]


_SOME = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.25, 0.5])), max_size=4)


@given(st.lists(_SOME, max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_write_changes_or_loses_a_line(own_project, batches):
    records.path(CHAPTER, "paper").unlink(missing_ok=True)
    written = 0
    before: list[str] = []
    for batch in batches:
        records.write(*(record(seed=seed, profile="paper", acc=acc) for seed, acc in batch))
        written += len(batch)
        after = lines() if written else []
        assert set(before) <= set(after)
        assert len(after) == written
        before = after
    every = records.read(CHAPTER, repeats=True)
    assert len(every) == written
    counted = records.read(CHAPTER)
    distinct = {pair for batch in batches for pair in batch}
    assert sorted(zip(counted["seed"], [m["acc"] for m in counted["metrics"]], strict=True)) == (
        sorted(distinct)
    )


def test_lines_are_sorted_by_setting_and_then_by_time(own_project):
    late, early = (
        record(profile="paper", acc=acc) | {"started": f"2026-11-{day}T00:00:00Z"}
        for acc, day in ((0.2, 30), (0.1, 29))
    )
    records.write(record("umap2 + k-means", profile="paper", acc=0.3), late, early)
    assert accuracies() == [0.1, 0.2, 0.3]


# ---------------------------------------------------------------- a repeat is no new evidence


def test_the_very_same_numbers_count_once(own_project):
    for acc in (0.5, 0.5, 0.6, 0.5):
        records.write(record(profile="paper", acc=acc))
    assert sorted(accuracies()) == [0.5, 0.6]
    assert len(accuracies(repeats=True)) == 4


def test_a_measurement_that_tells_more_counts_instead_of_the_one_that_it_holds():
    less, more = record(acc=0.5), record(acc=0.5, nmi=0.4)
    for order in ([less, more], [more, less]):
        (kept,) = records.without_repeats(frame(*order))["metrics"]
        assert kept == {"acc": 0.5, "nmi": 0.4}


def test_another_seed_another_setting_or_another_coverage_is_no_repeat():
    several = [record(), record(seed=1), record(params={"k": 9}), record() | {"coverage": 0.5}]
    assert len(records.without_repeats(frame(*several))) == 4
    assert records.without_repeats(frame()).empty


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": "0"}, "field 'seed' of a record is '0', but must be int"),
        ({"coverage": 1.5}, "coverage is 1.5"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"metrics": {"acc": float("inf")}}, "'acc' among the metrics of a record is inf"),
        ({"seconds": {"fit": float("nan")}}, "'fit' among the seconds of a record is nan"),
        ({"params": {"gamma": float("nan")}}, "cannot be written as JSON"),
        ({"params": {"k": np.int64(3)}}, "cannot be written as JSON"),
        ({"id": "7"}, "field 'id' of a record is '7', but must be spelled like 3f9c01a7be52"),
        ({"commit": "main"}, "'main', but must be spelled like abc1234"),
        ({"started": "yesterday"}, "field 'started' of a record is 'yesterday'"),
    ],
)
def test_malformed_records_are_refused(own_project, change, says):
    with pytest.raises(LatentbookError, match=says):
        records.write(record() | change)
    assert records.read(CHAPTER, "quick").empty


def test_a_missing_field_is_named():
    complete = record()
    del complete["method"]
    with pytest.raises(LatentbookError, match="lacks the field 'method'"):
        records.check(complete)


def _without(field: str, line: str) -> str:
    return json.dumps({k: v for k, v in json.loads(line).items() if k != field})


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda line: line.replace("0.5", "NaN"), r"not a record \(NaN is no number"),
        (lambda line: line.replace("0.5", "-Infinity"), r"not a record \(-Infinity is no number"),
        (lambda line: "<<<<<<< HEAD", "the mark <<<<<<< of a merge conflict: delete such marks"),
        (lambda line: "=======", "the mark ======= of a merge conflict"),
        (lambda line: _without("device", line), r"lacks the field 'device'\): restore the file"),
        (lambda line: _without("id", line), "lacks the field 'id'"),
        (lambda line: line[:40], "not a record"),
        (lambda line: "[1, 2]", "not a record"),
        (lambda line: "7", "not a record"),
        (lambda line: "", "not a record"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_lost(own_project, broken, says):
    records.write(record(profile="paper"))
    path = records.path(CHAPTER, "paper")
    (line,) = lines()
    damaged = f"{line}\n{broken(line)}\n"
    path.write_text(damaged)
    where = f"line 2 of data/records/{CHAPTER}.jsonl is .*{says}"
    with pytest.raises(LatentbookError, match=where):
        records.read(CHAPTER)
    with pytest.raises(LatentbookError, match=where):
        records.write(record(seed=1, profile="paper"))
    assert path.read_text() == damaged


def test_two_records_with_one_id_are_named(own_project):
    first = record(profile="paper")
    records.write(first)
    path = records.path(CHAPTER, "paper")
    path.write_text(path.read_text() + json.dumps(first | {"seed": 1}) + "\n")
    says = f"lines 1 and 2 of data/records/{CHAPTER}.jsonl have the same id {first['id']}: delete"
    with pytest.raises(LatentbookError, match=says):
        records.read()


# ---------------------------------------------------------------- several writers, and dying ones


def test_a_file_that_was_cut_off_while_being_written_is_ignored(own_project):
    records.write(record())
    target = records.path(CHAPTER, "quick")
    target.with_name(f".partial-x-{target.name}").write_text('{"chapter": "03')
    assert len(records.read(profile="quick")) == 1


def _write_ten(first: float) -> None:
    for i in range(10):
        records.write(record(profile="paper", acc=first + i / 100))


def test_four_writers_of_one_setting_lose_nothing(own_project):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write_ten, args=(n / 10,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(accuracies()) == pytest.approx([n / 100 for n in range(40)])


def _die_while_writing() -> None:
    def kill(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    Path.write_text = kill
    records.write(record(seed=1, profile="paper"))


def test_a_writer_that_is_killed_leaves_the_file_and_no_lock(own_project):
    records.write(record(profile="paper"))
    before = lines()
    worker = multiprocessing.get_context("fork").Process(target=_die_while_writing)
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert lines() == before
    records.write(record(seed=2, profile="paper"))
    assert list(records.read(CHAPTER)["seed"]) == [0, 2]


# ---------------------------------------------------------------- the committed records


def test_the_committed_records_have_ids_of_their_own_and_say_where_they_come_from():
    every = records.read(repeats=True)
    assert every["id"].is_unique
    told = every[["commit", "recorded_in"]].notna().any(axis=1)
    assert told.all()


def test_measurements_that_others_had_replaced_are_back():
    """Two of them, as the history of the repository has them, beside those that came later."""
    every = records.read()

    def found(dataset: str, method: str) -> list[float]:
        rows = every[(every["dataset"] == dataset) & (every["method"] == method)]
        return [
            m["acc"]
            for m, p, seed in zip(rows["metrics"], rows["params"], rows["seed"], strict=True)
            if seed == 0 and records.part(p) == "all"
        ]

    assert {0.6099, 0.510557} <= set(found("fashion_mnist", "cae10-guo + mixture"))
    assert {0.788019, 0.789525} <= set(found("usps", "dcec"))


def test_the_period_of_the_alps_is_told():
    every = records.read("05-weather-patterns")
    alps = every[every["dataset"] == "weather-ncep-alps"]
    assert set(alps["subset"]) == {"1978-01-01 to 2000-12-31"}
