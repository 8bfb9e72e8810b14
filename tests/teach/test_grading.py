"""A folder of notebooks: marks, trouble, what is kept, and the tables made of it."""

from __future__ import annotations

import csv
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from latentbook.errors import LatentbookError
from latentbook.teach import grading, handout, results, samples, source
from latentbook.teach.sandbox import Limits
from tests.teach.conftest import STEM

LIMITS = Limits(seconds=60, cell_seconds=3, memory_mb=1500)


def graded(path, student="somebody"):
    return grading.grade(grading.Submission(student, path), LIMITS)


def answered(assignment, code, file):
    """Write a notebook whose answer to the first question is `code`."""
    book = handout.notebook(assignment)
    samples._answer(book, "twice")["source"] = code
    nbformat.write(book, file)
    return file


@pytest.fixture(autouse=True)
def fresh():
    grading._chapters.cache_clear()
    grading._assignment.cache_clear()
    yield
    grading._chapters.cache_clear()
    grading._assignment.cache_clear()


def test_samples_have_the_points_that_they_should(assignment, tmp_path):
    for path in samples.write(assignment, tmp_path / "in"):
        done = graded(path, path.parent.name)
        points = {one.question: one.points for one in done.marks}
        kind = path.parent.name
        if kind == "perfect":
            assert points == {"twice": 4, "which": 2, "words": 0}
            assert done.errors == ()
            assert done.written["words"] == "Because it is so."
        elif kind == "endless":
            assert points == {"twice": 4, "which": 0, "words": 0}
            assert "took longer than 3 seconds" in done.trouble
        else:
            assert done.points == 0, kind
            assert done.most == 8
        if kind == "mistaken":
            assert done.marks[0].messages == [
                "nothing stays nothing", "times(7) is wrong", "arrays are wrong"
            ]  # fmt: skip


def test_half_an_answer_has_half_the_points(assignment, tmp_path):
    code = "def times(value):\n    return 2 * value if isinstance(value, int) else 0"
    done = graded(answered(assignment, code, tmp_path / "a.ipynb"))
    assert done.marks[0].points == 3
    assert done.marks[0].messages == ["arrays are wrong"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no notebook", "is not a notebook"),
        (b'{"cells": [1]}', "is not a notebook"),
        (b'{"cells": [], "metadata": {"latentbook": {"chapter": "12-x"}}}', "no questions on"),
        (b'{"cells": []}', "does not say which chapter"),
        (b" " * (grading.LARGEST + 1), "clear its outputs"),
    ],
)
def test_a_broken_file_is_trouble_and_no_error(small, tmp_path, content, message):
    (tmp_path / "a.ipynb").write_bytes(content)
    done = graded(tmp_path / "a.ipynb")
    assert message in done.trouble
    assert done.points == 0


def test_a_notebook_that_lost_its_metadata_is_marked(assignment, tmp_path):
    book = handout.notebook(assignment, solved=True)
    book.metadata.pop("latentbook")
    for cell in book.cells:
        cell["metadata"] = {}
    book.cells = [cell for cell in book.cells if "with check" not in cell["source"]]
    nbformat.write(book, tmp_path / f"{STEM}-final(2).ipynb")
    done = graded(tmp_path / f"{STEM}-final(2).ipynb")
    assert done.points == 6


def test_a_student_cannot_change_the_tests(assignment, tmp_path):
    book = handout.notebook(assignment)
    code = (
        "import sys, numpy\nnumpy.allclose = lambda *a: True\n"
        "class Anything:\n"
        "    def __eq__(self, other): return True\n"
        "    def __call__(self, *a): return Anything()\n"
        "times = which = Anything()\n"
        "for name in list(sys.modules):\n"
        "    if name.startswith('latentbook.teach'): sys.modules.pop(name)"
    )
    book.cells.insert(2, new_code_cell(code))
    samples._answer(book, "twice")["source"] = "pass"
    samples._answer(book, "which")["source"] = "pass"
    nbformat.write(book, tmp_path / "a.ipynb")
    assert graded(tmp_path / "a.ipynb").points == 0


