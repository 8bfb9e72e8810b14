"""The generated pages hold every published number, the hours, and the picture of the README."""

from __future__ import annotations

import pandas as pd
from PIL import Image

from latentbook import paths
from latentbook.book import pages
from latentbook.study import judge, records
from tests.made import frame, record


def everything() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the full-scale records, and every published number beside them."""
    every = records.read()
    return every, judge.compare(judge.published(), every)


def test_all_pages_are_written_from_an_empty_project(own_project):
    pages.write_all()
    page = (own_project / "book/generated/published-and-reproduced.md").read_text()
    rows = [line for line in page.splitlines() if "{.verdict-" in line]
    assert len(rows) == len(judge.published())
    assert "[not run]{.verdict-not-run}" in page
    assert (own_project / "book/generated/home.png").stat().st_size > 1000


def test_the_picture_of_the_readme_shows_the_committed_records(tmp_path):
    fresh, committed = tmp_path / "home.png", paths.figures() / "home.png"
    pages.draw_home(*everything(), fresh)
    shown, due = (Image.open(source).text["Description"] for source in (committed, fresh))
    assert shown == due, "copy book/generated/home.png to data/records/figures"


def test_hours_count_a_shared_stage_once(own_project):
    hour = {"represent": 3600.0}
    shared = [
        record("umap2 + k-means", profile="paper", seconds=hour | {"cluster": 360.0}),
        record("umap2 + mixture", profile="paper", seconds=hour | {"cluster": 720.0}),
        record("umap2 + k-means", seed=1, profile="paper", seconds=hour),
    ]
    records.write(*shared)
    lines = pages.status_page(*everything()).splitlines()
    of_all, _, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 2.30 |" in of_all
    assert "| 1.30 |" in of_a_seed


def test_hours_count_the_longest_training_of_each_seed(own_project):
    for seed, epochs, hours in ((0, 1, 1), (0, 3, 3), (1, 1, 1)):
        params = {"max_epochs": epochs, "evaluated_on": "all"}
        seconds = {"represent": 3600.0 * hours}
        records.write(record(seed=seed, profile="paper", params=params, seconds=seconds))
    lines = pages.status_page(*everything()).splitlines()
    of_all, _, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 4 |" in of_all
    assert "| 3 |" in of_a_seed


def test_the_status_page_counts_records_by_what_is_known_of_their_code(own_project):
    commits = ["abc1234", "abc1234", "abc1234+5f3e9a1c", "abc1234+", None]
    for seed, commit in enumerate(commits):
        records.write(record(seed=seed, profile="paper") | {"commit": commit})
    lines = pages.status_page(*everything()).splitlines()
    assert "| 03-two-stage-clustering | 2 | 1 | 1 | 1 | 40% |" in lines


def test_a_repeated_run_does_not_double_the_cost_of_a_seed(own_project):
    for acc, hours in ((0.5, 2), (0.6, 3)):
        seconds = {"cluster": 3600.0 * hours}
        one = record(profile="paper", acc=acc, seconds=seconds)
        records.write(one | {"started": f"2026-11-30T0{hours}:00:00Z"})
    lines = pages.status_page(*everything()).splitlines()
    of_all, _, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 5 |" in of_all
    assert "| 3 |" in of_a_seed


def test_the_home_page_compares_clusterings_only():
    """A classifier that was trained with labels is more accurate, and no clustering."""
    everywhere = {"evaluated_on": "all"}
    clusterings = [
        record("umap2 + mixture", seed, dataset="mnist", params=everywhere, acc=0.6)
        for seed in range(3)
    ]
    classifiers = [
        record("denoising: clean", seed, chapter="02-autoencoders", dataset="mnist", acc=0.99)
        for seed in range(3)
    ]
    every = frame(*clusterings, *classifiers)
    text = pages.findings(every, judge.compare(judge.published(), every))
    assert "Of the 1 clusterings of mnist" in text
    assert "umap2 + mixture has the highest accuracy over all images, 0.600" in text
    assert "denoising" not in text
