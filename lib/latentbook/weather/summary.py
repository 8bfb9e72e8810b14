"""A source of weather in a few lines, for `latentbook weather info`."""

from __future__ import annotations

from latentbook.errors import LatentbookError
from latentbook.weather.grid import EUROPE, covers, extent
from latentbook.weather.sources import opening, times
from latentbook.weather.sources.reading import Source


def describe(source: Source) -> list[str]:
    """Return title, variables, times with gaps, extent, and whether it covers the study's domain.

    Raises
    ------
    LatentbookError
        If the source cannot be read or holds no variable that is understood.
    """
    held = opening.held(source)
    if not held:
        raise LatentbookError(f"{source} holds none of the variables z, u, v, t and msl")
    parts = {name: opening.opened(source, (name,)) for name in held}
    first = next(iter(parts.values()))
    simulated = " (simulated)" if first.attrs["simulated"] == "true" else ""
    lines = [f"{first.attrs['title']}{simulated}"]
    for name, part in parts.items():
        levels = [f"{level:g}" for level in part["level"].values] if "level" in part.dims else []
        at = f" at {', '.join(levels)} hPa" if levels else ""
        lines.append(
            f"{'variable':10}{name}{at}: {part[name].attrs['long_name']}, "
            f"{part[name].attrs['units']}"
        )
    axis = first["time"].values
    gaps = first.attrs["gaps"] or "no"
    lines.append(
        f"{'times':10}{len(axis):,} from {times.text(axis[0])} to {times.text(axis[-1])}, every "
        f"{first.attrs['step']}, {gaps} gap{'' if gaps == 1 else 's'}"
    )
    longitude, latitude = first["longitude"].values, first["latitude"].values
    lines.append(f"{'extent':10}{extent(longitude, latitude)}, {len(latitude)} x {len(longitude)}")
    verdict = "covers" if covers(first, EUROPE) else "does not cover"
    lines.append(f"{'domain':10}{verdict} the domain of the study")
    return lines
