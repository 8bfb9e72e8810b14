"""Records: complete, atomic, replaced by key, refused when malformed."""

from __future__ import annotations

import json
import multiprocessing

import numpy as np
import pytest

from latentbook import datasets
from latentbook.errors import LatentbookError
from latentbook.study import records

CHAPTER = "03-two-stage-clustering"


def a_record(seed: int = 0, acc: float = 0.5, **changes):
    data = datasets.load("digits").subset(50, 0)
    arguments = {"profile": "quick", "seconds": {"cluster": 1.0}, "params": {"k": 10}}
    arguments |= {"seed": seed} | changes
    return records.make(CHAPTER, data, "k-means raw", {"acc": acc}, **arguments)


def test_what_is_written_is_read(own_project):
    record = a_record()
    records.write(record)
    (row,) = records.read(CHAPTER, "quick").to_dict("records")
    assert row == record
    assert record["n_samples"] == 50
    assert record["versions"]["numpy"] == np.__version__
    assert len(record["data_sha256"]) == 64


def test_what_a_kill_left_half_written_is_not_read(own_project):
    records.write(a_record())
    target = records.path(CHAPTER, "quick")
    target.with_name(f".partial-x-{target.name}").write_text('{"chapter": "03')
    assert len(records.read(profile="quick")) == 1


def test_profiles_do_not_mix(own_project):
    records.write(a_record())
    assert records.read(CHAPTER, "paper").empty
    records.write(a_record(profile="paper"))
    assert (own_project / "data/records" / f"{CHAPTER}.jsonl").is_file()
    assert (own_project / "_build/records/quick" / f"{CHAPTER}.jsonl").is_file()


def test_the_same_key_replaces_another_adds(own_project):
    for seed, acc in ((0, 0.1), (1, 0.2), (0, 0.3)):
        records.write(a_record(seed, acc))
    found = records.read(CHAPTER, "quick")
    assert {(r.seed, r.metrics["acc"]) for r in found.itertuples()} == {(0, 0.3), (1, 0.2)}


def test_nan_metrics_are_left_out():
    assert a_record(acc=float("nan"))["metrics"] == {}


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
        records.write(a_record() | change)
    assert records.read(CHAPTER, "quick").empty


def test_a_missing_field_is_named():
    record = a_record()
    del record["method"]
    with pytest.raises(LatentbookError, match="lacks the field 'method'"):
        records.check(record)


def test_a_damaged_line_is_named_and_nothing_is_lost(own_project):
    records.write(a_record())
    path = records.path(CHAPTER, "quick")
    path.write_text(path.read_text() + '{"half":')
    with pytest.raises(LatentbookError, match=r"line 2 of 03-two-stage-clustering\.jsonl"):
        records.write(a_record(seed=1))
    assert json.loads(path.read_text().splitlines()[0])["seed"] == 0


def _write_ten(first: int) -> None:
    for seed in range(first, first + 10):
        records.write(a_record(seed))


def test_two_processes_lose_nothing(own_project):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write_ten, args=(first,)) for first in (0, 10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(records.read(CHAPTER, "quick")["seed"]) == set(range(20))
