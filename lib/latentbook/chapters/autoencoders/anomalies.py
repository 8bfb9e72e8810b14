"""Use 6: anomalies by reconstruction error, of a network that learned from normal rows only.

The conjecture of charte2020 ("Anomaly detection: strategy") is measured on labelled rows, beside
PCA, an isolation forest and local outlier factors. petersen notes that an autoencoder may
reconstruct anomalies too: for that the code grows.
Scores have scikit-learn's sign, as those of `score_samples`: higher for more normal rows.
Detectors that work on codes, and criteria without labels, are left to `latentbook.anomaly`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from latentbook import anomaly, sampling
from latentbook.autoencoders import dense
from latentbook.autoencoders.base import Autoencoder
from latentbook.chapters.autoencoders.study import one_thread, result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.study.result import Result, Score

#: Share of held-out normal rows that score below the threshold, at which recalls are stated.
FALSE_ALARMS = 0.05

#: Rows that the local outlier factor is fitted on at most: its cost grows with their number.
LOF_ROWS = 10_000

#: Points of each curve that is kept for the figures.
CURVE_POINTS = 201

#: From rows to their scores, higher for more normal rows: `score_samples` of a fitted method.
ScoreSamples = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Parts:
    """Rows of a table, or flat images, cut for the search.

    Attributes
    ----------
    fit, held_out : arrays of shape (n, d)
        Normal training rows: nine tenths to learn from, and a tenth to set the threshold.
    test : array of shape (n, d)
    y : vector of length n
        Classes of the test rows.
    anomalous : boolean vector of length n
        Which test rows are anomalies.
    groups : dict
        Name of each anomalous class -> its number.
    clipped : float
        Share of the test rows with a value outside [0, 1], the range of the training split.
    """

    fit: np.ndarray
    held_out: np.ndarray
    test: np.ndarray
    y: np.ndarray
    anomalous: np.ndarray
    groups: dict[str, int]
    clipped: float


def split(data: Dataset, anomalous: Sequence[str], *, random_state: int) -> Parts:
    """Cut `data` into normal rows to learn from, normal rows for the threshold, and test rows.

    The test rows are those of `sampling.split`; a tenth of the normal training rows, drawn at
    random, is held out for the threshold.
    Test values outside [0, 1] are clipped: a counter that exceeds everything seen in training
    would otherwise decide its row's score alone.

    Parameters
    ----------
    data
        With classes.
    anomalous
        Names of the classes that are anomalies; all others are normal. Rows of these classes in
        the training split are not used.

    Raises
    ------
    LatentbookError
        For an unknown class, no class or no other class, a class without test rows, or fewer than
        20 normal training rows.
    """
    groups = {name: data.classes.index(choose("class", name, data.classes)) for name in anomalous}
    if not 0 < len(groups) < len(data.classes):
        raise LatentbookError(
            f"{len(groups)} of {len(data.classes)} classes are anomalous: name at least one, and "
            "leave at least one that is normal"
        )
    train, test = sampling.split(len(data), data.n_train)
    marked = np.isin(data.y, list(groups.values()))
    normal = np.random.default_rng(random_state).permutation(train[~marked[train]])
    missing = [name for name, code in groups.items() if not (data.y[test] == code).any()]
    if missing or marked[test].all() or len(normal) < 20:
        what = f"no test row of {missing[0]}" if missing else f"{len(normal)} normal training rows"
        raise LatentbookError(
            f"{data.name} has {what}: take more rows, or other anomalous classes "
            "(20 normal training rows and test rows of both kinds are needed)"
        )
    held_out = len(normal) // 10
    x = data.flat
    return Parts(
        fit=x[normal[held_out:]],
        held_out=x[normal[:held_out]],
        test=np.clip(x[test], 0, 1),
        y=data.y[test],
        anomalous=marked[test],
        groups=groups,
        clipped=float(((x[test] < 0) | (x[test] > 1)).any(axis=1).mean()),
    )


def score_samples(x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
    """Return minus the mean squared error of each row: higher for more normal rows.

    Parameters
    ----------
    x, reconstruction : arrays of shape (n_samples, n_features)

    Examples
    --------
    >>> score_samples(np.eye(2), np.array([[1, 0], [1, 1]]))
    array([-0. , -0.5])
    """
    return -((x - reconstruction) ** 2).mean(axis=1)


def _autoencoders(
    fit: np.ndarray,
    code_sizes: Sequence[int],
    *,
    n_codes: int,
    noise: float,
    hidden: Sequence[int],
    epochs: int,
    batch_size: int,
    random_state: int,
) -> tuple[dict[str | int, ScoreSamples], float]:
    """Train all autoencoders side by side, or load them.

    Returns
    -------
    dict
        Size of the code, or ``denoising`` -> minus the reconstruction error.
    float
        Seconds of training of each.
    """
    designs: dict[str | int, dict[str, Any]] = {
        size: {"n_codes": size, "widths": tuple(hidden), "activation": "relu"}
        for size in (n_codes, *code_sizes)
    }
    designs["denoising"] = designs[n_codes] | {"noise": noise}
    networks, seconds = dense.trained(
        fit, list(designs.values()), epochs=epochs, batch_size=batch_size, seeds=(random_state,)
    )

    def scorer(network: Autoencoder) -> ScoreSamples:
        return lambda x: score_samples(x, dense.outputs(network.model, x))

    return dict(zip(designs, map(scorer, networks), strict=True)), seconds


def _pca(fit: np.ndarray, n_codes: int) -> ScoreSamples:
    """Return minus the reconstruction error of PCA, the linear autoencoder with as many codes."""
    pca = PCA(n_codes, svd_solver="covariance_eigh").fit(fit)
    return lambda x: score_samples(x, pca.inverse_transform(pca.transform(x)))


def _detector(
    name: str, fit: np.ndarray, *, random_state: int, n_fit: int | None = None
) -> ScoreSamples:
    """Return the scores of a detector that sees the rows themselves."""
    return anomaly.detector(name, random_state=random_state, n_fit=n_fit).fit(fit).score_samples


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    anomalous: Sequence[str],
    n_codes: int,
    code_sizes: Sequence[int],
    hidden: Sequence[int],
    noise: float,
    epochs: int,
    batch_size: int,
) -> Result:
    """Search the test rows for anomalies by every method, and by every size of the code.

    Nothing is chosen by the labels of the anomalies: `n_codes` is fixed beforehand, and the sweep
    over `code_sizes`, whose scores have names of their own, only shows what another would have
    given.

    Parameters
    ----------
    anomalous
        Names of the classes that are anomalies, in no training row.
    n_codes
        Size of the code of the methods compared.
    code_sizes
        Sizes of the code in the sweep.
    hidden
        Widths of the encoder's layers, mirrored in the decoder.
    noise
        Standard deviation of Gaussian noise on the rows in training, of the denoising autoencoder
        only.
    epochs, batch_size
        Training of each network, see `dense.trained`.

    Returns
    -------
    Result
        Metrics: ``auc``, ``ap`` (by chance: ``anomalous_share``), ``recall`` and
        ``false_alarms`` at the threshold that 5 % of held-out normal training rows fall below, and
        ``auc_<class>``, ``recall_<class>`` for each anomalous class; of reconstructions
        ``error_normal`` and ``error_anomalous``, the median errors of the test rows, and
        ``error_ratio``, the second over the first.

    Raises
    ------
    LatentbookError
        As `split`, and for a code larger than rows are long or fewer than one epoch.
    """
    parts = split(data, anomalous, random_state=random_state)
    for size in (n_codes, *code_sizes):
        check_between("n_codes", size, 1, min(parts.fit.shape))
    design: dict[str, Any] = {"hidden": list(hidden), "epochs": epochs, "batch_size": batch_size}
    base = {"anomalous": list(anomalous), "n_fit": len(parts.fit)}
    fit = parts.fit
    networks, trained = _autoencoders(
        fit, code_sizes, n_codes=n_codes, noise=noise, random_state=random_state, **design
    )
    coded = {**base, "n_codes": n_codes}
    methods: dict[str, tuple[Callable[[], ScoreSamples], dict[str, Any]]] = {
        "autoencoder": (lambda: networks[n_codes], {**coded, **design}),
        "denoising autoencoder": (
            lambda: networks["denoising"],
            {**coded, **design, "noise": noise},
        ),
        "pca": (lambda: _pca(fit, n_codes), coded),
        "isolation forest": (
            lambda: _detector("isolation forest", fit, random_state=random_state),
            base,
        ),
        "local outlier factor": (
            lambda: _detector(
                "local outlier factor", fit, random_state=random_state, n_fit=LOF_ROWS
            ),
            {**base, "n_fit": min(LOF_ROWS, len(fit))},
        ),
    }
    sweep: list[tuple[str, int, Callable[[], ScoreSamples]]] = []
    for size in code_sizes:
        sweep.append(("autoencoder", size, partial(networks.__getitem__, size)))
        sweep.append(("pca", size, partial(_pca, fit, size)))
    scores: list[Score] = []
    arrays: dict[str, np.ndarray] = {}
    for name, (make, params) in methods.items():
        score, values = _run(name, make, params, parts, trained)
        scores.append(score)
        arrays |= _curves(name, values, parts)
    for name, size, make in sweep:
        params = {**base, "n_codes": size} | (design if name == "autoencoder" else {})
        scores.append(_run(f"{name}, code size", make, params, parts, trained)[0])
    arrays |= _summary(scores, list(methods), parts, code_sizes)
    return result("anomalies", data, random_state, scores, arrays)


def _run(
    name: str,
    make: Callable[[], ScoreSamples],
    params: Mapping[str, Any],
    parts: Parts,
    trained: float,
) -> tuple[Score, np.ndarray]:
    """Fit a method, score the test rows, and return its score and these values.

    `trained` is the time that the training of an autoencoder has taken before.
    """
    start = time.perf_counter()
    scorer = make()
    values, held_out = scorer(parts.test), scorer(parts.held_out)
    seconds = time.perf_counter() - start + (trained if "epochs" in params else 0)
    metrics = detection(values, held_out, parts)
    if "n_codes" in params:
        for kind, flag in (("normal", False), ("anomalous", True)):
            metrics[f"error_{kind}"] = -float(np.median(values[parts.anomalous == flag]))
        metrics["error_ratio"] = metrics["error_anomalous"] / (metrics["error_normal"] or np.nan)
    return Score(name, metrics, dict(params), seconds), values


def detection(values: np.ndarray, held_out: np.ndarray, parts: Parts) -> dict[str, float]:
    """Return how well scores separate anomalous test rows from normal ones.

    Parameters
    ----------
    values, held_out : vectors
        Scores of the test rows, and of the normal rows that set the threshold; higher for more
        normal rows.

    Returns
    -------
    dict
        As described in `run`, without the errors.
    """
    odd = parts.anomalous
    alarm = values < np.quantile(held_out, FALSE_ALARMS)
    found = {
        "auc": roc_auc_score(odd, -values),
        "ap": average_precision_score(odd, -values),
        "recall": alarm[odd].mean(),
        "false_alarms": alarm[~odd].mean(),
        "anomalous_share": odd.mean(),
        "clipped": parts.clipped,
    }
    for name, code in parts.groups.items():
        rows = parts.y == code
        found[f"auc_{name}"] = roc_auc_score(rows[rows | ~odd], -values[rows | ~odd])
        found[f"recall_{name}"] = alarm[rows].mean()
    return {name: float(value) for name, value in found.items()}


def _curves(name: str, values: np.ndarray, parts: Parts) -> dict[str, np.ndarray]:
    """Return ROC and precision-recall curves at equally spaced abscissae."""
    grid = np.linspace(0, 1, CURVE_POINTS)
    fpr, tpr, _ = roc_curve(parts.anomalous, -values)
    precision, recall, _ = precision_recall_curve(parts.anomalous, -values)
    return {
        f"roc {name}": np.interp(grid, fpr, tpr).astype(np.float16),
        f"pr {name}": np.interp(grid, recall[::-1], precision[::-1]).astype(np.float16),
    }


def _summary(
    scores: Sequence[Score], methods: Sequence[str], parts: Parts, code_sizes: Sequence[int]
) -> dict[str, np.ndarray]:
    """Return names, recalls by group and the sweep, as arrays for the figures."""
    compared = [score.metrics for score in scores if score.method in methods]
    arrays = {
        "methods": np.array(methods),
        "groups": np.array(list(parts.groups)),
        "recalls": np.array([[m[f"recall_{name}"] for name in parts.groups] for m in compared]),
        "false alarms": np.array([m["false_alarms"] for m in compared]),
        "share": np.array(parts.anomalous.mean()),
        "code sizes": np.array(code_sizes),
        "forest": np.array(compared[list(methods).index("isolation forest")]["auc"]),
    }
    for name in ("autoencoder", "pca"):
        rows = [score for score in scores if score.method == f"{name}, code size"]
        for metric in ("auc", "error_normal", "error_anomalous"):
            arrays[f"{metric} {name}"] = np.array([row.metrics[metric] for row in rows])
    return arrays
