/** `/admin/ledger`: what only the operator moves. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { LedgerTransfer } from "../../shared/ledger/shapes.ts";
import { changing, count, reasonHeader, rehearsalQuery, settling } from "../_admin.ts";
import { body, json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import {
  amountSchema,
  assetSchema,
  callLedger,
  descriptionSchema,
  inUtc,
  madeBy,
  rehearseLedger,
  type Typed,
  transferSchema,
} from "../_ledger.ts";
import { idempotencyHeader, pathId } from "../_parameters.ts";
import { createRoutes } from "../_validation.ts";

interface Chain {
  network: string;
  tx_hash: string;
  block_number?: string;
  gas?: string;
  raw_amount?: string;
}
const whole = z.string().regex(/^\d{1,37}$/);
const chain = z
  .strictObject({
    network: z.string().regex(/^[a-z0-9-]{1,40}$/),
    tx_hash: z.string().regex(/^[A-Za-z0-9]{1,200}$/),
    block_number: whole.optional(),
    gas: whole.optional(),
    raw_amount: whole.optional().meta({ description: "in the chain's own smallest unit" }),
  })
  .meta({ id: "LedgerChain" });
interface Deposit {
  account: string;
  amount: string;
  description?: string;
  chain?: Chain;
}
const deposit = z
  .strictObject({
    account: z.uuid().toLowerCase(),
    amount: amountSchema,
    description: descriptionSchema,
    chain: chain.optional(),
  })
  .meta({ id: "LedgerDeposit" }) as unknown as Typed<Deposit>;
interface Yield {
  asset: string;
  amount: string;
  description?: string;
}
const yielded = z
  .strictObject({ asset: assetSchema, amount: amountSchema, description: descriptionSchema })
  .meta({ id: "LedgerYield" }) as unknown as Typed<Yield>;
interface Rate {
  asset: string;
  to_asset: string;
  rate: string;
}
const rate = z
  .strictObject({
    asset: assetSchema,
    to_asset: assetSchema,
    rate: z
      .string()
      .regex(/^\d{1,18}(\.\d{1,18})?$/)
      .meta({ description: "how many of to_asset one of asset gives" }),
  })
  .meta({ id: "LedgerRate" }) as unknown as Typed<Rate>;

interface LedgerRehearsal {
  count: number;
  transfer: LedgerTransfer;
}
const rehearsalSchema = z
  .object({
    count: count.meta({ description: "accounts of users that would have another balance; 0: it was made before" }),
    transfer: transferSchema,
  })
  .meta({ id: "LedgerRehearsal" }) as unknown as Typed<LedgerRehearsal>;
interface RateRehearsal {
  count: number;
  rate: string;
  before: string | null;
}
const rateRehearsalSchema = z
  .object({
    count: count.meta({ description: "0: it is that already" }),
    rate: z.string(),
    before: z.string().nullable().meta({ description: "null: there is none" }),
  })
  .meta({ id: "LedgerRateRehearsal" }) as unknown as Typed<RateRehearsal>;

const params = z.object({ id: pathId("id", "UUID of the transfer") });
const repeatable = idempotencyHeader.extend(reasonHeader.shape);
const made = {
  200: json(rehearsalSchema, "with dry_run=true: what would be made, under an id that it will not have"),
  201: json(transferSchema, "made, or made by an earlier try with this Idempotency-Key"),
};

const routes = {
  deposit: createRoute({
    ...changing,
    method: "post",
    path: "/admin/ledger/deposits",
    summary: "Book what has come from outside into a user's account",
    request: { query: rehearsalQuery, body: body(deposit), headers: repeatable },
    responses: { ...made, ...problems(400, 401, 403, 404, 409, 413, 415, 422, 503) },
  }),
  yield: createRoute({
    ...changing,
    method: "post",
    path: "/admin/ledger/yields",
    summary: "Share an amount among all who hold an asset, in proportion, each share rounded down",
    request: { query: rehearsalQuery, body: body(yielded), headers: repeatable },
    responses: { ...made, ...problems(400, 401, 403, 409, 413, 415, 422, 503) },
  }),
  rate: createRoute({
    ...changing,
    method: "put",
    path: "/admin/ledger/rates",
    summary: "Set the rate at which users exchange one asset into another",
    request: { query: rehearsalQuery, body: body(rate), headers: reasonHeader },
    responses: {
      200: json(rateRehearsalSchema, "with dry_run=true: what it would be, and is"),
      204: { description: "set" },
      ...problems(400, 401, 403, 413, 415, 422, 503),
    },
  }),
  post: createRoute({
    ...settling,
    method: "post",
    path: "/admin/ledger/transfers/{id}/post",
    summary: "Do what a hold holds",
    request: { params, query: rehearsalQuery, headers: reasonHeader },
    responses: {
      200: json(transferSchema, "posted, now or before; with dry_run=true: as it would be"),
      ...problems(400, 401, 403, 404, 409, 503),
    },
  }),
  void: createRoute({
    ...settling,
    method: "post",
    path: "/admin/ledger/transfers/{id}/void",
    summary: "Give back what a hold holds",
    request: { params, query: rehearsalQuery, headers: reasonHeader },
    responses: {
      200: json(transferSchema, "voided, now or before; with dry_run=true: as it would be"),
      ...problems(400, 401, 403, 404, 409, 503),
    },
  }),
  reverse: createRoute({
    ...settling,
    method: "post",
    path: "/admin/ledger/transfers/{id}/reverse",
    summary: "Make the opposite of a posted transfer, once",
    request: { params, query: rehearsalQuery, headers: repeatable },
    responses: { ...made, ...problems(400, 401, 403, 404, 409, 503) },
  }),
};

type Change = "ledger_deposit" | "ledger_yield" | "ledger_reverse";
/** The two answers of what makes a transfer. */
async function rehearse(c: Context<AppEnv>, change: Change, wanted: object): Promise<LedgerRehearsal> {
  const { count: changed, result } = await rehearseLedger<LedgerTransfer>(c, change, wanted);
  return { count: changed, transfer: inUtc(result) };
}
const make = async (c: Context<AppEnv>, change: Change, wanted: object) =>
  inUtc(await callLedger<LedgerTransfer>(c, "write", change, wanted));
