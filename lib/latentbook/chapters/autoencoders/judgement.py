"""How each use of an autoencoder is judged: beside the best of its simple alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from latentbook.chapters.autoencoders import TARGET_RATE
from latentbook.study import gains
from latentbook.study.gains import Gain
from latentbook.study.judge import select
from latentbook.study.method import Method


@dataclass(frozen=True)
class Use:
    """How a use is judged.

    Attributes
    ----------
    task : str
        What the autoencoder is used for.
    metric : str
        Metric that is compared.
    higher_is_better : bool
        Whether a higher value of the metric is better.
    method : str
        The autoencoder, as the records name it within the use.
    baselines : tuple of str
        The simple alternatives. The one with the best mean is compared.
    condition : dict
        Params that the compared records must have.
    """

    task: str
    metric: str
    higher_is_better: bool
    method: str
    baselines: tuple[str, ...]
    condition: dict[str, Any] = field(default_factory=dict)


#: Metrics that lie between 0 and 1.
SCORES = ("knn_acc", "acc", "auc", "ap")
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
        f"compress photographs at {TARGET_RATE:g} bits a pixel",
        f"psnr_at_{TARGET_RATE:g}",
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
    """The autoencoder beside the best baseline.

    Attributes
    ----------
    scores, baseline_scores : Series
        Values of the metric by random state, for the random states that both have.
    baseline : str
        The baseline with the best mean.
    gain : Gain
        By how much the autoencoder is better, by random state; its word is the verdict.
    """

    scores: pd.Series
    baseline_scores: pd.Series
    baseline: str
    gain: Gain

    @property
    def verdict(self) -> str:
        """The verdict, one of `study.gains.WORDS`."""
        return self.gain.word


def of_use(records: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the records of a use, whose methods then go by their names within it.

    Parameters
    ----------
    records : DataFrame
        As `study.records.read` returns them.
    name : str
        One of `USES`.
    """
    parsed = [Method.parse(text) for text in records["method"]]
    rows = select(records, (method.use == name for method in parsed))
    return rows.assign(
        method=[str(Method(m.representation, m.learner, m.change)) for m in parsed if m.use == name]
    )


def judge(records: pd.DataFrame, name: str) -> Judgement | None:
    """Compare the autoencoder of a use with its best baseline, by random state.

    The rule is that of `study.gains.compare`, with a margin of 0.02 for scores between 0 and 1 and
    of 2 % of the baseline for errors, distances and decibels.

    Parameters
    ----------
    records : DataFrame
        Of one data set.
    name : str
        One of `USES`.

    Returns
    -------
    Judgement or None
        None where the autoencoder and its baselines have no random state in common.
    """
    use, rows = USES[name], of_use(records, name)
    scores = _by_random_state(rows, use.method, use)
    baselines = {baseline: _by_random_state(rows, baseline, use) for baseline in use.baselines}
    sign = 1 if use.higher_is_better else -1
    found = {baseline: values for baseline, values in baselines.items() if len(values)}
    best = max(found, key=lambda baseline: sign * found[baseline].mean(), default=None)
    if best is None:
        return None
    shared = scores.index.intersection(found[best].index)
    if shared.empty:
        return None
    ours, simple = scores[shared], found[best][shared]
    margin = gains.MARGIN if use.metric in SCORES else gains.margin_of(simple.mean())
    gain = gains.compare(ours, simple, higher_is_better=use.higher_is_better, margin=margin)
    return Judgement(ours, simple, best, gain)


def _by_random_state(records: pd.DataFrame, method: str, use: Use) -> pd.Series:
    """Return the metric of a method under the condition of the use, by random state."""
    rows = records[records["method"] == method]
    values = {
        seed: metrics[use.metric]
        for seed, metrics, params in zip(rows["seed"], rows["metrics"], rows["params"], strict=True)
        if use.metric in metrics and _fulfils(params, use.condition)
    }
    return pd.Series(values, dtype=float).sort_index()


def _fulfils(params: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    return all(params.get(name) == value for name, value in condition.items())
