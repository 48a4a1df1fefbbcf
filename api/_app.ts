/**
 * The API. Everything it is made of comes in as an argument, so importing it connects to nothing. The type of what
 * `createApp` returns is the type of the client.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import type { MergeSchemaPath } from "hono/types";
import { createNoCache } from "../shared/cache/cache.ts";
import { type CollectionName, type Collections, filedCollections } from "../shared/collections/index.ts";
import type { Collection } from "../shared/definition/define.ts";
import type { Fields } from "../shared/definition/fields.ts";
import type { ComputedFields } from "./_computed.ts";
import { allowOrigins } from "./_cors.ts";
import type { AppEnv, Dependencies } from "./_environment.ts";
import { withLimits } from "./_limit-document.ts";
import { limitAddresses } from "./_limits.ts";
import { observe, readBody, readQuery } from "./_middleware.ts";
import { handleError, problemResponse } from "./_problem.ts";
import { createKnownRooms } from "./_rooms.ts";
import { activityRoutes } from "./_routes/activity.ts";
import { adminAssignmentRoutes } from "./_routes/admin-assignments.ts";
import { adminAuditRoutes } from "./_routes/admin-audit.ts";
import { adminBackupRoutes } from "./_routes/admin-backups.ts";
import { adminDatabaseRoutes } from "./_routes/admin-databases.ts";
import { adminReplicationRoutes } from "./_routes/admin-replication.ts";
import { adminUserRoutes } from "./_routes/admin-users.ts";
import { alertRoutes } from "./_routes/alerts.ts";
import { channelRoutes } from "./_routes/channels.ts";
import { collectionRoutes } from "./_routes/collection.ts";
import { conversationRoutes } from "./_routes/conversations.ts";
import { customerPaymentRoutes } from "./_routes/customer-payments.ts";
import { documentationRoutes } from "./_routes/documentation.ts";
import { exportRoutes } from "./_routes/export.ts";
import { infrastructureRoutes } from "./_routes/infrastructure.ts";
import { ledgerRoutes } from "./_routes/ledger.ts";
import { ledgerAdminRoutes } from "./_routes/ledger-admin.ts";
import { messageRoutes } from "./_routes/messages.ts";
import { metricsRoutes } from "./_routes/metrics.ts";
import { moveRoutes } from "./_routes/moves.ts";
import { overviewRoutes } from "./_routes/overview.ts";
import { placementRoutes } from "./_routes/placement.ts";
import { preferencesRoutes } from "./_routes/preferences.ts";
import { privateProfileRoutes } from "./_routes/private-profiles.ts";
import { profileRoutes } from "./_routes/profiles.ts";
import { replicationRoutes } from "./_routes/replication.ts";
import { reportRoutes } from "./_routes/reports.ts";
import { serverRoutes } from "./_routes/servers.ts";
import { sessionRoutes } from "./_routes/sessions.ts";
import { shopRoutes } from "./_routes/shop.ts";
import { shortHealthRoute, systemRoutes } from "./_routes/system.ts";
import { lookForSignOut } from "./_sign-out-look.ts";

/** `dependencies` is asked for at the first request, not before; `collections` are those that have routes. */
export function createApp(dependencies: () => Dependencies, collections: readonly Collection[] = filedCollections) {
  const root = new OpenAPIHono<AppEnv>();
  const base = root.basePath("/api");
  const noCache = createNoCache();
  const prepare = createMiddleware<AppEnv>(async (c, next) => {
    c.set("dependencies", { cache: noCache, ...dependencies() });
    await next();
  });
  base.use(prepare, observe, allowOrigins, lookForSignOut, limitAddresses, readQuery, readBody);
  // what monitors look for, outside of the API and its document
  root.get("/health", prepare, observe, limitAddresses, shortHealthRoute);

  const rooms = createKnownRooms();
  const app = base
    .route("/", systemRoutes())
    .route("/", exportRoutes())
    .route("/sessions", sessionRoutes())
    .route("/admin", infrastructureRoutes())
    .route("/", reportRoutes())
    .route("/", replicationRoutes())
    .route("/shop", shopRoutes())
    .route("/customers", customerPaymentRoutes())
    .route("/", profileRoutes())
    .route("/conversations", conversationRoutes(rooms))
    .route("/servers", serverRoutes(rooms))
    .route("/servers", channelRoutes(rooms))
    .route("/rooms", messageRoutes(rooms))
    .route("/", ledgerRoutes())
    .route("/", ledgerAdminRoutes())
    .route("/", moveRoutes())
    .route("/", adminUserRoutes())
    .route("/", adminAssignmentRoutes())
    .route("/", adminDatabaseRoutes())
    .route("/", adminReplicationRoutes())
    .route("/", adminAuditRoutes())
    .route("/", adminBackupRoutes())
    .route("/", metricsRoutes())
    .route("/", alertRoutes())
    .route("/", placementRoutes())
    .route("/", privateProfileRoutes())
    .route("/", preferencesRoutes())
    .route("/", overviewRoutes())
    .route("/", activityRoutes())
    .route("/", documentationRoutes());
  // any collection of the index, so that a new one needs no line here; the client's types follow in `CollectionSchema`
  for (const collection of collections) app.route(`/${collection.name}`, collectionRoutes(collection));

  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "Access token of Supabase Auth",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "scraper", {
    type: "http",
    scheme: "bearer",
    description: "METRICS_TOKEN of the API's configuration, where it has one",
  });
  const about = {
    openapi: "3.1.0" as const,
    info: {
      title: "Switchyard",
      version: "0.1.0",
      description:
        "One sign-in, two databases. Amounts are decimal strings; lists are pages; errors are RFC 9457 problems.",
    },
    // the order in which the reference shows them
    tags: [
      "account",
      ...collections.map(({ name }) => name),
      ...SHARED_TAGS,
      "ledger",
      "reports",
      "system",
      "admin",
    ].map((name) => ({
      name,
    })),
  };
  app.get("/openapi.json", (c) => c.json(withLimits(app.getOpenAPI31Document(about))));
  app.onError(handleError);
  app.notFound((c) => {
    const methods = methodsOf(app.routes, c.req.path);
    if (methods.length === 0)
      return problemResponse({ status: 404, code: "not_found", detail: `There is nothing at ${c.req.path}.` });
    return problemResponse({
      status: 405,
      code: "method_not_allowed",
      detail: `${c.req.path} takes ${methods.join(", ")}.`,
      headers: { allow: methods.join(", ") },
    });
  });
  return app as unknown as WithCollections<typeof app>;
}

