"""Load-or-compute for arrays that cost minutes: embeddings, latent codes, cluster labels.

The key of a result is all that determines it: content of the input, method, parameters, seed and
library versions.
The seconds of the computation are stored with it.
An interrupted sweep therefore continues where it stopped, and chapters share their embeddings.
Weights of networks are left to `training`.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from latentbook import files, paths


@dataclass(frozen=True)
class Computed:
    """Arrays of one computation.

    Attributes
    ----------
    arrays : dict
        Name -> array.
    seconds : float
        Wall time of the computation itself, also where the arrays were loaded.
    loaded : bool
        Whether the arrays come from the cache.
    """

    arrays: dict[str, np.ndarray]
    seconds: float
    loaded: bool


def digest(*arrays: np.ndarray) -> str:
    """Return the sha256 hex digest of the shapes, types and bytes of `arrays`."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.shape}{array.dtype}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def canonical(key: Mapping[str, Any]) -> str:
    """Return `key` as JSON text that does not depend on its order; NumPy scalars become numbers."""
    return json.dumps(key, sort_keys=True, default=lambda value: value.item())


def load_or_compute(
    kind: str, key: Mapping[str, Any], compute: Callable[[], Mapping[str, np.ndarray]]
) -> Computed:
    """Return the stored arrays for `key`, or call `compute`, store and return its result.

    Parameters
    ----------
    kind : str
        Folder of the cache, e.g. ``"embeddings"``.
    key : mapping
        Description of everything that determines the result; it must be JSON-serialisable.
    compute : callable
        Called without arguments where nothing valid is stored; returns named arrays.

    Returns
    -------
    Computed
        The arrays, the seconds of their computation, and whether they were loaded.

    Raises
    ------
    LatentbookError
        If the cache cannot be written.

    Notes
    -----
    Writes are atomic. A second process that asks for the same key waits for the first one.
    A damaged file is reported and computed again.
    """
    text = canonical(key)
    name = hashlib.sha256(text.encode()).hexdigest()[:24]
    path = paths.cache() / kind / f"{name}.npz"
    with files.writable(path), FileLock(path.with_suffix(".lock")):
        stored = _read(path)
        if stored is not None:
            return stored
        start = time.perf_counter()
        arrays = {name: np.asarray(array) for name, array in compute().items()}
        seconds = time.perf_counter() - start
        with files.atomic(path) as scratch:
            np.savez_compressed(scratch, _seconds=seconds, _key=text, **arrays)  # type: ignore[arg-type]
    return Computed(arrays, seconds, loaded=False)


def _read(path: Path) -> Computed | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if not name.startswith("_")}
            return Computed(arrays, float(stored["_seconds"]), loaded=True)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        print(f"{path.name} in the cache is damaged ({error}) and is computed again")
        return None
