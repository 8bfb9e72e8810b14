"""The data set that every chapter gets: samples in [0, 1], integer classes, and their origin.

A `Dataset` never changes. `Dataset.subset` returns a smaller one, which says that it is a subset.
Reading files is left to `loading`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from latentbook.datasets.registry import NAMES, entry
from latentbook.errors import LatentbookError, choose


@dataclass(frozen=True)
class Dataset:
    """A data set, complete or a subset that says so.

    Attributes
    ----------
    name : str
        Its name in the registry, such as ``mnist``, with ``-train`` or ``-test`` for a split.
    x : ndarray of float32
        Images of shape (n, height, width, channels) in [0, 1]; tables of shape (n, d), without
        columns where only the frame is given, for `tabular` to encode.
    y : ndarray of int64, shape (n,)
        Class of each sample, an index into `classes`.
    classes : tuple of str
        Names of the classes.
    n_train : int
        The first `n_train` rows are the published training split, the others the test split.
        0 if the data have no split, or if one of its parts is missing.
    sha256 : str
        Digest of the verified raw arrays; that of a subset includes the indices drawn.
    index : ndarray of int64, shape (n,)
        Position of each sample in the complete data, training split first.
    complete : bool
        False if samples are missing.
    source : str
        Where the arrays were read from.
    frame : DataFrame or None, default=None
        For tables: the published columns, typed.
    part : str, default=""
        Which part of the published data they are, in words, where the registry says it.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    n_train: int
    sha256: str
    index: np.ndarray
    complete: bool
    source: str
    frame: pd.DataFrame | None = None
    part: str = ""

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.x)

    @property
    def flat(self) -> np.ndarray:
        """Return `x` as a matrix of shape (n, d): a view, not a copy."""
        return self.x.reshape(len(self.x), -1)

    @property
    def description(self) -> str:
        """Return title and size in words: ``CIFAR-10: 9,979 of 60,000 images``.

        For data outside the registry, such as the reader's own table, the title is their name.
        """
        if self.name.removesuffix("-train").removesuffix("-test") not in NAMES:
            return f"{self.name}: {len(self):,} rows"
        data = entry(self.name)
        size = f"{len(self):,}" if self.complete else f"{len(self):,} of {data.rows:,}"
        return f"{data.title}: {size} {data.unit}"

    @property
    def extent(self) -> str | None:
        """Return the part of the published data that this is, such as ``500 of 70,000 images``.

        None if it is all of them, and for data outside the registry.
        """
        if self.part:
            return self.part
        if self.name.removesuffix("-train").removesuffix("-test") not in NAMES:
            return None
        data = entry(self.name)
        return None if len(self) == data.rows else f"{len(self):,} of {data.rows:,} {data.unit}"

    def subset(self, n: int, seed: int = 0) -> Dataset:
        """Return `n` samples drawn uniformly without replacement, in their original order.

        The data set itself is returned if `n` is its size.

        Parameters
        ----------
        n : int
            Number of samples.
        seed : int, default=0
            Random state of the draw.

        Raises
        ------
        LatentbookError
            If `n` is not a whole number from 1 to the number of samples.
        """
        check_size(self.name, n, len(self))
        if n == len(self):
            return self
        return self._take(np.sort(np.random.default_rng(seed).choice(len(self), n, replace=False)))

    def split(self, part: str) -> Dataset:
        """Return the published ``train`` or ``test`` part, named for example ``mnist-test``.

        Raises
        ------
        LatentbookError
            If `part` is another word, or if the data have no published split.
        """
        choose("split", part, ("train", "test"))
        if not self.n_train:
            raise LatentbookError(f"{self.name} has no published split: take all of it")
        rows = np.arange(len(self))
        chosen = rows[: self.n_train] if part == "train" else rows[self.n_train :]
        return replace(self._take(chosen), name=f"{self.name}-{part}")

    def _take(self, chosen: np.ndarray) -> Dataset:
        index = self.index[chosen]
        mixed = hashlib.sha256(self.sha256.encode() + index.astype("<i8").tobytes())
        return replace(
            self,
            x=self.x[chosen],
            y=self.y[chosen],
            n_train=0,
            sha256=mixed.hexdigest(),
            index=index,
            complete=False,
            frame=None if self.frame is None else self.frame.iloc[chosen].reset_index(drop=True),
            part="",
        )


def check_size(name: str, n: object, available: int) -> None:
    """Raise `LatentbookError` unless `n` is a whole number from 1 to `available`."""
    whole = isinstance(n, int | np.integer) and not isinstance(n, bool)
    if not whole or not 1 <= n <= available:  # type: ignore[operator]
        raise LatentbookError(
            f"n is {n!r}, but a subset of {name} has a whole number of samples from 1 to "
            f"{available:,}"
        )
