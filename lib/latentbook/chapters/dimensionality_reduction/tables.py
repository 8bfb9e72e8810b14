"""Tables of chapter 01: contrast, structure that each embedding keeps, verdicts.

`generated` returns the tables of the full scale. `farther`, `kept_contrast` and `best_pictures`
return sentences about a live run, computed from its arrays and records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentbook import dimension
from latentbook.chapters.dimensionality_reduction import (
    CHAPTER,
    DATASETS,
    MEASURES,
    PICTURES,
    SEPARATION,
)
from latentbook.chapters.dimensionality_reduction.parameters import METHODS
from latentbook.datasets.registry import entry
from latentbook.study.records import of_extent
from latentbook.study.tables import markdown, number, score_cell, verdict_table


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    every
        The full-scale records of all chapters.
    compared
        Every published number beside ours, as `judge.compare` returns it.
    """
    found = full_scale(every)
    explained = compared[compared["metric"].str.startswith("explained_variance")]
    files = {
        f"01-structure-{name.replace('_', '-')}.md": _structure_at_full_scale(found, name)
        for name in DATASETS
    }
    return files | {
        "01-verdicts.md": verdict_table(
            explained,
            caption="Printed by the thesis, and measured at full scale",
            name="tbl-01-published",
        )
    }


def full_scale(every: pd.DataFrame) -> pd.DataFrame:
    """Return the chapter's records of complete data sets, in the order of its tables."""
    found = every[every["chapter"] == CHAPTER]
    largest = found.groupby("dataset")["n_samples"].transform("max")
    found = found[(found["n_samples"] == largest) & found["dataset"].isin(DATASETS)]
    found = found.sort_values("dataset", key=lambda names: names.map(DATASETS.index))
    return found.sort_values("method", key=lambda names: names.map(METHODS.index), kind="stable")


def _structure_at_full_scale(found: pd.DataFrame, dataset: str) -> str:
    title, rows = entry(dataset).title, found[found["dataset"] == dataset]
    if rows.empty:
        return f"{title}: not run.\n"
    return structure(
        rows,
        caption=f"Structure preserved at full scale: {title}{of_extent(rows)}",
        name=f"tbl-01-structure-{dataset.replace('_', '-')}",
    )


def comparable(found: pd.DataFrame) -> pd.DataFrame:
    """Return records without the measures that mean nothing for an embedding of other features.

    All measures but the separation of the classes compare with neighbours and distances among the
    pixels, which an embedding of oriented gradients does not try to keep.
    """
    pairs = zip(found["metrics"], found["params"], strict=True)
    kept = [
        {name: m[name] for name in m if name == SEPARATION or "features" not in p} for m, p in pairs
    ]
    return found.assign(metrics=kept)


def structure(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the measures of each method, as mean ± standard deviation over seeds.

    A method that embeds a sample only says so.

    Parameters
    ----------
    found
        Records of one data set.
    """
    rows = []
    for method, group in comparable(found).groupby("method", sort=False):
        sample, whole = group["params"].iloc[0].get("sample"), group["n_samples"].iloc[0]
        label = f"{method} ({sample:,} images)" if sample and sample < whole else method
        cells = [score_cell(group, measure) for measure in MEASURES]
        seconds = np.mean([sum(stages.values()) for stages in group["seconds"]])
        rows.append([label, *cells, str(group["seed"].nunique()), f"{seconds:,.0f}"])
    header = ["method", *MEASURES.values(), "seeds", "seconds"]
    return markdown(header, rows, caption=caption, name=name)


def live(made: Iterable[Mapping[str, Any]], description: str) -> str:
    """Return the measures of the records that this run has made."""
    found = pd.DataFrame(list(made))
    profile, seed = found["profile"].iloc[0], found["seed"].iloc[0]
    return structure(
        found,
        caption=f"Structure preserved, profile {profile}: {description}, seed {seed}",
        name="tbl-01-structure-live",
    )


def growth(contrasts: Mapping[int, np.ndarray], exponents: Mapping[int, float]) -> str:
    """Return the growth of the contrast with the dimension, predicted and measured.

    Parameters
    ----------
    contrasts
        Norm p -> absolute and relative contrast, one row a dimension, up to 4,096.
    exponents
        Norm p -> slope of the absolute contrast on logarithmic axes.
    """
    rows = [
        [f"p = {p}", number(1 / p - 1 / 2), number(exponents[p]), number(values[-1, 1])]
        for p, values in contrasts.items()
    ]
    return markdown(
        ["norm", "exponent predicted", "exponent measured", "relative contrast at 4,096"],
        rows,
        caption="Growth of the contrast with the dimension, predicted by the theorem and "
        "fitted from 32 to 4,096 dimensions",
        name="tbl-01-exponents",
    )


def clouds(named: Mapping[str, np.ndarray]) -> str:
    """Return contrast and effective dimension of clouds of equally many points."""
    rows = [
        [name, f"{dimension.relative_contrast(X):.2f}", f"{dimension.effective_dimension(X):.0f}"]
        for name, X in named.items()
    ]
    n_points, width = next(iter(named.values())).shape
    return markdown(
        ["cloud", "relative contrast", "effective linear dimensions"],
        rows,
        caption=f"Contrast of {n_points:,} points in {width} dimensions: how much farther the "
        "farthest point is than the nearest",
        name="tbl-01-clouds",
    )


def farther(dimensions: np.ndarray, contrasts: Mapping[int, np.ndarray]) -> str:
    """Say how much farther than the nearest point the farthest is, in the most dimensions.

    Parameters
    ----------
    dimensions
        Numbers of dimensions, increasing.
    contrasts
        As for `growth`.
    """
    shares = [f"{values[-1, 1]:.1%} for $p = {p}$" for p, values in contrasts.items()]
    return (
        f"In {dimensions[-1]:,} dimensions the farthest of a hundred uniform points is farther "
        f"away than the nearest by no more than {_and(shares)}."
    )


def kept_contrast(named: Mapping[str, np.ndarray]) -> str:
    """Say how many times the contrast of the first cloud is that of the others."""
    (name, first), *others = ((name, dimension.relative_contrast(X)) for name, X in named.items())
    times = [f"{first / contrast:.1f} times that of *{other}*" for other, contrast in others]
    return f"The relative contrast of *{name}* is {_and(times)}."


def best_pictures(made: Iterable[Mapping[str, Any]]) -> str:
    """Say which two-dimensional embedding of a run is best locally, globally and by classes."""
    found = comparable(pd.DataFrame(list(made)))
    found = found[found["method"].isin(PICTURES)]
    parts = []
    for measure, what in (
        ("knn_preservation", "keeps the largest share of the nearest neighbours (kept"),
        ("distance_correlation", "keeps the order of the distances best (ρ"),
        (SEPARATION, "separates the classes best (15-NN"),
    ):
        values = pd.Series([m.get(measure) for m in found["metrics"]], found["method"], dtype=float)
        if values.notna().any():
            parts.append(f"`{values.idxmax()}` {what} {values.max():.2f})")
    if not parts:
        return "This run has embedded nothing in two dimensions."
    return f"Of the pictures of this run, {_and(parts)}."


def _and(parts: list[str]) -> str:
    """Join parts of a sentence: one, two and three."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
