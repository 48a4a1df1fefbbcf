/** `switchyard backup ...`: makes backups, lists them, and proves that they are whole. */
import { readFile } from "node:fs/promises";
import { createBackup } from "../../shared/backups/create.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { schemaHash } from "../../shared/backups/manifest.ts";
import { openSources } from "../../shared/backups/sources.ts";
import { listBackups, readManifest, verifyBackup } from "../../shared/backups/verify.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { noteBackup } from "../../shared/operations/note-backup.ts";
import { type Command, JSON_OPTION, json, Refused, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";
import { createProgress } from "./progress.ts";

const PLACE = { to: { type: "string" } } as const;
const storageOf = ({ to = "backups" }: { to?: unknown }) => {
  if (String(to).includes("://")) throw new WrongUse("--to is a folder: other places are not known yet.");
  return folderStorage(String(to));
};

export const createBackupCommand: Command = {
  name: "backup create",
  usage: "[--to=<folder>] [--encrypt-to=<age1...>] [--json]",
  about: "Writes everything of every database into a folder (./backups): a full backup.",
  options: { ...PLACE, "encrypt-to": { type: "string" }, ...JSON_OPTION },
  positionals: 0,
  run: ({ values }, { env, out, err, terminal, isInterrupted }) =>
    connected(env, async ({ config, deadlines, service }) => {
      const recipient = values["encrypt-to"] === undefined ? null : String(values["encrypt-to"]);
      if (recipient !== null && !/^age1[0-9a-z]{50,}$/.test(recipient))
        throw new WrongUse("--encrypt-to is an age recipient: age1...");
      const { DATABASE_URL: controlUrl } = config;
      if (controlUrl === undefined)
        throw new Refused("A backup reads Supabase's Postgres directly: set DATABASE_URL (or SUPABASE_DB_URL).");
      const storage = storageOf(values);
      const { sources, close, ...read } = await openSources({
        ...{ controlUrl, databases: config.databases, mongoDatabase: config.MONGODB_DATABASE },
        ...{ collections: allCollections, connectMs: deadlines.connectMs },
      });
      const progress = createProgress({ out: values.json ? () => undefined : out, terminal });
      try {
        const total = sources.reduce((sum, { contents }) => sum + contents.length, 0);
        let parts = 0;
        const manifest = await createBackup({
          ...{ storage, sources, recipient, only: null, schema_hash: schemaHash(allCollections) },
          ...read,
          ...(isInterrupted && { isInterrupted }),
          onPart: () => progress.at("parts", ++parts, total),
        });
        progress.end();
        const records = manifest.parts.reduce((sum, { count }) => sum + count, 0);
        const bytes = manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
        const { id, kind, began_at, ended_at, databases } = manifest;
        const facts = { kind, began_at, ended_at, records, bytes, is_encrypted: recipient !== null };
        const place = { place: storage.place, id };
        const names = databases.map(({ name }) => name);
        (await noteBackup(service, place, { ...facts, databases: names })).mapErr(({ message }) =>
          err(`The backup is made, but is not in the operators' list: ${message}`),
        );
        out(values.json ? json(manifest) : `${id}: ${records} records, ${bytes} bytes, in ${storage.place}.`);
      } finally {
        progress.end();
        await close();
      }
    }),
};

export const listBackupsCommand: Command = {
  name: "backup list",
  usage: "[--to=<folder>] [--json]",
  about: "Lists the backups in a folder, those that were never finished among them.",
  options: { ...PLACE, ...JSON_OPTION },
  positionals: 0,
  async run({ values }, { out }) {
    const all = [...(await listBackups(storageOf(values)))];
    const rows = all.map(([id, made]) =>
      made
        ? [id, made.kind, String(made.parts.reduce((sum, { count }) => sum + count, 0)), made.recipient ?? "no"]
        : [id, "not finished", "", ""],
    );
    if (values.json) out(json(all.map(([id, manifest]) => ({ id, manifest }))));
    else out(rows.length === 0 ? "There are no backups." : table(["id", "kind", "records", "encrypted"], rows));
  },
};

export const verifyBackupCommand: Command = {
  name: "backup verify",
  usage: "<id> [--to=<folder>] [--identity-file=<file>] [--json]",
  about: "Reads every byte of a backup, and fails when it is not what was written.",
  options: { ...PLACE, "identity-file": { type: "string" }, ...JSON_OPTION },
  positionals: 1,
  async run({ positionals: [id = ""], values }, { out }) {
    const storage = storageOf(values);
    const file = values["identity-file"];
    const identity = file === undefined ? null : (await readFile(String(file), "utf8")).trim();
    const manifest = await readManifest(storage, id);
    if (manifest.isErr()) throw new Refused(`${manifest.error}.`);
    const { faults, hasReadLines } = await verifyBackup(storage, manifest.value, allCollections, identity);
    if (values.json) out(json({ id, faults, hasReadLines }));
    if (faults.length > 0) throw new Refused(faults.join("\n"));
    if (values.json) return;
    out(
      hasReadLines ? `${id} is whole.` : `${id}: its bytes are as they were written; without the key no more is known.`,
    );
  },
};
