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
    : err(invalid("invalid_input", "The record does not fit its schema.", fieldErrors(parsed.error)));
}

/** For whoever has had the schema look at the value, such as the framework of the API: a body is looked at once. */
export function validated<T>(schema: z.ZodType<T>, value: T): T {
  if (isObject(value)) made.set(value, schema);
  return value;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** A zod error as field errors; one for each unknown key, too. */
export function fieldErrors(error: Pick<z.ZodError, "issues">): FieldError[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({
        field: [...issue.path, key].join("."),
        code: "unknown_field",
        message: `There is no field ${key} to set.`,
      }));
    // rules across fields have names of their own
    const code = issue.code === "custom" && typeof issue.params?.code === "string" ? issue.params.code : issue.code;
    return [{ field: path, code, message: issue.message }];
  });
}
