"""`load` and `Dataset`: what chapters rely on."""

import hashlib
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentbook import datasets, paths
from latentbook.errors import LatentbookError
from latentbook.weather import sources

DEBIAN = Path("/usr/share/datasets/fashion-mnist")

# name: (shape of x, n_train, complete, sha256 of the raw arrays, sha256 of x), the first digits.
REAL = {
    "mnist": ((70_000, 28, 28, 1), 60_000, True, "06b0d1f1", "d27fb913"),
    "fashion_mnist": ((70_000, 28, 28, 1), 60_000, True, "ca3ab2a3", "992edc8d"),
    "usps": ((9_298, 16, 16, 1), 7_291, True, "0f9ff18c", "5f0b9dd6"),
    "cifar10": ((9_979, 32, 32, 3), 0, False, "d64da85f", "6c4d27fa"),
    "satimage": ((6_435, 36), 4_435, True, "8bf73197", "4c6604ae"),
    "nsl_kdd": ((47_736, 122), 25_192, False, "4977febc", "16dacb02"),
}


def real(name):
    if name == "fashion_mnist" and not DEBIAN.is_dir():
        pytest.skip("the package dataset-fashion-mnist is not installed")
    return datasets.load(name, download=False)


def test_names_are_those_of_the_registry():
    names = (*datasets.NAMES, *sources.NAMES)
    assert tuple(tomllib.loads(paths.registry().read_text())) == names


def test_digits_are_28_x_28_in_the_unit_interval(digits):
    assert digits.x.shape == (1797, 28, 28, 1)
    assert digits.x.dtype == np.float32
    assert (digits.x.min(), digits.x.max()) == (0, 1)
    assert digits.y.dtype == np.int64
    assert np.bincount(digits.y).sum() == 1797
    assert len(digits.classes) == 10
    assert digits.n_train == 0
    assert digits.complete
    assert digits.description == "Optical digits: 1,797 images"
    assert np.shares_memory(digits.flat, digits.x)
    assert digits.flat.shape == (1797, 784)


def test_digits_agree_with_another_bilinear_resize(digits):
    from skimage.transform import resize
    from sklearn.datasets import load_digits

    small = load_digits().images[:20] / 16
    for ours, image in zip(digits.x, small, strict=False):
        theirs = resize(image, (28, 28), order=1, mode="edge", anti_aliasing=False)
        np.testing.assert_allclose(ours[..., 0], theirs, atol=1e-6)


def test_arrays_that_cached_results_are_keyed_by_do_not_change(digits):
    assert digits.sha256.startswith("87ff0c9e")
    assert hashlib.sha256(digits.x.tobytes()).hexdigest().startswith("c7b05bae")


def test_a_subset_says_that_it_is_one(digits):
    part = digits.subset(100, seed=3)
    assert not part.complete
    assert part.n_train == 0
    assert part.description == "Optical digits: 100 of 1,797 images"
    assert part.extent == "100 of 1,797 images"
    assert digits.extent is None
    assert (np.diff(part.index) > 0).all()
    np.testing.assert_array_equal(part.x, digits.x[part.index])
    np.testing.assert_array_equal(part.y, digits.y[part.index])


