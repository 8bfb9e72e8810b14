"""Anomaly detectors on a latent space, behind one interface: fit, then score.

scikit-learn's detectors and those norlander2019 names in its discussion, globally or one per
cluster; PyOD's by name where PyOD is installed.
How good a score is without known anomalies is measured by `mass_curves`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM
from sklearn.utils import gen_batches

from latentbook.errors import LatentbookError, check_between, check_matrix, choose

#: Rows that a one-class SVM is fitted on: its cost grows with their square.
SVM_ROWS = 10_000

#: Rows that a class or cluster needs to get a detector of its own.
CLUSTER_ROWS = 5

PER_CLUSTER = " per cluster"


class Model(Protocol):
    """What a detector is made of: scikit-learn's outlier detectors are such models."""

    def fit(self, z: np.ndarray) -> Any:
        """Learn what is normal."""

    def score_samples(self, z: np.ndarray) -> np.ndarray:
        """Return one number a row, higher for more normal rows."""


class _DistanceToMean:
    """Minus the distance to the mean of the fitted rows."""

    def fit(self, z: np.ndarray) -> None:
        self.mean_ = z.mean(axis=0)

    def score_samples(self, z: np.ndarray) -> np.ndarray:
        return -np.linalg.norm(z - self.mean_, axis=1)


class _Percentile(_DistanceToMean):
    """Share of the fitted rows that lie at least as far from their mean."""

    def fit(self, z: np.ndarray) -> None:
        super().fit(z)
        self.sorted_ = np.sort(super().score_samples(z))

    def score_samples(self, z: np.ndarray) -> np.ndarray:
        nearer_or_equal = np.searchsorted(self.sorted_, super().score_samples(z), side="right")
        return nearer_or_equal / len(self.sorted_)


class _DistanceToCentre:
    """Minus the distance to the nearest centre of k-means."""

    def __init__(self, **params: Any) -> None:
        self.k_means = KMeans(**params)

    def fit(self, z: np.ndarray) -> None:
        check_between("n_clusters", self.k_means.n_clusters, 1, len(z))
        self.k_means.fit(z)

    def score_samples(self, z: np.ndarray) -> np.ndarray:
        return -self.k_means.transform(z).min(axis=1)


class _Neighbours(LocalOutlierFactor):
    """scikit-learn's, with an error where it would quietly take fewer neighbours."""

    def fit(self, z: np.ndarray) -> None:
        check_between("n_neighbors", self.n_neighbors, 1, len(z) - 1)
        super().fit(z)


class _OneClassSVM:
    """scikit-learn's with a Gaussian kernel, made independent of the origin and of the rows.

    ``gamma="scale"`` is one over the sum of the columns' variances. scikit-learn's takes the
    variance over all entries, so a cluster far from the origin gets far too wide a kernel.
    The score is the weighted mean of the kernel over the support vectors, between 0 and 1;
    scikit-learn's sum grows with the number of rows, so clusters could not be compared.
    """

    def __init__(self, gamma: float | str = "scale", **params: Any) -> None:
        self.svm = OneClassSVM(**params)
        self.gamma = gamma if gamma == "scale" else float(gamma)

    def fit(self, z: np.ndarray) -> None:
        spread = z.var(axis=0).sum()
        scale = 1 / spread if spread > 0 else 1.0
        self.gamma_ = scale if self.gamma == "scale" else float(self.gamma)
        self.svm.set_params(kernel="rbf", gamma=self.gamma_).fit(z)

    def score_samples(self, z: np.ndarray) -> np.ndarray:
        weights = self.svm.dual_coef_[0] / self.svm.dual_coef_.sum()
        kernel = partial(rbf_kernel, Y=self.svm.support_vectors_, gamma=self.gamma_)
        # in blocks: 3 times as fast as libsvm's own loop
        return np.concatenate([kernel(z[rows]) @ weights for rows in gen_batches(len(z), 500)])


