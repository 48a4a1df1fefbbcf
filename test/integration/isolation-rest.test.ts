/** Records over Supabase's REST with a stranger's own token: another user's stay theirs. (test/attack walks the whole of REST.) */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { referencesFrom } from "../../shared/definition/references.ts";
import { userClient } from "../../shared/postgres/client.ts";
import type { Owner } from "../contract/store.ts";
import { type Body, body, byName, create, each, every, ownerField } from "../contract/suite/samples.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

let supabase: RunningSupabase;
let ann: TestUser;
let eve: TestUser;
/** at home in MongoDB */
let mo: TestUser;
const anns = new Map<string, Body & { id: string }>();

const rest = (user: TestUser) =>
  userClient({ SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey }, user.jwt);
const ownerOf = (user: TestUser): Owner => ({
  userId: user.id,
  repository: postgresRepositories({ client: rest(user), userId: user.id }).repository,
});
/** Everything that is Ann's, as it stands in the tables. */
const belongings = () =>
  Promise.all(
    [...every, "user_database_assignments"].map((name) =>
      supabase.sql(`select to_jsonb(t)::text as row from public.${name} t where ${ownerField(name)} = $1 order by 1`, [
        ann.id,
      ]),
    ),
  );

beforeAll(async () => {
  supabase = await startTestSupabase();
  [ann, eve] = [await newUser({ home: "supabase", on: supabase }), await newUser({ home: "supabase", on: supabase })];
  mo = await newUser({ home: "mongodb", on: supabase });
  for (const name of every) anns.set(name, await create(ownerOf(ann), name, await body(ownerOf(ann), name, "full")));
});
afterAll(() => supabase?.stop());

/** A row as REST takes it, with parents of that user's own. */
const rowOf = async (name: string, user: TestUser): Promise<Body> => ({
  ...(await body(ownerOf(user), name)),
  [ownerField(name)]: user.id,
  id: crypto.randomUUID(),
});

describe.each(every)("%s over REST", (name) => {
  const owner = ownerField(name);
  const mine = () => anns.get(name) ?? { id: "" };
  const row = (user: TestUser) => rowOf(name, user);

  test.each(["eve", "mo"])("nothing of Ann's is read, counted, changed or removed by %s", async (who) => {
    const table = () => rest(who === "eve" ? eve : mo).from(name);
    const before = await belongings();
    for (const column of ["id", owner]) {
      const target = column === "id" ? mine().id : ann.id;
      expect((await table().select("*").eq(column, target)).data).toEqual([]);
      expect((await table().select("id", { count: "exact", head: true }).eq(column, target)).count).toBe(0);
      expect((await table().delete().eq(column, target).select()).data).toEqual([]);
    }
    const [field = ""] = Object.keys(mine()).filter((key) => ["name", "description", "note"].includes(key));
    expect(
      (
        await table()
          .update({ [field]: "taken" })
          .eq("id", mine().id)
          .select()
      ).data,
    ).toEqual([]);
    expect((await table().select("*").or(`${owner}.eq.${ann.id},id.eq.${mine().id}`)).data).toEqual([]);
    expect(await belongings()).toEqual(before);
  });

  test("a row in Ann's name is refused, the same whether its id is taken or free", async () => {
    const before = await belongings();
    const answers = [];
    for (const id of [mine().id, crypto.randomUUID()])
      for (const write of ["insert", "upsert"] as const) {
        const fresh = { ...(await row(eve)), [owner]: ann.id, id };
        const { error, status } = await rest(eve).from(name)[write](fresh);
        answers.push({ status, code: error?.code, message: error?.message });
      }
    // an upsert may lack a right besides: where the id alone is the key, it would set the owner
    expect(answers.slice(2)).toEqual(answers.slice(0, 2));
    for (const { code } of answers) expect(code).toBe("42501");
    expect(await belongings()).toEqual(before);
  });

  const references = referencesFrom(byName(name));
  test("a reference to a record of Ann's is refused like one to nothing, on insert and on update", async () => {
    const { id } = await create(ownerOf(eve), name);
    for (const { field, target } of references) {
      const answers = [];
      for (const parent of [anns.get(target)?.id, crypto.randomUUID()]) {
        const inserted = await rest(eve)
          .from(name)
          .insert({ ...(await row(eve)), [field]: parent });
        const updated = await rest(eve)
          .from(name)
          .update({ [field]: parent })
          .eq("id", id);
        for (const { error, status } of [inserted, updated])
          answers.push({
            status,
            text: JSON.stringify([error?.code, error?.message]).replaceAll(String(parent), "<id>"),
          });
      }
      expect(answers[0]?.text).toMatch(/23503/);
      expect(answers.slice(2)).toEqual(answers.slice(0, 2));
    }
  });
});

describe.each(each)("%s, which are kept at home, over REST", (name) => {
  const row = (user: TestUser) => rowOf(name, user);

  test("a user at home in MongoDB writes nothing here and reads nothing", async () => {
    const fresh = { ...(await row(eve)), user_id: mo.id };
    for (const write of ["insert", "upsert"] as const) {
      const { error } = await rest(mo).from(name)[write](fresh);
      expect(error?.code).toBe("42501");
    }
    expect((await rest(mo).from(name).select("*")).data).toEqual([]);
    expect(await supabase.sql(`select id from public.${name} where user_id = $1`, [mo.id])).toEqual([]);
  });

  test("a token that says another home than the assignment changes nothing", async () => {
    const claims = { home: "supabase", home_epoch: 9, role: "service_role" };
    const lying = await newUser({ home: "mongodb", on: supabase, appMetadata: claims });
    const fresh = { ...(await row(eve)), user_id: lying.id };
    expect((await rest(lying).from(name).insert(fresh)).error?.code).toBe("PT421");
    expect(await supabase.sql(`select id from public.${name} where user_id = $1`, [lying.id])).toEqual([]);
  });
});

test("what has its place here is written and read here by a user at home in MongoDB", async () => {
  for (const name of every.filter((one) => !each.includes(one))) {
    const fresh = await rowOf(name, mo);
    expect((await rest(mo).from(name).insert(fresh)).error).toBeNull();
    const found = (await rest(mo).from(name).select("*").eq("id", fresh.id)).data;
    expect(found).toEqual([expect.objectContaining({ id: fresh.id, [ownerField(name)]: mo.id })]);
  }
});

describe("homes over REST", () => {
  test("a user reads their own and changes none", async () => {
    const table = () => rest(mo).from("user_database_assignments");
    const own = (await table().select("user_id, database_provider")).data;
    expect(own).toEqual([{ user_id: mo.id, database_provider: "mongodb" }]);
    const before = await supabase.sql(
      "select to_jsonb(a)::text as row from public.user_database_assignments a order by 1",
    );
    const change = { database_provider: "supabase" };
    const answers = [
      await table().update(change).eq("user_id", mo.id),
      await table().upsert({ user_id: mo.id, ...change }),
      await table().insert({ user_id: crypto.randomUUID(), ...change }),
      await table().delete().eq("user_id", mo.id),
    ];
    for (const { error } of answers) expect(error?.code).toBe("42501");
    expect(
      await supabase.sql("select to_jsonb(a)::text as row from public.user_database_assignments a order by 1"),
    ).toEqual(before);
  });
});
