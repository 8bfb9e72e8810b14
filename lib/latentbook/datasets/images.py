"""Images: from verified bytes to float32 in [0, 1] with a channel axis.

The training split comes first, then the test split, both in published order.
Nothing is shuffled here; reading files is left to `readers`.
"""

from __future__ import annotations

import numpy as np

from latentbook.datasets.dataset import Dataset
from latentbook.datasets.registry import Entry
from latentbook.datasets.store import Verified


def build(data: Entry, raw: Verified) -> Dataset:
    """Return the images of `raw`, of shape (n, height, width, channels), as a `Dataset`."""
    arrays = raw.arrays
    n_train = 0
    if "x" in arrays:
        images, labels = enlarge(arrays["x"], 28), arrays["y"]
        index = np.arange(len(labels))
    elif "idx_test" in arrays:
        images, labels = _scaled(arrays["x_test"]), arrays["y_test"]
        index = 50_000 + arrays["idx_test"].astype(np.int64)
    else:
        n_train = len(arrays["y_train"])
        images = _scaled(arrays["x_train"], arrays["x_test"])
        labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
        index = np.arange(len(labels))
    return Dataset(
        name=data.name,
        x=images if images.ndim == 4 else images[..., np.newaxis],
        y=labels.astype(np.int64),
        classes=data.classes,
        n_train=n_train,
        sha256=raw.sha256,
        index=index,
        complete=raw.complete,
        source=raw.source,
        part=raw.part,
    )


def _scaled(*parts: np.ndarray) -> np.ndarray:
    """Return the images of all `parts` (bytes, or values from -1 to 1) as float32 in [0, 1]."""
    images = np.concatenate(parts, dtype=np.float32)
    if parts[0].dtype == np.uint8:
        images /= np.float32(255)
    else:
        images += np.float32(1)
        images /= np.float32(2)
    return images


def enlarge(images: np.ndarray, size: int) -> np.ndarray:
    """Return square images of values from 0 to 16 resized bilinearly, as float32 in [0, 1].

    Parameters
    ----------
    images : ndarray of uint8, shape (n, m, m)
        Grey values from 0 to 16.
    size : int
        Pixels along each side of the result.

    Notes
    -----
    Pixel centres are aligned, and edges are continued.
    Weights are whole multiples of 1 / (2 `size`). Every sum is therefore exact, and the result is
    the same on every machine, bit for bit.
    """
    old = images.shape[1]
    centres = np.clip((2 * np.arange(size) + 1) * old - size, 0, 2 * size * (old - 1))
    left = np.minimum(centres // (2 * size), old - 2)
    weights = np.zeros((size, old))
    rows = np.arange(size)
    weights[rows, left + 1] = centres - 2 * size * left
    weights[rows, left] = 2 * size - weights[rows, left + 1]
    sums = weights @ images.astype(np.float64) @ weights.T
    return (sums / (16 * (2 * size) ** 2)).astype(np.float32)
