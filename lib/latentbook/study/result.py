"""The result of a run of a chapter, and the one place that writes it down.

``study.run`` of every chapter returns a `Result`: scores of methods on one data set with one random
state, and small arrays for figures.
`keep` writes both at once. A run that is killed loses no more than its current setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from latentbook.study import figure_arrays, provenance, records
from latentbook.study.method import Method


@dataclass(frozen=True)
class Score:
    """Metrics of one method under one condition.

    Attributes
    ----------
    method : Method or str
        As the records name it.
    metrics : dict
        Plain numbers by name; NaN (a silhouette with one cluster) is left out.
    params : dict
        The condition: noise level, size of the code, number of labels, part of the samples that
        was scored. Also the settings that decide the time of training: epochs, rows.
    seconds : float or dict
        Wall time by stage, such as ``{"represent": 190.2, "cluster": 3.1}``; a plain number is the
        time of the stage ``fit``.
    coverage : float, default=1.0
        Share of the samples that were not called noise.
    source_table : str or None, default=None
        Table of the source that prints this number.
    network : str or None, default=None
        Digest of the weights of the network that was scored; the parameter ``weights`` where there
        is one.
    """

    method: Method | str
    metrics: Mapping[str, float]
    params: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | Mapping[str, float] = field(default_factory=dict)
    coverage: float = 1.0
    source_table: str | None = None
    network: str | None = None


@dataclass(frozen=True)
class Result:
    """Scores of one setting on one data set with one random state, and arrays for figures.

    Attributes
    ----------
    chapter : str
        Such as ``03-two-stage-clustering``.
    data : Dataset or Weather
        Any object with a name, a digest and a length.
    random_state : int
    scores : list of Score
    arrays : dict
        Kept as ``<number of the chapter>-<data set>.npz``; ``index`` holds the positions of the
        samples.
    use : str, default=""
        Use of an autoencoder (chapter 02), which is part of the name of the file.
    one_file : bool, default=False
        Whether one file holds the arrays of all random states; their names then differ.
    networks : bool, default=False
        Whether networks were trained, so that the records name the backend of Keras.
    """

    chapter: str
    data: records.Measured
    random_state: int
    scores: list[Score]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    use: str = ""
    one_file: bool = False
    networks: bool = False

    @property
    def file(self) -> str:
        """Name of the file of arrays, without suffix."""
        return arrays_name(self.chapter, self.data.name, self.use)


def arrays_name(chapter: str, dataset: str, use: str = "") -> str:
    """Return the name of a file of arrays, such as ``02-few-labels-mnist`` or ``03-usps``."""
    return "-".join(filter(None, [chapter[:2], use.replace(" ", "-"), dataset]))


def keep(result: Result, profile: str, *, whole: bool = True) -> list[dict[str, Any]]:
    """Write one record a score and the arrays for figures; return the records.

    Records of the full scale are added to those that are there, see `records.write`.

    Parameters
    ----------
    result : Result
        Of one setting.
    profile : str
        ``quick`` or ``paper``.
    whole : bool, default=True
        Whether the run used all data, and not a part that the reader asked for.

    Returns
    -------
    list of dict
    """
    written = as_records(result, profile)
    records.write(*written)
    if result.arrays:
        seed = 0 if result.one_file else result.random_state
        where = figure_arrays.folder(profile, seed, whole=whole)
        figure_arrays.save(
            result.file, {"index": np.array([len(result.data)])} | dict(result.arrays), where
        )
    return written


def as_records(result: Result, profile: str) -> list[dict[str, Any]]:
    """Return the records of a result without writing them, e.g. for data of the reader's own."""
    return [
        records.make(
            result.chapter,
            result.data,
            _spelling(score.method, result.use),
            score.metrics,
            seed=result.random_state,
            profile=profile,
            params=score.params,
            seconds=score.seconds if isinstance(score.seconds, Mapping) else {"fit": score.seconds},
            coverage=score.coverage,
            source_table=score.source_table,
            backend=provenance.backend() if result.networks else None,
            network=score.network or score.params.get("weights"),
        )
        for score in result.scores
    ]


def _spelling(method: Method | str, use: str) -> str:
    return str(replace(Method.parse(str(method)), use=use)) if use else str(method)


def kept(chapter: str, dataset: str, use: str = "") -> dict[str, np.ndarray]:
    """Return the arrays that a full-scale run kept for its figures; empty if it has not run."""
    return figure_arrays.full_scale(arrays_name(chapter, dataset, use))
