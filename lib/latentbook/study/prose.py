"""Prose that states results: its marked sentences, the numbers in them, and how they are rewritten.

A sentence that states a result ends with an invisible mark, which names its claim::

    One of six runs ends at 0.974. <!-- claim: 04-best-run -->

The mark covers its line up to the mark before it.
Captions and alternative texts, which cannot hold a mark, are named in the metadata of their cell:
``"claims": {"caption": "04-spread"}``.
What a claim is, and what its numbers should be, is said in `claims`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentbook.errors import LatentbookError

_MARK = re.compile(r"<!-- claim: (?P<name>[^>]*?) -->")
#: Words of counts by their value; *one* and *none* count in front of *of* only.
_WORDS = (
    *("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
)
_COUNT = "|".join(_WORDS[2:])
#: What holds no result: code, mathematics, roles, addresses, and numbers of pages and figures.
_APART = re.compile(
    r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)|https?://\S+|"
    r"\b(?:page|section|figure|table|equation|listing|appendix|chapter|seed|step)s?\s"
    r"\d+(?:\.\d+)*(?:(?:,|,? and| to|-|–)\s?\d+(?:\.\d+)*)*",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"(?<![\w.−-])(?P<sign>[−+-](?=\d))?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<part>\.\d+)?"
    r"(?!-?[A-Za-z]|\w)"
    rf"|(?<![\w-])(?P<word>{_COUNT}|(?:one|none)(?=\sof\b))(?![\w-])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Statement:
    """A sentence, caption or alternative text that states a result.

    Attributes
    ----------
    claim : str
        Name of the claim that it makes.
    text : str
        As people read it, without the mark.
    place : str
        File, and cell of a notebook, such as ``notebooks/03-two-stage-clustering.ipynb, cell 31``.
    """

    claim: str
    text: str
    place: str


def numbers(text: str) -> list[str]:
    """Return the numbers that a sentence prints, in their order, as they are spelled.

    Digits count, and so do the words from *two* to *twenty*, *one of* and *none of*.
    Numbers in code, mathematics and addresses, in names such as UMAP2, and those of pages, sections
    and figures do not.

    Examples
    --------
    >>> numbers("On page 98, five of six runs of UMAP2 end between 0.878 and 12.5%.")
    ['five', 'six', '0.878', '12.5']
    """
    return [match.group() for match in _tokens(text)]


def _tokens(text: str) -> Iterator[re.Match[str]]:
    blank = _APART.sub(lambda found: " " * len(found.group()), text)
    return _TOKEN.finditer(blank)


def restate(text: str, values: Sequence[float]) -> str:
    """Return the sentence with its numbers replaced by `values`, each spelled as the old one.

    Decimals, separators of thousands and signs stay; so do words, as far as there is one.

    Raises
    ------
    LatentbookError
        If the sentence does not print as many numbers.

    Examples
    --------
    >>> restate("Five of six runs end below 0.90.", [4, 6, 0.9137])
    'Four of six runs end below 0.91.'
    """
    found = list(_tokens(text))
    if len(found) != len(values):
        printed = ", ".join(match.group() for match in found) or "none"
        given = ", ".join(f"{value:g}" for value in values) or "none"
        raise LatentbookError(
            f"the sentence prints {len(found)} numbers ({printed}), its claim gives "
            f"{len(values)} ({given})"
        )
    for match, value in zip(reversed(found), reversed(values), strict=True):
        text = text[: match.start()] + _spelled(match, value) + text[match.end() :]
    return text


def _spelled(match: re.Match[str], value: float) -> str:
    old = match.group()
    if match["word"]:
        count = round(value)
        word = _WORDS[count] if 0 <= count < len(_WORDS) else f"{count:,}"
        return word.capitalize() if old[0].isupper() else word
    separator = "," if "," in match["whole"] or abs(value) >= 10_000 else ""
    digits = f"{abs(value):{separator}.{len(match['part'] or '.') - 1}f}"
    if value < 0 and digits.strip("0.,"):
        return (match["sign"] if match["sign"] and match["sign"] != "+" else "−") + digits
    return ("+" if match["sign"] == "+" else "") + digits


def statements(source: Path, name: str) -> list[Statement]:
    """Return the marked sentences of a Markdown page or a notebook, in their order.

    Parameters
    ----------
    source : Path
    name : str
        What `Statement.place` calls the file.
    """
    found = []

    def note(claim: str, text: str, place: str) -> str:
        found.append(Statement(claim, text, f"{name}{place}"))
        return text

    _rewritten(source, note)
    return found


def rewrite(source: Path, values: Mapping[str, Sequence[float]]) -> bool:
    """Replace the numbers of all marked sentences by the values of their claims.

    Words are never touched; return whether the file has changed.

    Parameters
    ----------
    source : Path
    values : mapping
        Numbers by name of a claim. Sentences of other claims, and sentences that do not print as
        many numbers as their claim has, stay as they are.
    """

    def change(claim: str, text: str, place: str) -> str:
        fits = claim in values and len(values[claim]) == len(numbers(text))
        return restate(text, values[claim]) if fits else text

    old = source.read_text(encoding="utf-8")
    new = _rewritten(source, change)
    if new != old:
        source.write_text(new, encoding="utf-8")
    return new != old


#: Name of a claim, text, place in the file -> new text.
_Change = Callable[[str, str, str], str]


def _rewritten(source: Path, change: _Change) -> str:
    text = source.read_text(encoding="utf-8")
    if source.suffix != ".ipynb":
        return _rewritten_text(text, change, "")
    notebook = json.loads(text)
    for position, cell in enumerate(notebook["cells"]):
        place = f", cell {position}"
        if cell["cell_type"] == "markdown":
            new = _rewritten_text("".join(cell["source"]), change, place)
            cell["source"] = new.splitlines(keepends=True)
        for kind, claim in cell["metadata"].get("claims", {}).items():
            holder = described(cell, kind)
            holder[kind] = change(claim, holder[kind], f"{place}, {kind}")
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def described(cell: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the part of a cell's metadata that holds its ``caption`` or its ``alt`` text."""
    return cell["metadata"]["mystnb"]["figure" if kind == "caption" else "image"]


def _rewritten_text(text: str, change: _Change, place: str) -> str:
    lines = text.split("\n")
    for row, line in enumerate(lines):
        start, parts = 0, []
        for mark in _MARK.finditer(line):
            stated = line[start : mark.start()]
            core = stated.strip()
            parts += [stated.replace(core, change(mark["name"], core, place), 1), mark.group()]
            start = mark.end()
        lines[row] = "".join(parts) + line[start:]
    return "\n".join(lines)
