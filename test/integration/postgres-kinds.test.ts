/** Kinds of field that the seven collections do not have, in a table printed from a definition. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { type Collection, defineCollection, home, owner } from "../../shared/definition/define.ts";
import {
  boolean,
  decimal,
  instant,
  integer,
  name,
  optional,
  tags,
  text,
  withDefault,
} from "../../shared/definition/fields.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { outcome, value } from "../contract/store.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";

const events = defineCollection({
  name: `events_${crypto.randomUUID().slice(0, 8)}`,
  title: "event",
  placement: home(),
  scope: owner(),
  fields: {
    title: name(),
    starts_at: instant(),
    ends_at: optional(instant()),
    seats: integer(),
    price: optional(decimal()),
    open: withDefault(boolean(), true),
    room: optional(text(100)),
    labels: withDefault(tags(3, 5), ["a", "it's"]),
  },
  unique: [["title"], ["room", "starts_at"]],
});
let supabase: RunningSupabase;
let repository: ReturnType<typeof open>;

function open(client: ReturnType<typeof userClient>, userId: string) {
  return postgresRepositories({ client, userId }).repository(events);
}

beforeAll(async () => {
  supabase = await startTestSupabase();
  // not in the list of the application's collections, which other files compare with the definitions
  const sql = `${collectionSql(events as unknown as Collection, [])}
    delete from switchyard.collections where name = '${events.name}';`;
  await supabase.sql(`do $script$ begin execute $text$${sql}$text$; end $script$`);
  const { id, jwt } = await newUser({ home: "supabase", on: supabase });
  const config = { SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey };
  repository = open(userClient(config, jwt), id);
});
afterAll(async () => {
  await supabase?.sql(`drop table public.${events.name}`);
  await supabase?.stop();
});

const event = (title: string, more: object = {}) => ({
  title,
  starts_at: "2026-01-31T23:30:00.123Z",
  seats: 1,
  ...more,
});

test("values come back as they went in", async () => {
  const body = event("all", {
    ends_at: "0001-01-02T00:00:00.000Z",
    seats: Number.MIN_SAFE_INTEGER,
    price: "0.0001",
    open: false,
    labels: ["😀😀😀😀😀", '"\\{},'],
  });
  const made = value(await repository.create(body));
  expect(made).toMatchObject(body);
  expect(value(await repository.get(made.id))).toEqual(made);
  const changed = value(
    await repository.update(made.id, { seats: Number.MAX_SAFE_INTEGER, ends_at: null, labels: [] }),
  );
  expect(changed).toMatchObject({ seats: Number.MAX_SAFE_INTEGER, ends_at: null, labels: [] });
  expect(value(await repository.create(event("defaults")))).toMatchObject({ open: true, labels: ["a", "it's"] });
});

test("unique keys hold for one owner's records, and null equals nothing", async () => {
  value(await repository.create(event("one", { room: "A" })));
  expect(outcome(await repository.create(event("one")))).toBe("duplicate");
  expect(outcome(await repository.create(event("two", { room: "A" })))).toBe("duplicate");
  expect(outcome(await repository.create(event("three", { room: null })))).toBe("ok");
  expect(outcome(await repository.create(event("four", { room: null })))).toBe("ok");
});

test("instants filter and group to the millisecond, absent values as null", async () => {
  value(await repository.create(event("zoned", { starts_at: "2030-01-31T23:30:00.123Z" })));
  const filters = [{ field: "starts_at", operator: "gte", value: "2030-01-31T23:30:00.123Z" }] as const;
  const bySeats = value(await repository.summarize({ filters, by: "starts_at" }));
  expect(bySeats).toMatchObject([{ key: "2030-01-31T23:30:00.123Z", currency: null, count: 1, sum: null }]);
  expect(value(await repository.count({ filters: [{ ...filters[0], operator: "gt" }] }))).toBe(0);
  expect(value(await repository.summarize({ filters, by: "open" }))).toMatchObject([{ key: "true", count: 1 }]);
  expect(value(await repository.summarize({ filters, by: "price" }))).toMatchObject([{ key: null, count: 1 }]);
});
