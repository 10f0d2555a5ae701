// Rows of boxes over time, of which only what can be seen is drawn: boxes that would be thinner than
// a pixel become one.

import { bottomAxis, face, fill, ink, make, rowAxis, zoom } from "./theme.js";

const kThin = 0.8;

/** First index at which `ends` is more than `from`; `ends` never falls. */
function firstAfter(ends, from) {
  let low = 0, high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] > from) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** [row, begin, end, index or -1, class] of what `rows` show between two times. */
function visible(rows, from, until, pixel) {
  const out = [];
  rows.forEach((row, r) => {
    let open = null;
    for (let i = firstAfter(row.ends, from); i < row.begins.length && row.begins[i] < until; ++i) {
      const begin = row.begins[i], end = row.ends[i], cls = row.cls(i);
      if (end - begin >= kThin * pixel) {
        out.push([r, begin, end, i, cls]);
        open = null;
      } else if (open && open[4] === cls && begin - open[2] < kThin * pixel) {
        open[2] = Math.max(open[2], end);
        open[3] = -1;
      } else {
        open = [r, begin, end, i, cls];
        out.push(open);
      }
    }
  });
  return out;
}

const kLetter = 5.6, kWord = 6;  // pixels of a letter; letters that a cut word must keep

/** One line of text: the first of `texts` that fits, or that one cut where enough of it is left. */
function fitted(texts, room) {
  const whole = texts.find((text) => text.length <= room);
  return whole ?? (room > kWord ? `${texts[0].slice(0, room - 1)}…` : "");
}

/** The lines of `words` as far as they fit into `width` pixels. */
function lines(words, width) {
  const room = Math.floor((width - 4) / kLetter);
  return words.map((texts) => fitted(texts, room)).filter((text) => text).join("\n");
}

/**
 * rows     [{name, begins, ends (seconds, sorted), cls(i), words(i) (lines, each [text, shorter, ...]), tip(i)}]
 * shown    [begin, end] of the first view, seconds; more: {end, unit, title, rowHeight}
 */
export function boxes(box, rows, shown, more) {
  const { end, unit, title, rowHeight } = more;
  const classes = [], colours = [];  // a chart's data holds numbers only
  const number = (cls) => {
    let i = classes.indexOf(cls);
    if (i < 0) {
      i = classes.push(cls) - 1;
      colours.push(fill(cls));
    }
    return i;
  };
  const seen = { from: shown[0], until: shown[1] };
  const near = (a, b) => Math.abs(a - b) < 1e-3 * (seen.until - seen.from);
  const height = rows.length * rowHeight + 96;
  const ground = { start: (100 * shown[0]) / end, end: (100 * shown[1]) / end };
  const chart = make(box, height, {
    grid: { left: 8, right: 20, top: 6, bottom: 66, containLabel: true },
    xAxis: bottomAxis(title, { min: 0, max: end / unit, axisLabel: {
      color: ink("--soft"), fontSize: 11, hideOverlap: true,
      // What stands at the ends of the view is no round number.
      formatter: (v) => (v > 0 && (near(v * unit, seen.from) || near(v * unit, seen.until)) ? "" :
        String(Number(v.toPrecision(6)))) } }),
    yAxis: rowAxis(rows.map((row) => row.name)),
    dataZoom: zoom({ ...ground, minValueSpan: end / unit / 1e6 }),
    tooltip: {
      formatter: ({ value }) => (value[3] < 0 ? "zoom in" : rows[value[0]].tip(value[3])),
    },
    series: [{
      type: "custom",
      encode: { x: [1, 2], y: 0 },
      clip: true,
      data: [],
      renderItem: (params, api) => {
        const row = api.value(0), i = api.value(3);
        const a = api.coord([api.value(1), row]), b = api.coord([api.value(2), row]);
        const left = Math.max(a[0], params.coordSys.x);
        const right = Math.min(b[0], params.coordSys.x + params.coordSys.width);
        const tall = rowHeight - 5, width = Math.max(right - left - 0.5, 0.5);
        const parts = [{
          type: "rect",
          shape: { x: left, y: a[1] - tall / 2, width, height: tall },
          style: { fill: colours[api.value(4)] },
        }];
        const words = i < 0 || width < 10 ? "" : lines(rows[row].words(i), width);
        if (words)
          parts.push({
            type: "text",
            silent: true,
            style: {
              text: words, x: (left + right) / 2, y: a[1], align: "center", verticalAlign: "middle",
              font: `10.5px ${face()}`, fill: "#101418", lineHeight: 13,
            },
          });
        return { type: "group", children: parts };
      },
    }],
  });
  const fillIn = () => {
    const view = chart.getOption().dataZoom[0];
    const from = (view.start / 100) * end, until = (view.end / 100) * end;
    Object.assign(seen, { from, until });
    const pixel = (until - from) / Math.max(100, chart.getWidth() - 120);
    const data = visible(rows, from, until, pixel);
    chart.setOption({ series: [{
      data: data.map(([r, b, e, i, cls]) => [r, b / unit, e / unit, i, number(cls)]),
    }] });
  };
  chart.on("datazoom", fillIn);
  fillIn();
  return chart;
}
