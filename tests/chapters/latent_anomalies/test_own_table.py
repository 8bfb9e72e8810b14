"""The reader's own table through the whole chapter, as the page on running the study tells it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sklearn.datasets import load_breast_cancer

from latentbook import paths, tabular

pytestmark = pytest.mark.slow


@pytest.fixture
def table(tmp_path):
    """Somebody else's table: semicolons, a gap, a text among numbers, one row spoilt."""
    data = load_breast_cancer(as_frame=True)
    frame = data.data.assign(diagnosis=data.target_names[data.target]).astype(object)
    frame.loc[3, "mean area"] = None
    frame.loc[5, "mean radius"] = "n/a?"
    frame.loc[7, "mean texture"] = 2000.0
    frame.to_csv(tmp_path / "cells.csv", sep=";", index=False)
    return tmp_path / "cells.csv"


def test_a_table_becomes_a_ranking(table):
    notebook = paths.notebooks() / "07-latent-anomalies.ipynb"
    given = {"table": table.name, "label": "diagnosis", "ranking": str(table.parent / "ranked.csv")}
    given |= {"k_max": "4", "epochs": "30", "volume_samples": "1000", "hidden": "32 16"}
    options = [word for pair in given.items() for word in ("-p", *pair)]
    command = [sys.executable, "-m", "papermill", str(notebook), "out.ipynb", *options]
    done = subprocess.run(command, cwd=table.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    ranked = tabular.read(table.parent / "ranked.csv")
    assert len(ranked) == 569
    spoilt = ranked[ranked["row"] == 7].iloc[0]
    assert spoilt["rank"] <= 6  # of 569
    assert spoilt["worst column"] == "mean texture"
    assert float(spoilt["value"]) == 2000
    assert set(ranked["part"]) == {"fit", "validation", "test"}
