"""Figures of the deep clustering chapter, drawn from small arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook.autoencoders import conv
from latentbook.chapters.deep_clustering import HISTORY, figures
from latentbook.dcec import DCEC

pytestmark = pytest.mark.usefixtures("agg_figures")


def texts(figure) -> str:
    figure.canvas.draw()  # fails where an artist cannot be drawn
    found = [text.get_text() for ax in figure.axes for text in ax.texts]
    found += [ax.get_title() for ax in figure.axes]
    found += [tick.get_text() for ax in figure.axes for tick in ax.get_xticklabels()]
    return "\n".join(found)


def history(updates: int = 5) -> np.ndarray:
    found = np.random.default_rng(0).uniform(0.1, 0.9, (len(HISTORY), updates + 1))
    found[0] = 140 * np.arange(updates + 1)
    found[1:4, 0] = np.nan  # before the first update there is no loss
    return found.astype(np.float32)


def picture_arrays(n: int = 50, classes: int = 3, examples: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (classes, 8, 8, 1), dtype=np.uint8)
    return {
        "umap_before": rng.normal(size=(n, 2)).astype(np.float16),
        "umap_after": rng.normal(size=(n, 2)).astype(np.float16),
        "umap_classes": rng.integers(classes, size=n).astype(np.int8),
        "umap_labels": rng.integers(classes, size=n).astype(np.int8),
        "examples": rng.integers(0, 256, (classes, 2 * examples, 8, 8, 1), dtype=np.uint8),
        "originals": images,
        "reconstructed_before": images,
        "reconstructed_after": images,
        "confusion": rng.integers(50, size=(classes, classes)),
    }


def test_the_graph_names_all_layers_with_weights_and_the_two_losses():
    model = DCEC(n_clusters=7)
    model.autoencoder_, _ = conv.build("cae10-guo", (28, 28, 1))
    words = texts(figures.draw_graph(model))
    assert "28 x 28 x 1" in words
    assert words.count("Conv2D") == 6
    assert words.count("Dense") == 2
    assert "14 x 14 x 32" in words
    assert "3 x 3 x 128" in words
    assert "q: 7" in words
    assert "reconstruction loss" in words
    assert "clustering loss" in words


def test_training_has_a_row_a_history_and_a_line_a_curve():
    figure = figures.draw_training({"one": history(), "two": history(1)})
    assert len(figure.axes) == 6
    assert [len(ax.get_lines()) for ax in figure.axes] == [3, 3, 2] * 2
    assert "one: losses" in texts(figure)
    drawn = figure.axes[1].get_lines()[0].get_ydata()
    np.testing.assert_allclose(drawn, history()[HISTORY.index("acc")])
    changed = figure.axes[2].get_lines()[0].get_ydata()
    np.testing.assert_allclose(changed, history()[HISTORY.index("changed")][1:])


def test_embedding_has_a_row_a_data_set_with_pictures():
    saved = {"a": picture_arrays(), "b": picture_arrays(20), "c": {"index": np.arange(3)}}
    figure = figures.draw_embedding(saved)
    assert len(figure.axes) == 6
    assert "b: before, classes" in texts(figure)


def test_reconstructions_are_three_rows():
    figure = figures.draw_reconstructions(picture_arrays(classes=3))
    assert len(figure.axes) == 9
    assert "reconstructed after" in "".join(ax.get_title(loc="left") for ax in figure.axes)
    figure.canvas.draw()


def test_examples_are_a_row_a_cluster_with_a_gap():
    arrays = picture_arrays(classes=3, examples=2)
    figure = figures.draw_examples(arrays)
    assert len(figure.axes) == 3 * 5
    drawn = [ax.get_images()[0].get_array() for ax in figure.axes[:5]]
    np.testing.assert_allclose(drawn[0], arrays["examples"][0, 0, ..., 0] / 255)
    np.testing.assert_allclose(drawn[2], np.ones((8, 8)))
    np.testing.assert_allclose(drawn[4], arrays["examples"][0, 3, ..., 0] / 255)


def test_confusion_is_in_shares_of_the_class():
    counts = {"confusion": np.array([[30, 10, 0], [0, 50, 0]])}
    names = {"a": ("cat", "dog"), "b": ("c", "d"), "c": ("e", "f")}
    figure = figures.draw_confusion({"a": counts, "b": counts, "c": {}}, names)
    assert len(figure.axes) == 2
    words = texts(figure).split("\n")
    assert {"75", "25", "100", "cat", "dog", "spare"} <= set(words)
    assert "a: % of the class" in words


def test_an_odd_number_of_confusions_leaves_no_empty_panel():
    three = {name: {"confusion": np.eye(2, dtype=int)} for name in "abc"}
    assert len(figures.draw_confusion(three, dict.fromkeys("abc", ("x", "y"))).axes) == 3


def test_classes_are_a_row_a_faithful_run_the_most_accurate_first():
    y = np.repeat([0, 1], 10)
    half = np.where(np.arange(20) < 15, 0, 1)  # the first class whole, the second cut in half
    found = {
        "index": np.arange(20),
        "classes": y,
        "labels dcec, gamma 0.1, seed 0": half,
        "labels dcec, gamma 0.1, seed 0, network feed": 1 - y,  # names of clusters do not matter
        "labels dcec, gamma 1, seed 0": half,
        "history dcec, gamma 0.1, seed 0": history(),
    }
    figure = figures.draw_classes({"toy": found}, {"toy": ("x", "y")})
    (ax,) = figure.axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["seed 0, feed", "seed 0"]
    np.testing.assert_allclose(
        ax.collections[0].get_array().reshape(2, 2), [[1.0, 1.0], [1.0, 0.5]]
    )


def test_partitions_are_a_dot_a_start_and_a_square_for_the_best_of_a_run():
    starts = {
        "seed 1": np.array([[0.0], [0.8]]),
        "seed 0": np.array([[0.01, 0.0, 0.02], [0.5, 0.6, 0.7]]),
    }
    (ax,) = figures.draw_partitions({"toy": starts, "not run": {}}).axes
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 0.5], [0, 0.6], [2, 0.7]])
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0, 0.6]])
    assert [text.get_text() for text in ax.get_legend().texts] == ["seed 0", "seed 1"]


def test_faithful_arrays_are_named_by_seed_and_network():
    names = ["labels dcec, gamma 0.1, seed 0, network feed", "labels dcec, gamma 0.1, seed 1"]
    others = ["labels dcec, gamma 1, seed 0", "labels dcec, alpha 2, gamma 0.1, seed 0"]
    found = figures.faithful({name: np.arange(2) for name in names + others}, "labels")
    assert list(found) == ["seed 0, feed", "seed 1"]


def test_the_faithful_run_of_a_seed_is_the_one_that_pretrained_its_network():
    own = {"history dcec, gamma 0.1, seed 0": history()}
    loaded = {"history dcec, gamma 0.1, seed 0, network feed": history()}
    found = figures.faithful_of({"a": own | loaded, "b": loaded, "c": {}}, "history")
    assert list(found) == ["a"]
    np.testing.assert_array_equal(found["a"], history())
    assert not figures.faithful_of({"a": own}, "history", seed=1)


def records_of(dataset: str, parameter: str, values: dict[float, float], **changes) -> list[dict]:
    faithful = {
        "gamma": 0.1,
        "alpha": 1.0,
        "init": "k-means",
        "architecture": "cae10-guo",
        "trained_on": "all",
        "evaluated_on": "all",
        "pretraining_epochs": 200,
    }
    return [
        {
            "dataset": dataset,
            "params": faithful | {parameter: value} | changes,
            "metrics": {"acc": acc, "acc_start": acc / 2},
        }
        for value, acc in values.items()
    ]


def test_scores_by_a_parameter_leave_other_changes_out():
    rows = records_of("mnist", "gamma", {0.1: 0.8, 1.0: 0.9})
    rows += records_of("mnist", "gamma", {1.0: 0.7})  # another seed
    rows += records_of("usps", "gamma", {0.1: 0.6})
    rows += records_of("usps", "gamma", {3.0: 0.1}, alpha=2.0)
    rows += records_of("usps", "gamma", {3.0: 0.1}, pretraining_epochs=5)
    rows += records_of("digits", "gamma", {3.0: 0.1}, trained_on="train")
    figure = figures.draw_by(pd.DataFrame(rows), "gamma", "weight")
    assert [ax.get_title() for ax in figure.axes] == ["mnist", "usps"]
    dots, mean = figure.axes[0].get_lines()
    assert sorted(zip(dots.get_xdata(), dots.get_ydata(), strict=True)) == [
        (0.1, 0.8),
        (1.0, 0.7),
        (1.0, 0.9),
    ]
    np.testing.assert_allclose(mean.get_ydata(), [0.8, 0.8])
    assert len(figure.axes[1].get_lines()[0].get_xdata()) == 1


def test_scores_by_pretraining_show_those_before_too():
    rows = records_of("mnist", "pretraining_epochs", {5: 0.8, 200: 0.9})
    scores = ("acc", "acc_start")
    figure = figures.draw_by(pd.DataFrame(rows), "pretraining_epochs", "epochs", scores=scores)
    lines = figure.axes[0].get_lines()
    assert len(lines) == 4
    np.testing.assert_allclose(lines[3].get_ydata(), [0.4, 0.45])


def test_starts_show_the_faithful_runs_other_weights_and_other_starts():
    rows = [
        *records_of("usps", "gamma", {0.1: 0.8, 10.0: 0.7}),
        *records_of("usps", "init", {"mixture": 0.9}),
        *records_of("usps", "alpha", {10.0: 0.1}),
        *records_of("usps", "pretraining_epochs", {20: 0.2}),
        *records_of("usps", "gamma", {0.1: 0.3}, trained_on="train"),
    ]
    figure = figures.draw_starts(pd.DataFrame(rows))
    points = np.concatenate([c.get_offsets() for c in figure.axes[0].collections])
    assert sorted(map(tuple, points)) == [(0.35, 0.7), (0.4, 0.8), (0.45, 0.9)]


def test_without_records_the_figure_says_so():
    empty = pd.DataFrame(columns=["dataset", "params", "metrics"])
    assert not figures.draw_starts(empty).axes[0].collections
    shown = figures.with_values(empty, "gamma")
    figure = figures.draw_by(shown, "gamma", "weight")
    assert [ax.get_title() for ax in figure.axes] == ["not run"]


def test_only_data_sets_with_several_values_are_shown():
    rows = records_of("mnist", "alpha", {0.5: 0.1, 1.0: 0.2, 2.0: 0.3})
    rows += records_of("usps", "alpha", {0.5: 0.1, 1.0: 0.2})
    rows += records_of("usps", "alpha", {2.0: 0.1}, gamma=3.0)
    rows += records_of("mnist", "alpha", {3.0: 0.1}, evaluated_on="test")
    shown = figures.with_values(pd.DataFrame(rows), "alpha")
    assert set(shown["dataset"]) == {"mnist"}
    assert len(shown) == 3
    assert len(figures.with_values(pd.DataFrame(rows), "alpha", at_least=2)) == 5


def test_methods_of_one_data_set_and_other_weights_are_not_in_the_spread():
    rows = [
        row | {"method": method}
        for method, dataset, gamma in (
            ("dcec", "usps", 0.1),
            ("dcec", "mnist", 0.1),
            ("dcec", "mnist", 1.0),
            ("dcec, alpha 2", "usps", 0.1),
        )
        for row in records_of(dataset, "gamma", {gamma: 0.8})
    ]
    figure = figures.draw_spread(pd.DataFrame(rows))
    assert [ax.get_title() for ax in figure.axes] == ["mnist", "usps"]
    for ax in figure.axes:
        assert sum(len(dots.get_offsets()) for dots in ax.collections) == 1


def test_coverage_is_the_mean_over_seeds_with_their_range():
    curves = {
        "coverage dcec, gamma 0.1, seed 0": np.full(100, 0.8),
        "coverage dcec, gamma 0.1, seed 1": np.full(100, 0.6),
        "coverage dcec, gamma 1, seed 0": np.full(100, 0.1),
    }
    figure = figures.draw_coverage({"mnist": curves, "usps": {}})
    (line,) = figure.axes[0].get_lines()
    np.testing.assert_allclose(line.get_ydata(), 0.7)
    np.testing.assert_allclose(line.get_xdata()[[0, -1]], [0.01, 1.0])
    figure.canvas.draw()
