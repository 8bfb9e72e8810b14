"""EM and MV curves: definitions by loops, closed forms, exact areas, invariances, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gamma
from scipy.stats import chi2, multivariate_normal

from latentbook import mass_curves
from latentbook.anomaly import detector
from latentbook.errors import LatentbookError
from latentbook.mass_curves import MassCurves


def em_by_loop(t, s, s_uniform, volume):
    """Goix's scripts: thresholds at the observed scores, sets {s > u}, EM(0) = 1 by hand."""
    em = np.zeros(len(t))
    for u in np.unique(s):
        em = np.maximum(em, np.mean(s > u) - t * np.mean(s_uniform > u) * volume)
    em[t == 0] = 1
    return em


def em_by_all_thresholds(t, s, s_uniform, volume):
    """Equation 2: the supremum over every threshold that separates any two scores."""
    em = np.zeros(len(t))
    for u in np.unique(np.concatenate([s, s_uniform])):
        em = np.maximum(em, np.mean(s >= u) - t * np.mean(s_uniform >= u) * volume)
        em = np.maximum(em, np.mean(s > u) - t * np.mean(s_uniform > u) * volume)
    return em


def mv_by_loop(alpha, s, s_uniform, volume):
    """Equation 1: walk down the sorted scores until their mass is reached."""
    falling, mv = np.sort(s)[::-1], []
    for a in alpha:
        taken = 1
        while taken / len(s) < a:
            taken += 1
        mv.append(np.mean(s_uniform >= falling[taken - 1]) * volume)
    return np.array(mv)


