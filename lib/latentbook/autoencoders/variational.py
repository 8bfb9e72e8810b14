r"""Variational autoencoders: VAE, CL-VAE and CVAE, of norlander2019.

The encoder gives a Gaussian q(z|x) with mean μ and variances σ², the decoder p(x|z).
The weights are γ of the reconstruction and β of the divergence. Both are 1 in equations 4 and 8 of
the paper; γ is 0.3 in its weight-adjusted CL-VAE. The loss is the mean over rows of::

    γ E_q[-log p(x|z)] + β KL(q(z|x) || p)
    KL = ½ Σ_j (σ_j² + (μ_j - m_j)² - 1 - log σ_j²)

- `vae`: p = N(0, I), so m = 0 (equation 4);
- `cl-vae`: p = N(m_y, I), one learned mean a class (equation 8); only the prior sees the label y,
  so rows without a label can be encoded;
- `cvae`: p = N(0, I), but encoder and decoder see the label (sohn2015cvae). The paper names this
  comparison and does not make it.

References
----------
- norlander2019: Erik Norlander, Alexandros Sopasakis. Latent space conditioning for improved
  classification and anomaly detection. 2019. https://arxiv.org/abs/1911.10599
- astrom2024clvae: Oskar Åström, Alexandros Sopasakis. Improved anomaly detection through
  conditional latent space VAE ensembles. 2024. https://arxiv.org/abs/2410.12328
- kingma2014vae: Diederik P. Kingma, Max Welling. Auto-encoding variational Bayes. 2014.
  https://arxiv.org/abs/1312.6114
- sohn2015cvae: Kihyuk Sohn, Honglak Lee, Xinchen Yan. Learning structured output representation
  using deep conditional generative models. Advances in Neural Information Processing Systems,
  2015.

Notes
-----
Differences from the text of the paper:

- Equations 4 and 8 are lower bounds, of log p(x) and of log p(x|y): they are to be maximised
  (equation 5 asks for the minimum).
- Equation 7 must divide by p(x, y), not p(x).
- The divergence is an expectation over z drawn from q(z|x), for the one y of the row. The paper's
  Σ_y p(z|y) log(q(z|x) / p(z|y)) weights all classes by densities at one z: it is no divergence,
  and can be negative.
- "Simplified", log(q/p) loses -½ ||ε||². Its gradient is zero and its mean -d/2, so the simplified
  expression has the mean KL + d/2 and the right expected gradient, but more noise than the closed
  form, which costs the same and is used here.
- In appendix C both integrals lack their minus sign. They are -J/2 log 2π - ½ Σ (1 + log σ²) and
  -J/2 log 2π - ½ Σ (μ² + σ²); only so does their difference give the printed result, which holds.
- The likelihoods are sums over all features, in nats. The paper does not state its scale, on which
  the meaning of γ depends: γ on the sum over d features is γ d on their mean.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from latentbook import cache, feed, training
from latentbook.errors import LatentbookError, check_between, check_matrix, choose

#: Name of the model -> does it need labels?
MODELS = {"vae": False, "cl-vae": True, "cvae": True}

#: Kind of network -> widths of its layers (dense) or channels of its strided convolutions (conv).
HIDDEN = {"dense": (512, 256), "conv": (32, 64)}

#: Width of the dense layer between the convolutions and the code.
CONV_DENSE = 128

#: Distance of the first class means from the origin: that of the fixed means of astrom2024clvae.
#: Adam moves a mean by 0.001 a step, so those that start together need thousands of steps to part.
PRIOR_RADIUS = 3.0

#: Bound of the absolute log-variances, with which σ² stays finite in float32.
LOG_VARIANCE_LIMIT = 10.0

#: Smallest number of rows of a class: fewer cannot place its prior.
MIN_CLASS_ROWS = 5


@dataclass(frozen=True)
class Design:
    """The settings of a network and of its loss.

    Parameters
    ----------
    n_latent : int, default=2
        Dimension of the latent space.
    network : {"dense", "conv"}, default="dense"
        ``dense`` takes any shape, flattened; ``conv`` takes images (stride 2, kernel 3).
    hidden : tuple of int, default=()
        Widths of the layers of the encoder, mirrored in the decoder; empty for those in `HIDDEN`.
    likelihood : {"bernoulli", "gaussian"}, default="bernoulli"
        ``bernoulli`` is for values in [0, 1] (cross-entropy). ``gaussian`` has variance 1; up to a
        constant, a variance s² of the data is `gamma` = 1 / s².
    gamma, beta : float
        Weights of the reconstruction and of the divergence.
    """

    n_latent: int = 2
    network: str = "dense"
    hidden: tuple[int, ...] = ()
    likelihood: str = "bernoulli"
    gamma: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        choose("network", self.network, HIDDEN)
        choose("likelihood", self.likelihood, LIKELIHOODS)
        check_between("n_latent", self.n_latent, 1, 10_000)
        check_between("gamma", self.gamma, 0, 1e6)
        check_between("beta", self.beta, 0, 1e6)
        object.__setattr__(self, "hidden", tuple(self.hidden) or HIDDEN[self.network])


@dataclass(frozen=True)
class Variational:
    """Three Keras models over the same weights, which take dicts of inputs by name.

    Attributes
    ----------
    name : {"vae", "cl-vae", "cvae"}
    encoder : keras.Model
        ``x`` (and ``label`` of the CVAE) to mean and log-variance, each (n, n_latent).
    decoder : keras.Model
        ``z`` (and ``label`` of the CVAE) to the mean of p(x|z), in the shape of x.
    model : keras.Model
        ``x`` (and ``label`` unless a VAE) to the two terms of the loss, each (n,).
    n_classes : int
        Number of classes; 0 of the VAE.
    """

    name: str
    encoder: keras.Model
    decoder: keras.Model
    model: keras.Model
    n_classes: int

    @property
    def prior_means(self) -> np.ndarray:
        """Means of the priors: (n_classes, n_latent) of the CL-VAE, else one row of zeros."""
        if self.name == "cl-vae":
            return np.array(self.model.get_layer("prior_means").get_weights()[0])
        return np.zeros((1, self.encoder.output_shape[0][1]), np.float32)

    def posterior(
        self, x: np.ndarray, y: np.ndarray | None = None, batch_size: int = 1024
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and log-variance of q(z|x), each (n, n_latent); the CVAE needs `y`."""
        inputs = self._inputs(self.name == "cvae", y, x=_as_features(x))
        mean, log_variance = self.encoder.predict(
            **feed.arrays(inputs, batch_size=batch_size), verbose=0
        )
        return mean, log_variance

    def encode(
        self, x: np.ndarray, y: np.ndarray | None = None, batch_size: int = 1024
    ) -> np.ndarray:
        """Return the means of q(z|x), of shape (n, n_latent); the CVAE needs `y`."""
        return self.posterior(x, y, batch_size)[0]

    def decode(
        self, z: np.ndarray, y: np.ndarray | None = None, batch_size: int = 1024
    ) -> np.ndarray:
        """Return the means of p(x|z), of shape (n, ...) as x; the CVAE needs `y`."""
        check_matrix(z, "z")
        inputs = self._inputs(self.name == "cvae", y, z=np.asarray(z, np.float32))
        return self.decoder.predict(**feed.arrays(inputs, batch_size=batch_size), verbose=0)

    def reconstruct(
        self, x: np.ndarray, y: np.ndarray | None = None, batch_size: int = 1024
    ) -> np.ndarray:
        """Return the decoded means of q(z|x), in the shape of `x`; the CVAE needs `y`."""
        return self.decode(self.encode(x, y, batch_size), y, batch_size)

    def sample(self, label: int | None = None, n: int = 1, seed: int = 0) -> np.ndarray:
        """Return `n` draws of z from the prior, decoded to means of shape (n, ...) as x.

        Parameters
        ----------
        label
            The class to draw; None of the VAE, which has no classes.

        Raises
        ------
        LatentbookError
            For a label the model does not know, or does not take.
        """
        check_between("n", n, 1, 1_000_000)
        if not self.n_classes and label is not None:
            raise LatentbookError("a vae has no classes to sample from: leave the label out")
        y = None if label is None else np.full(n, label)
        if self.n_classes:
            check_labels(self.name, y, n, self.n_classes)
        means = self.prior_means
        centre = means[label if self.name == "cl-vae" and label is not None else 0]
        noise = np.random.default_rng(seed).standard_normal((n, means.shape[1]))
        return self.decode((centre + noise).astype(np.float32), y)

    def terms(
        self, x: np.ndarray, y: np.ndarray | None = None, seed: int = 0, batch_size: int = 1024
    ) -> dict[str, np.ndarray]:
        """Return the two terms of the loss for every row, unweighted, in nats.

        Returns
        -------
        dict
            ``reconstruction``: -log p(x|z) at one z drawn with `seed`; ``kl``: the exact divergence
            from the prior of the row's class. Each of shape (n,).
        """
        training.reseed(self.model, seed)
        inputs = self._inputs(MODELS[self.name], y, x=_as_features(x))
        return self.model.predict(**feed.arrays(inputs, batch_size=batch_size), verbose=0)

    def _inputs(
        self, labelled: bool, y: np.ndarray | None, **data: np.ndarray
    ) -> dict[str, np.ndarray]:
        if not labelled:
            return data
        (array,) = data.values()
        return {"label": check_labels(self.name, y, len(array), self.n_classes)} | data


