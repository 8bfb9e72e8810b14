"""The published numbers: their form, their spelling, and that they say what the thesis prints."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "data" / "published"
COLUMNS = ["source", "table", "page", "dataset", "method", "metric", "value", "params"]
COLUMNS += ["not_comparable", "note"]
SOURCES = {"fernandez2020", "charte2020", "petersen", "norlander2019", "tsiatsios2019"}
DATASETS = {"digits", "mnist", "fashion_mnist", "cifar10", "usps", "satimage", "nsl_kdd"}
SPACES = {"pca2", "pca50", "tsne2", "umap30", "cae2", "cae2-guo", "cae10", "cae10-guo", "cae128"}
CLUSTERINGS = {
    "k-means raw",
    "pca50 + hdbscan",
    "tsne2 + k-means",
    "umap2 + k-means",
    "umap30 + k-means",
    "umap2 + hdbscan",
    "umap30 + hdbscan",
    "cae10 + k-means",
    "cae10-guo + k-means",
    "dcec",
}
SCORES = {"nmi", "ami", "ari", "acc", "silhouette"}
KEPT = {"nmi_kept", "ami_kept", "ari_kept", "acc_kept"}
OTHER = re.compile(
    r"coverage|n_clusters|seconds|bce|noise_points|cluster_size_\d|"
    r"parameters(_encoder|_decoder)?|explained_variance_ratio_(\d+|sum)"
)
CLUSTERED = 70_000

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


FILES = sorted(FOLDER.glob("*.csv"))
ROWS = [row for path in FILES for row in read(path)]
THESIS = [row for row in ROWS if row["source"] == "fernandez2020"]
WEATHER = [row for row in ROWS if row["source"] == "tsiatsios2019"]
CLVAE = [row for row in ROWS if row["source"] == "norlander2019"]


def printed(**wanted: str) -> list[float]:
    """Return the values of the thesis' rows whose columns are as `wanted`."""
    chosen = [r for r in THESIS if all(r[column] == text for column, text in wanted.items())]
    return [float(row["value"]) for row in chosen]


