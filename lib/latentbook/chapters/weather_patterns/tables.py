"""Tables of the weather patterns chapter: `generated` of the full scale, `live` of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.weather_patterns import CHAPTER
from latentbook.study import figure_arrays
from latentbook.study.method import Method
from latentbook.study.records import extent
from latentbook.study.tables import NOT_RUN, markdown, number, score_cell
from latentbook.study.weather_labels import TITLES, by_method, codes_title, datasets_in_order
from latentbook.weather import patterns

CLUSTER_COLUMNS = {
    "calinski_harabasz_raw": "CH fields",
    "silhouette_raw": "SIL fields",
    "silhouette": "SIL codes",
    "persistence": "persistence",
}
CODE_COLUMNS = {
    "rmse_metres": "error, m",
    "distance_correlation": "distances",
    "trustworthiness": "trustworthiness",
    "season_accuracy": "season",
}


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    every
        The full-scale records of all chapters.
    compared
        Every published number beside ours, as `judge.compare` returns it.
    """
    ours = every[every["chapter"] == CHAPTER]
    if ours.empty:
        return dict.fromkeys(
            ("05-runs.md", "05-clusters.md", "05-codes.md", "05-catalogue.md"), NOT_RUN
        )
    return {
        "05-runs.md": _runs(ours),
        "05-clusters.md": _by_dataset(ours, _clusters),
        "05-codes.md": _by_dataset(ours, _codes),
        "05-catalogue.md": _catalogue(ours),
    }


def live(records: Sequence[Mapping[str, Any]], title: str) -> str:
    """Return the table of one run: separation, seasons, reconstruction.

    Parameters
    ----------
    records : sequence of dict
        As `study.result.keep` returns them.
    title : str
        What was run, for the caption.
    """
    columns = {**CLUSTER_COLUMNS, **CODE_COLUMNS}
    rows = [
        [codes_title(r["method"]), *(number(r["metrics"].get(key)) for key in columns)]
        for r in records
    ]
    return markdown(
        ["codes", *columns.values()],
        rows,
        caption=f"Clusters and codes: {title}",
        name="tbl-05-live",
    )


def _by_dataset(records: pd.DataFrame, table: Callable[[pd.DataFrame, str], str]) -> str:
    return "\n".join(
        table(records[records["dataset"] == name], name) for name in datasets_in_order(records)
    )


def _clusters(records: pd.DataFrame, dataset: str) -> str:
    arrays = figure_arrays.saved("05").get(dataset, {})
    rows = []
    for method, group in by_method(records):
        name = Method.parse(method).representation
        labels = [arrays[key] for key in arrays if key.startswith(f"labels {name}, seed ")]
        cells = [score_cell(group, metric) for metric in CLUSTER_COLUMNS]
        same = number(patterns.agreement(labels))
        rows.append([codes_title(method), *cells, same, str(len(group))])
    chance = np.mean([m["persistence_chance"] for m in records["metrics"]])
    return markdown(
        ["codes", *CLUSTER_COLUMNS.values(), "ARI of seeds", "seeds"],
        rows,
        caption=f"Clusters of {TITLES.get(dataset, dataset)}; labels without memory would have a "
        f"persistence of about {number(chance)}",
        name=f"tbl-05-clusters-{dataset}",
    )


def _codes(records: pd.DataFrame, dataset: str) -> str:
    rows = []
    for method, group in by_method(records):
        epochs = {p["epochs"] for p in group["params"] if "epochs" in p}
        seconds = np.mean([s["represent"] for s in group["seconds"]])
        rows.append(
            [
                codes_title(method),
                *(score_cell(group, metric) for metric in CODE_COLUMNS),
                ", ".join(map(str, sorted(epochs))) or "–",
                number(seconds, 0),
                str(len(group)),
            ]
        )
    return markdown(
        ["codes", *CODE_COLUMNS.values(), "epochs", "seconds", "seeds"],
        rows,
        caption=f"What the codes of {TITLES.get(dataset, dataset)} keep: reconstruction error on "
        "the test windows, rank correlation of distances, neighbours, season",
        name=f"tbl-05-codes-{dataset}",
    )


def _catalogue(records: pd.DataFrame) -> str:
    rows = []
    for dataset in datasets_in_order(records):
        for method, group in by_method(records[records["dataset"] == dataset]):
            if not any("catalogue_ami" in m for m in group["metrics"]):
                continue
            days = max(m.get("catalogue_days", 0) for m in group["metrics"])
            rows.append(
                [
                    f"{TITLES.get(dataset, dataset)}: {codes_title(method)}",
                    score_cell(group, "catalogue_ami"),
                    score_cell(group, "catalogue_ami_chance"),
                    score_cell(group, "catalogue_ari"),
                    f"{days:,.0f}",
                    str(len(group)),
                ]
            )
    if not rows:
        return NOT_RUN
    return markdown(
        ["data, codes", "AMI", "AMI of other years", "ARI", "days", "seeds"],
        rows,
        caption="Agreement of clusters with the Hess-Brezowsky catalogue, and with its types on "
        "the same calendar days of twenty earlier years",
        name="tbl-05-catalogue",
    )


def _runs(records: pd.DataFrame) -> str:
    rows = []
    for dataset in datasets_in_order(records):
        group = records[records["dataset"] == dataset]
        params = group["params"].iloc[-1]
        grid = "study's domain" if params["grid"] == "europe" else "box of the data"
        rows.append(
            [
                TITLES.get(dataset, dataset),
                f"{group['n_samples'].max():,}",
                extent(group) or "–",
                str(params["length"]),
                grid,
                str(params["k"]),
                str(group["seed"].nunique()),
                ", ".join(sorted(group["device"].unique())),
            ]
        )
    return markdown(
        ["data", "windows", "period", "fields a window", "grid", "k", "seeds", "device"],
        rows,
        caption="The weather that was run at full scale",
        name="tbl-05-runs",
    )
