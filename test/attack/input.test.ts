/** Hostile input over HTTP, to both databases: answers that the document describes, and what is refused leaves no trace. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { filedCollections } from "../../shared/collections/index.ts";
import { encodeCursor } from "../../shared/contract/cursor.ts";
import { DEFAULT_SORT } from "../../shared/contract/query.ts";
import { byName, every, sample } from "../contract/suite/samples.ts";
import type { TestUser } from "../setup/users.ts";
import { refusedBodies, refusedValues } from "./hostile-bodies.ts";
import { refusedQueries, refusedSummaries } from "./hostile-queries.ts";
import { type Answer, HOMES, type Sent, startTwoHomes, type TwoHomes } from "./two-homes.ts";

/** No refusal is a means to make us send more than this. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** `If-Match` that no record fits, and how it is answered: 400 where it is no list of tags. */
const TAGS: Readonly<Record<string, number[]>> = {
  "": [400],
  "1": [400],
  '"open': [400],
  "*, *": [400],
  "W/": [400],
  "\u00e4": [400],
  '"a" "b"': [400],
  '""': [412],
  '"*"': [412],
  'W/"1"': [412],
  '"0"': [412],
  '"-1"': [412],
  '"1e3"': [412],
  '"9007199254740993"': [412],
  '"9999999999999999"': [412],
  '"99999999999999999999"': [412],
  '"$gt"': [412],
  '"1 or 1=1"': [400],
  [`"1"${', "2"'.repeat(1_500)}`]: [412],
};

let system: TwoHomes;
beforeAll(async () => {
  system = await startTwoHomes();
});
afterAll(() => system?.stop());

const json = { "content-type": "application/json" };
const expense = { amount: "1.00", currency: "EUR", date: "2026-03-14" };

