"""Dense autoencoders: linear, nonlinear, and the regularised kinds of charte2020's overview.

Encoder and decoder mirror each other. Penalties and noise exist only in the model that is trained;
the three models of the `Autoencoder` have neither.
Convolutions are left to `conv`, distributions instead of codes to `variational`.

Notes
-----
The code of an autoencoder has no scale of its own. Halve the code and double the first weights of
the decoder: the reconstruction stays the same, but every penalty on the size of the code or of its
derivative falls. Rifai et al. (2011) prevent that: the decoder shares the weights of the encoder.
Here the weights are free, and the penalties are divided by the spread of the code over the batch.

References
----------
- charte2020: David Charte. Autoencoders: an overview and applications. Slides, SOMACHINE 2020,
  Universidad de Granada, 2020.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import cache, training
from latentbook.autoencoders.base import Autoencoder, join
from latentbook.errors import LatentbookError, check_between, choose

if TYPE_CHECKING:
    import keras

#: Kind -> what differs from a plain autoencoder, as fields of `Design`.
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sparse L1": {"penalty": "l1", "weight": 0.01},
    "sparse KL": {"penalty": "kl", "weight": 0.01, "code_activation": "sigmoid"},
    "contractive": {"penalty": "contractive", "weight": 0.01},
    "denoising": {"noise": 0.2},
}

PENALTIES = ("none", "l1", "kl", "contractive")

#: Mean activation that the Kullback-Leibler penalty wants of every unit of the code.
TARGET_ACTIVITY = 0.1

#: Length of the random step, in each feature, over which the contractive penalty looks at the code.
STEP = 0.01

#: Rows of a round at most, after which a checkpoint is written: small data are passed several times
#: a round.
ROUND = 10_000


@dataclass(frozen=True)
class Design:
    """What determines a network and its loss, apart from the data.

    Parameters
    ----------
    n_codes
        Length of the code.
    widths
        Of the encoder's hidden layers, mirrored in the decoder.
    activation, code_activation
        Of the hidden layers, and of the code; the output is linear.
    noise
        Standard deviation of Gaussian noise on the input, in training only.
    penalty
        ``none``; ``l1`` and ``kl``, on the activity of the code; ``contractive``, on the
        derivative of the code with respect to the input.
    weight
        Of the penalty beside the mean squared error.
    """

    n_codes: int = 2
    widths: tuple[int, ...] = (8,)
    activation: str = "selu"
    code_activation: str = "linear"
    noise: float = 0.0
    penalty: str = "none"
    weight: float = 0.0

    def __post_init__(self) -> None:
        choose("penalty", self.penalty, PENALTIES)
        check_between("n_codes", self.n_codes, 1, 10_000)
        check_between("noise", self.noise, 0, 100)
        check_between("weight", self.weight, 0, 1e6)
        for width in self.widths:
            check_between("a hidden layer's width", width, 1, 100_000)
        if self.penalty == "kl" and self.code_activation != "sigmoid":
            raise LatentbookError(
                "the penalty kl needs a code between 0 and 1: choose the code activation sigmoid, "
                "or the penalty l1"
            )
        object.__setattr__(self, "widths", tuple(self.widths))


def linear(input_shape: tuple[int, ...], n_codes: int) -> Autoencoder:
    """Return a linear autoencoder: one layer to the code, one back."""
    return build(input_shape, n_codes=n_codes, widths=())


def build(input_shape: tuple[int, ...], *, seed: int = 0, **design: Any) -> Autoencoder:
    """Return a dense autoencoder with weights drawn from `seed`.

    With 36 features, the defaults of `Design` give the network 36-8-2-8-36 of charte2020. The code
    is linear here, and SELU there.

    Parameters
    ----------
    input_shape
        (n_features,), or (height, width, channels), which is flattened and restored.
    **design
        The fields of `Design`.

    Raises
    ------
    LatentbookError
        For a code longer than the input, and for fields out of range.
    """
    import keras
    from keras import layers

    plan, n_features = Design(**design), math.prod(input_shape)
    if plan.n_codes > n_features:
        raise LatentbookError(
            f"n_codes is {plan.n_codes}, but the data have only {n_features} features: choose at "
            "most as many"
        )
    keras.utils.set_random_seed(seed)

    def dense(width: int, activation: str, name: str) -> Any:
        # LeCun's initial weights are what self-normalising (SELU) layers presuppose
        start = "lecun_normal" if activation == "selu" else "glorot_uniform"
        return layers.Dense(width, activation, kernel_initializer=start, name=name)

    x = image = keras.Input(input_shape, name="image")
    x = layers.Flatten()(x) if len(input_shape) > 1 else x
    for i, width in enumerate(plan.widths):
        x = dense(width, plan.activation, f"hidden_{i}")(x)
    x = dense(plan.n_codes, plan.code_activation, "code")(x)
    encoder = keras.Model(image, x)

    x = code = keras.Input((plan.n_codes,), name="code")
    for i, width in reversed(list(enumerate(plan.widths))):
        x = dense(width, plan.activation, f"mirror_{i}")(x)
    x = dense(n_features, "linear", "output")(x)
    x = layers.Reshape(input_shape)(x) if len(input_shape) > 1 else x
    name = "-".join(map(str, ("dense", *plan.widths, plan.n_codes)))
    return join(name, encoder, keras.Model(code, x))


def trainer(networks: Sequence[Autoencoder], plans: Sequence[Design], seed: int) -> keras.Model:
    """Return the model that is trained: every network's own noise and penalty beside its error.

    Its loss is the sum over `networks`, whose weights it shares.
    """
    import keras
    from keras import layers

    x = image = keras.Input(networks[0].encoder.input_shape[1:], name="image")
    losses = []
    for i, (network, plan) in enumerate(zip(networks, plans, strict=True)):
        seen = layers.GaussianNoise(plan.noise, seed=seed)(x) if plan.noise else x
        codes = network.encoder(seen)
        moved = codes
        if plan.penalty == "contractive":
            moved = network.encoder(_random_step(seed)(seen))
        losses.append(_loss(plan, f"loss_{i}")(x, network.decoder(codes), codes, moved))
    return keras.Model(image, losses, name="trainer")


def trained(
    x: np.ndarray,
    designs: Sequence[Mapping[str, Any]],
    *,
    epochs: int,
    batch_size: int = 250,
    seeds: Sequence[int] = (0,),
    start: Sequence[Sequence[np.ndarray]] = (),
) -> tuple[list[Autoencoder], float]:
    """Build autoencoders and train them side by side with Adam (learning rate 0.001).

    The loss is the sum of their losses. They share no weight, and Adam treats every weight by
    itself: each network learns the same as alone from the same batches, and compiling is paid once.
    An interrupted run with the same arguments continues; a finished one is loaded.

    Parameters
    ----------
    x : array of shape (n, n_features) or (n, height, width, channels)
    designs
        Fields of `Design`, one mapping a network; not stacked ones, see `stacked`.
    epochs
        Passes over `x`, rounded up to equal rounds of several passes for small data.
    batch_size
        250 divides 60,000, so that no odd last batch has to be compiled for itself.
    seeds
        Of the initial weights: one for all, or one a network. The first one orders the batches.
    start
        Weights to start from instead, one list a network.

    Returns
    -------
    list of Autoencoder, and the seconds of training divided by their number

    Raises
    ------
    LatentbookError
        As `build` and `training.fit`.
    """
    import keras

    check_between("epochs", epochs, 1, 1_000_000)
    plans = [Design(**design) for design in designs]
    own = list(seeds) * len(plans) if len(seeds) == 1 else list(seeds)
    networks = [
        build(x.shape[1:], seed=seed, **design) for seed, design in zip(own, designs, strict=True)
    ]
    for network, weights in zip(networks, start, strict=False):
        network.model.set_weights(weights)
    model = trainer(networks, plans, own[0])
    model.compile(keras.optimizers.Adam(1e-3), loss=None, **training.compiling(len(x)))
    rounds = -(-epochs // max(1, ROUND // len(x)))
    passes = -(-epochs // rounds)
    history = training.fit(
        model,
        np.tile(x, (passes,) + (1,) * (x.ndim - 1)) if passes > 1 else x,
        epochs=rounds,
        batch_size=batch_size,
        key={
            "networks": [
                network.description | asdict(p) for network, p in zip(networks, plans, strict=True)
            ],
            "optimizer": "Adam 0.001",
            "seeds": own,
            "start": cache.digest(*(w for weights in start for w in weights)),
        },
        seed=own[0],
        progress=False,
    )
    return networks, sum(history["seconds"]) / len(networks)


def outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Return the output of `model` for `x`, without `predict`: tracing costs more than it saves."""
    from keras import ops
    from sklearn.utils import gen_batches

    parts = [ops.convert_to_numpy(model(x[rows])) for rows in gen_batches(len(x), 4096)]
    return np.concatenate(parts)


