"""Running a chapter: its parameters checked, its kernel right, its output whole or absent.

papermill accepts a misspelt parameter and a foreign kernel without a word; this module does not.
A profile (`notebooks/profiles/NAME.yml`) holds ``{chapter: {parameter: literal}}`` for every
chapter.  What must run, and in which order, is left to the Snakefile.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml
from traitlets.config import Config

from latentbook import paths
from latentbook.errors import LatentbookError, choose

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


# ---------------------------------------------------------------- parameters and profiles


def chapters(folder: Path | None = None) -> list[Path]:
    """Return the notebooks of `folder` (default: the project's) in reading order."""
    return sorted((folder or paths.notebooks()).glob("[0-9]*.ipynb"))


def parameters(notebook: Path | str) -> dict[str, Any]:
    """Return the names and default values in the cell of `notebook` tagged ``parameters``.

    Raises
    ------
    LatentbookError
        If there is not exactly one such cell, or it holds more than ``name = literal`` lines.
    """
    notebook = Path(notebook)
    cells = [
        cell
        for cell in _read(notebook).cells
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", [])
    ]
    if len(cells) != 1:
        raise LatentbookError(
            f"{notebook.name} has {len(cells)} cells tagged 'parameters': give it exactly one"
        )
    values: dict[str, Any] = {}
    for statement in _parse(cells[0].source, notebook).body:
        try:
            name, value = _assignment(statement)
        except ValueError:
            line = ast.unparse(statement).splitlines()[0]
            raise LatentbookError(
                f"the parameters cell of {notebook.name} may only hold lines of the form "
                f"'name = literal', not {line!r}"
            ) from None
        values[name] = value
    return values


def _assignment(statement: ast.stmt) -> tuple[str, Any]:
    """Return name and value of ``name = literal``; raise ValueError for anything else."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target = statement.target
    else:
        raise ValueError
    if not isinstance(target, ast.Name) or statement.value is None:
        raise ValueError
    return target.id, ast.literal_eval(statement.value)


def check(
    notebook: Path, profile: str = "quick", overrides: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return every parameter of `notebook` as `profile` and then `overrides` set it.

    Raises
    ------
    LatentbookError
        For an unknown chapter, profile or parameter, for one that the profile leaves out, and
        for a value of another type than the notebook's own.  Nothing has run by then.
    """
    known = [path.stem for path in chapters(notebook.parent)]
    choose("chapter", notebook.stem, known)
    defaults = parameters(notebook)
    content = _profile(notebook.parent / "profiles", profile)
    for chapter in content:
        choose(f"chapter in profile {profile}", chapter, known)
    if notebook.stem not in content:
        raise LatentbookError(f"profile {profile} does not mention chapter {notebook.stem}: add it")
    values = content[notebook.stem] or {}
    missing = [name for name in defaults if name not in values]
    if missing:
        raise LatentbookError(
            f"profile {profile} does not set {', '.join(missing)} of chapter {notebook.stem}"
        )
    if values.get("profile", profile) != profile:
        raise LatentbookError(
            f"profile {profile} sets profile={values['profile']!r} in chapter {notebook.stem}: "
            f"write {profile!r}"
        )
    given = {**values, **(overrides or {})}
    for name, value in given.items():
        choose(f"parameter of chapter {notebook.stem}", name, defaults)
        if not _agrees(value, defaults[name]):
            raise LatentbookError(
                f"parameter {name} of chapter {notebook.stem} is {value!r}, "
                f"but must be of type {_type_name(defaults[name])}, like {defaults[name]!r}"
            )
    return given


def _profile(folder: Path, profile: str) -> dict[str, dict[str, Any] | None]:
    """Return the content of one profile file."""
    choose("profile", profile, sorted(path.stem for path in folder.glob("*.yml")))
    file = folder / f"{profile}.yml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise LatentbookError(f"{file.name} is not valid YAML: {reason}") from error
    if not isinstance(content, dict) or not all(
        isinstance(values, dict) or values is None for values in content.values()
    ):
        raise LatentbookError(f"{file.name} must read 'chapter: {{parameter: value}}' throughout")
    return content


def _agrees(value: Any, default: Any) -> bool:
    """Say whether `value` may stand for `default`: None always, an int for a float."""
    if value is None or default is None:
        return True
    if isinstance(default, (list, tuple)):
        if not isinstance(value, (list, tuple)):
            return False
        return not default or all(_agrees(item, default[0]) for item in value)
    if isinstance(default, float):
        return type(value) in (int, float)
    return type(value) is type(default)


def _type_name(default: Any) -> str:
    """Return what to call the type of a parameter in a message."""
    if isinstance(default, (list, tuple)) and default:
        return f"list of {type(default[0]).__name__}"
    return type(default).__name__


# ---------------------------------------------------------------- what a chapter depends on


def swept_by(notebook: Path | str) -> str | None:
    """Return the parameter that names the data of a chapter with a seed, which can be swept."""
    given = parameters(notebook)
    return next(
        (name for name in ("dataset", "weather") if name in given and "seed" in given), None
    )


def dependencies(source: Path | str) -> list[Path]:
    """Return the files of `latentbook` that a notebook or a module needs, however indirectly."""
    package, source = Path(__file__).parent, Path(source)
    todo = _imports(_parse(_code(source), source), within="latentbook")
    found: set[Path] = set()
    while todo:
        name = todo.pop()
        path = package.joinpath(*name.split(".")[1:])
        is_package = (path / "__init__.py").is_file()
        file = path / "__init__.py" if is_package else path.with_suffix(".py")
        if file in found or not file.is_file():
            continue
        found.add(file)
        within = name if is_package else name.rpartition(".")[0]
        todo |= _imports(_parse(_code(file), file), within)
    return sorted(found)


def _code(source: Path) -> str:
    """Return the Python text of a notebook or a module."""
    if source.suffix != ".ipynb":
        return source.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in _read(source).cells if cell.cell_type == "code")


