"""Use 3: remove noise, by a convolutional denoising autoencoder, a linear filter, and three more.

The network learns from clean images of the same kind. So does the linear `wiener` filter, which
is to it what PCA is to an autoencoder without noise.
Three filters assume something of all images instead, and get their best strength on training
images. All filters are told the true noise level.
Scikit-image has no BM3D, the usual reference: the wavelet shrinkage here is simpler.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from skimage import metrics, restoration
from sklearn.decomposition import PCA

from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.splits import draw_images
from latentbook.chapters.autoencoders.study import flat, principal_components, result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between
from latentbook.study.result import Result, Score

#: Images in the figure.
SHOWN = 3
#: The network trains on images whose noise lies between these shares of the extreme levels.
MARGIN = (0.5, 1.1)

Filter = Callable[[np.ndarray, float, Any], np.ndarray]


def _non_local_means(image: np.ndarray, noise: float, strength: float) -> np.ndarray:
    filtered = restoration.denoise_nl_means(
        image, patch_size=5, h=strength * noise, sigma=noise, fast_mode=True, channel_axis=-1
    )
    return filtered.reshape(image.shape)  # it drops the axis of a single channel


def _wavelet(image: np.ndarray, noise: float, strength: tuple[str, str]) -> np.ndarray:
    method, wavelet = strength
    return restoration.denoise_wavelet(
        image,
        sigma=noise,
        wavelet=wavelet,
        method=method,
        convert2ycbcr=image.shape[-1] == 3,
        rescale_sigma=True,
        channel_axis=-1,
    )


def _total_variation(image: np.ndarray, noise: float, strength: float) -> np.ndarray:
    return restoration.denoise_tv_chambolle(image, weight=strength * noise, channel_axis=-1)


#: Name -> (filter, strengths to choose from on training images).
FILTERS: dict[str, tuple[Filter, tuple[Any, ...]]] = {
    "non-local means": (_non_local_means, (0.2, 0.4, 0.6, 0.8, 1.0)),
    "wavelet": (
        _wavelet,
        tuple((m, w) for m in ("BayesShrink", "VisuShrink") for w in ("haar", "db2")),
    ),
    "total variation": (_total_variation, (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)),
}


def different(y: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of at most `n` samples of different classes, the first of each."""
    return np.unique(y, return_index=True)[1][:n]


def add_noise(x: np.ndarray, noise: float, random_state: int) -> np.ndarray:
    """Return `x` with Gaussian noise of standard deviation `noise`, not clipped, float32."""
    draws = np.random.default_rng([random_state, round(1e6 * noise)]).standard_normal(x.shape)
    return (x + noise * draws).astype(np.float32)


def quality(clean: np.ndarray, restored: np.ndarray) -> dict[str, float]:
    """Return mean ``psnr`` in dB and mean ``ssim`` over images in [0, 1]."""
    psnr = [
        metrics.peak_signal_noise_ratio(a, b, data_range=1)
        for a, b in zip(clean, restored, strict=True)
    ]
    ssim = [similarity(a, b) for a, b in zip(clean, restored, strict=True)]
    return {"psnr": float(np.mean(psnr)), "ssim": float(np.mean(ssim))}


def similarity(clean: np.ndarray, restored: np.ndarray) -> float:
    """Return the structural similarity of two images of shape (height, width, channels)."""
    return float(metrics.structural_similarity(clean, restored, data_range=1, channel_axis=-1))


def apply_filter(name: str, noisy: np.ndarray, noise: float, strength: Any) -> np.ndarray:
    """Return every image of `noisy` after the named filter, clipped to [0, 1]."""
    filtered = [FILTERS[name][0](image, noise, strength) for image in noisy]
    return np.clip(filtered, 0, 1).astype(np.float32)


def tune(name: str, clean: np.ndarray, noise: float, random_state: int) -> Any:
    """Return the strength of the named filter that gives the largest PSNR on training images."""
    noisy = add_noise(clean, noise, random_state)
    return max(
        FILTERS[name][1],
        key=lambda s: quality(clean, apply_filter(name, noisy, noise, s))["psnr"],
    )


