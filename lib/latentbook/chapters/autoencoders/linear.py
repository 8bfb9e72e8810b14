"""Use 1: a linear autoencoder finds the principal subspace, a nonlinear one reconstructs better.

The comparison with PCA comes first because PCA is what every other use has to beat.
Also here: the split into training and test rows that the uses with dense networks share.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from latentbook import plots, sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.study import one_thread, result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between
from latentbook.study.result import Result, Score

#: Test images, and directions of the subspace, in the figures.
SHOWN = 8


@dataclass(frozen=True)
class Parts:
    """Rows that networks learn from and rows they are judged by, with their classes."""

    train: np.ndarray
    test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def parts(data: Dataset) -> Parts:
    """Return the published split; where there is none, the last third is the test part."""
    n = data.n_train or len(data) * 2 // 3
    check_between("the number of samples", len(data), 30, 10**9)
    return Parts(data.x[:n], data.x[n:], data.y[:n], data.y[n:])


def check_sizes(n_codes: Sequence[int], part: Parts) -> None:
    """Raise `LatentbookError` unless PCA and the networks can have codes of all these sizes."""
    if not n_codes:
        raise LatentbookError("n_codes is empty: give at least one size of the code")
    largest = min(len(part.train), flat(part.train).shape[1])
    for k in n_codes:
        check_between("n_codes", k, 1, largest)


def flat(x: np.ndarray) -> np.ndarray:
    """Return `x` as a matrix of one row a sample."""
    return x.reshape(len(x), -1)


def principal_components(x: np.ndarray, n_codes: int) -> PCA:
    """Return PCA fitted to all rows of the matrix `x`, without random shortcuts."""
    wide = x.shape[1] > len(x)
    return PCA(n_codes, svd_solver="full" if wide else "covariance_eigh").fit(x)


def mse(x: np.ndarray, rebuilt: np.ndarray) -> float:
    """Return the mean over samples and features of the squared error."""
    return float(np.mean((flat(x).astype(np.float64) - flat(rebuilt)) ** 2))


def largest_angle(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest principal angle between the spans of two sets of rows, in degrees."""
    from scipy.linalg import subspace_angles

    return float(np.degrees(subspace_angles(first.T, second.T).max()))


@one_thread
def run(
    data: Dataset,
    *,
    seed: int,
    n_codes: Sequence[int],
    widths: Sequence[int],
    epochs: int,
    batch_size: int,
    gradient: float = 1e-7,
) -> Result:
    """Reconstruct test rows with PCA, a linear and a nonlinear autoencoder of every code size.

    Parameters
    ----------
    n_codes
        Sizes of the code, in any order; the figures show ten, or the size nearest to it.
    widths
        Of the nonlinear encoder's hidden layers (ReLU), mirrored in the decoder.
    epochs, batch_size
        Of the nonlinear autoencoders' training. PCA and the linear one see all rows at once.
    gradient
        At which the search for the linear one stops, see `dense.fit_linear`.

    Returns
    -------
    Study
        ``mse`` on the test part by method and ``n_codes``; of the linear autoencoder also
        ``largest_angle_degrees`` between its decoder's span and PCA's.
    """
    part = parts(data)
    check_sizes(n_codes, part)
    sizes = sorted(set(n_codes))
    designs = [{"n_codes": k, "widths": tuple(widths), "activation": "relu"} for k in sizes]
    networks, seconds = dense.trained(
        part.train, designs, epochs=epochs, batch_size=batch_size, seeds=(seed,)
    )
    spent = {"epochs": epochs, "widths": "-".join(map(str, widths)), "rows": len(part.train)}
    scores: list[Score] = []
    shown = min(sizes, key=lambda k: abs(k - 10))
    arrays: dict[str, np.ndarray] = {}
    for k, network in zip(sizes, networks, strict=True):
        found, rebuilt, axes = _linear_methods(part, k, seed, gradient)
        rebuilt["nonlinear"] = dense.outputs(network.model, part.test)
        error = mse(part.test, rebuilt["nonlinear"])
        scores += [*found, Score("nonlinear", {"mse": error}, {"n_codes": k} | spent, seconds)]
        if k == shown:
            arrays = _pictures(part, rebuilt, axes)
    curves = {f"mse {name}": _curve(scores, name) for name in ("pca", "linear", "nonlinear")}
    return result("linear", data, seed, scores, arrays | curves | {"n_codes": np.array(sizes)})


