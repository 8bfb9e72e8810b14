"""Claims of chapter 05: what its sentences about full-scale results rest on.

Intervals are Student's, over seeds of network and k-means on the same windows: they say nothing
about other years. What depends on windows in time is counted from the kept labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from latentbook.chapters.weather_patterns import CHAPTER, claims_judged
from latentbook.chapters.weather_patterns.tables import labels_by_seed
from latentbook.study import gains
from latentbook.study.claims import Claim, Claims, Evidence, scores
from latentbook.study.gains import Gain
from latentbook.study.method import Method
from latentbook.study.records import extent
from latentbook.weather import patterns

CLAIMS = Claims("05")
CLAIMS.sources |= claims_judged.CLAIMS.sources

SIMULATED, ALPS, JUNE = "weather-simulated", "weather-ncep-alps", "weather-era5-june"
#: Reanalyses on which all networks were trained.
REANALYSES = ("weather-eraint", "weather-ncep")
TRAINED_ON = (SIMULATED, *REANALYSES)
#: Data sets of which labels were kept.
LABELLED = (*TRAINED_ON, JUNE)
NETWORKS = ("conv", "fc-lstm", "cnn-lstm")


def _rows(evidence: Evidence, dataset: str, codes: str) -> pd.DataFrame:
    """Return the records of the codes of that name."""
    method = "k-means raw" if codes == "raw" else f"{codes} + k-means"
    return evidence.rows(dataset, method, chapter=CHAPTER)


def _runs(evidence: Evidence, dataset: str, codes: str, metric: str) -> pd.Series:
    """Return a metric of the codes of that name, by seed."""
    return scores(_rows(evidence, dataset, codes), metric).droplevel("dataset")


def _mean(evidence: Evidence, dataset: str, codes: str, metric: str) -> float:
    return float(_runs(evidence, dataset, codes, metric).mean())


def _gain(evidence: Evidence, dataset: str, first: str, second: str, metric: str) -> Gain:
    """Return what the first codes have more of a metric than the second, seed by seed."""
    return gains.compare(
        _runs(evidence, dataset, first, metric), _runs(evidence, dataset, second, metric)
    )


def _known(gain: Gain) -> bool:
    """Say whether the interval leaves out zero."""
    return gain.word in ("better", "worse")


def _interval(gain: Gain) -> list[float]:
    return [gain.mean, gain.low, gain.high]


# ---------------------------------------------------------------- data and training


@CLAIMS
def simulated_data(evidence: Evidence) -> Claim:
    """Four years of simulated windows have the shape of those of the thesis."""
    arrays = evidence.arrays(f"05-{SIMULATED}")
    params = _rows(evidence, SIMULATED, "cnn-lstm-3d")["params"].iloc[0]
    years = len(np.unique(_times(arrays).astype("datetime64[Y]")))
    _, *sides = arrays["descriptors raw"].shape
    levels = len(params["levels"].split())
    return Claim([params["length"], *sides, levels, years, 38, years * params["train_share"]])


@CLAIMS
def alpine_years(evidence: Evidence) -> Claim:
    """Windows of the Alpine runs are those of 23 years; one needs the day after it."""
    rows = _rows(evidence, ALPS, "raw")
    windows = rows["n_samples"].max()
    first, last = (date.fromisoformat(day) for day in extent(rows).split(" to "))
    whole = {"they fill these years": windows == (last - first).days}
    return Claim([1962, 2001, windows, first.year, last.year], whole)


@CLAIMS
def networks_trained(evidence: Evidence) -> Claim:
    """No CNN-LSTM has the filters of the thesis, and no network its epochs."""
    rows = evidence.rows(method=_is_network, chapter=CHAPTER)
    params = list(rows["params"])
    filters = {p["filters"] for p in params if "filters" in p}
    usual = {p["epochs"] for p in params if p["setting"] == "affordable"}
    thesis = {p["epochs"] for p in params if p["setting"] == "thesis"}
    narrow = [int(number) for number in sorted(filters)[0].split()]
    return Claim(
        [*narrow, 64, 32, 16, min(usual), max(thesis)],
        {
            "every CNN-LSTM has these filters": len(filters) == 1,
            "all networks of a setting have as many epochs": len(usual) == len(thesis) == 1,
        },
    )


def _is_network(method: str) -> bool:
    return _is_plain(method) and any(name in method for name in ("conv", "lstm"))


def _is_plain(method: str) -> bool:
    """Say whether a record is one of all windows, and not of test windows or of regimes."""
    return not Method.parse(method).use


@CLAIMS
def steps_of_training(evidence: Evidence) -> Claim:
    """On simulated weather a network was trained for few steps."""
    (params,) = _rows(evidence, SIMULATED, "cnn-lstm").head(1)["params"]
    n = _rows(evidence, SIMULATED, "cnn-lstm")["n_samples"].max()
    steps = params["epochs"] * -(-round(n * params["train_share"]) // params["batch_size"])
    return Claim([params["epochs"], steps, 300, 38])


# ---------------------------------------------------------------- separation


@CLAIMS
def largest_cluster(evidence: Evidence) -> Claim:
    """Codes of the CNN-LSTM make one large cluster, the fields do not."""
    arrays = evidence.arrays(f"05-{SIMULATED}")
    networks = [100 * share for c in ("cnn-lstm", "cnn-lstm-3d") for share in _largest(arrays, c)]
    fields = [100 * share for share in _largest(arrays, "raw")]
    k = int(arrays["labels raw, seed 0"].max()) + 1
    return Claim(
        [k, min(networks), max(networks), min(fields), max(fields)],
        {"the largest cluster of every network is larger": min(networks) > max(fields)},
    )


def _largest(arrays: dict[str, np.ndarray], codes: str) -> list[float]:
    """Return the share of windows in the largest cluster, for each seed."""
    labels = labels_by_seed(arrays, f"{codes} + k-means")
    return [float(np.bincount(one).max() / len(one)) for one in labels]


@CLAIMS
def silhouette_of_three_levels(evidence: Evidence) -> Claim:
    """By the silhouette of the fields the CNN-LSTM of three levels is ahead of them."""
    gain = _gain(evidence, SIMULATED, "cnn-lstm-3d", "raw", "silhouette_raw")
    others = [
        _gain(evidence, d, codes, "raw", "silhouette_raw") for d in TRAINED_ON for codes in NETWORKS
    ]
    return Claim(
        [3, *_interval(gain), len(TRAINED_ON)],
        {
            "the interval is above zero": gain.low > 0,
            "no other network has one": not any(other.low > 0 for other in others),
        },
    )


@CLAIMS
def silhouette_of_the_cnn_lstm(evidence: Evidence) -> Claim:
    """Three seeds do not tell the CNN-LSTM from the fields by the silhouette of the fields."""
    found = [_gain(evidence, d, "cnn-lstm", "raw", "silhouette_raw") for d in TRAINED_ON]
    return Claim([len(found)], {"every interval holds zero": not any(map(_known, found))})


@CLAIMS
def silhouette_of_the_fc_lstm(evidence: Evidence) -> Claim:
    """By the silhouette of the fields the FC-LSTM is behind them on every data set."""
    found = [_gain(evidence, d, "fc-lstm", "raw", "silhouette_raw") for d in TRAINED_ON]
    behind = sorted(-gain.mean for gain in found)
    return Claim(
        [len(found), behind[0], behind[-1]],
        {"every interval is below zero": all(gain.high < 0 for gain in found)},
    )


@CLAIMS
def two_spaces(evidence: Evidence) -> Claim:
    """Clusters of the FC-LSTM look tidy among its codes and not among the fields."""
    own = _mean(evidence, SIMULATED, "fc-lstm", "silhouette")
    fields = _mean(evidence, SIMULATED, "raw", "silhouette")
    there = _mean(evidence, SIMULATED, "fc-lstm", "silhouette_raw")
    return Claim(
        [own, fields, there],
        {"twice as high among its codes": own > 1.8 * fields, "below zero": there < 0},
    )


@CLAIMS
def separation_in_the_end(evidence: Evidence) -> Claim:
    """Against k-means on the fields the FC-LSTM loses, the CNN-LSTM of three levels wins."""
    behind = [_gain(evidence, d, "fc-lstm", "raw", "silhouette_raw") for d in TRAINED_ON]
    ahead = _gain(evidence, SIMULATED, "cnn-lstm-3d", "raw", "silhouette_raw")
    return Claim(
        [len(behind), 3],
        {
            "the FC-LSTM is behind on every data set": all(g.high < 0 for g in behind),
            "the CNN-LSTM of three levels is ahead": ahead.low > 0,
        },
    )


# ---------------------------------------------------------------- joint training


def _joint(evidence: Evidence, metric: str) -> dict[str, pd.Series]:
    """Return what joint training adds to a metric, by network and seed."""
    found = {}
    for codes in NETWORKS:
        after = _runs(evidence, SIMULATED, f"{codes}-joint", metric)
        before = _runs(evidence, SIMULATED, codes, metric)
        found[codes] = after - before[after.index]
    return found


@CLAIMS
def joint_in_the_codes(evidence: Evidence) -> Claim:
    """Joint training raises both indices in the space of the codes, in every pair."""
    added = [pd.concat(_joint(evidence, m)) for m in ("calinski_harabasz", "silhouette")]
    return Claim(
        [len(added[0])], {"both indices rise in every pair": all((one > 0).all() for one in added)}
    )


@CLAIMS
def joint_in_the_fields(evidence: Evidence) -> Claim:
    """In the space of the fields more pairs fall than rise, and no interval leaves out zero."""
    index, silhouette = (_joint(evidence, f"{m}_raw") for m in ("calinski_harabasz", "silhouette"))
    several = [one for part in (index, silhouette) for one in part.values() if len(one) > 1]
    falls = [int((pd.concat(part) < 0).sum()) for part in (silhouette, index)]
    pairs = len(pd.concat(index))
    return Claim(
        [falls[0], pairs, falls[1]],
        {"no interval leaves out zero": not any(_known(gains.of(one)) for one in several)},
    )


@CLAIMS
def joint_error(evidence: Evidence) -> Claim:
    """Joint training costs the CNN-LSTM reconstruction."""
    gain = gains.of(_joint(evidence, "rmse_metres")["cnn-lstm"])
    return Claim(_interval(gain), {"the error grows": gain.low > 0})


# ---------------------------------------------------------------- seeds and time


@CLAIMS
def seeds_agree(evidence: Evidence) -> Claim:
    """How far two seeds find the same patterns, simulated weather."""
    arrays = evidence.arrays(f"05-{SIMULATED}")
    raw, fc_lstm, cnn_lstm = (_pairs(arrays, codes) for codes in ("raw", "fc-lstm", "cnn-lstm"))
    low, middle, high = sorted(cnn_lstm)
    return Claim(
        [min(raw), max(raw), min(fc_lstm), max(fc_lstm), low, middle, high, 2, len(cnn_lstm)],
        {"one pair of the CNN-LSTM agrees, two do not": high > 0.6 and middle < 0.2},
    )


def _pairs(arrays: dict[str, np.ndarray], codes: str) -> list[float]:
    """Return the adjusted Rand index of every pair of seeds."""
    labels = labels_by_seed(arrays, f"{codes} + k-means")
    return [patterns.agreement([a, b]) for i, a in enumerate(labels) for b in labels[:i]]


@CLAIMS
def patterns_last(evidence: Evidence) -> Claim:
    """Neighbouring windows and windows without a common field, raw fields of four data sets."""
    next_one, apart, chance = [], [], []
    for dataset in LABELLED:
        params = _rows(evidence, dataset, "raw")["params"].iloc[0]
        arrays = evidence.arrays(f"05-{dataset}")
        steps = -(-params["length"] // params["step"])
        near = _persistence(arrays, 1)
        next_one.append(near["persistence"])
        apart.append(_persistence(arrays, steps)["persistence"])
        chance.append(near["persistence_chance"])
    shares = [f(part) for part in (next_one, apart, chance) for f in (min, max)]
    return Claim(
        [len(LABELLED), *(100 * share for share in shares)],
        {"disjoint windows keep it more often than by chance": min(apart) > 2 * max(chance)},
    )


def _persistence(arrays: dict[str, np.ndarray], steps: int) -> dict[str, float]:
    """Return the persistence of the raw fields' patterns, mean over seeds."""
    labels = labels_by_seed(arrays, "k-means raw")
    found = [patterns.persistence(one, arrays["index"], steps=steps) for one in labels]
    return {key: float(np.mean([one[key] for one in found])) for key in found[0]}


