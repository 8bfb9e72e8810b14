"""Claims of chapter 04: what its sentences about full-scale results rest on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from latentbook.chapters.deep_clustering import (
    CHAPTER,
    GAMMA,
    REFERENCE_EPOCHS,
    claims_changes,
    claims_start,
    pairs,
)
from latentbook.chapters.deep_clustering.evidence import (
    DATASETS,
    POINTS,
    SCORES,
    TABLE,
    around,
    codes,
    dcec,
    falling,
    mixture_and_dcec,
    seconds,
    words,
)
from latentbook.study import gains
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.gains import Gain
from latentbook.study.method import Method

CLAIMS = Claims("04")
for _part in (claims_start, claims_changes):
    CLAIMS.sources |= _part.CLAIMS.sources


# ---------------------------------------------------------------- introduction and main result


@CLAIMS
def printed(evidence: Evidence) -> Claim:
    """Table 13.1 has DCEC before UMAP and k-means, and before every other row, in each score."""
    values = [
        evidence.published(table=TABLE, dataset=dataset, method=method, metric="acc", params=params)
        for method, params in (("dcec", {"gamma": GAMMA}), ("umap2 + k-means", {}))
        for dataset in ("mnist", "fashion_mnist")
    ]
    rows = evidence.verdicts(table=TABLE)
    best = rows.loc[rows.groupby(["dataset", "metric"])["value"].idxmax()]
    faithful = [p == {"gamma": GAMMA} for p in best["params"]]
    return Claim(values, {"DCEC has the largest number in every column": all(faithful)})


@CLAIMS
def time_to_run(evidence: Evidence) -> Claim:
    """One run of 70,000 images takes minutes on a GPU and hours on two cores."""
    runs = pd.concat([dcec(evidence, name) for name in ("mnist", "fashion_mnist")])
    on_gpu = runs[runs["device"].str.contains("H100")]
    minutes = seconds(on_gpu) / 60
    pretraining = [s["pretrain"] / sum(s.values()) for s in on_gpu["seconds"]]
    slow = runs[~runs["device"].str.contains("GPU")]
    pretrained = [s["pretrain"] for s in dcec(evidence, "mnist", gamma=1.0)["seconds"]]
    hours = (max(pretrained) + max(seconds(slow))) / 3600
    return Claim(
        [70_000, minutes.min(), minutes.max(), hours, slow["cores"].iloc[0], REFERENCE_EPOCHS],
        {
            "all of them have 70,000 images": set(runs["n_samples"]) == {70_000},
            "there is one run on two cores": list(slow["cores"]) == [2],
            "more than two thirds of it is pretraining": min(pretraining) > 2 / 3,
        },
    )


@CLAIMS
def runs_mnist(evidence: Evidence) -> Claim:
    """On MNIST all runs but one end near the printed accuracy."""
    acc = scores(dcec(evidence, "mnist"), "acc")
    value = evidence.published(
        table=TABLE, dataset="mnist", method="dcec", metric="acc", params={"gamma": GAMMA}
    )
    near = acc[(acc - value).abs() < gains.MARGIN]
    return Claim(
        [value, len(near), len(acc), near.min(), near.max(), acc.max()],
        {
            "one run is not near the printed value": len(acc) - len(near) == 1,
            "it is above all others": acc.max() > near.max(),
        },
    )


@CLAIMS
def runs_fashion(evidence: Evidence) -> Claim:
    """On Fashion-MNIST the printed accuracy is that of the best run."""
    acc = np.sort(scores(dcec(evidence, "fashion_mnist"), "acc"))[::-1]
    value = evidence.published(
        table=TABLE, dataset="fashion_mnist", method="dcec", metric="acc", params={"gamma": GAMMA}
    )
    same = np.abs(acc - value) < 0.0005
    return Claim(
        [value, same.sum(), len(acc), acc[0], *around(acc[~same]), POINTS * np.ptp(acc)],
        {"the best run gives the printed value": bool(same[0])},
    )


@CLAIMS
def verdicts(evidence: Evidence) -> Claim:
    """By the rule the faithful setting is undecided in every printed score."""
    rows = evidence.verdicts(table=TABLE, method="dcec")
    faithful = rows[[params.get("gamma") == GAMMA for params in rows["params"]]]
    return Claim(
        [],
        {
            "all are undecided": set(faithful["verdict"]) == {"undecided"},
            "both data sets are there": set(faithful["dataset"]) == {"mnist", "fashion_mnist"},
        },
    )


@CLAIMS
def joint_training(evidence: Evidence) -> Claim:
    """Joint training is better than its start, everywhere and in every score."""
    found = {
        (dataset, metric): pairs.joint_training(dcec(evidence, dataset), metric)
        for dataset in DATASETS
        for metric in SCORES
    }
    fashion = POINTS * found["fashion_mnist", "acc"]
    others = POINTS * pd.concat([found[name, "acc"] for name in DATASETS if "fashion" not in name])
    mean = {key: gain.mean() for key, gain in found.items()}
    return Claim(
        [others.min(), others.max(), fashion.min(), fashion.max()],
        {
            "every interval is above zero": words(map(gains.of, found.values())) == {"better"},
            "NMI and ARI gain more than ACC": all(
                mean[name, metric] > mean[name, "acc"]
                for name in DATASETS
                for metric in ("nmi", "ari")
            ),
        },
    )


@CLAIMS
def mixture_mnist(evidence: Evidence) -> Claim:
    """On MNIST a mixture is better than k-means on the same codes."""
    mixture, k_means = (codes(evidence, "mnist", name) for name in ("mixture", "k-means"))
    found = [
        pairs.differences(mixture, k_means, metric, shared=pairs.SAME_CODES) for metric in SCORES
    ]
    high = [(scores(rows, "acc") > 0.9).sum() for rows in (mixture, k_means)]
    return Claim(
        [len(SCORES), 0.9, high[0], len(mixture)],
        {
            "k-means ends above 0.9 on one network": high[1] == 1,
            "it is better in all three scores": words(map(gains.of, found)) == {"better"},
            "both clustered the same networks": len(found[0]) == len(mixture) == len(k_means),
        },
    )


@CLAIMS
def mixture_elsewhere(evidence: Evidence) -> Claim:
    """Elsewhere a mixture is better than k-means on the same codes in one score of USPS."""
    found = {
        (name, metric): gains.of(
            pairs.differences(
                codes(evidence, name, "mixture"),
                codes(evidence, name, "k-means"),
                metric,
                shared=pairs.SAME_CODES,
            )
        )
        for name in ("usps", "fashion_mnist")
        for metric in SCORES
    }
    return Claim([], _only_nmi_on_usps(found, "better"))


@CLAIMS
def mixture_or_dcec(evidence: Evidence) -> Claim:
    """Whether a mixture alone is as good as DCEC is not decided, with one exception."""
    return Claim([], _only_nmi_on_usps(mixture_and_dcec(evidence), "worse"))


def _only_nmi_on_usps(found: Mapping[tuple[str, str], Gain], word: str) -> dict[str, bool]:
    """Return the conditions that NMI on USPS alone is decided, and how."""
    words = {key: gain.word for key, gain in found.items()}
    exception = words.pop(("usps", "nmi"))
    return {
        f"NMI on USPS is {word}": exception == word,
        "all others are undecided": set(words.values()) == {"undecided"},
    }


@CLAIMS
def same_seed(evidence: Evidence) -> Claim:
    """One seed on a GPU gave two networks."""
    runs = evidence.rows(
        "fashion_mnist", "dcec", chapter=CHAPTER, gamma=GAMMA, seed=0, evaluated_on="all"
    )
    start = sorted(scores(runs, "acc_start"), reverse=True)
    return Claim(
        start,
        {
            "both ran on a GPU": all(runs["device"].str.contains("GPU")),
            "both had the same backend": runs["backend"].nunique() == 1,
        },
    )


@CLAIMS
def spread(evidence: Evidence) -> Claim:
    """On MNIST the means are in this order; on USPS the mixture and DCEC from it scatter."""
    mnist = [
        scores(rows, "acc").mean()
        for rows in (
            dcec(evidence, "mnist", "dcec, mixture start"),
            codes(evidence, "mnist", "mixture"),
            dcec(evidence, "mnist"),
            codes(evidence, "mnist", "k-means"),
        )
    ]
    wide = (codes(evidence, "usps", "mixture"), dcec(evidence, "usps", "dcec, mixture start"))
    narrow = scores(dcec(evidence, "usps"), "acc").std()
    return Claim(
        [],
        {
            "the means on MNIST fall in this order": falling(mnist),
            "on USPS both scatter three times as much as DCEC": all(
                scores(rows, "acc").std() > 3 * narrow for rows in wide
            ),
        },
    )


# ---------------------------------------------------------------- what did not reproduce


@CLAIMS
def not_fashion(evidence: Evidence) -> Claim:
    """One network of five gives the printed accuracy on Fashion-MNIST."""
    acc = np.sort(scores(dcec(evidence, "fashion_mnist"), "acc"))[::-1]
    value = evidence.published(
        table=TABLE, dataset="fashion_mnist", method="dcec", metric="acc", params={"gamma": GAMMA}
    )
    same = np.abs(acc - value) < 0.0005
    return Claim(
        [value, same.sum(), len(acc), acc[~same].min(), acc[~same].max()],
        {"it is the best run": bool(same[0])},
    )


@CLAIMS
def not_gamma(evidence: Evidence) -> Claim:
    """On MNIST a weight of 1 does not fall to the printed number."""
    runs = dcec(evidence, "mnist", gamma=1.0)
    value = evidence.published(
        table=TABLE, dataset="mnist", method="dcec", metric="acc", params={"gamma": 1}
    )
    acc = scores(runs, "acc")
    return Claim(
        [value, REFERENCE_EPOCHS, len(acc), acc.min(), acc.max()],
        {"all end higher": acc.min() > value + 0.2},
    )


@CLAIMS
def not_gamma_raw(evidence: Evidence) -> Claim:
    """In print the scores of a weight of 1 are close to those of k-means on pixels."""
    printed_scores, raw = (
        [
            evidence.published(
                table=TABLE, dataset="mnist", method=method, metric=metric, params=params
            )
            for metric in ("nmi", "ari", "acc")
        ]
        for method, params in (("dcec", {"gamma": 1}), ("k-means raw", {}))
    )
    apart = np.abs(np.subtract(printed_scores, raw)).max()
    return Claim([0.02], {"none is further apart": apart < 0.02})


@CLAIMS
def better_run(evidence: Evidence) -> Claim:
    """One run on MNIST is better than printed, from a better start."""
    runs = dcec(evidence, "mnist")
    acc, start = (scores(runs, metric) for metric in ("acc", "acc_start"))
    return Claim(
        [acc.max(), start[acc.idxmax()], start[start < start.max()].max()],
        {"its start is the best one": start[acc.idxmax()] == start.max()},
    )


@CLAIMS
def own_autoencoder(evidence: Evidence) -> Claim:
    """Both readings of "(no test)" for the author's own autoencoder."""
    rows = evidence.verdicts(table=TABLE, method="cae10 + k-means")
    apart: dict[str, list[float]] = {"train": [], "all": []}
    for part, found in apart.items():
        for _, row in rows.iterrows():
            ours = evidence.over_all(row["dataset"], "cae10 + k-means", evaluated_on=part)
            found.append(abs(scores(ours, row["metric"]).iloc[0] - row["value"]))
    return Claim(
        [max(apart["train"]), max(apart["all"])],
        {
            "the reading as training images is closer": max(apart["train"]) < max(apart["all"]),
            "one run a data set": all(
                len(evidence.over_all(name, "cae10 + k-means", evaluated_on="train")) == 1
                for name in ("mnist", "fashion_mnist")
            ),
        },
    )


@CLAIMS
def best_in_table(evidence: Evidence) -> Claim:
    """Among the printed rows, all of which end in k-means or DCEC, DCEC is the best."""
    rows = evidence.verdicts(table=TABLE)
    best = rows.loc[rows.groupby(["dataset", "metric"])["value"].idxmax(), "method"]
    ends_in = {Method.parse(method).learner or method for method in rows["method"]}
    return Claim(
        [],
        {
            "DCEC has the largest printed number in every column": set(best) == {"dcec"},
            "all rows end in k-means or DCEC": ends_in == {"k-means", "dcec"},
        },
    )


@CLAIMS
def best_in_all_cases(evidence: Evidence) -> Claim:
    """With a mixture in place of DCEC the order is not decided on MNIST and Fashion-MNIST."""
    found = mixture_and_dcec(evidence)
    word = {found[name, metric].word for name in ("mnist", "fashion_mnist") for metric in SCORES}
    return Claim([], {"the order is undecided in every score": word == {"undecided"}})
