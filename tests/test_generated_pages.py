"""The generated pages hold every published number, the hours, and the picture of the README."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from PIL import Image

from latentbook import paths
from latentbook.book import judging, pages, status
from latentbook.study import effects, judge, records, tables
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
    for name in ("judge-the-judge", "orders-and-effects"):
        assert (own_project / f"book/generated/{name}.md").read_text().startswith("# ")
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
    lines = status.page(*everything()).splitlines()
    of_all, _, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 2.30 |" in of_all
    assert "| 1.30 |" in of_a_seed


def test_hours_count_the_longest_training_of_each_seed(own_project):
    for seed, epochs, hours in ((0, 1, 1), (0, 3, 3), (1, 1, 1)):
        params = {"max_epochs": epochs, "evaluated_on": "all"}
        seconds = {"represent": 3600.0 * hours}
        records.write(record(seed=seed, profile="paper", params=params, seconds=seconds))
    lines = status.page(*everything()).splitlines()
    of_all, _, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 4 |" in of_all
    assert "| 3 |" in of_a_seed


@pytest.fixture(scope="module")
def committed() -> tuple[pd.DataFrame, pd.DataFrame]:
    return everything()


def test_the_headline_counts_each_number_once(committed):
    _, compared = committed
    counts = judge.headline(compared)
    assert counts.sum() < len(compared)
    doubled = pd.concat([compared, compared], ignore_index=True)
    doubled = doubled.assign(statement=[*compared["statement"], *compared["statement"]])
    assert judge.headline(doubled).equals(counts)
    no_counts = compared[~compared["metric"].str.startswith("parameters")]
    ran = no_counts[no_counts["verdict"] != "not run"]
    assert judge.headline(ran).drop("not run").equals(counts.drop("not run"))


def test_every_number_has_both_editions_beside_it(committed):
    _, compared = committed
    page = pages.published_page(compared)
    header = next(line for line in page.splitlines() if line.startswith("| data set: method"))
    assert header.endswith("| verdict | first edition |")


def test_the_page_of_three_rules_has_every_judged_number(committed):
    _, compared = committed
    page = judging.rules_page(compared)
    judged = compared[~compared["verdict"].isin(["not run", "not comparable", *judge.COUNTED])]
    assert page.count("{.verdict-") == len(judged)
    for date in ("2026-11-22", "2026-11-26", "2026-11-30"):
        assert f"**{date}" in page
    assert "| reproduced | 111 |" in page  # the last count of the first edition


def test_every_verdict_has_a_colour():
    """Words alone tell a verdict; still, each has its class in the style sheet."""
    sheet = (paths.root() / "book" / "_static" / "custom.css").read_text()
    for word in (*judge.VERDICTS, *effects.ORDERS):
        assert f"{tables.styled(word).split('{')[1].rstrip('}')}" in re.split(r"[ ,\n]", sheet)


def test_the_home_picture_draws_every_run(committed):
    _, compared = committed
    rows = compared[(compared["method"] == "umap2 + k-means") & (compared["table"] == "table 13.1")]
    figure = pages._home_picture(rows[rows["metric"] == "acc"])
    drawn = [len(line.get_xdata()) for ax in figure.axes for line in ax.lines]
    assert drawn == [1, 5, 1, 5]  # published, then five runs, for two data sets


def test_the_status_page_counts_records_by_what_is_known_of_their_code(own_project):
    commits = ["abc1234", "abc1234", "abc1234+5f3e9a1c", "abc1234+", None]
    for seed, commit in enumerate(commits):
        records.write(record(seed=seed, profile="paper") | {"commit": commit})
    lines = status.page(*everything()).splitlines()
    assert "| 03-two-stage-clustering | 2 | 1 | 1 | 1 | 40% |" in lines


def test_a_repeated_run_does_not_double_the_cost_of_a_seed(own_project):
    for acc, hours in ((0.5, 2), (0.6, 3)):
        seconds = {"cluster": 3600.0 * hours}
        one = record(profile="paper", acc=acc, seconds=seconds)
        records.write(one | {"started": f"2026-11-30T0{hours}:00:00Z"})
    lines = status.page(*everything()).splitlines()
    of_all, _, of_a_seed = [line for line in lines if line.startswith("| 03-")]
    assert "| 5 |" in of_all
    assert "| 3 |" in of_a_seed
