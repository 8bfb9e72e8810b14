"""Claims of the pages that belong to no chapter: home page, README, contradictions, running."""

from __future__ import annotations

import json

import pandas as pd

from latentbook.study import effects, gains, judge
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.gains import Gain

CLAIMS = Claims("pages")

#: The three data sets on which every two-stage method was run with five seeds.
IMAGES = ("mnist", "usps", "fashion_mnist")
SCORES = ("acc", "nmi", "ari")
#: Images of Fashion-MNIST, training and test, which the thesis clusters.
IMAGES_CLUSTERED = 70_000
NETWORKS = ("fc-lstm", "cnn-lstm", "cnn-lstm-3d", "conv")


@CLAIMS
def printed_numbers(evidence: Evidence) -> Claim:
    """How many printed numbers come out again, each counted once."""
    numbers = evidence.verdicts()
    counts = judge.headline(numbers)
    once = counts["one run, within"] + counts["one run, outside"]
    left_out = counts["not comparable"] + counts["not run"]
    judged = [counts[word] for word in ("reproduced", "higher", "lower", "undecided")]
    return Claim(
        [counts.sum(), *judged, once, left_out],
        {"these are all kinds of verdict": sum(judged) + once + left_out == counts.sum()},
    )


@CLAIMS
def printed_orders(evidence: Evidence) -> Claim:
    """How many printed orders of two methods come out again."""
    numbers, every = evidence.verdicts(), evidence.rows()
    orders = evidence.once("printed orders", lambda: effects.judged(numbers, every))
    pairs = orders.drop_duplicates(["source", "dataset", "metric", "first", "second"])
    counts = pairs["order"].value_counts()
    words = ("same order", "opposite order", "undecided", "no difference here")
    judged = [counts[word] for word in words]
    once = counts[[word for word in counts.index if word.startswith("one run")]].sum()
    return Claim(
        [len(pairs), 2, *judged, once],
        {
            "all but one, which is printed as equal, are counted": (
                len(pairs) - sum(judged) - once == counts["printed as equal"] == 1
            ),
        },
    )


@CLAIMS
def representations(evidence: Evidence) -> Claim:
    """UMAP helps k-means on all three data sets, principal components on none."""
    umap = _gains(evidence, "umap2 + k-means", "k-means raw")
    pca = _gains(evidence, "pca50 + k-means", "k-means raw")
    return Claim(
        [2, *(100 * umap[data, "acc"].mean for data in IMAGES), 50, 1],
        {
            "with UMAP ACC, NMI and ARI are better on every data set": _all(umap, "better"),
            "with principal components every mean gain is below 0.01": all(
                gain.mean < 0.01 for gain in pca.values()
            ),
        },
    )


@CLAIMS
def images_kept(evidence: Evidence) -> Claim:
    """HDBSCAN leaves most images out where it has the highest printed score."""
    numbers = evidence.verdicts(metric=["nmi", "nmi_kept"])
    highest = numbers.loc[numbers["value"].idxmax()]
    rows = evidence.over_all("mnist", "pca50 + hdbscan")
    over_all, raw = scores(rows, "nmi"), scores(evidence.over_all("mnist", "k-means raw"), "nmi")
    return Claim(
        [
            highest["value"],
            100 * scores(rows, "coverage").mean(),
            over_all.mean(),
            raw.mean(),
        ],
        {
            "it is that of HDBSCAN on principal components of MNIST": (
                (highest["dataset"], highest["method"], highest["metric"])
                == ("mnist", "pca50 + hdbscan", "nmi_kept")
            ),
            "over all images every run is below every run of k-means on pixels": over_all.max()
            < raw.min(),
        },
    )


@CLAIMS
def deep_clustering(evidence: Evidence) -> Claim:
    """DCEC improves its own start."""
    start = {
        (data, score): gains.of(_from_start(evidence, data, score))
        for data in IMAGES
        for score in SCORES
    }
    return Claim(
        [100 * start[data, "acc"].mean for data in IMAGES],
        {
            "ACC, NMI and ARI are better than those of the start on every data set": _all(
                start, "better"
            ),
        },
    )


