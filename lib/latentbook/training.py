"""The one `fit` of the book: progress bar, early stopping, checkpoints, resume.

A run that is killed and started again goes on after its last checkpoint and ends with the same
weights, because the order of the samples and the noise of random layers depend only on the
seed and the epoch's number, and because early stopping reads the recorded history instead of
keeping a state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import cache, checkpoints, feed
from latentbook.errors import LatentbookError, check_between

if TYPE_CHECKING:
    import keras

History = dict[str, list[float]]

#: From this many rows on, a dense network is compiled with XLA also on a CPU: an epoch then takes
#: a third less time, which repays the ten seconds that compiling takes.
XLA_ROWS = 10_000

#: Steps that TensorFlow makes between two returns to Python.
STEPS_A_CALL = 16

#: Seconds of training that a kill may cost: epochs shorter than that share a checkpoint.
CHECKPOINT_SECONDS = 1.0

NOT_FINITE = "x holds NaN or infinite values: drop or impute them first"


def compiling(dense_rows: int = 0) -> dict[str, Any]:
    """Return the arguments of Keras' `compile` that make training fastest on this backend.

    XLA makes small convolutional networks 1.4 to 5 times slower for TensorFlow on a CPU; JAX needs
    it. TensorFlow makes several steps a call, which saves half of a small network's time a step;
    JAX would compile every one of them.

    Parameters
    ----------
    dense_rows
        Training rows of a network that has dense layers only.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {"jit_compile": True if dense_rows >= XLA_ROWS else "auto"}
    import tensorflow as tf

    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    jit = True if dense_rows >= XLA_ROWS else "auto" if on_gpu else False
    return {"jit_compile": jit, "steps_per_execution": STEPS_A_CALL}


def is_lazy(x: Any) -> bool:
    """Say whether `x` is read piece by piece, like `weather.windows.Windows`, and no array.

    Such an object has ``shape``, ``dtype``, a length, ``x[rows]`` and a ``digest`` of its own.
    """
    return hasattr(x, "digest")


def digest(x: Any) -> str:
    """Return what identifies the content of an array, a structure of arrays, or a lazy `x`."""
    import keras

    return x.digest if is_lazy(x) else cache.digest(*keras.tree.flatten(x))


