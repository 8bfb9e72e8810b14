"""Steps, gaps and periods of a series of fields.

The rule that no window may span a gap starts here: what the usual step is, and where it is broken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from latentbook.errors import LatentbookError

#: A first and a last date, as ``("1994", "1995-06")``; both are included.
Period = tuple[str, str]


def check_times(times: np.ndarray, what: str) -> None:
    """Raise `LatentbookError` unless `times` ascend; names the first that does not."""
    differences = np.diff(times)
    if len(bad := np.flatnonzero(differences <= np.timedelta64(0))):
        before, later = times[bad[0]], times[bad[0] + 1]
        fault = "comes twice" if before == later else f"comes after {text(before)}"
        raise LatentbookError(
            f"{what}: the time {text(later)} {fault} ({len(bad)} such times): sort the source and "
            "drop duplicates first"
        )


def usual_step(times: np.ndarray) -> np.timedelta64:
    """Return the most frequent difference of successive times, the shortest of several."""
    steps, counts = np.unique(np.diff(times), return_counts=True)
    return steps[counts.argmax()] if len(steps) else np.timedelta64(0, "ns")


def gaps(times: np.ndarray) -> np.ndarray:
    """Return the indices after which the next time is not the usual step away."""
    return np.flatnonzero(np.diff(times) != usual_step(times))


def within(times: np.ndarray, period: Sequence[str], what: str) -> slice:
    """Return the slice of ascending `times` in `period`, whole days, months or years included.

    Raises
    ------
    LatentbookError
        If the period is no pair of dates, runs backwards, or holds none of the times.
    """
    if isinstance(period, str) or len(period) != 2:
        raise LatentbookError(
            f"a period is a pair of dates such as ('1994', '1995-06'), but this one is {period!r}"
        )
    try:
        found = pd.DatetimeIndex(times).slice_indexer(*map(str, period))
    except (ValueError, TypeError) as error:
        raise LatentbookError(
            f"the period {period[0]} to {period[1]} is not a pair of dates such as 1994 or "
            "1994-06-30"
        ) from error
    if found.start >= found.stop:
        raise LatentbookError(
            f"{what} has no time from {period[0]} to {period[1]}: it reaches from {text(times[0])} "
            f"to {text(times[-1])}"
        )
    return found


def text(time: np.datetime64) -> str:
    """Return a time as ``1994-06-30 18:00``."""
    return pd.Timestamp(time).strftime("%Y-%m-%d %H:%M")


def duration(step: np.timedelta64) -> str:
    """Return a time step as ``6 h`` or ``1 d``."""
    hours = step / np.timedelta64(1, "h")
    return f"{hours / 24:g} d" if hours >= 24 and hours % 24 == 0 else f"{hours:g} h"
