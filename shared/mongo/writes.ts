/** Creates and updates: one call, or a transaction where references are set. */

import type { Document } from "mongodb";
import { Long, UUID } from "mongodb";
import { err, ok } from "neverthrow";
import { notFound } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import { type Collection, identityOf, isTwoWay } from "../definition/define.ts";
import { foldedFields } from "../definition/search.ts";
import { DELETED, DUPLICATE, IDEMPOTENCY_MISMATCH, REFUSED_RECORD, VERSION_MISMATCH } from "../repository/refusals.ts";
import type { Row } from "../repository/store.ts";
import { nextVersion } from "../values/version.ts";
import { againstContention } from "./contention.ts";
import { recordProjection, toFields, toRecord } from "./documents.ts";
import { isDuplicate } from "./failures.ts";
import type { CallersFence } from "./fences.ts";
import { fixedIn, refusedChange } from "./fixed-fields.ts";
import { keysOf } from "./keys.ts";
import {
  currencyParent,
  needsCurrencyParent,
  type Parent,
  parentsOf,
  type ReferenceContext,
  recordKey,
  touchParents,
} from "./references.ts";
import { ruleConditions } from "./rules.ts";
import { type CallOptions, inTransaction } from "./transactions.ts";
import { inTurn } from "./turns.ts";
import { dirtied, unsent } from "./unsent.ts";
import { nextVersionOf } from "./versions.ts";

export interface WriteContext extends ReferenceContext {
  now: () => number;
  /** the number of this database, which its versions end in */
  site: number;
  /** of a caller who is moving or has moved */
  fence?: Pick<CallersFence, "touch"> | undefined;
}

/**
 * Runs `write`, and touches the parents in the same transaction. `isAlone`: there is nothing else to do in one.
 * `amountsIn`: the values that are written, of which an amount has to fit the currency of a parent.
 */
async function withParents(
  context: WriteContext,
  collection: Collection,
  id: string,
  parents: readonly Parent[],
  write: (options: CallOptions) => Answer<Row>,
  { isAlone = parents.length === 0, amountsIn = {} }: { isAlone?: boolean; amountsIn?: Row } = {},
): Answer<Row> {
  const stored = async (options: CallOptions): Answer<Row> => {
    try {
      return await write(options);
    } catch (error) {
      if (isDuplicate(error)) return err(DUPLICATE);
      throw error;
    }
  };
  const records = [{ target: collection.name, id }, ...parents].map((record) => recordKey(context, record));
  return inTurn(context, records, (maxTimeMs) => {
    const { fence } = context;
    if (isAlone && !fence && !needsCurrencyParent(collection, amountsIn))
      return againstContention({ ...context, maxTimeMs }, ({ left }) => stored(() => ({ maxTimeMS: left() })));
    return inTransaction({ ...context, maxTimeMs }, async (options) => {
      const held = (await fence?.touch(options)) ?? ok(undefined);
      if (held.isErr()) return err(held.error);
      const written = await stored(options);
      if (written.isErr()) return written;
      // which parent has the currency, and which amount it is, may both be what was there before
      const all = [...parents, ...currencyParent(collection, id, written.value)];
      return (await touchParents(context, collection, all, options)).map(() => written.value);
    });
  });
}

