"""Which rows the uses of chapter 02 learn from, and which rows judge them.

One rule, that of `sampling.split`: the published test part, or the last third where none is
published.

One exception, `draw_images`: the convolutional networks of denoising and inpainting learn from few
images and are judged by few, which are drawn at random. Where a test part is published, each draw
is from its part. Where none is published, the draw itself is the split: the held-out images come
from anywhere in the data. The committed records of the partial copy of CIFAR-10, which has no test
part, were made so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentbook import sampling
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between


@dataclass(frozen=True)
class Parts:
    """Samples to learn from and samples held out, with their classes.

    Attributes
    ----------
    train, test : arrays of float32
        Rows of a table, or images of shape (n, height, width, channels).
    y_train, y_test : vectors of integers
    """

    train: np.ndarray
    test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def parts(data: Dataset) -> Parts:
    """Return all samples, split by `sampling.split`.

    Raises
    ------
    LatentbookError
        If there are fewer than 30 samples.
    """
    check_between("the number of samples", len(data), 30, 10**9)
    first = len(sampling.split(len(data), data.n_train)[0])
    return Parts(data.x[:first], data.x[first:], data.y[:first], data.y[first:])


def draw_images(data: Dataset, *, n_train: int, n_test: int, random_state: int) -> Parts:
    """Draw a few training images and a few held-out images.

    Parameters
    ----------
    data : Dataset
        Images.
    n_train, n_test : int
        How many are drawn.
    random_state : int
        Of the draw.

    Raises
    ------
    LatentbookError
        If the data are no images, or hold too few.
    """
    if data.x.ndim != 4:
        raise LatentbookError(
            f"{data.name} is a table, but this use takes images: choose a data set of images"
        )
    order = np.random.default_rng(random_state).permutation(len(data))
    test, train = order[:n_test], order[n_test:]
    if data.n_train:
        train, test = order[order < data.n_train], order[order >= data.n_train]
    for what, wanted, rows in (("training", n_train, train), ("held-out", n_test, test)):
        if not 1 <= wanted <= len(rows):
            raise LatentbookError(
                f"{data.name} has {max(0, len(rows)):,} {what} images, but {wanted:,} are asked "
                "for: ask for at least 1 and at most as many"
            )
    train, test = train[:n_train], test[:n_test]
    return Parts(data.x[train], data.x[test], data.y[train], data.y[test])
