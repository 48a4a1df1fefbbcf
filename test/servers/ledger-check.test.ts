/** `switchyard ledger check` where a statement may take no longer than Supabase's REST lets it. */
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { checkLedgerBooks } from "../../shared/ledger/check.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { partOf } from "../setup/effort.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import { newUser } from "../setup/users.ts";

const TRANSFERS = partOf(6_000, 4_000);
const ACCOUNTS = 20;
/** The limit is this part of what a check of all at once takes here, so that no machine is too fast or too slow for it. */
const PART = 5;

let supabase: OwnDatabase;
let admin: pg.Client;
let account: string;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  admin = new pg.Client({ connectionString: supabase.adminUrl });
  await admin.connect();
  const accounts: string[] = [];
  for (let n = 0; n < ACCOUNTS; n++) {
    const { id } = await newUser({ home: "supabase", on: supabase });
    const opened = "select public.ledger_open_account($1, 'EUR') -> 'account' ->> 'id' as id";
    accounts.push(String((await admin.query(opened, [id])).rows[0].id));
  }
  account = String(accounts[0]);
  for (let made = 0; made < TRANSFERS; made += 100)
    await admin.query(
      `select count(public.ledger_deposit(null, gen_random_uuid(), ($1::uuid[])[1 + n % $2], '1')) from generate_series(1, 100) n`,
      [accounts, ACCOUNTS],
    );
  await admin.query(
    "analyze public.ledger_accounts, public.ledger_entries, public.ledger_transfers, public.ledger_history",
  );
  // of the role that REST connects as, in this database alone
  const limitMs = Math.ceil(Math.min(await wholeMs(), await wholeMs(), await wholeMs()) / PART);
  const role = decodeURIComponent(new URL(supabase.adminUrl).username);
  const { rows } = await admin.query("select current_database() as name");
  await admin.query(`alter role ${role} in database ${rows[0].name} set statement_timeout = ${limitMs}`);
  // who is connected begins anew, under the limit
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  await vi.waitUntil(async () => (await callSystem(service(), "ledger_check_part", { p_rows: 1 })).isOk(), PATIENT);
});
async function wholeMs(): Promise<number> {
  const begun = performance.now();
  await admin.query("select * from public.ledger_check()");
  return performance.now() - begun;
}
afterAll(async () => {
  await admin?.end();
  await supabase?.stop();
});

const service = () =>
  serviceClient({ SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey } as never, {
    timeoutMs: HANGS_MS,
  });
async function check() {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  const env = { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey };
  const code = await runCommand(["ledger", "check"], { env, out: say, err: say });
  return { code, text: said.join("\n") };
}

test("the whole of it is refused, and walked in parts it says that the books are right", async () => {
  const whole = await callSystem(service(), "ledger_check");
  expect(whole.isErr() && whole.error.code).toBe("busy");
  const { code, text } = await check();
  expect([code, text]).toEqual([0, expect.stringContaining(`${TRANSFERS} transfers, ${2 * TRANSFERS} entries`)]);
});

test("it names the offender, among so many", async () => {
  await admin.query("update public.ledger_accounts set posted = posted + 1 where id = $1", [account]);
  const { code, text } = await check();
  expect([code, text]).toEqual([1, expect.stringContaining(account)]);
  await admin.query("update public.ledger_accounts set posted = posted - 1 where id = $1", [account]);
});

test("a part that is refused for the limit is asked for again, smaller; any other refusal ends it", async () => {
  const asked: unknown[] = [];
  const checked = await checkLedgerBooks(
    (name, parameters) => {
      asked.push((parameters as { p_rows: number }).p_rows);
      return callSystem(service(), name, parameters);
    },
    { rows: 100_000 },
  );
  expect(checked._unsafeUnwrap().walked).toMatchObject({ transfers: TRANSFERS, history: TRANSFERS + ACCOUNTS });
  expect(asked[0]).toBe(100_000);
  expect(Number(asked.at(-1))).toBeLessThan(100_000);
  const wrong = await checkLedgerBooks(() => callSystem(service(), "no_such_function"));
  expect(wrong.isErr() && wrong.error.code).toBe("misconfigured");
});
