"""The claims of chapter 02 can fail: on records with other numbers their conditions do not hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentbook.chapters.autoencoders import CHAPTER
from latentbook.chapters.autoencoders.claims import CLAIMS
from latentbook.study import records
from latentbook.study.claims import Claim, Evidence

#: Claims whose conditions are about parameters of the records, not about their metrics.
ABOUT_PARAMS = {"02-held-out"}


@pytest.fixture(scope="module")
def every():
    return records.read(CHAPTER)


def others(every: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the records with the metrics of every method and condition times a random number."""
    rng = np.random.default_rng(seed)
    factors: dict[tuple[str, ...], float] = {}
    changed = []
    for row in every.itertuples():
        where = str(row.dataset), str(row.method), str(row.params)
        changed.append(
            {
                metric: value * factors.setdefault((*where, metric), rng.lognormal(0, 1.5))
                for metric, value in row.metrics.items()
            }
        )
    return every.assign(metrics=changed)


def asked(name: str, every: pd.DataFrame) -> Claim:
    return CLAIMS.sources[name](Evidence(every, pd.DataFrame()))  # the lectures print no numbers


@pytest.fixture(scope="module")
def drawn(every):
    return [others(every, seed) for seed in range(8)]


@pytest.mark.filterwarnings("ignore:invalid value")  # an accuracy beyond 1
@pytest.mark.parametrize("name", sorted(set(CLAIMS.sources) - ABOUT_PARAMS))
def test_every_condition_can_fail(name, every, drawn):
    true = asked(name, every).holds
    assert all(true.values())
    made = [asked(name, one).holds for one in drawn]
    for words in true:
        assert not all(holds[words] for holds in made), words


def test_held_out_classes_that_differ_are_noticed(every):
    rows = every["method"] == "new categories: pixels"
    params = [
        p | {"unknown": [f"class {seed}", "Bag"]} if row else p
        for p, seed, row in zip(every["params"], every["seed"], rows, strict=True)
    ]
    assert not all(asked("02-held-out", every.assign(params=params)).holds.values())