def rows_at_once(shape: Sequence[int]) -> int:
    """Return how many samples of this shape a network may be shown at once without training it.

    At most 1024, and fewer where a sample is large: all activations are held together.
    """
    return max(1, min(1024, 2**22 // math.prod(shape)))


def batches(x: Any, order: np.ndarray, batch_size: int) -> keras.utils.PyDataset:
    """Return the batches (x, x) of a lazy `x` in the given order, the last one possibly smaller.

    What is lazy can be searched for NaN only as it is read; ``finite`` of the batches says what
    was found, because an exception raised here would reach the caller as one of the backend.
    """
    import keras

    class Batches(keras.utils.PyDataset):
        finite = True

        def __len__(self) -> int:
            return -(-len(order) // batch_size)

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            batch = x[order[i * batch_size : (i + 1) * batch_size]]
            self.finite &= bool(np.isfinite(batch).all())
            return batch, batch

    return Batches()


def reseed(model: keras.Model, *numbers: int) -> None:
    """Set the state of every random layer of `model` (noise, dropout, sampling) from `numbers`.

    Called before each epoch, so that a resumed run draws what an uninterrupted one would have.
    """
    # what `keras.random.SeedGenerator` calls its variable
    states = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
    for i, state in enumerate(states):
        state.assign(np.random.default_rng([*numbers, i]).integers(2**31, size=2).astype("uint32"))


def best_epoch(losses: list[float]) -> int:
    """Return the index of the smallest loss, the first of several."""
    return int(np.argmin(losses))


def should_stop(history: History, patience: int) -> bool:
    """Say whether the monitored loss has not improved for `patience` epochs."""
    losses = history.get("val_loss") or history.get("loss", [])
    return len(losses) > patience and best_epoch(losses) < len(losses) - patience


def fit(
    model: keras.Model,
    x: Any,
    *,
    epochs: int,
    key: Mapping[str, Any],
    x_val: Any = None,
    batch_size: int = 256,
    patience: int | None = None,
    seed: int = 0,
    progress: bool = True,
    milestones: bool = True,
) -> History:
    """Train a compiled model to reproduce `x`, resuming where an earlier run stopped.

    Parameters
    ----------
    model
        Compiled Keras model; its weights are changed in place.
    x, x_val : arrays of shape (n, ...), dicts of such arrays, or lazy (see `is_lazy`)
        Training samples, and samples whose loss early stopping watches.
    epochs
        Upper limit. Asking later for more epochs with the same `key` goes on from there.
    key
        What else determines the result (architecture, learning rate ...); together with the
        data, the batch size, the seed and the versions it names the checkpoint.
    patience
        Stop when the validation loss has not improved for this many epochs; None never stops.
    milestones
        As in `checkpoints.save`; False saves gigabytes where the network is large.

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
    import keras
    from tqdm import tqdm

    _check(model, x, epochs, batch_size, patience)
    full_key = dict(key) | {
        "x": digest(x),
        "batch_size": batch_size,
        "seed": seed,
        "keras": f"{version('keras')} {keras.backend.backend()}",
    }
    with checkpoints.folder(full_key) as where:
        history = checkpoints.resume(model, where, epochs) or {"loss": [], "seconds": []}
        done = len(history["loss"])
        if done:
            print(f"resumed after epoch {done} of {epochs} from the cache")
        unsaved = 0.0
        with tqdm(total=epochs, initial=done, unit="epoch", disable=not progress) as bar:
            while not _is_over(history, epochs, patience):
                epoch = len(history["loss"])
                start = time.perf_counter()
                loss = _train_epoch(model, x, batch_size, seed, epoch)
                history["loss"].append(loss)
                if x_val is not None:
                    loss = _evaluate(model, x_val)
                    history.setdefault("val_loss", []).append(loss)
                history["seconds"].append(time.perf_counter() - start)
                unsaved += history["seconds"][-1]
                if unsaved >= CHECKPOINT_SECONDS or _is_over(history, epochs, patience):
                    checkpoints.save(model, where, epoch + 1, history, milestones=milestones)
                    unsaved = 0.0
                bar.update()
                bar.set_postfix({k: f"{v[-1]:.4f}" for k, v in history.items() if k != "seconds"})
    return history


def _is_over(history: History, epochs: int, patience: int | None) -> bool:
    stopped = patience is not None and should_stop(history, patience)
    return stopped or len(history["loss"]) >= epochs


def n_samples(x: Any) -> int:
    """Return the number of samples in an array, in a structure of arrays, or in a lazy `x`."""
    import keras

    return len(x if is_lazy(x) else keras.tree.flatten(x)[0])


def _train_epoch(model: keras.Model, x: Any, batch_size: int, seed: int, epoch: int) -> float:
    import keras

    order = np.random.default_rng([seed, epoch]).permutation(n_samples(x))
    reseed(model, seed, epoch)
    if is_lazy(x):
        shown = batches(x, order, batch_size)
        logs = model.fit(feed.dataset(shown), shuffle=False, verbose=0).history
        if not shown.finite:
            raise LatentbookError(NOT_FINITE)
    else:  # a copy in the right order is cut up by the backend, far faster than by Python
        copy = keras.tree.map_structure(lambda array: array[order], x)
        fed = feed.arrays(copy, copy, batch_size=batch_size)
        logs = model.fit(**fed, shuffle=False, verbose=0).history
    loss = float(logs["loss"][-1])
    if not np.isfinite(loss):
        raise LatentbookError(
            f"the loss became {loss} in epoch {epoch + 1}: lower the learning rate or check the "
            "scale of the data"
        )
    return loss


def _evaluate(model: keras.Model, x: Any) -> float:
    import keras

    at_once = rows_at_once(keras.tree.flatten(x)[0].shape[1:])
    if is_lazy(x):
        shown = feed.dataset(batches(x, np.arange(len(x)), at_once))
        logs = model.evaluate(shown, verbose=0, return_dict=True)
    else:
        fed = feed.arrays(x, x, batch_size=at_once)
        logs = model.evaluate(**fed, verbose=0, return_dict=True)
    return float(logs["loss"])


def _check(model: keras.Model, x: Any, epochs: int, batch_size: int, patience: int | None) -> None:
    import keras

    check_between("epochs", epochs, 1, 1_000_000)
    check_between("batch_size", batch_size, 1, 1_000_000)
    if patience is not None:
        check_between("patience", patience, 1, 1_000_000)
    for array, taken in zip(keras.tree.flatten(x), model.inputs, strict=True):
        if tuple(array.shape[1:]) != tuple(taken.shape[1:]):
            raise LatentbookError(
                f"the model takes samples of shape {tuple(taken.shape[1:])}, but x holds samples "
                f"of shape {array.shape[1:]}"
            )
        if not is_lazy(array) and not np.isfinite(array).all():
            raise LatentbookError(NOT_FINITE)
