"""Anomalies in conditioned latent spaces as a study: the questions of norlander2019, with records.

A setting names a network and its loss; training it gives a `Space`, which is clustered for every
number of clusters and searched by every detector, also for anomalies that were planted.
Networks, clusterings, detectors and mass curves themselves are left to `autoencoders.variational`,
`clustering`, `anomaly` and `mass_curves`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score, roc_auc_score, v_measure_score

from latentbook import anomaly, cache, clustering, mass_curves, metrics, tabular
from latentbook.autoencoders import variational
from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies.data import Anomalies, Split
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.study import records
from latentbook.tabular import Table

#: Question -> the changes of the settings that answer it.
#: 1/784 is the weight 1 of a reconstruction that is averaged over 784 pixels, not summed.
EXPERIMENTS: dict[str, list[dict[str, Any]]] = {
    "gamma": [{"gamma": g} for g in (0.1, 0.03, 0.01, 0.003, 0.001276, 0.000383)],
    "network": [{"network": "conv", "hidden": ()}],
    "likelihood": [{"likelihood": "gaussian"}],
    "means": [{"radius": r} for r in (0.0, 1.0, 6.0, 10.0)],
    "latent": [{"n_latent": d} for d in (3, 5, 8)],
}

#: Rows that the detectors of one space are fitted on at most, in all.
FIT_ROWS = 10_000

#: Codes that clusterers are fitted on at most; the others are assigned to the clusters found.
CLUSTERED_ROWS = 10_000

#: Starts of each Gaussian mixture and of each k-means, the best of which counts.
STARTS = 3

#: Second stage -> what chooses its number of clusters without labels.
CRITERIA = {"k-means": "silhouette", "mixture": "bic"}

#: Detectors whose name in the records differs, because a clusterer has it too.
RECORDED = {"k-means": "distance to k-means"}

#: Scores that need no detector: the two of the network itself.
OF_THE_MODEL = ("reconstruction error", "bound")


@dataclass(frozen=True)
class Setting:
    """A network and its loss.

    Attributes
    ----------
    model
        ``vae``, ``cl-vae`` or ``cvae``.
    radius
        Of the circle (in two dimensions) that the class means of a CL-VAE start on.
    likelihood
        ``bernoulli``, ``gaussian``, or ``auto`` for what suits the data: the first for values in
        [0, 1], the second for others.
    gamma, beta, n_latent, network, hidden
        See `autoencoders.variational.Design`.
    """

    model: str
    gamma: float = 1.0
    beta: float = 1.0
    n_latent: int = 2
    network: str = "dense"
    likelihood: str = "auto"
    radius: float = variational.PRIOR_RADIUS
    hidden: tuple[int, ...] = ()

    @property
    def _remarks(self) -> list[str]:
        remarks = [name for name in (self.network, self.likelihood) if name not in _DEFAULT_NAMES]
        remarks += [f"beta {self.beta:g}"] if self.beta != 1 else []
        remarks += [f"radius {self.radius:g}"] if self.radius != variational.PRIOR_RADIUS else []
        return remarks

    @property
    def name(self) -> str:
        """Name in the records: what differs from the paper's own settings, but gamma."""
        odd = [f"gamma {self.gamma:g}"] if self.gamma != 1 and self.model != "cl-vae" else []
        return ", ".join([f"{self.model}{self.n_latent}", *odd, *self._remarks])

    @property
    def title(self) -> str:
        """Name in figures."""
        gamma = [f"γ = {self.gamma:g}"] if self.gamma != 1 or self.model == "cl-vae" else []
        return ", ".join([self.model.upper(), *gamma, *self._remarks])


_DEFAULT_NAMES = ("dense", "auto")


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


