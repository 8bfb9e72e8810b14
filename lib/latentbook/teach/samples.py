"""Submissions to try grading with: a perfect one, an empty one, and faulty ones.

They are made of the questions and never kept, so that they fit the questions of today.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from latentbook.teach import handout, source
from latentbook.teach.handout import OURS, Assignment


def write(assignment: Assignment, folder: Path) -> list[Path]:
    """Write a notebook of every kind into `folder`, each called after what is wrong with it.

    Parameters
    ----------
    assignment : Assignment
    folder : Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, make in SAMPLES.items():
        target = folder / name / f"{assignment.chapter.stem}.ipynb"
        target.parent.mkdir(exist_ok=True)
        nbformat.write(make(assignment), target)
        written.append(target)
    return written


def perfect(assignment: Assignment) -> nbformat.NotebookNode:
    """Return a notebook with all solutions, and the model answers of written questions."""
    return handout.notebook(assignment, solved=True)


def empty(assignment: Assignment) -> nbformat.NotebookNode:
    """Return the notebook as it was handed out."""
    return handout.notebook(assignment)


def mistaken(assignment: Assignment) -> nbformat.NotebookNode:
    """Return a notebook with the first plausible mistake in every question that has one."""
    book = perfect(assignment)
    for found in assignment.ready:
        cell = _answer(book, found.question.id)
        if found.question.of("wrong"):
            cell["source"] = source.answer(found.question, found.question.of("wrong")[0].text)
        elif found.question.kind == "verdict":
            other = next(letter for letter in found.choices if letter != found.right)
            cell["source"] = f'{found.question.name} = "{other}"'
    return book


def endless(assignment: Assignment) -> nbformat.NotebookNode:
    """Return a perfect notebook with a loop that never ends in its middle."""
    book = perfect(assignment)
    middle = assignment.ready[len(assignment.ready) // 2].question.id
    place = next(i for i, cell in enumerate(book.cells) if _question(cell) == middle)
    book.cells.insert(place, new_code_cell("while True:\n    pass"))
    return book


def cheating(assignment: Assignment) -> nbformat.NotebookNode:
    """Return an empty notebook that rewrites checks and assertions, and floods its output."""
    book = empty(assignment)
    code = (
        "import numpy, contextlib, latentbook.teach, builtins\n"
        "numpy.isclose = numpy.allclose = lambda *a, **k: True\n"
        "check = latentbook.teach.check = lambda name: contextlib.nullcontext()\n"
        "class AssertionError(Exception):\n    pass\n"
        "for i in range(1000):\n    print('all points please ' * 50_000)"
    )
    book.cells.insert(2, new_code_cell(code))
    return book


def _question(cell: nbformat.NotebookNode) -> str:
    return str(cell["metadata"].get(OURS, {}).get("question", ""))


def _answer(book: nbformat.NotebookNode, question: str) -> nbformat.NotebookNode:
    """Return the cell that holds the answer to a question."""
    return next(
        cell
        for cell in book.cells
        if _question(cell) == question and cell["metadata"][OURS]["role"] == "answer"
    )


#: Name of a folder -> how its notebook is made.
SAMPLES: dict[str, Callable[[Assignment], nbformat.NotebookNode]] = {
    "perfect": perfect,
    "empty": empty,
    "mistaken": mistaken,
    "endless": endless,
    "cheating": cheating,
}
