// node check.mjs [--pictures FOLDER] [--cookie NAME=VALUE] CHROMIUM URL…
//
// Looks at each page in the light and in the dark, on a phone and at 200 %: axe must find nothing, and nothing may need to be
// scrolled sideways. What is folded is looked at unfolded.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { open } from "./chromium.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = {
  light: { width: 1280, height: 900, scheme: "light" },
  dark: { width: 1280, height: 900, scheme: "dark" },
  phone: { width: 360, height: 740, scheme: "light", mobile: true },
  "phone in the dark": { width: 360, height: 740, scheme: "dark", mobile: true },
  "200 %": { width: 1280, height: 900, scheme: "light", zoom: 2 },
};
const UNFOLD = 'document.querySelectorAll("details").forEach((details) => { details.open = true; })';
const RUN = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.flatMap(({ id, help, nodes }) =>
  nodes.map(({ target, failureSummary }) => id + ": " + help + ": " + target.join(" ") + ": " + failureSummary.replaceAll("\\n", " "))))`;
const SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

async function findings(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(RUN);
  const sideways = await page.evaluate(SIDEWAYS);
  return sideways > 0 ? [...found, `${sideways} pixels are to be scrolled sideways`] : found;
}

async function check(page, url, folder) {
  const found = [];
  for (const [name, view] of Object.entries(VIEWS)) {
    await page.look(view);
    await page.goto(url);
    await page.evaluate(UNFOLD);
    found.push(...(await findings(page)).map((finding) => `${url} (${name}): ${finding}`));
    if (folder) writeFileSync(join(folder, `${url.replace(/[^a-z0-9]+/gi, "-")}-${name.replace(/[^a-z0-9]+/gi, "-")}.png`), await page.picture());
  }
  return found;
}

const argumentsLeft = process.argv.slice(2);
const option = (name) => (argumentsLeft[0] === name ? argumentsLeft.splice(0, 2)[1] : undefined);
const [folder, cookie] = [option("--pictures"), option("--cookie")];
const [chromium, ...urls] = argumentsLeft;
const { page, close } = await open(chromium);
const found = [];
try {
  if (cookie) {
    const [name, value] = cookie.split("=");
    await page.send("Network.setCookie", { name, value, url: urls[0], path: "/", secure: true, httpOnly: true });
  }
  for (const url of urls) found.push(...(await check(page, url, folder)));
} finally {
  await close();
}
console.log(found.join("\n") || `${urls.length} pages in ${Object.keys(VIEWS).length} views: nothing found`);
process.exitCode = found.length > 0 ? 1 : 0;
