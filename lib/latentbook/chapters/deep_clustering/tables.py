"""Tables of the deep clustering chapter: scores of this run, and those of the full scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.deep_clustering import (
    CHAPTER,
    GAMMA,
    REFERENCE,
    REFERENCE_EPOCHS,
    pairs,
)
from latentbook.datasets import Dataset
from latentbook.study import gains, judge, records, tables
from latentbook.study.gains import Gain
from latentbook.study.method import Method

#: Methods of the two-stage chapter that stand beside DCEC.
PEERS = ("k-means raw", "umap2 + k-means", "umap2 + mixture")
PEERS_CHAPTER = "03-two-stage-clustering"
SCORES = ("acc", "nmi", "ari", "silhouette")
#: Scores whose gain the table of experiments shows; one alone hides changes of the others.
GAINS = ("acc", "nmi", "ari")
#: Parameter -> the question that a change of it answers.
QUESTIONS = {
    "gamma": "weight of the clustering loss",
    "alpha": "degrees of freedom of the soft assignment",
    "init": "start from a Gaussian mixture",
    "pretraining_epochs": "shorter pretraining",
    "architecture": "another autoencoder",
    "trained_on": "trained on the training images only",
}
FILES = (
    "04-scores.md",
    "04-parts.md",
    "04-verdicts.md",
    "04-experiments.md",
    "04-runs.md",
    *pairs.FILES,
)


def live(
    made: Iterable[Mapping[str, Any]], data: Dataset, *, profile: str, random_state: int
) -> str:
    """Return the table of the records that this run has made."""
    return tables.score_table(
        pd.DataFrame(made),
        data.name,
        SCORES,
        caption=f"Deep clustering at profile {profile}: {data.description}, seed {random_state}",
        name="tbl-04-live",
    )


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    every : DataFrame
        The full-scale records of all chapters.
    compared : DataFrame
        Every published number beside ours, as `judge.compare` returns it.
    """
    own = every[every["chapter"] == CHAPTER]
    if own.empty:
        return dict.fromkeys(FILES, tables.NOT_RUN)
    verdicts = tables.verdict_table(
        compared[compared["table"] == "table 13.1"],
        caption="Table 13.1 of the thesis, published and reproduced",
        name="tbl-04-verdicts",
    )
    texts = (
        _scores(own, every[every["chapter"] == PEERS_CHAPTER]),
        _parts(own),
        verdicts,
        _experiments(own),
        _runs(own),
        *pairs.generated(own).values(),
    )
    return dict(zip(FILES, texts, strict=True))


def _scores(own: pd.DataFrame, two_stage: pd.DataFrame) -> str:
    """Return one table a data set: DCEC under every setting, and its peers, over all images."""
    beside = two_stage[two_stage["method"].isin(PEERS)]
    whole = judge.select(own, (records.part(p) == "all" for p in own["params"]))
    everything = pd.concat([whole, beside])
    return "\n".join(
        tables.score_table(
            everything,
            dataset,
            SCORES,
            caption=f"Deep clustering of {dataset}, {samples:,} images, best accuracy first",
            name=f"tbl-04-{dataset}",
            ends=("runs",),  # seconds of different devices and stages stand in the table of runs
        )
        for dataset, samples in own.groupby("dataset")["n_samples"].max().items()
    )


def _parts(own: pd.DataFrame) -> str:
    """Return the scores of what was scored over the training and the test images alone."""
    apart = judge.select(own, (records.part(p) != "all" for p in own["params"]))
    rows = [
        [
            f"{dataset}: {method}",
            *tables.part_cells(group, GAINS),
            str(sum(records.part(p) == "train" for p in group["params"])),
        ]
        for (dataset, method), group in apart.groupby(["dataset", "method"])
    ]
    return tables.markdown(
        ["data set: method", "training ACC", "NMI", "ARI", "test ACC", "NMI", "ARI", "runs"],
        rows,
        caption="Scores over the training images and over the test images; k-means and mixture "
        "cluster each part alone, codes of a network that was trained on all images",
        name="tbl-04-parts",
    )


def _experiments(own: pd.DataFrame) -> str:
    """Return what each change of the faithful setting does to three scores, run by run."""
    scored = judge.select(own, ("acc" in m for m in own["metrics"]))
    scored = scored.assign(
        part=[records.part(p) for p in scored["params"]],
        network=[
            p.get("weights", backend)
            for p, backend in zip(scored["params"], scored["backend"], strict=True)
        ],
    )
    faithful = _faithful(scored)
    dcec = judge.select(scored, (_origin(m).representation == "dcec" for m in scored["method"]))
    rows = []
    for (dataset, label), runs in dcec.groupby(["dataset", _settings(dcec)], sort=False):
        changed = _gains(faithful, runs)
        if label == f"gamma {GAMMA:g}" or not any(changed):
            continue
        question = _question(Method.parse(runs["method"].iloc[0]), runs["params"].iloc[0])
        cells = [f"{tables.gain_cell(g)} {g.word}" if g else "–" for g in changed]
        rows.append([f"{dataset}: {label}", question, *cells, str(len(runs))])
    return tables.markdown(
        ["data set, setting", "question", *[tables.HEADINGS[score] for score in GAINS], "runs"],
        rows,
        caption="What each change of the faithful setting does to three scores, run by run: mean "
        "gain, its 95 % interval, and the verdict",
        name="tbl-04-experiments",
    )


