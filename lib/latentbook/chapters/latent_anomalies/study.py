"""Anomalies in conditioned latent spaces as a study: the questions of norlander2019.

`plan` lists the settings; `run` trains one of them and clusters its codes for every number of
clusters; `detect` searches a space with every detector, also for anomalies that are known.
`run_each` and `detect_each` do so for several, and keep each result before the next one begins.
Networks, clusterings, detectors and mass curves themselves are left to `autoencoders.variational`,
`clustering`, `anomaly` and `mass_curves`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from latentbook import anomaly, mass_curves
from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies.clusterings import (
    CRITERIA,
    STARTS,
    Curves,
    cluster_curves,
    clustering_metrics,
)
from latentbook.chapters.latent_anomalies.data import Task
from latentbook.chapters.latent_anomalies.pictures import pictures
from latentbook.chapters.latent_anomalies.spaces import Setting, Space, covariance_volume, train
from latentbook.errors import choose
from latentbook.planted import KnownAnomalies
from latentbook.study.result import Result, Score, as_records, keep

#: Question -> the changes of the settings that answer it.
#: 1/784 is the weight 1 of a reconstruction that is averaged over 784 pixels, not summed.
EXPERIMENTS: dict[str, list[dict[str, Any]]] = {
    "gamma": [{"gamma": g} for g in (0.1, 0.03, 0.01, 0.003, 0.001276, 0.000383)],
    "network": [{"network": "conv", "hidden": ()}],
    "likelihood": [{"likelihood": "gaussian"}],
    "means": [{"radius": r} for r in (0.0, 1.0, 6.0, 10.0)],
    "latent": [{"n_latent": d} for d in (3, 5, 8)],
    "contamination": [],  # no network of the plan: see `contamination`
}

#: Rows that the detectors of one space are fitted on at most, in all.
FIT_ROWS = 10_000

#: Detectors whose name in the records differs, because a clusterer has it too.
RECORDED = {"k-means": "distance to k-means"}

#: Detector whose most anomalous images are drawn, where it is among those asked for.
DRAWN = "local outlier factor"

#: Scores that need no detector: the two of the network itself.
OF_THE_MODEL = ("reconstruction error", "bound")


def plan(gamma: float, questions: Sequence[str] = (), **common: Any) -> list[Setting]:
    """Return the settings to run: VAE, CL-VAE, weighted CL-VAE and CVAE, then the questions'.

    Parameters
    ----------
    gamma
        Weight of the reconstruction in the weighted CL-VAE.
    questions
        Keys of `EXPERIMENTS`, whose changes are applied to the CL-VAE; those of ``network``,
        ``likelihood`` and ``latent`` also to the VAE and to the weighted CL-VAE.
    **common
        Fields of `Setting` that all share; ``beta`` only changes the weighted CL-VAE.
    """
    beta = common.pop("beta", 1.0)
    vae, conditioned, cvae = (Setting(m, **common) for m in ("vae", "cl-vae", "cvae"))
    weighted = replace(conditioned, gamma=gamma, beta=beta)
    settings = [vae, conditioned, weighted, cvae]
    which = {"gamma": [conditioned], "means": [conditioned, weighted]}
    for question in questions:
        for change in EXPERIMENTS[choose("experiment", question, EXPERIMENTS)]:
            for setting in which.get(question, [vae, conditioned, weighted]):
                settings.append(replace(setting, **change))
    return list(dict.fromkeys(settings))


# ---------------------------------------------------------------- spaces and their clusterings


@dataclass(frozen=True, kw_only=True)
class SpaceResult(Result):
    """A space with its scores: those of the training, and those of each clusterer.

    Attributes
    ----------
    space : Space
    curves : Curves
        Of the test rows.
    """

    space: Space
    curves: Curves

    def best_k(self, stage: str, beta: float = 1.0) -> int:
        """Return the number of clusters of the largest V-measure on the test rows."""
        values = self.curves.v_measure(self.space.labels("test"), stage, beta)
        return int(self.curves.ks[values.argmax()])


def run(
    task: Task,
    setting: Setting,
    *,
    random_state: int,
    epochs: int,
    patience: int,
    batch_size: int,
    k_max: int,
) -> SpaceResult:
    """Train the network of `setting`, and cluster its codes for every number of clusters.

    Parameters
    ----------
    task : Task
    setting : Setting
    random_state : int
        Of the network and of the clusterers.
    epochs, patience, batch_size : int
        See `training.fit`.
    k_max : int
        Largest number of clusters; fewer are tried where there are not more rows.

    Returns
    -------
    SpaceResult
        One score of the space itself, and one of each clusterer.
    """
    space = train(
        task.data,
        task.rows,
        setting,
        random_state=random_state,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
    )
    return clustered(space, k_max)


def clustered(space: Space, k_max: int) -> SpaceResult:
    """Return the result of a space that is trained, with the clusterings of its codes."""
    test, validation = (
        cluster_curves(z, min(k_max, len(z) - 1), random_state=space.random_state)
        for z in (space.z["test"], space.z["validation"])
    )
    scores = [_score(space, "", space.metrics)]
    for stage in CRITERIA:
        values = clustering_metrics(
            test, validation, space.labels("test"), space.labels("validation"), stage
        )
        scores.append(
            _score(
                space,
                stage,
                values | {"epochs": space.metrics["epochs"]},
                {"k_max": int(test.ks[-1]), "starts": STARTS},
                {"cluster": test.seconds + validation.seconds},
                "table 1",
            )
        )
    return SpaceResult(**_about(space), scores=scores, space=space, curves=test)


def _score(
    space: Space,
    learner: str,
    values: Mapping[str, float],
    params: Mapping[str, Any] | None = None,
    seconds: Mapping[str, float] | None = None,
    table: str | None = None,
) -> Score:
    return Score(
        space.method(learner),
        values,
        {**space.params, **(params or {}), "evaluated_on": "test"},
        {"represent": space.seconds, **(seconds or {})},
        source_table=table,
    )


def _about(space: Space) -> dict[str, Any]:
    """Return what every result of a space says of it."""
    return {
        "chapter": CHAPTER,
        "data": space.data,
        "random_state": space.random_state,
        "networks": space.terms is not None,
    }


# ---------------------------------------------------------------- detectors


@dataclass(frozen=True, kw_only=True)
class DetectionResult(Result):
    """What detectors, fitted on the codes of the training rows, say about the test rows.

    Attributes
    ----------
    space : Space
    detectors : dict
        Name -> fitted detector.
    normality : dict
        Name -> one number a test row, higher for more normal rows, no label seen.
    """

    space: Space
    detectors: dict[str, anomaly.Detector]
    normality: dict[str, np.ndarray]

    def metrics(self, learner: str) -> Mapping[str, float]:
        """Return the metrics of a detector, or of a score of the network itself, by name."""
        method = self.space.method(RECORDED.get(learner, learner))
        return next(score.metrics for score in self.scores if score.method == method)


def detect(
    space: Space,
    names: Sequence[str],
    known: Mapping[str, KnownAnomalies],
    *,
    share: float,
    planted: float,
    volume_samples: int,
) -> DetectionResult:
    """Fit detectors, rate them by EM and MV, and test them on known anomalies.

    Parameters
    ----------
    space : Space
    names : sequence of str
        Of `anomaly.NAMES`; those with one model a label get the classes.
    known : dict
        Kind -> anomalies, planted or recorded by the data.
    share : float
        Of the test rows that are called anomalous.
    planted : float
        Share of the test rows that were replaced, for the records.
    volume_samples : int
        Points that estimate volumes; no volume is estimated beyond 8 dimensions.
    """
    detectors, seconds = {}, {}
    values: dict[str, dict[str, float]] = {}
    for name in names:
        start = time.perf_counter()
        own = {"n_neighbors": _neighbours(space)} if name == _LOF_PER_CLUSTER else {}
        detectors[name] = _detector(name, space, **own)
        values[name] = _rate(detectors[name], space, volume_samples) | own
        seconds[name] = {"detect": time.perf_counter() - start}
    z_test, y_test = space.z["test"], space.labels("test")
    normality = {name: one.score_samples(z_test) for name, one in detectors.items()}
    for name, one in detectors.items():
        values[name] |= share_by_class(y_test, normality[name], share)
        values[name] |= _own_threshold(one, z_test)
    for kind, anomalies in known.items():
        z, y = _with_anomalies(space, anomalies)
        for name, one in detectors.items():
            values[name] |= ranking_power(one.score_samples(z), anomalies, kind)
            if one.per_label:
                own_label = one.score_samples(z, y)
                values[name] |= ranking_power(own_label, anomalies, f"{kind}_own_label")
    values |= _model_power(space, known)
    epochs = {"epochs": space.metrics["epochs"]} if "epochs" in space.metrics else {}
    fitted = {"share": share, "volume_samples": volume_samples}
    scores = [
        _score(
            space,
            RECORDED.get(name, name),
            scored | epochs,
            {"planted": planted} | (fitted if name in detectors else {}),
            seconds.get(name),
            "table 2",
        )
        for name, scored in values.items()
    ]
    return DetectionResult(
        **_about(space), scores=scores, space=space, detectors=detectors, normality=normality
    )


_LOF_PER_CLUSTER = f"local outlier factor{anomaly.PER_CLUSTER}"


def _detector(name: str, space: Space, **params: Any) -> anomaly.Detector:
    """Return an unfitted detector that takes at most `FIT_ROWS` rows in all."""
    made = anomaly.detector(name, random_state=space.random_state, **params)
    models = len(space.data.classes) if made.per_label else 1
    return made.set_params(n_fit=max(2, FIT_ROWS // models))


def _neighbours(space: Space) -> int:
    """Return the neighbours that LOF looks at in each class: fewer where a class has no more."""
    usual = int(anomaly.SETTINGS["local outlier factor"]["n_neighbors"])
    counts = np.bincount(space.labels("fit"))
    return min(usual, int(counts[counts > 0].min()) - 1)


def _rate(one: anomaly.Detector, space: Space, volume_samples: int) -> dict[str, float]:
    """Fit `one`, and return EM and MV of its score; not beyond 8 dimensions."""
    z_fit, z_test, labels = space.z["fit"], space.z["test"], space.labels("fit")
    if z_fit.shape[1] > mass_curves.DIRECT_DIMENSIONS:
        one.fit(z_fit, labels)
        return {}
    areas = mass_curves.rate(
        {one.name: one},
        z_fit,
        z_test,
        labels=labels,
        n=volume_samples,
        random_state=space.random_state,
        quasi=True,
    )[one.name]
    return {
        "excess_mass_1e3": 1e3 * areas.em,
        "excess_mass_1e3_error": 1e3 * areas.em_error,
        "mass_volume": areas.mv,
        "mass_volume_error": areas.mv_error,
        "spread": covariance_volume(z_test),
    }


def share_by_class(y: np.ndarray, scores: np.ndarray, share: float) -> dict[str, float]:
    """Return what figure 4 shows: how anomalies are distributed over the classes.

    Returns
    -------
    dict
        ``anomalies_of_c``, their number in class c; ``anomaly_share_rmse_percent``, the root mean
        square difference between the shares of the classes among the anomalies and among all
        rows, in per cent; ``..._by_chance``, what as many rows drawn at random would get.
    """
    counts = np.bincount(y)
    marked = np.bincount(y[anomaly.anomalies(scores, share)], minlength=len(counts))
    n, m = counts.sum(), marked.sum()
    true = counts / n
    chance = true * (1 - true) / max(m, 1) * (n - m) / max(n - 1, 1)  # without replacement
    difference = marked / max(m, 1) - true
    return {
        "anomaly_share_rmse_percent": 100 * float(np.sqrt((difference**2).mean())),
        "anomaly_share_rmse_percent_by_chance": 100 * float(np.sqrt(chance.mean())),
    } | {f"anomalies_of_{c}": float(count) for c, count in enumerate(marked)}


def _own_threshold(one: anomaly.Detector, z: np.ndarray) -> dict[str, float]:
    """Return the share of rows that scikit-learn's own threshold calls anomalous."""
    if one.per_label or not one.has_threshold:
        return {}
    return {"share_by_own_threshold": float((one.predict(z) == -1).mean())}


