"""Tables of the source estimation chapter: `generated` of the full scale, `live` of one run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from latentbook.chapters.source_estimation import CHAPTER, VARIED, comparisons
from latentbook.study import effects, judge
from latentbook.study.judge import select, summarise
from latentbook.study.method import Method
from latentbook.study.tables import NOT_RUN, markdown, number, score_cell, verdict_table, without_n
from latentbook.study.weather_labels import TITLES, by_method, codes_title, datasets_in_order

#: Methods that use no cluster, in the order of the tables.
BOUNDS = ("mean plume", "true weather")
#: Sites of the records that do not state their number: all that `weather.source.sites` has.
ALL_SITES = 20
#: What the tables call the shares of figure 20.
HEADINGS = {"top1": "top 1", "top3": "top 3"}
#: A side of a comparison, as `effects.Side` writes it.
_SIDE = re.compile(r"(.+) \(windows (\d+), readings (\d+)\)")


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    every
        The full-scale records of all chapters.
    compared
        Every published number beside ours, as `judge.compare` returns it.
    """
    estimated = every[every["chapter"] == CHAPTER]
    pages = dict.fromkeys(("06-accuracy.md", "06-variations.md"), NOT_RUN)
    if len(estimated):
        pages = {
            "06-accuracy.md": "\n".join(
                accuracy(
                    estimated[estimated["dataset"] == dataset],
                    caption=f"Share of test releases with the true site first / among the first "
                    f"three by cosine, {TITLES.get(dataset, dataset)}: mean ± standard deviation "
                    "over seeds of k-means, network and readings; test windows are the same",
                    name=f"tbl-06-{dataset}",
                )
                for dataset in datasets_in_order(estimated)
            ),
            "06-variations.md": _variations(estimated),
        }
    pages |= comparisons.generated(estimated)
    pages["06-effects.md"] = _effects(estimated)
    pages["06-verdicts.md"] = verdict_table(
        compared[compared["table"] == "figure 20"],
        caption="Figure 20 of the thesis, published and reproduced",
        name="tbl-06-verdicts",
    )
    return pages


def live(records: Sequence[Mapping[str, Any]], title: str) -> str:
    """Return the table of one run.

    Parameters
    ----------
    records : sequence of dict
        As `study.result.keep` returns them.
    title : str
        What was run, for the caption.
    """
    return accuracy(pd.DataFrame(records), caption=f"Top 1 / top 3, {title}", name="tbl-06-live")


