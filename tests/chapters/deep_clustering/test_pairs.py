"""Runs that share a network are paired, and the tables of pairs show what a change does to each."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.chapters.deep_clustering.test_tables import cells, record, table

from latentbook import paths
from latentbook.chapters.deep_clustering import CHAPTER, pairs
from latentbook.chapters.deep_clustering import tables as chapter_tables
from latentbook.study import tables

pytestmark = pytest.mark.usefixtures("own_project")

TF, JAX = "tensorflow, keras 3", "jax, keras 3"


def frame(*rows) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def difference(run, *others, **shared) -> float | None:
    """What `run` gains over the one of `others` that it is paired with, None without a partner."""
    found = pairs.differences(frame(run), frame(*others), "acc", **shared)
    return round(float(found.iloc[0]), 6) if len(found) else None


def test_the_same_network_goes_before_the_same_backend_and_that_before_the_same_seed():
    run = record(gamma=1.0, acc=0.9, backend=TF, weights="feed12")
    same_network = record(acc=0.8, backend=JAX, weights="feed12")
    same_backend = record(acc=0.7, backend=TF)
    same_seed = record(acc=0.6, backend=JAX)
    both = record(acc=0.85, backend=TF, weights="feed12")
    other_seed = record(acc=0.1, backend=TF, weights="feed12", seed=1)
    assert difference(run, same_seed, same_network, both, other_seed) == 0.05
    assert difference(run, same_seed, same_backend, other_seed) == 0.2
    assert difference(run, same_seed, same_network, other_seed) == 0.1
    assert difference(run, same_seed, other_seed) == 0.3
    assert difference(run, other_seed) is None


def test_codes_of_another_network_are_no_partner():
    run = record("cae10-guo + mixture", acc=0.9, backend=TF)
    loaded = record(acc=0.8, backend=TF, weights="feed12")
    own = record(acc=0.7, backend=JAX)
    assert difference(run, loaded, shared=pairs.SAME_CODES) is None
    assert difference(run, loaded, own, shared=pairs.SAME_CODES) == 0.2


def test_pretraining_is_compared_within_one_backend():
    run = record("dcec, 20 epochs", epochs=20, acc=0.9, backend=TF)
    assert difference(run, record(acc=0.8, backend=JAX), shared=pairs.SAME_TRAINING) is None


def test_several_partners_count_with_their_mean():
    assert difference(record(acc=0.9), record(acc=0.8), record(acc=0.6)) == 0.2


def test_differences_keep_the_index_of_the_runs():
    runs = frame(record(acc=0.9), record(acc=0.9, seed=5), record(acc=0.8, seed=1))
    runs.index = [10, 20, 30]
    found = pairs.differences(runs, frame(record(acc=0.5), record(acc=0.5, seed=1)), "acc")
    assert found.round(6).to_dict() == {10: 0.4, 30: 0.3}


def test_runs_without_the_metric_are_left_out():
    assert difference(record(nmi=0.9), record(acc=0.8)) is None


def scored(acc, **more):
    """Three scores, a tenth apart."""
    return {"acc": acc, "nmi": acc - 0.1, "ari": acc - 0.2} | more


def started(acc, start, **more):
    before = {f"{name}_start": value for name, value in scored(start).items()}
    return scored(acc) | before | more


FAITHFUL = [
    record(seed=0, **started(0.80, 0.75)),
    record(seed=1, **started(0.82, 0.78)),
]


def test_the_steps_compare_clusterings_of_one_network():
    rows = [*FAITHFUL]
    rows += [record("cae10-guo + k-means", seed=s, **scored(0.70)) for s in (0, 1)]
    rows += [record("cae10-guo + mixture", seed=s, **scored(0.90)) for s in (0, 1)]
    rows += [record("dcec, mixture start", changes={"init": "mixture"}, **started(0.9, 0.85))]
    text = table(rows, "steps")
    assert cells(text, "usps: mixture, over k-means")[1:3] == [
        "2",
        "+0.200 [+0.200, +0.200] better",
    ]
    assert cells(text, "usps: mixture, over DCEC")[2].startswith(
        "+0.090 [−0.037, +0.217] undecided"
    )
    assert cells(text, "usps: DCEC, over k-means")[2].startswith(
        "+0.045 [−0.019, +0.109] undecided"
    )
    last = cells(text, "usps: DCEC from the mixture, over DCEC")
    assert last[1:] == ["1", *["+0.100 one run"] * 3]


def test_a_mixture_start_shows_both_starts_and_both_ends():
    run = record("dcec, mixture start", changes={"init": "mixture"}, **started(0.90, 0.85))
    row = cells(table([*FAITHFUL, run], "mixture-start"), "usps: seed 0")
    assert row[1:5] == ["0.750", "0.800", "0.850", "0.900"]
    assert row[5:] == ["+0.100"] * 3


def test_a_larger_weight_is_shown_beside_the_same_network():
    runs = [
        record(gamma=1.0, **started(0.79, 0.75, iterations=700.0)),
        record("dcec, 20 epochs", gamma=1.0, epochs=20, **started(0.6, 0.5)),
        record("dcec, 20 epochs", epochs=20, **started(0.5, 0.5)),
        record(gamma=10.0, **started(0.1, 0.1)),
    ]
    text = table([*FAITHFUL, *runs], "gamma")
    row = cells(text, "usps: seed 0, tensorflow |")
    assert row[1:] == ["0.800", "0.790", "−0.010", "−0.010", "−0.010", "1,400", "700"]
    assert cells(text, "usps: seed 0, tensorflow, 20 epochs")[3] == "+0.100"
    assert text.count("| usps") == 2


def test_shorter_pretraining_is_listed_run_by_run():
    runs = [record("dcec, 20 epochs", epochs=20, seed=s, **started(0.7, 0.6)) for s in (0, 1)] + [
        record("dcec, 1 epoch", epochs=1, **started(0.3, 0.2))
    ]
    text = table([*FAITHFUL, *runs], "pretraining")
    assert cells(text, "usps: 20 |")[1:3] == ["2", "−0.120, −0.100"]
    assert cells(text, "usps: 1 |")[1:3] == ["1", "−0.500"]
    assert text.index("usps: 20 ") < text.index("usps: 1 ")


@pytest.mark.parametrize("name", ["mixture-start", "gamma", "pretraining"])
def test_a_table_without_pairs_says_so(name):
    assert table(FAITHFUL, name) == tables.NOT_RUN


def test_every_generated_table_stands_in_the_chapter():
    notebook = (paths.notebooks() / f"{CHAPTER}.ipynb").read_text(encoding="utf-8")
    for name in chapter_tables.FILES:
        assert f"{{include}} ../generated/{name}" in notebook
