"""The inverse problem on small waves, from the plumes to the records and what a kill leaves."""

import numpy as np
import pytest

from latentbook import chapters, paths
from latentbook.chapters.source_estimation import CHAPTER, VARIED, study
from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, records
from latentbook.study.method import Method
from latentbook.study.result import as_records, keep
from latentbook.weather import patterns, source

from ...weather.conftest import made_weather
from ..notebook_cells import cell
from .conftest import RELEASE, SITES


def test_a_window_that_is_not_followed_by_enough_wind_has_no_plume():
    weather = made_weather(gap=61)
    usable = study.followed_by_wind(weather.fields["time"].values, weather.main.starts, 48)
    times = weather.fields["time"].values
    for start, use in zip(weather.main.starts, usable, strict=True):
        after = times[start : start + 9]
        whole = len(after) == 9 and after[-1] - after[0] == np.timedelta64(48, "h")
        assert use == whole
    assert not usable.all()


def test_plumes_start_at_their_site_and_follow_the_wind(weather, plumes):
    assert plumes.plumes.shape == (len(weather), 4, 16, 16)
    assert not plumes.plumes[~plumes.usable].any()
    mass = plumes.plumes[plumes.usable].sum(axis=0)
    for s, (lon, lat) in enumerate(SITES[["longitude", "latitude"]].to_numpy()):
        row, column = abs(weather.grid.y - lat).argmin(), abs(weather.grid.x - lon).argmin()
        assert mass[s].argmax() == pytest.approx(row * 16 + column, abs=17)
        east = mass[s][:, column + 1 :].sum()
        assert east > mass[s][:, :column].sum()  # the wind blows eastward on average


def test_the_true_weather_is_not_worse_and_all_beat_chance(weather, plumes):
    event = study.Event(readings=10, descriptor=3)
    codes = weather.points
    clusters = patterns.fit(codes, weather.training, 3, 0)
    read = study.read(weather, plumes, event, 0)
    ours = study.by_patterns(weather, plumes, codes, clusters, 3, read).scores()
    others = {k: v.scores() for k, v in study.bounds(weather, plumes, read).items()}
    assert ours["n_sites"] == 4
    assert ours["events"] == (weather.testing & plumes.usable).sum() * 4
    assert others["true weather"]["top1"] >= ours["top1"] - 0.05
    for scores in (ours, *others.values()):
        assert scores["top1_low"] <= scores["top1"] <= scores["top1_high"]
        assert scores["top1"] <= scores["top3"]
        assert scores["top1"] > 1 / 4


def test_the_estimate_agrees_with_a_direct_computation(weather, plumes):
    """One event by hand: nearest centre, mean plume of its descriptors, cosine, rank."""
    event = study.Event(readings=5, descriptor=2, smoothing=1.0)
    codes = weather.points
    clusters = patterns.fit(codes, weather.training, 3, 0)
    read = study.read(weather, plumes, event, seed=3)
    estimate = study.by_patterns(weather, plumes, codes, clusters, 2, read)
    i = 7
    cluster = ((codes[read.window[i]] - clusters.centres) ** 2).sum(axis=1).argmin()
    near = patterns.nearest_to_centres(codes, clusters, weather.training & plumes.usable, 2)
    mean = plumes.plumes[near[cluster][near[cluster] >= 0]].mean(axis=0).reshape(4, -1)
    flat = read.maps[i].ravel()
    cosine = mean @ flat / np.linalg.norm(mean, axis=1) / np.linalg.norm(flat)
    assert estimate.similarity[i] == pytest.approx(cosine, abs=1e-5)
    assert estimate.rank[i] == (cosine >= cosine[read.site[i]]).sum()


def test_plan_changes_one_thing_at_a_time():
    settings = study.plan((30, 10), (1, 10), 15, variations=["smoothing", "k", "values"])
    asked = [s for s in settings if not s.change]
    pairs = [(s.event.readings, s.event.descriptor) for s in asked]
    assert pairs == [(30, 1), (30, 10), (10, 1), (10, 10)]
    assert [s.arrays for s in settings] == [False, True] + [False] * (len(settings) - 2)
    base = asked[-1]
    for setting in settings[4:]:
        changed = [
            name
            for name in ("smoothing", "values", "readings", "descriptor")
            if getattr(setting.event, name) != getattr(base.event, name)
        ]
        changed += ["k"] if setting.k != base.k else []
        assert changed in ([], [setting.varied])
    changes = [s.change for s in settings[4:]]
    assert changes == [f"{n} {v}" for n in ("smoothing", "k", "values") for v in VARIED[n]]


def test_a_plan_with_one_event_has_its_arrays():
    (setting,) = study.plan([10], [1], 3, smoothing=1.0, values="concentration")
    assert setting.arrays
    assert setting.event == study.Event(10, 1, 1.0, "concentration")


def test_the_records_of_one_setting(inputs):
    setting = study.Setting(study.Event(smoothing=1.0, descriptor=2), 3, varied="smoothing")
    made = as_records(study.run(inputs, setting, random_state=0), "quick")
    for record in made:
        records.check(record)
        assert record["source_table"] == "figure 20"
        assert Method.parse(record["method"]).change == "smoothing 1.0"
        params = record["params"]
        assert (params["readings"], params["particles"], params["grid"]) == (10, 200, "box")
        assert record["metrics"]["n_sites"] == 4
        assert list(record["seconds"]) == ["estimate"]
    assert [record["method"] for record in made] == [
        "k-means raw, smoothing 1.0",
        "pca4 + k-means, smoothing 1.0",
        "true weather, smoothing 1.0",
        "mean plume, smoothing 1.0",
    ]
    assert [record["params"].get("k") for record in made] == [3, 3, None, None]


