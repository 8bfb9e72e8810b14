"""Which systems and Pythons the lock has packages for: ``platforms.py [--check]``.

uv resolves the lock for each of them without installing anything, which takes seconds.
Writes the table in the README; with ``--check`` it only says whether the table is right.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import installers

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
README = ROOT / "README.md"
#: System as people call it -> as uv calls it, and whether the study was run there.
SYSTEMS = {
    "Linux, x86-64": ("x86_64-manylinux_2_28", "run"),
    "Linux, ARM (also containers on a Mac)": ("aarch64-manylinux_2_28", "resolved"),
    "macOS 14 or later, Apple silicon": ("aarch64-apple-darwin", "resolved"),
    "macOS, Intel": ("x86_64-apple-darwin", "resolved"),
    "Windows without WSL": ("windows", "resolved"),
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Packages that exist as pure Python source only: every machine builds them.
SOURCE_ONLY = ("connection-pool",)
#: Packages that a C++ compiler is enough to build.
COMPILED = ("hdbscan", "opentsne")
_NO_WHEEL = r"Because ([a-z0-9._-]+)(?:\{.*?\})?==\S+ has no (?:usable )?wheels"
_START, _END = "<!-- platforms: written by tools/platforms.py -->", "<!-- end of platforms -->"


@functools.cache
def _environment() -> dict[str, str]:
    settings = installers.settings_of_pip(installers.listed_by_pip(sys.executable), os.environ)
    environment: dict[str, str] = installers.environment_of_uv(settings, os.environ)
    return environment | {"MACOSX_DEPLOYMENT_TARGET": "14.0"}


def without_wheel(uv: str, platform: str, python: str) -> set[str]:
    """Return the locked packages that have no ready package for a system and a Python.

    Parameters
    ----------
    uv : str
        Path of the program.
    platform, python : str
        As uv's options ``--python-platform`` and ``--python-version`` take them.

    Raises
    ------
    ConnectionError
        If uv cannot read the index.
    """
    blocks = re.split(r"\n(?=\S)", LOCK.read_text(encoding="utf-8"))
    pins = [block for block in blocks if re.match(r"[a-z0-9._-]+==", block)]
    missing: set[str] = set(SOURCE_ONLY)
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        command = [uv, "pip", "install", "--dry-run", "--target", folder, "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "-r", str(wanted)]
        command += ["--python", sys.executable]
        command += ["--python-platform", platform, "--python-version", python]
        while True:
            wanted.write_text(
                "\n".join(pin for pin in pins if pin.partition("==")[0] not in missing) + "\n",
                encoding="utf-8",
            )
            done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
            words = " ".join(done.stderr.split())
            found = re.search(
                r"Because ([a-z0-9._-]+)(?:\{.*?\})?==\S+ has no (?:usable )?wheels", words
            )
            if done.returncode and not found:
                raise ConnectionError(words[-300:])
            if not found:
                return missing - set(SOURCE_ONLY)
            missing.add(found[1])


def cell(missing: set[str]) -> str:
    """Say in words what is missing for a system and a Python."""
    if not missing:
        return "yes"
    if missing <= set(COMPILED):
        return "with a C++ compiler"
    return "no"


def table(uv: str) -> str:
    """Return the table of systems and Pythons."""
    span = f"Python {PYTHONS[0]} to {PYTHONS[-2]}"
    lines = [f"| | {span} | Python {PYTHONS[-1]} | |", "| :-- | :-- | :-- | :-- |"]
    for name, (platform, tried) in SYSTEMS.items():
        own = {cell(without_wheel(uv, platform, python)) for python in PYTHONS[:-1]}
        serving = " or ".join(sorted(own))
        newest = cell(without_wheel(uv, platform, PYTHONS[-1]))
        if newest == "no" and serving != "no":
            newest = "uv's own Python 3.13"
        state = "tested on every change" if tried == "run" else "not yet run by us"
        lines.append(
            f"| {name} | {serving} | {newest} | {'refused' if serving == 'no' else state} |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write or check the table; return the exit status."""
    uv = installers.find_uv()
    if uv is None:
        print("latentbook: the table is resolved by uv, which cannot be had here", file=sys.stderr)
        return 2
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(_START)
    tail = rest.partition(_END)[2]
    new = f"{head}{_START}\n{table(uv)}\n{_END}{tail}"
    if "--check" in arguments:
        return int(new != text)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
