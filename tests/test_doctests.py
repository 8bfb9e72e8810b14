"""The examples in docstrings run, and print what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

from latentbook.book import graph

MODULES = [
    ".".join(("latentbook", *path.relative_to(graph.LIBRARY).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in sorted(graph.LIBRARY.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


def test_there_are_examples():
    assert {"latentbook.anomaly", "latentbook.study.method"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, own_cache):
    done = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert done.attempted
    assert not done.failed
