"""DCEC against independent implementations in NumPy, and what it promises when things go wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers
from sklearn.base import clone
from sklearn.cluster import KMeans

from latentbook import checkpoints, metrics
from latentbook.autoencoders import base, conv
from latentbook.dcec import (
    DCEC,
    ClusteringLayer,
    IntervalBatches,
    soft_assignment,
    target_distribution,
)
from latentbook.errors import LatentbookError
from latentbook.teach import running, source

K, CODES, SIDE, N = 5, 4, 8, 90
#: 3 batches an epoch, the last one smaller; a period is no multiple of an epoch.
SETTING = {
    "n_clusters": K,
    "architecture": "linear",
    "n_codes": CODES,
    "gamma": 0.5,
    "pretraining_epochs": 20,
    "batch_size": 32,
    "update_interval": 7,
    "tol": 0.0,
    "max_iterations": 30,
    "progress": False,
}


# --- an independent implementation, in float64 ------------------------------------------------


def numpy_q(z, centres, alpha=1.0):
    """Equation 9.4, one pair at a time."""
    q = np.empty((len(z), len(centres)))
    for i, code in enumerate(np.asarray(z, dtype=np.float64)):
        for j, centre in enumerate(np.asarray(centres, dtype=np.float64)):
            distance = ((code - centre) ** 2).sum()
            q[i, j] = -(alpha + 1) / 2 * np.log1p(distance / alpha)
    q = np.exp(q - q.max(axis=1, keepdims=True))
    return q / q.sum(axis=1, keepdims=True)


def numpy_p(q):
    """Equation 9.6, one sample at a time."""
    q = np.asarray(q, dtype=np.float64)
    f = q.sum(axis=0)
    return np.array([row**2 / f / (row**2 / f).sum() for row in q])


def numpy_kl(p, q):
    """Equation 9.5, the mean over the samples."""
    return float(np.mean([(a * np.log(a / b)).sum() for a, b in zip(p, q, strict=True)]))


def numpy_gradients(z, centres, p, alpha=1.0):
    """Derivatives of the mean of KL(p || q) with respect to codes and centres (Xie 2016)."""
    q = numpy_q(z, centres, alpha)
    to_codes, to_centres = np.zeros(z.shape), np.zeros(centres.shape)
    for i in range(len(z)):
        for j in range(len(centres)):
            difference = z[i] - centres[j]
            pull = (p[i, j] - q[i, j]) / (1 + (difference**2).sum() / alpha)
            step = (alpha + 1) / alpha * pull * difference / len(z)
            to_codes[i] += step
            to_centres[j] -= step
    return to_codes, to_centres


class NumpyAdam:
    """Adam of Kingma and Ba with the constant where Keras has it."""

    def __init__(self, rate=1e-3):
        self.rate, self.t, self.m, self.v = rate, 0, {}, {}

    def step(self, parameters, gradients):
        self.t += 1
        for name, g in gradients.items():
            self.m[name] = 0.9 * self.m.get(name, 0) + 0.1 * g
            self.v[name] = 0.999 * self.v.get(name, 0) + 0.001 * g**2
            rate = self.rate * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
            parameters[name] -= rate * self.m[name] / (np.sqrt(self.v[name]) + 1e-7)


def reference(x, weights, centres, *, gamma, alpha, batch_size, interval, updates):
    """Run the loop of the reference implementation, for a linear encoder and decoder.

    Returns parameters and codes at the end, and what happened at each update.
    """
    flat = x.reshape(len(x), -1).astype(np.float64)
    names = ("encoder", "encoder_bias", "decoder", "decoder_bias", "centres")
    w = dict(zip(names, [a.astype(np.float64) for a in [*weights, centres]], strict=True))
    adam, index, labels, losses, rows = NumpyAdam(), 0, None, [], []
    for iteration in range(updates * interval + 1):
        if iteration % interval == 0:
            q = numpy_q(flat @ w["encoder"] + w["encoder_bias"], w["centres"], alpha)
            p, before, labels = numpy_p(q), labels, q.argmax(axis=1)
            share = None if before is None else np.mean(before != labels)
            means = np.mean(losses, axis=0).tolist() if losses else [None] * 3
            rows.append((iteration, share, *means))
            losses = []
        if iteration == updates * interval:
            break
        if (index + 1) * batch_size > len(x):
            chosen, index = slice(index * batch_size, None), 0
        else:
            chosen, index = slice(index * batch_size, (index + 1) * batch_size), index + 1
        xb, pb = flat[chosen], p[chosen]
        z = xb @ w["encoder"] + w["encoder_bias"]
        error = z @ w["decoder"] + w["decoder_bias"] - xb
        kl = numpy_kl(pb, numpy_q(z, w["centres"], alpha))
        losses.append((gamma * kl + np.mean(error**2), kl, np.mean(error**2)))
        to_codes, to_centres = numpy_gradients(z, w["centres"], pb, alpha)
        to_output = 2 * error / error.size
        to_codes = gamma * to_codes + to_output @ w["decoder"].T
        gradients = {
            "encoder": xb.T @ to_codes,
            "encoder_bias": to_codes.sum(axis=0),
            "decoder": z.T @ to_output,
            "decoder_bias": to_output.sum(axis=0),
            "centres": gamma * to_centres,
        }
        adam.step(w, gradients)
    return SimpleNamespace(**w, labels=labels, rows=rows)


# --- small data, a small network, and fits that tests share ------------------------------------


def linear(input_shape, n_codes, *, noise=0.0, name="linear"):
    """An autoencoder small enough to be differentiated by hand."""
    image = keras.Input(input_shape, name="image")
    x = layers.GaussianNoise(noise)(image) if noise else image
    encoder = keras.Model(image, layers.Dense(n_codes)(layers.Flatten()(x)), name="encoder")
    code = keras.Input((n_codes,), name="code")
    pixels = layers.Dense(int(np.prod(input_shape)))(code)
    decoder = keras.Model(code, layers.Reshape(input_shape)(pixels), name="decoder")
    return base.join(name, encoder, decoder)


def noisy(input_shape, n_codes):
    return linear(input_shape, n_codes, noise=0.1, name="noisy")


def blobs(n=N, classes=3, seed=0):
    """Images of `classes` random patterns with noise, and their classes."""
    rng = np.random.default_rng(seed)
    patterns = rng.random((classes, SIDE, SIDE, 1))
    y = rng.integers(classes, size=n)
    x = patterns[y] + rng.normal(0, 0.25, size=(n, SIDE, SIDE, 1))
    return np.clip(x, 0, 1).astype(np.float32), y


@pytest.fixture(scope="module", autouse=True)
def architectures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(conv.BUILDERS, "linear", (linear, "mean_squared_error"))
        patch.setitem(conv.BUILDERS, "noisy", (noisy, "mean_squared_error"))
        yield


@pytest.fixture(scope="module", autouse=True)
def shared_cache(tmp_path_factory):
    """Where the fits of this file keep their networks, unless a test takes its own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LATENTBOOK_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def fitted(shared_cache, architectures):
    x, y = blobs()
    return SimpleNamespace(x=x, y=y, model=DCEC(**SETTING).fit(x, y))


