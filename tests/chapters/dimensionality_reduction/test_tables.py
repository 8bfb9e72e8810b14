"""Tables and sentences about live runs of chapter 01, from made-up records."""

from __future__ import annotations

import re

import numpy as np
import pytest

from latentbook import dimension, paths
from latentbook.chapters.dimensionality_reduction import CHAPTER, DATASETS, MEASURES, tables
from latentbook.study import cells, judge
from tests import made
from tests.made import frame


def record(dataset: str = "mnist", method: str = "pca2", seed: int = 0, n: int = 70_000, **changes):
    """Return a record with every measure at 0.5; `metrics` add to them or replace them."""
    scores = dict.fromkeys(MEASURES, 0.5) | changes.pop("metrics", {})
    row = made.record(method, seed, chapter=CHAPTER, dataset=dataset, profile="paper", **scores)
    return row | {"n_samples": n, "params": {}, "seconds": {"embed": 2.0}} | changes


def test_full_scale_is_complete_and_in_the_order_of_the_chapter():
    rows = frame(
        record("usps", "umap2", n=9298),
        record("usps", "raw", n=9298),
        record("usps", "raw", n=500, seed=1),
        record("mnist", "hog + umap2"),
        record("mnist", "umap2"),
        record("digits", "umap2", n=1797),
        record("mnist", "umap2", chapter="03-two-stage-clustering"),
    )
    ordered = tables.full_scale(rows)
    assert list(zip(ordered["method"], ordered["dataset"], strict=True)) == [
        ("raw", "usps"),
        ("umap2", "mnist"),
        ("umap2", "usps"),
        ("hog + umap2", "mnist"),
    ]
    assert set(ordered["n_samples"]) == {70_000, 9298}


def test_structure_is_the_mean_over_seeds_with_its_deviation():
    rows = frame(
        record(metrics={"trustworthiness": 0.9}),
        record(seed=1, metrics={"trustworthiness": 0.8}, seconds={"embed": 1.0, "features": 3.0}),
        record(method="raw", seconds={}),
    )
    text = tables.structure(rows, caption="c", name="n")
    header, _, pca, raw = text.splitlines()[3:7]
    assert (
        header == "| method | trust | kept | ρ distances | ρ centroids | 15-NN | seeds | seconds |"
    )
    deviation = np.std([0.9, 0.8], ddof=1)
    assert pca.startswith(f"| pca2 | 0.850\u00a0±\u00a0{deviation:.3f} | 0.500\u00a0±\u00a00.000 |")
    assert pca.endswith("| 2 | 3 |")
    assert raw == "| raw | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 | 1 | 0 |"


def test_the_live_table_names_profile_and_seed():
    text = tables.live([record(seed=4, profile="quick")], "Some digits")
    assert "{table} Structure preserved, profile quick: Some digits, seed 4\n" in text
    assert ":name: tbl-01-structure-live" in text


def test_pages_are_included_by_the_notebook_and_say_what_has_not_run():
    compared = judge.compare(judge.published(), frame())
    files = tables.generated(frame(record()), compared)
    assert files["01-structure-usps.md"] == "USPS: not run.\n"
    assert ":name: tbl-01-structure-mnist" in files["01-structure-mnist.md"]
    assert files["01-verdicts.md"].count("[not run]{.verdict-not-run}") == 3
    notebook = (paths.notebooks() / f"{CHAPTER}.ipynb").read_text()
    included = set(re.findall(r"\{include\} \.\./generated/(01-[\w-]+\.md)", notebook))
    assert included == set(files)
    assert len(files) == 1 + len(DATASETS)


def test_published_variance_stands_beside_ours():
    shares = {"explained_variance_ratio_1": 0.29, "explained_variance_ratio_2": 0.5}
    every = frame(record("fashion_mnist", metrics=shares))
    files = tables.generated(every, judge.compare(judge.published(), every))
    first, second, _ = [s for s in files["01-verdicts.md"].splitlines() if "verdict-" in s]
    assert "| 0.290 (1) | 0 of 1 | [one run, within]" in first
    assert "| 0.500 (1) | 0 of 1 | [one run, outside]" in second


