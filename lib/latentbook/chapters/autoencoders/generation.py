"""Use 7: new images. What a plain decoder makes of random codes, beside a VAE and PCA.

Samples are compared with test images through histograms of oriented gradients, a fixed feature
that belongs to none of the methods, and with training images, pixel by pixel, to notice copies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from latentbook import embed, sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.splits import Parts, parts
from latentbook.chapters.autoencoders.study import (
    as_bytes,
    check_sizes,
    flat,
    one_thread,
    principal_components,
    result,
)
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, check_matrix
from latentbook.study.result import Result, Score

#: Samples of each method in the figure, and steps between two images.
SHOWN, STEPS = 10, 8

Decoder = Callable[[np.ndarray], np.ndarray]


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    r"""Return the Fréchet distance of the Gaussians fitted to two sets of features.

    Squared, as in Heusel et al. (2017):
    :math:`\|\mu_1 - \mu_2\|^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1 C_2)^{1/2})`.

    Parameters
    ----------
    first, second : arrays of shape (n, n_features)
        Of at least two rows. Few rows make the distance larger: compare equal numbers only.
    """
    for x, what in ((first, "first"), (second, "second")):
        check_matrix(x, what)
    if first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise LatentbookError(
            f"features of shapes {first.shape} and {second.shape} cannot be compared: give at "
            "least two rows each, with the same features"
        )
    covariances = [
        np.atleast_2d(np.cov(x.astype(np.float64), rowvar=False)) for x in (first, second)
    ]
    # the trace of the root of C1 C2 from the eigenvalues of C1^1/2 C2 C1^1/2, which is symmetric
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ covariances[1] @ root), 0, None)).sum()
    gap = np.square(first.mean(axis=0, dtype=float) - second.mean(axis=0, dtype=float)).sum()
    return float(max(0.0, gap + sum(np.trace(c) for c in covariances) - 2 * shared))


def nearest(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the distance of each image to the nearest training image, a vector."""
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flat(train))
    return search.kneighbors(flat(x))[0][:, 0]


def mixture(codes: np.ndarray, components: int, random_state: int) -> GaussianMixture:
    """Return a Gaussian mixture with full covariances, fitted to `codes`."""
    return GaussianMixture(components, reg_covar=1e-4, random_state=random_state).fit(
        codes.astype(np.float64)
    )


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    n_codes: int,
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
    components: int,
    samples: int,
    rows: int,
) -> Result:
    """Draw images from every method and compare them with test images.

    Parameters
    ----------
    n_codes, widths
        Of the autoencoder, the VAE and PCA (which has no widths). All hidden layers are ReLU.
    epochs, batch_size
        Of both networks.
    components
        Of the Gaussian mixtures of codes.
    samples
        Images of each method, and as many test images to compare with.
    rows
        Training images, drawn at random, among which the nearest one is sought, and that mixtures
        are fitted to: all if there are fewer.

    Returns
    -------
    Result
        By method: ``frechet``, the distance to test images in HOG features, and ``nearest``, the
        median distance to the nearest training image over that of test images (clearly below 1:
        copies or blurred averages). The method ``training images`` says what real images get.
    """
    part = parts(data)
    _check(part, n_codes, samples, components, rows)
    some = sampling.subsample(len(part.train), rows, random_state)
    test = part.test[sampling.subsample(len(part.test), samples, random_state)]
    decoders, fits, seconds = _models(part, random_state, n_codes, widths, epochs, batch_size)
    drawn: dict[str, np.ndarray] = {}
    took: dict[str, float] = {}
    for name, (family, source) in _SOURCES.items():
        start = time.perf_counter()
        codes = _random_codes(
            source, fits[family](part.train[some]), samples, components, random_state
        )
        drawn[name] = np.clip(decoders[family](codes), 0, 1).reshape(-1, *part.test.shape[1:])
        took[name] = time.perf_counter() - start + seconds[family]
    drawn["training images"] = part.train[
        sampling.subsample(len(part.train), samples, random_state + 1)
    ]
    wanted, usual = embed.hog(test), np.median(nearest(test, part.train[some]))
    params = {"n_codes": n_codes, "epochs": epochs, "widths": "-".join(map(str, widths))}
    params |= {"samples": samples, "components": components}
    scores = [
        Score(
            name,
            {
                "frechet": frechet(embed.hog(images), wanted),
                "nearest": float(np.median(nearest(images, part.train[some])) / usual),
            },
            params,
            took.get(name, 0.0),
        )
        for name, images in drawn.items()
        if name != "training images"
    ]
    scores.append(_reference(drawn["training images"], wanted, params))
    arrays = {f"images {name}": as_bytes(drawn[name][:SHOWN]) for name in _SOURCES}
    arrays["images test images"] = as_bytes(test[:SHOWN])
    arrays["frechet"] = np.array([s.metrics["frechet"] for s in scores])
    arrays["methods"] = np.array([s.method for s in scores])
    arrays |= _between(part, decoders, fits, random_state)
    return result("generation", data, random_state, scores, arrays)


