"""Any table: from a frame to a `Dataset` with classes.

A reader's own file, simulated trades and network connections become data sets here.
Networks and detectors are left to the modules that learn from the matrix.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.tabular.classes import (
    CLASS_ROWS,
    RARE,
    classes_of,
    copies,
    marked,
    spellings,
    without_rare,
)
from latentbook.tabular.columns import MIN_ROWS, OTHER, as_texts
from latentbook.tabular.encoding import Encoder
from latentbook.tabular.reading import check_table


@dataclass(frozen=True)
class Table:
    """A table that is ready to learn from: training rows first, each part in the order of the file.

    Attributes
    ----------
    data : Dataset
        The matrix and the classes; `index` is the row of the given table, from 0. The Gaussian
        likelihood suits it.
    encoder : Encoder
        Fitted on the training rows.
    frame : DataFrame
        All columns of the given table, in the order of `data`.
    label : tuple of str
        Columns that the classes are made of.
    truth : array of bool or None
        True for known anomalies; no network sees it.
    unlabelled : int
        Number of rows left out because their label is missing.
    rare : dict
        Classes that were too small -> number of their rows.
    rare_are : str
        ``merge`` if their rows were merged into ``other``, ``drop`` if they were dropped, empty if
        there are no such classes.
    notes : tuple of str
        Sentences on how the file was read, on equal rows, on classes that are written in several
        ways, and on constant columns that are not constant in the test rows.
    """

    data: Dataset
    encoder: Encoder
    frame: pd.DataFrame
    label: tuple[str, ...]
    truth: np.ndarray | None
    unlabelled: int
    rare: dict[str, int]
    rare_are: str
    notes: tuple[str, ...] = ()

    @property
    def remarks(self) -> list[str]:
        """Sentences on what differs from the file, and what may be wrong with it."""
        sentences = list(self.notes)
        if self.unlabelled:
            sentences.append(f"{self.unlabelled:,} rows without a label are left out.")
        if self.rare:
            done = f"merged into {OTHER!r}" if self.rare_are == "merge" else "left out"
            sentences.append(
                f"{len(self.rare)} classes with fewer than {CLASS_ROWS} training rows, "
                f"{sum(self.rare.values()):,} rows in all, are {done}."
            )
        return sentences


def dataset(
    frame: pd.DataFrame,
    label: str | Sequence[str],
    *,
    seed: int,
    name: str,
    drop: Sequence[str] = (),
    truth: str | None = None,
    n_train: int | None = None,
    split: str | None = None,
    rare: str = "error",
    even_costs: bool = False,
) -> Table:
    """Make a table into a `Dataset` whose classes are the values of `label`.

    Parameters
    ----------
    frame : DataFrame
        As `read` returns it.
    label : str or sequence of str
        The column to condition on. Of several columns, the combinations are the classes.
    seed : int
        Random state of the draw of training rows: two thirds of each class.
    name : str
        Name in records and figures.
    drop : sequence of str, default=()
        Columns that the network must not see.
    truth : str, default=None
        A column of 0 and 1 (or False and True) that marks known anomalies. The network does not
        see it.
    n_train : int, default=None
        Use the first `n_train` rows of `frame` for training instead.
    split : str, default=None
        Use the rows for training in which this column is ``train``; it must be ``test`` elsewhere.
    rare : {"error", "merge", "drop"}, default="error"
        Classes of fewer than 10 training rows raise an error, are merged into the class ``other``,
        or lose their rows.
    even_costs : bool, default=False
        As in `Encoder`.

    Returns
    -------
    Table

    Raises
    ------
    LatentbookError
        For a column that does not exist, a label that is a number with more than 100 values, only
        one class, a class that is too small, a truth that is not 0 and 1, no rows for training or
        testing, or no column to learn from.
    """
    read = frame.attrs if isinstance(frame, pd.DataFrame) else {}
    frame = check_table(frame)
    labels = (label,) if isinstance(label, str) else tuple(label)
    if not labels:
        raise LatentbookError("label names no column: choose one to condition on")
    others = [column for column in (truth, split) if column is not None]
    for column in (*labels, *drop, *others):
        choose("column", column, frame.columns)
    choose("treatment of rare classes", rare, RARE)
    if n_train is not None and split is not None:
        raise LatentbookError("n_train and split both name the training rows: give one of them")
    known = np.flatnonzero(frame[list(labels)].notna().all(axis=1))
    classes, y = classes_of(frame.iloc[known], labels)
    training = _training(frame, known, y, seed, n_train, split)
    classes, y, small = without_rare(classes, y, training, rare, " + ".join(labels))
    kept = np.flatnonzero(y >= 0)
    order = np.concatenate([kept[training[kept]], kept[~training[kept]]])
    rows, n_fit = known[order], int(training[kept].sum())
    ordered = frame.iloc[rows].reset_index(drop=True)
    features = ordered.drop(columns=[*dict.fromkeys([*labels, *drop, *others])])
    if features.shape[1] == 0:
        raise LatentbookError("no column is left to learn from: drop fewer")
    encoder = Encoder(even_costs=even_costs).fit(features.iloc[:n_fit])
    as_read = pd.Series(read.get("columns", {}), dtype=object)
    add_remarks(encoder.report_, as_read)
    data = Dataset(
        name=name,
        x=encoder.transform(features),
        y=y[order],
        classes=classes,
        n_train=n_fit,
        sha256=_digest(frame),
        index=rows,
        complete=len(rows) == len(frame),
        source=f"the table {name}",
        frame=ordered,
    )
    marks = None if truth is None else marked(frame[truth])[rows]
    notes = [
        *read.get("remarks", []),
        *(f"The column {c!r}: {as_read[c]}." for c in (*labels, *others) if c in as_read),
        *copies(frame),
        *spellings(classes),
        *_new_values(features, encoder, n_fit),
    ]
    return Table(
        data=data,
        encoder=encoder,
        frame=ordered,
        label=labels,
        truth=marks,
        unlabelled=len(frame) - len(known),
        rare=small,
        rare_are=rare if small else "",
        notes=tuple(notes),
    )


def add_remarks(report: pd.DataFrame, as_read: pd.Series) -> None:
    """Put how a column was read before what was made of it."""
    for i, (name, kind, remark) in enumerate(
        zip(report["column"], report["kind"], report["remark"], strict=True)
    ):
        note = as_read.get(name, "")
        if note and kind == "dropped" and remark.startswith("text"):  # the note says why
            remark = f"dropped, because no value is in {MIN_ROWS} rows"
        report.loc[i, "remark"] = "; ".join(filter(None, [note, remark]))


def _new_values(features: pd.DataFrame, encoder: Encoder, n_fit: int) -> list[str]:
    """Say in which test rows a column differs that is dropped because training has one value."""
    report = encoder.report_
    dropped = report.loc[
        (report["kind"] == "dropped") & report["remark"].str.endswith("constant"), "column"
    ]
    sentences = []
    for name in dropped:
        only = features[name].iloc[0]
        texts = as_texts(features[name])
        differ = int((texts[n_fit:] != texts[0]).sum())
        if differ:
            sentences.append(
                f"The column {name!r} is {only!r} in all training rows and is left out, but "
                f"{differ:,} test rows differ: look at them by hand."
            )
    return sentences


def _training(
    frame: pd.DataFrame,
    known: np.ndarray,
    y: np.ndarray,
    seed: int,
    n_train: int | None,
    split: str | None,
) -> np.ndarray:
    """Return True for the training rows among the rows `known`."""
    if split is not None:
        words = set(frame[split].dropna().astype(str))
        if words != {"train", "test"} or frame[split].isna().any():
            raise LatentbookError(
                f"the column {split!r} must be 'train' or 'test' in every row, and have both, but "
                f"holds {', '.join(sorted(words)[:5]) or 'nothing'}"
            )
        training = (frame[split].astype(str) == "train").to_numpy()[known]
    elif n_train is not None:
        check_between("n_train", n_train, 1, len(frame) - 1)
        training = known < n_train
    else:
        rng = np.random.default_rng(seed)
        training = np.zeros(len(known), dtype=bool)
        for c in range(y.max(initial=-1) + 1):
            rows = rng.permutation(np.flatnonzero(y == c))
            training[rows[: math.ceil(2 * len(rows) / 3)]] = True
    if training.all():
        raise LatentbookError("no row with a label is left to test: train on fewer rows")
    return training


def _digest(frame: pd.DataFrame) -> str:
    """Return the sha256 digest of names and values, the same for every seed."""
    plain = frame.apply(lambda column: pd.Series(as_texts(column)))
    sha = hashlib.sha256("\0".join(frame.columns).encode())
    sha.update(pd.util.hash_pandas_object(plain, index=False).to_numpy().astype("<u8").tobytes())
    return sha.hexdigest()
