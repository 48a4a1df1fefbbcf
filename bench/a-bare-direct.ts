/** Postgres' driver alone, with the very text that our repository was seen to send: role, claims and statement in one. */
import pg from "pg";
import { uuidv7 } from "uuidv7";
import { deadlinesOf } from "../shared/deadlines.ts";
import { actingWith, claimsOf } from "../shared/postgres/direct/claims.ts";
import { createPostgresConnection, type PostgresConnection } from "../shared/postgres/direct/connection.ts";
import { sql, textOf } from "../shared/postgres/direct/sql.ts";
import { directRepositories } from "../test/setup/repositories.ts";
import { type Calls, type Comparison, inOrder, OPERATIONS, type Operation, ourCalls } from "./a-repositories.ts";
import type { Bench } from "./environment.ts";
import { analyze } from "./statistics.ts";

const BAR = 1.25;
const FASTER = 4;

/** `rest`: our calls over REST, for users of the same database. */
export async function bareDirect(bench: Bench, rest: Calls): Promise<Comparison> {
  const { id: userId } = await bench.user("supabase");
  const claims = claimsOf(userId, "supabase", 1);
  const connection = createPostgresConnection(bench.dbUrl, { appName: "switchyard-bench" });
  const bare = new pg.Pool({ connectionString: bench.dbUrl });
  bench.atEnd(() => Promise.all([connection.close(), bare.end()]));
  const { calls, ids } = await ourCalls(directRepositories({ connection, claims }));
  await analyze(bench.sql);

  const texts: string[] = [];
  const watched: PostgresConnection = {
    ...connection,
    run(as, statement) {
      texts.push(textOf(sql`${actingWith(as, deadlinesOf().queryMs)}${statement}`));
      return connection.run(as, statement);
    },
  };
  const one = await ourCalls(directRepositories({ connection: watched, claims }), 1);
  const sent: Partial<Record<Operation, (id: string) => Promise<unknown>>> = {};
  for (const operation of OPERATIONS) {
    texts.length = 0;
    const { id = one.ids[0] } = (await one.calls[operation]()) as { id?: string };
    const [text, more] = texts;
    if (!text || more) throw new Error(`${operation} made ${texts.length} calls`);
    sent[operation] = (of) => bare.query(text.replaceAll(String(id), of));
  }
  const { get, update, ...others } = sent as Required<typeof sent>;
  const next = inOrder(ids);
  return {
    ours: calls,
    bare: {
      get: () => get(next()),
      "list-20": () => others["list-20"](""),
      update: () => update(next()),
      "update with a reference": () => others["update with a reference"](next()),
      "create with a reference": () => others["create with a reference"](uuidv7()),
    },
    bar: BAR,
    slower: { what: "REST", calls: rest, times: FASTER },
  };
}
