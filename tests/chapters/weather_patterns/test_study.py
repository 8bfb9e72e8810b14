"""One representation as a result: its scores, its arrays, and what a killed run leaves."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_score

from latentbook import chapters, paths
from latentbook.autoencoders import recurrent
from latentbook.chapters.weather_patterns import study
from latentbook.study import figure_arrays, provenance, records
from latentbook.study.result import as_records, keep
from latentbook.weather import codes, patterns
from latentbook.weather.codes import Design

from ...weather.conftest import made_weather
from ..notebook_cells import cell

NOTEBOOK = "05-weather-patterns"
DESIGN = Design(epochs=1, n_codes=4, widths=(8,), filters=(4, 4), k=3)


@pytest.fixture(scope="module")
def weather():
    return made_weather()


pytestmark = pytest.mark.usefixtures("own_cache")


def run(weather, name, random_state=0, **more):
    (setting,) = study.plan([name], DESIGN)
    return study.run(weather, setting, random_state=random_state, **more)


def test_the_record_of_a_clustering(weather):
    (record,) = as_records(run(weather, "raw"), "quick")
    records.check(record)
    assert (record["method"], record["backend"]) == ("k-means raw", None)
    assert record["n_samples"] == len(weather)
    assert record["params"] == {"k": 3, **weather.params}
    assert list(record["seconds"]) == ["represent"]
    scores = record["metrics"]
    assert scores["silhouette"] == pytest.approx(scores["silhouette_raw"])
    assert scores["distance_correlation"] == pytest.approx(1)
    assert 0 <= scores["persistence"] <= 1
    assert "season_accuracy" not in scores  # one season only: NaN is left out


def test_scores_are_those_of_the_kept_labels_in_both_spaces(weather):
    result = run(weather, "pca")
    labels, (score,) = result.arrays["labels pca4, seed 0"], result.scores
    z = codes.represent(weather, "pca", DESIGN, 0).codes
    flat = weather.main[:].reshape(len(weather), -1)
    assert score.metrics["silhouette"] == pytest.approx(silhouette_score(z, labels), abs=1e-5)
    assert score.metrics["silhouette_raw"] == pytest.approx(
        silhouette_score(flat, labels), abs=1e-5
    )
    assert score.metrics["persistence"] == pytest.approx(np.mean(labels[1:] == labels[:-1]))
    assert score.metrics["n_clusters"] == len(np.unique(labels)) == 3


def test_a_network_is_named_with_its_setting_and_backend(weather):
    (record,) = as_records(run(weather, "cnn-lstm-3d"), "quick")
    assert record["method"] == "cnn-lstm-3d + k-means"
    assert record["params"]["setting"] == "affordable"
    assert record["backend"] == provenance.backend()


def test_a_catalogue_adds_the_agreement_with_it(weather):
    labels = run(weather, "raw").arrays["labels raw, seed 0"]
    days = weather.times.astype("datetime64[D]").astype("datetime64[ns]")
    types = pd.Series(labels, index=pd.DatetimeIndex(days))
    (score,) = run(weather, "raw", types=types).scores
    assert score.metrics["catalogue_ami"] == pytest.approx(1)
    assert score.metrics["catalogue_days"] == len(weather)


def test_pictures_are_the_windows_nearest_to_the_centres(weather):
    arrays = run(weather, "raw").arrays
    labels, shown = arrays["labels raw, seed 0"], weather.fields["z"].values
    for cluster, field in enumerate(arrays["descriptors raw"]):
        members = np.flatnonzero(weather.training & (labels == cluster))
        points = weather.points[members].astype(float)
        distance = ((points - points.mean(axis=0)) ** 2).sum(axis=1)
        # waves repeat: several windows may be equally near, up to the last digits
        nearest = members[distance <= distance.min() * (1 + 1e-4) + 1e-9]
        errors = np.abs(shown[weather.main.starts[nearest], 0] - field).max(axis=(1, 2))
        assert errors.min() <= 0.51
    assert arrays["tsne raw"].shape == (len(weather), 2)


def test_all_seeds_share_one_file_and_only_the_first_brings_pictures(weather, own_project):
    for seed in (1, 0):
        keep(run(weather, "raw", seed), "quick")
    kept = figure_arrays.read(figure_arrays.folder("quick", 0) / "05-made.npz")
    assert {"labels raw, seed 0", "labels raw, seed 1", "descriptors raw"} <= set(kept)
    assert not figure_arrays.folder("quick", 1).exists()
    assert "descriptors raw" not in run(weather, "raw", 1).arrays
    assert sorted(records.read(NOTEBOOK, "quick")["seed"]) == [0, 1]


def test_a_run_that_dies_keeps_the_settings_before(weather, own_project, monkeypatch):
    """The cell of the notebook itself, with a representation that fails in the middle."""
    represent = codes.represent

    def fail_at_pca(weather, name, *rest):
        if name == "pca":
            raise KeyboardInterrupt
        return represent(weather, name, *rest)

    monkeypatch.setattr(codes, "represent", fail_at_pca)
    names = {
        "chapters": chapters, "opened": weather, "sizes": (8,), "representations": "raw pca conv",
        "setting": "affordable", "epochs": 1, "n_codes": 4, "filters": "4 4", "k": 3, "seed": 0,
        "profile": "quick", "catalogue": "", "network_windows": 0, "unseen": "",
    }  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        exec(cell(NOTEBOOK, "study.plan("), names)
    assert records.read(NOTEBOOK, "quick")["method"].tolist() == ["k-means raw"]
    kept = figure_arrays.read(figure_arrays.folder("quick", 0) / "05-made.npz")
    assert kept["labels raw, seed 0"].shape == (len(weather),)
    assert kept["descriptors raw"].shape == (3, 16, 16)


def test_a_part_of_the_weather_does_not_pass_for_the_whole(weather, own_project):
    keep(run(weather, "raw"), "paper", whole=False)
    assert not list(paths.figures().glob("*.npz"))


# ---------------------------------------------------------------- the cells that teach


def test_the_network_of_the_notebook_is_the_one_of_the_library(weather):
    names = {"chapters": chapters, "scaled": weather.main, "widths": "8 6", "n_codes": 4}
    exec(cell(NOTEBOOK, "keras.Sequential("), names)
    shown, ours = (
        names["fc_lstm"],
        recurrent.build("fc-lstm", weather.main.shape[1:], widths=(8, 6), n_codes=4),
    )
    assert shown.count_params() == ours.model.count_params()
    weights = ours.encoder.get_weights() + ours.decoder.get_weights()
    shown.set_weights(weights)
    x = weather.main[:3]
    assert shown.predict(x, verbose=0) == pytest.approx(ours.reconstruct(x), abs=1e-5)
    assert isinstance(shown, keras.Sequential)


def test_the_windows_of_the_notebook_are_those_of_the_study(weather):
    names = {"opened": weather}
    exec(cell(NOTEBOOK, "cut.scaled("), names)
    assert np.array_equal(names["scaled"][:], weather.main[:])


def test_the_patterns_of_the_notebook_are_those_of_the_study(weather):
    names = {
        "opened": weather, "names": ["raw"], "design": DESIGN, "seed": 0, "k": 3,
        "represent": codes.represent,
    }  # fmt: skip
    exec(cell(NOTEBOOK, "KMeans("), names)
    found = patterns.fit(weather.points, weather.training, 3, 0)
    assert np.array_equal(names["labels"], found.labels)
    near = patterns.nearest_to_centres(weather.points, found, weather.training, 1)[:, 0]
    assert np.array_equal(names["descriptors"], near)
