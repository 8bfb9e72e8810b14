"""Baselines and the fairer task: against direct computations, and what the records say of them."""

import numpy as np
import pytest

from latentbook.chapters.source_estimation import CHAPTER, baselines, fairer, ranks, study
from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, records
from latentbook.study.method import Method
from latentbook.study.result import as_records
from latentbook.weather import likelihood, source

from .conftest import RELEASE, SITES


@pytest.fixture(scope="package")
def past(inputs, package_cache):
    return baselines.prepare(inputs, SITES, 3, n_analogues=(5,), descriptor=2)


@pytest.fixture(scope="package")
def twin(weather, package_cache):
    """Return plumes of the test windows from other particles."""
    release = study.replace(RELEASE, particles=100)
    return study.library(weather, SITES, release, 1, only=weather.testing)


@pytest.fixture(scope="package")
def result(past, twin, package_cache):
    return baselines.run(past, study.Event(4, 2), random_state=0, independent=twin)


def test_a_twin_has_the_windows_that_were_asked_for_and_other_particles(weather, plumes, twin):
    assert (twin.usable == (plumes.usable & weather.testing)).all()
    assert not twin.plumes[weather.training].any()
    rows = np.flatnonzero(twin.usable)
    assert not np.allclose(twin.plumes[rows], plumes.plumes[rows])
    total = twin.plumes[rows].sum(axis=(2, 3)) / plumes.plumes[rows].sum(axis=(2, 3))
    assert total == pytest.approx(np.ones_like(total), abs=0.15)


def test_every_rule_is_judged_by_the_same_readings(past, result):
    methods = [str(score.method) for score in result.scores]
    assert methods == [
        "nearest site",
        "any weather + likelihood",
        "likelihood in the cluster raw",
        "pca4 + likelihood in the cluster",
        "5 analogues by heights + likelihood",
        "5 analogues by wind + likelihood",
        "5 analogues by heights + cosine",
        "5 analogues by wind + cosine",
        "true weather + likelihood",
        "true weather + cosine",
    ]
    assert [str(Method.parse(method)) for method in methods] == methods
    for score in result.scores:
        assert score.metrics["events"] == len(result.times) * 4
    kept = {name: one for name, one in result.ranks.items() if one.dtype.kind in "iu"}
    assert set(kept) == {f"{method}; readings 4; seed 0" for method in methods}
    for score in result.scores:
        rank = kept[ranks.key(str(score.method), 0, readings=4)]
        assert score.metrics["top1"] == (rank == 1).mean()
    for record in as_records(result, "quick"):
        records.check(record)
        assert record["params"]["readings"] == 4


def test_the_likelihood_in_a_cluster_is_that_of_its_windows(past, plumes, weather):
    """One event by hand, from the windows with the label of the event's own."""
    readings = study.read(weather, plumes, study.Event(4, 2), 0)
    judged = {str(one.method): one for one in baselines.judge(past, readings)}
    found = judged["likelihood in the cluster raw"].log_probability
    labels = past.clusters["raw"]
    for i in (0, 9, 31):
        members = past.known[labels[past.known] == labels[readings.window[i]]]
        cells = readings.places[i][readings.places[i] >= 0]
        table = likelihood.of_readings(plumes.plumes[members]).values[cells].astype(float)
        total = np.exp(table.sum(axis=0)).sum(axis=0)
        assert np.exp(found[i]) == pytest.approx(total / total.sum(), rel=1e-3)


def test_cosine_with_all_windows_as_analogues_is_the_mean_plume(inputs, weather, plumes):
    n = int((weather.training & plumes.usable).sum())
    past = baselines.prepare(inputs, SITES, 3, n_analogues=(n,), descriptor=2)
    readings = study.read(weather, plumes, study.Event(4, 2), 0)
    judged = {str(one.method): one.rank for one in baselines.judge(past, readings)}
    mean = study.bounds(weather, plumes, readings)["mean plume"].rank
    assert (judged[f"{n} analogues by wind + cosine"] == mean).mean() > 0.98  # but for rounding


