"""A project with two tiny data sets, and a server on this machine that can misbehave."""

import gzip
import hashlib
import io
import os
import re
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from latentbook import paths

REGISTRY = paths.registry()
ROLES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data; tests that need it are skipped, and seen to be, without it."""
    folder = os.environ.get("LATENTBOOK_DATA")
    if not folder:
        pytest.skip("LATENTBOOK_DATA is not set: real data not tested")
    return Path(folder)


def tiny(seed: int) -> dict[str, np.ndarray]:
    """Arrays like MNIST's, but 300 + 100 images of 28 x 28."""
    rng = np.random.default_rng(seed)
    return {
        "x_train": rng.integers(0, 256, (300, 28, 28), np.uint8),
        "y_train": rng.integers(0, 10, 300, np.uint8),
        "x_test": rng.integers(0, 256, (100, 28, 28), np.uint8),
        "y_test": rng.integers(0, 10, 100, np.uint8),
    }


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_gz(array: np.ndarray) -> bytes:
    return gzip.compress(idx(array))


class Project:
    """A root folder with its own registry, an empty cache and nothing else to find data in."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.cache, self.data = (folder / name for name in ("root", "cache", "data"))
        self.keras = folder / "keras"
        for path in (self.root / "notebooks" / "profiles", paths_of(self.root), self.data):
            path.mkdir(parents=True)
        self.registry = self.root / "data" / "samples" / "registry.toml"
        self.mnist, self.fashion = tiny(1), tiny(2)
        self.write_registry()
        monkeypatch.setenv("LATENTBOOK_ROOT", str(self.root))
        monkeypatch.setenv("LATENTBOOK_CACHE", str(self.cache))
        monkeypatch.setenv("KERAS_HOME", str(self.keras))
        monkeypatch.delenv("LATENTBOOK_DATA", raising=False)

    def write_registry(self, npz_mirrors=(), idx_mirrors=()) -> None:
        """Write the project's registry with tiny data, and our mirrors for `mnist`."""
        text = REGISTRY.read_text(encoding="utf-8")
        for name, arrays in (("mnist", self.mnist), ("fashion_mnist", self.fashion)):
            mirrors = (npz_mirrors, idx_mirrors) if name == "mnist" else ((), ())
            block = re.compile(rf"\n\[{name}\]\n.*?(?=\n\n\n\[)", re.DOTALL)
            assert block.search(text)
            text = block.sub("\n" + entry_text(name, arrays, *mirrors), text)
        self.registry.write_text(text, encoding="utf-8")

    def store(self, name: str, content: bytes, place: Path | None = None) -> Path:
        """Write a file below `place` (the cache by default)."""
        path = (place or self.cache / "data") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def paths_of(root: Path) -> Path:
    return root / "data" / "samples"


def entry_text(name, arrays, npz_mirrors, idx_mirrors) -> str:
    specs = "\n".join(
        f'{key} = {{ shape = {list(a.shape)}, dtype = "uint8", '
        f'sha256 = "{hashlib.sha256(a.tobytes()).hexdigest()}" }}'
        for key, a in arrays.items()
    )
    files = ", ".join(f'{role} = "{file}"' for role, file in ROLES.items())
    return f"""[{name}]
title = "Tiny {name}"
kind = "images"
unit = "images"
rows = 400
classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
columns = "28 x 28 grey values"
licence = "none"
source = "made here"
page = "https://example.org"
[{name}.arrays]
{specs}
[[{name}.containers]]
format = "npz"
files = {{ all = "{name}.npz" }}
mirrors = {list(npz_mirrors)}
[[{name}.containers]]
format = "idx"
files = {{ {files} }}
folders = ["{name}"]
mirrors = {list(idx_mirrors)}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    return Project(tmp_path, monkeypatch)


class Server(ThreadingHTTPServer):
    """Serves `files`; the first `cuts[path]` answers stop half way, `slow` waits between blocks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, int] = {}
        self.slow = 0.0
        self.ranges = True
        self.headers: dict[str, str] = {}
        self.log: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.log.append((self.path, asked))
        whole = self.server.files.get(self.path)
        if whole is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if start >= len(whole):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(whole)}")
            self.end_headers()
            return
        body = whole[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        for header in self.server.headers.items():
            self.send_header(*header)
        self.end_headers()
        if self.server.cuts.get(self.path, 0) > 0:
            self.server.cuts[self.path] -= 1
            body = body[: len(body) // 2]
        self.send_blocks(body)

    def send_blocks(self, body: bytes) -> None:
        wait = threading.Event()
        for begin in range(0, len(body), 1 << 14):
            self.wfile.write(body[begin : begin + (1 << 14)])
            if self.server.slow:
                wait.wait(self.server.slow)

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
