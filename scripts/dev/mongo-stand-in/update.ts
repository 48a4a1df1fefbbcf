import { ObjectId } from "bson";
import { MongoError } from "./errors.ts";
import { compileStages, type PipelineScope } from "./pipeline/index.ts";
import { compileModifiers, type UpdateScope } from "./update-operators.ts";
import { type Doc, equal, isDoc } from "./values/compare.ts";
import { put } from "./values/paths.ts";

export type Update = (doc: Doc, scope: UpdateScope & PipelineScope) => Doc;

const PIPELINE_STAGES = ["$set", "$addFields", "$unset", "$project", "$replaceWith", "$replaceRoot"];

function compilePipeline(stages: readonly unknown[]): Update {
  for (const stage of stages) {
    const name = isDoc(stage) ? (Object.keys(stage)[0] ?? "") : "";
    if (
      !PIPELINE_STAGES.includes(name) &&
      /^\$(match|group|sort|limit|lookup|facet|unwind|merge|count|skip|unionWith)$/.test(name)
    ) {
      throw new MongoError(72, `${name} is not allowed to be used within an update`);
    }
  }
  const run = compileStages(stages);
  return (doc, scope) => {
    const [result] = run([doc], scope);
    if (!result) throw new MongoError(2, "The update pipeline gave no document");
    return Object.hasOwn(result, "_id") || !Object.hasOwn(doc, "_id") ? result : { _id: doc._id, ...result };
  };
}

/** Compiles an update in any of its three forms: modifiers, a pipeline, a whole document. */
export function compileUpdate(update: unknown): { apply: Update; replaces: boolean } {
  if (Array.isArray(update)) return { apply: compilePipeline(update), replaces: false };
  if (!isDoc(update)) throw new MongoError(9, "Update argument must be either an object or an array");
  const [first] = Object.keys(update);
  if (first?.startsWith("$")) return { apply: compileModifiers(update), replaces: false };
  const dollar = Object.keys(update).find((name) => name.startsWith("$"));
  if (dollar)
    throw new MongoError(
      52,
      `The dollar ($) prefixed field '${dollar}' in '${dollar}' is not allowed in the context of an update's replacement document.`,
    );
  return {
    replaces: true,
    apply: (doc) => (Object.hasOwn(doc, "_id") ? { _id: doc._id, ...update } : { ...update }),
  };
}

/** Applies an update to a document that is there; `_id` cannot change. */
export function updated(doc: Doc, apply: Update, scope: PipelineScope): Doc {
  const result = apply(doc, { ...scope, inserting: false });
  if (!equal(result._id, doc._id)) {
    throw new MongoError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
  }
  return result;
}

function seed(query: Doc, into: Doc): Doc {
  let result = into;
  for (const [name, condition] of Object.entries(query)) {
    if (name === "$and" && Array.isArray(condition)) for (const part of condition) result = seed(part as Doc, result);
    if (name.startsWith("$")) continue;
    const operators = isDoc(condition) && Object.keys(condition).some((key) => key.startsWith("$"));
    if (operators && !Object.hasOwn(condition as Doc, "$eq")) continue;
    const set = compileModifiers({ $set: { [name]: operators ? (condition as Doc).$eq : condition } });
    result = set(result, { now: new Date(0), inserting: true });
  }
  return result;
}

/** The document an upsert inserts: what the query's equalities say, then the update. */
export function upserted(query: Doc, update: { apply: Update; replaces: boolean }, scope: PipelineScope): Doc {
  const seeded = seed(query, {});
  const start = update.replaces ? (Object.hasOwn(seeded, "_id") ? { _id: seeded._id } : {}) : seeded;
  const result = update.apply(start, { ...scope, inserting: true });
  if (Object.hasOwn(seeded, "_id") && !equal(seeded._id, result._id)) {
    throw new MongoError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
  }
  const { _id = new ObjectId(), ...rest } = result;
  const doc: Doc = { _id };
  for (const [name, value] of Object.entries(rest)) put(doc, name, value);
  return doc;
}
