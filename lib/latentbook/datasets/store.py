"""Where the data lie, and whether they are the right ones.

`find` looks in the user's folder, the project's cache, and the folders of the system and of Keras.
`verify` compares the arrays themselves with the registry. Every container of the same arrays is
accepted, and no other.
Reading formats is left to `readers`, downloads to `download`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentbook import paths
from latentbook.datasets import readers
from latentbook.datasets.registry import NAMES, ArraySpec, Container, Entry, entry
from latentbook.errors import LatentbookError


@dataclass(frozen=True)
class Found:
    """Files of one container that are on this machine, not yet read."""

    container: Container
    files: dict[str, Path]

    def __str__(self) -> str:
        """Return where the data lie, for people."""
        where = list(self.files.values())
        if not where:
            return self.container.origin
        return str(where[0]) if len(where) == 1 else f"{where[0].parent} ({len(where)} files)"

    def file_of(self, array: str) -> str:
        """Return the file that holds `array`; a file holds one array, one split, or all."""
        path = self.files.get(array) or self.files.get(array.rpartition("_")[2])
        return str(path or self)


@dataclass(frozen=True)
class Verified:
    """Arrays that agree with the registry, the sha256 over all of them, and their place.

    `part` says in words which part of the data they are, and is empty if they are all.
    """

    arrays: dict[str, np.ndarray]
    sha256: str
    source: str
    part: str

    @property
    def complete(self) -> bool:
        """Whether they are all of the data."""
        return not self.part


def download_folder() -> Path:
    """Return the folder that downloads go to."""
    return paths.cache() / "data"


def places(data: Entry) -> list[Path]:
    """Return the folders in which `data` may lie, in the order of the search."""
    stated = os.environ.get("LATENTBOOK_DATA")
    keras = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    return [*([Path(stated)] if stated else []), download_folder(), *data.system, keras]


def looked_in(data: Entry) -> str:
    """Return the folders of `places` in words."""
    return ", ".join(str(folder) for folder in places(data))


def offline(data: Entry) -> str:
    """Return what to do without a network, as the end of a sentence."""
    container = data.containers[0]
    folder = container.folders[0]
    names = " and ".join(str(Path(folder) / name) for name in container.files.values())
    return f"copy {names} from another machine into {download_folder()} or $LATENTBOOK_DATA"


def find(data: Entry, complete: bool = False) -> Found | None:
    """Return the first files of `data` on this machine, or None.

    Complete data are preferred to a subset, wherever they lie.

    Parameters
    ----------
    data : Entry
    complete : bool, default=False
        Ignore a subset, unless the registry knows nothing else.
    """
    whole = [part for part in data.containers if not part.subset]
    partial = [part for part in data.containers if part.subset]
    for group in [whole] if complete and whole else [whole, partial]:
        for folder in places(data):
            for container in group:
                files = _locate(container, folder, folder in data.system)
                if files is not None:
                    return Found(container, files)
    return None


def _locate(container: Container, place: Path, system: bool) -> dict[str, Path] | None:
    """Return the files of `container` by role if all of them lie in `place`, else None."""
    for folder in ("",) if system else container.folders:
        files = {}
        for role, name in container.files.items():
            candidates = [place / folder / name, place / folder / name.removesuffix(".gz")]
            files[role] = next((path for path in candidates if path.is_file()), None)
        present = {role: path for role, path in files.items() if path is not None}
        if len(present) == len(files):
            return present
    return None


def verify(data: Entry, location: Found) -> Verified:
    """Read the files at `location` and return their arrays if they are those of the registry.

    Raises
    ------
    LatentbookError
        If an array is missing, damaged, or of another data set; the message names array and file.
    """
    for role, expected in location.container.md5.items():
        actual = _md5(location.files[role])
        if actual != expected:
            raise LatentbookError(
                f"{location.files[role]} is not the published file of {data.name} (md5 {actual} "
                f"instead of {expected}): delete it and run `latentbook data fetch {data.name}`"
            )
    arrays = readers.read(location.container, location.files)
    total = hashlib.sha256()
    checked = {}
    for key, spec in location.container.arrays.items():
        if key not in arrays:
            raise LatentbookError(
                f"{location} holds no array {key!r} (only {', '.join(arrays) or 'nothing'}), so it "
                f"is not {data.name}: delete it and run `latentbook data fetch {data.name}`"
            )
        checked[key] = _check(data, location, key, arrays[key], spec)
        total.update(_bytes(checked[key]))
    return Verified(checked, total.hexdigest(), str(location), location.container.subset)


def _check(
    data: Entry, location: Found, key: str, array: np.ndarray, spec: ArraySpec
) -> np.ndarray:
    """Return `array` with the type of the registry; raise if shape or digest are wrong."""
    what = f"{key} in {location.file_of(key)}"
    advice = f"delete the file and run `latentbook data fetch {data.name}`"
    if not location.files:
        advice = "install the package versions of requirements.lock"
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise LatentbookError(f"{what} holds NaN or infinite values: {advice}")
    if array.dtype.kind in "fiu" and array.dtype != spec.dtype:
        cast = array.astype(spec.dtype)
        array = cast if np.array_equal(cast, array) else array
    digest = hashlib.sha256(_bytes(array)).hexdigest()
    same_form = array.shape == spec.shape and array.dtype == spec.dtype
    if same_form and spec.sha256 in (None, digest):
        return array
    fault = f"sha256 {digest[:8]}... instead of {str(spec.sha256)[:8]}..."
    if not same_form:
        fault = f"{array.shape} {array.dtype} instead of {spec.shape} {spec.dtype}"
    owner = _owner(digest)
    verdict = f"it is the one of {owner}" if owner else "it is damaged or changed"
    raise LatentbookError(f"{what} is not the one of {data.name} ({fault}): {verdict}; {advice}")


def _owner(digest: str) -> str | None:
    """Return the data set that has an array with this sha256, or None."""
    for name in NAMES:
        for container in entry(name).containers:
            if any(spec.sha256 == digest for spec in container.arrays.values()):
                return name
    return None


def _bytes(array: np.ndarray) -> memoryview:
    """Return the bytes of `array` in C order, without a copy where it is contiguous."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _md5(path: Path) -> str:
    """Return the md5 of the file `path`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
