/** The schema's part of a deployment, by the Supabase CLI. */
import { Refused } from "../commands/command.ts";
import { ENVIRONMENTS, fileOf } from "./environments.ts";
import type { Deployment, Stage } from "./stage.ts";

const FILE = /\b\d{14}_[\w-]+\.sql\b/g;

/** Where the CLI finds the database: the project, with its password in a variable of the CLI's, or a connection string. */
function target({ env, environment }: Pick<Deployment, "env" | "environment">): string[] {
  if (env.DEPLOY_DATABASE_URL) return ["--db-url", env.DEPLOY_DATABASE_URL];
  if (!env.SUPABASE_DB_PASSWORD)
    throw new Refused(
      `SUPABASE_DB_PASSWORD is not set in ${fileOf(environment)}: migrations need the database's password.`,
    );
  return ["--project-ref", projectOf({ env, environment })];
}

/** The project's reference, from its address or by its own variable. Throws `Refused`. */
function projectOf({ env, environment }: Pick<Deployment, "env" | "environment">): string {
  const [, fromUrl] = /^https:\/\/([a-z0-9]{20})\.supabase\.co/.exec(env.SUPABASE_URL ?? "") ?? [];
  const found = env.SUPABASE_PROJECT_REF ?? fromUrl;
  if (!found)
    throw new Refused(
      `SUPABASE_PROJECT_REF is not set in ${fileOf(environment)}: the reference of the Supabase project.`,
    );
  return found;
}

/** Names of the files that the database does not have yet, as the CLI itself tells. */
export async function pendingMigrations(deployment: Deployment): Promise<string[]> {
  const { cli } = deployment;
  const said = await cli("supabase", ["db", "push", "--dry-run", ...target(deployment)]);
  return [...new Set(said.match(FILE) ?? [])].sort();
}

export const migrate: Stage = {
  name: "migrate",
  about: "supabase db push",
  of: ENVIRONMENTS,
  async run(deployment) {
    await deployment.cli("supabase", ["db", "push", "--yes", ...target(deployment)]);
    return "the schema is that of this revision";
  },
};

/** After the schema, which says what the databases hold; before the application, which needs it. */
export const prepare: Stage = {
  name: "prepare",
  about: "switchyard db prepare",
  of: ENVIRONMENTS,
  async run({ command }) {
    if ((await command(["db", "prepare"])) !== 0) throw new Refused("Not every database could be prepared: see above.");
    return "every database fits the definitions";
  },
};

/** They need the new schema, and the old application does not mind new ones: it never calls them. */
export const functions: Stage = {
  name: "functions",
  about: "supabase functions deploy",
  of: ENVIRONMENTS,
  async run(deployment) {
    await deployment.cli("supabase", ["functions", "deploy", "--use-api", "--project-ref", projectOf(deployment)]);
    return "deployed";
  },
};