def but(**changes):
    return DCEC(**{**SETTING, **changes})


def without_seconds(history):
    return {name: values for name, values in history.items() if name != "seconds"}


def assert_same_run(one: DCEC, other: DCEC, tolerance: float = 1e-5) -> None:
    np.testing.assert_array_equal(one.labels_, other.labels_)
    first, second = without_seconds(one.history_), without_seconds(other.history_)
    assert first.keys() == second.keys()
    for name in first:
        a, b = (np.array(h[name], dtype=float) for h in (first, second))
        np.testing.assert_allclose(a, b, atol=tolerance, err_msg=name)
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, atol=tolerance)


def codes_and_centres(n=40, k=K, d=CODES, seed=0, scale=2.0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, (n, d)), rng.normal(0, scale, (k, d))


# --- q, p and the losses ------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.5, 1, 2, 3.5, 10, 100, 1e4, 1e6])
@pytest.mark.parametrize("scale", [0.01, 1, 5, 30])
def test_q_agrees_with_numpy(alpha, scale):
    z, centres = (a.astype(np.float32) for a in codes_and_centres(scale=scale))
    q = keras.ops.convert_to_numpy(soft_assignment(z, centres, alpha))
    np.testing.assert_allclose(q, numpy_q(z, centres, alpha), atol=1e-5)


def test_q_of_a_large_alpha_is_that_of_a_gaussian():
    z, centres = codes_and_centres()
    squared = ((z[:, None] - centres) ** 2).sum(axis=-1)
    gaussian = np.exp(-squared / 2)
    gaussian /= gaussian.sum(axis=1, keepdims=True)
    q = keras.ops.convert_to_numpy(soft_assignment(z, centres, 1e6))
    np.testing.assert_allclose(q, gaussian, atol=1e-3)


def test_q_of_a_known_case():
    q = keras.ops.convert_to_numpy(soft_assignment(np.zeros((1, 1)), np.array([[0.0], [3.0]])))
    np.testing.assert_allclose(q, [[10 / 11, 1 / 11]], atol=1e-6)


def test_the_solution_of_the_exercise_computes_the_same():
    """It needs NumPy alone."""
    chapter = source.read(source.folder() / "04-deep-clustering.md")
    found = running.ready(chapter.question("loss"), running.setup(chapter)).solution
    rng = np.random.default_rng(0)
    z, centres = rng.normal(size=(20, 4)), rng.normal(size=(6, 4))
    q, p, _ = found.clustering_loss(z, centres, 2.0)
    expected = keras.ops.convert_to_numpy(soft_assignment(z, centres, 2.0))
    np.testing.assert_allclose(q, expected, rtol=1e-5)
    np.testing.assert_allclose(p, target_distribution(expected), rtol=1e-5)