def test_subsets_are_reproducible_and_their_digests_tell_them_apart(digits):
    first, again, other = (digits.subset(100, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.index, again.index)
    assert first.sha256 == again.sha256
    assert len({first.sha256, other.sha256, digits.sha256}) == 3
    assert datasets.load("digits", n=100, seed=1).sha256 == other.sha256


def test_a_subset_of_a_subset_keeps_positions_in_the_complete_data(digits):
    part = digits.subset(200, 0).subset(50, 1)
    np.testing.assert_array_equal(part.x, digits.x[part.index])


def test_all_samples_are_the_complete_data(digits):
    assert digits.subset(1797) is digits
    assert datasets.load("digits", n=1797).complete


@pytest.mark.parametrize("n", [0, -1, 1798, 1.5, True, "10"])
def test_an_impossible_number_of_samples_is_refused(n):
    with pytest.raises(LatentbookError, match=r"n is .*from 1 to 1,797"):
        datasets.load("digits", n=n)


def test_a_misspelt_name_is_answered_with_a_suggestion():
    with pytest.raises(LatentbookError, match=r"unknown data set 'minst'.*mean 'mnist'\?"):
        datasets.load("minst")


@pytest.mark.parametrize("part", ["train", "test"])
def test_data_without_a_published_split_have_no_parts(digits, part):
    with pytest.raises(LatentbookError, match="digits has no published split: take all of it"):
        digits.split(part)
    with pytest.raises(LatentbookError, match="digits has no published split"):
        datasets.load(f"digits-{part}")


@pytest.mark.parametrize("name", ["mnist-tset", "mnist-", "mnist-test-test", "mnist_test", "-test"])
def test_a_misspelt_split_is_an_unknown_data_set(name):
    with pytest.raises(LatentbookError, match="unknown data set"):
        datasets.load(name)


@pytest.mark.parametrize("part", ["all", "validation", ""])
def test_other_words_for_a_split_are_refused(digits, part):
    with pytest.raises(LatentbookError, match=f"unknown split '{part}': choose one of train, test"):
        digits.split(part)


def test_splits_of_tiny_data(digits):
    published = replace(digits, n_train=1000)
    train, test = (published.split(part) for part in ("train", "test"))
    assert (train.name, test.name) == ("digits-train", "digits-test")
    assert (len(train), len(test)) == (1000, 797)
    np.testing.assert_array_equal(np.concatenate([train.x, test.x]), digits.x)
    np.testing.assert_array_equal(test.index, np.arange(1000, 1797))
    np.testing.assert_array_equal(test.y, digits.y[1000:])
    assert len({train.sha256, test.sha256, digits.sha256}) == 3
    assert not test.complete
    assert test.description == "Optical digits: 797 of 1,797 images"
    part = test.subset(10, seed=0)
    assert part.name == "digits-test"
    np.testing.assert_array_equal(part.x, digits.x[part.index])
    with pytest.raises(LatentbookError, match="digits-test has no published split"):
        test.split("test")


def test_the_published_splits_are_those_of_the_complete_data(real_data):
    whole, test, train = (real(name) for name in ("mnist", "mnist-test", "mnist-train"))
    assert (test.name, len(test), len(train)) == ("mnist-test", 10_000, 60_000)
    np.testing.assert_array_equal(test.x, whole.x[60_000:])
    np.testing.assert_array_equal(test.y, whole.y[60_000:])
    np.testing.assert_array_equal(train.y, whole.y[:60_000])
    assert list(test.y[:5]) == [7, 2, 1, 0, 4]
    assert test.description == "MNIST: 10,000 of 70,000 images"
    part = datasets.load("mnist-test", n=100, seed=1, download=False)
    assert part.index.min() >= 60_000
    with pytest.raises(LatentbookError, match=r"mnist-test .*from 1 to 10,000"):
        datasets.load("mnist-test", n=10_001, download=False)


@pytest.mark.parametrize("name", REAL)
def test_real_data(name, real_data):
    shape, n_train, complete, raw, scaled = REAL[name]
    data = real(name)
    assert data.x.shape == shape
    assert data.x.dtype == np.float32
    assert data.n_train == n_train
    assert data.complete is complete
    assert data.sha256.startswith(raw)
    assert hashlib.sha256(data.x.tobytes()).hexdigest().startswith(scaled)
    assert set(np.unique(data.y)) == set(range(len(data.classes)))
    assert len(data.index) == len(data.y) == len(data.x)


def test_cifar10_subset_knows_its_place(real_data):
    data = real("cifar10")
    if data.complete:
        pytest.skip("the complete CIFAR-10 is on this machine")
    assert data.description == "CIFAR-10: 9,979 of 60,000 images"
    assert data.extent == "9,979 of the 10,000 test images"
    assert data.subset(100).extent == "100 of 60,000 images"
    assert data.index.min() == 50_000
    assert data.index.max() == 59_999
    assert data.classes[data.y[0]] == "cat"
    with pytest.raises(LatentbookError, match="from 1 to 9,979"):
        data.subset(10_000)


def test_mnist_loads_in_two_seconds_of_processor_time(real_data):
    seconds = []
    for _ in range(4):
        begin = time.process_time()  # not the wall time: other programs may be running
        real("mnist")
        seconds.append(time.process_time() - begin)
    assert min(seconds) < 2


def test_satimage_has_typed_columns(real_data):
    data = real("satimage")
    assert list(data.frame.columns[[0, 5, 35, 36]]) == [
        "pixel1_band1",
        "pixel2_band2",
        "pixel9_band4",
        "soil",
    ]
    assert set(data.frame.dtypes[:36]) == {np.dtype("uint8")}
    assert list(data.frame["soil"].cat.categories) == list(data.classes)
    assert list(np.bincount(data.y[: data.n_train])) == [1072, 479, 961, 415, 470, 1038]


def test_nsl_kdd_has_the_published_columns_with_types(real_data):
    data = real("nsl_kdd")
    assert data.frame.shape == (47_736, 43)
    categories = data.frame.select_dtypes("category").columns
    assert list(categories) == ["protocol_type", "service", "flag", "label"]
    rates = [name for name in data.frame if name.endswith("_rate")]
    assert len(rates) == 15
    assert data.frame[rates].to_numpy().max() <= 1
    assert not data.frame.isna().any(axis=None)
    assert data.frame["label"][0] == "normal"
    assert data.description == "NSL-KDD: 47,736 of 148,517 connections"
    assert data.extent == "20 % of the training set, and the test set"
    counts = [np.bincount(part).tolist() for part in np.split(data.y, [data.n_train])]
    assert counts == [[13449, 9234, 2289, 209, 11], [9711, 7458, 2421, 2754, 200]]


def test_nsl_kdd_matrix_is_scaled_by_the_training_split_only(real_data):
    data = real("nsl_kdd")
    train = data.x[: data.n_train]
    assert (train.min(), train.max()) == (0, 1)
    assert data.x.max() > 1
    sums = [data.x[:, 1:4].sum(axis=1), data.x[:, 4:74].sum(axis=1), data.x[:, 74:85].sum(axis=1)]
    assert (np.array(sums) == 1).all()
    source_bytes = data.frame["src_bytes"].to_numpy(float)
    expected = source_bytes / source_bytes[: data.n_train].max()
    np.testing.assert_allclose(data.x[:, 85], expected, rtol=1e-6)


def test_a_subset_of_a_table_takes_its_rows_along(real_data):
    data = real("satimage")
    part = data.subset(10, seed=2)
    pd.testing.assert_frame_equal(
        part.frame, data.frame.iloc[part.index].reset_index(drop=True), check_like=False
    )
