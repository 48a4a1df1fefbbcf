/** One address for the parts of the development Supabase, as Supabase's own gateway gives it. */
import { Hono } from "hono";
import { accepts } from "hono/accepts";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import type { EdgeFunctions } from "./edge-functions.ts";
import type { Mailbox } from "./mailbox.ts";
import { MAILBOX_HEADERS, mailboxPage } from "./mailbox-page.ts";
import { ownOriginOnly } from "./own-origin.ts";

export interface GatewayParts {
  readonly lite: (request: Request) => Promise<Response>;
  /** The Auth routes, or the URL of a real Auth server. */
  readonly auth: Hono | string;
  readonly functions: EdgeFunctions | undefined;
  readonly google: Hono;
  readonly mailbox: Mailbox;
}

const MAX_BODY_BYTES = 20 * 1024 * 1024;
const EXPOSED = ["content-range", "x-total-count", "link", "x-sb-error-code", "x-supabase-api-version"];

export function gateway(parts: GatewayParts): (request: Request) => Response | Promise<Response> {
  const { auth } = parts;
  const app = new Hono();
  // what follows keeps whole bodies in memory; a body without an end must not keep it
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => c.json({ message: "The body is too large" }, 413) }));
  // before the pages of other origins are let in: codes and links of every sign-in are in there
  app.get("/mail", ownOriginOnly, (c) => {
    const mails = parts.mailbox.to(c.req.query("to"));
    // a browser that is led here asks for a page, programs do not
    const isRead = accepts(c, {
      header: "Accept",
      supports: ["application/json", "text/html"],
      default: "application/json",
    });
    return isRead === "text/html" ? c.html(mailboxPage(mails), 200, MAILBOX_HEADERS) : c.json(mails);
  });
  app.use(cors({ origin: "*", exposeHeaders: EXPOSED, maxAge: 600 }));

  app.get("/auth/v1/.well-known/jwks.json", async (c) =>
    typeof auth === "string" ? pass(c.req.raw, auth, "/.well-known/jwks.json") : c.json({ keys: [] }),
  );
  if (typeof auth === "string")
    app.all("/auth/v1/*", (c) => pass(c.req.raw, auth, c.req.path.slice("/auth/v1".length)));
  else app.route("/", auth);

  app.all("/rest/v1/*", async (c) => parts.lite(await buffered(c.req.raw)));
  app.all("/functions/v1/:name{.+}", (c) => {
    const [name = ""] = c.req.param("name").split("/");
    return (
      parts.functions?.call(name, c.req.raw) ??
      c.json({ code: "NOT_FOUND", message: "Requested function was not found" }, 404)
    );
  });
  app.route("/google", parts.google);
  app.get("/", (c) => c.text("Switchyard's development Supabase: /auth/v1, /rest/v1, /functions/v1, /mail\n"));
  return (request) => app.fetch(request);
}

/** The whole request in memory: a slow client must not hold lite, which may serve one request at a time. */
async function buffered(request: Request): Promise<Request> {
  if (request.method === "GET" || request.method === "HEAD") return request;
  return new Request(request.url, {
    method: request.method,
    headers: request.headers,
    body: await request.arrayBuffer(),
  });
}

async function pass(request: Request, base: string, path: string): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.delete("host");
  const { search } = new URL(request.url);
  const body = request.method === "GET" || request.method === "HEAD" ? undefined : await request.arrayBuffer();
  try {
    const answer = await fetch(`${base}${path}${search}`, {
      method: request.method,
      headers,
      redirect: "manual",
      ...(body ? { body } : {}),
    });
    const copied = new Headers(answer.headers);
    for (const name of ["content-encoding", "content-length", "transfer-encoding", "connection"]) copied.delete(name);
    for (const name of [...copied.keys()]) if (name.startsWith("access-control-")) copied.delete(name);
    return new Response(answer.body, { status: answer.status, headers: copied });
  } catch {
    return Response.json({ code: 502, msg: `The Auth server at ${base} does not answer` }, { status: 502 });
  }
}
