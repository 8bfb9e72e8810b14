"""Deep clustering as a study: DCEC under named settings, each run with its record and arrays.

The algorithm is in `dcec`; here are the questions of fernandez2020, section 13.1.2, as changes of
its settings, and what is kept of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import keras
import numpy as np

from latentbook import cache, clustering, embed, metrics, sampling
from latentbook.chapters.deep_clustering import CHAPTER
from latentbook.datasets import Dataset
from latentbook.dcec import DCEC
from latentbook.errors import LatentbookError, choose
from latentbook.study import records

Setting = dict[str, Any]

#: What guo2017dcec fixes; the settings below change one value of it.
REFERENCE: Setting = {
    "gamma": 0.1,
    "alpha": 1.0,
    "init": "k-means",
    "architecture": "cae10-guo",
    "trained_on": "all",
}
#: Epochs of pretraining in guo2017dcec; the quick profile takes fewer.
REFERENCE_EPOCHS = 200
#: Question -> the changes of the chosen setting that answer it.
EXPERIMENTS: dict[str, list[Setting]] = {
    "gamma": [{"gamma": g} for g in (0.01, 0.03, 0.3, 1.0, 3.0, 10.0)],
    "init": [{"init": "mixture"}],
    "alpha": [{"alpha": a} for a in (0.5, 2.0, 3.0, 5.0, 10.0)],
    "pretraining": [{"pretraining_epochs": e} for e in (1, 2, 5, 10, 20, 50, 100)],
    "generalisation": [{"trained_on": "train"}],
    "architecture": [{"architecture": "cae10-guo-deep"}, {"architecture": "cae10-guo-noise"}],
}
#: Shares of the images, most confident first, at which accuracy is recorded.
SHARES = (0.5, 0.8, 0.9)


@dataclass(frozen=True)
class Run:
    """A fitted DCEC with the images it was trained on.

    Attributes
    ----------
    setting : dict
        Parameters of `DCEC`; ``trained_on``: ``all`` or ``train``; and ``chosen``: the setting
        without the experiment's change.
    data : Dataset
        All images, also those it was not trained on.
    """

    model: DCEC
    data: Dataset
    setting: Setting
    seed: int

    @property
    def method(self) -> str:
        """Name of the method in the records: what differs from the reference, but gamma."""
        usual = {**REFERENCE, "pretraining_epochs": REFERENCE_EPOCHS}
        epochs = self.setting["pretraining_epochs"]
        changed = {
            "init": "{init} start",
            "alpha": "alpha {alpha:g}",
            "pretraining_epochs": f"{epochs} epoch{'s' if epochs > 1 else ''}",
            "trained_on": "trained on {trained_on}",
            "architecture": "{architecture}",
        }
        remarks = [
            text.format(**self.setting)
            for name, text in changed.items()
            if self.setting[name] != usual[name]
        ]
        return ", ".join(["dcec", *remarks])

    @property
    def reference(self) -> bool:
        """Whether the setting is that of guo2017dcec, apart from lengths."""
        return all(self.setting[name] == value for name, value in REFERENCE.items())

    @property
    def unchanged(self) -> bool:
        """Whether this is the chosen setting itself, and no experiment."""
        own = {name: value for name, value in self.setting.items() if name != "chosen"}
        return own == self.setting["chosen"]

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """Part of the images -> positions: ``all``, or ``train`` and ``test``."""
        rows = np.arange(len(self.data))
        if self.setting["trained_on"] == "all":
            return {"all": rows}
        n_train = training_size(self.data)
        return {"train": rows[:n_train], "test": rows[n_train:]}


def training_size(data: Dataset) -> int:
    """Return the size of the published training split, four fifths where there is none."""
    return data.n_train or len(data) * 4 // 5


def plan(questions: list[str], chosen: Mapping[str, Any]) -> list[Setting]:
    """Return the settings to run: the chosen one, and those of each question.

    Sorted by pretraining, because a longer one goes on from a shorter. A change that is none, and
    pretraining that would not be shorter, are left out.
    """
    base = {"trained_on": "all", **chosen}
    if base.get("weights") and (
        own := {"pretraining", "generalisation", "architecture"} & set(questions)
    ):
        raise LatentbookError(
            f"the experiment {sorted(own)[0]} pretrains networks of its own: leave weights empty"
        )
    settings = [{**base, "chosen": base}]
    for question in questions:
        for change in EXPERIMENTS[choose("experiment", question, EXPERIMENTS)]:
            shorter = change.get("pretraining_epochs", 0) < base["pretraining_epochs"]
            if shorter and {**base, **change} != base:
                settings.append({**base, **change, "chosen": base})
    return sorted(settings, key=lambda s: s["pretraining_epochs"])


def run(data: Dataset, setting: Setting, *, seed: int) -> Run:
    """Train DCEC on `data` under `setting`, or load it from the cache."""
    params = {k: v for k, v in setting.items() if k not in ("trained_on", "chosen")}
    model = DCEC(seed=seed, **params)
    n = len(data) if setting["trained_on"] == "all" else training_size(data)
    model.fit(data.x[:n], data.y[:n])
    return Run(model, data, setting, seed)


def accuracy_by_coverage(y: np.ndarray, q: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the accuracy over the most confident share of the images, for each share.

    Clusters are matched with classes once, over all images.

    Parameters
    ----------
    y : vector of length n
    q : array of shape (n, n_clusters)
        Soft assignments; their maximum is the confidence.
    shares : vector of shares in (0, 1]
    """
    labels = q.argmax(axis=1)
    match = metrics.matching(y, labels)
    correct = y == np.array([match.get(int(c), metrics.NOISE) for c in range(q.shape[1])])[labels]
    mean = np.cumsum(correct[np.argsort(-q.max(axis=1), kind="stable")]) / np.arange(1, len(y) + 1)
    return mean[np.maximum(1, np.round(shares * len(y)).astype(int)) - 1]


