/** The API on both databases for tests of rooms: users of both homes, each answer held against the document. */
import { MongoClient } from "mongodb";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { dropHome, prepareHome } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { type Home, newUser, type TestUser } from "../setup/users.ts";

interface Told {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  value: any;
}

export interface Caller extends TestUser {
  call(method: string, path: string, body?: unknown, more?: Record<string, string>): Promise<Told>;
}

export interface RoomSystem {
  readonly supabase: OwnDatabase;
  readonly api: ApiInstance;
  readonly mongo: MongoClient;
  readonly mongoUri: string;
  newCaller(home: Home, on?: ApiInstance): Promise<Caller>;
  /** the same user, of another instance */
  through(user: TestUser, on: ApiInstance): Caller;
  stop(): Promise<void>;
}

export async function startRoomSystem(clock?: () => number): Promise<RoomSystem> {
  const supabase = await startOwnDatabase();
  const mongoUri = mongoUriFor(`switchyard_rooms_${crypto.randomUUID().slice(0, 8)}`);
  const mongo = new MongoClient(mongoUri);
  await prepareHome(mongo.db());
  const api = await startApi({ on: supabase, mongoUri, ...(clock && { clock }) });
  const through = (user: TestUser, on: ApiInstance): Caller => ({
    ...user,
    async call(method, path, body, more = {}) {
      const response = await on.app.request(path, {
        method,
        headers: { authorization: `Bearer ${user.jwt}`, "content-type": "application/json", ...more },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      await on.judge(method.toLowerCase(), path, response);
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.includes("json");
      return { status: response.status, headers: response.headers, text, value: isJson ? JSON.parse(text) : undefined };
    },
  });
  return {
    supabase,
    api,
    mongo,
    mongoUri,
    through,
    newCaller: async (home, on = api) => through(await newUser({ home, on: supabase }), on),
    async stop() {
      await api.close();
      await dropHome(mongo.db());
      await mongo.close();
      await supabase.stop();
    },
  };
}
