// Writes the dashboards in their one form, so that a change shows as the lines it changes: `make fmt`. With --check it only
// says which are not in it. What holds nothing but plain values, such as a query, takes one line, and whatever fits in 120 columns.
import { readFileSync, writeFileSync } from "node:fs";
import { dashboards } from "./files.mjs";

const WIDTH = 120;
const isBranch = (value) => value !== null && typeof value === "object";
const isFlat = (value) => Object.values(value).every((item) => !isBranch(item));

function entries(value, write) {
  const items = Array.isArray(value) ? [...value.keys()].map((key) => ["", value[key]])
    : Object.entries(value).map(([key, item]) => [`${JSON.stringify(key)}: `, item]);
  return items.map(([key, item]) => key + write(item, key.length));
}

function inline(value) {
  if (!isBranch(value)) return JSON.stringify(value);
  const items = entries(value, inline).join(", ");
  return Array.isArray(value) ? `[${items}]` : `{${items}}`;
}

function format(value, margin = "", taken = 0) {
  const line = inline(value);
  if (!isBranch(value) || isFlat(value) || margin.length + taken + line.length < WIDTH) return line;
  const inner = `${margin}  `;
  const items = entries(value, (item, key) => format(item, inner, key)).map((item) => inner + item).join(",\n");
  return Array.isArray(value) ? `[\n${items}\n${margin}]` : `{\n${items}\n${margin}}`;
}

const check = process.argv.includes("--check");
for (const file of dashboards()) {
  const text = readFileSync(file, "utf8");
  const formatted = `${format(JSON.parse(text))}\n`;
  if (text === formatted) continue;
  if (check) {
    console.error(`${file} is not in its form: run \`make fmt\``);
    process.exitCode = 1;
  } else writeFileSync(file, formatted);
}
