"""The rooms of the house, on the real notebooks: what a change of a module reruns."""

from __future__ import annotations

import ast
import importlib
from types import ModuleType

import nbformat
import pytest

from latentbook.book import graph
from latentbook.chapters import PACKAGES

#: Modules whose change may rerun every chapter, at most.
SHARED = 27
NOTEBOOKS = {notebook.stem: notebook for notebook in graph.chapters()}


def needed(chapter: str) -> set[str]:
    """Return the modules that a chapter needs, as paths below the package."""
    paths = graph.dependencies(NOTEBOOKS[chapter])
    return {path.relative_to(graph.LIBRARY).as_posix() for path in paths}


def room(module: str) -> str:
    """Return the chapter package that a module belongs to, or nothing."""
    parts = module.split("/")
    return parts[1] if parts[0] == "chapters" and len(parts) > 2 else ""


def test_every_chapter_has_a_notebook_and_a_package():
    assert list(NOTEBOOKS) == list(PACKAGES)


@pytest.mark.parametrize("chapter", NOTEBOOKS)
def test_a_chapter_needs_no_module_of_another_chapter(chapter):
    rooms = {room(module) for module in needed(chapter)} - {""}
    assert rooms == {PACKAGES[chapter]}


def test_few_modules_rerun_every_chapter_and_none_is_private_to_one():
    shared = set.intersection(*map(needed, NOTEBOOKS))
    assert not any(map(room, shared))
    assert len(shared) <= SHARED, sorted(shared)


def test_a_caption_reruns_the_pages_and_one_chapter():
    """What tables and figures of one chapter say is no business of the others."""
    for package in PACKAGES.values():
        for name in ("tables", "figures", "study"):
            module = f"chapters/{package}/{name}.py"
            assert sum(module in needed(chapter) for chapter in NOTEBOOKS) <= 1, module


def code(notebook: str) -> ast.Module:
    """Parse the code cells of a notebook, without the lines that only IPython understands."""
    cells = nbformat.read(NOTEBOOKS[notebook], as_version=4).cells
    lines = "\n".join(cell.source for cell in cells if cell.cell_type == "code").splitlines()
    return ast.parse("\n".join("" if s.lstrip().startswith(("%", "!")) else s for s in lines))


def imported(tree: ast.Module) -> dict[str, object]:
    """Return what a notebook imports of the library, by the name it gives it."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("latentbook"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                names[alias.asname or alias.name] = getattr(module, alias.name)
    return names


@pytest.mark.parametrize("chapter", NOTEBOOKS)
def test_every_name_that_a_notebook_takes_from_the_library_is_there(chapter):
    tree = code(chapter)
    modules = {k: v for k, v in imported(tree).items() if isinstance(v, ModuleType)}
    missing = [
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
        and not hasattr(modules[node.value.id], node.attr)
    ]
    assert not missing
