/** `switchyard ledger ...`, as the operator types it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";

let supabase: TestSupabase;
let account: string;
beforeAll(async () => {
  supabase = await startTestSupabase();
  const { id } = await newUser({ home: "supabase", on: supabase });
  const [row] = await supabase.sql<{ id: string }>(
    "select public.ledger_open_account($1, 'EUR') -> 'account' ->> 'id' as id",
    [id],
  );
  account = String(row?.id);
});
afterAll(() => supabase?.stop());

async function run(...argv: string[]) {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  const env = { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey };
  const code = await runCommand(["ledger", ...argv], { env, out: say, err: say });
  return { code, text: said.join("\n") };
}

test("deposits once under an id, shares, and reverses once", async () => {
  const id = crypto.randomUUID();
  const first = await run("deposit", account, "12.5", `--id=${id}`);
  expect(first).toEqual({ code: 0, text: `deposit ${id}: 12.50 EUR, posted.` });
  expect(await run("deposit", account, "12.5", `--id=${id}`)).toEqual(first);
  expect((await run("deposit", account, "13", `--id=${id}`)).code).toBe(1);
  expect((await run("yield", "EUR", "0.50")).text).toMatch("0.50 EUR, posted.");
  expect((await run("reverse", id)).text).toMatch("12.50 EUR, posted.");
  expect((await run("reverse", id)).text).toMatch("reversed already");
  expect((await run("post", id)).text).toMatch("posted");
  expect((await run("void", id)).code).toBe(1);
  expect((await run("post", "x")).code).toBe(2);
});

describe("check", () => {
  test("says that the books are right, and what users have", async () => {
    const { code, text } = await run("check");
    expect([code, text]).toEqual([0, expect.stringMatching(/The books are right: 1 accounts, 3 transfers, 6 entries/)]);
    expect(text).toMatch(/EUR +0\.50/);
  });

  test("names the offender, and fails", async () => {
    await supabase.sql("update public.ledger_accounts set posted = posted + 1 where id = $1", [account]);
    const { code, text } = await run("check");
    expect([code, text]).toEqual([1, expect.stringContaining(account)]);
    expect(JSON.parse((await run("check", "--json")).text.split("\nThe books")[0] ?? "").offences).toHaveLength(1);
    await supabase.sql("update public.ledger_accounts set posted = posted - 1 where id = $1", [account]);
    expect((await run("check")).code).toBe(0);
  });
});
