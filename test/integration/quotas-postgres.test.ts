/** Quotas are the database's: whatever way rows come in, they are counted, and what is too much is refused whole. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { collections, tableCollections } from "../../shared/collections/index.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { type Counted, DEFAULT_QUOTA, type Usage } from "../../shared/repository/quotas.ts";
import { value } from "../contract/store.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { newUser, type TestUser } from "../setup/users.ts";

// of its own: the quotas are the database's, and other files write at the same time
let supabase: RunningSupabase;
let ann: TestUser;

const rest = (user = ann) =>
  userClient({ SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey }, user.jwt);
const repository = () => postgresRepositories({ client: rest(), userId: ann.id }).repository(collections.contacts);
const contact = (name = "x", user = ann) => ({ user_id: user.id, id: crypto.randomUUID(), name });
const contacts = (count: number) => Array.from({ length: count }, (_, at) => contact(`c${at}`));
const quota = (records: number | null, bytes: number | null) =>
  supabase.sql("select public.switchyard_set_quotas($1::bigint, $2::bigint)", [records, bytes]);

async function usage(user = ann): Promise<Usage> {
  const [row] = await supabase.sql<{ counted: Counted | string }>(
    "select public.switchyard_usage($1::uuid) as counted",
    [user.id],
  );
  const counted = row?.counted;
  const { records, bytes } = (typeof counted === "string" ? JSON.parse(counted) : counted) as Counted;
  return { records, bytes };
}
/** The same, counted anew. */
async function there(user = ann): Promise<Usage> {
  const tables = tableCollections.map(
    ({ name, scope }) =>
      `select octet_length(t::text) / 64 + 1 as steps from public.${name} t where ${scope.field} = '${user.id}'`,
  );
  const [row] = await supabase.sql<{ records: number; bytes: number }>(
    `select count(*)::int as records, (coalesce(sum(steps), 0) * 64)::int as bytes from (${tables.join(" union all ")}) t`,
  );
  return { records: Number(row?.records), bytes: Number(row?.bytes) };
}

beforeAll(async () => {
  supabase = await startOwnDatabase();
});
afterAll(() => supabase?.stop());
beforeEach(async () => {
  await quota(DEFAULT_QUOTA.records, DEFAULT_QUOTA.bytes);
  ann = await newUser({ home: "supabase", on: supabase });
});

test("the quota that a database begins with is the default one", async () => {
  const fresh = await supabase.sql("select records::int, bytes::int from switchyard.quotas");
  expect(fresh).toEqual([DEFAULT_QUOTA]);
});

test("creates, bulk inserts, updates and deletes count, and nothing is left of who has nothing", async () => {
  const made = value(await repository().create({ name: "Mina" }));
  expect(await usage()).toEqual(await there());
  expect((await rest().from("contacts").insert(contacts(40))).error).toBeNull();
  expect(await usage()).toEqual({ records: 41, bytes: (await there()).bytes });
  const before = await usage();
  value(await repository().update(made.id, { note: "n".repeat(1_000) }));
  expect((await usage()).bytes).toBeGreaterThanOrEqual(before.bytes + 960);
  expect(await usage()).toEqual(await there());
  value(await repository().update(made.id, { note: null }));
  expect(await usage()).toEqual(before);
  value(await repository().delete(made.id));
  expect(await usage()).toEqual(await there());
  expect((await rest().from("contacts").delete().eq("user_id", ann.id)).error).toBeNull();
  expect(await usage()).toEqual({ records: 0, bytes: 0 });
  expect(await supabase.sql("select from switchyard.user_usage where user_id = $1", [ann.id])).toEqual([]);
});

test("2,000 rows in one call of REST that are too many are refused whole, with the code", async () => {
  await quota(1_999, null);
  const { error } = await rest().from("contacts").insert(contacts(2_000));
  expect(error?.code).toBe("SY507");
  expect(JSON.parse(error?.details ?? "")).toMatchObject({ records: 2_000, quota_records: 1_999 });
  expect(await there()).toEqual({ records: 0, bytes: 0 });
  expect(await usage()).toEqual({ records: 0, bytes: 0 });
  expect((await rest().from("contacts").insert(contacts(1_999))).error).toBeNull();
  expect(await usage()).toEqual(await there());
});

