"""Checkpoints of a training: weights and a JSON state a step, written atomically, resumed safely.

A state is written after its weights, so that a kill leaves either both or neither.
What is trained, and when a checkpoint is due, is decided by `training` and `dcec`.
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

    With `milestones` those of 1, 2, 5, 10, 20, 50 ... steps are kept too, so that a shorter
    training can be read out of a longer one.
    """
    with files.atomic(where / f"{step:05d}.weights.h5") as scratch:
        model.save_weights(scratch)
    with files.atomic(where / f"{step:05d}.json") as scratch:
        scratch.write_text(json.dumps(state))
    # those of a longer training, asked for before, are left alone
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
        Its state, or None if there is none, and then `model` is as it was. A damaged checkpoint
        is named and passed over.
    """
    # lets a checkpoint restore the optimizer's moments too, and TensorFlow trace a step once only
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
    """Return the states in a folder, oldest first; what a kill left half written is not one."""
    return sorted(where.glob("[0-9]*.json"))
