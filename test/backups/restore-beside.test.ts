/** Everything of one Switchyard into another that has users of its own: theirs come beside those, and nobody is mixed up. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import type { TestUser } from "../setup/users.ts";
import { backUp, commandOn, contentsOf, type Filled, fill, restoreInto, signedIn } from "./filled.ts";

let [source, target]: MovingSystem[] = [];
let folder: string;
let [came, own]: Filled[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "beside-"));
  [source, target] = await Promise.all(["beside_from", "beside_to"].map((prefix) => startMovingSystem(prefix)));
  came = await fill(source as MovingSystem);
  own = await fill(target as MovingSystem);
});
afterAll(async () => {
  for (const system of [source, target]) await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

test("their users come beside those who are there; an address that is taken is named, and books are not merged", async () => {
  const [from, to] = [source as MovingSystem, target as MovingSystem];
  const [users, others] = [came as Filled, own as Filled];
  const [taken, ...coming] = [...users.users.values()] as [TestUser<string>, ...TestUser<string>[]];
  const [inTheWay] = [...others.users.values()] as [TestUser<string>];
  await to.control.sql("update auth.users set email = $1 where id = $2", [taken.email, inTheWay.id]);
  const { id } = await backUp(from, folder);
  const before = await contentsOf(folder, await backUp(to, folder));

  const merged = await commandOn(to, "backup", "restore", id, `--to=${folder}`, "--yes");
  expect(merged).toMatchObject({ code: 1, err: expect.stringContaining("--without-ledger") });
  expect(await contentsOf(folder, await backUp(to, folder))).toEqual(before);

  const restored = await restoreInto(to, folder, id, "--without-ledger");
  expect(restored).toMatchObject({ accounts: { taken: 1, made: coming.length }, refusedCount: 0 });
  for (const user of coming) {
    const [was, call] = [from.callerOf(user), await signedIn(to, user.email)];
    for (const path of ["/expenses", "/contacts", "/customers", "/preferences"])
      expect((await call("GET", path)).body).toEqual((await was("GET", path)).body);
  }
  const after = await contentsOf(folder, await backUp(to, folder));
  for (const [name, line] of before) expect([name, after.get(name)]).toEqual([name, line]);
  const gone = await to.control.sql("select id from auth.users where id = $1", [taken.id]);
  expect(gone).toEqual([]);
  expect([...after.keys()].filter((name) => name.includes(taken.id) && /^(contacts|expenses) /.test(name))).toEqual([]);
});
