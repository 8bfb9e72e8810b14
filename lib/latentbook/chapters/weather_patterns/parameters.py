"""The parameters of chapter 05, and which combinations of them are allowed."""

from __future__ import annotations

from latentbook.study import weather_parameters
from latentbook.study.parameters import Parameter, Text, file_or_empty

PARAMETERS: dict[str, Parameter] = {
    **weather_parameters.PARAMETERS,
    "catalogue": Text("CSV of the Hess-Brezowsky weather types, or empty", file_or_empty),
}
COMBINATIONS = weather_parameters.COMBINATIONS