def _times(arrays: dict[str, np.ndarray]) -> np.ndarray:
    return arrays["index"].astype("datetime64[h]")


def _cold_shares(arrays: dict[str, np.ndarray], codes: str) -> np.ndarray:
    """Return the share of each pattern's windows that fall into October to March, seed 0."""
    labels = arrays[f"labels {codes}, seed 0"].astype(int)
    cold = np.isin(patterns.months(_times(arrays)), [9, 10, 11, 0, 1, 2])
    return np.bincount(labels, cold) / np.bincount(labels)


@CLAIMS
def steep_in_the_cold(evidence: Evidence) -> Claim:
    """Patterns of the cold half of the year have steeper fields."""
    arrays = evidence.arrays(f"05-{SIMULATED}")
    fields = arrays["descriptors cnn-lstm"].astype(float)
    steepness = np.hypot(*np.gradient(fields, axis=(1, 2))).mean(axis=(1, 2))
    correlation, p = spearmanr(steepness, _cold_shares(arrays, "cnn-lstm"))
    return Claim([len(fields), correlation], {"it is not chance": p < 0.05})


@CLAIMS
def half_years(evidence: Evidence) -> Claim:
    """How many patterns belong to one half of the year."""
    cold = _cold_shares(evidence.arrays(f"05-{SIMULATED}"), "cnn-lstm")
    winter, summer = int((cold >= 0.75).sum()), int((cold <= 0.25).sum())
    return Claim(
        [winter + summer, len(cold), 75, winter, summer],
        {"they are most of the patterns": winter + summer > len(cold) / 2},
    )


