"""Windows: where they may lie, what they hold, how they are scaled, and that they stay lazy."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from latentbook.errors import LatentbookError
from latentbook.weather import windows as module
from latentbook.weather.sources import times
from latentbook.weather.windows import windows

HOURS = np.arange(40) * 6


def series(hours=HOURS, levels=2, size=3, seed=0):
    """Random fields at `hours` after the start of 2000."""
    hours = np.asarray(hours)
    values = np.random.default_rng(seed).normal(size=(len(hours), levels, size, size + 1))
    return xr.DataArray(
        values.astype(np.float32),
        dims=("time", "level", "y", "x"),
        coords={
            "level": np.arange(levels),
            "time": np.datetime64("2000-01-01", "ns") + hours.astype("timedelta64[h]"),
        },
        name="z",
    )


def test_two_days_overlapping_by_one():
    data = series()
    w = windows(data)
    assert w.shape == (9, 8, 3, 4, 2)
    assert w.starts.tolist() == [0, 4, 8, 12, 16, 20, 24, 28, 32]
    assert (np.diff(w.times) == np.timedelta64(1, "D")).all()
    assert w[:].dtype == np.float32
    assert np.array_equal(w[2], data.values[8:16].transpose(0, 2, 3, 1))
    assert np.array_equal(w[0][4:], w[1][:4])


def test_indexing_is_that_of_an_array():
    w = windows(series())
    whole = w[:]
    for index in (slice(2, 5), np.array([3, 0, 3]), [1, 2], np.arange(9) % 2 == 0, -1):
        assert np.array_equal(w[index], whole[index])


def test_without_levels_there_is_one_channel():
    w = windows(series().isel(level=0))
    assert w.shape == (9, 8, 3, 4, 1)


@given(
    removed=st.sets(st.integers(0, 59), max_size=12),
    late=st.sets(st.integers(0, 59), max_size=3),
    length=st.integers(2, 6),
    step=st.integers(1, 6),
)
def test_no_window_spans_a_missing_or_irregular_step(removed, late, length, step):
    hours = np.array([6 * i + (i in late) for i in range(60) if i not in removed])
    data = series(hours, levels=1, size=1)
    try:
        w = windows(data, length, step)
    except LatentbookError:
        regular = np.diff(hours) == 6
        assert not any(regular[i : i + length - 1].all() for i in range(len(hours) - length + 1))
        return
    for start in w.starts:
        assert (np.diff(hours[start : start + length]) == 6).all()
    # and none is left out: every unbroken run of n fields holds (n - length) // step + 1
    runs = np.split(hours, np.flatnonzero(np.diff(hours) != 6) + 1)
    assert len(w) == sum(max(0, (len(run) - length) // step + 1) for run in runs)


def test_scaling_is_fitted_on_the_training_period_only():
    data = series()
    data.values[:20] = np.clip(data.values[:20], -1, 1)
    w = windows(data)
    train = w.subset(("2000-01-01", "2000-01-05"))
    scaled = w.scaled(train)
    assert scaled.subset(("2000-01-01", "2000-01-05"))[:].min() == 0
    assert scaled.subset(("2000-01-01", "2000-01-05"))[:].max() == pytest.approx(1)
    assert scaled[:].max() > 1
    by_hand = data.values[:20].min(axis=(0, 2, 3)), data.values[:20].max(axis=(0, 2, 3))
    assert np.array_equal(np.array(train.extremes), np.array(by_hand))
    assert np.allclose(scaled.unscale(scaled[:]), w[:], atol=1e-6)
    assert w.unscale(w[:]) is not None


def test_extremes_skip_fields_that_no_window_holds():
    data = series(np.r_[0:10, 20:30] * 6)
    data.values[9] = 1e6  # the tenth field is in no window of eight that starts at 0
    assert windows(data, 8, 4).extremes[1].max() < 100


def test_subsets_lie_wholly_in_the_period():
    w = windows(series())
    part = w.subset(("2000-01-03", "2000-01-06"))
    assert part.times[0] == np.datetime64("2000-01-03")
    assert part.times[-1] + np.timedelta64(7 * 6, "h") == np.datetime64("2000-01-06T18")
    assert len(part) == 3
    mask = np.arange(9) < 2
    assert np.array_equal(w.subset(mask)[:], w[:][mask])
    assert len(part.subset(np.array([True, False, True]))) == 2


def test_the_digest_knows_content_and_settings():
    w = windows(series())
    assert w.digest == windows(series()).digest
    others = [
        windows(series(seed=1)),
        windows(series(), step=2),
        windows(series(), length=4),
        w.subset(np.arange(9) > 0),
        w.scaled(w),
    ]
    assert len({w.digest, *(other.digest for other in others)}) == 6


def test_fields_that_are_too_many_are_mapped_from_a_file(monkeypatch, own_cache):
    data = series(np.arange(300) * 6)
    held = windows(data)
    monkeypatch.setattr(module, "HELD", 0)
    mapped = windows(data.chunk(time=50))
    assert isinstance(mapped.frames, np.memmap)
    assert not isinstance(held.frames, np.memmap)
    order = np.random.default_rng(0).permutation(len(held))[:40]
    assert np.array_equal(mapped[order], held[order])
    assert np.array_equal(mapped.scaled(mapped)[7], held.scaled(held)[7])
    assert mapped.digest == held.digest
    assert np.array_equal(mapped.extremes, held.extremes)
    assert list((own_cache / "weather").iterdir()) == []  # the file has no name to be left behind


def test_a_full_disk_is_named(monkeypatch, own_cache):
    def full(dir):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "HELD", 0)
    monkeypatch.setattr(module.tempfile, "TemporaryFile", full)
    with pytest.raises(LatentbookError, match=r"cannot write .*No space left on device"):
        windows(series())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (series([0, 6, 6, 12]), "the time 2000-01-01 06:00 comes twice"),
        (series([0, 12, 6, 18]), "the time 2000-01-01 06:00 comes after 2000-01-01 12:00"),
        (series(np.arange(5) * 6), "no 8 successive fields in 5, with 0 gaps"),
        (series().where(series() < 1.5), r"z is NaN or infinite at \d+ of 12 points, first at 20"),
        (series().rename(time="t"), "windows are cut from fields"),
    ],
)
def test_bad_series_are_named(data, message):
    with pytest.raises(LatentbookError, match=message):
        windows(data)


def test_bad_subsets_and_scalings_are_named():
    w = windows(series())
    with pytest.raises(LatentbookError, match="no time from 1999 to 1999: it reaches from 2000-01"):
        w.subset(("1999", "1999"))
    with pytest.raises(LatentbookError, match="no window is left of 9"):
        w.subset(("2000-01-03", "2000-01-03"))
    with pytest.raises(LatentbookError, match="has 9 booleans, but this one has 3 of type int64"):
        w.subset(np.array([1, 2, 3]))
    with pytest.raises(LatentbookError, match="a pair of dates"):
        w.subset("1999")
    with pytest.raises(LatentbookError, match="not a pair of dates such as"):
        w.subset(("spring", "2000"))
    with pytest.raises(LatentbookError, match="cannot be scaled by those of shape"):
        w.scaled(windows(series(levels=1)))
    flat = windows(series().where(series()["level"] == 0, 3))
    with pytest.raises(LatentbookError, match="channel 1 is constant"):
        w.scaled(flat)


def test_steps_in_words():
    assert times.duration(np.timedelta64(6, "h")) == "6 h"
    assert times.duration(np.timedelta64(48, "h")) == "2 d"
