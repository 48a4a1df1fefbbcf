import { MongoError } from "./errors.ts";
import { compile } from "./expressions/compile.ts";
import { type Expression, type Scope, truthy } from "./expressions/operator.ts";
import { type Doc, isDoc } from "./values/compare.ts";
import { isNum } from "./values/numbers.ts";
import { own, put, withExpressionValue, without } from "./values/paths.ts";

export type Projection = (doc: Doc, scope: Omit<Scope, "root">) => Doc;
type Tree = Map<string, Tree | true>;

function isFlag(value: unknown): boolean {
  return typeof value === "boolean" || isNum(value);
}

function flatten(spec: Doc, prefix = ""): [string, unknown][] {
  return Object.entries(spec).flatMap(([name, value]): [string, unknown][] => {
    if (name.startsWith("$"))
      throw new MongoError(
        16410,
        `FieldPath field names may not start with '$'. Consider using $getField or $setField.`,
      );
    const nested = isDoc(value) && !Object.keys(value).some((key) => key.startsWith("$"));
    if (nested && Object.keys(value).length === 0)
      throw new MongoError(51270, "An empty sub-projection is not a valid value.");
    return nested ? flatten(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value]];
  });
}

function grow(tree: Tree, path: readonly string[]): void {
  const [name = "", ...rest] = path;
  if (rest.length === 0) {
    tree.set(name, true);
    return;
  }
  const found = tree.get(name);
  if (found === true) throw new MongoError(31249, `Path collision at ${name}`);
  const branch: Tree = found ?? new Map();
  tree.set(name, branch);
  grow(branch, rest);
}

function pick(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((item) => pick(item, tree)).filter((item) => item !== undefined);
  if (!isDoc(value)) return undefined;
  const result: Doc = {};
  for (const [name, inner] of Object.entries(value)) {
    const branch = tree.get(name);
    if (branch === undefined) continue;
    const picked = branch === true ? inner : pick(inner, branch);
    if (picked !== undefined) put(result, name, picked);
  }
  return result;
}

/** Compiles what `find` and `$project` share: fields in, fields out, or fields calculated. */
export function compileProjection(spec: unknown): Projection {
  if (!isDoc(spec)) throw new MongoError(15969, "$project specification must be an object");
  const entries = flatten(spec);
  const rest = entries.filter(([name]) => name !== "_id");
  const id = own(spec, "_id");
  const excluded = rest.find(([, value]) => isFlag(value) && !truthy(value));
  const included = rest.find(([, value]) => !isFlag(value) || truthy(value));
  if (excluded && included) {
    throw excluded === rest[0]
      ? new MongoError(31253, `Cannot do inclusion on field ${included[0]} in exclusion projection`)
      : new MongoError(31254, `Cannot do exclusion on field ${excluded[0]} in inclusion projection`);
  }
  const dropsId = isFlag(id) && !truthy(id);
  if (excluded || (!included && dropsId)) {
    const paths = entries.filter(([, value]) => !truthy(value)).map(([name]) => name.split("."));
    return (doc) => paths.reduce<Doc>((result, path) => without(result, path) as Doc, doc);
  }
  if (entries.length === 0) return (doc) => doc;
  const tree: Tree = new Map(dropsId || (id !== undefined && !isFlag(id)) ? [] : [["_id", true]]);
  const computed: [string[], Expression][] = [];
  for (const [name, value] of entries) {
    const path = name.split(".");
    if (!isFlag(value)) computed.push([path, compile(value)]);
    else if (name !== "_id") grow(tree, path);
  }
  return (doc, scope) =>
    computed.reduce<Doc>(
      (result, [path, expression]) => withExpressionValue(result, path, expression({ ...scope, root: doc })) as Doc,
      pick(doc, tree) as Doc,
    );
}
