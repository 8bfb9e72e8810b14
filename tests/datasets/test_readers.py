"""The published forms of the data, written here in small and read back."""

import bz2
import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest

from latentbook import datasets
from latentbook.datasets import loading, readers, registry, store
from latentbook.errors import LatentbookError


def container(name, form):
    return next(part for part in registry.entry(name).containers if part.format == form)


def read(tmp_path, name, form, contents):
    parts = container(name, form)
    files = {}
    for role, content in contents.items():
        files[role] = tmp_path / parts.files[role]
        files[role].write_bytes(content)
    return readers.read(parts, files)


def usps_text(x, y, form):
    """Images as the lines of LIBSVM's or of the other published text of USPS."""
    lines = []
    for row, label in zip(x.reshape(len(x), -1), y, strict=True):
        if form == "libsvm":
            cells = [f"{i}:{v:.6g}" for i, v in enumerate(row, 1) if v]
            lines.append(f"{label + 1} {' '.join(cells)} \n")
        else:
            lines.append(f"{label}.0000 {' '.join(f'{v:.4f}' for v in row)} \n")
    return "".join(lines).encode()


@pytest.mark.parametrize(("form", "pack"), [("libsvm", bz2.compress), ("zipcode", gzip.compress)])
def test_usps_text(tmp_path, form, pack):
    rng = np.random.default_rng(0)
    x = (rng.integers(-1000, 1001, (5, 16, 16)) / 1000).astype(np.float32)
    x[0, 0, :3] = 0
    y = np.arange(5, 10, dtype=np.uint8)
    contents = {part: pack(usps_text(x, y, form)) for part in ("train", "test")}
    arrays = read(tmp_path, "usps", form, contents)
    for part in ("train", "test"):
        np.testing.assert_array_equal(arrays[f"x_{part}"], x)
        np.testing.assert_array_equal(arrays[f"y_{part}"], y)


@pytest.mark.parametrize("form", ["libsvm", "zipcode"])
def test_usps_text_of_the_real_data_has_the_published_digests(tmp_path, real_data, form):
    arrays = loading.obtain(registry.entry("usps"), download=False).arrays
    parts = container("usps", form)
    files = {}
    for role, name in parts.files.items():
        files[role] = tmp_path / name
        files[role].write_bytes(usps_text(arrays[f"x_{role}"], arrays[f"y_{role}"], form))
    verified = store.verify(registry.entry("usps"), store.Found(parts, files))
    assert verified.sha256 == datasets.load("usps").sha256


def satimage_text(rows):
    return "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()


@pytest.mark.parametrize("form", ["satimage-text", "satimage-zip"])
def test_satimage_text_and_archive(tmp_path, form):
    rows = np.random.default_rng(0).integers(0, 256, (7, 37))
    text = satimage_text(rows)
    contents = {"train": text, "test": text}
    if form == "satimage-zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("sat.trn", text)
            archive.writestr("sat.tst", text)
        contents = {"all": stream.getvalue()}
    arrays = read(tmp_path, "satimage", form, contents)
    np.testing.assert_array_equal(arrays["x_test"], rows[:, :36])
    np.testing.assert_array_equal(arrays["y_train"], rows[:, 36])
    assert arrays["x_train"].dtype == np.uint8


def test_satimage_values_beyond_a_byte_are_refused(tmp_path):
    text = satimage_text([[300] * 37])
    with pytest.raises(LatentbookError, match="outside 0 to 255"):
        read(tmp_path, "satimage", "satimage-text", {"train": text, "test": text})


def cifar10_archive(images, labels):
    """Six binary batches as published: label, then red, green and blue planes."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    records = np.column_stack([labels, planes]).astype(np.uint8)
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        # The published archive does not hold its batches in order either.
        for name, part in reversed(list(zip(names, np.split(records, 6), strict=True))):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            info.size = part.nbytes
            archive.addfile(info, io.BytesIO(part.tobytes()))
    return stream.getvalue()


def test_cifar10_binary(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, 12, np.uint8)
    contents = {"all": cifar10_archive(images, labels)}
    arrays = read(tmp_path, "cifar10", "cifar10-binary", contents)
    np.testing.assert_array_equal(arrays["x_train"], images[:10])
    np.testing.assert_array_equal(arrays["x_test"], images[10:])
    np.testing.assert_array_equal(arrays["y_train"], labels[:10])


def test_truncated_cifar10_is_refused(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
    content = cifar10_archive(images, np.zeros(12))
    with pytest.raises(LatentbookError, match="corrupt or truncated"):
        read(tmp_path, "cifar10", "cifar10-binary", {"all": content[: len(content) // 2]})


def test_nsl_kdd_does_not_depend_on_line_ends(tmp_path):
    unix, windows = b"0,tcp,http\n1,udp,dns\n", b"0,tcp,http\r\n1,udp,dns"
    arrays = read(tmp_path, "nsl_kdd", "nsl-kdd", {"train": unix, "test": windows})
    assert arrays["train"].tobytes() == arrays["test"].tobytes() == unix


@pytest.mark.parametrize("head", [b"\x00\x00\x0d\x01", b"\x01\x00\x08\x01"])
def test_idx_of_other_types_is_refused(tmp_path, head):
    contents = dict.fromkeys(container("mnist", "idx").files, head + b"\x00\x00\x00\x01\x05")
    with pytest.raises(LatentbookError, match="not an idx file of unsigned bytes"):
        read(tmp_path, "mnist", "idx", contents)
