"""Dependencies: the chapters in order, and the code and data that each of them needs.

Code is followed by import from module to module: if a module changes, every chapter that imports it
runs again.
Data are followed from function to function, because nearly every chapter imports a module that
could read all data.
The rules that use the dependencies are left to the Snakefile.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

import latentbook
from latentbook import paths
from latentbook.chapters import PACKAGES
from latentbook.errors import choose
from latentbook.study import cells
from latentbook.study.parameters import of_notebook

#: The folder of the package.
LIBRARY = Path(latentbook.__file__).parent


def chapters(folder: Path | None = None) -> list[Path]:
    """Return the notebooks of `folder` (default: the project's) in reading order."""
    return cells.notebooks(folder or paths.notebooks())


def find(chapter: str) -> Path:
    """Return the notebook of a chapter given as a path or by its name."""
    path = Path(chapter)
    if path.suffix != ".ipynb":
        path = paths.notebooks() / f"{chapter}.ipynb"
    choose("chapter", path.stem, [known.stem for known in chapters(path.parent)])
    return path


def swept_by(notebook: Path | str) -> str | None:
    """Return the parameter of a chapter that a sweep varies besides the seed; None without one."""
    given = of_notebook(notebook)
    return next(
        (name for name in ("dataset", "weather") if name in given and "seed" in given), None
    )


# ---------------------------------------------------------------- code


def dependencies(source: Path | str) -> list[Path]:
    """Return the files of `latentbook` that a notebook or a module needs, directly or indirectly.

    A chapter also needs the list of its parameters, which `chapters.begin` imports by name.
    """
    source = Path(source)
    todo = _imports(_tree(source), within="latentbook") | _own_list(source)
    needed: set[Path] = set()
    while todo:
        name = todo.pop()
        file = _file(name)
        if file is None or file in needed:
            continue
        needed.add(file)
        todo |= _imports_of(name)
    return sorted(needed)


def _own_list(source: Path) -> set[str]:
    """Return the module, and the packages above it, that lists the parameters of a notebook."""
    if source.suffix != ".ipynb" or source.stem not in PACKAGES:
        return set()
    return _with_packages(f"latentbook.chapters.{PACKAGES[source.stem]}.parameters")


def _file(name: str) -> Path | None:
    """Return the file of the module ``latentbook...``, or None if there is no such module."""
    path = LIBRARY.joinpath(*name.split(".")[1:])
    file = path / "__init__.py"
    if not file.is_file():
        file = path.with_suffix(".py")
    return file if file.is_file() else None


def _package(name: str, file: Path) -> str:
    """Return the package that relative imports in the module `name` start from."""
    return name if file.name == "__init__.py" else name.rpartition(".")[0]


def _tree(source: Path) -> ast.Module:
    """Return the syntax tree of a notebook or a module."""
    return cells.parse(cells.text(source), source.name)


@functools.cache
def _imports_of(module: str) -> frozenset[str]:
    """Return what a module of the library imports."""
    file = _file(module)
    return frozenset(_imports(_tree(file), _package(module, file)) if file else ())


def _imports(tree: ast.Module, within: str) -> set[str]:
    """Return the dotted names below ``latentbook`` that a module of package `within` imports."""
    names = {name for node in ast.walk(tree) for name in _imported(node, within).values()}
    return {part for name in names for part in _with_packages(name)}


def _imported(node: ast.AST, within: str) -> dict[str, str]:
    """Return local name -> dotted name below ``latentbook``, for one import statement."""
    names: dict[str, str] = {}
    if isinstance(node, ast.Import):
        for alias in node.names:
            names[alias.asname or alias.name] = alias.name
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = within.split(".")[: len(within.split(".")) - node.level + 1]
            base = ".".join([*parents, base] if base else parents)
        names = {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
    return {local: name for local, name in names.items() if name.split(".")[0] == "latentbook"}


def _with_packages(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts) + 1)}


# ---------------------------------------------------------------- data

#: A module, and a name at its top; "" stands for the statements that run on import.
Name = tuple[str, str]


def reads(notebook: Path | str) -> set[str]:
    """Return which functions of `latentbook.paths` a notebook reaches, such as ``published``.

    A function is reached if the notebook names it, or if a reached function names it. A method
    counts with its class. Calls inside `paths` are not followed: ``registry`` is a file in
    ``samples``, but a chapter that reads the registry need not read the samples.
    """
    notebook = Path(notebook)
    tree = _tree(notebook)
    todo = set(_named(tree.body, _Scope(tree, "", "latentbook")))
    todo |= {(name, "") for name in _imports(tree, "latentbook")}
    done: set[Name] = set()
    while todo:
        module, name = reference = todo.pop()
        if reference in done or module == "latentbook.paths":
            done.add(reference)
            continue
        done.add(reference)
        todo |= _reached(module, name)
    return {name for module, name in done if module == "latentbook.paths" and name}


class _Scope:
    """The names of a module: those that it imports, and those that it defines at its top."""

    def __init__(self, tree: ast.Module, module: str, package: str) -> None:
        self.module = module
        self.imported: dict[str, str] = {}
        for node in ast.walk(tree):
            for local, name in _imported(node, package).items():
                # ``import a.b`` makes the name ``a``
                self.imported[local.partition(".")[0]] = name if "." not in local else "latentbook"
        self.defined: dict[str, list[ast.stmt]] = {}
        self.on_import: list[ast.stmt] = []
        for statement in tree.body:
            names = list(_bound(statement))
            for name in names:
                self.defined.setdefault(name, []).append(statement)
            if not names and not isinstance(statement, ast.Import | ast.ImportFrom):
                self.on_import.append(statement)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


@functools.cache
def _scope(module: str) -> _Scope | None:
    file = _file(module)
    return _Scope(_tree(file), module, _package(module, file)) if file else None


@functools.cache
def _reached(module: str, name: str) -> frozenset[Name]:
    """Return the names that the definition of a name refers to."""
    scope = _scope(module)
    if scope is None:
        return frozenset()
    if not name:
        return frozenset(_named(_run_on_import(scope), scope))
    if name in scope.imported and name not in scope.defined:
        return frozenset(_resolved(scope.imported[name]))
    return frozenset(_named(scope.defined.get(name, []), scope))


def _run_on_import(scope: _Scope) -> list[ast.stmt]:
    """Return the statements that an import runs, without those that only ``python -m`` runs."""
    return [s for s in scope.on_import if "__main__" not in ast.unparse(s)]


def _named(statements: Iterable[ast.stmt], scope: _Scope) -> Iterator[Name]:
    """Yield the names below ``latentbook`` that statements refer to."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute):
                yield from _attribute(node, scope)
            elif isinstance(node, ast.Name):
                if node.id in scope.imported:
                    yield from _resolved(scope.imported[node.id])
                elif node.id in scope.defined:
                    yield scope.module, node.id


def _attribute(node: ast.Attribute, scope: _Scope) -> set[Name]:
    """Return the names that ``module.name`` refers to, where ``module`` is imported."""
    dotted = ast.unparse(node) if isinstance(node.value, ast.Name | ast.Attribute) else ""
    first, _, rest = dotted.partition(".")
    return _resolved(f"{scope.imported[first]}.{rest}") if first in scope.imported else set()


def _resolved(dotted: str) -> set[Name]:
    """Return the module and the name in it that a dotted name stands for."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        if _file(module := ".".join(parts[:n])):
            return {(module, ""), (module, parts[n])} if n < len(parts) else {(module, "")}
    return set()
