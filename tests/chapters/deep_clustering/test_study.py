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
from latentbook.chapters.deep_clustering import HISTORY, figures, parameters, run_name, study
from latentbook.chapters.deep_clustering.study import (
    EXPERIMENTS,
    Setting,
    accuracy_by_coverage,
    plan,
)
from latentbook.datasets import Dataset
from latentbook.dcec import DCEC
from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, provenance, records
from latentbook.study.result import as_records, keep

#: The reference, on three clusters and with small batches.
FAITHFUL = DCEC(n_clusters=3, batch_size=32, update_interval=5, max_iterations=20)
SMALL = DCEC(
    n_clusters=3,
    architecture="linear",
    n_codes=4,
    pretraining_epochs=30,
    batch_size=32,
    update_interval=5,
    max_iterations=20,
    progress=False,
)
#: How the records name a run of `SMALL`.
SMALL_NAME = "dcec, 30 epochs, linear"


def but(estimator=FAITHFUL, **changes) -> Setting:
    return Setting(estimator).changed("", **changes)


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


@pytest.fixture(scope="module", autouse=True)
def own_place(tmp_path_factory):
    """A cache for all tests of this file, and the small autoencoder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(conv.BUILDERS, "linear", (linear, "mean_squared_error"))
        patch.setenv("LATENTBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        # UMAP compiles for a minute; what the pictures hold does not depend on the reduction
        for name in ("umap2", "umap2 picture"):
            patch.setitem(embed.SETTINGS, name, {"kind": "pca", "n_components": 2})
        yield


@pytest.fixture(scope="module")
def model(data, own_place):
    return SMALL.fit(data.x, data.y)


def results(data, *questions, estimator=SMALL, random_state=0):
    """The results of a plan by question; that of the chosen setting is named by nothing."""
    settings = plan(questions, estimator)
    return {s.question: study.run(data, s, random_state=random_state) for s in settings}


# --- what is run --------------------------------------------------------------------------------


def test_without_questions_only_the_chosen_setting_is_run():
    (setting,) = plan([], FAITHFUL)
    assert setting.faithful
    assert not setting.question
    assert str(setting.method) == "dcec"
    assert setting.estimator.get_params() == FAITHFUL.get_params()
    assert setting.estimator is not FAITHFUL


@pytest.mark.parametrize("question", EXPERIMENTS)
def test_each_question_changes_one_value_of_the_chosen_setting(question):
    settings = plan([question], FAITHFUL)
    (chosen,) = (setting for setting in settings if not setting.question)
    changes = [
        {name: value for name, value in s.values.items() if value != chosen.values[name]}
        for s in settings
        if s.question == question
    ]
    assert changes == EXPERIMENTS[question]
    assert all(len(change) == 1 for change in changes)


def test_the_chosen_setting_comes_first_unless_pretraining_is_shorter():
    settings = plan(["umap", "start", "gamma", "pretraining", "alpha"], FAITHFUL)
    epochs = [s.values["pretraining_epochs"] for s in settings]
    assert epochs[:7] == [1, 2, 5, 10, 20, 50, 100]
    assert set(epochs[7:]) == {200}
    questions = [s.question for s in settings]
    assert questions == [*["pretraining"] * 7, "", *["gamma"] * 6, *["alpha"] * 5, "start", "umap"]
    rest = [s.values["gamma"] for s in settings[8:14]] + [
        s.values["alpha"] for s in settings[14:19]
    ]
    assert rest == [c["gamma"] for c in EXPERIMENTS["gamma"]] + [0.5, 2.0, 3.0, 5.0, 10.0]


@pytest.mark.parametrize(("asked", "run"), [(1, []), (20, [1, 2, 5, 10]), (21, [1, 2, 5, 10, 20])])
def test_pretraining_that_would_not_be_shorter_is_left_out(asked, run):
    settings = plan(["pretraining"], but(pretraining_epochs=asked).estimator)
    assert [s.values["pretraining_epochs"] for s in settings] == [*run, asked]


def test_a_change_to_the_chosen_value_is_left_out():
    settings = plan(["gamma"], but(gamma=3.0).estimator)
    assert [s.values["gamma"] for s in settings] == [3.0, 0.01, 0.03, 0.3, 1.0, 10.0]


def test_an_unknown_question_is_named():
    with pytest.raises(LatentbookError, match=r"unknown experiment 'gama'.*did you mean 'gamma'"):
        plan(["gama"], FAITHFUL)


def test_the_notebook_may_ask_what_the_study_knows():
    assert set(parameters.EXPERIMENTS) == set(EXPERIMENTS)
    for word in (*parameters.EXPERIMENTS, "start", "umap"):
        assert plan([word], FAITHFUL)


@pytest.mark.parametrize("question", ["pretraining", "generalisation", "architecture"])
def test_given_weights_allow_no_other_pretraining(question):
    loaded = but(weights="weights.npz").estimator
    with pytest.raises(LatentbookError, match=f"{question} pretrains .* leave weights empty"):
        plan(["gamma", question], loaded)
    assert len(plan(["gamma", "alpha", "init"], loaded)) == 1 + 6 + 5 + 1


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
    setting = but(**change)
    assert str(setting.method) == name
    assert setting.faithful is (not change or set(change) == {"pretraining_epochs"})


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


def test_a_run_is_scored_over_all_images(data, model):
    result = results(data)[""]
    (record,) = as_records(result, "quick")
    records.check(record)
    assert record["chapter"] == "04-deep-clustering"
    assert record["method"] == SMALL_NAME
    assert record["source_table"] is None
    assert record["backend"] == provenance.backend()
    assert {"pretrain", "cluster"} == set(record["seconds"])
    assert record["params"] == {
        "trained_on": "all",
        "architecture": "linear",
        "pretraining_epochs": 30,
        "gamma": 0.1,
        "alpha": 1.0,
        "init": "k-means",
        "batch_size": 32,
        "update_interval": 5,
        "tol": 0.001,
        "max_iterations": 20,
        "k": 3,
        "evaluated_on": "all",
    }
    scores, history = record["metrics"], model.history_
    assert scores["acc"] == 1
    assert scores["acc_train"] == scores["acc_test"] == 1
    assert scores["acc_at_50"] == scores["acc_at_80"] == scores["acc_at_90"] == 1
    assert 1 / 3 < scores["confidence"] <= 1
    assert scores["iterations"] == history["iteration"][-1]
    assert scores["loss"] == pytest.approx(history["loss"][-1], abs=1e-6)
    assert scores["empty_clusters"] == 0
    assert scores["converged"] in (0, 1)
    assert scores["pretraining_loss"] == pytest.approx(model.pretraining_["loss"][-1], abs=1e-6)
    assert {"acc_start", "nmi_start", "ari_start"} <= set(scores)


def test_training_on_a_part_is_scored_on_both_parts(data):
    result = results(data, "generalisation")["generalisation"]
    train, test = as_records(result, "quick")
    for record, part in ((train, "train"), (test, "test")):
        assert record["method"] == "dcec, 30 epochs, trained on train, linear"
        assert record["params"]["evaluated_on"] == part
        assert record["metrics"]["acc"] == 1
        assert record["source_table"] is None
    assert "acc_start" in train["metrics"]
    assert "acc_start" not in test["metrics"]


@pytest.mark.parametrize(("n_train", "n"), [(90, 90), (0, 80)])
def test_without_a_published_part_two_thirds_are_for_training(data, n_train, n, monkeypatch):
    class FittedOnError(Exception):
        """Says how many images were given."""

    def fit(self, X, y):
        raise FittedOnError(len(X))

    monkeypatch.setattr(DCEC, "fit", fit)
    with pytest.raises(FittedOnError, match=f"^{n}$"):
        study.run(replace(data, n_train=n_train), but(SMALL, trained_on="train"), random_state=0)


def test_codes_before_the_joint_training_are_clustered_in_two_stages(data):
    made = as_records(results(data, "start")["start"], "quick")
    conditions = [(record["method"], record["params"]["evaluated_on"]) for record in made]
    assert conditions == [
        (f"linear + {stage}", part)
        for stage in ("k-means", "mixture")
        for part in ("all", "train", "test")
    ]
    for record in made:
        assert record["metrics"]["acc"] == 1
        assert record["source_table"] == "table 13.1"
        assert record["params"]["max_epochs"] == 30


def test_codes_after_it_are_reduced_and_clustered(data):
    (record,) = as_records(results(data, "umap")["umap"], "quick")
    assert record["method"] == f"{SMALL_NAME} + umap2 + mixture"
    assert record["metrics"]["acc"] == 1
    assert record["params"] == {
        "gamma": 0.1,
        "k": 3,
        "pretraining_epochs": 30,
        "evaluated_on": "all",
    }


def test_every_record_of_a_run_from_loaded_weights_names_them(data, model, tmp_path):
    autoencoder, _ = model.pretrained(data.x)
    autoencoder.save(tmp_path / "weights.npz")
    loaded = but(SMALL, weights=tmp_path / "weights.npz").estimator
    network = loaded.fit(data.x, data.y).weights_digest_
    made = results(data, "start", "umap", estimator=loaded)
    for result in made.values():
        for record in as_records(result, "quick"):
            assert record["params"]["weights"] == network[:12]
    assert f"labels {SMALL_NAME}, gamma 0.1, seed 0, network {network[:4]}" in made[""].arrays
    own = results(data, "start")["start"]
    assert made["start"].scores[0].metrics == own.scores[0].metrics


def test_arrays_of_a_run(data, model):
    arrays = results(data)[""].arrays
    name = f"{SMALL_NAME}, gamma 0.1, seed 0"
    assert set(arrays) == {
        "index",
        "classes",
        *(f"{what} {name}" for what in ("labels", "history", "coverage")),
    }
    np.testing.assert_array_equal(arrays["index"], np.arange(120))
    np.testing.assert_array_equal(arrays["classes"], data.y)
    np.testing.assert_array_equal(arrays[f"labels {name}"], model.labels_)
    np.testing.assert_array_equal(arrays[f"history {name}"], study.curves(model))
    np.testing.assert_array_equal(arrays[f"coverage {name}"], np.ones(100))


def test_curves_are_those_of_the_fitted_model(model):
    curves = dict(zip(HISTORY, study.curves(model), strict=True))
    assert np.isnan(curves["loss"][0])
    np.testing.assert_allclose(curves["loss"][1:], model.history_["loss"][1:], rtol=1e-6)
    np.testing.assert_array_equal(curves["iteration"], model.history_["iteration"])


def test_names_of_runs_that_share_a_file_differ():
    settings = plan(list(EXPERIMENTS), FAITHFUL)
    names = {run_name(str(s.method), s.values["gamma"], 0) for s in settings}
    assert len(names) == len(settings)


def test_all_random_states_of_a_data_set_lie_in_one_file(data, own_project):
    for random_state in (0, 1):
        result = results(data, random_state=random_state)[""]
        (record,) = keep(result, "quick")
        assert record["seed"] == random_state
    folder = figure_arrays.folder("quick", 0)
    assert [path.name for path in folder.iterdir()] == ["04-digits.npz"]
    arrays = figure_arrays.read(folder / "04-digits.npz")
    assert {name for name in arrays if name.startswith("labels")} == {
        f"labels {SMALL_NAME}, gamma 0.1, seed {seed}" for seed in (0, 1)
    }
    assert len(records.read("04-deep-clustering", "quick")) == 2


# --- what the figures of one run show -----------------------------------------------------------


def test_partitions_are_what_single_starts_of_k_means_reach(data, model):
    z, n = model.initial_embedding_, 4
    excess, accuracy = study.partitions(data, model, n)
    fits = [KMeans(3, n_init=1, random_state=seed).fit(z) for seed in range(n)]
    squares = np.array([((z - f.cluster_centers_[f.labels_]) ** 2).sum() for f in fits])
    np.testing.assert_allclose(excess, squares / squares.min() - 1, atol=1e-4)
    np.testing.assert_allclose(accuracy, [metrics.accuracy(data.y, f.labels_) for f in fits])


def test_partitions_of_a_part_are_scored_on_its_images(data):
    part = but(SMALL).estimator.fit(data.x[:90], data.y[:90])
    _, accuracy = study.partitions(data, part, 3)
    fits = [KMeans(3, n_init=1, random_state=s).fit(part.initial_embedding_) for s in range(3)]
    expected = [metrics.accuracy(data.y[:90], f.labels_) for f in fits]
    np.testing.assert_allclose(accuracy, expected)


def test_partitions_are_computed_once(data, model, monkeypatch):
    first = study.partitions(data, model, 3)
    monkeypatch.delattr(study.clustering, "clusterer")
    np.testing.assert_array_equal(study.partitions(data, model, 3), first)


def test_pictures_of_a_run_are_drawn(data, model):
    arrays = study.pictures(data, model, points=100, examples=4)
    shapes = {name: array.shape for name, array in arrays.items()}
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
    np.testing.assert_array_equal(arrays["confusion"], np.diag([40, 40, 40]))
    np.testing.assert_array_equal(arrays["umap_labels"], arrays["umap_classes"])
    assert arrays["originals"].dtype == np.uint8
    first = [np.flatnonzero(data.y == c)[0] for c in range(3)]
    np.testing.assert_allclose(arrays["originals"] / 255, data.x[first], atol=0.003)
    after = np.clip(model.autoencoder_.reconstruct(data.x[first]), 0, 1)
    np.testing.assert_allclose(arrays["reconstructed_after"] / 255, after, atol=0.003)
    assert (arrays["reconstructed_before"] != arrays["reconstructed_after"]).any()
    assert figures.draw_examples(arrays).axes
    assert figures.draw_reconstructions(arrays).axes


def test_most_confident_examples_stand_first(data, model):
    q = model.predict_proba(data.x)
    labels, confidence = q.argmax(axis=1), q.max(axis=1)
    examples = study.pictures(data, model, points=100, examples=4)["examples"] / 255
    for cluster in range(3):
        members = np.flatnonzero(labels == cluster)
        best, worst = members[confidence[members].argmax()], members[confidence[members].argmin()]
        np.testing.assert_allclose(examples[cluster, 0], data.x[best], atol=0.003)
        np.testing.assert_allclose(examples[cluster, -1], data.x[worst], atol=0.003)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, {"index", "confusion", "partitions dcec, gamma 0.1, seed 0"}),
        ({"random_state": 1}, {"index", "partitions dcec, gamma 0.1, seed 1"}),
        ({"gamma": 1.0}, set()),
        ({"alpha": 2.0}, set()),
    ],
)
def test_the_book_keeps_figures_of_faithful_runs_only(data, changes, names):
    estimator = but().estimator.set_params(**changes)
    result = study.figures_of(
        data, estimator, partitions=np.zeros((2, 3)), pictures={"confusion": np.eye(3)}
    )
    assert set(result.arrays) == names
    assert result.scores == []
    assert result.one_file
    if names:
        np.testing.assert_array_equal(result.arrays["index"], np.arange(120))
