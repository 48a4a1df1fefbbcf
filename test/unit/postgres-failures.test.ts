/** What the codes of Supabase's answers mean: the same for a user's calls and for the system's. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { expect, test } from "vitest";
import { collections } from "../../shared/collections/index.ts";
import { call } from "../../shared/postgres/calls.ts";
import { refusalOf } from "../../shared/postgres/refusals.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";

interface Refused {
  status: number;
  code: string;
  message?: string;
}

/** A client that answers each of these in turn, and the last one from then on. */
function client(...answers: readonly (Refused | { data: unknown })[]) {
  const made: string[] = [];
  const rpc = (name: string) => {
    const answer = answers[Math.min(made.length, answers.length - 1)];
    made.push(name);
    const { status = 200, code, message = "", data = null } = answer as Partial<Refused & { data: unknown }>;
    const sent = Promise.resolve({ data, error: code === undefined ? null : { code, message }, status });
    return Object.assign(sent, { abortSignal: () => sent });
  };
  return { made, rpc };
}

async function codes(refused: Refused) {
  const user = await call(client(refused), "records_list", {});
  const system = await callSystem(client(refused) as unknown as SupabaseClient, "switchyard_stats");
  return [user._unsafeUnwrapErr(), system._unsafeUnwrapErr()];
}

test.each([
  ["serialisation failure", "40001", 500],
  ["deadlock", "40P01", 500],
  ["lock not available", "55P03", 500],
  ["object in use", "55006", 500],
  ["too many connections", "53300", 503],
  ["statement time-out", "57014", 500],
  ["out of memory", "53200", 503],
  ["a transaction that took too long", "25P04", 500],
])("%s (%s, %i) is contention: busy, and an answer", async (_, code, status) => {
  for (const error of await codes({ code, status }))
    expect(error).toMatchObject({ code: "busy", kind: "unavailable", retryAfterSeconds: 1 });
  for (const { isUnheard } of await codes({ code, status })) expect(isUnheard ?? false).toBe(false);
});

test.each([
  ["a full pool", { status: 504, code: "PGRST003" }, "busy"],
  ["the client's own time-out", { status: 0, code: "", message: "TimeoutError: it took too long" }, "unavailable"],
  ["a call that was given up", { status: 0, code: "", message: "AbortError: given up" }, "unavailable"],
  ["a time-out of HTTP", { status: 408, code: "" }, "unavailable"],
  ["a time-out of the gateway", { status: 504, code: "" }, "unavailable"],
  ["a time-out of Cloudflare", { status: 524, code: "" }, "unavailable"],
])("%s says nothing of the database: it is to be asked", async (_, refused, code) => {
  for (const error of await codes(refused)) expect(error).toMatchObject({ code, isUnheard: true });
});

test.each([
  ["shutting down", { status: 500, code: "57P01" }],
  ["starting", { status: 503, code: "57P03" }],
  ["connection lost", { status: 503, code: "08006" }],
  ["not in a state for it", { status: 500, code: "55000" }],
  ["input or output", { status: 500, code: "58030" }],
  ["an internal error", { status: 500, code: "XX000" }],
  ["outcome unknown", { status: 500, code: "40003" }],
  ["no connection", { status: 503, code: "PGRST001" }],
  ["no schema cache", { status: 503, code: "PGRST002" }],
  ["Cloudflare's: no server", { status: 521, code: "" }],
  ["no answer", { status: 0, code: "", message: "TypeError: fetch failed" }],
  ["a gateway's", { status: 502, code: "" }],
])("%s: unavailable, and the database's fault", async (_, refused) => {
  for (const error of await codes(refused)) {
    expect(error?.code).toBe("unavailable");
    expect(error?.isUnheard ?? false).toBe(false);
  }
});

test.each([
  ["a read-only transaction, as a full project of Supabase's makes all", { status: 405, code: "25006" }],
  ["a full disk", { status: 503, code: "53100" }],
])("%s: full, and no wait mends it", async (_, refused) => {
  for (const error of await codes(refused)) {
    expect(error).toMatchObject({ code: "storage_full", kind: "unavailable" });
    expect(error?.retryAfterSeconds).toBeUndefined();
  }
});

test("the provider's limit is one that passes", async () => {
  for (const error of await codes({ status: 429, code: "" }))
    expect(error).toMatchObject({ code: "throttled", retryAfterSeconds: 5 });
});

