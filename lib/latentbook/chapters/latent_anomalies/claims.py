"""Claims of chapter 07: what its sentences about full-scale results rest on."""

from __future__ import annotations

from typing import Any

import pandas as pd

from latentbook.chapters.latent_anomalies import CHAPTER, claims_simple
from latentbook.chapters.latent_anomalies.tables import (
    COLLAPSED,
    FREQUENCIES,
    LIKELIHOODS,
    ON_CODES,
    STAGES,
    agreement,
)
from latentbook.study import gains
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.gains import Gain
from latentbook.study.method import Method

CLAIMS = Claims("07")
CLAIMS.sources |= claims_simple.CLAIMS.sources

#: Limit of epochs of the networks that were trained until their loss settled.
LONG = 150
#: The detectors of the paper's table 2.
OF_THE_PAPER = ("one-class svm", "isolation forest", "local outlier factor")
SQUARED, BERNOULLI = LIKELIHOODS["squared error"], LIKELIHOODS["Bernoulli"]


def by_seed(rows: pd.DataFrame, metric: str) -> pd.Series:
    """Return a metric by seed, without the data set in the index."""
    return scores(rows, metric).droplevel("dataset")


def clustered(
    evidence: Evidence,
    learner: str,
    likelihood: str,
    gamma: float | None,
    metric: str = "v_measure",
    *,
    network: str = "",
) -> pd.Series:
    """Return a metric of clusterings of two-dimensional codes of MNIST; gamma None is the VAE."""
    model = "vae2" if gamma is None else "cl-vae2"
    method = f"{model}{network}{likelihood} + {learner}"
    rows = evidence.rows("mnist", method, gamma=gamma or 1.0, max_epochs=LONG)
    return by_seed(rows, metric)


def printed(evidence: Evidence, learner: str, gamma: float | None, metric: str) -> float:
    """Return a number of the paper's table 1."""
    model = "vae2" if gamma is None else "cl-vae2"
    weight = {} if gamma is None else {"gamma": gamma}
    return evidence.published(
        source="norlander2019",
        table="table 1",
        method=f"{model}{SQUARED} + {learner}",
        metric=metric,
        params=weight | {"evaluated_on": "test"},
    )


def nearest(evidence: Evidence, likelihood: str, gamma: float, **params: Any) -> pd.Series:
    """Return the V-measure by nearest prior mean of networks of MNIST."""
    n = params.get("n_latent", 2)
    radius = f", radius {params['radius']:g}" if "radius" in params else ""
    method = f"cl-vae{n}{likelihood}{radius}"
    rows = evidence.rows("mnist", method, gamma=gamma, max_epochs=LONG, **params)
    return by_seed(rows, "v_measure_nearest_mean")


def _named(space: str) -> tuple[str, dict[str, Any]]:
    """Return the spelling of a space such as ``cl-vae2 0.3``, and its gamma where one is named."""
    name, _, gamma = space.partition(" ")
    return name, {"gamma": float(gamma)} if gamma else {}


def searched(evidence: Evidence, dataset: str, space: str, detector: str, metric: str) -> pd.Series:
    """Return a metric of a detector in a space, such as ``cl-vae2 0.3`` with its gamma, by seed."""
    name, weight = _named(space)
    return by_seed(evidence.rows(dataset, f"{name} + {detector}", **weight), metric)


def network(evidence: Evidence, dataset: str, space: str, metric: str) -> pd.Series:
    """Return a metric of the networks whose codes were searched, by seed."""
    name, weight = _named(space)
    return by_seed(evidence.rows(dataset, name, max_epochs=30, **weight), metric)


def gain(first: pd.Series, second: pd.Series, **options: bool) -> Gain:
    """Compare two methods seed by seed, by the rule of the book."""
    return gains.compare(first, second, **options)


# ---------------------------------------------------------------- training and clusters


@CLAIMS
def time(evidence: Evidence) -> Claim:
    """Minutes of a seed with all detectors, on one core."""
    rows = evidence.rows("mnist", chapter=CHAPTER)
    short = [
        p.get("max_epochs", 30) == 30 and p.get("gamma", 1) in (1, 0.3) for p in rows["params"]
    ]
    rows = rows[short]
    own = [not Method.parse(method).learner for method in rows["method"]]
    seconds = [
        sum(value for name, value in entries.items() if name != "represent" or alone)
        for entries, alone in zip(rows["seconds"], own, strict=True)
    ]
    minutes = pd.Series(seconds).groupby(rows["seed"].to_numpy()).sum() / 60
    complete = set(rows[["forest" in m for m in rows["method"]]]["seed"])
    minutes = minutes[sorted(complete)]
    one_core = (rows["cores"] == 1).all()
    return Claim([minutes.min(), minutes.max()], {"all ran on one core": one_core})


