"""The parameters of chapter 06, and which combinations of them are allowed."""

from __future__ import annotations

import math

from latentbook.chapters.source_estimation import VARIED
from latentbook.errors import LatentbookError
from latentbook.study import weather_parameters
from latentbook.study.parameters import Choice, Number, Numbers, Parameter, Values, Words, has

#: The keys of `latentbook.weather.dispersion.NUCLIDES`.
NUCLIDES = ("Cs-137", "I-131")
#: What an instrument measures.
READINGS = ("presence", "concentration")
#: The largest number of patterns that a variation tries.
MOST_PATTERNS = max(VARIED["k"])

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
    "variations": Words("parameters that are varied; may be empty", tuple(VARIED), least=0),
}


def _check_variations(values: Values) -> None:
    n = weather_parameters.training_windows(values)
    if has(values, "variations", "k") and math.isfinite(n) and n <= MOST_PATTERNS:
        raise LatentbookError(
            f"parameter variations has 'k', which tries up to {MOST_PATTERNS} patterns, but there "
            f"are {n:,} training windows: leave k out, or take a longer period"
        )


COMBINATIONS = (
    *weather_parameters.COMBINATIONS,
    weather_parameters.check_descriptors,
    _check_variations,
)
