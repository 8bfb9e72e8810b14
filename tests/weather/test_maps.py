"""Maps: coasts inside the frame, fields and plumes where they belong, grids kept in arrays."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, QuadMesh

from latentbook.weather import maps
from latentbook.weather.grid import EUROPE, box

BOX = box((-10.0, 30.0, 35.0, 65.0), (12, 16))


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def strokes(ax):
    (lines,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    return lines.get_segments()


def test_coastlines_are_degrees_of_the_north_atlantic_and_europe():
    points = np.concatenate(maps.coastlines())
    assert points.min(axis=0) == pytest.approx([-62, 12], abs=1)
    assert points.max(axis=0) == pytest.approx([97, 84], abs=3)
    # the strait of Gibraltar has a coast on both sides, within half a degree
    near = points[np.abs(points - [-5.6, 36.0]).max(axis=1) < 0.5]
    assert near[:, 1].min() < 35.95 < 36.0 < near[:, 1].max()


@pytest.mark.parametrize("grid", [EUROPE, BOX], ids=["europe", "box"])
def test_no_coast_leaves_the_map_and_no_chord_crosses_it(ax, grid):
    maps.draw_coast(ax, grid)
    segments = strokes(ax)
    points = np.concatenate(segments)
    low, high = [grid.x[0], grid.y[0]], [grid.x[-1], grid.y[-1]]
    assert len(segments) > 5
    assert (points >= low).all()
    assert (points <= high).all()
    longest = max(np.abs(np.diff(s, axis=0)).max() for s in segments)
    assert longest < 0.12 * (grid.x[-1] - grid.x[0])
    assert ax.get_xlim() == (grid.x[0], grid.x[-1])
    assert ax.get_ylim() == (grid.y[0], grid.y[-1])


def test_a_degree_east_is_drawn_shorter_than_one_north(ax):
    maps.draw_coast(ax, BOX)
    middle = np.cos(np.radians(BOX.latitude)).mean()
    assert ax.get_aspect() == pytest.approx(1 / middle, rel=0.05)
    maps.draw_coast(ax, EUROPE)  # conformal
    assert ax.get_aspect() == pytest.approx(1, rel=0.01)


def test_patterns_share_their_contours_and_spare_panels_are_removed():
    low = np.broadcast_to(np.linspace(2800.0, 3000, 16), BOX.shape)
    figure = maps.draw_patterns(np.stack([low, low + 100, low + 200]), BOX, ["a", "b", "c"])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c"]
    levels = [ax.collections[0].levels for ax in figure.axes]
    assert all(np.array_equal(levels[0], other) for other in levels)
    assert levels[0][0] <= 2810
    assert levels[0][-1] >= 3190
    assert (np.diff(levels[0]) % 10 == 0).all()  # whole decametres
    plt.close(figure)


def test_many_patterns_take_several_rows():
    fields = np.random.default_rng(0).normal(3000, 50, (7, *BOX.shape))
    figure = maps.draw_patterns(fields, BOX, list("abcdefg"), columns=3)
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols, len(figure.axes)) == (3, 3, 7)
    plt.close(figure)


def test_a_plume_covers_four_decades(ax):
    plume = np.zeros(BOX.shape)
    plume[5, 7:12] = 10.0 ** -np.arange(5)
    plume[5, 11] = 0.9e-4
    maps.draw_plume(ax, plume, BOX)
    (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    shown = mesh.get_array().reshape(BOX.shape)
    assert np.argwhere(~np.ma.getmaskarray(shown)).tolist() == [[5, x] for x in range(7, 11)]
    assert (mesh.norm.vmin, mesh.norm.vmax) == pytest.approx((1e-4, 1))


def test_sites_are_marked_where_the_grid_puts_them(ax):
    longitude, latitude = np.array([2.35, 15.0]), np.array([48.85, 53.0])
    maps.draw_sites(ax, longitude, latitude, EUROPE, c="red")
    (dots,) = [c for c in ax.collections if isinstance(c, PathCollection)]
    x, y = EUROPE.project(longitude, latitude)
    assert np.allclose(dots.get_offsets(), np.column_stack([x, y]))
    assert np.abs(dots.get_offsets()[1]).max() < 1  # the centre of the projection
    assert dots.get_facecolor()[0].tolist() == [1, 0, 0, 1]


def test_a_grid_comes_back_from_its_edges():
    again = maps.grid_of({"box": maps.edges_of(BOX)})
    assert again.shape == BOX.shape
    assert again.x == pytest.approx(BOX.x)
    assert again.y == pytest.approx(BOX.y)
    assert maps.grid_of({"box": maps.edges_of(EUROPE)}) is EUROPE
