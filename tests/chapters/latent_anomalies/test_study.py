"""The study of latent anomalies: settings, splits, planted anomalies, scores, tables, figures."""

from __future__ import annotations

from dataclasses import asdict

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score, v_measure_score

from latentbook import datasets
from latentbook.autoencoders import variational
from latentbook.chapters.latent_anomalies import CHAPTER, clusterings, figures, study
from latentbook.chapters.latent_anomalies import pictures as arrays_of
from latentbook.chapters.latent_anomalies import tables as latent_tables
from latentbook.chapters.latent_anomalies.clusterings import (
    CRITERIA,
    cluster_curves,
    clustering_metrics,
)
from latentbook.chapters.latent_anomalies.data import Split, Task, load_task, split
from latentbook.chapters.latent_anomalies.spaces import (
    Setting,
    Space,
    covariance_volume,
    principal_components,
    train,
)
from latentbook.chapters.latent_anomalies.study import (
    EXPERIMENTS,
    clustered,
    detect,
    detect_each,
    plan,
    ranking_power,
    run,
    run_each,
    share_by_class,
)
from latentbook.errors import LatentbookError
from latentbook.planted import KnownAnomalies, plant
from latentbook.study import figure_arrays, judge, records
from latentbook.study.method import Method
from latentbook.study.result import keep
from latentbook.study.tables import NOT_RUN

from ... import made


@pytest.fixture(scope="module")
def rows(few_digits):
    return split(few_digits)


@pytest.fixture
def space(few_digits, rows):
    """Two principal components, which stand for a network's codes."""
    codes = principal_components(few_digits, rows, 2)
    codes.metrics.update(spread=covariance_volume(codes.z["test"]), epochs=3)
    return codes


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


def test_the_root_of_the_determinant_measures_volume():
    """Doubling all codes in three dimensions multiplies volumes by eight."""
    z = np.random.default_rng(0).normal(size=(500, 3))
    assert covariance_volume(2 * z) == pytest.approx(8 * covariance_volume(z))
    assert covariance_volume(z) == pytest.approx(1, abs=0.15)


def test_curves_hold_the_clusters_of_every_k(own_cache):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    z = np.array([[0, 0], [9, 0], [0, 9]])[y] + rng.normal(size=(120, 2))
    curves = cluster_curves(z, 6, random_state=0)
    assert curves.ks.tolist() == [2, 3, 4, 5, 6]
    for stage, criterion in CRITERIA.items():
        counts = [len(np.unique(labels)) for labels in curves.labels[stage]]
        assert counts == curves.ks.tolist()
        assert curves.v_measure(y, stage)[1] == 1
        assert curves.ks[curves.criteria[criterion].argmax()] == 3
    again = cluster_curves(z, 6, random_state=0)
    np.testing.assert_array_equal(again.labels["mixture"], curves.labels["mixture"])


def test_beta_weighs_completeness(own_cache):
    """Twice as many clusters as classes are homogeneous, and half as complete."""
    y = np.repeat([0, 1], 40)
    z = np.arange(80.0)[:, None] % 40 // 20 * 5 + 100 * y[:, None]
    z = np.hstack([z, z]) + np.random.default_rng(0).normal(0, 0.01, (80, 2))
    curves = cluster_curves(z, 4, random_state=0)
    for beta in (0.5, 1, 2):  # homogeneity 1, completeness 1/2: (1 + beta) h c / (beta h + c)
        expected = (1 + beta) * 0.5 / (beta + 0.5)
        assert curves.v_measure(y, "k-means", beta)[-1] == pytest.approx(expected)


def test_more_clusters_than_rows(own_cache):
    with pytest.raises(LatentbookError, match="k_max"):
        cluster_curves(np.zeros((5, 2)), 5, random_state=0)


