"""The interactive map of source estimation: choose weather and site, see the ranked candidates.

One HTML file with the plumes inside as two sprite sheets, no library and no request, so that it
works offline and from a memory stick.
It is built from the arrays that a run of the chapter keeps (`study.event_arrays`), with a
template of `study.templating`; the static figure above it and its alternative text belong to the
chapter.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentbook import paths
from latentbook.chapters.source_estimation import ranks
from latentbook.study import figure_arrays, interactive, templating
from latentbook.weather import maps, source
from latentbook.weather.grid import Grid

_PREFIX = "06-"


def page_name(origin: Path) -> str:
    """Return the name of the page for an npz: ``source-NAME`` at full scale, else with profile."""
    weather = origin.stem.removeprefix(_PREFIX)
    if origin.parent == paths.figures():
        return f"source-{weather}"
    return f"source-{origin.parent.parent.name}-{origin.parent.name}-{weather}"


def write_page(origin: Path) -> Path:
    """Write the page of one npz into ``book/extra/embeddings``."""
    arrays = figure_arrays.read(origin)
    sites = source.sites()
    grid = maps.grid_of(arrays)
    n_cases, n_sites = arrays["plumes"].shape[:2]
    x, y = grid.project(sites["longitude"], sites["latitude"])
    return templating.write(
        page_name(origin),
        "event_map.html.jinja",
        title="Which site released?",
        caption=_caption(origin, n_cases, n_sites),
        data={
            "nx": len(grid.x),
            "ny": len(grid.y),
            "times": [_said(time) for time in arrays["index"].astype("datetime64[h]")],
            "sites": sites["site"].tolist(),
            "place": np.round(_pixels(grid, np.column_stack([x, y])), 1).tolist(),
            "coast": _coast(grid),
            "cluster": arrays["cluster"].tolist(),
            "similarity": _similarities(arrays["likeness"]),
            "readings": [[np.flatnonzero(s).tolist() for s in case] for case in arrays["readings"]],
            "plumes": _sheet(arrays["plumes"]),
            "candidates": _sheet(arrays["candidates"]),
        },
    )


def write_pages() -> list[Path]:
    """Write all pages whose npz exists: full-scale ones, and those of live runs with seed 0."""
    live = (paths.root() / "_build" / "figures").glob(f"*/seed-0/{_PREFIX}*.npz")
    full = paths.figures().glob(f"{_PREFIX}*.npz")
    shown = [path for path in (*full, *live) if not path.stem.startswith(_PREFIX + ranks.FILE)]
    return [write_page(origin) for origin in sorted(shown)]


def _caption(origin: Path, n_cases: int, n_sites: int) -> str:
    kind = (
        "Simulated weather" if "simulated" in origin.stem or "sample" in origin.stem else "Weather"
    )
    return (
        f"{kind}, {n_cases} situations of the test period, {n_sites} sites; plumes over 48 hours, "
        "on a logarithmic scale of four decades. Press a candidate to see the plume of its site "
        "for the pattern that the weather was assigned to. Ties count against the true site."
    )


def _said(time: np.datetime64) -> str:
    """Return an hour as text, such as ``2003-01-02 06 h``."""
    return str(time).replace("T", " ") + " h"


def _similarities(kept: np.ndarray) -> list[list[list[float]]]:
    """Return similarities (cases, true sites, candidates), rounded so that they stay distinct."""
    return [[[float(f"{v:.5g}") for v in row] for row in case] for case in kept.tolist()]


def _sheet(plumes: np.ndarray) -> dict[str, str | int]:
    """Return the maps as one sprite sheet, north up."""
    return interactive.sprite(plumes.reshape(-1, *plumes.shape[2:])[:, ::-1])


def _pixels(grid: Grid, points: np.ndarray) -> np.ndarray:
    """Return map coordinates as cells from the upper left corner."""
    step = grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]
    return np.column_stack(
        [
            (points[:, 0] - grid.x[0]) / step[0] + 0.5,
            len(grid.y) - 0.5 - (points[:, 1] - grid.y[0]) / step[1],
        ]
    )


def _coast(grid: Grid) -> str:
    """Return the coasts as the path of an SVG."""
    ny, nx = grid.shape
    strokes = []
    for line in maps.coastlines():
        dots = np.round(_pixels(grid, np.column_stack(grid.project(line[:, 0], line[:, 1]))), 1)
        inside = np.all((dots >= 0) & (dots <= [nx, ny]), axis=1).tolist()
        pen = "M"
        for (x, y), kept in zip(dots, inside, strict=True):
            if kept:
                strokes.append(f"{pen}{x:g} {y:g}")
            pen = "L" if kept else "M"
    return "".join(strokes)


if __name__ == "__main__":
    write_pages()
