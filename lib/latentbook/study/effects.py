"""Orders and effects: which of two printed methods is ahead, by how much, and whether it is here.

A number is often not comparable where a difference is: other weather, another network, another
scale cancel. `COMPARISONS` lists the pairs of printed numbers that the sources draw conclusions
from; `judged` sets each difference beside the gain of our runs, by the one rule of `gains`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from latentbook.errors import LatentbookError
from latentbook.study import gains, judge
from latentbook.study.gains import Gain
from latentbook.study.method import Method

#: Verdicts on an order; `SIZES` are those on the size of a gain.
ORDERS = (
    "same order",
    "opposite order",
    "no difference here",
    "undecided",
    "one run, same order",
    "one run, opposite order",
    "printed as equal",
    "not run",
)
SIZES = ("as printed", "smaller here", "larger here", "undecided", "–")
#: Metrics of which less is better.
LESS_IS_BETTER = ("mass_volume", "anomaly_share_rmse_percent")
#: Metrics that are no scores between 0 and 1, so that the margin is a share of their value.
OWN_UNITS = (*LESS_IS_BETTER, "excess_mass_1e3")


@dataclass(frozen=True)
class Side:
    """A printed number: its method, metric, and the params that tell it from others."""

    method: str
    metric: str
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the method with what tells it from others."""
        told = {"gamma": "γ = {}", "descriptor": "windows {}", "readings": "readings {}"}
        remarks = [told[k].format(v) for k, v in self.params.items() if k in told]
        remarks += ["kept"] if self.metric.endswith("_kept") else []
        return self.method + (f" ({', '.join(remarks)})" if remarks else "")


@dataclass(frozen=True)
class Comparison:
    """Two printed numbers of one table that the source sets against each other.

    Attributes
    ----------
    question : str
        What the source concludes from them.
    source, table, dataset : str
    first, second : Side
    paired : bool
        Whether runs of ours share something: a network, an embedding, or readings of a seed.
    """

    question: str
    source: str
    table: str
    dataset: str
    first: Side
    second: Side
    paired: bool


FERNANDEZ, TSIATSIOS, NORLANDER = "fernandez2020", "tsiatsios2019", "norlander2019"
SCORES = ("nmi", "ari", "acc")
CODES = ("tsne2", "umap2", "umap30", "cae10")


def _representations() -> Iterator[Comparison]:
    """Compare k-means on codes with k-means on pixels: tables 12.1, 12.2 and 13.1."""
    ask = "k-means on codes against k-means on pixels"
    pairs = [("table 12.1", "fashion_mnist", code, score) for code in CODES for score in SCORES]
    pairs += [("table 12.2", "mnist", code, "nmi") for code in ("tsne2", "cae10")]
    pairs += [("table 13.1", "mnist", "umap2", score) for score in SCORES]
    for table, dataset, code, score in pairs:
        part = {"evaluated_on": "test"} if code == "cae10" else {}
        first, second = Side(f"{code} + k-means", score, part), Side("k-means raw", score)
        yield Comparison(ask, FERNANDEZ, table, dataset, first, second, paired=False)


def _ranking(table: str, dataset: str, sides: Sequence[Side]) -> Iterator[Comparison]:
    """Compare neighbours in the printed order of a table, best first."""
    ask = f"order of the methods, {table}, {dataset}"
    for first, second in pairwise(sides):
        shared = Method.parse(first.method).representation
        paired = shared != "raw" and shared == Method.parse(second.method).representation
        yield Comparison(ask, FERNANDEZ, table, dataset, first, second, paired)


