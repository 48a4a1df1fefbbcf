/** Callers' rows by one connection, once it is known to lead to the database that it should. */
import { err, ok, type Result } from "neverthrow";
import { misconfigured, type RepositoryError } from "../../contract/errors.ts";
import type { Caller } from "../../repository/database.ts";
import type { Store } from "../../repository/store.ts";
import { revisionProblem, type SchemaHealth } from "../revision.ts";
import { claimsOf } from "./claims.ts";
import type { PostgresConnection } from "./connection.ts";
import { failureOf, readRefusal } from "./failures.ts";
import { createDirectStore } from "./store.ts";

export interface DirectAccess {
  scoped(caller: Caller): Promise<Result<Store, RepositoryError>>;
  /** Why the database cannot be used although it answers; null when it can. Rejects when it does not answer. */
  problem(): Promise<string | null>;
}

export interface Named {
  /** that it has to say of itself */
  name: string;
  title: string;
  /** the command that brings its schema up */
  migrate: string;
}

/** What `public.switchyard_health()` answers. */
interface Health extends SchemaHealth {
  name: string;
}

const HEALTH = "select public.switchyard_health() as health";

export function directAccess(connection: PostgresConnection, named: Named): DirectAccess {
  let isKnown = false;
  /** With the first call: a database does not become another one while it is in use. */
  const look = async (): Promise<Result<void, RepositoryError>> => {
    if (isKnown) return ok(undefined);
    try {
      const [row] = await connection.query(HEALTH);
      const problem = problemOf(row?.health as Health, named);
      if (problem !== null) return err(misconfigured(problem));
      isKnown = true;
      return ok(undefined);
    } catch (error) {
      return err(failureOf(error, readRefusal));
    }
  };
  return {
    scoped: async ({ id, home, homeEpoch, signal }) =>
      (await look()).map(() => createDirectStore({ connection, claims: claimsOf(id, home, homeEpoch), signal })),
    async problem() {
      try {
        const [row] = await connection.ask(HEALTH);
        return problemOf(row?.health as Health, named);
      } catch (error) {
        const { code, message } = failureOf(error, readRefusal);
        if (code === "misconfigured") return message;
        throw error;
      }
    },
  };
}

function problemOf(found: Health, { name, title, migrate }: Named): string | null {
  if (found.name !== name)
    return `${title} is configured with the address of another database, which calls itself "${found.name}".`;
  const problem = revisionProblem(found, migrate);
  return problem === undefined ? null : `${title}: ${problem}`;
}