def test_the_layer_is_q_with_the_centres_as_its_only_weights():
    z, centres = (a.astype(np.float32) for a in codes_and_centres())
    layer = ClusteringLayer(K, alpha=2.0)
    assert layer(z).shape == (len(z), K)
    assert [tuple(w.shape) for w in layer.weights] == [(K, CODES)]
    layer.centres.assign(centres)
    q = keras.ops.convert_to_numpy(layer(z))
    np.testing.assert_allclose(q, numpy_q(z, centres, 2.0), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_p_agrees_with_numpy(dtype):
    q = numpy_q(*codes_and_centres())
    np.testing.assert_allclose(target_distribution(q.astype(dtype)), numpy_p(q), atol=1e-5)


def test_p_of_a_known_case():
    p = target_distribution(np.array([[0.8, 0.2], [0.4, 0.6]]))
    expected = [[0.64 / 1.2, 0.04 / 0.8], [0.16 / 1.2, 0.36 / 0.8]]
    np.testing.assert_allclose(p, expected / np.sum(expected, axis=1, keepdims=True))


def test_p_of_a_dead_cluster_is_zero_there_and_no_nan():
    q = np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    np.testing.assert_array_equal(target_distribution(q), q)


def test_both_losses_agree_with_numpy(fitted):
    x, model = fitted.x, fitted.model
    z = model.transform(x)
    q = numpy_q(z, model.cluster_centers_)
    p = numpy_p(q)
    reconstruction = model.autoencoder_.reconstruct(x).astype(np.float64)
    found = model.model_.evaluate(
        x, (p.astype(np.float32), x), batch_size=len(x), verbose=0, return_dict=True
    )
    kl, error = numpy_kl(p, q), float(np.mean((reconstruction - x) ** 2))
    assert found["clustering_loss"] == pytest.approx(kl, abs=1e-5)
    assert found["decoder_loss"] == pytest.approx(error, abs=1e-5)
    assert found["loss"] == pytest.approx(model.gamma * kl + error, abs=1e-5)
    assert kl > 1e-3


SEEDS = st.integers(0, 10_000)


@given(seed=SEEDS, alpha=st.floats(0.1, 50), k=st.integers(2, 8), scale=st.floats(0.01, 50))
@settings(max_examples=30)
def test_rows_of_q_and_p_are_distributions(seed, alpha, k, scale):
    z, centres = codes_and_centres(20, k, 3, seed, scale)
    q = keras.ops.convert_to_numpy(soft_assignment(z, centres, alpha))
    for matrix in (q, target_distribution(q)):
        assert matrix.shape == (20, k)
        assert (matrix >= 0).all()
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)


@given(seed=SEEDS, shift=st.floats(-100, 100), alpha=st.floats(0.1, 50))
@settings(max_examples=30)
def test_shifting_codes_and_centres_together_changes_nothing(seed, shift, alpha):
    z, centres = codes_and_centres(seed=seed)
    before = soft_assignment(z, centres, alpha)
    after = soft_assignment(z + shift, centres + shift, alpha)
    np.testing.assert_allclose(np.array(before), np.array(after), atol=1e-9)


@given(seed=SEEDS, permutation=st.permutations(range(K)))
@settings(max_examples=30)
def test_the_names_of_the_clusters_do_not_matter(seed, permutation):
    z, centres = codes_and_centres(seed=seed)
    q = np.array(soft_assignment(z, centres))
    permuted = np.array(soft_assignment(z, centres[permutation]))
    np.testing.assert_allclose(permuted, q[:, permutation], atol=1e-12)
    np.testing.assert_allclose(
        target_distribution(permuted), target_distribution(q)[:, permutation], atol=1e-12
    )


@given(seed=SEEDS)
@settings(max_examples=30)
def test_q_ranks_clusters_by_distance(seed):
    z, centres = codes_and_centres(seed=seed)
    nearest = ((z[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    np.testing.assert_array_equal(np.array(soft_assignment(z, centres)).argmax(axis=1), nearest)


@given(seed=SEEDS)
@settings(max_examples=30)
def test_p_is_sharper_than_q_where_clusters_are_of_equal_size(seed):
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(K), size=6)
    q = np.concatenate([np.roll(rows, shift, axis=1) for shift in range(K)])  # equal column sums
    p = target_distribution(q)
    assert (p.max(axis=1) >= q.max(axis=1) - 1e-12).all()
    entropy = [-(m * np.log(m + 1e-300)).sum(axis=1) for m in (p, q)]
    assert (entropy[0] <= entropy[1] + 1e-12).all()


@given(seed=SEEDS)
@settings(max_examples=30)
def test_p_squares_the_odds_of_q_and_divides_them_by_those_of_the_sizes(seed):
    q = np.random.default_rng(seed).dirichlet(np.full(K, 2.0), size=12)
    assume(q.min() > 1e-6)
    p, size = target_distribution(q), q.sum(axis=0)
    expected = (q / q[:, :1]) ** 2 * size[0] / size
    np.testing.assert_allclose(p / p[:, :1], expected, rtol=1e-6)


# --- the training step --------------------------------------------------------------------------


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="needs GradientTape")
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0, 10.0])
def test_gradients_are_those_of_the_closed_form(alpha):
    import tensorflow as tf

    z, centres = (a.astype(np.float32) for a in codes_and_centres(scale=1.0))
    p = numpy_p(numpy_q(*codes_and_centres(seed=1)))
    layer = ClusteringLayer(K, alpha)
    layer.build(z.shape)
    layer.centres.assign(centres)
    codes = tf.Variable(z)
    with tf.GradientTape() as tape:
        loss = keras.losses.KLDivergence()(p.astype(np.float32), layer(codes))
    found = tape.gradient(loss, [codes, layer.centres.value])
    expected = numpy_gradients(z.astype(float), centres.astype(float), p, alpha)
    assert float(loss) == pytest.approx(numpy_kl(p, numpy_q(z, centres, alpha)), abs=1e-5)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(theirs).max() > 1e-3
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)


