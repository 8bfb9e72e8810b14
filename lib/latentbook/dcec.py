"""Deep convolutional embedded clustering (DCEC): guo2017dcec, fernandez2020 chapters 9 and 13.

An autoencoder is pretrained, k-means on its codes gives the first centres, and then the network
and the centres are trained together: the codes are drawn towards the centres they are already
close to, while the decoder must still reconstruct the images.
With a recurrent autoencoder on windows it is deep temporal clustering (madiraju2018dtc).
Pretraining itself is left to `autoencoders`, scoring to `metrics`.
"""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from sklearn.base import BaseEstimator, ClusterMixin

from latentbook import cache, checkpoints, clustering, feed, metrics, training
from latentbook.autoencoders import conv
from latentbook.autoencoders.base import Autoencoder
from latentbook.errors import LatentbookError, check_between, choose

History = dict[str, list[Any]]

#: What finds the first centres -> parameters that differ from `clustering.SETTINGS`.
STARTS: dict[str, dict[str, Any]] = {"k-means": {"n_init": 20}, "mixture": {}}


def soft_assignment(z: Any, centres: Any, alpha: float = 1.0) -> Any:
    """Return q, the similarity of codes and centres under Student's t (equation 9.4).

    Parameters
    ----------
    z : tensor of shape (n, n_codes)
    centres : tensor of shape (n_clusters, n_codes)
    alpha
        Degrees of freedom; large values approach a Gaussian.

    Returns
    -------
    tensor of shape (n, n_clusters)
        Rows sum to one.
    """
    squared = ops.sum(ops.square(ops.expand_dims(z, 1) - centres), axis=-1)
    # as a softmax of logarithms: the powers themselves underflow for large alpha
    return ops.softmax(-(alpha + 1.0) / 2.0 * ops.log1p(squared / alpha), axis=1)


def target_distribution(q: np.ndarray) -> np.ndarray:
    """Return p, which sharpens q and evens out the sizes of the clusters (equation 9.6).

    Parameters
    ----------
    q : array of shape (n, n_clusters)
        Soft assignments of all samples, because the column sums are soft cluster sizes.
    """
    tiny = np.finfo(q.dtype).tiny
    weight = q**2 / np.maximum(q.sum(axis=0), tiny)
    return weight / np.maximum(weight.sum(axis=1, keepdims=True), tiny)


def _check_finite(x: np.ndarray) -> None:
    if not training.is_lazy(x) and not np.isfinite(x).all():
        raise LatentbookError(training.NOT_FINITE)