@CLAIMS
def converged(evidence: Evidence) -> Claim:
    """Nearly every network stopped before its limit."""
    networks = evidence.rows(
        "mnist", lambda m: not Method.parse(m).learner, chapter=CHAPTER, max_epochs=LONG
    )
    early = scores(networks, "epochs") < LONG
    (patience,) = {params["patience"] for params in networks["params"]}
    late = len(early) - early.sum()
    return Claim([len(early), LONG, early.sum(), patience], {"at most one did not": late <= 1})


@CLAIMS
def squared_error(evidence: Evidence) -> Claim:
    """Gamma 0.3 with the squared error gives the printed V-measure, and ten clusters."""
    v = clustered(evidence, "k-means", SQUARED, 0.3)
    k = clustered(evidence, "k-means", SQUARED, 0.3, "n_clusters")
    print_v = printed(evidence, "k-means", 0.3, "v_measure")
    (word,) = set(
        evidence.verdicts(
            source="norlander2019",
            table="table 1",
            method=f"cl-vae2{SQUARED} + k-means",
            metric="v_measure",
            params=[{"gamma": 0.3, "evaluated_on": "test"}],
        )["verdict"]
    )
    return Claim(
        [v.mean(), v.std(), print_v, k.mean(), (k == 10).sum(), len(k)],
        {
            "the verdict is reproduced": word == "reproduced",
            "k is ten in every run": (k == 10).all(),
        },
    )


@CLAIMS
def squared_error_full_weight(evidence: Evidence) -> Claim:
    """With gamma 1 the squared error gives more than printed, and more clusters."""
    v = clustered(evidence, "k-means", SQUARED, 1.0)
    k = clustered(evidence, "k-means", SQUARED, 1.0, "n_clusters")
    print_v = printed(evidence, "k-means", 1, "v_measure")
    print_k = printed(evidence, "k-means", 1, "n_clusters")
    rows = evidence.verdicts(
        source="norlander2019", table="table 1", method=f"cl-vae2{SQUARED} + k-means"
    )
    words = {row["verdict"] for _, row in rows.iterrows() if row["params"]["gamma"] == 1}
    return Claim(
        [v.mean(), v.std(), print_v, k.min(), k.max(), print_k],
        {
            "every run is above the printed V": (v > print_v).all(),
            "and k": (k > print_k).all(),
            "the verdicts are higher": words == {"higher"},
        },
    )


@CLAIMS
def bernoulli(evidence: Evidence) -> Claim:
    """Every run with the Bernoulli likelihood stays below the printed V-measures."""
    weighted, full = (clustered(evidence, "k-means", BERNOULLI, g) for g in (0.3, 1.0))
    below = [
        (clustered(evidence, learner, BERNOULLI, g) < printed(evidence, learner, g, "v_measure"))
        for learner in STAGES
        for g in (0.3, 1.0)
    ]
    return Claim(
        [weighted.mean(), weighted.std(), full.mean(), full.std()],
        {"every run is below what is printed": all(one.all() for one in below)},
    )


@CLAIMS
def conditioning(evidence: Evidence) -> Claim:
    """Conditioning raises the V-measure with either likelihood."""
    found = {
        (likelihood, learner): gain(
            clustered(evidence, learner, likelihood, 1.0),
            clustered(evidence, learner, likelihood, None),
        )
        for likelihood in (SQUARED, BERNOULLI)
        for learner in STAGES
    }
    one, other = found[SQUARED, "k-means"], found[BERNOULLI, "k-means"]
    better = {key: g.word == "better" for key, g in found.items()}
    return Claim(
        [one.mean, 95, one.low, one.high, other.mean, other.low, other.high],
        {"all four gains are": all(better.values()), "the first is larger": one.low > other.high},
    )


@CLAIMS
def plain_vae(evidence: Evidence) -> Claim:
    """By the mixture the V-measure of the plain VAE is close to the printed one."""
    k = pd.concat([clustered(evidence, learner, SQUARED, None, "n_clusters") for learner in STAGES])
    mixture, k_means = (clustered(evidence, learner, SQUARED, None).mean() for learner in STAGES)
    print_v = [printed(evidence, learner, None, "v_measure") for learner in STAGES]
    print_k = {printed(evidence, learner, None, "n_clusters") for learner in STAGES}
    return Claim(
        [mixture, print_v[0], k_means, print_v[1], k.min(), k.max(), *print_k],
        {
            "the mixture is within the margin": abs(mixture - print_v[0]) < gains.MARGIN,
            "all are undecided": set(
                evidence.verdicts(
                    source="norlander2019",
                    table="table 1",
                    method=[f"vae2{SQUARED} + {learner}" for learner in STAGES],
                )["verdict"]
            )
            == {"undecided"},
        },
    )


