"""Hand the study to Snakemake: ``study.py book | paper | sweep [name=value] [Snakemake option]``.

Checks every chapter's parameters first, so that a mistake is one sentence; makes sure that one
run works on a target at a time, with a lock that dies with its process, so that a run killed at
any moment can simply be started again.
On POSIX this process becomes Snakemake; on Windows, which knows no such thing, it waits for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from latentbook import chapters, paths
from latentbook.book import graph, sweep
from latentbook.errors import LatentbookError, choose

#: Per target: the lock it takes, the profile it runs, and Snakemake's options for it.
TARGETS = {
    "book": ("book", "quick", ["--quiet", "all"]),
    "paper": ("book", "paper", ["--quiet", "all"]),
    "sweep": (
        "sweep",
        "paper",
        ["--quiet", "host", "rules", "--keep-going", "--rerun-triggers", "params"],
    ),
}


def lock(name: str) -> None:
    """Take the lock `name` of this folder until this process ends, however it ends.

    Raises
    ------
    LatentbookError
        If a living process holds it.
    """
    file = paths.root() / "_build" / f".{name}.lock"
    file.parent.mkdir(exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT)
    try:
        _take(handle)
    except OSError:
        raise LatentbookError(
            f"another 'make {name}' is at work in this folder: wait for it, or stop it first"
        ) from None


def _take(handle: int) -> None:
    """Lock an open file, or raise OSError; the program that this process becomes keeps it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.set_inheritable(handle, True)  # across exec; Snakemake's own children do not get it


def memory_mb() -> int:
    """Return the memory of this machine in megabytes."""
    return psutil.virtual_memory().total // 10**6


def configuration(extra: list[str]) -> list[str]:
    """Return the words of the form ``name=value``."""
    return [word for word in extra if "=" in word and not word.startswith("-")]


def check(target: str, extra: list[str]) -> None:
    """Check the parameters of every run of `target`, and say what a sweep leaves out.

    Raises
    ------
    LatentbookError
        For parameters that a chapter refuses.
    """
    settings = dict(word.split("=", 1) for word in configuration(extra))
    if target != "sweep":
        for name in settings:
            raise LatentbookError(f"make {target} has no setting {name!r}: leave it out")
        for notebook in graph.chapters():
            chapters.check(notebook, TARGETS[target][1])
        return
    for reason in sweep.plan(settings)[1]:
        print(f"left out: {reason}", flush=True)


def options(target: str, extra: list[str]) -> list[str]:
    """Return Snakemake's arguments for `target`.

    Of `extra`, words of the form ``name=value`` become configuration (``seeds=0,1``); the rest
    goes to Snakemake as it is.
    """
    _, profile, own = TARGETS[target]
    settings = configuration(extra)
    return [
        *["--cores", os.environ.get("CORES", "all"), "--resources", f"mem_mb={memory_mb()}"],
        *["--nolock", "--rerun-incomplete", *own],
        *[word for word in extra if word not in settings],
        *["--config", f"profile={profile}", *settings],
        *["--", "sweep" if target == "sweep" else "book"],
    ]


def main(arguments: list[str]) -> int:
    """Check, lock, and become Snakemake."""
    try:
        target = choose("target", arguments[0] if arguments else "", TARGETS)
        name = TARGETS[target][0]
        os.chdir(paths.root())
        check(target, arguments[1:])
        lock(name)
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    os.environ["LATENTBOOK_LEADER"] = str(os.getpid())
    command = [str(Path(sys.executable).with_name("snakemake")), *options(target, arguments[1:])]
    if sys.platform == "win32":
        return subprocess.call(command)
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
