"""Generated tables of the two-stage chapter: scores, training, choice of k, verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from latentbook.chapters.two_stage_clustering import CHAPTER, CHOICE, CRITERIA, LOSSES
from latentbook.study.judge import longest, select, summarise
from latentbook.study.method import Method
from latentbook.study.records import of_extent
from latentbook.study.tables import (
    HEADINGS,
    NOT_RUN,
    markdown,
    mean_and_spread,
    score_cell,
    score_table,
    verdict_table,
    without_n,
)


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    every
        The full-scale records of all chapters.
    compared
        Every published number beside ours, as `judge.compare` returns it.
    """
    found = every[every["chapter"] == CHAPTER]
    scores = [
        score_table(
            longest(found),
            dataset,
            tuple(HEADINGS),
            caption=f"Clustering of {_size(found, dataset)}",
            name=f"tbl-03-{dataset}",
        )
        for dataset in sorted(found["dataset"].unique())
    ]
    twelve = compared[compared["table"].isin(["table 12.1", "table 12.2"])]
    return {
        "03-scores.md": "\n".join(scores) or NOT_RUN,
        "03-training.md": _training(found),
        "03-choice-of-k.md": _choice_of_k(found),
        "03-verdicts.md": verdict_table(
            twelve,
            caption="Tables 12.1 and 12.2 of the thesis, published and reproduced",
            name="tbl-03-verdicts",
        ),
    }


def live(made: Iterable[Mapping[str, Any]], description: str) -> str:
    """Return the scores of the records that this run has made, best accuracy first."""
    found = pd.DataFrame(list(made))
    first = found.iloc[0]
    return score_table(
        found,
        first["dataset"],
        tuple(HEADINGS),
        caption=f"Clustering at profile {first['profile']}: {description}, seed {first['seed']}",
        name="tbl-03-live",
    )


def _size(found: pd.DataFrame, dataset: str) -> str:
    rows = found[found["dataset"] == dataset]
    samples = rows["n_samples"].max()
    return f"{dataset}, {samples:,} images, best accuracy first{of_extent(rows)}"


def _training(found: pd.DataFrame) -> str:
    """Return how long each autoencoder was trained, and what clustering made of its codes."""
    codes = select(
        found, (p.get("evaluated_on") == "all" and "max_epochs" in p for p in found["params"])
    )
    codes = codes.assign(
        network=[Method.parse(method).representation for method in codes["method"]],
        limit=[p["max_epochs"] for p in codes["params"]],
    )
    rows = []
    for (dataset, network, limit), group in codes.groupby(["dataset", "network", "limit"]):
        # both second stages of one training share seed and loss
        losses = [m[LOSSES[network]] for m in group["metrics"]]
        one = group[~group.assign(loss=losses).duplicated(["seed", "loss"])]
        epochs = sorted({int(m["epochs"]) for m in one["metrics"]})
        scores = [
            summarise(group[group["method"] == str(Method(network, stage))], "acc")
            for stage in ("k-means", "mixture")
        ]
        rows.append(
            [
                f"{dataset}: {network}",
                str(limit),
                "–".join(dict.fromkeys([str(epochs[0]), str(epochs[-1])])),
                score_cell(one, LOSSES[network]),
                *[without_n(summary) for summary in scores],
                str(len(one)),
            ]
        )
    return markdown(
        ["data set, network", "limit", "epochs", "loss", "k-means", "mixture", "runs"],
        rows,
        caption="Autoencoders by length of training: limit of epochs, epochs run, loss of the test "
        "images, and accuracy of both second stages over all images",
        name="tbl-03-training",
    )


def _choice_of_k(found: pd.DataFrame) -> str:
    learners = [Method.parse(method).learner for method in found["method"]]
    chosen = select(found, (learner == CHOICE for learner in learners))
    rows = []
    for (dataset, method), group in chosen.groupby(["dataset", "method"]):
        cells = []
        for criterion in CRITERIA:
            values = sorted({int(m[f"k_by_{criterion}"]) for m in group["metrics"]})
            cells.append(", ".join(map(str, values)))
            cells.append(mean_and_spread(summarise(group, f"acc_by_{criterion}")))
        what = f"{dataset}, {Method.parse(method).representation}"
        rows.append([what, *cells, str(len(group))])
    return markdown(
        [
            "data set, representation",
            "k by silhouette",
            "ACC of k-means with it",
            "k by BIC",
            "ACC of a mixture with it",
            "seeds",
        ],
        rows,
        caption="Number of clusters that each criterion would have chosen (all that occurred)",
        name="tbl-03-choice-of-k",
    )
