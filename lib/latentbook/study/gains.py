"""The one rule for gains: whether one method is better than another, and by how much.

`compare` sets two methods beside each other. Every table and sentence of the book that says that
something is better, worse or no different takes its word from here.
Verdicts on printed numbers are left to `judge`, printed orders of methods to `effects`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from latentbook.errors import LatentbookError

#: A difference of a score between 0 and 1 below which two methods are called equal.
MARGIN = 0.02
#: Share of the intervals that hold the true gain.
CONFIDENCE = 0.95
WORDS = ("better", "worse", "no difference", "undecided", "one run")


@dataclass(frozen=True)
class Gain:
    """By how much one method is better than another.

    Attributes
    ----------
    mean : float
        Mean difference; positive where the first method is better.
    low, high : float
        Ends of the 95 % interval of the mean difference; infinite for a single run.
    n : int
        Number of pairs, or of runs in the smaller group where runs are not paired.
    word : str
        One of `WORDS`.
    paired : bool
        Whether differences were taken run by run.
    """

    mean: float
    low: float
    high: float
    n: int
    word: str
    paired: bool


def compare(
    first: pd.Series,
    second: pd.Series,
    *,
    paired: bool = True,
    higher_is_better: bool = True,
    margin: float = MARGIN,
) -> Gain:
    """Compare two methods by what their runs scored.

    Runs that share a seed, a network or a draw of the data are paired: the interval of their mean
    difference is that of Student's t. Runs that share nothing have Welch's interval. The word is

    - ``better`` or ``worse`` if the interval leaves out 0,
    - ``no difference`` if it holds 0 and lies within the margin,
    - ``undecided`` if it holds 0 and reaches beyond the margin: more runs are needed,
    - ``one run`` if there is one pair, or one run on a side: no interval.

    Parameters
    ----------
    first, second : Series
        Scores by run: the index says which run, and is what pairs them. Of a run that occurs more
        than once the mean counts.
    paired : bool, default=True
        Whether runs with the same index belong together; runs that only one method has are left
        out. False compares all runs.
    higher_is_better : bool, default=True
        False for errors and distances.
    margin : float, default=0.02
        Largest difference that makes no difference, in units of the score.

    Returns
    -------
    Gain

    Raises
    ------
    LatentbookError
        If a score is missing, or there is nothing to compare.

    Examples
    --------
    >>> import pandas as pd
    >>> first, second = pd.Series([0.90, 0.91, 0.93]), pd.Series([0.80, 0.82, 0.82])
    >>> gain = compare(first, second)
    >>> gain.word, round(gain.mean, 3), round(gain.low, 3), round(gain.high, 3)
    ('better', 0.1, 0.075, 0.125)
    >>> compare(first, second, paired=False).word
    'better'
    """
    first, second = _scores(first), _scores(second)
    sign = 1.0 if higher_is_better else -1.0
    if not paired:
        return _welch(sign * first.to_numpy(), sign * second.to_numpy(), margin)
    one, other = (scores.groupby(level=0, sort=False).mean() for scores in (first, second))
    shared = one.index.intersection(other.index)
    if shared.empty:
        raise LatentbookError(
            "no run of the one method shares its index with a run of the other: give both the same "
            "index, or compare them with paired=False"
        )
    return of(sign * (one[shared] - other[shared]), margin=margin)


def of(differences: Iterable[float], *, margin: float = MARGIN) -> Gain:
    """Return the gain that differences run by run amount to.

    Parameters
    ----------
    differences : iterable of float
        One a pair of runs, positive where the first method is better.
    margin : float, default=0.02
        As in `compare`.

    Returns
    -------
    Gain

    Raises
    ------
    LatentbookError
        If there is no difference, or one is missing.

    Examples
    --------
    >>> of([0.011, -0.004, 0.002, 0.001]).word
    'no difference'
    >>> of([0.3]).word
    'one run'
    """
    values = _scores(pd.Series(list(differences), dtype=float)).to_numpy()
    n = len(values)
    error = values.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
    return _judged(values.mean(), error, n - 1, n, margin, paired=True)


def margin_of(reference: float) -> float:
    """Return the margin for a metric that is no score between 0 and 1: 2 % of the reference.

    Parameters
    ----------
    reference : float
        What the metric is for the method compared with, in units of the metric (dB, an error).

    Examples
    --------
    >>> margin_of(25.0)
    0.5
    """
    return MARGIN * abs(reference)


def _welch(first: np.ndarray, second: np.ndarray, margin: float) -> Gain:
    n = min(len(first), len(second))
    mean = first.mean() - second.mean()
    if n < 2:
        return _judged(mean, math.nan, 0, n, margin, paired=False)
    errors = np.array([part.var(ddof=1) / len(part) for part in (first, second)])
    error = math.sqrt(errors.sum())
    parts = errors**2 / np.array([len(first) - 1, len(second) - 1])
    freedom = errors.sum() ** 2 / parts.sum() if error else n - 1
    return _judged(mean, error, freedom, n, margin, paired=False)


def _judged(
    mean: float, error: float, freedom: float, n: int, margin: float, *, paired: bool
) -> Gain:
    """Return a gain with its interval and word; without a standard error it is one run."""
    if math.isnan(error):
        return Gain(float(mean), -math.inf, math.inf, n, "one run", paired)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    low, high = float(mean - half), float(mean + half)
    if low > 0:
        word = "better"
    elif high < 0:
        word = "worse"
    elif -margin <= low and high <= margin:
        word = "no difference"
    else:
        word = "undecided"
    return Gain(float(mean), low, high, n, word, paired)


def _scores(values: pd.Series) -> pd.Series:
    if values.empty:
        raise LatentbookError("a method without runs cannot be compared: run it first")
    lost = values[~np.isfinite(values.astype(float))]
    if len(lost):
        raise LatentbookError(
            f"run {lost.index[0]!r} has the score {lost.iloc[0]}, not a number: leave the run out "
            "or measure it again"
        )
    return values.astype(float)
