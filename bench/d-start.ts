/** (d) The function's cold start: how long its import takes, that it connects to nothing, and how much there is of it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compiledFunction } from "./compiled-function.ts";
import type { Lines } from "./lines.ts";
import { median, sorted } from "./measure.ts";

const run = promisify(execFile);
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const RUNS = 15;
const BAR_MS = 250;

interface Loaded {
  ms: number;
  cpuMs: number;
  files: number;
  bytes: number;
  own: number;
}
interface Imported extends Loaded {
  sockets: number;
  /** what the first request to MongoDB loads, after that */
  mongo: Loaded;
}

export async function start(_bench: unknown, lines: Lines): Promise<void> {
  const file = await compiledFunction();
  const importIt = async (...more: string[]): Promise<Imported> =>
    JSON.parse((await run(process.execPath, [at("servers/import-function.ts"), file, ...more])).stdout);
  const imports: Imported[] = [];
  while (imports.length < RUNS) imports.push(await importIt());
  const sizes = await importIt("sizes");
  const took = median(sorted(imports.map(({ ms }) => ms)));
  const cpu = `${median(sorted(imports.map(({ cpuMs }) => cpuMs))).toFixed(0)} ms of processor time`;
  lines.atMost("import of the function's module", took, BAR_MS, " ms", cpu);
  const opened = Math.max(sizes.sockets, ...imports.map((each) => each.sockets));
  lines.holds("connections made by the import", `${opened}`, opened === 0);
  const mb = (size: number) => `${(size / 1_048_576).toFixed(2)} MB`;
  const load = ({ files, bytes, own }: Loaded) => `${files} files, ${mb(bytes)}, of which the project's own ${mb(own)}`;
  lines.say(`what the import loads: ${load(sizes)}`);
  const later = median(sorted(imports.map(({ mongo }) => mongo.ms)));
  lines.say(`what the first request to MongoDB loads after that: ${load(sizes.mongo)}, in ${later.toFixed(0)} ms`);
}
