"""The parameters of chapter 05, and which combinations of them are allowed."""

from __future__ import annotations

from latentbook import paths
from latentbook.errors import LatentbookError
from latentbook.study import weather_parameters
from latentbook.study.parameters import Choice, Parameter, Text, Words, file_or_empty, shown

#: The keys of `latentbook.weather.treatment.SEASONS`.
SEASONS = ("all", "DJF", "MAM", "JJA", "SON", "cold", "warm")
#: Switches of `latentbook.weather.treatment.Treatment`.
TREATMENTS = ("anomalies", "detrend", "area")
#: Variables that may judge: each must be in the source of the weather.
UNSEEN = ("t500", "t700", "t850", "msl", "wind500", "wind700", "wind850", "wind900", "wind925")


def _check_out(name: str, value: str) -> None:
    """Refuse what would replace something else than patterns."""
    if not value:
        return
    root = paths.root().resolve()
    path = (root / value).resolve()
    ours = any(path.is_relative_to(root / folder) for folder in ("data", "lib", "tests", ".git"))
    if path.suffix != ".nc" or ours:
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, but must be a file that ends in .nc and does "
            "not lie among the files of the project, such as '_build/patterns.nc'"
        )
    if not path.parent.is_dir() and path.parent != root / "_build":
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, but there is no folder {path.parent}: make it "
            "first, or choose another"
        )


PARAMETERS: dict[str, Parameter] = {
    **weather_parameters.PARAMETERS,
    "season": Choice("the months that are clustered", SEASONS),
    "treatment": Words("what is done to the fields first, or empty", TREATMENTS, least=0),
    "unseen": Words("variables that judge the clusters, or empty", UNSEEN, least=0),
    "catalogue": Text("CSV of the Hess-Brezowsky weather types, or empty", file_or_empty),
    "out": Text("netCDF file for the patterns; empty for none", _check_out),
}
COMBINATIONS = weather_parameters.COMBINATIONS
