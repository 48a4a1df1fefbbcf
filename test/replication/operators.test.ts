/** What operators see and do by the API about rows that were set aside, and about those that were changed on both sides. */
import { randomUUID } from "node:crypto";
import { MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { isTwoWay } from "../../shared/definition/define.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type Caller, callerOf } from "../attack/caller.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { newUser } from "../setup/users.ts";
import { createNote, type Note } from "./note.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let api: ApiInstance;
/** whose MongoDB is at a port where nobody listens */
let without: ApiInstance;
let mongo: MongoClient;
let ask: Caller;
let askWithout: Caller;
let woken = 0;
beforeAll(async () => {
  system = await startReplication();
  const mongoUri = await preparedMongo("set_aside");
  mongo = new MongoClient(mongoUri);
  const on = system.supabase;
  api = await startApi({ on, mongoUri, replicate: async () => void woken++ });
  without = await startApi({ on, mongoUri: NOWHERE, more: { DATABASE_CONNECT_MS: "1000" } });
  const admin = await newUser({ home: "supabase", on, appMetadata: { role: "admin" } });
  ask = callerOf(api, admin);
  askWithout = callerOf(without, admin);
});
afterAll(async () => {
  await mongo?.close();
  await api?.close();
  await without?.close();
  await system?.stop();
});

const reason = "asked by the owner";
const NOWHERE = "mongodb://127.0.0.1:9/none?directConnection=true";

describe("rows that were set aside", () => {
  const both = allCollections.filter(isTwoWay);
  const there = () => mongo.db().collection(String(both[0]?.name));
  const id = randomUUID();
  beforeEach(async () => {
    await system.sql("delete from switchyard.replication_failures");
    await system.sql(
      `insert into switchyard.replication_failures (collection, row_id, attempts, error, due_at, is_dead)
       select 'senders', gen_random_uuid(), 8, 'refused ' || n, now(), n <= 3 from generate_series(1, 4) n`,
    );
    await there().deleteMany({});
    // a tombstone: nothing else about it matters to the validator
    const _dirty = { dead: true, attempts: 8, error: "a rule", due: new Date() };
    await there().insertOne({ _id: new UUID(id) as never, _deleted_at: new Date(), _dirty });
  });

  test("are listed of both sides, page after page, and tried again, which is asked for first", async () => {
    const first = await ask("GET", "/admin/replication/dead?limit=2");
    expect([first.status, first.body]).toEqual([
      200,
      {
        items: [expect.objectContaining({ collection: "senders", attempts: 8 }), expect.anything()],
        next_cursor: expect.any(String),
        way_back: [{ collection: both[0]?.name, id, attempts: 8, error: "a rule" }],
      },
    ]);
    const next = await ask("GET", `/admin/replication/dead?limit=2&cursor=${first.body.next_cursor}`);
    expect(next.body).toMatchObject({ items: [{ collection: "senders" }], next_cursor: null, way_back: [] });
    const ids = [...first.body.items, ...next.body.items].map((row: { id: string }) => row.id);
    expect(ids).toEqual([...new Set(ids)].sort());

    const path = "/admin/replication/dead/retry";
    // those that are only failing, too
    expect((await ask("POST", `${path}?dry_run=true`, { reason })).body).toEqual({ count: 5, refused: [] });
    const before = woken;
    const tried = await ask("POST", path, { reason });
    expect([tried.status, tried.body]).toEqual([202, { count: 5, missing: [] }]);
    await api.settled();
    expect(woken).toBe(before + 1);
    expect((await ask("GET", "/admin/replication/dead")).body).toMatchObject({ items: [], way_back: [] });
  });

  test("of a MongoDB that does not answer are not known, and those of the other side are", async () => {
    const { status, body } = await askWithout("GET", "/admin/replication/dead");
    expect([status, body.items.length, body.way_back]).toEqual([200, 3, null]);
    const path = "/admin/replication/dead/retry";
    expect((await askWithout("POST", path, { reason })).body).toEqual({ count: 4, missing: ["mongodb"] });
  });
});

describe("a record that was changed in both databases", () => {
  let note: Note;
  const listed = async (query = "") => (await ask("GET", `/admin/replication/conflicts${query}`)).body.items;
  beforeEach(async () => {
    await system.sql("delete from switchyard.conflicts");
    note = createNote(system);
    await note.make();
    await system.drain();
    await note.changeHere("Here");
    await note.change({ text: "There" }, note.apart(60_000));
    await note.settled("There");
  });

  test("is shown with both versions, and the one that did not stay is written anew where that is chosen", async () => {
    const [found] = await listed();
    expect(found).toMatchObject({
      collection: "notes",
      row_id: note.id,
      state: "open",
      decided_at: null,
      winner: { row: { text: "There" } },
      loser: { row: { text: "Here" } },
    });
    const path = `/admin/replication/conflicts/${found.id}/resolve`;
    const choice = { choose: "loser", reason };
    expect((await ask("POST", `${path}?dry_run=true`, choice)).body).toEqual({ state: "loser", version: null });
    await note.settled("There");
    const { body } = await ask("POST", path, choice);
    expect(body).toEqual({ state: "loser", version: expect.any(Number) });
    expect(body.version).toBeGreaterThan(found.winner.version);
    await note.settled("Here");
    expect((await ask("POST", path, choice)).body).toMatchObject({ status: 422, code: "invalid_input" });
    expect((await ask("POST", `${path}?dry_run=true`, choice)).body).toMatchObject({ status: 422 });
    expect(await listed()).toEqual([]);
    expect(await listed("?all=true")).toMatchObject([{ state: "loser", decided_at: expect.stringMatching(/Z$/) }]);
    const [, line] = (await ask("GET", `/admin/audit?action=resolve`)).body.items;
    expect(line).toMatchObject({
      subjects: [String(found.id)],
      reason,
      asked: { choose: "loser" },
      outcome: { status: 200, affected: 1 },
    });
  });

  test("stays as it is where that is chosen, and one that there is not is not found", async () => {
    const [{ id }] = await listed();
    const resolve = (of: number) =>
      ask("POST", `/admin/replication/conflicts/${of}/resolve`, { choose: "winner", reason });
    expect((await resolve(id)).body).toEqual({ state: "winner", version: null });
    await note.settled("There");
    expect((await resolve(999_999)).status).toBe(404);
    expect((await ask("POST", "/admin/replication/conflicts/1/resolve", { choose: "winner" })).status).toBe(422);
  });

  test("is one of a page", async () => {
    await system.sql(
      `insert into switchyard.conflicts (collection, row_id, kept, other) select 'notes', gen_random_uuid(), kept, other
       from switchyard.conflicts, generate_series(1, 2)`,
    );
    const { body } = await ask("GET", "/admin/replication/conflicts?limit=2");
    expect(body.items.length).toBe(2);
    expect(await listed(`?limit=2&cursor=${body.next_cursor}`)).toHaveLength(1);
  });
});
