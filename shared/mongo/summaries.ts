/** Counts and exact sums per group and currency, in one aggregation. Averages are rounded in code. */
import { type Db, type Document, MongoServerError, UUID } from "mongodb";
import { err, ok } from "neverthrow";
import { invalid } from "../contract/errors.ts";
import { type SummaryQuery, unknownTimeZone } from "../contract/query.ts";
import { type Answer, MAX_GROUPS, type SummaryGroup } from "../contract/repository.ts";
import { type Collection, fieldOf } from "../definition/define.ts";
import { average, canonicalDecimal } from "../values/money.ts";
import { compareText } from "../values/text.ts";
import { fromStored, pathOf } from "./documents.ts";
import { selectionFilter } from "./queries.ts";

interface Context {
  db: Db;
  userId: string;
  maxTimeMs: number;
}

/** Unknown time zone: this runtime knows it and the server does not. DocumentDB has no code of its own for it. */
const UNKNOWN_TIME_ZONE = [40_485, 8];

export async function summarize(
  { db, userId, maxTimeMs }: Context,
  collection: Collection,
  query: SummaryQuery,
): Answer<SummaryGroup[]> {
  const column = query.by === "month" ? collection.monthOf : query.by;
  const kind = column === undefined ? undefined : fieldOf(collection, column)?.kind;
  const pipeline = [
    { $match: selectionFilter(collection, userId, query) },
    ...groupStages(collection, userId, keyExpression(query, column, kind)),
    { $limit: MAX_GROUPS + 1 },
  ];
  let groups: Document[];
  try {
    groups = await db.collection(collection.name).aggregate(pipeline, { maxTimeMS: maxTimeMs }).toArray();
  } catch (error) {
    const isMonth = query.by === "month" && kind === "instant";
    if (isMonth && error instanceof MongoServerError && UNKNOWN_TIME_ZONE.includes(Number(error.code)))
      return err(unknownTimeZone());
    throw error;
  }
  if (groups.length > MAX_GROUPS)
    return err(
      invalid("invalid_query", "These are too many groups.", [
        { field: "by", code: "too_many_groups", message: `At most ${MAX_GROUPS} groups; filter, or group otherwise.` },
      ]),
    );
  const keyOf = (key: unknown) =>
    key === null || key === undefined ? null : String(query.by === "month" || !kind ? key : fromStored(kind, key));
  return ok(groups.map((group) => toGroup(keyOf(group._id.key), group)).sort(inOrder));
}

function keyExpression(
  { by, timeZone = "UTC" }: SummaryQuery,
  column: string | undefined,
  kind: string | undefined,
): unknown {
  if (column === undefined) return null;
  if (by !== "month") return `$${pathOf(column)}`;
  return kind === "day"
    ? { $substrBytes: [`$${column}`, 0, 7] }
    : { $dateToString: { date: `$${column}`, format: "%Y-%m", timezone: timeZone } };
}

function groupStages({ money, fields }: Collection, userId: string, key: unknown): Document[] {
  const count = { count: { $sum: 1 } };
  if (!money) return [{ $group: { _id: { key, currency: null }, ...count } }];
  const amount = `$${money.field}`;
  const sums = { ...count, sum: { $sum: amount }, min: { $min: amount }, max: { $max: amount } };
  const { currency } = money;
  if (!("reference" in currency)) return [{ $group: { _id: { key, currency: `$${currency.field}` }, ...sums } }];
  // the currency is the parent's: add up per parent first, so that each parent is looked up once, by its whole _id
  return [
    { $group: { _id: { key, parent: { user_id: new UUID(userId), id: `$${currency.reference}` } }, ...sums } },
    {
      $lookup: {
        from: fields[currency.reference]?.references,
        localField: "_id.parent",
        foreignField: "_id",
        as: "parent",
      },
    },
    { $unwind: { path: "$parent", preserveNullAndEmptyArrays: true } },
    {
      $group: {
        _id: { key: "$_id.key", currency: `$parent.${currency.field}` },
        count: { $sum: "$count" },
        sum: { $sum: "$sum" },
        min: { $min: "$min" },
        max: { $max: "$max" },
      },
    },
  ];
}

function toGroup(key: string | null, { _id, count, sum, min, max }: Document): SummaryGroup {
  const decimal = (value: unknown) => (value === null || value === undefined ? null : canonicalDecimal(String(value)));
  return {
    key,
    currency: _id.currency ?? null,
    count: Number(count),
    sum: decimal(sum),
    min: decimal(min),
    max: decimal(max),
    average: sum === undefined || sum === null ? null : average(String(sum), Number(count)),
  };
}

function inOrder(left: SummaryGroup, right: SummaryGroup): number {
  return nullFirst(left.key, right.key) || nullFirst(left.currency, right.currency);
}

function nullFirst(left: string | null, right: string | null): number {
  return left === null || right === null ? Number(left !== null) - Number(right !== null) : compareText(left, right);
}
