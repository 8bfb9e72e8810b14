"""Feeding: the same batches as Keras cuts them, without the tuner of tf.data."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from latentbook import feed, training

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


class Fields:
    """Windows of three fields, as `weather.windows.Windows` holds them."""

    gatherable, length, digest = True, 3, "fields"
    low, high = np.array([1.0]), np.array([3.0])

    def __init__(self) -> None:
        self.frames = 1 + 2 * np.random.default_rng(0).random((30, 4, 4, 1), dtype=np.float32)
        self.starts = np.arange(0, 27, 2)
        self.shape, self.dtype = (len(self.starts), 3, 4, 4, 1), np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index):
        windows = self.frames[self.starts[index][..., None] + np.arange(3)]
        return (windows - self.low.astype("float32")) / 2


def trained_on_fields(key: str) -> dict[str, list[float]]:
    keras.utils.set_random_seed(0)
    one = keras.Sequential(
        [keras.Input((3, 4, 4, 1)), keras.layers.Dense(4), keras.layers.Dense(1)]
    )
    one.compile(keras.optimizers.Adam(0.01), "mean_squared_error")
    return training.fit(one, Fields(), epochs=3, key={"one": key}, batch_size=4, progress=False)


def test_windows_gathered_on_the_device_train_the_same(own_cache, monkeypatch):
    by_hand = trained_on_fields("by hand")
    monkeypatch.setattr(feed, "accelerated", lambda: True)
    asked = []
    monkeypatch.setattr(Fields, "__getitem__", lambda *_: asked.append(1))
    gathered = trained_on_fields("gathered")
    np.testing.assert_allclose(gathered["loss"], by_hand["loss"], rtol=1e-5)
    assert gathered["loss"][-1] < gathered["loss"][0]
    assert not asked  # only the numbers of the windows are sent


def test_what_is_too_large_or_made_otherwise_is_fed_by_hand(monkeypatch):
    assert feed.on_device(model(), Fields()) is None  # no accelerator here
    monkeypatch.setattr(feed, "accelerated", lambda: True)
    fields = Fields()
    monkeypatch.setattr(feed, "FITS", fields.frames.nbytes - 1)
    assert feed.on_device(model(), fields) is None
    fields.gatherable = False
    monkeypatch.setattr(feed, "FITS", 10**9)
    assert feed.on_device(model(), fields) is None


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow has a tuner")
def test_the_tuner_is_off():
    x = images()
    for fed in (feed.arrays(x, batch_size=BATCH)["x"], feed.dataset(Batches(x))):
        assert fed.options().autotune.enabled is False
