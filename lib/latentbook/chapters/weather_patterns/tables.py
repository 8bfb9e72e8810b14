"""Tables of the two weather chapters: of the records of one run, or of the full scale.

`generated` returns the generated pages; the chapters show the same tables for their own run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.two_stage_clustering import figures
from latentbook.study import records, tables
from latentbook.weather import patterns

PATTERNS, SOURCES = "05-weather-patterns", "06-source-estimation"
NOT_RUN = "No full-scale record yet: not run.\n"
#: Data sets in the order of the tables -> what to call them.
TITLES = {
    "weather-simulated": "simulated, 6-hourly, 700 hPa",
    "weather-eraint": "ERA-Interim, daily, 500 hPa",
    "weather-era5-june": "ERA5, June days, 500 hPa",
    "weather-ncep": "NCEP/NCAR, daily, 500 hPa",
    "weather-ncep-alps": "NCEP/NCAR Alps, daily, 500 hPa",
}
#: Order of the methods of source estimation that use no cluster.
BOUNDS = ("mean plume", "true weather")
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


def generated() -> dict[str, str]:
    """Return the generated tables, file name -> text."""
    found = records.read(PATTERNS)
    pages = dict.fromkeys(
        ("05-runs.md", "05-clusters.md", "05-codes.md", "05-catalogue.md"), NOT_RUN
    )
    if len(found):
        pages |= {
            "05-runs.md": _runs(found),
            "05-clusters.md": _by_dataset(found, _clusters),
            "05-codes.md": _by_dataset(found, _codes),
            "05-catalogue.md": _catalogue(found),
        }
    estimated = records.read(SOURCES)
    pages |= dict.fromkeys(("06-accuracy.md", "06-verdicts.md", "06-variations.md"), NOT_RUN)
    if len(estimated):
        pages |= {
            "06-accuracy.md": "\n".join(
                accuracy(
                    estimated[estimated["dataset"] == dataset],
                    caption=f"Share of test releases with the true site first / among the first "
                    f"three, {TITLES.get(dataset, dataset)}, mean over seeds",
                    name=f"tbl-06-{dataset}",
                )
                for dataset in _ordered(estimated)
            ),
            "06-variations.md": _variations(estimated),
        }
    compared = tables.compare(tables.published(), estimated)
    compared = compared[compared["table"] == "figure 20"]
    pages["06-verdicts.md"] = tables.markdown(
        ["data set, method", "metric", "published", "reproduced", "coverage", "verdict"],
        [tables.published_row(row) for _, row in compared.iterrows()],
        caption="Figure 20 of the thesis, published and reproduced",
        name="tbl-06-verdicts",
    )
    return pages


def _ordered(found: pd.DataFrame) -> list[str]:
    present = set(found["dataset"])
    return [name for name in TITLES if name in present] + sorted(present - set(TITLES))


def _title(method: str) -> str:
    return method.replace(" + k-means", "").replace("k-means raw", "raw fields")


def _bare(group: pd.DataFrame, metric: str) -> str:
    """Return mean ± spread without the number of seeds, which has a column of its own."""
    return tables.mean_and_spread(tables.summarise(group, metric)).partition(" (")[0]


# ---------------------------------------------------------------- patterns


def live_patterns(made: Sequence[dict[str, Any]], title: str) -> str:
    """Return the table of one run: separation, seasons, reconstruction."""
    found = pd.DataFrame(made)
    columns = {**CLUSTER_COLUMNS, **CODE_COLUMNS}
    rows = [
        [_title(row.method), *(tables.number(row.metrics.get(key)) for key in columns)]
        for row in found.itertuples()
    ]
    return tables.markdown(
        ["codes", *columns.values()],
        rows,
        caption=f"Clusters and codes: {title}",
        name="tbl-05-live",
    )


def _by_dataset(found: pd.DataFrame, table: Any) -> str:
    return "\n".join(table(found[found["dataset"] == name], name) for name in _ordered(found))


def _groups(found: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    order = list(dict.fromkeys(found["method"].sort_values(key=lambda m: m.map(_rank))))
    return [(method, found[found["method"] == method]) for method in order]


def _rank(method: str) -> tuple[int, str]:
    start = ("k-means raw", "pca", "conv", "fc-lstm", "cnn-lstm")
    return next((i for i, word in enumerate(start) if method.startswith(word)), 9), method


def _clusters(found: pd.DataFrame, dataset: str) -> str:
    arrays = figures.saved("05").get(dataset, {})
    rows = []
    for method, group in _groups(found):
        name = "raw" if method == "k-means raw" else method.removesuffix(" + k-means")
        labels = [arrays[key] for key in arrays if key.startswith(f"labels {name}, seed ")]
        cells = [_bare(group, metric) for metric in CLUSTER_COLUMNS]
        agreed = tables.number(patterns.agreement(labels))
        rows.append([_title(method), *cells, agreed, str(len(group))])
    chance = np.mean([m["persistence_chance"] for m in found["metrics"]])
    return tables.markdown(
        ["codes", *CLUSTER_COLUMNS.values(), "ARI of seeds", "seeds"],
        rows,
        caption=f"Clusters of {TITLES.get(dataset, dataset)}; labels without memory would have a "
        f"persistence of about {tables.number(chance)}",
        name=f"tbl-05-clusters-{dataset}",
    )


def _codes(found: pd.DataFrame, dataset: str) -> str:
    rows = []
    for method, group in _groups(found):
        epochs = {p["epochs"] for p in group["params"] if "epochs" in p}
        seconds = np.mean([s["represent"] for s in group["seconds"]])
        rows.append(
            [
                _title(method),
                *(_bare(group, metric) for metric in CODE_COLUMNS),
                ", ".join(map(str, sorted(epochs))) or "–",
                tables.number(seconds, 0),
                str(len(group)),
            ]
        )
    return tables.markdown(
        ["codes", *CODE_COLUMNS.values(), "epochs", "seconds", "seeds"],
        rows,
        caption=f"What the codes of {TITLES.get(dataset, dataset)} keep: reconstruction error on "
        "the test windows, rank correlation of distances, neighbours, season",
        name=f"tbl-05-codes-{dataset}",
    )


def _catalogue(found: pd.DataFrame) -> str:
    rows = []
    for dataset in _ordered(found):
        for method, group in _groups(found[found["dataset"] == dataset]):
            if not any("catalogue_ami" in m for m in group["metrics"]):
                continue
            days = max(m.get("catalogue_days", 0) for m in group["metrics"])
            rows.append(
                [
                    f"{TITLES.get(dataset, dataset)}: {_title(method)}",
                    _bare(group, "catalogue_ami"),
                    _bare(group, "catalogue_ami_chance"),
                    _bare(group, "catalogue_ari"),
                    f"{days:,.0f}",
                    str(len(group)),
                ]
            )
    if not rows:
        return NOT_RUN
    return tables.markdown(
        ["data, codes", "AMI", "AMI of other years", "ARI", "days", "seeds"],
        rows,
        caption="Agreement of clusters with the Hess-Brezowsky catalogue, and with its types on "
        "the same calendar days of twenty earlier years",
        name="tbl-05-catalogue",
    )


def _runs(found: pd.DataFrame) -> str:
    rows = []
    for dataset in _ordered(found):
        group = found[found["dataset"] == dataset]
        params = group["params"].iloc[-1]
        grid = "study's domain" if params["grid"] == "europe" else "box of the data"
        rows.append(
            [
                TITLES.get(dataset, dataset),
                f"{group['n_samples'].max():,}",
                str(params["length"]),
                grid,
                str(params["k"]),
                str(group["seed"].nunique()),
                ", ".join(sorted(group["device"].unique())),
            ]
        )
    return tables.markdown(
        ["data", "windows", "fields a window", "grid", "k", "seeds", "device"],
        rows,
        caption="The weather that was run at full scale",
        name="tbl-05-runs",
    )


# ---------------------------------------------------------------- source estimation


def accuracy(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the table of figure 20: one column for each descriptor and number of readings.

    Cells read top-1 / top-3, mean over seeds; chance stands in the last row.
    """
    plain = found[~found["method"].str.contains(",")]
    keys = sorted({(p["readings"], p["descriptor"]) for p in plain["params"]})
    methods = [m for m, _ in _groups(plain) if m not in BOUNDS] + list(BOUNDS)
    rows = []
    for method in methods:
        group = plain[plain["method"] == method]
        cells = []
        for readings, descriptor in keys:
            fits = (
                (p["readings"], p["descriptor"]) == (readings, descriptor) for p in group["params"]
            )
            cell = tables.keep(group, fits)
            tops = [tables.summarise(cell, f"top{top}") for top in (1, 3)]
            cells.append(" / ".join(tables.number(t["mean"] if t else None) for t in tops))
        rows.append([_title(method), *cells, str(group["seed"].nunique())])
    rows.append(["chance", *[f"{1 / 20:.3f} / {3 / 20:.3f}"] * len(keys), "–"])
    header = [f"{d}@{r}pts" for r, d in keys]
    return tables.markdown(["weather from", *header, "seeds"], rows, caption=caption, name=name)


def _variations(found: pd.DataFrame) -> str:
    """Return top-1 accuracy with one thing changed (rows) of each method (columns)."""
    varied = found[found["method"].str.contains(",")]
    base, remark = varied["method"].str.partition(", ")[[0, 2]].to_numpy().T
    words, values = pd.Series(remark).str.rsplit(n=1, expand=True).to_numpy().T
    order = [pd.to_numeric(v, errors="coerce") for v in values]
    varied = varied.assign(base=base, remark=remark, word=words, value=order)
    methods = [m for m, _ in _groups(varied.assign(method=base)) if m not in BOUNDS] + list(BOUNDS)
    rows = []
    for (_, _, changed), group in varied.groupby(["word", "value", "remark"], dropna=False):
        cells = [_bare(group[group["base"] == method], "top1") for method in methods]
        rows.append([str(changed), *cells, str(group["seed"].nunique())])
    return tables.markdown(
        ["changed", *map(_title, methods), "seeds"],
        rows,
        caption="Share of sites that come first with one thing changed, else 10 readings and 10 "
        "descriptor windows",
        name="tbl-06-variations",
    )
