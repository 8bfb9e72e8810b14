"""The one `fit` of the book: progress bar, early stopping, checkpoints, resume.

A run that was killed continues after its last checkpoint and ends with the same weights.
The order of the samples and the noise of random layers depend only on the seed and on the number
of the epoch. Early stopping reads the recorded history and keeps no state.
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

#: From this many rows on, a dense network is compiled with XLA on a CPU too. Compiling takes ten
#: seconds, and every epoch takes a third less time.
XLA_ROWS = 10_000

#: Steps that TensorFlow makes between two returns to Python.
STEPS_A_CALL = 16

#: Seconds of training that a killed run may lose; shorter epochs share a checkpoint.
CHECKPOINT_SECONDS = 1.0

NOT_FINITE = "x holds NaN or infinite values: drop or impute them first"


def compiling(dense_rows: int = 0) -> dict[str, Any]:
    """Return the arguments of Keras' `compile` that make training fastest on this backend.

    On a CPU, XLA makes small convolutional networks of TensorFlow 1.4 to 5 times slower. JAX needs
    XLA. TensorFlow takes several steps a call, which halves the time of a small network's step.
    JAX would compile every one of these steps.

    Parameters
    ----------
    dense_rows : int, default=0
        Training rows of a network that has dense layers only; 0 for other networks.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {"jit_compile": True if dense_rows >= XLA_ROWS else "auto"}
    import tensorflow as tf

    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    jit = True if dense_rows >= XLA_ROWS else "auto" if on_gpu else False
    return {"jit_compile": jit, "steps_per_execution": STEPS_A_CALL}


def is_lazy(x: Any) -> bool:
    """Say whether `x` is read piece by piece, like `weather.windows.Windows`, and is not an array.

    Such an object has ``shape``, ``dtype``, a length, ``x[rows]`` and a ``digest`` of its own.
    """
    return hasattr(x, "digest")


def digest(x: Any) -> str:
    """Return a digest of the content of an array, a structure of arrays, or a lazy `x`."""
    import keras

    return x.digest if is_lazy(x) else cache.digest(*keras.tree.flatten(x))


def rows_at_once(shape: Sequence[int]) -> int:
    """Return how many samples of this shape a network evaluates at once.

    At most 1024, and fewer where a sample is large: all activations are in memory together.
    """
    return max(1, min(1024, 2**22 // math.prod(shape)))


def batches(x: Any, order: np.ndarray, batch_size: int) -> keras.utils.PyDataset:
    """Return the batches (x, x) of a lazy `x` in the given order; the last one may be smaller.

    A lazy `x` is searched for NaN while it is read. The attribute ``finite`` of the batches tells
    the result: an exception raised here would reach the caller as one of the backend.
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

    `fit` calls it before each epoch. A resumed run then draws the same numbers as one that was
    not interrupted.
    """
    # what `keras.random.SeedGenerator` calls its variable
    states = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
    for i, state in enumerate(states):
        state.assign(np.random.default_rng([*numbers, i]).integers(2**31, size=2).astype("uint32"))


def best_epoch(losses: list[float]) -> int:
    """Return the index of the smallest loss; of equal ones the first."""
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
    model : keras.Model
        Compiled model; its weights change in place.
    x : array of shape (n, ...), dict of such arrays, or lazy (see `is_lazy`)
        Training samples.
    epochs : int
        Upper limit. A later call with more epochs and the same `key` continues from here.
    key : mapping
        What else determines the result: architecture, learning rate and so on. The checkpoint is
        named by it and by data, batch size, seed and versions.
    x_val : as `x`, default=None
        Samples whose loss early stopping watches; None watches the training loss.
    batch_size : int, default=256
    patience : int or None, default=None
        Stop when that loss has not improved for this many epochs; None never stops early.
    seed : int, default=0
        Determines the order of the samples and the noise of random layers.
    progress : bool, default=True
        Show a progress bar.
    milestones : bool, default=True
        As in `checkpoints.save`. False saves gigabytes where the network is large.

    Returns
    -------
    dict
        ``loss``, ``val_loss`` (where there is `x_val`) and ``seconds``, one value an epoch.

    Raises
    ------
    LatentbookError
        For NaN, a shape that the model does not take, fewer than one epoch, or a loss that becomes
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
        fed = feed.on_device(model, x) if is_lazy(x) else None
        unsaved = 0.0
        with tqdm(total=epochs, initial=done, unit="epoch", disable=not progress) as bar:
            while not _is_over(history, epochs, patience):
                epoch = len(history["loss"])
                start = time.perf_counter()
                loss = _train_epoch(model, x, batch_size, seed, epoch, fed)
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


def _train_epoch(
    model: keras.Model,
    x: Any,
    batch_size: int,
    seed: int,
    epoch: int,
    fed: keras.Model | None = None,
) -> float:
    """Train one epoch, through `fed` where `feed.on_device` gave one, and return the loss."""
    import keras

    order = np.random.default_rng([seed, epoch]).permutation(n_samples(x))
    reseed(model, seed, epoch)
    if fed is not None:
        starts = x.starts[order].astype(np.int32)
        zeros = np.zeros((len(starts), *(1,) * (len(x.shape) - 1)), np.float32)
        sent = feed.arrays(starts, zeros, batch_size=batch_size)
        logs = fed.fit(**sent, shuffle=False, verbose=0).history
    elif is_lazy(x):
        shown = batches(x, order, batch_size)
        logs = model.fit(feed.dataset(shown), shuffle=False, verbose=0).history
        if not shown.finite:
            raise LatentbookError(NOT_FINITE)
    else:  # the backend cuts a copy in the right order far faster than Python would
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
    for array, expected in zip(keras.tree.flatten(x), model.inputs, strict=True):
        if tuple(array.shape[1:]) != tuple(expected.shape[1:]):
            raise LatentbookError(
                f"the model takes samples of shape {tuple(expected.shape[1:])}, but x holds "
                f"samples of shape {array.shape[1:]}"
            )
        if not is_lazy(array) and not np.isfinite(array).all():
            raise LatentbookError(NOT_FINITE)
