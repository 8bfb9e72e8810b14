"""Published against reproduced: every printed number, its runs, and the verdict.

The rule of the verdicts is `verdict`, its second edition; `editions` has the first.
`compare` applies it to every published number, and `headline` counts each printed number once.
Layout is left to `tables`, orders and effects of methods to `effects`.
"""

from __future__ import annotations

import json
import math
import weakref
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from latentbook import paths
from latentbook.errors import LatentbookError
from latentbook.study import records
from latentbook.study.method import Method

#: Columns of the published numbers. `printed` is the value as text, with the digits of the source.
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
    "printed",
)
VERDICTS = (
    "reproduced",
    "higher",
    "lower",
    "undecided",
    "one run, within",
    "one run, outside",
    "same count",
    "other count",
    "not comparable",
    "not run",
)
#: Verdicts on counts of parameters: arithmetic, which no run can miss, and no reproduction.
COUNTED = ("same count", "other count")
#: Smallest tolerance, and the half width of an interval beyond which it decides nothing; for values
#: beyond 1 they are shares of the value.
FLOOR, CAP = 0.02, 0.05
CONFIDENCE = 0.95
#: Tables that cut digits off instead of rounding them, so that a printed number may be a whole unit
#: of its last digit away.
CUT_OFF = frozenset(
    ("fernandez2020", table)
    for table in ("table 12.1", "table 12.2", "table 13.1", "section 12.1.2")
)
#: Decimals of a printed value that a run must give to hit it; libraries do not keep more.
HIT_DECIMALS = 3
#: Source -> network -> the limit of epochs under which the source printed its numbers. A training
#: of ours that ended at a smaller limit, or at any limit of a network that is not named here, is
#: too short to be compared.
STATED_EPOCHS = {"fernandez2020": {"cae10": 400, "cae10-guo": 400}}
#: Table -> part of the images that its rows name -> the other part that their words may mean.
OTHER_READINGS = {("fernandez2020", "table 13.1"): {"train": "all"}}
#: Published data set that is not available -> the data set of ours that is compared with it.
STAND_INS = {"weather": "weather-simulated"}
_COLUMNS = (
    "mean",
    "spread",
    "n",
    "n_samples",
    "coverage",
    "values",
    "half_width",
    "hits",
    "other_part",
    "other_mean",
    "other_spread",
    "other_n",
    "other_verdict",
    "statement",
    "verdict",
)


def verdict(published: float, values: Sequence[float], *, rounding: float = 0.0) -> str:
    r"""Judge the runs of ours by the published value: the second edition of the rule.

    For n runs with mean m and standard deviation s, the 95 % prediction interval for *one more run*
    has the half width

    .. math:: h = t_{0.975,\,n-1}\; s\, \sqrt{1 + 1/n}.

    The source printed one run, so that its number should lie in it. The tolerance is the larger of
    h and the floor, and the rounding of the printed number comes on top. The floor is 0.02, the cap
    of h is 0.05; of values beyond 1, they are 2 % and 5 %.

    - ``higher`` or ``lower``: the mean is further from the printed value than the tolerance;
    - ``undecided``: it is not, but h is larger than the cap;
    - ``reproduced``: it is not, and h is not;
    - ``one run, within`` or ``one run, outside``: there is one run, and its tolerance is the floor.

    Parameters
    ----------
    published : float
        The value that the source prints.
    values : sequence of float
        What each of our runs gives.
    rounding : float, default=0.0
        By how much the printed value may differ from the value that was printed, see `rounding_of`.

    Returns
    -------
    str

    Raises
    ------
    LatentbookError
        If there is no run, or a value is missing.

    References
    ----------
    G. J. Hahn and W. Q. Meeker, *Statistical Intervals*, Wiley 1991, chapter 4.

    Examples
    --------
    >>> from latentbook.study.judge import verdict
    >>> verdict(0.53, [0.52, 0.53, 0.54])
    'reproduced'
    >>> verdict(0.53, [0.60, 0.61, 0.62])
    'higher'
    >>> verdict(0.53, [0.45, 0.60, 0.55]), verdict(0.53, [0.54])
    ('undecided', 'one run, within')
    """
    if not len(values) or not np.isfinite([published, *values]).all():
        raise LatentbookError(
            f"{published} cannot be compared with the runs {list(values)}: a verdict needs "
            "numbers, and at least one run"
        )
    scale = max(1.0, abs(published))
    width = half_width(values)
    difference = float(np.mean(values)) - published
    # a hair more, so that 0.52 is within 0.02 of 0.5
    within = abs(difference) <= max(FLOOR * scale, width) + rounding + 1e-9
    if len(values) == 1:
        return f"one run, {'within' if within else 'outside'}"
    if not within:
        return "higher" if difference > 0 else "lower"
    return "undecided" if width > CAP * scale else "reproduced"


