"""Figures of chapter 03, from made-up arrays and records."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy.cluster.hierarchy import ward

from latentbook import plots
from latentbook.chapters.two_stage_clustering import figures
from latentbook.study import figure_arrays

pytestmark = pytest.mark.usefixtures("agg_figures")


def arrays(n: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (np.arange(n) % 3).astype(np.int8)
    return {
        "index": np.arange(n),
        "umap2": rng.normal(size=(n, 2)).astype(np.float16),
        "classes": y,
        "labels k-means raw": y[::-1].copy(),
        "labels umap2 + hdbscan": np.where(y == 2, -1, y).astype(np.int8),
        "centres": rng.integers(0, 256, (3, 4, 4, 1), dtype=np.uint8),
    }


def keep(name: str, made: dict[str, np.ndarray]) -> None:
    figure_arrays.save(f"03-{name}", made, figure_arrays.folder("paper", 0))


def titles(figure) -> list[str]:
    figure.canvas.draw()  # fails where an artist cannot be drawn
    return [ax.get_title() for ax in figure.axes]


def says_not_run(figure) -> bool:
    return [text.get_text() for ax in figure.axes for text in ax.texts] == ["not run"]


def test_panels_of_the_clusterings_that_were_run():
    wanted = {"umap30 + k-means": "thirty", "k-means raw": "pixels"}
    made = arrays()
    figure = figures.draw_panels(made, wanted, "abc")
    assert titles(figure) == ["classes", "pixels"]
    drawn = figure.axes[1].collections[1].get_facecolors()[:, :3]
    np.testing.assert_allclose(drawn, np.array(plots.colours(10))[made["labels k-means raw"]])
    del made["umap2"]
    assert says_not_run(figures.draw_panels(made, wanted, "abc"))


def test_noise_is_counted_and_grey():
    figure = figures.draw_noise(arrays(), ["pca50", "umap2"])
    assert titles(figure) == ["umap2: 2 clusters, 67% kept"]
    noise = figure.axes[0].collections[0]
    assert len(noise.get_offsets()) == 4
    np.testing.assert_allclose(noise.get_facecolors()[0, :3], to_rgb(plots.GREY))
    assert says_not_run(figures.draw_noise(arrays(), ["pca50"]))
    assert says_not_run(figures.draw_noise({}, ["umap2"]))


def test_codes_lie_on_their_main_axes():
    codes = np.random.default_rng(0).normal(size=(30, 4)) * [9, 1, 3, 1]
    made = arrays() | {"index": np.arange(12)[::-1] * 2}
    made |= {f"labels cae10 + {stage}": made["classes"] for stage in ("k-means", "mixture")}
    figure = figures.draw_codes(codes, "cae10", made, "abc")
    assert titles(figure) == ["classes", "k-means", "mixture"]
    drawn = np.abs(figure.axes[2].collections[1].get_offsets())
    u, lengths, _ = np.linalg.svd(codes - codes.mean(axis=0))
    axes = np.abs(u[:, :2] * lengths[:2])[made["index"]]
    np.testing.assert_allclose(drawn, axes, rtol=1e-6)


def test_the_choice_of_k_is_the_best_of_each_curve():
    curves = {
        "curve n_clusters": np.array([2.0, 3.0, 4.0]),
        "curve silhouette": np.array([0.2, 0.9, 0.4]),
        "curve bic": np.array([-1.0, -5.0, -9.0]),
    }
    z = np.random.default_rng(0).normal(size=(40, 2))
    figure = figures.draw_choice(curves, z, 5)
    assert titles(figure) == [
        "silhouette: best with 3",
        "BIC: best with 4, the largest tried",
        "Ward dendrogram",
    ]
    left, _, right = figure.axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), curves["curve silhouette"])
    assert list(left.lines[1].get_xdata()) == [5, 5]
    assert right.get_ylim()[1] >= ward(z)[-1, 2]


def test_full_scale_panels_and_centres_are_those_that_were_kept(own_project):
    for draw in (figures.draw_two_stage, figures.draw_centres):
        assert not any(ax.images or ax.collections for ax in draw().axes)
    keep("digits", arrays())
    keep("mnist", {"index": np.arange(3), "centres": arrays()["centres"]})
    panels = figures.draw_two_stage()
    assert titles(panels) == ["digits: classes", "k-means on pixels", "HDBSCAN on UMAP", ""]
    assert len(panels.axes[1].collections[1].get_offsets()) == 12
    shown = figures.draw_centres()
    assert len(shown.axes) == 6
    np.testing.assert_array_equal(
        shown.axes[4].images[0].get_array(), arrays()["centres"][1].squeeze()
    )


def test_training_has_a_panel_a_data_set_and_a_line_a_method():
    rows = [
        {
            "dataset": dataset,
            "method": method,
            "params": params,
            "metrics": {"acc": acc, "nmi": acc / 2},
        }
        for dataset, method, params, acc in [
            ("mnist", "cae10 + k-means", {"max_epochs": 1, "evaluated_on": "all"}, 0.5),
            ("mnist", "cae10 + k-means", {"max_epochs": 9, "evaluated_on": "all"}, 0.6),
            ("mnist", "cae10 + k-means", {"max_epochs": 9, "evaluated_on": "test"}, 0.1),
            ("usps", "cae10-guo + mixture", {"max_epochs": 9, "evaluated_on": "all"}, 0.7),
            ("usps", "umap2 + k-means", {"evaluated_on": "all"}, 0.2),
        ]
    ]
    figure = figures.draw_training(pd.DataFrame(rows))
    assert titles(figure) == ["mnist", "usps", "", ""]
    mnist, usps, nmi, _ = figure.axes
    (line,) = [line for line in mnist.lines if len(line.get_xdata())]
    np.testing.assert_array_equal(line.get_xdata(), [1, 9])
    np.testing.assert_allclose(line.get_ydata(), [0.5, 0.6])
    (line,) = [line for line in nmi.lines if len(line.get_xdata())]
    np.testing.assert_allclose(line.get_ydata(), [0.25, 0.3])
    assert [mnist.get_ylabel(), nmi.get_ylabel()] == ["ACC", "NMI"]
    assert mnist.get_xscale() == "log"
    words = {text.get_text() for text in usps.get_legend().get_texts()}
    assert {"cae10", "cae10-guo", "k-means", "mixture"} <= words
    empty = pd.DataFrame(columns=["dataset", "method", "params", "metrics"])
    assert titles(figures.draw_training(empty)) == ["not run", ""]
