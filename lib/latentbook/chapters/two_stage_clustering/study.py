"""Study of chapter 03: a representation by name, and the second stages that suit it.

The names are those of the records: ``raw``, ``pca50``, ``tsne2``, ``umap2`` ... ``cae10-guo``.
Embedding, training and clustering themselves are left to `embed`, `autoencoders` and
`clustering`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentbook import clustering, embed, metrics, plots
from latentbook.chapters.two_stage_clustering import CHAPTER, CHOICE, CRITERIA, LOSSES, PICTURE
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, choose
from latentbook.sampling import subsample, thesis_sample
from latentbook.study.method import Method
from latentbook.study.result import Result, Score

#: Representation -> the second stages that are run on it.
STAGES: dict[str, tuple[str, ...]] = {
    "raw": ("k-means",),
    "pca50": ("k-means", "hdbscan"),
    "tsne2": ("k-means", "mixture", "hdbscan"),
    "umap2": ("k-means", "mixture", "hdbscan"),
    "umap10": ("k-means", "mixture", "hdbscan"),
    "umap30": ("k-means", "mixture", "hdbscan"),
    "cae10": ("k-means", "mixture"),
    "cae10-guo": ("k-means", "mixture"),
}

#: Representations that only the experiments of `misses` use.
CONTROLS = ("pca2",)


@dataclass(frozen=True)
class Setting:
    """One representation, and how it and its second stages are computed.

    Attributes
    ----------
    representation : str
        A key of `STAGES`.
    k : int
        Clusters of k-means and of the mixture.
    sample : int
        Samples that t-SNE sees at most, drawn with replacement as in fernandez2020.
    changes : dict
        Kind of embedding (``tsne``, ``umap``) -> parameters that differ from the named setting.
    epochs, patience : int
        Limit and early stopping of the autoencoders.
    min_samples : int
        Of HDBSCAN.
    min_cluster_share : float
        Smallest cluster of HDBSCAN as a share of the samples.
    """

    representation: str
    k: int = 10
    sample: int = 10_000
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    epochs: int = 20
    patience: int = 10
    min_samples: int = 10
    min_cluster_share: float = 500 / 70_000


def plan(representations: Sequence[str], **options: Any) -> list[Setting]:
    """Return one setting a representation; `options` are those of `Setting`.

    Raises
    ------
    LatentbookError
        For a representation that is not in `STAGES`.
    """
    return [Setting(choose("representation", name, STAGES), **options) for name in representations]


@dataclass(frozen=True)
class Representation:
    """A matrix that stands for (some of) the samples of a data set.

    Attributes
    ----------
    z : array of shape (n, n_components)
    rows : vector of length n
        The samples of the data set that `z` describes, in the order of `z`.
    parts : dict
        Name -> positions in `z` that are clustered and scored together; ``all`` always, and
        ``train`` and ``test`` for autoencoders, which saw only the training images.
    seconds : float
        Wall time of the computation, also when it was loaded from the cache.
    params, metrics : dict
        What the record of the run states beside the scores.
    """

    name: str
    z: np.ndarray
    rows: np.ndarray
    seconds: float
    parts: dict[str, np.ndarray]
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def represent(data: Dataset, setting: Setting, *, random_state: int = 0) -> Representation:
    """Compute the representation of a setting, or load it from the cache.

    Parameters
    ----------
    data
        Images.
    setting
        Of `plan`.
    random_state
        Of the method, and of the sample that t-SNE sees.
    """
    name = choose("representation", setting.representation, (*STAGES, *CONTROLS))
    if name in LOSSES:
        return _codes(data, setting, random_state)
    rows = np.arange(len(data))
    if name == "raw":
        return Representation(name, data.flat, rows, 0.0, {"all": rows})
    params: dict[str, Any] = {}
    if name == "tsne2":
        rows = thesis_sample(len(data), setting.sample, random_state)
        params = {"sample": len(rows)}
    kind = embed.settings(name)["kind"]
    changed = dict(setting.changes.get(kind, {}))
    x = data.flat if len(rows) == len(data) else data.flat[rows]
    result = embed.embed(x, name, seed=random_state, **changed)
    params |= {k: v for k, v in embed.settings(name, **changed).items() if k != "kind"}
    z = result.arrays["embedding"]
    return Representation(name, z, rows, result.seconds, {"all": np.arange(len(z))}, params)


def _codes(data: Dataset, setting: Setting, random_state: int) -> Representation:
    """Train an autoencoder on the training images, or load it; return the codes of all."""
    from latentbook.autoencoders import conv

    name = setting.representation
    images = fit_size(data.x, name)
    train, test = images[: data.n_train or None], images[data.n_train :]
    held_out = test if data.n_train else None
    autoencoder, history = conv.trained(
        name,
        train,
        held_out,
        epochs=setting.epochs,
        patience=setting.patience if data.n_train else None,
        seed=random_state,
    )
    rows = np.arange(len(data))
    parts = {"all": rows}
    measured = {
        "epochs": len(history["loss"]),
        "parameters": autoencoder.model.count_params(),
        "parameters_encoder": autoencoder.encoder.count_params(),
        "parameters_decoder": autoencoder.decoder.count_params(),
    }
    if data.n_train:
        parts |= {"train": rows[: data.n_train], "test": rows[data.n_train :]}
        # the loss that early stopping watches, of the test images
        measured[LOSSES[name]] = history["val_loss"][-1]
    return Representation(
        name,
        autoencoder.encode(images),
        rows,
        sum(history["seconds"]),
        parts,
        {"max_epochs": setting.epochs, "patience": setting.patience, "batch_size": 256},
        measured,
    )


def fit_size(images: np.ndarray, architecture: str) -> np.ndarray:
    """Return `images`, resized bilinearly to 28 x 28 where ``cae10`` needs it.

    Raises
    ------
    LatentbookError
        If `images` is a table, not an array of shape (n, height, width, channels).
    """
    if images.ndim != 4:
        raise LatentbookError(
            f"a convolutional autoencoder takes images, but the samples have shape "
            f"{images.shape[1:]}: choose a data set of images"
        )
    if architecture != "cae10" or images.shape[1:3] == (28, 28):
        return images
    import keras

    resized = keras.ops.image.resize(images, (28, 28), interpolation="bilinear")
    return np.clip(keras.ops.convert_to_numpy(resized), 0, 1).astype(np.float32)


def min_cluster_size(n_samples: int, share: float) -> int:
    """Return HDBSCAN's smallest cluster: a share of the samples, at least 5."""
    return max(5, round(share * n_samples))