@CLAIMS
def deep_clustering_or_mixture(evidence: Evidence) -> Claim:
    """Between DCEC and a mixture on UMAP only two scores on USPS are decided."""
    word = {
        (data, score): gains.compare(
            _runs(evidence, data, "umap2 + mixture", score),
            _runs(evidence, data, "dcec", score, gamma=0.1),
            paired=False,
        ).word
        for data in IMAGES
        for score in SCORES
    }
    decided = {key: found for key, found in word.items() if found != "undecided"}
    return Claim(
        [2],
        {
            "the mixture is better in NMI and ARI on USPS, and all else is undecided": (
                decided == {("usps", "nmi"): "better", ("usps", "ari"): "better"}
            ),
        },
    )


@CLAIMS
def weather_by_one_window(evidence: Evidence) -> Claim:
    """Codes of the CNN-LSTM help where one window describes a pattern."""
    gained = {n: _network_gain(evidence, "cnn-lstm", "top3", n, 1) for n in (10, 30)}
    return Claim(
        [3, *(number for n, gain in gained.items() for number in (100 * gain.mean, n))],
        {
            "both gain": _all(gained, "better"),
            "whether it comes first is undecided": all(
                _network_gain(evidence, "cnn-lstm", "top1", n, 1).word == "undecided"
                for n in gained
            ),
        },
    )


@CLAIMS
def weather_by_ten_windows(evidence: Evidence) -> Claim:
    """No network gains much where ten windows describe a pattern."""
    gained = [
        _network_gain(evidence, network, top, n, 10)
        for network in NETWORKS
        for top in ("top1", "top3")
        for n in (10, 30)
    ]
    return Claim(
        [len(NETWORKS), 10, sum(gain.mean > 0.01 for gain in gained), 1],
        {"every mean gain is below 0.01": all(gain.mean < 0.01 for gain in gained)},
    )


@CLAIMS
def conditioned_space(evidence: Evidence) -> Claim:
    """V-measures of the CL-VAE come out as printed with one likelihood, and not with the other."""
    squared, bernoulli = (
        scores(
            evidence.rows("mnist", f"{network} + k-means", gamma=0.3, max_epochs=150), "v_measure"
        )
        for network in ("cl-vae2, gaussian", "cl-vae2")
    )
    printed = evidence.published(
        table="table 1",
        method="cl-vae2, gaussian + k-means",
        metric="v_measure",
        params={"gamma": 0.3, "evaluated_on": "test"},
    )
    return Claim(
        [squared.mean(), printed, bernoulli.mean()],
        {
            "every run with the squared error is within 0.02 of the printed value": (
                abs(squared - printed) < 0.02
            ).all(),
            "every run with the Bernoulli likelihood is more than 0.1 below it": (
                bernoulli < printed - 0.1
            ).all(),
        },
    )


@CLAIMS
def anomalous_trades(evidence: Evidence) -> Claim:
    """Frequencies find more of the planted anomalies than all that was learned."""
    rows = evidence.rows(
        "trades", lambda m: "squared frequency" not in m, chapter="07-latent-anomalies"
    )
    found = pd.Series(
        [
            max(metrics.get("auc_any", 0), metrics.get("auc_any_own_label", 0))
            for metrics in rows["metrics"]
        ]
    )
    counting = rows["method"].to_numpy() == "frequency table raw"
    return Claim(
        [found[counting].mean(), found[~counting].max()],
        {"every run of it is above every other": found[counting].min() > found[~counting].max()},
    )


@CLAIMS
def cost_of_deep_clustering(evidence: Evidence) -> Claim:
    """How long pretraining and joint training of DCEC take, on a GPU and on two cores."""
    rows = pd.concat([_faithful(evidence, data) for data in ("mnist", "fashion_mnist")])
    whole = rows[[times["pretrain"] > 0 for times in rows["seconds"]]]
    minutes = pd.Series([sum(times.values()) / 60 for times in whole["seconds"]], whole.index)
    gpu = minutes[whole["device"].str.startswith("GPU")]
    cores = minutes[whole["device"].str.startswith("CPU")]
    return Claim(
        [rows["n_samples"].iloc[0], gpu.min(), gpu.max(), 2, cores.mean()],
        {
            "the data sets have as many images": rows["n_samples"].nunique() == 1,
            "one run was timed whole on two cores": list(whole["cores"][cores.index]) == [2],
        },
    )


