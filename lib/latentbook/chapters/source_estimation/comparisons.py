"""Tables of rules that the thesis lacks: baselines, inputs, calibration, fairer task, real weather.

Shares and differences come from the ranks of single releases (`ranks`) where they were kept, with
intervals that draw whole weeks; of networks only the records have the shares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.source_estimation import fairer as fairer_tasks
from latentbook.chapters.source_estimation import ranks
from latentbook.study.judge import select
from latentbook.study.method import Method
from latentbook.study.tables import NOT_RUN, markdown, number
from latentbook.study.weather_labels import TITLES, codes_title

SIMULATED, REAL = "weather-simulated", "weather-eraint"
#: Numbers of readings, and windows that stand for a cluster, in these tables.
READINGS = (10, 30)
WINDOWS = 10
#: Levels of the geostrophic wind of real weather.
LEVELS = (500,)
#: Networks whose clusters are compared; their codes are those of chapter 05.
NETWORKS = ("conv", "fc-lstm", "cnn-lstm", "cnn-lstm-3d")
#: Inputs of the clustering -> their titles.
INPUTS = {
    "first-field": "first field of the window",
    "mean-field": "mean of its fields",
    "shuffled": "its fields in any order",
    "eofs5": "5 principal components",
    "eofs10": "10 principal components",
    "levels": "heights of three levels",
    "heights": "heights at the level of the release",
    "wind": "wind at the level of the release",
    "wind-eofs5": "5 principal components of that wind",
}
_ANALOGUES = re.compile(r"(\d+) analogues by (heights|wind)")
#: Rules that two tables have in one order: up to the likelihood without analogues, and after it.
_BEFORE = (
    "30 analogues by heights + cosine",
    "30 analogues by wind + cosine",
    "100 analogues by heights + cosine",
    "100 analogues by wind + cosine",
    "true weather + cosine",
    "any weather + likelihood",
    "likelihood in the cluster raw",
)
_AFTER = (
    "30 analogues by heights + likelihood",
    "30 analogues by wind + likelihood",
    "100 analogues by heights + likelihood",
    "100 analogues by wind + likelihood",
    "true weather + likelihood",
)
#: Rules of the table of baselines in its order, those by the clusters of networks after them.
RULES = ("nearest site", "mean plume", "k-means raw", *_BEFORE, *_AFTER)
#: Pairs of rules whose difference the chapter states.
PAIRS = (
    ("nearest site", "k-means raw"),
    ("k-means raw", "mean plume"),
    ("30 analogues by heights + cosine", "k-means raw"),
    ("30 analogues by wind + cosine", "k-means raw"),
    ("any weather + likelihood", "mean plume"),
    ("any weather + likelihood", "nearest site"),
    ("likelihood in the cluster raw", "any weather + likelihood"),
    *((f"{name} + likelihood in the cluster", "any weather + likelihood") for name in NETWORKS),
    *(
        (f"{name} + likelihood in the cluster", "likelihood in the cluster raw")
        for name in NETWORKS
    ),
    ("100 analogues by heights + likelihood", "any weather + likelihood"),
    ("100 analogues by wind + likelihood", "any weather + likelihood"),
    ("true weather + likelihood", "any weather + likelihood"),
)
#: Rules whose probabilities are judged.
CALIBRATED = (
    "any weather + likelihood",
    "likelihood in the cluster raw",
    "100 analogues by wind + likelihood",
    "true weather + likelihood",
)
#: Rules of the table of real weather.
REAL_RULES = (
    *RULES[:3],
    "pca256 + k-means",
    *_BEFORE,
    *(f"{name} + likelihood in the cluster" for name in NETWORKS[:3]),
    *_AFTER,
)
#: Rules of the fairer task.
FAIRER = (
    "nearest site",
    "mean plume",
    "k-means raw",
    "any weather + likelihood",
    "true weather + likelihood",
)


def rule_title(method: str) -> str:
    """Return what the tables call a rule.

    Examples
    --------
    >>> rule_title("k-means raw"), rule_title("30 analogues by wind + cosine")
    ('cosine, cluster of raw fields', 'cosine, 30 analogues by wind')
    >>> rule_title("cnn-lstm + likelihood in the cluster"), rule_title("mean plume")
    ('likelihood, cluster of cnn-lstm', 'cosine, mean plume')
    """
    parsed = Method.parse(method).unchanged
    codes = codes_title(str(parsed))
    if parsed.learner == "likelihood in the cluster":
        return f"likelihood, cluster of {codes}"
    if parsed.learner == "k-means":
        return f"cosine, cluster of {INPUTS.get(codes, codes)}"
    if parsed.learner in ("likelihood", "cosine"):
        return f"{parsed.learner}, {parsed.representation}"
    same = {"mean plume": "cosine, mean plume", "nearest site": "site nearest to any reading"}
    return same.get(str(parsed), f"cosine, {parsed}")


def is_baseline(method: str) -> bool:
    """Say whether a record stands in the table of baselines, and not in that of figure 20."""
    parsed = Method.parse(method)
    rule = parsed.learner in ("likelihood", "cosine", "likelihood in the cluster")
    return not parsed.change and (rule or str(parsed) == "nearest site")


def is_input(method: str) -> bool:
    """Say whether a record is about another input of the clustering."""
    parsed = Method.parse(method)
    return parsed.representation in INPUTS and parsed.learner == "k-means"


def is_fairer(params: Mapping[str, object]) -> bool:
    """Say whether a record is about readings of a release that the candidates do not know."""
    return any(name.startswith("read_") for name in params)


def condition(method: str, readings: int, level: int | None = None) -> dict[str, object]:
    """Return the condition that ranks of a method were kept under (`study.condition`)."""
    asked: dict[str, object] = {"readings": readings}
    if level is not None:
        asked["wind"] = f"{level:g}"
    if Method.parse(method).learner == "k-means" and not Method.parse(method).change:
        asked["windows"] = WINDOWS
    return asked


def generated(estimated: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    estimated : DataFrame
        The full-scale records of the chapter.
    """
    names = ("baselines", "differences", "inputs", "calibration", "fairer", "real")
    pages = dict.fromkeys([f"06-{name}.md" for name in names], NOT_RUN)
    found, arrays = Found(estimated, SIMULATED), ranks.full_scale(SIMULATED)
    if len(found) and arrays:
        pages |= {
            "06-baselines.md": baselines(found, arrays),
            "06-differences.md": differences(arrays),
            "06-inputs.md": inputs(found, arrays),
            "06-calibration.md": calibration(found),
            "06-fairer.md": fairer(found, arrays, READINGS[0]),
        }
    found, arrays = Found(estimated, REAL), ranks.full_scale(REAL)
    if len(found) and arrays:
        pages["06-real.md"] = real(found, arrays)
    return pages


