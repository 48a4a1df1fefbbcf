/**
 * `npm run test:fuzz`: requests drawn from the OpenAPI document, valid and nearly valid, half by a user at home in Supabase
 * and half by one at home in MongoDB. Every answer has to be one that the document describes, none may be a 5xx, and a
 * refused write may change nothing. On the embedded databases, or on the servers that SUPABASE_DB_URL and MONGODB_URI name.
 */
import { fuzzSettings } from "../../setup/fuzz.ts";
import { fuzz, schemathesis } from "./schemathesis.ts";
import { type FuzzTarget, startFuzzSystem } from "./system.ts";

/** A document that makes no more new requests would keep us here for ever. */
const MAX_RUNS = 8;
/** What follows from the document alone takes some 17,500 requests for each user: where few are wanted, all are random. */
const FEW = 9_000;

const settings = fuzzSettings();
const isShort = settings.requests < FEW;
const say = (line: string) => console.log(line);
let failed = false;

async function attack(program: string, { user, url, requests, statuses, traces }: FuzzTarget): Promise<void> {
  const wanted = settings.requests / 2;
  let runs = 0;
  for (; requests() < wanted && runs < MAX_RUNS; runs++) {
    let report = "";
    const code = await fuzz({
      program,
      url,
      token: user.jwt,
      seed: settings.seed + runs,
      // an example becomes one to three requests
      examples: runs === 0 && !isShort ? 5 : Math.max(5, Math.ceil((wanted - requests()) / 150)),
      onlyRandom: isShort || runs > 0,
      onText: (text) => {
        report += text;
      },
    });
    if (code === 0) continue;
    say(report);
    failed = true;
    break;
  }
  const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  say(`At home in ${user.home}: ${requests()} requests in ${runs} runs (${counts.join(", ")})`);
  for (const trace of traces) say(trace);
  if (traces.length > 0 || (!failed && requests() < wanted)) failed = true;
}

try {
  const program = settings.program ?? (await schemathesis(say));
  const system = await startFuzzSystem(settings);
  say(`Repeat this run with SWITCHYARD_SEED=${settings.seed}`);
  try {
    // one after the other: two of them would wait for the same two cores
    for (const home of ["supabase", "mongodb"] as const) await attack(program, await system.target(home));
    for (const line of system.failures()) say(line);
  } finally {
    await system.stop();
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  failed = true;
}
say(failed ? "The fuzzer found faults." : "Every answer was as the document says.");
process.exit(failed ? 1 : 0);
