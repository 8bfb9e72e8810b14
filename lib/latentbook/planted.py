"""Planted anomalies: test rows replaced by rows that are known to be wrong.

A detector can be scored by ROC only where somebody knows which rows are anomalies.
Here a share of the test rows is turned, shuffled, mislabelled, or exchanged for images of another
data set; anomalies that data record themselves take the same form, `KnownAnomalies`.
Looking for them is left to `latentbook.anomaly`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from latentbook import datasets
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, choose


@dataclass(frozen=True)
class KnownAnomalies:
    """Anomalies among the test rows of a data set.

    Attributes
    ----------
    where : integer vector of length n
        Positions among the test rows.
    x : array of shape (n, ...)
        The rows that stand there: planted ones replace the rows of the data.
    y : integer vector of length n
        The classes that these rows claim.
    ignored : integer vector
        Positions of anomalies of other kinds, which count neither as found nor as missed.
    """

    where: np.ndarray
    x: np.ndarray
    y: np.ndarray
    ignored: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def _shuffled(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shuffle the pixels of each image, or the values of each column of a table."""
    if x.ndim == 2:
        return rng.permuted(x, axis=0)
    return rng.permuted(x.reshape(len(x), -1), axis=1).reshape(x.shape)


#: Kind -> what is done to the rows; their classes stay, except those of ``mislabelled``.
CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "rotated": lambda x, rng: np.rot90(x, axes=(1, 2)).copy(),
    "noise": _shuffled,
    "mislabelled": lambda x, rng: x,
}
#: Data sets whose images may be planted among others of 28 x 28 pixels.
FOREIGN = ("mnist", "fashion_mnist")


def _allowed(data: Dataset) -> list[str]:
    return [*CHANGES, *(name for name in FOREIGN if name != data.name)]


def suitable(data: Dataset, kinds: Sequence[str]) -> list[str]:
    """Return those of `kinds` that suit the data: rows of a table cannot be rotated.

    Parameters
    ----------
    data : Dataset
    kinds : sequence of str
        Keys of `CHANGES`, and members of `FOREIGN`.

    Raises
    ------
    LatentbookError
        For an unknown kind, and for the data set itself.
    """
    for kind in kinds:
        choose("kind of anomaly", kind, _allowed(data))
    return [kind for kind in kinds if data.x.ndim == 4 or kind in ("noise", "mislabelled")]


def plant(
    data: Dataset, test: np.ndarray, kind: str, share: float = 0.1, *, random_state: int = 0
) -> KnownAnomalies:
    """Make anomalies of a share of the test rows.

    Parameters
    ----------
    data : Dataset
    test : integer vector
        Positions of the test rows in `data`.
    kind : str
        ``rotated``: images turned by a quarter. ``noise``: the pixels of each image in random
        order; in a table, the values of each column are shuffled among the rows.
        ``mislabelled``: another class, the rest unchanged. ``mnist`` or ``fashion_mnist``: images
        of that data set.
    share : float, default=0.1
        Share of the test rows that are replaced: at least one row, and never all of them.
    random_state : int, default=0
        Of the rows chosen, and of what is done to them.

    Returns
    -------
    KnownAnomalies

    Raises
    ------
    LatentbookError
        For an unknown kind, the data set itself, images of another shape, or a share that does
        not lie between 0 and 1.

    Examples
    --------
    >>> from latentbook import datasets, sampling
    >>> data = datasets.load("digits")
    >>> train, test = sampling.split(len(data), data.n_train)
    >>> noise = plant(data, test, "noise", share=0.05)
    >>> noise.x.shape
    (30, 28, 28, 1)
    """
    choose("kind of anomaly", kind, _allowed(data))
    check_between("share of planted anomalies", share, 0, 1)
    rng = np.random.default_rng([random_state, *kind.encode()])
    size = min(max(1, round(share * len(test))), len(test) - 1)
    where = np.sort(rng.choice(len(test), size, replace=False))
    x, y = data.x[test[where]], data.y[test[where]]
    if kind == "mislabelled":
        y = (y + rng.integers(1, len(data.classes), size)) % len(data.classes)
    if kind in CHANGES:
        return KnownAnomalies(where, CHANGES[kind](x, rng), y)
    foreign = datasets.load(kind)
    if foreign.x.shape[1:] != x.shape[1:]:
        raise LatentbookError(
            f"images of {kind} have shape {foreign.x.shape[1:]}, but those of {data.name} "
            f"{x.shape[1:]}: plant another kind"
        )
    return KnownAnomalies(where, foreign.x[rng.choice(len(foreign), size, replace=False)], y)
