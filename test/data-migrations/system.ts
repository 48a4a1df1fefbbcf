/** Homes of every kind with users who have contacts, and runs of migrations over all of them. */
import type { Environment } from "../../shared/config.ts";
import { createDataMigrationsControl } from "../../shared/data-migrations/control.ts";
import { databasesOf, type MigratedDatabase } from "../../shared/data-migrations/databases.ts";
import { type LoadedMigration, type RunOptions, runDataMigration } from "../../shared/data-migrations/run.ts";
import type { DataMigration } from "../../shared/definition/data-migration.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import type { TestUser } from "../setup/users.ts";

export type Contact = { id: string; name: string; note: string | null; version: number; updated_at: string };

let count = 0;
/** A file of that migration that nobody has run. */
export const fileOf = (migration: unknown, checksum = "1"): LoadedMigration => ({
  name: `20270101${String(++count).padStart(6, "0")}_test`,
  checksum,
  migration: migration as DataMigration,
});

export interface MigratingSystem extends MovingSystem {
  migrations: ReturnType<typeof createDataMigrationsControl>;
  databasesOf(collection: Collection): Promise<MigratedDatabase[]>;
  run(file: LoadedMigration, more?: Partial<RunOptions>): ReturnType<typeof runDataMigration>;
  /** That many contacts of a new user there, with notes. */
  userWith(home: string, notes: readonly (string | null)[]): Promise<TestUser<string>>;
  contactsOf(user: TestUser<string>): Promise<Contact[]>;
  /** As if whoever has it had died long ago. */
  leaseEnds(): Promise<unknown>;
}

/** `more`: further variables, of runs and instances. */
export async function startMigratingSystem(prefix: string, more: Environment = {}): Promise<MigratingSystem> {
  const system = await startMovingSystem(prefix, more);
  const { control, registry, service } = system;
  const migrations = createDataMigrationsControl(service);
  const databases = async (collection: Collection) => {
    const listed = (await createAssignments(service).databases())._unsafeUnwrap();
    return databasesOf(collection, registry, listed)._unsafeUnwrap();
  };
  const contactsOf = async (user: TestUser<string>): Promise<Contact[]> => {
    const { items } = (await system.callerOf(user)("GET", "/contacts?limit=200&sort=created_at")).body;
    return items;
  };
  return {
    ...system,
    migrations,
    databasesOf: databases,
    contactsOf,
    run: async (file, more = {}) =>
      runDataMigration({
        ...{ control: migrations, file, direction: "up", holder: "test" },
        databases: await databases(file.migration.collection),
        ...more,
      }),
    async userWith(home, notes) {
      const user = await system.user(home);
      const call = system.callerOf(user);
      for (const [at, note] of notes.entries()) {
        const made = await call("POST", "/contacts", { name: `Contact ${at}`, note });
        if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      }
      return user;
    },
    leaseEnds: () =>
      control.sql("update switchyard.data_migrations set leased_until = now() where leased_until is not null"),
  };
}
