"""The command `latentbook`: small services around the study, one sub-command each.

A sub-command is a function that adds its parser and names the function to run. `COMMANDS` lists
them.
A `LatentbookError` ends as one line on stderr and exit status 2, never as a traceback.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from latentbook.errors import LatentbookError, choose

if TYPE_CHECKING:
    from latentbook.weather.grid import Grid


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line `argv`; a wrong one exits with status 2."""
    parser = argparse.ArgumentParser(prog="latentbook", description="Services of the book.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser.parse_args(_with_commas(argv))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; return 0, or 1 for bad data, or 2 for a wrong command."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        return int(arguments.run(arguments))
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2


def _with_commas(argv: Sequence[str]) -> list[str]:
    """Join the numbers after ``--levels`` by commas: ``500 700`` becomes ``500,700``.

    argparse could read several words itself. It would then read the source as one of them where
    the source follows.
    """
    joined: list[str] = []
    for word in argv:
        if joined[-2:-1] == ["--levels"] and _is_numbers(joined[-1]) and _is_numbers(word):
            joined[-1] = f"{joined[-1].rstrip(',')},{word}"
        else:
            joined.append(word)
    return joined


def _is_numbers(text: str) -> bool:
    try:
        return bool([float(part) for part in text.rstrip(",").split(",")])
    except ValueError:
        return False


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
    from latentbook.weather.sources import registered

    for name in NAMES:
        data = registry.entry(name)
        _describe(name, f"{data.rows:,} {data.unit}", store.find(data), data.licence, data.page)
    for name in registered.NAMES:
        known = registered.entry(name)
        location = registered.find(known)
        _describe(name, f"{known.fields:,} times", location, known.licence, known.page)
    return 0


def _describe(name: str, size: str, location: object, licence: str, page: str) -> None:
    print(f"{name:18}{size:29}{location or 'not here'}")
    print(f"{'':18}{licence}; {page}")


def _fetch(arguments: argparse.Namespace) -> int:
    """Bring a data set to this machine, complete if a mirror has it complete."""
    from latentbook.datasets import NAMES, registry, store
    from latentbook.datasets.download import fetch
    from latentbook.weather.sources import registered

    choose("data set", arguments.name, [*NAMES, *registered.NAMES])
    if arguments.name in registered.NAMES:
        known = registered.entry(arguments.name)
        path = registered.locate(known)
        registered.verify(known, path)
        print(f"{known.name}: verified, at {path}")
        return 0
    data = registry.entry(arguments.name)
    location = store.find(data, complete=True)
    verified = store.verify(data, location) if location else fetch(data)
    print(f"{data.name}: verified, at {verified.source}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    """Print for each data set its place and whether its digests are the published ones."""
    from latentbook.datasets import NAMES
    from latentbook.weather.sources import registered

    bad, every = False, [*NAMES, *registered.NAMES]
    for name in [choose("data set", arguments.name, every)] if arguments.name else every:
        try:
            words = _verified_weather(name) if name in registered.NAMES else _verified(name)
        except LatentbookError as error:
            words, bad = f"mismatch  {error}", True
        bad = bad or (words.startswith("missing") and arguments.name is not None)
        print(f"{name:18}{words}")
    return int(bad)


def _verified(name: str) -> str:
    """Return the line of `verify` on a data set that is missing or right."""
    from latentbook.datasets import registry, store

    data = registry.entry(name)
    location = store.find(data)
    if location is None:
        return f"missing   looked in {store.looked_in(data)}"
    verified = store.verify(data, location)
    part = "" if verified.complete else " (a part of the data)"
    return f"ok        {location}{part}, sha256 {verified.sha256[:12]}"


def _verified_weather(name: str) -> str:
    """Return the line of `verify` on registered weather that is missing or right."""
    from latentbook.weather.sources import registered

    data = registered.entry(name)
    location = registered.find(data)
    if location is None:
        folders = ", ".join(str(path.parent) for path in registered.places(data))
        return f"missing   looked in {folders}"
    registered.verify(data, location)
    return f"ok        {location}, sha256 {data.sha256[:12]}"


def _add_weather(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``latentbook weather info | prepare SOURCE``."""
    weather = commands.add_parser("weather", help="look into gridded weather and regrid it")
    actions = weather.add_subparsers(title="actions", required=True, metavar="ACTION")
    source = "registered name, path, pattern or address"
    info = actions.add_parser("info", help="show what a source of weather holds")
    info.add_argument("source", metavar="SOURCE", help=source)
    info.add_argument("--select", default="", metavar="D=E", help="as number=0, or number=mean")
    info.set_defaults(run=_weather_info)
    prepare = actions.add_parser("prepare", help="regrid weather into the cache; goes on if killed")
    prepare.add_argument("source", metavar="SOURCE", help=source)
    prepare.add_argument("--grid", default="europe", metavar="G", help="europe, or W,E,S,N")
    prepare.add_argument("--variables", default="z", metavar="V,V", help="of z, u, v, t, msl (z)")
    prepare.add_argument(
        "--levels", metavar="L,L", help="in hPa, with commas or spaces between them (all)"
    )
    prepare.add_argument("--period", metavar="FROM:TO", help="both included, as 1994:1995 (all)")
    prepare.add_argument("--every", type=int, metavar="H", help="keep every H-th hour of a day")
    prepare.add_argument("--select", default="", metavar="D=E", help="as number=0, or number=mean")
    prepare.add_argument("--workers", type=int, default=1, metavar="N", help="processes (1)")
    prepare.add_argument("--packed", action="store_true", help="16-bit integers: half the disk")
    prepare.set_defaults(run=_weather_prepare)


def _weather_info(arguments: argparse.Namespace) -> int:
    """Print title, variables, times and extent, and whether the study's domain is covered."""
    from latentbook.weather.sources.axes import selection
    from latentbook.weather.summary import describe

    print("\n".join(describe(arguments.source, selection(arguments.select))))
    return 0


def _weather_prepare(arguments: argparse.Namespace) -> int:
    """Regrid weather, and print the path of the store."""
    from latentbook.weather import store
    from latentbook.weather.sources.axes import selection

    first, _, last = (arguments.period or "").partition(":")
    path = store.prepare(
        arguments.source,
        _grid(arguments.grid),
        arguments.variables.split(","),
        _numbers(arguments.levels, "levels are numbers in hPa, as 500,700,900"),
        (first, last or first) if arguments.period else None,
        every=arguments.every,
        select=selection(arguments.select),
        workers=arguments.workers,
        packed=arguments.packed,
    )
    print(path)
    return 0


def _grid(text: str) -> Grid:
    from latentbook.weather.grid import EUROPE, box

    usage = "a grid is `europe` or W,E,S,N in degrees, as --grid=-10,30,35,65"
    edges = None if text == "europe" else _numbers(text, usage)
    if edges is None:
        return EUROPE
    if len(edges) != 4:
        raise LatentbookError(f"{usage}, not {text!r}")
    return box((edges[0], edges[1], edges[2], edges[3]))


def _numbers(text: str | None, usage: str) -> list[float] | None:
    """Return the numbers that commas separate, or None for None."""
    try:
        return None if text is None else [float(number) for number in text.split(",")]
    except ValueError as error:
        raise LatentbookError(f"{usage}, not {text!r}") from error


def _add_table(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``latentbook table FILE --label COLUMN``."""
    table = commands.add_parser(
        "table",
        help="rank the rows of a table, the strangest first, with reasons",
        description="Rank the rows of a table by how little they fit the other rows of their "
        "label, with reasons. Two rules are compared: a frequency table, and a network.",
    )
    table.add_argument("file", metavar="FILE", help="CSV (also .gz), Excel or Parquet")
    table.add_argument("--label", default="", metavar="COLUMN", help="what rows are compared by")
    table.add_argument("--drop", default="", metavar="A,B", help="columns that are not looked at")
    table.add_argument(
        "--rare", choices=("merge", "drop"), help="what becomes of labels with fewer than 10 rows"
    )
    table.add_argument("--truth", default="", metavar="C", help="column that is 1 for known errors")
    table.add_argument("--sample", type=int, default=0, metavar="N", help="draw N rows at random")
    table.add_argument("--no-network", action="store_true", help="the frequency table alone")
    table.add_argument("--seed", type=int, default=0, metavar="S", help="of all random draws (0)")
    table.add_argument("--out", metavar="CSV", help="write all rows here, the strangest first")
    table.add_argument("--report", metavar="HTML", help="write a page about the table here")
    table.set_defaults(run=_table)


def _table(arguments: argparse.Namespace) -> int:
    """Rank the rows of a table."""
    from latentbook.outliers.command import run

    return run(arguments)


COMMANDS: list[Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None]] = [
    _add_data,
    _add_weather,
    _add_table,
]


if __name__ == "__main__":
    sys.exit(main())
