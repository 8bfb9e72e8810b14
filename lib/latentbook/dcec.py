"""Deep convolutional embedded clustering (DCEC), an estimator after scikit-learn.

An autoencoder is pretrained, and k-means on its codes gives the first centres.
Then network and centres are trained together: the clustering loss draws each code towards the
centre that is already close to it, while the decoder must still reconstruct the images.
Pretraining is left to `autoencoders`, scoring to `metrics`.
"""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)

from latentbook import cache, checkpoints, clustering, feed, metrics, training
from latentbook.autoencoders import conv
from latentbook.autoencoders.base import Autoencoder
from latentbook.errors import LatentbookError, check_between, choose

History = dict[str, list[Any]]

#: What finds the first centres -> parameters that differ from `clustering.SETTINGS`.
STARTS: dict[str, dict[str, Any]] = {"k-means": {"n_init": 20}, "mixture": {}}


def soft_assignment(z: Any, centres: Any, alpha: float = 1.0) -> Any:
    """Return q, how similar codes are to centres (equation 9.4).

    The similarity is the density of Student's t-distribution at their distance.

    Parameters
    ----------
    z : tensor of shape (n_samples, n_codes)
        Codes.
    centres : tensor of shape (n_clusters, n_codes)
        Centres of the clusters.
    alpha : float, default=1.0
        Degrees of freedom of the t-distribution. Large values approach a Gaussian.

    Returns
    -------
    q : tensor of shape (n_samples, n_clusters)
        Soft assignments. Each row sums to one.

    Examples
    --------
    >>> import numpy as np
    >>> q = soft_assignment(np.array([[0.0]]), np.array([[0.0], [3.0]]))
    >>> np.round(keras.ops.convert_to_numpy(q), 3)
    array([[0.909, 0.091]])
    """
    squared = ops.sum(ops.square(ops.expand_dims(z, 1) - centres), axis=-1)
    # a softmax of logarithms: the powers underflow for large alpha
    logarithm = -(alpha + 1.0) / 2.0 * ops.log1p(squared / alpha)
    return ops.softmax(logarithm, axis=1)


def target_distribution(q: np.ndarray) -> np.ndarray:
    """Return p, which sharpens q and evens out the clusters (equation 9.6).

    Parameters
    ----------
    q : ndarray of shape (n_samples, n_clusters)
        Soft assignments of all samples: the sums of the columns are the sizes of the clusters.

    Returns
    -------
    p : ndarray of shape (n_samples, n_clusters)
        Targets. Each row sums to one.

    Examples
    --------
    >>> import numpy as np
    >>> target_distribution(np.array([[0.8, 0.2], [0.2, 0.8]])).round(3)
    array([[0.941, 0.059],
           [0.059, 0.941]])
    """
    tiny = np.finfo(q.dtype).tiny
    sizes = q.sum(axis=0)
    weight = q**2 / np.maximum(sizes, tiny)
    return weight / np.maximum(weight.sum(axis=1, keepdims=True), tiny)


def _check_finite(X: Any) -> None:
    if not training.is_lazy(X) and not np.isfinite(X).all():
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