@dataclass(frozen=True)
class Space:
    """A latent space: codes of every part of the data, and what made them.

    Attributes
    ----------
    name, title : str
        In records, and in figures.
    z : dict
        Part of the rows (``fit``, ``validation``, ``test``) -> codes of shape (n, n_latent).
    encode : function of rows and labels that returns codes
    terms : function of rows and labels, or None
        Returns the terms of the loss by row (`Variational.terms`).
    reconstruct : function of rows and labels, or None
    means : array of shape (n_classes, n_latent), or of one row
        Of the priors.
    """

    name: str
    title: str
    data: Dataset
    rows: Split
    z: dict[str, np.ndarray]
    encode: Callable[[np.ndarray, np.ndarray], np.ndarray]
    seed: int
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    terms: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]] | None = None
    reconstruct: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    means: np.ndarray | None = None
    backend: str | None = None

    def labels(self, part: str) -> np.ndarray:
        """Return the classes of a part of the rows."""
        return self.data.y[getattr(self.rows, part)]


def train(
    data: Dataset,
    rows: Split,
    setting: Setting,
    *,
    seed: int,
    epochs: int,
    patience: int,
    batch_size: int,
) -> Space:
    """Train the network of `setting`, or go on with it, and encode all rows.

    Raises
    ------
    LatentbookError
        As `variational.trained`.
    """
    import keras

    named, setting = setting, replace(setting, likelihood=_likelihood(setting, data))
    design = {k: v for k, v in asdict(setting).items() if k not in ("model", "radius")}
    start = None
    if setting.model == "cl-vae" and setting.radius != variational.PRIOR_RADIUS:
        circle = variational.starting_means(len(data.classes), setting.n_latent, seed)
        start = setting.radius / variational.PRIOR_RADIUS * circle
    parts = {part: (data.x[where], data.y[where]) for part, where in vars(rows).items()}
    model, history = variational.trained(
        setting.model,
        *parts["fit"],
        *parts["validation"],
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        initial_means=start,
        seed=seed,
        progress=False,
        **design,
    )
    codes = model.encode(data.x, data.y)
    z = {part: codes[where] for part, where in vars(rows).items()}
    terms = model.terms(*parts["test"], seed=seed)
    own = {"max_epochs": epochs, "patience": patience, "batch_size": batch_size}
    return Space(
        named.name,
        named.title,
        data,
        rows,
        z,
        model.encode,
        seed,
        {k: v for k, v in asdict(setting).items() if k != "model"} | own,
        {
            "epochs": len(history["loss"]),
            "parameters": model.model.count_params(),
            "loss_validation": history["val_loss"][-1],
            "reconstruction": float(terms["reconstruction"].mean()),
            "kl": float(terms["kl"].mean()),
            "spread": spread(z["test"]),
            **_by_nearest_mean(z["test"], data.y[rows.test], model.prior_means),
        },
        sum(history["seconds"]),
        lambda x, y: model.terms(x, y, seed=seed),
        model.reconstruct,
        model.prior_means,
        f"{keras.backend.backend()}, keras {version('keras')}",
    )


def _likelihood(setting: Setting, data: Dataset) -> str:
    if setting.likelihood != "auto":
        return setting.likelihood
    return "bernoulli" if data.x.min() >= 0 and data.x.max() <= 1 else "gaussian"


def _by_nearest_mean(z: np.ndarray, y: np.ndarray, means: np.ndarray) -> dict[str, float]:
    """Score the classes that the CL-VAE's own priors give: no clustering, no k to choose."""
    if len(means) < 2:
        return {}
    nearest = ((z[:, None] - means[None]) ** 2).sum(axis=2).argmin(axis=1)
    return {
        "v_measure_nearest_mean": v_measure_score(y, nearest),
        "acc_nearest_mean": float((nearest == y).mean()),
    }


