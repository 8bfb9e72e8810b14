"""Grades as tables and pages: ``grades.csv``, feedback, a summary, and files for platforms.

Points of written answers come from ``written.csv``, which is written with empty points, filled in
by a person, and read again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from latentbook import files
from latentbook.errors import LatentbookError
from latentbook.teach import sandbox
from latentbook.teach.grading import Graded
from latentbook.teach.running import Marks
from latentbook.teach.source import Chapter, Question

_PAGES = Environment(
    loader=PackageLoader("latentbook.teach"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_WRITTEN = ["student", "chapter", "question", "points", "most", "comment", "answer"]
#: (student, chapter, question) -> points and comment.
Hand = Mapping[tuple[str, str, str], tuple[float | None, str]]


def write(graded: Sequence[Graded], chapters: Sequence[Chapter], folder: Path) -> Path:
    """Write all tables and pages; return the file of grades.

    Parameters
    ----------
    graded : sequence of Graded
    chapters : sequence of Chapter
        For titles and rubrics.
    folder : Path
        ``written.csv`` in it is read first, and keeps what a person has filled in.

    Raises
    ------
    LatentbookError
        If ``written.csv`` holds points that are no numbers or out of range.
    """
    titles = {chapter.stem: chapter.title for chapter in chapters}
    questions = {(c.stem, q.id): q for c in chapters for q in c.questions}
    hand = read_written(folder / "written.csv")
    tables = {
        "grades.csv": _grades(graded, hand),
        "written.csv": _written(graded, hand),
        "moodle.csv": _moodle(graded, hand, titles),
        "canvas.csv": _canvas(graded, hand, titles),
        "nbgrader.csv": _nbgrader(graded, hand),
    }
    for name, rows in tables.items():
        _save(folder / name, _text(rows))
    for one in graded:
        page = _feedback(one, hand, titles, questions)
        _save(
            folder / "feedback" / f"{plain(one.student)}-{plain(one.chapter or one.file)}.html",
            page,
        )
    _save(folder / "summary.html", _summary(graded, hand, titles, questions))
    return folder / "grades.csv"


def plain(name: str) -> str:
    """Return a name as a file can be called."""
    return re.sub(r"[^\w.-]+", "_", name)[:80] or "nameless"


def _save(path: Path, text: str) -> None:
    with files.atomic(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def _text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV; no cell begins as a formula of a spreadsheet does."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    for row in rows:
        cells = [f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in row]
        writer.writerow(
            [f"'{cell}" if re.match(r"[=+@\t\r]|-[^\d]", cell) else cell for cell in cells]
        )
    return target.getvalue()


# ---------------------------------------------------------------- written answers


def read_written(path: Path) -> dict[tuple[str, str, str], tuple[float | None, str]]:
    """Return points and comments that a person gave; points are None where there are none yet.

    Raises
    ------
    LatentbookError
        If points are no number, or more than there are.
    """
    if not path.exists():
        return {}
    found: dict[tuple[str, str, str], tuple[float | None, str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                key = (row["student"].removeprefix("'"), row["chapter"], row["question"])
                points = float(row["points"]) if row["points"].strip() else None
                if points is not None and not 0 <= points <= float(row["most"]):
                    raise ValueError
            except (KeyError, ValueError, TypeError, AttributeError):
                raise LatentbookError(
                    f"{path}, line {number}: points are a number from 0 to the most, or nothing"
                ) from None
            found[key] = (points, row.get("comment") or "")
    return found


def _written(graded: Sequence[Graded], hand: Hand) -> list[list[Any]]:
    rows: list[list[Any]] = [list(_WRITTEN)]
    for one in graded:
        for marks in one.marks:
            if marks.by_hand:
                points, comment = _given(one, marks, hand)
                shown = "" if points is None else points
                answer = one.written.get(marks.question, "")
                rows.append([one.student, one.chapter, marks.question, shown, marks.most, comment,
                             answer])  # fmt: skip
    return rows


def _given(one: Graded, marks: Marks, hand: Hand) -> tuple[float | None, str]:
    """Return the points of a written answer, None if nobody has looked, and the comment.

    An answer that is empty has none, and nobody needs to look.
    """
    points, comment = hand.get((one.student, one.chapter, marks.question), (None, ""))
    if points is None and not one.written.get(marks.question):
        return 0.0, comment or "no answer"
    return points, comment


def score(one: Graded, marks: Marks, hand: Hand) -> float | None:
    """Return the points of a question; None where a person still has to give them."""
    return _given(one, marks, hand)[0] if marks.by_hand else marks.points


def total(one: Graded, hand: Hand) -> float:
    """Return the points of a notebook so far."""
    return sum(score(one, marks, hand) or 0.0 for marks in one.marks)


def _waiting(one: Graded, hand: Hand) -> float:
    return sum(m.most for m in one.marks if score(one, m, hand) is None)


# ---------------------------------------------------------------- tables


def _grades(graded: Sequence[Graded], hand: Hand) -> list[list[Any]]:
    names = list(dict.fromkeys((g.chapter, m.question) for g in graded for m in g.marks))
    head = ["student", "file", "chapter", "seed", "points", "most", "by_hand", "seconds", "trouble"]
    rows: list[list[Any]] = [head + [f"{chapter[:2]}-{question}" for chapter, question in names]]
    for one in graded:
        own = {(one.chapter, m.question): score(one, m, hand) for m in one.marks}
        seed = "" if one.seed is None else one.seed
        rows.append(
            [one.student, one.file, one.chapter, seed, total(one, hand), float(one.most)]
            + [_waiting(one, hand), one.seconds, one.trouble]
            + ["" if (value := own.get(name)) is None else value for name in names]
        )
    return rows


def _by_student(
    graded: Sequence[Graded], hand: Hand
) -> tuple[list[str], dict[str, dict[str, float]], dict[str, float]]:
    """Return chapters, points by student and chapter, and the most by chapter."""
    chapters = sorted({one.chapter for one in graded if one.chapter})
    points: dict[str, dict[str, float]] = {}
    most: dict[str, float] = {}
    for one in graded:
        own = points.setdefault(one.student, {})
        if one.chapter:  # of two notebooks of a chapter the better one counts
            own[one.chapter] = max(total(one, hand), own.get(one.chapter, 0.0))
            most[one.chapter] = max(float(one.most), most.get(one.chapter, 0.0))
    return chapters, points, most


def _moodle(graded: Sequence[Graded], hand: Hand, titles: Mapping[str, str]) -> list[list[Any]]:
    chapters, points, _ = _by_student(graded, hand)
    rows: list[list[Any]] = [["Identifier", "Full name", *(titles[c] for c in chapters)]]
    for student, own in points.items():
        rows.append([student, student, *(own.get(c, "") for c in chapters)])
    return rows


def _canvas(graded: Sequence[Graded], hand: Hand, titles: Mapping[str, str]) -> list[list[Any]]:
    chapters, points, most = _by_student(graded, hand)
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    rows: list[list[Any]] = [[*head, *(titles[c] for c in chapters)]]
    rows.append(["    Points Possible", "", "", "", "", *(most[c] for c in chapters)])
    for student, own in points.items():
        rows.append([student, "", "", student, "", *(own.get(c, "") for c in chapters)])
    return rows


def _nbgrader(graded: Sequence[Graded], hand: Hand) -> list[list[Any]]:
    names = "assignment duedate timestamp student_id last_name first_name email"
    names += " raw_score late_submission_penalty score max_score"
    rows: list[list[Any]] = [names.split()]
    for one in graded:
        points = total(one, hand)
        rows.append(
            [one.chapter, "", "", one.student, "", "", "", points, 0.0, points, float(one.most)]
        )
    return rows


# ---------------------------------------------------------------- pages


def _feedback(
    one: Graded,
    hand: Hand,
    titles: Mapping[str, str],
    questions: Mapping[tuple[str, str], Question],
) -> str:
    shown = []
    for marks in one.marks:
        question = questions[(one.chapter, marks.question)]
        points = score(one, marks, hand)
        shown.append(
            {
                "title": question.title,
                "points": "–" if points is None else f"{points:g}",
                "most": f"{marks.most:g}",
                "waiting": points is None,
                "messages": [message for message in marks.messages if message],
                "answer": one.written.get(marks.question, ""),
                "rubric": [(what, f"{worth:g}") for what, worth in question.rubric.items()],
                "comment": _given(one, marks, hand)[1] if marks.by_hand else "",
            }
        )
    return _PAGES.get_template("feedback.html.jinja").render(
        title=titles.get(one.chapter, one.file),
        student=one.student,
        points=f"{total(one, hand):g}",
        most=f"{one.most:g}",
        open_points=f"{_waiting(one, hand):g}" if _waiting(one, hand) else "",
        trouble=one.trouble,
        questions=shown,
        errors=one.errors,
        file=one.file,
        seed=one.seed,
    )


def _summary(
    graded: Sequence[Graded],
    hand: Hand,
    titles: Mapping[str, str],
    questions: Mapping[tuple[str, str], Question],
) -> str:
    chapters = []
    for stem in sorted({one.chapter for one in graded if one.marks}):
        own = [one for one in graded if one.chapter == stem and one.marks]
        sums = np.array([total(one, hand) for one in own])
        chapters.append(
            {
                "title": titles[stem],
                "count": len(own),
                "mean": f"{sums.mean():.1f}",
                "most": f"{own[0].most:g}",
                "low": f"{sums.min():g}",
                "high": f"{sums.max():g}",
                "questions": [
                    _spread(questions[(stem, marks.question)], own, hand) for marks in own[0].marks
                ],
            }
        )
    count = sum(_waiting(one, hand) > 0 for one in graded)
    written = (
        f"{count} notebooks have written answers to be marked in written.csv." if count else ""
    )
    return _PAGES.get_template("summary.html.jinja").render(
        title="Grades",
        how=sandbox.describe(),
        chapters=chapters,
        troubles=[(one.student, one.trouble) for one in graded if one.trouble],
        written=written,
    )


def _spread(question: Question, graded: Sequence[Graded], hand: Hand) -> dict[str, Any]:
    """Return how the points of a question are distributed."""
    found = [
        score(one, marks, hand)
        for one in graded
        for marks in one.marks
        if marks.question == question.id
    ]
    known = np.array([points for points in found if points is not None])
    most = float(question.points)
    bars = []
    for low, high in ((0, 0), (0, 0.5), (0.5, 1), (1, 1)):
        if low == high:
            count = int((known == low * most).sum())
            label = f"{low * most:g}: {count}"
        else:
            count = int(((known > low * most) & (known <= high * most) & (known < most)).sum())
            label = f"{'below' if high == 1 else 'to'} {high * most:g}: {count}"
        bars.append((round(100 * count / max(1, len(found))), label))
    return {
        "title": question.title,
        "most": f"{most:g}",
        "mean": f"{known.mean():.2f}" if len(known) else "–",
        "none": int((known == 0).sum()),
        "some": int(((known > 0) & (known < most)).sum()),
        "all": int((known == most).sum()),
        "bars": bars,
    }
