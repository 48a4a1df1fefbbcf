/** Writes that come to the old home after the switch: of a function that was frozen before it sent them to MongoDB. */
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { categories } from "../../shared/collections/categories.ts";
import { contacts } from "../../shared/collections/contacts.ts";
import { expenses } from "../../shared/collections/expenses.ts";
import type { LateWrite } from "../../shared/moves/control.ts";
import { value } from "../contract/store.ts";
import { mongoRepositories } from "../setup/repositories.ts";
import { newUser } from "../setup/users.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
let old: MongoClient;
beforeAll(async () => {
  system = await startMovingSystem("late");
  old = new MongoClient(system.env.MONGODB_URI ?? "");
});
afterAll(async () => {
  await old?.close();
  await system?.stop();
});

/** The next look for what came late, now. */
async function look(userId: string): Promise<LateWrite[]> {
  await system.control.sql("update switchyard.tasks set due_at = now() where queue = 'move' and done_at is null");
  return (await system.finish(userId)).detail.late ?? [];
}

/** What the operator sees of it, by the API and by the command. */
async function shown(userId: string): Promise<{ counts: unknown; said: string }> {
  const admin = await newUser<string>({ home: "supabase", on: system.control, appMetadata: { role: "admin" } });
  const { body } = await system.callerOf(admin)("GET", `/admin/moves?user=${userId}`);
  const said: string[] = [];
  const out = (text: string) => void said.push(text);
  await runCommand(["homes", "moves", "status", userId], { env: system.env, out, err: out });
  return { counts: body.items[0].late, said: said.join("\n").trim() };
}