def _imports(tree: ast.Module, within: str) -> set[str]:
    """Return the dotted names below ``latentbook`` that a module of package `within` imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = within.split(".")[: len(within.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    ours = [name.split(".") for name in names if name.split(".")[0] == "latentbook"]
    return {".".join(parts[:n]) for parts in ours for n in range(1, len(parts) + 1)}


# ---------------------------------------------------------------- running


def run(
    notebook: Path,
    out: Path,
    profile: str = "quick",
    overrides: dict[str, Any] | None = None,
    threads: int = 1,
) -> None:
    """Execute `notebook` with the parameters of `profile` into `out`.

    The kernel is the running interpreter with `threads` threads.  `out` appears only when every
    cell has succeeded; the notebook of a failed run is kept beside it as ``*.failed.ipynb``.

    Raises
    ------
    LatentbookError
        For bad parameters (before any work) and for a failing cell, which it names.
    """
    values = check(notebook, profile, overrides)
    failed = out.with_name(f"{out.stem}.failed.ipynb")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=".run-", dir=out.parent)
    except OSError as error:
        raise LatentbookError(f"cannot write into {out.parent}: {error.strerror}") from error
    scratch = Path(folder) / out.name
    try:
        with _kernel_of_this_python() as own, _environment(threads):
            _execute(notebook, scratch, values, own)
        _finish(scratch, profile, values)
        os.replace(scratch, out)
        failed.unlink(missing_ok=True)
    except LatentbookError as error:
        if not scratch.exists():
            raise
        os.replace(scratch, failed)
        raise LatentbookError(f"{error}; the broken notebook is {failed}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _execute(notebook: Path, out: Path, values: dict[str, Any], own: Path) -> None:
    """Let papermill run `notebook` into `out`; turn its failures into one sentence.

    `own` is a folder that no other run has.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    every = 0.2 if sys.stderr.isatty() else 15
    try:
        papermill.execute_notebook(
            notebook.resolve(),
            out,
            parameters=values,
            kernel_name="python3",
            language="python",
            cwd=paths.root(),
            config=_transport(own),
            start_timeout=180,
            # else the whole notebook is written after every cell, a tenth of the time of a run
            request_save_on_cell_execute=False,
            progress_bar={"desc": out.stem, "mininterval": every, "unit": "cell"},
        )
    except PapermillExecutionError as error:
        reason = str(error.evalue).strip().splitlines() or ["no message"]
        raise LatentbookError(
            f"{notebook.stem} failed in cell [{error.exec_count}]: {error.ename}: {reason[0]}"
        ) from error
    except DeadKernelError as error:
        raise LatentbookError(
            f"the Python process of {notebook.stem} died, most often for want of memory: "
            "choose a smaller n or close other programs"
        ) from error
    except RuntimeError as error:
        raise LatentbookError(
            f"the Python process of {notebook.stem} did not start ({error}): run it again"
        ) from error


def _transport(own: Path) -> Config:
    """Let the kernel talk through sockets in the folder `own`, where the system can.

    Two kernels that start at the same moment may choose the same TCP port, and one dies.
    The path of a socket may have about 100 characters.
    """
    if os.name != "posix" or len(str(own)) > 90:
        return Config()
    return Config(KernelManager={"transport": "ipc", "ip": str(own / "socket")})


