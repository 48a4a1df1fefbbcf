/**
 * Either database killed or silent while users move, at each phase of a move, under writes that never stop: reads of what is up
 * go on, writes too where no seal stands, and once the database is back the move ends by itself, with one home and what was told.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import type { Move } from "../../shared/moves/control.ts";
import { isUnderWay } from "../../shared/operations/move-users.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { contactsOf, keepWriting, type Send, type Written } from "../moves/writers.ts";
import { PATIENT } from "../setup/patience.ts";
import { type Home, mintToken, type TestUser } from "../setup/users.ts";
import { type HeldWorkers, type Hold, startHeldWorkers } from "./held-workers.ts";
import { type Instance, startInstance } from "./instance.ts";
import { control } from "./servers.ts";
import { scaled, scaledDeadlines } from "./speed.ts";
import { HOMES, otherThan } from "./system.ts";

const FAULTS = { kill: "start", pause: "resume" } as const;
type Fault = keyof typeof FAULTS;
/** while copying, catching up, in the pause, sealed, at the switch, right after it, and while the kept copy is cleaned */
const PHASES = [
  "copying",
  "compared",
  "paused",
  "sealed",
  "verified",
  "switched",
  "cleaning",
] as const satisfies Hold[];
type Phase = (typeof PHASES)[number];

interface Round {
  victim: Home;
  fault: Fault;
  /** the database goes while the steps go on, and not before */
  isMeanwhile: boolean;
}
/** Longer than a database is away: what it was sent before may come to pass when it is back. */
const LEASE_SECONDS = Math.ceil(scaled(60_000) / 1_000);
const PAUSE_MS = scaled(10_000);
const PACE_MS = 200;
/** Writes of each user before their move, and after it. */
const SOME = 3;
/** Steps of one user's move after the outage; whose move takes more of them does not end. */
const MANY_STEPS = 200;

const ALL: Round[] = [false, true].flatMap((isMeanwhile) =>
  HOMES.flatMap((victim) => (Object.keys(FAULTS) as Fault[]).map((fault) => ({ victim, fault, isMeanwhile }))),
);
/** `SWITCHYARD_MOVE_OUTAGES=all` tries all of them; the gate the two that are least alike. */
const ROUNDS =
  process.env.SWITCHYARD_MOVE_OUTAGES === "all"
    ? ALL
    : ALL.filter(({ victim, fault, isMeanwhile }) => fault === "kill" && isMeanwhile === (victim === "mongodb"));

let system: MovingSystem;
let workers: HeldWorkers;
const instances: Instance[] = [];
const away = new Map<Home, Fault>();

const begin = (victim: Home, fault: Fault) => {
  away.set(victim, fault);
  return control(fault, victim);
};
async function bringBack(): Promise<void> {
  for (const [victim, fault] of away) await control(FAULTS[fault], victim);
  away.clear();
}

beforeAll(async () => {
  system = await startMovingSystem("outage_moves", scaledDeadlines);
  const { control: on, env } = system;
  const variables = {
    ...(env as Record<string, string>),
    SUPABASE_PUBLISHABLE_KEY: on.publishableKey,
    SUPABASE_JWT_SECRET: on.jwtSecret,
    SUPABASE_JWT_ISSUER: on.jwtIssuer,
  };
  for (let count = 0; count < 2; count++) instances.push(await startInstance(variables));
  const count = PHASES.length * HOMES.length;
  workers = startHeldWorkers({ env, leaseSeconds: LEASE_SECONDS, pauseMs: PAUSE_MS, count });
});
afterAll(async () => {
  await bringBack();
  await workers?.stop();
  for (const instance of instances) await instance.stop();
  await system?.stop();
});

interface Person {
  phase: Phase;
  from: Home;
  to: Home;
  user: TestUser<string>;
  /** by the token of before the move, and by one that knows of it */
  sends: Send[];
  informed: Send;
  /** by id, the newest version that an answer has told of */
  versions: Map<string, number>;
  acknowledged(): number;
  /** what their writer has found that must not be */
  odd: readonly string[];
  stop(): Promise<Written>;
}

/** Waits, and no longer than until somebody's writer has found that a write is lost. */
const until = (
  people: readonly Person[],
  isSo: () => boolean | Promise<boolean>,
  interval: number = PATIENT.interval,
) =>
  vi.waitUntil(
    () => {
      const wrong = people.flatMap(({ phase, from, odd }) =>
        odd.map((what) => `${phase}, at home in ${from}: ${what}`),
      );
      if (wrong.length > 0) throw new Error(wrong.join("\n"));
      return isSo();
    },
    { ...PATIENT, interval },
  );

