"""What a study of anomalies starts from: rows to learn from, rows to judge, known anomalies.

Anomalies are known because they are planted here (`plant`), or because the data say which rows
they are (`Subject.known`): attacks among connections, errors among simulated trades.
Encoding tables is left to `tabular`, looking for the anomalies to `latent_anomalies`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from latentbook import datasets, tabular
from latentbook.datasets import Dataset
from latentbook.datasets.dataset import check_size
from latentbook.errors import LatentbookError, check_between, choose


@dataclass(frozen=True)
class Split:
    """Positions of the rows that networks and detectors learn from, and of those held out."""

    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(data: Dataset, seed: int = 0) -> Split:
    """Split off a tenth of the training rows at random, to watch and to choose by.

    Where the data have no published test split, their last third is it.
    """
    n_train = data.n_train or len(data) * 2 // 3
    order = np.random.default_rng(seed).permutation(n_train)
    held_out = n_train // 10
    return Split(
        np.sort(order[held_out:]), np.sort(order[:held_out]), np.arange(n_train, len(data))
    )


@dataclass(frozen=True)
class Anomalies:
    """Known anomalies among the test rows: planted ones replace the rows that stood there.

    Attributes
    ----------
    where : vector of positions among the test rows
    x, y : the rows and labels there
    ignored : vector of positions that are anomalies of another kind, and neither found nor missed
    """

    where: np.ndarray
    x: np.ndarray
    y: np.ndarray
    ignored: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class Subject:
    """Data to study.

    Attributes
    ----------
    data : Dataset
    rows : Split
    known : dict
        Kind of anomaly -> those that the data themselves record.
    table : tabular.Table or None
        For tables: the frame in the order of `data`, and how it was encoded.
    """

    data: Dataset
    rows: Split
    known: dict[str, Anomalies]
    table: tabular.Table | None = None

    @property
    def description(self) -> str:
        """Name and size in words; what was drawn or left out of a data set shows in the number."""
        if self.table is None:
            return self.data.description
        label = " and ".join(self.table.label)
        return f"{self.data.name}: {len(self.data):,} rows, conditioned on {label}"


def subject(dataset: str, *, seed: int, n: int = 0, table: str = "", label: str = "") -> Subject:
    """Load what the chapter is about: images, a table of the book, or the reader's own table.

    Parameters
    ----------
    dataset
        Name of a data set, not looked at where a table is given.
    n
        Samples drawn; 0 takes all.
    table, label
        A CSV or Parquet file, and the column of it to condition on.

    Raises
    ------
    LatentbookError
        For a label without a table or the reverse, and as `datasets.load` and `tabular`.
    """
    if bool(table) != bool(label):
        raise LatentbookError(
            "table and label belong together: give the file of your table and the column to "
            "condition on, or neither"
        )
    if table:
        return _own(Path(table), label, n, seed)
    if dataset in _TABLES:
        return _of_the_book(dataset, n, seed)
    data = datasets.load(dataset)
    data = data.subset(n, seed) if n else data
    return Subject(data, split(data, seed), {})


#: What a table of the book consists of: columns, those to condition on, the kind of anomaly of
#: each row ("" for none), and how many rows are there to learn from.
Parts = tuple[pd.DataFrame, list[str], pd.Series, int]


def _connections(data: Dataset) -> Parts:
    """Return NSL-KDD: normal connections to learn from, all test connections to judge.

    The kind is the group of the attack.
    """
    frame = _frame(data)
    kind = pd.Series(np.array(data.classes)[data.y]).replace("normal", "")
    learned = np.arange(len(frame)) < data.n_train
    kept = ~learned | (kind == "").to_numpy()
    columns = frame.drop(columns=["label", "difficulty"])[kept].reset_index(drop=True)
    n_train = int((learned & kept).sum())
    return columns, ["protocol_type", "service"], kind[kept].reset_index(drop=True), n_train


def _trades(data: Dataset) -> Parts:
    """Return the simulated trades; the kind is that of the error, ``wrong_trader`` among them."""
    frame = _frame(data)
    wrong = frame["true_trader"].astype(str) != frame["trader"].astype(str)
    kind = frame["anomaly"].astype(str).mask(wrong, "wrong_trader")
    columns = frame.drop(columns=["trade_id", "anomaly", "true_trader"])
    return columns, ["trader"], kind, data.n_train


_TABLES = {"nsl_kdd": _connections, "trades": _trades}


def _frame(data: Dataset) -> pd.DataFrame:
    if data.frame is None:
        raise LatentbookError(f"{data.name} is no table")
    return data.frame.reset_index(drop=True)


def _of_the_book(name: str, n: int, seed: int) -> Subject:
    """Return a table of the book whose anomalies are recorded."""
    frame, labels, kind, n_train = _TABLES[name](datasets.load(name))
    if n:
        check_size(name, n, len(frame))
        drawn = np.sort(np.random.default_rng(seed).choice(len(frame), n, replace=False))
        n_train = int((drawn < n_train).sum())
        frame, kind = (one.iloc[drawn].reset_index(drop=True) for one in (frame, kind))
    table = tabular.dataset(frame, labels, seed=seed, name=name, n_train=n_train, rare="merge")
    rows = split(table.data, seed)
    return Subject(table.data, rows, _known(table.data, rows, kind), table)


def _known(data: Dataset, rows: Split, kind: pd.Series) -> dict[str, Anomalies]:
    """Return the anomalies of the test rows: of any kind, and of each kind."""
    found = kind.to_numpy(str)[data.index[rows.test]]
    every = np.flatnonzero(found != "")
    kinds = {"any": every} | {
        name.replace(" ", "_"): np.flatnonzero(found == name) for name in np.unique(found[every])
    }
    return {
        name: Anomalies(
            where,
            data.x[rows.test[where]],
            data.y[rows.test[where]],
            np.setdiff1d(every, where),
        )
        for name, where in kinds.items()
    }


def _own(path: Path, label: str, n: int, seed: int) -> Subject:
    frame = tabular.read(path)
    if n:
        check_size(path.name, n, len(frame))
        frame = frame.sample(n, random_state=seed).reset_index(drop=True)
    table = tabular.dataset(frame, label, seed=0, name=path.stem)  # the same test rows every time
    return Subject(table.data, split(table.data, seed), {}, table)


def _shuffled(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shuffle the pixels of each image, or each column of a table over the rows."""
    if x.ndim == 2:
        return rng.permuted(x, axis=0)
    return rng.permuted(x.reshape(len(x), -1), axis=1).reshape(x.shape)


