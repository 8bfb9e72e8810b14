"""Patterns in time: known values, invariants, and what the catalogue is read as."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from latentbook.errors import LatentbookError
from latentbook.weather import patterns

DAY = np.timedelta64(1, "D")


def days(n, start="2000-01-01"):
    return np.datetime64(start, "ns") + np.arange(n) * DAY


def islands(n=300, k=4, seed=0):
    rng = np.random.default_rng(seed)
    own = rng.integers(k, size=n)
    return (10 * np.eye(k)[own] + rng.normal(size=(n, k))).astype(np.float32), own


def test_all_windows_get_the_nearest_centre_and_only_training_ones_make_it():
    codes, own = islands()
    training = np.arange(300) < 150
    found = patterns.fit(codes, training, 4, seed=0)
    assert (found.labels == cdist(codes, found.centres).argmin(axis=1)).all()
    moved = np.where(training[:, None], codes, codes + 0.01)
    assert patterns.fit(moved, training, 4, seed=0).centres == pytest.approx(found.centres)
    assert len(set(zip(own.tolist(), found.labels.tolist(), strict=True))) == 4


def test_descriptors_are_the_nearest_training_members():
    codes, _ = islands(60)
    training = np.arange(60) < 40
    found = patterns.fit(codes, training, 4, seed=0)
    near = patterns.nearest_to_centres(codes, found, training, 40)
    distance = cdist(codes, found.centres)
    for cluster, row in enumerate(near):
        members = row[row >= 0]
        assert set(members) == set(np.flatnonzero(training & (found.labels == cluster)))
        assert (np.diff(distance[members, cluster]) >= 0).all()
    assert (patterns.nearest_to_centres(codes, found, training, 1)[:, 0] == near[:, 0]).all()


def test_transitions_do_not_lead_across_a_gap():
    labels = np.array([0, 1, 0, 1, 1])
    times = days(5)
    times[3:] += 10 * DAY
    share = patterns.transitions(labels, times, 3)
    assert share[0].tolist() == [0, 1, 0]  # 0 -> 1 once; 0 -> 1 across the gap is not counted
    assert share[1].tolist() == [0.5, 0.5, 0]
    assert np.isnan(share[2]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 500), k=st.integers(2, 6))
def test_rows_of_transitions_and_of_seasons_sum_to_one(seed, k):
    labels = np.random.default_rng(seed).integers(k, size=400)
    for table in (
        patterns.transitions(labels, days(400), k),
        patterns.seasonality(labels, days(400), k),
    ):
        assert table.sum(axis=1)[np.unique(labels)] == pytest.approx(1)


def test_persistence_of_labels_without_memory_is_that_of_chance():
    labels = np.random.default_rng(0).choice(3, 20_000, p=[0.5, 0.3, 0.2])
    found = patterns.persistence(labels, days(20_000))
    assert found["persistence_chance"] == pytest.approx(0.38, abs=0.01)
    assert found["persistence"] == pytest.approx(found["persistence_chance"], abs=0.01)
    blocks = patterns.persistence(np.repeat(labels[:2000], 10), days(20_000))
    assert blocks["persistence"] > 0.9


def test_persistence_of_windows_some_steps_apart_skips_gaps():
    labels = np.array([0, 1, 0, 1, 1, 1])
    times = days(7)[[0, 1, 2, 3, 5, 6]]  # the fifth day is missing
    assert patterns.persistence(labels, times, steps=1)["persistence"] == pytest.approx(1 / 4)
    # days 0 and 2, 1 and 3; none across the gap
    assert patterns.persistence(labels, times, steps=2)["persistence"] == 1.0
    assert np.isnan(patterns.persistence(labels[:2], times[:2], steps=2)["persistence"])


def test_a_month_with_more_windows_does_not_count_for_more():
    times = np.concatenate([days(31), days(31), days(28, "2001-02-01")])
    shares = patterns.seasonality(np.zeros(90, int), times, 1)
    assert shares[0, :2] == pytest.approx([0.5, 0.5])


def test_the_season_is_read_out_of_codes_that_hold_it_and_not_of_noise():
    times = days(3 * 365, "2001-01-01")
    phase = 2 * np.pi * np.arange(len(times)) / 365
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(len(times), 3))
    told = patterns.season_accuracy(np.c_[np.cos(phase), np.sin(phase), noise], times)
    assert told["season_accuracy"] > 0.9
    assert told["season_chance"] == 0.25
    assert patterns.season_accuracy(noise, times)["season_accuracy"] == pytest.approx(
        0.25, abs=0.06
    )
    assert np.isnan(patterns.season_accuracy(noise[:30], times[:30])["season_accuracy"])


def test_one_year_is_split_into_blocks():
    times = days(365)
    phase = 2 * np.pi * np.arange(365) / 365
    told = patterns.season_accuracy(np.c_[np.cos(phase), np.sin(phase)], times)
    assert told["season_accuracy"] > 0.7


def test_agreement_of_seeds():
    labels = np.random.default_rng(0).integers(5, size=500)
    assert patterns.agreement([labels, (labels + 2) % 5]) == pytest.approx(1)
    assert patterns.agreement([labels, np.random.default_rng(1).permutation(labels)]) < 0.05
    assert np.isnan(patterns.agreement([labels]))


def test_north_anticyclonic_is_a_type_and_not_a_missing_value(tmp_path):
    file = tmp_path / "types.csv"
    file.write_text("date,gwl\n2000-01-01,NA\n2000-01-02,WZ\n2000-01-03,NA\n")
    types = patterns.catalogue(file)
    assert types.tolist() == ["NA", "WZ", "NA"]
    found = patterns.catalogue_agreement(np.array([4, 2, 4, 1]), days(4), types)
    assert found == pytest.approx({"ami": 1, "ari": 1, "days": 3, "types": 2})
    assert patterns.catalogue_agreement(np.array([1]), days(1, "2020-01-01"), types) == {}


def test_agreement_by_chance_knows_seasons_and_memory():
    calendar = pd.date_range("1970-01-01", "2000-12-31")
    rng = np.random.default_rng(0)
    spells = np.repeat(rng.integers(4, size=len(calendar)), 5)[: len(calendar)]
    types = pd.Series((10 * calendar.quarter + spells).astype(str), index=calendar)
    year = calendar[calendar.year == 2000]
    seasons = patterns.catalogue_agreement(year.quarter.to_numpy(), year.to_numpy(), types)
    assert 0.3 < seasons["ami"] == pytest.approx(seasons["ami_chance"], abs=0.02)
    everything = types.loc[year].astype(int).to_numpy()
    truth = patterns.catalogue_agreement(everything, year.to_numpy(), types)
    assert truth["ami"] == pytest.approx(1)
    assert 0.3 < truth["ami_chance"] < 0.9
    young = types[types.index.year == 2000]  # no earlier year to compare with
    assert "ami_chance" not in patterns.catalogue_agreement(everything, year.to_numpy(), young)


def test_bad_input_is_named(tmp_path):
    codes, _ = islands(30)
    training = np.ones(30, bool)
    with pytest.raises(LatentbookError, match="k is 30, but must lie between 2 and 29"):
        patterns.fit(codes, training, 30, seed=0)
    with pytest.raises(LatentbookError, match="the codes holds NaN"):
        patterns.fit(np.where(codes > 9, np.nan, codes), training, 3, seed=0)
    with pytest.raises(LatentbookError, match="it needs the columns date and gwl"):
        patterns.catalogue(tmp_path / "nothing.csv")
    file = tmp_path / "other.csv"
    pd.DataFrame({"day": [1]}).to_csv(file)
    with pytest.raises(LatentbookError, match="it needs the columns date and gwl"):
        patterns.catalogue(file)
