"""Claims of chapter 03: what its sentences about full-scale results rest on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.mixture import GaussianMixture

from latentbook import metrics
from latentbook.chapters.two_stage_clustering import CHAPTER, CHOICE, LOSSES
from latentbook.chapters.two_stage_clustering.misses import AUTHORS_SEED
from latentbook.chapters.two_stage_clustering.study import STAGES
from latentbook.study import gains, judge
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.method import Method

CLAIMS = Claims("03")

_SCORES = ("acc", "nmi", "ari")
_UMAP = ("umap2", "umap10", "umap30")
#: Data sets on which every representation is clustered.
_THREE = ("mnist", "fashion_mnist", "usps")


def _by_seed(evidence: Evidence, dataset: str, method: str, metric: str) -> pd.Series:
    """Return a score over all images by seed."""
    rows = evidence.rows(dataset, method, chapter=CHAPTER, evaluated_on="all")
    return scores(rows, metric).droplevel("dataset")


def _codes(
    evidence: Evidence, dataset: str, stage: str, limit: int, metric: str, part: str = "all"
) -> pd.Series:
    """Return a score on the codes of ``cae10`` after a limit of epochs, by seed."""
    rows = evidence.rows(
        dataset, f"cae10 + {stage}", chapter=CHAPTER, max_epochs=limit, evaluated_on=part
    )
    return scores(rows, metric).droplevel("dataset")


def _course(
    evidence: Evidence, dataset: str, stage: str, metric: str, part: str = "all"
) -> pd.Series:
    """Return the mean score on the codes of ``cae10`` by limit of epochs."""
    method = f"cae10 + {stage}"
    rows = evidence.rows(dataset, method, chapter=CHAPTER, evaluated_on=part)
    limits = [params["max_epochs"] for params in rows["params"]]
    return scores(rows, metric).groupby(limits).mean().sort_index()


def _longest(evidence: Evidence, dataset: str, network: str, stage: str, metric: str) -> pd.Series:
    """Return a score on the codes of the longest training, by seed."""
    rows = evidence.rows(dataset, f"{network} + {stage}", chapter=CHAPTER, evaluated_on="all")
    return scores(judge.longest(rows), metric).droplevel("dataset")


def _printed(
    evidence: Evidence, dataset: str, method: str, metric: str, table: str = "table 13.1"
) -> float:
    return evidence.published(table=table, dataset=dataset, method=method, metric=metric)


def _mixture_gains(evidence: Evidence, dataset: str, name: str) -> dict[str, gains.Gain]:
    """Return what a mixture gains over k-means on an embedding, by score."""
    return {
        metric: gains.compare(
            _by_seed(evidence, dataset, f"{name} + mixture", metric),
            _by_seed(evidence, dataset, f"{name} + k-means", metric),
        )
        for metric in _SCORES
    }


def _words(judged: Mapping[str, gains.Gain]) -> set[str]:
    return {gain.word for gain in judged.values()}


def _composition(labels: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the share of each class in each cluster, one row a cluster."""
    table = metrics.contingency(y, labels.astype(int)).T
    return table / table.sum(axis=1, keepdims=True)


def _is_run_always(name: str) -> bool:
    """Say whether profile ``paper`` runs a method, and it has no network."""
    method = Method.parse(name)
    stages = (*STAGES.get(method.representation, ()), CHOICE)
    return method.representation not in LOSSES and not method.change and method.learner in stages


@CLAIMS
def printed_nmi(evidence: Evidence) -> Claim:
    """NMI that the thesis prints for pixels and for UMAP."""
    printed = [
        _printed(evidence, dataset, method, "nmi", "table 12.2")
        for dataset in ("fashion_mnist", "mnist")
        for method in ("k-means raw", "umap2 + k-means")
    ]
    return Claim(printed, {"UMAP is higher": printed[1] > printed[0] and printed[3] > printed[2]})


@CLAIMS
def time_to_run(evidence: Evidence) -> Claim:
    """Minutes without the autoencoders, and hours of one of them."""
    minutes, hours = [], []
    for dataset in ("mnist", "fashion_mnist"):
        rows = evidence.rows(dataset, _is_run_always, chapter=CHAPTER, seed=0)
        first = [Method.parse(name).representation for name in rows["method"]]
        stages = pd.DataFrame(list(rows["seconds"])).fillna(0)
        embedding = stages["represent"].groupby(first).max().sum()
        minutes.append((embedding + stages["cluster"].sum()) / 60)
        network = evidence.rows(dataset, "cae10", chapter=CHAPTER, seed=0, max_epochs=150)
        hours.append(network["seconds"].iloc[0]["represent"] / 3600)
    return Claim([*sorted(minutes), *sorted(hours), 150])


