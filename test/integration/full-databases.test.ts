/** New users get no home that is nearly full, or that refuses to be written to; and whoever lives there is told what it is. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { collections } from "../../shared/collections/index.ts";
import { createAssignments, type DatabaseRow } from "../../shared/placement/assignment.ts";
import { createHealth } from "../../shared/placement/health.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { askSupabase } from "../../shared/postgres/rest-probe.ts";
import { value } from "../contract/store.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { startEmbedded, type TestSupabase } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";
import { placementUsers } from "./placement-users.ts";

const MB = 1024 ** 2;

describe("the choice of a home", () => {
  let database: OwnDatabase;
  let service: SupabaseClient;
  const users = placementUsers(() => database);
  const control = () => createAssignments(service);
  const row = async (name: string): Promise<DatabaseRow> => {
    const found = value(await control().databases()).find((each) => each.name === name);
    if (!found) throw new Error(`no database ${name}`);
    return found;
  };
  /** Homes of that many new users. */
  const homes = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let made = 0; made < count; made++) ids.push(await users.insert());
    const rows = await database.sql<{ home: string }>(
      "select distinct database_provider as home from public.user_database_assignments where user_id = any ($1::uuid[]) order by 1",
      [ids],
    );
    return rows.map(({ home }) => home);
  };
  const aged = (seconds: number) =>
    database.sql(
      `update switchyard.database_state set sized_at = sized_at - make_interval(secs => $1::float8),
         refused_at = refused_at - make_interval(secs => $1::float8)`,
      [seconds],
    );

  beforeAll(async () => {
    database = await startOwnDatabase();
    service = createClient(database.url, database.secretKey, { auth: { persistSession: false } });
  });
  afterAll(() => database?.stop());
  beforeEach(async () => {
    await users.reset();
    await database.sql("delete from switchyard.database_state");
    await database.sql("update switchyard.databases set capacity_bytes = null, full_at_percent = 90");
  });

  test("passes by one that is near its capacity, however old the sample is, until it is smaller again", async () => {
    value(await control().setDatabase("mongodb", { capacityBytes: 512 * MB }));
    value(await control().reportSizes({ mongodb: 460 * MB, "no such": 1 }));
    expect(await homes(2)).toEqual(["mongodb", "supabase"]);
    value(await control().reportSizes({ mongodb: 461 * MB }));
    expect(await homes(2)).toEqual(["supabase"]);
    await aged(7 * 24 * 3_600);
    expect(await homes(1)).toEqual(["supabase"]);
    value(await control().setDatabase("mongodb", { fullAtPercent: 95 }));
    expect(await homes(3)).toContain("mongodb");
    value(await control().setDatabase("mongodb", { fullAtPercent: 90 }));
    value(await control().reportSizes({ mongodb: 100 * MB }));
    expect(await homes(3)).toContain("mongodb");
    expect(await row("mongodb")).toMatchObject({ bytes: 100 * MB, capacity_bytes: 512 * MB, full_at_percent: 90 });
  });

  test("passes by one that refuses writes, for five minutes after the last refusal", async () => {
    value(await control().reportRefusal("mongodb", "storage_full"));
    expect(await homes(2)).toEqual(["supabase"]);
    expect((await row("mongodb")).refuses).toBe("storage_full");
    await aged(240);
    value(await control().reportRefusal("mongodb", "storage_full"));
    await aged(240);
    expect(await homes(1)).toEqual(["supabase"]);
    await aged(61);
    expect(await homes(4)).toContain("mongodb");
    expect((await row("mongodb")).refuses).toBeNull();
  });

  test("hears sizes with the reports of the sign-up hook, and measures this very database", async () => {
    const report = (bytes?: number) => [
      { name: "supabase", healthy: true, error: null },
      { name: "mongodb", healthy: true, error: null, ...(bytes && { bytes }) },
    ];
    const send = (reports: object[]) => service.rpc("switchyard_report_healths", { p_reports: reports });
    expect((await send(report(7 * MB))).data).toBe(true);
    expect((await send(report())).data).toBe(true);
    expect((await row("mongodb")).bytes).toBe(7 * MB);
    expect((await row("supabase")).bytes).toBeGreaterThan(MB);
    for (const name of ["mongodb", "supabase"]) value(await control().setDatabase(name, { capacityBytes: MB }));
    expect((await send(report(7 * MB))).data).toBe(false);
  });

  test("settings that cannot be are refused, with what they may be", async () => {
    for (const settings of [{ capacityBytes: 0 }, { fullAtPercent: 0 }, { fullAtPercent: 101 }])
      expect((await control().setDatabase("mongodb", settings))._unsafeUnwrapErr()).toMatchObject({
        code: "invalid_input",
        message: expect.stringContaining("up to 100 percent"),
      });
  });
});

describe("a Postgres that was made read-only, as a full one is", () => {
  let supabase: TestSupabase;
  beforeAll(async () => {
    supabase = await startEmbedded();
  });
  afterAll(() => supabase?.stop());

  test("refuses writes as full, goes on with reads, says so when it is probed, and is back by itself", async () => {
    const service = createClient(supabase.url, supabase.secretKey, { auth: { persistSession: false } });
    const ann = await newUser({ home: "supabase", on: supabase });
    const config = { SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey };
    const { repository } = postgresRepositories({ client: userClient(config, ann.jwt), userId: ann.id });
    const contacts = repository(collections.contacts);
    const made = value(await contacts.create({ name: "a" }));
    const home = { name: "supabase", title: "Supabase", kind: "postgres" as const };
    const health = () =>
      createHealth({ databases: [{ ...home, system: { probe: () => askSupabase(service) } }], clock: Date.now })();

    await supabase.sql("set default_transaction_read_only = on");
    expect((await contacts.create({ name: "b" }))._unsafeUnwrapErr()).toMatchObject({ code: "storage_full" });
    expect((await contacts.update(made.id, { name: "c" }))._unsafeUnwrapErr()).toMatchObject({ code: "storage_full" });
    expect(value(await contacts.get(made.id))).toEqual(made);
    expect((await health()).homes[0]).toMatchObject({
      connected: true,
      state: "storage_full",
      error: expect.stringContaining("read-only"),
    });
    await supabase.sql("set default_transaction_read_only = off");
    value(await contacts.update(made.id, { name: "c" }));
    expect((await health()).homes[0]).toMatchObject({ connected: true, error: null });
  });
});
