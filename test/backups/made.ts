/** Backups of a few lines that are always the same, for tests of what happens to backups. */
import { Decimal128, Long, UUID } from "bson";
import { type Content, createBackup, type Source } from "../../shared/backups/create.ts";
import type { Manifest } from "../../shared/backups/manifest.ts";
import type { BackupStorage } from "../../shared/backups/storage.ts";
import { contacts } from "../../shared/collections/contacts.ts";
import { incomes } from "../../shared/collections/incomes.ts";

const uuid = (n: number) => new UUID(`0197f0a0-0000-7000-8000-${n.toString(16).padStart(12, "0")}`);
const at = new Date("2026-11-29T06:00:00.123Z");
const stamps = (n: number) => ({ version: Long.fromNumber(1_764_000_000_000_000 + n), created_at: at, updated_at: at });

async function* linesOf(more: (n: number) => Record<string, unknown>) {
  for (let n = 0; n < 500; n++) yield { id: uuid(n), user_id: uuid(n % 7), ...more(n), ...stamps(n), create_hash: null };
}
const contents: readonly Content[] = [
  { name: "auth.users", collection: undefined, lines: () => linesOf(() => ({ email: "ann@example.com" })) },
  { name: "contacts", collection: contacts, lines: () => linesOf((n) => ({ name: `Ann ${n}` })) },
  {
    ...{ name: "incomes", collection: incomes },
    lines: () => linesOf((n) => ({ amount: Decimal128.fromString(`${n}.25`), currency: "EUR" })),
  },
];
export const sources: readonly Source[] = [
  { name: "supabase", kind: "postgres", site: 1, read: "repeatable-read snapshot", complete_to: { contacts: 1 }, contents },
];

interface Made extends Partial<Pick<Manifest, "kind" | "parent" | "only" | "recipient">> {
  now?: Date;
}

export const makeBackup = (storage: BackupStorage, { now = new Date("2026-11-29T06:00:00Z"), ...more }: Made = {}) =>
  createBackup({
    ...{ storage, sources, schema_hash: "s", schema_revision: 9, migrations: [], missing: [], ledger: null },
    ...{ kind: "full", parent: null, only: null, recipient: null, ...more, clock: () => now },
  });
