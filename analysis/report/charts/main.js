// Draws every figure of the report that carries data. The static drawings stay in the page: they are
// what is printed, and what is seen without scripts.

import { areas } from "./area.js";
import { bars } from "./bars.js";
import { heat } from "./heat.js";
import { schedule } from "./schedule.js";
import { streams } from "./streams.js";

const kinds = { areas, bars, heat, schedule, streams };

// Colours are the style sheet's; a chart is made anew when they change.
function draw(figure) {
  if (figure.chart) figure.chart.dispose();
  figure.chart = kinds[figure.data.kind](figure.box, figure.data);
}

// One after another, so that the page answers in between; the root element says when all are there.
function drawFrom(i) {
  if (i === figures.length) {
    document.documentElement.dataset.charts = String(i);
    document.documentElement.dataset.drawnAfter = String(Math.round(performance.now()));
    return;
  }
  draw(figures[i]);
  setTimeout(drawFrom, 0, i + 1);
}

const figures = [];
for (const script of document.querySelectorAll('figure > script[type="application/json"]')) {
  const box = document.createElement("div");
  box.className = "drawn";
  script.before(box);
  figures.push({ box, data: JSON.parse(script.textContent), chart: null });
}
document.documentElement.classList.add("live");
drawFrom(0);

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => figures.forEach(draw));
addEventListener("resize", () => figures.forEach((figure) => figure.chart?.resize()));
