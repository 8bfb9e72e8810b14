"""Variational autoencoders: formulas, shared weights, conditioning, resumption, bad input."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from functools import cache

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from latentbook.autoencoders import variational
from latentbook.errors import LatentbookError

pytestmark = pytest.mark.usefixtures("own_cache")

SMALL = {"hidden": (16,)}
RNG = np.random.default_rng(0)
Y = np.arange(60) % 3
#: Three classes that differ in which third of the twelve features is lit.
X = np.clip(0.8 * np.repeat(np.eye(3), 4, axis=1)[Y] + 0.2 * RNG.random((60, 12)), 0, 1)
X = X.astype(np.float32)


@cache
def a_model(name: str) -> variational.Variational:
    """Build one untrained model a name; no test changes it."""
    return variational.build(name, (12,), 3, **SMALL)


def label_for(name: str) -> np.ndarray | None:
    return Y if name == "cvae" else None


def a_posterior(seed: int = 1, d: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=d), rng.normal(size=d), 2 * rng.normal(size=d)


def kl(*arrays: np.ndarray | float) -> np.ndarray:
    tensors = [ops.convert_to_tensor(np.atleast_2d(a).astype(np.float32)) for a in arrays]
    return ops.convert_to_numpy(variational.kl_divergence(*tensors))


def log_ratio(z: np.ndarray, mean: np.ndarray, log_variance: np.ndarray, prior: np.ndarray):
    q = stats.norm.logpdf(z, mean, np.exp(log_variance / 2)).sum(axis=1)
    return q - stats.norm.logpdf(z, prior).sum(axis=1)


@pytest.mark.parametrize(
    ("mean", "log_variance", "prior", "expected"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (3.0, 0.0, 0.0, 4.5),
        (3.0, 0.0, 1.0, 2.0),
        (0.0, np.log(4.0), 0.0, 0.5 * (4 - 1 - np.log(4))),
        (5.0, -1.0, 5.0, 0.5 * np.exp(-1.0)),
    ],
)
def test_divergence_has_its_known_values(mean, log_variance, prior, expected):
    assert kl(mean, log_variance, prior)[0] == pytest.approx(expected, abs=1e-6)


def test_divergence_agrees_with_appendix_c():
    mean, log_variance, _ = a_posterior()
    printed = -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance))
    assert kl(mean, log_variance, 0 * mean)[0] == pytest.approx(printed, rel=1e-5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_divergence_agrees_with_monte_carlo(seed):
    mean, log_variance, prior = a_posterior(seed)
    noise = np.random.default_rng(seed).standard_normal((200_000, 3))
    ratios = log_ratio(mean + np.exp(log_variance / 2) * noise, mean, log_variance, prior)
    error = ratios.std() / np.sqrt(len(ratios))
    assert abs(kl(mean, log_variance, prior)[0] - ratios.mean()) < 4 * error


def test_the_simplified_ratio_is_half_the_dimension_too_large():
    mean, log_variance, prior = a_posterior()
    noise = np.random.default_rng(0).standard_normal((200_000, 3))
    z = mean + np.exp(log_variance / 2) * noise
    simplified = -0.5 * log_variance.sum() + 0.5 * ((z - prior) ** 2).sum(axis=1)
    error = simplified.std() / np.sqrt(len(z))
    assert abs(simplified.mean() - kl(mean, log_variance, prior)[0] - 1.5) < 4 * error


def test_the_papers_sum_over_classes_can_be_negative():
    z, wide = np.zeros((1, 2)), np.full(2, np.log(4.0))
    ratio = log_ratio(z, np.zeros(2), wide, np.zeros(2))[0]
    assert stats.norm.pdf(0) ** 2 * ratio < -0.2 < 0 < kl(np.zeros(2), wide, np.zeros(2))[0]


def test_the_integrals_of_appendix_c_lack_a_minus_sign():
    mean, log_variance, _ = a_posterior()
    z = mean + np.exp(log_variance / 2) * np.random.default_rng(0).standard_normal((200_000, 3))
    first = stats.norm.logpdf(z, mean, np.exp(log_variance / 2)).sum(axis=1).mean()
    second = stats.norm.logpdf(z).sum(axis=1).mean()
    constant = 1.5 * np.log(2 * np.pi)
    assert first == pytest.approx(-constant - 0.5 * np.sum(1 + log_variance), abs=0.02)
    assert second == pytest.approx(
        -constant - 0.5 * np.sum(mean**2 + np.exp(log_variance)), abs=0.05
    )


def test_bernoulli_likelihood_is_the_cross_entropy_and_stays_finite():
    logits = np.array([[0.3, -2.0, 1.0], [200.0, -200.0, 200.0]], np.float32)
    x = np.array([[1, 0, 0.25], [1, 0, 0]], np.float32)
    p = 1 / (1 + np.exp(-logits[0].astype(float)))
    found = ops.convert_to_numpy(variational.bernoulli(x, ops.convert_to_tensor(logits)))
    expected = -(x[0] * np.log(p) + (1 - x[0]) * np.log(1 - p)).sum()
    np.testing.assert_allclose(found, [expected, 200.0], rtol=1e-5)


def test_gaussian_likelihood_is_that_of_unit_variance():
    x, mean = RNG.normal(size=(2, 5, 3, 1)).astype(np.float32)
    found = ops.convert_to_numpy(variational.gaussian(x, ops.convert_to_tensor(mean)))
    expected = -stats.norm.logpdf(x, mean).sum(axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", variational.MODELS)
def test_encoder_decoder_and_model_share_weights(name):
    built = a_model(name)
    parts = built.encoder.trainable_weights + built.decoder.trainable_weights
    rest = [w for w in built.model.trainable_weights if all(w is not part for part in parts)]
    assert [w.shape for w in rest] == ([(3, 2)] if name == "cl-vae" else [])
    assert len(built.model.trainable_weights) == len(parts) + len(rest)


@pytest.mark.parametrize("name", variational.MODELS)
def test_terms_are_those_of_the_posterior_and_the_prior_of_the_class(name):
    built = a_model(name)
    mean, log_variance = built.posterior(X, label_for(name))
    prior = built.prior_means[Y if name == "cl-vae" else 0]
    terms = built.terms(X, Y)
    np.testing.assert_allclose(terms["kl"], kl(mean, log_variance, prior), rtol=1e-4, atol=1e-5)
    assert terms["reconstruction"].shape == (60,)
    again, other = built.terms(X, Y), built.terms(X, Y, seed=1)
    np.testing.assert_array_equal(again["reconstruction"], terms["reconstruction"])
    assert (other["reconstruction"] != terms["reconstruction"]).any()


@pytest.mark.parametrize("name", variational.MODELS)
def test_only_the_cvae_needs_labels_to_encode(name):
    built = a_model(name)
    assert built.encode(X, label_for(name)).shape == (60, 2)
    rebuilt = built.decode(built.encode(X, label_for(name)), label_for(name))
    np.testing.assert_array_equal(built.reconstruct(X, label_for(name)), rebuilt)
    assert rebuilt.shape == X.shape
    assert (rebuilt > 0).all()
    assert (rebuilt < 1).all()
    if name == "cvae":
        with pytest.raises(LatentbookError, match="a cvae needs the label"):
            built.encode(X)
        assert np.abs(built.encode(X, Y) - built.encode(X, (Y + 1) % 3)).max() > 1e-3


def loss_and_gradients(built: variational.Variational) -> tuple[float, dict[str, np.ndarray]]:
    """One step of plain gradient descent of rate one: the change of the weights is the gradient."""
    before = {w.path: np.array(w) for w in built.model.trainable_weights}
    built.model.compile(keras.optimizers.SGD(1.0), loss=None, jit_compile=False)
    inputs = {"x": X, "label": Y.astype(np.int32)}
    loss = float(built.model.train_on_batch({k: inputs[k] for k in built.model.input}))
    return loss, {w.path: before[w.path] - np.array(w) for w in built.model.trainable_weights}


def test_gradients_reach_the_class_means_through_the_divergence_only():
    built = variational.build("cl-vae", (12,), 3, **SMALL, gamma=5.0, beta=0.5)
    means, codes = built.prior_means, built.encode(X)
    _, gradients = loss_and_gradients(built)
    (gradient,) = (g for path, g in gradients.items() if "prior_means" in path)
    rows = [np.flatnonzero(c == Y) for c in range(3)]
    by_hand = [0.5 / 3 * (means[c] - codes[rows[c]].mean(axis=0)) for c in range(3)]
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 1.0), (2.0, 0.0)])
def test_the_loss_is_the_weighted_mean_of_the_terms(weights):
    gamma, beta = weights
    built = variational.build("cl-vae", (12,), 3, **SMALL, gamma=gamma, beta=beta)
    terms = built.terms(X, Y, seed=7)
    variational.training.reseed(built.model, 7)
    loss, _ = loss_and_gradients(built)
    expected = gamma * terms["reconstruction"].mean() + beta * terms["kl"].mean()
    assert loss == pytest.approx(expected, rel=1e-4)


def test_without_reconstruction_the_posterior_falls_on_the_priors():
    start = np.array([[4.0, 0], [0, 4], [-4, 0]])
    built = variational.build("cl-vae", (12,), 3, gamma=0.0, initial_means=start, hidden=(64,))
    built.model.compile(keras.optimizers.Adam(1e-2), loss=None, jit_compile=False)
    for _ in range(100):
        built.model.train_on_batch({"x": X, "label": Y.astype(np.int32)})
    distance = np.linalg.norm(built.encode(X)[:, None] - built.prior_means, axis=2)
    assert (distance.argmin(axis=1) == Y).all()
    assert built.terms(X, Y)["kl"].mean() < 1.0


def test_a_run_continued_equals_one_that_was_not_interrupted(another_cache, capsys):
    options = {"batch_size": 16, "progress": False, **SMALL}
    data = ("cl-vae", X, Y, X[:9], Y[:9])
    whole, full = variational.trained(*data, epochs=4, **options)
    another_cache()
    variational.trained(*data, epochs=2, **options)
    resumed, history = variational.trained(*data, epochs=4, **options)
    assert "resumed after epoch 2 of 4" in capsys.readouterr().out
    for key in ("loss", "val_loss"):
        np.testing.assert_allclose(history[key], full[key], rtol=1e-5)
    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert full["loss"][-1] < full["loss"][0]


def test_another_weight_is_another_training(capsys):
    options = {"epochs": 1, "progress": False, **SMALL}
    _, first = variational.trained("cl-vae", X, Y, **options)
    _, second = variational.trained("cl-vae", X, Y, **options, gamma=0.3)
    assert "resumed" not in capsys.readouterr().out
    assert second["loss"][0] < 0.9 * first["loss"][0]


def test_samples_are_decoded_draws_from_the_prior_of_the_class():
    noise = np.random.default_rng(5).standard_normal((4, 2))
    vae, cl_vae, cvae = (a_model(name) for name in ("vae", "cl-vae", "cvae"))
    np.testing.assert_allclose(vae.sample(n=4, seed=5), vae.decode(noise), rtol=1e-5)
    np.testing.assert_allclose(
        cl_vae.sample(1, 4, seed=5), cl_vae.decode(noise + cl_vae.prior_means[1]), rtol=1e-5
    )
    np.testing.assert_allclose(
        cvae.sample(1, 4, seed=5), cvae.decode(noise, np.ones(4, int)), rtol=1e-5
    )
    assert np.ptp([m.sample(c, 1)[0, 0] for m in (cl_vae, cvae) for c in range(3)]) > 1e-3


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 7, 3)])
@pytest.mark.parametrize("name", variational.MODELS)
def test_convolutions_restore_every_size(name, shape):
    built = variational.build(name, shape, 3, network="conv", hidden=(4, 6), likelihood="gaussian")
    images = RNG.normal(size=(6, *shape)).astype(np.float32)
    y = Y[:6] if name == "cvae" else None
    assert built.encode(images, y).shape == (6, 2)
    assert built.reconstruct(images, y).shape == images.shape
    assert built.terms(images, Y[:6])["kl"].shape == (6,)


def test_class_means_start_apart_and_the_seed_shuffles_the_classes():
    circle, other = (variational.starting_means(10, 2, seed) for seed in (0, 1))
    np.testing.assert_allclose(np.linalg.norm(circle, axis=1), variational.PRIOR_RADIUS)
    gaps = np.linalg.norm(circle[:, None] - circle, axis=2) + 99 * np.eye(10)
    np.testing.assert_allclose(gaps.min(axis=1), 6 * np.sin(np.pi / 10))
    assert (circle != other).any()
    assert variational.starting_means(4, 1).shape == (4, 1)
    lengths = np.linalg.norm(variational.starting_means(500, 8), axis=1)
    assert np.sqrt((lengths**2).mean()) == pytest.approx(variational.PRIOR_RADIUS, rel=0.05)


def test_log_variances_stay_finite_for_huge_values():
    built = variational.build("vae", (12,), likelihood="gaussian", **SMALL)
    mean, log_variance = built.posterior(1e6 * X)
    assert np.abs(log_variance).max() <= variational.LOG_VARIANCE_LIMIT
    assert np.isfinite(built.terms(1e6 * X)["kl"]).all()
    assert np.isfinite(mean).all()


def test_as_many_latent_dimensions_as_features_are_allowed():
    assert variational.build("vae", (12,), n_latent=12, **SMALL).encode(X).shape == (60, 12)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_the_jax_backend_trains_and_samples(tmp_path):
    script = textwrap.dedent(
        """
        import keras, numpy as np
        from latentbook.autoencoders import variational
        assert keras.backend.backend() == "jax"
        y = np.arange(60) % 3
        x = np.repeat(np.eye(3, dtype="float32"), 4, axis=1)[y]
        options = dict(batch_size=20, hidden=(16,), seed=1, progress=False)
        model, history = variational.trained("cl-vae", x, y, epochs=3, **options)
        assert history["loss"][-1] < history["loss"][0], history
        assert np.isfinite(model.terms(x, y)["kl"]).all()
        assert model.sample(1, n=2).shape == (2, 12)
        """
    )
    environment = os.environ | {"KERAS_BACKEND": "jax", "LATENTBOOK_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def train(name: str = "cl-vae", x: np.ndarray = X, y: np.ndarray | None = Y, **options):
    return variational.trained(name, x, y, **{"epochs": 1, "progress": False, **options})


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: train("clvae"), "unknown model 'clvae'.*did you mean 'cl-vae'"),
        (lambda: train(y=None), "a cl-vae needs the label of every row"),
        (lambda: train("cvae", y=None), "a cvae needs the label of every row"),
        (lambda: train(y=Y * 0), "the label has one class only"),
        (lambda: train(y=Y * 0 + 2), "the label has one class only"),
        (lambda: train(y=np.where(np.arange(60) < 4, 3, Y)), "class 3 has 4 rows"),
        (lambda: train(y=Y * 2), "class 1 has 0 rows"),
        (lambda: train(y=Y[:-1]), "one label for each of the 60 rows, but has shape"),
        (lambda: train(y=Y[:, None]), "one label for each of the 60 rows, but has shape"),
        (lambda: train(y=Y - 1), "labels must lie in 0, but there is -1"),
        (lambda: train(y=Y * 1.0), "labels must be whole numbers from 0, not float64"),
        (lambda: train(y=np.array(list("abc"))[Y]), "labels must be whole numbers"),
        (lambda: train(x_val=X, y_val=Y + 1), r"labels must lie in 0 \.\. 2, but there is 3"),
        (lambda: train(x_val=X), "needs the label of every row"),
        (lambda: train(x=np.where(X > 0.9, np.nan, X)), "x holds NaN or infinite values"),
        (lambda: train(x=np.where(X > 0.9, np.inf, X)), "x holds NaN or infinite values"),
        (lambda: train(x=X * 3), r"bernoulli likelihood takes values in \[0, 1\]"),
        (lambda: train(x=X[:, 0]), r"x must have shape \(n_samples, ...\)"),
        (lambda: train(n_latent=13), "n_latent is 13, but the data have only 12 features"),
        (lambda: train(n_latent=0), "n_latent is 0"),
        (lambda: train(network="conv"), "the conv network takes images"),
        (lambda: train(network="convolution"), "unknown network"),
        (lambda: train(likelihood="poisson"), "unknown likelihood"),
        (lambda: train(gamma=-1.0), "gamma is -1"),
        (lambda: train(beta=float("nan")), "beta is nan"),
        (lambda: train(initial_means=np.zeros((2, 2))), "initial_means must be finite and of"),
        (lambda: train(epochs=0), "epochs is 0"),
        (lambda: variational.build("cl-vae", (12,), 1), "at least 2 classes, not 1"),
        (lambda: a_model("cl-vae").terms(X, Y + 1), r"labels must lie in 0 \.\. 2"),
        (lambda: a_model("vae").encode(X * np.nan), "x holds NaN"),
        (lambda: a_model("vae").decode(np.zeros(2)), "z must have shape"),
        (lambda: a_model("vae").sample(n=0), "n is 0"),
        (lambda: a_model("vae").sample(0), "a vae has no classes to sample from"),
        (lambda: a_model("cl-vae").sample(), "a cl-vae needs the label"),
        (lambda: a_model("cl-vae").sample(3), r"labels must lie in 0 \.\. 2, but there is 3"),
        (lambda: a_model("cvae").sample(-1), r"labels must lie in 0 \.\. 2, but there is -1"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(LatentbookError, match=says):
        call()
