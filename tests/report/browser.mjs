// A headless Chromium, spoken to over two pipes (Chrome DevTools Protocol: JSON, each message ended by
// a zero byte). Needs node 18 and nothing else.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Browser {
  constructor(program) {
    this.profile = mkdtempSync(join(tmpdir(), "moesim-browser-"));
    this.process = spawn(program, [
      "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--disable-extensions", "--disable-dev-shm-usage", `--user-data-dir=${this.profile}`,
      "--remote-debugging-pipe",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.listeners = [];
    this.next = 1;
    this.gone = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.on("exit", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the browser has gone"));
      this.waiting.clear();
    });
    let rest = Buffer.alloc(0);
    this.process.stdio[4].on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1))
        this.receive(JSON.parse(rest.subarray(0, end).toString()));
    });
  }

  receive(message) {
    if (!message.id) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    const { resolve, reject } = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.error) reject(new Error(message.error.message));
    else resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** An empty page; page.send(method, params), page.events. */
  async page({ width = 1280, height = 900, scheme = "light" } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const events = [];
    this.listeners.push((m) => m.sessionId === sessionId && events.push(m));
    const send = (method, params) => this.send(method, params, sessionId);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await send(`${domain}.enable`);
    await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    return { send, events };
  }

  async close() {
    const patience = setTimeout(() => this.process.kill("SIGKILL"), 5000);
    await this.send("Browser.close").catch(() => {});
    await this.gone;
    clearTimeout(patience);
    for (let tries = 0; tries < 50; ++tries) {  // its helpers may still be writing
      try {
        rmSync(this.profile, { recursive: true, force: true });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** The value of an expression in the page; promises are waited for. */
export async function evaluate(page, expression) {
  const { result, exceptionDetails } = await page.send("Runtime.evaluate", {
    expression, awaitPromise: true, returnByValue: true,
  });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

/** Opens an address and waits for its load event. */
export async function open(page, url) {
  await page.send("Page.navigate", { url });
  while (!page.events.some((e) => e.method === "Page.loadEventFired"))
    await new Promise((resolve) => setTimeout(resolve, 10));
}

/** A PNG of a part of the page. */
export async function picture(page, clip) {
  const { data } = await page.send("Page.captureScreenshot", {
    captureBeyondViewport: true, clip: { ...clip, scale: 1 },
  });
  return Buffer.from(data, "base64");
}
