/**
 * Processes that move users are killed at every point that there is, or frozen and woken when another one has taken over, while
 * everybody writes: each move ends, or is undone; nobody loses a write or has two homes.
 */
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import type { Move } from "../../shared/moves/control.ts";
import { MOVE_POINTS } from "../../shared/moves/run.ts";
import { isUnderWay } from "../../shared/operations/move-users.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { contactsOf, keepWriting, type Send, type Written } from "../moves/writers.ts";
import { type Instance, startInstance } from "../outage/instance.ts";
import { scaled } from "../outage/speed.ts";
import { PATIENT } from "../setup/patience.ts";
import type { TestUser } from "../setup/users.ts";
import { type Interruption, type MovePoint, startWorkers, type Workers } from "./moving-workers.ts";

/** Of instances and workers alike: a move waits until nobody can be at work who has not heard of it. */
const DEADLINES = {
  REQUEST_DEADLINE_MS: String(scaled(2_500)),
  DATABASE_CONNECT_MS: String(scaled(2_000)),
};
/** Nobody waits long for whoever is dead. */
const LEASE_SECONDS = Math.ceil(scaled(2_000) / 1_000);
const PAUSE_MS = scaled(10_000);
const PROCESSES = 2;
const LOOKING = { ...PATIENT, interval: 500 };
/** between two writes of one user */
const PACE_MS = 1_000;
/** Writes that everybody has done before their move, and does after it. */
const SOME = 3;

const UNTIL_SWITCH = MOVE_POINTS.slice(0, MOVE_POINTS.indexOf("switched"));
const WAYS = [
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
] as const;
const wayOf = (number: number) => WAYS[number % WAYS.length] as (typeof WAYS)[number];

interface Case extends Pick<Interruption, "point" | "signal"> {
  from: string;
  to: string;
  /** the operator gives the move up when it has been interrupted */
  isGivenUp: boolean;
}
const CASES: Case[] = [
  ...WAYS.flatMap(([from, to]) =>
    MOVE_POINTS.map((point) => ({ from, to, point, signal: "SIGKILL" as const, isGivenUp: false })),
  ),
  ...MOVE_POINTS.map((point, number) => {
    const [from, to] = wayOf(number);
    return { from, to, point, signal: "SIGSTOP" as const, isGivenUp: false };
  }),
  ...UNTIL_SWITCH.map((point, number) => {
    const [from, to] = wayOf(number);
    return { from, to, point, signal: "SIGKILL" as const, isGivenUp: true };
  }),
];

/** Where whoever was frozen before the switch meets the one who has taken over: just before it, when nothing may be written. */
const meetingOf = (point: MovePoint): MovePoint => (UNTIL_SWITCH.includes(point) ? "verified" : "opened");

interface Played extends Case {
  user: TestUser<string>;
  send: Send;
  acknowledged(): number;
  written: Written;
  move: Move;
}

let system: MovingSystem;
let workers: Workers | undefined;
const instances: Instance[] = [];
const played = new Map<Case, Played>();

