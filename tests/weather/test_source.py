"""Readings, similarity and ranks: known values, invariants, agreement with direct computations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cosine

from latentbook.errors import LatentbookError
from latentbook.weather import source
from latentbook.weather.grid import EUROPE, box


def plumes(m=6, side=16, seed=0):
    """Blobs of different places and widths, as plumes are: smooth, positive, mostly empty."""
    rng = np.random.default_rng(seed)
    spots = np.zeros((m, side, side), np.float32)
    spots[np.arange(m), rng.integers(3, side - 3, m), rng.integers(3, side - 3, m)] = 1
    return np.stack([gaussian_filter(spot, rng.uniform(0.8, 2)) for spot in spots])


def test_the_twenty_sites_lie_inside_the_domain_and_apart():
    sites = source.sites()
    assert len(sites) == 20
    assert sites["site"].is_unique
    x, y = EUROPE.project(sites["longitude"], sites["latitude"])
    assert (np.abs(x) < EUROPE.x[-1] - 300_000).all()  # four cells from the edge
    assert (np.abs(y) < EUROPE.y[-1] - 300_000).all()
    apart = np.hypot(x[:, None] - x, y[:, None] - y)[~np.eye(20, dtype=bool)]
    assert apart.min() > 75_000


def test_sites_inside_are_two_cells_from_the_edge():
    sites = source.sites()
    assert source.sites_inside(sites, EUROPE).equals(sites)
    grid = box((-5.0, 10.0, 44.0, 52.0), (16, 30))
    few = source.sites_inside(sites, grid)
    margin = 2 * 0.5 + 0.25
    inside = sites["longitude"].between(-5 + margin, 10 - margin)
    inside &= sites["latitude"].between(44 + margin, 52 - margin)
    assert 2 <= len(few) < 20
    assert few["site"].tolist() == sites.loc[inside, "site"].tolist()
    assert few.index.tolist() == list(range(len(few)))
    with pytest.raises(LatentbookError, match="0 of 20 sites lie inside the grid box"):
        source.sites_inside(sites, box((100.0, 120.0, 40.0, 50.0)))


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 300),
    seed=st.integers(0, 99),
    values=st.sampled_from(["presence", "concentration"]),
)
def test_readings_are_shares_at_places_that_the_plume_reaches(n, seed, values):
    true = plumes(seed=seed)
    read = source.readings(true, min(n, 256), values=values, seed=seed)
    reached = true >= source.DETECTION * true.max(axis=(1, 2), keepdims=True)
    assert read.sum(axis=(1, 2)) == pytest.approx(np.ones(6), rel=1e-5)
    assert not read[~reached].any()
    expected = np.minimum(min(n, 256), reached.sum(axis=(1, 2)))
    assert ((read > 0).sum(axis=(1, 2)) == expected).all()
    if values == "presence":
        for one in read:
            assert len(np.unique(one[one > 0])) == 1


def test_every_reached_cell_is_read_equally_often():
    true = np.zeros((2000, 4, 4), np.float32)
    true[:, :2] = np.linspace(0.1, 1, 8).reshape(2, 4)
    often = (source.readings(true, 3, seed=1) > 0).mean(axis=0)
    assert often[:2] == pytest.approx(np.full((2, 4), 3 / 8), abs=0.04)
    assert not often[2:].any()


def test_readings_of_concentration_keep_the_proportions_of_the_plume():
    true = plumes(1)
    read = source.readings(true, 5, values="concentration", seed=0)
    places = read > 0
    assert read[places] / read.sum() == pytest.approx(true[places] / true[places].sum())


def test_similarity_is_one_minus_the_cosine_distance():
    read, candidates = plumes(5), np.stack([plumes(4, seed=s) for s in range(3)])
    which = np.array([0, 2, 1, 2, 0])
    found = source.similarity(read, candidates, which)
    expected = [
        [1 - cosine(read[i].ravel(), candidates[which[i], s].ravel()) for s in range(4)]
        for i in range(5)
    ]
    assert found == pytest.approx(np.array(expected), abs=1e-5)
    assert source.similarity(read, 7 * candidates, which) == pytest.approx(found, abs=1e-5)


def test_a_site_without_a_plume_is_never_like_anything():
    candidates = plumes(3)[None]
    candidates[0, 1] = 0
    assert source.similarity(plumes(2), candidates, np.zeros(2, int))[:, 1].tolist() == [0, 0]


def test_ranks_count_ties_against_the_true_site():
    similarities = np.array([[0.9, 0.5, 0.1], [0.5, 0.5, 0.1], [0.2, 0.5, 0.1], [0.0, 0.0, 0.0]])
    rank = source.ranks(similarities, np.zeros(4, int))
    assert rank.tolist() == [1, 2, 2, 3]
    assert source.accuracy(rank, 1) == 0.25
    assert source.accuracy(rank, 2) == 0.75


def test_readings_of_every_cell_find_the_site():
    """All cells read in proportion are the plume itself."""
    true = plumes(8, side=20)
    read = source.readings(true, 400, values="concentration", seed=0)
    similarities = source.similarity(read, true[None], np.zeros(8, int))
    assert (source.ranks(similarities, np.arange(8)) == 1).all()


def test_random_similarity_is_right_as_often_as_chance():
    rng = np.random.default_rng(0)
    rank = source.ranks(rng.random((20_000, 20)), rng.integers(20, size=20_000))
    assert source.accuracy(rank, 1) == pytest.approx(1 / 20, abs=0.005)
    assert source.accuracy(rank, 3) == pytest.approx(3 / 20, abs=0.008)


def test_the_interval_is_as_wide_as_the_windows_are_few():
    """With one answer a window, the bootstrap agrees with the binomial; clones do not narrow it."""
    rng = np.random.default_rng(0)
    hit = rng.random(400) < 0.3
    rank = np.where(hit, 1, 9)
    low, high = source.interval(rank, np.arange(400), 1, block=1)
    error = 1.96 * np.sqrt(0.3 * 0.7 / 400)
    assert (high - low) / 2 == pytest.approx(error, rel=0.15)
    assert low < hit.mean() < high
    cloned = source.interval(np.repeat(rank, 20), np.repeat(np.arange(400), 20), 1, block=1)
    assert cloned == pytest.approx((low, high))


def weeks(n_weeks=300, n_windows=7, n_sites=4, seed=0):
    """Return ranks that a whole week of windows shares, and their windows."""
    rng = np.random.default_rng(seed)
    hit = rng.random(n_weeks) < 0.4
    rank = np.where(hit.repeat(n_windows * n_sites), 1, 5)
    return rank, np.arange(n_weeks * n_windows).repeat(n_sites)


def test_blocks_of_a_week_widen_the_interval_of_weather_that_lasts_a_week():
    rank, window = weeks()
    narrow, wide = (np.diff(source.interval(rank, window, 1, block=n))[0] for n in (1, 7))
    error = 1.96 * np.sqrt(0.4 * 0.6 / 300)
    assert wide / 2 == pytest.approx(error, rel=0.15)
    assert narrow < 0.5 * wide


def test_the_interval_of_blocks_is_that_of_scipy():
    """SciPy's percentile bootstrap of the means of the blocks."""
    rng = np.random.default_rng(1)
    rank = np.where(rng.random(700) < 0.3, 1, 4)
    ours = source.interval(rank, np.arange(700), 1, draws=4000)
    means = (rank == 1).reshape(100, 7).mean(axis=1)
    theirs = stats.bootstrap(
        (means,), np.mean, n_resamples=4000, method="percentile", rng=rng
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_a_difference_is_taken_release_by_release():
    """Two rules that miss the same weather differ by less than their own spread."""
    rank, window = weeks()
    better = np.where((rank > 1) & (np.arange(len(rank)) % 10 == 0), 1, rank)
    mean, low, high = source.difference(better, rank, window, 1)
    assert mean == pytest.approx((better == 1).mean() - (rank == 1).mean())
    assert 0 < low < mean < high
    assert high - low < 0.3 * np.diff(source.interval(rank, window, 1))[0]
    assert source.difference(rank, better, window, 1)[0] == pytest.approx(-mean)


def test_seeds_share_the_weather_of_a_difference():
    """Readings that are drawn again do not make more weather."""
    rank, window = weeks()
    better = np.where(np.arange(len(rank)) // 28 % 9 == 0, 1, rank)
    one = source.difference(better, rank, window, 1)
    five = source.difference(np.tile(better, (5, 1)), np.tile(rank, (5, 1)), window, 1)
    assert five == pytest.approx(one)
    with pytest.raises(LatentbookError, match="both methods need the same releases"):
        source.difference(rank[:-1], rank, window, 1)


def test_readings_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    true = plumes(30)
    whole = source.draw(true, 4, seed=5)
    monkeypatch.setattr(source, "BLOCK", 7)
    assert (source.draw(true, 4, seed=5) == whole).all()


def test_a_plume_of_fewer_cells_than_readings_is_read_everywhere():
    true = np.zeros((1, 4, 4), np.float32)
    true[0, 1, 1:3] = 1, 0.5
    (cells,) = source.draw(true, 5, seed=0)
    assert sorted(cells) == [-1, -1, -1, 5, 6]
    assert source.as_maps(cells[None], true).sum() == pytest.approx(1)
    assert not source.as_maps(np.full((1, 3), -1), true).any()


def test_the_nearest_site_is_the_one_nearest_to_any_reading():
    sites = pd.DataFrame({"longitude": [2.0, 12.0], "latitude": [45.0, 55.0]})
    grid = box((0, 20, 40, 60), (20, 20))
    cells = np.array([[5 * 20 + 3, 5 * 20 + 9], [15 * 20 + 13, -1], [-1, -1]])
    away = source.distances_to_sites(cells, sites, grid)
    # centres of the cells lie at half degrees
    assert away[0] == pytest.approx([np.hypot(1.5, 0.5), np.hypot(2.5, 9.5)])
    assert away[1, 1] == pytest.approx(np.hypot(1.5, 0.5))
    assert np.isinf(away[2]).all()
    assert source.ranks(-away, np.array([0, 1, 0])).tolist() == [1, 1, 2]


def test_descriptors_are_means_over_the_windows_that_there_are():
    library = np.arange(5 * 2 * 3 * 3, dtype=np.float32).reshape(5, 2, 3, 3)
    members = np.array([[0, 4], [2, -1]])
    found = source.descriptors(library, members)
    assert found[0] == pytest.approx((library[0] + library[4]) / 2)
    assert found[1] == pytest.approx(library[2])


def test_smoothing_keeps_the_sum_inside_and_widens():
    read = np.zeros((1, 21, 21), np.float32)
    read[0, 10, 10] = 1
    wide = source.smooth(read, 1.5)
    assert wide.sum() == pytest.approx(1, abs=1e-4)
    assert (wide > 1e-6).sum() > 50
    assert source.smooth(read, 0) is read


def test_bad_input_is_named():
    true = plumes()
    with pytest.raises(LatentbookError, match="readings is 0, but must lie between 1 and 256"):
        source.readings(true, 0, seed=0)
    with pytest.raises(LatentbookError, match="readings of 'dose' are unknown: choose presence"):
        source.readings(true, 5, values="dose", seed=0)
    with pytest.raises(
        LatentbookError, match=r"1 of 6 plumes reach no cell \(the first is number 2\)"
    ):
        source.readings(np.where(np.arange(6)[:, None, None] == 2, 0, true), 5, seed=0)
    with pytest.raises(LatentbookError, match="smoothing is -1"):
        source.smooth(true, -1)
    with pytest.raises(LatentbookError, match="give each event one of them"):
        source.similarity(true, true[None], np.full(6, 1))
