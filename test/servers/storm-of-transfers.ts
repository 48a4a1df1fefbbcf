/**
 * Many clients that move money among few accounts at once, over connections that break: each repeats what it has no answer
 * to, under the same id, until it has one, or is killed and never hears. At the end the books are held against the answers.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { expect } from "vitest";

const CLIENTS = 200;
const ACCOUNTS = 50;
/** each has so many cents at the start */
const CENTS = 100_000;
/** the clients share them, as they do behind a pooler */
const CONNECTIONS = 60;
/** of a hundred calls, how many are abandoned by a client that is killed */
const KILLED = 2;

type Row = Record<string, unknown>;
type Outcome = "posted" | "pending" | "voided";
interface Known {
  from: number;
  to: number;
  cents: number;
  status: Outcome;
}
/** What the clients have heard. */
interface Heard {
  made: Map<string, Known>;
  /** calls that nobody heard the end of: they may have been done */
  unheard: Set<string>;
  refused: number;
  repeated: number;
}

export interface StormOptions {
  /** connects as who may call the functions */
  url: string;
  calls: number;
  /** once a connection at all can be had again */
  isBack: () => Promise<unknown>;
}

export interface Storm {
  readonly pool: pg.Pool;
  readonly heard: Heard;
  /** until all calls are answered or abandoned */
  run(): Promise<void>;
  /** the books against what was heard */
  judge(): Promise<void>;
  close(): Promise<void>;
}

const GONE = new Set(["57P01", "57P02", "57P03", "08006", "08003", "08001", "53300"]);
const isLost = (error: { code?: string; message?: string }) =>
  !error.code || GONE.has(error.code) || !/^[0-9A-Z]{5}$/.test(error.code);

export async function startStorm({ url, calls, isBack }: StormOptions): Promise<Storm> {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    idleTimeoutMillis: 1_000,
    allowExitOnIdle: true,
  });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const heard: Heard = { made: new Map(), unheard: new Set(), refused: 0, repeated: 0 };
  const users: string[] = [];
  const accounts: string[] = [];
  for (let n = 0; n < ACCOUNTS; n++) {
    const id = randomUUID();
    await pool.query(
      `insert into auth.users (id, aud, role, email, created_at, updated_at) values ($1, 'authenticated', 'authenticated', $2, now(), now())`,
      [id, `storm-${id}@switchyard.test`],
    );
    const { rows } = await pool.query("select public.ledger_open_account($1, 'EUR') -> 'account' ->> 'id' as id", [id]);
    users.push(id);
    accounts.push(String(rows[0].id));
    await pool.query("select public.ledger_deposit(null, $1, $2, $3)", [randomUUID(), rows[0].id, String(CENTS / 100)]);
  }

  let left = calls;
  const dice = (sides: number) => Math.floor(Math.random() * sides);
  const some = (status: Outcome) => {
    const fitting = [...heard.made].slice(-200).filter(([, known]) => known.status === status);
    return fitting[dice(fitting.length)];
  };

  /** One call until it is answered; undefined when it was refused, or its client was killed. */
  async function call(text: string, values: readonly unknown[], id: string): Promise<Row | undefined> {
    const isKilled = dice(100) < KILLED;
    for (;;) {
      let client: pg.PoolClient | undefined;
      try {
        client = await pool.connect();
        const answer = client.query(text, [...values]);
        if (isKilled) {
          answer.catch(() => undefined);
          // after a moment, in which the server may have begun, or be done
          await pause(dice(4));
          heard.unheard.add(id);
          client.release(true);
          return undefined;
        }
        const { rows } = await answer;
        client.release();
        return rows[0].answer as Row;
      } catch (thrown) {
        const error = thrown as { code?: string; message?: string };
        client?.release(true);
        if (!isLost(error)) {
          if (!/^(SY402|SY424)$/.test(error.code ?? "")) throw thrown;
          heard.refused++;
          return undefined;
        }
        heard.repeated++;
        await isBack();
      }
    }
  }

  async function move(isHold: boolean) {
    const [from, other, cents] = [dice(ACCOUNTS), dice(ACCOUNTS - 1), 1 + dice(CENTS / 4)];
    const to = other >= from ? other + 1 : other;
    const id = randomUUID();
    const answer = await call(
      "select public.ledger_transfer($1, $2, $3, $4, $5, p_hold_seconds => $6) as answer",
      [users[from], id, accounts[from], accounts[to], (cents / 100).toFixed(2), isHold ? 3_600 : null],
      id,
    );
    if (answer) heard.made.set(id, { from, to, cents, status: isHold ? "pending" : "posted" });
  }
  async function settle(name: "post" | "void") {
    const [id, known] = some("pending") ?? [];
    if (!id || !known) return move(true);
    const operator = name === "void" ? ", true" : "";
    const answer = await call(`select public.ledger_${name}(null, $1${operator}) as answer`, [id], id);
    if (answer) known.status = name === "post" ? "posted" : "voided";
  }
  async function reverse() {
    const [of, known] = some("posted") ?? [];
    if (!of || !known) return move(false);
    const id = randomUUID();
    const answer = await call("select public.ledger_reverse(null, $1, $2) as answer", [id, of], id);
    if (answer) heard.made.set(id, { from: known.to, to: known.from, cents: known.cents, status: "posted" });
  }
  async function client() {
    while (left-- > 0) {
      const turn = dice(20);
      if (turn < 12) await move(false);
      else if (turn < 15) await move(true);
      else if (turn < 17) await settle("post");
      else if (turn < 18) await settle("void");
      else await reverse();
    }
  }

  return {
    pool,
    heard,
    run: async () => void (await Promise.all(Array.from({ length: CLIENTS }, client))),
    async judge() {
      const ask = async (text: string, values: unknown[] = []) => (await pool.query(text, values)).rows as Row[];
      expect(await ask("select * from public.ledger_check()")).toEqual([]);
      const rows = await ask(
        `select id, kind, status, (amount)::int as cents, from_account, to_account from public.ledger_transfers
         where kind <> 'deposit' and (from_account = any ($1) or to_account = any ($1))`,
        [accounts],
      );
      const there = new Map(rows.map((row) => [String(row.id), row]));
      // everything that was answered is there, as it was answered, and nothing that nobody asked for
      const settledUnheard = (id: string) => heard.unheard.has(id);
      const missing = [...heard.made].filter(([id, known]) => {
        const row = there.get(id);
        return row?.cents !== known.cents || (row.status !== known.status && !settledUnheard(id));
      });
      expect(missing).toEqual([]);
      expect([...there.keys()].filter((id) => !heard.made.has(id) && !heard.unheard.has(id))).toEqual([]);
      // balances are what those transfers make of what there was, once each
      const cents = accounts.map(() => CENTS);
      for (const { status, cents: amount, from_account, to_account } of rows) {
        if (status !== "posted") continue;
        const [from, to] = [accounts.indexOf(String(from_account)), accounts.indexOf(String(to_account))];
        cents[from] = (cents[from] ?? 0) - Number(amount);
        cents[to] = (cents[to] ?? 0) + Number(amount);
      }
      const found = await ask("select id, posted::int as posted from public.ledger_accounts where id = any ($1)", [
        accounts,
      ]);
      const posted = new Map(found.map((row) => [String(row.id), Number(row.posted)]));
      expect(accounts.map((id) => posted.get(id))).toEqual(cents);
      expect(cents.reduce((sum, each) => sum + each, 0)).toBe(ACCOUNTS * CENTS);
    },
    close: () => pool.end(),
  };
}