@CLAIMS
def choice_of_k(evidence: Evidence) -> Claim:
    """At gamma 0.3 with the squared error the silhouette chooses ten, BIC far more."""
    silhouette = clustered(evidence, "k-means", SQUARED, 0.3, "k_by_silhouette")
    bic = clustered(evidence, "mixture", SQUARED, 0.3, "k_by_bic")
    lost = clustered(evidence, "mixture", SQUARED, 0.3) - clustered(
        evidence, "mixture", SQUARED, 0.3, "v_measure_by_bic"
    )
    return Claim(
        [10, (silhouette == 10).sum(), len(silhouette), bic.min(), bic.max(), lost.mean()],
        {"BIC never chooses ten": (bic > 10).all(), "and it costs": (lost > 0.02).all()},
    )


def _curve(evidence: Evidence, learner: str, likelihood: str) -> pd.Series:
    """Return the mean V-measure by the weight of the reconstruction."""
    gammas = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001276, 0.000383)
    means = {g: clustered(evidence, learner, likelihood, g).mean() for g in gammas}
    return pd.Series(means)


@CLAIMS
def weight_squared(evidence: Evidence) -> Claim:
    """With the squared error the V-measure is flat over a factor of thirty in gamma."""
    curve = _curve(evidence, "k-means", SQUARED)
    flat = curve[[0.3, 0.1, 0.03, 0.01]]
    others = curve.drop(flat.index)
    return Claim(
        [flat.min(), flat.max(), 0.3, 0.01],
        {
            "all others are lower": others.max() < flat.min(),
            "they differ by less than the margin": flat.max() - flat.min() < gains.MARGIN,
        },
    )


@CLAIMS
def weight_bernoulli(evidence: Evidence) -> Claim:
    """With the Bernoulli likelihood a tenth of the weight is needed for the printed V-measure."""
    curve = _curve(evidence, "k-means", BERNOULLI)
    squared = _curve(evidence, "k-means", SQUARED)
    best = curve.idxmax()
    return Claim(
        [curve[best], best, curve[0.3], 0.3, squared[0.3]],
        {
            "it is as high as the squared error at 0.3": curve[best] >= squared[0.3] - gains.MARGIN,
            "and below it at 0.3": curve[0.3] < squared[0.3] - gains.MARGIN,
        },
    )


@CLAIMS
def weight_mixture(evidence: Evidence) -> Claim:
    """At gamma 0.3 with the squared error the mixture is best."""
    curves = {likelihood: _curve(evidence, "mixture", likelihood) for likelihood in (SQUARED, "")}
    best = curves[SQUARED].idxmax()
    others = pd.concat([curves[SQUARED].drop(best), curves[""]])
    return Claim(
        [curves[SQUARED][best], best, others.max()],
        {"it is the highest of all weights": curves[SQUARED][best] > others.max()},
    )


@CLAIMS
def conv_network(evidence: Evidence) -> Claim:
    """With the squared error a convolutional network changes little."""
    found = [
        gain(
            clustered(evidence, "k-means", SQUARED, g, network=", conv"),
            clustered(evidence, "k-means", SQUARED, g),
        )
        for g in (0.3, 1.0)
    ]
    means = [
        clustered(evidence, "k-means", SQUARED, g, network=", conv").mean() for g in (0.3, 1.0)
    ]
    return Claim(means, {"both make no difference": {g.word for g in found} == {"no difference"}})


@CLAIMS
def long_codes(evidence: Evidence) -> Claim:
    """More numbers in the code raise the V-measure by nearest prior mean."""
    sizes = (2, 3, 5, 8)
    v = {
        (likelihood, g): [nearest(evidence, likelihood, g, n_latent=n) for n in sizes]
        for likelihood in (SQUARED, BERNOULLI)
        for g in (0.3, 1.0)
    }
    means = {key: [one.mean() for one in values] for key, values in v.items()}
    words = [gain(values[-1], values[0]).word for values in v.values()]
    first, *_, last = means[SQUARED, 0.3]
    return Claim(
        [first, 2, last, 8],
        {
            "every mean rises with the size": all(m == sorted(m) for m in means.values()),
            "eight are better than two": set(words) == {"better"},
        },
    )


@CLAIMS
def first_means(evidence: Evidence) -> Claim:
    """With gamma 1, first class means further apart end in a higher V-measure."""
    radii = (0.0, 6.0, 10.0)
    v = [nearest(evidence, SQUARED, 1.0, radius=r) for r in radii]
    circle = nearest(evidence, SQUARED, 1.0)
    words = [gain(circle, v[0]).word, gain(v[1], circle).word, gain(v[2], circle).word]
    light = [nearest(evidence, SQUARED, 0.3, radius=r).mean() for r in (0.0, 1.0, 6.0, 10.0)]
    light += [nearest(evidence, SQUARED, 0.3).mean()]
    return Claim(
        [v[0].mean(), 3, circle.mean(), 10, v[2].mean(), 0.3, min(light), max(light)],
        {
            "each is better than the one before": words == ["better"] * 3,
            "with gamma 0.3 they are within the margin": max(light) - min(light) < gains.MARGIN,
        },
    )


