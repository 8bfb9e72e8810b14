"""Figures of the weather patterns chapter.

Most are drawn from the small arrays that `study.run` returns: of this run, or kept at full scale.
Single maps are drawn by `weather.maps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentbook import plots, sampling
from latentbook.chapters.weather_patterns import SHOWN
from latentbook.study.weather_labels import codes_title
from latentbook.weather import maps, patterns
from latentbook.weather.dataset import Weather
from latentbook.weather.grid import Grid

if TYPE_CHECKING:
    from latentbook.autoencoders.base import Autoencoder

Arrays = Mapping[str, np.ndarray]
MONTHS = "JFMAMJJASOND"


def draw_window(weather: Weather, number: int = 0) -> Figure:
    """Draw about four fields of one window: a network sees them as one sample."""
    fields = weather.main.unscale(weather.main[number : number + 1])[0, ..., 0]
    hours = np.diff(weather.fields["time"].values[:2])[0] / np.timedelta64(1, "h")
    shown = range(0, len(fields), max(1, len(fields) // 4))
    start = str(weather.times[number].astype("datetime64[h]"))
    titles = [f"{start} h" if i == 0 else f"+ {i * hours:.0f} h" for i in shown]
    return maps.draw_patterns(fields[list(shown)], weather.grid, titles, columns=4)


def draw_layers(networks: Mapping[str, Autoencoder]) -> Figure:
    """Draw the layers of autoencoders as rows of boxes, from the window to its reconstruction."""
    figure, axes = plt.subplots(
        len(networks), 1, figsize=(12, 1.9 * len(networks)), layout="constrained", squeeze=False
    )
    blue, _, green = plots.colours(3)
    for ax, (title, network) in zip(axes[:, 0], networks.items(), strict=True):
        boxes: list[tuple[str, Any]] = [
            (f"window\n{_size(network.encoder.input_shape[1:])}", plots.GREY)
        ]
        for part, colour in ((network.encoder, blue), (network.decoder, green)):
            for layer in part.layers:
                if layer.count_params():
                    kind = type(layer).__name__.replace("Conv2DTranspose", "Deconv")
                    boxes.append((f"{kind}\n{_size(layer.output.shape[1:])}", colour))
        for i, (text, colour) in enumerate(boxes):
            style = {"boxstyle": "round,pad=0.3", "fc": "white", "ec": colour, "linewidth": 1.5}
            ax.text(i, i % 2 * 0.5, text, ha="center", va="center", fontsize=6.5, bbox=style)
        ax.set(xlim=(-0.6, len(boxes) - 0.4), ylim=(-0.4, 0.9))
        ax.set_title(f"{title}: {network.model.count_params():,} parameters", loc="left")
        ax.axis("off")
    return figure


def _size(shape: Sequence[int | None]) -> str:
    return "x".join(str(side) for side in shape)


def pictured(arrays: Arrays, wanted: Sequence[str]) -> list[str]:
    """Return the representations among `wanted` that have pictures; if none has, all that have."""
    start = "descriptors "
    names = [name.removeprefix(start) for name in arrays if name.startswith(start)]
    return [name for name in wanted if name in names] or names


def draw_patterns(weather: Weather, labels: np.ndarray, descriptors: np.ndarray) -> Figure:
    """Draw the first field of the window that stands for each cluster, the largest cluster first.

    Parameters
    ----------
    weather : Weather
    labels : array of int, shape (n_windows,)
        Cluster of every window.
    descriptors : array of int, shape (k,)
        Position of the window that stands for each cluster.
    """
    fields = weather.main.unscale(weather.main[descriptors][:, 0])[..., 0]
    return _draw_clusters(fields, labels, weather.grid)


def draw_descriptors(arrays: Arrays, name: str) -> Figure:
    """Draw the window nearest to each centre, the largest cluster first."""
    fields = arrays[f"descriptors {name}"].astype(float)
    return _draw_clusters(fields, arrays[f"labels {name}, seed 0"], maps.grid_of(arrays))


def _draw_clusters(fields: np.ndarray, labels: np.ndarray, grid: Grid) -> Figure:
    """Draw one field a cluster, with the share of windows that are in it."""
    share = np.bincount(labels, minlength=len(fields)) / len(labels)
    order = np.argsort(-share)
    titles = [f"{number + 1}: {share[c]:.0%}" for number, c in enumerate(order)]
    return maps.draw_patterns(fields[order], grid, titles)


def draw_spaces(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw t-SNE of codes, one column a representation: by cluster above, by month below."""
    figure, axes = plt.subplots(
        2, len(names), figsize=(3.2 * len(names), 6.2), layout="constrained", squeeze=False
    )
    rows = sampling.subsample(len(arrays["index"]), SHOWN)
    month = patterns.months(arrays["index"].astype("datetime64[h]"))[rows]
    wheel = plt.get_cmap("twilight_shifted")(np.arange(12) / 12)
    for (above, below), name in zip(axes.T, names, strict=True):
        z = arrays[f"tsne {name}"].astype(np.float32)
        plots.scatter(z, arrays[f"labels {name}, seed 0"][rows].astype(int), ax=above, title=name)
        below.scatter(*z.T, s=6, c=wheel[month], linewidths=0, rasterized=True)
        below.set(xticks=[], yticks=[])
        for side in below.spines.values():
            side.set_visible(False)
    axes[0, 0].set_ylabel("by cluster")
    axes[1, 0].set_ylabel("by month")
    present = np.unique(month)
    marks = [plt.Line2D([], [], marker="o", ls="", color=wheel[m]) for m in present]
    names_of = [MONTHS[m] for m in present]
    figure.legend(marks, names_of, loc="outside lower center", ncols=12, handletextpad=0.1)
    return figure