export async function createRecord(
  context: WriteContext,
  collection: Collection,
  id: string,
  values: Row,
  idempotencyHash?: string,
): Answer<Row> {
  const records = context.db.collection(collection.name);
  const keys = keysOf(collection);
  const parents = parentsOf(collection, id, values);
  const now = context.now();
  const at = new Date(now);
  const document: Document = {
    _id: keys.key(context.userId, id),
    ...(identityOf(collection).perOwner ? {} : { [keys.owner]: new UUID(context.userId) }),
    ...toFields(collection, values),
    created_at: at,
    updated_at: at,
    create_hash: idempotencyHash ?? null,
    ...(collection.search.length > 0 && { _folded: foldedFields(collection, values) }),
  };
  const stamp = (buried?: Document) => {
    const version = nextVersion(context.site, now, Number(buried?.version ?? 0));
    document.version = Long.fromNumber(version);
    if (isTwoWay(collection)) Object.assign(document, unsent(context.site, version, at, buried));
  };
  stamp();
  for (let buried: Document | undefined; ; ) {
    const created = await withParents(context, collection, id, parents, async (options) => {
      if (!buried) await records.insertOne(document as never, options());
      else {
        const grave = { ...keys.any(context.userId, id), version: buried.version, _deleted_at: { $ne: null } };
        const { matchedCount } = await records.replaceOne(grave, document, options());
        // another create was faster
        if (matchedCount === 0) return err(DUPLICATE);
      }
      return ok(toRecord(collection, context.userId, document));
    });
    if (created.isOk() || created.error !== DUPLICATE) return created;
    // the server's error does not always say which key it was, so the id is looked up
    const present = await records.findOne(keys.any(context.userId, id), {
      projection: { ...recordProjection(collection), create_hash: 1, _deleted_at: 1, _seen: 1 },
      maxTimeMS: context.maxTimeMs,
    });
    // a unique key it was, or the id is somebody else's where ids are global
    if (!present || Number(present.version) === Number(buried?.version)) return created;
    const isRepeat = idempotencyHash !== undefined && typeof present.create_hash === "string";
    if (isRepeat && present.create_hash !== idempotencyHash) return err(IDEMPOTENCY_MISMATCH);
    if (!present._deleted_at) return isRepeat ? ok(toRecord(collection, context.userId, present)) : created;
    if (isRepeat) return err(DELETED);
    // a tombstone: the document takes its place, with a version above it
    buried = present;
    stamp(present);
  }
}

export async function updateRecord(
  context: WriteContext,
  collection: Collection,
  id: string,
  values: Row,
  expectedVersion?: number,
): Answer<Row> {
  const records = context.db.collection(collection.name);
  const living = keysOf(collection).one(context.userId, id);
  const conditions = ruleConditions(collection, values);
  const versioned = expectedVersion === undefined ? living : { ...living, version: Long.fromNumber(expectedVersion) };
  const guarded = conditions.length === 0 ? versioned : { ...versioned, $and: conditions };
  const parents = parentsOf(collection, id, values);
  const hasFixed = fixedIn(collection, values).length > 0;
  const write = async (options: CallOptions): Answer<Row> => {
    const refused = hasFixed && (await refusedChange(context, collection, id, values, versioned, options));
    if (refused) return err(refused);
    const updated = await records.findOneAndUpdate(guarded, changes(context, collection, values), {
      returnDocument: "after",
      projection: recordProjection(collection),
      ...options(),
    });
    if (updated) return ok(toRecord(collection, context.userId, updated));
    const couldBeThere = expectedVersion !== undefined || conditions.length > 0;
    const there = couldBeThere && (await records.findOne(living, { projection: { version: 1 }, ...options() }));
    if (!there) return err(notFound());
    const isExpected = expectedVersion === undefined || Number(there.version) === expectedVersion;
    return err(isExpected && conditions.length > 0 ? REFUSED_RECORD : VERSION_MISMATCH);
  };
  const isAlone = parents.length === 0 && !hasFixed;
  return withParents(context, collection, id, parents, write, { isAlone, amountsIn: values });
}

/** The update as a pipeline. Every value is a literal: pipelines read strings that begin with `$` as expressions. */
function changes({ now: clock, site }: WriteContext, collection: Collection, values: Row): Document[] {
  const now = clock();
  const set: Document = {};
  for (const [name, value] of Object.entries(toFields(collection, values))) set[name] = { $literal: value };
  for (const [name, text] of Object.entries(foldedFields(collection, values)))
    set[`_folded.${name}`] = { $literal: text };
  return [
    { $set: { ...set, version: nextVersionOf(site, now), updated_at: new Date(now) } },
    ...(isTwoWay(collection) ? dirtied(site, now) : []),
  ];
}
