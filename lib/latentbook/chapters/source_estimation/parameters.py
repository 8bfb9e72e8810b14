"""The parameters of chapter 06, and which combinations of them are allowed."""

from __future__ import annotations

import math

from latentbook.chapters.source_estimation import VARIED
from latentbook.errors import LatentbookError
from latentbook.study import weather_parameters
from latentbook.study.parameters import (
    Choice,
    Number,
    Numbers,
    Parameter,
    Values,
    Words,
    each_at_most,
    has,
)

#: The keys of `latentbook.weather.dispersion.NUCLIDES`.
NUCLIDES = ("Cs-137", "I-131")
#: What an instrument measures.
READINGS = ("presence", "concentration")
#: The largest number of patterns that a variation tries.
MOST_PATTERNS = max(VARIED["k"])

#: `latentbook.weather.inputs.INPUTS`.
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

PARAMETERS: dict[str, Parameter] = {
    **weather_parameters.PARAMETERS,
    "wind_level": Number("height of the wind that carries the release in hPa", 1, 1100, False),
    "hours": Number("hours after the release", 1, 1000),
    "particles": Number("particles a release", 1, 10_000_000),
    "nuclide": Choice("what is released", NUCLIDES),
    "readings": Numbers("places where radiation is read", 1, 4096),
    "descriptors": Numbers("windows that stand for a pattern", 1, 10_000),
    "smoothing": Number("of the readings, in cells", 0, 64, whole=False),
    "values": Choice("what an instrument measures", READINGS),
    "inputs": Words("what else is clustered; may be empty", INPUTS, least=0),
    "analogues": Numbers("nearest windows that stand for an event's weather", 1, 10_000),
    "twin_particles": Number(
        "particles of a release that is read and is not a candidate", 1, 10**7
    ),
    "task_every": Number("every so-many-th test window has the changed releases", 1, 1000),
    "late_hours": Numbers("hours within which the release begins", 1, 240, least=0),
    "durations": Numbers("hours that the release lasts", 0, 240, whole=False, least=0),
    "diffusivities": Numbers("of the release, in m2/s", 0, 1e7, whole=False, least=0),
    "mixing_heights": Numbers("of the release, in metres", 1, 1e5, whole=False, least=0),
    "truth_levels": Numbers("of the wind of the release, in hPa", 1, 1100, whole=False, least=0),
    "noises": Numbers("share of readings in a wrong place", 0, 1, whole=False, least=0),
    "networks": Numbers("spacing of fixed stations in cells", 1, 64, least=0),
    "variations": Words("parameters that are varied; may be empty", tuple(VARIED), least=0),
}


def _check_variations(values: Values) -> None:
    n = weather_parameters.training_windows(values)
    if has(values, "variations", "k") and math.isfinite(n) and n <= MOST_PATTERNS:
        raise LatentbookError(
            f"parameter variations has 'k', which tries up to {MOST_PATTERNS} patterns, but there "
            f"are {n:,} training windows: leave k out, or take a longer period"
        )


def _check_durations(values: Values) -> None:
    each_at_most(values, "durations", values["hours"], "the hours that a release is followed")


def _check_analogues(values: Values) -> None:
    n = weather_parameters.training_windows(values)
    if math.isfinite(n):
        each_at_most(values, "analogues", n, f"the {n:,} training windows")


COMBINATIONS = (
    *weather_parameters.COMBINATIONS,
    weather_parameters.check_descriptors,
    _check_variations,
    _check_durations,
    _check_analogues,
)