def half_width(values: Sequence[float]) -> float:
    """Return half the width of the 95 % prediction interval for one more run, 0 for a single run.

    Examples
    --------
    >>> round(half_width([0.4, 0.5, 0.6]), 3)  # 4.303 * 0.1 * sqrt(4 / 3)
    0.497
    """
    n = len(values)
    if n < 2:
        return 0.0
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))
    return quantile * float(np.std(values, ddof=1)) * math.sqrt(1 + 1 / n)


def rounding_of(printed: str, *, cut_off: bool = False) -> float:
    """Return how far the number behind a printed one may be from it.

    Parameters
    ----------
    printed : str
        The number as the source prints it.
    cut_off : bool, default=False
        Whether the source cuts digits off; then it is a whole unit of the last digit, and not half.

    Returns
    -------
    float
        0 for whole numbers, which are counts.

    Raises
    ------
    LatentbookError
        If `printed` is no number.

    Examples
    --------
    >>> rounding_of("0.3"), rounding_of("0.5284", cut_off=True), rounding_of("14")
    (0.05, 0.0001, 0.0)
    """
    try:
        number = Decimal(printed)
    except InvalidOperation:
        number = Decimal("NaN")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise LatentbookError(
            f"the published value {printed!r} has no precision: write the number with the digits "
            "that the source prints, as in 0.530"
        )
    return (1.0 if cut_off else 0.5) * 10.0**exponent if exponent < 0 else 0.0


def hits(published: float, values: Iterable[float], *, rounding: float = 0.0) -> int:
    """Return how many runs give the printed value within its rounding, to three decimals at most.

    Where runs fall into groups, mean and spread describe none of them; this says how many are in
    the group of the source.

    Examples
    --------
    >>> hits(0.3450, [0.3448, 0.3450, 0.437], rounding=0.0001)
    2
    """
    close = max(rounding, 0.5 * 10.0**-HIT_DECIMALS) + 1e-9
    return sum(abs(value - published) <= close for value in values)


def published() -> pd.DataFrame:
    """Return every published number, one row each, `params` as a dictionary.

    Raises
    ------
    LatentbookError
        If a value is no number.
    """
    tables = [_numbers(source.name) for source in sorted(paths.published().glob("*.csv"))]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    rows = rows.reindex(columns=list(PUBLISHED_COLUMNS))
    rows["params"] = [json.loads(text) if text else {} for text in rows["params"]]
    return rows


def _numbers(name: str) -> pd.DataFrame:
    """Return one file of published numbers, the value as text and as number."""
    text = {"page": str, "table": str, "value": str}
    rows = pd.read_csv(paths.published() / name, keep_default_na=False, dtype=text)
    for line, printed in enumerate(rows["value"], start=2):
        try:
            rounding_of(printed)
        except LatentbookError as error:
            raise LatentbookError(f"line {line} of {name}: {error}") from error
    return rows.assign(printed=rows["value"], value=rows["value"].astype(float))