@CLAIMS
def means_at_zero(evidence: Evidence) -> Claim:
    """One run from means at 0 has the printed number of clusters, and nearly the printed V."""
    rows = evidence.rows("mnist", f"cl-vae2{SQUARED}, radius 0 + k-means", gamma=1.0)
    v, k = by_seed(rows, "v_measure"), by_seed(rows, "n_clusters")
    print_v, print_k = (printed(evidence, "k-means", 1, m) for m in ("v_measure", "n_clusters"))
    circle = clustered(evidence, "k-means", SQUARED, 1.0)
    nearer = abs(v.mean() - print_v) < abs(circle.mean() - print_v)
    return Claim(
        [v.mean(), k.mean(), print_v, print_k],
        {"there is one run": len(v) == 1, "it is nearer than from the circle": nearer},
    )


@CLAIMS
def likelihood_decides(evidence: Evidence) -> Claim:
    """One likelihood gives what is printed at gamma 0.3, and the other does not."""
    rows = evidence.verdicts(
        source="norlander2019", table="table 1", method=f"cl-vae2{SQUARED} + k-means"
    )
    words = {row["verdict"] for _, row in rows.iterrows() if row["params"]["gamma"] == 0.3}
    print_v = printed(evidence, "k-means", 0.3, "v_measure")
    other = clustered(evidence, "k-means", BERNOULLI, 0.3)
    ahead = gain(clustered(evidence, "k-means", SQUARED, 0.3), other)
    return Claim(
        [len(LIKELIHOODS), 1],
        {
            "V and k are reproduced with the squared error": words == {"reproduced"},
            "every run of the other is lower": (other < print_v).all(),
            "the squared error is better": ahead.word == "better",
        },
    )


# ---------------------------------------------------------------- EM, MV and shares on MNIST


@CLAIMS
def short_networks(evidence: Evidence) -> Claim:
    """Networks that were searched stopped at their limit, and table 2 is not judged."""
    rows = evidence.rows("mnist", lambda m: Method.parse(m).learner in ON_CODES, chapter=CHAPTER)
    rows = rows[["max_epochs" in params for params in rows["params"]]]
    limits = {params["max_epochs"] for params in rows["params"]}
    words = set(evidence.verdicts(source="norlander2019", table="table 2")["verdict"])
    return Claim(
        [min(limits)],
        {
            "all have one limit": len(limits) == 1,
            "all stopped there": (scores(rows, "epochs") == min(limits)).all(),
            "all are Bernoulli": {p["likelihood"] for p in rows["params"]} == {"bernoulli"},
            "nothing of table 2 is judged": words == {"not comparable"},
        },
    )


@CLAIMS
def order_cl_vae(evidence: Evidence) -> Claim:
    """In the CL-VAE the printed order of the detectors by MV is reversed."""
    table = pd.DataFrame(
        {d: searched(evidence, "mnist", "cl-vae2 0.3", d, "mass_volume") for d in OF_THE_PAPER}
    )
    row = {d: _printed_mass(evidence, d, "mass_volume") for d in OF_THE_PAPER}
    best, worst = table.idxmin(axis=1), table.idxmax(axis=1)
    lof, svm = (best == "local outlier factor").sum(), (worst == "one-class svm").sum()
    return Claim(
        [len(table), lof, svm],
        {
            "LOF is best in all": lof == len(table),
            "OCSVM is worst in all": svm == len(table),
            "the paper has OCSVM best": min(row, key=lambda d: row[d]) == "one-class svm",
            "and LOF worst": max(row, key=lambda d: row[d]) == "local outlier factor",
        },
    )


def _printed_mass(evidence: Evidence, detector: str, metric: str) -> float:
    return evidence.published(
        source="norlander2019",
        table="table 2",
        method=f"cl-vae2 + {detector}",
        metric=metric,
    )


@CLAIMS
def order_by_em(evidence: Evidence) -> Claim:
    """By EM LOF is best too in the CL-VAE."""
    table = pd.DataFrame(
        {d: searched(evidence, "mnist", "cl-vae2 0.3", d, "excess_mass_1e3") for d in OF_THE_PAPER}
    )
    lof = (table.idxmax(axis=1) == "local outlier factor").sum()
    return Claim([lof, len(table)], {"in all of them": lof == len(table)})