def run(
    data: Dataset,
    setting: Setting,
    *,
    random_state: int = 0,
    represented: Representation | None = None,
    stages: Sequence[str] | None = None,
) -> Result:
    """Represent the images, and cluster them with every second stage that suits.

    Parameters
    ----------
    data
        Images.
    setting
        Of `plan`.
    random_state
        Of both stages.
    represented
        What `represent` returned for the setting, where it is at hand.
    stages
        Names of second stages; None takes those of `STAGES`.

    Returns
    -------
    Result
        One score for each second stage and part of the images, and one for the network where
        there is one.  Arrays, of at most 10,000 images (``index``): ``classes``, and
        ``labels <method>`` by the class that each cluster matches best; the picture ``umap2``;
        and ``centres`` of k-means on pixels.
    """
    represented = represented or represent(data, setting, random_state=random_state)
    name = represented.name
    shown = subsample(len(data))
    arrays = _about(data, shown)
    if name == PICTURE:
        arrays[name] = represented.z[shown].astype(np.float16)
    scores = []
    spent = {"represent": represented.seconds}
    if represented.metrics:  # a network: its size and loss
        scores.append(
            Score(
                Method(name),
                represented.metrics,
                represented.params,
                spent,
                source_table="appendix 7",
            )
        )
    for stage in STAGES[name] if stages is None else stages:
        method = Method(name, stage)
        for part, positions in represented.parts.items():
            labels, seconds, params = _second_stage(
                represented.z[positions], stage, setting, random_state
            )
            members = represented.rows[positions]
            scored = metrics.clustering_scores(data.y[members], labels)
            scored["silhouette"] = metrics.silhouette(data.flat[members], labels)
            scores.append(
                Score(
                    method,
                    scored | represented.metrics,
                    represented.params | params | {"evaluated_on": part},
                    spent | {"cluster": seconds},
                    coverage=metrics.coverage(labels),
                    source_table="table 12.1",
                )
            )
            if part == "all" and len(labels) == len(data):
                matched = plots.aligned(data.y, labels)[shown]
                arrays[f"labels {method}"] = matched.astype(np.int8)
                if name == "raw":
                    arrays["centres"] = _centres(data.x, labels)
    return Result(CHAPTER, data, random_state, scores, arrays, networks=name in LOSSES)