def values_of(rows: pd.DataFrame, metric: str) -> list[float]:
    """Return the values of `metric` over the records that have it, one a run."""
    if metric == "coverage":
        return [float(value) for value in rows["coverage"]]
    return [float(m[metric]) for m in rows["metrics"] if metric in m]


def summarise(rows: pd.DataFrame, metric: str) -> dict[str, Any] | None:
    """Return mean, spread, number of runs, samples, coverage and values of `metric` over `rows`.

    None where no record has the metric.
    """
    values = values_of(rows, metric)
    if not values:
        return None
    return {
        "mean": float(np.mean(values)),
        "spread": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        "n": len(values),
        "n_samples": int(max(rows["n_samples"])),
        "coverage": float(np.mean(list(rows["coverage"]))),
        "values": tuple(values),
    }


def counterparts(measured: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Return the records in `measured` that measure the same as the published `row`.

    If networks were trained with several limits of epochs, the records of the longest count. If
    parts of the samples were scored apart, the records of all samples count, unless the row names a
    part.
    """
    same = of_method(measured, STAND_INS.get(row["dataset"], row["dataset"]), row["method"])
    whole = {"evaluated_on": "all"}
    wanted = (whole | row["params"]).items()
    return longest(select(same, (wanted <= (whole | p).items() for p in same["params"])))


def other_reading(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the params that the words of a published row may also mean, None if they are clear."""
    readings = OTHER_READINGS.get((row["source"], row["table"]), {})
    part = readings.get(row["params"].get("evaluated_on", ""))
    return row["params"] | {"evaluated_on": part} if part else None


def over_all(measured: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    """Return the records of a method over all images, those of the longest training."""
    wanted = {"dataset": dataset, "method": method, "params": {"evaluated_on": "all"}}
    return counterparts(measured, pd.Series(wanted))


#: The frame that `of_method` was asked about last, and the positions of its methods.
_grouped: tuple[weakref.ref[pd.DataFrame], dict[tuple[str, str], np.ndarray]] | None = None


def of_method(measured: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    """Return the records of a method on a data set.

    Thousands of questions about one frame are cheap: its groups are remembered.
    """
    global _grouped
    if _grouped is None or _grouped[0]() is not measured:
        groups = measured.groupby(["dataset", "method"]).indices if len(measured) else {}
        _grouped = (weakref.ref(measured), groups)
    return measured.iloc[_grouped[1].get((dataset, method), [])]


def longest(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the records whose limit of epochs is the largest of their data set and method."""
    limits = [records.epoch_limit(params) for params in measured["params"]]
    methods = list(zip(measured["dataset"], measured["method"], strict=True))
    largest: dict[tuple[str, str], int] = {}
    for method, limit in zip(methods, limits, strict=True):
        largest[method] = max(limit, largest.get(method, 0))
    pairs = zip(methods, limits, strict=True)
    return select(measured, (limit == largest[method] for method, limit in pairs))


def select(rows: pd.DataFrame, chosen: Iterable[bool]) -> pd.DataFrame:
    """Return the chosen rows; unlike plain indexing, an empty result keeps its columns."""
    return rows.loc[np.fromiter(chosen, dtype=bool, count=len(rows))]


def compare(numbers: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Set every published number beside the runs that measure the same.

    Parameters
    ----------
    numbers : DataFrame
        As `published` returns them.
    measured : DataFrame
        As `records.read` returns them.

    Returns
    -------
    DataFrame
        `numbers` with, missing where nothing ran: mean, spread, n, n_samples, coverage and the
        values of the runs; half_width of the prediction interval; hits (runs that give the printed
        value); mean, spread, n and verdict by the other reading of an ambiguous row, and the part
        of the images it means. And for all rows: statement, the same for rows that print one number
        twice, and verdict.
    """
    compared = []
    for _, row in numbers.iterrows():
        cells = _judged(row, counterparts(measured, row))
        if (other := other_reading(row)) is not None:
            again = pd.Series({**row, "params": other})
            read = _judged(again, counterparts(measured, again))
            shown = ("mean", "spread", "n", "verdict")
            cells |= {f"other_{name}": read.get(name) for name in shown}
            cells["other_part"] = other["evaluated_on"]
        compared.append({**row, **cells})
    columns = [*numbers.columns, *_COLUMNS]
    table = pd.DataFrame(compared).reindex(columns=columns)
    return table.assign(statement=statements(numbers))


def _judged(row: pd.Series, rows: pd.DataFrame) -> dict[str, Any]:
    """Return what our runs say of one published number, and the verdict."""
    summary = summarise(rows, row["metric"])
    reason = row["not_comparable"] or _unfinished(rows, row)
    if summary is None:
        return {
            "not_comparable": reason,
            "verdict": "not comparable" if reason else "not run",
        }
    values, digits = summary["values"], rounding(row)
    if reason:
        judged = "not comparable"
    elif row["metric"].startswith("parameters"):
        judged = COUNTED[any(value != row["value"] for value in values)]
    else:
        judged = verdict(row["value"], values, rounding=digits)
    return summary | {
        "not_comparable": reason,
        "half_width": half_width(values),
        "hits": hits(row["value"], values, rounding=digits),
        "verdict": judged,
    }


def rounding(row: Mapping[Any, Any]) -> float:
    """Return how far the number behind a published row may be from the printed one."""
    return rounding_of(row["printed"], cut_off=(row["source"], row["table"]) in CUT_OFF)


def _unfinished(rows: pd.DataFrame, row: pd.Series) -> str:
    """Return why scores of a network are not comparable: training ended at the limit of epochs."""
    if row["metric"].startswith("parameters"):
        return ""
    network = Method.parse(row["method"]).representation
    enough = STATED_EPOCHS.get(row["source"], {}).get(network, math.inf)
    epochs = [(m.get("epochs"), records.epoch_limit(p)) for m, p in metrics_and_params(rows)]
    cut = [limit for n, limit in epochs if limit and n == limit < enough]
    return f"trained {cut[0]} epochs here, and not until its loss had settled" if cut else ""


def statements(numbers: pd.DataFrame) -> list[int]:
    """Return for each published row the position of the row whose number it prints again.

    Two rows of one source print the same number if data set, method, metric and params agree, and
    the value, to the digits of the row that prints fewer. The row with the most digits stands for
    all; it has its own position.
    """
    leaders: dict[tuple[str, ...], list[int]] = {}
    found = [0] * len(numbers)
    rows = list(numbers.to_dict("records"))
    digits = [-int(Decimal(row["printed"]).as_tuple().exponent) for row in rows]
    for position in sorted(range(len(rows)), key=lambda i: -digits[i]):
        row = rows[position]
        about = [row[name] for name in ("source", "dataset", "method", "metric")]
        known = leaders.setdefault((*about, json.dumps(row["params"], sort_keys=True)), [])
        close = rounding(row) + 1e-9
        same = [i for i in known if abs(rows[i]["value"] - row["value"]) <= close]
        found[position] = same[0] if same else position
        if not same:
            known.append(position)
    return found


def headline(compared: pd.DataFrame) -> pd.Series:
    """Return the number of verdicts of each kind, each printed number counted once.

    Numbers that a source prints several times count by the row with the most digits; counts of
    parameters are left out.

    Parameters
    ----------
    compared : DataFrame
        As `compare` returns it.

    Returns
    -------
    Series
        Verdict -> numbers, in the order of `VERDICTS`.
    """
    once = compared[compared["statement"] == compared.index]
    counts = once["verdict"].value_counts()
    shown = [name for name in VERDICTS if name not in COUNTED]
    return counts.reindex(shown, fill_value=0).astype(int)


def metrics_and_params(rows: pd.DataFrame) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the metrics and the parameters of each record."""
    return zip(rows["metrics"], rows["params"], strict=True)
