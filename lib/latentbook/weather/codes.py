"""Codes of windows: one vector a window, by the networks of tsiatsios2019 or simple alternatives.

`represent` fits a representation on the training windows of a `dataset.Weather` and returns the
codes of all windows.
The networks are built in `autoencoders.recurrent`; the codes are clustered by `patterns`.

References
----------
- tsiatsios2019: Georgios Tsiatsios. Deep learning for clustering of weather and atmospheric
  dispersion features. Master's thesis, University of the Peloponnese and NCSR Demokritos, 2019.
- madiraju2018dtc: Naveen Sai Madiraju, Seid M. Sadat, Dimitry Fisher, Homa Karimabadi. Deep
  temporal clustering: fully unsupervised learning of time-domain features. 2018.
  https://arxiv.org/abs/1802.01059
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from latentbook import cache
from latentbook.errors import check_between, choose
from latentbook.weather import controls
from latentbook.weather.dataset import Weather
from latentbook.weather.windows import Windows

if TYPE_CHECKING:
    from latentbook.autoencoders.base import Autoencoder

#: Names of the representations. ``3d``: all levels are channels, not only the main one;
#: ``forced``: trained with teacher forcing; ``joint``: trained further together with cluster
#: centres, as in deep temporal clustering; ``composite``: trained to predict the next fields too.
#: Controls with less time in a window: ``first``: its first field alone; ``single``: the same, by a
#: network of all single fields; ``mean``: its mean field; ``shuffled``: its fields in any order.
#: ``whitened``: components divided by their deviation, so that small ones count as much.
REPRESENTATIONS = (
    "raw",
    "raw-first",
    "raw-mean",
    "raw-shuffled",
    "pca",
    "pca-first",
    "pca-whitened",
    "conv",
    "conv-single",
    "fc-lstm",
    "cnn-lstm",
    "cnn-lstm-3d",
    "conv-lstm",
    "conv-lstm-composite",
    "fc-lstm-shuffled",
    "cnn-lstm-shuffled",
    "conv-lstm-shuffled",
    "fc-lstm-forced",
    "conv-joint",
    "fc-lstm-joint",
    "cnn-lstm-joint",
)
_KINDS = "3d|forced|joint|first|single|mean|shuffled|composite|whitened"
#: Weight of the clustering loss in joint training; the reconstruction error is measured in units
#: of the windows' variance.
GAMMA = 0.1
#: Share of the training windows, the last ones, that early stopping watches.
WATCHED = 0.1
#: Windows that are reconstructed, or projected, at once.
CHUNK = 512


@dataclass(frozen=True)
class Design:
    """How the networks are built and trained.

    Attributes
    ----------
    setting : str, default="affordable"
        Optimizer, learning rate and size of batches: a key of `autoencoders.recurrent.SETTINGS`.
    epochs : int, default=30
        Epochs of training of every network.
    n_codes : int, default=256
        Numbers in the code of a window, of the networks and of PCA.
    widths : tuple of int, default=(1024, 512)
        Widths of the FC-LSTM's layers.
    filters : tuple of int, default=(8, 16, 16)
        Filters of the layers of CNN-LSTM and ConvLSTM.
    k : int, default=15
        Clusters of the windows; a joint network is trained with as many, for `epochs` more.
    windows : int, default=0
        Training windows that networks learn from at most, evenly spaced; 0 takes all.
    patience : int or None, default=None
        Stop a training when the error on the last tenth of the training windows, which are then
        not trained on, has not fallen for this many epochs. None trains `epochs` on all of them.
    """

    setting: str = "affordable"
    epochs: int = 30
    n_codes: int = 256
    widths: tuple[int, ...] = (1024, 512)
    filters: tuple[int, ...] = (8, 16, 16)
    k: int = 15
    windows: int = 0
    patience: int | None = None


@dataclass(frozen=True, eq=False)
class Representation:
    """A code for every window, the time it took, and how well windows are reconstructed from it.

    Attributes
    ----------
    name : str
        As in the records: ``raw``, ``pca256``, ``fc-lstm``, ``fc-lstm (thesis setting)`` ...
    codes : array of shape (n_windows, n_codes)
    seconds : float
        Time of fitting and encoding.
    params : dict
        How it was trained, as the records spell it.
    scores : dict
        Reconstruction errors on the test windows, last loss, number of parameters.
    examples : array of shape (2, n, ny, nx)
        First frames of a few test windows on the main level, in [0, 1], and their
        reconstruction; empty for ``raw``.
    losses : array of shape (1 or 2, epochs)
        Losses of training, and of the windows that early stopping watched; empty where nothing was
        trained.
    """

    name: str
    codes: np.ndarray
    seconds: float
    params: dict[str, Any]
    scores: dict[str, float]
    examples: np.ndarray
    losses: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))


def represent(weather: Weather, name: str, design: Design, seed: int) -> Representation:
    """Fit a representation on the training windows, and return the codes of all windows.

    A network that was trained before is loaded from the cache.

    Parameters
    ----------
    weather : Weather
        The windows.
    name : str
        One of `REPRESENTATIONS`.
    design : Design
        How networks are built and trained.
    seed : int
        Of initial weights, batches and the randomised PCA.

    Returns
    -------
    Representation

    Examples
    --------
    >>> from latentbook.weather.dataset import open_weather
    >>> weather = open_weather("weather-sample", levels=[700])
    weather-sample: 1 gap in 712 times 6 h apart; no window spans one
    >>> represent(weather, "pca", Design(n_codes=8), 0).codes.shape == (len(weather), 8)
    True
    """
    choose("representation", name, REPRESENTATIONS)
    base, *kinds = re.split(f"-(?={_KINDS})", name)
    windows = weather.heights if "3d" in kinds else weather.main
    start = time.perf_counter()
    if base == "raw":
        nothing = np.empty((2, 0, *windows.shape[2:4]))
        points = _points(weather, _seen(windows, kinds, seed)) if kinds else weather.points
        return Representation(name, points, time.perf_counter() - start, {}, {}, nothing)
    windows = _seen(windows, kinds, seed)
    if base == "pca":
        return _principal_components(weather, windows, design.n_codes, seed, kinds)
    from latentbook.autoencoders import recurrent

    choose("setting", design.setting, recurrent.SETTINGS)
    settings = recurrent.SETTINGS[design.setting]
    # the thesis has no plain network: it is trained like its convolutional one
    arguments = dict(settings.get(base, settings["cnn-lstm"]))
    arguments |= {"epochs": design.epochs, "n_codes": design.n_codes}
    if base == "fc-lstm":
        arguments["widths"] = design.widths
    if base in ("cnn-lstm", "conv-lstm"):
        arguments["filters"] = design.filters
    if "forced" in kinds:
        arguments["teacher_forcing"] = True
    if "composite" in kinds:
        arguments["forecast"] = weather.length
    if design.patience is not None:
        arguments["patience"] = design.patience
    joint: dict[str, Any] = {"gamma": GAMMA, "n_clusters": design.k} if "joint" in kinds else {}

    learned_from, part = _learned_from(weather.training, design.windows)

    def compute() -> dict[str, np.ndarray]:
        training, watched = _watched(weather, windows.subset(learned_from), design.patience)
        if "single" in kinds:
            training = controls.every_field(training)
            watched = None if watched is None else controls.every_field(watched)
        if "composite" in kinds:
            training = controls.longer(training, weather.length)
            watched = None if watched is None else controls.longer(watched, weather.length)
        network, history = recurrent.trained(base, training, watched, seed=seed, **arguments)
        seconds, losses = sum(history["seconds"]), {"loss": history["loss"][-1]}
        if joint:
            network, history = _joint(network, training, arguments, seed, **joint)
            seconds += sum(history["seconds"])
            losses = {"loss": history["loss"][-1], "changed": history["changed"][-1]}
        scores, examples = _tested(weather, windows, network.reconstruct)
        scores |= losses | {"parameters": network.model.count_params(), "seconds": seconds}
        curves = [history[name] for name in ("loss", "val_loss") if name in history]
        return {
            "codes": network.encode(windows),
            "examples": examples,
            "losses": np.array(curves, np.float32),
            "scores": np.array(json.dumps(scores)),
        }

    split: Any = int(weather.training.sum())
    if part or weather.test_period is not None:
        split = cache.digest(learned_from)
    key = {"windows": windows.digest, "training": split, "seed": seed}
    key |= {"network": base, "keras": _keras()} | arguments | joint
    if "single" in kinds:
        key["trained_on"] = "every field"
    kept = cache.load_or_compute("windows", key, compute).arrays
    scores = json.loads(str(kept["scores"]))
    params = {"setting": design.setting} | {k: _plain(v) for k, v in (arguments | joint).items()}
    params |= part
    if design.patience is not None:
        params["max_epochs"] = params.pop("epochs")
    if design.setting != "affordable":
        name = f"{name} ({design.setting} setting)"
    losses = kept.get("losses", np.empty((0, 0)))
    return Representation(
        name, kept["codes"], scores.pop("seconds"), params, scores, kept["examples"], losses
    )


def _learned_from(training: np.ndarray, most: int) -> tuple[np.ndarray, dict[str, int]]:
    """Return which windows networks learn from, and their number if these are not all.

    Of more than `most` training windows, evenly spaced ones are taken; 0 takes all.
    """
    rows = np.flatnonzero(training)
    if not most or len(rows) <= most:
        return training, {}
    chosen = np.zeros_like(training)
    chosen[rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]] = True
    return chosen, {"network_windows": int(chosen.sum())}


def _seen(windows: Windows, kinds: list[str], seed: int) -> Windows:
    """Return the windows as a representation of these kinds sees them."""
    if "first" in kinds or "single" in kinds:
        return controls.first(windows)
    if "mean" in kinds:
        return controls.mean(windows)
    return controls.shuffled(windows, seed) if "shuffled" in kinds else windows


def _points(weather: Weather, windows: Windows) -> np.ndarray:
    flat = windows[np.arange(len(weather))].reshape(len(weather), -1)
    return flat - flat.mean(axis=0)


def _watched(
    weather: Weather, training: Windows, patience: int | None
) -> tuple[Windows, Windows | None]:
    """Return the windows to train on, and those that early stopping watches, which come later."""
    if patience is None:
        return training, None
    starts = training.starts
    first = starts[-max(1, round(WATCHED * len(starts)))]
    before = starts + weather.length <= first
    return training.subset(before), training.subset(starts >= first)


def _joint(
    network: Autoencoder,
    windows: Windows,
    arguments: Mapping[str, Any],
    seed: int,
    *,
    gamma: float,
    n_clusters: int,
) -> tuple[Autoencoder, dict[str, list[Any]]]:
    """Train `network` for as many epochs again, together with centres of clusters.

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
    weather: Weather, windows: Windows, n_codes: int, seed: int, kinds: list[str]
) -> Representation:
    from sklearn.decomposition import PCA

    start = time.perf_counter()
    check_between("n_codes", n_codes, 1, int(weather.training.sum()) - 1)
    # the training windows are cut for this alone, and may be centred in place
    pca = PCA(n_codes, svd_solver="randomized", random_state=seed, copy=False)
    pca.fit(windows[weather.training].reshape(weather.training.sum(), -1))

    def reconstruct(x: np.ndarray) -> np.ndarray:
        flat = pca.inverse_transform(pca.transform(x.reshape(len(x), -1)))
        return flat.reshape(x.shape).astype(np.float32)

    parts = (windows[i : i + CHUNK] for i in range(0, len(windows), CHUNK))
    codes = np.concatenate([pca.transform(x.reshape(len(x), -1)) for x in parts])
    seconds = time.perf_counter() - start
    scores, examples = _tested(weather, windows, reconstruct)
    if "whitened" in kinds:
        codes = codes / codes[weather.training].std(axis=0)
    params = {"n_codes": n_codes}
    name = "-".join([f"pca{n_codes}", *kinds])
    return Representation(name, codes.astype(np.float32), seconds, params, scores, examples)


