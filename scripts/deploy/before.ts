/** Stages that change nothing that anybody sees: checks, the backup, and the build. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { loadApiConfig } from "../../shared/config.ts";
import { Refused } from "../commands/command.ts";
import { ENVIRONMENTS, fileOf } from "./environments.ts";
import { pendingMigrations } from "./migrations.ts";
import { STAMP } from "./probe.ts";
import { refuseForeignSecrets } from "./secrets.ts";
import type { Deployment, Stage } from "./stage.ts";

/** Of people: theirs is lost when it is lost. A preview has nobody's. */
export const LASTING = ENVIRONMENTS.filter((each) => each !== "preview");

export const checks: Stage = {
  name: "checks",
  about: "variables, what migrations would take away, the doctor",
  of: ENVIRONMENTS,
  async run(deployment) {
    const { env, environment, command, say, options } = deployment;
    loadApiConfig(env);
    if (environment !== "preview" && !env.API_URL)
      throw new Refused(
        `API_URL is not set in ${fileOf(environment)}: the address at which users reach the application.`,
      );
    const pending = await pendingMigrations(deployment);
    await refuseContraction(deployment, pending);
    // what the deployment itself is about to bring is missing now; an empty project has nothing for the doctor to look at
    const code = await command(["doctor", "--before-deploy"]);
    if (code !== 0) throw new Refused("The doctor has found what a deployment does not mend: see above.");
    if (options.contract)
      say("--contract: migrations may take away what older code uses; a rollback may then not work.");
    return `${pending.length} migrations are pending`;
  },
};

/** Throws `Refused` with the name and line of everything that is not an addition. */
async function refuseContraction(
  { root, options, say }: Pick<Deployment, "root" | "options" | "say">,
  pending: readonly string[],
): Promise<void> {
  // the parser is for this alone: no other command loads it
  const { offencesIn } = await import("./expand-only.ts");
  const found = [];
  for (const file of pending)
    found.push(...(await offencesIn(file, await readFile(join(root, "supabase", "migrations", file), "utf8"))));
  for (const { file, line, what } of found) say(`  ${file}:${line} ${what}`);
  if (found.length > 0 && !options.contract)
    throw new Refused(
      `${found.length} statements of pending migrations are more than additions: the version that runs would meet them. Deploy code that does not need what they take away first; then deploy them with --contract.`,
    );
}

export const backup: Stage = {
  name: "backup",
  about: "a full backup, and its verification",
  of: LASTING,
  async run({ options, command }) {
    if (options.withoutBackup !== null) return `none, because: ${options.withoutBackup}`;
    for (const words of [
      ["backup", "create", "--full"],
      ["backup", "verify"],
    ])
      if ((await command(words)) !== 0)
        throw new Refused(
          `switchyard ${words.join(" ")} failed. Mend that, or deploy without one: --without-backup=<reason>.`,
        );
    return "made and verified";
  },
};

export const build: Stage = {
  name: "build",
  about: "vercel pull, vercel build",
  of: ENVIRONMENTS,
  async run({ root, folder, environment, env, cli, state }) {
    // staging is a project of its own, whose production it is
    const target = environment === "preview" ? "preview" : "production";
    await cli("vercel", ["pull", "--yes", `--environment=${target}`]);
    const pulled = parseEnv(await readFile(join(root, ".vercel", `.env.${target}.local`), "utf8").catch(() => ""));
    await refuseForeignSecrets({ root, folder }, environment, pulled);
    const missing = Object.keys(env).filter((name) => env[name] && NEEDED.test(name) && !(name in pulled));
    if (missing.length > 0)
      throw new Refused(
        `The Vercel project lacks variables that ${fileOf(environment)} has: ${missing.join(", ")}. Give it each: npm run vercel -- env add <name> ${target}`,
      );
    await cli("vercel", ["build", "--yes", ...(target === "production" ? ["--prod"] : [])]);
    const stamp = { id: state.id, revision: state.revision };
    await writeFile(join(root, ".vercel", "output", "static", STAMP), JSON.stringify(stamp));
    return `revision ${state.revision.slice(0, 12)}`;
  },
};

/** What the application cannot do without where the environment has it. */
const NEEDED =
  /^(SUPABASE_(URL|PUBLISHABLE_KEY|SECRET_KEY)|NEXT_PUBLIC_SUPABASE_\w+|MONGODB_URI|REDIS_URL|DATABASE_(?!.*(HOST|PASSWORD)$)\w+)$/;
