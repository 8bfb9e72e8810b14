"""Claims of chapter 02: what its sentences about full-scale results rest on.

Methods are compared run by run with `gains.compare`. "No difference that three seeds show" means
that the interval of the mean difference holds zero.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.autoencoders import CHAPTER, TARGET_RATE
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.gains import Gain, compare, margin_of

CLAIMS = Claims("02")
FASHION = "fashion_mnist"
#: Data sets of denoising and inpainting, in the order of the sentences.
PICTURES = (FASHION, "cifar10")
NOISE = (0.1, 0.2, 0.4)
#: Filters that assume something of all images.
FILTERS = ("non-local means", "wavelet", "total variation")


def _scores(
    evidence: Evidence, method: str, metric: str, dataset: str = FASHION, **params: Any
) -> pd.Series:
    """Return a metric of a method of this chapter by seed."""
    rows = evidence.rows(dataset, method, chapter=CHAPTER, **params)
    return scores(rows, metric).droplevel("dataset")


def _gain(
    evidence: Evidence,
    methods: tuple[str, str],
    metric: str,
    dataset: str = FASHION,
    *,
    higher_is_better: bool = True,
    **params: Any,
) -> Gain:
    """Return by how much the first method is better than the second under one condition."""
    one, other = (_scores(evidence, m, metric, dataset, **params) for m in methods)
    return _compared(one, other, higher_is_better=higher_is_better)


def _compared(one: pd.Series, other: pd.Series, *, higher_is_better: bool = True) -> Gain:
    margin = margin_of(other.mean()) if other.abs().max() > 1 else 0.02
    return compare(one, other, higher_is_better=higher_is_better, margin=margin)


def _open(gain: Gain) -> bool:
    """Return whether the interval holds zero: these runs show no difference."""
    return gain.low <= 0 <= gain.high


# ------------------------------------------------------------------------------- the summary


@CLAIMS
def anomalies_at_sixteen(evidence: Evidence) -> Claim:
    """PCA at 16 components is an easy opponent, PCA at 32 is none."""
    sizes = _sizes(evidence, "nsl_kdd", "anomalies: pca, code size")
    pca = {k: _auc(evidence, "pca, code size", k).mean() for k in sizes}
    own = _auc(evidence, "autoencoder", 16)
    best = max(pca, key=lambda k: pca[k])
    return Claim(
        [16, own.mean(), pca[16], best, pca[best]],
        {
            "PCA is worse at 16 components than at any smaller number": all(
                pca[16] < pca[k] for k in sizes if k < 16
            ),
            "the autoencoder is better than PCA at 16": _compared(
                own, _auc(evidence, "pca, code size", 16)
            ).word
            == "better",
            "PCA at its best size differs from it no more than these runs can tell": _open(
                _compared(own, _auc(evidence, "pca, code size", best))
            ),
        },
    )


@CLAIMS
def penalties_in_short(evidence: Evidence) -> Claim:
    """No penalty gains accuracy in any seed."""
    kinds = ("sparse L1", "sparse KL", "contractive")
    plain = _scores(evidence, "regularised: plain", "knn_acc")
    gains = [_scores(evidence, f"regularised: {kind}", "knn_acc") - plain for kind in kinds]
    wins = sum(int((gain > 0).sum()) for gain in gains)
    return Claim(
        [len(kinds)],
        {
            "no run with a penalty is more accurate than the plain one": wins == 0,
            "noise in training makes no difference that these runs show": _open(
                _gain(evidence, ("regularised: denoising", "regularised: plain"), "knn_acc")
            ),
        },
    )


# ------------------------------------------------------------------------------- 1. linear


def _sizes(evidence: Evidence, dataset: str, method: str) -> list[int]:
    rows = evidence.rows(dataset, method, chapter=CHAPTER)
    return sorted({params["n_codes"] for params in rows["params"]})


@CLAIMS
def linear_is_pca(evidence: Evidence) -> Claim:
    """Linear autoencoders find PCA's error and subspace."""
    sizes = _sizes(evidence, FASHION, "linear: linear")
    ratios, angles = [], []
    for k in sizes:
        own = _scores(evidence, "linear: linear", "mse", n_codes=k)
        ratios += list(own / _scores(evidence, "linear: pca", "mse", n_codes=k) - 1)
        angles += list(_scores(evidence, "linear: linear", "largest_angle_degrees", n_codes=k))
    return Claim(
        [len(sizes), max(angles)],
        {"the errors agree to 0.01 %": bool(np.abs(ratios).max() < 1e-4)},
    )


