"""The weather patterns chapter as a study: windows -> codes -> clusters -> scores, and arrays.

Codes come from `weather.codes`, clusters and their scores from `weather.patterns`.
`run` returns the result of one representation; `study.result.keep` writes it down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from latentbook import embed, metrics, paths, sampling
from latentbook.chapters.weather_patterns import CHAPTER, SHOWN
from latentbook.study.method import Method
from latentbook.study.result import Result, Score
from latentbook.weather import codes, judge, maps, patterns, patterns_file
from latentbook.weather.codes import Design, Representation
from latentbook.weather.dataset import Weather

#: Windows that the slower scores look at, at most.
POINTS = 2000


@dataclass(frozen=True)
class Setting:
    """One representation of the windows, whose codes are clustered.

    Attributes
    ----------
    representation : str
        One of `codes.REPRESENTATIONS`.
    design : Design
        How its network is built and trained; `design.k` clusters are made of the codes.
    """

    representation: str
    design: Design


def plan(representations: Sequence[str], design: Design) -> list[Setting]:
    """Return one setting for each representation, in the order given."""
    return [Setting(name, design) for name in representations]


def run(
    weather: Weather,
    setting: Setting,
    *,
    random_state: int,
    types: pd.Series | None = None,
    unseen: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> Result:
    """Represent the windows, cluster their codes, and score both.

    Parameters
    ----------
    weather : Weather
        The windows.
    setting : Setting
        What represents them.
    random_state : int
        Of the representation and of k-means.
    types : Series, optional
        The catalogue that the clusters are compared with, as `patterns.catalogue` returns it.
    unseen : mapping, optional
        Variables that judge the clusters on test windows: name -> times and fields, as
        `judge.unseen` returns them.

    Returns
    -------
    Result
        One score; labels of all windows; for random state 0 also descriptors, an embedding of
        the codes and reconstructions, of which one file of arrays holds only one set.
    """
    represented = codes.represent(weather, setting.representation, setting.design, random_state)
    clusters = patterns.fit(represented.codes, weather.training, setting.design.k, random_state)
    arrays = _labels(weather, represented, clusters, random_state)
    if random_state == 0:
        arrays |= _pictures(weather, represented, clusters, random_state)
    return Result(
        CHAPTER,
        weather,
        random_state,
        [_score(weather, represented, clusters, random_state, types, unseen or {})],
        arrays,
        one_file=True,
        networks="setting" in represented.params,
    )


def write(
    out: str, weather: Weather, names: Sequence[str], design: Design, *, random_state: int
) -> None:
    """Write labels, composites and centres of all representations to a netCDF file.

    Networks and clusters are those that `run` left in the cache.

    Parameters
    ----------
    out : str
        Path; a relative one is seen from the folder of the project.
    weather : Weather
    names : sequence of str
        Of `codes.REPRESENTATIONS`.
    design : Design
    random_state : int
    """
    found = {}
    for name in names:
        represented = codes.represent(weather, name, design, random_state)
        clusters = patterns.fit(represented.codes, weather.training, design.k, random_state)
        near = patterns.nearest_to_centres(represented.codes, clusters, weather.training, 1)
        found[represented.name] = patterns_file.Found(clusters.labels, near[:, 0])
    path = paths.root() / Path(out).expanduser()
    patterns_file.write(path, weather, found)
    print(f"labels, composites and centres are in {path}")


def _score(
    weather: Weather,
    represented: Representation,
    clusters: patterns.Patterns,
    random_state: int,
    types: pd.Series | None,
    unseen: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> Score:
    """Score one clustering of the windows.

    Metrics: Calinski-Harabasz index and silhouette in the space of the codes and (``_raw``) in
    that of the fields; persistence; how well the season can be read out of the codes; how well
    distances between windows survive in the codes; reconstruction; with the catalogue `types`, the
    agreement with it; and what `judge.scores` says of the unseen variables.
    """
    rows = sampling.subsample(len(weather), POINTS)
    raw, z, labels = weather.points[rows], represented.codes[rows], clusters.labels[rows]
    # distances of thousands of numbers cost most here: those of the fields are computed once
    apart = weather.distances(POINTS)
    z_apart = apart if represented.codes is weather.points else metrics.distances(z)
    scores = patterns.internal_scores(z, labels, seed=random_state, distances=z_apart)
    in_fields = patterns.internal_scores(raw, labels, seed=random_state, distances=apart)
    scores |= {f"{name}_raw": value for name, value in in_fields.items()}
    scores |= patterns.persistence(clusters.labels, weather.times)
    scores |= patterns.season_accuracy(z, weather.times[rows])
    neighbours = int(min(15, (len(rows) - 1) / 2))
    scores |= metrics.structure_preservation(
        raw, z, n_neighbors=neighbours, n=POINTS, x_distances=apart, z_distances=z_apart
    )
    if types is not None:
        agreement = patterns.catalogue_agreement(clusters.labels, weather.times, types)
        scores |= {f"catalogue_{name}": value for name, value in agreement.items()}
    if unseen:
        judged = judge.scores(weather, clusters.labels, clusters.labels, unseen)
        scores |= {name: value for name, value in judged.items() if name.startswith("explained")}
        index = judge.tested_index(weather, clusters.labels)
        scores["calinski_harabasz_test"] = index
    return Score(
        Method(represented.name, "k-means"),
        scores | represented.scores | {"n_clusters": len(np.unique(clusters.labels))},
        represented.params | {"k": len(clusters)} | weather.params,
        {"represent": represented.seconds},
    )


def _labels(
    weather: Weather, represented: Representation, clusters: patterns.Patterns, random_state: int
) -> dict[str, np.ndarray]:
    """Return the times of the windows, the map, the clusters of all windows, and losses."""
    run = f"{represented.name}, seed {random_state}"
    arrays = {
        "index": weather.times.astype("datetime64[h]").astype(np.int64),
        "box": maps.edges_of(weather.grid),
        f"labels {run}": clusters.labels.astype(np.int8),
    }
    return arrays | ({f"losses {run}": represented.losses} if represented.losses.size else {})


def _pictures(
    weather: Weather, represented: Representation, clusters: patterns.Patterns, random_state: int
) -> dict[str, np.ndarray]:
    """Return the first field of each descriptor in metres, t-SNE of the codes, reconstructions."""
    near = patterns.nearest_to_centres(represented.codes, clusters, weather.training, 1)[:, 0]
    fields = weather.main.unscale(weather.main[near][:, 0])[..., 0]
    rows = sampling.subsample(len(weather), SHOWN)
    points = embed.embed(
        represented.codes[rows],
        "tsne2",
        seed=random_state,
        perplexity=float(min(25, (len(rows) - 1) // 3)),
        learning_rate=max(len(rows) / 12, 50.0),
    ).arrays["embedding"]
    name, examples = represented.name, np.clip(represented.examples, 0, 1)
    return {
        f"descriptors {name}": np.round(fields).astype(np.int16),
        f"tsne {name}": points.astype(np.float16),
        f"examples {name}": np.round(255 * examples).astype(np.uint8),
    }
