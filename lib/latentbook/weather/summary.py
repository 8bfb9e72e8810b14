"""A source of weather in a few lines, for `latentbook weather info`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latentbook.errors import LatentbookError
from latentbook.weather import store
from latentbook.weather.grid import EUROPE, covers, extent
from latentbook.weather.sources import opening, times
from latentbook.weather.sources.axes import Selection, listed
from latentbook.weather.sources.reading import Source
from latentbook.weather.sources.spelling import QUANTITIES, known

if TYPE_CHECKING:
    import xarray as xr


def describe(source: Source, select: Selection | None = None) -> list[str]:
    """Return title, variables, times with gaps, extent, and whether it covers the study's domain.

    Raises
    ------
    LatentbookError
        If the source cannot be read, holds no variable that is understood, or has a further
        dimension of which `select` chooses nothing.
    """
    if store.is_store(source):
        held = store.open_store(Path(str(source)))
        grid = store.grid_of(held)
        where = "the domain of the study" if grid is EUROPE else "a grid of its own"
        return [*_lines({str(name): held[[name]] for name in held}), f"{'grid':10}on {where}"]
    found, names = opening.held(source)
    if not found:
        raise LatentbookError(
            f"{source} holds none of the variables that are understood: it has {listed(names)}, "
            f"and known are {known()}"
        )
    parts = {name: opening.opened(source, (name,), select=select, levelled=False) for name in found}
    verdict = "covers" if covers(next(iter(parts.values())), EUROPE) else "does not cover"
    return [*_lines(parts), f"{'domain':10}{verdict} the domain of the study"]


def _lines(parts: dict[str, xr.Dataset]) -> list[str]:
    """Return title, variables, times and extent of data sets of one variable each."""
    first = next(iter(parts.values()))
    simulated = " (simulated)" if first.attrs["simulated"] == "true" else ""
    lines = [f"{first.attrs['title']}{simulated}"]
    for name, part in parts.items():
        at = ""
        if "level" in part.coords:
            at = f" at {', '.join(f'{level:g}' for level in part['level'].values)} hPa"
        elif name != "msl":
            at = " at a level that the file does not state (say it, as --levels 500)"
        lines.append(
            f"{'variable':10}{name}{at}: {QUANTITIES[name].title}, {QUANTITIES[name].units_here}"
        )
    axis = first["time"].values
    gaps = len(times.gaps(axis)) or "no"
    lines.append(
        f"{'times':10}{len(axis):,} from {times.text(axis[0])} to {times.text(axis[-1])}, every "
        f"{times.duration(times.usual_step(axis))}, {gaps} gap{'' if gaps == 1 else 's'}"
    )
    longitude, latitude = first["longitude"].values, first["latitude"].values
    size = " x ".join(str(first.sizes[name]) for name in first[next(iter(parts))].dims[-2:])
    lines.append(f"{'extent':10}{extent(longitude, latitude)}, {size}")
    return lines