def _rankings() -> Iterator[Comparison]:
    test = {"evaluated_on": "test"}
    yield from _ranking(
        "table 12.1",
        "fashion_mnist",
        [
            Side("tsne2 + k-means", "acc"),
            Side("umap30 + k-means", "acc"),
            Side("umap2 + k-means", "acc"),
            Side("k-means raw", "acc"),
            Side("pca50 + hdbscan", "acc_kept"),
            Side("cae10 + k-means", "acc", test),
            Side("umap2 + hdbscan", "acc_kept"),
            Side("umap30 + hdbscan", "acc_kept"),
        ],
    )
    yield from _ranking(
        "table 12.2",
        "mnist",
        [
            Side("pca50 + hdbscan", "nmi_kept"),
            Side("umap2 + hdbscan", "nmi_kept"),
            Side("umap2 + k-means", "nmi"),
            Side("tsne2 + k-means", "nmi"),
            Side("k-means raw", "nmi"),
            Side("cae10 + k-means", "nmi", test),
        ],
    )


def _deep_clustering() -> Iterator[Comparison]:
    """Compare DCEC with its own start, another weight, and UMAP: table 13.1."""
    others: dict[str, tuple[str, dict[str, Any], bool]] = {
        "DCEC against k-means on the codes that it starts from": (
            "cae10-guo + k-means",
            {"evaluated_on": "train"},
            True,
        ),
        "DCEC with gamma 0.1 against gamma 1": ("dcec", {"gamma": 1}, True),
        "DCEC against k-means on UMAP": ("umap2 + k-means", {}, False),
    }
    for ask, (method, params, paired) in others.items():
        for dataset, score in product(("mnist", "fashion_mnist"), SCORES):
            first, second = Side("dcec", score, {"gamma": 0.1}), Side(method, score, params)
            yield Comparison(ask, FERNANDEZ, "table 13.1", dataset, first, second, paired)


def _source_estimation() -> Iterator[Comparison]:
    """Compare windows, readings and networks of figure 20."""
    networks = ("fc-lstm", "cnn-lstm", "cnn-lstm-3d")
    methods = ("k-means raw", *(f"{network} + k-means" for network in networks))
    tops, few = ("top1", "top3"), (10, 30)

    def pair(
        ask: str, top: str, one: tuple[str, int, int], other: tuple[str, int, int]
    ) -> Comparison:
        first, second = (
            Side(method, top, {"descriptor": windows, "readings": readings})
            for method, windows, readings in (one, other)
        )
        return Comparison(ask, TSIATSIOS, "figure 20", "weather", first, second, paired=True)

    for top, method, readings in product(tops, methods, few):
        ask = "ten windows of a pattern against one"
        yield pair(ask, top, (method, 10, readings), (method, 1, readings))
    for top, method, windows in product(tops, methods, (1, 10)):
        ask = "thirty readings against ten"
        yield pair(ask, top, (method, windows, 30), (method, windows, 10))
    for method, top, windows, readings in product(methods[1:], tops, (1, 10), few):
        ask = "codes of a network against the fields themselves"
        yield pair(ask, top, (method, windows, readings), ("k-means raw", windows, readings))
    for top, windows, readings in product(tops, (1, 10), few):
        ask = "three levels against one"
        yield pair(ask, top, (methods[3], windows, readings), (methods[2], windows, readings))


def _latent_anomalies() -> Iterator[Comparison]:
    """Compare spaces (table 1, squared error) and detectors (table 2 and figure 4, Bernoulli)."""
    test: dict[str, Any] = {"evaluated_on": "test"}
    strong, weak = {"gamma": 1} | test, {"gamma": 0.3} | test

    def pair(ask: str, table: str, first: Side, second: Side) -> Comparison:
        return Comparison(ask, NORLANDER, table, "mnist", first, second, paired=True)

    for learner in ("mixture", "k-means"):
        vae = Side(f"vae2, gaussian + {learner}", "v_measure", test)
        full, weighted = (
            Side(f"cl-vae2, gaussian + {learner}", "v_measure", p) for p in (strong, weak)
        )
        yield pair("class means in the prior against none", "table 1", full, vae)
        yield pair("CL-VAE with gamma 0.3 against gamma 1", "table 1", weighted, full)
    detectors = ("one-class svm", "isolation forest", "local outlier factor")
    searched = {"likelihood": "bernoulli"}
    spaces: dict[str, dict[str, Any]] = {"vae2": test | searched, "cl-vae2": weak | searched}
    for metric, (space, params) in product(("excess_mass_1e3", "mass_volume"), spaces.items()):
        sides = [Side(f"{space} + {detector}", metric, params) for detector in detectors]
        for first, second in (sides[:2], sides[1:], sides[::2]):
            yield pair("order of the detectors by EM and MV", "table 2", first, second)
    lof, share = "local outlier factor", "anomaly_share_rmse_percent"
    first, second = (
        Side(f"{space} + {lof}", share, spaces[space]) for space in ("cl-vae2", "vae2")
    )
    yield pair("anomalies spread more evenly over the classes", "figure 4", first, second)


