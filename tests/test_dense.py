"""Dense autoencoders: shapes, penalties by hand, side-by-side training, the linear optimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy.linalg import subspace_angles
from scipy.optimize import check_grad

from latentbook.autoencoders import dense
from latentbook.errors import LatentbookError

pytestmark = pytest.mark.usefixtures("own_cache")

RNG = np.random.default_rng(0)
#: Rows near a plane in six dimensions.
X = (RNG.normal(size=(80, 2)) @ RNG.normal(size=(2, 6)) + 0.05 * RNG.normal(size=(80, 6))).astype(
    np.float32
)


def value(kind: str, codes: np.ndarray, moved: np.ndarray | None = None) -> float:
    first, second = (
        ops.convert_to_tensor(np.asarray(z, np.float32))
        for z in (codes, codes if moved is None else moved)
    )
    return float(ops.convert_to_numpy(dense.penalty(kind, first, second)))


def test_the_example_of_the_lecture_has_its_layers():
    network = dense.build((36,), code_activation="selu")
    layers = [x for x in network.encoder.layers + network.decoder.layers if hasattr(x, "units")]
    assert [layer.units for layer in layers] == [8, 2, 8, 36]
    assert [layer.activation.__name__ for layer in layers] == ["selu", "selu", "selu", "linear"]
    assert network.model.count_params() == 36 * 8 + 8 + 8 * 2 + 2 + 2 * 8 + 8 + 8 * 36 + 36


def test_the_model_is_the_decoder_after_the_encoder():
    network, x = dense.build((4, 4, 1), n_codes=3, widths=(5,)), RNG.random((7, 4, 4, 1))
    assert network.encode(x).shape == (7, 3)
    both = network.decoder.predict(network.encode(x), verbose=0)
    np.testing.assert_allclose(network.reconstruct(x), both, atol=1e-6)
    assert both.shape == x.shape


def test_a_linear_autoencoder_is_affine():
    network = dense.linear((6,), 2)
    a, b = X[:10], X[10:20]
    middle = network.reconstruct((a + b) / 2)
    halves = (network.reconstruct(a) + network.reconstruct(b)) / 2
    np.testing.assert_allclose(middle, halves, atol=1e-5)


def test_the_seed_decides_about_the_weights():
    first, same, other = (dense.build((6,), seed=s).model.get_weights()[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_the_gradient_of_the_linear_loss_is_right():
    covariance = np.cov(X, rowvar=False)
    error = check_grad(
        lambda w: dense.linear_loss(w, covariance, 2)[0],
        lambda w: dense.linear_loss(w, covariance, 2)[1],
        RNG.normal(size=24),
    )
    assert error < 1e-4


def test_the_linear_loss_is_the_squared_error():
    centred = X.astype(float) - X.mean(axis=0, dtype=float)
    encoder, decoder = RNG.normal(size=(2, 6, 2))
    direct = np.square(centred - centred @ encoder @ decoder.T).sum(axis=1).mean()
    weights = np.concatenate([encoder.ravel(), decoder.ravel()])
    found, _ = dense.linear_loss(weights, centred.T @ centred / len(X), 2)
    assert found == pytest.approx(direct)


@settings(max_examples=5)
@given(seed=st.integers(0, 1000), n_codes=st.integers(1, 4))
def test_the_fitted_linear_autoencoder_spans_the_leading_singular_vectors(seed, n_codes):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 8)) * np.array([8, 7, 6, 5, 4, 3, 2, 1]) + 3
    network, loss = dense.fit_linear(x, n_codes, seed=seed)
    centred = x - x.mean(axis=0)
    _, values, right = np.linalg.svd(centred, full_matrices=False)
    angle = subspace_angles(right[:n_codes].T, dense.directions(network).T).max()
    assert np.degrees(angle) < 1
    least = np.square(values[n_codes:]).sum() / x.size
    assert loss == pytest.approx(least, rel=1e-3)
    rebuilt = network.reconstruct(centred.astype(np.float32))
    assert np.square(rebuilt - centred).mean() == pytest.approx(least, rel=1e-3)


def test_the_l1_penalty_by_hand():
    assert value("l1", [[1.0], [-1.0], [1.0], [-1.0]]) == pytest.approx(1, abs=1e-4)
    assert value("l1", [[2.0], [0.0], [0.0], [0.0]]) == pytest.approx(0.5, abs=1e-4)


def test_the_kl_penalty_by_hand():
    rho = dense.TARGET_ACTIVITY
    assert value("kl", np.full((5, 3), rho)) == pytest.approx(0, abs=1e-6)
    expected = rho * np.log(rho / 0.5) + (1 - rho) * np.log((1 - rho) / 0.5)
    assert value("kl", np.full((5, 3), 0.5)) == pytest.approx(3 * expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["l1", "contractive"])
def test_a_smaller_code_does_not_evade_the_penalty(kind):
    codes = RNG.normal(size=(50, 3))
    moved = codes + 0.01 * RNG.normal(size=(50, 3))
    small = value(kind, 0.1 * codes, 0.1 * moved)
    assert small == pytest.approx(value(kind, codes, moved), rel=1e-2)


def test_the_contractive_penalty_is_the_jacobian_by_random_steps():
    """Mean squared entries of a numerical Jacobian, relative to the variance of the code."""
    network = dense.build((6,), n_codes=2, widths=(5,), activation="tanh", seed=3)
    x, h = X[:20], 1e-2
    steps = [h * axis for axis in np.eye(6, dtype=np.float32)]
    columns = [(network.encode(x + s) - network.encode(x - s)) / (2 * h) for s in steps]
    squared = np.square(np.stack(columns)).sum(axis=0).mean(axis=0)
    expected = np.mean(squared / network.encode(x).var(axis=0))
    many = np.tile(x, (500, 1))
    codes = network.encode(many)
    moved = network.encode(many + dense.STEP * RNG.standard_normal(many.shape).astype("float32"))
    assert value("contractive", codes, moved) == pytest.approx(expected, rel=0.1)


def test_side_by_side_is_as_good_as_alone():
    designs = [{"n_codes": 1}, {"n_codes": 2, "widths": (4,)}]
    together, _ = dense.trained(X, designs, epochs=30, batch_size=16, seeds=(0,))
    alone, _ = dense.trained(X, designs[1:], epochs=30, batch_size=16, seeds=(0,))
    for ours, theirs in zip(
        together[1].model.get_weights(), alone[0].model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("rows", "epochs", "expected"),
    [
        (1000, 15, (2, 8)),
        (1000, 9, (1, 9)),
        (800, 15, (2, 8)),
        (1200, 9, (2, 5)),
        (10_000, 3, (3, 1)),
    ],
)
def test_small_data_are_passed_in_equal_rounds(monkeypatch, rows, epochs, expected):
    seen = []

    def fit(model, x, *, epochs, **options):
        seen.append((epochs, len(x) // rows))
        return {"seconds": [0.0]}

    monkeypatch.setattr(dense.training, "fit", fit)
    dense.trained(np.zeros((rows, 6), np.float32), [{}], epochs=epochs)
    assert seen == [expected]


def test_outputs_are_those_of_predict():
    network = dense.build((6,), widths=(4,))
    many = np.tile(X, (5000 // len(X) + 1, 1))
    np.testing.assert_allclose(
        dense.outputs(network.model, many), network.model.predict(many, verbose=0), atol=1e-6
    )


def test_training_is_loaded_and_noise_is_only_in_training(capsys):
    designs = [changes | {"widths": ()} for kind, changes in dense.KINDS.items() if kind != "plain"]
    first, seconds = dense.trained(X, designs, epochs=60, batch_size=40)
    again, same = dense.trained(X, designs, epochs=60, batch_size=40)
    assert "resumed after epoch" in capsys.readouterr().out
    assert same == pytest.approx(seconds)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.reconstruct(X), b.reconstruct(X))
        started = dense.build((6,), widths=()).reconstruct(X)
        assert np.square(a.reconstruct(X) - X).mean() < np.square(started - X).mean()


def test_the_layers_of_a_stacked_autoencoder_come_from_networks_of_one_layer(monkeypatch):
    seen = []
    real = dense.trained

    def spy(x, designs, **options):
        seen.append((x.shape[1], [d["n_codes"] for d in designs], options["epochs"]))
        networks, seconds = real(x, designs, **options)
        if options.get("start"):  # what fine-tuning starts from already reconstructs
            seen.append(options["start"])
        return networks, seconds

    monkeypatch.setattr(dense, "trained", spy)
    network, seconds = dense.stacked(X, {"n_codes": 2, "widths": (4,)}, epochs=800, batch_size=40)
    assert seen[:3] == [(6, [4], 200), (4, [2], 200), (6, [2], 400)]
    assert [w.shape for w in seen[3][0]] == [w.shape for w in network.model.get_weights()]
    assert seconds > 0
    started = dense.build((6,), n_codes=2, widths=(4,))
    started.model.set_weights(seen[3][0])
    untrained = dense.build((6,), n_codes=2, widths=(4,))
    errors = [np.square(n.reconstruct(X) - X).mean() for n in (network, started, untrained)]
    assert errors == sorted(errors)


def test_bad_designs_are_refused():
    with pytest.raises(LatentbookError, match="n_codes is 7, but the data have only 6"):
        dense.build((6,), n_codes=7)
    with pytest.raises(LatentbookError, match="needs a code between 0 and 1"):
        dense.build((6,), penalty="kl")
    with pytest.raises(LatentbookError, match="unknown penalty 'l3'"):
        dense.build((6,), penalty="l3")
    with pytest.raises(LatentbookError, match="width is 0"):
        dense.build((6,), widths=(0,))
    with pytest.raises(LatentbookError, match="need at least 4"):
        dense.stacked(X, {"widths": (4,)}, epochs=3)
    with pytest.raises(LatentbookError, match="epochs is 0"):
        dense.trained(X, [{}], epochs=0)
    with pytest.raises(LatentbookError, match="x holds NaN"):
        dense.trained(np.full((5, 6), np.nan, np.float32), [{}], epochs=1)
