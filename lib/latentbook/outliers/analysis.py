"""A table from file to ranking: every row scored by models that have not seen it, and by two rules.

`analyse` reads, scores, compares the two scores and ranks. The page about it is left to `report`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from latentbook import tabular
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.outliers import folds, thresholds, trust
from latentbook.outliers.frequencies import Surprise, surprise
from latentbook.outliers.network import FoldNetworks, Settings
from latentbook.outliers.reasons import ByFrequency, Reason, by_network
from latentbook.tabular.classes import RARE, classes_of, copies, marked, spellings, without_rare
from latentbook.tabular.columns import OTHER

#: The two scores, as tables and sentences name them.
TABLE, NETWORK = "frequency table", "network"
#: Why the table is followed where nothing else was asked for.
ALONE = f"The {TABLE} was asked for alone."
#: Rows whose reasons are written out.
EXPLAINED = 1000
#: Values of a table that are looked at, at most.
MAX_VALUES = 50_000_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Threshold:
    """A score that usual rows exceed with a stated probability.

    Attributes
    ----------
    rate : float
        Of false alarms.
    score : float
        Infinite where the table has too few rows.
    rows : int
        Rows of the table above it.
    found : int or None
        Marked anomalies among them, where some are marked.
    """

    rate: float
    score: float
    rows: int
    found: int | None


@dataclass(frozen=True)
class Row:
    """One of the strangest rows.

    Attributes
    ----------
    rank : int
        From 1.
    row : int
        In the file; the first below the header is 0.
    name : str
        Of its class.
    score : float
    ranks : dict
        Score -> rank by it.
    reasons : dict
        Score -> reasons, the strongest first.
    marked : bool or None
        Whether it is a known anomaly.
    """

    rank: int
    row: int
    name: str
    score: float
    ranks: dict[str, int]
    reasons: dict[str, list[Reason]]
    marked: bool | None


@dataclass(frozen=True)
class Analysis:
    """What came of a table.

    Attributes
    ----------
    name, label : str
        Of the file, and of the column that is conditioned on.
    n_file : int
        Rows of the file.
    classes : dict
        Class -> number of its rows.
    columns : DataFrame
        What became of each column: the report of `tabular.Encoder`.
    remarks : list of str
        Sentences on what was changed, left out or noticed.
    scores : dict
        Score -> strangeness of each row, by models that have not seen it.
    trusted : str
        The score that the ranking follows.
    why : str
        A sentence that says why.
    agreement : str
        A sentence on how far the two rankings agree; empty where there is one.
    known : trust.Comparison or None
        On marked anomalies.
    spoilt : list of trust.Comparison
        On rows spoilt on purpose.
    limits : list of Threshold
        Of the trusted score.
    top : list of Row
        The strangest rows with their reasons.
    ranked : DataFrame
        All rows, the strangest first.
    """

    name: str
    label: str
    n_file: int
    classes: dict[str, int]
    columns: pd.DataFrame
    remarks: list[str]
    scores: dict[str, np.ndarray]
    trusted: str
    why: str
    agreement: str
    known: trust.Comparison | None
    spoilt: list[trust.Comparison]
    limits: list[Threshold]
    top: list[Row]
    ranked: pd.DataFrame


def analyse(
    path: str | Path,
    label: str,
    *,
    drop: Sequence[str] = (),
    rare: str = "error",
    truth: str = "",
    sample: int = 0,
    network: bool = True,
    settings: Settings | None = None,
    seed: int = 0,
    say: Say = lambda _: None,
) -> Analysis:
    """Read a table, score its rows by two rules, and rank them.

    Parameters
    ----------
    path : str or Path
        As `tabular.read` takes it.
    label : str
        The column to condition on.
    drop : sequence of str, default=()
        Columns that nothing learns from.
    rare : {"error", "merge", "drop"}, default="error"
        What becomes of classes of fewer than 10 rows.
    truth : str, default=""
        A column that is 1 for known anomalies; nothing learns from it.
    sample : int, default=0
        Rows drawn at random; 0 takes all.
    network : bool, default=True
        Whether networks are trained beside the frequency table.
    settings : Settings, default=None
        Of the networks.
    seed : int, default=0
        Of folds, networks, and rows spoilt.
    say : function of str
        Gets a line when a step is done.

    Raises
    ------
    LatentbookError
        As `tabular.read`; for columns that do not exist, a label with one class or small classes,
        no column to learn from, a truth that is not 0 and 1 or marks nothing, and too large a
        table.
    """
    path = Path(path)
    whole = tabular.read(path, as_text=drop)
    n_file, read = len(whole), dict(whole.attrs)
    say(f"read {n_file:,} rows of {len(whole.columns)} columns")
    remarks = list(read.get("remarks", []))
    _check_columns(whole, label, drop, truth)
    if sample and sample < n_file:
        check_between("the number of rows drawn", sample, 20, n_file)
        whole = whole.sample(sample, random_state=seed).sort_index()
        remarks.append(f"{sample:,} of {n_file:,} rows were drawn at random, and others left out.")
    elif whole.size > MAX_VALUES:
        raise LatentbookError(
            f"{path.name} has {n_file:,} rows of {len(whole.columns)} columns, which are more than "
            f"{MAX_VALUES // 1_000_000} million values: draw rows with --sample "
            f"{MAX_VALUES // 2 // len(whole.columns)}, or drop columns"
        )
    frame, y, classes, left = _conditioned(whole, label, rare)
    remarks += left
    features = frame.drop(columns=[c for c in dict.fromkeys([label, *drop, truth]) if c])
    marks = _marks(frame, truth)
    encoder = _encoder(features, read.get("columns", {}))
    kinds = encoder.kinds_
    features = features[list(kinds)]
    remarks += [*copies(frame), *spellings(tuple(classes)), *_dropped(encoder.report_, drop)]
    fold = folds.drawn(y, seed=seed)
    planted = trust.spoil(features, kinds, y, seed=seed)
    surprised = _surprise(features, planted, kinds, y, fold)
    say(f"{TABLE}: {len(y):,} rows scored, each by the {folds.FOLDS - 1} fifths without it")
    n = len(y)
    scores = {TABLE: surprised.total[:n]}
    of_planted = {TABLE: surprised.total[n:]}
    networks = None
    if network:
        networks = FoldNetworks(settings or Settings(), seed).fit(features, y, fold, say)
        scores[NETWORK] = networks.strangeness(features, y, fold)
        of_planted[NETWORK] = networks.strangeness(
            planted.frame, planted.labels, fold[planted.source]
        )
        if networks.fitted_ < n * (folds.FOLDS - 1) // folds.FOLDS - 1:
            remarks.append(
                f"Each network learned from {networks.fitted_:,} rows drawn at random; all rows "
                "were scored."
            )
        say(f"{NETWORK}: {n:,} rows scored, each by the network that has not seen it")
    known = None
    if marks is not None:
        known = trust.compare("marked", scores[TABLE], scores.get(NETWORK, scores[TABLE]), marks)
    spoilt = _on_spoilt(scores, of_planted, planted)
    trusted, why = _trusted(known, spoilt) if network else (TABLE, ALONE)
    order = np.argsort(-scores[trusted], kind="stable")
    own = Surprise(surprised.parts, surprised.values[:n], surprised.z[:n])
    explain = ByFrequency(features, kinds, y, tuple(classes), own)
    top = _top(
        order, scores, trusted, frame, y, tuple(classes), explain, networks, fold, features, marks
    )
    say("ranked")
    return Analysis(
        name=path.name,
        label=label,
        n_file=n_file,
        classes={c: int(count) for c, count in zip(classes, np.bincount(y), strict=True)},
        columns=encoder.report_,
        remarks=remarks,
        scores=scores,
        trusted=trusted,
        why=why,
        agreement=_agreement(scores),
        known=known,
        spoilt=spoilt,
        limits=[_limit(scores[trusted], rate, marks) for rate in thresholds.RATES],
        top=top,
        ranked=_ranked(order, scores, trusted, frame, y, classes, top),
    )


def _check_columns(frame: pd.DataFrame, label: str, drop: Sequence[str], truth: str) -> None:
    if not label:
        few = [c for c in frame if 2 <= frame[c].nunique() <= 50]
        columns = ", ".join(few[:12]) or ", ".join(map(str, frame.columns[:12]))
        raise LatentbookError(
            "a label is needed, the column whose value says what is usual for a row: give --label "
            f"and one of {columns}"
        )
    for column in (label, *drop, *([truth] if truth else [])):
        choose("column", column, frame.columns)
    if label in (*drop, truth):
        raise LatentbookError(f"{label!r} is the label, and dropped or the truth too: choose one")


def _conditioned(
    whole: pd.DataFrame, label: str, rare: str
) -> tuple[pd.DataFrame, np.ndarray, list[str], list[str]]:
    """Return the rows that have a class, their classes, the names, and what was left out."""
    choose("treatment of rare classes", rare, RARE)
    there = whole[label].notna()
    names, y = classes_of(whole[there], (label,))
    names, y, small = without_rare(names, y, np.ones(len(y), dtype=bool), rare, label, "--rare")
    frame = whole[there][y >= 0]
    remarks = []
    if not there.all():
        remarks.append(f"{int((~there).sum()):,} rows without a label are left out.")
    if small:
        done = f"merged into {OTHER!r}" if rare == "merge" else "left out"
        words = f"{len(small)} classes" if len(small) > 1 else f"The class {next(iter(small))!r}"
        verb = "are" if len(small) > 1 else "is"
        remarks.append(
            f"{words} with fewer than {tabular.CLASS_ROWS} rows, {sum(small.values()):,} rows in "
            f"all, {verb} {done}."
        )
    return frame, y[y >= 0], list(names), remarks


def _marks(frame: pd.DataFrame, truth: str) -> np.ndarray | None:
    if not truth:
        return None
    marks = marked(frame[truth])
    if not 0 < marks.sum() < len(marks):
        raise LatentbookError(
            f"the column {truth!r} marks {marks.sum()} of {len(marks)} rows, but some must be "
            "marked and some not: leave --truth out"
        )
    return marks


def _encoder(features: pd.DataFrame, as_read: dict[str, str]) -> tabular.Encoder:
    """Return the encoder of all rows, whose report says how each column was read."""
    if features.shape[1] == 0:
        raise LatentbookError("no column is left to learn from: drop fewer")
    encoder = tabular.Encoder(even_costs=True).fit(features)
    tabular.add_remarks(encoder.report_, pd.Series(as_read, dtype=object))
    return encoder


def _dropped(report: pd.DataFrame, drop: Sequence[str]) -> list[str]:
    """Say which columns nothing learns from."""
    remarks = []
    if drop:
        remarks.append(f"Left out as asked: {', '.join(drop)}.")
    for name, why in report.loc[report["kind"] == "dropped", ["column", "remark"]].to_numpy():
        remarks.append(f"The column {name!r} is left out: {why}.")
    return remarks


def _surprise(
    features: pd.DataFrame,
    planted: trust.Spoilt,
    kinds: dict[str, str],
    y: np.ndarray,
    fold: np.ndarray,
) -> Surprise:
    """Return the surprise of all rows and, below them, of the spoilt ones."""
    both = pd.concat([features, planted.frame], ignore_index=True)
    labels = np.concatenate([y, planted.labels])
    return surprise(both, kinds, labels, np.concatenate([fold, -1 - fold[planted.source]]))


def _on_spoilt(
    scores: dict[str, np.ndarray], of_planted: dict[str, np.ndarray], planted: trust.Spoilt
) -> list[trust.Comparison]:
    first, second = TABLE, NETWORK if NETWORK in scores else TABLE
    compared = []
    for kind in pd.unique(planted.kind):
        at = planted.kind == kind
        truth = np.concatenate([np.zeros(len(scores[first]), bool), np.ones(at.sum(), bool)])
        one, other = (np.concatenate([scores[s], of_planted[s][at]]) for s in (first, second))
        compared.append(trust.compare(kind, one, other, truth))
    return compared


def _trusted(known: trust.Comparison | None, spoilt: list[trust.Comparison]) -> tuple[str, str]:
    """Return the score to follow, and why."""
    if known is not None:
        gain, low, high = known.gain, known.low, known.high
        where = f"on the {known.n:,} marked rows its AUC"
    elif spoilt:
        gain = float(np.mean([one.gain for one in spoilt]))
        reach = float(np.sqrt(sum((one.high - one.gain) ** 2 for one in spoilt))) / len(spoilt)
        low, high = gain - reach, gain + reach
        where = "on rows of this table that were spoilt for the purpose its mean AUC"
    else:
        return TABLE, "No row could be spoilt to compare the two, and the table is the simpler one."
    if low > 0 or high < 0:
        ahead, behind = (TABLE, NETWORK) if low > 0 else (NETWORK, TABLE)
        low, high = sorted((abs(low), abs(high)))
        return ahead, (
            f"Trust the {ahead}: {where} is {abs(gain):.3f} above that of the {behind} "
            f"(95 % interval {low:.3f} to {high:.3f})."
        )
    return TABLE, (
        f"Neither is clearly ahead: {where} differs from that of the {NETWORK} by {gain:+.3f}, and "
        f"the 95 % interval, {low:+.3f} to {high:+.3f}, holds 0. The {TABLE} is followed, because "
        "its reasons can be checked by counting."
    )


def _agreement(scores: dict[str, np.ndarray]) -> str:
    if len(scores) < 2:
        return ""
    first, second = scores.values()
    rank = float(np.nan_to_num(spearmanr(first, second).statistic))
    n = max(10, min(100, len(first) // 100))
    both = len(set(np.argsort(-first)[:n]) & set(np.argsort(-second)[:n]))
    chance = n * n / len(first)
    return (
        f"Of the {n} strangest rows of each, both name {both} (by chance: {chance:.1f}); the rank "
        f"correlation over all rows is {rank:.2f}."
    )


def _limit(scores: np.ndarray, rate: float, marks: np.ndarray | None) -> Threshold:
    score = thresholds.threshold(scores, rate)
    above = scores > score
    found = None if marks is None else int((above & marks).sum())
    return Threshold(rate, score, int(above.sum()), found)


def _top(
    order: np.ndarray,
    scores: dict[str, np.ndarray],
    trusted: str,
    frame: pd.DataFrame,
    y: np.ndarray,
    classes: tuple[str, ...],
    explain: ByFrequency,
    networks: FoldNetworks | None,
    fold: np.ndarray,
    features: pd.DataFrame,
    marks: np.ndarray | None,
) -> list[Row]:
    rows = order[:EXPLAINED]
    ranks = {name: _ranks(score) for name, score in scores.items()}
    learned: list[list[Reason]] = [[] for _ in rows]
    if networks is not None:
        learned = by_network(features, rows, networks.explain(features, y, fold, rows))
    top = []
    for i, row in enumerate(rows):
        reasons = {TABLE: explain.of(int(row))}
        if networks is not None:
            reasons[NETWORK] = learned[i]
        top.append(
            Row(
                rank=i + 1,
                row=int(frame.index[row]),
                name=classes[y[row]],
                score=float(scores[trusted][row]),
                ranks={name: int(rank[row]) for name, rank in ranks.items()},
                reasons=reasons,
                marked=None if marks is None else bool(marks[row]),
            )
        )
    return top


def _ranks(score: np.ndarray) -> np.ndarray:
    """Return the rank of each row from 1, the strangest first; ties keep their order."""
    ranks = np.empty(len(score), dtype=np.int64)
    ranks[np.argsort(-score, kind="stable")] = np.arange(1, len(score) + 1)
    return ranks


def _ranked(
    order: np.ndarray,
    scores: dict[str, np.ndarray],
    trusted: str,
    frame: pd.DataFrame,
    y: np.ndarray,
    classes: list[str],
    top: list[Row],
) -> pd.DataFrame:
    """Return all rows, the strangest first, with reasons where they were looked for."""
    score = scores[trusted]
    above = thresholds.p_values(score, score)
    columns: dict[str, object] = {
        "rank": np.arange(1, len(order) + 1),
        "row": frame.index.to_numpy()[order],
        "class": np.array(classes, dtype=object)[y[order]],
        "score": score[order].round(4),
        "share at least as strange": above[order].round(6),
    }
    for name, one in scores.items():
        columns[f"rank by {name}"] = _ranks(one)[order]
    for name in (trusted, *(one for one in scores if one != trusted)):
        for k in range(3):
            texts = [r.reasons[name][k].text if k < len(r.reasons[name]) else "" for r in top]
            texts += [""] * (len(order) - len(top))
            columns[f"{name}: reason {k + 1}"] = np.array(texts, dtype=object)
    ranked = pd.DataFrame(columns)
    given = frame.iloc[order].reset_index(drop=True)
    given = given.rename(columns={c: f"{c} (table)" for c in ranked if c in given})
    return pd.concat([ranked, given], axis=1)
