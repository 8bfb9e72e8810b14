"""Small arrays that full-scale figures are drawn from, kept beside the records as npz files.

A complete ``paper`` run with seed 0 writes into ``data/records/figures``, which is committed.
Every other run writes into ``_build``, so that no quick figure is taken for a full-scale one.
Large results are left to `cache`, drawing to `plots` and the chapters.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from filelock import FileLock

from latentbook import files, paths
from latentbook.errors import LatentbookError

#: Largest size of an npz in ``data/records/figures``, in bytes.
LIMIT = 1_000_000


def folder(profile: str, seed: int, *, whole: bool = True) -> Path:
    """Return the folder for the arrays of a run; `whole` means that it used all available data."""
    if profile == "paper" and seed == 0 and whole:
        return paths.figures()
    name = f"seed-{seed}" if whole else f"seed-{seed}-subset"
    return paths.root() / "_build" / "figures" / profile / name


def save(name: str, arrays: Mapping[str, np.ndarray], where: Path) -> Path:
    """Add `arrays` to the npz `name` in `where`, and return its path.

    If the file holds arrays of the same samples (equal ``index``), they are kept: a later run may
    add one embedding. Otherwise the file is replaced.

    Raises
    ------
    LatentbookError
        If the file would weigh more than `LIMIT`.
    """
    path = where / f"{name}.npz"
    lock = paths.root() / "_build" / "locks" / f"{where.parent.name}-{where.name}-{name}.lock"
    with files.writable(lock), FileLock(lock):
        old = read(path) if path.exists() else {}
        if not np.array_equal(old.get("index", ()), arrays["index"]):
            old = {}
        with files.atomic(path) as scratch:
            np.savez_compressed(scratch, **{**old, **arrays})  # type: ignore[arg-type]
            size = scratch.stat().st_size
            if size > LIMIT:
                raise LatentbookError(
                    f"{path.name} would weigh {size:,} bytes, but at most {LIMIT:,} are allowed: "
                    "keep fewer points"
                )
    return path


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an npz.

    Raises
    ------
    LatentbookError
        If the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise LatentbookError(f"there is no {path.name}: run the chapter that keeps it") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise LatentbookError(
            f"{path.name} is damaged ({error}): restore it, or delete it and run the chapter"
        ) from error


def full_scale(name: str) -> dict[str, np.ndarray]:
    """Return the arrays that full-scale runs kept as ``name.npz``; empty if nothing has run."""
    path = paths.figures() / f"{name}.npz"
    return read(path) if path.exists() else {}


def saved(chapter: str) -> dict[str, dict[str, np.ndarray]]:
    """Return data set -> named arrays of every committed file ``<chapter>-<data set>.npz``."""
    sources = sorted(paths.figures().glob(f"{chapter}-*.npz"))
    return {s.stem.removeprefix(f"{chapter}-"): read(s) for s in sources}


def thumbnails(x: np.ndarray) -> np.ndarray:
    """Return images of shape (n, height, width, channels), in [0, 1], as small bytes.

    Returns
    -------
    array of uint8
        Grey images unchanged, (n, height, width). Colour images halved to (n, height / 2,
        width / 2, 3), with 32 levels a channel, which halves the size of the file.
    """
    if x.shape[-1] == 1:
        return np.round(x[..., 0] * 255).astype(np.uint8)
    n, height, width, channels = x.shape
    halved = x.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))
    return (np.round(halved * 31) * 8).astype(np.uint8)