class _PyOD:
    """A PyOD detector, whose scores are higher for more *abnormal* rows."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        try:
            models = importlib.import_module("pyod.models")
            files = [file.name for file in pkgutil.iter_modules(models.__path__)]
            # AutoEncoder lives in auto_encoder.py
            file = next((file for file in files if file.replace("_", "") == name.lower()), None)
            kind = getattr(importlib.import_module(f"pyod.models.{file}"), name)
        except (ImportError, AttributeError) as error:
            raise LatentbookError(_no_pyod(name, error)) from error
        self.model = kind(**params)

    def fit(self, z: np.ndarray) -> None:
        self.model.fit(z)

    def score_samples(self, z: np.ndarray) -> np.ndarray:
        return -self.model.decision_function(z)


def _no_pyod(name: str, error: Exception) -> str:
    """Say whether PyOD, one of its requirements, or the detector is missing."""
    missing = getattr(error, "name", None)
    if missing == "pyod":
        return f'pyod:{name} needs PyOD, which is not installed: pip install -e ".[anomaly]"'
    if missing and not missing.startswith("pyod"):
        return f"pyod:{name} needs {missing}, which is not installed: pip install {missing}"
    return f"PyOD has no detector {name!r}: write its class name, e.g. pyod:ECOD"


#: Settings that differ from scikit-learn's, or that a reader asks for.
SETTINGS: dict[str, dict[str, Any]] = {
    "isolation forest": {"n_estimators": 100},
    "local outlier factor": {"n_neighbors": 20},
    "one-class svm": {"gamma": "scale", "nu": 0.5},
    "k-means": {"n_clusters": 10, "n_init": 10},
    "class mean": {},
    "percentile": {},
}

#: Every detector but PyOD's; the last five fit one model per label.
NAMES = (
    "isolation forest",
    "local outlier factor",
    "one-class svm",
    "k-means",
    "class mean",
    "percentile",
    "isolation forest per cluster",
    "local outlier factor per cluster",
    "one-class svm per cluster",
)


def _model(name: str, seed: int, params: dict[str, Any]) -> Model:
    """Return an unfitted model; only the isolation forest and k-means are random."""
    if name.startswith("pyod:"):
        return _PyOD(name.removeprefix("pyod:"), params)
    makers: dict[str, Callable[..., Model]] = {
        "isolation forest": lambda **p: IsolationForest(random_state=seed, **p),
        "local outlier factor": lambda **p: _Neighbours(novelty=True, **p),
        "one-class svm": _OneClassSVM,
        "k-means": lambda **p: _DistanceToCentre(random_state=seed, **p),
        "class mean": _DistanceToMean,
        "percentile": _Percentile,
    }
    return makers[name](**SETTINGS[name] | params)


def detector(name: str, *, seed: int = 0, n_fit: int | None = None, **params: Any) -> Detector:
    """Return an unfitted detector.

    Parameters
    ----------
    name
        One of `NAMES`, or ``pyod:`` and the class name of a PyOD detector (``pyod:ECOD``), also
        with `` per cluster`` after it.
    seed
        Of the rows drawn where not all are fitted, of the forests and of k-means.
    n_fit
        Rows fitted at most (per cluster where there is one model per cluster); all by default,
        but 10,000 for a one-class SVM, whose cost is quadratic.
    params
        Those of the scikit-learn or PyOD class that differ from `SETTINGS`.

    Raises
    ------
    LatentbookError
        For an unknown name or parameter, or where PyOD is not installed.

    Notes
    -----
    The default ``nu=0.5`` of a one-class SVM puts half of the fitted rows below its own
    threshold by construction; `anomalies` sets the share instead.
    """
    single = name.removesuffix(PER_CLUSTER)
    if not single.startswith("pyod:"):
        choose("detector", name, NAMES)
    if n_fit is None and single == "one-class svm":
        n_fit = SVM_ROWS
    if n_fit is not None:
        check_between("n_fit", n_fit, 2, np.inf)
    try:
        _model(single, seed, params)
    except LatentbookError:
        raise
    except (TypeError, ValueError) as error:
        raise LatentbookError(f"bad parameters for {name}: {error}") from error
    return Detector(name, lambda: _model(single, seed, params), seed=seed, n_fit=n_fit)


class Detector:
    """One model of normality, or one per label; made by `detector`.

    Attributes
    ----------
    name : str
    per_label : bool
        Whether `fit` needs labels.
    models_ : dict
        Fitted models by label; by None where there is one for all.
    n_given_, n_fitted_ : int
        Rows given to `fit`, and rows of these that the models were fitted on.
    """

    def __init__(
        self, name: str, make: Callable[[], Model], *, seed: int, n_fit: int | None
    ) -> None:
        self.name = name
        self.per_label = name.endswith(PER_CLUSTER) or name in ("class mean", "percentile")
        self._make, self._seed, self._n_fit = make, seed, n_fit

    def fit(self, z: np.ndarray, labels: np.ndarray | None = None) -> Detector:
        """Fit on `z`, one model per label where the detector is per cluster.

        Parameters
        ----------
        z : array of shape (n_samples, n_features)
            Finite values.
        labels : vector of length n_samples, optional
            Classes or clusters; detectors that are not per cluster do not look at them.

        Raises
        ------
        LatentbookError
            For NaN, no rows or columns, missing or too short labels, a label with fewer than 5
            rows, fewer rows than neighbours, or a parameter out of its range.
        """
        _check(z)
        groups: dict[Any, np.ndarray] = {None: np.arange(len(z))}
        if self.per_label:
            groups = _groups(self._check_labels(z, labels))
        rng = np.random.default_rng(self._seed)
        self.models_: dict[Any, Model] = {}
        self.n_given_, self.n_fitted_, self._n_features = len(z), 0, z.shape[1]
        for label, rows in groups.items():
            if self._n_fit is not None and len(rows) > self._n_fit:
                rows = rng.choice(rows, self._n_fit, replace=False)
            self.models_[label] = self._make()
            self.n_fitted_ += len(rows)
            try:
                # float64: one-class SVM and k-means differ in the last digits otherwise
                self.models_[label].fit(z[rows].astype(np.float64))
            except LatentbookError:
                raise
            except ValueError as error:  # scikit-learn names the parameter and its range
                raise LatentbookError(f"{self.name}: {error}") from error
        return self

    def score(self, z: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return one score a row, higher for more normal rows.

        Parameters
        ----------
        z : array of shape (n_samples, n_features)
        labels : vector of length n_samples, optional
            For a detector per cluster: score each row by the model of its own label. Without
            labels the best score over all models counts: is the row normal for *any* label?

        Raises
        ------
        LatentbookError
            Before `fit`, for NaN, another number of features, or a label that `fit` did not see.

        Notes
        -----
        Rows that were fitted score a little too well: a local outlier factor finds each of them
        among its own neighbours. Score rows that were held out where that matters.
        Models of different clusters are compared by their scores as they are: in units of the
        space for distances, without units for all others of `NAMES`; whether a PyOD detector's
        scores can be compared is a matter of that detector.
        """
        if not hasattr(self, "models_"):
            raise LatentbookError(f"{self.name} has no scores yet: call fit first")
        _check(z)
        if z.shape[1] != self._n_features:
            raise LatentbookError(
                f"z has {z.shape[1]} columns, but {self.name} was fitted on {self._n_features}"
            )
        z = z.astype(np.float64)
        if not self.per_label or labels is None:
            scores = [model.score_samples(z) for model in self.models_.values()]
            return np.max(scores, axis=0)
        result = np.empty(len(z))
        for label, rows in _groups(self._check_labels(z, labels), smallest=1).items():
            if label not in self.models_:
                seen = ", ".join(map(str, self.models_))
                raise LatentbookError(f"label {label} was not in the labels fitted: {seen}")
            result[rows] = self.models_[label].score_samples(z[rows])
        return result

    @property
    def fitted_on(self) -> str:
        """A phrase for captions and logs: which rows the models were fitted on."""
        if self.n_fitted_ == self.n_given_:
            return f"all {self.n_given_:,} rows"
        return f"{self.n_fitted_:,} of {self.n_given_:,} rows, drawn at random"

    def _check_labels(self, z: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        if labels is None:
            raise LatentbookError(f"{self.name} fits one model per label: pass fit(z, labels)")
        labels = np.asarray(labels)
        if labels.shape != (len(z),):
            raise LatentbookError(f"z has {len(z)} rows, but labels has shape {labels.shape}")
        return labels


def _check(z: np.ndarray) -> None:
    check_matrix(z, "z")
    if 0 in z.shape:
        raise LatentbookError(f"z has shape {z.shape}: there must be rows and columns")


def _groups(labels: np.ndarray, smallest: int = CLUSTER_ROWS) -> dict[Any, np.ndarray]:
    """Return the rows of each label, in the order of the labels."""
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    few = counts.argmin()
    if counts[few] < smallest:
        raise LatentbookError(
            f"label {names[few]} has {counts[few]} rows, but a detector per cluster needs "
            f"{smallest} or more: merge or drop it"
        )
    return {name: np.flatnonzero(codes == i) for i, name in enumerate(names.tolist())}


def ranking(scores: np.ndarray) -> np.ndarray:
    """Return the rows from the most anomalous to the most normal; ties keep their order.

    Parameters
    ----------
    scores : vector of length n_samples
        Higher for more normal rows, as from `Detector.score`.
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or len(scores) == 0:
        raise LatentbookError(f"scores must be a non-empty vector, but has shape {scores.shape}")
    if np.isnan(scores).any():
        raise LatentbookError(f"scores holds NaN in {np.isnan(scores).sum()} of {len(scores)} rows")
    return np.argsort(scores, kind="stable")


def anomalies(scores: np.ndarray, share: float) -> np.ndarray:
    """Mark the `share` of rows with the lowest scores.

    Parameters
    ----------
    scores : vector of length n_samples
    share
        Between 0 and 1; ``round(share * n_samples)`` rows are marked, however many tie.

    Returns
    -------
    vector of length n_samples
        True for anomalies.
    """
    check_between("share", share, 0, 1)
    order = ranking(scores)
    marked = np.zeros(len(order), dtype=bool)
    marked[order[: round(share * len(order))]] = True
    return marked