def principal_components(data: Dataset, rows: Split, n: int, *, seed: int) -> Space:
    """Return the space of the first `n` principal components (or of all, where there are fewer)."""
    n = min(n, data.flat.shape[1], len(rows.fit))
    start = time.perf_counter()
    model = PCA(n, random_state=seed).fit(data.flat[rows.fit])

    def encode(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return model.transform(x.reshape(len(x), -1))

    z = {part: model.transform(data.flat[where]) for part, where in vars(rows).items()}
    seconds = time.perf_counter() - start
    return Space(f"pca{n}", f"PCA, {n} components", data, rows, z, encode, seed, seconds=seconds)


def spread(z: np.ndarray) -> float:
    """Return the root of the determinant of the covariance: the unit of volume of a space.

    Volumes (MV) divided by it, and EM multiplied by it, no longer change when the space is
    stretched.
    """
    return float(np.sqrt(np.linalg.det(np.atleast_2d(np.cov(z.T.astype(np.float64))))))


@dataclass(frozen=True)
class Curves:
    """Clusterings of one set of codes for every number of clusters.

    Attributes
    ----------
    ks : vector of numbers of clusters
    labels : dict
        Second stage -> array of shape (number of ks, n_samples).
    criteria : dict
        ``silhouette`` of k-means (higher is better) and minus the ``bic`` of the mixture, so that
        the largest value is chosen of both.
    """

    ks: np.ndarray
    labels: dict[str, np.ndarray]
    criteria: dict[str, np.ndarray]
    seconds: float

    def v_measure(self, y: np.ndarray, stage: str, beta: float = 1.0) -> np.ndarray:
        """Return the V-measure against the classes `y`, for every number of clusters.

        A `beta` above 1 favours completeness, one below 1 homogeneity (section 2.1).
        """
        check_between("beta", beta, 0, 1e6)
        return np.array([v_measure_score(y, labels, beta=beta) for labels in self.labels[stage]])


def cluster_curves(z: np.ndarray, k_max: int, *, seed: int) -> Curves:
    """Cluster `z` into 2 .. k_max clusters by k-means and by a Gaussian mixture, or load that.

    Raises
    ------
    LatentbookError
        If there are not more rows than `k_max`.
    """
    check_between("k_max", k_max, 2, len(z) - 1)
    ks = np.arange(2, k_max + 1)
    z = z.astype(np.float64)
    fitted = z
    if len(z) > CLUSTERED_ROWS:
        fitted = z[np.random.default_rng(seed).choice(len(z), CLUSTERED_ROWS, replace=False)]

    def compute() -> dict[str, np.ndarray]:
        found: dict[str, list[Any]] = {"k-means": [], "mixture": [], "silhouette": [], "bic": []}
        for k in map(int, ks):
            means = clustering.clusterer("k-means", n_clusters=k, seed=seed, n_init=STARTS)
            mixture = clustering.clusterer("mixture", n_clusters=k, seed=seed, n_init=STARTS)
            found["k-means"].append(means.fit(fitted).predict(z).astype(np.int16))
            found["mixture"].append(mixture.fit(fitted).predict(z).astype(np.int16))
            found["silhouette"].append(
                metrics.silhouette(z, found["k-means"][-1], n=3000, seed=seed)
            )
            found["bic"].append(-mixture.bic(fitted))
        return {name: np.array(values) for name, values in found.items()}

    key = {"z": cache.digest(z), "k_max": k_max, "seed": seed, "starts": STARTS}
    key |= {"library": f"scikit-learn {version('scikit-learn')}"}
    result = cache.load_or_compute("cluster-curves", key, compute)
    pick = result.arrays.__getitem__
    return Curves(
        ks,
        {stage: pick(stage) for stage in CRITERIA},
        {name: pick(name) for name in CRITERIA.values()},
        result.seconds,
    )


def clustering_metrics(
    test: Curves, validation: Curves, y_test: np.ndarray, y_validation: np.ndarray, stage: str
) -> dict[str, float]:
    """Return the V-measures of one second stage, under every way to choose k.

    Returns
    -------
    dict
        ``v_measure`` at ``n_clusters``: the largest over all k on the *test* rows, which is the
        paper's rule and needs their classes; the same with ``_by_validation`` (k chosen by the
        classes of the validation rows) and ``_by_silhouette`` or ``_by_bic`` (no classes);
        ``v_measure_at_k`` for every k.
    """
    curve, ks = test.v_measure(y_test, stage), test.ks
    criterion = CRITERIA[stage]
    best = int(curve.argmax())
    found = {"v_measure": curve[best], "n_clusters": ks[best]}
    for name, values in {
        "validation": validation.v_measure(y_validation, stage),
        criterion: test.criteria[criterion],
    }.items():
        chosen = int(np.nanargmax(values))
        found |= {f"k_by_{name}": ks[chosen], f"v_measure_by_{name}": curve[chosen]}
    found |= {f"v_measure_at_{k}": v for k, v in zip(ks, curve, strict=True)}
    return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True)
