// Rates over the step, as shares of what a link can carry.
//     {end, unit, title, series: [{name, cls, capacity, values: [bytes/s in equal parts of the step]}]}

import { bottomAxis, escape, fill, ink, make, percent, rate, seconds, swatch, valueAxis, zoom } from "./theme.js";

export function areas(box, data) {
  const at = (i, n) => ((i + 0.5) / n) * data.end / data.unit;
  return make(box, 240, {
    grid: { left: 12, right: 20, top: 30, bottom: 62, containLabel: true },
    xAxis: bottomAxis(data.title, {
      min: 0, max: data.end / data.unit, axisLabel: {
        color: ink("--soft"), fontSize: 11, hideOverlap: true, showMaxLabel: false,
        formatter: (v) => String(Number(v.toPrecision(5))) } }),
    yAxis: valueAxis("% of capacity", {
      min: 0, max: 100, nameTextStyle: { color: ink("--soft"), fontSize: 11, align: "left" },
    }),
    dataZoom: zoom(),
    tooltip: {
      trigger: "axis",
      formatter: (items) => [`at ${seconds(items[0].value[0] * data.unit)}`]
        .concat(items.map((item) => {
          const line = data.series[item.seriesIndex];
          return `${swatch(item.color)}${escape(line.name)}: ${rate(line.values[item.dataIndex])}, ` +
            percent(item.value[1] / 100);
        })).join("<br>"),
    },
    series: data.series.map((line) => ({
      type: "line",
      name: line.name,
      symbol: "none",
      step: "middle",
      sampling: "lttb",
      color: fill(line.cls),
      lineStyle: { width: 1 },
      areaStyle: { opacity: 0.35 },
      data: line.values.map((v, i) => [at(i, line.values.length), (100 * v) / line.capacity]),
    })),
  });
}
