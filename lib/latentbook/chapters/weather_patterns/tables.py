"""Tables of the weather patterns chapter: `generated` of the full scale, `live` of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.weather_patterns import CHAPTER, judged_tables
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
    "persistence_chance": "by chance",
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
    chapter = every[every["chapter"] == CHAPTER]
    ours = plain(chapter)
    judged = judged_tables.generated(chapter)
    if ours.empty:
        names = ("05-runs.md", "05-clusters.md", "05-codes.md", "05-catalogue.md")
        return dict.fromkeys(names, NOT_RUN) | judged
    return judged | {
        "05-runs.md": _runs(ours),
        "05-clusters.md": _by_dataset(ours, _clusters),
        "05-codes.md": _by_dataset(ours, _codes),
        "05-catalogue.md": _catalogue(ours),
    }


def plain(records: pd.DataFrame) -> pd.DataFrame:
    """Return the records of all windows, without those of `judged` and `classical`."""
    return records[[not Method.parse(method).use for method in records["method"]]]


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
    found = {name: None for record in records for name in record["metrics"]}
    judges = [name for name in found if name.startswith("explained_")]
    columns |= {name: _judge(name) for name in judges if name.endswith("_weather")}
    if judges:
        columns["calinski_harabasz_test"] = "CH test"
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


def _judge(metric: str) -> str:
    """Return the heading of an explained variance, such as ``explains wind900``."""
    return f"explains {metric.removeprefix('explained_').removesuffix('_weather')}"


def _by_dataset(records: pd.DataFrame, table: Callable[[pd.DataFrame, str], str]) -> str:
    return "\n".join(
        table(records[records["dataset"] == name], name) for name in datasets_in_order(records)
    )


def _clusters(records: pd.DataFrame, dataset: str) -> str:
    arrays = figure_arrays.saved("05").get(dataset, {})
    rows = []
    for method, group in by_method(records):
        labels = labels_by_seed(arrays, method)
        cells = [score_cell(group, metric) for metric in CLUSTER_COLUMNS]
        params = group["params"].iloc[0]
        apart = persistence_apart(arrays, labels, params["length"], params.get("step", 1))
        rows.append([codes_title(method), *cells, apart, _agreement(labels), str(len(group))])
    return markdown(
        ["codes", *CLUSTER_COLUMNS.values(), "no field shared", "ARI of seeds", "seeds"],
        rows,
        caption=f"Clusters of {_titled(records, dataset)}, training and test windows together; ± "
        "is the spread of seeds",
        name=f"tbl-05-clusters-{dataset}",
    )


def labels_by_seed(arrays: Mapping[str, np.ndarray], method: str) -> list[np.ndarray]:
    """Return the kept labels of a method of the records, one array a seed."""
    start = f"labels {Method.parse(method).representation}, seed "
    return [arrays[key].astype(int) for key in arrays if key.startswith(start)]


def persistence_apart(
    arrays: Mapping[str, np.ndarray], labels: Sequence[np.ndarray], length: int, step: int
) -> str:
    """Format the mean share of windows whose nearest disjoint successor has the same pattern.

    Parameters
    ----------
    arrays : mapping
        With ``index``, the hours of the windows.
    labels : sequence of arrays
        One a seed; none gives ``–``.
    length, step : int
        Fields of a window, and from one window to the next.
    """
    if not labels:
        return number(None)
    apart = -(-length // step)
    values = [patterns.persistence(one, arrays["index"], steps=apart) for one in labels]
    return number(float(np.mean([each["persistence"] for each in values])))


def _agreement(labels: Sequence[np.ndarray]) -> str:
    """Format the mean ARI of all pairs of seeds, with its range: a mean hides two solutions."""
    pairs = [patterns.agreement([a, b]) for i, a in enumerate(labels) for b in labels[:i]]
    if len(pairs) < 2:
        return number(pairs[0] if pairs else None)
    return f"{number(float(np.mean(pairs)))} ({number(min(pairs))} to {number(max(pairs))})"


def _titled(records: pd.DataFrame, dataset: str) -> str:
    """Return the title of a data set, with the part of it that was run."""
    title, part = TITLES.get(dataset, dataset), extent(records[records["dataset"] == dataset])
    return f"{title} ({part})" if part else title


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
        caption=f"What the codes of {_titled(records, dataset)} keep: reconstruction error on the "
        "test windows, rank correlation of distances, neighbours, balanced accuracy of the season; "
        "± is the spread of seeds, the years are the same",
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
                    f"{_titled(records, dataset)}: {codes_title(method)}",
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
        "the same calendar days of twenty earlier years; ± is the spread of seeds on the same days",
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