function sendOf({ url }: Instance, jwt: string, heard: (body: { id?: string; version?: number }) => void): Send {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${jwt}`, ...(body && { "content-type": "application/json" }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = text.startsWith("{") ? JSON.parse(text) : text;
    if (response.ok && method !== "GET") heard(answer);
    return { status: response.status, body: answer, retryAfter: response.headers.get("retry-after") };
  };
}

async function startPerson(phase: Phase, from: Home): Promise<Person> {
  const to = otherThan(from);
  const user = await system.user(from);
  const { id, email } = user;
  const knowing = await mintToken(system.control, { id, email }, { appMetadata: { home: to, home_epoch: 2 } });
  const versions = new Map<string, number>();
  let acknowledged = 0;
  const heard = ({ id: record, version }: { id?: string; version?: number }) => {
    acknowledged++;
    if (record !== undefined && version !== undefined) versions.set(record, version);
  };
  const sends = instances.map((instance) => sendOf(instance, user.jwt, heard));
  const informed = sendOf(instances[0] as Instance, knowing, heard);
  const { odd, stop } = keepWriting(sends, PACE_MS);
  return { phase, from, to, user, sends, informed, versions, acknowledged: () => acknowledged, odd, stop };
}

async function writesOf(people: readonly Person[], more: number): Promise<void> {
  const before = people.map(({ acknowledged }) => acknowledged());
  const isDone = ({ acknowledged }: Person, at: number) => acknowledged() >= (before[at] as number) + more;
  await until(people, () => people.every(isDone));
}
async function moveOf({ user }: Person): Promise<Move> {
  const [move] = (await system.moves.list({ userId: user.id, ended: true }))._unsafeUnwrap();
  if (!move) throw new Error("no such move");
  return move;
}
const statesOf = async (people: readonly Person[]) =>
  (await Promise.all(people.map(moveOf))).map((move, at) => ({ ...move, phase: people[at]?.phase }));
/** Of steps that are to be made again, and of leases of steps that have ended without the control plane. */
const timePasses = (people: readonly Person[]) => {
  const waiting = people.filter(({ user }) => !workers.isStepping(user.id)).map(({ user }) => user.id);
  return system.control.sql(
    `update switchyard.tasks t set due_at = now(), leased_until = null from switchyard.moves m
     where t.queue = 'move' and t.done_at is null and t.subject = any ($1::uuid[]) and m.user_id = t.subject
       and m.ended_at is null and (m.state <> 'kept' or m.kept_until <= now())`,
    [`{${waiting.join(",")}}`],
  );
};

/** Everybody stands where they are to be when the database goes. */
async function bringThere(people: readonly Person[]): Promise<void> {
  const cleaned = people.filter(({ phase }) => phase === "cleaning");
  const others = people.filter((person) => !cleaned.includes(person));
  const areStanding = (some: readonly Person[]) =>
    until(people, () => some.every(({ user }) => workers.isStanding(user.id)));
  for (const { user } of others) workers.hold(user.id, "copying");
  for (const home of HOMES) {
    const users = people.filter(({ from }) => from === home).map(({ user }) => user.id);
    const begun = (await system.moves.start(users, otherThan(home), "test"))._unsafeUnwrap();
    expect(begun.filter((one) => "refused" in one)).toEqual([]);
  }
  await areStanding(others);
  await until(people, async () => (await statesOf(cleaned)).every(({ state }) => state === "kept"));
  await writesOf(cleaned, 1);
  for (const { user } of cleaned) workers.hold(user.id, "cleaning");
  expect((await system.moves.clean(cleaned.map(({ user }) => user.id)))._unsafeUnwrap()).toBe(cleaned.length);
  await areStanding(cleaned);
  const further = others.filter(({ phase }) => phase !== "copying");
  for (const { user, phase } of further) {
    workers.release(user.id);
    workers.hold(user.id, phase);
  }
  await areStanding(further);
  await Promise.all(further.map(expectSealed));
}

/** What a home takes that is sealed, or that the user has left, is acknowledged and lost: that is said here, and by name. */
async function expectSealed({ phase, from, user, sends }: Person): Promise<void> {
  if (phase !== "sealed" && phase !== "verified") return;
  for (const send of sends) {
    const key = { "idempotency-key": crypto.randomUUID() };
    const { status, body } = await send("POST", "/categories", { name: `At ${phase}`, kind: "expense" }, key);
    if (status === 201 && workers.isStanding(user.id))
      throw new Error(
        `${from} is sealed (${phase}), and has acknowledged the write of category ${body.id}: it is lost`,
      );
  }
}

/** Every move is made, and none is tried for ever. */
async function movesEnd(people: readonly Person[]): Promise<void> {
  const ids = `{${people.map(({ user }) => user.id).join(",")}}`;
  const steps = async () => {
    const rows = await system.control.sql<{ id: string; steps: number; error: string | null }>(
      `select t.subject as id, t.attempts as steps, t.last_error as error from switchyard.tasks t
       where t.queue = 'move' and t.subject = any ($1::uuid[])`,
      [ids],
    );
    return new Map(rows.map((row) => [row.id, row]));
  };
  const before = await steps();
  const areMade = async () => {
    await timePasses(people);
    const now = await steps();
    for (const { user, phase, from } of people) {
      const { steps: made = 0, error = null } = now.get(user.id) ?? {};
      if (made - (before.get(user.id)?.steps ?? 0) > MANY_STEPS)
        throw new Error(`${phase}, from ${from}: the move does not end: ${error}`);
    }
    const states = await statesOf(people);
    return states.every((move) => !isUnderWay(move) && (move.phase !== "cleaning" || move.state === "cleaned"));
  };
  await until(people, areMade, 500);
}

/** What goes on while the database is away: by the home at that time, and whether writes may be made there. */
function goesOn({ phase, from, to }: Person, victim: Home): { reads: boolean; writes: boolean } {
  const hasMoved = phase === "switched" || phase === "cleaning" || (phase === "verified" && victim !== "supabase");
  const reads = (hasMoved ? to : from) !== victim;
  // sealed until the control plane says what has become of the switch, or until the old home says that the user has left
  const isSealed = phase === "switched" || phase === "verified";
  return { reads, writes: reads && !isSealed };
}
async function expectGoingOn(person: Person, victim: Home): Promise<void> {
  const { reads, writes } = goesOn(person, victim);
  const hasMoved = person.phase === "switched" || person.phase === "cleaning" || person.phase === "verified";
  const send = hasMoved && person.from === victim ? person.informed : (person.sends[0] as Send);
  if (reads) await vi.waitUntil(async () => (await send("GET", "/contacts?limit=1")).status === 200, PATIENT);
  if (!writes) return;
  const key = { "idempotency-key": crypto.randomUUID() };
  await vi.waitUntil(
    async () => (await send("POST", "/categories", { name: "Outage", kind: "expense" }, key)).status === 201,
    PATIENT,
  );
}

async function expectEnd(person: Person): Promise<void> {
  const { phase, from, to, user, versions, informed } = person;
  const written = await person.stop();
  const move = await moveOf(person);
  const ended = { phase, from, state: phase === "cleaning" ? "cleaned" : "kept", error: null, late: undefined };
  expect({ phase, from, state: move.state, error: move.last_error, late: move.detail.late }).toEqual(ended);
  expect(written.odd).toEqual([]);
  const homes = await system.control.sql(
    `select database_provider as home, epoch, state from public.user_database_assignments where user_id = '${user.id}'`,
  );
  expect(homes).toEqual([{ home: to, epoch: 2, state: "active" }]);
  const history = await system.control.sql(
    `select event from switchyard.assignment_history where user_id = '${user.id}'`,
  );
  expect(history).toHaveLength(3);

  for (const send of [...person.sends, informed]) expect(await contactsOf(send)).toEqual(written.there);
  for (const [id, version] of versions) {
    const { status, body } = await informed("GET", `/contacts/${id}`);
    if (written.there.has(id)) expect([id, body.version]).toEqual([id, version]);
    else if (written.deleted.has(id)) expect([id, status]).toEqual([id, 404]);
  }
  const old = await (await system.registry.get(from)?.copy())?.digests(user.id, homeCollections);
  if (phase !== "cleaning") expect(old).toEqual(move.detail.collections);
  else for (const { count, deleted } of Object.values(old ?? {})) expect([count, deleted]).toEqual([0, 0]);
}

const nameOf = ({ victim, fault, isMeanwhile }: Round) =>
  `${fault} ${victim}, ${isMeanwhile ? "while every step goes on" : "as every step stands still"}`;

describe("users who move in both directions, at every phase", () => {
  test.each(ROUNDS.map((round) => [nameOf(round), round] as const))("%s", async (_, { victim, fault, isMeanwhile }) => {
    const people = await Promise.all(HOMES.flatMap((from) => PHASES.map((phase) => startPerson(phase, from))));
    const release = () => {
      for (const { user } of people) workers.release(user.id);
    };
    try {
      await writesOf(people, SOME);
      await bringThere(people);
      const going = begin(victim, fault);
      if (isMeanwhile) release();
      await going;
      if (!isMeanwhile) {
        const under = people.filter(({ user }) => workers.isStepping(user.id));
        expect(under).toHaveLength(people.length);
        release();
        const left = new Set(people);
        await until(people, () => {
          for (const person of left) if (!workers.isStepping(person.user.id)) left.delete(person);
          return left.size === 0;
        });
        await Promise.all(people.map((person) => expectGoingOn(person, victim)));
      }
      await bringBack();
      await movesEnd(people);
      await writesOf(people, SOME);
      await Promise.all(people.map(expectEnd));
    } finally {
      release();
      await bringBack();
      await Promise.all(people.map(({ stop }) => stop()));
    }
  });
});
