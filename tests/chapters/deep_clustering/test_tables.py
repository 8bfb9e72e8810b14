"""The generated tables of the deep clustering chapter, from records made up here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook.chapters.deep_clustering import CHAPTER, REFERENCE, tables
from latentbook.datasets import Dataset
from latentbook.study import judge


@pytest.fixture(autouse=True)
def no_record_but_those_made_up(own_project):
    """The two-stage chapter has none."""


def record(
    method="dcec",
    seed=0,
    part="all",
    gamma=0.1,
    epochs=200,
    backend="tensorflow",
    weights=None,
    changes=None,
    **metrics,
):
    params = REFERENCE | {"gamma": gamma, "pretraining_epochs": epochs, "evaluated_on": part}
    params |= changes or {}
    return {
        "chapter": CHAPTER,
        "dataset": "usps",
        "n_samples": 9298,
        "coverage": 1.0,
        "method": method,
        "seed": seed,
        "device": "GPU NVIDIA H100 80GB HBM3",
        "backend": backend,
        "metrics": {"iterations": 1400.0, "converged": 1.0} | metrics,
        "params": params | ({"weights": weights} if weights else {}),
        "seconds": {"pretrain": 100.0, "cluster": 50.0},
    }


def table(rows, name):
    """A generated table of the chapter, from records."""
    return generated(rows)[f"04-{name}.md"]


def generated(rows):
    numbers = pd.DataFrame(columns=[*judge.PUBLISHED_COLUMNS, "verdict", "coverage", "n"])
    columns = ["chapter", "dataset", "method", "params", "metrics"]
    return tables.generated(pd.DataFrame(rows, columns=None if rows else columns), numbers)


def cells(text, start):
    """The cells of the only row whose first cell begins so."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip().replace("\xa0", " ") for cell in line.strip("|").split("|")]


FAITHFUL = [
    record(acc=0.80, acc_train=0.82, acc_test=0.70),
    record(seed=1, acc=0.78, acc_train=0.80, acc_test=0.68),
]


def test_a_change_is_compared_with_the_faithful_run_of_its_seed():
    rows = [
        *FAITHFUL,
        record(gamma=10.0, acc=0.75),
        record(gamma=10.0, seed=1, acc=0.72),
        record(gamma=1.0, acc=0.79),
    ]
    text = table(rows, "experiments")
    weight = "weight of the clustering loss"
    ten = "−0.055 [−0.119, +0.009] undecided"  # 12.7 standard errors of 0.005
    assert cells(text, "usps: gamma 10 ")[1:] == [weight, ten, "–", "–", "2"]
    assert cells(text, "usps: gamma 1 ")[1:] == [weight, "−0.010 one run", "–", "–", "1"]
    assert "gamma 0.1" not in text


def test_a_change_is_judged_by_three_scores():
    both = {"acc": 0.80, "nmi": 0.80, "ari": 0.70}
    rows = [record(seed=seed, **both) for seed in range(3)]
    rows += [
        record(gamma=3.0, seed=seed, acc=0.80 + change, nmi=0.76 + change, ari=0.70 + 10 * change)
        for seed, change in enumerate((0.004, -0.004, 0.001))
    ]
    row = cells(table(rows, "experiments"), "usps: gamma 3 ")
    assert [cell.rpartition("] ")[2] for cell in row[2:5]] == [
        "no difference",
        "worse",
        "undecided",
    ]
    assert row[5] == "3"


def test_the_faithful_run_of_the_same_backend_goes_before():
    other = record(acc=0.90, backend="jax")
    rows = [
        *FAITHFUL,
        other,
        record(gamma=1.0, acc=0.79),
        record(gamma=3.0, acc=0.89, backend="jax"),
        record(gamma=10.0, seed=1, acc=0.79, backend="jax"),
    ]
    text = table(rows, "experiments")
    gains = {gamma: cells(text, f"usps: gamma {gamma} ")[2][:6] for gamma in (1, 3, 10)}
    assert gains == {1: "−0.010", 3: "−0.010", 10: "+0.010"}


def test_the_faithful_run_from_the_same_network_goes_before_all_others():
    rows = [
        *FAITHFUL,
        record(acc=0.90, backend="jax"),
        record(acc=0.60, backend="jax", weights="feed12345678"),
        record(gamma=1.0, acc=0.61, backend="jax", weights="feed12345678"),
        record(gamma=3.0, acc=0.61, weights="feed12345678"),  # the backend does not matter
        record(gamma=10.0, acc=0.79),
    ]
    text = table(rows, "experiments")
    gains = {gamma: cells(text, f"usps: gamma {gamma} ")[2][:6] for gamma in (1, 3, 10)}
    assert gains == {1: "+0.010", 3: "+0.010", 10: "−0.010"}


