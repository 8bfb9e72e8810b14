"""Settings of chapter 01, their results, and what is kept of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier

from latentbook import embed, metrics, sampling
from latentbook.chapters.dimensionality_reduction import CHAPTER, MEASURES, study
from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, records
from latentbook.study.result import arrays_name, keep

pytestmark = pytest.mark.usefixtures("own_cache")

ESTIMATORS = {
    "pca2": PCA(n_components=2, random_state=0),
    "pca50": PCA(n_components=50, random_state=0),
    "tsne2": TSNE(perplexity=10, init="random", max_iter=250, random_state=0),
}


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(300, 0)


def one(text: str) -> study.Setting:
    (setting,) = study.plan(text, ESTIMATORS)
    return setting


def test_a_plan_names_methods_as_the_records_do():
    names = ["raw", "pca2", "hog + raw", "hog + pca2", "tsne2"]
    settings = study.plan(", ".join(names), ESTIMATORS)
    assert [str(setting.method) for setting in settings] == names
    assert [setting.features for setting in settings] == ["", "", "hog", "hog", ""]
    assert settings[2].estimator is None
    assert settings[3].estimator is ESTIMATORS["pca2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raw, pca3", r"unknown embedding 'pca3'.*did you mean 'pca2'"),
        ("sift + raw", "unknown features 'sift'"),
        ("raw,, pca2", "unknown embedding ''"),
    ],
)
def test_a_plan_refuses_what_it_does_not_know(text, says):
    with pytest.raises(LatentbookError, match=says):
        study.plan(text, ESTIMATORS)


def test_the_images_that_are_scored_are_those_of_the_sample_each_once():
    points, places = study.scored(1000, 400, 0)
    rows = sampling.thesis_sample(1000, 400, 0)
    assert len(np.unique(rows)) < 400
    np.testing.assert_array_equal(points, np.unique(rows))
    np.testing.assert_array_equal(rows[places], points)
    everything, _ = study.scored(300, 400, 0)
    np.testing.assert_array_equal(everything, np.arange(300))


def test_pixels_keep_everything_and_take_no_time(data):
    result = study.run(data, one("raw"))
    (score,) = result.scores
    kept = {name: score.metrics[name] for name in MEASURES if name != "knn_accuracy"}
    assert kept == pytest.approx(dict.fromkeys(kept, 1.0))
    assert (score.params, score.seconds) == ({}, {})
    assert set(result.arrays) == {"index", "labels"}
    np.testing.assert_array_equal(result.arrays["index"], data.index)
    np.testing.assert_array_equal(result.arrays["labels"], data.y)


def test_pca_states_its_variance_as_computed_and_in_double_precision(data):
    result = study.run(data, one("pca50"))
    (score,) = result.scores
    variances = np.linalg.svd(data.flat - data.flat.mean(axis=0, dtype=float))[1] ** 2
    shares = variances / variances.sum()
    for i in (0, 1):
        double = score.metrics[f"explained_variance_double_{i + 1}"]
        assert double == pytest.approx(shares[i], rel=1e-6)
        assert score.metrics[f"explained_variance_ratio_{i + 1}"] == pytest.approx(double, rel=1e-3)
    total = score.metrics["explained_variance_ratio_sum"]
    assert total == pytest.approx(shares[:50].sum(), rel=1e-3)
    curve = result.arrays["variance of pca50"]
    assert (curve.shape, curve.dtype) == ((50,), np.float32)
    assert "pca50" not in result.arrays  # no picture
    assert score.params == {"kind": "pca", "n_components": 50}
    assert set(score.seconds) == {"embed"}


def test_scores_are_those_of_a_direct_computation(data):
    (score,) = study.run(data, one("pca2")).scores
    z = embed.embed(data.flat, "pca2").arrays["embedding"]
    expected = metrics.structure_preservation(data.flat, z, data.y)
    assert {name: score.metrics[name] for name in expected} == pytest.approx(expected)
    # leave a fifth out in turn, stratified; near to it is a plain fit on the other half
    half = KNeighborsClassifier(15).fit(z[::2], data.y[::2]).score(z[1::2], data.y[1::2])
    assert score.metrics["knn_accuracy"] == pytest.approx(half, abs=0.12)


def test_tsne_sees_the_sample_and_is_scored_on_each_image_of_it_once(data):
    result = study.run(data, one("tsne2"), sample=200)
    points, places = study.scored(len(data), 200, 0)
    assert result.scores[0].params == {
        "kind": "tsne",
        "n_components": 2,
        "perplexity": 10.0,
        "learning_rate": "auto",
        "max_iter": 250,
        "sample": 200,
    }
    rows = sampling.thesis_sample(len(data), 200, 0)
    seen = embed.fit_transform(ESTIMATORS["tsne2"], data.flat[rows])
    assert seen.loaded
    z = seen.arrays["embedding"][places]
    np.testing.assert_array_equal(result.arrays["tsne2"], z.astype(np.float16))
    np.testing.assert_array_equal(result.arrays["index"], data.index[points])


def test_features_are_embedded_and_compared_with_pixels(data):
    result = study.run(data, one("hog + pca2"))
    (score,) = result.scores
    features = embed.hog(data.x)
    z = embed.embed(features, "pca2")
    assert z.loaded
    expected = metrics.structure_preservation(data.flat, z.arrays["embedding"], data.y)
    assert score.metrics["trustworthiness"] == pytest.approx(expected["trustworthiness"])
    assert list(score.seconds) == ["features", "embed"]
    assert score.params == {"features": "hog", "kind": "pca", "n_components": 2}
    assert "hog + pca2" in result.arrays


def test_settings_are_kept_one_by_one_in_one_file(data, own_project):
    for setting in study.plan("raw, pca2, pca50", ESTIMATORS):
        keep(study.run(data, setting), "quick", whole=False)
    assert list(records.read(CHAPTER, "quick")["method"]) == ["pca2", "pca50", "raw"]
    where = figure_arrays.folder("quick", 0, whole=False)
    arrays = figure_arrays.read(where / f"{arrays_name(CHAPTER, 'digits')}.npz")
    curves = {"variance of pca2", "variance of pca50"}
    assert set(arrays) == {"index", "labels", "pca2"} | curves


def test_estimators_are_compared_on_the_same_images(data):
    panels = study.compared({"two": ESTIMATORS["pca2"]}, data.flat, data.y)
    ((title, (z, y)),) = panels.items()
    scores = metrics.structure_preservation(data.flat, z)
    local, far = scores["trustworthiness"], scores["distance_correlation"]
    assert title == f"two: T {local:.3f}, ρ {far:.2f}"
    assert y is data.y
