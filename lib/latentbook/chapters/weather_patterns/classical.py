"""The classical questions of synoptic climatology: regimes, their number, their years, and a map.

``python -m latentbook.chapters.weather_patterns.classical`` measures them on the real data at hand
and on the simulation, and judges the labels that earlier runs kept. Each measurement is one record.

References
----------
- michelangeli1995: Paul-Antoine Michelangeli, Robert Vautard, Bernard Legras. Weather regimes:
  recurrence and quasi stationarity. 1995.
  https://doi.org/10.1175/1520-0469(1995)052<1237:WRRAQS>2.0.CO;2
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from latentbook import paths
from latentbook.chapters.weather_patterns import CHAPTER
from latentbook.chapters.weather_patterns.tables import plain
from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, records
from latentbook.study.method import Method
from latentbook.study.result import Result, Score, keep
from latentbook.weather import judge, patterns, regimes, sources
from latentbook.weather.dataset import Weather, open_weather
from latentbook.weather.treatment import SEASONS, Treatment, annual_cycle, treat

#: Atlantic and Europe (west, east, south, north), as studies of regimes take it.
SECTOR = (-80.0, 40.0, 20.0, 80.0)
COMPONENTS = 12
REGIMES = 4
#: Partitions that are compared, and surrogates of red noise, of `regimes.classifiability`.
RUNS, SURROGATES = 20, 40
NUMBERS = (2, 3, 4, 5, 6, 7, 8, 10, 15)
#: Daily sea-level pressure of ten winters covers the Atlantic best of the daily files; it ends at
#: 10 E. Monthly heights of forty-two winters cover all of `SECTOR`.
DAILY = "weather/ncepr1_natl_2p5deg_dailymean_slp_2001-2010.nc"
MONTHLY = "weather/merra2_natl_eur_monthly_z500_1980-2021.nc"


@dataclass(frozen=True, eq=False)
class Series:
    """Anomalies of one season on the points of a source, weighted by the root of their area.

    Attributes
    ----------
    name : str
    times : vector of datetime64
    values : array of shape (n, n_points)
    latitude, longitude : vectors
        Of the grid, in degrees.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray

    def __len__(self) -> int:
        """Return the number of times."""
        return len(self.times)

    @property
    def sha256(self) -> str:
        """Digest of the anomalies."""
        return hashlib.sha256(self.values.tobytes()).hexdigest()

    @property
    def extent(self) -> str:
        """First and last day."""
        first, last = self.times[[0, -1]].astype("datetime64[D]")
        return f"{first} to {last}"

    @property
    def weights(self) -> np.ndarray:
        """Root of the cosine of the latitude, one a point."""
        row = np.sqrt(np.cos(np.radians(self.latitude)))
        return np.repeat(row, len(self.longitude))

    @property
    def winters(self) -> np.ndarray:
        """Winter of each time, by the year of its January."""
        months = self.times.astype("datetime64[M]").astype(int)
        return 1970 + (months + 1) // 12

    def maps(self, which: np.ndarray) -> np.ndarray:
        """Return the mean anomaly of the times of each label, (k, n_points), unweighted."""
        found = [self.values[which == c].mean(axis=0) for c in range(int(which.max()) + 1)]
        return np.stack(found) / self.weights


def series(
    source: str, variable: str, name: str, *, level: float | None = None, season: str = "DJF"
) -> Series:
    """Open anomalies from the annual cycle in one season over `SECTOR`, daily or monthly."""
    data = sources.open(source, (variable,), None if level is None else [level], SECTOR)
    times = data["time"].values
    step = np.median(np.diff(times)) / np.timedelta64(1, "h")
    every = max(1, round(24 / step))
    field = data[variable].transpose("time", ..., "latitude", "longitude")[::every]
    times = times[::every]
    values = field.values.reshape(len(times), -1).astype(np.float64)
    weight = np.sqrt(np.cos(np.radians(data["latitude"].values)))
    values *= np.repeat(weight, data.sizes["longitude"])
    values -= annual_cycle(values, times)(times)
    inside = np.isin(times.astype("datetime64[M]").astype(int) % 12 + 1, SEASONS[season])
    latitude, longitude = data["latitude"].values, data["longitude"].values
    return Series(name, times[inside], values[inside], latitude, longitude)


