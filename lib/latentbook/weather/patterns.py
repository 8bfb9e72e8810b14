"""Weather patterns: clusters of windows, their descriptors, and their behaviour in time.

The clustering is k-means, as in tsiatsios2019, section 3.2. What the thesis asserts about its
clusters (that they are seasonal, that distances survive) is measured here.
The codes that are clustered are made by `codes`.

References
----------
- tsiatsios2019: Georgios Tsiatsios. Deep learning for clustering of weather and atmospheric
  dispersion features. Master's thesis, University of the Peloponnese and NCSR Demokritos, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import gen_batches

from latentbook import clustering, metrics
from latentbook.errors import LatentbookError, check_between, check_matrix

#: Patterns are also compared with the catalogue's types of so many years earlier, which gives
#: their agreement by chance.
OTHER_YEARS = range(1, 21)


@dataclass(frozen=True, eq=False)
class Patterns:
    """Clusters of windows.

    Attributes
    ----------
    centres : array of shape (k, n_codes)
    labels : array of int, shape (n_windows,)
        Nearest centre of every window, those included that the centres were not fitted on.
    """

    centres: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        """Return the number of clusters."""
        return len(self.centres)


def fit(codes: np.ndarray, training: np.ndarray, k: int, seed: int) -> Patterns:
    """Cluster the training windows with k-means, and give every window its nearest centre.

    Parameters
    ----------
    codes : array of shape (n_windows, n_codes)
    training : array of bool, shape (n_windows,)
        The windows that the centres are fitted on.
    k
        Number of clusters; 15 in the thesis.
    """
    check_matrix(codes, "the codes")
    check_between("k", k, 2, training.sum() - 1)
    centres = clustering.cluster(codes[training], "k-means", n_clusters=k, seed=seed).arrays[
        "centers"
    ]
    return Patterns(centres, nearest(codes, centres))


def nearest(codes: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the position of the nearest centre of each row, shape (n_windows,)."""
    return _distances(codes, centres).argmin(axis=1)