@CLAIMS
def order_vae(evidence: Evidence) -> Claim:
    """In the VAE OCSVM has a better MV than LOF, as printed."""
    svm, lof, forest = (
        searched(evidence, "mnist", "vae2", d, "mass_volume")
        for d in ("one-class svm", "local outlier factor", "isolation forest")
    )
    one = gain(svm, lof, higher_is_better=False)
    return Claim(
        [svm.mean(), lof.mean()],
        {
            "it is better": one.word == "better",
            "it is the best of the three on average": svm.mean() < min(lof.mean(), forest.mean()),
        },
    )


def _printed_areas(evidence: Evidence, table: str) -> dict[tuple[str, str], bool]:
    """Return for detector and metric whether the paper has the VAE ahead of the CL-VAE."""
    rows = evidence.verdicts(source="norlander2019", table=table)
    value = {(row["method"], row["metric"]): row["value"] for _, row in rows.iterrows()}
    return {
        (d, m): sign * (value[f"vae2 + {d}", m] - value[f"cl-vae2 + {d}", m]) > 0
        for d in OF_THE_PAPER
        for m, sign in (("excess_mass_1e3", 1), ("mass_volume", -1))
    }


@CLAIMS
def areas(evidence: Evidence) -> Claim:
    """EM and MV are better in the VAE in every run, and its space is smaller."""
    better = []
    for detector in OF_THE_PAPER:
        for metric, sign in (("excess_mass_1e3", 1), ("mass_volume", -1)):
            vae, weighted = (
                searched(evidence, "mnist", space, detector, metric)
                for space in ("vae2", "cl-vae2 0.3")
            )
            better.append((sign * (vae - weighted) > 0).all())
    vae, weighted = (network(evidence, "mnist", s, "spread") for s in ("vae2", "cl-vae2 0.3"))
    return Claim(
        [weighted.mean(), vae.mean()],
        {
            "both are better in every run": all(better),
            "the space is smaller": vae.max() < weighted.min(),
            "the paper prints so": all(_printed_areas(evidence, "table 2").values()),
        },
    )


@CLAIMS
def areas_in_units(evidence: Evidence) -> Claim:
    """In units of the space the CL-VAE has the better EM and MV."""
    reversed_ = []
    for detector in OF_THE_PAPER:
        em, mv, unit = (
            [searched(evidence, "mnist", s, detector, m) for s in ("vae2", "cl-vae2 0.3")]
            for m in ("excess_mass_1e3", "mass_volume", "spread")
        )
        reversed_ += [(em[1] * unit[1] > em[0] * unit[0]).all()]
        reversed_ += [(mv[1] / unit[1] < mv[0] / unit[0]).all()]
    return Claim([], {"all six comparisons are, in every run": all(reversed_)})


@CLAIMS
def evenness(evidence: Evidence) -> Claim:
    """Whether the CL-VAE spreads its anomalies more evenly is open."""
    metric = "anomaly_share_rmse_percent"
    vae, weighted = (
        searched(evidence, "mnist", s, "local outlier factor", metric)
        for s in ("vae2", "cl-vae2 0.3")
    )
    one = gain(weighted, vae, higher_is_better=False)
    return Claim(
        [weighted.mean(), vae.mean(), one.mean, one.low, one.high, len(vae)],
        {
            "it is undecided": one.word == "undecided",
            "signs differ": (vae > weighted).nunique() > 1,
        },
    )


@CLAIMS
def evenness_by_chance(evidence: Evidence) -> Claim:
    """Every detector is less even than a draw at random."""
    rows = evidence.rows("mnist", lambda m: Method.parse(m).learner in ON_CODES, chapter=CHAPTER)
    metric = "anomaly_share_rmse_percent"
    own, chance = scores(rows, metric), scores(rows, f"{metric}_by_chance")
    return Claim([chance.mean()], {"no run of a detector reaches it": (own > chance).all()})


@CLAIMS
def half(evidence: Evidence) -> Claim:
    """OCSVM calls about half of the test images anomalous."""
    rows = evidence.rows("mnist", lambda m: Method.parse(m).learner == "one-class svm")
    share = 100 * scores(rows, "share_by_own_threshold")
    return Claim([share.min(), share.max()], {"it is about half": share.between(45, 55).all()})


# ---------------------------------------------------------------- known anomalies


def means(evidence: Evidence, dataset: str, space: str, metric: str) -> pd.Series:
    """Return the mean of a metric by detector, for the detectors on codes that have it."""
    name, weight = _named(space)
    rows = evidence.rows(dataset, lambda m: Method.parse(m).codes == name, **weight)
    learners = [Method.parse(method).learner for method in rows["method"]]
    pairs = [
        (learner, m[metric])
        for learner, m in zip(learners, rows["metrics"], strict=True)
        if learner in ON_CODES and metric in m
    ]
    return pd.DataFrame(pairs, columns=["detector", "mean"]).groupby("detector")["mean"].mean()


