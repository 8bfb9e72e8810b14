"""Likelihoods of readings against one event at a time in plain NumPy, and known values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from latentbook.errors import LatentbookError
from latentbook.weather import analogues, likelihood, source

N_WINDOWS, N_SITES, SIDE = 7, 3, 12


def plumes(seed=0, n=N_WINDOWS):
    """Return round plumes whose places depend on window and site."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    centres = rng.uniform(2, SIDE - 3, (n, N_SITES, 2, 1, 1))
    away = (y - centres[:, :, 0]) ** 2 + (x - centres[:, :, 1]) ** 2
    return np.where(away < 12, np.exp(-away / 2), 0).astype(np.float32)


@pytest.fixture(scope="module")
def library():
    return plumes()


@pytest.fixture(scope="module")
def places():
    true = plumes(seed=1, n=4).reshape(-1, SIDE, SIDE)
    return source.draw(true, 5, seed=0)


def probability_of_a_cell(plume, width=1.0, floor=1e-6):
    """The definition, for one plume."""
    reached = (plume >= 1e-3 * plume.max()) & (plume > 0)
    blurred = gaussian_filter(reached.astype(float), width, mode="constant")
    return (blurred / blurred.sum() + floor).ravel()


def by_hand(cells, library, weights):
    """Posterior of one event by sums of products, without logarithms."""
    total = np.zeros(N_SITES)
    for s in range(N_SITES):
        for w, weight in enumerate(weights):
            total[s] += weight * np.prod(probability_of_a_cell(library[w, s])[cells])
    return total / total.sum()


def test_posteriors_are_sums_of_products(library, places):
    group = np.arange(len(places)) // N_SITES
    weights = {
        "all": analogues.every(4, N_WINDOWS),
        "some": np.random.default_rng(0).random((4, N_WINDOWS)) * (np.arange(N_WINDOWS) > 2),
    }
    table = likelihood.of_readings(library)
    found = likelihood.posterior(likelihood.seen(places, SIDE**2), group, table, weights)
    for name, weight in weights.items():
        for event, cells in enumerate(places):
            expected = by_hand(cells[cells >= 0], library, weight[group[event]])
            assert np.exp(found[name][event]) == pytest.approx(expected, rel=1e-3)


def test_true_weather_is_the_product_over_the_readings(library, places):
    window = np.arange(len(places)) % N_WINDOWS
    table = likelihood.of_readings(library)
    found = likelihood.of_own_window(likelihood.seen(places, SIDE**2), window, table)
    for event, cells in enumerate(places):
        expected = by_hand(cells[cells >= 0], library, np.eye(N_WINDOWS)[window[event]])
        assert np.exp(found[event]) == pytest.approx(expected, rel=1e-3)


def test_a_hundred_improbable_readings_do_not_underflow(library):
    cells = np.zeros((1, 100), int)  # a corner that no plume reaches
    table = likelihood.of_readings(library)
    weights = {"all": analogues.every(1, N_WINDOWS)}
    found = likelihood.posterior(likelihood.seen(cells, SIDE**2), np.zeros(1, int), table, weights)
    assert np.isfinite(found["all"]).all()
    assert np.exp(found["all"]).sum() == pytest.approx(1)


def test_readings_of_all_cells_find_their_plume(library):
    every = np.array([np.flatnonzero(source.reached_cells(library[w])[1])[:6] for w in range(7)])
    table = likelihood.of_readings(library)
    found = likelihood.of_own_window(likelihood.seen(every, SIDE**2), np.arange(7), table)
    assert (found.argmax(axis=1) == 1).mean() > 0.8


def test_stations_also_count_where_nothing_arrives(library):
    """A Bernoulli factor for each station, one event at a time."""
    where = np.arange(0, SIDE**2, 7)
    table = likelihood.of_stations(library, where, width=0.5, error=0.02)
    truth = source.reached_cells(library[:, 0])[:, where]
    places = np.where(truth, np.arange(len(where)), -1)
    found = likelihood.of_own_window(
        likelihood.seen(places, len(where)), np.arange(N_WINDOWS), table
    )
    for w in range(N_WINDOWS):
        logs = np.zeros(N_SITES)
        for s in range(N_SITES):
            reached = source.reached_cells(library[w])[s].reshape(SIDE, SIDE).astype(float)
            blurred = gaussian_filter(reached, 0.5, mode="constant").ravel()[where]
            sees = 0.02 + 0.96 * blurred
            logs[s] = np.log(np.where(truth[w], sees, 1 - sees)).sum()
        expected = np.exp(logs - logs.max())
        assert np.exp(found[w]) == pytest.approx(expected / expected.sum(), rel=2e-3)


