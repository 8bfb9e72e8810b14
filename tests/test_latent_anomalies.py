"""The study of latent anomalies: settings, splits, planted anomalies, scores, tables, figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score, v_measure_score

from latentbook import datasets
from latentbook.chapters.latent_anomalies import figures, study
from latentbook.chapters.latent_anomalies import tables as latent_tables
from latentbook.chapters.latent_anomalies.data import Anomalies, Split, plant, split
from latentbook.chapters.latent_anomalies.study import (
    CRITERIA,
    EXPERIMENTS,
    Setting,
    Space,
    cluster_curves,
    clustering_metrics,
    detect,
    detection_records,
    plan,
    principal_components,
    share_by_class,
    space_records,
    spread,
    train,
)
from latentbook.errors import LatentbookError
from latentbook.study import judge, records


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits").subset(600, 0)


@pytest.fixture(scope="module")
def rows(digits):
    return split(digits)


@pytest.fixture
def space(digits, rows):
    """Two principal components, which stand for a network's codes."""
    made = principal_components(digits, rows, 2, seed=0)
    made.metrics.update(spread=spread(made.z["test"]), epochs=3)
    return made


def test_the_four_settings_come_first():
    settings = plan(0.3, ["gamma", "network"], hidden=(8,))
    assert [s.name for s in settings[:4]] == ["vae2", "cl-vae2", "cl-vae2", "cvae2"]
    assert [s.gamma for s in settings[:4]] == [1, 1, 0.3, 1]
    assert len(settings) == 4 + len(EXPERIMENTS["gamma"]) + 3
    assert settings[-1].name == "cl-vae2, conv"
    assert settings[-1].hidden == ()  # widths of dense layers are no channels
    assert len(set(settings)) == len(settings)


def test_beta_changes_the_weighted_model_only():
    assert [s.beta for s in plan(0.3, beta=2.0)] == [1, 1, 2, 1]
    assert plan(0.3, beta=2.0)[2].name == "cl-vae2, beta 2"


def test_without_weights_there_is_one_cl_vae():
    assert [s.model for s in plan(1.0)] == ["vae", "cl-vae", "cvae"]


def test_a_vae_with_another_gamma_has_another_name():
    """The paper's VAE is stated without gamma: its counterpart must have gamma 1."""
    assert Setting("vae", gamma=0.3).name == "vae2, gamma 0.3"
    assert Setting("cl-vae", gamma=0.3).name == "cl-vae2"


def test_unknown_experiment():
    with pytest.raises(LatentbookError, match="did you mean 'gamma'"):
        plan(0.3, ["gama"])


def test_spread_measures_volume():
    """Doubling all codes in three dimensions multiplies volumes by eight."""
    z = np.random.default_rng(0).normal(size=(500, 3))
    assert spread(2 * z) == pytest.approx(8 * spread(z))
    assert spread(z) == pytest.approx(1, abs=0.15)


def test_curves_hold_the_clusters_of_every_k(own_cache):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    z = np.array([[0, 0], [9, 0], [0, 9]])[y] + rng.normal(size=(120, 2))
    curves = cluster_curves(z, 6, seed=0)
    assert curves.ks.tolist() == [2, 3, 4, 5, 6]
    for stage, criterion in CRITERIA.items():
        counts = [len(np.unique(labels)) for labels in curves.labels[stage]]
        assert counts == curves.ks.tolist()
        assert curves.v_measure(y, stage)[1] == 1
        assert curves.ks[curves.criteria[criterion].argmax()] == 3
    again = cluster_curves(z, 6, seed=0)
    np.testing.assert_array_equal(again.labels["mixture"], curves.labels["mixture"])


def test_beta_weighs_completeness(own_cache):
    """Twice as many clusters as classes are homogeneous, and half as complete."""
    y = np.repeat([0, 1], 40)
    z = np.arange(80.0)[:, None] % 40 // 20 * 5 + 100 * y[:, None]
    z = np.hstack([z, z]) + np.random.default_rng(0).normal(0, 0.01, (80, 2))
    curves = cluster_curves(z, 4, seed=0)
    for beta in (0.5, 1, 2):  # homogeneity 1, completeness 1/2: (1 + beta) h c / (beta h + c)
        expected = (1 + beta) * 0.5 / (beta + 0.5)
        assert curves.v_measure(y, "k-means", beta)[-1] == pytest.approx(expected)