@CLAIMS
def bright_diagonal(evidence: Evidence) -> Claim:
    """Every pattern is followed by itself more often than not, and most have a season."""
    arrays = evidence.arrays(f"05-{SIMULATED}")
    labels = arrays["labels cnn-lstm, seed 0"].astype(int)
    stay = np.diag(patterns.transitions(labels, _times(arrays), labels.max() + 1))
    cold = _cold_shares(arrays, "cnn-lstm")
    return Claim(
        [],
        {
            "every pattern is followed by itself more often than not": bool((stay > 0.5).all()),
            "most belong to one half of the year": (abs(cold - 0.5) >= 0.25).mean() > 0.5,
        },
    )


# ---------------------------------------------------------------- what the codes keep


@CLAIMS
def errors_in_metres(evidence: Evidence) -> Claim:
    """Errors of reconstruction on simulated weather, and that of the mean frame."""
    found = [
        _mean(evidence, SIMULATED, codes, "rmse_metres")
        for codes in ("pca256", "cnn-lstm", "fc-lstm")
    ]
    return Claim(
        [*found, _mean_frame(evidence)],
        {"in rising order": found == sorted(found) and found[0] < 2},
    )


def _mean_frame(evidence: Evidence) -> float:
    """Return the error of the mean frame of the simulated test windows, in metres."""
    metrics = _rows(evidence, SIMULATED, "cnn-lstm")["metrics"].iloc[0]
    metres = metrics["rmse_metres"] / np.sqrt(metrics["mse"])
    return float(metres * np.sqrt(metrics["mse_mean_frame"]))


