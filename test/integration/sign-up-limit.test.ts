/** Sign-ups counted by address in Postgres, where they happen. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { serviceClient, userClient } from "../../shared/postgres/client.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { newUser } from "../setup/users.ts";

let database: OwnDatabase;
beforeAll(async () => {
  database = await startOwnDatabase();
});
afterAll(() => database?.stop());

const LIMIT = 3;
const service = () => serviceClient({ SUPABASE_URL: database.url, SUPABASE_SECRET_KEY: database.secretKey }, {});
/** Whether it may go on. */
const signUp = async (address: string, id: string = crypto.randomUUID()) =>
  (
    await callSystem<boolean>(service(), "switchyard_count_sign_up", { p_id: id, p_address: address, p_limit: LIMIT })
  )._unsafeUnwrap();
const several = async (n: number, address: (index: number) => string) => {
  const all: boolean[] = [];
  for (let index = 0; index < n; index++) all.push(await signUp(address(index)));
  return all;
};

test("an address has so many within an hour, and others have their own", async () => {
  expect(await several(4, () => "192.0.2.1")).toEqual([true, true, true, false]);
  expect(await signUp("192.0.2.2")).toBe(true);
  expect(await signUp("::ffff:192.0.2.1")).toBe(false);
  await database.sql(
    "update switchyard.sign_ups set at = now() - interval '61 minutes' where network = '192.0.2.1/32'",
  );
  expect(await signUp("192.0.2.1")).toBe(true);
  expect(
    await database.sql("select count(*)::int as left from switchyard.sign_ups where at < now() - interval '1 hour'"),
  ).toEqual([{ left: 0 }]);
});

test("of IPv6 the /64 counts", async () => {
  expect(await several(4, (n) => `2001:db8:0:1::${n}`)).toEqual([true, true, true, false]);
  expect(await signUp("2001:db8:0:2::1")).toBe(true);
});

test("a call that Auth repeats is one sign-up", async () => {
  const id = crypto.randomUUID();
  for (let call = 0; call < 5; call++) expect(await signUp("192.0.2.3", id)).toBe(true);
  expect(await several(3, () => "192.0.2.3")).toEqual([true, true, false]);
});

test("at the same time the limit is one", async () => {
  const all = await Promise.all(Array.from({ length: 12 }, () => signUp("192.0.2.4")));
  expect(all.filter(Boolean)).toHaveLength(LIMIT);
});

test("what is no address of the internet is not counted", async () => {
  for (const address of ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::1", "no address", ""])
    expect([address, await several(LIMIT + 1, () => address)]).toEqual([address, [true, true, true, true]]);
});

test("users neither count nor read it", async () => {
  const user = await newUser({ home: "supabase", on: database });
  const client = userClient(
    { SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey },
    user.jwt,
  );
  const parameters = { p_id: crypto.randomUUID(), p_address: "192.0.2.9", p_limit: 1 };
  expect((await client.rpc("switchyard_count_sign_up", parameters)).error).not.toBeNull();
  for (const role of ["anon", "authenticated", "service_role"])
    for (const table of ["sign_ups", "session_uses", "past_cache"])
      expect([
        role,
        table,
        await database.sql(
          `select has_table_privilege($1, 'switchyard.${table}', 'select, insert, update, delete') as some`,
          [role],
        ),
      ]).toEqual([role, table, [{ some: false }]]);
});