def _gains(faithful: pd.DataFrame, runs: pd.DataFrame) -> list[Gain | None]:
    """Return the gain of a setting over the faithful runs in each score, None without any."""
    values = np.array([[m.get(score, np.nan) for score in GAINS] for m in runs["metrics"]])
    differences = values - _of_same_start(faithful, runs)
    known = [column[~np.isnan(column)] for column in differences.T]
    return [gains.of(column) if len(column) else None for column in known]


def _origin(text: str) -> Method:
    """Return the method that gives the codes: ``dcec, alpha 2`` of ``dcec, alpha 2 + umap2``."""
    method = Method.parse(text)
    return _origin(method.representation) if method.learner else method


def _question(method: Method, params: Mapping[str, Any]) -> str:
    """Name what the changes of a setting ask."""
    usual = {**REFERENCE, "pretraining_epochs": REFERENCE_EPOCHS}
    later = ["UMAP and a mixture on the codes"] if method.learner else []
    changed = [
        text for name, text in QUESTIONS.items() if params.get(name, usual[name]) != usual[name]
    ]
    return ", ".join(later + changed)


def _faithful(scored: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of the faithful runs by data set, seed, part of images, and network."""
    plain = judge.select(
        scored,
        (
            method == "dcec" and params["gamma"] == GAMMA
            for method, params in zip(scored["method"], scored["params"], strict=True)
        ),
    )
    found = [
        {
            "dataset": row.dataset,
            "seed": row.seed,
            "part": part,
            "backend": row.backend,
            "network": row.network,
        }
        | {score: row.metrics.get(score + suffix, np.nan) for score in GAINS}
        for row in plain.itertuples()
        for part, suffix in {"all": "", "train": "_train", "test": "_test"}.items()
        if "acc" + suffix in row.metrics
    ]
    columns = ["dataset", "seed", "part", "backend", "network", *GAINS]
    return pd.DataFrame(found, columns=columns)


def _of_same_start(faithful: pd.DataFrame, runs: pd.DataFrame) -> np.ndarray:
    """Return the scores of the faithful run that each of `runs` is compared with, NaN if none.

    That is the run from the same network. Where there is none, it is a run of the same seed and
    backend; where there is none either, a run of the same seed. Two backends draw different
    networks from one seed, and a GPU does not even train the same network twice.
    """
    keys = ["dataset", "seed", "part"]
    expected = np.full((len(runs), len(GAINS)), np.nan)
    for shared in ([*keys, "network"], [*keys, "backend"], keys):
        if not np.isnan(expected).any():
            break
        means = faithful.groupby(shared)[list(GAINS)].mean()
        same = means.reindex(pd.MultiIndex.from_frame(runs[shared])).to_numpy(dtype=float)
        expected = np.where(np.isnan(expected), same, expected)
    return expected


def _settings(dcec: pd.DataFrame) -> list[str]:
    """Name what was changed in each record of DCEC."""
    labels = []
    for text, params in zip(dcec["method"], dcec["params"], strict=True):
        method = Method.parse(text)
        reduction = Method.parse(method.representation).learner
        steps = [_origin(text).change, reduction, method.learner]
        remarks = [" + ".join(filter(None, steps))]
        if not remarks[0] or params["gamma"] != GAMMA:
            remarks.append(f"gamma {params['gamma']:g}")
        part = records.part(params)
        if part != "all":
            remarks.append(f"{part} images")
        labels.append(", ".join(filter(None, remarks)))
    return labels


def _runs(own: pd.DataFrame) -> str:
    """Return device, seconds and iterations of every run of DCEC."""
    trained = judge.select(
        own,
        (  # a run that is scored on two parts of the images is one run
            "iterations" in m and records.part(p) != "test"
            for m, p in zip(own["metrics"], own["params"], strict=True)
        ),
    )
    rows = []
    for label, row in zip(_settings(trained), trained.itertuples(), strict=True):
        epochs = records.epoch_limit(row.params)
        weights = row.params.get("weights")
        network = f", network {weights[:4]}" if weights else ""
        rows.append(
            [
                f"{row.dataset}: {label}, seed {row.seed}{network}",
                _short(row.device),
                f"{epochs} epoch{'s' if epochs > 1 else ''}",
                tables.number(row.seconds["pretrain"], 0),
                f"{row.metrics['iterations']:,.0f}",
                tables.number(row.seconds["cluster"], 0),
                "yes" if row.metrics["converged"] else "no",
            ]
        )
    return tables.markdown(
        ["run", "device", "pretraining", "seconds", "iterations", "seconds", "labels stable"],
        rows,
        caption="Wall time and device of every full-scale run of DCEC; most shared their GPU or "
        "processor with others, so that the seconds are upper limits; runs from a network that was "
        "kept name it, and 0 seconds of pretraining mean that it was loaded; the devices are: "
        + ", ".join(sorted(trained["device"].unique())),
        name="tbl-04-runs",
    )


def _short(device: str) -> str:
    """Return kind and model of a device: ``GPU H100`` of ``GPU NVIDIA H100 80GB HBM3``."""
    words = device.split()
    return " ".join([words[0], *words[2:3]])
