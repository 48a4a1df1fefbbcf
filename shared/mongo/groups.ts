/** Counts and exact sums per group and currency, in one aggregation. */
import { type Db, type Document, MongoServerError, UUID } from "mongodb";
import { err, ok } from "neverthrow";
import { unknownTimeZone } from "../contract/query.ts";
import type { Answer } from "../contract/repository.ts";
import { type Collection, fieldOf, identityOf } from "../definition/define.ts";
import type { FieldKind } from "../definition/fields.ts";
import type { Group, Grouping } from "../repository/store.ts";
import { fromStored } from "./documents.ts";
import { keysOf } from "./keys.ts";
import { pathOf, selectionFilter } from "./queries.ts";

interface GroupContext {
  db: Db;
  userId: string;
  maxTimeMs: number;
  all: ReadonlyMap<string, Collection>;
}

/** Unknown time zone: this runtime knows it and the server does not. DocumentDB has no code of its own for it. */
const UNKNOWN_TIME_ZONE = [40_485, 8];

export async function groupRecords(context: GroupContext, collection: Collection, grouping: Grouping): Answer<Group[]> {
  const { db, userId, maxTimeMs } = context;
  const { by } = grouping;
  const kind = by && fieldOf(collection, by.field)?.kind;
  const pipeline = [
    { $match: selectionFilter(collection, userId, grouping) },
    ...(by && kind === "tags" ? eachOf(`$${by.field}`) : []),
    ...groupStages(context, collection, keyExpression(collection, by, kind)),
    { $limit: grouping.limit },
  ];
  let groups: Document[];
  try {
    groups = await db.collection(collection.name).aggregate(pipeline, { maxTimeMS: maxTimeMs }).toArray();
  } catch (error) {
    const isZoned = by?.month && kind === "instant";
    if (isZoned && error instanceof MongoServerError && UNKNOWN_TIME_ZONE.includes(Number(error.code)))
      return err(unknownTimeZone());
    throw error;
  }
  const keyOf = (key: unknown) =>
    key === null || key === undefined
      ? null
      : String(by?.month || !kind || kind === "tags" ? key : fromStored(kind, key));
  return ok(groups.map((group) => toGroup(keyOf(group._id.key), group)));
}

/** A document for each value of the list, and one for an empty list; a value that is there twice counts once. */
const eachOf = (path: string): Document[] => [
  { $addFields: { [path.slice(1)]: { $setUnion: [path, []] } } },
  { $unwind: { path, preserveNullAndEmptyArrays: true } },
];

function keyExpression(collection: Collection, by: Grouping["by"], kind: FieldKind | undefined): unknown {
  if (!by) return null;
  const path = `$${pathOf(collection, by.field)}`;
  // an empty list was unwound to none, of which servers differ on whether a group's key still says null
  if (kind === "tags") return { $ifNull: [path, null] };
  if (!by.month) return path;
  return kind === "day"
    ? { $substrBytes: [path, 0, 7] }
    : { $dateToString: { date: path, format: "%Y-%m", timezone: by.month.timeZone } };
}

function groupStages({ all, userId }: GroupContext, { money, fields }: Collection, key: unknown): Document[] {
  const count = { count: { $sum: 1 } };
  if (!money) return [{ $group: { _id: { key, currency: null }, ...count } }];
  const amount = `$${money.field}`;
  const sums = { ...count, sum: { $sum: amount }, min: { $min: amount }, max: { $max: amount } };
  const { currency } = money;
  if (!("reference" in currency)) return [{ $group: { _id: { key, currency: `$${currency.field}` }, ...sums } }];
  // the currency is the parent's: add up per parent first, so that each parent is looked up once, by its whole _id
  const target = all.get(fields[currency.reference]?.references ?? "");
  if (!target) throw new Error(`${currency.reference} refers to a collection that is not kept here`);
  const { owner } = keysOf(target);
  const id = `$${currency.reference}`;
  const parent = identityOf(target).perOwner ? { [owner]: new UUID(userId), id } : id;
  return [
    { $group: { _id: { key, parent }, ...sums } },
    {
      $lookup: {
        from: target.name,
        localField: "_id.parent",
        foreignField: "_id",
        // nothing else of it is wanted, and its folded text is long
        pipeline: [{ $project: { [currency.field]: 1 } }],
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

function toGroup(key: string | null, { _id, count, sum, min, max }: Document): Group {
  const text = (value: unknown) => (value === null || value === undefined ? null : String(value));
  return { key, currency: _id.currency ?? null, count: Number(count), sum: text(sum), min: text(min), max: text(max) };
}
