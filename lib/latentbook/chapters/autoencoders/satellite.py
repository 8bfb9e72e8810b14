"""Use 2: the worked example of charte2020, two numbers that should tell kinds of land apart.

The network is 36-8-2-8-36 with SELU units; several runs that differ in their initial weights are
kept side by side, because their codes differ.
What the codes are good for is measured on the test split, beside PCA, t-SNE and UMAP.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from latentbook import cache, embed, plots, sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.linear import (
    check_sizes,
    flat,
    mse,
    parts,
    principal_components,
)
from latentbook.chapters.autoencoders.study import one_thread, result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between
from latentbook.study.result import Result, Score

#: Neighbours that vote, and neighbours that are compared between two runs.
VOTERS, COMPARED = 15, 15

#: Points of the test part that are drawn, of each run and method.
DRAWN = 1000

#: Neighbour embedding -> its setting in `embed`. Both can place new points.
EMBEDDINGS = {"tsne": "tsne2 all", "umap": "umap2"}


@dataclass(frozen=True)
class Codes:
    """Codes of the training and the test part, matrices with one row a sample."""

    train: np.ndarray
    test: np.ndarray


def separation(
    codes: Codes, y_train: np.ndarray, y_test: np.ndarray, *, seed: int
) -> dict[str, float]:
    """Say how well codes tell classes apart, on the test part.

    Returns
    -------
    dict
        ``knn_acc``: share of test labels that the nearest `VOTERS` training codes vote for;
        ``ari`` and ``nmi`` of k-means with one centre a class, fitted to the training codes
        without labels.
    """
    classifier = KNeighborsClassifier(VOTERS).fit(codes.train, y_train)
    k_means = KMeans(len(np.unique(y_train)), n_init=10, random_state=seed).fit(codes.train)
    labels = k_means.predict(codes.test)
    return {
        "knn_acc": float(classifier.score(codes.test, y_test)),
        "ari": float(adjusted_rand_score(y_test, labels)),
        "nmi": float(normalized_mutual_info_score(y_test, labels)),
    }


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


def placed(method: str, train: np.ndarray, test: np.ndarray, *, seed: int) -> cache.Computed:
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
        "seed": seed,
        "library": f"{library} {version(library)}",
        "placed": "transformed first",
    }

    def compute() -> dict[str, np.ndarray]:
        estimator = embed.reducer(seed=seed, **params)
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
    seed: int,
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
    Study
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
        x, labels, seed, sorted(set(n_codes)), runs, widths, epochs, batch_size
    )
    for k in sorted(set(n_codes)):
        start = time.perf_counter()
        pca = principal_components(x.train, k)
        codes = Codes(pca.transform(x.train), pca.transform(x.test))
        took = time.perf_counter() - start
        error = {"mse": mse(x.test, pca.inverse_transform(codes.test))}
        found = separation(codes, *labels, seed=seed) | error
        scores.append(Score("pca", found, {"n_codes": k}, took))
        if k == 2:
            drawn["PCA"] = codes.test
    for method in EMBEDDINGS:
        there = placed(method, x.train, x.test, seed=seed)
        codes = Codes(there.arrays["train"], there.arrays["test"])
        found = separation(codes, *labels, seed=seed)
        scores.append(Score(method, found, {"n_codes": 2}, there.seconds))
        drawn[{"tsne": "t-SNE", "umap": "UMAP"}[method]] = codes.test
    found = separation(x, *labels, seed=seed)
    scores.append(Score("features", found, {"n_codes": x.train.shape[1]}))
    return result("satellite", data, seed, scores, _pictures(drawn, part.y_test))


def _networks(
    x: Codes,
    labels: tuple[np.ndarray, np.ndarray],
    seed: int,
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
        seeds=[1000 * seed + run for _ in sizes for run in range(runs)],
    )
    scores, drawn = [], {}
    spent = {"epochs": epochs, "widths": "-".join(map(str, widths)), "runs": runs}
    for i, k in enumerate(sizes):
        mine = networks[i * runs : (i + 1) * runs]
        codes = [
            Codes(dense.outputs(network.encoder, x.train), dense.outputs(network.encoder, x.test))
            for network in mine
        ]
        found = [separation(c, *labels, seed=seed) for c in codes]
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


def draw(arrays: Mapping[str, np.ndarray], names: Sequence[str], *, runs: bool) -> Figure:
    """Draw two-dimensional test codes by class.

    Parameters
    ----------
    names
        Of the classes, written into the first panel.
    runs
        Whether the runs of the autoencoder are drawn, or its first run beside the other methods.
    """
    titles = [name[2:] for name in arrays if name.startswith("z ")]
    own = [title for title in titles if title.startswith("run ")]
    chosen = own[:4] if runs else [own[0], *(title for title in titles if title not in own)]
    panels = {
        ("autoencoder" if not runs and title in own else title): (
            arrays[f"z {title}"].astype(float),
            arrays["classes"],
        )
        for title in chosen
    }
    return plots.scatter_panels(panels, names=names)
