"""Figures of records that more than one chapter draws."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure


def draw_not_run() -> Figure:
    """Draw an empty frame that says that nothing has run."""
    figure, ax = plt.subplots(figsize=(4, 1))
    ax.axis("off")
    ax.text(0.5, 0.5, "not run", ha="center", va="center")
    return figure


def draw_accuracy(measured: pd.DataFrame) -> Figure:
    """Draw clustering accuracy over all images by method: a panel a data set, a dot a seed."""
    chosen = [
        {"dataset": row.dataset, "method": row.method, "ACC": row.metrics["acc"]}
        for row in measured.itertuples()
        if "acc" in row.metrics and row.params.get("evaluated_on") == "all"
    ]
    table = pd.DataFrame(chosen, columns=["dataset", "method", "ACC"])
    datasets = sorted(table["dataset"].unique()) or ["not run"]
    figure, axes = plt.subplots(
        1, len(datasets), figsize=(3.6 * len(datasets), 5.4), sharey=True, layout="constrained"
    )
    order = table.groupby("method")["ACC"].mean().sort_values(ascending=False).index
    for ax, name in zip(np.atleast_1d(axes), datasets, strict=True):
        rows = table[table["dataset"] == name]
        sns.stripplot(rows, x="ACC", y="method", order=order, ax=ax, jitter=False, alpha=0.7)
        ax.grid(axis="y", linewidth=0.5)
        ax.set(title=name, xlim=(0, 1), xlabel="clustering accuracy", ylabel="")
    return figure
