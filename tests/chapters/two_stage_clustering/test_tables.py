"""Tables of chapter 03 from made-up records."""

from __future__ import annotations

import re

import pandas as pd

from latentbook import paths
from latentbook.chapters.two_stage_clustering import CHAPTER, tables
from latentbook.study import judge, records
from tests.test_records import a_record


def found(*rows) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(records.SCHEMA))


def generated(*rows) -> dict[str, str]:
    every = found(*rows)
    return tables.generated(every, judge.compare(judge.published(), every))


def trained(seed: int, limit: int, epochs: int, acc: float, method: str = "cae10 + k-means"):
    record = a_record(seed, acc, params={"max_epochs": limit, "evaluated_on": "all"})
    loss = {"bce": 0.3} if "guo" not in method else {"mse": 0.04}
    metrics = record["metrics"] | {"epochs": epochs} | loss
    return record | {"method": method, "metrics": metrics}


def chosen(seed: int, k: int, acc: float):
    record = a_record(seed, params={"k_max": 15})
    metrics = {"k_by_silhouette": k, "k_by_bic": 12, "acc_by_silhouette": acc, "acc_by_bic": 0.9}
    return record | {"method": "umap2 + choice of k", "metrics": metrics}


def test_training_by_limit_of_epochs():
    rows = (trained(0, 3, 3, 0.4), trained(0, 150, 62, 0.5), trained(1, 150, 80, 0.7))
    short, full, guo = generated(*rows, trained(0, 5, 5, 0.6, "cae10-guo + mixture"))[
        "03-training.md"
    ].splitlines()[5:8]
    assert short.startswith("| digits: cae10 | 3 | 3 | 0.300")
    assert "| 150 | 62–80 |" in full
    assert "| 0.600\u00a0±\u00a00.141 | – | 2 |" in full
    assert guo == "| digits: cae10-guo | 5 | 5 | 0.040 | – | 0.600 | 1 |"


def test_all_numbers_that_a_criterion_chose_are_named():
    text = generated(chosen(0, 10, 0.8), chosen(1, 9, 0.6), a_record())["03-choice-of-k.md"]
    (row,) = text.splitlines()[5:-1]
    assert row.startswith("| digits, umap2 | 9, 10 | 0.700\u00a0±\u00a00.141 (2) | 12 |")
    assert row.endswith("| 2 |")


def test_scores_of_the_longest_training_best_first():
    text = generated(trained(0, 3, 3, 0.9), trained(0, 9, 9, 0.4), a_record(acc=0.5))[
        "03-scores.md"
    ]
    assert "Clustering of digits, 50 images, best accuracy first" in text
    assert text.index("k-means raw") < text.index("cae10 + k-means (9 epochs)")
    assert "3 epochs" not in text


def test_the_live_table_leaves_out_what_has_no_accuracy():
    network = a_record() | {"method": "cae10", "metrics": {"bce": 0.3}}
    text = tables.live([network, a_record(seed=0)], "Some digits")
    assert "{table} Clustering at profile quick: Some digits, seed 0\n" in text
    assert "| k-means raw | 0.500 |" in text
    assert "cae10" not in text


def test_without_records_the_pages_say_so_and_the_notebook_includes_them_all():
    files = generated()
    assert files["03-scores.md"] == tables.NOT_RUN
    assert "[not run]{.verdict-not-run}" in files["03-verdicts.md"]
    notebook = (paths.notebooks() / f"{CHAPTER}.ipynb").read_text()
    assert set(re.findall(r"\{include\} \.\./generated/(03-[\w-]+\.md)", notebook)) == set(files)
