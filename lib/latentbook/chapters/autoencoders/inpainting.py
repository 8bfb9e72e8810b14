"""Use 4: fill holes in images, and in a map of heights, by an autoencoder and by interpolation.

Biharmonic interpolation continues what surrounds a hole as smoothly as possible; the autoencoder
has seen what images of this kind look like.
The map stands for the lecture's glaciers (petersen, "Inpainting with AEs"): there the ground under
the ice is the hole, and its volume is wanted; here the ground is known, so that the error is too.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from skimage.restoration import inpaint_biharmonic

from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.denoising import different, similarity
from latentbook.chapters.autoencoders.splits import draw_images
from latentbook.chapters.autoencoders.study import result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.study.result import Result, Score

#: Images a kind of mask in the figure.
SHOWN = 2
METHODS = ("autoencoder", "biharmonic", "mean of the rest")
#: Metres along a degree of latitude.
DEGREE = 111_195.0


def holes(kind: str, share: float, shape: tuple[int, int, int], random_state: int) -> np.ndarray:
    """Draw one mask an image: True where a pixel is hidden.

    Parameters
    ----------
    kind, share
        As in `latentbook.autoencoders.restoration.Hide`.
    shape
        (n, height, width).

    Raises
    ------
    LatentbookError
        For an unknown kind, or a share that hides nothing or everything.
    """
    from latentbook.autoencoders import restoration as networks

    choose("mask", kind, networks.MASKS)
    check_between("the hidden share", share, 0.01, 0.99)
    n, height, width = shape
    rng = np.random.default_rng(random_state)
    if kind == "random":
        return rng.random(shape) < share
    side = networks.block_side(share, height, width)
    mask = np.zeros(shape, bool)
    tops = rng.integers(height - side + 1, size=n)
    lefts = rng.integers(width - side + 1, size=n)
    if kind == "centre":
        tops[:], lefts[:] = (height - side) // 2, (width - side) // 2
    for hidden, top, left in zip(mask, tops, lefts, strict=True):
        hidden[top : top + side, left : left + side] = True
    return mask


def check_mask(mask: np.ndarray, images: np.ndarray) -> None:
    """Raise `LatentbookError` unless every mask leaves pixels, hides some, and fits its image."""
    if mask.shape != images.shape[:3]:
        raise LatentbookError(
            f"the masks have shape {mask.shape}, but the images need {images.shape[:3]}"
        )
    for what, wrong in (("everything", mask.all(axis=(1, 2))), ("nothing", ~mask.any(axis=(1, 2)))):
        if wrong.any():
            raise LatentbookError(
                f"the mask of image {int(wrong.argmax())} hides {what}: it must leave pixels to "
                "fill in from, and hide at least one"
            )


def fill_biharmonic(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return `images` with their hidden pixels interpolated, of shape (n, height, width, c)."""
    check_mask(mask, images)
    filled = [
        inpaint_biharmonic(np.where(hidden[..., None], 0, image), hidden, channel_axis=-1)
        for image, hidden in zip(images, mask, strict=True)
    ]
    return np.stack(filled).astype(np.float32)


