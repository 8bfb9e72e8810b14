"""What the project knows about each data set before it is read.

A TOML file lists files, mirrors, digests and licences; this module turns it into typed entries.
A new data set is a paragraph in that file and a name in `NAMES`. It needs a reader as well if its
files have a format of their own.
Finding and reading files is left to `store` and `readers`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentbook import paths
from latentbook.errors import LatentbookError, choose

NAMES = ("digits", "mnist", "fashion_mnist", "usps", "cifar10", "satimage", "nsl_kdd", "trades")


@dataclass(frozen=True)
class ArraySpec:
    """Shape, type and sha256 of the bytes that an array must have (None: digest not known)."""

    shape: tuple[int, ...]
    dtype: str
    sha256: str | None


@dataclass(frozen=True)
class Container:
    """One form of a data set: its files, the folders they may lie in, and their mirrors.

    `subset` says in words which part of the data it holds, and is empty if it holds all.

    If there are no files, `origin` names the program that the arrays come with.
    """

    format: str
    origin: str
    files: dict[str, str]
    folders: tuple[str, ...]
    mirrors: tuple[str, ...]
    subset: str
    md5: dict[str, str]
    arrays: dict[str, ArraySpec]


@dataclass(frozen=True)
class Entry:
    """One data set of the registry; `extra` holds the fields that only its own builder reads."""

    name: str
    title: str
    kind: str
    unit: str
    rows: int
    classes: tuple[str, ...]
    columns: str
    licence: str
    source: str
    page: str
    system: tuple[Path, ...]
    containers: tuple[Container, ...]
    extra: dict[str, Any]


def entry(name: str) -> Entry:
    """Return the entry of the data set `name`, or of the data set that `name` is a split of.

    Raises
    ------
    LatentbookError
        If there is no such data set, or the registry cannot be read.
    """
    name = name.removesuffix("-train").removesuffix("-test")
    choose("data set", name, NAMES)
    path = paths.registry()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))[name]
        return _entry(name, table)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LatentbookError(
            f"the registry {path} has no usable entry for {name} ({error}): restore the file"
        ) from error


def _entry(name: str, table: dict[str, Any]) -> Entry:
    """Return the TOML `table` of one data set as an `Entry`."""
    table = dict(table)
    arrays = table.pop("arrays")
    return Entry(
        name=name,
        classes=tuple(table.pop("classes")),
        system=tuple(Path(folder) for folder in table.pop("system", [])),
        containers=tuple(_container(part, arrays) for part in table.pop("containers")),
        **{
            key: table.pop(key)
            for key in ("title", "kind", "unit", "rows", "columns", "licence", "source", "page")
        },
        extra=table,
    )


def _container(part: dict[str, Any], arrays: dict[str, Any]) -> Container:
    """Return one container; without arrays of its own it holds those of the data set."""
    return Container(
        format=part["format"],
        origin=part.get("origin", ""),
        files=part.get("files", {}),
        folders=tuple(part.get("folders", [""])),
        mirrors=tuple(part.get("mirrors", [])),
        subset=part.get("subset", ""),
        md5=part.get("md5", {}),
        arrays={
            key: ArraySpec(tuple(spec["shape"]), spec["dtype"], spec.get("sha256"))
            for key, spec in part.get("arrays", arrays).items()
        },
    )
