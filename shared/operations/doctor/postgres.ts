/** Every Postgres against this repository: its version, which migrations have run, and what its tables have. */
import type { Deadlines } from "../../deadlines.ts";
import { CONTROL_PLANE } from "../../placement/database-names.ts";
import { executeTransaction } from "../../postgres/direct/transaction.ts";
import { CONTROL_ONLY } from "../../postgres/prepare-data-plane.ts";
import { type ExpectedTable, expectedTable, PARTS } from "../../postgres/schema/expected-table.ts";
import { callSystem } from "../../postgres/system-call.ts";
import { type Check, failure, pass, warning } from "./check.ts";
import { REST } from "./connections.ts";
import type { Subject } from "./subject.ts";

/** security_invoker views and `merge` came with it; hosted projects have 15 or 17. */
const OLDEST = 15;

/** As `switchyard_inspect()` answers. */
interface Inspected {
  /** what it calls itself */
  name: string;
  server_version_num: number;
  /** null: there is no list */
  migrations: string[] | null;
  may_call_token_hook: boolean | null;
  has_token_hook: boolean;
  /** ids of users */
  leftovers: string[];
  tables: Record<string, ExpectedTable & { row_level_security: boolean }>;
}

export const MIGRATIONS = `${CONTROL_PLANE}: migrations`;
const PUSH = "npm run supabase -- db push";

/** Asked once; a new call where it has failed. */
export type Inspect = () => Promise<Inspected>;

export function inspectControl({ service }: Pick<Subject, "service">): Inspect {
  let asked: Promise<Inspected> | undefined;
  const ask = async () => {
    const answer = await callSystem<Inspected>(service, "switchyard_inspect");
    if (answer.isErr()) throw answer.error;
    return answer.value;
  };
  return () => {
    asked ??= ask().catch((error) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };
}

export function postgresChecks(subject: Subject, inspect: Inspect): Check[] {
  const others = subject.config.databases.filter(({ kind }) => kind === "postgres");
  return [
    ...checksOf(subject, { name: CONTROL_PLANE, inspect, needs: [REST], fix: `Migrate: ${PUSH}` }),
    ...others.flatMap(({ name, url, variable }) => {
      const connected = `${name}: connection`;
      const ask = () => askPlane(url, subject.deadlines);
      const prepare = `npm run switchyard -- db prepare ${name}`;
      return [
        {
          name: connected,
          fix: `Is it running, and is the URL in ${variable} right? When it is new: ${prepare}`,
          run: async () => {
            const found = await ask();
            return found.name === name
              ? pass(`answers, and is "${name}"`)
              : failure(
                  `${variable} leads to another database, which calls itself "${found.name}"`,
                  `Set ${variable} to ${name}'s own address.`,
                );
          },
        },
        ...checksOf(subject, { name, inspect: ask, needs: [connected], fix: `Prepare it: ${prepare}` }),
      ];
    }),
  ];
}

/** A data plane is no REST: the same function, by its own connection. */
async function askPlane(url: string, { connectMs }: Deadlines): Promise<Inspected> {
  const [row] = await executeTransaction({ DATABASE_URL: url, DATABASE_CONNECT_MS: connectMs }, (ask) =>
    ask("select public.switchyard_inspect() as found"),
  );
  return row?.found as Inspected;
}

interface Plane {
  name: string;
  inspect: Inspect;
  needs: readonly string[];
  fix: string;
}

function checksOf(subject: Subject, { name, inspect, needs, fix }: Plane): Check[] {
  const migrations = `${name}: migrations`;
  return [
    {
      name: migrations,
      needs,
      fix,
      run: async () => {
        const { migrations: ran } = await inspect();
        if (!ran)
          return warning(
            "it is not written down which migrations have run; its revision is right",
            "Apply migrations by the Supabase CLI, which keeps a list: npm run supabase -- db push",
          );
        const own = subject.migrations.filter(({ text }) => name === CONTROL_PLANE || !text.startsWith(CONTROL_ONLY));
        const missing = own.filter(({ version }) => !ran.includes(version));
        if (missing.length > 0)
          return failure(`${missing.length} not applied, first ${missing[0]?.version}_${missing[0]?.name}`, fix);
        const unknown = ran.filter((version) => !subject.migrations.some((each) => each.version === version));
        return unknown.length === 0
          ? pass(`all ${own.length} applied`)
          : warning(
              `${unknown.length} are applied that this code does not have, last ${unknown.at(-1)}`,
              "Run this with the code that is deployed.",
            );
      },
    },
    {
      name: `${name}: version`,
      needs: [migrations],
      fix,
      run: async () => {
        const found = major(await inspect());
        return found >= OLDEST
          ? pass(`Postgres ${found}`)
          : failure(`Postgres ${found}, and ${OLDEST} is needed`, "Upgrade it: dashboard, Settings, Infrastructure.");
      },
    },
    {
      name: `${name}: tables and indexes`,
      needs: [migrations],
      fix,
      run: async () => {
        const { tables } = await inspect();
        const wanted = subject.tables
          .map((collection) => ({ collection: collection.name, ...expectedTable(collection, subject.tables) }))
          .filter(({ isOfControl }) => name === CONTROL_PLANE || !isOfControl);
        const faults = wanted.flatMap(({ collection, ...table }) =>
          differences(table, tables[collection]).map((fault) => `${collection} ${fault}`),
        );
        if (faults.length === 0) return pass(`${wanted.length} tables have all that is defined`);
        return failure(
          few(faults),
          "All migrations have run, so somebody has changed it since. Print what it should be (npm run switchyard -- collection sql <name>), and run the statement that is missing.",
        );
      },
    },
  ];
}

function differences(wanted: ExpectedTable, found: Inspected["tables"][string] | undefined): string[] {
  if (!found) return ["has no table"];
  const missing = PARTS.flatMap((part) =>
    wanted[part].filter((name) => !found[part].includes(name)).map((name) => `lacks ${WORDS[part]} ${name}`),
  );
  return found.row_level_security ? missing : [...missing, "has no row-level security: anybody may read it"];
}

const WORDS = {
  columns: "the column",
  indexes: "the index",
  constraints: "the constraint",
  triggers: "the trigger (or it is disabled)",
  policies: "the policy",
} as const satisfies Record<(typeof PARTS)[number], string>;

export const few = (faults: readonly string[]): string =>
  `${faults.slice(0, 3).join("; ")}${faults.length > 3 ? `; and ${faults.length - 3} more` : ""}`;

const major = ({ server_version_num }: Inspected): number => Math.floor(server_version_num / 10_000);