describe.each(HOMES)("at home in %s", (home) => {
  let user: TestUser;
  let before: Record<string, string>;
  const send = (sent: Sent) => system.send({ user, ...sent });
  /** Sends it and expects a refusal that is documented; returns its status. */
  async function refused(what: string, sent: Sent, statuses = [400, 422]) {
    const { status, text } = await send(sent);
    expect([what, statuses.includes(status) ? "refused" : `${status} ${text.slice(0, 300)}`]).toEqual([
      what,
      "refused",
    ]);
    expect([what, text.length < MAX_REFUSAL_BYTES]).toEqual([what, true]);
    return status;
  }
  const create = async (name: string, body: object) => {
    const answer = await send({ method: "POST", path: `/api/${name}`, headers: json, body: JSON.stringify(body) });
    expect(answer.status, answer.text).toBe(201);
    return answer.value as Record<string, unknown> & { id: string };
  };

  beforeAll(() => {
    user = system.users[home];
  });
  beforeEach(async () => {
    before = await system.rows();
  });
  const unchanged = async () => expect(await system.rows()).toEqual(before);

  test("bodies are refused", async () => {
    for (const [what, body] of Object.entries(refusedBodies))
      await refused(what, { method: "POST", path: "/api/expenses", headers: json, body }, [400, 413, 422]);
    await unchanged();
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test("values are refused in every field of every collection, on create and on update", async () => {
    const id = crypto.randomUUID();
    for (const { name, fields } of filedCollections)
      for (const [field, { kind }] of Object.entries(fields))
        for (const [what, value] of Object.entries(refusedValues)) {
          // JSON is what it is, operators of somebody's query among it, but for its size
          if (kind === "json" && what !== "much text") continue;
          const said = `${name}.${field}: ${what}`;
          const body = JSON.stringify({ ...sample(name, "minimal"), [field]: value });
          await refused(said, { method: "POST", path: `/api/${name}`, headers: json, body }, [422]);
          const patch = JSON.stringify({ [field]: value });
          await refused(said, { method: "PATCH", path: `/api/${name}/${id}`, headers: json, body: patch }, [422]);
        }
    await unchanged();
  });

  test("queries are refused, in lists, counts and exports", async () => {
    for (const [what, query] of Object.entries(refusedQueries))
      for (const route of ["", "/count", "/export.csv"])
        await refused(`${route}: ${what}`, { path: `/api/expenses${route}?${query}` }, [400]);
    for (const [what, query] of Object.entries({ ...refusedSummaries }))
      await refused(what, { path: `/api/expenses/summary?${query}` }, [400]);
    for (const query of ["from=2026-01-01", "from=x&to=y", "from=2026-01-01&to=2026-01-31&by=__proto__", "from[$gt]=1"])
      await refused(query, { path: `/api/reports/spending?${query}` }, [400]);
    await unchanged();
  });

  test("conditions and keys in headers are refused, or apply to nothing", async () => {
    const { id } = await create("contacts", { name: "Ann" });
    const path = `/api/contacts/${id}`;
    const body = JSON.stringify({ name: "taken" });
    before = await system.rows();
    for (const [tags, statuses] of Object.entries(TAGS))
      for (const method of ["PATCH", "DELETE"]) {
        const headers = { ...json, "if-match": tags };
        await refused(
          `${method} ${tags.slice(0, 60)}`,
          { method, path, headers, ...(method === "PATCH" && { body }) },
          statuses,
        );
      }
    for (const tags of ["", "1", '"open', "*, *", "ä", "W/", '"a" "b"'])
      await refused(`If-None-Match: ${tags}`, { path, headers: { "if-none-match": tags } }, [400]);
    const { headers } = await send({ path });
    expect((await send({ path, headers: { "if-none-match": headers.get("etag") ?? "" } })).status).toBe(304);
    for (const key of ["", "x".repeat(256), "\u00e9", "a\tb"])
      await refused(
        `key ${key}`,
        { method: "POST", path: "/api/contacts", headers: { ...json, "idempotency-key": key }, body },
        [400],
      );
    await unchanged();
    for (const key of ["$gt", "__proto__", '{"a":1}', "' or 1=1", "x".repeat(255), "%00"]) {
      const headers = { ...json, "idempotency-key": key };
      const tries: Answer[] = [];
      for (let n = 0; n < 2; n++) tries.push(await send({ method: "POST", path: "/api/contacts", headers, body }));
      expect(tries.map(({ status, value }) => [status, value.id])).toEqual(
        [201, 201].map((status) => [status, tries[0]?.value.id]),
      );
    }
  });

  test("text with a meaning elsewhere is text here", async () => {
    const texts = [
      "$amount",
      "$$ROOT",
      "{$gt: 0}",
      "a.b",
      "'; drop table expenses; --",
      "%_\\",
      ".*",
      "(((",
      "__proto__",
    ];
    for (const text of texts) {
      const made = await create("expenses", { ...expense, description: text, tags: [text] });
      expect([made.description, made.tags]).toEqual([text, [text]]);
      const patch = { description: `${text}!`, payment_method: text };
      const path = `/api/expenses/${made.id}`;
      const changed = await send({ method: "PATCH", path, headers: json, body: JSON.stringify(patch) });
      expect(changed.value).toMatchObject(patch);
      for (const query of [`payment_method=${encodeURIComponent(text)}`, `q=${encodeURIComponent(text)}`]) {
        const { value } = await send({ path: `/api/expenses?${query}` });
        expect([text, value.items.map(({ id }: { id: string }) => id)]).toEqual([text, [made.id]]);
      }
      expect((await send({ method: "DELETE", path })).status).toBe(204);
    }
  });

  test("the longest texts are kept, found, sorted by and paged through", async () => {
    // letters that no compression makes small, four bytes each: what an index entry may not hold shows here
    const long = (length: number) =>
      Array.from({ length }, () => String.fromCodePoint(0x20000 + Math.floor(Math.random() * 0xa000))).join("");
    const parents = new Map<string, string>();
    // one record for each condition that a reference has for what it refers to
    const parentOf = async (target: string, where: Record<string, unknown> | undefined): Promise<string> => {
      const key = `${target} ${JSON.stringify(where)}`;
      const body: Record<string, unknown> = { ...sample(target, "minimal"), ...where };
      for (const [field, { references, required, where: wanted }] of Object.entries(byName(target).fields))
        if (references && required) body[field] = await parentOf(references, wanted);
      const id = parents.get(key) ?? (await create(target, body)).id;
      parents.set(key, id);
      return id;
    };
    for (const name of every) {
      const { fields, sorts } = byName(name);
      const made: string[] = [];
      const most = byName(name).unique.some(({ length }) => length === 0) ? 1 : 3;
      for (let copies = 0; copies < most; copies++) {
        const body: Record<string, unknown> = sample(name, "minimal");
        for (const [field, { kind, maxLength = 0, references, where, maxItems = 0 }] of Object.entries(fields)) {
          if (kind === "text" && field !== "email") body[field] = long(maxLength);
          if (kind === "tags") body[field] = Array.from({ length: maxItems }, () => long(maxLength));
          if (references) body[field] = await parentOf(references, where);
        }
        const record = await create(name, body);
        made.push(record.id);
        for (const [field, { kind }] of Object.entries(fields))
          if (kind === "text" && body[field] !== undefined && String(body[field]).length < 500) {
            const { value, text } = await send({
              path: `/api/${name}?${field}=${encodeURIComponent(String(body[field]))}`,
            });
            expect(value.items, text).toBeDefined();
            expect(value.items.map(({ id }: { id: string }) => id)).toContain(record.id);
          }
      }
      for (const sort of sorts) {
        const found: string[] = [];
        for (let cursor = ""; ; ) {
          const { value, text } = await send({ path: `/api/${name}?sort=-${sort}&limit=1${cursor}` });
          expect(value.items, text).toHaveLength(1);
          found.push(value.items[0].id);
          if (value.next_cursor === null) break;
          cursor = `&cursor=${value.next_cursor}`;
        }
        expect(found).toEqual(expect.arrayContaining(made));
      }
    }
  });

  describe("cursors", () => {
    const list = (path: string, cursor: string, as = user) =>
      system.send({ user: as, path: `${path}&cursor=${encodeURIComponent(cursor)}` });
    const path = "/api/contacts?limit=1&sort=name";
    let cursor: string;
    beforeAll(async () => {
      for (const name of ["a", "b", "c"]) await create("contacts", { name });
      cursor = (await send({ path })).value.next_cursor;
    });

    test("of another collection, query, order or user are refused", async () => {
      expect((await list(path, cursor)).status).toBe(200);
      expect((await list(`${path}&limit=2`.replace("limit=1&", ""), cursor)).status).toBe(200);
      for (const other of [
        "/api/categories?limit=1&sort=name",
        "/api/contacts?limit=1",
        "/api/contacts?limit=1&sort=-name",
        "/api/contacts?limit=1&sort=created_at",
        `${path}&name=a`,
        `${path}&q=a`,
      ])
        expect([other, (await list(other, cursor)).value.code]).toEqual([other, "invalid_cursor"]);
      for (const other of [await system.newUser(home), system.users[home === "supabase" ? "mongodb" : "supabase"]])
        expect((await list(path, cursor, other)).value.code).toBe("invalid_cursor");
    });

    test("with a bit changed or a piece cut off are refused or harmless", async () => {
      const bits = Buffer.from(cursor);
      for (let at = 0; at < bits.length; at++) {
        const changed = Buffer.from(bits);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
        expect([200, 400]).toContain((await list(path, changed.toString("latin1"))).status);
        if (at % 5 === 0) expect((await list(path, cursor.slice(0, at))).value.code).toBe("invalid_cursor");
      }
    });

    test("that someone makes for themselves are refused or harmless, whatever key they hold", async () => {
      const id = crypto.randomUUID();
      const keys = [
        null,
        true,
        1,
        1.5,
        -1,
        2 ** 60,
        "",
        "$gt",
        "a\u0000b",
        "\ud800",
        "x".repeat(3_000),
        "NaN",
        "1e400",
      ];
      const more = [
        "1.5",
        "0",
        "-1",
        "0001-01-01",
        "9999-99-99",
        "+275760-09-13T00:00:00.000Z",
        "2026-01-01T00:00:00+23:59",
      ];
      const wrong: unknown[] = [[], {}, { $gt: "" }, [[1]], { toString: 1 }];
      for (const { name, sorts } of filedCollections)
        for (const field of sorts)
          for (const key of [...keys, ...more, ...wrong]) {
            const query = { filters: [], q: undefined, sort: { ...DEFAULT_SORT, field }, limit: 50 };
            const made = encodeCursor(user.id, byName(name), query, { created_at: id, [field]: key, id });
            const answer = await list(`/api/${name}?sort=-${field}`, made);
            expect([field, key, [200, 400].includes(answer.status)]).toEqual([field, key, true]);
          }
    });
  });
});
