"""Dimensionality reduction with the settings of the sources: PCA, t-SNE, UMAP, HOG features.

`reducer` returns a plain estimator with the scikit-learn interface, so that a reader can take it
and change it.  `embed` runs a named setting through the cache and says how long it took;
`fit_transform` does the same for an estimator that the reader has written down.
Autoencoders, which also embed, live in `latentbook.autoencoders`.

References
----------
- fernandez2020: Agustín Fernández Felguera. Dimensionality reduction for clustering with deep
  neural networks. Bachelor's thesis, Universitat de Barcelona and Universitat Politècnica de
  Catalunya, 2020.
- maaten2008tsne: Laurens van der Maaten, Geoffrey Hinton. Visualizing data using t-SNE. 2008.
- policar2024opentsne: Pavlin G. Poličar, Martin Stražar, Blaž Zupan. openTSNE: a modular Python
  library for t-SNE dimensionality reduction and embedding. 2024.
  https://doi.org/10.18637/jss.v109.i03
- mcinnes2018umap: Leland McInnes, John Healy, James Melville. UMAP: uniform manifold approximation
  and projection for dimension reduction. 2018. https://arxiv.org/abs/1802.03426
- dalal2005hog: Navneet Dalal, Bill Triggs. Histograms of oriented gradients for human detection.
  2005. https://doi.org/10.1109/CVPR.2005.177
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from latentbook import cache
from latentbook.errors import LatentbookError, check_between, check_matrix, choose

#: Named settings. Those of ``tsne2``, ``umap2 picture`` and ``umap2`` are from fernandez2020,
#: section 11.1.1. ``tsne2 all`` is openTSNE at its defaults, which can embed 70,000 points.
SETTINGS: dict[str, dict[str, Any]] = {
    "pca2": {"kind": "pca", "n_components": 2},
    "pca50": {"kind": "pca", "n_components": 50},
    "tsne2": {"kind": "tsne", "n_components": 2, "perplexity": 25.0, "learning_rate": 10.0},
    "tsne2 all": {"kind": "opentsne", "n_components": 2, "perplexity": 30.0},
    "umap2 picture": {"kind": "umap", "n_components": 2, "n_neighbors": 15, "min_dist": 0.1},
    "umap2": {"kind": "umap", "n_components": 2, "n_neighbors": 30, "min_dist": 0.0},
    "umap10": {"kind": "umap", "n_components": 10, "n_neighbors": 30, "min_dist": 0.0},
    "umap30": {"kind": "umap", "n_components": 30, "n_neighbors": 30, "min_dist": 0.0},
}

#: Kind -> the parameters that its settings always state, and what type they have.
_STATED: dict[str, dict[str, type]] = {
    "pca": {"n_components": int},
    "tsne": {"n_components": int, "perplexity": float, "learning_rate": float},
    "opentsne": {"n_components": int, "perplexity": float},
    "umap": {"n_components": int, "n_neighbors": int, "min_dist": float},
}

#: Library and class of an estimator -> its kind.
_KINDS = {
    ("sklearn", "PCA"): "pca",
    ("sklearn", "TSNE"): "tsne",
    ("openTSNE", "TSNE"): "opentsne",
    ("umap", "UMAP"): "umap",
}

_LIBRARY = {
    "pca": "scikit-learn",
    "tsne": "scikit-learn",
    "opentsne": "openTSNE",
    "umap": "umap-learn",
}

#: Functions that UMAP and its search for neighbours compile in every process, because they do not
#: ask Numba to keep the result. Functions that take a metric as an argument cannot be kept.
_COMPILED = {
    "umap.utils": ("fast_knn_indices", "submatrix"),
    "umap.umap_": ("smooth_knn_dist", "compute_membership_strengths"),
    "pynndescent.kernels": ("generate_graph_update_array_batched",),
    "pynndescent.utils": (
        "apply_sorted_graph_update_array",
        "build_candidates_owner",
        "deheap_sort",
        "sort_updates_by_block",
    ),
}


def settings(method: str, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a named setting, with `changes` applied.

    Parameters
    ----------
    method : str
        A key of `SETTINGS`.
    **changes
        Parameters that differ from the named setting.

    Raises
    ------
    LatentbookError
        If `method` is not one of `SETTINGS`.
    """
    return SETTINGS[choose("embedding", method, SETTINGS)] | changes


