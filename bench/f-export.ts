/** (f) An export of 100,000 records: the process that serves it must not hold them. */
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { Bench } from "./environment.ts";
import { request } from "./http.ts";
import type { Lines } from "./lines.ts";
import { loadMongo, loadPostgres } from "./records.ts";
import { untilPlanned } from "./statistics.ts";

const RECORDS = 100_000;
const MEMORY_BAR_MB = 50;
const FIRST_BYTE_BAR_MS = 200;
const WARM_UPS = 20;

export async function exportMany(bench: Bench, lines: Lines): Promise<void> {
  for (const home of ["supabase", "mongodb"] as const) {
    const api = await bench.api();
    const [few, many] = [await bench.user(home), await bench.user(home)];
    const load = (users: string[], each: number) =>
      home === "mongodb" ? loadMongo(bench.db, users, each) : loadPostgres(bench.sql, users, each);
    await load([few.id], 2_000);
    await load([many.id], RECORDS);
    await untilPlanned(() => request({ url: api.ready.url, jwt: many.jwt }, "/api/expenses?limit=200"), 20);
    // code that was compiled and heap that was taken for ordinary work is no growth
    for (let round = 0; round < WARM_UPS; round++) await download(api.ready.url, few.jwt);
    const pid = api.process.pid ?? 0;
    const before = await memoryOf(pid);
    let peak = before;
    const done = new AbortController();
    const watching = (async () => {
      while (!done.signal.aborted) {
        peak = Math.max(peak, await memoryOf(pid));
        await wait(20);
      }
    })();
    const { firstByteMs, lines: got, ms } = await download(api.ready.url, many.jwt);
    done.abort();
    await watching;
    if (got !== RECORDS + 1) throw new Error(`the export had ${got} lines`);
    const detail = `${before.toFixed(0)} MB before, ${peak.toFixed(0)} MB at the most, ${(ms / 1000).toFixed(1)} s`;
    lines.atMost(`${home} export of 100,000 records, memory`, peak - before, MEMORY_BAR_MB, " MB", detail);
    lines.atMost(`${home} export of 100,000 records, first byte`, firstByteMs, FIRST_BYTE_BAR_MS, " ms");
    await api.stop();
  }
}

async function download(url: string, jwt: string): Promise<{ firstByteMs: number; lines: number; ms: number }> {
  const start = performance.now();
  const answer = await fetch(`${url}/api/expenses/export.csv`, { headers: { authorization: `Bearer ${jwt}` } });
  if (!answer.ok || !answer.body) throw new Error(`${answer.status} ${await answer.text()}`);
  let firstByteMs = 0;
  let lines = 0;
  for await (const chunk of answer.body) {
    firstByteMs ||= performance.now() - start;
    for (const byte of chunk) if (byte === 10) lines++;
  }
  return { firstByteMs, lines, ms: performance.now() - start };
}

/** Resident memory of a process in MB. */
async function memoryOf(pid: number): Promise<number> {
  const [, kb] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kb) / 1024;
}
