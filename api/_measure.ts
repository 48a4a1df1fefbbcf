/** Measures a request once it is answered: by the route's pattern, never its path, so that nobody's id is kept, and series are few. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "./_environment.ts";
import { ProblemError } from "./_problem.ts";

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Of problems that were not thrown. */
const CODES: Readonly<Record<number, string>> = {
  400: "malformed",
  404: "not_found",
  405: "method_not_allowed",
  413: "too_large",
  415: "unsupported_media_type",
  422: "invalid_input",
  429: "rate_limited",
  500: "internal",
};

/** Behind everything. Never throws, and never waits. */
export function measure(c: Context<AppEnv>, ms: number): void {
  const { metrics } = c.get("dependencies");
  if (!metrics) return;
  const { status } = c.res;
  const calls = c.get("timings");
  for (const { database, ms: took, path } of calls) metrics.observe("call", { database, path: path ?? "driver" }, took);
  const [longest] = [...calls].sort((one, other) => other.ms - one.ms);
  const labels = {
    method: METHODS.has(c.req.method) ? c.req.method : "OTHER",
    route: routeOf(c),
    database: longest?.database ?? "none",
    status: `${Math.floor(status / 100)}xx`,
    code: status < 400 ? "" : codeOf(c),
  };
  metrics.observe("request", labels, ms);
  metrics.tick();
}

/** The pattern that the request fits, as the document has it, however far it came; "unmatched" of what there is nothing for. */
function routeOf(c: Context<AppEnv>): string {
  const found = matchedRoutes(c).find(({ method, path }) => method !== "ALL" && !path.includes("*"));
  return found ? found.path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}") : "unmatched";
}

function codeOf({ error, res: { status } }: Context<AppEnv>): string {
  if (error instanceof ProblemError) return error.options.code;
  if (error && !(error instanceof HTTPException)) return "internal";
  return CODES[status] ?? "";
}
