"""The autoencoders of tsiatsios2019 for windows of weather, a ConvLSTM, and a plain one.

A window of several frames becomes one code, so that clustering sees how the weather moves.
Windows are left to `weather.windows`, training to `training`, and clusters of the codes to
`clustering`, or to `dcec`, which learns them together with the network.

References
----------
- tsiatsios2019: Georgios Tsiatsios. Deep learning for clustering of weather and atmospheric
  dispersion features. Master's thesis, University of the Peloponnese and NCSR Demokritos, 2019.
- klampanos2018: Iraklis A. Klampanos, Athanasios Davvetas, Spyros Andronopoulos, Charalampos
  Pappas, Andreas Ikonomopoulos, Vangelis Karkaletsis. Autoencoder-driven weather clustering for
  source estimation during nuclear events. 2018. https://doi.org/10.1016/j.envsoft.2018.01.014
- shi2015: Xingjian Shi, Zhourong Chen, Hao Wang, Dit-Yan Yeung, Wai-kin Wong, Wang-chun Woo.
  Convolutional LSTM network: a machine learning approach for precipitation nowcasting. 2015.
  https://arxiv.org/abs/1506.04214
- srivastava2015: Nitish Srivastava, Elman Mansimov, Ruslan Salakhutdinov. Unsupervised learning of
  video representations using LSTMs. 2015. https://arxiv.org/abs/1502.04681

Notes
-----
The thesis leaves some points open; they are read like this:

- The code of a window is the last state of the latent LSTM (section 3.1: one z for one x).
- Figure 19 has no recurrent layer behind the code, but the code must become eight different frames.
  So its fully connected layer gives each time step 256 numbers, an image of 16 x 16, and each step
  has weights of its own.
- Figure 19 ends with 64 filters; a last convolution to the channels of the input is added. The
  deconvolutions have stride 1.
- Section 3.1 makes the output linear, section 3.2 does not name it; it is linear here.
- Initial weights are not named. In the CNN-LSTM those before a ReLU are He's: a signal passes 13
  such layers.
- Section 3.2 describes a Conv-LSTM (shi2015), figures 14 and 19 show convolutions and an LSTM. Both
  are built: `conv_lstm` after the text, `cnn_lstm` after the figures.
- "ReLU for all layers" is read as the activation of cell and output of the LSTMs; their gates stay
  sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from latentbook import training
from latentbook.autoencoders.base import Autoencoder, join
from latentbook.autoencoders.conv import guo
from latentbook.errors import LatentbookError, check_between, choose

Shape = tuple[int, int, int, int]


def fc_lstm(
    input_shape: Shape = (8, 64, 64, 1),
    *,
    widths: tuple[int, ...] = (1024, 512),
    n_codes: int = 256,
    activation: str = "tanh",
    teacher_forcing: bool = False,
) -> Autoencoder:
    """Build the FC-LSTM autoencoder of figure 18, on flattened frames.

    Parameters
    ----------
    input_shape : tuple of int, default=(8, 64, 64, 1)
        (length, ny, nx, channels) of a window.
    widths : sequence of int, default=(1024, 512)
        Widths of the LSTMs of the encoder before the latent one; the decoder mirrors them.
    n_codes : int, default=256
        Width of the latent LSTM, which is linear as in section 3.1.
    activation : str, default="tanh"
        Activation of the other LSTMs. The thesis has ``relu``, with which the state of a cell is
        not bounded.
    teacher_forcing : bool, default=False
        Give each step of the decoder the frame before: in training the true one, otherwise its
        own (section 6). Training is then faster, and errors without the true frames are larger.

    Raises
    ------
    LatentbookError
        If `input_shape` is not that of a window.
    """
    length, *frame = _check("fc-lstm", input_shape, n_codes, widths)
    size = math.prod(frame)

    x = window = keras.Input(input_shape, name="window")
    x = layers.Reshape((length, size))(x)
    for width in widths:
        x = _lstm(width, activation, return_sequences=True)(x)
    x = _lstm(n_codes, "linear")(x)
    encoder = keras.Model(window, x, name="encoder")

    x = code = keras.Input((n_codes,), name="code")
    mirrored = tuple(reversed(widths))
    if teacher_forcing:
        frames = FedBack(length, size, mirrored, activation, name="frames")
        restored = layers.Reshape(input_shape)
        decoder = keras.Model(code, restored(frames(code)), name="decoder")
        true = layers.Reshape((length, size))(window)
        model = keras.Model(window, restored(frames(encoder(window), true)), name="fc_lstm")
        return Autoencoder("fc-lstm-forced", encoder, decoder, model)
    x = layers.RepeatVector(length)(x)
    for width in mirrored:
        x = _lstm(width, activation, return_sequences=True)(x)
    x = layers.Reshape(input_shape)(layers.Dense(size)(x))  # the same weights at every step
    return join("fc-lstm", encoder, keras.Model(code, x, name="decoder"))


def cnn_lstm(
    input_shape: Shape = (8, 64, 64, 1),
    *,
    filters: tuple[int, ...] = (64, 32, 16),
    n_codes: int = 256,
) -> Autoencoder:
    """Build the CNN-LSTM autoencoder of figure 19; pressure levels are channels in the 3-D one.

    Two convolutions (3 x 3, ReLU) for each entry of `filters`, with a pooling between the entries,
    then the latent LSTM, which is linear; and back.

    Parameters
    ----------
    input_shape : tuple of int, default=(8, 64, 64, 1)
        (length, ny, nx, channels) of a window.
    filters : sequence of int, default=(64, 32, 16)
        (8, 16, 16) is 12 times as fast as the numbers of the thesis.
    n_codes : int, default=256
        Width of the latent LSTM.

    Raises
    ------
    LatentbookError
        If `input_shape` is not that of a window, or if the poolings do not divide a side.
    """
    length, ny, nx, channels = _check("cnn-lstm", input_shape, n_codes, filters)
    pool = 2 ** (len(filters) - 1)
    if ny % pool or nx % pool:
        raise LatentbookError(
            f"the autoencoder cnn-lstm takes frames whose sides are multiples of {pool}, not {ny} "
            f"x {nx}: regrid the data to such a grid"
        )
    small = (ny // pool, nx // pool)
    # Glorot's weights halve the variance in each of 13 layers: the loss stays at the mean frame's
    relu = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}

    x = window = keras.Input(input_shape, name="window")
    x = ops.reshape(x, (-1, ny, nx, channels))  # all frames as one batch
    for i, n in enumerate(filters):
        x = layers.MaxPooling2D(2)(x) if i else x
        for _ in range(2):
            x = layers.Conv2D(n, 3, **relu)(x)
    x = ops.reshape(x, (-1, length, math.prod(small) * filters[-1]))
    encoder = keras.Model(window, _lstm(n_codes, "linear")(x), name="encoder")

    x = code = keras.Input((n_codes,), name="code")
    x = layers.Dense(length * math.prod(small), activation="relu")(x)
    x = ops.reshape(x, (-1, *small, 1))
    for i, n in enumerate(reversed(filters)):
        x = layers.UpSampling2D(2)(x) if i else x
        for _ in range(2):
            x = layers.Conv2DTranspose(n, 3, **relu)(x)
    x = layers.Conv2D(channels, 3, padding="same")(x)
    x = ops.reshape(x, (-1, *input_shape))
    return join("cnn-lstm", encoder, keras.Model(code, x, name="decoder"))


def conv(input_shape: Shape = (8, 64, 64, 1), *, n_codes: int = 256) -> Autoencoder:
    """Build a plain convolutional autoencoder: the frames of a window are channels of one image.

    The network is `conv.guo`. It stands for the convolutional network of klampanos2018, whose
    layers tsiatsios2019 does not give. To it, the order of the frames is like that of colours.

    Raises
    ------
    LatentbookError
        If `input_shape` is not that of a window, or if `conv.guo` does not take its frames.
    """
    length, ny, nx, channels = _check("conv", input_shape, n_codes)
    plain = guo((ny, nx, length * channels), n_codes, name="conv")

    window = keras.Input(input_shape, name="window")
    x = layers.Permute((2, 3, 1, 4))(window)
    x = layers.Reshape((ny, nx, length * channels))(x)
    encoder = keras.Model(window, plain.encoder(x), name="encoder")

    code = keras.Input((n_codes,), name="code")
    x = layers.Reshape((ny, nx, length, channels))(plain.decoder(code))
    decoder = keras.Model(code, layers.Permute((3, 1, 2, 4))(x), name="decoder")
    return join("conv", encoder, decoder)


def conv_lstm(
    input_shape: Shape = (8, 64, 64, 1),
    *,
    filters: tuple[int, ...] = (64, 32, 16),
    n_codes: int = 256,
    patch: int = 4,
) -> Autoencoder:
    """Build a ConvLSTM autoencoder: an LSTM whose products are convolutions (section 3.2, shi2015).

    As in shi2015, patches of cells become channels first, which makes the maps small. The code is a
    linear function of the last state of the last layer; the decoder gets it at every step.

    Parameters
    ----------
    input_shape : tuple of int, default=(8, 64, 64, 1)
        (length, ny, nx, channels) of a window.
    filters : sequence of int, default=(64, 32, 16)
        Of the ConvLSTM layers of the encoder (3 x 3); the decoder mirrors them.
    n_codes : int, default=256
        Numbers in the code.
    patch : int, default=4
        Side of a patch in cells; where the sides are no multiples of 4, give a divisor of both.

    Raises
    ------
    LatentbookError
        If `input_shape` is not that of a window, or patches do not fill a frame.
    """
    length, ny, nx, channels = _check("conv-lstm", input_shape, n_codes, filters)
    check_between("patch", patch, 1, 64)
    if ny % patch or nx % patch:
        raise LatentbookError(
            f"the autoencoder conv-lstm takes frames whose sides are multiples of {patch}, not "
            f"{ny} x {nx}: regrid the data to such a grid"
        )
    small = (ny // patch, nx // patch)
    deep = channels * patch * patch
    convolutions = {"kernel_size": 3, "padding": "same"}

    x = window = keras.Input(input_shape, name="window")
    x = ops.reshape(x, (-1, length, small[0], patch, small[1], patch, channels))
    x = ops.reshape(ops.transpose(x, (0, 1, 2, 4, 3, 5, 6)), (-1, length, *small, deep))
    for i, n in enumerate(filters):
        last = i + 1 == len(filters)
        x = layers.ConvLSTM2D(n, **convolutions, return_sequences=not last)(x)
    x = layers.Dense(n_codes)(layers.Flatten()(x))
    encoder = keras.Model(window, x, name="encoder")

    x = code = keras.Input((n_codes,), name="code")
    x = layers.Dense(math.prod(small) * filters[-1])(x)
    x = layers.Reshape((length, *small, filters[-1]))(layers.RepeatVector(length)(x))
    for n in reversed(filters):
        x = layers.ConvLSTM2D(n, **convolutions, return_sequences=True)(x)
    x = layers.Dense(deep)(x)  # the same weights at every place and step
    x = ops.reshape(x, (-1, length, *small, patch, patch, channels))
    x = ops.reshape(ops.transpose(x, (0, 1, 2, 4, 3, 5, 6)), (-1, *input_shape))
    return join("conv-lstm", encoder, keras.Model(code, x, name="decoder"))


def composite(autoencoder: Autoencoder, ahead: Autoencoder) -> keras.Model:
    """Return a model with one encoder and two decoders: reconstruction and prediction.

    This is the composite model of srivastava2015 that section 3.2 names. Both decoders read the
    same code, so that it must hold where the weather goes.

    Parameters
    ----------
    autoencoder : Autoencoder
        Of the first fields of a window; its encoder is the one that is used.
    ahead : Autoencoder
        Of windows as long as the fields that follow; its decoder predicts them.

    Returns
    -------
    keras.Model
        From windows of both to their restoration, in the same shape.
    """
    length, *frame = autoencoder.encoder.input_shape[1:]
    more = ahead.decoder.output_shape[1]
    window = keras.Input((length + more, *frame), name="window")
    code = autoencoder.encoder(window[:, :length])
    # another name: a model may not have two layers called decoder
    predict = keras.Model(ahead.decoder.inputs[0], ahead.decoder.outputs[0], name="ahead")
    both = [autoencoder.decoder(code), predict(code)]
    return keras.Model(window, ops.concatenate(both, axis=1), name="composite")


def standardised(autoencoder: Autoencoder, x: Any) -> Autoencoder:
    """Return `autoencoder` between two fixed layers: (x - mean frame) / deviation, and back.

    Scaled to [0, 1], weather differs from its mean by about a tenth of the range. The networks of
    the thesis first have to learn that mean; these start from it.

    Parameters
    ----------
    x : array of shape (n, length, ny, nx, channels), or lazy
        Training windows, whose mean frame and standard deviation are taken.
    """
    mean, deviation = moments(x)
    shape = autoencoder.encoder.input_shape[1:]

    def fixed(scale: float, shift: np.ndarray, name: str) -> Affine:
        layer = Affine(name=name)
        layer.build((None, *shape))
        layer.set_weights([np.float32(scale), np.float32(shift)])
        return layer

    to, back = fixed(1 / deviation, -mean / deviation, "to"), fixed(deviation, mean, "back")
    window = keras.Input(shape, name="window")
    encoder = keras.Model(window, autoencoder.encoder(to(window)), name="encoder")
    code = keras.Input(encoder.output_shape[1:], name="code")
    decoder = keras.Model(code, back(autoencoder.decoder(code)), name="decoder")
    model = keras.Model(window, back(autoencoder.model(to(window))), name=autoencoder.model.name)
    return Autoencoder(f"{autoencoder.name}-standardised", encoder, decoder, model)


def moments(x: Any) -> tuple[np.ndarray, float]:
    """Return the mean frame of windows, and the standard deviation of all values about it.

    Parameters
    ----------
    x : array of shape (n, length, ny, nx, channels), or lazy
        Read piece by piece.
    """
    mean, square, at_once = 0.0, 0.0, training.rows_at_once(x.shape[1:])
    for first in range(0, len(x), at_once):
        part = x[first : first + at_once]
        mean += part.sum(axis=(0, 1), dtype=np.float64)
        square += np.square(part, dtype=np.float64).sum(axis=(0, 1))
    n = len(x) * x.shape[1]
    mean = mean / n
    return mean, float(np.sqrt(np.maximum(square / n - mean**2, 0).mean())) or 1.0


#: Name of the architecture -> builder; all are trained on the mean squared error.
BUILDERS: dict[str, Callable[..., Autoencoder]] = {
    "fc-lstm": fc_lstm,
    "cnn-lstm": cnn_lstm,
    "conv": conv,
    "conv-lstm": conv_lstm,
}

#: Setting -> architecture -> arguments of `trained`.
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    # section 4.4 and figure 18: plain gradient descent, 17,000 steps on 40 years of data
    "thesis": {
        "fc-lstm": {
            "optimizer": "sgd",
            "learning_rate": 0.001,
            "batch_size": 256,
            "epochs": 300,
            "activation": "relu",
        },
        "cnn-lstm": {
            "optimizer": "sgd",
            "learning_rate": 0.01,
            "batch_size": 256,
            "epochs": 300,
        },
        "conv-lstm": {
            "optimizer": "sgd",
            "learning_rate": 0.01,
            "batch_size": 256,
            "epochs": 300,
        },
    },
    # Adam, small batches and standardised windows get below the mean frame within an epoch or two
    "affordable": {
        "fc-lstm": {
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 16,
            "epochs": 30,
            "standardise": True,
        },
        "cnn-lstm": {
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 16,
            "epochs": 30,
            "standardise": True,
            "filters": (8, 16, 16),
        },
        "conv": {
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 16,
            "epochs": 30,
            "standardise": True,
        },
        "conv-lstm": {
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 16,
            "epochs": 30,
            "standardise": True,
            "filters": (8, 16, 16),
        },
    },
}


def build(name: str, input_shape: Shape, *, seed: int = 0, **design: Any) -> Autoencoder:
    """Return the named autoencoder with weights drawn from `seed`.

    Parameters
    ----------
    name : str
        A key of `BUILDERS`.
    input_shape : tuple of int
        (length, ny, nx, channels) of a window.
    **design
        Further arguments of the builder.
    """
    builder = BUILDERS[choose("autoencoder", name, BUILDERS)]
    keras.utils.set_random_seed(seed)
    return builder(tuple(input_shape), **design)


def trained(
    name: str,
    x: Any,
    x_val: Any = None,
    *,
    epochs: int,
    optimizer: str = "adam",
    learning_rate: float = 0.001,
    batch_size: int = 16,
    patience: int | None = None,
    seed: int = 0,
    standardise: bool = False,
    forecast: int = 0,
    progress: bool = True,
    **design: Any,
) -> tuple[Autoencoder, training.History]:
    """Build the named autoencoder and train it on windows, on the mean squared error.

    An interrupted run with the same arguments continues; a finished one is loaded.
    ``trained(name, x, **SETTINGS["thesis"][name])`` is the training of the thesis.

    Parameters
    ----------
    name : str
        A key of `BUILDERS`.
    x, x_val : arrays of shape (n, length, ny, nx, channels), or `weather.windows.Windows`
        Training windows in [0, 1], and the windows whose loss early stopping watches.
    optimizer : {"adam", "sgd"}, default="adam"
        ``sgd`` has no momentum. The constant of Adam is 1e-12 instead of 1e-7, because gradients
        are of that size: the loss is a mean over the 32,768 values of a window.
    learning_rate : float, default=0.001
    standardise : bool, default=False
        Put the network between the layers of `standardised`.
    forecast : int, default=0
        So many fields at the end of each window are predicted from the code of those before, by a
        decoder of their own (`composite`); the autoencoder is that of the fields before.
    epochs, batch_size, patience, seed, progress
        As in `latentbook.training.fit`.
    **design
        Further arguments of the builder.
    """
    kinds = {"adam": partial(keras.optimizers.Adam, epsilon=1e-12), "sgd": keras.optimizers.SGD}
    kind = kinds[choose("optimizer", optimizer, kinds)]
    check_between("learning_rate", learning_rate, 1e-9, 10)
    length, *frame = x.shape[1:]
    check_between("forecast", forecast, 0, length - 1)
    autoencoder = build(name, (length - forecast, *frame), seed=seed, **design)
    if standardise:
        autoencoder = standardised(autoencoder, x)
    model = autoencoder.model
    if forecast:
        ahead = build(name, (forecast, *frame), seed=seed + 1, **design)
        ahead = standardised(ahead, x) if standardise else ahead
        model = composite(autoencoder, ahead)
        design["forecast"] = forecast
    model.compile(kind(learning_rate), "mean_squared_error", **training.compiling())
    chosen = model.optimizer.get_config()
    del chosen["name"]  # Keras counts the optimizers of a process
    history = training.fit(
        model,
        x,
        x_val=x_val,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        key=autoencoder.description | {"design": design, "optimizer": chosen},
        seed=seed,
        progress=progress,
        milestones=False,
    )
    return autoencoder, history


@keras.saving.register_keras_serializable("latentbook")
class Affine(layers.Layer):
    """Multiply a window by a number and add a frame; neither is trained."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create number and frame, the latter of shape (ny, nx, channels)."""
        self.scale = self.add_weight(shape=(), initializer="ones", trainable=False, name="scale")
        self.shift = self.add_weight(
            shape=input_shape[2:], initializer="zeros", trainable=False, name="shift"
        )

    def call(self, x: Any) -> Any:
        """Return windows of the same shape."""
        return x * self.scale + self.shift


