"""What the notebook is told, and what it shows of the library."""

from __future__ import annotations

import pytest

from latentbook import chapters, paths, planted
from latentbook.autoencoders import variational
from latentbook.chapters.latent_anomalies import parameters, study
from latentbook.errors import LatentbookError
from latentbook.study.source import WIDTH, source

NOTEBOOK = paths.notebooks() / "07-latent-anomalies.ipynb"


def test_the_light_lists_are_those_of_the_library():
    assert set(parameters.CHANGES) == set(planted.CHANGES)
    assert parameters.FOREIGN == planted.FOREIGN
    assert set(parameters.EXPERIMENTS) == set(study.EXPERIMENTS)


@pytest.mark.parametrize(
    ("dataset", "n_latent"), [("digits", 10), ("digits", 784), ("trades", 20), ("nsl_kdd", 40)]
)
def test_long_codes_are_allowed(dataset, n_latent):
    given = {"dataset": dataset, "n_latent": n_latent, "anomalies": "noise"}
    assert chapters.check(NOTEBOOK, "quick", given)["n_latent"] == n_latent


@pytest.mark.parametrize("dataset", ["digits", "mnist-test"])
def test_a_code_longer_than_an_image_is_refused_before_anything_runs(dataset):
    with pytest.raises(LatentbookError, match="n_latent is 785, but must be at most 784, the pix"):
        chapters.check(NOTEBOOK, "quick", {"dataset": dataset, "n_latent": 785})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"drop": "id"}, "drop is 'id', but there is no table of yours"),
        ({"rare": "merge"}, "rare is 'merge', but there is no table of yours"),
        ({"table": "my.csv", "label": "a", "drop": "b, a"}, "drop has 'a', which is the label too"),
        ({"table": "my.csv", "label": "a", "truth": "a"}, "truth has 'a', which is the label too"),
        ({"rare": "merged"}, "did you mean 'merge'"),
    ],
)
def test_what_is_said_of_columns_is_checked_at_once(given, message, tmp_path):
    if "table" in given:
        path = tmp_path / "my.csv"
        path.touch()
        given = given | {"table": str(path)}
    with pytest.raises(LatentbookError, match=message):
        chapters.check(NOTEBOOK, "quick", given)


@pytest.mark.parametrize(
    "function",
    [
        variational.draw,
        variational.bernoulli,
        variational.kl_divergence,
        variational.weighted_loss,
        variational.prior_mean_of,
    ],
)
def test_equations_shown_as_code_fit_the_page(function):
    assert max(map(len, source(function).splitlines())) <= WIDTH
