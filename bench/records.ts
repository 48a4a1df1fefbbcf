/** Expenses in bulk: loaded by the servers' own means, because a million calls would be another benchmark. */
import { type Db, Decimal128, Long, UUID } from "mongodb";
import type postgres from "postgres";
import { uuidv7 } from "uuidv7";
import { analyze } from "./statistics.ts";
import { withoutTriggers } from "./without-triggers.ts";

export const body = (more: object = {}) => ({
  amount: "12.5",
  currency: "EUR",
  date: "2026-03-14",
  description: "Lunch with Zoë, and a word or two more",
  payment_method: "card",
  tags: ["work", "lunch"],
  ...more,
});

const EPOCH = Date.UTC(2026, 0, 1);

/**
 * `each` records of each of these users, in one statement. The triggers are off for it: they would set other
 * times.
 */
export async function loadPostgres(sql: postgres.Sql, users: readonly string[], each: number): Promise<void> {
  await withoutTriggers(
    sql,
    "public.expenses",
    (tx) => tx`
      insert into public.expenses (user_id, id, amount, currency, date, description, payment_method, tags,
        version, created_at, updated_at)
      select u, gen_random_uuid(), (n % 1000 + 1)::numeric / 4, (array['EUR', 'USD', 'CHF'])[n % 3 + 1],
        date '2026-01-01' - n % 700, 'Lunch number ' || n, 'card', '{work,lunch}',
        n, timestamptz '2026-01-01Z' + n * interval '7 seconds', timestamptz '2026-01-01Z'
      from unnest(${users as string[]}::uuid[]) u, generate_series(1, ${each}::int) n`,
  );
  await analyze(sql);
}

const BATCH = 5_000;

/** The same records as documents. */
export async function loadMongo(db: Db, users: readonly string[], each: number): Promise<void> {
  const total = users.length * each;
  const starts = Array.from({ length: Math.ceil(total / BATCH) }, (_, index) => index * BATCH);
  const load = async () => {
    for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
      const documents = Array.from({ length: Math.min(BATCH, total - start) }, (_, index) => {
        const at = (start as number) + index;
        return document(users[Math.floor(at / each)] as string, (at % each) + 1);
      });
      await db
        .collection("expenses")
        .insertMany(documents as never, { ordered: false, bypassDocumentValidation: true });
    }
  };
  await Promise.all([load(), load(), load()]);
}

function document(userId: string, n: number): object {
  const description = `Lunch number ${n}`;
  return {
    _id: { user_id: new UUID(userId), id: new UUID(uuidv7()) },
    amount: Decimal128.fromString(String(((n % 1000) + 1) / 4)),
    currency: ["EUR", "USD", "CHF"][n % 3],
    date: new Date(EPOCH - (n % 700) * 86_400_000).toISOString().slice(0, 10),
    category_id: null,
    description,
    payment_method: "card",
    tags: ["work", "lunch"],
    version: Long.fromNumber(n),
    created_at: new Date(EPOCH + n * 7_000),
    updated_at: new Date(EPOCH),
    create_hash: null,
    _folded: { description: description.toLowerCase(), payment_method: "card" },
  };
}
