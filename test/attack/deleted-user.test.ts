/** A deleted user's token, on an instance of the API that had no part in the deletion. */
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { servers } from "../setup/servers.ts";
import { newUser, type UserServer } from "../setup/users.ts";
import { type ApiInstance, startApi } from "./api.ts";
import { addressOf } from "./operations.ts";

let on: UserServer;
let api: ApiInstance;
let time = Date.now();
beforeAll(async () => {
  const { supabaseUrl: url, ...rest } = servers();
  on = { ...rest, url };
  api = await startApi({ on, mongoUri: rest.mongoUri, clock: () => time });
});
afterAll(() => api?.close());

const status = async (jwt: string, method = "GET", address = "/api/me", body?: string) =>
  (
    await api.app.request(address, {
      method,
      headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json" },
      ...(body !== undefined && { body }),
    })
  ).status;

test.each([
  ["supabase", false],
  ["supabase", true],
  ["mongodb", false],
  ["mongodb", true],
] as const)("at home in %s (softly: %s): refused by every route within 30 s", async (home, softly) => {
  const user = await newUser({ home, on });
  expect(await status(user.jwt)).toBe(200);
  const { auth } = createClient(on.url, on.secretKey, { auth: { persistSession: false } });
  expect((await auth.admin.deleteUser(user.id, softly)).error).toBeNull();
  time += 30_001;
  for (const operation of api.operations.filter(({ secured }) => secured))
    expect([
      operation.path,
      await status(
        user.jwt,
        operation.method,
        addressOf(operation, crypto.randomUUID()),
        operation.takesBody ? "{}" : undefined,
      ),
    ]).toEqual([operation.path, 401]);
});