def cloud(n=400, d=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def curves_of(score, z, n=20_000, **options):
    uniform = mass_curves.uniform_points(z, n, **options)
    return mass_curves.compare({"score": score}, z, uniform=uniform)["score"]


def depth(z):
    return -np.square(z).sum(axis=1)


SCORES = {
    "smooth": depth,
    "ties": lambda z: np.round(depth(z)),
    "constant": lambda z: np.zeros(len(z)),
    "reversed": lambda z: -depth(z),
    "unrelated": lambda z: np.sin(50 * z[:, 0]),
}


@pytest.mark.parametrize("name", SCORES)
def test_curves_agree_with_the_definitions(name):
    z = cloud()
    uniform = mass_curves.uniform_points(z, 3000, batches=1)
    s, s_uniform, volume = SCORES[name](z), SCORES[name](uniform.points), uniform.volume
    t, alpha = np.linspace(0, 3, 500), np.linspace(0.0101, 0.9999, 300)
    ours = mass_curves.mass_curves(s, s_uniform, volume)
    scripts = mass_curves.mass_curves(s, s_uniform, volume, strict=True)
    expected = em_by_all_thresholds(t, s, s_uniform, volume)
    np.testing.assert_allclose(ours.excess_mass(t), expected, rtol=0, atol=1e-12)
    expected = em_by_loop(t, s, s_uniform, volume)
    np.testing.assert_allclose(scripts.excess_mass(t), expected, rtol=0, atol=1e-12)
    expected = mv_by_loop(alpha, s, s_uniform, volume)
    np.testing.assert_allclose(ours.mass_volume(alpha), expected, rtol=1e-12)


def test_the_two_conventions_differ_by_one_sample_without_ties_and_by_everything_with_them():
    z, t = cloud(), np.linspace(1e-6, 0.02, 200)
    uniform = mass_curves.uniform_points(z, 3000)
    gaps = {}
    for name in ("smooth", "constant"):
        s, s_uniform = SCORES[name](z), SCORES[name](uniform.points)
        both = [
            mass_curves.mass_curves(s, s_uniform, uniform.volume, strict=strict).excess_mass(t)
            for strict in (False, True)
        ]
        gaps[name] = both[0] - both[1]
    assert gaps["smooth"].min() >= 0
    assert gaps["smooth"].max() <= 1 / len(z) + 1e-12
    # a constant score is that of the uniform distribution: EM(t) = 1 - t volume
    np.testing.assert_allclose(gaps["constant"], np.maximum(0, 1 - t * uniform.volume), atol=1e-12)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", ["smooth", "ties", "unrelated"])
def test_areas_are_exact(name, strict):
    z = cloud()
    uniform = mass_curves.uniform_points(z, 3000)
    ours = mass_curves.compare(SCORES, z, uniform=uniform, strict=strict)[name]
    end = ours.excess_mass_inverse(0.6)
    t = np.linspace(end * 1e-9, end, 2_000_001)
    assert ours.em_area(0.6) == pytest.approx(np.trapezoid(ours.excess_mass(t), t), rel=1e-8)
    middles = 0.9 + 0.099 * (np.arange(2_000_000) + 0.5) / 2_000_000
    expected = ours.mass_volume(middles).mean() * 0.099
    assert ours.mv_area() == pytest.approx(expected, rel=1e-6)


def test_inverse_is_where_the_curve_crosses_the_level():
    ours = curves_of(depth, cloud())
    for level in (0.3, 0.6, 0.9):
        t = ours.excess_mass_inverse(level)
        assert ours.excess_mass(t) == pytest.approx(level)
        assert ours.excess_mass(0.999 * t) > level
    assert ours.excess_mass_inverse(1.0) == pytest.approx(0)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_curves_of_a_gaussian_are_the_closed_ones(d):
    """The level sets of the density are balls whose squared radius is chi-squared."""
    n = 200_000
    ours = curves_of(depth, cloud(n, d), n=400_000)
    ball = np.pi ** (d / 2) / gamma(d / 2 + 1)
    alpha = np.array([0.1, 0.5, 0.9, 0.99])
    radius2 = chi2(d).ppf(alpha)
    # of the radius squared by the sample, and of the volume by the uniform points
    slope = d / 2 / radius2 / chi2(d).pdf(radius2)
    inside = ball * radius2 ** (d / 2) / ours.volume
    error = np.sqrt(slope**2 * alpha * (1 - alpha) / n + (1 - inside) / inside / 400_000)
    relative = ours.mass_volume(alpha) / (ball * radius2 ** (d / 2)) - 1
    assert (np.abs(relative) < 4 * error).all()
    t = (2 * np.pi) ** (-d / 2) * np.exp(-radius2 / 2)
    expected = alpha - t * ball * radius2 ** (d / 2)
    np.testing.assert_allclose(ours.excess_mass(t), expected, atol=0.006)


def mixture():
    means, spreads = np.array([[0.0, 0.0], [6.0, 1.0], [2.0, 6.0]]), np.array([1.0, 0.5, 1.5])
    weights = np.array([0.5, 0.2, 0.3])
    parts = [multivariate_normal(m, s**2 * np.eye(2)) for m, s in zip(means, spreads, strict=True)]

    def density(z):
        return sum(w * part.pdf(z) for w, part in zip(weights, parts, strict=True))

    rng = np.random.default_rng(1)
    which = rng.choice(3, 100_000, p=weights)
    z = means[which] + spreads[which, None] * rng.normal(size=(100_000, 2))
    return z, density


def test_curves_of_a_gaussian_mixture_are_those_of_its_density_on_a_grid():
    z, density = mixture()
    x, step = np.linspace(-8, 14, 1201, retstep=True)
    grid = np.sort(density(np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)))[::-1]
    mass, volume = np.cumsum(grid) * step**2, np.arange(1, len(grid) + 1) * step**2
    ours = curves_of(density, z, n=200_000)
    alpha = np.array([0.5, 0.9, 0.95, 0.99])
    np.testing.assert_allclose(ours.mass_volume(alpha), np.interp(alpha, mass, volume), rtol=0.025)
    t = np.array([0.001, 0.005, 0.02, 0.1])
    expected = [(mass - one * volume).max() for one in t]
    np.testing.assert_allclose(ours.excess_mass(t), expected, atol=0.006)
    # areas: the density is the best of all scores
    areas = ours.areas()
    fine = np.linspace(0.9, 0.999, 20_000)
    best = np.trapezoid(np.interp(fine, mass, volume), fine)
    assert areas.mv == pytest.approx(best, rel=0.02)
    assert areas.mv < curves_of(lambda z: -np.abs(z - z.mean(axis=0)).sum(axis=1), z).mv_area()