class Detection:
    """What detectors, fitted on the codes of the training rows, say about the test rows.

    Attributes
    ----------
    detectors : dict
        Name -> fitted detector.
    scores : dict
        Name -> one score a test row, higher for more normal rows, no label seen.
    metrics : dict
        Name -> metrics for the record.
    """

    space: Space
    detectors: dict[str, anomaly.Detector]
    scores: dict[str, np.ndarray]
    metrics: dict[str, dict[str, float]]
    seconds: dict[str, float]


def detect(
    space: Space,
    names: Sequence[str],
    known: dict[str, Anomalies],
    *,
    share: float,
    volume_samples: int,
) -> Detection:
    """Fit detectors, rate them by EM and MV, and test them on planted anomalies.

    Parameters
    ----------
    names
        Of `anomaly.NAMES`; those with one model a label get the classes.
    known
        Kind -> anomalies, planted or recorded by the data.
    share
        Of the test rows that are called anomalous.
    volume_samples
        Points that estimate volumes; no volume is estimated beyond 8 dimensions.
    """
    z_test, y_test = space.z["test"], space.labels("test")
    n_classes = len(space.data.classes)
    detectors, seconds = {}, {}
    found: dict[str, dict[str, float]] = {}
    for name in names:
        start = time.perf_counter()
        single = not name.endswith(anomaly.PER_CLUSTER) and name not in ("class mean", "percentile")
        n_fit = FIT_ROWS if single else max(2, FIT_ROWS // n_classes)
        own = {"n_neighbors": _neighbours(space)} if name == _LOF_PER_CLUSTER else {}
        detectors[name] = anomaly.detector(name, seed=space.seed, n_fit=n_fit, **own)
        found[name] = _rate(detectors[name], space, volume_samples) | own
        seconds[name] = time.perf_counter() - start
    scores = {name: one.score(z_test) for name, one in detectors.items()}
    for name, one in detectors.items():
        found[name] |= share_by_class(y_test, scores[name], share) | _own_threshold(one, z_test)
    for kind, anomalies in known.items():
        z, y = z_test.copy(), y_test.copy()
        z[anomalies.where] = space.encode(anomalies.x, anomalies.y)
        y[anomalies.where] = anomalies.y
        for name, one in detectors.items():
            found[name] |= _ranked(one.score(z), anomalies, kind)
            if one.per_label:
                found[name] |= _ranked(one.score(z, y), anomalies, f"{kind}_own_label")
    found |= _model_power(space, known)
    return Detection(space, detectors, scores, found, seconds)


_LOF_PER_CLUSTER = f"local outlier factor{anomaly.PER_CLUSTER}"


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
        seed=space.seed,
        quasi=True,
    )[one.name]
    return {
        "excess_mass_1e3": 1e3 * areas.em,
        "excess_mass_1e3_error": 1e3 * areas.em_error,
        "mass_volume": areas.mv,
        "mass_volume_error": areas.mv_error,
        "spread": spread(z_test),
    }


