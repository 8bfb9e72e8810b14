"""What windows are clustered by: their heights, parts of them, or the wind that carries a release.

Each input turns every window into a point; `patterns` clusters the points and `analogues` finds the
nearest of them. Networks are left to `codes`.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from sklearn.decomposition import PCA

from latentbook.errors import check_between, choose
from latentbook.weather import winds
from latentbook.weather.dataset import Weather
from latentbook.weather.windows import windows

#: Inputs by name: ``first-field``, ``mean-field`` and ``shuffled`` say what the order of the fields
#: is worth; ``levels`` are the heights of all levels; ``heights`` and ``wind`` are at the level of
#: the release; a number after ``eofs`` is that of the principal components.
INPUTS = (
    "first-field",
    "mean-field",
    "shuffled",
    "eofs5",
    "eofs10",
    "levels",
    "heights",
    "wind",
    "wind-eofs5",
)


def points(weather: Weather, name: str, *, level: float = 900.0, seed: int = 0) -> np.ndarray:
    """Return every window as a point of one input.

    Parameters
    ----------
    weather : Weather
        The windows.
    name : str
        One of `INPUTS`.
    level : float, default=900.0
        Of ``heights`` and ``wind``, in hPa.
    seed : int, default=0
        Of the order of shuffled fields, and of the principal components.

    Returns
    -------
    array of float32, shape (n_windows, n)
        Distances between points are those between the inputs: of heights that are scaled to [0, 1]
        (the main level), of metres (``heights``), or of cells a second (``wind``).

    Raises
    ------
    LatentbookError
        For an unknown name, and a level or wind that the weather lacks.
    """
    choose("input", name, INPUTS)
    base, _, n = name.partition("eofs")
    x = _fields(weather, base.rstrip("-"), level, seed)
    flat = rotated(x.reshape(len(x), -1))
    if not n:
        return flat
    training = weather.training
    check_between("principal components", int(n), 1, min(training.sum() - 1, flat.shape[1]))
    pca = PCA(int(n), svd_solver="full").fit(flat[training])
    return pca.transform(flat).astype(np.float32)


def _fields(weather: Weather, name: str, level: float, seed: int) -> np.ndarray:
    """Return the fields of every window that an input is made of."""
    if name == "heights":
        at_level = winds.heights(weather.fields, weather.grid, level)
        return windows(at_level, weather.length, weather.step)[:]
    if name == "wind":
        wind = winds.at_level(weather.fields, weather.grid, level)
        components = xr.DataArray(
            wind.velocity, {"time": wind.times}, ("time", "y", "x", "level"), "wind"
        )
        return windows(components, weather.length, weather.step)[:]
    if name == "levels":
        return weather.heights[:]
    x = weather.main[:]
    if name == "first-field":
        return x[:, 0]
    if name == "mean-field":
        return x.mean(axis=1)
    if name == "shuffled":
        return _shuffled(x, seed)
    return x


def _shuffled(x: np.ndarray, seed: int) -> np.ndarray:
    """Return windows with their fields in an order that is drawn for each."""
    order = np.random.default_rng(seed).random(x.shape[:2]).argsort(axis=1)
    return np.take_along_axis(x, order[:, :, None, None, None], axis=1)


def rotated(flat: np.ndarray) -> np.ndarray:
    """Return centred points in coordinates of the space that they span; distances stay the same.

    Parameters
    ----------
    flat : array of shape (n, d)
        Changed: its mean is subtracted. Points with fewer numbers than points come back as they
        are then.
    """
    flat -= flat.mean(axis=0)
    if len(flat) > flat.shape[1]:
        return flat
    values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
    return (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)[:, ::-1]
