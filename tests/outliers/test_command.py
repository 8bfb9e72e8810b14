"""``latentbook table`` from the command line."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_wine

import latentbook
from latentbook import tabular
from latentbook.book import cli


@pytest.fixture
def wine(tmp_path, monkeypatch):
    data = load_wine(as_frame=True)
    frame = data.data.assign(cultivar=data.target_names[data.target])
    frame.loc[10, "alcohol"] *= 10
    frame.to_csv(tmp_path / "wine.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_becomes_a_ranking_and_a_page(wine, capsys):
    words = ["table", "wine.csv", "--label", "cultivar", "--no-network"]
    assert cli.main([*words, "--out", "ranked.csv", "--report", "page.html"]) == 0
    out, progress = capsys.readouterr()
    assert "1. row 10 (class_0)" in out
    assert "alcohol = 141 is high for class_0" in out
    assert "178 rows written to ranked.csv" in progress
    ranked = tabular.read("ranked.csv")
    assert ranked.loc[0, "row"] == 10
    assert len(ranked) == 178
    assert "<h1>Strange rows of wine.csv</h1>" in (wine / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "wine.csv"], "wine.csv is the table itself"),
        (["--out", "ranked.txt"], "ranked.txt must end in .csv"),
        (["--report", "no/page.html"], "there is no folder"),
        (["--label", "kind"], "unknown column 'kind'"),
        (["--drop", "alcohl"], "unknown column 'alcohl'.*did you mean 'alcohol'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_before_any_work(wine, capsys, words, message):
    given = ["table", "wine.csv", "--label", "cultivar", "--no-network", *words]
    assert cli.main(given) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("latentbook: ")
    assert pd.Series([error]).str.contains(message).all()
    assert not (wine / "ranked.txt").exists()


def test_a_packed_file_is_read(wine, capsys):
    (wine / "wine.csv.gz").write_bytes(gzip.compress((wine / "wine.csv").read_bytes()))
    assert cli.main(["table", "wine.csv.gz", "--label", "cultivar", "--no-network"]) == 0
    assert "1. row 10" in capsys.readouterr().out


def test_no_project_folder_is_needed(wine):
    """An installed package is enough: nothing is looked for beside the table."""
    code = (
        "from latentbook import paths\n"
        "def root(): raise AssertionError('the project was looked for')\n"
        "paths.root = root\n"
        "from latentbook.book import cli\n"
        "raise SystemExit(cli.main(['table', 'wine.csv', '--label', 'cultivar', '--no-network']))"
    )
    package = str(Path(latentbook.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=wine,
        env=os.environ | {"PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1. row 10" in done.stdout


@pytest.mark.slow
def test_a_small_table_with_networks(wine, capsys):
    assert cli.main(["table", "wine.csv", "--label", "cultivar", "--report", "page.html"]) == 0
    out = capsys.readouterr().out
    assert "rank correlation" in out
    assert "row 10 (class_0)" in out
    assert "What the" in (wine / "page.html").read_text()
