/** What an import needs: a Supabase of the file's own, two homes, the API, and the command that is run as an operator runs it. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { runCommand } from "../../scripts/commands/index.ts";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import { type Environment, loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import type { HomeCopy } from "../../shared/repository/home-copy.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type Caller, callerOf } from "../attack/caller.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";

interface Ran {
  code: number;
  out: string;
  err: string;
}

export interface ImportingSystem {
  control: OwnDatabase;
  env: Environment;
  service: SupabaseClient;
  /** `import <words>`, in this process */
  run(...words: readonly string[]): Promise<Ran>;
  /** the same, whose answer is JSON */
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  runJson(...words: readonly string[]): Promise<any>;
  /** `onNew`: calls an instance of the API that begins now, and has heard of everything. */
  signIn(email: string, password: string, onNew?: boolean): Promise<Caller>;
  copy(home: string): Promise<HomeCopy>;
  /** How many records of that user are in that home, tombstones and all. */
  recordsIn(home: string, userId: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startImportingSystem(prefix: string): Promise<ImportingSystem> {
  const control = await startOwnDatabase();
  const mongoUri = await preparedMongo(prefix);
  const env = { SUPABASE_URL: control.url, SUPABASE_SECRET_KEY: control.secretKey, MONGODB_URI: mongoUri };
  const config = loadFunctionConfig(env);
  const quiet = { auth: { persistSession: false, autoRefreshToken: false } };
  const service = createClient(control.url, control.secretKey, quiet);
  const registry = createRegistry({
    ...{ config, service, collections: allCollections, deadlines: deadlinesOf(config), appName: "test" },
  });
  const instance = () => startApi({ on: control, mongoUri });
  const instances = [await instance()];
  const run = async (...words: readonly string[]): Promise<Ran> => {
    const said = { out: [] as string[], err: [] as string[] };
    const code = await runCommand(["import", ...words], {
      env,
      out: (text) => said.out.push(text),
      err: (text) => said.err.push(text),
    });
    return { code, out: said.out.join("\n"), err: said.err.join("\n") };
  };
  const copy = async (home: string) => {
    const database = registry.get(home);
    if (!database) throw new Error(`no home ${home}`);
    return database.copy();
  };
  return {
    ...{ control, env, service, run, copy },
    async runJson(...words) {
      const { code, out, err } = await run(...words, "--json");
      if (code !== 0 && code !== 3) throw new Error(`exit code ${code}: ${err}\n${out}`);
      const said = JSON.parse(out);
      // what a script goes by
      if ((code === 3) !== (said.failed ?? said.unfit ?? 0) > 0) throw new Error(`exit code ${code}: ${out}`);
      return said;
    },
    async signIn(email, password, onNew = false) {
      const anyone = createClient(control.url, control.publishableKey, quiet);
      const { data, error } = await anyone.auth.signInWithPassword({ email, password });
      if (error) throw error;
      if (onNew) instances.unshift(await instance());
      return callerOf(instances[0] as ApiInstance, { jwt: data.session.access_token });
    },
    async recordsIn(home, userId) {
      const digests = await (await copy(home)).digests(userId, homeCollections);
      return Object.values(digests).reduce((sum, { count, deleted }) => sum + count + deleted, 0);
    },
    async stop() {
      for (const each of instances) await each.close();
      await closeAll(registry);
      await control.stop();
    },
  };
}

/** As bcrypt's own libraries write it; cheap. */
export async function hashed({ control }: Pick<ImportingSystem, "control">, password: string): Promise<string> {
  const [made] = await control.sql<{ hash: string }>(
    "select extensions.crypt($1::text, extensions.gen_salt('bf', 4)) as hash",
    [password],
  );
  return (made?.hash ?? "").replace(/^\$2a/, () => "$2b");
}
