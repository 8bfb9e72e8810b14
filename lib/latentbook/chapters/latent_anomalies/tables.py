"""Tables of the chapter on latent anomalies: of the records of one run, or of the full scale.

`generated` returns the generated pages; `live` the same tables for the run of a notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from scipy.stats import kendalltau

from latentbook.chapters.latent_anomalies import CHAPTER
from latentbook.chapters.latent_anomalies.contamination_tables import (
    by_data_table,
    cost_table,
    scores,
    without,
)
from latentbook.study import judge, records
from latentbook.study.judge import select, summarise
from latentbook.study.method import Method
from latentbook.study.tables import (
    NOT_RUN,
    markdown,
    mean_and_spread,
    number,
    score_cell,
    styled,
    verdict_table,
)

STAGES = {"mixture": "bic", "k-means": "silhouette"}
#: Data sets with full-scale tables of their own.
DATASETS = ("mnist", "nsl_kdd", "trades", "satimage")
#: Kinds of known anomaly, in the order of the columns; others follow by name.
KINDS = ("any", "rotated", "noise", "fashion_mnist", "mnist", "mislabelled")
#: Detectors that are fitted on codes.
ON_CODES = (
    "isolation forest",
    "local outlier factor",
    "one-class svm",
    "distance to k-means",
    "class mean",
    "percentile",
    "isolation forest per cluster",
    "local outlier factor per cluster",
    "one-class svm per cluster",
)
FREQUENCIES = "frequency table"
#: Detectors of `baselines`, which see the label and no code; the isolation forest is one too.
SIMPLE = (FREQUENCIES, "squared frequency table", "robust z", "hbos", "ecod", "copod", "knn", "pca")
DETECTORS = (*SIMPLE, *ON_CODES, "reconstruction error", "bound")
#: Heading of the records' ``spread``: the root of the determinant of the covariance of the codes.
UNIT = "√det Σ"
#: Kinds of space, in the order of the rows and columns.
SPACES = ("vae", "cl-vae", "cvae", "pca")
#: Name of a likelihood in the book -> what the records add to the name of a space.
LIKELIHOODS = {"squared error": ", gaussian", "Bernoulli": ""}
#: Mean divergence in nats below which a code holds nothing of its row.
COLLAPSED = 0.01
#: Weights of the reconstruction that the paper names.
WEIGHTS = (1.0, 0.3)
#: Radius that the first class means usually have: `autoencoders.variational.PRIOR_RADIUS`.
RADIUS = 3.0
#: Question of `study.EXPERIMENTS` -> what its table shows.
QUESTIONS = {
    "gamma": "other weights of the reconstruction",
    "network": "a convolutional network",
    "latent": "more numbers in the code",
    "means": "other first class means",
}


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
        """Place among other spaces: the data themselves, VAE, CL-VAE by falling gamma, CVAE."""
        kind = self.method.kind
        return SPACES.index(kind) if kind in SPACES else -1, -(self.gamma or 0.0)


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
    spaces = pd.Series([space_of(*pair) for pair in _pairs(rows)], index=rows.index, dtype=object)
    for space in _in_order(spaces):
        group = select(rows, (one == space for one in spaces))
        limits = [records.epoch_limit(params) for params in group["params"]]
        yield space, select(group, (limit == max(limits) for limit in limits))


def _in_order(spaces: Iterable[SpaceName]) -> list[SpaceName]:
    """Return each of the spaces once; those of equal rank stay in the order of their names."""
    return sorted(dict.fromkeys(spaces), key=lambda space: (space.rank, str(space)))


def question_of(method: str, params: Mapping[str, Any]) -> str:
    """Return the question of `study.EXPERIMENTS` that a record answers.

    Returns
    -------
    str
        A key of `QUESTIONS`; ``main`` for the paper's own settings with either likelihood, and for
        spaces of no network.

    Examples
    --------
    >>> question_of("cl-vae2, conv", {"gamma": 1.0, "network": "conv"})
    'network'
    >>> question_of("cl-vae2, gaussian + k-means", {"gamma": 0.3})
    'main'
    """
    if params.get("network", "dense") != "dense":
        return "network"
    if params.get("n_latent", 2) != 2:
        return "latent"
    if params.get("radius", RADIUS) != RADIUS:
        return "means"
    return "main" if params.get("gamma", 1.0) in WEIGHTS else "gamma"


def answering(every: pd.DataFrame, *questions: str) -> pd.DataFrame:
    """Return the records that answer one of some questions, or are of the ``main`` settings."""
    wanted = (*questions, "main")
    return select(every, (question_of(*pair) in wanted for pair in _pairs(every)))


def searched(every: pd.DataFrame) -> pd.DataFrame:
    """Return the records of those networks themselves whose codes were searched for anomalies."""
    learners = [Method.parse(method).learner for method in every["method"]]
    networks = [(space_of(*pair), records.epoch_limit(pair[1])) for pair in _pairs(every)]
    found = {one for one, learner in zip(networks, learners, strict=True) if learner in DETECTORS}
    chosen = (not name and one in found for one, name in zip(networks, learners, strict=True))
    return select(every, chosen)


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
    return sorted(names, key=_place)


def _place(detector: str) -> tuple[int, str]:
    """Return the place of a detector in the order of `DETECTORS`, unknown ones last by name."""
    return (DETECTORS.index(detector) if detector in DETECTORS else 99, detector)


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

    groups = _groups(every)
    spaces, body = _by_detector(groups, metric, cell)
    chance = _by_detector(groups, metric, lambda g: _average(g, f"{metric}_by_chance"))[1]
    body += [["drawn at random", *chance[0][1:]]] if chance else []
    return markdown(["detector", *spaces], body, caption=caption, name=name)


#: Detector -> space -> its records.
Groups = dict[str, dict[SpaceName, pd.DataFrame]]


def _groups(every: pd.DataFrame) -> Groups:
    """Return the records by detector, in the order of `DETECTORS`, and by space."""
    learners = [Method.parse(method).learner for method in every["method"]]
    order = sorted(set(learners), key=_place)
    return {one: dict(by_space(every, one)) for one in order}


def _by_detector(
    groups: Groups, metric: str, cell: Callable[[pd.DataFrame], str]
) -> tuple[list[str], list[list[str]]]:
    """Return the names of the spaces, and one row a detector with one cell a space."""
    rows = {
        one: found
        for one, found in groups.items()
        if any(metric in scores for group in found.values() for scores in group["metrics"])
    }
    spaces = _in_order(space for found in rows.values() for space in found)
    body = []
    for one, found in rows.items():
        cells = [cell(found[space]) if space in found else "–" for space in spaces]
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
    texts, groups = [], _groups(every)
    for kind in kinds(every):
        spaces, body = _by_detector(groups, f"auc_{kind}", partial(_auc_and_ap, kind=kind))
        own = _by_detector(groups, f"auc_{kind}", partial(_auc_and_ap, kind=f"{kind}_own_label"))
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
    """Return what training reached: both terms of the loss, epochs, and the priors' own classes.

    A space whose divergence is below `COLLAPSED` is called collapsed.
    """
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
        divergence = summarise(group, "kl")
        dead = divergence is not None and divergence["mean"] < COLLAPSED
        label = f"{space} (collapsed)" if dead else str(space)
        body.append([label, *cells, number(seconds, 0), str(len(group))])
    return markdown(header, body, caption=caption, name=name)


def settings_table(every: pd.DataFrame, question: str, *, caption: str, name: str) -> str:
    """Return the V-measures of the settings that answer a question, beside the main ones.

    Parameters
    ----------
    every
        Records of one data set.
    question
        A key of `QUESTIONS`.
    """
    header = ["space", "V, nearest prior mean", "V, k-means", "V, mixture", "epochs"]
    every = answering(every, question)
    asked = [question_of(*pair) == question for pair in _pairs(every)]
    kinds = {Method.parse(method).kind for method in every["method"][asked]}
    every = select(every, (Method.parse(method).kind in kinds for method in every["method"]))
    metrics = {"": "v_measure_nearest_mean", "k-means": "v_measure", "mixture": "v_measure"}
    groups = {learner: dict(by_space(every, learner)) for learner in metrics}
    body = []
    for space, group in sorted(groups[""].items(), key=_setting):
        found = [groups[one].get(space, every[:0]) for one in metrics]
        pairs = zip(found, metrics.values(), strict=True)
        cells = [mean_and_spread(summarise(*pair)) for pair in pairs]
        body.append([str(space), *cells, _average(group, "epochs")])
    return markdown(header, body, caption=caption, name=name)


def _setting(pair: tuple[SpaceName, pd.DataFrame]) -> tuple[Any, ...]:
    """Return the place of a space in `settings_table`: by likelihood, kind, and what is asked."""
    space, group = pair
    params = group["params"].iloc[0]
    values = [params.get(name) for name in ("n_latent", "radius", "network")]
    return (-(params.get("likelihood") == "gaussian"), *space.rank, *values)


def _pairs(every: pd.DataFrame) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return zip(every["method"], every["params"], strict=True)


def likelihood_table(
    compared: pd.DataFrame, every: pd.DataFrame, *, caption: str, name: str
) -> str:
    """Return every number of table 1 beside ours with either likelihood, with both verdicts.

    Parameters
    ----------
    compared
        Rows of `judge.compare`, those of table 1.
    every
        The full-scale records.
    """
    printed = compared[list(judge.PUBLISHED_COLUMNS)]
    judged = {
        title: judge.compare(printed.assign(method=_with(printed["method"], ending)), every)
        for title, ending in LIKELIHOODS.items()
    }
    body = []
    plain = _with(printed["method"], "")
    for i, (method, (_, row)) in enumerate(zip(plain, printed.iterrows(), strict=True)):
        gamma = row["params"].get("gamma")
        label = method if gamma is None else f"{method}, γ = {gamma:g}"
        cells = [row["metric"].replace("_", " "), number(row["value"], 4)]
        for one in judged.values():
            cells += [mean_and_spread(one.iloc[i]), styled(one.iloc[i]["verdict"])]
        body.append([label, *cells])
    header = ["method", "metric", "published"]
    header += [heading for title in LIKELIHOODS for heading in (title, "verdict")]
    return markdown(header, body, caption=caption, name=name)


def _with(methods: Iterable[str], ending: str) -> list[str]:
    """Return the methods with another likelihood: its ending in place of the one they have."""
    parsed = [Method.parse(method) for method in methods]
    plain = [one.representation.removesuffix(LIKELIHOODS["squared error"]) for one in parsed]
    pairs = zip(parsed, plain, strict=True)
    return [str(replace(one, representation=name + ending)) for one, name in pairs]


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


def tables_of(every: pd.DataFrame, about: str, name: str, searched: str = "") -> dict[str, str]:
    """Return all tables of some records of one data set, by the last word of their name.

    Parameters
    ----------
    about
        The data and their size, for the captions.
    name
        What the names of the tables start with.
    searched
        What the captions of the tables about detectors say instead, where it differs.
    """
    clustered, about = about, searched or about
    return {
        "spaces": space_table(every, caption=f"Latent spaces: {clustered}", name=f"{name}-spaces"),
        "clustering": clustering_table(
            every,
            caption=f"V-measure and number of clusters, chosen in three ways: {clustered}",
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
    whole = every[every["chapter"] == CHAPTER]
    own = without(whole)
    written = {}
    for dataset in DATASETS:
        rows = own[own["dataset"] == dataset]
        own_networks = select(rows, (not Method.parse(m).learner for m in rows["method"]))
        abouts = [_about(rows, dataset) + _limit(of) for of in (own_networks, searched(rows))]
        pages = tables_of(answering(rows), abouts[0], f"tbl-07-{dataset}", abouts[1])
        for page, text in pages.items():
            written[f"07-{dataset}-{page}.md"] = text if len(rows) else NOT_RUN
    mnist = own[own["dataset"] == "mnist"]
    about = _about(mnist, "mnist")
    written["07-mnist-searched.md"] = space_table(
        searched(mnist),
        caption=f"Networks whose codes were searched for anomalies: {about}",
        name="tbl-07-mnist-searched",
    )
    for question, words in QUESTIONS.items():
        caption = f"V-measure, largest over k, with {words} (number of seeds in brackets): {about}"
        written[f"07-mnist-{question}.md"] = settings_table(
            mnist, question, caption=caption, name=f"tbl-07-mnist-{question}"
        )
    paper = compared[compared["source"] == "norlander2019"]
    written["07-likelihoods.md"] = likelihood_table(
        paper[paper["table"] == "table 1"],
        own,
        caption="Table 1 of the paper, with either likelihood (number of seeds in brackets)",
        name="tbl-07-likelihoods",
    )
    written |= contaminated(whole)
    verdicts = verdict_table(
        paper, caption="Numbers of the paper, published and reproduced", name="tbl-07-verdicts"
    )
    return written | {"07-verdicts.md": verdicts}


def contaminated(every: pd.DataFrame) -> dict[str, str]:
    """Return the tables about anomalies among the training rows, file name -> text."""
    pages = {
        "07-contamination.md": (
            cost_table,
            "What anomalies among the training rows change: mean change of the ROC AUC over the "
            "tables of data (in brackets: in how many the interval over {} seeds lies below 0)",
            "tbl-07-contamination",
        ),
        "07-contamination-data.md": (
            by_data_table,
            "ROC AUC after training without anomalies → with 10 % of them, mean of {} seeds",
            "tbl-07-contamination-data",
        ),
    }
    found = scores(every)
    if found.empty:
        return dict.fromkeys(pages, NOT_RUN)
    seeds = sorted(set(found.groupby(["dataset", "method", "share"])["seed"].nunique()))
    words = " to ".join(str(n) for n in dict.fromkeys((seeds[0], seeds[-1])))
    written = {
        page: table(every, caption=caption.format(words), name=name)
        for page, (table, caption, name) in pages.items()
    }
    precision = cost_table(
        every,
        "ap",
        caption=f"The same change of the average precision ({words} seeds)",
        name="tbl-07-contamination-ap",
    )
    return written | {
        "07-contamination.md": "\n\n".join([written["07-contamination.md"], precision])
    }


def _limit(networks: pd.DataFrame) -> str:
    """Return the limit of epochs of the networks that a table shows, for its caption."""
    limits = [records.epoch_limit(params) for params in networks["params"]]
    return f"; networks of at most {max(limits)} epochs" if limits else ""


def _about(rows: pd.DataFrame, dataset: str) -> str:
    """Return a data set, its size, and whether it is a subset, for captions."""
    part = records.of_extent(rows)
    return f"{dataset}, {rows['n_samples'].max():,} rows{part}" if len(rows) else dataset
