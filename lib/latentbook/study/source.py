"""Source of the library in a chapter, where a few lines of code are the equation.

Cells of notebooks are left to `cells`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

#: Largest number of characters in a line of code on a page.
WIDTH = 80


def show_source(*functions: Callable[..., Any]) -> Any:
    """Return the source of functions as highlighted Markdown, with the first line of docstrings.

    Examples
    --------
    >>> from latentbook.metrics import coverage
    >>> print(show_source(coverage).data.splitlines()[1])
    def coverage(labels: np.ndarray) -> float:
    """
    from IPython.display import Markdown

    return Markdown("\n".join(["```python", *_joined(functions), "```"]))


def _joined(functions: tuple[Callable[..., Any], ...]) -> list[str]:
    return "\n\n\n".join(map(source, functions)).splitlines()


def source(function: Callable[..., Any]) -> str:
    """Return the source of a function or class, of each docstring only the first line."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    tree = ast.parse("\n".join(lines))
    for node in reversed(list(ast.walk(tree))):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not ast.get_docstring(node):
            continue
        text = node.body[0]
        first, last = text.lineno - 1, text.end_lineno or text.lineno
        if last - first > 1:
            lines[first:last] = [lines[first].rstrip() + '"""']
            if len(node.body) > 1 and not lines[first + 1].strip():
                del lines[first + 1]
    return "\n".join(lines)