def _finish(file: Path, profile: str, values: dict[str, Any]) -> None:
    """Fold the parameter cells of an executed notebook away and refuse any error output."""
    notebook = _read(file)
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        if {"parameters", "injected-parameters"} & set(tags) and "hide-input" not in tags:
            cell.metadata["tags"] = [*tags, "hide-input"]
        for error in errors(cell):
            raise LatentbookError(f"{file.stem} shows an error in its cell {number}: {error}")
    notebook.metadata["latentbook"] = {"profile": profile, "parameters": values}
    nbformat.write(notebook, file)


def errors(cell: nbformat.NotebookNode) -> list[str]:
    """Return the error outputs of a notebook cell, one short line each."""
    outputs = cell.get("outputs", [])
    return [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]


def seconds(executed: Path) -> float:
    """Return the wall time of an executed notebook."""
    return float(_read(executed).metadata.papermill.duration)


@contextlib.contextmanager
def _kernel_of_this_python() -> Iterator[Path]:
    """Make ``python3`` name the running interpreter, whatever kernels a user has installed.

    Yields the folder that says so, which is deleted afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="latentbook-kernel-") as folder:
        kernel = Path(folder) / "kernels" / "python3" / "kernel.json"
        kernel.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        argv += ["--log-level=40"]
        specification = {"argv": argv, "display_name": "Python 3", "language": "python"}
        kernel.write_text(json.dumps(specification), encoding="utf-8")
        before = os.environ.get("JUPYTER_PATH")
        with _variables(JUPYTER_PATH=os.pathsep.join(filter(None, [folder, before]))):
            yield Path(folder)


@contextlib.contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Limit numerical libraries to `threads`, and silence what a page should not show."""
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables.setdefault("TF_CPP_MIN_LOG_LEVEL", os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"))
    variables["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    with _variables(**variables):
        yield


@contextlib.contextmanager
def _variables(**values: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def stop_with(leader: int) -> None:
    """End this process, and so its kernel, soon after the process `leader` has vanished.

    A killed Snakemake leaves its jobs behind; without this a restarted sweep would run beside
    the orphans of the first.
    """

    def watch() -> None:
        while True:
            time.sleep(1)
            try:
                os.kill(leader, 0)
            except ProcessLookupError:
                os._exit(1)
            except PermissionError:
                return

    threading.Thread(target=watch, daemon=True).start()


# ---------------------------------------------------------------- helpers and command line


def _read(notebook: Path) -> nbformat.NotebookNode:
    """Read a notebook file."""
    try:
        return nbformat.read(notebook, as_version=4)
    except FileNotFoundError:
        known = [path.stem for path in chapters(notebook.parent)]
        choose("chapter", notebook.stem, known)
        raise
    except nbformat.reader.NotJSONError as error:
        raise LatentbookError(f"{notebook} is not a notebook: restore it with git") from error


def _parse(source: str, file: Path) -> ast.Module:
    """Parse Python, leaving out the lines that only IPython understands."""
    plain = "\n".join("" if s.lstrip().startswith(("%", "!")) else s for s in source.splitlines())
    try:
        return ast.parse(plain)
    except SyntaxError as error:
        raise LatentbookError(
            f"{file.name} does not parse: {error.msg} in {error.text!r}"
        ) from None


def find(chapter: str) -> Path:
    """Return the notebook of a chapter given as a path or by its name."""
    path = Path(chapter)
    if path.suffix != ".ipynb":
        path = paths.notebooks() / f"{chapter}.ipynb"
    choose("chapter", path.stem, [known.stem for known in chapters(path.parent)])
    return path


def _literal(text: str) -> Any:
    """Read a value from the command line as a profile would."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise LatentbookError(f"cannot read the value {text!r}: write it as in a profile") from None


def _typed(given: Sequence[Sequence[str]], defaults: dict[str, Any]) -> dict[str, Any]:
    """Read values from the command line; text stays text also where it looks like a number."""
    return {
        name: value if isinstance(defaults.get(name), str) else _literal(value)
        for name, value in given
    }


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m latentbook.pipeline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="execute one chapter")
    one.add_argument("chapter", help="a notebook, or its name without .ipynb")
    one.add_argument("out", type=Path, help="where the executed notebook goes")
    one.add_argument("--threads", type=int, default=1)
    one.add_argument(
        "-p", dest="overrides", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    every = commands.add_parser("check", help="check the parameters of every chapter")
    for command in (one, every):
        command.add_argument("--profile", default="quick")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    arguments = _arguments(argv)
    leader = os.environ.get("LATENTBOOK_LEADER")
    if leader:
        stop_with(int(leader))
    try:
        if arguments.command == "check":
            for notebook in chapters():
                check(notebook, arguments.profile)
        else:
            notebook = find(arguments.chapter)
            overrides = _typed(arguments.overrides, parameters(notebook))
            run(notebook, arguments.out, arguments.profile, overrides, arguments.threads)
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("latentbook: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
