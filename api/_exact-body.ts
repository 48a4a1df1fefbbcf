/**
 * The body of a write to a collection with JSON fields. `JSON.parse` has made doubles of all numbers, and in these fields
 * they stay what they are; everything else of a body is as it is without such fields.
 */
import { createMiddleware } from "hono/factory";
import type { Collection } from "../shared/definition/define.ts";
import { levelsOf, MAX_LEVELS, parseJson } from "../shared/values/json.ts";
import type { AppEnv } from "./_environment.ts";
import { ProblemError } from "./_problem.ts";

/**
 * Deeper bodies are refused whole, because the engine calls itself for each level when it reads the numbers, and when it
 * prints an operation of a batch for its hash, which comes before the schema. Far above what a field may have: where one is
 * too deep by a little, the field is named, and the other operations are done.
 */
const MAX_BODY_LEVELS = 500;

type Shape = "record" | "batch";

/** Behind `requireBody`. */
export const exactBody = ({ fields }: Collection, shape: Shape) => {
  const names = Object.keys(fields).filter((name) => fields[name]?.kind === "json");
  return createMiddleware<AppEnv>(async (c, next) => {
    if (names.length === 0 && shape === "record") return next();
    const text = await c.req.text();
    if (levelsOf(text) > MAX_BODY_LEVELS) throw TOO_DEEP();
    if (names.length === 0) return next();
    // what hono's validator calls; what it throws is malformed JSON to it
    c.req.json = async () => {
      const body = JSON.parse(text);
      const exact = parseJson(text);
      const [bodies, exacts] = [recordsIn(body, shape), recordsIn(exact, shape)];
      bodies.forEach((record, at) => {
        for (const name of names) if (Object.hasOwn(record, name)) record[name] = exacts[at]?.[name];
      });
      return body;
    };
    return next();
  });
};

type Members = Record<string, unknown>;

/** The objects that hold fields, in their order; what is none is for the schema to refuse. */
function recordsIn(body: unknown, shape: Shape): Members[] {
  if (shape === "record") return isObject(body) ? [body] : [];
  const operations = isObject(body) && Array.isArray(body.operations) ? body.operations : [];
  return operations.flatMap((operation) => (isObject(operation) && isObject(operation.body) ? [operation.body] : []));
}

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const TOO_DEEP = () =>
  new ProblemError({
    status: 422,
    code: "invalid_input",
    detail: "The body does not fit its schema.",
    errors: [
      {
        field: "",
        code: "too_deep",
        message: `At most ${MAX_BODY_LEVELS} levels of lists and objects, one in another, and ${MAX_LEVELS} in a field of JSON.`,
      },
    ],
  });
