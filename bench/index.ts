/**
 * `npm run bench`, or `npm run bench -- a c` for some of its parts: what only a clock can tell. Each figure is measured
 * side by side with its peer, on the servers that SUPABASE_DB_URL, SUPABASE_ADMIN_DB_URL and MONGODB_URI name, and
 * for (n) REDIS_URL. Lines end in `met` or `missed`; only what broke makes it fail.
 */
import { type Bench, openBench } from "./environment.ts";
import { type Lines, lines } from "./lines.ts";

type Part = (bench: Bench, lines: Lines) => Promise<void>;

const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  a: async () => (await import("./a-repositories.ts")).repositories,
  b: async () => (await import("./b-http.ts")).http,
  c: async () => (await import("./c-calls.ts")).calls,
  d: async () => (await import("./d-start.ts")).start,
  e: async () => (await import("./e-growth.ts")).growth,
  f: async () => (await import("./f-export.ts")).exportMany,
  g: async () => (await import("./g-sign-up.ts")).signUp,
  h: async () => (await import("./h-outage.ts")).outage,
  i: async () => (await import("./i-bytes.ts")).bytesRead,
  j: async () => (await import("./j-copies.ts")).copies,
  k: async () => (await import("./k-under-load.ts")).underLoad,
  m: async () => (await import("./m-ledger.ts")).ledger,
  n: async () => (await import("./n-dashboard.ts")).dashboard,
  o: async () => (await import("./o-moves.ts")).moves,
  p: async () => (await import("./p-backups.ts")).backups,
  q: async () => (await import("./q-recovery.ts")).recovery,
};

const chosen = process.argv.slice(2);
for (const name of chosen)
  if (!PARTS[name]) throw new Error(`There is no part ${name}: ${Object.keys(PARTS).join(" ")}`);

const { bench, stop } = await openBench();
try {
  for (const [name, load] of Object.entries(PARTS)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const start = performance.now();
    await (await load())(bench, lines(name, console.log));
    console.log(`(${name}) took ${Math.round((performance.now() - start) / 1000)} s`);
  }
} finally {
  await stop();
}
