"""The three recipes of CONTRIBUTING.md, followed in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def recipe(number: int) -> list[tuple[str, str, str]]:
    """Return the blocks of a recipe that name a file: (kind, path, text), in order."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (chosen,) = (part for part in section if part.startswith(f"Recipe {number}:"))
    return BLOCK.findall(chosen)


def patched(old: str, change: str) -> str:
    """Apply a change whose lines begin with a blank (to be found), a minus, or a plus."""
    marked = [(line[:1], line[1:]) for line in change.splitlines()]
    before = "\n".join(rest for mark, rest in marked if mark != "+")
    after = "\n".join(rest for mark, rest in marked if mark != "-")
    assert old.count(before) == 1, f"the lines {before!r} stand {old.count(before)} times"
    return old.replace(before, after)


def notebook(source: str) -> str:
    """Return a notebook from text whose cells begin with ``# %%`` and the cell's tag."""
    cells = []
    for head, body in re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n?)*)", source, re.MULTILINE):
        if "markdown" in head:
            text = "\n".join(line.removeprefix("# ").rstrip("#") for line in body.splitlines())
            cells.append(nbformat.v4.new_markdown_cell(text))
        else:
            cells.append(nbformat.v4.new_code_cell(body.strip(), metadata={"tags": head.split()}))
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    whole = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return nbformat.writes(whole)


def follow(project: Path, number: int) -> None:
    """Write and change the files of a recipe in `project`."""
    for kind, name, text in recipe(number):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if kind == "diff":
            new = patched(old, text)
        elif path.suffix == ".ipynb":
            new = notebook(text)
        else:
            new = f"{old}\n{text}" if old else text
        path.write_text(new, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project in which the recipes are followed."""
    root = tmp_path_factory.mktemp("copy")
    made = shutil.ignore_patterns("__pycache__", "generated", "chapters", "extra")
    shutil.copytree(ROOT / "book", root / "book", ignore=made)
    for name in ("lib", "notebooks", "data", "exercises"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tests").mkdir()
    for name in ("tests/conftest.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, root / name)
    for number in (1, 2, 3):
        follow(root, number)
    return root


def run(project: Path, *words: str) -> str:
    """Run Python in the copy and return what it prints; fail with what it says."""
    own = {
        "PYTHONPATH": str(project / "lib"),
        "LATENTBOOK_ROOT": str(project),
        "LATENTBOOK_CACHE": str(project / "cache"),
    }
    done = subprocess.run(
        [sys.executable, *words],
        cwd=project,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_method(project):
    assert "1 passed" in run(project, "-m", "pytest", "-q", "tests/test_agglomerative.py")


@pytest.mark.slow
def test_a_data_set(project):
    code = "from latentbook import datasets; print(datasets.load('half_digits').x.shape)"
    assert run(project, "-c", code).strip() == "(1797, 28, 28, 1)"


@pytest.mark.slow
def test_a_chapter_runs_and_has_its_record_its_arrays_and_its_page(project):
    run(project, "-m", "latentbook.pipeline", "check")
    run(project, "-m", "latentbook.pipeline", "run", "08-toy", "out.ipynb")
    (line,) = (project / "_build/records/quick/08-toy.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["method"] == "nearest mean raw"
    assert 0.8 < record["metrics"]["accuracy"] < 1
    assert (project / "_build/figures/quick/seed-0/08-digits.npz").is_file()
    run(project, "-m", "latentbook.book.pages")
    assert "not run" in (project / "book/generated/08-scores.md").read_text()


@pytest.mark.slow
def test_a_wrong_value_of_the_new_chapter_is_refused_in_a_sentence(project):
    words = ["-m", "latentbook.pipeline", "run", "08-toy", "out.ipynb", "-p", "dataset", "mnits"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "lib"), "LATENTBOOK_ROOT": str(project)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("latentbook:")
    assert "mnits" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_tree_in_the_guide_is_that_of_the_library():
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "house.py"), "--check"])
    assert done.returncode == 0
