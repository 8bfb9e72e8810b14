"""Compile UMAP's loops once for the chapters and tests that need them: forty seconds of one core.

``make book`` does it beside the first chapters, ``make test`` before the tests.  Where it has been
done for the present lock, it returns at once; where it is left out, each chapter waits for itself.
"""

from __future__ import annotations

import os
import sys

from latentbook import paths


def main() -> int:
    """Compile, and leave a stamp."""
    stamp = paths.root() / "_build" / "compiled.txt"
    lock = paths.root() / "requirements.lock"
    if stamp.exists() and stamp.stat().st_mtime > lock.stat().st_mtime:
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from latentbook import embed

    embed.compile_ahead()
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(f"{sys.prefix}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
