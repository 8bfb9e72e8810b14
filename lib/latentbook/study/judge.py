"""Published against reproduced: every printed number, its records, and the verdict.

The rule of the verdicts is `verdict`; `compare` applies it to every published number.
Layout is left to `tables`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from latentbook import paths
from latentbook.study import records

PUBLISHED_COLUMNS = (
    "source",
    "table",
    "page",
    "dataset",
    "method",
    "metric",
    "value",
    "params",
    "not_comparable",
    "note",
)
#: Source -> the smallest limit of epochs that it states for its networks (0 where it states none).
#: A training of ours that ended at a smaller limit is too short to be compared.
STATED_EPOCHS = {"fernandez2020": 150, "norlander2019": 0}
#: Published data set that is not available -> the data set of ours that is compared with it.
STAND_INS = {"weather": "weather-simulated"}
VERDICTS = ("reproduced", "higher", "lower", "not comparable", "not run")


def verdict(published: float, mean: float, spread: float) -> str:
    """Judge a reproduced mean by the published value.

    The tolerance is ``t = max(0.02, 2 * spread)``. For values beyond 1, such as counts, it is 2 %
    of the value instead of 0.02. The verdict is ``reproduced`` if ``|mean - published| <= t``, else
    ``higher`` or ``lower``.

    Parameters
    ----------
    published : float
        The value that the source prints.
    mean : float
        Mean over our seeds.
    spread : float
        Standard deviation over our seeds; 0 for a single one.

    Returns
    -------
    str

    Examples
    --------
    >>> from latentbook.study.judge import verdict
    >>> verdict(0.53, mean=0.54, spread=0.0)
    'reproduced'
    >>> verdict(0.53, mean=0.60, spread=0.02)
    'higher'
    """
    tolerance = max(0.02 * max(1.0, abs(published)), 2 * spread)
    if abs(mean - published) <= tolerance + 1e-12:
        return "reproduced"
    return "higher" if mean > published else "lower"


def published() -> pd.DataFrame:
    """Return every published number, one row each, `params` as a dictionary."""
    tables = [
        pd.read_csv(source, keep_default_na=False, dtype={"page": str, "table": str})
        for source in sorted(paths.published().glob("*.csv"))
    ]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    rows = rows.reindex(columns=list(PUBLISHED_COLUMNS))
    rows["params"] = [json.loads(text) if text else {} for text in rows["params"]]
    return rows


def summarise(rows: pd.DataFrame, metric: str) -> dict[str, Any] | None:
    """Return mean, spread, number of seeds, samples and coverage of `metric` over `rows`.

    None where no record has the metric.
    """
    if metric == "coverage":
        values = list(rows["coverage"])
    else:
        values = [m[metric] for m in rows["metrics"] if metric in m]
    if not values:
        return None
    series = pd.Series(values, dtype=float)
    return {
        "mean": series.mean(),
        "spread": series.std(ddof=1) if len(series) > 1 else 0.0,
        "n": len(series),
        "n_samples": int(rows["n_samples"].max()),
        "coverage": float(rows["coverage"].mean()),
    }


def counterparts(measured: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Return the records in `measured` that measure the same as the published `row`.

    If networks were trained with several limits of epochs, the records of the longest count. If
    parts of the samples were scored apart, the records of all samples count, unless the row names a
    part.
    """
    dataset = STAND_INS.get(row["dataset"], row["dataset"])
    same = measured[(measured["dataset"] == dataset) & (measured["method"] == row["method"])]
    whole = {"evaluated_on": "all"}
    wanted = (whole | row["params"]).items()
    return longest(select(same, (wanted <= (whole | p).items() for p in same["params"])))


def over_all(measured: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    """Return the records of a method over all images, those of the longest training."""
    wanted = {"dataset": dataset, "method": method, "params": {"evaluated_on": "all"}}
    return counterparts(measured, pd.Series(wanted))


def longest(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the records whose limit of epochs is the largest of their data set and method."""
    limits = measured.assign(limit=[records.epoch_limit(p) for p in measured["params"]])
    largest = limits.groupby(["dataset", "method"])["limit"].transform("max")
    return measured[limits["limit"] == largest]


def select(rows: pd.DataFrame, chosen: Iterable[bool]) -> pd.DataFrame:
    """Return the chosen rows; unlike plain indexing, an empty result keeps its columns."""
    return rows.loc[np.fromiter(chosen, dtype=bool, count=len(rows))]


def compare(numbers: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Set every published number beside the mean of its records.

    Parameters
    ----------
    numbers : DataFrame
        As `published` returns them.
    measured : DataFrame
        As `records.read` returns them.

    Returns
    -------
    DataFrame
        `numbers` with mean, spread, n, n_samples, coverage (missing where nothing ran) and verdict.
    """
    compared = []
    for _, row in numbers.iterrows():
        rows = counterparts(measured, row)
        summary = summarise(rows, row["metric"])
        row["not_comparable"] = row["not_comparable"] or _unfinished(rows, row)
        if row["not_comparable"]:
            judged = "not comparable"
        elif summary is None:
            judged = "not run"
        else:
            judged = verdict(row["value"], summary["mean"], summary["spread"])
        compared.append({**row, **(summary or {}), "verdict": judged})
    columns = [*numbers.columns, "mean", "spread", "n", "n_samples", "coverage", "verdict"]
    return pd.DataFrame(compared).reindex(columns=columns)


def _unfinished(rows: pd.DataFrame, row: pd.Series) -> str:
    """Return why scores of a network are not comparable: training ended at the limit of epochs."""
    if row["metric"].startswith("parameters"):
        return ""
    epochs = [(m.get("epochs"), records.epoch_limit(p)) for m, p in metrics_and_params(rows)]
    enough = STATED_EPOCHS.get(row["source"], math.inf)
    cut = [limit for n, limit in epochs if limit and n == limit < enough]
    return f"trained {cut[0]} epochs here, and not until its loss had settled" if cut else ""


def metrics_and_params(rows: pd.DataFrame) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the metrics and the parameters of each record."""
    return zip(rows["metrics"], rows["params"], strict=True)