@CLAIMS
def nonlinear_with_ten(evidence: Evidence) -> Claim:
    """Ten numbers of the nonlinear network do more than thirty-two of PCA."""
    own = _scores(evidence, "linear: nonlinear", "mse", n_codes=10)
    pca = _scores(evidence, "linear: pca", "mse", n_codes=32)
    gain = _compared(own, pca, higher_is_better=False)
    return Claim([10, own.mean(), 32, pca.mean()], {"its error is smaller": gain.word == "better"})


@CLAIMS
def nonlinear_gain(evidence: Evidence) -> Claim:
    """Nonlinear networks are better at every size, and less so with a longer code."""
    sizes = _sizes(evidence, FASHION, "linear: nonlinear")
    pair = ("linear: nonlinear", "linear: pca")
    gains = [_gain(evidence, pair, "mse", higher_is_better=False, n_codes=k) for k in sizes]
    means = [gain.mean for gain in gains]
    return Claim(
        [len(sizes), *means],
        {
            "it is better at every size": all(gain.word == "better" for gain in gains),
            "the gain shrinks as the code grows": means == sorted(means, reverse=True),
        },
    )


# ------------------------------------------------------------------------------- 2. satellite


def _land(evidence: Evidence, method: str, metric: str, n_codes: int) -> pd.Series:
    return _scores(evidence, f"satellite: {method}", metric, "satimage", n_codes=n_codes)


@CLAIMS
def satellite_accuracy(evidence: Evidence) -> Claim:
    """With two numbers the autoencoder is like PCA, and UMAP and t-SNE are better."""
    methods = ("autoencoder", "pca", "umap", "tsne")
    acc = {method: _land(evidence, method, "knn_acc", 2) for method in methods}
    return Claim(
        [2, *(values.mean() for values in acc.values())],
        {
            "autoencoder and PCA do not differ": _open(_compared(acc["autoencoder"], acc["pca"])),
            "UMAP and t-SNE are better than both": all(
                _compared(acc[one], acc[other]).word == "better"
                for one in ("umap", "tsne")
                for other in ("autoencoder", "pca")
            ),
        },
    )


@CLAIMS
def satellite_clusters(evidence: Evidence) -> Claim:
    """Clusters decide nothing between the autoencoder and PCA."""
    gains = [
        _compared(_land(evidence, "autoencoder", metric, 2), _land(evidence, "pca", metric, 2))
        for metric in ("ari", "nmi")
    ]
    return Claim([gains[0].n, 2], {"neither score tells the two apart": all(map(_open, gains))})


@CLAIMS
def satellite_eight(evidence: Evidence) -> Claim:
    """Eight numbers of either kind lose little of all features."""
    features = _land(evidence, "features", "knn_acc", 36)
    lost = [
        100 * (features - _land(evidence, method, "knn_acc", 8)).mean()
        for method in ("autoencoder", "pca")
    ]
    return Claim(
        [8, lost[0], 36, 8, lost[1]],
        {"both lose less than one point": max(lost) < 1, "PCA loses less": lost[1] < lost[0]},
    )


@CLAIMS
def satellite_runs(evidence: Evidence) -> Claim:
    """Two runs share about half of the neighbours."""
    shared = _land(evidence, "autoencoder", "shared_neighbours", 2)
    disparity = _land(evidence, "autoencoder", "disparity", 2)
    return Claim(
        [2, 100 * shared.mean(), 15, disparity.mean()],
        {"neighbourhoods persist in part only": bool(shared.between(0.25, 0.75).all())},
    )


# ------------------------------------------------------------------------------- 3. denoising


def _psnr(evidence: Evidence, dataset: str, method: str, noise: float) -> pd.Series:
    return _scores(evidence, f"denoising: {method}", "psnr", dataset, noise=noise)


def _best_filter(evidence: Evidence, dataset: str, noise: float) -> pd.Series:
    return max(
        (_psnr(evidence, dataset, name, noise) for name in FILTERS), key=lambda psnr: psnr.mean()
    )


LINEAR = ("denoising: wiener", "denoising: autoencoder")


