"""The command line that runs and checks chapters: ``python -m latentbook.pipeline run | check``.

The work is done in `latentbook.book.run` and `latentbook.chapters`. Their names are gathered here
for tools that import them from here.
A profile (`notebooks/profiles/NAME.yml`) holds ``{chapter: {parameter: literal}}`` for every
chapter.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from latentbook.book.graph import chapters, dependencies, find, swept_by
from latentbook.book.run import errors, run, seconds, stop_with
from latentbook.chapters import check, read
from latentbook.errors import LatentbookError
from latentbook.study.parameters import of_notebook as parameters

__all__ = [
    "chapters",
    "check",
    "dependencies",
    "errors",
    "find",
    "main",
    "parameters",
    "run",
    "seconds",
    "stop_with",
    "swept_by",
]


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
            overrides = read(notebook, dict(arguments.overrides))
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
