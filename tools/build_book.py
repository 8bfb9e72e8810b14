"""Render the book: a clean build, checked, then put in the place of the old one.

``jupyter-book build`` exits with 0 when a notebook holds an error, and again with 0 when a failed
build is repeated on its own leftovers; so every build starts empty, warnings are errors, and the
executed notebooks are searched for errors before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from latentbook import paths, pipeline
from latentbook.errors import LatentbookError

#: The program jupyter-book without garbage collection, which was a third of its time.
JUPYTER_BOOK = (
    "import gc; gc.disable();"
    " from jupyter_book.cli.main import main; main(prog_name='jupyter-book')"
)


def refuse_errors(chapters: Path) -> None:
    """Raise if an executed notebook shows an error."""
    for notebook in sorted(chapters.glob("*.ipynb")):
        for cell in nbformat.read(notebook, as_version=4).cells:
            for error in pipeline.errors(cell):
                raise LatentbookError(f"{notebook.name} shows an error: {error}")


def render(target: Path, *options: str) -> None:
    """Build the book of this project below the empty folder `target`."""
    root = paths.root()
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(root / "book")]
    command += ["--config", str(root / "_config.yml"), "--path-output", str(target)]
    command += ["-W", "-n", "--keep-going", "-q", *options]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode or not (target / "_build" / "html" / "index.html").is_file():
        complaints = [s for s in done.stdout.splitlines() if "WARNING: " in s or "ERROR: " in s]
        # what TensorFlow says of itself when it is imported for the API reference
        complaints = [s for s in complaints if "absl::InitializeLog" not in s]
        print("\n".join(complaints) or done.stdout[-2000:], file=sys.stderr)
        raise LatentbookError(f"the book was not built: {len(complaints)} warnings, see above")


def swap(new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `old`."""
    aside = new.with_name("replaced")
    if old.exists():
        os.rename(old, aside)
    os.rename(new, old)
    shutil.rmtree(aside, ignore_errors=True)


def main() -> int:
    """Build, check, swap; return the exit status."""
    build = paths.root() / "_build"
    build.mkdir(exist_ok=True)
    print("Rendering the book ...", flush=True)
    try:
        refuse_errors(paths.root() / "book" / "chapters")
        with tempfile.TemporaryDirectory(prefix=".book-", dir=build) as folder:
            render(Path(folder))
            swap(Path(folder) / "_build" / "html", build / "html")
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
