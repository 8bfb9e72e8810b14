"""Windows with less time in them: the mean field, and fields in an order of chance.

What a code gains from the time in a window is what it loses with these. The first field alone
needs no class: it is a window of length 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from latentbook.weather.windows import Windows


def first(windows: Windows) -> Windows:
    """Return windows of the first field alone."""
    return Windows(
        windows.frames, windows.frame_times, windows.starts, 1, windows.low, windows.high
    )


def every_field(windows: Windows) -> Windows:
    """Return each field that the windows hold once, as a window of length 1."""
    used = np.unique(windows.starts[:, None] + np.arange(windows.length))
    return Windows(windows.frames, windows.frame_times, used, 1, windows.low, windows.high)


def longer(windows: Windows, more: int) -> Windows:
    """Return the windows that `more` fields follow without a gap, with these fields."""
    last = windows.starts + windows.length - 1
    inside = last + more < len(windows.frames)
    last = last[inside]
    step = np.diff(windows.frame_times[:2])[0] if len(windows.frames) > 1 else 0
    whole = windows.frame_times[last + more] - windows.frame_times[last] == more * step
    starts = windows.starts[inside][whole]
    return Windows(
        windows.frames,
        windows.frame_times,
        starts,
        windows.length + more,
        windows.low,
        windows.high,
    )


@dataclass(frozen=True, eq=False)
class Mean(Windows):
    """Windows whose fields are averaged into one."""

    gatherable = False

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Return (n, 1, ny, nx, channels)."""
        n, _, ny, nx, channels = super().shape
        return n, 1, ny, nx, channels

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return averaged windows of shape (k, 1, ny, nx, channels)."""
        return super().__getitem__(index).mean(axis=-4, keepdims=True)

    @cached_property
    def digest(self) -> str:
        """That of the windows, marked."""
        return f"mean {super().digest}"


@dataclass(frozen=True, eq=False)
class Shuffled(Windows):
    """Windows whose fields come in an order of chance, another one for every window.

    Attributes
    ----------
    seed : int, default=0
        Determines the orders, together with the place of the window in the series.
    """

    gatherable = False
    seed: int = 0

    @cached_property
    def _orders(self) -> np.ndarray:
        draws = np.random.default_rng(self.seed).random((len(self.frames), self.length))
        return draws.argsort(axis=1)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return shuffled windows of shape (k, length, ny, nx, channels)."""
        windows = super().__getitem__(index)
        orders = self._orders[self.starts[index]]
        return np.take_along_axis(windows, orders[..., None, None, None], axis=-4)

    @cached_property
    def digest(self) -> str:
        """That of the windows, marked with the seed."""
        return f"shuffled {self.seed} {super().digest}"


def mean(windows: Windows) -> Mean:
    """Return the windows with their fields averaged."""
    return Mean(**_parts(windows))


def shuffled(windows: Windows, seed: int = 0) -> Shuffled:
    """Return the windows with their fields shuffled."""
    return Shuffled(**_parts(windows), seed=seed)


def _parts(windows: Windows) -> dict[str, Any]:
    names = ("frames", "frame_times", "starts", "length", "low", "high")
    return {name: getattr(windows, name) for name in names}
