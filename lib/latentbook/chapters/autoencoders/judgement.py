"""How each use of an autoencoder is judged: against the best of its simple alternatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd


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
