"""What anomalies among the training rows cost: the table of the full scale, and its figures' data.

Measuring is left to `contamination`.
"""

from __future__ import annotations

import pandas as pd

from latentbook.study import gains
from latentbook.study.gains import Gain
from latentbook.study.judge import select
from latentbook.study.method import Method
from latentbook.study.tables import markdown, number

#: What the names of the records begin with.
USE = "contaminated training"


def without(every: pd.DataFrame) -> pd.DataFrame:
    """Return the records that are not about contaminated training."""
    return select(every, (Method.parse(method).use != USE for method in every["method"]))


def scores(every: pd.DataFrame) -> pd.DataFrame:
    """Return one row a table of data, detector, share of anomalies and seed.

    Returns
    -------
    DataFrame
        Columns ``dataset``, ``method`` (the name in tables), ``share``, ``seed``, ``auc``, ``ap``.
    """
    found = select(every, (Method.parse(method).use == USE for method in every["method"]))
    table = pd.DataFrame(
        {
            "dataset": found["dataset"],
            "method": [named(method) for method in found["method"]],
            "share": [params["contamination"] for params in found["params"]],
            "seed": found["seed"],
            "auc": [m["auc_any"] for m in found["metrics"]],
            "ap": [m["ap_any"] for m in found["metrics"]],
        }
    )
    return table.reset_index(drop=True)


def named(method: str) -> str:
    """Return a detector as tables name it.

    Examples
    --------
    >>> named("contaminated training: hbos raw")
    'hbos'
    >>> named("contaminated training: cl-vae8, gamma 10 + bound")
    'network, bound'
    """
    parsed = Method.parse(method)
    return parsed.learner if parsed.representation == "raw" else f"network, {parsed.learner}"


def cost(table: pd.DataFrame, dataset: str, method: str, share: float, metric: str) -> Gain:
    """Return what a share of anomalies changes for a detector, paired by seed.

    Parameters
    ----------
    table : DataFrame
        As from `scores`.
    dataset, method : str
    share : float
        Above 0.
    metric : str
        ``auc`` or ``ap``.
    """
    rows = table[(table["dataset"] == dataset) & (table["method"] == method)]
    dirty, clean = (rows[rows["share"] == one].set_index("seed")[metric] for one in (share, 0.0))
    return gains.compare(dirty, clean)


def cost_table(every: pd.DataFrame, metric: str = "auc", *, caption: str, name: str) -> str:
    """Return for each detector its score without anomalies, and what shares of them change.

    A cell is the mean change over the tables of data, and in brackets in how many of them the 95 %
    interval over the seeds lies below 0.

    Parameters
    ----------
    every : DataFrame
    metric : str, default="auc"
        ``auc`` or ``ap``.
    caption, name : str
    """
    table = scores(every)
    shares = sorted(set(table["share"]) - {0.0})
    body = []
    for method, rows in table.groupby("method", sort=False):
        sets = list(dict.fromkeys(rows["dataset"]))
        clean = rows[rows["share"] == 0].groupby("dataset")[metric].mean().mean()
        cells = []
        for share in shares:
            found = [cost(table, one, str(method), share, metric) for one in sets]
            mean = sum(one.mean for one in found) / len(found)
            worse = sum(one.word == "worse" for one in found)
            cells.append(f"{number(mean)} ({worse} of {len(found)})")
        body.append([str(method), number(clean), *cells])
    body.sort(key=lambda cells: -float(cells[1]))
    header = [
        "detector",
        f"{metric.upper()}, none",
        *(f"change at {100 * share:g} %" for share in shares),
    ]
    return markdown(header, body, caption=caption, name=name)


def by_data_table(every: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the mean AUC of each detector on each table of data, without anomalies and at 10 %."""
    table = scores(every)
    worst = table["share"].max()
    sets = list(dict.fromkeys(table["dataset"]))
    body = []
    for method, rows in table.groupby("method", sort=False):
        cells = []
        for one in sets:
            pair = [
                number(rows[(rows["dataset"] == one) & (rows["share"] == share)]["auc"].mean())
                for share in (0.0, worst)
            ]
            cells.append(" → ".join(pair))
        body.append([str(method), *cells])
    return markdown(["detector", *sets], body, caption=caption, name=name)