@CLAIMS
def network_sizes(evidence: Evidence) -> Claim:
    """Parameters of both autoencoders."""
    sizes = [
        scores(evidence.rows("fashion_mnist", name, chapter=CHAPTER), "parameters").max()
        for name in ("cae10", "cae10-guo")
    ]
    return Claim(sizes, {"the author's is smaller": sizes[0] < sizes[1]})


@CLAIMS
def spread(evidence: Evidence) -> Claim:
    """Leaders and limits of the dot plot."""
    found = judge.longest(evidence.rows(chapter=CHAPTER, evaluated_on="all"))
    acc = scores(found, "acc")
    table = pd.DataFrame(
        {"dataset": found["dataset"].array, "method": found["method"].array, "acc": acc.array}
    )
    means = table.groupby(["dataset", "method"])["acc"].mean()
    mixtures = [f"{name} + mixture" for name in _UMAP]
    others = means["mnist"].drop(["umap2 + hdbscan", *mixtures])
    top = table.groupby("dataset")["acc"].max()
    return Claim(
        [2, 3, 0.7, 0.25],
        {
            "these four have the highest means on MNIST": (
                means["mnist"][["umap2 + hdbscan", *mixtures]].min() > others.max() + 0.05
            ),
            "all stay below on Fashion-MNIST": top["fashion_mnist"] < 0.7,
            "all stay below on CIFAR-10": top["cifar10"] < 0.25,
        },
    )


@CLAIMS
def mnist_islands(evidence: Evidence) -> Claim:
    """Accuracy of a mixture on the pictures of MNIST and of Fashion-MNIST."""
    right = [
        metrics.accuracy(arrays["classes"], arrays["labels umap2 + mixture"].astype(int))
        for arrays in (evidence.arrays("03-mnist"), evidence.arrays("03-fashion_mnist"))
    ]
    return Claim([100 * share for share in right], {"MNIST is easier": right[0] > right[1] + 0.2})


@CLAIMS
def upper_garments(evidence: Evidence) -> Claim:
    """Pullovers, coats and shirts have no cluster of their own."""
    arrays = evidence.arrays("03-fashion_mnist")
    y, labels = arrays["classes"], arrays["labels umap2 + mixture"]
    own = [np.mean(y[labels == garment] == garment) for garment in (2, 4, 6)]
    return Claim([], {"each matched cluster holds less than half of its class": max(own) < 0.5})


@CLAIMS
def mixed_centres(evidence: Evidence) -> Claim:
    """Clusters of k-means on the pixels of MNIST that mix 4, 7 and 9."""
    arrays = evidence.arrays("03-mnist")
    shares = _composition(arrays["labels k-means raw"], arrays["classes"])[:, [4, 7, 9]]
    mixed = shares[(shares > 0.1).all(axis=1)]
    return Claim(
        [len(mixed), len(shares), 4, 7, 9],
        {"they are most of what these hold": all(mixed.sum(axis=1) > 0.5)},
    )


@CLAIMS
def training_nmi(evidence: Evidence) -> Claim:
    """NMI of k-means on the codes rises with every limit of epochs."""
    courses = [_course(evidence, d, "k-means", "nmi") for d in ("mnist", "fashion_mnist")]
    return Claim(
        [courses[0][5], 5, courses[0][150], courses[1][5], courses[1][150]],
        {"it rises from limit to limit": all(course.is_monotonic_increasing for course in courses)},
    )


@CLAIMS
def training_acc(evidence: Evidence) -> Claim:
    """Accuracy of k-means on the codes of Fashion-MNIST falls and rises."""
    course = _course(evidence, "fashion_mnist", "k-means", "acc")
    return Claim(
        [course[5], 5, course[50], 50, course[150], 150],
        {"it falls first": course[50] < course[5], "it rises later": course[150] > course[5]},
    )


@CLAIMS
def training_last_step(evidence: Evidence) -> Claim:
    """Another optimum of k-means explains the last step in accuracy on MNIST."""
    acc = {
        part: _course(evidence, "mnist", "k-means", "acc", part)[[100, 150]].to_numpy()
        for part in ("all", "train")
    }
    nmi = [
        np.diff(_course(evidence, "mnist", "k-means", "nmi", part)[[100, 150]])[0]
        for part in ("all", "train")
    ]
    return Claim(
        [*acc["all"], *acc["train"], np.mean(nmi)],
        {
            "the step over all images is far larger": (
                np.diff(acc["all"])[0] > 5 * np.diff(acc["train"])[0]
            ),
            "NMI rises as much in both": abs(nmi[0] - nmi[1]) < 0.01,
        },
    )


