"""Clusters of weather as a study: what is recorded of one clustering of the windows.

Codes come from `weather.codes`, clusters and their scores from `weather.patterns`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from latentbook import metrics, sampling
from latentbook.chapters.weather_patterns import CHAPTER
from latentbook.study import records
from latentbook.weather import patterns
from latentbook.weather.codes import (
    POINTS,
    Representation,
    Weather,
    backend,
    method_name,
    windows_of,
)


def make_record(
    weather: Weather,
    made: Representation,
    found: patterns.Patterns,
    *,
    seed: int,
    profile: str,
    types: Any = None,
) -> dict[str, Any]:
    """Return the record of one clustering of the windows.

    Metrics: Calinski-Harabasz index and silhouette in the space of the codes and (``_raw``) in
    that of the fields; persistence; how well the codes tell the season; how well distances
    between windows survive in the codes; reconstruction; and, with the catalogue `types`, the
    agreement with it.
    """
    rows = sampling.subsample(len(weather), POINTS)
    raw, codes, labels = weather.points[rows], made.codes[rows], found.labels[rows]
    scores = patterns.internal_scores(codes, labels, seed=seed)
    in_fields = patterns.internal_scores(raw, labels, seed=seed)
    scores |= {f"{name}_raw": value for name, value in in_fields.items()}
    scores |= patterns.persistence(found.labels, weather.times)
    scores |= patterns.season_accuracy(codes, weather.times[rows])
    neighbours = int(min(15, (len(rows) - 1) / 2))
    scores |= metrics.structure_preservation(raw, codes, n_neighbors=neighbours, n=POINTS)
    if types is not None:
        agreed = patterns.catalogue_agreement(found.labels, weather.times, types)
        scores |= {f"catalogue_{name}": value for name, value in agreed.items()}
    return records.make(
        CHAPTER,
        weather,
        method_name(made),
        scores | made.scores | {"n_clusters": len(np.unique(found.labels))},
        seed=seed,
        profile=profile,
        params=made.params | {"k": len(found), **windows_of(weather)},
        seconds={"represent": made.seconds},
        backend=backend() if made.params.get("setting") else None,
    )
