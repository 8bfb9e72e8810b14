"""Use 11: does a penalty or noise in training make the code better? One table, one budget.

Plain, sparse, contractive, stacked and denoising autoencoders of the same widths and code size,
trained for the same number of passes over the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from latentbook import sampling
from latentbook.autoencoders import Autoencoder, dense
from latentbook.chapters.autoencoders.splits import Parts, parts
from latentbook.chapters.autoencoders.study import (
    Codes,
    check_sizes,
    flat,
    mse,
    one_thread,
    principal_components,
    result,
    separation,
)
from latentbook.datasets import Dataset
from latentbook.errors import check_between
from latentbook.study.result import Result, Score

#: What is compared, in the order of the table; all but the last two are keys of `dense.KINDS`.
METHODS = ("plain", "sparse L1", "sparse KL", "contractive", "denoising", "stacked", "pca")

#: What the figure shows.
METRICS = ("mse", "mse_noisy", "knn_acc")


def noisy(x: np.ndarray, noise: float, random_state: int) -> np.ndarray:
    """Return `x` with Gaussian noise of standard deviation `noise`, not clipped."""
    draws = np.random.default_rng([random_state, 11]).standard_normal(x.shape)
    return (x + noise * draws).astype(np.float32)


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    n_codes: int,
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
    noise: float,
    rows: int,
) -> Result:
    """Train every kind of autoencoder with the same budget and compare them on the test part.

    Parameters
    ----------
    n_codes, widths
        Of all autoencoders (ReLU).
    epochs, batch_size
        Of all trainings. The stacked autoencoder spends half of its epochs layer by layer.
    noise
        Standard deviation of the noise on the test rows of ``mse_noisy``. The denoising
        autoencoder trains with its own, that of `dense.KINDS`.
    rows
        Training rows, drawn at random, that classes are compared with: all if there are fewer.

    Returns
    -------
    Result
        By method: ``mse`` on the test part, ``mse_noisy`` between clean test rows and what is
        reconstructed from noisy ones, ``knn_acc``, ``ari``, ``nmi``, and ``active``, the share of
        squared activity that the most active fifth of a row's code holds.
    """
    part = parts(data)
    check_sizes([n_codes], part)
    check_between("noise", noise, 0, 100)
    check_between("rows", rows, 30, 10**9)
    common: dict[str, Any] = {"n_codes": n_codes, "widths": tuple(widths), "activation": "relu"}
    kinds = [name for name in METHODS if name in dense.KINDS]
    stacked, took = dense.stacked(
        part.train, common, epochs=epochs, batch_size=batch_size, seed=random_state
    )
    networks, each = dense.trained(
        part.train,
        [common | dense.KINDS[kind] for kind in kinds],
        epochs=epochs,
        batch_size=batch_size,
        seeds=(random_state,),
    )
    named = [(k, n, each) for k, n in zip(kinds, networks, strict=True)]
    some = sampling.subsample(len(part.train), rows, random_state)
    disturbed = noisy(part.test, noise, random_state)
    spent = {"epochs": epochs, "widths": "-".join(map(str, widths)), "n_codes": n_codes}
    spent |= {"noise": noise}
    scores = [
        Score(name, _measured(network, part, some, disturbed, random_state), spent, seconds)
        for name, network, seconds in [*named, ("stacked", stacked, took)]
    ]
    scores.append(_pca(part, n_codes, some, disturbed, noise, random_state))
    return result("regularised", data, random_state, scores, _arrays(scores))


def _measured(
    network: Autoencoder, part: Parts, some: np.ndarray, disturbed: np.ndarray, random_state: int
) -> dict[str, float]:
    codes = Codes(
        dense.outputs(network.encoder, part.train[some]), dense.outputs(network.encoder, part.test)
    )
    return {
        "mse": mse(part.test, dense.outputs(network.model, part.test)),
        "mse_noisy": mse(part.test, dense.outputs(network.model, disturbed)),
        **separation(codes, part.y_train[some], part.y_test, random_state=random_state),
        "active": active_share(codes.test),
    }


def active_share(codes: np.ndarray) -> float:
    """Return the share of a row's squared code in its largest fifth, averaged over rows.

    Every unit is divided by its root mean square first. One if only so many units are active, a
    fifth if all are equally.
    """
    scaled = np.square(codes / (np.sqrt(np.mean(codes**2, axis=0)) + 1e-12))
    most = max(1, codes.shape[1] // 5)
    largest = np.sort(scaled, axis=1)[:, -most:].sum(axis=1)
    return float(np.mean(largest / (scaled.sum(axis=1) + 1e-12)))


def _pca(
    part: Parts,
    n_codes: int,
    some: np.ndarray,
    disturbed: np.ndarray,
    noise: float,
    random_state: int,
) -> Score:
    start = time.perf_counter()
    train, test = flat(part.train), flat(part.test)
    pca = principal_components(train, n_codes)
    codes = Codes(pca.transform(train[some]), pca.transform(test))
    took = time.perf_counter() - start
    metrics = {
        "mse": mse(test, pca.inverse_transform(codes.test)),
        "mse_noisy": mse(test, pca.inverse_transform(pca.transform(flat(disturbed)))),
        **separation(codes, part.y_train[some], part.y_test, random_state=random_state),
        "active": active_share(codes.test),
    }
    return Score("pca", metrics, {"n_codes": n_codes, "noise": noise}, took)


def _arrays(scores: Sequence[Score]) -> dict[str, np.ndarray]:
    arrays = {name: np.array([s.metrics[name] for s in scores]) for name in METRICS}
    return arrays | {"methods": np.array([s.method for s in scores])}
