"""Both stages of chapter 03: what is computed, scored and kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from latentbook import embed, metrics, plots
from latentbook.chapters.two_stage_clustering import CHAPTER, PICTURE, study
from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, records
from latentbook.study.result import keep

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(300, 0)


def one(name: str, **options) -> study.Setting:
    (setting,) = study.plan([name], **options)
    return setting


@pytest.fixture
def quick_umap(monkeypatch):
    """Stand in for UMAP, which compiles for half a minute, with principal components."""
    pca = {"kind": "pca", "n_components": 2}
    monkeypatch.setitem(embed.SETTINGS, PICTURE, pca)


def test_a_plan_has_a_setting_a_representation():
    settings = study.plan(["raw", "umap2"], k=7, epochs=3)
    assert [(s.representation, s.k, s.epochs) for s in settings] == [("raw", 7, 3), ("umap2", 7, 3)]
    with pytest.raises(LatentbookError, match=r"unknown representation 'umap'.*'umap"):
        study.plan(["umap"])


def test_smallest_cluster_is_the_thesis_500_at_its_size():
    assert study.min_cluster_size(70_000, 0.0071428571) == 500
    assert study.min_cluster_size(100, 0.0071428571) == 5
    assert study.min_cluster_size(70_000, study.Setting("raw").min_cluster_share) == 500


def test_small_images_are_resized_for_the_authors_network():
    images = np.random.default_rng(0).random((3, 16, 16, 1), dtype=np.float32)
    resized = study.fit_size(images, "cae10")
    assert resized.shape == (3, 28, 28, 1)
    assert resized.mean() == pytest.approx(images.mean(), abs=0.02)
    assert study.fit_size(images, "cae10-guo") is images
    with pytest.raises(LatentbookError, match="takes images"):
        study.fit_size(images[:, 0, :, 0], "cae10")


def test_tsne_represents_the_thesis_sample_with_the_changed_setting(data):
    changes = {"tsne": {"perplexity": 5.0}, "umap": {"n_neighbors": 3}}
    made = study.represent(data, one("tsne2", sample=40, changes=changes))
    assert (made.z.shape, len(made.rows)) == ((40, 2), 40)
    assert len(np.unique(made.rows)) < 40  # with replacement
    assert made.params["sample"] == 40
    assert made.params["perplexity"] == 5.0
    assert "kind" not in made.params
    assert list(made.parts["all"]) == list(range(40))


def test_k_means_on_pixels_is_scikit_learns_and_its_centres_are_means_of_images(data):
    result = study.run(data, one("raw"), random_state=1)
    (score,) = result.scores
    kmeans = KMeans(n_clusters=10, n_init=10, random_state=1).fit(data.flat)
    assert str(score.method) == "k-means raw"
    expected = normalized_mutual_info_score(data.y, kmeans.labels_)
    assert score.metrics["nmi"] == pytest.approx(expected)
    assert score.params == {"k": 10, "evaluated_on": "all"}
    assert (score.coverage, score.source_table) == (1.0, "table 12.1")
    assert set(score.seconds) == {"represent", "cluster"}
    centres = 255 * kmeans.cluster_centers_.reshape(10, 28, 28, 1)
    np.testing.assert_allclose(result.arrays["centres"], centres, atol=0.51)
    labels = result.arrays["labels k-means raw"]
    np.testing.assert_array_equal(labels, plots.aligned(data.y, kmeans.labels_))
    assert np.mean(labels == data.y) == pytest.approx(score.metrics["acc"])


def test_a_representation_at_hand_is_not_computed_again(data):
    setting = one("raw", k=2)
    odd = study.Representation(
        "raw", data.flat[::-1], np.arange(300), 7.5, {"all": np.arange(300)}, {"own": 1}
    )
    (score,) = study.run(data, setting, represented=odd).scores
    assert score.seconds["represent"] == 7.5
    assert score.params["own"] == 1
    (choice,) = study.choose_k(data, setting, k_max=2, represented=odd).scores
    assert choice.metrics["k_by_silhouette"] == 2


def test_noise_is_counted_and_left_out_of_the_kept_scores(data):
    result = study.run(data, one("pca50", min_samples=3, min_cluster_share=0.02))
    k_means, hdbscan = result.scores
    assert [str(s.method) for s in result.scores] == ["pca50 + k-means", "pca50 + hdbscan"]
    labels = result.arrays["labels pca50 + hdbscan"]
    assert hdbscan.coverage == pytest.approx(np.mean(labels != -1))
    assert 0 < hdbscan.coverage < 1
    assert hdbscan.params == {
        "n_components": 50,
        "min_samples": 3,
        "min_cluster_size": 6,
        "evaluated_on": "all",
    }
    kept = labels != -1
    inner = metrics.clustering_scores(data.y[kept], labels[kept])
    assert hdbscan.metrics["nmi_kept"] == pytest.approx(inner["nmi"])
    assert k_means.params == {"n_components": 50, "k": 10, "evaluated_on": "all"}


def test_a_sample_is_scored_and_not_drawn_on_the_whole_picture(data):
    changes = {"tsne": {"perplexity": 5.0}}
    result = study.run(data, one("tsne2", sample=60, k=3, changes=changes, min_samples=3))
    assert len(result.scores) == 3
    assert set(result.arrays) == {"index", "classes"}


def test_a_network_has_a_record_of_its_own_and_its_parts_are_scored_apart(digits):
    result = study.run(replace(digits.subset(60, 0), n_train=40), one("cae10", epochs=1, k=3))
    network, *scores = result.scores
    assert result.networks
    assert (str(network.method), network.source_table) == ("cae10", "appendix 7")
    assert network.metrics["parameters"] == 20_553
    assert network.metrics["epochs"] == 1
    assert 0 < network.metrics["bce"] < 1
    assert network.params == {"max_epochs": 1, "patience": 10, "batch_size": 256}
    parts = [(str(s.method), s.params["evaluated_on"]) for s in scores]
    names = ("cae10 + k-means", "cae10 + mixture")
    assert parts == [(name, part) for name in names for part in ("all", "train", "test")]
    assert all(s.metrics["parameters"] == 20_553 for s in scores)
    assert set(result.arrays) == {"index", "classes", *(f"labels {name}" for name in names)}


def test_k_is_chosen_without_labels_and_scored_with_them(digits, quick_umap):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 40)
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])[y]
    x = np.clip(corners + 0.02 * rng.normal(size=(160, 2)), -1, 2).astype(np.float32)
    data = replace(digits.subset(160, 0), x=x.reshape(160, 2, 1, 1), y=y, classes=tuple("abcd"))
    settings = study.plan(["raw", PICTURE])
    basis = study.basis(settings)
    assert basis.representation == PICTURE
    assert study.basis(settings[:1]).representation == "raw"
    result = study.choose_k(data, basis, k_max=7)
    (score,) = result.scores
    assert str(score.method) == "umap2 + choice of k"
    assert score.metrics == {
        "k_by_silhouette": 4,
        "k_by_bic": 4,
        "acc_by_silhouette": 1,
        "acc_by_bic": 1,
    }
    assert score.params == {"k_max": 7}
    curves = {f"curve {name}" for name in ("n_clusters", "silhouette", "bic")}
    assert set(result.arrays) == {"index", "classes"} | curves
    assert list(result.arrays["curve n_clusters"]) == [2, 3, 4, 5, 6, 7]


def test_everything_is_kept_in_one_file_setting_by_setting(data, own_project, quick_umap):
    settings = study.plan(["raw", PICTURE], min_samples=3)
    for setting in settings:
        keep(study.run(data, setting), "paper")
    keep(study.choose_k(data, settings[1], k_max=3), "paper")
    assert set(records.read(CHAPTER)["method"]) == {
        "k-means raw",
        "umap2 + k-means",
        "umap2 + mixture",
        "umap2 + hdbscan",
        "umap2 + choice of k",
    }
    (arrays,) = figure_arrays.saved("03").values()
    assert {"umap2", "centres", "classes", "curve bic", "labels umap2 + mixture"} <= set(arrays)
    assert arrays["umap2"].dtype == np.float16
    assert arrays["classes"].dtype == arrays["labels k-means raw"].dtype == np.int8
    np.testing.assert_array_equal(arrays["index"], np.arange(300))
