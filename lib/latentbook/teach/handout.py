"""Notebooks made of questions: what students get, and the same with solutions for teachers.

A notebook is written from a `Chapter` as one student gets it. Which cell belongs to which question
is in its metadata, so that it can be marked again after it has been worked on.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from latentbook.teach import running, source
from latentbook.teach.running import Ready
from latentbook.teach.source import Chapter, Question

#: Name of our entry in the metadata of notebooks and cells.
OURS = "latentbook"
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
#: From this length on a secret line may not stand in the middle of another line either.
_LONG = 25
_CLAIM = re.compile(r" ?<!-- claim: .*? -->")
_WRITTEN = "*Write your answer here, in the place of this line.*"


@dataclass(frozen=True)
class Assignment:
    """A chapter as one student gets it, with all that marking needs.

    Attributes
    ----------
    chapter : Chapter
    seed : int or None
        The student's.
    ready : tuple of Ready
        One a question, in their order.
    """

    chapter: Chapter
    seed: int | None
    ready: tuple[Ready, ...]

    def get(self, question: str) -> Ready | None:
        """Return a question by its id."""
        return next((one for one in self.ready if one.question.id == question), None)


def assign(
    chapter: Chapter, seed: int | None = None, *, graded: bool = True, solve: bool = True
) -> Assignment:
    """Compute an assignment.

    Parameters
    ----------
    chapter : Chapter
    seed : int, optional
        Chooses the variants and the order of choices; None takes those of the book.
    graded : bool, default=True
        Whether only graded questions belong to it.
    solve : bool, default=True
        Whether solutions are run, which marking and notebooks with solutions need.
    """
    chapter = source.of_student(chapter, seed)
    texts = " ".join(block.text for q in chapter.questions for block in q.blocks)
    namespace = running.setup(chapter) if solve or "{eval}" in texts else {}
    wanted = [q for q in chapter.questions if q.graded or not graded]
    found = tuple(running.ready(question, namespace, seed, solve=solve) for question in wanted)
    return Assignment(chapter, seed, found)


def notebook(assignment: Assignment, *, solved: bool = False) -> nbformat.NotebookNode:
    """Return the notebook of an assignment.

    Parameters
    ----------
    assignment : Assignment
    solved : bool, default=False
        Whether answers and discussions stand in it, which is what a teacher gets.
    """
    chapter = assignment.chapter
    cells = [_markdown(_head(assignment)), _code(_begin(chapter), role="setup")]
    for found in assignment.ready:
        cells += _question(found, solved)
    cells.append(_markdown(_foot(chapter)))
    about = {
        "chapter": chapter.stem,
        "student_seed": assignment.seed,
        "questions": [found.question.id for found in assignment.ready],
    }
    metadata = {
        "kernelspec": _KERNEL,
        OURS: about,
        "otter": {"assignment_name": chapter.stem},  # without it otter refuses a notebook
    }
    book = new_notebook(cells=cells, metadata=metadata)
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    return book


def _head(assignment: Assignment) -> str:
    questions = [found.question for found in assignment.ready]
    points, minutes = (sum(getattr(q, name) for q in questions) for name in ("points", "minutes"))
    seed = "" if assignment.seed is None else f" Your numbers are those of seed {assignment.seed}."
    return (
        f"# {assignment.chapter.title}: exercises\n\n{assignment.chapter.text}\n\n"
        f"{len(questions)} questions, {points} points, about {minutes} minutes.{seed}\n"
        "Replace the dots (`...`), run the cell below your answer, and hand this file in.\n"
        "Keep its cells in their order; you may add your own."
    )


def _begin(chapter: Chapter) -> str:
    return f"from latentbook.teach import check\n\n{chapter.setup}".strip()


def _foot(chapter: Chapter) -> str:
    return (
        "## Hand in\n\nRestart the kernel, run all cells, save, and hand in this one file.\n"
        "The open checks say whether an answer has the right form; other tests mark it."
    )


def _question(found: Ready, solved: bool) -> Iterator[nbformat.NotebookNode]:
    """Yield the cells of a question."""
    question = found.question
    prose: list[str] = [_title(question)]
    answered = False
    code = iter(running.cells_of(found, solved=solved)) if not question.by_hand else iter(())
    for block in question.blocks:
        if block.kind == "text":
            prose.append(_filled(found, block.text))
        elif block.kind == "hint":
            prose.append(f"<details><summary>Hint</summary>\n\n{_filled(found, block.text)}\n\n"
                         "</details>")  # fmt: skip
        elif block.kind == "choices":
            prose.append("\n".join(f"- **{k}** {text}" for k, text in found.choices.items()))
        elif block.kind in ("given", "answer"):
            if prose:
                yield _markdown("\n\n".join(prose), question, "statement")
                prose = []
            text, kind = next(code) if not question.by_hand else (block.text, "given")
            yield _code(text, question, kind)
            answered = answered or kind == "answer"
    if prose:
        yield _markdown("\n\n".join(prose), question, "statement")
    if question.kind == "verdict":
        yield _code(next(code)[0], question, "answer")
    if question.by_hand:
        yield _markdown(_model(found) if solved else _WRITTEN, question, "answer")
        return
    if test := running.open_check(found):
        yield _code(f'with check("{question.id}"):\n{textwrap.indent(test, "    ")}',
                    question, "check")  # fmt: skip
    if solved and question.of("discussion"):
        yield _markdown(_model(found), question, "discussion")


def _title(question: Question) -> str:
    name = source.KINDS[question.kind]
    lines = [
        f"## {question.title}",
        f"*{name}; level {question.level}; {question.minutes} minutes; "
        f"{question.points} point{'s' * (question.points != 1)}*",
    ]
    if question.by_hand:
        lines += [f"- {points:g}: {what}" for what, points in question.rubric.items()]
    return "\n\n".join(lines[:2]) + ("\n\n" + "\n".join(lines[2:]) if lines[2:] else "")


def _filled(found: Ready, text: str) -> str:
    """Return prose with its numbers, without the marks of claims."""
    return _CLAIM.sub("", source.filled(text, running.values(found, text)))


def _model(found: Ready) -> str:
    return "\n\n".join(_filled(found, block.text) for block in found.question.of("discussion"))


def _metadata(question: Question | None, role: str) -> dict[str, Any]:
    if question is None:
        return {OURS: {"role": role}} if role else {}
    return {OURS: {"question": question.id, "role": role}}


def _markdown(text: str, question: Question | None = None, role: str = "") -> nbformat.NotebookNode:
    return new_markdown_cell(text.strip(), metadata=_metadata(question, role))


def _code(text: str, question: Question | None = None, role: str = "") -> nbformat.NotebookNode:
    return new_code_cell(text.strip("\n"), metadata=_metadata(question, role))


# ---------------------------------------------------------------- what must not be handed out


def secrets(found: Ready) -> list[str]:
    """Return the lines of a solution and of hidden tests that students do not get otherwise."""
    question = found.question
    if question.by_hand:
        return []
    given = {line.strip() for text in _shown(found) for line in text.split("\n")}
    inside = [] if question.kind == "verdict" else source.region(question)[1]
    kept = [*inside, *question.code("hidden").split("\n"), *question.code("choices").split("\n")]
    kept += [line for block in question.of("discussion") for line in block.text.split("\n")]
    lines = [line.strip() for line in kept]
    return [line for line in lines if len(line) >= 8 and line not in given]


def _shown(found: Ready) -> list[str]:
    """Return the code and the choices of a question that students get."""
    question = found.question
    shown = [question.code("given")]
    if question.by_hand:
        return shown
    shown += [running.open_check(found), *found.choices.values()]
    return shown if question.kind == "verdict" else [*shown, source.stub(question)]


def leaks(assignment: Assignment, text: str) -> list[str]:
    """Return the secret lines that stand in a text, each with its question.

    What the setup or another question shows is no secret.
    """
    shown = [assignment.chapter.setup, *(one for r in assignment.ready for one in _shown(r))]
    given = {line.strip() for one in shown for line in one.split("\n")}
    lines = {line.strip() for line in text.split("\n")}
    return [
        f"{found.question.id}: {line}"
        for found in assignment.ready
        for line in secrets(found)
        if line not in given and (line in lines or (len(line) >= _LONG and line in text))
    ]


def answers(book: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of the written answers of a notebook by question."""
    found: dict[str, str] = {}
    for cell in book["cells"]:
        about = cell["metadata"].get(OURS, {})
        if cell["cell_type"] == "markdown" and about.get("role") == "answer":
            text = "".join(cell["source"]).strip()
            found[about["question"]] = "" if text == _WRITTEN else text
    return found