def _about(data: Dataset, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays that say which images the others are about."""
    return {"index": rows.astype(np.int32), "classes": data.y[rows].astype(np.int8)}


def _centres(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean image of each cluster, in 256 shades."""
    means = np.stack([images[labels == c].mean(axis=0) for c in np.unique(labels)])
    return np.round(255 * means).astype(np.uint8)


def _second_stage(
    z: np.ndarray, name: str, setting: Setting, random_state: int
) -> tuple[np.ndarray, float, dict[str, Any]]:
    """Cluster `z` and return labels, seconds and the parameters for the record."""
    changes: dict[str, Any] = {}
    if name == "hdbscan":
        changes = {
            "min_samples": setting.min_samples,
            "min_cluster_size": min_cluster_size(len(z), setting.min_cluster_share),
        }
    result = clustering.cluster(z, name, n_clusters=setting.k, seed=random_state, **changes)
    return result.arrays["labels"], result.seconds, changes or {"k": setting.k}


def basis(settings: Sequence[Setting]) -> Setting:
    """Return the setting on whose representation k is chosen: UMAP's picture, or the first."""
    return next((s for s in settings if s.representation == PICTURE), settings[0])


def choose_k(
    data: Dataset,
    setting: Setting,
    *,
    k_max: int,
    random_state: int = 0,
    represented: Representation | None = None,
) -> Result:
    """Choose the number of clusters without labels, and score k-means and the mixture with it.

    Parameters
    ----------
    data, setting, random_state, represented
        As for `run`.
    k_max
        Largest number of clusters that is tried; the smallest is 2.

    Returns
    -------
    Result
        One score: ``k_by_silhouette``, ``k_by_bic`` and the accuracies with them.
        Arrays: ``curve n_clusters``, ``curve silhouette`` and ``curve bic``.
    """
    represented = represented or represent(data, setting, random_state=random_state)
    curves = clustering.choose_k(represented.z, range(2, k_max + 1), seed=random_state)
    best = {"silhouette": np.argmax(curves["silhouette"]), "bic": np.argmin(curves["bic"])}
    outcome = {f"k_by_{name}": curves["n_clusters"][place] for name, place in best.items()}
    for criterion, stage in CRITERIA.items():
        k = int(outcome[f"k_by_{criterion}"])
        result = clustering.cluster(represented.z, stage, n_clusters=k, seed=random_state)
        outcome[f"acc_by_{criterion}"] = metrics.accuracy(
            data.y[represented.rows], result.arrays["labels"]
        )
    arrays = _about(data, subsample(len(data)))
    arrays |= {f"curve {name}": np.array(values) for name, values in curves.items()}
    score = Score(Method(represented.name, CHOICE), outcome, {"k_max": k_max}, {})
    return Result(CHAPTER, data, random_state, [score], arrays)