@CLAIMS
def training_mixture(evidence: Evidence) -> Claim:
    """Different scores of the mixture have different best lengths of training."""
    acc, nmi = (_course(evidence, "fashion_mnist", "mixture", metric) for metric in ("acc", "nmi"))
    return Claim(
        [acc.max(), acc.idxmax(), nmi.max(), nmi.idxmax()],
        {
            "accuracy is best before NMI is, and NMI before the longest training": (
                acc.idxmax() < nmi.idxmax() < nmi.index.max()
            )
        },
    )


@CLAIMS
def training_usps(evidence: Evidence) -> Claim:
    """Training helps the mixture on USPS, and k-means not visibly."""
    gained = {
        stage: gains.compare(*(_codes(evidence, "usps", stage, n, "nmi") for n in (150, 10)))
        for stage in ("k-means", "mixture")
    }
    kmeans = [_codes(evidence, "usps", "k-means", n, "nmi").mean() for n in (10, 150)]
    mixture = [_codes(evidence, "usps", "mixture", n, "nmi").mean() for n in (10, 150)]
    return Claim(
        [gained["mixture"].n, mixture[0], 10, mixture[1], 150, *kmeans],
        {
            "the mixture is better by the rule": gained["mixture"].word == "better",
            "k-means is undecided": gained["k-means"].word == "undecided",
            "its means are alike": abs(gained["k-means"].mean) < 0.02,
        },
    )


@CLAIMS
def training_figure(evidence: Evidence) -> Claim:
    """Curves as the alternative text of the figure describes them."""
    first = {
        (d, stage): _course(evidence, d, stage, "nmi")
        for d in _THREE
        for stage in ("k-means", "mixture")
    }
    return Claim(
        [],
        {
            "NMI ends above where it began on every curve": all(
                course.iloc[-1] > course.iloc[0] + 0.05 for course in first.values()
            ),
            "the mixture ends higher": all(
                first[d, "mixture"].iloc[-1] > first[d, "k-means"].iloc[-1] for d in _THREE
            ),
        },
    )


def _choices(evidence: Evidence, criterion: str, name: str = "") -> pd.Series:
    rows = evidence.rows(
        method=lambda method: method.endswith(f"{name} + {CHOICE}"), chapter=CHAPTER
    )
    return scores(rows, f"k_by_{criterion}").droplevel("run")


@CLAIMS
def bic_ends(evidence: Evidence) -> Claim:
    """BIC runs into the end of the search."""
    rows = evidence.rows(method=lambda name: name.endswith(CHOICE), chapter=CHAPTER)
    limit = max(params["k_max"] for params in rows["params"])
    best = _choices(evidence, "bic")
    return Claim(
        [(best == limit).sum(), len(best), limit],
        {
            "nearly all end there": (best == limit).mean() > 0.9,
            "the others end next to it": (best >= limit - 1).all(),
            "all were searched as far": all(p["k_max"] == limit for p in rows["params"]),
        },
    )


@CLAIMS
def silhouette_is_low(evidence: Evidence) -> Claim:
    """On UMAP the silhouette is best with fewer clusters than classes, with every seed."""
    best = _choices(evidence, "silhouette", "umap2")
    return Claim(
        [best[d].iloc[0] for d in ("mnist", "usps", "fashion_mnist")],
        {
            "the same with every seed": all(best[d].nunique() == 1 for d in _THREE),
            "MNIST and USPS are alike": best["mnist"].iloc[0] == best["usps"].iloc[0],
            "all are below ten": (best[list(_THREE)] < 10).all(),
        },
    )


def _verdicts(evidence: Evidence, methods: list[str], *metrics: str, **columns: str) -> set[str]:
    """Return the verdicts on printed numbers of the thesis."""
    rows = evidence.verdicts(
        source="fernandez2020", method=methods, metric=list(metrics), **columns
    )
    return set(rows["verdict"])


@CLAIMS
def kmeans_on_umap(evidence: Evidence) -> Claim:
    """NMI of k-means on two dimensions of UMAP beside the printed one."""
    fashion, mnist = (
        _by_seed(evidence, d, "umap2 + k-means", "nmi") for d in ("fashion_mnist", "mnist")
    )
    printed = [_printed(evidence, d, "umap2 + k-means", "nmi") for d in ("fashion_mnist", "mnist")]
    return Claim(
        [2, fashion.min(), fashion.max(), printed[0], mnist.min(), mnist.max(), printed[1]],
        {
            "Fashion-MNIST is within half a point": (fashion - printed[0]).abs().max() < 0.005,
            "MNIST is a little higher": 0 < (mnist - printed[1]).min() < 0.02,
            "both are reproduced": _verdicts(evidence, ["umap2 + k-means"], "nmi")
            == {"reproduced"},
        },
    )