@CLAIMS
def two_runs_of_one_seed(evidence: Evidence) -> Claim:
    """On a GPU a seed does not fix a network."""
    apart = _apart(evidence)
    return Claim([len(apart), 2, 100 * apart.max()], {"no two runs ended alike": (apart > 0).all()})


@CLAIMS
def networks_of_one_seed(evidence: Evidence) -> Claim:
    """How far apart two networks of one seed ended."""
    apart = _apart(evidence)
    return Claim([2, apart.max()], {"they ended apart": apart.max() > 0.02})


@CLAIMS
def repeated_on_a_processor(evidence: Evidence) -> Claim:
    """Networks trained again on a processor, from the same seed, have other clusterings."""
    rows = evidence.rows(
        method=lambda name: name.startswith("cae"),
        chapter="03-two-stage-clustering",
        evaluated_on="all",
    )
    setting = [
        json.dumps([dataset, method, seed, params], sort_keys=True)
        for dataset, method, seed, params in zip(
            rows["dataset"], rows["method"], rows["seed"], rows["params"], strict=True
        )
    ]
    found = pd.DataFrame(
        {
            "setting": setting,
            "learner": [method.rpartition(" + ")[2] for method in rows["method"]],
            "acc": scores(rows, "acc").to_numpy(),
            "machine": [
                json.dumps([device, int(cores), backend, versions], sort_keys=True)
                for device, cores, backend, versions in zip(
                    rows["device"], rows["cores"], rows["backend"], rows["versions"], strict=True
                )
            ],
        }
    )
    twice = found[found.groupby("setting")["acc"].transform("size") > 1]
    by_setting = twice.groupby(["learner", "setting"])
    apart = by_setting["acc"].max() - by_setting["acc"].min()
    most = apart.groupby("learner").max()
    return Claim(
        [len(apart), 100 * most["k-means"], 100 * most["mixture"]],
        {
            "device, cores, backend and versions are the same": (
                by_setting["machine"].nunique() == 1
            ).all(),
            "none gave the same accuracy": (apart > 0).all(),
            "all ran on a processor": rows["device"].str.startswith("CPU").all(),
        },
    )


def _apart(evidence: Evidence) -> pd.Series:
    """Return the difference in accuracy of two runs of DCEC on a GPU, for seeds that have two."""
    rows = evidence.over_all("fashion_mnist", "dcec", gamma=0.1)
    rows = rows[rows["device"].str.startswith("GPU")]
    by_seed = scores(rows, "acc").set_axis(rows["seed"]).groupby(level=0)
    return (by_seed.max() - by_seed.min())[by_seed.size() == 2]


def _faithful(evidence: Evidence, dataset: str) -> pd.DataFrame:
    """Return the runs of DCEC with both weights of its clustering loss."""
    return pd.concat(
        [evidence.over_all(dataset, "dcec", gamma=gamma) for gamma in (0.1, 1.0)],
    )


@CLAIMS
def digits_cut_off(evidence: Evidence) -> Claim:
    """Table 12.1 cuts digits off."""
    short = evidence.verdicts(table="table 12.1")
    long = evidence.verdicts(source="fernandez2020", dataset="fashion_mnist")
    long = long[long["table"].str.startswith("appendix")]
    both = short.merge(long, on=["method", "metric"], suffixes=("", "_notebook"))
    below = both["value_notebook"] - both["value"]
    return Claim(
        [(below > 0.00005).sum(), len(both)],
        {"every score is cut off, none rounded up": below.between(0, 0.0001).all()},
    )


@CLAIMS
def sizes_on_pca(evidence: Evidence) -> Claim:
    """Sizes of clusters on PCA, as printed, give another share than the printed one."""
    kept = _printed_sizes(evidence, "pca50 + hdbscan")
    return Claim(
        [kept, IMAGES_CLUSTERED, kept / IMAGES_CLUSTERED],
        {"the printed share is another": kept / IMAGES_CLUSTERED < 0.7413 - 0.1},
    )