def test_the_three_ways_to_choose_k(own_cache, space):
    test, validation = (
        cluster_curves(space.z[p], 8, random_state=0) for p in ("test", "validation")
    )
    y, y_validation = space.labels("test"), space.labels("validation")
    found = clustering_metrics(test, validation, y, y_validation, "mixture")
    values = [found[f"v_measure_at_{k}"] for k in range(2, 9)]
    assert found["v_measure"] == max(values)
    assert found["n_clusters"] == 2 + np.argmax(values)
    for rule in ("validation", "bic"):
        assert found[f"v_measure_by_{rule}"] == found[f"v_measure_at_{found[f'k_by_{rule}']:.0f}"]
    by_hand = [v_measure_score(y_validation, labels) for labels in validation.labels["mixture"]]
    assert found["k_by_validation"] == 2 + np.argmax(by_hand)


def test_the_likelihood_suits_the_data(own_cache, few_digits):
    few = few_digits.subset(60, 0)
    wide = datasets.Dataset(**{**vars(few), "x": 3 * few.flat})
    for data, expected in ((few, "bernoulli"), (wide, "gaussian")):
        space = train(data, split(data), Setting("vae", hidden=(4,)), **OPTIONS | {"epochs": 1})
        assert space.params["likelihood"] == expected
        assert space.name == "vae2"
    assert Setting("vae", likelihood="gaussian").name == "vae2, gaussian"


def test_no_more_components_than_columns(few_digits, rows):
    narrow = datasets.Dataset(**{**vars(few_digits), "x": few_digits.flat[:, 300:305]})
    assert principal_components(narrow, rows, 50).z["test"].shape == (len(rows.test), 5)


def test_known_anomalies_of_other_kinds_do_not_count():
    scores = np.array([0.0, 1, 2, 3, 4])
    one = KnownAnomalies(np.array([1]), np.zeros((1, 2)), np.zeros(1, int), ignored=np.array([0]))
    assert ranking_power(scores, one, "x") == {"auc_x": 1, "ap_x": 1}
    alone = KnownAnomalies(np.array([1]), np.zeros((1, 2)), np.zeros(1, int))
    assert ranking_power(scores, alone, "x")["auc_x"] == pytest.approx(3 / 4)


def test_clusterers_of_many_rows_are_fitted_on_some(own_cache, monkeypatch):
    monkeypatch.setattr(clusterings, "CLUSTERED_ROWS", 60)
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    z = np.array([[0, 0], [9, 0], [0, 9]])[y] + rng.normal(size=(120, 2))
    assert cluster_curves(z, 4, random_state=0).v_measure(y, "mixture")[1] == 1


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
def found(space, few_digits, rows):
    planted = {kind: plant(few_digits, rows.test, kind) for kind in ("noise", "mislabelled")}
    names = ["isolation forest", "one-class svm", "class mean"]
    return detect(space, names, planted, share=0.05, planted=0.1, volume_samples=2000)


def test_detection(found):
    assert set(found.detectors) == {"isolation forest", "one-class svm", "class mean"}
    assert len(found.scores) == 3  # principal components have no scores of a network
    for name in found.detectors:
        scores = found.metrics(name)
        assert scores["mass_volume"] > 0
        assert sum(v for k, v in scores.items() if k.startswith("anomalies_of")) == 10
        assert ("auc_noise_own_label" in scores) == (name == "class mean")
    share = found.metrics("one-class svm")["share_by_own_threshold"]
    assert share == pytest.approx(0.5, abs=0.1)
    # a wrong label cannot be seen without the label
    means = found.metrics("class mean")
    assert means["auc_mislabelled_own_label"] > 0.7
    assert abs(means["auc_mislabelled"] - 0.5) < 0.2


def test_power_is_measured_on_the_replaced_rows(found, space, few_digits, rows):
    noise = plant(few_digits, rows.test, "noise")
    z = space.z["test"].copy()
    z[noise.where] = space.encode(noise.x, noise.y)
    scores = found.detectors["isolation forest"].score_samples(z)
    auc = roc_auc_score(np.isin(np.arange(200), noise.where), -scores)
    assert found.metrics("isolation forest")["auc_noise"] == pytest.approx(auc)


def test_beyond_eight_dimensions_there_are_no_volumes(few_digits, rows):
    nine = principal_components(few_digits, rows, 9)
    found = detect(nine, ["class mean"], {}, share=0.05, planted=0.1, volume_samples=2000)
    assert "mass_volume" not in found.metrics("class mean")
    assert found.normality["class mean"].shape == (200,)


