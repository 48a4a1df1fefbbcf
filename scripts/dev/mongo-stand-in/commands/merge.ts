import { ObjectId } from "bson";
import type { Engine } from "../engine.ts";
import { MongoError, notImplemented } from "../errors.ts";
import { type Doc, isDoc } from "../values/compare.ts";

/** `$merge`, by `_id` only. */
export function mergeInto(engine: Engine, db: string, spec: unknown, docs: readonly Doc[]): void {
  const {
    into,
    on = "_id",
    whenMatched = "merge",
    whenNotMatched = "insert",
  } = (isDoc(spec) ? spec : { into: spec }) as Doc;
  if (on !== "_id") throw notImplemented("$merge on anything but _id");
  const [toDb, name] = isDoc(into) ? [String(into.db ?? db), String(into.coll)] : [db, String(into)];
  const collection = engine.collection(toDb, name) ?? engine.create(toDb, name);
  for (const given of docs) {
    const doc: Doc = Object.hasOwn(given, "_id") ? given : { _id: new ObjectId(), ...given };
    const [old] = collection.find({ _id: { $eq: doc._id } }, { vars: {} });
    if (!old) {
      if (whenNotMatched === "fail")
        throw new MongoError(13113, "$merge could not find a matching document in the target collection");
      if (whenNotMatched === "insert") collection.insert(doc);
    } else if (whenMatched === "replace") collection.replace(old, doc);
    else if (whenMatched === "merge") collection.replace(old, { ...old, ...doc });
    else if (whenMatched === "fail")
      throw new MongoError(11000, "E11000 duplicate key error: $merge found a matching document");
    else if (whenMatched !== "keepExisting") throw notImplemented("$merge with a pipeline");
  }
}
