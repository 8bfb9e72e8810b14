"""Experiments on what did not reproduce: what is changed, and how it is spelled."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from latentbook.chapters.two_stage_clustering import misses, parameters, study
from latentbook.errors import LatentbookError
from latentbook.study import result as results

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(300, 0)


SETTING = study.Setting("raw", sample=150)


def test_the_parameter_lists_the_experiments():
    assert tuple(misses.EXPERIMENTS) == parameters.EXPERIMENTS
    with pytest.raises(LatentbookError, match="unknown experiment 'start'"):
        list(misses.run("start", None, SETTING))


def test_inertia_is_the_sum_of_squared_distances_to_the_means(data):
    fit = misses.start(data.flat, 10, 3)
    labels = fit.arrays["labels"]
    means = np.stack([data.flat[labels == c].mean(axis=0) for c in range(10)])
    assert fit.arrays["inertia"] == pytest.approx(
        ((data.flat - means[labels]) ** 2).sum(), rel=1e-3
    )
    again = misses.start(data.flat, 10, 3)
    assert again.loaded
    assert (again.arrays["labels"] == labels).all()


def test_old_first_centres_are_spread_over_far_blobs():
    x, blob = make_blobs(400, centers=6, cluster_std=0.01, random_state=0)
    for seed in range(5):
        centres = misses.centres_of_2020(x, 6, seed)
        places = [int(np.flatnonzero((x == centre).all(axis=1))[0]) for centre in centres]
        assert places[0] == np.random.RandomState(seed).randint(400)
        assert sorted(blob[places]) == list(range(6))


def test_of_the_old_starts_the_one_of_least_inertia_is_scored(data):
    (found,) = misses.run("old-starts", data, SETTING)
    (score,) = found.scores
    fits = [misses.start_of_2020(data.flat, 10, 1997, place) for place in range(10)]
    assert str(score.method) == "k-means raw, starts of scikit-learn 0.22"
    assert score.metrics["inertia"] == min(fit.arrays["inertia"] for fit in fits)
    assert score.params == {"k": 10, "n_init": 10}
    assert found.random_state == 1997
    assert score.seconds["cluster"] == pytest.approx(sum(fit.seconds for fit in fits))


def test_single_starts_keep_inertia_and_scores_of_each(data, monkeypatch):
    monkeypatch.setattr(misses, "SINGLE_STARTS", 12)
    (found,) = misses.run("starts", data, SETTING)
    (score,) = found.scores
    table = found.arrays["starts"]
    assert table.shape == (12, 4)
    assert score.metrics["inertia"] == table[:, 0].min()
    assert score.metrics["acc"] == table[table[:, 0].argmin(), 1]
    assert score.metrics["nmi_most"] == table[:, 2].max() >= score.metrics["nmi"]
    assert found.arrays["index"].max() < len(data)


def test_controls_are_spelled_as_faithful_methods(data):
    found = list(misses.run("controls", data, SETTING, random_state=1))
    methods = [str(score.method) for one in found for score in one.scores]
    assert methods == ["pca2 + k-means", "pca2 + mixture", "pca50 + mixture"]
    params = found[-1].scores[0].params
    assert params == {"n_components": 50, "k": 10, "evaluated_on": "all"}
    assert not any(one.arrays for one in found)


def test_iterations_are_part_of_the_name(data, monkeypatch):
    monkeypatch.setattr(misses, "ITERATIONS", (250,))
    (found,) = misses.run("iterations", data, SETTING)
    (score,) = found.scores
    assert str(score.method) == "tsne2 + k-means, iterations 250"
    assert score.params["max_iter"] == 250
    assert score.params["sample"] == 150
    assert "evaluated_on" not in score.params


def test_neighbours_and_seed_are_those_of_the_listing(data, monkeypatch):
    asked = []

    def run(data, setting, *, random_state, stages):
        asked.append((setting.representation, dict(setting.changes["umap"]), random_state))
        scores = [
            results.Score(f"{setting.representation} + {stage}", {"acc": 0.5}, {"k": 10})
            for stage in stages
        ]
        return results.Result("03-two-stage-clustering", data, random_state, scores)

    monkeypatch.setattr(study, "run", run)
    found = list(misses.run("neighbours", data, SETTING))
    changes = {"n_neighbors": 25, "min_dist": 0.0}
    assert asked == [("umap2", changes, 1997), ("umap30", changes, 1997)]
    assert [str(score.method) for one in found for score in one.scores] == [
        f"{name} + {stage}, neighbours 25"
        for name in ("umap2", "umap30")
        for stage in ("k-means", "hdbscan")
    ]
