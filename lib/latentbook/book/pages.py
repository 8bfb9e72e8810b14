"""The generated pages of the book: published numbers, claims, and every chapter's tables.

``python -m latentbook.book.pages`` writes them all into ``book/generated``, from committed files
alone, so that they can be written while the chapters run; `book.status` waits for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentbook import files, paths, plots
from latentbook.book import cards, claims, judging
from latentbook.chapters.autoencoders import tables as autoencoders
from latentbook.chapters.deep_clustering import tables as deep_clustering
from latentbook.chapters.dimensionality_reduction import tables as dimensionality_reduction
from latentbook.chapters.latent_anomalies import tables as latent_anomalies
from latentbook.chapters.source_estimation import tables as source_estimation
from latentbook.chapters.two_stage_clustering import tables as two_stage_clustering
from latentbook.chapters.weather_patterns import tables as weather_patterns
from latentbook.study import editions, effects, records
from latentbook.study.judge import (
    VERDICTS,
    compare,
    headline,
    over_all,
    published,
    summarise,
)
from latentbook.study.tables import markdown, verdict_table


def published_page(compared: pd.DataFrame) -> str:
    """Return the page "Published and reproduced": every row of every table, with its verdict."""
    counts, once = compared["verdict"].value_counts(), headline(compared)
    compared = editions.with_first(compared)
    text = [
        "# Published and reproduced",
        "",
        "Every number that the sources print, beside the mean of our full-scale records.",
        "A reproduced value reads mean ± standard deviation (number of runs).",
        "The rule of the verdicts is stated in [](../how-we-judge.md).",
        "It stands beside two others in [](judge-the-judge.md).",
        "The last column is the verdict of the first edition of the rule, on the day it was "
        "replaced.",
        "",
        markdown(
            ["verdict", "rows", "different numbers"],
            [[v, str(counts.get(v, 0)), str(once.get(v, "–"))] for v in VERDICTS],
            caption="Verdicts over all rows, and over the different numbers among them: one that a "
            "source prints several times counts once, and counts of parameters do not count",
            name="tbl-verdicts",
        ),
    ]
    compared = compared.sort_values("table", key=lambda t: t.map(_reading_order), kind="stable")
    for (source, table), rows in compared.groupby(["source", "table"], sort=False):
        slug = f"{source}-{table}".lower().replace(" ", "-").replace(".", "-")
        text += [
            f"## {table.capitalize()}",
            "",
            f"From {{cite}}`{source}`, {_pages(rows['page'])}.",
            "",
            verdict_table(
                rows,
                caption=f"{table.capitalize()}, published and reproduced",
                name=f"tbl-{slug}",
            ),
            *_notes(rows),
        ]
    return "\n".join(text)


def _reading_order(table: str) -> tuple[int, str]:
    """Sort tables before figures, listings and sections, and these before the appendix."""
    kind = table.split()[0]
    return (["table", "figure", "listing", "section", "appendix"].index(kind), table)


def _notes(rows: pd.DataFrame) -> list[str]:
    """Return a folded list of the notes on `rows`, each said once."""
    notes: dict[str, list[str]] = {}
    for _, row in rows[rows["note"] != ""].iterrows():
        about = f"{row['dataset']}: {row['method']}, {row['metric']}"
        notes.setdefault(row["note"], []).append(about)
    if not notes:
        return []
    lines = [f"- {note} ({'; '.join(about)})" for note, about in notes.items()]
    return ["::::{dropdown} Notes on these numbers", *lines, "::::", ""]


def _pages(pages: pd.Series) -> str:
    unique = list(dict.fromkeys(page for page in pages if page))
    if not unique:
        return "which has no page numbers"
    return ("page " if len(unique) == 1 else "pages ") + ", ".join(unique)


def _beyond(every: pd.DataFrame) -> pd.DataFrame:
    """Return our accuracies of the methods that the thesis does not have, for the home picture."""
    representations = ("umap2", "umap10", "umap30", "cae10-guo")
    rows = [
        {"dataset": dataset, "method": method, "metric": "acc", "table": "ours", "params": {}}
        | summary
        for dataset in every["dataset"].unique()
        for method in [f"{name} + mixture" for name in representations]
        if (summary := summarise(over_all(every, dataset, method), "acc"))
    ]
    return pd.DataFrame(rows)


#: The chapters' generated tables, in reading order.
CHAPTERS = (
    dimensionality_reduction,
    autoencoders,
    two_stage_clustering,
    deep_clustering,
    weather_patterns,
    source_estimation,
    latent_anomalies,
)


def write_all() -> None:
    """Write all generated pages and tables into ``book/generated``.

    Raises
    ------
    LatentbookError
        If a sentence of the book states what the records do not.
    """
    every = records.read()
    compared = compare(published(), every)
    checked = claims.check(every, compared)
    write(from_records(every, compared) | {"claims.md": claims.page(checked)})
    cards.write()
    draw_home(every, compared, paths.generated() / "home.png")


def from_records(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the pages and tables that are written from the records, file name -> text."""
    texts = {
        "published-and-reproduced.md": published_page(compared),
        "judge-the-judge.md": judging.rules_page(compared),
        "orders-and-effects.md": judging.effects_page(effects.judged(published(), every)),
    }
    for chapter in CHAPTERS:
        texts |= chapter.generated(every, compared)
    return texts


