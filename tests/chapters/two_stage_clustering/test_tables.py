"""Tables of chapter 03 from made-up records."""

from __future__ import annotations

import re

from latentbook import paths
from latentbook.chapters.two_stage_clustering import CHAPTER, tables
from latentbook.study import judge
from tests.made import frame, record, rows_of

#: Mean and standard deviation of loss, accuracy and NMI of the longest training.
MEANS = [("0.300", "0.000"), ("0.600", "0.141"), ("0.300", "0.071")]


def generated(*rows) -> dict[str, str]:
    every = frame(*rows)
    return tables.generated(every, judge.compare(judge.published(), every))


def trained(seed: int, limit: int, epochs: int, acc: float, method: str = "cae10 + k-means"):
    loss = {"mse": 0.04} if "guo" in method else {"bce": 0.3}
    params = {"max_epochs": limit, "evaluated_on": "all"}
    scores = {"acc": acc, "nmi": acc / 2, "ari": acc / 4}
    return record(method, seed, params=params, epochs=epochs, **scores, **loss)


def chosen(seed: int, k: int, acc: float, bic: int = 12):
    return record(
        "umap2 + choice of k",
        seed,
        params={"k_max": 15},
        k_by_silhouette=k,
        k_by_bic=bic,
        acc_by_silhouette=acc,
        acc_by_bic=0.9,
    )


def test_training_by_limit_of_epochs():
    rows = (trained(0, 3, 3, 0.4), trained(0, 150, 62, 0.5), trained(1, 150, 80, 0.7))
    files = generated(*rows, trained(0, 5, 5, 0.6, "cae10-guo + mixture"))
    _, short, full, guo = rows_of(files["03-training.md"])
    assert short == ["digits: cae10", "3", "3", "0.300", "0.400", "0.200", "–", "–", "1"]
    loss, acc, nmi = (f"{m}\u00a0±\u00a0{s}" for m, s in MEANS)
    assert full == ["digits: cae10", "150", "62–80", loss, acc, nmi, "–", "–", "2"]
    assert guo == ["digits: cae10-guo", "5", "5", "0.040", "–", "–", "0.600", "0.300", "1"]


def test_two_trainings_of_one_seed_are_two_runs():
    first, second = (trained(0, 3, 3, acc) for acc in (0.4, 0.6))
    second["metrics"]["bce"] = 0.5
    mixture = trained(0, 3, 3, 0.9, "cae10 + mixture")  # of the first training
    _, row = rows_of(generated(first, second, mixture)["03-training.md"])
    loss, acc = "0.400\u00a0±\u00a00.141", "0.500\u00a0±\u00a00.141"
    nmi = "0.250\u00a0±\u00a00.071"
    assert row == ["digits: cae10", "3", "3", loss, acc, nmi, "0.900", "0.450", "2"]


def test_parts_of_the_images_by_limit_of_epochs():
    def scored(part: str, acc: float, seed: int = 0, limit: int = 5):
        made = trained(seed, limit, limit, acc)
        made["params"]["evaluated_on"] = part
        return made

    rows = [scored("all", 0.8), scored("train", 0.4), scored("train", 0.6, 1), scored("test", 0.2)]
    short = [scored("all", 0.4, limit=3), record(params={"evaluated_on": "all"})]
    _, first, second = rows_of(generated(*rows, *short)["03-parts.md"])
    assert first == ["digits: cae10 + k-means", "3", "0.100", *["–"] * 6, "1"]
    train = [f"{m}\u00a0±\u00a0{s}" for m, s in (("0.500", "0.141"), ("0.250", "0.071"))]
    assert second[:5] == ["digits: cae10 + k-means", "5", "0.200", *train]
    assert second[6:] == ["0.200", "0.100", "0.050", "2"]


def test_all_numbers_that_a_criterion_chose_are_named():
    files = generated(chosen(0, 10, 0.8), chosen(1, 9, 0.6), record())
    _, row = rows_of(files["03-choice-of-k.md"])
    spread = ("0.700\u00a0±\u00a00.141 (2)", "0.900\u00a0±\u00a00.000 (2)")
    assert row == ["digits, umap2", "9, 10", spread[0], "12", spread[1], "2"]