@pytest.fixture
def written(own_cache, own_project, space, found):
    """All records of one space, written as a full-scale run would."""
    return [row for one in (clustered(space, 6), found) for row in keep(one, "paper")]


def test_records_have_the_published_spelling(written):
    methods = [record["method"] for record in written]
    assert methods[:3] == ["pca2", "pca2 + k-means", "pca2 + mixture"]
    assert "pca2 + one-class svm" in methods
    assert all(record["params"]["evaluated_on"] == "test" for record in written)
    assert all(record["backend"] is None for record in written)
    tables = [record["source_table"] for record in written]
    assert tables == [None, "table 1", "table 1", "table 2", "table 2", "table 2"]
    assert len(records.read(CHAPTER)) == len(written)


def test_published_methods_exist():
    """Every method that the paper prints is one that the records can name."""
    numbers = judge.published()
    printed = numbers[(numbers["source"] == "norlander2019") & (numbers["dataset"] == "mnist")]
    settings = {s.name for s in plan(0.3, ["likelihood"])}
    seconds = {*CRITERIA, "isolation forest", "local outlier factor", "one-class svm"}
    assert len(printed) >= 20
    for method in printed["method"]:
        parsed = Method.parse(method)
        assert parsed.codes in settings
        assert parsed.learner in seconds


def test_tables(written):
    table = pd.DataFrame(written)
    texts = latent_tables.live(table, "here")
    assert "pca2 + mixture" in texts["clustering"]
    best = next(r for r in written if r["method"] == "pca2 + mixture")["metrics"]
    assert f"| {best['v_measure']:.3f} | {best['n_clusters']:.0f} |" in texts["clustering"]
    assert "class mean, own label" in texts["power"]
    assert "| EM · 10³ × √det Σ | MV / √det Σ |" in texts["mass"]
    assert texts["power"].count(":::{table}") == 2  # one a kind
    assert "drawn at random" in texts["shares"]
    every = records.read()
    pages = latent_tables.generated(every, judge.compare(judge.published(), every))
    assert set(pages) == {
        *(f"07-{data}-{page}.md" for data in latent_tables.DATASETS for page in texts),
        *(f"07-mnist-{question}.md" for question in latent_tables.QUESTIONS),
        "07-mnist-searched.md",
        "07-contamination.md",
        "07-contamination-data.md",
        "07-likelihoods.md",
        "07-verdicts.md",
    }
    assert "table 1, mnist: vae2, gaussian + mixture" in pages["07-verdicts.md"]


def test_tables_without_records(own_project):
    every = records.read()
    pages = latent_tables.generated(every, judge.compare(judge.published(), every))
    assert pages["07-mnist-power.md"] == NOT_RUN


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
    twice = latent_tables.agreement(pd.DataFrame(rows + rows))  # two runs of the seed: their mean
    assert twice["em"].tolist() == pytest.approx([1])


def test_longer_training_counts():
    rows = [
        {"method": "vae2 + mixture", "params": {"max_epochs": e}, "metrics": {}} for e in (5, 20)
    ]
    ((space, group),) = latent_tables.by_space(pd.DataFrame(rows), "mixture")
    assert str(space) == "vae2"
    assert [p["max_epochs"] for p in group["params"]] == [20]


def test_every_question_has_a_table():
    assert {*latent_tables.QUESTIONS, "likelihood", "contamination"} == set(EXPERIMENTS)
    assert latent_tables.RADIUS == variational.PRIOR_RADIUS
    settings = plan(0.3, list(EXPERIMENTS))
    asked = {latent_tables.question_of(s.name, asdict(s)) for s in settings}
    assert asked == {*latent_tables.QUESTIONS, "main"}
    main = [s for s in settings if latent_tables.question_of(s.name, asdict(s)) == "main"]
    assert main == plan(0.3, ["likelihood"])


