/** `switchyard backup drill`: whether a backup comes back to life, tried in databases of its own, and how long that takes. */
import { chainOf } from "../../shared/backups/chain.ts";
import { compareRestored } from "../../shared/backups/drill.ts";
import { restoreBackup } from "../../shared/backups/restore.ts";
import { checkChain, newerSchema, withoutPlace } from "../../shared/backups/restore-checks.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { noteBackup } from "../../shared/operations/note-backup.ts";
import { startDrillDatabases } from "../dev/drill-databases.ts";
import { identityOf, newestIn, refusing, storageOf } from "./backup.ts";
import { type Command, JSON_OPTION, json, Refused } from "./command.ts";
import { connected } from "./connect.ts";
import { createProgress } from "./progress.ts";

export const drillBackupCommand: Command = {
  name: "backup drill",
  usage: "[<id>] [--to=<folder or s3://bucket/prefix>] [--identity-file=<file>] [--json]",
  about:
    "Restores a backup (the newest) into embedded databases in a temporary folder, compares every record, account and the ledger with it, and says how long that took.",
  options: { to: { type: "string" }, "identity-file": { type: "string" }, ...JSON_OPTION },
  positionals: { least: 0, most: 1 },
  run: ({ positionals: [asked], values }, { env, out, err, terminal, isInterrupted }) =>
    refusing(async () => {
      const storage = storageOf(values, env);
      const identity = await identityOf(values["identity-file"]);
      const id = asked ?? (await newestIn(storage));
      const chain = await chainOf(storage, id);
      if (chain.isErr()) throw new Refused(`${chain.error}.`);
      const began = performance.now();
      const seconds = () => Math.round((performance.now() - began) / 100) / 10;
      const progress = createProgress({ out: values.json ? () => undefined : out, terminal });
      const checked = await checkChain(storage, chain.value, identity, (done, total) =>
        progress.at("parts looked at", done, total),
      );
      progress.end();
      if (checked.isErr()) throw new Refused(`${checked.error}.`);

      const known = new Map(chain.value.flatMap(({ databases }) => databases.map((each) => [each.name, each])));
      const databases = await startDrillDatabases([...known.values()]);
      try {
        const { control, targets } = databases;
        const given = { storage, chain: chain.value, identity, collections: allCollections, control, targets };
        const places = { collections: allCollections, databases: [...targets.keys()], homes: new Map(), only: null };
        const tooNew = await newerSchema(chain.value, control);
        if (tooNew !== null) throw new Refused(tooNew);
        const problems = withoutPlace(chain.value, places);
        if (problems.length > 0) throw new Refused(problems.join("\n"));
        const onProgress = (name: string, done: number, total: number) => progress.at(name, done, total);
        const restored = await restoreBackup({
          ...{ ...given, onProgress, homes: new Map(), user: null, only: null, isDry: false },
          ...{ choices: { overwrite: false, undelete: false }, withAccounts: false, withLedger: true },
          ...(isInterrupted && { isInterrupted }),
        });
        progress.end();
        if (restored.isErr()) throw new Refused(restored.error);
        const restoredAfter = seconds();
        const compared = await compareRestored({ ...given, onProgress });
        progress.end();
        const differences = [...restored.value.refused, ...compared.differences];
        const isSame = restored.value.refusedCount + compared.differenceCount === 0;
        const bytes = await databases.size();
        const said = { id, is_same: isSame, records: compared.records, accounts: restored.value.accounts.made };
        const took = { restored_s: restoredAfter, total_s: seconds(), bytes };
        if (isSame) await note(Math.round(performance.now() - began));
        if (values.json) out(json({ ...said, ...took, differences, left: restored.value.left }));
        else
          out(
            [
              ...restored.value.left,
              `${id}: ${said.records} records, ${said.accounts} accounts and the ledger restored in ${took.restored_s} s, compared in ${Math.round((took.total_s - took.restored_s) * 10) / 10} s; ${bytes} bytes on the disk.`,
            ].join("\n"),
          );
        if (!isSame)
          throw new Refused(
            `${restored.value.refusedCount + compared.differenceCount} differences, so this backup does not come back as it was:\n${differences.join("\n")}`,
          );
      } finally {
        progress.end();
        await databases.stop();
      }

      /** In the operators' list, where that answers: the drill is as good without. */
      async function note(ms: number): Promise<void> {
        const say = (reason: string) => err(`The operators' list of backups does not have this: ${reason}`);
        const facts = { drilled_at: new Date().toISOString(), drill_ms: ms };
        await connected(env, async ({ service }) => {
          const noted = await noteBackup(service, { place: storage.place, id }, facts);
          noted.mapErr(({ message }) => say(message));
        }).catch((error: Error) => say(error.message));
      }
    }),
};
