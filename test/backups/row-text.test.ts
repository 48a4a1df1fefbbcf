/** What Postgres writes itself of a home's records is what the library would have written, and reads as the records are. */
import { BSON } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresSource, postgresSource } from "../../shared/backups/postgres-source.ts";
import { type Line, recordOfLine, WRITTEN } from "../../shared/backups/record-lines.ts";
import { homeCollections } from "../../shared/collections/index.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type Caller, callerOf } from "../attack/caller.ts";
import { sample } from "../contract/suite/samples.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { newUser } from "../setup/users.ts";

const ODD = "\u0001\b\f\n\r\t\u001f\u007f\u2028 \\ / \" ' 👩‍👩‍👧‍👦 Straße <&>";

/** All but those whose interest rate is of a kind that is left to the library. */
const written = homeCollections.filter(({ name }) => name !== "loans" && name !== "loan_payments");

let supabase: OwnDatabase;
let api: ApiInstance;
let call: Caller;
let source: PostgresSource | undefined;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  api = await startApi({ on: supabase, mongoUri: "" });
  call = callerOf(api, await newUser({ home: "supabase", on: supabase }));
});
afterAll(async () => {
  await source?.close();
  await api?.close();
  await supabase?.stop();
});

test("every home collection: as the library writes it, and as the API has it", async () => {
  const made = new Map<string, Record<string, unknown>>();
  const make = async (name: string, body: object) => {
    const answer = await call("POST", `/${name}`, body);
    expect([name, answer.status, answer.body.errors]).toEqual([name, 201, undefined]);
    made.set(answer.body.id, answer.body);
    return answer.body.id as string;
  };
  for (const { name } of written) for (const kind of ["minimal", "full"] as const) await make(name, sample(name, kind));
  const category_id = await make("categories", { name: "Odd", kind: "expense" });
  await make("contacts", { name: "Odd", note: ODD });
  for (const amount of ["0.1", "-0.5", "1.2500", "100"])
    await make("expenses", {
      amount,
      currency: "EUR",
      date: "2026-01-01",
      tags: ['\\ "/" é\u007f', "x,{}"],
      category_id,
    });

  source = await postgresSource(supabase.ownerUrl);
  const found = new Map<string, unknown>();
  for (const collection of written)
    for await (const line of source.lines(collection)) {
      const text = (line as { [WRITTEN]?: string })[WRITTEN] ?? "";
      const parsed: Line = BSON.EJSON.parse(text, { relaxed: false });
      expect(BSON.EJSON.stringify(parsed, { relaxed: false })).toBe(text);
      const record = recordOfLine(collection, parsed) as { id: string };
      found.set(record.id, record);
    }
  expect(found).toEqual(made);
});
