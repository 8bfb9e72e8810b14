"""Use 2: the worked example of charte2020, two numbers that should separate kinds of land.

The network is 36-8-2-8-36 with SELU units; several runs that differ in their initial weights are
kept side by side, because their codes differ.
What the codes are good for is measured on the test split, beside PCA, t-SNE and UMAP.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from latentbook import cache, embed, sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.splits import parts
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
from latentbook.errors import LatentbookError, check_between
from latentbook.study.result import Result, Score

#: Neighbours that are compared between two runs.
COMPARED = 15

#: Points of the test part that are drawn, of each run and method.
DRAWN = 1000

#: Neighbour embedding -> its setting in `embed`. Both can place new points.
EMBEDDINGS = {"tsne": "tsne2 all", "umap": "umap2"}


def disagreement(runs: Sequence[np.ndarray]) -> dict[str, float]:
    """Compare codes of the same samples pair by pair.

    Parameters
    ----------
    runs
        At least two matrices of equal shape (n_samples, n_codes).

    Returns
    -------
    dict
        ``disparity``: the share of the variance that is left between two sets of codes after the
        best shift, turn, reflection and common scale (0 equal, 1 unrelated; Procrustes);
        ``shared_neighbours``: share of the nearest `COMPARED` neighbours that two have in common.
        Means over all pairs.
    """
    from scipy.spatial import procrustes

    if len(runs) < 2:
        raise LatentbookError(f"{len(runs)} run cannot disagree: give at least 2")
    check_between("the number of samples", len(runs[0]), COMPARED + 1, 10**9)
    near = [
        NearestNeighbors(n_neighbors=COMPARED).fit(z).kneighbors(return_distance=False)
        for z in runs
    ]
    pairs = list(itertools.combinations(range(len(runs)), 2))
    shared = [(near[i][:, :, None] == near[j][:, None, :]).any(axis=2).mean() for i, j in pairs]
    return {
        "disparity": float(np.mean([procrustes(runs[i], runs[j])[2] for i, j in pairs])),
        "shared_neighbours": float(np.mean(shared)),
    }


def placed(
    method: str, train: np.ndarray, test: np.ndarray, *, random_state: int
) -> cache.Computed:
    """Fit t-SNE or UMAP to `train` and place `test` among it, from the cache where done before.

    Returns
    -------
    cache.Computed
        ``train`` and ``test``, matrices of two columns.
    """
    params = embed.settings(EMBEDDINGS[method])
    embed.check_settings(len(train), train.shape[1], params)
    library = {"tsne": "openTSNE", "umap": "umap-learn"}[method]
    key = {
        "x": cache.digest(train, test),
        "params": params,
        "seed": random_state,
        "library": f"{library} {version(library)}",
        "placed": "transformed first",
    }

    def compute() -> dict[str, np.ndarray]:
        estimator = embed.reducer(seed=random_state, **params)
        estimator.fit(train)
        # first: openTSNE moves its whole embedding when it places new points
        new = estimator.transform(test)
        return {
            "train": np.array(estimator.embedding_, np.float32),
            "test": np.asarray(new, np.float32),
        }

    return cache.load_or_compute("embeddings", key, compute)


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    n_codes: Sequence[int],
    runs: int,
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
) -> Result:
    """Encode standardised features in a few numbers, and measure what they separate.

    Parameters
    ----------
    n_codes
        Sizes of the code; with 2 among them, which is also drawn and given to t-SNE and UMAP.
    runs
        Networks of each size, which differ in their initial weights; at least 2.
    widths
        Of the encoder's hidden layers (SELU, as the code): 8 in charte2020's example.
    epochs, batch_size
        Of the training.

    Returns
    -------
    Result
        By method and ``n_codes``: ``knn_acc``, ``ari``, ``nmi``. Of the autoencoder these are
        means over `runs`, with the standard deviation ``knn_acc_spread``, the ``mse`` of the
        standardised test features, and what `disagreement` says of the test codes. The method
        ``features`` has all features for a code.
    """
    part = parts(data)
    check_sizes(n_codes, part)
    if 2 not in n_codes:
        raise LatentbookError(f"n_codes is {list(n_codes)}, but 2 must be among them: add it")
    check_between("runs", runs, 2, 100)
    # features that never vary (the margins of digits) stay zero
    scaler = StandardScaler().fit(flat(part.train))
    x = Codes(*(scaler.transform(flat(p)).astype(np.float32) for p in (part.train, part.test)))
    labels = part.y_train, part.y_test
    scores, drawn = _networks(
        x, labels, random_state, sorted(set(n_codes)), runs, widths, epochs, batch_size
    )
    for k in sorted(set(n_codes)):
        start = time.perf_counter()
        pca = principal_components(x.train, k)
        codes = Codes(pca.transform(x.train), pca.transform(x.test))
        took = time.perf_counter() - start
        error = {"mse": mse(x.test, pca.inverse_transform(codes.test))}
        found = separation(codes, *labels, random_state=random_state) | error
        scores.append(Score("pca", found, {"n_codes": k}, took))
        if k == 2:
            drawn["PCA"] = codes.test
    for method in EMBEDDINGS:
        there = placed(method, x.train, x.test, random_state=random_state)
        codes = Codes(there.arrays["train"], there.arrays["test"])
        found = separation(codes, *labels, random_state=random_state)
        scores.append(Score(method, found, {"n_codes": 2}, there.seconds))
        drawn[{"tsne": "t-SNE", "umap": "UMAP"}[method]] = codes.test
    found = separation(x, *labels, random_state=random_state)
    scores.append(Score("features", found, {"n_codes": x.train.shape[1]}))
    return result("satellite", data, random_state, scores, _pictures(drawn, part.y_test))


def _networks(
    x: Codes,
    labels: tuple[np.ndarray, np.ndarray],
    random_state: int,
    sizes: Sequence[int],
    runs: int,
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
) -> tuple[list[Score], dict[str, np.ndarray]]:
    """Train all runs of all sizes side by side; return their scores, and test codes to draw."""
    design: dict[str, Any] = {"widths": tuple(widths), "code_activation": "selu"}
    networks, seconds = dense.trained(
        x.train,
        [design | {"n_codes": k} for k in sizes for _ in range(runs)],
        epochs=epochs,
        batch_size=batch_size,
        seeds=[1000 * random_state + run for _ in sizes for run in range(runs)],
    )
    scores, drawn = [], {}
    spent = {"epochs": epochs, "widths": "-".join(map(str, widths)), "runs": runs}
    for i, k in enumerate(sizes):
        mine = networks[i * runs : (i + 1) * runs]
        codes = [
            Codes(dense.outputs(network.encoder, x.train), dense.outputs(network.encoder, x.test))
            for network in mine
        ]
        found = [separation(c, *labels, random_state=random_state) for c in codes]
        means = {name: float(np.mean([f[name] for f in found])) for name in found[0]}
        means["knn_acc_spread"] = float(np.std([f["knn_acc"] for f in found], ddof=1))
        means["mse"] = float(
            np.mean([mse(x.test, dense.outputs(network.model, x.test)) for network in mine])
        )
        means |= disagreement([c.test for c in codes])
        scores.append(Score("autoencoder", means, {"n_codes": k} | spent, seconds))
        if k == 2:
            drawn = {f"run {run + 1}": c.test for run, c in enumerate(codes)}
    return scores, drawn


def _pictures(drawn: Mapping[str, np.ndarray], y: np.ndarray) -> dict[str, np.ndarray]:
    rows = sampling.subsample(len(y), DRAWN)
    arrays = {f"z {title}": z[rows].astype(np.float16) for title, z in drawn.items()}
    return arrays | {"classes": y[rows].astype(np.int8)}
