/**
 * Preview, staging and production: each has its own variables, in `.env.<environment>`, and none of another's secrets. What the
 * shell has of Switchyard's own variables is another environment's as likely as not, and counts only where the shell says which
 * one it is (SWITCHYARD_ENVIRONMENT), as a workflow does.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { type Environment, otherNames } from "../../shared/config.ts";
import { Refused, WrongUse } from "../commands/command.ts";

export const ENVIRONMENTS = ["preview", "staging", "production"] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

/** Of the person or the workflow that deploys, and their machine, and the same for every environment. */
export const ACCOUNT_WIDE: readonly string[] = [
  ...["VERCEL_TOKEN", "SUPABASE_ACCESS_TOKEN", "VERCEL_ORG_ID", "DEPLOY_VERCEL", "DEPLOY_SUPABASE"],
];

export const fileOf = (environment: EnvironmentName) => `.env.${environment}`;

/** Throws `WrongUse`. */
export function environmentNamed(name: unknown): EnvironmentName {
  const found = ENVIRONMENTS.find((each) => each === (name ?? "production"));
  if (found === undefined) throw new WrongUse(`--environment is one of ${ENVIRONMENTS.join(", ")}.`);
  return found;
}

/** The variables of the file; undefined when there is none. */
export async function readVariables(root: string, environment: EnvironmentName): Promise<Environment | undefined> {
  try {
    return parseEnv(await readFile(join(root, fileOf(environment)), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What everything that is run for the environment gets. Throws `Refused` when nobody knows its variables. */
export async function environmentOf(root: string, name: EnvironmentName, shell: Environment): Promise<Environment> {
  const own = await readVariables(root, name);
  const known = await knownNames();
  const isOfShell = shell.SWITCHYARD_ENVIRONMENT === name;
  if (own === undefined && !isOfShell)
    throw new Refused(
      `There is no ${fileOf(name)}: write the variables of ${name} there (.env.example names them), or set SWITCHYARD_ENVIRONMENT=${name} where the shell has them.`,
    );
  const misspelt = Object.keys(own ?? {}).filter((each) => !known.has(each) && !isDatabase(each));
  if (misspelt.length > 0)
    throw new Refused(`${fileOf(name)} has variables that nothing reads: ${misspelt.join(", ")}. See .env.example.`);
  const rest = Object.entries(shell).filter(
    ([each]) => isOfShell || ACCOUNT_WIDE.includes(each) || !(known.has(each) || isDatabase(each)),
  );
  return { ...Object.fromEntries(rest), ...own, SWITCHYARD_ENVIRONMENT: name };
}

const isDatabase = (name: string) => /^DATABASE_[A-Z0-9_]+$/.test(name);

/** `.env.example` names every variable; a test holds it to that. */
async function knownNames(): Promise<ReadonlySet<string>> {
  const text = await readFile(new URL("../../.env.example", import.meta.url), "utf8");
  return new Set([
    ...(text.match(/^(?:# )?[A-Z][A-Z0-9_]+(?==)/gm) ?? []).map((each) => each.replace("# ", "")),
    ...otherNames,
  ]);
}
