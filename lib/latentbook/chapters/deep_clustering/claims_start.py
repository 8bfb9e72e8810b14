"""Claims of chapter 04 on its starts, on choosing without labels, and on the pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, silhouette_score

from latentbook import plots
from latentbook.chapters.deep_clustering import (
    CHAPTER,
    HISTORY,
    figures,
    pairs,
)
from latentbook.chapters.deep_clustering.evidence import (
    DATASETS,
    POINTS,
    accuracy_of,
    dcec,
    extremes,
    shares,
)
from latentbook.study import judge
from latentbook.study.claims import Claim, Claims, Evidence, scores

CLAIMS = Claims("04")


# ---------------------------------------------------------------- what the start decides


def starts(evidence: Evidence) -> pd.DataFrame:
    """Return data set, start and end of the runs of the figure of starts."""
    runs = evidence.rows(
        None, lambda method: method in ("dcec", "dcec, mixture start"), chapter=CHAPTER
    )
    shown = judge.select(
        runs,
        (
            (figures.only(p, "init") or figures.only(p, "gamma")) and "acc_start" in m
            for m, p in judge.metrics_and_params(runs)
        ),
    )
    return pd.DataFrame(
        {
            "dataset": shown["dataset"],
            "start": [m["acc_start"] for m in shown["metrics"]],
            "end": [m["acc"] for m in shown["metrics"]],
        }
    )


@CLAIMS
def starts_alt(evidence: Evidence) -> Claim:
    """All runs lie close to the diagonal, most of them above it."""
    found = starts(evidence)
    gain = found["end"] - found["start"]
    return Claim(
        [found["end"].min(), found["end"].max()],
        {
            "no run is further than a tenth from its start": gain.abs().max() < 0.1,
            "most end above their start": (gain > 0).mean() > 0.9,
        },
    )


@CLAIMS
def starts_gain(evidence: Evidence) -> Claim:
    """How far runs end below and above their starts, and how far the starts differ."""
    found = starts(evidence)
    gain = POINTS * (found["end"] - found["start"])
    by_dataset = found[found["dataset"] != "mnist-test"].groupby("dataset")["start"]
    apart = POINTS * (by_dataset.max() - by_dataset.min())
    return Claim(
        [-gain.min(), gain.max(), apart.min(), apart.max()],
        {"starts differ more than runs from their starts": apart.min() > gain.abs().max()},
    )


def near_half(found: np.ndarray) -> bool:
    """Say whether all shares are within a tenth of one half."""
    return bool(np.all(np.abs(found - 0.5) < 0.1))


def whole_and_cut(found: np.ndarray) -> bool:
    """Say whether each share is that of a whole class or of one cut in two, and both occur."""
    whole, cut = found > 0.8, found < 0.6
    return bool(np.all(whole | cut) and whole.any() and cut.any())


@CLAIMS
def classes_alt(evidence: Evidence) -> Claim:
    """Which classes differ between the faithful runs, on each data set."""
    mnist, fashion, test, usps = (
        np.array(list(shares(evidence, name).values()))
        for name in ("mnist", "fashion_mnist", "mnist-test", "usps")
    )
    apart = mnist[:, 4] > 0.9
    differs = np.ptp(fashion, axis=0)
    others = np.delete(differs, [3, 9])
    lost = [int(np.argmin(run)) for run in usps]
    return Claim(
        [len(DATASETS), 4, 9, apart.sum(), len(mnist), 0, *sorted(set(lost))],
        {
            "where 4 is whole, 9 is": np.array_equal(mnist[:, 9] > 0.9, apart),
            "elsewhere both are near one half": near_half(mnist[~apart][:, [4, 9]]),
            "dresses are whole in some runs and cut in others": whole_and_cut(fashion[:, 3]),
            "so are boots": whole_and_cut(fashion[:, 9]),
            "no other class differs as much": bool(differs[[3, 9]].min() > others.max()),
            "on MNIST-test both are near one half": near_half(test[:, [4, 9]]),
            "on USPS the 0 is near one half": near_half(usps[:, 0]),
            "a digit of USPS has no cluster": bool(usps.min(axis=1).max() < 0.05),
            "it is 5, 8 or 9": set(lost) == {5, 8, 9},
        },
    )


@CLAIMS
def classes_mnist(evidence: Evidence) -> Claim:
    """4 and 9 are apart in one run, and share two clusters in the others."""
    found = np.array(list(shares(evidence, "mnist").values()))[:, [4, 9]]
    apart = found.min(axis=1) > 0.9
    return Claim(
        [(~apart).sum(), len(found), *extremes(found[~apart]), *extremes(found[apart])],
        {"they are apart in one run": apart.sum() == 1},
    )


@CLAIMS
def classes_fashion(evidence: Evidence) -> Claim:
    """Accuracy goes with the number of dresses and boots that are whole."""
    runs = shares(evidence, "fashion_mnist")
    acc = accuracy_of(dcec(evidence, "fashion_mnist"))
    whole = {run: int(share[3] > 0.8) + int(share[9] > 0.8) for run, share in runs.items()}
    by_whole = {n: [acc[run] for run, count in whole.items() if count == n] for n in (2, 1, 0)}
    found = np.array(list(runs.values()))
    return Claim(
        [max(by_whole[2]), min(by_whole[1]), max(by_whole[1]), max(by_whole[0])],
        {
            "dresses are whole or cut in half": whole_and_cut(found[:, 3]),
            "boots are whole or cut in half": whole_and_cut(found[:, 9]),
            "more whole classes, higher accuracy": min(by_whole[2]) > max(by_whole[1])
            and min(by_whole[1]) > max(by_whole[0]),
        },
    )


@CLAIMS
def classes_usps(evidence: Evidence) -> Claim:
    """On USPS the 0 is cut in half, and another digit has no cluster."""
    found = np.array(list(shares(evidence, "usps").values()))
    lost = found.argmin(axis=1)
    return Claim(
        [len(found), *sorted(set(lost))],
        {
            "the 0 is cut in half in every run": near_half(found[:, 0]),
            "less than 5 % of the digit is in a cluster of its own": found.min(axis=1).max() < 0.05,
        },
    )


def partitions(evidence: Evidence, dataset: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return excess in percent and accuracy of the single starts on each network."""
    found = figures.faithful(evidence.arrays(f"04-{dataset}"), "partitions").values()
    return [(POINTS * excess, accuracy) for excess, accuracy in found]


