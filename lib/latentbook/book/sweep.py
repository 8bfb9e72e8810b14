"""The full-scale sweep: which chapter runs on which data with which seed.

The Snakefile and ``make sweep`` both call `plan`, so that a wrong name ends the sweep before a job
starts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentbook import chapters
from latentbook.book import graph
from latentbook.errors import LatentbookError, choose
from latentbook.study import parameters

PROFILE = "paper"
#: Values that are swept by default; ``chapters`` are all that can be swept.
DEFAULTS = {
    "datasets": ("mnist", "fashion_mnist", "usps", "cifar10"),
    "weathers": ("weather-simulated",),
    "seeds": ("0", "1", "2", "3", "4"),
}
#: Parameter that names the data -> the setting that lists them.
_SETTING = {"dataset": "datasets", "weather": "weathers"}
#: Names become parts of file names.
_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class Run:
    """One run of the sweep: a chapter on the data `data`."""

    chapter: str
    data: str
    seed: str


def plan(settings: Mapping[str, Any]) -> tuple[list[Run], list[str]]:
    """Return the runs of a sweep, and the reasons why others are left out.

    A data set is left out of a chapter if the full-scale parameters do not fit it, for example if
    it has too few samples.

    Parameters
    ----------
    settings : mapping
        ``chapters``, ``datasets``, ``weathers``, ``seeds``: lists, or words with commas between.

    Raises
    ------
    LatentbookError
        For an unknown setting, chapter, data set or seed, and if no run is left.
    """
    every = {path.stem: by for path in graph.chapters() if (by := graph.swept_by(path))}
    for setting in settings:
        choose("setting of the sweep", setting, ["chapters", *DEFAULTS, "profile"])
    asked = {name: _listed(settings, name, default) for name, default in DEFAULTS.items()}
    swept = _listed(settings, "chapters", tuple(every))
    runs: list[Run] = []
    left_out: dict[str, None] = {}
    for chapter in swept:
        by = every[choose("chapter of the sweep", chapter, every)]
        for data, seed in itertools.product(asked[_SETTING[by]], asked["seeds"]):
            reason = _problem(chapter, {by: data, "seed": seed})
            if reason:
                left_out[f"{chapter} on {data}: {reason}"] = None
            else:
                runs.append(Run(chapter, data, seed))
    if not runs:
        raise LatentbookError("; ".join(left_out) or "the sweep has no chapter that can be swept")
    return sorted(runs, key=lambda run: asked["seeds"].index(run.seed)), list(left_out)


def _listed(settings: Mapping[str, Any], name: str, default: tuple[str, ...]) -> list[str]:
    """Read a setting that is a list, or words joined by commas; refuse an unfit name."""
    value = settings.get(name, default)
    names = [str(v) for v in value] if isinstance(value, list | tuple) else str(value).split(",")
    for word in names:
        if not _NAME.fullmatch(word):
            raise LatentbookError(
                f"{name} of the sweep is {parameters.shown(value)}, but must hold names of "
                "letters, digits, dots, hyphens and underscores, with commas between them"
            )
    return list(dict.fromkeys(names))


def _problem(chapter: str, written: Mapping[str, str]) -> str:
    """Return why values cannot work together, "" if they can; raise if one of them is wrong."""
    notebook = graph.find(chapter)
    gate = chapters.gate(notebook)
    overrides = chapters.read(notebook, written)
    values = parameters.of_profile(notebook, PROFILE) | overrides
    gate.check(values)
    try:
        gate.check_together(values)
    except LatentbookError as error:
        return str(error)
    return ""