@CLAIMS
def convolution_restores(evidence: Evidence) -> Claim:
    """On every data set the CNN-LSTM restores windows better than the FC-LSTM."""
    found = [_gain(evidence, d, "fc-lstm", "cnn-lstm", "rmse_metres") for d in TRAINED_ON]
    numbers = [number for gain in found for number in _interval(gain)]
    return Claim(numbers, {"every interval is above zero": all(gain.low > 0 for gain in found)})


@CLAIMS
def convolution_separates(evidence: Evidence) -> Claim:
    """By the silhouette of the fields it is ahead on the reanalyses, undecided on the other."""
    found = [_gain(evidence, d, "cnn-lstm", "fc-lstm", "silhouette_raw") for d in REANALYSES]
    simulated = _gain(evidence, SIMULATED, "cnn-lstm", "fc-lstm", "silhouette_raw")
    return Claim(
        [gain.mean for gain in found],
        {
            "ahead on both reanalyses": all(gain.low > 0 for gain in found),
            "not known on simulated weather": not _known(simulated),
        },
    )


@CLAIMS
def distances(evidence: Evidence) -> Claim:
    """How well distances between windows survive in the codes."""
    conv, fc_lstm, cnn_lstm = (
        [_mean(evidence, d, codes, "distance_correlation") for d in TRAINED_ON]
        for codes in NETWORKS
    )
    real = fc_lstm[1:]
    return Claim(
        [*_ends(conv), *_ends(cnn_lstm), fc_lstm[0], *_ends(real)],
        {
            "the convolutional network keeps more than the CNN-LSTM": min(conv) > max(cnn_lstm),
            "the FC-LSTM keeps least on every data set": all(
                a < b for a, b in zip(fc_lstm, cnn_lstm, strict=True)
            ),
        },
    )


