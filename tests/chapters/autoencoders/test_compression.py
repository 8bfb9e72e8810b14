"""Compression: bytes that give the codes back, rates, codecs, photographs, bad input."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from latentbook.chapters.autoencoders import compression, figures
from latentbook.errors import LatentbookError

TINY = {
    "crop": 16,
    "n_crops": 32,
    "filters": 2,
    "epochs": 1,
    "batch_size": 16,
    "steps": (0.5, 1.0),
    "qualities": (5, 20),
    "ratios": (100.0, 20.0),
    "progress": False,
}


@given(
    hnp.arrays(
        np.int64,
        st.tuples(st.integers(0, 6), st.integers(0, 7), st.integers(1, 5)),
        elements=st.one_of(st.integers(-3, 3), st.integers(-32_767, 32_767)),
    )
)
def test_bytes_give_back_exactly_the_codes(codes):
    found = compression.unpack(compression.pack(codes))
    assert found.shape == codes.shape
    assert np.array_equal(found, codes)


@pytest.mark.parametrize("coder", range(len(compression.CODERS)))
def test_every_coder_is_reversible(coder):
    pack, unpack = compression.CODERS[coder]
    raw = np.random.default_rng(0).binomial(20, 0.1, 5000).astype("u1").tobytes()
    assert unpack(pack(raw)) == raw
    assert len(pack(raw)) < len(raw)


def test_the_header_is_counted_and_the_bytes_are_near_the_entropy():
    codes = np.random.default_rng(0).geometric(0.7, (40, 50, 4)) - 1
    stored, bits = compression.pack(codes), compression.entropy(codes)
    assert bits / 8 < len(stored) < 1.35 * bits / 8 + compression.HEADER.size + 40
    assert compression.HEADER.unpack_from(stored)[1:] == (40, 50, 4, 1)


def test_entropy_agrees_with_scipy():
    codes = np.random.default_rng(0).integers(-2, 3, (9, 8, 2))
    expected = sum(
        72 * stats.entropy(np.unique(codes[..., c], return_counts=True)[1], base=2) for c in (0, 1)
    )
    assert compression.entropy(codes) == pytest.approx(expected)
    assert compression.entropy(np.zeros((4, 4, 2), int)) == 0


@pytest.mark.parametrize("stored", [b"", b"\x00" * 5, b"\x09" * 30, b"\x00" * 30])
def test_damaged_bytes_are_refused(stored):
    with pytest.raises(LatentbookError, match="hold no codes"):
        compression.unpack(stored)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((4, 4), int), "whole numbers of shape"),
        (np.zeros((4, 4, 2)), "whole numbers"),
        (np.full((4, 4, 2), 40_000), "16 bits"),
        (np.zeros((1, 1, 300), int), "too many"),
    ],
)
def test_impossible_codes_are_refused(codes, message):
    with pytest.raises(LatentbookError, match=message):
        compression.pack(codes)


def test_photographs_are_grey_whole_and_named_by_their_bytes():
    images, data = compression.photographs()
    assert list(images) == [*compression.TRAIN, *compression.TEST]
    assert not set(compression.TRAIN) & set(compression.TEST)
    for image in images.values():
        assert image.dtype == np.uint8
        assert not image.shape[0] % 16
        assert not image.shape[1] % 16
        assert image.std() > 5
    assert data.sha256 == compression.photographs()[1].sha256
    assert (len(data), data.n_train) == (len(images), len(compression.TRAIN))


@pytest.mark.parametrize(("method", "fine", "rough"), [("jpeg", 60, 10), ("jpeg 2000", 10, 80)])
def test_codecs_trade_rate_for_quality(method, fine, rough):
    image = compression.photographs()[0]["coffee"]
    points = compression.measure(
        [image],
        lambda image, setting: compression.coded_by_pillow(method, image, setting),
        (fine, rough),
    )
    better, worse = (point.metrics for point in points)
    assert better["bpp"] > 2 * worse["bpp"]
    assert better["psnr"] > worse["psnr"] + 3
    assert better["ssim"] > worse["ssim"]
    if method == "jpeg 2000":
        assert worse["bpp"] == pytest.approx(8 / rough, rel=0.1)


def test_psnr_at_the_target_is_interpolated_or_says_where_it_was_taken():
    def points(*pairs):
        return [compression.Point(0, {"bpp": b, "psnr": p}, np.zeros(0)) for b, p in pairs]

    assert compression.at_target(points((0.3, 30), (0.075, 20))) == (
        pytest.approx(25),
        "interpolated",
    )
    assert compression.at_target(points((0.3, 30), (0.2, 27))) == (27, "at 0.20 bits")


def test_crops_are_cut_from_every_photograph():
    images = [np.full((20, 30), value, np.uint8) for value in (0, 51, 255)]
    found = compression.crops(images, 16, 6, random_state=0)
    assert found.shape == (6, 16, 16, 1)
    assert np.unique(found[:, 0, 0, 0]) == pytest.approx([0, 0.2, 1])
    with pytest.raises(LatentbookError, match="side of a crop"):
        compression.crops(images, 24, 6, random_state=0)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(compression, "TEST", ("chelsea",))
        return compression.run(random_state=0, **TINY)


def test_every_setting_and_method_has_its_score(found):
    settings = [(s.method, s.params["setting"]) for s in found.scores if "setting" in s.params]
    assert len(set(settings)) == len(settings) == 6
    summary = {s.method: s.metrics for s in found.scores if "how" in s.params}
    assert set(summary) == set(compression.METHODS)
    assert all(set(metrics) == {"psnr_at_0.15"} for metrics in summary.values())


def test_figures_are_drawn_from_small_arrays(found):
    assert sum(array.nbytes for array in found.arrays.values()) < 120_000
    for draw in (figures.draw_rates, figures.draw_details):
        figure = draw(found.arrays)
        assert figure.axes
        plt.close(figure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": ()}, "a step is missing"),
        ({"qualities": (0,)}, "a quality"),
        ({"ratios": (0.5,)}, "a ratio"),
        ({"crop": 20}, "multiples of 8"),
    ],
)
def test_bad_input_is_refused_before_training(change, message):
    with pytest.raises(LatentbookError, match=message):
        compression.run(random_state=0, **TINY | change)
