"""Two-stage clustering: a representation by name, and the second stages that suit it.

The names are those of the records: ``raw``, ``pca50``, ``tsne2``, ``umap2`` ... ``cae10-guo``.
Embedding, training and clustering themselves are left to `embed`, `autoencoders` and
`clustering`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentbook import clustering, embed
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, choose
from latentbook.sampling import thesis_sample

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
    backend: str | None = None


def represent(
    data: Dataset,
    name: str,
    *,
    seed: int,
    sample: int = 10_000,
    epochs: int = 20,
    patience: int = 10,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Representation:
    """Compute the named representation of `data`, or load it from the cache.

    Parameters
    ----------
    data
        Images.
    name
        A key of `STAGES`.
    seed
        Random state of the method, and of the sample that t-SNE sees.
    sample
        Samples that t-SNE sees at most, drawn with replacement as in fernandez2020.
    epochs, patience
        Limit and early stopping of the autoencoders.
    changes
        Kind of embedding (``tsne``, ``umap``) -> parameters that differ from the named setting.
    """
    choose("representation", name, STAGES)
    if name.startswith("cae"):
        return _codes(data, name, seed=seed, epochs=epochs, patience=patience)
    rows = np.arange(len(data))
    if name == "raw":
        return Representation(name, data.flat, rows, 0.0, {"all": rows})
    params: dict[str, Any] = {}
    if name == "tsne2":
        rows = thesis_sample(len(data), sample, seed)
        params = {"sample": len(rows)}
    kind = embed.settings(name)["kind"]
    changed = dict((changes or {}).get(kind, {}))
    x = data.flat if len(rows) == len(data) else data.flat[rows]
    result = embed.embed(x, name, seed=seed, **changed)
    params |= {k: v for k, v in embed.settings(name, **changed).items() if k != "kind"}
    z = result.arrays["embedding"]
    return Representation(name, z, rows, result.seconds, {"all": np.arange(len(z))}, params)


def _codes(data: Dataset, name: str, *, seed: int, epochs: int, patience: int) -> Representation:
    from importlib.metadata import version

    import keras

    from latentbook.autoencoders import conv

    images = fit_size(data.x, name)
    train, test = images[: data.n_train or None], images[data.n_train :]
    held_out = test if data.n_train else None
    autoencoder, history = conv.trained(
        name, train, held_out, epochs=epochs, patience=patience if data.n_train else None, seed=seed
    )
    rows = np.arange(len(data))
    parts = {"all": rows}
    metrics = {
        "epochs": len(history["loss"]),
        "parameters": autoencoder.model.count_params(),
        "parameters_encoder": autoencoder.encoder.count_params(),
        "parameters_decoder": autoencoder.decoder.count_params(),
    }
    if data.n_train:
        parts |= {"train": rows[: data.n_train], "test": rows[data.n_train :]}
        # the watched loss: binary cross-entropy or mean squared error of the test images
        loss = "bce" if name == "cae10" else "mse"
        metrics[loss] = history["val_loss"][-1]
    return Representation(
        name,
        autoencoder.encode(images),
        rows,
        sum(history["seconds"]),
        parts,
        {"max_epochs": epochs, "patience": patience, "batch_size": 256},
        metrics,
        f"{keras.backend.backend()}, keras {version('keras')}",
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


def second_stage(
    z: np.ndarray, name: str, *, k: int, seed: int, min_samples: int, min_cluster_share: float
) -> tuple[np.ndarray, float, dict[str, Any]]:
    """Cluster `z` and return labels, seconds and the parameters for the record."""
    changes: dict[str, Any] = {}
    if name == "hdbscan":
        changes = {
            "min_samples": min_samples,
            "min_cluster_size": min_cluster_size(len(z), min_cluster_share),
        }
    result = clustering.cluster(z, name, n_clusters=k, seed=seed, **changes)
    params = changes if name == "hdbscan" else {"k": k}
    return result.arrays["labels"], result.seconds, params
