/** The admin users API of Supabase Auth, which lite lacks: create, list, get, update, delete (soft and hard). */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { jwtVerify } from "jose";
import { changesOf, hardDelete, readUser, setHash, softDelete, USER } from "./admin-users-sql.ts";
import { AuthRefusal, notHere } from "./answers.ts";
import type { Database, Query } from "./database.ts";

const PAGE = 50;
const MAX_PAGE = 1000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
type Body = Record<string, unknown>;

export interface AdminSettings {
  readonly secretKey: string;
  readonly jwtSecret: string;
  /** Rounds of bcrypt, 2^n. */
  readonly passwordCost: number;
}

export function adminUsers(database: Database, { secretKey, jwtSecret, passwordCost }: AdminSettings): Hono {
  const key = new TextEncoder().encode(jwtSecret);
  const app = new Hono();

  app.use("/admin/*", async (c, next) => {
    const bearer = c.req.header("authorization")?.replace(/^Bearer /, "");
    if (c.req.header("apikey") === secretKey || bearer === secretKey) return next();
    if (!bearer) throw new AuthRefusal(401, "This endpoint requires a valid Bearer token", "no_authorization");
    const role = await jwtVerify(bearer, key, { algorithms: ["HS256"] }).then(
      ({ payload }) => payload.role,
      () => undefined,
    );
    if (role !== "service_role") throw new AuthRefusal(403, "User not allowed", "not_admin");
    await next();
  });

  app.post("/admin/users", async (c) => {
    const body = await read(c);
    const email = address(body.email);
    if (!email && !body.phone)
      throw new AuthRefusal(400, "Cannot create a user without either an email or phone", "validation_failed");
    const user = await change(database, async (query) => {
      const taken = await query("select 1 from auth.users where email = $1", [email]);
      if (email && taken.length > 0) throw emailExists();
      const id = newIdOf(body);
      await query(
        `insert into auth.users (id, aud, role, email, phone, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
         values ($1::uuid, 'authenticated', 'authenticated', $2, $3,
                 '{"provider": "email", "providers": ["email"]}', '{}', now(), now())`,
        [id, email ?? null, body.phone ?? null],
      );
      if (email)
        await query(
          `insert into auth.identities (id, provider, provider_id, user_id, identity_data, last_sign_in_at, created_at, updated_at)
           values ($1::uuid, 'email', $2::text, $2::uuid,
                   jsonb_build_object('sub', $2::text, 'email', $3::text, 'email_verified', false, 'phone_verified', false),
                   now(), now(), now())`,
          [randomUUID(), id, email],
        );
      await changesOf(query, id, body, passwordCost);
      await setHash(query, id, body);
      return readUser(query, id);
    });
    return c.json(user);
  });

  app.get("/admin/users", async (c) => {
    const page = Math.max(1, Number(c.req.query("page")) || 1);
    const size = Math.min(MAX_PAGE, Math.max(1, Number(c.req.query("per_page")) || PAGE));
    const users = await database.sql<{ user: unknown }>(
      `select ${USER} as user from auth.users u order by u.created_at desc, u.id limit $1::int offset $2::int`,
      [size, (page - 1) * size],
    );
    const [count] = await database.sql<{ n: number }>("select count(*)::int as n from auth.users");
    const total = count?.n ?? 0;
    const last = Math.max(1, Math.ceil(total / size));
    const link = (to: number, rel: string) =>
      `<${new URL(c.req.url).pathname}?page=${to}&per_page=${size}>; rel="${rel}"`;
    c.header("x-total-count", String(total));
    c.header("link", [...(page < last ? [link(page + 1, "next")] : []), link(last, "last")].join(", "));
    return c.json({ users: users.map((row) => row.user), aud: "authenticated" });
  });

  app.get("/admin/users/:id", async (c) => c.json(await readUser(database.sql, idOf(c))));

  app.put("/admin/users/:id", async (c) => {
    const id = idOf(c);
    const body = await read(c);
    const user = await change(database, async (query) => {
      await readUser(query, id);
      const email = address(body.email);
      if (email) {
        const taken = await query("select 1 from auth.users where email = $1 and id <> $2::uuid", [email, id]);
        if (taken.length > 0) throw emailExists();
        await query("update auth.users set email = $2 where id = $1::uuid", [id, email]);
        await query(
          `update auth.identities set identity_data = identity_data || jsonb_build_object('email', $2::text)
           where user_id = $1::uuid and provider = 'email'`,
          [id, email],
        );
      }
      await changesOf(query, id, body, passwordCost);
      return readUser(query, id);
    });
    return c.json(user);
  });

  app.delete("/admin/users/:id", async (c) => {
    const id = idOf(c);
    const body = await read(c);
    await change(database, async (query) => {
      await readUser(query, id);
      if (body.should_soft_delete === true) await softDelete(query, id);
      else await hardDelete(query, id);
    });
    return c.json({});
  });

  app.all("/admin/*", () => notHere("This part of the admin API").toResponse());
  return app;
}

/** One transaction. What a trigger raises is passed on in its own words, as Auth does for its admins. */
async function change<T>(database: Database, work: (query: Query) => Promise<T>): Promise<T> {
  try {
    return await database.transaction(work);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: string };
    if (!(error instanceof AuthRefusal) && typeof code === "string" && /^[0-9A-Z]{5}$/.test(code))
      throw new DatabaseRefusal(code, message ?? "");
    throw error;
  }
}

class DatabaseRefusal extends AuthRefusal {
  constructor(sqlState: string, message: string) {
    super(500, message, sqlState);
  }
  override toResponse() {
    return Response.json({ code: this.code, message: this.message }, { status: 500 });
  }
}

const emailExists = () =>
  new AuthRefusal(422, "A user with this email address has already been registered", "email_exists");

function newIdOf({ id }: Body): string {
  if (id === undefined) return randomUUID();
  if (typeof id === "string" && UUID.test(id)) return id.toLowerCase();
  throw new AuthRefusal(400, "ID must conform to the uuid v4 format", "validation_failed");
}

function idOf(c: Context): string {
  const id = c.req.param("id") ?? "";
  if (!UUID.test(id)) throw new AuthRefusal(404, "user_id must be an UUID", "validation_failed");
  return id;
}

function address(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string" || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value))
    throw new AuthRefusal(400, "Unable to validate email address: invalid format", "validation_failed");
  return value.toLowerCase();
}

async function read(c: Context): Promise<Body> {
  const text = await c.req.text();
  if (text === "") return {};
  try {
    return JSON.parse(text) as Body;
  } catch {
    throw new AuthRefusal(400, "Could not parse request body as JSON", "bad_json");
  }
}