@CLAIMS
def sizes_on_umap(evidence: Evidence) -> Claim:
    """Sizes of clusters on UMAP, as printed, give another share than the printed one."""
    shares = [
        _printed_sizes(evidence, f"{space} + hdbscan") / IMAGES_CLUSTERED
        for space in ("umap2", "umap30")
    ]
    return Claim(
        [shares[0], 2, shares[1]],
        {"the printed share is neither": all(share > 0.9906 + 0.005 for share in shares)},
    )


@CLAIMS
def noise_in_the_text(evidence: Evidence) -> Claim:
    """Noise in the text of the thesis is rounded otherwise than its notebook says."""
    asked = {"dataset": "fashion_mnist", "method": "pca50 + hdbscan"}
    noise = evidence.published(table="appendix 4", metric="noise_points", **asked)
    printed = 1 - evidence.published(table="section 12.1.2", metric="coverage", **asked)
    return Claim([100 * printed, noise, IMAGES_CLUSTERED, 100 * noise / IMAGES_CLUSTERED])


@CLAIMS
def best_row_on_mnist(evidence: Evidence) -> Claim:
    """PCA and HDBSCAN have the best printed NMI on MNIST, and a low one with the noise."""
    printed = evidence.verdicts(table="table 12.2", dataset="mnist")
    best = printed.loc[printed["value"].idxmax()]
    asked = {"dataset": "mnist", "method": "pca50 + hdbscan", "metric": "nmi"}
    return Claim(
        [best["value"], evidence.published(source="fernandez2020", **asked)],
        {
            "it is PCA + HDBSCAN, over the points kept": (best["method"], best["metric"])
            == ("pca50 + hdbscan", "nmi_kept")
        },
    )


def _printed_sizes(evidence: Evidence, method: str) -> float:
    """Return how many images the printed clusters of the notebook hold together."""
    rows = evidence.verdicts(source="fernandez2020", dataset="fashion_mnist", method=method)
    sizes = rows["table"].str.startswith("appendix") & rows["metric"].str.startswith("cluster_size")
    return float(rows["value"][sizes].sum())


@CLAIMS
def original_data_printed(evidence: Evidence) -> Claim:
    """By table 12.1 k-means on pixels does not offer the worst results."""
    printed = evidence.verdicts(table="table 12.1").set_index(["method", "metric"])["value"]
    raw = printed["k-means raw"]
    return Claim(
        [],
        {
            "NMI, ARI and ACC are above those of CAE10": all(
                raw[score] > printed["cae10 + k-means", score] for score in SCORES
            ),
            "ARI and ACC are above those of UMAP30 and HDBSCAN": all(
                raw[score] > printed["umap30 + hdbscan", f"{score}_kept"]
                for score in ("ari", "acc")
            ),
        },
    )


@CLAIMS
def best_of_table_13(evidence: Evidence) -> Claim:
    """DCEC has the highest scores of table 13.1."""
    printed = evidence.verdicts(table="table 13.1")
    gammas = [params.get("gamma") for params in printed["params"]]
    best = printed.groupby(["dataset", "metric"])["value"].transform("max") == printed["value"]
    faithful = (printed["method"] == "dcec") & (pd.Series(gammas, printed.index) == 0.1)
    rows = {(method, str(gamma)) for method, gamma in zip(printed["method"], gammas, strict=True)}
    return Claim(
        [len(rows)],
        {
            "it is the best in every column": set(printed[best].index)
            == set(printed[faithful].index),
            "every other method ends in k-means": all(
                method == "dcec" or method.endswith("k-means") or method == "k-means raw"
                for method, _ in rows
            ),
        },
    )


@CLAIMS
def mixture_on_the_start(evidence: Evidence) -> Claim:
    """Between DCEC and a mixture on the codes that it starts from no score is decided."""
    gained = {}
    for score in SCORES:
        deep = _runs(evidence, "mnist", "dcec", score, gamma=0.1)
        mixture = _runs(evidence, "mnist", "cae10-guo + mixture", score)
        shared = deep.index.intersection(mixture.index)
        gained[score] = gains.compare(deep[shared], mixture[shared])
        if score == "acc":
            means = [deep[shared].mean(), len(shared), mixture[shared].mean()]
    return Claim(
        means,
        {"ACC, NMI and ARI are undecided": _all(gained, "undecided")},
    )


