"""Planted anomalies: what is done to the rows, and to which of them."""

from __future__ import annotations

import numpy as np
import pytest

from latentbook import datasets, planted, sampling
from latentbook.errors import LatentbookError
from latentbook.planted import plant, suitable


@pytest.fixture(scope="module")
def held_out(few_digits):
    return sampling.split(len(few_digits))[1]


@pytest.fixture(scope="module")
def flat(few_digits):
    """The same as a table."""
    return datasets.Dataset(**{**vars(few_digits), "x": few_digits.flat})


def test_planted_anomalies(few_digits, held_out):
    test = few_digits.x[held_out]
    for kind in planted.CHANGES:
        one = plant(few_digits, held_out, kind)
        assert len(one.where) == len(set(one.where)) == 20
        np.testing.assert_array_equal(one.where, plant(few_digits, held_out, kind).where)
        original, labels = test[one.where], few_digits.y[held_out][one.where]
        np.testing.assert_allclose(
            np.sort(one.x.reshape(20, -1)), np.sort(original.reshape(20, -1))
        )
        assert (one.x != original).any(axis=(1, 2, 3)).all() == (kind != "mislabelled")
        assert (one.y != labels).all() == (kind == "mislabelled")
        assert set(one.y) <= set(range(10))
    rotated = plant(few_digits, held_out, "rotated")
    np.testing.assert_array_equal(rotated.x[0, ..., 0], np.rot90(test[rotated.where[0], ..., 0]))


def test_bad_kinds(few_digits, held_out):
    with pytest.raises(LatentbookError, match="did you mean 'rotated'"):
        plant(few_digits, held_out, "rotate")
    with pytest.raises(LatentbookError, match="share of planted"):
        plant(few_digits, held_out, "noise", 1.5)


def test_kinds_that_suit_the_data(few_digits, flat):
    words = ["rotated", "noise", "fashion_mnist", "mislabelled"]
    assert suitable(few_digits, words) == words
    assert suitable(flat, words) == ["noise", "mislabelled"]
    with pytest.raises(LatentbookError, match="did you mean 'noise'"):
        suitable(flat, ["nois"])


def test_noise_of_a_table_keeps_its_columns(flat, held_out):
    one = plant(flat, held_out, "noise", 0.5)
    before = flat.x[held_out[one.where]]
    np.testing.assert_array_equal(np.sort(one.x, axis=0), np.sort(before, axis=0))
    assert (one.x != before).any(axis=1).mean() > 0.9


def test_a_random_state_plants_in_other_rows(few_digits, held_out):
    first, other = (plant(few_digits, held_out, "noise", random_state=s) for s in (0, 1))
    assert set(first.where) != set(other.where)
    # the rows differ from kind to kind as well
    assert set(first.where) != set(plant(few_digits, held_out, "mislabelled").where)


@pytest.mark.parametrize(("share", "count"), [(0, 1), (0.5, 100), (1, 199)])
def test_at_least_one_row_is_planted_and_one_is_left(few_digits, held_out, share, count):
    assert len(plant(few_digits, held_out, "noise", share).where) == count


def test_images_of_another_data_set_keep_the_labels(few_digits, held_out, monkeypatch):
    others = datasets.Dataset(**{**vars(few_digits), "x": 1 - few_digits.x})
    monkeypatch.setattr(datasets, "load", lambda name: others)
    one = plant(few_digits, held_out, "mnist")
    np.testing.assert_array_equal(one.y, few_digits.y[held_out][one.where])
    assert all((others.x == image).all(axis=(1, 2, 3)).any() for image in one.x)
    small = datasets.Dataset(**{**vars(few_digits), "x": few_digits.x[:, :20, :20]})
    monkeypatch.setattr(datasets, "load", lambda name: small)
    with pytest.raises(LatentbookError, match="images of mnist have shape"):
        plant(few_digits, held_out, "mnist")
