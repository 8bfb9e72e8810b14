"""The recurrent autoencoders: sizes by hand, what they learn, and lazy windows like the array."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from latentbook import training
from latentbook.autoencoders import recurrent
from latentbook.autoencoders.base import join
from latentbook.dcec import DCEC
from latentbook.errors import LatentbookError

pytestmark = pytest.mark.usefixtures("own_cache")

LENGTH, SIDE = 4, 8
SMALL = {
    "fc-lstm": {"widths": (24, 16), "n_codes": 6},
    "cnn-lstm": {"filters": (4, 4, 4), "n_codes": 6},
    "conv": {"n_codes": 6},
    "conv-lstm": {"filters": (4, 4), "n_codes": 6},
}


#: The recurrent ones take half a minute to compile.
NAMES = [
    pytest.param("fc-lstm", marks=pytest.mark.slow),
    pytest.param("cnn-lstm", marks=pytest.mark.slow),
    "conv",
    pytest.param("conv-lstm", marks=pytest.mark.slow),
]


def blobs(n: int = 96, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Windows in which a smooth blob moves on from where it was, on a torus."""
    rng = np.random.default_rng(seed)
    place, speed = rng.uniform(0, SIDE, (n, 1, 2)), rng.uniform(-1.5, 1.5, (n, 1, 2))
    centre = place + speed * np.arange(LENGTH)[:, None]
    grid = np.arange(SIDE)
    distance = (grid - centre[..., None] + SIDE / 2) % SIDE - SIDE / 2
    y, x = np.exp(-((distance / 2) ** 2)).transpose(2, 0, 1, 3)
    frames = y[..., :, None] * x[..., None, :]
    return np.repeat(frames[..., None], channels, axis=-1).astype(np.float32)


class Lazy:
    """As much of `weather.windows.Windows` as training needs; remembers how many were read."""

    def __init__(self, x: np.ndarray) -> None:
        self.x, self.shape, self.dtype, self.digest = x, x.shape, x.dtype, f"lazy {x.sum()}"
        self.most = 0

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        part = self.x[rows]
        self.most = max(self.most, len(part))
        return part


def lstm(units: int, inputs: int) -> int:
    """Weights of four gates: inputs, the state before, and a bias."""
    return 4 * units * (inputs + units + 1)


def conv2d(inputs: int, *filters: int) -> int:
    return sum(9 * a * b + b for a, b in zip((inputs, *filters), filters, strict=False))


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


# --- what is built ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "channels"), zip(recurrent.BUILDERS, (1, 3, 3, 3), strict=True))
def test_a_window_becomes_one_code_and_a_window_again(name, channels):
    network = recurrent.build(name, (LENGTH, SIDE, SIDE, channels), **SMALL[name])
    x = blobs(5, channels)
    assert network.encode(x).shape == (5, 6)
    assert network.reconstruct(x).shape == x.shape
    assert network.encoder.output_shape == (None, 6)
    twice = network.decoder.predict(network.encode(x), verbose=0)
    np.testing.assert_allclose(network.reconstruct(x), twice, atol=1e-6)


def test_the_fc_lstm_has_the_layers_of_figure_18():
    """And teacher forcing costs the weights of one more frame, once."""
    network, forced = (recurrent.fc_lstm(teacher_forcing=forcing) for forcing in (False, True))
    encoder = lstm(1024, 4096) + lstm(512, 1024) + lstm(256, 512)
    decoder = lstm(512, 256) + lstm(1024, 512) + dense(1024, 4096)
    assert (encoder, decoder) == (24_910_848, 12_068_864)
    assert network.encoder.count_params() == encoder
    assert network.decoder.count_params() == decoder
    assert forced.encoder.count_params() == encoder
    assert forced.decoder.count_params() == decoder + 4 * 512 * 4096


