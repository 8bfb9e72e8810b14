"""Tables of the chapter on latent anomalies: of the records of one run, or of the full scale.

`generated` returns the generated pages; the chapter shows the same tables for its own run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
from scipy.stats import kendalltau

from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.study.judge import select, summarise
from latentbook.study.tables import markdown, number, score_cell, verdict_table

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
NOT_RUN = "No full-scale record yet: not run.\n"


def space_title(method: str, params: dict[str, Any]) -> str:
    """Return the name of a space in tables: that of the records, with gamma for a CL-VAE."""
    space = method.partition(" + ")[0]
    return f"{space}, γ = {params['gamma']:g}" if space.startswith("cl-vae") else space


def _rank(title: str) -> tuple[bool, bool, bool, float]:
    """Sort VAE, CL-VAE by falling gamma, CVAE, and the spaces of no network."""
    gamma = title.rpartition("γ = ")[2] if "γ = " in title else "0"
    return (title.startswith("pca"), title.startswith("cvae"), "γ" in title, -float(gamma))


def by_space(found: pd.DataFrame, second: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (title, records) of every space that has records of the second stage or detector.

    Where networks were trained with several limits of epochs, those of the longest count.
    """
    rows = select(found, (m.partition(" + ")[2] == second for m in found["method"]))
    pairs = zip(rows["method"], rows["params"], strict=True)
    names = [space_title(method, params) for method, params in pairs]
    titles = pd.Series(names, index=rows.index, dtype=object)
    groups = {str(title): group for title, group in rows.groupby(titles, sort=False)}
    for title, group in sorted(groups.items(), key=lambda pair: _rank(pair[0])):
        limits = [p.get("max_epochs", 0) for p in group["params"]]
        yield title, select(group, (limit == max(limits) for limit in limits))


