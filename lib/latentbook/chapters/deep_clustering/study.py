"""Deep clustering as a study: DCEC under named settings, and what is kept of each run.

The algorithm is in `dcec`. Here are the questions of fernandez2020, section 13.1.2, as changes of
its parameters.
Tables and figures are left to `tables` and `figures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.base import clone

from latentbook import cache, clustering, embed, metrics, plots, sampling
from latentbook.chapters.deep_clustering import (
    CHAPTER,
    HISTORY,
    REFERENCE,
    REFERENCE_EPOCHS,
    run_name,
)
from latentbook.datasets import Dataset
from latentbook.dcec import DCEC
from latentbook.errors import LatentbookError, choose
from latentbook.study.method import Method
from latentbook.study.result import Result, Score

#: Question -> the changes of the chosen setting that answer it.
EXPERIMENTS: dict[str, list[dict[str, Any]]] = {
    "gamma": [{"gamma": g} for g in (0.01, 0.03, 0.3, 1.0, 3.0, 10.0)],
    "init": [{"init": "mixture"}],
    "alpha": [{"alpha": a} for a in (0.5, 2.0, 3.0, 5.0, 10.0)],
    "pretraining": [{"pretraining_epochs": e} for e in (1, 2, 5, 10, 20, 50, 100)],
    "generalisation": [{"trained_on": "train"}],
    "architecture": [{"architecture": "cae10-guo-deep"}, {"architecture": "cae10-guo-noise"}],
}
#: Questions about the chosen setting: two-stage clustering of the codes before the joint
#: training, and UMAP with a mixture on those after it.
STAGES = ("start", "umap")
#: Parameters of `DCEC` that its records state.
STATED = (
    "architecture",
    "pretraining_epochs",
    "gamma",
    "alpha",
    "init",
    "batch_size",
    "update_interval",
    "tol",
    "max_iterations",
)
#: Shares of the images, most confident first, at which accuracy is recorded.
SHARES = (0.5, 0.8, 0.9)


@dataclass(frozen=True)
class Setting:
    """What one run is about.

    Attributes
    ----------
    estimator : DCEC
        Its parameters; it is not fitted.
    trained_on : str
        ``all`` images, or those of the ``train`` part.
    question : str
        What the run answers: empty for the chosen setting itself, otherwise a key of
        `EXPERIMENTS` or one of `STAGES`.
    """

    estimator: DCEC
    trained_on: str = "all"
    question: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """Parameters as the records state them."""
        params = self.estimator.get_params()
        return {"trained_on": self.trained_on} | {name: params[name] for name in STATED}

    @property
    def method(self) -> Method:
        """Name of the method in the records: what differs from the reference, except gamma."""
        values, usual = self.values, {**REFERENCE, "pretraining_epochs": REFERENCE_EPOCHS}
        epochs = values["pretraining_epochs"]
        words = {
            "init": f"{values['init']} start",
            "alpha": f"alpha {values['alpha']:g}",
            "pretraining_epochs": f"{epochs} epoch{'s' if epochs > 1 else ''}",
            "trained_on": f"trained on {self.trained_on}",
            "architecture": values["architecture"],
        }
        changes = [text for name, text in words.items() if values[name] != usual[name]]
        return Method("dcec", change=", ".join(changes))

    @property
    def faithful(self) -> bool:
        """Whether the setting is that of the reference, apart from the lengths of training."""
        values = self.values
        return all(values[name] == value for name, value in REFERENCE.items())

    def changed(self, question: str, **change: Any) -> Setting:
        """Return this setting with some values changed."""
        trained_on = change.pop("trained_on", self.trained_on)
        return Setting(clone(self.estimator).set_params(**change), trained_on, question)


def plan(questions: Iterable[str], estimator: DCEC) -> list[Setting]:
    """Return the settings to run: that of `estimator`, and those of each question.

    Sorted by epochs of pretraining, because a longer pretraining goes on from a shorter one; what
    only looks at the chosen run comes last. A change to the value that is chosen already is left
    out, and so is a pretraining that would not be shorter.

    Raises
    ------
    LatentbookError
        For an unknown question, and for one that pretrains networks of its own where weights are
        given.
    """
    questions = list(questions)
    chosen = Setting(clone(estimator))
    own = sorted({"pretraining", "generalisation", "architecture"} & set(questions))
    if own and estimator.weights:
        raise LatentbookError(
            f"the experiment {own[0]} pretrains networks of its own: leave weights empty"
        )
    settings = [chosen]
    for question in questions:
        choose("experiment", question, [*EXPERIMENTS, *STAGES])
        for change in EXPERIMENTS.get(question, []):
            shorter = change.get("pretraining_epochs", 0) < estimator.pretraining_epochs
            if shorter and change.items() - chosen.values.items():
                settings.append(chosen.changed(question, **change))
    settings.sort(key=lambda setting: setting.values["pretraining_epochs"])
    return settings + [chosen.changed(stage) for stage in STAGES if stage in questions]


def run(data: Dataset, setting: Setting, *, random_state: int) -> Result:
    """Run one setting, from the cache where that was done before.

    Parameters
    ----------
    data : Dataset
        All images, also those that the setting does not train on.
    setting : Setting
        One of `plan`.
    random_state : int
        Of the network, of k-means and of the mixture.
    """
    model = clone(setting.estimator).set_params(random_state=random_state)
    if setting.question == "start":
        return _result(data, model, _scores_of_start(data, model))
    n = _n_trained(data, setting)
    model.fit(data.x[:n], data.y[:n])
    if setting.question == "umap":
        return _result(data, model, [_score_of_umap(data, setting, model)])
    q = model.predict_proba(data.x)
    scores = [_score(data, setting, model, q, part) for part in _parts(data, setting)]
    return _result(data, model, scores, _arrays(data, _name(setting, model), model, q))


def _result(
    data: Dataset,
    model: DCEC,
    scores: list[Score],
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Result:
    return Result(
        CHAPTER, data, model.random_state, scores, arrays or {}, one_file=True, networks=True
    )


def _n_trained(data: Dataset, setting: Setting) -> int:
    if setting.trained_on == "all":
        return len(data)
    return len(sampling.split(len(data), data.n_train)[0])


def _parts(data: Dataset, setting: Setting) -> dict[str, np.ndarray]:
    """Return the parts that are scored, with their rows: ``all``, or ``train`` and ``test``."""
    if setting.trained_on == "all":
        return {"all": np.arange(len(data))}
    return dict(zip(("train", "test"), sampling.split(len(data), data.n_train), strict=True))


def _loaded(model: DCEC) -> dict[str, str]:
    """Return the parameter of a record that names the network that was loaded, if one was."""
    return {"weights": model.weights_digest_[:12]} if model.weights else {}


def _name(setting: Setting, model: DCEC) -> str:
    network = _loaded(model).get("weights", "")[:4]
    return run_name(str(setting.method), model.gamma, model.random_state, network)


# ---------------------------------------------------------------- scores


def accuracy_by_coverage(y: np.ndarray, q: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the accuracy over the most confident share of the images, for each share.

    Clusters are matched with classes once, over all images.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Classes.
    q : ndarray of shape (n_samples, n_clusters)
        Soft assignments. The confidence of an image is its largest one.
    shares : ndarray
        Shares in (0, 1].
    """
    labels = q.argmax(axis=1)
    match = metrics.matching(y, labels)
    classes = np.array([match.get(int(c), metrics.NOISE) for c in range(q.shape[1])])
    correct = (y == classes[labels])[np.argsort(-q.max(axis=1), kind="stable")]
    mean = np.cumsum(correct) / np.arange(1, len(y) + 1)
    return mean[np.maximum(1, np.round(shares * len(y)).astype(int)) - 1]