@CLAIMS
def noise_error(evidence: Evidence) -> Claim:
    """On MNIST the reconstruction error finds noise and foreign images in every network."""
    rows = evidence.rows("mnist", lambda m: Method.parse(m).learner == "reconstruction error")
    noise, foreign = scores(rows, "auc_noise"), scores(rows, "auc_fashion_mnist")
    worst = min(noise.min(), foreign.min())
    return Claim([0.99], {"both are above it in every run": worst > 0.99})


@CLAIMS
def noise_codes(evidence: Evidence) -> Claim:
    """In the VAE detectors on codes see little of noise."""
    auc = means(evidence, "mnist", "vae2", "auc_noise")
    return Claim(
        [len(auc), (auc < 0.5).sum(), auc.max()],
        {"LOF is the best of them": auc.idxmax() == "local outlier factor"},
    )


@CLAIMS
def noise_components(evidence: Evidence) -> Claim:
    """Among fifty principal components LOF alone finds noise."""
    auc = means(evidence, "mnist", "pca50", "auc_noise")
    others = auc.drop("local outlier factor")
    return Claim(
        [auc["local outlier factor"], len(others), others.min(), others.max()],
        {"all others are below guessing": others.max() < 0.5},
    )


@CLAIMS
def mislabelled(evidence: Evidence) -> Claim:
    """Without the label nothing finds mislabelled images; with it detectors for each class do."""
    spaces = ("vae2", "cl-vae2 1", "cl-vae2 0.3", "pca50")
    blind = pd.concat([means(evidence, "mnist", s, "auc_mislabelled") for s in spaces])
    own = {s: means(evidence, "mnist", s, "auc_mislabelled_own_label").max() for s in spaces}
    return Claim(
        [blind.min(), blind.max(), own["vae2"], own["cl-vae2 0.3"], own["pca50"]],
        {
            "without it all guess": blind.between(0.47, 0.53).all(),
            "with it the best are in this order": own["vae2"] < own["cl-vae2 0.3"] < own["pca50"],
        },
    )


@CLAIMS
def mislabelled_cvae(evidence: Evidence) -> Claim:
    """In the CVAE the reconstruction error finds mislabelled images, and the code does not."""
    error = searched(evidence, "mnist", "cvae2", "reconstruction error", "auc_mislabelled")
    codes = means(evidence, "mnist", "cvae2", "auc_mislabelled_own_label")
    return Claim([error.mean(), codes.max()], {"the error is ahead": error.min() > codes.max()})


@CLAIMS
def agreement_mnist(evidence: Evidence) -> Claim:
    """EM and MV rank detectors as the AUC does in some spaces, and in others not."""
    rows = evidence.rows("mnist", lambda m: Method.parse(m).learner in ON_CODES, chapter=CHAPTER)
    table = agreement(rows)
    table = table[table["kind"] != "mislabelled"]
    mean = table.groupby(["space", "kind"])["mv"].mean()
    vae, weighted = mean["vae2"], mean["cl-vae2, γ = 0.3"]
    return Claim(
        [weighted.min(), weighted.max(), vae.min(), vae.max()],
        {"one is above the other": weighted.min() > 0.3 > vae.max()},
    )


# ---------------------------------------------------------------- tables


@CLAIMS
def nsl_best(evidence: Evidence) -> Claim:
    """On NSL-KDD the bound has the best mean, and its lead is open."""
    bound = searched(evidence, "nsl_kdd", "cl-vae2 0.3", "bound", "auc_any")
    components = searched(evidence, "nsl_kdd", "pca43", "class mean", "auc_any_own_label")
    every = [
        means(evidence, "nsl_kdd", space, metric).max()
        for space in ("vae2", "cl-vae2 1", "cl-vae2 0.3", "cvae2", "pca43")
        for metric in ("auc_any", "auc_any_own_label")
    ]
    one = gain(bound, components)
    return Claim(
        [bound.mean(), components.mean(), len(bound)],
        {
            "it is the best mean": bound.mean() > max(every),
            "the components are the best detector": abs(components.mean() - max(every)) < 1e-9,
            "their difference is undecided": one.word == "undecided",
        },
    )


@CLAIMS
def nsl_codes(evidence: Evidence) -> Claim:
    """On NSL-KDD detectors in two dimensions stay behind the components."""
    spaces = ("vae2", "cl-vae2 1", "cl-vae2 0.3", "cvae2")
    codes = max(
        means(evidence, "nsl_kdd", s, m).max()
        for s in spaces
        for m in ("auc_any", "auc_any_own_label")
    )
    components = means(evidence, "nsl_kdd", "pca43", "auc_any").max()
    return Claim([components, codes], {"they are behind": codes < components - gains.MARGIN})


