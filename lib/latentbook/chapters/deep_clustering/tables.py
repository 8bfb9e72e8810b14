"""Generated tables of the deep clustering chapter: scores, verdicts, experiments, runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentbook.chapters.deep_clustering import CHAPTER
from latentbook.study import judge, records, tables

#: Weight of the clustering loss in the faithful run, as in `deep_clustering`, which would import
#: Keras for it.
GAMMA = 0.1
#: Methods of the two-stage chapter that stand beside DCEC.
PEERS = ("k-means raw", "umap2 + k-means", "umap2 + mixture")
#: Words in the method's remark -> the question they answer.
QUESTIONS = {
    "umap2": "UMAP and a mixture on the codes",
    "gamma": "weight of the clustering loss",
    "alpha": "degrees of freedom of the soft assignment",
    "mixture start": "start from a Gaussian mixture",
    "epoch": "shorter pretraining",
    "cae10": "another autoencoder",
    "trained": "trained on the training images only",
}


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
    if found.empty:
        nothing = "No full-scale record yet: not run.\n"
        return dict.fromkeys(
            (f"04-{name}.md" for name in ("scores", "verdicts", "experiments", "runs")), nothing
        )
    thirteen = compared[compared["table"] == "table 13.1"]
    return {
        "04-scores.md": _scores(found),
        "04-verdicts.md": tables.verdict_table(
            thirteen,
            caption="Table 13.1 of the thesis, published and reproduced",
            name="tbl-04-verdicts",
        ),
        "04-experiments.md": _experiments(found),
        "04-runs.md": _runs(found),
    }


def _scores(found: pd.DataFrame) -> str:
    """Return one table a data set: DCEC under every setting, and its peers, over all images."""
    beside = records.read("03-two-stage-clustering")
    beside = beside[beside["method"].isin(PEERS)]
    whole = judge.select(found, (p["evaluated_on"] == "all" for p in found["params"]))
    everything = pd.concat([whole, beside])
    return "\n".join(
        tables.score_table(
            everything,
            dataset,
            ("acc", "nmi", "ari", "silhouette"),
            caption=f"Deep clustering of {dataset}, {samples:,} images, best accuracy first",
            name=f"tbl-04-{dataset}",
        )
        for dataset, samples in found.groupby("dataset")["n_samples"].max().items()
    )


def _experiments(found: pd.DataFrame) -> str:
    """Return what each change of the faithful setting does to accuracy, run by run."""
    scored = judge.select(found, ("acc" in m for m in found["metrics"]))
    scored = scored.assign(
        acc=[m["acc"] for m in scored["metrics"]],
        part=[p["evaluated_on"] for p in scored["params"]],
        network=[
            p.get("weights", backend)
            for p, backend in zip(scored["params"], scored["backend"], strict=True)
        ],
    )
    faithful = _faithful(scored)
    changed = scored[scored["method"].str.startswith("dcec")]
    rows = []
    for (dataset, label), group in changed.groupby(["dataset", _settings(changed)], sort=False):
        gain = pd.Series(group["acc"].to_numpy() - _of_same_start(faithful, group)).dropna()
        if label == "gamma 0.1" or gain.empty:
            continue
        spread = gain.std(ddof=1) if len(gain) > 1 else 0.0
        acc = {"mean": group["acc"].mean(), "spread": group["acc"].std(ddof=1), "n": len(group)}
        verdict = judge.verdict(0.0, gain.mean(), spread)
        words = {"reproduced": "no difference", "higher": "better", "lower": "worse"}[verdict]
        question = ", ".join(text for key, text in QUESTIONS.items() if key in label)
        cells = [tables.mean_and_spread(acc), f"{gain.mean():+.3f}".replace("-", "−"), words]
        rows.append([f"{dataset}: {label}", question, *cells])
    return tables.markdown(
        ["data set, setting", "question", "ACC (runs)", "gain over the faithful run", "verdict"],
        rows,
        caption="What each change of the faithful setting does to accuracy, run by run",
        name="tbl-04-experiments",
    )


def _faithful(scored: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of the faithful runs by data set, seed, part of images, and network."""
    plain = judge.select(
        scored,
        (
            m == "dcec" and p["gamma"] == GAMMA
            for m, p in zip(scored["method"], scored["params"], strict=True)
        ),
    )
    found = [
        (row.dataset, row.seed, part, row.backend, row.network, row.metrics[name])
        for row in plain.itertuples()
        for part, name in {"all": "acc", "train": "acc_train", "test": "acc_test"}.items()
        if name in row.metrics
    ]
    return pd.DataFrame(found, columns=["dataset", "seed", "part", "backend", "network", "acc"])


def _of_same_start(faithful: pd.DataFrame, runs: pd.DataFrame) -> np.ndarray:
    """Return the accuracy of the faithful run that each of `runs` compares with, NaN if none.

    A run from the same network goes before one that only shares the backend, and that before one
    that only shares the seed: with another backend the same seed draws another network, and on a
    GPU it does not even train the same one twice.
    """
    keys = ["dataset", "seed", "part"]
    expected = pd.Series(np.nan, index=range(len(runs)))
    for shared in ([*keys, "network"], [*keys, "backend"], keys):
        means = faithful.groupby(shared)["acc"].mean()
        found = means.reindex(pd.MultiIndex.from_frame(runs[shared])).to_numpy()
        expected = expected.fillna(pd.Series(found))
    return expected.to_numpy()


def _settings(found: pd.DataFrame) -> list[str]:
    """Name what was changed in each record."""
    labels = []
    for method, params in zip(found["method"], found["params"], strict=True):
        remarks = [method.removeprefix("dcec").strip(" ,+")]
        if not remarks[0] or params["gamma"] != GAMMA:
            remarks.append(f"gamma {params['gamma']:g}")
        if params["evaluated_on"] != "all":
            remarks.append(f"{params['evaluated_on']} images")
        labels.append(", ".join(filter(None, remarks)))
    return labels


def _runs(found: pd.DataFrame) -> str:
    """Return device, seconds and iterations of every run of DCEC."""
    trained = judge.select(
        found,
        (  # a run that is scored on two parts of the images is one run
            "iterations" in m and p["evaluated_on"] != "test"
            for m, p in zip(found["metrics"], found["params"], strict=True)
        ),
    )
    rows = []
    for label, row in zip(_settings(trained), trained.itertuples(), strict=True):
        epochs = row.params["pretraining_epochs"]
        kept = row.params.get("weights")
        network = f", network {kept[:4]}" if kept else ""
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
    """Return kind and model of a device, without its maker and what follows the model."""
    words = device.split()
    return " ".join([words[0], *words[2:3]])
