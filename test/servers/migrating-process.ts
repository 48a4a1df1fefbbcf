/**
 * A process that runs the migration of `data-migration-files/`, as the command does. It says which point it has passed, and stands still there
 * until it is told to go on; so whoever started it may end it there. "half": in the middle of a batch.
 */
import { fileURLToPath } from "node:url";
import { readDataMigrations } from "../../scripts/data-migration-files.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig, processEnvironment } from "../../shared/config.ts";
import type { Direction } from "../../shared/data-migrations/change.ts";
import { createDataMigrationsControl } from "../../shared/data-migrations/control.ts";
import { databasesOf, type MigratedDatabase } from "../../shared/data-migrations/databases.ts";
import { runDataMigration } from "../../shared/data-migrations/run.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";

const [, , direction] = process.argv;
const config = loadFunctionConfig(processEnvironment());
const service = serviceClient(config);
const registry = createRegistry({
  ...{ config, service, collections: allCollections, deadlines: deadlinesOf(config), appName: "test-migrating" },
});

let goOn = () => {};
process.on("message", () => goOn());
process.on("disconnect", () => process.exit(1));
const point = async (name: string): Promise<void> => {
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  process.send?.(name);
  await told;
};

/** Writes a batch in two halves, as far as whoever looks can tell. */
const inHalves = ({ name, changes }: MigratedDatabase): MigratedDatabase => ({
  name,
  async changes() {
    const { page, change } = await changes();
    return {
      page,
      async change(collection, wanted) {
        const first = await change(collection, wanted.slice(0, 1));
        await point("half");
        return [...first, ...(await change(collection, wanted.slice(1)))];
      },
    };
  },
});

const [file] = await readDataMigrations(fileURLToPath(new URL("data-migration-files/", import.meta.url)));
if (!file) throw new Error("there is no file");
const listed = (await createAssignments(service).databases())._unsafeUnwrap();
const databases = databasesOf(file.migration.collection, registry, listed)._unsafeUnwrap();
const ran = await runDataMigration({
  ...{ control: createDataMigrationsControl(service), file, direction: direction as Direction, holder: "a process" },
  databases: databases.map(inHalves),
  onPoint: point,
});
await closeAll(registry);
if (ran.isErr()) console.error(ran.error.message);
process.exit(ran.isOk() ? 0 : 1);
