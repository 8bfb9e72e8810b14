"""The three-model pattern: an encoder, a decoder, and the model that is one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Autoencoder:
    """Three Keras models over the same weights: ``model(x) = decoder(encoder(x))``.

    Input in [0, 1], float32, channels last.
    """

    name: str
    encoder: keras.Model
    decoder: keras.Model
    model: keras.Model

    def encode(self, x: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """Return the codes of `x` as a matrix of shape (n_samples, n_codes), float32."""
        codes = self.encoder.predict(x, batch_size=batch_size, verbose=0)
        return codes.reshape(len(x), -1)

    def reconstruct(self, x: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """Return the reconstruction of `x`, in its shape."""
        return self.model.predict(x, batch_size=batch_size, verbose=0)


def join(name: str, encoder: keras.Model, decoder: keras.Model) -> Autoencoder:
    """Return the `Autoencoder` made of `encoder` and `decoder`."""
    import keras

    x = keras.Input(encoder.input_shape[1:], name="image")
    model = keras.Model(x, decoder(encoder(x)), name=name.replace("-", "_"))
    return Autoencoder(name, encoder, decoder, model)