def stacked(
    x: np.ndarray, design: Mapping[str, Any], *, epochs: int, batch_size: int = 250, seed: int = 0
) -> tuple[Autoencoder, float]:
    """Train an autoencoder layer by layer (Bengio et al. 2007), then all layers together.

    Each layer in turn learns to reproduce the output of the layer below. Half of the epochs go to
    the layers, in equal parts, the other half to all layers together.

    Raises
    ------
    LatentbookError
        If there are too few epochs for the layers.
    """
    plan = Design(**design)
    depth = len(plan.widths) + 1
    each = epochs // (2 * depth)
    if not each:
        raise LatentbookError(
            f"epochs is {epochs}, but {depth} layers that are trained one by one need at least "
            f"{2 * depth}"
        )
    common: dict[str, Any] = {"batch_size": batch_size, "seeds": (seed,)}
    below, seconds, kernels = x.reshape(len(x), -1), 0.0, []
    for i, width in enumerate((*plan.widths, plan.n_codes)):
        activation = plan.activation if i < len(plan.widths) else plan.code_activation
        alone = {"n_codes": width, "widths": (), "code_activation": activation}
        (layer,), took = trained(below, [alone], epochs=each, **common)
        kernels.append(layer.model.get_weights())
        below, seconds = outputs(layer.encoder, below), seconds + took
    weights = [w for k in kernels for w in k[:2]] + [w for k in reversed(kernels) for w in k[2:]]
    rest = epochs - each * depth
    (network,), took = trained(x, [design], epochs=rest, start=[weights], **common)
    return network, seconds + took


