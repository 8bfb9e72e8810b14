"""Tables of the book as MyST text: numbers, means with their spread, scores, verdicts.

Comparison is left to `judge`; each chapter decides which tables it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentbook.study import records
from latentbook.study.gains import Gain
from latentbook.study.judge import metrics_and_params, select, summarise

#: Column headings of the scores that `score_table` shows.
HEADINGS = {
    "acc": "ACC",
    "nmi": "NMI",
    "ari": "ARI",
    "ami": "AMI",
    "nmi_kept": "NMI kept",
    "silhouette": "SIL",
}
#: Beginning of a cell that holds a number, or – for none; dates, versions and names do not match.
_NUMBER = re.compile(r"([-−+]?\d[\d,]*(\.\d+)?%?|–)(\s|$)")
#: Text in place of a table before anything has run.
NOT_RUN = "No full-scale record yet: not run.\n"


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with a true minus sign and `digits` decimals; ``–`` if it is missing.

    From 10 on there is one decimal fewer. From 100 on, and for whole numbers, there is none.

    Examples
    --------
    >>> number(0.12345), number(-12.3456), number(70_000), number(None)
    ('0.123', '−12.35', '70,000', '–')
    """
    if value is None or pd.isna(value):
        return "–"
    return f"{value:,.{_decimals(value, digits)}f}".replace("-", "−")


def _decimals(value: float, digits: int) -> int:
    if abs(value) >= 100 or (float(value).is_integer() and abs(value) > 1):
        return 0
    return max(0, digits - 1) if abs(value) >= 10 else digits


def mean_and_spread(summary: dict[str, Any] | pd.Series | None) -> str:
    """Format ``mean ± spread (n)``, both with the same decimals; a single run has no spread."""
    if summary is None or pd.isna(summary.get("mean")):
        return "–"
    if summary["n"] == 1:
        return f"{number(summary['mean'])} (1)"
    spread = f"{summary['spread']:,.{_decimals(summary['mean'], 3)}f}"
    # non-breaking spaces keep a number and its spread on one line
    return f"{number(summary['mean'])}\u00a0±\u00a0{spread} ({int(summary['n'])})"


def without_n(summary: dict[str, Any] | pd.Series | None) -> str:
    """Format ``mean ± spread``, for tables with a column for the number of runs."""
    return mean_and_spread(summary).partition(" (")[0]


def gain_cell(gain: Gain) -> str:
    """Format a gain with its 95 % interval; a single pair of runs has none.

    Examples
    --------
    >>> from latentbook.study import gains
    >>> gain_cell(gains.of([0.02, 0.03, 0.04])).replace("\u00a0", " ")
    '+0.030 [+0.005, +0.055]'
    """
    mean, low, high = (_signed(value) for value in (gain.mean, gain.low, gain.high))
    return mean if gain.word == "one run" else f"{mean}\u00a0[{low},\u00a0{high}]"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def score_cell(rows: pd.DataFrame, metric: str) -> str:
    """Format mean ± spread of `metric` over `rows`, as `without_n`."""
    return without_n(summarise(rows, metric))


def part_cells(rows: pd.DataFrame, scores: Sequence[str]) -> list[str]:
    """Format scores over the training images, then over the test images, as `score_cell` does.

    Parameters
    ----------
    rows : DataFrame
        Records of one method, whose params name the part of the images.
    scores : sequence of str
    """
    parts = [records.part(params) for params in rows["params"]]
    return [
        score_cell(select(rows, (one == part for one in parts)), score)
        for part in ("train", "test")
        for score in scores
    ]


def markdown(
    header: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str, name: str
) -> str:
    """Return a numbered MyST table.

    The first column and columns of words are aligned left, columns of numbers right.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequences
        Cells, as text or with a text form.
    caption : str
        Shown above the table.
    name : str
        Target for cross references.

    Returns
    -------
    str

    Examples
    --------
    >>> print(markdown(["method", "ACC"], [["k-means", "0.53"]], caption="Scores", name="tbl-s"))
    :::{table} Scores
    :name: tbl-s
    <BLANKLINE>
    | method | ACC |
    | :-- | --: |
    | k-means | 0.53 |
    :::
    <BLANKLINE>
    """
    cells = [[str(cell) for cell in row] for row in rows]
    others = list(zip(*cells, strict=True))[1:]
    numeric = [all(map(_NUMBER.match, column)) for column in others] or [True] * len(header[1:])
    rules = [":--", *["--:" if is_number else ":--" for is_number in numeric]]
    body = [f"| {' | '.join(row)} |" for row in (header, rules, *cells)]
    return "\n".join([f":::{{table}} {caption}", f":name: {name}", "", *body, ":::", ""])


