/** What the API is compared with: Hono, the same token verified, the bare call, its answer as it comes. */
import { createClient } from "@supabase/supabase-js";
import { type Context, Hono } from "hono";
import { jwtVerify } from "jose";
import { Decimal128, Long, MongoClient, UUID } from "mongodb";
import { uuidv7 } from "uuidv7";
import { listen } from "../../scripts/dev/listen.ts";
import { nextVersionOf } from "../../shared/mongo/versions.ts";
import { SITES } from "../../test/setup/repositories.ts";
import type { TestUser } from "../../test/setup/users.ts";
import { serveParent } from "./child.ts";
import type { SupabaseKeys } from "./supabase.ts";

export interface BareSettings {
  supabase: SupabaseKeys;
  mongoUri: string;
  home: TestUser["home"];
}

type Body = Record<string, unknown>;
interface Store {
  create(user: User, body: Body): Promise<unknown>;
  get(user: User, id: string): Promise<unknown>;
  list(user: User, limit: number): Promise<unknown>;
  update(user: User, id: string, body: Body): Promise<unknown>;
}
interface User {
  id: string;
  jwt: string;
}

/** The server is told to give up as ours is: that costs something there. */
const LIMITED = { maxTimeMS: 2_000 };
const COLUMNS = JSON.stringify(
  "id user_id amount currency date category_id description payment_method tags version created_at updated_at".split(
    " ",
  ),
);

serveParent<BareSettings>(async ({ supabase, mongoUri, home }) => {
  const secret = new TextEncoder().encode(supabase.jwtSecret);
  const mongo = new MongoClient(mongoUri, { writeConcern: { w: "majority" } });
  const store = home === "mongodb" ? inMongo(mongo) : inPostgres(supabase);
  const userOf = async (c: Context): Promise<User> => {
    const jwt = (c.req.header("authorization") ?? "").slice("Bearer ".length);
    const { payload } = await jwtVerify(jwt, secret, { issuer: supabase.jwtIssuer, audience: "authenticated" });
    return { id: String(payload.sub), jwt };
  };
  const app = new Hono().basePath("/api/expenses");
  // whoever measures counts these; Hono would print each call that the end of the load cut off
  app.onError((_error, c) => c.body(null, 500));
  app.post("/", async (c) => c.json((await store.create(await userOf(c), await c.req.json())) as object, 201));
  app.get("/", async (c) => c.json((await store.list(await userOf(c), Number(c.req.query("limit")))) as object));
  app.get("/:id", async (c) => c.json((await store.get(await userOf(c), c.req.param("id"))) as object));
  app.patch("/:id", async (c) =>
    c.json((await store.update(await userOf(c), c.req.param("id"), await c.req.json())) as object),
  );
  const server = await listen(0);
  server.serve((request) => app.fetch(request));
  return {
    ready: { url: server.url },
    stop: async () => {
      await server.close();
      await mongo.close();
    },
  };
});

function inMongo(client: MongoClient): Store {
  const expenses = client.db().collection("expenses");
  const keyOf = (user: User, id: string) => ({ user_id: new UUID(user.id), id: new UUID(id) }) as never;
  const fieldsOf = ({ amount, ...body }: Body) => ({ ...body, amount: Decimal128.fromString(String(amount)) });
  return {
    async create(user, body) {
      const now = new Date();
      const version = Long.fromNumber(now.getTime() * 1000);
      const texts = { description: String(body.description), payment_method: String(body.payment_method) };
      const system = { version, created_at: now, updated_at: now, create_hash: null, category_id: null };
      const document = { ...fieldsOf(body), ...system, _folded: texts };
      await expenses.insertOne({ _id: keyOf(user, uuidv7()), ...document }, LIMITED);
      return document;
    },
    get: (user, id) => expenses.findOne({ _id: keyOf(user, id), _deleted_at: null }, LIMITED),
    list: (user, limit) =>
      expenses
        .find({ "_id.user_id": new UUID(user.id), _deleted_at: null }, LIMITED)
        .sort({ created_at: -1, "_id.id": -1 })
        .limit(limit)
        .toArray(),
    update: (user, id, body) =>
      expenses.findOneAndUpdate(
        { _id: keyOf(user, id), _deleted_at: null },
        [{ $set: { ...fieldsOf(body), version: nextVersionOf(SITES.mongodb, Date.now()), updated_at: new Date() } }],
        { returnDocument: "after", ...LIMITED },
      ),
  };
}

function inPostgres({ url, publishableKey }: SupabaseKeys): Store {
  const call = async (user: User, name: string, parameters: Body) => {
    const client = createClient(url, publishableKey, { accessToken: async () => user.jwt });
    const { data, error } = await client.rpc(name, { p_collection: "expenses", p_columns: COLUMNS, ...parameters });
    if (error || data.error) throw new Error(`${name}: ${error?.message ?? data.error}`);
    return data;
  };
  const list = (user: User, limit: number, sort: string, filters: unknown[]) =>
    call(user, "records_list", {
      p_user_id: user.id,
      p_filters: JSON.stringify(filters),
      p_search: null,
      p_order: JSON.stringify([sort, "id"].map((field) => ({ field, descending: true }))),
      p_after: null,
      p_limit: limit,
    });
  return {
    create: (user, body) =>
      call(user, "records_create", { p_record: JSON.stringify({ ...body, id: uuidv7(), user_id: user.id }) }),
    get: (user, id) => list(user, 1, "id", [{ field: "id", operator: "eq", value: id }]),
    list: (user, limit) => list(user, limit, "created_at", []),
    update: (user, id, body) =>
      call(user, "records_update", {
        p_user_id: user.id,
        p_id: id,
        p_changes: JSON.stringify(body),
        p_version: null,
      }),
  };
}