@CLAIMS
def partitions_alt(evidence: Evidence) -> Claim:
    """Within one percent of the least sum of squares, accuracies differ much."""
    found = [
        np.ptp(accuracy[excess < 1])
        for dataset in ("fashion_mnist", "mnist", "usps")
        for excess, accuracy in partitions(evidence, dataset)
    ]
    return Claim([min(found), max(found)])


def costs(found: list[tuple[np.ndarray, np.ndarray]], level: float) -> np.ndarray:
    """Return what the best partition above an accuracy costs k-means over those below."""
    return np.array(
        [excess[acc > level].min() - excess[acc <= level].min() for excess, acc in found]
    )


@CLAIMS
def partitions_mnist(evidence: Evidence) -> Claim:
    """On MNIST a partition above 0.90 costs k-means more in three networks of four."""
    found = partitions(evidence, "mnist")
    cost = costs(found, 0.90)
    return Claim(
        [0.90, (cost > 0).sum(), len(cost), cost[cost > 0].min(), cost.max(), -cost.min()],
        {"it costs less in one network": (cost < 0).sum() == 1},
    )


@CLAIMS
def partitions_fashion(evidence: Evidence) -> Claim:
    """On Fashion-MNIST one above 0.60 costs k-means more in two networks of three."""
    cost = costs(partitions(evidence, "fashion_mnist"), 0.60)
    return Claim(
        [0.60, (cost > 0).sum(), len(cost), cost[cost > 0].min(), cost.max(), -cost.min()],
        {"it costs less in one network": (cost < 0).sum() == 1},
    )


