/** Listings and exports that begin before their user moves and end after. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Caller } from "../attack/caller.ts";
import type { TestUser } from "../setup/users.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("crossing");
});
afterAll(() => system?.stop());

/** Pages of exports have 200: what is read before the move, what was read ahead, and more. */
const RECORDS = 700;
/** How many of them an export has, CSV or JSON, whole or not. */
const foundIn = (text: string) => text.match(/"c0\d{3}"/g)?.length ?? 0;
const WAYS = [
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
] as const;

async function fill(call: Caller): Promise<string[]> {
  const operations = Array.from({ length: RECORDS }, (_, at) => ({
    op: "create",
    body: { id: crypto.randomUUID(), name: `c${String(at).padStart(4, "0")}` },
  }));
  for (let from = 0; from < RECORDS; from += 350) {
    const { body } = await call("POST", "/contacts/batch", { operations: operations.slice(from, from + 350) });
    expect(body.results.filter(({ status }: { status: number }) => status !== 201)).toEqual([]);
  }
  return operations.map(({ body }) => body.id).sort();
}

/** Reads until the first page of contacts is there; the rest of the answer when it is asked for. */
async function begin(user: TestUser<string>, path: string) {
  const response = await system.api.app.request(`/api${path}`, { headers: { authorization: `Bearer ${user.jwt}` } });
  expect(response.status).toBe(200);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  const read = async () => {
    const { done, value } = await reader.read();
    text += decoder.decode(value, { stream: true });
    return !done;
  };
  while (foundIn(text) === 0) expect(await read()).toBe(true);
  return {
    async rest() {
      while (await read());
      return text;
    },
    soFar: () => text,
  };
}
const idsInCsv = (text: string) =>
  text
    .split("\r\n")
    .slice(1)
    .flatMap((line) => line.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/)?.[0] ?? [])
    .sort();
function idsInJson(text: string): string[] {
  const { collections, complete } = JSON.parse(text);
  expect(complete).toBe(true);
  return collections.contacts.map(({ id }: { id: string }) => id).sort();
}

describe.each(WAYS)("from %s to %s", (from, to) => {
  test("every record is there once, in a listing and in both exports, and also when the old copy is gone by then", async () => {
    const user = await system.user(from);
    const call = system.callerOf(user);
    const ids = await fill(call);
    const listed: string[] = [];
    let cursor: string | null = "";
    const page = async () => {
      const { status, body } = await call("GET", `/contacts?sort=-name&limit=200${cursor && `&cursor=${cursor}`}`);
      expect(status).toBe(200);
      listed.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor === null ? null : encodeURIComponent(body.next_cursor);
    };
    await page();
    const [csv, json] = [await begin(user, "/contacts/export.csv"), await begin(user, "/me/export")];

    expect((await system.move(user.id, to)).state).toBe("kept");
    expect((await system.moves.clean([user.id]))._unsafeUnwrap()).toBe(1);
    expect((await system.finish(user.id)).state).toBe("cleaned");
    // what is new since may be there or not, and disturbs nothing
    expect((await call("POST", "/contacts", { name: "c0000 and later" })).status).toBe(201);

    while (cursor !== null) await page();
    const known = new Set(ids);
    const once = (found: string[]) => found.filter((id) => known.has(id)).sort();
    expect(once(listed)).toEqual(ids);
    expect(once(idsInCsv(await csv.rest()))).toEqual(ids);
    expect(once(idsInJson(await json.rest()))).toEqual(ids);
  });

  test("an export that cannot go on breaks, and does not end", async () => {
    const user = await system.user(from);
    await fill(system.callerOf(user));
    const begun = [await begin(user, "/contacts/export.csv"), await begin(user, "/me/export")];
    expect((await system.move(user.id, to)).state).toBe("kept");
    // where nobody here can read
    await system.control.sql("select public.switchyard_add_database('nowhere', 'mongodb', 6)");
    await system.control.sql(
      `update public.user_database_assignments set database_provider = 'nowhere', epoch = 3 where user_id = '${user.id}'`,
    );
    const copy = await system.registry.get(to)?.copy();
    const fence = { home: "nowhere", epoch: 3, state: "active", turn: Number.MAX_SAFE_INTEGER } as const;
    await copy?.setFence(user.id, fence, 1_000);
    for (const { rest, soFar } of begun) {
      await expect(rest()).rejects.toThrow();
      expect(foundIn(soFar())).toBeLessThan(RECORDS);
      expect(soFar()).not.toContain("complete");
    }
  });
});