def test_closed_form_gradients_are_those_of_finite_differences():
    z, centres = codes_and_centres(n=6, scale=1.0)
    p, step = numpy_p(numpy_q(*codes_and_centres(n=6, seed=1))), 1e-6
    for which, gradient in enumerate(numpy_gradients(z, centres, p, 2.0)):
        for position in np.ndindex(gradient.shape):
            values = []
            for sign in (1, -1):
                moved = [z.copy(), centres.copy()]
                moved[which][position] += sign * step
                values.append(numpy_kl(p, numpy_q(*moved, 2.0)))
            slope = (values[0] - values[1]) / (2 * step)
            assert gradient[position] == pytest.approx(slope, abs=1e-8)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="needs GradientTape")
def test_one_step_of_the_network_of_guo_agrees_with_numpy(tmp_path):
    """Losses, their derivatives and Adam by hand; only the network's own chain rule is Keras'."""
    import tensorflow as tf

    x, _ = blobs(24)
    before, _ = conv.build("cae10-guo", x.shape[1:], CODES)
    *others, kernel, bias = before.encoder.get_weights()
    before.encoder.set_weights([*others, 20 * kernel, bias])  # codes as far apart as trained ones
    before.save(tmp_path / "start.npz")
    model = DCEC(K, n_codes=CODES, gamma=0.5, weights=tmp_path / "start.npz", progress=False)
    model.set_params(batch_size=24, update_interval=1, max_iterations=1).fit(x)

    z0 = before.encode(x)
    centres = KMeans(K, n_init=20, random_state=0).fit(z0).cluster_centers_.astype(float)
    p = numpy_p(numpy_q(z0, centres))
    weights = before.model.trainable_weights
    with tf.GradientTape() as tape:
        z = before.encoder(x, training=True)
        output = before.decoder(z, training=True)
    to_codes, to_centres = numpy_gradients(z.numpy().astype(float), centres, p)
    error = output.numpy().astype(float) - x
    given_to = [0.5 * to_codes.astype("float32"), (2 * error / error.size).astype("float32")]
    slopes = tape.gradient([z, output], [w.value for w in weights], output_gradients=given_to)
    gradients = {w.path: g.numpy().astype(float) for w, g in zip(weights, slopes, strict=True)}
    expected = {w.path: w.numpy().astype(float) for w in weights} | {"centres": centres.copy()}
    NumpyAdam().step(expected, gradients | {"centres": 0.5 * to_centres})

    kl, squared = numpy_kl(p, numpy_q(z0, centres)), np.mean(error**2)
    assert model.history_["loss"][1] == pytest.approx(0.5 * kl + squared, abs=1e-5)
    np.testing.assert_allclose(model.cluster_centers_, expected["centres"], atol=1e-5)
    assert np.abs(model.cluster_centers_ - centres).max() > 5e-4
    after = model.autoencoder_.model.trainable_weights
    for weight, name in zip(after, (w.path for w in weights), strict=True):
        np.testing.assert_allclose(weight.numpy(), expected[name], atol=1e-5)


def assert_as_in_the_reference(x: np.ndarray, model: DCEC) -> None:
    start, _ = model.pretrained(x)
    means = KMeans(K, n_init=20, random_state=0).fit(model.initial_embedding_).cluster_centers_
    expected = reference(
        x,
        start.model.get_weights(),
        means,
        gamma=model.gamma,
        alpha=model.alpha,
        batch_size=32,
        interval=7,
        updates=4,
    )
    iterations, changed, *losses = zip(*expected.rows, strict=True)
    assert model.history_["iteration"] == list(iterations)
    np.testing.assert_allclose(model.history_["changed"][1:], changed[1:])
    names = ("loss", "clustering_loss", "reconstruction_loss")
    for name, column in zip(names, losses, strict=True):
        assert model.history_[name] == pytest.approx(list(column), abs=1e-5)
    np.testing.assert_array_equal(model.labels_, expected.labels)
    np.testing.assert_allclose(model.cluster_centers_, expected.centres, atol=1e-5)
    encoder, _, decoder, _ = model.autoencoder_.model.get_weights()
    np.testing.assert_allclose(encoder, expected.encoder, atol=1e-5)
    np.testing.assert_allclose(decoder, expected.decoder, atol=1e-5)
    assert np.abs(model.cluster_centers_ - means).max() > 0.01
    assert max(changed[1:]) > 0


def test_a_whole_training_agrees_with_the_loop_of_the_reference(fitted):
    assert_as_in_the_reference(fitted.x, fitted.model)


def test_and_with_another_gamma_and_alpha(fitted):
    assert_as_in_the_reference(fitted.x, but(gamma=2.0, alpha=3.0).fit(fitted.x))


# --- the network and its batches ----------------------------------------------------------------


def test_the_joint_network_has_the_centres_beside_the_autoencoder(fitted):
    joint, alone = fitted.model.model_, fitted.model.autoencoder_.model
    assert joint.count_params() == alone.count_params() + K * CODES
    assert [tuple(out.shape) for out in joint.outputs] == [(None, K), (None, SIDE, SIDE, 1)]
    assert float(joint.optimizer.learning_rate) == pytest.approx(1e-3)


