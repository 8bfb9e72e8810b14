"""Use 1: a linear autoencoder finds the principal subspace; what a nonlinear one adds to it.

The comparison with PCA comes first because PCA is what every other use has to beat.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from latentbook import sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.splits import Parts, parts
from latentbook.chapters.autoencoders.study import (
    as_bytes,
    check_sizes,
    flat,
    mse,
    one_thread,
    principal_components,
    result,
)
from latentbook.datasets import Dataset
from latentbook.study.result import Result, Score

#: Test images, and directions of the subspace, in the figures.
SHOWN = 8


def largest_angle(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest principal angle between the spans of two sets of rows, in degrees."""
    from scipy.linalg import subspace_angles

    return float(np.degrees(subspace_angles(first.T, second.T).max()))


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    n_codes: Sequence[int],
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
    gradient: float = 1e-7,
) -> Result:
    """Reconstruct test rows with PCA, a linear and a nonlinear autoencoder of every code size.

    Parameters
    ----------
    n_codes
        Sizes of the code, in any order; the figures show ten, or the size nearest to it.
    widths
        Of the nonlinear encoder's hidden layers (ReLU), mirrored in the decoder.
    epochs, batch_size
        Of the nonlinear autoencoders' training. PCA and the linear one see all rows at once.
    gradient
        At which the search for the linear one stops, see `dense.fit_linear`.

    Returns
    -------
    Result
        ``mse`` on the test part by method and ``n_codes``; of the linear autoencoder also
        ``largest_angle_degrees`` between its decoder's span and PCA's.
    """
    part = parts(data)
    check_sizes(n_codes, part)
    sizes = sorted(set(n_codes))
    designs = [{"n_codes": k, "widths": tuple(widths), "activation": "relu"} for k in sizes]
    networks, seconds = dense.trained(
        part.train, designs, epochs=epochs, batch_size=batch_size, seeds=(random_state,)
    )
    spent = {"epochs": epochs, "widths": "-".join(map(str, widths)), "rows": len(part.train)}
    scores: list[Score] = []
    shown = min(sizes, key=lambda k: abs(k - 10))
    arrays: dict[str, np.ndarray] = {}
    for k, network in zip(sizes, networks, strict=True):
        found, rebuilt, axes = _linear_methods(part, k, random_state, gradient)
        rebuilt["nonlinear"] = dense.outputs(network.model, part.test)
        error = mse(part.test, rebuilt["nonlinear"])
        scores += [*found, Score("nonlinear", {"mse": error}, {"n_codes": k} | spent, seconds)]
        if k == shown:
            arrays = _pictures(part, rebuilt, axes)
    curves = {f"mse {name}": _curve(scores, name) for name in ("pca", "linear", "nonlinear")}
    return result(
        "linear", data, random_state, scores, arrays | curves | {"n_codes": np.array(sizes)}
    )


def _linear_methods(
    part: Parts, k: int, random_state: int, gradient: float
) -> tuple[list[Score], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return scores, reconstructed test rows and directions of PCA and the linear autoencoder."""
    train, test = flat(part.train), flat(part.test)
    start = time.perf_counter()
    pca = principal_components(train, k)
    rebuilt = {"pca": pca.inverse_transform(pca.transform(test))}
    half = time.perf_counter()
    network, _ = dense.fit_linear(train, k, seed=random_state, gradient=gradient)
    mean = train.mean(axis=0)
    rebuilt["linear"] = dense.outputs(network.model, test - mean) + mean
    end = time.perf_counter()
    axes = {"pca": pca.components_, "linear": dense.directions(network)}
    angle = largest_angle(axes["pca"], axes["linear"])
    params = {"n_codes": k, "rows": len(train)}
    metrics = {"mse": mse(test, rebuilt["linear"]), "largest_angle_degrees": angle}
    scores = [
        Score("pca", {"mse": mse(test, rebuilt["pca"])}, params, half - start),
        Score("linear", metrics, params | {"optimizer": "L-BFGS"}, end - half),
    ]
    return scores, rebuilt, axes


def _curve(scores: Sequence[Score], method: str) -> np.ndarray:
    return np.array([s.metrics["mse"] for s in scores if s.method == method])


def _pictures(
    part: Parts, rebuilt: Mapping[str, np.ndarray], axes: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return some test images, as they are and reconstructed, and the directions as images."""
    if part.test.ndim != 4:
        return {}
    rows, shape = sampling.subsample(len(part.test), SHOWN), part.test.shape[1:]
    arrays = {"images original": as_bytes(part.test[rows])}
    for name, images in rebuilt.items():
        arrays[f"images {name}"] = as_bytes(images.reshape(-1, *shape)[rows])
    for name, found in axes.items():
        scaled = found[:SHOWN] / np.abs(found[:SHOWN]).max(axis=1, keepdims=True)
        arrays[f"directions {name}"] = as_bytes((scaled.reshape(-1, *shape) + 1) / 2)
    return arrays
