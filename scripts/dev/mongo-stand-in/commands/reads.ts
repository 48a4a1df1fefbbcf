import { MongoError, notImplemented } from "../errors.ts";
import { compileQuery } from "../matcher.ts";
import { compileStages, distinctValues } from "../pipeline/index.ts";
import { compileProjection } from "../projection.ts";
import { compileSort } from "../sort.ts";
import { type Doc, isDoc } from "../values/compare.ts";
import { integer } from "../values/numbers.ts";
import { valuesAt } from "../values/paths.ts";
import { type Command, type Context, docOf, numberOf, refuseCollation, scopeOf, target } from "./context.ts";
import { readable } from "./views.ts";

function refuse(command: Doc, options: readonly string[]): void {
  for (const option of options)
    if (command[option] !== undefined && command[option] !== false) throw notImplemented(`The option ${option}`);
}

const find: Command = (context) => {
  const { command } = context;
  refuseCollation(command);
  refuse(command, ["tailable", "min", "max", "returnKey", "showRecordId"]);
  const filter = docOf(command.filter, "filter");
  const sort = compileSort(docOf(command.sort, "sort"));
  const project = compileProjection(docOf(command.projection, "projection"));
  const [skip, limit] = [numberOf(command.skip, 0), Math.abs(numberOf(command.limit, 0)) || Number.POSITIVE_INFINITY];
  if (skip < 0) throw new MongoError(51024, "BSON field 'skip' value must be >= 0");
  const scope = scopeOf(context);
  compileQuery(filter, scope);
  const sorted = Object.keys(docOf(command.sort, "sort")).length > 0;
  const all = readable(context)?.find(filter, scope, sorted ? undefined : skip + limit) ?? [];
  const docs = (sorted ? sort(all) : all).slice(skip, skip + limit).map((doc) => project(doc, scope));
  const single = command.singleBatch === true || numberOf(command.limit, 0) < 0;
  return context.cursors.first(`${context.db}.${target(context)}`, docs, numberOf(command.batchSize, 101), single);
};

/** A `$match` at the start is answered through the indexes. */
function start(context: Context, pipeline: readonly unknown[]): { docs: Doc[]; rest: readonly unknown[] } {
  const [first] = pipeline;
  const collection = readable(context);
  if (isDoc(first) && isDoc(first.$match)) {
    return { docs: collection?.find(first.$match, scopeOf(context)) ?? [], rest: pipeline.slice(1) };
  }
  return { docs: [...(collection?.all() ?? [])], rest: pipeline };
}

const aggregate: Command = (context) => {
  const { command } = context;
  refuseCollation(command);
  refuse(command, ["explain"]);
  if (!isDoc(command.cursor))
    throw new MongoError(9, "The 'cursor' option is required, except for aggregate with the explain argument");
  if (typeof command.aggregate !== "string") throw notImplemented("An aggregate without a collection");
  const pipeline = Array.isArray(command.pipeline) ? command.pipeline : [];
  compileStages(command.pipeline);
  const { docs, rest } = start(context, pipeline);
  const result = compileStages(rest)(docs, scopeOf(context));
  return context.cursors.first(`${context.db}.${target(context)}`, result, numberOf(command.cursor.batchSize, 101));
};

const count: Command = (context) => {
  refuseCollation(context.command);
  const query = docOf(context.command.query, "query");
  const scope = scopeOf(context);
  compileQuery(query, scope);
  const collection = readable(context);
  const [skip, limit] = [
    numberOf(context.command.skip, 0),
    Math.abs(numberOf(context.command.limit, 0)) || Number.POSITIVE_INFINITY,
  ];
  const all = Object.keys(query).length === 0 ? (collection?.size ?? 0) : (collection?.find(query, scope).length ?? 0);
  return { n: integer(Math.max(0, Math.min(all - skip, limit))) };
};

const distinct: Command = (context) => {
  refuseCollation(context.command);
  const query = docOf(context.command.query, "query");
  const path = String(context.command.key).split(".");
  const docs = readable(context)?.find(query, scopeOf(context)) ?? [];
  return { values: distinctValues(docs.flatMap((doc) => valuesAt(doc, path))) };
};

const getMore: Command = (context) => {
  const namespace = `${context.db}.${String(context.command.collection)}`;
  return context.cursors.more(
    String(context.command.getMore),
    namespace,
    numberOf(context.command.batchSize, Number.POSITIVE_INFINITY),
  );
};

const killCursors: Command = (context) => {
  const ids = Array.isArray(context.command.cursors) ? context.command.cursors : [];
  const killed = ids.filter((id) => context.cursors.kill(String(id)));
  return {
    cursorsKilled: killed,
    cursorsNotFound: ids.filter((id) => !killed.includes(id)),
    cursorsAlive: [],
    cursorsUnknown: [],
  };
};

export const reads: Record<string, Command> = { find, aggregate, count, distinct, getMore, killCursors };
