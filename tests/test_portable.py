"""The library and the tools import, and find their way, without what only POSIX systems have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Run before anything else: a Python without the modules and functions that Windows has not.
WITHOUT_POSIX = """
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("fork", "sysconf", "getuid", "sched_getaffinity", "setsid", "killpg"):
    if hasattr(os, name):
        delattr(os, name)
"""
MODULES = sorted(
    ".".join(path.relative_to(ROOT / "lib").with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "lib" / "latentbook").rglob("*.py")
)
#: What third-party packages take from POSIX when they are imported on this system, by package.
HEAVY = (
    "import keras, tensorflow, umap, hdbscan, zarr, xarray, jinja2, matplotlib, psutil\n"
    "import nbclient, papermill, filelock, pyproj, skimage.metrics, sklearn.cluster\n"
    "import openTSNE, pywt, plotly, dask.array, requests\n"
)


def test_every_module_imports_without_posix():
    code = HEAVY + WITHOUT_POSIX + "import importlib\n"
    code += f"for name in {MODULES!r}: importlib.import_module(name)\nprint('all')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib"), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "all", done.stderr[-2000:]


@pytest.mark.parametrize("tool", ["study", "start", "build_book", "lock"])
def test_every_tool_imports_without_posix(tool):
    code = "import psutil, nbformat, nbclient, papermill\n" + WITHOUT_POSIX
    code += f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import {tool}; print('all')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "all", done.stderr[-2000:]


def test_names_of_files_are_allowed_on_windows():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.splitlines()
    if listed.returncode or not names:
        pytest.skip("this is no checkout")
    assert [name for name in names if set(name) & set('<>:"|?*\\')] == []
    assert max(map(len, names)) < 150
    folded = [name.casefold() for name in names]
    assert sorted({name for name in folded if folded.count(name) > 1}) == []


def test_texts_are_opened_as_utf_8():
    """A default encoding is another one on Windows; the linter's rule for it is still a preview."""
    command = [sys.executable, "-m", "ruff", "check", "--preview", "--select", "PLW1514"]
    command += [
        "--exclude",
        "setup_env.py,start.py,machine.py,installers.py,fetch_uv.py",
        "--quiet",
    ]
    done = subprocess.run([*command, "lib", "tools"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == ""
