"""The page about a table: one HTML file that needs no network, and that a colleague can read.

What it says is computed by `analysis`; layout and colours are in ``templates``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from latentbook import files
from latentbook.outliers.analysis import NETWORK, TABLE, Analysis

#: Rows that the page shows in full, bars of its histogram, and classes that it lists.
CARDS, BARS, CLASSES = 30, 48, 12
#: Rows whose first reason counts in the list of columns.
COUNTED = 100

_ENVIRONMENT = Environment(
    loader=PackageLoader("latentbook.outliers"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(analysis: Analysis) -> str:
    """Return the page as text; everything from the table is escaped."""
    score = analysis.scores[analysis.trusted]
    columns = Counter(
        row.reasons[analysis.trusted][0].column
        for row in analysis.top[:COUNTED]
        if row.reasons[analysis.trusted]
    )
    cards = analysis.top[:CARDS]
    weights = [reason.weight for row in cards for reason in row.reasons[analysis.trusted]]
    classes = sorted(analysis.classes.items(), key=lambda pair: -pair[1])
    return _ENVIRONMENT.get_template("report.html.jinja").render(
        a=analysis,
        table=TABLE,
        network=NETWORK,
        other=next((one for one in analysis.scores if one != analysis.trusted), None),
        n=len(score),
        cards=cards,
        heaviest=max(weights, default=1.0),
        columns=columns.most_common(8),
        counted=min(COUNTED, len(analysis.top)),
        classes=classes[:CLASSES],
        more_classes=len(classes) - CLASSES,
        bars=_histogram(score),
        lines=_lines(score, [(one.rate, one.score) for one in analysis.limits]),
        report=analysis.columns.to_dict("records"),
    )


def _edges(score: np.ndarray) -> np.ndarray:
    low, high = float(score.min()), float(score.max())
    return np.linspace(low, high if high > low else low + 1, BARS + 1)


def _histogram(score: np.ndarray) -> list[dict[str, float]]:
    """Return left edge and height of each bar in per cent; heights are logarithmic."""
    counts, _ = np.histogram(score, _edges(score))
    heights = np.log1p(counts) / np.log1p(counts.max())
    return [
        {"x": round(100 * i / BARS, 3), "height": round(100 * float(h), 2), "count": int(c)}
        for i, (h, c) in enumerate(zip(heights, counts, strict=True))
    ]


def _lines(score: np.ndarray, limits: list[tuple[float, float]]) -> list[dict[str, float]]:
    """Return the place of each finite threshold in the histogram, in per cent."""
    edges = _edges(score)
    return [
        {"x": round(100 * (limit - edges[0]) / (edges[-1] - edges[0]), 2), "rate": rate}
        for rate, limit in limits
        if np.isfinite(limit)
    ]


def write(analysis: Analysis, path: str | Path) -> None:
    """Write the page, all or nothing.

    Raises
    ------
    LatentbookError
        If the folder cannot be written.
    """
    text = page(analysis)
    with files.atomic(Path(path)) as scratch:
        scratch.write_text(text, encoding="utf-8")
