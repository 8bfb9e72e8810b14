"""Runs of a chapter: parameters are checked, the kernel is this Python, output is whole or absent.

papermill accepts a misspelt parameter and another kernel silently; this module does not.
Which chapters run, and in which order, is left to the Snakefile.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import psutil

from latentbook import chapters, files, paths
from latentbook.errors import LatentbookError
from latentbook.study import provenance

if TYPE_CHECKING:
    import nbformat
    from traitlets.config import Config

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


def run(
    notebook: Path,
    out: Path,
    profile: str = "quick",
    overrides: dict[str, Any] | None = None,
    threads: int = 1,
) -> None:
    """Execute `notebook` with the parameters of `profile` into `out`.

    The kernel is the running interpreter with `threads` threads. `out` appears only if every cell
    has succeeded. The notebook of a failed run is kept beside it as ``*.failed.ipynb``.
    A run that did not end and is started again, with the same parameters and code, is the same run:
    a setting that it measures twice is one measurement.

    Raises
    ------
    LatentbookError
        For wrong parameters (before any work), and for a failing cell, which the message names.
    """
    values = chapters.check(notebook, profile, overrides)
    failed = out.with_name(f"{out.stem}.failed.ipynb")
    unended = out.with_name(f".{out.stem}.run.json")
    log = failed.with_suffix(".log")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=".run-", dir=out.parent)
    except OSError as error:
        raise LatentbookError(f"cannot write into {out.parent}: {error.strerror}") from error
    scratch = Path(folder) / out.name
    try:
        with (
            _kernel_of_this_python(log) as kernel,
            _environment(threads),
            _named([notebook.stem, profile, values], unended),
        ):
            _execute(notebook, scratch, values, kernel, log)
        _finish(scratch, profile, values)
        unended.unlink(missing_ok=True)
        os.replace(scratch, out)
        failed.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
    except LatentbookError as error:
        if not scratch.exists():
            raise
        os.replace(scratch, failed)
        raise LatentbookError(f"{error}; the broken notebook is {failed}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _execute(notebook: Path, out: Path, values: dict[str, Any], folder: Path, log: Path) -> None:
    """Let papermill run `notebook` into `out`; turn its failures into one sentence.

    `folder` belongs to this run alone; `log` holds the last words of a kernel that dies.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            notebook.resolve(),
            out,
            parameters=values,
            kernel_name="python3",
            language="python",
            cwd=paths.root(),
            config=_transport(folder),
            start_timeout=180,
            # otherwise the notebook is written after every cell: a tenth of the time of a run
            request_save_on_cell_execute=False,
            progress_bar=_progress(out.stem),
            stderr_file=None if "LATENTBOOK_LEADER" in os.environ else _Bars(sys.stderr),
        )
    except PapermillExecutionError as error:
        reason = str(error.evalue).strip().splitlines() or ["no message"]
        raise LatentbookError(
            f"{notebook.stem} failed in cell [{error.exec_count}]: {error.ename}: {reason[0]}"
        ) from error
    except DeadKernelError as error:
        raise LatentbookError(
            f"the Python process of {notebook.stem} died, most often because memory ran out: "
            f"choose a smaller n or close other programs; its last words are in {log}"
        ) from error
    except RuntimeError as error:
        raise LatentbookError(
            f"the Python process of {notebook.stem} did not start ({error}): run it again"
        ) from error


def _progress(name: str) -> dict[str, Any]:
    """Return the settings of a bar for one chapter on a terminal, or of a line now and then.

    Several chapters at once, and files of logs, get lines.
    """
    if sys.stderr.isatty() and "LATENTBOOK_LEADER" not in os.environ:
        return {"desc": name, "mininterval": 0.2, "unit": "cell"}
    words = "{desc}: {n} of {total} cells in {elapsed}, about {remaining} left"
    return {"desc": name, "mininterval": 15, "bar_format": words, "file": _Lines(sys.stderr)}