def make_records(result: Run, profile: str) -> list[dict[str, Any]]:
    """Return one record for each part of the images."""
    return [_record(result, part, positions, profile) for part, positions in result.parts.items()]


def _record(result: Run, part: str, positions: np.ndarray, profile: str) -> dict[str, Any]:
    model, data, setting = result.model, result.data, result.setting
    x, y = data.x[positions], data.y[positions]
    q = model.predict_proba(x)
    labels, history = q.argmax(axis=1), model.history_
    scores = metrics.clustering_scores(y, labels)
    scores["silhouette"] = metrics.silhouette(x.reshape(len(x), -1), labels)
    curve = accuracy_by_coverage(y, q, np.array(SHARES))
    scores |= {f"acc_at_{share:.0%}"[:-1]: a for share, a in zip(SHARES, curve, strict=True)}
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
    if part == "all" and data.n_train:  # what a run on the training images alone is compared with
        for name, rows in {"train": slice(data.n_train), "test": slice(data.n_train, None)}.items():
            scores[f"acc_{name}"] = metrics.accuracy(y[rows], labels[rows])
    if part != "test":  # the start knows only the images it was trained on
        start = metrics.clustering_scores(y, model.initial_labels_)
        scores |= {f"{name}_start": start[name] for name in ("acc", "nmi", "ari")}
    params = {k: v for k, v in setting.items() if k not in ("chosen", "n_clusters", "weights")}
    return records.make(
        CHAPTER,
        data,
        result.method,
        scores,
        seed=result.seed,
        profile=profile,
        params=params | _loaded(result) | {"k": model.n_clusters, "evaluated_on": part},
        seconds={
            "pretrain": sum(model.pretraining_["seconds"]),
            "cluster": sum(history["seconds"]),
        },
        source_table="table 13.1" if (result.method, part) == ("dcec", "all") else None,
        backend=f"{keras.backend.backend()}, keras {version('keras')}",
    )


def _loaded(result: Run) -> dict[str, str]:
    """Return the parameter that tells a run from loaded weights from one that pretrained itself."""
    given = result.setting.get("weights")
    return {"weights": result.model.weights_digest_[:12]} if given else {}


