/** The books after a storm, held against what its clients have heard: added up here, by other code than the ledger's. */
import { expect } from "vitest";
import { type Answer, type Calls, isSame } from "./storm-calls.ts";

/** What the clients have heard. */
export interface Books {
  made: ReadonlyMap<string, Answer>;
  /** of holds: as what their settling was answered */
  settled: Map<string, Answer["status"]>;
  unheard: ReadonlySet<string>;
  /** of yields, heard of or not: what was to be shared, a decimal */
  asked: Map<string, string>;
}

interface Row {
  id: string;
  kind: string;
  status: string;
  from_account: string | null;
  to_account: string | null;
  asset: string;
  amount: string;
  to_asset: string | null;
  to_amount: string | null;
  reverses: string | null;
  shown: Answer;
}
interface Share {
  transfer: string;
  account: string;
  share: string;
  before: string;
  scale: number;
}
/** An account, or a kind of the system's in an asset, and smallest units. */
type Effect = readonly [string, bigint];

export async function judgeBooks(ask: Calls["ask"], { made, settled, unheard, asked }: Books): Promise<void> {
  expect(await ask("select * from public.ledger_check()")).toEqual([]);

  const rows = (await ask(
    `select id, kind, status, from_account, to_account, asset, amount::text, to_asset, to_amount::text, reverses,
       switchyard.ledger_show(t) as shown from public.ledger_transfers t`,
  )) as unknown as Row[];
  const there = new Map(rows.map((row) => [row.id, row]));
  // everything that was answered is there, as it was answered, and nothing that nobody asked for
  const broken = [...made.values()].filter((answer) => {
    const row = there.get(answer.id);
    const status = settled.get(answer.id) ?? answer.status;
    return !row || !isSame(answer, row.shown) || (row.status !== status && !unheard.has(answer.id));
  });
  expect(broken).toEqual([]);
  expect([...there.keys()].filter((id) => !made.has(id) && !unheard.has(id))).toEqual([]);

  // each share is the account's part of all that there was at that moment, rounded down
  const shares = (await ask(SHARES)) as unknown as Share[];
  const sharesOf = Map.groupBy(shares, ({ transfer }) => transfer);
  for (const [transfer, each] of sharesOf) {
    const total = each.reduce((sum, { before }) => sum + BigInt(before), 0n);
    const units = unitsOf(String(asked.get(transfer)), each[0]?.scale ?? 0);
    const due = each.map(({ before }) => String((units * BigInt(before)) / total));
    expect(each.map(({ share }) => share)).toEqual(due);
  }

  // balances are what those transfers make of nothing, once each
  const effectsOf = (row: Row): Effect[] => {
    const [amount, toAmount] = [BigInt(row.amount), BigInt(row.to_amount ?? 0)];
    const [from, to] = [String(row.from_account), String(row.to_account)];
    if (row.kind === "deposit")
      return [
        [`outside ${row.asset}`, -amount],
        [to, amount],
      ];
    if (row.kind === "withdrawal")
      return [
        [from, -amount],
        [`outside ${row.asset}`, amount],
      ];
    if (row.kind === "transfer")
      return [
        [from, -amount],
        [to, amount],
      ];
    if (row.kind === "exchange")
      return [
        ...[[from, -amount] as const, [`liquidity ${row.asset}`, amount] as const],
        ...[[`liquidity ${row.to_asset}`, -toAmount] as const, [to, toAmount] as const],
      ];
    if (row.kind === "yield")
      return [
        [`yield ${row.asset}`, -amount],
        ...(sharesOf.get(row.id) ?? []).map(({ account, share }) => [account, BigInt(share)] as const),
      ];
    const reversed = there.get(String(row.reverses));
    return reversed ? effectsOf(reversed).map(([account, units]) => [account, -units]) : [];
  };
  const due = new Map<string, bigint>();
  for (const row of rows)
    if (row.status === "posted")
      for (const [account, units] of effectsOf(row)) due.set(account, (due.get(account) ?? 0n) + units);
  const found = await ask(
    `select case kind when 'user' then id::text else kind || ' ' || asset end as account, sum(posted)::text as posted
     from public.ledger_accounts group by 1 having sum(posted) <> 0 order by 1`,
  );
  const expected = [...due]
    .filter(([, units]) => units !== 0n)
    .map(([account, units]) => ({ account, posted: String(units) }));
  expect(found).toEqual(expected.sort((a, b) => (a.account < b.account ? -1 : 1)));
  expect([...new Set(rows.map(({ kind }) => kind))].sort()).toEqual(KINDS);

  // each movement is in the history, with the request that made it
  const unwritten = await ask(
    `select id from public.ledger_transfers t where not exists (
       select from public.ledger_history h
       where h.subject_id = t.id::text and h.action = 'insert' and h.request_id = t.id::text
     )`,
  );
  expect(unwritten).toEqual([]);
}

const KINDS = ["deposit", "exchange", "reversal", "transfer", "withdrawal", "yield"];

const SHARES = `
  select y.id as transfer, a.id as account, s.scale, coalesce(e.amount, 0)::text as share,
    coalesce(e.balance_after - e.amount, b.balance_after, 0)::text as before
  from public.ledger_transfers y
  join public.assets s on s.code = y.asset
  join public.ledger_accounts a on a.asset = y.asset and a.kind = 'user'
  left join public.ledger_entries e on e.transfer_id = y.id and e.account_id = a.id
  left join lateral (
    select x.balance_after from public.ledger_entries x
    where x.account_id = a.id and x.at <= (select max(at) from public.ledger_entries where transfer_id = y.id)
    order by x.version desc limit 1
  ) b on e.account_id is null
  where y.kind = 'yield' order by 1, 2`;

function unitsOf(decimal: string, scale: number): bigint {
  const [whole = "", part = ""] = decimal.split(".");
  return BigInt(whole + part.padEnd(scale, "0"));
}
