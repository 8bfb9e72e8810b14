"""The study of DCEC: which settings are run, what they are called, and what is kept of a run."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers
from sklearn.cluster import KMeans

from latentbook import embed, metrics
from latentbook.autoencoders import base, conv
from latentbook.chapters.deep_clustering import figures, study
from latentbook.chapters.deep_clustering.study import (
    EXPERIMENTS,
    HISTORY,
    Run,
    accuracy_by_coverage,
    plan,
)
from latentbook.datasets import Dataset
from latentbook.dcec import DCEC
from latentbook.errors import LatentbookError
from latentbook.study import records

FAITHFUL = {
    "n_clusters": 3,
    "architecture": "cae10-guo",
    "pretraining_epochs": 200,
    "weights": None,
    "gamma": 0.1,
    "alpha": 1.0,
    "init": "k-means",
    "batch_size": 32,
    "update_interval": 5,
    "tol": 0.001,
    "max_iterations": 20,
}
SMALL = FAITHFUL | {"architecture": "linear", "n_codes": 4, "pretraining_epochs": 30}


def linear(input_shape, n_codes):
    """An autoencoder that is quick to build and to train."""
    image = keras.Input(input_shape, name="image")
    encoder = keras.Model(image, layers.Dense(n_codes)(layers.Flatten()(image)), name="encoder")
    code = keras.Input((n_codes,), name="code")
    pixels = layers.Dense(int(np.prod(input_shape)))(code)
    decoder = keras.Model(code, layers.Reshape(input_shape)(pixels), name="decoder")
    return base.join("linear", encoder, decoder)


@pytest.fixture(scope="module")
def data():
    """120 images of three patterns with little noise; the first 90 are the training split."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(120) % 3)
    x = rng.random((3, 8, 8, 1))[y] + rng.normal(0, 0.05, (120, 8, 8, 1))
    return Dataset(
        name="digits",
        x=np.clip(x, 0, 1).astype(np.float32),
        y=y,
        classes=("a", "b", "c"),
        n_train=90,
        sha256="0" * 64,
        index=np.arange(120),
        complete=True,
        source="a test",
    )


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """The faithful run, and one on the training split."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(conv.BUILDERS, "linear", (linear, "mean_squared_error"))
        patch.setenv("LATENTBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        # UMAP compiles for a minute; what the pictures hold does not depend on the reduction
        for name in ("umap2", "umap2 picture"):
            patch.setitem(embed.SETTINGS, name, {"kind": "pca", "n_components": 2})
        settings = plan(["generalisation"], SMALL | {"progress": False})
        yield [study.run(data, setting, seed=0) for setting in settings]


# --- what is run --------------------------------------------------------------------------------


def test_without_questions_only_the_faithful_setting_is_run():
    (setting,) = plan([], FAITHFUL)
    assert setting == {"trained_on": "all", **FAITHFUL, "chosen": setting["chosen"]}
    assert run_of(setting).unchanged
    assert run_of(setting).method == "dcec"


def run_of(setting) -> Run:
    return Run(None, None, setting, 0)


@pytest.mark.parametrize("question", EXPERIMENTS)
def test_each_question_changes_one_value_of_the_faithful_setting(question):
    settings = plan([question], FAITHFUL)
    assert sum(run_of(s).unchanged for s in settings) == 1
    changes = [
        {name: s[name] for name in s if name != "chosen" and s[name] != s["chosen"][name]}
        for s in settings
        if not run_of(s).unchanged
    ]
    assert changes == EXPERIMENTS[question]
    assert all(len(change) == 1 for change in changes)


def test_the_faithful_setting_comes_first_unless_pretraining_is_shorter():
    settings = plan(["gamma", "pretraining", "alpha"], FAITHFUL)
    epochs = [s["pretraining_epochs"] for s in settings]
    assert epochs[:7] == [1, 2, 5, 10, 20, 50, 100]
    assert set(epochs[7:]) == {200}
    assert run_of(settings[7]).unchanged
    rest = [s["gamma"] for s in settings[8:14]] + [s["alpha"] for s in settings[14:]]
    assert rest == [c["gamma"] for c in EXPERIMENTS["gamma"]] + [0.5, 2.0, 3.0, 5.0, 10.0]


@pytest.mark.parametrize(("asked", "run"), [(1, []), (20, [1, 2, 5, 10]), (21, [1, 2, 5, 10, 20])])
def test_pretraining_that_would_not_be_shorter_is_left_out(asked, run):
    settings = plan(["pretraining"], FAITHFUL | {"pretraining_epochs": asked})
    assert [s["pretraining_epochs"] for s in settings] == [*run, asked]


def test_an_unknown_question_is_named():
    with pytest.raises(LatentbookError, match=r"unknown experiment 'gama'.*did you mean 'gamma'"):
        plan(["gama"], FAITHFUL)


@pytest.mark.parametrize("question", ["pretraining", "generalisation", "architecture"])
def test_given_weights_allow_no_other_pretraining(question):
    given_weights = FAITHFUL | {"weights": "weights.npz"}
    with pytest.raises(LatentbookError, match=f"{question} pretrains .* leave weights empty"):
        plan(["gamma", question], given_weights)
    assert len(plan(["gamma", "alpha", "init"], given_weights)) == 1 + 6 + 5 + 1


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "dcec"),
        ({"gamma": 10.0}, "dcec"),
        ({"init": "mixture"}, "dcec, mixture start"),
        ({"alpha": 0.5}, "dcec, alpha 0.5"),
        ({"alpha": 10.0}, "dcec, alpha 10"),
        ({"pretraining_epochs": 1}, "dcec, 1 epoch"),
        ({"pretraining_epochs": 5}, "dcec, 5 epochs"),
        ({"trained_on": "train"}, "dcec, trained on train"),
        ({"architecture": "cae10-guo-deep"}, "dcec, cae10-guo-deep"),
        ({"alpha": 2.0, "init": "mixture"}, "dcec, mixture start, alpha 2"),
    ],
)
def test_methods_are_named_after_what_differs(change, name):
    (faithful,) = plan([], FAITHFUL)
    run = run_of(faithful | change)
    assert run.method == name
    assert run.unchanged is (not change)
    assert run.reference is (not change or set(change) == {"pretraining_epochs"})


def test_a_shorter_pretraining_is_named_also_where_the_reader_chose_it():
    (asked,) = plan([], FAITHFUL | {"pretraining_epochs": 20})
    assert run_of(asked).unchanged
    assert run_of(asked).method == "dcec, 20 epochs"


def test_names_of_settings_that_share_arrays_differ():
    settings = plan(list(EXPERIMENTS), FAITHFUL)
    keys = [study.key(run_of(setting)) for setting in settings]
    assert len(set(keys)) == len(settings)


def test_arrays_of_a_run_from_loaded_weights_name_the_network():
    (loaded,) = plan([], FAITHFUL | {"weights": "net.npz"})
    model = DCEC(weights="net.npz")
    model.weights_digest_ = "feed" + 60 * "0"  # as `fit` sets it
    run = Run(model, None, loaded, 0)
    assert study.key(run) == "dcec, gamma 0.1, seed 0, network feed"


def test_without_a_published_split_four_fifths_are_for_training(data):
    assert study.training_size(data) == 90
    assert study.training_size(replace(data, n_train=0)) == 96


# --- accuracy against coverage ------------------------------------------------------------------


def test_accuracy_by_coverage_of_a_known_case():
    y = np.array([0, 0, 1, 1])
    q = np.array([[0.99, 0.01], [0.55, 0.45], [0.1, 0.9], [0.6, 0.4]])  # the last one is wrong
    shares = np.array([0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(accuracy_by_coverage(y, q, shares), [1, 1, 2 / 3, 3 / 4])


def test_accuracy_of_a_share_too_small_for_one_image_is_that_of_one():
    y, q = np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]])
    np.testing.assert_array_equal(accuracy_by_coverage(y, q, np.array([0.01])), [1])


def test_a_cluster_without_a_class_is_wrong():
    y = np.array([0, 0, 0, 0])
    q = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.05, 0.95]])
    np.testing.assert_allclose(accuracy_by_coverage(y, q, np.array([0.25, 1.0])), [0, 0.75])


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 40),
    k=st.integers(2, 6),
    classes=st.integers(1, 6),
)
def test_at_full_coverage_it_is_the_accuracy(seed, n, k, classes):
    rng = np.random.default_rng(seed)
    y, q = rng.integers(classes, size=n), rng.dirichlet(np.ones(k), size=n)
    curve = accuracy_by_coverage(y, q, np.arange(1, 101) / 100)
    assert ((curve >= 0) & (curve <= 1)).all()
    assert curve[-1] == pytest.approx(metrics.accuracy(y, q.argmax(axis=1)))
    renamed = accuracy_by_coverage(y, q[:, ::-1], np.array([1.0]))
    assert renamed[0] == pytest.approx(curve[-1])


# --- what is kept -------------------------------------------------------------------------------


def test_patterns_are_told_apart(runs, data):
    for run in runs:
        for positions in run.parts.values():
            labels = run.model.predict(data.x[positions])
            assert metrics.accuracy(data.y[positions], labels) == 1


def test_parts_are_all_images_or_the_two_splits(runs):
    whole, split = runs
    assert {part: len(rows) for part, rows in whole.parts.items()} == {"all": 120}
    assert {part: len(rows) for part, rows in split.parts.items()} == {"train": 90, "test": 30}
    assert split.parts["test"][0] == 90
    assert len(split.model.labels_) == 90


def test_records_are_complete(runs):
    (record,) = study.make_records(runs[0], "quick")
    records.check(record)
    assert record["method"] == "dcec, 30 epochs, linear"
    assert record["source_table"] is None
    assert record["chapter"] == study.CHAPTER
    assert {"pretrain", "cluster"} == set(record["seconds"])
    params = {name: record["params"][name] for name in ("gamma", "alpha", "k", "evaluated_on")}
    assert params == {"gamma": 0.1, "alpha": 1.0, "k": 3, "evaluated_on": "all"}
    assert not {"chosen", "n_clusters", "weights"} & set(record["params"])
    scores, history = record["metrics"], runs[0].model.history_
    assert scores["acc"] == 1
    assert scores["acc_train"] == scores["acc_test"] == 1
    assert scores["acc_at_50"] == scores["acc_at_80"] == scores["acc_at_90"] == 1
    assert 1 / 3 < scores["confidence"] <= 1
    assert scores["iterations"] == history["iteration"][-1]
    assert scores["loss"] == pytest.approx(history["loss"][-1], abs=1e-6)
    assert scores["empty_clusters"] == 0
    assert scores["converged"] in (0, 1)
    assert scores["pretraining_loss"] == pytest.approx(
        runs[0].model.pretraining_["loss"][-1], abs=1e-6
    )
    assert {"acc_start", "nmi_start", "ari_start"} <= set(scores)


def test_training_on_a_split_makes_two_records(runs):
    train, test = study.make_records(runs[1], "quick")
    for record, part in ((train, "train"), (test, "test")):
        records.check(record)
        assert record["method"] == "dcec, 30 epochs, trained on train, linear"
        assert record["params"]["evaluated_on"] == part
        assert record["source_table"] is None
    assert "acc_start" in train["metrics"]
    assert "acc_start" not in test["metrics"]


def test_codes_before_the_joint_training_are_clustered_in_two_stages(runs):
    made = study.start_records(runs[0], "quick")
    for record in made:
        records.check(record)
    found = [(record["method"], record["params"]["evaluated_on"]) for record in made]
    assert found == [
        (f"linear + {stage}", part)
        for stage in ("k-means", "mixture")
        for part in ("all", "train", "test")
    ]
    assert all(record["metrics"]["acc"] == 1 for record in made)


def test_codes_after_it_are_reduced_and_clustered(runs):
    record = study.umap_and_mixture(runs[0], "quick")
    records.check(record)
    assert record["method"] == "dcec, 30 epochs, linear + umap2 + mixture"
    assert record["metrics"]["acc"] == 1


def test_partitions_are_what_single_starts_of_k_means_find(runs):
    for run in runs:
        z, n = run.model.initial_embedding_, 4
        excess, accuracy = study.partitions(run, n)
        fits = [KMeans(3, n_init=1, random_state=seed).fit(z) for seed in range(n)]
        squares = np.array([((z - f.cluster_centers_[f.labels_]) ** 2).sum() for f in fits])
        np.testing.assert_allclose(excess, squares / squares.min() - 1, atol=1e-4)
        y = run.data.y[: len(z)]
        np.testing.assert_allclose(accuracy, [metrics.accuracy(y, f.labels_) for f in fits])


def test_partitions_are_found_once(runs, monkeypatch):
    first = study.partitions(runs[0], 3)
    monkeypatch.delattr(study.clustering, "clusterer")
    np.testing.assert_array_equal(study.partitions(runs[0], 3), first)


def test_every_record_of_a_run_from_loaded_weights_names_them(runs, data, tmp_path):
    autoencoder, _ = runs[0].model.pretrained(data.x)
    autoencoder.save(tmp_path / "weights.npz")
    loaded = study.run(data, runs[0].setting | {"weights": tmp_path / "weights.npz"}, seed=0)
    start = study.start_records(loaded, "quick")
    after = study.umap_and_mixture(loaded, "quick")
    for record in [*study.make_records(loaded, "quick"), *start, after]:
        records.check(record)
        assert record["params"]["weights"] == loaded.model.weights_digest_[:12]
    assert start[0]["metrics"] == study.start_records(runs[0], "quick")[0]["metrics"]


def test_arrays_of_a_run(runs, data):
    run = runs[0]
    found = study.arrays(run)
    name = "dcec, 30 epochs, linear, gamma 0.1, seed 0"
    assert set(found) == {
        "index",
        "classes",
        *(f"{what} {name}" for what in ("labels", "history", "coverage")),
    }
    np.testing.assert_array_equal(found["index"], np.arange(120))
    np.testing.assert_array_equal(found["classes"], data.y)
    np.testing.assert_array_equal(found[f"labels {name}"], run.model.labels_)
    history = dict(zip(HISTORY, found[f"history {name}"], strict=True))
    assert np.isnan(history["loss"][0])
    np.testing.assert_allclose(history["loss"][1:], run.model.history_["loss"][1:], rtol=1e-6)
    np.testing.assert_array_equal(history["iteration"], run.model.history_["iteration"])
    np.testing.assert_array_equal(found[f"coverage {name}"], np.ones(100))


def test_arrays_of_pictures_are_drawn(runs, data):
    found = figures.pictures(runs[0], n=100, examples=4)
    shapes = {name: array.shape for name, array in found.items()}
    assert shapes == {
        "umap_before": (100, 2),
        "umap_after": (100, 2),
        "umap_classes": (100,),
        "umap_labels": (100,),
        "examples": (3, 8, 8, 8, 1),
        "originals": (3, 8, 8, 1),
        "reconstructed_before": (3, 8, 8, 1),
        "reconstructed_after": (3, 8, 8, 1),
        "confusion": (3, 3),
    }
    np.testing.assert_array_equal(found["confusion"], np.diag([40, 40, 40]))
    np.testing.assert_array_equal(found["umap_labels"], found["umap_classes"])
    assert found["originals"].dtype == np.uint8
    first = [np.flatnonzero(data.y == c)[0] for c in range(3)]
    np.testing.assert_allclose(found["originals"] / 255, data.x[first], atol=0.003)
    after = np.clip(runs[0].model.autoencoder_.reconstruct(data.x[first]), 0, 1)
    np.testing.assert_allclose(found["reconstructed_after"] / 255, after, atol=0.003)
    assert (found["reconstructed_before"] != found["reconstructed_after"]).any()
    assert figures.draw_examples(found).axes
    assert figures.draw_reconstructions(found).axes


def test_most_confident_examples_stand_first(runs, data):
    q = runs[0].model.predict_proba(data.x)
    labels, confidence = q.argmax(axis=1), q.max(axis=1)
    examples = figures.pictures(runs[0], n=100, examples=4)["examples"] / 255
    for cluster in range(3):
        members = np.flatnonzero(labels == cluster)
        best, worst = members[confidence[members].argmax()], members[confidence[members].argmin()]
        np.testing.assert_allclose(examples[cluster, 0], data.x[best], atol=0.003)
        np.testing.assert_allclose(examples[cluster, -1], data.x[worst], atol=0.003)


def test_settings_are_parameters_of_the_estimator():
    known = set(DCEC().get_params()) | {"trained_on", "chosen"}
    for setting in plan(list(EXPERIMENTS), FAITHFUL):
        assert set(setting) <= known
