/** Whether what is configured is there, and lets in who asks with the keys and passwords that are configured. */

import { createAssignments } from "../../placement/assignment.ts";
import { CONTROL_PLANE, titleOf, variableOf } from "../../placement/database-names.ts";
import { executeTransaction } from "../../postgres/direct/transaction.ts";
import { MIGRATE_FIRST } from "../../postgres/states.ts";
import { callSystem } from "../../postgres/system-call.ts";
import { type Check, failure, pass, warning } from "./check.ts";
import type { Subject } from "./subject.ts";

export const REST = "supabase: REST";
export const AUTH = "supabase: Auth";
const DIRECT = "supabase: direct connection";

const KEY_FIX =
  "Set SUPABASE_SECRET_KEY to a secret key of this very project: dashboard, Settings, API Keys (sb_secret_..., or the service_role key).";
const URL_FIX =
  "Set SUPABASE_URL to the project's own address, https://<ref>.supabase.co; a free project that was paused is resumed in the dashboard.";

export function connectionChecks(subject: Subject): Check[] {
  const { config } = subject;
  return [
    { name: REST, fix: URL_FIX, run: () => askRest(subject) },
    { name: AUTH, needs: [REST], fix: URL_FIX, run: () => askAuth(subject) },
    ...(config.DATABASE_URL
      ? [
          {
            name: DIRECT,
            needs: [REST],
            fix: "Set DATABASE_URL to the connection string of this very project: dashboard, Connect; from a function, that of the pooler in transaction mode.",
            run: () => askDirectly(subject),
          },
        ]
      : []),
    {
      name: "databases: listed and open",
      needs: [REST],
      fix: "Run: npm run switchyard -- databases",
      run: () => askListed(subject),
    },
  ];
}

async function askRest({ config, fetch }: Subject) {
  const answer = await fetch(`${config.SUPABASE_URL}/rest/v1/rpc/switchyard_health`, {
    method: "POST",
    headers: { apikey: config.SUPABASE_SECRET_KEY, "content-type": "application/json", ...bearer(config) },
    body: "{}",
  });
  const body = await answer.text();
  if (answer.ok) return pass("answers, and takes the secret key");
  if (answer.status === 401 || answer.status === 403) return failure("refuses the secret key", KEY_FIX);
  if (answer.status === 404) {
    const isRest = body.includes("PGRST");
    return isRest
      ? failure("has no function switchyard_health", `The migrations have not been applied. ${MIGRATE_FIRST}`)
      : failure("is no Supabase: there is no REST at that address", URL_FIX);
  }
  return failure(`answers with status ${answer.status}`, URL_FIX);
}

/** Keys of the old kind are tokens, too; of the new kind they are no tokens. */
const bearer = ({ SUPABASE_SECRET_KEY: key }: Subject["config"]): Record<string, string> =>
  key.startsWith("sb_") ? {} : { authorization: `Bearer ${key}` };

async function askAuth({ service }: Subject) {
  const { error } = await service.auth.admin.listUsers({ page: 1, perPage: 1 });
  if (!error) return pass("answers, and lets the secret key administer users");
  if (error.status === 401 || error.status === 403) return failure("refuses the secret key", KEY_FIX);
  return failure(`does not answer as it should (${error.status ?? error.name})`, URL_FIX);
}

/** Another database than the one behind REST would be written to in its place. */
async function askDirectly({ config, deadlines, service }: Subject) {
  const [row] = await executeTransaction(
    { DATABASE_URL: config.DATABASE_URL, DATABASE_CONNECT_MS: deadlines.connectMs },
    (ask) => ask("select to_regclass('switchyard.self') is not null as has_self, current_user::text as role"),
  );
  const wrong = failure(
    "DATABASE_URL leads to another database than SUPABASE_URL",
    "Take both from one project: dashboard, Connect.",
  );
  if (!row?.has_self) return wrong;
  const [self] = await executeTransaction(
    { DATABASE_URL: config.DATABASE_URL, DATABASE_CONNECT_MS: deadlines.connectMs },
    (ask) => ask("select id::text from switchyard.self"),
  );
  const known = await callSystem<{ id: string }>(service, "switchyard_health");
  if (known.isErr()) throw known.error;
  return self?.id === known.value.id ? pass(`answers, as ${row.role}, and is the database behind REST`) : wrong;
}

async function askListed({ config, service }: Subject) {
  const rows = await createAssignments(service).databases();
  if (rows.isErr()) throw rows.error;
  const here = new Set([CONTROL_PLANE, ...config.databases.map(({ name }) => name)]);
  const listed = new Set(rows.value.map(({ name }) => name));
  const unlisted = config.databases.find(({ name }) => !listed.has(name));
  if (unlisted)
    return failure(
      `${unlisted.variable} is set, and "${unlisted.name}" is not listed`,
      `Run: npm run switchyard -- databases add ${unlisted.name}`,
    );
  const used = rows.value.find(({ name, opened_at }) => opened_at !== null && !here.has(name));
  if (used)
    return failure(
      `${titleOf(used.name)} has taken users, and is not configured here`,
      `Set ${variableOf(used.name)}, here and wherever the API and the edge functions run.`,
    );
  const closed = rows.value.find(({ name, opened_at }) => opened_at === null && here.has(name));
  if (closed)
    return failure(
      `${closed.name} has never been opened, so nobody gets it as a home`,
      `Run: npm run switchyard -- db prepare ${closed.name}`,
    );
  const open = rows.value.filter(({ accepting }) => accepting);
  if (open.length === 0)
    return warning(
      "No database takes new users: sign-ups are refused",
      `Run: npm run switchyard -- databases set ${CONTROL_PLANE} --accepting=true`,
    );
  return pass(`new users get ${open.map(({ name }) => name).join(" or ")}`);
}