@pytest.mark.parametrize(("channels", "total"), [(1, 5_128_401), (3, 5_130_707)])
def test_the_cnn_lstm_has_the_layers_of_figure_19(channels, total):
    network = recurrent.cnn_lstm((8, 64, 64, channels))
    encoder = conv2d(channels, 64, 64, 32, 32, 16, 16) + lstm(256, 16 * 16 * 16)
    decoder = dense(256, 8 * 16 * 16) + conv2d(1, 16, 16, 32, 32, 64, 64, channels)
    assert network.encoder.count_params() == encoder
    assert network.decoder.count_params() == decoder
    assert encoder + decoder == total


def test_the_conv_lstm_has_the_layers_of_section_3_2():
    """Patches of 4 x 4 cells become 16 channels; gates are convolutions of input and state."""
    network = recurrent.conv_lstm((8, 64, 64, 1), filters=(64, 32, 16))

    def gates(inputs: int, units: int) -> int:
        return 4 * units * (9 * (inputs + units) + 1)

    encoder = gates(16, 64) + gates(64, 32) + gates(32, 16) + dense(16 * 16 * 16, 256)
    decoder = dense(256, 16 * 16 * 16) + gates(16, 16) + gates(16, 32) + gates(32, 64)
    assert network.encoder.count_params() == encoder
    assert network.decoder.count_params() == decoder + dense(64, 16)


def test_patches_come_back_where_they_were():
    """A linear network of one patch a map: an untrained decoder moves no cell to another patch."""
    network = recurrent.conv_lstm((2, 8, 8, 1), filters=(2,), n_codes=3, patch=4)
    weights = network.decoder.get_weights()
    last = [w * 0 for w in weights]
    last[-1] = np.arange(16, dtype=np.float32)  # the bias of each cell of a patch
    network.decoder.set_weights(last)
    frame = network.decoder.predict(np.zeros((1, 3)), verbose=0)[0, 0, :, :, 0]
    patch = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(frame, np.tile(patch, (2, 2)))


def test_a_composite_predicts_what_follows_from_the_same_code():
    x, held = blobs(256), blobs(64, seed=1)
    network, history = recurrent.trained(
        "conv", x, held, forecast=2, epochs=8, learning_rate=0.01, standardise=True,
        progress=False, n_codes=6,
    )  # fmt: skip
    assert network.encoder.input_shape == (None, 2, SIDE, SIDE, 1)
    assert network.reconstruct(held[:, :2]).shape == (64, 2, SIDE, SIDE, 1)
    mean_frame = float(((held - x.mean(axis=(0, 1))) ** 2).mean())
    assert history["val_loss"][-1] < 0.9 * mean_frame


@pytest.mark.parametrize("name", ["fc-lstm", "cnn-lstm"])
def test_the_code_is_linear_and_not_squashed(name):
    """With a large bias of the candidate state a tanh would stay at 1."""
    network = recurrent.build(name, (LENGTH, SIDE, SIDE, 1), **SMALL[name])
    latent = network.encoder.layers[-1]
    kernel, recurrent_kernel, bias = latent.get_weights()
    bias[:] = np.repeat([9, 9, 5, 9], 6)  # input, forget, candidate, output
    latent.set_weights([kernel * 0, recurrent_kernel * 0, bias])
    np.testing.assert_allclose(network.encode(blobs(2)), 5 * LENGTH, rtol=1e-2)


def test_the_frames_of_a_cnn_lstm_differ():
    network = recurrent.build("cnn-lstm", (LENGTH, SIDE, SIDE, 1), **SMALL["cnn-lstm"])
    frames = network.reconstruct(blobs(1))[0]
    assert np.abs(frames[1:] - frames[0]).max() > 0


def test_the_order_of_the_frames_matters():
    for name, design in SMALL.items():
        network = recurrent.build(name, (LENGTH, SIDE, SIDE, 1), **design)
        x = blobs(3)
        assert np.abs(network.encode(x) - network.encode(x[:, ::-1])).max() > 1e-4, name


