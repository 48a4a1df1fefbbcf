/** Whether a call read other people's records: Postgres's plans with their row counts, MongoDB's counters of index use. */
import { reads, scansOf } from "../test/servers/plans.ts";
import type { TestUser } from "../test/setup/users.ts";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { median, sorted } from "./measure.ts";

export async function rowsRead({ sql, adminUrl }: Bench, user: TestUser, own: number, lines: Lines): Promise<void> {
  const [row] = await sql`
    select id, date::text as date, to_json(created_at) #>> '{}' as key from public.expenses
    where user_id = ${user.id} order by created_at desc offset ${own / 2} limit 1`;
  const [id, key, date] = [String(row?.id), String(row?.key), String(row?.date)];
  for (const { what, limit, statement, parameters } of reads(user.id, id, { date, key, id })) {
    const scans = await scansOf(adminUrl, user.id, "expenses", statement, parameters);
    const bound = limit === "own" ? own : limit;
    const rows = scans.reduce((sum, scan) => sum + scan.rows, 0);
    const owned = scans.length > 0 && scans.every(({ index, condition }) => index && /\buser_id = /.test(condition));
    const by = scans.map(({ node, index }) => `${node} on ${index ?? "nothing"}`).join(", ");
    lines.holds(`supabase explain ${what}`, `${rows} rows read by ${by}, at most ${bound}`, owned && rows <= bound);
  }
}

const CALLS = 50;
/** An idle connection of DocumentDB's engine reports what it has counted after ten seconds. */
const COUNTED_MS = 30_000;
const STILL_MS = 3_000;

interface Use {
  key: object;
  ops: number;
}

/** The counters once they have moved and then stood still, or as they are when the time is over. */
async function settled(uses: () => Promise<Map<string, Use>>, before: Map<string, Use>): Promise<Map<string, Use>> {
  const total = (counters: Map<string, Use>) => [...counters.values()].reduce((sum, { ops }) => sum + ops, 0);
  const start = performance.now();
  let last = before;
  let movedAt = start;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await uses();
    const time = performance.now();
    if (total(now) !== total(last)) movedAt = time;
    last = now;
    const hasMoved = total(now) !== total(before);
    if ((hasMoved && time - movedAt > STILL_MS) || time - start > COUNTED_MS) return now;
  }
}

/** Each read uses an index that begins with the owner, and no other. The server counts late, so the numbers are no promise. */
export async function indexUses(
  { db }: Bench,
  calls: Readonly<Record<string, () => Promise<unknown>>>,
  lines: Lines,
): Promise<void> {
  const uses = async (): Promise<Map<string, Use>> => {
    const stats = await db
      .collection("expenses")
      .aggregate([{ $indexStats: {} }])
      .toArray();
    return new Map(stats.map(({ name, key, accesses }) => [String(name), { key, ops: Number(accesses.ops) }]));
  };
  const first = await uses();
  for (const call of Object.values(calls)) await call();
  // with these, what was called before is counted
  await settled(uses, first);
  for (const [what, call] of Object.entries(calls)) {
    const before = await uses();
    for (let made = 0; made < CALLS; made++) await call();
    const more = [...(await settled(uses, before))].map(([name, { key, ops }]) => ({
      name,
      key,
      uses: ops - (before.get(name)?.ops ?? 0),
    }));
    // DocumentDB's planner opens every index to look at it and counts a use of each, which is what most of them have
    const opened = more.filter(({ name, uses: times }) => name !== "_id_" && times > 0);
    const looked = opened.length > 2 ? median(sorted(opened.map((index) => index.uses))) : 0;
    const used = more.filter((index) => index.uses > looked + CALLS / 2);
    const owned = used.every(({ key, name }) => name === "_id_" || Object.keys(key)[0] === "_id.user_id");
    const by = used.map((index) => `${index.name} ${index.uses}`).join(", ");
    lines.holds(
      `mongodb $indexStats ${what}`,
      `${CALLS} calls, uses counted: ${by || "none"}, of those only looked at: ${looked}`,
      owned && used.length > 0,
    );
  }
}
