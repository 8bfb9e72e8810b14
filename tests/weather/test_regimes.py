"""Regimes: known answers for partitions, red noise, maps, years, trends and shifts."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.cluster import KMeans

from latentbook.weather import regimes


def islands(n=600, k=4, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    own = rng.integers(k, size=n)
    centres = 8 * np.stack(
        [np.cos(np.arange(k) * 2 * np.pi / k), np.sin(np.arange(k) * 2 * np.pi / k)], 1
    )
    return centres[own] + spread * rng.normal(size=(n, 2)), own


def test_real_clusters_are_classifiable_and_one_cloud_is_not():
    x, _ = islands(k=2)
    cloud = np.random.default_rng(0).normal(size=(600, 6))
    clear, none = (regimes.classifiability(regimes.partitions(y, 2, 12, 0)) for y in (x, cloud))
    assert clear > 0.99 > 0.9 > none


def test_classifiability_by_hand():
    one = np.array([[1.0, 0], [0, 1]])
    turned = np.array([[0.0, 2], [1, 1]])  # correlations: 0 and 1; .7 and .7
    assert regimes.classifiability([one, one[::-1]]) == pytest.approx(1)
    # from one: best likenesses .707 and 1; from the other: 1 and .707
    assert regimes.classifiability([one, turned]) == pytest.approx(np.sqrt(0.5))


def test_red_noise_has_the_variance_and_the_memory():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 2)) * [1, 3]
    for i in range(1, len(x)):
        x[i, 0] += 0.9 * x[i - 1, 0]
    noise = regimes.red_noise(x, np.arange(len(x)) // 1000, 1)
    assert noise.std(axis=0) == pytest.approx(x.std(axis=0), rel=0.1)
    memory = [np.corrcoef(column[1:], column[:-1])[0, 1] for column in noise.T]
    assert memory == pytest.approx([0.9, 0], abs=0.03)


def test_nothing_leads_from_one_run_to_the_next():
    x = np.cumsum(np.random.default_rng(0).normal(size=(4000, 1)), axis=0)
    runs = np.arange(4000) // 2
    noise = regimes.red_noise(x, runs, 1)
    across = np.corrcoef(noise[1:-1:2, 0], noise[2::2, 0])[0, 1]
    within = np.corrcoef(noise[::2, 0], noise[1::2, 0])[0, 1]
    assert abs(across) < 0.06 < 0.9 < within


def test_a_map_keeps_neighbours_and_is_nearly_as_tight_as_k_means():
    rng = np.random.default_rng(0)
    plane = rng.uniform(size=(1500, 2)) * [5, 3]
    x = plane @ np.linalg.qr(rng.normal(size=(6, 2)))[0].T
    fitted = regimes.self_organising_map(x, 3, 5)
    assert regimes.topographic_error(x, fitted) < 0.1
    error = ((x - fitted.centres[fitted.labels]) ** 2).sum()
    assert 0.99 < error / KMeans(15, n_init=10, random_state=0).fit(x).inertia_ < 1.15
    again = regimes.self_organising_map(x, 3, 5)
    assert (again.labels == fitted.labels).all()  # nothing is left to chance


def test_with_a_small_radius_each_centre_is_the_mean_of_its_points():
    x, _ = islands(k=6)
    fitted = regimes.self_organising_map(x, 2, 3, last_radius=0.1, rounds=200)
    for cell in np.unique(fitted.labels):
        assert fitted.centres[cell] == pytest.approx(x[fitted.labels == cell].mean(axis=0), abs=0.3)


def test_clusters_of_certain_years_are_found_and_lasting_weather_is_not():
    years = np.repeat(np.arange(30), 24)
    rng = np.random.default_rng(0)
    lasting = np.repeat(rng.integers(4, size=(30, 3)), 8, axis=1).ravel()  # spells of 8 days
    assert (
        chi2_contingency([np.bincount(lasting[years == y], minlength=4) for y in range(30)]).pvalue
        < 0.001
    )  # which takes days for independent
    draws = [np.repeat(np.random.default_rng(i).integers(4, size=(30, 3)), 8, 1) for i in range(20)]
    found = [regimes.by_year(one.ravel(), years, draws=60).p < 0.05 for one in draws]
    assert sum(found) <= 3
    own = np.where(rng.random(len(years)) < 0.5, years % 4, lasting)
    found = regimes.by_year(own, years, draws=300)
    assert found.p < 0.01
    assert found.statistic > found.expected
    assert 0 < found.cramers_v < 1


def test_the_statistic_is_that_of_scipy():
    labels = np.random.default_rng(0).integers(3, size=200)
    years = np.arange(200) // 20
    table = [np.bincount(labels[years == y], minlength=3) for y in range(10)]
    found = regimes.by_year(labels, years, block=4, draws=10)
    assert found.statistic == pytest.approx(chi2_contingency(table).statistic)


def test_a_trend_is_found_in_its_cluster():
    rng = np.random.default_rng(0)
    years = np.repeat(np.arange(1950, 2023), 24)
    warm = rng.random(len(years)) < (years - 1950) / 100
    labels = np.where(warm, 2, rng.integers(2, size=len(years)))
    slopes, p = regimes.trends(labels, years)
    assert slopes[2] == pytest.approx(0.1, abs=0.02)  # a share of a tenth a decade
    assert p[2] < 0.001
    assert slopes[:2].max() < 0


def test_patterns_are_matched_whatever_their_order():
    maps = np.random.default_rng(0).normal(size=(4, 50))
    order = [2, 0, 3, 1]
    assert regimes.matched(maps, 3 * maps[order] + 7) == pytest.approx(np.ones(4))
    assert np.abs(regimes.matched(maps, np.random.default_rng(1).normal(size=(4, 50)))).max() < 0.6


def test_labels_that_last_agree_by_chance_and_shifts_show_it():
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(5, size=80), 6)
    other = np.repeat(rng.integers(5, size=80), 6)
    ami, chance, z, p = regimes.shift_score(other, truth)
    assert chance > 0.03
    assert p > 0.02
    noisy = np.where(rng.random(480) < 0.7, truth, other)
    ami, chance, z, p = regimes.shift_score(noisy, truth)
    assert (ami > 0.3, z > 5, p < 0.01) == (True, True, True)


def test_components_are_orthonormal_and_share_the_variance():
    x = np.random.default_rng(0).normal(size=(100, 8)) * np.arange(1, 9)
    scores, eofs, share = regimes.components(x, 3)
    assert eofs @ eofs.T == pytest.approx(np.eye(3), abs=1e-9)
    assert scores.var(axis=0).sum() / x.var(axis=0).sum() == pytest.approx(share)
