"""What the chapter starts from: rows to learn from, rows to judge, and anomalies that are known.

Some data record their anomalies: attacks among connections, errors among simulated trades.
Planting others is left to `latentbook.planted`, encoding tables to `latentbook.tabular`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from latentbook import datasets, sampling, tabular
from latentbook.chapters.latent_anomalies.parameters import columns
from latentbook.datasets import Dataset
from latentbook.datasets.dataset import check_size
from latentbook.errors import LatentbookError
from latentbook.planted import KnownAnomalies


@dataclass(frozen=True)
class Split:
    """Positions of the rows that networks and detectors learn from, and of those held out."""

    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(data: Dataset, *, random_state: int = 0) -> Split:
    """Return the split of `sampling.split`, and a tenth of its training rows to choose by.

    Parameters
    ----------
    data : Dataset
    random_state : int, default=0
        Of the validation rows. The test rows are the same for every value.
    """
    train, test = sampling.split(len(data), data.n_train)
    order = np.random.default_rng(random_state).permutation(len(train))
    held_out = len(train) // 10
    return Split(np.sort(train[order[held_out:]]), np.sort(train[order[:held_out]]), test)


@dataclass(frozen=True)
class Task:
    """An anomaly detection task: data, their split, and the anomalies that they record.

    Attributes
    ----------
    data : Dataset
    rows : Split
    known : dict
        Kind of anomaly -> those that the data themselves record.
    table : tabular.Table or None
        For tables: the frame in the order of `data`, and how it was encoded.
    own : bool
        Whether the table is the reader's own, whose scores are no part of the study.
    """

    data: Dataset
    rows: Split
    known: dict[str, KnownAnomalies]
    table: tabular.Table | None = None
    own: bool = False

    @property
    def description(self) -> str:
        """Name and size in words; what was drawn or left out of a data set shows in the number."""
        if self.table is None:
            return self.data.description
        label = " and ".join(self.table.label)
        return f"{self.data.name}: {len(self.data):,} rows, conditioned on {label}"


def load_task(
    dataset: str = "",
    *,
    random_state: int,
    n: int = 0,
    table: str = "",
    label: str = "",
    drop: str = "",
    rare: str = "keep",
    truth: str = "",
) -> Task:
    """Load images, a table of the book, or the reader's own table.

    Parameters
    ----------
    dataset : str
        Name of a data set; it is not looked at where a table is given.
    random_state : int
        Of the samples drawn and of the validation rows.
    n : int, default=0
        Samples drawn; 0 takes all.
    table, label : str
        A CSV or Parquet file, and the column of it to condition on.
    drop : str, default=""
        Columns of the file that nothing learns from, with commas between them.
    rare : {"keep", "merge", "drop"}, default="keep"
        Classes of fewer than 10 training rows end in an error, are merged or are dropped.
    truth : str, default=""
        A column of the file that is 1 for known anomalies; nothing learns from it.

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
        return _own(Path(table), label, n, random_state, columns(drop), rare, truth)
    if dataset in _TABLES:
        return _of_the_book(dataset, n, random_state)
    data = datasets.load(dataset)
    data = data.subset(n, random_state) if n else data
    return Task(data, split(data, random_state=random_state), {})


#: What a table of the book consists of: columns, those to condition on, the kind of anomaly of
#: each row ("" for none), and how many rows there are to learn from.
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


def _of_the_book(name: str, n: int, random_state: int) -> Task:
    """Return a table of the book whose anomalies are recorded."""
    whole = datasets.load(name)
    frame, labels, kind, n_train = _TABLES[name](whole)
    if n:
        check_size(name, n, len(frame))
        drawn = sampling.subsample(len(frame), n, random_state)
        n_train = int((drawn < n_train).sum())
        frame, kind = (one.iloc[drawn].reset_index(drop=True) for one in (frame, kind))
    table = tabular.dataset(
        frame, labels, seed=random_state, name=name, n_train=n_train, rare="merge"
    )
    data = replace(table.data, part="" if n else whole.part)
    rows = split(data, random_state=random_state)
    return Task(data, rows, _known(data, rows, kind), table)


def _known(data: Dataset, rows: Split, kind: pd.Series) -> dict[str, KnownAnomalies]:
    """Return the anomalies of the test rows: of any kind, and of each kind."""
    kinds = kind.to_numpy(str)[data.index[rows.test]]
    every = np.flatnonzero(kinds != "")
    by_kind = {"any": every} | {
        name.replace(" ", "_"): np.flatnonzero(kinds == name) for name in np.unique(kinds[every])
    }
    return {
        name: KnownAnomalies(
            where,
            data.x[rows.test[where]],
            data.y[rows.test[where]],
            np.setdiff1d(every, where),
        )
        for name, where in by_kind.items()
    }


def _own(
    path: Path, label: str, n: int, random_state: int, drop: list[str], rare: str, truth: str
) -> Task:
    frame = tabular.read(path, as_text=drop)
    if n:
        check_size(path.name, n, len(frame))
        frame = frame.sample(n, random_state=random_state).reset_index(drop=True)
    table = tabular.dataset(
        frame,
        label,
        seed=0,  # the same test rows every time
        name=path.name.removesuffix(".gz").rpartition(".")[0] or path.name,
        drop=drop,
        truth=truth or None,
        rare="error" if rare == "keep" else rare,
        even_costs=True,
    )
    rows = split(table.data, random_state=random_state)
    known = {}
    if table.truth is not None:
        marked = np.flatnonzero(table.truth[rows.test])
        if not 0 < len(marked) < len(rows.test):
            raise LatentbookError(
                f"the column {truth!r} marks {len(marked)} of the {len(rows.test)} test rows, but "
                "some must be marked and some not: leave truth empty"
            )
        where = rows.test[marked]
        nobody = np.zeros(0, dtype=marked.dtype)
        known = {"marked": KnownAnomalies(marked, table.data.x[where], table.data.y[where], nobody)}
    return Task(table.data, rows, known, table, own=True)