def test_increasing_transforms_of_a_score_change_nothing():
    z = cloud()
    uniform = mass_curves.uniform_points(z, 5000)
    plain = depth(z), depth(uniform.points)
    first = mass_curves.mass_curves(*plain, uniform.volume)
    for change in (lambda s: np.exp(s), lambda s: 3 * s - 7, lambda s: np.arctan(s)):
        other = mass_curves.mass_curves(*map(change, plain), uniform.volume)
        assert other.em_area() == first.em_area()
        assert other.mv_area() == first.mv_area()
        t = np.linspace(0, 1, 100)
        np.testing.assert_array_equal(other.excess_mass(t), first.excess_mass(t))


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.01, 100))
def test_areas_of_two_spaces_are_not_comparable(scale):
    """The same points in other units: the ranking is the same, the areas are not."""
    z = cloud()
    first, second = curves_of(depth, z, n=2000), curves_of(depth, scale * z, n=2000)
    assert second.mv_area() == pytest.approx(first.mv_area() * scale**2)
    assert second.em_area() == pytest.approx(first.em_area() / scale**2)


vectors = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30).map(np.array)


@given(vectors, vectors, st.floats(0.1, 10), st.booleans())
def test_shape_of_the_curves(s, s_uniform, volume, strict):
    ours = mass_curves.mass_curves(s, s_uniform, volume, strict=strict)
    t, alpha = np.linspace(0, 20 / volume, 300), np.linspace(0.001, 1, 200)
    em, mv = ours.excess_mass(t), ours.mass_volume(alpha)
    assert em[0] == pytest.approx(1)
    assert em.min() >= 0
    assert em.max() <= 1 + 1e-12
    assert (np.diff(em) <= 1e-12).all()
    assert (np.diff(em, 2) >= -1e-12).all()
    assert (np.diff(mv) >= 0).all()
    assert mv.min() >= 0
    assert mv.max() <= volume * (1 + 1e-12)


@given(vectors, vectors, st.floats(0.1, 10))
def test_curves_of_any_scores_agree_with_the_definitions(s, s_uniform, volume):
    t = np.linspace(0, 20 / volume, 50)
    for strict, loop in ((False, em_by_all_thresholds), (True, em_by_loop)):
        ours = mass_curves.mass_curves(s, s_uniform, volume, strict=strict)
        expected = loop(t, s, s_uniform, volume)
        np.testing.assert_allclose(ours.excess_mass(t), expected, rtol=0, atol=1e-12)


def test_standard_error_is_the_spread_between_runs():
    z = cloud(2000)
    runs = [curves_of(depth, z, n=5000, random_state=seed).areas() for seed in range(60)]
    for value, error in (("em", "em_error"), ("mv", "mv_error")):
        spread = np.std([getattr(run, value) for run in runs], ddof=1)
        claimed = np.mean([getattr(run, error) for run in runs])
        # 60 runs know a standard deviation to 9 %
        assert claimed == pytest.approx(spread, rel=0.35)


def test_quasi_random_points_are_more_exact():
    z = cloud(2000)
    errors = [curves_of(depth, z, quasi=quasi).areas().mv_error for quasi in (False, True)]
    assert errors[1] < errors[0] / 2


def test_uniform_points_are_shared_and_fill_the_box():
    z, seen = 3 * cloud(), []

    def remember(points):
        seen.append(points)
        return depth(points)

    curves = mass_curves.compare({"a": remember, "b": remember}, z)
    assert seen[1] is seen[3]
    assert len(seen[1]) == 100_000
    assert curves["a"].em_area() == curves["b"].em_area()
    np.testing.assert_allclose(seen[1].min(axis=0), z.min(axis=0), atol=0.01)
    np.testing.assert_allclose(seen[1].max(axis=0), z.max(axis=0), atol=0.01)
    assert curves["a"].volume == pytest.approx(np.prod(np.ptp(z, axis=0)))
    assert mass_curves.uniform_points(z, 95, batches=10).points.shape == (100, 2)


