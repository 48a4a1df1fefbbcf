import type { Collection } from "../collection.ts";
import type { Cursors } from "../cursors.ts";
import type { Engine } from "../engine.ts";
import { MongoError, notImplemented } from "../errors.ts";
import type { PipelineScope } from "../pipeline/index.ts";
import type { Sessions } from "../sessions.ts";
import { type Doc, isDoc } from "../values/compare.ts";
import { isNum, toNumber } from "../values/numbers.ts";
import { mergeInto } from "./merge.ts";

export interface Context {
  readonly engine: Engine;
  readonly sessions: Sessions;
  readonly cursors: Cursors;
  readonly db: string;
  readonly command: Doc;
  /** the command's name, whose value most often is a collection's name */
  readonly name: string;
  readonly connectionId: number;
}

export type Command = (context: Context) => Doc;

/** The collection a command is for, whether it is there or not. */
export function target(context: Context): string {
  const name = context.command[context.name];
  if (typeof name !== "string" || name === "") {
    throw new MongoError(73, `Invalid namespace specified '${context.db}.${String(name)}'`);
  }
  return name;
}

export function found(context: Context): Collection | undefined {
  return context.engine.collection(context.db, target(context));
}

export function foundOrCreated(context: Context): Collection {
  return found(context) ?? context.engine.create(context.db, target(context));
}

export function numberOf(value: unknown, otherwise: number): number {
  return isNum(value) ? toNumber(value) : otherwise;
}

export function docOf(value: unknown, field: string): Doc {
  if (value === undefined) return {};
  if (!isDoc(value)) throw new MongoError(14, `BSON field '${field}' is the wrong type, expected type 'object'`);
  return value;
}

export function listOf(value: unknown, field: string): Doc[] {
  if (!Array.isArray(value)) throw new MongoError(40414, `BSON field '${field}' is missing but a required field`);
  return value.map((item) => docOf(item, field));
}

/** Sorting by language is left out; `simple` is what happens anyway. */
export function refuseCollation(options: Doc): void {
  if (isDoc(options.collation) && options.collation.locale !== "simple") throw notImplemented("A collation");
}

/** Variables, time and other collections for what a command evaluates. */
export function scopeOf(context: Context): PipelineScope {
  const now = new Date();
  const scope: PipelineScope = {
    now,
    vars: { ...docOf(context.command.let, "let"), NOW: now },
    source: {
      find: (name, query) => context.engine.collection(context.db, name)?.find(query, scope) ?? [],
      merge: (spec, docs) => mergeInto(context.engine, context.db, spec, docs),
    },
  };
  return scope;
}
