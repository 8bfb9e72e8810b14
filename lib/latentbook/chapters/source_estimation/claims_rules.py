"""Claims of chapter 06 on rules beside the thesis': baselines, inputs, calibration, fairer tasks.

Shares and differences come from the ranks of single releases; intervals draw whole weeks, so that
they are about this weather and readings like these, not about other years.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from latentbook.chapters.source_estimation import CHAPTER, comparisons, ranks
from latentbook.chapters.source_estimation.comparisons import READINGS, REAL, SIMULATED, condition
from latentbook.study.claims import Claim, Claims, Evidence, scores

CLAIMS = Claims("06")

#: Codes whose clusters the likelihood is restricted to.
CODES = ("raw", *comparisons.NETWORKS)
ANY, TRUE = "any weather + likelihood", "true weather + likelihood"
MEAN, RAW, NEAREST = "mean plume", "k-means raw", "nearest site"

Interval = tuple[float, float, float]


def _arrays(evidence: Evidence, dataset: str = SIMULATED) -> dict[str, np.ndarray]:
    """Return all ranks of a data set."""
    parts = ranks.PARTS if dataset == SIMULATED else ranks.PARTS[:2]
    return ranks.merged([evidence.arrays(ranks.name_of(part, dataset)) for part in parts])


def _share(evidence: Evidence, method: str, readings: int, top: int = 1) -> float:
    """Return the share found, in percent, by the ranks."""
    asked = condition(method, readings)
    return 100 * ranks.share(_arrays(evidence), method, asked, top)[0]


def _gain(evidence: Evidence, first: str, second: str, readings: int, top: int = 1) -> Interval:
    """Return a difference with its interval, in percentage points."""
    found = comparisons.gain(_arrays(evidence), first, second, readings, top)
    return tuple(100 * value for value in found)  # type: ignore[return-value]


def _cluster(codes: str) -> str:
    return (
        "likelihood in the cluster raw"
        if codes == "raw"
        else f"{codes} + likelihood in the cluster"
    )


def _known(gain: Interval) -> bool:
    """Say whether the interval leaves out zero."""
    return gain[1] > 0 or gain[2] < 0


def _ends(values: Iterable[float]) -> list[float]:
    every = list(values)
    return [min(every), max(every)]


# ---------------------------------------------------------------- the answer


@CLAIMS
def answer_likelihood(evidence: Evidence) -> Claim:
    """Likelihood without weather is far ahead of the patterns by cosine."""
    found = [_gain(evidence, ANY, RAW, n) for n in READINGS]
    few, many = READINGS
    return Claim(
        [
            *(_share(evidence, ANY, few), few, _share(evidence, ANY, many), many),
            *(_share(evidence, RAW, n) for n in READINGS),
        ],
        {"it is ahead": all(low > 0 for _, low, _ in found)},
    )


@CLAIMS
def answer_patterns(evidence: Evidence) -> Claim:
    """Clusters serve the likelihood less than all windows, whatever the codes."""
    found = [_gain(evidence, _cluster(codes), ANY, n) for codes in CODES for n in READINGS]
    shares = [_share(evidence, _cluster(codes), READINGS[0]) for codes in CODES]
    return Claim(
        [len(CODES), READINGS[0], *_ends(shares)],
        {"every cluster is behind": all(high < 0 for _, _, high in found)},
    )


@CLAIMS
def answer_true_weather(evidence: Evidence) -> Claim:
    """With the true weather the likelihood finds nearly all."""
    found = [_gain(evidence, TRUE, ANY, n) for n in READINGS]
    return Claim(
        [_share(evidence, TRUE, n) for n in READINGS],
        {"far ahead": all(low > 10 for _, low, _ in found)},
    )


# ---------------------------------------------------------------- baselines


@CLAIMS
def nearest_site(evidence: Evidence) -> Claim:
    """Nearest to any reading is a rule that beats the patterns by cosine."""
    found = [_gain(evidence, NEAREST, RAW, n) for n in READINGS]
    return Claim(
        [*(_share(evidence, NEAREST, n) for n in READINGS), *(x for g in found for x in g)],
        {"it is ahead": all(low > 0 for _, low, _ in found)},
    )


@CLAIMS
def score_alone(evidence: Evidence) -> Claim:
    """Likelihood finds far more sites than the cosine, with the same plumes."""
    found = [_gain(evidence, ANY, MEAN, n) for n in READINGS]
    return Claim(
        [x for g, n in zip(found, READINGS, strict=True) for x in (*g, n)],
        {"the likelihood is ahead": all(low > 0 for _, low, _ in found)},
    )


@CLAIMS
def patterns_and_mean_plume(evidence: Evidence) -> Claim:
    """By cosine the patterns of the raw fields add little to the mean plume."""
    found = [_gain(evidence, RAW, MEAN, n) for n in READINGS]
    return Claim(
        [x for g in found for x in g],
        {"little": all(abs(mean) < 5 for mean, _, _ in found)},
    )


@CLAIMS
def clusters_of_networks(evidence: Evidence) -> Claim:
    """Clusters of networks against clusters of the fields, by likelihood."""
    found = [
        _gain(evidence, _cluster(codes), _cluster("raw"), n)
        for codes in comparisons.NETWORKS
        for n in READINGS
    ]
    ahead = sum(low > 0 for _, low, _ in found)
    behind = sum(high < 0 for _, _, high in found)
    return Claim([*_ends(mean for mean, _, _ in found), ahead, behind, len(found)], {})


@CLAIMS
def analogues_by_cosine(evidence: Evidence) -> Claim:
    """Thirty analogues find more than clusters, by heights and more so by wind."""
    found = [
        _gain(evidence, f"30 analogues by {near} + cosine", RAW, n)
        for near in ("heights", "wind")
        for n in READINGS
    ]
    wind = [
        _gain(evidence, "30 analogues by wind + cosine", "30 analogues by heights + cosine", n)
        for n in READINGS
    ]
    return Claim(
        [30, *(mean for mean, _, _ in found)],
        {
            "analogues are ahead": all(low > 0 for _, low, _ in found),
            "wind is ahead of heights": all(low > 0 for _, low, _ in wind),
        },
    )


@CLAIMS
def analogues_by_likelihood(evidence: Evidence) -> Claim:
    """Analogues as weights of the likelihood do not beat all windows."""
    found = [
        _gain(evidence, f"{n} analogues by wind + likelihood", ANY, readings)
        for n in (30, 100)
        for readings in READINGS
    ]
    return Claim(
        [30, 100, *_ends(mean for mean, _, _ in found)],
        {"none is ahead": not any(low > 0 for _, low, _ in found)},
    )


@CLAIMS
def same_particles(evidence: Evidence) -> Claim:
    """By cosine, other particles of the true weather find as much as the same ones."""
    found = [_gain(evidence, "true weather + cosine", "true weather", n) for n in READINGS]
    return Claim(
        [300, 2000, *_ends(mean for mean, _, _ in found)],
        {"within a point and a half": all(abs(mean) < 1.5 for mean, _, _ in found)},
    )


# ---------------------------------------------------------------- calibration


def _metric(evidence: Evidence, method: str, readings: int, metric: str) -> float:
    rows = evidence.rows(SIMULATED, method, chapter=CHAPTER, readings=readings)
    return float(scores(rows, metric).mean())


@CLAIMS
def over_confident(evidence: Evidence) -> Claim:
    """Likelihood promises more than it finds, and a temperature mends most of it."""
    promised: list[float] = []
    found: list[float] = []
    arrays = _arrays(evidence)
    for n in READINGS:
        curve = [
            arrays[f"reliability as it is; {ranks.key(ANY, seed, readings=n)}"]
            for seed in ranks.seeds(arrays, ANY, {"readings": n})
        ]
        for target, row in ((promised, 0), (found, 1)):
            total = np.mean([np.nansum(one[row] * one[2]) / one[2].sum() for one in curve])
            target.append(100 * total)
    before = [_metric(evidence, ANY, n, "calibration_error") for n in READINGS]
    after = [_metric(evidence, ANY, n, "calibration_error_tempered") for n in READINGS]
    return Claim(
        [READINGS[0], promised[0], found[0], READINGS[1], promised[1], found[1]],
        {
            "it promises more than it finds": all(np.subtract(promised, found) > 5),
            "the temperature mends": all(np.less(after, before)),
        },
    )


@CLAIMS
def temperature(evidence: Evidence) -> Claim:
    """Temperatures from the training windows lower log score and calibration error."""
    numbers, better = [], []
    for n in READINGS:
        values = [
            _metric(evidence, ANY, n, metric)
            for metric in (
                "temperature",
                "log_score",
                "log_score_tempered",
                "calibration_error",
                "calibration_error_tempered",
            )
        ]
        numbers += [n, *values]
        better += [values[2] < values[1], values[4] < values[3]]
    return Claim(numbers, {"both fall": all(better)})


@CLAIMS
def reliability_figure(evidence: Evidence) -> Claim:
    """Curves below the diagonal as they are; with a temperature above it, but for the last bin."""
    arrays = _arrays(evidence)
    before: list[bool] = []
    middle: list[bool] = []
    last: list[bool] = []
    for n in READINGS:
        name = ranks.key(ANY, 0, readings=n)
        promised, found, events = arrays[f"reliability as it is; {name}"]
        before += list((found < promised)[events >= 30])
        promised, found, events = arrays[f"reliability tempered; {name}"]
        middle += list((found > promised)[(promised > 0.3) & (promised < 0.7)])
        last.append(bool(found[-1] < promised[-1]))
    return Claim(
        list(READINGS),
        {
            "below the diagonal as it is": all(before),
            "above it in the middle with a temperature": all(middle),
            "and below it at the end": all(last),
        },
    )


# ---------------------------------------------------------------- inputs


def _input_gains(evidence: Evidence, names: Iterable[str]) -> list[Interval]:
    return [_gain(evidence, f"{name} + k-means", RAW, n) for name in names for n in READINGS]


@CLAIMS
def time_in_a_window(evidence: Evidence) -> Claim:
    """First field, mean field and shuffled fields find as much as the window in its order."""
    found = _input_gains(evidence, ("first-field", "mean-field", "shuffled"))
    return Claim(
        [*_ends(mean for mean, _, _ in found), sum(map(_known, found)), len(found)],
        {"within a point": all(abs(mean) < 1 for mean, _, _ in found)},
    )


@CLAIMS
def few_components(evidence: Evidence) -> Claim:
    """Five numbers a window do as well as all."""
    found = _input_gains(evidence, ("eofs5",))
    return Claim(
        [5, *(x for g, n in zip(found, READINGS, strict=True) for x in (*g, n))],
        {"within a point": all(abs(mean) < 1 for mean, _, _ in found)},
    )


@CLAIMS
def wind_as_input(evidence: Evidence) -> Claim:
    """Wind at the level of the release is a better input than heights."""
    found = _input_gains(evidence, ("wind",))
    return Claim(
        [x for g, n in zip(found, READINGS, strict=True) for x in (*g, n)],
        {"it is ahead": all(low > 0 for _, low, _ in found)},
    )


@CLAIMS
def other_inputs(evidence: Evidence) -> Claim:
    """Three levels, heights where the release travels, and five components of its wind."""
    found = _input_gains(evidence, ("levels", "heights", "wind-eofs5"))
    return Claim(
        [3, 5, *_ends(mean for mean, _, _ in found), sum(map(_known, found)), len(found)], {}
    )


# ---------------------------------------------------------------- fairer tasks


def _cost(evidence: Evidence, rule: str, change: str) -> Interval:
    """Return what a change costs a rule, in percentage points of the top-1 share."""
    found = ranks.difference(
        _arrays(evidence),
        (f"{rule}, as it is", {"readings": READINGS[0]}),
        (f"{rule}, {change}", {"readings": READINGS[0]}),
    )
    return tuple(100 * value for value in found)  # type: ignore[return-value]


def _turned(cost: Interval) -> Interval:
    """Return what a cost changes a share by."""
    mean, low, high = cost
    return -mean, -high, -low


@CLAIMS
def unknown_hour(evidence: Evidence) -> Claim:
    """Releases that begin within a day cost the true weather most."""
    any_weather, true = (_cost(evidence, rule, "begins within 24 h") for rule in (ANY, TRUE))
    return Claim(
        [*true, *_turned(any_weather)],
        {"the true weather loses more": true[1] > any_weather[2], "it loses": true[1] > 0},
    )


@CLAIMS
def other_dispersion(evidence: Evidence) -> Claim:
    """Another diffusivity and another level of the wind, for what is read."""
    level, spread, depth = (
        [-_cost(evidence, rule, change)[0] for rule in (ANY, TRUE)]
        for change in ("wind at 700 hPa", "diffusivity 100000", "mixing height 500")
    )
    pair = [(f"{rule}, wind at 700 hPa", {"readings": READINGS[0]}) for rule in (ANY, TRUE)]
    lead = ranks.difference(_arrays(evidence), pair[0], pair[1])
    return Claim(
        [700, *level, 4, *spread, *_ends(depth)],
        {"the wrong level is worse than no weather": lead[1] > 0},
    )


@CLAIMS
def wrong_readings(evidence: Evidence) -> Claim:
    """Wrong readings cost the likelihood more than the nearest site, and leave it ahead."""
    numbers = []
    for share in ("0.1", "0.3"):
        numbers += [_cost(evidence, rule, f"wrong readings {share}")[0] for rule in (NEAREST, ANY)]
    asked = {"readings": READINGS[0]}
    pair = [(f"{rule}, wrong readings 0.3", asked) for rule in (ANY, NEAREST)]
    lead = ranks.difference(_arrays(evidence), pair[0], pair[1])
    return Claim(
        [*numbers[:2], 3, *numbers[2:]],
        {
            "the likelihood loses more": numbers[1] > numbers[0] and numbers[3] > numbers[2],
            "it stays ahead": lead[1] > 0,
        },
    )


@CLAIMS
def fixed_network(evidence: Evidence) -> Claim:
    """Silence of fixed stations counts in the likelihood, which beats the cosine there."""
    arrays = _arrays(evidence)
    shares, gains, n_stations = [], [], []
    for spacing in (4, 8):
        change = f"network every {spacing} cells"
        pair = [(f"{rule}, {change}", {"readings": READINGS[0]}) for rule in (ANY, RAW)]
        shares += [100 * ranks.share(arrays, one, asked)[0] for one, asked in pair]
        gains.append(ranks.difference(arrays, pair[0], pair[1]))
        rows = evidence.rows(SIMULATED, f"{ANY}, {change}", chapter=CHAPTER)
        n_stations.append(rows["params"].iloc[0]["stations"])
    return Claim(
        [n_stations[0], shares[0], shares[1], n_stations[1], shares[2], shares[3]],
        {"the likelihood is ahead": all(low > 0 for _, low, _ in gains)},
    )


# ---------------------------------------------------------------- real weather


@CLAIMS
def real_weather(evidence: Evidence) -> Claim:
    """In real weather the likelihood without weather leads the patterns by cosine as well."""
    arrays = _arrays(evidence, REAL)
    found = [
        comparisons.gain(arrays, ANY, RAW, n, level=level)
        for level in comparisons.LEVELS
        for n in READINGS
    ]
    return Claim(
        _ends(100 * mean for mean, _, _ in found),
        {"it is ahead": all(low > 0 for _, low, _ in found)},
    )


@CLAIMS
def real_patterns(evidence: Evidence) -> Claim:
    """In real weather clusters are behind all windows, by likelihood, for every code."""
    arrays = _arrays(evidence, REAL)
    codes = CODES[:4]
    found = [
        comparisons.gain(arrays, _cluster(one), ANY, n, level=level)
        for one in codes
        for level in comparisons.LEVELS
        for n in READINGS
    ]
    return Claim(
        [len(codes), *_ends(-100 * mean for mean, _, _ in found)],
        {"every cluster is behind": all(high < 0 for _, _, high in found)},
    )


@CLAIMS
def real_true_weather(evidence: Evidence) -> Claim:
    """With the true weather the likelihood finds nearly all in real weather too."""
    arrays = _arrays(evidence, REAL)
    found = [
        100 * ranks.share(arrays, TRUE, condition(TRUE, n, level))[0]
        for level in comparisons.LEVELS
        for n in READINGS
    ]
    return Claim(_ends(found), {"nearly all": min(found) > 85})


# ---------------------------------------------------------------- the figure


@CLAIMS
def rules_figure(evidence: Evidence) -> Claim:
    """Rows of the figure of rules: the true weather by likelihood stands at the right end."""
    others = [rule for rule in comparisons.RULES if rule != TRUE]
    others += [_cluster(codes) for codes in CODES]
    found = [[_share(evidence, rule, n) for rule in others] for n in READINGS]
    true = [_share(evidence, TRUE, n) for n in READINGS]
    return Claim(
        list(READINGS),
        {"the true weather is the last": all(t > max(f) for t, f in zip(true, found, strict=True))},
    )
