"""Weather regimes: whether there are clusters, how many, of which years, and a map of them.

`classifiability` asks whether partitions of k-means agree more than those of red noise.
`self_organising_map` is the rival of k-means that climatologists use most.
`by_year` and `trends` test whether clusters belong to certain years.

References
----------
- michelangeli1995: Paul-Antoine Michelangeli, Robert Vautard, Bernard Legras. Weather regimes:
  recurrence and quasi stationarity. 1995.
  https://doi.org/10.1175/1520-0469(1995)052<1237:WRRAQS>2.0.CO;2
- kohonen2013: Teuvo Kohonen. Essentials of the self-organizing map. 2013.
  https://doi.org/10.1016/j.neunet.2012.09.018
- vautard1990: Robert Vautard. Multiple weather regimes over the North Atlantic: analysis of
  precursors and successors. 1990.
  https://doi.org/10.1175/1520-0493(1990)118<2056:MWROTN>2.0.CO;2
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from latentbook.errors import check_between, check_matrix


def components(x: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the leading principal components of rows, their patterns, and the variance they hold.

    Returns
    -------
    scores : array of shape (n_rows, n)
    patterns : array of shape (n, n_columns)
        Orthonormal (empirical orthogonal functions).
    share : float
        Of the variance.
    """
    from sklearn.decomposition import PCA

    check_matrix(x)
    check_between("components", n, 1, min(x.shape))
    pca = PCA(n, svd_solver="full").fit(x)
    return pca.transform(x), pca.components_, float(pca.explained_variance_ratio_.sum())


def partitions(x: np.ndarray, k: int, runs: int, seed: int) -> list[np.ndarray]:
    """Return the centres of k-means from so many starts, each of them a single start."""
    from sklearn.cluster import KMeans

    return [
        KMeans(k, init="random", n_init=1, random_state=seed + i).fit(x).cluster_centers_
        for i in range(runs)
    ]


def classifiability(centres: list[np.ndarray]) -> float:
    """Return the classifiability index of michelangeli1995: how alike partitions are.

    Of two partitions, each centre of the one is compared with that of the other which is most like
    it (correlation of the two); the smallest of these correlations counts, and the mean over all
    ordered pairs of partitions is the index.

    Parameters
    ----------
    centres : list of arrays of shape (k, n_components)
        Of at least two partitions of the same points, about their mean.

    Returns
    -------
    float
        1 where all partitions are the same.
    """
    unit = [c / np.maximum(np.linalg.norm(c, axis=1, keepdims=True), 1e-12) for c in centres]
    found = []
    for one, other in combinations(unit, 2):
        likeness = one @ other.T
        found += [likeness.max(axis=1).min(), likeness.max(axis=0).min()]
    return float(np.mean(found))


def red_noise(x: np.ndarray, runs: np.ndarray, seed: int) -> np.ndarray:
    """Return noise with the variance and the memory of one step of each column of `x`.

    Columns are independent first-order autoregressive processes. Nothing leads from one run of
    successive rows to the next.

    Parameters
    ----------
    x : array of shape (n, n_components)
        Rows in time.
    runs : array of int, shape (n,)
        Which stretch without a gap each row belongs to.
    """
    from scipy.signal import lfilter

    centred = x - x.mean(axis=0)
    follows = runs[1:] == runs[:-1]
    memory = (centred[1:] * centred[:-1])[follows].mean(axis=0) / (centred**2).mean(axis=0)
    memory = np.clip(memory, 0, 0.999)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(x.shape)
    edges = np.flatnonzero(np.concatenate([[True], ~follows, [True]]))
    edges[-1] = len(x)
    made = np.empty_like(noise)
    for start, stop in pairwise(edges):
        for j, a in enumerate(memory):
            shocks = np.sqrt(1 - a**2) * noise[start:stop, j]
            shocks[0] = noise[start, j]  # stationary from the first row on
            made[start:stop, j] = lfilter([1], [1, -a], shocks)
    return made * centred.std(axis=0)