#: Method -> (family of the decoder, distribution of its codes).
_SOURCES = {
    "autoencoder normal": ("autoencoder", "normal"),
    "autoencoder gaussian": ("autoencoder", "gaussian"),
    "autoencoder mixture": ("autoencoder", "mixture"),
    "vae": ("vae", "normal"),
    "pca gaussian": ("pca", "gaussian"),
    "pca mixture": ("pca", "mixture"),
}


def _check(part: Parts, n_codes: int, samples: int, components: int, rows: int) -> None:
    check_sizes([n_codes], part)
    if part.train.ndim != 4:
        raise LatentbookError(
            f"new images are drawn from images, but the samples have shape {part.train.shape[1:]}: "
            "choose a data set of images"
        )
    check_between("samples", samples, SHOWN, min(len(part.train), len(part.test)))
    check_between("rows", rows, 30, 10**9)
    check_between("components", components, 1, min(rows, len(part.train)) // 2)


def _reference(images: np.ndarray, wanted: np.ndarray, params: Mapping[str, Any]) -> Score:
    """Return what real images get; their nearest training image is themselves, so without it."""
    return Score("training images", {"frechet": frechet(embed.hog(images), wanted)}, dict(params))


def _models(
    part: Parts,
    random_state: int,
    n_codes: int,
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
) -> tuple[dict[str, Decoder], dict[str, Decoder], dict[str, float]]:
    """Return decoders and encoders by family, and the seconds that each took to train."""
    from latentbook.autoencoders import variational

    design = {"n_codes": n_codes, "widths": tuple(widths), "activation": "relu"}
    (plain,), trained = dense.trained(
        part.train, [design], epochs=epochs, batch_size=batch_size, seeds=(random_state,)
    )
    vae, history = variational.trained(
        "vae",
        part.train,
        epochs=epochs,
        batch_size=batch_size,
        n_latent=n_codes,
        hidden=tuple(widths),
        seed=random_state,
        progress=False,
    )
    start = time.perf_counter()
    pca = principal_components(flat(part.train), n_codes)
    seconds = {
        "autoencoder": trained,
        "vae": sum(history["seconds"]),
        "pca": time.perf_counter() - start,
    }
    decoders: dict[str, Decoder] = {
        "autoencoder": lambda z: dense.outputs(plain.decoder, z),
        "vae": vae.decode,
        "pca": pca.inverse_transform,
    }
    encoders: dict[str, Decoder] = {
        "autoencoder": lambda x: dense.outputs(plain.encoder, x),
        "vae": vae.encode,
        "pca": lambda x: pca.transform(flat(x)),
    }
    return decoders, encoders, seconds


def _random_codes(
    source: str, codes: np.ndarray, n: int, components: int, random_state: int
) -> np.ndarray:
    """Draw `n` codes: standard normal, or from a Gaussian or a mixture fitted to `codes`."""
    rng = np.random.default_rng([random_state, 7])
    if source == "normal":
        drawn = rng.standard_normal((n, codes.shape[1]))
    elif source == "gaussian":
        drawn = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes, rowvar=False), n)
    else:
        drawn = mixture(codes, components, random_state).sample(n)[0]
        drawn = drawn[rng.permutation(n)]  # scikit-learn returns them component by component
    return drawn.astype(np.float32)


def _between(
    part: Parts, decoders: Mapping[str, Decoder], encoders: Mapping[str, Decoder], random_state: int
) -> dict[str, np.ndarray]:
    """Return images on straight ways between test images of two classes, by pixels and codes."""
    first = int(np.random.default_rng([random_state, 8]).integers(len(part.test)))
    others = np.flatnonzero(part.y_test != part.y_test[first])
    ends = part.test[[first, int(others[len(others) // 2])]]
    share = np.linspace(0, 1, STEPS)[:, None]
    shape = part.test.shape[1:]
    mixed = (1 - share) * flat(ends)[:1] + share * flat(ends)[1:]
    arrays = {"between pixels": as_bytes(mixed.reshape(-1, *shape))}
    for family in ("autoencoder", "vae"):
        codes = encoders[family](ends)
        way = ((1 - share) * codes[:1] + share * codes[1:]).astype(np.float32)
        arrays[f"between {family}"] = as_bytes(decoders[family](way).reshape(-1, *shape))
    return arrays
