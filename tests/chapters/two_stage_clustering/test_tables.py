"""Tables of chapter 03 from made-up records."""

from __future__ import annotations

import re

from latentbook import paths
from latentbook.chapters.two_stage_clustering import CHAPTER, tables
from latentbook.study import judge
from tests.made import frame, record, rows_of


def generated(*rows) -> dict[str, str]:
    every = frame(*rows)
    return tables.generated(every, judge.compare(judge.published(), every))


def trained(seed: int, limit: int, epochs: int, acc: float, method: str = "cae10 + k-means"):
    loss = {"mse": 0.04} if "guo" in method else {"bce": 0.3}
    params = {"max_epochs": limit, "evaluated_on": "all"}
    return record(method, seed, params=params, acc=acc, epochs=epochs, **loss)


def chosen(seed: int, k: int, acc: float):
    return record(
        "umap2 + choice of k",
        seed,
        params={"k_max": 15},
        k_by_silhouette=k,
        k_by_bic=12,
        acc_by_silhouette=acc,
        acc_by_bic=0.9,
    )


def test_training_by_limit_of_epochs():
    rows = (trained(0, 3, 3, 0.4), trained(0, 150, 62, 0.5), trained(1, 150, 80, 0.7))
    files = generated(*rows, trained(0, 5, 5, 0.6, "cae10-guo + mixture"))
    _, short, full, guo = rows_of(files["03-training.md"])
    assert short == ["digits: cae10", "3", "3", "0.300", "0.400", "–", "1"]
    loss, spread = "0.300\u00a0±\u00a00.000", "0.600\u00a0±\u00a00.141"
    assert full == ["digits: cae10", "150", "62–80", loss, spread, "–", "2"]
    assert guo == ["digits: cae10-guo", "5", "5", "0.040", "–", "0.600", "1"]


def test_two_trainings_of_one_seed_are_two_runs():
    first, second = (trained(0, 3, 3, acc) for acc in (0.4, 0.6))
    second["metrics"]["bce"] = 0.5
    mixture = trained(0, 3, 3, 0.9, "cae10 + mixture")  # of the first training
    _, row = rows_of(generated(first, second, mixture)["03-training.md"])
    loss, acc = "0.400\u00a0±\u00a00.141", "0.500\u00a0±\u00a00.141"
    assert row == ["digits: cae10", "3", "3", loss, acc, "0.900", "2"]


def test_all_numbers_that_a_criterion_chose_are_named():
    files = generated(chosen(0, 10, 0.8), chosen(1, 9, 0.6), record())
    _, row = rows_of(files["03-choice-of-k.md"])
    spread = ("0.700\u00a0±\u00a00.141 (2)", "0.900\u00a0±\u00a00.000 (2)")
    assert row == ["digits, umap2", "9, 10", spread[0], "12", spread[1], "2"]


def test_scores_of_the_longest_training_best_first():
    text = generated(trained(0, 3, 3, 0.9), trained(0, 9, 9, 0.4), record())["03-scores.md"]
    assert (
        "Clustering of digits, 50 images, best accuracy first; data: 50 of 1,797 images\n" in text
    )
    assert text.index("k-means raw") < text.index("cae10 + k-means (9 epochs)")
    assert "3 epochs" not in text


def test_the_live_table_leaves_out_what_has_no_accuracy():
    text = tables.live([record("cae10", bce=0.3), record()], "Some digits")
    assert "{table} Clustering at profile quick: Some digits, seed 0\n" in text
    assert "| k-means raw | 0.500 |" in text
    assert "cae10" not in text


def test_without_records_the_pages_say_so_and_the_notebook_includes_them_all():
    files = generated()
    assert files["03-scores.md"] == tables.NOT_RUN
    assert "[not run]{.verdict-not-run}" in files["03-verdicts.md"]
    notebook = (paths.notebooks() / f"{CHAPTER}.ipynb").read_text()
    assert set(re.findall(r"\{include\} \.\./generated/(03-[\w-]+\.md)", notebook)) == set(files)
