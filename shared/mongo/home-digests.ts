/** What a MongoDB says of all collections of a user who moves, in one call: as `*_home_digests.sql` has it in Postgres. */
import { type Db, type Document, Long } from "mongodb";
import type { Collection } from "../definition/define.ts";
import type { Digest, ManifestEntry } from "../repository/home-copy.ts";
import { numbersIn } from "../repository/numbers-in.ts";
import { canonicalDecimal } from "../values/money.ts";
import { uuidText } from "./documents.ts";
import { keysOf } from "./keys.ts";
import { aggregateOverAll } from "./over-all.ts";

const IS_LIVING = { $eq: [{ $ifNull: ["$_deleted_at", null] }, null] };

function overAll(
  db: Db,
  collections: readonly Collection[],
  pipelineOf: (collection: Collection) => Document[],
  maxTimeMS: number,
) {
  if (collections.length === 0) throw new Error("no collection is kept at home");
  return aggregateOverAll(db, collections, pipelineOf, { maxTimeMS });
}

const remainder = (by: number): Document => ({ $mod: ["$version", Long.fromNumber(by)] });

export async function homeDigests(
  db: Db,
  userId: string,
  collections: readonly Collection[],
  maxTimeMS: number,
): Promise<Record<string, Digest>> {
  const ofEach = (collection: Collection): Document[] => [
    { $match: keysOf(collection).everything(userId) },
    {
      $group: {
        _id: { collection: { $literal: collection.name }, isLiving: IS_LIVING },
        count: { $sum: 1 },
        newest: { $max: "$version" },
        one: { $sum: remainder(2_147_483_647) },
        other: { $sum: remainder(2_147_483_629) },
        squares: { $sum: { $multiply: [remainder(1_048_573), remainder(1_048_573)] } },
        ...Object.fromEntries(numbersIn(collection).map((field) => [`sum_${field}`, { $sum: `$${field}` }])),
      },
    },
  ];
  const found = await overAll(db, collections, ofEach, maxTimeMS);
  return Object.fromEntries(
    collections.map((collection): [string, Digest] => {
      const of = (isLiving: boolean) =>
        found.find(({ _id }) => _id.collection === collection.name && _id.isLiving === isLiving);
      const [living, deleted] = [of(true), of(false)];
      const versions = [living, deleted].map((group) =>
        [group?.one ?? 0, group?.other ?? 0, group?.squares ?? 0].map(String).join("."),
      );
      return [
        collection.name,
        {
          count: Number(living?.count ?? 0),
          deleted: Number(deleted?.count ?? 0),
          sums: Object.fromEntries(
            numbersIn(collection).map((field) => [field, canonicalDecimal(String(living?.[`sum_${field}`] ?? 0))]),
          ),
          versions: versions.join(" "),
          newest: Math.max(Number(living?.newest ?? 0), Number(deleted?.newest ?? 0)),
        },
      ];
    }),
  );
}

export async function homeChanges(
  db: Db,
  userId: string,
  since: ReadonlyMap<Collection, number>,
  limit: number,
  maxTimeMS: number,
): Promise<Map<string, ManifestEntry[]>> {
  const ofEach = (collection: Collection): Document[] => [
    {
      $match: {
        ...keysOf(collection).everything(userId),
        version: { $gte: Long.fromNumber(since.get(collection) ?? 0) },
      },
    },
    { $sort: { version: 1 } },
    { $limit: limit },
    {
      $project: {
        _id: 0,
        collection: { $literal: collection.name },
        id: `$${keysOf(collection).idPath}`,
        version: 1,
        isLiving: IS_LIVING,
      },
    },
  ];
  const changes = new Map<string, ManifestEntry[]>();
  for (const { collection, id, version, isLiving } of await overAll(db, [...since.keys()], ofEach, maxTimeMS)) {
    const entries = changes.get(collection) ?? [];
    entries.push({ id: uuidText(id), version: Number(version), isDeleted: !isLiving });
    changes.set(collection, entries);
  }
  return changes;
}