def share_by_class(y: np.ndarray, scores: np.ndarray, share: float) -> dict[str, float]:
    """Return what figure 4 shows: how anomalies spread over the classes.

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
    model: Any = one.models_.get(None)
    model = getattr(model, "svm", model)
    if not hasattr(model, "predict"):
        return {}
    return {"share_by_own_threshold": float((model.predict(z.astype(np.float64)) == -1).mean())}


def _ranked(scores: np.ndarray, anomalies: Anomalies, kind: str) -> dict[str, float]:
    """Return ROC AUC and average precision of finding the anomalies."""
    truth = np.zeros(len(scores), dtype=bool)
    truth[anomalies.where] = True
    truth, scores = (np.delete(values, anomalies.ignored) for values in (truth, scores))
    return {
        f"auc_{kind}": float(roc_auc_score(truth, -scores)),
        f"ap_{kind}": float(average_precision_score(truth, -scores)),
    }


def _model_power(space: Space, known: dict[str, Anomalies]) -> dict[str, dict[str, float]]:
    """Return the power of the network's own scores, for which nothing is fitted."""
    if space.terms is None:
        return {}
    test = space.rows.test
    before = space.terms(space.data.x[test], space.data.y[test])
    found: dict[str, dict[str, float]] = {name: {} for name in OF_THE_MODEL}
    for kind, anomalies in known.items():
        after = space.terms(anomalies.x, anomalies.y)
        terms = {name: values.copy() for name, values in before.items()}
        for name, values in after.items():
            terms[name][anomalies.where] = values
        error = terms["reconstruction"]
        for name, values in zip(OF_THE_MODEL, (error, error + terms["kl"]), strict=True):
            found[name] |= _ranked(-values, anomalies, kind)
    return found


def ranking(space: Space, table: Table) -> pd.DataFrame:
    """Rank all rows of a table by the bound of the network, and say what is odd in each.

    The score is the bound on log p(x|y) for the row's own class: low for a row that is strange
    altogether, and for one that is strange for its class.

    Returns
    -------
    DataFrame
        As from `tabular.reasons`; ``part`` says whether the network has learned from the row.
    """
    if space.terms is None or space.reconstruct is None:
        raise LatentbookError(f"{space.title} is no network: rank by a VAE, a CL-VAE or a CVAE")
    x, y = space.data.x, space.data.y
    terms, z = space.terms(x, y), space.encode(x, y)
    means = space.means
    if means is None or len(means) < 2:
        means = np.stack([z[y == c].mean(axis=0) for c in range(len(space.data.classes))])
    found = tabular.reasons(
        table,
        np.arange(len(x)),
        scores=-(terms["reconstruction"] + terms["kl"]),
        z=z,
        means=means,
        reconstruction=space.reconstruct(x, y),
    )
    part = {
        row: name for name, where in vars(space.rows).items() for row in space.data.index[where]
    }
    found.insert(3, "part", found["row"].map(part))
    return found


def space_records(
    space: Space, test: Curves, validation: Curves, profile: str
) -> list[dict[str, Any]]:
    """Return the record of the space itself, and one of each second stage."""
    made = [_record(space, space.name, space.metrics, profile, {})]
    for stage in CRITERIA:
        scores = clustering_metrics(
            test, validation, space.labels("test"), space.labels("validation"), stage
        )
        scores |= {"epochs": space.metrics["epochs"]}
        method, k_max = f"{space.name} + {stage}", int(test.ks[-1])
        seconds = {"cluster": test.seconds + validation.seconds}
        made.append(
            _record(space, method, scores, profile, seconds, "table 1", k_max=k_max, starts=STARTS)
        )
    return made


def detection_records(
    found: Detection, profile: str, *, share: float, planted: float, volume_samples: int
) -> list[dict[str, Any]]:
    """Return one record a detector, and one of each score of the network itself."""
    space, made = found.space, []
    epochs = {"epochs": space.metrics["epochs"]} if "epochs" in space.metrics else {}
    for name, scores in found.metrics.items():
        own: dict[str, Any] = {"planted": planted}
        if name in found.detectors:
            own |= {"share": share, "volume_samples": volume_samples}
        seconds = {"detect": found.seconds[name]} if name in found.seconds else {}
        method = f"{space.name} + {RECORDED.get(name, name)}"
        made.append(_record(space, method, scores | epochs, profile, seconds, "table 2", **own))
    return made


def _record(
    space: Space,
    method: str,
    scores: dict[str, float],
    profile: str,
    seconds: dict[str, float],
    table: str | None = None,
    **params: Any,
) -> dict[str, Any]:
    return records.make(
        CHAPTER,
        space.data,
        method,
        scores,
        seed=space.seed,
        profile=profile,
        params=space.params | params | {"evaluated_on": "test"},
        seconds={"represent": space.seconds} | seconds,
        source_table=table,
        backend=space.backend,
    )