def _ends(values: Sequence[float]) -> list[float]:
    return [min(values), max(values)]


@CLAIMS
def months_in_the_picture(evidence: Evidence) -> Claim:
    """In every column of the t-SNE pictures the seasons lie along a direction."""
    arrays = evidence.arrays(f"05-{SIMULATED}")
    season = np.cos(2 * np.pi * (patterns.months(_times(arrays)) - 0.5) / 12)
    found = []
    for codes in ("raw", "pca256", *NETWORKS):
        plane = np.column_stack([np.ones(len(season)), arrays[f"tsne {codes}"].astype(float)])
        fitted = plane @ np.linalg.lstsq(plane, season, rcond=None)[0]
        found.append(np.corrcoef(fitted, season)[0, 1])
    return Claim([], {"the months are a gradient in every column": min(found) > 0.8})


@CLAIMS
def seasons_in_the_figure(evidence: Evidence) -> Claim:
    """Least and greatest accuracy of the season on simulated weather, all records."""
    found = scores(evidence.rows(SIMULATED, _is_plain, chapter=CHAPTER), "season_accuracy")
    return Claim(_ends(list(found)), {"all are above chance": found.min() > 0.3})


@CLAIMS
def season_simulated(evidence: Evidence) -> Claim:
    """On simulated weather no network has more of the season than the fields."""
    raw = _mean(evidence, SIMULATED, "raw", "season_accuracy")
    pca = _mean(evidence, SIMULATED, "pca256", "season_accuracy")
    networks = _seasons_of_networks(evidence)
    return Claim(
        [raw, pca, networks.min(), networks.max()],
        {"no network has more": _none_tells_more(evidence)},
    )


def _seasons_of_networks(evidence: Evidence) -> pd.Series:
    """Return the accuracy of the season of every network on simulated weather, mean over seeds."""
    rows = evidence.rows(SIMULATED, _is_network, chapter=CHAPTER)
    return scores(rows, "season_accuracy").groupby(rows["method"].to_numpy()).mean()


def _none_tells_more(evidence: Evidence) -> bool:
    """Say whether no network tells the season of simulated weather better than the fields."""
    fields = _mean(evidence, SIMULATED, "raw", "season_accuracy")
    return bool((_seasons_of_networks(evidence) < fields).all())


@CLAIMS
def season_eraint(evidence: Evidence) -> Claim:
    """On ERA-Interim every network has more of the season than the fields."""
    dataset = REANALYSES[0]
    years = _rows(evidence, dataset, "raw")["n_samples"].max() / 365.25
    found = [
        _gain(evidence, dataset, codes, "raw", "season_accuracy")
        for codes in ("cnn-lstm", "conv", "fc-lstm")
    ]
    return Claim(
        [years, *(number for gain in found for number in _interval(gain))],
        {"every interval is above zero": all(gain.low > 0 for gain in found)},
    )


@CLAIMS
def season_components(evidence: Evidence) -> Claim:
    """As many principal components as codes do not have it."""
    raw, pca, cnn_lstm = (
        _mean(evidence, REANALYSES[0], codes, "season_accuracy")
        for codes in ("raw", "pca256", "cnn-lstm")
    )
    return Claim(
        [256, pca, raw, cnn_lstm],
        {"components are near the fields, the network is not": cnn_lstm - pca > 5 * (pca - raw)},
    )


