"""Interactive pages: a two-dimensional embedding whose points show their images.

A page is one HTML file with its images inside, as a sprite sheet. All pages share one plotly script
beside them, so they work offline and from a memory stick.
Pages are built from small npz files that a run of chapter 01 keeps (see `figure_arrays`).
HTML, style and script are left to `study.templating`, the static figure above to the chapter.
"""

from __future__ import annotations

import base64
import html
import io
import json
from pathlib import Path

import numpy as np

from latentbook import files, paths, plots, sampling
from latentbook.datasets import Dataset
from latentbook.datasets.registry import entry
from latentbook.errors import LatentbookError, check_matrix
from latentbook.study import figure_arrays, templating

#: Largest number of points on a page: more make the page large and hovering slow.
MAX_POINTS = 2500
_PREFIX = "interactive-"


def save(
    dataset: Dataset, z: np.ndarray, where: Path, *, description: str, n: int = 2000, seed: int = 0
) -> Path:
    """Keep the data of a page as ``interactive-<data set>.npz`` in the folder `where`.

    Parameters
    ----------
    dataset : Dataset
        Images.
    z : array of shape (n_samples, 2)
        Embedding of all images.
    where : Path
    description : str
        Embedding in words, such as ``UMAP (30 neighbours, minimal distance 0), profile quick``.
    n : int, default=2000
        Largest number of images on the page.
    seed : int, default=0
        Random state of their draw.

    Raises
    ------
    LatentbookError
        If the data are not images, `z` has another shape, or `n` is above `MAX_POINTS`.
    """
    check_matrix(z, "z")
    if dataset.x.ndim != 4:
        raise LatentbookError(f"{dataset.name} holds no images: a page can only show images")
    if z.shape != (len(dataset), 2):
        raise LatentbookError(f"z must have shape ({len(dataset)}, 2), but has {z.shape}")
    if not 1 <= n <= MAX_POINTS:
        raise LatentbookError(f"n is {n}, but a page shows from 1 to {MAX_POINTS} points")
    rows = sampling.subsample(len(dataset), n, seed)
    caption = f"{dataset.description}; {len(rows):,} points shown; {description}"
    arrays = {
        "embedding": z[rows].astype(np.float16),
        "labels": dataset.y[rows].astype(np.uint8),
        "index": dataset.index[rows].astype(np.int32),
        "thumbnails": figure_arrays.thumbnails(dataset.x[rows]),
        "caption": np.array(caption),
    }
    return figure_arrays.save(f"{_PREFIX}{dataset.name}", arrays, where)


def page_name(source: Path) -> str:
    """Return the name of the page for an npz: ``mnist`` at full scale, else with its profile."""
    dataset = source.stem.removeprefix(_PREFIX)
    if source.parent == paths.figures():
        return dataset
    return f"{source.parent.parent.name}-{source.parent.name}-{dataset}"


def write_page(source: Path) -> Path:
    """Write the page of one npz into ``book/extra/embeddings``, with the script it needs."""
    import plotly.graph_objects as go
    from plotly.offline import get_plotlyjs

    arrays = figure_arrays.read(source)
    data = entry(source.stem.removeprefix(_PREFIX))
    labels, colours = arrays["labels"], plots.colours(len(data.classes))
    figure = go.Figure(
        [
            _trace(arrays["embedding"], np.flatnonzero(labels == label), colours[label])
            for label in range(len(data.classes))
        ],
        _LAYOUT,
    )
    script = templating.folder() / "plotly.min.js"
    if not script.exists() or script.read_text(encoding="utf-8") != get_plotlyjs():
        with files.atomic(script) as scratch:
            scratch.write_text(get_plotlyjs(), encoding="utf-8")
    return templating.write(
        page_name(source),
        "embedding.html.jinja",
        title=f"{data.title}: interactive embedding",
        caption=str(arrays["caption"]),
        classes=[(name, _css(colours[i])) for i, name in enumerate(data.classes)],
        data={
            "figure": json.loads(figure.to_json()),
            "config": _CONFIG,
            "index": arrays["index"].tolist(),
            **sprite(arrays["thumbnails"]),
        },
    )


