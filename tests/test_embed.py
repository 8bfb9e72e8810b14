"""Embeddings: the sources' settings, closed forms, bad input, and the cache."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latentbook import cache, embed, paths
from latentbook.errors import LatentbookError

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def x():
    """300 digits of 8 x 8 pixels as a matrix."""
    return (load_digits().data[:300] / 16).astype(np.float32)


def stored():
    return sorted((paths.cache() / "embeddings").glob("*.npz"))


def test_settings_are_those_of_the_thesis():
    assert embed.settings("tsne2") == {
        "kind": "tsne", "n_components": 2, "perplexity": 25.0, "learning_rate": 10.0,
    }  # fmt: skip
    picture, clustering = embed.settings("umap2 picture"), embed.settings("umap2")
    assert (picture["n_neighbors"], picture["min_dist"]) == (15, 0.1)
    assert (clustering["n_neighbors"], clustering["min_dist"]) == (30, 0.0)
    assert [embed.settings(f"umap{d}")["n_components"] for d in (2, 10, 30)] == [2, 10, 30]


def test_changes_apply_without_touching_the_named_setting():
    assert embed.settings("umap2", n_neighbors=5)["n_neighbors"] == 5
    assert embed.settings("umap2")["n_neighbors"] == 30


def test_pca_equals_the_singular_value_decomposition(x):
    result = embed.embed(x, "pca2").arrays
    centred = x.astype(float) - x.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    for axis in (0, 1):
        closed = u[:, axis] * s[axis]
        turned = np.sign(closed @ result["embedding"][:, axis])
        np.testing.assert_allclose(result["embedding"][:, axis], turned * closed, atol=2e-3)
    shares = s**2 / np.sum(s**2)
    np.testing.assert_allclose(result["explained_variance_ratio"], shares[:2], rtol=1e-3)


def test_tsne_keeps_neighbours_and_reports_its_divergence(x):
    result = embed.embed(x, "tsne2", perplexity=10.0)
    assert result.arrays["embedding"].shape == (300, 2)
    assert result.arrays["embedding"].dtype == np.float32
    assert 0 < result.arrays["kl_divergence"] < 2
    from sklearn.manifold import trustworthiness

    assert trustworthiness(x, result.arrays["embedding"]) > 0.9


@pytest.mark.parametrize(
    ("method", "changes", "sentence"),
    [
        ("umpa2", {}, "unknown embedding 'umpa2'.*did you mean 'umap2'"),
        ("tsne2", {"perplexity": 100.0}, "perplexity is 100, but must lie between 1 and 99.6667"),
        ("umap2", {"n_neighbors": 300}, "n_neighbors is 300, but must lie between 2 and 299"),
        ("umap2", {"n_neighbors": 1}, "n_neighbors is 1, but must lie between 2"),
        ("umap2", {"min_dist": -0.1}, "min_dist is -0.1, but must lie between 0 and 1"),
        ("pca2", {"n_components": 0}, "n_components is 0, but must lie between 1 and 64"),
        ("pca2", {"n_components": 65}, "n_components is 65, but must lie between 1 and 64"),
    ],
)
def test_bad_settings_are_refused_before_any_work(x, method, changes, sentence):
    with pytest.raises(LatentbookError, match=sentence):
        embed.embed(x, method, **changes)
    assert not stored()


def test_bad_matrices_are_refused(x):
    holed = x.copy()
    holed[3, 5] = np.nan
    with pytest.raises(LatentbookError, match="x holds NaN or infinite values in 1 of 300 rows"):
        embed.embed(holed, "pca2")
    with pytest.raises(LatentbookError, match=r"shape \(n_samples, n_features\), but has"):
        embed.embed(x.reshape(300, 8, 8), "pca2")


def test_unknown_kind_is_named():
    with pytest.raises(LatentbookError, match="unknown kind of reduction 'isomap'"):
        embed.reducer("isomap", seed=0)


def test_the_second_call_is_loaded(x):
    first, second = embed.embed(x, "pca2"), embed.embed(x, "pca2")
    assert (first.loaded, second.loaded) == (False, True)
    assert second.seconds == first.seconds
    np.testing.assert_array_equal(first.arrays["embedding"], second.arrays["embedding"])


@pytest.mark.parametrize("change", ["data", "seed", "parameter"])
def test_anything_that_decides_the_result_makes_a_new_one(x, change):
    embed.embed(x, "pca2")
    other = {
        "data": lambda: embed.embed(x * np.float32(1.001), "pca2"),
        "seed": lambda: embed.embed(x, "pca2", seed=1),
        "parameter": lambda: embed.embed(x, "pca2", n_components=3),
    }[change]()
    assert not other.loaded
    assert len(stored()) == 2


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage"])
def test_a_damaged_file_is_computed_again(x, damage, capsys):
    whole = embed.embed(x, "pca2").arrays["embedding"]
    (file,) = stored()
    content = file.read_bytes()
    damaged = {"truncated": content[: len(content) // 2], "empty": b"", "garbage": b"x" * 500}
    file.write_bytes(damaged[damage])
    again = embed.embed(x, "pca2")
    assert not again.loaded
    assert "is damaged" in capsys.readouterr().out
    np.testing.assert_allclose(again.arrays["embedding"], whole, atol=1e-4)
    assert embed.embed(x, "pca2").loaded


def test_a_failed_computation_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        cache.load_or_compute("embeddings", {"a": 1}, lambda: {"x": np.array(1 / 0)})
    assert not list((paths.cache() / "embeddings").glob("*.npz"))
    assert not list((paths.cache() / "embeddings").glob(".partial*"))


def _compute_slowly(folder, queue):
    import os
    import time

    os.environ["LATENTBOOK_CACHE"] = folder

    def compute():
        time.sleep(1)
        return {"x": np.arange(3)}

    queue.put(cache.load_or_compute("embeddings", {"a": 1}, compute).loaded)


def test_two_processes_compute_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [
        context.Process(target=_compute_slowly, args=(str(tmp_path), queue)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    assert sorted(queue.get(timeout=60) for _ in workers) == [False, True]
    for worker in workers:
        worker.join()


def test_hog_sees_edges_not_brightness():
    image = np.zeros((2, 16, 16, 1), dtype=np.float32)
    image[:, :, 6:10] = 0.8
    image[1] = image[1] / 2 + 0.1
    features = embed.hog(image)
    assert features.shape == (2, 36)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[0], features[1], atol=1e-3)
    assert not np.allclose(embed.hog(image.swapaxes(1, 2))[0], features[0], atol=0.1)
    assert embed.hog(np.zeros((1, 32, 32, 3), dtype=np.float32)).shape == (1, 324)


def test_hog_of_images_that_are_too_small():
    with pytest.raises(LatentbookError, match="too small for cells of 8 pixels"):
        embed.hog(np.zeros((1, 8, 8, 1), dtype=np.float32))


@pytest.mark.slow
def test_what_umap_compiles_is_kept_for_later_processes(tmp_path, monkeypatch):
    code = """
