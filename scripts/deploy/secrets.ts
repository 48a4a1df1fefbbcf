/**
 * The secrets of environments: none is printed, and none is shared. Compared are fingerprints, of the whole value and of the
 * password in a URL (another database's name beside the same password is the same secret).
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../../shared/config.ts";
import { Refused } from "../commands/command.ts";
import { writeWhole } from "../whole-file.ts";
import { ACCOUNT_WIDE, ENVIRONMENTS, type EnvironmentName, readVariables } from "./environments.ts";

/** Shorter ones are words that stand anywhere. */
const LEAST_LENGTH = 6;
const NAMES =
  /(KEY|KEYS|SECRET|PASSWORD|TOKEN|URI)$|^DATABASE_|^(MONGO|REDIS|KV|SUPABASE_DB|SUPABASE_ADMIN_DB|DEPLOY_DATABASE|ALERT_WEBHOOK)_URL$/;
/** Meant for browsers. */
const PUBLIC = /PUBLISHABLE_KEY$|ANON_KEY$/;
/** Of the Vercel project, which previews and production may share. */
const OF_THE_PROJECT = ["VERCEL_AUTOMATION_BYPASS_SECRET"];

type Secret = readonly [name: string, value: string];

/** Every secret of the variables, and every password in one of their URLs. */
export function secretsIn(env: Environment): Secret[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!value || PUBLIC.test(name) || !NAMES.test(name)) return [];
    const password = URL.canParse(value) ? new URL(value).password : "";
    return [value, password, decodeURIComponent(password)]
      .filter((each, at, all) => each.length >= LEAST_LENGTH && all.indexOf(each) === at)
      .map((each) => [name, each] as const);
  });
}

/** A function that cuts them out of what is printed; the longest first, because one may hold another. */
export function redactor(env: Environment): (text: string) => string {
  const values = [...new Set(secretsIn(env).map(([, value]) => value))].sort((a, b) => b.length - a.length);
  return (text) => values.reduce((cut, value) => cut.replaceAll(value, "***"), text);
}

const fingerprint = (salt: string, value: string) => createHmac("sha256", salt).update(value).digest("hex");

/** Of an environment, by the variable's name. */
interface Known {
  salt: string;
  secrets: Record<string, string[]>;
}
/** One for each environment, written by whoever has its lock: two deployments at once write two files. */
const fileIn = (folder: string, environment: EnvironmentName) => join(folder, `${environment}.fingerprints.json`);

/** Undefined: nothing is remembered of it. */
async function known(folder: string, environment: EnvironmentName): Promise<Known | undefined> {
  const own = await readJson<Known>(fileIn(folder, environment));
  if (own) return own;
  // of all environments, as it was kept at first
  const all = await readJson<{ salt: string; environments: Partial<Record<EnvironmentName, Known["secrets"]>> }>(
    join(folder, "fingerprints.json"),
  );
  const secrets = all?.environments[environment];
  return all && secrets && { salt: all.salt, secrets };
}

async function readJson<T>(file: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Refused(`${file} is damaged: take it away, and deploy that environment first, which writes it again.`);
  }
}

/** Remembers what the environment's secrets look like, and no secret: later ones are compared where its file is not at hand. */
export async function rememberSecrets(folder: string, environment: EnvironmentName, env: Environment): Promise<void> {
  const salt = randomBytes(32).toString("hex");
  const secrets: Known["secrets"] = {};
  for (const [name, value] of comparable(env)) secrets[name] = [...(secrets[name] ?? []), fingerprint(salt, value)];
  await writeWhole(fileIn(folder, environment), JSON.stringify({ salt, secrets } satisfies Known));
}

/** Throws `Refused` when the environment has a secret of production's; says whether there was anything to compare with. */
export async function refuseForeignSecrets(
  { root, folder }: { root: string; folder: string },
  environment: EnvironmentName,
  env: Environment,
): Promise<"compared" | "nothing known"> {
  if (environment === "production") return "compared";
  // a preview is open to more people than staging is
  const others = ENVIRONMENTS.slice(ENVIRONMENTS.indexOf(environment) + 1);
  const problems: string[] = [];
  let isKnown = false;
  for (const other of others) {
    const { salt, secrets } = (await known(folder, other)) ?? { salt: "at hand", secrets: {} };
    const theirs = new Map(Object.entries(secrets));
    for (const [name, value] of comparable((await readVariables(root, other)) ?? {}))
      theirs.set(name, [...(theirs.get(name) ?? []), fingerprint(salt, value)]);
    if (other === "production") isKnown = theirs.size > 0;
    for (const [name, value] of comparable(env)) {
      const mine = fingerprint(salt, value);
      for (const [theirName, prints] of theirs)
        if (prints.some((print) => isSame(print, mine))) problems.push(`${name} is ${other}'s ${theirName}`);
    }
  }
  if (problems.length > 0)
    throw new Refused(
      `Secrets of another environment are in ${environment}: ${[...new Set(problems)].join("; ")}. Give ${environment} its own.`,
    );
  return isKnown ? "compared" : "nothing known";
}

const comparable = (env: Environment) =>
  secretsIn(env).filter(([name]) => !ACCOUNT_WIDE.includes(name) && !OF_THE_PROJECT.includes(name));

const isSame = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