# --- what is learned ----------------------------------------------------------------------------


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("name", recurrent.BUILDERS)
def test_training_beats_the_mean_frame(name, forced):
    if forced and name != "fc-lstm":
        pytest.skip("only the FC-LSTM has teacher forcing")
    x, held = blobs(256), blobs(64, seed=1)
    design = SMALL[name] | ({"teacher_forcing": True} if forced else {})
    _, history = recurrent.trained(
        name, x, held, epochs=8, learning_rate=0.01, standardise=True, progress=False, **design
    )
    mean_frame = float(((held - x.mean(axis=(0, 1))) ** 2).mean())
    # told the truth in training, the network errs more when it is left alone
    assert history["val_loss"][-1] < (0.95 if forced else 0.85) * mean_frame


def test_standardised_the_network_sees_a_mean_of_0_and_a_deviation_of_1():
    """With an identity in between the windows come back."""
    window = keras.Input((LENGTH, SIDE, SIDE, 3))
    models = [keras.Model(window, keras.layers.Identity()(window)) for _ in range(2)]
    x = 3 + 5 * blobs(50, 3)
    network = recurrent.standardised(join("identity", *models), Lazy(x))
    np.testing.assert_allclose(network.reconstruct(x), x, atol=1e-5)
    inside = network.encoder.predict(x, verbose=0)
    np.testing.assert_allclose(inside.mean(axis=(0, 1)), 0, atol=1e-5)
    assert np.sqrt((inside**2).mean()) == pytest.approx(1, abs=1e-5)


def test_standardised_weights_are_saved_and_loaded(tmp_path):
    x = blobs(8)
    first, second = (
        recurrent.standardised(recurrent.build("conv", x.shape[1:], seed=i, n_codes=6), x + i)
        for i in range(2)
    )
    first.save(tmp_path / "weights.npz")
    second.load(tmp_path / "weights.npz")
    np.testing.assert_allclose(second.reconstruct(x), first.reconstruct(x), atol=1e-6)


def test_forced_training_is_judged_without_help():
    """Evaluation feeds back the network's own frames: it is the error of the reconstruction."""
    x, held = blobs(), blobs(32, seed=1)
    network, history = recurrent.trained(
        "fc-lstm", x, held, epochs=1, progress=False, teacher_forcing=True, **SMALL["fc-lstm"]
    )
    error = float(((network.reconstruct(held) - held) ** 2).mean())
    assert history["val_loss"][-1] == pytest.approx(error, rel=1e-4)
    told = np.asarray(network.model(held, training=True))
    assert np.abs(told - network.reconstruct(held)).max() > 1e-4


def test_in_training_each_step_is_told_the_true_frame_before():
    """A change of frame 1 can reach frames 2 and later only, once the code is held fixed."""
    frames = recurrent.FedBack(LENGTH, 5, (7,), "tanh")
    rng = np.random.default_rng(0)
    code, true = rng.normal(size=(2, 3)), rng.normal(size=(2, LENGTH, 5))
    other = true.copy()
    other[:, 1] += 1
    told, otherwise = (
        keras.ops.convert_to_numpy(
            frames(code.astype("float32"), y.astype("float32"), training=True)
        )
        for y in (true, other)
    )
    changed = np.abs(told - otherwise).max(axis=(0, 2)) > 1e-6
    assert changed.tolist() == [False, False, True, True]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_continued_equals_one_that_was_not_interrupted(name, another_cache, capsys):
    arguments = {"batch_size": 32, "standardise": True, "progress": False, **SMALL[name]}
    whole, full = recurrent.trained(name, blobs(), epochs=2, **arguments)
    another_cache()
    recurrent.trained(name, blobs(), epochs=1, **arguments)
    resumed, history = recurrent.trained(name, blobs(), epochs=2, **arguments)
    assert "resumed after epoch 1 of 2" in capsys.readouterr().out
    np.testing.assert_allclose(history["loss"], full["loss"], rtol=1e-5)
    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
def test_every_setting_trains():
    for setting in recurrent.SETTINGS.values():
        for name, arguments in setting.items():
            given = arguments | SMALL[name] | {"epochs": 1, "progress": False}
            _, history = recurrent.trained(name, blobs(16), **given)
            assert np.isfinite(history["loss"]).all()


