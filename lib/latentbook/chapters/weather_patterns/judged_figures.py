"""Figures of the weather patterns chapter about test windows: time, code sizes, losses, regimes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentbook import plots
from latentbook.chapters.weather_patterns.judged_tables import ORDER, VARIABLES, of_time, title
from latentbook.study.weather_labels import TITLES
from latentbook.weather import maps
from latentbook.weather.grid import box

Arrays = Mapping[str, np.ndarray]


def draw_time(judged: pd.DataFrame, panels: Sequence[tuple[str, str]]) -> Figure:
    """Draw by how much each representation explains more than raw windows, with 95 % intervals.

    Parameters
    ----------
    judged : DataFrame
        As `judged_tables.flat` returns it.
    panels : sequence of (data set, variable)
        One a panel; a point a seed, its bar by blocks of two weeks.
    """
    chosen = [of_time(judged, dataset) for dataset, _ in panels]
    names = [n for n in ORDER if any(n in set(rows["codes"]) for rows in chosen)]
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(4.1 * len(panels), 0.36 * len(names) + 1.6),
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    colour = plots.colours(2)
    for ax, rows, (dataset, variable) in zip(axes[0], chosen, panels, strict=True):
        for y, name in enumerate(names):
            group = rows[rows["codes"] == name]
            metric = f"lead_{variable}_weather"
            for i, run in enumerate(group.to_dict("records")):
                low, mean, high = (100 * run[f"{metric}{end}"] for end in ("_low", "", "_high"))
                place = y + 0.16 * (i - (len(group) - 1) / 2)
                network = not name.startswith(("raw", "pca"))
                ax.plot([low, high], [place, place], "-", c=colour[network], linewidth=1.2)
                ax.plot(mean, place, "o", c=colour[network], markersize=4)
        ax.axvline(0, color=plots.GREY, linestyle="--")
        ax.set_title(f"{TITLES[dataset].split(', ')[0]}: {VARIABLES[variable]}", fontsize="small")
        ax.set_xlabel("explained more than by raw windows,\npercentage points")
        ax.grid(axis="y", linewidth=0.4)
    axes[0, 0].set(yticks=range(len(names)), yticklabels=[title(n) for n in names])
    axes[0, 0].invert_yaxis()
    return figure


def draw_sizes(judged: pd.DataFrame, panels: Sequence[tuple[str, str, float]]) -> Figure:
    """Draw what patterns explain against the size of the code, on a logarithmic scale.

    Parameters
    ----------
    judged : DataFrame
    panels : sequence of (data set, variable, years of training)
        NaN for all years. A dashed line marks the raw windows.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.2 * len(panels), 3.4), layout="constrained", squeeze=False
    )
    families = {
        "pca": "components",
        "pca-whitened": "components, whitened",
        "conv": "fields as channels",
        "fc-lstm": "FC-LSTM",
    }
    for ax, (dataset, variable, years) in zip(axes[0], panels, strict=True):
        metric = f"explained_{variable}_weather"
        rows = judged[(judged["dataset"] == dataset) & (judged["coarse"] > 1)]
        rows = rows[rows["years"].isna() if np.isnan(years) else rows["years"] == years]
        rows = rows.assign(family=[re.sub("[0-9]+", "", c) for c in rows["codes"]])
        for colour, (family, words) in zip(plots.colours(4), families.items(), strict=True):
            one = rows[(rows["family"] == family) & (rows["n_codes"] > 0)]
            if one["n_codes"].nunique() > 1:
                mean = one.groupby("n_codes")[metric].mean()
                ax.plot(mean.index, 100 * mean, "o-", color=colour, label=words)
        raw = rows[rows["codes"] == "raw"][metric]
        if len(raw):
            ax.axhline(100 * raw.mean(), color=plots.GREY, linestyle="--", label="raw windows")
        ax.set_xscale("log", base=2)
        sizes = sorted(s for s in rows["n_codes"].unique() if s)
        ax.set(xticks=sizes, xticklabels=[str(s) for s in sizes], xlabel="numbers in the code")
        ax.set_title(f"{TITLES[dataset].split(', ')[0]}: {VARIABLES[variable]}", fontsize="small")
        ax.grid(linewidth=0.4)
    axes[0, 0].set_ylabel("explained without season, %")
    axes[0, 0].legend(fontsize="small")
    return figure


def draw_losses(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw losses of training (thin) and of the watched windows (thick) by epoch.

    Parameters
    ----------
    arrays : mapping
        With ``losses <name>...``, as `judged.run` keeps them, in units of the variance.
    names : sequence of str
        Representations; of each the first run that is there.
    """
    figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for colour, name in zip(plots.colours(len(names)), names, strict=True):
        keys = [key for key in sorted(arrays) if key.startswith(f"losses {name},")]
        for i, key in enumerate(keys):
            for curve, width in zip(arrays[key], (0.7, 1.8), strict=False):
                label = title(name) if width > 1 and not i else None
                epochs = np.arange(1, len(curve) + 1)
                ax.plot(epochs, curve, color=colour, linewidth=width, label=label)
    ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="mean squared error")
    ax.legend(fontsize="small")
    ax.grid(linewidth=0.4)
    return figure


def draw_classifiability(rows: pd.DataFrame, datasets: Mapping[str, str]) -> Figure:
    """Draw the classifiability index against k, and the 90 % band of red noise.

    Parameters
    ----------
    rows : DataFrame
        `judged_tables.flat` of the use ``classifiability``.
    datasets : mapping
        Data set -> title, one a panel.
    """
    figure, axes = plt.subplots(
        1, len(datasets), figsize=(3.6 * len(datasets), 3), layout="constrained", sharey=True
    )
    for ax, (dataset, words) in zip(np.atleast_1d(axes), datasets.items(), strict=True):
        here = rows[rows["dataset"] == dataset]
        here = here.assign(k=[p["k"] for p in here["params"]]).sort_values("k")
        ax.fill_between(here["k"], here["noise_low"], here["noise_high"], color="0.85")
        ax.plot(here["k"], here["classifiability"], "o-", color=plots.colours(1)[0])
        ax.set(xlabel="k", title=words, xticks=[2, 4, 6, 8, 10, 15])
        ax.title.set_fontsize("small")
        ax.grid(linewidth=0.4)
    np.atleast_1d(axes)[0].set_ylabel("classifiability")
    return figure


def draw_regimes(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw daily regimes of pressure above, the monthly ones of heights that go with them below."""
    figure, axes = plt.subplots(2, 4, figsize=(11, 5), layout="constrained")
    for line, kind, unit in ((0, "maps", "hPa"), (1, "heights", "m")):
        prefix = "" if kind == "maps" else "heights_"
        latitude, longitude = (arrays[f"{prefix}{n}"] for n in ("latitude", "longitude"))
        edges = (*_edges(longitude), *_edges(latitude))
        grid = box(edges, (len(latitude), len(longitude)))
        top = 5 * np.ceil(np.abs(arrays[kind]).max() / 5)
        for ax, field, name in zip(axes[line], arrays[kind], names, strict=True):
            shown = ax.contourf(
                grid.x, grid.y, field, levels=np.linspace(-top, top, 17), cmap="RdBu_r"
            )
            maps.draw_coast(ax, grid)
            ax.set_title(name if not line else "", fontsize="small")
        figure.colorbar(shown, ax=axes[line], shrink=0.8, label=unit, ticks=[-top, 0, top])
    return figure


def _edges(axis: np.ndarray) -> tuple[float, float]:
    half = float(axis[1] - axis[0]) / 2
    return float(axis[0]) - half, float(axis[-1]) + half
