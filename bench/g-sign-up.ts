/** (g) What assigning a home adds to a sign-up, and what the hook before it takes. */
import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { Webhook } from "standardwebhooks";
import { startEdgeFunctions } from "../scripts/dev/edge-functions.ts";
import type { Bench } from "./environment.ts";
import { type Lines, ms } from "./lines.ts";
import { inTurns, median, sorted } from "./measure.ts";

const CONNECTIONS = 20;
const SIGN_UPS = 2_000;
const BAR_MS = 3;
const HOOK_BAR_MS = 10;

export async function signUp(bench: Bench, lines: Lines): Promise<void> {
  await triggers(bench, lines);
  await hook(bench, lines);
}

async function triggers(bench: Bench, lines: Lines): Promise<void> {
  const without = await bench.anotherDatabase();
  await without.unsafe(`
    alter table auth.users disable trigger switchyard_assign_home;
    alter table auth.users disable trigger switchyard_assign_home_again`);
  const databases = { with: bench.sql, without };
  const times = { with: [] as number[], without: [] as number[] };
  const block = CONNECTIONS * 5;
  // the first block of each is the warm-up
  for (let made = -block; made < SIGN_UPS; made += block)
    for (const name of ["with", "without"] as const) {
      const took = await many(databases[name], block);
      if (made >= 0) times[name].push(...took);
    }
  const [own, bare] = [median(sorted(times.with)), median(sorted(times.without))];
  const assigned = await bench.sql`
    select count(*)::int as n from auth.users u left join public.user_database_assignments a on a.user_id = u.id
    where a.user_id is null`;
  if (assigned[0]?.n !== 0) throw new Error("there are users without a home");
  const detail = `with ${ms(own)}, without ${ms(bare)}, ${CONNECTIONS} connections`;
  lines.atMost("sign-up and token, what the trigger adds", own - bare, BAR_MS, " ms", detail);
}

/** So many sign-ups over all connections; the time of each. */
async function many(sql: postgres.Sql, count: number): Promise<number[]> {
  const times: number[] = [];
  const work = async () => {
    while (count-- > 0) {
      const start = performance.now();
      await one(sql);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return times;
}

/** What Supabase Auth does for a password: the user in one transaction, the token in the next. */
async function one(sql: postgres.Sql): Promise<void> {
  const id = randomUUID();
  await sql`insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)
    values (${id}, 'authenticated', 'authenticated', ${`${id}@switchyard.test`}, now(), now(), now())`;
  const event = JSON.stringify({
    user_id: id,
    claims: { sub: id, app_metadata: {} },
    authentication_method: "password",
  });
  await sql`select public.custom_access_token_hook(${event}::text::jsonb)`;
}

async function hook({ supabase, keys, mongoUri, atEnd }: Bench, lines: Lines): Promise<void> {
  const functions = startEdgeFunctions({
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SUPABASE_SERVICE_ROLE_KEY: supabase.secretKey,
    BEFORE_USER_CREATED_HOOK_SECRET: keys.hookSecret,
    MONGODB_URI: mongoUri,
    LOG_LEVEL: "warn",
  });
  atEnd(() => functions.stop());
  await functions.ready();
  const webhook = new Webhook(keys.hookSecret.slice("v1,".length));
  const call = async () => {
    const id = `msg_${randomUUID()}`;
    const body = JSON.stringify({ metadata: { name: "before-user-created" }, user: { email: "a@switchyard.test" } });
    const at = new Date();
    const request = new Request("http://hook/functions/v1/before-user-created", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": webhook.sign(id, at, body),
      },
      body,
    });
    const answer = await functions.call("before-user-created", request);
    const text = await answer?.text();
    if (answer?.status !== 200 || text !== "{}") throw new Error(`the hook answered ${answer?.status} ${text}`);
  };
  const { warm } = await inTurns({ warm: call });
  lines.atMost("the warm hook alone", median(warm), HOOK_BAR_MS, " ms");
}
