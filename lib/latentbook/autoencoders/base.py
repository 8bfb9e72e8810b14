"""Three models over the same weights: an encoder, a decoder, and the chain of both.

Architectures are left to the other modules of this package.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import feed, files, training
from latentbook.errors import LatentbookError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Autoencoder:
    """Three Keras models over the same weights: ``model(x) = decoder(encoder(x))``.

    The input is float32 in [0, 1], channels last.

    Attributes
    ----------
    name : str
        Name of the architecture.
    encoder, decoder, model : keras.Model
    """

    name: str
    encoder: keras.Model
    decoder: keras.Model
    model: keras.Model

    def encode(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """Return the codes of `x` as a matrix of shape (n_samples, n_codes), float32.

        Parameters
        ----------
        x : array, or lazy (see `training.is_lazy`)
            Of a lazy `x` one batch is read at a time.
        batch_size : int, default=None
            Samples at once; None takes `training.rows_at_once`.
        """
        return _predict(self.encoder, x, batch_size).reshape(len(x), -1)

    def reconstruct(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """Return the reconstruction of `x`, in its shape; the parameters are those of `encode`."""
        return _predict(self.model, x, batch_size)

    @property
    def description(self) -> dict[str, Any]:
        """The properties that another autoencoder must share to take the weights of this one."""
        return {
            "architecture": self.name,
            "input_shape": list(self.encoder.input_shape[1:]),
            "n_codes": int(np.prod(self.encoder.output_shape[1:])),
            "parameters": self.model.count_params(),
        }

    def copy(self) -> Autoencoder:
        """Return an autoencoder of equal architecture and weights, which is trained by itself."""
        import keras

        other = join(
            self.name,
            keras.models.clone_model(self.encoder),
            keras.models.clone_model(self.decoder),
        )
        other.encoder.set_weights(self.encoder.get_weights())
        other.decoder.set_weights(self.decoder.get_weights())
        return other

    def save(self, path: Path | str) -> None:
        """Write the weights and `description` to `path`, an npz."""
        weights = {f"w{i:03d}": w for i, w in enumerate(self.model.get_weights())}
        with files.atomic(Path(path)) as scratch:
            np.savez(scratch, description=json.dumps(self.description), **weights)

    def load(self, path: Path | str) -> None:
        """Load the weights that `save` wrote.

        Raises
        ------
        LatentbookError
            If the file is missing or damaged, or its weights belong to another architecture.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                theirs = json.loads(str(stored["description"]))
                weights = [stored[name] for name in sorted(set(stored.files) - {"description"})]
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise LatentbookError(
                f"the weights {path} cannot be read ({error}): give a file that Autoencoder.save "
                "wrote, or leave weights out to train"
            ) from error
        if theirs != self.description:
            raise LatentbookError(
                f"the weights {path} belong to {_words(theirs)}, but this autoencoder is "
                f"{_words(self.description)}: choose the architecture and images they were "
                "trained with, or leave weights out to train"
            )
        self.model.set_weights(weights)


def _predict(model: keras.Model, x: Any, batch_size: int | None) -> np.ndarray:
    size = batch_size or training.rows_at_once(x.shape[1:])
    if training.is_lazy(x):
        return model.predict(feed.dataset(training.batches(x, np.arange(len(x)), size)), verbose=0)
    return model.predict(**feed.arrays(x, batch_size=size), verbose=0)


def _words(description: dict[str, Any]) -> str:
    shape = " x ".join(map(str, description["input_shape"]))
    return (
        f"{description['architecture']} for images of {shape} with {description['n_codes']} codes "
        f"({description['parameters']:,} parameters)"
    )


def join(name: str, encoder: keras.Model, decoder: keras.Model) -> Autoencoder:
    """Return the `Autoencoder` made of `encoder` and `decoder`."""
    import keras

    x = keras.Input(encoder.input_shape[1:], name="image")
    model = keras.Model(x, decoder(encoder(x)), name=name.replace("-", "_"))
    return Autoencoder(name, encoder, decoder, model)