@CLAIMS
def partitions_usps(evidence: Evidence) -> Claim:
    """On USPS the most accurate partition is not the cheapest one."""
    ((excess, accuracy),) = partitions(evidence, "usps")
    return Claim(
        [accuracy.max(), excess[accuracy.argmax()]],
        {"the cheapest is less accurate": accuracy[excess.argmin()] < accuracy.max() - 0.05},
    )


# ---------------------------------------------------------------- choosing without labels


def agreement(evidence: Evidence, dataset: str) -> tuple[str, dict[str, float]]:
    """Return the most accurate faithful run, and each run's mean ARI to the others."""
    arrays = evidence.arrays(f"04-{dataset}")
    labels = figures.faithful(arrays, "labels")
    accurate = max(
        labels,
        key=lambda run: (plots.aligned(arrays["classes"], labels[run]) == arrays["classes"]).mean(),
    )
    mean = {
        run: float(
            np.mean([adjusted_rand_score(own, labels[other]) for other in labels if other != run])
        )
        for run, own in labels.items()
    }
    return accurate, mean


@CLAIMS
def consensus(evidence: Evidence) -> Claim:
    """On MNIST the most accurate run agrees least with the others."""
    best, mean = agreement(evidence, "mnist")
    others = [value for run, value in mean.items() if run != best]
    return Claim(
        [len(mean), mean[best], min(others), max(others)],
        {"the most accurate run agrees least": mean[best] < min(others) - 0.01},
    )


@CLAIMS
def consensus_solution(evidence: Evidence) -> Claim:
    """Whoever keeps the run that agrees most keeps the most accurate one last."""
    best, mean = agreement(evidence, "mnist")
    return Claim(
        [], {"the most accurate run agrees least": min(mean, key=lambda run: mean[run]) == best}
    )


@CLAIMS
def consensus_fashion(evidence: Evidence) -> Claim:
    """On Fashion-MNIST agreement does not choose the most accurate run either."""
    best, mean = agreement(evidence, "fashion_mnist")
    return Claim(
        [max(mean.values()), mean[best]],
        {"another run agrees more with the others": mean[best] < max(mean.values()) - 0.01},
    )


@CLAIMS
def silhouette(evidence: Evidence) -> Claim:
    """Silhouettes in pixel space are smaller where 4 and 9 are apart."""
    runs = pd.concat([dcec(evidence, "mnist"), dcec(evidence, "mnist", "dcec, mixture start")])
    good = scores(runs, "acc").to_numpy() > 0.95
    value = scores(runs, "silhouette").to_numpy()
    faithful = np.array([method == "dcec" for method in runs["method"]])
    bad = value[~good & faithful]
    return Claim(
        [good.sum(), 0.95, value[good].min(), value[good].max(), len(bad), bad.min(), bad.max()],
        {"every one of them has a smaller silhouette": value[good].max() < bad.min()},
    )


@CLAIMS
def loss_of_best(evidence: Evidence) -> Claim:
    """Neither loss nor settled labels tell the most accurate run from the others."""
    runs = dcec(evidence, "mnist")
    loss, acc = (scores(runs, metric) for metric in ("loss", "acc"))
    return Claim(
        [],
        {
            "the labels of all runs have settled": (scores(runs, "converged") == 1).all(),
            "the best run's loss lies among the others": loss.min()
            < loss[acc.idxmax()]
            < loss.max(),
        },
    )


@CLAIMS
def final_loss(evidence: Evidence) -> Claim:
    """On one network the less accurate run has the smaller loss."""
    faithful, mixture = (dcec(evidence, "mnist", m) for m in ("dcec", "dcec, mixture start"))
    lowest = scores(mixture, "acc").to_numpy().argmin()
    worst = mixture.iloc[[lowest]]
    lost, less = (pairs.differences(worst, faithful, m).iloc[0] for m in ("loss", "acc"))
    end = worst["metrics"].iloc[0]
    return Claim(
        [end["loss"], end["acc"], end["loss"] - lost, end["acc"] - less],
        {
            "it is network 6c52": worst["params"].iloc[0]["weights"].startswith("6c52"),
            "the smaller loss has the smaller accuracy": lost < 0 and less < 0,
        },
    )