@CLAIMS
def linear_filter(evidence: Evidence) -> Claim:
    """No network is ahead of the linear filter in any setting."""
    settings = list(itertools.product(PICTURES, NOISE))
    networks = ("autoencoder", "autoencoder, perceptual")
    ahead = sum(
        any(
            _compared(
                _psnr(evidence, data, name, noise), _psnr(evidence, data, "wiener", noise)
            ).word
            == "better"
            for name in networks
        )
        for data, noise in settings
    )
    n = len(_psnr(evidence, FASHION, "wiener", NOISE[0]))
    return Claim([ahead, len(settings), n], {"no network is ahead anywhere": ahead == 0})


@CLAIMS
def linear_on_photographs(evidence: Evidence) -> Claim:
    """On CIFAR-10 the linear filter is the best of all."""
    gains = [_gain(evidence, LINEAR, "psnr", "cifar10", noise=noise) for noise in NOISE]
    others = ("autoencoder", "autoencoder, perceptual", *FILTERS)
    best = all(
        _gain(evidence, (LINEAR[0], f"denoising: {name}"), metric, "cifar10", noise=noise).word
        == "better"
        for noise in NOISE
        for name in others
        for metric in ("psnr", "ssim")
    )
    return Claim(
        [len(NOISE), *(gain.mean for gain in gains)],
        {"it is better than every other method, by PSNR and SSIM": best},
    )


@CLAIMS
def linear_on_clothes(evidence: Evidence) -> Claim:
    """On Fashion-MNIST the linear filter leads at weak noise by PSNR, and not by SSIM."""
    psnr, ssim = (
        {noise: _gain(evidence, LINEAR, metric, noise=noise) for noise in NOISE}
        for metric in ("psnr", "ssim")
    )
    return Claim(
        [psnr[0.1].mean, 0.1, psnr[0.1].n, 0.2, 0.4, 0.1, 0.2],
        {
            "its PSNR is higher at 0.1": psnr[0.1].word == "better",
            "PSNR does not differ at 0.2 and 0.4": _open(psnr[0.2]) and _open(psnr[0.4]),
            "the autoencoder has the higher SSIM at 0.1 and 0.2": ssim[0.1].word
            == ssim[0.2].word
            == "worse",
        },
    )


@CLAIMS
def noise_in_short(evidence: Evidence) -> Claim:
    """At the level of the table the linear filter leads on CIFAR-10; on clothes none does."""
    clothes = [_psnr(evidence, FASHION, name, 0.2) for name in ("autoencoder", "wiener")]
    lead = _gain(evidence, LINEAR, "psnr", "cifar10", noise=0.2)
    best = _best_filter(evidence, FASHION, 0.2)
    return Claim(
        [lead.mean, lead.n],
        {
            "the linear filter is better on CIFAR-10": lead.word == "better",
            "the autoencoder differs from neither on clothes": all(
                _open(_compared(clothes[0], other)) for other in (clothes[1], best)
            ),
        },
    )


@CLAIMS
def denoising_weak(evidence: Evidence) -> Claim:
    """At weak noise non-local means is ahead."""
    gains = [
        _gain(
            evidence,
            ("denoising: non-local means", "denoising: autoencoder"),
            "psnr",
            dataset,
            noise=0.1,
        )
        for dataset in PICTURES
    ]
    return Claim(
        [0.1, *(gain.mean for gain in gains)],
        {"the filter is better on both": all(gain.word == "better" for gain in gains)},
    )


@CLAIMS
def denoising_untouched(evidence: Evidence) -> Claim:
    """At weak noise the autoencoder gains nothing on Fashion-MNIST."""
    own, noisy = (_psnr(evidence, FASHION, m, 0.1) for m in ("autoencoder", "noisy"))
    gain = _compared(own, noisy)
    return Claim([noisy.mean(), own.mean(), gain.n], {"the interval holds zero": _open(gain)})


@CLAIMS
def denoising_strong(evidence: Evidence) -> Claim:
    """At strong noise the autoencoder is ahead of the filters that learn nothing."""
    gains = [
        _compared(_psnr(evidence, data, "autoencoder", 0.4), _best_filter(evidence, data, 0.4))
        for data in PICTURES
    ]
    return Claim(
        [0.4, len(FILTERS), *(gain.mean for gain in gains)],
        {"it is better on both": all(gain.word == "better" for gain in gains)},
    )