def fill_mean(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return `images` with hidden pixels set to the mean of the visible ones of their image."""
    check_mask(mask, images)
    hidden = mask[..., None]
    mean = images.mean(axis=(1, 2), where=~hidden, keepdims=True)
    return np.where(hidden, mean, images).astype(np.float32)


def fill_network(autoencoder: Any, images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return `images` with hidden pixels from an autoencoder that never sees them."""
    check_mask(mask, images)
    hidden = mask[..., None]
    visible = np.where(hidden, 0, images)
    damaged = np.concatenate([visible, hidden], axis=-1).astype(np.float32)
    return np.where(hidden, dense.outputs(autoencoder.model, damaged), images)


def hole_quality(clean: np.ndarray, filled: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return ``psnr`` of the mean squared error over all hidden pixels, and mean ``ssim``.

    One mean over all images: a single image may be filled without any error, and would count as
    infinitely good.
    """
    hidden = np.broadcast_to(mask[..., None], clean.shape)
    error = float(((clean - filled)[hidden] ** 2).mean())
    psnr = float("inf") if error == 0 else -10 * float(np.log10(error))
    ssim = [similarity(a, b) for a, b in zip(clean, filled, strict=True)]
    return {"psnr": psnr, "ssim": float(np.mean(ssim))}


def run(
    data: Dataset,
    *,
    random_state: int,
    masks: Mapping[str, float],
    n_train: int,
    n_test: int,
    filters: int,
    epochs: int,
    batch_size: int,
    progress: bool = True,
) -> Result:
    """Train one autoencoder a kind of mask, and compare it with interpolation.

    Parameters
    ----------
    data
        Images whose sides are multiples of 4.
    masks
        Kind of mask (``random``, ``block``, ``centre``) -> share of the pixels that it hides.
    n_train, n_test
        Training images, and held-out images.
    filters, epochs, batch_size
        Of the autoencoders.

    Returns
    -------
    Result
        Metrics ``psnr`` (inside the holes) and ``ssim`` (of the whole images) by method, ``mask``
        and ``share``.

    Raises
    ------
    LatentbookError
        For tables, too few images, unknown masks, and shares that hide nothing or everything.
    """
    from latentbook.autoencoders import restoration as networks

    part = draw_images(data, n_train=n_train, n_test=n_test, random_state=random_state)
    masked = {
        kind: holes(kind, share, part.test.shape[:3], random_state) for kind, share in masks.items()
    }
    for mask in masked.values():
        check_mask(mask, part.test)
    shown = different(part.y_test, SHOWN)
    scores: list[Score] = []
    arrays: dict[str, np.ndarray] = {}
    for kind, share in masks.items():
        built, model = networks.inpainter(
            part.train.shape[1:],
            filters=filters,
            halvings=2,
            kind=kind,
            share=share,
            seed=random_state,
        )
        own = {"rows": n_train, "epochs": epochs, "filters": filters}
        history = networks.train(
            model,
            part.train,
            loss="mean_squared_error",
            key=built.description | {"mask": kind, "share": share},
            epochs=epochs,
            batch_size=batch_size,
            seed=random_state,
            progress=progress,
        )
        mask, trained_in = masked[kind], sum(history["seconds"])
        pictures = [part.test, np.where(mask[..., None], 0.5, part.test)]
        for method in METHODS:
            start = time.perf_counter()
            filled = np.clip(_fill(method, built, part.test, mask), 0, 1)
            seconds = time.perf_counter() - start
            params = {"mask": kind, "share": share, "n_test": n_test}
            if method == "autoencoder":
                params, seconds = params | own, seconds + trained_in
            scores.append(Score(method, hole_quality(part.test, filled, mask), params, seconds))
            pictures.append(filled)
        arrays[kind] = np.round(255 * np.stack([p[shown] for p in pictures])).astype(np.uint8)
    return result("inpainting", data, random_state, scores, arrays)


def _fill(method: str, autoencoder: Any, images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if method == "autoencoder":
        return fill_network(autoencoder, images, mask)
    return {"biharmonic": fill_biharmonic, "mean of the rest": fill_mean}[method](images, mask)


@dataclass(frozen=True)
class Elevation:
    """A map of heights.

    Attributes
    ----------
    height : array of shape (rows, columns)
        In metres.
    cell : float
        Area of one cell in square metres.
    """

    height: np.ndarray
    cell: float


def elevation() -> tuple[Elevation, Dataset]:
    """Return the map that Matplotlib ships, and what its records will name.

    Heights around the Jacksboro fault in Tennessee, cells of 3 seconds of arc (SRTM, public
    domain).
    """
    from matplotlib import cbook

    with np.load(cbook.get_sample_data("jacksboro_fault_dem.npz", asfileobj=False)) as stored:
        height = stored["elevation"].astype(np.float32)
        middle = np.radians((float(stored["ymin"]) + float(stored["ymax"])) / 2)
        cell = float(stored["dx"]) * float(stored["dy"]) * DEGREE**2 * float(np.cos(middle))
    digest = hashlib.sha256(height.astype("<f4").tobytes()).hexdigest()
    data = Dataset(
        name="elevation",
        x=height[None, ..., None],
        y=np.zeros(1, np.int64),
        classes=("map",),
        n_train=0,
        sha256=digest,
        index=np.arange(1),
        complete=True,
        source="matplotlib",
    )
    return Elevation(height, cell), data


def positions(shape: tuple[int, int], window: int, n: int, random_state: int) -> np.ndarray:
    """Draw the corners of `n` windows that do not overlap, (n, 2), row and column.

    Raises
    ------
    LatentbookError
        If so many do not fit, which is tried a thousand times.
    """
    rng = np.random.default_rng(random_state)
    found: list[np.ndarray] = []
    for _ in range(1000):
        corner = rng.integers((shape[0] - window + 1, shape[1] - window + 1))
        if all(np.abs(corner - other).max() >= window for other in found):
            found.append(corner)
        if len(found) == n:
            return np.array(found)
    raise LatentbookError(
        f"{n} windows of {window} x {window} cells do not fit on a map of {shape[0]} x {shape[1]} "
        "cells without overlap: choose fewer or smaller ones"
    )


def patches(
    height: np.ndarray, hidden: np.ndarray, window: int, n: int, random_state: int
) -> np.ndarray:
    """Draw windows that hold no hidden cell, turned and mirrored at random.

    Parameters
    ----------
    height, hidden : arrays of shape (rows, columns)
        Heights, and True where a hole is.

    Returns
    -------
    array of shape (n, window, window), in metres
    """
    corner = np.lib.stride_tricks.sliding_window_view(hidden, (window, window))
    free = np.argwhere(~corner.any(axis=(2, 3)))
    if not len(free):
        raise LatentbookError(
            f"no window of {window} x {window} cells is free of holes: choose fewer or smaller ones"
        )
    rng = np.random.default_rng(random_state)
    found = np.empty((n, window, window), np.float32)
    for patch, (row, column) in zip(found, free[rng.integers(len(free), size=n)], strict=True):
        cut = np.rot90(height[row : row + window, column : column + window], int(rng.integers(4)))
        patch[:] = cut[::-1] if rng.integers(2) else cut
    return found


def volume(height: np.ndarray, hidden: np.ndarray, lid: float, cell: float) -> float:
    """Return the volume between the ground in a hole and a level lid above it, in m³.

    Parameters
    ----------
    height, hidden : arrays of shape (rows, columns)
    lid
        Height of the lid in metres, where the surface of the ice would be.
    """
    return float(cell * (lid - height[hidden]).sum())


def map_quality(
    clean: np.ndarray, filled: np.ndarray, mask: np.ndarray, cell: float
) -> dict[str, float]:
    """Return errors over all holes: ``rmse_m`` of the height, and of the volume under a lid.

    Parameters
    ----------
    clean, filled, mask : arrays of shape (n, window, window)
        In metres. The lid of a hole is level with the highest visible cell of its window.

    Returns
    -------
    dict
        ``volume_error_percent``: mean over the holes of |estimate - truth| / truth.
    """
    errors = []
    for true, found, hidden in zip(clean, filled, mask, strict=True):
        lid = float(true[~hidden].max())
        truth = volume(true, hidden, lid, cell)
        errors.append(abs(volume(found, hidden, lid, cell) - truth) / truth)
    rmse = float(np.sqrt(((clean - filled)[mask] ** 2).mean()))
    return {"rmse_m": rmse, "volume_error_percent": 100 * float(np.mean(errors))}


def run_elevation(
    *,
    random_state: int,
    n_holes: int,
    hole: int,
    n_train: int,
    filters: int,
    epochs: int,
    batch_size: int,
    progress: bool = True,
) -> Result:
    """Cut square holes into the map, and fill each from the ground around it.

    One autoencoder is trained on windows that hold no cell of any hole; a window is twice as wide
    as a hole, and its heights count from the mean of what is visible, in units of the spread of
    the training windows.

    Parameters
    ----------
    n_holes
        Holes in different places, far enough apart not to lie in each other's window.
    hole
        Side of a hole in cells, a multiple of 4.
    n_train
        Training windows.

    Raises
    ------
    LatentbookError
        For holes that do not fit.
    """
    from latentbook.autoencoders import restoration as networks

    ground, data = elevation()
    window = 2 * hole
    networks.check_divisible((window, window, 1), 8)
    corners = positions(ground.height.shape, window, n_holes, random_state)
    clean = np.stack([ground.height[r : r + window, c : c + window] for r, c in corners])
    mask = holes("centre", 0.25, clean.shape, random_state)
    hidden = np.zeros(ground.height.shape, bool)
    for (r, c), part in zip(corners, mask, strict=True):
        hidden[r : r + window, c : c + window] = part

    train = patches(ground.height, hidden, window, n_train, random_state)
    train -= train.mean(axis=(1, 2), keepdims=True)
    scale = float(train.std())
    built, model = networks.inpainter(
        (window, window, 1),
        filters=filters,
        halvings=3,
        kind="centre",
        share=0.25,
        seed=random_state,
    )
    history = networks.train(
        model,
        train[..., None] / scale,
        loss="mean_squared_error",
        key=built.description | {"mask": "centre", "share": 0.25},
        epochs=epochs,
        batch_size=batch_size,
        seed=random_state,
        progress=progress,
    )
    level = clean.mean(axis=(1, 2), where=~mask, keepdims=True)
    scaled = ((clean - level) / scale)[..., None]
    scores, filled = [], [clean]
    for method in METHODS:
        start = time.perf_counter()
        filled.append(_fill(method, built, scaled, mask)[..., 0] * scale + level)
        seconds = time.perf_counter() - start
        params: dict[str, Any] = {"mask": "elevation", "hole": hole, "holes": n_holes}
        if method == "autoencoder":
            params |= {"rows": n_train, "epochs": epochs, "filters": filters}
            seconds += sum(history["seconds"])
        found = map_quality(clean, filled[-1], mask, ground.cell)
        scores.append(Score(method, found, params, seconds))
    maps = np.stack([part[:SHOWN] for part in filled]).astype(np.float16)
    return result("inpainting", data, random_state, scores, {"heights": maps, "mask": mask[0]})
