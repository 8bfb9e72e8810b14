"""Experiments on numbers that did not reproduce: one setting is changed, the rest is kept.

The changed setting is part of the method's name in the records, as in
``umap2 + k-means, neighbours 25``. These records name no part of the images, so that the tables and
pictures of the faithful methods leave them out. What came of it is told by `reasons`.

References
----------
- fernandez2020: Agustín Fernández Felguera. Dimensionality reduction for clustering with deep
  neural networks. Bachelor's thesis, Universitat de Barcelona and Universitat Politècnica de
  Catalunya, 2020. Appendix 3.
- scikit-learn 0.22, ``sklearn/cluster/_k_means.py``: how it drew random states and first centres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from latentbook import cache, metrics
from latentbook.chapters.two_stage_clustering import CHAPTER, study
from latentbook.datasets import Dataset
from latentbook.errors import choose
from latentbook.sampling import subsample
from latentbook.study.method import Method
from latentbook.study.result import Result, Score

#: Random state in the listings of fernandez2020.
AUTHORS_SEED = 1997
#: Neighbours of UMAP in the listing that printed table 12.1; the text says 30.
AUTHORS_NEIGHBOURS = 25
#: Starts of one call of k-means, in the listing and here.
STARTS = 10
#: Single starts of k-means, with the random states 0, 1, 2 ...
SINGLE_STARTS = 25
#: Iterations of t-SNE that are tried; the chapter's setting is 1,000.
ITERATIONS = (250, 500, 2000)
#: Representation -> second stages that say whether a gain needs a network or a neighbour graph.
CONTROLS = {"pca2": ("k-means", "mixture"), "pca50": ("mixture",)}


def controls(data: Dataset, setting: study.Setting, random_state: int) -> Iterator[Result]:
    """Cluster principal components by k-means and by a mixture."""
    for name, stages in CONTROLS.items():
        own = replace(setting, representation=name)
        for stage in stages:
            result = study.run(data, own, random_state=random_state, stages=(stage,))
            yield replace(result, arrays={})


def neighbours(data: Dataset, setting: study.Setting, random_state: int) -> Iterator[Result]:
    """Cluster UMAP with the number of neighbours and the random state of the thesis' listing."""
    changes = {"umap": {"n_neighbors": AUTHORS_NEIGHBOURS, "min_dist": 0.0}}
    for name in ("umap2", "umap30"):
        own = replace(setting, representation=name, changes=changes)
        result = study.run(data, own, random_state=AUTHORS_SEED, stages=("k-means", "hdbscan"))
        yield _changed(result, f"neighbours {AUTHORS_NEIGHBOURS}")


def iterations(data: Dataset, setting: study.Setting, random_state: int) -> Iterator[Result]:
    """Cluster t-SNE that stops earlier or later."""
    for n in ITERATIONS:
        changes = {"tsne": {**setting.changes.get("tsne", {}), "max_iter": n}}
        own = replace(setting, representation="tsne2", changes=changes)
        result = study.run(data, own, random_state=random_state, stages=("k-means",))
        yield _changed(result, f"iterations {n}")


def _changed(result: Result, change: str) -> Result:
    """Return the scores of a run as those of changed methods."""
    scores = [
        replace(
            score,
            method=replace(Method.parse(str(score.method)), change=change),
            params={k: v for k, v in score.params.items() if k != "evaluated_on"},
        )
        for score in result.scores
    ]
    return replace(result, scores=scores, arrays={})


def starts(data: Dataset, setting: study.Setting, random_state: int) -> Iterator[Result]:
    """Run k-means on pixels from many single starts; score the one of least inertia.

    The record's ``nmi_most``, ``acc_most`` and ``ari_most`` are the largest of all starts.
    The array ``starts`` holds inertia, ACC, NMI and ARI, one row a start.
    """
    fits = [start(data.flat, setting.k, seed) for seed in range(SINGLE_STARTS)]
    found = np.array([_outcome(data.y, fit) for fit in fits])
    _, acc, nmi, ari = found.max(axis=0)
    most = {"acc_most": acc, "nmi_most": nmi, "ari_most": ari}
    arrays = {
        "index": subsample(len(data)).astype(np.int32),  # as in the chapter's other arrays
        "starts": found,
    }
    params = {"k": setting.k, "starts": SINGLE_STARTS}
    yield _best(data, fits, found, "single starts", params, 0, most, arrays)


def old_starts(data: Dataset, setting: study.Setting, random_state: int) -> Iterator[Result]:
    """Run k-means on pixels from the starts that scikit-learn drew when the thesis was written."""
    fits = [start_of_2020(data.flat, setting.k, AUTHORS_SEED, place) for place in range(STARTS)]
    found = np.array([_outcome(data.y, fit) for fit in fits])
    params = {"k": setting.k, "n_init": STARTS}
    yield _best(data, fits, found, "starts of scikit-learn 0.22", params, AUTHORS_SEED)


