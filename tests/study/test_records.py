"""Records: complete, atomic, replaced by key, refused when malformed."""

from __future__ import annotations

import json
import multiprocessing

import numpy as np
import pytest
from tests.made import CHAPTER, record

from latentbook.errors import LatentbookError
from latentbook.study import records


def test_what_is_written_is_read(own_project):
    complete = record()
    records.write(complete)
    (row,) = records.read(CHAPTER, "quick").to_dict("records")
    assert row == complete
    assert complete["n_samples"] == 50
    assert complete["versions"]["numpy"] == np.__version__
    assert len(complete["data_sha256"]) == 64


def test_a_file_that_was_cut_off_while_being_written_is_ignored(own_project):
    records.write(record())
    target = records.path(CHAPTER, "quick")
    target.with_name(f".partial-x-{target.name}").write_text('{"chapter": "03')
    assert len(records.read(profile="quick")) == 1


def test_profiles_do_not_mix(own_project):
    records.write(record())
    assert records.read(CHAPTER, "paper").empty
    records.write(record(profile="paper"))
    assert (own_project / "data/records" / f"{CHAPTER}.jsonl").is_file()
    assert (own_project / "_build/records/quick" / f"{CHAPTER}.jsonl").is_file()


def test_the_same_key_replaces_another_adds(own_project):
    for seed, acc in ((0, 0.1), (1, 0.2), (0, 0.3)):
        records.write(record(seed=seed, acc=acc))
    rows = records.read(CHAPTER, "quick")
    assert {(r.seed, r.metrics["acc"]) for r in rows.itertuples()} == {(0, 0.3), (1, 0.2)}


def test_nan_metrics_are_left_out():
    assert record(acc=float("nan"))["metrics"] == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": "0"}, "field 'seed' of a record is '0', but must be int"),
        ({"coverage": 1.5}, "coverage is 1.5"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"metrics": {"acc": float("inf")}}, "metric 'acc'"),
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


def test_a_damaged_line_is_named_and_nothing_is_lost(own_project):
    records.write(record())
    path = records.path(CHAPTER, "quick")
    path.write_text(path.read_text() + '{"half":')
    with pytest.raises(LatentbookError, match=r"line 2 of 03-two-stage-clustering\.jsonl"):
        records.write(record(seed=1))
    assert json.loads(path.read_text().splitlines()[0])["seed"] == 0


def _write_ten(first: int) -> None:
    for seed in range(first, first + 10):
        records.write(record(seed=seed))


def test_two_processes_lose_nothing(own_project):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write_ten, args=(first,)) for first in (0, 10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(records.read(CHAPTER, "quick")["seed"]) == set(range(20))
