"""The exercises of a chapter as the book shows them: statement, hint, and folded solutions.

``python -m latentbook.teach.page [CHAPTER ...]`` runs the questions of all chapters, or of some,
and writes ``book/exercises/CHAPTER.md``, which the chapter's notebook includes.
Graded questions show no solution.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from latentbook import files, paths
from latentbook.errors import LatentbookError, choose
from latentbook.teach import running, source
from latentbook.teach.running import Ready
from latentbook.teach.source import Block, Chapter, Question


def section(chapter: Chapter) -> str:
    """Return the exercises of a chapter as MyST text; all its questions are run."""
    chapter = source.of_student(chapter, None)
    graded = [question for question in chapter.questions if question.graded]
    points = sum(question.points for question in graded)
    counted = (
        f"{len(graded)} of {len(chapter.questions)} exercises are graded, with {points} points"
    )
    text = [
        f"Prerequisites: {chapter.needs}.",
        f"{counted}; their solutions are not on this page." if graded else "",
        "{doc}`../students` says how to work on them in a notebook.",
        "",
        *_folded_setup(chapter),
    ]
    with running.one_thread():
        namespace = running.setup(chapter)
        for question in chapter.questions:
            text += _entry(chapter, question, namespace)
    return "\n".join(text)


def _folded_setup(chapter: Chapter) -> list[str]:
    if not chapter.setup:
        return []
    return [
        "````{dropdown} What every exercise begins with",
        *_python(chapter.setup),
        "````",
        "",
    ]


def _entry(chapter: Chapter, question: Question, namespace: Mapping[str, Any]) -> list[str]:
    """Return exercise and, if it is not graded, solution."""
    label = f"ex-{chapter.stem[:2]}-{question.id}"
    found = running.ready(question, namespace, solve=not question.graded)
    about = [source.KINDS[question.kind], f"level {question.level}", f"{question.minutes} minutes"]
    if question.graded:
        about.append(f"graded, {question.points} point{'s' * (question.points != 1)}")
    lines = [f"``````{{exercise}} {question.title}", f":label: {label}", ""]
    lines += [f"*{'; '.join(about)}*", ""]
    for block in question.blocks:
        lines += _shown(found, block)
    if question.rubric:
        lines += [f"- {points:g}: {what}" for what, points in question.rubric.items()]
    lines += ["``````", ""]
    return lines if question.graded else [*lines, *_solution(found, label)]


def _shown(found: Ready, block: Block) -> list[str]:
    """Return what a block shows in an exercise."""
    if block.kind == "text":
        return [_filled(found, block.text), ""]
    if block.kind == "given":
        return [*_python(block.text), ""]
    if block.kind == "hint":
        return ["`````{dropdown} Hint", _filled(found, block.text), "`````", ""]
    if block.kind == "choices":
        return [*(f"- **{letter}** {text}" for letter, text in found.choices.items()), ""]
    if block.kind == "answer" and found.question.kind == "bug":
        return [*_python(source.stub(found.question)), ""]
    return []


def _solution(found: Ready, label: str) -> list[str]:
    question = found.question
    lines = [f"``````{{solution}} {label}", ":class: dropdown", ""]
    if question.kind == "verdict":
        lines += ["\n".join(f"- {found.choices[letter]}" for letter in found.right), ""]
    elif not question.by_hand:
        marks = ("# BEGIN SOLUTION", "# END SOLUTION")
        code = [s for s in source.answer(question).split("\n") if s.strip() not in marks]
        lines += [*_python("\n".join(code)), ""]
        if found.printed.strip():
            lines += ["```text", found.printed.rstrip(), "```", ""]
    for block in question.of("discussion"):
        lines += [_filled(found, block.text), ""]
    return [*lines, "``````", ""]


def _filled(found: Ready, text: str) -> str:
    return source.filled(text, running.values(found, text))


def _python(code: str) -> list[str]:
    return ["```python", code.strip("\n"), "```"]


def main(arguments: list[str]) -> int:
    """Write the exercises of the chapters that are named, or of all; return the exit status."""
    try:
        known = sorted(path.stem for path in source.folder().glob("[0-9]*.md"))
        stems = [choose("chapter with exercises", stem, known) for stem in arguments] or known
        for stem in stems:
            text = section(source.read(source.folder() / f"{stem}.md"))
            with files.atomic(paths.exercises() / f"{stem}.md") as scratch:
                scratch.write_text(text, encoding="utf-8")
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
