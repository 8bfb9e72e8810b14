"""Fixtures that more than one test file uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from latentbook import datasets, paths

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
def another_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Return a function that gives the test a second empty cache from there on."""

    def change() -> Path:
        monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path / "other"))
        return tmp_path / "other"

    return change


@pytest.fixture
def blocked_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a cache that nobody can write, not even root: a file where the folder goes."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path / "file"))
    return tmp_path / "file"


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the fixtures of one module an empty cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LATENTBOOK_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="package")
def package_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the fixtures of one folder of tests an empty cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LATENTBOOK_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def digits() -> datasets.Dataset:
    """Return all 1,797 digits."""
    return datasets.load("digits", download=False)


@pytest.fixture(scope="session")
def few_digits(digits: datasets.Dataset) -> datasets.Dataset:
    """Return 600 of the digits."""
    return digits.subset(600, 0)


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


@pytest.fixture
def agg_figures() -> Iterator[None]:
    """Draw figures without a screen, and close them after the test."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")
