"""Batches for `fit`, `evaluate` and `predict` of Keras, without the tuner of tf.data.

Keras hands arrays and datasets to TensorFlow as pipelines of tf.data, and a thread tunes them.
This thread sleeps between its rounds: 10 ms, then twice as long each time, up to a minute.
At the end of an epoch it is woken before it is told to stop. Mostly it finds nothing to do and
sleeps again, and `fit` waits for it: an epoch of 22 s takes 41 s, one of 3 s takes 5 s.
Here the tuner is off: a pipeline that only cuts an array into slices has nothing to tune.

A GPU would wait while Python gathers windows out of fields. `on_device` puts the fields there once,
and only the numbers of the windows follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def arrays(x: Any, y: Any = None, *, batch_size: int) -> dict[str, Any]:
    """Return the arguments with which Keras takes arrays in their order, in batches.

    Parameters
    ----------
    x, y : arrays of shape (n, ...), or structures (dict, tuple) of them
        Input of the model, and target of its loss; `y` is None where there is no loss.
    batch_size : int
        Samples a batch; the last batch may be smaller.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {"x": x, "batch_size": batch_size} | ({} if y is None else {"y": y})
    import tensorflow as tf

    tensors = x if y is None else (x, y)
    with tf.device("CPU"):  # a GPU need not hold more than a batch
        tensors = keras.tree.map_structure(tf.convert_to_tensor, tensors)
    n = keras.tree.flatten(tensors)[0].shape[0]

    def batch(start: tf.Tensor) -> Any:
        return keras.tree.map_structure(lambda array: array[start : start + batch_size], tensors)

    return {"x": _untuned(tf.data.Dataset.range(0, n, batch_size).map(batch))}


def dataset(batches: keras.utils.PyDataset) -> Any:
    """Return the object with which Keras takes the batches of a dataset in their order.

    Batches may differ in length only.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
    )
    n = len(batches)
    pipeline = tf.data.Dataset.from_generator(
        lambda: (batches[i] for i in range(n)), output_signature=signature
    )
    return _untuned(pipeline.apply(tf.data.experimental.assert_cardinality(n)))


#: Largest size of the fields that `on_device` puts on a GPU, in bytes.
FITS = 16 << 30


def accelerated() -> bool:
    """Say whether Keras computes on a GPU or another accelerator."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.default_backend() != "cpu")
    return False


def on_device(model: keras.Model, x: Any) -> keras.Model | None:
    """Return a model that trains `model` to reproduce windows which it gathers itself.

    Its input is the place of the first field of each window, its output the error of the
    reconstruction, whose target is 0. It shares weights and optimizer with `model`, so that an
    epoch with the one is an epoch of the other.

    Parameters
    ----------
    model : keras.Model
        Compiled with the mean squared error.
    x : object with ``frames``, ``starts``, ``length``, ``low``, ``high``
        Such as `weather.windows.Windows`.

    Returns
    -------
    keras.Model or None
        None where there is no accelerator, where `x` is made in another way, or does not fit.
    """
    if not getattr(x, "gatherable", False) or not accelerated() or x.frames.nbytes > FITS:
        return None
    import keras
    import numpy as np

    class Gathered(keras.layers.Layer):
        """From places of first fields to scaled windows; the fields are a fixed weight."""

        def build(self, _: Any) -> None:
            self.frames = self.add_weight(
                shape=x.frames.shape, dtype="float32", initializer="zeros", trainable=False
            )
            self.frames.assign(x.frames)

        def call(self, start: Any) -> Any:
            place = keras.ops.expand_dims(start, -1) + np.arange(x.length, dtype="int32")
            windows = keras.ops.take(self.frames, place, axis=0)
            if x.low is None or x.high is None:
                return windows
            return (windows - x.low.astype("float32")) * (1 / (x.high - x.low)).astype("float32")

    start = keras.Input((), dtype="int32", name="start")
    window = Gathered(name="gathered")(start)
    fed = keras.Model(start, model(window) - window, name="fed")
    fed.compile(
        model.optimizer,
        "mean_squared_error",
        jit_compile=model.jit_compile,
        steps_per_execution=model.steps_per_execution,
    )
    return fed


def _untuned(pipeline: tf.data.Dataset) -> tf.data.Dataset:
    """Turn the tuner off, and prepare two batches ahead."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return pipeline.prefetch(2).with_options(options)
