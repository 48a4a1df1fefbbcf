/** `/admin/ledger`: what only the operator moves. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import type { LedgerTransfer } from "../../shared/ledger/shapes.ts";
import { body, json, problems } from "../_answers.ts";
import {
  amountSchema,
  assetSchema,
  callLedger,
  descriptionSchema,
  inUtc,
  madeBy,
  type Typed,
  transferSchema,
} from "../_ledger.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { requireAdmin } from "../_operators.ts";
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

const params = z.object({ id: pathId("id", "UUID of the transfer") });
const common = { method: "post" as const, tags: ["admin"], security: [{ bearer: [] }] };
const plain = { ...common, middleware: [requireUser, requireAdmin] as [typeof requireUser, typeof requireAdmin] };
const withBody = {
  ...common,
  middleware: [requireUser, requireAdmin, requireBody] as [typeof requireUser, typeof requireAdmin, typeof requireBody],
};
const made = json(transferSchema, "made, or made by an earlier try with this Idempotency-Key");

const routes = {
  deposit: createRoute({
    ...withBody,
    path: "/admin/ledger/deposits",
    summary: "Book what has come from outside into a user's account",
    request: { body: body(deposit), headers: idempotencyHeader },
    responses: { 201: made, ...problems(400, 401, 403, 409, 413, 415, 422, 503) },
  }),
  yield: createRoute({
    ...withBody,
    path: "/admin/ledger/yields",
    summary: "Share an amount among all who hold an asset, in proportion, each share rounded down",
    request: { body: body(yielded), headers: idempotencyHeader },
    responses: { 201: made, ...problems(400, 401, 403, 409, 413, 415, 422, 503) },
  }),
  rate: createRoute({
    ...withBody,
    method: "put" as const,
    path: "/admin/ledger/rates",
    summary: "Set the rate at which users exchange one asset into another",
    request: { body: body(rate) },
    responses: { 204: { description: "set" }, ...problems(400, 401, 403, 413, 415, 422, 503) },
  }),
  post: createRoute({
    ...plain,
    path: "/admin/ledger/transfers/{id}/post",
    summary: "Do what a hold holds",
    request: { params },
    responses: { 200: json(transferSchema, "posted, now or before"), ...problems(400, 401, 403, 404, 409, 503) },
  }),
  void: createRoute({
    ...plain,
    path: "/admin/ledger/transfers/{id}/void",
    summary: "Give back what a hold holds",
    request: { params },
    responses: { 200: json(transferSchema, "voided, now or before"), ...problems(400, 401, 403, 404, 409, 503) },
  }),
  reverse: createRoute({
    ...plain,
    path: "/admin/ledger/transfers/{id}/reverse",
    summary: "Make the opposite of a posted transfer, once",
    request: { params, headers: idempotencyHeader },
    responses: { 201: made, ...problems(400, 401, 403, 404, 409, 503) },
  }),
};

export const ledgerAdminRoutes = () =>
  createRoutes()
    .openapi(routes.deposit, async (c) => {
      const { account, amount, description = null, chain: onChain = null } = c.req.valid("json");
      const transfer = await callLedger<LedgerTransfer>(c, "write", "ledger_deposit", {
        p_actor: c.var.user.id,
        ...(await madeBy(c, "/api/admin/ledger/deposits", c.req.valid("json"))),
        p_account: account,
        p_amount: amount,
        p_description: description,
        p_chain: onChain,
      });
      return c.json(inUtc(transfer), 201);
    })
    .openapi(routes.yield, async (c) => {
      const { asset, amount, description = null } = c.req.valid("json");
      const transfer = await callLedger<LedgerTransfer>(c, "write", "ledger_yield", {
        p_actor: c.var.user.id,
        ...(await madeBy(c, "/api/admin/ledger/yields", c.req.valid("json"))),
        p_asset: asset,
        p_amount: amount,
        p_description: description,
      });
      return c.json(inUtc(transfer), 201);
    })
    .openapi(routes.rate, async (c) => {
      const { asset, to_asset, rate: set } = c.req.valid("json");
      const wanted = { p_actor: c.var.user.id, p_asset: asset, p_to_asset: to_asset, p_rate: set };
      await callLedger(c, "write", "ledger_set_rate", wanted);
      return c.body(null, 204);
    })
    .openapi(routes.post, async (c) => {
      const wanted = { p_actor: c.var.user.id, p_id: c.req.valid("param").id };
      return c.json(inUtc(await callLedger<LedgerTransfer>(c, "write", "ledger_post", wanted)), 200);
    })
    .openapi(routes.void, async (c) => {
      const wanted = { p_actor: c.var.user.id, p_id: c.req.valid("param").id, p_as_operator: true };
      return c.json(inUtc(await callLedger<LedgerTransfer>(c, "write", "ledger_void", wanted)), 200);
    })
    .openapi(routes.reverse, async (c) => {
      const { id } = c.req.valid("param");
      const transfer = await callLedger<LedgerTransfer>(c, "write", "ledger_reverse", {
        p_actor: c.var.user.id,
        ...(await madeBy(c, `/api/admin/ledger/transfers/${id}/reverse`, {})),
        p_transfer: id,
      });
      return c.json(inUtc(transfer), 201);
    });
