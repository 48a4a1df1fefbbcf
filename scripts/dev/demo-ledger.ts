/** Money of demo users: what the admin among them books into their accounts, a transfer, and one that is held. */
import type { RoomStep } from "./demo-rooms.ts";

/** In their order. The first person is the admin, as `user:0` is theirs. */
export function demoLedger(): RoomStep[] {
  const open = (by: number): RoomStep => ({
    by,
    method: "POST",
    path: "/api/ledger/accounts",
    body: { asset: "EUR" },
    keep: { [`account:${by}`]: "id" },
  });
  const deposit = (to: number, amount: string): RoomStep => ({
    by: 0,
    method: "POST",
    path: "/api/admin/ledger/deposits",
    body: { account: `{account:${to}}`, amount, description: "Opening balance" },
  });
  const pay = (amount: string, more: Readonly<Record<string, unknown>>): RoomStep => ({
    by: 1,
    method: "POST",
    path: "/api/ledger/transfers",
    body: { kind: "transfer", from_account: "{account:1}", to_account: "{account:0}", amount, ...more },
  });
  return [
    ...[0, 1, 2].map(open),
    deposit(0, "120.00"),
    deposit(1, "250.00"),
    deposit(2, "80.50"),
    pay("36.40", { description: "Twelve lamps" }),
    pay("15.00", { description: "Deposit for the stall", hold_seconds: 2_592_000 }),
  ];
}
