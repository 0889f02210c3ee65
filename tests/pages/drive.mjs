// node drive.mjs CHROMIUM < STEPS
//
// Does with pages what a person does, one step after the other: {"goto": URL}, {"fill": {ID: TEXT}}, {"press": SELECTOR}. Prints, as
// JSON, what each page says after its step, and how wide its content may be, which the style says.
import { open } from "../accessibility/chromium.mjs";

const SEEN = `({ text: document.body.innerText, width: getComputedStyle(document.querySelector("main") ?? document.body).maxWidth,
  url: location.href })`;

let input = "";
for await (const piece of process.stdin) input += piece;
const { page, close } = await open(process.argv[2]);
const seen = [];
try {
  // The page's own policy is what is tried.
  await page.send("Page.setBypassCSP", { enabled: false });
  for (const { goto, fill, press } of JSON.parse(input)) {
    if (goto) await page.goto(goto);
    for (const [id, text] of Object.entries(fill ?? {})) {
      await page.evaluate(`document.getElementById(${JSON.stringify(id)}).focus()`);
      await page.send("Input.insertText", { text });
    }
    if (press) {
      const loaded = page.connection.event("Page.loadEventFired", page.session);
      await page.evaluate(`document.querySelector(${JSON.stringify(press)}).click()`);
      await loaded;
    }
    seen.push(await page.evaluate(SEEN));
  }
} finally {
  await close();
}
console.log(JSON.stringify(seen));