def kl_divergence(mean: Any, log_variance: Any, prior_mean: Any) -> Any:
    """Return KL(N(mean, exp(log_variance)) || N(prior_mean, I)) by row."""
    variance, squared = ops.exp(log_variance), ops.square(mean - prior_mean)
    return 0.5 * ops.sum(variance + squared - 1.0 - log_variance, axis=-1)


def bernoulli(x: Any, logits: Any) -> Any:
    """Return -log p(x|z) of Bernoulli variables, summed over features."""
    return _sum_features(ops.softplus(logits) - x * logits)


def gaussian(x: Any, mean: Any) -> Any:
    """Return -log p(x|z) of Gaussian variables of variance 1, summed."""
    return 0.5 * _sum_features(ops.square(x - mean) + math.log(2 * math.pi))


def _sum_features(values: Any) -> Any:
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))


#: Name -> (-log p(x|z) from the decoder's last linear layer, activation that makes it a mean).
LIKELIHOODS = {"bernoulli": (bernoulli, "sigmoid"), "gaussian": (gaussian, "linear")}


def likelihood_of(x: np.ndarray, wanted: str = "auto") -> str:
    """Return `wanted`; for ``auto`` return ``bernoulli`` if all values lie in [0, 1].

    Examples
    --------
    >>> likelihood_of(np.array([0.0, 1.0])), likelihood_of(np.array([-1.0, 1.0]))
    ('bernoulli', 'gaussian')
    """
    if wanted != "auto":
        return wanted
    return "bernoulli" if x.min() >= 0 and x.max() <= 1 else "gaussian"


