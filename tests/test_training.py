"""Training: resumed runs end like uninterrupted ones, and bad input is refused before it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np
import pytest

from latentbook import training
from latentbook.autoencoders import conv
from latentbook.errors import LatentbookError

pytestmark = pytest.mark.usefixtures("own_cache")


def images(n: int = 64) -> np.ndarray:
    return np.random.default_rng(0).random((n, 8, 8, 1), dtype=np.float32)


def test_history_has_one_value_an_epoch_and_the_loss_falls():
    _, history = conv.trained("cae10-guo", images(), images(16), epochs=3, batch_size=16)
    assert [len(history[k]) for k in ("loss", "val_loss", "seconds")] == [3, 3, 3]
    assert history["loss"][-1] < history["loss"][0]


def test_a_run_continued_equals_one_that_was_not_interrupted(another_cache, capsys):
    x = images()
    whole, full = conv.trained("cae10-guo", x, epochs=4, batch_size=16)
    another_cache()
    conv.trained("cae10-guo", x, epochs=2, batch_size=16)
    resumed, history = conv.trained("cae10-guo", x, epochs=4, batch_size=16)
    assert "resumed after epoch 2 of 4" in capsys.readouterr().out
    np.testing.assert_allclose(history["loss"], full["loss"], rtol=1e-5)
    np.testing.assert_allclose(resumed.encode(x), whole.encode(x), atol=1e-5)


def test_a_finished_run_is_loaded_not_repeated():
    x = images()
    first, history = conv.trained("cae10-guo", x, epochs=2, batch_size=16)
    second, again = conv.trained("cae10-guo", x, epochs=2, batch_size=16)
    assert again == history
    np.testing.assert_array_equal(first.encode(x), second.encode(x))


def test_a_damaged_checkpoint_falls_back_to_the_one_before(own_cache, capsys, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    x = images()
    conv.trained("cae10-guo", x, epochs=2, batch_size=16)
    newest = max(own_cache.glob("training/*/*.weights.h5"))
    newest.write_bytes(newest.read_bytes()[:100])
    _, history = conv.trained("cae10-guo", x, epochs=2, batch_size=16)
    assert "falling back" in capsys.readouterr().out
    assert len(history["loss"]) == 2


@pytest.mark.slow
def test_killed_in_the_middle_it_ends_with_the_same_codes(tmp_path):
    script = textwrap.dedent(
        """
        import sys, numpy as np
        from latentbook import training
        from latentbook.autoencoders import conv
        training.CHECKPOINT_SECONDS = 0.0
        x = np.random.default_rng(0).random((2048, 28, 28, 1), dtype=np.float32)
        model, _ = conv.trained("cae10-guo", x, epochs=4, batch_size=256)
        np.save(sys.argv[1], model.encode(x[:64]))
        """
    )

    def start(cache: str, out: str) -> subprocess.Popen:
        environment = os.environ | {"LATENTBOOK_CACHE": str(tmp_path / cache)}
        command = [sys.executable, "-c", script, str(tmp_path / out)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    assert start("whole", "whole.npy").wait() == 0
    victim = start("killed", "killed.npy")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("killed/training/*/*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert start("killed", "killed.npy").wait() == 0
    whole, killed = np.load(tmp_path / "whole.npy"), np.load(tmp_path / "killed.npy")
    np.testing.assert_allclose(killed, whole, atol=1e-4)


@pytest.mark.parametrize(("seconds", "saved"), [(0.0, [1, 2, 3]), (1e9, [3])])
def test_short_epochs_share_a_checkpoint(seconds, saved, own_cache, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", seconds)
    steps = []
    monkeypatch.setattr(
        training.checkpoints, "save", lambda _, __, step, *a, **k: steps.append(step)
    )
    conv.trained("cae10-guo", images(), epochs=3, batch_size=16)
    assert steps == saved


def test_several_steps_a_call_are_the_same_steps():
    def weights(**settings):
        autoencoder, loss = conv.build("cae10-guo", (8, 8, 1), 10, seed=0)
        autoencoder.model.compile(keras.optimizers.SGD(0.1), loss, **settings)
        x = np.random.default_rng(0).random((40, 8, 8, 1), dtype=np.float32)
        autoencoder.model.fit(x, x, batch_size=8, shuffle=False, verbose=0)
        return autoencoder.model.get_weights()

    for fast, slow in zip(weights(**training.compiling()), weights(jit_compile=False), strict=True):
        np.testing.assert_allclose(fast, slow, atol=1e-6)


@pytest.mark.parametrize(
    ("losses", "patience", "stops"),
    [([3, 2, 1], 2, False), ([1, 2, 3], 2, True), ([1, 2], 2, False), ([2, 1, 1, 1], 2, True)],
)
def test_early_stopping_reads_the_history(losses, patience, stops):
    assert training.should_stop({"loss": [0.0], "val_loss": losses}, patience) is stops


@pytest.mark.parametrize(
    ("name", "shape", "parameters", "encoder"),
    [
        ("cae10", (28, 28, 1), 20_553, 10_306),
        ("cae10-guo", (28, 28, 1), 275_979, 137_482),
        ("cae10-guo", (32, 32, 3), None, None),
        ("cae10-guo", (16, 16, 1), None, None),
        ("cae10-guo", (8, 8, 1), None, None),
    ],
)
def test_architectures_are_those_of_the_sources(name, shape, parameters, encoder):
    autoencoder, _ = conv.build(name, shape)
    assert autoencoder.model.output_shape == (None, *shape)
    assert autoencoder.encode(np.zeros((2, *shape), np.float32)).shape == (2, 10)
    if parameters:
        assert autoencoder.model.count_params() == parameters
        assert autoencoder.encoder.count_params() == encoder


def test_the_model_is_decoder_after_encoder():
    autoencoder, _ = conv.build("cae10-guo", (8, 8, 1))
    x = images(4)
    twice = autoencoder.decoder.predict(autoencoder.encoder.predict(x, verbose=0), verbose=0)
    np.testing.assert_allclose(autoencoder.reconstruct(x), twice, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: conv.trained("cae10-guo", images(), epochs=0), "epochs is 0"),
        (lambda: conv.trained("cae10-guo", images(), epochs=-3), "epochs is -3"),
        (lambda: conv.trained("cae10-guo", images() * np.nan, epochs=1), "NaN or infinite"),
        (lambda: conv.trained("cae", images(), epochs=1), "unknown autoencoder 'cae'"),
        (lambda: conv.trained("cae10", images(), epochs=1), "28 x 28 pixels, not 8 x 8"),
        (lambda: conv.build("cae10-guo", (30, 30, 1)), "not 30 x 30"),
        (lambda: conv.build("cae10-guo", (28, 32, 1)), "not 28 x 32"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(LatentbookError, match=says):
        call()
