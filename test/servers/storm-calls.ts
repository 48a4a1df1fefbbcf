/**
 * One call of a client whose connection may break: repeated, under the same id and with the same words, until there is an
 * answer, and now and then once more after it; or abandoned by a client that is killed in the middle of it.
 */
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";

/** of a hundred calls, in the middle of how many the client's connection ends, and it asks again on another one */
const LOST = 3;
/** ... and by how many the client is killed, and never hears */
const KILLED = 2;
/** ... and how many are made once more though they were answered, as by a proxy that repeats them */
const DOUBLED = 3;

/** A transfer as its function answers. */
export type Answer = Readonly<Record<string, unknown>> & { id: string; status: "pending" | "posted" | "voided" };
export interface Call {
  /** one of the ledger's functions; each takes `p_id` */
  name: string;
  parameters: Readonly<Record<string, unknown>> & { p_id: string };
}

interface Counts {
  refused: number;
  /** for want of an answer */
  repeated: number;
  /** answered more than once, the same each time */
  doubled: number;
}

export interface Calls {
  readonly pool: pg.Pool;
  /** ids of calls that nobody heard the end of: they may have been done */
  readonly unheard: ReadonlySet<string>;
  readonly counts: Readonly<Counts>;
  /** undefined: refused, as the state of the books may have it, or its client was killed */
  make(call: Call): Promise<Answer | undefined>;
  /** rows of a question, however often it has to be asked */
  ask(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

export interface CallsOptions {
  url: string;
  connections: number;
  /** once a connection at all can be had again */
  isBack: () => Promise<unknown>;
}

/** Below so many sides, from 0. */
export const dice = (sides: number): number => Math.floor(Math.random() * sides);

const GONE = new Set(["57P01", "57P02", "57P03", "08006", "08003", "08001", "53300"]);
const isLost = (error: { code?: string | undefined }) =>
  !error.code || GONE.has(error.code) || !/^[0-9A-Z]{5}$/.test(error.code);
const REFUSED = /^(SY402|SY424)$/;
/** A yield of so little that nobody's share is a whole unit. */
const NO_SHARE = "22023";

export function startCalls({ url, connections, isBack }: CallsOptions): Calls {
  const pool = new pg.Pool({
    ...{ connectionString: url, max: connections, idleTimeoutMillis: 1_000, allowExitOnIdle: true },
  });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const unheard = new Set<string>();
  const counts: Counts = { refused: 0, repeated: 0, doubled: 0 };

  /** On one connection; `breaks`: which ends while the server has begun, perhaps, or is done. */
  async function once(text: string, values: readonly unknown[], breaks: boolean) {
    const client = await pool.connect();
    try {
      const answering = client.query(text, [...values]);
      if (breaks) {
        answering.catch(() => undefined);
        await pause(dice(4));
        client.release(true);
        return undefined;
      }
      const { rows } = await answering;
      client.release();
      return rows as Record<string, unknown>[];
    } catch (error) {
      // what is refused has left the connection as it was
      client.release(isLost(error as pg.DatabaseError));
      throw error;
    }
  }

  async function ask(text: string, values: readonly unknown[] = [], breaksAtFirst = false, onLost = () => {}) {
    const lost = () => {
      counts.repeated++;
      onLost();
    };
    for (let breaks = breaksAtFirst; ; breaks = false) {
      try {
        const rows = await once(text, values, breaks);
        if (rows) return rows;
        lost();
      } catch (error) {
        if (!isLost(error as pg.DatabaseError)) throw error;
        // whoever waits to see that the server is gone hears of it before it is back
        lost();
        await isBack();
      }
    }
  }

  async function make({ name, parameters }: Call): Promise<Answer | undefined> {
    const given = Object.keys(parameters).map((key, at) => `${key} => $${at + 1}`);
    const text = `select public.${name}(${given.join(", ")}, p_request => '${parameters.p_id}') as answer`;
    const values = Object.values(parameters);
    const fate = dice(100);
    let isRepeated = false;
    try {
      if (fate < KILLED) {
        unheard.add(parameters.p_id);
        await once(text, values, true);
        return undefined;
      }
      const [row] = await ask(text, values, fate < KILLED + LOST, () => {
        isRepeated = true;
      });
      const answer = row?.answer as Answer;
      if (fate >= 100 - DOUBLED) {
        const [again] = await ask(text, values);
        if (!isSame(answer, again?.answer as Answer)) throw new Error(`${name} ${answer.id} has two answers`);
        counts.doubled++;
      }
      return answer;
    } catch (error) {
      const { code = "" } = error as pg.DatabaseError;
      if (fate < KILLED && isLost(error as pg.DatabaseError)) return undefined;
      if (!REFUSED.test(code) && !(name === "ledger_yield" && code === NO_SHARE)) throw error;
      counts.refused++;
      // its first try may have reached the server behind the one that was refused
      if (isRepeated) unheard.add(parameters.p_id);
      return undefined;
    }
  }

  return { pool, unheard, counts, make, ask: (text, values) => ask(text, values) };
}

/** What a hold has become meanwhile apart. */
export const isSame = (one: Answer, other: Answer): boolean => {
  const lasting = ({ status: _status, settled_at: _at, ...rest }: Answer) => JSON.stringify(rest);
  return lasting(one) === lasting(other);
};
