/** Several statements of one's own that happen together or not at all. */
import { misconfigured } from "../../contract/errors.ts";
import { type DeadlineSettings, deadlinesOf } from "../../deadlines.ts";
import { isRolledBack } from "../failures.ts";
import { boundedClient } from "./bounded-client.ts";
import { sqlstateOf } from "./failures.ts";

/** One statement within the transaction; its rows, in which bigint and numeric are texts. */
export type Ask = (text: string, parameters?: readonly unknown[]) => Promise<Record<string, unknown>[]>;

const TRIES = 3;

/**
 * Runs the callback in a transaction on a connection of its own, as the role of `DATABASE_URL`, past row-level security:
 * for the operator's work, never with a user's words as SQL. What the callback returns is returned once it is committed;
 * what it throws is thrown once everything is undone. Undone by Postgres for others' sake it is called again, three times in
 * all, so it does nothing but ask. Throws a RepositoryError `misconfigured` where no DATABASE_URL is set: REST has no
 * transactions.
 */
export async function executeTransaction<T>(
  config: DeadlineSettings & { DATABASE_URL?: string | undefined },
  callback: (ask: Ask) => Promise<T>,
): Promise<T> {
  const { DATABASE_URL: url } = config;
  if (!url)
    throw misconfigured(
      "A transaction needs a direct connection: set DATABASE_URL to the Postgres URL of the Supabase project.",
    );
  for (let left = TRIES; ; left--) {
    try {
      return await once(url, config, callback);
    } catch (error) {
      if (left <= 1 || !isRolledBack(sqlstateOf(error))) throw error;
    }
  }
}

async function once<T>(url: string, settings: DeadlineSettings, callback: (ask: Ask) => Promise<T>): Promise<T> {
  const { connectMs, queryMs } = deadlinesOf(settings);
  const Client = boundedClient({ url, appName: "switchyard-transaction", connectMs });
  const client = new Client();
  await client.connect();
  try {
    await client.query(`begin; set local statement_timeout = ${Math.round(queryMs)}`);
    const answer = await callback(async (text, parameters = []) => (await client.query(text, [...parameters])).rows);
    await client.query("commit");
    return answer;
  } finally {
    // a connection that ends undoes what it has not committed
    await client.end();
  }
}
