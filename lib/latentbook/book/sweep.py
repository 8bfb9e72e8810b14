"""The full-scale sweep: which chapter runs on which data with which seed.

Weather differs in more than its name: registered weather runs with the map, the levels and the
period that its records have (`weather_parameters.FULL_SCALE`), and a sweep may set others.
The Snakefile and ``make sweep`` both call `plan`, so that a wrong name ends the sweep before a job
starts.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentbook import chapters, files
from latentbook.book import graph
from latentbook.errors import LatentbookError, choose
from latentbook.study import parameters, weather_parameters

PROFILE = "paper"
#: Values that are swept by default; ``chapters`` are all that can be swept.
DEFAULTS = {
    "datasets": ("mnist", "fashion_mnist", "usps", "cifar10"),
    "weathers": ("weather-simulated",),
    "seeds": ("0", "1", "2", "3", "4"),
}
#: Parameters of the chapters about weather that a sweep may set for all its runs.
WEATHER = (
    "domain",
    "levels",
    "period",
    "every",
    "select",
    "train_share",
    "test_period",
    "catalogue",
    "representations",
    "wind_level",
)
#: Parameter that names the data -> the setting that lists them.
_SETTING = {"dataset": "datasets", "weather": "weathers"}
#: Names become parts of file names.
_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class Run:
    """One run of the sweep.

    Attributes
    ----------
    chapter, data, seed : str
        The data are a name, or a path of weather.
    values : tuple of (str, str)
        Parameters beside those of the profile.
    asked : bool, default=False
        Whether `values` were asked for, and do not only belong to the data.
    """

    chapter: str
    data: str
    seed: str
    values: tuple[tuple[str, str], ...] = ()
    asked: bool = False

    @property
    def file(self) -> str:
        """Name of the executed notebook, without suffix; another one for other values."""
        name = re.sub(r"[^\w.-]+", "-", Path(self.data).stem if "/" in self.data else self.data)
        if self.asked or not _NAME.fullmatch(self.data):
            told = repr((self.data, self.values)).encode()
            name = f"{name}_{hashlib.sha256(told).hexdigest()[:8]}"
        return f"{name}-{self.seed}"

    @property
    def overrides(self) -> dict[str, str]:
        """What the run sets, as a command line writes it."""
        by = graph.swept_by(graph.find(self.chapter)) or "dataset"
        return {by: self.data, **dict(self.values), "seed": self.seed}


def plan(settings: Mapping[str, Any]) -> tuple[list[Run], list[str]]:
    """Return the runs of a sweep, and the reasons why others are left out.

    A data set is left out of a chapter if the full-scale parameters do not fit it, for example if
    it has too few samples.

    Parameters
    ----------
    settings : mapping
        ``chapters``, ``datasets``, ``weathers``, ``seeds``: lists, or words with commas between.
        A weather may be a path too. And any of `WEATHER`, for all runs on weather; commas may stand
        for the spaces of levels and dates.

    Raises
    ------
    LatentbookError
        For an unknown setting, chapter, data set or seed, and if no run is left.
    """
    every = {path.stem: by for path in graph.chapters() if (by := graph.swept_by(path))}
    for setting in settings:
        choose("setting of the sweep", setting, ["chapters", *DEFAULTS, *WEATHER, "profile"])
    asked = {name: _listed(settings, name, default) for name, default in DEFAULTS.items()}
    swept = _listed(settings, "chapters", tuple(every))
    runs: list[Run] = []
    left_out: dict[str, None] = {}
    for chapter in swept:
        by = every[choose("chapter of the sweep", chapter, every)]
        own = _own(settings, chapter) if by == "weather" else {}
        for data, seed in itertools.product(asked[_SETTING[by]], asked["seeds"]):
            known = _of_weather(chapter, data) if by == "weather" else {}
            run = Run(chapter, data, seed, tuple((known | own).items()), bool(own))
            reason = _problem(chapter, run.overrides)
            if reason:
                left_out[f"{chapter} on {data}: {reason}"] = None
            else:
                runs.append(run)
    if not runs:
        raise LatentbookError("; ".join(left_out) or "the sweep has no chapter that can be swept")
    return sorted(runs, key=lambda run: asked["seeds"].index(run.seed)), list(left_out)


def _own(settings: Mapping[str, Any], chapter: str) -> dict[str, str]:
    """Return what the settings say of parameters of a chapter about weather."""
    known = chapters.gate(graph.find(chapter)).parameters
    given = {name: str(settings[name]) for name in WEATHER if name in settings and name in known}
    spaced = ("levels", "period", "test_period", "representations")
    return {
        name: re.sub(r"[,:]", " ", text) if name in spaced else text for name, text in given.items()
    }


def _of_weather(chapter: str, data: str) -> dict[str, str]:
    """Return the parameters that belong to registered weather at full scale."""
    known = chapters.gate(graph.find(chapter)).parameters
    found = weather_parameters.FULL_SCALE.get(data, {})
    values = {name: value for name, value in found.items() if name in known}
    if "catalogue" in values:
        values["catalogue"] = weather_parameters.catalogue_file()
    return values


def _listed(settings: Mapping[str, Any], name: str, default: tuple[str, ...]) -> list[str]:
    """Read a setting that is a list, or words joined by commas; refuse an unfit name."""
    value = settings.get(name, default)
    names = [str(v) for v in value] if isinstance(value, list | tuple) else str(value).split(",")
    for word in names:
        if not _NAME.fullmatch(word) and not (name == "weathers" and files.matching(word)):
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
