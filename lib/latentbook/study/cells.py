"""The code of a notebook without running it: its cells, and Python that can be parsed.

The gate for parameters and the graph of dependencies read notebooks here, as plain JSON: a wrong
parameter is then refused before any notebook library is imported.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from latentbook.errors import LatentbookError, choose


@dataclass(frozen=True)
class Cell:
    """A code cell: its tags and its text."""

    tags: tuple[str, ...]
    source: str


def notebooks(folder: Path) -> list[Path]:
    """Return the chapters' notebooks in `folder`, in reading order."""
    return sorted(folder.glob("[0-9]*.ipynb"))


def code(notebook: Path) -> list[Cell]:
    """Return the code cells of a notebook.

    Raises
    ------
    LatentbookError
        If there is no such notebook, or the file is not a notebook.
    """
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        return [
            Cell(tuple(cell["metadata"].get("tags", [])), "".join(cell["source"])) for cell in cells
        ]
    except FileNotFoundError:
        choose("chapter", notebook.stem, [path.stem for path in notebooks(notebook.parent)])
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LatentbookError(f"{notebook} is not a notebook: restore it with git") from error


_PYTHON = re.compile(r"^```python[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text(source: Path) -> str:
    """Return the Python text of a notebook, of a Markdown page's blocks, or of a module."""
    if source.suffix == ".ipynb":
        return "\n".join(cell.source for cell in code(source))
    content = source.read_text(encoding="utf-8")
    return "".join(_PYTHON.findall(content)) if source.suffix == ".md" else content


def parse(source: str, name: str) -> ast.Module:
    """Parse the Python text of the file `name`, without the lines that only IPython understands.

    Raises
    ------
    LatentbookError
        If it does not parse.
    """
    plain = "\n".join("" if s.lstrip().startswith(("%", "!")) else s for s in source.splitlines())
    try:
        return ast.parse(plain)
    except SyntaxError as error:
        raise LatentbookError(f"{name} does not parse: {error.msg} in {error.text!r}") from None


def assignment(statement: ast.stmt) -> tuple[str, object]:
    """Return name and value of ``name = literal``; raise ValueError for anything else."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        raise ValueError
    if not isinstance(target, ast.Name):
        raise ValueError
    return target.id, ast.literal_eval(value)
