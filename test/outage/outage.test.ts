/** Either database gone in every way, in the middle of load and before an instance's first request. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import type { Home, TestUser } from "../setup/users.ts";
import type { Instance } from "./instance.ts";
import { anything, ask, faultsOf, isDone, startLoad } from "./requests.ts";
import { control } from "./servers.ts";
import { scaled } from "./speed.ts";
import { HOMES, type OutageSystem, otherThan, startOutageSystem } from "./system.ts";

interface Fault {
  begin(system: OutageSystem, home: Home): Promise<void>;
  end(system: OutageSystem, home: Home): Promise<void>;
}
const byProxy = (mode: "refuse" | "slow"): Fault => ({
  begin: ({ proxies }, home) => proxies[home].set(mode),
  end: ({ proxies }, home) => proxies[home].set("pass"),
});
const FAULTS: Record<string, Fault> = {
  killed: { begin: (_, home) => control("kill", home), end: (_, home) => control("start", home) },
  paused: { begin: (_, home) => control("pause", home), end: (_, home) => control("resume", home) },
  "refusing connections": byProxy("refuse"),
  slow: byProxy("slow"),
};
const RETURN_MS = scaled(5_000);
const AT_ONCE_MS = scaled(1_000);
const CLIENTS = 6;

let system: OutageSystem;
let warm: Instance;
let users: Record<Home, TestUser>;

beforeAll(async () => {
  system = await startOutageSystem();
  users = { supabase: await system.user("supabase"), mongodb: await system.user("mongodb") };
  warm = await system.instance();
});
afterAll(() => system?.stop());

/** What users' requests become; of MongoDB's not all: a find may be a look at its health, too. */
const OF_USERS: Readonly<Record<Home, RegExp>> = {
  supabase: /rpc\/records_|num_nulls/,
  mongodb: /^(insert|aggregate)$/,
};
const recordCalls = (home: Home) => system.proxies[home].calls.filter((call) => OF_USERS[home].test(call)).length;
const isOpen = ({ events }: Instance, home: Home) =>
  events.filter(({ event, database }) => /^breaker/.test(event) && database === home).at(-1)?.event === "breaker_open";

/** Every user of the database is refused at once, and the database hears of nothing but one probe. */
async function refusesAtOnce(instance: Instance, home: Home): Promise<void> {
  await vi.waitUntil(() => isOpen(instance, home), PATIENT);
  const before = recordCalls(home);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, turn) => anything(instance.url, users[home], turn)),
  );
  expect(recordCalls(home) - before).toBeLessThanOrEqual(1);
  const quick = answers.filter(({ status, ms }) => status === 503 && ms < AT_ONCE_MS);
  expect(quick.length).toBeGreaterThanOrEqual(99);
}

/** How long after `since` its users are served again. */
async function returns(instance: Instance, home: Home, since: number): Promise<number> {
  await vi.waitUntil(async () => isDone(await ask(instance.url, users[home], "/api/expenses?limit=5")), PATIENT);
  return performance.now() - since;
}

describe.each(HOMES)("%s", (down) => {
  const up = otherThan(down);

  test.each(Object.keys(FAULTS))(
    "%s: its users are refused in time, nobody else notices, and it comes back",
    async (name) => {
      const fault = FAULTS[name] as Fault;
      const cold = await system.instance();
      const load = startLoad(warm.url, [users.supabase, users.mongodb], CLIENTS);
      onTestFinished(() => void load.stop());
      await vi.waitUntil(() => load.answers.length > 50, PATIENT);
      const beginning = performance.now();
      let isOver = false;
      const end = async () => {
        if (!isOver) await fault.end(system, down);
        isOver = true;
      };
      // also when it fails before: the next one is to begin with servers that are there
      onTestFinished(end);
      await fault.begin(system, down);
      const begun = performance.now();

      const first = await Promise.all([
        ...Array.from({ length: 3 }, (_, turn) => anything(cold.url, users[down], turn)),
        ...Array.from({ length: 3 }, (_, turn) => anything(cold.url, users[up], turn)),
      ]);
      if (name !== "slow") await refusesAtOnce(warm, down);
      const sinceBegun = () => load.answers.filter(({ user, at }) => user.home === down && at > begun);
      await vi.waitUntil(() => sinceBegun().length > CLIENTS, PATIENT);
      const ending = performance.now();
      await end();
      const ended = performance.now();
      const back = await Promise.all([returns(warm, down, ended), returns(cold, down, ended)]);
      expect(Math.max(...back)).toBeLessThan(RETURN_MS);
      const answers = await load.stop();

      const told = (of: typeof answers) =>
        of.map((answer) => `${answer.user.home} ${answer.status} ${answer.body.detail} ${faultsOf(answer)}`);
      expect(told([...answers, ...first].filter((answer) => answer.user.home === up && !isDone(answer)))).toEqual([]);
      const affected = [...answers, ...first].filter(({ user }) => user.home === down);
      // one that was sent before may have been answered before
      const during = affected.filter(({ at, ms }) => at > begun && at + ms < ending);
      const wrong = (answer: (typeof answers)[number]) => faultsOf(answer).length > 0;
      expect(told(during.filter((answer) => wrong(answer) && !(name === "slow" && isDone(answer))))).toEqual([]);
      expect(during.length).toBeGreaterThan(0);
      expect(told(affected.filter((answer) => !isDone(answer) && wrong(answer)))).toEqual([]);
      expect(told(affected.filter(({ at, ms, status }) => at + ms < beginning && status === 503))).toEqual([]);
    },
  );
});
