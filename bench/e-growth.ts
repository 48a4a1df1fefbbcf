/** (e) What a user's own records cost, a thousand or a hundred thousand, among a million of other people's. */

import { collections } from "../shared/collections/index.ts";
import { encodeCursor } from "../shared/contract/cursor.ts";
import type { ListQuery } from "../shared/contract/query.ts";
import { createMongoClient } from "../shared/mongo/client.ts";
import { userClient } from "../shared/postgres/client.ts";
import { mongoRepositories, postgresRepositories } from "../test/setup/repositories.ts";
import type { Home, TestUser } from "../test/setup/users.ts";
import type { Bench } from "./environment.ts";
import { type Lines, ms } from "./lines.ts";
import { inTurns, median } from "./measure.ts";
import { loadMongo, loadPostgres } from "./records.ts";
import { untilPlanned } from "./statistics.ts";
import { indexUses, rowsRead } from "./what-was-read.ts";

const { expenses } = collections;
const [FEW, MANY] = [1_000, 100_000];
const OTHERS = { users: 1_000, each: 1_000 };
const BAR = 1.3;
const page: ListQuery = { filters: [], sort: { field: "created_at", direction: "desc" }, limit: 20 };
const selection = { filters: [{ field: "currency", operator: "eq", value: "EUR" } as const] };
const GROWING = ["list-20", "next page", "get"] as const;

type Calls = Record<(typeof GROWING)[number] | "count", () => Promise<unknown>>;

export async function growth(bench: Bench, lines: Lines): Promise<void> {
  const others = Array.from({ length: OTHERS.users }, () => crypto.randomUUID() as string);
  const mongo = createMongoClient(bench.mongoUri, { appName: "switchyard-bench" });
  bench.atEnd(() => mongo.close());
  const repositoryOf = ({ id: userId, jwt, home }: TestUser) => {
    const config = { SUPABASE_URL: bench.supabase.url, SUPABASE_PUBLISHABLE_KEY: bench.supabase.publishableKey };
    return home === "mongodb"
      ? mongoRepositories({ db: mongo.db(), userId }).repository(expenses)
      : postgresRepositories({ client: userClient(config, jwt), userId }).repository(expenses);
  };
  const load = (home: Home, users: string[], each: number) =>
    home === "mongodb" ? loadMongo(bench.db, users, each) : loadPostgres(bench.sql, users, each);

  for (const home of ["supabase", "mongodb"] as const) {
    const start = performance.now();
    const [few, many] = [await bench.user(home), await bench.user(home)];
    await load(home, others, OTHERS.each);
    await load(home, [few.id], FEW);
    await load(home, [many.id], MANY);
    lines.say(`${home}: 1,101,000 records loaded in ${Math.round((performance.now() - start) / 1000)} s`);
    const calls = {
      few: await callsOf(few.id, repositoryOf(few), FEW),
      many: await callsOf(many.id, repositoryOf(many), MANY),
    };
    await untilPlanned(calls.many["list-20"], 6);
    for (const what of GROWING) {
      const times = await inTurns({ many: calls.many[what], few: calls.few[what] });
      const [large, small] = [median(times.many), median(times.few)];
      lines.atMost(`${home} ${what}, 100,000 to 1,000`, large / small, BAR, "x", `${ms(large)}, ${ms(small)}`);
    }
    const counts = await inTurns(
      { many: calls.many.count, few: calls.few.count },
      { calls: 100, warmUp: 10, block: 10 },
    );
    lines.say(`${home} count with a filter: ${ms(median(counts.many))}, of 1,000: ${ms(median(counts.few))}, no bar`);
    await (home === "supabase" ? rowsRead(bench, few, FEW, lines) : indexUses(bench, calls.few, lines));
  }
}

/** The next page is one from the middle: whoever skips instead of seeking pays for it there. */
async function callsOf(
  userId: string,
  repository: ReturnType<ReturnType<typeof mongoRepositories>["repository"]>,
  count: number,
): Promise<Calls> {
  const middle = new Date(Date.UTC(2026, 0, 1) + (count / 2) * 7_000).toISOString();
  const at = [{ field: "created_at", operator: "eq", value: middle } as const];
  const found = (await repository.list({ ...page, filters: at }))._unsafeUnwrap().items[0] as
    | { id: string }
    | undefined;
  if (!found) throw new Error("there is no record in the middle");
  const cursor = encodeCursor(userId, expenses, page, { key: middle, id: found.id });
  const rows = async (query: ListQuery) => {
    const { length } = (await repository.list(query))._unsafeUnwrap().items;
    if (length !== 20) throw new Error(`a page of ${length}`);
  };
  return {
    "list-20": () => rows(page),
    "next page": () => rows({ ...page, cursor }),
    get: async () => (await repository.get(found.id))._unsafeUnwrap(),
    count: async () => (await repository.count(selection))._unsafeUnwrap(),
  };
}
