"""Resolve the locks anew, for every platform, with hashes.

``requirements-test.lock`` holds what the tests need, ``requirements.lock`` the part of it that the
book needs, ``requirements-teach.lock`` all of it and what a course needs, and ``tools/uv.lock.txt``
the installer.
Present pins are kept where they still fit; ``--upgrade`` takes the newest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import installers

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = "--quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links"
#: The pins of the tests as far as they hold for a course.
HELD = "_build/requirements-held.txt"
#: Lock -> what it is resolved from.
LOCKS = {
    "requirements-test.lock": "pyproject.toml --extra test",
    "requirements.lock": "pyproject.toml --constraints requirements-test.lock",
    "requirements-teach.lock": f"pyproject.toml --extra test --extra teach --constraints {HELD}",
    "tools/uv.lock.txt": "-",
}


#: What a course needs in other versions than the tests.
OWN = ("wrapt",)


def main(options: list[str]) -> int:
    """Resolve; return the exit status."""
    uv = installers.find_uv()
    if uv is None:
        print("latentbook: the locks are resolved by uv, which cannot be had here", file=sys.stderr)
        return 2
    settings = installers.settings_of_pip(installers.listed_by_pip(sys.executable), os.environ)
    # The head of a lock names this command and not the folder that it ran from.
    environment = installers.environment_of_uv(settings, os.environ)
    environment["UV_CUSTOM_COMPILE_COMMAND"] = "make lock"
    (ROOT / HELD).parent.mkdir(exist_ok=True)
    for lock, source in LOCKS.items():
        if HELD in source:
            pins = without((ROOT / "requirements-test.lock").read_text(encoding="utf-8"), OWN)
            (ROOT / HELD).write_text(pins, encoding="utf-8")
        command = [uv, "pip", "compile", *OPTIONS.split(), "--python-version", "3.11"]
        command += [*source.split(), "-o", lock, *options]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, input="uv", text=True, check=False
        )
        if done.returncode:
            return done.returncode
    return 0


def without(lock: str, names: tuple[str, ...]) -> str:
    """Return the pins of a lock, without hashes, without those of some packages."""
    pins = [line.partition(" \\")[0] for line in lock.splitlines() if "==" in line]
    return "\n".join(pin for pin in pins if pin.partition("==")[0] not in names) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