def number_of_regimes(data: Series) -> Iterator[Score]:
    """Yield for each k how alike the partitions are, and those of red noise."""
    x, _, share = regimes.components(data.values, COMPONENTS)
    noise = [regimes.red_noise(x, data.winters, 100 + i) for i in range(SURROGATES)]
    for k in NUMBERS:
        index = regimes.classifiability(regimes.partitions(x, k, RUNS, 0))
        drawn = [regimes.classifiability(regimes.partitions(n, k, RUNS, 0)) for n in noise]
        low, high = np.quantile(drawn, [0.05, 0.95])
        yield Score(
            Method("eof", "k-means", use="classifiability"),
            {
                "classifiability": index,
                "noise": float(np.mean(drawn)),
                "noise_low": float(low),
                "noise_high": float(high),
                "p": (1 + sum(d >= index for d in drawn)) / (1 + len(drawn)),
                "variance": share,
            },
            {"k": k, "n_components": COMPONENTS, "season": "DJF", "runs": RUNS},
        )


def four_regimes(data: Series, k: int = REGIMES) -> np.ndarray:
    """Return the labels of k-means (of fifty starts the tightest) among the leading components."""
    from sklearn.cluster import KMeans

    x, _, _ = regimes.components(data.values, min(COMPONENTS, *data.values.shape))
    labels: np.ndarray = KMeans(k, n_init=50, random_state=0).fit(x).labels_
    return labels


def compared(daily: Series, monthly: Series) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Compare four regimes of daily pressure with those of its halves and of monthly heights.

    Regimes are named by the maps of `monthly`: NAO+ and NAO- lie farthest along its leading
    component; of the other two, blocking is higher over Scandinavia, the ridge over the Atlantic.

    Returns
    -------
    metrics : dict
        Pattern correlations (weighted by area) of each regime.
    arrays : dict
        ``maps`` of the daily regimes and ``heights`` of the monthly ones in the order of `NAMED`.
    """
    from scipy.interpolate import RegularGridInterpolator

    labels, theirs = four_regimes(daily), four_regimes(monthly)
    ours, heights = daily.maps(labels), monthly.maps(theirs)
    order = _named(heights, monthly)
    heights = heights[order]
    target = np.stack(np.meshgrid(daily.latitude, daily.longitude, indexing="ij"), -1)
    on_daily = np.stack(
        [
            RegularGridInterpolator(
                (monthly.latitude, monthly.longitude),
                one.reshape(len(monthly.latitude), -1),
                bounds_error=False,
                fill_value=None,
            )(target).ravel()
            for one in heights
        ]
    )
    place = _assigned(on_daily * daily.weights, ours * daily.weights)
    ours = ours[place]
    shares = np.bincount(labels)[place] / len(labels)
    found = regimes.matched(on_daily * daily.weights, ours * daily.weights)
    metrics = {f"with_heights {n}": float(r) for n, r in zip(NAMED, found, strict=True)}
    metrics |= {f"share {n}": float(s) for n, s in zip(NAMED, shares, strict=True)}
    winters = np.unique(daily.winters)
    late = daily.winters > winters[len(winters) // 2 - 1]
    halves = []
    for part in (~late, late):
        half = Series(daily.name, daily.times[part], daily.values[part], *_axes(daily))
        halves.append(half.maps(four_regimes(half)))
    for which, composite in zip(("first", "second"), halves, strict=True):
        found = regimes.matched(ours * daily.weights, composite * daily.weights)
        metrics |= {f"{which}_half {n}": float(r) for n, r in zip(NAMED, found, strict=True)}
    between = regimes.matched(halves[0] * daily.weights, halves[1] * daily.weights)
    metrics["between_halves_least"] = float(between.min())
    return metrics, {
        "maps": np.round(ours, 1).astype(np.float32).reshape(REGIMES, len(daily.latitude), -1),
        "heights": np.round(heights).astype(np.float32).reshape(REGIMES, len(monthly.latitude), -1),
        "latitude": daily.latitude,
        "longitude": daily.longitude,
        "heights_latitude": monthly.latitude,
        "heights_longitude": monthly.longitude,
    }


NAMED = ("NAO+", "NAO-", "blocking", "ridge")


def _axes(data: Series) -> tuple[np.ndarray, np.ndarray]:
    return data.latitude, data.longitude


def _assigned(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return for each wanted map the position of the map found that goes with it."""
    from scipy.optimize import linear_sum_assignment

    likeness = np.corrcoef(wanted, found)[: len(wanted), len(wanted) :]
    return linear_sum_assignment(-likeness)[1]


