"""The one `fit` of the book: progress bar, early stopping, checkpoint after every epoch, resume.

A run that is killed and started again goes on after its last complete epoch and ends with the
same weights, because the order of the samples depends only on the seed and the epoch's number,
and because early stopping reads the recorded history instead of keeping a state.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from latentbook import cache, files, paths
from latentbook.errors import LatentbookError, check_between

if TYPE_CHECKING:
    import keras

History = dict[str, list[float]]


def jit() -> bool | str:
    """Return the `jit_compile` argument that is fastest: none for TensorFlow on a CPU.

    Compiling small convolutional networks with XLA makes them 1.4 to 5 times slower there; JAX
    needs it.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


def batches(x: np.ndarray, order: np.ndarray, batch_size: int) -> keras.utils.PyDataset:
    """Return the batches (x, x) of `x` in the given order, the last one possibly smaller."""
    import keras

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return -(-len(order) // batch_size)

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            rows = x[order[i * batch_size : (i + 1) * batch_size]]
            return rows, rows

    return Batches()


def best_epoch(losses: list[float]) -> int:
    """Return the index of the smallest loss, the first of several."""
    return int(np.argmin(losses))


def should_stop(history: History, patience: int) -> bool:
    """Say whether the monitored loss has not improved for `patience` epochs."""
    losses = history.get("val_loss") or history.get("loss", [])
    return len(losses) > patience and best_epoch(losses) < len(losses) - patience


def fit(
    model: keras.Model,
    x: np.ndarray,
    *,
    epochs: int,
    key: Mapping[str, Any],
    x_val: np.ndarray | None = None,
    batch_size: int = 256,
    patience: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a compiled autoencoder to reproduce `x`, resuming where an earlier run stopped.

    Parameters
    ----------
    model
        Compiled Keras model; its weights are changed in place.
    x, x_val : arrays of shape (n, height, width, channels)
        Training samples, and samples whose loss early stopping watches.
    epochs
        Upper limit. Asking later for more epochs with the same `key` goes on from there.
    key
        What else determines the result (architecture, learning rate ...); together with the
        data, the batch size, the seed and the versions it names the checkpoint.
    patience
        Stop when the validation loss has not improved for this many epochs; None never stops.

    Returns
    -------
    dict
        ``loss``, ``val_loss`` (where there is `x_val`) and ``seconds``, one value an epoch.

    Raises
    ------
    LatentbookError
        For NaN, a shape the model does not take, fewer than one epoch, or a loss that becomes
        NaN during training.
    """
    _check(model, x, epochs, batch_size, patience)
    import keras

    full_key = dict(key) | {
        "x": cache.digest(x),
        "batch_size": batch_size,
        "seed": seed,
        "keras": f"{version('keras')} {keras.backend.backend()}",
    }
    folder = paths.cache() / "training" / cache.digest(_as_array(full_key))[:24]
    # building the optimizer lets the checkpoint restore its moments too
    model.optimizer.build(model.trainable_variables)
    with files.writable(folder / "lock"), FileLock(folder / "lock"):
        history = _resume(model, folder, epochs)
        _train(model, x, x_val, history, folder, epochs, batch_size, patience, seed, progress)
    return history


def _as_array(key: Mapping[str, Any]) -> np.ndarray:
    return np.frombuffer(json.dumps(key, sort_keys=True).encode(), dtype=np.uint8)


def _check(
    model: keras.Model, x: np.ndarray, epochs: int, batch_size: int, patience: int | None
) -> None:
    check_between("epochs", epochs, 1, 1_000_000)
    check_between("batch_size", batch_size, 1, 1_000_000)
    if patience is not None:
        check_between("patience", patience, 1, 1_000_000)
    if tuple(x.shape[1:]) != tuple(model.input_shape[1:]):
        raise LatentbookError(
            f"the model takes samples of shape {tuple(model.input_shape[1:])}, but x holds "
            f"samples of shape {x.shape[1:]}"
        )
    if not np.isfinite(x).all():
        raise LatentbookError("x holds NaN or infinite values: drop or impute them first")


def _train(
    model: keras.Model,
    x: np.ndarray,
    x_val: np.ndarray | None,
    history: History,
    folder: Path,
    epochs: int,
    batch_size: int,
    patience: int | None,
    seed: int,
    progress: bool,
) -> None:
    from tqdm import tqdm

    done = len(history["loss"])
    with tqdm(total=epochs, initial=done, unit="epoch", disable=not progress) as bar:
        for epoch in range(done, epochs):
            if patience is not None and should_stop(history, patience):
                break
            start = time.perf_counter()
            order = np.random.default_rng([seed, epoch]).permutation(len(x))
            logs = model.fit(batches(x, order, batch_size), shuffle=False, verbose=0).history
            history["loss"].append(float(logs["loss"][-1]))
            if x_val is not None:
                watched = np.arange(len(x_val))
                loss = model.evaluate(batches(x_val, watched, 1024), verbose=0, return_dict=True)[
                    "loss"
                ]
                history.setdefault("val_loss", []).append(float(loss))
            history["seconds"].append(time.perf_counter() - start)
            if not np.isfinite(history["loss"][-1]):
                raise LatentbookError(
                    f"the loss became {history['loss'][-1]} in epoch {epoch + 1}: lower the "
                    "learning rate or check the scale of the data"
                )
            _save(model, folder, history)
            bar.update()
            bar.set_postfix({k: f"{v[-1]:.4f}" for k, v in history.items() if k != "seconds"})


def _save(model: keras.Model, folder: Path, history: History) -> None:
    epoch = len(history["loss"])
    with files.atomic(folder / f"{epoch:05d}.weights.h5") as scratch:
        model.save_weights(scratch)
    with files.atomic(folder / f"{epoch:05d}.json") as scratch:
        scratch.write_text(json.dumps(history))
    for old in sorted(folder.glob("*.json"))[:-2]:  # two good states are kept
        old.unlink()
        old.with_suffix(".weights.h5").unlink(missing_ok=True)


def _resume(model: keras.Model, folder: Path, epochs: int) -> History:
    """Load the newest readable state of at most `epochs` epochs; say so."""
    for state in sorted(folder.glob("*.json"), reverse=True):
        try:
            history = json.loads(state.read_text())
            if len(history["loss"]) > epochs:
                continue
            model.load_weights(state.with_suffix(".weights.h5"))
        except (OSError, ValueError, KeyError) as error:
            print(f"checkpoint {state.name} is damaged ({error}): falling back to the one before")
            continue
        print(f"resumed after epoch {len(history['loss'])} of {epochs} from the cache")
        return history
    return {"loss": [], "seconds": []}