def ranking_power(scores: np.ndarray, anomalies: KnownAnomalies, kind: str) -> dict[str, float]:
    """Return ROC AUC and average precision of finding the anomalies, as ``auc_<kind>``, ``ap_...``.

    Parameters
    ----------
    scores : vector of length n_test
        Higher for more normal rows, with those of the anomalies in their places.
    anomalies : KnownAnomalies
    kind : str
    """
    truth = np.zeros(len(scores), dtype=bool)
    truth[anomalies.where] = True
    truth, scores = (np.delete(values, anomalies.ignored) for values in (truth, scores))
    return {
        f"auc_{kind}": float(roc_auc_score(truth, -scores)),
        f"ap_{kind}": float(average_precision_score(truth, -scores)),
    }


def _with_anomalies(space: Space, anomalies: KnownAnomalies) -> tuple[np.ndarray, np.ndarray]:
    """Return codes and labels of the test rows, with the anomalies in their places."""
    z, y = space.z["test"].copy(), space.labels("test").copy()
    z[anomalies.where] = space.encode(anomalies.x, anomalies.y)
    y[anomalies.where] = anomalies.y
    return z, y


def _model_power(space: Space, known: Mapping[str, KnownAnomalies]) -> dict[str, dict[str, float]]:
    """Return the power of the network's own scores, for which nothing is fitted."""
    if space.terms is None:
        return {}
    test = space.rows.test
    before = space.terms(space.data.x[test], space.data.y[test])
    values: dict[str, dict[str, float]] = {name: {} for name in OF_THE_MODEL}
    for kind, anomalies in known.items():
        after = space.terms(anomalies.x, anomalies.y)
        terms = {name: term.copy() for name, term in before.items()}
        for name, term in after.items():
            terms[name][anomalies.where] = term
        error = terms["reconstruction"]
        for name, term in zip(OF_THE_MODEL, (error, error + terms["kl"]), strict=True):
            values[name] |= ranking_power(-term, anomalies, kind)
    return values