@CLAIMS
def larger_weight(evidence: Evidence) -> Claim:
    """Its weight in the loss matters less to DCEC than the network that it starts from."""
    effects, between = [], []
    for data in IMAGES:
        for score in SCORES:
            small, large = (_by_start(evidence, data, score, gamma) for gamma in (0.1, 1.0))
            effects.append(gains.compare(large, small).mean)
            if score == "acc":
                between.append(small.max() - small.min())
    return Claim(
        [2, 100 * max(between)],
        {"every mean effect is between -0.02 and 0.02": all(abs(e) < 0.02 for e in effects)},
    )


def _by_start(evidence: Evidence, dataset: str, score: str, gamma: float) -> pd.Series:
    """Return a score of DCEC by the accuracy of its start, which tells one network from another."""
    rows = evidence.over_all(dataset, "dcec", gamma=gamma)
    return scores(rows, score).set_axis(scores(rows, "acc_start").to_numpy())


@CLAIMS
def beside_the_secondary_source(evidence: Evidence) -> Claim:
    """Scores of DCEC on the data sets of its own paper."""
    return Claim(
        [
            _runs(evidence, data, "dcec", score, gamma=0.1).mean()
            for data in ("mnist", "usps")
            for score in ("acc", "nmi")
        ]
    )


@CLAIMS
def season(evidence: Evidence) -> Claim:
    """Every representation tells the season."""
    rows = evidence.rows(chapter="05-weather-patterns", evaluated_on=None)
    rows = rows[["season_accuracy" in metrics for metrics in rows["metrics"]]]
    accuracy, chance = scores(rows, "season_accuracy"), scores(rows, "season_chance")
    by_method = accuracy.groupby([rows["dataset"].to_numpy(), rows["method"].to_numpy()])
    return Claim(
        [by_method.mean().min(), chance.mean()],
        {
            "chance is the same everywhere": chance.nunique() == 1,
            "every run is more than twice as accurate as chance": (accuracy > 2 * chance).all(),
            "raw fields are among them": "k-means raw" in set(rows["method"]),
        },
    )


@CLAIMS
def season_of_a_network(evidence: Evidence) -> Claim:
    """Codes of the CNN-LSTM tell the season better than the fields here, and worse there."""
    means, gained = [], {}
    for data in ("weather-eraint", "weather-simulated"):
        codes, fields = (
            scores(
                evidence.rows(data, method, chapter="05-weather-patterns"), "season_accuracy"
            ).droplevel("dataset")
            for method in ("cnn-lstm + k-means", "k-means raw")
        )
        means += [codes.mean(), fields.mean()]
        gained[data] = gains.compare(codes, fields)
    return Claim(
        means,
        {
            "better on ERA-Interim": gained["weather-eraint"].word == "better",
            "worse on simulated weather": gained["weather-simulated"].word == "worse",
        },
    )


def _runs(evidence: Evidence, dataset: str, method: str, metric: str, **params: float) -> pd.Series:
    """Return a score over all samples, by run."""
    return scores(evidence.over_all(dataset, method, **params), metric).droplevel("dataset")


def _gains(evidence: Evidence, first: str, second: str) -> dict[tuple[str, str], Gain]:
    """Return what the first method gains over the second, seed by seed, by data set and score."""
    return {
        (data, score): gains.compare(
            _runs(evidence, data, first, score), _runs(evidence, data, second, score)
        )
        for data in IMAGES
        for score in SCORES
    }


def _from_start(evidence: Evidence, dataset: str, score: str) -> pd.Series:
    """Return what each run of DCEC gains over the k-means that it starts from."""
    rows = evidence.over_all(dataset, "dcec", gamma=0.1)
    return scores(rows, score) - scores(rows, f"{score}_start")


def _network_gain(
    evidence: Evidence, network: str, metric: str, readings: int, windows: int
) -> Gain:
    """Return what patterns in the codes of a network gain over those of raw fields, by seed."""
    asked = {"readings": readings, "descriptor": windows}
    first, second = (
        _runs(evidence, "weather-simulated", method, metric, **asked)
        for method in (f"{network} + k-means", "k-means raw")
    )
    return gains.compare(first, second)


def _all(gained: dict, word: str) -> bool:
    return all(gain.word == word for gain in gained.values())
