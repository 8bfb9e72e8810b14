"""What notebook 02 shows and takes: code that fits the page, parameters that the gate knows."""

from __future__ import annotations

import pytest

from latentbook import chapters, paths
from latentbook.autoencoders import dense, restoration
from latentbook.chapters.autoencoders import (
    anomalies,
    code_size,
    denoising,
    few_labels,
    generation,
    inpainting,
    new_categories,
    parameters,
    study,
)
from latentbook.errors import LatentbookError
from latentbook.study.source import WIDTH, source

NOTEBOOK = paths.notebooks() / "02-autoencoders.ipynb"


@pytest.mark.parametrize(
    "function",
    [
        study.separation,
        restoration.VaryingNoise,
        restoration.perceptual_loss,
        denoising.wiener,
        inpainting.fill_network,
        inpainting.volume,
        restoration.logistic_bits,
        anomalies.score_samples,
        few_labels.classifier,
        code_size.dimension_mle,
        code_size.dimension_two_nn,
        new_categories.distance,
        dense.penalty,
    ],
)
def test_code_that_is_shown_fits_the_page(function):
    assert max(map(len, source(function).splitlines())) <= WIDTH


def test_the_light_constant_is_that_of_the_use():
    assert parameters.SHEET == generation.SHOWN


@pytest.mark.parametrize("name", ["land", "traffic"])
def test_trades_have_no_matrix_for_this_chapter(name):
    with pytest.raises(LatentbookError, match=f"{name} .*'trades'"):
        chapters.check(NOTEBOOK, "quick", {name: "trades"})
