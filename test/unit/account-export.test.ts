/** The export of an account: all of it, page by page, and never a cut file that looks whole. */
import { ok } from "neverthrow";
import { expect, test, vi } from "vitest";
import { accountExport } from "../../api/_account-export.ts";
import { collections } from "../../shared/collections/index.ts";
import { busy, fail, unavailable } from "../../shared/contract/errors.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { memoryApi, token } from "./api-memory.ts";

const two = [collections.categories, collections.contacts] as unknown as Collection[];
const textOf = (stream: ReadableStream<Uint8Array>) => new Response(stream).text();

/** A collection's pages, by cursor; what comes instead of the second. */
const paged = (name: string, second?: () => ReturnType<typeof fail>) => ({
  list: vi.fn(async ({ cursor }: { cursor?: string | undefined }) =>
    cursor === undefined
      ? ok({ items: [{ id: `${name} 1` }], next_cursor: "more" })
      : (second?.() ?? ok({ items: [{ id: `${name} 2` }], next_cursor: null })),
  ),
});
const options = (second?: () => ReturnType<typeof fail>) => ({
  about: { account: { id: "ann" } },
  collections: two,
  open: async ({ name }: Collection) => paged(name, second) as never,
  ledger: [
    {
      name: "accounts",
      pages: async function* () {
        yield [{ id: "EUR" }];
      },
    },
    {
      name: "transfers",
      pages: async function* () {
        yield [{ id: "t1" }];
        yield [{ id: "t2" }];
        yield [];
      },
    },
  ],
  wait: async () => {},
});

test("has every page of every collection, and says at its end that it is whole", async () => {
  expect(JSON.parse(await textOf(await accountExport(options())))).toEqual({
    account: { id: "ann" },
    collections: {
      categories: [{ id: "categories 1" }, { id: "categories 2" }],
      contacts: [{ id: "contacts 1" }, { id: "contacts 2" }],
    },
    ledger: { accounts: [{ id: "EUR" }], transfers: [{ id: "t1" }, { id: "t2" }] },
    complete: true,
  });
});

test("of collections without records has empty lists", async () => {
  const none = { list: async () => ok({ items: [], next_cursor: null }) };
  const file = await accountExport({ ...options(), open: async () => none as never });
  expect(JSON.parse(await textOf(file)).collections).toEqual({ categories: [], contacts: [] });
});

test("ends with an error when a page cannot be read, and what was sent is no JSON", async () => {
  const reader = (await accountExport(options(() => fail(unavailable("away"))))).getReader();
  let sent = "";
  const decoder = new TextDecoder();
  const all = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      sent += decoder.decode(value);
    }
  };
  await expect(all()).rejects.toThrow("away");
  expect(sent).toContain("categories 1");
  expect(() => JSON.parse(sent)).toThrow();
});

test("rejects before anything is sent when the first page cannot be read", async () => {
  const list = async () => fail(unavailable("away"));
  await expect(accountExport({ ...options(), open: async () => ({ list }) as never })).rejects.toThrow("away");
});

test("asks a busy database for the page again", async () => {
  let tries = 0;
  const second = () => {
    tries += 1;
    return tries < 3 ? fail(busy("busy")) : (ok({ items: [], next_cursor: null }) as never);
  };
  expect(JSON.parse(await textOf(await accountExport(options(second)))).complete).toBe(true);
});

test("stops reading when nobody listens any more", async () => {
  const opened: string[] = [];
  const open = async ({ name }: Collection) => {
    opened.push(name);
    return paged(name) as never;
  };
  const reader = (await accountExport({ ...options(), open })).getReader();
  await reader.read();
  await reader.cancel();
  expect(opened).toEqual(["categories"]);
});

test("over HTTP is a file, and a problem while the account cannot be read", async () => {
  const account = { id: "11111111-1111-4111-8111-111111111111", email: "ann@example.com" };
  const assignment = { database_provider: "mongodb", epoch: 1, assigned_at: "2026-01-01", reason: "least_used" };
  const kept = { private_profile: { kyc_status: "none", wallet_address: null }, homes: [], moves: [], sessions: [] };
  const control = async (_: string, name: string) => ok(name === "switchyard_account_export" ? kept : []);
  const headers = { authorization: `Bearer ${await token()}` };
  const there = memoryApi({
    router: {
      getAccount: async () => ok(account as never),
      getAssignment: async () => ok(assignment as never),
      control: control as never,
    },
  });
  const response = await there.app.request("/api/me/export", { headers });
  expect(response.headers.get("content-type")).toMatch("application/json");
  expect(response.headers.get("content-disposition")).toBe('attachment; filename="account.json"');
  expect(await response.json()).toMatchObject({ account, home: { database: "mongodb" }, ...kept, complete: true });

  const away = memoryApi({ router: { getAccount: async () => fail(unavailable("away")) } });
  expect((await away.app.request("/api/me/export", { headers })).status).toBe(503);
  const empty = memoryApi({
    failing: () => unavailable("away"),
    router: {
      getAccount: async () => ok(account as never),
      getAssignment: async () => ok(assignment as never),
      control: control as never,
    },
  });
  expect((await empty.app.request("/api/me/export", { headers })).status).toBe(503);
});
