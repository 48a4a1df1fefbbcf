/** A user's part of the ledger, page by page, oldest page last: what is booked while it is read may be missing, and nothing else. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LedgerTransfer } from "../shared/ledger/shapes.ts";
import type { Router } from "../shared/placement/router.ts";
import { type ExportedList, UnreadablePage } from "./_account-export.ts";
import { inUtc } from "./_ledger.ts";

/** As many as the ledger's functions give at once. */
const PAGE = 1_000;

interface Options {
  router: Pick<Router, "control">;
  userId: string;
  /** when the export has to be over, by `clock` */
  until: number;
  clock: () => number;
  wait?: (ms: number) => Promise<unknown>;
}

/** `accounts`, those that are closed too; `entries` of each; `transfers` that touch one of them. */
export function exportedLedger({ router, userId, until, clock, wait = sleep }: Options): ExportedList[] {
  /** Asked again while the control plane is busy, and the export has time. */
  async function read<T>(name: string, more: object = {}): Promise<T[]> {
    for (;;) {
      const found = await router.control<T[]>("read", name, { p_user_id: userId, ...more });
      if (found.isOk()) return found.value.map((row) => inUtc(row as T & object));
      const { code, message, retryAfterSeconds = 1 } = found.error;
      if (code !== "busy" || clock() + retryAfterSeconds * 1_000 > until)
        throw new UnreadablePage(message, { cause: found.error });
      await wait(retryAfterSeconds * 1_000);
    }
  }
  async function* paged<T>(name: string, more: object, after: (last: T) => object) {
    for (let place: object = {}; ; ) {
      const rows = await read<T>(name, { ...more, ...place, p_limit: PAGE });
      yield rows;
      const last = rows.at(-1);
      if (rows.length < PAGE || last === undefined) return;
      place = after(last);
    }
  }
  type Entry = { version: number };
  return [
    {
      name: "accounts",
      pages: async function* () {
        yield await read<object>("ledger_read_accounts");
      },
    },
    {
      name: "entries",
      pages: async function* () {
        for (const { id } of await read<{ id: string }>("ledger_read_accounts")) {
          const below = ({ version }: Entry) => ({ p_below: version });
          for await (const rows of paged<Entry>("ledger_read_entries", { p_account: id }, below))
            yield rows.map((row) => ({ account_id: id, ...row }));
        }
      },
    },
    {
      name: "transfers",
      pages: () =>
        paged<LedgerTransfer>("ledger_read_transfers", {}, ({ made_at, id }) => ({ p_made_at: made_at, p_id: id })),
    },
  ];
}