const SHARED_TAGS = ["profiles", "conversations", "rooms", "servers"];

export type AppType = ReturnType<typeof createApp>;

type SchemaOf<App> = App extends { openapi: unknown } & Hono<infer _E, infer S, infer _P> ? S : never;
type RoutesOf<F extends Fields, X> = ReturnType<typeof collectionRoutes<F, X>>;
type ComputedIn<N> = N extends keyof ComputedFields ? ComputedFields[N] : unknown;
/** The routes of every collection, under its name. */
type CollectionSchema = Intersection<
  {
    [N in CollectionName]: MergeSchemaPath<SchemaOf<RoutesOf<Collections[N]["fields"], ComputedIn<N>>>, `/api/${N}`>;
  }[CollectionName]
>;
type Intersection<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void ? I : never;
type WithCollections<App> =
  App extends OpenAPIHono<infer E, infer S, infer P> ? OpenAPIHono<E, S & CollectionSchema, P> : never;

/** The methods that a path is served with; one that stands there by name is no id of another. */
function methodsOf(routes: readonly { method: string; path: string }[], path: string): string[] {
  const fits = (pattern: string) =>
    new RegExp(`^${pattern.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`).test(path);
  const found = routes.filter(
    ({ method, path: pattern }) => method !== "ALL" && !pattern.includes("*") && fits(pattern),
  );
  const named = found.filter(({ path: pattern }) => pattern === path);
  return [...new Set((named.length > 0 ? named : found).map(({ method }) => method))].sort();
}