def test_a_part_of_the_images_is_compared_with_the_same_part():
    name, changes = "dcec, trained on train", {"trained_on": "train"}
    rows = [
        *FAITHFUL,
        record(name, part="train", changes=changes, acc=0.81),
        record(name, part="test", changes=changes, acc=0.69),
    ]
    text = table(rows, "experiments")
    for part in ("train", "test"):
        row = cells(text, f"usps: trained on train, {part} images")
        assert row[1] == "trained on the training images only"
        assert row[2] == "−0.010 one run"


def test_what_has_no_faithful_run_is_left_out():
    rows = [*FAITHFUL, record(seed=2, gamma=3.0, acc=0.9)]
    assert "gamma 3" not in table(rows, "experiments")
    assert "gamma 3" not in table(rows[2:], "experiments")


def test_a_weight_is_named_beside_another_change():
    rows = [
        *FAITHFUL,
        record("dcec, 20 epochs", epochs=20, gamma=1.0, acc=0.7),
        record("dcec, 20 epochs", epochs=20, acc=0.7),
    ]
    text = table(rows, "experiments")
    both = "weight of the clustering loss, shorter pretraining"
    assert cells(text, "usps: 20 epochs, gamma 1 ")[1] == both
    assert cells(text, "usps: 20 epochs |")[1] == "shorter pretraining"


def test_every_run_of_dcec_is_in_the_table_of_times_once():
    name = "dcec, trained on train"
    umap = record("dcec + umap2 + mixture", acc=0.8)
    del umap["metrics"]["iterations"]
    rows = [
        *FAITHFUL,
        record(weights="feed12345678", acc=0.6),
        record(name, part="train", acc=0.8),
        record(name, part="test", acc=0.7),
        umap,
    ]
    text = table(rows, "runs")
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| usps")] == [
        "| usps: gamma 0.1, seed 0",
        "| usps: gamma 0.1, seed 1",
        "| usps: gamma 0.1, seed 0, network feed",
        "| usps: trained on train, train images, seed 0",
    ]
    assert "are: GPU NVIDIA H100 80GB HBM3\n" in text
    assert cells(text, "usps: gamma 0.1, seed 1")[1:] == [
        "GPU H100",
        "200 epochs",
        "100",
        "1,400",
        "50",
        "yes",
    ]


@pytest.mark.parametrize(
    ("method", "changes", "question"),
    [
        ("dcec, alpha 2", {"alpha": 2.0}, "degrees of freedom of the soft assignment"),
        ("dcec, mixture start", {"init": "mixture"}, "start from a Gaussian mixture"),
        ("dcec, cae10-guo-deep", {"architecture": "cae10-guo-deep"}, "another autoencoder"),
        ("dcec + umap2 + mixture", {}, "UMAP and a mixture on the codes"),
    ],
)
def test_each_change_is_named_with_its_question(method, changes, question):
    text = table([*FAITHFUL, record(method, changes=changes, acc=0.9)], "experiments")
    label = method.removeprefix("dcec").strip(" ,+")
    assert cells(text, f"usps: {label} |")[1] == question


def test_without_records_every_table_says_so():
    assert generated([]) == dict.fromkeys(tables.FILES, "No full-scale record yet: not run.\n")


def test_parts_of_the_images_stand_beside_each_other():
    name = "cae10-guo + k-means"
    rows = [
        *FAITHFUL,
        record(name, acc=0.9, nmi=0.9, ari=0.9),
        *(record(name, seed, "train", acc=acc, nmi=0.7) for seed, acc in ((0, 0.6), (1, 0.8))),
        record(name, part="test", acc=0.5, nmi=0.4, ari=0.3),
    ]
    text = table(rows, "parts")
    train = ["0.700 ± 0.141", "0.700 ± 0.000", "–"]
    assert cells(text, f"usps: {name}")[1:] == [*train, "0.500", "0.400", "0.300", "2"]
    assert "dcec" not in text


def test_peers_are_those_of_the_records_that_were_asked_for():
    peer = record("umap2 + mixture", acc=0.9) | {"chapter": tables.PEERS_CHAPTER}
    assert cells(table([*FAITHFUL, peer], "scores"), "umap2 + mixture")[1] == "0.900"


def test_scores_are_those_over_all_images():
    rows = [*FAITHFUL, record("cae10-guo + k-means", part="test", acc=0.99)]
    text = table(rows, "scores")
    assert ":name: tbl-04-usps" in text
    assert cells(text, "dcec (γ = 0.1)")[1] == "0.790 ± 0.014"
    assert "cae10-guo" not in text


def test_the_table_of_this_run_names_it():
    data = Dataset("own", np.zeros((4, 2)), np.zeros(4, int), ("a",), 0, "", np.arange(4), True, "")
    made = [record(acc=0.8) | {"dataset": "own"}, record(acc=0.9) | {"dataset": "other"}]
    text = tables.live(made, data, profile="quick", random_state=3)
    assert text.startswith(":::{table} Deep clustering at profile quick: own: 4 rows, seed 3\n")
    assert cells(text, "dcec")[1] == "0.800"
    assert "0.900" not in text
