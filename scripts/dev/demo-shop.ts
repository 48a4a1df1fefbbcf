/** The shop of a demo user: customers, and what they have paid. It lives in Supabase whoever's it is, with its copy in MongoDB. */
import type { DemoRecord } from "./demo-record.ts";

export interface ShopOptions {
  readonly currency: string;
  /** an amount between these two, of the currency's decimals */
  readonly amount: (low: number, high: number) => string;
  /** a day of the last months */
  readonly someDay: () => string;
}

const CUSTOMERS = [
  ["Yara Okafor", "Lagos", "retail"],
  ["Jonas Lindqvist", "Malmö", "wholesale"],
  ["Priya Raman", "Chennai", "retail"],
] as const;
const PAYMENTS = 3;

export function demoShop({ currency, amount, someDay }: ShopOptions): DemoRecord[] {
  const shop = { name: "Corner shop", currency, note: "Open from Tuesday to Saturday" };
  const records: DemoRecord[] = [{ collection: "shops", key: "shop", body: shop }];
  for (const [name, city, kind] of CUSTOMERS) {
    const contact = { addresses: [{ kind: "delivery", city }], phones: [] };
    records.push({ collection: "customers", key: name, body: { name, contact, details: { kind } } });
  }
  for (const [index, [name]] of CUSTOMERS.entries())
    for (let n = 0; n < PAYMENTS; n++) {
      const reference = `INV-${index * PAYMENTS + n + 1}`;
      records.push({
        collection: "payments",
        key: reference,
        body: { reference, amount: amount(15, 160), currency, date: someDay() },
        refers: { customer_id: name },
      });
    }
  return records;
}
