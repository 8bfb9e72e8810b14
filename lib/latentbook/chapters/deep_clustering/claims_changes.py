"""Claims of chapter 04 on the improvements that the thesis proposes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentbook.chapters.deep_clustering import (
    CHAPTER,
    GAMMA,
    REFERENCE_EPOCHS,
    figures,
    pairs,
)
from latentbook.chapters.deep_clustering.evidence import (
    DATASETS,
    POINTS,
    SCORES,
    TABLE,
    around,
    dcec,
    extremes,
    falling,
    losses,
    means,
    right,
    seconds,
    words,
)
from latentbook.study import gains, judge
from latentbook.study.claims import Claim, Claims, Evidence, scores

CLAIMS = Claims("04")


# ---------------------------------------------------------------- the improvements


@CLAIMS
def mixture_start(evidence: Evidence) -> Claim:
    """DCEC from a mixture gains from three networks of MNIST and loses from the fourth."""
    runs, faithful = (dcec(evidence, "mnist", m) for m in ("dcec, mixture start", "dcec"))
    gain = {metric: pairs.differences(runs, faithful, metric) for metric in SCORES}
    points = POINTS * gain["acc"]
    up = points[points > 0]
    return Claim(
        [up.min(), up.max(), len(up), len(points), -points.min()],
        {
            "one network loses": (points < 0).sum() == 1,
            "it is undecided in all three scores": words(map(gains.of, gain.values()))
            == {"undecided"},
        },
    )


@CLAIMS
def mixture_start_classes(evidence: Evidence) -> Claim:
    """All runs from a mixture keep 4 and 9 apart, and one of them has lost the 5."""
    arrays = evidence.arrays("04-mnist")
    found = np.array(
        [
            right(arrays, labels)
            for name, labels in arrays.items()
            if name.startswith("labels dcec, mixture start")
        ]
    )
    lost = found[:, 5] < 0.05
    return Claim(
        [len(found), 4, 9, lost.sum(), 5],
        {
            "4 and 9 are apart in all of them": found[:, [4, 9]].min() > 0.9,
            "the 5 is lost in one run": lost.sum() == 1,
            "and whole in the others": found[~lost, 5].min() > 0.9,
        },
    )


@CLAIMS
def mixture_start_usps(evidence: Evidence) -> Claim:
    """On USPS DCEC from a mixture gains from one network and loses from another."""
    runs, faithful = (dcec(evidence, "usps", m) for m in ("dcec, mixture start", "dcec"))
    points = POINTS * pairs.differences(runs, faithful, "acc")
    return Claim(
        [points.max(), (points > 2).sum(), len(points), -points.min()],
        {"one network loses as clearly": (points < -2).sum() == 1},
    )


@CLAIMS
def architectures(evidence: Evidence) -> Claim:
    """Two other autoencoders ran once each."""
    faithful = dcec(evidence, "usps")
    other = [dcec(evidence, "usps", f"dcec, cae10-guo-{name}") for name in ("deep", "noise")]
    gain = [POINTS * pairs.differences(runs, faithful, "acc").iloc[0] for runs in other]
    nmi = [POINTS * pairs.differences(runs, faithful, "nmi").iloc[0] for runs in other]
    return Claim(
        [gain[0], nmi[0], gain[1], nmi[1]],
        {"each ran once": [len(runs) for runs in other] == [1, 1]},
    )


def swept(evidence: Evidence, parameter: str) -> pd.DataFrame:
    """Return the runs on USPS, seeds 0 and 1 on one processor, that vary one parameter."""
    runs = evidence.rows("usps", lambda m: m.startswith("dcec"), chapter=CHAPTER)
    return judge.select(
        runs,
        (
            seed in (0, 1)
            and "acc_start" in m
            and figures.only(p, parameter)
            and p["pretraining_epochs"] == REFERENCE_EPOCHS
            and str(backend).startswith("tensorflow")
            for seed, m, p, backend in zip(
                runs["seed"], runs["metrics"], runs["params"], runs["backend"], strict=True
            )
        ),
    )


def between(runs: pd.DataFrame, parameter: str, value: float, other: float) -> dict[str, str]:
    """Return the word for the gain of one value over another, seed by seed, by score."""

    def at(wanted: float, metric: str) -> pd.Series:
        rows = judge.select(runs, (p[parameter] == wanted for p in runs["params"]))
        return scores(rows, metric).set_axis(rows["seed"].to_numpy())

    return {m: gains.compare(at(value, m), at(other, m)).word for m in SCORES}


@CLAIMS
def gamma_usps(evidence: Evidence) -> Claim:
    """On USPS a larger weight scores lower on average, and two seeds decide nothing."""
    runs = swept(evidence, "gamma")
    both = judge.select(runs, (p["gamma"] > 0.01 for p in runs["params"]))
    found = [means(both, metric, "gamma") for metric in SCORES]
    return Claim(
        [0.03, 10, 2, *losses(found), len(found)],
        {
            "all three means fall with every step": all(falling(mean) for mean in found),
            "every value has two runs": set(
                pd.Series([p["gamma"] for p in both["params"]]).value_counts()
            )
            == {2},
            "none is decided": set(between(both, "gamma", 10, 0.03).values()) == {"undecided"},
        },
    )


@CLAIMS
def gamma_alt(evidence: Evidence) -> Claim:
    """Accuracy after DCEC is level over gamma, and above that of k-means before."""
    runs = swept(evidence, "gamma")
    after, before = (means(runs, metric, "gamma") for metric in ("acc", "acc_start"))
    return Claim(
        [after.max(), after.min(), 0.01, 10, before.mean()],
        {
            "DCEC is above k-means at every value": (after > before).all(),
            "k-means is level": np.ptp(before) < 0.01,
        },
    )


@CLAIMS
def gamma_pace(evidence: Evidence) -> Claim:
    """On USPS a larger weight settles sooner and reconstructs worse."""
    runs = swept(evidence, "gamma")
    large = judge.select(runs, (p["gamma"] >= 1 for p in runs["params"]))
    iterations = scores(large, "iterations")
    usual = means(runs, "reconstruction_loss", "gamma")[GAMMA]
    worse = scores(large, "reconstruction_loss") / usual
    small = judge.select(runs, (p["gamma"] == 0.01 for p in runs["params"]))
    limit = scores(small, "iterations").max()
    return Claim(
        [limit, iterations.min(), iterations.max(), worse.min(), worse.max()],
        {
            "with a hundredth the labels have not settled": (scores(small, "converged") == 0).all(),
            "with one and more they have": (scores(large, "converged") == 1).all(),
        },
    )


@CLAIMS
def gamma_printed(evidence: Evidence) -> Claim:
    """In print the accuracy falls for a weight of 1."""
    values = [
        evidence.published(
            table=TABLE, dataset=dataset, method="dcec", metric="acc", params={"gamma": gamma}
        )
        for dataset in ("mnist", "fashion_mnist")
        for gamma in (GAMMA, 1)
    ]
    return Claim(values, {"both fall": values[1] < values[0] and values[3] < values[2]})


def gamma_pairs(evidence: Evidence, metric: str) -> pd.Series:
    """Return what a weight of 1 gains from each network, over all data sets."""
    found = [
        pairs.differences(dcec(evidence, None, m, 1.0), dcec(evidence, None, m), metric)
        for m in ("dcec", "dcec, 20 epochs")
    ]
    return pd.concat(found)


@CLAIMS
def gamma_same_network(evidence: Evidence) -> Claim:
    """From the same network the weight hardly moves the accuracy."""
    acc, nmi = (gamma_pairs(evidence, metric) for metric in ("acc", "nmi"))
    return Claim(
        [len(acc), POINTS * acc.abs().max(), (nmi < 0).sum()],
        {"NMI falls in more than half of the pairs": (nmi < 0).mean() > 0.5},
    )


@CLAIMS
def gamma_levels(evidence: Evidence) -> Claim:
    """Two networks could explain the two numbers on Fashion-MNIST; none those on MNIST."""
    fashion = scores(dcec(evidence, "fashion_mnist"), "acc")
    runs = evidence.rows("mnist", lambda m: m.startswith("dcec"), chapter=CHAPTER)
    start = scores(judge.select(runs, ("acc_start" in m for m in runs["metrics"])), "acc_start")
    printed_fashion, printed_mnist = (
        evidence.published(
            table=TABLE, dataset=name, method="dcec", metric="acc", params={"gamma": 1}
        )
        for name in ("fashion_mnist", "mnist")
    )
    return Claim(
        [fashion.min(), fashion.max(), start.min()],
        {
            "the printed number lies between our runs": fashion.min()
            < printed_fashion
            < fashion.max(),
            "no start on MNIST is as low as the printed number": printed_mnist < start.min(),
        },
    )


@CLAIMS
def alpha_usps(evidence: Evidence) -> Claim:
    """More degrees of freedom cost in every score."""
    runs = swept(evidence, "alpha")
    found = [means(runs, metric, "alpha") for metric in SCORES]
    return Claim(
        [0.5, 10, 2, *losses(found)],
        {
            "all three means fall with every step": all(falling(mean) for mean in found),
            "every value has two runs": set(
                pd.Series([p["alpha"] for p in runs["params"]]).value_counts()
            )
            == {2},
            "ACC alone is decided": between(runs, "alpha", 10, 0.5)
            == {"acc": "worse", "nmi": "undecided", "ari": "undecided"},
        },
    )


@CLAIMS
def alpha_alt(evidence: Evidence) -> Claim:
    """Accuracy falls with the degrees of freedom towards that of k-means, which is level."""
    runs = swept(evidence, "alpha")
    after, before = (means(runs, metric, "alpha") for metric in ("acc", "acc_start"))
    return Claim(
        [0.5, 10],
        {
            "the mean falls with every step": falling(after),
            "it stays above k-means": (after > before).all(),
            "k-means is level": np.ptp(before) < 0.01,
        },
    )


@CLAIMS
def alpha_three(evidence: Evidence) -> Claim:
    """Three degrees of freedom are not better than one."""
    return Claim(
        [3, 10, 3, 1],
        {
            "NMI and ARI are worse, ACC is no different": between(
                swept(evidence, "alpha"), "alpha", 3, 1
            )
            == {"acc": "no difference", "nmi": "worse", "ari": "worse"},
        },
    )


@CLAIMS
def confident_half(evidence: Evidence) -> Claim:
    """On MNIST the confident half holds errors where 4 and 9 are merged."""
    faithful = dcec(evidence, "mnist")
    mixture = dcec(evidence, "mnist", "dcec, mixture start")
    runs = pd.concat([faithful, mixture])
    apart = scores(runs, "acc").to_numpy() > 0.95
    half = POINTS * (1 - scores(runs, "acc_at_50").to_numpy())
    merged = half[: len(faithful)][~apart[: len(faithful)]]
    return Claim(
        [merged.min(), merged.max(), 4, 9, half[apart].max()],
        {
            "four runs keep 4 and 9 apart": apart.sum() == 4,
            "they have fewer errors": half[apart].max() < merged.min(),
        },
    )


@CLAIMS
def confident_fashion(evidence: Evidence) -> Claim:
    """On Fashion-MNIST the confident half holds more errors."""
    half = POINTS * (1 - scores(dcec(evidence, "fashion_mnist"), "acc_at_50"))
    return Claim([half.min(), half.max()])


@CLAIMS
def coverage_alt(evidence: Evidence) -> Claim:
    """Fewer images are more accurate; the most confident hundredth is right or nearly so."""
    curves = {
        name: np.array(list(figures.faithful(evidence.arrays(f"04-{name}"), "coverage").values()))
        for name in DATASETS
    }
    mean = {name: found.mean(axis=0) for name, found in curves.items()}
    return Claim(
        [],
        {
            "every mean is higher at a tenth than at all images": all(
                curve[9] > curve[-1] + 0.05 for curve in mean.values()
            ),
            "on MNIST and USPS the most confident hundredth is right": min(
                mean["mnist"][0], mean["usps"][0]
            )
            > 0.999,
            "Fashion-MNIST is lowest at every share": all(
                (mean["fashion_mnist"] < curve).all()
                for name, curve in mean.items()
                if name != "fashion_mnist"
            ),
        },
    )


@CLAIMS
def generalisation(evidence: Evidence) -> Claim:
    """Trained on the training images alone, DCEC labels test images nearly as well."""
    alone = [
        evidence.rows(
            "usps", "dcec, trained on train", chapter=CHAPTER, gamma=GAMMA, evaluated_on=part
        )
        for part in ("test", "train")
    ]
    faithful = dcec(evidence, "usps")
    same = faithful[
        (faithful["seed"] == alone[0]["seed"].iloc[0])
        & (faithful["backend"] == alone[0]["backend"].iloc[0])
    ]
    test, train = (scores(rows, "acc").iloc[0] for rows in alone)
    whole = same["metrics"].iloc[0]
    return Claim(
        [test, whole["acc_test"], train, whole["acc_train"]],
        {
            "it ran once": [len(rows) for rows in alone] == [1, 1],
            "both are better on the training images": train > test
            and whole["acc_train"] > whole["acc_test"],
            "the difference is below the margin": abs(test - whole["acc_test"]) < gains.MARGIN,
        },
    )


@CLAIMS
def pretraining_time(evidence: Evidence) -> Claim:
    """Most of the time of a faithful run is pretraining."""
    runs = pd.concat([dcec(evidence, name) for name in ("mnist", "fashion_mnist")])
    on_gpu = runs[runs["device"].str.contains("GPU")]
    share = [s["pretrain"] / sum(s.values()) for s in on_gpu["seconds"]]
    return Claim(extremes(share))


@CLAIMS
def pretraining_alt(evidence: Evidence) -> Claim:
    """Longer pretraining is better up to twenty epochs on USPS."""
    runs = evidence.rows("usps", lambda m: m.startswith("dcec"), chapter=CHAPTER, gamma=GAMMA)
    shown = figures.with_values(runs, "pretraining_epochs", at_least=2)
    after, before = (means(shown, m, "pretraining_epochs") for m in ("acc", "acc_start"))
    return Claim(
        [20],
        {
            "the mean rises up to twenty epochs": after[after.index <= 20].is_monotonic_increasing,
            "and by less than five points afterwards": after[200] - after[20] < 0.05,
            "DCEC is above k-means at every length": (after > before).all(),
        },
    )


@CLAIMS
def shorter_usps(evidence: Evidence) -> Claim:
    """On USPS each step to a shorter pretraining costs more."""
    runs = evidence.rows("usps", lambda m: m.startswith("dcec"), chapter=CHAPTER, gamma=GAMMA)
    shorter = judge.select(
        runs,
        (
            figures.only(p, "pretraining_epochs") and p["pretraining_epochs"] < REFERENCE_EPOCHS
            for p in runs["params"]
        ),
    )
    epochs = np.array([params["pretraining_epochs"] for params in shorter["params"]])
    faithful = dcec(evidence, "usps")
    found = []
    for metric in SCORES:
        gain = pairs.differences(shorter, faithful, metric, shared=pairs.SAME_TRAINING)
        found.append(gain.groupby(epochs).mean())
    n = {name: dcec(evidence, name)["n_samples"].iloc[0] for name in ("usps", "mnist")}
    return Claim(
        [np.ceil(n[name] / 256) for name in ("usps", "mnist")],
        {
            "every mean difference rises with the epochs": all(
                mean.is_monotonic_increasing for mean in found
            ),
            "all shorter ones cost": all((mean < 0).all() for mean in found),
        },
    )


@CLAIMS
def one_epoch(evidence: Evidence) -> Claim:
    """After one epoch of pretraining the joint training stays far below the usual level."""
    names = ("mnist", "usps", "fashion_mnist")
    runs = [dcec(evidence, name, "dcec, 1 epoch") for name in names]
    found = [rows["metrics"].iloc[0] for rows in runs]
    usual = [scores(dcec(evidence, name), "acc").min() for name in names]
    fashion = found[-1]
    return Claim(
        [m["acc"] for m in found]
        + [-POINTS * (fashion["acc"] - fashion["acc_start"])]
        + [POINTS * (fashion["nmi"] - fashion["nmi_start"])],
        {
            "there is one run each": [len(rows) for rows in runs] == [1, 1, 1],
            "every run is below all faithful ones": all(
                m["acc"] < level for m, level in zip(found, usual, strict=True)
            ),
            "on Fashion-MNIST ACC falls and NMI rises": fashion["acc"] < fashion["acc_start"]
            and fashion["nmi"] > fashion["nmi_start"],
        },
    )


@CLAIMS
def twenty_epochs(evidence: Evidence) -> Claim:
    """Twenty epochs on MNIST give what 200 give where 4 and 9 are mixed up."""
    runs, faithful = (dcec(evidence, "mnist", name) for name in ("dcec, 20 epochs", "dcec"))
    short, acc = (scores(rows, "acc") for rows in (runs, faithful))
    gain = pairs.differences(runs, faithful, "acc", shared=pairs.SAME_TRAINING).to_numpy()
    mixed = acc[acc < 0.95]
    return Claim(
        [20, short.iloc[0], len(mixed), REFERENCE_EPOCHS, 4, 9, *around(mixed)],
        {
            "it ran once": len(short) == 1,
            "the run of its seed does not mix them up": (short - gain).min() > 0.95,
            "it lies among them": mixed.min() < short.iloc[0] < mixed.max(),
        },
    )


@CLAIMS
def worth_time(evidence: Evidence) -> Claim:
    """UMAP and a mixture take minutes of one core."""
    runs = pd.concat(
        [evidence.over_all(name, "umap2 + mixture") for name in ("mnist", "fashion_mnist")]
    )
    faithful = pd.concat([dcec(evidence, name) for name in ("mnist", "fashion_mnist")])
    on_gpu = faithful[faithful["device"].str.contains("GPU")]
    core, gpu = seconds(runs) / 60, seconds(on_gpu) / 60
    return Claim(
        [gpu.min(), gpu.max(), core.min(), core.max()],
        {"UMAP ran on one core": set(runs["cores"]) == {1}},
    )


@CLAIMS
def worth_scores(evidence: Evidence) -> Claim:
    """UMAP and a mixture against DCEC: undecided, but for two scores on USPS."""
    word = {
        (dataset, metric): gains.compare(
            scores(evidence.over_all(dataset, "umap2 + mixture"), metric).reset_index(drop=True),
            scores(dcec(evidence, dataset), metric).reset_index(drop=True),
            paired=False,
        ).word
        for dataset in ("mnist", "fashion_mnist", "usps")
        for metric in SCORES
    }
    better = {key for key, found in word.items() if found == "better"}
    return Claim(
        [],
        {
            "UMAP is better in NMI and ARI on USPS": better == {("usps", "nmi"), ("usps", "ari")},
            "all others are undecided": {word[key] for key in word.keys() - better}
            == {"undecided"},
        },
    )
