"""Feeding: the same batches as Keras cuts them, without the tuner of tf.data."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from latentbook import feed

BATCH = 16


def images(n: int = 70) -> np.ndarray:
    return np.random.default_rng(0).random((n, 5), dtype=np.float32)


def model() -> keras.Model:
    """Return a small network that always starts alike."""
    keras.utils.set_random_seed(1)
    made = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
    made.compile("adam", "mse")
    return made


class Batches(keras.utils.PyDataset):
    """Batches of images and themselves; the last one is smaller."""

    def __init__(self, x: np.ndarray) -> None:
        super().__init__()
        self.x = x

    def __len__(self) -> int:
        return -(-len(self.x) // BATCH)

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        batch = self.x[i * BATCH : (i + 1) * BATCH]
        return batch, batch


def test_arrays_and_datasets_train_like_the_arrays_of_keras():
    x, (theirs, arrays, dataset) = images(), (model(), model(), model())
    for _ in range(3):
        theirs.fit(x, x, batch_size=BATCH, shuffle=False, verbose=0)
        arrays.fit(**feed.arrays(x, x, batch_size=BATCH), shuffle=False, verbose=0)
        dataset.fit(feed.dataset(Batches(x)), shuffle=False, verbose=0)
    for ours in (arrays, dataset):
        for weight, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, expected)


def test_every_sample_is_predicted_once_and_in_order():
    x, one = images(), model()
    found = one.predict(**feed.arrays(x, batch_size=BATCH), verbose=0)
    np.testing.assert_allclose(found, x @ one.get_weights()[0], atol=1e-6)
    found = one.predict(feed.dataset(Batches(x)), verbose=0)
    np.testing.assert_allclose(found, x @ one.get_weights()[0], atol=1e-6)


def test_another_backend_is_given_the_arrays_themselves(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    x = images()
    assert feed.arrays(x, batch_size=BATCH) == {"x": x, "batch_size": BATCH}  # predict takes no y
    assert feed.arrays(x, x, batch_size=BATCH) == {"x": x, "y": x, "batch_size": BATCH}


def test_inputs_may_be_named():
    inputs = {"a": keras.Input((5,), name="a"), "b": keras.Input((5,), name="b")}
    both = keras.Model(inputs, keras.layers.Subtract()([inputs["a"], inputs["b"]]))
    x = images()
    fed = feed.arrays({"a": x, "b": 2 * x}, batch_size=BATCH)
    np.testing.assert_allclose(both.predict(**fed, verbose=0), -x)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow has a tuner")
def test_the_tuner_is_off():
    x = images()
    for fed in (feed.arrays(x, batch_size=BATCH)["x"], feed.dataset(Batches(x))):
        assert fed.options().autotune.enabled is False
