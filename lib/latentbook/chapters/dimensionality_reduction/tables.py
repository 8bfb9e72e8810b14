"""Tables of chapter 01: contrast, structure that each embedding keeps, verdicts, and prose.

`generated` returns the tables of the full scale, `in_prose` the numbers of the sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentbook import dimension
from latentbook.chapters.dimensionality_reduction import CHAPTER, DATASETS, MEASURES, PICTURES
from latentbook.chapters.dimensionality_reduction.parameters import METHODS
from latentbook.datasets.registry import entry
from latentbook.study.judge import summarise
from latentbook.study.records import of_extent
from latentbook.study.tables import markdown, number, score_cell, verdict_table

#: Stands in a sentence where a number would, before anything has run.
NOT_RUN = "(not run)"


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


def structure(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the measures of each method, as mean ± standard deviation over seeds.

    Parameters
    ----------
    found
        Records of one data set.
    """
    rows = []
    for method, group in found.groupby("method", sort=False):
        cells = [score_cell(group, measure) for measure in MEASURES]
        seconds = np.mean([sum(stages.values()) for stages in group["seconds"]])
        rows.append([method, *cells, str(group["seed"].nunique()), f"{seconds:,.0f}"])
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
    """Return contrast and effective dimension of clouds of 1,000 points."""
    rows = [
        [name, f"{dimension.relative_contrast(X):.2f}", f"{dimension.effective_dimension(X):.0f}"]
        for name, X in named.items()
    ]
    width = next(iter(named.values())).shape[1]
    return markdown(
        ["cloud", "relative contrast", "effective linear dimensions"],
        rows,
        caption=f"Contrast of 1,000 points in {width} dimensions: how much farther the "
        "farthest point is than the nearest",
        name="tbl-01-clouds",
    )


def in_prose(found: pd.DataFrame) -> dict[str, str]:
    """Return the full-scale numbers that the chapter's sentences draw, by the name they go by.

    A name reads ``<data set> <method> <measure>``, as in ``mnist umap2 distances``.

    Parameters
    ----------
    found
        As returned by `full_scale`.
    """
    methods = ("raw", "pca50", "umap10", "umap30", *PICTURES)
    texts = {
        f"{dataset} {method} {heading}": _text(found, dataset, method, measure, 2)
        for dataset in ("fashion_mnist", "mnist", "cifar10")
        for method in methods
        for measure, heading in MEASURES.items()
    }
    shares = {
        "pca2 single": ("explained_variance_ratio_1", 6),
        "pca2 double": ("explained_variance_double_1", 6),
        "pca50 sum": ("explained_variance_ratio_sum", 3),
    }
    for name, (metric, digits) in shares.items():
        method = name.split()[0]
        texts[f"fashion_mnist {name}"] = _text(found, "fashion_mnist", method, metric, digits)
    for method in ("tsne2", "tsne2 all"):
        seconds = [stages["embed"] for stages in _of(found, "fashion_mnist", method)["seconds"]]
        texts[f"seconds {method}"] = f"{np.mean(seconds):,.0f}" if seconds else NOT_RUN
    return texts


def _of(found: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    return found[(found["dataset"] == dataset) & (found["method"] == method)]


def _text(found: pd.DataFrame, dataset: str, method: str, metric: str, digits: int) -> str:
    summary = summarise(_of(found, dataset, method), metric)
    return number(summary["mean"], digits) if summary else NOT_RUN
