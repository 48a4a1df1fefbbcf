/** `switchyard backup restore`: shows what would come back, and brings it back. */
import { chainOf } from "../../shared/backups/chain.ts";
import { BadPart } from "../../shared/backups/codec.ts";
import { naming, RESTORE_GOES_ON } from "../../shared/backups/failures.ts";
import { schemaHash } from "../../shared/backups/manifest.ts";
import { type Restored, type RestoreOptions, restoreBackup } from "../../shared/backups/restore.ts";
import { checkChain, newerSchema, withoutPlace } from "../../shared/backups/restore-checks.ts";
import { openTargets } from "../../shared/backups/restore-targets.ts";
import { connectSql } from "../../shared/backups/sql.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { identityOf, refusing, storageOf } from "./backup.ts";
import { type Command, type Given, JSON_OPTION, json, Refused, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";
import { createProgress } from "./progress.ts";

/** `from=to`, with commas between several. */
function homesIn(given: unknown): Map<string, string> {
  const homes = new Map<string, string>();
  for (const pair of given === undefined ? [] : String(given).split(",")) {
    const [, from, to] = /^([a-z][a-z0-9_]*)=([a-z][a-z0-9_]*)$/.exec(pair.trim()) ?? [];
    if (!from || !to) throw new WrongUse("--home is <from>=<to>, with commas between several.");
    homes.set(from, to);
  }
  return homes;
}

function collectionsIn(given: unknown): Set<string> | null {
  if (given === undefined) return null;
  const names = String(given)
    .split(",")
    .map((name) => name.trim());
  const unknown = names.find((name) => !allCollections.some((collection) => collection.name === name));
  if (unknown !== undefined) throw new WrongUse(`There is no collection "${unknown}".`);
  return new Set(names);
}

export const restoreBackupCommand: Command = {
  name: "backup restore",
  usage:
    "<id> [--to=<folder or s3://bucket/prefix>] [--identity-file=<file>] [--user=<id or address>] [--collection=<name>,...] [--home=<from>=<to>,...] [--overwrite] [--undelete] [--with-account] [--without-ledger] [--yes] [--json]",
  about:
    "Looks at every byte of a backup, says what would come back of it, and brings it back with --yes. What was changed since stays unless --overwrite, what was deleted since unless --undelete. Safe to interrupt, and to run twice.",
  options: {
    to: { type: "string" },
    "identity-file": { type: "string" },
    user: { type: "string" },
    collection: { type: "string" },
    home: { type: "string" },
    overwrite: { type: "boolean" },
    undelete: { type: "boolean" },
    "with-account": { type: "boolean" },
    "without-ledger": { type: "boolean" },
    yes: { type: "boolean" },
    ...JSON_OPTION,
  },
  positionals: 1,
  run: ({ positionals: [id = ""], values }: Given, { env, out, terminal, isInterrupted }) =>
    refusing(() =>
      connected(env, async ({ config, deadlines }) => {
        const { DATABASE_URL: controlUrl } = config;
        if (controlUrl === undefined)
          throw new Refused("A restore writes Supabase's Postgres directly: set DATABASE_URL (or SUPABASE_DB_URL).");
        const storage = storageOf(values, env);
        const identity = await identityOf(values["identity-file"]);
        const homes = homesIn(values.home);
        const only = collectionsIn(values.collection);
        const say = values.json ? () => undefined : out;
        const progress = createProgress({ out: say, terminal });

        const chain = await chainOf(storage, id);
        if (chain.isErr()) throw new Refused(`${chain.error}. Nothing was written.`);
        const isWhole = await checkChain(storage, chain.value, identity, (done, total) =>
          progress.at("parts looked at", done, total),
        );
        progress.end();
        if (isWhole.isErr()) throw new Refused(`${isWhole.error}. Nothing was written.`);
        const connect = () => connectSql(controlUrl, deadlines.connectMs);
        const control = await naming("supabase", connect, "Nothing was written.");
        try {
          const targets = await openTargets({
            ...{ control, databases: config.databases, mongoDatabase: config.MONGODB_DATABASE },
            ...{ collections: allCollections, connectMs: deadlines.connectMs },
          });
          try {
            const places = { collections: allCollections, databases: [...targets.all.keys()], homes, only };
            const tooNew = await newerSchema(chain.value, control);
            if (tooNew !== null) throw new Refused(`${tooNew} Nothing was written.`);
            const problems = withoutPlace(chain.value, places);
            if (problems.length > 0) throw new Refused(`${problems.join("\n")}\nNothing was written.`);
            if (chain.value.at(-1)?.schema_hash !== schemaHash(allCollections))
              say(
                "The collections are defined differently now: fields that are new are empty, those that are gone are left out.",
              );
            const options: Omit<RestoreOptions, "isDry"> = {
              ...{ storage, chain: chain.value, identity, collections: allCollections, control, targets: targets.all },
              ...{ homes, only, user: values.user === undefined ? null : String(values.user).trim() },
              choices: { overwrite: values.overwrite === true, undelete: values.undelete === true },
              withAccounts: values["with-account"] === true,
              withLedger: values["without-ledger"] !== true,
              onProgress: (name, done, total) => progress.at(name, done, total),
              ...(isInterrupted && { isInterrupted }),
            };
            const isDry = values.yes !== true;
            const done = await restored({ ...options, isDry }, () => progress.end());
            if (values.json) out(json({ id, is_dry: isDry, ...done }));
            say(inWords(done, isDry));
            if (isDry) return say("Nothing was written: do it with --yes.");
            if (done.refusedCount > 0)
              throw new Refused(`${done.refusedCount} were refused; everything else is there.`);
          } finally {
            await targets.close();
          }
        } finally {
          progress.end();
          await control.close();
        }
      }),
    ),
};

async function restored(options: RestoreOptions, end: () => void): Promise<Restored> {
  const done = await naming("supabase", () => restoreBackup(options), RESTORE_GOES_ON).catch((error: unknown) => {
    // it was whole when it was looked at
    if (error instanceof BadPart) throw new Refused(`${error.message}. ${RESTORE_GOES_ON}`);
    throw error;
  });
  end();
  if (done.isErr()) throw new Refused(`${done.error} Nothing was written.`);
  return done.value;
}

/** Columns of the table, and what they count. */
const COLUMNS = {
  back: ["missing"],
  replaced: ["replaced"],
  "there already": ["same"],
  "changed since": ["newer"],
  "deleted since": ["deleted"],
  "as new versions": ["renewed"],
  refused: ["refused"],
} as const;

function inWords({ accounts, ledger, collections, refused, left }: Restored, isDry: boolean): string {
  const rows = Object.entries(collections).map(([name, counts]) => [
    name,
    ...Object.values(COLUMNS).map(([key]) => String(counts[key] ?? 0)),
  ]);
  const books = {
    empty: "would be restored",
    restored: "restored, and checked",
    same: "there already",
    other: "left alone",
  };
  return [
    `Accounts: ${accounts.new} new${isDry ? "" : ` (${accounts.made} made)`}, ${accounts.living} there, ${accounts.gone} deleted since, ${accounts.taken} whose address is another account's.`,
    ledger === null ? "Ledger: not asked for." : `Ledger: ${books[ledger]}.`,
    ...(rows.length > 0 ? [table(["collection", ...Object.keys(COLUMNS)], rows)] : []),
    ...refused,
    ...left,
  ].join("\n");
}
