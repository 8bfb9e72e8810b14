"""Numbers in sentences: which of them count, and how they are rewritten."""

from __future__ import annotations

import json

import pytest

from latentbook.errors import LatentbookError
from latentbook.study import prose


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("One of six runs ends at 0.974.", ["One", "six", "0.974"]),
        ("None of the five gains more than −0.42 dB.", ["None", "five", "−0.42"]),
        ("It falls by 12.5% to 70,000 images.", ["12.5", "70,000"]),
        ("UMAP2 and cae10-guo on 15-NN graphs of 28x28 pixels.", []),
        ("See page 98, sections 9.1.1 and 9.2, figure 13.2 and equation 9.4.", []),
        ("With $\\gamma = 0.1$, `n_init=10` and [](03-two.ipynb) from {doc}`a-0.5`.", []),
        ("A two-stage clustering, one network and twenty-four runs.", []),
        ("Between 0.878 and 0.896, three to six points", ["0.878", "0.896", "three", "six"]),
        ("Of 4 and 9, +0.085.", ["4", "9", "+0.085"]),
    ],
)
def test_numbers_of_a_sentence(sentence, found):
    assert prose.numbers(sentence) == found


@pytest.mark.parametrize(
    ("sentence", "values", "new"),
    [
        ("Five of six runs end above 0.878.", [5, 6, 0.87813], "Five of six runs end above 0.878."),
        ("Five of six.", [25, 31], "25 of 31."),
        ("A gain of −0.42.", [0.137], "A gain of 0.14."),
        ("A gain of +0.42.", [-0.137], "A gain of −0.14."),
        ("A gain of 0.00.", [-0.001], "A gain of 0.00."),
        ("70,000 images, 3%.", [9979, 12.4], "9,979 images, 12%."),
        ("none of five", [2, 5], "two of five"),
    ],
)
def test_a_rewritten_sentence_keeps_its_spelling(sentence, values, new):
    assert prose.restate(sentence, values) == new


def test_a_sentence_with_too_few_numbers_is_refused():
    with pytest.raises(LatentbookError, match=r"prints 1 numbers \(0.5\), its claim gives 2"):
        prose.restate("It is 0.5.", [0.5, 1])


PAGE = """# Title

Free text with 0.5.
The mean is 0.91. <!-- claim: 04-mean --> It is above 0.80. <!-- claim: 04-floor -->
- **A list:** two of three. <!-- claim: 04-count -->
"""


def test_marks_cover_their_sentence_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    stated = [(s.claim, s.text) for s in prose.statements(page, "page.md")]
    assert stated == [
        ("04-mean", "The mean is 0.91."),
        ("04-floor", "It is above 0.80."),
        ("04-count", "- **A list:** two of three."),
    ]


def test_rewriting_touches_numbers_of_known_claims_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    values = {"04-mean": [0.934], "04-count": [3, 3], "04-floor": [1, 2]}
    assert prose.rewrite(page, values)
    expected = PAGE.replace("0.91", "0.93").replace("two of three", "three of three")
    assert page.read_text() == expected
    assert not prose.rewrite(page, values)


def test_captions_and_alternative_texts_are_named_in_the_metadata(tmp_path):
    notebook = tmp_path / "01-a.ipynb"
    metadata = {
        "claims": {"alt": "01-heaps"},
        "mystnb": {"figure": {"caption": "Heaps."}, "image": {"alt": "Heaps at 0.85."}},
    }
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["It is 0.5. <!-- claim: 01-it -->"]},
        {"cell_type": "code", "metadata": metadata, "source": [], "outputs": []},
    ]
    text = json.dumps({"cells": cells}, indent=1, ensure_ascii=False) + "\n"
    notebook.write_text(text)
    stated = prose.statements(notebook, "01-a.ipynb")
    assert [s.place for s in stated] == ["01-a.ipynb, cell 0", "01-a.ipynb, cell 1, alt"]
    assert prose.rewrite(notebook, {"01-heaps": [0.849]}) is False
    assert prose.rewrite(notebook, {"01-heaps": [0.86]})
    assert notebook.read_text() == text.replace("0.85", "0.86")


def test_notebooks_of_the_book_are_read_and_written_unchanged():
    from latentbook import paths
    from latentbook.study import cells

    for source in cells.notebooks(paths.notebooks()):
        before = source.read_bytes()
        assert prose.rewrite(source, {}) is False
        assert source.read_bytes() == before
