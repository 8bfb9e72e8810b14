"""Do probabilities of sites come true? Log score, reliability, and a remedy for over-confidence.

The remedy divides all log probabilities by one number, the *temperature*. It leaves the order of
the sites as it is, and is fitted on events that the judged ones do not include.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from latentbook.errors import LatentbookError
from latentbook.weather.likelihood import normalised

#: Temperatures that are tried, from sharper to much flatter.
TEMPERATURES = (0.2, 50.0)


def log_score(log_probability: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean negative log probability of the true site, in nats; smaller is better.

    Parameters
    ----------
    log_probability : array of shape (m, n_sites)
    truth : array of int, shape (m,)
        Position of the true site.

    Examples
    --------
    >>> round(log_score(np.log(np.full((3, 20), 1 / 20)), np.zeros(3, int)), 3)
    2.996
    """
    own = np.take_along_axis(log_probability, truth[:, None], axis=1)
    return float(-own.mean())


def tempered(log_probability: np.ndarray, temperature: float) -> np.ndarray:
    """Return log probabilities with their logarithms divided by `temperature`.

    Above 1 they are less certain, below 1 more; the order of the sites stays.

    Raises
    ------
    LatentbookError
        For a temperature that is not positive.
    """
    if not temperature > 0:
        raise LatentbookError(
            f"the temperature is {temperature:g}, but must be positive: 1 changes nothing"
        )
    return normalised(log_probability / temperature)


def temperature(log_probability: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature with the best log score on these events.

    Parameters
    ----------
    log_probability, truth
        As in `log_score`, of events that are not judged afterwards.

    Returns
    -------
    float
        Between the ends of `TEMPERATURES`.
    """
    found = minimize_scalar(
        lambda log_t: log_score(tempered(log_probability, np.exp(log_t)), truth),
        bounds=np.log(TEMPERATURES),
        method="bounded",
    )
    return float(np.exp(found.x))


def reliability(
    log_probability: np.ndarray, truth: np.ndarray, *, bins: int = 10
) -> dict[str, np.ndarray]:
    """Return what was promised for the first site, and how often it came true.

    Parameters
    ----------
    log_probability, truth
        As in `log_score`.
    bins : int, default=10
        Of equal width, between probabilities 0 and 1.

    Returns
    -------
    dict
        ``promised``, ``found`` and ``events``: mean probability of the most probable site, share of
        events where it is the true one, and their number, each of length `bins`; NaN in a bin
        without events.
    """
    first = log_probability.argmax(axis=1)
    promised = np.exp(log_probability.max(axis=1))
    place = np.minimum((promised * bins).astype(int), bins - 1)
    events = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, x, minlength=bins) for x in (promised, first == truth))
    with np.errstate(invalid="ignore"):
        means = [total / np.where(events, events, np.nan) for total in sums]
    return {"promised": means[0], "found": means[1], "events": events}


def calibration_error(log_probability: np.ndarray, truth: np.ndarray, *, bins: int = 10) -> float:
    """Return how far promised and found are apart, mean over all events (of `reliability`)."""
    curve = reliability(log_probability, truth, bins=bins)
    gap = np.abs(curve["promised"] - curve["found"])
    return float(np.nansum(gap * curve["events"]) / curve["events"].sum())
