"""From files to arrays: one short reader for each format in which the data sets are published.

A reader takes the files of a container by role. It returns arrays by name, unscaled and in
published order, and never loads a pickle.
`store` decides whether the arrays are the right ones.
"""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from latentbook.datasets import trades
from latentbook.datasets.registry import Container
from latentbook.errors import LatentbookError

Files = dict[str, Path]
Arrays = dict[str, np.ndarray]

_BROKEN = (OSError, EOFError, ValueError, KeyError, IndexError, struct.error, zlib.error)


def read(container: Container, files: Files) -> Arrays:
    """Return the arrays of `container`, read from `files` (by role).

    Raises
    ------
    LatentbookError
        If a file is truncated, is of another format, or holds pickled objects.
    """
    try:
        return _READERS[container.format](files)
    except (*_BROKEN, zipfile.BadZipFile, tarfile.TarError) as error:
        names = ", ".join(str(path) for path in files.values())
        raise LatentbookError(
            f"cannot read {names} ({error}): corrupt or truncated, delete it and fetch it anew"
        ) from error


def content(path: Path) -> bytes:
    """Return the bytes of `path`, unpacked if it is a gzip or bzip2 file, whatever its name."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    return bz2.decompress(raw) if raw[:3] == b"BZh" else raw


def _bundled(files: Files) -> Arrays:
    """Return the 1,797 digits that scikit-learn carries: x (1797, 8, 8) from 0 to 16, y."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return {"x": digits.images.astype(np.uint8), "y": digits.target.astype(np.uint8)}


def _simulated(files: Files) -> Arrays:
    """Return the trades of `trades.simulate`: rows (100000, 9)."""
    return {"rows": trades.simulate(trades.SEED)}


def _npz(files: Files) -> Arrays:
    """Return every array of a NumPy archive."""
    with np.load(files["all"], allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _idx(files: Files) -> Arrays:
    """Return one array a file in the idx format of MNIST (unsigned bytes)."""
    return {role: _idx_array(content(path)) for role, path in files.items()}


def _idx_array(raw: bytes) -> np.ndarray:
    """Return the array in `raw`: two zero bytes, type 8, number of axes, sizes (big-endian)."""
    zero, kind, axes = struct.unpack(">HBB", raw[:4])
    if zero or kind != 8:
        raise ValueError("not an idx file of unsigned bytes")
    shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _libsvm(files: Files) -> Arrays:
    """Return USPS from LIBSVM's text: label 1 to 10, then index:value (zeros left out)."""
    from sklearn.datasets import load_svmlight_file

    arrays: Arrays = {}
    for part, path in files.items():
        x, y = load_svmlight_file(io.BytesIO(content(path)), n_features=256)
        arrays[f"x_{part}"] = x.toarray().astype(np.float32).reshape(-1, 16, 16)
        arrays[f"y_{part}"] = (y - 1).astype(np.uint8)
    return arrays


def _zipcode(files: Files) -> Arrays:
    """Return USPS from the text of "The Elements of Statistical Learning": digit, 256 values."""
    arrays: Arrays = {}
    for part, path in files.items():
        rows = np.loadtxt(io.BytesIO(content(path)))
        arrays[f"x_{part}"] = rows[:, 1:].astype(np.float32).reshape(-1, 16, 16)
        arrays[f"y_{part}"] = rows[:, 0].astype(np.uint8)
    return arrays


def _cifar10_binary(files: Files) -> Arrays:
    """Return CIFAR-10 from its binary version: label byte, then red, green and blue planes."""
    batches = {}
    with tarfile.open(files["all"]) as archive:
        for member in archive:
            if member.name.endswith(".bin"):
                stream = archive.extractfile(member)
                assert stream is not None
                records = np.frombuffer(stream.read(), np.uint8).reshape(-1, 1 + 3 * 32 * 32)
                batches[Path(member.name).stem] = records
    train = np.concatenate([batches[f"data_batch_{number}"] for number in range(1, 6)])
    arrays: Arrays = {}
    for part, records in (("train", train), ("test", batches["test_batch"])):
        planes = records[:, 1:].reshape(-1, 3, 32, 32)
        arrays[f"x_{part}"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        arrays[f"y_{part}"] = records[:, 0].copy()
    return arrays


def _satimage(train: bytes, test: bytes) -> Arrays:
    """Return Statlog Landsat from its text: 36 values and the soil code, separated by blanks."""
    arrays: Arrays = {}
    for part, raw in (("train", train), ("test", test)):
        rows = np.loadtxt(io.BytesIO(raw), dtype=np.int64)
        if rows.min() < 0 or rows.max() > 255:
            raise ValueError("a value lies outside 0 to 255")
        arrays[f"x_{part}"] = rows[:, :-1].astype(np.uint8)
        arrays[f"y_{part}"] = rows[:, -1].astype(np.uint8)
    return arrays


def _satimage_text(files: Files) -> Arrays:
    """Return Statlog Landsat from the two files sat.trn and sat.tst."""
    return _satimage(content(files["train"]), content(files["test"]))


def _satimage_zip(files: Files) -> Arrays:
    """Return Statlog Landsat from the repository's archive of the two files."""
    with zipfile.ZipFile(files["all"]) as archive:
        return _satimage(archive.read("sat.trn"), archive.read("sat.tst"))


def _nsl_kdd(files: Files) -> Arrays:
    """Return the text of each part as bytes, with Unix line ends and one at the end."""
    arrays: Arrays = {}
    for part, path in files.items():
        lines = content(path).split()
        arrays[part] = np.frombuffer(b"\n".join([*lines, b""]), np.uint8)
    return arrays


_READERS: dict[str, Callable[[Files], Arrays]] = {
    "bundled": _bundled,
    "simulated": _simulated,
    "npz": _npz,
    "idx": _idx,
    "libsvm": _libsvm,
    "zipcode": _zipcode,
    "cifar10-binary": _cifar10_binary,
    "satimage-text": _satimage_text,
    "satimage-zip": _satimage_zip,
    "nsl-kdd": _nsl_kdd,
}
