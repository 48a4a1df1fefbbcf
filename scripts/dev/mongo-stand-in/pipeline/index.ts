import { MongoError } from "../errors.ts";
import { compile } from "../expressions/compile.ts";
import type { Scope } from "../expressions/operator.ts";
import { compileQuery } from "../matcher.ts";
import { compileProjection } from "../projection.ts";
import { compileSort } from "../sort.ts";
import { type Doc, isDoc, keyOf } from "../values/compare.ts";
import { integer, isNum, toNumber } from "../values/numbers.ts";
import { expressionValue, own, put, withExpressionValue, without } from "../values/paths.ts";
import { typeName } from "../values/types.ts";
import { compileGroup } from "./group.ts";

/** What stages that look at other collections need of the database. */
interface Source {
  find(collection: string, query: Doc): readonly Doc[];
  merge(spec: unknown, docs: readonly Doc[]): void;
}

export interface PipelineScope extends Omit<Scope, "root"> {
  readonly now: Date;
  readonly source: Source;
}

type Stage = (docs: readonly Doc[], scope: PipelineScope) => readonly Doc[];

/** Compiles a pipeline; unknown stages are refused before anything runs. */
export function compileStages(stages: unknown): Stage {
  if (!Array.isArray(stages)) throw new MongoError(14, "'pipeline' option must be specified as an array");
  const compiled = stages.map((stage) => {
    if (!isDoc(stage) || Object.keys(stage).length !== 1) {
      throw new MongoError(40323, "A pipeline stage specification object must contain exactly one field.");
    }
    const [name = ""] = Object.keys(stage);
    const create = Object.hasOwn(STAGES, name) ? STAGES[name] : undefined;
    if (!create) throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`);
    return create(stage[name]);
  });
  return (docs, scope) => compiled.reduce<readonly Doc[]>((current, stage) => stage(current, scope), docs);
}

function count(value: unknown, name: string, min: number, code: number): number {
  const found = isNum(value) ? toNumber(value) : Number.NaN;
  if (!Number.isInteger(found) || found < min)
    throw new MongoError(
      code,
      `invalid argument to ${name} stage: Expected ${min === 1 ? "a positive" : "a non-negative"} number in: ${name}`,
    );
  return found;
}

function addFields(spec: unknown): Stage {
  if (!isDoc(spec)) throw new MongoError(40272, "$addFields specification stage must be an object");
  const fields = flattened(spec).map(([path, value]) => [path, compile(value)] as const);
  return (docs, scope) =>
    docs.map((doc) =>
      fields.reduce<Doc>(
        (result, [path, value]) => withExpressionValue(result, path, value({ ...scope, root: doc })) as Doc,
        doc,
      ),
    );
}

function flattened(spec: Doc, prefix: string[] = []): [string[], unknown][] {
  return Object.entries(spec).flatMap(([name, value]): [string[], unknown][] => {
    const path = [...prefix, ...name.split(".")];
    const nested =
      isDoc(value) && Object.keys(value).length > 0 && !Object.keys(value).some((key) => key.startsWith("$"));
    return nested ? flattened(value, path) : [[path, value]];
  });
}

function unset(spec: unknown): Stage {
  const paths = (Array.isArray(spec) ? spec : [spec]).map((name) => {
    if (typeof name !== "string" || name === "")
      throw new MongoError(31002, "$unset specification must be a string or an array");
    return name.split(".");
  });
  return (docs) => docs.map((doc) => paths.reduce<Doc>((result, path) => without(result, path) as Doc, doc));
}

function replaceWith(spec: unknown): Stage {
  const value = compile(spec);
  return (docs, scope) =>
    docs.map((doc) => {
      const result = value({ ...scope, root: doc });
      if (!isDoc(result))
        throw new MongoError(
          40228,
          `'replacement document' must evaluate to an object, but resulting value was of type ${typeName(result)}`,
        );
      return result;
    });
}

function unwind(spec: unknown): Stage {
  const { path, preserveNullAndEmptyArrays, includeArrayIndex } = (isDoc(spec) ? spec : { path: spec }) as Doc;
  if (typeof path !== "string" || !path.startsWith("$"))
    throw new MongoError(28818, "path option to $unwind stage should be prefixed with a '$'");
  const parts = path.slice(1).split(".");
  return (docs) =>
    docs.flatMap((doc) => {
      const value = expressionValue(doc, parts);
      const list = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
      if (list.length === 0) {
        if (preserveNullAndEmptyArrays !== true) return [];
        return [Array.isArray(value) ? (without(doc, parts) as Doc) : doc];
      }
      return list.map((item, index) => {
        const result = withExpressionValue(doc, parts, item) as Doc;
        if (typeof includeArrayIndex === "string") put(result, includeArrayIndex, integer(index));
        return result;
      });
    });
}

function lookup(spec: unknown): Stage {
  if (!isDoc(spec) || typeof spec.from !== "string" || typeof spec.as !== "string")
    throw new MongoError(9, "$lookup needs 'from' and 'as'");
  const { from, as, localField, foreignField } = spec as {
    from: string;
    as: string;
    localField?: string;
    foreignField?: string;
  };
  const vars = Object.entries((spec.let as Doc | undefined) ?? {}).map(
    ([name, value]) => [name, compile(value)] as const,
  );
  const rest = compileStages(spec.pipeline ?? []);
  return (docs, scope) =>
    docs.map((doc) => {
      let query: Doc = {};
      if (localField !== undefined && foreignField !== undefined) {
        const value = expressionValue(doc, localField.split(".")) ?? null;
        query = { [foreignField]: Array.isArray(value) ? { $in: value } : { $eq: value } };
      }
      const inner = { ...scope.vars };
      for (const [name, value] of vars) inner[name] = value({ ...scope, root: doc });
      const found = rest(scope.source.find(from, query), { ...scope, vars: inner });
      return withExpressionValue(doc, as.split("."), [...found]) as Doc;
    });
}

function facet(spec: unknown): Stage {
  if (!isDoc(spec)) throw new MongoError(40169, "the $facet specification must be a non-empty object");
  const facets = Object.entries(spec).map(([name, stages]) => [name, compileStages(stages)] as const);
  return (docs, scope) => {
    const result: Doc = {};
    for (const [name, run] of facets) put(result, name, [...run(docs, scope)]);
    return [result];
  };
}

function unionWith(spec: unknown): Stage {
  const collection = typeof spec === "string" ? spec : isDoc(spec) ? String(spec.coll) : "";
  const run = compileStages((isDoc(spec) ? own(spec, "pipeline") : undefined) ?? []);
  return (docs, scope) => [...docs, ...run(scope.source.find(collection, {}), scope)];
}

function match(spec: unknown): Stage {
  compileQuery(spec);
  return (docs, scope) => docs.filter(compileQuery(spec, scope));
}

const STAGES: Record<string, (spec: unknown) => Stage> = {
  $match: match,
  $project: (spec) => {
    if (isDoc(spec) && Object.keys(spec).length === 0)
      throw new MongoError(
        51272,
        "Invalid $project :: caused by :: projection specification must have at least one field",
      );
    const project = compileProjection(spec);
    return (docs, scope) => docs.map((doc) => project(doc, scope));
  },
  $addFields: addFields,
  $set: addFields,
  $unset: unset,
  $sort: (spec) => compileSort(spec),
  $limit: (spec) => {
    const limit = count(spec, "$limit", 1, 15958);
    return (docs) => docs.slice(0, limit);
  },
  $skip: (spec) => {
    const skip = count(spec, "$skip", 0, 5107200);
    return (docs) => docs.slice(skip);
  },
  $group: compileGroup,
  $count: (spec) => {
    if (typeof spec !== "string" || spec === "")
      throw new MongoError(40156, "the count field must be a non-empty string");
    return (docs) => (docs.length === 0 ? [] : [{ [spec]: integer(docs.length) }]);
  },
  $sortByCount: (spec) => {
    const group = compileGroup({ _id: spec, count: { $sum: integer(1) } });
    const sort = compileSort({ count: integer(-1) });
    return (docs, scope) => sort(group(docs, scope));
  },
  $facet: facet,
  $lookup: lookup,
  $unwind: unwind,
  $replaceWith: replaceWith,
  $replaceRoot: (spec) => replaceWith(isDoc(spec) ? spec.newRoot : undefined),
  $unionWith: unionWith,
  $merge: (spec) => (docs, scope) => {
    scope.source.merge(spec, docs);
    return [];
  },
};

/** The distinct values at a path, arrays by element. */
export function distinctValues(values: readonly unknown[]): unknown[] {
  const flat = values
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter((value) => value !== undefined);
  return [...new Map(flat.map((value) => [keyOf(value), value])).values()];
}