def _distances(codes: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared Euclidean distances, shape (n, k), in double precision of a part at a time."""
    c = centres.astype(np.float64)
    found = np.empty((len(codes), len(c)))
    for rows in gen_batches(len(codes), 1024):
        x = codes[rows].astype(np.float64)
        found[rows] = (x**2).sum(axis=1)[:, None] - 2 * x @ c.T
    return found + (c**2).sum(axis=1)


def nearest_to_centres(
    codes: np.ndarray, patterns: Patterns, training: np.ndarray, n: int
) -> np.ndarray:
    """Return the `n` training windows nearest to each centre: the descriptors of the thesis.

    Returns
    -------
    array of int, shape (k, n)
        Positions among all windows, nearest first, members of the cluster only; -1 where it has
        fewer.
    """
    check_between("descriptor windows", n, 1, int(training.sum()))
    distance = _distances(codes, patterns.centres)
    found = np.full((len(patterns), n), -1)
    for cluster in range(len(patterns)):
        members = np.flatnonzero(training & (patterns.labels == cluster))
        near = members[np.argsort(distance[members, cluster], kind="stable")[:n]]
        found[cluster, : len(near)] = near
    return found


def internal_scores(
    x: np.ndarray, labels: np.ndarray, *, seed: int = 0, distances: np.ndarray | None = None
) -> dict[str, float]:
    """Return Calinski-Harabasz index and silhouette of a clustering, measured in the space `x`.

    Both belong to the space: only scores in the same space can be compared.
    Where the `distances` of all pairs are known, as `metrics.distances` returns them, they are not
    computed again.
    """
    from sklearn.metrics import calinski_harabasz_score

    check_matrix(x)
    return {
        "calinski_harabasz": float(calinski_harabasz_score(x, labels)),
        "silhouette": metrics.silhouette(x, labels, seed=seed, x_distances=distances),
    }


def agreement(labels: Sequence[np.ndarray]) -> float:
    """Return the mean adjusted Rand index over all pairs of clusterings (of several seeds)."""
    from sklearn.metrics import adjusted_rand_score

    if len(labels) < 2:
        return float("nan")
    pairs = [(a, b) for i, a in enumerate(labels) for b in labels[:i]]
    return float(np.mean([adjusted_rand_score(a, b) for a, b in pairs]))


# ---------------------------------------------------------------- in time


def transitions(labels: np.ndarray, times: np.ndarray, k: int) -> np.ndarray:
    """Return how often the row's pattern is followed by the column's, as shares of each row.

    Two windows follow each other if their distance in time is the commonest one, so that no
    transition leads across a gap. Rows of patterns that never occur are NaN.
    """
    counts = np.zeros((k, k))
    follows = _follows(times)
    np.add.at(counts, (labels[:-1][follows], labels[1:][follows]), 1)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full((k, k), np.nan), where=total > 0)


def _follows(times: np.ndarray, steps: int = 1) -> np.ndarray:
    """Say of each window but the last `steps` whether the one so many later follows without a gap.

    As windows are in order, that many usual steps apart means that none between is missing.
    """
    if len(times) <= steps:
        return np.zeros(max(0, len(times) - steps), bool)
    usual, counts = np.unique(np.diff(times), return_counts=True)
    return times[steps:] - times[:-steps] == steps * usual[counts.argmax()]


def persistence(labels: np.ndarray, times: np.ndarray, *, steps: int = 1) -> dict[str, float]:
    """Return how much longer patterns last than shuffled ones would.

    Parameters
    ----------
    labels : array of int, shape (n_windows,)
    times : array of datetime64, shape (n_windows,)
        In order.
    steps : int, default=1
        Windows from one to the one that it is compared with. Neighbours overlap; windows far
        enough apart share no field.

    Returns
    -------
    dict
        ``persistence``: share of windows followed by the same pattern `steps` later;
        ``persistence_chance``: what labels without memory and with the same sizes would have (sum
        of squared shares).
    """
    follows = _follows(times, steps)
    same = labels[:-steps][follows] == labels[steps:][follows]
    shares = np.bincount(labels) / len(labels)
    return {
        "persistence": float(same.mean()) if len(same) else float("nan"),
        "persistence_chance": float((shares**2).sum()),
    }


def months(times: np.ndarray) -> np.ndarray:
    """Return the month of each time, 0 for January."""
    return times.astype("datetime64[M]").astype(int) % 12


def seasonality(labels: np.ndarray, times: np.ndarray, k: int) -> np.ndarray:
    """Return the share of each pattern (row) that falls into each month (column).

    Months are weighted so that one with more windows does not count for more; rows sum to 1 and
    are NaN for a pattern that never occurs.
    """
    month = months(times)
    counts = np.zeros((k, 12))
    np.add.at(counts, (labels, month), 1.0)
    sizes = np.bincount(month, minlength=12)
    rates = np.divide(counts, sizes, out=np.zeros_like(counts), where=sizes > 0)
    total = rates.sum(axis=1, keepdims=True)
    return np.divide(rates, total, out=np.full_like(rates, np.nan), where=total > 0)


def season_accuracy(codes: np.ndarray, times: np.ndarray) -> dict[str, float]:
    """Return how well a linear classifier reads the season out of the codes.

    The claim that "the model has learned the seasonal property of the data without being told"
    (tsiatsios2019, section 5.2), as a test: it is only remarkable if the season can be read
    better out of the codes than out of the raw fields.

    The classifier is ridge regression on the seasons. Every fifth year is predicted from the
    other years, because neighbouring windows overlap. With fewer than six years, each year is
    predicted from the others; with one, every fifth of its blocks of 30 windows.

    Returns
    -------
    dict
        ``season_accuracy``: balanced accuracy over the seasons that occur (DJF, MAM, JJA, SON);
        ``season_chance``: one over their number. NaN with fewer than two seasons, or too few
        windows to split.
    """
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

    season = (months(times) + 1) // 3 % 4
    present = np.unique(season)
    groups = times.astype("datetime64[Y]").astype(int) % 5
    if len(np.unique(groups)) == 1:
        groups = np.arange(len(times)) // 30 % 5
    if len(present) < 2 or len(np.unique(groups)) < 2:
        return {"season_accuracy": float("nan"), "season_chance": float("nan")}
    # one scale for all codes, so that the result does not depend on their rotation
    x = (codes - codes.mean(axis=0)) / max(float(codes.std()), 1e-12)
    classifier = RidgeClassifierCV(np.logspace(-2, 6, 9), class_weight="balanced")
    predicted = cross_val_predict(classifier, x, season, groups=groups, cv=LeaveOneGroupOut())
    return {
        "season_accuracy": float(balanced_accuracy_score(season, predicted)),
        "season_chance": 1 / len(present),
    }


# ---------------------------------------------------------------- against a catalogue


def catalogue(path: Path) -> pd.Series:
    """Return the Hess-Brezowsky catalogue of European weather types: day -> type.

    Raises
    ------
    LatentbookError
        If the file is missing or has other columns.
    """
    try:
        # "NA" (north, anticyclonic) is a type
        table = pd.read_csv(path, keep_default_na=False)
        days = pd.to_datetime(table["date"])
        return pd.Series(table["gwl"].to_numpy(), index=pd.DatetimeIndex(days), name="type")
    except (OSError, KeyError, ValueError) as error:
        raise LatentbookError(
            f"the catalogue {path} cannot be read ({error}): it needs the columns date and gwl"
        ) from error


def catalogue_agreement(
    labels: np.ndarray, times: np.ndarray, types: pd.Series
) -> dict[str, float]:
    """Compare patterns with the catalogue's types on the days that both have.

    A window goes by the type of the day it starts on. Both indices are 0 for labels that are drawn
    day by day; but patterns and types last for days and have seasons, and therefore agree by
    chance too. ``ami_chance`` is the agreement with the types of the same calendar days in earlier
    years, which last as long and have the same seasons.

    Returns
    -------
    dict
        ``ami`` and ``ari``, ``days``: the number compared, ``types``: how many types occur on
        them, and ``ami_chance``: mean over the `OTHER_YEARS` that the catalogue covers, if any.
        Empty if there are no common days.
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    days = pd.DatetimeIndex(times).floor("D")
    known = days.isin(types.index)
    if not known.any():
        return {}
    days, found = days[known], labels[known]
    truth = types.reindex(days)
    scores = {
        "ami": float(adjusted_mutual_info_score(truth, found)),
        "ari": float(adjusted_rand_score(truth, found)),
        "days": float(len(days)),
        "types": float(truth.nunique()),
    }
    others = [types.reindex(days - pd.DateOffset(years=years)) for years in OTHER_YEARS]
    chance = [adjusted_mutual_info_score(x, found) for x in others if not x.isna().any()]
    return scores | ({"ami_chance": float(np.mean(chance))} if chance else {})
