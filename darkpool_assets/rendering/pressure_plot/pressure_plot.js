// Draws every pressure plot of the page in the reader's colours and lets the reader choose how far back it looks.
// A figure names its colours by role ("$ink"); the scheme's own colours are put in their place here.
"use strict";
const dark = window.matchMedia("screen and (prefers-color-scheme: dark)");
const phone = window.matchMedia("(max-width: 640px)");
const PHONE_SESSIONS = 60;
const PRINTED_HEIGHT = 820; // with head, legend and disclaimer on one page

const painted = (part, colours) => {
  if (typeof part === "string") return part.startsWith("$") ? colours[part.slice(1)] : part;
  if (Array.isArray(part)) return part.map((each) => painted(each, colours));
  if (part === null || typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([name, each]) => [name, painted(each, colours)]));
};

// {"yaxis2.range": [0, 1]} into {yaxis2: {range: [0, 1]}} of a layout.
const applied = (changes, layout) => {
  for (const [name, value] of Object.entries(changes)) {
    const [axis, attribute] = name.split(".");
    layout[axis][attribute] = value;
  }
  return layout;
};

for (const plot of document.querySelectorAll(".pressure-plot")) {
  const { figure, views, palettes } = JSON.parse(plot.querySelector("script[type='application/json']").textContent);
  const drawing = plot.querySelector(".drawing");
  const buttons = [...plot.querySelectorAll(".views button")];
  let view = views.length - 1;
  let printing = false;

  const draw = () => {
    const { data, layout } = painted(figure, palettes[dark.matches && !printing ? "dark" : "light"]);
    if (printing) layout.height = PRINTED_HEIGHT;
    layout.dragmode = phone.matches ? false : "zoom";
    const config = {
      responsive: true, displaylogo: false, displayModeBar: phone.matches ? false : "hover", scrollZoom: false,
      doubleClick: phone.matches ? false : "reset",
      modeBarButtons: [["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]], // none that sends or saves the plot
    };
    for (const button of buttons) button.setAttribute("aria-pressed", String(Number(button.value) === view));
    return window.Plotly.newPlot(drawing, data, applied(views[view].changes, layout), config);
  };

  if (window.Plotly === undefined) {
    plot.classList.add("without-script");
    continue;
  }
  if (phone.matches) view = Math.max(0, views.findLastIndex((each) => each.sessions <= PHONE_SESSIONS));
  draw();
  for (const button of buttons) {
    button.addEventListener("click", () => {
      view = Number(button.value);
      draw();
    });
  }
  for (const query of [dark, phone]) query.addEventListener("change", draw);
  for (const event of ["beforeprint", "afterprint"]) {
    window.addEventListener(event, () => {
      printing = event === "beforeprint";
      draw();
    });
  }
}
