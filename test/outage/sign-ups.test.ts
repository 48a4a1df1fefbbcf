/**
 * Many sign-ups, as an Auth server makes them (its hook, then its recorded statements), and a database that dies among
 * them. What creates a user is a transaction on Postgres, whatever the way in, so the flows before it are left out: hashing
 * a thousand passwords would only make the crowd smaller.
 */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { partOf } from "../setup/effort.ts";
import type { Home } from "../setup/users.ts";
import { control, servers } from "./servers.ts";
import { type OutageSystem, startOutageSystem } from "./system.ts";

const SIGN_UPS = partOf(1_000, 200);
const CONNECTIONS = 50;
let system: OutageSystem;
let auth: postgres.Sql;
const dead = new Set<Home>();

beforeAll(async () => {
  system = await startOutageSystem({ functions: true });
  auth = postgres(servers().adminDbUrl, {
    max: CONNECTIONS,
    onnotice: () => undefined,
    connect_timeout: 2,
    backoff: false,
  });
});
afterAll(async () => {
  await auth?.end({ timeout: 1 });
  await system?.stop();
});
beforeEach(() => system.supabase.sql("delete from switchyard.database_health"));
afterEach(async () => {
  for (const home of dead) await control("start", home);
  dead.clear();
});

const kill = async (home: Home) => {
  dead.add(home);
  await control("kill", home);
};
const revive = async (home: Home) => {
  await control("start", home);
  dead.delete(home);
};

interface SignUp {
  id: string;
  /** whether the transaction that made the user was answered */
  done: boolean;
}

/** Whether the hook lets the sign-up go on. */
async function hookAllows(): Promise<boolean> {
  const body = JSON.stringify({ metadata: { uuid: randomUUID() }, user: { email: "crowd@switchyard.test" } });
  const [id, now] = [`msg_${randomUUID()}`, new Date()];
  const response = await fetch(`${system.supabase.url}/functions/v1/before-user-created`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1_000)),
      "webhook-signature": new Webhook(system.hookSecret.replace(/^v1,/, "")).sign(id, now, body),
    },
    body,
  });
  return response.status === 200 && !("error" in ((await response.json()) as object));
}

async function signUp(withTokenInside: boolean): Promise<SignUp> {
  const id = randomUUID();
  try {
    if (!(await hookAllows())) return { id, done: false };
    const event = JSON.stringify({ user_id: id, claims: { sub: id } });
    // several statements in one message are one transaction; postgres.js's own `begin` cannot bear a server that dies
    await auth
      .unsafe(
        `insert into auth.users (id, aud, role, email, created_at, updated_at)
           values ('${id}', 'authenticated', 'authenticated', '${id}@crowd.test', now(), now());
         update auth.users set email_confirmed_at = now() where id = '${id}';
         ${withTokenInside ? `select public.custom_access_token_hook('${event}');` : ""}`,
      )
      .simple();
    return { id, done: true };
  } catch {
    return { id, done: false };
  }
}

/** All of them at once, as many at a time as there are connections; `half` begins when half of them are through. */
async function crowd(half: () => Promise<void>): Promise<SignUp[]> {
  const made: SignUp[] = [];
  let begun = 0;
  let halved: Promise<void> | undefined;
  const worker = async () => {
    while (begun < SIGN_UPS) {
      made.push(await signUp(begun++ % 2 === 0));
      if (made.length >= SIGN_UPS / 2) halved ??= half();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  await halved;
  return made;
}

/** What is wrong with the homes of these users, and how many of them there are. */
async function whole(made: readonly SignUp[]) {
  const { sql } = system.supabase;
  const rows = await sql<{ id: string; homes: number }>(
    `select u.id, count(a.user_id)::int as homes from auth.users u
     left join public.user_database_assignments a on a.user_id = u.id where u.id = any ($1::uuid[]) group by u.id`,
    [made.map(({ id }) => id)],
  );
  const counts = await sql<{ counted: number; actual: number }>(
    `select d.user_count::int as counted,
       (select count(*)::int from public.user_database_assignments a where a.database_provider = d.name) as actual
     from switchyard.databases d`,
  );
  const there = new Set(rows.map(({ id }) => id));
  return {
    homeless: rows.filter(({ homes }) => homes !== 1).length,
    lost: made.filter(({ id, done }) => done && !there.has(id)).length,
    miscounted: counts.filter(({ counted, actual }) => counted !== actual),
  };
}
const SOUND = { homeless: 0, lost: 0, miscounted: [] };

test("MongoDB dies half way: everyone gets a home, and nobody that one once it is known to be dead", {
  timeout: 120_000,
}, async () => {
  const { sql } = system.supabase;
  // a moment at which the report could be read by everyone: its own time is a little earlier
  let known = "";
  const watch = async () => {
    const [row] = await sql<{ at: string }>(
      "select clock_timestamp()::text as at from switchyard.database_health where name = 'mongodb' and not healthy",
    );
    known = row?.at ?? "";
    return known !== "";
  };
  let watching = Promise.resolve();
  const made = await crowd(async () => {
    await kill("mongodb");
    watching = vi.waitUntil(watch, { timeout: 30_000, interval: 20 }).then(() => undefined);
  });
  // the hook, called by the sign-ups that follow, notices, if it has not yet
  while (known === "") made.push(await signUp(true));
  await watching;
  const after = await Promise.all(Array.from({ length: 50 }, (_, index) => signUp(index % 2 === 0)));
  const all = [...made, ...after];
  expect(all.filter(({ done }) => !done)).toEqual([]);
  expect(await whole(all)).toEqual(SOUND);
  const homes = await sql<{ home: string; late: boolean; users: number }>(
    `select database_provider as home, assigned_at > $1::text::timestamptz as late, count(*)::int as users
     from public.user_database_assignments where user_id = any ($2::uuid[]) group by 1, 2`,
    [known, all.map(({ id }) => id)],
  );
  // both kinds have happened, or this says nothing
  expect(homes.some(({ home, late }) => home === "mongodb" && !late)).toBe(true);
  expect(homes.some(({ home, late }) => home === "supabase" && late)).toBe(true);
  // whoever began before it was known may commit after; their transaction's time is its beginning
  expect(homes.filter(({ home, late }) => home === "mongodb" && late)).toEqual([]);
  await revive("mongodb");
});

test("Supabase dies half way: what was answered is there and whole, nothing is half there, and it goes on", {
  timeout: 120_000,
}, async () => {
  const made = await crowd(async () => {
    await kill("supabase");
    await revive("supabase");
  });
  expect(made.filter(({ done }) => done).length).toBeGreaterThan(SIGN_UPS / 4);
  expect(made.filter(({ done }) => !done).length).toBeGreaterThan(0);
  await vi.waitUntil(async () => (await signUp(true)).done, { timeout: 5_000, interval: 100 });
  expect(await whole(made)).toEqual(SOUND);
});