@CLAIMS
def season_ncep(evidence: Evidence) -> Claim:
    """On three years of NCEP/NCAR only the plain convolutional network is surely ahead."""
    conv, fc_lstm, cnn_lstm = (
        _gain(evidence, REANALYSES[1], codes, "raw", "season_accuracy") for codes in NETWORKS
    )
    years = _rows(evidence, REANALYSES[1], "raw")["n_samples"].max() / 365
    return Claim(
        [years, *_interval(conv), 2],
        {
            "the convolutional network is ahead": conv.low > 0,
            "the others are undecided": not (_known(fc_lstm) or _known(cnn_lstm)),
        },
    )


@CLAIMS
def depth_of_lows(evidence: Evidence) -> Claim:
    """Three networks flatten the maps of the figure."""
    arrays = evidence.arrays(f"05-{SIMULATED}")
    ranges = {c: np.ptp(arrays[f"examples {c}"].astype(float), axis=(2, 3)) for c in NETWORKS}
    lost = np.concatenate([100 * (1 - restored / true) for true, restored in ranges.values()])
    return Claim([len(lost), lost.min(), lost.max()], {"all maps are flatter": lost.min() > 0})


# ---------------------------------------------------------------- catalogue


@CLAIMS
def catalogue_one_year(evidence: Evidence) -> Claim:
    """Over one year most of the agreement with the catalogue is that of other years."""
    ami, chance = (
        [_mean(evidence, d, "raw", metric) for d in REANALYSES]
        for metric in ("catalogue_ami", "catalogue_ami_chance")
    )
    days = [_mean(evidence, d, "raw", "catalogue_days") for d in REANALYSES]
    share = [b / a for a, b in zip(ami, chance, strict=True)]
    return Claim(
        [len(days), days[0], *ami, *chance],
        {
            "both have the same number of days": len(set(days)) == 1,
            "other years reach most of it": min(share) > 0.5,
            "and not all": max(share) < 0.9,
        },
    )


@CLAIMS
def catalogue_longer(evidence: Evidence) -> Claim:
    """Over many years other years reach little of the agreement."""
    numbers: list[float] = []
    shares = []
    years = len({t for t in _june_years(evidence) if t <= 2000})
    for dataset in (ALPS, JUNE):
        days, ami, chance = (
            _mean(evidence, dataset, "raw", f"catalogue_{m}") for m in ("days", "ami", "ami_chance")
        )
        numbers += [days] + [years] * (dataset == JUNE) + [ami, chance]
        shares.append(chance / ami)
    return Claim(numbers, {"other years reach less than a third": max(shares) < 1 / 3})


def _june_years(evidence: Evidence) -> list[int]:
    times = _times(evidence.arrays(f"05-{JUNE}"))
    return [int(year) + 1970 for year in times.astype("datetime64[Y]").astype(int)]


@CLAIMS
def catalogue_networks(evidence: Evidence) -> Claim:
    """By how much a network is ahead of the fields, at most."""
    found = {
        (d, codes): _gain(evidence, d, codes, "raw", "catalogue_ami")
        for d in REANALYSES
        for codes in NETWORKS
    }
    best = max(found, key=lambda key: found[key].mean)
    ahead = [key for key, gain in found.items() if gain.low > 0]
    return Claim(
        [found[best].mean, -found[REANALYSES[1], "cnn-lstm"].mean],
        {
            "the lead is that of the convolutional network on NCEP/NCAR": best
            == (REANALYSES[1], "conv"),
            "it is ahead, and no other is": ahead == [best],
            "the CNN-LSTM is behind there": found[REANALYSES[1], "cnn-lstm"].high < 0,
        },
    )


# ---------------------------------------------------------------- training of the thesis


