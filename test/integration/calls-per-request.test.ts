/** One call in Postgres for each request; in MongoDB a transaction where references are set, or others may refer. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";
import { type CountedApi, startCountedApi } from "./calls-per-request.ts";

let supabase: RunningSupabase;
let api: CountedApi;

beforeAll(async () => {
  supabase = await startTestSupabase();
  api = await startCountedApi(supabase, await preparedMongo("calls"));
});
afterAll(async () => {
  await api?.stop();
  await supabase?.stop();
});

const rpc = (name: string) => ({ supabase: [`POST /rest/v1/rpc/records_${name}`], mongodb: [] });
const commands = (...names: string[]) => ({ supabase: [], mongodb: names });

test("in Postgres each successful request is one call of one function, and the home is nobody's question", async () => {
  expect(await api.countFor(await newUser({ home: "supabase", on: supabase }))).toEqual({
    create: rpc("create"),
    "create with a reference": rpc("create"),
    "create without the reference": rpc("create"),
    get: rpc("list"),
    list: rpc("list"),
    count: rpc("summarize"),
    summary: rpc("summarize"),
    export: rpc("list"),
    update: rpc("update"),
    "update that sets a reference": rpc("update"),
    delete: rpc("delete"),
    "delete where others may refer": rpc("delete"),
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
