/** Any Postgres but Supabase's own as one of the product's databases: a data plane, reached by Postgres' own protocol. */
import { err, ok, type Result } from "neverthrow";
import { misconfigured, type RepositoryError } from "../../contract/errors.ts";
import type { Collection } from "../../definition/define.ts";
import type { Caller, Database, EngineOptions } from "../../repository/database.ts";
import type { Store } from "../../repository/store.ts";
import { prepareDataPlane } from "../prepare-data-plane.ts";
import { revisionProblem, type SchemaHealth } from "../revision.ts";
import { claimsOf } from "./claims.ts";
import { createPostgresConnection, type PostgresConnection } from "./connection.ts";
import { failureOf, readRefusal } from "./failures.ts";
import { createDirectStore } from "./store.ts";

/** What `public.switchyard_health()` answers. */
interface Health extends SchemaHealth {
  name: string;
}

const HEALTH = "select public.switchyard_health() as health";
/** Records that one call deletes. */
const PURGE_BATCH = 1_000;

export function postgresDatabase(options: EngineOptions): Database {
  const { name, title, appName, maxPoolSize, schema } = options;
  const connection = connectionOf(options);
  let isKnown = false;

  /** Looked at with the first call: a database does not become another one while it is in use. */
  const known = async (): Promise<Result<void, RepositoryError>> => {
    if (isKnown) return ok(undefined);
    try {
      const [row] = await connection.query(HEALTH);
      const problem = problemOf(row?.health as Health, options);
      if (problem !== null) return err(misconfigured(problem));
      isKnown = true;
      return ok(undefined);
    } catch (error) {
      return err(failureOf(error, readRefusal));
    }
  };

  return {
    name,
    title,
    kind: "postgres",
    path: "direct",
    scoped: async (caller) => (await known()).map(() => storeOf(connection, caller)),
    system: {
      probe: async () => ok(await problemAt(connection, options)),
      async prepare(self) {
        if (!schema) throw new Error(`${title} is prepared by the command line: switchyard db prepare ${name}`);
        await prepareDataPlane(connection, { ...self, ...(await schema()) });
      },
      async purge(userId) {
        for (;;) {
          const [row] = await connection.query("select public.switchyard_purge_records($1, $2) as deleted", [
            userId,
            PURGE_BATCH,
          ]);
          if (Number(row?.deleted) === 0) return;
        }
      },
      count: (counted) => countRows(connection, counted),
    },
    close: () => connection.close(),
  };

  function connectionOf({ url, deadlines, onPool }: EngineOptions): PostgresConnection {
    return createPostgresConnection(url, {
      appName,
      deadlines,
      onPool,
      ...(maxPoolSize !== undefined && { maxPoolSize }),
    });
  }
}

/** One caller's rows by that connection, under their role and claims. */
export const storeOf = (connection: PostgresConnection, { id, home, homeEpoch, signal }: Caller): Store =>
  createDirectStore({ connection, claims: claimsOf(id, home, homeEpoch), signal });

/** Why the database cannot be used although it answers; null when it can. Rejects when it does not answer. */
export async function problemAt(
  connection: PostgresConnection,
  options: Pick<EngineOptions, "name" | "title">,
): Promise<string | null> {
  try {
    const [row] = await connection.ask(HEALTH);
    return problemOf(row?.health as Health, options);
  } catch (error) {
    const { code, message } = failureOf(error, readRefusal);
    if (code === "misconfigured") return message;
    throw error;
  }
}

function problemOf(found: Health, { name, title }: Pick<EngineOptions, "name" | "title">): string | null {
  if (found.name !== name)
    return `${title} is configured with the address of another database, which calls itself "${found.name}".`;
  const problem = revisionProblem(found, `switchyard db prepare ${name}`);
  return problem === undefined ? null : `${title}: ${problem}`;
}

/** Null for a table that cannot be counted in time. */
async function countRows(connection: PostgresConnection, collections: readonly Collection[]) {
  const counts: Record<string, number | null> = {};
  for (const { name } of collections)
    counts[name] = await connection
      // the name is a definition's: letters, digits and _
      .query(`select count(*) from public."${name}"`)
      .then(([row]) => Number(row?.count));
  return counts;
}
