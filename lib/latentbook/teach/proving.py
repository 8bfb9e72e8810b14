"""Proof of the questions: a solution has all points, a stub and plausible mistakes do not.

``python -m latentbook.teach.proving [FILE ...] [-q ID]`` prints a line a question; tests use
`problems`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentbook.errors import LatentbookError
from latentbook.teach import running, source
from latentbook.teach.running import Marks, Ready
from latentbook.teach.sessions import AnswerError, Local
from latentbook.teach.source import Chapter, Question


@dataclass(frozen=True)
class Proof:
    """What came of the answers that belong to a question.

    Attributes
    ----------
    question : Question
    ready : Ready
    solution, stub : Marks
    wrong : mapping of str to Marks
        The mistake in words -> marks.
    errors : tuple of str
        What cells of the stub raised, which would stop a notebook.
    seconds : float
    """

    question: Question
    ready: Ready
    solution: Marks
    stub: Marks
    wrong: Mapping[str, Marks]
    errors: tuple[str, ...]
    seconds: float

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the question."""
        about = f"{self.question.place}, question {self.question.id}"
        for test in self.solution.tests:
            if not test.passed:
                yield f"{about}: the solution fails a test: {test.message}"
        for error in self.errors:
            yield f"{about}: the notebook that is handed out stops: {error}"
        if self.question.by_hand or not self.question.graded:
            return
        if self.stub.points:
            yield f"{about}: the stub has {self.stub.points:g} points"
        for mistake, marks in self.wrong.items():
            if marks.points >= marks.most:
                yield f"{about}: all points for a wrong answer: {mistake}"
        if len(self.wrong) < 2:
            yield f"{about}: {len(self.wrong)} wrong answers, and two are needed"


def prove(question: Question, namespace: Mapping[str, Any], seed: int | None = None) -> Proof:
    """Run solution, stub and wrong answers of a question, and its printed values.

    Parameters
    ----------
    question : Question
        As it is written; `seed` chooses the variant.
    namespace : mapping
        As `running.setup` returns it.
    seed : int, optional
    """
    start = time.perf_counter()
    question = source.variant(question, seed)
    found = running.ready(question, namespace, seed)
    for block in question.blocks:
        if block.kind in ("text", *source.PROSE):
            running.values(found, block.text)
    solution = running.mark(found, Local(dict(found.solved)))
    stub, errors = _answered(found, namespace, running.cells_of(found, solved=False))
    wrong = {mistake: _answered(found, namespace, cells)[0] for mistake, cells in _mistakes(found)}
    seconds = time.perf_counter() - start
    return Proof(question, found, solution, stub, wrong, errors, seconds)


def _mistakes(found: Ready) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield every wrong answer: in words, and as cells."""
    cells = running.cells_of(found, solved=True)
    for block in found.question.of("wrong"):
        text = source.answer(found.question, block.text)
        yield block.about, [(text if kind == "answer" else code, kind) for code, kind in cells]
    if found.question.kind == "verdict":
        for letter in found.choices:
            if letter != found.right:
                yield f"chooses {letter}", [(f'{found.question.name} = "{letter}"', "answer")]


def _answered(
    found: Ready, namespace: Mapping[str, Any], cells: list[tuple[str, str]]
) -> tuple[Marks, tuple[str, ...]]:
    """Return the marks of an answer, and what its cells raised."""
    session, errors = Local(dict(namespace)), []
    for code, _ in cells:
        try:
            session.run(code)
        except AnswerError as error:
            errors.append(str(error))
    return running.mark(found, session), tuple(errors)


def prove_chapter(
    chapter: Chapter, seed: int | None = None, only: str | None = None
) -> Iterator[Proof]:
    """Yield the proof of every question of a chapter, all in this process."""
    with running.one_thread():
        namespace = running.setup(chapter)
        for question in chapter.questions:
            if only in (None, question.id):
                yield prove(question, namespace, seed)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line; a wrong one exits with status 2."""
    parser = argparse.ArgumentParser(prog="python -m latentbook.teach.proving")
    parser.add_argument("files", nargs="*", type=Path, help="of exercises/ (all of them)")
    parser.add_argument("-q", "--question", metavar="ID", help="only this one")
    parser.add_argument("--seed", type=int, help="student_seed of the variants")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Print the proofs of files of questions; return 1 if there is a problem."""
    given = parse(arguments)
    found: list[str] = []
    try:
        for path in given.files or sorted(source.folder().glob("[0-9]*.md")):
            print(path.stem)
            for proof in prove_chapter(source.read(path), given.seed, given.question):
                print(_line(proof))
                found += proof.problems()
    except LatentbookError as error:
        found.append(str(error))
    print("\n".join(found))
    return bool(found)


def _line(proof: Proof) -> str:
    wrong = ", ".join(f"{marks.points:g}" for marks in proof.wrong.values())
    return (
        f"  {proof.question.id:24} {proof.question.kind:10} solution {proof.solution.points:g}"
        f"/{proof.solution.most:g}, stub {proof.stub.points:g}, wrong [{wrong}]"
        f"{', right ' + proof.ready.right if proof.ready.right else ''}"
        f", {proof.seconds:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