@CLAIMS
def trades_collapse(evidence: Evidence) -> Claim:
    """On the trades the code of the VAE holds next to nothing."""
    kl, spread, epochs = (
        network(evidence, "trades", "vae2", m) for m in ("kl", "spread", "epochs")
    )
    conditioned = network(evidence, "trades", "cl-vae2 0.3", "spread")
    return Claim(
        [kl.mean(), spread.mean(), epochs.max()],
        {
            "it is far smaller than the conditioned space": conditioned.min() > 10 * spread.max(),
            "less than a nat": kl.max() < 1,
        },
    )


@CLAIMS
def trades_areas(evidence: Evidence) -> Claim:
    """EM and MV are better in the collapsed space."""
    better = [
        (
            sign
            * (
                searched(evidence, "trades", "vae2", d, m)
                - searched(evidence, "trades", "cl-vae2 0.3", d, m)
            )
            > 0
        ).all()
        for d in OF_THE_PAPER
        for m, sign in (("excess_mass_1e3", 1), ("mass_volume", -1))
    ]
    ahead = _printed_areas(evidence, "table 3").values()
    return Claim(
        [],
        {
            "all six comparisons are, in every run": all(better),
            "the paper prints the reverse": not any(ahead),
        },
    )


LOF_OF_CLASSES = "local outlier factor per cluster"


@CLAIMS
def trades_own_label(evidence: Evidence) -> Claim:
    """With a model for each trader the conditioned space is ahead in both runs."""
    found = {
        (space, m): searched(evidence, "trades", space, LOF_OF_CLASSES, f"{m}_any_own_label")
        for space in ("cl-vae2 0.3", "pca50", "vae2")
        for m in ("auc", "ap")
    }
    ahead = [
        (found["cl-vae2 0.3", m] > found[other, m]).all()
        for other in ("pca50", "vae2")
        for m in ("auc", "ap")
    ]
    one = gain(found["cl-vae2 0.3", "auc"], found["pca50", "auc"])
    numbers = [found[key].mean() for key in found]
    return Claim(
        [*numbers, one.n],
        {
            "it is ahead in every run": all(ahead),
            "two runs do not decide it": one.word == "undecided",
        },
    )


def _kinds(evidence: Evidence, kinds: tuple[str, ...]) -> tuple[list[float], list[bool]]:
    """Return AUC and AP of kinds of error, components before codes, and whether codes lead."""
    numbers: list[float] = []
    ahead = []
    for kind in kinds:
        for metric in (f"auc_{kind}_own_label", f"ap_{kind}_own_label"):
            pair = [
                searched(evidence, "trades", space, LOF_OF_CLASSES, metric).mean()
                for space in ("pca50", "cl-vae2 0.3")
            ]
            numbers += pair
            ahead.append(pair[1] > pair[0])
    return numbers, ahead


@CLAIMS
def trades_numbers(evidence: Evidence) -> Claim:
    """For errors in numbers the principal components are ahead."""
    numbers, ahead = _kinds(evidence, ("fat_finger", "off-market_margin"))
    return Claim(numbers, {"the components are ahead in each": not any(ahead)})


@CLAIMS
def trades_categories(evidence: Evidence) -> Claim:
    """For categories that a trader does not use the conditioned codes are ahead."""
    kinds = ("unused_instrument", "wrong_book", "unused_counterparty", "unused_currency")
    numbers, ahead = _kinds(evidence, kinds)
    return Claim(numbers[:8], {"the codes are ahead in each": all(ahead)})


def _on_spaces(method: str) -> bool:
    """Return whether a method works on a code, on components or on the terms of a network."""
    parsed = Method.parse(method)
    return bool(parsed.learner) and parsed.representation != "raw" and not parsed.use


def _others(evidence: Evidence, dataset: str, metric: str) -> pd.Series:
    """Return a metric of every detector on codes and components, with and without labels."""
    rows = evidence.rows(dataset, _on_spaces, chapter=CHAPTER)
    found = [
        m[name] for m in rows["metrics"] for name in (metric, f"{metric}_own_label") if name in m
    ]
    return pd.Series(found)


@CLAIMS
def trades_frequencies(evidence: Evidence) -> Claim:
    """On the trades the frequency table is ahead of everything that was learned."""
    rows = evidence.rows("trades", f"{FREQUENCIES} raw")
    auc, ap = by_seed(rows, "auc_any"), by_seed(rows, "ap_any")
    learned = searched(evidence, "trades", "cl-vae2 0.3", LOF_OF_CLASSES, "auc_any_own_label")
    return Claim(
        [auc.mean(), ap.mean()],
        {
            "no other run has its AUC": auc.min() > _others(evidence, "trades", "auc_any").max(),
            "nor its average precision": ap.min() > _others(evidence, "trades", "ap_any").max(),
            "it is better than LOF in the CL-VAE": gain(auc, learned).word == "better",
        },
    )


