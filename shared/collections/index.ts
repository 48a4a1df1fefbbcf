/** Every collection of the application, parents before the collections that refer to them. */

import type { Collection } from "../definition/define.ts";
import { budgets } from "./budgets.ts";
import { categories } from "./categories.ts";
import { contacts } from "./contacts.ts";
import { customers } from "./customers.ts";
import { expenses } from "./expenses.ts";
import { incomes } from "./incomes.ts";
import { loanPayments } from "./loan-payments.ts";
import { loans } from "./loans.ts";
import { payments } from "./payments.ts";
import { shops } from "./shops.ts";

export const collections = {
  categories,
  expenses,
  incomes,
  budgets,
  contacts,
  loans,
  loan_payments: loanPayments,
  shops,
  customers,
  payments,
};

export type Collections = typeof collections;
export type CollectionName = keyof Collections;

/** The same as a list, for code that treats all alike. */
export const allCollections: readonly Collection[] = Object.values(collections);

/** Those whose records live in their owner's home, whichever that is. */
export const homeCollections: readonly Collection[] = allCollections.filter(
  ({ placement }) => placement.kind === "home",
);
