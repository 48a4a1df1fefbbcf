/** `/assets` and `/ledger`: what a user has, and what they move. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { notFound } from "../../shared/contract/errors.ts";
import { balancesOf } from "../../shared/ledger/balances.ts";
import type { LedgerAccount, LedgerTransfer } from "../../shared/ledger/shapes.ts";
import { utcInstant } from "../../shared/values/instant.ts";
import { body, json, locationHeaders, problems } from "../_answers.ts";
import {
  accountSchema,
  amountSchema,
  assetSchema,
  callLedger,
  cursorParts,
  descriptionSchema,
  inUtc,
  listQuery,
  madeBy,
  pageOfRows,
  type Typed,
  transferSchema,
} from "../_ledger.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { pageSchema } from "../_page.ts";
import { idempotencyHeader, pathId } from "../_parameters.ts";
import { repositoryProblem } from "../_problem.ts";
import { callsOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

interface Asset {
  code: string;
  scale: number;
  kind: "currency" | "token";
}
const asset = z
  .object({
    code: z.string(),
    scale: z.int().meta({ description: "decimals" }),
    kind: z.enum(["currency", "token"]),
  })
  .meta({ id: "Asset" }) as unknown as Typed<Asset>;

interface Entry {
  version: number;
  transfer_id: string;
  kind: LedgerTransfer["kind"];
  asset: string;
  amount: string;
  balance_after: string;
  description: string | null;
  booked_at: string;
}
const entry = z
  .object({
    version: z.int().meta({ description: "counts the account's entries from 1, without a gap" }),
    transfer_id: z.uuid(),
    kind: z.enum(["deposit", "withdrawal", "transfer", "yield", "exchange", "reversal"]),
    asset: z.string(),
    amount: z.string().meta({ description: "below zero: out of the account" }),
    balance_after: z.string(),
    description: z.string().nullable(),
    booked_at: z.iso.datetime(),
  })
  .meta({ id: "LedgerEntry" }) as unknown as Typed<Entry>;

interface Move {
  kind: "transfer" | "withdrawal" | "exchange";
  from_account: string;
  to_account?: string;
  amount: string;
  least?: string;
  description?: string;
  pending?: boolean;
  hold_seconds?: number;
}
const account = z.uuid().toLowerCase();
const every = {
  from_account: account.meta({ description: "an account of one's own" }),
  amount: amountSchema,
  description: descriptionSchema,
  pending: z.boolean().optional().meta({ description: "true: hold the amount; the operator posts it" }),
  hold_seconds: z.int().min(1).max(2_592_000).optional().meta({ description: "of a hold; 7 days unless told" }),
};
const move = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("transfer"), ...every, to_account: account }),
    z.strictObject({ kind: z.literal("withdrawal"), ...every }),
    z.strictObject({
      kind: z.literal("exchange"),
      ...every,
      to_account: account.meta({ description: "an account of one's own, in another asset" }),
      least: amountSchema.optional().meta({ description: "what has to come out, or nothing is moved" }),
    }),
  ])
  .meta({ id: "LedgerMove" }) as unknown as Typed<Move>;
const HOLD_SECONDS = 604_800;

const one = z.object({ id: pathId("id", "UUID of the account") });
const oneTransfer = z.object({ id: pathId("id", "UUID of the transfer") });
const common = { tags: ["ledger"], security: [{ bearer: [] }], middleware: requireUser };
const withBody = { ...common, middleware: [requireUser, requireBody] as [typeof requireUser, typeof requireBody] };

const routes = {
  assets: createRoute({
    ...common,
    method: "get",
    path: "/assets",
    summary: "List what the ledger counts, and with how many decimals",
    responses: { 200: json(z.object({ items: z.array(asset) }), "all of them"), ...problems(401, 503) },
  }),
  accounts: createRoute({
    ...common,
    method: "get",
    path: "/ledger/accounts",
    summary: "List one's accounts with their balances",
    responses: { 200: json(z.object({ items: z.array(accountSchema) }), "all of them"), ...problems(401, 503) },
  }),
  open: createRoute({
    ...withBody,
    method: "post",
    path: "/ledger/accounts",
    summary: "Open an account in an asset; there is one of each",
    request: { body: body(z.strictObject({ asset: assetSchema }) as unknown as Typed<{ asset: string }>) },
    responses: {
      200: json(accountSchema, "the one that is open already"),
      201: json(accountSchema, "opened", locationHeaders),
      ...problems(400, 401, 404, 413, 415, 422, 503),
    },
  }),
  account: createRoute({
    ...common,
    method: "get",
    path: "/ledger/accounts/{id}",
    summary: "Read an account, as it is or as it was",
    request: {
      params: one,
      query: z.strictObject({
        as_of: z.iso.datetime({ offset: true }).optional().meta({ description: "an instant" }),
      }),
    },
    responses: { 200: json(accountSchema, "the account"), ...problems(400, 401, 404, 503) },
  }),
  close: createRoute({
    ...common,
    method: "delete",
    path: "/ledger/accounts/{id}",
    summary: "Close an account that holds nothing; its entries stay",
    request: { params: one },
    responses: { 204: { description: "closed" }, ...problems(400, 401, 404, 409, 503) },
  }),
  entries: createRoute({
    ...common,
    method: "get",
    path: "/ledger/accounts/{id}/entries",
    summary: "List what has happened to an account, the newest first",
    request: { params: one, query: listQuery },
    responses: { 200: json(pageSchema(entry), "one page"), ...problems(400, 401, 404, 503) },
  }),
  move: createRoute({
    ...withBody,
    method: "post",
    path: "/ledger/transfers",
    summary: "Move from an account of one's own, at once or as a hold",
    request: { body: body(move), headers: idempotencyHeader },
    responses: {
      201: json(transferSchema, "made, or made by an earlier try with this Idempotency-Key", locationHeaders),
      ...problems(400, 401, 404, 409, 413, 415, 422, 503),
    },
  }),
  transfers: createRoute({
    ...common,
    method: "get",
    path: "/ledger/transfers",
    summary: "List the transfers that touch an account of one's own, the newest first",
    request: { query: listQuery },
    responses: { 200: json(pageSchema(transferSchema), "one page"), ...problems(400, 401, 503) },
  }),
  transfer: createRoute({
    ...common,
    method: "get",
    path: "/ledger/transfers/{id}",
    summary: "Read a transfer that touches an account of one's own",
    request: { params: oneTransfer },
    responses: { 200: json(transferSchema, "the transfer"), ...problems(400, 401, 404, 503) },
  }),
  void: createRoute({
    ...common,
    method: "post",
    path: "/ledger/transfers/{id}/void",
    summary: "Give back what a hold of one's own holds",
    request: { params: oneTransfer },
    responses: { 200: json(transferSchema, "voided, now or before"), ...problems(400, 401, 404, 409, 503) },
  }),
};

const NO_ACCOUNT = notFound("There is no such account.");

export const ledgerRoutes = () =>
  createRoutes()
    .openapi(routes.assets, async (c) =>
      c.json({ items: await callLedger<Asset[]>(c, "read", "ledger_read_assets", {}) }, 200),
    )
    .openapi(routes.accounts, async (c) => {
      const found = unwrap(await balancesOf(c.var.dependencies.router, c.var.user.id, callsOf(c)));
      return c.json({ items: found.map(inUtc) }, 200);
    })
    .openapi(routes.open, async (c) => {
      const wanted = { p_user_id: c.var.user.id, p_asset: c.req.valid("json").asset };
      type Opened = { is_new: boolean; account: LedgerAccount };
      const opened = await callLedger<Opened>(c, "write", "ledger_open_account", wanted);
      const there = inUtc(opened.account);
      if (!opened.is_new) c.set("changed", []);
      return opened.is_new ? c.json(there, 201, { location: `/api/ledger/accounts/${there.id}` }) : c.json(there, 200);
    })
    .openapi(routes.account, async (c) => {
      const { as_of } = c.req.valid("query");
      const asOf = as_of === undefined ? null : utcInstant(as_of);
      const wanted = { p_user_id: c.var.user.id, p_account: c.req.valid("param").id, p_as_of: asOf };
      const found = await callLedger<LedgerAccount | null>(c, "read", "ledger_read_account", wanted);
      if (!found) throw repositoryProblem(NO_ACCOUNT);
      return c.json(inUtc(found), 200);
    })
    .openapi(routes.close, async (c) => {
      const wanted = { p_user_id: c.var.user.id, p_account: c.req.valid("param").id };
      await callLedger(c, "write", "ledger_close_account", wanted);
      return c.body(null, 204);
    })
    .openapi(routes.entries, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const [below = null] = cursorParts(cursor, /^\d{1,15}$/) ?? [];
      const wanted = { p_user_id: c.var.user.id, p_account: c.req.valid("param").id };
      const rows = await callLedger<Entry[]>(c, "read", "ledger_read_entries", {
        ...wanted,
        p_limit: limit + 1,
        p_below: below,
      });
      if (rows.length === 0 && !(await callLedger(c, "read", "ledger_read_account", wanted)))
        throw repositoryProblem(NO_ACCOUNT);
      return c.json(
        pageOfRows(rows.map(inUtc), limit, ({ version }) => String(version)),
        200,
      );
    })
    .openapi(routes.move, async (c) => {
      const given = c.req.valid("json");
      const { kind, from_account, to_account, amount, least = null, description = null } = given;
      const isHold = given.pending === true || given.hold_seconds !== undefined;
      const made = await callLedger<LedgerTransfer>(c, "write", FUNCTIONS[kind], {
        p_user_id: c.var.user.id,
        ...(await madeBy(c, "/api/ledger/transfers", given)),
        p_from: from_account,
        ...(kind !== "withdrawal" && { p_to: to_account }),
        ...(kind === "exchange" && { p_least: least }),
        p_amount: amount,
        p_description: description,
        p_hold_seconds: isHold ? (given.hold_seconds ?? HOLD_SECONDS) : null,
      });
      return c.json(inUtc(made), 201, { location: `/api/ledger/transfers/${made.id}` });
    })
    .openapi(routes.transfers, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const [, at = null, id = null] = cursorParts(cursor, CURSOR) ?? [];
      const rows = await callLedger<LedgerTransfer[]>(c, "read", "ledger_read_transfers", {
        p_user_id: c.var.user.id,
        p_limit: limit + 1,
        p_made_at: at === null ? null : new Date(Number(at)).toISOString(),
        p_id: id,
      });
      const cursorOf = (last: LedgerTransfer) => `${Date.parse(last.made_at)}_${last.id}`;
      return c.json(pageOfRows(rows.map(inUtc), limit, cursorOf), 200);
    })
    .openapi(routes.transfer, async (c) => {
      const wanted = { p_user_id: c.var.user.id, p_id: c.req.valid("param").id };
      const found = await callLedger<LedgerTransfer | null>(c, "read", "ledger_read_transfer", wanted);
      if (!found) throw repositoryProblem(notFound("There is no such transfer."));
      return c.json(inUtc(found), 200);
    })
    .openapi(routes.void, async (c) => {
      const wanted = { p_actor: c.var.user.id, p_id: c.req.valid("param").id };
      return c.json(inUtc(await callLedger<LedgerTransfer>(c, "write", "ledger_void", wanted)), 200);
    });

const FUNCTIONS = { transfer: "ledger_transfer", withdrawal: "ledger_withdraw", exchange: "ledger_exchange" } as const;
/** When the last of a page was made, in milliseconds, and its id. */
const CURSOR = /^(\d{1,14})_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;