def write_pages() -> list[Path]:
    """Write all pages whose npz exists: full-scale ones, and those of live runs with seed 0."""
    live = (paths.root() / "_build" / "figures").glob(f"*/seed-0/{_PREFIX}*.npz")
    return [write_page(source) for source in sorted([*_full_scale(), *live])]


def full_scale_pages() -> list[str]:
    """Return the names of the data sets that have a full-scale page."""
    return [page_name(source) for source in _full_scale()]


def _full_scale() -> list[Path]:
    return sorted(paths.figures().glob(f"{_PREFIX}*.npz"))


def iframe(name: str, summary: str) -> str:
    """Return HTML that embeds the page `name` in a chapter, folded below a line `summary`."""
    safe = html.escape(summary, quote=True)
    return (
        f'<details class="interactive"><summary>{safe}</summary>'
        f'<iframe src="../embeddings/{name}.html" title="{safe}" loading="lazy" '
        'style="width:100%;height:36rem;border:0"></iframe></details>'
    )


def live(
    dataset: Dataset,
    z: np.ndarray,
    profile: str,
    *,
    random_state: int,
    whole: bool = True,
    description: str,
) -> str:
    """Keep and write the page of a running chapter; return HTML that embeds it.

    Parameters
    ----------
    dataset, z
        As for `save`.
    profile, random_state, whole
        Of the run, as for `latentbook.study.result.keep`: they decide where its arrays belong.
    description
        How `z` was made; profile and random state are added.
    """
    where = figure_arrays.folder(profile, random_state, whole=whole)
    text = f"{description}, profile {profile}, seed {random_state}"
    page = write_page(save(dataset, z, where, description=text))
    return iframe(page.stem, f"Interactive embedding of {dataset.description}")


def _css(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def _trace(z: np.ndarray, rows: np.ndarray, colour: tuple[float, float, float]) -> dict:
    """Describe the points of one class; `customdata` are their places on the sprite sheet."""
    x, y = np.round(z[rows].astype(float), 2).T.tolist() if len(rows) else ([], [])
    line = {"width": 0.4, "color": "rgba(140,140,140,0.8)"}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "customdata": rows.tolist(),
        "hoverinfo": "none",
        "marker": {"color": _css(colour), "size": 6, "opacity": 0.8, "line": line},
    }


def sprite(thumbnails: np.ndarray) -> dict[str, str | int]:
    """Lay thumbnails (n, height, width[, 3]) out on one square PNG, as a data address."""
    from PIL import Image

    n, height, width = thumbnails.shape[:3]
    columns = int(np.ceil(np.sqrt(n)))
    sheet = np.zeros((columns**2, *thumbnails.shape[1:]), dtype=np.uint8)
    sheet[:n] = thumbnails
    sheet = sheet.reshape(columns, columns, *thumbnails.shape[1:]).swapaxes(1, 2)
    sheet = sheet.reshape(columns * height, columns * width, *thumbnails.shape[3:])
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG", optimize=True)
    text = base64.b64encode(buffer.getvalue()).decode()
    return {"sprite": f"data:image/png;base64,{text}", "columns": columns}


_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtons": [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
}
_AXIS = {"visible": False, "zeroline": False, "showgrid": False}
_LAYOUT = {
    "template": "none",
    "showlegend": False,
    "hovermode": "closest",
    "dragmode": "pan",
    "modebar": {
        "orientation": "v",
        "bgcolor": "rgba(0,0,0,0)",
        "color": "#8a8d93",
        "activecolor": "#0173b2",
    },
    "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "xaxis": _AXIS,
    "yaxis": _AXIS,
}


if __name__ == "__main__":
    write_pages()
