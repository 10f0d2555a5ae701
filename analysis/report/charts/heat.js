// A matrix of numbers as colours.
//     {x: {title, labels}, y: {title, labels}, value, digits, scale: "even" | "from-zero",
//      values: [rows * columns]}
// "even": 1 is neutral, less is cool, more is warm.

import { escape, ink, make } from "./theme.js";

const kCool = "--blue", kWarm = "--red";

function axis(side, more) {
  return {
    type: "category",
    data: side.labels,
    name: side.title,
    nameLocation: "middle",
    nameTextStyle: { color: ink("--soft"), fontSize: 11 },
    axisLabel: { color: ink("--soft"), fontSize: 11, hideOverlap: true },
    axisLine: { show: false },
    axisTick: { show: false },
    splitArea: { show: false },
    ...more,
  };
}

export function heat(box, data) {
  const columns = data.x.labels.length, rows = data.y.labels.length;
  let least = Infinity, most = -Infinity;
  const cells = data.values.map((v, i) => {
    least = Math.min(least, v);
    most = Math.max(most, v);
    return [i % columns, Math.floor(i / columns), v];
  });
  const excess = Math.max(most - 1, 1 - least, 0.01);
  const even = data.scale === "even";
  const high = Math.min(460, Math.max(190, rows * 7 + 90));
  return make(box, high, {
    grid: { left: 56, right: 96, top: 12, bottom: 44 },
    xAxis: axis(data.x, { nameGap: 26 }),
    yAxis: axis(data.y, { nameGap: 38, inverse: true }),
    visualMap: {
      type: "continuous",
      min: even ? 1 - excess : 0,
      max: even ? 1 + excess : most,
      calculable: false,
      text: [most, even ? least : 0].map((v) => v.toFixed(data.digits)),
      orient: "vertical",
      right: 4,
      top: "middle",
      itemHeight: high - 110,
      itemWidth: 12,
      precision: data.digits,
      textStyle: { color: ink("--soft"), fontSize: 11 },
      inRange: { color: even ? [ink(kCool), ink("--idle"), ink(kWarm)] : [ink("--idle"), ink("--orange"), ink(kWarm)] },
    },
    tooltip: {
      formatter: ({ value: [x, y, v] }) =>
        `${escape(data.y.title)} ${escape(data.y.labels[y])}, ${escape(data.x.title)} ` +
        `${escape(data.x.labels[x])}<br><strong>${v.toFixed(data.digits)}</strong> ${escape(data.value)}`,
    },
    series: [{ type: "heatmap", data: cells, progressive: 0, progressiveThreshold: Infinity, itemStyle: { borderWidth: 0 } }],
  });
}
