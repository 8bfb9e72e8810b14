"""Fixtures that more than one test file uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from latentbook import paths

for _variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# the first call of a test may import SciPy or compile; a slow machine is no failure
settings.register_profile("latentbook", deadline=None)
settings.load_profile("latentbook")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty cache of its own."""
    monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a project folder of its own, with the real notebooks and published numbers."""
    real, root = paths.root(), tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "notebooks").symlink_to(real / "notebooks")
    (root / "data" / "published").symlink_to(real / "data" / "published")
    (root / "data" / "samples").symlink_to(real / "data" / "samples")
    monkeypatch.setenv("LATENTBOOK_ROOT", str(root))
    return root