async function settle(c: Context<AppEnv>, change: "ledger_post" | "ledger_void", wanted: object, isRehearsal: boolean) {
  if (isRehearsal) return inUtc((await rehearseLedger<LedgerTransfer>(c, change, wanted)).result);
  return inUtc(await callLedger<LedgerTransfer>(c, "write", change, wanted));
}
const isAsked = ({ dry_run }: { dry_run: "true" | "false" }) => dry_run === "true";

export const ledgerAdminRoutes = () =>
  createRoutes()
    .openapi(routes.deposit, async (c) => {
      const { account, amount, description = null, chain: onChain = null } = c.req.valid("json");
      const wanted = {
        p_actor: c.var.user.id,
        ...(await madeBy(c, "/api/admin/ledger/deposits", c.req.valid("json"))),
        p_account: account,
        p_amount: amount,
        p_description: description,
        p_chain: onChain,
      };
      if (isAsked(c.req.valid("query"))) return c.json(await rehearse(c, "ledger_deposit", wanted), 200);
      return c.json(await make(c, "ledger_deposit", wanted), 201);
    })
    .openapi(routes.yield, async (c) => {
      const { asset, amount, description = null } = c.req.valid("json");
      const wanted = {
        p_actor: c.var.user.id,
        ...(await madeBy(c, "/api/admin/ledger/yields", c.req.valid("json"))),
        p_asset: asset,
        p_amount: amount,
        p_description: description,
      };
      if (isAsked(c.req.valid("query"))) return c.json(await rehearse(c, "ledger_yield", wanted), 200);
      return c.json(await make(c, "ledger_yield", wanted), 201);
    })
    .openapi(routes.rate, async (c) => {
      const { asset, to_asset, rate: set } = c.req.valid("json");
      const wanted = { p_actor: c.var.user.id, p_asset: asset, p_to_asset: to_asset, p_rate: set };
      if (isAsked(c.req.valid("query"))) {
        const found = await rehearseLedger<Omit<RateRehearsal, "count">>(c, "ledger_set_rate", wanted);
        return c.json({ count: found.count, ...found.result }, 200);
      }
      await callLedger(c, "write", "ledger_set_rate", wanted);
      return c.body(null, 204);
    })
    .openapi(routes.post, async (c) => {
      const wanted = { p_actor: c.var.user.id, p_id: c.req.valid("param").id };
      return c.json(await settle(c, "ledger_post", wanted, isAsked(c.req.valid("query"))), 200);
    })
    .openapi(routes.void, async (c) => {
      const wanted = { p_actor: c.var.user.id, p_id: c.req.valid("param").id, p_as_operator: true };
      return c.json(await settle(c, "ledger_void", wanted, isAsked(c.req.valid("query"))), 200);
    })
    .openapi(routes.reverse, async (c) => {
      const { id } = c.req.valid("param");
      const wanted = {
        p_actor: c.var.user.id,
        ...(await madeBy(c, `/api/admin/ledger/transfers/${id}/reverse`, {})),
        p_transfer: id,
      };
      if (isAsked(c.req.valid("query"))) return c.json(await rehearse(c, "ledger_reverse", wanted), 200);
      return c.json(await make(c, "ledger_reverse", wanted), 201);
    });
