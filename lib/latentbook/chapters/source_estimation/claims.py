"""Claims of chapter 06: what its sentences about full-scale results rest on.

Intervals are Student's, over seeds of k-means, network and readings in the same test windows: they
say nothing about other years. Of networks no ranks of single releases were kept; `claims_rules` has
the rules of which they were.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics.pairwise import haversine_distances

from latentbook.chapters.source_estimation import CHAPTER, claims_rules
from latentbook.chapters.source_estimation.tables import figure_20
from latentbook.study import gains
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.gains import Gain
from latentbook.weather import source

CLAIMS = Claims("06")
CLAIMS.sources |= claims_rules.CLAIMS.sources

SIMULATED = "weather-simulated"
#: Codes whose clusters are compared; 256 principal components repeat the raw fields.
CODES = ("raw", "conv", "fc-lstm", "cnn-lstm", "cnn-lstm-3d")
MEAN, TRUE = "mean plume", "true weather"
TOPS = ("top1", "top3")
#: Readings and windows of figure 20.
CONDITIONS = ((10, 1), (10, 10), (30, 1), (30, 10))


def _shares(
    evidence: Evidence, codes: str, top: str, readings: int = 10, windows: int = 10
) -> pd.Series:
    """Return the shares found among the first, in percent, by seed."""
    rows = evidence.rows(
        SIMULATED, _method(codes), chapter=CHAPTER, readings=readings, descriptor=windows
    )
    return 100 * scores(rows, top).droplevel("dataset")


def _varied(evidence: Evidence, codes: str, top: str, change: str) -> pd.Series:
    """Return the shares, in percent, with one thing changed, such as ``smoothing 1.0``."""
    rows = evidence.rows(SIMULATED, f"{_method(codes)}, {change}", chapter=CHAPTER)
    return 100 * scores(rows, top).droplevel("dataset")


def _method(codes: str) -> str:
    if codes in (MEAN, TRUE):
        return codes
    return "k-means raw" if codes == "raw" else f"{codes} + k-means"


def _change(evidence: Evidence, codes: str, top: str, to: str, instead_of: str) -> Gain:
    """Return what a change adds, in percentage points, seed by seed."""
    return gains.compare(
        _varied(evidence, codes, top, to), _varied(evidence, codes, top, instead_of)
    )


def _known(gain: Gain) -> bool:
    """Say whether the interval leaves out zero."""
    return gain.low > 0 or gain.high < 0


def _interval(gain: Gain) -> list[float]:
    return [gain.mean, gain.low, gain.high]


def _ends(values: Sequence[float]) -> list[float]:
    return [min(values), max(values)]


# ---------------------------------------------------------------- the table of the thesis


@CLAIMS
def printed_in_the_thesis(evidence: Evidence) -> Claim:
    """Figure 20 of the thesis: shares of sites that come first, and leads of the networks."""
    printed = evidence.verdicts(table="figure 20")
    first = printed[printed["metric"] == "top1"]
    readings = np.array([params["readings"] for params in first["params"]])
    few, many = (100 * first["value"][readings == n] for n in (10, 30))
    judged = _figure_20(evidence)
    leads = 100 * judged["printed"][_of(judged, "codes of a network")]
    return Claim(
        [10, *_ends(list(few)), *_ends(list(many)), leads.min(), leads.max()],
        {"networks lead in every column": (leads > 0).all()},
    )


def _figure_20(evidence: Evidence) -> pd.DataFrame:
    """Return the differences of figure 20 beside ours."""
    rows = evidence.rows(chapter=CHAPTER)
    return evidence.once("figure 20", lambda: figure_20(rows))


def _of(judged: pd.DataFrame, question: str) -> pd.Series:
    return judged["question"].str.startswith(question)


@CLAIMS
def levels(evidence: Evidence) -> Claim:
    """How far our shares of the raw fields are from the printed ones."""
    printed = evidence.verdicts(table="figure 20", method="k-means raw")
    differences = 100 * (printed["mean"] - printed["value"])
    return Claim([differences.min(), differences.max()])


@CLAIMS
def windows_as_printed(evidence: Evidence) -> Claim:
    """Ten windows of a pattern beat one in every comparison, as printed."""
    judged = _figure_20(evidence)
    rows = judged[_of(judged, "ten windows")]
    return Claim(
        [
            10,
            (rows["order"] == "same order").sum(),
            len(rows),
            (rows["size"] == "as printed").sum(),
        ],
        {"every interval is above zero": (rows["low"] > 0).all()},
    )


@CLAIMS
def readings_as_printed(evidence: Evidence) -> Claim:
    """Thirty readings beat ten in every comparison, by less than printed."""
    judged = _figure_20(evidence)
    rows = judged[_of(judged, "thirty readings")]
    return Claim(
        [
            10,
            (rows["order"] == "same order").sum(),
            len(rows),
            *(100 * end for end in _ends(list(rows["mean"]))),
            *(100 * end for end in _ends(list(rows["printed"]))),
        ],
        {"all are smaller than printed": (rows["size"] == "smaller here").all()},
    )


@CLAIMS
def networks_as_printed(evidence: Evidence) -> Claim:
    """Few of the printed leads of the networks come out, and most are undecided."""
    judged = _figure_20(evidence)
    order = judged["order"][_of(judged, "codes of a network")]
    counts = [
        int((order == word).sum())
        for word in ("same order", "no difference here", "undecided", "opposite order")
    ]
    return Claim(
        [len(order), *counts[:3]],
        {"none has the opposite order": counts[3] == 0, "most are undecided": counts[2] > 12},
    )


@CLAIMS
def levels_as_printed(evidence: Evidence) -> Claim:
    """Three levels are ahead of one in every printed comparison, and here in none or few."""
    judged = _figure_20(evidence)
    rows = judged[_of(judged, "three levels")]
    words = ("same order", "no difference here", "undecided", "opposite order")
    counts = [int((rows["order"] == word).sum()) for word in words]
    return Claim(
        [3, len(rows), *counts[:3]],
        {"ahead in print": (rows["printed"] > 0).all(), "none is opposite": counts[3] == 0},
    )


@CLAIMS
def networks_with_one_window(evidence: Evidence) -> Claim:
    """With one window the lead of the CNN-LSTM over the fields is near the printed one."""
    judged = _figure_20(evidence)
    rows = judged[judged["first"].str.startswith("cnn-lstm + k-means (windows 1,")]
    rows = rows[_of(rows, "codes of a network")]
    return Claim(
        [
            *(100 * end for end in _ends(list(rows["mean"]))),
            *(100 * end for end in _ends(list(rows["printed"]))),
            (rows["low"] > 0).sum(),
            len(rows),
        ],
        {"all means are above zero": (rows["mean"] > 0).all()},
    )


@CLAIMS
def networks_with_ten_windows(evidence: Evidence) -> Claim:
    """With ten windows no recurrent network is ahead of the fields."""
    found = [
        _lead(evidence, codes, "raw", top, readings, 10)
        for codes in CODES[2:]
        for top in TOPS
        for readings in (10, 30)
    ]
    return Claim(
        [
            10,
            sum(not _known(gain) for gain in found),
            len(found),
            *_ends([gain.mean for gain in found]),
        ],
        {"no recurrent network is ahead": not any(gain.low > 0 for gain in found)},
    )


def _lead(
    evidence: Evidence, codes: str, other: str, top: str, readings: int, windows: int
) -> Gain:
    """Return the lead over other codes in percentage points, seed by seed."""
    return gains.compare(
        _shares(evidence, codes, top, readings, windows),
        _shares(evidence, other, top, readings, windows),
    )


@CLAIMS
def plain_network(evidence: Evidence) -> Claim:
    """With ten windows the network without memory is ahead of the fields by less than a point."""
    found = [_lead(evidence, "conv", "raw", top, n, 10) for top in TOPS for n in (10, 30)]
    ahead = [gain.mean for gain in found if gain.low > 0]
    return Claim([len(ahead), len(found)], {"less than a point": bool(ahead) and max(ahead) < 1})


@CLAIMS
def three_levels(evidence: Evidence) -> Claim:
    """Three levels instead of one make no difference that three seeds show."""
    found = [
        _lead(evidence, "cnn-lstm-3d", "cnn-lstm", top, readings, windows)
        for top in TOPS
        for readings, windows in CONDITIONS
    ]
    printed = {m: _printed(evidence, f"{m} + k-means") for m in ("cnn-lstm", "cnn-lstm-3d")}
    leads = list(100 * (printed["cnn-lstm-3d"] - printed["cnn-lstm"]))
    return Claim(
        [3, *_ends(leads), len(found)],
        {
            "the thesis has them ahead everywhere": min(leads) > 0,
            "every interval holds zero": not any(map(_known, found)),
        },
    )


def _printed(evidence: Evidence, method: str) -> np.ndarray:
    return evidence.verdicts(table="figure 20", method=method)["value"].to_numpy()


# ---------------------------------------------------------------- patterns and no patterns


@CLAIMS
def components_repeat(evidence: Evidence) -> Claim:
    """Principal components find the same shares as the fields."""
    differences = [
        _shares(evidence, "pca256", top, *condition) - _shares(evidence, "raw", top, *condition)
        for top in TOPS
        for condition in CONDITIONS
    ]
    return Claim(
        [256, len(CODES)],
        {"no share differs by a twentieth of a point": pd.concat(differences).abs().max() < 0.05},
    )


@CLAIMS
def no_weather_ten_readings(evidence: Evidence) -> Claim:
    """With ten readings patterns are not told from the plume that knows no weather."""
    found = [_lead(evidence, codes, MEAN, top, 10, 10) for codes in CODES for top in TOPS]
    mean, raw = (_shares(evidence, codes, "top1").mean() for codes in (MEAN, "raw"))
    return Claim(
        [10, 10, mean, raw, sum(map(_known, found)), len(found), len(CODES)],
        {"means of top 1 are within a point": abs(mean - raw) < 1},
    )


@CLAIMS
def no_weather_thirty_readings(evidence: Evidence) -> Claim:
    """With thirty readings the patterns of the fields are ahead, in top 1."""
    top1, top3 = (_lead(evidence, "raw", MEAN, top, 30, 10) for top in TOPS)
    return Claim(
        [30, *_interval(top1)], {"ahead in top 1": top1.low > 0, "not in top 3": not _known(top3)}
    )


@CLAIMS
def one_window(evidence: Evidence) -> Claim:
    """One window a pattern is worse than no weather at all."""
    found = [_lead(evidence, codes, MEAN, "top1", n, 1) for codes in CODES for n in (10, 30)]
    behind = [-gain.mean for gain in found]
    return Claim(
        [len(CODES), *_ends(behind)],
        {"every interval is below zero": all(gain.high < 0 for gain in found)},
    )


@CLAIMS
def what_matters(evidence: Evidence) -> Claim:
    """Windows of a pattern matter more than the codes, and readings a little more."""
    share = {
        (codes, *condition): _shares(evidence, codes, "top1", *condition).mean()
        for codes in CODES
        for condition in CONDITIONS
    }
    spread = [np.ptp([share[codes, *condition] for codes in CODES]) for condition in CONDITIONS]
    windows = [share[c, n, 10] - share[c, n, 1] for c in CODES for n in (10, 30)]
    readings = [share[c, 30, w] - share[c, 10, w] for c in CODES for w in (1, 10)]
    return Claim(
        [max(spread), 10, *_ends(windows), 30, 10, *_ends(readings)],
        {"both matter more than the codes": min(windows + readings) > max(spread)},
    )


@CLAIMS
def panels(evidence: Evidence) -> Claim:
    """Four panels of the accuracy figure, and what they show."""
    right, close, beside, left = [], [], [], []
    for readings, windows in CONDITIONS:
        means = [_shares(evidence, c, "top1", readings, windows).mean() for c in CODES]
        no_weather, true = (
            _shares(evidence, c, "top1", readings, windows).mean() for c in (MEAN, TRUE)
        )
        right.append(true - max(*means, no_weather))
        close.append(np.ptp(means))
        if windows == 1:
            left.append(no_weather - max(means))
        else:
            beside += [abs(mean - no_weather) for mean in means]
    return Claim(
        [],
        {
            "the true weather is far to the right": min(right) > 15,
            "clusters are close together": max(close) < 4,
            "left of the mean plume with one window": min(left) > 4,
            "beside it with ten": max(beside) < 4,
        },
    )


# ---------------------------------------------------------------- sites


@CLAIMS
def isolated_sites(evidence: Evidence) -> Claim:
    """Sites that lie farther from the next one are found more often."""
    correlation, p, n = _isolation(evidence)
    return Claim([n, correlation], {"it is not chance": p < 0.05, "rising": correlation > 0})


@CLAIMS
def map_of_sites(evidence: Evidence) -> Claim:
    """Isolated sites are brighter on the map."""
    correlation, p, n = _isolation(evidence)
    return Claim([n], {"isolated sites are brighter": correlation > 0 and p < 0.05})


def _isolation(evidence: Evidence) -> tuple[float, float, int]:
    """Return rank correlation of share found with distance to the next site, its p, and n."""
    found = evidence.arrays(f"06-{SIMULATED}")["found_first"]
    places = np.radians(source.sites()[["latitude", "longitude"]].to_numpy())
    distance = haversine_distances(places)
    np.fill_diagonal(distance, np.inf)
    correlation, p = spearmanr(found, distance.min(axis=1))
    return float(correlation), float(p), len(found)


# ---------------------------------------------------------------- variations


@CLAIMS
def two_cells(evidence: Evidence) -> Claim:
    """Smoothing by two cells helps the true weather and harms the patterns, in top 1."""
    true, raw = (
        [_varied(evidence, c, "top1", f"smoothing {s}").mean() for s in (0.3, 2.0)]
        for c in (TRUE, "raw")
    )
    found = [
        _change(evidence, codes, "top1", "smoothing 2.0", "smoothing 0.3")
        for codes in (*CODES, MEAN)
    ]
    return Claim(
        [2, 0.3, *true, *raw],
        {
            "the true weather gains": true[1] > true[0],
            "codes and mean plume lose": all(gain.high < 0 for gain in found),
        },
    )


@CLAIMS
def one_cell(evidence: Evidence) -> Claim:
    """Smoothing by one cell lowers top 1 and raises top 3 of every code."""
    first, three = (
        [_change(evidence, codes, top, "smoothing 1.0", "smoothing 0.3") for codes in CODES]
        for top in TOPS
    )
    return Claim(
        [
            len(CODES),
            *_ends([-gain.mean for gain in first]),
            *_ends([gain.mean for gain in three]),
        ],
        {
            "top 1 falls": all(gain.high < 0 for gain in first),
            "top 3 rises": all(gain.low > 0 for gain in three),
        },
    )


@CLAIMS
def more_patterns(evidence: Evidence) -> Claim:
    """Sixty patterns raise every mean, and some beyond the interval."""
    found = [_change(evidence, codes, "top1", "k 60", "k 15") for codes in CODES]
    return Claim(
        [60, 15, *_ends([gain.mean for gain in found]), sum(map(_known, found)), len(found)],
        {"every mean rises": all(gain.mean > 0 for gain in found)},
    )


@CLAIMS
def hundred_readings(evidence: Evidence) -> Claim:
    """Many readings help the true weather most, and not the mean plume."""
    shares = [
        _varied(evidence, codes, "top1", f"readings {n}").mean()
        for codes in (TRUE, "raw", MEAN)
        for n in (10, 100)
    ]
    true, raw, mean = shares[1] - shares[0], shares[3] - shares[2], shares[5] - shares[4]
    return Claim(
        [100, 10, *shares],
        {"in this order": true > raw > 0, "the mean plume does not gain": mean < 0},
    )


@CLAIMS
def few_readings(evidence: Evidence) -> Claim:
    """With one or three readings the mean plume is ahead of every code."""
    found = [
        gains.compare(
            _varied(evidence, MEAN, "top1", f"readings {n}"),
            _varied(evidence, codes, "top1", f"readings {n}"),
        )
        for codes in CODES
        for n in (1, 3)
    ]
    return Claim(
        [
            *(1, 3, len(CODES)),
            *_ends([gain.mean for gain in found]),
            sum(map(_known, found)),
            len(found),
        ],
        {"every mean is ahead": all(gain.mean > 0 for gain in found)},
    )


@CLAIMS
def concentrations(evidence: Evidence) -> Claim:
    """Concentrations are worth more than twenty readings in top 1, and less in top 3."""
    numbers: list[float] = []
    more = []
    for top in TOPS:
        measured = [
            _change(evidence, c, top, "values concentration", "values presence") for c in CODES
        ]
        further = [_change(evidence, c, top, "readings 30", "readings 10") for c in CODES]
        numbers += [
            *_ends([gain.mean for gain in measured]),
            *_ends([gain.mean for gain in further]),
        ]
        more.append([a.mean - b.mean for a, b in zip(measured, further, strict=True)])
    return Claim(
        [*numbers[:2], 20, *numbers[2:]],
        {"more in top 1": min(more[0]) > 0, "less in top 3": max(more[1]) < 0},
    )


@CLAIMS
def concentrations_without_weather(evidence: Evidence) -> Claim:
    """With concentrations the mean plume is ahead of every code."""
    mean = _varied(evidence, MEAN, "top1", "values concentration")
    codes = [_varied(evidence, c, "top1", "values concentration") for c in CODES]
    return Claim(
        [mean.mean(), *_ends([one.mean() for one in codes])],
        {
            "ahead of every code": all(mean.mean() > one.mean() for one in codes),
            "it gains as well": (
                _change(evidence, MEAN, "top1", "values concentration", "values presence").low > 0
            ),
        },
    )


@CLAIMS
def curves(evidence: Evidence) -> Claim:
    """Three panels of the figure of variations, and what they show."""

    def curve(codes: str, name: str, values: Sequence[object]) -> np.ndarray:
        return np.array([_varied(evidence, codes, "top1", f"{name} {v}").mean() for v in values])

    cells, patterns, places = (0.0, 0.3, 1.0, 2.0, 4.0), (5, 15, 30, 60), (1, 3, 10, 30, 100)
    others = (*CODES, MEAN)
    last = {codes: np.diff(curve(codes, "readings", places)) for codes in (*others, TRUE)}
    return Claim(
        [2, 0.3, 30, 100],
        {
            "the true weather is highest at two cells": curve(TRUE, "smoothing", cells).argmax()
            == 3,
            "all others fall from 0.3 cells on": all(
                (np.diff(curve(codes, "smoothing", cells)[1:]) < 0).all() for codes in others
            ),
            "codes rise by a few points with the clusters": all(
                0 < np.ptp(curve(codes, "k", patterns)) < 4 for codes in CODES
            ),
            "all rise up to 30 readings": all((steps[:3] > 0).all() for steps in last.values()),
            "then only the true weather rises much": last[TRUE][3] > 10
            and all(last[codes][3] < 1.5 for codes in others),
            "and the mean plume falls": last[MEAN][3] < 0,
        },
    )
