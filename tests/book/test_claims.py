"""The claims of the book hold, and a false sentence is refused."""

from __future__ import annotations

import re

import pytest

from latentbook.book import claims
from latentbook.errors import LatentbookError
from latentbook.study import judge, records
from latentbook.study.claims import Checked, Claim
from latentbook.study.prose import Statement


@pytest.fixture(scope="module")
def checked() -> dict[str, Checked]:
    every = records.read()
    return claims.check(every, judge.compare(judge.published(), every))


def test_every_claim_of_the_book_holds_and_is_listed(checked):
    page = claims.page(checked)
    for name in checked:
        assert f"`{name}`" in page


def test_a_claim_that_two_sentences_make_has_one_label(checked):
    labels = re.findall(r"^\(([\w-]+)\)=$", claims.page(checked), re.MULTILINE)
    assert "04-runs-mnist" in labels
    assert len(labels) == len(set(labels))


def one(numbers, holds=None) -> Checked:
    every = records.read("01-dimensionality-reduction")
    wrong = [f"it is not true that {what}" for what, true in (holds or {}).items() if not true]
    return Checked(Claim(numbers, holds or {}), every, [], wrong)


@pytest.mark.parametrize(
    ("known", "stated", "problem"),
    [
        ({"04-a": one([0.5])}, [], "no sentence makes the claim '04-a'"),
        ({}, [Statement("04-b", "It is 0.5.", "page.md")], "page.md: claim '04-b' does not exist"),
        (
            {"04-a": one([0.61])},
            [Statement("04-a", "It is 0.5.", "page.md")],
            "by the records it reads 'It is 0.6.'",
        ),
        (
            {"04-a": one([0.5, 2])},
            [Statement("04-a", "It is 0.5.", "page.md")],
            "prints 1 numbers",
        ),
        (
            {"04-a": one([0.5], {"a leads": False})},
            [Statement("04-a", "It is 0.5.", "page.md")],
            "it is not true that a leads",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(known, stated, problem):
    assert any(problem in line for line in claims.problems(known, stated))


def test_a_true_sentence_has_no_problem():
    stated = [Statement("04-a", "It is 0.5.", "page.md")]
    assert claims.problems({"04-a": one([0.512], {"a leads": True})}, stated) == []


def test_the_build_stops_and_says_where(monkeypatch):
    wrong = [Statement("pages-anomalous-trades", "It is 1 and 2.", "book/index.md")]
    stated = [*claims.statements(), *wrong]
    monkeypatch.setattr(claims, "statements", lambda: stated)
    every = records.read()
    with pytest.raises(LatentbookError, match=r"(?s)1 statements of the book .*book/index\.md"):
        claims.check(every, judge.compare(judge.published(), every))
