"""Anomaly detectors on a latent space, behind one interface: fit, then score.

scikit-learn's detectors and those norlander2019 names in its discussion, globally or one per
cluster; PyOD's by name where PyOD is installed.
Scores are higher for more normal rows, as scikit-learn's ``score_samples`` are.
How good a score is without known anomalies is measured by `latentbook.mass_curves`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
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

    def fit(self, X: np.ndarray) -> Any:
        """Learn what is normal."""

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Return one number a row, higher for more normal rows."""


class _DistanceToMean:
    """Minus the distance to the mean of the fitted rows."""

    def fit(self, X: np.ndarray) -> None:
        self.mean_ = X.mean(axis=0)

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        return -np.linalg.norm(X - self.mean_, axis=1)


class _Percentile(_DistanceToMean):
    """Share of the fitted rows that lie at least as far from their mean."""

    def fit(self, X: np.ndarray) -> None:
        super().fit(X)
        self.sorted_ = np.sort(super().score_samples(X))

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        nearer_or_equal = np.searchsorted(self.sorted_, super().score_samples(X), side="right")
        return nearer_or_equal / len(self.sorted_)


class _DistanceToCentre:
    """Minus the distance to the nearest centre of k-means."""

    def __init__(self, **params: Any) -> None:
        self.k_means = KMeans(**params)

    def fit(self, X: np.ndarray) -> None:
        check_between("n_clusters", self.k_means.n_clusters, 1, len(X))
        self.k_means.fit(X)

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        return -self.k_means.transform(X).min(axis=1)


class _Neighbours(LocalOutlierFactor):
    """scikit-learn's, with an error where it would quietly take fewer neighbours."""

    def fit(self, X: np.ndarray) -> None:
        check_between("n_neighbors", self.n_neighbors, 1, len(X) - 1)
        super().fit(X)


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

    def fit(self, X: np.ndarray) -> None:
        variance = X.var(axis=0).sum()
        scale = 1 / variance if variance > 0 else 1.0
        self.gamma_ = scale if self.gamma == "scale" else float(self.gamma)
        self.svm.set_params(kernel="rbf", gamma=self.gamma_).fit(X)

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        weights = self.svm.dual_coef_[0] / self.svm.dual_coef_.sum()
        kernel = partial(rbf_kernel, Y=self.svm.support_vectors_, gamma=self.gamma_)
        # in blocks: 3 times as fast as libsvm's own loop
        return np.concatenate([kernel(X[rows]) @ weights for rows in gen_batches(len(X), 500)])

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.svm.predict(X)


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

    def fit(self, X: np.ndarray) -> None:
        self.model.fit(X)

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        return -self.model.decision_function(X)


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


def _model(name: str, random_state: int | None, params: dict[str, Any]) -> Model:
    """Return an unfitted model; only the isolation forest and k-means are random."""
    if name.startswith("pyod:"):
        return _PyOD(name.removeprefix("pyod:"), params)
    makers: dict[str, Callable[..., Model]] = {
        "isolation forest": lambda **p: IsolationForest(random_state=random_state, **p),
        "local outlier factor": lambda **p: _Neighbours(novelty=True, **p),
        "one-class svm": _OneClassSVM,
        "k-means": lambda **p: _DistanceToCentre(random_state=random_state, **p),
        "class mean": _DistanceToMean,
        "percentile": _Percentile,
    }
    return makers[name](**SETTINGS[name] | params)


def detector(
    name: str, *, random_state: int | None = 0, n_fit: int | None = None, **params: Any
) -> Detector:
    """Return an unfitted detector; what is wrong with its parameters is said at once.

    Parameters
    ----------
    name : str
        One of `NAMES`, or ``pyod:`` and the class name of a PyOD detector (``pyod:ECOD``), also
        with `` per cluster`` after it.
    random_state : int or None, default=0
        Of the rows drawn where not all are fitted, of the forests and of k-means.
    n_fit : int or None, default=None
        Rows fitted at most (per cluster where there is one model per cluster). None means all
        rows, but 10,000 for a one-class SVM, whose cost is quadratic.
    **params
        Those of the scikit-learn or PyOD class that differ from `SETTINGS`.

    Returns
    -------
    Detector

    Raises
    ------
    LatentbookError
        For an unknown name or parameter, or where PyOD is not installed.

    Notes
    -----
    The default ``nu=0.5`` of a one-class SVM puts half of the fitted rows below its own
    threshold by construction; `anomalies` sets the share instead.

    Examples
    --------
    >>> import numpy as np
    >>> from latentbook import anomaly
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> lof = anomaly.detector("local outlier factor", n_neighbors=10).fit(X)
    >>> scores = lof.score_samples(np.array([[0.0, 0.0], [8.0, 8.0]]))
    >>> anomaly.ranking(scores)
    array([1, 0])
    """
    made = Detector(name, random_state=random_state, n_fit=n_fit, params=params)
    made._make()
    return made


