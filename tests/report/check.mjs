// Opens reports in a browser, in light and in dark, and looks at what is there.
//     node check.mjs BROWSER REPORT...

import { statSync } from "node:fs";
import { Browser, evaluate, open } from "./browser.mjs";

const kLargest = 3e6, kSlowest = 2000;  // bytes; milliseconds until all is drawn

const [program, ...files] = process.argv.slice(2);
let failed = false;
function check(holds, words) {
  if (holds) return;
  failed = true;
  console.error(`FAILED: ${words}`);
}

// Of every chart: whether its canvases have another colour than the most frequent one in at least one
// pixel of a hundred, and how far anything reaches out of the page.
const kLook = `(() => {
  const drawn = [...document.querySelectorAll(".drawn")].map((box) => {
    let ink = 0, all = 0;
    for (const canvas of box.querySelectorAll("canvas")) {
      const { width, height } = canvas;
      const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer);
      const count = new Map();
      for (let i = 0; i < pixels.length; i += 7) count.set(pixels[i], (count.get(pixels[i]) ?? 0) + 1);
      const sampled = Math.ceil(pixels.length / 7);
      ink += sampled - Math.max(...count.values());
      all += sampled;
    }
    return { share: ink / all, width: box.clientWidth };
  });
  const visible = (e) => e.getClientRects().length > 0;
  return {
    drawn,
    charts: Number(document.documentElement.dataset.charts),
    figures: document.querySelectorAll("figure.charted").length,
    statics: [...document.querySelectorAll(".charted > .chart")].filter(visible).length,
    overflow: document.documentElement.scrollWidth - innerWidth,
    loaded: Number(document.documentElement.dataset.drawnAfter),
    resources: performance.getEntriesByType("resource").length,
    sections: [...document.querySelectorAll("section")].map((s) => s.id),
  };
})()`;

async function look(browser, file, scheme, width) {
  const page = await browser.page({ scheme, width });
  await open(page, `file://${file}`);
  for (let i = 0; i < 1000 && !(await evaluate(page, "document.documentElement.dataset.charts")); ++i)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const seen = await evaluate(page, kLook);
  const of = `${file}, ${scheme}, ${width} pixels wide`;
  for (const { method, params } of page.events) {
    if (method === "Runtime.exceptionThrown") check(false, `${of}: ${params.exceptionDetails.text}`);
    if (method === "Runtime.consoleAPICalled" && params.type === "error")
      check(false, `${of}: console: ${JSON.stringify(params.args)}`);
    if (method === "Log.entryAdded") check(false, `${of}: ${params.entry.text}`);
    if (method === "Network.requestWillBeSent")
      check(params.request.url.startsWith(`file://${file}`), `${of}: asks for ${params.request.url}`);
  }
  check(seen.resources === 0, `${of}: loads ${seen.resources} resources`);
  check(seen.figures >= 8, `${of}: only ${seen.figures} figures`);
  check(seen.charts === seen.figures, `${of}: ${seen.charts} charts for ${seen.figures} figures`);
  check(seen.drawn.length === seen.figures, `${of}: ${seen.drawn.length} boxes`);
  seen.drawn.forEach(({ share, width }, i) => {
    check(share > 0.005, `${of}: chart ${i} is empty (${(100 * share).toFixed(2)} % ink)`);
    check(width > 300, `${of}: chart ${i} is ${width} pixels wide`);
  });
  check(seen.statics === 0, `${of}: static drawings stay beside the charts`);
  check(seen.overflow <= 0, `${of}: the page is ${seen.overflow} pixels too wide`);
  return { page, seen };
}

/** Zooming changes what is drawn; a chooser's other button shows another rank. */
async function use(page, of, mustChoose) {
  const changes = await evaluate(page, `(() => {
    const shot = (box) => [...box.querySelectorAll("canvas")].map((c) => c.toDataURL()).join();
    const box = document.querySelector("#timeline figure:last-of-type .drawn");
    const buttons = box.parentElement.querySelectorAll(".chooser button");
    if (buttons.length === 0) return { buttons: 0 };  // one pipeline rank
    const before = shot(box);
    buttons[buttons[0].getAttribute("aria-pressed") === "true" ? 1 : 0].click();
    const after = shot(box);
    return { buttons: buttons.length, changed: before !== after };
  })()`);
  if (mustChoose) check(changes.buttons > 1, `${of}: there is no choice of ranks`);
  check(changes.buttons === 0 || changes.changed, `${of}: choosing another rank changes nothing`);
  const print = await (async () => {
    await page.send("Emulation.setEmulatedMedia", { media: "print" });
    return evaluate(page, `(() => {
      const visible = (e) => e.getClientRects().length > 0;
      return [[...document.querySelectorAll(".drawn")].filter(visible).length,
              [...document.querySelectorAll(".charted > .chart")].filter(visible).length];
    })()`);
  })();
  check(print[0] === 0 && print[1] > 0, `${of}: printing shows ${print[0]} canvases, ${print[1]} drawings`);
}

const limit = setTimeout(() => {
  console.error("FAILED: the browser does not answer");
  process.exit(1);
}, 120_000);
const browser = new Browser(program);
try {
  for (const file of files) {
    const size = statSync(file).size;
    check(size < kLargest, `${file} has ${size} bytes`);
    let fastest = Infinity;  // a busy machine may take longer once
    for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 1024]]) {
      const { page, seen } = await look(browser, file, scheme, width);
      fastest = Math.min(fastest, seen.loaded);
      if (scheme === "dark") await use(page, file, process.env.MUST_CHOOSE !== "0");
    }
    check(fastest < kSlowest, `${file}: drawn after ${fastest} ms`);
    console.log(`${file}: ${size} bytes, drawn after ${Math.round(fastest)} ms`);
  }
} finally {
  clearTimeout(limit);
  await browser.close();
}
process.exit(failed ? 1 : 0);
