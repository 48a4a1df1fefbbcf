/** Bodies against a collection's schemas. Repositories do this themselves, so that code cannot store what the API refuses. */
import { err, ok, type Result } from "neverthrow";
import type { z } from "zod";
import { type FieldError, invalid, type RepositoryError } from "./errors.ts";

/** Which schema has made a value: it need not look at it again. */
const made = new WeakMap<object, z.ZodType>();

/**
 * The value as the schema has it (defaults filled in, spellings made canonical), or `invalid_input` with every problem.
 * One that this schema has made already, and nobody has changed since, is what it is.
 */
export function validate<T>(schema: z.ZodType<T>, value: unknown): Result<T, RepositoryError> {
  if (isObject(value) && made.get(value) === schema) return ok(value as T);
  const parsed = schema.safeParse(value);
  return parsed.success
    ? ok(validated(schema, parsed.data))
    : err(invalid("invalid_input", "The record does not fit its schema.", fieldErrors(parsed.error, value)));
}

/** For whoever has had the schema look at the value, such as the framework of the API: a body is looked at once. */
export function validated<T>(schema: z.ZodType<T>, value: T): T {
  if (isObject(value)) made.set(value, schema);
  return value;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/**
 * A zod error as field errors; one for each unknown key, too. `input` is what was looked at: with it, what is missing is
 * called missing and not told how it would have to look, and what is of another type is told which.
 */
export function fieldErrors(error: Pick<z.ZodError, "issues">, input?: unknown): FieldError[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({
        field: [...issue.path, key].join("."),
        code: "unknown_field",
        message: `There is no field ${key} to set.`,
      }));
    // rules across fields have names of their own
    if (issue.code === "custom")
      return [{ field: path, code: (issue.params?.code as string | undefined) ?? "custom", message: issue.message }];
    const given = valueAt(input, issue.path);
    if (isObject(input) && issue.path.length > 0 && given === undefined)
      return [{ field: path, code: "missing", message: `${path} is missing.` }];
    const message =
      issue.code === "invalid_type" && input !== undefined ? wrongType(path, issue, given) : issue.message;
    return [{ field: path, code: issue.code, message }];
  });
}

/** What stands at a path of own properties; undefined for nothing. */
function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key as keyof typeof value];
  }
  return value;
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  null: "null",
  json: "a JSON value",
};

/** With what the schema has to say beside, where that is more than which type it is. */
function wrongType(path: string, issue: { expected: string; message: string }, given: unknown): string {
  const kind = given === null ? "null" : Array.isArray(given) ? "array" : typeof given;
  const word = (type: string) => WORDS[type] ?? type;
  const subject = path === "" ? "The body" : path;
  const but = word(kind) === word(issue.expected) ? "" : `, not ${word(kind)}`;
  const more = issue.message.startsWith("Invalid input") ? "" : ` ${issue.message}`;
  return `${subject} must be ${word(issue.expected)}${but}.${more}`;
}
