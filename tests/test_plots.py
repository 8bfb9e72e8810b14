"""What figures share: colours that agree, noise in grey, panels and grids that hold everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from latentbook import metrics, plots

pytestmark = pytest.mark.usefixtures("agg_figures")


@pytest.mark.parametrize("n", [1, 8, 10, 20])
def test_colours_differ_from_each_other_and_from_the_grey_of_noise(n):
    chosen = np.array(plots.colours(n))
    assert chosen.shape == (n, 3)
    assert len(np.unique(chosen.round(3), axis=0)) == n
    distances = np.linalg.norm(chosen - to_rgb(plots.GREY), axis=1)
    assert distances.min() > 0.15


def test_clusters_take_the_name_of_the_class_they_match():
    y = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    labels = np.array([5, 5, 5, 0, 0, 0, 3, 3])
    np.testing.assert_array_equal(plots.aligned(y, labels), y)


def test_clusters_without_a_class_get_numbers_after_the_last_and_noise_stays():
    y = np.array([0, 0, 0, 0, 1, 1])
    labels = np.array([7, 7, 9, -1, 8, 8])
    np.testing.assert_array_equal(plots.aligned(y, labels), [0, 0, 2, -1, 1, 1])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 6)), min_size=1, max_size=40))
def test_renaming_is_one_to_one_and_makes_accuracy_plain_agreement(pairs):
    y, labels = np.array(pairs).T
    renamed = plots.aligned(y, labels)
    np.testing.assert_array_equal(renamed == -1, labels == -1)
    groups = {(a, b) for a, b in zip(labels, renamed, strict=True)}
    assert len(groups) == len(np.unique(labels)) == len(np.unique(renamed))
    assert np.mean(renamed == y) == pytest.approx(metrics.accuracy(y, labels))


def test_scatter_draws_noise_first_in_grey_and_every_group_in_its_colour():
    z = np.arange(12.0).reshape(6, 2)
    labels = np.array([0, 1, -1, 1, 0, -1])
    ax = plots.scatter(z, labels, title="six points", names=["a", "b"])
    noise, rest = ax.collections
    np.testing.assert_array_equal(noise.get_offsets(), z[[2, 5]])
    np.testing.assert_allclose(noise.get_facecolors()[0, :3], to_rgb(plots.GREY))
    np.testing.assert_array_equal(rest.get_offsets(), z[[0, 1, 3, 4]])
    expected = np.array(plots.colours(10))[[0, 1, 1, 0]]
    np.testing.assert_allclose(rest.get_facecolors()[:, :3], expected)
    assert noise.get_zorder() <= rest.get_zorder()
    assert ax.get_title() == "six points"
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places == {"a": (4, 5), "b": (4, 5)}


def test_scatter_of_many_points_draws_the_subsample():
    z = np.random.default_rng(0).normal(size=(10_050, 2))
    ax = plots.scatter(z, np.zeros(len(z), dtype=int))
    assert sum(len(points.get_offsets()) for points in ax.collections) == 10_000


def test_scatter_with_more_groups_than_colours_of_the_palette():
    labels = np.arange(23)
    ax = plots.scatter(np.zeros((23, 2)), labels)
    drawn = ax.collections[1].get_facecolors()[:, :3]
    assert len(np.unique(drawn.round(3), axis=0)) == 23


def test_panels_in_rows_without_empty_axes_and_names_in_the_first():
    z, y = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9) % 3
    figure = plots.scatter_panels({str(i): (z, y) for i in range(5)}, names="abc", columns=3)
    assert [ax.get_title() for ax in figure.axes] == list("01234")
    assert [len(ax.texts) for ax in figure.axes] == [3, 0, 0, 0, 0]
    assert figure.axes[3].get_gridspec().nrows == 2


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_grid_shows_every_image_as_it_is(channels):
    images = np.random.default_rng(0).random((7, 4, 5, channels))
    images[0] += 1  # beyond white is white
    figure = plots.image_grid(images, columns=3, titles=[str(i) for i in range(7)])
    assert len(figure.axes) == 9
    assert [len(ax.images) for ax in figure.axes] == [1] * 7 + [0] * 2
    shown = np.asarray(figure.axes[4].images[0].get_array())
    np.testing.assert_allclose(shown, images[4].squeeze())
    assert figure.axes[0].images[0].get_array().max() == 1
    assert figure.axes[4].images[0].get_clim() == (0, 1)
    assert figure.axes[6].get_title() == "6"
    assert not any(ax.axison for ax in figure.axes)
