"""From the name of a data set to a `Dataset`, in one function.

Where files lie is left to `store`, downloads to `download`, layout to `images` and `tables`.
"""

from __future__ import annotations

from latentbook.datasets import images, store, tables
from latentbook.datasets.dataset import Dataset, check_size
from latentbook.datasets.download import fetch
from latentbook.datasets.registry import Entry, entry
from latentbook.errors import LatentbookError


def class_names(name: str) -> tuple[str, ...]:
    """Return the names of the classes of a data set, without reading it."""
    return entry(name).classes


def load(name: str, n: int | None = None, seed: int = 0, download: bool = True) -> Dataset:
    """Return the data set `name`, or `n` samples of it.

    The files are looked for in ``$LATENTBOOK_DATA``, in the project's cache and in the folders of
    the operating system and of Keras. If they are in none of these, they are downloaded.
    The arrays are compared with the published digests at every call.

    Parameters
    ----------
    name : str
        One of `NAMES`. With ``-train`` or ``-test`` only that published split: ``mnist-test``.
    n : int, default=None
        Number of samples to draw without replacement; None takes all.
    seed : int, default=0
        Random state of that draw.
    download : bool, default=True
        Whether the network may be used.

    Returns
    -------
    Dataset

    Raises
    ------
    LatentbookError
        For an unknown name, an impossible `n`, data that are not available, and files that are
        corrupt, truncated or of another data set.

    Examples
    --------
    >>> from latentbook import datasets
    >>> digits = datasets.load("digits", n=200, seed=1)
    >>> digits.x.shape, digits.flat.shape, len(digits.classes)
    ((200, 28, 28, 1), (200, 784), 10)
    >>> digits.description
    'Optical digits: 200 of 1,797 images'
    """
    data = entry(name)
    part = name.removeprefix(data.name).removeprefix("-")
    if n is not None and not part:
        check_size(name, n, data.rows)
    raw = obtain(data, download)
    builder = images.build if data.kind == "images" else tables.build
    dataset = builder(data, raw)
    if part:
        dataset = dataset.split(part)
    return dataset if n is None else dataset.subset(n, seed)


def obtain(data: Entry, download: bool) -> store.Verified:
    """Return the verified arrays of `data` from the first place that has them.

    Parameters
    ----------
    data : Entry
        The registry's entry of the data set.
    download : bool
        Whether the mirrors may be asked if the data are not on this machine.

    Raises
    ------
    LatentbookError
        If the data are not available, or the first file of that name is not the published one.
    """
    location = store.find(data)
    if location is not None:
        return store.verify(data, location)
    if not download:
        raise LatentbookError(
            f"{data.name} is not on this machine (looked in {store.looked_in(data)}): "
            f"run `latentbook data fetch {data.name}`, or {store.offline(data)}"
        )
    return fetch(data)