def test_the_settings_of_the_thesis_are_those_of_section_4_4():
    for name, rate in (("fc-lstm", 0.001), ("cnn-lstm", 0.01)):
        thesis = recurrent.SETTINGS["thesis"][name]
        found = [thesis[key] for key in ("optimizer", "learning_rate", "batch_size", "epochs")]
        assert found == ["sgd", rate, 256, 300]


# --- lazy windows -------------------------------------------------------------------------------


def test_lazy_windows_give_what_the_array_gives():
    x, held = blobs(), blobs(40, seed=1)
    arguments = {"epochs": 2, "batch_size": 20, "progress": False, **SMALL["cnn-lstm"]}
    network, history = recurrent.trained("cnn-lstm", x, held, **arguments)
    windows, watched = Lazy(x), Lazy(held)
    lazy, theirs = recurrent.trained("cnn-lstm", windows, watched, **arguments)
    assert windows.most == 20  # never more than a batch
    np.testing.assert_allclose(theirs["loss"], history["loss"], rtol=1e-5)
    np.testing.assert_allclose(theirs["val_loss"], history["val_loss"], rtol=1e-5)
    np.testing.assert_allclose(lazy.encode(windows, 7), network.encode(x), atol=1e-5)
    np.testing.assert_allclose(lazy.reconstruct(windows, 7), network.reconstruct(x), atol=1e-5)
    assert windows.most == 20


def test_lazy_windows_have_their_own_digest_in_the_key(own_cache):
    windows = Lazy(blobs(16))
    windows.digest = "this and that"
    recurrent.trained("conv", windows, epochs=1, progress=False, **SMALL["conv"])
    windows.digest = "something else"
    recurrent.trained("conv", windows, epochs=1, progress=False, **SMALL["conv"])
    assert len(list(own_cache.glob("training/*"))) == 2


def test_nan_in_lazy_windows_is_found_when_it_is_read():
    x = blobs(32)
    x[20, 1, 2, 3] = np.nan
    with pytest.raises(LatentbookError, match="x holds NaN or infinite values"):
        recurrent.trained("conv", Lazy(x), epochs=1, progress=False, **SMALL["conv"])


def test_large_samples_are_shown_in_smaller_numbers():
    assert training.rows_at_once((28, 28, 1)) == 1024
    assert training.rows_at_once((32, 32, 3)) == 1024
    assert training.rows_at_once((8, 64, 64, 1)) == 128
    assert training.rows_at_once((8, 64, 64, 3)) == 42
    assert training.rows_at_once((100, 1000, 1000, 3)) == 1


