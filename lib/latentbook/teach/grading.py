"""Grading a folder of notebooks: each in a process of its own, one after the other on every core.

What came of a notebook is kept as a file of JSON, so that grading can be stopped and started again,
and one that crashes, hangs or floods its output costs nobody else anything.
The tables and pages made of these files are left to `results`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from latentbook import files
from latentbook.errors import LatentbookError
from latentbook.teach import handout, running, source
from latentbook.teach.handout import OURS, Assignment
from latentbook.teach.running import Marks, Test
from latentbook.teach.sandbox import LimitError, Limits, Sandbox
from latentbook.teach.sessions import AnswerError

#: Larger notebooks are not opened, in bytes.
LARGEST = 20 * 2**20
_MOODLE = re.compile(r"^(?P<who>.+?)_\d+_assignsubmission_file_?$")
_CHECK = re.compile(r"""\bcheck\(\s*["']([a-z][a-z0-9-]*)["']\s*\)""")


@dataclass(frozen=True)
class Submission:
    """A notebook that was handed in.

    Attributes
    ----------
    student : str
        The folder that it lies in, or the name of the file.
    path : Path
    """

    student: str
    path: Path


@dataclass(frozen=True)
class Graded:
    """What came of a notebook.

    Attributes
    ----------
    student, file, chapter : str
        The chapter is empty where the notebook does not say it.
    seed : int or None
    marks : tuple of Marks
    trouble : str
        What was wrong with the notebook as a whole, or nothing.
    errors : tuple of str
        Of cells that failed, in a line each.
    written : mapping of str to str
        Written answers by question.
    seconds : float
    """

    student: str
    file: str
    chapter: str = ""
    seed: int | None = None
    marks: tuple[Marks, ...] = ()
    trouble: str = ""
    errors: tuple[str, ...] = ()
    written: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """Points that the tests gave."""
        return sum(one.points for one in self.marks)

    @property
    def most(self) -> float:
        """Points that there are, written answers included."""
        return sum(one.most for one in self.marks)


def find(folder: Path) -> list[Submission]:
    """Return the notebooks of a folder: one a file, or one a folder of a student.

    Raises
    ------
    LatentbookError
        If there is no such folder, or no notebook in it.
    """
    if not folder.is_dir():
        raise LatentbookError(f"there is no folder {folder}: name the one with the notebooks")
    found = []
    for path in sorted(folder.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        inside = path.relative_to(folder).parts
        own = _MOODLE.match(inside[0]) if len(inside) > 1 else None
        student = own["who"] if own else inside[0] if len(inside) > 1 else path.stem
        found.append(Submission(student, path))
    if not found:
        raise LatentbookError(f"there is no notebook in {folder}: submissions end in .ipynb")
    return found


def grade(submission: Submission, limits: Limits) -> Graded:
    """Run a notebook in a sandbox and mark it; whatever is wrong with it is part of the result."""
    start = time.perf_counter()
    done = Graded(submission.student, submission.path.name)
    try:
        book = _read(submission.path)
        about = book["metadata"].get(OURS, {})
        chapter = str(about.get("chapter") or _chapter_of(submission.path.name))
        seed = about.get("student_seed")
        seed = seed if isinstance(seed, int) else None
        assignment = _assignment(chapter, seed)
        done = dataclasses.replace(
            done, chapter=chapter, seed=seed, written=handout.answers(book), marks=_none(assignment)
        )
        done = _run(done, assignment, book, limits)
    except LatentbookError as error:
        done = dataclasses.replace(done, trouble=str(error))
    return dataclasses.replace(done, seconds=round(time.perf_counter() - start, 2))


def _read(path: Path) -> dict[str, Any]:
    """Return a notebook, or say why it is none."""
    if path.stat().st_size > LARGEST:
        raise LatentbookError(f"the file has more than {LARGEST >> 20} MB: clear its outputs")
    try:
        book = json.loads(path.read_text(encoding="utf-8"))
        for cell in book["cells"]:
            cell["source"] = "".join(cell["source"])
            about = cell.setdefault("metadata", {}).get(OURS, {})
            if not isinstance(about, dict) or not isinstance(cell["cell_type"], str):
                raise TypeError
        book.setdefault("metadata", {}).get(OURS, {}).get("chapter")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LatentbookError("the file is not a notebook, or is cut off: save it again") from None
    return dict(book)


def _chapter_of(name: str) -> str:
    """Return the chapter whose name stands in that of a file."""
    for chapter in _chapters():
        if chapter in name:
            return chapter
    raise LatentbookError(
        "the notebook does not say which chapter it belongs to: start from the handed-out file"
    )


@cache
def _chapters() -> dict[str, source.Chapter]:
    return {chapter.stem: chapter for chapter in source.chapters()}


@cache
def _assignment(chapter: str, seed: int | None) -> Assignment:
    """Return an assignment with its solutions; computed once in this process."""
    if chapter not in _chapters():
        raise LatentbookError(f"there are no questions on chapter {chapter!r}")
    with running.one_thread():
        return handout.assign(_chapters()[chapter], seed)


def _none(assignment: Assignment, why: str = "not reached") -> tuple[Marks, ...]:
    """Return marks of zero for every question."""
    return tuple(
        Marks(
            one.question.id,
            0.0,
            one.question.points,
            () if one.question.by_hand else (Test(one.question.points, False, why),),
            one.question.by_hand,
        )
        for one in assignment.ready
    )


def _run(done: Graded, assignment: Assignment, book: dict[str, Any], limits: Limits) -> Graded:
    """Execute the cells of a notebook, and mark each question where its check stands."""
    marks = {one.question: one for one in done.marks}
    errors, trouble = [], ""
    hidden = [folder for folder in (source.folder(), source.private()) if folder]
    with Sandbox(limits, hidden=hidden) as session:
        try:
            for number, code, checked in _cells(book, assignment):
                try:
                    session.run(code)
                except AnswerError as error:
                    errors.append(f"cell {number}: {error}")
                for question in checked:
                    found = assignment.get(question)
                    if found is not None:
                        marks[question] = running.mark(found, session)
        except LimitError as error:
            trouble = f"{error}; what came after it was not marked"
    return dataclasses.replace(
        done, marks=tuple(marks.values()), errors=tuple(errors[:20]), trouble=trouble
    )


def _cells(
    book: dict[str, Any], assignment: Assignment
) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield number and code of every cell, and the questions that are marked after it.

    A question is marked where its check stands for the last time, or at the end.
    """
    cells = [
        (number, cell["source"])
        for number, cell in enumerate(book["cells"], start=1)
        if cell["cell_type"] == "code"
    ]
    place = {
        question: position
        for position, (_, code) in enumerate(cells)
        for question in _CHECK.findall(code)
    }
    for position, (number, code) in enumerate(cells):
        yield number, code, tuple(q for q, where in place.items() if where == position)
    rest = [r.question.id for r in assignment.ready if r.question.id not in place]
    yield len(book["cells"]) + 1, "", tuple(rest)


# ---------------------------------------------------------------- many of them


def digest(submission: Submission) -> str:
    """Return what the marks of a submission depend on: its bytes, and all questions."""
    own = hashlib.sha256(submission.path.read_bytes())
    folders = [source.folder(), *filter(None, [source.private()])]
    for path in sorted(p for folder in folders for p in folder.glob("[0-9]*.md")):
        own.update(path.read_bytes())
    return own.hexdigest()


def grade_all(
    submissions: Sequence[Submission],
    kept: Path,
    limits: Limits,
    *,
    seeds: Mapping[str, int] | None = None,
    cores: int | None = None,
    say: Callable[[str], None] = print,
) -> list[Graded]:
    """Grade notebooks, those first of which nothing is kept yet.

    Parameters
    ----------
    submissions : sequence of Submission
    kept : Path
        Folder with a file of JSON for every notebook that is done.
    limits : Limits
    seeds : mapping of str to int, optional
        Student -> seed, where everybody got numbers of their own: who hands in other numbers, or is
        not known, gets no points.
    cores : int, optional
        How many notebooks run at the same time; default: as `processes` says.
    say : callable, default=print
        Gets a line when a notebook is done.
    """
    targets = [kept / f"{_slug(one)}.json" for one in submissions]
    todo = [
        (one, target)
        for one, target in zip(submissions, targets, strict=True)
        if not _is_kept(target, digest(one))
    ]
    if len(todo) < len(submissions):
        say(f"{len(submissions) - len(todo)} of {len(submissions)} notebooks were graded before")
    start = time.monotonic()
    for number, (one, target, done) in enumerate(_graded(todo, limits, cores), start=1):
        _keep(target, digest(one), done)
        left = (time.monotonic() - start) / number * (len(todo) - number)
        say(
            f"{number} of {len(todo)}: {one.student}, {done.chapter or 'no chapter'}: "
            f"{done.points:g} of {done.most:g} points in {done.seconds:.0f} s"
            f"{'; ' + done.trouble if done.trouble else ''}"
            f"{f' (about {left:.0f} s left)' if number < len(todo) else ''}"
        )
    return [_of_own_seed(load(target), seeds) for target in targets]


def processes(most: int) -> int:
    """Return how many processes work: ``$CORES``, all processors if it does not say, or `most`."""
    stated = os.environ.get("CORES", "")
    cores = int(stated) if stated.isdigit() else os.cpu_count() or 1
    return max(1, min(cores, most))


def _graded(
    todo: Sequence[tuple[Submission, Path]], limits: Limits, cores: int | None
) -> Iterator[tuple[Submission, Path, Graded]]:
    """Yield what came of notebooks, as they are done."""
    workers = min(cores, len(todo)) if cores else processes(len(todo))
    if workers <= 1:
        for one, target in todo:
            yield one, target, grade(one, limits)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(grade, one, limits): (one, target) for one, target in todo}
        for future in as_completed(futures):
            yield *futures[future], future.result()


def _of_own_seed(done: Graded, seeds: Mapping[str, int] | None) -> Graded:
    """Return what came of a notebook, without points if its numbers are not the student's."""
    if seeds is None or seeds.get(done.student) == done.seed:
        return done
    known = done.student in seeds
    why = "the numbers in it are not this student's" if known else "this student is not listed"
    marks = tuple(dataclasses.replace(one, points=0.0) for one in done.marks)
    return dataclasses.replace(done, marks=marks, trouble=why)


def _slug(one: Submission) -> str:
    """Return a name for the file of a submission: readable, and its own."""
    plain = re.sub(r"[^\w.-]+", "_", f"{one.student}-{one.path.stem}")[:80]
    return f"{plain}-{hashlib.sha256(str(one.path).encode()).hexdigest()[:8]}"


def _is_kept(target: Path, wanted: str) -> bool:
    try:
        return bool(json.loads(target.read_text(encoding="utf-8"))["digest"] == wanted)
    except (OSError, ValueError, KeyError):
        return False


def _keep(target: Path, key: str, done: Graded) -> None:
    with files.atomic(target) as scratch:
        content = {"digest": key, "graded": dataclasses.asdict(done)}
        scratch.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def load(target: Path) -> Graded:
    """Return what was kept of a notebook."""
    content = json.loads(target.read_text(encoding="utf-8"))["graded"]
    marks = tuple(
        Marks(**{**one, "tests": tuple(Test(**test) for test in one["tests"])})
        for one in content.pop("marks")
    )
    return Graded(**{**content, "marks": marks, "errors": tuple(content["errors"])})
