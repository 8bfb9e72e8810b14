"""Questions as they are written: ``exercises/NN-name.md``, read into chapters and questions.

``exercises/README.md`` says how a question is written.
Nothing is executed here; numbers that depend on a run are left to `running`.
"""

from __future__ import annotations

import ast
import os
import re
import textwrap
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from latentbook import paths
from latentbook.errors import LatentbookError
from latentbook.study import cells

#: Kind of a question -> what it asks for.
KINDS = {
    "predict": "predict, then measure",
    "implement": "implement it",
    "bug": "find the bug",
    "verdict": "read a verdict",
    "own": "your own data",
    "written": "write",
}
#: What a block of Python can be for, and a block of prose.
CODE = ("setup", "given", "answer", "stub", "check", "hidden", "wrong", "choices")
PROSE = ("hint", "discussion")
_FIELDS = {"id", "kind", "level", "minutes", "points", "graded", "objective"}
_OPTIONAL = {"variants", "rubric"}
_BEGIN, _END = "# BEGIN SOLUTION", "# END SOLUTION"
_FENCE = re.compile(r"^(?P<ticks>`{3,}|:{3,})(?P<info>.*)$")
_ROLE = re.compile(r"\{([\w:-]+)\}`")
_VARIANT = re.compile(r"\{\{ ?(\w+) ?\}\}")
_EVAL = re.compile(r"\{eval\}`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A part of a question: prose, or code for a purpose.

    Attributes
    ----------
    kind : str
        ``text``, or an entry of `CODE` or `PROSE`.
    text : str
    about : str
        Words after the kind: the mistake of a wrong answer, the weight of a hidden test.
    """

    kind: str
    text: str
    about: str = ""


@dataclass(frozen=True)
class Question:
    """A question with everything that belongs to it.

    Attributes
    ----------
    id, title, kind, objective : str
    level : int
        1 (easy) to 3.
    minutes, points : int
    graded : bool
        Whether it counts, so that the book shows no solution.
    blocks : tuple of Block
        In the order of the source.
    variants : mapping of str to list
        Values of which a student gets one each.
    rubric : mapping of str to float
        What a written answer is marked for -> points.
    place : str
        File and line.
    """

    id: str
    title: str
    kind: str
    level: int
    minutes: int
    points: int
    graded: bool
    objective: str
    blocks: tuple[Block, ...]
    variants: Mapping[str, list[Any]] = field(default_factory=dict)
    rubric: Mapping[str, float] = field(default_factory=dict)
    place: str = ""

    def of(self, kind: str) -> list[Block]:
        """Return the blocks of a kind."""
        return [block for block in self.blocks if block.kind == kind]

    def code(self, kind: str) -> str:
        """Return the code of all blocks of a kind."""
        return "\n".join(block.text for block in self.of(kind))

    @property
    def by_hand(self) -> bool:
        """Whether a person marks it."""
        return self.kind == "written"

    @property
    def name(self) -> str:
        """Its variable, in a question of several choices."""
        return self.id.replace("-", "_")

    @property
    def names(self) -> list[str]:
        """The names that an answer must define: those that the stub names."""
        return [self.name] if self.kind == "verdict" else bound(stub(self))

    @property
    def marked(self) -> list[tuple[str, float]]:
        """The hidden tests, each with the points it is worth."""
        hidden = self.of("hidden")
        weights = [float(block.about or 1) for block in hidden]
        return [
            (block.text, self.points * weight / sum(weights))
            for block, weight in zip(hidden, weights, strict=True)
        ]


@dataclass(frozen=True)
class Chapter:
    """The questions of a chapter.

    Attributes
    ----------
    stem : str
        As the chapter's notebook, such as ``01-dimensionality-reduction``.
    title, needs, text : str
        Needs are the prerequisites in a line, and text an introduction.
    setup : str
        Code that runs before every question.
    questions : tuple of Question
    """

    stem: str
    title: str
    needs: str
    text: str
    setup: str
    questions: tuple[Question, ...]

    def question(self, name: str) -> Question:
        """Return the question called `name`."""
        return {question.id: question for question in self.questions}[name]


def folder() -> Path:
    """Return the folder of the public questions."""
    return paths.root() / "exercises"


def private() -> Path | None:
    """Return the folder of a teacher's own questions, ``$LATENTBOOK_TEACH``, if it is set.

    Raises
    ------
    LatentbookError
        If there is no such folder.
    """
    stated = os.environ.get("LATENTBOOK_TEACH")
    if stated and not Path(stated).is_dir():
        raise LatentbookError(
            f"LATENTBOOK_TEACH is {stated}, which is no folder: create it or unset the variable"
        )
    return Path(stated) if stated else None


def chapters(*, own: bool = True) -> list[Chapter]:
    """Return all chapters that have questions, in reading order.

    Parameters
    ----------
    own : bool, default=True
        Whether the questions in ``$LATENTBOOK_TEACH`` come too: one with the name of a public
        question takes its place, the others follow.
    """
    found = {path.stem: read(path) for path in sorted(folder().glob("[0-9]*.md"))}
    extra = private() if own else None
    for path in sorted(extra.glob("[0-9]*.md")) if extra else []:
        mine = read(path)
        found[path.stem] = _joined(found[path.stem], mine) if path.stem in found else mine
    return [found[stem] for stem in sorted(found)]


def _joined(public: Chapter, own: Chapter) -> Chapter:
    mine = {question.id: question for question in own.questions}
    kept = [mine.pop(question.id, question) for question in public.questions]
    setup = "\n".join(filter(None, (public.setup, own.setup)))
    return replace(public, setup=setup, questions=(*kept, *mine.values()))


# ---------------------------------------------------------------- reading


def read(path: Path) -> Chapter:
    """Read a file of questions.

    Raises
    ------
    LatentbookError
        If something is missing or cannot be read: it names file, line and what is allowed.
    """
    known = [notebook.stem for notebook in cells.notebooks(paths.notebooks())]
    if path.stem not in known:
        raise LatentbookError(
            f"{path.name} belongs to no chapter: call it one of {', '.join(known)}, with .md"
        )
    text = path.read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2) if text.startswith("---\n") else ("", "", text)
    first = 1 + text[: len(text) - len(body)].count("\n")
    about = _yaml(front, f"{path.name}, line 1")
    if missing := {"title", "needs"} - set(about):
        raise LatentbookError(f"{path.name} begins without {', '.join(sorted(missing))}")
    parts = list(_parts(body, path.name, first))
    heads = [i for i, (line, _) in enumerate(parts) if isinstance(line, str)]
    intro = [block for _, block in parts[: heads[0] if heads else None]]
    questions = []
    for begin, end in zip(heads, [*heads[1:], len(parts)], strict=True):
        title, place = str(parts[begin][0]), parts[begin][1].about
        questions.append(_question(title, place, [block for _, block in parts[begin + 1 : end]]))
    _refuse_doubles(path.name, questions)
    return Chapter(
        path.stem,
        str(about["title"]),
        str(about["needs"]),
        "\n\n".join(block.text for block in intro if block.kind == "text"),
        "\n".join(block.text for block in intro if block.kind == "setup"),
        tuple(questions),
    )


def _yaml(text: str, place: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise LatentbookError(f"{place}: this is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise LatentbookError(f"{place}: write one 'name: value' a line")
    return found


def _parts(body: str, name: str, first: int) -> Iterator[tuple[str | None, Block]]:
    """Yield the blocks of a text; a heading comes as its title, with its place."""
    prose: list[str] = []
    lines = body.split("\n")
    row = 0

    def flush() -> Iterator[tuple[str | None, Block]]:
        text = "\n".join(prose).strip()
        prose.clear()
        if text:
            yield None, Block("text", text)

    while row < len(lines):
        line, place = lines[row], f"{name}, line {first + row}"
        fence = _FENCE.match(line)
        if line.startswith("## "):
            yield from flush()
            yield line[3:].strip(), Block("heading", "", place)
        elif line.startswith("# "):
            raise LatentbookError(f"{place}: leave the title to the front matter")
        elif fence:
            end = row + 1
            while end < len(lines) and lines[end].rstrip() != fence["ticks"]:
                end += 1
            if end == len(lines):
                raise LatentbookError(f"{place}: this block is never closed")
            inside = "\n".join(lines[row + 1 : end])
            block = _block(fence["info"].strip(), inside, place)
            if block:
                yield from flush()
                yield None, block
            else:
                prose.extend(lines[row : end + 1])
            row = end
        else:
            prose.append(line)
        row += 1
    yield from flush()


def _block(info: str, inside: str, place: str) -> Block | None:
    """Return the block that a fence opens; None if it is a part of the prose."""
    if info in ("yaml question",):
        return Block("question", inside, place)
    if info in [f"{{{kind}}}" for kind in PROSE]:
        return Block(info[1:-1], inside.strip())
    words = info.split(None, 2)
    if words[:1] != ["python"] or len(words) < 2:
        return None
    if words[1] not in CODE:
        raise LatentbookError(
            f"{place}: a block of python is for one of {', '.join(CODE)}, not {words[1]!r}"
        )
    return Block(words[1], inside.strip("\n"), words[2].lstrip(": ") if len(words) > 2 else "")


def _question(title: str, place: str, blocks: list[Block]) -> Question:
    """Make a question of its blocks, or say what it lacks."""
    heads = [block for block in blocks if block.kind == "question"]
    if len(heads) != 1:
        raise LatentbookError(
            f"{place}: a question has one block 'yaml question', not {len(heads)}"
        )
    about = _yaml(heads[0].text, heads[0].about)
    if wrong := (_FIELDS - set(about)) | (set(about) - _FIELDS - _OPTIONAL):
        raise LatentbookError(
            f"{heads[0].about}: fields are {', '.join(sorted(_FIELDS))} and, if wanted, "
            f"{', '.join(sorted(_OPTIONAL))}; wrong or missing here: {', '.join(sorted(wrong))}"
        )
    rest = tuple(block for block in blocks if block.kind != "question")
    question = Question(title=title, blocks=rest, place=heads[0].about, **about)
    _check(question)
    return question


def _check(question: Question) -> None:
    """Raise where a question is incomplete."""

    def refuse(what: str) -> None:
        raise LatentbookError(f"{question.place}, question {question.id}: {what}")

    if not re.fullmatch(r"[a-z][a-z0-9-]*", question.id):
        refuse("an id is written as in 'own-data': small letters, digits and hyphens")
    if question.kind not in KINDS:
        refuse(f"the kind is one of {', '.join(KINDS)}, not {question.kind!r}")
    if question.level not in (1, 2, 3):
        refuse("the level is 1, 2 or 3")
    if question.minutes <= 0 or question.points < 0 or (question.graded and not question.points):
        refuse("minutes are positive, and so are the points of a graded question")
    shown = "".join(b.text for b in question.blocks if b.kind in ("text", "hint"))
    if question.graded and (roles := sorted(set(_ROLE.findall(shown)) - {"eval"})):
        refuse(f"a notebook that is handed out does not understand {{{roles[0]}}}: say it in words")
    if question.graded and "<!-- claim" in question.code("discussion"):
        refuse(
            "the discussion of a graded question makes no claim: the page of claims would show it"
        )
    if not question.of("text"):
        refuse("it says nothing: write the statement as prose")
    if question.kind == "written":
        if not question.rubric or sum(question.rubric.values()) != question.points:
            refuse(f"a rubric gives all of its {question.points} points")
        return
    if question.kind == "verdict":
        if len(question.of("choices")) != 1:
            refuse("a verdict has one block 'python choices'")
        return
    if len(question.of("answer")) != 1:
        refuse("it has one block 'python answer'")
    region(question)
    if question.graded and len(question.of("wrong")) < 2:
        refuse("a graded question has two blocks 'python wrong' or more")
    if question.graded and not question.of("hidden"):
        refuse("a graded question has a block 'python hidden' or more")
    for kind in ("check", "given"):
        if re.search(r"\bsolution\.", question.code(kind)):
            refuse(f"students see 'python {kind}': it cannot use the solution")


def _refuse_doubles(name: str, questions: list[Question]) -> None:
    ids = [question.id for question in questions]
    names = [name for question in questions if not question.by_hand for name in question.names]
    for kind, found in (("id", ids), ("name in answers", names)):
        if double := sorted({one for one in found if found.count(one) > 1}):
            raise LatentbookError(f"{name}: the {kind} {double[0]!r} stands twice")


# ---------------------------------------------------------------- answers


def region(question: Question) -> tuple[list[str], list[str], list[str]]:
    """Return the lines of an answer before, in and after the marked solution.

    Raises
    ------
    LatentbookError
        If the marks do not stand there once each.
    """
    lines = question.code("answer").split("\n")
    marks = [[i for i, line in enumerate(lines) if line.strip() == mark] for mark in (_BEGIN, _END)]
    if [len(found) for found in marks] != [1, 1] or marks[0][0] > marks[1][0]:
        raise LatentbookError(
            f"{question.place}, question {question.id}: its answer has one line '{_BEGIN}' and, "
            f"below it, one line '{_END}'"
        )
    begin, end = marks[0][0], marks[1][0]
    return lines[:begin], lines[begin + 1 : end], lines[end + 1 :]


def answer(question: Question, replaced: str | None = None) -> str:
    """Return the code of an answer: the solution, or another text in its place.

    Parameters
    ----------
    question : Question
    replaced : str, optional
        What stands where the solution is marked, indented as it.
    """
    before, inside, after = region(question)
    if replaced is not None:
        depth = next((len(s) - len(s.lstrip()) for s in inside if s.strip()), 0)
        inside = textwrap.indent(textwrap.dedent(replaced), " " * depth).split("\n")
    return "\n".join([*before, *inside, *after]).strip("\n")


def stub(question: Question) -> str:
    """Return the answer cell that students get."""
    own = question.of("stub")
    return answer(question, own[0].text if own else _emptied(question))


def _emptied(question: Question) -> str:
    """Return a solution without its content: names stay, and the heads of functions."""
    inside = textwrap.dedent("\n".join(region(question)[1]))
    if next((line for line in region(question)[1] if line.strip()), "").startswith(" "):
        return "..."  # in a function
    lines = []
    for statement in ast.parse(inside).body:
        if isinstance(statement, ast.FunctionDef):
            documented = isinstance(statement.body[0], ast.Expr) and ast.get_docstring(statement)
            kept = statement.body[:1] if documented else []
            statement.body = [*kept, ast.Expr(ast.Constant(...))]
            lines += [ast.unparse(statement), ""]
        else:
            lines += [f"{name} = ..." for name in bound(ast.unparse(statement))]
    return "\n".join(lines).strip("\n") or "..."


def bound(code: str) -> list[str]:
    r"""Return the public names that a piece of code defines at its top, each once.

    Examples
    --------
    >>> bound("import numpy as np\n_a, b = 1, 2\ndef f(x): c = x")
    ['b', 'f']
    """
    names: dict[str, None] = {}
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names[statement.name] = None
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                for node in ast.walk(target):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        names[node.id] = None
    return [name for name in names if not name.startswith("_")]


# ---------------------------------------------------------------- variants


def variant(question: Question, seed: int | None) -> Question:
    """Return the question with ``{{name}}`` replaced everywhere by a student's values.

    Parameters
    ----------
    question : Question
    seed : int or None
        The student's seed. None takes the first value of each list, as the book does.
    """
    if not question.variants:
        return question
    values = {}
    for name, allowed in question.variants.items():
        key = [seed or 0, zlib.crc32(f"{question.id} {name}".encode())]
        pick = 0 if seed is None else int(np.random.default_rng(key).integers(len(allowed)))
        values[name] = str(allowed[pick])

    def put(text: str) -> str:
        return _VARIANT.sub(lambda found: values.get(found[1], found[0]), text)

    blocks = tuple(replace(b, text=put(b.text), about=put(b.about)) for b in question.blocks)
    return replace(
        question, blocks=blocks, objective=put(question.objective), title=put(question.title)
    )


def of_student(chapter: Chapter, seed: int | None) -> Chapter:
    """Return a chapter with every question as a student with this seed gets it."""
    return replace(chapter, questions=tuple(variant(q, seed) for q in chapter.questions))


def expressions(text: str) -> list[str]:
    """Return the expressions whose values a text prints, without their formats."""
    return [found[1] for found in _EVAL.finditer(text)]


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with every ``{eval}`` replaced by its value."""
    return _EVAL.sub(lambda found: values[found[1]], text)
