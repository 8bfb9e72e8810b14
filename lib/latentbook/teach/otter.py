"""Assignments as otter-grader takes them, for courses that mark with it or with Gradescope.

`master` writes a notebook in the form of ``otter assign``; `archives` runs that program where it is
installed (``make student`` installs it), and returns what it makes.
Our own grading does not need it: otter runs tests in the kernel of the student, where a notebook
can read and change them, and has no limits of its own.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from latentbook.teach import handout, running, source
from latentbook.teach.handout import OURS, Assignment
from latentbook.teach.running import Ready

_CONFIG = """# ASSIGNMENT CONFIG
name: {name}
export_cell: false
check_all_cell: false
init_cell: true
show_question_points: false
tests:
  files: true
generate:
  show_hidden: false"""
#: Seconds after which otter is given up.
_LONGEST = 600


def master(assignment: Assignment) -> nbformat.NotebookNode:
    """Return a notebook from which ``otter assign`` makes those of students and graders."""
    cells = [new_raw_cell(_CONFIG.format(name=assignment.chapter.stem))]
    solved = handout.notebook(assignment, solved=True)
    current = ""
    for cell in solved.cells:
        about = cell["metadata"].get(OURS, {})
        question = about.get("question", "")
        if question != current:
            cells += _end(assignment.get(current)) + _begin(assignment.get(question))
            current = question
        if about.get("role") in ("check", "discussion"):
            continue
        code = cell["cell_type"] == "code"
        text = "".join(cell["source"])
        if about.get("role") != "answer":
            cells.append(new_code_cell(text) if code else new_markdown_cell(text))
            continue
        found = assignment.get(question)
        assert found is not None
        inside = new_code_cell(_with_prompt(found, text)) if code else new_markdown_cell(text)
        cells += [new_raw_cell("# BEGIN SOLUTION"), inside, new_raw_cell("# END SOLUTION")]
    cells += _end(assignment.get(current))
    kernel = solved.metadata["kernelspec"]
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _begin(found: Ready | None) -> list[nbformat.NotebookNode]:
    if found is None:
        return []
    lines = [f"name: {found.question.id}", f"manual: {str(found.question.by_hand).lower()}"]
    lines.append(f"points: {found.question.points}")
    return [new_raw_cell("\n".join(["# BEGIN QUESTION", *lines]))]


def _end(found: Ready | None) -> list[nbformat.NotebookNode]:
    """Return the tests of a question, and its end."""
    if found is None:
        return []
    cells: list[nbformat.NotebookNode] = []
    if not found.question.by_hand:
        tests = running.tests_of(found)
        cells = [_test(code, points, found) for code, points in tests]
        cells = [new_raw_cell("# BEGIN TESTS"), *cells, new_raw_cell("# END TESTS")]
    return [*cells, new_raw_cell("# END QUESTION")]


def _test(code: str, points: float, found: Ready) -> nbformat.NotebookNode:
    """Return a test as a cell: hidden if it gives points, and with the solution if it needs it."""
    lines = [
        '""" # BEGIN TEST CONFIG',
        f"hidden: {str(points > 0).lower()}",
        f"points: {points:g}",
        '""" # END TEST CONFIG',
    ]
    if "solution." in code:
        solution = "\n".join(text for text, _ in running.cells_of(found, solved=True))
        lines += [
            "from types import SimpleNamespace",
            "solved = dict(globals())",
            f"exec({solution!r}, solved)",
            "solution = SimpleNamespace(**{k: v for k, v in solved.items() if k.isidentifier()})",
        ]
    return new_code_cell("\n".join([*lines, code]))


def _with_prompt(found: Ready, text: str) -> str:
    """Return an answer with our marks as those of otter, and the stub as its prompt."""
    question = found.question
    if question.kind == "verdict":
        return f"{text} # SOLUTION"
    before, inside, after = source.region(question)
    stub = source.stub(question).split("\n")
    prompt = stub[len(before) : len(stub) - len(after)] if question.of("stub") else ["..."]
    if question.of("stub") or not inside[0].startswith(" "):
        prompt = stub[len(before) : len(stub) - len(after)]
    depth = " " * (len(inside[0]) - len(inside[0].lstrip()))
    return "\n".join(
        [
            *before,
            f"{depth}# BEGIN SOLUTION NO PROMPT",
            *inside,
            f"{depth}# END SOLUTION",
            f'{depth}""" # BEGIN PROMPT',
            *prompt,
            f'{depth}""" # END PROMPT',
            *after,
        ]
    )


def archives(assignment: Assignment) -> dict[str, bytes]:
    """Return what ``otter assign`` makes of an assignment, or nothing where it is not installed.

    Returns
    -------
    dict of str to bytes
        Name in the archive -> content: the autograder for Gradescope and ``otter grade``, and the
        notebook for students who have otter.
    """
    if importlib.util.find_spec("otter") is None:
        return {}
    stem = assignment.chapter.stem
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{stem}.ipynb"
        nbformat.write(master(assignment), file)
        command = [sys.executable, "-m", "otter", "assign", file.name, "out"]
        done = subprocess.run(
            [*command, "--no-run-tests", "--no-pdfs"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        if done.returncode:
            return {"otter-failed.txt": (done.stdout + done.stderr).encode()}
        out = Path(folder) / "out"
        kept = {f"otter-student/{file.name}": (out / "student" / file.name).read_bytes()}
        for path in sorted((out / "student" / "tests").glob("*.py")):
            kept[f"otter-student/tests/{path.name}"] = path.read_bytes()
        for path in (out / "autograder").glob("*.zip"):
            kept["otter-autograder.zip"] = path.read_bytes()
        return kept