def test_a_temperature_is_fitted_on_training_windows_far_from_each_other(past, plumes, weather):
    event = study.Event(4, 2)
    readings = study.read(weather, plumes, event, 0)
    judged = baselines.judge(past, readings)
    mended = baselines.calibrated(past, judged, event, readings, 0)
    assert {str(one.method) for one in mended} == {
        "any weather + likelihood",
        "likelihood in the cluster raw",
        "pca4 + likelihood in the cluster",
    }
    by_name = {str(one.method): one for one in judged}
    for one in mended:
        assert (one.rank == by_name[str(one.method)].rank).all()
        assert one.scores["temperature"] > 0
        assert set(one.curves) == {"as it is", "tempered"}


def test_ranks_are_kept_file_by_file_and_compared(result, own_project, monkeypatch):
    ranks.keep(result, "paper")
    arrays = ranks.full_scale("made")
    assert set(arrays) == {"week of 56 releases", *result.ranks}
    assert set(arrays["week of 56 releases"]) <= {0, 1, 2}
    name = "nearest site; readings 4; seed 0"
    assert (arrays[name] == np.minimum(result.ranks[name], ranks.LAST)).all()
    mean, low, high = ranks.share(arrays, "nearest site", {"readings": 4})
    assert low <= mean <= high
    assert mean == pytest.approx((result.ranks[name] == 1).mean())
    one, other = ("nearest site", {"readings": 4}), ("true weather + cosine", {"readings": 4})
    back, forth = ranks.difference(arrays, one, other), ranks.difference(arrays, other, one)
    assert back[0] == pytest.approx(-forth[0])
    with pytest.raises(LatentbookError, match="no ranks of 'nearest site; readings 7; seed 0'"):
        ranks.share(arrays, "nearest site", {"readings": 7})
    with pytest.raises(LatentbookError, match="unknown part"):
        ranks.name_of("others", "made")
    assert len(records.read(CHAPTER, "paper")) == len(result.scores)


def test_seeds_of_a_rule_are_found(result):
    arrays = {
        ranks.key("nearest site", seed, readings=10): np.full(6, seed + 1, np.uint8)
        for seed in (0, 2)
    }
    arrays |= {"index": np.arange(3), "nearest site, as it is; readings 10; seed 5": np.ones(6)}
    assert ranks.seeds(arrays, "nearest site", {"readings": 10}) == [0, 2]
    assert ranks.of(arrays, "nearest site", {"readings": 10}).tolist() == [[1] * 6, [3] * 6]


# ---------------------------------------------------------------- the fairer task


def test_a_plan_changes_one_thing_at_a_time():
    tasks = fairer.plan({"noises": [0.1, 0.3], "late_hours": [24], "networks": []})
    assert [task.change for task in tasks] == [
        "as it is",
        "begins within 24 h",
        "wrong readings 0.1",
        "wrong readings 0.3",
    ]
    assert fairer.plan({"noises": []}) == []
    usual = RELEASE
    for task in tasks:
        release = task.release(usual, 50, 24)
        changed = {k for k, v in vars(release).items() if v != getattr(usual, k)}
        assert changed <= {"particles", "late"}
        assert ("late" in changed) == (task.parameter == "late_hours")


def test_a_release_says_only_what_is_not_usual():
    assert RELEASE.params == {"level": 900, "hours": 24, "particles": 200, "nuclide": "Cs-137"}
    late = fairer.Task("late_hours", 12).release(RELEASE, 100, 24)
    assert late.params == RELEASE.params | {"particles": 100, "late": 12}


def test_a_late_release_begins_within_the_hours(weather, plumes, monkeypatch):
    begun = []

    def disperse(places, starts):
        begun.append(starts)
        return np.ones((len(starts), *weather.grid.shape))

    release = study.replace(RELEASE, late=6, particles=1)
    name = "begins late"
    study.library(weather, SITES, release, 0, only=weather.testing, model=(name, disperse))
    starts = weather.fields["time"].values[weather.main.starts]
    after = np.concatenate(begun)
    usable = study.followed_by_wind(weather.fields["time"].values, weather.main.starts, 30)
    expected = starts[usable & weather.testing].repeat(4)
    late = (after - expected) / np.timedelta64(1, "h")
    assert late.min() == 0
    assert late.max() == 5
    assert len(np.unique(late)) == 6


def test_another_model_gives_the_plumes_and_its_maps_are_checked(weather, own_cache):
    def disperse(places, starts):
        return np.repeat(places[:, 0], 256).reshape(-1, 16, 16)

    found = study.library(weather, SITES, RELEASE, 0, model=("longitudes", disperse))
    assert found.plumes[found.usable][3, :, 0, 0].tolist() == SITES["longitude"].tolist()
    with pytest.raises(LatentbookError, match=r"maps of shape \(\d+, 2, 2\), but must return"):
        study.library(
            weather, SITES, RELEASE, 0, model=("small", lambda p, s: np.ones((len(p), 2, 2)))
        )