@CLAIMS
def perceptual_loss(evidence: Evidence) -> Claim:
    """Perceptual loss makes no difference that shows."""
    pair = ("denoising: autoencoder, perceptual", "denoising: autoencoder")
    settings = list(itertools.product(PICTURES, NOISE))
    gains = [
        [_gain(evidence, pair, metric, data, noise=noise) for metric in ("psnr", "acc")]
        for data, noise in settings
    ]
    decided = sum(not all(map(_open, both)) for both in gains)
    return Claim(
        [decided, len(settings), gains[0][0].n],
        {"no interval leaves out zero": decided == 0},
    )


@CLAIMS
def perceptual_psnr(evidence: Evidence) -> Claim:
    """Training on features gives the higher PSNR on average."""
    pair = ("denoising: autoencoder, perceptual", "denoising: autoencoder")
    gains = [
        _gain(evidence, pair, "psnr", data, noise=noise)
        for data, noise in itertools.product(PICTURES, NOISE)
    ]
    params = evidence.rows(FASHION, "denoising: autoencoder", chapter=CHAPTER)["params"].iloc[0]
    return Claim(
        [len(gains), params["epochs"], params["rows"]],
        {"its mean is higher in all settings": all(gain.mean > 0 for gain in gains)},
    )


@CLAIMS
def judging_classifier(evidence: Evidence) -> Claim:
    """Few CIFAR-10 images are recognised even when they are clean."""
    rows = evidence.rows("cifar10", "denoising: clean", chapter=CHAPTER, noise=0.1)
    acc = scores(rows, "acc").mean()
    n = rows["params"].iloc[0]["n_test"]
    error = np.sqrt(acc * (1 - acc) / n)
    return Claim([100 * acc, n, 100 * error], {"it is wrong more often than right": acc < 0.5})


# ------------------------------------------------------------------------------- 4. inpainting


def _filled(evidence: Evidence, mask: str, metric: str) -> list[Gain]:
    """Return by how much interpolation is better than the autoencoder, by data set."""
    pair = ("inpainting: biharmonic", "inpainting: autoencoder")
    return [_gain(evidence, pair, metric, data, mask=mask) for data in PICTURES]


@CLAIMS
def inpainting_blocks(evidence: Evidence) -> Claim:
    """Blocks: the autoencoder on clothes, interpolation on photographs."""
    clothes, photographs = _filled(evidence, "block", "psnr")
    ssim = _filled(evidence, "block", "ssim")
    return Claim(
        [-clothes.mean, photographs.mean],
        {
            "the autoencoder is better on clothes, by SSIM too": clothes.word
            == ssim[0].word
            == "worse",
            "interpolation is better on photographs, by SSIM too": photographs.word
            == ssim[1].word
            == "better",
        },
    )


@CLAIMS
def inpainting_scattered(evidence: Evidence) -> Claim:
    """Scattered pixels are interpolation's on photographs, and by SSIM on clothes."""
    clothes, photographs = _filled(evidence, "random", "psnr")
    ssim = _filled(evidence, "random", "ssim")
    return Claim(
        [photographs.mean, ssim[0].mean, clothes.mean],
        {
            "interpolation is better on photographs": photographs.word == "better",
            "interpolation has the better SSIM on clothes": ssim[0].word == "better",
            "PSNR on clothes is not decided": _open(clothes),
        },
    )


def _map(evidence: Evidence, metric: str) -> tuple[pd.Series, pd.Series]:
    """Return an error on the map: of interpolation, and of the autoencoder."""
    own, other = (
        _scores(evidence, f"inpainting: {method}", metric, "elevation")
        for method in ("biharmonic", "autoencoder")
    )
    return own, other


@CLAIMS
def map_errors(evidence: Evidence) -> Claim:
    """On the map interpolation is better in every run."""
    height, volume = _map(evidence, "rmse_m"), _map(evidence, "volume_error_percent")
    return Claim(
        [*(values.mean() for values in (*height, *volume))],
        {
            "both errors are smaller in every seed": bool(
                ((height[0] < height[1]) & (volume[0] < volume[1])).all()
            )
        },
    )


@CLAIMS
def map_settled(evidence: Evidence) -> Claim:
    """Only the volume is settled by so few runs."""
    height, volume = (
        _compared(*_map(evidence, metric), higher_is_better=False)
        for metric in ("rmse_m", "volume_error_percent")
    )
    return Claim(
        [height.n],
        {
            "the volume is settled": volume.word == "better",
            "the height is not": _open(height),
        },
    )


# ------------------------------------------------------------------------------- 5. compression


