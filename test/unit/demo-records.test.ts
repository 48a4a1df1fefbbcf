import { expect, test } from "vitest";
import { demoRecords } from "../../scripts/dev/demo-records.ts";
import { collections } from "../../shared/collections/index.ts";
import { problemsOf } from "../../shared/definition/rules.ts";

const id = "0190abcd-ef01-7abc-8def-0123456789ab";

// a currency without decimals, one with two, one with three
test.each(["XOF", "EUR", "KWD"])("what the demo files in %s fits the definitions", (currency) => {
  for (const { collection, key, body, refers = {} } of demoRecords(1, currency, new Date("2026-11-28T12:00:00Z"))) {
    const { schemas, rules } = collections[collection as keyof typeof collections];
    const record = { ...body, ...Object.fromEntries(Object.keys(refers).map((field) => [field, id])) };
    expect([key, schemas.create.safeParse(record).error]).toEqual([key, undefined]);
    expect([key, problemsOf(rules, record)]).toEqual([key, []]);
  }
});
