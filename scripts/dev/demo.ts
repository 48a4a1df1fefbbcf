/**
 * The main job, done once on the first start: people sign up through the real sign-up, get a home each, and file their
 * records through the API. Interrupted and run again, it goes on where it was: the same key is the same record. What is
 * refused for now (503, 429, no connection) is tried again for as long as anything at all succeeds now and then.
 */
import { createClient } from "@supabase/supabase-js";
import { decodeJwt } from "jose";
import { demoLedger } from "./demo-ledger.ts";
import type { DemoRecord } from "./demo-record.ts";
import { demoRecords } from "./demo-records.ts";
import { demoRooms, filledIn, partOf, type RoomStep } from "./demo-rooms.ts";
import { createPatience, NotNow, type Patience } from "./patience.ts";

const PASSWORD = "switchyard-demo";
const PEOPLE = [
  ["Ada", "EUR"],
  ["Bao", "USD"],
  ["Chidi", "NGN"],
  ["Dunya", "EUR"],
  ["Emil", "SEK"],
  ["Fatou", "XOF"],
] as const;
const AT_ONCE = 4;
const address = (name: string) => `${name.toLowerCase()}@demo.switchyard.test`;

/** The demo user who may ask for /api/admin/database-stats. */
export const DEMO_ADMIN = address("Ada");

interface Where {
  readonly apiUrl: string;
  readonly supabaseUrl: string;
  readonly publishableKey: string;
}

/** Shows how far it is. */
export interface DemoProgress {
  start(total: number): void;
  /** One more of the total is done; `of` says whose. */
  step(of: string): void;
  stop(): void;
}

export interface DemoOptions extends Where {
  readonly progress: DemoProgress;
  readonly cancel: AbortSignal;
  /** The records count back from then. */
  readonly today: Date;
  /** Whether the demo's own admin is one, who books what they pay with. */
  readonly hasAdmin: boolean;
  /** It gives up when nothing has succeeded for so long. */
  readonly patienceMs: number;
}

export interface DemoUser {
  readonly user: string;
  readonly home: string;
  readonly records: number;
}

export interface DemoOutcome {
  readonly users: readonly DemoUser[];
  /** A sentence for each user whose records are not all there. */
  readonly missing: readonly string[];
}

/** Signs the demo users up and files their records. Rejects only when it is cancelled. */
export async function runDemo({
  progress,
  cancel,
  today,
  patienceMs,
  hasAdmin,
  ...where
}: DemoOptions): Promise<DemoOutcome> {
  const patience = createPatience({ patienceMs, cancel });
  const people = PEOPLE.map(([name, currency], index) => ({
    user: address(name),
    name,
    records: demoRecords(index + 1, currency, today),
  }));
  const talkers = people.slice(0, 3);
  const steps = [
    ...demoRooms(talkers.map(({ name }) => name) as [string, string, string]),
    ...(hasAdmin ? demoLedger() : []),
  ];
  progress.start(people.reduce((sum, { records }) => sum + records.length, people.length + steps.length));
  const users: DemoUser[] = [];
  const missing: string[] = [];
  const tokens = new Map<string, string>();
  try {
    for (const { user, name, records } of people) {
      let filed = 0;
      let home = "none";
      const step = () => progress.step(user);
      try {
        const token = await patience.until(() => signUp(where, user, name));
        tokens.set(user, token);
        home = decodeJwt<{ app_metadata?: { home?: string } }>(token).app_metadata?.home ?? home;
        step();
        await fileAll({ apiUrl: where.apiUrl, token, patience, cancel }, records, () => {
          filed++;
          step();
        });
      } catch (error) {
        cancel.throwIfAborted();
        missing.push(`${user} has ${filed} of ${records.length} records: ${(error as Error).message}`);
      }
      users.push({ user, home, records: filed });
    }
    const those = talkers.map(({ user }) => tokens.get(user));
    try {
      if (those.every((token) => token !== undefined))
        await talk({ apiUrl: where.apiUrl, patience, cancel }, steps, those, () =>
          progress.step("what they say and pay to each other"),
        );
    } catch (error) {
      cancel.throwIfAborted();
      missing.push(`not everything was said and paid: ${(error as Error).message}`);
    }
  } finally {
    progress.stop();
  }
  return { users, missing };
}