@keras.saving.register_keras_serializable("latentbook")
class FedBack(layers.Layer):
    """From a code to frames; each step of the LSTMs gets the code and the frame before.

    Parameters
    ----------
    length, size
        Number of frames, and of values in a frame.
    widths, activation
        Of the LSTMs.
    """

    def __init__(
        self, length: int, size: int, widths: tuple[int, ...], activation: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.length, self.size, self.widths, self.activation = length, size, widths, activation
        self.cells = [layers.LSTMCell(width, activation=activation) for width in widths]
        self.output_layer = layers.Dense(size)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        arguments = ("length", "size", "widths", "activation")
        return super().get_config() | {name: getattr(self, name) for name in arguments}

    def build(self, code_shape: tuple[int | None, int], true_shape: Any = None) -> None:
        """Create the weights of all cells."""
        width = code_shape[-1] + self.size
        for cell in self.cells:
            cell.build((None, width))
            width = cell.units
        self.output_layer.build((None, width))

    def call(self, code: Any, true: Any = None, training: bool = False) -> Any:
        """Return frames (n, length, size); in training, `true` (same shape) is fed back instead."""
        states = [cell.get_initial_state(batch_size=ops.shape(code)[0]) for cell in self.cells]
        frame = ops.zeros((ops.shape(code)[0], self.size), dtype=code.dtype)
        frames = []
        for step in range(self.length):
            x = ops.concatenate([code, frame], axis=-1)
            for i, cell in enumerate(self.cells):
                x, states[i] = cell(x, states[i])
            frames.append(self.output_layer(x))
            frame = frames[-1] if true is None or not training else true[:, step]
        return ops.stack(frames, axis=1)


def _lstm(width: int, activation: str, *, return_sequences: bool = False) -> layers.LSTM:
    # unrolled: a loop over few steps costs more than it saves
    return layers.LSTM(width, activation=activation, return_sequences=return_sequences, unroll=True)


def _check(
    name: str, input_shape: tuple[int, ...], n_codes: int, widths: tuple[int, ...] = ()
) -> Shape:
    check_between("n_codes", n_codes, 1, 100_000)
    for width in widths:
        check_between("a layer's width", width, 1, 100_000)
    if len(input_shape) != 4:
        raise LatentbookError(
            f"the autoencoder {name} takes windows of shape (length, ny, nx, channels), not "
            f"{tuple(input_shape)}: make them with weather.windows"
        )
    for what, number in zip(("frames", "rows", "columns", "channels"), input_shape, strict=True):
        check_between(f"the number of {what} of a window", number, 1, 100_000)
    length, ny, nx, channels = input_shape
    return length, ny, nx, channels