def test_a_folder_is_graded_once_and_goes_on(assignment, small, tmp_path):
    """Of three notebooks a second call grades the changed one only."""
    folder, kept = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    answered(assignment, "def times(x): return 2 * x", folder / "ann.ipynb")
    answered(assignment, "import os; os._exit(1)", folder / "bob.ipynb")
    (folder / "Cy D_123_assignsubmission_file").mkdir()
    answered(assignment, "times = 3", folder / "Cy D_123_assignsubmission_file" / f"{STEM}.ipynb")
    said: list[str] = []
    done = grading.grade_all(grading.find(folder), kept, LIMITS, cores=1, say=said.append)
    assert {one.student: one.points for one in done} == {"ann": 4, "bob": 0, "Cy D": 0}
    assert sum(": " in line for line in said) == 3
    bob = next(one for one in done if one.student == "bob")
    assert bob.trouble.startswith("the Python process of the notebook ended")

    answered(assignment, "times = 4", folder / "ann.ipynb")
    (file,) = kept.glob("bob*.json")
    stamp = file.stat().st_mtime_ns
    said.clear()
    again = grading.grade_all(grading.find(folder), kept, LIMITS, cores=1, say=said.append)
    assert {one.student: one.points for one in again} == {"ann": 0, "bob": 0, "Cy D": 0}
    assert file.stat().st_mtime_ns == stamp
    assert said[0] == "2 of 3 notebooks were graded before"

    chapters = source.chapters()
    tables = results.write(done, chapters, tmp_path / "grades").parent
    rows = list(csv.DictReader((tables / "grades.csv").open()))
    assert [(row["student"], row["points"], row["01-twice"]) for row in rows] == [
        ("Cy D", "0", "0"), ("ann", "4", "4"), ("bob", "0", "0")
    ]  # fmt: skip
    assert "Cy D" in (tables / "moodle.csv").read_text()
    canvas = list(csv.reader((tables / "canvas.csv").open()))
    assert canvas[1][0].strip() == "Points Possible"
    assert canvas[1][5] == "8"
    nbgrader = list(csv.DictReader((tables / "nbgrader.csv").open()))
    assert {row["student_id"]: row["score"] for row in nbgrader}["ann"] == "4"
    assert "times(7) is wrong" not in (tables / "feedback" / f"ann-{STEM}.html").read_text()
    summary = (tables / "summary.html").read_text()
    assert "bob: the Python process of the notebook ended" in summary


@pytest.mark.slow
def test_two_processes_do_the_same_as_one(assignment, tmp_path):
    samples.write(assignment, tmp_path / "in")
    found = grading.find(tmp_path / "in")
    one, two = (
        grading.grade_all(found, tmp_path / str(n), LIMITS, cores=n, say=lambda _: None)
        for n in (1, 2)
    )
    assert [g.points for g in one] == [g.points for g in two]
    assert [g.trouble for g in one] == [g.trouble for g in two]


def test_numbers_of_another_student_give_no_points():
    marks = (grading.Marks("twice", 4, 4),)
    done = grading.Graded("ann", "a.ipynb", STEM, seed=5, marks=marks)
    assert grading._of_own_seed(done, None).points == 4
    assert grading._of_own_seed(done, {"ann": 5}).points == 4
    stolen = grading._of_own_seed(done, {"ann": 6})
    assert (stolen.points, stolen.trouble) == (0, "the numbers in it are not this student's")
    assert "is not listed" in grading._of_own_seed(done, {"bob": 5}).trouble


def test_written_answers_are_marked_by_hand_and_kept(small, tmp_path):
    chapters = source.chapters()
    marks = (grading.Marks("words", 0, 2, by_hand=True),)
    done = [
        grading.Graded(name, "a.ipynb", STEM, marks=marks, written={"words": answer})
        for name, answer in [("=ann()", "<b>because</b>"), ("bob", "")]
    ]
    results.write(done, chapters, tmp_path)
    rows = list(csv.DictReader((tmp_path / "written.csv").open()))
    assert [row["points"] for row in rows] == ["", "0"]
    assert rows[0]["student"] == "'=ann()"
    assert "&lt;b&gt;because" in (tmp_path / "feedback" / f"_ann_-{STEM}.html").read_text()

    text = (tmp_path / "written.csv").read_text().replace("words,,2,,", "words,1.5,2,well,")
    (tmp_path / "written.csv").write_text(text)
    results.write(done, chapters, tmp_path)
    grades = list(csv.DictReader((tmp_path / "grades.csv").open()))
    assert [row["points"] for row in grades] == ["1.5", "0"]
    assert "well" in (tmp_path / "feedback" / f"_ann_-{STEM}.html").read_text()

    (tmp_path / "written.csv").write_text(text.replace("1.5", "3"))
    with pytest.raises(LatentbookError, match="line 2: points are a number from 0 to the most"):
        results.write(done, chapters, tmp_path)


def test_an_empty_folder_is_one_sentence(tmp_path):
    with pytest.raises(LatentbookError, match="there is no notebook in"):
        grading.find(tmp_path)
    with pytest.raises(LatentbookError, match="there is no folder"):
        grading.find(tmp_path / "absent")


def test_what_is_kept_is_json(assignment, tmp_path):
    path = answered(assignment, "times = 1", tmp_path / "a.ipynb")
    done = graded(path)
    grading._keep(tmp_path / "kept.json", "key", done)
    assert json.loads((tmp_path / "kept.json").read_text())["digest"] == "key"
    assert grading.load(tmp_path / "kept.json") == done