def _named(heights: np.ndarray, data: Series) -> list[int]:
    """Return the positions of the maps that are NAO+, NAO-, blocking and ridge."""
    latitude, longitude = (
        a.ravel() for a in np.meshgrid(data.latitude, data.longitude, indexing="ij")
    )

    def box(west: float, east: float, south: float, north: float) -> np.ndarray:
        inside = (longitude >= west) & (longitude <= east)
        inside &= (latitude >= south) & (latitude <= north)
        return heights[:, inside].mean(axis=1)

    nao = box(-30, 0, 35, 45) - box(-40, -10, 60, 70)  # Azores less Iceland
    positive, negative = int(nao.argmax()), int(nao.argmin())
    rest = [i for i in range(len(heights)) if i not in (positive, negative)]
    east = box(0, 40, 55, 70) - box(-50, -20, 45, 60)
    blocking = max(rest, key=lambda i: east[i])
    ridge = min(rest, key=lambda i: east[i])
    return [positive, negative, blocking, ridge]


# ---------------------------------------------------------------- labels that were kept


def judged_again(dataset: str, unseen: tuple[str, ...]) -> Iterator[tuple[Weather, int, Score]]:
    """Judge the labels that earlier runs of a data set kept, each beside the raw fields.

    Yields
    ------
    weather, seed, score
    """
    old = plain(records.read(CHAPTER))
    old = old[old["dataset"] == dataset]
    arrays = figure_arrays.full_scale(f"{CHAPTER[:2]}-{dataset}")
    params = old["params"].iloc[0]
    levels = [float(level) for level in params["levels"].split()][:1]
    domain = "europe" if params["grid"] == "europe" else "data"
    weather = open_weather(dataset, levels=levels, domain=domain)
    hours = weather.times.astype("datetime64[h]").astype(np.int64)
    if not np.array_equal(hours, arrays["index"]):
        raise LatentbookError(f"the labels kept of {dataset} belong to other windows: run it again")
    seen = {name: judge.unseen(weather, name) for name in unseen}
    types = _types() if dataset in WITH_CATALOGUE else None
    for row in old.to_dict("records"):
        name = Method.parse(row["method"]).representation
        key = f"labels {name}, seed {row['seed']}"
        if key not in arrays:
            continue
        labels = arrays[key].astype(int)
        raw = arrays[f"labels raw, seed {row['seed']}"].astype(int)
        scores = judge.scores(weather, labels, raw, seen)
        if types is not None:
            scores |= _shifted(labels, weather.times, types)
        about = {"evaluated_on": "test", "job": f"labels kept, {dataset}, {name}, {row['seed']}"}
        method = Method.parse(row["method"])
        named = Method(method.representation, method.learner, use="judged")
        yield weather, row["seed"], Score(named, scores, row["params"] | about)


#: Data sets of which labels were kept -> the variables that judge them.
JUDGED = {
    "weather-eraint": ("t850", "msl"),
    "weather-ncep": ("msl",),
    "weather-era5-june": (),
    "weather-simulated": ("wind900",),
}
#: Data sets that share days with the catalogue.
WITH_CATALOGUE = ("weather-eraint", "weather-ncep", "weather-era5-june")


def _types() -> Any:
    return patterns.catalogue(_file("weather/hess_brezowsky_gwl_daily_1881-2000.csv"))


def _file(name: str) -> Any:
    import os

    folder = os.environ.get("LATENTBOOK_DATA", "")
    path = paths.root() / folder / name
    if not folder or not path.is_file():
        raise LatentbookError(f"{name} is not here: set LATENTBOOK_DATA to the folder that has it")
    return path


def _shifted(labels: np.ndarray, times: np.ndarray, types: Any) -> dict[str, float]:
    """Return the agreement with the catalogue, and that after circular shifts."""
    import pandas as pd

    days = pd.DatetimeIndex(times).floor("D")
    known = np.asarray(days.isin(types.index))
    codes = pd.factorize(types.reindex(days[known]))[0]
    ami, chance, z, p = regimes.shift_score(labels[known], codes)
    return {
        "catalogue_ami": ami,
        "catalogue_shifted": chance,
        "catalogue_z": z,
        "catalogue_p": p,
        "catalogue_days": float(known.sum()),
    }