def score_table(
    measured: pd.DataFrame,
    dataset: str,
    scores: Sequence[str],
    *,
    caption: str,
    name: str,
    ends: Sequence[str] = ("coverage", "seconds", "runs"),
) -> str:
    """Return a table of all methods that were scored on `dataset`, sorted by the first score.

    A row is a method (and a part of the images). Its cells are mean ± spread of each score, and
    the last columns that `ends` names: coverage, the seconds of all stages together, the number of
    runs.
    """
    pairs = zip(measured["dataset"], measured["metrics"], strict=True)
    chosen = select(measured, (d == dataset and scores[0] in m for d, m in pairs))
    rows = []
    # an array, because pandas takes a list of one label for a list of keys
    labels = np.array(_labels(chosen), dtype=object)
    for label, group in chosen.groupby(labels, sort=False):
        summaries = [summarise(group, score) for score in scores]
        seconds = pd.Series([sum(s.values()) for s in group["seconds"]]).mean()
        cells = [without_n(summary) for summary in summaries]
        best = summaries[0]["mean"] if summaries[0] else 0.0
        last = {
            "coverage": number(group["coverage"].mean()),
            "seconds": number(seconds, 0),
            "runs": str(len(group)),
        }
        rows.append((best, [label, *cells, *(last[column] for column in ends)]))
    rows.sort(key=lambda row: -row[0])
    header = ["method", *[HEADINGS[score] for score in scores]]
    return markdown(
        [*header, *ends],
        [cells for _, cells in rows],
        caption=caption,
        name=name,
    )


def _labels(measured: pd.DataFrame) -> list[str]:
    """Name each record's method, with gamma, training, and the part of the images if not all."""
    labels = []
    pairs = metrics_and_params(measured)
    for method, (metrics, params) in zip(measured["method"], pairs, strict=True):
        part, limit = params.get("evaluated_on", "all"), params.get("max_epochs")
        remarks = [f"γ = {params['gamma']:g}"] if method.startswith("dcec") else []
        if limit:
            stopped = metrics.get("epochs", limit) < limit
            remarks.append("early stopping" if stopped else f"{limit} epochs")
        remarks += [f"{part} images"] if part != "all" else []
        labels.append(method + (f" ({', '.join(remarks)})" if remarks else ""))
    return labels


def verdict_table(compared: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return published numbers beside ours, one row each, with the verdict.

    The published table is named if there are several. Coverage is shown if it is not 1 everywhere.
    ``hits`` is how many runs give the printed value within its rounding. The verdict of the first
    edition of the rule is shown if `compared` has it.

    Parameters
    ----------
    compared : DataFrame
        Rows of `judge.compare`, or of `editions.with_first`.
    caption, name : str
        As in `markdown`.
    """
    several = compared["table"].nunique() > 1
    partial = bool((compared["coverage"].fillna(1.0) != 1).any())
    editions = "first" in compared
    what = "table, data set: method" if several else "data set: method"
    header = [what, "metric", "published", "reproduced", "hits", *["coverage"] * partial, "verdict"]
    rows = []
    for _, row in compared.iterrows():
        # the part of the samples that was scored says by itself what it is
        params = ", ".join(
            f"{v} part" if k == "evaluated_on" else f"{k} {v}" for k, v in row["params"].items()
        )
        label = f"{row['dataset']}: {row['method']}" + (f" ({params})" if params else "")
        digits = min(4, max(3, len(str(row["value"]).partition(".")[2])))
        rows.append(
            [
                f"{row['table']}, {label}" if several else label,
                row["metric"].replace("_", " "),
                number(row["value"], digits),
                mean_and_spread(row),
                _hits(row),
                *[number(row["coverage"])] * partial,
                _verdict(row),
                *[row.get("first")] * editions,
            ]
        )
    header += ["first edition"] * editions
    explained = f"{caption}; hits are the runs that give the printed value within its rounding"
    return markdown(header, rows, caption=explained, name=name)


def _hits(row: pd.Series) -> str:
    """Format how many of the runs give the printed value."""
    hits = row.get("hits")
    return "–" if hits is None or pd.isna(hits) else f"{int(hits)} of {int(row['n'])}"


def _verdict(row: pd.Series) -> str:
    """Format the verdict, why there is none, and what another reading of the source would give."""
    text = styled(row["verdict"])
    if row["verdict"] == "not comparable":
        text += f": {row['not_comparable']}"
    other = row.get("other_verdict")
    if isinstance(other, str):
        ours = mean_and_spread({key: row[f"other_{key}"] for key in ("mean", "spread", "n")})
        text += f"; read as {row['other_part']} images: {ours}, {other}"
    return text


def styled(judged: str) -> str:
    """Return a verdict with the class that colours it; the word alone tells the verdict too.

    Examples
    --------
    >>> styled("one run, within")
    '[one run, within]{.verdict-one-run-within}'
    """
    return f"[{judged}]{{.verdict-{re.sub('[ ,]+', '-', judged)}}}"
