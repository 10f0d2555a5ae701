// What each rank's schedule does over the whole step.
//     {end, unit, title, kinds: [{cls, label}], rows: [{name, spans: [begin, end, kind, micro-batch, ...]}]}

import { boxes } from "./boxes.js";
import { escape, seconds } from "./theme.js";

function row({ name, spans }, kinds) {
  const n = spans.length / 4;
  const begins = new Float64Array(n), ends = new Float64Array(n);
  for (let i = 0; i < n; ++i) [begins[i], ends[i]] = [spans[4 * i], spans[4 * i + 1]];
  const kind = (i) => kinds[spans[4 * i + 2]];
  const batch = (i) => (spans[4 * i + 3] < 0 ? "" : String(spans[4 * i + 3]));
  return {
    name, begins, ends,
    cls: (i) => kind(i).cls,
    words: (i) => [[batch(i)]],
    tip: (i) => `<strong>${escape(name)}: ${escape(kind(i).label)}</strong><br>` +
      (batch(i) ? `micro-batch ${batch(i)}<br>` : "") +
      `${seconds(ends[i] - begins[i])} from ${seconds(begins[i])}`,
  };
}

export function schedule(box, data) {
  return boxes(box, data.rows.map((r) => row(r, data.kinds)), [0, data.end], { ...data, rowHeight: 21 });
}
