"""Representations before the judge, the queue of long trainings, and their tables and figures."""

import numpy as np
import pytest

from latentbook.chapters.weather_patterns import (
    judged,
    judged_figures,
    judged_tables,
    queue,
    study,
    tables,
)
from latentbook.study import records
from latentbook.study.result import as_records
from latentbook.weather import codes, judge, patterns
from latentbook.weather.codes import Design

from ...weather.conftest import made_weather

CHAPTER = "05-weather-patterns"
DESIGN = Design(epochs=2, n_codes=4, widths=(8,), filters=(4, 4), k=3)
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def weather():
    return made_weather(241)


@pytest.fixture(scope="module")
def seen(weather):
    times = weather.main.frame_times
    u = weather.fields["u"].sel(level=900.0).values.reshape(len(times), -1)
    return {"wind900": (times, u)}


def run(weather, seen, name, **changes):
    from dataclasses import replace

    setting = study.Setting(name, replace(DESIGN, **changes))
    return judged.run(weather, setting, seen, random_state=0)


def test_a_judged_record_speaks_of_test_windows(weather, seen):
    (record,) = as_records(run(weather, seen, "pca"), "quick")
    records.check(record)
    assert record["method"] == "judged: pca4 + k-means"
    assert record["params"]["evaluated_on"] == "test"
    z = codes.represent(weather, "pca", DESIGN, 0).codes
    labels = patterns.fit(z, weather.training, 3, 0).labels
    y = judge.over_windows(weather, *seen["wind900"])
    expected = judge.explained_variance(y, labels, weather.training, weather.testing)
    assert record["metrics"]["explained_wind900"] == pytest.approx(expected)
    assert expected > 0.3  # the wind follows the waves that were clustered


def test_raw_windows_have_no_lead_over_themselves(weather, seen):
    (score,) = run(weather, seen, "raw").scores
    assert score.metrics["lead_wind900"] == score.metrics["lead_wind900_high"] == 0


def test_early_stopping_watches_later_windows(weather):
    training, watched = codes._watched(weather, weather.main, 1)
    assert watched.starts.min() >= training.starts.max() + weather.length
    assert codes._watched(weather, weather.main, None)[1] is None


@pytest.mark.slow
def test_losses_are_kept(weather, seen):
    result = run(weather, seen, "conv", patience=1, epochs=3)
    (key,) = [k for k in result.arrays if k.startswith("losses conv")]
    assert key == "losses conv, 4 codes, seed 0"
    curves = result.arrays[key]
    assert curves.shape[0] == 2
    assert result.scores[0].metrics["epochs"] == curves.shape[1] <= 3
    assert result.scores[0].params["max_epochs"] == 3


def test_a_live_run_can_be_judged_too(weather, seen):
    (setting,) = study.plan(["raw"], DESIGN)
    (score,) = study.run(weather, setting, random_state=0, unseen=seen).scores
    assert score.metrics["explained_wind900"] > 0
    assert score.metrics["calinski_harabasz_test"] > 0
    written = as_records(study.run(weather, setting, random_state=0, unseen=seen), "quick")
    assert "explains wind900" in tables.live(written, "made")


# ---------------------------------------------------------------- the queue


def test_every_job_is_told_apart_and_known():
    names = [job.name for job in queue.JOBS]
    assert len(set(names)) == len(names)
    asked = [
        queue.asked(job, years, seed, design, name)
        for job in queue.JOBS
        for years in job.years
        for seed in job.seeds
        for design in job.designs
        for name in job.representations
    ]
    assert len(set(asked)) == len(asked)
    for job in queue.JOBS:
        assert set(job.representations) <= set(codes.REPRESENTATIONS)


def test_a_run_whose_record_exists_is_skipped(weather, seen, own_project, monkeypatch, capsys):
    job = queue.Job("made", "made", ("raw", "pca"), (DESIGN,), ("wind900",), (0, 1))
    monkeypatch.setattr(queue, "opened", lambda *_: (weather, seen))
    assert queue.run(job, profile="quick") == 4
    assert "explained_wind900" in capsys.readouterr().out
    assert queue.run(job, profile="quick") == 0
    assert len(queue.measured("quick")) == 4


def test_an_interrupted_queue_goes_on(weather, seen, own_project, monkeypatch):
    job = queue.Job("made", "made", ("raw", "pca"), (DESIGN,), ("wind900",), (0, 1))
    monkeypatch.setattr(queue, "opened", lambda *_: (weather, seen))
    whole = judged.run

    def fail_at_pca(weather, setting, *rest, **named):
        if setting.representation == "pca":
            raise KeyboardInterrupt
        return whole(weather, setting, *rest, **named)

    monkeypatch.setattr(judged, "run", fail_at_pca)
    with pytest.raises(KeyboardInterrupt):
        queue.run(job, profile="quick")
    monkeypatch.setattr(judged, "run", whole)
    assert queue.run(job, profile="quick") == 3


def test_the_list_says_what_is_left(own_project, capsys):
    assert queue.main(["--list", "gpu-time"]) == 0
    said = capsys.readouterr().out
    assert "gpu-time" in said
    assert "21 done" in said
    assert queue.main(["gpu-tim"]) == 2
    assert "unknown job of the queue 'gpu-tim'" in capsys.readouterr().err


def test_a_trial_takes_the_sample_and_one_epoch():
    for job in queue.JOBS:
        cut = queue.trial(job)
        assert (cut.source, cut.seeds, cut.years) == ("weather-sample", (0,), (None,))
        assert cut.designs[0].epochs == 1


@pytest.mark.slow
def test_the_first_job_for_a_gpu_runs_cut_to_seconds(own_project, capsys):
    job = next(job for job in queue.JOBS if job.gpu)
    cut = queue.trial(job)
    assert queue.run(cut, profile="quick", done=set()) == len(job.representations)
    assert capsys.readouterr().out.count("explained_wind900") >= len(job.representations)


# ---------------------------------------------------------------- tables and figures


@pytest.fixture(scope="module")
def flat():
    return judged_tables.flat(records.read(CHAPTER))


def test_tables_are_made_of_the_committed_records():
    made = judged_tables.generated(records.read(CHAPTER))
    assert list(made) == list(judged_tables.FILES)
    assert "first field" in made["05-time.md"]
    assert "| components | 4 |" in made["05-sizes.md"]
    empty = judged_tables.generated(records.read(CHAPTER).iloc[:0])
    assert all("not run" in text for text in empty.values())


def test_the_tables_of_all_windows_leave_judged_records_out():
    every = records.read(CHAPTER)
    plain = tables.plain(every)
    assert 0 < len(plain) < len(every)
    assert not any(": " in method for method in plain["method"])


def test_figures_of_the_judge(flat):
    panels = [("weather-simulated-40", "wind900"), ("weather-eraint", "msl")]
    figure = judged_figures.draw_time(flat, panels)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "first field"
    sizes = judged_figures.draw_sizes(flat, [("weather-eraint", "t850", np.nan)])
    assert len(sizes.axes[0].lines) >= 2


def test_losses_are_drawn_by_epoch():
    arrays = {"losses conv, 4 codes, seed 0": np.array([[3.0, 2, 1], [3, 2.5, 2]])}
    figure = judged_figures.draw_losses(arrays, ["conv"])
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [3, 3]


def test_titles_are_words():
    assert judged_tables.title("pca8-whitened") == "8 components, whitened"
    assert judged_tables.title("conv-lstm") == "ConvLSTM"
