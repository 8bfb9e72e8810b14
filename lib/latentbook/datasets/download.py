"""Downloads of data sets from their mirrors: resumed where they were cut, checked before use.

Files arrive in a folder of unfinished downloads beside the cache. They move to their final names
once the arrays in them are verified.
A lock makes two processes that ask for the same data wait for each other.
`store` decides whether arrays are the right ones.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import requests
from filelock import FileLock
from tqdm import tqdm

from latentbook.datasets import store
from latentbook.datasets.registry import Container, Entry
from latentbook.errors import LatentbookError

ATTEMPTS = 4  # in a row without a byte of progress
_TIMEOUT = (10, 60)  # seconds to connect, seconds without a byte
_BLOCK = 1 << 14  # bytes; a cut connection loses no more


class _UnavailableError(Exception):
    """A mirror does not deliver; the message says why."""


def fetch(data: Entry) -> store.Verified:
    """Return the verified arrays of `data`, downloading what is missing.

    Every mirror of every container is asked, in the order of the registry.
    Nothing is downloaded if another process has just finished the same download.

    Raises
    ------
    LatentbookError
        If no place has the data (the message names them all), or if the cache cannot be written.
    """
    folder = store.download_folder()
    with _locked(folder / f".{data.name}.lock"):
        location = store.find(data, complete=True)
        if location is not None:
            return store.verify(data, location)
        failures = []
        for container in data.containers:
            for mirror in container.mirrors:
                try:
                    return _from_mirror(data, container, mirror, folder)
                except _UnavailableError as reason:
                    failures.append(f"{mirror.format(file='')} ({reason})")
    raise LatentbookError(
        f"{data.name} is not on this machine (looked in {store.looked_in(data)}) and no mirror "
        f"delivers it: {'; '.join(failures) or 'none is known'}; "
        f"without a network, {store.offline(data)}"
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock `path`; raise one sentence if its folder cannot be written."""
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        yield
    finally:
        lock.release()


def _unwritable(folder: Path, error: OSError) -> LatentbookError:
    """Return the error for a cache that is read-only or full."""
    return LatentbookError(
        f"cannot download to {folder}: {error.strerror or error}; free some space, make the folder "
        "writable, or set LATENTBOOK_CACHE to another one"
    )


def _from_mirror(data: Entry, container: Container, mirror: str, folder: Path) -> store.Verified:
    """Return the arrays of `container`, its files fetched from `mirror` and moved into `folder`."""
    key = hashlib.sha256(mirror.encode()).hexdigest()[:12]
    unfinished = folder / ".unfinished" / f"{data.name}-{key}"
    files = {role: unfinished / name for role, name in container.files.items()}
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        resumed = [
            _fetch_file(mirror.format(file=quote(name)), files[role])
            for role, name in container.files.items()
        ]
        verified = _checked(data, store.Found(container, files))
        if verified is None and any(resumed):  # the rest may come from a newer version of the file
            return _from_mirror(data, container, mirror, folder)
        if verified is None:
            raise _UnavailableError("its files are not the published ones")
        final = {
            role: folder / container.folders[0] / name for role, name in container.files.items()
        }
        for role, path in final.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(files[role], path)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return store.Verified(
        verified.arrays, verified.sha256, str(store.Found(container, final)), verified.part
    )


def _checked(data: Entry, fresh: store.Found) -> store.Verified | None:
    """Return the arrays in fresh files; delete the files and return None if they are wrong."""
    try:
        return store.verify(data, fresh)
    except LatentbookError:
        for path in fresh.files.values():
            path.unlink()
        return None


def _fetch_file(url: str, path: Path) -> bool:
    """Fetch `url` into `path`, continuing an unfinished `path`.part; return whether there was one.

    Raises
    ------
    _UnavailableError
        If the mirror has no such file, or the connection was cut too often.
    """
    part = path.with_name(path.name + ".part")
    resumed = path.exists() or part.exists()
    if path.exists():
        return resumed
    in_vain = 0
    while in_vain < ATTEMPTS:
        before = _size(part)
        try:
            if _receive(url, part):
                os.replace(part, path)
                return resumed
        except requests.RequestException as error:
            if not part.exists():
                raise _UnavailableError("no connection") from error
        in_vain = 0 if _size(part) > before else in_vain + 1
    raise _UnavailableError("the connection was cut")


def _size(path: Path) -> int:
    """Return the size of the file `path` in bytes, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def _receive(url: str, part: Path) -> bool:
    """Append the missing bytes of `url` to `part`; return whether it is complete now."""
    start = _size(part)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing is left, or the file has become shorter
            size = int(answer.headers.get("Content-Range", "").rpartition("/")[2] or -1)
            if size != start:
                part.unlink()
            return size == start
        if answer.status_code not in (200, 206):
            raise _UnavailableError(f"{answer.status_code} {answer.reason}")
        if answer.status_code == 200:
            start = 0
        encoded = "Content-Encoding" in answer.headers  # the length is then not that of the file
        length = None if encoded else answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        with (
            part.open("ab" if start else "wb") as stream,
            tqdm(
                desc=url.rpartition("/")[2],
                initial=start,
                total=total,
                unit="B",
                unit_scale=True,
                disable=None,
            ) as bar,
        ):
            for block in answer.iter_content(_BLOCK):
                stream.write(block)
                bar.update(len(block))
            return total is None or stream.tell() == total
