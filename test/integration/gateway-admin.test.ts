/** The admin users API of the gateway, through supabase-js. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { address, claimsOf, type Own, ownSupabase } from "./gateway-own.ts";

let supabase: Own;
beforeAll(async () => {
  supabase = await ownSupabase();
});
afterAll(async () => {
  await supabase?.stop();
});

const create = async (email = address("admin")) => {
  const { data, error } = await supabase.service().auth.admin.createUser({
    email,
    password: "correct horse",
    email_confirm: true,
    app_metadata: { role: "admin" },
    user_metadata: { name: "Ada" },
  });
  if (error) throw error;
  return data.user;
};

describe("a user made by an admin", () => {
  test("has a home and can sign in", async () => {
    const user = await create();
    expect(user).toMatchObject({
      app_metadata: { role: "admin", provider: "email", providers: ["email"] },
      user_metadata: { name: "Ada" },
      email_confirmed_at: expect.any(String),
    });
    const { data } = await supabase.browser().auth.signInWithPassword({
      email: user.email ?? "",
      password: "correct horse",
    });
    expect(claimsOf(data.session?.access_token)).toMatchObject({
      sub: user.id,
      app_metadata: { role: "admin", home: expect.any(String) },
    });
  });

  test("is listed, read and updated", async () => {
    const { admin } = supabase.service().auth;
    const user = await create();
    const listed = await admin.listUsers({ page: 1, perPage: 5 });
    expect(listed.data.users.map((each) => each.id)).toContain(user.id);
    expect((await admin.getUserById(user.id)).data.user).toMatchObject({ id: user.id, email: user.email });
    const email = address("changed");
    const updated = await admin.updateUserById(user.id, {
      email,
      password: "another horse",
      user_metadata: { name: null },
    });
    expect(updated.data.user).toMatchObject({ id: user.id, email, user_metadata: {} });
    const signedIn = await supabase.browser().auth.signInWithPassword({ email, password: "another horse" });
    expect(signedIn.error).toBeNull();
  });

  test("gets no token while banned", async () => {
    const { admin } = supabase.service().auth;
    const user = await create();
    const credentials = { email: user.email ?? "", password: "correct horse" };
    await admin.updateUserById(user.id, { ban_duration: "1h" });
    const refused = await supabase.browser().auth.signInWithPassword(credentials);
    expect(refused.error).toMatchObject({ status: 400, code: "user_banned" });
    await admin.updateUserById(user.id, { ban_duration: "none" });
    expect((await supabase.browser().auth.signInWithPassword(credentials)).error).toBeNull();
  });

  test("must have an address of their own", async () => {
    const user = await create();
    const again = await supabase.service().auth.admin.createUser({ email: user.email ?? "" });
    expect(again.error).toMatchObject({ status: 422, code: "email_exists" });
  });
});

describe("deleting", () => {
  test("soft keeps the row without who it was; twice is accepted, and hard after it", async () => {
    const { admin } = supabase.service().auth;
    const user = await create();
    const session = supabase.browser();
    await session.auth.signInWithPassword({ email: user.email ?? "", password: "correct horse" });
    expect((await admin.deleteUser(user.id, true)).error).toBeNull();
    const [row] = await supabase.sql(
      "select email, raw_app_meta_data::text as app, deleted_at is not null as deleted from auth.users where id = $1::uuid",
      [user.id],
    );
    expect(row).toMatchObject({ app: "{}", deleted: true, email: expect.not.stringContaining("@") });
    expect((await session.auth.refreshSession()).error).not.toBeNull();
    expect((await admin.deleteUser(user.id, true)).error).toBeNull();
    expect((await admin.deleteUser(user.id)).error).toBeNull();
    expect((await admin.getUserById(user.id)).error).toMatchObject({ status: 404, code: "user_not_found" });
    // the address is free again
    expect((await create(user.email)).id).not.toBe(user.id);
  });

  test("hard takes the row, the sessions and the identities", async () => {
    const user = await create();
    await supabase.browser().auth.signInWithPassword({ email: user.email ?? "", password: "correct horse" });
    expect((await supabase.service().auth.admin.deleteUser(user.id)).error).toBeNull();
    for (const table of ["identities", "sessions"])
      expect(await supabase.sql(`select 1 from auth.${table} where user_id = $1::uuid`, [user.id])).toEqual([]);
  });
});

test("only the secret key may", async () => {
  const listed = (headers: Record<string, string>) => fetch(`${supabase.url}/auth/v1/admin/users`, { headers });
  expect((await listed({})).status).toBe(401);
  expect((await listed({ apikey: supabase.publishableKey, authorization: "Bearer x" })).status).toBe(403);
  const { data } = await supabase.browser().auth.signUp({ email: address(), password: "correct horse" });
  const asUser = await listed({
    apikey: supabase.publishableKey,
    authorization: `Bearer ${data.session?.access_token}`,
  });
  expect(asUser.status).toBe(403);
});