@dataclass(frozen=True, eq=False)
class Map:
    """A self-organising map.

    Attributes
    ----------
    centres : array of shape (rows * columns, n_features)
        Row by row.
    labels : array of int, shape (n,)
    rows, columns : int
    """

    centres: np.ndarray
    labels: np.ndarray
    rows: int
    columns: int


def self_organising_map(
    x: np.ndarray, rows: int = 3, columns: int = 5, *, rounds: int = 60, last_radius: float = 0.3
) -> Map:
    """Fit a self-organising map by the batch rule (kohonen2013).

    In each round every centre becomes the mean of all points, weighted by how near their nearest
    centre lies on the map; the radius shrinks from half the map to `last_radius`, where the rule
    is nearly that of k-means. It starts on the plane of the two leading principal components, so
    that nothing is left to chance.

    Parameters
    ----------
    x : array of shape (n, n_features)
    rows, columns : int, default=3 and 5
    rounds : int, default=60
    last_radius : float, default=0.3
        In units of the distance of neighbours on the map.
    """
    check_matrix(x)
    check_between("cells of the map", rows * columns, 2, len(x))
    place = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1)
    place = place.reshape(-1, 2).astype(float)
    apart = ((place[:, None] - place) ** 2).sum(axis=-1)
    scores, axes, _ = components(x, min(2, *x.shape))
    spread = place - place.mean(axis=0)
    spread /= np.maximum(np.abs(spread).max(axis=0), 1e-12)
    order = [1, 0] if columns >= rows and len(axes) > 1 else [0, 1][: len(axes)]
    centres = x.mean(axis=0) + sum(
        spread[:, [i]] * scores[:, j].std() * axes[j] for i, j in zip((0, 1), order, strict=False)
    )
    first = max(rows, columns) / 2
    for step in range(rounds):
        radius = first * (last_radius / first) ** (step / max(1, rounds - 1))
        near = _nearest(x, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, near, x)
        sizes = np.bincount(near, minlength=len(centres))
        weight = np.exp(-apart / (2 * radius**2))
        total = weight @ sizes
        reached = total > 1e-9
        centres[reached] = (weight @ sums)[reached] / total[reached, None]
    return Map(centres, _nearest(x, centres), rows, columns)


