"""Representations before a neutral judge: scores on test windows alone, by variables not clustered.

The records say ``evaluated_on: test``. Each is compared with k-means on the raw windows of the same
seed, on the same test windows, by a bootstrap of blocks of two weeks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from latentbook import metrics, sampling
from latentbook.chapters.weather_patterns import CHAPTER
from latentbook.chapters.weather_patterns.study import Setting
from latentbook.study.method import Method
from latentbook.study.result import Result, Score
from latentbook.weather import codes, joined, judge, patterns
from latentbook.weather.dataset import Weather

#: Test windows that the slower scores look at, at most.
POINTS = 600


def run(
    weather: Weather,
    setting: Setting,
    unseen: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    random_state: int,
    about: Mapping[str, Any] | None = None,
) -> Result:
    """Represent the windows, cluster their codes, and judge the clusters on test windows.

    Parameters
    ----------
    weather : Weather
    setting : Setting
        What represents the windows.
    unseen : mapping
        Name -> times and fields, as `judge.unseen` returns them.
    random_state : int
        Of the representation and of k-means.
    about : mapping, optional
        Further entries of the record's parameters.

    Returns
    -------
    Result
        One score; in the arrays the labels of all windows, and the losses of training.
    """
    represented = codes.represent(weather, setting.representation, setting.design, random_state)
    k = setting.design.k
    clusters = patterns.fit(represented.codes, weather.training, k, random_state)
    reference = patterns.fit(weather.points, weather.training, k, random_state)
    scores = judge.scores(weather, clusters.labels, reference.labels, unseen)
    rows = np.flatnonzero(weather.testing)
    rows = rows[sampling.subsample(len(rows), POINTS)]
    z = represented.codes[rows]
    scores |= patterns.season_accuracy(z, weather.times[rows])
    neighbours = int(min(15, (len(rows) - 1) / 2))
    scores |= metrics.structure_preservation(
        weather.points[rows], z, n_neighbors=neighbours, n=POINTS
    )
    params = represented.params | {"k": k} | weather.params | {"evaluated_on": "test"}
    params |= about or {}
    label = label_of(represented.name, params, random_state)
    tested = weather.testing
    times = weather.times[tested] - joined.moved(weather)
    arrays = {
        "index": times.astype("datetime64[h]").astype(np.int64),
        f"labels {label}": clusters.labels[tested].astype(np.int8),
    }
    if represented.losses.size:
        arrays[f"losses {label}"] = represented.losses
        scores["epochs"] = represented.losses.shape[1]
    return Result(
        CHAPTER,
        weather,
        random_state,
        [
            Score(
                Method(represented.name, "k-means"),
                scores | represented.scores,
                params,
                {"represent": represented.seconds},
            )
        ],
        arrays,
        use="judged",
        one_file=True,
        networks="setting" in represented.params,
    )


def label_of(name: str, params: Mapping[str, Any], seed: int) -> str:
    """Return under which name a run keeps its arrays."""
    parts = [name]
    if "setting" in params:
        parts.append(f"{params['n_codes']} codes")
    parts += [f"{params[key]:g} years" for key in ("years",) if key in params]
    return ", ".join([*parts, f"seed {seed}"])