def reducer(kind: str, *, seed: int, **params: Any) -> Any:
    """Return an unfitted estimator with ``fit_transform``.

    Parameters
    ----------
    kind : {"pca", "tsne", "opentsne", "umap"}
        ``tsne`` is scikit-learn's, for a few thousand points; ``opentsne`` takes any number.
    seed : int
        Random state. UMAP computes its layout on one thread where it is fixed, as here.
    **params
        ``n_components``; of t-SNE ``perplexity`` (the size of the neighbourhoods that it
        preserves) and ``learning_rate``; of UMAP ``n_neighbors`` (more of them show coarser
        structure) and ``min_dist`` (how tightly points may be packed).
    """
    choose("kind of reduction", kind, _LIBRARY)
    if kind == "pca":
        from sklearn.decomposition import PCA

        return PCA(random_state=seed, **params)
    if kind == "tsne":
        from sklearn.manifold import TSNE

        # random initialisation and 1,000 iterations were scikit-learn's defaults in 2020
        return TSNE(random_state=seed, **{"init": "random", "max_iter": 1000} | params)
    if kind == "opentsne":
        import openTSNE.sklearn

        return openTSNE.sklearn.TSNE(random_state=seed, **params)
    import umap

    _keep_compiled()
    return umap.UMAP(random_state=seed, n_jobs=1, **params)


def _keep_compiled() -> None:
    """Let Numba keep what UMAP compiles.

    This saves later processes a quarter of a minute, and as much again from 4,096 rows on.
    """
    for module, names in _COMPILED.items():
        for name in names:
            function: Any = getattr(importlib.import_module(module), name, None)
            if hasattr(function, "enable_caching"):  # another version of UMAP may lack it
                function.enable_caching()


def compile_ahead() -> None:
    """Compile what UMAP needs for small data; the set-up calls it, so that no chapter waits."""
    few = np.random.default_rng(0).random((40, 4), dtype=np.float32)
    reducer("umap", seed=0, n_neighbors=5, n_epochs=1).fit(few).transform(few)


def check_settings(n_samples: int, n_features: int, params: dict[str, Any]) -> None:
    """Raise `LatentbookError` where `params` cannot work on an (n_samples, n_features) matrix."""
    check_between("n_components", params["n_components"], 1, min(n_features, n_samples))
    if "perplexity" in params:
        check_between("perplexity", params["perplexity"], 1, (n_samples - 1) / 3)
    if "n_neighbors" in params:
        check_between("n_neighbors", params["n_neighbors"], 2, n_samples - 1)
    if "min_dist" in params:
        check_between("min_dist", params["min_dist"], 0, 1)


def embed(x: np.ndarray, method: str, *, seed: int = 0, **changes: Any) -> cache.Computed:
    """Embed `x` with a named setting, or load the embedding of an earlier call from the cache.

    Parameters
    ----------
    x : array of shape (n_samples, n_features)
        Finite values, in [0, 1] for images.
    method : str
        A key of `SETTINGS`.
    seed : int, default=0
        Random state.
    **changes
        Parameters that differ from the named setting, e.g. ``n_neighbors=10``.

    Returns
    -------
    cache.Computed
        ``arrays["embedding"]`` has shape (n_samples, n_components), float32; PCA adds
        ``explained_variance_ratio``, scikit-learn's t-SNE ``kl_divergence``.

    Raises
    ------
    LatentbookError
        For an unknown method, a matrix with NaN or of the wrong shape, or a parameter out of
        range for this matrix (a perplexity above a third of the points, for example).

    Examples
    --------
    >>> from latentbook import datasets, embed
    >>> digits = datasets.load("digits", n=500)
    >>> result = embed.embed(digits.flat, "pca2")
    >>> result.arrays["embedding"].shape
    (500, 2)
    >>> embed.embed(digits.flat, "pca2").loaded
    True
    """
    params = settings(method, **changes)
    return _cached(x, params, seed, lambda: reducer(seed=seed, **params))