@pytest.fixture
def long_and_short():
    """Networks of 30 epochs, whose codes were searched, and others of 150, of two likelihoods."""

    def one(method, epochs, seed, likelihood="bernoulli", **metrics):
        params = {"gamma": 1.0, "max_epochs": epochs, "likelihood": likelihood}
        params |= {"n_latent": 2, "radius": 3.0, "network": "dense"}
        seconds = {"represent": 1.0}
        return made.record(method, seed=seed, params=params, seconds=seconds, **metrics)

    rows = []
    for seed, (short, long) in enumerate([(0.2, 0.6), (0.4, 0.8)]):
        rows += [one("cl-vae2", 30, seed, kl=short), one("cl-vae2", 150, seed, kl=long)]
        rows += [one("cl-vae2, gaussian", 150, seed, "gaussian", kl=0.001)]
        rows += [one("cl-vae2 + local outlier factor", 30, seed, auc_noise=0.5)]
        for epochs, v in ((30, short), (150, long)):
            curve = {"v_measure": v, "v_measure_at_2": v, "v_measure_by_validation": v}
            rows += [one("cl-vae2 + k-means", epochs, seed, **curve)]
            rows += [one("cl-vae2, gaussian + k-means", epochs, seed, "gaussian", **curve)]
    return pd.DataFrame(rows)


def test_limits_of_epochs_and_likelihoods_share_no_mean(long_and_short):
    searched = latent_tables.searched(long_and_short)
    assert [p["max_epochs"] for p in searched["params"]] == [30, 30]
    text = latent_tables.space_table(long_and_short, caption="c", name="n").replace("\u00a0", " ")
    assert "| cl-vae2, γ = 1 | – | 0.700 ± 0.141 |" in text
    assert "| cl-vae2, gaussian, γ = 1 (collapsed) | – | 0.001 ± 0.000 |" in text
    curves = figures.draw_curves(long_and_short)
    assert len(curves.axes) == 4
    drawn = [line.get_ydata().tolist() for ax in curves.axes for line in ax.get_lines()]
    assert drawn == [[pytest.approx(0.7)], [pytest.approx(0.7)]]
    weights = figures.draw_gamma(long_and_short)
    assert [ax.get_title() for ax in weights.axes] == ["squared error", "Bernoulli"]
    for ax in weights.axes:
        assert (
            min(np.min(line.get_ydata()) for line in ax.get_lines() if len(line.get_ydata())) > 0.5
        )
    plt.close("all")


def test_either_likelihood_is_judged_by_its_own_records(long_and_short):
    printed = judge.published().query("source == 'norlander2019' and table == 'table 1'")
    rows = long_and_short.assign(dataset="mnist")
    for params in rows["params"]:
        params["evaluated_on"] = "test"
    gaussian = [p["likelihood"] == "gaussian" for p in rows["params"]]
    rows["metrics"] = [
        {**m, "v_measure": 0.1} if g and "v_measure" in m else m
        for m, g in zip(rows["metrics"], gaussian, strict=True)
    ]
    text = latent_tables.likelihood_table(judge.compare(printed, rows), rows, caption="c", name="n")
    (line,) = [x for x in text.splitlines() if "cl-vae2 + k-means, γ = 1 | v measure" in x]
    cells = line.strip("| ").split(" | ")
    assert [cells[2], cells[3][:5], cells[5][:5]] == ["0.8088", "0.100", "0.700"]


def record(method, gamma=1.0, **metrics):
    """Return a made-up record of a method with a weight of its second term."""
    return made.record(method, params={"gamma": gamma}, **metrics)


def test_spaces_stand_in_the_order_of_the_chapter():
    methods = ["cvae2", "pca50", "cl-vae2", "vae2", "cl-vae2, conv"]
    every = [record(f"{method} + mixture") for method in methods]
    every += [record("cl-vae2 + mixture", 0.3), record("vae2 + k-means")]
    names = [str(space) for space, _ in latent_tables.by_space(pd.DataFrame(every), "mixture")]
    assert names == [
        "vae2",
        "cl-vae2, conv, γ = 1",
        "cl-vae2, γ = 1",
        "cl-vae2, γ = 0.3",
        "cvae2",
        "pca50",
    ]