def test_more_clusters_than_rows(own_cache):
    with pytest.raises(LatentbookError, match="k_max"):
        cluster_curves(np.zeros((5, 2)), 5, seed=0)


def test_the_three_ways_to_choose_k(own_cache, space):
    test, validation = (cluster_curves(space.z[p], 8, seed=0) for p in ("test", "validation"))
    y, y_validation = space.labels("test"), space.labels("validation")
    found = clustering_metrics(test, validation, y, y_validation, "mixture")
    values = [found[f"v_measure_at_{k}"] for k in range(2, 9)]
    assert found["v_measure"] == max(values)
    assert found["n_clusters"] == 2 + np.argmax(values)
    for rule in ("validation", "bic"):
        assert found[f"v_measure_by_{rule}"] == found[f"v_measure_at_{found[f'k_by_{rule}']:.0f}"]
    by_hand = [v_measure_score(y_validation, labels) for labels in validation.labels["mixture"]]
    assert found["k_by_validation"] == 2 + np.argmax(by_hand)


def test_the_likelihood_suits_the_data(digits):
    setting = Setting("vae")
    assert study._likelihood(setting, digits) == "bernoulli"
    wide = datasets.Dataset(**{**vars(digits), "x": 3 * digits.flat})
    assert study._likelihood(setting, wide) == "gaussian"
    assert setting.name == "vae2"
    assert Setting("vae", likelihood="gaussian").name == "vae2, gaussian"


def test_no_more_components_than_columns(digits, rows):
    narrow = datasets.Dataset(**{**vars(digits), "x": digits.flat[:, 300:305]})
    assert principal_components(narrow, rows, 50, seed=0).z["test"].shape == (len(rows.test), 5)


def test_known_anomalies_of_other_kinds_do_not_count():
    scores = np.array([0.0, 1, 2, 3, 4])
    one = Anomalies(np.array([1]), np.zeros((1, 2)), np.zeros(1, int), ignored=np.array([0]))
    assert study._ranked(scores, one, "x") == {"auc_x": 1, "ap_x": 1}
    alone = Anomalies(np.array([1]), np.zeros((1, 2)), np.zeros(1, int))
    assert study._ranked(scores, alone, "x")["auc_x"] == pytest.approx(3 / 4)


def test_clusterers_of_many_rows_are_fitted_on_some(own_cache, monkeypatch):
    monkeypatch.setattr(study, "CLUSTERED_ROWS", 60)
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    z = np.array([[0, 0], [9, 0], [0, 9]])[y] + rng.normal(size=(120, 2))
    assert cluster_curves(z, 4, seed=0).v_measure(y, "mixture")[1] == 1


def test_shares_by_class():
    y = np.repeat([0, 1], 50)
    found = share_by_class(y, np.arange(100.0), 0.1)  # the ten lowest are all of class 0
    assert found["anomalies_of_0"] == 10
    assert found["anomalies_of_1"] == 0
    assert found["anomaly_share_rmse_percent"] == pytest.approx(50)


def test_chance_is_what_random_scores_get():
    y = np.random.default_rng(1).integers(0, 10, 500)
    rng = np.random.default_rng(0)
    drawn = [share_by_class(y, rng.random(500), 0.1) for _ in range(2000)]
    squares = np.array([d["anomaly_share_rmse_percent"] for d in drawn]) ** 2
    chance = drawn[0]["anomaly_share_rmse_percent_by_chance"]
    assert np.sqrt(squares.mean()) == pytest.approx(chance, rel=0.03)


@pytest.fixture
def found(space, digits, rows):
    planted = {kind: plant(digits, rows, kind, 0.1, 0) for kind in ("noise", "mislabelled")}
    names = ["isolation forest", "one-class svm", "class mean"]
    return detect(space, names, planted, share=0.05, volume_samples=2000)


