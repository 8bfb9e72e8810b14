"""Running questions: choices from the records, printed values, and the tests of an answer."""

from __future__ import annotations

import contextlib
import os
import string
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from latentbook import paths
from latentbook.errors import LatentbookError
from latentbook.study import judge, records
from latentbook.study.claims import Evidence
from latentbook.teach import source
from latentbook.teach.checking import reason
from latentbook.teach.sessions import AnswerError, Local, Session, execute
from latentbook.teach.source import Chapter, Question

#: Letters of choices.
LETTERS = string.ascii_lowercase


@dataclass(frozen=True)
class Test:
    """What came of one test: its points, and in a line what was wrong if it failed."""

    points: float
    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Marks:
    """What came of all tests of a question.

    Attributes
    ----------
    question : str
    points, most : float
    tests : tuple of Test
        Open checks, which give no points, stand first.
    by_hand : bool
        Whether a person still has to mark it.
    """

    question: str
    points: float
    most: float
    tests: tuple[Test, ...] = ()
    by_hand: bool = False

    @property
    def messages(self) -> list[str]:
        """What was wrong, each said once."""
        return list(dict.fromkeys(test.message for test in self.tests if not test.passed))


@dataclass
class Ready:
    """A question with everything that had to be computed to ask and to mark it.

    Attributes
    ----------
    question : Question
    namespace : dict
        What the setup and the given code define, and the choices.
    choices : mapping of str to str
        Letter -> text.
    right : str
        The letters of the true choices, sorted.
    solution : SimpleNamespace
        What the solution defines, for the tests.
    solved : dict
        All names after the solution has run.
    printed : str
        What the solution printed.
    """

    question: Question
    namespace: dict[str, Any]
    choices: Mapping[str, str] = field(default_factory=dict)
    right: str = ""
    solution: SimpleNamespace = field(default_factory=SimpleNamespace)
    solved: dict[str, Any] = field(default_factory=dict)
    printed: str = ""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let libraries use one thread: threads that wait for each other cost more than they save.

    Those that are loaded later read it from the environment.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with threadpool_limits(1):
        yield


def evidence() -> Evidence:
    """Return the full-scale records and the comparisons, for blocks of choices."""
    return _evidence(paths.root())


@cache
def _evidence(root: Path) -> Evidence:
    """Return the records of the project in a folder, read once."""
    every = records.read()
    return Evidence(every, judge.compare(judge.published(), every))


def setup(chapter: Chapter) -> dict[str, Any]:
    """Return the names that the setup of a chapter defines."""
    namespace: dict[str, Any] = {"__name__": "exercises"}
    execute(chapter.setup, namespace, f"<setup of {chapter.stem}>")
    return namespace


def ready(
    question: Question,
    namespace: Mapping[str, Any],
    seed: int | None = None,
    *,
    solve: bool = True,
) -> Ready:
    """Compute what a question needs: its choices, and what its solution defines.

    Parameters
    ----------
    question : Question
        As a student gets it (`source.variant`).
    namespace : mapping
        As `setup` returns it; it stays as it is.
    seed : int, optional
        The student's, for the order of choices.
    solve : bool, default=True
        Whether the solution is needed; otherwise it runs only where a statement prints numbers.

    Raises
    ------
    LatentbookError
        If code of the question fails, or none of the choices is true, or too many are.
    """
    found = Ready(question, dict(namespace))
    try:
        if question.kind == "verdict":
            _choose(found, seed)
        if question.by_hand:
            _run(question.code("given"), found.namespace)
            return found
        if solve or (question.kind != "verdict" and _prints(question)):
            found.printed = _solve(found)
    except LatentbookError:
        raise
    except Exception as error:
        raise LatentbookError(
            f"{question.place}, question {question.id}: its own code fails: {reason(error)}"
        ) from error
    return found


def _solve(found: Ready) -> str:
    """Run given code and solution in a namespace of their own; return what they print."""
    question = found.question
    space = dict(found.namespace)
    session = Local(space)
    printed = []
    for code, kind in cells_of(found, solved=True):
        printed.append(session.run(code))
        if kind == "given" and not any(name in space for name in question.names):
            found.namespace = dict(space)
    found.solution = SimpleNamespace(**{name: space[name] for name in question.names})
    found.solved = space
    return "".join(printed)


def _prints(question: Question) -> bool:
    """Return whether statement or hint print a number of the run."""
    return any(source.expressions(b.text) for b in question.blocks if b.kind in ("text", "hint"))


def _run(code: str, namespace: dict[str, Any]) -> None:
    if code.strip():
        execute(code, namespace, "<given>")


