"""Convolutional autoencoders that undo damage or compress, and a small classifier that judges them.

The lectures charte2020 ("Noise reduction") and petersen ("De-noising", "Inpainting",
"Compression") train on damaged input against the clean image. Here the damage is a layer that is
active in training only, and `latentbook.training.fit` trains x -> x as for all networks.
Comparisons with other methods are left to the chapter.

References
----------
- charte2020: David Charte. Autoencoders: an overview and applications. Slides, SOMACHINE 2020,
  Universidad de Granada, 2020.
- petersen: Troels C. Petersen. Applied ML: AutoEncoders. Slides, Niels Bohr Institute, undated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from latentbook import cache, feed, training
from latentbook.autoencoders.base import Autoencoder, join
from latentbook.errors import LatentbookError, check_between, choose

#: Kinds of holes that `Hide` cuts.
MASKS = ("random", "block", "centre")
#: The compressor halves the image three times: a code has one position for 8 x 8 pixels.
BLOCK = 8
#: Range of the pixels that the compressor's transforms see.
SPREAD = 20.0


class VaryingNoise(layers.Layer):
    """Add Gaussian noise in training, of a level drawn anew for every image.

    Parameters
    ----------
    low, high
        Range of the standard deviation, uniform.
    """

    def __init__(self, low: float, high: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high = low, high
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return images `x`, noisy if `training`."""
        if not training:
            return x
        draw = self.seed_generator
        one_an_image = (ops.shape(x)[0], 1, 1, 1)
        level = keras.random.uniform(one_an_image, self.low, self.high, seed=draw)
        return x + level * keras.random.normal(ops.shape(x), seed=draw)