class _Lines:
    """A stream that makes a line of its own of every state of a bar."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.last = stream, ""

    def write(self, text: str) -> None:
        """Write the state of a bar, unless it is that of before."""
        state = text.strip()
        if state and state != self.last:
            self.stream.write(f"{state}\n")
            self.last = state

    def flush(self) -> None:
        """Flush the stream."""
        self.stream.flush()


class _Bars(_Lines):
    """A stream that shows the bars inside a cell now and then: a cell may take minutes."""

    def __init__(self, stream: TextIO, every: float = 15) -> None:
        super().__init__(stream)
        self.every, self.last_time = every, time.monotonic()

    def write(self, text: str) -> None:
        """Write the last state in `text`, unless one was written a moment ago."""
        states = [state for state in re.split(r"[\r\n]+", text) if state.strip()]
        if states and time.monotonic() >= self.last_time + self.every:
            self.last_time = time.monotonic()
            super().write(states[-1])


def _transport(folder: Path) -> Config:
    """Let the kernel use sockets in `folder`, where the system can.

    Two kernels that start at the same moment may choose the same TCP port; one of them then dies.
    The path of a socket may have about 100 characters.
    """
    from traitlets.config import Config

    if os.name != "posix" or len(str(folder)) > 90:
        return Config()
    return Config(KernelManager={"transport": "ipc", "ip": str(folder / "socket")})


def _finish(file: Path, profile: str, values: dict[str, Any]) -> None:
    """Fold the parameter cells of an executed notebook, and refuse any error output."""
    import nbformat

    notebook = nbformat.read(file, as_version=4)
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
    import nbformat

    return float(nbformat.read(executed, as_version=4).metadata.papermill.duration)


#: A kernel whose file descriptor of errors is a file, which its first argument names.
_LAUNCHER = """
import os, runpy, sys
log = os.open(sys.argv.pop(1), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
os.dup2(log, 2)
runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
"""


@contextlib.contextmanager
def _kernel_of_this_python(log: Path) -> Iterator[Path]:
    """Let ``python3`` name the running interpreter, whatever kernels a user has installed.

    What libraries write past Python (TensorFlow's messages in C++) goes to the file `log`.

    Yields the folder of the kernel specification, which is deleted afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="latentbook-kernel-") as folder:
        kernel = Path(folder) / "kernels" / "python3" / "kernel.json"
        kernel.parent.mkdir(parents=True)
        argv = [sys.executable, "-c", _LAUNCHER, str(log), "-f", "{connection_file}"]
        argv += ["--log-level=40"]
        specification = {"argv": argv, "display_name": "Python 3", "language": "python"}
        kernel.write_text(json.dumps(specification), encoding="utf-8")
        before = os.environ.get("JUPYTER_PATH")
        with _variables(JUPYTER_PATH=os.pathsep.join(filter(None, [folder, before]))):
            yield Path(folder)


@contextlib.contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Limit numerical libraries to `threads`, and silence messages that a page should not show."""
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables.setdefault("TF_CPP_MIN_LOG_LEVEL", os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"))
    variables["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    with _variables(**variables):
        yield


@contextlib.contextmanager
def _named(what: list[Any], unended: Path) -> Iterator[None]:
    """Name the run and its code for the records that the kernel writes.

    The file `unended` holds the name until the run has ended, so that a run which was killed goes
    on under it. It is another run where the parameters or the code differ, or the code is not
    known.
    """
    commit = provenance.commit()
    same = json.dumps([*what, commit], sort_keys=True, default=str)
    try:
        before = json.loads(unended.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    goes_on = commit is not None and isinstance(before, dict) and before.get("what") == same
    name = str(before["id"]) if goes_on else provenance.new_id()
    with files.atomic(unended) as scratch:
        scratch.write_text(json.dumps({"id": name, "what": same}), encoding="utf-8")
    with _variables(**{provenance.RUN: name, **({provenance.COMMIT: commit} if commit else {})}):
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
    """End this process, and so its kernel, soon after the process `leader` has ended.

    A killed Snakemake leaves its jobs running. Without this, a restarted sweep would run beside
    the jobs of the first one.
    """

    def watch() -> None:
        while True:
            time.sleep(1)
            if not psutil.pid_exists(leader):
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
