"""The chapters of the book in reading order, and the first line of each of them.

A chapter is a notebook and a package of the same subject, whose module ``parameters`` lists what
the notebook can be told.
It is imported by its name when it is needed, so that no chapter depends on another one's files.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any

from latentbook import paths
from latentbook.errors import choose
from latentbook.study import cells, parameters
from latentbook.study.parameters import Gate, Like, Values, numbers, words

__all__ = ["PACKAGES", "begin", "check", "gate", "module", "numbers", "read", "words"]

#: Notebook, without suffix -> the package below `latentbook.chapters` that is about it.
PACKAGES = {
    "01-dimensionality-reduction": "dimensionality_reduction",
    "02-autoencoders": "autoencoders",
    "03-two-stage-clustering": "two_stage_clustering",
    "04-deep-clustering": "deep_clustering",
    "05-weather-patterns": "weather_patterns",
    "06-source-estimation": "source_estimation",
    "07-latent-anomalies": "latent_anomalies",
}

#: What IPython puts among the names of a notebook.
_OF_IPYTHON = {"In", "Out", "exit", "quit", "open", "get_ipython"}
#: Name under which a notebook remembers that it has begun.
_BEGUN = "_latentbook_begun"


def module(chapter: str, name: str) -> ModuleType:
    """Return the module `name` of a chapter's package, imported now."""
    package = PACKAGES[choose("chapter", chapter, PACKAGES)]
    return importlib.import_module(f"latentbook.chapters.{package}.{name}")


def gate(notebook: Path) -> Gate:
    """Return what the parameters of a notebook must fulfil.

    A notebook that is no chapter of the book (one that is being written) is held to the types of
    its own parameters cell.
    """
    if notebook.stem in PACKAGES:
        own = module(notebook.stem, "parameters")
        return Gate(notebook.stem, own.PARAMETERS, own.COMBINATIONS)
    own_values = parameters.of_notebook(notebook)
    return Gate(
        notebook.stem, {name: Like("", example=value) for name, value in own_values.items()}
    )


def check(
    notebook: Path, profile: str = "quick", overrides: Values | None = None
) -> dict[str, Any]:
    """Return every parameter of `notebook` as `profile` and then `overrides` set it.

    Raises
    ------
    LatentbookError
        For an unknown chapter, profile or parameter, for one that the profile leaves out, and
        for values that are wrong or do not go together. Nothing has run by then.
    """
    choose("chapter", notebook.stem, [path.stem for path in cells.notebooks(notebook.parent)])
    return parameters.check(notebook, gate(notebook), profile, overrides)


def read(notebook: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Return values as they were written on a command line, read as their parameters want."""
    known = gate(notebook).parameters
    return {
        name: known[choose(f"parameter of chapter {notebook.stem}", name, known)].read(text)
        for name, text in given.items()
    }


# ---------------------------------------------------------------- the first line of a notebook


def begin(chapter: str, namespace: MutableMapping[str, Any]) -> None:
    """Check the parameters that stand in `namespace` (pass ``globals()``), and set the style.

    It may be called again in the same kernel: names that the notebook has made since are no
    parameters.

    Parameters
    ----------
    chapter
        File name of the notebook without suffix.
    namespace
        Holds the chapter's parameters, and at the first call nothing else of the user's.

    Raises
    ------
    LatentbookError
        For a name that is not a parameter of the chapter, and for a value that
        `latentbook.pipeline` would refuse too.
    """
    notebook = paths.notebooks() / f"{chapter}.ipynb"
    own = gate(notebook)
    given = _given(namespace, own)
    own.check(given)
    values = {**parameters.of_notebook(notebook), **given}
    choose("profile", values["profile"], parameters.profiles(paths.profiles()))
    own.check_together(values)
    namespace[_BEGUN] = (namespace[_BEGUN][0], len(namespace.get("In", ())))
    if "profile" in given:
        _say_differences(notebook, given)
    _quieten()
    from latentbook import plots

    plots.use_style()


def _given(namespace: MutableMapping[str, Any], own: Gate) -> dict[str, Any]:
    """Return the names in a notebook that are parameters, or were meant to be.

    At first these are all of them. Later a name is one if the chapter knows it, or if a cell that
    sets parameters has set it since they were last found good; where there is no history of cells,
    if it stood there at first.
    """
    found = {name: value for name, value in namespace.items() if _is_value(name, value)}
    first, done = namespace.get(_BEGUN, (None, 0))
    history = list(namespace.get("In", ()))
    if first is None:
        namespace[_BEGUN] = (set(found), 0)
        return found
    meant = _set_by(history[done:], own) if history else set(first)
    return {name: value for name, value in found.items() if name in own.parameters or name in meant}


def _is_value(name: str, value: object) -> bool:
    return not (
        name.startswith("_")
        or name in _OF_IPYTHON
        or isinstance(value, ModuleType)
        or callable(value)
    )


def _set_by(history: list[str], own: Gate) -> set[str]:
    """Return the names that the cells set which hold parameters: literals, and known names.

    The last parameters cell counts, and what papermill has injected after it, which begins with a
    comment.
    """
    found: set[str] = set()
    for source in history:
        try:
            names = {cells.assignment(s)[0] for s in cells.parse(source, "a cell").body}
        except ValueError:  # no literals, or no Python
            continue
        if source.startswith("# Parameters"):
            found |= names
        elif names & set(own.parameters):
            found = names
    return found


def _say_differences(notebook: Path, given: Values) -> None:
    """Print where a run departs from the profile that its records will name.

    papermill sets only the parameters it is given, so that ``-p profile paper`` alone would leave
    all others at the values of the parameters cell.
    """
    values = parameters.of_profile(notebook, given["profile"])
    different = [
        f"{name} {value!r} (profile: {values[name]!r})"
        for name, value in given.items()
        if value != values[name]
    ]
    if different:
        print(f"this run departs from profile {given['profile']} in {', '.join(different)}")


def _quieten() -> None:
    """Keep out of the pages what tqdm and TensorFlow say of themselves."""
    with warnings.catch_warnings():  # tqdm asks for ipywidgets; its bars in text will do
        warnings.simplefilter("ignore")
        import tqdm.auto  # noqa: F401
    # TensorFlow warns that every new model is traced anew, which is as it must be; a level would
    # not last, as its import sets one in a notebook
    logging.getLogger("tensorflow").addFilter(lambda record: record.levelno >= logging.ERROR)
