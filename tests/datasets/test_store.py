"""Places, containers and digests: the right arrays are found, and no others are accepted."""

import numpy as np
import pytest

from latentbook import datasets
from latentbook.datasets import registry, store, trades
from latentbook.errors import LatentbookError

from .conftest import ROLES, idx, idx_gz, npz


def load(name="mnist"):
    return datasets.load(name, download=False)


def expected(arrays):
    return np.concatenate([arrays["x_train"], arrays["x_test"]])[..., np.newaxis] / np.float32(255)


@pytest.mark.parametrize("place", ["data", "cache", "keras"])
def test_npz_is_found_in_every_place(project, place, monkeypatch):
    folders = {"data": project.data, "cache": None, "keras": project.keras / "datasets"}
    monkeypatch.setenv("LATENTBOOK_DATA", str(project.data))
    path = project.store("mnist.npz", npz(project.mnist), folders[place])
    data = load()
    assert data.source == str(path)
    np.testing.assert_array_equal(data.x, expected(project.mnist))
    assert data.n_train == 300


@pytest.mark.parametrize("form", ["packed", "unpacked", "packed without the suffix"])
def test_idx_files_serve_as_well_as_npz(project, form):
    for role, name in ROLES.items():
        content = idx(project.mnist[role]) if form == "unpacked" else idx_gz(project.mnist[role])
        project.store(f"mnist/{name if form == 'packed' else name.removesuffix('.gz')}", content)
    from_idx = load()
    np.testing.assert_array_equal(from_idx.x, expected(project.mnist))
    project.store("mnist.npz", npz(project.mnist))
    assert load().sha256 == from_idx.sha256


def test_the_users_folder_comes_before_the_cache(project, monkeypatch):
    project.store("mnist.npz", npz(project.mnist))
    own = project.store("mnist.npz", npz(project.mnist), project.data)
    monkeypatch.setenv("LATENTBOOK_DATA", str(project.data))
    assert load().source == str(own)


def test_the_systems_folder_is_found(project):
    system = project.cache.parent / "system"
    for role, name in ROLES.items():
        project.store(name, idx_gz(project.mnist[role]), system)
    text = project.registry.read_text()
    project.registry.write_text(
        text.replace('title = "Tiny mnist"', f'title = "Tiny mnist"\nsystem = ["{system}"]')
    )
    assert load().source == f"{system} (4 files)"


def test_debians_fashion_mnist_is_found_by_itself(monkeypatch, own_cache):
    from .test_load import DEBIAN

    if not DEBIAN.is_dir():
        pytest.skip("the package dataset-fashion-mnist is not installed")
    monkeypatch.delenv("LATENTBOOK_DATA", raising=False)
    assert load("fashion_mnist").source == f"{DEBIAN} (4 files)"


def test_labels_of_another_integer_type_are_the_same_labels(project):
    arrays = {key: a.astype(np.int64) if key[0] == "y" else a for key, a in project.mnist.items()}
    project.store("mnist.npz", npz(arrays))
    np.testing.assert_array_equal(load().y[:300], project.mnist["y_train"])


def test_complete_data_are_preferred_to_a_subset(project, monkeypatch):
    monkeypatch.setenv("LATENTBOOK_DATA", str(project.data))
    project.store("cifar10_subset.npz", b"", project.data)
    data = registry.entry("cifar10")
    assert store.find(data).container.subset
    assert store.find(data, complete=True) is None
    project.store("cifar-10-binary.tar.gz", b"")
    assert not store.find(data).container.subset


def test_one_changed_pixel_is_noticed(project):
    project.mnist["x_test"] = project.mnist["x_test"].copy()
    project.mnist["x_test"][50, 3, 3] ^= 1
    path = project.store("mnist.npz", npz(project.mnist))
    with pytest.raises(
        LatentbookError, match=r"x_test in .*damaged or changed; delete the file"
    ) as e:
        load()
    assert str(path) in str(e.value)