# ---------------------------------------------------------------- training and pictures


def histories(evidence: Evidence) -> list[dict[str, np.ndarray]]:
    """Return the history of the faithful run of seed 0 of each data set, by its quantities."""
    saved = {name: evidence.arrays(f"04-{name}") for name in DATASETS}
    return [
        dict(zip(HISTORY, array, strict=True))
        for array in figures.faithful_of(saved, "history", seed=0).values()
    ]


@CLAIMS
def training_alt(evidence: Evidence) -> Claim:
    """Losses rise and fall, accuracy settles early, the label changes end at the tolerance."""
    found = histories(evidence)
    late = [np.abs(h["acc"][h["iteration"] > 2000] - h["acc"][-1]).max() for h in found]
    tolerance = 0.001
    return Claim(
        [max(POINTS * np.array(late)), 2000, tolerance],
        {
            "the clustering loss rises and ends below its maximum": all(
                np.nanargmax(h["clustering_loss"]) > 1
                and h["clustering_loss"][-1] < np.nanmax(h["clustering_loss"])
                for h in found
            ),
            "label changes end below the tolerance": all(
                h["changed"][-1] < tolerance for h in found
            ),
        },
    )


@CLAIMS
def early_gain(evidence: Evidence) -> Claim:
    """Most of the gain in accuracy is there after a tenth of the iterations."""
    share, length = [], []
    for h in histories(evidence):
        at = np.flatnonzero(h["iteration"] == 1400)[0]
        share.append((h["acc"][at] - h["acc"][0]) / (h["acc"][-1] - h["acc"][0]))
        length.append(h["iteration"][-1])
    return Claim(
        [1400, *extremes(share), min(length), max(length)],
        {"most of it comes early": min(share) > 0.75, "training goes on": min(length) > 1400},
    )


@CLAIMS
def bump(evidence: Evidence) -> Claim:
    """Clustering losses rise first."""
    peak = [h["iteration"][np.nanargmax(h["clustering_loss"])] for h in histories(evidence)]
    return Claim([min(peak), max(peak)], {"it rises in every run": min(peak) > 140})


@CLAIMS
def confusion_alt(evidence: Evidence) -> Claim:
    """4 and 9 share two clusters on MNIST, and three kinds of tops are mixed on Fashion-MNIST."""
    mnist, fashion = (
        evidence.arrays(f"04-{name}")["confusion"] for name in ("mnist", "fashion_mnist")
    )
    digits = mnist[[4, 9]][:, [4, 9]] / mnist[[4, 9]].sum(axis=1, keepdims=True)
    tops = fashion[[2, 4, 6]] / fashion[[2, 4, 6]].sum(axis=1, keepdims=True)
    return Claim(
        [4, 9, 2],
        {
            "each of the digits has more than a third in each cluster": digits.min() > 1 / 3,
            "each kind of top has at most two thirds in its cluster": all(
                tops[i, c] < 2 / 3 for i, c in enumerate((2, 4, 6))
            ),
        },
    )


@CLAIMS
def errors_mnist(evidence: Evidence) -> Claim:
    """Most errors on MNIST belong to one pair of digits."""
    counts = evidence.arrays("04-mnist")["confusion"]
    wrong = counts - np.diag(np.diag(counts))
    pair = wrong[4, 9] + wrong[9, 4]
    return Claim([POINTS * pair / wrong.sum(), 4, 9], {"most are": pair > wrong.sum() / 2})


@CLAIMS
def islands(evidence: Evidence) -> Claim:
    """Clusters lie further apart in the pictures after the joint training."""
    found = []
    for name in DATASETS:
        arrays = evidence.arrays(f"04-{name}")
        labels = arrays["umap_labels"][:2000]
        found.append(
            [
                silhouette_score(arrays[f"umap_{when}"][:2000].astype(float), labels)
                for when in ("before", "after")
            ]
        )
    before, after = np.transpose(found)
    return Claim(
        [before.min(), before.max(), after.min(), after.max()],
        {"it is larger after, on every data set": (after > before).all()},
    )
