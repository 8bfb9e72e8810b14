"""Inpainting: masks, that no method sees the hole, scores, the map's volumes, bad input."""

from __future__ import annotations

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentbook import datasets
from latentbook.autoencoders import restoration
from latentbook.chapters.autoencoders import figures, inpainting
from latentbook.errors import LatentbookError

TINY = {"filters": 2, "epochs": 1, "batch_size": 32, "progress": False}
RAMP = np.linspace(0, 1, 16, dtype=np.float32)
PLANE = (0.5 * RAMP[:, None] + 0.5 * RAMP[None, :])[None, ..., None].repeat(3, axis=0)


@given(st.floats(0.02, 0.8), st.integers(0, 99))
def test_masks_hide_about_the_share(share, seed):
    block = inpainting.holes("block", share, (5, 32, 32), seed)
    random = inpainting.holes("random", share, (5, 32, 32), seed)
    assert block.mean() == pytest.approx(share, abs=0.04)
    assert random.mean() == pytest.approx(share, abs=0.04)
    assert len(np.unique(block.sum(axis=(1, 2)))) == 1


def test_the_centre_is_where_the_training_layer_hides_it():
    mask = inpainting.holes("centre", 0.25, (2, 16, 16), 0)
    expected = np.zeros((16, 16), bool)
    expected[4:12, 4:12] = True
    layer = restoration.Hide("centre", 0.25, seed=0)
    drawn = keras.ops.convert_to_numpy(layer(PLANE[:2])[1])[..., 0]
    assert (mask == expected).all()
    assert (drawn == expected).all()


@pytest.mark.parametrize("fill", [inpainting.fill_biharmonic, inpainting.fill_mean])
def test_no_method_sees_the_hole(fill):
    mask = inpainting.holes("block", 0.1, (3, 16, 16), 0)
    other = np.where(mask[..., None], 0.123, PLANE).astype(np.float32)
    np.testing.assert_array_equal(fill(PLANE, mask), fill(other, mask))


class Copy:
    """Stands for an autoencoder that returns what it is shown."""

    def model(self, x: np.ndarray) -> np.ndarray:
        return x[..., :-1]


def test_the_network_is_shown_zeros_in_the_hole_and_fills_only_that():
    mask = inpainting.holes("random", 0.5, (3, 16, 16), 0)
    filled = inpainting.fill_network(Copy(), PLANE, mask)
    assert (filled[mask] == 0).all()
    assert np.array_equal(filled[~mask], PLANE[~mask])


def test_interpolation_continues_a_plane():
    mask = np.zeros((3, 16, 16), bool)
    mask[:, 5:9, 6:10] = True
    filled = inpainting.fill_biharmonic(PLANE, mask)
    np.testing.assert_allclose(filled, PLANE, atol=1e-3)


def test_quality_counts_the_hole_only():
    mask = inpainting.holes("block", 0.2, (3, 16, 16), 0)
    filled = np.where(mask[..., None], PLANE + 0.1, PLANE)
    assert inpainting.hole_quality(PLANE, filled, mask)["psnr"] == pytest.approx(20, abs=1e-3)
    assert inpainting.hole_quality(PLANE, PLANE, mask) == {"psnr": np.inf, "ssim": 1}


@pytest.mark.parametrize(("hidden", "word"), [(True, "everything"), (False, "nothing")])
@pytest.mark.parametrize(
    "fill",
    [
        inpainting.fill_biharmonic,
        inpainting.fill_mean,
        lambda images, mask: inpainting.fill_network(Copy(), images, mask),
    ],
)
def test_masks_that_hide_everything_or_nothing_are_refused(fill, hidden, word):
    mask = inpainting.holes("block", 0.2, (3, 16, 16), 0)
    mask[1] = hidden
    with pytest.raises(LatentbookError, match=f"image 1 hides {word}"):
        fill(PLANE, mask)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"random": 1.0}, "hidden share"),
        ({"block": 0.99}, "a block of 0.99"),
        ({"spots": 0.5}, "unknown mask"),
    ],
)
def test_impossible_masks_are_refused_before_training(masks, message):
    digits = datasets.load("digits")
    with pytest.raises(LatentbookError, match=message):
        inpainting.run(digits, random_state=0, masks=masks, n_train=64, n_test=4, **TINY)


@pytest.mark.usefixtures("own_cache")
def test_the_study_scores_every_method_and_mask():
    masks = {"random": 0.3, "block": 0.1}
    found = inpainting.run(
        datasets.load("digits"), random_state=0, masks=masks, n_train=64, n_test=4, **TINY
    )
    conditions = {(s.method, s.params["mask"], s.params["share"]) for s in found.scores}
    assert conditions == {(m, k, v) for m in inpainting.METHODS for k, v in masks.items()}
    assert all({"psnr", "ssim"} == set(score.metrics) for score in found.scores)
    assert sum(array.nbytes for array in found.arrays.values()) < 80_000
    figure = figures.draw_filled(found.arrays)
    titles = [text.get_text() for text in figure.axes[0].texts]
    assert titles == ["whole", "holes", *inpainting.METHODS]
    plt.close(figure)


def test_the_map_is_plausible():
    ground, data = inpainting.elevation()
    assert ground.height.shape == (344, 403)
    assert 90**2 * 0.75 < ground.cell < 93**2
    assert data.name == "elevation"
    assert len(data.sha256) == 64


@given(st.integers(1, 6), st.integers(0, 50))
def test_windows_do_not_overlap_and_training_windows_are_free_of_holes(n, seed):
    corners = inpainting.positions((90, 90), 16, n, seed)
    seen = np.zeros((90, 90), int)
    for row, column in corners:
        seen[row : row + 16, column : column + 16] += 1
    assert seen.max() == 1
    assert seen.sum() == n * 256
    height = np.where(seen, np.nan, 1.0)
    assert np.isfinite(inpainting.patches(height, seen > 0, 8, 20, seed)).all()


def test_too_many_windows_are_refused():
    with pytest.raises(LatentbookError, match="do not fit"):
        inpainting.positions((40, 40), 16, 9, 0)
    with pytest.raises(LatentbookError, match="free of holes"):
        inpainting.patches(np.ones((20, 20)), np.ones((20, 20), bool), 8, 2, 0)


def test_volume_under_a_lid_is_that_of_a_box():
    height, hidden = np.full((8, 8), 100.0), np.zeros((8, 8), bool)
    hidden[2:6, 2:6] = True
    height[hidden] = 70.0
    assert inpainting.volume(height, hidden, 100.0, 2.0) == 2.0 * 16 * 30
    flat = np.full((8, 8), 100.0)
    found = inpainting.map_quality(height[None], flat[None], hidden[None], 2.0)
    assert found == {"rmse_m": pytest.approx(30), "volume_error_percent": pytest.approx(100)}
    same = inpainting.map_quality(height[None], height[None], hidden[None], 2.0)
    assert same == {"rmse_m": 0, "volume_error_percent": 0}


@pytest.mark.usefixtures("own_cache")
def test_the_map_study_scores_every_method():
    found = inpainting.run_elevation(random_state=0, n_holes=2, hole=8, n_train=64, **TINY)
    assert [score.method for score in found.scores] == list(inpainting.METHODS)
    assert all(score.params["mask"] == "elevation" for score in found.scores)
    assert all(score.metrics["rmse_m"] > 0 for score in found.scores)
    figure = figures.draw_filled_map(found.arrays)
    plt.close(figure)