def test_a_criterion_that_ends_with_the_search_has_chosen_nothing():
    _, row = rows_of(generated(chosen(0, 9, 0.8, 15), chosen(1, 9, 0.6, 14))["03-choice-of-k.md"])
    assert row[3] == "14, ≥ 15"
    scores = chosen(0, 9, 0.8, 15)["metrics"]
    text = tables.chosen(scores, 15)
    assert "The silhouette is best with 9 clusters; k-means then has an accuracy of 0.800." in text
    assert "BIC is best with 15 clusters, the largest number that was tried, so" in text
    assert text.endswith("; a mixture then has an accuracy of 0.900.")
    assert "largest" not in tables.chosen(scores, 16)


def test_the_gain_of_a_mixture_is_paired_by_seed():
    pairs = [(0, 0.4, 0.5), (1, 0.6, 0.71), (2, 0.5, 0.59)]
    rows = [
        trained(seed, 9, 9, acc, f"cae10 + {stage}")
        for seed, *both in pairs
        for stage, acc in zip(("k-means", "mixture"), both, strict=True)
    ]
    short = [trained(0, 3, 3, 0.9), record("umap2 + k-means", params={"evaluated_on": "all"})]
    _, row = rows_of(generated(*rows, *short)["03-mixture.md"])
    label, acc, nmi, ari, n = row
    assert (label, n) == ("digits: cae10", "3")
    # mean 0.1 and standard error 0.01 / sqrt(3), with Student's 4.303 at two degrees of freedom
    assert acc == "+0.100 [+0.075, +0.125] better"
    assert nmi == "+0.050 [+0.038, +0.062] better"
    assert ari.endswith("better")
    _, single = rows_of(generated(*rows[:2])["03-mixture.md"])
    assert single[1] == "+0.100 one run"


def test_the_share_that_hdbscan_keeps_is_said_of_every_representation():
    kept = record("umap2 + hdbscan", n_clusters=7.0) | {"coverage": 0.987}
    assert tables.kept([kept, record()]) == (
        "Share of the images that HDBSCAN assigns to a cluster: 99% on `umap2` (clusters: 7)."
    )
    assert tables.kept([record()]) == "HDBSCAN was not run."


def test_scores_of_the_longest_training_best_first():
    text = generated(trained(0, 3, 3, 0.9), trained(0, 9, 9, 0.4), record())["03-scores.md"]
    assert "Clustering of digits, 50 images; data: 50 of 1,797 images\n" in text
    assert text.index("k-means raw") < text.index("cae10 + k-means (9 epochs)")
    assert "3 epochs" not in text
    one = record(dataset="cifar10", params={"evaluated_on": "all"}) | {"subset": "test images"}
    part = generated(one)["03-scores.md"]
    assert "Clustering of cifar10, 50 images; data: test images\n" in part


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


def test_a_miss_is_settled_by_a_run_that_gives_every_printed_score():
    def run(method: str, nmi: float, acc: float, ari: float):
        return record(method, 1997, dataset="fashion_mnist", nmi=nmi, acc=acc, ari=ari)

    old = "k-means raw, starts of scikit-learn 0.22"
    faithful = run("k-means raw", 0.512, 0.473, 0.348)
    files = generated(faithful, run(old, 0.52845, 0.55147, 0.38445))
    _, row, *untried = rows_of(files["03-misses.md"])
    printed, ours, found = "0.5284 / 0.5514 / 0.3844", "0.5120 / 0.4730 / 0.3480", row[4]
    assert row[2:4] == [printed, ours]
    assert found == "0.5284 / 0.5515 / 0.3845"
    assert row[5] == "settled"
    assert {cells[5] for cells in untried} == {"open, not tried"}
    # changed settings are not among the scores of the faithful methods
    assert [cells[0] for cells in rows_of(files["03-scores.md"])[1:]] == ["k-means raw"]
    files = generated(faithful, run(old, 0.52845, 0.473, 0.38445))
    assert rows_of(files["03-misses.md"])[1][5] == "open"
    assert "not run" in generated(faithful)["03-misses.md"]