def _loss(plan: Design, name: str) -> keras.layers.Layer:
    """Return the layer that adds a network's squared error and penalty to the loss."""
    from keras import layers, ops

    class Loss(layers.Layer):
        def call(self, x: Any, decoded: Any, codes: Any, moved: Any) -> Any:
            loss = ops.mean(ops.square(x - decoded))
            if plan.penalty != "none":
                loss += plan.weight * penalty(plan.penalty, codes, moved)
            self.add_loss(loss)
            return ops.reshape(loss, (1,))

    return Loss(name=name)


def _random_step(seed: int) -> keras.layers.Layer:
    """Return the layer that adds Gaussian noise of length `STEP` a feature, also in evaluation."""
    import keras
    from keras import layers, ops

    class RandomStep(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seed_generator = keras.random.SeedGenerator(seed)

        def call(self, x: Any) -> Any:
            return x + STEP * keras.random.normal(ops.shape(x), seed=self.seed_generator)

    return RandomStep()


def penalty(kind: str, codes: Any, moved: Any) -> Any:
    r"""Return a penalty on a batch of codes.

    Parameters
    ----------
    kind
        ``l1``: the mean of :math:`|z_j| / \sqrt{\langle z_j^2 \rangle}` over units j, which is 1
        for a unit that is always equally active and small for one that seldom is.
        ``kl``: :math:`\sum_j \mathrm{KL}(\rho \,\|\, \langle z_j \rangle)` of Bernoulli variables
        with the wanted and the mean activity.
        ``contractive``:
        :math:`\langle \|\partial z_j / \partial x\|^2 \rangle / \mathrm{Var}(z_j)`,
        averaged over units j.
    codes : tensor of shape (n, n_codes)
    moved : tensor of shape (n, n_codes)
        Codes after a Gaussian step of `STEP` in every feature, for ``contractive`` only: the
        expectation of :math:`(z(x + s\varepsilon) - z(x))^2 / s^2` is the squared length of the
        gradient but for terms of order s² (Hutchinson's estimator). It needs no second
        derivative and so works in every backend.
    """
    from keras import ops

    if kind == "l1":
        size = ops.sqrt(ops.mean(ops.square(codes), axis=0)) + 1e-6
        return ops.mean(ops.abs(codes) / size)
    if kind == "kl":
        rho = TARGET_ACTIVITY
        mean = ops.clip(ops.mean(codes, axis=0), 1e-6, 1 - 1e-6)
        active = rho * ops.log(rho / mean)
        return ops.sum(active + (1 - rho) * ops.log((1 - rho) / (1 - mean)))
    steep = ops.mean(ops.square((moved - codes) / STEP), axis=0)
    return ops.mean(steep / (ops.var(codes, axis=0) + 1e-6))


def fit_linear(
    x: np.ndarray,
    n_codes: int,
    *,
    seed: int = 0,
    gradient: float = 1e-7,
    max_iterations: int = 5000,
) -> tuple[Autoencoder, float]:
    r"""Return the linear autoencoder that reproduces the centred rows of `x` best, and its loss.

    From random weights with L-BFGS. The loss needs the data only through their covariance C:
    with encoder E and decoder D, both without offsets,
    :math:`\mathrm{tr}((I - ED)^\top C (I - ED))`, so that each step sees all rows at little cost.

    Parameters
    ----------
    x : array of shape (n, n_features)
        Its mean is subtracted here; give the autoencoder centred rows.
    gradient
        The search stops when no component of the loss' gradient, divided by the total variance,
        is larger. The more alike the variances of two directions, the smaller it has to be.

    Returns
    -------
    Autoencoder, and the mean over rows and features of the squared error of `x`

    Notes
    -----
    It differs from `trained` because Adam needs thousands of epochs for the last directions, whose
    variances hardly differ. Both lead to the same place: the loss has no local minima, only saddle
    points (Baldi and Hornik 1989).
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    n_features = x.shape[1]
    autoencoder = linear((n_features,), n_codes)
    centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    covariance = centred.T @ centred / len(x)
    start = np.random.default_rng(seed).normal(0, n_features**-0.5, 2 * n_codes * n_features)
    scale = np.trace(covariance)
    options = {"maxiter": max_iterations, "maxfun": 10**9, "ftol": 0, "gtol": gradient}
    with threadpool_limits(1):  # such small products take three times as long on two threads
        found = minimize(
            linear_loss,
            start,
            args=(covariance / scale, n_codes),
            jac=True,
            method="L-BFGS-B",
            options=options,
        )
    encoder, decoder = found.x.reshape(2, n_features, n_codes)
    zeros = np.zeros(n_codes), np.zeros(n_features)
    autoencoder.model.set_weights([encoder, zeros[0], decoder.T, zeros[1]])
    return autoencoder, float(found.fun * scale / n_features)


def linear_loss(
    weights: np.ndarray, covariance: np.ndarray, n_codes: int
) -> tuple[float, np.ndarray]:
    """Return the squared error of a linear autoencoder, summed over features, and its gradient.

    Parameters
    ----------
    weights : vector of length 2 d n_codes
        Encoder, then transposed decoder, each of shape (d, n_codes).
    covariance : array of shape (d, d)
    """
    encoder, decoder = weights.reshape(2, -1, n_codes)
    # one product: reading the covariance from memory is what takes the time
    seen, wanted = np.split(covariance @ np.hstack([encoder, decoder]), 2, axis=1)
    inner, gram = encoder.T @ seen, decoder.T @ decoder
    loss = np.trace(covariance) - 2 * np.sum(decoder * seen) + np.sum(inner * gram)
    gradient = np.stack([seen @ gram - wanted, decoder @ inner - seen])
    return float(loss), 2 * gradient.ravel()


def directions(autoencoder: Autoencoder) -> np.ndarray:
    """Return the decoder's directions of a linear autoencoder: (n_codes, n_features)."""
    kernels: Sequence[np.ndarray] = autoencoder.decoder.get_layer("output").get_weights()
    return np.asarray(kernels[0])
