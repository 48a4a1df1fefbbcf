/** What the routes of the ledger have in common: shapes, cursors, and the call of one of its functions. */
import type { z as openapi } from "@hono/zod-openapi";
import type { Context } from "hono";
import { uuidv7 } from "uuidv7";
import { z } from "zod";
import { invalid } from "../shared/contract/errors.ts";
import { DEFAULT_LIMIT, MAX_LIMIT } from "../shared/contract/query.ts";
import type { LedgerAccount, LedgerTransfer } from "../shared/ledger/shapes.ts";
import type { AppEnv } from "./_environment.ts";
import { repositoryProblem } from "./_problem.ts";
import { repeatOf } from "./_repeat.ts";
import { callsOf, unwrap } from "./_service.ts";

export type Typed<T> = openapi.ZodType<T, T>;

export const amountSchema = z
  .string()
  .regex(/^\d{1,37}(\.\d{1,18})?$/)
  .meta({ description: "a decimal above zero, with at most the decimals that the asset has", examples: ["12.50"] });
export const assetSchema = z
  .string()
  .regex(/^[A-Z][A-Z0-9]{1,11}$/)
  .meta({ description: "code of an asset", examples: ["EUR"] });
export const descriptionSchema = z
  .string()
  .max(500)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no NUL, which Postgres cannot store
  .regex(/^[^\u0000]*$/)
  .optional();
const shown = z.string().meta({ description: "a decimal with the asset's decimals" });
const instant = z.iso.datetime();

export const accountSchema = z
  .object({
    id: z.uuid(),
    asset: z.string(),
    status: z.enum(["open", "closed"]),
    posted: shown,
    pending: shown.meta({ description: "held for transfers that are pending" }),
    available: shown.meta({ description: "posted without pending: what can be moved" }),
    next_release_at: instant
      .nullable()
      .meta({ description: "when the first of its holds is over; null: nothing is held" }),
    version: z.int().meta({ description: "how many entries it has" }),
    opened_at: instant,
    closed_at: instant.nullable(),
  })
  .meta({ id: "LedgerAccount" }) as unknown as Typed<LedgerAccount>;

export const transferSchema = z
  .object({
    id: z.uuid(),
    kind: z.enum(["deposit", "withdrawal", "transfer", "yield", "exchange", "reversal"]),
    status: z.enum(["pending", "posted", "voided"]),
    from_account: z.uuid().nullable().meta({ description: "null: from outside, or the system's" }),
    to_account: z.uuid().nullable().meta({ description: "null: to outside, the system's, or many" }),
    asset: z.string(),
    amount: shown,
    to_asset: z.string().nullable(),
    to_amount: shown.nullable().meta({ description: "of an exchange: what comes out" }),
    reverses: z.uuid().nullable(),
    description: z.string().nullable(),
    network: z.string().nullable(),
    tx_hash: z.string().nullable(),
    block_number: z.string().nullable(),
    gas: z.string().nullable(),
    raw_amount: z.string().nullable(),
    made_at: instant,
    expires_at: instant.nullable().meta({ description: "of a hold: when it is over" }),
    settled_at: instant.nullable(),
  })
  .meta({ id: "LedgerTransfer" }) as unknown as Typed<LedgerTransfer>;

/** As a function answers it, with its instants in UTC. */
export const inUtc = <T extends object>(row: T): T =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      key.endsWith("_at") && typeof value === "string" ? new Date(value).toISOString() : value,
    ]),
  ) as T;

/** One of the ledger's functions; the history knows the request by its id. */
export async function callLedger<T>(
  c: Context<AppEnv>,
  does: "read" | "write",
  name: string,
  parameters: object,
): Promise<T> {
  const noted = does === "write" ? { ...parameters, p_request: c.get("requestId") } : parameters;
  return unwrap(await c.get("dependencies").router.control<T>(does, name, noted, callsOf(c)));
}

/** What a change of the operator's comes to: `count` is how many it would change, `result` what it would answer. */
interface Rehearsed<T> {
  count: number;
  result: T;
}

/** As `callLedger` of a function that writes, but everything is undone within the call. Refused as the change would be. */
export const rehearseLedger = <T>(c: Context<AppEnv>, name: string, parameters: object): Promise<Rehearsed<T>> =>
  callLedger(c, "read", "ledger_rehearse", {
    p_change: name,
    p_parameters: { ...parameters, p_request: c.get("requestId") },
  });

/** The id of what this request makes, and its hash: by its Idempotency-Key, else its own. */
export async function madeBy(c: Context<AppEnv>, route: string, body: object) {
  const repeat = await repeatOf(c, route, body);
  return { p_id: repeat?.id ?? uuidv7(), p_hash: repeat?.idempotencyHash ?? null };
}

/** Parameters of a list: `cursor` is the next_cursor of the page before. */
export const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: z.string().max(100).optional(),
});

const refuseCursor = (): never => {
  throw repositoryProblem(invalid("invalid_cursor", "This cursor is none of this list's. Begin again without one."));
};

/** A cursor's part that fits the pattern, as what it matches; undefined without a cursor. */
export function cursorParts(cursor: string | undefined, pattern: RegExp): RegExpExecArray | undefined {
  if (cursor === undefined) return undefined;
  return pattern.exec(cursor) ?? refuseCursor();
}

/** One more than the page was asked for, so that the last page is known. */
export function pageOfRows<T>(rows: readonly T[], limit: number, cursorOf: (last: T) => string) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next_cursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
