/** The API behind a real HTTP server, on two databases of the test's own, whose every row can be compared. */

import { createHash, randomUUID } from "node:crypto";
import { request } from "node:http";
import { EJSON } from "bson";
import { MongoClient } from "mongodb";
import { type Listening, listen } from "../../scripts/dev/listen.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { dropHome, prepareHome } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { type Home, newUser, type TestUser } from "../setup/users.ts";
import { type ApiInstance, startApi } from "./api.ts";

export interface Sent {
  method?: string;
  path: string;
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array;
  /** no token, or another user's */
  user?: TestUser | null;
  /** 503 is an answer, if it says `busy` and when to come back */
  mayBeBusy?: boolean;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  value: any;
}

export interface TwoHomes {
  readonly api: ApiInstance;
  readonly web: Listening;
  readonly database: OwnDatabase;
  readonly users: Readonly<Record<Home, TestUser>>;
  newUser(home: Home): Promise<TestUser>;
  /** One request over a socket; the answer is one that the document describes, or a problem where there is no route. */
  send(sent: Sent): Promise<Answer>;
  /** A digest of every row, by table; the reported health of the databases is left out. */
  rows(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

export const HOMES = ["supabase", "mongodb"] as const;

/** What the API keeps of its own, and not of what was asked: it is written behind answers, a refusal's too. */
const MEASURED = "'database_health', 'metrics', 'metric_flushes'";

export async function startTwoHomes(): Promise<TwoHomes> {
  const uri = mongoUriFor(`attack_${randomUUID().slice(0, 8)}`);
  const mongo = new MongoClient(uri);
  const database = await startOwnDatabase();
  await prepareHome(mongo.db());
  const api = await startApi({ on: database, mongoUri: uri });
  const web = await listen(0);
  web.serve((asked) => api.app.fetch(asked));
  const make = (home: Home) => newUser({ home, on: database });
  const users = { supabase: await make("supabase"), mongodb: await make("mongodb") };

  return {
    api,
    web,
    database,
    users,
    newUser: make,
    async send({ method = "GET", path, headers = {}, body, user = users.supabase, mayBeBusy = false }) {
      const answer = await exchange(web.port, method, path, body, {
        ...(user && { authorization: `Bearer ${user.jwt}` }),
        ...headers,
      });
      await judged(api, method, path, answer, mayBeBusy);
      return answer;
    },
    async rows() {
      const tables = await database.sql<{ name: string }>(
        `select format('%I.%I', schemaname, tablename) as name from pg_tables
         where schemaname in ('public', 'switchyard', 'auth') and tablename not in (${MEASURED})`,
      );
      const all: Record<string, string> = {};
      for (const { name } of tables) {
        const [found] = await database.sql<{ all: string }>(
          `select coalesce(md5(string_agg(t::text, ' ' order by t::text)), '') as all from ${name} t`,
        );
        all[name] = found?.all ?? "";
      }
      for (const { name } of await mongo.db().listCollections().toArray()) {
        const documents = await mongo.db().collection(name).find().toArray();
        const lines = documents.map((document) => EJSON.stringify(document)).sort();
        all[`mongodb.${name}`] = createHash("md5").update(lines.join("\n")).digest("hex");
      }
      return all;
    },
    async stop() {
      await web.close();
      await api.close();
      await dropHome(mongo.db());
      await mongo.close();
      await database.stop();
    },
  };
}

/** One request and its whole answer; `path` is sent as it is. */
function exchange(port: number, method: string, path: string, body: Sent["body"], headers: Sent["headers"] = {}) {
  return new Promise<Answer>((resolve, reject) => {
    // a connection each: what is refused before its body was read ends the connection
    const asked = request({ port, host: "127.0.0.1", agent: false, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const received = new Headers();
        for (const [name, value = ""] of Object.entries(response.headers)) received.set(name, String(value));
        const isJson = received.get("content-type")?.includes("json") && text !== "";
        const value = isJson ? JSON.parse(text) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: received, text, value });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Throws for a 5xx, and for an answer that the document does not have. */
async function judged(
  { operations, judge }: ApiInstance,
  method: string,
  url: string,
  answer: Answer,
  mayBeBusy: boolean,
) {
  const { status, headers, text, value } = answer;
  const said = `${method} ${url.slice(0, 200)}: ${status} ${text.slice(0, 500)}`;
  const isBusy = status === 503 && value?.code === "busy" && /^[1-9]\d*$/.test(headers.get("retry-after") ?? "");
  if (status >= 500 && !(mayBeBusy && isBusy)) throw new Error(said);
  const path = url.split("?")[0] ?? "";
  const route = operations.find(
    (operation) =>
      operation.method === method &&
      new RegExp(`^${operation.path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`).test(path),
  );
  if (route) {
    const empty = [204, 304].includes(status);
    await judge(method.toLowerCase(), path, new Response(empty ? null : text, { status, headers }));
  } else if (status >= 400) {
    if (headers.get("content-type") !== "application/problem+json") throw new Error(`${said} is no problem`);
  } else if (!["HEAD", "OPTIONS"].includes(method)) throw new Error(`${said} is nowhere in the document`);
}
