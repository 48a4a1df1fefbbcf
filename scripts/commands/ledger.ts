/** `switchyard ledger ...`: whether the books are right, and what the operator moves. */
import { randomUUID } from "node:crypto";
import { type Checked, checkLedgerBooks } from "../../shared/ledger/check.ts";
import type { LedgerTransfer } from "../../shared/ledger/shapes.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { type Command, type Given, type Io, JSON_OPTION, json, orRefuse, Refused, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";

interface Totals {
  /** of users */
  accounts: number;
  /** by asset: of all accounts, which is zero, in smallest units; and of users' */
  assets: Record<string, { all: string; users: string }>;
}

export const checkLedger: Command = {
  name: "ledger check",
  usage: "[--json]",
  about: "Proves that the books are right, and names whatever is not; fails then.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ config, deadlines }) => {
      // all that was ever moved is read, in calls that Supabase's limit for statements lets pass
      const service = serviceClient(config, { timeoutMs: deadlines.exportMs });
      const checked = orRefuse(await checkLedgerBooks((name, parameters) => callSystem(service, name, parameters)));
      const totals = orRefuse(await callSystem<Totals>(service, "ledger_totals"));
      const { offences, walked } = checked;
      const { transfers, entries } = walked;
      out(values.json ? json({ offences, transfers, entries, ...totals }) : inWords(checked, totals));
      if (offences.length > 0) throw new Refused("The books are not right. Nothing was changed.");
    }),
};

function inWords({ offences, walked }: Checked, { accounts, assets }: Totals): string {
  const held = Object.entries(assets).map(([asset, { users }]) => [asset, users]);
  if (offences.length > 0)
    return table(
      ["what is broken", "by", ""],
      offences.map(({ invariant, offender, detail }) => [invariant, offender, detail]),
    );
  const counted = `The books are right: ${accounts} accounts, ${walked.transfers} transfers, ${walked.entries} entries.`;
  return held.length > 0 ? `${counted}\n${table(["asset", "of users"], held)}` : counted;
}

const id = { id: { type: "string" }, description: { type: "string" }, ...JSON_OPTION } as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A command that makes or settles one transfer; with --id it may be repeated. */
const moving = (
  name: string,
  usage: string,
  about: string,
  call: (given: Given, made: { p_actor: null; p_id: string }) => { name: string; parameters: object },
): Command => ({
  name: `ledger ${name}`,
  usage,
  about,
  options: id,
  positionals: usage.split(" ").filter((word) => word.startsWith("<")).length,
  run(given: Given, { env, out }: Io) {
    const wanted = String(given.values.id ?? randomUUID());
    if (!UUID.test(wanted)) throw new WrongUse("--id is a UUID.");
    const { name: called, parameters } = call(given, { p_actor: null, p_id: wanted });
    return connected(env, async ({ service }) => {
      const noted = { ...parameters, p_request: "switchyard" };
      const made = orRefuse(await callSystem<LedgerTransfer>(service, called, noted));
      out(given.values.json ? json(made) : `${made.kind} ${made.id}: ${made.amount} ${made.asset}, ${made.status}.`);
    });
  },
});

const described = ({ values }: Given) => ({ p_description: values.description ?? null });
/** The transfer that is named, which the id is then. */
function named({ positionals: [transfer = ""] }: Given): string {
  if (!UUID.test(transfer)) throw new WrongUse(`"${transfer}" is no id of a transfer.`);
  return transfer;
}
const MADE = "[--id=<uuid>] [--description=<text>] [--json]";

export const depositLedger = moving(
  "deposit",
  `<account> <amount> ${MADE}`,
  "Books what has come from outside into a user's account. With the same --id it does so once.",
  (given, made) => ({
    name: "ledger_deposit",
    parameters: {
      ...made,
      ...described(given),
      p_account: named(given),
      p_amount: given.positionals[1],
    },
  }),
);
export const yieldLedger = moving(
  "yield",
  `<asset> <amount> ${MADE}`,
  "Shares an amount among all who hold the asset, in proportion, each share rounded down.",
  (given, made) => ({
    name: "ledger_yield",
    parameters: { ...made, ...described(given), p_asset: given.positionals[0], p_amount: given.positionals[1] },
  }),
);
export const postLedger = moving("post", "<transfer> [--json]", "Does what a hold holds.", (given) => ({
  name: "ledger_post",
  parameters: { p_actor: null, p_id: named(given) },
}));
export const voidLedger = moving("void", "<transfer> [--json]", "Gives back what a hold holds.", (given) => ({
  name: "ledger_void",
  parameters: { p_actor: null, p_id: named(given), p_as_operator: true },
}));
export const reverseLedger = moving(
  "reverse",
  `<transfer> ${MADE}`,
  "Makes the opposite of a posted transfer, once.",
  (given, made) => ({
    name: "ledger_reverse",
    parameters: { ...made, ...described(given), p_transfer: named(given) },
  }),
);