@CLAIMS
def kmeans_on_umap_higher(evidence: Evidence) -> Claim:
    """Two scores of k-means on UMAP that are higher than printed."""
    ari = _by_seed(evidence, "mnist", "umap2 + k-means", "ari")
    silhouette = _by_seed(evidence, "fashion_mnist", "umap30 + k-means", "silhouette")
    printed = [
        _printed(evidence, "mnist", "umap2 + k-means", "ari"),
        _printed(evidence, "fashion_mnist", "umap30 + k-means", "silhouette", "table 12.1"),
    ]
    verdicts = evidence.verdicts(
        source="fernandez2020", method=["umap2 + k-means", "umap30 + k-means"]
    )
    other = verdicts[verdicts["verdict"] != "reproduced"]
    return Claim(
        [ari.mean(), printed[0], silhouette.mean(), 30, printed[1]],
        {
            "all runs have a higher ARI": ari.min() > printed[0] + 0.02,
            "all runs have a higher silhouette": silhouette.min() > printed[1] + 0.02,
            "these two are the only verdicts that are not 'reproduced'": set(
                zip(other["dataset"], other["metric"], other["verdict"], strict=True)
            )
            == {("mnist", "ari", "higher"), ("fashion_mnist", "silhouette", "higher")},
        },
    )


@CLAIMS
def kmeans_fashion(evidence: Evidence) -> Claim:
    """No run of k-means on the pixels of Fashion-MNIST reaches the printed scores."""
    found = {m: _by_seed(evidence, "fashion_mnist", "k-means raw", m) for m in _SCORES}
    printed = {m: _printed(evidence, "fashion_mnist", "k-means raw", m) for m in _SCORES}
    reached = sum((found[m] >= printed[m]).sum() for m in _SCORES)
    return Claim(
        [
            len(found["nmi"]),
            10,
            found["nmi"].min(),
            found["nmi"].max(),
            printed["nmi"],
            found["acc"].min(),
            found["acc"].max(),
            printed["acc"],
        ],
        {"no run reaches any of the scores": reached == 0},
    )


@CLAIMS
def kmeans_fashion_verdicts(evidence: Evidence) -> Claim:
    """K-means on the pixels of Fashion-MNIST by the rule, and no printed partition."""
    words = {
        m: _verdicts(evidence, ["k-means raw"], m, table="table 12.1")
        for m in (*_SCORES, "silhouette")
    }
    return Claim(
        [],
        {
            "NMI, ARI and silhouette are reproduced": words["nmi"]
            == words["ari"]
            == words["silhouette"]
            == {"reproduced"},
            "ACC is undecided": words["acc"] == {"undecided"},
            **kmeans_fashion(evidence).holds,
        },
    )


@CLAIMS
def kmeans_mnist(evidence: Evidence) -> Claim:
    """Count runs of k-means on the pixels of MNIST that give the printed scores."""
    distance = pd.DataFrame(
        {
            m: _by_seed(evidence, "mnist", "k-means raw", m)
            - _printed(evidence, "mnist", "k-means raw", m)
            for m in _SCORES
        }
    ).abs()
    return Claim(
        [(distance < 1e-4).all(axis=1).sum(), len(distance), 0.0001],
        {"at least one does": (distance < 1e-4).all(axis=1).any()},
    )


@CLAIMS
def hdbscan_on_pca(evidence: Evidence) -> Claim:
    """HDBSCAN on components keeps fewer images than printed, in more clusters."""
    rows = evidence.over_all("fashion_mnist", "pca50 + hdbscan")
    kept, clusters, nmi, acc = (
        scores(rows, m) for m in ("coverage", "n_clusters", "nmi_kept", "acc")
    )
    printed = [
        evidence.published(
            table="section 12.1.2", dataset="fashion_mnist", method="pca50 + hdbscan", metric=m
        )
        for m in ("coverage", "n_clusters")
    ]
    printed_nmi = _printed(evidence, "fashion_mnist", "pca50 + hdbscan", "nmi_kept", "table 12.1")
    return Claim(
        [
            *(100 * kept.mean(), clusters.mean(), 100 * printed[0], printed[1]),
            *(nmi.mean(), printed_nmi, acc.mean()),
        ],
        {
            "fewer are kept": kept.max() < printed[0] - 0.05,
            "in more clusters": clusters.min() > printed[1],
            "the kept score higher": nmi.min() > printed_nmi + 0.05,
            "every seed gives the same": nmi.std() < 1e-9,
        },
    )


