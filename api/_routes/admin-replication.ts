/** `/admin/replication/dead` and `/conflicts`: what was set aside, and what was changed on both sides. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Result } from "neverthrow";
import { z } from "zod";
import { allCollections } from "../../shared/collections/index.ts";
import { invalid, type RepositoryError } from "../../shared/contract/errors.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import type { OpenCopy } from "../../shared/operations/open-replication.ts";
import { REPLICA_HOLDER } from "../../shared/placement/kept-collections.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import type { ConflictVersion } from "../../shared/replication/source.ts";
import { within } from "../../shared/values/within.ts";
import {
  callControl,
  changing,
  count,
  instant,
  looking,
  lookingRefusals,
  reason,
  reasonHeader,
  rehearsalQuery,
  rehearsed,
  utc,
  utcOrNull,
} from "../_admin.ts";
import { body, json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { cursorParts, listQuery, pageOfRows, type Typed } from "../_ledger.ts";
import { pageSchema } from "../_page.ts";
import { repositoryProblem } from "../_problem.ts";
import { leftOf } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

interface Dead {
  collection: string;
  id: string;
  attempts: number;
  error: string;
}
const dead = { collection: z.string(), id: z.uuid(), attempts: count, error: z.string() };
interface DeadPage {
  items: (Dead & { failed_at: string })[];
  next_cursor: string | null;
  way_back: Dead[] | null;
}
const deadSchema = z
  .object({
    items: z.array(z.object({ ...dead, failed_at: instant })).meta({ description: "that MongoDB does not take" }),
    next_cursor: z.string().nullable(),
    way_back: z.array(z.object(dead)).nullable().meta({
      description:
        "written in MongoDB, and Supabase does not take them: of each collection the latest, on the first page only; null: MongoDB does not say",
    }),
  })
  .meta({ id: "DeadRows" }) as unknown as Typed<DeadPage>;
interface Retried {
  count: number;
  missing: string[];
}
const retriedSchema = z
  .object({
    count: count.meta({ description: "that are tried again, of both ways" }),
    missing: z
      .array(z.string())
      .meta({ description: "databases that do not answer: what is set aside there stays so" }),
  })
  .meta({ id: "RetriedRows" }) as unknown as Typed<Retried>;
const retryBody = z.strictObject({ reason }).meta({ id: "DeadRetry" }) as unknown as Typed<{ reason: string }>;

interface Conflict {
  id: number;
  collection: string;
  row_id: string;
  found_at: string;
  decided_at: string | null;
  state: "open" | "winner" | "loser";
  winner: ConflictVersion;
  loser: ConflictVersion;
}
const version = z
  .object({
    version: z.int(),
    seen: z.record(z.string(), z.int()),
    row: z.record(z.string(), z.unknown()).optional(),
    deleted_at: z.string().optional(),
  })
  .meta({ id: "ConflictVersion", description: "with what was in it (`row`), or as a deletion (`deleted_at`)" });
const conflictSchema = z
  .object({
    id: z.int(),
    collection: z.string(),
    row_id: z.uuid(),
    found_at: instant,
    decided_at: instant.nullable(),
    state: z.enum(["open", "winner", "loser"]).meta({ description: "`open`: nobody has decided about it" }),
    winner: version.meta({ description: "the version that stayed" }),
    loser: version.meta({ description: "the one that did not" }),
  })
  .meta({ id: "Conflict" }) as unknown as Typed<Conflict>;
const choiceBody = z
  .strictObject({ choose: z.enum(["winner", "loser"]), reason })
  .meta({ id: "ConflictChoice" }) as unknown as Typed<{ choose: "winner" | "loser"; reason: string }>;
interface Resolved {
  state: "winner" | "loser";
  version: number | null;
}
const resolvedSchema = z
  .object({
    state: z.enum(["winner", "loser"]),
    version: z.int().nullable().meta({ description: "of the new write; null: nothing was written" }),
  })
  .meta({ id: "ResolvedConflict" }) as unknown as Typed<Resolved>;

const number = z.string().regex(/^\d{1,15}$/);
const refusals = problems(400, 401, 403, 413, 415, 422, 503);
const routes = {
  dead: createRoute({
    ...looking,
    path: "/admin/replication/dead",
    summary: "Records whose copies were refused again and again",
    request: { query: listQuery },
    responses: { 200: json(deadSchema, "by collection and id"), ...lookingRefusals },
  }),
  retry: createRoute({
    ...changing,
    method: "post",
    path: "/admin/replication/dead/retry",
    summary: "Try again what was refused",
    request: { query: rehearsalQuery, body: body(retryBody), headers: reasonHeader },
    responses: { 200: rehearsed, 202: json(retriedSchema, "they are tried again with the next run"), ...refusals },
  }),
  conflicts: createRoute({
    ...looking,
    path: "/admin/replication/conflicts",
    summary: "Records that were changed in both databases, with both versions",
    request: { query: listQuery.extend({ all: z.enum(["true", "false"]).default("false") }) },
    responses: { 200: json(pageSchema(conflictSchema), "newest first"), ...lookingRefusals },
  }),
  resolve: createRoute({
    ...changing,
    method: "post",
    path: "/admin/replication/conflicts/{id}/resolve",
    summary: "Say which of the two versions it is to be",
    description: "Choosing the loser writes it anew, with a version of its own, in place of what is there by now.",
    request: {
      params: z.object({ id: number.meta({ param: { name: "id", in: "path" } }) }),
      query: rehearsalQuery,
      body: body(choiceBody),
      headers: reasonHeader,
    },
    responses: {
      200: json(resolvedSchema, "decided; with dry_run=true: as it would be, and version is null"),
      ...problems(404),
      ...refusals,
    },
  }),
};

/**
 * MongoDB's side; null where there is none, or it does not answer within `part` of the request. Whoever only looks gives it
 * `primaryMs`, and hears what is known elsewhere as soon. The driver is loaded for this alone.
 */
