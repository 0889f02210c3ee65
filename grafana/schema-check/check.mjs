// Holds every dashboard against the types that Grafana publishes, of each version that shall load it: what they do not
// know, or know otherwise, is an error. Grafana fills in what is left out of options, so there everything may be left out.
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { dashboards } from "./files.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const VERSIONS = ["11", "12", "13"];
const PANELS = { bargauge: "BarGauge", heatmap: "Heatmap", stat: "Stat", "state-timeline": "StateTimeline", table: "Table", timeseries: "TimeSeries" };

const HEAD = `
import type { AnnotationQuery, Dashboard, DataQuery, FieldConfigSource, Panel, RowPanel } from "@grafana/schema";
// JSON has no enums, only their values.
type Plain<T> = 0 extends 1 & T ? T : T extends string ? \`\${T}\` : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Loose<T> = 0 extends 1 & T ? T : T extends (infer U)[] ? Loose<U>[] : T extends object ? { [K in keyof T]?: Loose<T[K]> } : T;
// What Grafana's data source for Prometheus adds, which publishes no types of its own.
type Query = DataQuery & { expr: string; legendFormat?: string; instant?: boolean; interval?: string; format?: "table" | "heatmap" };
type Annotation = AnnotationQuery<Query> & { titleFormat?: string; textFormat?: string; useValueForTime?: boolean };
`;

/** The TypeScript that only compiles if the dashboard fits. */
function source(dashboard, typesOf) {
  const { panels, annotations, ...board } = dashboard;
  const lines = [HEAD];
  const declare = (name, type, value) => lines.push(`export const ${name}: ${type} = ${JSON.stringify(value, null, 1)};`);
  const imported = new Set();
  declare("dashboard", 'Plain<Omit<Dashboard, "panels" | "annotations">>', board);
  declare("annotations", "Plain<Annotation>[]", annotations.list);
  for (const { options = {}, fieldConfig, targets, ...panel } of panels) {
    const name = `panel_${panel.id}`;
    if (panel.type === "row") {
      declare(name, "Plain<RowPanel>", panel);
      continue;
    }
    const { custom = {}, ...defaults } = fieldConfig.defaults;
    const types = typesOf(panel.type);
    if (!imported.has(types.name)) lines.push(`import type * as ${types.name} from "${types.file}";`);
    imported.add(types.name);
    declare(name, 'Plain<Omit<Panel, "options" | "fieldConfig">>', panel);
    declare(`${name}_targets`, "Plain<Query>[]", targets);
    declare(`${name}_field_config`, "Plain<FieldConfigSource>", { ...fieldConfig, defaults });
    declare(`${name}_options`, `Loose<Plain<${types.name}.Options>>`, options);
    if (Object.keys(custom).length) declare(`${name}_custom`, `Loose<Plain<${types.name}.FieldConfig>>`, custom);
  }
  return lines.join("\n");
}

/** Where a version keeps the types of a kind of panel. */
function panelTypes(root, type) {
  const name = PANELS[type];
  if (!name) throw new Error(`no types are known for panels of type ${type}: add it to PANELS`);
  const folder = `raw/composable/${type.replace("-", "")}/panelcfg/x`;
  const file = [`${root}/dist/types/${folder}/types.gen.d.ts`, `${root}/dist/esm/${folder}/${name}PanelCfg_types.gen.d.ts`].find(existsSync);
  if (!file) throw new Error(`${root} has no types for panels of type ${type}`);
  return { name, file: file.replace(/\.d\.ts$/, "") };
}

let failed = false;
for (const version of VERSIONS) {
  const root = `${HERE}node_modules/grafana-${version}`;
  const sources = new Map(dashboards().map((file) =>
    [`${HERE}${basename(file)}.ts`, source(JSON.parse(readFileSync(file, "utf8")), (type) => panelTypes(root, type))]));
  const index = [`${root}/dist/types/index.d.ts`, `${root}/dist/index.d.ts`].find(existsSync);
  const options = {
    strict: true, noEmit: true, skipLibCheck: true, types: [],
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
    paths: { "@grafana/schema": [index] },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram([...sources.keys()], options, host));
  for (const { file, start, messageText } of diagnostics) {
    const place = file ? `${basename(file.fileName, ".ts")}, ${file.text.slice(0, start).match(/export const (\w+)(?![\s\S]*export const)/)?.[1]}` : "";
    console.error(`Grafana ${version}: ${place}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
    failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
