"""Use 1: the split, the angle between subspaces, and the three methods on digits."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from latentbook.chapters.autoencoders import figures, linear, splits, study
from latentbook.chapters.autoencoders.judgement import USES
from latentbook.errors import LatentbookError

SCALE = {"n_codes": (3, 10), "widths": (16,), "epochs": 4, "batch_size": 50}


@pytest.fixture(scope="module")
def found(digits, module_cache):
    return linear.run(digits, random_state=0, **SCALE)


def test_the_last_third_is_the_test_part_where_no_split_is_published(digits):
    part = splits.parts(digits)
    assert (len(part.train), len(part.test)) == (160, 80)
    np.testing.assert_array_equal(part.test[-1], digits.x[-1])
    np.testing.assert_array_equal(np.concatenate([part.y_train, part.y_test]), digits.y)


def test_the_published_split_is_kept(satimage):
    part = splits.parts(satimage)
    assert (len(part.train), len(part.test)) == (satimage.n_train, len(satimage) - satimage.n_train)


def test_angles_between_known_subspaces():
    axes = np.eye(4)
    tilted = np.array([[1, 0, 0, 0], [0, np.cos(0.5), np.sin(0.5), 0]])
    assert linear.largest_angle(axes[:2], axes[:2][::-1] * 3) == pytest.approx(0, abs=1e-5)
    assert linear.largest_angle(axes[:2], tilted) == pytest.approx(np.degrees(0.5))
    assert linear.largest_angle(axes[:2], axes[2:]) == pytest.approx(90)


def test_principal_components_agree_with_the_singular_values():
    for shape in ((50, 8), (20, 30)):
        x = np.random.default_rng(0).normal(size=shape)
        left = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[3:]
        pca = study.principal_components(x, 3)
        error = study.mse(x, pca.inverse_transform(pca.transform(x)))
        assert error == pytest.approx(np.square(left).sum() / x.size)


def test_the_linear_autoencoder_is_pca(found):
    errors = {
        (s.method, s.params["n_codes"]): s.metrics["mse"] for s in found.scores if s.method != "x"
    }
    for k in SCALE["n_codes"]:
        assert errors["linear", k] == pytest.approx(errors["pca", k], rel=1e-3)
    angles = [s.metrics["largest_angle_degrees"] for s in found.scores if s.method == "linear"]
    assert len(angles) == 2
    assert max(angles) < 1


def test_the_names_are_those_of_the_verdict(found):
    use = USES[found.use]
    conditioned = {s.method for s in found.scores if s.params["n_codes"] == 10}
    assert {use.method, *use.baselines} <= conditioned
    assert all(use.metric in s.metrics for s in found.scores)


def test_figures_are_drawn_from_small_arrays(found):
    assert sum(a.nbytes for a in found.arrays.values()) < 80_000
    for draw in (figures.draw_errors, figures.draw_reconstructions, figures.draw_directions):
        plt.close(draw(found.arrays))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mosaic_shows_every_image_in_its_place(channels):
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 4, 6, channels), np.uint8
    )
    figure, ax = plt.subplots()
    columns, rows = figures.draw_mosaic(ax, [images[:3], images[3:]])
    shown = np.asarray(ax.images[0].get_array())
    plt.close(figure)
    assert shown.shape[:2] == (9, 20)
    for number, (row, column) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]):
        x, y = columns[column], rows[row]
        tile = shown[int(y - 1.5) : int(y + 2.5), int(x - 2.5) : int(x + 3.5)]
        assert tile.size == 24 * channels
        assert (tile == number).all()
    assert (shown[5:, 14:] == 255).all()


def test_impossible_sizes_are_refused_before_training(digits):
    with pytest.raises(LatentbookError, match="n_codes is 161, but must lie between 1 and 160"):
        linear.run(digits, random_state=0, **SCALE | {"n_codes": (2, 161)})
    with pytest.raises(LatentbookError, match="n_codes is empty"):
        linear.run(digits, random_state=0, **SCALE | {"n_codes": ()})
    with pytest.raises(LatentbookError, match="number of samples is 5"):
        splits.parts(digits.subset(5))
