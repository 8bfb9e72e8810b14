"""Measure the study against its budgets: ``python bench/budgets.py [STEP ...]``.

Without arguments every step that leaves the working tree alone is measured; name steps to choose
(``install`` makes a second environment in a folder that is thrown away, ``chapters`` runs each
chapter at profile quick anew).  Figures depend on the machine and on what else it does, so its
cores and its load are printed with them.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from latentbook import paths, pipeline
from latentbook.errors import LatentbookError, choose

#: A simulation of 36 years, in LATENTBOOK_DATA/weather.
LONG = "jcm_t31_6hourly_z700_long.nc"

Measurement = tuple[str, float, float, str]  #: what, measured, budget, unit


def command(*arguments: str, cwd: Path | None = None) -> float:
    """Run a command quietly; return its wall time in seconds.

    Raises
    ------
    LatentbookError
        If it fails.
    """
    started = time.monotonic()
    done = subprocess.run(
        arguments,
        cwd=cwd or paths.root(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise LatentbookError(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}")
    return time.monotonic() - started


def install() -> Iterator[Measurement]:
    """Measure a set-up from nothing, in a copy of the tracked files."""
    with tempfile.TemporaryDirectory() as folder:
        files = subprocess.check_output(["git", "ls-files", "-z"], cwd=paths.root(), text=True)
        for name in filter(None, files.split("\0")):
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(paths.root() / name, target)
        yield "install from the lock", command("make", "env", cwd=Path(folder)), 240, "s"
        yield "make env again", command("make", "env", cwd=Path(folder)), 1, "s"


def book() -> Iterator[Measurement]:
    """Measure a book from nothing, again, and after a change of one chapter."""
    command("make", "clean")
    yield "make book, all chapters", command("make", "book"), 360, "s"
    yield from again()
    yield from changed()


def again() -> Iterator[Measurement]:
    """Measure ``make book`` when nothing has changed."""
    command("make", "book")
    yield "make book, nothing changed", command("make", "book"), 15, "s"


def changed() -> Iterator[Measurement]:
    """Measure ``make book`` after a change of the first chapter, beyond the chapter itself."""
    notebook = pipeline.chapters()[0]
    before = notebook.read_bytes()
    try:
        notebook.write_bytes(before.replace(b'"nbformat":', b'"nbformat" :', 1))
        whole = command("make", "book")
    finally:
        notebook.write_bytes(before)
    executed = paths.root() / "_build" / "chapters" / "quick" / notebook.name
    alone = pipeline.seconds(executed)
    yield f"chapter {notebook.stem} alone", alone, 90, "s"
    yield "make book, that chapter changed, beyond it", whole - alone, 45, "s"


def chapters() -> Iterator[Measurement]:
    """Measure time and peak memory of every chapter at profile quick, one after the other."""
    for notebook in pipeline.chapters():
        with tempfile.TemporaryDirectory() as folder:
            seconds, gigabytes = _alone(notebook, Path(folder) / notebook.name)
        yield f"{notebook.stem}, wall time", seconds, 90, "s"
        yield f"{notebook.stem}, memory", gigabytes, 3, "GB"


def weather() -> Iterator[Measurement]:
    """Measure chapter 05 at profile quick on 36 years of weather of one's own, from nothing."""
    file = Path(os.environ.get("LATENTBOOK_DATA", "")) / "weather" / LONG
    if not file.is_file():
        raise LatentbookError(f"there is no {file}: set LATENTBOOK_DATA to the folder that has it")
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("LATENTBOOK_CACHE")
        os.environ["LATENTBOOK_CACHE"] = folder
        given = ["-p", "weather", str(file), "-p", "levels", "700"]
        notebook = pipeline.find("05-weather-patterns")
        seconds, gigabytes = _alone(notebook, Path(folder) / notebook.name, *given)
        os.environ.pop("LATENTBOOK_CACHE")
        if before is not None:
            os.environ["LATENTBOOK_CACHE"] = before
    yield "own weather of 36 years, wall time", seconds, 300, "s"
    yield "own weather of 36 years, memory", gigabytes, 4, "GB"


def _alone(notebook: Path, out: Path, *given: str) -> tuple[float, float]:
    """Run a chapter in a process of its own; return its seconds and its peak memory in GB."""
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        status = pipeline.main(["run", str(notebook), str(out), "--threads", "2", *given])
        kernel = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        out.with_suffix(".memory").write_text(str(kernel))
        os._exit(status)
    _, status = os.waitpid(process, 0)
    if status:
        raise LatentbookError(f"{notebook.stem} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.monotonic() - started, int(out.with_suffix(".memory").read_text()) * unit / 1e9


def test() -> Iterator[Measurement]:
    """Measure the fast tests."""
    yield "make test", command("make", "test"), 360, "s"


def size() -> Iterator[Measurement]:
    """Measure the tracked files."""
    files = subprocess.check_output(["git", "ls-files", "-z"], cwd=paths.root(), text=True)
    present = [paths.root() / name for name in files.split("\0") if name]
    total = sum(path.stat().st_size for path in present if path.is_file())
    yield "repository without history", total / 1e6, 25, "MB"


STEPS: dict[str, Callable[[], Iterator[Measurement]]] = {
    "size": size,
    "again": again,
    "changed": changed,
    "test": test,
    "chapters": chapters,
    "weather": weather,
    "book": book,
    "install": install,
}
USUAL = ("size", "again", "changed", "test", "chapters")


def main() -> int:
    """Measure the chosen steps; return 1 if a budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    exceeded = False
    try:
        chosen = [choose("step", step, STEPS) for step in parser.parse_args().steps] or USUAL
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the first step")
        for step in chosen:
            for what, measured, budget, unit in STEPS[step]():
                over = measured > budget
                exceeded |= over
                verdict = "OVER BUDGET" if over else "within"
                print(f"{what:45}{measured:8.1f} {unit:3}{budget:6g} {unit:3}{verdict}", flush=True)
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