def test_the_records_of_a_space_itself_have_the_same_name():
    names = {
        str(latent_tables.space_of(m, {"gamma": 1}))
        for m in ("cl-vae2, conv", "cl-vae2, conv + mixture", "cl-vae2, conv + distance to k-means")
    }
    assert names == {"cl-vae2, conv, γ = 1"}


def test_codes_that_are_all_alike_have_no_scaled_volume():
    """A collapsed network's √det Σ is 0 in the records: nothing can be divided by it."""
    metrics = {"excess_mass_1e3": 5.0, "mass_volume": 2.0, "auc_noise": 0.7}
    every = pd.DataFrame(
        [
            record("vae2 + one-class svm", spread=0.0, **metrics),
            record("cvae2 + one-class svm", spread=0.5, **metrics),
        ]
    )
    lines = latent_tables.mass_table(every, caption="c", name="n").splitlines()
    vae, cvae = (
        next(line for line in lines if line.startswith(f"| {s}2")) for s in ("vae", "cvae")
    )
    assert vae.split(" | ")[5:7] == ["–", "–"]
    assert cvae.split(" | ")[5:7] == ["2.500 (1)".removesuffix(" (1)"), "4"]
    plt.close(figures.draw_agreement(every, ["noise"]))


def test_mistakes_are_the_minority_of_their_cluster():
    y = np.array([0, 0, 1, 1, 1, 0])
    wrong, other = arrays_of.mistakes(y, np.array([7, 7, 7, 4, 4, 4]))
    assert wrong.tolist() == [2, 5]
    assert other.tolist() == [0, 1]


@pytest.fixture
def pictures(own_cache, space):
    """Arrays of one space, as the study keeps them."""
    found = detect(
        space, ["local outlier factor"], {}, share=0.05, planted=0.1, volume_samples=1000
    )
    scores = found.normality["local outlier factor"]
    return arrays_of.pictures(space, clustered(space, 4).curves, scores, share=0.05), scores


def test_arrays_are_small_and_hold_the_most_anomalous_images(pictures, space):
    arrays, scores = pictures
    assert sum(a.nbytes for a in arrays.values()) < 200_000
    extreme = arrays[f"extreme {space.title}"]
    assert len(extreme) == arrays_of.EXTREMES
    assert scores.argmin() == extreme[0]


def test_spaces_of_one_file_are_drawn_side_by_side(pictures, own_cache, few_digits, rows):
    first, scores = pictures
    three = principal_components(few_digits, rows, 3)
    three.metrics.update(epochs=1)
    second = arrays_of.pictures(three, clustered(three, 4).curves, scores, share=0.05, before=first)
    arrays = first | second
    assert arrays["titles"].tolist() == ["PCA, 2 components", "PCA, 3 components"]
    assert arrays["z PCA, 3 components"].shape == (200, 2)  # drawn on a plane
    names = [str(c) for c in range(10)]
    for figure, panels in (
        (figures.draw_spaces(arrays, names), 2),
        (figures.draw_clusters(arrays), 2),
        (figures.draw_shares(arrays, names), 1),
        (figures.draw_extremes(arrays), 2),
        (figures.draw_mistakes(arrays, names), 2),
        (figures.draw_deviation(arrays), 3),  # and its colour bar
    ):
        assert len(figure.axes) == panels
        plt.close(figure)


def test_rows_of_a_table_have_no_pictures(pictures, space):
    arrays = {k: v for k, v in pictures[0].items() if not k.startswith("mistak")}
    with pytest.raises(LatentbookError, match="rows of a table cannot be drawn"):
        figures.draw_mistakes(arrays, [str(c) for c in range(10)])


OPTIONS = {"random_state": 0, "epochs": 15, "patience": 15, "batch_size": 16}


@pytest.fixture(scope="module")
def few(few_digits):
    data = few_digits.subset(200, 0)
    return Task(data, split(data), {})


