"""Training on rows among which anomalies hide, and what that costs each detector.

Petersen's lecture says that anomalies in the training rows may be ignored if they are few. Here the
same usual rows are learned from with 0, 1, 5 and 10 % of anomalies among them, and the same test
rows are judged, by simple detectors and by the network of `latentbook table`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn import datasets as toys
from sklearn.metrics import average_precision_score, roc_auc_score

from latentbook import datasets
from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies.baselines import FREQUENCIES, ROBUST_Z, SQUARED
from latentbook.chapters.latent_anomalies.contamination_tables import USE
from latentbook.chapters.latent_anomalies.data import load_task
from latentbook.datasets import Dataset
from latentbook.errors import choose
from latentbook.outliers.detectors import DETECTORS
from latentbook.outliers.frequencies import surprise
from latentbook.outliers.network import Settings, Trainer
from latentbook.study.method import Method
from latentbook.study.result import Result, Score
from latentbook.tabular import Encoder

#: Shares of the training rows that are anomalies.
SHARES = (0.0, 0.01, 0.05, 0.1)
#: Usual rows to learn from, and to judge, at most; and share of anomalies among the judged rows.
ROWS, TEST_SHARE = 4000, 0.1
#: Scores of the network.
OF_THE_NETWORK = ("reconstruction error", "bound")


@dataclass(frozen=True)
class Labelled:
    """A table of usual and odd rows.

    Attributes
    ----------
    name : str
    frame : DataFrame
    label : vector of int
        Class of each row, which detectors see; all 0 where there is none.
    odd : vector of bool
    sha256 : str
        Of the table that it was made of.
    """

    name: str
    frame: pd.DataFrame
    label: np.ndarray
    odd: np.ndarray
    sha256: str


def _of_the_book(name: str) -> Labelled:
    """Return a table whose anomalies are recorded, with the label of the chapter."""
    task = load_task(name, random_state=0)
    assert task.table is not None
    frame = task.table.frame[list(task.table.encoder.kinds_)].iloc[task.rows.test]
    odd = np.zeros(len(frame), dtype=bool)
    odd[task.known["any"].where] = True
    return Labelled(name, frame, task.data.y[task.rows.test], odd, task.data.sha256)


def _one_class(name: str, data: pd.DataFrame, y: np.ndarray, odd: int, sha256: str) -> Labelled:
    """Return a table in which one class is the anomaly, and the others are the label."""
    label = np.unique(np.where(y == odd, y[y != odd][0], y), return_inverse=True)[1]
    marked = y == odd
    if (label == label[0]).all():
        return Labelled(name, data, np.zeros(len(y), np.int64), marked, sha256)
    # an anomaly claims a class like the others do
    label[marked] = np.random.default_rng(0).choice(label[~marked], marked.sum())
    return Labelled(name, data, label, marked, sha256)


def _satimage() -> Labelled:
    data = datasets.load("satimage")
    odd = list(data.classes).index("cotton crop")
    assert data.frame is not None
    return _one_class("satimage", data.frame.drop(columns="soil"), data.y, odd, data.sha256)


def _bundled(name: str, load: Callable[..., toys.Bunch], odd: int) -> Labelled:
    """Return a data set that scikit-learn ships."""
    loaded = load(as_frame=True)
    sha = hashlib.sha256(np.ascontiguousarray(loaded.data.to_numpy(np.float64)).tobytes())
    return _one_class(name, loaded.data, loaded.target.to_numpy(), odd, sha.hexdigest())


def _simulated(name: str) -> Labelled:
    """Return 8,000 rows of eight columns that two hidden numbers drive, in four classes.

    Odd rows of ``correlated`` have the columns of different rows: each value is usual, and their
    combination is not. Odd rows of ``scattered`` are uniform in the box of all rows.
    """
    rng = np.random.default_rng(7)
    n, odd = 8000, np.arange(8000) < 1000
    label = rng.integers(4, size=n)
    hidden = rng.normal(size=(n, 2)) + 2.0 * rng.normal(size=(4, 2))[label]
    x = hidden @ rng.normal(size=(2, 8)) + 0.3 * rng.normal(size=(n, 8))
    if name == "correlated":
        for c in range(4):
            rows = np.flatnonzero(odd & (label == c))
            x[rows] = rng.permuted(x[rows], axis=0)
    else:
        x[odd] = rng.uniform(x.min(axis=0), x.max(axis=0), size=(odd.sum(), 8))
    frame = pd.DataFrame(x.round(6), columns=[f"x{j}" for j in range(8)])
    sha = hashlib.sha256(frame.to_numpy().tobytes()).hexdigest()
    return Labelled(name, frame, label, odd, sha)


#: Name -> table. Digits without their eights, cells without the malignant ones, and so on.
TABLES: dict[str, Callable[[], Labelled]] = {
    "nsl_kdd": lambda: _of_the_book("nsl_kdd"),
    "satimage": _satimage,
    "breast cancer": lambda: _bundled("breast cancer", toys.load_breast_cancer, 0),
    "wine": lambda: _bundled("wine", toys.load_wine, 2),
    "small digits": lambda: _bundled("small digits", toys.load_digits, 8),
    "correlated": lambda: _simulated("correlated"),
    "scattered": lambda: _simulated("scattered"),
}


@dataclass(frozen=True)
class Parts:
    """Rows of a table: to learn from, with anomalies among them, and to judge."""

    learned: np.ndarray
    test: np.ndarray


def parts(table: Labelled, share: float, seed: int) -> Parts:
    """Return the same usual rows for every share, and anomalies that are in no test row.

    Parameters
    ----------
    share : float
        Of the rows to learn from that are anomalies; fewer where the table has no more.
    seed : int
        Of all draws.
    """
    rng = np.random.default_rng(seed)
    usual, odd = (rng.permutation(np.flatnonzero(table.odd == is_odd)) for is_odd in (False, True))
    n = min(ROWS, len(usual) // 2)
    n_test = min(len(odd) // 2, round(TEST_SHARE / (1 - TEST_SHARE) * n))
    hidden = min(round(share / (1 - share) * n), len(odd) - n_test)
    learned = np.concatenate([usual[:n], odd[n_test : n_test + hidden]])
    return Parts(np.sort(learned), np.concatenate([usual[n : 2 * n], odd[:n_test]]))


def strangeness(
    table: Labelled,
    rows: Parts,
    *,
    random_state: int,
    simple: bool = True,
    network: bool = True,
) -> dict[Method, tuple[np.ndarray, float]]:
    """Return scores of the test rows, higher for stranger ones, and seconds, by detector."""
    both = np.concatenate([rows.learned, rows.test])
    frame, y = table.frame.iloc[both].reset_index(drop=True), table.label[both]
    n = len(rows.learned)
    encoder = Encoder(even_costs=True).fit(frame.iloc[:n])
    found: dict[Method, tuple[np.ndarray, float]] = {}
    if simple:
        found |= _by_columns(frame, encoder, y, n)
    x = encoder.transform(frame)
    labelled = np.hstack([x, np.eye(y.max() + 1, dtype=np.float32)[y] / np.sqrt(np.float32(2))])
    for name, score in DETECTORS.items() if simple else ():
        start = time.perf_counter()
        scores = score(labelled[:n], labelled[n:], random_state)
        found[Method("raw", name)] = scores, time.perf_counter() - start
    if network:
        start = time.perf_counter()
        trainer = Trainer(x.shape[1], int(y.max()) + 1, Settings(), random_state)
        weights = trainer.trained(x[:n], y[:n], np.random.default_rng(random_state))
        error = ((x[n:] - trainer.rebuilt(weights, x[n:])) ** 2).sum(axis=1)
        bound = trainer.losses(weights, x[n:], y[n:])
        seconds = time.perf_counter() - start
        for name, scores in zip(OF_THE_NETWORK, (error, bound), strict=True):
            found[Method(trainer.name, name)] = scores, seconds
    return found


def _by_columns(
    frame: pd.DataFrame, encoder: Encoder, y: np.ndarray, n: int
) -> dict[Method, tuple[np.ndarray, float]]:
    """Return what the rules on single columns say of the rows from `n` on."""
    start = time.perf_counter()
    every = surprise(frame, encoder.kinds_, y, np.where(np.arange(len(frame)) < n, 1, -1))
    values = every.values[n:].astype(np.float64)
    numbers = [part.kind == "number" for part in every.parts]
    scores = {FREQUENCIES: values.sum(axis=1), SQUARED: every.total[n:]}
    if any(numbers):
        scores[ROBUST_Z] = values[:, numbers].sum(axis=1)
    seconds = (time.perf_counter() - start) / len(scores)
    return {Method("raw", name): (score, seconds) for name, score in scores.items()}


def run_each(
    names: Sequence[str], *, random_state: int, simple: bool = True, network: bool = True
) -> Iterator[Result]:
    """Yield one result a table and share of anomalies among the rows that are learned from.

    Parameters
    ----------
    names : sequence of str
        Keys of `TABLES`.
    random_state : int
        Of the rows drawn and of everything random that learns from them.
    simple, network : bool, default=True
        Whether the simple detectors are scored, and whether the network is.
    """
    for name in names:
        table = TABLES[choose("table", name, TABLES)]()
        for share in SHARES:
            rows = parts(table, share, random_state)
            truth = table.odd[rows.test]
            scored = strangeness(
                table, rows, random_state=random_state, simple=simple, network=network
            )
            hidden = int(table.odd[rows.learned].sum())
            scores = [
                Score(
                    method,
                    {
                        "auc_any": float(roc_auc_score(truth, score)),
                        "ap_any": float(average_precision_score(truth, score)),
                        "anomalies_learned": hidden,
                    },
                    {"contamination": share, "n_train": len(rows.learned), "evaluated_on": "test"},
                    {"detect": seconds},
                )
                for method, (score, seconds) in scored.items()
            ]
            yield Result(
                CHAPTER, _data(table, rows), random_state, scores, use=USE, networks=network
            )


def _data(table: Labelled, rows: Parts) -> Dataset:
    """Return what a record says of the data."""
    n = len(rows.test)
    return Dataset(
        name=table.name,
        x=np.zeros((len(table.odd), 1), np.float32),
        y=table.label,
        classes=("",),
        n_train=0,
        sha256=table.sha256,
        index=np.arange(len(table.odd)),
        complete=False,
        source=table.name,
        part=f"{n:,} test rows",
    )
