"""Study of chapter 01: embeddings of one data set, and how much of its structure each keeps.

A setting is a name, as the records spell it, and the estimator behind it.
Every embedding is scored on the same images, those that t-SNE sees, against the space of the
pixels.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from latentbook import embed, metrics
from latentbook.cache import Computed
from latentbook.chapters.dimensionality_reduction import CHAPTER
from latentbook.datasets import Dataset
from latentbook.errors import choose
from latentbook.sampling import thesis_sample
from latentbook.study.method import Method
from latentbook.study.result import Result, Score

#: Embeddings that see only the thesis' sample of the images.
SAMPLED = ("tsne2",)
#: Features that can stand before an embedding, instead of pixels.
FEATURES = ("hog",)


@dataclass(frozen=True)
class Setting:
    """One embedding that is compared.

    Attributes
    ----------
    name : str
        Of the embedding, such as ``umap2``, or ``raw``.
    estimator : PCA, TSNE, UMAP or None
        Embeds; None leaves the space as it is.
    features : str
        ``hog``, or empty for pixels.
    """

    name: str
    estimator: Any = None
    features: str = ""

    @property
    def method(self) -> Method:
        """The method as the records name it, such as ``umap2`` or ``hog + umap2``."""
        return Method(self.features, self.name) if self.features else Method(self.name)


def plan(embeddings: str, estimators: Mapping[str, Any]) -> list[Setting]:
    """Return the settings that the chapter's parameter `embeddings` lists.

    Parameters
    ----------
    embeddings
        Names with commas between them, such as ``raw, pca2, hog + umap2``.
    estimators
        Name -> unfitted estimator; ``raw`` needs none.

    Raises
    ------
    LatentbookError
        For a name that is neither ``raw`` nor in `estimators`, and for unknown features.
    """
    settings = []
    for text in embeddings.split(","):
        method = Method.parse(text.strip())
        features, name = method.representation, method.learner
        if not name:
            features, name = "", method.representation
        choose("features", features, ("", *FEATURES))
        choose("embedding", name, ("raw", *estimators))
        settings.append(Setting(name, estimators.get(name), features))
    return settings


def scored(n_samples: int, sample: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that embeddings are scored on, and their places in the thesis' sample.

    The sample is drawn with replacement; each image of it is scored once.
    """
    rows = thesis_sample(n_samples, sample, random_state)
    return np.unique(rows, return_index=True)


def run(data: Dataset, setting: Setting, *, random_state: int = 0, sample: int = 10_000) -> Result:
    """Embed the images with one setting, and measure what the embedding keeps.

    Parameters
    ----------
    data
        Images.
    setting
        Of `plan`.
    random_state
        Seed of the sample; the estimator has its own.
    sample
        Images that t-SNE sees at most.

    Returns
    -------
    Result
        One score.  Arrays: ``index`` and ``labels`` of the images that were scored, their
        embedding by name where it has two dimensions, and ``variance of <name>`` for PCA.
    """
    points, places = scored(len(data), sample, random_state)
    start = time.perf_counter()
    space = embed.hog(data.x) if setting.features else data.flat
    seconds = {"features": time.perf_counter() - start} if setting.features else {}
    params: dict[str, Any] = {"features": setting.features} if setting.features else {}
    if setting.estimator is None:
        computed = Computed({"embedding": space}, 0.0, loaded=False)
    else:
        sampled = setting.name in SAMPLED
        rows = thesis_sample(len(data), sample, random_state) if sampled else slice(None)
        computed = embed.fit_transform(setting.estimator, space[rows])
        params |= embed.parameters(setting.estimator)
        params |= {"sample": len(rows)} if sampled else {}  # type: ignore[arg-type]
        seconds["embed"] = computed.seconds
    z = computed.arrays["embedding"][places if setting.name in SAMPLED else points]
    name = str(setting.method)
    arrays = {
        "index": data.index[points].astype(np.int32),
        "labels": data.y[points].astype(np.uint8),
    }
    if z.shape[1] == 2:
        arrays[name] = z.astype(np.float16)
    scores = structure(data.flat[points], z, data.y[points])
    if "explained_variance_ratio" in computed.arrays:
        ratio = computed.arrays["explained_variance_ratio"]
        scores |= _explained(data.flat, ratio)
        arrays[f"variance of {name}"] = ratio.astype(np.float32)
    return Result(CHAPTER, data, random_state, [Score(name, scores, params, seconds)], arrays)


def structure(X: np.ndarray, z: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the measures of the chapter for an embedding `z` of `X` with classes `y`."""
    scores = metrics.structure_preservation(X, z, y)
    scores["knn_accuracy"] = cross_val_score(KNeighborsClassifier(15), z, y, cv=5).mean()
    return scores


def _explained(X: np.ndarray, ratio: np.ndarray) -> dict[str, float]:
    """Return shares of the variance as PCA computed them, and in double precision."""
    exact = np.linalg.eigvalsh(np.cov(X.T))[::-1]
    shares = {f"explained_variance_ratio_{i + 1}": ratio[i] for i in (0, 1)}
    shares |= {f"explained_variance_double_{i + 1}": exact[i] / exact.sum() for i in (0, 1)}
    return shares | {"explained_variance_ratio_sum": ratio.sum()}


def compared(
    estimators: Mapping[str, Any], X: np.ndarray, y: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Embed the same images with several estimators, for `plots.scatter_panels`.

    Returns
    -------
    dict
        Title with trustworthiness T and rank correlation of distances ρ -> embedding and classes.
    """
    panels = {}
    for title, estimator in estimators.items():
        z = embed.fit_transform(estimator, X).arrays["embedding"]
        scores = metrics.structure_preservation(X, z)
        kept = f"T {scores['trustworthiness']:.3f}, ρ {scores['distance_correlation']:.2f}"
        panels[f"{title}: {kept}"] = z, y
    return panels
