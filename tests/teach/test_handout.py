"""What is handed out: notebooks, archives, the form of otter-grader, and pages of the book."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile

import nbformat
import pytest

from latentbook.errors import LatentbookError
from latentbook.teach import command, guide, handout, otter, page, results, slides, source
from tests.teach.conftest import STEM


def text_of(book) -> str:
    return "\n".join(cell["source"] for cell in book["cells"])


def test_a_notebook_has_stubs_checks_and_no_secret(assignment):
    book = handout.notebook(assignment)
    nbformat.validate(book)
    text = text_of(book)
    assert "Return 2 times a number; 14 for 7." in text
    assert 'with check("twice"):\n    assert times(0) == 0' in text
    assert handout.leaks(assignment, text) == []
    for secret in ("return 2 * value", "times(7)", "secret_order", "Secretly", "it is so", "adds"):
        assert secret not in text
    assert "practice" not in text
    assert book.metadata["latentbook"] == {
        "chapter": STEM,
        "student_seed": None,
        "questions": ["twice", "which", "words"],
    }


def test_a_solved_notebook_differs_where_it_should_only(assignment):
    blank, solved = handout.notebook(assignment), handout.notebook(assignment, solved=True)
    roles = {"answer", "discussion"}

    def others(book):
        return [c for c in book.cells if c.metadata.get("latentbook", {}).get("role") not in roles]

    kept, same = others(solved), others(blank)
    assert [cell.source for cell in kept] == [cell.source for cell in same]
    assert 'which = "' in text_of(solved)
    assert handout.leaks(assignment, text_of(solved))


def test_students_get_numbers_and_letters_of_their_own(small):
    chapter = source.read(small)
    books = [text_of(handout.notebook(handout.assign(chapter, seed))) for seed in range(12)]
    assert {f"Return {factor} times" in "".join(books) for factor in (2, 3, 5)} == {True}
    orders = {book.split("**a** ")[1].split("\n")[0] for book in books}
    assert len(orders) == 3
    quick = [
        text_of(handout.notebook(handout.assign(chapter, seed, solve=False))) for seed in range(12)
    ]
    assert quick == books


def test_the_command_writes_everything(small, capsys):
    students = small.parent / "students.csv"
    students.write_text("student,seed\nAnn Bee,3\nbob,\n")
    assert command.main(["student", "--students", str(students)]) == 0
    told = capsys.readouterr().out
    assert "01-dimensionality-reduction: 3 questions, 8 points, 2 notebooks" in told
    made = command.folder()
    ann = json.loads((made / "student" / "Ann_Bee" / f"{STEM}.ipynb").read_text())
    assert ann["metadata"]["latentbook"]["student_seed"] == 3
    assert sorted(path.name for path in (made / "samples").iterdir()) == [
        "cheating",
        "empty",
        "endless",
        "mistaken",
        "perfect",
    ]
    archive = zipfile.ZipFile(made / "grader" / f"{STEM}.zip")
    assert {f"{STEM}-solved.ipynb", f"{STEM}-otter.ipynb"} <= set(archive.namelist())
    assert command.roster(students)["bob"] == command.roster(students)["bob"]


def test_bad_input_of_the_command_is_one_sentence(small, tmp_path, capsys):
    (tmp_path / "students.csv").write_text("name\nann\n")
    for words, message in [
        (["student", "--students", str(tmp_path / "students.csv")], "is no list of students"),
        (["student", "09-x"], "unknown chapter with exercises '09-x'"),
        (["grade", str(tmp_path / "absent")], "there is no folder"),
    ]:
        assert command.main(words) == 2
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1


def test_the_master_notebook_is_in_the_form_of_otter(assignment):
    cells = otter.master(assignment).cells
    raw = [cell.source.split("\n")[0] for cell in cells if cell.cell_type == "raw"]
    assert raw[0] == "# ASSIGNMENT CONFIG"
    for name in ("QUESTION", "SOLUTION"):
        assert raw.count(f"# BEGIN {name}") == raw.count(f"# END {name}") == 3
    assert raw.count("# BEGIN TESTS") == 2
    answer = next(cell.source for cell in cells if "BEGIN SOLUTION NO PROMPT" in cell.source)
    compile(answer, "answer", "exec")
    hidden = [cell.source for cell in cells if "hidden: true" in cell.source]
    assert [text.split("points: ")[1].split("\n")[0] for text in hidden] == ["3", "1", "2"]


@pytest.mark.skipif(importlib.util.find_spec("otter") is None, reason="otter is not installed")
def test_otter_agrees_with_us(assignment, tmp_path):
    """Its marks of a solved and of an empty notebook are ours."""
    made = otter.archives(assignment)
    assert "otter-failed.txt" not in made
    (tmp_path / "autograder.zip").write_bytes(made["otter-autograder.zip"])
    for solved, wanted in ((True, 6), (False, 0)):
        out = tmp_path / str(solved)
        out.mkdir()
        nbformat.write(handout.notebook(assignment, solved=solved), out / f"{STEM}.ipynb")
        run = [sys.executable, "-m", "otter", "run", "-a", tmp_path / "autograder.zip"]
        run += ["-o", out, out / f"{STEM}.ipynb"]
        subprocess.run(run, check=True, capture_output=True, cwd=tmp_path)
        tests = json.loads((out / "results.json").read_text())["tests"]
        assert sum(test.get("score") or 0 for test in tests) == wanted


def test_the_book_shows_solutions_of_practice_only(small):
    text = page.section(source.read(small))
    assert ":label: ex-01-twice" in text
    assert "{solution} ex-01-practice" in text
    assert "two = 1 + 1" in text
    assert "it is 2" in text
    assert "It is 2." in text
    for secret in ("return 2 * value", "times(7)", "Secretly", "Because it is so", "secret_order"):
        assert secret not in text


def test_the_command_of_a_page_writes_it(small, capsys):
    assert page.main([STEM]) == 0
    written = (small.parents[1] / "book" / "exercises" / f"{STEM}.md").read_text()
    assert written == page.section(source.read(small))
    assert page.main(["02-autoencoders"]) == 2
    assert "unknown chapter with exercises" in capsys.readouterr().err


def test_lab_plans_fill_their_time_and_never_more(small):
    for chapter in [source.read(small), *source.chapters(own=False)]:
        for length, (slide, work, pause, end) in guide.LABS.items():
            assert slide + work + pause + end == length
            taken = guide.chosen(chapter, work)
            assert sum(question.minutes for question in taken) <= work
            assert len({question.kind for question in taken}) == min(4, len(taken))
    text = guide.plans([source.read(small)])
    minutes = [int(line.split("|")[1]) for line in text.splitlines() if line.startswith("| ")
               and line.split("|")[1].strip().isdigit()]  # fmt: skip
    assert sum(minutes) == 240


def test_the_guide_lists_objectives_and_rubrics(small):
    assert guide.main() == 0
    folder = small.parents[1] / "book" / "exercises"
    assert (
        "| Twice | implement it | 1 | 5 | 4 | multiply |"
        in (folder / "guide-objectives.md").read_text()
    )
    assert "| Small | In words | 2 | Says something |" in (folder / "guide-rubrics.md").read_text()


def test_slides_come_from_the_first_screen(small):
    first = (
        "# A chapter\n\nWhy? {cite:t}`fernandez2020` asks $x_1 < 2$.\n\n"
        "The thesis claims\n\n- one thing. <!-- claim: 01-a -->\n\n"
        "**In short**, at full scale:\n\n- [](02-autoencoders.md) is *right*.\n\n"
        "```{admonition} Before you start\n:class: note\nYou need a pencil.\n```\n"
    )
    shown = {"image": {"alt": "A line"}, "figure": {"caption": "See {numref}`f`."}}
    picture = {
        "cell_type": "code",
        "metadata": {"mystnb": shown},
        "outputs": [{"data": {"image/png": "aGk=\n"}}],
        "source": "",
    }
    book = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": first}, picture]}
    made = slides.slides(book, source.read(small))
    assert [slide.title for slide in made] == [
        "",
        "What the source says",
        "In short",
        "Before you start",
        "A picture to begin with",
        "Exercises",
    ]
    assert "Fernandez 2020 asks \\(x_1 &lt; 2\\)" in made[0].body
    assert "claim:" not in made[1].body
    assert "02 autoencoders is <em>right</em>" in made[2].body
    html = slides.page(book, STEM, source.read(small))
    assert 'alt="A line"' in html
    assert "http" not in html.replace("http-equiv", "")
    assert "<h1>A chapter</h1>" in html


def test_names_become_files():
    assert results.plain("Zoë O'Neil / 3") == "Zoë_O_Neil_3"
    assert results.plain("") == "nameless"


def test_a_leak_stops_the_command(small, monkeypatch):
    monkeypatch.setattr(handout, "leaks", lambda *_: ["twice: return 2 * value"])
    with pytest.raises(LatentbookError, match="gives the solution away: twice"):
        command._hand_out(source.read(small), None)
