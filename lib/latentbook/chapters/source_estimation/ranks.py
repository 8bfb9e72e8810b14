"""Ranks of the true site, release by release: what differences and their intervals come from.

A mean of ranks over a year hides that two rules were judged by the same releases. The ranks of all
test releases are therefore kept, and `difference` compares two rules on them. One byte a release
says 1, 2, 3, or `LAST` for any later rank: no table asks for more, and the files stay small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentbook.chapters.source_estimation import CHAPTER
from latentbook.errors import LatentbookError, choose
from latentbook.study import figure_arrays
from latentbook.study.result import Result
from latentbook.study.result import keep as write
from latentbook.weather import source

#: Part of the name of the files that hold ranks.
FILE = "ranks"
#: What is kept of a rank that is no better.
LAST = 4
#: Parts of the chapter that keep ranks, each in a file of its own.
PARTS = ("clusters", "baselines", "fairer")


def name_of(part: str, dataset: str) -> str:
    """Return the name of a file of ranks, without suffix."""
    return f"{CHAPTER[:2]}-{FILE}-{choose('part', part, PARTS)}-{dataset}"


def full_scale(dataset: str) -> dict[str, np.ndarray]:
    """Return all ranks that full-scale runs kept of a data set; empty if nothing has run."""
    return merged([figure_arrays.full_scale(name_of(part, dataset)) for part in PARTS])


def merged(parts: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of several files in one, and the week of every release.

    Files may hold other test windows; the weeks are found by the number of releases.
    """
    found: dict[str, np.ndarray] = {}
    for part in parts:
        hours = part.get("index", np.empty(0, int))
        sizes = {len(one) for name, one in part.items() if one.ndim == 1 and name != "index"}
        for n in sizes:
            found[_weeks_of(n)] = ((hours - hours[0]) // (24 * 7)).repeat(n // len(hours))
        found |= {name: one for name, one in part.items() if name != "index"}
    return found


def _weeks_of(n_events: int) -> str:
    return f"week of {n_events} releases"


def key(method: str, seed: int, **condition: object) -> str:
    """Return the name of an array of ranks.

    Examples
    --------
    >>> key("nearest site", 0, readings=10)
    'nearest site; readings 10; seed 0'
    """
    told = [f"{name} {value}" for name, value in condition.items()]
    return "; ".join([method, *told, f"seed {seed}"])


@dataclass(frozen=True)
class Ranked(Result):
    """A result with the rank of the true site in every test release.

    Attributes
    ----------
    times : array of datetime64, shape (n_tested,)
        Start of every test window.
    ranks : mapping of str to array
        Ranks as whole numbers, of shape (n_tested * n_sites,), by `key`; and other small arrays of
        fractions, such as curves of reliability.
    part : str, default="clusters"
        One of `PARTS`.
    """

    times: np.ndarray = field(default_factory=lambda: np.empty(0, "datetime64[h]"))
    ranks: Mapping[str, np.ndarray] = field(default_factory=dict)
    part: str = "clusters"


def keep(result: Ranked, profile: str, *, whole: bool = True) -> list[dict[str, Any]]:
    """Write records, arrays for figures, and ranks; return the records.

    Parameters
    ----------
    result : Ranked
        Of one setting.
    profile : str
        ``quick`` or ``paper``.
    whole : bool, default=True
        Whether all data were used.
    """
    if result.ranks:
        packed = {
            name: np.minimum(one, LAST).astype(np.uint8)
            if one.dtype.kind in "iu"
            else one.astype(np.float32)
            for name, one in result.ranks.items()
        }
        index = result.times.astype("datetime64[h]").astype(np.int64)
        where = figure_arrays.folder(profile, 0, whole=whole)
        figure_arrays.save(
            name_of(result.part, result.data.name), {"index": index, **packed}, where
        )
    return write(result, profile, whole=whole)


def seeds(
    arrays: Mapping[str, np.ndarray], method: str, condition: Mapping[str, object]
) -> list[int]:
    """Return the seeds that a rule has ranks of."""
    start = key(method, 0, **condition).rpartition("seed ")[0]
    found = (name.removeprefix(start) for name in arrays if name.startswith(start))
    return sorted(int(rest.removeprefix("seed ")) for rest in found if rest.startswith("seed "))


def of(
    arrays: Mapping[str, np.ndarray],
    method: str,
    condition: Mapping[str, object],
    only: Iterable[int] | None = None,
) -> np.ndarray:
    """Return the ranks of a rule, one row a seed.

    Parameters
    ----------
    arrays : mapping
        As `full_scale` returns them.
    method : str
    condition : mapping
        As in `key`.
    only : iterable of int, optional
        Seeds; all that there are by default.

    Returns
    -------
    array of int, shape (n_seeds, n_events)

    Raises
    ------
    LatentbookError
        If there are none.
    """
    chosen = seeds(arrays, method, condition) if only is None else list(only)
    missing = [s for s in chosen if key(method, s, **condition) not in arrays]
    if missing or not chosen:
        raise LatentbookError(
            f"no ranks of {key(method, missing[0] if missing else 0, **condition)!r} were kept: "
            "run chapter 06 at profile paper"
        )
    return np.stack([arrays[key(method, s, **condition)] for s in chosen]).astype(int)


def share(
    arrays: Mapping[str, np.ndarray], method: str, condition: Mapping[str, object], top: int = 1
) -> tuple[float, float, float]:
    """Return how often a rule finds the site among the first, and its 95 % block interval.

    Seeds of the readings share their weather: each week is drawn with all of them.
    """
    found = of(arrays, method, condition)
    nothing = np.full_like(found, top + 1)
    mean, low, high = source.difference(
        found, nothing, arrays[_weeks_of(found.shape[1])], top, block=1
    )
    return mean, low, high


def difference(
    arrays: Mapping[str, np.ndarray],
    first: tuple[str, Mapping[str, object]],
    second: tuple[str, Mapping[str, object]],
    top: int = 1,
) -> tuple[float, float, float]:
    """Return how much more often a first rule finds the site than a second.

    Parameters
    ----------
    arrays : mapping
        As `full_scale` returns them.
    first, second : pairs of str and mapping
        Method and condition, as in `key`; the seeds that both have are compared.
    top : int, default=1

    Returns
    -------
    mean, low, high : float
        With the 95 % interval of a bootstrap of weeks.

    Raises
    ------
    LatentbookError
        If no seed has both.
    """
    (one, here), (other, there) = first, second
    shared = sorted(set(seeds(arrays, one, here)) & set(seeds(arrays, other, there)))
    ranks = of(arrays, one, here, shared), of(arrays, other, there, shared)
    return source.difference(*ranks, arrays[_weeks_of(ranks[0].shape[1])], top, block=1)