#: Every comparison, in the order of the chapters.
COMPARISONS: tuple[Comparison, ...] = (
    *_representations(),
    *_rankings(),
    *_deep_clustering(),
    *_source_estimation(),
    *_latent_anomalies(),
)


def judged(
    numbers: pd.DataFrame, measured: pd.DataFrame, *, table: str | None = None
) -> pd.DataFrame:
    """Set every printed difference beside the gain of our runs.

    Parameters
    ----------
    numbers : DataFrame
        As `judge.published` returns them.
    measured : DataFrame
        As `records.read` returns them.
    table : str, optional
        The comparisons of one published table, such as ``figure 20``; None takes all.

    Returns
    -------
    DataFrame
        One row a comparison: question, source, table, dataset, metric, first, second; printed (the
        printed gain of the first over the second, positive where it is better); mean, low, high and
        n of our gain, paired; order, one of `ORDERS`; and size, one of `SIZES`.
    """
    chosen = [one for one in COMPARISONS if table in (None, one.table)]
    return pd.DataFrame([_row(one, numbers, measured) for one in chosen])


def _row(one: Comparison, numbers: pd.DataFrame, measured: pd.DataFrame) -> dict[str, Any]:
    rows = [printed_row(numbers, one, side) for side in (one.first, one.second)]
    sign = -1.0 if one.first.metric in LESS_IS_BETTER else 1.0
    printed = sign * (rows[0]["value"] - rows[1]["value"])
    rounding = sum(judge.rounding(row) for row in rows)
    about = {
        "question": one.question,
        "source": one.source,
        "table": one.table,
        "dataset": one.dataset,
        "metric": one.second.metric,
        "first": str(one.first),
        "second": str(one.second),
        "printed": printed,
        "paired": one.paired,
    }
    runs = [_runs(measured, row) for row in rows]
    margin = gains.MARGIN
    if one.first.metric in OWN_UNITS and len(runs[1]):
        margin = gains.margin_of(runs[1]["value"].mean())
    if one.paired:
        differences = sign * np.array(differences_by_run(*runs))
        gain = gains.of(differences, margin=margin) if len(differences) else None
        width = judge.half_width(list(differences))
    elif len(runs[0]) and len(runs[1]):
        first, second = (sign * part["value"] for part in runs)
        gain = gains.compare(first, second, paired=False, margin=margin)
        width = math.hypot(*(judge.half_width(list(part["value"])) for part in runs))
    else:
        gain, width = None, 0.0
    if gain is None:
        nothing = dict.fromkeys(("mean", "low", "high"), math.nan)
        return about | nothing | {"n": 0, "order": "not run", "size": "–"}
    return about | {
        "mean": gain.mean,
        "low": gain.low,
        "high": gain.high,
        "n": gain.n,
        "order": order(printed, gain, rounding=rounding),
        "size": size(printed, gain, width, rounding=rounding),
    }


def printed_row(numbers: pd.DataFrame, one: Comparison, side: Side) -> pd.Series:
    """Return the published row of one side of a comparison.

    Raises
    ------
    LatentbookError
        If there is none, or more than one.
    """
    wanted = (one.source, one.table, one.dataset, side.method, side.metric, side.params)
    columns = ("source", "table", "dataset", "method", "metric", "params")
    found = zip(*(numbers[name] for name in columns), strict=True)
    rows = judge.select(numbers, (row == wanted for row in found))
    if len(rows) != 1:
        raise LatentbookError(
            f"{one.source}, {one.table} has {len(rows)} rows for {one.dataset}: {side}, "
            f"{side.metric}, where the comparison {one.question!r} needs one: mend data/published "
            "or the list of comparisons"
        )
    return rows.iloc[0]


