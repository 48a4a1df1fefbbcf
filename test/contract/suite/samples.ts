/** Bodies that fit every collection: written by hand where what they hold matters, derived from the definition elsewhere. */

import {
  allCollections,
  type CollectionName,
  collections,
  homeCollections,
} from "../../../shared/collections/index.ts";
import type { Repository } from "../../../shared/contract/repository.ts";
import type { Collection } from "../../../shared/definition/define.ts";
import { referencesFrom } from "../../../shared/definition/references.ts";
import { type Owner, value } from "../store.ts";
import { derivedBody } from "./derived-body.ts";

export type Body = Record<string, unknown>;
export type AnyRepository = Repository<Body & { id: string; version: number }, Body, Body>;

type Written = Partial<Record<CollectionName, Body>>;

const minimal = {
  categories: { name: "Food", kind: "expense" },
  expenses: { amount: "12.50", currency: "EUR", date: "2026-03-14" },
  incomes: { amount: "2500", currency: "EUR", date: "2026-03-01" },
  budgets: { name: "Groceries", amount: "400", currency: "EUR", period: "monthly", starts_on: "2026-01-01" },
  contacts: { name: "Mina" },
  loans: { direction: "lent", amount: "100", currency: "EUR", date: "2026-02-02" },
  loan_payments: { amount: "10", date: "2026-02-12" },
  shops: { name: "Corner shop", currency: "EUR" },
  customers: { name: "Mina" },
  payments: { amount: "30", currency: "EUR", date: "2026-02-14" },
} satisfies Written;

const full = {
  categories: { name: "Food 🍎", kind: "income", color: "#ff0000", icon: "apple", archived: true },
  expenses: {
    ...minimal.expenses,
    amount: "999999999999999.9999",
    currency: "CLF",
    description: "Lunch, with \"quotes\" and 'more'\nand a line",
    payment_method: "card",
    tags: ["work", "Straße", "👩‍👩‍👧‍👦", "a,b", '{"x"}'],
  },
  incomes: { ...minimal.incomes, amount: "-0.0001", currency: "CLF", source: "salary", description: "" },
  budgets: { ...minimal.budgets, period: "weekly", ends_on: "9999-12-31" },
  contacts: { name: "Ζωή", email: "zoe@example.org", phone: "+49 30 1234", note: "שלום" },
  loans: {
    ...minimal.loans,
    direction: "borrowed",
    date: "0001-01-01",
    due_on: "0001-01-01",
    interest_rate: "0",
    description: "\\ % _ *",
    status: "settled",
  },
  loan_payments: { ...minimal.loan_payments, note: "$amount" },
  shops: { name: "Café Ünal 🍞", currency: "JPY", note: "open\nlate" },
  customers: {
    ...{ name: "Zoë & Søn", email: "zoe@example.org", phone: "+49 30 1234" },
    contact: { addresses: [{ kind: "billing", city: "İzmir", lines: ["1", "2"] }], phones: [], main: null },
    details: [{ $where: "1" }, 1e30, -0.5, true, ""],
  },
  payments: { ...minimal.payments, amount: "-0.0001", currency: "CLF", reference: "INV-1", note: "back" },
} satisfies Written;

const written: Record<"minimal" | "full", Written> = { minimal, full };

/** Every collection that users file for themselves, wherever it is kept. */
export const every = Object.keys(collections) as CollectionName[];
/** The field, and column, that names the owner. */
export const ownerField = (name: string): string =>
  allCollections.find((collection) => collection.name === name)?.scope.field ?? "user_id";
/** What every engine keeps; copies and their primaries are the replicated repository's, and tested there. */
export const each = homeCollections.map(({ name }) => name as CollectionName);
export const byName = (name: string): Collection => collections[name as CollectionName];

/** A repository of any collection, without the types of its fields. */
export const any = (owner: Owner, name: string): AnyRepository =>
  owner.repository(byName(name)) as unknown as AnyRepository;

/** A body without its references: `minimal` gives what must be there, `full` every field. */
export const sample = (name: string, kind: "minimal" | "full"): Body => ({
  ...(written[kind][name as CollectionName] ?? derivedBody(byName(name), kind)),
});

/** A body of that collection whose references point at new records of the owner. */
export async function body(owner: Owner, name: string, kind: "minimal" | "full" = "minimal"): Promise<Body> {
  const made = sample(name, kind);
  const { fields } = byName(name);
  for (const { field, target, where } of referencesFrom(byName(name)))
    if (kind === "full" || fields[field]?.required) made[field] = (await create(owner, target, where)).id;
  return made;
}

/** A new record, with new parents where it needs them. */
export async function create(owner: Owner, name: string, more: Body = {}) {
  return value(await any(owner, name).create({ ...(await body(owner, name)), ...more }));
}
