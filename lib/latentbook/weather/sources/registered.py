"""Weather data that go by a name: the shipped sample, a simulation, and excerpts of reanalyses.

The registry of all data sets says what they are and what their files must digest to; here they
are found and verified.
Only the sample comes with the repository.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from latentbook import paths
from latentbook.errors import LatentbookError, choose

NAMES = (
    "weather-sample",
    "weather-simulated",
    "weather-simulated-long",
    "weather-simulated-winds",
    "weather-eraint",
    "weather-era5-june",
    "weather-ncep",
    "weather-ncep-alps",
)


@dataclass(frozen=True)
class Registered:
    """One entry of the registry; `fields` is the number of times."""

    name: str
    title: str
    file: str
    sha256: str
    simulated: bool
    fields: int
    columns: str
    licence: str
    source: str
    page: str
    obtain: str


def entry(name: str) -> Registered:
    """Return what the registry says of the weather data `name`.

    Raises
    ------
    LatentbookError
        If there are no such data, or the registry cannot be read.
    """
    choose("weather data", name, NAMES)
    registry = paths.registry()
    try:
        table = tomllib.loads(registry.read_text(encoding="utf-8"))[name]
        return Registered(name=name, **table)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LatentbookError(
            f"the registry {registry} has no usable entry for {name} ({error}): restore the file"
        ) from error


def places(data: Registered) -> list[Path]:
    """Return where the file of `data` may lie, in the order in which it is looked for."""
    stated = os.environ.get("LATENTBOOK_DATA")
    own = [Path(stated) / "weather", Path(stated)] if stated else []
    folders = [paths.samples(), *own, paths.cache() / "data" / "weather"]
    return [folder / data.file for folder in folders]


def find(data: Registered) -> Path | None:
    """Return where the file of `data` lies on this machine, or None."""
    return next((path for path in places(data) if path.is_file()), None)


def locate(data: Registered) -> Path:
    """Return where the file of `data` lies.

    Raises
    ------
    LatentbookError
        If it is not on this machine.
    """
    found = find(data)
    if found is None:
        raise LatentbookError(
            f"{data.name} is not on this machine (looked for "
            f"{', '.join(map(str, places(data)))}): {data.obtain}"
        )
    return found


def verify(data: Registered, path: Path) -> None:
    """Raise `LatentbookError` unless the file at `path` has the digest of the registry."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != data.sha256:
        raise LatentbookError(
            f"{path} is not the file of {data.name} (sha256 {digest[:8]}... instead of "
            f"{data.sha256[:8]}...): restore it"
        )