def test_detection(found, space, digits, rows):
    assert set(found.metrics) == {"isolation forest", "one-class svm", "class mean"}
    for name, scores in found.metrics.items():
        assert scores["mass_volume"] > 0
        assert sum(v for k, v in scores.items() if k.startswith("anomalies_of")) == 10
        assert ("auc_noise_own_label" in scores) == (name == "class mean")
    assert found.metrics["one-class svm"]["share_by_own_threshold"] == pytest.approx(0.5, abs=0.1)
    # a wrong label cannot be seen without the label
    means = found.metrics["class mean"]
    assert means["auc_mislabelled_own_label"] > 0.7
    assert abs(means["auc_mislabelled"] - 0.5) < 0.2


def test_power_is_measured_on_the_replaced_rows(found, space, digits, rows):
    noise = plant(digits, rows, "noise", 0.1, 0)
    z = space.z["test"].copy()
    z[noise.where] = space.encode(noise.x, noise.y)
    scores = found.detectors["isolation forest"].score(z)
    auc = roc_auc_score(np.isin(np.arange(200), noise.where), -scores)
    assert found.metrics["isolation forest"]["auc_noise"] == pytest.approx(auc)


def test_beyond_eight_dimensions_there_are_no_volumes(digits, rows):
    nine = principal_components(digits, rows, 9, seed=0)
    found = detect(nine, ["class mean"], {}, share=0.05, volume_samples=2000)
    assert "mass_volume" not in found.metrics["class mean"]
    assert found.scores["class mean"].shape == (200,)


@pytest.fixture
def made(own_cache, own_project, space, found):
    """All records of one space, written as a full-scale run would."""
    curves = [cluster_curves(space.z[part], 6, seed=0) for part in ("test", "validation")]
    made = space_records(space, *curves, "paper")
    made += detection_records(found, "paper", share=0.05, planted=0.1, volume_samples=2000)
    for record in made:
        records.write(record)
    return made


def test_records_have_the_published_spelling(made):
    methods = [record["method"] for record in made]
    assert methods[:3] == ["pca2", "pca2 + k-means", "pca2 + mixture"]
    assert "pca2 + one-class svm" in methods
    assert all(record["params"]["evaluated_on"] == "test" for record in made)
    assert len(records.read(study.CHAPTER)) == len(made)


def test_published_methods_exist():
    """Every method that the paper prints is one that the records can name."""
    numbers = judge.published()
    printed = numbers[(numbers["source"] == "norlander2019") & (numbers["dataset"] == "mnist")]
    settings = {s.name for s in plan(0.3)}
    seconds = {*CRITERIA, "isolation forest", "local outlier factor", "one-class svm"}
    assert len(printed) >= 20
    for method in printed["method"]:
        first, _, second = method.partition(" + ")
        assert first in settings
        assert second in seconds


def test_tables(made):
    table = pd.DataFrame(made)
    texts = latent_tables.tables_of(table, "here", "tbl-x")
    assert "pca2 + mixture" in texts["clustering"]
    best = next(r for r in made if r["method"] == "pca2 + mixture")["metrics"]
    assert f"| {best['v_measure']:.3f} | {best['n_clusters']:.0f} |" in texts["clustering"]
    assert "class mean, own label" in texts["power"]
    assert texts["power"].count(":::{table}") == 2  # one a kind
    assert "drawn at random" in texts["shares"]
    every = records.read()
    pages = latent_tables.generated(every, judge.compare(judge.published(), every))
    assert set(pages) == {
        *(f"07-{data}-{page}.md" for data in latent_tables.DATASETS for page in texts),
        "07-verdicts.md",
    }
    assert "table 1, mnist: vae2 + mixture" in pages["07-verdicts.md"]


def test_tables_without_records(own_project):
    every = records.read()
    pages = latent_tables.generated(every, judge.compare(judge.published(), every))
    assert pages["07-mnist-power.md"] == latent_tables.NOT_RUN


