/** Bodies against a collection's schemas. Repositories do this themselves, so that code cannot store what the API refuses. */
import { err, ok, type Result } from "neverthrow";
import type { z } from "zod";
import { type FieldError, invalid, type RepositoryError } from "./errors.ts";

/** The value as the schema has it (defaults filled in, spellings made canonical), or `invalid_input` with every problem. */
export function validate<T>(schema: z.ZodType<T>, value: unknown): Result<T, RepositoryError> {
  const parsed = schema.safeParse(value);
  return parsed.success
    ? ok(parsed.data)
    : err(invalid("invalid_input", "The record does not fit its schema.", fieldErrors(parsed.error)));
}

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
    return [{ field: path, code: issue.code, message: issue.message }];
  });
}
