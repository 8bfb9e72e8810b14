"""Where files lie: the only module that knows the folders of the project.

Chapters and modules call these functions; nobody writes ``../..``.
Reading and writing files is left to `records`, `datasets` and `cache`.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from latentbook.errors import LatentbookError


def root() -> Path:
    """Return the folder of the project.

    The first of: ``$LATENTBOOK_ROOT``, the checkout of this module, the working directory and its
    parents.

    Raises
    ------
    LatentbookError
        If no folder with ``notebooks/profiles/`` is found.
    """
    stated = os.environ.get("LATENTBOOK_ROOT")
    cwd = Path.cwd()
    candidates = [Path(stated)] if stated else [Path(__file__).parents[2], cwd, *cwd.parents]
    for folder in candidates:
        if (folder / "notebooks" / "profiles").is_dir():
            return folder
    raise LatentbookError(
        f"no latentbook project at {candidates[0]}: set LATENTBOOK_ROOT to the folder that "
        "holds notebooks/profiles"
    )


def cache() -> Path:
    """Return the folder for downloads and computed arrays (``$LATENTBOOK_CACHE`` or the user's)."""
    stated = os.environ.get("LATENTBOOK_CACHE")
    return Path(stated) if stated else user_cache_path("latentbook")


def notebooks() -> Path:
    """Return the folder of the chapters' source notebooks."""
    return root() / "notebooks"


def profiles() -> Path:
    """Return the folder of the parameter profiles."""
    return notebooks() / "profiles"


def published() -> Path:
    """Return the folder of the numbers that the sources print."""
    return root() / "data" / "published"


def records(profile: str) -> Path:
    """Return the folder of the records: versioned for ``paper``, a build product otherwise."""
    if profile == "paper":
        return root() / "data" / "records"
    return root() / "_build" / "records" / profile


def figures() -> Path:
    """Return the folder of the small arrays that full-scale figures are drawn from."""
    return root() / "data" / "records" / "figures"


def samples() -> Path:
    """Return the folder of the small data that the repository itself ships."""
    return root() / "data" / "samples"


def registry() -> Path:
    """Return the file that lists the data sets: mirrors, digests, licences."""
    return samples() / "registry.toml"


def generated() -> Path:
    """Return the folder of pages and tables that are written from records before the build."""
    return root() / "book" / "generated"


def exercises() -> Path:
    """Return the folder of the exercises that chapters include, written before the build."""
    return root() / "book" / "exercises"


def extra() -> Path:
    """Return the folder that the built book carries verbatim (MathJax, interactive pages)."""
    return root() / "book" / "extra"