def params(row: Row) -> dict[str, Any]:
    return json.loads(row["params"]) if row["params"] else {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_has_the_agreed_columns_and_names_its_source(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == COLUMNS
    assert len(lines) > 1
    assert {len(line) for line in lines} == {len(COLUMNS)}
    assert {line[0] for line in lines[1:]} == {path.stem.split("-")[0]} <= SOURCES


@pytest.mark.parametrize("row", THESIS, ids=lambda r: f"{r['table']}-{r['method']}-{r['metric']}")
def test_row_is_well_formed(row: Row) -> None:
    assert all(text == text.strip() for text in row.values())
    assert row["table"]
    assert re.fullmatch(r"\d+(-\d+)?", row["page"])
    assert row["dataset"] in DATASETS
    assert row["method"] in SPACES | CLUSTERINGS
    assert row["metric"] in SCORES | KEPT or OTHER.fullmatch(row["metric"])
    assert math.isfinite(float(row["value"]))
    assert isinstance(params(row), dict)


@pytest.mark.parametrize("row", THESIS, ids=lambda r: f"{r['table']}-{r['method']}-{r['metric']}")
def test_value_lies_in_the_range_of_its_metric(row: Row) -> None:
    value = float(row["value"])
    if row["metric"] in SCORES | KEPT or row["metric"].startswith(("coverage", "explained")):
        assert 0 <= value <= 1
    elif re.match("seconds|bce", row["metric"]):
        assert value > 0
    else:
        assert value == int(value) >= 0


def test_no_row_stands_twice() -> None:
    key = ["source", "table", "dataset", "method", "metric", "params"]
    keys = [tuple(row[column] for column in key) for row in ROWS]
    assert sorted({k for k in keys if keys.count(k) > 1}) == []


def test_every_table_is_complete() -> None:
    count = {path.stem: len(read(path)) for path in FILES}
    assert count["fernandez2020-table-12-1"] == 8 * 3 + 4
    assert count["fernandez2020-table-12-2"] == 6 + 7 + 2
    assert count["fernandez2020-table-13-1"] == 6 * 6


def test_scores_without_noise_belong_to_hdbscan_alone() -> None:
    assert {row["method"] for row in ROWS if row["metric"] in KEPT} == {
        "pca50 + hdbscan",
        "umap2 + hdbscan",
        "umap30 + hdbscan",
    }
    tables = [row for row in THESIS if row["table"].startswith("table 12")]
    assert all(row["metric"] in KEPT for row in tables if row["method"].endswith("hdbscan"))


def test_autoencoder_scores_say_which_images_they_are_of() -> None:
    for row in THESIS:
        if row["method"] in {"cae10 + k-means", "cae10-guo + k-means"}:
            expected = "train" if row["table"] == "table 13.1" else "test"
            assert params(row) == {"evaluated_on": expected} or row["not_comparable"]


def test_dcec_scores_say_their_gamma() -> None:
    rows = [row for row in THESIS if row["method"] == "dcec" and row["metric"] == "acc"]
    assert sorted(params(row)["gamma"] for row in rows) == [0.1, 0.1, 1, 1]


def test_times_and_cifar10_are_not_compared() -> None:
    apart = [row for row in ROWS if row["metric"] == "seconds" or row["dataset"] == "cifar10"]
    assert len(apart) > 5
    assert all(row["not_comparable"] for row in apart)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ({"table": "table 12.1", "method": "umap30 + k-means", "metric": "silhouette"}, 0.088),
        ({"table": "table 12.1", "method": "pca50 + hdbscan", "metric": "nmi_kept"}, 0.6621),
        ({"table": "table 12.1", "method": "cae10 + k-means", "metric": "acc"}, 0.5087),
        ({"table": "table 12.2", "dataset": "mnist", "method": "tsne2 + k-means"}, 0.7663),
        ({"table": "table 12.2", "dataset": "mnist", "method": "umap2 + hdbscan"}, 0.9177),
        ({"table": "table 12.2", "dataset": "cifar10", "method": "k-means raw"}, 0.0793),
        (
            {
                "table": "table 13.1",
                "dataset": "mnist",
                "method": "dcec",
                "params": '{"gamma": 0.1}',
                "metric": "acc",
            },
            0.8924,
        ),
        (
            {
                "table": "table 13.1",
                "dataset": "mnist",
                "method": "cae10-guo + k-means",
                "metric": "ari",
            },
            0.7442,
        ),
        ({"table": "appendix 5", "metric": "explained_variance_ratio_1"}, 0.29056854),
        ({"table": "appendix 6", "metric": "ami"}, 0.5834727539600013),
        ({"table": "section 12.3.2", "method": "umap2 + hdbscan"}, 0.905),
        ({"table": "section 11.1.2", "method": "cae2-guo", "metric": "bce"}, 0.325),
        ({"table": "figure 11.12", "metric": "parameters"}, 275_979),
    ],
    ids=lambda case: "-".join(case.values()) if isinstance(case, dict) else str(case),
)
def test_value_is_the_one_the_thesis_prints(where: Row, value: float) -> None:
    assert printed(**where) == [value]


@pytest.mark.parametrize("method", ["pca50 + hdbscan", "umap2 + hdbscan", "umap30 + hdbscan"])
def test_cluster_sizes_and_noise_add_up_to_all_images(method: str) -> None:
    rows = [r for r in THESIS if r["table"].startswith("appendix 4") and r["method"] == method]
    counts = [
        int(row["value"])
        for row in rows
        if row["metric"].startswith(("cluster_size", "noise_points"))
    ]
    assert sum(counts) == CLUSTERED
    assert counts[1:] == sorted(counts[1:], reverse=True)


def test_parameters_of_encoder_and_decoder_add_up() -> None:
    [total], [encoder], [decoder] = (
        printed(table="appendix 7", metric=f"parameters{part}")
        for part in ("", "_encoder", "_decoder")
    )
    assert total == encoder + decoder == 20_553


def test_table_12_1_cuts_the_digits_of_the_notebook_off() -> None:
    """Every score that both print differs by less than one unit of the last digit, from below."""
    compared = rounded_differently = 0
    for row in THESIS:
        if row["table"] != "table 12.1":
            continue
        same = {column: row[column] for column in ("method", "metric")}
        exact = [
            float(other["value"])
            for other in THESIS
            if other["table"].startswith("appendix")
            and all(other[column] == text for column, text in same.items())
        ]
        for value in exact:
            compared += 1
            assert float(row["value"]) == math.floor(value * 1e4) / 1e4
            rounded_differently += float(row["value"]) != round(value, 4)
    assert compared == 22
    assert rounded_differently == 7


def test_the_sample_for_tsne_holds_9328_distinct_images() -> None:
    """The notebook's own two lines; the page on contradictions quotes the number."""
    drawn = np.random.RandomState(10).randint(0, high=70_000, size=10_000, dtype="int64")
    assert len(np.unique(drawn)) == 9_328


