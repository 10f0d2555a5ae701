// Stacked horizontal bars; several views of the same parts take turns.
//     {parts: [{cls, label}], axis: {title, unit, end}, mark: {value, label}?,
//      views: [{name, rows: [{label, values: [in parts' order], strong}]}]}

import { bottomAxis, chooser, escape, fill, ink, make, percent, rowAxis, swatch } from "./theme.js";

const kTall = 26, kLow = 18, kAxis = 20, kBelow = 20;

const isTall = (view) => view.rows.every((row) => row.strong);
const above = (data) => (data.mark ? 24 : 6);
const heightOf = (data, view) =>
  above(data) + kAxis + kBelow + view.rows.length * (isTall(view) ? kTall + 8 : kLow);

function option(data, view) {
  const { axis, parts } = data;
  const colours = parts.map((part) => fill(part.cls));
  const tall = isTall(view);
  const text = (v) => `${Number((v / axis.unit).toPrecision(4))} ${escape(axis.title)}`;
  return {
    grid: { left: 12, right: 20, top: above(data), bottom: kBelow, containLabel: true },
    xAxis: bottomAxis(axis.title, { max: axis.end / axis.unit, axisLabel: {
      color: ink("--soft"), fontSize: 11, hideOverlap: true, showMaxLabel: false } }),
    yAxis: rowAxis(view.rows.map((row) => row.label)),
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow", shadowStyle: { color: ink("--ink"), opacity: 0.06 } },
      formatter: (items) => {
        const row = view.rows[items[0].dataIndex];
        const sum = row.values.reduce((a, b) => a + b, 0);
        const lines = parts
          .map((part, i) => [part.label, row.values[i], colours[i]])
          .filter((line) => line[1] > 0)
          .map(([label, v, colour]) =>
            `${swatch(colour)}${escape(label)}: ${text(v)} (${percent(v / sum)})`);
        return `<strong>${escape(row.label)}</strong><br>${lines.join("<br>")}`;
      },
    },
    series: parts.map((part, i) => ({
      type: "bar",
      stack: "all",
      name: part.label,
      barWidth: tall ? kTall : kLow - 5,
      itemStyle: { color: colours[i] },
      data: view.rows.map((row) => row.values[i] / axis.unit),
      label: {
        show: tall,
        color: "#fff",
        fontSize: 11,
        fontWeight: 600,
        textBorderColor: "#0006",
        textBorderWidth: 2,
        formatter: ({ dataIndex, value }) => {
          const row = view.rows[dataIndex];
          const sum = row.values.reduce((a, b) => a + b, 0);
          return value * axis.unit > 0.07 * axis.end ? percent(row.values[i] / sum) : "";
        },
      },
      markLine: i === 0 && data.mark ? {
        silent: true,
        symbol: "none",
        lineStyle: { color: ink("--ink"), type: "dashed" },
        label: { formatter: data.mark.label, color: ink("--soft"), fontSize: 11, position: "start" },
        data: [{ xAxis: data.mark.value / axis.unit }],
      } : undefined,
    })),
  };
}

export function bars(box, data) {
  const chart = make(box, heightOf(data, data.views[0]), option(data, data.views[0]));
  chooser(box, data.views.map((view) => view.name), 0, (i) => {
    box.style.height = `${heightOf(data, data.views[i])}px`;
    chart.resize();
    chart.setOption(option(data, data.views[i]), { replaceMerge: ["series", "yAxis"] });
  });
  return chart;
}
