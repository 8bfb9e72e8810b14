"""Weights of an autoencoder in a file: what is written is read, and nothing else is taken over."""

from __future__ import annotations

import numpy as np
import pytest

from latentbook.autoencoders import conv
from latentbook.errors import LatentbookError

SHAPE, CODES = (8, 8, 1), 4


@pytest.fixture(scope="module")
def trained():
    """Stands for one: other weights than those of another seed."""
    return conv.build("cae10-guo", SHAPE, CODES, seed=1)[0]


@pytest.fixture
def weights(trained, tmp_path):
    trained.save(tmp_path / "weights.npz")
    return tmp_path / "weights.npz"


def other(architecture="cae10-guo", shape=SHAPE, n_codes=CODES):
    return conv.build(architecture, shape, n_codes, seed=5)[0]


def test_weights_go_from_one_autoencoder_to_another(trained, weights):
    autoencoder, theirs = other(), trained.model.get_weights()
    assert np.abs(autoencoder.model.get_weights()[0] - theirs[0]).max() > 0.01
    autoencoder.load(weights)
    for ours, weight in zip(autoencoder.model.get_weights(), theirs, strict=True):
        np.testing.assert_array_equal(ours, weight)


@pytest.mark.parametrize(
    ("autoencoder", "ours"),
    [
        (lambda: other("cae10-guo-deep"), "cae10-guo-deep for images of 8 x 8 x 1 with 4 codes"),
        (lambda: other("cae10-guo-noise"), "cae10-guo-noise for images of 8 x 8 x 1 with 4 codes"),
        (lambda: other(n_codes=3), "cae10-guo for images of 8 x 8 x 1 with 3 codes"),
        (lambda: other(shape=(16, 16, 1)), "cae10-guo for images of 16 x 16 x 1 with 4 codes"),
    ],
)
def test_those_of_another_architecture_are_refused_with_both_descriptions(
    trained, weights, autoencoder, ours
):
    size = f"{trained.model.count_params():,}"
    theirs = rf"cae10-guo for images of 8 x 8 x 1 with 4 codes \({size} parameters\)"
    with pytest.raises(LatentbookError, match=f"belong to {theirs}, but .* is {ours}"):
        autoencoder().load(weights)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no archive",
        lambda content: b"PK\x03\x04 cut",
        lambda content: content[: len(content) // 2],
        flipped,
    ],
)
def test_a_damaged_file_is_named(weights, damage):
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(LatentbookError, match=r"weights .*weights\.npz cannot be read"):
        other().load(weights)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LatentbookError, match=r"weights .*weights\.npz cannot be read"):
        other().load(tmp_path / "weights.npz")
