"""Batches for `fit`, `evaluate` and `predict` of Keras, without the tuner of tf.data.

Keras gives TensorFlow arrays and datasets as pipelines of tf.data, which are tuned by a thread
that sleeps between its rounds: 10 ms, then twice as long each time, up to a minute. At the end of
the epoch it is woken before it is told to stop, mostly sees nothing to do, and sleeps on, while
`fit` waits for it: an epoch of 22 s takes 41 s, one of 3 s takes 5 s. A pipeline that only cuts an
array into slices has nothing to tune.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def arrays(x: Any, y: Any = None, *, batch_size: int) -> dict[str, Any]:
    """Return the arguments that make Keras take arrays in their order, in batches.

    Parameters
    ----------
    x, y : arrays of shape (n, ...), or structures (dict, tuple) of them
        What the model takes, and what its loss compares with; None where there is no loss.
    batch_size
        Samples a batch; the last one may be smaller.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {"x": x, "batch_size": batch_size} | ({} if y is None else {"y": y})
    import tensorflow as tf

    taken = x if y is None else (x, y)
    with tf.device("CPU"):  # a GPU need not hold more than a batch
        taken = keras.tree.map_structure(tf.convert_to_tensor, taken)
    n = keras.tree.flatten(taken)[0].shape[0]

    def batch(start: tf.Tensor) -> Any:
        return keras.tree.map_structure(lambda array: array[start : start + batch_size], taken)

    return {"x": _untuned(tf.data.Dataset.range(0, n, batch_size).map(batch))}


def dataset(batches: keras.utils.PyDataset) -> Any:
    """Return what makes Keras take the batches of a dataset in their order.

    Batches may differ in their length, and in nothing else.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
    )
    n = len(batches)
    made = tf.data.Dataset.from_generator(
        lambda: (batches[i] for i in range(n)), output_signature=signature
    )
    return _untuned(made.apply(tf.data.experimental.assert_cardinality(n)))


def _untuned(made: tf.data.Dataset) -> tf.data.Dataset:
    """Turn the tuner off, which would decide how many batches are prepared ahead: two."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return made.prefetch(2).with_options(options)
