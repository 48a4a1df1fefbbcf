/** What is wrong with the parameters of a report before its schema looks at their values. */
import { createMiddleware } from "hono/factory";
import { invalid } from "../shared/contract/errors.ts";
import type { AppEnv } from "./_environment.ts";
import { type ProblemError, repositoryProblem } from "./_problem.ts";

/** A 400 for one parameter, in the words of all others. */
export const notUnderstood = (field: string, code: string, message: string): ProblemError =>
  repositoryProblem(invalid("invalid_query", "The query cannot be understood.", [{ field, code, message }]));

/**
 * Refuses parameters that a report does not have, by name: left out of account, a filter would seem to have been applied.
 * And those that are given twice, of which the schema would only say that they are no text.
 */
export const refuseOthers = (names: readonly string[]) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const has = names.length > 0 ? `It has ${names.join(", ")}.` : "It has none.";
    for (const [name, values] of Object.entries(c.req.queries())) {
      if (!names.includes(name))
        throw notUnderstood(name, "unknown_parameter", `This report has no parameter ${name}. ${has}`);
      if (values.length > 1) throw notUnderstood(name, "repeated", `Give ${name} once.`);
      if (values[0]?.includes(" ") && name === "tz")
        throw notUnderstood(name, "invalid_value", "In a URL a + is a space: write the + as %2B.");
    }
    await next();
  });