def _score(data: Dataset, setting: Setting, model: DCEC, q: np.ndarray, part: str) -> Score:
    rows = _parts(data, setting)[part]
    x, y, q = data.x[rows], data.y[rows], q[rows]
    labels, history = q.argmax(axis=1), model.history_
    scores = metrics.clustering_scores(y, labels)
    scores["silhouette"] = metrics.silhouette(x.reshape(len(x), -1), labels)
    curve = accuracy_by_coverage(y, q, np.array(SHARES))
    scores |= {f"acc_at_{100 * s:.0f}": a for s, a in zip(SHARES, curve, strict=True)}
    scores |= {
        "confidence": q.max(axis=1).mean(),
        "iterations": history["iteration"][-1],
        "converged": model.converged_,
        "empty_clusters": history["empty_clusters"][-1],
    }
    for name in ("loss", "clustering_loss", "reconstruction_loss"):
        scores[name] = history[name][-1]
    if model.pretraining_["loss"]:
        scores["pretraining_loss"] = model.pretraining_["loss"][-1]
    if part == "all" and data.n_train:  # to compare with a run on the training images alone
        for name, half in {"train": slice(data.n_train), "test": slice(data.n_train, None)}.items():
            scores[f"acc_{name}"] = metrics.accuracy(y[half], labels[half])
    if part != "test":  # the start knows only the images it was trained on
        start = metrics.clustering_scores(y, model.initial_labels_)
        scores |= {f"{name}_start": start[name] for name in ("acc", "nmi", "ari")}
    return Score(
        setting.method,
        scores,
        setting.values | _loaded(model) | {"k": model.n_clusters, "evaluated_on": part},
        {"pretrain": sum(model.pretraining_["seconds"]), "cluster": sum(history["seconds"])},
        source_table="table 13.1" if (str(setting.method), part) == ("dcec", "all") else None,
    )


