// Points that show their images: by pointing, by touch, and by the arrow keys.
const SIDE = 112;  // of the shown image, in pixels; #image in page.css has the same
const plot = document.getElementById("plot");
const image = document.getElementById("image");
const text = document.getElementById("text");
const buttons = [...document.querySelectorAll("#legend button")];
let place = -1;  // of the shown image on the sprite sheet

function show(i, trace) {
  const row = Math.floor(i / data.columns), column = i % data.columns;
  place = i;
  image.style.backgroundImage = `url(${data.sprite})`;
  image.style.backgroundSize = `${SIDE * data.columns}px`;
  image.style.backgroundPosition = `${-SIDE * column}px ${-SIDE * row}px`;
  const name = buttons[trace].textContent.trim();
  text.textContent = `${name}, image ${data.index[i]}`;
  image.setAttribute("aria-label", `An image of class ${name}`);
}

function walk(step) {
  const points = plot.data.flatMap((trace, t) => trace.visible === false ? [] :
    trace.customdata.map((i, p) => ({ i, curveNumber: t, pointNumber: p })));
  if (!points.length) return;
  const now = points.findIndex((point) => point.i === place);
  const { i, curveNumber, pointNumber } = points[(now + step + points.length) % points.length];
  show(i, curveNumber);
  Plotly.Fx.hover(plot, [{ curveNumber, pointNumber }]);
}

Plotly.newPlot(plot, data.figure.data, data.figure.layout, data.config);
new ResizeObserver(() => Plotly.Plots.resize(plot)).observe(plot.parentElement);

// a tap on a touch screen is a click without a hover
for (const name of ["plotly_hover", "plotly_click"]) {
  plot.on(name, ({ points: [point] }) => show(point.customdata, point.curveNumber));
}

plot.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  walk(step);
});

buttons.forEach((button) => button.addEventListener("click", () => {
  const visible = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", visible);
  Plotly.restyle(plot, { visible }, [Number(button.dataset.trace)]);
}));
