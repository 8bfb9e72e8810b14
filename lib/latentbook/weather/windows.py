"""Windows of successive fields, cut from a series without crossing a gap (tsiatsios2019, 4.2).

Two days of 6-hourly fields overlapping by one day are eight fields, of which four are shared:
holding the windows would double the memory, so only the fields are held, in memory or on disk,
and a batch is gathered when it is asked for.
Training on them is left to `training`.

References
----------
- tsiatsios2019: Georgios Tsiatsios. Deep learning for clustering of weather and atmospheric
  dispersion features. Master's thesis, University of the Peloponnese and NCSR Demokritos, 2019.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import files, paths
from latentbook.errors import LatentbookError, check_between
from latentbook.weather.sources import times as series

if TYPE_CHECKING:
    import xarray as xr

#: Fields of up to this many bytes are held in memory; larger ones in a file that is mapped.
HELD = 2 << 30
#: Fields that are looked through together, and read together where they are not in chunks.
BLOCK = 64


def _frames(data: xr.DataArray) -> np.ndarray:
    """Return the fields (time, y, x, channel) as float32, read once, a chunk at a time.

    What is too large for memory goes to an unnamed file in the cache, uncompressed, that vanishes
    with the process: any window of it is read in a millisecond, which no compressed store allows.
    """
    lengths = data.chunksizes.get("time") or (BLOCK,) * -(-len(data) // BLOCK)
    edges = np.cumsum((0, *lengths))
    blocks = (_read(data, start, stop) for start, stop in pairwise(edges))
    if data.size * 4 <= HELD:
        frames = np.empty(data.shape, np.float32)
        for start, block in zip(edges, blocks, strict=False):
            frames[start : start + len(block)] = block
        return frames
    folder = paths.cache() / "weather"
    with files.writable(folder / "frames"):
        spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (it lives as long as the map)
        for block in blocks:
            spool.write(block.data)
        spool.flush()
        return np.memmap(spool, np.float32, "r", shape=data.shape)


def _read(data: xr.DataArray, start: int, stop: int) -> np.ndarray:
    part = data.isel(time=slice(start, stop))
    values = np.ascontiguousarray(part.values, dtype=np.float32)
    if not np.isfinite(values).all():
        bad = ~np.isfinite(values)
        raise LatentbookError(
            f"{part.name or 'the field'} is NaN or infinite at {bad.any(axis=(0, 3)).sum():,} "
            f"of {bad[0, ..., 0].size:,} points, first at "
            f"{series.text(part['time'].values[bad.any(axis=(1, 2, 3)).argmax()])}: choose a "
            "region without them, or fill them first"
        )
    return values


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of equal length; array-like, but gathered only when indexed.

    Attributes
    ----------
    frames : array of shape (time, ny, nx, channels)
        All fields of the series, in memory or in a mapped file.
    frame_times : vector of datetime64
        Times of the fields.
    starts : vector of length n, int64
        Index of the first field of each window.
    length : int
        Fields a window.
    low, high : vectors of length channels, or None
        What the scaling maps to 0 and 1; None: not scaled.
    """

    frames: np.ndarray = field(repr=False)
    frame_times: np.ndarray = field(repr=False)
    starts: np.ndarray = field(repr=False)
    length: int
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    dtype = np.dtype(np.float32)
    ndim = 5
    #: Whether a window is a stretch of the fields as they are, which a device can gather itself.
    gatherable = True

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Return (n, length, ny, nx, channels)."""
        ny, nx, channels = self.frames.shape[1:]
        return len(self), self.length, ny, nx, channels

    @property
    def times(self) -> np.ndarray:
        """Return the time of the first field of each window."""
        return self.frame_times[self.starts]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return windows, scaled where a scaling is set, of shape (k, length, ny, nx, channels)."""
        starts = self.starts[index]
        windows = self.frames[starts[..., None] + np.arange(self.length)]
        if self.low is None or self.high is None:
            return windows
        windows -= self.low
        windows *= 1 / (self.high - self.low)
        return windows

    def subset(self, which: np.ndarray | Sequence[str]) -> Windows:
        """Return the windows where a mask is true, or those that lie wholly in a period.

        Parameters
        ----------
        which
            Booleans, one a window, or a pair of dates such as ``("1994", "1995")``, both included.

        Raises
        ------
        LatentbookError
            For a mask of another length, or if no window is left.
        """
        mask = which if isinstance(which, np.ndarray) else self._in_period(which)
        if mask.dtype != bool or mask.shape != self.starts.shape:
            raise LatentbookError(
                f"a mask of these windows has {len(self)} booleans, but this one has "
                f"{mask.size} of type {mask.dtype}"
            )
        if not mask.any():
            raise LatentbookError(
                f"no window is left of {len(self)}: choose a longer period or another mask"
            )
        return replace(self, starts=self.starts[mask])

    def _in_period(self, period: Sequence[str]) -> np.ndarray:
        found = series.within(self.frame_times, period, "the series")
        return (self.starts >= found.start) & (self.starts + self.length <= found.stop)

    def scaled(self, by: Windows) -> Windows:
        """Return the windows scaled so that the fields in those of `by` lie in [0, 1].

        One pair of extremes a channel; fields outside the period of `by` may leave [0, 1].

        Raises
        ------
        LatentbookError
            If `by` has other channels, or a channel of it is constant.
        """
        if by.shape[1:] != self.shape[1:]:
            raise LatentbookError(
                f"windows of shape {self.shape[1:]} cannot be scaled by those of shape "
                f"{by.shape[1:]}"
            )
        low, high = by.extremes
        if not (high > low).all():
            raise LatentbookError(
                f"channel {int((high <= low).argmax())} is constant in the windows to scale by: "
                "leave it out"
            )
        return replace(self, low=low, high=high)

    def unscale(self, x: np.ndarray) -> np.ndarray:
        """Return `x`, with channels last, in the units of the fields."""
        if self.low is None or self.high is None:
            return x
        return x * (self.high - self.low) + self.low

    def _each(self) -> Iterator[np.ndarray]:
        """Yield the fields that windows hold, each once, in order, at most `BLOCK` at a time."""
        used = np.zeros(len(self.frames), bool)
        used[(self.starts[:, None] + np.arange(self.length)).ravel()] = True
        for start in range(0, len(used), BLOCK):
            chosen = used[start : start + BLOCK]
            if chosen.any():
                yield self.frames[start : start + BLOCK][chosen]

    @cached_property
    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest value of each channel over the fields of the windows, unscaled."""
        found = [(block.min(axis=(0, 1, 2)), block.max(axis=(0, 1, 2))) for block in self._each()]
        lowest, highest = zip(*found, strict=True)
        return np.min(lowest, axis=0), np.max(highest, axis=0)

    @cached_property
    def digest(self) -> str:
        """The sha256 of all that determines the windows: fields, places, length and scaling."""
        sha = hashlib.sha256(repr((self.shape, self.starts.tolist())).encode())
        for block in self._each():
            sha.update(block.data)
        for bound in (self.low, self.high):
            sha.update(b"none" if bound is None else bound.tobytes())
        return sha.hexdigest()


def windows(data: xr.DataArray, length: int = 8, step: int = 4) -> Windows:
    """Cut a series of fields into windows.

    Parameters
    ----------
    data : DataArray
        Dims (time, y, x) or (time, level, y, x); levels become channels. Any other names of the
        two map dimensions serve as well.
    length, step
        Fields a window, and from the start of one to the start of the next; the defaults are two
        days of 6-hourly fields, overlapping by one day.

    Returns
    -------
    Windows
        None spans a missing or irregular time step; counting starts anew after each.

    Raises
    ------
    LatentbookError
        For times that do not ascend, NaN, or no stretch that is long enough.
    """
    check_between("length", length, 1, 10_000)
    check_between("step", step, 1, 10_000)
    if "time" not in data.dims or data.ndim not in (3, 4):
        raise LatentbookError(
            f"windows are cut from fields (time, y, x) or (time, level, y, x), not {data.dims}"
        )
    data = data.expand_dims("level", -1) if "level" not in data.dims else data
    data = data.transpose("time", ..., "level")
    times = data["time"].values
    series.check_times(times, str(data.name or "the series"))
    starts = _starts(times, length, step)
    if not len(starts):
        raise LatentbookError(
            f"no {length} successive fields in {len(times)}, with {len(series.gaps(times))} gaps: "
            "choose shorter windows or a longer period"
        )
    return Windows(_frames(data), times, starts, length)


def _starts(times: np.ndarray, length: int, step: int) -> np.ndarray:
    edges = [0, *(series.gaps(times) + 1), len(times)]
    runs = [np.arange(first, last - length + 1, step) for first, last in pairwise(edges)]
    return np.concatenate(runs)