def _scores_of_start(data: Dataset, model: DCEC) -> list[Score]:
    """Score two-stage clustering of the codes before the joint training.

    The autoencoder has seen all images. Each part is clustered alone, because table 13.1 may mean
    any of them by "(no test)".
    """
    autoencoder, history = model.pretrained(data.x)
    z = autoencoder.encode(data.x)
    parts = {"all": np.arange(len(data))}
    if data.n_train:
        train, test = sampling.split(len(data), data.n_train)
        parts |= {"train": train, "test": test}
    scores = []
    for stage in ("k-means", "mixture"):
        for part, rows in parts.items():
            clusters = clustering.cluster(
                z[rows], stage, n_clusters=model.n_clusters, seed=model.random_state
            )
            scores.append(
                Score(
                    Method(model.architecture, stage),
                    metrics.clustering_scores(data.y[rows], clusters.arrays["labels"]),
                    _loaded(model)
                    | {
                        "max_epochs": model.pretraining_epochs,
                        "k": model.n_clusters,
                        "trained_on": "all",
                        "evaluated_on": part,
                    },
                    {"represent": sum(history["seconds"]), "cluster": clusters.seconds},
                    source_table="table 13.1",
                )
            )
    return scores


def _score_of_umap(data: Dataset, setting: Setting, model: DCEC) -> Score:
    """Score UMAP to two dimensions and a Gaussian mixture, on the codes of a fitted model."""
    seed = model.random_state
    reduced = embed.embed(model.transform(data.x), "umap2", seed=seed)
    clusters = clustering.cluster(
        reduced.arrays["embedding"], "mixture", n_clusters=model.n_clusters, seed=seed
    )
    before = sum(model.pretraining_["seconds"]) + sum(model.history_["seconds"])
    return Score(
        Method(f"{setting.method} + umap2", "mixture"),
        metrics.clustering_scores(data.y, clusters.arrays["labels"]),
        _loaded(model)
        | {
            "gamma": model.gamma,
            "k": model.n_clusters,
            "pretraining_epochs": model.pretraining_epochs,
            "evaluated_on": "all",
        },
        {"represent": before + reduced.seconds, "cluster": clusters.seconds},
    )


# ---------------------------------------------------------------- arrays for figures


def curves(model: DCEC) -> np.ndarray:
    """Return what `HISTORY` lists of a fitted model, one row a quantity, one column an update."""
    rows = [[np.nan if v is None else v for v in model.history_[name]] for name in HISTORY]
    return np.array(rows).astype(np.float32)


def _arrays(data: Dataset, name: str, model: DCEC, q: np.ndarray) -> dict[str, np.ndarray]:
    """Return what figures need of any run: labels of 10,000 images, history, coverage."""
    rows = sampling.subsample(len(data))
    coverage = accuracy_by_coverage(data.y, q, np.arange(1, 101) / 100)
    return _index(data) | {
        "classes": data.y[rows].astype(np.int8),
        f"labels {name}": q.argmax(axis=1)[rows].astype(np.int8),
        f"history {name}": curves(model),
        f"coverage {name}": coverage.astype(np.float32),
    }


def _index(data: Dataset) -> dict[str, np.ndarray]:
    return {"index": sampling.subsample(len(data)).astype(np.int32)}


