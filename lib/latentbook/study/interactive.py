"""Interactive pages: a two-dimensional embedding whose points show their images.

Each page is one HTML file with its images inside (a sprite sheet); all pages share one plotly
script beside them, so that they work offline and from a memory stick.
Pages are built from small npz files that a run of chapter 01 keeps (see `figure_arrays`).
The static figure above them, and its alternative text, belong to the chapter.
"""

from __future__ import annotations

import base64
import html
import io
import string
from pathlib import Path

import numpy as np

from latentbook import files, paths, plots, sampling
from latentbook.datasets import Dataset
from latentbook.datasets.registry import entry
from latentbook.errors import LatentbookError, check_matrix
from latentbook.study import figure_arrays

#: Points on a page at most; more make the page heavy and the hovering slow.
MAX_POINTS = 2500
_PREFIX = "interactive-"


def save(
    dataset: Dataset, z: np.ndarray, where: Path, *, description: str, n: int = 2000, seed: int = 0
) -> Path:
    """Keep what a page needs as ``interactive-<data set>.npz`` in the folder `where`.

    Parameters
    ----------
    dataset
        Images; at most `n` of them, drawn with `seed`, get on the page.
    z : array of shape (n_samples, 2)
        Embedding of all of them.
    description
        What the picture shows, such as ``UMAP (30 neighbours, minimal distance 0), profile quick``.

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
    title = f"{data.title}: interactive embedding"
    text = string.Template(_PAGE).substitute(
        title=html.escape(title),
        caption=html.escape(str(arrays["caption"])),
        plot=figure.to_html(
            full_html=False,
            include_plotlyjs="directory",
            div_id="plot",
            config=_CONFIG,
        ),
        buttons="\n".join(
            f'<button type="button" aria-pressed="true" data-trace="{i}">'
            f'<span style="background:{_css(colours[i])}"></span>{html.escape(name)}</button>'
            for i, name in enumerate(data.classes)
        ),
        **sprite(arrays["thumbnails"]),
        theme=THEME,
        index=arrays["index"].tolist(),
    )
    folder = paths.extra() / "embeddings"
    script = folder / "plotly.min.js"
    if not script.exists() or script.read_text(encoding="utf-8") != get_plotlyjs():
        with files.atomic(script) as scratch:
            scratch.write_text(get_plotlyjs(), encoding="utf-8")
    target = folder / f"{page_name(source)}.html"
    with files.atomic(target) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return target


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
    "displaylogo": False,
    "modeBarButtons": [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
}
_AXIS = {"visible": False, "zeroline": False, "showgrid": False}
_LAYOUT = {
    "template": "none",
    "showlegend": False,
    "hovermode": "closest",
    "dragmode": "pan",
    "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#8a8d93", "activecolor": "#0173b2"},
    "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "xaxis": _AXIS,
    "yaxis": _AXIS,
}

#: Script that keeps a page in the colours of the page around it, or of the system.
THEME = """const system = matchMedia("(prefers-color-scheme: dark)");
function theme() {
  let chosen = "";
  try {
    if (parent !== window) chosen = parent.document.documentElement.dataset.theme || "";
  } catch { chosen = ""; }
  const dark = chosen === "dark" || (chosen !== "light" && system.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}
theme();
system.addEventListener("change", theme);
try {
  if (parent !== window) {
    const options = { attributes: true, attributeFilter: ["data-theme"] };
    new MutationObserver(theme).observe(parent.document.documentElement, options);
  }
} catch { /* a file opened from disk may not look at the page around it */ }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
:root { --back: #ffffff; --ink: #222832; --line: #8a8d93; color-scheme: light; }
:root[data-theme="dark"] { --back: #14181e; --ink: #ced6dd; --line: #7d858e; color-scheme: dark; }
* { box-sizing: border-box; }
body { margin: 0; height: 100vh; display: grid; grid-template: 1fr auto / 1fr 11rem;
  background: var(--back); color: var(--ink); font: 0.9rem/1.35 system-ui, sans-serif; }
main { min-width: 0; min-height: 0; overflow: hidden; }
#plot:focus-visible, button:focus-visible { outline: 3px solid #0173b2; outline-offset: -3px; }
aside { overflow: auto; padding: 0.5rem; }
#image { width: 112px; height: 112px; border: 1px solid var(--line);
  image-rendering: pixelated; background-repeat: no-repeat; }
#image.chosen { background-image: url($sprite); }
#text { min-height: 2.8em; margin: 0.3rem 0; }
button { display: flex; align-items: center; gap: 0.4rem; width: 100%; padding: 0.2rem 0.3rem;
  border: 0; background: none; color: inherit; font: inherit; text-align: left; cursor: pointer; }
button span { width: 0.8rem; height: 0.8rem; border-radius: 50%; border: 1px solid var(--line); }
button[aria-pressed="false"] { text-decoration: line-through; opacity: 0.75; }
footer { grid-column: 1 / -1; padding: 0.2rem 0.5rem; font-size: 0.8rem; }
@media (max-width: 34rem) {
  body { grid-template: minmax(0, 1fr) auto auto / 1fr; }
  aside { display: grid; grid-template-columns: 116px 1fr; gap: 0 0.5rem; max-height: 42vh; }
  #legend { columns: 2; }
  #legend, #text { grid-column: 2; }
  #image { grid-row: 1 / span 2; }
}
</style>
</head>
<body>
<main>$plot</main>
<aside>
<div id="image" role="img" aria-label="No point chosen"></div>
<p id="text" aria-live="polite">Point at a dot to see its image.</p>
<div id="legend" role="group" aria-label="Classes: press to hide or show">
$buttons
</div>
</aside>
<footer>$caption. With the picture in focus, the arrow keys walk from point to point.</footer>
<script>
const plot = document.getElementById("plot");
const image = document.getElementById("image");
const text = document.getElementById("text");
const buttons = [...document.querySelectorAll("#legend button")];
const index = $index;
const columns = $columns;
let place = -1;

function show(i, trace) {
  place = i;
  image.classList.add("chosen");
  image.style.backgroundSize = 112 * columns + "px";
  image.style.backgroundPosition =
    -112 * (i % columns) + "px " + -112 * Math.floor(i / columns) + "px";
  const name = buttons[trace].textContent.trim();
  text.textContent = name + ", image " + index[i];
  image.setAttribute("aria-label", "An image of class " + name);
}

plot.on("plotly_hover", (event) => {
  const point = event.points[0];
  show(point.customdata, point.curveNumber);
});

buttons.forEach((button) => button.addEventListener("click", () => {
  const visible = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", visible);
  Plotly.restyle(plot, { visible: visible }, [Number(button.dataset.trace)]);
}));

new ResizeObserver(() => Plotly.Plots.resize(plot)).observe(plot.parentElement.parentElement);

plot.tabIndex = 0;
plot.setAttribute("role", "application");
plot.setAttribute("aria-label", document.title + "; arrow keys walk from point to point");
plot.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const points = plot.data.flatMap((trace, t) => trace.visible === false ? [] :
    trace.customdata.map((i, p) => ({ i: i, curveNumber: t, pointNumber: p })));
  if (!points.length) return;
  const now = points.findIndex((point) => point.i === place);
  const next = points[(now + step + points.length) % points.length];
  show(next.i, next.curveNumber);
  Plotly.Fx.hover(plot, [{ curveNumber: next.curveNumber, pointNumber: next.pointNumber }]);
});

$theme</script>
</body>
</html>
"""


if __name__ == "__main__":
    write_pages()