class IntervalBatches(keras.utils.PyDataset):
    """The batches between two updates of the target, in the order of the samples.

    The first batch follows the last one of the interval before. The last batch of the data may be
    smaller; the first batch of the data follows it.
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


class DCEC(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """Deep convolutional embedded clustering of images.

    The defaults are those of the reference implementation (Guo). With a recurrent autoencoder on
    windows this is deep temporal clustering (Madiraju).
    Equations are numbered as in Fernández Felguera's thesis.

    Parameters
    ----------
    n_clusters : int, default=10
        Number of clusters.
    architecture : str, default="cae10-guo"
        Autoencoder that is built and pretrained, a key of `conv.BUILDERS`.
    n_codes : int, default=10
        Length of the code. It need not equal `n_clusters`.
    gamma : float, default=0.1
        Weight of the clustering loss beside the reconstruction loss (equation 9.3), which is the
        mean over batch and pixels of the squared error. Larger values separate the clusters
        sooner and cost the reconstruction more.
    alpha : float, default=1.0
        Degrees of freedom of the soft assignment (equation 9.4).
    init : {"k-means", "mixture"}, default="k-means"
        What finds the first centres: k-means with 20 starts, or a Gaussian mixture, of whose
        components the mean codes are taken.
    pretraining_epochs : int, default=200
        Epochs of the autoencoder alone, with Adam at a learning rate of 0.001.
    weights : str or Path, default=None
        File of `Autoencoder.save` with pretrained weights, which replace pretraining.
    autoencoder : Autoencoder, default=None
        Pretrained autoencoder of any kind, such as a recurrent one for windows. It replaces
        `architecture`, `n_codes` and pretraining. A copy of it is trained, on the mean squared
        error.
    batch_size : int, default=256
        Samples a batch.
    update_interval : int, default=140
        Iterations (batches) between two updates of the target.
    tol : float, default=1e-3
        Training stops when a smaller share of the samples has changed its cluster between two
        updates.
    max_iterations : int, default=20_000
        Limit of iterations. Only whole update intervals are run.
    random_state : int, default=0
        Determines the first weights, the order of the samples in pretraining, and k-means.
    progress : bool, default=True
        Show bars with the losses.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int64
        Cluster of each sample at the last update.
    cluster_centers_ : ndarray of shape (n_clusters, n_codes)
        Centres at the end.
    initial_labels_ : ndarray of shape (n_samples,)
        Cluster of each sample before the joint training.
    initial_embedding_ : ndarray of shape (n_samples, n_codes)
        Codes before the joint training.
    history_ : dict of lists
        One value an update: ``iteration``, ``loss``, ``clustering_loss``, ``reconstruction_loss``
        (means since the update before, None at the first), ``changed`` (share of samples that
        changed their cluster), ``empty_clusters``, ``seconds``, and ``acc``, ``nmi``, ``ari``
        where `fit` was given classes.
    pretraining_ : dict of lists
        ``loss`` and ``seconds``, one value an epoch. Empty with `weights` or `autoencoder`.
    weights_digest_ : str
        Digest of the weights at the start. Only with `weights` or `autoencoder`.
    converged_ : bool
        Whether `tol` was reached within `max_iterations`.
    autoencoder_ : Autoencoder
        Autoencoder after the joint training. ``autoencoder_.reconstruct(X)`` shows what its
        decoder still reconstructs.
    model_ : keras.Model
        Network that maps images to soft assignments and reconstructions.
    n_features_in_ : int
        Number of pixels of an image, all channels together.

    See Also
    --------
    latentbook.clustering.cluster : Clusters codes that do not change.

    Notes
    -----
    Pretraining and joint training write checkpoints into the cache. An interrupted `fit` goes on
    where it stopped, and one that has finished before is loaded.

    References
    ----------
    - X. Guo, X. Liu, E. Zhu and J. Yin, "Deep clustering with convolutional autoencoders",
      Neural Information Processing (ICONIP), pp. 373-382, 2017.
      https://doi.org/10.1007/978-3-319-70096-0_39
    - A. Fernández Felguera, "Dimensionality reduction for clustering with deep neural
      networks", bachelor's thesis, Universitat de Barcelona and Universitat Politècnica de
      Catalunya, 2020, chapters 9 and 13.
    - N. S. Madiraju, S. M. Sadat, D. Fisher and H. Karimabadi, "Deep temporal clustering:
      fully unsupervised learning of time-domain features", arXiv:1802.01059, 2018.
      https://doi.org/10.48550/arXiv.1802.01059

    Examples
    --------
    >>> from latentbook import datasets
    >>> X = datasets.load("digits").subset(300).x
    >>> model = DCEC(n_clusters=10, gamma=0.1, pretraining_epochs=6, batch_size=30,
    ...              update_interval=5, max_iterations=10, progress=False)
    >>> labels = model.fit_predict(X)
    >>> labels.shape
    (300,)
    >>> model.transform(X).shape
    (300, 10)
    >>> model.history_["iteration"]
    [0, 5, 10]
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
        random_state: int = 0,
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
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: Any, y: np.ndarray | None = None) -> DCEC:
        """Pretrain, find the first centres, and train network and centres together.

        Parameters
        ----------
        X : ndarray of shape (n_samples, height, width, channels), float32
            Images in [0, 1]. With `autoencoder`, samples of the shape that it takes, also lazy
            ones such as `weather.windows.Windows`.
        y : ndarray of shape (n_samples,), default=None
            Classes. They only fill the scores in `history_` and have no influence.

        Returns
        -------
        self : DCEC
            The fitted estimator.

        Raises
        ------
        LatentbookError
            For a parameter out of range, images that the architecture does not take, NaN, more
            clusters than samples, weights of another architecture, or a loss that becomes NaN.
        """
        self._check(X, y)
        self.autoencoder_, self.pretraining_ = self.pretrained(X)
        self.initial_embedding_ = self.autoencoder_.encode(X)
        self.model_ = self._join(self.autoencoder_)
        with checkpoints.folder(self._key(X, y)) as where:
            limit = self.max_iterations // self.update_interval
            self.history_ = checkpoints.resume(self.model_, where, limit) or {}
            if self.history_:
                print(f"resumed after iteration {self.history_['iteration'][-1]} from the cache")
            self._start()
            self._train(X, y, where, limit)
        self.cluster_centers_ = ops.convert_to_numpy(self._clustering.centres)
        self.converged_ = self._has_converged()
        self.n_features_in_ = int(np.prod(X.shape[1:]))
        if empty := self.history_["empty_clusters"][-1]:
            print(f"{empty} of {self.n_clusters} clusters have lost all their samples")
        return self

    def pretrained(self, X: Any) -> tuple[Autoencoder, training.History]:
        """Return the autoencoder as it is before the joint training, and its history.

        Parameters
        ----------
        X : ndarray of shape (n_samples, height, width, channels)
            Images, as `fit` takes them.

        Returns
        -------
        autoencoder : Autoencoder
            A new one, from the cache where it has been trained before.
        history : dict of lists
            ``loss`` and ``seconds`` an epoch. Empty with `weights` or `autoencoder`.
        """
        given = None
        if self.autoencoder is not None:
            given = self.autoencoder.copy()
        elif self.weights is not None:
            shape, seed = X.shape[1:], self.random_state
            given, _ = conv.build(self.architecture, shape, self.n_codes, seed=seed)
            given.load(self.weights)
        if given is not None:
            self.weights_digest_ = cache.digest(*given.model.get_weights())
            return given, {"loss": [], "seconds": []}
        return conv.trained(
            self.architecture,
            X,
            epochs=self.pretraining_epochs,
            batch_size=self.batch_size,
            n_codes=self.n_codes,
            seed=self.random_state,
            progress=self.progress,
        )

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the soft assignments q.

        Parameters
        ----------
        X : ndarray of shape (n_samples, height, width, channels)
            Images.

        Returns
        -------
        q : ndarray of shape (n_samples, n_clusters)
            Each row sums to one.
        """
        z = self.transform(X)
        return ops.convert_to_numpy(soft_assignment(z, self._clustering.centres, self.alpha))

    def predict(self, X: Any) -> np.ndarray:
        """Return the cluster of each image, that of its largest soft assignment.

        Parameters
        ----------
        X : ndarray of shape (n_samples, height, width, channels)
            Images.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            Clusters.
        """
        return self.predict_proba(X).argmax(axis=1)

    def transform(self, X: Any) -> np.ndarray:
        """Return the codes.

        Parameters
        ----------
        X : ndarray of shape (n_samples, height, width, channels)
            Images.

        Returns
        -------
        z : ndarray of shape (n_samples, n_codes)
            Codes.
        """
        if not hasattr(self, "autoencoder_"):
            raise LatentbookError("this DCEC has not been fitted: call fit first")
        expected = tuple(self.autoencoder_.encoder.input_shape[1:])
        if X.shape[1:] != expected:
            raise LatentbookError(
                f"this DCEC was fitted on images of shape {expected}, but X holds samples of "
                f"shape {X.shape[1:]}"
            )
        _check_finite(X)
        return self.autoencoder_.encode(X)

    @property
    def _n_features_out(self) -> int:
        return self.initial_embedding_.shape[1]

    @property
    def _clustering(self) -> ClusteringLayer:
        return self.model_.get_layer("clustering")

    def _check(self, X: np.ndarray, y: np.ndarray | None) -> None:
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
            if tuple(X.shape[1:]) != taken:
                raise LatentbookError(
                    f"the autoencoder takes samples of shape {taken}, but X holds samples of shape "
                    f"{X.shape[1:]}"
                )
        elif X.ndim != 4:
            raise LatentbookError(
                f"DCEC clusters images of shape (n, height, width, channels), but X has shape "
                f"{X.shape}"
            )
        check_between("n_clusters", self.n_clusters, 2, len(X) - 1)
        _check_finite(X)
        if y is not None and len(y) != len(X):
            raise LatentbookError(f"X has {len(X)} samples, but y has {len(y)}")

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

    def _key(self, X: np.ndarray, y: np.ndarray | None) -> dict[str, Any]:
        """Return what determines the result; `max_iterations` only says when to stop."""
        key = self.get_params() | {"weights": None, "max_iterations": None, "progress": None}
        key["seed"] = key.pop("random_state")
        given = key.pop("autoencoder")
        if given is not None:
            key |= {"weights": self.weights_digest_, "architecture": given.name, "n_codes": None}
        elif self.weights is not None:
            key["weights"] = self.weights_digest_
        return key | {
            "x": training.digest(X),
            "y": None if y is None else cache.digest(np.asarray(y)),
            "keras": f"{version('keras')} {keras.backend.backend()}",
            "scikit-learn": version("scikit-learn"),
        }

    def _start(self) -> None:
        """Find the first centres; they are set unless a checkpoint has set later ones."""
        clusters = clustering.cluster(
            self.initial_embedding_,
            self.init,
            n_clusters=self.n_clusters,
            seed=self.random_state,
            **STARTS[self.init],
        )
        self.initial_labels_ = clusters.arrays["labels"]
        if not self.history_:
            self._clustering.centres.assign(clusters.arrays.get("centers", self._means()))

    def _means(self) -> np.ndarray:
        """Return the mean code of each initial cluster; of all codes where it has no sample."""
        z, labels = self.initial_embedding_, self.initial_labels_
        members = [labels == c for c in range(self.n_clusters)]
        return np.stack([z[m if m.any() else slice(None)].mean(axis=0) for m in members])

    def _train(self, X: np.ndarray, y: np.ndarray | None, where: Path, limit: int) -> None:
        from tqdm import tqdm

        q = self.predict_proba(X)
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
                losses = self._train_interval(X, target_distribution(q), update - 1)
                q = self.predict_proba(X)
                self._record(q, self.labels_, losses, y, time.perf_counter() - start)
                self.labels_ = q.argmax(axis=1)
                checkpoints.save(self.model_, where, update, self.history_)
                bar.update(self.update_interval)
                bar.set_postfix({k: f"{v:.4f}" for k, v in losses.items()})

    def _train_interval(self, X: np.ndarray, p: np.ndarray, number: int) -> dict[str, float]:
        training.reseed(self.model_, self.random_state, number)
        first = number * self.update_interval
        batches = IntervalBatches(X, p, self.batch_size, first, self.update_interval)
        logs = self.model_.fit(feed.dataset(batches), shuffle=False, verbose=0).history
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
