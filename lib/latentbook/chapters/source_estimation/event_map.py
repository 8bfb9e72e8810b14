"""The interactive map of source estimation: pick weather and site, see who is suspected.

One HTML file with the plumes inside as two sprite sheets, no library and no request, so that it
works offline and from a memory stick.
It is built from the arrays that a run of the chapter keeps (`figures.estimate_arrays`); the static
figure above it and its alternative text belong to the chapter.
"""

from __future__ import annotations

import html
import json
import string
from pathlib import Path

import numpy as np

from latentbook import files, paths
from latentbook.study import figure_arrays, interactive
from latentbook.weather import maps, source
from latentbook.weather.grid import Grid

_PREFIX = "06-"


def page_name(origin: Path) -> str:
    """Return the name of the page for an npz: ``source-NAME`` at full scale, else with profile."""
    weather = origin.stem.removeprefix(_PREFIX)
    if origin.parent == paths.figures():
        return f"source-{weather}"
    return f"source-{origin.parent.parent.name}-{origin.parent.name}-{weather}"


def write_page(origin: Path) -> Path:
    """Write the page of one npz into ``book/extra/embeddings``."""
    arrays = figure_arrays.read(origin)
    sites = source.sites()
    grid = maps.grid_of(arrays)
    n_cases, n_sites = arrays["plumes"].shape[:2]
    x, y = grid.project(sites["longitude"], sites["latitude"])
    data = {
        "times": [str(t).replace("T", " ") + " h" for t in arrays["index"].astype("datetime64[h]")],
        "sites": sites["site"].tolist(),
        "place": np.round(_pixels(grid, np.column_stack([x, y])), 1).tolist(),
        "coast": _coast(grid),
        "cluster": arrays["cluster"].tolist(),
        "likeness": np.round(arrays["likeness"].astype(float), 3).tolist(),
        "readings": [[np.flatnonzero(one).tolist() for one in case] for case in arrays["readings"]],
    }
    title = "Which site released?"
    text = string.Template(_PAGE).substitute(
        title=title,
        ny=len(grid.y),
        nx=len(grid.x),
        theme=interactive.THEME,
        caption=html.escape(_caption(origin, n_cases, n_sites)),
        plumes=_sheet(arrays["plumes"])["sprite"],
        candidates=_sheet(arrays["candidates"])["sprite"],
        columns=_sheet(arrays["plumes"])["columns"],
        candidate_columns=_sheet(arrays["candidates"])["columns"],
        data=json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    )
    target = paths.extra() / "embeddings" / f"{page_name(origin)}.html"
    with files.atomic(target) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return target


def write_pages() -> list[Path]:
    """Write all pages whose npz exists: full-scale ones, and those of live runs with seed 0."""
    live = (paths.root() / "_build" / "figures").glob(f"*/seed-0/{_PREFIX}*.npz")
    full = paths.figures().glob(f"{_PREFIX}*.npz")
    return [write_page(origin) for origin in sorted([*full, *live])]


def _caption(origin: Path, n_cases: int, n_sites: int) -> str:
    kind = (
        "Simulated weather" if "simulated" in origin.stem or "sample" in origin.stem else "Weather"
    )
    return (
        f"{kind}, {n_cases} situations of the test period, {n_sites} sites; plumes over 48 hours, "
        "on a logarithmic scale of four decades. Press a candidate to see the plume of its site "
        "for the pattern that the weather was assigned to."
    )


def _sheet(plumes: np.ndarray) -> dict[str, str | int]:
    """Return the maps as one sprite sheet, north up."""
    return interactive.sprite(plumes.reshape(-1, *plumes.shape[2:])[:, ::-1])


def _pixels(grid: Grid, points: np.ndarray) -> np.ndarray:
    """Return map coordinates as cells from the upper left corner."""
    step = grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]
    return np.column_stack(
        [
            (points[:, 0] - grid.x[0]) / step[0] + 0.5,
            len(grid.y) - 0.5 - (points[:, 1] - grid.y[0]) / step[1],
        ]
    )


def _coast(grid: Grid) -> str:
    """Return the coasts as the path of an SVG."""
    ny, nx = grid.shape
    strokes = []
    for line in maps.coastlines():
        dots = np.round(_pixels(grid, np.column_stack(grid.project(line[:, 0], line[:, 1]))), 1)
        inside = np.all((dots >= 0) & (dots <= [nx, ny]), axis=1).tolist()
        pen = "M"
        for (x, y), kept in zip(dots, inside, strict=True):
            if kept:
                strokes.append(f"{pen}{x:g} {y:g}")
            pen = "L" if kept else "M"
    return "".join(strokes)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
:root { --back: #ffffff; --ink: #222832; --line: #6c6f75; --bar: #0173b2; --true: #b84b00;
  color-scheme: light; }
:root[data-theme="dark"] { --back: #14181e; --ink: #ced6dd; --line: #9aa3ad; --bar: #56b4e9;
  --true: #f5a45d; color-scheme: dark; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; grid-template: auto 1fr auto / 1fr 17rem;
  gap: 0.4rem; padding: 0.4rem; background: var(--back); color: var(--ink);
  font: 0.9rem/1.35 system-ui, sans-serif; }
header { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; }
select { font: inherit; max-width: 100%; }
main { min-width: 0; }
figure { position: relative; margin: 0 auto; width: min(100%, 74vh); aspect-ratio: $nx / $ny;
  border: 1px solid var(--line); }
