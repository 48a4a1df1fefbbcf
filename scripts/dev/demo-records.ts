/** What the demo users have spent, earned, planned, lent, borrowed and sold: the same for the same user on the same day. */
import { decimalsOf } from "../../shared/values/currencies.ts";
import type { DemoRecord } from "./demo-record.ts";
import { demoShop } from "./demo-shop.ts";

const MONTHS = 4;
const SPENDING = [
  ["Groceries", "#2e7d32", 12, 90, ["Weekly shop", "Market stall", "Bakery", "Fruit and vegetables"]],
  ["Eating out", "#ef6c00", 8, 60, ["Lunch with Noor", "Coffee", "Pizza", "Dinner for two"]],
  ["Transport", "#1565c0", 2, 45, ["Bus pass", "Train to the coast", "Bike repair", "Taxi home"]],
  ["Home", "#6a1b9a", 20, 240, ["Electricity", "Internet", "Paint and brushes", "New lamp"]],
  ["Leisure", "#c62828", 5, 80, ["Cinema", "Concert", "Novel", "Climbing hall"]],
] as const;
const METHODS = ["card", "cash", "transfer"];

/** Records in the order in which they can be filed: what is referred to comes first. */
export function demoRecords(seed: number, currency: string, today: Date): DemoRecord[] {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  const amount = (low: number, high: number) => (low + random() * (high - low)).toFixed(decimalsOf(currency));
  const daysAgo = (days: number) => new Date(today.getTime() - days * 86_400_000).toISOString().slice(0, 10);
  const someDay = () => daysAgo(Math.floor(random() * MONTHS * 30));
  const records: DemoRecord[] = [];
  const file = (collection: string, key: string, body: DemoRecord["body"], refers: Record<string, string> = {}) =>
    records.push({ collection, key, body, refers });

  for (const [name, color] of SPENDING) file("categories", name, { name, kind: "expense", color });
  file("categories", "Salary", { name: "Salary", kind: "income", color: "#00838f" });
  for (const name of ["Noor Haddad", "Tomás Vega", "Wen Li"])
    file("contacts", name, {
      name,
      email: `${name
        .split(" ")[0]
        ?.normalize("NFD")
        .replace(/[^a-z]/gi, "")
        .toLowerCase()}@example.com`,
    });

  for (let n = 0; n < 42; n++) {
    const [category, , low, high, what] = pick(SPENDING);
    const body = {
      amount: amount(low, high),
      currency,
      date: someDay(),
      description: pick(what),
      payment_method: pick(METHODS),
    };
    file("expenses", `expense ${n}`, n % 6 === 0 ? { ...body, tags: ["shared"] } : body, { category_id: category });
  }
  for (let month = 0; month < MONTHS; month++)
    file(
      "incomes",
      `salary ${month}`,
      {
        amount: amount(2400, 3100),
        currency,
        date: daysAgo(month * 30 + 2),
        source: "Employer",
        description: "Monthly salary",
      },
      { category_id: "Salary" },
    );
  const yearStart = `${daysAgo(0).slice(0, 4)}-01-01`;
  for (const [name, limit] of [
    ["Groceries", "420.00"],
    ["Eating out", "180.00"],
  ] as const)
    file(
      "budgets",
      `budget ${name}`,
      { name: `${name} each month`, amount: limit, currency, period: "monthly", starts_on: yearStart },
      { category_id: name },
    );
  file("budgets", "budget all", {
    name: "Everything",
    amount: "24000.00",
    currency,
    period: "yearly",
    starts_on: yearStart,
  });

  const lent = {
    direction: "lent",
    amount: "300.00",
    currency,
    date: daysAgo(80),
    due_on: daysAgo(-40),
    description: "Deposit for a flat",
  };
  file("loans", "lent", lent, { contact_id: "Noor Haddad" });
  file(
    "loans",
    "borrowed",
    { direction: "borrowed", amount: "120.00", currency, date: daysAgo(50), interest_rate: "2.5" },
    { contact_id: "Wen Li" },
  );
  for (let n = 0; n < 3; n++)
    file(
      "loan_payments",
      `payment ${n}`,
      { amount: "50.00", date: daysAgo(60 - n * 20), note: "By transfer" },
      { loan_id: "lent" },
    );
  file("loan_payments", "payment back", { amount: "40.00", date: daysAgo(20) }, { loan_id: "borrowed" });
  return [...records, ...demoShop({ currency, amount, someDay })];
}

/** mulberry32: small, even enough for a demo, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