def clustering_table(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return table 1, with k chosen in every way: mean ± spread over seeds."""
    header = ["space, clusterer", "V, largest", "k", "V, k by validation", "k"]
    header += ["V, k without labels", "k", "seeds"]
    body = []
    for stage, criterion in STAGES.items():
        for title, group in by_space(found, stage):
            cells = []
            for rule in ("", "_by_validation", f"_by_{criterion}"):
                cells.append(score_cell(group, f"v_measure{rule}"))
                chosen = [m[f"k{rule}" if rule else "n_clusters"] for m in group["metrics"]]
                cells.append(", ".join(str(int(k)) for k in sorted(set(chosen))))
            body.append([f"{title} + {stage}", *cells, str(len(group))])
    return markdown(header, body, caption=caption, name=name)


def detectors(found: pd.DataFrame, metric: str) -> list[str]:
    """Return the detectors whose records hold `metric`, in the order of `DETECTORS`."""
    pairs = zip(found["method"], found["metrics"], strict=True)
    found_in = {m.partition(" + ")[2] for m, scores in pairs if metric in scores}
    return sorted(found_in, key=lambda one: (DETECTORS.index(one) if one in DETECTORS else 99, one))


def mass_table(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return table 2: EM and MV, also in units of each space's own spread."""
    header = ["space, detector", "EM · 10³", "error", "MV", "error"]
    header += ["EM · 10³ × spread", "MV / spread", "seeds"]
    body: dict[str, list[list[str]]] = {}
    for one in detectors(found, "mass_volume"):
        for title, group in by_space(found, one):
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
            body.setdefault(title, []).append([f"{title} + {one}", *cells, str(len(group))])
    rows = [row for title in sorted(body, key=_rank) for row in body[title]]
    return markdown(header, rows, caption=caption, name=name)


def _average(group: pd.DataFrame, metric: str) -> str:
    summary = summarise(group, metric)
    return number(summary["mean"] if summary else None)


def _with_scaled(group: pd.DataFrame) -> pd.DataFrame:
    """Add EM and MV in units of the spread of the space."""
    metrics = [
        m
        | {
            "em_scaled": m["excess_mass_1e3"] * m["spread"],
            "mv_scaled": m["mass_volume"] / m["spread"],
        }
        if {"excess_mass_1e3", "mass_volume"} <= set(m)
        else m
        for m in group["metrics"]
    ]
    return group.assign(metrics=metrics)


def share_table(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the RMSE of figure 4 (and the share beyond the detector's own threshold)."""
    metric = "anomaly_share_rmse_percent"

    def cell(group: pd.DataFrame) -> str:
        own = summarise(group, "share_by_own_threshold")
        return score_cell(group, metric) + (f" ({100 * own['mean']:.0f} %)" if own else "")

    spaces, body = _by_detector(found, metric, cell)
    chance = _by_detector(found, metric, lambda g: _average(g, f"{metric}_by_chance"))[1]
    body += [["drawn at random", *chance[0][1:]]] if chance else []
    return markdown(["detector", *spaces], body, caption=caption, name=name)


def _by_detector(
    found: pd.DataFrame, metric: str, cell: Callable[[pd.DataFrame], str]
) -> tuple[list[str], list[list[str]]]:
    """Return the spaces, and one row a detector with one cell a space."""
    rows = {one: dict(by_space(found, one)) for one in detectors(found, metric)}
    spaces = sorted({title for groups in rows.values() for title in groups}, key=_rank)
    body = []
    for one, groups in rows.items():
        cells = [cell(groups[title]) if title in groups else "–" for title in spaces]
        if set(cells) != {"–"}:
            body.append([one, *cells])
    return spaces, body


def kinds(found: pd.DataFrame) -> list[str]:
    """Return the kinds of known anomalies that occur in the records."""
    names = {name.removeprefix("auc_") for m in found["metrics"] for name in m if "auc_" in name}
    names = {name for name in names if not name.endswith("_own_label")}
    return sorted(names, key=lambda one: (KINDS.index(one) if one in KINDS else 99, one))


def power_table(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return ROC AUC (average precision), one table a kind of known anomaly.

    Where the data record several kinds, all but that of any kind are folded.
    """
    texts = []
    for kind in kinds(found):
        spaces, body = _by_detector(found, f"auc_{kind}", partial(_auc_and_ap, kind=kind))
        own = _by_detector(found, f"auc_{kind}", partial(_auc_and_ap, kind=f"{kind}_own_label"))
        body += [[f"{one}, own label", *cells] for one, *cells in own[1]]
        texts.append(
            markdown(
                ["detector", *spaces],
                body,
                caption=f"{caption}: {kind.replace('_', ' ')}",
                name=f"{name}-{kind}",
            )
        )
    if "any" not in kinds(found) or len(texts) < 2:
        return "\n".join(texts)
    folded = ["::::{dropdown} The same for every kind of anomaly", "", *texts[1:], "::::", ""]
    return "\n".join([texts[0], *folded])


def _auc_and_ap(group: pd.DataFrame, kind: str) -> str:
    auc, ap = (summarise(group, f"{metric}_{kind}") for metric in ("auc", "ap"))
    if auc is None or ap is None:
        return "–"
    return f"{number(auc['mean'])} ({number(ap['mean'])})"


def detection_frame(found: pd.DataFrame, shown: Sequence[str]) -> pd.DataFrame:
    """Return one row a record and kind of anomaly: EM, MV and spread beside AUC."""
    rows = []
    for one in detectors(found, "mass_volume"):
        for title, group in by_space(found, one):
            for seed, m in zip(group["seed"], group["metrics"], strict=True):
                if "excess_mass_1e3" not in m:
                    continue
                same = {"space": title, "detector": one, "seed": seed, "spread": m["spread"]}
                same |= {"em": m["excess_mass_1e3"], "mv": m["mass_volume"]}
                rows += [same | {"kind": k, "auc": m[f"auc_{k}"]} for k in shown if f"auc_{k}" in m]
    columns = ["space", "detector", "seed", "spread", "em", "mv", "kind", "auc"]
    return pd.DataFrame(rows, columns=columns)


def agreement(found: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's rank correlation of the detectors of a space: by EM or MV, and by AUC.

    Returns
    -------
    DataFrame
        One row a space, seed and kind; ``em`` and ``mv`` lie in [-1, 1], 1 where the criterion
        ranks the detectors as the planted anomalies do.
    """
    rows = []
    frame = detection_frame(found, kinds(found))
    for (space, seed, kind), group in frame.groupby(["space", "seed", "kind"], sort=False):
        em = kendalltau(group["em"], group["auc"]).statistic
        mv = kendalltau(-group["mv"], group["auc"]).statistic
        rows.append({"space": space, "seed": seed, "kind": kind, "em": em, "mv": mv})
    return pd.DataFrame(rows, columns=["space", "seed", "kind", "em", "mv"])


def agreement_table(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the mean rank correlations, by EM / by MV, one row a space."""
    table, shown = agreement(found), kinds(found)
    body = []
    for space, group in table.groupby("space", sort=False):
        cells = []
        for kind in shown:
            part = group[group["kind"] == kind]
            cells.append(f"{number(part['em'].mean(), 2)} / {number(part['mv'].mean(), 2)}")
        body.append([str(space), *cells, str(group["seed"].nunique())])
    return markdown(["space", *shown, "seeds"], body, caption=caption, name=name)


def space_table(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return what training reached: both terms of the loss, epochs, and the priors' own classes."""
    header = [
        "space",
        "reconstruction, nats",
        "divergence, nats",
        "spread",
        "V, nearest prior mean",
    ]
    header += ["epochs", "seconds", "seeds"]
    body = []
    for title, group in by_space(found, ""):
        seconds = pd.Series([s["represent"] for s in group["seconds"]]).mean()
        cells = [score_cell(group, m) for m in ("reconstruction", "kl", "spread")]
        cells += [score_cell(group, "v_measure_nearest_mean"), _average(group, "epochs")]
        body.append([title, *cells, number(seconds, 0), str(len(group))])
    return markdown(header, body, caption=caption, name=name)


def tables_of(found: pd.DataFrame, about: str, name: str) -> dict[str, str]:
    """Return all tables of some records of one data set, by the last word of their name.

    Parameters
    ----------
    about
        The data and their size, for the captions.
    name
        What the names of the tables start with.
    """
    return {
        "spaces": space_table(found, caption=f"Latent spaces: {about}", name=f"{name}-spaces"),
        "clustering": clustering_table(
            found,
            caption=f"V-measure and number of clusters, chosen in three ways: {about}",
            name=f"{name}-clustering",
        ),
        "mass": mass_table(
            found,
            caption=f"EM (larger is better) and MV (smaller is better): {about}",
            name=f"{name}-mass",
        ),
        "shares": share_table(
            found,
            caption=f"RMSE of the shares of the classes among the anomalies, in % (in brackets: "
            f"test rows beyond the detector's own threshold): {about}",
            name=f"{name}-shares",
        ),
        "power": power_table(
            found,
            caption=f"ROC AUC (average precision) on known anomalies: {about}",
            name=f"{name}-power",
        ),
        "agreement": agreement_table(
            found,
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
    found = every[every["chapter"] == CHAPTER]
    written = {}
    for dataset in DATASETS:
        rows = found[found["dataset"] == dataset]
        about = f"{dataset}, {rows['n_samples'].max():,} rows" if len(rows) else dataset
        for page, text in tables_of(rows, about, f"tbl-07-{dataset}").items():
            written[f"07-{dataset}-{page}.md"] = text if len(rows) else NOT_RUN
    verdicts = verdict_table(
        compared[compared["source"] == "norlander2019"],
        caption="Numbers of the paper, published and reproduced",
        name="tbl-07-verdicts",
    )
    return written | {"07-verdicts.md": verdicts}
