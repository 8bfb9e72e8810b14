"""One function between a name and a `Dataset`."""

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

    Looked for in ``$LATENTBOOK_DATA``, the project's cache, the folders of the operating system and
    of Keras; then downloaded from the mirrors of the registry.
    The arrays are compared with the published digests every time.

    Parameters
    ----------
    name : str
        One of `NAMES`; with ``-train`` or ``-test`` only that published split, as ``mnist-test``.
    n : int, optional
        Number of samples to draw without replacement; all by default.
    seed : int
        Seed of that draw.
    download : bool
        Whether the network may be used.

    Raises
    ------
    LatentbookError
        For an unknown name, an impossible `n`, data that are nowhere, and files that are corrupt,
        truncated or another data set's.
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
        Whether the mirrors may be asked if no place on this machine has the data.

    Raises
    ------
    LatentbookError
        If the data are nowhere, or a file found first is not what it should be.
    """
    found = store.find(data)
    if found is not None:
        return store.verify(data, found)
    if not download:
        raise LatentbookError(
            f"{data.name} is not on this machine (looked in {store.looked_in(data)}): "
            f"run `latentbook data fetch {data.name}`, or {store.offline(data)}"
        )
    return fetch(data)
