"""Writing files: a reader sees the old file or the new one, never half of it.

A failed write becomes one sentence that says what to do.
Where files lie is left to `paths`.
"""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentbook.errors import LatentbookError


def matching(path: str) -> list[str]:
    """Return the existing files and folders that a path or a pattern stands for, sorted.

    ``~`` is the home of the user. The brackets of a folder that exists are its name; those in the
    last part of a path are a pattern where there is no such file.

    Raises
    ------
    LatentbookError
        If the home of the user is not known.
    """
    try:
        written = Path(path).expanduser()
    except RuntimeError as error:
        raise LatentbookError(f"{path}: the home folder is not known, write it out") from error
    try:
        if written.exists():
            return [str(written)]
        folder = str(written.parent)
        if written.parent.is_dir():
            folder = glob.escape(folder)
        return sorted(glob.glob(os.path.join(folder, written.name)))
    except (OSError, ValueError):  # too long, or with a zero byte
        return []


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Create the folder of `path`, and turn a failed write inside into one clear sentence.

    Raises
    ------
    LatentbookError
        If the folder cannot be written (read-only, or no space left).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise LatentbookError(
            f"cannot write {path}: {error.strerror or error}; free some space, make the folder "
            "writable, or set LATENTBOOK_CACHE to another folder"
        ) from error


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success the file is renamed to `path` in one step.

    The name of the temporary file ends in that of `path`. If the body raises, `path` stays as it
    was.

    Raises
    ------
    LatentbookError
        If the folder cannot be written (read-only, or no space left).
    """
    scratch = None
    try:
        with writable(path):
            handle, name = tempfile.mkstemp(
                prefix=".partial-", suffix=f"-{path.name}", dir=path.parent
            )
            os.close(handle)
            scratch = Path(name)
            yield scratch
            scratch.chmod(0o644)
            os.replace(scratch, path)
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)
