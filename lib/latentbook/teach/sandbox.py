"""A session for other people's notebooks: a process of its own, with limits and without a network.

Where the system allows it (Linux with user namespaces), `unshare` takes the network away, makes all
folders but the process's own read-only, and ends every descendant with it.
Elsewhere there is a process with limits of time and memory, and `protection` says what is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from latentbook import paths
from latentbook.errors import LatentbookError
from latentbook.teach import wire
from latentbook.teach.sessions import Asking

#: How often memory is looked at, in seconds.
_LOOK = 0.1
_UNSHARE = ("--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child")
#: Covers folders that are nobody's business, keeps the own one writable and the rest not, and
#: becomes the command after the line of dashes.
_INSIDE = """
mount --make-rprivate / && mount --bind "$0" "$0" && mount -t proc proc /proc || exit 1
while [ "$1" != -- ]; do mount -t tmpfs -o ro tmpfs "$1" || exit 1; shift; done
shift
mount -o remount,bind,ro / && cd "$0" && exec "$@"
"""


@dataclass(frozen=True)
class Limits:
    """What a notebook may use.

    Attributes
    ----------
    seconds : float
        Of wall time, for all of its cells and tests.
    cell_seconds : float
        For one cell, or one call of a test.
    memory_mb : int
        Of it and its descendants together.
    """

    seconds: float = 180
    cell_seconds: float = 60
    memory_mb: int = 3000


class LimitError(Exception):
    """A limit was reached, and the process is gone; the message says which."""


@cache
def protection() -> tuple[bool, str]:
    """Return whether notebooks run apart, without network and with read-only folders; and why not.

    Found out by trying.
    """
    program = shutil.which("unshare")
    if program is None:
        return False, "there is no program unshare on this system"
    with tempfile.TemporaryDirectory() as folder:
        command = [program, *_UNSHARE, "sh", "-c", _INSIDE, folder, "--", "true"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return False, " ".join((done.stderr or "unshare is refused").split())
    return True, ""


def describe() -> str:
    """Say in a sentence how notebooks are kept apart here."""
    apart, why = protection()
    if apart:
        return (
            "Every notebook runs in a process of its own, without a network, and can write to its "
            "own folder only."
        )
    return (
        "Every notebook runs in a process of its own with limits, but NOT cut off from the network "
        f"or from your files ({why}): grade notebooks of people whom you trust, or in a container."
    )


class Sandbox(Asking):
    """A session in a process of its own.

    Parameters
    ----------
    limits : Limits
    hidden : sequence of Path
        Folders that look empty to the notebook, where it is cut off.
    apart : bool, optional
        Whether to cut it off from network and files; default: if the system can.

    Raises
    ------
    LimitError
        By every request, once a limit is reached or the process has died.
    LatentbookError
        On Windows, and where no process can be started.
    """

    def __init__(
        self, limits: Limits, *, hidden: Sequence[Path] = (), apart: bool | None = None
    ) -> None:
        if os.name == "nt":
            raise LatentbookError(
                "notebooks are graded on Linux or macOS: on Windows run make grade in WSL"
            )
        self.limits = limits
        self.end = time.monotonic() + limits.seconds
        self.folder = Path(tempfile.mkdtemp(prefix="latentbook-grade-"))
        to_child, from_parent = os.pipe()
        from_child, to_parent = os.pipe()
        command = [sys.executable, "-m", "latentbook.teach.worker", str(to_child), str(to_parent)]
        if protection()[0] if apart is None else apart:
            program = shutil.which("unshare") or "unshare"
            covered = [str(folder) for folder in hidden if folder.is_dir()]
            inside = ["sh", "-c", _INSIDE, str(self.folder), *covered, "--"]
            command = [program, *_UNSHARE, *inside, *command]
        try:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=_environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(to_child, to_parent),
                start_new_session=True,
            )
        finally:
            os.close(to_child)
            os.close(to_parent)
        self._out = os.fdopen(from_parent, "wb", buffering=0)
        self._in = from_child
        self._rest = b""
        self._dead = ""
        self._asked = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._in, selectors.EVENT_READ)
        try:
            self._read(limits.seconds)
        except LimitError as error:
            self.close()
            raise LatentbookError(f"no process for notebooks could be started: {error}") from None

    def __enter__(self) -> Sandbox:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the reply.

        Raises
        ------
        LimitError
            If a limit is reached, or the process dies.
        """
        if self._dead:
            raise LimitError(self._dead)
        try:
            self._asked += 1
            self._out.write(json.dumps({"id": self._asked, **request}).encode() + b"\n")
        except OSError:
            self._stop("the Python process of the notebook ended")
        try:
            reply = json.loads(self._read(self.limits.cell_seconds))
        except ValueError:
            reply = None
        if not isinstance(reply, dict) or reply.get("id") != self._asked:
            self._stop("the notebook wrote into the line to the tests")
        return dict(reply)

    def _read(self, seconds: float) -> bytes:
        """Return the next line of the process, or stop it where it takes too much."""
        now = time.monotonic()
        until = min(self.end, now + seconds)
        parts = [self._rest]
        size = len(self._rest)
        while b"\n" not in parts[-1]:
            if self._selector.select(timeout=_LOOK):
                part = os.read(self._in, 2**20)
                if not part:
                    self._stop("the Python process of the notebook ended")
                parts.append(part)
                size += len(part)
                if size > wire.LIMIT:
                    self._stop(f"a value is larger than {wire.LIMIT >> 20} MB")
            if time.monotonic() > until:
                whole = until == self.end
                most = self.limits.seconds if whole else seconds
                what = "the notebook" if whole else "a cell or a test"
                self._stop(f"{what} took longer than {most:g} seconds")
            if self._memory() > self.limits.memory_mb:
                self._stop(f"it used more than {self.limits.memory_mb} MB of memory")
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line

    def _memory(self) -> float:
        """Return megabytes of the process and its descendants."""
        total = 0
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self.process.pid)
            for one in [own, *own.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += one.memory_info().rss
        return total / 2**20

    def _stop(self, why: str) -> None:
        self._dead = why
        self.close()
        raise LimitError(why)

    def close(self) -> None:
        """End the process with all its descendants, and remove its folder."""
        for one in self._family():
            with contextlib.suppress(psutil.Error):
                one.kill()
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if not self._out.closed:
            self._out.close()
            self._selector.close()
            os.close(self._in)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _family(self) -> list[psutil.Process]:
        try:
            own = psutil.Process(self.process.pid)
            return [*own.children(recursive=True), own]
        except psutil.Error:
            return []


def _environment(folder: Path) -> dict[str, str]:
    """Return variables without secrets: where Python and the data are, and one thread."""
    kept = ("PATH", "LANG", "LC_ALL", "LATENTBOOK_DATA", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment |= dict.fromkeys((*threads, "TF_NUM_INTRAOP_THREADS"), "1")
    environment |= {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "IPYTHONDIR": str(folder / ".ipython"),
        "MPLCONFIGDIR": str(folder / ".matplotlib"),
        "LATENTBOOK_CACHE": str(folder / ".cache"),
        "LATENTBOOK_ROOT": str(paths.root()),
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return environment
