"""The two convolutional autoencoders of fernandez2020 with a code of ten numbers.

`fernandez` is the author's own (appendix, section 7: 20,553 parameters at 28 x 28 x 1).
`guo` is that of guo2017dcec (figure 11.12: 275,979 parameters), which DCEC pretrains. Its deeper
and denoising variants belong to section 13.1.2 of the thesis.
Dense networks are left to `dense`, clustering to `latentbook.dcec`.

References
----------
- fernandez2020: Agustín Fernández Felguera. Dimensionality reduction for clustering with deep
  neural networks. Bachelor's thesis, Universitat de Barcelona and Universitat Politècnica de
  Catalunya, 2020.
- guo2017dcec: Xifeng Guo, Xinwang Liu, En Zhu, Jianping Yin. Deep clustering with convolutional
  autoencoders. Neural Information Processing (ICONIP 2017). 2017.
  https://doi.org/10.1007/978-3-319-70096-0_39
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import training
from latentbook.autoencoders.base import Autoencoder, join
from latentbook.errors import LatentbookError, choose

if TYPE_CHECKING:
    import keras


def fernandez(input_shape: tuple[int, int, int] = (28, 28, 1), n_codes: int = 10) -> Autoencoder:
    """Build the author's autoencoder: five convolutions and poolings down to 1 x 1 x `n_codes`.

    The factors of the decoder (2, 2, 3, 2 and two valid 3 x 3 transposed convolutions) lead to
    28 x 28 pixels only; other sizes are refused. The output is a sigmoid, for binary
    cross-entropy.

    Parameters
    ----------
    input_shape : tuple of int, default=(28, 28, 1)
        (height, width, channels).
    n_codes : int, default=10
        Length of the code.

    Raises
    ------
    LatentbookError
        If the image is not 28 x 28.
    """
    import keras
    from keras import layers

    if input_shape[:2] != (28, 28):
        raise LatentbookError(
            f"the autoencoder cae10 takes images of 28 x 28 pixels, not {input_shape[0]} x "
            f"{input_shape[1]}: resize them, or use cae10-guo, which takes any size from 8"
        )

    def conv(x: Any, filters: int, kernel: int = 3) -> Any:
        return layers.LeakyReLU(0.2)(layers.Conv2D(filters, kernel, padding="same")(x))

    image = keras.Input(input_shape, name="image")
    x = image
    for filters in (24, 20, 16, 12, n_codes):
        x = layers.MaxPooling2D(2, padding="same")(conv(x, filters))
    encoder = keras.Model(image, x, name="encoder")

    code = keras.Input((1, 1, n_codes), name="code")
    x = conv(layers.UpSampling2D(2)(code), n_codes)
    x = layers.UpSampling2D(2)(conv(x, 12))
    x = layers.UpSampling2D(3)(conv(x, 16, kernel=2))
    x = layers.UpSampling2D(2)(conv(x, 20))
    x = layers.Conv2DTranspose(24, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(input_shape[2], 3, activation="sigmoid")(x)
    return join("cae10", encoder, keras.Model(code, x, name="decoder"))


def guo(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    n_codes: int = 10,
    *,
    name: str = "cae10-guo",
    extra: int = 0,
    noise: float = 0.0,
) -> Autoencoder:
    """Build the autoencoder of guo2017dcec for square images whose side is at least 8.

    Three strided convolutions (32, 64, 128), a linear code, and their mirror image. The output is
    linear, for mean squared error. The third convolution is unpadded if the side is not a
    multiple of 8.

    Parameters
    ----------
    input_shape : tuple of int, default=(28, 28, 1)
        (height, width, channels).
    n_codes : int, default=10
        Length of the code.
    name : str, default="cae10-guo"
        Name of the architecture, a key of `BUILDERS`.
    extra : int, default=0
        Unstrided 3 x 3 convolutions after each strided one, and before its mirror image.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on the images, in training only.

    Raises
    ------
    LatentbookError
        If the image is not square or smaller than 8 pixels, or if the strides cannot restore its
        side (a multiple of 4 from 8 on can be restored).
    """
    import keras
    from keras import layers

    height, width, channels = input_shape
    if height != width or height < 8 or height % 8 not in (0, 4):
        raise LatentbookError(
            f"the autoencoder {name} takes square images of 8, 12, 16, 20, 28, 32 ... pixels "
            f"a side, not {height} x {width}: resize or pad them"
        )
    third = "same" if height % 8 == 0 else "valid"
    side = height // 8

    def refine(x: Any, filters: int) -> Any:
        for _ in range(extra):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    image = keras.Input(input_shape, name="image")
    x = layers.GaussianNoise(noise)(image) if noise else image
    x = layers.Conv2D(32, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(64, 5, strides=2, padding="same", activation="relu")(refine(x, 32))
    x = layers.Conv2D(128, 3, strides=2, padding=third, activation="relu")(refine(x, 64))
    x = layers.Dense(n_codes, name="embedding")(layers.Flatten()(refine(x, 128)))
    encoder = keras.Model(image, x, name="encoder")

    code = keras.Input((n_codes,), name="code")
    x = layers.Dense(128 * side * side, activation="relu")(code)
    x = refine(layers.Reshape((side, side, 128))(x), 128)
    x = layers.Conv2DTranspose(64, 3, strides=2, padding=third, activation="relu")(x)
    x = refine(x, 64)
    x = layers.Conv2DTranspose(32, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(channels, 5, strides=2, padding="same")(refine(x, 32))
    return join(name, encoder, keras.Model(code, x, name="decoder"))


#: Name of the architecture -> (builder, reconstruction loss).
BUILDERS: dict[str, tuple[Callable[..., Autoencoder], str]] = {
    "cae10": (fernandez, "binary_crossentropy"),
    "cae10-guo": (guo, "mean_squared_error"),
    "cae10-guo-deep": (partial(guo, name="cae10-guo-deep", extra=1), "mean_squared_error"),
    "cae10-guo-noise": (partial(guo, name="cae10-guo-noise", noise=0.3), "mean_squared_error"),
}


def build(
    name: str, input_shape: tuple[int, int, int], n_codes: int = 10, *, seed: int = 0
) -> tuple[Autoencoder, keras.losses.Loss | str]:
    """Return the named autoencoder with weights drawn from `seed`, and its loss.

    Parameters
    ----------
    name : str
        A key of `BUILDERS`.
    input_shape : tuple of int
        (height, width, channels).
    n_codes : int, default=10
        Length of the code.
    seed : int, default=0
        Random state of the weights.

    Examples
    --------
    >>> from latentbook import datasets
    >>> from latentbook.autoencoders import conv
    >>> digits = datasets.load("digits", n=50)
    >>> autoencoder, loss = conv.build("cae10", digits.x.shape[1:])
    >>> autoencoder.model.count_params(), loss
    (20553, 'binary_crossentropy')
    >>> autoencoder.encoder.output_shape
    (None, 1, 1, 10)
    """
    import keras

    builder, loss = BUILDERS[choose("autoencoder", name, BUILDERS)]
    keras.utils.set_random_seed(seed)
    return builder(input_shape, n_codes), loss


def trained(
    name: str,
    x: np.ndarray,
    x_val: np.ndarray | None = None,
    *,
    epochs: int,
    patience: int | None = None,
    batch_size: int = 256,
    n_codes: int = 10,
    seed: int = 0,
    progress: bool = True,
) -> tuple[Autoencoder, training.History]:
    """Build the named autoencoder and train it with Adam (learning rate 0.001) on `x`.

    An interrupted run with the same arguments continues; a finished one is loaded.

    Parameters
    ----------
    name : str
        A key of `BUILDERS`.
    x : array of shape (n, height, width, channels)
        Training images.
    x_val : array of shape (n, height, width, channels), default=None
        Images whose reconstruction loss early stopping watches.
    n_codes : int, default=10
        Length of the code.
    epochs, patience, batch_size, seed, progress
        As in `latentbook.training.fit`.

    Returns
    -------
    Autoencoder, History
    """
    import keras

    autoencoder, loss = build(name, x.shape[1:], n_codes, seed=seed)
    autoencoder.model.compile(keras.optimizers.Adam(1e-3), loss, **training.compiling())
    history = training.fit(
        autoencoder.model,
        x,
        x_val=x_val,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        key={"architecture": name, "n_codes": n_codes, "optimizer": "Adam 0.001", "loss": loss},
        seed=seed,
        progress=progress,
    )
    return autoencoder, history
