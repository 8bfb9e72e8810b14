"""Compile UMAP's loops once for the chapters and tests that need them: forty seconds of one core.

``make book`` does it beside the first chapters, ``make test`` before the tests.  Where it has been
done for the present lock, it returns at once; where it is left out, each chapter waits for itself.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from latentbook import paths


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what C++ libraries write to the standard error while they are loaded."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


def main() -> int:
    """Compile, and leave a stamp."""
    stamp = paths.root() / "_build" / "compiled.txt"
    lock = paths.root() / "requirements.lock"
    if stamp.exists() and stamp.stat().st_mtime > lock.stat().st_mtime:
        return 0
    with quiet():
        from latentbook import embed

        embed.compile_ahead()
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(f"{sys.prefix}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