def _photographs(evidence: Evidence, method: str, metric: str, **params: Any) -> float:
    values = _scores(evidence, f"compression: {method}", metric, "photographs", **params)
    return float(values.mean())


@CLAIMS
def compression_at_rate(evidence: Evidence) -> Claim:
    """At the rate of the lecture both codecs are better."""
    metric = f"psnr_at_{TARGET_RATE:g}"
    psnr = {
        method: _photographs(evidence, method, metric, how="interpolated")
        for method in ("autoencoder", "jpeg", "jpeg 2000")
    }
    best = _scores(
        evidence, "compression: autoencoder", metric, "photographs", how="interpolated"
    ).max()
    return Claim(
        [TARGET_RATE, psnr["autoencoder"], psnr["jpeg"], 2000, psnr["jpeg 2000"]],
        {
            "the best run of the autoencoder is worse than JPEG": best < psnr["jpeg"],
            "JPEG 2000 is best": psnr["jpeg"] < psnr["jpeg 2000"],
        },
    )


@CLAIMS
def compression_at_most(evidence: Evidence) -> Claim:
    """Four times the bits do not help the autoencoder."""
    own = [_photographs(evidence, "autoencoder", m, setting=0.7) for m in ("bpp", "psnr")]
    codec = [_photographs(evidence, "jpeg 2000", m, setting=107) for m in ("psnr", "bpp")]
    return Claim(
        [*own, 2000, *codec],
        {"the codec is better at fewer bits": own[1] < codec[0] and codec[1] < own[0]},
    )


# ------------------------------------------------------------------------------- 6. anomalies


def _auc(evidence: Evidence, method: str, n_codes: int | None = None) -> pd.Series:
    params = {} if n_codes is None else {"n_codes": n_codes}
    return _scores(evidence, f"anomalies: {method}", "auc", "nsl_kdd", **params)


@CLAIMS
def anomalies_order(evidence: Evidence) -> Claim:
    """Detectors that need no size of a code are behind the autoencoder."""
    own = _auc(evidence, "autoencoder", 16)
    others = [_auc(evidence, name) for name in ("isolation forest", "local outlier factor")]
    return Claim(
        [16, own.mean(), *(other.mean() for other in others)],
        {"it is better than both": all(_compared(own, o).word == "better" for o in others)},
    )


@CLAIMS
def anomalies_range(evidence: Evidence) -> Claim:
    """Size matters little for the network and much for PCA."""
    sizes = _sizes(evidence, "nsl_kdd", "anomalies: autoencoder, code size")
    own, pca = (
        {k: _auc(evidence, f"{method}, code size", k).mean() for k in sizes}
        for method in ("autoencoder", "pca")
    )
    worst, best = min(pca, key=lambda k: pca[k]), max(pca, key=lambda k: pca[k])
    return Claim(
        [len(sizes), min(own.values()), max(own.values()), pca[worst], worst, pca[best], best],
        {
            "the range of PCA is wider": max(own.values()) - min(own.values())
            < 0.2 * (pca[best] - pca[worst])
        },
    )


@CLAIMS
def anomalies_verdict(evidence: Evidence) -> Claim:
    """Against PCA the verdict depends on the number of components."""
    own = _auc(evidence, "autoencoder", 16)
    sizes = _sizes(evidence, "nsl_kdd", "anomalies: pca, code size")
    gains = {k: _compared(own, _auc(evidence, "pca, code size", k)) for k in sizes}
    better = [k for k, gain in gains.items() if gain.word == "better"]
    same = [k for k, gain in gains.items() if gain.word == "no difference"]
    return Claim(
        [16, *better, 100 * gains[16].mean, 16, *same],
        {
            "these are all sizes": sorted(better + same) == sizes,
            "it is better at 16": 16 in better,
        },
    )


@CLAIMS
def anomalies_errors(evidence: Evidence) -> Claim:
    """Anomalies are reconstructed better with every larger code."""
    method = "anomalies: autoencoder, code size"
    sizes = _sizes(evidence, "nsl_kdd", method)
    medians = [
        _scores(evidence, method, "error_anomalous", "nsl_kdd", n_codes=k).mean() for k in sizes
    ]
    return Claim(
        [medians[0], sizes[0], medians[-1], sizes[-1]],
        {"the median error falls at every step": medians == sorted(medians, reverse=True)},
    )


