// The tasks of one rank, a row per stream, zoomable from the step to a kernel.
//     {end, unit, title, tick, view: [begin, end], start, ops: [{name, cls}],
//      ranks: [{name, rows: [{name, tasks: [pause, duration, op, layer, micro-batch, ...]}]}]}
// Pauses (since the end before) and durations count in ticks; -1: no layer, no micro-batch.

import { boxes } from "./boxes.js";
import { chooser, escape, seconds } from "./theme.js";

function row({ name, tasks }, ops, tick) {
  const n = tasks.length / 5;
  const begins = new Float64Array(n), ends = new Float64Array(n);
  for (let i = 0, at = 0; i < n; ++i) {
    begins[i] = at + tasks[5 * i];
    at = ends[i] = begins[i] + tasks[5 * i + 1];
  }
  for (let i = 0; i < n; ++i) [begins[i], ends[i]] = [begins[i] * tick, ends[i] * tick];
  const op = (i) => ops[tasks[5 * i + 2]];
  const layer = (i) => tasks[5 * i + 3], batch = (i) => tasks[5 * i + 4];
  const of = (i) =>
    [layer(i) < 0 ? "" : `L${layer(i)}`, batch(i) < 0 ? "" : `m${batch(i)}`].filter((word) => word);
  return {
    name, begins, ends,
    cls: (i) => op(i).cls,
    words: (i) => [
      [op(i).name.replace(/ \(.*/, "")],
      [of(i).join(" "), of(i)[0] ?? ""],
    ],
    tip: (i) => `<strong>${escape(op(i).name)}</strong><br>` +
      (layer(i) < 0 ? "" : `layer ${layer(i)}<br>`) +
      (batch(i) < 0 ? "" : `micro-batch ${batch(i)}<br>`) +
      `${seconds(ends[i] - begins[i])} from ${seconds(begins[i])}`,
  };
}

export function streams(box, data) {
  let chart = null;
  const show = (i) => {
    if (chart) chart.dispose();
    const rows = data.ranks[i].rows.map((r) => row(r, data.ops, data.tick));
    chart = boxes(box, rows, data.view, { ...data, rowHeight: 36 });
  };
  show(data.start);
  chooser(box, data.ranks.map((rank) => rank.name), data.start, show);
  return { dispose: () => chart.dispose(), resize: () => chart.resize() };
}