def test_swapped_images_are_named(project):
    project.store("mnist.npz", npz({**project.mnist, "x_train": project.fashion["x_train"]}))
    with pytest.raises(LatentbookError, match=r"x_train .*is not the one of mnist .*fashion_mnist"):
        load()


def test_files_of_another_data_set_are_named(project):
    for role, name in ROLES.items():
        project.store(f"mnist/{name}", idx_gz(project.fashion[role]))
    with pytest.raises(
        LatentbookError, match=r"train-images-idx3.* it is the one of fashion_mnist"
    ):
        load()


def test_swapped_order_of_samples_is_noticed(project):
    project.store("mnist.npz", npz({**project.mnist, "y_train": project.mnist["y_train"][::-1]}))
    with pytest.raises(LatentbookError, match="y_train"):
        load()


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_truncated_npz_is_refused(project, share):
    content = npz(project.mnist)
    project.store("mnist.npz", content[: int(share * len(content))])
    with pytest.raises(LatentbookError, match=r"cannot read .*mnist\.npz .*corrupt or truncated"):
        load()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("keep", [2, 10, -100])
def test_a_truncated_idx_file_is_refused(project, packed, keep):
    for role, name in ROLES.items():
        content = idx_gz(project.mnist[role]) if packed else idx(project.mnist[role])
        project.store(f"mnist/{name}", content[:keep] if role == "x_train" else content)
    with pytest.raises(LatentbookError, match="corrupt or truncated"):
        load()


def test_garbage_is_refused(project):
    project.store("mnist.npz", b"<html>404</html>" * 100)
    with pytest.raises(LatentbookError, match="corrupt or truncated"):
        load()


def test_a_missing_array_is_named(project):
    project.store("mnist.npz", npz({"x_train": project.mnist["x_train"]}))
    with pytest.raises(LatentbookError, match=r"holds no array 'y_train' \(only x_train\)"):
        load()


def test_a_wrong_shape_is_named(project):
    project.store("mnist.npz", npz({**project.mnist, "x_train": project.mnist["x_train"][:5]}))
    with pytest.raises(LatentbookError, match=r"\(5, 28, 28\) uint8 instead of \(300, 28, 28\)"):
        load()


def test_nan_is_refused(project):
    x = np.zeros((7291, 16, 16), np.float32)
    x[5, 5, 5] = np.nan
    project.store("usps.npz", npz({"x_train": x}))
    with pytest.raises(LatentbookError, match=r"x_train in .*usps\.npz holds NaN"):
        load("usps")


def test_other_simulated_trades_are_refused(monkeypatch):
    monkeypatch.setattr(trades, "SEED", 1)
    with pytest.raises(LatentbookError, match=r"rows in latentbook \(simulated\) is not .*lock$"):
        load("trades")


def test_a_pickle_is_never_loaded(project, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    project.store("mnist.npz", npz({"x_train": np.array([Trap()], dtype=object)}))
    (tmp_path / "sprung").unlink(missing_ok=True)
    with pytest.raises(LatentbookError, match="allow_pickle=False"):
        load()
    assert not (tmp_path / "sprung").exists()


def test_a_container_with_a_published_md5_is_checked_by_it(project):
    project.store("cifar-10-binary.tar.gz", b"not the archive")
    with pytest.raises(LatentbookError, match=r"not the published file of cifar10 \(md5 "):
        load("cifar10")


def test_missing_data_say_where_was_looked_and_what_to_do(project):
    with pytest.raises(LatentbookError) as caught:
        load()
    message = str(caught.value)
    for part in (
        str(project.cache),
        str(project.keras),
        "latentbook data fetch mnist",
        "copy mnist.npz",
    ):
        assert part in message
    assert "\n" not in message


def test_a_broken_registry_is_one_sentence(project):
    project.registry.write_text("mnist = 3\n[")
    with pytest.raises(LatentbookError, match=r"registry .* has no usable entry for mnist"):
        load()
