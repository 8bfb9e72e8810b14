"""Checkpoints: what is written is read, the newest good one wins, a bad one leaves no trace."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from latentbook import checkpoints
from latentbook.errors import LatentbookError


def network(value: float) -> keras.Model:
    """A compiled model whose weights, and moments of Adam, are all `value`."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(), "mean_squared_error")
    model.optimizer.build(model.trainable_variables)
    for variable in [*model.variables, *moments(model)]:
        variable.assign(np.full(variable.shape, value))
    return model


def moments(model: keras.Model) -> list:
    return [v for v in model.optimizer.variables if "momentum" in v.path or "velocity" in v.path]


def values(model: keras.Model) -> set[float]:
    """The different numbers among weights and moments."""
    arrays = [v.numpy() for v in [*model.variables, *moments(model)]]
    return set(np.concatenate([array.ravel() for array in arrays]).tolist())


def write(where: Path, *steps: int, **options: bool) -> None:
    for step in steps:
        checkpoints.save(network(float(step)), where, step, {"steps": step}, **options)


def names(where: Path) -> list[str]:
    return sorted(path.name for path in where.iterdir())


def test_what_is_saved_is_loaded_moments_of_adam_included(tmp_path):
    saved = network(2.0)
    saved.optimizer.iterations.assign(17)
    checkpoints.save(saved, tmp_path, 3, {"loss": [0.5, None]})
    assert names(tmp_path) == ["00003.json", "00003.weights.h5"]
    model = network(9.0)
    assert len(moments(model)) == 2 * len(model.trainable_variables)
    assert checkpoints.resume(model, tmp_path, limit=3) == {"loss": [0.5, None]}
    assert values(model) == {2.0}
    assert int(model.optimizer.iterations.numpy()) == 17


def test_an_optimizer_that_never_ran_gets_its_moments_too(tmp_path):
    write(tmp_path, 2)
    model = network(9.0)
    model.compile(keras.optimizers.Adam(), "mean_squared_error")
    checkpoints.resume(model, tmp_path, limit=2)
    assert values(model) == {2.0}


def test_without_a_checkpoint_nothing_changes(tmp_path):
    model = network(9.0)
    assert checkpoints.resume(model, tmp_path, limit=10) is None
    assert values(model) == {9.0}


def test_the_two_newest_are_kept(tmp_path):
    write(tmp_path, *range(5))
    assert names(tmp_path) == [
        "00003.json",
        "00003.weights.h5",
        "00004.json",
        "00004.weights.h5",
    ]


def test_a_shorter_training_is_kept_beside_a_longer_one(tmp_path):
    write(tmp_path, 11, 12)
    write(tmp_path, 7, 8)
    kept = [name for name in names(tmp_path) if name.endswith("json")]
    assert kept == ["00007.json", "00008.json", "00011.json", "00012.json"]


def test_milestones_are_kept_too(tmp_path):
    write(tmp_path, *range(1, 24), milestones=True)
    kept = [int(name.split(".")[0]) for name in names(tmp_path) if name.endswith("json")]
    assert kept == [1, 2, 5, 10, 20, 22, 23]
    assert len(names(tmp_path)) == 2 * len(kept)


@pytest.mark.parametrize(("limit", "step"), [(23, 23), (22, 22), (21, 20), (5, 5), (4, 2)])
def test_the_newest_within_the_limit_is_taken(tmp_path, limit, step):
    write(tmp_path, 1, 2, 5, 20, 22, 23, milestones=True)
    model = network(99.0)
    assert checkpoints.resume(model, tmp_path, limit) == {"steps": step}
    assert values(model) == {float(step)}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def without_last_weights(path: Path) -> None:
    """Still an HDF5 file, but loading it fails when the first layer is already changed."""
    with h5py.File(path, "a") as file:
        del file["layers/dense_1/vars/0"]


DAMAGES = [
    ("weights.h5", cut),
    ("weights.h5", empty),
    ("weights.h5", zeros),
    ("weights.h5", Path.unlink),
    ("weights.h5", without_last_weights),
    ("json", cut),
    ("json", empty),
    ("json", zeros),
]


@pytest.mark.parametrize(("suffix", "damage"), DAMAGES)
def test_a_damaged_one_is_named_and_the_one_before_is_taken(tmp_path, capsys, suffix, damage):
    write(tmp_path, 1, 2)
    damage(tmp_path / f"00002.{suffix}")
    model = network(9.0)
    assert checkpoints.resume(model, tmp_path, limit=5) == {"steps": 1}
    assert values(model) == {1.0}
    said = capsys.readouterr().out
    assert "checkpoint 00002.json is damaged" in said
    assert "falling back to the one before" in said


@pytest.mark.parametrize(("suffix", "damage"), DAMAGES)
def test_where_all_are_damaged_the_model_is_as_it_was(tmp_path, suffix, damage):
    write(tmp_path, 1)
    damage(tmp_path / f"00001.{suffix}")
    model = network(9.0)
    assert checkpoints.resume(model, tmp_path, limit=5) is None
    assert values(model) == {9.0}


def test_weights_without_a_state_are_half_a_checkpoint_and_do_not_count(tmp_path):
    write(tmp_path, 1, 2)
    (tmp_path / "00002.json").unlink()  # what a kill between the two files leaves
    assert checkpoints.resume(network(9.0), tmp_path, limit=5) == {"steps": 1}


def test_what_a_kill_left_half_written_is_passed_over(tmp_path):
    write(tmp_path, 1)
    (tmp_path / ".partial-x-00002.json").touch()
    write(tmp_path, 2)
    assert checkpoints.resume(network(9.0), tmp_path, limit=5) == {"steps": 2}


def test_no_scratch_file_is_left(tmp_path):
    write(tmp_path, 1)
    with pytest.raises(TypeError):
        checkpoints.save(network(2.0), tmp_path, 2, {"not for JSON": object()})
    assert not [name for name in names(tmp_path) if "partial" in name]
    assert checkpoints.resume(network(9.0), tmp_path, limit=5) == {"steps": 1}


def test_the_key_decides_the_folder(own_cache):
    found = []
    for key in ({"a": 1, "b": None}, {"b": None, "a": 1}, {"a": 2, "b": None}):
        with checkpoints.folder(key) as where:
            assert where.is_dir()
            found.append(where)
    assert found[0] == found[1] != found[2]
    assert own_cache in found[0].parents


def test_a_second_training_of_the_same_waits(own_cache):
    order = []

    def second() -> None:
        with checkpoints.folder({"a": 1}):
            order.append("second")

    with checkpoints.folder({"a": 1}):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        order.append("first")
    waiting.join(timeout=10)
    assert order == ["first", "second"]


def test_a_folder_that_cannot_be_written_is_named(blocked_cache):
    with (
        pytest.raises(LatentbookError, match=r"cannot write .* set LATENTBOOK_CACHE"),
        checkpoints.folder({"a": 1}),
    ):
        pass


def test_states_are_plain_json(tmp_path):
    write(tmp_path, 4)
    assert json.loads((tmp_path / "00004.json").read_text()) == {"steps": 4}