def test_agreement_is_the_rank_correlation():
    """EM that orders three detectors as their AUC does, and MV that does so in reverse."""
    rows = [
        {
            "method": f"vae2 + detector {i}",
            "params": {},
            "seed": 0,
            "metrics": {
                "excess_mass_1e3": em,
                "mass_volume": em,
                "spread": 1.0,
                "auc_noise": 0.5 + em / 10,
            },
        }
        for i, em in enumerate((1.0, 2.0, 3.0))
    ]
    found = latent_tables.agreement(pd.DataFrame(rows))
    assert found["em"].tolist() == pytest.approx([1])
    assert found["mv"].tolist() == pytest.approx([-1])


def test_longer_training_counts():
    rows = [
        {"method": "vae2 + mixture", "params": {"max_epochs": e}, "metrics": {}} for e in (5, 20)
    ]
    ((title, group),) = latent_tables.by_space(pd.DataFrame(rows), "mixture")
    assert title == "vae2"
    assert [p["max_epochs"] for p in group["params"]] == [20]


def test_mistakes_are_the_minority_of_their_cluster():
    y = np.array([0, 0, 1, 1, 1, 0])
    wrong, other = figures.mistakes(y, np.array([7, 7, 7, 4, 4, 4]))
    assert wrong.tolist() == [2, 5]
    assert other.tolist() == [0, 1]


def test_figures_are_drawn_from_arrays(own_cache, space):
    found = detect(space, ["local outlier factor"], {}, share=0.05, volume_samples=1000)
    curves = {space.title: cluster_curves(space.z["test"], 4, seed=0)}
    arrays = figures.pictures(
        [space], curves, {space.title: found}, detector="local outlier factor", share=0.05
    )
    assert sum(a.nbytes for a in arrays.values()) < 200_000
    extreme = arrays[f"extreme {space.title}"]
    assert len(extreme) == figures.EXTREMES
    assert found.scores["local outlier factor"].argmin() == extreme[0]
    names = [str(c) for c in range(10)]
    for figure in (
        figures.draw_spaces(arrays, names),
        figures.draw_clusters(arrays),
        figures.draw_shares(arrays, names),
        figures.draw_extremes(arrays),
        figures.draw_mistakes(arrays, names),
        figures.draw_deviation(arrays),
    ):
        assert len(figure.axes) >= 1
        plt.close(figure)


def test_more_than_two_dimensions_are_drawn_on_a_plane(own_cache, digits, rows):
    three = principal_components(digits, rows, 3, seed=0)
    found = detect(three, ["class mean"], {}, share=0.05, volume_samples=1000)
    curves = {three.title: cluster_curves(three.z["test"], 3, seed=0)}
    arrays = figures.pictures(
        [three], curves, {three.title: found}, detector="class mean", share=0.05
    )
    assert arrays[f"z {three.title}"].shape == (200, 2)


def test_a_network_is_trained_and_found_again(own_cache, digits):
    few = digits.subset(200, 0)
    rows = split(few)
    setting = plan(0.3, hidden=(8,))[2]
    options = {"seed": 0, "epochs": 15, "patience": 15, "batch_size": 16}
    space = train(few, rows, setting, **options)
    assert isinstance(space, Space)
    assert isinstance(space.rows, Split)
    assert space.z["test"].shape == (len(rows.test), 2)
    assert space.means.shape == (10, 2)
    assert space.params["gamma"] == 0.3
    assert 0 <= space.metrics["acc_nearest_mean"] <= 1
    again = train(few, rows, setting, **options)
    np.testing.assert_allclose(again.z["test"], space.z["test"], atol=1e-5)
    # the network's own scores: noise costs more nats than digits
    noise = {"noise": plant(few, rows, "noise", 0.2, 0)}
    found = detect(space, ["class mean"], noise, share=0.1, volume_samples=500)
    assert found.metrics["reconstruction error"]["auc_noise"] > 0.8
    assert set(found.metrics) == {"class mean", "reconstruction error", "bound"}
