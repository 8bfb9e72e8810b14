"""Networks that undo damage or compress: where damage is active, what they count, bad input."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from latentbook import training
from latentbook.autoencoders import restoration
from latentbook.errors import LatentbookError

pytestmark = pytest.mark.usefixtures("own_cache")

RNG = np.random.default_rng(0)
X = RNG.random((64, 16, 16, 1)).astype(np.float32)


def array(tensor: Any) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def test_noise_is_added_in_training_only_and_its_level_varies():
    layer = restoration.VaryingNoise(0.1, 0.4, seed=0)
    assert np.array_equal(array(layer(X)), X)
    level = (array(layer(X, training=True)) - X).std(axis=(1, 2, 3))
    assert 0.08 < level.min() < 0.2 < 0.3 < level.max() < 0.47


def test_noise_starts_again_from_its_seed():
    built = restoration.denoiser((16, 16, 1), filters=2, noise=(0.1, 0.4))
    drawn = []
    for seed in (1, 2, 1):
        training.reseed(built.model, seed)
        drawn.append(array(built.model(X[:2], training=True)))
    assert np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize(("kind", "share"), [("random", 0.5), ("block", 0.25), ("centre", 0.25)])
def test_hidden_pixels_are_zero_marked_and_as_many_as_asked(kind, share):
    damaged, mask = (array(t) for t in restoration.Hide(kind, share, seed=0)(X))
    assert set(np.unique(mask)) == {0, 1}
    assert np.array_equal(damaged[..., 1:], mask)
    assert np.array_equal(damaged[..., :1], X * (1 - mask))
    assert mask.mean() == pytest.approx(share, abs=0.02)


def test_blocks_are_squares_that_differ_in_place():
    mask = array(restoration.Hide("block", 0.25, seed=0)(X)[1])[..., 0]
    rows, columns = mask.any(axis=2).sum(axis=1), mask.any(axis=1).sum(axis=1)
    assert (rows == 8).all()
    assert (columns == 8).all()
    assert len(np.unique(mask, axis=0)) > 20


def test_the_training_inpainter_keeps_what_is_visible():
    _, model = restoration.inpainter((16, 16, 1), filters=2, halvings=2, kind="block", share=0.25)
    filled = array(model(X))
    assert (filled == X).mean() == pytest.approx(0.75, abs=0.01)


def test_autoencoders_are_the_decoder_of_the_encoder():
    built, _ = restoration.inpainter((16, 16, 3), filters=2, halvings=2, kind="random", share=0.5)
    damaged = RNG.random((3, 16, 16, 4)).astype(np.float32)
    assert built.model.output_shape == (None, 16, 16, 3)
    np.testing.assert_allclose(
        array(built.decoder(built.encoder(damaged))), array(built.model(damaged)), atol=1e-6
    )


def test_bits_agree_with_scipy():
    code, position, width = np.array([-9.0, 0.0, 0.4, 30.0]), 0.5, 0.7
    law = stats.logistic(position, width)
    expected = -np.log2(np.maximum(law.cdf(code + 0.5) - law.cdf(code - 0.5), 1e-9))
    found = restoration.logistic_bits(
        ops.convert_to_tensor(code), position, ops.log(ops.convert_to_tensor(width, "float64"))
    )
    np.testing.assert_allclose(array(found), expected, rtol=1e-4)


def test_probabilities_of_whole_codes_sum_to_one():
    codes = ops.convert_to_tensor(np.arange(-60.0, 61.0, dtype=np.float32))
    bits = array(restoration.logistic_bits(codes, 0.3, 0.2)).astype(float)
    assert np.exp2(-bits).sum() == pytest.approx(1, abs=1e-4)


def test_codes_are_rounded_outside_training_and_near_them_inside():
    layer = restoration.CodedNoise(0.1, seed=0)
    code = ops.convert_to_tensor(4 * X)
    assert np.array_equal(array(layer(code)), np.round(4 * X))
    noise = array(layer(code, training=True)) - 4 * X
    assert np.abs(noise).max() <= 0.5 + 1e-5
    assert noise.var() == pytest.approx(1 / 12, rel=0.05)
    assert layer.losses


def test_the_compressor_takes_any_sides_that_are_multiples_of_eight():
    built = restoration.compressor(16, filters=4, maps=3, weight=0.01)
    codes = built.encoder(np.zeros((1, 24, 40, 1), np.float32))
    assert codes.shape == (1, 3, 5, 3)
    assert built.decoder(codes).shape == (1, 24, 40, 1)


def trained_denoiser(epochs: int) -> tuple[Any, list[float]]:
    built = restoration.denoiser((16, 16, 1), filters=4, noise=(0.0, 0.1))
    smooth = np.cumsum(X, axis=1) / 16
    history = restoration.train(
        built.model,
        smooth,
        loss="mean_squared_error",
        key={"test": "denoiser"},
        epochs=epochs,
        batch_size=16,
        seed=0,
        progress=False,
    )
    return built, history["loss"]


def test_training_lowers_the_loss_and_is_loaded_the_second_time(capsys):
    first, losses = trained_denoiser(3)
    assert losses[-1] < 0.9 * losses[0]
    again, _ = trained_denoiser(3)
    assert "resumed after epoch 3" in capsys.readouterr().out
    np.testing.assert_array_equal(first.encoder.get_weights()[0], again.encoder.get_weights()[0])


@pytest.fixture
def judge() -> restoration.Classifier:
    y = np.arange(64) % 2
    bright = (0.2 * X + 0.8 * y[:, None, None, None]).astype(np.float32)
    found = restoration.classifier(
        bright, y, 2, filters=4, epochs=12, batch_size=8, seed=0, progress=False
    )
    assert found.accuracy(bright, y) > 0.8
    return found


def test_the_perceptual_loss_is_zero_for_equal_images_only(judge):
    loss, text = restoration.perceptual_loss(judge, X)
    assert text.startswith("perceptual ")
    assert np.abs(array(loss(X, X))).max() == 0
    assert (array(loss(X, X + 0.1)) > 0).all()
    assert not judge.features.trainable_variables


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: restoration.denoiser((15, 16, 1), filters=2, noise=(0, 1)), "multiples of 2"),
        (lambda: restoration.denoiser((16, 16, 1), filters=2, noise=(0.4, 0.1)), "least noise"),
        (lambda: restoration.denoiser((36,), filters=2, noise=(0, 1)), "take images"),
        (lambda: inpainter("spots", 0.5), "did you mean|choose one of random, block, centre"),
        (lambda: inpainter("random", 1.0), "hidden share"),
        (lambda: inpainter("block", 0.99), "choose a share"),
        (lambda: restoration.compressor(20, filters=2, maps=2, weight=0.1), "multiples of 8"),
        (lambda: restoration.compressor(16, filters=2, maps=2, weight=-1), "weight"),
    ],
)
def test_impossible_networks_are_refused(build, message):
    with pytest.raises(LatentbookError, match=message):
        build()


def inpainter(kind: str, share: float) -> tuple[Any, keras.Model]:
    return restoration.inpainter((16, 16, 1), filters=2, halvings=2, kind=kind, share=share)
