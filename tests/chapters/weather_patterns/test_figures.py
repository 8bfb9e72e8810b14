"""Figures of weather patterns, drawn from what the study keeps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from latentbook.autoencoders import recurrent
from latentbook.chapters.weather_patterns import figures, study
from latentbook.weather import patterns
from latentbook.weather.codes import Design

from ...weather.conftest import made_weather

NAMES = ["raw", "pca3"]


@pytest.fixture(scope="module")
def weather():
    return made_weather()


@pytest.fixture(scope="module")
def arrays(weather, module_cache):
    kept = {}
    for setting in study.plan(["raw", "pca"], Design(n_codes=3, k=4)):
        kept |= study.run(weather, setting, random_state=0).arrays
    return kept


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def titles(figure):
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


def test_a_window_is_drawn_with_its_times(weather):
    figure = figures.draw_window(weather, 3)
    assert titles(figure) == ["2001-01-04T00 h", "+ 12 h", "+ 24 h", "+ 36 h"]


def test_layers_are_named_with_their_output_and_counted():
    network = recurrent.build("fc-lstm", (4, 8, 8, 1), widths=(6, 5), n_codes=3)
    figure = figures.draw_layers({"small": network})
    assert (
        figure.axes[0].get_title(loc="left")
        == f"small: {network.model.count_params():,} parameters"
    )
    boxes = [text.get_text() for text in figure.axes[0].texts]
    assert boxes == ["window\n4x8x8x1", "LSTM\n4x6", "LSTM\n4x5", "LSTM\n3",
                     "LSTM\n4x5", "LSTM\n4x6", "Dense\n4x64"]  # fmt: skip


def test_the_largest_cluster_comes_first(weather, arrays):
    figure = figures.draw_descriptors(arrays, "raw")
    shares = [int(title.split(": ")[1].rstrip("%")) for title in titles(figure)]
    counts = np.bincount(arrays["labels raw, seed 0"])
    assert shares == [round(100 * n / len(weather)) for n in sorted(counts, reverse=True)]


def test_live_patterns_are_drawn_as_the_kept_ones(weather, arrays):
    found = patterns.fit(weather.points, weather.training, 4, 0)
    near = patterns.nearest_to_centres(weather.points, found, weather.training, 1)[:, 0]
    live, kept = (
        figures.draw_patterns(weather, found.labels, near),
        figures.draw_descriptors(arrays, "raw"),
    )
    assert titles(live) == titles(kept)


def test_what_has_pictures(arrays):
    assert figures.pictured(arrays, ["pca3", "conv"]) == ["pca3"]
    assert figures.pictured(arrays, ["conv"]) == NAMES


def test_embeddings_have_a_point_for_every_window(weather, arrays):
    figure = figures.draw_spaces(arrays, NAMES)
    assert titles(figure) == NAMES
    below = figure.axes[2].collections[0]
    assert len(below.get_offsets()) == len(weather)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["J"]  # one January


def test_transitions_and_seasons_are_shares_of_the_rows(weather, arrays):
    figure = figures.draw_time(arrays, "raw")
    moves, seasons = (np.asarray(ax.images[0].get_array()) for ax in figure.axes[:2])
    assert moves.sum(axis=1) == pytest.approx(np.ones(4))
    assert seasons.sum(axis=1) == pytest.approx(np.ones(4))
    labels = arrays["labels raw, seed 0"]
    order = np.argsort(-np.bincount(labels))
    follows = labels[1:][labels[:-1] == order[0]]
    assert moves[0, 0] == pytest.approx(np.mean(follows == order[0]))


def test_reconstructions_leave_out_what_has_none(arrays):
    figure = figures.draw_reconstructions(arrays, NAMES)
    assert len(figure.axes) == 2 * 4
    assert [ax.get_ylabel() for ax in figure.axes[::4]] == ["test window", "pca3"]


def test_seasons_are_ordered_by_their_mean():
    records = pd.DataFrame(
        [
            {"method": method, "metrics": {"season_accuracy": value, "season_chance": 0.25}}
            for method, value in (
                ("k-means raw", 0.6),
                ("fc-lstm + k-means", 0.4),
                ("fc-lstm + k-means", 0.5),
            )
        ]
        + [{"method": "conv + k-means", "metrics": {}}]
    )
    (ax,) = figures.draw_seasons(records).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["fc-lstm", "raw fields"]
    assert [list(line.get_xdata()) for line in ax.lines] == [[0.4, 0.5], [0.6], [0.25, 0.25]]
