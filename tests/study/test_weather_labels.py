"""Names and order of the weather chapters' tables."""

import pandas as pd
import pytest

from latentbook.study import records
from latentbook.study.method import Method
from latentbook.study.weather_labels import TITLES, by_method, codes_title, datasets_in_order


def test_methods_come_by_family_then_by_name_and_bounds_last():
    order = [
        "k-means raw",
        "pca256 + k-means",
        "pca32 + k-means",
        "conv + k-means",
        "conv-joint + k-means",
        "fc-lstm (thesis setting) + k-means",
        "fc-lstm + k-means",
        "fc-lstm-forced + k-means",
        "cnn-lstm + k-means",
        "cnn-lstm-3d + k-means",
        "mean plume",
        "true weather",
    ]
    mixed = pd.DataFrame({"method": sorted(order) * 2, "row": range(2 * len(order))})
    parts = by_method(mixed)
    assert [method for method, _ in parts] == order
    assert all(set(rows["method"]) == {method} and len(rows) == 2 for method, rows in parts)


@pytest.mark.parametrize(
    ("method", "title"),
    [
        ("k-means raw", "raw fields"),
        ("k-means raw, k 5", "raw fields"),
        ("fc-lstm (thesis setting) + k-means", "fc-lstm (thesis setting)"),
        ("cnn-lstm-3d + k-means, smoothing 1.0", "cnn-lstm-3d"),
        ("true weather, readings 3", "true weather"),
    ],
)
def test_the_title_is_the_representation(method, title):
    assert codes_title(method) == title


def test_data_sets_without_a_title_come_last():
    found = pd.DataFrame({"dataset": ["mine", "weather-ncep", "abc", "weather-simulated"]})
    assert datasets_in_order(found) == ["weather-simulated", "weather-ncep", "abc", "mine"]


@pytest.mark.parametrize("chapter", ["05-weather-patterns", "06-source-estimation"])
def test_every_committed_record_is_spelled_as_it_is_read(chapter):
    found = records.read(chapter)
    assert set(found["dataset"]) <= set(TITLES)
    for method in found["method"].unique():
        assert str(Method.parse(method)) == method
