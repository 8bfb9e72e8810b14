"""How questions are read: what is refused, stubs, and variants."""

from __future__ import annotations

import pytest

from latentbook.errors import LatentbookError
from latentbook.teach import source
from tests.teach.conftest import SMALL, STEM


def test_a_chapter_is_read_in_its_order(small):
    chapter = source.read(small)
    assert (chapter.stem, chapter.title, chapter.needs) == (STEM, "Small", "counting")
    assert [q.id for q in chapter.questions] == ["twice", "which", "words", "practice"]
    twice = chapter.question("twice")
    assert twice.names == ["times"]
    assert [points for _, points in twice.marked] == [3, 1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: implement", "kind: essay", "line 14, question twice: the kind is one of predict"),
        ("level: 1", "level: 7", "the level is 1, 2 or 3"),
        ("id: twice", "id: Twice!", "an id is written as in"),
        ("objective: Multiply.", "goal: Multiply.", "wrong or missing here: goal, objective"),
        ("    # END SOLUTION", "", "its answer has one line '# BEGIN SOLUTION'"),
        ("```python wrong adds", "```python given", "two blocks 'python wrong' or more"),
        ("```python hidden 3", "```python hiden 3", "a block of python is for one of setup"),
        ('"Says something": 2', '"Says something": 1', "a rubric gives all of its 2 points"),
        ("id: words", "id: twice", "the id 'twice' stands twice"),
        ("assert times(0) == 0", "assert times(0) == solution.times(0)", "students see"),
        ("Return {{factor}}", "{numref}`fig-1` {{factor}}", "does not understand {numref}"),
        ("Secretly", "<!-- claim: 01-a --> Secretly", "makes no claim"),
        ("title: Small", "name: Small", "begins without title"),
        ("It is {eval}`two`.\n:::", "It is {eval}`two`.", "never closed"),
        ("id: twice", "id: [", "this is no YAML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_its_place(small, old, new, message):
    assert SMALL.count(old) >= 1
    small.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(LatentbookError) as error:
        source.read(small)
    assert message in str(error.value)
    assert str(error.value).startswith(small.name)
    assert "\n" not in str(error.value)


def test_a_file_of_no_chapter_is_refused(small):
    other = small.with_name("09-nothing.md")
    other.write_text(SMALL)
    with pytest.raises(LatentbookError, match="belongs to no chapter"):
        source.read(other)


def test_stub_and_solution_differ_where_marked_only(small):
    twice = source.variant(source.read(small).question("twice"), None)
    stub, solved = source.stub(twice).split("\n"), source.answer(twice).split("\n")
    assert stub == ["def times(value):", '    """Return a multiple."""', "    ..."]
    assert [line for line in solved if line not in stub] == ["    return 2 * value"]


def test_an_empty_stub_keeps_names_and_heads():
    block = source.Block(
        "answer",
        '# BEGIN SOLUTION\na, b = 1, 2\ndef f(x, y=1):\n    """Add."""\n    return x + y\n'
        "_hidden = 3\nimport os\n# END SOLUTION",
    )
    question = source.Question("q", "Q", "implement", 1, 1, 1, True, "", (block,))
    assert source.stub(question) == ('a = ...\nb = ...\ndef f(x, y=1):\n    """Add."""\n    ...')
    assert question.names == ["a", "b", "f"]


def test_variants_follow_the_seed_and_nothing_else(small):
    twice = source.read(small).question("twice")
    texts = [source.answer(source.variant(twice, seed)) for seed in range(40)]
    assert texts == [source.answer(source.variant(twice, seed)) for seed in range(40)]
    assert len(set(texts)) == 3
    assert "return 2 * value" in source.answer(source.variant(twice, None))
    assert "{{" not in "".join(b.text + b.about for b in source.variant(twice, 3).blocks)


def test_private_questions_replace_and_follow(small, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    text = SMALL.replace("title: Small", "title: Mine").replace("id: words", "id: my-words")
    (own / small.name).write_text(text.replace("Return {{factor}}", "Give {{factor}}"))
    monkeypatch.setenv("LATENTBOOK_TEACH", str(own))
    (chapter,) = source.chapters()
    assert [q.id for q in chapter.questions] == ["twice", "which", "words", "practice", "my-words"]
    assert chapter.question("twice").of("text")[0].text.startswith("Give")
    assert [c.questions for c in source.chapters(own=False)] == [source.read(small).questions]
    monkeypatch.setenv("LATENTBOOK_TEACH", str(tmp_path / "absent"))
    with pytest.raises(LatentbookError, match="which is no folder"):
        source.chapters()
