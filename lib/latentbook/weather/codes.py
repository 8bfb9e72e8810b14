"""The weather chapters as a study: one source, its windows, their codes, and what is recorded.

`open_weather` brings any source to one grid and splits it in time; `represent` gives every window
a code, with the networks of tsiatsios2019 or the baselines; `make_record` scores its clusters.
Drawing is left to `maps` and `figures`, the plumes of chapter 06 to `plumes`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import cache
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.weather.grid import EUROPE, Grid, box
from latentbook.weather.windows import Windows, windows

if TYPE_CHECKING:
    import xarray as xr

    from latentbook.autoencoders.base import Autoencoder

#: What gives a window its code. ``3d``: all levels as channels, and not only the main one;
#: ``forced``: trained with teacher forcing; ``joint``: trained on with clusters of its own, as in
#: deep temporal clustering.
REPRESENTATIONS = (
    "raw",
    "pca",
    "conv",
    "fc-lstm",
    "cnn-lstm",
    "cnn-lstm-3d",
    "fc-lstm-forced",
    "conv-joint",
    "fc-lstm-joint",
    "cnn-lstm-joint",
)
#: Weight of the clustering loss where it is trained with the network; errors of reconstruction
#: are measured in units of the windows' variance.
GAMMA = 0.1
#: Windows that the slower scores look at, at most.
POINTS = 2000
#: Windows up to which `Weather.points` rotates them; the cost grows with the cube.
ROTATED = 5000
#: Windows that are reconstructed, or projected, at once.
CHUNK = 512


@dataclass(frozen=True, eq=False)
class Weather:
    """One source of weather on one grid, cut into windows.

    Attributes
    ----------
    name, title : str
        Of the source.
    grid : Grid
    fields : xarray.Dataset
        Dims (time, level, y, x).
    levels : tuple of float
        In hPa; the first is the main one.
    length, step : int
        Fields a window, and between the starts of two.
    train_share : float
        The first windows, this share of them, are for training.
    """

    name: str
    title: str
    grid: Grid
    fields: xr.Dataset = field(repr=False)
    levels: tuple[float, ...]
    length: int
    step: int
    train_share: float

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.times)

    @cached_property
    def heights(self) -> Windows:
        """Windows of the heights of all levels, scaled to [0, 1] by the training windows."""
        return self._scaled(list(self.levels))

    @cached_property
    def main(self) -> Windows:
        """Windows of the heights of the main level alone, scaled likewise."""
        return self.heights if len(self.levels) == 1 else self._scaled([self.levels[0]])

    def _scaled(self, levels: list[float]) -> Windows:
        cut = windows(self.fields["z"].sel(level=levels), self.length, self.step)
        return cut.scaled(cut.subset(_first(len(cut), self.train_share)))

    @property
    def times(self) -> np.ndarray:
        """Start of every window."""
        return self.main.times

    @cached_property
    def training(self) -> np.ndarray:
        """Which windows are for training; those that reach into the test period are in neither."""
        return _first(len(self), self.train_share)

    @cached_property
    def testing(self) -> np.ndarray:
        """Which windows share no field with a training window."""
        last = self.main.starts[self.training].max() + self.length
        return self.main.starts >= last

    @cached_property
    def points(self) -> np.ndarray:
        """All windows of the main level as points, (n_windows, n_features), centred.

        Where they are fewer than the values in a window, they are given in coordinates of the
        space that they span: distances are the same, and everything after it is many times
        cheaper.
        """
        flat = self.main[:].reshape(len(self), -1)
        flat -= flat.mean(axis=0)
        if len(flat) > min(ROTATED, flat.shape[1]):
            return flat
        values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
        return (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)[:, ::-1]

    @property
    def sha256(self) -> str:
        """Digest of the windows of all levels, with their scaling."""
        return self.heights.digest


def _first(n: int, share: float) -> np.ndarray:
    return np.arange(n) < round(n * share)


def open_weather(
    source: str,
    *,
    levels: Sequence[float],
    domain: str = "europe",
    period: tuple[str, str] | None = None,
    window_days: float = 2,
    overlap_days: float = 1,
    train_share: float = 0.5,
    winds: bool = False,
) -> Weather:
    """Open a source, bring it to a grid and cut it into windows.

    Parameters
    ----------
    source
        Registered name, path or address, as `weather.sources.open` takes it.
    levels
        Pressure levels in hPa, the main one first.
    domain
        ``europe``: the study's 64 x 64 cells; ``data``: 64 x 64 cells in the box that the data
        cover.
    window_days, overlap_days
        Of the windows; two days that overlap by one in the thesis.
    train_share
        Share of the windows, from the first on, that everything is fitted on.
    winds
        Whether the fields keep u and v too.

    Raises
    ------
    LatentbookError
        For what the source lacks, a domain that it does not cover, and windows that are shorter
        than a time step or do not advance.
    """
    from latentbook.weather import sources, store

    choose("domain", domain, ("europe", "data"))
    check_between("train_share", train_share, 0.05, 0.95)
    opened = sources.open(source, ("z", "u", "v") if winds else ("z",), levels, period=period)
    grid = EUROPE if domain == "europe" else _box_of(opened)
    fields = store.open_store(store.prepare(opened, grid))
    hours = float(np.median(np.diff(fields["time"].values)) / np.timedelta64(1, "h"))
    length = round(window_days * 24 / hours)
    step = length - round(overlap_days * 24 / hours)
    if length < 1 or step < 1:
        raise LatentbookError(
            f"windows of {window_days:g} days that overlap by {overlap_days:g} days do not fit "
            f"fields {hours:g} hours apart: make them longer, or the overlap shorter"
        )
    return Weather(
        name=opened.attrs["name"],
        title=opened.attrs["title"],
        grid=grid,
        fields=fields,
        levels=tuple(levels),
        length=length,
        step=step,
        train_share=train_share,
    )


def _box_of(data: xr.Dataset) -> Grid:
    """Return 64 x 64 cells whose centres span the points of `data`."""
    edges = []
    for name in ("longitude", "latitude"):
        low, high = float(data[name].min()), float(data[name].max())
        half = (high - low) / 63 / 2
        edges += [low - half, high + half]
    return box((edges[0], edges[1], edges[2], edges[3]))


# ---------------------------------------------------------------- codes


@dataclass(frozen=True)
class Design:
    """How the networks are built and trained.

    Attributes
    ----------
    setting
        Optimizer, learning rate and batches: a key of `autoencoders.recurrent.SETTINGS`.
    epochs, n_codes
        Of all networks; `n_codes` also of PCA.
    widths, filters
        Of the FC-LSTM and of the CNN-LSTM.
    k
        Clusters that a joint network is trained with, for `epochs` more.
    """

    setting: str = "affordable"
    epochs: int = 30
    n_codes: int = 256
    widths: tuple[int, ...] = (1024, 512)
    filters: tuple[int, ...] = (8, 16, 16)
    k: int = 15


@dataclass(frozen=True, eq=False)
class Representation:
    """A code for every window, with what it cost and what it keeps.

    Attributes
    ----------
    name
        As in the records: ``raw``, ``pca256``, ``fc-lstm``, ``fc-lstm (thesis setting)`` ...
    codes : array of shape (n_windows, n_codes)
    examples : array of shape (2, n, ny, nx)
        First frames of a few test windows on the main level, in [0, 1], and their
        reconstruction; empty for ``raw``.
    """

    name: str
    codes: np.ndarray
    seconds: float
    params: dict[str, Any]
    scores: dict[str, float]
    examples: np.ndarray


def represent(weather: Weather, name: str, design: Design, seed: int) -> Representation:
    """Return the codes of all windows, from what is fitted on the training windows alone.

    Parameters
    ----------
    name
        One of `REPRESENTATIONS`.
    """
    choose("representation", name, REPRESENTATIONS)
    base, *kinds = re.split("-(?=3d|forced|joint)", name)
    taken = weather.heights if "3d" in kinds else weather.main
    start = time.perf_counter()
    if name == "raw":
        nothing = np.empty((2, 0, *taken.shape[2:4]))
        return Representation(name, weather.points, time.perf_counter() - start, {}, {}, nothing)
    if name == "pca":
        return _principal_components(weather, taken, design.n_codes, seed)
    from latentbook.autoencoders import recurrent

    choose("setting", design.setting, recurrent.SETTINGS)
    settings = recurrent.SETTINGS[design.setting]
    # the thesis has no plain network: it is trained like its convolutional one
    arguments = dict(settings.get(base, settings["cnn-lstm"]))
    arguments |= {"epochs": design.epochs, "n_codes": design.n_codes}
    if base == "fc-lstm":
        arguments["widths"] = design.widths
    if base == "cnn-lstm":
        arguments["filters"] = design.filters
    if "forced" in kinds:
        arguments["teacher_forcing"] = True
    joint: dict[str, Any] = {"gamma": GAMMA, "n_clusters": design.k} if "joint" in kinds else {}

    def compute() -> dict[str, np.ndarray]:
        shown = taken.subset(weather.training)
        network, history = recurrent.trained(base, shown, seed=seed, **arguments)
        seconds, losses = sum(history["seconds"]), {"loss": history["loss"][-1]}
        if joint:
            network, history = _joint(network, shown, arguments, seed, **joint)
            seconds += sum(history["seconds"])
            losses = {"loss": history["loss"][-1], "changed": history["changed"][-1]}
        scores, examples = _tested(weather, taken, network.reconstruct)
        scores |= losses | {"parameters": network.model.count_params(), "seconds": seconds}
        codes = network.encode(taken)
        return {"codes": codes, "examples": examples, "scores": np.array(json.dumps(scores))}

    key = {"windows": taken.digest, "training": int(weather.training.sum()), "seed": seed}
    key |= {"network": base, "keras": backend()} | arguments | joint
    kept = cache.load_or_compute("windows", key, compute).arrays
    scores = json.loads(str(kept["scores"]))
    params = {"setting": design.setting} | {k: _plain(v) for k, v in (arguments | joint).items()}
    if design.setting != "affordable":
        name = f"{name} ({design.setting} setting)"
    return Representation(
        name, kept["codes"], scores.pop("seconds"), params, scores, kept["examples"]
    )


def _joint(
    network: Autoencoder,
    windows: Windows,
    arguments: Mapping[str, Any],
    seed: int,
    *,
    gamma: float,
    n_clusters: int,
) -> tuple[Autoencoder, dict[str, list[Any]]]:
    """Train `network` on for as many epochs again, together with centres of clusters.

    This is deep temporal clustering (madiraju2018dtc) with the parts of DCEC; the target is
    updated once an epoch.
    """
    from latentbook.autoencoders import recurrent
    from latentbook.dcec import DCEC

    _, deviation = recurrent.moments(windows)
    interval = -(-len(windows) // arguments["batch_size"])
    model = DCEC(
        n_clusters,
        autoencoder=network,
        gamma=gamma * deviation**2,
        batch_size=arguments["batch_size"],
        update_interval=interval,
        max_iterations=interval * arguments["epochs"],
        random_state=seed,
    ).fit(windows)
    return model.autoencoder_, model.history_


def _plain(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def _principal_components(
    weather: Weather, taken: Windows, n_codes: int, seed: int
) -> Representation:
    from sklearn.decomposition import PCA

    start = time.perf_counter()
    check_between("n_codes", n_codes, 1, int(weather.training.sum()) - 1)
    pca = PCA(n_codes, svd_solver="randomized", random_state=seed)
    pca.fit(taken[weather.training].reshape(weather.training.sum(), -1))

    def reconstruct(x: np.ndarray) -> np.ndarray:
        flat = pca.inverse_transform(pca.transform(x.reshape(len(x), -1)))
        return flat.reshape(x.shape).astype(np.float32)

    parts = (taken[i : i + CHUNK] for i in range(0, len(taken), CHUNK))
    codes = np.concatenate([pca.transform(x.reshape(len(x), -1)) for x in parts])
    seconds = time.perf_counter() - start
    scores, examples = _tested(weather, taken, reconstruct)
    params = {"n_codes": n_codes}
    return Representation(
        f"pca{n_codes}", codes.astype(np.float32), seconds, params, scores, examples
    )


def _tested(
    weather: Weather, taken: Windows, reconstruct: Callable[[np.ndarray], np.ndarray]
) -> tuple[dict[str, float], np.ndarray]:
    """Return errors over the test windows on the main level, and first fields of four of them.

    Scores: the mean squared error, that of their mean frame, and the root of the first in metres.
    """
    rows = np.flatnonzero(weather.testing)
    shown = rows[np.linspace(0, len(rows) - 1, 4).astype(int)]
    error, square = 0.0, 0.0
    mean, examples = np.zeros(taken.shape[2:4]), np.empty((2, 4, *taken.shape[2:4]), np.float32)
    for i in range(0, len(rows), CHUNK):
        chunk = rows[i : i + CHUNK]
        x = taken[chunk]
        restored = reconstruct(x)[..., 0]
        x = x[..., 0]
        error += float(((restored - x) ** 2).mean(axis=(1, 2, 3)).sum())
        square += float((x**2).mean(axis=(1, 2, 3)).sum())
        mean += x.mean(axis=1).sum(axis=0)
        for place in np.flatnonzero(np.isin(shown, chunk)):
            where = np.flatnonzero(chunk == shown[place])[0]
            examples[:, place] = x[where, 0], restored[where, 0]
    mse = error / len(rows)
    metres = float((taken.high - taken.low)[0]) if taken.high is not None else 1.0
    scores = {
        "mse": mse,
        "mse_mean_frame": square / len(rows) - float(((mean / len(rows)) ** 2).mean()),
        "rmse_metres": float(np.sqrt(mse) * metres),
    }
    return scores, examples


def method_name(made: Representation) -> str:
    """Return the spelling of the records."""
    return "k-means raw" if made.name == "raw" else f"{made.name} + k-means"


def windows_of(weather: Weather) -> dict[str, Any]:
    """Return what identifies the windows in a record's parameters."""
    return {
        "levels": " ".join(f"{level:g}" for level in weather.levels),
        "grid": weather.grid.name,
        "length": weather.length,
        "step": weather.step,
        "train_share": weather.train_share,
    }


def backend() -> str:
    """Name the backend of Keras and its version."""
    from importlib.metadata import version

    import keras

    return f"{keras.backend.backend()}, keras {version('keras')}"