@CLAIMS
def anomalies_threshold(evidence: Evidence) -> Claim:
    """Count alarms at the threshold that was set in training."""
    found = {
        metric: 100 * _scores(evidence, "anomalies: autoencoder", metric, "nsl_kdd").mean()
        for metric in ("false_alarms", "recall_probe", "recall_r2l")
    }
    return Claim(
        [5, *found.values()],
        {"there are more false alarms than promised": found["false_alarms"] > 5},
    )


# ------------------------------------------------------------------------------- 7. generation


def _frechet(evidence: Evidence, method: str) -> pd.Series:
    return _scores(evidence, f"generation: {method}", "frechet")


@CLAIMS
def generation_order(evidence: Evidence) -> Claim:
    """Mixtures on plain codes do what the VAE does; normal codes are worst."""
    made = ("autoencoder mixture", "vae", "pca mixture", "autoencoder normal")
    far = {name: _frechet(evidence, name) for name in (*made, "autoencoder gaussian")}
    far["pca gaussian"] = _frechet(evidence, "pca gaussian")
    mixture, vae, pca, normal = (far[name] for name in made)
    worst = max(far, key=lambda name: far[name].mean())
    return Claim(
        [mixture.mean(), vae.mean(), pca.mean(), normal.mean()],
        {
            "mixture and VAE do not differ": _open(_compared(vae, mixture)),
            "both are better than the mixture on PCA": all(
                _compared(one, pca, higher_is_better=False).word == "better"
                for one in (mixture, vae)
            ),
            "normal codes are the worst": worst == "autoencoder normal",
        },
    )


@CLAIMS
def generation_copies(evidence: Evidence) -> Claim:
    """No method copies training images."""
    names = [
        f"{codes} {drawn}"
        for codes, drawn in itertools.product(("autoencoder", "pca"), ("gaussian", "mixture"))
    ]
    names += ["autoencoder normal", "vae"]
    near = [_scores(evidence, f"generation: {name}", "nearest").mean() for name in names]
    return Claim([min(near), max(near)], {"all are far from zero": min(near) > 0.5})


# ------------------------------------------------------------------------------- 8. few labels

LEARNERS = ("fine-tuned", "from scratch", "frozen codes", "pca", "pixels", "umap")


def _with_labels(evidence: Evidence, labels: int) -> dict[str, pd.Series]:
    return {
        name: _scores(evidence, f"few labels: {name}", "acc", labels=labels) for name in LEARNERS
    }


def _numbers_of_labels(evidence: Evidence) -> list[int]:
    rows = evidence.rows(FASHION, "few labels: fine-tuned", chapter=CHAPTER)
    return sorted({params["labels"] for params in rows["params"]})


@CLAIMS
def pretraining(evidence: Evidence) -> Claim:
    """Pretraining gains nothing that shows at any number of labels."""
    acc = [_with_labels(evidence, labels) for labels in _numbers_of_labels(evidence)]
    gains = [_compared(one["fine-tuned"], one["from scratch"]) for one in acc]
    decided = sum(not _open(gain) for gain in gains)
    return Claim([decided, len(gains), gains[0].n], {"no interval leaves out zero": decided == 0})


@CLAIMS
def pretraining_size(evidence: Evidence) -> Claim:
    """No mean difference is large."""
    acc = [_with_labels(evidence, labels) for labels in _numbers_of_labels(evidence)]
    means = [abs(_compared(one["fine-tuned"], one["from scratch"]).mean) for one in acc]
    return Claim([100 * max(means)], {"it is small": max(means) < 0.02})


@CLAIMS
def umap_with_few_labels(evidence: Evidence) -> Claim:
    """With 10 or 30 labels UMAP's features are the best."""
    few = [_with_labels(evidence, labels) for labels in (10, 30)]
    best = all(
        _compared(one["umap"], one[name]).word == "better"
        for one in few
        for name in LEARNERS
        if name != "umap"
    )
    leads = [100 * _compared(one["umap"], one["fine-tuned"]).mean for one in few]
    return Claim([10, 30, *leads], {"they are better than all others": best})


@CLAIMS
def hundred_labels(evidence: Evidence) -> Claim:
    """With a hundred labels nothing differs from the fine-tuned network."""
    acc = _with_labels(evidence, 100)
    gains = [_compared(acc["fine-tuned"], acc[name]) for name in LEARNERS if name != "fine-tuned"]
    return Claim(
        [100, len(gains), gains[0].n], {"no interval leaves out zero": all(map(_open, gains))}
    )


