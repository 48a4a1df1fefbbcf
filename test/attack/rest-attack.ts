/** Ann, whose records are attacked, and those who attack them over Supabase's REST: anonymous, Eve at home beside her, Mo at home in MongoDB. */

import { userClient } from "../../shared/postgres/client.ts";
import type { Owner } from "../contract/store.ts";
import { type Body, body, byName, create, every, ownerField } from "../contract/suite/samples.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { newUser, type TestUser } from "../setup/users.ts";

export type Who = "anonymous" | "eve" | "mo";
export const WHO: readonly Who[] = ["anonymous", "eve", "mo"];

export interface RestAnswer {
  status: number;
  /** how many rows there are, as far as REST says */
  range: string | null;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  value: any;
}

interface Ask {
  input?: unknown;
  headers?: Record<string, string>;
}

export interface RestAttack {
  readonly database: OwnDatabase;
  readonly ann: TestUser;
  readonly callers: Readonly<Record<Who, TestUser | null>>;
  /** one record of each collection */
  readonly anns: ReadonlyMap<string, Body & { id: string }>;
  readonly eves: ReadonlyMap<string, Body & { id: string }>;
  /** every relation that REST could show, with its columns; PostgREST makes its schema of the same catalogues */
  readonly relations: readonly { name: string; columns: string[] }[];
  /** throws for a 5xx */
  ask(who: Who, method: string, path: string, more?: Ask): Promise<RestAnswer>;
  /** everything that is Ann's, as it stands in the tables */
  belongings(): Promise<unknown>;
}

export async function startRestAttack(): Promise<RestAttack> {
  const database = await startOwnDatabase();
  const make = (home: "supabase" | "mongodb") => newUser({ home, on: database });
  const [ann, eve, mo] = [await make("supabase"), await make("supabase"), await make("mongodb")];
  const callers = { anonymous: null, eve, mo };
  const config = { SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey };
  const recordsOf = async (user: TestUser) => {
    const { repository } = postgresRepositories({ client: userClient(config, user.jwt), userId: user.id });
    const owner: Owner = { userId: user.id, repository };
    const records = new Map<string, Body & { id: string }>();
    for (const name of every) {
      const amount = byName(name).money && { amount: "1.50" };
      records.set(name, await create(owner, name, { ...(await body(owner, name, "full")), ...amount }));
    }
    return records;
  };
  const [anns, eves] = [await recordsOf(ann), await recordsOf(eve)];

  return {
    database,
    ann,
    callers,
    anns,
    eves,
    relations: await database.sql(
      `select c.relname as name, array_agg(a.attname::text order by a.attname) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'p', 'f')
         and a.attnum > 0 and not a.attisdropped
       group by 1`,
    ),
    async ask(who, method, path, { input, headers = {} } = {}) {
      const user = callers[who];
      const response = await fetch(`${database.url}/rest/v1/${path}`, {
        method,
        headers: {
          apikey: database.publishableKey,
          ...(user && { authorization: `Bearer ${user.jwt}` }),
          ...(input !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(input !== undefined && { body: JSON.stringify(input) }),
      });
      const text = await response.text();
      const said = `${who} ${method} ${path}: ${response.status} ${text.slice(0, 500)}`;
      if (response.status >= 500) throw new Error(said);
      try {
        const value: unknown = text ? JSON.parse(text) : null;
        return { status: response.status, range: response.headers.get("content-range"), text, value };
      } catch {
        throw new Error(`${said} is no JSON`);
      }
    },
    belongings: () =>
      Promise.all(
        [...every, "user_database_assignments"].map((name) =>
          database.sql(
            `select to_jsonb(t)::text as row from public.${name} t where ${ownerField(name)} = $1 order by 1`,
            [ann.id],
          ),
        ),
      ),
  };
}
