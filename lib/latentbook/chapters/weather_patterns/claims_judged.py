"""Claims of chapter 05 on test windows: the neutral judge, time, code sizes, regimes and years.

Intervals of a lead over the raw windows are those of a bootstrap of blocks of two weeks, mean over
the runs; they hold for the years that were tested.
"""

from __future__ import annotations

import pandas as pd

from latentbook.chapters.weather_patterns import CHAPTER
from latentbook.chapters.weather_patterns.judged_tables import flat
from latentbook.chapters.weather_patterns.queue import FORTY
from latentbook.study import gains
from latentbook.study.claims import Claim, Claims, Evidence
from latentbook.study.gains import Gain

CLAIMS = Claims("05")

SIMULATED, ERAINT, NCEP = "weather-simulated", "weather-eraint", "weather-ncep"
#: Where time is taken out of windows: data set, variable that judges.
PRESSURE, WIND = (ERAINT, "msl"), (FORTY, "wind900")
COARSE = 4
NAMED = ("NAO+", "NAO-", "blocking", "ridge")


def _coarse(evidence: Evidence, where: tuple[str, str], method: str) -> pd.DataFrame:
    """Return the runs on 16 x 16 cells, those of the simulation trained on five years."""
    dataset, _ = where
    years = 5.0 if dataset == FORTY else None
    name = f"judged: {method}"
    rows = evidence.rows(dataset, name, chapter=CHAPTER, coarse=COARSE, years=years)
    return flat(rows)


def _full(evidence: Evidence, dataset: str, method: str) -> pd.DataFrame:
    """Return the runs on 64 x 64 cells, by seed."""
    rows = evidence.rows(
        dataset, f"judged: {method}", chapter=CHAPTER, coarse=None, evaluated_on="test"
    )
    return flat(rows).set_index("seed")


def _lead(runs: pd.DataFrame, variable: str) -> list[float]:
    """Return the mean lead over the raw windows and its interval, in percentage points."""
    names = [f"lead_{variable}_weather{end}" for end in ("", "_low", "_high")]
    return [100 * float(runs[name].mean()) for name in names]


def _holds_zero(runs: pd.DataFrame, variable: str) -> bool:
    _, low, high = _lead(runs, variable)
    return low < 0 < high


def _gain(evidence: Evidence, dataset: str, codes: str, metric: str) -> Gain:
    """Return what the patterns of these codes explain more than those of the fields."""
    ours, raw = (_full(evidence, dataset, m) for m in (f"{codes} + k-means", "k-means raw"))
    return gains.compare(100 * ours[metric], 100 * raw[metric])


def _interval(gain: Gain) -> list[float]:
    return [gain.mean, gain.low, gain.high]


# ---------------------------------------------------------------- does time help?


@CLAIMS
def order_tells_nothing(evidence: Evidence) -> Claim:
    """Patterns of shuffled fields explain as much as those of the windows."""
    found = [(_coarse(evidence, w, "raw-shuffled + k-means"), w[1]) for w in (PRESSURE, WIND)]
    return Claim(
        [number for runs, v in found for number in _lead(runs, v)],
        {
            "both intervals hold zero": all(_holds_zero(runs, v) for runs, v in found),
            "so does that of the temperature": _holds_zero(found[0][0], "t850"),
        },
    )


@CLAIMS
def mean_field_is_enough(evidence: Evidence) -> Claim:
    """Patterns of the mean field explain as much as those of the windows."""
    found = [(_coarse(evidence, w, "raw-mean + k-means"), w[1]) for w in (PRESSURE, WIND)]
    return Claim(
        [number for runs, v in found for number in _lead(runs, v)],
        {
            "both intervals hold zero": all(_holds_zero(runs, v) for runs, v in found),
            "so does that of the temperature": _holds_zero(found[0][0], "t850"),
        },
    )