def accuracy(records: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the table of figure 20: one column for each descriptor and number of readings.

    Cells read top-1 / top-3, mean over seeds with their standard deviation; chance stands in the
    last row.
    """
    plain = unchanged(records)
    plain = select(plain, (not comparisons.is_input(method) for method in plain["method"]))
    keys = conditions(plain)
    rows = []
    for method in in_order(plain["method"]):
        group = plain[plain["method"] == method]
        cells = []
        for key in keys:
            cell = at_condition(group, key)
            tops = [summarise(cell, f"top{top}") for top in (1, 3)]
            cells.append(" / ".join(without_n(t) if t else number(None) for t in tops))
        rows.append([codes_title(method), *cells, str(group["seed"].nunique())])
    columns = [at_condition(plain, key) for key in keys]
    by_chance = [f"{chance(column, 1):.3f} / {chance(column, 3):.3f}" for column in columns]
    rows.append(["chance", *by_chance, "–"])
    header = [f"{d}@{r}pts" for r, d in keys]
    return markdown(["weather from", *header, "seeds"], rows, caption=caption, name=name)


def chance(records: pd.DataFrame, top: int) -> float:
    """Return how often the true site is among the first `top` of a random order of the sites."""
    n_sites = [metrics.get("n_sites", ALL_SITES) for metrics in records["metrics"]] or [ALL_SITES]
    return sum(min(1.0, top / n) for n in n_sites) / len(n_sites)


def unchanged(records: pd.DataFrame) -> pd.DataFrame:
    """Return the records of the settings asked for: no variation, and no other rule or task."""
    chosen = [
        not Method.parse(method).change and not comparisons.is_baseline(method)
        for method in records["method"]
    ]
    return select(records, chosen)


def conditions(records: pd.DataFrame) -> list[tuple[int, int]]:
    """Return the pairs of readings and descriptor windows that `records` have, in order."""
    return sorted({(p["readings"], p["descriptor"]) for p in records["params"]})


def at_condition(records: pd.DataFrame, condition: tuple[int, int]) -> pd.DataFrame:
    """Return the records with so many readings and descriptor windows."""
    pairs = ((p["readings"], p["descriptor"]) for p in records["params"])
    return select(records, (pair == condition for pair in pairs))


def in_order(methods: pd.Series) -> list[str]:
    """Return the distinct methods in the order of the tables, the bounds last."""
    ours = [method for method, _ in by_method(pd.DataFrame({"method": methods}))]
    return [method for method in ours if method not in BOUNDS] + list(BOUNDS)


def varied(records: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the records in which the parameter `name` was varied.

    Two columns are added: ``unchanged``, the method without the change, and ``value``, the
    parameter's value.
    """
    methods = [Method.parse(method) for method in records["method"]]
    values = {f"{name} {value}": value for value in VARIED[name]}
    rows = select(records, (method.change in values for method in methods))
    ours = [method for method in methods if method.change in values]
    return rows.assign(
        unchanged=[str(method.unchanged) for method in ours],
        value=[values[method.change] for method in ours],
    )


def figure_20(records: pd.DataFrame) -> pd.DataFrame:
    """Return the printed differences of figure 20 beside ours, as `effects.judged` does."""
    return effects.judged(judge.published(), records, table="figure 20")


def _effects(records: pd.DataFrame) -> str:
    """Return the differences between the shares of figure 20 with the site first, and ours."""
    judged = figure_20(records)
    tables = []
    for place, (question, rows) in enumerate(judged.groupby("question", sort=False), 1):
        cells = [
            [
                f"{_short(row['first'])} − {_short(row['second'])}",
                HEADINGS[row["metric"]],
                _points(row["printed"]),
                _interval(row),
                row["order"],
                row["size"],
            ]
            for _, row in rows.iterrows()
        ]
        tables.append(
            markdown(
                ["difference", "share", "thesis", "here", "order", "size"],
                cells,
                caption=f"Figure 20 of the thesis, {question}: differences in percentage points, "
                "ours with their 95% interval over seeds",
                name=f"tbl-06-effects-{place}",
            )
        )
    return "\n".join(tables)


def _short(side: str) -> str:
    """Return a side of a comparison as the columns of figure 20 call it, such as ``10@30pts``."""
    found = _SIDE.fullmatch(side)
    assert found, side
    method, windows, readings = found.groups()
    return f"{codes_title(method)} {windows}@{readings}pts"


def _points(share: float) -> str:
    """Format a difference of shares in percentage points."""
    return f"{100 * share:+.1f}".replace("-", "−")


def _interval(row: pd.Series) -> str:
    """Format our difference with its interval."""
    if not row["n"]:
        return "–"
    if row["n"] == 1:
        return _points(row["mean"])
    low, high = _points(row["low"]), _points(row["high"])
    return f"{_points(row['mean'])}\u00a0[{low},\u00a0{high}]"


def _variations(records: pd.DataFrame) -> str:
    """Return the shares with one thing changed: a table of top 1, and a folded one of top 3."""
    first, among = (
        _variation(
            records,
            f"top{top}",
            caption=f"Share of sites that come {place} with one thing changed, else 10 readings "
            "and 10 descriptor windows",
            name=name,
        )
        for top, place, name in (
            (1, "first", "tbl-06-variations"),
            (3, "among the first three", "tbl-06-variations-top-3"),
        )
    )
    folded = ["::::{dropdown} The same among the first three", "", among, "::::", ""]
    return "\n".join([first, *folded])


def _variation(records: pd.DataFrame, metric: str, *, caption: str, name: str) -> str:
    """Return a share with one thing changed (rows) of each method (columns)."""
    parts = {what: varied(records, what) for what in sorted(VARIED)}
    methods = in_order(pd.concat(part["unchanged"] for part in parts.values()))
    rows = []
    for what, part in parts.items():
        for value in sorted(part["value"].unique()):
            group = part[part["value"] == value]
            cells = [score_cell(group[group["unchanged"] == m], metric) for m in methods]
            rows.append([f"{what} {value}", *cells, str(group["seed"].nunique())])
    return markdown(
        ["changed", *map(codes_title, methods), "seeds"],
        rows,
        caption=caption,
        name=name,
    )
