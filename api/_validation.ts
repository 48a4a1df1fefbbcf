/** What the framework finds wrong with a request: 422 for a body that breaks its schema, 400 for everything else. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { ZodError } from "zod";
import { fieldErrors } from "../shared/contract/validate.ts";
import type { AppEnv } from "./_environment.ts";
import { problemResponse } from "./_problem.ts";

interface Validation {
  success: boolean;
  target: string;
  error?: unknown;
  /** what was looked at */
  data?: unknown;
}

/** An app whose validation errors are problems. */
export const createRoutes = () =>
  new OpenAPIHono<AppEnv>({
    defaultHook: (result: Validation) => {
      if (result.success) return undefined;
      const errors = fieldErrors(result.error as Pick<ZodError, "issues">, result.data);
      return result.target === "json"
        ? problemResponse({ status: 422, code: "invalid_input", detail: "The body does not fit its schema.", errors })
        : problemResponse({ status: 400, code: "malformed", detail: "The request cannot be understood.", errors });
    },
  });
