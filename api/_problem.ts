/** Everything that goes wrong, as RFC 9457 problems with a stable `code`. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { z } from "zod";
import type { ErrorCode, FieldError, RepositoryError } from "../shared/contract/errors.ts";
import { createLog } from "../shared/log.ts";
import type { AppEnv } from "./_environment.ts";
import { jsonFault } from "./_json-fault.ts";

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: "stable: programs branch on it" }),
    detail: z.string().meta({ description: "for people" }),
    errors: z.array(z.object({ field: z.string(), code: z.string(), message: z.string() })),
  })
  .meta({ id: "Problem", description: "RFC 9457" });
type Problem = z.infer<typeof problemSchema>;

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  410: "Gone",
  412: "Precondition failed",
  413: "Content too large",
  415: "Unsupported media type",
  422: "Unprocessable content",
  429: "Too many requests",
  500: "Internal server error",
  503: "Service unavailable",
  507: "Insufficient storage",
};

const STATUSES: Readonly<Record<ErrorCode, number>> = {
  invalid_query: 400,
  invalid_cursor: 400,
  forbidden: 403,
  quota_exceeded: 403,
  not_found: 404,
  duplicate: 409,
  referenced: 409,
  idempotency_mismatch: 409,
  no_home: 409,
  insufficient_funds: 409,
  account_closed: 409,
  transfer_settled: 409,
  balance_open: 409,
  deleted: 410,
  version_mismatch: 412,
  invalid_input: 422,
  invalid_reference: 422,
  unavailable: 503,
  busy: 503,
  throttled: 503,
  misconfigured: 503,
  moved: 503,
  no_capacity: 503,
  storage_full: 507,
};

export interface ProblemOptions {
  status: number;
  code: string;
  detail: string;
  errors?: readonly FieldError[] | undefined;
  headers?: Readonly<Record<string, string>>;
}

/** A problem to throw from anywhere in a request. */
export class ProblemError extends Error {
  readonly options: ProblemOptions;
  constructor(options: ProblemOptions) {
    super(options.detail);
    this.name = "ProblemError";
    this.options = options;
  }
}

/** A body of 1 MB can be wrong in 200,000 places: what is told of them must not be a way to make us send more. */
const MAX_ERRORS = 50;
const MAX_TEXT = 500;
const cut = (text: string) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** The body of a problem. */
export function problemOf({ status, code, detail, errors = [] }: ProblemOptions): Problem {
  const more = errors.length > MAX_ERRORS ? ` The first ${MAX_ERRORS} of ${errors.length} faults are named.` : "";
  return {
    type: `urn:switchyard:problem:${code}`,
    title: TITLES[status] ?? "Error",
    status,
    code,
    detail: cut(detail) + more,
    errors: errors
      .slice(0, MAX_ERRORS)
      .map(({ field, code: fault, message }) => ({ field: cut(field), code: fault, message: cut(message) })),
  };
}

export function problemResponse(options: ProblemOptions): Response {
  return new Response(JSON.stringify(problemOf(options)), {
    status: options.status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...options.headers },
  });
}

/** What a repository could not do, as a problem. A 507 is not to be repeated by a program, hence no `retry-after` (RFC 4918). */
export function repositoryProblem(error: RepositoryError): ProblemError {
  const status = STATUSES[error.code];
  return new ProblemError({
    status,
    code: error.code,
    detail: error.message,
    errors: error.errors,
    headers: status === 503 ? { "retry-after": String(error.retryAfterSeconds ?? 5) } : {},
  });
}

/** Where a text stops being JSON, to stand behind "no valid JSON". */
function faultIn(text: string): string {
  if (text.trim() === "") return ": it is empty";
  const fault = jsonFault(text);
  if (!fault) return "";
  return fault.isEnd ? ": it ends too early" : ` at line ${fault.line}, column ${fault.column}`;
}

/** `onError` of the app: problems as they are, what the framework throws as problems, the rest logged and hidden. */
export async function handleError(error: unknown, c: Context<AppEnv>): Promise<Response> {
  if (error instanceof ProblemError) return problemResponse(error.options);
  if (error instanceof HTTPException) {
    const headers = error.res ? Object.fromEntries(error.res.headers) : {};
    const code =
      { 400: "malformed", 413: "too_large", 415: "unsupported_media_type" }[error.status as number] ?? "error";
    const detail = {
      400: async () => `The body is no valid JSON${faultIn(await c.req.text())}.`,
      415: async () => "Send the body as application/json.",
    }[error.status as number];
    delete headers["content-type"];
    return problemResponse({
      status: error.status,
      code,
      detail: (await detail?.()) ?? (error.message || "The request failed."),
      headers,
    });
  }
  // what cannot be built has no log either: a variable that is missing is named on the console, not to the caller
  const log = c.var.dependencies?.log ?? createLog({ level: "error" });
  const requestId = c.var.requestId ?? crypto.randomUUID();
  log.error("request_failed", {
    request_id: requestId,
    error: error instanceof Error ? error : new Error(String(error)),
    stack: error instanceof Error ? error.stack : undefined,
  });
  return problemResponse({
    status: 500,
    code: "internal",
    detail: `Something went wrong here. Name the request ${requestId} when you report it.`,
  });
}
