"""Tables of the chapter on latent anomalies: of the records of one run, or of the full scale.

`generated` returns the generated pages; `live` the same tables for the run of a notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from scipy.stats import kendalltau

from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.study import records
from latentbook.study.judge import select, summarise
from latentbook.study.method import Method
from latentbook.study.tables import NOT_RUN, markdown, number, score_cell, verdict_table

STAGES = {"mixture": "bic", "k-means": "silhouette"}
#: Data sets with full-scale tables of their own.
DATASETS = ("mnist", "nsl_kdd", "trades", "satimage")
#: Kinds of known anomaly, in the order of the columns; others follow by name.
KINDS = ("any", "rotated", "noise", "fashion_mnist", "mnist", "mislabelled")
DETECTORS = (
    "isolation forest",
    "local outlier factor",
    "one-class svm",
    "distance to k-means",
    "class mean",
    "percentile",
    "isolation forest per cluster",
    "local outlier factor per cluster",
    "one-class svm per cluster",
    "reconstruction error",
    "bound",
)
#: Heading of the records' ``spread``: the root of the determinant of the covariance of the codes.
UNIT = "√det Σ"
#: Kinds of space, in the order of the rows and columns.
SPACES = ("vae", "cl-vae", "cvae", "pca")


@dataclass(frozen=True)
class SpaceName:
    """A space in tables: its name in the records, with gamma for a CL-VAE.

    Attributes
    ----------
    method : Method
        Of the space, without what learns from its codes.
    gamma : float or None
        Weight of the reconstruction, for a CL-VAE.
    """

    method: Method
    gamma: float | None = None

    def __str__(self) -> str:
        """Return the name in tables and legends."""
        return str(self.method) if self.gamma is None else f"{self.method}, γ = {self.gamma:g}"

    @property
    def rank(self) -> tuple[int, float]:
        """Place among other spaces: VAE, CL-VAE by falling gamma, CVAE, those of no network."""
        kind = self.method.kind
        return SPACES.index(kind) if kind in SPACES else len(SPACES), -(self.gamma or 0.0)


def space_of(method: str, params: Mapping[str, Any]) -> SpaceName:
    """Return the space that a record is about, equal for the space itself and its learners."""
    # parsed again without the learner, as the record of the space itself is
    space = Method.parse(Method.parse(method).codes)
    return SpaceName(space, params["gamma"] if space.kind == "cl-vae" else None)


def by_space(every: pd.DataFrame, learner: str) -> Iterator[tuple[SpaceName, pd.DataFrame]]:
    """Yield every space that has records of a clusterer or detector, and these records.

    Where networks were trained with several limits of epochs, those of the longest count.
    """
    rows = select(every, (Method.parse(m).learner == learner for m in every["method"]))
    pairs = zip(rows["method"], rows["params"], strict=True)
    spaces = pd.Series([space_of(*pair) for pair in pairs], index=rows.index, dtype=object)
    for space in _in_order(spaces):
        group = select(rows, (one == space for one in spaces))
        limits = [records.epoch_limit(params) for params in group["params"]]
        yield space, select(group, (limit == max(limits) for limit in limits))


def _in_order(spaces: Iterable[SpaceName]) -> list[SpaceName]:
    """Return each of the spaces once; those of equal rank stay in the order of their names."""
    return sorted(dict.fromkeys(spaces), key=lambda space: (space.rank, str(space)))


def clustering_table(every: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return table 1, with k chosen in every way: mean ± standard deviation over seeds."""
    header = ["space, clusterer", "V, largest", "k", "V, k by validation", "k"]
    header += ["V, k without labels", "k", "seeds"]
    body = []
    for stage, criterion in STAGES.items():
        for space, group in by_space(every, stage):
            cells = []
            for rule in ("", "_by_validation", f"_by_{criterion}"):
                cells.append(score_cell(group, f"v_measure{rule}"))
                chosen = [m[f"k{rule}" if rule else "n_clusters"] for m in group["metrics"]]
                cells.append(", ".join(str(int(k)) for k in sorted(set(chosen))))
            body.append([f"{space} + {stage}", *cells, str(len(group))])
    return markdown(header, body, caption=caption, name=name)


def detectors(every: pd.DataFrame, metric: str) -> list[str]:
    """Return the detectors whose records hold `metric`, in the order of `DETECTORS`."""
    pairs = zip(every["method"], every["metrics"], strict=True)
    names = {Method.parse(method).learner for method, scores in pairs if metric in scores}
    return sorted(names, key=lambda one: (DETECTORS.index(one) if one in DETECTORS else 99, one))


