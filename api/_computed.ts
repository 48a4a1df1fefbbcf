/** What the API adds to records when it reads them, and nobody stores. */
import type { Context } from "hono";
import type { Result } from "neverthrow";
import { z } from "zod";
import { collections } from "../shared/collections/index.ts";
import type { RepositoryError } from "../shared/contract/errors.ts";
import { type Balance, balancesOf } from "../shared/reports/customer-balance.ts";
import type { AppEnv } from "./_environment.ts";
import { repositoryOf } from "./_service.ts";

type AnyRecord = Record<string, unknown> & { id: string; version: number };

export interface Computed {
  /** the fields that are added */
  fields: z.ZodRawShape;
  /** Adds them to the records of one page, with as many calls for all as for one. */
  add(c: Context<AppEnv>, records: readonly AnyRecord[]): Promise<Result<AnyRecord[], RepositoryError>>;
}

/** The types of those fields, by collection. */
export interface ComputedFields {
  customers: { balance: Balance[] };
}

const balance = z
  .array(z.object({ currency: z.string(), amount: z.string() }))
  .meta({ description: "the sum of the customer's payments in each currency, by currency; of none, none" });

const computed: { [N in keyof ComputedFields]: Computed } = {
  customers: {
    fields: { balance },
    async add(c, records) {
      const payments = await repositoryOf(c, collections.payments);
      const balances = await balancesOf(
        payments,
        records.map(({ id }) => id),
      );
      return balances.map((found) => records.map((record) => ({ ...record, balance: found.get(record.id) ?? [] })));
    },
  },
};

export const computedOf = (collection: string): Computed | undefined =>
  Object.hasOwn(computed, collection) ? computed[collection as keyof ComputedFields] : undefined;