def start_records(result: Run, profile: str) -> list[dict[str, Any]]:
    """Return the records of two-stage clustering on the codes before the joint training.

    The codes come from an autoencoder that saw all images; the parts are those that table 13.1
    may mean by "(no test)", each clustered alone.
    """
    model, data = result.model, result.data
    z, made = model.initial_embedding_, []
    rows = np.arange(len(data))
    parts = {"all": rows}
    if data.n_train:
        parts |= {"train": rows[: data.n_train], "test": rows[data.n_train :]}
    for stage in ("k-means", "mixture"):
        for part, positions in parts.items():
            found = clustering.cluster(
                z[positions], stage, n_clusters=model.n_clusters, seed=result.seed
            )
            scores = metrics.clustering_scores(data.y[positions], found.arrays["labels"])
            made.append(
                records.make(
                    CHAPTER,
                    data,
                    f"{model.architecture} + {stage}",
                    scores,
                    seed=result.seed,
                    profile=profile,
                    params=_loaded(result)
                    | {
                        "max_epochs": model.pretraining_epochs,
                        "k": model.n_clusters,
                        "trained_on": "all",
                        "evaluated_on": part,
                    },
                    seconds={
                        "represent": sum(model.pretraining_["seconds"]),
                        "cluster": found.seconds,
                    },
                    source_table="table 13.1",
                    backend=f"{keras.backend.backend()}, keras {version('keras')}",
                )
            )
    return made


def umap_and_mixture(result: Run, profile: str) -> dict[str, Any]:
    """Return the record of UMAP to two dimensions and a Gaussian mixture, on the codes of a run."""
    data, model = result.data, result.model
    picture = embed.embed(model.transform(data.x), "umap2", seed=result.seed)
    found = clustering.cluster(
        picture.arrays["embedding"], "mixture", n_clusters=model.n_clusters, seed=result.seed
    )
    before = sum(model.pretraining_["seconds"]) + sum(model.history_["seconds"])
    return records.make(
        CHAPTER,
        data,
        f"{result.method} + umap2 + mixture",
        metrics.clustering_scores(data.y, found.arrays["labels"]),
        seed=result.seed,
        profile=profile,
        params=_loaded(result)
        | {
            "gamma": result.setting["gamma"],
            "k": model.n_clusters,
            "pretraining_epochs": result.setting["pretraining_epochs"],
            "evaluated_on": "all",
        },
        seconds={"represent": before + picture.seconds, "cluster": found.seconds},
        backend=f"{keras.backend.backend()}, keras {version('keras')}",
    )


def key(result: Run) -> str:
    """Name the arrays of a run in the file of its data set."""
    network = _loaded(result).get("weights", "")[:4]
    name = f"{result.method}, gamma {result.setting['gamma']:g}, seed {result.seed}"
    return f"{name}, network {network}" if network else name


def arrays(result: Run) -> dict[str, np.ndarray]:
    """Return what full-scale figures need of any run: labels of 10,000 images, and the history."""
    data, rows = result.data, sampling.subsample(len(result.data))
    q = result.model.predict_proba(data.x)
    history = np.array(
        [[np.nan if v is None else v for v in result.model.history_[name]] for name in HISTORY]
    )
    shares = np.arange(1, 101) / 100
    return {
        "index": rows.astype(np.int32),
        "classes": data.y[rows].astype(np.int8),
        f"labels {key(result)}": q.argmax(axis=1)[rows].astype(np.int8),
        f"history {key(result)}": history.astype(np.float32),
        f"coverage {key(result)}": accuracy_by_coverage(data.y, q, shares).astype(np.float32),
    }


def partitions(result: Run, n: int = 100) -> np.ndarray:
    """Return what each of `n` single starts of k-means finds on the codes before joint training.

    DCEC takes the best of twenty starts. How close the others come says how much that choice
    means.

    Returns
    -------
    array of shape (2, n), float32
        By which share the sum of squares within the clusters exceeds the least of all, and the
        clustering accuracy.
    """
    from tqdm import tqdm

    model, z = result.model, result.model.initial_embedding_
    y = result.data.y[: len(z)]

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


#: Rows of the array ``history ...`` that `arrays` returns.
HISTORY = (
    "iteration",
    "loss",
    "clustering_loss",
    "reconstruction_loss",
    "changed",
    "acc",
    "nmi",
    "ari",
)
