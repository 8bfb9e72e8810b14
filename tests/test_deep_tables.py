"""The generated tables of the deep clustering chapter, from records made up here."""

from __future__ import annotations

import pandas as pd

from latentbook.chapters.deep_clustering import tables


def record(
    method="dcec",
    seed=0,
    part="all",
    gamma=0.1,
    epochs=200,
    backend="tensorflow",
    weights=None,
    **metrics,
):
    params = {"gamma": gamma, "pretraining_epochs": epochs, "evaluated_on": part}
    return {
        "dataset": "usps",
        "method": method,
        "seed": seed,
        "device": "GPU NVIDIA H100 80GB HBM3",
        "backend": backend,
        "metrics": {"iterations": 1400.0, "converged": 1.0} | metrics,
        "params": params | ({"weights": weights} if weights else {}),
        "seconds": {"pretrain": 100.0, "cluster": 50.0},
    }


def cells(table, start):
    """The cells of the only row whose first cell begins so."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip().replace("\xa0", " ") for cell in line.strip("|").split("|")]


FAITHFUL = [
    record(acc=0.80, acc_train=0.82, acc_test=0.70),
    record(seed=1, acc=0.78, acc_train=0.80, acc_test=0.68),
]


def test_a_change_is_compared_with_the_faithful_run_of_its_seed():
    frame = pd.DataFrame(
        [
            *FAITHFUL,
            record(gamma=10.0, acc=0.75),
            record(gamma=10.0, seed=1, acc=0.72),
            record(gamma=1.0, acc=0.79),
        ]
    )
    table = tables._experiments(frame)
    weight = "weight of the clustering loss"
    assert cells(table, "usps: gamma 10 ")[1:] == [weight, "0.735 ± 0.021 (2)", "−0.055", "worse"]
    assert cells(table, "usps: gamma 1 ")[1:] == [weight, "0.790 (1)", "−0.010", "no difference"]
    assert "gamma 0.1" not in table


def test_the_faithful_run_of_the_same_backend_goes_before():
    other = record(acc=0.90, backend="jax")
    frame = pd.DataFrame(
        [
            *FAITHFUL,
            other,
            record(gamma=1.0, acc=0.79),
            record(gamma=3.0, acc=0.89, backend="jax"),
            record(gamma=10.0, seed=1, acc=0.79, backend="jax"),
        ]
    )
    table = tables._experiments(frame)
    gains = {gamma: cells(table, f"usps: gamma {gamma} ")[3] for gamma in (1, 3, 10)}
    assert gains == {1: "−0.010", 3: "−0.010", 10: "+0.010"}


def test_the_faithful_run_from_the_same_network_goes_before_all_others():
    frame = pd.DataFrame(
        [
            *FAITHFUL,
            record(acc=0.90, backend="jax"),
            record(acc=0.60, backend="jax", weights="feed12345678"),
            record(gamma=1.0, acc=0.61, backend="jax", weights="feed12345678"),
            record(gamma=3.0, acc=0.61, weights="feed12345678"),  # the backend does not matter
            record(gamma=10.0, acc=0.79),
        ]
    )
    table = tables._experiments(frame)
    gains = {gamma: cells(table, f"usps: gamma {gamma} ")[3] for gamma in (1, 3, 10)}
    assert gains == {1: "+0.010", 3: "+0.010", 10: "−0.010"}


def test_a_part_of_the_images_is_compared_with_the_same_part():
    name = "dcec, trained on train"
    frame = pd.DataFrame(
        [*FAITHFUL, record(name, part="train", acc=0.81), record(name, part="test", acc=0.69)]
    )
    table = tables._experiments(frame)
    assert cells(table, "usps: trained on train, train images")[3] == "−0.010"
    assert cells(table, "usps: trained on train, test images")[3] == "−0.010"


def test_what_has_no_faithful_run_is_left_out():
    frame = pd.DataFrame([*FAITHFUL, record(seed=2, gamma=3.0, acc=0.9)])
    assert "gamma 3" not in tables._experiments(frame)
    assert "gamma 3" not in tables._experiments(frame[2:])


def test_a_weight_is_named_beside_another_change():
    frame = pd.DataFrame(
        [
            *FAITHFUL,
            record("dcec, 20 epochs", epochs=20, gamma=1.0, acc=0.7),
            record("dcec, 20 epochs", epochs=20, acc=0.7),
        ]
    )
    table = tables._experiments(frame)
    both = "weight of the clustering loss, shorter pretraining"
    assert cells(table, "usps: 20 epochs, gamma 1 ")[1] == both
    assert cells(table, "usps: 20 epochs |")[1] == "shorter pretraining"


def test_every_run_of_dcec_is_in_the_table_of_times_once():
    name = "dcec, trained on train"
    umap = record("dcec + umap2 + mixture", acc=0.8)
    del umap["metrics"]["iterations"]
    frame = pd.DataFrame(
        [
            *FAITHFUL,
            record(weights="feed12345678", acc=0.6),
            record(name, part="train", acc=0.8),
            record(name, part="test", acc=0.7),
            umap,
        ]
    )
    table = tables._runs(frame)
    assert [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| usps")] == [
        "| usps: gamma 0.1, seed 0",
        "| usps: gamma 0.1, seed 1",
        "| usps: gamma 0.1, seed 0, network feed",
        "| usps: trained on train, train images, seed 0",
    ]
    assert "are: GPU NVIDIA H100 80GB HBM3\n" in table
    assert cells(table, "usps: gamma 0.1, seed 1")[1:] == [
        "GPU H100",
        "200 epochs",
        "100",
        "1,400",
        "50",
        "yes",
    ]