def test_growth_sets_the_theorem_beside_the_measurement():
    contrasts = {p: np.array([[1.0, 2.0], [3.0, 0.25 * p]]) for p in (1, 2)}
    text = tables.growth(contrasts, {1: 0.51, 2: -0.02})
    assert "| p = 1 | 0.500 | 0.510 | 0.250 |" in text
    assert "| p = 2 | 0.000 | −0.020 | 0.500 |" in text


def test_clouds_are_described_by_both_measures():
    X = np.random.default_rng(0).normal(size=(50, 4))
    text = tables.clouds({"normal": X})
    contrast, size = dimension.relative_contrast(X), dimension.effective_dimension(X)
    assert f"| normal | {contrast:.2f} | {size:.0f} |" in text
    assert "Contrast of 50 points in 4 dimensions" in text


def test_an_embedding_of_other_features_has_the_separation_of_the_classes_only():
    hog = record(method="hog + umap2", params={"features": "hog"})
    rows = frame(hog, record())
    gradients, pixels = tables.comparable(rows)["metrics"]
    assert gradients == {"knn_accuracy": 0.5}
    assert set(pixels) == set(MEASURES)
    assert set(rows["metrics"].iloc[0]) == set(MEASURES)  # the records themselves stay
    *_, row, _ = tables.structure(rows.head(1), caption="c", name="n").splitlines()
    assert row == "| hog + umap2 | – | – | – | – | 0.500 | 1 | 2 |"


def test_a_method_that_sees_a_sample_says_so():
    part = record(method="tsne2", params={"sample": 10_000})
    whole = record("usps", "tsne2", n=9298, params={"sample": 9298})
    assert "| tsne2 (10,000 images) |" in tables.structure(frame(part), caption="c", name="n")
    assert "| tsne2 |" in tables.structure(frame(whole), caption="c", name="n")


def test_sentences_about_a_live_run_are_computed():
    contrasts = {p: np.array([[1.0, 2.0], [3.0, 0.0251 * p]]) for p in (1, 2)}
    text = tables.farther(np.array([2, 4096]), contrasts)
    assert text.startswith("In 4,096 dimensions")
    assert text.endswith("by no more than 2.5% for $p = 1$ and 5.0% for $p = 2$.")
    clouds = {"images": np.eye(3) * [1, 2, 4], "uniform points": np.eye(3) * [1, 2, 3]}
    ratio = dimension.relative_contrast(clouds["images"]) / dimension.relative_contrast(
        clouds["uniform points"]
    )
    assert tables.kept_contrast(clouds) == (
        f"The relative contrast of *images* is {ratio:.1f} times that of *uniform points*."
    )


def test_the_best_pictures_of_a_run_are_named_with_their_values():
    made = [
        record(method="pca2", metrics={"distance_correlation": 0.9, "knn_preservation": 0.1}),
        record(method="umap2", metrics={"knn_preservation": 0.3, "knn_accuracy": 0.6}),
        record(method="pca50", metrics=dict.fromkeys(MEASURES, 1.0)),
        record(
            method="hog + umap2",
            params={"features": "hog"},
            metrics={"knn_preservation": 0.8, "knn_accuracy": 0.7},
        ),
    ]
    assert tables.best_pictures(made) == (
        "Of the pictures of this run, `umap2` keeps the largest share of the nearest neighbours "
        "(kept 0.30), `pca2` keeps the order of the distances best (ρ 0.90) and `hog + umap2` "
        "separates the classes best (15-NN 0.70)."
    )
    assert "nothing in two dimensions" in tables.best_pictures(made[2:3])


@pytest.mark.parametrize("name", ["def ", "lambda"])
def test_the_notebook_defines_nothing(name):
    notebook = paths.notebooks() / f"{CHAPTER}.ipynb"
    assert not [c for c in cells.code(notebook) if re.search(rf"\b{name}", c.source)]