# --- reconstruction and clusters together -------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_windows_are_clustered_together_with_the_reconstruction(name):
    """Two kinds of windows, with bright and with dark ground."""
    x = blobs(80) / 2
    kind = np.arange(80) % 2
    x[kind == 1] += 0.5
    network, _ = recurrent.trained(
        name, x, epochs=4, learning_rate=0.01, standardise=True, progress=False, **SMALL[name]
    )
    before = network.model.get_weights()
    setting = {"update_interval": 5, "max_iterations": 20, "batch_size": 16, "tol": 0.0}
    model = DCEC(2, autoencoder=network, progress=False, **setting).fit(Lazy(x), kind)
    assert model.history_["acc"][-1] == 1
    assert model.cluster_centers_.shape == (2, 6)
    assert (model.predict(x) == model.labels_).all()
    assert model.autoencoder_.reconstruct(x).shape == x.shape
    for ours, theirs in zip(network.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    again = DCEC(2, autoencoder=network, progress=False, **setting).fit(Lazy(x), kind)
    assert again.history_ == model.history_  # from the cache


@pytest.mark.slow
def test_a_network_trained_with_teacher_forcing_is_clustered_without_it():
    x = blobs(40)
    network = recurrent.build(
        "fc-lstm", x.shape[1:], teacher_forcing=True, **SMALL["fc-lstm"], seed=3
    )
    copy = network.copy()
    np.testing.assert_allclose(copy.reconstruct(x), network.reconstruct(x), atol=1e-6)
    model = DCEC(
        2, autoencoder=network, batch_size=20, update_interval=2, max_iterations=2, progress=False
    )
    assert np.isfinite(model.fit(x).history_["loss"][-1])


def test_an_autoencoder_for_other_windows_is_refused(tmp_path):
    network = recurrent.build("conv", (LENGTH, SIDE, SIDE, 1), **SMALL["conv"])
    with pytest.raises(LatentbookError, match=r"takes samples of shape \(4, 8, 8, 1\), but X"):
        DCEC(2, autoencoder=network).fit(blobs(20, 3))
    with pytest.raises(LatentbookError, match="both given: leave one of them out"):
        DCEC(2, autoencoder=network, weights=tmp_path / "w.npz").fit(blobs(20))


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("lstm", (8, 64, 64, 1), r"unknown autoencoder 'lstm': choose one of fc-lstm, cnn-lstm"),
        ("fc-lstm", (64, 64, 1), r"takes windows of shape \(length, ny, nx, channels\)"),
        ("fc-lstm", (0, 64, 64, 1), "number of frames of a window is 0, but must lie between 1"),
        ("cnn-lstm", (8, 64, 0, 1), "number of columns of a window is 0"),
        ("cnn-lstm", (8, 62, 64, 1), "multiples of 4, not 62 x 64: regrid"),
        ("conv-lstm", (8, 62, 64, 1), "multiples of 4, not 62 x 64: regrid"),
        ("conv", (8, 62, 62, 1), "the autoencoder conv takes square images"),
        ("conv", (8, 64, 32, 1), "not 64 x 32"),
    ],
)
def test_shapes_that_do_not_fit_are_named(name, shape, says):
    with pytest.raises(LatentbookError, match=says):
        recurrent.build(name, shape)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"optimizer": "adm"}, r"unknown optimizer 'adm': choose one of adam, sgd \(did you mean"),
        ({"learning_rate": 0.0}, "learning_rate is 0, but must lie between"),
        ({"learning_rate": -1.0}, "learning_rate is -1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"n_codes": 0}, "n_codes is 0, but must lie between 1"),
        ({"widths": (8, 0)}, "a layer's width is 0, but must lie between 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, says):
    given = {"epochs": 1, **SMALL["fc-lstm"]} | arguments
    with pytest.raises(LatentbookError, match=says):
        recurrent.trained("fc-lstm", blobs(8), **given)


# --- another backend ----------------------------------------------------------------------------

JAX = """
import keras, numpy as np
from latentbook.autoencoders import recurrent

assert keras.backend.backend() == "jax"
x = np.random.default_rng(0).random((24, 3, 8, 8, 1), dtype=np.float32)
for name, design in (
    ("fc-lstm", {"widths": (8, 6)}),
    ("fc-lstm", {"widths": (8, 6), "teacher_forcing": True}),
    ("cnn-lstm", {"filters": (2, 2, 2)}),
    ("conv", {}),
    ("conv-lstm", {"filters": (2, 2)}),
    ("conv-lstm", {"filters": (2, 2), "forecast": 1}),
):
    network, history = recurrent.trained(
        name, x, x, epochs=2, batch_size=10, n_codes=4, progress=False, **design
    )
    assert np.isfinite(history["val_loss"]).all()
    x = x[:, : network.encoder.input_shape[1]]
    assert network.copy().encode(x).shape == (24, 4)
    assert network.reconstruct(x).shape == x.shape
    x = np.random.default_rng(0).random((24, 3, 8, 8, 1), dtype=np.float32)
print("trained under jax")
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_it_works_under_jax(tmp_path):
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "LATENTBOOK_CACHE": str(tmp_path),
    }
    command = [sys.executable, "-c", textwrap.dedent(JAX)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "trained under jax" in done.stdout
