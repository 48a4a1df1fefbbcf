/** The API on both databases, one address for each user, with every request counted and every refused write checked. */
import { MongoClient, UUID } from "mongodb";
import { newKeys } from "../../../scripts/dev/keys.ts";
import { listen } from "../../../scripts/dev/listen.ts";
import { startStandIn } from "../../../scripts/dev/mongo-stand-in/index.ts";
import { type RunningSupabase, startSupabase } from "../../../scripts/dev/supabase.ts";
import { homeCollections, sharedCollections, tableCollections } from "../../../shared/collections/index.ts";
import { userFieldOf } from "../../../shared/definition/define.ts";
import type { FuzzSettings } from "../../setup/fuzz.ts";
import { guardDatabase, guardUrl } from "../../setup/guard.ts";
import { PATIENT_SUPABASE } from "../../setup/patience.ts";
import { prepareForTests } from "../../setup/prepare.ts";
import { type Home, newUser, type TestUser } from "../../setup/users.ts";
import { startApi } from "../api.ts";

export interface FuzzTarget {
  readonly user: TestUser;
  readonly url: string;
  requests(): number;
  /** how many answers had each status */
  readonly statuses: Map<number, number>;
  /** refused writes that changed something */
  readonly traces: string[];
}

export interface FuzzSystem {
  target(home: Home): Promise<FuzzTarget>;
  /** what the API logged of its own failures */
  failures(): string[];
  stop(): Promise<void>;
}

const TAGS = ["*", '"1"', 'W/"1"', `"a,b", "${"~".repeat(100)}"`];
const DATABASE = "switchyard_fuzz";

export async function startFuzzSystem({ databases }: FuzzSettings): Promise<FuzzSystem> {
  const { SUPABASE_DB_URL: dbUrl, SUPABASE_ADMIN_DB_URL: adminDbUrl = dbUrl, MONGODB_URI: given } = databases;
  for (const url of [dbUrl, adminDbUrl, given]) if (url) guardUrl(url);
  if (adminDbUrl) await guardDatabase(adminDbUrl);
  const standIn = given ? undefined : await startStandIn({ port: 0, file: ":memory:" });
  const mongoUri = Object.assign(new URL(given ?? standIn?.uri ?? ""), { pathname: `/${DATABASE}` }).toString();
  const supabase = await startSupabase({
    port: 0,
    ...PATIENT_SUPABASE,
    functions: false,
    jwtSecret: newKeys().jwtSecret,
    ...(dbUrl && { dbUrl }),
    ...(adminDbUrl && { adminDbUrl }),
  });
  await prepareForTests(supabase, mongoUri);
  const mongo = new MongoClient(mongoUri);
  const api = await startApi({ on: supabase, mongoUri });
  const stops: (() => unknown)[] = [];

  return {
    async target(home) {
      const user = await newUser({ home, on: supabase });
      const web = await listen(0);
      stops.push(() => web.close());
      const answer = async (request: Request) =>
        new URL(request.url).pathname === "/api/openapi.json"
          ? asDrawn(await api.app.fetch(request))
          : api.app.fetch(request);
      const statuses = new Map<number, number>();
      const traces: string[] = [];
      let requests = 0;
      let before = await fingerprint(supabase, mongo, user.id);
      web.serve(async (request) => {
        const response = await answer(request);
        requests += 1;
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        if (["GET", "HEAD", "OPTIONS"].includes(request.method)) return response;
        // the fuzzer waits for one answer before it asks again: nobody else writes for this user
        const after = await fingerprint(supabase, mongo, user.id);
        if (response.status >= 400 && after !== before)
          traces.push(`${request.method} ${request.url}: ${response.status}, and yet it changed a record`);
        before = after;
        return response;
      });
      return { user, url: web.url, requests: () => requests, statuses, traces };
    },
    failures: () => api.lines.filter((line) => /"level":"(error|warn)"/.test(line)),
    async stop() {
      for (const stop of stops) await stop();
      await api.close();
      if (given) await mongo.db().dropDatabase();
      await mongo.close();
      await supabase.stop();
      await standIn?.stop();
    },
  };
}

/**
 * The document for the fuzzer. Which texts are cursors, no schema can say: those that are none are sent by
 * test/attack/input.test.ts. From a header's pattern schemathesis draws letters and digits only, which are no entity tags:
 * it chooses among some.
 */
async function asDrawn(answer: Response): Promise<Response> {
  const document = (await answer.json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string; schema: object }[] }>>;
  };
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    operation.parameters = operation.parameters?.filter(({ name }) => name !== "cursor") ?? [];
    for (const parameter of operation.parameters)
      if (/^if-(none-)?match$/.test(parameter.name)) parameter.schema = { type: "string", enum: TAGS };
  }
  return Response.json(document);
}

/**
 * Every write changes a version: the number of a user's records and the sum of their versions, in both databases. Tombstones
 * are no records: MongoDB keeps one of a create whose reference did not hold (shared/mongo/undo.ts says why).
 */
async function fingerprint(supabase: RunningSupabase, mongo: MongoClient, userId: string): Promise<string> {
  const counts = tableCollections.map(
    (collection) =>
      `select count(*), sum(version) from public.${collection.name} where ${userFieldOf(collection)} = $1`,
  );
  const rows = await supabase.sql(`select string_agg(t::text, ' ') as all from (${counts.join(" union all ")}) t`, [
    userId,
  ]);
  const documents = await Promise.all(
    homeCollections.map(({ name }) =>
      mongo
        .db()
        .collection(name)
        .aggregate([
          { $match: { "_id.user_id": new UUID(userId), _deleted_at: null } },
          { $group: { _id: null, count: { $sum: 1 }, sum: { $sum: "$version" } } },
        ])
        .toArray(),
    ),
  );
  const messages = await mongo
    .db()
    .collection(sharedCollections.direct_messages.name)
    .aggregate([
      { $match: { sender_id: new UUID(userId), _deleted_at: null } },
      { $group: { _id: null, count: { $sum: 1 }, sum: { $sum: "$version" } } },
    ])
    .toArray();
  return JSON.stringify([rows, documents, messages]);
}