# ---------------------------------------------------------------- one after the other, each kept


def run_each(
    task: Task, settings: Iterable[Setting], profile: str, **options: Any
) -> Iterator[SpaceResult]:
    """Yield the result of every setting, kept before the next one begins.

    Parameters
    ----------
    task : Task
        Scores of a reader's own table are not kept: it is no part of the study.
    settings : iterable of Setting
    profile : str
        For the records.
    **options
        As in `run`.
    """
    for setting in settings:
        result = run(task, setting, **options)
        if not task.own:
            keep(result, profile)
        yield result


def detect_each(
    task: Task,
    results: Sequence[SpaceResult],
    names: Sequence[str],
    known: Mapping[str, KnownAnomalies],
    profile: str,
    *,
    baseline: Space,
    share: float,
    whole: bool = True,
    **options: Any,
) -> Iterator[DetectionResult]:
    """Yield the detections in every space and in the baseline, kept before the next ones begin.

    Parameters
    ----------
    task : Task
        Scores of a reader's own table are not kept: it is no part of the study.
    results : sequence of SpaceResult
        Whose spaces are searched; their arrays for the figures are kept together, those of each
        space with those of the spaces before it.
    names : sequence of str
    known : dict
    profile : str
        For the records.
    baseline : Space
        A space that no network has shaped; it has no pictures.
    share : float
    whole : bool, default=True
        Whether the run took the data whole; see `study.result.keep`.
    **options
        As in `detect`.
    """
    arrays: dict[str, np.ndarray] = {}
    curves: dict[str, Curves | None] = {one.space.title: one.curves for one in results}
    for space in [*(one.space for one in results), baseline]:
        result = detect(space, names, known, share=share, **options)
        curve = curves.get(space.title)
        if curve is not None:
            values = result.normality[DRAWN if DRAWN in names else names[0]]
            arrays |= pictures(space, curve, values, share=share, before=arrays)
            result = replace(result, arrays=dict(arrays))
        if not task.own:
            keep(result, profile, whole=whole)
        yield result


def rows(results: Iterable[Result], profile: str) -> pd.DataFrame:
    """Return the records of results, written or not, for the tables of this run."""
    return pd.DataFrame([row for result in results for row in as_records(result, profile)])