class ClusteringLayer(layers.Layer):
    """Codes in, soft assignments out; its only weights are the centres."""

    def __init__(self, n_clusters: int, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_clusters = n_clusters
        self.alpha = alpha

    def build(self, input_shape: tuple[int | None, int]) -> None:
        """Create the centres, of shape (n_clusters, n_codes)."""
        self.centres = self.add_weight(
            shape=(self.n_clusters, input_shape[-1]), initializer="glorot_uniform", name="centres"
        )

    def call(self, z: Any) -> Any:
        """Return q of shape (n, n_clusters)."""
        return soft_assignment(z, self.centres, self.alpha)


class Period(keras.utils.PyDataset):
    """The batches between two updates of the target, in the order of the file as in guo2017dcec.

    The first starts where the period before stopped; after the last, smaller batch of the data
    comes the first again.
    """

    def __init__(
        self, x: np.ndarray, p: np.ndarray, batch_size: int, first: int, length: int
    ) -> None:
        super().__init__()
        self.x, self.p, self.batch_size, self.first, self.length = x, p, batch_size, first, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        n_batches = -(-len(self.x) // self.batch_size)
        start = (self.first + i) % n_batches * self.batch_size
        rows = slice(start, start + self.batch_size)
        x = self.x[rows]
        return x, (self.p[rows], x)


class DCEC(ClusterMixin, BaseEstimator):
    """Deep convolutional embedded clustering with the interface of scikit-learn.

    The defaults are those of the reference implementation of guo2017dcec.

    Parameters
    ----------
    n_clusters
        Number of centres.
    architecture
        A key of `conv.BUILDERS`.
    n_codes
        Length of the code.
    gamma
        Weight of the clustering loss beside the reconstruction loss (equation 9.3; the mean over
        batch and pixels of the squared error).
    alpha
        Degrees of freedom of the soft assignment (equation 9.4).
    init
        What finds the first centres: ``k-means`` (20 starts) or ``mixture`` (the means of the
        codes in each component of a Gaussian mixture).
    pretraining_epochs
        Of the autoencoder alone, with Adam at 0.001.
    weights
        File of `Autoencoder.save` with pretrained weights, instead of pretraining.
    autoencoder
        A pretrained autoencoder of any kind instead of `architecture`, `n_codes` and pretraining,
        such as a recurrent one for windows; a copy of it is trained, on the mean squared error.
    batch_size, update_interval
        Samples a batch, and iterations (batches) between two updates of the target.
    tol
        Stop when a smaller share of samples has changed its cluster since the last update.
    max_iterations
        Limit; only whole update intervals are run.
    seed
        Of the initial weights, the order of pretraining and k-means.
    progress
        Show bars with the losses.

    Attributes
    ----------
    labels_ : vector of length n_samples, int64
        Clusters at the last update.
    initial_labels_, initial_embedding_
        Clusters and codes before the joint training.
    cluster_centers_ : array of shape (n_clusters, n_codes)
    history_ : dict of lists
        One value an update: ``iteration``, ``loss``, ``clustering_loss``, ``reconstruction_loss``
        (means since the update before, None at the first), ``changed`` (share of samples that
        changed their cluster), ``empty_clusters``, ``seconds``, and ``acc``, ``nmi``, ``ari``
        where `fit` was given classes (they have no influence).
    pretraining_ : dict of lists
        ``loss`` and ``seconds`` an epoch; empty with `weights` or `autoencoder`.
    weights_digest_ : str
        Digest of the weights at the start, only with `weights` or `autoencoder`.
    converged_ : bool
        Whether `tol` was reached within `max_iterations`.
    autoencoder_ : Autoencoder
        As trained; ``autoencoder_.reconstruct(x)`` shows what the decoder still can.
    model_ : keras.Model
        Images in, soft assignments and reconstructions out.
    """

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        architecture: str = "cae10-guo",
        n_codes: int = 10,
        gamma: float = 0.1,
        alpha: float = 1.0,
        init: str = "k-means",
        pretraining_epochs: int = 200,
        weights: Path | str | None = None,
        autoencoder: Autoencoder | None = None,
        batch_size: int = 256,
        update_interval: int = 140,
        tol: float = 1e-3,
        max_iterations: int = 20_000,
        seed: int = 0,
        progress: bool = True,
    ) -> None:
        self.n_clusters = n_clusters
        self.architecture = architecture
        self.n_codes = n_codes
        self.gamma = gamma
        self.alpha = alpha
        self.init = init
        self.pretraining_epochs = pretraining_epochs
        self.weights = weights
        self.autoencoder = autoencoder
        self.batch_size = batch_size
        self.update_interval = update_interval
        self.tol = tol
        self.max_iterations = max_iterations
        self.seed = seed
        self.progress = progress

    def fit(self, x: Any, y: np.ndarray | None = None) -> DCEC:
        """Pretrain, find centres, and train network and centres together on `x`.

        Goes on where an interrupted run with the same arguments stopped, and loads a finished one.

        Parameters
        ----------
        x : array of shape (n, height, width, channels)
            Images in [0, 1], float32; with `autoencoder` samples of the shape it takes, also
            lazy ones such as `weather.windows.Windows`.
        y : vector of length n, optional
            Classes, only to follow the scores in `history_`.

        Raises
        ------
        LatentbookError
            For a parameter out of range, images the architecture does not take, NaN, more
            clusters than samples, weights of another architecture, or a loss that becomes NaN.
        """
        self._check(x, y)
        self.autoencoder_, self.pretraining_ = self.pretrained(x)
        self.initial_embedding_ = self.autoencoder_.encode(x)
        self.model_ = self._join(self.autoencoder_)
        with checkpoints.folder(self._key(x, y)) as where:
            limit = self.max_iterations // self.update_interval
            self.history_ = checkpoints.resume(self.model_, where, limit) or {}
            if self.history_:
                print(f"resumed after iteration {self.history_['iteration'][-1]} from the cache")
            self._start()
            self._train(x, y, where, limit)
        self.cluster_centers_ = ops.convert_to_numpy(self._clustering.centres)
        self.converged_ = self._has_converged()
        self.n_features_in_ = int(np.prod(x.shape[1:]))
        if empty := self.history_["empty_clusters"][-1]:
            print(f"{empty} of {self.n_clusters} clusters have lost all their samples")
        return self

    def pretrained(self, x: np.ndarray) -> tuple[Autoencoder, training.History]:
        """Return a new autoencoder as it is before the joint training, from the cache if there."""
        given = None
        if self.autoencoder is not None:
            given = self.autoencoder.copy()
        elif self.weights is not None:
            given, _ = conv.build(self.architecture, x.shape[1:], self.n_codes, seed=self.seed)
            given.load(self.weights)
        if given is not None:
            self.weights_digest_ = cache.digest(*given.model.get_weights())
            return given, {"loss": [], "seconds": []}
        return conv.trained(
            self.architecture,
            x,
            epochs=self.pretraining_epochs,
            batch_size=self.batch_size,
            n_codes=self.n_codes,
            seed=self.seed,
            progress=self.progress,
        )

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return the soft assignments q of `x`, of shape (n, n_clusters)."""
        z = self.transform(x)
        return ops.convert_to_numpy(soft_assignment(z, self._clustering.centres, self.alpha))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the cluster of each image in `x`."""
        return self.predict_proba(x).argmax(axis=1)

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return the codes of `x`, of shape (n, n_codes)."""
        if not hasattr(self, "autoencoder_"):
            raise LatentbookError("this DCEC has not been fitted: call fit first")
        expected = tuple(self.autoencoder_.encoder.input_shape[1:])
        if x.shape[1:] != expected:
            raise LatentbookError(
                f"this DCEC was fitted on images of shape {expected}, but x holds samples of "
                f"shape {x.shape[1:]}"
            )
        _check_finite(x)
        return self.autoencoder_.encode(x)

    @property
    def _clustering(self) -> ClusteringLayer:
        return self.model_.get_layer("clustering")

    def _check(self, x: np.ndarray, y: np.ndarray | None) -> None:
        if self.autoencoder is None:
            choose("autoencoder", self.architecture, conv.BUILDERS)
        elif self.weights is not None:
            raise LatentbookError("weights and autoencoder are both given: leave one of them out")
        choose("start", self.init, STARTS)
        check_between("gamma", self.gamma, 0, 1e6)
        check_between("alpha", self.alpha, 1e-3, 1e6)
        check_between("tol", self.tol, 0, 1)
        check_between("batch_size", self.batch_size, 1, 1_000_000)
        check_between("update_interval", self.update_interval, 1, 1_000_000)
        check_between("max_iterations", self.max_iterations, self.update_interval, 1e9)
        if self.autoencoder is not None:
            taken = tuple(self.autoencoder.encoder.input_shape[1:])
            if tuple(x.shape[1:]) != taken:
                raise LatentbookError(
                    f"the autoencoder takes samples of shape {taken}, but x holds samples of shape "
                    f"{x.shape[1:]}"
                )
        elif x.ndim != 4:
            raise LatentbookError(
                f"DCEC clusters images of shape (n, height, width, channels), but x has shape "
                f"{x.shape}"
            )
        check_between("n_clusters", self.n_clusters, 2, len(x) - 1)
        _check_finite(x)
        if y is not None and len(y) != len(x):
            raise LatentbookError(f"x has {len(x)} samples, but y has {len(y)}")

    def _join(self, autoencoder: Autoencoder) -> keras.Model:
        """Return the compiled model of figure 13.1, over the weights of `autoencoder`."""
        image = keras.Input(autoencoder.encoder.input_shape[1:], name="image")
        code = autoencoder.encoder(image)
        q = ClusteringLayer(self.n_clusters, self.alpha, name="clustering")(layers.Flatten()(code))
        model = keras.Model(image, (q, autoencoder.decoder(code)), name="dcec")
        reconstruction = "mean_squared_error"
        if self.autoencoder is None:
            _, reconstruction = conv.BUILDERS[self.architecture]
        model.compile(
            keras.optimizers.Adam(1e-3),
            loss=("kl_divergence", reconstruction),
            loss_weights=(self.gamma, 1.0),
            **training.compiling(),
        )
        return model

    def _key(self, x: np.ndarray, y: np.ndarray | None) -> dict[str, Any]:
        """Return what determines the result; `max_iterations` only says when to stop."""
        key = self.get_params() | {"weights": None, "max_iterations": None, "progress": None}
        given = key.pop("autoencoder")
        if given is not None:
            key |= {"weights": self.weights_digest_, "architecture": given.name, "n_codes": None}
        elif self.weights is not None:
            key["weights"] = self.weights_digest_
        return key | {
            "x": training.digest(x),
            "y": None if y is None else cache.digest(np.asarray(y)),
            "keras": f"{version('keras')} {keras.backend.backend()}",
            "scikit-learn": version("scikit-learn"),
        }

    def _start(self) -> None:
        """Find the first centres; they are set unless a checkpoint has set later ones."""
        found = clustering.cluster(
            self.initial_embedding_,
            self.init,
            n_clusters=self.n_clusters,
            seed=self.seed,
            **STARTS[self.init],
        )
        self.initial_labels_ = found.arrays["labels"]
        if not self.history_:
            self._clustering.centres.assign(found.arrays.get("centers", self._means()))

    def _means(self) -> np.ndarray:
        """Return the mean code of each initial cluster; of all codes where it has no sample."""
        z, labels = self.initial_embedding_, self.initial_labels_
        members = [labels == c for c in range(self.n_clusters)]
        return np.stack([z[m if m.any() else slice(None)].mean(axis=0) for m in members])

    def _train(self, x: np.ndarray, y: np.ndarray | None, where: Path, limit: int) -> None:
        from tqdm import tqdm

        q = self.predict_proba(x)
        if not self.history_:
            self._record(q, self.initial_labels_, {}, y, 0.0)
            checkpoints.save(self.model_, where, 0, self.history_)
        self.labels_ = q.argmax(axis=1)
        done = len(self.history_["iteration"]) - 1
        bar = tqdm(
            total=limit * self.update_interval,
            initial=done * self.update_interval,
            unit="iteration",
            disable=not self.progress,
        )
        with bar:
            for update in range(done + 1, limit + 1):
                if self._has_converged():
                    break
                start = time.perf_counter()
                losses = self._period(x, target_distribution(q), update - 1)
                q = self.predict_proba(x)
                self._record(q, self.labels_, losses, y, time.perf_counter() - start)
                self.labels_ = q.argmax(axis=1)
                checkpoints.save(self.model_, where, update, self.history_)
                bar.update(self.update_interval)
                bar.set_postfix({k: f"{v:.4f}" for k, v in losses.items()})

    def _period(self, x: np.ndarray, p: np.ndarray, number: int) -> dict[str, float]:
        training.reseed(self.model_, self.seed, number)
        first = number * self.update_interval
        period = Period(x, p, self.batch_size, first, self.update_interval)
        logs = self.model_.fit(feed.dataset(period), shuffle=False, verbose=0).history
        clustering_loss, reconstruction = logs["clustering_loss"][-1], logs["decoder_loss"][-1]
        losses = {  # means over the batches; the "loss" of Keras weighs them by their sizes
            "loss": self.gamma * clustering_loss + reconstruction,
            "clustering_loss": clustering_loss,
            "reconstruction_loss": reconstruction,
        }
        if not np.isfinite(losses["loss"]):
            raise LatentbookError(
                f"the loss became {losses['loss']} before iteration {first + self.update_interval}:"
                " lower gamma or check the scale of the data"
            )
        return {name: float(value) for name, value in losses.items()}

    def _record(
        self,
        q: np.ndarray,
        before: np.ndarray,
        losses: dict[str, float],
        y: np.ndarray | None,
        seconds: float,
    ) -> None:
        labels = q.argmax(axis=1)
        sizes = np.bincount(labels, minlength=self.n_clusters)
        update = len(self.history_.get("iteration", []))
        row: dict[str, Any] = {
            "iteration": update * self.update_interval,
            **dict.fromkeys(("loss", "clustering_loss", "reconstruction_loss"), None),
            **losses,
            "changed": float(np.mean(labels != before)),
            "empty_clusters": int((sizes == 0).sum()),
            "seconds": seconds,
        }
        if y is not None:
            scores = metrics.clustering_scores(y, labels)
            row |= {name: scores[name] for name in ("acc", "nmi", "ari")}
        for name, value in row.items():
            self.history_.setdefault(name, []).append(value)

    def _has_converged(self) -> bool:
        changed = self.history_["changed"]
        return len(changed) > 1 and changed[-1] < self.tol
