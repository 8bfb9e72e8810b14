"""Fixtures that more than one use needs."""

from __future__ import annotations

import pytest

from latentbook import datasets
from latentbook.errors import LatentbookError


@pytest.fixture(scope="session")
def digits():
    return datasets.load("digits").subset(240, 0)


@pytest.fixture(scope="session")
def satimage():
    try:
        return datasets.load("satimage")
    except LatentbookError as error:
        pytest.skip(f"satimage is not here: {error}")


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory):
    """Give the fixtures of one module an empty cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
