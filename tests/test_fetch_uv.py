"""uv is fetched where Python has no pip: the wheel that fits, if it has a digest of the lock."""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
LINUX = SimpleNamespace(system="Linux", processor="x86_64")


@pytest.fixture
def fetch_uv(monkeypatch):
    """The module tools/fetch_uv.py."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield importlib.import_module("fetch_uv")
    sys.modules.pop("fetch_uv", None)


def wheel(program: str) -> bytes:
    """Return a wheel of uv whose program is a script."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("uv-1.2.data/scripts/uv", program)
    return made.getvalue()


WHEEL = wheel("#!/bin/sh\necho uv 1.2\n")
NAME = "uv-1.2-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


@pytest.fixture
def lock(tmp_path):
    """A lock that names the digest of `WHEEL`."""
    path = tmp_path / "uv.lock.txt"
    path.write_text(f"uv==1.2 \\\n    --hash=sha256:{hashlib.sha256(WHEEL).hexdigest()}\n")
    return str(path)


@pytest.fixture
def index(tmp_path):
    """A package index in a folder; returns a function that puts files of uv into it."""
    folder = tmp_path / "simple" / "uv"
    folder.mkdir(parents=True)

    def put(**files: bytes) -> str:
        links = [f'<a href="{name}#sha256=0">{name}</a>' for name in files]
        (folder / "index.html").write_text("\n".join(links))
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder.parent.as_uri()

    return put


def test_the_wheel_that_fits_is_unpacked_and_starts(fetch_uv, lock, index, tmp_path):
    others = {"uv-1.2.tar.gz": b"", "uv-1.1-py3-none-manylinux_2_17_x86_64.whl": b""}
    musl = {"uv-1.2-py3-none-musllinux_1_1_x86_64.whl": b"musl"}
    address = index(**others, **musl, **{NAME: WHEEL})
    target = tmp_path / "own" / "bin" / "uv"
    assert fetch_uv.fetch(str(target), lock, {"index-url": address}, LINUX)
    assert subprocess.check_output([target, "--version"], text=True) == "uv 1.2\n"
    assert os.listdir(target.parent) == ["uv"]


def test_a_wheel_of_another_digest_is_not_taken(fetch_uv, lock, index, tmp_path):
    address = index(**{NAME: wheel("#!/bin/sh\necho something else\n")})
    target = tmp_path / "uv"
    assert not fetch_uv.fetch(str(target), lock, {"index-url": address}, LINUX)
    assert not target.exists()


def test_an_index_that_does_not_answer_is_passed_over(fetch_uv, lock, index, tmp_path):
    settings = {
        "index-url": (tmp_path / "nowhere").as_uri(),
        "extra-index-url": index(**{NAME: WHEEL}),
    }
    assert fetch_uv.fetch(str(tmp_path / "uv"), lock, settings, LINUX)


def test_a_folder_of_wheels_serves_without_an_index(fetch_uv, lock, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / NAME).write_bytes(WHEEL)
    settings = {"find-links": str(wheels), "no-index": "1"}
    assert fetch_uv.fetch(str(tmp_path / "uv"), lock, settings, LINUX)


@pytest.mark.parametrize("damaged", [b"", b"PK\x03\x04 half a wheel"])
def test_a_damaged_wheel_leaves_nothing(fetch_uv, lock, index, tmp_path, damaged):
    Path(lock).write_text(f"uv==1.2 --hash=sha256:{hashlib.sha256(damaged).hexdigest()}\n")
    settings = {"index-url": index(**{NAME: damaged})}
    assert not fetch_uv.fetch(str(tmp_path / "uv"), lock, settings, LINUX)
    assert not list(tmp_path.glob("uv*[!t]"))


@pytest.mark.parametrize(
    ("system", "processor", "tag"),
    [
        ("Linux", "x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ("Linux", "aarch64", "manylinux_2_28_aarch64"),
        ("Darwin", "arm64", "macosx_11_0_arm64"),
        ("Windows", "amd64", "win_amd64"),
    ],
)
def test_each_promised_system_has_its_wheel(fetch_uv, system, processor, tag):
    machine = SimpleNamespace(system=system, processor=processor)
    tags = ["manylinux_2_17_i686", "musllinux_1_1_x86_64", "musllinux_1_1_aarch64", "win32"]
    tags += ["macosx_10_12_x86_64", "manylinux_2_17_s390x", tag]
    chosen = [t for t in tags if fetch_uv.fits(f"uv-1.2-py3-none-{t}.whl", "1.2", machine)]
    assert chosen == [tag]


def test_the_lock_names_a_version_and_a_digest_for_every_wheel(fetch_uv):
    version, digests = fetch_uv.pinned(ROOT / "tools" / "uv.lock.txt")
    assert re.fullmatch(r"[\d.]+", version)
    assert len(digests) > len(fetch_uv.WHEELS)
