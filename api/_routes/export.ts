/** `GET /me/export`: everything of the signed-in user. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { allCollections } from "../../shared/collections/index.ts";
import type { RepositoryError } from "../../shared/contract/errors.ts";
import { type Collection, readBy } from "../../shared/definition/define.ts";
import { CONTROL_PLANE } from "../../shared/placement/database-names.ts";
import { NO_HOME } from "../../shared/placement/router.ts";
import { accountExport, UnreadablePage } from "../_account-export.ts";
import { json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { exportedLedger } from "../_export-ledger.ts";
import { accountSchema, transferSchema } from "../_ledger.ts";
import { requireUser } from "../_middleware.ts";
import { repositoryProblem } from "../_problem.ts";
import { callsOf, repositoryOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

/** What is the user's own: of what people share, what they have written, also in rooms that they have left. */
const OWN = allCollections.flatMap((collection) => {
  const { scope } = collection;
  if (scope.kind === "owner") return [collection];
  return scope.author === null ? [] : [readBy(collection, scope.author)];
});

const rows = z.array(z.record(z.string(), z.unknown()));
const exportSchema = z
  .object({
    exported_at: z.iso.datetime(),
    account: z.looseObject({ id: z.uuid(), email: z.string().nullable() }).meta({ description: "what Auth keeps" }),
    home: z.object({ database: z.string(), epoch: z.int(), assigned_at: z.string(), reason: z.string() }),
    private_profile: z
      .looseObject({ kyc_status: z.string(), wallet_address: z.string().nullable() })
      .meta({ description: "what only the user and the operator know" }),
    homes: rows.meta({ description: "where the records have been, and since when" }),
    moves: rows.meta({ description: "from one database to another" }),
    sessions: rows.meta({ description: "where the user is signed in" }),
    not_configured: z.array(z.string()).meta({
      description:
        "collections whose database this API does not know: what is kept there, if anything, is not in the file",
    }),
    collections: z
      .record(z.string(), rows)
      .meta({ description: "every record of the user's, by collection, wherever it is kept" }),
    ledger: z.object({
      accounts: z.array(accountSchema),
      entries: rows.meta({ description: "of each account, the newest first" }),
      transfers: z.array(transferSchema),
    }),
    complete: z.literal(true),
  })
  .meta({ id: "AccountExport" });

const exportMe = createRoute({
  method: "get",
  path: "/me/export",
  tags: ["account"],
  summary: "Everything of the signed-in user, as one JSON file",
  description:
    "Written while it is read, within EXPORT_DEADLINE_MS. What goes wrong in the middle ends the connection; " +
    "a file is whole when it is JSON, and `complete` stands at its end.",
  security: [{ bearer: [] }],
  middleware: requireUser,
  responses: {
    200: json(exportSchema, "the file"),
    ...problems(401, 409, 503),
  },
});

type Kept = Record<"private_profile" | "homes" | "moves" | "sessions", unknown>;

export const exportRoutes = () =>
  createRoutes().openapi(exportMe, (async (c: Context<AppEnv>) => {
    const { config, router, clock } = c.var.dependencies;
    const { id } = c.var.user;
    const began = clock();
    // nothing is left out while Supabase is away: the account is part of it
    const account = unwrap(await router.getAccount(id, callsOf(c)));
    const home = unwrap(await router.getAssignment(id, callsOf(c)));
    if (!home) throw repositoryProblem(NO_HOME);
    const kept = unwrap(await router.control<Kept>("read", "switchyard_account_export", { p_user_id: id }, callsOf(c)));
    const { database_provider: database, epoch, assigned_at, reason } = home;
    const isThere = ({ placement }: Collection) =>
      placement.kind !== "pinned" ||
      placement.database === CONTROL_PLANE ||
      config.databases.some(({ name }) => name === placement.database);
    const about = {
      ...{ exported_at: new Date(began).toISOString(), account },
      ...{ home: { database, epoch, assigned_at, reason }, ...kept },
      not_configured: OWN.filter((collection) => !isThere(collection)).map(({ name }) => name),
    };
    // whole or not at all: a replica may lack what was written last
    const open = (collection: Collection) => repositoryOf(c, collection, config.EXPORT_DEADLINE_MS, "primary");
    try {
      const file = await accountExport({
        ...{ about, collections: OWN.filter(isThere), open: open as never },
        ledger: exportedLedger({ router, userId: id, until: began + config.EXPORT_DEADLINE_MS, clock }),
      });
      return c.body(file, 200, {
        "content-type": "application/json; charset=utf-8",
        "content-disposition": 'attachment; filename="account.json"',
      });
    } catch (error) {
      throw error instanceof UnreadablePage ? repositoryProblem(error.cause as RepositoryError) : error;
    }
    // a stream is beyond the types of the handler
  }) as never);
