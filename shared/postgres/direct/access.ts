/** Callers' rows by one connection, once it is known to lead to the database that it should. */
import { err, ok, type Result } from "neverthrow";
import { misconfigured, type RepositoryError } from "../../contract/errors.ts";
import type { Collection } from "../../definition/define.ts";
import type { Caller, Finding } from "../../repository/database.ts";
import type { Store } from "../../repository/store.ts";
import { revisionProblem, type SchemaHealth, writeProblem } from "../revision.ts";
import { claimsIn } from "./claims.ts";
import type { PostgresConnection } from "./connection.ts";
import { failureOf, readRefusal } from "./failures.ts";
import { createDirectStore } from "./store.ts";

export interface DirectAccess {
  /** Whether this is the database that it should be, and fit to be used. */
  ready(): Promise<Result<void, RepositoryError>>;
  scoped(caller: Caller): Promise<Result<Store, RepositoryError>>;
  /** Why the database cannot be used although it answers; null when it can. Rejects when it does not answer. */
  problem(): Promise<Finding>;
}

export interface Named {
  /** that it has to say of itself */
  name: string;
  title: string;
  /** the command that brings its schema up */
  migrate: string;
  /** what is kept there, by name */
  all: ReadonlyMap<string, Collection>;
  /** the id that it must have, where another way leads to it; undefined while that cannot be known */
  expected?: (() => Promise<string | undefined>) | undefined;
}

/** What `public.switchyard_health()` answers. */
interface Health extends SchemaHealth {
  id: string;
  name: string;
}

const HEALTH = "select public.switchyard_health() as health";

export function directAccess(connection: PostgresConnection, named: Named): DirectAccess {
  const { all } = named;
  let isKnown = false;
  /** With the first call: a database does not become another one while it is in use. */
  const look = async (): Promise<Result<void, RepositoryError>> => {
    if (isKnown) return ok(undefined);
    try {
      const [row] = await connection.query(HEALTH);
      const problem = await problemOf(row?.health as Health, named);
      if (problem !== null) return err(misconfigured(problem));
      isKnown = true;
      return ok(undefined);
    } catch (error) {
      return err(failureOf(error, readRefusal));
    }
  };
  return {
    ready: look,
    scoped: async (caller) => {
      const { scope, signal } = caller;
      return (await look()).map(() => createDirectStore({ connection, claims: claimsIn(caller), scope, all, signal }));
    },
    async problem() {
      try {
        const [row] = await connection.ask(HEALTH);
        const found = row?.health as Health;
        return (await problemOf(found, named)) ?? writeProblem(found, named.title) ?? null;
      } catch (error) {
        const { code, message } = failureOf(error, readRefusal);
        if (code === "misconfigured") return message;
        throw error;
      }
    },
  };
}

async function problemOf(found: Health, { name, title, migrate, expected }: Named): Promise<string | null> {
  if (found.name !== name)
    return `${title} is configured with the address of another database, which calls itself "${found.name}".`;
  const id = await expected?.();
  if (id !== undefined && id !== found.id) return `${title}: DATABASE_URL leads to another project than SUPABASE_URL.`;
  const problem = revisionProblem(found, migrate);
  return problem === undefined ? null : `${title}: ${problem}`;
}