def test_bounds_are_left_out_where_clusters_are_varied(inputs):
    result = study.run(inputs, study.Setting(study.Event(descriptor=2), 5, "k"), random_state=0)
    methods = [str(score.method) for score in result.scores]
    assert methods == ["k-means raw, k 5", "pca4 + k-means, k 5"]
    assert not result.arrays


def test_arrays_show_the_last_representation(inputs, result):
    weather, plumes = inputs.weather, inputs.plumes
    arrays, codes = result.arrays, inputs.representations[-1].codes
    clusters = patterns.fit(codes, weather.training, 3, 0)
    read = study.read(weather, plumes, study.Event(descriptor=2), 0)
    estimate = study.by_patterns(weather, plumes, codes, clusters, 2, read)
    first = [np.mean(estimate.rank[estimate.site == s] == 1) for s in range(4)]
    assert arrays["found_first"] == pytest.approx(np.array(first))
    tested = np.unique(read.window)
    assert arrays["plumes"].shape == (min(24, len(tested)), 4, 16, 16)
    own = estimate.similarity[read.window == tested[0]]
    assert arrays["likeness"][0].astype(float) == pytest.approx(own, abs=1e-3)
    assert (arrays["readings"][0].sum(axis=(1, 2)) >= 1).all()


def test_bytes_of_plumes_are_logarithmic(inputs, result):
    """255 for the maximum, a quarter of the range less for each decade below it, then 0."""
    tested = np.flatnonzero(inputs.weather.testing & inputs.plumes.usable)
    plume, shown = inputs.plumes.plumes[tested[0], 1], result.arrays["plumes"][0, 1]
    share = plume / plume.max()
    assert shown[share == 1].tolist() == [255]
    assert not shown[share <= 1e-4].any()
    inside = share > 1.001e-4
    assert shown[inside] == pytest.approx(255 * (1 + np.log10(share[inside]) / 4), abs=1.01)


def test_a_run_that_dies_keeps_the_settings_before(inputs, own_project, own_cache, monkeypatch):
    """The cell of the notebook itself, with an estimate that fails in the second setting."""
    run = study.run

    def fail_at_the_second(inputs, setting, *, random_state):
        if setting.event.descriptor == 2:
            raise KeyboardInterrupt
        return run(inputs, setting, random_state=random_state)

    monkeypatch.setattr(study, "run", fail_at_the_second)
    names = {
        "chapters": chapters, "study": study, "source": source, "opened": inputs.weather,
        "plumes": inputs.plumes, "release": RELEASE, "sites": SITES,
        "setting": "affordable", "epochs": 1, "n_codes": 4, "widths": "8", "filters": "4 4",
        "k": 3, "representations": "raw", "seed": 0, "profile": "quick", "network_windows": 0,
        "readings": "10", "descriptors": "1 2", "smoothing": 0.3, "values": "presence",
        "variations": "", "inputs": "",
    }  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        exec(cell(CHAPTER, "study.plan("), names)
    kept = records.read(CHAPTER, "quick")
    assert sorted(kept["method"]) == ["k-means raw", "mean plume", "true weather"]
    assert {p["descriptor"] for p in kept["params"]} == {1}
    assert names["whole"] is False  # four sites are not all


def test_the_whole_notebook_cell_keeps_records_and_arrays(inputs, result, own_project):
    keep(result, "quick", whole=False)
    assert len(records.read(CHAPTER, "quick")) == 4
    folder = figure_arrays.folder("quick", 0, whole=False)
    assert set(figure_arrays.read(folder / "06-made.npz")) == set(result.arrays)
    assert not list(paths.figures().glob("*.npz"))


def test_the_estimate_of_the_notebook_is_that_of_the_study(inputs, capsys):
    weather, plumes = inputs.weather, inputs.plumes
    tested = np.flatnonzero(weather.testing & plumes.usable)
    names = {
        "np": np, "source": source, "opened": weather, "plumes": plumes, "sites": SITES,
        "tested": tested, "shown_site": 2, "seed": 0, "smoothing": 0.3, "k": 3,
        "chapters": chapters, "descriptors": "1 10",
    }  # fmt: skip
    exec(cell(CHAPTER, "cosine_similarity("), names)
    clusters = patterns.fit(weather.points, weather.training, 3, 0)
    read = study.Readings(names["read"], tested[:1], np.array([2]))
    ours = study.by_patterns(weather, plumes, weather.points, clusters, 10, read)
    assert names["similarity"] == pytest.approx(ours.similarity[0], abs=1e-5)
    assert capsys.readouterr().out.startswith("true site: C\n")


def test_the_random_walk_of_the_notebook_has_the_known_solution(capsys):
    names = {"seed": 0, "hours": 48}
    exec(cell(CHAPTER, "rng.normal("), names)
    x = names["x"]
    assert x.mean(axis=0) == pytest.approx([10 * 48 * 3600, 0], abs=4_000)
    assert x.std(axis=0) == pytest.approx(np.sqrt(2 * 2.5e4 * 48 * 3600), rel=0.03)
    assert "by the formula: 93.0 km" in capsys.readouterr().out


def test_bad_input_is_named(inputs):
    with pytest.raises(LatentbookError, match="no window is followed by 10000 hours of wind"):
        study.library(inputs.weather, SITES, study.Release(hours=10_000), 0)