#: Kind of planted anomaly -> what is done to rows; labels stay, but those of ``mislabelled``.
CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "rotated": lambda x, rng: np.rot90(x, axes=(1, 2)).copy(),
    "noise": _shuffled,
    "mislabelled": lambda x, rng: x,
}
#: Other data sets whose images may be planted.
FOREIGN = ("mnist", "fashion_mnist")


def _allowed(data: Dataset) -> list[str]:
    return [*CHANGES, *(name for name in FOREIGN if name != data.name)]


def kinds(data: Dataset, words: list[str]) -> list[str]:
    """Return the kinds of planted anomalies that suit the data: tables have no rotated rows.

    Raises
    ------
    LatentbookError
        For an unknown kind.
    """
    for word in words:
        choose("kind of anomaly", word, _allowed(data))
    return [w for w in words if data.x.ndim == 4 or w in ("noise", "mislabelled")]


def plant(data: Dataset, rows: Split, kind: str, share: float, seed: int) -> Anomalies:
    """Make anomalies of a share of the test rows, the same for every space.

    Parameters
    ----------
    kind
        ``rotated`` images by a quarter turn, ``noise`` (an image's own pixels in random order; the
        values of each column of a table dealt out anew), ``mislabelled`` (another class, the rest
        unchanged), or another data set of images.

    Raises
    ------
    LatentbookError
        For an unknown kind, the data set itself, or images of another shape.
    """
    choose("kind of anomaly", kind, _allowed(data))
    check_between("share of planted anomalies", share, 0, 1)
    rng = np.random.default_rng([seed, *kind.encode()])
    size = min(max(1, round(share * len(rows.test))), len(rows.test) - 1)
    where = np.sort(rng.choice(len(rows.test), size, replace=False))
    x, y = data.x[rows.test[where]], data.y[rows.test[where]]
    if kind == "mislabelled":
        y = (y + rng.integers(1, len(data.classes), size)) % len(data.classes)
    if kind in CHANGES:
        return Anomalies(where, CHANGES[kind](x, rng), y)
    foreign = datasets.load(kind)
    if foreign.x.shape[1:] != x.shape[1:]:
        raise LatentbookError(
            f"images of {kind} have shape {foreign.x.shape[1:]}, but those of {data.name} "
            f"{x.shape[1:]}: plant another kind"
        )
    return Anomalies(where, foreign.x[rng.choice(len(foreign), size, replace=False)], y)
