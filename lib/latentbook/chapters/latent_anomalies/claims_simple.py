"""Claims of chapter 07 on detectors without a network, and on anomalies among the training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, studentized_range

from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies import contamination_tables as contaminated
from latentbook.chapters.latent_anomalies.tables import FREQUENCIES, ON_CODES, SIMPLE
from latentbook.study import gains
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.gains import Gain
from latentbook.study.method import Method

CLAIMS = Claims("07")

#: Every detector without a network.
NAMES = (*SIMPLE, ON_CODES[0])
SQUARED = SIMPLE[1]
#: Detectors by distances in the matrix.
BY_DISTANCE = ("knn", "pca")
#: Detectors that look at one column at a time, and at the label as at any other.
NO_CLASS = ("hbos", "ecod", "copod")


def runs(evidence: Evidence, dataset: str, name: str, metric: str) -> pd.Series:
    """Return a metric of a simple detector by seed."""
    return scores(evidence.rows(dataset, f"{name} raw", chapter=CHAPTER), metric).droplevel(
        "dataset"
    )


def bound(evidence: Evidence, dataset: str, metric: str) -> pd.Series:
    """Return a metric of the bound of the CL-VAE with gamma 0.3, by seed."""
    rows = evidence.rows(dataset, "cl-vae2 + bound", gamma=0.3)
    return scores(rows, metric).droplevel("dataset")


def learned(evidence: Evidence, dataset: str, metric: str) -> pd.Series:
    """Return a metric of all detectors on codes, components and networks' terms, by run."""

    def on_spaces(method: str) -> bool:
        parsed = Method.parse(method)
        return bool(parsed.learner) and parsed.representation != "raw" and not parsed.use

    rows = evidence.rows(dataset, on_spaces, chapter=CHAPTER)
    names = (metric, f"{metric}_own_label")
    return pd.Series([m[name] for m in rows["metrics"] for name in names if name in m])


# ---------------------------------------------------------------- the tables of the chapter


@CLAIMS
def nsl_simple(evidence: Evidence) -> Claim:
    """On NSL-KDD simple detectors that see the label are as good as the best network."""
    others = [name for name in NAMES if name != FREQUENCIES]
    means = {name: runs(evidence, "nsl_kdd", name, "auc_any").mean() for name in others}
    best = max(means, key=lambda name: means[name])
    gain = gains.compare(
        bound(evidence, "nsl_kdd", "auc_any"), runs(evidence, "nsl_kdd", best, "auc_any")
    )
    return Claim(
        [means[best]],
        {
            "COPOD is the best of them": best == "copod",
            "the lead of the bound is open": gain.word in ("undecided", "no difference"),
        },
    )


@CLAIMS
def trades_squared(evidence: Evidence) -> Claim:
    """On the trades squared surprises find the worst rows better."""
    squared, plain = (runs(evidence, "trades", name, "ap_any") for name in (SQUARED, FREQUENCIES))
    others = pd.concat([runs(evidence, "trades", name, "auc_any") for name in NO_CLASS])
    return Claim(
        [squared.mean(), others.max()],
        {
            "it raises the average precision": gains.compare(squared, plain).word == "better",
            "the others are behind both": others.max()
            < min(runs(evidence, "trades", name, "auc_any").min() for name in SIMPLE[:2]),
            "and behind all that was learned in it": others.max()
            < learned(evidence, "trades", "auc_any").max(),
        },
    )


@CLAIMS
def satimage_simple(evidence: Evidence) -> Claim:
    """On satimage kNN with the label as columns finds what the collapsed codes miss."""
    noise = runs(evidence, "satimage", "knn", "auc_noise")
    wrong = runs(evidence, "satimage", "knn", "auc_mislabelled")
    error = evidence.rows("satimage", "cl-vae2 + reconstruction error")
    return Claim(
        [noise.mean(), wrong.mean()],
        {"no network has its AUC for noise": noise.min() > scores(error, "auc_noise").max()},
    )


# ---------------------------------------------------------------- contaminated training


def table(evidence: Evidence) -> pd.DataFrame:
    """Return the scores of contaminated training."""
    rows = evidence.rows(
        method=lambda method: Method.parse(method).use == contaminated.USE, chapter=CHAPTER
    )
    return contaminated.scores(rows)


def sets(found: pd.DataFrame) -> list[str]:
    """Return the tables of data, each once."""
    return list(dict.fromkeys(found["dataset"]))


def costs(found: pd.DataFrame, method: str, share: float) -> dict[str, Gain]:
    """Return what a share of anomalies changes for a detector, by table of data."""
    return {one: contaminated.cost(found, one, method, share, "auc") for one in sets(found)}


@CLAIMS
def contamination_distances(evidence: Evidence) -> Claim:
    """On satimage a few anomalies that lie together blind detectors by distance."""
    found = table(evidence)
    ten = {m: contaminated.cost(found, "satimage", m, 0.1, "auc") for m in BY_DISTANCE}
    return Claim(
        [10, -ten["knn"].mean, -ten["pca"].mean],
        {"both lose": all(gain.word == "worse" for gain in ten.values())},
    )


@CLAIMS
def contamination_columns(evidence: Evidence) -> Claim:
    """Frequencies and medians of a class are hardly moved, except where anomalies are alike."""
    found = table(evidence)
    ten = costs(found, SQUARED, 0.1)
    small = [one for one, gain in ten.items() if gain.mean > -0.03]
    left = [one for one in ten if one not in small]
    return Claim(
        [10, 0.03, len(small), len(ten), -ten["nsl_kdd"].mean],
        {
            "NSL-KDD is the exception": left == ["nsl_kdd"],
            "its loss is no chance": ten["nsl_kdd"].word == "worse",
        },
    )


@CLAIMS
def critical_difference(evidence: Evidence) -> Claim:
    """Eight tables of data are too few for a diagram of critical differences."""
    found = table(evidence)
    found = found[(found["share"] == 0) & found["method"].isin(NAMES)]
    means = found.pivot_table(index="dataset", columns="method", values="auc").dropna(axis=1)
    n, k = means.shape
    spread = studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
    difference = spread * np.sqrt(k * (k + 1) / (6 * n))
    ranks = means.rank(axis=1, ascending=False).mean()
    p = friedmanchisquare(*means.to_numpy().T).pvalue
    return Claim(
        [n, k, p, difference, ranks.min(), ranks.max()],
        {"no mean ranks differ by it": ranks.max() - ranks.min() < difference},
    )
