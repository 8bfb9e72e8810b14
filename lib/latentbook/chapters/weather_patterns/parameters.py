"""The parameters of chapter 05, and which combinations of them are allowed."""

from __future__ import annotations

from latentbook.study import weather_parameters
from latentbook.study.parameters import Choice, Parameter, Text, Words, file_or_empty

#: The keys of `latentbook.weather.treatment.SEASONS`.
SEASONS = ("all", "DJF", "MAM", "JJA", "SON", "cold", "warm")
#: Switches of `latentbook.weather.treatment.Treatment`.
TREATMENTS = ("anomalies", "detrend", "area")
#: Variables that may judge: each must be in the source of the weather.
UNSEEN = ("t500", "t700", "t850", "msl", "wind500", "wind700", "wind850", "wind900", "wind925")

PARAMETERS: dict[str, Parameter] = {
    **weather_parameters.PARAMETERS,
    "season": Choice("the months that are clustered", SEASONS),
    "treatment": Words("what is done to the fields first, or empty", TREATMENTS, least=0),
    "unseen": Words("variables that judge the clusters, or empty", UNSEEN, least=0),
    "catalogue": Text("CSV of the Hess-Brezowsky weather types, or empty", file_or_empty),
}
COMBINATIONS = weather_parameters.COMBINATIONS
