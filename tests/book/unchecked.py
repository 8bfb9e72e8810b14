"""Prose that states results without a claim: decimals, counts of runs, sizes, superlatives."""

from __future__ import annotations

import ast
import csv
import functools
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from latentbook import paths
from latentbook.study import prose

_NUMBER = (
    r"(?:\d[\d,]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
    r"fifteen|sixteen|seventeen|eighteen|nineteen|twenty|none|all|both|most)"
)
_THINGS = (
    r"(?:runs?|seeds?|networks?|restarts?|starts|pairs|data sets|methods|detectors|columns|cases|"
    r"representations|rows|uses|levels|metrics|scores)"
)
#: Counts of runs: "five of six runs", "3 seeds", "one of five", "none of the networks".
COUNT = re.compile(
    rf"\b{_NUMBER} of (?:the |our |its )?{_NUMBER}\b(?: {_THINGS}\b)?|"
    rf"\b{_NUMBER} of (?:the |our |its )?{_THINGS}\b|"
    r"\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty)(?: [a-z]+)? "
    r"(?:runs|seeds|networks|restarts)\b",
    re.IGNORECASE,
)
#: Sizes without decimals: "18%", "4 percentage points", "two hundredths".
SIZE = re.compile(
    rf"(?<![\w.,]){_NUMBER}(?: to {_NUMBER})?(?:\s?%| ?percent\b| per cent\b| percentage points?\b|"
    r" hundredths?\b| thousandths?\b)",
    re.IGNORECASE,
)
#: Superlatives of results, and words that rank one method before others.
SUPERLATIVE = re.compile(
    r"\b(?:best|worst|highest|lowest|strongest|weakest|fastest|slowest|"
    r"(?:most|least) (?:accurate|precise|stable|useful|expensive)|"
    r"(?:larg|small|bigg|great)est (?:gain|effect|difference|loss|drop|error|spread|improvement)s?|"
    r"only (?:method|network|run|representation|detector|data set|setting|clear|real)|"
    r"beats?|outperforms?|wins?|leads|unbeaten|hard to beat|"
    r"(?:better|worse|higher|lower|more accurate) than (?:any|every|all|both|each))\b",
    re.IGNORECASE,
)
_APART = re.compile(
    r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|https?://\S+|"
    r"\b(?:page|section|table|figure)s? \d+(?:\.\d+)*(?:(?:,|,? and| to|-|–)\s?\d+(?:\.\d+)*)*",
    re.IGNORECASE,
)
_MARK = re.compile(r".*<!-- claim: [^>]*? -->")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE = re.compile(r"^(?P<ticks>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
#: Directives whose words are prose; other fences hold code.
_DIRECTIVE = re.compile(r"\{(?!code|math|literalinclude)")
_OPTION = re.compile(r"^:(?P<name>[\w-]+):(?P<value>.*)$")


@dataclass(frozen=True)
class Finding:
    """What stands in a text without a claim.

    Attributes
    ----------
    kind : str
        ``decimal``, ``count``, ``size`` or ``superlative``.
    words : str
    text : str
        Line, caption or alternative text in which it stands.
    place : str
        File, and line or cell.
    """

    kind: str
    words: str
    text: str
    place: str

    def __str__(self) -> str:
        """Return it in a line."""
        return f"{self.place}: {self.kind} {self.words!r} in {self.text.strip()!r}"


def of_file(
    source: Path, name: str, constants: Sequence[str] = ()
) -> tuple[list[Finding], set[str]]:
    """Return what a page or notebook states without a claim, and the constants that it uses."""
    found: list[Finding] = []
    used: set[str] = set()
    for place, text in unmarked(source):
        for kind, start, end in stated(text):
            holding = {c for c in constants if _holds(text, c, start, end)}
            used |= holding
            if not holding:
                found.append(Finding(kind, text[start:end], text, f"{name}{place}"))
    return found, used


def _holds(text: str, constant: str, start: int, end: int) -> bool:
    """Return whether a constant stands in a text, around the words from `start` to `end`."""
    places = (match.start() for match in re.finditer(re.escape(constant), text))
    return any(place <= start and end <= place + len(constant) for place in places)


def stated(text: str) -> list[tuple[str, int, int]]:
    """Return kind, start and end of everything in a text that must be true of records."""
    blank = _APART.sub(lambda found: " " * len(found.group()), text)
    found = [("count", *match.span()) for match in COUNT.finditer(blank)]
    found += [("size", *match.span()) for match in SIZE.finditer(blank)]
    found += [("superlative", *match.span()) for match in SUPERLATIVE.finditer(blank)]
    end = 0
    for number in prose.numbers(blank):
        start, end = re.compile(rf"(?<!\w){re.escape(number)}").search(blank, end).span()
        if "." in number and not is_published(number):
            found.append(("decimal", start, end))
    return sorted(found, key=lambda one: one[1])


def is_published(number: str) -> bool:
    """Return whether a source prints a number of three decimals, or its first four or more."""
    digits = number.lstrip("+-−").replace(",", "")
    values = _published()
    decimals = len(digits.partition(".")[2])
    if decimals < 3:  # so short that a result may look like one
        return False
    if float(digits) in values:
        return True
    return decimals >= 4 and any(
        float(digits) in (round(value, decimals), math.floor(value * 10**decimals) / 10**decimals)
        for value in values
    )


@functools.cache
def _published() -> frozenset[float]:
    values: set[float] = set()
    for source in paths.published().glob("*.csv"):
        with source.open(encoding="utf-8", newline="") as file:
            values |= {float(row["value"]) for row in csv.DictReader(file)}
    return frozenset(values)


def unmarked(source: Path) -> Iterator[tuple[str, str]]:
    """Yield place and text of all prose of a page or notebook that no mark covers."""
    content = source.read_text(encoding="utf-8")
    if source.suffix != ".ipynb":
        for row, line in _lines(content):
            yield f", line {row}", line
        return
    for position, cell in enumerate(json.loads(content)["cells"]):
        if cell["cell_type"] == "markdown":
            for _, line in _lines("".join(cell["source"])):
                yield f", cell {position}", line
        shown = cell["metadata"].get("mystnb", {})
        texts = {
            "caption": shown.get("figure", {}).get("caption"),
            "alt": shown.get("image", {}).get("alt"),
        }
        for kind, text in texts.items():
            if text and kind not in cell["metadata"].get("claims", {}):
                yield f", cell {position}, {kind}", text


def _lines(content: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of Markdown without code, equations, options, marked sentences, comments."""
    fences: list[tuple[str, bool]] = []  # how each open fence is written, and whether it is prose
    equation, before = False, ""
    for row, line in enumerate(content.split("\n"), start=1):
        fence, option = _FENCE.match(line.strip()), _OPTION.match(line.strip())
        in_prose = not fences or fences[-1][1]
        if fence and fences and fence["ticks"] == fences[-1][0] and not fence["info"]:
            fences.pop()
        elif fence and in_prose:
            fences.append((fence["ticks"], bool(_DIRECTIVE.match(fence["info"]))))
        elif in_prose and line.strip() == "$$":
            equation = not equation
        elif line.startswith("    ") and not before.strip():
            continue  # code, which is indented below an empty line
        elif in_prose and not equation and (not option or option["name"] in ("alt", "caption")):
            yield row, _COMMENT.sub("", _MARK.sub("", option["value"] if option else line))
        before = line


def of_code(
    source: Path, name: str, constants: Sequence[str] = ()
) -> tuple[list[Finding], set[str]]:
    """Return decimals in the strings of a module, docstrings and formats left out."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec:
            apart |= {id(part) for part in ast.walk(node.format_spec)}
    found: list[Finding] = []
    used: set[str] = set()
    for node in ast.walk(tree):
        text = getattr(node, "value", None)
        if not isinstance(node, ast.Constant) or not isinstance(text, str) or id(node) in apart:
            continue
        if " " not in text:  # a name, or a style of Matplotlib
            continue
        for kind, start, end in stated(text):
            holding = {c for c in constants if _holds(text, c, start, end)}
            used |= holding
            if kind == "decimal" and not holding:
                found.append(Finding(kind, text[start:end], text, f"{name}, line {node.lineno}"))
    return found, used
