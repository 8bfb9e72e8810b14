"""Figures of the source estimation chapter.

They are drawn from the small arrays that `study.run` returns, of this run or kept at full scale,
and from records.
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
from latentbook.chapters.source_estimation import comparisons, ranks, study, tables
from latentbook.study.judge import select
from latentbook.study.weather_labels import codes_title
from latentbook.weather import maps
from latentbook.weather.dataset import Weather

Arrays = Mapping[str, np.ndarray]


def draw_plumes(
    weather: Weather, plumes: study.Library, sites: pd.DataFrame, site: int, *, n: int = 4
) -> Figure:
    """Draw the plumes of one site in `n` test windows, evenly spaced in time."""
    tested = np.flatnonzero(weather.testing & plumes.usable)
    windows = tested[np.linspace(0, len(tested) - 1, n).astype(int)]
    figure, axes = plt.subplots(1, n, figsize=(3 * n, 3.2), layout="constrained", squeeze=False)
    own = sites.iloc[[site]]
    for ax, window in zip(axes[0], windows, strict=True):
        maps.draw_plume(ax, plumes.plumes[window, site], weather.grid)
        maps.draw_sites(ax, own["longitude"], own["latitude"], weather.grid)
        ax.set_title(str(weather.times[window].astype("datetime64[h]")) + " h")
    return figure


def draw_case(arrays: Arrays, sites: pd.DataFrame, case: int, site: int) -> Figure:
    """Draw one event: plume with readings, plume of the cluster, the five most similar sites."""
    grid = maps.grid_of(arrays)
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
    similarity = arrays["likeness"][case, site].astype(float)
    order = np.argsort(-similarity)[:5][::-1]
    colour = [plots.colours(2)[1] if s == site else plots.GREY for s in order]
    axes[2].barh(range(len(order)), similarity[order], color=colour)
    axes[2].set(yticks=range(len(order)), yticklabels=sites["site"].iloc[order])
    axes[2].set_xlabel("cosine similarity")
    axes[2].set_title("most similar sites")
    return figure


def draw_accuracy(records: pd.DataFrame, *, top: int = 1) -> Figure:
    """Draw accuracy by method, one panel for each number of readings and descriptor windows.

    One dot a seed; the dashed line is chance.
    """
    plain = tables.unchanged(records)
    plain = select(plain, (not comparisons.is_input(method) for method in plain["method"]))
    conditions = tables.conditions(plain)
    n = max(1, len(conditions))
    columns = min(2, n)
    rows = -(-n // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.3 * columns + 1.5, 2.9 * rows), sharey=True, layout="constrained",
        squeeze=False,
    )  # fmt: skip
    score = f"top{top}"
    means = {
        method: np.mean([metrics[score] for metrics in group["metrics"]])
        for method, group in plain.groupby("method", sort=False)
    }
    methods = sorted(means, key=lambda method: means[method])
    for ax, condition in zip(axes.flat, conditions, strict=False):
        panel = tables.at_condition(plain, condition)
        for method, metrics in zip(panel["method"], panel["metrics"], strict=True):
            y = methods.index(method)
            ax.plot(metrics[score], y, "o", color=plots.colours(1)[0], alpha=0.6)
        ax.axvline(tables.chance(panel, top), color=plots.GREY, linestyle="--")
        readings, descriptor = condition
        words = "window" if descriptor == 1 else "windows"
        ax.set(title=f"{readings} readings, {descriptor} {words}", xlim=(0, 1))
        ax.set_xlabel(
            f"share with the site among the first {top}" if top > 1 else "share with the site first"
        )
        ax.grid(axis="y", linewidth=0.5)
    axes[0, 0].set_yticks(range(len(methods)), list(map(codes_title, methods)))
    return figure


def draw_rules(records: pd.DataFrame, arrays: Arrays) -> Figure:
    """Draw the share of sites that come first by each rule, a panel for each number of readings.

    Bars are 95 % intervals of a bootstrap of weeks; the dashed line is chance.
    """
    found = comparisons.Found(records, comparisons.SIMULATED)
    rules = [
        *comparisons.RULES,
        *(f"{name} + likelihood in the cluster" for name in comparisons.NETWORKS),
    ]
    figure, axes = plt.subplots(
        1, len(comparisons.READINGS), figsize=(8.6, 5.2), sharey=True, layout="constrained"
    )
    by_few = {rule: found.mean(rule, comparisons.READINGS[0], "top1") or 0.0 for rule in rules}
    order = sorted(rules, key=lambda rule: by_few[rule])
    colours = dict(zip(("likelihood", "cosine", "site"), plots.colours(3), strict=True))
    for ax, n in zip(axes, comparisons.READINGS, strict=True):
        for y, rule in enumerate(order):
            mean = found.mean(rule, n, "top1")
            asked = comparisons.condition(rule, n)
            if mean is None or not ranks.seeds(arrays, rule, asked):
                continue
            _, low, high = ranks.share(arrays, rule, asked)
            kind = comparisons.rule_title(rule).partition(",")[0].partition(" ")[0]
            reach = [[mean - low], [high - mean]]
            ax.errorbar(mean, y, xerr=reach, fmt="o", color=colours[kind], markersize=3)
        ax.axvline(1 / tables.ALL_SITES, color=plots.GREY, linestyle="--")
        ax.set(title=f"{n} readings", xlim=(0, 1.02), xlabel="share with the site first")
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        ax.grid(axis="y", linewidth=0.5)
    axes[0].set(yticks=range(len(order)), yticklabels=map(comparisons.rule_title, order))
    return figure


def draw_reliability(arrays: Arrays, *, seed: int = 0) -> Figure:
    """Draw how often the first site is the true one, against the probability that it was given.

    One panel for each number of readings, of the likelihood without weather: as it is, and after a
    temperature. On the diagonal probabilities come true; bins of fewer than 30 events are left out.
    """
    figure, axes = plt.subplots(
        1, len(comparisons.READINGS), figsize=(7.6, 3.9), sharey=True, layout="constrained"
    )
    marks = dict(zip(("as it is", "tempered"), ("o-", "s--"), strict=True))
    colours = dict(zip(marks, plots.colours(2), strict=True))
    for ax, n in zip(axes, comparisons.READINGS, strict=True):
        ax.plot([0, 1], [0, 1], color=plots.GREY, linewidth=1)
        name = ranks.key("any weather + likelihood", seed, readings=n)
        for kind, mark in marks.items():
            curve = arrays.get(f"reliability {kind}; {name}")
            if curve is not None:
                promised, found, events = curve
                shown = events >= 30
                ax.plot(promised[shown], found[shown], mark, color=colours[kind], label=kind)
        ax.set(title=f"{n} readings", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.set_xlabel("probability of the first site")
    axes[0].set_ylabel("share where it is the true one")
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def draw_variations(records: pd.DataFrame) -> Figure:
    """Draw top-1 accuracy against smoothing, number of clusters, and number of readings."""
    labels = {"smoothing": "smoothing, cells", "k": "clusters", "readings": "readings"}
    parts = {name: tables.varied(records, name) for name in labels}
    methods = tables.in_order(pd.concat(part["unchanged"] for part in parts.values()))
    colours = dict(zip(methods, plots.colours(len(methods)), strict=True))
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), sharey=True, layout="constrained")
    for ax, (name, part) in zip(axes, parts.items(), strict=True):
        for method in methods:
            rows = part[part["unchanged"] == method]
            if rows.empty:
                continue
            top1 = pd.Series([m["top1"] for m in rows["metrics"]], index=rows["value"].tolist())
            mean = top1.groupby(level=0).mean()
            ax.plot(mean.index, mean, "o-", color=colours[method], label=codes_title(method))
        ax.set(xlabel=labels[name])
    axes[0].set(ylabel="share with the site first", ylim=(0, None))
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def draw_sites_found(arrays: Arrays, sites: pd.DataFrame) -> Figure:
    """Draw the sites on a map, coloured by how often each comes first."""
    grid = maps.grid_of(arrays)
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