async function ofMongo<T>(
  c: Context<AppEnv>,
  part: "primaryMs" | "requestMs",
  work: (copy: OpenCopy) => Promise<Result<T, RepositoryError>>,
): Promise<T | null> {
  const { config, log } = c.var.dependencies;
  const deadlines = deadlinesOf(config);
  const { openReplication } = await import("../../shared/operations/open-replication.ts");
  const service = serviceClient(config, { timeoutMs: leftOf(c, deadlines.requestMs) });
  const replication = openReplication({ config, service, collections: allCollections, deadlines, log, appName: "api" });
  try {
    if (!replication.copy) return null;
    const done = await within(leftOf(c, deadlines[part]), work(replication.copy));
    return done?.isOk() ? done.value : null;
  } finally {
    await replication.close();
  }
}

const hasMongo = (c: Context<AppEnv>) =>
  c.var.dependencies.config.databases.some(({ name }) => name === REPLICA_HOLDER);

const STATES = { open: "open", kept: "winner", other: "loser" } as const;
const DEAD_PLACE = /^([a-z_]{1,60})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const CONFLICT_PLACE = /^\d{1,15}$/;
type ConflictRow = Pick<Conflict, "id" | "collection" | "row_id" | "found_at" | "decided_at"> & {
  state: keyof typeof STATES;
  kept: ConflictVersion;
  other: ConflictVersion;
};

export const adminReplicationRoutes = () =>
  createRoutes()
    .openapi(routes.dead, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const [, collection = null, id = null] = cursorParts(cursor, DEAD_PLACE) ?? [];
      const [rows, way_back] = await Promise.all([
        callControl<DeadPage["items"]>(c, "read", "switchyard_admin_dead", {
          ...{ p_behind_collection: collection, p_behind_id: id, p_limit: limit + 1 },
        }),
        cursor === undefined ? ofMongo<Dead[]>(c, "primaryMs", (copy) => copy.dead(limit)) : [],
      ]);
      const { items, next_cursor } = pageOfRows(rows, limit, (row) => `${row.collection}.${row.id}`);
      return c.json(
        { items: items.map((row) => ({ ...row, failed_at: utc(row.failed_at) })), next_cursor, way_back },
        200,
      );
    })
    .openapi(routes.retry, async (c) => {
      if (c.req.valid("query").dry_run === "true") {
        const [here, there] = await Promise.all([
          callControl<number>(c, "read", "switchyard_admin_retried"),
          ofMongo(c, "primaryMs", (copy) => copy.unsent()),
        ]);
        const thence = (there ?? []).reduce((sum, { failing, dead: aside }) => sum + failing + aside, 0);
        return c.json({ count: here + thence, refused: [] }, 200);
      }
      const there = await ofMongo(c, "requestMs", (copy) => copy.retry());
      const here = await callControl<number>(c, "write", "switchyard_replication_retry");
      const missing = there === null && hasMongo(c) ? [REPLICA_HOLDER] : [];
      return c.json({ count: here + (there ?? 0), missing }, 202);
    })
    .openapi(routes.conflicts, async (c) => {
      const { limit, cursor, all } = c.req.valid("query");
      const [before = null] = cursorParts(cursor, CONFLICT_PLACE) ?? [];
      const rows = await callControl<ConflictRow[]>(c, "read", "switchyard_admin_conflicts", {
        ...{ p_all: all === "true", p_before: before, p_limit: limit + 1 },
      });
      const { items, next_cursor } = pageOfRows(rows, limit, ({ id }) => String(id));
      const shown = items.map(
        ({ state, kept, other, found_at, decided_at, ...row }): Conflict => ({
          ...row,
          state: STATES[state],
          found_at: utc(found_at),
          decided_at: utcOrNull(decided_at),
          winner: kept,
          loser: other,
        }),
      );
      return c.json({ items: shown, next_cursor }, 200);
    })
    .openapi(routes.resolve, async (c) => {
      const { choose } = c.req.valid("json");
      const { id } = c.req.valid("param");
      if (c.req.valid("query").dry_run === "true") {
        const found = { p_conflict: id };
        const { state } = await callControl<{ state: string }>(c, "read", "switchyard_replication_conflict", found);
        if (state !== "open") throw repositoryProblem(invalid("invalid_input", `Conflict ${id} was decided.`));
        return c.json({ state: choose, version: null }, 200);
      }
      const choice = { p_conflict: id, p_choice: choose === "winner" ? "kept" : "other" };
      const chosen = await callControl<{ version: number | null }>(c, "write", "switchyard_replication_choose", choice);
      return c.json({ state: choose, version: chosen.version }, 200);
    });
