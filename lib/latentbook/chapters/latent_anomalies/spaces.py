"""The latent spaces of the chapter: which network, how it is trained, what it makes of the rows.

A `Setting` names a network and its loss; `train` makes a `Space` of it.
The networks themselves are left to `autoencoders.variational`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import v_measure_score

from latentbook.autoencoders import variational
from latentbook.chapters.latent_anomalies.data import Split
from latentbook.datasets import Dataset
from latentbook.study.method import Method


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
    random_state : int
        Of the network.
    params, metrics, seconds
        Of the training, for the records.
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
    random_state: int
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    terms: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]] | None = None
    reconstruct: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    means: np.ndarray | None = None

    def labels(self, part: str) -> np.ndarray:
        """Return the classes of a part of the rows."""
        return self.data.y[getattr(self.rows, part)]

    def method(self, learner: str = "") -> Method:
        """Return the method of the records: this space, and what works on its codes."""
        return Method(self.name, learner)


def train(
    data: Dataset,
    rows: Split,
    setting: Setting,
    *,
    random_state: int,
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
    named = setting
    likelihood = variational.likelihood_of(data.x, setting.likelihood)
    setting = replace(setting, likelihood=likelihood)
    design = {k: v for k, v in asdict(setting).items() if k not in ("model", "radius")}
    start = None
    if setting.model == "cl-vae" and setting.radius != variational.PRIOR_RADIUS:
        circle = variational.starting_means(len(data.classes), setting.n_latent, random_state)
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
        seed=random_state,
        progress=False,
        **design,
    )
    codes = model.encode(data.x, data.y)
    z = {part: codes[where] for part, where in vars(rows).items()}
    terms = model.terms(*parts["test"], seed=random_state)
    own = {"max_epochs": epochs, "patience": patience, "batch_size": batch_size}
    return Space(
        named.name,
        named.title,
        data,
        rows,
        z,
        model.encode,
        random_state,
        {k: v for k, v in asdict(setting).items() if k != "model"} | own,
        {
            "epochs": len(history["loss"]),
            "parameters": model.model.count_params(),
            "loss_validation": history["val_loss"][-1],
            "reconstruction": float(terms["reconstruction"].mean()),
            "kl": float(terms["kl"].mean()),
            "spread": covariance_volume(z["test"]),
            **_by_nearest_mean(z["test"], data.y[rows.test], model.prior_means),
        },
        sum(history["seconds"]),
        lambda x, y: model.terms(x, y, seed=random_state),
        model.reconstruct,
        model.prior_means,
    )


def _by_nearest_mean(z: np.ndarray, y: np.ndarray, means: np.ndarray) -> dict[str, float]:
    """Score the classes that the CL-VAE's own priors give: no clustering, no k to choose."""
    if len(means) < 2:
        return {}
    nearest = ((z[:, None] - means[None]) ** 2).sum(axis=2).argmin(axis=1)
    return {
        "v_measure_nearest_mean": v_measure_score(y, nearest),
        "acc_nearest_mean": float((nearest == y).mean()),
    }


def principal_components(data: Dataset, rows: Split, n: int, *, random_state: int = 0) -> Space:
    """Return the space of the first `n` principal components (or of all, where there are fewer)."""
    n = min(n, data.flat.shape[1], len(rows.fit))
    start = time.perf_counter()
    model = PCA(n, random_state=random_state).fit(data.flat[rows.fit])

    def encode(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return model.transform(x.reshape(len(x), -1))

    z = {part: model.transform(data.flat[where]) for part, where in vars(rows).items()}
    return Space(
        f"pca{n}",
        f"PCA, {n} components",
        data,
        rows,
        z,
        encode,
        random_state,
        seconds=time.perf_counter() - start,
    )


def covariance_volume(z: np.ndarray) -> float:
    """Return √det Σ, the root of the determinant of the covariance: a unit of volume of a space.

    Volumes (MV) divided by it, and EM multiplied by it, do not change when the space is stretched.
    The records call it ``spread``.

    Examples
    --------
    Doubling all codes in two dimensions multiplies volumes by four:

    >>> z = np.random.default_rng(0).normal(size=(100, 2))
    >>> round(covariance_volume(2 * z) / covariance_volume(z), 6)
    4.0
    """
    return float(np.sqrt(np.linalg.det(np.atleast_2d(np.cov(z.T.astype(np.float64))))))