def years_of_clusters(weather: Weather, labels: np.ndarray, block: int) -> dict[str, float]:
    """Return whether clusters belong to certain years, and which have a trend."""
    years = 1970 + weather.times.astype("datetime64[Y]").astype(int)
    dependence = regimes.by_year(labels, years, block=block)
    slopes, p = regimes.trends(labels, years)
    order = np.sort(p)
    holm = order * np.arange(len(order), 0, -1) < 0.05
    return {
        "chi_square": dependence.statistic,
        "chi_square_chance": dependence.expected,
        "years_p": dependence.p,
        "cramers_v": dependence.cramers_v,
        "with_trend": float(len(order) if holm.all() else holm.argmin()),
        "clusters": float(len(p)),
        "largest_slope": float(slopes[np.abs(slopes).argmax()]),
        "years": float(len(np.unique(years))),
    }


def _years(parts: tuple[bool, ...] = (False, True)) -> Iterator[tuple[Weather, int, Score]]:
    """Yield the test of years for the Junes, as they are, without trend, and for ERA-Interim."""
    for dataset, block in (("weather-era5-june", 8), ("weather-eraint", 14)):
        weather = open_weather(dataset, levels=[500.0], domain="data")
        weather = replace(weather, train_share=1.0)  # a trend is not carried on beyond its years
        for detrend in parts:
            treated = treat(weather, Treatment(coarse=4, area=True, detrend=detrend))
            for seed in range(3):
                known = np.ones(len(treated), bool)
                labels = patterns.fit(treated.points, known, 15, seed).labels
                about = {"k": 15, "block": block, "fitted_on": "all"} | treated.params
                scores = years_of_clusters(treated, labels, block)
                yield treated, seed, Score(Method("raw", "k-means", use="years"), scores, about)


def _maps_of_fields() -> Iterator[tuple[Weather, int, Score]]:
    """Yield a self-organising map of 3 x 5 beside k-means of fifteen, ERA-Interim, by the judge."""
    weather = treat(
        open_weather("weather-eraint", levels=[500.0], domain="data"), Treatment(coarse=4)
    )
    seen = {name: judge.unseen(weather, name) for name in ("t850", "msl")}
    raw = patterns.fit(weather.points, weather.training, 15, 0)
    fitted = regimes.self_organising_map(weather.points[weather.training].astype(float))
    labels = patterns.nearest(weather.points, fitted.centres)
    scores = judge.scores(weather, labels, raw.labels, seen)
    points = weather.points[weather.training].astype(float)
    scores["topographic_error"] = regimes.topographic_error(points, fitted)
    about = {"k": 15, "rows": 3, "columns": 5, "evaluated_on": "test"} | weather.params
    yield weather, 0, Score(Method("raw", "som", use="judged"), scores, about)


def _regimes() -> Iterator[tuple[Any, int, Score]]:
    for data in _series():
        for score in number_of_regimes(data):
            yield data, 0, score


def _series() -> Iterator[Series]:
    yield series(str(_file(DAILY)), "msl", "weather-ncep-atlantic")
    yield series("weather-eraint", "z", "weather-eraint", level=500.0)
    yield series("weather-simulated-long", "z", "weather-simulated-long", level=700.0)


def _four() -> None:
    daily = series(str(_file(DAILY)), "msl", "weather-ncep-atlantic")
    monthly = series(str(_file(MONTHLY)), "z", "weather-merra2-monthly", level=500.0)
    metrics, arrays = compared(daily, monthly)
    params = {"k": REGIMES, "n_components": COMPONENTS, "season": "DJF"}
    params |= {"compared_with": f"{monthly.name}, {monthly.extent}"}
    score = Score(Method("eof", "k-means", use="regimes"), metrics, params)
    index = {"index": daily.times.astype("datetime64[h]").astype(np.int64)}
    keep(Result(CHAPTER, daily, 0, [score], index | arrays, use="regimes", one_file=True), "paper")


def main(parts: list[str]) -> int:
    """Measure the parts that are named, or all of them; return the exit status."""
    labels = {f"labels-{name}": partial(judged_again, name, by) for name, by in JUDGED.items()}
    work: Mapping[str, Any] = {
        **labels,
        "map": _maps_of_fields,
        "years": _years,
        "regimes": _regimes,
    }
    try:
        for part in parts or [*work, "four"]:
            if part == "four":
                _four()
                continue
            for data, seed, score in work[part]():
                keep(Result(CHAPTER, data, seed, [score]), "paper")
                shown = "  ".join(f"{k} {v:.3f}" for k, v in list(score.metrics.items())[:6])
                print(f"{part}: {data.name}, {score.method}, seed {seed}  {shown}", flush=True)
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
