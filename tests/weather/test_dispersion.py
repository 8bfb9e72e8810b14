"""The particle model against closed forms, geodesics, SciPy and other libraries, and its errors."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from scipy.integrate import solve_ivp
from scipy.interpolate import RegularGridInterpolator

from latentbook.errors import LatentbookError
from latentbook.weather import winds
from latentbook.weather.dispersion import NUCLIDES, Nuclide, disperse, follow
from latentbook.weather.grid import EUROPE, RADIUS, box
from latentbook.weather.winds import Wind

from .conftest import START, fields, times, uniform

TRACER = Nuclide("tracer", np.inf, 0.0)
SPHERE = Geod(a=RADIUS, b=RADIUS)
MIDDLE = np.array([[15.0, 53.0]])


def rotation(turn_hours=24.0, n=9):
    """A wind that turns the map of Europe as a solid body, once in so many hours."""
    ny, nx = EUROPE.shape
    y, x = np.mgrid[:ny, :nx] - (ny - 1) / 2
    velocity = 2 * np.pi / (turn_hours * 3600) * np.stack([-y, x], axis=-1)
    return Wind(np.tile(velocity.astype(np.float32), (n, 1, 1, 1)), times(n), EUROPE)


def eddies(seed=0, n=9, grid=EUROPE):
    """Smooth, changing winds of some 10 m/s."""
    rng, (ny, nx) = np.random.default_rng(seed), grid.shape
    y, x = np.mgrid[:ny, :nx] / nx
    velocity = np.zeros((n, ny, nx, 2))
    for _ in range(6):
        a, b, c = rng.normal(0, 8, 3)
        wave = np.sin(a * x + b * y + rng.normal() + c * np.linspace(0, 1, n)[:, None, None])
        velocity += rng.normal(0, 5, 2) * wave[..., None]
    return Wind((velocity / 75_000).astype(np.float32), times(n), grid)


def far(a, b):
    """Distances in km between points (longitude, latitude)."""
    return SPHERE.inv(*np.atleast_2d(a).T, *np.atleast_2d(b).T)[2] / 1000


def total(plumes):
    return plumes.airborne + plumes.deposited + plumes.decayed + plumes.left


class TestAdvection:
    def test_a_solid_body_that_turns_once_is_back_at_the_start(self):
        release = np.stack([np.linspace(0, 30, 7), np.linspace(45, 60, 7)], axis=1)
        back = follow(rotation(24), release, 0, hours=24, dt=100)
        assert far(back, release).max() < 0.1
        halfway = follow(rotation(24), release, 0, hours=12, dt=100)
        x, y = EUROPE.project(*release.T)
        assert far(halfway, np.stack(EUROPE.unproject(-x, -y), axis=1)).max() < 0.1

    def test_the_step_is_of_second_order(self):
        release = np.array([[5.0, 50.0]])
        errors = [
            far(follow(rotation(24), release, 0, hours=24, dt=dt), release)[0]
            for dt in (3600, 1800, 900)
        ]
        assert errors[0] / errors[1] == pytest.approx(4, rel=0.25)
        assert errors[1] / errors[2] == pytest.approx(4, rel=0.25)

    def test_scipy_finds_the_same_end_in_winds_that_change(self):
        wind = eddies()
        rng = np.random.default_rng(1)
        release = np.stack([rng.uniform(5, 25, 8), rng.uniform(48, 58, 8)], axis=1)
        cells = np.arange(64.0)
        field = RegularGridInterpolator((wind.seconds, cells, cells), wind.velocity)
        expected = []
        for x, y in (np.stack(EUROPE.project(*release.T), axis=1) - EUROPE.x[0]) / 75_000:
            path = solve_ivp(
                lambda t, p: field([[t, p[1], p[0]]])[0],
                (6 * 3600, 42 * 3600),
                (x, y),
                rtol=1e-8,
                atol=1e-9,
                max_step=900,
            )
            expected.append(EUROPE.unproject(*(EUROPE.x[0] + 75_000 * path.y[:, -1])))
        apart = far(follow(wind, release, 1, hours=36), np.array(expected))
        assert apart.max() < 0.1

    @pytest.mark.parametrize("grid", [EUROPE, box((-20, 50, 35, 72))], ids=["lambert", "box"])
    def test_a_wind_along_a_meridian_goes_the_right_distance(self, grid):
        (end,) = follow(uniform(grid, v=10.0), MIDDLE, 0, hours=24)
        expected = SPHERE.fwd(15.0, 53.0, 0.0, 10 * 86_400)[:2]
        assert far(end, expected)[0] < 0.3

    @pytest.mark.parametrize("grid", [EUROPE, box((-20, 50, 35, 72))], ids=["lambert", "box"])
    def test_a_wind_along_a_parallel_goes_the_right_distance(self, grid):
        (end,) = follow(uniform(grid, u=10.0), MIDDLE, 0, hours=24)
        turn = np.degrees(10 * 86_400 / (RADIUS * np.cos(np.radians(53))))
        assert far(end, (15 + turn, 53.0))[0] < 0.3

    def test_both_maps_carry_to_the_same_place(self):
        ends = [
            follow(uniform(grid, u=12.0, v=-6.0), MIDDLE, 0, hours=36)
            for grid in (EUROPE, box((-20, 60, 30, 75)))
        ]
        assert far(*ends)[0] < 1

    def test_a_start_between_two_fields_sees_the_wind_between_them(self):
        u = np.zeros((9, *EUROPE.shape))
        u[1:] = 10
        wind = winds.horizontal(fields(EUROPE, u=u, v=0.0), EUROPE, 900)
        late = follow(wind, MIDDLE, START + np.timedelta64(3, "h"), hours=3, dt=60)
        # from 5 to 10 m/s in three hours
        assert far(late, MIDDLE)[0] == pytest.approx(7.5 * 3 * 3.6, rel=0.01)

    def test_a_particle_that_leaves_is_lost_for_good(self):
        gone = follow(uniform(EUROPE, u=40.0), np.array([[40.0, 53.0], [-10.0, 53.0]]), 0, hours=24)
        assert np.isnan(gone).tolist() == [[True, True], [False, False]]


class TestTurbulence:
    @pytest.mark.parametrize("grid", [EUROPE, box((-20, 50, 35, 72))], ids=["lambert", "box"])
    def test_the_variance_grows_as_twice_the_diffusivity_times_time(self, grid):
        release = np.repeat(MIDDLE, 20_000, axis=0)
        for hours in (6, 24):
            ends = follow(uniform(grid), release, 0, hours=hours, diffusivity=2e4)
            angle, _, metres = SPHERE.inv(*release.T, *ends.T)
            for side in (np.sin, np.cos):
                variance = np.var(metres * side(np.radians(angle)))
                assert variance == pytest.approx(2 * 2e4 * hours * 3600, rel=0.03)

    def test_displacements_are_gaussian_and_unbiased(self):
        release = np.repeat(MIDDLE, 20_000, axis=0)
        ends = follow(uniform(EUROPE), release, 0, hours=24, diffusivity=2e4)
        x, y = EUROPE.project(*ends.T)
        for side in (x, y - EUROPE.project(15.0, 53.0)[1]):
            side = side / np.sqrt(2 * 2e4 * 86_400)
            assert abs(side.mean()) < 0.03
            assert np.mean(side**4) / np.mean(side**2) ** 2 == pytest.approx(3, abs=0.15)
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.03

    def test_diffusion_on_the_sphere_shifts_the_mean_latitude_of_a_box(self):
        """The mean of sin(latitude) decays with 2 K / R^2, as that of a spherical harmonic."""
        release = np.repeat([[0.0, 45.0]], 20_000, axis=0)
        ends = follow(uniform(box((-90, 90, -10, 85))), release, 0, diffusivity=4e6)
        expected = np.sin(np.radians(45)) * np.exp(-2 * 4e6 * 48 * 3600 / RADIUS**2)
        # displacements without a shift would end at 0.695, not 0.683
        assert np.sin(np.radians(ends[:, 1])).mean() == pytest.approx(expected, abs=0.003)

    def test_more_particles_come_closer_to_the_same_plume(self):
        wind = eddies()
        best = disperse(wind, MIDDLE, 0, particles=60_000, hours=24, seed=9).concentration[0]
        errors = [
            np.abs(disperse(wind, MIDDLE, 0, particles=n, hours=24).concentration[0] - best).sum()
            for n in (500, 8_000)
        ]
        assert errors[1] / best.sum() < 0.04
        assert errors[0] / errors[1] == pytest.approx(4, rel=0.35)  # the root of 16

    def test_a_shorter_step_hardly_changes_the_plume(self):
        wind = eddies()
        a, b = (
            disperse(wind, MIDDLE, 0, particles=20_000, hours=24, dt=dt, seed=dt).concentration[0]
            for dt in (900, 300)
        )
        assert np.abs(a - b).sum() / a.sum() < 0.05


class TestActivity:
    @settings(max_examples=15)
    @given(
        seed=st.integers(0, 2**20),
        particles=st.integers(1, 300),
        half_life=st.floats(600, 1e9),
        velocity=st.floats(0, 0.1),
        lasting=st.floats(0, 24),
        diffusivity=st.floats(0, 1e5),
    )
    def test_nothing_is_lost(self, seed, particles, half_life, velocity, lasting, diffusivity):
        plumes = disperse(
            eddies(seed),
            [[15, 53], [-10, 42], [40, 60]],
            0,
            particles=particles,
            nuclide=Nuclide("any", half_life, velocity),
            release_hours=lasting,
            diffusivity=diffusivity,
            seed=seed,
        )
        assert np.allclose(total(plumes), 1, rtol=0, atol=1e-6)
        shares = np.array([plumes.airborne, plumes.deposited, plumes.decayed, plumes.left])
        assert (shares >= 0).all()
        assert (plumes.concentration >= 0).all()

    def test_decay_and_deposition_follow_the_closed_form(self):
        nuclide = Nuclide("short", 10 * 3600.0, 0.02)
        plumes = disperse(
            uniform(EUROPE),
            MIDDLE,
            0,
            hours=24,
            nuclide=nuclide,
            mixing_height=800,
            release_hours=0,
        )
        decay, settling, t = np.log(2) / 36_000, 0.02 / 800, 86_400
        loss = decay + settling
        assert plumes.airborne[0] == pytest.approx(np.exp(-loss * t), rel=1e-9)
        ground = np.exp(-decay * t) * -np.expm1(-settling * t)
        assert plumes.deposited[0] == pytest.approx(ground, rel=1e-9)
        assert plumes.decayed[0] == pytest.approx(-np.expm1(-decay * t), rel=1e-9)
        hours = -np.expm1(-loss * t) / loss / 3600
        assert plumes.concentration.sum() == pytest.approx(hours, rel=1e-5)

    def test_a_tracer_stays_in_the_air_for_all_hours(self):
        plumes = disperse(uniform(EUROPE), MIDDLE, 0, nuclide=TRACER, release_hours=0)
        assert plumes.airborne[0] == 1
        assert plumes.concentration.sum() == pytest.approx(48, rel=1e-5)

    def test_a_longer_release_is_in_the_air_for_less(self):
        plumes = disperse(uniform(EUROPE), MIDDLE, 0, nuclide=TRACER, release_hours=12)
        # steps of a quarter of an hour: the first particles start at 0, the last at 11.75 h
        assert plumes.concentration.sum() == pytest.approx(48 - 11.75 / 2, rel=1e-4)

    def test_the_nuclides_are_the_real_ones(self):
        assert NUCLIDES["Cs-137"].half_life / 3600 / 24 / 365.25 == pytest.approx(30.05, rel=1e-4)
        assert NUCLIDES["I-131"].half_life / 3600 / 24 == pytest.approx(8.02, abs=0.01)
        iodine = disperse(uniform(EUROPE), MIDDLE, 0, nuclide="I-131", release_hours=0)
        on_day_two = iodine.airborne + iodine.deposited
        assert on_day_two[0] == pytest.approx(0.5 ** (2 / 8.0233), rel=1e-6)

    def test_without_turbulence_the_activity_lies_along_the_path(self):
        held = disperse(
            uniform(EUROPE, u=15.0), MIDDLE, 0, particles=1, diffusivity=0, nuclide=TRACER
        ).concentration[0]
        path = np.array(
            [follow(uniform(EUROPE, u=15.0), MIDDLE, 0, hours=h)[0] for h in (1, 24, 47)]
        )
        x, y = EUROPE.project(*path.T)
        column, row = ((v - EUROPE.x[0]) / 75_000 + 0.5 for v in (x, y))
        assert (held[row.astype(int), column.astype(int)] > 0).all()
        assert (held > 0).sum() < 60


class TestManyReleases:
    def test_a_plume_does_not_depend_on_the_others_or_on_the_threads(self):
        wind = eddies()
        release = np.array([[15.0, 53.0], [2.0, 49.0], [15.0, 53.0], [25.0, 60.0]])
        start = [0, 0, 1, 0]
        one = disperse(wind, release, start, particles=4500, hours=12, threads=1)
        two = disperse(wind, release, start, particles=4500, hours=12, threads=2)
        alone = disperse(wind, release[3], 0, particles=4500, hours=12)
        assert np.array_equal(one.concentration, two.concentration)
        assert np.array_equal(one.concentration[3], alone.concentration[0])
        assert np.array_equal(one.deposited, two.deposited)
        assert not np.array_equal(one.concentration[0], one.concentration[2])

    def test_a_start_is_an_index_or_a_time(self):
        wind = eddies()
        a = disperse(wind, MIDDLE, 3, hours=12)
        b = disperse(wind, MIDDLE, wind.times[3], hours=12)
        assert np.array_equal(a.concentration, b.concentration)

    def test_the_same_record_cut_short_gives_the_same_plume(self):
        wind = eddies()
        cut = Wind(wind.velocity[2:], wind.times[2:], wind.grid)
        a, b = disperse(wind, MIDDLE, 3, hours=12), disperse(cut, MIDDLE, 1, hours=12)
        assert np.array_equal(a.concentration, b.concentration)

    def test_another_seed_is_another_plume_of_the_same_kind(self):
        wind = eddies()
        a, b = (disperse(wind, MIDDLE, 0, hours=12, seed=s).concentration[0] for s in (0, 1))
        assert not np.array_equal(a, b)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98


def bench():
    """Return the module bench/dispersion.py, which knows how to run the other libraries."""
    path = Path(__file__).parents[2] / "bench" / "dispersion.py"
    spec = importlib.util.spec_from_file_location("bench_dispersion", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("peer", "apart"), [("parcels", 5.0), ("opendrift", 12.0)])
def test_another_library_goes_to_the_same_place(peer, apart, real_weather):
    """In the real heights of ERA-Interim; OpenDrift is on an ellipsoid, Parcels on our sphere."""
    real_weather("eraint_weur_1p5deg_daily12z_2000-2010.nc")
    module = bench()
    wind, case, _ = module.make_case(200)
    python = os.environ.get(f"{peer.upper()}_PYTHON", sys.executable)
    answer = module.run_peer(peer, python, case, 1)
    if "missing" in answer:
        pytest.skip(f"{peer} is not here: set {peer.upper()}_PYTHON to a Python that has it")
    ends = follow(wind, case["release"], 0)
    assert np.median(far(ends, case["release"])) > 300
    assert far(ends, np.array(answer["ends"])).max() < apart


class TestErrors:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"release": [[100.0, 10.0]]}, "longitude 100, latitude 10 lies outside the grid"),
            ({"release": [[np.nan, 10.0]]}, "outside the grid"),
            ({"release": [1.0, 2.0, 3.0]}, "give a longitude and a latitude"),
            ({"start": 8}, "needs 24 hours of wind: release between 2001-01-01T00:00 and"),
            ({"start": 9}, "start, an index of times, is 9"),
            ({"start": np.datetime64("2002-01-01")}, "release at 2002-01-01T00:00 needs 24 hours"),
            ({"start": np.datetime64("2000-01-01")}, "release at 2000-01-01T00:00 needs"),
            ({"start": np.datetime64("NaT", "ns")}, "not all there"),
            ({"start": 1.5}, "starts of type float64"),
            ({"start": [0, 1]}, "2 starts do not fit 1 releases"),
            ({"hours": 100}, "the wind covers only 48 hours"),
            ({"hours": 0}, "number of hours is 0"),
            ({"nuclide": "Cs-173"}, "unknown nuclide 'Cs-173'.*did you mean 'Cs-137'"),
            ({"particles": 0}, "number of particles is 0"),
            ({"dt": 0}, "time step in seconds is 0"),
            ({"diffusivity": -1}, "diffusivity in m2 s-1 is -1"),
            ({"mixing_height": 0}, "mixing height in metres is 0"),
            ({"release_hours": 25}, "release in hours is 25"),
            ({"seed": -1}, "seed is -1"),
            ({"threads": 0}, "number of threads is 0"),
        ],
    )  # fmt: skip
    def test_a_release_that_cannot_be(self, change, words):
        options = {"release": MIDDLE, "start": 0, "hours": 24} | change
        with pytest.raises(LatentbookError, match=words):
            disperse(uniform(EUROPE), **options)

    def test_a_gap_in_the_record_is_not_bridged(self):
        wind = uniform(EUROPE, u=5.0)
        gap = Wind(
            np.concatenate([wind.velocity, wind.velocity]),
            np.concatenate([wind.times, wind.times + np.timedelta64(365, "D")]),
            EUROPE,
        )
        assert disperse(gap, MIDDLE, 0, hours=48).airborne[0] > 0.8
        assert disperse(gap, MIDDLE, 9, hours=48).airborne[0] > 0.8
        for start in (1, 8):
            with pytest.raises(LatentbookError, match="fields are missing within 48 hours"):
                disperse(gap, MIDDLE, start, hours=48)
