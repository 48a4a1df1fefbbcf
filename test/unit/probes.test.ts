/** What is asked of a database to see that it is there, when the way that users' calls take is full. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { expect, test, vi } from "vitest";
import { askSupabase } from "../../shared/postgres/rest-probe.ts";
import { SCHEMA_REVISION } from "../../shared/postgres/revision.ts";

type Answer = { data?: unknown; error: { code: string; message: string } | null; status: number };
const never = new Promise<never>(() => {});
const refused = (status: number, code: string): Answer => ({ error: { code, message: "" }, status });

interface Services {
  usual: Answer | Promise<never>;
  unknown?: Answer | Promise<never>;
  accounts?: { error: { status: number } | null } | Promise<never>;
}

function supabase({ usual, unknown = never, accounts = never }: Services) {
  const rpc = vi.fn(async (name: string) => (name === "switchyard_health" ? usual : unknown));
  const getUserById = vi.fn(async () => accounts);
  const service = { rpc, auth: { admin: { getUserById } } } as unknown as SupabaseClient;
  return { asked: getUserById, probe: () => askSupabase(service) };
}
const there = { unknown: refused(404, "PGRST202"), accounts: { error: { status: 404 } } };

const health = (revision: number): Answer => ({ data: { revision, oldest_code: 1 }, error: null, status: 200 });

test.each([
  ["revision", health(SCHEMA_REVISION - 1)],
  ["function", refused(404, "PGRST202")],
])("an older schema, by its %s: it is there, and what to do is said", async (_, usual) => {
  expect((await supabase({ usual }).probe())._unsafeUnwrap()).toMatch("supabase db push");
});

test("one call is enough while the way is free", async () => {
  const { probe, asked } = supabase({ usual: health(SCHEMA_REVISION) });
  expect((await probe())._unsafeUnwrap()).toBeNull();
  expect(asked).not.toHaveBeenCalled();
});

test.each([
  ["PostgREST's pool is full", refused(504, "PGRST003")],
  ["PostgREST lets the call wait", never],
])("%s: REST and Postgres are seen to be there on other ways", async (_, usual) => {
  expect((await supabase({ usual, ...there }).probe()).isOk()).toBe(true);
});

test("Postgres refuses for having too much to do: it is there", async () => {
  expect((await supabase({ usual: refused(503, "53300") }).probe()).isOk()).toBe(true);
});

test.each([
  ["REST", { ...there, unknown: { error: { code: "", message: "TimeoutError: late" }, status: 0 } }],
  ["Postgres", { ...there, accounts: { error: { status: 504 } } }],
])("a full pool, and %s is not there: down", async (_, services) => {
  expect((await supabase({ usual: refused(504, "PGRST003"), ...services }).probe()).isErr()).toBe(true);
});

test("what is refused for another reason is down at once", async () => {
  const { probe, asked } = supabase({ usual: refused(401, "PGRST301"), ...there });
  expect((await probe()).isErr()).toBe(true);
  expect(asked).not.toHaveBeenCalled();
});
