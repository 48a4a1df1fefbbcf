import { ObjectId } from "bson";
import { encode } from "../bson.ts";
import type { Collection } from "../collection.ts";
import { MongoError, notImplemented } from "../errors.ts";
import type { PipelineScope } from "../pipeline/index.ts";
import { compileProjection } from "../projection.ts";
import { compileSort } from "../sort.ts";
import { compileUpdate, updated, upserted } from "../update.ts";
import { compare, type Doc, isDoc } from "../values/compare.ts";
import { integer } from "../values/numbers.ts";
import { put } from "../values/paths.ts";
import { type Command, docOf, found, foundOrCreated, listOf, numberOf, refuseCollation, scopeOf } from "./context.ts";

/** One statement's refusal is its own; ordered writes stop at the first. */
function each(statements: readonly Doc[], ordered: boolean, write: (statement: Doc, index: number) => void): Doc {
  const writeErrors: Doc[] = [];
  for (const [index, statement] of statements.entries()) {
    try {
      write(statement, index);
    } catch (error) {
      // a conflict is the whole transaction's
      if (!(error instanceof MongoError) || error.code === 112) throw error;
      writeErrors.push({ index: integer(index), code: integer(error.code), ...error.extra, errmsg: error.message });
      if (ordered) break;
    }
  }
  return writeErrors.length > 0 ? { writeErrors } : {};
}

/** `_id` comes first, made here when the client gave none. */
function withId(doc: Doc): Doc {
  if (Object.keys(doc)[0] === "_id") return doc;
  const result: Doc = { _id: Object.hasOwn(doc, "_id") ? doc._id : new ObjectId() };
  for (const [name, value] of Object.entries(doc)) put(result, name, value);
  return result;
}

const insert: Command = (context) => {
  const documents = listOf(context.command.documents, "documents");
  const collection = foundOrCreated(context);
  let n = 0;
  const errors = each(documents, context.command.ordered !== false, (doc) => {
    collection.insert(withId(doc), context.command.bypassDocumentValidation !== true);
    n += 1;
  });
  return { n: integer(n), ...errors };
};

function unchanged(a: Doc, b: Doc): boolean {
  return a === b || (compare(a, b) === 0 && Buffer.compare(encode(a), encode(b)) === 0);
}

interface Change {
  query: Doc;
  update: unknown;
  multi: boolean;
  upsert: boolean;
  validate: boolean;
  sort?: Doc;
}

interface Changed {
  matched: number;
  modified: number;
  before: Doc | undefined;
  after: Doc | undefined;
  inserted: Doc | undefined;
}

function change(
  collection: Collection,
  { query, update, multi, upsert, validate, sort }: Change,
  scope: PipelineScope,
): Changed {
  const compiled = compileUpdate(update);
  if (multi && compiled.replaces) throw new MongoError(9, "multi update is not supported for replacement-style update");
  const all = collection.find(query, scope, multi || sort ? undefined : 1);
  const docs = multi ? all : (sort ? compileSort(sort)(all) : all).slice(0, 1);
  const result: Changed = { matched: docs.length, modified: 0, before: docs[0], after: undefined, inserted: undefined };
  for (const doc of docs) {
    const next = updated(doc, compiled.apply, scope);
    result.after ??= next;
    if (unchanged(doc, next)) continue;
    collection.replace(doc, next, validate);
    result.modified += 1;
  }
  if (docs.length === 0 && upsert) {
    result.inserted = upserted(query, compiled, scope);
    result.after = result.inserted;
    collection.insert(result.inserted, validate);
  }
  return result;
}

const update: Command = (context) => {
  const updates = listOf(context.command.updates, "updates");
  const collection = foundOrCreated(context);
  const scope = scopeOf(context);
  const upserts: Doc[] = [];
  let [n, nModified] = [0, 0];
  const errors = each(updates, context.command.ordered !== false, (one, index) => {
    refuseCollation(one);
    if (one.arrayFilters !== undefined) throw notImplemented("arrayFilters");
    const result = change(
      collection,
      {
        query: docOf(one.q, "q"),
        update: one.u,
        multi: one.multi === true,
        upsert: one.upsert === true,
        validate: context.command.bypassDocumentValidation !== true,
        ...(isDoc(one.sort) ? { sort: one.sort } : {}),
      },
      scope,
    );
    n += result.matched + (result.inserted ? 1 : 0);
    nModified += result.modified;
    if (result.inserted) upserts.push({ index: integer(index), _id: result.inserted._id });
  });
  return {
    n: integer(n),
    nModified: integer(nModified),
    ...(upserts.length > 0 ? { upserted: upserts } : {}),
    ...errors,
  };
};

const remove: Command = (context) => {
  const collection = found(context);
  const scope = scopeOf(context);
  let n = 0;
  const errors = each(listOf(context.command.deletes, "deletes"), context.command.ordered !== false, (one) => {
    refuseCollation(one);
    const docs = collection?.find(docOf(one.q, "q"), scope, numberOf(one.limit, 0) === 1 ? 1 : undefined) ?? [];
    for (const doc of docs) collection?.remove(doc);
    n += docs.length;
  });
  return { n: integer(n), ...errors };
};

const findAndModify: Command = (context) => {
  const { command } = context;
  refuseCollation(command);
  if (command.arrayFilters !== undefined) throw notImplemented("arrayFilters");
  const [scope, query, sort] = [scopeOf(context), docOf(command.query, "query"), docOf(command.sort, "sort")];
  const project = compileProjection(docOf(command.fields, "fields"));
  if (command.remove === true) {
    const collection = found(context);
    const [doc] = compileSort(sort)(collection?.find(query, scope) ?? []);
    if (doc) collection?.remove(doc);
    return { lastErrorObject: { n: integer(doc ? 1 : 0) }, value: doc ? project(doc, scope) : null };
  }
  if (command.update === undefined) throw new MongoError(9, "Either an update or remove=true must be specified");
  const result = change(
    foundOrCreated(context),
    {
      query,
      update: command.update,
      multi: false,
      upsert: command.upsert === true,
      validate: command.bypassDocumentValidation !== true,
      ...(Object.keys(sort).length > 0 ? { sort } : {}),
    },
    scope,
  );
  const value = command.new === true ? result.after : result.before;
  return {
    lastErrorObject: {
      n: integer(result.matched + (result.inserted ? 1 : 0)),
      updatedExisting: result.matched > 0,
      ...(result.inserted ? { upserted: result.inserted._id } : {}),
    },
    value: value ? project(value, scope) : null,
  };
};

export const writes: Record<string, Command> = {
  insert,
  update,
  delete: remove,
  findAndModify,
  findandmodify: findAndModify,
};
