/** The API as Vercel runs it, and the static pages beside it. */
import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import type { Listening } from "./listen.ts";
import { staticHeaders } from "./static-headers.ts";

/** Serves `api/index.ts`, which reads its settings from the environment like on any other host. */
export async function serveApi(web: Listening, environment: Readonly<Record<string, string>>): Promise<void> {
  Object.assign(process.env, environment);
  const { default: api } = await import("../../api/index.ts");
  const app = new Hono();
  app.all("/api/*", (c) => api.fetch(c.req.raw, c.env));
  app.get("/health", (c) => api.fetch(c.req.raw, c.env));
  app.all("/api", (c) => api.fetch(c.req.raw, c.env));
  app.use("*", await staticHeaders(environment.SUPABASE_URL));
  app.use("*", serveStatic({ root: fileURLToPath(new URL("../../public", import.meta.url)) }));
  web.serve((request, env) => app.fetch(request, env));
}
