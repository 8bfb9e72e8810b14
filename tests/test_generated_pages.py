"""The generated pages hold every published number, the hours, and the picture of the README."""

from __future__ import annotations

import pandas as pd
from PIL import Image

from latentbook import paths
from latentbook.book import pages
from latentbook.study import judge, records
from tests.made import record


def everything() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the full-scale records, and every published number beside them."""
    every = records.read()
    return every, judge.compare(judge.published(), every)


def test_all_pages_are_written_from_an_empty_project(own_project):
    pages.write(pages.from_records(*everything()))
    pages.draw_home(*everything(), own_project / "book/generated/home.png")
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