def _outcome(y: np.ndarray, fit: cache.Computed) -> list[float]:
    scored = metrics.clustering_scores(y, fit.arrays["labels"])
    return [float(fit.arrays["inertia"]), scored["acc"], scored["nmi"], scored["ari"]]


def _best(
    data: Dataset,
    fits: list[cache.Computed],
    found: np.ndarray,
    change: str,
    params: Mapping[str, Any],
    seed: int,
    more: Mapping[str, float] | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Result:
    """Return the result of the start of least inertia, the first column of `found`."""
    best = int(found[:, 0].argmin())
    labels = fits[best].arrays["labels"]
    scored = metrics.clustering_scores(data.y, labels)
    scored["silhouette"] = metrics.silhouette(data.flat, labels)
    score = Score(
        Method("raw", "k-means", change),
        scored | {"inertia": found[best, 0]} | dict(more or {}),
        params,
        {"cluster": sum(fit.seconds for fit in fits)},
        source_table="table 12.1",
    )
    return Result(CHAPTER, data, seed, [score], arrays or {})


#: Word of the parameter ``experiments`` -> what it runs.
EXPERIMENTS: dict[str, Callable[[Dataset, study.Setting, int], Iterator[Result]]] = {
    "controls": controls,
    "old-starts": old_starts,
    "starts": starts,
    "neighbours": neighbours,
    "iterations": iterations,
}


def run(
    name: str, data: Dataset, setting: study.Setting, *, random_state: int = 0
) -> Iterator[Result]:
    """Run an experiment; every result is returned when it is there, so that it can be kept.

    Parameters
    ----------
    name : {"controls", "old-starts", "starts", "neighbours", "iterations"}
        What is changed.
    data
        Images.
    setting
        Of `study.plan`; its representation is replaced by those of the experiment.
    random_state
        Of ``controls`` and ``iterations``. The others have random states of their own.

    Yields
    ------
    Result
        Without arrays for pictures.

    Raises
    ------
    LatentbookError
        For an unknown experiment.
    """
    yield from EXPERIMENTS[choose("experiment", name, EXPERIMENTS)](data, setting, random_state)


# ---------------------------------------------------------------- one start of k-means


def start(x: np.ndarray, k: int, seed: int) -> cache.Computed:
    """Run k-means from one start, or load it from the cache.

    Returns
    -------
    cache.Computed
        ``labels`` of shape (n_samples,), and ``inertia``, the sum of squared distances to the
        centres.
    """
    return _fit(x, {"k": k, "seed": seed}, "k-means++", seed)


def start_of_2020(x: np.ndarray, k: int, seed: int, place: int) -> cache.Computed:
    """Run k-means from one of the starts that scikit-learn 0.22 draws for a random state.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
    k : int
    seed : int
        Random state of the old estimator, which draws from it one random state a start.
    place : int
        Which of the starts, from 0.
    """
    own = np.random.RandomState(seed).randint(np.iinfo(np.int32).max, size=place + 1)[place]
    what = {"k": k, "seed": seed, "place": place, "drawn": "0.22"}
    return _fit(x, what, int(own), seed)


def _fit(x: np.ndarray, what: dict[str, Any], first: str | int, seed: int) -> cache.Computed:
    """Run k-means from centres that scikit-learn draws, or `centres_of_2020` with a seed."""
    from sklearn.cluster import KMeans

    key = what | {"x": cache.digest(x), "library": f"scikit-learn {version('scikit-learn')}"}

    def compute() -> dict[str, np.ndarray]:
        init = first if isinstance(first, str) else centres_of_2020(x, what["k"], first)
        fit = KMeans(what["k"], init=init, n_init=1, random_state=seed).fit(x)
        return {"labels": fit.labels_.astype(np.int8), "inertia": np.float64(fit.inertia_)}

    return cache.load_or_compute("starts", key, compute)


def centres_of_2020(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Return the first centres of greedy k-means++ as scikit-learn 0.22 draws them.

    Today's version draws the first centre by another function, and all that follows differs.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
    k : int
        Centres.
    seed : int
        Random state of this start.

    Returns
    -------
    array of shape (k, n_features)
    """
    from sklearn.metrics.pairwise import euclidean_distances

    draw = np.random.RandomState(seed)

    def squared(rows: Any) -> np.ndarray:
        return euclidean_distances(x[rows], x, squared=True).astype(np.float64)

    chosen = [int(draw.randint(len(x)))]
    closest = squared(chosen)[0]
    for _ in range(1, k):
        # of a few candidates the one that lowers the sum most
        values = draw.random_sample(2 + int(np.log(k))) * closest.sum()
        candidates = np.searchsorted(np.cumsum(closest), values).clip(max=len(x) - 1)
        nearer = np.minimum(closest, squared(candidates))
        best = int(nearer.sum(axis=1).argmin())
        closest = nearer[best]
        chosen.append(int(candidates[best]))
    return x[chosen]
