"""The study on small made fields: splits, codes, records, and the inverse problem end to end."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from bs4 import BeautifulSoup
from scipy.spatial.distance import pdist

from latentbook.chapters.source_estimation import event_map, figures
from latentbook.chapters.source_estimation import study as inverse
from latentbook.chapters.weather_patterns.study import make_record
from latentbook.errors import LatentbookError
from latentbook.study import records
from latentbook.weather import patterns, source
from latentbook.weather.codes import (
    Design,
    Weather,
    method_name,
    open_weather,
    represent,
)
from latentbook.weather.grid import box


def made_weather(n=121, seed=0, gap=None):
    """Return 6-hourly waves that move over a box of 16 x 16 cells, with the winds along them."""
    grid = box((0.0, 32.0, 40.0, 56.0), (16, 16))
    rng = np.random.default_rng(seed)
    times = np.datetime64("2001-01-01", "ns") + np.arange(n) * np.timedelta64(6, "h")
    if gap is not None:
        times[gap:] += np.timedelta64(30, "D")
    phase = np.cumsum(rng.normal(0.1, 0.3, n))[:, None, None, None]
    level = np.array([0.0, -500.0, 900.0])[None, :, None, None]  # 700, 500, 900 hPa in metres
    z = 3000 - level + 100 * np.sin(grid.longitude / 5 + phase) + 5 * (48 - grid.latitude)
    u = 8 + 4 * np.cos(grid.longitude / 5 + phase) + 0 * level
    v = 6 * np.cos(grid.longitude / 5 + phase) + 0 * level
    dims = ("time", "level", "y", "x")
    fields = xr.Dataset(
        {name: (dims, field.astype(np.float32)) for name, field in (("z", z), ("u", u), ("v", v))},
        {"time": times, "level": [700.0, 500.0, 900.0], "y": grid.y, "x": grid.x},
    )
    return Weather("made", "Made waves", grid, fields, (700.0, 500.0), 8, 4, 0.5)


@pytest.fixture(scope="module")
def weather():
    return made_weather()


SITES = pd.DataFrame(
    {"site": ["A", "B", "C", "D"], "longitude": [8.0, 24, 8, 24], "latitude": [44.0, 44, 52, 52]}
)
RELEASE = inverse.Release(level=900, hours=24, particles=200)


@pytest.fixture(scope="module")
def plumes(weather, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        return inverse.library(weather, SITES, RELEASE, seed=0)


def test_no_test_window_shares_a_field_with_a_training_window(weather):
    starts = weather.main.starts
    trained = {i + j for i in starts[weather.training] for j in range(weather.length)}
    tested = {i + j for i in starts[weather.testing] for j in range(weather.length)}
    assert not trained & tested
    assert not (weather.training & weather.testing).any()
    assert weather.training.sum() == round(len(weather) / 2)


def test_only_training_windows_set_the_scale(weather):
    x = weather.heights[weather.training]
    assert x.min(axis=(0, 1, 2, 3)) == pytest.approx([0, 0], abs=1e-6)
    assert x.max(axis=(0, 1, 2, 3)) == pytest.approx([1, 1], abs=1e-6)
    assert weather.main[:][..., 0] == pytest.approx(weather.heights[:][..., 0], abs=1e-6)


def test_points_have_the_distances_of_the_windows(weather):
    flat = weather.main[:].reshape(len(weather), -1)
    assert weather.points.shape[1] == len(weather) < flat.shape[1]
    assert pdist(weather.points) == pytest.approx(pdist(flat), rel=1e-3, abs=1e-3)


def test_principal_components_reconstruct_what_they_span(weather):
    few = represent(weather, "pca", Design(n_codes=2), 0)
    many = represent(weather, "pca", Design(n_codes=10), 0)
    assert few.name == "pca2"
    assert few.codes.shape == (len(weather), 2)
    assert many.scores["mse"] < few.scores["mse"] < few.scores["mse_mean_frame"]
    span = weather.main.high - weather.main.low
    metres = np.sqrt(many.scores["mse"]) * span[0]
    assert many.scores["rmse_metres"] == pytest.approx(metres, rel=1e-4)


def test_a_network_is_trained_on_training_windows_and_encodes_all(weather, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path))
    design = Design(epochs=2, n_codes=4, widths=(8,), filters=(4, 4))
    made = represent(weather, "cnn-lstm-3d", design, 0)
    assert made.codes.shape == (len(weather), 4)
    assert np.isfinite(made.codes).all()
    assert made.params["filters"] == "4 4"
    assert made.params["setting"] == "affordable"
    assert method_name(made) == "cnn-lstm-3d + k-means"


def test_what_the_thesis_proposes_is_trained_too(weather, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path))
    design = Design(epochs=2, n_codes=4, widths=(8,), k=3)
    names = ("fc-lstm", "fc-lstm-forced", "fc-lstm-joint")
    plain, forced, joint = (represent(weather, name, design, 0) for name in names)
    assert forced.params["teacher_forcing"]
    assert forced.scores["parameters"] > plain.scores["parameters"]  # fields come back in
    assert joint.params["n_clusters"] == 3
    assert joint.scores["parameters"] == plain.scores["parameters"]
    assert joint.seconds > plain.seconds  # its pretraining counts
    assert "joint" in joint.name
    assert np.isfinite(joint.codes).all()
    assert not np.allclose(joint.codes, plain.codes, atol=1e-4)


def test_the_setting_of_the_thesis_has_a_name_of_its_own(weather, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path))
    design = Design("thesis", epochs=1, n_codes=4, widths=(8,))
    made = represent(weather, "fc-lstm", design, 0)
    assert method_name(made) == "fc-lstm (thesis setting) + k-means"
    with pytest.raises(LatentbookError, match="unknown setting"):
        represent(weather, "fc-lstm", Design("theses"), 0)


def test_the_record_of_a_clustering(weather):
    made = represent(weather, "raw", Design(), 0)
    found = patterns.fit(made.codes, weather.training, 3, 0)
    record = make_record(weather, made, found, seed=0, profile="quick")
    records.check(record)
    assert record["method"] == "k-means raw"
    assert record["n_samples"] == len(weather)
    scores = record["metrics"]
    assert scores["silhouette"] == pytest.approx(scores["silhouette_raw"])
    assert scores["distance_correlation"] == pytest.approx(1)
    assert 0 <= scores["persistence"] <= 1
    assert "season_accuracy" not in scores  # one season only: NaN is left out


def test_a_window_that_is_not_followed_by_enough_wind_has_no_plume():
    weather = made_weather(gap=61)
    usable = inverse._followed(weather.fields["time"].values, weather.main.starts, 48)
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


def test_who_knows_the_weather_is_not_worse_and_all_beat_chance(weather, plumes):
    event = inverse.Event(readings=10, descriptor=3)
    made = represent(weather, "raw", Design(), 0)
    found = patterns.fit(made.codes, weather.training, 3, 0)
    given = inverse.read(weather, plumes, event, 0)
    ours = inverse.by_patterns(weather, plumes, made.codes, found, 3, given).scores()
    others = {k: v.scores() for k, v in inverse.bounds(weather, plumes, given).items()}
    assert ours["events"] == (weather.testing & plumes.usable).sum() * 4
    assert others["true weather"]["top1"] >= ours["top1"] - 0.05
    for scores in (ours, *others.values()):
        assert scores["top1_low"] <= scores["top1"] <= scores["top1_high"]
        assert scores["top1"] <= scores["top3"]
        assert scores["top1"] > 1 / 4


def test_the_estimate_agrees_with_a_direct_computation(weather, plumes):
    """One event by hand: nearest centre, mean plume of its descriptors, cosine, rank."""
    event = inverse.Event(readings=5, descriptor=2, smoothing=1.0)
    made = represent(weather, "raw", Design(), 0)
    found = patterns.fit(made.codes, weather.training, 3, 0)
    given = inverse.read(weather, plumes, event, seed=3)
    estimate = inverse.by_patterns(weather, plumes, made.codes, found, 2, given)
    i = 7
    cluster = ((made.codes[given.window[i]] - found.centres) ** 2).sum(axis=1).argmin()
    near = patterns.nearest_to_centres(made.codes, found, weather.training & plumes.usable, 2)
    mean = plumes.plumes[near[cluster][near[cluster] >= 0]].mean(axis=0).reshape(4, -1)
    flat = given.maps[i].ravel()
    cosine = mean @ flat / np.linalg.norm(mean, axis=1) / np.linalg.norm(flat)
    assert estimate.likeness[i] == pytest.approx(cosine, abs=1e-5)
    assert estimate.rank[i] == (cosine >= cosine[given.site[i]]).sum()


def test_plan_changes_one_thing_at_a_time():
    events = [inverse.Event(r, d) for r in (10, 30) for d in (1, 10)]
    todo = inverse.plan(events, ["smoothing", "k"], 15)
    assert todo[:4] == [("", event, 15) for event in events]
    for remark, event, k in todo[4:]:
        assert (event.readings, event.descriptor) == (10, 10)
        assert remark in (f"smoothing {event.smoothing}", f"k {k}")
    assert {k for _, _, k in todo} == {15, *inverse.VARIED["k"]}


def test_the_record_of_an_estimate(weather, plumes):
    event = inverse.Event()
    given = inverse.read(weather, plumes, event, 0)
    found = inverse.bounds(weather, plumes, given)["mean plume"]
    record = inverse.make_record(
        weather, "mean plume", found, event, RELEASE, seed=0, profile="quick",
        seconds=0.1, params={}, remark="smoothing 1.0",
    )  # fmt: skip
    records.check(record)
    assert record["method"] == "mean plume, smoothing 1.0"
    assert record["params"]["readings"] == 10
    assert record["params"]["particles"] == 200


def test_figures_and_the_interactive_map_from_kept_arrays(weather, plumes, monkeypatch, tmp_path):
    from latentbook import paths
    from latentbook.study import figure_arrays

    monkeypatch.setattr(source, "sites", lambda: SITES)
    monkeypatch.setattr(paths, "extra", lambda: tmp_path / "extra")
    monkeypatch.setattr(paths, "figures", lambda: tmp_path / "figures")
    made = represent(weather, "raw", Design(), 0)
    found = patterns.fit(made.codes, weather.training, 3, 0)
    arrays = figures.estimate_arrays(
        weather, plumes, made.codes, found, inverse.Event(), 0, cases=3
    )
    assert arrays["plumes"].shape == (3, 4, 16, 16)
    assert figures.grid_of(arrays).x == pytest.approx(weather.grid.x)
    figures.draw_case(arrays, SITES, 0, 1)
    figures.draw_sites_found(arrays, SITES)
    origin = figure_arrays.save("06-made", arrays, tmp_path / "figures")
    page = event_map.write_page(origin)
    assert page.name == "source-made.html"
    text = page.read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
    soup = BeautifulSoup(text, "html.parser")
    data = json.loads(soup.find("script", id="data").string)
    assert data["sites"] == SITES["site"].tolist()
    kept, truth = arrays["likeness"], np.tile(np.arange(4), 3)
    np.testing.assert_array_equal(
        source.ranks(np.array(data["likeness"]).reshape(-1, 4), truth),
        source.ranks(kept.reshape(-1, 4), truth),
    )


def test_the_map_tells_apart_whatever_the_kept_arrays_do():
    every = np.arange(0x3C01, dtype=np.uint16).view(np.float16)  # 0 to 1
    shown = np.ravel(event_map._likeness(every.reshape(1, 1, -1)))
    assert (np.diff(shown) > 0).all()


def test_site_names_on_the_map_are_only_text(weather, plumes, monkeypatch, tmp_path):
    from latentbook import paths
    from latentbook.study import figure_arrays

    hostile = "</script><script>alert(1)</script>"
    monkeypatch.setattr(source, "sites", lambda: SITES.assign(site=["A", "B", "C", hostile]))
    monkeypatch.setattr(paths, "extra", lambda: tmp_path / "extra")
    made = represent(weather, "raw", Design(), 0)
    found = patterns.fit(made.codes, weather.training, 3, 0)
    arrays = figures.estimate_arrays(
        weather, plumes, made.codes, found, inverse.Event(), 0, cases=2
    )
    page = event_map.write_page(figure_arrays.save("06-made", arrays, tmp_path / "figures"))
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    assert all(script.get_text() != "alert(1)" for script in soup.find_all("script"))
    assert json.loads(soup.find("script", id="data").string)["sites"][-1] == hostile


def test_bytes_of_plumes_are_logarithmic():
    plume = np.array([[[1.0, 0.1, 1e-3, 1e-5, 0.0]]])
    assert figures._decades(plume).ravel().tolist() == [255, 192, 64, 0, 0]


def test_bad_input_is_named(weather, plumes):
    with pytest.raises(LatentbookError, match="unknown representation 'cnn': choose one of raw"):
        represent(weather, "cnn", Design(), 0)
    with pytest.raises(LatentbookError, match="n_codes is 99"):
        represent(weather, "pca", Design(n_codes=99), 0)
    with pytest.raises(LatentbookError, match="no window is followed by 10000 hours of wind"):
        inverse.library(weather, SITES, inverse.Release(hours=10_000), 0)
    with pytest.raises(LatentbookError, match="0 of 4 sites lie inside the grid box"):
        inverse.sites_inside(SITES.assign(longitude=150.0), weather.grid)
    with pytest.raises(LatentbookError, match="readings is 0"):
        inverse.check_events([0], [1])
    with pytest.raises(LatentbookError, match="do not fit fields 6 hours apart"):
        open_weather("weather-sample", levels=[700], window_days=1, overlap_days=1)
