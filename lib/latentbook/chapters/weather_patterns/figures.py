"""Figures of the two weather chapters, drawn from small arrays: of this run, or of a full one.

`pattern_arrays` and `estimate_arrays` make what is kept of a run; a full-scale run with seed 0
saves it, and the same functions draw both.
Single maps are drawn by `maps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.figure import Figure

from latentbook import embed, plots
from latentbook.autoencoders.base import Autoencoder
from latentbook.chapters.source_estimation import study
from latentbook.weather import maps, patterns
from latentbook.weather.codes import Representation, Weather
from latentbook.weather.grid import EUROPE, Grid, box

Arrays = Mapping[str, np.ndarray]
MONTHS = "JFMAMJJASOND"


def grid_of(arrays: Arrays) -> Grid:
    """Return the grid that the maps among `arrays` are on."""
    if not len(arrays["box"]):
        return EUROPE
    west, east, south, north, ny, nx = map(float, arrays["box"])
    return box((west, east, south, north), (int(ny), int(nx)))


def _box(grid: Grid) -> np.ndarray:
    """Return edges (west, east, south, north) and shape of a box; nothing for the study's map."""
    if grid is EUROPE:
        return np.empty(0)
    half = (grid.x[1] - grid.x[0]) / 2, (grid.y[1] - grid.y[0]) / 2
    edges = grid.x[0] - half[0], grid.x[-1] + half[0], grid.y[0] - half[1], grid.y[-1] + half[1]
    return np.array([*edges, *grid.shape])


# ---------------------------------------------------------------- patterns