def write(texts: Mapping[str, str]) -> None:
    """Write pages by file name."""
    for name, text in texts.items():
        with files.atomic(paths.generated() / name) as scratch:
            scratch.write_text(text)


def draw_home(every: pd.DataFrame, compared: pd.DataFrame, target: Path) -> None:
    """Write the picture of the home page and the README; its description digests the numbers."""
    compared = pd.concat([compared, _beyond(every)])
    shown = ["dataset", "method", "metric", "value", "mean", "values", "coverage", "verdict"]
    description = hashlib.sha256(compared[shown].round(4).to_csv(index=False).encode()).hexdigest()
    with files.atomic(target) as scratch:
        figure = _home_picture(compared)
        figure.savefig(scratch, dpi=150, metadata={"Description": description})


def _label(method: str, metric: str, params: dict[str, Any], coverage: float) -> str:
    """Return a method with its weight, and with the share of images that its score is of."""
    weight = f" (γ = {params['gamma']})" if "gamma" in params else ""
    kept = f" (of {coverage:.0%} kept)" if metric.endswith("_kept") else ""
    return f"{method}{weight}{kept}"


def _home_picture(compared: pd.DataFrame) -> Figure:
    """Draw accuracy by method, published beside each run of ours, MNIST and Fashion-MNIST.

    Runs are drawn one by one, because many fall into groups that a mean and a bar would hide.

    Parameters
    ----------
    compared
        As returned by `judge.compare`; rows of the table ``ours`` have no published value.
        Runs that are not comparable are left out.
    """
    plots.use_style()
    over_all = compared["table"].isin(["table 12.1", "table 13.1", "ours"])
    rows = compared[over_all & compared["metric"].isin(["acc", "acc_kept"])]
    rows = rows.drop_duplicates(["dataset", "method", "value"])
    labels = map(_label, rows["method"], rows["metric"], rows["params"], rows["coverage"])
    ours = rows["mean"].mask(rows["verdict"] == "not comparable")
    rows = rows.assign(label=list(labels), mean=ours)
    parts = {}
    for dataset in ("fashion_mnist", "mnist"):
        part = rows[rows["dataset"] == dataset]
        part = part.assign(rank=part["mean"].fillna(part["value"])).sort_values("rank")
        parts[dataset] = part.drop_duplicates("label", keep="last")
    # one above the other, and as narrow as a page, so that a phone shows the names of methods
    figure, axes = plt.subplots(
        2,
        figsize=(5.6, 7.2),
        sharex=True,
        layout="constrained",
        height_ratios=[len(part) + 1 for part in parts.values()],
    )
    blue, orange = plots.colours(2)
    for ax, (dataset, part) in zip(axes, parts.items(), strict=True):
        y = np.arange(len(part))
        ax.hlines(y, 0, 1, color=plots.GREY, linewidth=0.4)
        ax.plot(part["value"], y, "D", color=blue, markersize=9, label="published (one run)")
        runs = [
            (value, height)
            for height, mean, values in zip(y, part["mean"], part["values"], strict=True)
            if pd.notna(mean)
            for value in values
        ]
        ax.plot(
            *np.array(runs).reshape(-1, 2).T,
            "o",
            color=orange,
            markersize=5,
            markeredgecolor="black",
            markeredgewidth=0.5,
            alpha=0.8,
            label="ours (a dot a run)",
        )
        ax.set(title=dataset, yticks=y, yticklabels=part["label"], xlim=(0.2, 1))
        ax.grid(axis="x", linewidth=0.5)
    axes[-1].set_xlabel("clustering accuracy")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    write_all()
