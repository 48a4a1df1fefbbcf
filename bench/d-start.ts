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

interface Imported {
  ms: number;
  cpuMs: number;
  sockets: number;
  files: number;
  bytes: number;
  own: number;
}

export async function start(_bench: unknown, lines: Lines): Promise<void> {
  const file = await compiledFunction();
  const importIt = async (...more: string[]): Promise<Imported> =>
    JSON.parse((await run(process.execPath, [at("servers/import-function.ts"), file, ...more])).stdout);
  const imports: Imported[] = [];
  const whole: number[] = [];
  const empty: number[] = [];
  for (let round = 0; round < RUNS; round++) {
    const before = performance.now();
    imports.push(await importIt());
    const between = performance.now();
    await run(process.execPath, ["--eval", "0"]);
    whole.push(between - before);
    empty.push(performance.now() - between);
  }
  const { sockets, files, bytes, own } = await importIt("sizes");
  const took = median(sorted(imports.map(({ ms }) => ms)));
  const cpu = `${median(sorted(imports.map(({ cpuMs }) => cpuMs))).toFixed(0)} ms of processor time`;
  const processes = `process ${median(sorted(whole)).toFixed(0)} ms, empty ${median(sorted(empty)).toFixed(0)} ms`;
  lines.atMost("import of the function's module", took, BAR_MS, " ms", `${cpu}; ${processes}`);
  const opened = Math.max(sockets, ...imports.map((each) => each.sockets));
  lines.holds("connections made by the import", `${opened}`, opened === 0);
  const mb = (size: number) => `${(size / 1_048_576).toFixed(2)} MB`;
  lines.say(`what the function loads: ${files} files, ${mb(bytes)}, of which the project's own ${mb(own)}`);
}
