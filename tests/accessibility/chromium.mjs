// Chromium without a window, spoken to over a pipe in its own protocol: https://chromedevtools.github.io/devtools-protocol/
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic",
  "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--no-proxy-server", "--hide-scrollbars",
];

/** Starts a browser with one page; `openTab` opens another one beside it. */
export async function open(program) {
  const profile = mkdtempSync(join(tmpdir(), "accessibility-"));
  const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const connection = new Connection(child.stdio[3], child.stdio[4]);
  ended.then(() => connection.fail(new Error("Chromium ended")));
  const openTab = async () => {
    const { targetId } = await connection.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await connection.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(connection, sessionId);
    await page.send("Page.enable");
    // A page's policy forbids scripts, which is what looks at it.
    await page.send("Page.setBypassCSP", { enabled: true });
    return page;
  };
  const page = await openTab();
  const close = async () => {
    await connection.send("Browser.close").catch(() => {});
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { page, openTab, close };
}

/** Messages are JSON, each ended by a zero byte. */
class Connection {
  #last = 0;
  #waiting = new Map();
  #events = new Set();

  constructor(input, output) {
    this.input = input;
    let rest = "";
    output.setEncoding("utf8");
    output.on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      messages.forEach((message) => this.#take(JSON.parse(message)));
    });
  }

  send(method, params = {}, sessionId) {
    const id = ++this.#last;
    this.input.write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  /** The next event of that name that fits. */
  event(method, sessionId, fits = () => true) {
    return new Promise((resolve, reject) => this.#events.add({ method, sessionId, fits, resolve, reject }));
  }

  fail(error) {
    [...this.#waiting.values(), ...this.#events].forEach(({ reject }) => reject(error));
  }

  #take({ id, result, error, method, sessionId, params }) {
    const call = this.#waiting.get(id);
    if (call) {
      this.#waiting.delete(id);
      return error ? call.reject(new Error(`${call.method}: ${error.message}`)) : call.resolve(result);
    }
    for (const wanted of this.#events) {
      if (wanted.method === method && wanted.sessionId === sessionId && wanted.fits(params)) {
        this.#events.delete(wanted);
        wanted.resolve(params);
      }
    }
  }
}

/** The page of a browser. */
class Page {
  constructor(connection, session) {
    this.connection = connection;
    this.session = session;
  }

  send(method, params) {
    return this.connection.send(method, params, this.session);
  }

  async goto(url) {
    const loaded = this.connection.event("Page.loadEventFired", this.session);
    const { errorText } = await this.send("Page.navigate", { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** A window of this size, at this zoom, in this scheme of colours. */
  async look({ width, height, zoom = 1, scheme, mobile = false }) {
    const metrics = { width: Math.round(width / zoom), height: Math.round(height / zoom), deviceScaleFactor: zoom, mobile };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  /** The value of an expression, awaited. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** A picture of all of it. */
  async picture() {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    return Buffer.from(data, "base64");
  }
}
