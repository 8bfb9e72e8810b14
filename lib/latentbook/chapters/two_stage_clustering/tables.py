"""Tables of the two-stage chapter: scores, gains of the mixture, training, choice of k, verdicts.

`kept` and `chosen` return sentences about a live run, computed from its records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from latentbook.chapters.two_stage_clustering import CHAPTER, CHOICE, CRITERIA, LOSSES, reasons
from latentbook.study import gains
from latentbook.study.claims import scores as by_run
from latentbook.study.judge import longest, select, summarise
from latentbook.study.method import Method
from latentbook.study.records import of_extent
from latentbook.study.tables import (
    HEADINGS,
    NOT_RUN,
    markdown,
    mean_and_spread,
    number,
    part_cells,
    score_cell,
    score_table,
    verdict_table,
)

#: Criterion of the number of clusters -> its name in a sentence.
_NAMES = {"silhouette": "The silhouette", "bic": "BIC"}
#: Scores by which methods are compared.
_JUDGED = ("acc", "nmi", "ari")


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
    # changed settings have a table of their own
    faithful = select(found, (not Method.parse(name).change for name in found["method"]))
    scores = [
        score_table(
            longest(faithful),
            dataset,
            tuple(HEADINGS),
            caption=f"Clustering of {_size(found, dataset)}",
            name=f"tbl-03-{dataset}",
        )
        for dataset in sorted(faithful["dataset"].unique())
    ]
    twelve = compared[compared["table"].isin(["table 12.1", "table 12.2"])]
    return {
        "03-scores.md": "\n".join(scores) or NOT_RUN,
        "03-mixture.md": _mixture_gains(found),
        "03-training.md": _training(found),
        "03-parts.md": _parts(found),
        "03-choice-of-k.md": _choice_of_k(found),
        "03-misses.md": reasons.table(found, compared),
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


def kept(made: Iterable[Mapping[str, Any]]) -> str:
    """Say what share of the images HDBSCAN has assigned to clusters, and to how many."""
    shares = [
        f"{record['coverage']:.0%} on `{Method.parse(record['method']).representation}` "
        f"(clusters: {record['metrics']['n_clusters']:.0f})"
        for record in made
        if Method.parse(record["method"]).learner == "hdbscan"
    ]
    if not shares:
        return "HDBSCAN was not run."
    return f"Share of the images that HDBSCAN assigns to a cluster: {', '.join(shares)}."


def chosen(scores: Mapping[str, float], k_max: int) -> str:
    """Say how many clusters each criterion chooses, and the accuracy with that number.

    Parameters
    ----------
    scores
        Metrics of `study.choose_k`.
    k_max
        Largest number that was tried: a criterion that ends there has chosen none.
    """
    sentences = []
    for criterion, stage in CRITERIA.items():
        k, name = int(scores[f"k_by_{criterion}"]), _NAMES[criterion]
        best = f"{name} is best with {k} clusters"
        if k == k_max:
            best += ", the largest number that was tried, so it has found no optimum"
        article = "" if stage == "k-means" else "a "
        accuracy = scores[f"acc_by_{criterion}"]
        sentences.append(f"{best}; {article}{stage} then has an accuracy of {accuracy:.3f}.")
    return " ".join(sentences)


def _size(found: pd.DataFrame, dataset: str) -> str:
    rows = found[found["dataset"] == dataset]
    return f"{dataset}, {rows['n_samples'].max():,} images{of_extent(rows)}"


def _mixture_gains(found: pd.DataFrame) -> str:
    """Return what a mixture gains over k-means on the same representation, pair by pair."""
    found = longest(found)
    found = select(found, (p.get("evaluated_on") == "all" for p in found["params"]))
    rows = []
    for dataset in sorted(found["dataset"].unique()):
        own = found[found["dataset"] == dataset]
        for representation in dict.fromkeys(own["method"].map(_representation)):
            pair = [
                own[own["method"] == str(Method(representation, stage))]
                for stage in ("mixture", "k-means")
            ]
            if all(map(len, pair)):
                rows.append([f"{dataset}: {representation}", *_gain_cells(*pair)])
    return markdown(
        ["data set: representation", *(HEADINGS[metric] for metric in _JUDGED), "pairs"],
        rows,
        caption="Gain of a Gaussian mixture over k-means on the same representation, with the 95 % "
        "interval of the mean over pairs of the same seed and the word of the rule",
        name="tbl-03-mixture",
    )


def _representation(method: str) -> str:
    return Method.parse(method).representation


def _gain_cells(mixtures: pd.DataFrame, kmeans: pd.DataFrame) -> list[str]:
    """Return the gain in each judged score as text, and the number of pairs."""
    cells, n = [], 0
    for metric in _JUDGED:
        gain = gains.compare(
            *(by_run(rows, metric).droplevel("dataset") for rows in (mixtures, kmeans))
        )
        n = gain.n
        between = f" [{_signed(gain.low)}, {_signed(gain.high)}]" if n > 1 else ""
        cells.append(f"{_signed(gain.mean)}{between} {gain.word}")
    return [*cells, str(n)]


def _signed(value: float) -> str:
    return "+" * (value >= 0) + number(value)


def _of_networks(found: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of the codes of autoencoders, with network, limit of epochs and part."""
    codes = select(found, ({"evaluated_on", "max_epochs"} <= set(p) for p in found["params"]))
    return codes.assign(
        network=[Method.parse(method).representation for method in codes["method"]],
        limit=[p["max_epochs"] for p in codes["params"]],
        part=[p["evaluated_on"] for p in codes["params"]],
    )