describe.each(["supabase", "atlas"])("from mongodb to %s", (to) => {
  async function moved() {
    const user = await system.user("mongodb");
    const call = system.callerOf(user);
    // as the one that was frozen has it: it knows nothing of a move
    const { repository } = mongoRepositories({ db: old.db(), userId: user.id });
    const made = async (path: string, body: object) => {
      const answer = await call("POST", path, body);
      expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
      return answer.body;
    };
    const [ann, bob, cid] = [
      await made("/contacts", { name: "Ann" }),
      await made("/contacts", { name: "Bob" }),
      await made("/contacts", { name: "Cid" }),
    ];
    const food = await made("/categories", { name: "Food", kind: "expense" });
    const rent = await made("/categories", { name: "Rent", kind: "expense" });
    expect((await system.move(user.id, to)).state).toBe("kept");
    return { user, call, repository, made, ann, bob, cid, food, rent };
  }

  test("what contradicts nothing goes to the new home as it was written, and once", async () => {
    const { user, call, repository, ann, bob, food } = await moved();
    const spent = { amount: "12.50", currency: "EUR", date: "2026-01-01", category_id: food.id };
    const created = value(await repository(expenses).create(spent));
    const changed = value(await repository(contacts).update(ann.id, { note: "late" }));
    value(await repository(contacts).delete(bob.id));
    const late = await look(user.id);
    expect(late).toHaveLength(3);
    expect(late.every(({ outcome }) => outcome === "forwarded")).toBe(true);
    expect(await shown(user.id)).toEqual({
      counts: { forwarded: 3, conflict: 0, open: 0 },
      said: expect.stringMatching(/Writes that came late: 3 made in the new home\.$/),
    });

    expect((await call("GET", `/expenses/${created.id}`)).body).toMatchObject({
      amount: "12.50",
      version: created.version,
    });
    const there = await call("GET", `/contacts/${ann.id}`);
    expect([there.body.note, there.headers.get("etag")]).toEqual(["late", `"${changed.version}"`]);
    expect((await call("GET", `/contacts/${bob.id}`)).status).toBe(404);

    // what is done there since stays
    expect((await call("PATCH", `/contacts/${ann.id}`, { note: "since" })).status).toBe(200);
    expect((await call("DELETE", `/expenses/${created.id}`)).status).toBe(204);
    expect(await look(user.id)).toEqual(late);
    expect((await call("GET", `/contacts/${ann.id}`)).body.note).toBe("since");
    expect((await call("GET", `/expenses/${created.id}`)).status).toBe(404);
  });

  test.each(["made", "given up"])("it goes there before a way back, too, which is %s", async (ending) => {
    const { user, call, repository, ann, bob, cid } = await moved();
    const since = await call("PATCH", `/contacts/${cid.id}`, { note: "since" });
    const created = value(await repository(contacts).create({ name: "Late" }));
    const changed = value(await repository(contacts).update(ann.id, { note: "late" }));
    value(await repository(contacts).delete(bob.id));
    value(await repository(contacts).update(cid.id, { note: "late" }));
    await system.moves.start([user.id], "mongodb", "test");
    if (ending === "given up") await system.moves.abort([user.id]);
    const { state, detail } = await system.finish(user.id);
    expect(state).toBe(ending === "made" ? "kept" : "aborted");
    const outcomes = new Map(detail.late?.map(({ id, outcome }) => [id, outcome]));
    expect(outcomes).toEqual(
      new Map([
        [created.id, "forwarded"],
        [ann.id, "forwarded"],
        [bob.id, "forwarded"],
        [cid.id, "conflict"],
      ]),
    );
    expect((await call("GET", `/contacts/${created.id}`)).body).toMatchObject({
      name: "Late",
      version: created.version,
    });
    expect((await call("GET", `/contacts/${ann.id}`)).body).toMatchObject({ note: "late", version: changed.version });
    expect((await call("GET", `/contacts/${bob.id}`)).status).toBe(404);
    expect((await call("GET", `/contacts/${cid.id}`)).body).toEqual(since.body);
  });

  test("what contradicts what the new home has since is listed with both versions, and changes nothing there", async () => {
    const { user, call, repository, made, ann, bob, cid, food, rent } = await moved();
    const since = await call("PATCH", `/contacts/${ann.id}`, { note: "since" });
    expect((await call("DELETE", `/contacts/${bob.id}`)).status).toBe(204);
    expect((await call("DELETE", `/categories/${rent.id}`)).status).toBe(204);
    const used = await made("/expenses", { amount: "1", currency: "EUR", date: "2026-01-01", category_id: food.id });
    expect((await call("PATCH", `/contacts/${cid.id}`, { note: "since" })).status).toBe(200);

    const changed = value(await repository(contacts).update(ann.id, { note: "late" }));
    value(await repository(contacts).update(bob.id, { note: "late" }));
    const spent = { amount: "1", currency: "EUR", date: "2026-01-01", category_id: rent.id };
    const orphan = value(await repository(expenses).create(spent));
    value(await repository(categories).delete(food.id));
    value(await repository(contacts).delete(cid.id));
    const late = await look(user.id);
    const of = (id: string) => late.find((one) => one.id === id);
    expect(of(ann.id)).toEqual({
      ...{ collection: "contacts", id: ann.id, version: changed.version, outcome: "conflict" },
      ...{ present: since.body.version, reason: "the new home has another version of it" },
    });
    expect(of(bob.id)).toMatchObject({ outcome: "conflict", present: expect.any(Number) });
    expect(of(cid.id)).toMatchObject({ outcome: "conflict", present: expect.any(Number) });
    const unfit = { outcome: "conflict", reason: expect.stringContaining("refers") };
    expect(of(orphan.id)).toMatchObject({ ...unfit, present: null });
    expect(of(food.id)).toMatchObject({ ...unfit, present: food.version });
    expect(late).toHaveLength(5);
    expect(await shown(user.id)).toEqual({
      counts: { forwarded: 0, conflict: 5, open: 0 },
      said: expect.stringMatching(
        /came late: 5 in conflict with it, which are for you to decide \(--json names them\)\.$/,
      ),
    });

    expect((await call("GET", `/contacts/${ann.id}`)).body).toEqual(since.body);
    expect((await call("GET", `/contacts/${bob.id}`)).status).toBe(404);
    expect((await call("GET", `/contacts/${cid.id}`)).body.note).toBe("since");
    expect((await call("GET", `/expenses/${orphan.id}`)).status).toBe(404);
    expect((await call("GET", `/categories/${food.id}`)).status).toBe(200);
    expect((await call("GET", `/expenses/${used.id}`)).body.category_id).toBe(food.id);
    expect(await look(user.id)).toEqual(late);
  });
});
