/**
 * What a backup says of itself. `manifest.json` is written last, right after the sum of its bytes: a folder without one is a
 * backup that was never finished, and nothing is restored from it.
 *
 *   <id>/manifest.json
 *   <id>/manifest.sha256                               in hexadecimal, of manifest.json as it lies there
 *   <id>/<collection>/<database>/<n>.ndjson.zst[.age]
 *
 * That sum protects from bits that rot and from files that were mixed up, and not from a forger, who can make it again; nor does
 * age sign what it encrypts. Whoever may write where backups lie is trusted.
 *
 * Beside the collections there are tables of the control plane under names with a dot, which no collection can have: auth.users,
 * auth.identities, switchyard.user_database_assignments, public.ledger_accounts and so on, in the order in which they have to be
 * restored (tables.ts).
 *
 * Who is at home where is what the assignments in it say, and they are read first. Of a home collection each database gives the
 * records of those users alone who are at home there by these assignments; what a move has left in an earlier home, or has
 * brought to the next one so far, is in no backup. A user who is switched to another home while it is made is read from the one
 * before, whose copy is complete as of the switch and kept for days; where it was taken away meanwhile the backup is refused.
 *
 * An incremental backup goes on from its parent: of each database it has what is newer than the parent's `complete_to`, tombstones
 * among it, and everything of the users whose home was assigned since. So, from the first of a chain to its last: lines of one
 * record (collection, owner, id) replace each other, the later one stands, also within one backup (a database that gives no
 * snapshot is read again until it stands still) and where it comes from another database. Tables of
 * the control plane are whole in each: those of the last one stand, and lines whose user (`userFieldOf`) has no assignment in the
 * last one are nobody's any more: a purge leaves no tombstones. Homes are those of the last one's assignments, all `active`.
 */
import { createHash } from "node:crypto";
import { err, ok, type Result } from "neverthrow";
import { z } from "zod";
import type { Collection } from "../definition/define.ts";
import { isId, isPath } from "./storage.ts";

export const FORMAT = "switchyard-backup";
export const FORMAT_VERSION = 1;
export const MANIFEST = "manifest.json";
export const MANIFEST_SUM = "manifest.sha256";

const version = z.int().nonnegative();
const range = z.object({ from: version, to: version });

const partSchema = z.object({
  /** behind the backup's id */
  path: z.string().refine(isPath, "is no path in a backup"),
  /** a collection, or a table of the control plane */
  collection: z.string(),
  /** by its name in `switchyard.databases` */
  database: z.string(),
  /** lines, tombstones among them */
  count: z.int().nonnegative(),
  tombstones: z.int().nonnegative(),
  /** as they are stored: compressed, and encrypted where the backup is */
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** of its records; null where the lines have none */
  versions: range.nullable(),
});

/** One record, to be found again: what was set back does not have it. */
const newestSchema = z.object({ collection: z.string(), id: z.string(), owner: z.string(), version });

const databaseSchema = z.object({
  name: z.string(),
  kind: z.enum(["postgres", "mongodb"]),
  site: z.int(),
  /** `pages`: by Supabase's REST, where no direct URL is configured: what changes meanwhile may be in it or not */
  read: z.enum(["repeatable-read snapshot", "snapshot read", "read again by version until still", "pages"]),
  /** of all records that are in it; null: there is none */
  versions: range.nullable(),
  /**
   * by collection: every record whose newest version is no newer than this one is in it or in a parent. One that is not named
   * is read whole by the next incremental backup
   */
  complete_to: z.record(z.string(), version),
  /** the newest of what is in it; null: there is none */
  newest: newestSchema.nullable(),
});

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  format_version: z.literal(FORMAT_VERSION),
  id: z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/),
  kind: z.enum(["full", "incremental"]),
  /** the backup that an incremental one goes on from */
  parent: z.string().refine(isId, "is no name of a backup").nullable(),
  /** what alone it holds; null: everything */
  only: z.object({ collections: z.array(z.string()).nullable(), user: z.string().nullable() }).nullable(),
  schema_hash: z.string(),
  schema_revision: z.int(),
  /** versions of the migrations that were applied; empty where they could not be read */
  migrations: z.array(z.string()),
  began_at: z.iso.datetime(),
  ended_at: z.iso.datetime(),
  databases: z.array(databaseSchema),
  parts: z.array(partSchema),
  /** of the money of living records, by collection, database and currency, as decimals; "" where records have no currency */
  sums: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.string()))),
  /** by asset: what all accounts of users hold together, in smallest units; null: the ledger is not in it */
  ledger: z.record(z.string(), z.string()).nullable(),
  /** an age recipient; null: it is not encrypted */
  recipient: z.string().nullable(),
  /** what is not in it, and why, in sentences */
  missing: z.array(z.string()),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Newest = z.infer<typeof newestSchema>;
export type Part = z.infer<typeof partSchema>;
export type BackedUpDatabase = z.infer<typeof databaseSchema>;

/** Of a text; says what is wrong with it. */
export function parseManifest(text: string): Result<Manifest, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err(`${MANIFEST} is no JSON`);
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  return err(`${MANIFEST}: ${issue?.path.join(".")}: ${issue?.message}`);
}

export const sumOf = (manifest: string | Uint8Array): string => createHash("sha256").update(manifest).digest("hex");

/** Differs where the fields, places or keys of a collection do. */
export function schemaHash(collections: readonly Collection[]): string {
  const shapes = collections
    .map(({ name, placement, scope, fields, unique }) => ({
      ...{ name, placement, scope, unique },
      fields: Object.entries(fields).map(([field, { kind }]) => [field, kind]),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(shapes)).digest("hex");
}
