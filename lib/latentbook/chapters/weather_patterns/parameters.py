"""What chapter 05 can be told, and what goes together."""

from __future__ import annotations

from latentbook.chapters import _weather
from latentbook.study.parameters import Parameter, Text, file_or_empty

PARAMETERS: dict[str, Parameter] = {
    **_weather.PARAMETERS,
    "catalogue": Text("CSV of the Hess-Brezowsky weather types, or empty", file_or_empty),
}
COMBINATIONS = _weather.COMBINATIONS
