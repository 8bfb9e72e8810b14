"""Parameters of a running chapter are checked before any work, misspelt ones included."""

from __future__ import annotations

import os

import numpy as np
import pytest

from latentbook import chapters, paths, pipeline
from latentbook.chapters.two_stage_clustering.parameters import REPRESENTATIONS
from latentbook.errors import LatentbookError

NAME = "03-two-stage-clustering"


def test_good_parameters_pass():
    chapters.begin(NAME, {"profile": "quick", "dataset": "digits", "k": 10, "np": np, "os": os})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"datset": "mnist"}, r"unknown parameter of chapter 03.*'datset'.*did you mean 'dataset'"),
        ({"dataset": "minst"}, r"unknown dataset 'minst'.*did you mean 'mnist'"),
        ({"profile": "full"}, "unknown profile 'full': choose one of paper, quick"),
        ({"k": 1}, "k is 1, but must be a whole number from 2"),
        ({"k": "10"}, r"parameter k is '10', but must be a whole number from 2"),
        ({"k": True}, "k is True, but must be a whole number"),
        ({"epochs": -1}, "epochs is -1"),
        ({"min_dist": 2.0}, "min_dist is 2"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_parameters_are_named(given, says):
    with pytest.raises(LatentbookError, match=says):
        chapters.begin(NAME, given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"gama": 0.1}, r"unknown parameter of chapter 04.*'gama'.*did you mean 'gamma'"),
        ({"gamma": -0.1}, r"gamma is -0\.1, but must be a number from 0"),
        ({"alpha": 0.0}, "alpha is 0"),
        ({"tol": 2.0}, "tol is 2"),
        ({"k": 1}, "k is 1"),
        ({"pretraining_epochs": 0}, "pretraining_epochs is 0"),
        ({"update_interval": 0}, "update_interval is 0"),
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"weights": None}, "weights is None, but must be text"),
        ({"dataset": "mnist-tset"}, "unknown dataset 'mnist-tset'"),
    ],
)
def test_bad_parameters_of_deep_clustering_are_named(given, says):
    with pytest.raises(LatentbookError, match=says):
        chapters.begin("04-deep-clustering", given)


def test_a_published_split_is_a_data_set():
    chapters.begin("04-deep-clustering", {"dataset": "mnist-test", "gamma": 0.0})


def test_words_are_checked():
    assert chapters.words("representation", "raw umap2", REPRESENTATIONS) == ["raw", "umap2"]
    with pytest.raises(LatentbookError, match="unknown representation 'umap'"):
        chapters.words("representation", "raw umap", REPRESENTATIONS)


def test_a_number_that_papermill_made_of_a_word(own_project):
    """papermill reads ``-p hidden 32`` as a number."""
    values = pipeline.parameters(paths.notebooks() / "07-latent-anomalies.ipynb")
    with pytest.raises(LatentbookError, match="write -r hidden 32"):
        chapters.begin("07-latent-anomalies", values | {"hidden": 32})
