"""The tables of the page "Data cards", written from the registry.

``python -m latentbook.book.cards`` writes them to ``book/generated/data-cards-table.md``.
The prose of the page is in ``book/data-cards.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from latentbook import files, paths
from latentbook.datasets.registry import NAMES, Entry, entry
from latentbook.weather import sources


def markdown() -> str:
    """Return four MyST tables: the data sets, the digests of their arrays, the mirrors, weather."""
    entries = [entry(name) for name in NAMES]
    return "\n".join(
        [
            _table(
                ["name", "data set", "samples", "classes", "one sample", "licence", "made by"],
                map(_overview, entries),
                caption="The data sets",
                name="tab-data-sets",
            ),
            _table(
                ["name", "array", "shape", "type", "sha256"],
                (row for data in entries for row in _digests(data)),
                caption="Digests of the arrays (the first twelve digits)",
                name="tab-data-digests",
            ),
            _table(
                ["name", "files", "mirrors"],
                (row for data in entries for row in _mirrors(data)),
                caption="Files that are understood, and where they are downloaded from",
                name="tab-data-mirrors",
            ),
            _table(
                ["name", "data", "times", "fields", "licence", "made by", "sha256 of the file"],
                (_weather(sources.entry(name)) for name in sources.NAMES),
                caption="Weather data that go by a name (the first twelve digits of the digests)",
                name="tab-weather-data",
            ),
        ]
    )


def write() -> None:
    """Write the tables to the folder of generated pages."""
    with files.atomic(paths.generated() / "data-cards-table.md") as scratch:
        scratch.write_text(markdown(), encoding="utf-8")


def _overview(data: Entry) -> list[str]:
    """Return the row of one data set in the first table."""
    return [
        f"`{data.name}`",
        f"[{data.title}]({data.page})",
        f"{data.rows:,} {data.unit}",
        str(len(data.classes)),
        data.columns,
        data.licence,
        data.source,
    ]


def _digests(data: Entry) -> Iterable[list[str]]:
    """Yield a row for each array that the containers of a data set may hold."""
    seen = set()
    for container in data.containers:
        for key, spec in container.arrays.items():
            if (key, spec) in seen:
                continue
            seen.add((key, spec))
            digest = f"`{spec.sha256[:12]}`" if spec.sha256 else "md5 of the file"
            shape = " × ".join(f"{size:,}" for size in spec.shape)
            yield [f"`{data.name}`", f"`{key}`", shape, spec.dtype, digest]


def _mirrors(data: Entry) -> Iterable[list[str]]:
    """Yield a row for each container of a data set."""
    for container in data.containers:
        names = ", ".join(f"`{name}`" for name in container.files.values())
        mirrors = ", ".join(f"`{mirror.format(file='')}`" for mirror in container.mirrors)
        yield [f"`{data.name}`", names or container.origin, mirrors or "–"]


def _weather(data: sources.Registered) -> list[str]:
    """Return the row of registered weather data."""
    return [
        f"`{data.name}`",
        f"[{data.title}]({data.page})",
        f"{data.fields:,}",
        data.columns,
        data.licence,
        data.source,
        f"`{data.sha256[:12]}`",
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, name: str) -> str:
    """Return a numbered MyST table of text columns."""
    body = [f"| {' | '.join(header)} |", "|:--" * len(header) + "|"]
    body += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f":::{{table}} {caption}", f":name: {name}", "", *body, ":::", ""])


if __name__ == "__main__":
    write()
