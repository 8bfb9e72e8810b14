"""Every question of the book: solutions are right, mistakes are not, and nothing leaks."""

from __future__ import annotations

import nbformat
import pytest

from latentbook.teach import handout, page, proving, running, source
from latentbook.teach.sessions import AnswerError, Local

CHAPTERS = {chapter.stem: chapter for chapter in source.chapters(own=False)}


@pytest.fixture(scope="module")
def cache(module_cache):
    return module_cache


@pytest.mark.parametrize("stem", CHAPTERS)
def test_solutions_have_all_points_and_stubs_and_mistakes_do_not(stem, cache):
    proofs = list(proving.prove_chapter(CHAPTERS[stem]))
    assert [problem for proof in proofs for problem in proof.problems()] == []
    seconds = {proof.question.id: round(proof.seconds, 1) for proof in proofs}
    assert sum(seconds.values()) < 60, seconds


@pytest.mark.parametrize("stem", CHAPTERS)
def test_every_variant_has_a_solution_that_passes(stem, cache):
    """Variants of one chapter, each value at least once."""
    chapter = CHAPTERS[stem]
    varied = [question for question in chapter.questions if question.variants]
    namespace = running.setup(chapter) if varied else {}
    with running.one_thread():
        for question in varied:
            for seed in _seeds_of_all(question):
                assert list(proving.prove(question, namespace, seed).problems()) == []


def _seeds_of_all(question: source.Question) -> list[int]:
    """Return seeds with which different values of the variants occur."""
    seen: set[str] = set()
    seeds = []
    for seed in range(200):
        blocks = source.variant(question, seed).blocks
        text = " ".join(block.text for block in blocks)
        if text not in seen:
            seen.add(text)
            seeds.append(seed)
    return seeds[: max(map(len, question.variants.values()))]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_what_students_get_gives_nothing_away_and_runs_to_the_end(stem, cache, capsys):
    with running.one_thread():
        assignment = handout.assign(CHAPTERS[stem], graded=False)
        book = handout.notebook(assignment)
        nbformat.validate(book)
        text = "\n".join(cell.source for cell in book.cells)
        assert handout.leaks(assignment, text) == []
        assert "{eval}" not in text
        session = Local({})
        for cell in book.cells:
            if cell.cell_type == "code":
                session.run(cell.source)  # an error would stop students too
        for found in assignment.ready:
            marks = running.mark(found, session)
            assert not (found.question.graded and marks.points), found.question.id


@pytest.mark.parametrize("stem", CHAPTERS)
def test_a_chapter_has_six_questions_of_several_kinds(stem):
    questions = CHAPTERS[stem].questions
    assert len(questions) >= 6
    graded = {question.kind for question in questions if question.graded}
    assert {"implement", "verdict", "written"} <= graded
    assert len({question.kind for question in questions}) >= 5


def test_leaks_are_found():
    assignment = handout.assign(CHAPTERS["01-dimensionality-reduction"])
    solved = handout.notebook(assignment, solved=True)
    leaked = handout.leaks(assignment, "\n".join(cell.source for cell in solved.cells))
    found = {line.partition(":")[0] for line in leaked}
    assert {"trustworthiness", "own-picture", "fading"} <= found


@pytest.mark.parametrize("stem", ["01-dimensionality-reduction"])
def test_the_book_shows_no_solution_of_a_graded_question(stem, cache):
    with running.one_thread():
        text = page.section(CHAPTERS[stem])
        assignment = handout.assign(CHAPTERS[stem])
    assert handout.leaks(assignment, text) == []
    assert "{eval}" not in text
    for question in CHAPTERS[stem].questions:
        label = f"ex-{stem[:2]}-{question.id}"
        assert f":label: {label}\n" in text
        assert (f"{{solution}} {label}\n" in text) is not question.graded


def test_an_answer_that_fails_is_an_error_with_a_reason():
    with pytest.raises(AnswerError, match="ZeroDivisionError: division by zero"):
        Local({}).run("1 / 0")
