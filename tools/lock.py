"""Resolve requirements.lock anew from pyproject.toml, for every platform, with hashes.

Present pins are kept where they still fit; ``--upgrade`` takes the newest.  The resolver, uv, is
installed into a folder that is thrown away.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (
    "uv pip compile --quiet --universal --generate-hashes --no-emit-index-url "
    "--no-emit-find-links --python-version 3.11 --extra test pyproject.toml -o requirements.lock"
)


def main(options: list[str]) -> int:
    """Resolve; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        print("Fetching the resolver ...")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        print("Resolving for every platform (minutes) ...")
        command = [str(Path(folder) / "bin" / "uv"), *COMMAND.split()[1:], *options]
        # The head of the file names this command and not the folder that it ran from.
        environment = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "make lock"}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
