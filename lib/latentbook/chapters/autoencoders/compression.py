"""Use 5: compress photographs to few bits a pixel, by an autoencoder, JPEG and JPEG 2000.

The lecture (petersen, "AE Compression") says that learned compression competes with JPEG 2000, and
quotes a system made for 0.15 bits a pixel: here all three are compared around that rate on whole
photographs, with real bytes that are decoded again.
The photographs are those that scikit-image, scikit-learn and Matplotlib carry, in grey.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import struct
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from skimage import metrics

from latentbook.chapters.autoencoders import TARGET_RATE
from latentbook.chapters.autoencoders.study import result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.study.result import Result, Score

#: Photographs that no network sees in training.
TEST = ("astronaut", "chelsea", "coffee")
TRAIN = (
    "camera",
    "moon",
    "rocket",
    "coins",
    "brick",
    "grass",
    "gravel",
    "motorcycle",
    "china",
    "flower",
    "grace hopper",
)
#: Side in pixels of one code.
BLOCK = 8
#: Loss of one bit a pixel, in units of the mean squared error: about what the rate-distortion
#: curve of JPEG costs near `TARGET_RATE`.
RATE_WEIGHT = 0.015
#: Codes for every 8 x 8 pixels.
MAPS = 24
#: What stands before the codes of a photograph: coder, height and width in codes, channels, and
#: bytes a code; and its size in bytes.
HEADER = struct.Struct("<BHHBB")
CROP = 160
METHODS = ("autoencoder", "jpeg", "jpeg 2000")
_LZMA = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20, "lc": 0, "lp": 0, "pb": 0}]


def photographs() -> tuple[dict[str, np.ndarray], Dataset]:
    """Return the photographs by name, and what the records will name.

    Returns
    -------
    dict
        Grey images of bytes, cropped to sides that are multiples of 16; first `TRAIN`, then `TEST`.
    Dataset
        One row a photograph, whose sha256 is that of all grey values.
    """
    found = {name: _grey(_read(name)) for name in (*TRAIN, *TEST)}
    sha = hashlib.sha256()
    for name, image in found.items():
        sha.update(f"{name}{image.shape}".encode() + image.tobytes())
    rows = np.arange(len(found))
    data = Dataset(
        name="photographs",
        x=np.zeros((len(found), 0), np.float32),  # of different sizes: they are no one array
        y=np.zeros(len(found), np.int64),
        classes=("photograph",),
        n_train=len(TRAIN),
        sha256=sha.hexdigest(),
        index=rows,
        complete=True,
        source="scikit-image, scikit-learn, matplotlib",
    )
    return found, data


def _read(name: str) -> np.ndarray:
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        return load_sample_image(f"{name}.jpg")
    if name == "grace hopper":
        from matplotlib import cbook

        with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
            return np.asarray(image)
    from skimage import data

    return data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()


def _grey(image: np.ndarray) -> np.ndarray:
    """Return an image as bytes of luminance, its sides cut to multiples of 16."""
    grey = np.asarray(Image.fromarray(image[..., :3] if image.ndim == 3 else image).convert("L"))
    height, width = (side - side % 16 for side in grey.shape)
    return np.ascontiguousarray(grey[:height, :width])


def crops(images: Sequence[np.ndarray], side: int, n: int, random_state: int) -> np.ndarray:
    """Draw `n` square crops, mirrored at random, every photograph equally often.

    Returns
    -------
    array of float32, shape (n, side, side, 1), in [0, 1]

    Raises
    ------
    LatentbookError
        If a photograph is smaller than a crop.
    """
    smallest = min(min(image.shape) for image in images)
    check_between("the side of a crop", side, BLOCK, smallest)
    rng = np.random.default_rng(random_state)
    found = np.empty((n, side, side, 1), np.float32)
    for i, crop in enumerate(found):
        image = images[i % len(images)]
        top, left = rng.integers((image.shape[0] - side + 1, image.shape[1] - side + 1))
        cut = image[top : top + side, left : left + side] / 255
        crop[..., 0] = cut[:, ::-1] if rng.integers(2) else cut
    return found


#: Coders of bytes, all of the standard library; the shortest result counts.
CODERS: tuple[tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]], ...] = (
    (
        lambda raw: lzma.compress(raw, lzma.FORMAT_RAW, filters=_LZMA),
        lambda packed: lzma.decompress(packed, lzma.FORMAT_RAW, filters=_LZMA),
    ),
    (lambda raw: bz2.compress(raw, 9), bz2.decompress),
    (
        lambda raw: _deflate(raw, zlib.Z_DEFAULT_STRATEGY),
        lambda packed: zlib.decompress(packed, -15),
    ),
    (lambda raw: _deflate(raw, zlib.Z_HUFFMAN_ONLY), lambda packed: zlib.decompress(packed, -15)),
)


def _deflate(raw: bytes, strategy: int) -> bytes:
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy)
    return coder.compress(raw) + coder.flush()


def pack(codes: np.ndarray) -> bytes:
    """Return whole-number codes as bytes: a header, and what the shortest of `CODERS` makes.

    Parameters
    ----------
    codes : integer array of shape (height, width, channels)

    Raises
    ------
    LatentbookError
        For codes that are not whole, of another shape, or too large for 16 bits.
    """
    if codes.ndim != 3 or not np.issubdtype(codes.dtype, np.integer):
        raise LatentbookError(
            f"codes must be whole numbers of shape (height, width, channels), not {codes.dtype} of "
            f"shape {codes.shape}"
        )
    height, width, channels = codes.shape
    if max(height, width) >= 1 << 16 or channels >= 1 << 8:
        raise LatentbookError(f"codes of shape {codes.shape} are too many: cut the image in parts")
    if codes.size and np.abs(codes).max() >= 1 << 15:
        raise LatentbookError("codes must lie within 16 bits: choose a larger step")
    small = not codes.size or np.abs(codes).max() < 1 << 7
    # one map after the other: most of the values beside a 0 are 0
    raw = codes.transpose(2, 0, 1).astype("i1" if small else "<i2").tobytes()
    packed = [coder(raw) for coder, _ in CODERS]
    best = min(range(len(packed)), key=lambda i: len(packed[i]))
    return HEADER.pack(best, height, width, channels, 1 if small else 2) + packed[best]


def unpack(stored: bytes) -> np.ndarray:
    """Return the codes that `pack` stored, int64, of shape (height, width, channels).

    Raises
    ------
    LatentbookError
        If the bytes are no such codes.
    """
    try:
        best, height, width, channels, size = HEADER.unpack_from(stored)
        if size not in (1, 2):
            raise ValueError(f"{size} bytes a code")
        raw = CODERS[best][1](stored[HEADER.size :])
        codes = np.frombuffer(raw, "i1" if size == 1 else "<i2").reshape(channels, height, width)
    except (struct.error, lzma.LZMAError, zlib.error, OSError, ValueError, IndexError) as error:
        raise LatentbookError(
            f"the bytes hold no codes ({error}): give what pack returned"
        ) from error
    return codes.transpose(1, 2, 0).astype(np.int64)


def entropy(codes: np.ndarray) -> float:
    """Return the bits that codes take if every map has its own ideal code, without its table.

    Parameters
    ----------
    codes : integer array of shape (height, width, channels)
    """
    bits = 0.0
    for channel in codes.reshape(-1, codes.shape[-1]).T:
        counts = np.unique(channel, return_counts=True)[1]
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    return bits


def network_codes(autoencoder: Any, image: np.ndarray, step: float) -> np.ndarray:
    """Return the rounded codes of a grey photograph, (height / 8, width / 8, maps), int64."""
    codes = autoencoder.encoder(image[None, ..., None].astype(np.float32) / 255, training=False)
    return np.round(_array(codes)[0] / step).astype(np.int64)


def _array(tensor: Any) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(tensor)


def coded_by_network(autoencoder: Any, image: np.ndarray, step: float) -> tuple[bytes, np.ndarray]:
    """Compress and restore a grey photograph with a trained compressor.

    Parameters
    ----------
    image : array of bytes, shape (height, width), multiples of 8
    step
        Distance of two neighbouring codes: 1 in training, larger for fewer bits.

    Returns
    -------
    bytes
        All that the decoder needs besides its weights and the step.
    array of bytes
        The photograph decoded from those bytes.
    """
    stored = pack(network_codes(autoencoder, image, step))
    restored = autoencoder.decoder((unpack(stored) * step).astype(np.float32)[None], training=False)
    grey = _array(restored)[0, ..., 0]
    return stored, np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def coded_by_pillow(method: str, image: np.ndarray, setting: float) -> tuple[bytes, np.ndarray]:
    """Compress and restore a grey photograph with Pillow.

    Parameters
    ----------
    method
        ``jpeg``, whose setting is the quality (1 to 95), or ``jpeg 2000``, whose setting is the
        compression ratio (8 bits a pixel over the rate). JPEG's Huffman tables are optimised;
        JPEG 2000 is a bare code stream by the irreversible wavelet.
    """
    choose("codec", method, METHODS[1:])
    stream = io.BytesIO()
    options: dict[str, Any] = {"format": "JPEG", "quality": int(setting), "optimize": True}
    if method == "jpeg 2000":
        options = {
            "format": "JPEG2000",
            "quality_mode": "rates",
            "quality_layers": [setting],
            "irreversible": True,
            "no_jp2": True,
        }
    Image.fromarray(image).save(stream, **options)
    with Image.open(io.BytesIO(stream.getvalue())) as restored:
        return stream.getvalue(), np.asarray(restored)


@dataclass(frozen=True)
class Point:
    """What one setting of a method gives, as means over the test photographs."""

    setting: float
    metrics: dict[str, float]
    crop: np.ndarray


def measure(
    images: Sequence[np.ndarray],
    codec: Callable[[np.ndarray, float], tuple[bytes, np.ndarray]],
    settings: Sequence[float],
) -> list[Point]:
    """Return ``bpp``, ``psnr`` in dB and ``ssim`` of every setting, bytes and headers counted.

    Parameters
    ----------
    images
        Grey photographs of bytes.
    codec
        From a photograph and a setting to the stored bytes and the decoded photograph.
    """
    points = []
    for setting in settings:
        rows, cut = [], np.zeros(0)
        for image in images:
            stored, restored = codec(image, setting)
            rows.append(
                {
                    "bpp": 8 * len(stored) / image.size,
                    "psnr": metrics.peak_signal_noise_ratio(image, restored, data_range=255),
                    "ssim": metrics.structural_similarity(image, restored, data_range=255),
                }
            )
            cut = restored[_cut(image)] if not cut.size else cut
        means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        points.append(Point(setting, means, cut))
    return points


def _cut(image: np.ndarray) -> tuple[slice, slice]:
    """Return the part of a photograph that the figure shows: the middle of its upper half."""
    left = (image.shape[1] - CROP) // 2
    return slice(0, CROP), slice(left, left + CROP)


def at_target(points: Sequence[Point], target: float = TARGET_RATE) -> tuple[float, str]:
    """Return the PSNR at `target` bits a pixel, interpolated in the logarithm of the rate.

    Returns
    -------
    psnr, and ``interpolated``; or the PSNR of the nearest rate and ``at 0.19 bits`` where no
    setting goes that low (or high)
    """
    rate, psnr = np.array(sorted((p.metrics["bpp"], p.metrics["psnr"]) for p in points)).T
    how = "interpolated"
    if not rate[0] <= target <= rate[-1]:
        how = f"at {rate[np.abs(rate - target).argmin()]:.2f} bits"
    return float(np.interp(np.log(target), np.log(rate), psnr)), how


def run(
    *,
    random_state: int,
    crop: int,
    n_crops: int,
    filters: int,
    epochs: int,
    batch_size: int,
    steps: Sequence[float],
    qualities: Sequence[int],
    ratios: Sequence[float],
    progress: bool = True,
) -> Result:
    """Train the compressor on crops of some photographs, and compare it on whole other ones.

    Parameters
    ----------
    crop, n_crops
        Side of the training crops in pixels, a multiple of 8, and their number.
    filters, epochs, batch_size
        Of the autoencoder, which is trained once for a step of 1.
    steps, qualities, ratios
        Settings of the autoencoder, of JPEG and of JPEG 2000: one operating point each.

    Returns
    -------
    Result
        One score an operating point, with ``bpp``, ``psnr`` and ``ssim`` (means over the test
        photographs) and the param ``setting``; and one a method with ``psnr_at_0.15`` and the
        param ``how``.

    Raises
    ------
    LatentbookError
        For crops larger than a photograph or no multiple of 8, and for no or impossible settings.
    """
    from latentbook.autoencoders import restoration as networks

    check_settings(steps, qualities, ratios)
    images, data = photographs()
    train = crops([images[name] for name in TRAIN], crop, n_crops, random_state)
    test = [images[name] for name in TEST]
    built = networks.compressor(
        crop, filters=filters, maps=MAPS, weight=RATE_WEIGHT, seed=random_state
    )
    params = {"rows": n_crops, "crop": crop, "epochs": epochs, "filters": filters}
    history = networks.train(
        built.model,
        train,
        loss="mean_squared_error",
        key={"architecture": built.name, "filters": filters, "maps": MAPS, "rate": RATE_WEIGHT},
        epochs=epochs,
        batch_size=batch_size,
        seed=random_state,
        progress=progress,
    )
    codecs = {
        "autoencoder": (lambda image, step: coded_by_network(built, image, step), steps, params),
        "jpeg": (lambda image, quality: coded_by_pillow("jpeg", image, quality), qualities, {}),
        "jpeg 2000": (lambda image, ratio: coded_by_pillow("jpeg 2000", image, ratio), ratios, {}),
    }
    scores, curves = [], {}
    for method, (codec, settings, own) in codecs.items():
        start = time.perf_counter()
        points = measure(test, codec, settings)
        seconds = time.perf_counter() - start
        seconds += sum(history["seconds"]) if method == "autoencoder" else 0
        for point in points:
            found = dict(point.metrics)
            if method == "autoencoder":
                found["entropy_bpp"] = mean_entropy(built, test, point.setting)
            scores.append(Score(method, found, own | {"setting": point.setting}, seconds))
        psnr, how = at_target(points)
        scores.append(
            Score(method, {f"psnr_at_{TARGET_RATE:g}": psnr}, own | {"how": how}, seconds)
        )
        curves[method] = points
    return result("compression", data, random_state, scores, _arrays(curves, test[0]))


def check_settings(
    steps: Sequence[float], qualities: Sequence[int], ratios: Sequence[float]
) -> None:
    """Raise `LatentbookError` unless every method has settings that it takes."""
    limits = {"a step": (steps, 0.05, 100), "a quality": (qualities, 1, 95)}
    for what, (values, low, high) in (limits | {"a ratio": (ratios, 1, 1000)}).items():
        if not len(values):
            raise LatentbookError(f"{what} is missing: give at least one for every method")
        for value in values:
            check_between(what, value, low, high)


def mean_entropy(autoencoder: Any, images: Sequence[np.ndarray], step: float) -> float:
    """Return the order-0 `entropy` of the codes in bits a pixel, mean over photographs."""
    rates = [entropy(network_codes(autoencoder, image, step)) / image.size for image in images]
    return float(np.mean(rates))


def _arrays(curves: Mapping[str, Sequence[Point]], image: np.ndarray) -> dict[str, np.ndarray]:
    """Return rates and PSNR by method, and a detail of a photograph near the target rate."""
    arrays, details, titles = {}, [image[_cut(image)]], ["original"]
    for method, points in curves.items():
        table = sorted((p.metrics["bpp"], p.metrics["psnr"], p.metrics["ssim"]) for p in points)
        arrays[f"curve {method}"] = np.array(table, np.float32)
        near = min(points, key=lambda p: abs(np.log(p.metrics["bpp"] / TARGET_RATE)))
        details.append(near.crop)
        titles.append(f"{method}\n{near.metrics['bpp']:.2f} bits a pixel")
    return arrays | {"details": np.stack(details), "titles": np.array(titles)}
