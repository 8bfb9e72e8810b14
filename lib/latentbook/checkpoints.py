"""Checkpoints of a training: weights and a JSON state a step, written atomically, resumed safely.

The state is written after the weights: a run that is killed leaves both files or none that counts.
`training` and `dcec` decide what is trained and when a checkpoint is due.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from latentbook import cache, files, paths

if TYPE_CHECKING:
    import keras


@contextmanager
def folder(key: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the folder of the training that `key` determines; a second process waits for it."""
    text = np.frombuffer(cache.canonical(key).encode(), dtype=np.uint8)
    where = paths.cache() / "training" / cache.digest(text)[:24]
    with files.writable(where / "lock"), FileLock(where / "lock"):
        yield where


def save(
    model: keras.Model,
    where: Path,
    step: int,
    state: Mapping[str, Any],
    *,
    milestones: bool = False,
) -> None:
    """Write weights (with the optimizer's) and state after `step` steps; keep the two newest.

    Parameters
    ----------
    model : keras.Model
        Its weights and those of its optimizer are saved.
    where : Path
        Folder of the training, from `folder`.
    step : int
        Steps (epochs or iterations) done so far.
    state : mapping
        Plain numbers and lists, stored as JSON.
    milestones : bool, default=False
        Also keep the checkpoints of 1, 2, 5, 10, 20, 50 ... steps. A later and shorter training
        with the same key then loads one of them.
    """
    with files.atomic(where / f"{step:05d}.weights.h5") as scratch:
        model.save_weights(scratch)
    with files.atomic(where / f"{step:05d}.json") as scratch:
        scratch.write_text(json.dumps(state))
    # checkpoints of a longer training with the same key stay
    done = [path for path in _states(where) if int(path.stem) <= step]
    for old in done[:-2]:
        if milestones and old.stem.strip("0") in ("1", "2", "5"):
            continue
        old.unlink()
        old.with_suffix(".weights.h5").unlink(missing_ok=True)


def resume(model: keras.Model, where: Path, limit: int) -> dict[str, Any] | None:
    """Load the newest readable checkpoint of at most `limit` steps into `model`.

    Returns
    -------
    dict or None
        State of that checkpoint, or None where there is none; `model` is then unchanged.
        A damaged checkpoint is reported and skipped.
    """
    # a checkpoint can then restore the optimizer's moments, and TensorFlow traces a step only once
    model.optimizer.build(model.trainable_variables)
    states = [path for path in reversed(_states(where)) if int(path.stem) <= limit]
    if not states:
        return None
    variables = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    for path in states:
        try:
            state = json.loads(path.read_text())
            model.load_weights(path.with_suffix(".weights.h5"))
        except (OSError, ValueError, KeyError) as error:
            print(f"checkpoint {path.name} is damaged ({error}): falling back to the one before")
            for variable, value in zip(variables, before, strict=True):  # it may be half loaded
                variable.assign(value)
            continue
        return state
    return None


def _states(where: Path) -> list[Path]:
    """Return the states in a folder, oldest first.

    A checkpoint that was cut off while being written is ignored: its state is missing.
    """
    return sorted(where.glob("[0-9]*.json"))