def draw_time(arrays: Arrays, name: str) -> Figure:
    """Draw the transition matrix and the seasons of the patterns, most frequent first."""
    labels = arrays[f"labels {name}, seed 0"].astype(int)
    times = arrays["index"].astype("datetime64[h]")
    k = labels.max() + 1
    order = np.argsort(-np.bincount(labels, minlength=k))
    moves = patterns.transitions(labels, times, k)[order][:, order]
    seasons = patterns.seasonality(labels, times, k)[order]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    ticks = range(k)
    shown = left.imshow(moves, cmap="cividis", vmin=0, vmax=1)
    left.set(xlabel="next pattern", ylabel="pattern", title="transitions, share of the row")
    left.set(xticks=ticks, yticks=ticks, xticklabels=[t + 1 for t in ticks])
    left.set_yticklabels([t + 1 for t in ticks])
    left.tick_params(labelsize=7)
    figure.colorbar(shown, ax=left, shrink=0.8)
    shown = right.imshow(seasons, cmap="cividis", aspect="auto")
    right.set(xlabel="month", title="seasons, share of the row", xticks=range(12), yticks=ticks)
    right.set_xticklabels(list(MONTHS))
    right.set_yticklabels([t + 1 for t in ticks])
    right.tick_params(labelsize=7)
    figure.colorbar(shown, ax=right, shrink=0.8)
    return figure


def draw_reconstructions(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw the first fields of test windows (first row), and each network's reconstruction."""
    names = [name for name in names if arrays[f"examples {name}"].size]  # raw fields have none
    examples = [arrays[f"examples {name}"] for name in names]
    grid = maps.grid_of(arrays)
    n = examples[0].shape[1]
    figure, axes = plt.subplots(
        1 + len(names),
        n,
        figsize=(2.2 * n, 2.2 * (1 + len(names))),
        layout="constrained",
        squeeze=False,
    )
    rows = [examples[0][0], *(restored for _, restored in examples)]
    for line, fields, title in zip(axes, rows, ["test window", *names], strict=True):
        for ax, field in zip(line, fields, strict=True):
            ax.contourf(grid.x, grid.y, field / 255, levels=np.linspace(0, 1, 17), cmap="cividis")
            maps.draw_coast(ax, grid)
        line[0].set_ylabel(title, fontsize="small")
    return figure


def draw_seasons(records: pd.DataFrame) -> Figure:
    """Draw the accuracy of the season read out of each representation, one dot a seed."""
    scored = [m for m in records["metrics"] if "season_accuracy" in m]
    values: dict[str, list[float]] = {}
    for method, metrics in zip(records["method"], records["metrics"], strict=True):
        if "season_accuracy" in metrics:
            values.setdefault(codes_title(method), []).append(metrics["season_accuracy"])
    order = sorted(values, key=lambda name: np.mean(values[name]))
    figure, ax = plt.subplots(figsize=(7, 0.45 * len(order) + 1.2), layout="constrained")
    for y, name in enumerate(order):
        ax.plot(values[name], np.full(len(values[name]), y), "o", c=plots.colours(1)[0], alpha=0.7)
    chance = max((m["season_chance"] for m in scored), default=0.25)
    ax.axvline(chance, color=plots.GREY, linestyle="--")
    ax.set(yticks=range(len(order)), yticklabels=order, xlim=(0, 1))
    ax.set_xlabel("balanced accuracy of the season (dashed: chance)")
    ax.grid(axis="y", linewidth=0.5)
    return figure