def _tested(
    weather: Weather, windows: Windows, reconstruct: Callable[[np.ndarray], np.ndarray]
) -> tuple[dict[str, float], np.ndarray]:
    """Return errors over the test windows on the main level, and first fields of four of them.

    Scores: the mean squared error, that of their mean frame, and the root of the first in metres.
    """
    rows = np.flatnonzero(weather.testing)
    shown = rows[np.linspace(0, len(rows) - 1, 4).astype(int)]
    error, square = 0.0, 0.0
    mean, examples = np.zeros(windows.shape[2:4]), np.empty((2, 4, *windows.shape[2:4]), np.float32)
    for i in range(0, len(rows), CHUNK):
        chunk = rows[i : i + CHUNK]
        x = windows[chunk]
        restored = reconstruct(x)[..., 0]
        x = x[..., 0]
        error += float(((restored - x) ** 2).mean(axis=(1, 2, 3)).sum())
        square += float((x**2).mean(axis=(1, 2, 3)).sum())
        mean += x.mean(axis=1).sum(axis=0)
        for place in np.flatnonzero(np.isin(shown, chunk)):
            where = np.flatnonzero(chunk == shown[place])[0]
            examples[:, place] = x[where, 0], restored[where, 0]
    mse = error / len(rows)
    metres = float((windows.high - windows.low)[0]) if windows.high is not None else 1.0
    scores = {
        "mse": mse,
        "mse_mean_frame": square / len(rows) - float(((mean / len(rows)) ** 2).mean()),
        "rmse_metres": float(np.sqrt(mse) * metres),
    }
    return scores, examples


def _keras() -> str:
    """Return backend and version of Keras, as the keys of the cache spell them."""
    from importlib.metadata import version

    import keras

    return f"{keras.backend.backend()}, keras {version('keras')}"