def all_components(clean: np.ndarray) -> PCA:
    """Return the mean of clean images and all principal components, which `wiener` needs."""
    x = flat(clean).astype(np.float64)
    return principal_components(x, min(x.shape))


def wiener(noisy: np.ndarray, noise: float, components: PCA) -> np.ndarray:
    r"""Return the linear estimate of the clean images, clipped to [0, 1].

    Of all functions :math:`A y + b` of a noisy image :math:`y` it has the least mean squared error:
    :math:`\mu + C (C + \sigma^2 I)^{-1} (y - \mu)`, with the mean :math:`\mu` and the covariance
    :math:`C` of clean images. Along each principal component the deviation from the mean is
    multiplied by its share of variance that is not noise.

    Parameters
    ----------
    noisy : array of shape (n, height, width, channels)
    noise : float
        True standard deviation of the noise.
    components : PCA
        As `all_components` returns them.

    Returns
    -------
    array of float32, of the shape of `noisy`
    """
    variance = components.explained_variance_
    codes = components.transform(flat(noisy)) * variance / (variance + noise**2)
    estimate = components.inverse_transform(codes).reshape(noisy.shape)
    return np.clip(estimate, 0, 1).astype(np.float32)


def check(noise_levels: Sequence[float], n_train: int, n_tune: int) -> None:
    """Raise `LatentbookError` for impossible levels, or if PyWavelets is missing."""
    if not noise_levels:
        raise LatentbookError("noise_levels is empty: give at least one, such as 0.1")
    for noise in noise_levels:
        check_between("a noise level", noise, 0.01, 1)
    check_between("n_tune", n_tune, 1, n_train)
    if importlib.util.find_spec("pywt") is None:
        raise LatentbookError(
            "the wavelet filter needs the package PyWavelets: install it (pip install PyWavelets)"
        )


def run(
    data: Dataset,
    *,
    random_state: int,
    noise_levels: Sequence[float],
    n_train: int,
    n_test: int,
    n_tune: int,
    filters: int,
    epochs: int,
    classifier_epochs: int,
    batch_size: int,
    progress: bool = True,
) -> Result:
    """Train the autoencoders once for all noise levels, and compare them with the filters.

    Parameters
    ----------
    data
        Images with classes.
    noise_levels
        Standard deviations of the Gaussian noise, in units of the range of the pixels.
    n_train, n_test, n_tune
        Training images, held-out images, and training images on which the filters are tuned.
    filters, epochs, batch_size
        Of the autoencoders.
    classifier_epochs
        Of the two classifiers: one half of the training images trains the classifier whose
        features make the perceptual loss, the other half the one that judges all methods.

    Returns
    -------
    Result
        Metrics ``psnr``, ``ssim`` and ``acc`` (of the judging classifier) by method and
        ``noise``; methods ``clean`` and ``noisy`` are the images before and after the noise.

    Raises
    ------
    LatentbookError
        For tables, too few images, impossible noise levels, and a missing PyWavelets.
    """
    from latentbook.autoencoders import restoration as networks

    check(noise_levels, n_train, n_tune)
    part = draw_images(data, n_train=n_train, n_test=n_test, random_state=random_state)
    networks.check_divisible(part.train.shape[1:], 2)
    judges = [
        networks.classifier(
            part.train[half::2],
            part.y_train[half::2],
            len(data.classes),
            filters=filters,
            epochs=classifier_epochs,
            batch_size=batch_size,
            seed=2 * random_state + half,
            progress=progress,
        )
        for half in (0, 1)
    ]
    span = (MARGIN[0] * min(noise_levels), MARGIN[1] * max(noise_levels))
    losses = {
        "autoencoder": ("mean_squared_error", "mse"),
        "autoencoder, perceptual": networks.perceptual_loss(judges[0], part.train),
    }
    trained = {}
    for name, (loss, text) in losses.items():
        built = networks.denoiser(
            part.train.shape[1:], filters=filters, noise=span, seed=random_state
        )
        history = networks.train(
            built.model,
            part.train,
            loss=loss,
            key=built.description | {"noise": span, "loss": text},
            epochs=epochs,
            batch_size=batch_size,
            seed=random_state,
            progress=progress,
        )
        trained[name] = built, sum(history["seconds"])
    start = time.perf_counter()
    components = all_components(part.train)
    linear = components, time.perf_counter() - start
    params = {"rows": n_train, "epochs": epochs, "filters": filters}
    scores: list[Score] = []
    arrays: dict[str, np.ndarray] = {}
    for noise in noise_levels:
        restored = _restore(trained, linear, part.train[:n_tune], part.test, noise, random_state)
        for name, (images, seconds, extra) in restored.items():
            found = {"acc": judges[1].accuracy(images, part.y_test)}
            if name != "clean":
                found |= quality(part.test, images)
            own: dict[str, Any] = dict(params) if name in trained else {}
            own = {"noise": noise, "n_test": n_test} | own | extra
            scores.append(Score(name, found, own, seconds))
        if noise == _middle(noise_levels):
            arrays = _pictures(restored, noise, different(part.y_test, SHOWN))
    return result("denoising", data, random_state, scores, arrays | _curves(scores))