def _training(found: pd.DataFrame) -> str:
    """Return how long each autoencoder was trained, and what clustering made of its codes."""
    codes = _of_networks(found)
    codes = codes[codes["part"] == "all"]
    rows = []
    for (dataset, network, limit), group in codes.groupby(["dataset", "network", "limit"]):
        # both second stages of one training share seed and loss
        losses = [m[LOSSES[network]] for m in group["metrics"]]
        one = group[~group.assign(loss=losses).duplicated(["seed", "loss"])]
        epochs = sorted({int(m["epochs"]) for m in one["metrics"]})
        scores = [
            score_cell(group[group["method"] == str(Method(network, stage))], metric)
            for stage in ("k-means", "mixture")
            for metric in ("acc", "nmi")
        ]
        rows.append(
            [
                f"{dataset}: {network}",
                str(limit),
                "–".join(dict.fromkeys([str(epochs[0]), str(epochs[-1])])),
                score_cell(one, LOSSES[network]),
                *scores,
                str(len(one)),
            ]
        )
    return markdown(
        [
            "data set, network",
            "limit",
            "epochs",
            "loss",
            "k-means ACC",
            "NMI",
            "mixture ACC",
            "NMI",
            "runs",
        ],
        rows,
        caption="Autoencoders by length of training: limit of epochs, epochs run, loss of the test "
        "images, and accuracy and NMI of both second stages over all images",
        name="tbl-03-training",
    )


def _parts(found: pd.DataFrame) -> str:
    """Return ARI over all images, and the scores over training and test images alone."""
    codes = _of_networks(found)
    rows = []
    for (dataset, method, limit), group in codes.groupby(["dataset", "method", "limit"]):
        cells = [score_cell(group[group["part"] == "all"], "ari"), *part_cells(group, _JUDGED)]
        runs = group["part"].value_counts().max()
        rows.append([f"{dataset}: {method}", str(limit), *cells, str(runs)])
    header = ["ARI", "training ACC", "NMI", "ARI", "test ACC", "NMI", "ARI"]
    return markdown(
        ["data set, method", "limit", *header, "runs"],
        rows,
        caption="Codes of autoencoders by limit of epochs: ARI over all images, and three scores "
        "over the training images and over the test images, each part clustered alone",
        name="tbl-03-parts",
    )


def _choice_of_k(found: pd.DataFrame) -> str:
    learners = [Method.parse(method).learner for method in found["method"]]
    chosen = select(found, (learner == CHOICE for learner in learners))
    rows = []
    for (dataset, method), group in chosen.groupby(["dataset", "method"]):
        cells = []
        for criterion in CRITERIA:
            values = sorted({int(m[f"k_by_{criterion}"]) for m in group["metrics"]})
            largest = max(p["k_max"] for p in group["params"])
            cells.append(", ".join("≥ " * (k == largest) + str(k) for k in values))
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
        caption="Number of clusters with which each criterion is best (all that occurred); ≥ where "
        "that is the largest number tried, so that the criterion has chosen none",
        name="tbl-03-choice-of-k",
    )
