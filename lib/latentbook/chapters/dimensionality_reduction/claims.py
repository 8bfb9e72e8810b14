"""Claims of chapter 01: what its sentences about full-scale results rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from latentbook.chapters.dimensionality_reduction import CHAPTER, DATASETS, PICTURES
from latentbook.study import gains
from latentbook.study.claims import Claim, Claims, Evidence, scores

CLAIMS = Claims("01")

#: Groups of Fashion-MNIST that the thesis sees in UMAP: shoes, trousers, bags, worn above.
_GROUPS = ((5, 7, 9), (1,), (8,), (0, 2, 3, 4, 6))
_SHIRT = 6
#: Digits that lie side by side in every picture but that of PCA.
_ALIKE = ((4, 9), (3, 5))
#: Means of transport among the classes of CIFAR-10.
_VEHICLES = (0, 1, 8, 9)
#: Data sets that chapter 03 clusters over several seeds.
_CLUSTERED = ("mnist", "fashion_mnist", "usps")
_ISLANDS = ("tsne2", "tsne2 all", "umap2 picture", "umap2")


def _measure(evidence: Evidence, dataset: str, method: str, measure: str) -> pd.Series:
    """Return a measure of an embedding by seed."""
    rows = evidence.rows(dataset, method, chapter=CHAPTER)
    return scores(rows, measure).droplevel("dataset")


def _means(evidence: Evidence, dataset: str, methods: Sequence[str], measure: str) -> list[float]:
    return [_measure(evidence, dataset, method, measure).mean() for method in methods]


def _everywhere(evidence: Evidence, method: str, measure: str) -> np.ndarray:
    """Return the mean of a measure on each data set of the chapter."""
    return np.array([_measure(evidence, d, method, measure).mean() for d in DATASETS])


def _more_dimensions(
    evidence: Evidence, dataset: str, stage: str, n_dimensions: int, metric: str
) -> gains.Gain:
    """Return what a second stage gains from more than two dimensions of UMAP, seed by seed."""
    more, two = (
        scores(evidence.over_all(dataset, f"umap{n} + {stage}"), metric).droplevel("dataset")
        for n in (n_dimensions, 2)
    )
    return gains.compare(more, two)


def _seconds(evidence: Evidence, dataset: str, method: str) -> float:
    rows = evidence.rows(dataset, method, chapter=CHAPTER)
    return float(np.mean([stages["embed"] for stages in rows["seconds"]]))


def _neighbours(z: np.ndarray) -> np.ndarray:
    """Return the 15 nearest neighbours of every point of a picture."""
    near = NearestNeighbors(n_neighbors=15).fit(z.astype(float))
    return near.kneighbors(return_distance=False)


def _beside(z: np.ndarray, y: np.ndarray) -> dict[int, int]:
    """Return the class whose median is nearest to that of each class."""
    classes = np.unique(y)
    medians = np.array([np.median(z[y == c].astype(float), axis=0) for c in classes])
    distances = np.linalg.norm(medians[:, None] - medians, axis=2)
    np.fill_diagonal(distances, np.inf)
    return dict(zip(classes.tolist(), classes[distances.argmin(axis=1)].tolist(), strict=True))


@CLAIMS
def printed_variance(evidence: Evidence) -> Claim:
    """Shares of two components that the thesis prints."""
    shares = [
        evidence.published(
            dataset="fashion_mnist", method="pca2", metric=f"explained_variance_ratio_{i}"
        )
        for i in (1, 2)
    ]
    return Claim([len(shares), *(100 * share for share in shares)])


@CLAIMS
def time_to_run(evidence: Evidence) -> Claim:
    """Minutes that the embeddings of all images take."""
    minutes = [
        sum(sum(stages.values()) for stages in evidence.rows(d, chapter=CHAPTER)["seconds"]) / 60
        for d in ("mnist", "fashion_mnist")
    ]
    sizes = [evidence.rows(d, chapter=CHAPTER)["n_samples"].min() for d in DATASETS[:2]]
    return Claim(
        [sizes[0], *minutes],
        {"both have this size": len(set(sizes)) == 1, "MNIST takes less": minutes[0] < minutes[1]},
    )


@CLAIMS
def cifar_images(evidence: Evidence) -> Claim:
    """CIFAR-10 is there in part."""
    sizes = evidence.rows("cifar10", chapter=CHAPTER)["n_samples"]
    images = evidence.arrays("01-cifar10")["labels"]
    return Claim(
        [sizes.max(), 10_000],
        {
            "every embedding has them all": sizes.nunique() == 1,
            "some test images are missing": sizes.max() < 10_000,
            "all of them are scored": len(images) == sizes.max(),
        },
    )


@CLAIMS
def one_run_each(evidence: Evidence) -> Claim:
    """Only USPS has several seeds."""
    seeds = {d: evidence.rows(d, chapter=CHAPTER)["seed"].nunique() for d in DATASETS}
    return Claim(
        [seeds["usps"], sum(n == 1 for n in seeds.values())],
        {"every other data set has one": all(n == 1 for d, n in seeds.items() if d != "usps")},
    )


@CLAIMS
def sampled_images(evidence: Evidence) -> Claim:
    """Images that the pictures of MNIST and Fashion-MNIST draw."""
    sizes = {evidence.rows(d, "umap2", chapter=CHAPTER)["n_samples"].max() for d in DATASETS[:2]}
    drawn = {len(np.unique(evidence.arrays(f"01-{d}")["index"])) for d in DATASETS[:2]}
    samples = {
        params["sample"]
        for d in DATASETS[:2]
        for params in evidence.rows(d, "tsne2", chapter=CHAPTER)["params"]
    }
    return Claim(
        [max(sizes), max(samples), max(drawn)],
        {"both data sets are alike": len(sizes) == len(samples) == len(drawn) == 1},
    )


@CLAIMS
def sample_is_favoured(evidence: Evidence) -> Claim:
    """Of a sample t-SNE keeps more neighbours than of all images."""
    kept = {d: _means(evidence, d, ("tsne2", "tsne2 all"), "knn_preservation") for d in _CLUSTERED}
    return Claim(
        [*kept["fashion_mnist"], *kept["mnist"], *kept["usps"]],
        {
            "the sample keeps more on both": all(
                kept[d][0] > kept[d][1] + 0.02 for d in ("fashion_mnist", "mnist")
            ),
            "USPS shows no difference": abs(np.diff(kept["usps"])[0]) < 0.01,
        },
    )


@CLAIMS
def planes(evidence: Evidence) -> Claim:
    """Two components are globally best and locally worst among the pictures of the pixels."""
    others = [name for name in PICTURES if name not in ("pca2", "hog + umap2")]

    def pca_leads(measure: str, sign: int) -> np.ndarray:
        rest = [_everywhere(evidence, name, measure) for name in others]
        return (sign * (_everywhere(evidence, "pca2", measure) - np.array(rest)) > 0.02).all(axis=0)

    return Claim(
        [pca_leads("distance_correlation", 1).sum(), 2],
        {
            "these are all data sets": all(pca_leads("distance_correlation", 1)),
            "neighbours kept are lowest": all(pca_leads("knn_preservation", -1)),
            "15-NN is lowest": all(pca_leads("knn_accuracy", -1)),
        },
    )


@CLAIMS
def fifty_components(evidence: Evidence) -> Claim:
    """Fifty components keep more neighbours than all other embeddings."""
    kept = _everywhere(evidence, "pca50", "knn_preservation")
    others = [name for name in (*PICTURES, "umap10", "umap30") if name != "hog + umap2"]
    rest = np.array([_everywhere(evidence, name, "knn_preservation") for name in others])
    return Claim(
        [kept.min(), kept.max()],
        {"no other embedding keeps as many": bool((kept > rest + 0.02).all())},
    )


@CLAIMS
def scree_at_fifty(evidence: Evidence) -> Claim:
    """Where the cumulative curves end."""
    sums = np.array([evidence.arrays(f"01-{d}")["variance of pca50"].sum() for d in DATASETS])
    lengths = {len(evidence.arrays(f"01-{d}")["variance of pca50"]) for d in DATASETS}
    return Claim(
        [lengths.pop(), 0.8, 0.9],
        {"every sum lies between": bool(((sums > 0.8) & (sums < 0.9)).all())},
    )


@CLAIMS
def variance_digit(evidence: Evidence) -> Claim:
    """Single precision costs the fourth digit."""
    single = _measure(evidence, "fashion_mnist", "pca2", "explained_variance_ratio_1").mean()
    double = _measure(evidence, "fashion_mnist", "pca2", "explained_variance_double_1").mean()
    printed = evidence.published(
        dataset="fashion_mnist", method="pca2", metric="explained_variance_ratio_1"
    )
    return Claim(
        [single, double, printed],
        {
            "the printed share is much nearer to double precision than ours": (
                abs(printed - double) < abs(single - double) / 10
            )
        },
    )


@CLAIMS
def variance_of_fifty(evidence: Evidence) -> Claim:
    """Fifty components hold roughly what the thesis says."""
    held = _measure(evidence, "fashion_mnist", "pca50", "explained_variance_ratio_sum").mean()
    printed = evidence.published(
        dataset="fashion_mnist", method="pca50", metric="explained_variance_ratio_sum"
    )
    return Claim([100 * held, 100 * printed], {"they are near": abs(held - printed) < 0.02})


@CLAIMS
def linear_is_local(evidence: Evidence) -> Claim:
    """Two components lose neighbours and classes."""
    methods = ("pca2", "tsne2 all", "umap2")
    kept = _means(evidence, "fashion_mnist", methods, "knn_preservation")
    classes = _means(evidence, "fashion_mnist", ("raw", "pca2"), "knn_accuracy")
    return Claim(
        [2, 15, *kept, *classes],
        {
            "two components keep less than both": kept[0] < min(kept[1:]) / 2,
            "15-NN falls": classes[1] < classes[0] - 0.1,
        },
    )


@CLAIMS
def linear_is_global(evidence: Evidence) -> Claim:
    """Two components keep the order of distances best."""
    methods = ("pca2", "tsne2 all", "umap2")
    order = _means(evidence, "fashion_mnist", methods, "distance_correlation")
    return Claim([*order, 2], {"two components lead": order[0] > max(order[1:]) + 0.1})


@CLAIMS
def linear_in_fifty(evidence: Evidence) -> Claim:
    """Fifty components are linear, and lose no classes."""
    raw, fifty = _means(evidence, "fashion_mnist", ("raw", "pca50"), "knn_accuracy")
    return Claim([fifty, raw], {"nothing is lost": fifty >= raw})


@CLAIMS
def larger_neighbourhoods(evidence: Evidence) -> Claim:
    """Both settings of the thesis keep about as much of the global structure."""
    before = _everywhere(evidence, "umap2 picture", "distance_correlation")
    after = _everywhere(evidence, "umap2", "distance_correlation")
    on_usps = gains.compare(
        _measure(evidence, "usps", "umap2", "distance_correlation"),
        _measure(evidence, "usps", "umap2 picture", "distance_correlation"),
    )
    falls = after < before
    return Claim(
        [15, 0.1, 30, 0, falls.sum(), on_usps.mean, on_usps.n, np.abs(after - before).max()],
        {
            "it falls where there is one run, and rises on USPS": (
                falls.tolist() == [d != "usps" for d in DATASETS]
            ),
            "the gain on USPS is one by the rule": on_usps.word == "better",
        },
    )


@CLAIMS
def global_structure(evidence: Evidence) -> Claim:
    """K-means does better where the order of distances is lost."""
    order, nmi = {}, {}
    for dataset in _CLUSTERED:
        order[dataset] = _means(evidence, dataset, ("pca50", "umap2"), "distance_correlation")
        nmi[dataset] = [
            scores(evidence.over_all(dataset, f"{name} + k-means"), "nmi").mean()
            for name in ("pca50", "umap2")
        ]
    return Claim(
        [*order["mnist"], *nmi["mnist"]],
        {
            "on all three UMAP keeps less of the order": all(
                b < a - 0.2 for a, b in order.values()
            ),
            "on all three k-means scores higher on UMAP": all(
                b > a + 0.05 for a, b in nmi.values()
            ),
        },
    )


@CLAIMS
def more_dimensions_kept(evidence: Evidence) -> Claim:
    """Neighbours kept by the number of dimensions of UMAP."""
    methods = ("umap2", "umap10", "umap30")
    kept = _means(evidence, "mnist", methods, "knn_preservation")
    classes = _means(evidence, "mnist", methods, "knn_accuracy")
    return Claim(
        [2, 10, 30, *kept, classes[0], classes[-1]],
        {
            "ten dimensions keep more than two": kept[1] > kept[0] + 0.05,
            "thirty keep no more than ten": abs(kept[2] - kept[1]) < 0.01,
            "15-NN hardly moves": np.ptp(classes) < 0.005,
        },
    )


@CLAIMS
def more_dimensions_kmeans(evidence: Evidence) -> Claim:
    """More dimensions of UMAP move k-means hardly, and in both directions."""
    gained = {
        d: [_more_dimensions(evidence, d, "k-means", n, "acc").mean for n in (10, 30)]
        for d in _CLUSTERED
    }
    return Claim(
        [100 * np.abs(list(gained.values())).max()],
        {
            "up on Fashion-MNIST": min(gained["fashion_mnist"]) > 0,
            "down on the others": max(*gained["mnist"], *gained["usps"]) < 0,
        },
    )


@CLAIMS
def more_dimensions_hdbscan(evidence: Evidence) -> Claim:
    """More dimensions of UMAP merge the clusters of HDBSCAN."""
    gained = {d: _more_dimensions(evidence, d, "hdbscan", 30, "acc") for d in _CLUSTERED}
    lost = [-100 * gained[d].mean for d in ("mnist", "usps")]
    return Claim(
        [*lost, 30, 2, gained["mnist"].n],
        {
            "it is worse by the rule": gained["mnist"].word == gained["usps"].word == "worse",
            "Fashion-MNIST is undecided": gained["fashion_mnist"].word == "undecided",
        },
    )


@CLAIMS
def more_dimensions_mixture(evidence: Evidence) -> Claim:
    """More dimensions of UMAP help the mixture on one data set."""
    gained = {d: _more_dimensions(evidence, d, "mixture", 30, "nmi") for d in _CLUSTERED}
    return Claim(
        [30, 100 * gained["fashion_mnist"].mean],
        {
            "it is better by the rule": gained["fashion_mnist"].word == "better",
            "the others are undecided": (
                gained["mnist"].word == gained["usps"].word == "undecided"
            ),
        },
    )


@CLAIMS
def seconds_of_tsne(evidence: Evidence) -> Claim:
    """All images are embedded in minutes today."""
    both = [_seconds(evidence, "fashion_mnist", name) for name in ("tsne2 all", "tsne2")]
    return Claim([70_000, both[0], 10_000, both[1]], {"minutes, not hours": max(both) < 1800})


@CLAIMS
def four_groups(evidence: Evidence) -> Claim:
    """Neighbours in the pictures of UMAP are of the same group of clothes."""
    arrays = evidence.arrays("01-fashion_mnist")
    y = arrays["labels"]
    group = np.empty(10, dtype=int)
    for number, classes in enumerate(_GROUPS):
        group[list(classes)] = number
    same, shirts = {}, {}
    for name in ("umap2 picture", "umap2", "pca2"):
        near = y[_neighbours(arrays[name])]
        same[name] = float((group[near] == group[y][:, None]).mean())
        shirts[name] = float((near[y == _SHIRT] == _SHIRT).mean())
    return Claim(
        [100 * same["umap2"], 15, 2, 100 * same["pca2"]],
        {
            "the settings differ by less than one point": (
                abs(same["umap2"] - same["umap2 picture"]) < 0.01
            ),
            "two components mix the groups more": same["pca2"] < same["umap2"] - 0.1,
        },
    )


@CLAIMS
def shirts(evidence: Evidence) -> Claim:
    """Shirts are lost among the clothes worn above."""
    arrays = evidence.arrays("01-fashion_mnist")
    y = arrays["labels"]
    near = y[_neighbours(arrays["umap2"])]
    share = [float((near[y == c] == c).mean()) for c in range(10)]
    return Claim(
        [100 * share[_SHIRT]],
        {"no class has less": min(range(10), key=share.__getitem__) == _SHIRT},
    )


@CLAIMS
def fashion_picture(evidence: Evidence) -> Claim:
    """Panels of Fashion-MNIST as their alternative text describes them."""
    arrays = evidence.arrays("01-fashion_mnist")
    y = arrays["labels"]
    own = {name: (y[_neighbours(arrays[name])] == y[:, None]).mean() for name in PICTURES}
    beside = {name: _beside(arrays[name], y) for name in ("umap2 picture", "umap2")}
    return Claim(
        [],
        {
            "shoes lie beside shoes": all(
                b[shoe] in (5, 7, 9) for b in beside.values() for shoe in (5, 7, 9)
            ),
            "PCA mixes classes most": own["pca2"] < min(own[n] for n in PICTURES if n != "pca2"),
        },
    )


@CLAIMS
def mnist_islands(evidence: Evidence) -> Claim:
    """Panels of MNIST as their alternative text describes them."""
    arrays = evidence.arrays("01-mnist")
    y = arrays["labels"]
    own = {
        name: (y[_neighbours(arrays[name])] == y[:, None]).mean() for name in (*_ISLANDS, "pca2")
    }
    beside = {name: _beside(arrays[name], y) for name in _ISLANDS}
    return Claim(
        [4, 9],
        {
            "neighbours are of one digit in all but PCA": all(own[n] > 0.85 for n in _ISLANDS),
            "in PCA they are mixed": own["pca2"] < 0.5,
            "4 lies beside 9 in each of them": all(
                b[one] == other for b in beside.values() for one, other in ((4, 9), (9, 4))
            ),
        },
    )


@CLAIMS
def random_start(evidence: Evidence) -> Claim:
    """From a random start t-SNE arranges the classes anew with every seed."""
    by_seed = [
        _measure(evidence, "usps", name, "centroid_correlation") for name in ("tsne2", "tsne2 all")
    ]
    ranges = [value for one in by_seed for value in (one.min(), one.max())]
    return Claim(
        [len(by_seed[0]), *ranges],
        {"a random start scatters far more": by_seed[0].std() > 4 * by_seed[1].std()},
    )


@CLAIMS
def start_from_components(evidence: Evidence) -> Claim:
    """From components t-SNE keeps the order of distances better, seed by seed."""
    gain = gains.compare(
        _measure(evidence, "usps", "tsne2 all", "distance_correlation"),
        _measure(evidence, "usps", "tsne2", "distance_correlation"),
    )
    return Claim(
        [gain.mean, 100 * gains.CONFIDENCE, gain.low, gain.high],
        {"it is better by the rule": gain.word == "better"},
    )


@CLAIMS
def one_arrangement(evidence: Evidence) -> Claim:
    """Single runs on the larger data sets differ less than random starts on USPS."""
    methods = ("tsne2", "tsne2 all", "umap2")
    means = {
        d: _means(evidence, d, methods, "centroid_correlation") for d in ("fashion_mnist", "mnist")
    }
    scatter = np.ptp(_measure(evidence, "usps", "tsne2", "centroid_correlation"))
    spans = [max(several) - min(several) for several in means.values()]
    return Claim(
        [*means["fashion_mnist"], *means["mnist"]],
        {"both spans lie within that of the random starts": max(spans) < scatter},
    )


@CLAIMS
def cifar_pixels(evidence: Evidence) -> Claim:
    """On CIFAR-10 UMAP keeps neighbours, and neighbours are of other classes."""
    raw, umap = _means(evidence, "cifar10", ("raw", "umap2"), "knn_accuracy")
    (trust,) = _means(evidence, "cifar10", ("umap2",), "trustworthiness")
    return Claim(
        [raw, umap, 0.10, trust],
        {
            "UMAP loses some": umap < raw,
            "pixels know little": raw < 0.35,
            "UMAP: trust": trust > 0.8,
        },
    )


@CLAIMS
def cifar_gradients(evidence: Evidence) -> Claim:
    """Gradients help UMAP, and components of the pixels help as much."""
    methods = ("umap2", "hog + umap2", "pca50")
    umap, gradients, components = _means(evidence, "cifar10", methods, "knn_accuracy")
    return Claim(
        [gradients, umap, components],
        {"gradients help UMAP": gradients > umap + 0.05, "components help": components > gradients},
    )


@CLAIMS
def gradients_elsewhere(evidence: Evidence) -> Claim:
    """On images without background gradients separate the classes worse than pixels."""
    lost = _everywhere(evidence, "hog + umap2", "knn_accuracy") - _everywhere(
        evidence, "umap2", "knn_accuracy"
    )
    others = np.array([d != "cifar10" for d in DATASETS])
    return Claim(
        [(lost < 0).sum(), *(-100 * np.sort(lost[others])[[-1, 0]])],
        {"they lose on all others": (lost[others] < -0.01).all()},
    )


@CLAIMS
def cifar_picture(evidence: Evidence) -> Claim:
    """Panels of CIFAR-10 as their alternative text describes them."""
    arrays = evidence.arrays("01-cifar10")
    y = arrays["labels"]
    vehicle = np.isin(y, _VEHICLES)
    own, kind = {}, {}
    for name in PICTURES:
        near = _neighbours(arrays[name])
        own[name] = (y[near] == y[:, None]).mean()
        kind[name] = (vehicle[near] == vehicle[:, None]).mean()
    pixels = [name for name in PICTURES if name != "hog + umap2"]
    return Claim(
        [],
        {
            "with pixels all classes are mixed": max(own[name] for name in pixels) < 0.25,
            "gradients part vehicles from animals best": (
                kind["hog + umap2"] > max(kind[name] for name in pixels) + 0.05
            ),
        },
    )