def _linear_methods(
    part: Parts, k: int, seed: int, gradient: float
) -> tuple[list[Score], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return scores, reconstructed test rows and directions of PCA and the linear autoencoder."""
    train, test = flat(part.train), flat(part.test)
    start = time.perf_counter()
    pca = principal_components(train, k)
    rebuilt = {"pca": pca.inverse_transform(pca.transform(test))}
    half = time.perf_counter()
    network, _ = dense.fit_linear(train, k, seed=seed, gradient=gradient)
    mean = train.mean(axis=0)
    rebuilt["linear"] = dense.outputs(network.model, test - mean) + mean
    end = time.perf_counter()
    axes = {"pca": pca.components_, "linear": dense.directions(network)}
    angle = largest_angle(axes["pca"], axes["linear"])
    params = {"n_codes": k, "rows": len(train)}
    metrics = {"mse": mse(test, rebuilt["linear"]), "largest_angle_degrees": angle}
    scores = [
        Score("pca", {"mse": mse(test, rebuilt["pca"])}, params, half - start),
        Score("linear", metrics, params | {"optimizer": "L-BFGS"}, end - half),
    ]
    return scores, rebuilt, axes


def _curve(scores: Sequence[Score], method: str) -> np.ndarray:
    return np.array([s.metrics["mse"] for s in scores if s.method == method])


def as_bytes(x: np.ndarray) -> np.ndarray:
    """Return values in [0, 1], others clipped, as bytes."""
    return np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)


def _pictures(
    part: Parts, rebuilt: Mapping[str, np.ndarray], axes: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return some test images, as they are and reconstructed, and the directions as images."""
    if part.test.ndim != 4:
        return {}
    rows, shape = sampling.subsample(len(part.test), SHOWN), part.test.shape[1:]
    arrays = {"images original": as_bytes(part.test[rows])}
    for name, images in rebuilt.items():
        arrays[f"images {name}"] = as_bytes(images.reshape(-1, *shape)[rows])
    for name, found in axes.items():
        scaled = found[:SHOWN] / np.abs(found[:SHOWN]).max(axis=1, keepdims=True)
        arrays[f"directions {name}"] = as_bytes((scaled.reshape(-1, *shape) + 1) / 2)
    return arrays


def draw_errors(arrays: Mapping[str, np.ndarray]) -> Figure:
    """Draw the error on the test part against the size of the code, a line a method."""
    figure, ax = plt.subplots(layout="constrained")
    palette = plots.colours(3)
    styles: dict[str, Any] = {"pca": "o-", "linear": "x", "nonlinear": "s--"}
    for (name, style), colour in zip(styles.items(), palette, strict=True):
        label = {"pca": "PCA"}.get(name, f"{name} autoencoder")
        size = 11 if name == "linear" else 6
        ax.plot(
            arrays["n_codes"],
            arrays[f"mse {name}"],
            style,
            color=colour,
            label=label,
            ms=size,
            mew=2,
        )
    ax.set(xlabel="numbers in the code", ylabel="mean squared error, test", yscale="log")
    ax.legend()
    return figure


def draw_images(arrays: Mapping[str, np.ndarray]) -> Figure:
    """Draw test images above their reconstructions, a row a method."""
    names = ["original", "pca", "nonlinear"]
    titles = ["as they are", "PCA", "nonlinear"]
    return rows_of_images([arrays[f"images {name}"] for name in names], titles)


def draw_directions(arrays: Mapping[str, np.ndarray]) -> Figure:
    """Draw directions that span PCA's and the linear autoencoder's subspace; zero is grey."""
    names = ["pca", "linear"]
    return rows_of_images([arrays[f"directions {name}"] for name in names], ["PCA", "linear"])


def rows_of_images(rows: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Draw one row of byte images of shape (n, height, width, channels) a title."""
    columns = max(len(row) for row in rows)
    figure, ax = plt.subplots(figsize=(0.85 * columns + 1, 0.9 * len(rows)))
    _, places = draw_mosaic(ax, rows)
    for title, y in zip(titles, places, strict=True):
        ax.text(-2, y, title, ha="right", va="center")
    figure.subplots_adjust(left=0.16, right=0.99, top=0.98, bottom=0.02)
    return figure


def draw_mosaic(ax: Axes, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of byte images as one image, which takes a tenth of the time of one axes each.

    Parameters
    ----------
    rows
        Arrays of shape (n, height, width, channels), shorter ones followed by white.

    Returns
    -------
    x of the middle of every column, and y of the middle of every row
    """
    height, width, channels = rows[0].shape[1:]
    down, right = height + max(1, height // 16), width + max(1, width // 16)
    columns = max(len(row) for row in rows)
    canvas = np.full((down * len(rows), right * columns, channels), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            canvas[i * down : i * down + height, j * right : j * right + width] = image
    shown = canvas[: height - down or None, : width - right or None]
    ax.imshow(shown.squeeze(-1) if channels == 1 else shown, cmap="gray", vmin=0, vmax=255)
    ax.axis("off")
    middle = (width - 1) / 2, (height - 1) / 2
    return middle[0] + right * np.arange(columns), middle[1] + down * np.arange(len(rows))