def test_silence_everywhere_is_information_too(library):
    """Without a detection the sites whose plumes reach fewer stations are more probable."""
    where = np.arange(SIDE**2)
    small = library.copy()
    small[:, 2] = np.where(small[:, 2] == small[:, 2].max(axis=(1, 2), keepdims=True), 1, 0)
    table = likelihood.of_stations(small, where)
    nothing = likelihood.seen(np.full((1, 3), -1), len(where))
    weights = {"all": analogues.every(1, N_WINDOWS)}
    found = likelihood.posterior(nothing, np.zeros(1, int), table, weights)["all"]
    assert found.argmax() == 2


def test_a_site_without_a_plume_is_left_with_the_floor(library, places):
    empty = library.copy()
    empty[:, 0] = 0
    table = likelihood.of_readings(empty)
    assert table.values[:, :, 0] == pytest.approx(np.log(likelihood.FLOOR))


def test_weights_that_do_not_fit_are_named(library, places):
    table = likelihood.of_readings(library)
    detected, group = likelihood.seen(places, SIDE**2), np.zeros(len(places), int)
    with pytest.raises(LatentbookError, match=r"weights 'near' of shape \(1, 3\) do not fit"):
        likelihood.posterior(detected, group, table, {"near": np.ones((1, 3))})
    with pytest.raises(LatentbookError, match="'near' have a row without a positive entry"):
        likelihood.posterior(detected, group, table, {"near": np.zeros((1, N_WINDOWS))})
    with pytest.raises(LatentbookError, match="floor is 0"):
        likelihood.of_readings(library, floor=0)
    with pytest.raises(LatentbookError, match="width of the blur in cells is -1"):
        likelihood.of_readings(library, width=-1)
    with pytest.raises(LatentbookError, match=r"error is 0\.5"):
        likelihood.of_stations(library, np.arange(3), error=0.5)


# ---------------------------------------------------------------- analogues


def test_the_nearest_windows_are_those_of_a_search_by_hand():
    rng = np.random.default_rng(0)
    tested, known = rng.normal(size=(5, 4)), rng.normal(size=(30, 4))
    weights = analogues.nearest(tested, known, 6)
    for row, point in zip(weights, tested, strict=True):
        near = np.argsort(np.linalg.norm(known - point, axis=1))[:6]
        assert sorted(np.flatnonzero(row)) == sorted(near)
    assert weights.sum(axis=1) == pytest.approx(1)


def test_all_windows_are_the_analogues_of_no_weather():
    x = np.random.default_rng(0).normal(size=(9, 2))
    assert analogues.nearest(x[:2], x, 9) == pytest.approx(analogues.every(2, 9))


def test_a_cluster_weighs_its_own_windows():
    weights = analogues.of_cluster(np.array([1, 0, 5]), np.array([0, 1, 1, 0, 1]))
    assert weights[0] == pytest.approx([0, 1 / 3, 1 / 3, 0, 1 / 3])
    assert weights[1] == pytest.approx([0.5, 0, 0, 0.5, 0])
    assert weights[2] == pytest.approx([0.2] * 5)  # nobody is in that cluster


def test_mean_plumes_are_means(library):
    weights = analogues.of_cluster(np.array([1, 0]), np.array([0, 1, 1, 0, 1, 0, 0]))
    found = analogues.mean_plumes(library, weights)
    assert found[0] == pytest.approx(library[[1, 2, 4]].mean(axis=0), abs=1e-6)


def test_bad_analogues_are_named():
    x = np.zeros((4, 3))
    with pytest.raises(LatentbookError, match="analogues is 5, but must lie between 1 and 4"):
        analogues.nearest(x, x, 5)
    with pytest.raises(LatentbookError, match="points of 2 and 3 numbers"):
        analogues.nearest(x[:, :2], x, 2)
