"""The rule without a network: frequencies of categories, and distances of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook import tabular
from latentbook.chapters.latent_anomalies import baselines, frequencies
from latentbook.chapters.latent_anomalies.data import Task, split
from latentbook.errors import LatentbookError
from latentbook.planted import KnownAnomalies


@pytest.fixture(scope="module")
def task():
    """A table of two traders: each has a colour of its own, and one row of the test has another."""
    rng = np.random.default_rng(0)
    n = 300
    trader = rng.choice(["ann", "bob"], n)
    colour = np.where(trader == "ann", "red", "blue")
    frame = pd.DataFrame({"trader": trader, "colour": colour, "amount": rng.lognormal(size=n)})
    frame.loc[290, "colour"] = "blue" if trader[290] == "ann" else "red"
    frame.loc[291, "amount"] = 1e4
    table = tabular.dataset(frame, "trader", seed=0, name="traders", n_train=200)
    rows = split(table.data)
    place = {int(i): row for row, i in enumerate(table.data.index[rows.test])}
    where = np.array([place[290], place[291]])
    odd = rows.test[where]
    nothing = np.array([], dtype=int)
    known = {"any": KnownAnomalies(where, table.data.x[odd], table.data.y[odd], nothing)}
    return Task(table.data, rows, known, table), where


def test_what_a_trader_never_does_is_the_least_normal(task):
    own, where = task
    assert set(np.argsort(frequencies.normality(own))[:2]) == set(where)
    found = {
        str(one.scores[0].method): one.scores[0].metrics
        for one in baselines.detect_each(own, own.known, random_state=0)
    }
    assert list(found) == [f"{name} raw" for name in baselines.NAMES]
    for name in ("frequency table", "squared frequency table"):
        assert found[f"{name} raw"] == {"auc_any": 1.0, "ap_any": pytest.approx(1.0)}


def test_only_training_rows_are_counted():
    """A category of test rows alone is as rare as one that nobody has."""
    values = pd.Series(["a"] * 8 + ["b"] * 4)
    learned = np.arange(12) < 8
    many, one = (
        frequencies.category_score(v, np.zeros(len(v)), learned[: len(v)])[-1]
        for v in (values, values[:9])
    )
    assert many == pytest.approx(one)
    assert many < np.log(0.1)


def test_frequencies_of_a_class_are_a_distribution():
    values = pd.Series(["a", "b", "c", "a", "b"])
    labels = np.array([0, 0, 1, 1, 1])
    learned = np.array([1, 1, 0, 1, 1], dtype=bool)
    for label in (0, 1):
        asked = [
            np.exp(
                frequencies.category_score(
                    pd.concat([values, pd.Series([value])], ignore_index=True),
                    np.append(labels, label),
                    np.append(learned, False),
                )[-1]
            )
            for value in "abc"
        ]
        assert sum(asked) == pytest.approx(1)


def test_numbers_are_judged_within_their_class():
    labels = np.repeat([0, 1], 50)
    values = np.concatenate([np.linspace(1, 2, 50), np.linspace(100, 200, 50)])
    learned = np.ones(100, dtype=bool)
    swapped = values.copy()
    swapped[0] = 150.0
    score = frequencies.number_score(swapped, labels, learned)
    assert score.argmin() == 0
    alone = frequencies.number_score(swapped, np.zeros(100), learned)
    assert alone.argmin() != 0


def test_images_have_no_columns(few_digits):
    images = Task(few_digits, split(few_digits), {})
    with pytest.raises(LatentbookError, match="is no table"):
        frequencies.normality(images)