describe("at the quota", () => {
  test("nothing is added, what is there is changed and deleted, and then there is room again", async () => {
    await quota(2, null);
    const first = value(await repository().create({ name: "a" }));
    value(await repository().create({ name: "b" }));
    expect((await repository().create({ name: "c" }))._unsafeUnwrapErr()).toMatchObject({
      kind: "forbidden",
      code: "quota_exceeded",
      message: expect.stringMatching(/3 records.*may keep 2/),
    });
    value(await repository().update(first.id, { name: "longer" }));
    value(await repository().delete(first.id));
    value(await repository().create({ name: "d" }));
  });

  test("of bytes: what grows is refused, what shrinks is not, also above a quota that was lowered", async () => {
    const made = value(await repository().create({ name: "a", note: "n".repeat(1_500) }));
    await quota(null, (await usage()).bytes + 100);
    expect((await repository().update(made.id, { note: "n".repeat(1_900) }))._unsafeUnwrapErr()).toMatchObject({
      code: "quota_exceeded",
      message: expect.stringContaining("MB"),
    });
    await quota(null, 64);
    value(await repository().update(made.id, { note: "short" }));
    expect((await repository().create({ name: "b" }))._unsafeUnwrapErr().code).toBe("quota_exceeded");
    value(await repository().delete(made.id));
  });

  test("a create that is repeated with its key finds what it made", async () => {
    await quota(1, null);
    const id = crypto.randomUUID() as string;
    const create = () => repository().create({ id, name: "once" }, { idempotencyHash: "hash" });
    const made = value(await create());
    expect(value(await create())).toEqual(made);
  });
});

test("writers of one user at once lose no count, and none is turned away for another", async () => {
  const work = Array.from({ length: 24 }, async (_, at) => {
    const made = value(await repository().create({ name: `w${at}` }));
    if (at % 3 === 0) value(await repository().delete(made.id));
    else value(await repository().update(made.id, { note: "n".repeat(at * 40) }));
  });
  await Promise.all(work);
  expect(await usage()).toEqual(await there());
  expect((await usage()).records).toBe(16);
});

test("a purge leaves no count behind", async () => {
  await rest().from("contacts").insert(contacts(5));
  await supabase.sql("delete from auth.users where id = $1::uuid", [ann.id]);
  await supabase.sql("select public.switchyard_purge_records($1::uuid, 2)", [ann.id]);
  expect((await usage()).records).toBe(3);
  await supabase.sql("select public.switchyard_purge_records($1::uuid, 100)", [ann.id]);
  expect(await supabase.sql("select from switchyard.user_usage where user_id = $1", [ann.id])).toEqual([]);
});

test("nobody reads or changes counts or quotas with a user's token", async () => {
  value(await repository().create({ name: "a" }));
  const mine = rest();
  for (const [name, given] of [
    ["switchyard_usage", { p_user_id: ann.id }],
    ["switchyard_set_quotas", { p_records: null, p_bytes: null }],
  ] as const)
    expect((await mine.rpc(name, given)).error?.code).toMatch(/^(42501|PGRST202)$/);
  for (const table of ["user_usage", "quotas"]) {
    expect((await mine.from(table).select()).error).not.toBeNull();
    expect(
      (
        await mine
          .schema("switchyard" as never)
          .from(table)
          .select()
      ).error,
    ).not.toBeNull();
    const [may] = await supabase.sql(
      `select has_table_privilege('authenticated', 'switchyard.${table}', 'select, insert, update, delete') as some,
         relrowsecurity as secured from pg_class where oid = 'switchyard.${table}'::regclass`,
    );
    expect(may).toEqual({ some: false, secured: true });
  }
  const unchanged = await supabase.sql("select records::int, bytes::int from switchyard.quotas");
  expect(unchanged).toEqual([DEFAULT_QUOTA]);
});
