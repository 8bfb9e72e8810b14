// A map of one release at a time: the plume, its readings, and the candidates by similarity.
const { nx, ny } = data;
const get = (id) => document.getElementById(id);
const context = get("map").getContext("2d", { willReadFrequently: true });
const sheets = {};
let shown = -1;  // -1: the released plume; else the candidate site
let order = [];

// light to dark, yellow-green to blue as in the figures of the chapter
const STOPS = [[253, 231, 37], [94, 201, 98], [33, 145, 140], [59, 82, 139], [68, 1, 84]];
function colour(value) {
  const at = (value - 1) / 254 * (STOPS.length - 1), i = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[i].map((c, j) => c + (STOPS[i + 1][j] - c) * (at - i));
}

function tile(name, number) {
  const { image, columns } = sheets[name];
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
  const element = document.createElementNS(get("over").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  get("over").append(element);
}

function drawMap(c, s) {
  if (shown < 0) tile("plumes", c * data.sites.length + s);
  else tile("candidates", data.cluster[c] * data.sites.length + shown);
  get("over").replaceChildren();
  mark("path", { d: data.coast, fill: "none", stroke: "var(--line)", "stroke-width": 0.15 });
  for (const cell of data.readings[c][s]) {
    mark("circle", { cx: cell % nx + 0.5, cy: ny - 0.5 - Math.floor(cell / nx), r: 0.55,
      fill: "none", stroke: "var(--true)", "stroke-width": 0.25 });
  }
  data.place.forEach(([x, y], i) => mark("path", { d: `M${x} ${y - 0.8}l0.8 1.4h-1.6z`,
    fill: i === s ? "var(--true)" : "var(--ink)" }));
  const what = shown < 0 ? `Plume released at ${data.sites[s]}` :
    `Plume of ${data.sites[shown]} for the assigned pattern`;
  get("map").setAttribute("aria-label", `${what}, weather of ${data.times[c]}`);
}

function candidate(i, s, similarity) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  button.style.setProperty("--share", `${Math.max(0, 100 * similarity)}%`);
  button.textContent = `${data.sites[i]} ${similarity.toFixed(2)}`;
  if (i === s) button.className = "true";
  button.setAttribute("aria-pressed", shown === i);
  button.addEventListener("click", () => { shown = i; draw(); focusOn(i); });
  item.append(button);
  return item;
}

function drawCandidates(c, s) {
  const similarity = data.similarity[c][s], sites = similarity.map((_, i) => i);
  // ties count against the true site, as in latentbook's ranks
  order = sites.sort((a, b) => similarity[b] - similarity[a] || (a === s) - (b === s));
  get("said").textContent = `The true site, ${data.sites[s]}, has rank ${order.indexOf(s) + 1}` +
    ` of ${order.length}.`;
  get("released").setAttribute("aria-pressed", shown < 0);
  get("ranked").replaceChildren(...order.map((i) => candidate(i, s, similarity[i])));
}

function draw() {
  const c = Number(get("case").value), s = Number(get("site").value);
  drawMap(c, s);
  drawCandidates(c, s);
}

function focusOn(i) { get("ranked").children[order.indexOf(i)].firstChild.focus(); }

function fill(id, names) {
  get(id).replaceChildren(...names.map((name, i) => new Option(name, i)));
  get(id).addEventListener("change", () => { shown = -1; draw(); });
}

async function load(name) {
  const image = new Image();
  image.src = data[name].sprite;
  await image.decode();
  sheets[name] = { image, columns: data[name].columns };
}

get("released").addEventListener("click", () => { shown = -1; draw(); });
fill("case", data.times);
fill("site", data.sites);
Promise.all(["plumes", "candidates"].map(load)).then(draw);
