/**
 * The main job, done once on the first start: people sign up through the real sign-up, get a home each, and file
 * their records through the API. Interrupted and run again, it goes on where it was: the same key is the same record.
 */
import { createClient } from "@supabase/supabase-js";
import { decodeJwt } from "jose";
import { type DemoRecord, demoRecords } from "./demo-records.ts";

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

interface DemoOptions extends Where {
  readonly say: (line: string) => void;
  readonly cancel: AbortSignal;
}

interface DemoUser {
  readonly user: string;
  readonly home: string;
  readonly records: number;
}

/** Signs the demo users up, files their records and prints the table. */
export async function runDemo({ say, cancel, ...where }: DemoOptions): Promise<DemoUser[]> {
  say(`\nFirst start: ${PEOPLE.length} demo users sign up and file their records.`);
  const users: DemoUser[] = [];
  for (const [index, [name, currency]] of PEOPLE.entries()) {
    cancel.throwIfAborted();
    const token = await signUp(where, address(name), name);
    const records = demoRecords(index + 1, currency, new Date());
    const filed = await fileAll(where.apiUrl, token, records, cancel);
    const { app_metadata } = decodeJwt<{ app_metadata?: { home?: string } }>(token);
    users.push({ user: address(name), home: app_metadata?.home ?? "none", records: filed });
  }
  say("");
  for (const line of table(users)) say(`  ${line}`);
  return users;
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
  if (error || !data.session) throw new Error(`The demo user ${email} could not sign up: ${error?.message}`);
  return data.session.access_token;
}

/** Files record after record, a few at a time; those that others refer to are waited for. */
async function fileAll(
  apiUrl: string,
  token: string,
  records: readonly DemoRecord[],
  cancel: AbortSignal,
): Promise<number> {
  const ids = new Map<string, Promise<string>>();
  const waiting = [...records];
  const fileOne = async ({ collection, key, body, refers = {} }: DemoRecord): Promise<string> => {
    const references = await Promise.all(
      Object.entries(refers).map(async ([field, target]) => [field, await ids.get(target)] as const),
    );
    const response = await fetch(`${apiUrl}/api/${collection}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "idempotency-key": `demo ${encodeURIComponent(key)}`,
      },
      body: JSON.stringify({ ...body, ...Object.fromEntries(references) }),
      signal: cancel,
    });
    // a conflict is the same record, filed on another day before the demo was interrupted
    if (!response.ok && response.status !== 409)
      throw new Error(`The demo could not file ${key} in ${collection}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { id?: string }).id ?? "";
  };
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const filing = fileOne(next);
      ids.set(next.key, filing);
      await filing;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return ids.size;
}

function table(users: readonly DemoUser[]): string[] {
  const rows = [["user", "home", "records"], ...users.map((each) => [each.user, each.home, String(each.records)])];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 2 ? cell.padStart(widths[2] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  "),
  );
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
