"""What the studies of the uses share: scores, small arrays for figures, and how a use is judged.

A study trains on one data set with one seed and returns a `Study`; `keep` turns it into records.
`judge` compares, seed by seed, the autoencoder with the best of the simple alternatives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from latentbook.datasets import Dataset
from latentbook.study import figure_arrays, records

CHAPTER = "02-autoencoders"

#: Decorator of studies: BLAS and OpenMP (k-means, neighbours, regression) use one thread. Their
#: problems are so small that a second thread is waited for longer than it works, and ten times as
#: long where others use the cores too. Networks and neighbour embeddings have their own threads.
one_thread = threadpool_limits.wrap(limits=1)


@dataclass(frozen=True)
class Score:
    """What one method reached under one condition.

    Attributes
    ----------
    method : str
        Such as ``autoencoder`` or ``pca``.
    metrics : dict
        Plain numbers by name.
    params : dict
        The condition (noise level, size of the code, number of labels), and what training cost
        depends on (epochs, rows).
    seconds : float
        Wall time of fitting and applying the method.
    """

    method: str
    metrics: dict[str, float]
    params: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Study:
    """Scores of all methods of one use, on one data set with one seed, and arrays for figures."""

    use: str
    data: Dataset
    seed: int
    scores: list[Score]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Use:
    """How a use is judged.

    Attributes
    ----------
    question : str
        What the verdict answers.
    metric : str
        Metric that is compared.
    higher : bool
        Whether more of it is better.
    method : str
        The autoencoder.
    baselines : tuple of str
        The simple alternatives, the best of which counts.
    condition : dict
        Params that the compared scores must have.
    """

    question: str
    metric: str
    higher: bool
    method: str
    baselines: tuple[str, ...]
    condition: dict[str, Any] = field(default_factory=dict)


USES: dict[str, Use] = {
    "linear": Use(
        "reconstruct with ten numbers", "mse", False, "nonlinear", ("pca",), {"n_codes": 10}
    ),
    "satellite": Use(
        "separate kinds of land in two dimensions",
        "knn_acc",
        True,
        "autoencoder",
        ("pca", "tsne", "umap"),
        {"n_codes": 2},
    ),
    "denoising": Use(
        "remove noise",
        "psnr",
        True,
        "autoencoder",
        ("non-local means", "wavelet", "total variation"),
        {"noise": 0.2},
    ),
    "inpainting": Use(
        "fill holes", "psnr", True, "autoencoder", ("biharmonic",), {"mask": "block"}
    ),
    "compression": Use(
        "compress photographs at 0.15 bits a pixel",
        "psnr_at_0.15",
        True,
        "autoencoder",
        ("jpeg", "jpeg 2000"),
    ),
    "anomalies": Use(
        "find anomalies by the reconstruction error",
        "auc",
        True,
        "autoencoder",
        ("isolation forest", "pca", "local outlier factor"),
    ),
    "generation": Use("generate images", "frechet", False, "vae", ("pca gaussian", "pca mixture")),
    "few labels": Use(
        "classify with 100 labels",
        "acc",
        True,
        "fine-tuned",
        ("from scratch", "pixels", "pca", "umap"),
        {"labels": 100},
    ),
    "code size": Use(
        "describe classes with ten numbers",
        "knn_acc",
        True,
        "autoencoder",
        ("pca",),
        {"n_codes": 10},
    ),
    "new categories": Use(
        "notice classes that nobody has labelled",
        "ap",
        True,
        "autoencoder + umap",
        ("pixels", "pixels + umap", "classifier confidence"),
    ),
    "regularised": Use(
        "help the plain autoencoder by a penalty", "knn_acc", True, "denoising", ("plain",)
    ),
}


def keep(found: Study, profile: str, *, whole: bool = True) -> list[dict[str, Any]]:
    """Write one record a score, keep the arrays for figures, and return the records.

    Parameters
    ----------
    whole
        Whether the study took the data whole, and not a part that the reader asked for.
    """
    import keras

    backend = f"{keras.backend.backend()}, keras {version('keras')}"
    made = [
        records.make(
            CHAPTER,
            found.data,
            f"{found.use}: {score.method}",
            score.metrics,
            seed=found.seed,
            profile=profile,
            params=score.params,
            seconds={"fit": score.seconds},
            backend=backend,
        )
        for score in found.scores
    ]
    records.write(*made)
    arrays = {"index": np.array([len(found.data)])} | found.arrays
    where = figure_arrays.folder(profile, found.seed, whole=whole)
    figure_arrays.save(f"{word(found.use)}-{found.data.name}", arrays, where)
    return made


def kept(use: str, dataset: str) -> dict[str, np.ndarray]:
    """Return the arrays that a full-scale study kept for its figures, none if it has not run."""
    arrays = figure_arrays.full_scale(word(use), dataset)
    arrays.pop("index", None)
    return arrays


def word(use: str) -> str:
    """Return the name of a use in names of files: ``02-few-labels``."""
    return f"{CHAPTER[:2]}-{use.replace(' ', '-')}"


@dataclass(frozen=True)
class Judgement:
    """The autoencoder beside the best alternative.

    Attributes
    ----------
    method, baseline : Series
        Values of the metric by seed, for the seeds that both have.
    best : str
        The alternative with the best mean.
    verdict : str
        ``better``, ``worse`` or ``no difference``; ``one seed`` where no spread is known.
    """

    method: pd.Series
    baseline: pd.Series
    best: str
    verdict: str


def judge(found: pd.DataFrame, use: str) -> Judgement | None:
    """Compare the autoencoder of a use with the best of its alternatives, seed by seed.

    A difference counts if its mean is larger than two standard errors over the seeds.

    Parameters
    ----------
    found
        Records of one data set.

    Returns
    -------
    Judgement or None
        None where the method or every alternative has no record.
    """
    how = USES[use]
    method = _by_seed(found, f"{use}: {how.method}", how)
    others = {name: _by_seed(found, f"{use}: {name}", how) for name in how.baselines}
    others = {name: values for name, values in others.items() if len(values)}
    if method.empty or not others:
        return None
    sign = 1 if how.higher else -1
    best = max(others, key=lambda name: sign * others[name].mean())
    gain = (sign * (method - others[best])).dropna()
    return Judgement(method[gain.index], others[best][gain.index], best, _verdict(gain))


def _verdict(gain: pd.Series) -> str:
    if len(gain) < 2:
        return "one seed"
    error = gain.std(ddof=1) / math.sqrt(len(gain))
    if abs(gain.mean()) <= 2 * error:
        return "no difference"
    return "better" if gain.mean() > 0 else "worse"


def _by_seed(found: pd.DataFrame, method: str, how: Use) -> pd.Series:
    """Return the metric of a method under the use's condition, by seed."""
    rows = found[found["method"] == method]
    values = {
        seed: metrics[how.metric]
        for seed, metrics, params in zip(rows["seed"], rows["metrics"], rows["params"], strict=True)
        if how.metric in metrics and _holds(params, how.condition)
    }
    return pd.Series(values, dtype=float).sort_index()


def _holds(params: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    return all(params.get(name) == value for name, value in condition.items())
