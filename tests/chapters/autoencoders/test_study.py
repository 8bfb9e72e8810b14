"""What the uses share: records of a study, the verdict over seeds, and the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook import chapters, datasets
from latentbook.chapters.autoencoders import CHAPTER, study, tables
from latentbook.chapters.autoencoders.judgement import USES, judge, of_use
from latentbook.errors import LatentbookError
from latentbook.study import records
from latentbook.study.result import Score, keep
from latentbook.study.tables import NOT_RUN


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits").subset(50, 0)


def rows(values, method="anomalies: autoencoder", **params):
    return [
        {
            "chapter": CHAPTER,
            "dataset": "digits",
            "n_samples": 50,
            "method": method,
            "seed": seed,
            "params": params,
            "metrics": {"auc": value},
        }
        for seed, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("autoencoder", "verdict"),
    [
        ([0.90, 0.91, 0.92], "better"),
        ([0.60, 0.61, 0.62], "worse"),
        ([0.801, 0.80, 0.811], "no difference"),
        ([0.70, 0.95, 0.78], "undecided"),
        ([0.90], "one run"),
    ],
)
def test_verdicts(autoencoder, verdict):
    found = pd.DataFrame(
        rows(autoencoder)
        + rows([0.80, 0.80, 0.81], "anomalies: pca")
        + rows([0.10, 0.99, 0.10], "anomalies: isolation forest")
    )
    judged = judge(found, "anomalies")
    assert judged.baseline == "pca"  # by its mean, and not by its best seed
    assert judged.verdict == verdict
    assert len(judged.scores) == len(judged.baseline_scores) == len(autoencoder)


def test_less_is_better_where_it_is():
    found = pd.DataFrame(
        [
            row | {"metrics": {"frechet": row["metrics"]["auc"]}}
            for row in rows([0.2, 0.21, 0.19], "generation: vae")
            + rows([0.3, 0.31, 0.32], "generation: pca mixture")
        ]
    )
    assert judge(found, "generation").verdict == "better"


def test_only_the_stated_condition_counts():
    found = pd.DataFrame(
        [
            row | {"metrics": {"psnr": row["metrics"]["auc"]}}
            for noise, value in ((0.1, 1.0), (0.2, 30.0))
            for row in rows([value], "denoising: autoencoder", noise=noise)
            + rows([20.0], "denoising: wavelet", noise=noise)
        ]
    )
    assert judge(found, "denoising").scores.tolist() == [30.0]


def test_seeds_that_only_one_has_do_not_count():
    found = pd.DataFrame(rows([0.9, 0.9, 0.9]) + rows([0.8, 0.8], "anomalies: pca"))
    assert len(judge(found, "anomalies").scores) == 2


def test_two_runs_of_a_seed_count_as_their_mean():
    found = pd.DataFrame(rows([0.9, 0.7]) + rows([0.7]) + rows([0.5, 0.6], "anomalies: pca"))
    judged = judge(found, "anomalies")
    assert judged.scores.tolist() == pytest.approx([0.8, 0.7])
    assert judged.baseline_scores.tolist() == [0.5, 0.6]


def test_no_verdict_without_an_alternative():
    assert judge(pd.DataFrame(rows([0.9])), "anomalies") is None
    other = [row | {"seed": 7} for row in rows([0.8], "anomalies: pca")]
    assert judge(pd.DataFrame(rows([0.9]) + other), "anomalies") is None  # no seed in common


def test_errors_have_a_margin_of_their_own_size():
    """A mean squared error of 0.001 more or less makes a difference where the error is 0.02."""
    found = [
        row | {"metrics": {"mse": row["metrics"]["auc"]}}
        for row in rows([0.020, 0.022, 0.019], "linear: nonlinear", n_codes=10)
        + rows([0.021, 0.020, 0.020], "linear: pca", n_codes=10)
    ]
    assert judge(pd.DataFrame(found), "linear").verdict == "undecided"


@pytest.fixture
def kept(own_project, digits):
    """Records of two methods over three seeds, as full-scale runs would write them."""
    made = []
    for seed in range(3):
        scores = [
            Score("autoencoder", {"auc": 0.9 + seed / 100, "ap": 0.5}, {"n_codes": 8, "epochs": 3}),
            Score("pca", {"auc": 0.8, "ap": 0.4}, {"n_codes": 8}),
            Score("pca, code size", {"auc": 0.7}, {"n_codes": 16}),
        ]
        arrays = {"curve": np.arange(3.0)}
        made += keep(study.result("anomalies", digits, seed, scores, arrays), "paper")
    return made


def test_records_and_arrays(kept):
    found = records.read(CHAPTER)
    assert len(found) == len(kept) == 9
    assert set(found["method"]) == {
        "anomalies: autoencoder",
        "anomalies: pca",
        "anomalies: pca, code size",
    }
    assert study.kept("anomalies", "digits")["curve"].tolist() == [0, 1, 2]


def test_names_of_files():
    assert tables.page("few labels") == "02-few-labels"
    assert len({tables.page(use) for use in USES}) == len(USES) == 11


def test_generated_tables(kept):
    pages = tables.generated(records.read(), pd.DataFrame())
    assert set(pages) == {"02-summary.md", *(f"{tables.page(use)}.md" for use in USES)}
    assert pages["02-denoising.md"] == NOT_RUN
    table = pages["02-anomalies.md"]
    assert (
        "| autoencoder, n codes 8 | 0.910\u00a0±\u00a00.010 | 0.500\u00a0±\u00a00.000 | 3 |"
        in table
    )
    assert "epochs" not in table  # what a training cost is no condition
    assert "| better | 3 |" in pages["02-summary.md"]
    assert "pca: 0.800\u00a0±\u00a00.000" in pages["02-summary.md"]


def test_tables_without_records(own_project):
    pages = tables.generated(records.read(), pd.DataFrame())
    assert set(pages.values()) == {NOT_RUN}


def test_live_tables(kept):
    text = tables.live(kept[:3], "anomalies")
    assert "This run, profile paper: anomalies, digits, 50 samples" in text
    assert tables.live(kept[:3], "denoising") == tables.live([], "anomalies") == ""
    text = tables.live_summary(kept[:3])
    assert "This run, profile paper, seed 0" in text
    assert "| one run | 1 |" in text


def test_live_and_generated_tables_have_one_format(kept):
    page = tables.generated(records.read(), pd.DataFrame())["02-anomalies.md"]
    assert page.splitlines()[2:] == tables.live(kept, "anomalies").splitlines()[2:]


@pytest.mark.parametrize(
    ("use", "params", "words"),
    [
        ("denoising", [{"n_test": 300}, {"n_test": 300, "rows": 4800}], "4,800 training and 300"),
        ("inpainting", [{"holes": 8}, {"holes": 8, "rows": 4800}], "4,800 training windows and 8"),
        ("anomalies", [{"n_fit": 10_000}, {"n_fit": 12_105}], "12,105 normal training rows"),
        ("generation", [{"samples": 20}], "20 images of each method, 50 samples in all"),
        ("few labels", [{"unlabelled": 40, "umap_rows": 30}, {}], "40 images without labels, 30"),
        ("code size", [{"rows": 30}], "50 samples, 30 of them for classes and dimension"),
        ("linear", [{"rows": 60_000}], "50 samples"),  # all: none is left out
        ("denoising", [{}], "50 samples"),
    ],
)
def test_a_caption_names_what_was_learned_from_and_tested_on(use, params, words):
    made = pd.DataFrame([rows([0.5], f"{use}: pca", **one)[0] for one in params])
    assert tables.sizes(of_use(made, use), use).startswith(words)


def test_methods_of_a_use_go_by_their_names_within_it():
    names = ["anomalies: pca, code size", "new categories: pixels + umap", "compression: jpeg 2000"]
    made = pd.DataFrame([rows([0.5], name)[0] for name in names])
    for name in names:
        use, _, method = name.partition(": ")
        assert of_use(made, use)["method"].tolist() == [method]
    assert of_use(made, "denoising").empty


def test_numbers_of_a_parameter():
    assert chapters.numbers("code_sizes", "2 10 32") == [2, 10, 32]
    assert chapters.numbers("noise_levels", "0.1 2", float) == [0.1, 2.0]
    with pytest.raises(LatentbookError, match="widths is '8, x', but must hold whole numbers"):
        chapters.numbers("widths", "8, x")