class Found:
    """The records of one data set, and what they say of a rule under a condition.

    Parameters
    ----------
    records : DataFrame
        Of the chapter.
    dataset : str
    """

    def __init__(self, records: pd.DataFrame, dataset: str) -> None:
        own = records[records["dataset"] == dataset]
        self._by_method = dict(iter(own.groupby("method")))

    def __len__(self) -> int:
        """Return the number of methods."""
        return len(self._by_method)

    def rows(self, method: str, readings: int, level: float | None = None) -> pd.DataFrame:
        """Return the records of a rule, with ten windows where it has windows."""
        rows = self._by_method.get(method)
        if rows is None:
            return pd.DataFrame(columns=["seed", "params", "metrics"])
        return select(
            rows,
            (
                p["readings"] == readings
                and p.get("descriptor", WINDOWS) == WINDOWS
                and (level is None or p["level"] == level)
                for p in rows["params"]
            ),
        )

    def mean(
        self, method: str, readings: int, metric: str, level: float | None = None
    ) -> float | None:
        """Return the mean of a metric over the seeds, None where nothing ran."""
        rows = self.rows(method, readings, level)
        values = [
            pd.Series([m[metric] for m in own["metrics"] if metric in m], dtype=float).mean()
            for _, own in rows.groupby("seed")
        ]
        return float(np.mean(values)) if values and np.isfinite(values).all() else None


