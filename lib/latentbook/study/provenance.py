"""Where a measurement comes from: the run, the code, the machine and the versions that made it.

`records.make` writes all of it into every record.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import os
import platform
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from latentbook import paths
from latentbook.errors import LatentbookError

#: Environment variable that names the run; the pipeline sets it once per executed notebook, and to
#: the same value when a notebook is executed again after it was killed.
RUN = "LATENTBOOK_RUN"
#: Environment variable that states the code of the run, as `commit` spells it. The pipeline sets
#: it when a run begins, and a reader who works on a copy without git may set it by hand.
COMMIT = "LATENTBOOK_COMMIT"
#: How a commit is spelled; a bare ``+`` stands in old records only.
COMMIT_FORM = re.compile(r"[0-9a-f]{7,40}(\+([0-9a-f]{8})?)?")
#: What decides the value of a measurement, and may differ from a commit.
CODE = ("lib", "notebooks", "requirements.lock")
#: Hexadecimal digits of an id.
ID_DIGITS = 12

_LIBRARIES = (
    "numpy",
    "scikit-learn",
    "umap-learn",
    "hdbscan",
    "openTSNE",
    "keras",
    "tensorflow",
    "jax",
)
_STARTED = datetime.datetime.now(datetime.UTC)


def new_id() -> str:
    """Return a random id, such as ``3f9c01a7be52``."""
    return secrets.token_hex(ID_DIGITS // 2)


def id_of(setting: str) -> str:
    """Return the id of a measurement of `setting`: random, or named by the run where that is named.

    A run that was killed and started again measures a setting under the id that it had before, so
    that the setting is kept once.

    Parameters
    ----------
    setting : str
        What tells the setting from all others of the run, see `records.setting`.
    """
    run = os.environ.get(RUN)
    if not run:
        return new_id()
    return hashlib.sha256(f"{run} {setting}".encode()).hexdigest()[:ID_DIGITS]


def started() -> str:
    """Return when this process began to measure, in UTC, such as ``2026-11-30T04:10:00Z``."""
    return _STARTED.strftime("%Y-%m-%dT%H:%M:%SZ")


def commit() -> str | None:
    """Return the code of this run: a commit, and the digest of what differs from it.

    ``abc1234`` is the code of that commit. ``abc1234+5f3e9a1c`` is code that was never committed:
    `CODE` differs from the commit, in changed, deleted or new files, and the digest is that of
    their names and contents.
    None is code of which nothing is known, because it is no checkout of git.
    `COMMIT` takes precedence where it is set.

    Raises
    ------
    LatentbookError
        If `COMMIT` is no commit.
    """
    stated = os.environ.get(COMMIT)
    if stated and not COMMIT_FORM.fullmatch(stated):
        raise LatentbookError(
            f"{COMMIT} is {stated!r}, but must be a commit such as abc1234, or abc1234+5f3e9a1c "
            "where the code differed from it: unset it where there is git"
        )
    return stated or _checkout(paths.root())


@functools.cache
def _checkout(root: Path) -> str | None:
    try:
        head = _git(root, "rev-parse", "--short", "HEAD").decode().strip()
        # --relative, because the project may lie in a folder of a larger checkout
        differ = ("diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD", "--")
        changed = _git(root, *differ, *CODE)
        new = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return None
    names = sorted(set((changed + new).split(b"\0")) - {b""})
    return f"{head}+{_digest(root, names)}" if names else head


def _git(root: Path, *arguments: str) -> bytes:
    git = ["git", "-C", str(root), *arguments]
    return subprocess.run(git, capture_output=True, check=True).stdout


def _digest(root: Path, names: list[bytes]) -> str:
    total = hashlib.sha256()
    for name in names:
        file = root / os.fsdecode(name)
        content = file.read_bytes() if file.is_file() else b"deleted"
        total.update(name + b"\0" + hashlib.sha256(content).digest())
    return total.hexdigest()[:8]


def backend() -> str:
    """Name the backend of Keras and its version, as in ``tensorflow, keras 3.15.1``."""
    import keras

    return f"{keras.backend.backend()}, keras {version('keras')}"


def device() -> str:
    """Name the processor, or the GPU where Keras' backend sees one."""
    return _gpu() or _cpu()


@functools.cache
def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"CPU {line.split(':', 1)[1].strip()}"
    except OSError:
        pass
    return f"CPU {platform.processor() or platform.machine()}"


def _gpu() -> str | None:
    if tensorflow := sys.modules.get("tensorflow"):
        for gpu in tensorflow.config.list_physical_devices("GPU"):
            details = tensorflow.config.experimental.get_device_details(gpu)
            return f"GPU {details.get('device_name', gpu.name)}"
    if jax := sys.modules.get("jax"):
        for unit in jax.devices():
            if unit.platform == "gpu":
                return f"GPU {unit.device_kind}"
    return None


@functools.cache
def versions() -> Mapping[str, str]:
    """Return the versions of Python and of the libraries that a result depends on."""
    installed = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            installed[library] = version(library)
        except PackageNotFoundError:
            if library == "tensorflow":
                installed |= _tensorflow_cpu()
    return installed


def _tensorflow_cpu() -> dict[str, str]:
    try:
        return {"tensorflow-cpu": version("tensorflow-cpu")}
    except PackageNotFoundError:
        return {}
