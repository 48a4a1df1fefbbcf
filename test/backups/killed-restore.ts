/** A process that restores, and kills itself (SIGKILL) right after the so manieth time that it has come to a step. */

import { chainOf } from "../../shared/backups/chain.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { restoreBackup } from "../../shared/backups/restore.ts";
import { openTargets } from "../../shared/backups/restore-targets.ts";
import { connectSql } from "../../shared/backups/sql.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig } from "../../shared/config.ts";

const [folder = "", id = "", step = "", nth = "1"] = process.argv.slice(2);
const { DATABASE_URL = "", databases, MONGODB_DATABASE } = loadFunctionConfig(process.env);
const control = await connectSql(DATABASE_URL, 60_000);
const targets = await openTargets({
  ...{ control, databases, mongoDatabase: MONGODB_DATABASE, collections: allCollections, connectMs: 60_000 },
});
let left = Number(nth);
const storage = folderStorage(folder);
const chain = (await chainOf(storage, id))._unsafeUnwrap();
await restoreBackup({
  ...{ storage, chain, identity: null, collections: allCollections, control, targets: targets.all, homes: new Map() },
  ...{ user: null, only: null, choices: { overwrite: false, undelete: false }, withAccounts: false, withLedger: true },
  isDry: false,
  at(reached) {
    if (reached === step && --left === 0) process.kill(process.pid, "SIGKILL");
  },
});
process.exit(0);