def live(records: Sequence[Mapping[str, Any]], title: str, *, name: str) -> str:
    """Return the shares of one run, one row a rule.

    Parameters
    ----------
    records : sequence of dict
        As `ranks.keep` returns them.
    title : str
        What was run, for the caption.
    name : str
        Of the table.
    """
    found = pd.DataFrame(records)
    found["readings"] = [params["readings"] for params in found["params"]]
    readings = sorted(found["readings"].unique())
    rows = []
    for method in dict.fromkeys(found["method"]):
        cells = []
        for n in readings:
            one = found[(found["method"] == method) & (found["readings"] == n)]
            tops = [one["metrics"].iloc[0][top] for top in ("top1", "top3")] if len(one) else []
            cells.append(" / ".join(map(number, tops)) or "–")
        change = Method.parse(method).change
        rows.append([rule_title(method) + (f", {change}" if change else ""), *cells])
    heads = [f"{n} readings" for n in readings]
    return markdown(["rule", *heads], rows, caption=f"Top 1 / top 3, {title}", name=name)


def baselines(found: Found, arrays: Mapping[str, np.ndarray]) -> str:
    """Return the table of baselines: share found first and among three, by 10 and 30 readings."""
    networks = [f"{name} + likelihood in the cluster" for name in NETWORKS]
    networks += [f"{name} + k-means" for name in NETWORKS]
    rows = []
    for method in (*RULES, *networks):
        cells = [_share(found, arrays, method, n, top) for n in READINGS for top in (1, 3)]
        seeds = found.rows(method, READINGS[0])["seed"].nunique()
        rows.append([rule_title(method), *cells, str(seeds)])
    heads = [f"{n} readings, top {top}" for n in READINGS for top in (1, 3)]
    return markdown(
        ["rule", *heads, "seeds"],
        rows,
        caption="Share of test releases with the true site first / among the first three, "
        f"{TITLES[SIMULATED]}: mean over seeds, with the 95% interval of a bootstrap of weeks "
        "for the seeds whose ranks were kept; "
        f"where plumes of clusters are compared by cosine, {WINDOWS} windows stand for each. The "
        "last rows have networks of 8 epochs, and no ranks of single releases",
        name="tbl-06-baselines",
    )


def _share(
    found: Found,
    arrays: Mapping[str, np.ndarray],
    method: str,
    readings: int,
    top: int,
    level: int | None = None,
) -> str:
    """Format the share found: mean of the records, interval of the ranks where they were kept."""
    mean = found.mean(method, readings, f"top{top}", level)
    asked = condition(method, readings, level)
    if mean is None or not ranks.seeds(arrays, method, asked):
        return number(mean)
    _, low, high = ranks.share(arrays, method, asked, top)
    return f"{number(mean)}\u00a0[{number(low)},\u00a0{number(high)}]"


def points(interval: Sequence[float]) -> str:
    """Format a difference of shares with its interval, in percentage points."""
    mean, low, high = (f"{100 * value:+.1f}".replace("-", "−") for value in interval)
    return f"{mean}\u00a0[{low},\u00a0{high}]"


def gain(
    arrays: Mapping[str, np.ndarray],
    first: str,
    second: str,
    readings: int,
    top: int = 1,
    level: int | None = None,
) -> tuple[float, float, float]:
    """Return how much more often a rule finds the site than another, with its block interval."""
    pair = [(method, condition(method, readings, level)) for method in (first, second)]
    return ranks.difference(arrays, pair[0], pair[1], top)


def differences(arrays: Mapping[str, np.ndarray]) -> str:
    """Return differences between rules, release by release."""
    rows = [
        [
            f"{rule_title(first)} − {rule_title(second)}",
            *(points(gain(arrays, first, second, n, top)) for n in READINGS for top in (1, 3)),
        ]
        for first, second in PAIRS
    ]
    heads = [f"{n} readings, top {top}" for n in READINGS for top in (1, 3)]
    return markdown(
        ["difference", *heads],
        rows,
        caption="Differences between rules in percentage points, release by release, with the 95% "
        "interval of a bootstrap of weeks",
        name="tbl-06-differences",
    )


