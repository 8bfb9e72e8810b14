"""The promise of the README: which systems and Pythons the lock has packages for."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def platforms(monkeypatch):
    """The module tools/platforms.py."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield importlib.import_module("platforms")
    for name in ("platforms", "installers", "machine", "fetch_uv"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (set(), "yes"),
        ({"hdbscan"}, "with a C++ compiler"),
        ({"hdbscan", "tensorflow"}, "no"),
    ],
)
def test_what_is_missing_is_said_in_a_word(platforms, missing, words):
    assert platforms.cell(missing) == words


@pytest.mark.slow
def test_the_table_of_the_readme_is_what_the_lock_resolves_to(platforms):
    if (uv := platforms.installers.find_uv()) is None:
        pytest.skip("uv cannot be had here")
    try:
        table = platforms.table(uv)
    except ConnectionError as error:
        pytest.skip(f"no package index can be read here: {error}")
    assert table in (ROOT / "README.md").read_text()


def test_the_package_says_the_pythons_of_the_table(platforms):
    text = (ROOT / "pyproject.toml").read_text()
    oldest, beyond = re.search(r'requires-python = ">=(\S+),<(\S+)"', text).groups()
    assert (platforms.PYTHONS[0], platforms.PYTHONS[-1]) == (oldest, beyond)


def test_the_tool_runs_from_any_folder(tmp_path):
    command = [sys.executable, "-c", "import platforms; print(platforms.README.is_file())"]
    done = subprocess.run(command, cwd=ROOT / "tools", capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
