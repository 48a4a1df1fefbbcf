/** A request's way to the records of its user. */
import type { Context } from "hono";
import type { Result } from "neverthrow";
import { invalid, type RepositoryError } from "../shared/contract/errors.ts";
import { type ParsedQuery, parseQuery, type QueryKind } from "../shared/contract/parse-query.ts";
import type { Repository } from "../shared/contract/repository.ts";
import { deadlinesOf } from "../shared/deadlines.ts";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../shared/definition/define.ts";
import { deadlineIn } from "../shared/placement/deadline.ts";
import type { DatabaseService, ReadPlace, RequestCalls, RequestUser } from "../shared/placement/service.ts";
import type { Counted } from "../shared/repository/quotas.ts";
import type { AppEnv } from "./_environment.ts";
import { repositoryProblem } from "./_problem.ts";

/** The value, or the error as a problem that ends the request. */
export function unwrap<T>(result: Result<T, RepositoryError>): T {
  if (result.isErr()) throw repositoryProblem(result.error);
  return result.value;
}

const requestMsOf = (c: Context<AppEnv>): number => c.get("dependencies").config.REQUEST_DEADLINE_MS;

/** The user's records, with one deadline for all the calls that follow. */
export const serviceOf = async (
  c: Context<AppEnv>,
  deadlineMs = requestMsOf(c),
  reads?: ReadPlace,
): Promise<DatabaseService> =>
  unwrap(await c.get("dependencies").router.getDatabaseServiceForUser(requestUser(c, deadlineMs, reads)));

/** What the signed-in user keeps and may keep; null while their database does not say. */
export async function usageOf(c: Context<AppEnv>): Promise<Counted | null> {
  const { router, config } = c.get("dependencies");
  const found = await router.getUsage(requestUser(c, deadlinesOf(config).probeMs));
  return found.unwrapOr(null);
}

/** Who asks, for all the calls that follow. */
export const requestUser = (c: Context<AppEnv>, deadlineMs = requestMsOf(c), reads?: ReadPlace): RequestUser => {
  const { id, jwt, home, homeEpoch } = c.get("user");
  return { id, jwt, home, homeEpoch, reads, sources: c.get("sources"), ...callsOf(c, deadlineMs) };
};

/** One deadline for all the calls of a request, and a place in Server-Timing for each. */
export const callsOf = (c: Context<AppEnv>, deadlineMs = requestMsOf(c)) => ({
  signal: deadlineIn(leftOf(c, deadlineMs)),
  onCall: timingOf(c),
});

export const timingOf =
  (c: Context<AppEnv>): NonNullable<RequestCalls["onCall"]> =>
  (database, ms, path) =>
    c.get("timings").push({ database, ms, path });

/** Of many calls the sum of each database's: a header has no place for all of them. */
export function sumTimings(c: Context<AppEnv>): void {
  const sums = new Map<string, AppEnv["Variables"]["timings"][number]>();
  for (const { database, path, ms } of c.get("timings")) {
    const key = `${database} ${path}`;
    sums.set(key, { database, path, ms: ms + (sums.get(key)?.ms ?? 0) });
  }
  c.set("timings", [...sums.values()]);
}

/** What is left of the time: finding out who asks may have waited for Supabase, too. */
export const leftOf = (c: Context<AppEnv>, deadlineMs: number): number =>
  Math.max(0, deadlineMs - (c.get("dependencies").clock() - c.get("startedAt")));

/** The user's records of one collection, with one deadline for all the calls that follow. */
export const repositoryOf = async <C extends Collection>(
  c: Context<AppEnv>,
  collection: C,
  deadlineMs = requestMsOf(c),
  reads?: ReadPlace,
): Promise<Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>> =>
  unwrap(await c.get("dependencies").router.repository(collection, requestUser(c, deadlineMs, reads)));

/** The query in the URL, or a 400 that names every parameter at fault. `extra`: parameters that the caller reads. */
export function queryOf<K extends QueryKind>(
  c: Context<AppEnv>,
  kind: K,
  collection: Collection,
  extra: readonly string[] = [],
): ParsedQuery<K> {
  return unwrap(parseQuery(kind, collection, new URL(c.req.url).searchParams, extra));
}

/** A parameter that is 1 or 0, by default 0. */
export function flagOf(c: Context<AppEnv>, name: string): boolean {
  const values = c.req.queries(name) ?? [];
  if (values.length <= 1 && ["0", "1", undefined].includes(values[0])) return values[0] === "1";
  const error = { field: name, code: "invalid_value", message: `Give ${name} once, as 1 or 0.` };
  throw repositoryProblem(invalid("invalid_query", "The query cannot be understood.", [error]));
}

/** Parameters of lists that a route does not take. */
export function refuseParameters(c: Context<AppEnv>, ...names: string[]): void {
  const errors = names
    .filter((name) => c.req.query(name) !== undefined)
    .map((name) => ({ field: name, code: "unknown_parameter", message: `There is no parameter ${name} here.` }));
  if (errors.length > 0) throw repositoryProblem(invalid("invalid_query", "The query cannot be understood.", errors));
}