def _nearest(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return ((centres**2).sum(axis=1) - 2 * x @ centres.T).argmin(axis=1)


def topographic_error(x: np.ndarray, fitted: Map) -> float:
    """Return the share of points whose two nearest centres are no neighbours on the map."""
    distance = (fitted.centres**2).sum(axis=1) - 2 * x @ fitted.centres.T
    first, second = np.argsort(distance, axis=1)[:, :2].T
    pairs = zip(_place(first, fitted), _place(second, fitted), strict=True)
    rows, columns = (np.abs(a - b) for a, b in pairs)
    return float((np.maximum(rows, columns) > 1).mean())


def _place(cell: np.ndarray, fitted: Map) -> tuple[np.ndarray, np.ndarray]:
    return cell // fitted.columns, cell % fitted.columns


@dataclass(frozen=True)
class Dependence:
    """Whether clusters depend on years.

    Attributes
    ----------
    statistic : float
        Chi-square of clusters by years.
    expected : float
        Its mean if whole years are exchanged piece by piece, which keeps what lasts for days.
    p : float
        Share of exchanges with as large a statistic.
    cramers_v : float
        The statistic as a number from 0 to 1.
    """

    statistic: float
    expected: float
    p: float
    cramers_v: float


def by_year(
    labels: np.ndarray, years: np.ndarray, *, block: int = 8, draws: int = 1000, seed: int = 0
) -> Dependence:
    """Test whether clusters are "represented by certain years" (tsiatsios2019, section 5.2).

    A chi-square test takes days for independent, and finds years in any weather that lasts. Here
    blocks of successive windows within a year are exchanged between years: they keep their memory,
    their season (the block takes the same place in another year), and lose their year.

    Parameters
    ----------
    labels : array of int, shape (n,)
    years : array of int, shape (n,)
        In order; all years must have as many windows, or the shorter ones count to their length.
    block : int, default=8
        Windows of a block.
    """
    found, year = np.unique(years, return_inverse=True)
    size = np.bincount(year).min()
    rows = np.stack([np.flatnonzero(year == y)[:size] for y in range(len(found))])
    table = labels[rows]
    k = int(labels.max()) + 1
    rng = np.random.default_rng(seed)
    true = _chi_square(table, k)
    drawn = np.empty(draws)
    starts = range(0, size, block)
    for i in range(draws):
        mixed = np.concatenate(
            [table[rng.permutation(len(found)), start : start + block] for start in starts], axis=1
        )
        drawn[i] = _chi_square(mixed, k)
    p = (1 + (drawn >= true).sum()) / (1 + draws)
    v = np.sqrt(true / (table.size * (min(k, len(found)) - 1)))
    return Dependence(float(true), float(drawn.mean()), float(p), float(v))


def _chi_square(table: np.ndarray, k: int) -> float:
    counts = np.stack([np.bincount(row, minlength=k) for row in table])
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


def trends(labels: np.ndarray, years: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how the share of each cluster changes with the years, and Mann and Kendall's test.

    Returns
    -------
    slopes : array of shape (k,)
        Theil and Sen's slope of the yearly share, per decade.
    p : array of shape (k,)
        Of Kendall's rank correlation between year and share. Years are far enough apart to be
        taken for independent.
    """
    from scipy.stats import kendalltau, theilslopes

    found, year = np.unique(years, return_inverse=True)
    k = int(labels.max()) + 1
    counts = np.zeros((len(found), k))
    np.add.at(counts, (year, labels), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    slopes = np.array([10 * theilslopes(shares[:, c], found).slope for c in range(k)])
    p = np.array([kendalltau(found, shares[:, c]).pvalue for c in range(k)])
    return slopes, p


def matched(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the correlations of two sets of patterns, paired so that their sum is largest.

    Parameters
    ----------
    one, other : arrays of shape (k, n_values)
        Maps about their own mean, weighted by area.

    Returns
    -------
    array of shape (k,)
        In the order of `one`.
    """
    from scipy.optimize import linear_sum_assignment

    rows = [(x - x.mean(axis=1, keepdims=True)) for x in (one, other)]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in rows]
    likeness = unit[0] @ unit[1].T
    left, right = linear_sum_assignment(-likeness)
    return likeness[left, right]


def shift_score(
    labels: np.ndarray, others: np.ndarray, *, draws: int = 100, least: int = 30, seed: int = 0
) -> tuple[float, float, float, float]:
    """Compare how two labellings agree with how they agree when one is shifted in time.

    A circular shift keeps how long labels last and how often they occur, and loses which day is
    which. A shift by whole years would keep the season too; use labels of anomalies, or of one
    season, where the season must not count.

    Parameters
    ----------
    labels, others : arrays of shape (n,)
        In time.
    draws : int, default=100
        Shifts, spread evenly over all that are at least `least` windows long.

    Returns
    -------
    ami, chance, z, p : float
        Adjusted mutual information, its mean over the shifts, how many standard deviations of the
        shifts it lies above, and the share of shifts with as much.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    n = len(labels)
    check_between("windows", n, 2 * least + 2, 10**9)
    shifts = np.unique(np.linspace(least, n - least, draws).astype(int))
    ami = float(adjusted_mutual_info_score(others, labels))
    drawn = np.array([adjusted_mutual_info_score(others, np.roll(labels, s)) for s in shifts])
    z = (ami - drawn.mean()) / max(float(drawn.std(ddof=1)), 1e-12)
    p = (1 + (drawn >= ami).sum()) / (1 + len(drawn))
    return ami, float(drawn.mean()), float(z), float(p)