async function signUp(where: Where, email: string, name: string): Promise<string> {
  const client = createClient(where.supabaseUrl, where.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const signedUp = await client.auth.signUp({ email, password: PASSWORD, options: { data: { name } } });
  const { data, error } =
    signedUp.error?.code === "user_already_exists"
      ? await client.auth.signInWithPassword({ email, password: PASSWORD })
      : signedUp;
  if (data.session) return data.session.access_token;
  const said = `the sign-up was answered ${error?.status ?? ""} ${error?.message}`;
  // no answer at all has the status 0; Auth hides what its hooks and the database say behind a 500
  throw !error?.status || error.status === 429 || error.status >= 500 ? new NotNow(said) : new Error(said);
}

interface Filing {
  readonly apiUrl: string;
  readonly token: string;
  readonly patience: Patience;
  readonly cancel: AbortSignal;
}

/** Files record after record, a few at a time; those that others refer to are waited for. The first failure ends it. */
async function fileAll(filing: Filing, records: readonly DemoRecord[], filed: () => void): Promise<void> {
  const ids = new Map<string, Promise<string>>();
  const waiting = [...records];
  const fileOne = async ({ refers = {}, ...record }: DemoRecord): Promise<string> => {
    const references = await Promise.all(
      Object.entries(refers).map(async ([field, target]) => [field, await ids.get(target)] as const),
    );
    const body = { ...record.body, ...Object.fromEntries(references) };
    return filing.patience.until(() => post(filing, { ...record, body }));
  };
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const filing = fileOne(next);
      // whoever refers to it hears of a failure, too; nobody may
      filing.catch(() => undefined);
      ids.set(next.key, filing);
      await filing;
      filed();
    }
  };
  const outcomes = await Promise.allSettled(
    Array.from({ length: AT_ONCE }, () =>
      worker().catch((error) => {
        waiting.length = 0;
        throw error;
      }),
    ),
  );
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** What they say, one after the other; said again, it is what was said. */
async function talk(
  filing: Omit<Filing, "token">,
  steps: readonly RoomStep[],
  tokens: readonly string[],
  done: () => void,
): Promise<void> {
  const known = new Map(tokens.map((token, at) => [`user:${at}`, String(decodeJwt(token).sub)]));
  for (const [at, step] of steps.entries()) {
    const { by, method, path, body, keep = {} } = filledIn(step, known);
    const token = tokens[by] ?? "";
    const answer = await filing.patience.until(() =>
      send({ ...filing, token }, { method, path, body, key: `demo room ${at}` }),
    );
    for (const [name, part] of Object.entries(keep)) known.set(name, partOf(answer, part));
    done();
  }
}

/** The id of the record, made now or at an earlier try. */
async function post(filing: Filing, { collection, key, body }: DemoRecord): Promise<string> {
  const answer = await send(filing, {
    method: "POST",
    path: `/api/${collection}`,
    body,
    key: `demo ${encodeURIComponent(key)}`,
  });
  return partOf(answer, "id");
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** under which it is done once */
  readonly key: string;
}

/** What the API answers; `NotNow` where another try makes sense. */
async function send({ apiUrl, token, cancel }: Filing, { method, path, body, key }: Sent): Promise<unknown> {
  const response = await fetch(`${apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      ...(method === "POST" && { "idempotency-key": key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: cancel,
  }).catch((error) => {
    throw new NotNow(`the API cannot be reached: ${(error as Error).message}`);
  });
  const answer = (await response.json().catch(() => ({}))) as { detail?: string };
  if (response.ok) return answer;
  const said = `${key} at ${path} was answered ${response.status} ${answer.detail ?? ""}`;
  if (response.status !== 503 && response.status !== 429) throw new Error(said);
  throw new NotNow(said, Number(response.headers.get("retry-after")) * 1_000);
}

/** How to come in as a demo user, and a command to try. */
export function demoLogin(where: Where): string[] {
  const to = new Date().toISOString().slice(0, 10);
  const from = new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 10);
  const login = JSON.stringify({ email: address("Bao"), password: PASSWORD });
  return [
    `\n  Demo login    ${address("Bao")} / ${PASSWORD}   (${DEMO_ADMIN} with the same password is an admin)`,
    "\n  Try it:",
    `TOKEN=$(curl -s '${where.supabaseUrl}/auth/v1/token?grant_type=password' -H 'apikey: ${where.publishableKey}' \\`,
    `  -H 'content-type: application/json' -d '${login}' | sed -E 's/.*"access_token":"([^"]*)".*/\\1/')`,
    `curl -s '${where.apiUrl}/api/reports/spending?from=${from}&to=${to}&by=category' -H "authorization: Bearer $TOKEN"`,
  ];
}
