/**
 * Many clients that move money among few accounts at once, in every way there is, over connections that break. At the end
 * the books are held against the answers.
 */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { expect } from "vitest";
import { type Books, judgeBooks } from "./storm-books.ts";
import { type Answer, type Call, type Calls, dice, startCalls } from "./storm-calls.ts";

const CLIENTS = 200;
/** with an account in either asset each: 50 accounts */
const USERS = 25;
/** smallest units: what an account has at the start, and how many make one */
const ASSETS = [
  { code: "EUR", start: 100_000, unit: 100, rate: "163.27" },
  { code: "JPY", start: 160_000, unit: 1, rate: "0.0061" },
] as const;
/** of a thousand turns, how many share a yield among all: each books as many entries as there are accounts */
const YIELDS = 10;

export interface StormOptions {
  /** of a database of the storm's own, as who may call the functions */
  url: string;
  calls: number;
  /** the clients share so many; from 200 on each has its own */
  connections: number;
  /** once a connection at all can be had again */
  isBack: () => Promise<unknown>;
}

export interface Storm {
  readonly pool: pg.Pool;
  readonly calls: Calls;
  /** transfers that a client has been told of */
  readonly made: ReadonlyMap<string, Answer>;
  /** how many of the calls have begun, or are over */
  begun(): number;
  /** until all calls are answered or abandoned */
  run(): Promise<void>;
  /** the books against what was heard */
  judge(): Promise<void>;
  close(): Promise<void>;
}

interface Holder {
  user: string;
  /** as ASSETS */
  accounts: string[];
}

export async function startStorm({ calls: count, ...options }: StormOptions): Promise<Storm> {
  const calls = startCalls(options);
  const { make, ask } = calls;
  const made = new Map<string, Answer>();
  const heard: Books = { made, settled: new Map(), unheard: calls.unheard, asked: new Map() };
  const recent: string[] = [];

  async function movement(name: string, parameters: Record<string, unknown>) {
    const call: Call = { name, parameters: { ...parameters, p_id: randomUUID() } };
    const answer = await make(call);
    if (!answer) return;
    made.set(answer.id, answer);
    recent.push(answer.id);
    if (recent.length > 200) recent.shift();
  }

  const holders: Holder[] = [];
  for (let n = 0; n < USERS; n++) {
    const user = randomUUID();
    await ask(
      `insert into auth.users (id, aud, role, email, created_at, updated_at)
       values ($1, 'authenticated', 'authenticated', $2, now(), now())`,
      [user, `storm-${user}@switchyard.test`],
    );
    const accounts: string[] = [];
    for (const { code } of ASSETS) {
      const opened = "select public.ledger_open_account($1, $2) -> 'account' ->> 'id' as id";
      const [row] = await ask(opened, [user, code]);
      accounts.push(String(row?.id));
    }
    holders.push({ user, accounts });
  }
  const deposit = (account: string | undefined, amount: string) =>
    movement("ledger_deposit", { p_actor: null, p_account: account, p_amount: amount });
  for (const { accounts } of holders)
    for (const [at, { start, unit }] of ASSETS.entries()) await deposit(accounts[at], decimal(start, unit));
  const [from, to] = ASSETS;
  for (const [one, other, rate] of [
    [from.code, to.code, from.rate],
    [to.code, from.code, to.rate],
  ])
    await ask("select public.ledger_set_rate(null, $1, $2, $3)", [one, other, rate]);

  /** Somebody with one of their accounts, another's in that asset, and an amount that it may have. */
  function drawn() {
    const [asset, who, other] = [dice(2), dice(USERS), dice(USERS - 1)];
    const { start, unit } = ASSETS[asset as 0 | 1];
    const [payer, payee] = [holders[who], holders[other >= who ? other + 1 : other]];
    // worth more than the smallest unit of the other asset
    const amount = decimal(2 * (100 / unit) + dice(start / 4), unit);
    const own = { p_user_id: payer?.user, p_from: payer?.accounts[asset], p_amount: amount };
    return {
      own,
      amount,
      to: payee?.accounts[asset],
      exchanged: payer?.accounts[1 - asset],
      code: ASSETS[asset as 0 | 1].code,
    };
  }
  // more than is withdrawn, or nothing could be moved in the end
  const paidIn = () => {
    const { to, amount } = drawn();
    return deposit(to, amount);
  };
  const outgoing = (held: boolean) => {
    const { own, to, exchanged } = drawn();
    const hold = held && { p_hold_seconds: 3_600 };
    const way = dice(10);
    if (way < 5) return movement("ledger_transfer", { ...own, ...hold, p_to: to });
    if (way < 7) return movement("ledger_withdraw", { ...own, ...hold });
    return movement("ledger_exchange", { ...own, ...hold, p_to: exchanged });
  };
  const some = (status: Answer["status"]) => {
    const isSuch = (id: string) => (heard.settled.get(id) ?? made.get(id)?.status) === status;
    const fitting = recent.filter(isSuch);
    return fitting[dice(fitting.length)];
  };
  async function settle(name: "post" | "void") {
    const id = some("pending");
    if (!id) return outgoing(true);
    const byItsUser = name === "void" && dice(2) === 0;
    const user = holders.find(({ accounts }) => accounts.includes(String(made.get(id)?.from_account)))?.user;
    const parameters = {
      ...{ p_id: id, p_actor: byItsUser ? user : null },
      ...(name === "void" && { p_as_operator: !byItsUser }),
    };
    const answer = await make({ name: `ledger_${name}`, parameters });
    if (answer) heard.settled.set(id, answer.status);
  }
  async function reverse() {
    const of = some("posted");
    return of ? movement("ledger_reverse", { p_actor: null, p_transfer: of }) : outgoing(false);
  }
  async function share() {
    const { amount, code } = drawn();
    const call = {
      name: "ledger_yield",
      parameters: { p_actor: null, p_asset: code, p_amount: amount, p_id: randomUUID() },
    };
    heard.asked.set(call.parameters.p_id, amount);
    const answer = await make(call);
    if (!answer) return;
    made.set(answer.id, answer);
    recent.push(answer.id);
  }
  /** Whatever is in the middle of being done, nobody sees half of it. */
  async function look() {
    const rows = await ask(
      `select asset, sum(posted)::text as total, min(posted) filter (where kind = 'user') >= 0
         and min(posted - held) filter (where kind = 'user') >= 0 as whole from public.ledger_accounts group by 1 order by 1`,
    );
    expect(rows).toEqual(ASSETS.map(({ code }) => ({ asset: code, total: "0", whole: true })));
  }

  let left = count;
  async function client() {
    while (left-- > 0) {
      const turn = dice(40);
      if (dice(1_000) < YIELDS) await share();
      else if (turn < 20) await outgoing(false);
      else if (turn < 27) await paidIn();
      else if (turn < 32) await outgoing(true);
      else if (turn < 35) await settle("post");
      else if (turn < 37) await settle("void");
      else await reverse();
      if (dice(100) === 0) await look();
    }
  }

  return {
    pool: calls.pool,
    calls,
    made,
    begun: () => count - Math.max(left, 0),
    run: async () => void (await Promise.all(Array.from({ length: CLIENTS }, client))),
    judge: () => judgeBooks(ask, heard),
    close: () => calls.pool.end(),
  };
}

const decimal = (units: number, unit: number): string => (units / unit).toFixed(unit === 1 ? 0 : 2);