@CLAIMS
def hdbscan_on_pca_mnist(evidence: Evidence) -> Claim:
    """Few images have the NMI that is printed for MNIST."""
    rows = evidence.over_all("mnist", "pca50 + hdbscan")
    nmi, kept = scores(rows, "nmi_kept").mean(), scores(rows, "coverage").mean()
    printed = _printed(evidence, "mnist", "pca50 + hdbscan", "nmi_kept", "table 12.2")
    return Claim(
        [nmi, printed, 100 * kept],
        {"they agree to a point": abs(nmi - printed) < 0.01, "few are kept": kept < 0.25},
    )


@CLAIMS
def hdbscan_jumps(evidence: Evidence) -> Claim:
    """Scores of HDBSCAN on UMAP go by the number of clusters."""
    rows = evidence.over_all("fashion_mnist", "umap30 + hdbscan")
    clusters, acc = scores(rows, "n_clusters"), scores(rows, "acc_kept")
    printed = _printed(evidence, "fashion_mnist", "umap30 + hdbscan", "acc_kept", "table 12.1")
    five, six = acc[clusters == 5], acc[clusters == 6]
    return Claim(
        [30, len(five), len(acc), 5, five.mean(), printed, len(six), 6, six.mean()],
        {
            "there are no other numbers": len(five) + len(six) == len(acc),
            "its scores are undecided": _verdicts(
                evidence,
                ["umap30 + hdbscan"],
                *("nmi_kept", "ari_kept", "acc_kept"),
                table="table 12.1",
            )
            == {"undecided"},
            "five clusters give the printed accuracy": (five - printed).abs().max() < 1e-3,
            "runs with as many clusters score alike": max(np.ptp(five), np.ptp(six)) < 0.01,
        },
    )


@CLAIMS
def hdbscan_noise(evidence: Evidence) -> Claim:
    """On UMAP hardly any image is noise, on components most are."""
    umap = [
        scores(evidence.over_all(d, f"{name} + hdbscan"), "coverage").min()
        for d in _THREE
        for name in _UMAP
    ]
    pca = pd.concat([scores(evidence.over_all(d, "pca50 + hdbscan"), "coverage") for d in _THREE])
    return Claim(
        [100 * min(umap), 100 * pca.min(), 100 * pca.max()],
        {"most are noise on components, few on UMAP": pca.max() < 0.5 < 0.9 < min(umap)},
    )


@CLAIMS
def highest_printed(evidence: Evidence) -> Claim:
    """HDBSCAN on components has the highest NMI of table 12.1, over the images that it keeps."""
    printed = evidence.verdicts(table="table 12.1", metric=["nmi", "nmi_kept"])
    best = printed.loc[printed["value"].idxmax()]
    kept = evidence.published(
        table="section 12.1.2", dataset="fashion_mnist", method="pca50 + hdbscan", metric="coverage"
    )
    return Claim(
        [best["value"], 100 * kept],
        {"it is that of HDBSCAN on components": best["method"] == "pca50 + hdbscan"},
    )


@CLAIMS
def tsne_mnist(evidence: Evidence) -> Claim:
    """No run of t-SNE and k-means on MNIST reaches the printed NMI."""
    nmi = _by_seed(evidence, "mnist", "tsne2 + k-means", "nmi")
    printed = _printed(evidence, "mnist", "tsne2 + k-means", "nmi", "table 12.2")
    return Claim(
        [len(nmi), nmi.min(), nmi.max(), printed],
        {
            "no run reaches it, the best comes near": printed - 0.05 < nmi.max() < printed,
            "they scatter": nmi.std() > 0.02,
            "it is undecided": _verdicts(evidence, ["tsne2 + k-means"], "nmi", dataset="mnist")
            == {"undecided"},
        },
    )


@CLAIMS
def cae_epochs(evidence: Evidence) -> Claim:
    """Where the training of ``cae10`` ended."""
    rows = [
        evidence.rows(d, "cae10", chapter=CHAPTER, seed=0, max_epochs=150)
        for d in ("mnist", "fashion_mnist")
    ]
    epochs = [scores(one, "epochs").max() for one in rows]
    return Claim(
        [*epochs, 400],
        {
            "early stopping ended the one": epochs[0] < 150,
            "the limit the other": epochs[1] == 150,
            "the other is not comparable": _verdicts(
                evidence, ["cae10 + k-means"], *_SCORES, dataset="fashion_mnist"
            )
            == {"not comparable"},
        },
    )


