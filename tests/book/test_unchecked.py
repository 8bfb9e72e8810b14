"""Nothing that the prose states goes unchecked: it makes a claim, is printed, or is a constant."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
from tests.book import unchecked

from latentbook import paths
from latentbook.book import claims

HERE = Path(__file__).parent
CONSTANTS = tomllib.loads((HERE / "constants.toml").read_text(encoding="utf-8"))


def named(files: list[Path]) -> dict[str, Path]:
    return {os.path.relpath(path, paths.root()): path for path in files}


PROSE = named(claims.sources())
CHAPTERS = paths.root() / "lib/latentbook/chapters"
CODE = named(sorted([*CHAPTERS.glob("*/tables.py"), *CHAPTERS.glob("*/figures.py")]))


@pytest.mark.parametrize("name", PROSE)
def test_all_that_prose_states_is_checked(name):
    found, _ = unchecked.of_file(PROSE[name], name, CONSTANTS.get(name, []))
    assert not found, f"{len(found)} statements without a claim:\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("name", CODE)
def test_no_caption_holds_a_typed_number(name):
    found, _ = unchecked.of_code(CODE[name], name, CONSTANTS.get(name, []))
    assert not found, f"{len(found)} typed numbers:\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_constant_is_used(name):
    constants = CONSTANTS[name]
    read = unchecked.of_file(PROSE[name], name, constants) if name in PROSE else None
    _, used = read or unchecked.of_code(CODE[name], name, constants)
    assert sorted(set(constants) - used) == [], "delete these, or say them again in the prose"


def test_old_prose_is_found():
    """Sentences of the chapters from before there were claims."""
    found, _ = unchecked.of_file(HERE / "prose_without_claims.md", "old.md")
    assert [(one.place.partition(" ")[2], one.kind, one.words) for one in found] == [
        ("line 3", "superlative", "best"),
        ("line 3", "superlative", "beat"),
        ("line 3", "decimal", "0.892"),
        ("line 4", "count", "five of six"),
        ("line 5", "decimal", "0.62"),
        ("line 5", "decimal", "0.70"),
        ("line 6", "size", "two hundredths"),
        ("line 7", "superlative", "hard to beat"),
        ("line 8", "superlative", "wins"),
        ("line 9", "count", "six runs"),
        ("line 9", "decimal", "0.01"),
        ("line 12", "decimal", "0.85"),
        ("line 12", "decimal", "0.92"),
        ("line 15", "count", "One of five runs"),
        ("line 15", "superlative", "largest gain"),
        ("line 32", "decimal", "0.77"),
    ]


def test_captions_and_alternative_texts_are_read(tmp_path):
    figure = {"caption": "The best score of all.", "name": "fig-a"}
    metadata = {"mystnb": {"figure": figure, "image": {"alt": "Heaps at 0.85."}}}
    markdown = {"cell_type": "markdown", "metadata": {}, "source": ["It is 0.97.\n"]}
    code = {"cell_type": "code", "metadata": metadata, "source": ["x = 0.5"]}
    claimed = code | {"metadata": metadata | {"claims": {"alt": "04-heaps", "caption": "04-a"}}}
    notebook = tmp_path / "a.ipynb"
    notebook.write_text(json.dumps({"cells": [markdown, code, claimed]}))
    found, _ = unchecked.of_file(notebook, "a.ipynb")
    assert [(one.place, one.words) for one in found] == [
        ("a.ipynb, cell 0", "0.97"),
        ("a.ipynb, cell 1, caption", "best"),
        ("a.ipynb, cell 1, alt", "0.85"),
    ]


def test_a_constant_excuses_its_own_place_alone(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("Python 3.11 is needed, and 3.11 is the best score.\n")
    found, used = unchecked.of_file(page, "a.md", ["Python 3.11", "never said"])
    assert [one.words for one in found] == ["3.11", "best"]
    assert used == {"Python 3.11"}


def test_typed_numbers_in_code_are_found(tmp_path):
    module = tmp_path / "tables.py"
    module.write_text(
        '"""Values as 0.91."""\n'
        "def table(x):\n"
        '    """Return 0.92."""\n'
        '    return markdown(caption=f"At 0.85 of {x:.2f}, for {x:>0.3f}", name="none of five")\n'
    )
    found, _ = unchecked.of_code(module, "tables.py")
    assert [one.words for one in found] == ["0.85"]


@pytest.mark.parametrize(
    ("number", "printed"),
    [("0.5284", True), ("0.52845", True), ("0.995", True), ("0.892", False), ("0.53", False)],
)
def test_printed_numbers_are_known(number, printed):
    assert unchecked.is_published(number) == printed
