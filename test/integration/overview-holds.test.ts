/** What is remembered of money that is held: until it is free again, and no longer. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";

let supabase: TestSupabase;
let api: ApiInstance;
/** how late it is for the API; Postgres has a clock of its own */
let ahead = 0;
beforeAll(async () => {
  supabase = await startTestSupabase();
  const mongoUri = await preparedMongo("overview_holds");
  const clock = () => Date.now() + ahead;
  api = await startApi({ on: supabase, mongoUri, clock, more: { SINGLE_INSTANCE: "1" } });
});
afterAll(async () => {
  await api?.close();
  await supabase?.stop();
});

/** With 20.00, and a hold of 5.00 for so many seconds. */
async function holding(seconds: number) {
  ahead = 0;
  const admin = await newUser({ home: "supabase", on: supabase, appMetadata: { role: "admin" } });
  const ann = await newUser({ home: "mongodb", on: supabase });
  const call = async (by: typeof ann | typeof admin, method: string, path: string, body?: object) => {
    const response = await api.app.request(path, {
      method,
      headers: { authorization: `Bearer ${by.jwt}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    await api.judge(method.toLowerCase(), path, response);
    return { status: response.status, value: (await response.json()) as Record<string, never> };
  };
  const { value: account } = await call(ann, "POST", "/api/ledger/accounts", { asset: "EUR" });
  await call(admin, "POST", "/api/admin/ledger/deposits", { account: account.id, amount: "20" });
  const hold = { kind: "withdrawal", from_account: account.id, amount: "5", hold_seconds: seconds };
  const { value: held } = await call(ann, "POST", "/api/ledger/transfers", hold);
  /** Whether it came from the cache, and its account in EUR. */
  const look = async (path: string) => {
    const { hits } = api.cache.stats();
    const { value } = await call(ann, "GET", path);
    return { isHit: api.cache.stats().hits > hits, account: (value.balances as unknown as object[])[0] };
  };
  return { look, held, release: () => call(ann, "POST", `/api/ledger/transfers/${held.id}/void`) };
}

test.each(["/api/dashboard", "/api/users/me"])("%s is remembered while a hold has long to go", async (path) => {
  const { look, held, release } = await holding(3_600);
  const shown = { posted: "20.00", pending: "5.00", available: "15.00", next_release_at: held.expires_at };
  expect(await look(path)).toMatchObject({ isHit: false, account: shown });
  expect(await look(path)).toMatchObject({ isHit: true, account: shown });
  await release();
  const free = { pending: "0.00", available: "20.00", next_release_at: null };
  expect(await look(path)).toMatchObject({ isHit: false, account: free });
});

test("and is made anew from a minute before its end, as clocks differ", async () => {
  const { look } = await holding(200);
  expect(await look("/api/dashboard")).toMatchObject({ isHit: false });
  expect(await look("/api/dashboard")).toMatchObject({ isHit: true });
  // sooner than an answer ends that holds nothing
  ahead = 141_000;
  expect(await look("/api/dashboard")).toMatchObject({ isHit: false });
  expect(await look("/api/dashboard")).toMatchObject({ isHit: false });
});