@CLAIMS
def first_field_is_not(evidence: Evidence) -> Claim:
    """Patterns of the first field explain less of pressure and wind, and not of the temperature."""
    found = [(_coarse(evidence, w, "raw-first + k-means"), w[1]) for w in (PRESSURE, WIND)]
    leads = [_lead(runs, v) for runs, v in found]
    behind = [(runs[f"lead_{v}_weather_high"] < 0).all() for runs, v in found]
    return Claim(
        [
            *(-number for mean, low, high in leads for number in (mean, high, low)),
            *_lead(found[0][0], "t850"),
        ],
        {
            "every run's interval is below zero": all(behind),
            "the temperature is undecided, the mean above": (
                _holds_zero(found[0][0], "t850") and _lead(found[0][0], "t850")[0] > 0
            ),
        },
    )


@CLAIMS
def time_in_short(evidence: Evidence) -> Claim:
    """Neither order nor spread of the fields counts, and the first field is not enough."""
    parts = [claim(evidence) for claim in (order_tells_nothing, mean_field_is_enough)]
    first = first_field_is_not(evidence)
    return Claim(
        [first.numbers[0], first.numbers[3]],
        {
            "order and mean make no difference": all(all(p.holds.values()) for p in parts),
            "the first field explains less, but of the temperature": all(first.holds.values()),
        },
    )


@CLAIMS
def networks_of_sixteen(evidence: Evidence) -> Claim:
    """One run of each: a convolutional network is ahead of the fields, the FC-LSTM behind."""
    names = ("conv", "conv-single", "cnn-lstm", "fc-lstm")
    runs = [_coarse(evidence, WIND, f"{n} + k-means") for n in names]
    runs = [one[(one["n_codes"] == 16) & (one["seed"] == 0)] for one in runs]
    ahead, single, cnn, behind = (_lead(one, "wind900") for one in runs)
    return Claim(
        [16, 5, *ahead, *single, *cnn, -behind[0], -behind[2], -behind[1]],
        {
            "fields as channels are ahead": ahead[1] > 0,
            "two are undecided": single[1] < 0 < single[2] and cnn[1] < 0 < cnn[2],
            "the FC-LSTM is behind": behind[2] < 0,
        },
    )


@CLAIMS
def conv_lstm_of_sixteen(evidence: Evidence) -> Claim:
    """One run of the ConvLSTM on ERA-Interim: undecided by both variables."""
    run = _coarse(evidence, PRESSURE, "conv-lstm + k-means")
    run = run[(run["n_codes"] == 16) & (run["seed"] == 0)]
    pressure, temperature = _lead(run, "msl"), _lead(run, "t850")
    watched = evidence.arrays(f"05-judged-{ERAINT}")["losses conv-lstm, 16 codes, seed 0"][1]
    return Claim(
        [float(run["epochs"].iloc[0]), *pressure, *temperature],
        {
            "the pressure is undecided": pressure[1] < 0 < pressure[2],
            "so is the temperature": temperature[1] < 0 < temperature[2],
            "it was still improving": bool(watched[-1] == watched.min() and len(watched) > 1),
        },
    )


@CLAIMS
def whitened(evidence: Evidence) -> Claim:
    """Components that count alike explain part of it without the season, and less with it."""
    white = _coarse(evidence, WIND, "pca16-whitened + k-means")
    raw = _coarse(evidence, WIND, "k-means raw")
    network = _coarse(evidence, WIND, "conv + k-means")
    network = network[(network["n_codes"] == 16) & (network["seed"] == 0)]
    without, whole = "explained_wind900_weather", "explained_wind900"
    values = [100 * float(one[without].mean()) for one in (white, raw, network)]
    wholes = [100 * float(one[whole].mean()) for one in (white, raw, network)]
    return Claim(
        [16, *values, *wholes],
        {
            "between the fields and the network": values[1] < values[0] < values[2],
            "with the season behind both": wholes[0] < wholes[1] < wholes[2],
        },
    )


# ---------------------------------------------------------------- the judge


@CLAIMS
def tautology(evidence: Evidence) -> Claim:
    """By the index of test windows the fields are ahead of all networks, on every data set."""
    leads = []
    for dataset in (ERAINT, NCEP, SIMULATED):
        raw = _full(evidence, dataset, "k-means raw")["calinski_harabasz_raw"].mean()
        for codes in ("conv", "fc-lstm", "cnn-lstm"):
            ours = _full(evidence, dataset, f"{codes} + k-means")["calinski_harabasz_raw"]
            leads.append(ours.mean() < raw)
    return Claim([3], {"the mean of every network is below the fields": all(leads)})