def draw(mean: Any, log_variance: Any, noise: Any) -> Any:
    """Return z = μ + σ ε, for noise ε of variance 1 (section 3.2)."""
    return mean + ops.exp(0.5 * log_variance) * noise


def prior_mean_of(name: str, mean: Any, one_hot: Any = None) -> Any:
    """Return the mean of the prior: 0, or that of the class (CL-VAE)."""
    if name != "cl-vae":
        return ops.zeros_like(mean)
    # the weights of this layer are the means, one row a class
    means = layers.Dense(mean.shape[-1], use_bias=False, name="prior_means")
    return means(one_hot)


def weighted_loss(error: Any, kl: Any, gamma: float, beta: float) -> Any:
    """Return the mean over rows of γ E[-log p(x|z)] + β KL."""
    return ops.mean(gamma * error + beta * kl)


class Sampling(layers.Layer):
    """Draw z from q(z|x), in training and in evaluation."""

    def __init__(self, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, mean: Any, log_variance: Any) -> Any:
        """Return z, of the shape of both."""
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return draw(mean, log_variance, noise)


class NegativeBound(layers.Layer):
    """The two terms of equation 8 for every row; their weighted mean is added as the loss."""

    def __init__(self, design: Design, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.design = design

    def call(
        self, x: Any, decoded: Any, mean: Any, log_variance: Any, prior_mean: Any
    ) -> dict[str, Any]:
        """Return ``reconstruction`` and ``kl``, each of shape (n,)."""
        reconstruction = LIKELIHOODS[self.design.likelihood][0](x, decoded)
        kl = kl_divergence(mean, log_variance, prior_mean)
        self.add_loss(weighted_loss(reconstruction, kl, self.design.gamma, self.design.beta))
        return {"reconstruction": reconstruction, "kl": kl}


def _label_inputs(n_classes: int) -> tuple[dict[str, Any], list[Any]]:
    """Return the input ``label`` and its one-hot rows; nothing for no classes."""
    if not n_classes:
        return {}, []
    label = keras.Input((), dtype="int32", name="label")
    return {"label": label}, [ops.one_hot(label, n_classes)]


def _joined(features: Any, one_hot: list[Any]) -> Any:
    return layers.Concatenate()([features, *one_hot]) if one_hot else features


def encoder_network(shape: tuple[int, ...], n_classes: int, design: Design) -> keras.Model:
    """Return the encoder; with `n_classes` its first dense layer sees the label."""
    inputs, one_hot = _label_inputs(n_classes)
    x = inputs["x"] = keras.Input(shape, name="x")
    if design.network == "conv":
        for channels in design.hidden:
            x = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
    x = _joined(layers.Flatten()(x), one_hot)
    for width in (CONV_DENSE,) if design.network == "conv" else design.hidden:
        x = layers.Dense(width, activation="relu")(x)
    mean = layers.Dense(design.n_latent, name="mean")(x)
    raw = layers.Dense(design.n_latent, name="log_variance")(x)
    log_variance = LOG_VARIANCE_LIMIT * ops.tanh(raw / LOG_VARIANCE_LIMIT)
    return keras.Model(inputs, [mean, log_variance], name="encoder")


def decoder_network(shape: tuple[int, ...], n_classes: int, design: Design) -> keras.Model:
    """Return the decoder up to its last linear layer, the encoder's mirror image."""
    inputs, one_hot = _label_inputs(n_classes)
    z = inputs["z"] = keras.Input((design.n_latent,), name="z")
    x = _joined(z, one_hot)
    if design.network == "dense":
        for width in reversed(design.hidden):
            x = layers.Dense(width, activation="relu")(x)
        x = layers.Dense(math.prod(shape))(x)
        return keras.Model(inputs, layers.Reshape(shape)(x), name="decoder_network")
    sizes = [shape[:2]]
    for _ in design.hidden:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    smallest = (*sizes.pop(), design.hidden[-1])
    x = layers.Dense(CONV_DENSE, activation="relu")(x)
    x = layers.Dense(math.prod(smallest), activation="relu")(x)
    x = layers.Reshape(smallest)(x)
    for channels in reversed((shape[2], *design.hidden[:-1])):
        activation = "linear" if not sizes[:-1] else "relu"
        x = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", activation=activation)(x)
        height, width = sizes.pop()
        x = layers.Cropping2D(((0, x.shape[1] - height), (0, x.shape[2] - width)))(x)
    return keras.Model(inputs, x, name="decoder_network")


def build(
    name: str,
    input_shape: tuple[int, ...],
    n_classes: int = 0,
    *,
    initial_means: np.ndarray | None = None,
    seed: int = 0,
    **design: Any,
) -> Variational:
    """Return the named model with weights drawn from `seed`.

    Parameters
    ----------
    name : str
        A key of `MODELS`.
    input_shape : tuple of int
        (n_features,), or (height, width, channels).
    n_classes : int, default=0
        At least 2 for the CL-VAE and the CVAE; the VAE ignores it.
    initial_means : array of shape (n_classes, n_latent), default=None
        Initial class means of the CL-VAE; None takes `starting_means`.
    **design
        The fields of `Design`.

    Raises
    ------
    LatentbookError
        For an unknown name, too few classes, more latent dimensions than features, a convolution
        of what is no image, or initial means of another shape.
    """
    choose("model", name, MODELS)
    plan, n_classes = Design(**design), n_classes if MODELS[name] else 0
    _check_shapes(name, input_shape, n_classes, plan)
    keras.utils.set_random_seed(seed)
    seen = n_classes if name == "cvae" else 0
    encoder = encoder_network(input_shape, seen, plan)
    network = decoder_network(input_shape, seen, plan)
    activation = LIKELIHOODS[plan.likelihood][1]
    decoded = layers.Activation(activation)(network.output)
    decoder = keras.Model(network.input, decoded, name="decoder")

    inputs, one_hot = _label_inputs(n_classes)
    conditions = dict(inputs) if name == "cvae" else {}
    x = inputs["x"] = keras.Input(input_shape, name="x")
    mean, log_variance = encoder({"x": x} | conditions)
    prior_mean = prior_mean_of(name, mean, *one_hot)
    z = Sampling(seed, name="sampling")(mean, log_variance)
    terms = NegativeBound(plan, name="negative_bound")(
        x, network({"z": z} | conditions), mean, log_variance, prior_mean
    )
    model = keras.Model(inputs, terms, name=name.replace("-", "_"))
    if name == "cl-vae":
        start = initial_means
        if start is None:
            start = starting_means(n_classes, plan.n_latent, seed)
        start = _checked_means(start, (n_classes, plan.n_latent))
        model.get_layer("prior_means").set_weights([start])
    return Variational(name, encoder, decoder, model, n_classes)


def starting_means(n_classes: int, n_latent: int, seed: int = 0) -> np.ndarray:
    """Return class means to start from, of shape (n_classes, n_latent).

    In two dimensions they are evenly spaced on the circle of `PRIOR_RADIUS`, the classes in random
    order. Otherwise they are Gaussian draws, whose root mean square distance from the origin is
    that radius.
    """
    rng = np.random.default_rng(seed)
    if n_latent != 2:
        return PRIOR_RADIUS / math.sqrt(n_latent) * rng.standard_normal((n_classes, n_latent))
    angles = 2 * np.pi / n_classes * rng.permutation(n_classes)
    return PRIOR_RADIUS * np.column_stack([np.cos(angles), np.sin(angles)])


def trained(
    name: str,
    x: np.ndarray,
    y: np.ndarray | None = None,
    x_val: np.ndarray | None = None,
    y_val: np.ndarray | None = None,
    *,
    epochs: int,
    patience: int | None = None,
    batch_size: int = 250,
    initial_means: np.ndarray | None = None,
    seed: int = 0,
    progress: bool = True,
    **design: Any,
) -> tuple[Variational, training.History]:
    """Build the named model and train it with Adam (learning rate 0.001) on `x`.

    An interrupted run with the same arguments continues; a finished one is loaded.

    Parameters
    ----------
    name : {"vae", "cl-vae", "cvae"}
    x, x_val : arrays of shape (n, n_features) or (n, height, width, channels)
        Training rows, and the rows whose loss early stopping watches.
    y, y_val : integer arrays of shape (n,)
        Labels in 0 .. n_classes - 1, each with at least 5 training rows; the VAE ignores them.
    epochs, patience, batch_size, progress
        As in `latentbook.training.fit`. A batch size of 250 divides 60,000, so that no smaller last
        batch has to be compiled.
    initial_means, **design
        As in `build`.

    Raises
    ------
    LatentbookError
        For NaN, values outside [0, 1] with the Bernoulli likelihood, labels that are missing or of
        the wrong number or range, a single class, a class with fewer than 5 rows, and as `build`.
    """
    plan = Design(**design)
    n_classes = 0
    if MODELS[choose("model", name, MODELS)]:
        n_classes = _count_classes(check_labels(name, y, len(x)))
    inputs = _training_inputs(name, x, y, n_classes, plan)
    watched = None if x_val is None else _training_inputs(name, x_val, y_val, n_classes, plan)
    built = build(name, x.shape[1:], n_classes, initial_means=initial_means, seed=seed, **design)
    fast = training.compiling(len(x) if plan.network == "dense" else 0)
    built.model.compile(keras.optimizers.Adam(1e-3), loss=None, **fast)
    history = training.fit(
        built.model,
        inputs,
        x_val=watched,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        key={
            "architecture": name,
            "optimizer": "Adam 0.001",
            "initial_means": cache.digest(built.prior_means),
            **asdict(plan),
        },
        seed=seed,
        progress=progress,
    )
    return built, history


def check_labels(
    name: str, y: np.ndarray | None, n_rows: int, n_classes: int | None = None
) -> np.ndarray:
    """Return `y` as int32, of shape (n_rows,).

    Raises
    ------
    LatentbookError
        If labels are missing, of another number than the rows, not whole, negative, or not below
        `n_classes`.
    """
    if y is None:
        raise LatentbookError(f"a {name} needs the label of every row: give y, or use a vae")
    labels = np.asarray(y)
    if labels.shape != (n_rows,):
        raise LatentbookError(
            f"y must hold one label for each of the {n_rows} rows, but has shape {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise LatentbookError(
            f"labels must be whole numbers from 0, not {labels.dtype}: number the classes first"
        )
    top = "" if n_classes is None else f" .. {n_classes - 1}"
    outside = (labels < 0) | (labels >= (np.inf if n_classes is None else n_classes))
    if outside.any():
        raise LatentbookError(f"labels must lie in 0{top}, but there is {labels[outside][0]}")
    return labels.astype(np.int32)


def _count_classes(labels: np.ndarray) -> int:
    counts = np.bincount(labels)
    if (counts > 0).sum() < 2:
        raise LatentbookError(
            "the label has one class only: condition on a label with two or more, or use a vae"
        )
    smallest = int(counts.argmin())
    if counts[smallest] < MIN_CLASS_ROWS:
        raise LatentbookError(
            f"class {smallest} has {counts[smallest]} rows, but each needs {MIN_CLASS_ROWS}: merge "
            "it with another or drop it, and number the classes without gaps"
        )
    return len(counts)


def _training_inputs(
    name: str, x: np.ndarray, y: np.ndarray | None, n_classes: int, plan: Design
) -> dict[str, np.ndarray]:
    """Return checked inputs of the model by name."""
    features = _as_features(x)
    if plan.likelihood == "bernoulli" and not (features.min() >= 0 and features.max() <= 1):
        raise LatentbookError(
            f"the bernoulli likelihood takes values in [0, 1], but x lies in [{features.min():g}, "
            f"{features.max():g}]: rescale it, or choose the gaussian likelihood"
        )
    label = {"label": check_labels(name, y, len(x), n_classes)} if n_classes else {}
    return label | {"x": features}


def _as_features(x: np.ndarray) -> np.ndarray:
    if getattr(x, "ndim", 0) < 2 or not x.size:
        shape = getattr(x, "shape", type(x).__name__)
        raise LatentbookError(
            f"x must have shape (n_samples, ...) and hold values, but has {shape}"
        )
    features = np.asarray(x, np.float32)
    check_matrix(features.reshape(len(features), -1))
    return features


def _check_shapes(name: str, shape: tuple[int, ...], n_classes: int, plan: Design) -> None:
    if MODELS[name] and n_classes < 2:
        raise LatentbookError(f"a {name} needs at least 2 classes, not {n_classes}: use a vae")
    if plan.n_latent > math.prod(shape):
        raise LatentbookError(
            f"n_latent is {plan.n_latent}, but the data have only {math.prod(shape)} features: "
            "choose at most as many"
        )
    if plan.network == "conv" and len(shape) != 3:
        raise LatentbookError(
            f"the conv network takes images of shape (height, width, channels), not {shape}: use "
            "the dense network"
        )


def _checked_means(means: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    means = np.asarray(means, np.float32)
    if means.shape != shape or not np.isfinite(means).all():
        raise LatentbookError(
            f"initial_means must be finite and of shape (n_classes, n_latent) = {shape}, but have "
            f"shape {means.shape}"
        )
    return means
