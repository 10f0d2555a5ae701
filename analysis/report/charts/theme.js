// What charts share: the page's colours and face, axes, tooltips, zoom, figures for reading.

import * as echarts from "echarts/core";
import { BarChart, CustomChart, HeatmapChart, LineChart } from "echarts/charts";
import {
  DataZoomComponent,
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([
  BarChart, CustomChart, HeatmapChart, LineChart, DataZoomComponent, GridComponent,
  MarkLineComponent, TooltipComponent, VisualMapComponent, CanvasRenderer,
]);

const root = () => getComputedStyle(document.documentElement);

/** A colour of the style sheet: ink("--soft"). */
export const ink = (name) => root().getPropertyValue(name).trim();

/** The fill of a class of the style sheet: fill("c-compute"). */
export function fill(cls) {
  const probe = document.createElement("i");
  probe.className = cls;
  document.body.append(probe);
  const colour = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return colour;
}

export const escape = (text) =>
  String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export const swatch = (colour) => `<i class="dot" style="background:${colour}"></i>`;

/** Seconds for reading, with four figures: 17.60 s, 127.8 ms, 4.200 µs. */
export function seconds(s) {
  const [unit, factor] = s >= 1 || s === 0 ? ["s", 1] : s >= 1e-3 ? ["ms", 1e3] : ["µs", 1e6];
  return `${Number((s * factor).toPrecision(4))} ${unit}`;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Bytes per second for reading. */
export function rate(value) {
  const step = value >= 1e12 ? [1e12, "TB/s"] : value >= 1e9 ? [1e9, "GB/s"] : [1e6, "MB/s"];
  return `${(value / step[0]).toPrecision(3)} ${step[1]}`;
}

export const face = () => getComputedStyle(document.body).fontFamily;

export function make(box, height, option) {
  box.style.height = `${height}px`;
  const chart = echarts.init(box);
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: face(), color: ink("--ink") },
    tooltip: {
      confine: true,
      backgroundColor: ink("--panel"),
      borderColor: ink("--rule"),
      textStyle: { color: ink("--ink"), fontSize: 12 },
      extraCssText: "box-shadow:none;max-width:420px;white-space:normal",
    },
    ...option,
  });
  return chart;
}

export function valueAxis(title, more = {}) {
  return {
    type: "value",
    name: title,
    nameLocation: "end",
    nameTextStyle: { color: ink("--soft"), fontSize: 11 },
    axisLabel: { color: ink("--soft"), fontSize: 11, hideOverlap: true },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: ink("--rule") } },
    ...more,
  };
}

/** A horizontal value axis: its title stands under its right end. */
export function bottomAxis(title, more = {}) {
  return valueAxis(title, {
    nameLocation: "end",
    nameGap: 0,
    nameTextStyle: {
      color: ink("--soft"), fontSize: 11, align: "right", verticalAlign: "top", padding: [24, 0, 0, 0],
    },
    ...more,
  });
}

export function rowAxis(names, more = {}) {
  return {
    type: "category",
    data: names,
    inverse: true,
    axisLabel: { color: ink("--ink"), fontSize: 11, width: 230, overflow: "truncate", interval: 0 },
    axisLine: { show: false },
    axisTick: { show: false },
    splitArea: { show: false },
    ...more,
  };
}

/** Wheel with Ctrl (or a pinch), drag, and a slider under the chart. */
export function zoom(more = {}) {
  return [
    {
      type: "inside", xAxisIndex: 0, zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false,
      filterMode: "none", ...more,
    },
    {
      type: "slider", xAxisIndex: 0, height: 18, bottom: 6, filterMode: "none",
      showDataShadow: false, brushSelect: false, borderColor: ink("--rule"),
      backgroundColor: ink("--panel"), fillerColor: `${ink("--blue")}33`,
      handleStyle: { color: ink("--blue") }, moveHandleSize: 4, labelFormatter: "",
      textStyle: { color: ink("--soft") }, ...more,
    },
  ];
}

/** A row of buttons above a chart, number `start` pressed; `choose` is called with an index. */
export function chooser(box, labels, start, choose) {
  const old = box.parentElement.querySelector(":scope > .chooser");
  if (old) old.remove();
  if (labels.length < 2) return;
  const line = document.createElement("div");
  line.className = "chooser";
  labels.forEach((text, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-pressed", String(i === start));
    button.addEventListener("click", () => {
      for (const other of line.querySelectorAll("button"))
        other.setAttribute("aria-pressed", String(other === button));
      choose(i);
    });
    line.append(button);
  });
  box.before(line);
}