import numpy as np
from latentbook import embed
x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
reducer = embed.reducer("umap", seed=0, n_neighbors=5, n_epochs=1)
reducer.fit(x)
"""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    subprocess.run([sys.executable, "-c", code], check=True)
    assert list(tmp_path.rglob("*smooth_knn_dist*.nbi"))


@pytest.mark.parametrize("name", embed.SETTINGS)
def test_an_estimator_states_the_parameters_of_its_setting(name):
    estimator = embed.reducer(seed=3, **embed.settings(name))
    assert embed.parameters(estimator) == embed.settings(name)


def test_estimators_of_the_reader_share_the_cache_with_named_settings(x):
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    named = embed.embed(x, "pca2", seed=4)
    own = embed.fit_transform(PCA(n_components=2, random_state=4), x)
    assert own.loaded
    np.testing.assert_array_equal(own.arrays["embedding"], named.arrays["embedding"])
    thesis = {"learning_rate": 10, "init": "random", "random_state": 0}
    tsne = embed.fit_transform(TSNE(perplexity=20, max_iter=1000, **thesis), x)
    assert embed.embed(x, "tsne2", perplexity=20.0).loaded
    assert not embed.fit_transform(TSNE(perplexity=20, max_iter=300, **thesis), x).loaded
    assert tsne.arrays["kl_divergence"] > 0


def test_parameters_that_are_not_usual_are_stated():
    import umap
    from sklearn.manifold import TSNE

    own = umap.UMAP(n_neighbors=5, metric="cosine", random_state=0, n_jobs=7)
    usual = {"kind": "umap", "n_components": 2, "n_neighbors": 5, "min_dist": 0.1}
    assert embed.parameters(own) == usual | {"metric": "cosine"}
    stated = embed.parameters(TSNE(perplexity=30, random_state=np.int64(1)))
    assert (stated["perplexity"], stated["init"]) == (30.0, "pca")
    assert stated["learning_rate"] == "auto"


def test_an_estimator_is_fitted_as_it_stands_and_left_unfitted(x):
    from sklearn.decomposition import PCA

    pca = PCA(n_components=3, whiten=True, random_state=0)
    z = embed.fit_transform(pca, x).arrays["embedding"]
    np.testing.assert_allclose(z.std(axis=0, ddof=1), 1, rtol=1e-3)
    assert not hasattr(pca, "components_")


def test_estimators_that_cannot_be_cached_are_named(x):
    from sklearn.decomposition import PCA, FastICA

    with pytest.raises(LatentbookError, match="FastICA is no estimator that can be cached"):
        embed.fit_transform(FastICA(random_state=0), x)
    with pytest.raises(LatentbookError, match="random_state of PCA is None, but must be a whole"):
        embed.fit_transform(PCA(n_components=2), x)
    with pytest.raises(LatentbookError, match=r"n_components is 0\.9, but must lie between 1"):
        embed.fit_transform(PCA(n_components=0.9, random_state=0), x)