def mass_table(every: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return table 2: EM and MV, also in units of each space's own √det Σ."""
    header = ["space, detector", "EM · 10³", "error", "MV", "error"]
    header += [f"EM · 10³ × {UNIT}", f"MV / {UNIT}", "seeds"]
    rows: list[tuple[SpaceName, list[str]]] = []
    for one in detectors(every, "mass_volume"):
        for space, group in by_space(every, one):
            if summarise(group, "mass_volume") is None:
                continue
            scaled = _with_scaled(group)
            cells = [
                score_cell(scaled, "excess_mass_1e3"),
                _average(group, "excess_mass_1e3_error"),
                score_cell(scaled, "mass_volume"),
                _average(group, "mass_volume_error"),
                score_cell(scaled, "em_scaled"),
                score_cell(scaled, "mv_scaled"),
            ]
            rows.append((space, [f"{space} + {one}", *cells, str(len(group))]))
    order = _in_order(space for space, _ in rows)
    rows.sort(key=lambda row: order.index(row[0]))
    return markdown(header, [cells for _, cells in rows], caption=caption, name=name)


def _average(group: pd.DataFrame, metric: str) -> str:
    summary = summarise(group, metric)
    return number(summary["mean"] if summary else None)


def _with_scaled(group: pd.DataFrame) -> pd.DataFrame:
    """Add EM and MV in units of the space's √det Σ, unless its codes are all alike."""
    return group.assign(metrics=[m | _scaled(m) for m in group["metrics"]])


def _scaled(scores: Mapping[str, float]) -> dict[str, float]:
    if not scores.get("spread") or "excess_mass_1e3" not in scores:
        return {}
    return {
        "em_scaled": scores["excess_mass_1e3"] * scores["spread"],
        "mv_scaled": scores["mass_volume"] / scores["spread"],
    }


def share_table(every: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the RMSE of figure 4 (and the share beyond the detector's own threshold)."""
    metric = "anomaly_share_rmse_percent"

    def cell(group: pd.DataFrame) -> str:
        own = summarise(group, "share_by_own_threshold")
        return score_cell(group, metric) + (f" ({100 * own['mean']:.0f} %)" if own else "")

    spaces, body = _by_detector(every, metric, cell)
    chance = _by_detector(every, metric, lambda g: _average(g, f"{metric}_by_chance"))[1]
    body += [["drawn at random", *chance[0][1:]]] if chance else []
    return markdown(["detector", *spaces], body, caption=caption, name=name)


def _by_detector(
    every: pd.DataFrame, metric: str, cell: Callable[[pd.DataFrame], str]
) -> tuple[list[str], list[list[str]]]:
    """Return the names of the spaces, and one row a detector with one cell a space."""
    rows = {one: dict(by_space(every, one)) for one in detectors(every, metric)}
    spaces = _in_order(space for groups in rows.values() for space in groups)
    body = []
    for one, groups in rows.items():
        cells = [cell(groups[space]) if space in groups else "–" for space in spaces]
        if set(cells) != {"–"}:
            body.append([one, *cells])
    return [str(space) for space in spaces], body


def kinds(every: pd.DataFrame) -> list[str]:
    """Return the kinds of known anomalies that occur in the records."""
    names = {name.removeprefix("auc_") for m in every["metrics"] for name in m if "auc_" in name}
    names = {name for name in names if not name.endswith("_own_label")}
    return sorted(names, key=lambda one: (KINDS.index(one) if one in KINDS else 99, one))


def power_table(every: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return ROC AUC (average precision), one table a kind of known anomaly.

    Where the data record several kinds, all but that of any kind are folded.
    """
    texts = []
    for kind in kinds(every):
        spaces, body = _by_detector(every, f"auc_{kind}", partial(_auc_and_ap, kind=kind))
        own = _by_detector(every, f"auc_{kind}", partial(_auc_and_ap, kind=f"{kind}_own_label"))
        body += [[f"{one}, own label", *cells] for one, *cells in own[1]]
        texts.append(
            markdown(
                ["detector", *spaces],
                body,
                caption=f"{caption}: {kind.replace('_', ' ')}",
                name=f"{name}-{kind}",
            )
        )
    if "any" not in kinds(every) or len(texts) < 2:
        return "\n".join(texts)
    folded = ["::::{dropdown} The same for every kind of anomaly", "", *texts[1:], "::::", ""]
    return "\n".join([texts[0], *folded])


def _auc_and_ap(group: pd.DataFrame, kind: str) -> str:
    auc, ap = (summarise(group, f"{metric}_{kind}") for metric in ("auc", "ap"))
    if auc is None or ap is None:
        return "–"
    return f"{number(auc['mean'])} ({number(ap['mean'])})"


def detection_frame(every: pd.DataFrame, shown: Sequence[str]) -> pd.DataFrame:
    """Return one row a record and kind of anomaly: EM, MV and √det Σ beside AUC."""
    rows = []
    for one in detectors(every, "mass_volume"):
        for space, group in by_space(every, one):
            for seed, m in zip(group["seed"], group["metrics"], strict=True):
                if "excess_mass_1e3" not in m:
                    continue
                same = {"space": str(space), "detector": one, "seed": seed, "unit": m["spread"]}
                same |= {"em": m["excess_mass_1e3"], "mv": m["mass_volume"]}
                rows += [same | {"kind": k, "auc": m[f"auc_{k}"]} for k in shown if f"auc_{k}" in m]
    columns = ["space", "detector", "seed", "unit", "em", "mv", "kind", "auc"]
    return pd.DataFrame(rows, columns=columns)


def agreement(every: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's rank correlation of the detectors of a space: by EM or MV, and by AUC.

    Returns
    -------
    DataFrame
        One row a space, seed and kind; ``em`` and ``mv`` lie in [-1, 1], 1 where the criterion
        ranks the detectors as the planted anomalies do. Several runs of one seed count as their
        mean.
    """
    rows = []
    frame = detection_frame(every, kinds(every))
    same = ["space", "detector", "seed", "kind"]
    frame = frame.groupby(same, sort=False, as_index=False).mean()
    for (space, seed, kind), group in frame.groupby(["space", "seed", "kind"], sort=False):
        em = kendalltau(group["em"], group["auc"]).statistic
        mv = kendalltau(-group["mv"], group["auc"]).statistic
        rows.append({"space": space, "seed": seed, "kind": kind, "em": em, "mv": mv})
    return pd.DataFrame(rows, columns=["space", "seed", "kind", "em", "mv"])


def agreement_table(every: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the mean rank correlations, by EM / by MV, one row a space."""
    table, shown = agreement(every), kinds(every)
    body = []
    for space, group in table.groupby("space", sort=False):
        cells = []
        for kind in shown:
            part = group[group["kind"] == kind]
            cells.append(f"{number(part['em'].mean(), 2)} / {number(part['mv'].mean(), 2)}")
        body.append([str(space), *cells, str(group["seed"].nunique())])
    return markdown(["space", *shown, "seeds"], body, caption=caption, name=name)


def space_table(every: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return what training reached: both terms of the loss, epochs, and the priors' own classes."""
    header = [
        "space",
        "reconstruction, nats",
        "divergence, nats",
        UNIT,
        "V, nearest prior mean",
    ]
    header += ["epochs", "seconds", "seeds"]
    body = []
    for space, group in by_space(every, ""):
        seconds = pd.Series([s["represent"] for s in group["seconds"]]).mean()
        cells = [score_cell(group, m) for m in ("reconstruction", "kl", "spread")]
        cells += [score_cell(group, "v_measure_nearest_mean"), _average(group, "epochs")]
        body.append([str(space), *cells, number(seconds, 0), str(len(group))])
    return markdown(header, body, caption=caption, name=name)


def live(results: pd.DataFrame, about: str) -> dict[str, str]:
    """Return the tables of this run, by the last word of their name.

    Parameters
    ----------
    results
        Records of the run, as from `study.rows`.
    about
        The profile, the data, their size and the seed, for the captions.
    """
    return tables_of(results, about, "tbl-07-live")


def tables_of(every: pd.DataFrame, about: str, name: str) -> dict[str, str]:
    """Return all tables of some records of one data set, by the last word of their name.

    Parameters
    ----------
    about
        The data and their size, for the captions.
    name
        What the names of the tables start with.
    """
    return {
        "spaces": space_table(every, caption=f"Latent spaces: {about}", name=f"{name}-spaces"),
        "clustering": clustering_table(
            every,
            caption=f"V-measure and number of clusters, chosen in three ways: {about}",
            name=f"{name}-clustering",
        ),
        "mass": mass_table(
            every,
            caption=f"EM (larger is better) and MV (smaller is better): {about}",
            name=f"{name}-mass",
        ),
        "shares": share_table(
            every,
            caption=f"RMSE of the shares of the classes among the anomalies, in % (in brackets: "
            f"test rows beyond the detector's own threshold): {about}",
            name=f"{name}-shares",
        ),
        "power": power_table(
            every,
            caption=f"ROC AUC (average precision) on known anomalies: {about}",
            name=f"{name}-power",
        ),
        "agreement": agreement_table(
            every,
            caption=f"Rank correlation of EM / MV with ROC AUC over the detectors: {about}",
            name=f"{name}-agreement",
        ),
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
    own = every[every["chapter"] == CHAPTER]
    written = {}
    for dataset in DATASETS:
        rows = own[own["dataset"] == dataset]
        size = f", {rows['n_samples'].max():,} rows{records.of_extent(rows)}" if len(rows) else ""
        for page, text in tables_of(rows, dataset + size, f"tbl-07-{dataset}").items():
            written[f"07-{dataset}-{page}.md"] = text if len(rows) else NOT_RUN
    verdicts = verdict_table(
        compared[compared["source"] == "norlander2019"],
        caption="Numbers of the paper, published and reproduced",
        name="tbl-07-verdicts",
    )
    return written | {"07-verdicts.md": verdicts}