test.each([
  [402, "", /restricted this project/],
  [540, "", /paused this project/],
  [500, "53400", /temp_file_limit/],
  [500, "57P04", /dropped/],
  [500, "XX001", /REINDEX/],
  [500, "XX002", /REINDEX/],
  [500, "26000", /prepared statements/],
  [500, "F0000", /configuration file/],
  [404, "PGRST202", /supabase db push/],
  [300, "PGRST203", /supabase db push/],
  [400, "PGRST204", /supabase db push/],
  [404, "PGRST205", /supabase db push/],
  [404, "42P01", /supabase db push/],
  [404, "42883", /supabase db push/],
  [500, "PGRST300", /jwt-secret/],
])("%i %s is for the operator to mend, in words", async (status, code, words) => {
  for (const error of await codes({ status, code }))
    expect(error).toMatchObject({ code: "misconfigured", message: expect.stringMatching(words) });
});

const user = async (refused: Refused) => (await call(client(refused), "records_list", {}))._unsafeUnwrapErr();

test("of a user's call: the project's key, a body that is too large, a query of too many parts, a session", async () => {
  expect(await user({ status: 401, code: "" })).toMatchObject({
    code: "misconfigured",
    message: expect.stringContaining("SUPABASE_PUBLISHABLE_KEY"),
  });
  expect((await user({ status: 413, code: "" })).code).toBe("invalid_input");
  expect((await user({ status: 500, code: "54001" })).code).toBe("invalid_query");
  for (const code of ["PGRST301", "PGRST302", "PGRST303"])
    expect(await user({ status: 401, code, message: "JWT expired" })).toMatchObject({ code: "forbidden" });
  expect((await user({ status: 401, code: "PGRST303", message: "JWT issued at future" })).code).toBe("busy");
});

test.each([
  ["PGRST303", "JWT issued at future"],
  ["PGRST202", "Could not find the function"],
  ["PGRST204", "Could not find the column"],
  ["PGRST205", "Could not find the table"],
  ["PGRST002", "Could not query the database for the schema cache"],
  ["0A000", "cached plan must not change result type"],
])("%s (%s) passes in a moment, and nothing was done: once more, and once only", async (code, message) => {
  const mended = client({ status: 503, code, message }, { data: "done" });
  expect((await call(mended, "records_create", {}))._unsafeUnwrap()).toBe("done");
  const system = client({ status: 503, code, message }, { data: "done" });
  expect((await callSystem(system as unknown as SupabaseClient, "switchyard_stats"))._unsafeUnwrap()).toBe("done");
  const again = client({ status: 503, code, message });
  await call(again, "records_create", {}).catch(() => undefined);
  const late = client({ status: 503, code, message });
  await call(late, "records_create", {}, AbortSignal.abort()).catch(() => undefined);
  expect([mended, system, again, late].map(({ made }) => made.length)).toEqual([2, 2, 2, 1]);
});

test.each(["40001", "40P01"])("%s: rolled back, so it is called once more, and once only", async (code) => {
  const mended = client({ status: 500, code }, { data: "done" });
  expect((await call(mended, "records_delete", {}))._unsafeUnwrap()).toBe("done");
  const again = client({ status: 500, code });
  expect((await call(again, "records_delete", {}))._unsafeUnwrapErr().code).toBe("busy");
  expect([mended.made.length, again.made.length]).toEqual([2, 2]);
});

test("nothing is called again after the deadline, nor when the outcome is unknown", async () => {
  const late = client({ status: 500, code: "40001" });
  await call(late, "records_create", {}, AbortSignal.abort());
  const unknown = client({ status: 500, code: "40003" });
  await call(unknown, "records_create", {});
  expect([late.made.length, unknown.made.length]).toEqual([1, 1]);
});

test("what a write answers has the same codes", () => {
  const code = (error: string, missing?: string[]) =>
    refusalOf(collections.expenses, { error, missing: missing ?? null }).code;
  expect(["40001", "55P03", "57014", "57P01", "SY999"].map((error) => code(error))).toEqual([
    "busy",
    "busy",
    "busy",
    "unavailable",
    "unavailable",
  ]);
  expect([code("23503", ["category_id"]), code("23503", [])]).toEqual(["invalid_reference", "busy"]);
});
