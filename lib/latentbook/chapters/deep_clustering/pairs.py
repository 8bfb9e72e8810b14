"""Runs that share a network, pair by pair, and tables of what a change does to each.

Networks differ more than settings do, so that a change is judged within one network where possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from latentbook.chapters.deep_clustering import GAMMA, REFERENCE, REFERENCE_EPOCHS
from latentbook.study import gains, judge, records, tables
from latentbook.study.tables import gain_cell, number

SCORES = ("acc", "nmi", "ari")
_RUN = ("dataset", "seed")
#: What clusterings of the codes of one network share, the closest first. A record names the network
#: where it was loaded; those that name none have the network that their seed trained.
SAME_CODES = ((*_RUN, "network", "backend"), (*_RUN, "network"))
#: What runs share that trained the same network for some epochs: seed and backend.
SAME_TRAINING = (SAME_CODES[0], (*_RUN, "backend"))
#: What runs of DCEC share that start from the same network, or else from the same seed.
SAME_START = (*SAME_TRAINING, SAME_CODES[1], _RUN)
#: Comparison -> a method and another, as the records spell them, and what their runs share.
STEPS: dict[str, tuple[str, str, Sequence[Sequence[str]]]] = {
    "mixture, over k-means": ("cae10-guo + mixture", "cae10-guo + k-means", SAME_CODES),
    "mixture, over DCEC": ("cae10-guo + mixture", "dcec", SAME_CODES),
    "DCEC from the mixture, over DCEC": ("dcec, mixture start", "dcec", SAME_START),
}
FILES = ("04-steps.md", "04-mixture-start.md", "04-gamma.md", "04-pretraining.md")


def differences(
    runs: pd.DataFrame,
    others: pd.DataFrame,
    metric: str,
    *,
    shared: Sequence[Sequence[str]] = SAME_START,
) -> pd.Series:
    """Return by how much each run is better than the run of `others` that it belongs with.

    Parameters
    ----------
    runs, others : DataFrame
        Records over all images.
    metric : str
        An entry of their metrics.
    shared : sequence of sequences, default=SAME_START
        What two runs must share, the closest first. The mean counts where several runs fit.

    Returns
    -------
    Series
        Indexed as `runs`. Runs without a partner are left out.
    """
    left, right = _scored(runs, metric), _scored(others, metric)
    expected = pd.Series(np.nan, index=left.index)
    for names in map(list, shared):
        if not expected.isna().any():
            break
        means = right.groupby(names)["score"].mean()
        same = means.reindex(pd.MultiIndex.from_frame(left[names])).to_numpy()
        expected = expected.fillna(pd.Series(same, index=left.index))
    return (left["score"] - expected).dropna()


def joint_training(faithful: pd.DataFrame, metric: str) -> pd.Series:
    """Return by how much each run of DCEC is better than its own start."""
    kept = judge.select(faithful, (f"{metric}_start" in m for m in faithful["metrics"]))
    return pd.Series([m[metric] - m[f"{metric}_start"] for m in kept["metrics"]], index=kept.index)


def over_all_images(own: pd.DataFrame, method: str, gamma: float = GAMMA) -> pd.DataFrame:
    """Return the records of a method over all images, those of DCEC with one weight.

    Parameters
    ----------
    own : DataFrame
        Records of the chapter.
    method : str
        As the records spell it.
    gamma : float, default=0.1
    """
    pairs = zip(own["method"], own["params"], strict=True)
    wanted = (
        m == method and p.get("gamma", gamma) == gamma and records.part(p) == "all"
        for m, p in pairs
    )
    return judge.select(own, wanted)


def generated(own: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables of pairs, file name -> text.

    Parameters
    ----------
    own : DataFrame
        Records of the chapter.
    """
    texts = (_steps(own), _mixture_start(own), _gamma(own), _pretraining(own))
    return dict(zip(FILES, texts, strict=True))


def _steps(own: pd.DataFrame) -> str:
    """Return what joint training and mixture add to the codes of one network, a data set each."""
    rows = []
    for dataset, records_of in own.groupby("dataset", sort=False):
        faithful = over_all_images(records_of, "dcec")
        found = {
            "DCEC, over k-means": {metric: joint_training(faithful, metric) for metric in SCORES}
        }
        for label, (method, other, shared) in STEPS.items():
            first, second = (over_all_images(records_of, name) for name in (method, other))
            found[label] = {
                metric: differences(first, second, metric, shared=shared) for metric in SCORES
            }
        rows += [
            [f"{dataset}: {label}", len(gain["acc"]), *map(_judged, gain.values())]
            for label, gain in found.items()
            if len(gain["acc"])
        ]
    return _table(
        ["data set: comparison", "networks", "ACC", "NMI", "ARI"],
        rows,
        caption="What the joint training and what a Gaussian mixture add, on the same codes: mean "
        "gain over the networks, its 95 % interval, and the word for it",
        name="tbl-04-steps",
    )


def _judged(differences: pd.Series) -> str:
    """Format the gain of differences, and say in a word what it amounts to; – without any."""
    if differences.empty:
        return "–"
    gain = gains.of(differences)
    return f"{gain_cell(gain)} {gain.word}"