def by_hand(shape, n_codes=10):
    """Count the parameters of the network of guo2017dcec without building it."""
    side, _, channels = shape
    inner = 128 * (side // 8) ** 2
    encoder = 25 * channels * 32 + 32 + 25 * 32 * 64 + 64 + 9 * 64 * 128 + 128
    encoder += inner * n_codes + n_codes
    decoder = n_codes * inner + inner + 9 * 128 * 64 + 64 + 25 * 64 * 32 + 32
    return encoder + decoder + 25 * 32 * channels + channels


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (16, 16, 1), (8, 8, 1)])
def test_sizes_of_the_network_are_those_counted_by_hand(shape):
    autoencoder, _ = conv.build("cae10-guo", shape)
    assert autoencoder.model.count_params() == by_hand(shape)


def test_the_network_for_mnist_has_the_published_size():
    assert by_hand((28, 28, 1)) == 275_979  # fernandez2020, figure 11.12


def test_the_defaults_are_those_of_the_reference():
    params = DCEC().get_params()
    assert {name: params[name] for name in ("batch_size", "update_interval", "tol")} == {
        "batch_size": 256,
        "update_interval": 140,
        "tol": 0.001,
    }
    assert (params["gamma"], params["alpha"], params["init"]) == (0.1, 1.0, "k-means")
    assert (params["pretraining_epochs"], params["max_iterations"]) == (200, 20_000)


def loop_of_the_reference(n, batch_size, iterations):
    """Rows of each batch; where the reference would take an empty one it starts again."""
    index, found = 0, []
    for _ in range(iterations):
        if index * batch_size == n:  # here the reference crashes
            index = 0
        if (index + 1) * batch_size > n:
            found.append(list(range(n))[index * batch_size :])
            index = 0
        else:
            found.append(list(range(n))[index * batch_size : (index + 1) * batch_size])
            index += 1
    return found


@given(
    n=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    interval=st.integers(1, 9),
    periods=st.integers(1, 4),
)
def test_batches_are_those_of_the_reference(n, batch_size, interval, periods):
    x, p = np.arange(n), -np.arange(n)
    found = []
    for number in range(periods):
        batches = IntervalBatches(x, p, batch_size, number * interval, interval)
        assert len(batches) == interval
        for i in range(interval):
            images, (target, same) = batches[i]
            np.testing.assert_array_equal(images, same)
            np.testing.assert_array_equal(images, -target)
            found.append(images.tolist())
    assert found == loop_of_the_reference(n, batch_size, periods * interval)


def test_a_multiple_of_the_batch_has_no_empty_batch():
    batches = IntervalBatches(np.arange(8), np.arange(8), 4, 0, 5)
    assert [batches[i][0].tolist() for i in range(5)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [0, 1, 2, 3],
    ]


# --- the estimator ------------------------------------------------------------------------------


def test_history_has_one_value_an_update(fitted):
    history = fitted.model.history_
    assert set(history) == {
        "iteration",
        "loss",
        "clustering_loss",
        "reconstruction_loss",
        "changed",
        "empty_clusters",
        "seconds",
        "acc",
        "nmi",
        "ari",
    }
    assert history["iteration"] == [0, 7, 14, 21, 28]  # whole periods within 30
    assert {len(values) for values in history.values()} == {5}
    for name in ("loss", "clustering_loss", "reconstruction_loss"):
        assert history[name][0] is None
        assert all(np.isfinite(value) and value > 0 for value in history[name][1:])
    assert history["empty_clusters"] == [0] * 5
    assert all(0 <= share <= 1 for share in history["changed"])
    gamma, names = fitted.model.gamma, ("loss", "clustering_loss", "reconstruction_loss")
    total, kl, squared = (np.array(history[name][1:]) for name in names)
    np.testing.assert_allclose(total, gamma * kl + squared, rtol=1e-5)


def test_history_ends_with_the_scores_of_the_labels(fitted):
    scores = metrics.clustering_scores(fitted.y, fitted.model.labels_)
    last = {name: fitted.model.history_[name][-1] for name in ("acc", "nmi", "ari")}
    assert last == pytest.approx({name: scores[name] for name in last})


def test_initial_labels_are_those_of_k_means_with_twenty_starts(fitted):
    model = fitted.model
    start, _ = model.pretrained(fitted.x)
    np.testing.assert_allclose(model.initial_embedding_, start.encode(fitted.x), atol=1e-6)
    expected = KMeans(K, n_init=20, random_state=0).fit(model.initial_embedding_)
    np.testing.assert_array_equal(model.initial_labels_, expected.labels_)


@pytest.mark.parametrize("init", ["k-means", "mixture"])
def test_the_first_centres_are_the_means_of_the_first_clusters(fitted, init):
    """With a weight of zero no centre moves."""
    model = but(init=init, gamma=0.0, max_iterations=7).fit(fitted.x)
    z, labels = model.initial_embedding_, model.initial_labels_
    means = np.stack([z[labels == c].mean(axis=0) for c in range(K)])
    np.testing.assert_allclose(model.cluster_centers_, means, atol=1e-5)


