/** One call in Postgres for each request; in MongoDB a transaction where references are set, or others may refer. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { servers } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";
import { type Calls, type CountedApi, startCountedApi } from "./calls-per-request.ts";

let supabase: TestSupabase;
let api: CountedApi;

beforeAll(async () => {
  supabase = await startTestSupabase();
  api = await startCountedApi(supabase, await preparedMongo("calls"));
});
afterAll(async () => {
  await api?.stop();
  await supabase?.stop();
});

/** Of Postgres: a function, through REST; or one message, whose statement comes behind the one that sets role and claims. */
const call = (name: string, statement: string) => ({
  supabase: servers().path === "rest" ? [`POST /rest/v1/rpc/records_${name}`] : [statement],
  mongodb: [],
});
const shortened = ({ supabase, mongodb }: Calls): Calls => ({
  supabase: supabase.map((text) => /^select num_nulls\(.*?\);\s*(\w+)/s.exec(text)?.[1] ?? text),
  mongodb,
});
const commands = (...names: string[]) => ({ supabase: [], mongodb: names });

test("in Postgres each successful request is one call, and the home is nobody's question", async () => {
  const counted = await api.countFor(await newUser({ home: "supabase", on: supabase }));
  expect(Object.fromEntries(Object.entries(counted).map(([what, calls]) => [what, shortened(calls)]))).toEqual({
    create: call("create", "insert"),
    "create with a reference": call("create", "insert"),
    "create without the reference": call("create", "insert"),
    get: call("list", "select"),
    list: call("list", "select"),
    count: call("summarize", "select"),
    summary: call("summarize", "select"),
    export: call("list", "select"),
    update: call("update", "update"),
    "update that sets a reference": call("update", "update"),
    delete: call("delete", "delete"),
    "delete where others may refer": call("delete", "delete"),
  });
});

test("in MongoDB it is one command; with references a touch of each parent and a commit, in a deletion a look and a commit", async () => {
  expect(await api.countFor(await newUser({ home: "mongodb", on: supabase }))).toEqual({
    create: commands("insert"),
    "create with a reference": commands("insert", "update", "commitTransaction"),
    "create without the reference": commands("insert"),
    get: commands("find"),
    list: commands("find"),
    count: commands("aggregate"),
    summary: commands("aggregate"),
    export: commands("find"),
    update: commands("findAndModify"),
    "update that sets a reference": commands("findAndModify", "update", "commitTransaction"),
    delete: commands("aggregate", "update", "commitTransaction"),
    "delete where others may refer": commands("aggregate", "update", "commitTransaction"),
  });
});
