/** Expressions and aggregations: the same answers from the stand-in and from a real server. */
import { type Document, Long } from "mongodb";
import { expect, it } from "vitest";
import { aggregated, BIG, calculated, int, money, things, useDatabase } from "./parity.ts";

useDatabase();

it("adds and averages decimals and 64-bit integers without loss", async () => {
  const docs = Array.from({ length: 3000 }, (_, i) => ({
    m: money(`${i}.0001`),
    l: Long.fromString("900719925474099"),
  }));
  await things.insertMany(docs);
  // $avg is left to the unit tests: DocumentDB 1.0 makes a double of it.
  const [totals] = await aggregated(
    {
      $group: {
        _id: null,
        m: { $sum: "$m" },
        l: { $sum: "$l" },
        low: { $min: "$m" },
        high: { $max: "$m" },
        n: { $sum: 1 },
      },
    },
    { $set: { a: { $divide: ["$m", "$n"] } } },
  );
  expect(totals).toEqual({
    _id: null,
    m: { $numberDecimal: "4498500.3000" },
    a: { $numberDecimal: "1499.5001" },
    l: { $numberLong: "2702159776422297000" },
    low: { $numberDecimal: "0.0001" },
    high: { $numberDecimal: "2999.0001" },
    n: int(3000),
  });
});

it.each<[string, unknown, unknown]>([
  [
    "decimals add to the last of 34 digits",
    { $add: [money("9999999999999999999999999999.9999"), money("0.0001")] },
    "10000000000000000000000000000.0000",
  ],
  ["a third of a decimal", { $divide: [money("1"), money("3")] }, "0.3333333333333333333333333333333333"],
  ["two thirds are rounded", { $divide: [money("2"), money("3")] }, "0.6666666666666666666666666666666667"],
  ["a quotient that ends", { $divide: [money("1.00"), money("4")] }, "0.25"],
  ["a product", { $multiply: [money("1.10"), 3] }, "3.30"],
  ["a decimal and a double", { $add: [money("0.1"), 0.2] }, "0.300000000000000"],
  ["a remainder", { $mod: [money("-7.5"), 2] }, "-1.5"],
])("calculates: %s", async (_, expression, expected) => {
  expect(await calculated(expression)).toEqual({ $numberDecimal: expected });
});

it.each<[string, unknown, unknown]>([
  ["ints grow to longs", { $add: [2147483647, 1] }, { $numberLong: "2147483648" }],
  ["longs stay exact", { $subtract: [Long.fromString(BIG), 1] }, { $numberLong: "9007199254740992" }],
  ["the greatest over types", { $max: [1, money("1.5"), Long.fromNumber(1)] }, { $numberDecimal: "1.5" }],
  ["missing is less than null", { $lt: ["$missing", null] }, true],
  ["null makes null", { $add: [1, null] }, null],
  // biome-ignore lint/suspicious/noThenProperty: the server names it so
  ["$switch", { $switch: { branches: [{ case: false, then: 1 }], default: "d" } }, "d"],
  ["bytes of a day", { $substrBytes: ["2026-03-31", 0, 7] }, "2026-03"],
  ["a count beyond the end", { $substrBytes: ["abc", 1, 99] }, "bc"],
  ["code points", { $substrCP: ["a😀b", 1, 1] }, "😀"],
  ["$split, $concat", { $split: [{ $concat: ["a,", "b"] }, ","] }, ["a", "b"]],
  ["$size, $arrayElemAt", { $add: [{ $size: [[1, 2]] }, { $arrayElemAt: [[5, 6], -1] }] }, int(8)],
  ["$map", { $map: { input: [1, 2], as: "n", in: { $multiply: ["$$n", 2] } } }, [int(2), int(4)]],
  ["$filter", { $filter: { input: [1, 2, 3], as: "n", cond: { $gte: ["$$n", 2] } } }, [int(2), int(3)]],
])("evaluates: %s", async (_, expression, expected) => {
  expect(await calculated(expression)).toEqual(expected);
});

