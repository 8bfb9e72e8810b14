"""Resolve the locks anew, for every platform, with hashes.

``requirements-test.lock`` holds what the tests need, ``requirements.lock`` the part of it that the
book needs, and ``tools/uv.lock.txt`` the installer.
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
#: Lock -> what it is resolved from.
LOCKS = {
    "requirements-test.lock": "pyproject.toml --extra test",
    "requirements.lock": "pyproject.toml --constraints requirements-test.lock",
    "tools/uv.lock.txt": "-",
}


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
    for lock, source in LOCKS.items():
        command = [uv, "pip", "compile", *OPTIONS.split(), "--python-version", "3.11"]
        command += [*source.split(), "-o", lock, *options]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, input="uv", text=True, check=False
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