def test_detectors_are_rated_and_a_useless_one_is_worst():
    z, names = cloud(600), ("isolation forest", "local outlier factor", "class mean")
    rated = mass_curves.rate(
        {name: detector(name) for name in names},
        z[:300],
        z[300:],
        labels=np.zeros(300),
        n=5000,
    )
    useless = curves_of(lambda z: z[:, 0], z[300:])
    for name in names:
        assert rated[name].mv < useless.mv_area()
        assert rated[name].em > useless.em_area()
        assert 0 < rated[name].mv_error < rated[name].mv
        assert isinstance(rated[name].curves, MassCurves)


def test_many_dimensions_are_rated_by_subsets_of_the_features():
    z, one = cloud(400, 12), {"mean": detector("class mean")}
    # a Gaussian cloud is the same on every subset
    rated = mass_curves.rate(
        one, z[:200], z[200:], labels=np.zeros(200), n=20_000, draws=8, features=2
    )["mean"]
    plain = [
        mass_curves.rate(one, z[:200, s], z[200:, s], labels=np.zeros(200), n=20_000)["mean"].mv
        for s in ([0, 1], [4, 7], [10, 2])
    ]
    assert rated.mv == pytest.approx(np.mean(plain), rel=0.15)
    assert rated.curves is None
    assert rated.em_error > 0
    again = mass_curves.rate(
        one, z[:200], z[200:], labels=np.zeros(200), n=20_000, draws=8, features=2
    )["mean"]
    assert (again.em, again.mv) == (rated.em, rated.mv)
    # the detector itself is fitted on all features, and can score the rows it is given
    assert one["mean"].score_samples(z[200:]).shape == (200,)


def test_too_few_uniform_points_give_no_area():
    ours = mass_curves.mass_curves(np.ones(10), np.zeros(10), 1.0)
    assert np.isnan(ours.em_area())
    assert ours.excess_mass(5.0) == 1
    assert ours.mass_volume(0.9) == 0
    assert np.isnan(ours.areas().em_error)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mass_curves.mass_curves(np.array([]), np.ones(3), 1), "scores must be a non-em"),
        (lambda: mass_curves.mass_curves(np.ones(3), np.ones((3, 1)), 1), "uniform_scores must"),
        (lambda: mass_curves.mass_curves(np.full(3, np.nan), np.ones(3), 1), "NaN in 3 places"),
        (lambda: mass_curves.mass_curves(np.ones(3), np.ones(3), 0), "must be positive"),
        (lambda: mass_curves.mass_curves(np.ones(3), np.ones(3), 1, batches=2), "no 2 batches"),
        (lambda: mass_curves.uniform_points(np.ones((5, 2))), "constant: 0, 1"),
        (lambda: mass_curves.uniform_points(cloud(9, 9)), "in at most 8: use rate"),
        (lambda: mass_curves.uniform_points(np.ones((5, 0))), "rows and columns"),
        (lambda: mass_curves.uniform_points(np.full((5, 2), np.inf)), "infinite values in 5"),
        (lambda: mass_curves.compare({}, cloud()), "no scores to compare"),
        (lambda: mass_curves.rate({}, cloud(), cloud()), "no detectors to rate"),
        (
            lambda: mass_curves.rate({"k": detector("k-means")}, cloud(), cloud(9, 3)),
            "z_fit has 2 columns, but z_test has 3",
        ),
        (
            lambda: mass_curves.rate({"k": detector("k-means")}, np.ones((20, 9)), np.ones((9, 9))),
            "columns of z are constant: ",
        ),
        (lambda: curves_of(depth, cloud()).mass_volume(0.0), "alpha must lie above 0"),
        (lambda: curves_of(depth, cloud()).excess_mass(-1.0), "t must be zero or positive"),
        (lambda: curves_of(depth, cloud()).em_area(1.5), "level is 1.5"),
        (lambda: curves_of(depth, cloud()).mv_area(0.9, 0.8), "low is 0.9"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(LatentbookError, match=says):
        call()
