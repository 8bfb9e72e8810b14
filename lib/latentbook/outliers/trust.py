"""Which of two scores finds more: on anomalies that are marked, or on rows spoilt for the purpose.

Scores here are higher for stranger rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

#: Rows that are spoilt in each way at most.
PLANTED = 500
#: Standard errors within which 95 % of a Gaussian lie.
Z95 = 1.959964


@dataclass(frozen=True)
class Comparison:
    """Two scores on the same known anomalies.

    Attributes
    ----------
    kind : str
        Of the anomalies.
    n : int
        Number of anomalies.
    auc, ap : tuple of two floats
        ROC AUC and average precision of the first and of the second score.
    gain, low, high : float
        Difference of the AUCs, first minus second, and its 95 % interval.
    """

    kind: str
    n: int
    auc: tuple[float, float]
    ap: tuple[float, float]
    gain: float
    low: float
    high: float

    @property
    def ahead(self) -> int | None:
        """0 or 1 for the score that is ahead, None if the interval holds 0."""
        if self.low > 0:
            return 0
        return 1 if self.high < 0 else None


def compare(kind: str, first: np.ndarray, second: np.ndarray, truth: np.ndarray) -> Comparison:
    """Compare two scores by AUC, with DeLong's interval for their difference.

    Parameters
    ----------
    kind : str
    first, second : vectors of length n
        Higher for stranger rows.
    truth : vector of bool
        True for anomalies; some rows must be and some not.

    References
    ----------
    - E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more
      correlated receiver operating characteristic curves", Biometrics 44(3), 1988,
      https://doi.org/10.2307/2531595

    Examples
    --------
    >>> truth = np.array([0, 0, 0, 1, 1], dtype=bool)
    >>> one = compare("any", np.array([1, 2, 3, 4, 5]), np.array([1, 2, 4, 3, 5]), truth)
    >>> one.auc, round(one.gain, 3)
    ((1.0, 0.833), 0.167)
    """
    places = [_placements(score, truth) for score in (first, second)]
    auc = tuple(round(float(roc_auc_score(truth, score)), 3) for score in (first, second))
    ap = tuple(round(float(average_precision_score(truth, score)), 3) for score in (first, second))
    of_anomalies, of_others = (a - b for a, b in zip(*places, strict=True))
    gain = float(of_anomalies.mean())
    variance = sum(
        d.var(ddof=1) / len(d) if len(d) > 1 else np.inf for d in (of_anomalies, of_others)
    )
    reach = Z95 * float(np.sqrt(variance))
    return Comparison(kind, int(truth.sum()), auc, ap, gain, gain - reach, gain + reach)  # type: ignore[arg-type]


def _placements(score: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each anomaly the share of other rows below it, and for those the reverse."""
    odd, usual = score[truth], score[~truth]
    rank = stats.rankdata(np.concatenate([odd, usual]))
    above = (rank[: len(odd)] - stats.rankdata(odd)) / len(usual)
    below = 1 - (rank[len(odd) :] - stats.rankdata(usual)) / len(odd)
    return above, below


# ---------------------------------------------------------------- rows that are spoilt on purpose


@dataclass(frozen=True)
class Spoilt:
    """Rows of a table with one thing changed in each.

    Attributes
    ----------
    frame : DataFrame
    labels : vector of int
        The classes that the rows claim.
    source : vector of int
        Rows of the table that they were made of.
    kind : array of str
        What was changed.
    """

    frame: pd.DataFrame
    labels: np.ndarray
    source: np.ndarray
    kind: np.ndarray


#: What is changed in a row that is spoilt.
OTHER_CLASS = "a value of another class"
SAME_CLASS = "a value of another row of the class"
WRONG_LABEL = "another label"
TEN_TIMES = "a number times ten"


def spoil(
    frame: pd.DataFrame, kinds: Mapping[str, str], labels: np.ndarray, *, seed: int = 0
) -> Spoilt:
    """Return copies of rows in which one value, or the label, is wrong.

    Parameters
    ----------
    frame : DataFrame
    kinds : dict
        Column -> ``number``, ``date`` or ``category``.
    labels : vector of int
    seed : int, default=0
        Of rows, columns and values.

    Returns
    -------
    Spoilt
        Up to `PLANTED` rows a kind. A value that would stay the same is left out, and so are kinds
        of which hardly any row is left.
    """
    rng = np.random.default_rng(seed)
    n = len(frame)
    frames, claims, sources, names = [], [], [], []
    numbers = [column for column, kind in kinds.items() if kind == "number"]
    for kind in (OTHER_CLASS, SAME_CLASS, WRONG_LABEL, TEN_TIMES):
        rows = rng.choice(n, min(n, PLANTED), replace=False)
        other = _partners(rows, labels, same=kind == SAME_CLASS, rng=rng)
        changed, claimed = frame.iloc[rows].reset_index(drop=True), labels[rows].copy()
        kept = np.zeros(len(rows), dtype=bool)
        if kind == WRONG_LABEL:
            claimed = labels[other]
            kept[:] = claimed != labels[rows]
        columns = numbers if kind == TEN_TIMES else list(kinds)
        drawn = rng.integers(max(len(columns), 1), size=len(rows))
        for i, column in enumerate(columns if kind != WRONG_LABEL else []):
            at = np.flatnonzero(drawn == i)
            before = frame[column].iloc[rows[at]].reset_index(drop=True)
            if kind == TEN_TIMES:
                plain = pd.to_numeric(before.astype(object), errors="coerce")
                after = (plain.astype(float) * 10).astype(object)
            else:
                after = frame[column].iloc[other[at]].reset_index(drop=True).astype(object)
            differs = (after.astype(str) != before.astype(str)) & after.notna()
            kept[at] = differs.to_numpy()
            values = changed[column].astype(object)
            values.iloc[at[kept[at]]] = after[differs].to_numpy()
            changed[column] = (
                values if values.dtype == changed[column].dtype else _like(values, changed[column])
            )
        if kept.sum() >= 10:
            frames.append(changed[kept])
            claims.append(claimed[kept])
            sources.append(rows[kept])
            names += [kind] * int(kept.sum())
    if not frames:
        return Spoilt(frame.iloc[:0], labels[:0], np.zeros(0, np.int64), np.zeros(0, object))
    return Spoilt(
        pd.concat(frames, ignore_index=True),
        np.concatenate(claims),
        np.concatenate(sources),
        np.array(names, dtype=object),
    )


def _like(values: pd.Series, model: pd.Series) -> pd.Series:
    """Return values with the type of another column, where they can have it."""
    try:
        return values.astype("float64" if model.dtype.kind in "iu" else model.dtype)
    except (TypeError, ValueError):
        return values


def _partners(
    rows: np.ndarray, labels: np.ndarray, *, same: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return another row for each of some rows: of the same class, or of another one."""
    partners = np.empty(len(rows), dtype=np.int64)
    for c in np.unique(labels[rows]):
        at = np.flatnonzero(labels[rows] == c)
        pool = np.flatnonzero((labels == c) == same)
        partners[at] = rng.choice(pool, len(at))
    return partners
