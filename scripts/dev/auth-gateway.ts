/**
 * `/auth/v1` of the development Supabase: lite's flows behind the two Auth hooks, in the order of a Supabase Auth
 * server. Before a user is created, the hook "before user created" may refuse; every access token that lite issues is
 * completed by the token function. What lite lacks is answered here: 501, or the admin API (admin-users.ts).
 */
import { type Context, Hono } from "hono";
import { AuthRefusal, notHere, unexpectedFailure } from "./answers.ts";
import { askBeforeUserCreated, type BeforeUserCreated } from "./before-user-created.ts";
import type { Database } from "./database.ts";
import { codeOf } from "./error-code.ts";
import type { GoogleStandIn } from "./google-stand-in.ts";
import type { TokenSigner } from "./token-hook.ts";

export interface AuthParts {
  readonly database: Database;
  readonly hook: BeforeUserCreated;
  readonly sign: TokenSigner;
  readonly google: GoogleStandIn;
  readonly admin: Hono;
  /** lite itself, one request at a time where it needs that. */
  readonly lite: (request: Request) => Promise<Response>;
}

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
type Body = Record<string, unknown>;

export function authGateway(parts: AuthParts): Hono {
  const { lite, google } = parts;
  const app = new Hono().basePath("/auth/v1");
  app.onError((error) => {
    if (error instanceof AuthRefusal) return error.toResponse();
    // a database that is away says so with its code; what has none, or one of Node's, is a bug, and its stack is wanted
    const code = codeOf(error);
    console.error(code && !code.startsWith("ERR_") ? `Supabase auth: ${code} ${error.message}` : error);
    return unexpectedFailure().toResponse();
  });

  /** Asks the hook, if this address is new: it is never asked about a sign-in. */
  const mayCreate = async (c: Context, email: unknown, provider: string, userMetadata: Body) => {
    if (typeof email !== "string" || !ADDRESS.test(email)) return;
    const known = await parts.database.sql("select 1 from auth.users where email = $1 limit 1", [email.toLowerCase()]);
    if (known.length > 0) return;
    await askBeforeUserCreated(
      parts.hook,
      { email: email.toLowerCase(), provider, userMetadata },
      c.req.header("x-forwarded-for")?.split(",")[0]?.trim() || "127.0.0.1",
    );
  };

  /** lite's answer, its token signed again; lite's bare 500 (a trigger that raised) in Auth's words. */
  const finish = async (response: Response, method: string): Promise<Response> => {
    if (response.status === 500) return unexpectedFailure().toResponse();
    if (!response.ok || !response.headers.get("content-type")?.includes("json")) return response;
    const body = (await response.json()) as Body;
    if (typeof body.access_token !== "string") return Response.json(body, response);
    return Response.json({ ...body, access_token: await parts.sign(body.access_token, method) }, plain(response));
  };

  app.post("/signup", async (c) => {
    const { raw, body } = await read(c);
    if (!body.email) throw notHere(body.phone ? "Sign-up by phone" : "Anonymous sign-in");
    const password = body.password;
    if (typeof password === "string" && password.length >= 6 && password.length <= 72)
      await mayCreate(c, body.email, "email", asBody(body.data));
    return finish(await lite(again(c, raw)), "password");
  });

  app.post("/token", async (c) => {
    const grant = c.req.query("grant_type");
    if (grant === "id_token" || grant === "web3") throw notHere(`grant_type=${grant}`);
    const { raw } = await read(c);
    const method = grant === "refresh_token" ? "token_refresh" : grant === "pkce" ? "oauth" : "password";
    return finish(await lite(again(c, raw)), method);
  });

  for (const path of ["/otp", "/magiclink"] as const)
    app.post(path, async (c) => {
      const { raw, body } = await read(c);
      if (body.phone && !body.email) throw notHere("A one-time password by phone");
      if (body.create_user !== false) await mayCreate(c, body.email, "email", asBody(body.data));
      return finish(await lite(again(c, raw)), "otp");
    });

  app.post("/verify", async (c) => {
    const { raw, body } = await read(c);
    if (body.type === "invite") throw notHere("Accepting an invitation");
    // what supabase-js calls "email" is one of lite's older names
    const sent = body.type === "email" ? JSON.stringify({ ...body, type: "magiclink" }) : raw;
    return finish(await lite(again(c, sent)), "otp");
  });
  app.get("/verify", async (c) => signRedirect(await lite(again(c)), (token) => parts.sign(token, "otp")));

  app.get("/authorize", async (c) => {
    const response = await lite(again(c));
    const location = response.headers.get("location");
    return location?.startsWith("https://accounts.google.com/") ? c.redirect(google.redirect(location)) : response;
  });

  app.get("/callback", async (c) => {
    const profile = google.redeem(c.req.query("code"));
    if (!profile) return lite(again(c));
    const [identity] = await parts.database.sql(
      "select 1 from auth.identities where provider = 'google' and provider_id = $1",
      [profile.id],
    );
    try {
      if (!identity) await mayCreate(c, profile.email, "google", { name: profile.name, email: profile.email });
      const response = await google.as(profile, () => lite(again(c)));
      return await signRedirect(response, (token) => parts.sign(token, "oauth"));
    } catch (error) {
      if (!(error instanceof AuthRefusal)) throw error;
      const [flow] = await parts.database.sql<{ referrer: string }>(
        "select referrer from auth.flow_state where id::text = $1",
        [c.req.query("state") ?? ""],
      );
      if (!flow) throw error;
      return c.redirect(withError(flow.referrer, error));
    }
  });

  app.route("/", parts.admin);
  app.post("/invite", () => notHere("Inviting a user").toResponse());
  app.all("*", async (c) => {
    const { raw } = await read(c);
    return finish(await lite(again(c, raw)), "password");
  });
  return app;
}

const OAUTH_ERRORS: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "unauthorized_client",
  403: "access_denied",
  503: "temporarily_unavailable",
};

function withError(target: string, error: AuthRefusal): string {
  const url = new URL(target);
  const told = new URLSearchParams({
    error: OAUTH_ERRORS[error.status] ?? "server_error",
    error_description: error.message,
  });
  if (error.code) told.set("error_code", error.code);
  for (const [name, value] of told) url.searchParams.set(name, value);
  url.hash = told.toString();
  return url.toString();
}

/** Tokens travel in the fragment of a redirect in the implicit flow. */
async function signRedirect(response: Response, sign: (token: string) => Promise<string>): Promise<Response> {
  const location = response.headers.get("location");
  if (!location) return response;
  const url = new URL(location);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const token = fragment.get("access_token");
  if (!token) return response;
  fragment.set("access_token", await sign(token));
  url.hash = fragment.toString();
  return new Response(null, { status: response.status, headers: { location: url.toString() } });
}

async function read(c: Context): Promise<{ raw: string; body: Body }> {
  const raw = await c.req.text();
  try {
    return { raw, body: asBody(JSON.parse(raw)) };
  } catch {
    return { raw, body: {} }; // lite says what is wrong with it
  }
}

const asBody = (value: unknown): Body => (typeof value === "object" && value !== null ? (value as Body) : {});

/** The request once more, for lite: its body has been read. */
function again(c: Context, body?: string): Request {
  const headers = new Headers(c.req.raw.headers);
  headers.delete("content-length");
  return new Request(c.req.url, { method: c.req.method, headers, ...(body ? { body } : {}) });
}

/** Status and headers of an answer whose body changes its length. */
function plain(response: Response): ResponseInit {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return { status: response.status, headers };
}