class Hide(layers.Layer):
    """Hide pixels of every image at random, always: return what is left, and the mask.

    Parameters
    ----------
    kind
        ``random``: every pixel with probability `share`; ``block``: one square of about `share`
        of the image, anywhere; ``centre``: that square in the middle.
    """

    def __init__(self, kind: str, share: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind, self.share = kind, share
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any) -> tuple[Any, Any]:
        """Return the damaged images with the mask as last channel, and the mask (1 = hidden)."""
        n, height, width = ops.shape(x)[0], x.shape[1], x.shape[2]
        draw = self.seed_generator
        if self.kind == "random":
            hidden = keras.random.uniform((n, height, width, 1), seed=draw) < self.share
        else:
            side = block_side(self.share, height, width)
            free = height - side, width - side
            if self.kind == "centre":
                top, left = (ops.full((n, 1, 1, 1), part // 2, x.dtype) for part in free)
            else:
                top, left = (
                    ops.floor(keras.random.uniform((n, 1, 1, 1), seed=draw) * (part + 1))
                    for part in free
                )
            rows = ops.reshape(ops.arange(height, dtype=x.dtype), (1, height, 1, 1))
            columns = ops.reshape(ops.arange(width, dtype=x.dtype), (1, 1, width, 1))
            inside = ops.logical_and(rows >= top, rows < top + side)
            across = ops.logical_and(columns >= left, columns < left + side)
            hidden = ops.logical_and(inside, across)
        mask = ops.cast(hidden, x.dtype)
        return ops.concatenate([x * (1 - mask), mask], axis=-1), mask


def block_side(share: float, height: int, width: int) -> int:
    """Return the side, in pixels, of the square that covers about `share` of an image.

    Raises
    ------
    LatentbookError
        If nothing or everything would be hidden, or the square is larger than the image.
    """
    side = round(math.sqrt(share * height * width))
    if not 1 <= side < min(height, width):
        raise LatentbookError(
            f"a block of {share:g} of {height} x {width} pixels has a side of {side}: choose a "
            f"share that gives a side from 1 to {min(height, width) - 1}"
        )
    return side


class CodedNoise(layers.Layer):
    """Stand in for rounding while training, and add the bits that the codes would cost to the loss.

    Uniform noise of width 1 is added to codes in training; the model of their distribution is a
    logistic one a channel, whose position and width are learned. The loss is `weight` times the
    bits a pixel.
    """

    def __init__(self, weight: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make one position and one log width a channel."""
        self.position = self.add_weight(shape=(shape[-1],), initializer="zeros", name="position")
        self.log_width = self.add_weight(shape=(shape[-1],), initializer="zeros", name="log_width")

    def call(self, code: Any, training: bool = False) -> Any:
        """Return the codes, noisy if `training`, rounded if not."""
        if training:
            noise = keras.random.uniform(ops.shape(code), -0.5, 0.5, seed=self.seed_generator)
            noisy = code + noise
        else:
            noisy = ops.round(code)
        bits = logistic_bits(noisy, self.position, self.log_width)
        self.add_loss(self.weight * ops.mean(ops.sum(bits, axis=-1)) / BLOCK**2)
        return noisy


def logistic_bits(code: Any, position: Any, log_width: Any) -> Any:
    """Return -log2 of the logistic probability of the unit around each code."""
    distance, width = ops.abs(code - position), ops.exp(log_width)
    # both arguments negative: there the sigmoid keeps its precision
    upper = ops.sigmoid((0.5 - distance) / width)
    lower = ops.sigmoid((-0.5 - distance) / width)
    return -ops.log(ops.maximum(upper - lower, 1e-9)) / math.log(2.0)


#: Leaky, because plain rectifiers died: an inpainter then answered every hole with one value.
_ACTIVE = {"activation": "leaky_relu", "kernel_initializer": "he_normal", "padding": "same"}


def _conv(x: Any, filters: int, kernel: int = 3, strides: int = 1) -> Any:
    return layers.Conv2D(filters, kernel, strides=strides, **_ACTIVE)(x)


def _deconv(x: Any, filters: int, kernel: int = 4) -> Any:
    return layers.Conv2DTranspose(filters, kernel, strides=2, **_ACTIVE)(x)


def check_divisible(shape: tuple[int, ...], by: int) -> None:
    """Raise `LatentbookError` unless `shape` is (height, width, channels) with sides that fit."""
    if len(shape) != 3:
        raise LatentbookError(
            f"the convolutional networks take images of shape (height, width, channels), not "
            f"{tuple(shape)}: choose a data set of images"
        )
    if shape[0] % by or shape[1] % by:
        raise LatentbookError(
            f"the sides of an image must be multiples of {by}, not {shape[0]} x {shape[1]}: "
            "crop or pad it"
        )


def denoiser(
    input_shape: tuple[int, int, int], *, filters: int, noise: tuple[float, float], seed: int = 0
) -> Autoencoder:
    """Build the denoising autoencoder: one halving, an overcomplete code, and its mirror image.

    The code has more numbers than the image. Only the noise in the input keeps the network from
    copying (charte2020, "Noise reduction").

    Parameters
    ----------
    input_shape
        (height, width, channels), even sides.
    filters
        Of every convolution, also those of the code.
    noise
        Least and largest standard deviation of the noise in training.

    Raises
    ------
    LatentbookError
        For odd sides, or noise levels that are negative or out of order.
    """
    check_divisible(input_shape, 2)
    check_between("the least noise", noise[0], 0, noise[1])
    keras.utils.set_random_seed(seed)
    image = keras.Input(input_shape, name="image")
    x = _conv(VaryingNoise(*noise, seed=seed, name="noise")(image), filters)
    x = _conv(_conv(_conv(x, filters, strides=2), filters), filters)
    encoder = keras.Model(image, x, name="encoder")

    code = keras.Input(encoder.output_shape[1:], name="code")
    x = _deconv(_conv(code, filters), filters)
    x = layers.Conv2D(input_shape[2], 3, padding="same")(x)
    return join("denoiser", encoder, keras.Model(code, x, name="decoder"))


def inpainter(
    input_shape: tuple[int, int, int],
    *,
    filters: int,
    halvings: int,
    kind: str,
    share: float,
    seed: int = 0,
) -> tuple[Autoencoder, keras.Model]:
    """Build the inpainting autoencoder, and the model that hides pixels and trains it.

    Parameters
    ----------
    input_shape
        (height, width, channels) of the images; the sides are multiples of ``2 ** halvings``.
    filters
        Of the first convolution; twice as many from the first halving on.
    halvings
        Strided convolutions: more of them see further into a hole.
    kind, share
        What `Hide` hides.

    Returns
    -------
    Autoencoder
        From images with hidden pixels at 0 and the mask as last channel to whole images.
    keras.Model
        From whole images to images whose hidden pixels are filled in, so that training x -> x by
        mean squared error counts errors inside the holes only.

    Raises
    ------
    LatentbookError
        For an unknown kind, a share outside [0.01, 0.99], or sides that the halvings do not divide.
    """
    choose("mask", kind, MASKS)
    check_between("the hidden share", share, 0.01, 0.99)
    check_divisible(input_shape, 2**halvings)
    if kind != "random":
        block_side(share, *input_shape[:2])
    keras.utils.set_random_seed(seed)
    height, width, channels = input_shape
    damaged = keras.Input((height, width, channels + 1), name="damaged")
    x = _conv(damaged, filters)
    for _ in range(halvings):
        x = _conv(_conv(x, 2 * filters, strides=2), 2 * filters)
    encoder = keras.Model(damaged, x, name="encoder")

    code = keras.Input(encoder.output_shape[1:], name="code")
    x = code
    for step in range(halvings):
        x = _deconv(_conv(x, 2 * filters), filters if step == halvings - 1 else 2 * filters)
    x = layers.Conv2D(channels, 3, padding="same")(x)
    autoencoder = join("inpainter", encoder, keras.Model(code, x, name="decoder"))

    image = keras.Input(input_shape, name="image")
    seen, mask = Hide(kind, share, seed, name="hide")(image)
    filled = mask * autoencoder.model(seen) + (1 - mask) * image
    return autoencoder, keras.Model(image, filled, name="training_inpainter")


def compressor(crop: int, *, filters: int, maps: int, weight: float, seed: int = 0) -> Autoencoder:
    """Build the compressing autoencoder of grey images: `maps` codes for every 8 x 8 pixels.

    Encoder and decoder are each the sum of a linear transform of overlapping blocks, twice as wide
    as those of JPEG, and of a network that corrects it. They take images of any sides that are
    multiples of 8; the model, which trains on crops, adds noise to the codes and their cost to its
    loss (see `CodedNoise`).

    Parameters
    ----------
    crop
        Side of the training crops in pixels, a multiple of 8.
    weight
        Loss of one bit a pixel, in units of the mean squared error.
    """
    check_divisible((crop, crop, 1), BLOCK)
    check_between("weight", weight, 0, 1)
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 1), name="image")
    # around 0, and with a spread beside which rounding to whole numbers is fine
    x = layers.Rescaling(SPREAD, -SPREAD / 2)(image)
    linear = layers.Conv2D(maps, 2 * BLOCK, strides=BLOCK, padding="same")(x)
    x = _conv(_conv(x, filters, 8, strides=4), filters, 5, strides=2)
    x = layers.Conv2D(maps, 3, padding="same")(x)
    encoder = keras.Model(image, linear + x, name="encoder")

    code = keras.Input((None, None, maps), name="code")
    linear = layers.Conv2DTranspose(1, 2 * BLOCK, strides=BLOCK, padding="same")(code)
    x = _deconv(_conv(code, filters), filters, 6)
    x = layers.Conv2DTranspose(1, 8, strides=4, padding="same")(x)
    decoder = keras.Model(code, layers.Rescaling(1 / SPREAD, 0.5)(linear + x), name="decoder")

    crops = keras.Input((crop, crop, 1), name="crop")
    noisy = CodedNoise(weight, seed, name="coded_noise")(encoder(crops))
    return Autoencoder("compressor", encoder, decoder, keras.Model(crops, decoder(noisy)))


def train(
    model: keras.Model,
    x: Any,
    *,
    loss: Any,
    key: dict[str, Any],
    epochs: int,
    batch_size: int,
    seed: int,
    learning_rate: float = 3e-3,
    progress: bool = True,
) -> training.History:
    """Train `model` to give `x` with Adam, as `latentbook.training.fit`.

    Parameters
    ----------
    loss
        Name or function; None where the model adds its own.
    key
        What determines the result besides the data: architecture and its numbers, and the name of
        the loss.
    """
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate, epochs * -(-training.n_samples(x) // batch_size), alpha=0.05
    )
    model.compile(keras.optimizers.Adam(rate), loss, **training.compiling())
    settings = {"optimizer": f"Adam {learning_rate:g} cosine", "epochs": epochs}
    return training.fit(
        model,
        x,
        epochs=epochs,
        batch_size=batch_size,
        key=key | settings,
        seed=seed,
        progress=progress,
    )


class CrossEntropy(layers.Layer):
    """Add the mean cross-entropy of logits and labels as the loss, and pass the logits on."""

    def call(self, logits: Any, label: Any) -> Any:
        """Return `logits`, of shape (n, n_classes)."""
        losses = ops.sparse_categorical_crossentropy(label, logits, from_logits=True)
        self.add_loss(ops.mean(losses))
        return logits


@dataclass(frozen=True)
class Classifier:
    """A small convolutional classifier.

    Attributes
    ----------
    features : keras.Model
        From images to the activations of the second convolution, (n, height / 2, width / 2, 2
        `filters`).
    logits : keras.Model
        From images to one number a class.
    seconds : float
        Training time.
    """

    features: keras.Model
    logits: keras.Model
    seconds: float

    def accuracy(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the share of images `x` that are given their class `y`."""
        found = [
            # without predict, whose start takes longer than a few hundred images
            ops.convert_to_numpy(self.logits(x[i : i + 500], training=False)).argmax(axis=1)
            for i in range(0, len(x), 500)
        ]
        return float((np.concatenate(found) == y).mean())


def classifier(
    x: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    *,
    filters: int,
    epochs: int,
    batch_size: int,
    seed: int,
    progress: bool = True,
) -> Classifier:
    """Train a classifier of images `x` with labels `y`; afterwards its weights are frozen.

    Parameters
    ----------
    x : array of shape (n, height, width, channels)
    y : integer vector of length n
    """
    keras.utils.set_random_seed(seed)
    image, label = keras.Input(x.shape[1:], name="x"), keras.Input((), dtype="int32", name="label")
    seen = _conv(_conv(image, filters), 2 * filters, strides=2)
    features = keras.Model(image, seen, name="features")
    h = _conv(features(image), 2 * filters, strides=2)
    h = layers.Flatten()(layers.AveragePooling2D(2)(h))
    logits = keras.Model(image, layers.Dense(n_classes)(h), name="logits")
    inputs = {"label": label, "x": image}
    model = keras.Model(inputs, CrossEntropy()(logits(image), label), name="classifier")
    history = train(
        model,
        {"label": y.astype(np.int32), "x": x},
        loss=None,
        key={"architecture": "small classifier", "filters": filters, "classes": n_classes},
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        progress=progress,
    )
    model.trainable = False
    return Classifier(features, logits, sum(history["seconds"]))


def perceptual_loss(judge: Classifier, x: np.ndarray) -> tuple[Any, str]:
    """Return a loss in the features of a classifier, and its name for a key.

    Mean squared differences of the pixels and of the features have equal weight, each divided by
    the variance of the clean images `x`. The idea is from petersen, "De-noising AutoEncoders":
    compare later layers of the images, besides or instead of the images.
    """
    seen = judge.features.predict(**feed.arrays(x, batch_size=256), verbose=0)
    scale = 1 / float(seen.var()), 1 / float(x.var())

    def loss(clean: Any, restored: Any) -> Any:
        difference = judge.features(restored) - judge.features(clean)
        of_features = ops.mean(ops.square(difference), axis=(1, 2, 3))
        of_pixels = ops.mean(ops.square(restored - clean), axis=(1, 2, 3))
        return scale[0] * of_features + scale[1] * of_pixels

    digest = cache.digest(*judge.features.get_weights())
    return loss, f"perceptual {digest[:16]}"
