/** (a) Our repositories against bare clients that send the same commands: what the contract costs above them. */

import { collections } from "../shared/collections/index.ts";
import type { RecordOf } from "../shared/definition/define.ts";
import type { DatabaseService } from "../shared/placement/service.ts";
import { bareDirect } from "./a-bare-direct.ts";
import { bareMongo } from "./a-bare-mongodb.ts";
import { barePostgres } from "./a-bare-postgres.ts";
import type { Bench } from "./environment.ts";
import { type Lines, ms } from "./lines.ts";
import { inTurns, median } from "./measure.ts";
import { body } from "./records.ts";
import { untilPlanned } from "./statistics.ts";

export const OPERATIONS = ["list-20", "get", "update", "update with a reference", "create with a reference"] as const;
export type Operation = (typeof OPERATIONS)[number];
export type Calls = Record<Operation, () => Promise<unknown>>;

/** The same operations, ours and bare; and what is shown beside one of them, without a bar. */
export interface Comparison {
  ours: Calls;
  bare: Calls;
  beside?: Partial<Record<Operation, Readonly<Record<string, () => Promise<unknown>>>>>;
  bar: number;
  /** another way of ours, which has to take so many times as long */
  slower?: { what: string; calls: Calls; times: number };
}

const RECORDS = 1_000;

export async function repositories(bench: Bench, lines: Lines): Promise<void> {
  const rest = await barePostgres(bench);
  for (const [database, comparison] of [
    ["mongodb", await bareMongo(bench)],
    ["supabase over REST", rest],
    ["supabase", await bareDirect(bench, rest.ours)],
  ] as const) {
    await untilPlanned(comparison.bare["list-20"]);
    for (const operation of OPERATIONS) await compare(`${database} ${operation}`, operation, comparison, lines);
  }
}

async function compare(title: string, operation: Operation, { slower, bar, ...calls }: Comparison, lines: Lines) {
  const beside = calls.beside?.[operation] ?? {};
  const peers = { ours: calls.ours[operation], bare: calls.bare[operation], ...beside };
  const times = await inTurns<string>(peers);
  const [ours, bare] = [median(times.ours as number[]), median(times.bare as number[])];
  lines.atMost(title, ours / bare, bar, "x", `ours ${ms(ours)}, bare ${ms(bare)}`);
  for (const what of Object.keys(beside)) lines.say(`${title}: ${what} ${ms(median(times[what] as number[]))}, no bar`);
  if (!slower) return;
  const both = await inTurns({ fast: calls.ours[operation], slow: slower.calls[operation] }, { calls: 400 });
  const [fast, slow] = [median(both.fast), median(both.slow)];
  lines.atLeast(`${title}, faster than ${slower.what}`, slow / fast, slower.times, "x", `${ms(fast)}, ${ms(slow)}`);
}

/** Our side: a category, records in it, and one call of each operation. */
export async function ourCalls(
  service: Pick<DatabaseService, "repository">,
  records = RECORDS,
): Promise<{ calls: Calls; ids: string[] }> {
  const expenses = service.repository(collections.expenses);
  const category = await service
    .repository(collections.categories)
    .create({ name: `Food ${crypto.randomUUID()}`, kind: "expense" });
  const category_id = category._unsafeUnwrap().id;
  const spent = body({ category_id }) as Parameters<typeof expenses.create>[0];
  const made: RecordOf<typeof collections.expenses>[] = [];
  while (made.length < records) made.push((await expenses.create(spent))._unsafeUnwrap());
  const ids = made.map(({ id }) => id);
  const next = inOrder(ids);
  const page = { filters: [], sort: { field: "created_at", direction: "desc" }, limit: 20 } as const;
  let amount = 0;
  return {
    ids,
    calls: {
      "create with a reference": async () => (await expenses.create(spent))._unsafeUnwrap(),
      get: async () => (await expenses.get(next()))._unsafeUnwrap(),
      "list-20": async () => (await expenses.list(page))._unsafeUnwrap(),
      update: async () => (await expenses.update(next(), { amount: String(++amount) }))._unsafeUnwrap(),
      "update with a reference": async () =>
        (await expenses.update(next(), { amount: String(++amount), category_id }))._unsafeUnwrap(),
    },
  };
}

/** One after the other, from the beginning again after the last. */
export function inOrder<T>(values: readonly T[]): () => T {
  let at = 0;
  return () => values[at++ % values.length] as T;
}
