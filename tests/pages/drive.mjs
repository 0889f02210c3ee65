// node drive.mjs CHROMIUM < STEPS
//
// Does with pages what a person does, one step after the other: {"goto": URL}, {"fill": {ID: TEXT}}, {"press": SELECTOR}, twice where a step has
// {"twice": true}, or
// {"download": SELECTOR}, which is pressed for a file; in another tab
// where a step has {"tab": NAME}, and from then on as somebody who reads this where it has {"reads": LANGUAGES}. Prints, as JSON, what each page says after its step, how wide its content may be, which the style
// says, the cookies that a script of the page could read, its language, and the file with its name.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "../accessibility/chromium.mjs";

const SEEN = `({ text: document.body.innerText, width: getComputedStyle(document.querySelector("main") ?? document.body).maxWidth,
  url: location.href, cookies: document.cookie, language: document.documentElement.lang })`;

let input = "";
for await (const piece of process.stdin) input += piece;
const { page, openTab, close } = await open(process.argv[2]);
const tabs = new Map([[undefined, page]]);
const seen = [];

/** The file that a press brings. */
async function fileOf(page, selector) {
  const folder = mkdtempSync(join(tmpdir(), "download-"));
  const { connection } = page;
  await connection.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder, eventsEnabled: true });
  const begun = connection.event("Browser.downloadWillBegin");
  const loaded = connection.event("Browser.downloadProgress", undefined, ({ state }) => state !== "inProgress");
  await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  const { suggestedFilename: name } = await begun;
  await loaded;
  const text = readFileSync(join(folder, name), "utf8");
  rmSync(folder, { recursive: true });
  return { name, text };
}

async function take({ tab, reads, goto, fill, press, twice, download }) {
  if (!tabs.has(tab)) tabs.set(tab, await openTab());
  const page = tabs.get(tab);
  // The page's own policy is what is tried.
  await page.send("Page.setBypassCSP", { enabled: false });
  if (reads) {
    await page.send("Network.enable");
    await page.send("Network.setExtraHTTPHeaders", { headers: { "Accept-Language": reads } });
  }
  if (goto) await page.goto(goto);
  for (const [id, text] of Object.entries(fill ?? {})) {
    await page.evaluate(`document.getElementById(${JSON.stringify(id)}).select()`);
    await page.send("Input.insertText", { text });
  }
  if (press) {
    const loaded = page.connection.event("Page.loadEventFired", page.session);
    const button = `document.querySelector(${JSON.stringify(press)})`;
    await page.send("Network.enable");
    const sent = page.connection.event("Network.requestWillBeSent", page.session);
    await page.evaluate(`${button}.click()`);
    // The answer to the first may be there already.
    if (twice) await sent.then(() => page.evaluate(`${button}?.click()`));
    await loaded;
  }
  const file = download && (await fileOf(page, download));
  return { ...(await page.evaluate(SEEN)), file };
}

try {
  for (const step of JSON.parse(input)) seen.push(await take(step));
} finally {
  await close();
}
console.log(JSON.stringify(seen));