def _choose(found: Ready, seed: int | None) -> None:
    """Execute the block of choices, and give every choice its letter."""
    question = found.question
    space = _chosen(question, found.namespace)
    choices = {str(text): bool(true) for text, true in dict(space["choices"]).items()}
    true = [text for text, is_true in choices.items() if is_true]
    if len(choices) < 3 or not 0 < len(true) < len(choices):
        raise LatentbookError(
            f"{question.place}, question {question.id}: of three choices or more at least one is "
            f"true and one is not; here {len(true)} of {len(choices)} are true"
        )
    order = np.random.default_rng([seed or 0, zlib.crc32(question.id.encode())])
    texts = [list(choices)[i] for i in order.permutation(len(choices))]
    found.choices = dict(zip(LETTERS, texts, strict=False))
    found.right = "".join(letter for letter, text in found.choices.items() if choices[text])
    found.namespace |= {"choices": found.choices}
    found.namespace |= {k: v for k, v in space.items() if k not in found.namespace}


#: Project and code of a block of choices -> what it defines; records do not change while we run.
_CHOSEN: dict[tuple[Path, str], dict[str, Any]] = {}


def _chosen(question: Question, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that a block of choices defines."""
    code = question.code("choices")
    key = (paths.root(), code)
    if key not in _CHOSEN:
        space = {**namespace, "evidence": evidence()}
        execute(code, space, f"<choices of {question.id}>")
        _CHOSEN[key] = space
    return _CHOSEN[key]


def cells_of(found: Ready, *, solved: bool) -> list[tuple[str, str]]:
    """Return the code cells of a question with their kinds: given, and the answer or its stub."""
    question = found.question
    if question.kind == "verdict":
        letters = ", ".join(f'"{letter}"' for letter in found.choices)
        several = ' or several, as in "ac"' if len(found.right) > 1 else ""
        right = f'"{found.right}"' if solved else "..."
        return [(f"{question.name} = {right}  # one of {letters}{several}", "answer")]
    parts = []
    for block in question.blocks:
        if block.kind == "given":
            parts.append((block.text, "given"))
        elif block.kind == "answer":
            parts.append((source.answer(question) if solved else source.stub(question), "answer"))
    return parts


def open_check(found: Ready) -> str:
    """Return the open checks of a question as students see them, or nothing."""
    question = found.question
    if question.kind == "verdict":
        letters = "".join(found.choices)
        return (
            f"assert isinstance({question.name}, str) and {question.name}, 'answer with a letter'\n"
            f"assert set({question.name}) <= set('{letters}'), 'the letters are {letters}'"
        )
    return question.code("check")


def mark(found: Ready, session: Session) -> Marks:
    """Run all tests of a question on an answer.

    The tests run here, on the values that the session hands over; its functions are called where
    they are.

    Parameters
    ----------
    found : Ready
    session : Session
        Has executed the answer.
    """
    question = found.question
    if question.by_hand:
        return Marks(question.id, 0.0, question.points, by_hand=True)
    tests = tests_of(found)
    try:
        values = {name: session.value(name) for name in question.names}
    except AnswerError as error:
        message = str(error)
        done = [Test(points, False, message) for _, points in tests]
        return Marks(question.id, 0.0, question.points, tuple(done))
    done = [_tested(code, points, found, values) for code, points in tests]
    total = sum(test.points for test in done if test.passed)
    return Marks(question.id, round(total, 6), question.points, tuple(done))


def tests_of(found: Ready) -> list[tuple[str, float]]:
    """Return the tests of a question with their points: the open ones, then the hidden ones."""
    question = found.question
    tests = [(open_check(found), 0.0)] if open_check(found) else []
    return tests + (_right_choice(found) if question.kind == "verdict" else question.marked)


def _right_choice(found: Ready) -> list[tuple[str, float]]:
    name = found.question.name
    said = "this is not what the records say"
    test = f"assert ''.join(sorted(set({name}))) == {found.right!r}, {said!r}"
    return [(test, float(found.question.points))]


def _tested(code: str, points: float, found: Ready, values: Mapping[str, Any]) -> Test:
    if any(value is ... for value in values.values()):
        return Test(points, False, "not answered")
    space = {**found.namespace, **values, "solution": found.solution}
    try:
        execute(code, space, f"<test of {found.question.id}>")
    except Exception as error:
        return Test(points, False, reason(error)[:500])
    return Test(points, True)


def values(found: Ready, text: str) -> dict[str, str]:
    """Return the value of every expression that a text prints, formatted.

    ``{eval}`expression:format` `` sees all names of the question with its solution.
    """
    space = dict(found.solved or found.namespace)
    shown = {}
    for expression in source.expressions(text):
        try:
            shown[expression] = str(eval("f" + repr("{" + expression + "}"), space))
        except Exception as error:
            raise LatentbookError(
                f"{found.question.place}, question {found.question.id}: "
                f"{{eval}}`{expression}` fails: {reason(error)}"
            ) from error
    return shown