def partitions(data: Dataset, model: DCEC, n: int = 100) -> np.ndarray:
    """Return what single starts of k-means reach on the codes before the joint training.

    DCEC takes the best of twenty starts. How close the others come says how much that choice
    matters.

    Parameters
    ----------
    model : DCEC
        Fitted on the first images of `data`, or on all of them.
    n : int, default=100
        Number of starts.

    Returns
    -------
    ndarray of shape (2, n), float32
        Excess of the sum of squares within the clusters over the smallest of all, as a share of
        it; and the clustering accuracy.
    """
    from tqdm import tqdm

    z = model.initial_embedding_
    y = data.y[: len(z)]

    def compute() -> dict[str, np.ndarray]:
        squares, accuracies = [], []
        for seed in tqdm(range(n), unit="start", disable=not model.progress):
            one = clustering.clusterer("k-means", n_clusters=model.n_clusters, seed=seed, n_init=1)
            accuracies.append(metrics.accuracy(y, one.fit_predict(z)))
            squares.append(one.inertia_)
        excess = np.array(squares) / min(squares) - 1
        return {"starts": np.array([excess, accuracies], dtype=np.float32)}

    about = {
        "z": cache.digest(z),
        "y": cache.digest(y),
        "n_clusters": model.n_clusters,
        "n": n,
        "library": f"scikit-learn {version('scikit-learn')}",
    }
    return cache.load_or_compute("partitions", about, compute).arrays["starts"]


def pictures(
    data: Dataset, model: DCEC, *, points: int = 5000, examples: int = 4
) -> dict[str, np.ndarray]:
    """Return what the figures of one run show, in small types.

    Parameters
    ----------
    model : DCEC
        Fitted on all images of `data`.
    points : int, default=5000
        Images in the pictures by UMAP.
    examples : int, default=4
        Most confident images of each cluster, and as many of the least confident ones.

    Returns
    -------
    dict of ndarray
        ``umap_before``, ``umap_after``, ``umap_classes``, ``umap_labels``, ``examples``,
        ``originals``, ``reconstructed_before``, ``reconstructed_after``, ``confusion``.
    """
    z, q = model.transform(data.x), model.predict_proba(data.x)
    labels, confidence = q.argmax(axis=1), q.max(axis=1)
    rows = sampling.subsample(len(data), points)
    before, after = (
        embed.embed(codes[rows], "umap2 picture", seed=model.random_state).arrays["embedding"]
        for codes in (model.initial_embedding_, z)
    )
    members = [np.flatnonzero(labels == c) for c in range(model.n_clusters)]
    ordered = [rows[np.argsort(-confidence[rows])] for rows in members if len(rows) > 1]
    half = min([examples, *(len(rows) // 2 for rows in ordered)])
    shown = np.array([np.concatenate([rows[:half], rows[-half:]]) for rows in ordered])
    faces = np.unique(data.y, return_index=True)[1]
    pretrained, _ = model.pretrained(data.x)
    aligned = plots.aligned(data.y, labels)
    return {
        "umap_before": before.astype(np.float16),
        "umap_after": after.astype(np.float16),
        "umap_classes": data.y[rows].astype(np.int8),
        "umap_labels": aligned[rows].astype(np.int8),
        "examples": _bytes(data.x[shown]),
        "originals": _bytes(data.x[faces]),
        "reconstructed_before": _bytes(pretrained.reconstruct(data.x[faces])),
        "reconstructed_after": _bytes(model.autoencoder_.reconstruct(data.x[faces])),
        "confusion": _confusion(data.y, aligned, len(data.classes)),
    }


def figures_of(
    data: Dataset,
    model: DCEC,
    *,
    partitions: np.ndarray | None = None,
    pictures: Mapping[str, np.ndarray] | None = None,
) -> Result:
    """Return what the book keeps of the figures of one run, as a result without scores.

    Only a faithful run is kept, and pictures only of random state 0, because the names of the
    pictures do not say which run they show.
    """
    setting = Setting(model)
    arrays = dict(pictures or {}) if model.random_state == 0 else {}
    if partitions is not None:
        arrays[f"partitions {_name(setting, model)}"] = partitions
    if not arrays or not setting.faithful:
        return _result(data, model, [])
    return _result(data, model, [], _index(data) | arrays)


def _confusion(y: np.ndarray, aligned: np.ndarray, n_classes: int) -> np.ndarray:
    """Count images by class (row) and cluster, named by its class (column); some may be empty."""
    counts = np.zeros((n_classes, max(n_classes, aligned.max() + 1)), dtype=np.int32)
    np.add.at(counts, (y, aligned), 1)
    return counts


def _bytes(images: np.ndarray) -> np.ndarray:
    return np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
