/** (m) What the ledger's functions cost beside a bare transaction with the same writes, and whether deposits queue. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { median, sorted } from "./measure.ts";

const CONNECTIONS = 20;
/** of a crowd that moves at once, all between accounts of their own */
const CROWD = 1_000;
const ROUNDS = 5;
const BAR = 0.8;
const CROWD_BAR = 0.7;

interface Holder {
  user: string;
  account: string;
}

export async function ledger(bench: Bench, lines: Lines): Promise<void> {
  const pool = new pg.Pool({ connectionString: bench.dbUrl, max: CONNECTIONS });
  bench.atEnd(() => pool.end());
  const holders = await open(pool, 2 * CROWD);
  const admin = new pg.Pool({ connectionString: bench.adminUrl, max: CONNECTIONS });
  bench.atEnd(() => admin.end());
  const bare = await bareTables(admin, holders);
  await admin.query("vacuum analyze public.ledger_accounts");

  const pairs = Array.from({ length: CROWD }, (_, at) => [holders[at], holders[at + CROWD]] as [Holder, Holder]);
  const transfer = ([from, to]: [Holder, Holder]) =>
    pool.query("select public.ledger_transfer($1, $2, $3, $4, '0.01')", [
      ...[from.user, randomUUID(), from.account, to.account],
    ]);
  const deposit = ([{ account }]: [Holder, Holder]) =>
    pool.query("select public.ledger_deposit(null, $1, $2, '0.01')", [randomUUID(), account]);
  const rates = { transfer: [] as number[], bare: [] as number[], deposit: [] as number[] };
  const peers = Object.entries({ transfer, bare, deposit }) as [keyof typeof rates, typeof transfer][];
  // the first round of each is the warm-up
  for (let round = -1; round < ROUNDS; round++)
    for (let place = 0; place < peers.length; place++) {
      const [name, call] = peers[(place + round + peers.length) % peers.length] as (typeof peers)[number];
      const start = performance.now();
      await Promise.all(pairs.map(call));
      if (round >= 0) rates[name].push((CROWD / (performance.now() - start)) * 1_000);
    }
  const [ours, theirs, deposits] = [rates.transfer, rates.bare, rates.deposit].map((each) => median(sorted(each)));
  const offences = await admin.query("select * from public.ledger_check()");
  if (offences.rows.length > 0) throw new Error(`the books are not right: ${JSON.stringify(offences.rows[0])}`);
  const per = (rate: number) => `${Math.round(rate)}/s`;
  lines.atLeast(
    "transfers, beside bare transactions with the same writes",
    (ours ?? 0) / (theirs ?? 1),
    BAR,
    "x",
    `${per(ours ?? 0)}, bare ${per(theirs ?? 0)}, ${CONNECTIONS} connections`,
  );
  lines.atLeast(
    `${CROWD} deposits at once, beside as many transfers between distinct accounts`,
    (deposits ?? 0) / (ours ?? 1),
    CROWD_BAR,
    "x",
    `${per(deposits ?? 0)}, transfers ${per(ours ?? 0)}`,
  );
}

/** Users with an account and 1000.00 in it. */
async function open(pool: pg.Pool, count: number): Promise<Holder[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const user = randomUUID();
      await pool.query(
        `insert into auth.users (id, aud, role, email, created_at, updated_at)
         values ($1, 'authenticated', 'authenticated', $2, now(), now())`,
        [user, `${user}@switchyard.test`],
      );
      const opened = await pool.query("select public.ledger_open_account($1, 'EUR') -> 'account' ->> 'id' as id", [
        user,
      ]);
      const account = String(opened.rows[0].id);
      await pool.query("select public.ledger_deposit(null, $1, $2, '1000')", [randomUUID(), account]);
      return { user, account };
    }),
  );
}

/** The same tables without a trigger, and what an application would send: two rows locked, and what was moved written down. */
async function bareTables(admin: pg.Pool, holders: readonly Holder[]) {
  const tables = ["accounts", "transfers", "entries", "history"];
  await admin.query(
    `create schema bare; ${tables
      .map((name) => `create table bare.${name} (like public.ledger_${name} including all)`)
      .join("; ")}`,
  );
  await admin.query(
    "insert into bare.accounts (id, owner_id, asset, kind, posted) select id, owner_id, asset, kind, 100000 from public.ledger_accounts where id = any ($1)",
    [holders.map(({ account }) => account)],
  );
  await admin.query("vacuum analyze bare.accounts");
  return async ([from, to]: [Holder, Holder]) => {
    const client = await admin.connect();
    const id = randomUUID();
    try {
      await client.query("begin");
      const found = await client.query(
        "select id, posted, version from bare.accounts where id = any ($1) order by id for update",
        [[from.account, to.account]],
      );
      const rows = new Map(found.rows.map((row) => [row.id, row]));
      const entries = (
        [
          [from.account, -1n],
          [to.account, 1n],
        ] as const
      ).map(([account, amount]) => {
        const { posted, version } = rows.get(account) as { posted: string; version: string };
        return { account, amount, posted: BigInt(posted) + amount, version: BigInt(version) + 1n };
      });
      for (const { account, posted, version } of entries)
        await client.query("update bare.accounts set posted = $2, version = $3, moved_at = now() where id = $1", [
          ...[account, String(posted), String(version)],
        ]);
      const made = await client.query(
        `insert into bare.transfers (id, kind, status, from_account, to_account, asset, amount, settled_at)
         values ($1, 'transfer', 'posted', $2, $3, 'EUR', 1, now()) returning to_jsonb(transfers) as row`,
        [id, from.account, to.account],
      );
      await client.query(
        `insert into bare.entries (account_id, version, transfer_id, asset, amount, balance_after, at)
         values ($1, $2, $3, 'EUR', -1, $4, now()), ($5, $6, $3, 'EUR', 1, $7, now())`,
        [
          ...[from.account, String(entries[0]?.version), id, String(entries[0]?.posted)],
          ...[to.account, String(entries[1]?.version), String(entries[1]?.posted)],
        ],
      );
      await client.query(
        "insert into bare.history (subject, subject_id, action, after) values ('ledger_transfers', $1, 'insert', $2)",
        [id, JSON.stringify(made.rows[0].row)],
      );
      await client.query("commit");
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
  };
}