class Detector(OutlierMixin, BaseEstimator):
    """One model of normality, or one per class or cluster; `detector` makes one by keywords.

    Parameters
    ----------
    name : str, default="isolation forest"
        See `detector`.
    random_state : int or None, default=0
        Of the rows drawn where not all are fitted, of the forests and of k-means.
    n_fit : int or None, default=None
        Rows fitted at most, per cluster where there is one model per cluster.
    params : dict or None, default=None
        Parameters of the scikit-learn or PyOD class that differ from `SETTINGS`.

    Attributes
    ----------
    models_ : dict
        Fitted models by label; by None where there is one for all.
    n_features_in_ : int
        Number of columns that `fit` has seen.
    n_given_, n_fitted_ : int
        Rows given to `fit`, and rows of these that the models were fitted on.

    See Also
    --------
    sklearn.ensemble.IsolationForest, sklearn.neighbors.LocalOutlierFactor, sklearn.svm.OneClassSVM
    latentbook.mass_curves.rate : Rates detectors without known anomalies.

    References
    ----------
    - F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", ICDM 2008,
      https://doi.org/10.1109/ICDM.2008.17
    - M. M. Breunig, H.-P. Kriegel, R. T. Ng, J. Sander, "LOF: Identifying Density-Based Local
      Outliers", SIGMOD 2000, https://doi.org/10.1145/342009.335388
    - B. Schölkopf, J. C. Platt, J. Shawe-Taylor, A. J. Smola, R. C. Williamson, "Estimating
      the Support of a High-Dimensional Distribution", Neural Computation 13(7), 2001,
      https://doi.org/10.1162/089976601750264965

    Examples
    --------
    >>> import numpy as np
    >>> from latentbook.anomaly import Detector
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> detector = Detector("isolation forest", random_state=0).fit(X)
    >>> detector.score_samples(np.array([[0.0, 0.0], [8.0, 8.0]])).argmin()
    np.int64(1)
    """

    def __init__(
        self,
        name: str = "isolation forest",
        *,
        random_state: int | None = 0,
        n_fit: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.random_state = random_state
        self.n_fit = n_fit
        self.params = params

    @property
    def per_label(self) -> bool:
        """Whether `fit` needs labels, because there is one model for each of them."""
        return self.name.endswith(PER_CLUSTER) or self.name in ("class mean", "percentile")

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Detector:
        """Fit on `X`, one model per label where the detector is per cluster.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Finite values.
        y : vector of length n_samples, default=None
            Classes or clusters; detectors that are not per cluster do not look at them.

        Returns
        -------
        Detector
            Itself.

        Raises
        ------
        LatentbookError
            For NaN, no rows or columns, missing or too short labels, a label with fewer than 5
            rows, fewer rows than neighbours, or a parameter that is unknown or out of its range.
        """
        X = _checked(X)
        self._make()  # a wrong parameter is named before a row is looked at
        groups: dict[Any, np.ndarray] = {None: np.arange(len(X))}
        if self.per_label:
            groups = _groups(self._checked_labels(X, y))
        n_fit = self.n_fit
        if n_fit is None and self._single == "one-class svm":
            n_fit = SVM_ROWS
        rng = np.random.default_rng(self.random_state)
        self.models_: dict[Any, Model] = {}
        self.n_given_, self.n_fitted_, self.n_features_in_ = len(X), 0, X.shape[1]
        for label, rows in groups.items():
            if n_fit is not None and len(rows) > n_fit:
                rows = rng.choice(rows, n_fit, replace=False)
            self.models_[label] = self._make()
            self.n_fitted_ += len(rows)
            try:
                # float64: one-class SVM and k-means differ in the last digits otherwise
                self.models_[label].fit(X[rows].astype(np.float64))
            except LatentbookError:
                raise
            except ValueError as error:  # scikit-learn names the parameter and its range
                raise LatentbookError(f"{self.name}: {error}") from error
        return self

    def score_samples(self, X: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Return one score a row, higher for more normal rows.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : vector of length n_samples, default=None
            For a detector per cluster: score each row by the model of its own label. Without
            labels the best score over all models counts: is the row normal for *any* label?

        Returns
        -------
        vector of length n_samples

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
        return self._ask(X, y, lambda model, rows: model.score_samples(rows))

    def predict(self, X: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Return 1 for rows that the models' own thresholds call normal, and -1 for anomalies.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : vector of length n_samples, default=None
            As in `score_samples`; without labels a row is normal if it is so for any label.

        Returns
        -------
        integer vector of length n_samples

        Raises
        ------
        LatentbookError
            As `score_samples`, and for detectors without a threshold, which only rank.
        """
        if not self.has_threshold:
            raise LatentbookError(
                f"{self.name} has no threshold of its own: choose a share of the rows with "
                "anomalies(scores, share)"
            )
        return self._ask(X, y, lambda model, rows: model.predict(rows)).astype(int)

    def fit_predict(self, X: np.ndarray, y: np.ndarray | None = None, **kwargs: Any) -> np.ndarray:
        """Fit on `X`, and return what `predict` says of the same rows."""
        return self.fit(X, y, **kwargs).predict(X, y)

    @property
    def has_threshold(self) -> bool:
        """Whether the models know which scores are anomalous, so that `predict` can be asked."""
        return hasattr(self._make(), "predict")

    @property
    def fitted_on(self) -> str:
        """A phrase for captions and logs: which rows the models were fitted on."""
        if self.n_fitted_ == self.n_given_:
            return f"all {self.n_given_:,} rows"
        return f"{self.n_fitted_:,} of {self.n_given_:,} rows, drawn at random"

    @property
    def _single(self) -> str:
        """Name of the detector that is fitted, once or per cluster."""
        return self.name.removesuffix(PER_CLUSTER)

    def _make(self) -> Model:
        """Return an unfitted model."""
        if not self._single.startswith("pyod:"):
            choose("detector", self.name, NAMES)
        if self.n_fit is not None:
            check_between("n_fit", self.n_fit, 2, np.inf)
        try:
            return _model(self._single, self.random_state, self.params or {})
        except LatentbookError:
            raise
        except (TypeError, ValueError) as error:
            raise LatentbookError(f"bad parameters for {self.name}: {error}") from error

    def _ask(
        self, X: np.ndarray, y: np.ndarray | None, question: Callable[[Any, np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return the answers of the rows' own models, or the largest answer of all models."""
        if not hasattr(self, "models_"):
            raise LatentbookError(f"{self.name} has no scores yet: call fit first")
        X = _checked(X)
        if X.shape[1] != self.n_features_in_:
            raise LatentbookError(
                f"X has {X.shape[1]} columns, but {self.name} was fitted on {self.n_features_in_}"
            )
        X = X.astype(np.float64)
        if not self.per_label or y is None:
            return np.max([question(model, X) for model in self.models_.values()], axis=0)
        result = np.empty(len(X))
        for label, rows in _groups(self._checked_labels(X, y), smallest=1).items():
            if label not in self.models_:
                seen = ", ".join(map(str, self.models_))
                raise LatentbookError(f"label {label} was not in the labels fitted: {seen}")
            result[rows] = question(self.models_[label], X[rows])
        return result

    def _checked_labels(self, X: np.ndarray, y: np.ndarray | None) -> np.ndarray:
        if y is None:
            raise LatentbookError(f"{self.name} fits one model per label: pass fit(X, y)")
        labels = np.asarray(y)
        if labels.shape != (len(X),):
            raise LatentbookError(f"X has {len(X)} rows, but y has shape {labels.shape}")
        return labels


def _checked(X: Any) -> np.ndarray:
    """Return a finite matrix with rows and columns; a data frame is one too."""
    X = np.asarray(X)
    check_matrix(X, "X")
    if 0 in X.shape:
        raise LatentbookError(f"X has shape {X.shape}: there must be rows and columns")
    return X


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
        Higher for more normal rows, as from `Detector.score_samples`.

    Returns
    -------
    integer vector of length n_samples
        Positions of the rows.

    Raises
    ------
    LatentbookError
        For an empty vector, another shape, or NaN.

    Examples
    --------
    >>> ranking([3.0, 1.0, 2.0])
    array([1, 2, 0])
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
        Higher for more normal rows, as from `Detector.score_samples`.
    share : float
        Between 0 and 1; ``round(share * n_samples)`` rows are marked, however many tie.

    Returns
    -------
    boolean vector of length n_samples
        True for anomalies.

    Examples
    --------
    >>> anomalies([3.0, 1.0, 2.0, 5.0], share=0.25)
    array([False,  True, False, False])
    """
    check_between("share", share, 0, 1)
    order = ranking(scores)
    marked = np.zeros(len(order), dtype=bool)
    marked[order[: round(share * len(order))]] = True
    return marked
