// Where the dashboards are.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../dashboards/", import.meta.url));

export const dashboards = () => readdirSync(FOLDER).filter((name) => name.endsWith(".json")).sort().map((name) => FOLDER + name);