@CLAIMS
def cae_train(evidence: Evidence) -> Claim:
    """Scores on the training images beside table 13.1."""
    ours = {
        (d, m): _codes(evidence, d, "k-means", 150, m, "train").mean()
        for d in ("mnist", "fashion_mnist")
        for m in _SCORES
    }
    printed = {key: _printed(evidence, key[0], "cae10 + k-means", key[1]) for key in ours}
    differences = np.array([ours[key] - printed[key] for key in ours])
    nmi = [
        value for d in ("mnist", "fashion_mnist") for value in (ours[d, "nmi"], printed[d, "nmi"])
    ]
    return Claim(
        [len(ours), 100 * np.abs(differences).max(), *nmi],
        {"no difference is large": np.abs(differences).max() < 0.04},
    )


@CLAIMS
def cae_all(evidence: Evidence) -> Claim:
    """Scores over all images, the other reading of table 13.1."""
    nmi, acc = (
        [_codes(evidence, d, "k-means", 150, m).mean() for d in ("mnist", "fashion_mnist")]
        for m in ("nmi", "acc")
    )
    printed = [_printed(evidence, d, "cae10 + k-means", "acc") for d in ("mnist", "fashion_mnist")]
    return Claim([*nmi, acc[0], printed[0]], {"accuracy on MNIST is higher": acc[0] > printed[0]})


@CLAIMS
def cae_test(evidence: Evidence) -> Claim:
    """Scores on the test images are higher than tables 12.1 and 12.2 print."""
    fashion, mnist = (
        _codes(evidence, d, "k-means", 150, "nmi", "test").mean()
        for d in ("fashion_mnist", "mnist")
    )
    first = _codes(evidence, "mnist", "k-means", 1, "nmi", "test").mean()
    printed = [
        evidence.published(
            table="table 12.2",
            dataset=d,
            method="cae10 + k-means",
            metric="nmi",
            params={"evaluated_on": "test"},
        )
        for d in ("fashion_mnist", "mnist")
    ]
    return Claim(
        [fashion, printed[0], mnist, printed[1], first],
        {
            "Fashion-MNIST is higher": fashion > printed[0] + 0.05,
            "MNIST is far higher": mnist > printed[1] + 0.3,
            "after one epoch MNIST is near": abs(first - printed[1]) < 0.05,
        },
    )


@CLAIMS
def guo_epochs(evidence: Evidence) -> Claim:
    """How long Guo's network was trained in this chapter."""
    short = [
        scores(evidence.rows(d, "cae10-guo + k-means", chapter=CHAPTER), "epochs").max()
        for d in ("mnist", "fashion_mnist")
    ]
    usps = scores(evidence.rows("usps", "cae10-guo", chapter=CHAPTER, max_epochs=150), "epochs")
    return Claim(
        [short[0], usps.min(), usps.max()],
        {"both are as short": short[0] == short[1], "early stopping ended all": usps.max() < 150},
    )


@CLAIMS
def mixture_on_codes(evidence: Evidence) -> Claim:
    """On codes the mixture is ahead of k-means with every network and in every score."""
    ahead = [
        _longest(evidence, d, network, "mixture", m) - _longest(evidence, d, network, "k-means", m)
        for d in _THREE
        for network in ("cae10", "cae10-guo")
        for m in _SCORES
    ]
    networks = sum(map(len, ahead)) // len(_SCORES)
    return Claim([networks, len(_SCORES)], {"it is ahead in all of them": min(map(min, ahead)) > 0})


@CLAIMS
def mixture_on_codes_usps(evidence: Evidence) -> Claim:
    """Only USPS has several networks, so only there is there an interval."""
    gain = gains.compare(
        *(_longest(evidence, "usps", "cae10", stage, "nmi") for stage in ("mixture", "k-means"))
    )
    return Claim(
        [gain.n, gain.mean, 100 * gains.CONFIDENCE, gain.low, gain.high],
        {"it is better by the rule": gain.word == "better"},
    )


