"""The first line of every chapter: check its parameters before any work starts.

papermill accepts a misspelt parameter silently; `begin` does not, whether the chapter runs in the
pipeline, under papermill by hand or cell by cell in Jupyter.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from latentbook import datasets, paths, pipeline
from latentbook.errors import LatentbookError, check_between, choose

_OF_IPYTHON = {"In", "Out", "exit", "quit", "open", "get_ipython"}

#: Smallest and largest value of numerical parameters, by name, in whichever chapter they occur.
RANGES: dict[str, tuple[float, float]] = {
    "n": (0, 10_000_000),
    "seed": (0, 2**32 - 1),
    "k": (2, 10_000),
    "k_max": (2, 10_000),
    "perplexity": (1, 10_000),
    "learning_rate": (1e-9, 1e6),
    "n_neighbors": (2, 10_000),
    "min_dist": (0, 1),
    "min_samples": (1, 1_000_000),
    "min_cluster_size": (2, 1_000_000),
    "epochs": (1, 100_000),
    "patience": (1, 100_000),
    "batch_size": (1, 1_000_000),
    "sample": (10, 10_000_000),
    "gamma": (0, 1e6),
    "alpha": (1e-3, 1e6),
    "beta": (0, 1e6),
    "n_latent": (2, 10_000),
    "share": (0.001, 0.5),
    "planted": (0.001, 0.5),
    "volume_samples": (100, 10_000_000),
    "tol": (0, 1),
    "pretraining_epochs": (1, 100_000),
    "update_interval": (1, 1_000_000),
    "max_iterations": (1, 10_000_000),
    "multiples": (100, 10_000_000),
    "points": (100, 10_000_000),
    "n_codes": (1, 10_000),
    "linear_gradient": (1e-12, 1e-2),
    "land_n": (0, 10_000_000),
    "land_runs": (2, 100),
    "land_epochs": (1, 100_000),
    "images": (10, 10_000_000),
    "test_images": (8, 10_000_000),
    "filters": (1, 10_000),
    "conv_epochs": (1, 100_000),
    "conv_batch_size": (1, 1_000_000),
    "elevation_holes": (1, 20),
    "crops": (1, 1_000_000),
    "samples": (10, 1_000_000),
    "steps": (1, 1_000_000),
    "new_images": (20, 10_000_000),
    "parametric_epochs": (11, 10_000),
    "neighbour_rows": (30, 10_000_000),
    "window_days": (0.01, 365),
    "overlap_days": (0, 365),
    "train_share": (0.05, 0.95),
    "wind_level": (1, 1100),
    "hours": (1, 1000),
    "particles": (1, 10_000_000),
    "smoothing": (0, 64),
}


def begin(chapter: str, namespace: Mapping[str, Any]) -> None:
    """Check the parameters that stand in `namespace` (pass ``globals()``), and set the style.

    Parameters
    ----------
    chapter
        File name of the notebook without suffix.
    namespace
        Holds the chapter's parameters and nothing else of the user's.

    Raises
    ------
    LatentbookError
        For a name that is not a parameter of the chapter, a value of the wrong type or out of
        range, an unknown data set or profile.
    """
    expected = pipeline.parameters(paths.notebooks() / f"{chapter}.ipynb")
    given = {name: value for name, value in namespace.items() if _is_parameter(name, value)}
    for name, value in given.items():
        choose(f"parameter of {chapter}", name, expected)
        _check_type(name, value, expected[name])
        if name in RANGES and not isinstance(value, str):
            check_between(name, value, *RANGES[name])
    if "dataset" in given:
        datasets.class_names(given["dataset"])  # refuses an unknown name
    if "profile" in given:
        profiles = sorted(path.stem for path in paths.profiles().glob("*.yml"))
        choose("profile", given["profile"], profiles)
        _say_differences(chapter, given)
    with warnings.catch_warnings():  # tqdm asks for ipywidgets; its bars in text will do
        warnings.simplefilter("ignore")
        import tqdm.auto  # noqa: F401
    # TensorFlow warns that every new model is traced anew, which is as it must be; a level would
    # not last, as its import sets one in a notebook
    logging.getLogger("tensorflow").addFilter(lambda record: record.levelno >= logging.ERROR)
    from latentbook import plots

    plots.use_style()


def _say_differences(chapter: str, given: Mapping[str, Any]) -> None:
    """Print where a run departs from the profile that its records will name.

    papermill sets only the parameters it is given, so that ``-p profile paper`` alone would leave
    all others at the values of the parameters cell.
    """
    values = pipeline.check(paths.notebooks() / f"{chapter}.ipynb", given["profile"])
    different = [
        f"{name} {value!r} (profile: {values[name]!r})"
        for name, value in given.items()
        if value != values[name]
    ]
    if different:
        print(f"this run departs from profile {given['profile']} in {', '.join(different)}")


def words(kind: str, text: str, allowed: Mapping[str, Any] | list[str]) -> list[str]:
    """Split a parameter such as ``"raw pca50"`` into words, each of which must be allowed."""
    return [choose(kind, word, allowed) for word in text.split()]


def numbers(name: str, text: str, kind: type = int) -> list[Any]:
    """Return the numbers in a parameter such as ``"2 10 32"``.

    Raises
    ------
    LatentbookError
        For anything else than numbers of that kind.
    """
    try:
        return [kind(word) for word in text.split()]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise LatentbookError(
            f"the parameter {name} is {text!r}, but must hold {what} with spaces between them, "
            "such as '2 10 32'"
        ) from None


def _is_parameter(name: str, value: object) -> bool:
    return not (
        name.startswith("_")
        or name in _OF_IPYTHON
        or isinstance(value, ModuleType)
        or callable(value)
    )


def _check_type(name: str, value: object, default: object) -> None:
    wanted = (int, float) if isinstance(default, float) else (type(default),)
    if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
        number = isinstance(default, str) and isinstance(value, int | float)
        hint = f" (papermill makes a number of it: write -r {name} {value})" if number else ""
        raise LatentbookError(
            f"the parameter {name} is {value!r}, but must be of type {type(default).__name__}, "
            f"like {default!r}{hint}"
        )