def pattern_arrays(
    weather: Weather,
    made: Representation,
    found: patterns.Patterns,
    seed: int,
    *,
    pictures: bool = True,
) -> dict[str, np.ndarray]:
    """Return what is kept of one clustering: labels, and with `pictures` maps and an embedding."""
    index = weather.times.astype("datetime64[h]").astype(np.int64)
    arrays = {
        "index": index,
        "box": _box(weather.grid),
        f"labels {made.name}, seed {seed}": found.labels.astype(np.int8),
    }
    if not pictures:
        return arrays
    near = patterns.nearest_to_centres(made.codes, found, weather.training, 1)[:, 0]
    fields = weather.main.unscale(weather.main[near][:, 0])[..., 0]
    rows = plots.thin(len(index), 2500)
    points = embed.embed(
        made.codes[rows],
        "tsne2",
        seed=seed,
        perplexity=float(min(25, (len(rows) - 1) // 3)),
        learning_rate=max(len(rows) / 12, 50.0),
    ).arrays["embedding"]
    return arrays | {
        f"descriptors {made.name}": np.round(fields).astype(np.int16),
        f"tsne {made.name}": points.astype(np.float16),
        f"examples {made.name}": np.round(255 * np.clip(made.examples, 0, 1)).astype(np.uint8),
    }


def draw_window(weather: Weather, number: int = 0) -> Figure:
    """Draw the fields of one window, every second one: what a network sees as one sample."""
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


def draw_descriptors(arrays: Arrays, name: str) -> Figure:
    """Draw the window nearest to each centre, titled with the share of windows in its cluster."""
    labels = arrays[f"labels {name}, seed 0"]
    share = np.bincount(labels, minlength=len(arrays[f"descriptors {name}"])) / len(labels)
    order = np.argsort(-share)
    titles = [f"{number + 1}: {share[c]:.0%}" for number, c in enumerate(order)]
    fields = arrays[f"descriptors {name}"][order].astype(float)
    return maps.draw_patterns(fields, grid_of(arrays), titles)


def draw_spaces(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw t-SNE of codes, one column a representation: by cluster above, by month below."""
    figure, axes = plt.subplots(
        2, len(names), figsize=(3.2 * len(names), 6.2), layout="constrained", squeeze=False
    )
    rows = plots.thin(len(arrays["index"]), 2500)
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
    """Draw the first fields of test windows, and what each network makes of them."""
    shown = [arrays[f"examples {name}"] for name in names]
    grid = grid_of(arrays)
    figure, axes = plt.subplots(
        1 + len(names),
        shown[0].shape[1],
        figsize=(2.2 * shown[0].shape[1], 2.2 * (1 + len(names))),
        layout="constrained",
        squeeze=False,
    )
    rows = [shown[0][0], *(one[1] for one in shown)]
    for line, fields, title in zip(axes, rows, ["test window", *names], strict=True):
        for ax, field in zip(line, fields, strict=True):
            ax.contourf(grid.x, grid.y, field / 255, levels=np.linspace(0, 1, 17), cmap="cividis")
            maps.draw_coast(ax, grid)
        line[0].set_ylabel(title, fontsize="small")
    return figure


def draw_seasons(found: pd.DataFrame) -> Figure:
    """Draw how well each representation tells the season, one dot a seed, with chance."""
    table = _long(found, "season_accuracy")
    figure, ax = plt.subplots(figsize=(7, 0.45 * table["method"].nunique() + 1.2))
    order = table.groupby("method")["season_accuracy"].mean().sort_values().index
    for y, method in enumerate(order):
        values = table.loc[table["method"] == method, "season_accuracy"]
        ax.plot(values, np.full(len(values), y), "o", color=plots.colours(1)[0], alpha=0.7)
    chance = [m["season_chance"] for m in found["metrics"] if "season_chance" in m]
    ax.axvline(max(chance, default=0.25), color=plots.GREY, linestyle="--")
    ax.set(yticks=range(len(order)), yticklabels=order, xlim=(0, 1))
    ax.set_xlabel("balanced accuracy of the season (dashed: chance)")
    ax.grid(axis="y", linewidth=0.5)
    return figure


def _long(found: pd.DataFrame, metric: str) -> pd.DataFrame:
    pairs = zip(found["method"], found["metrics"], strict=True)
    rows = [
        {"method": name.removesuffix(" + k-means"), metric: m[metric]}
        for name, m in pairs
        if metric in m
    ]
    return pd.DataFrame(rows, columns=["method", metric])


# ---------------------------------------------------------------- source estimation


def estimate_arrays(
    weather: Weather,
    plumes: study.Library,
    codes: np.ndarray,
    found: patterns.Patterns,
    event: study.Event,
    seed: int,
    *,
    cases: int = 24,
) -> dict[str, np.ndarray]:
    """Return what the figures and the interactive map show of one model.

    Plumes are kept as bytes: 0 where nothing arrives, else 1 to 255 over four decades.
    """
    given = study.read(weather, plumes, event, seed)
    estimate = study.by_patterns(weather, plumes, codes, found, event.descriptor, given)
    n_sites = plumes.plumes.shape[1]
    windows = np.unique(given.window)
    chosen = windows[np.linspace(0, len(windows) - 1, min(cases, len(windows))).astype(int)]
    rows = np.flatnonzero(np.isin(given.window, chosen))
    known = weather.training & plumes.usable
    members = patterns.nearest_to_centres(codes, found, known, event.descriptor)
    used = np.unique(found.labels[chosen])
    candidates = np.stack([plumes.plumes[m[m >= 0]].mean(axis=0) for m in members[used]])
    first = np.bincount(estimate.site, estimate.rank == 1, minlength=n_sites)
    return {
        "index": weather.times[chosen].astype("datetime64[h]").astype(np.int64),
        "box": _box(weather.grid),
        "plumes": _decades(plumes.plumes[chosen]),
        "candidates": _decades(candidates),
        "cluster": np.searchsorted(used, found.labels[chosen]).astype(np.int8),
        "readings": (given.maps[rows] > 1e-3).reshape(len(chosen), n_sites, *weather.grid.shape),
        "likeness": estimate.likeness[rows]
        .reshape(len(chosen), n_sites, n_sites)
        .astype(np.float16),
        "found_first": (first / np.bincount(estimate.site, minlength=n_sites)).astype(np.float32),
    }


def _decades(plumes: np.ndarray) -> np.ndarray:
    """Return 1 to 255 for the four decades below each map's maximum, 0 below them."""
    top = plumes.max(axis=(-2, -1), keepdims=True)
    with np.errstate(divide="ignore"):
        log = 4 + np.log10(np.divide(plumes, top, out=np.zeros_like(plumes), where=top > 0))
    return np.clip(np.ceil(log / 4 * 255), 0, 255).astype(np.uint8)


def draw_case(arrays: Arrays, sites: pd.DataFrame, case: int, site: int) -> Figure:
    """Draw one event: its plume with readings, the plume of its cluster, and the five likeliest."""
    grid = grid_of(arrays)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained")
    cluster = arrays["cluster"][case]
    shown = (arrays["plumes"][case, site], arrays["candidates"][cluster, site])
    titles = ("released plume and readings", "plume of the weather's cluster")
    for ax, plume, title in zip(axes, shown, titles, strict=False):
        ax.pcolormesh(
            grid.x, grid.y, np.ma.masked_equal(plume, 0), cmap="viridis_r", rasterized=True
        )
        maps.draw_coast(ax, grid)
        maps.draw_sites(ax, sites["longitude"], sites["latitude"], grid, c=plots.GREY)
        own = sites.iloc[[site]]
        maps.draw_sites(ax, own["longitude"], own["latitude"], grid, s=60, c="black")
        ax.set_title(title)
    rows, columns = np.nonzero(arrays["readings"][case, site])
    axes[0].scatter(
        grid.x[columns], grid.y[rows], s=24, fc="none", ec=plots.colours(2)[1], zorder=5
    )
    likeness = arrays["likeness"][case, site].astype(float)
    order = np.argsort(-likeness)[:5][::-1]
    colour = [plots.colours(2)[1] if s == site else plots.GREY for s in order]
    axes[2].barh(range(len(order)), likeness[order], color=colour)
    axes[2].set(yticks=range(len(order)), yticklabels=sites["site"].iloc[order])
    axes[2].set_xlabel("cosine similarity")
    axes[2].set_title("likeliest sites")
    return figure


def draw_accuracy(found: pd.DataFrame, *, top: int = 1) -> Figure:
    """Draw accuracy by method, one panel for each number of readings and descriptor windows."""
    plain = found[~found["method"].str.contains(",")]
    keys = sorted({(p["readings"], p["descriptor"]) for p in plain["params"]})
    figure, axes = plt.subplots(
        1,
        max(1, len(keys)),
        figsize=(3.1 * max(1, len(keys)) + 1.5, 3.4),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    methods = list(dict.fromkeys(plain["method"]))
    means = {
        m: np.mean([x[f"top{top}"] for x in plain.loc[plain["method"] == m, "metrics"]])
        for m in methods
    }
    methods.sort(key=lambda m: means[m])
    for ax, (readings, descriptor) in zip(axes[0], keys, strict=False):
        for y, method in enumerate(methods):
            rows = plain[plain["method"] == method]
            for metrics, params in zip(rows["metrics"], rows["params"], strict=True):
                if (params["readings"], params["descriptor"]) != (readings, descriptor):
                    continue
                value = metrics[f"top{top}"]
                reach = [[value - metrics[f"top{top}_low"]], [metrics[f"top{top}_high"] - value]]
                ax.errorbar(value, y, xerr=reach, fmt="o", color=plots.colours(1)[0], alpha=0.6)
        ax.axvline(top / 20, color=plots.GREY, linestyle="--")
        words = "window" if descriptor == 1 else "windows"
        ax.set(title=f"{readings} readings, {descriptor} {words}", xlim=(0, 1))
        ax.set_xlabel(
            f"share with the site among the first {top}" if top > 1 else "share with the site first"
        )
        ax.grid(axis="y", linewidth=0.5)
    axes[0, 0].set(yticks=range(len(methods)), yticklabels=methods)
    return figure


def draw_variations(found: pd.DataFrame, *, readings: int = 10) -> Figure:
    """Draw top-1 accuracy against smoothing, number of clusters, and number of readings."""
    varied = {"smoothing": "smoothing, cells", "k": "clusters", "readings": "readings"}
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), sharey=True, layout="constrained")
    colours = dict(
        zip(sorted(found["method"].str.partition(",")[0].unique()), plots.colours(9), strict=False)
    )
    for ax, (name, label) in zip(axes, varied.items(), strict=True):
        rows = found[found["method"].str.contains(f", {name} ")]
        drawn: dict[str, dict[float, list[float]]] = {}
        for method, params, metrics in zip(
            rows["method"], rows["params"], rows["metrics"], strict=True
        ):
            drawn.setdefault(method.partition(",")[0], {}).setdefault(params[name], []).append(
                metrics["top1"]
            )
        for method, values in sorted(drawn.items()):
            x = sorted(values)
            ax.plot(x, [np.mean(values[v]) for v in x], "o-", color=colours[method], label=method)
        ax.set(xlabel=label, ylim=(0, None))
    axes[0].set_ylabel("share with the site first")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def draw_sites_found(arrays: Arrays, sites: pd.DataFrame) -> Figure:
    """Draw the sites on a map, coloured by how often each is found first."""
    grid = grid_of(arrays)
    figure, ax = plt.subplots(figsize=(6.4, 5.4), layout="constrained")
    maps.draw_coast(ax, grid)
    x, y = grid.project(sites["longitude"], sites["latitude"])
    shown = ax.scatter(x, y, s=90, c=arrays["found_first"], cmap="cividis", ec="black", zorder=5)
    for xs, ys, name in zip(x, y, sites["site"], strict=True):
        ax.annotate(
            name,
            (xs, ys),
            xytext=(7, 3),
            textcoords="offset points",
            fontsize=7,
            zorder=6,
            path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
        )
    figure.colorbar(shown, label="share of releases with this site first", shrink=0.8)
    return figure
