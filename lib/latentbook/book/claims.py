"""The claims of the book: every marked sentence is checked against the records, and listed.

``python -m latentbook.book.claims`` rewrites the numbers of sentences after new records (never
their words), and says which conditions do not hold any more.
`check`, which the generated pages begin with, rewrites nothing and stops the build.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from latentbook import paths
from latentbook.book import page_claims
from latentbook.chapters.autoencoders import claims as autoencoders
from latentbook.chapters.deep_clustering import claims as deep_clustering
from latentbook.chapters.dimensionality_reduction import claims as dimensionality_reduction
from latentbook.chapters.latent_anomalies import claims as latent_anomalies
from latentbook.chapters.source_estimation import claims as source_estimation
from latentbook.chapters.two_stage_clustering import claims as two_stage_clustering
from latentbook.chapters.weather_patterns import claims as weather_patterns
from latentbook.errors import LatentbookError
from latentbook.study import cells, judge, prose, records
from latentbook.study.claims import Checked, Source, evaluate
from latentbook.study.prose import Statement

#: Who makes claims: the pages, and the chapters in reading order.
MAKERS = (
    page_claims,
    dimensionality_reduction,
    autoencoders,
    two_stage_clustering,
    deep_clustering,
    weather_patterns,
    source_estimation,
    latent_anomalies,
)
#: A role of MyST, a link, or the braces of a citation, in front of their plain text.
_ROLE = re.compile(r"\{[\w:-]+\}(?=`)|\[\]\(([^)]*)\)")


def sources() -> list[Path]:
    """Return the files whose prose states results: README, pages, notebooks, exercises."""
    root = paths.root()
    return [
        root / "README.md",
        *sorted((root / "book").glob("*.md")),
        *cells.notebooks(paths.notebooks()),
        *sorted((root / "exercises").glob("[0-9]*.md")),
    ]


def statements() -> list[Statement]:
    """Return all marked sentences of the book."""
    root = paths.root()
    return [s for path in sources() for s in prose.statements(path, os.path.relpath(path, root))]


def all_claims() -> dict[str, Source]:
    """Return all claims of the book by name."""
    return {name: source for maker in MAKERS for name, source in maker.CLAIMS.sources.items()}


def evaluated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, Checked]:
    """Evaluate every claim on records."""
    memo: dict[str, Any] = {}
    return {name: evaluate(source, every, compared, memo) for name, source in all_claims().items()}


def problems(checked: Mapping[str, Checked], stated: Sequence[Statement]) -> list[str]:
    """Return one line for everything that is wrong with a claim or its sentences.

    That is a condition that does not hold, a number that the records do not give, a mark without a
    claim, and a claim that no sentence makes.
    """
    found = []
    for name in sorted(set(checked) - {s.claim for s in stated}):
        found.append(f"no sentence makes the claim {name!r}: mark one, or delete the claim")
    for statement in stated:
        about = f"{statement.place}: claim {statement.claim!r}"
        if statement.claim not in checked:
            found.append(f"{about} does not exist: correct the mark, or write the claim")
            continue
        one = checked[statement.claim]
        wrong = list(one.problems)
        if one.claim and not one.problems:
            try:
                due = prose.restate(statement.text, one.claim.numbers)
            except LatentbookError as error:
                wrong.append(str(error))
            else:
                if due != statement.text:
                    wrong.append(f"by the records it reads {due!r}")
        found += [f"{about}: {what}; the sentence is {statement.text!r}" for what in wrong]
    return found


def check(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, Checked]:
    """Return the evaluated claims.

    Raises
    ------
    LatentbookError
        If a sentence states what the records do not: it names sentence, place and values.
    """
    checked = evaluated(every, compared)
    if wrong := problems(checked, statements()):
        raise LatentbookError(
            f"{len(wrong)} statements of the book are not what the records say:\n  "
            + "\n  ".join(wrong)
            + "\n'make claims' rewrites numbers; words are yours to correct."
        )
    return checked


def page(checked: Mapping[str, Checked]) -> str:
    """Return the page "Claims": every sentence that states a result, with its evidence."""
    stated = statements()
    records_used = {i for one in checked.values() for i in one.rows.index}
    text = [
        "# Claims",
        "",
        "Every sentence of the book that states a result, with the records that carry it.",
        "Numbers and conditions are computed from the records whenever the book is built, and a "
        "sentence that they contradict stops the build ([](../how-we-judge.md)).",
        f"There are {len(checked)} claims, from {len(records_used):,} records.",
        "",
    ]
    labelled: set[str] = set()
    for place, own in _by_page(stated).items():
        text += _heading(place)
        for statement in own:
            text += _entry(statement, checked[statement.claim], labelled)
    return "\n".join(text)


def _by_page(stated: Sequence[Statement]) -> dict[str, list[Statement]]:
    """Return the sentences of each file: the home page first, the README last."""
    pages: dict[str, list[Statement]] = {}
    for statement in stated:
        pages.setdefault(statement.place.partition(",")[0], []).append(statement)
    order = ("book/index.md", "notebooks/", "exercises/", "book/", "README.md")
    return dict(sorted(pages.items(), key=lambda page: _rank(page[0], order)))


def _rank(place: str, order: Sequence[str]) -> int:
    return next(rank for rank, start in enumerate(order) if place.startswith(start))


def _heading(place: str) -> list[str]:
    """Return the title of a file as a heading, and a link to the page that it becomes."""
    folder, _, name = place.rpartition("/")
    page = name.partition(".")[0]
    if folder not in ("notebooks", "book", "exercises"):
        return [f"## {page}", ""]
    source = paths.notebooks() / f"{page}.ipynb"
    source = paths.root() / place if folder == "book" else source
    text = source.read_text(encoding="utf-8")
    if folder != "book":
        text = "".join(json.loads(text)["cells"][0]["source"])
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    assert title is not None
    target = f"../{page}" if folder == "book" else f"../chapters/{page}"
    kind = "Exercises: " if folder == "exercises" else ""
    return [f"## {kind}{title[1]}", "", f"From {{doc}}`{target}`.", ""]


def _entry(statement: Statement, one: Checked, labelled: set[str]) -> list[str]:
    """Return the lines of a sentence; the first one of a claim gets the label, which is noted."""
    assert one.claim
    kind = {"caption": "Caption: ", "alt": "Alternative text: "}.get(
        statement.place.rpartition(", ")[2], ""
    )
    label = not kind and statement.claim not in labelled
    if label:
        labelled.add(statement.claim)
    lines = [
        f"({statement.claim})=" if label else "",
        f"{kind}{_plain(statement.text)}",
        f": `{statement.claim}`, {_evidence(one)}",
    ]
    lines += [f": True if {'; '.join(one.claim.holds)}."] if one.claim.holds else []
    return [*lines, ""]


def _plain(text: str) -> str:
    """Return a sentence without roles, list markers and table bars."""
    text = _ROLE.sub(lambda found: found[1] or "", text)
    return re.sub(r"^(?:[-*]|\d+\.)\s+|\|", "", text).strip()


def _evidence(one: Checked) -> str:
    """Say in a line how many records of which data, devices and dates a claim rests on."""
    rows = one.rows
    parts = []
    if len(rows):
        count = f"{len(rows)} record" + "s" * (len(rows) > 1)
        parts.append(f"{count} of {_list(rows['dataset'])}")
        parts.append(_list(rows["device"]))
        parts.append(" to ".join(dict.fromkeys([rows["date"].min(), rows["date"].max()])))
    return "; ".join([*parts, *dict.fromkeys(one.arrays)])


def _list(values: pd.Series, most: int = 4) -> str:
    unique = sorted(set(values))
    return ", ".join(unique[:most]) + (f" and {len(unique) - most} more" * (len(unique) > most))


def main() -> int:
    """Rewrite the numbers of all sentences; return 1 if words or marks need a person."""
    every = records.read()
    checked = evaluated(every, judge.compare(judge.published(), every))
    values = {name: one.claim.numbers for name, one in checked.items() if one.claim}
    for path in sources():
        if prose.rewrite(path, values):
            print(f"{os.path.relpath(path, paths.root())}: numbers rewritten, see git diff")
    wrong = problems(checked, statements())
    print("\n".join(wrong) if wrong else f"{len(checked)} claims hold.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
