/** A user's part of the ledger in their export: every page of it, asked again while the control plane is busy. */
import { err, ok } from "neverthrow";
import { expect, test } from "vitest";
import { exportedLedger } from "../../api/_export-ledger.ts";
import { busy } from "../../shared/contract/errors.ts";

const ENTRIES = Array.from({ length: 2_500 }, (_, at) => ({ version: 2_500 - at }));

/** As the ledger's functions answer; `before` may answer in their place. */
function ledger(before: () => ReturnType<typeof busy> | null = () => null) {
  let now = 0;
  const control = async (_: string, name: string, { p_below, p_limit }: { p_below?: number; p_limit?: number }) => {
    const error = before();
    if (error) return err(error);
    if (name === "ledger_read_accounts") return ok([{ id: "account" }]);
    if (name !== "ledger_read_entries") return ok([]);
    return ok(ENTRIES.filter(({ version }) => p_below === undefined || version < p_below).slice(0, p_limit));
  };
  const wait = async (ms: number) => {
    now += ms;
  };
  return exportedLedger({ router: { control } as never, userId: "ann", until: 10_000, clock: () => now, wait });
}

async function rowsOf(lists: ReturnType<typeof ledger>, name: string) {
  const rows: unknown[] = [];
  for await (const page of lists.find((list) => list.name === name)?.pages() ?? []) rows.push(...page);
  return rows;
}

test("every page of the entries of an account, once", async () => {
  expect(await rowsOf(ledger(), "entries")).toEqual(ENTRIES.map((entry) => ({ account_id: "account", ...entry })));
});

test("a control plane that is busy is asked again", async () => {
  let left = 3;
  expect(
    await rowsOf(
      ledger(() => (left-- > 0 ? busy("busy") : null)),
      "accounts",
    ),
  ).toEqual([{ id: "account" }]);
});

test("and no longer than the export may take", async () => {
  await expect(
    rowsOf(
      ledger(() => busy("busy")),
      "transfers",
    ),
  ).rejects.toThrow("busy");
});
