"""Batches for `fit`, `evaluate` and `predict` of Keras, without the tuner of tf.data.

Keras hands arrays and datasets to TensorFlow as pipelines of tf.data, and a thread tunes them.
This thread sleeps between its rounds: 10 ms, then twice as long each time, up to a minute.
At the end of an epoch it is woken before it is told to stop. Mostly it finds nothing to do and
sleeps again, and `fit` waits for it: an epoch of 22 s takes 41 s, one of 3 s takes 5 s.
Here the tuner is off: a pipeline that only cuts an array into slices has nothing to tune.
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


def _untuned(pipeline: tf.data.Dataset) -> tf.data.Dataset:
    """Turn the tuner off, and prepare two batches ahead."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return pipeline.prefetch(2).with_options(options)