@CLAIMS
def channels_before_the_judge(evidence: Evidence) -> Claim:
    """Fields as channels explain more wind and more pressure than the fields themselves."""
    wind = _full(evidence, SIMULATED, "conv + k-means")
    pressure = _full(evidence, NCEP, "conv + k-means")
    blocks = [_lead(wind, "wind900"), _lead(pressure, "msl")]
    return Claim(
        [len(wind), *(number for lead in blocks for number in lead)],
        {
            "both intervals are above zero": all(lead[1] > 0 for lead in blocks),
        },
    )


@CLAIMS
def networks_in_short(evidence: Evidence) -> Claim:
    """Fields as channels are ahead of the fields on two data sets, the FC-LSTM is behind."""
    ahead, behind = channels_before_the_judge(evidence), fc_lstm_before_the_judge(evidence)
    return Claim(
        [ahead.numbers[1], ahead.numbers[4], behind.numbers[0]],
        {
            "fields as channels are ahead on both": all(ahead.holds.values()),
            "every run of the FC-LSTM is behind": behind.holds["every run is behind"],
        },
    )


@CLAIMS
def eraint_before_the_judge(evidence: Evidence) -> Claim:
    """On ERA-Interim no network is ahead by pressure, and the FC-LSTM is behind in every run."""
    leads = {c: _full(evidence, ERAINT, f"{c} + k-means") for c in ("conv", "cnn-lstm", "fc-lstm")}
    ahead = [(one["lead_msl_weather_low"] > 0).any() for one in leads.values()]
    behind = leads["fc-lstm"]
    mean, low, high = _lead(behind, "msl")
    return Claim(
        [-mean, -high, -low, len(behind)],
        {
            "no run of a network is ahead": not any(ahead),
            "every run of the FC-LSTM is behind": bool((behind["lead_msl_weather_high"] < 0).all()),
        },
    )


@CLAIMS
def fc_lstm_before_the_judge(evidence: Evidence) -> Claim:
    """On the simulation the FC-LSTM is behind in every run, the CNN-LSTM is undecided."""
    fc = _full(evidence, SIMULATED, "fc-lstm + k-means")
    cnn = _full(evidence, SIMULATED, "cnn-lstm + k-means")
    mean, low, high = _lead(fc, "wind900")
    other = _lead(cnn, "wind900")
    return Claim(
        [-mean, -high, -low],
        {
            "every run is behind": bool((fc["lead_wind900_weather_high"] < 0).all()),
            "the CNN-LSTM's interval holds zero": other[1] < 0 < other[2],
        },
    )


@CLAIMS
def joint_before_the_judge(evidence: Evidence) -> Claim:
    """Joint training costs explained wind in all pairs."""
    lost = []
    for codes in ("conv", "fc-lstm", "cnn-lstm"):
        before = _full(evidence, SIMULATED, f"{codes} + k-means")["explained_wind900_weather"]
        after = _full(evidence, SIMULATED, f"{codes}-joint + k-means")["explained_wind900_weather"]
        lost += list(100 * (before[after.index] - after))
    worse = sum(one > 0 for one in lost)
    return Claim([worse, len(lost), max(lost)], {"most pairs lose": worse > 0.8 * len(lost)})


@CLAIMS
def four_components(evidence: Evidence) -> Claim:
    """Four components explain as much as 256, though they restore far less."""
    few, many = (_coarse(evidence, PRESSURE, f"pca{n} + k-means") for n in (4, 256))
    numbers: list[float] = []
    for metric in ("explained_msl_weather", "explained_t850_weather"):
        numbers += [100 * float(few[metric].mean()), 100 * float(many[metric].mean())]
    gaps = [
        gains.compare(few.set_index("seed")[m], many.set_index("seed")[m])
        for m in ("explained_msl_weather", "explained_t850_weather")
    ]
    errors = [float(one["rmse_metres"].mean()) for one in (few, many)]
    return Claim(
        [4, 256, *numbers, *errors],
        {
            "no difference in both": all(gap.word == "no difference" for gap in gaps),
            "the error is far larger": errors[0] > 50 * errors[1],
        },
    )