@pytest.mark.parametrize("row", CLVAE, ids=lambda r: f"{r['table']}-{r['method']}-{r['metric']}")
def test_row_of_the_clvae_paper_is_well_formed(row: Row) -> None:
    assert all(text == text.strip() for text in row.values())
    assert row["dataset"] == ("trades" if row["table"] == "table 3" else "mnist")
    assert (row["not_comparable"] == "private data") == (row["dataset"] == "trades")
    space, _, last = row["method"].partition(" + ")
    assert space.removesuffix(", gaussian") in {"vae2", "cl-vae2"}
    assert space.endswith(", gaussian") == (row["table"] == "table 1")
    others = row["table"] in ("table 2", "figure 4", "section 4.2")
    assert params(row).get("likelihood") == ("bernoulli" if others else None)
    assert last in {"k-means", "mixture", "isolation forest"} | {
        "local outlier factor",
        "one-class svm",
    }
    assert params(row).get("gamma") in ({1, 0.3} if "gamma" in row["params"] else {None})
    assert ("gamma" in row["params"]) == space.startswith("cl-vae2")
    limit = {"v_measure": 1, "anomaly_share_rmse_percent": 10}.get(row["metric"], 200)
    assert 0 < float(row["value"]) < limit


def test_every_table_of_the_clvae_paper_is_complete() -> None:
    tables = [row["table"] for row in CLVAE]
    assert {t: tables.count(t) for t in tables} == {
        "table 1": 3 * 2 * 2,
        "table 2": 2 * 3 * 2,
        "table 3": 2 * 3 * 2,
        "figure 4": 2,
        "section 4.2": 2,
    }


@pytest.mark.parametrize(
    ("table", "method", "metric", "values"),
    [
        ("table 1", "vae2, gaussian + k-means", "v_measure", [0.5572]),
        ("table 1", "cl-vae2, gaussian + mixture", "v_measure", [0.8132, 0.9248]),
        ("table 1", "cl-vae2, gaussian + k-means", "n_clusters", [7, 10]),
        ("table 2", "vae2 + local outlier factor", "excess_mass_1e3", [2.014]),
        ("table 2", "cl-vae2 + one-class svm", "mass_volume", [6.754]),
        ("table 3", "cl-vae2 + isolation forest", "excess_mass_1e3", [16.33]),
        ("table 3", "vae2 + one-class svm", "mass_volume", [1.053]),
        ("figure 4", "cl-vae2 + local outlier factor", "anomaly_share_rmse_percent", [3.26]),
    ],
)
def test_value_is_the_one_the_clvae_paper_prints(
    table: str, method: str, metric: str, values: list[float]
) -> None:
    wanted = (table, method, metric)
    rows = [r for r in CLVAE if (r["table"], r["method"], r["metric"]) == wanted]
    assert [float(row["value"]) for row in rows] == values


def test_figure_20_is_complete_and_gives_shares() -> None:
    assert {row["table"] for row in WEATHER} == {"figure 20"}
    assert {row["method"] for row in WEATHER} == {
        "k-means raw",
        "fc-lstm + k-means",
        "cnn-lstm + k-means",
        "cnn-lstm-3d + k-means",
    }
    assert len(WEATHER) == 4 * 8
    assert all(row["not_comparable"] for row in WEATHER)
    cells = {(r["method"], r["metric"], r["params"]): float(r["value"]) for r in WEATHER}
    for (method, metric, parameters), value in cells.items():
        assert 0.2 < value < 0.85
        if metric == "top1":
            assert value < cells[method, "top3", parameters]
        if '"readings": 10' in parameters:
            assert value < cells[method, metric, parameters.replace(": 10}", ": 30}")]


@pytest.mark.parametrize(
    ("method", "metric", "descriptor", "readings", "value"),
    [
        ("k-means raw", "top1", 1, 10, 0.26606),
        ("fc-lstm + k-means", "top3", 10, 10, 0.60011),
        ("cnn-lstm + k-means", "top1", 10, 30, 0.50428),
        ("cnn-lstm-3d + k-means", "top3", 10, 30, 0.79901),
    ],
)
def test_value_is_the_one_that_figure_20_prints(
    method: str, metric: str, descriptor: int, readings: int, value: float
) -> None:
    wanted = {"descriptor": descriptor, "readings": readings}
    rows = [r for r in WEATHER if (r["method"], r["metric"], params(r)) == (method, metric, wanted)]
    assert [float(row["value"]) for row in rows] == [value]