@CLAIMS
def thesis_setting(evidence: Evidence) -> Claim:
    """With the training of the thesis one run has learned nothing."""
    (row,) = _rows(evidence, SIMULATED, "fc-lstm (thesis setting)").to_dict("records")
    params = row["params"]
    training = round(row["n_samples"] * params["train_share"])
    steps = params["epochs"] * -(-training // params["batch_size"])
    error, frame = row["metrics"]["rmse_metres"], _mean_frame(evidence)
    return Claim(
        [params["epochs"], steps, error, frame], {"worse than the mean frame": error > 2 * frame}
    )


@CLAIMS
def untrained_codes(evidence: Evidence) -> Claim:
    """Its codes keep more than those of the trained network."""
    numbers: list[float] = []
    more = []
    for metric in ("distance_correlation", "season_accuracy", "silhouette_raw"):
        thesis = _mean(evidence, SIMULATED, "fc-lstm (thesis setting)", metric)
        trained = _runs(evidence, SIMULATED, "fc-lstm", metric)
        numbers += [thesis, trained.mean()]
        more.append(thesis > trained.max())
    return Claim(numbers, {"it is ahead of every trained run by all scores": all(more)})


@CLAIMS
def small_deviations(evidence: Evidence) -> Claim:
    """Heights differ from their mean by a tenth of the scaled range."""
    mse = _mean(evidence, SIMULATED, "cnn-lstm", "mse_mean_frame")
    return Claim([], {"a tenth": abs(np.sqrt(mse) - 0.1) < 0.01})


@CLAIMS
def teacher_forcing(evidence: Evidence) -> Claim:
    """Teacher forcing costs reconstruction and gains silhouette, and stays behind the fields."""
    forced = "fc-lstm-forced"
    error = _gain(evidence, SIMULATED, forced, "fc-lstm", "rmse_metres")
    better = _gain(evidence, SIMULATED, forced, "fc-lstm", "silhouette_raw")
    fields = _gain(evidence, SIMULATED, forced, "raw", "silhouette_raw")
    return Claim(
        [*_interval(error), *_interval(better)],
        {
            "the error grows": error.low > 0,
            "the silhouette of the fields rises": better.low > 0,
            "it stays below that of the raw fields": fields.high < 0,
        },
    )


# ---------------------------------------------------------------- the end of the chapter


@CLAIMS
def distances_in_the_end(evidence: Evidence) -> Claim:
    """Order of the networks by the distances that they keep, the same on every data set."""
    kept = np.array(
        [
            [_mean(evidence, d, codes, "distance_correlation") for d in TRAINED_ON]
            for codes in ("conv", "cnn-lstm", "fc-lstm")
        ]
    )
    steps = [
        _gain(evidence, d, better, worse, "distance_correlation")
        for d in TRAINED_ON
        for better, worse in (("conv", "cnn-lstm"), ("cnn-lstm", "fc-lstm"))
    ]
    return Claim(
        [steps[0].n, sum(step.low > 0 for step in steps), len(steps)],
        {"the order is the same on every data set": bool((np.diff(kept, axis=0) < 0).all())},
    )


@CLAIMS
def seasons_in_the_end(evidence: Evidence) -> Claim:
    """Every representation tells the season; which does it better depends on the weather."""
    rows = evidence.rows(method=_is_plain, chapter=CHAPTER)
    scored = rows[[pd.notna(m.get("season_accuracy")) for m in rows["metrics"]]]
    above = scores(scored, "season_accuracy") - scores(scored, "season_chance")
    eraint, simulated = (
        [_gain(evidence, d, c, "raw", "season_accuracy") for c in NETWORKS]
        for d in (REANALYSES[0], SIMULATED)
    )
    return Claim(
        [len(NETWORKS)],
        {
            "every record is above chance": above.min() > 0.1,
            "networks are ahead of the fields on ERA-Interim": all(g.low > 0 for g in eraint),
            "they are behind on simulated weather": all(g.high < 0 for g in simulated),
        },
    )


@CLAIMS
def season_of_the_longest(evidence: Evidence) -> Claim:
    """ERA-Interim is the longest real record that networks were trained on."""
    windows = {
        d: evidence.rows(d, _is_network, chapter=CHAPTER)["n_samples"].max() for d in LABELLED
    }
    longest = max((d for d in windows if d != SIMULATED), key=lambda d: windows[d])
    found = [_gain(evidence, longest, codes, "raw", "season_accuracy") for codes in NETWORKS]
    return Claim(
        [],
        {
            "networks are ahead on the longest record": all(gain.low > 0 for gain in found),
            "none is on simulated weather": _none_tells_more(evidence),
        },
    )


@CLAIMS
def convolution_in_the_end(evidence: Evidence) -> Claim:
    """Convolutions improve the reconstruction on every data set."""
    found = [_gain(evidence, d, "fc-lstm", "cnn-lstm", "rmse_metres") for d in TRAINED_ON]
    return Claim(
        [len(found)], {"every interval is above zero": all(gain.low > 0 for gain in found)}
    )