@CLAIMS
def trades_frequencies_margins(evidence: Evidence) -> Claim:
    """For margins, which depend on the instrument, the frequency table is behind."""
    rows = evidence.rows("trades", f"{FREQUENCIES} raw")
    wrong, margins = (by_seed(rows, f"auc_{k}") for k in ("wrong_trader", "off-market_margin"))
    components = searched(
        evidence, "trades", "pca50", LOF_OF_CLASSES, "auc_off-market_margin_own_label"
    )
    best = _others(evidence, "trades", "auc_wrong_trader").max()
    return Claim(
        [wrong.mean(), margins.mean(), components.mean()],
        {
            "it is ahead for wrong traders": wrong.min() > best,
            "and behind for margins": margins.max() < components.min(),
        },
    )


@CLAIMS
def nsl_frequencies(evidence: Evidence) -> Claim:
    """On NSL-KDD the frequency table is behind."""
    auc = by_seed(evidence.rows("nsl_kdd", f"{FREQUENCIES} raw"), "auc_any")
    components = means(evidence, "nsl_kdd", "pca43", "auc_any").max()
    return Claim([auc.mean()], {"it is behind the components": auc.max() < components})


@CLAIMS
def trades_traders(evidence: Evidence) -> Claim:
    """Often the nearest prior mean belongs to another trader."""
    share = 100 * network(evidence, "trades", "cl-vae2 0.3", "acc_nearest_mean")
    return Claim([share.mean()], {"it is far from all": share.max() < 90})


@CLAIMS
def satimage_collapse(evidence: Evidence) -> Claim:
    """On satimage two of the four codes are collapsed."""
    spaces = ("vae2", "cvae2", "cl-vae2 1", "cl-vae2 0.3")
    kl = {space: network(evidence, "satimage", space, "kl") for space in spaces}
    dead = [space for space in spaces if kl[space].mean() < COLLAPSED]
    return Claim(
        [len(dead), len(spaces), max(kl[space].max() for space in dead)],
        {
            "they are VAE and CVAE": dead == ["vae2", "cvae2"],
            "the others hold a nat": min(kl[s].mean() for s in spaces if s not in dead) > 0.9,
        },
    )


@CLAIMS
def satimage_noise(evidence: Evidence) -> Claim:
    """On satimage the reconstruction error misses noise that components find."""
    error = evidence.rows(
        "satimage", lambda m: _on_spaces(m) and Method.parse(m).learner == "reconstruction error"
    )
    auc = scores(error, "auc_noise")
    components = means(evidence, "satimage", "pca36", "auc_noise")
    codes = means(evidence, "satimage", "vae2", "auc_noise")
    return Claim(
        [auc.min(), auc.max(), components.min(), codes.min(), codes.max()],
        {
            "every detector on components is better": components.min() > auc.max(),
            "every detector on the collapsed code too": codes.min() > auc.max(),
        },
    )


# ---------------------------------------------------------------- what the summary repeats


@CLAIMS
def summary_full_weight(evidence: Evidence) -> Claim:
    """With gamma 1 ours is higher than printed."""
    return Claim([], squared_error_full_weight(evidence).holds)


@CLAIMS
def summary_areas(evidence: Evidence) -> Claim:
    """EM and MV are better in the VAE."""
    return Claim([], areas(evidence).holds)


@CLAIMS
def summary_order(evidence: Evidence) -> Claim:
    """In the CL-VAE the order of the detectors is not the printed one."""
    return Claim([], {**order_cl_vae(evidence).holds, **order_by_em(evidence).holds})


@CLAIMS
def summary_evenness(evidence: Evidence) -> Claim:
    """Whether the CL-VAE spreads its anomalies more evenly is open."""
    return Claim([], {**evenness(evidence).holds, **evenness_by_chance(evidence).holds})


@CLAIMS
def summary_code_or_error(evidence: Evidence) -> Claim:
    """On MNIST the reconstruction error finds noise and codes do not; on satimage the reverse."""
    holds = satimage_noise(evidence).holds
    for space in ("vae2", "cl-vae2 1", "cl-vae2 0.3", "cvae2"):
        error = searched(evidence, "mnist", space, "reconstruction error", "auc_noise")
        codes = means(evidence, "mnist", space, "auc_noise")
        holds = {**holds, f"on MNIST it is ahead in {space}": error.min() > codes.max() + 0.2}
    return Claim([], holds)


@CLAIMS
def summary_frequencies(evidence: Evidence) -> Claim:
    """On the trades a table of frequencies is ahead of everything that was learned."""
    return Claim([], trades_frequencies(evidence).holds)
