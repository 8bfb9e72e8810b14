"""What the teacher's guide says of every chapter: objectives, lab plans, and rubrics.

``python -m latentbook.teach.guide`` writes them from the questions into ``book/exercises``; the
page *Teaching with this book* includes them. Slides are left to `slides`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from latentbook import files, paths
from latentbook.teach import source
from latentbook.teach.source import Chapter, Question

#: Which kinds of questions a lab takes first.
_FIRST = ("predict", "verdict", "bug", "implement", "own", "written")
#: Length of a lab -> minutes for slides, for questions, for a break, and for the end.
LABS = {60: (10, 40, 0, 10), 180: (15, 130, 15, 20)}


def objectives(chapters: Sequence[Chapter]) -> str:
    """Return for every chapter what is needed and what its questions teach."""
    text = []
    for chapter in chapters:
        questions = [source.variant(question, None) for question in chapter.questions]
        text += [
            f"### {chapter.title}",
            "",
            f"Prerequisites: {chapter.needs}.",
            f'{{doc}}`chapters/{chapter.stem}`; <a href="slides/{chapter.stem}.html">slides</a>.',
            "",
            "| Question | Kind | Level | Minutes | Points | Afterwards students can |",
            "|:--|:--|--:|--:|--:|:--|",
            *(_row(question) for question in questions),
            "",
        ]
    return "\n".join(text)


def _row(question: Question) -> str:
    points = str(question.points) if question.graded else "–"
    can = question.objective[:1].lower() + question.objective[1:].rstrip(".")
    cells = [question.title, source.KINDS[question.kind], question.level, question.minutes, points]
    return "| " + " | ".join([*map(str, cells), can]) + " |"


def chosen(chapter: Chapter, minutes: int) -> list[Question]:
    """Return the questions of a lab that has this many minutes for them.

    One of each kind comes first, then what still fits; they stand in the order of the chapter.

    Parameters
    ----------
    chapter : Chapter
    minutes : int
    """
    ordered = sorted(chapter.questions, key=lambda q: (_FIRST.index(q.kind), not q.graded))
    first = [next(q for q in ordered if q.kind == kind) for kind in dict.fromkeys(
        q.kind for q in ordered)]  # fmt: skip
    taken: list[Question] = []
    for question in [*first, *(q for q in ordered if q not in first)]:
        if sum(q.minutes for q in taken) + question.minutes <= minutes:
            taken.append(question)
    return [question for question in chapter.questions if question in taken]


def plans(chapters: Sequence[Chapter]) -> str:
    """Return a plan of one hour and one of three hours for every chapter."""
    text = []
    for chapter in chapters:
        text += [f"### {chapter.title}", ""]
        for length, (slides, work, pause, end) in LABS.items():
            questions = [source.variant(q, None) for q in chosen(chapter, work)]
            left = work - sum(question.minutes for question in questions)
            lines = [(slides, "slides: what is asked, what a source claims, what came of it")]
            lines += [(q.minutes, f"{q.title} ({source.KINDS[q.kind]})") for q in questions]
            lines += [(pause, "a break")] if pause else []
            lines += [
                (end + left, "two or three answers on the screen, and the chapter's verdicts")
            ]
            text += [
                f"````{{dropdown}} {length // 60} hour{'s' * (length > 60)}",
                "",
                "| Minutes | What |",
                "|--:|:--|",
                *(f"| {minutes} | {what} |" for minutes, what in lines),
                "````",
                "",
            ]
    return "\n".join(text)


def rubrics(chapters: Sequence[Chapter]) -> str:
    """Return for what written answers are marked."""
    lines = ["| Chapter | Question | Points | For |", "|:--|:--|--:|:--|"]
    for chapter in chapters:
        for question in chapter.questions:
            for what, points in question.rubric.items():
                lines.append(f"| {chapter.title} | {question.title} | {points:g} | {what} |")
    return "\n".join([*lines, ""])


def main() -> int:
    """Write all parts of the guide."""
    chapters = source.chapters(own=False)
    parts = {"objectives": objectives, "plans": plans, "rubrics": rubrics}
    for name, write in parts.items():
        with files.atomic(paths.exercises() / f"guide-{name}.md") as scratch:
            scratch.write_text(write(chapters), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