def _runs(measured: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Return our runs of a printed number: seed, backend, network and value of each.

    Where a row may mean another part of the images, all images count, so that methods are compared
    on the same ones.
    """
    wanted = pd.Series({**row, "params": judge.other_reading(row) or row["params"]})
    rows = judge.counterparts(measured, wanted)
    rows = judge.select(rows, (row["metric"] in m for m in rows["metrics"]))
    return pd.DataFrame(
        {
            "seed": rows["seed"],
            "backend": rows["backend"],
            "network": [p.get("weights") for p in rows["params"]],
            "value": [float(m[row["metric"]]) for m in rows["metrics"]],
        }
    )


def differences_by_run(first: pd.DataFrame, second: pd.DataFrame) -> list[float]:
    """Return the difference of each run to the run of the other method that shares most with it.

    That is a run from the same network. Where there is none, it is one of the same seed that no
    other run has as its partner, and of the same backend if both methods train networks, for two
    backends draw different networks from one seed. Of several the mean counts. Runs without a
    partner are left out.

    Parameters
    ----------
    first, second : DataFrame
        With the columns seed, backend, network and value.
    """
    networks = set(first["network"].dropna()) & set(second["network"].dropna())
    free = second[~second["network"].isin(networks)]
    differences = []
    for run in first.to_dict("records"):
        if run["network"] in networks:
            same = second[second["network"] == run["network"]]
        else:
            same = free[free["seed"] == run["seed"]]
            if run["backend"]:
                same = same[same["backend"].isna() | (same["backend"] == run["backend"])]
        if len(same):
            differences.append(run["value"] - same["value"].mean())
    return differences


def order(printed: float, gain: Gain, *, rounding: float = 0.0) -> str:
    """Say whether our runs have the printed order.

    Parameters
    ----------
    printed : float
        Printed gain of the first method over the second.
    gain : Gain
        Ours.
    rounding : float, default=0.0
        What the rounding of both printed numbers allows; a smaller printed gain is none.

    Examples
    --------
    >>> order(0.05, gains.of([0.03, 0.04, 0.03])), order(0.05, gains.of([-0.03, -0.04, -0.03]))
    ('same order', 'opposite order')
    """
    if abs(printed) <= rounding:
        return "printed as equal"
    same = "same order" if gain.mean * printed > 0 else "opposite order"
    words = {
        "better": same,
        "worse": same,
        "no difference": "no difference here",
        "undecided": "undecided",
        "one run": f"one run, {same}",
    }
    return words[gain.word]


def size(printed: float, gain: Gain, width: float, *, rounding: float = 0.0) -> str:
    """Say whether our runs have a gain as large as the printed one.

    Only where the order is the printed one: ``as printed`` if the printed gain is in the 95 %
    prediction interval for one more pair of runs, ``undecided`` if 0 would be in it too.

    Parameters
    ----------
    printed : float
        Printed gain of the first method over the second.
    gain : Gain
        Ours.
    width : float
        Half the width of the prediction interval.
    rounding : float, default=0.0
        As in `order`.

    Examples
    --------
    >>> ours = gains.of([0.03, 0.04, 0.03])
    >>> size(0.04, ours, 0.02), size(0.09, ours, 0.02), size(0.04, ours, 0.2)
    ('as printed', 'smaller here', 'undecided')
    """
    if order(printed, gain, rounding=rounding) != "same order":
        return "–"
    if abs(gain.mean - printed) <= width + rounding:
        return "as printed" if width < abs(printed) else "undecided"
    return "larger here" if abs(gain.mean) > abs(printed) else "smaller here"
