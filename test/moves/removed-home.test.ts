/** A home that everybody has left is taken off the list, and what is known of their moves stays. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("removed");
});
afterAll(() => system?.stop());

const PATIENT = { pauseMs: 3_600_000, leaseSeconds: 3_600 };
const remove = () => createAssignments(system.service).removeDatabase("atlas");
const isRefused = async () => (await remove())._unsafeUnwrapErr().message;

test("not while a move leads there, or a copy is kept of one that has led there; then it goes", async () => {
  const coming = await system.user("mongodb");
  await system.moves.start([coming.id], "atlas", "test");
  expect(await isRefused()).toMatch(/Moves to or from "atlas" have not ended: 1\. .*homes moves abort/);
  expect((await system.finish(coming.id, PATIENT)).state).toBe("kept");
  expect(await isRefused()).toMatch(/Users are at home in "atlas": 1\. .*homes move --all-from atlas/);
  // the copy in mongodb, of the move that led to atlas, is kept by whoever knows both
  expect((await system.move(coming.id, "supabase", PATIENT)).state).toBe("kept");
  expect(await isRefused()).toMatch(/have not ended: 2\. .*homes moves clean/);
  expect((await system.moves.clean([coming.id]))._unsafeUnwrap()).toBe(2);
  expect((await system.finish(coming.id, PATIENT)).state).toBe("cleaned");

  expect((await remove()).isOk()).toBe(true);
  expect(await system.control.sql("select name from switchyard.databases where name = 'atlas'")).toEqual([]);
  const moves = (await system.moves.list({ userId: coming.id, ended: true }))._unsafeUnwrap();
  expect(moves.map(({ source, target, state }) => [source, target, state])).toEqual([
    ["atlas", "supabase", "cleaned"],
    ["mongodb", "atlas", "cleaned"],
  ]);
  expect((await system.moves.start([coming.id], "atlas", "test"))._unsafeUnwrapErr().code).toBe("invalid_input");
});

test("not while an import leads there that has not ended; what is known of it stays", async () => {
  const spare = { name: "spare", kind: "mongodb", site: 7 };
  await system.control.sql("select public.switchyard_add_database($1, $2, $3::integer)", Object.values(spare));
  const assignments = createAssignments(system.service);
  const { data: run } = await system.service.rpc("switchyard_import_begin", {
    ...{ p_holder: crypto.randomUUID(), p_source: "file", p_map: {}, p_map_hash: "1", p_home: spare.name },
  });
  const { message } = (await assignments.removeDatabase(spare.name))._unsafeUnwrapErr();
  expect(message).toMatch(
    new RegExp(`An import into "spare" has not ended: run ${run.id}\\. .*switchyard import undo ${run.id}\\.`),
  );
  await system.control.sql("update switchyard.imports set state = 'undone', ended_at = now() where id = $1", [run.id]);
  expect((await assignments.removeDatabase(spare.name)).isOk()).toBe(true);
  expect(await system.control.sql("select home, state from switchyard.imports where id = $1", [run.id])).toEqual([
    { home: spare.name, state: "undone" },
  ]);
});
