"""Figures of the source estimation chapter, drawn from small arrays: of this run, or of a full one.

`estimate_arrays` makes what is kept of a run; the same functions draw both.
Single maps are drawn by `weather.maps`.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.figure import Figure

from latentbook import plots
from latentbook.chapters.source_estimation import study
from latentbook.weather import maps, patterns
from latentbook.weather.codes import Weather
from latentbook.weather.maps import edges_of, grid_of

Arrays = Mapping[str, np.ndarray]


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
        "box": edges_of(weather.grid),
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
