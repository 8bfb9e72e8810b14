"""Thresholds with a stated rate of false alarms, by conformal prediction.

A row of the same kind, drawn like those of the table, lies above the threshold of rate α with a
probability of at most α: its rank among n + 1 such rows is equally likely to be any.

References
----------
- V. Vovk, A. Gammerman, G. Shafer. Algorithmic learning in a random world. Springer, 2005.
- R. Laxhammar, G. Falkman. Conformal prediction for distribution-independent anomaly detection in
  streaming vessel data. StreamKDD 2010. https://doi.org/10.1145/1833280.1833287
"""

from __future__ import annotations

import numpy as np

from latentbook.errors import LatentbookError, check_between

#: Rates of false alarms that a report states.
RATES = (0.001, 0.01, 0.05)


def p_values(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Return for each score the share of usual rows that are at least as strange.

    Parameters
    ----------
    scores : vector
        Higher for stranger rows.
    calibration : vector of length n
        Scores of usual rows that the model has not learned from.

    Returns
    -------
    vector
        (1 + number of calibration scores at least as high) / (n + 1), so never 0.

    Raises
    ------
    LatentbookError
        Without calibration scores, or for NaN among them.

    Examples
    --------
    >>> p_values(np.array([0.5, 3.5, 9.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    array([1. , 0.4, 0.2])
    """
    calibration = np.sort(np.asarray(calibration, np.float64))
    if not len(calibration) or np.isnan(calibration).any():
        raise LatentbookError("p-values need scores of usual rows, and none of them NaN")
    at_least = len(calibration) - np.searchsorted(calibration, scores, side="left")
    return (1 + at_least) / (len(calibration) + 1)


def threshold(calibration: np.ndarray, rate: float) -> float:
    """Return the score above which a usual row lies with a probability of at most `rate`.

    Parameters
    ----------
    calibration : vector of length n
        As in `p_values`.
    rate : float
        Of false alarms, between 0 and 1.

    Returns
    -------
    float
        Infinite if n is below 1 / rate - 1: too few rows to know.

    Examples
    --------
    >>> threshold(np.arange(99.0), 0.05)
    94.0
    >>> threshold(np.arange(10.0), 0.05)
    inf
    """
    check_between("rate of false alarms", rate, 0, 1)
    ordered = np.sort(np.asarray(calibration, np.float64))
    place = int(np.ceil((len(ordered) + 1) * (1 - rate) - 1e-9))
    return float(ordered[place - 1]) if 0 < place <= len(ordered) else float("inf")