@CLAIMS
def many_labels(evidence: Evidence) -> Claim:
    """With 1,000 labels or more the networks are best and UMAP's features worst."""
    counts = [labels for labels in _numbers_of_labels(evidence) if labels >= 1000]
    many = [_with_labels(evidence, labels) for labels in counts]
    leads = [100 * _compared(one["fine-tuned"], one["pixels"]).mean for one in (many[0], many[-1])]
    features = ("pixels", "pca", "frozen codes")
    return Claim(
        [counts[0], leads[0], counts[0], leads[1], counts[-1]],
        {
            "both networks are better than every regression": all(
                _compared(one[network], one[name]).word == "better"
                for one in many
                for network in ("fine-tuned", "from scratch")
                for name in (*features, "umap")
            ),
            "UMAP is worse than all others": all(
                _compared(one["umap"], one[name]).word == "worse"
                for one in many
                for name in features
            ),
        },
    )


# ------------------------------------------------------------------------------- 9. code size


def _described(evidence: Evidence, method: str, metric: str, n_codes: int) -> pd.Series:
    return _scores(evidence, f"code size: {method}", metric, n_codes=n_codes)


@CLAIMS
def ten_or_thirty_two(evidence: Evidence) -> Claim:
    """Thirty-two numbers describe classes no better than ten."""
    acc, nmi = (
        {k: _described(evidence, "autoencoder", metric, k) for k in (10, 32)}
        for metric in ("knn_acc", "nmi")
    )
    return Claim(
        [10, acc[10].mean(), 32, acc[32].mean(), nmi[10].mean(), nmi[32].mean()],
        {
            "accuracy does not differ": _open(_compared(acc[32], acc[10])),
            "NMI is lower with 32": _compared(nmi[32], nmi[10]).word == "worse",
        },
    )


@CLAIMS
def ten_components(evidence: Evidence) -> Claim:
    """Ten numbers of the autoencoder beat ten components, but in ARI."""
    pairs = {
        metric: [_described(evidence, method, metric, 10) for method in ("autoencoder", "pca")]
        for metric in ("knn_acc", "nmi", "ari")
    }
    gains = {metric: _compared(*pair) for metric, pair in pairs.items()}
    return Claim(
        [10, pairs["knn_acc"][1].mean(), pairs["nmi"][1].mean(), gains["ari"].n],
        {
            "accuracy and NMI are better": gains["knn_acc"].word == gains["nmi"].word == "better",
            "ARI is not decided": _open(gains["ari"]),
        },
    )


@CLAIMS
def dimensions(evidence: Evidence) -> Claim:
    """Both estimates lie between ten and thirty-two."""
    estimates = [
        _scores(evidence, f"code size: {name}", "dimension").mean()
        for name in ("likelihood of distances", "two neighbours")
    ]
    sizes = _sizes(evidence, FASHION, "code size: autoencoder")
    beyond = [k for k in sizes if k > max(estimates)]
    return Claim(
        [*estimates, len(beyond), *beyond],
        {"one size lies beyond both": len(beyond) == 1},
    )


# ------------------------------------------------------------------------------- 10. categories


def _ap(evidence: Evidence, method: str, metric: str = "ap") -> pd.Series:
    return _scores(evidence, f"new categories: {method}", metric)


@CLAIMS
def joint_umap(evidence: Evidence) -> Claim:
    """UMAP fitted on all images finds most of what is new."""
    names = ("pixels + joint umap", "autoencoder + joint umap", "pixels")
    ap = [_ap(evidence, name) for name in names]
    every = evidence.rows(FASHION, lambda m: m.startswith("new categories"), chapter=CHAPTER)
    means = {method: scores(rows, "ap").mean() for method, rows in every.groupby("method")}
    order = sorted(means, key=lambda method: -means[method])
    return Claim(
        [values.mean() for values in ap],
        {
            "the joint plane of pixels is best": order[0] == "new categories: pixels + joint umap",
            "it is better than that of the codes, and than pixels": all(
                _compared(ap[0], other).word == "better" for other in ap[1:]
            ),
        },
    )


@CLAIMS
def joint_codes(evidence: Evidence) -> Claim:
    """Three seeds do not decide between the joint plane of codes and pixels."""
    gain = _compared(_ap(evidence, "autoencoder + joint umap"), _ap(evidence, "pixels"))
    return Claim([gain.n], {"the interval holds zero": _open(gain)})


