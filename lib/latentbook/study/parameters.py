"""The gate for parameters: allowed values, their profiles, and which combinations are possible.

A chapter lists its parameters in `latentbook.chapters.<package>.parameters`. This module holds the
kinds of parameters that such a list consists of, and the checks of values against it.
The pipeline checks before a kernel starts, and the first cell of a notebook checks again with the
same sentences.
Nothing heavy is imported, so that a wrong value is refused within a second.
"""

from __future__ import annotations

import ast
import math
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentbook import paths
from latentbook.errors import LatentbookError, choose
from latentbook.study import cells

Values = Mapping[str, Any]

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlevel = 2


def shown(value: object) -> str:
    """Return how a message writes a value, cut where it is long."""
    return _SHORT.repr(value)


def plain(number: float) -> str:
    """Return a bound as people write it: ``10,000``, ``0.001``, ``1e-09``."""
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


# ---------------------------------------------------------------- allowed values


@dataclass(frozen=True)
class Parameter:
    """A parameter of a chapter.

    Attributes
    ----------
    meaning : str
        Its meaning in a few words, with the unit.
    """

    meaning: str

    def check(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` is allowed for the parameter `name`."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Return the value that `text` on a command line stands for; by default the text itself."""
        return text

    def _refuse(self, name: str, value: Any, wanted: str) -> LatentbookError:
        """Return the error for a value that this parameter does not allow."""
        return LatentbookError(
            f"parameter {name} is {shown(value)}, but must be {wanted} ({self.meaning})"
        )

    def _check_text(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` is text."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            hint = f": put it in quotes (papermill makes a number of it: write -r {name} {value})"
            raise LatentbookError(f"parameter {name} is {shown(value)}, but must be text{hint}")
        if not isinstance(value, str):
            raise self._refuse(name, value, "text in quotes")


@dataclass(frozen=True)
class Number(Parameter):
    """A number from `low` to `high`, both included; `whole` ones are integers.

    With `or_zero`, 0 is allowed too; `meaning` says what it stands for.
    """

    low: float
    high: float
    whole: bool = True
    or_zero: bool = False

    def check(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` is an allowed number."""
        if not self._allows(value):
            raise self._refuse(name, value, self._wanted)

    def read(self, text: str) -> Any:
        """Return the number that `text` stands for, else `text` itself, which `check` refuses."""
        for kind in (int,) if self.whole else (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        return text

    def _allows(self, value: Any) -> bool:
        kinds = (int,) if self.whole else (int, float)
        if type(value) not in kinds or not math.isfinite(value):
            return False
        return self.low <= value <= self.high or (self.or_zero and value == 0)

    @property
    def _wanted(self) -> str:
        what = "a whole number" if self.whole else "a number"
        zero = "0 or " if self.or_zero else ""
        return f"{zero}{what} from {plain(self.low)} to {plain(self.high)}"


@dataclass(frozen=True)
class Choice(Parameter):
    """One of a few words."""

    allowed: Sequence[str]

    def check(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` is one of the words."""
        self._check_text(name, value)
        _choose(name, value, self.allowed)


@dataclass(frozen=True)
class Words(Parameter):
    """Some of a list of words, none of them twice.

    Attributes
    ----------
    separator : str, default=None
        Text between the words; None means spaces.
    least : int, default=1
        Smallest number of words.
    prefix : str, default=None
        Words that begin with it are allowed too, such as ``pyod:`` and the name of a class.
    """

    allowed: Sequence[str]
    separator: str | None = None
    least: int = 1
    prefix: str | None = None

    def check(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` consists of allowed words."""
        self._check_text(name, value)
        chosen = self.split(value)
        for word in chosen:
            if not (self.prefix and word.startswith(self.prefix) and word != self.prefix):
                _choose(f"word in parameter {name}", word, self.allowed)
        _check_distinct(name, value, chosen)
        if len(chosen) < self.least:
            between = "spaces" if self.separator is None else "commas"
            wanted = f"one or more of {', '.join(self.allowed)}, with {between} between them"
            raise self._refuse(name, value, wanted)

    def split(self, text: str) -> list[str]:
        """Return the words of `text`."""
        if self.separator is None:
            return text.split()
        return [word.strip() for word in text.split(self.separator)] if text.strip() else []


@dataclass(frozen=True)
class Numbers(Parameter):
    """Numbers in one text with spaces between them, each from `low` to `high`.

    Attributes
    ----------
    least, most : int
        Smallest and largest count of numbers.
    distinct : bool, default=True
        Whether a number may occur only once.
    """

    low: float
    high: float
    whole: bool = True
    least: int = 1
    most: int = 100
    distinct: bool = True

    def check(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` consists of allowed numbers."""
        self._check_text(name, value)
        kind = int if self.whole else float
        try:
            parsed = numbers(name, value, kind)
        except LatentbookError:
            raise self._refuse(name, value, self._wanted) from None
        good = all(self.low <= number <= self.high for number in parsed)
        if not good or not self.least <= len(parsed) <= self.most:
            raise self._refuse(name, value, self._wanted)
        if self.distinct:
            _check_distinct(name, value, parsed)

    @property
    def _wanted(self) -> str:
        what = "whole numbers" if self.whole else "numbers"
        many = f"{self.least} to {self.most} " if self.most < 100 else ""
        example = "'2 10 32'" if self.whole else "'0.1 0.5'"
        return (
            f"{many}{what} from {plain(self.low)} to {plain(self.high)} in quotes, with spaces "
            f"between them, in the form of {example}" + (", or empty" if not self.least else "")
        )


@dataclass(frozen=True)
class Text(Parameter):
    """Any text that passes `test`, which gets name and text and raises `LatentbookError`."""

    test: Callable[[str, str], None] | None = None

    def check(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` is text that passes the test."""
        self._check_text(name, value)
        if "\0" in value:
            raise self._refuse(name, value, "text without null characters")
        if self.test:
            self.test(name, value)


@dataclass(frozen=True)
class Like(Parameter):
    """A value of the type of an example, for a chapter without a list of parameters."""

    example: Any = None

    def check(self, name: str, value: Any) -> None:
        """Raise `LatentbookError` unless `value` is of the type of the example."""
        if not _agrees(value, self.example):
            raise LatentbookError(
                f"parameter {name} is {shown(value)}, but must be of type "
                f"{_type_name(self.example)}, like {shown(self.example)}"
            )

    def read(self, text: str) -> Any:
        """Read `text` as a profile would, unless the example is text."""
        import yaml

        if isinstance(self.example, str):
            return text
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            raise LatentbookError(
                f"cannot read the value {shown(text)}: write it as in a profile"
            ) from None


def _agrees(value: Any, example: Any) -> bool:
    """Say whether `value` has the type of `example`; an int is allowed for a float."""
    if isinstance(example, list | tuple):
        if not isinstance(value, list | tuple):
            return False
        return not example or all(_agrees(item, example[0]) for item in value)
    if isinstance(example, float):
        return type(value) in (int, float) and math.isfinite(value)
    return example is None or type(value) is type(example)


def _type_name(example: Any) -> str:
    """Return the name of the type of a parameter in a message."""
    if isinstance(example, list | tuple) and example:
        return f"list of {type(example[0]).__name__}"
    return type(example).__name__


def _choose(kind: str, word: str, allowed: Iterable[str]) -> None:
    choose(kind, word if len(word) <= 60 else word[:57] + "...", allowed)


def _check_distinct(name: str, value: str, items: Sequence[Any]) -> None:
    twice = [item for i, item in enumerate(items) if item in items[:i]]
    if twice:
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, which has {shown(twice[0])} twice: leave one out"
        )


# ---------------------------------------------------------------- a chapter's list


@dataclass(frozen=True)
class Gate:
    """The conditions on the parameters of one chapter.

    Attributes
    ----------
    chapter : str
        File name of the notebook without suffix.
    parameters : mapping
        Name -> allowed values.
    combinations : sequence of callables
        Each gets all values and raises `LatentbookError` if they cannot work together.
    """

    chapter: str
    parameters: Mapping[str, Parameter]
    combinations: Sequence[Callable[[Values], None]] = field(default=())

    def check(self, values: Values) -> None:
        """Raise `LatentbookError` unless each value by itself is allowed."""
        for name, value in values.items():
            choose(f"parameter of chapter {self.chapter}", name, self.parameters)
            self.parameters[name].check(name, value)

    def check_together(self, values: Values) -> None:
        """Raise `LatentbookError` unless all values can work together."""
        for combination in self.combinations:
            combination(values)


def at_most(values: Values, name: str, limit: float, why: str) -> None:
    """Raise `LatentbookError` with the reason `why` if the number `name` is above `limit`."""
    if values[name] > limit:
        raise LatentbookError(
            f"parameter {name} is {plain(values[name])}, but must be at most {plain(limit)}, {why}"
        )


def each_at_most(values: Values, name: str, limit: float, why: str) -> None:
    """Raise `LatentbookError` if the largest number in the text `name` is above `limit`."""
    largest = max((float(word) for word in values[name].split()), default=0.0)
    if largest > limit:
        raise LatentbookError(
            f"parameter {name} is {shown(values[name])}, but its numbers must be at most "
            f"{plain(limit)}, {why}"
        )


def has(values: Values, name: str, *words: str) -> bool:
    """Say whether the parameter `name`, a list of words, contains one of `words`."""
    return bool(set(values[name].split()) & set(words))


def file_or_empty(name: str, value: str) -> None:
    """Raise `LatentbookError` unless `value` is empty or the path of a file."""
    if value and not exists(value):
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, but there is no such file (seen from "
            f"{paths.root()}): give the path of a file, or leave it empty"
        )


def exists(path: str) -> bool:
    """Say whether a file exists, seen from the folder of the project or the working directory."""
    try:
        path = str(Path(path).expanduser())
        return (paths.root() / path).is_file() or Path(path).is_file()
    except (OSError, RuntimeError, ValueError):
        return False


#: Parameters that every chapter has.
PROFILE = Text("the profile that the records name")
SEED = Number("of everything random", 0, 2**31 - 1)


# ---------------------------------------------------------------- notebooks and profiles


def of_notebook(notebook: Path | str) -> dict[str, Any]:
    """Return the names and values in the cell of `notebook` that is tagged ``parameters``.

    Raises
    ------
    LatentbookError
        If there is not exactly one such cell, or it holds other lines than ``name = literal``.
    """
    notebook = Path(notebook)
    tagged = [cell for cell in cells.code(notebook) if "parameters" in cell.tags]
    if len(tagged) != 1:
        raise LatentbookError(
            f"{notebook.name} has {len(tagged)} cells tagged 'parameters': give it exactly one"
        )
    values: dict[str, Any] = {}
    for statement in cells.parse(tagged[0].source, notebook.name).body:
        try:
            name, value = cells.assignment(statement)
        except ValueError:
            line = ast.unparse(statement).splitlines()[0]
            raise LatentbookError(
                f"the parameters cell of {notebook.name} may only hold lines of the form "
                f"'name = literal', not {line!r}"
            ) from None
        values[name] = value
    return values


def of_profile(notebook: Path, profile: str) -> dict[str, Any]:
    """Return the values that a profile sets for `notebook`, one for every parameter.

    Raises
    ------
    LatentbookError
        For a profile that is unknown or cannot be read, for a chapter that it does not mention,
        and for a parameter that it does not set.
    """
    content = _profile(notebook.parent / "profiles", profile)
    known = [path.stem for path in cells.notebooks(notebook.parent)]
    for chapter in content:
        choose(f"chapter in profile {profile}", chapter, known)
    if notebook.stem not in content:
        raise LatentbookError(f"profile {profile} does not mention chapter {notebook.stem}: add it")
    values = content[notebook.stem] or {}
    missing = [name for name in of_notebook(notebook) if name not in values]
    if missing:
        raise LatentbookError(
            f"profile {profile} does not set {', '.join(missing)} of chapter {notebook.stem}"
        )
    if values.get("profile", profile) != profile:
        raise LatentbookError(
            f"profile {profile} sets profile={values['profile']!r} in chapter {notebook.stem}: "
            f"write {profile!r}"
        )
    return dict(values)


def profiles(folder: Path) -> list[str]:
    """Return the names of the profiles in `folder`."""
    return sorted(path.stem for path in folder.glob("*.yml"))


def _profile(folder: Path, profile: str) -> dict[str, dict[str, Any] | None]:
    """Return the content of one profile file."""
    import yaml

    choose("profile", profile, profiles(folder))
    file = folder / f"{profile}.yml"
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # several times as fast
        content = yaml.load(file.read_text(encoding="utf-8"), loader) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise LatentbookError(f"{file.name} is not valid YAML: {reason}") from error
    if not isinstance(content, dict) or not all(
        isinstance(values, dict) or values is None for values in content.values()
    ):
        raise LatentbookError(f"{file.name} must read 'chapter: {{parameter: value}}' throughout")
    return {str(chapter): values for chapter, values in content.items()}


def check(
    notebook: Path, gate: Gate, profile: str = "quick", overrides: Values | None = None
) -> dict[str, Any]:
    """Return the parameters of `notebook`, set by `profile` and then by `overrides`.

    Raises
    ------
    LatentbookError
        For a profile or a parameter that is unknown or missing, and for values that `gate`
        refuses. It is raised before anything runs.
    """
    values = of_profile(notebook, profile)
    stated = (overrides or {}).get("profile", profile)
    if stated != profile:
        choose("profile", str(stated), profiles(notebook.parent / "profiles"))
        raise LatentbookError(
            f"parameter profile is {shown(stated)}, but this run takes its values from profile "
            f"{profile}: write --profile {stated} instead"
        )
    given = {**values, **(overrides or {})}
    gate.check(given)
    gate.check_together(given)
    return given


# ---------------------------------------------------------------- several values in one text


def words(kind: str, text: str, allowed: Iterable[str]) -> list[str]:
    """Split a parameter such as ``"raw pca50"`` into words, each of which must be allowed."""
    allowed = list(allowed)
    return [choose(kind, word, allowed) for word in text.split()]


def numbers(name: str, text: str, kind: type = int) -> list[Any]:
    """Return the numbers in a parameter such as ``"2 10 32"``.

    Raises
    ------
    LatentbookError
        If a word is not a number of that kind.
    """
    try:
        return [kind(word) for word in text.split()]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise LatentbookError(
            f"the parameter {name} is {text!r}, but must hold {what} with spaces between them, "
            "such as '2 10 32'"
        ) from None
