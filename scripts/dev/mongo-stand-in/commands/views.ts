/** Collections that show another one's documents through a pipeline, and hold none. */
import type { Collection } from "../collection.ts";
import { MongoError } from "../errors.ts";
import { compileQuery } from "../matcher.ts";
import { compileStages } from "../pipeline/index.ts";
import type { Doc } from "../values/compare.ts";
import { type Context, found, scopeOf, target } from "./context.ts";

export const isView = ({ options }: Pick<Collection, "options">): boolean => options.viewOn !== undefined;

/** What is read of a collection or a view; undefined: neither is there. */
export function readable(context: Context): Pick<Collection, "find" | "all" | "size"> | undefined {
  const collection = found(context);
  if (!collection || !isView(collection)) return collection;
  const source = context.engine.collection(context.db, String(collection.options.viewOn));
  const docs = compileStages(collection.options.pipeline)([...(source?.all() ?? [])], scopeOf(context));
  return {
    all: () => docs,
    size: docs.length,
    find: (query, scope, limit = Number.POSITIVE_INFINITY) => docs.filter(compileQuery(query, scope)).slice(0, limit),
  };
}

/** Refuses what is for collections alone. */
export function refuseView(context: Context): void {
  const name = context.command[context.name];
  const collection = typeof name === "string" && name !== "" ? found(context) : undefined;
  if (collection && isView(collection))
    throw new MongoError(166, `Namespace ${context.db}.${target(context)} is a view, not a collection`);
}

/** As `create` and `collMod` are given it; throws what the server would. */
export function checkView(options: Doc): void {
  if (options.viewOn === undefined) return;
  if (typeof options.viewOn !== "string" || options.viewOn === "") throw new MongoError(73, "'viewOn' cannot be empty");
  compileStages(options.pipeline);
}
