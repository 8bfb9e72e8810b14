"""The command `latentbook`: small services around the study, each one sub-command.

A sub-command is a function that adds its parser and names the function to run; `COMMANDS` lists
them.
Anticipated errors end as one line on stderr and exit status 2, never as a traceback.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from latentbook.errors import LatentbookError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` and return its exit status (0, 1 for a finding, 2 for misuse)."""
    parser = argparse.ArgumentParser(prog="latentbook", description="Services of the book.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2


def _add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``latentbook data list | fetch NAME | verify [NAME]``."""
    data = commands.add_parser("data", help="list, fetch and verify the data sets")
    actions = data.add_subparsers(title="actions", required=True, metavar="ACTION")
    show = actions.add_parser("list", help="show all data sets and where they lie")
    show.set_defaults(run=_list)
    fetch = actions.add_parser("fetch", help="download a data set unless it is here")
    fetch.add_argument("name", metavar="NAME", help="name of the data set")
    fetch.set_defaults(run=_fetch)
    verify = actions.add_parser("verify", help="compare the data on this machine with the digests")
    verify.add_argument("name", metavar="NAME", nargs="?", help="name of the data set (all)")
    verify.set_defaults(run=_verify)


def _list(arguments: argparse.Namespace) -> int:
    """Print name, size, licence and place of every data set."""
    from latentbook.datasets import NAMES, registry, store

    for name in NAMES:
        data = registry.entry(name)
        found = store.find(data)
        size = f"{data.rows:,} {data.unit}"
        print(f"{name:14}{size:29}{found or 'not here'}")
        print(f"{'':14}{data.licence}; {data.page}")
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    """Make sure that a data set is on this machine, complete if a mirror has it complete."""
    from latentbook.datasets import registry, store
    from latentbook.datasets.download import fetch

    data = registry.entry(arguments.name)
    found = store.find(data, complete=True)
    verified = store.verify(data, found) if found else fetch(data)
    print(f"{data.name}: verified, at {verified.source}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    """Print for each data set where it was found and whether its digests are the published ones."""
    from latentbook.datasets import NAMES, registry, store

    bad = False
    for name in [arguments.name] if arguments.name else NAMES:
        data = registry.entry(name)
        found = store.find(data)
        if found is None:
            print(f"{name:14}missing   looked in {store.looked_in(data)}")
            bad = bad or arguments.name is not None
            continue
        try:
            verified = store.verify(data, found)
        except LatentbookError as error:
            print(f"{name:14}mismatch  {error}")
            bad = True
            continue
        part = "" if verified.complete else " (a part of the data)"
        print(f"{name:14}ok        {found}{part}, sha256 {verified.sha256[:12]}")
    return int(bad)


COMMANDS: list[Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None]] = [_add_data]


if __name__ == "__main__":
    sys.exit(main())