const sendOf = (instance: Instance, { jwt }: TestUser<string>, heard: (status: number) => void): Send => {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${instance.url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${jwt}`, ...(body && { "content-type": "application/json" }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    heard(response.status);
    return {
      status: response.status,
      body: text.startsWith("{") ? JSON.parse(text) : text,
      retryAfter: response.headers.get("retry-after"),
    };
  };
};

async function startWriter(one: Case) {
  const user = await system.user(one.from);
  let acknowledged = 0;
  const heard = (status: number) => {
    if (status < 300) acknowledged++;
  };
  const sends = instances.map((instance) => sendOf(instance, user, heard));
  const writer = keepWriting(sends, PACE_MS);
  return { ...one, user, send: sends[0] as Send, acknowledged: () => acknowledged, writer };
}
const writesOfAll = async (writers: readonly { acknowledged(): number }[], more: number) => {
  const before = writers.map(({ acknowledged }) => acknowledged());
  await vi.waitUntil(
    () => writers.every(({ acknowledged }, at) => acknowledged() >= (before[at] as number) + more),
    PATIENT,
  );
};

/** Everything that the tests below look at happens at once: by themselves they would wait for one lease after the other. */
beforeAll(async () => {
  system = await startMovingSystem("killed");
  const { control, env, moves } = system;
  const variables = { ...(env as Record<string, string>), ...DEADLINES };
  for (let count = 0; count < 2; count++)
    instances.push(
      await startInstance({
        ...variables,
        SUPABASE_PUBLISHABLE_KEY: control.publishableKey,
        SUPABASE_JWT_SECRET: control.jwtSecret,
        SUPABASE_JWT_ISSUER: control.jwtIssuer,
      }),
    );
  const writers = await Promise.all(CASES.map(startWriter));
  await writesOfAll(writers, SOME);

  for (const [from, to] of WAYS) {
    const users = writers.filter((one) => one.from === from).map(({ user }) => user.id);
    const begun = (await moves.start(users, to, "test"))._unsafeUnwrap();
    expect(begun.filter((one) => "refused" in one)).toEqual([]);
  }
  const giveUp = async (userId: string) => expect((await moves.abort([userId]))._unsafeUnwrap()).toBe(1);
  const interruptions = new Map<string, Interruption>();
  for (const { user, point, signal, isGivenUp } of writers)
    interruptions.set(user.id, {
      point,
      signal,
      wokenAt: meetingOf(point),
      ...(isGivenUp && { afterwards: () => giveUp(user.id) }),
    });
  const working = startWorkers({
    ...{ env: variables, leaseSeconds: LEASE_SECONDS, pauseMs: PAUSE_MS, count: PROCESSES, interruptions },
  });
  workers = working;
  const all = async () => (await moves.list({ ended: true, limit: 1_000 }))._unsafeUnwrap();
  await vi.waitUntil(async () => !(await all()).some(isUnderWay), LOOKING);
  await writesOfAll(writers, SOME);
  await working.stop();
  const moved = await all();
  await Promise.all(
    writers.map(async ({ writer, ...one }, at) => {
      const move = moved.find(({ user_id }) => user_id === one.user.id) as Move;
      played.set(CASES[at] as Case, { ...one, move, written: await writer.stop() });
    }),
  );
});
afterAll(async () => {
  await workers?.stop();
  for (const instance of instances) await instance.stop();
  await system?.stop();
});

const copyOf = async (home: string) => {
  const copy = await system.registry.get(home)?.copy();
  if (!copy) throw new Error(`no home ${home}`);
  return copy;
};

/** Records that both have in the same version, and not with the same contents. */
async function differences({ id }: TestUser<string>, from: string, to: string): Promise<string[]> {
  const [old, present] = [await copyOf(from), await copyOf(to)];
  const found: string[] = [];
  for (const collection of homeCollections) {
    const ids = (await old.manifest(id, collection, null, 10_000)).map((entry) => entry.id);
    const there = new Map(
      (await present.read(id, collection, ids)).rows.map(({ record }) => [String(record.id), record]),
    );
    for (const { record } of (await old.read(id, collection, ids)).rows) {
      const other = there.get(String(record.id));
      if (other?.version === record.version && !isDeepStrictEqual(other, record))
        found.push(`${collection.name} ${record.id}`);
    }
  }
  return found;
}

const homeOf = async ({ id }: TestUser<string>) => {
  const [home] = await system.control.sql(
    `select database_provider as home, epoch, state from public.user_database_assignments where user_id = '${id}'`,
  );
  return home;
};
const nameOf = ({ from, to, point, signal, isGivenUp }: Case) =>
  `${from} to ${to}: ${signal} at ${point}${isGivenUp ? ", given up" : ""}`;

describe("one home, and every write that was acknowledged", () => {
  test.each(CASES.map((one) => [nameOf(one), one] as const))("%s", async (_, one) => {
    const { user, from, to, move, written, send, isGivenUp } = played.get(one) as Played;
    expect(workers?.interrupted).toContain(user.id);
    expect(written.odd).toEqual([]);
    expect([move.state, move.last_error]).toEqual([isGivenUp ? "aborted" : "kept", null]);
    expect(move.detail.late).toBeUndefined();
    const home = isGivenUp ? { home: from, epoch: 1, state: "active" } : { home: to, epoch: 2, state: "active" };
    expect(await homeOf(user)).toEqual(home);
    const events = await system.control.sql(
      `select event, epoch from switchyard.assignment_history where user_id = '${user.id}' order by id`,
    );
    expect(events).toHaveLength(isGivenUp ? 1 : 3);

    expect(await contactsOf(send)).toEqual(written.there);
    for (const id of written.deleted) expect((await send("GET", `/contacts/${id}`)).status).toBe(404);
    // what the other home has is what both had at the switch, and of a move that is undone nothing
    const other = await (await copyOf(isGivenUp ? to : from)).digests(user.id, homeCollections);
    if (!isGivenUp) expect(other).toEqual(move.detail.collections);
    else
      expect(Object.values(other).map(({ count, deleted }) => count + deleted)).toEqual(homeCollections.map(() => 0));
    if (!isGivenUp) expect(await differences(user, from, to)).toEqual([]);
  });

  test("every database counts the users that it has", async () => {
    const counts = await system.control.sql(`select d.name, d.user_count::int as counted,
        (select count(*)::int from public.user_database_assignments a where a.database_provider = d.name) as there
      from switchyard.databases d`);
    for (const { name, counted, there } of counts) expect([name, counted]).toEqual([name, there]);
  });
});