@CLAIMS
def mixture_elsewhere(evidence: Evidence) -> Claim:
    """On UMAP of MNIST a mixture gains as well, on UMAP of Fashion-MNIST and on t-SNE not."""
    mnist = {name: _mixture_gains(evidence, "mnist", name) for name in _UMAP}
    fashion = _mixture_gains(evidence, "fashion_mnist", "umap2")
    tsne = [_mixture_gains(evidence, d, "tsne2") for d in _THREE]
    points = [100 * judged["acc"].mean for judged in mnist.values()]
    return Claim(
        [min(points), max(points), 2],
        {
            "all scores are better on UMAP of MNIST": all(
                _words(judged) == {"better"} for judged in mnist.values()
            ),
            "NMI and ARI are worse on UMAP of Fashion-MNIST": (
                fashion["nmi"].word == fashion["ari"].word == "worse"
            ),
            "no score is better on t-SNE": not any("better" in _words(judged) for judged in tsne),
        },
    )


@CLAIMS
def mixture_runs(evidence: Evidence) -> Claim:
    """One run in five of a mixture on UMAP of MNIST falls far below the others."""
    acc = pd.DataFrame(
        {name: _by_seed(evidence, "mnist", f"{name} + mixture", "acc") for name in _UMAP}
    )
    low = acc < 0.85
    good = acc.where(~low).stack()
    bad = acc.where(low).stack()
    return Claim(
        [2, 10, 30, low["umap2"].sum(), len(acc), bad.min(), bad.max(), good.min(), good.max()],
        {
            "each has as many": low.sum().nunique() == 1,
            "there is a gap": good.min() > bad.max() + 0.1,
        },
    )


@CLAIMS
def mixture_and_dcec(evidence: Evidence) -> Claim:
    """Best runs of a mixture are more accurate than all that is printed for MNIST."""
    best = max(_by_seed(evidence, "mnist", f"{name} + mixture", "acc").max() for name in _UMAP)
    printed = evidence.verdicts(source="fernandez2020", dataset="mnist", metric="acc")["value"]
    return Claim([best, printed.max()], {"it is above": best > printed.max() + 0.02})


@CLAIMS
def covariances(evidence: Evidence) -> Claim:
    """Mixtures on the picture of MNIST need full covariances."""
    arrays = evidence.arrays("03-mnist")
    z, y = arrays["umap2"].astype(float), arrays["classes"]
    labels = [arrays["labels umap2 + mixture"].astype(int)]
    for kind in ("diag", "spherical"):
        mixture = GaussianMixture(10, covariance_type=kind, n_init=5, random_state=0)
        labels.append(mixture.fit_predict(z))
    right = [metrics.accuracy(y, clusters) for clusters in labels]
    return Claim(
        [100 * share for share in right],
        {"the restricted ones are far behind": max(right[1:]) < right[0] - 0.05},
    )


@CLAIMS
def cifar(evidence: Evidence) -> Claim:
    """No method finds the classes of CIFAR-10."""
    rows = evidence.rows("cifar10", chapter=CHAPTER, evaluated_on="all")
    noise = scores(evidence.over_all("cifar10", "pca50 + hdbscan"), "coverage")
    return Claim(
        [rows["n_samples"].max(), 10_000, scores(rows, "acc").max(), scores(rows, "nmi").max()],
        {"HDBSCAN on components keeps no image": noise.max() == 0},
    )


# ---------------------------------------------------------------- why it missed


def _changed(evidence: Evidence, dataset: str, method: str) -> dict[str, pd.Series]:
    """Return the scores of a changed method by seed."""
    rows = evidence.rows(dataset, method, chapter=CHAPTER)
    return {m: scores(rows, m).droplevel("dataset") for m in _SCORES}


def _pixels(evidence: Evidence) -> list[float]:
    """Return the scores that the thesis prints for k-means on the pixels of Fashion-MNIST."""
    return [
        _printed(evidence, "fashion_mnist", "k-means raw", m, "table 12.1")
        for m in ("nmi", "acc", "ari")
    ]


@CLAIMS
def old_starts(evidence: Evidence) -> Claim:
    """Find the printed scores of k-means on pixels from the starts of the old library."""
    found = _changed(evidence, "fashion_mnist", "k-means raw, starts of scikit-learn 0.22")
    ours = [found[m].loc[AUTHORS_SEED] for m in ("nmi", "acc", "ari")]
    printed = _pixels(evidence)
    return Claim(
        [0.22, AUTHORS_SEED, *ours, *printed],
        {"all of them agree": max(abs(a - b) for a, b in zip(ours, printed, strict=True)) < 2e-4},
    )