def inputs(found: Found, arrays: Mapping[str, np.ndarray]) -> str:
    """Return what other inputs of the clustering are worth, beside the raw windows."""
    rows = []
    for name, title in INPUTS.items():
        method = f"{name} + k-means"
        cells = [
            f"{number(found.mean(method, n, f'top{top}'))}: "
            + points(gain(arrays, method, "k-means raw", n, top))
            for n in READINGS
            for top in (1, 3)
        ]
        rows.append([title, *cells])
    heads = [f"{n} readings, top {top}" for n in READINGS for top in (1, 3)]
    return markdown(
        ["input of k-means", *heads],
        rows,
        caption="Share found with other inputs of the clustering, by cosine and with "
        f"{WINDOWS} windows, and what it is beyond that of the windows of heights at 700 hPa, in "
        "percentage points: release by release, 95% interval of a bootstrap of weeks",
        name="tbl-06-inputs",
    )


def calibration(found: Found) -> str:
    """Return log score and calibration error of the likelihoods, before and after a temperature."""
    metrics = (
        "log_score",
        "calibration_error",
        "temperature",
        "log_score_tempered",
        "calibration_error_tempered",
    )
    rows = [
        [rule_title(method), str(n), *(number(found.mean(method, n, m)) for m in metrics)]
        for method in CALIBRATED
        for n in READINGS
    ]
    return markdown(
        ["rule", "readings", "log score", "error", "temperature", "log score after", "error after"],
        rows,
        caption="Do the probabilities come true? Mean negative log probability of the true site in "
        "nats, and mean distance of promised from found shares, before and after a temperature "
        "that was fitted on training windows; means over seeds",
        name="tbl-06-calibration",
    )


def changes(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Return the changes of the task that ranks were kept of, in their order, as it is first."""
    start = f"{FAIRER[0]}, "
    names = [name.removeprefix(start) for name in arrays if name.startswith(start)]
    begins = ["as it is", *(words.partition("{")[0] for words in fairer_tasks.WORDS.values())]
    found = sorted({name.partition(";")[0] for name in names})
    return sorted(found, key=lambda name: [name.startswith(word) for word in begins].index(True))


def fairer(found: Found, arrays: Mapping[str, np.ndarray], readings: int) -> str:
    """Return the share found first where something about the release is not known."""
    rows = []
    for change in changes(arrays):
        cells = [_share(found, arrays, f"{rule}, {change}", readings, 1) for rule in FAIRER]
        rows.append([change, *cells])
    among = [
        [change, *(number(found.mean(f"{rule}, {change}", readings, "top3")) for rule in FAIRER)]
        for change in changes(arrays)
    ]
    heads = ["the release that is read", *map(rule_title, FAIRER)]
    told = (
        f"from {readings} readings, where the release that is read differs in one thing from those "
        "that it is compared with"
    )
    first = markdown(
        heads,
        rows,
        caption=f"Share of test releases with the true site first {told}; 95% interval of a "
        "bootstrap of weeks. A network reads at all its stations",
        name=f"tbl-06-fairer-{readings}",
    )
    three = markdown(
        heads,
        among,
        caption=f"Share of test releases with the true site among the first three {told}",
        name=f"tbl-06-fairer-{readings}-top-3",
    )
    folded = ["::::{dropdown} The same among the first three", "", three, "::::", ""]
    return "\n".join([first, *folded])


def real(found: Found, arrays: Mapping[str, np.ndarray]) -> str:
    """Return the share found first in real weather, by the geostrophic wind."""
    rows = []
    for method in REAL_RULES:
        cells = [
            f"{_share(found, arrays, method, n, 1, level)} / "
            f"{number(found.mean(method, n, 'top3', level))}"
            for level in LEVELS
            for n in READINGS
        ]
        rows.append([rule_title(method), *cells])
    heads = [f"wind of {level} hPa, {n} readings" for level in LEVELS for n in READINGS]
    return markdown(
        ["rule", *heads],
        rows,
        caption=f"{TITLES[REAL].partition(',')[0]}, geostrophic wind from the heights: share of "
        "test releases with the true site first, with the 95% interval of a bootstrap of weeks, / "
        "among the first three; seed 0",
        name="tbl-06-real",
    )
