"""Cells of the real notebooks, for tests that execute one of them on small data."""

from __future__ import annotations

from latentbook import paths
from latentbook.study import cells


def cell(notebook: str, text: str) -> str:
    """Return the source of the only code cell of `notebook` that contains `text`."""
    (source,) = [
        c.source for c in cells.code(paths.notebooks() / f"{notebook}.ipynb") if text in c.source
    ]
    return source