def _restore(
    trained: Mapping[str, tuple[Any, float]],
    linear: tuple[PCA, float],
    tuning: np.ndarray,
    clean: np.ndarray,
    noise: float,
    random_state: int,
) -> dict[str, tuple[np.ndarray, float, dict[str, Any]]]:
    """Return images, seconds and further params by method."""
    noisy = add_noise(clean, noise, random_state)
    found: dict[str, tuple[np.ndarray, float, dict[str, Any]]] = {
        "clean": (clean, 0.0, {}),
        "noisy": (np.clip(noisy, 0, 1), 0.0, {}),
    }
    for name, (autoencoder, seconds) in trained.items():
        start = time.perf_counter()
        images = np.clip(dense.outputs(autoencoder.model, noisy), 0, 1)
        found[name] = images, seconds + time.perf_counter() - start, {}
    components, seconds = linear
    start = time.perf_counter()
    images = wiener(noisy, noise, components)
    rows = {"rows": int(components.n_samples_)}
    found["wiener"] = images, seconds + time.perf_counter() - start, rows
    for name in FILTERS:
        start = time.perf_counter()
        strength = tune(name, tuning, noise, random_state + 1)
        images = apply_filter(name, noisy, noise, strength)
        text = strength if isinstance(strength, float) else ", ".join(strength)
        found[name] = images, time.perf_counter() - start, {"strength": text}
    return found


def _middle(noise_levels: Sequence[float]) -> float:
    return sorted(noise_levels)[len(noise_levels) // 2]


def _pictures(
    restored: Mapping[str, tuple[np.ndarray, float, dict[str, Any]]], noise: float, rows: np.ndarray
) -> dict[str, np.ndarray]:
    images = np.stack([images[rows] for images, *_ in restored.values()])
    return {
        "images": np.round(255 * images).astype(np.uint8),
        "titles": np.array(list(restored)),
        "noise": np.array(noise, np.float32),
    }


def _curves(scores: Sequence[Score]) -> dict[str, np.ndarray]:
    """Return PSNR and accuracy, of shape (methods, levels); NaN where a method has none."""
    methods = list(dict.fromkeys(score.method for score in scores))
    levels = sorted({score.params["noise"] for score in scores})
    tables = {name: np.full((len(methods), len(levels)), np.nan) for name in ("psnr", "acc")}
    for score in scores:
        place = methods.index(score.method), levels.index(score.params["noise"])
        for name, table in tables.items():
            table[place] = score.metrics.get(name, np.nan)
    return {name: table.astype(np.float32) for name, table in tables.items()} | {
        "levels": np.array(levels, np.float32)
    }