it.each<[string, string, string, string]>([
  ["summer in Berlin", "2026-07-31T22:30:00Z", "Europe/Berlin", "2026-08-01 00:30"],
  ["winter in Berlin", "2026-01-31T22:30:00Z", "Europe/Berlin", "2026-01-31 23:30"],
  ["the hour the clocks go back", "2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25 02:30"],
  ["half an hour east", "2026-12-31T19:00:00Z", "Asia/Kolkata", "2027-01-01 00:30"],
  ["far west", "2026-03-01T07:59:00Z", "America/Los_Angeles", "2026-02-28 23:59"],
  ["an offset", "2026-03-01T00:00:00Z", "-03:00", "2026-02-28 21:00"],
])("names a zone's day: %s", async (_, at, timezone, expected) => {
  const date = new Date(at);
  expect(await calculated({ $dateToString: { date, format: "%Y-%m-%d %H:%M", timezone } })).toBe(expected);
});

it("groups by zoned months and by several fields", async () => {
  await things.insertMany([
    { _id: 1, c: "EUR", at: new Date("2026-01-31T23:30:00Z"), m: money("1.10") },
    { _id: 2, c: "EUR", at: new Date("2026-02-10T00:00:00Z"), m: money("2.20") },
    { _id: 3, c: "USD", at: new Date("2026-02-10T00:00:00Z"), m: money("5") },
  ] as Document[]);
  const month = { $dateToString: { date: "$at", format: "%Y-%m", timezone: "Europe/Paris" } };
  const rows = await aggregated(
    { $group: { _id: { c: "$c", month }, total: { $sum: "$m" }, n: { $sum: 1 } } },
    { $sort: { "_id.c": 1 } },
  );
  expect(rows).toEqual([
    { _id: { c: "EUR", month: "2026-02" }, total: { $numberDecimal: "3.30" }, n: int(2) },
    { _id: { c: "USD", month: "2026-02" }, total: { $numberDecimal: "5" }, n: int(1) },
  ]);
});

it("runs the other stages", async () => {
  await things.insertMany([
    { _id: 1, tags: ["a", "b"], p: 2 },
    { _id: 2, tags: [] },
    { _id: 3, p: 9 },
  ] as Document[]);
  expect(await aggregated({ $unwind: "$tags" }, { $project: { _id: 0, tags: 1 } })).toEqual([
    { tags: "a" },
    { tags: "b" },
  ]);
  const kept = await aggregated({ $unwind: { path: "$tags", preserveNullAndEmptyArrays: true } }, { $count: "n" });
  expect(kept).toEqual([{ n: int(4) }]);
  const from = things.collectionName;
  const joined = await aggregated(
    { $match: { p: { $exists: true } } },
    { $lookup: { from, localField: "p", foreignField: "_id", as: "found" } },
    { $project: { n: { $size: "$found" } } },
    { $sort: { _id: 1 } },
  );
  expect(joined).toEqual([
    { _id: int(1), n: int(1) },
    { _id: int(3), n: int(0) },
  ]);
  const pipeline = [{ $project: { tags: 1 } }];
  expect(
    await aggregated(
      { $match: { _id: 1 } },
      { $lookup: { from, localField: "p", foreignField: "_id", pipeline, as: "found" } },
      { $project: { found: 1 } },
    ),
  ).toEqual([{ _id: int(1), found: [{ _id: int(2), tags: [] }] }]);
  const [facets] = await aggregated({
    $facet: {
      all: [{ $count: "n" }],
      none: [{ $match: { p: 77 } }],
      top: [{ $sort: { _id: -1 } }, { $skip: 1 }, { $limit: 1 }, { $unset: ["tags"] }],
    },
  });
  expect(facets).toEqual({ all: [{ n: int(3) }], none: [], top: [{ _id: int(2) }] });
  const united = await aggregated(
    { $match: { _id: 1 } },
    { $unionWith: { coll: from, pipeline: [{ $match: { _id: 3 } }] } },
    { $project: { p: 1 } },
  );
  expect(united).toEqual([
    { _id: int(1), p: int(2) },
    { _id: int(3), p: int(9) },
  ]);
  expect((await things.distinct("tags")).sort()).toEqual(["a", "b"]);
  expect(await things.countDocuments({ p: { $gt: 1 } })).toBe(2);
  expect(await things.estimatedDocumentCount()).toBe(3);
});