def _mixture_start(own: pd.DataFrame) -> str:
    """Return start and end of DCEC from k-means and from a mixture, a network each."""
    from_mixture, faithful = (
        over_all_images(own, name) for name in ("dcec, mixture start", "dcec")
    )
    rows = []
    for run in from_mixture.index:
        one = from_mixture.loc[[run]]
        gain = {m: differences(one, faithful, m) for m in (*SCORES, "acc_start")}
        if not len(gain["acc_start"]):
            continue
        ends = one["metrics"].iloc[0]
        pair = [(ends[m] - gain[m].iloc[0], ends[m]) for m in ("acc_start", "acc")]
        rows.append(
            [
                f"{one['dataset'].iloc[0]}: {_named(one.iloc[0])}",
                *(
                    number(before_after)
                    for both in zip(*pair, strict=True)
                    for before_after in both
                ),
                *(_listed(gain[m]) for m in SCORES),
            ]
        )
    return _table(
        ["data set: run", "k-means", "DCEC", "mixture", "DCEC", "gain in ACC", "NMI", "ARI"],
        rows,
        caption="DCEC from k-means and from a mixture on the codes of one network: ACC of both "
        "starts, each followed by that of DCEC from it, and what the mixture gains in three scores",
        name="tbl-04-mixture-start",
    )


def _gamma(own: pd.DataFrame) -> str:
    """Return what a weight of 1 does to each network, beside the weight of the reference."""
    usual = judge.select(own, (p.get("gamma") == GAMMA for p in own["params"]))
    larger = judge.select(own, (p.get("gamma") == 1.0 for p in own["params"]))
    iterations = ("iterations, γ = 0.1", "γ = 1")
    rows = []
    for run in larger.index:
        one = larger.loc[[run]]
        same = over_all_images(usual, one["method"].iloc[0])
        gain = {m: differences(one, same, m) for m in (*SCORES, "iterations")}
        if not len(gain["acc"]):
            continue
        ends = one["metrics"].iloc[0]
        rows.append(
            [
                f"{one['dataset'].iloc[0]}: {_named(one.iloc[0])}{_epochs(one['params'].iloc[0])}",
                number(ends["acc"] - gain["acc"].iloc[0]),
                number(ends["acc"]),
                *(_listed(gain[m]) for m in SCORES),
                number(ends["iterations"] - gain["iterations"].iloc[0], 0),
                number(ends["iterations"], 0),
            ]
        )
    return _table(
        ["data set: run", "ACC, γ = 0.1", "γ = 1", "gain in ACC", "NMI", "ARI", *iterations],
        rows,
        caption="A larger weight of the clustering loss, from the same network and the same start",
        name="tbl-04-gamma",
    )


def _epochs(params: Mapping[str, object]) -> str:
    epochs = params["pretraining_epochs"]
    return "" if epochs == REFERENCE_EPOCHS else f", {epochs} epochs"


def _pretraining(own: pd.DataFrame) -> str:
    """Return what DCEC loses with a shorter pretraining, against the same seed and backend."""
    faithful = over_all_images(own, "dcec")
    rows = []
    for dataset, records_of in own.groupby("dataset", sort=False):
        shorter = judge.select(records_of, map(_only_shorter, records_of["params"]))
        epochs = shorter.assign(epochs=[records.epoch_limit(p) for p in shorter["params"]])
        for limit, runs in sorted(epochs.groupby("epochs"), reverse=True):
            lost = {m: differences(runs, faithful, m, shared=SAME_TRAINING) for m in SCORES}
            if len(lost["acc"]):
                cells = map(_listed, lost.values())
                rows.append([f"{dataset}: {limit:,}", len(lost["acc"]), *cells])
    return _table(
        ["data set: epochs of pretraining", "runs", "ACC", "NMI", "ARI"],
        rows,
        caption=f"What a shorter pretraining costs against {REFERENCE_EPOCHS} epochs of the same "
        "seed and backend, run by run",
        name="tbl-04-pretraining",
    )


def _only_shorter(params: Mapping[str, object]) -> bool:
    if params.get("pretraining_epochs", REFERENCE_EPOCHS) == REFERENCE_EPOCHS:
        return False
    return all(params.get(name) == value for name, value in REFERENCE.items())


def _listed(differences: pd.Series) -> str:
    """Format differences, the smallest first; – without any."""
    return ", ".join(map(signed, sorted(differences))) or "–"


def signed(value: float) -> str:
    """Format a difference with its sign.

    Examples
    --------
    >>> signed(0.0123), signed(-0.5)
    ('+0.012', '−0.500')
    """
    return ("+" if value > 0 else "") + number(value)


def _named(run: pd.Series) -> str:
    """Name a run by its seed, and by its network where one was loaded, else by its backend."""
    network = run["params"].get("weights", "")[:4]
    backend = str(run["backend"]).partition(",")[0]
    return f"seed {run['seed']}, " + (f"network {network}" if network else backend)


def _table(header: list[str], rows: Sequence[Sequence[object]], *, caption: str, name: str) -> str:
    return tables.markdown(header, rows, caption=caption, name=name) if rows else tables.NOT_RUN


def _scored(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return data set, seed, network, backend and score of the runs that have the metric."""
    kept = judge.select(runs, (metric in m for m in runs["metrics"]))
    return pd.DataFrame(
        {
            "dataset": kept["dataset"],
            "seed": kept["seed"],
            "network": [p.get("weights", "") for p in kept["params"]],
            "backend": kept["backend"],
            "score": np.array([m[metric] for m in kept["metrics"]], dtype=float),
        },
        index=kept.index,
    )
