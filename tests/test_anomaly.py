"""Detectors: one interface, agreement with scikit-learn and with definitions, errors."""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from latentbook import anomaly
from latentbook.anomaly import Detector, anomalies, detector, ranking
from latentbook.errors import LatentbookError

N_PLANTED = 10
CENTRES = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])


def planted(seed=0):
    """Three round clusters of 100 points; the last ten points lie far outside of all."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], 100)
    z = CENTRES[labels] + rng.normal(size=(300, 2))
    angle = rng.uniform(0, 2 * np.pi, N_PLANTED)
    far = 7 + 60 * np.c_[np.cos(angle), np.sin(angle)]
    return np.concatenate([z, far]), np.append(labels, np.arange(N_PLANTED) % 3)


@pytest.mark.parametrize("name", anomaly.NAMES)
def test_planted_outliers_come_first(name):
    z, labels = planted()
    params = {"n_clusters": 3} if name == "k-means" else {}
    one = detector(name, random_state=1, **params).fit(z[:300], labels[:300])
    for scores in (one.score_samples(z), one.score_samples(z, labels)):
        assert scores.shape == (310,)
        assert np.isfinite(scores).all()
        # cuts along the axes isolate the outermost normal rows as fast as an outlier beyond them
        least = 0.98 if "forest" in name else 1.0
        assert roc_auc_score(np.arange(310) < 300, scores) >= least


@pytest.mark.parametrize("name", [name for name in anomaly.NAMES if detector(name).per_label])
def test_rows_with_the_label_of_another_cluster_are_anomalous_for_their_own(name):
    """What the detectors per cluster are for: normal somewhere, but not where it should be."""
    z, labels = planted()
    z, labels = z[:300], labels[:300]
    claimed = labels.copy()
    claimed[:5] = 1
    one = detector(name).fit(z, labels)
    assert roc_auc_score(np.arange(300) >= 5, one.score_samples(z, claimed)) > 0.97
    assert roc_auc_score(np.arange(300) >= 5, one.score_samples(z)) < 0.9
    # without labels they are normal for their true cluster
    assert one.score_samples(z)[:5].mean() == pytest.approx(one.score_samples(z, labels)[:5].mean())


def test_scores_are_those_of_scikit_learn():
    z, _ = planted()
    for name, theirs in {
        "isolation forest": IsolationForest(random_state=3),
        "local outlier factor": LocalOutlierFactor(novelty=True),
    }.items():
        expected = theirs.fit(z[:200]).score_samples(z[200:])
        np.testing.assert_allclose(
            detector(name, random_state=3).fit(z[:200]).score_samples(z[200:]), expected
        )


@pytest.mark.parametrize("gamma", ["scale", 0.01])
def test_a_one_class_svm_is_that_of_scikit_learn_up_to_a_factor(gamma):
    z, _ = planted()
    z -= z[:200].mean(axis=0)  # where scikit-learn's scale is ours
    theirs = OneClassSVM(gamma=gamma, nu=0.3).fit(z[:200])
    ours = detector("one-class svm", gamma=gamma, nu=0.3).fit(z[:200])
    expected = theirs.score_samples(z[200:])
    np.testing.assert_allclose(
        ours.score_samples(z[200:]) * 0.3 * 200, expected, rtol=1e-9, atol=1e-12
    )


def test_a_one_class_svm_depends_neither_on_origin_nor_on_how_often_rows_repeat():
    z, _ = planted()
    first = detector("one-class svm").fit(z).score_samples(z)
    far = z + np.array([50, 0])
    moved = detector("one-class svm").fit(far).score_samples(far)
    np.testing.assert_allclose(moved, first, atol=1e-3)
    twice = detector("one-class svm").fit(np.tile(z, (2, 1))).score_samples(z)
    np.testing.assert_allclose(twice, first, atol=1e-2)


def test_distances_and_percentiles_are_those_of_their_definitions():
    z, labels = planted()
    means = np.stack([z[labels == c].mean(axis=0) for c in range(3)])
    distance = np.linalg.norm(z[:, None] - means, axis=2)
    own = distance[np.arange(len(z)), labels]
    one = detector("class mean").fit(z, labels)
    np.testing.assert_allclose(one.score_samples(z, labels), -own)
    np.testing.assert_allclose(one.score_samples(z), -distance.min(axis=1))
    expected = [np.mean(own[labels == c] >= d) for c, d in zip(labels, own, strict=True)]
    percentile = detector("percentile").fit(z, labels)
    np.testing.assert_allclose(percentile.score_samples(z, labels), expected)
    assert percentile.score_samples(np.array([[1e6, 0.0]])) == 0
    k_means = detector("k-means", n_clusters=3).fit(z[:300])
    means = np.stack([z[:300][labels[:300] == c].mean(axis=0) for c in range(3)])
    expected = np.linalg.norm(z[:300, None] - means, axis=2).min(axis=1)
    np.testing.assert_allclose(k_means.score_samples(z[:300]), -expected)


def test_a_detector_per_cluster_is_one_detector_for_each():
    z, labels = planted()
    words = np.array(["zero", "one", "two"])[labels]
    one = detector("one-class svm per cluster", nu=0.2).fit(z, words)
    assert set(one.models_) == {"zero", "one", "two"}
    single = detector("one-class svm", nu=0.2).fit(z[words == "one"])
    np.testing.assert_allclose(
        one.score_samples(z, words)[words == "one"], single.score_samples(z[words == "one"])
    )


def test_the_seed_decides_and_fitting_again_forgets():
    z, _ = planted()
    first, other = (
        detector("isolation forest", random_state=s).fit(z).score_samples(z) for s in (0, 1)
    )
    assert (first != other).any()
    again = detector("isolation forest", random_state=0).fit(z[:50])
    np.testing.assert_array_equal(again.fit(z).score_samples(z), first)


def test_rows_left_out_are_stated():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(1500, 2)), np.repeat([0, 1, 1], 500)
    svm = detector("one-class svm", n_fit=700).fit(z)
    assert (svm.n_given_, svm.n_fitted_) == (1500, 700)
    assert svm.fitted_on == "700 of 1,500 rows, drawn at random"
    clusters = detector("isolation forest per cluster", n_fit=600).fit(z, labels)
    assert clusters.n_fitted_ == 500 + 600
    assert detector("isolation forest").fit(z).fitted_on == "all 1,500 rows"
    # the sample is as good as the whole
    whole = detector("one-class svm").fit(z)
    assert whole.n_fitted_ == 1500
    assert np.corrcoef(whole.score_samples(z), svm.score_samples(z))[0, 1] > 0.95


def test_a_one_class_svm_is_fitted_on_ten_thousand_rows_unless_told_otherwise():
    z = np.random.default_rng(0).normal(size=(10_050, 2))
    assert detector("one-class svm", nu=0.01).fit(z).n_fitted_ == 10_000
    assert detector("one-class svm", nu=0.01, n_fit=500).fit(z).n_fitted_ == 500
    assert detector("one-class svm per cluster", n_fit=500).fit(z, z[:, 0] > 0).n_fitted_ == 1000


@pytest.mark.parametrize("nu", [0.05, 0.5])
def test_a_one_class_svm_calls_the_share_nu_anomalous_by_construction(nu):
    z = np.random.default_rng(0).normal(size=(2000, 2))
    one = detector("one-class svm", nu=nu).fit(z)
    called = one.models_[None].svm.predict(z) == -1
    assert called.mean() == pytest.approx(nu, abs=0.01)
    # its score ranks well all the same, and any share can be asked for
    marked = anomalies(one.score_samples(z), 0.02)
    assert marked.sum() == 40
    assert np.linalg.norm(z[marked], axis=1).min() > np.linalg.norm(z[~marked], axis=1).mean()


def test_a_detector_is_an_estimator_of_scikit_learn():
    z, labels = planted()
    first = detector("one-class svm per cluster", random_state=5, n_fit=50, nu=0.2)
    assert first.get_params() == {
        "name": "one-class svm per cluster",
        "random_state": 5,
        "n_fit": 50,
        "params": {"nu": 0.2},
    }
    again = clone(first.fit(z, labels))
    assert not hasattr(again, "models_")
    np.testing.assert_array_equal(again.fit(z, labels).score_samples(z), first.score_samples(z))
    assert again.set_params(n_fit=60).fit(z, labels).n_fitted_ == 180
    assert first.n_features_in_ == 2


@pytest.mark.parametrize("name", ["isolation forest", "local outlier factor", "one-class svm"])
def test_thresholds_are_those_of_scikit_learn(name):
    z, labels = planted()
    theirs = {
        "isolation forest": IsolationForest(random_state=0),
        "local outlier factor": LocalOutlierFactor(novelty=True),
        "one-class svm": OneClassSVM(gamma=1 / z[:300].var(axis=0).sum()),
    }[name]
    expected = theirs.fit(z[:300]).predict(z)
    np.testing.assert_array_equal(detector(name).fit(z[:300]).predict(z), expected)
    np.testing.assert_array_equal(detector(name).fit_predict(z[:300]), expected[:300])
    each = detector(f"{name} per cluster").fit(z[:300], labels[:300])
    own, any_label = each.predict(z, labels), each.predict(z)
    assert set(own) == {-1, 1}
    assert (own <= any_label).all()  # normal for its own label is normal for some label


def test_detectors_that_only_rank_have_no_threshold():
    for name in ("k-means", "class mean", "percentile"):
        assert not detector(name).has_threshold
    with pytest.raises(LatentbookError, match="class mean has no threshold of its own"):
        fitted().predict(np.eye(2))


def test_a_data_frame_is_a_matrix():
    z, _ = planted()
    one = detector("isolation forest").fit(z)
    frame = pd.DataFrame(z)
    np.testing.assert_array_equal(
        detector("isolation forest").fit(frame).score_samples(frame), one.score_samples(z)
    )


def test_share_and_ranking():
    scores = np.array([3.0, 1.0, 2.0, 1.0])
    assert ranking(scores).tolist() == [1, 3, 2, 0]
    assert anomalies(scores, 0.25).tolist() == [False, True, False, False]
    assert anomalies(scores, 0.5).tolist() == [False, True, False, True]
    assert not anomalies(scores, 0).any()
    assert anomalies(scores, 1).all()
    assert anomalies(np.zeros(10), 0.3).sum() == 3


def test_pyod_detectors_are_offered_where_pyod_is_installed():
    ecod = pytest.importorskip("pyod.models.ecod", reason="PyOD, an optional extra, is missing")
    z, labels = planted()
    one = detector("pyod:ECOD").fit(z[:300])
    np.testing.assert_allclose(one.score_samples(z), -ecod.ECOD().fit(z[:300]).decision_function(z))
    per_cluster = detector("pyod:HBOS per cluster").fit(z[:300], labels[:300])
    assert per_cluster.score_samples(z)[300:].max() <= per_cluster.score_samples(z)[:300].min()
    assert detector("pyod:KNN", n_neighbors=3).fit(z).score_samples(z)[300:].max() < -1
    with pytest.raises(LatentbookError, match="PyOD has no detector 'Nothing'"):
        detector("pyod:Nothing")
    with pytest.raises(LatentbookError, match="bad parameters for pyod:ECOD"):
        detector("pyod:ECOD", wings=2)


@pytest.mark.skipif(importlib.util.find_spec("pyod") is not None, reason="PyOD is installed")
def test_missing_pyod_is_named():
    with pytest.raises(LatentbookError, match=r"pyod:ECOD needs PyOD, .*\[anomaly\]"):
        detector("pyod:ECOD")


def fitted(name="class mean", **params):
    return detector(name, **params).fit(*planted())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: detector("isolation florest"), "did you mean 'isolation forest'"),
        (lambda: detector("k-means per cluster"), "unknown detector"),
        (lambda: detector("one-class svm", mu=1), "bad parameters for one-class svm: .*'mu'"),
        (lambda: detector("class mean", mu=1), "bad parameters for class mean"),
        (lambda: detector("one-class svm", n_fit=0), "n_fit is 0"),
        (lambda: Detector("isolation florest").fit(np.eye(9)), "did you mean 'isolation forest'"),
        (lambda: Detector("class mean", params={"mu": 1}).fit(np.eye(9)), "bad parameters for c"),
        (lambda: detector("one-class svm", gamma="auto"), "svm: could not convert .* 'auto'"),
        (lambda: fitted("one-class svm", gamma=-1), "one-class svm: The 'gamma' parameter"),
        (lambda: fitted("one-class svm", nu=2), "one-class svm: The 'nu' parameter"),
        (lambda: detector("k-means", n_clusters=4).fit(np.eye(3)), "n_clusters is 4"),
        (
            lambda: detector("local outlier factor").fit(np.eye(20)),
            "n_neighbors is 20, but must lie between 1 and 19",
        ),
        (lambda: detector("isolation forest").fit(np.full((9, 2), np.nan)), "NaN or infinite"),
        (lambda: detector("isolation forest").fit(np.ones((9, 0))), "must be rows and columns"),
        (lambda: detector("isolation forest").fit(np.ones((0, 2))), "must be rows and columns"),
        (lambda: detector("isolation forest").fit(np.ones(9)), "must have shape"),
        (lambda: detector("percentile").fit(np.eye(9)), "percentile fits one model per label"),
        (lambda: detector("percentile").fit(np.eye(9), np.ones(8)), "X has 9 rows, but y"),
        (
            lambda: detector("class mean").fit(np.eye(14), np.repeat(["a", "b"], [10, 4])),
            "label b has 4 rows, but a detector per cluster needs 5 or more",
        ),
        (lambda: detector("class mean").score_samples(np.eye(9)), "call fit first"),
        (
            lambda: fitted().score_samples(np.eye(9)),
            "X has 9 columns, but class mean was fitted on 2",
        ),
        (lambda: fitted().score_samples(np.full((1, 2), np.inf)), "NaN or infinite"),
        (
            lambda: fitted().score_samples(np.eye(2), np.array([0, 7])),
            "label 7 was not in .*: 0, 1, 2",
        ),
        (lambda: fitted().score_samples(np.eye(2), np.array([0])), "X has 2 rows, but y"),
        (lambda: anomalies(np.ones(3), 2), "share is 2, but must lie between 0 and 1"),
        (lambda: anomalies(np.array([1, np.nan]), 0.5), "NaN in 1 of 2 rows"),
        (lambda: ranking(np.array([])), "non-empty vector"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(LatentbookError, match=says):
        call()
