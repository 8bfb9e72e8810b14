"""The command of teachers: ``python -m latentbook.teach.command student | grade``.

``make student`` writes notebooks for students, archives for graders, and sample submissions;
``make grade SUBMISSIONS=folder`` marks a folder.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
import time
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat

from latentbook import paths
from latentbook.errors import LatentbookError, choose
from latentbook.teach import grading, handout, otter, results, running, samples, sandbox, source
from latentbook.teach.sandbox import Limits
from latentbook.teach.source import Chapter


def folder() -> Path:
    """Return the folder of all that is made for a course."""
    return paths.root() / "_build" / "teach"


# ---------------------------------------------------------------- handing out


def hand_out(students: Mapping[str, int] | None, stems: Sequence[str]) -> None:
    """Write what students and graders get, and sample submissions.

    Parameters
    ----------
    students : mapping of str to int or None
        Name -> seed: a folder with notebooks of their own each. None writes one set for all.
    stems : sequence of str
        Chapters; none for all.
    """
    found = {chapter.stem: chapter for chapter in source.chapters()}
    wanted = [choose("chapter with exercises", stem, found) for stem in stems] or list(found)
    for name in ("student", "grader", "samples"):
        shutil.rmtree(folder() / name, ignore_errors=True)
    cores = grading.processes(len(wanted))
    if cores == 1:
        for stem in wanted:
            print(f"{stem}: {_hand_out(found[stem], students)}", flush=True)
    else:
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(_hand_out, found[stem], students) for stem in wanted]
            for stem, job in zip(wanted, jobs, strict=True):
                print(f"{stem}: {job.result()}", flush=True)
    print(f"Students get {os.path.relpath(folder() / 'student', paths.root())}.")
    print(f"Graders keep {os.path.relpath(folder() / 'grader', paths.root())} to themselves.")
    sample = os.path.relpath(folder() / "samples", paths.root())
    print(f"To try grading: make grade SUBMISSIONS={sample}")


def _hand_out(chapter: Chapter, students: Mapping[str, int] | None) -> str:
    """Write everything of a chapter; return in words what."""
    with running.one_thread():
        own = handout.assign(chapter)
        everybody: Mapping[str, int | None] = students or {"": None}
        for name, seed in everybody.items():
            one = handout.assign(chapter, seed, solve=False) if name else own
            book = handout.notebook(one)
            text = nbformat.writes(book)
            if leaked := handout.leaks(one, "\n".join(cell.source for cell in book.cells)):
                raise LatentbookError(
                    f"{chapter.stem}: what students get gives the solution away: {leaked[0]}"
                )
            target = folder() / "student" / results.plain(name) if name else folder() / "student"
            target.mkdir(parents=True, exist_ok=True)
            (target / f"{chapter.stem}.ipynb").write_text(text, encoding="utf-8")
        samples.write(own, folder() / "samples")
        _archive(own)
    points = sum(found.question.points for found in own.ready)
    return f"{len(own.ready)} questions, {points} points, {len(students or [1])} notebooks"


def _archive(assignment: handout.Assignment) -> None:
    """Write the grader's archive: solutions, the source, and what otter-grader takes."""
    stem = assignment.chapter.stem
    target = folder() / "grader" / f"{stem}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        solved = handout.notebook(assignment, solved=True)
        archive.writestr(f"{stem}-solved.ipynb", nbformat.writes(solved))
        archive.writestr(f"{stem}-otter.ipynb", nbformat.writes(otter.master(assignment)))
        for name, content in otter.archives(assignment).items():
            archive.writestr(name, content)


def roster(path: Path) -> dict[str, int]:
    """Return the students of a table and their seeds.

    A column ``student`` names them; ``seed`` is optional, and made of the name where it is missing.

    Raises
    ------
    LatentbookError
        If the table cannot be read so.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            row["student"]: int(row.get("seed") or zlib.crc32(row["student"].encode()) % 10**6)
            for row in rows
        }
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise LatentbookError(
            f"{path} is no list of students: a CSV file with a column 'student' and, if wanted, "
            f"whole numbers in a column 'seed' ({type(error).__name__})"
        ) from None


# ---------------------------------------------------------------- grading


def grade(submissions: Path, target: Path, limits: Limits, students: Path | None) -> None:
    """Mark a folder of submissions, and write grades, feedback and a summary into `target`."""
    found = grading.find(submissions)
    start = time.monotonic()
    print(sandbox.describe(), flush=True)
    seeds = roster(students) if students else None
    done = grading.grade_all(
        found,
        target / "kept",
        limits,
        seeds=seeds,
        say=lambda line: print(line, flush=True),
    )
    file = results.write(done, source.chapters(), target)
    shown = os.path.relpath(file, paths.root())
    print(f"{len(done)} notebooks in {time.monotonic() - start:.0f} s: {shown}, and beside it")
    print("summary.html, feedback/, written.csv (fill it in, then grade again), and tables for")
    print("Moodle, Canvas and nbgrader.")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; a wrong one exits with status 2."""
    parser = argparse.ArgumentParser(prog="python -m latentbook.teach.command")
    commands = parser.add_subparsers(required=True, metavar="student | grade", dest="command")
    student = commands.add_parser("student", help="write notebooks for students and archives")
    student.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 01-... (all)")
    student.add_argument("--students", type=Path, metavar="CSV", help="a set of numbers for each")
    marked = commands.add_parser("grade", help="mark a folder of notebooks")
    marked.add_argument("submissions", type=Path, metavar="FOLDER")
    marked.add_argument("--to", type=Path, metavar="FOLDER", help="(_build/teach/grades/NAME)")
    marked.add_argument("--students", type=Path, metavar="CSV", help="that notebooks were made of")
    marked.add_argument("--seconds", type=float, default=Limits.seconds, help="for a notebook")
    marked.add_argument("--cell-seconds", type=float, default=Limits.cell_seconds)
    marked.add_argument("--memory-mb", type=int, default=Limits.memory_mb)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return 0, or 2 with a sentence for bad input."""
    given = parse(arguments)
    try:
        if given.command == "student":
            hand_out(roster(given.students) if given.students else None, given.chapters)
        else:
            limits = Limits(given.seconds, given.cell_seconds, given.memory_mb)
            target = given.to or folder() / "grades" / results.plain(given.submissions.name)
            grade(given.submissions, target, limits, given.students)
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