@CLAIMS
def a_map_beside_k_means(evidence: Evidence) -> Claim:
    """Self-organising maps explain more of the season, and less of the pressure without it."""
    (row,) = flat(evidence.rows(ERAINT, "judged: som raw", chapter=CHAPTER, coarse=COARSE)).to_dict(
        "records"
    )
    whole = [100 * row[f"lead_t850{end}"] for end in ("", "_low", "_high")]
    rest = [100 * row[f"lead_t850_weather{end}"] for end in ("", "_low", "_high")]
    lost = [-100 * row[f"lead_msl_weather{end}"] for end in ("", "_high", "_low")]
    return Claim(
        [3, 5, 15, *whole, *rest, *lost],
        {
            "ahead with the season": whole[1] > 0,
            "no difference is known without": rest[1] < 0 < rest[2],
            "behind in pressure": lost[1] > 0,
        },
    )


# ---------------------------------------------------------------- in time


@CLAIMS
def persistence_of_each(evidence: Evidence) -> Claim:
    """Between test windows that share no field patterns last, each row against its own chance."""
    ratios, shares = [], []
    for dataset in (ERAINT, NCEP, SIMULATED):
        for codes in ("raw", "conv", "fc-lstm", "cnn-lstm"):
            method = "k-means raw" if codes == "raw" else f"{codes} + k-means"
            runs = _full(evidence, dataset, method)
            shares.append(100 * float(runs["persistence_apart"].mean()))
            chance = float(runs["persistence_chance_apart"].mean())
            ratios.append(shares[-1] / 100 / chance)
    return Claim(
        [3, min(shares), max(shares), 3, min(ratios), max(ratios)],
        {"always more often than by chance": min(ratios) > 2},
    )


@CLAIMS
def shifted_catalogue(evidence: Evidence) -> Claim:
    """Agreement with the catalogue is far above circular shifts, and alike for all codes."""
    scores = {
        codes: _full(evidence, ERAINT, m)["catalogue_z"]
        for codes, m in (
            ("raw", "k-means raw"),
            *((c, f"{c} + k-means") for c in ("conv", "fc-lstm", "cnn-lstm")),
        )
    }
    means = [float(one.mean()) for one in scores.values()]
    every = [value for one in scores.values() for value in one]
    differences = [gains.compare(scores[c], scores["raw"]) for c in ("conv", "fc-lstm", "cnn-lstm")]
    return Claim(
        [366, min(means), max(means)],
        {
            "every run is above the shifts": min(every) > 3,
            "no network differs from the fields": all(d.low < 0 < d.high for d in differences),
        },
    )


@CLAIMS
def certain_years(evidence: Evidence) -> Claim:
    """Clusters of 73 Junes depend on the year, and none has a trend."""
    rows = flat(
        evidence.rows("weather-era5-june", "years: k-means raw", chapter=CHAPTER, detrend=None),
        "years",
    )
    without = flat(
        evidence.rows("weather-era5-june", "years: k-means raw", chapter=CHAPTER, detrend=True),
        "years",
    )
    ratio = (rows["chi_square"] / rows["chi_square_chance"]).mean()
    return Claim(
        [
            rows["n_years"].iloc[0],
            100 * (ratio - 1),
            rows["params"].iloc[0]["block"],
            rows["years_p"].max(),
            without["years_p"].max(),
        ],
        {
            "every run depends on the year": bool((rows["years_p"] < 0.05).all()),
            "without trend too": bool((without["years_p"] < 0.05).all()),
            "no cluster has a trend": bool((rows["with_trend"] == 0).all()),
        },
    )


@CLAIMS
def four_regimes(evidence: Evidence) -> Claim:
    """Two of four daily regimes are those of monthly heights, the halves agree."""
    (row,) = evidence.rows("weather-ncep-atlantic", "regimes: eof + k-means", chapter=CHAPTER)[
        "metrics"
    ]
    found = [row[f"with_heights {name}"] for name in NAMED]
    halves = [row[f"{half}_half {name}"] for half in ("first", "second") for name in NAMED]
    return Claim(
        [*found, len(found), min(halves)],
        {
            "both phases are found": min(found[:2]) > 0.85,
            "the others hardly": max(found[2:]) < 0.6,
            "each half has all of them": min(halves) > 0.7,
        },
    )