def test_a_network_is_trained_and_loaded_again(own_cache, few):
    setting = plan(0.3, hidden=(8,))[2]
    space = train(few.data, few.rows, setting, **OPTIONS)
    assert isinstance(space, Space)
    assert isinstance(space.rows, Split)
    assert space.z["test"].shape == (len(few.rows.test), 2)
    assert space.means.shape == (10, 2)
    assert space.params["gamma"] == 0.3
    assert 0 <= space.metrics["acc_nearest_mean"] <= 1
    again = train(few.data, few.rows, setting, **OPTIONS)
    np.testing.assert_allclose(again.z["test"], space.z["test"], atol=1e-5)
    # the network's own scores: noise costs more nats than digits
    noise = {"noise": plant(few.data, few.rows.test, "noise", 0.2)}
    found = detect(space, ["class mean"], noise, share=0.1, planted=0.2, volume_samples=500)
    assert found.metrics("reconstruction error")["auc_noise"] > 0.8
    methods = [str(score.method) for score in found.scores]
    assert methods == ["cl-vae2 + class mean", "cl-vae2 + reconstruction error", "cl-vae2 + bound"]


class KilledError(Exception):
    """Stands for whatever ends a run."""


def stop_at(function, call):
    """Return a function that raises at the given call of it."""
    calls = []

    def stopped(*args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            raise KilledError
        return function(*args, **kwargs)

    return stopped


def test_a_killed_run_loses_one_space_at_most(own_cache, own_project, few, monkeypatch):
    settings = plan(0.3, hidden=(8,))
    options = OPTIONS | {"epochs": 2, "k_max": 3}
    monkeypatch.setattr(study, "train", stop_at(train, 3))
    with pytest.raises(KilledError):
        list(run_each(few, settings, "quick", **options))
    kept = records.read(CHAPTER, "quick")
    learners = ("", " + k-means", " + mixture")
    assert set(kept["method"]) == {s + one for s in ("cl-vae2", "vae2") for one in learners}
    assert {params["gamma"] for params in kept["params"]} == {1.0}
    monkeypatch.undo()


def test_a_killed_run_loses_the_detections_in_one_space_at_most(
    own_cache, own_project, few, monkeypatch
):
    results = [run(few, s, **OPTIONS | {"epochs": 2, "k_max": 3}) for s in plan(0.3, hidden=(8,))]
    options = {"share": 0.1, "planted": 0.1, "volume_samples": 500}
    options["baseline"] = principal_components(few.data, few.rows, 5)
    known = {"noise": plant(few.data, few.rows.test, "noise")}
    monkeypatch.setattr(study, "detect", stop_at(detect, 3))
    with pytest.raises(KilledError):
        list(detect_each(few, results, ["class mean"], known, "quick", **options))
    kept = records.read(CHAPTER, "quick")["method"].tolist()
    learners = ("bound", "class mean", "reconstruction error")
    assert kept == [f"{name} + {one}" for name in ("cl-vae2", "vae2") for one in learners]
    # and the figures of these spaces can be drawn
    arrays = figure_arrays.read(figure_arrays.folder("quick", 0) / "07-digits.npz")
    assert arrays["titles"].tolist() == ["VAE", "CL-VAE, γ = 1"]
    plt.close(figures.draw_spaces(arrays, few.data.classes))
    monkeypatch.undo()


def test_a_table_of_the_reader_is_no_part_of_the_study(own_cache, own_project, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(90, 3)), columns=["a", "b", "c"])
    frame.assign(kind=rng.choice(["x", "y"], 90)).to_csv(tmp_path / "mine.csv", index=False)
    task = load_task(random_state=0, table=str(tmp_path / "mine.csv"), label="kind")
    options = OPTIONS | {"epochs": 1, "k_max": 3}
    results = list(run_each(task, plan(0.3, hidden=(4,))[:2], "quick", **options))
    detections = list(
        detect_each(
            task,
            results,
            ["class mean"],
            {},
            "quick",
            baseline=principal_components(task.data, task.rows, 3),
            share=0.1,
            planted=0.1,
            volume_samples=500,
        )
    )
    assert len(records.read(CHAPTER, "quick")) == 0
    assert not (own_project / "_build" / "figures").exists()
    rows = study.rows([*results, *detections], "quick")
    assert len(rows) == 2 * (3 + 3) + 1
    assert set(rows["dataset"]) == {"mine"}
    texts = latent_tables.live(rows, "here")
    assert "pca3 + class mean" in texts["mass"]
