"""Maps: fields, plumes and sites on a `Grid`, with coastlines that come with the repository.

Coastlines are Natural Earth's (public domain, 1 : 50 million, simplified to 0.04 degrees), so that
no map needs a download. For more detail, draw with cartopy on `Grid.crs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from latentbook import paths, plots
from latentbook.weather.grid import EUROPE, Grid, box


@cache
def coastlines() -> tuple[np.ndarray, ...]:
    """Return the coasts between 62 W and 97 E, 12 and 84 N: arrays (n, 2) of degrees."""
    with np.load(paths.samples() / "coastlines.npz", allow_pickle=False) as stored:
        points = stored["points"].astype(np.float64) / 100
        ends = np.cumsum(stored["lengths"])[:-1]
    return tuple(np.split(points, ends))


def draw_coast(ax: Axes, grid: Grid) -> None:
    """Draw the coasts inside `grid`, in its map coordinates, and fit the axes to it."""
    lines = []
    for line in coastlines():
        x, y = grid.project(line[:, 0], line[:, 1])
        inside = (x > grid.x[0]) & (x < grid.x[-1]) & (y > grid.y[0]) & (y < grid.y[-1])
        # one line for each run of points inside, so that no chord crosses the map
        cuts = np.flatnonzero(np.diff(inside.astype(int))) + 1
        pieces = zip(np.split(np.column_stack([x, y]), cuts), np.split(inside, cuts), strict=True)
        lines += [piece for piece, kept in pieces if kept[0] and len(piece) > 1]
    ax.add_collection(LineCollection(lines, colors=plots.GREY, linewidths=0.6, zorder=2))
    ax.set(
        xlim=(grid.x[0], grid.x[-1]),
        ylim=(grid.y[0], grid.y[-1]),
        xticks=[],
        yticks=[],
        aspect=_aspect(grid),
    )


def _aspect(grid: Grid) -> float:
    """Return how much taller than wide a unit of the map is: 1, or that of a box's middle."""
    return grid.per_metre()[0, 0].mean() / grid.per_metre()[1, 1].mean()


def draw_heights(ax: Axes, field: np.ndarray, grid: Grid, levels: np.ndarray) -> None:
    """Draw geopotential height as contours, labelled in decametres.

    Parameters
    ----------
    field : array of shape (ny, nx)
        Metres.
    levels
        Heights of the contours in metres.
    """
    ax.contourf(grid.x, grid.y, field, levels=levels, cmap="cividis", extend="both", alpha=0.9)
    lines = ax.contour(grid.x, grid.y, field, levels=levels[::2], colors="black", linewidths=0.4)
    ax.clabel(lines, fmt=lambda metres: f"{metres / 10:.0f}", fontsize=5)
    draw_coast(ax, grid)


def draw_patterns(
    fields: np.ndarray, grid: Grid, titles: Sequence[str], *, columns: int = 5
) -> Figure:
    """Draw one map a pattern, all with the same contours.

    Parameters
    ----------
    fields : array of shape (k, ny, nx)
        Geopotential height in metres.
    """
    low, high = np.quantile(fields, (0.01, 0.99))
    step = max(10.0, np.ceil((high - low) / 120) * 10)
    levels = np.arange(np.floor(low / step) * step, high + step, step)
    rows = -(-len(fields) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.3 * columns, 2.5 * rows), layout="constrained", squeeze=False
    )
    for ax in axes.flat[len(fields) :]:
        ax.remove()
    for ax, field, title in zip(axes.flat, fields, titles, strict=False):
        draw_heights(ax, field, grid, levels)
        ax.set_title(title, fontsize="small")
    return figure


def draw_plume(ax: Axes, plume: np.ndarray, grid: Grid, **extra: Any) -> None:
    """Draw a plume on a logarithmic scale, four decades below its maximum.

    Parameters
    ----------
    plume : array of shape (ny, nx)
        Time-integrated concentration.
    """
    from matplotlib.colors import LogNorm

    top = plume.max()
    shown = np.ma.masked_less(plume, top * 1e-4)
    norm = LogNorm(top * 1e-4, top)
    ax.pcolormesh(grid.x, grid.y, shown, norm=norm, cmap="viridis_r", rasterized=True, **extra)
    draw_coast(ax, grid)


def draw_sites(
    ax: Axes, longitude: np.ndarray, latitude: np.ndarray, grid: Grid, **style: Any
) -> None:
    """Mark places given in degrees."""
    x, y = grid.project(longitude, latitude)
    look: dict[str, Any] = {"s": 14, "c": "black", "marker": "^", "zorder": 4} | style
    ax.scatter(x, y, **look)


def grid_of(arrays: Mapping[str, np.ndarray]) -> Grid:
    """Return the grid that the maps among `arrays` are on."""
    if not len(arrays["box"]):
        return EUROPE
    west, east, south, north, ny, nx = map(float, arrays["box"])
    return box((west, east, south, north), (int(ny), int(nx)))


def edges_of(grid: Grid) -> np.ndarray:
    """Return edges (west, east, south, north) and shape of a box; nothing for the study's map."""
    if grid is EUROPE:
        return np.empty(0)
    half = (grid.x[1] - grid.x[0]) / 2, (grid.y[1] - grid.y[0]) / 2
    edges = grid.x[0] - half[0], grid.x[-1] + half[0], grid.y[0] - half[1], grid.y[-1] + half[1]
    return np.array([*edges, *grid.shape])