canvas, svg { position: absolute; inset: 0; width: 100%; height: 100%; }
canvas { image-rendering: pixelated; }
ol { margin: 0; padding: 0; list-style: none; }
button { position: relative; display: block; width: 100%; margin: 1px 0; padding: 0.1rem 0.4rem;
  border: 1px solid transparent; background: none; color: inherit; font: inherit;
  text-align: left; cursor: pointer; }
button::before { content: ""; position: absolute; inset: 0 auto 0 0; width: var(--share);
  background: var(--bar); opacity: 0.25; }
button[aria-pressed="true"] { border-color: var(--ink); }
button:focus-visible, select:focus-visible { outline: 3px solid var(--bar); outline-offset: 1px; }
.true { color: var(--true); font-weight: bold; }
#said { margin: 0 0 0.3rem; }
footer { grid-column: 1 / -1; font-size: 0.8rem; }
@media (max-width: 40rem) { body { grid-template: auto auto 1fr auto / 1fr; } }
</style>
</head>
<body>
<header>
<label>Weather of <select id="case"></select></label>
<label>Release at <select id="site"></select></label>
</header>
<main><figure>
<canvas id="map" width="$nx" height="$ny" role="img" aria-label="Map of a plume"></canvas>
<svg id="over" viewBox="0 0 $nx $ny" aria-hidden="true"></svg>
</figure></main>
<aside>
<p id="said" aria-live="polite"></p>
<button type="button" id="released" aria-pressed="true">released plume and readings</button>
<ol id="ranked"></ol>
</aside>
<footer>$caption</footer>
<script>
const data = $data;
const sheets = { plumes: [new Image(), $columns], candidates: [new Image(), $candidate_columns] };
const nx = $nx, ny = $ny;
const get = (id) => document.getElementById(id);
const context = get("map").getContext("2d", { willReadFrequently: true });
let shown = -1;  // -1: the released plume; else the candidate site
let order = [];

// light to dark, blue to yellow-green as in the figures of the chapter
const stops = [[253, 231, 37], [94, 201, 98], [33, 145, 140], [59, 82, 139], [68, 1, 84]];
function colour(value) {
  const at = (value - 1) / 254 * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
  return stops[i].map((c, j) => c + (stops[i + 1][j] - c) * (at - i));
}

function tile(sheet, number) {
  const [image, columns] = sheets[sheet];
  context.clearRect(0, 0, nx, ny);
  context.drawImage(image, -nx * (number % columns), -ny * Math.floor(number / columns));
  const pixels = context.getImageData(0, 0, nx, ny);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const value = pixels.data[i];
    const [r, g, b] = value ? colour(value) : [0, 0, 0];
    pixels.data.set([r, g, b, value ? 235 : 0], i);
  }
  context.putImageData(pixels, 0, 0);
}

function mark(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  get("over").append(element);
}

function draw() {
  const c = Number(get("case").value), s = Number(get("site").value);
  if (shown < 0) tile("plumes", c * data.sites.length + s);
  else tile("candidates", data.cluster[c] * data.sites.length + shown);
  get("over").replaceChildren();
  mark("path", { d: data.coast, fill: "none", stroke: "var(--line)", "stroke-width": 0.15 });
  for (const cell of data.readings[c][s]) {
    mark("circle", { cx: cell % nx + 0.5, cy: ny - 0.5 - Math.floor(cell / nx), r: 0.55,
      fill: "none", stroke: "var(--true)", "stroke-width": 0.25 });
  }
  data.place.forEach(([x, y], i) => mark("path", { d: "M" + x + " " + (y - 0.8) + "l0.8 1.4h-1.6z",
    fill: i === s ? "var(--true)" : "var(--ink)" }));
  const likeness = data.likeness[c][s];
  order = likeness.map((_, i) => i).sort((a, b) => likeness[b] - likeness[a]);
  const rank = order.indexOf(s) + 1;
  get("said").textContent = "The true site, " + data.sites[s] + ", comes on place " + rank +
    " of " + data.sites.length + ".";
  const what = shown < 0 ? "Plume released at " + data.sites[s] :
    "Plume of " + data.sites[shown] + " for the assigned pattern";
  get("map").setAttribute("aria-label", what + ", weather of " + data.times[c]);
  get("released").setAttribute("aria-pressed", shown < 0);
  get("ranked").replaceChildren(...order.map((i) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.style.setProperty("--share", Math.max(0, 100 * likeness[i]) + "%");
    button.textContent = data.sites[i] + " " + likeness[i].toFixed(2);
    if (i === s) button.className = "true";
    button.setAttribute("aria-pressed", shown === i);
    button.addEventListener("click", () => { shown = i; draw(); focusOn(i); });
    item.append(button);
    return item;
  }));
}

function focusOn(i) { get("ranked").children[order.indexOf(i)].firstChild.focus(); }
function fill(id, names) {
  get(id).replaceChildren(...names.map((name, i) => new Option(name, i)));
  get(id).addEventListener("change", () => { shown = -1; draw(); });
}
get("released").addEventListener("click", () => { shown = -1; draw(); });
fill("case", data.times);
fill("site", data.sites);
sheets.plumes[0].src = "$plumes";
sheets.candidates[0].src = "$candidates";
Promise.all(Object.values(sheets).map(([image]) => image.decode())).then(draw);

$theme</script>
</body>
</html>
"""


if __name__ == "__main__":
    write_pages()
