/**
 * The same random requests to the API by users of every home, and of Supabase's by both ways: equal statuses and bodies, but
 * for versions, times, cursors and ids that were made there.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { startDataPlane } from "../setup/data-plane.ts";
import { partOf } from "../setup/effort.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { ATLAS, NEON } from "../setup/repositories.ts";
import { servers } from "../setup/servers.ts";
import { newUser } from "../setup/users.ts";
import { apiOwner } from "./api-owner.ts";
import { checkHistories } from "./check.ts";
import { History } from "./history.ts";
import type { OpenOwner } from "./side.ts";

const REQUESTS = partOf(servers().dbUrl ? 1_500 : 300);
/** More than so many requests can be needed for. */
const HISTORIES = 100;
const SECRET = "what the keys of these requests become ids with";
/** What so many requests are sure to have met. */
const OUTCOMES = [
  "create ok",
  "create invalid_input",
  "get ok",
  "update ok",
  "delete ok",
  "list ok",
  "list invalid_query",
];

interface Way {
  name: string;
  home: string;
  api: ApiInstance;
}

let control: OwnDatabase;
const ways: Way[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  control = await startOwnDatabase();
  closing.push(control.stop);
  const more: Record<string, string> = { IDEMPOTENCY_SECRET: SECRET };
  const homes = ["supabase", "mongodb"];
  const add = async (name: string, kind: string, site: number, url: string) => {
    await control.sql("select public.switchyard_add_database($1, $2, $3::integer)", [name, kind, site]);
    more[`DATABASE_${name.toUpperCase()}`] = url;
    homes.push(name);
  };
  if (control.ownerUrl) {
    await add(ATLAS.name, "mongodb", ATLAS.site, await preparedMongo("same_atlas", ATLAS));
    const plane = await startDataPlane();
    closing.push(plane.stop);
    await add(NEON.name, "postgres", NEON.site, plane.url);
  }
  const mongoUri = await preparedMongo("same");
  const start = async (directUrl: string) => {
    const api = await startApi({ on: { ...control, directUrl }, mongoUri, more });
    closing.push(api.close);
    return api;
  };
  const api = await start("");
  for (const home of homes) ways.push({ name: home, home, api });
  if (control.ownerUrl) ways.push({ name: "supabase_direct", home: "supabase", api: await start(control.ownerUrl) });
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

/** Of two users each, who have nothing yet. */
async function begin(): Promise<History> {
  const homes: Record<string, OpenOwner> = {};
  for (const { name, home, api } of ways) {
    const users = [await newUser<string>({ home, on: control }), await newUser<string>({ home, on: control })] as const;
    homes[name] = (owner, nextId) => {
      const user = users[owner === 0 ? 0 : 1];
      const send = async (method: string, path: string, headers: Record<string, string>, body?: string) =>
        api.app.request(path, { method, headers, ...(body !== undefined && { body }) });
      return apiOwner({ send, user, owner, secret: SECRET, nextId });
    };
  }
  return new History(homes, homeCollections);
}

test(
  "requests have the same answers, whoever's they are",
  async () => {
    const run = await checkHistories({ collections: homeCollections, begin, histories: HISTORIES, steps: REQUESTS });
    if (run.histories > 1) expect(run.outcomes).toEqual(expect.arrayContaining(OUTCOMES));
  },
  HISTORIES * HANGS_MS,
);
