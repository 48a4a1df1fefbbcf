/**
 * What a command changes stands in the audit, as what is changed by the API does (api/_audit.ts): a line before, and how it
 * ended. But a command is not refused because that cannot be written: some are there for when Supabase is away.
 */
import { userInfo } from "node:os";
import type { SupabaseClient } from "@supabase/supabase-js";
import { ConfigError, loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { withoutCredentials } from "../import/without-credentials.ts";
import { type Command, type ExitCode, exitCodeOf, type Given, type Io } from "./command.ts";
import { settingsOf } from "./connect.ts";

/** By name; a test has every other one looked at, too. */
const CHANGES: Readonly<Record<string, (given: Given) => boolean>> = {
  "replication conflicts": ({ positionals }) => positionals[0] === "choose",
  import: ({ values }) => values["dry-run"] !== true,
  "homes move": ({ values }) => values["dry-run"] !== true,
  // notes each migration that it runs by itself, by name: which ones they are shows only as it goes
  "migrate up": () => false,
  "migrate down": () => false,
  deploy: ({ values }) => values["dry-run"] !== true,
  "backup prune": ({ values }) => values["dry-run"] !== true,
  "replication restore": ({ values }) => values.commit === true,
  "backup restore": ({ values }) => values.yes === true,
  ...Object.fromEntries(
    [
      ...["databases add", "databases set", "databases drain", "databases remove", "db prepare", "purge"],
      ...["homes assign", "homes moves abort", "homes moves reverse", "homes moves clean"],
      ...["replication backfill", "replication repair", "replication retry"],
      ...["replication promote", "replication demote"],
      "deploy rollback",
      "import undo",
      ...["ledger deposit", "ledger yield", "ledger post", "ledger void", "ledger reverse"],
      ...["backup create"],
    ].map((name) => [name, () => true]),
  ),
};
/** Names of commands that may change something. */
export const CHANGING: readonly string[] = Object.keys(CHANGES);

/** Runs the command between the two lines, where it changes anything. */
export async function noted(command: Command, given: Given, io: Io): Promise<void> {
  if (CHANGES[command.name]?.(given) !== true) return command.run(given, io);
  return notedChange(io, { action: command.name, subjects: given.positionals, values: given.values }, () =>
    command.run(given, io),
  );
}

export interface NotedChange {
  /** the command's name */
  action: string;
  /** what it is done to */
  subjects: readonly string[];
  /** what it was asked for with */
  values: Given["values"];
}

/** Between a line that says what is about to be done, and one that says how it ended. */
export async function notedChange<T>(
  io: Pick<Io, "env" | "err">,
  { action, subjects, values }: NotedChange,
  work: () => Promise<T>,
): Promise<T> {
  const service = await serviceIn(io);
  // what is not configured the command says itself
  if (!service) return work();
  const { reason = null, json: _, ...options } = values;
  const line = {
    ...{ p_actor_id: null, p_actor: `operator (${userName()})`, p_via: "command", p_action: action },
    p_subjects: [...new Set(subjects.map((word) => word.toLowerCase()))],
    p_asked: asSaid(options),
    p_reason: reason,
  };
  const begun = await callSystem<number>(service, "switchyard_admin_note", line);
  let code: ExitCode = 0;
  try {
    return await work();
  } catch (error) {
    code = exitCodeOf(error);
    throw error;
  } finally {
    const outcome = { p_audit: begun.unwrapOr(null), p_status: code };
    const ended = begun.isErr() ? begun : await callSystem(service, "switchyard_admin_note_outcome", outcome);
    // one that fails has words of its own, mostly the same
    if (ended.isErr() && code === 0) io.err(`This is not in the audit, or not how it ended: ${ended.error.message}`);
  }
}

/** An address may hold a password, which is nobody's to read later. */
const asSaid = (options: Given["values"]): Given["values"] =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      typeof value === "string" ? withoutCredentials(value) : value,
    ]),
  );

async function serviceIn({ env }: Pick<Io, "env">): Promise<SupabaseClient | undefined> {
  try {
    const config = loadFunctionConfig(await settingsOf(env));
    return serviceClient(config, { timeoutMs: deadlinesOf(config).callMs });
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // a container's user need have no name
    return "unnamed";
  }
}