def test_files_of_other_windows_keep_their_own_weeks():
    every, fourth = (
        {"index": np.arange(0, 56, step) * 24, f"rule {step}": np.ones(56 // step * 3, np.uint8)}
        for step in (1, 4)
    )
    arrays = ranks.merged([every, fourth])
    assert arrays["week of 168 releases"].tolist() == np.arange(8).repeat(21).tolist()
    assert np.bincount(arrays["week of 42 releases"]).tolist() == [6, 6, 6, 3, 6, 6, 6, 3]


def test_every_so_many_th_test_window_has_a_task(weather):
    chosen = fairer.windows(weather, 3)
    assert not chosen[weather.training].any()
    assert np.flatnonzero(chosen).tolist() == np.flatnonzero(weather.testing)[::3].tolist()
    with pytest.raises(LatentbookError, match="step between the windows of a task is 0"):
        fairer.windows(weather, 0)


def test_stations_lie_in_the_middle_of_their_squares(weather):
    where = fairer.stations(weather.grid, 4)
    assert len(where) == 16
    assert where[0] == 2 * 16 + 2
    assert (np.diff(where[:4]) == 4).all()
    with pytest.raises(LatentbookError, match="spacing of the network in cells is 17"):
        fairer.stations(weather.grid, 17)


def test_wrong_readings_are_as_many_as_asked_for():
    places = np.tile(np.array([5, 6, -1]), (4000, 1))
    wrong = fairer.misread(places, 0.25, 1000, 0)
    assert (wrong[:, 2] == -1).all()
    assert (wrong[:, :2] != places[:, :2]).mean() == pytest.approx(0.25, abs=0.02)
    assert (fairer.misread(places, 0.0, 1000, 0) == places).all()
    with pytest.raises(LatentbookError, match="share of wrong readings is 2"):
        fairer.misread(places, 2, 1000, 0)


@pytest.mark.parametrize(
    "task", [fairer.Task(), fairer.Task("noises", 0.3), fairer.Task("networks", 3)]
)
def test_five_rules_are_judged_in_every_task(task, past, twin):
    truth = fairer.Truth(task, twin, study.replace(RELEASE, particles=100))
    result = fairer.run(past, truth, study.Event(4, 2), random_state=0)
    methods = [Method.parse(str(score.method)) for score in result.scores]
    assert [str(method.unchanged) for method in methods] == [
        "nearest site",
        "mean plume",
        "k-means raw",
        "any weather + likelihood",
        "true weather + likelihood",
    ]
    assert {method.change for method in methods} == {task.change}
    assert result.part == "fairer"
    for score in result.scores:
        assert score.params["read_particles"] == 100
        assert score.params.get("stations") == (25 if task.parameter == "networks" else None)


def test_a_network_reports_where_nothing_arrives(past, twin, weather):
    truth = fairer.Truth(fairer.Task("networks", 2), twin, RELEASE)
    readings = fairer.read(past, truth, study.Event(4, 2), 0)
    where = fairer.stations(weather.grid, 2)
    rows = np.flatnonzero(twin.usable)
    reached = source.reached_cells(twin.plumes[rows].reshape(-1, 16, 16))
    for event in (0, 7, 20):
        seen = set(readings.places[event][readings.places[event] >= 0])
        assert seen == set(where[reached[event][where]])


def test_more_wrong_readings_find_fewer_sites(past, twin):
    found = []
    for share in (0.0, 0.5, 1.0):
        truth = fairer.Truth(fairer.Task("noises", share), twin, RELEASE)
        result = fairer.run(past, truth, study.Event(3, 2), random_state=0)
        found.append(np.array([score.metrics["top1"] for score in result.scores]))
    assert (found[0] >= found[1]).all()
    assert (found[1] > found[2]).all()
    assert (found[2] < 0.55).all()  # chance is a quarter


def test_files_of_ranks_are_small(result, own_project):
    ranks.keep(result, "paper")
    path = figure_arrays.paths.figures() / f"{ranks.name_of('baselines', 'made')}.npz"
    assert path.stat().st_size < 20_000
