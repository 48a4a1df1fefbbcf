/** What code of the operator's own calls: a user's balances, and one change of them. */
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { balancesOf, type LedgerRouter } from "../../shared/ledger/balances.ts";
import { updateUserBalance } from "../../shared/ledger/update-user-balance.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";

let supabase: TestSupabase;
let router: LedgerRouter;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  const service = createClient(supabase.url, supabase.secretKey, { auth: { persistSession: false } });
  router = { control: (_does, name, parameters) => callSystem(service, name, parameters) };
});
afterAll(() => supabase?.stop());

test("a balance is changed once for an id, and never below zero", async () => {
  const { id: userId } = await newUser({ home: "mongodb", on: supabase });
  expect((await balancesOf(router, userId))._unsafeUnwrap()).toEqual([]);
  const change = { userId, asset: "USDC", amount: "2.5", id: crypto.randomUUID() };
  const first = (await updateUserBalance(router, change))._unsafeUnwrap();
  expect(first).toMatchObject({ kind: "deposit", amount: "2.500000" });
  expect((await updateUserBalance(router, change))._unsafeUnwrap()).toEqual(first);
  const again = async (more: object) =>
    (await updateUserBalance(router, { ...change, id: crypto.randomUUID(), ...more })).match(
      ({ kind }) => kind,
      ({ code }) => code,
    );
  expect(await again({ id: change.id, amount: "3" })).toBe("idempotency_mismatch");
  expect(await again({ amount: "-0.5" })).toBe("withdrawal");
  expect(await again({ amount: "-2.000001" })).toBe("insufficient_funds");
  expect(await again({ amount: "0.0000001" })).toBe("invalid_input");
  expect(await again({ amount: "1e3" })).toBe("invalid_input");
  expect(await again({ asset: "NONE" })).toBe("invalid_input");
  expect((await balancesOf(router, userId))._unsafeUnwrap()).toMatchObject([{ asset: "USDC", available: "2.000000" }]);
});