def test_predictions_are_consistent(fitted):
    x, model = fitted.x, fitted.model
    q, z = model.predict_proba(x), model.transform(x)
    assert (q.shape, z.shape) == ((N, K), (N, CODES))
    assert model.labels_.shape == (N,)
    assert model.labels_.dtype == np.int64
    assert model.cluster_centers_.shape == (K, CODES)
    np.testing.assert_allclose(q.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(q, numpy_q(z, model.cluster_centers_), atol=1e-5)
    np.testing.assert_array_equal(model.predict(x), q.argmax(axis=1))
    np.testing.assert_array_equal(model.labels_, model.predict(x))
    np.testing.assert_allclose(z, model.autoencoder_.encode(x), atol=1e-6)
    np.testing.assert_array_equal(model.predict(x[:1]), model.labels_[:1])


def test_pretraining_has_one_loss_an_epoch(fitted):
    losses = fitted.model.pretraining_["loss"]
    assert len(losses) == SETTING["pretraining_epochs"]
    assert losses[-1] < losses[0]


def test_classes_have_no_influence_and_may_be_missing(fitted, own_cache):
    """A cache of its own: everything is computed again, with the same seed."""
    again = DCEC(**SETTING).fit(fitted.x)
    assert not {"acc", "nmi", "ari"} & set(again.history_)
    np.testing.assert_array_equal(again.labels_, fitted.model.labels_)
    np.testing.assert_allclose(again.cluster_centers_, fitted.model.cluster_centers_, atol=1e-6)


def test_another_seed_is_another_run_and_a_tolerance_of_one_stops_at_once(fitted):
    other = but(random_state=1, tol=1.0).fit(fitted.x)
    assert np.abs(other.initial_embedding_ - fitted.model.initial_embedding_).max() > 0.01
    assert other.history_["iteration"] == [0, 7]
    assert other.converged_ is True
    assert fitted.model.converged_ is False  # with a tolerance of zero


def test_a_finished_fit_is_loaded_not_repeated(fitted, capsys):
    again = DCEC(**SETTING).fit(fitted.x, fitted.y)
    said = capsys.readouterr().out
    assert "resumed after iteration 28" in said
    assert "lost all" not in said
    assert again.history_ == fitted.model.history_  # seconds too
    np.testing.assert_array_equal(again.labels_, fitted.model.labels_)
    np.testing.assert_array_equal(again.initial_labels_, fitted.model.initial_labels_)


@pytest.mark.parametrize("above", [0.0, 1e-6])
def test_training_stops_at_the_first_share_below_the_tolerance(fitted, above):
    """At an equal share it goes on; before the first interval nothing has changed, and it goes."""
    changed = fitted.model.history_["changed"]
    tol = sorted(changed[1:])[1] + above
    expected = next(i for i, share in enumerate(changed) if i and share < tol)
    model = but(tol=tol).fit(fitted.x, fitted.y)
    assert len(model.history_["changed"]) == expected + 1
    assert model.converged_


# --- after scikit-learn -------------------------------------------------------------------------


def test_it_is_an_estimator_a_clusterer_and_a_transformer(fitted):
    twin = clone(fitted.model)
    assert twin.get_params() == fitted.model.get_params() == DCEC(**SETTING).get_params()
    np.testing.assert_array_equal(twin.fit_predict(fitted.x, fitted.y), fitted.model.labels_)
    z = clone(fitted.model).fit_transform(fitted.x, fitted.y)
    np.testing.assert_allclose(z, fitted.model.transform(fitted.x), atol=1e-6)
    assert list(fitted.model.get_feature_names_out()) == [f"dcec{i}" for i in range(CODES)]
    assert fitted.model.n_features_in_ == SIDE * SIDE


def test_what_determines_a_training_is_named_as_ever(fitted, monkeypatch):
    """Another name in the key would train every network of the book anew."""
    keys = []
    folder = checkpoints.folder
    monkeypatch.setattr(checkpoints, "folder", lambda key: keys.append(key) or folder(key))
    but(random_state=3, max_iterations=7, pretraining_epochs=1).fit(fitted.x)
    pretraining, joint = keys
    assert pretraining["seed"] == joint["seed"] == 3
    names = {"n_clusters", "architecture", "n_codes", "gamma", "alpha", "init", "batch_size"}
    names |= {"pretraining_epochs", "weights", "update_interval", "tol", "max_iterations"}
    assert set(joint) == names | {"progress", "seed", "x", "y", "keras", "scikit-learn"}
    assert joint["max_iterations"] is joint["progress"] is joint["weights"] is None


# --- killed, continued, damaged -----------------------------------------------------------------


def test_a_fit_continued_equals_one_that_was_not_interrupted(fitted, own_cache, capsys):
    setting = {"architecture": "noisy", "pretraining_epochs": 2}
    half = but(**setting, max_iterations=14).fit(fitted.x, fitted.y)
    assert half.history_["iteration"] == [0, 7, 14]
    resumed = but(**setting).fit(fitted.x, fitted.y)
    assert "resumed after iteration 14" in capsys.readouterr().out
    assert resumed.history_["seconds"][:3] == half.history_["seconds"]
    for path in clustering_checkpoints(own_cache):
        path.unlink()
    whole = but(**setting).fit(fitted.x, fitted.y)
    assert "resumed after iteration" not in capsys.readouterr().out
    assert_same_run(resumed, whole)


def clustering_checkpoints(cache: Path) -> list[Path]:
    """States of the joint training, the oldest first."""
    states = sorted(cache.glob("training/*/[0-9]*.json"))
    return [path for path in states if "iteration" in json.loads(path.read_text())]


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(
    fitted, shared_cache, own_cache, capsys
):
    shutil.copytree(shared_cache, own_cache)
    seconds = fitted.model.history_["seconds"]
    (state,) = (
        path
        for path in clustering_checkpoints(own_cache)
        if json.loads(path.read_text())["seconds"] == seconds
    )
    newest = state.with_suffix(".weights.h5")
    newest.write_bytes(newest.read_bytes()[:1000])
    again = DCEC(**SETTING).fit(fitted.x, fitted.y)
    said = capsys.readouterr().out
    assert "checkpoint 00004.json is damaged" in said
    assert "resumed after iteration 21" in said
    assert_same_run(again, fitted.model)


KILLED = """
import json, sys
import numpy as np
from latentbook.dcec import DCEC

rng = np.random.default_rng(0)
y = rng.integers(4, size=1024)
x = np.clip(rng.random((4, 8, 8, 1))[y] + rng.normal(0, 0.3, (1024, 8, 8, 1)), 0, 1)
model = DCEC(6, pretraining_epochs=6, batch_size=64, update_interval=20, tol=0.0,
             max_iterations=120, progress=False)
model.fit(x.astype(np.float32), y)
history = {name: values for name, values in model.history_.items() if name != "seconds"}
with open(sys.argv[1], "w") as file:
    json.dump({"labels": model.labels_.tolist(), "history": history}, file)
"""


def has_state(cache: Path, name: str, length: int) -> bool:
    for path in cache.glob("training/*/[0-9]*.json"):
        try:
            state = json.loads(path.read_text())
        except FileNotFoundError:  # replaced by a newer one
            continue
        if len(state.get(name, [])) >= length:
            return True
    return False


@pytest.mark.slow
def test_killed_in_either_stage_it_ends_with_the_same_labels(tmp_path):
    def start(cache: str, out: str) -> subprocess.Popen:
        environment = os.environ | {"LATENTBOOK_CACHE": str(tmp_path / cache)}
        command = [sys.executable, "-c", KILLED, str(tmp_path / out)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def kill_once(name: str, length: int) -> None:
        victim = start("killed", "killed.json")
        deadline = time.monotonic() + 240
        while not has_state(tmp_path / "killed", name, length):
            assert victim.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL

    kill_once("loss", 2)
    assert not has_state(tmp_path / "killed", "iteration", 1)
    kill_once("iteration", 3)
    assert not (tmp_path / "killed.json").exists()
    assert start("killed", "killed.json").wait() == 0
    assert start("whole", "whole.json").wait() == 0
    killed, whole = (
        json.loads((tmp_path / name).read_text()) for name in ("killed.json", "whole.json")
    )
    assert killed["labels"] == whole["labels"]
    assert killed["history"].keys() == whole["history"].keys()
    for name, values in whole["history"].items():
        a, b = (np.array(column, dtype=float) for column in (killed["history"][name], values))
        np.testing.assert_allclose(a, b, atol=1e-4, err_msg=name)


# --- pretrained weights -------------------------------------------------------------------------


@pytest.fixture
def weights(fitted, tmp_path):
    start, _ = DCEC(**SETTING).pretrained(fitted.x)
    start.save(tmp_path / "weights.npz")
    return tmp_path / "weights.npz"


def test_saved_weights_replace_pretraining(fitted, weights, own_cache):
    model = but(weights=weights, max_iterations=7).fit(fitted.x, fitted.y)
    assert model.pretraining_ == {"loss": [], "seconds": []}
    assert len(model.weights_digest_) == 64
    np.testing.assert_allclose(model.initial_embedding_, fitted.model.initial_embedding_)
    for name, column in without_seconds(model.history_).items():
        assert column == pytest.approx(fitted.model.history_[name][:2], abs=1e-5)


def test_weights_of_another_architecture_are_refused(fitted, weights):
    with pytest.raises(LatentbookError, match=r"belong to linear .* is noisy for images"):
        but(weights=weights, architecture="noisy").fit(fitted.x)


# --- bad input ----------------------------------------------------------------------------------


def nan_images():
    x, _ = blobs()
    x[3, 2, 1, 0] = np.nan
    return x


@pytest.mark.parametrize(
    ("changes", "x", "says"),
    [
        ({"n_clusters": N + 1}, None, "n_clusters is 91, but must lie between 2 and 89"),
        ({"n_clusters": N}, None, "n_clusters is 90, but must lie between 2 and 89"),
        ({"n_clusters": 1}, None, "n_clusters is 1, but must lie between 2"),
        ({"gamma": -0.1}, None, r"gamma is -0\.1, but must lie between 0"),
        ({"gamma": float("nan")}, None, "gamma is nan"),
        ({"alpha": 0.0}, None, r"alpha is 0, but must lie between 0\.001"),
        ({"alpha": -1.0}, None, "alpha is -1"),
        ({"tol": 1.5}, None, r"tol is 1\.5"),
        ({"tol": -0.1}, None, r"tol is -0\.1"),
        ({"batch_size": 0}, None, "batch_size is 0"),
        ({"update_interval": 0}, None, "update_interval is 0"),
        ({"max_iterations": 6}, None, "max_iterations is 6, but must lie between 7"),
        ({"pretraining_epochs": 0}, None, "epochs is 0"),
        ({"architecture": "guo"}, None, r"unknown autoencoder 'guo': choose one of cae10"),
        ({"init": "kmeans"}, None, r"unknown start 'kmeans'.*did you mean 'k-means'"),
        ({}, nan_images(), "x holds NaN or infinite values"),
        ({}, np.full((N, SIDE, SIDE, 1), np.inf, np.float32), "x holds NaN or infinite values"),
        ({}, blobs()[0].reshape(N, -1), r"shape \(n, height, width, channels\).*\(90, 64\)"),
        ({}, blobs()[0][..., 0], r"but X has shape \(90, 8, 8\)"),
        ({"architecture": "cae10-guo"}, np.zeros((20, 30, 30, 1), "f4"), "not 30 x 30"),
        ({"architecture": "cae10-guo"}, np.zeros((20, 16, 8, 1), "f4"), "not 16 x 8"),
        ({"architecture": "cae10-guo"}, np.zeros((20, 4, 4, 1), "f4"), "not 4 x 4"),
        ({"architecture": "cae10"}, None, "28 x 28 pixels, not 8 x 8"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_named_before_anything_is_trained(own_cache, changes, x, says):
    x = blobs()[0] if x is None else x
    with pytest.raises(LatentbookError, match=says):
        but(**changes).fit(x)
    assert not list(own_cache.glob("training/*/[0-9]*.json"))


@pytest.mark.parametrize("n", [N - 1, N + 1, 0])
def test_classes_of_another_length_are_refused(fitted, n):
    with pytest.raises(LatentbookError, match=f"X has 90 samples, but y has {n}"):
        DCEC(**SETTING).fit(fitted.x, np.zeros(n, int))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform"])
def test_before_fit_there_is_nothing_to_predict_with(method):
    with pytest.raises(LatentbookError, match="not been fitted: call fit first"):
        getattr(DCEC(), method)(blobs()[0])


@pytest.mark.parametrize("shape", [(5, 16, 16, 1), (5, 8, 8, 3), (5, 64)])
def test_images_of_another_size_cannot_be_assigned(fitted, shape):
    with pytest.raises(LatentbookError, match=r"fitted on images of shape \(8, 8, 1\), but X"):
        fitted.model.predict(np.zeros(shape, np.float32))


@pytest.mark.slow
def test_a_loss_that_becomes_nan_is_reported(fitted, weights, own_cache):
    huge = DCEC(**SETTING).pretrained(fitted.x)[0]
    huge.model.set_weights([w * np.float32(1e25) for w in huge.model.get_weights()])
    huge.save(weights)
    with (
        np.errstate(all="ignore"),
        pytest.raises(LatentbookError, match=r"NaN or infinite|the loss became"),
    ):
        but(weights=weights).fit(fitted.x)


@pytest.mark.parametrize("init", ["k-means", "mixture"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_dead_cluster_is_reported(weights, capsys, init):
    """Two different images cannot fill three clusters."""
    x = np.repeat(blobs()[0][:2], 20, axis=0)
    model = but(n_clusters=3, weights=weights, max_iterations=7, init=init).fit(x)
    dead = model.history_["empty_clusters"]
    assert dead[0] == 1
    assert dead[-1] == 3 - len(np.unique(model.labels_)) >= 1
    assert f"{dead[-1]} of 3 clusters have lost all their samples" in capsys.readouterr().out
    assert np.isfinite(model.cluster_centers_).all()


# --- another backend ----------------------------------------------------------------------------

JAX = """
import sys
import numpy as np, keras
from latentbook.dcec import DCEC, soft_assignment

assert keras.backend.backend() == "jax"
rng = np.random.default_rng(0)
z, centres = rng.normal(size=(20, 3)), rng.normal(size=(4, 3))
kernel = (1 + ((z[:, None] - centres) ** 2).sum(-1) / 2.0) ** -1.5
q = np.asarray(soft_assignment(z.astype("f4"), centres.astype("f4"), 2.0))
np.testing.assert_allclose(q, kernel / kernel.sum(axis=1, keepdims=True), atol=1e-5)

y = rng.integers(3, size=90)
x = np.clip(rng.random((3, 8, 8, 1))[y] + rng.normal(0, 0.1, (90, 8, 8, 1)), 0, 1)
x = x.astype(np.float32)
setting = dict(n_clusters=3, architecture=sys.argv[1], pretraining_epochs=3, batch_size=32,
               update_interval=4, tol=0.0, progress=False)
half = DCEC(**setting, max_iterations=4).fit(x, y)
whole = DCEC(**setting, max_iterations=8).fit(x, y)
assert whole.history_["iteration"] == [0, 4, 8]
assert whole.history_["loss"][:2] == half.history_["loss"]
assert (whole.labels_ == whole.predict(x)).all()
assert np.isfinite(whole.history_["loss"][-1])
print("fitted under", keras.backend.backend())
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.parametrize("architecture", ["cae10-guo", "cae10-guo-noise"])
def test_it_works_under_jax(tmp_path, architecture):
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "LATENTBOOK_CACHE": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(JAX), architecture],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "fitted under jax" in done.stdout
