"""Fixtures of the chapter on latent anomalies."""

from __future__ import annotations

import pytest
from sklearn.datasets import load_wine


@pytest.fixture
def wine(tmp_path):
    """A table of somebody else's, with one cell spoilt, as a file."""
    data = load_wine(as_frame=True)
    frame = data.data.assign(cultivar=data.target_names[data.target])
    frame.loc[10, "alcohol"] *= 10
    frame.to_csv(tmp_path / "wine.csv", index=False)
    return tmp_path / "wine.csv"