@CLAIMS
def single_starts(evidence: Evidence) -> Claim:
    """Compare the printed partition with the optima that single starts end in."""
    rows = evidence.rows("fashion_mnist", "k-means raw, single starts", chapter=CHAPTER)
    old = evidence.rows(
        "fashion_mnist", "k-means raw, starts of scikit-learn 0.22", chapter=CHAPTER
    )
    least, printed = scores(rows, "inertia").min(), scores(old, "inertia").max()
    inertia, acc, nmi, ari = evidence.arrays("03-fashion_mnist")["starts"].T
    distance = np.abs(np.stack([nmi, acc, ari]) - np.array(_pixels(evidence))[:, None])
    reached = (distance < 1e-3).all(axis=0)
    return Claim(
        [printed / 1e6, len(inertia), least / 1e6, scores(rows, "nmi").max(), reached.sum(), 0.001],
        {
            "another optimum is better": least < printed,
            "the record is about these starts": abs(inertia.min() - least) < 1,
            "the scores of the record are those of the least inertia": bool(
                abs(scores(rows, "nmi").max() - nmi[inertia.argmin()]) < 1e-3
            ),
        },
    )


@CLAIMS
def mixture_control(evidence: Evidence) -> Claim:
    """Say what a mixture gains on principal components."""
    usps = _mixture_gains(evidence, "usps", "pca50")
    mnist = _mixture_gains(evidence, "mnist", "pca50")
    two = [_mixture_gains(evidence, d, "pca2") for d in _THREE]
    codes = gains.compare(
        *(_longest(evidence, "usps", "cae10", stage, "nmi") for stage in ("mixture", "k-means"))
    )
    guo = gains.compare(
        *(_longest(evidence, "mnist", "cae10-guo", s, "nmi") for s in ("mixture", "k-means"))
    )
    return Claim(
        [
            *(50, usps["nmi"].n, usps["nmi"].mean, 100 * gains.CONFIDENCE),
            *(usps["nmi"].low, usps["nmi"].high, mnist["nmi"].mean),
            *(2, max(judged["nmi"].mean for judged in two)),
        ],
        {
            "neither accuracy nor ARI on USPS": "better"
            not in (usps["acc"].word, usps["ari"].word),
            "one run on MNIST": mnist["nmi"].n == 1,
            "on USPS codes of the author's network gain more": codes.low > usps["nmi"].high,
            "on MNIST codes of Guo's gain no more": guo.mean <= mnist["nmi"].mean,
        },
    )


@CLAIMS
def neighbours(evidence: Evidence) -> Claim:
    """Compare UMAP with the listing's neighbours and seed with 30 neighbours and with print."""
    ours = {m: _by_seed(evidence, "fashion_mnist", "umap2 + k-means", m) for m in _SCORES}
    changed = _changed(evidence, "fashion_mnist", "umap2 + k-means, neighbours 25")
    kept = scores(
        evidence.rows("fashion_mnist", "umap2 + hdbscan, neighbours 25", chapter=CHAPTER),
        "acc_kept",
    ).max()
    usual = scores(evidence.over_all("fashion_mnist", "umap2 + hdbscan"), "acc_kept")
    printed = {
        m: _printed(evidence, "fashion_mnist", "umap2 + k-means", m, "table 12.1") for m in _SCORES
    }
    printed_kept = _printed(evidence, "fashion_mnist", "umap2 + hdbscan", "acc_kept", "table 12.1")
    found = {m: changed[m].loc[AUTHORS_SEED] for m in _SCORES}
    near = (usual - printed_kept).abs() < 1e-3
    return Claim(
        [
            *(25, found["nmi"], found["acc"], printed["nmi"], printed["acc"]),
            *(len(ours["nmi"]), 30, kept, printed_kept, near.sum(), len(usual), 30, 0.001),
        ],
        {
            "all scores lie among those of 30 neighbours": all(
                ours[m].min() <= found[m] <= ours[m].max() for m in _SCORES
            ),
            "not all printed digits": max(abs(found[m] - printed[m]) for m in _SCORES) > 5e-4,
            "HDBSCAN is further from print": abs(kept - printed_kept) > 0.02,
        },
    )


@CLAIMS
def tsne_iterations(evidence: Evidence) -> Claim:
    """Follow the NMI of k-means on t-SNE of one seed over the number of iterations."""
    nmi = [
        _changed(evidence, "mnist", f"tsne2 + k-means, iterations {n}")["nmi"].loc[0]
        for n in (250, 500)
    ]
    nmi.append(_by_seed(evidence, "mnist", "tsne2 + k-means", "nmi").loc[0])
    return Claim(
        [*(nmi[0], 250, nmi[1], 500, nmi[2], 1000)],
        {"it is highest at the end": nmi[2] > max(nmi[:2])},
    )