@CLAIMS
def transformed_planes(evidence: Evidence) -> Claim:
    """Planes into which new images are only transformed hide them."""
    spaces = {
        "pixels + umap": "pixels",
        "autoencoder + umap": "autoencoder codes",
        "classifier + umap": "classifier features",
    }
    planes = {name: _ap(evidence, name) for name in spaces}
    means = [values.mean() for values in planes.values()]
    chance = _ap(evidence, "pixels", "unknown_share").mean()
    return Claim(
        [len(spaces), min(means), max(means), chance],
        {
            "each is worse than the space it was made from": all(
                _compared(planes[name], _ap(evidence, space)).word == "worse"
                for name, space in spaces.items()
            )
        },
    )


@CLAIMS
def parametric_planes(evidence: Evidence) -> Claim:
    """Parametric UMAP hides less than transforming, and no less than nothing."""
    ap = {
        name: _ap(evidence, f"{name} + parametric umap") for name in ("autoencoder", "classifier")
    }
    codes = _ap(evidence, "autoencoder codes")
    return Claim(
        [ap["autoencoder"].mean(), ap["classifier"].mean(), codes.mean()],
        {
            "both are better than transforming": all(
                _compared(values, _ap(evidence, f"{name} + umap")).word == "better"
                for name, values in ap.items()
            ),
            "the codes themselves are better": _compared(ap["autoencoder"], codes).word == "worse",
        },
    )


@CLAIMS
def held_out(evidence: Evidence) -> Claim:
    """Every seed holds out the same classes."""
    rows = evidence.rows(FASHION, "new categories: pixels", chapter=CHAPTER)
    unknown = [frozenset(params["unknown"]) for params in rows["params"]]
    same = len(set(unknown)) == 1
    return Claim([len(unknown[0]), 10, len(unknown[0])], {"all seeds hold out the same": same})


@CLAIMS
def classifier_confidence(evidence: Evidence) -> Claim:
    """Confidence of the classifier is hardly better than chance."""
    ap, share = (
        _ap(evidence, "classifier confidence", metric) for metric in ("ap", "unknown_share")
    )
    return Claim(
        [ap.mean(), share.mean()],
        {"it gains less than a tenth on chance": ap.mean() - share.mean() < 0.1},
    )


# ------------------------------------------------------------------------------- 11. penalties


def _kind(evidence: Evidence, kind: str, metric: str) -> pd.Series:
    return _scores(evidence, f"regularised: {kind}", metric)


@CLAIMS
def noise_in_training(evidence: Evidence) -> Claim:
    """Noise in training helps noisy rows and costs clean ones."""
    noisy, clean = (
        [_kind(evidence, kind, metric) for kind in ("plain", "denoising")]
        for metric in ("mse_noisy", "mse")
    )
    return Claim(
        [values.mean() for values in (*noisy, *clean)],
        {
            "the error of noisy rows falls": _compared(
                noisy[1], noisy[0], higher_is_better=False
            ).word
            == "better",
            "that of clean rows rises": _compared(clean[1], clean[0], higher_is_better=False).word
            == "worse",
        },
    )


@CLAIMS
def noise_and_accuracy(evidence: Evidence) -> Claim:
    """Noise in training does not show in accuracy, NMI or ARI."""
    gains = [
        _compared(_kind(evidence, "denoising", metric), _kind(evidence, "plain", metric))
        for metric in ("knn_acc", "nmi", "ari")
    ]
    return Claim([gains[0].n], {"every interval holds zero": all(map(_open, gains))})


@CLAIMS
def penalties_and_accuracy(evidence: Evidence) -> Claim:
    """Two penalties cost accuracy; the others do not show."""
    plain = _kind(evidence, "plain", "knn_acc")
    gains = {
        kind: _compared(_kind(evidence, kind, "knn_acc"), plain)
        for kind in ("contractive", "sparse L1", "sparse KL", "stacked")
    }
    costly, others = ("contractive", "sparse L1"), ("sparse KL", "stacked")
    return Claim(
        [*(-100 * gains[kind].mean for kind in costly), gains["stacked"].n],
        {
            "both cost accuracy": all(gains[kind].word == "worse" for kind in costly),
            "the others do not show": all(_open(gains[kind]) for kind in others),
        },
    )