def fit_transform(estimator: Any, X: np.ndarray) -> cache.Computed:
    """Embed `X` with an estimator, from the cache where the same one has embedded it before.

    Parameters
    ----------
    estimator : PCA, TSNE or UMAP
        Of scikit-learn, ``openTSNE.sklearn`` or umap-learn, with a whole number as
        ``random_state``. It is left as it is, unfitted.
    X : array of shape (n_samples, n_features)
        Finite values.

    Returns
    -------
    cache.Computed
        As `embed` returns it.

    Raises
    ------
    LatentbookError
        As `embed` does, and for other estimators or without a random state.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> corners = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0], [2.0, 1.0]])
    >>> fit_transform(PCA(n_components=1, random_state=0), corners).arrays["embedding"].shape
    (4, 1)
    """
    params = parameters(estimator)
    fresh = type(estimator)(**estimator.get_params())
    if params["kind"] == "umap":
        fresh.set_params(n_jobs=1)  # which a random state enforces, with a warning
    return _cached(X, params, estimator.random_state, lambda: fresh)


def parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator as `settings` and the records state them.

    These are its kind, the number of components, what the kind always states (perplexity, number
    of neighbours), and whatever else differs from the estimator that `reducer` returns.
    """
    library, name = type(estimator).__module__.partition(".")[0], type(estimator).__name__
    kind = _KINDS.get((library, name))
    if kind is None:
        raise LatentbookError(
            f"{name} is no estimator that can be cached: choose PCA, TSNE or UMAP of "
            "scikit-learn, openTSNE.sklearn or umap-learn"
        )
    given = estimator.get_params()
    if isinstance(given["random_state"], bool) or not isinstance(
        given["random_state"], int | np.integer
    ):
        raise LatentbookError(
            f"random_state of {name} is {given['random_state']!r}, but must be a whole number: "
            "what is computed once must be the same the next time"
        )
    stated = {"kind": kind} | {key: _as(of, given[key]) for key, of in _STATED[kind].items()}
    usual = reducer(seed=int(given["random_state"]), **stated).get_params()
    return stated | {
        key: value
        for key, value in given.items()
        if key not in stated and key != "n_jobs" and value != usual[key]
    }


def _as(kind: type, value: Any) -> Any:
    """Return a number as the settings spell it (25 as 25.0), and anything else as it is."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return kind(value) if number and kind(value) == value else value


def _cached(
    x: np.ndarray, params: dict[str, Any], seed: int, estimator: Callable[[], Any]
) -> cache.Computed:
    """Embed `x` with the estimator that `params` and `seed` describe, unless it is in the cache."""
    check_matrix(x)
    check_settings(x.shape[0], x.shape[1], params)
    kind = params["kind"]
    key = {
        "x": cache.digest(x),
        "params": params,
        "seed": seed,
        "library": f"{_LIBRARY[kind]} {version(_LIBRARY[kind])}",
    }

    def compute() -> dict[str, np.ndarray]:
        reduction = estimator()
        result = {"embedding": np.asarray(reduction.fit_transform(x), dtype=np.float32)}
        if kind == "pca":
            result["explained_variance_ratio"] = reduction.explained_variance_ratio_
        if kind == "tsne":
            result["kl_divergence"] = np.asarray(reduction.kl_divergence_)
        return result

    return cache.load_or_compute("embeddings", key, compute)


def hog(images: np.ndarray, pixels_per_cell: int = 8) -> np.ndarray:
    """Return histograms of oriented gradients (9 orientations, 2 x 2 cells a block).

    Parameters
    ----------
    images : array of shape (n, height, width, channels)
    pixels_per_cell : int, default=8
        Side of a cell in pixels.

    Returns
    -------
    array of shape (n, n_features), float32
    """
    from skimage.feature import hog as histogram

    if images.ndim != 4 or min(images.shape[1:3]) < 2 * pixels_per_cell:
        raise LatentbookError(
            f"images of shape {images.shape[1:]} are too small for cells of {pixels_per_cell} "
            "pixels: at least two cells a side are needed"
        )
    cells = (pixels_per_cell, pixels_per_cell)
    return np.stack(
        [
            histogram(image, 9, cells, (2, 2), channel_axis=-1, feature_vector=True)
            for image in images
        ]
    ).astype(np.float32)
