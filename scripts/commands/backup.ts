/** `switchyard backup ...`: makes backups, lists them, proves that they are whole, and takes those away whose time is over. */
import { readFile } from "node:fs/promises";
import { chainOf, parentIn } from "../../shared/backups/chain.ts";
import { BadPart } from "../../shared/backups/codec.ts";
import { createBackup } from "../../shared/backups/create.ts";
import { BackupFailed } from "../../shared/backups/failures.ts";
import { type Manifest, schemaHash } from "../../shared/backups/manifest.ts";
import { storageAt } from "../../shared/backups/place.ts";
import { pruneBackups } from "../../shared/backups/prune.ts";
import { RETENTION, type Retention } from "../../shared/backups/retention.ts";
import { openSources } from "../../shared/backups/sources.ts";
import type { BackupStorage } from "../../shared/backups/storage.ts";
import {
  listBackups,
  newestBackup,
  noteVerified,
  verificationOf,
  verifyBackup,
  whyUnreadable,
} from "../../shared/backups/verify.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { type Environment, loadBackupConfig } from "../../shared/config.ts";
import { type BackupFacts, noteBackup } from "../../shared/operations/note-backup.ts";
import { SCHEMA_REVISION } from "../../shared/postgres/revision.ts";
import { type Command, type Given, type Io, JSON_OPTION, json, Refused, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";
import { createProgress } from "./progress.ts";

const PLACE = { to: { type: "string" } } as const;

export function storageOf({ to }: Given["values"], env: Environment): BackupStorage {
  const config = loadBackupConfig(env);
  return storageAt(to === undefined ? config.BACKUP_TO : String(to), config).match(
    (storage) => storage,
    (problem) => {
      throw new WrongUse(problem);
    },
  );
}

/** What befell a backup, as the end of the command. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BackupFailed) throw new Refused(error.message);
    if (error instanceof BadPart) throw new Refused(`${error.message}.`);
    throw error;
  }
}

/** Its id. */
export async function newestIn(storage: BackupStorage): Promise<string> {
  const found = await newestBackup(storage);
  if (found.isErr()) throw new Refused(`${found.error}.`);
  if (found.value === null)
    throw new Refused(`There is no finished backup in ${storage.place}. Make one: backup create.`);
  return found.value;
}

/** Of a file as age-keygen writes it: comments, and one line with the key. */
export async function identityOf(file: Given["values"][string]): Promise<string | null> {
  if (file === undefined) return null;
  const text = await readFile(String(file), "utf8").catch((error: Error) => {
    throw new Refused(`--identity-file: ${error.message}.`);
  });
  const found = text.split("\n").find((line) => line.startsWith("AGE-SECRET-KEY-"));
  if (!found) throw new Refused(`${file} has no age identity in it: a line that begins with AGE-SECRET-KEY-.`);
  return found.trim();
}

/** In the operators' list, as far as that answers: the backup is as good without. */
async function note(
  env: Environment,
  err: Io["err"],
  place: { place: string; id: string },
  facts: Parameters<typeof noteBackup>[2],
) {
  const say = (reason: string) => err(`The operators' list of backups does not have this: ${reason}`);
  await connected(env, async ({ service }) => {
    (await noteBackup(service, place, facts)).mapErr(({ message }) => say(message));
  }).catch((error: Error) => say(error.message));
}

function onlyOf({ collection, user }: Given["values"]): Manifest["only"] {
  const names = collection === undefined ? null : String(collection).split(",");
  const unknown = names?.find((name) => !allCollections.some((one) => one.name === name));
  if (unknown !== undefined) throw new WrongUse(`--collection: there is no collection "${unknown}".`);
  if (user !== undefined && !/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(String(user)))
    throw new WrongUse("--user is the id of a user, a UUID in lower case.");
  return names === null && user === undefined
    ? null
    : { collections: names, user: user === undefined ? null : String(user) };
}

const partOf = (only: Manifest["only"]) =>
  only && [...(only.user ? [`user ${only.user}`] : []), ...(only.collections ?? [])].join(", ").slice(0, 200);
const recordsOf = ({ parts }: Manifest) => parts.reduce((sum, { count }) => sum + count, 0);
const bytesOf = ({ parts }: Manifest) => parts.reduce((sum, { bytes }) => sum + bytes, 0);

export const createBackupCommand: Command = {
  name: "backup create",
  usage:
    "[--full|--incremental] [--to=<folder or s3://bucket/prefix>] [--collection=<name,...>] [--user=<id>] [--encrypt-to=<age1...>] [--json]",
  about:
    "Writes everything of every database, or what is newer than the last backup, into a folder (BACKUP_TO, ./backups) or a bucket.",
  options: {
    ...PLACE,
    ...{ full: { type: "boolean" }, incremental: { type: "boolean" } },
    ...{ collection: { type: "string" }, user: { type: "string" }, "encrypt-to": { type: "string" } },
    ...JSON_OPTION,
  },
  positionals: 0,
  run: ({ values }, { env, out, err, terminal, isInterrupted }) =>
    refusing(() =>
      connected(env, async ({ config, deadlines, service }) => {
        const recipient = values["encrypt-to"] ?? loadBackupConfig(env).BACKUP_RECIPIENT ?? null;
        if (recipient !== null && !/^age1[0-9a-z]{50,}$/.test(String(recipient)))
          throw new WrongUse("--encrypt-to is an age recipient: age1...");
        if (values.full && values.incremental) throw new WrongUse("Say --full or --incremental.");
        const only = onlyOf(values);
        if (only && values.incremental) throw new WrongUse("An incremental backup is of everything.");
        const { DATABASE_URL: controlUrl } = config;
        if (controlUrl === undefined)
          throw new Refused("A backup reads Supabase's Postgres directly: set DATABASE_URL (or SUPABASE_DB_URL).");
        const storage = storageOf(values, env);
        const schema_hash = schemaHash(allCollections);
        const found = values.incremental
          ? await parentIn(storage, { schemaHash: schema_hash, revision: SCHEMA_REVISION, now: new Date() })
          : null;
        if (found?.isErr()) throw new Refused(found.error);
        const parent = found?.isOk() ? found.value : null;
        const kind: BackupFacts["kind"] = parent ? "incremental" : "full";
        const { sources, close, ...read } = await openSources({
          ...{ controlUrl, databases: config.databases, mongoDatabase: config.MONGODB_DATABASE, only, parent },
          ...{ collections: allCollections, connectMs: deadlines.connectMs },
        });
        const progress = createProgress({ out: values.json ? () => undefined : out, terminal });
        const facts = {
          kind,
          parent_id: parent?.manifest.id ?? null,
          part_of: partOf(only),
          is_encrypted: recipient !== null,
        };
        const tell = async (id: string, more: Partial<BackupFacts> & Pick<BackupFacts, "began_at">) =>
          (await noteBackup(service, { place: storage.place, id }, { ...facts, ...more })).mapErr(({ message }) =>
            err(`The operators' list of backups does not have this: ${message}`),
          );
        try {
          const total = sources.reduce((sum, { contents }) => sum + contents.length, 0);
          let parts = 0;
          const manifest = await createBackup({
            ...{ storage, sources, only, schema_hash, kind, parent: facts.parent_id },
            recipient: recipient === null ? null : String(recipient),
            ...read,
            ...(isInterrupted && { isInterrupted }),
            onBegin: async (id, began_at) => void (await tell(id, { began_at })),
            onPart: () => progress.at("parts", Math.min(++parts, total), total),
          });
          progress.end();
          const { id, began_at, ended_at, databases } = manifest;
          const [records, bytes] = [recordsOf(manifest), bytesOf(manifest)];
          await tell(id, { began_at, ended_at, records, bytes, databases: databases.map(({ name }) => name) });
          out(values.json ? json(manifest) : `${id}: ${records} records, ${bytes} bytes, in ${storage.place}.`);
        } finally {
          progress.end();
          await close();
        }
      }),
    ),
};

export const listBackupsCommand: Command = {
  name: "backup list",
  usage: "[--to=<folder or s3://bucket/prefix>] [--json]",
  about: "Lists the backups in a place, those that were never finished among them.",
  options: { ...PLACE, ...JSON_OPTION },
  positionals: 0,
  run: ({ values }, { env, out }) =>
    refusing(async () => {
      const storage = storageOf(values, env);
      const all = [];
      for (const [id, manifest] of await listBackups(storage))
        all.push({
          ...{ id, manifest, verified: manifest && (await verificationOf(storage, id)) },
          problem: manifest ? null : await whyUnreadable(storage, id),
        });
      const rows = all.map(({ id, manifest, verified, problem }) => {
        if (!manifest) return [id, problem === null ? "not finished" : "NOT readable", "", "", problem ?? ""];
        const whole = verified ? (verified.faults.length === 0 ? verified.at : `${verified.at}: NOT whole`) : "never";
        return [
          id,
          partOf(manifest.only) ?? manifest.kind,
          String(recordsOf(manifest)),
          manifest.recipient ?? "no",
          whole,
        ];
      });
      if (values.json) out(json(all));
      else
        out(
          rows.length === 0 ? "There are no backups." : table(["id", "what", "records", "encrypted", "verified"], rows),
        );
    }),
};

export const verifyBackupCommand: Command = {
  name: "backup verify",
  usage: "[<id>] [--to=<folder or s3://bucket/prefix>] [--identity-file=<file>] [--json]",
  about:
    "Reads every byte of a backup (the newest) and of those that it goes on from, and fails when one is not what was written.",
  options: { ...PLACE, "identity-file": { type: "string" }, ...JSON_OPTION },
  positionals: { least: 0, most: 1 },
  run: ({ positionals, values }, { env, out, err }) =>
    refusing(async () => {
      const storage = storageOf(values, env);
      const identity = await identityOf(values["identity-file"]);
      const id = positionals[0] ?? (await newestIn(storage));
      const chain = await chainOf(storage, id);
      if (chain.isErr()) throw new Refused(`${chain.error}.`);
      const all: string[] = [];
      let hasReadLines = true;
      for (const manifest of chain.value) {
        const verified = await verifyBackup(storage, manifest, allCollections, identity);
        const faults = verified.faults.map((fault) => (manifest.id === id ? fault : `${manifest.id}: ${fault}`));
        all.push(...faults);
        hasReadLines &&= verified.hasReadLines;
        const at = new Date().toISOString();
        // with the wrong key nothing is known of the backup
        if (verified.isWrongKey) continue;
        // what is on a disk that is read only is as whole
        await noteVerified(storage, manifest.id, at, verified.faults).catch((error: unknown) => {
          if (!(error instanceof BackupFailed)) throw error;
          err(`That it was verified could not be noted beside it: ${error.message}`);
        });
        const { kind, began_at, ended_at, parent } = manifest;
        await note(
          env,
          err,
          { place: storage.place, id: manifest.id },
          {
            ...{ kind, began_at, ended_at, parent_id: parent, part_of: partOf(manifest.only), verified_at: at },
            fault: verified.faults[0]?.slice(0, 500) ?? null,
          },
        );
      }
      if (values.json) out(json({ id, chain: chain.value.map((one) => one.id), faults: all, hasReadLines }));
      if (all.length > 0) throw new Refused(all.join("\n"));
      if (values.json) return;
      out(
        hasReadLines
          ? `${id} is whole.`
          : `${id}: its bytes are as they were written; without the key (--identity-file) no more is known.`,
      );
    }),
};

export const pruneBackupsCommand: Command = {
  name: "backup prune",
  usage: "[--to=<folder or s3://bucket/prefix>] [--daily=7] [--weekly=4] [--monthly=12] [--dry-run] [--json]",
  about:
    "Takes backups away that are neither the newest of a day, week or month that counts, nor needed by one that is, nor the last verified full one.",
  options: {
    ...PLACE,
    ...{ daily: { type: "string" }, weekly: { type: "string" }, monthly: { type: "string" } },
    ...{ "dry-run": { type: "boolean" }, ...JSON_OPTION },
  },
  positionals: 0,
  run: ({ values }, { env, out, err }) =>
    refusing(async () => {
      const storage = storageOf(values, env);
      const numberOf = (name: keyof Retention): number => {
        const given = values[name] ?? RETENTION[name];
        if (!/^\d{1,4}$/.test(String(given))) throw new WrongUse(`--${name} is a number of backups.`);
        return Number(given);
      };
      const retention = { daily: numberOf("daily"), weekly: numberOf("weekly"), monthly: numberOf("monthly") };
      const now = new Date();
      const { gone, kept } = await pruneBackups(storage, {
        ...{ retention, now, isDryRun: values["dry-run"] === true },
        onGone: (id) => note(env, err, { place: storage.place, id }, { pruned_at: now.toISOString() }),
      });
      if (values.json) return out(json({ gone: Object.fromEntries(gone), kept: Object.fromEntries(kept) }));
      const would = values["dry-run"] === true ? "would go" : "gone";
      const rows = [
        ...[...gone].map(([id, why]) => [id, would, why]),
        ...[...kept].map(([id, why]) => [id, "stays", why]),
      ];
      out(rows.length === 0 ? "There are no backups." : table(["id", "", "why"], rows.sort()));
    }),
};
